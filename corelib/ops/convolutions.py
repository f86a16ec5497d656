"""Convolutions of one to three dimensions, and transposed ones, over the primitives of any number of dimensions."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from .convolution import _convnd, _pair, _type, conv1d, conv2d, convolution_input_grad
from .features import constant_pad_nd

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """``torch.nn.functional.conv3d``: [N, C, D, H, W] with [O, C/groups, kD, kH, kW]; padding may be "same"/"valid"."""
    return _convnd(3, input, weight, bias, stride, padding, dilation, groups)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """``conv1d`` of [T, N, C] with [k, C, O] and [O], to [T_out, N, O]."""
    result = conv1d(input.permute((1, 2, 0)), weight.permute((2, 1, 0)), bias, 1, pad)
    return result.permute((2, 0, 1)).contiguous()


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The gradient of ``conv1d`` as a map: [N, C, L] with [C, O/groups, k] to [N, O, (L-1)*stride-2*padding+...]."""
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The gradient of ``conv2d`` as a map: [N, C, H, W] with [C, O/groups, kH, kW]."""
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The gradient of ``conv3d`` as a map: [N, C, D, H, W] with [C, O/groups, kD, kH, kW]."""
    return _transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _check(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, steps: Any, pads: Any) -> None:
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if any(s <= 0 for s in steps[0]):
        raise RuntimeError("non-positive stride is not supported")
    if any(p < 0 for p in pads[0]):
        raise RuntimeError("negative padding is not supported")
    if any(p < 0 for p in pads[1]):
        raise RuntimeError("negative output_padding is not supported")
    if any(d <= 0 for d in steps[1]):
        raise RuntimeError("dilation should be greater than zero")
    if x.dtype is not weight.dtype:
        raise RuntimeError(
            f"Input type ({_type(x._layout)}) and weight type ({_type(weight._layout)}) should be the same "
            "or input should be a MKLDNN tensor and weight is a dense tensor"
        )
    if bias is not None and bias.dtype is not x.dtype:
        raise RuntimeError(f"Input type ({_type(x._layout)}) and bias type ({_type(bias._layout)}) should be the same")
    sizes = list(weight.shape)
    if sizes[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{sizes}] instead"
        )
    if x.shape[1] != sizes[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {sizes}, expected input{list(x.shape)} to have {sizes[0]} channels, "
            f"but got {x.shape[1]} channels instead"
        )
    if bias is not None and tuple(bias.shape) != (sizes[1] * groups,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {sizes}, expected bias to be 1-dimensional with "
            f"{sizes[1] * groups} elements, but got bias of size {list(bias.shape)} instead"
        )


def _transposed(
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to conv_transpose{n}d, but got input of size: "
            f"{list(input.shape)}"
        )
    step, space = _pair(stride, n, "stride"), _pair(dilation, n, "dilation")
    cut, extra = _pair(padding, n, "padding"), _pair(output_padding, n, "output_padding")
    single = input.ndim == n + 1
    x = input.unsqueeze(0) if single else input
    _check(x, weight, bias, groups, (step, space), (cut, extra))
    for i in range(n):
        if extra[i] >= step[i] and extra[i] >= space[i]:
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, but got output_padding_height: "
                f"{extra[-2] if n > 1 else 0} output_padding_width: {extra[-1]} stride_height: "
                f"{step[-2] if n > 1 else 1} stride_width: {step[-1]} dilation_height: "
                f"{space[-2] if n > 1 else 1} dilation_width: {space[-1]}"
            )
    reach = [(x.shape[2 + i] - 1) * step[i] + space[i] * (weight.shape[2 + i] - 1) + 1 for i in range(n)]
    sizes = [reach[i] - 2 * cut[i] + extra[i] for i in range(n)]
    if any(s <= 0 for s in sizes):
        raise RuntimeError(
            f"Given input size per channel: {list(x.shape[2:])}. Calculated output size per channel: {sizes}. Output "
            "size is too small"
        )
    lead = (x.shape[0], weight.shape[1] * groups)
    if all(e < s for e, s in zip(extra, step, strict=True)):
        result = convolution_input_grad(x, weight, (*lead, *sizes), step, cut, space, groups)
    else:  # more than any input of conv would leave over: made whole, then framed
        whole = convolution_input_grad(x, weight, (*lead, *reach), step, (0,) * n, space, groups)
        result = constant_pad_nd(whole, [v for i in reversed(range(n)) for v in (-cut[i], extra[i] - cut[i])])
    if bias is not None:
        result = result + bias.reshape((-1, *(1 for _ in sizes)))
    return result.squeeze(0) if single else result
