"""Activations and softmax: optional primitives, each said in others."""

from __future__ import annotations

import math
from typing import Any

from ..codegen import scalar
from ..codegen.lowering import Elementwise, Rowwise, Stage
from ..codegen.rowwise import Row
from ..codegen.scalar import Expr
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import dtype
from ..layout import Layout
from . import rules, samples
from .elementwise import abs as _abs
from .elementwise import div, eq, erf, exp, expm1, log, log1p, lt, maximum, mul, neg, sub, tanh, where
from .primitive import primitive
from .reduction import amax, sum

__all__ = ["log_softmax", "relu", "sigmoid", "softmax"]
METHODS = ["log_softmax", "relu", "sigmoid", "softmax"]

_A = samples.array


def _not_relu(d: dtype) -> Exception:
    if d.is_complex:
        return NotImplementedError("clamp is not supported for complex types")
    return RuntimeError("Boolean inputs not supported for relu")


def _relu_vjp(grad: Tensor, out: Tensor) -> Tensor:
    return relu_grad(grad, out)


@primitive(
    rule=rules.unary("same", accepts="if", error=_not_relu), vjp={"input": _relu_vjp},
    samples=samples.unary(accepts="fi", rejects="bc"), torch_name="relu",
    lower=Elementwise("bif", lambda x: scalar.apply("maximum", x, 0)),
)  # fmt: skip
def relu(input: Tensor) -> Tensor:
    """max(input, 0); nan stays nan."""
    return maximum(input, 0)


def _relu_grad_vjp(grad: Tensor, output: Tensor) -> Tensor:
    return relu_grad(grad, output)


@primitive(
    rule=rules.binary(accepts="f"), vjp={"grad_output": _relu_grad_vjp},
    samples=samples.calls(
        (_A(3, 4), _A(3, 4, values=(0.0, 2.0, 0.5, 0.0) * 3)),
        "[] []~1..; [0] [0]",
        accepts="f", layouts=True,
    ),
    torch_name="",
    lower="f",
)  # fmt: skip
def relu_grad(grad_output: Tensor, output: Tensor) -> Tensor:
    """grad_output where relu's output, which is positive, 0 or nan, is not 0, else 0."""
    return where(eq(output, 0), 0.0, grad_output)


@primitive(
    rule=rules.unary("float"), vjp={"input": lambda grad, out: grad * (out * (1 - out)).conj()},
    samples=samples.unary(-6, 6, accepts="fi"),
    lower=Elementwise("f", lambda x: 1 / (1 + scalar.apply("exp", -x))),
)  # fmt: skip
def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-input)), without overflow."""
    below = lt(input.real, 0)
    small = exp(where(below, input, -input)) if input.dtype.is_complex else exp(neg(_abs(input)))
    return where(below, small / (small + 1), 1 / (small + 1))


def log_sigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), accurate in the tails."""
    return sub(where(lt(input, 0), input, 0.0), log1p(exp(neg(_abs(input)))))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta; the input itself above the threshold."""
    scaled = input * beta
    soft = (maximum(scaled, 0) + log1p(exp(neg(_abs(scaled))))) / beta
    return where(lt(threshold, scaled), input, soft)


def silu(input: Tensor) -> Tensor:
    """input * sigmoid(input)."""
    return mul(input, sigmoid(input))


_GELU = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_curve(grad: Tensor, grad_output: Tensor, input: Tensor, approximate: str) -> Tensor:
    if approximate == "tanh":
        square = input * input
        t = tanh((input + square * input * _CUBIC) * _GELU)
        slope = (square * (3 * _CUBIC) + 1) * _GELU
        bend = slope + input * 0.5 * (input * (6 * _CUBIC * _GELU) - t * 2 * slope * slope)
        return grad * grad_output * ((1 - t * t) * bend)
    density = exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
    return grad * grad_output * (density * (2 - input * input))


def _gelu_grad_vjp(grad: Tensor, input: Tensor, approximate: str) -> Tensor:
    return gelu_grad(grad, input, approximate)


@primitive(
    rule=lambda grad, x, approximate: Result(x.dense, (approximate,)),
    vjp={
        "grad_output": _gelu_grad_vjp,
        "input": _gelu_curve,
    },
    samples=samples.calls("[3,4] [3,4]#1 'none'; [3,4]t [3,4]#1 'tanh'; [0] [0] 'none'; [] []#1 'tanh'", accepts="f"),
    torch_name="",
    lower="f",
)
def gelu_grad(grad_output: Tensor, input: Tensor, approximate: str) -> Tensor:
    """Gradient of gelu's input."""
    if approximate == "tanh":
        inner = (input + input * input * input * _CUBIC) * _GELU
        t = tanh(inner)
        slope = (input * input * (3 * _CUBIC) + 1) * _GELU
        return grad_output * ((t + 1) * 0.5 + input * (1 - t * t) * slope * 0.5)
    cdf = (erf(input * math.sqrt(0.5)) + 1) * 0.5
    density = exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
    return grad_output * (cdf + input * density)


def _gelu_rule(x: Layout, approximate: str) -> Result:
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    if x.dtype.category != 2:
        raise rules.not_implemented("GeluKernelImpl", x.dtype)
    return Result(x.dense, (approximate,))


@primitive(
    rule=_gelu_rule, vjp={"input": lambda grad, input, approximate: gelu_grad(grad, input, approximate)},
    samples=samples.calls(
        "[3,4] 'none'; [3,4]t 'tanh'; [0] 'none'; [] 'none'; [3,4]e 'none'; [3]o 'tanh'; "
        "[2] 'exact' !RuntimeError",
        accepts="f", rejects="ib",
    ),
    torch_name="nn.functional.gelu",
    lower="f",
)  # fmt: skip
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """input * Phi(input), exactly or by the tanh approximation."""
    if approximate == "tanh":
        return mul(input * 0.5, tanh((input + input * input * input * 0.044715) * math.sqrt(2 / math.pi)) + 1)
    return mul(input * 0.5, erf(input * math.sqrt(0.5)) + 1)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """input where positive, else negative_slope * input."""
    return where(lt(0, input), input, input * negative_slope)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """input where positive, else alpha * (exp(input) - 1)."""
    return where(lt(0, input), input, expm1(where(lt(0, input), 0.0, input)) * alpha)


def _softmax_rule(name: str) -> Any:
    def rule(x: Layout, dim: int, dtype: dtype | None) -> Result:
        d = dtype or x.dtype
        place = rules.normalize_dim(dim, len(x.shape))
        if d.category != 2:
            last = "_lastdim" if place >= len(x.shape) - 1 else ""
            raise rules.not_implemented(f"{name}{last}_kernel_impl", d)
        return Result(x.with_dtype(d), (place, d), cast=(d,))

    return rule


_SOFTMAX = samples.both(
    samples.along_dim(accepts="f", rejects="ib"),
    samples.calls(
        "[2,3]@int64 1 @float32",
    ),
)


def _along(function: Any) -> Rowwise:
    """One result an element, of the rows along a dimension."""

    def stages(x: Layout, dim: int, dtype: dtype) -> Any:
        return [Stage(function, x.shape, (dim,) if x.shape else (), ((0, x.strides),), (x.dense,))], (0,)

    return Rowwise("f", stages)


def _softmax_row(row: Row, x: Expr) -> Any:
    e = scalar.exp(x - row.amax(x))
    total = row.sum(e)
    return [row.keep(e) / total], []


def _log_softmax_row(row: Row, x: Expr) -> Any:
    away = x - row.amax(x)
    return [away - scalar.log(row.sum(scalar.exp(away)))], []


def _grad_along(function: Any) -> Rowwise:
    def stages(grad: Layout, output: Layout, dim: int) -> Any:
        inputs = (0, grad.strides), (1, output.strides)
        return [Stage(function, output.shape, (dim,) if output.shape else (), inputs, (output.dense,))], (0,)

    return Rowwise("f", stages)


_GRADS_ALONG = samples.calls(
    "[2,3,4] [2,3,4]#1~0..1 1; [2,3]t [2,3]#1~0..1 1; [0,2] [0,2] 0; [] []#1~0..1 0", accepts="f"
)


def _softmax_grad_vjp(grad: Tensor, output: Tensor, dim: int) -> Tensor:
    return softmax_grad(grad, output, dim)


@primitive(
    rule=lambda grad, output, dim: Result(output.dense, (dim,)),
    vjp={
        "grad_output": _softmax_grad_vjp,
        "output": lambda grad, grad_output, output, dim: (
            grad * (grad_output - sum(grad_output * output, dim, True)) - grad_output * sum(grad * output, dim, True)
        ),
    },
    samples=_GRADS_ALONG,
    torch_name="",
    lower=_grad_along(lambda row, grad, output: ([output * (grad - row.sum(grad * output))], [])),
)
def softmax_grad(grad_output: Tensor, output: Tensor, dim: int) -> Tensor:
    """Gradient of the input of a softmax with this output."""
    return output * (grad_output - sum(grad_output * output, dim, True))


@primitive(
    rule=lambda grad, output, dim: Result(output.dense, (dim,)),
    vjp={
        "grad_output": lambda grad, output, dim: grad - sum(grad * exp(output), dim, True),
        "output": lambda grad, grad_output, output, dim: -grad * exp(output) * sum(grad_output, dim, True),
    },
    samples=_GRADS_ALONG,
    torch_name="",
    lower=_grad_along(lambda row, grad, output: ([grad - scalar.exp(output) * row.sum(grad)], [])),
)
def log_softmax_grad(grad_output: Tensor, output: Tensor, dim: int) -> Tensor:
    """Gradient of the input of a log_softmax with this output."""
    return grad_output - exp(output) * sum(grad_output, dim, True)


@primitive(
    name="softmax",
    rule=_softmax_rule("softmax"),
    vjp={"input": lambda grad, out, dim: softmax_grad(grad, out, dim)},
    samples=_SOFTMAX,
    lower=_along(_softmax_row),
)
def softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """exp(input) normalized to sum to 1 along ``dim``."""
    if input.numel() == 0:
        return input.clone()
    e = exp(sub(input, amax(input, dim, True)))
    return div(e, sum(e, dim, True))


@primitive(
    rule=_softmax_rule("log_softmax"),
    vjp={"input": lambda grad, out, dim: log_softmax_grad(grad, out, dim)},
    samples=_SOFTMAX,
    lower=_along(_log_softmax_row),
)
def log_softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """log(softmax(input)), accurate in the tails."""
    if input.numel() == 0:
        return input.clone()
    away = sub(input, amax(input, dim, True))
    return sub(away, log(sum(exp(away), dim, True)))


def _shared_heads(x: Tensor, heads: int) -> Tensor:
    """Each head (dimension -3) repeated in place, until there are ``heads``."""
    own = x.shape[-3]
    if own == 0 or heads % own:
        raise RuntimeError(f"enable_gqa: the query's {heads} heads must be a multiple of the key's and value's {own}")
    lead, rest = tuple(x.shape[:-3]), tuple(x.shape[-2:])
    return x.unsqueeze(-3).expand((*lead, own, heads // own, *rest)).reshape((*lead, heads, *rest))


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(query @ key.T * scale + mask) @ value over the last two dimensions.

    With ``enable_gqa`` each head (dimension -3) of key and value serves as many consecutive heads of the query.
    """
    from ..dtypes import bool_
    from .creation import ones
    from .linalg import matmul
    from .movement import tril
    from .random import dropout

    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if not query.dtype is key.dtype is value.dtype:
        names = [rules.c_name(x.dtype) for x in (query, key, value)]
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: {} key.dtype: {} and "
            "value.dtype: {} instead.".format(*names)
        )
    if enable_gqa:
        key, value = (_shared_heads(x, query.shape[-3]) for x in (key, value))
    factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query * factor, key.transpose(-2, -1))
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError(
                "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
            )
        attn_mask = tril(ones(query.shape[-2], key.shape[-2], dtype=bool_, device=query.device))
    if attn_mask is not None:
        scores = where(attn_mask, scores, float("-inf")) if attn_mask.dtype is bool_ else scores + attn_mask
    dead = None
    if attn_mask is not None and not is_causal:  # queries that may see no key get zeros, as in PyTorch, not nan
        dead = (scores.detach() == float("-inf")).all(-1, True)
        scores = where(dead, 0.0, scores)
    weights = softmax(scores, -1)
    if dead is not None:
        weights = where(dead, 0.0, weights)
    if dropout_p:
        weights = dropout(weights, dropout_p)
    return matmul(weights, value)
