"""Batch and layer normalization, whole, with the statistics their gradients need."""

from __future__ import annotations

from typing import Any

from ..codegen import scalar
from ..codegen.lowering import Rowwise, Stage, spread
from ..codegen.rowwise import Row
from ..codegen.scalar import Expr
from ..core.late import late
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import dtype, float32
from ..layout import Layout
from ..state import local
from . import rules, samples
from .derived import rsqrt
from .elementwise import add, mul, sub
from .primitive import primitive
from .reduction import mean, sum


def _statistics(d: dtype) -> dtype:
    """Means and variances of half-precision inputs are kept in float32."""
    return float32 if d.is_half else d


def _scaled(x: Expr, weight: Expr | None, bias: Expr | None = None) -> Expr:
    if weight is not None:
        x = x * scalar.cast(weight, x.dtype)
    return x if bias is None else x + scalar.cast(bias, x.dtype)


def _layer_norm_stages(x: Layout, weight: Layout | None, bias: Layout | None, normalized_ndim: int, eps: float) -> Any:
    def function(row: Row, x: Expr, weight: Any, bias: Any) -> Any:
        center = row.mean(x)
        away = x - center
        rstd = 1 / scalar.sqrt(row.mean(away * away) + eps)
        return [_scaled(away * rstd, weight, bias)], [center, rstd]

    outer = len(x.shape) - normalized_ndim
    kept = x.with_shape((*x.shape[:outer], *(1,) * normalized_ndim)).with_dtype(_statistics(x.dtype))
    inputs = (0, x.strides), spread(1, weight, x.shape), spread(2, bias, x.shape)
    return [Stage(function, x.shape, tuple(range(outer, len(x.shape))), inputs, (x.dense,), (kept, kept))], (0, 1, 2)


def _layer_norm_rule(x: Layout, weight: Layout | None, bias: Layout | None, normalized_ndim: int, eps: float) -> Result:
    rules.float_only(x.dtype, "LayerNormKernelImpl")
    kept = Layout.of(
        (*x.shape[: len(x.shape) - normalized_ndim], *(1,) * normalized_ndim), _statistics(x.dtype), x.device
    )
    return Result((x.dense, kept, kept), (normalized_ndim, float(eps)))


def _layer_norm_vjp(
    grad: Tensor, input: Tensor, weight: Any, mean: Tensor, rstd: Tensor, normalized_ndim: int, needs: Any
) -> tuple[Any, ...]:
    gx, gw, gb = layer_norm_grad(grad, input, weight, mean, rstd, normalized_ndim)
    return gx, gw if needs[1] else None, gb if needs[2] else None


@primitive(
    name="layer_norm",
    rule=_layer_norm_rule,
    vjp=_layer_norm_vjp,
    outputs=("out", "mean", "rstd"),
    nondifferentiable=(1, 2),
    samples=samples.calls(
        "[2,3,4] [4]#1 [4]#2 1 1e-05; [2,3,4]t None None 2 1e-05",
        accepts="f",
        layouts=True,
    ),
    node_name="NativeLayerNorm",
    torch_name="",
    widen=False,
    lower=Rowwise("f", _layer_norm_stages),
)
def native_layer_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, normalized_ndim: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(normalized over the last ``normalized_ndim`` dimensions, mean, 1/deviation)."""
    dims = tuple(range(input.ndim - normalized_ndim, input.ndim))
    wide = input.to(_statistics(input.dtype))
    center = mean(wide, dims, True)
    away = wide - center
    rstd = rsqrt(mean(mul(away, away), dims, True) + eps)
    result = away * rstd
    if weight is not None:
        result = result * weight
    if bias is not None:
        result = result + bias
    return result.to(input.dtype), center, rstd


def _layer_norm_grad_rule(
    grad: Layout, x: Layout, weight: Layout | None, mean: Layout, rstd: Layout, normalized_ndim: int
) -> Result:
    vector = x.with_shape(x.shape[len(x.shape) - normalized_ndim :])
    return Result((x.dense, vector, vector), (normalized_ndim,))


def _layer_grad_stages(
    grad: Layout, x: Layout, weight: Layout | None, mean: Layout, rstd: Layout, normalized_ndim: int
) -> Any:
    def of_input(row: Row, grad: Expr, x: Expr, weight: Any, mean: Expr, rstd: Expr) -> Any:
        normal = (x - mean) * rstd
        inner = _scaled(grad, weight)
        return [(inner - row.mean(inner) - normal * row.mean(inner * normal)) * rstd], []

    def of_vectors(row: Row, grad: Expr, x: Expr, mean: Expr, rstd: Expr) -> Any:
        return [], [row.sum(grad * ((x - mean) * rstd)), row.sum(grad)]

    outer = len(x.shape) - normalized_ndim
    vector = x.with_shape(x.shape[outer:])
    g, e = (0, grad.strides), (1, x.strides)
    kept = spread(3, mean, x.shape), spread(4, rstd, x.shape)
    inputs = (g, e, spread(2, weight, x.shape), *kept)
    return [
        Stage(of_input, x.shape, tuple(range(outer, len(x.shape))), inputs, (x.dense,)),
        Stage(of_vectors, x.shape, tuple(range(outer)), (g, e, *kept), (), (vector, vector)),
    ], (0, 1, 2)


def _layer_grads(
    grad: Tensor, x: Tensor, weight: Any, normalized_ndim: int, center: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    dims = tuple(range(x.ndim - normalized_ndim, x.ndim))
    outer = tuple(range(x.ndim - normalized_ndim))
    away = x - center
    normal = away * rstd
    inner = grad if weight is None else grad * weight
    gx = (inner - mean(inner, dims, True) - normal * mean(inner * normal, dims, True)) * rstd
    scaled = grad * normal
    return gx, sum(scaled, outer) if outer else scaled, sum(grad, outer) if outer else grad.clone()


def _second(name: str) -> Any:
    """vjp of a norm's gradient: statistics are recomputed from the input, so that they are differentiated too."""

    def layer(
        grads: Any,
        grad_output: Tensor,
        input: Tensor,
        weight: Any,
        rstd: Tensor,
        mean: Tensor,
        normalized_ndim: int,
        needs: Any,
    ) -> tuple[Any, ...]:
        dims = tuple(range(input.ndim - normalized_ndim, input.ndim))
        return _differentiate(lambda g, x, w: _layer_grads(g, x, w, normalized_ndim, *_again(x, mean, rstd, dims)),
                              grads, (grad_output, input, weight), needs)  # fmt: skip

    def batch(
        grads: Any, grad_output: Tensor, input: Tensor, weight: Any, rstd: Tensor, mean: Tensor, needs: Any
    ) -> tuple[Any, ...]:
        dims = (0, *range(2, input.ndim))
        shape = (1, -1) + (1,) * (input.ndim - 2)

        def again(g: Tensor, x: Tensor, w: Any) -> Any:
            return _batch_grads(g, x, w, *_again(x, mean.reshape(shape), rstd.reshape(shape), dims))

        return _differentiate(again, grads, (grad_output, input, weight), needs)

    return layer if name == "layer" else batch


def _again(x: Tensor, center: Tensor, rstd: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and 1/deviation as functions of ``x``, at the saved values.

    eps is not known here; it is the part of 1/rstd**2 that the variance does not explain.
    """
    again = mean(x, dims, True)
    away = x - again
    variance = mean(away * away, dims, True)
    eps = (1.0 / (rstd * rstd) - variance).detach()
    return again, rsqrt(variance + eps)


def _differentiate(formula: Any, grads: Any, operands: tuple[Any, ...], needs: Any) -> tuple[Any, ...]:
    gradient, create = late.grad, local.grad
    local.grad = True
    try:
        inputs = [x if x is None or (create and x.requires_grad) else x.detach().requires_grad_(True) for x in operands]
        results = formula(*inputs)
        pairs = [(r, g) for r, g in zip(results, grads, strict=True) if g is not None and r.requires_grad]
        chosen = [x for x, need in zip(inputs, needs, strict=False) if need and x is not None]
        got = iter(
            gradient([r for r, _ in pairs], chosen, [g for _, g in pairs], create_graph=create, allow_unused=True)
        )
    finally:
        local.grad = create
    return tuple(next(got) if i < 3 and need and inputs[i] is not None else None for i, need in enumerate(needs))


@primitive(
    rule=_layer_norm_grad_rule,
    vjp=_second("layer"),
    outputs=("grad_input", "grad_weight", "grad_bias"),
    samples=samples.calls(
        "[2,3,4] [2,3,4]#1 [4]#2 [2,3,1]~-1.. [2,3,1]~0.5.. 1 !-",
    ),
    torch_name="",
    lower=Rowwise("f", _layer_grad_stages),
)
def layer_norm_grad(
    grad_output: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor, normalized_ndim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the input, weight and bias of layer_norm."""
    return _layer_grads(grad_output, input, weight, normalized_ndim, mean, rstd)


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize over the last ``len(normalized_shape)`` dimensions, then scale and shift."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    n = len(shape)
    if n == 0:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and tuple(v.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(v.shape)} "
                f"and normalized_shape = {list(shape)}"
            )
    if tuple(input.shape[-n:]) != shape or input.ndim < n:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{', '.join(['*', *map(str, shape)])}], "
            f"but got input of size{list(input.shape)}"
        )
    for v in (weight, bias):
        if v is not None and v.dtype is not input.dtype and not (v.dtype is float32 and input.dtype.is_half):
            raise RuntimeError(f"mixed dtype (CPU): expect parameter to have scalar type of {rules.what(input.dtype)}")
    return native_layer_norm(input, weight, bias, n, eps)[0]


# -- batch norm


def _channel_rows(x: Layout) -> tuple[int, ...]:
    return (0, *range(2, len(x.shape)))


def _batch_norm_stages(x: Layout, weight: Layout | None, bias: Layout | None, eps: float) -> Any:
    def function(row: Row, x: Expr, weight: Any, bias: Any) -> Any:
        center = row.mean(x)
        away = x - center
        total, count = row.sum(away * away), row.length(x.dtype)
        rstd = 1 / scalar.sqrt(total / scalar.maximum(count, 1.0) + eps)
        variance = scalar.select(count > 1, total / (count - 1), float("nan"))
        return [_scaled(away * rstd, weight, bias)], [center, rstd, variance]

    vector = Layout.of((x.shape[1],), _statistics(x.dtype), x.device)
    inputs = (0, x.strides), spread(1, weight, x.shape, 1), spread(2, bias, x.shape, 1)
    return [Stage(function, x.shape, _channel_rows(x), inputs, (x.dense,), (vector,) * 3)], (0, 1, 2, 3)


def _batch_grad_stages(grad: Layout, x: Layout, weight: Layout | None, mean: Layout, rstd: Layout) -> Any:
    def function(row: Row, grad: Expr, x: Expr, weight: Any, mean: Expr, rstd: Expr) -> Any:
        normal = (x - mean) * rstd
        gw, gb = row.sum(grad * normal), row.sum(grad)
        count = row.length(x.dtype)
        return [_scaled(grad - gb / count - normal * (gw / count), weight) * rstd], [gw, gb]

    inputs = (
        (0, grad.strides),
        (1, x.strides),
        *(spread(i + 2, v, x.shape, 1) for i, v in enumerate((weight, mean, rstd))),
    )
    vector = x.with_shape((x.shape[1],))
    return [Stage(function, x.shape, _channel_rows(x), inputs, (x.dense,), (vector, vector))], (0, 1, 2)


def _batch_norm_rule(x: Layout, weight: Layout | None, bias: Layout | None, eps: float) -> Result:
    rules.float_only(x.dtype, "batch_norm")
    if len(x.shape) < 2:
        raise RuntimeError(f"batch_norm(): expected an input [N, C, ...], but got shape {list(x.shape)}")
    vector = Layout.of((x.shape[1],), _statistics(x.dtype), x.device)
    return Result((x.dense, vector, vector, vector), (float(eps),))


def _batch_norm_vjp(
    grad: Tensor, input: Tensor, weight: Any, mean: Tensor, rstd: Tensor, needs: Any
) -> tuple[Any, ...]:
    gx, gw, gb = batch_norm_grad(grad, input, weight, mean, rstd)
    return gx, gw if needs[1] else None, gb if needs[2] else None


@primitive(
    rule=_batch_norm_rule,
    vjp=_batch_norm_vjp,
    outputs=("out", "mean", "rstd", "variance"),
    nondifferentiable=(1, 2, 3),
    samples=samples.calls(
        "[3,2,4] [2]#1 [2]#2 1e-05; [4,3] None None 1e-05; [2,3,2,2]t [3] None 0.001",
        accepts="f",
        layouts=True,
    ),
    node_name="NativeBatchNorm",
    torch_name="",
    widen=False,
    lower=Rowwise("f", _batch_norm_stages),
)
def batch_norm_train(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(normalized per channel, mean, 1/deviation, unbiased variance)."""
    dims = (0, *range(2, input.ndim))
    shape = (-1,) + (1,) * (input.ndim - 2)
    wide = input.to(_statistics(input.dtype))
    count = input.numel() // max(input.shape[1], 1)
    center = mean(wide, dims, True)
    away = wide - center
    total = sum(mul(away, away), dims, True)
    rstd = rsqrt(total / float(count or 1) + eps)
    result = away * rstd
    if weight is not None:
        result = result * weight.reshape(shape)
    if bias is not None:
        result = result + bias.reshape(shape)
    return (
        result.to(input.dtype),
        center.reshape(-1),
        rstd.reshape(-1),
        (total / float(count - 1)).reshape(-1) if count > 1 else total.reshape(-1) * float("nan"),
    )


def _batch_grads(grad: Tensor, x: Tensor, weight: Any, center: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    dims = (0, *range(2, x.ndim))
    shape = (-1,) + (1,) * (x.ndim - 2)
    normal = (x - center) * rstd
    inner = grad if weight is None else grad * weight.reshape(shape)
    gx = (inner - mean(inner, dims, True) - normal * mean(inner * normal, dims, True)) * rstd
    return gx, sum(grad * normal, dims), sum(grad, dims)


def _batch_norm_grad_rule(grad: Layout, x: Layout, weight: Layout | None, mean: Layout, rstd: Layout) -> Result:
    vector = x.with_shape((x.shape[1],))
    return Result((x.dense, vector, vector))


@primitive(
    rule=_batch_norm_grad_rule,
    vjp=_second("batch"),
    outputs=("grad_input", "grad_weight", "grad_bias"),
    samples=samples.calls(
        "[3,2,4] [3,2,4]#1 [2]#2 [2]~-1.. [2]~0.5.. !-",
    ),
    torch_name="",
    lower=Rowwise("f", _batch_grad_stages),
)
def batch_norm_grad(
    grad_output: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the input, weight and bias of batch_norm_train."""
    shape = (1, -1) + (1,) * (input.ndim - 2)
    return _batch_grads(grad_output, input, weight, mean.reshape(shape), rstd.reshape(shape))


def batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float | None, eps: float,
) -> Tensor:  # fmt: skip
    """By the batch's statistics in training (the running ones move towards them), else by the running ones."""
    for name, v in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if v is not None and v.numel() != input.shape[1]:
            raise RuntimeError(f"{name} should contain {input.shape[1]} elements not {v.numel()}")
    if training:
        result, center, _, variance = batch_norm_train(input, weight, bias, eps)
        if running_mean is not None and running_var is not None:
            from ..state import local

            previous, local.grad = local.grad, False
            try:
                m = 0.0 if momentum is None else momentum
                running_mean.mul_(1 - m).add_(center * m)
                running_var.mul_(1 - m).add_(variance * m)
            finally:
                local.grad = previous
        return result
    if running_mean is None or running_var is None:
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    shape = (-1,) + (1,) * (input.ndim - 2)
    scale = rsqrt(add(running_var, eps))
    if weight is not None:
        scale = mul(scale, weight)
    result = mul(sub(input, running_mean.reshape(shape)), scale.reshape(shape))
    return result if bias is None else add(result, bias.reshape(shape))
