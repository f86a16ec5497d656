"""How exact functions are: special values and sweeps in units of the last place, half precision exhaustively,
integers on every pair of corners, and what must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import complex64, complex128, dtype, float32, float64
from corelib.ops import PRIMITIVES

from ..check import Check, Measure, flag_of
from ..oracles import ORACLES
from ._bench import Bench
from ._compare import close, limits, same
from ._exact import SCALES, exact, integers
from .elementwise import ELEMENTWISE, Template, bound, expected, templates

__all__ = ["checks", "special", "sweep"]

Array = Any
UNARY_FUNCTIONS = ("sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "rsqrt", "reciprocal",
                   "sigmoid", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "log2",
                   "log10", "erfc")  # fmt: skip
UNARY_EXACT = ("neg", "abs", "floor", "round", "relu", "sign_real")
BINARY_FLOAT = ("add", "sub", "mul", "div", "fmod", "pow", "atan2", "maximum", "minimum", "eq", "lt", "le", "copysign",
                "fmax", "fmin", "hypot")  # fmt: skip
DECOMPOSED = frozenset({"tan", "asin", "acos", "asinh", "acosh", "atanh", "sinh", "cosh", "sigmoid", "log2", "log10",
                        "exp2", "hypot", "erfc", "rsqrt", "reciprocal", "atan"})  # fmt: skip
"""Functions made of several roundings where the device has no kernel: special values only, and a wider bound."""
RANGES: dict[str, tuple[float, float]] = {  # exponents of two between which a sweep goes
    "exp": (-20, 6.4), "expm1": (-30, 6.4), "tanh": (-30, 5), "erf": (-30, 3), "sigmoid": (-20, 6), "sinh": (-20, 6.4),
    "cosh": (-20, 6.4), "exp2": (-20, 6.9), "erfc": (-20, 3), "asin": (-30, 0), "acos": (-30, 0), "atanh": (-30, -0.01),
    "sin": (-30, 20), "cos": (-30, 20), "tan": (-20, 10), "acosh": (0, 60), "asinh": (-20, 30), "log1p": (-30, 60),
}  # fmt: skip
POSITIVE = frozenset({"log", "sqrt", "rsqrt", "log2", "log10", "acosh"})


def special(d: dtype) -> Array:
    """Numbers at which rules change: zeros, subnormals, limits, halves, neighbours of 1, infinities and nan."""
    limit = limits(d.numpy)
    tiny = 2.0**limit.least
    least = 2.0 ** (limit.least - limit.digits + 1)
    eps = limit.unit
    positive = [
        0.0, least, 3 * least, tiny - least, tiny, tiny * 2, eps / 2, eps, 0.1, 0.25, 0.49999997, 0.5, 1 - eps / 2, 1.0,
        1 + eps, 1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 5.5, 7.0, 8.0, 10.0, 100.0, 1 / eps - 0.5, 1 / eps, 2 / eps + 1,
        np.sqrt(limit.largest), limit.largest / 2, limit.largest, np.inf,
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        return np.array([*positive, *[-x for x in positive], np.nan]).astype(d.numpy)


def sweep(name: str, d: dtype, count: int) -> Array:
    """Numbers of all sizes that a function has, both signs where it has both, and evenly spaced ones."""
    rng = np.random.default_rng((len(name), len(d.name), count))
    low, high = RANGES.get(name, (limits(d.numpy).least, np.log2(limits(d.numpy).largest) - 0.01))
    if name == "log":
        low = limits(d.numpy).least - 3
    with np.errstate(all="ignore"):
        sizes = 2.0 ** rng.uniform(
            max(low, limits(d.numpy).least - 3), min(high, np.log2(limits(d.numpy).largest)), count
        )
    signs = np.where(rng.random(count) < 0.5, -1.0, 1.0) if name not in POSITIVE else np.ones(count)
    reach = 2.0 ** min(high, 4)
    even = np.linspace(1e-3 if name in POSITIVE else -reach, reach, count // 2)
    if name == "acosh":
        even = 1 + np.abs(even)
    if name == "log1p":
        signs = np.where(sizes < 1, signs, 1.0)
        even = np.linspace(-0.999, 15, count // 2)
    near = (
        1 + np.linspace(-0.01, 0.01, 64) if name in ("log", "log2", "log10", "acosh") else np.linspace(-1e-3, 1e-3, 64)
    )
    if name in POSITIVE:
        near = np.abs(near) + (1.0 if name == "acosh" else 0.0)
    return np.concatenate([sizes * signs, even, near]).astype(d.numpy)


def _measured(bench: Bench, t: Template, hosts: list[Array], message: str, units: float | None = None) -> float:
    got = bench.run(t.name, *[bench.put(h) for h in hosts], *t.rest)[0]
    if units is None:
        return expected(t, hosts, got, message) or 0.0
    with np.errstate(all="ignore"):
        wide = [h.astype(np.float64) for h in hosts]
    answer = exact(t.name, wide, got.dtype)
    if answer is None:
        return 0.0
    scale_of = SCALES[t.name](*wide) if t.name in SCALES else 0.0
    return close(got, answer[0], units, message, low=answer[1], scale_of=scale_of)


def _units(t: Template, bench: Bench) -> float | None:
    """A function that the device has no kernel for is several roundings."""
    if t.name in DECOMPOSED and t.name not in bench.backend.kernels:
        return bound(t.name, t.dtype.numpy) * (4 if t.dtype.itemsize > 2 else 2)
    return None


def run_sweep(t: Template, count: int, device: Device) -> Measure:
    """Within its units of the last place, at special values and at numbers of all sizes."""
    bench = Bench(device)
    bench.needs(t.dtype)
    points = np.concatenate([special(t.dtype), sweep(t.name, t.dtype, count)])
    if t.name in ("tan", "sinh", "cosh", "asin", "acos", "asinh", "acosh", "atanh") and _units(t, bench) is not None:
        points = points[np.abs(points) < 50] if t.name not in ("asin", "acos", "atanh") else points
    error = _measured(bench, t, [points], "sweep", _units(t, bench))
    return Measure(ulp=error, bound=bound(t.name, t.dtype.numpy))


def run_exhaustive(t: Template, device: Device) -> Measure:
    """All 65,536 numbers of a half type."""
    bench = Bench(device)
    bench.needs(t.dtype)
    points = np.arange(65536, dtype=np.uint16).view(t.dtype.numpy)
    error = _measured(bench, t, [points], "all numbers", _units(t, bench))
    return Measure(ulp=error, bound=bound(t.name, t.dtype.numpy))


def run_pairs(t: Template, device: Device) -> Measure:
    """Every special value with every other, and numbers of all sizes; in two layouts."""
    bench = Bench(device)
    bench.needs(t.dtype)
    points = special(t.dtype)
    first, second = np.repeat(points, len(points)), np.tile(points, len(points))
    if t.name in ("maximum", "minimum", "fmax", "fmin"):  # which zero is the larger is left open
        both = (first == 0) & (second == 0)
        first, second = np.where(both, 0, first).astype(first.dtype), np.where(both, 0, second).astype(first.dtype)
    if t.name in ("hypot",):
        fine = np.isfinite(first) & np.isfinite(second) & (np.abs(first) < 1e3) & (np.abs(second) < 1e3)
        first, second = first[fine], second[fine]
    if t.name == "pow" and t.dtype is float64:
        first, second = first[::3], second[::3]
    error = _measured(bench, t, [first, second], "special values")
    rng = np.random.default_rng(7)
    count = 200 if t.dtype is float64 else 4000
    a, b = (np.exp2(rng.uniform(-12, 12, count)) * rng.choice([-1, 1], count) for _ in range(2))
    if t.name == "pow":
        a, b = np.abs(a), np.clip(b, -12, 12)
    if t.name == "fmod":
        a = a * 1e3
    with np.errstate(all="ignore"):
        narrow = [a.astype(t.dtype.numpy), b.astype(t.dtype.numpy)]
    error = max(error, _measured(bench, t, narrow, "all sizes"))
    for number in (2.0, 3.0, 0.5, -1.0, 0.0, -0.0, 1.0, -0.5, 4.0, np.inf, -np.inf, np.nan):
        _with_number(bench, t, points, number)
    side = int(np.sqrt(len(first)))
    grid = [bench.put(x[: side * side].reshape(side, side)) for x in (first, second)]
    flat = bench.run(t.name, *grid, *t.rest)[0]
    turned = bench.run(t.name, *[g.t() for g in grid], *t.rest)[0]
    same(turned, np.ascontiguousarray(flat.T), "special values transposed")
    return Measure(ulp=error, bound=bound(t.name, t.dtype.numpy))


def _with_number(bench: Bench, t: Template, points: Array, number: float) -> None:
    """Special values with a Python number in either position."""
    if PRIMITIVES[t.name].kinds.count("number") < 2 or t.dtype.is_half:
        return
    if number == 0 and t.name in ("maximum", "minimum"):
        points = points[points != 0]
    if t.name == "pow" and abs(number) == 0.5:  # by a square root, which has another sign at -0.0, PyTorch's does too
        points = points[~np.signbit(points) | (np.isfinite(points) & (points != 0))]
    filled = np.full_like(points, number)
    for position, operands in ((1, [points, filled]), (0, [filled, points])):
        args: list[Any] = [bench.put(points), bench.put(points)]
        args[position] = float(number)
        expected(t, operands, bench.run(t.name, *args)[0], f"the number {number} in position {position}")


def _corners(native: Any) -> Array:
    limit = np.iinfo(native)
    near = [
        -129, -128, -127, -100, -65, -64, -33, -32, -31, -17, -9, -8, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8,
        9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 46341, 65535, 2**31 - 1, 2**31, -(2**31),
        2**53 + 1, -(2**53) - 1, limit.min, limit.min + 1, limit.max, limit.max - 1, limit.max // 2 + 1,
        limit.min // 2, limit.max // 3,
    ]  # fmt: skip
    return np.array(sorted({n for n in near if limit.min <= n <= limit.max}), native)


def _integer_pairs(t: Template, a: Array, b: Array) -> tuple[Array, Array]:
    if t.name in ("trunc_divide", "fmod"):
        a, b = a[b != 0], b[b != 0]
    if t.name in ("gcd", "lcm"):  # without what has no answer in the dtype
        low = np.iinfo(a.dtype).min // 2 if a.dtype.kind == "i" else 0
        fine = (a > low) & (b > low)
        if t.name == "lcm":
            wide = [np.abs(x.astype(object)) for x in (a, b)]
            fine &= (wide[0] * wide[1] <= np.iinfo(a.dtype).max).astype(bool)
        a, b = a[fine], b[fine]
    return a, b


def run_integers(t: Template, device: Device) -> None:
    """Every pair of corners (every pair at all, of 8 bits), as arrays and as array and number."""
    bench = Bench(device)
    bench.needs(t.dtype)
    native = t.dtype.numpy
    points = (
        np.arange(np.iinfo(native).min, np.iinfo(native).max + 1).astype(native)
        if native.itemsize == 1
        else _corners(native)
    )
    if len(t.specs) == 1:
        answer = integers(t.name, points)
        got = bench.run(t.name, bench.put(points), *t.rest)[0]
        if answer is not None:
            same(got, answer, "all corners")
            same(bench.run(t.name, bench.put(points)[1::2], *t.rest)[0], answer[1::2], "every other")
        return
    a, b = _integer_pairs(t, np.repeat(points, len(points)), np.tile(points, len(points)))
    answer = integers(t.name, a, b)
    if answer is None:
        return
    same(bench.run(t.name, bench.put(a), bench.put(b), *t.rest)[0], answer, "all pairs")
    wide = [np.stack([x, x], 1) for x in (a, b)]
    columns = [bench.put(w)[:, 1] for w in wide]
    same(bench.run(t.name, *columns, *t.rest)[0], answer, "all pairs, columns")
    if PRIMITIVES[t.name].kinds.count("number") < 2:
        return
    for number in _corners(native).tolist():
        others = points if t.name != "lcm" else points[:0]
        if not (t.name in ("trunc_divide", "fmod") and number == 0) and not (t.name == "pow" and number < 0):
            got = bench.run(t.name, bench.put(others), number)[0]
            same(got, integers(t.name, others, np.full_like(others, number)), f"with the number {number}")
        divisors = others[others != 0] if t.name in ("trunc_divide", "fmod") else others
        got = bench.run(t.name, number, bench.put(divisors))[0]
        same(got, integers(t.name, np.full_like(divisors, number), divisors), f"of the number {number}")


def run_zero_divisor(t: Template, device: Device) -> None:
    """A zero among divisors raises, at once or at the next synchronization, and the device goes on working."""
    bench = Bench(device)
    bench.needs(t.dtype)
    native = t.dtype.numpy
    function = PRIMITIVES[t.name].function
    for count, place in ((1, 0), (7, 6), (33, 32), (1025, 1024), (4097, 77)):
        divisors = np.ones(count, native)
        divisors[place] = 0
        for divisor in (bench.put(divisors), bench.view(divisors, "stepped"), 0):
            try:
                function(bench.put(np.ones(count, native)), divisor)
                bench.backend.synchronize(bench.index)
            except ZeroDivisionError:
                pass
            else:
                raise AssertionError(f"{t.name}: a zero at {place} of {count} divisors went unnoticed")
        divisors[place] = 1
        same(bench.run(t.name, bench.put(divisors * 7), bench.put(divisors))[0],
             integers(t.name, divisors * 7, divisors), "after the error")  # fmt: skip
    same(
        bench.run(t.name, bench.put(np.ones(0, native)), bench.put(np.ones(0, native)))[0],
        np.ones(0, native),
        "nothing",
    )


COMPLEX_UNARY = ("neg", "abs", "sqrt", "exp", "log", "sin", "cos", "tanh", "conj_physical", "expm1", "log1p")
COMPLEX_BINARY = ("add", "sub", "mul", "div", "pow", "eq")


def _complex_numbers(d: dtype) -> Array:
    """Of all sizes up to where squares overflow and underflow, in every direction, and on the axes."""
    parts = np.array([0.0, 1.0, -1.5, 0.01, -3.0, 7.5])
    grid = (parts[:, None] + 1j * parts[None, :]).ravel()
    top = 2.0**100 if d.name == "complex64" else 2.0**900
    far = np.array([top * (1 + 1j), -top * (2 - 1j), top * 1j, (1 - 3j) / top, (-1 + 0.5j) / top])
    return np.concatenate([grid, far]).astype(d.numpy)


def run_complex(name: str, d: dtype, device: Device) -> None:
    """Each result within so many units of its own size, overflow and underflow in between not counting."""
    bench = Bench(device)
    bench.needs(d)
    x = _complex_numbers(d)
    if name in COMPLEX_UNARY:
        if name in ("exp", "sin", "cos", "tanh", "expm1"):
            x = x[np.abs(x) < 50]
        if name in ("log", "log1p"):
            x = x[(x != 0) & (x != -1)]
        operands = [x]
    else:
        operands = [np.repeat(x, len(x)), np.tile(x, len(x))]
        if name == "div":
            fine = operands[1] != 0
            operands = [o[fine] for o in operands]
        if name in ("pow", "mul"):
            fine = (np.abs(operands[0]) < 50) & (np.abs(operands[1]) < 5)
            fine &= (operands[0] != 0) if name == "pow" else True
            operands = [o[fine] for o in operands]
    with np.errstate(all="ignore"):
        right = ORACLES[name](*[o.astype(np.clongdouble) for o in operands])
        right = right if name == "eq" else right.astype(np.float64 if name == "abs" else np.complex128)
    for view in ("contiguous", "stepped", "offset1"):
        got = bench.run(name, *[bench.view(o, view) for o in operands])[0]
        if name == "eq":
            same(got, right, view)
        elif name == "abs":
            close(got, right, 4, view)
        else:
            units = 2 if name in ("neg", "conj_physical", "add", "sub") else 4096 if name == "pow" else 64
            fits = np.abs(right) < limits(d.numpy).largest / 4
            assert (np.abs(right[fits]) < np.inf).all(), "the oracle overflows"
            close(got[fits], right[fits], units, view, zeros=False)
    if name in ("neg", "conj_physical", "add", "sub"):
        same(got, right.astype(got.dtype) if name != "eq" else right, "part by part")


def checks() -> Iterator[Check]:
    """Accuracy of every function in every dtype."""
    for name in ELEMENTWISE:
        for t in templates(name):
            for aspect, run, quick in _aspects(t):
                yield Check(
                    id=f"{name}/{t.dtype.name}/{aspect}",
                    group=name,
                    tier=t.tier,
                    op=name,
                    dtype=t.dtype.name,
                    quick=quick,
                    capability=flag_of(t.dtype.name),
                    run=partial(run, t),
                )

    for name in (*COMPLEX_UNARY, *COMPLEX_BINARY):
        for d in (complex64, complex128):
            run_one = partial(run_complex, name, d)
            yield Check(f"{name}/{d.name}/accuracy", name, "complex", name, d.name, True, "complex", run_one)


def _aspects(t: Template) -> Iterator[tuple[str, Callable[[Template, Device], Measure | None], bool]]:
    if t.dtype.category == 1 and (t.name in ("neg", "abs", "bitwise_not", "sign_real", "relu") or len(t.specs) == 2):
        if t.name not in ("div", "copysign", "atan2"):
            yield "corners", run_integers, True
        if t.name in ("trunc_divide", "fmod"):
            yield "zero-divisor", run_zero_divisor, True
    if t.dtype.category != 2:
        return
    if len(t.specs) == 1 and t.name in (*UNARY_FUNCTIONS, *UNARY_EXACT):
        if t.dtype.is_half:
            yield "exhaustive", run_exhaustive, True
        else:
            count = 4096 if t.dtype is float32 else 160
            yield "accuracy", lambda t, device: run_sweep(t, count, device), True
    if len(t.specs) == 2 and t.name in BINARY_FLOAT:
        yield "accuracy", run_pairs, True
