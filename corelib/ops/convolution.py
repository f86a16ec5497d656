"""Convolution and its two gradients, each the others' derivative."""

from __future__ import annotations

from math import prod
from typing import Any

from ..codegen.lowering import Template
from ..core.plan import Result
from ..core.tensor import Tensor
from ..layout import Layout
from . import rules, samples
from .elementwise import conj
from .primitive import primitive
from .view import as_strided_relative

_A = samples.array


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Positions of a window along one dimension."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _check(
    x: Layout, weight: Layout, bias: Layout | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[int, ...]:
    n = len(weight.shape) - 2
    if len(x.shape) != n + 2:
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv{n}d, but got input of size: "
            f"{list(x.shape)}"
        )
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if any(s <= 0 for s in stride):
        raise RuntimeError("non-positive stride is not supported")
    if any(p < 0 for p in padding):
        raise RuntimeError("negative padding is not supported")
    if any(d <= 0 for d in dilation):
        raise RuntimeError("dilation should be greater than zero")
    if x.dtype is not weight.dtype:
        raise RuntimeError(
            f"Input type ({_type(x)}) and weight type ({_type(weight)}) should be the same "
            "or input should be a MKLDNN tensor and weight is a dense tensor"
        )
    if bias is not None and bias.dtype is not x.dtype:
        raise RuntimeError(f"Input type ({_type(x)}) and bias type ({_type(bias)}) should be the same")
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{list(weight.shape)}] instead"
        )
    if x.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{weight.shape[1] * groups} channels, but got {x.shape[1]} channels instead"
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {weight.shape[0]} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )
    sizes = []
    for i in range(n):
        size = out_size(x.shape[2 + i], weight.shape[2 + i], stride[i], padding[i], dilation[i])
        if size <= 0:
            padded = [x.shape[2 + j] + 2 * padding[j] for j in range(n)]
            window = [dilation[j] * (weight.shape[2 + j] - 1) + 1 for j in range(n)]
            raise RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
                f"({' x '.join(map(str, window))}). Kernel size can't be greater than actual input size"
            )
        sizes.append(size)
    return tuple(sizes)


def _type(x: Layout) -> str:
    return f"torch.{rules.what(x.dtype)}Tensor"


def _convolution_rule(
    x: Layout, weight: Layout, bias: Layout | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Result:
    sizes = _check(x, weight, bias, stride, padding, dilation, groups)
    return Result(
        Layout.of((x.shape[0], weight.shape[0], *sizes), x.dtype, x.device), (stride, padding, dilation, groups)
    )


def _padded(x: Tensor, padding: tuple[int, ...]) -> Tensor:
    if not any(padding):
        return x.contiguous()
    n = len(padding)
    shape = (*x.shape[:-n], *(s + 2 * p for s, p in zip(x.shape[-n:], padding, strict=True)))
    result = x.new_zeros(shape)
    _inside(result, padding).copy_(x)
    return result


def _inside(x: Tensor, padding: tuple[int, ...]) -> Tensor:
    n = len(padding)
    return x[(..., *(slice(p, x.shape[x.ndim - n + i] - p) for i, p in enumerate(padding)))]


def _windows(x: Tensor, kernel: tuple[int, ...], sizes: tuple[int, ...], stride: Any, dilation: Any) -> Tensor:
    """[N, C, *sizes, *kernel] over a dense padded input: a view."""
    strides = x.stride()
    n = len(kernel)
    moves, steps = [strides[2 + i] * stride[i] for i in range(n)], [strides[2 + i] * dilation[i] for i in range(n)]
    return as_strided_relative(x, (*x.shape[:2], *sizes, *kernel), (*strides[:2], *moves, *steps), 0)


def _columns(
    x: Tensor,
    weight_shape: tuple[int, ...],
    sizes: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """[groups, N * positions, C/g * window]: the operand of one product a group."""
    n = len(sizes)
    view = _windows(_padded(x, padding), weight_shape[2:], sizes, stride, dilation)
    channels = weight_shape[1]
    split = view.reshape((x.shape[0], groups, channels, *sizes, *weight_shape[2:]))
    order = (1, 0, *range(3, 3 + n), 2, *range(3 + n, 3 + 2 * n))
    return split.permute(order).reshape((groups, x.shape[0] * prod(sizes), channels * prod(weight_shape[2:])))


def _fold_grad(grad: Tensor, groups: int) -> Tensor:
    """[groups, N * positions, O/g] of a result's gradient [N, O, *sizes]."""
    n, channels = grad.shape[:2]
    positions = prod(grad.shape[2:])
    return (
        grad.reshape((n, groups, channels // groups, positions))
        .permute((1, 0, 3, 2))
        .reshape((groups, n * positions, channels // groups))
    )


_ARGS = ((1, 1), (0, 0), (1, 1), 1)
_CONVOLUTIONS = samples.calls(
    (_A(2, 3, 5, 6), _A(4, 3, 3, 2, seed=1), _A(4, seed=2), *_ARGS),
    "[2,3,5,6] [4,3,3,3]#1 None (2,1) (1,1) (1,1) 1; [1,4,6,6]t [4,2,3,3]#1 [4] (1,1) (1,0) (2,1) 2",
    samples.Sample((_A(2, 3, 5, 5), _A(4, 2, 3, 3), None, *_ARGS), error=RuntimeError),
    accepts="f",
    layouts=True,
)


def _input_vjp(
    grad: Tensor, weight: Tensor, input_layout: Layout, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    return convolution_input_grad(grad, conj(weight), tuple(input_layout.shape), stride, padding, dilation, groups)


def _weight_vjp(
    grad: Tensor, input: Tensor, weight_layout: Layout, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    return convolution_weight_grad(grad, conj(input), tuple(weight_layout.shape), stride, padding, dilation, groups)


@primitive(
    rule=_convolution_rule,
    vjp={"input": _input_vjp, "weight": _weight_vjp, "bias": lambda grad: grad.sum((0, *range(2, grad.ndim)))},
    samples=_CONVOLUTIONS, torch_name="",
    lower=Template("f", "convolution"),
)  # fmt: skip
def convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    """Cross-correlation of [N, C, *size] with [O, C/groups, *window]."""
    sizes = tuple(
        out_size(input.shape[2 + i], weight.shape[2 + i], stride[i], padding[i], dilation[i])
        for i in range(len(stride))
    )
    columns = _columns(input, tuple(weight.shape), sizes, stride, padding, dilation, groups)
    w = weight.reshape((groups, weight.shape[0] // groups, prod(weight.shape[1:])))
    product = columns @ w.transpose(1, 2)  # [g, N * positions, O/g]
    result = product.reshape((groups, input.shape[0], prod(sizes), weight.shape[0] // groups)).permute((1, 0, 3, 2))
    result = result.reshape((input.shape[0], weight.shape[0], *sizes))
    return result.contiguous() if bias is None else result + bias.reshape((-1, *(1 for _ in sizes)))


def _input_grad_rule(
    grad: Layout, weight: Layout, input_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Result:
    return Result(
        Layout.of(tuple(input_shape), grad.dtype, grad.device), (input_shape, stride, padding, dilation, groups)
    )


def _input_grad_weight_vjp(
    grad: Tensor, grad_output: Tensor, weight_layout: Layout, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    return convolution_weight_grad(
        conj(grad_output), grad, tuple(weight_layout.shape), stride, padding, dilation, groups
    )


@primitive(
    rule=_input_grad_rule,
    vjp={
        "grad_output": lambda grad, weight, stride, padding, dilation, groups: convolution(
            grad, conj(weight), None, stride, padding, dilation, groups
        ),
        "weight": _input_grad_weight_vjp,
    },
    samples=samples.calls(
        (_A(2, 4, 3, 5), _A(4, 3, 3, 2, seed=1), (2, 3, 5, 6), *_ARGS),
        "[1,4,3,4] [4,2,3,3]#1 (1,4,6,6) (2,1) (1,0) (1,1) 2",
        accepts="f",
        layouts=True,
    ),
    torch_name="",
    lower=Template("f", "convolution_input_grad"),
)
def convolution_input_grad(
    grad_output: Tensor, weight: Tensor, input_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    """Gradient of :func:`convolution` with respect to its input."""
    from ..core.tensor import Tensor as _Tensor
    from .view import as_strided_grad

    assert isinstance(grad_output, _Tensor)
    n = len(stride)
    sizes = tuple(grad_output.shape[2:])
    w = weight.reshape((groups, weight.shape[0] // groups, prod(weight.shape[1:])))
    columns = _fold_grad(grad_output, groups) @ w  # [g, N * positions, C/g * window]
    batch, channels = input_shape[0], weight.shape[1]
    window = tuple(weight.shape[2:])
    spread = columns.reshape((groups, batch, *sizes, channels, *window))
    order = (1, 0, 2 + n, *range(2, 2 + n), *range(3 + n, 3 + 2 * n))
    spread = spread.permute(order).reshape((batch, groups * channels, *sizes, *window))
    padded = tuple(s + 2 * p for s, p in zip(input_shape[2:], padding, strict=True))
    base = Layout.of((batch, input_shape[1], *padded), grad_output.dtype, grad_output.device)
    s = base.strides
    made = Layout.of(
        (batch, input_shape[1], *sizes, *window), base.dtype, base.device,
        (*s[:2], *(s[2 + i] * stride[i] for i in range(n)), *(s[2 + i] * dilation[i] for i in range(n))),
    )  # fmt: skip
    whole = as_strided_grad(spread, base, made, 0)
    return _inside(whole, padding).contiguous()


def _weight_grad_rule(
    grad: Layout, x: Layout, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Result:
    return Result(
        Layout.of(tuple(weight_shape), grad.dtype, grad.device), (weight_shape, stride, padding, dilation, groups)
    )


@primitive(
    rule=_weight_grad_rule,
    vjp={
        "grad_output": lambda grad, input, stride, padding, dilation, groups: convolution(
            conj(input), grad, None, stride, padding, dilation, groups
        ),
        "input": lambda grad, grad_output, input_layout, stride, padding, dilation, groups: convolution_input_grad(
            conj(grad_output), grad, tuple(input_layout.shape), stride, padding, dilation, groups
        ),
    },
    samples=samples.calls(
        (_A(2, 4, 3, 5), _A(2, 3, 5, 6, seed=1), (4, 3, 3, 2), *_ARGS),
        "[1,4,3,4] [1,4,6,6]#1 (4,2,3,3) (2,1) (1,0) (1,1) 2",
        accepts="f",
        layouts=True,
    ),
    torch_name="",
    lower=Template("f", "convolution_weight_grad"),
)
def convolution_weight_grad(
    grad_output: Tensor, input: Tensor, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    """Gradient of :func:`convolution` with respect to its weight."""
    columns = _columns(input, tuple(weight_shape), tuple(grad_output.shape[2:]), stride, padding, dilation, groups)
    product = _fold_grad(grad_output, groups).transpose(1, 2) @ columns
    return product.reshape(tuple(weight_shape))


def _pair(value: Any, n: int, name: str) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * n
    given: tuple[int, ...] = tuple(value)
    if len(given) == 1:
        return given * n
    if len(given) != n:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {n} values to match the convolution "
            f"dimensions, but got {name}={list(given)}"
        )
    return given


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """``torch.nn.functional.conv2d``; padding may be "same" or "valid"."""
    return _convnd(2, input, weight, bias, stride, padding, dilation, groups)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """``torch.nn.functional.conv1d``; padding may be "same" or "valid"."""
    return _convnd(1, input, weight, bias, stride, padding, dilation, groups)


def _convnd(
    n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    s, d = _pair(stride, n, "stride"), _pair(dilation, n, "dilation")
    single = input.ndim == n + 1
    x = input.unsqueeze(0) if single else input
    if isinstance(padding, str):
        if padding == "valid":
            padding = 0
        elif padding == "same":
            if any(v != 1 for v in s):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            if weight.ndim != n + 2:
                raise RuntimeError(
                    f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight"
                    f"{list(weight.shape)}, but got {x.ndim}-dimensional input of size {list(x.shape)} instead"
                )
            total = [d[i] * (weight.shape[2 + i] - 1) for i in range(n)]
            if any(t % 2 for t in total):  # one more after than before
                shape = (*x.shape[:2], *(x.shape[2 + i] + total[i] % 2 for i in range(n)))
                wider = x.new_zeros(shape)
                wider[(..., *(slice(0, x.shape[2 + i]) for i in range(n)))] = x
                x = wider
            padding = tuple(t // 2 for t in total)
        else:
            raise RuntimeError(f"Invalid padding string: '{padding}'")
    result = convolution(x, weight, bias, s, _pair(padding, n, "padding"), d, groups)
    return result.squeeze(0) if single else result
