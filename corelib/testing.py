"""``torch.testing``: comparison of tensors with an error that says where they differ, and random tensors."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import ops
from .dtypes import bfloat16, complex64, complex128, dtype, float16, float32, float64, int64, promote_types
from .tensor import Tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

_TOLERANCES = {
    float16: (1e-3, 1e-5), bfloat16: (1.6e-2, 1e-5), float32: (1.3e-6, 1e-5), float64: (1e-7, 1e-7),
    complex64: (1.3e-6, 1e-5), complex128: (1e-7, 1e-7),
}  # fmt: skip


def _defaults(*tensors: Tensor) -> tuple[float, float]:
    """(rtol, atol) for the widest tolerances among the dtypes."""
    pairs = [_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in tensors]
    return max(p[0] for p in pairs), max(p[1] for p in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere; shapes and dtypes too.

    Takes tensors, numbers, and nested sequences and mappings of them.  Without ``rtol`` and ``atol`` those of the dtype
    are used; giving only one is a ValueError.
    """
    if (rtol is None) != (atol is None):
        given, other = ("rtol", "atol") if atol is None else ("atol", "rtol")
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or unspecified, but got no {other} and {given}="
            f"{rtol if atol is None else atol}."
        )
    options = (rtol, atol, equal_nan, check_device, check_dtype, check_stride, allow_subclasses)
    fault = _difference(actual, expected, "", options)
    if fault is not None:
        raise AssertionError(fault if msg is None else msg(fault) if callable(msg) else msg)


def _difference(actual: Any, expected: Any, where: str, options: tuple[Any, ...]) -> str | None:
    """What is wrong, or None."""
    place = f"\n\nThe failure occurred for item {where}" if where else ""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if set(actual) != set(expected):
            keys = f"{sorted(actual, key=str)} != {sorted(expected, key=str)}"
            return f"The keys of the mappings do not match: {keys}{place}"
        pairs = [(f"{where}[{k!r}]", actual[k], expected[k]) for k in expected]
    elif _listed(expected) and _listed(actual):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{place}"
        pairs = [(f"{where}[{i}]", a, e) for i, (a, e) in enumerate(zip(actual, expected, strict=True))]
    else:
        fault = _of_pair(actual, expected, *options)
        return None if fault is None else fault + place
    return next((f for w, a, e in pairs if (f := _difference(a, e, w, options)) is not None), None)


def _listed(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _of_pair(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_device: bool,
    check_dtype: bool,
    check_stride: bool,
    allow_subclasses: bool,
) -> str | None:
    numbers = (bool, int, float, complex)
    cannot = TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")
    if not isinstance(actual, Tensor) and not isinstance(expected, Tensor):
        if actual is None and expected is None:
            return None
        if not (isinstance(actual, numbers) and isinstance(expected, numbers)):
            raise cannot
        actual, expected = (ops.tensor(x, dtype=float64 if isinstance(x, float) else None) for x in (actual, expected))
    if not isinstance(actual, Tensor) or not isinstance(expected, Tensor):
        raise cannot
    if not allow_subclasses and type(actual) is not type(expected):
        return f"The types do not match: {type(actual)} != {type(expected)}."
    if tuple(actual.shape) != tuple(expected.shape):
        shapes = f"{actual.shape} != {expected.shape}"
        return f"The values for attribute 'shape' do not match: {shapes}."
    if check_device and actual.device != expected.device:
        return f"The values for attribute 'device' do not match: {actual.device} != {expected.device}."
    if check_dtype and actual.dtype is not expected.dtype:
        return f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}."
    if check_stride and actual.stride() != expected.stride():
        return f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
    r, a = _defaults(actual, expected) if rtol is None or atol is None else (rtol, atol)
    return _of_values(actual.detach(), expected.detach(), r, a, equal_nan)


def _of_values(actual: Tensor, expected: Tensor, rtol: float, atol: float, equal_nan: bool) -> str | None:
    common = promote_types(actual.dtype, expected.dtype)
    common = int64 if common.category < 2 else common
    x, y = actual.cpu().to(common), expected.cpu().to(common)
    gap = ops.abs(x - y)
    close = ops.eq(x, y) | (ops.le(gap, atol + rtol * ops.abs(y)) & ops.isfinite(y))
    if equal_nan:
        close = close | (ops.isnan(x) & ops.isnan(y))
    if bool(close.all()):
        return None
    wrong = ops.logical_not(close)
    title = "Tensor-likes" if actual.ndim else "Scalars"
    exact = not rtol and not atol
    head = f"{title} are not {'equal' if exact else 'close'}!\n\n"
    up_to = ["" if exact else f" (up to {limit} allowed)" for limit in (atol, rtol)]
    if not actual.ndim:
        a, e = actual.item(), expected.item()  # as Python's numbers, which have no dtype to round to
        difference = builtins.abs(a - e)
        ratio = difference / builtins.abs(e) if e else float("inf")
        return (
            f"{head}Expected {e} but got {a}.\n"
            f"Absolute difference: {difference}{up_to[0]}\n"
            f"Relative difference: {ratio}{up_to[1]}"
        )
    count = int(wrong.sum())
    worst = ops.where(wrong, gap, 0)
    flat = int(worst.reshape(-1).argmax())
    index = tuple(map(int, _unravel(flat, tuple(actual.shape))))
    ratios = ops.where(wrong, gap / ops.abs(y), 0.0)
    other = _unravel(int(ratios.reshape(-1).argmax()), tuple(actual.shape))
    return (
        f"{head}Mismatched elements: {count} / {actual.numel()} ({100 * count / actual.numel():.1f}%)\n"
        f"Greatest absolute difference: {worst[index].item()} at index {index}{up_to[0]}\n"
        f"Greatest relative difference: {ratios[other].item()} at index {other}{up_to[1]}"
    )


def _unravel(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.append(i)
    return tuple(reversed(index))


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older form of :func:`assert_close`: dtypes may differ, and nan equals nan."""
    actual = actual if isinstance(actual, Tensor) else ops.tensor(actual)
    expected = expected if isinstance(expected, Tensor) else ops.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = _defaults(actual, expected)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip


def make_tensor(
    *shape: Any,
    dtype: dtype,
    device: Any = None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random values in [low, high): by default [-9, 9), [0, 10) for uint8, [0, 2) for bool.

    Args:
        noncontiguous: leave every other element of the memory out (for two elements or more).
        exclude_zero: 1 in the place of zeros.
    """
    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    bottom: float
    top: float
    bottom, top = (0, 2) if dtype.category == 0 else (0, 10) if not dtype.is_signed else (-9, 9)
    bottom, top = bottom if low is None else low, top if high is None else high
    if bottom >= top:
        raise ValueError(f"make_tensor: low must be less than high, but got {bottom} >= {top}")
    wide = (*size[:-1], 2 * size[-1]) if noncontiguous and size else size
    if dtype.is_complex:
        parts = ops.rand(*wide, 2, dtype=dtype.to_real(), device=device) * (top - bottom) + bottom
        result = ops.view_as_complex(parts)
    elif dtype.is_floating_point:
        result = (ops.rand(*wide, dtype=float64, device=device) * (top - bottom) + bottom).to(dtype)
    else:
        result = ops.randint(int(bottom), int(top), wide, device=device).to(dtype)
    if noncontiguous and size:
        result = result[..., ::2]
    if exclude_zero:
        result = ops.where(ops.eq(result, 0), 1, result).to(dtype)
    return result.detach().requires_grad_(requires_grad)
