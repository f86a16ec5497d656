"""How results are held to what was expected: by bits, in units of the last place, or against a sum's bound."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Limits", "bits", "close", "limits", "same", "within"]

Array = Any


class Limits:
    """What a floating dtype can hold: ``digits`` of precision, least exponent and largest number."""

    def __init__(self, digits: int, least: int, largest: float) -> None:
        self.digits, self.least, self.largest = digits, least, largest
        self.unit = 2.0 ** (1 - digits)


_LIMITS = {
    "float16": Limits(11, -14, 65504.0),
    "bfloat16": Limits(8, -126, float.fromhex("0x1.fep+127")),
    "float32": Limits(24, -126, float(np.finfo(np.float32).max)),
    "float64": Limits(53, -1022, float(np.finfo(np.float64).max)),
    "complex64": Limits(24, -126, float(np.finfo(np.float32).max)),
    "complex128": Limits(53, -1022, float(np.finfo(np.float64).max)),
}


def limits(dtype: Any) -> Limits:
    """Of a NumPy dtype (or its name)."""
    return _LIMITS[dtype if isinstance(dtype, str) else np.dtype(dtype).name]


def bits(values: Array) -> Array:
    """The bytes of an array as unsigned integers of its elements' size."""
    values = np.ascontiguousarray(values)
    size = values.dtype.itemsize
    if values.dtype.kind == "c":
        return values.reshape(-1).view(f"u{size // 2}")
    return values.reshape(-1).view(f"u{size}")


def _where(bad: Array, got: Array, expected: Array, message: str) -> str:
    place = np.unravel_index(int(np.argmax(bad)), bad.shape) if bad.ndim else ()
    count = int(np.count_nonzero(bad))
    at = tuple(int(i) for i in place)
    return f"{message}: {count} of {bad.size} differ, first at {at}: got {got[place]!r}, expected {expected[place]!r}"


def same(got: Array, expected: Array, message: str = "values", payload: bool = False) -> None:
    """The same shape, dtype and bits; any nan equals any other unless ``payload`` says otherwise."""
    expected = np.asarray(expected)
    assert got.shape == expected.shape, f"{message}: shape {got.shape}, expected {expected.shape}"
    assert got.dtype == expected.dtype, f"{message}: dtype {got.dtype}, expected {expected.dtype}"
    if got.tobytes() == expected.tobytes() or not got.size:
        return
    bad = bits(got) != bits(expected)
    if got.dtype.kind == "c":
        bad = bad.reshape(-1, 2).any(1)
    bad = bad.reshape(got.shape)
    if not payload and got.dtype.kind not in "biu":
        with np.errstate(all="ignore"):
            bad &= ~(np.isnan(got) & np.isnan(expected))
    assert not bad.any(), _where(bad, got, expected, message)


def ulps(got: Array, exact: Array, low: Array | float = 0.0, scale_of: Array | float = 0.0) -> Array:
    """The errors in units of the last place of ``got``'s dtype; exact is ``exact + low``, both float64.

    Where ``scale_of`` is larger than the exact value, the unit is that of ``scale_of``: what cancels may be as far
    off as what it was made of.

    A result that is nan must be nan (the error is inf otherwise), an infinity counts as the first number that
    does not fit, and an exact value that rounds to infinity as that.
    """
    limit = limits(got.dtype)
    wide = got.astype(np.float64)
    exact = np.asarray(exact, np.float64)
    with np.errstate(all="ignore"):
        size = np.maximum(np.where(np.isfinite(exact), np.abs(exact), 1.0), scale_of)
        exponent = np.where(size == 0, limit.least, np.maximum(np.frexp(size)[1] - 1, limit.least))
        scale = -(exponent - limit.digits + 1)
        beyond = np.abs(exact) > limit.largest * (1 + limit.unit / 4) if limit.digits < 53 else np.isinf(exact)
        # scaled in two steps, since one factor may overflow where the dtype is float64
        half = scale // 2
        error = np.abs(np.ldexp(np.ldexp((wide - exact) - low, half), scale - half))
        top = np.ldexp(np.ldexp(np.ldexp(1.0, 1000) * 0 + limit.largest - np.abs(exact), half), scale - half) + 1
        error = np.where(
            np.isinf(wide) & np.isfinite(exact), np.where(np.sign(wide) == np.sign(exact), top, np.inf), error
        )
        error = np.where(
            beyond, np.where(np.sign(wide) == np.sign(exact), np.where(np.isinf(wide), 0, 1), np.inf), error
        )
        error = np.where(np.isinf(exact), np.where(wide == exact, 0, np.inf), error)
        nan = np.isnan(exact)
        error = np.where(nan | np.isnan(wide), np.where(nan & np.isnan(wide), 0, np.inf), error)
    return error


def close(
    got: Array,
    exact: Array,
    units: float,
    message: str = "values",
    low: Array | float = 0.0,
    zeros: bool = True,
    scale_of: Array | float = 0.0,
) -> float:
    """Within so many units of the last place; with ``zeros`` an exact zero has its sign.  Returns the largest error."""
    exact = np.asarray(exact)
    assert got.shape == exact.shape, f"{message}: shape {got.shape}, expected {exact.shape}"
    if got.dtype.kind in "biu":
        same(got, exact.astype(got.dtype), message)
        return 0.0
    if got.dtype.kind == "c":
        return _close_complex(got, exact, units, message)
    error = ulps(got, exact, low, scale_of)
    bad = error > units
    if zeros:
        bad |= (exact == 0) & (low == 0) & (got == 0) & (np.signbit(got) != np.signbit(exact))
    assert not bad.any(), _where(bad, got, exact, f"{message}: error {np.max(error):.4g} ULP, allowed {units:.4g}")
    return float(np.max(error, initial=0.0))


def _close_complex(got: Array, exact: Array, units: float, message: str) -> float:
    unit = limits(got.dtype).unit
    wide = got.astype(np.complex128)
    with np.errstate(all="ignore"):
        error = np.abs(wide - exact) / np.maximum(np.abs(exact) * unit, np.finfo(got.dtype).tiny)
        agree = (wide == exact) | (np.isnan(wide) & np.isnan(exact)) | (np.isinf(wide) & np.isinf(exact))
        error = np.where(agree, 0, np.where(np.isnan(error), np.inf, error))
    bad = error > units
    assert not bad.any(), _where(bad, got, exact, f"{message}: error {np.max(error):.4g} units, allowed {units:.4g}")
    return float(np.max(error, initial=0.0))


def within(got: Array, exact: Array, bound: Array, message: str = "values") -> None:
    """No element further from the exact value than the bound that is its own; nan where and only where expected."""
    exact = np.asarray(exact)
    assert got.shape == exact.shape, f"{message}: shape {got.shape}, expected {exact.shape}"
    wide = got.astype(np.complex128 if got.dtype.kind == "c" else np.float64)
    with np.errstate(all="ignore"):
        good = (wide == exact) | (np.isnan(wide) & np.isnan(exact)) | (np.abs(wide - exact) <= bound)
    bad = ~np.broadcast_to(good, exact.shape)
    assert not bad.any(), _where(bad, got, exact, f"{message}: beyond the bound")
