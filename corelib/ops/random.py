"""Random draws: one primitive gives words; the conversions to numbers are defined here, for every device.

float32 uniforms have 24 bits (never 1), float64 53 of two words; normals are Box-Muller on 1 - u;
permutations sort random keys.
"""

from __future__ import annotations

import math
from typing import Any

from ..codegen.lowering import Template
from ..core.dispatch import call
from ..core.generator import Generator, default_generator
from ..core.inplace import inplace
from ..core.plan import Result
from ..core.tensor import Tensor, backend_of
from ..dtypes import dtype, float32, float64, int64
from ..layout import Layout
from . import rules, samples
from .creation import _finish, _layout, _size, arange
from .derived import isfinite, remainder
from .elementwise import add, bitwise_right_shift, cos, eq, log, lt, mul, sqrt, where
from .movement import cast, copy
from .primitive import primitive
from .results import accepts_out

__all__ = [
    "bernoulli", "dropout", "multinomial", "normal", "rand", "rand_like", "randint", "randn", "randn_like", "randperm",
]  # fmt: skip
METHODS = ["bernoulli", "bernoulli_", "exponential_", "multinomial", "normal_", "random_", "uniform_"]


def _bits_rule(generator: Any, layout: Layout) -> Result:
    return Result(layout, (layout,))


@primitive(
    name="random_bits",
    rule=_bits_rule,
    torch_name="",
    samples=samples.calls(
        *[(samples.Seed(9), samples.LayoutSpec(s, int64)) for s in ((8,), (2, 3), (), (0,), (1001,))]
    ),
    lower=Template("i", "random_bits"),
)
def random_bits(generator: Generator, layout: Any) -> Tensor:
    """Philox words in [0, 2**32) as int64."""


_RANDOM_BITS = random_bits.prim


def _words(shape: tuple[int, ...], device: Any, generator: Generator | None) -> Tensor:
    layout = Layout.of(shape, int64, device)
    words: Tensor = call(_RANDOM_BITS, (generator or default_generator,), (layout,))
    return words


def _uniform(layout: Layout, generator: Generator | None) -> Tensor:
    """In [0, 1) with the layout's shape and dtype."""
    d = layout.dtype
    if d is float64:
        words = _words((*layout.shape, 2), layout.device, generator)
        high = cast(bitwise_right_shift(words[..., 0], 5), float64)  # 27 bits
        low = cast(bitwise_right_shift(words[..., 1], 6), float64)  # 26 bits
        return (high * 67108864.0 + low) * 2.0**-53
    bits = 24 if d is float32 else d_bits(d)
    words = _words(tuple(layout.shape), layout.device, generator)
    unit = cast(bitwise_right_shift(words, 32 - bits), float32) * 2.0**-bits
    return unit if d is float32 else cast(unit, d)


def d_bits(d: dtype) -> int:
    """Bits of a half-precision uniform: as many as its significand holds, so that 1 is never rounded to."""
    return {"float16": 11, "bfloat16": 8}[d.name]


def _normal(layout: Layout, generator: Generator | None) -> Tensor:
    wide = layout.with_dtype(float64 if layout.dtype is float64 else float32)
    u = _uniform(Layout.of((*wide.shape, 2), wide.dtype, wide.device), generator)
    radius = sqrt(mul(log(1.0 - u[..., 0]), -2.0))
    value = radius * cos(u[..., 1] * (2 * math.pi))
    return value if layout.dtype is wide.dtype else cast(value, layout.dtype)


def rand(*size: Any, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None,
         requires_grad: bool = False, out: Any = None,
         layout: Any = None, pin_memory: bool = False, **named: Any) -> Tensor:  # fmt: skip
    """Uniform in [0, 1)."""
    if named:
        size = rules.by_name("rand", "size", size, named)
    made = _floating(_size(size, "rand"), dtype, device, out)
    return _finish(_uniform(made, generator), requires_grad, out)


def randn(*size: Any, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None,
          requires_grad: bool = False, out: Any = None,
          layout: Any = None, pin_memory: bool = False, **named: Any) -> Tensor:  # fmt: skip
    """Standard normal."""
    if named:
        size = rules.by_name("randn", "size", size, named)
    made = _floating(_size(size, "randn"), dtype, device, out)
    return _finish(_normal(made, generator), requires_grad, out)


def _floating(size: tuple[int, ...], dtype: dtype | None, device: Any, out: Tensor | None) -> Layout:
    layout = _layout(size, dtype, device, out)
    if not layout.dtype.is_floating_point:
        raise NotImplementedError(f"random numbers of dtype {layout.dtype}: use a floating dtype")
    return layout


def rand_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1) of the other tensor's shape, dtype and device."""
    return rand(
        tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad
    )


def randn_like(input: Tensor, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal of the other tensor's shape, dtype and device."""
    return randn(
        tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad
    )


def _integers(shape: tuple[int, ...], low: int, high: int, device: Any, generator: Generator | None) -> Tensor:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    span = high - low
    if span <= 1 << 32:
        return remainder(_words(shape, device, generator), span) + low
    words = _words((*shape, 2), device, generator)
    wide = bitwise_right_shift(words[..., 0] * (1 << 31), 0) + bitwise_right_shift(words[..., 1], 1)  # 63 bits
    return remainder(wide, span) + low if span < 1 << 63 else wide


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``randint([low,] high, size)``: integers in [low, high)."""
    if size is None:
        low, high, size = 0, low, high
    layout = _layout(_size((size,), "randint"), dtype or int64, device)
    result = _integers(tuple(layout.shape), int(low), int(high), layout.device, generator)
    return (result if layout.dtype is int64 else cast(result, layout.dtype)).requires_grad_(requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """A random permutation of 0 ... n-1: the order of random keys (two words each)."""
    from .sorting import sort

    layout = _layout((n,), int64, device)
    words = _words((n, 2), layout.device, generator)
    keys = bitwise_right_shift(words[..., 0], 1) * (1 << 32) + words[..., 1]
    order = sort(keys, stable=True)[1] if n else arange(0, device=device)
    return order if dtype in (None, int64) else cast(order, dtype)


def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """1 with probability ``input`` (or ``p``), else 0."""
    d = float64 if input.dtype is float64 else float32
    u = _uniform(Layout.of(tuple(input.shape), d, input.device), generator)
    drawn = cast(lt(u, input if p is None else p), input.dtype)
    return where(drawn.eq(drawn), drawn, input) if input.requires_grad else drawn  # with a gradient, which is 0


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
) -> Tensor:
    """Normal with the given mean and standard deviation (numbers with a size, or tensors)."""
    if size is not None:
        drawn = randn(size, generator=generator, dtype=dtype, device=device)
        return add(mul(drawn, std), mean)
    like = mean if isinstance(mean, Tensor) else std

    shape = rules.broadcast_shapes(*[x.shape for x in (mean, std) if isinstance(x, Tensor)])
    return add(mul(_normal(Layout.of(shape, like.dtype, like.device), generator), std), mean)


@accepts_out
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to the last dimension."""
    from .reduction import cumsum
    from .sorting import topk

    if input.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if input.dtype.category != 2:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {rules.what(input.dtype)}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > input.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    weights = input if input.ndim == 2 else input.unsqueeze(0)
    totals = weights.sum(-1)
    if bool((weights < 0).any()) or not bool(isfinite(totals).all()):
        if not replacement:
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        entry = "< 0" if bool((weights < 0).any()) else "= infinity or NaN"
        raise RuntimeError(f"invalid multinomial distribution (encountering probability entry {entry})")
    if bool(eq(totals, 0).any()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement:
        # exponential race: the k smallest of E/w are a draw without replacement
        u = _uniform(Layout.of(tuple(weights.shape), float32, weights.device), generator)
        keys = weights.to(float32) / -log(1.0 - u).clamp(min=1e-38)
        result = topk(keys, num_samples, -1)[1]
    else:
        wide = weights.to(float64) if backend_of(weights._layout).supports(float64) else weights
        edges = cumsum(wide, -1)  # so exact that every device draws the same
        u = _uniform(Layout.of((weights.shape[0], num_samples), float32, weights.device), generator) * edges[:, -1:]
        if weights.shape[-1] > 64:
            from .order import searchsorted

            result = searchsorted(edges, u, right=True)
        else:
            result = (u.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)
        result = result.clamp(max=weights.shape[-1] - 1)
    return result if input.ndim == 2 else result.squeeze(0)


# -- in place


def _into(dest: Tensor, values: Tensor) -> Tensor:
    return inplace(copy.prim, dest, (values,), position=-1)


def uniform_(
    input: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None, to: float | None = None
) -> Tensor:
    """Fill with uniforms in [a, b); ``to`` is the other name of b."""
    b = b if to is None else to
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    return _into(input, _uniform(input._layout, generator) * (b - a) + a)


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normals."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _into(input, _normal(input._layout, generator) * std + mean)


def bernoulli_(input: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 (probability p) and 0."""
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    d = float64 if input.dtype is float64 else float32
    u = _uniform(Layout.of(tuple(input.shape), d, input.device), generator)
    return _into(input, cast(lt(u, p), input.dtype))


def random_(input: Tensor, low: Any = None, high: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Fill with integers in [low, high)."""
    if high is None:
        low, high = 0, low if low is not None else (1 << 24 if input.dtype is float32 else 1 << 31)
    return _into(input, cast(_integers(tuple(input.shape), low, high, input.device, generator), input.dtype))


def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with exponentials of rate ``lambd``."""
    return _into(input, log(1.0 - _uniform(input._layout, generator)) / -lambd)


# -- dropout


def _dropout_rule(generator: Any, input: Layout, p: float) -> Result:
    from ..dtypes import bool_

    return Result((input.dense, input.with_dtype(bool_)), (p,))


def _factor(p: float) -> float:
    return 1.0 / (1.0 - p) if p < 1 else 0.0


def _dropout_grad_vjp(grad: Tensor, mask: Tensor, factor: float) -> Tensor:
    return dropout_grad(grad, mask, factor)


@primitive(
    rule=lambda grad, mask, factor: Result(grad.dense, (factor,)), torch_name="",
    vjp={"grad_output": _dropout_grad_vjp},
    samples=samples.calls("[3,4] [3,4]@bool 2.0; [4]t [4]@bool 1.5; [0] [0]@bool 2.0; [] []@bool 0.0", accepts="f"),
    lower="f",
)  # fmt: skip
def dropout_grad(grad_output: Tensor, mask: Tensor, factor: float) -> Tensor:
    """Gradient of the input of a dropout that kept what is in the mask, times a factor."""
    return grad_output * mask * factor


@primitive(
    name="dropout", rule=_dropout_rule, outputs=("out", "mask"), nondifferentiable=(1,), torch_name="",
    vjp={"input": lambda grad, mask, p: dropout_grad(grad, mask, _factor(p))},
    node_name="NativeDropout", widen=False,
    samples=samples.calls(
        (samples.Seed(9), samples.array(4, 5), 0.5), (samples.Seed(9), samples.array(4, 5, layout="transposed"), 0.1),
        (samples.Seed(9), samples.array(), 0.5), (samples.Seed(9), samples.array(0, 2), 0.5),
        (samples.Seed(9), samples.array(5), 1.0), accepts="f",
    ),
    lower=Template("f", "dropout"),
)  # fmt: skip
def native_dropout(generator: Generator, input: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """(input with elements zeroed with probability p and the rest scaled by 1/(1-p), what was kept)."""
    u = _uniform(Layout.of(tuple(input.shape), float32, input.device), generator)
    mask = lt(u, 1.0 - p)
    return input * mask * _factor(p), mask


_DROPOUT = native_dropout.prim


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Elements zeroed with probability ``p`` and the rest scaled by 1/(1-p), in training; else the input."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    kept: Tensor = call(_DROPOUT, (default_generator, input), (float(p),))[0]
    return kept
