"""Samples: small descriptions of calls, from which tests, conformance and docs make real ones.

A sample says what to call a primitive with; arrays are described (shape, dtype, range, layout), not
made, so that importing definitions costs nothing and every consumer makes the same bits from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..dtypes import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)

__all__ = ["ArraySpec", "Sample", "array", "binary", "calls", "make", "unary"]

FLOATS = (float32, float64, float16, bfloat16)
INTEGERS = (int64, int32, uint8, int8, int16)
COMPLEX = (complex64, complex128)
LAYOUTS = ("contiguous", "transposed", "offset", "expanded", "strided")


@dataclass(frozen=True)
class ArraySpec:
    """An operand to make: random values in [low, high] (or the given values), in one of the LAYOUTS."""

    shape: tuple[int, ...]
    dtype: dtype = float32
    low: float = -3.0
    high: float = 3.0
    layout: str = "contiguous"
    seed: int = 0
    values: tuple[Any, ...] | None = None
    unique: bool = False  # no two elements equal (sorts and extrema with one answer)


@dataclass(frozen=True)
class Sample:
    """One call: positional arguments (with ArraySpec for tensors), and the error it must raise, if any."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    error: type[Exception] | None = None
    gradient: bool = True  # whether its gradient is defined at these inputs

    @property
    def dtype(self) -> dtype:
        """Of the first array."""
        return next(a.dtype for a in _specs(self.args))

    def with_dtype(self, d: dtype) -> Sample:
        """The same call with floating arrays of another floating dtype."""

        def change(a: Any) -> Any:
            if isinstance(a, ArraySpec):
                return replace(a, dtype=d) if a.dtype.is_floating_point else a
            if isinstance(a, (list, tuple)):
                return type(a)(change(x) for x in a)
            return a

        return replace(self, args=tuple(change(a) for a in self.args))


def _specs(args: Any) -> Iterator[ArraySpec]:
    for a in args:
        if isinstance(a, ArraySpec):
            yield a
        elif isinstance(a, (list, tuple)):
            yield from _specs(a)


def array(*shape: int, **options: Any) -> ArraySpec:
    """An ArraySpec."""
    return ArraySpec(shape, **options)


def make(spec: ArraySpec) -> np.ndarray[Any, Any]:
    """The host array of a spec, of exactly ``spec.shape`` and contiguous (layouts are applied by consumers)."""
    rng = np.random.default_rng((spec.seed, *spec.shape, len(spec.dtype.name)))
    d = spec.dtype
    if spec.values is not None:
        return np.array(spec.values, dtype=d.numpy).reshape(spec.shape)
    if d is bool_:
        return rng.random(spec.shape) < 0.5
    if d.category == 1:
        low = max(int(spec.low), 0) if not d.is_signed else int(spec.low)
        values = rng.integers(low, max(int(spec.high), low) + 1, spec.shape)
        return values.astype(d.numpy)
    if d.is_complex:
        parts = rng.uniform(spec.low, spec.high, (2, *spec.shape))
        return (parts[0] + 1j * parts[1]).astype(d.numpy)
    if spec.unique:
        count = int(np.prod(spec.shape))
        values = rng.permutation(np.linspace(spec.low, spec.high, max(count, 1)))[:count].reshape(spec.shape)
        return values.astype(d.numpy)
    return rng.uniform(spec.low, spec.high, spec.shape).astype(d.numpy)


def _dtypes(categories: str) -> tuple[dtype, ...]:
    table = {"b": (bool_,), "i": INTEGERS, "f": FLOATS, "c": COMPLEX}
    return tuple(d for c in categories for d in table[c])


def unary(
    low: float = -3.0, high: float = 3.0, *, accepts: str = "fi", rejects: str = "", gradient: bool = True
) -> Callable[[], list[Sample]]:
    """Samples of an elementwise function of one operand on [low, high]."""

    def samples() -> list[Sample]:
        made = []
        for d in _dtypes(accepts):
            made.append(Sample((array(2, 3, dtype=d, low=low, high=high),), gradient=gradient))
        main = _dtypes(accepts)[0]
        for layout in LAYOUTS[1:]:
            made.append(
                Sample((array(3, 4, dtype=main, low=low, high=high, layout=layout, seed=1),), gradient=gradient)
            )
        for shape in ((), (0,), (2, 0, 3), (17,)):
            made.append(Sample((ArraySpec(shape, main, low, high, seed=2),), gradient=gradient))
        for d in _dtypes(rejects):
            made.append(Sample((array(2, dtype=d),), error=RuntimeError))
        return made

    return samples


def binary(
    low: float = -3.0,
    high: float = 3.0,
    *,
    low2: float | None = None,
    high2: float | None = None,
    accepts: str = "fi",
    rejects: str = "",
    gradient: bool = True,
    numbers: tuple[Any, ...] = (2, 1.5),
) -> Callable[[], list[Sample]]:
    """Samples of an elementwise function of two operands; the second in [low2, high2]."""
    second_low = low if low2 is None else low2
    second_high = high if high2 is None else high2

    def samples() -> list[Sample]:
        def pair(a: tuple[int, ...], b: tuple[int, ...], d: dtype, d2: dtype | None = None, **kw: Any) -> Sample:
            x = ArraySpec(a, d, low, high, seed=3, **kw)
            y = ArraySpec(b, d2 or d, second_low, second_high, seed=4)
            return Sample((x, y), gradient=gradient)

        dtypes = _dtypes(accepts)
        made = [pair((2, 3), (2, 3), d) for d in dtypes]
        main = dtypes[0]
        made += [pair((3, 4), (3, 4), main, layout=layout) for layout in LAYOUTS[1:]]
        for a, b in (
            ((2, 3), (3,)),
            ((2, 1), (1, 3)),
            ((), (3,)),
            ((3,), ()),
            ((), ()),
            ((0,), (1,)),
            ((2, 0), (1, 0)),
        ):
            made.append(pair(a, b, main))
        for number in numbers:
            if not (isinstance(number, float) and "f" not in accepts):
                made.append(Sample((array(2, 3, dtype=main, low=low, high=high, seed=5), number), gradient=gradient))
        for first, second in ((float32, float64), (float32, int64), (int64, int32), (uint8, int8), (float16, float32)):
            if first in dtypes and second in dtypes:
                made.append(pair((2, 3), (2, 3), first, second))
        made.append(Sample((array(2, 3, dtype=main), array(4, dtype=main)), error=RuntimeError))
        for d in _dtypes(rejects):
            made.append(Sample((array(2, dtype=d), array(2, dtype=d)), error=RuntimeError))
        return made

    return samples


def calls(*samples: Sample | Sequence[Any]) -> Callable[[], list[Sample]]:
    """Samples written out: each a Sample, or a tuple of arguments."""
    return lambda: [s if isinstance(s, Sample) else Sample(tuple(s)) for s in samples]
