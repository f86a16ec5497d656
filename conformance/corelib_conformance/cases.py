"""Operator cases: one for every sample of every primitive's definition, to run on any device.

``check`` makes the sample's operands on the device in the sample's layouts, calls the primitive, and holds
values to the oracle, and dtype, shape and density to the rule.  It also sees that operands are unchanged,
that an elementwise result does not depend on the layout, that a kernel of an optional primitive equals the
decomposition, and that what must be refused is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import corelib
from corelib.backend.errors import UnsupportedPrimitive
from corelib.backend.registry import registry
from corelib.core.plan import Result
from corelib.core.tensor import Tensor
from corelib.device import Device
from corelib.dtypes import complex128, dtype, float64
from corelib.layout import Layout
from corelib.ops import PRIMITIVES
from corelib.ops.primitive import Primitive
from corelib.ops.samples import ArraySpec, LayoutSpec, Sample, Seed, lay_out, specs

from .oracles import FACTORS, ORACLES, ULPS, VIEWS

__all__ = ["Case", "arguments", "cases", "check", "decomposed"]

_ELEMENTWISE = frozenset(ULPS) | {
    "neg", "abs", "floor", "round", "bitwise_not", "sign_real", "conj_physical", "maximum", "minimum", "eq", "lt", "le",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "where", "relu",
    "trunc_divide", "copy", "cast", "gelu",
}  # fmt: skip
_EXACT = frozenset({*VIEWS, "gather", "scatter", "sort", "cummax", "cummin", "amax", "amin", "cat", "fill", "transfer"})


@dataclass(frozen=True)
class Case:
    """One call of one primitive; ``id`` names it the same in every run."""

    id: str
    primitive: Primitive
    sample: Sample


def cases() -> Iterator[Case]:
    """Every case, in the order of the definitions."""
    for name, prim in PRIMITIVES.items():
        for i, sample in enumerate(prim.samples() if prim.samples is not None else ()):
            yield Case(f"{name}-{i}-{_describe(sample)}", prim, sample)


def _describe(sample: Sample) -> str:
    described = [
        f"{spec.dtype.name}[{','.join(map(str, spec.shape))}]" + ("" if layout == "contiguous" else f" {layout}")
        for spec in specs(sample.args)
        for layout in [getattr(spec, "layout", "contiguous")]
    ]
    return " ".join([*described, *(["refused"] if sample.error else [])])


def arguments(sample: Sample, device: Device) -> tuple[Any, ...]:
    """The sample's arguments on a device."""
    return tuple(_made(a, device) for a in sample.args)


def _made(argument: Any, device: Device) -> Any:
    if isinstance(argument, ArraySpec):
        return lay_out(argument, lambda host: corelib.tensor(host, device=device))
    if isinstance(argument, LayoutSpec):
        return Layout.of(argument.shape, argument.dtype, device)
    if isinstance(argument, Seed):
        return corelib.Generator().manual_seed(argument.value)
    if isinstance(argument, list):
        return [_made(a, device) for a in argument]
    return argument


def check(case: Case, device: Device | str) -> None:
    """Run a case; AssertionError where the device does not do what the definition says."""
    prim, sample = case.primitive, case.sample
    device = corelib.ops.movement.place(device)
    backend = registry.get(device.type)
    dtypes = [spec.dtype for spec in specs(sample.args)] + [a for a in sample.args if isinstance(a, dtype)]
    if not all(backend.device_supports(d, device.index or 0) for d in dtypes):
        _refused(prim, sample, device, TypeError)
        return
    if sample.error is not None:
        _refused(prim, sample, device, sample.error)
        return
    args = arguments(sample, device)
    before = [_host(t) for t in _tensors(args)]
    ruled = _rule(prim, args)
    made = [o.dtype for o in _layouts(ruled) if o is not None and prim.kind != "view"]
    if not all(backend.device_supports(d, device.index or 0) for d in made):
        _refused(prim, sample, device, TypeError)
        return
    try:
        results = _call(prim, args)
    except UnsupportedPrimitive:
        if prim.required or prim.decomposition is not None:
            raise
        return  # of an optional tier, and the backend has not taken it
    for result, layout in zip(results, _layouts(ruled), strict=True):
        assert layout is not None, "a result that was not asked for"
        _same_layout(prim, result, layout)
    for tensor, host in zip(_tensors(args), before, strict=True):
        _same_bits(_host(tensor), host, "an operand was changed")
    got = [_host(r) for r in results]
    if prim.name in FACTORS:
        _factors(prim, sample, before[0], got)
        return
    for values, expected in zip(got, _expected(prim, sample, ruled), strict=True):
        _near(prim, values, expected, sample)
    if prim.name in _ELEMENTWISE and any(
        getattr(s, "layout", "contiguous") != "contiguous" for s in specs(sample.args)
    ):
        dense = replace(sample, args=tuple(_dense(a) for a in args))
        _same_bits(got[0], _host(_call(prim, dense.args)[0]), "the result depends on the operands' layout")
    if prim.decomposition is not None and prim.name in backend.kernels:
        with decomposed(prim.name, device):
            again = _call(prim, arguments(sample, device))
        for values, result in zip(got, again, strict=True):
            _near(prim, values, _host(result), sample)


@contextmanager
def decomposed(name: str, device: Device) -> Iterator[None]:
    """Within this block the device has no kernel for a primitive, so that its decomposition runs."""
    kernels = registry.get(device.type).kernels
    kernel = kernels.pop(name, None)
    try:
        _tables_changed()
        yield
    finally:
        if kernel is not None:
            kernels[name] = kernel
        _tables_changed()


def _tables_changed() -> None:
    for callback in registry.on_change:
        callback()


def _refused(prim: Primitive, sample: Sample, device: Device, error: type[Exception]) -> None:
    try:
        _call(prim, arguments(sample, device))
        registry.get(device.type).synchronize(device.index or 0)  # where an asynchronous device raises
    except error:
        return
    raise AssertionError(f"{prim.name} must raise {error.__name__}")


def _call(prim: Primitive, args: tuple[Any, ...]) -> tuple[Tensor, ...]:
    result = prim.function(*args)
    return result if isinstance(result, tuple) else (result,)


def _rule(prim: Primitive, args: tuple[Any, ...]) -> Result:
    bound = prim.signature.bind(*args)
    bound.apply_defaults()
    return prim.rule(*[_descriptor(a) if n in prim.operands else a for n, a in bound.arguments.items()])


def _descriptor(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x._layout
    if isinstance(x, list):
        return tuple(t._layout for t in x)
    return type(x) if isinstance(x, (bool, int, float, complex)) else x


def _layouts(ruled: Result) -> tuple[Layout | None, ...]:
    return ruled.layout if isinstance(ruled.layout, tuple) else (ruled.layout,)


def _tensors(args: Any) -> list[Tensor]:
    return [t for a in args for t in (_tensors(a) if isinstance(a, list) else [a] if isinstance(a, Tensor) else [])]


def _dense(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x


def _host(tensor: Tensor) -> Any:
    return registry.get(tensor.device.type).download(tensor._array, tensor._layout)


# -- what is expected ------------------------------------------------------------------------------------


def _expected(prim: Primitive, sample: Sample, ruled: Result) -> list[Any]:
    """The results in wider numbers: by the oracle, or by the decomposition in float64 on the CPU."""
    cpu = Device("cpu")
    args = arguments(sample, cpu)
    if prim.name in ("random_bits", "nextafter"):  # known answers are in the frontend's tests
        return [_host(_call(prim, args)[0])]
    if prim.name not in ORACLES:
        wide = tuple(_widened(a) for a in args)
        with decomposed(prim.name, cpu):
            return [_host(r) for r in _call(prim, wide)]
    count = len(prim.operands)
    given = [
        _wide(_hosted(a), ruled.cast[i] if ruled.cast is not None and i < len(ruled.cast) else None)
        for i, a in enumerate(args[:count])
    ]
    with np.errstate(all="ignore"):
        result = ORACLES[prim.name](*given, *ruled.statics)
    return list(result) if isinstance(result, tuple) else [result]


def _widened(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x.to(float64) if x.dtype.category == 2 else x.to(complex128) if x.dtype.category == 3 else x
    return [_widened(y) for y in x] if isinstance(x, list) else x


def _hosted(x: Any) -> Any:
    return _host(x) if isinstance(x, Tensor) else [_hosted(y) for y in x] if isinstance(x, list) else x


def _wide(x: Any, cast: dtype | None) -> Any:
    """An operand as the kernel gets it, floats then widened."""
    if isinstance(x, list):
        return [_wide(y, cast) for y in x]
    if cast is not None:
        with np.errstate(all="ignore"):
            x = np.asarray(x).astype(cast.numpy)
    if not isinstance(x, np.ndarray) or x.dtype.kind in "biu":
        return x
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


# -- comparisons -----------------------------------------------------------------------------------------


def _same_layout(prim: Primitive, result: Tensor, layout: Layout) -> None:
    found, host = result._layout, _host(result)
    assert found.shape == layout.shape, f"shape {found.shape}, by the rule {layout.shape}"
    assert found.dtype is layout.dtype, f"dtype {found.dtype}, by the rule {layout.dtype}"
    assert found.device is layout.device, f"on {found.device}, by the rule {layout.device}"
    assert prim.kind == "view" or found.contiguous, f"not dense: {found}"
    assert host.shape == tuple(layout.shape), f"the kernel gave shape {host.shape}, the rule says {layout.shape}"
    assert host.dtype == layout.dtype.numpy, f"the kernel gave {host.dtype}, the rule says {layout.dtype}"


def _same_bits(got: Any, expected: Any, message: str) -> None:
    assert got.tobytes() == np.ascontiguousarray(expected).tobytes(), f"{message}:\n{got}\n{expected}"


def _factors(prim: Primitive, sample: Sample, operand: Any, got: list[Any]) -> None:
    """What holds of a factorization, whatever signs and phases it has; to the precision of its factors."""
    wide = np.complex128 if any(x.dtype.kind == "c" for x in (operand, *got)) else np.float64
    for found, expected in FACTORS[prim.name](operand.astype(wide), *sample.args[1:], *[x.astype(wide) for x in got]):
        _near(prim, found.astype(got[-1].dtype), expected, sample)


def _near(prim: Primitive, got: Any, expected: Any, sample: Sample) -> None:
    """Within the error that the primitive's family allows."""
    expected = np.asarray(expected)
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    with np.errstate(all="ignore"):
        if got.dtype.kind in "biu":
            np.testing.assert_array_equal(got, expected.astype(got.dtype))
            return
        limits = corelib.finfo(corelib.tensor(got[:0] if got.ndim else got).dtype)
        wide = np.complex128 if got.dtype.kind == "c" else np.float64
        exact = expected.astype(got.dtype).astype(wide)
        got = got.astype(wide)
        if prim.name in (_ELEMENTWISE | _EXACT) - {"gelu"}:
            # a half-precision result is a wider one rounded: one unit covers both roundings
            units = ULPS.get(prim.name, 0) if limits.eps < 1e-4 else min(ULPS.get(prim.name, 0), 1)
            allowed = max(units - 0.5, 0) * np.maximum(np.abs(exact), limits.tiny) * limits.eps
            if got.dtype.kind == "c":
                allowed = 8 * np.abs(exact) * limits.eps
        else:  # sums: each of n terms, of the size of the operands or the result, may add a rounding
            terms = max([int(np.prod(s.shape)) for s in specs(sample.args)])
            size = np.max(np.abs(exact), initial=1.0, where=np.isfinite(exact))
            allowed = 4 * max(terms, 8) * limits.eps * size
    both = (got == exact) | (np.isnan(got) & np.isnan(exact))
    with np.errstate(all="ignore"):
        good = both | (np.abs(got - exact) <= allowed)
    assert good.all(), f"{prim.name}: error {np.nanmax(np.abs(got - exact))}\ngot {got}\nexpected {exact}"
