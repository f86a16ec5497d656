"""Elementwise primitives in every layout and size, into windows, in place, with numbers, and over and over.

The operands have a prime period: what is right for one period is what every size must repeat, and its bits are
what every layout must give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import bool_, dtype
from corelib.ops import PRIMITIVES
from corelib.ops.samples import ArraySpec, Sample

from ..check import Check, Measure, flag_of, tier_of
from ._bench import DTYPES, NEGATIVE, VIEWS, ZERO, Bench, constant, poison, values
from ._compare import close, same
from ._exact import BOUNDS, MOVING, SCALES, exact, integers

__all__ = ["ELEMENTWISE", "Template", "checks", "expected", "templates"]

Array = Any
PERIOD = 251

ELEMENTWISE = (
    "neg", "abs", "floor", "round", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "bitwise_not",
    "add", "sub", "mul", "div", "trunc_divide", "fmod", "pow", "atan2", "maximum", "minimum", "eq", "lt", "le",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "where", "copy",
    "sign_real", "conj_physical", "rsqrt", "reciprocal", "signbit", "copysign", "nextafter", "hypot", "fmax", "fmin",
    "gcd", "lcm", "relu", "sigmoid", "gelu", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
    "exp2", "log2", "log10", "logaddexp", "logaddexp2", "xlogy", "sinc", "erfc", "erfinv", "lgamma", "digamma", "i0",
)  # fmt: skip
FUNCTIONS = frozenset(ELEMENTWISE[ELEMENTWISE.index("sigmoid") :]) | {
    "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "div", "atan2", "rsqrt", "reciprocal",
}  # fmt: skip
"""Those that convert integers to the default floating dtype."""
SMALL = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)
LARGE = (255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4097)
HUGE = (8191, 8192, 8193, 16385, 65535, 65536, 65537, 100_003)
SHAPES = (
    (3, 5, 4),
    (4, 6),
    (7, 9),
    (2, 3, 4, 5),
    (2, 3, 1, 2, 3),
    (2, 2, 3, 1, 2, 2),
    (12,),
    (1, 8),
    (8, 1),
    (2, 4, 8),
)


@dataclass(frozen=True)
class Template:
    """How to call an elementwise primitive in one dtype: what its operands are, and what follows them."""

    name: str
    dtype: dtype
    specs: tuple[ArraySpec, ...]
    rest: tuple[Any, ...]

    def operands(self, count: int = PERIOD) -> list[Array]:
        """One period of each operand, or so many elements."""
        made = [values((PERIOD,), s.dtype, s.low, s.high, seed=i + 11) for i, s in enumerate(self.specs)]
        if self.name in ("copy", "where") and self.dtype.category == 2:  # they move bits, those of a nan too
            for i, x in enumerate(made[-2:] if self.name == "where" else made):
                x[7 + i :: 31] = poison((1,), self.dtype)
                x[9 + i :: 37] = -0.0
        return [np.resize(x, count) for x in made]

    @property
    def flag(self) -> str | None:
        return flag_of(self.dtype.name)

    @property
    def tier(self) -> str:
        return tier_of(PRIMITIVES[self.name], (self.dtype.name,))


@cache
def templates(name: str) -> tuple[Template, ...]:
    """One for each dtype that the definition's samples have."""
    prim = PRIMITIVES.get(name)
    found: dict[str, Template] = {}
    for sample in prim.samples() if prim is not None and prim.samples is not None else ():
        specs = _specs(sample)
        if sample.error is None and specs and len({s.shape for s in specs}) == 1 and specs[0].shape:
            d = specs[-1].dtype
            if all(s.dtype is d or (s.dtype is bool_ and name == "where") for s in specs):
                found.setdefault(d.name, Template(name, d, specs, tuple(sample.args[len(specs) :])))
    return tuple(found.values())


def _specs(sample: Sample) -> tuple[ArraySpec, ...]:
    leading: list[ArraySpec] = []
    for a in sample.args:
        if not isinstance(a, ArraySpec):
            return (
                tuple(leading)
                if not any(isinstance(x, (ArraySpec, int, float)) for x in sample.args[len(leading) :])
                else ()
            )
        leading.append(a)
    return tuple(leading)


def expected(template: Template, hosts: list[Array], got: Array, message: str) -> float | None:
    """Hold a result to the oracle; the largest error in units of the last place, where there is one."""
    name = template.name
    kind = hosts[-1].dtype.kind
    if name == "where":
        same(got, np.where(*hosts), message, payload=True)
        return None
    if name == "copy":
        same(got, hosts[0], message, payload=True)
        return None
    if kind in "iu":
        whole = integers(name, *hosts)
        if whole is not None:
            same(got, whole, message)
            return None
        if got.dtype.kind != "f":
            return None
    if kind == "b":
        logical = _LOGICAL.get(name)
        if logical is not None:
            same(got, logical(*hosts), message)
        return None
    if kind == "c":
        return _complex(name, hosts, got, message)
    with np.errstate(all="ignore"):
        wide = [h.astype(np.float64) for h in hosts]
    answer = exact(name, wide, got.dtype)
    if answer is None or name == "nextafter":
        return None
    if name in MOVING:
        with np.errstate(all="ignore"):
            wanted = answer[0].astype(got.dtype)
            got = got + got.dtype.type(0) if name == "relu" else got  # relu(-0.0) may be either zero
        same(got, wanted, message)
        return 0.0
    if got.dtype.kind == "b":
        same(got, answer[0].astype(bool), message)
        return None
    scale_of = SCALES[name](*wide) if name in SCALES else 0.0
    return close(got, answer[0], bound(name, got.dtype), message, low=answer[1], scale_of=scale_of)


_LOGICAL: dict[str, Callable[..., Array]] = {
    "add": np.logical_or, "mul": np.logical_and, "maximum": np.logical_or, "minimum": np.logical_and, "eq": np.equal,
    "lt": np.less, "le": np.less_equal, "bitwise_and": np.logical_and, "bitwise_or": np.logical_or,
    "bitwise_xor": np.logical_xor, "bitwise_not": np.logical_not,
}  # fmt: skip


def bound(name: str, native: Any) -> float:
    """Units of the last place that a function may be off: half precision is a float32 result rounded."""
    units = BOUNDS.get(name, 64)
    if native == np.float64 and name in ("div", "sqrt"):
        return 0.5
    if native.itemsize == 2:
        return 0.5 + units * 2.0 ** (-12 if native == np.float16 else -15)
    return units


def _complex(name: str, hosts: list[Array], got: Array, message: str) -> float | None:
    from ..oracles import ORACLES

    function = ORACLES.get(name)
    if function is None:
        return None
    with np.errstate(all="ignore"):
        answer = function(*[h.astype(np.complex128) for h in hosts])
    if got.dtype.kind == "b":
        same(got, answer, message)
        return None
    if name in ("neg", "conj_physical", "copy"):
        same(got, answer.astype(got.dtype), message)
        return None
    return close(got, answer, 16, message, zeros=False)


def _flat(bench: Bench, t: Template, hosts: list[Array]) -> Array:
    return bench.run(t.name, *[bench.put(h) for h in hosts], *t.rest)[0]


# -- aspects -----------------------------------------------------------------------------------------------------


def run_layouts(t: Template, views: tuple[str, ...], device: Device) -> Measure:
    """Every layout of every operand gives the bits of the contiguous run, which is right."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = t.operands()
    error = expected(t, hosts, _flat(bench, t, hosts), "contiguous")
    shapes = SHAPES if views is not NEGATIVE else SHAPES[:3]
    for shape in shapes:
        size = int(np.prod(shape))
        parts = [h[:size].reshape(shape) for h in hosts]
        right = bench.run(t.name, *[bench.put(p) for p in parts], *t.rest)[0]
        same(right, _flat(bench, t, [p.ravel() for p in parts]).reshape(shape), f"shape {shape}")
        for i, view in enumerate(views):
            following = views[(i + 1) % len(views)]
            mixtures = [[view] * len(parts)]
            if len(parts) > 1:
                mixtures += [[view, *["contiguous"] * (len(parts) - 1)], [*[following] * (len(parts) - 1), view]]
            for chosen in mixtures:
                laid = [constant(p, v) if v in ZERO else p for p, v in zip(parts, chosen, strict=True)]
                wanted = right
                if any(v in ZERO for v in chosen):
                    wanted = _flat(bench, t, [p.ravel() for p in laid]).reshape(shape)
                got = bench.run(t.name, *[bench.view(p, v) for p, v in zip(laid, chosen, strict=True)], *t.rest)[0]
                same(got, wanted, f"{' and '.join(chosen)}, shape {shape}")
    return Measure(ulp=error, bound=bound(t.name, hosts[0].dtype) if error is not None else None)


def run_sizes(t: Template, sizes: tuple[int, ...], device: Device) -> None:
    """Every size repeats the period's results, wherever an element stands."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = t.operands()
    right = _flat(bench, t, hosts)
    expected(t, hosts, right, "one period")
    for size in sizes:
        same(_flat(bench, t, [np.resize(h, size) for h in hosts]), np.resize(right, size), f"{size} elements")
        if size < 600:
            for rows in ((size, 3), (3, size)):
                parts = [bench.put(np.resize(h, rows)) for h in hosts]
                same(bench.run(t.name, *parts, *t.rest)[0], np.resize(right, rows), f"shape {rows}")
            parts = [bench.view(np.resize(h, (3, size)), "transposed") for h in hosts]
            same(bench.run(t.name, *parts, *t.rest)[0], np.resize(right, (3, size)), f"shape {(3, size)} transposed")
        else:
            parts = [bench.view(np.resize(h, (2, size)), "pitched") for h in hosts]
            same(bench.run(t.name, *parts, *t.rest)[0], np.resize(right, (2, size)), f"shape {(2, size)} pitched")
    shapes: tuple[tuple[int, ...], ...] = ((), (0,), (2, 0, 3), (1, 1, 1), (0, 5))
    for shape in shapes:
        got = bench.run(t.name, *[bench.put(np.resize(h, shape)) for h in hosts], *t.rest)[0]
        same(got, np.resize(right, shape), f"shape {shape}")


def run_out(t: Template, device: Device) -> None:
    """Into windows of a poisoned buffer, whose margins stay as they are; and into the input itself."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = t.operands()
    right = _flat(bench, t, hosts)
    expected(t, hosts, right, "contiguous")
    result = DTYPES[right.dtype.name]
    windows: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((5, 7), (7, 1)), ((5, 7), (9, 1)), ((5, 7), (1, 5)), ((5, 7), (15, 2)), ((61,), (1,)), ((64,), (1,)),
        ((33,), (3,)), ((2, 3, 4), (1, 2, 6)), ((1, 6), (11, 1)), ((6, 1), (2, 5)), ((), ()), ((3, 0), (1, 1)),
        ((2, 3, 2, 2), (30, 9, 4, 2)), ((129,), (1,)), ((2, 128), (131, 1)),
    )  # fmt: skip
    for shape, strides in windows:
        count = int(np.prod(shape))
        parts = [np.resize(h, shape) for h in hosts]
        for offset in (1, 3, 4):
            reach = sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) if count else 0
            memory = poison((offset + reach + 1 + 5,), result)
            buffer = bench.put(memory)
            window = buffer.as_strided(shape, strides, offset)
            operands = [bench.view(p, "transposed" if offset == 3 else "contiguous") for p in parts]
            bench.into(t.name, window, *operands, *t.rest)
            wanted = memory.copy()
            np.lib.stride_tricks.as_strided(wanted[offset:], shape, [s * memory.itemsize for s in strides])[...] = (
                np.resize(right, shape))  # fmt: skip
            same(
                bench.get(buffer), wanted, f"out= of strides {strides} at offset {offset}, shape {shape}", payload=True
            )
    if right.dtype == hosts[-1].dtype:
        for position in range(len(hosts)):
            if hosts[position].dtype != right.dtype:
                continue
            for view in ("contiguous", "transposed", "offset1", "stepped"):
                operands = [bench.view(h[:60].reshape(12, 5), view) for h in hosts]
                bench.into(t.name, operands[position], *operands, *t.rest)
                same(bench.get(operands[position]), right[:60].reshape(12, 5), f"out= is operand {position}, {view}")
                for j, (operand, host) in enumerate(zip(operands, hosts, strict=True)):
                    if j != position:
                        same(bench.get(operand), host[:60].reshape(12, 5), "out= changed another operand", payload=True)


def _numbers(d: dtype) -> tuple[Any, ...]:
    if d.category == 0:
        return (True, False)
    if d.category == 1:
        limits = np.iinfo(d.numpy)
        return tuple(
            dict.fromkeys(
                n for n in (1, 2, 3, 5, 7, 100, limits.max, limits.min, 0, -1, -3) if limits.min <= n <= limits.max
            )
        )
    if d.category == 3:
        return (1.5 + 0.1j, -2j, complex(0.25))
    return (2.0, 1.5, 0.1, -0.3, 1e-8, 0.0, -1.0, 1 / 3, 1 + 2.0**-20, 3.0, 0.5, 1e4, -0.0, float("nan"), float("inf"))


def run_numbers(t: Template, device: Device) -> None:
    """A Python number in each position is as an array filled with it; as float32 beside half precision."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = [h[:63].reshape(9, 7) for h in t.operands()]
    for position in range(len(hosts)):
        if t.name == "where" and position == 0:
            continue
        for number in _numbers(t.dtype):
            if number == 0 and t.name in ("trunc_divide", "fmod") and t.dtype.category == 1 and position == 1:
                continue
            if t.name == "pow" and t.dtype.category == 1 and position == 1 and number < 0:
                continue  # refused by the frontend
            native: Any = np.dtype(np.float32) if t.dtype.is_half else t.dtype.numpy
            filled = np.full(hosts[position].shape, number).astype(native)
            for view in ("contiguous", "transposed", "outer0"):
                laid = [constant(h, view) if view in ZERO else h for h in hosts]
                args: list[Any] = [bench.view(h, view) for h in laid]
                args[position] = number
                got = bench.run(t.name, *args, *t.rest)[0]
                message = f"number {number!r} in position {position}, {view}"
                full = [
                    h.astype(native) if i != position and t.dtype.is_half and h.dtype.kind != "b" else h
                    for i, h in enumerate(laid)
                ]
                full[position] = filled
                if t.name == "where":
                    same(got, np.where(*full).astype(t.dtype.numpy), message)
                elif t.dtype.is_half:
                    _half_number(t, full, got, message)
                else:
                    expected(t, full, got, message)


def _half_number(t: Template, full: list[Array], got: Array, message: str) -> None:
    answer = exact(t.name, [h.astype(np.float64) for h in full], np.dtype(np.float32))
    if answer is None:
        return
    if got.dtype.kind == "b":
        same(got, answer[0], message)
        return
    with np.errstate(all="ignore"):  # computed in float32, then rounded
        if t.name in MOVING or t.name in ("add", "sub", "mul", "div"):
            same(got, answer[0].astype(np.float32).astype(got.dtype), message)
        else:
            close(got, answer[0], 0.51 if got.dtype == np.float16 else 0.503, message)


BROADCASTS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((), (3, 4)), ((3, 4), ()), ((4, 1, 5), (3, 1)), ((0,), (1,)),
    ((2, 0), (1, 1)), ((1,), (7,)), ((5, 1), (5, 8)), ((2, 3, 4), (1, 1, 4)), ((2, 3, 4), (2, 1, 1)), ((1, 1), (1,)),
    ((2, 1, 3, 1, 2), (4, 1, 2, 1)), ((33, 1), (1, 35)),
)  # fmt: skip


def run_broadcast(t: Template, device: Device) -> None:
    """Operands of different shapes are as expanded ones."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = t.operands()
    for shapes in BROADCASTS:
        chosen = shapes if len(hosts) == 2 else (shapes[0], shapes[1], shapes[0])
        for view in ("contiguous", "transposed", "stepped"):
            parts = [np.resize(h, s) for h, s in zip(hosts, chosen, strict=True)]
            got = bench.run(t.name, *[bench.view(p, view) for p in parts], *t.rest)[0]
            full = np.broadcast_shapes(*chosen)
            wanted = _flat(bench, t, [np.broadcast_to(p, full).ravel() for p in parts]).reshape(full)
            same(got, wanted, f"{' with '.join(map(str, chosen))}, {view}")


def run_repeated(t: Template, device: Device) -> None:
    """The same bits each time, whatever ran between; results of their own memory; one operand given twice."""
    bench = Bench(device)
    bench.needs(t.dtype)
    hosts = [h[:240].reshape(12, 20) for h in t.operands()]
    operands = [bench.put(h) for h in hosts]
    right = bench.run(t.name, *operands, *t.rest)[0]
    for turn in range(4):
        other = [np.roll(h, turn + 1, 1) for h in hosts]
        shifted = bench.run(t.name, *[bench.put(h) for h in other], *t.rest)[0]
        same(shifted, np.roll(right, turn + 1, 1), "other values of the same shape")
        same(bench.run(t.name, *operands, *t.rest)[0], right, "the same call again")
        halves = [bench.put(h) for h in hosts]
        same(bench.run(t.name, *[h[:, turn::2] for h in halves], *t.rest)[0], right[:, turn::2], "every other column")
        same(bench.run(t.name, *[h[turn:] for h in halves], *t.rest)[0], right[turn:], "the last rows")
    bench.independent(t.name, *[bench.put(h) for h in hosts], *t.rest)
    if len(hosts) == 2 and not (t.name == "trunc_divide" and (hosts[0] == 0).any()):
        safe = hosts[1] if t.dtype.category == 1 else hosts[0]
        one = bench.put(safe)
        twice = bench.run(t.name, one, one, *t.rest)[0]
        same(twice, bench.run(t.name, bench.put(safe), bench.put(safe), *t.rest)[0], "one tensor as both operands")
        turned = bench.put(np.ascontiguousarray(safe[:, :12]))
        apart = bench.run(t.name, bench.put(safe[:, :12]), bench.put(safe[:, :12].T), *t.rest)[0]
        same(bench.run(t.name, turned, turned.t(), *t.rest)[0], apart, "a tensor and its transpose")


ASPECTS: dict[str, Callable[[Template, Device], Measure | None]] = {
    "layouts": lambda t, device: run_layouts(t, VIEWS, device),
    "stride-0": lambda t, device: run_layouts(t, ZERO, device),
    "negative-steps": lambda t, device: run_layouts(t, NEGATIVE, device),
    "sizes": lambda t, device: run_sizes(t, SMALL, device),
    "large": lambda t, device: run_sizes(t, LARGE, device),
    "huge": lambda t, device: run_sizes(t, HUGE, device),
    "out": run_out,
    "numbers": run_numbers,
    "broadcast": run_broadcast,
    "repeated": run_repeated,
}


def checks() -> Iterator[Check]:
    """Each aspect of each function in each dtype; quick has each pair of them."""
    covered: set[tuple[str, str]] = set()
    for position, name in enumerate(ELEMENTWISE):
        found = templates(name)
        for which, t in enumerate(found):
            for number, (aspect, run) in enumerate(ASPECTS.items()):
                if aspect == "numbers" and PRIMITIVES[name].kinds.count("number") < 2:
                    continue
                if aspect == "negative-steps" and t.dtype.is_complex:
                    continue
                converted = t.dtype.category < 2 and found[0].dtype.category == 2 and name in FUNCTIONS
                if converted and aspect not in ("layouts", "sizes"):
                    continue  # the operand becomes float32 first, and then it is as another dtype
                if aspect == "broadcast" and len(t.specs) == 1:
                    continue
                pairs = {(t.dtype.name, aspect), (name, t.dtype.name)} if aspect != "huge" else set()
                chosen = (position + which + number) % len(found) == 0 or (which == 0 and aspect != "huge")
                yield Check(
                    id=f"{name}/{t.dtype.name}/{aspect}",
                    group=name,
                    tier=t.tier,
                    op=name,
                    dtype=t.dtype.name,
                    quick=chosen or not pairs <= covered,
                    capability=t.flag,
                    run=partial(run, t),
                    program=partial(_program, t),
                )
                covered |= pairs


def _program(t: Template) -> str:
    made = "\n".join(
        f"x{i} = corelib.tensor({np.resize(h, 6).tolist()}, dtype=corelib.{h.dtype.name}, device=device)"
        for i, h in enumerate(t.operands())
    )
    call = ", ".join([*(f"x{i}" for i in range(len(t.specs))), *map(repr, t.rest)])
    return (
        f"import corelib\nfrom corelib.ops import PRIMITIVES\n\n{made}\n"
        f"print(PRIMITIVES[{t.name!r}].function({call}))\n"
    )
