"""Samples: small descriptions of calls, from which tests, conformance and docs make real ones.

A sample says what to call a primitive with; arrays are described (shape, dtype, range, layout), not
made, so that importing definitions costs nothing and every consumer makes the same bits from the seed.
"""

from __future__ import annotations

import ast
import builtins
import re
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
from ..dtypes import dtype as DType

__all__ = [
    "ArraySpec", "LayoutSpec", "Sample", "Seed", "along_dim", "array", "binary", "both", "calls", "lay_out", "make",
    "over_dims", "specs", "unary",
]  # fmt: skip

FLOATS = (float32, float64, float16, bfloat16)
INTEGERS = (int64, int32, uint8, int8, int16)
COMPLEX = (complex64, complex128)
DTYPES = (bool_, *INTEGERS, *FLOATS, *COMPLEX)
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
class LayoutSpec:
    """The layout of a result that a call must be told (``fill``, ``arange``, ``random_bits``), on any device."""

    shape: tuple[int, ...]
    dtype: dtype = float32


@dataclass(frozen=True)
class Seed:
    """A generator, seeded."""

    value: int = 0


@dataclass(frozen=True)
class Sample:
    """One call: positional arguments (with ArraySpec for tensors), and the error it must raise, if any."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    error: type[Exception] | None = None
    gradient: bool = True  # whether its gradient is defined at these inputs

    @property
    def dtype(self) -> DType:
        """Of the first array."""
        return next(a.dtype for a in specs(self.args))

    def with_dtype(self, d: DType) -> Sample:
        """The same call with its float32 arrays in another dtype."""
        return self._with(lambda spec: replace(spec, dtype=d) if spec.dtype is float32 else spec)

    def widened(self) -> Sample:
        """The same call in float64 or complex128: exact enough for gradients of gradients."""

        def wider(spec: ArraySpec) -> ArraySpec:
            d = complex128 if spec.dtype.is_complex else float64 if spec.dtype.is_floating_point else spec.dtype
            return replace(spec, dtype=d)

        return self._with(wider)

    def with_layout(self, layout: str) -> Sample:
        """The same call with all arrays in a layout."""
        return self._with(lambda spec: replace(spec, layout=layout))

    def _with(self, change: Callable[[ArraySpec], ArraySpec]) -> Sample:
        def changed(a: Any) -> Any:
            if isinstance(a, (list, tuple)):
                return type(a)(map(changed, a))
            return change(a) if isinstance(a, ArraySpec) else a

        return replace(self, args=tuple(map(changed, self.args)))


def specs(args: Any) -> Iterator[ArraySpec | LayoutSpec]:
    """The described arrays and layouts among arguments, in lists too."""
    for a in args:
        if isinstance(a, (ArraySpec, LayoutSpec)):
            yield a
        elif isinstance(a, (list, tuple)):
            yield from specs(a)


def array(*shape: int, **options: Any) -> ArraySpec:
    """An ArraySpec."""
    return ArraySpec(shape, **options)


def make(spec: ArraySpec) -> np.ndarray[Any, Any]:
    """The host array of a spec, of exactly ``spec.shape`` and contiguous (:func:`lay_out` applies the layout)."""
    values = _values(spec)
    if spec.layout == "expanded" and values.ndim:
        values = np.ascontiguousarray(np.broadcast_to(values[:1], values.shape))
    return values


def _values(spec: ArraySpec) -> np.ndarray[Any, Any]:
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
        numbers: np.ndarray[Any, Any] = parts[0] + 1j * parts[1]
        return numbers.astype(d.numpy)
    if spec.unique:
        count = int(np.prod(spec.shape))
        values = rng.permutation(np.linspace(spec.low, spec.high, max(count, 1)))[:count].reshape(spec.shape)
        return values.astype(d.numpy)
    return rng.uniform(spec.low, spec.high, spec.shape).astype(d.numpy)


def lay_out(spec: ArraySpec, build: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
    """A tensor of the spec in its layout, by views of what ``build(host array)`` gives (corelib's or PyTorch's).

    Memory that the view skips holds other values, so that reading it shows.
    """
    host = make(spec)
    if spec.layout == "contiguous" or not host.ndim:
        return build(host)
    if spec.layout == "transposed":
        return build(np.ascontiguousarray(host.T)).permute(tuple(range(host.ndim))[::-1])
    other = np.ones(3, host.dtype)
    if spec.layout == "offset":  # by an odd number of elements
        return build(np.concatenate([other, host.ravel()]))[3:].reshape(spec.shape)
    if spec.layout == "expanded":  # stride 0 in the first dimension
        return build(host[:1]).expand(spec.shape)
    wide = np.ones((*spec.shape[:-1], 2 * spec.shape[-1]), host.dtype)
    wide[..., ::2] = host
    return build(wide)[..., ::2]


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


_ARRAY = re.compile(r"\[([\d,]*)\]([toes]?)(u?)(?:#(\d+))?(?:@(\w+))?(?:~(.*)\.\.(.*?))?(?:=(.*))?")
_KINDS = {name[0]: name for name in LAYOUTS[1:]}
_NAMED = {d.name: d for d in DTYPES}


def _argument(text: str) -> Any:
    if text[0] == "{":
        return list(map(_argument, text[1:-1].split()))
    if text[0] == "@":
        return _NAMED[text[1:]]
    found = _ARRAY.fullmatch(text)
    if found is None:
        return ast.literal_eval(text)
    sizes, layout, unique, seed, d, low, high, values = found.groups()
    given = {"layout": _KINDS.get(layout), "unique": unique == "u" or None, "seed": seed and int(seed)}
    given |= {"dtype": _NAMED.get(d), "low": float(low) if low else None, "high": float(high) if high else None}
    given["values"] = values and tuple(map(float, values.split(",")))
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return ArraySpec(tuple(map(int, sizes.split(","))) if sizes else (), **known)


def _read(text: str) -> Sample:
    words = re.findall(r"\{[^}]*\}|\S+", text)
    marks = [word[1:] for word in words if word[0] == "!"]
    error = next((getattr(builtins, mark) for mark in marks if mark != "-"), None)
    return Sample(tuple(_argument(word) for word in words if word[0] != "!"), error=error, gradient="-" not in marks)


def calls(
    *written: str | Sample | Sequence[Any], accepts: str = "", rejects: str = "", layouts: bool = False
) -> Callable[[], list[Sample]]:
    """Samples written out; the first in all accepted dtypes and layouts too.

    Each is a Sample, a tuple of arguments, or a text of several, with ";" between and spaces between arguments.  There
    ``[2,3]`` is an array, and after it may stand the first letter of its layout, ``u`` (unique), ``#seed``, ``@dtype``,
    ``~low..high`` and ``=value,value``; ``{...}`` is a list, ``@float64`` a dtype, and anything else a literal.  At the
    end may stand ``!IndexError``, the error it raises, or ``!-``: no gradient there.
    """

    def samples() -> list[Sample]:
        made: list[Sample] = []
        for s in written:
            if isinstance(s, str):
                made += map(_read, s.split(";"))
            else:
                made.append(s if isinstance(s, Sample) else Sample(tuple(s)))
        made += [made[0].with_dtype(d) for d in _dtypes(accepts) if d is not float32]
        if layouts:
            made += map(made[0].with_layout, LAYOUTS[1:])
        made += [replace(made[0].with_dtype(d), error=RuntimeError) for d in _dtypes(rejects)]
        return made

    return samples


def over_dims(
    *, accepts: str = "fib", rejects: str = "", unique: bool = False, empty: bool = True
) -> Callable[[], list[Sample]]:
    """Samples of a reduction, (input, dim, keepdim); ``empty`` says whether no elements at all have a result."""
    cube = array(2, 3, 4, unique=unique)
    layouts = [
        (array(3, 4, unique=unique, layout=layout, seed=1), i % 2, i > 1) for i, layout in enumerate(LAYOUTS[1:])
    ]
    nothing = [((array(0, 3), 0), IndexError), ((array(0), None), RuntimeError)]
    return calls(
        (cube, 1), (cube, None), (cube, (0, -1), True), (cube, (0, 1, 2)), (array(1, 5, 1, unique=unique), (0, 2)),
        *layouts, (array(), None), (array(), 0), (array(), -1, True), (array(0, 3), 1), (array(2, 0, 3), (0, 2), True),
        *[Sample(args, error=None if empty else error) for args, error in nothing],
        Sample((array(2, 3), 2), error=IndexError), Sample((array(2, 3), -3), error=IndexError),
        Sample((array(2, 3), (0, -2)), error=RuntimeError),
        accepts=accepts, rejects=rejects,
    )  # fmt: skip


def along_dim(
    *extra: Any, accepts: str = "fi", rejects: str = "", unique: bool = False, empty: bool = True
) -> Callable[[], list[Sample]]:
    """Samples of a function along one dimension, (input, dim, ...); ``empty`` as in :func:`over_dims`."""
    layouts = [
        (array(3, 4, unique=unique, layout=layout, seed=1), i % 2, *extra) for i, layout in enumerate(LAYOUTS[1:])
    ]
    nothing = (array(0, 3), 0, *extra)
    return calls(
        (array(2, 3, 4, unique=unique), 1, *extra), (array(2, 3, 4, unique=unique), -1, *extra), *layouts,
        (array(17, unique=unique), 0, *extra), (array(), 0, *extra), (array(), -1, *extra), (array(0, 3), 1, *extra),
        nothing if empty else Sample(nothing, error=IndexError),
        Sample((array(2, 3), 2, *extra), error=IndexError), Sample((array(), 1, *extra), error=IndexError),
        accepts=accepts, rejects=rejects,
    )  # fmt: skip


def both(*families: Callable[[], list[Sample]]) -> Callable[[], list[Sample]]:
    """The samples of several families."""
    return lambda: [s for family in families for s in family()]
