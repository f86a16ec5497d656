"""Whether tensors are equal or close, elementwise and as a whole."""

from __future__ import annotations

from ..core.tensor import Tensor
from . import rules
from .derived import isfinite, isnan
from .elementwise import abs, bitwise_and, bitwise_or, eq, le, sub
from .reduction import all

__all__ = ["allclose", "equal", "is_nonzero", "isclose"]
METHODS = ["allclose", "equal", "is_nonzero", "isclose"]


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``, or both are the same infinity (nan with ``equal_nan``).

    RuntimeError where the dtypes differ or a tolerance is negative.
    """
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{rules.what(input.dtype)} did not match {rules.what(other.dtype)}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    close = eq(input, other)
    if equal_nan and input.dtype.category >= 2:
        close = bitwise_or(close, bitwise_and(isnan(input), isnan(other)))
    if (rtol == 0 and atol == 0) or not input.dtype.category:
        return close
    error = abs(sub(input, other))
    within = le(error, abs(other) * rtol + atol)
    return bitwise_or(close, bitwise_and(isfinite(error), within))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close (see ``isclose``)."""
    return bool(all(isclose(input, other, rtol, atol, equal_nan)))


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shape and all elements are equal."""
    return tuple(input.shape) == tuple(other.shape) and bool(all(eq(input, other)))


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero; RuntimeError where there are more or none."""
    if input.numel() != 1:
        what = "no values" if not input.numel() else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
    return bool(input)
