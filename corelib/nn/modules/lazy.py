"""Modules that learn the sizes of their parameters from their first input."""

from __future__ import annotations

from typing import Any, ClassVar

from ...creation import tensor
from ...device import Device
from ...dtypes import dtype as DType
from ...dtypes import int64
from ...tensor import Tensor
from .._dimensions import Size as _Size
from ..parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _NormBase
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _ConvNd,
)
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .linear import Linear
from .module import Module

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyModuleMixin(Module):
    """Before a module class in the bases: ``initialize_parameters`` runs on the first input, before forward.

    It makes the ``UninitializedParameter`` and ``UninitializedBuffer`` members ordinary ones; then the module's
    class becomes ``cls_to_become``.  Loading a ``state_dict`` gives them their shapes too.
    """

    cls_to_become: ClassVar[type[Module] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(_infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters and buffers their shapes and values, from the arguments of forward."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether the shape of some parameter or buffer is not known yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))


def _take_shapes(module: Any, state_dict: Any, prefix: str, *args: Any) -> None:
    """The shapes of what is about to be loaded."""
    for name, own in (*module._parameters.items(), *module._buffers.items()):
        if is_lazy(own) and prefix + name in state_dict and not is_lazy(state_dict[prefix + name]):
            own.materialize(tuple(state_dict[prefix + name].shape))


def _infer_parameters(module: Any, args: Any, kwargs: Any) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook
    del module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """``Linear`` whose ``in_features`` is the last size of the first input."""

    cls_to_become = Linear

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the initial weights, where the shapes are known."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            _materialize(self.weight, (self.out_features, self.in_features))
            _materialize(self.bias, (self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:
            if input.shape[-1] != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {input.shape[-1]} is not equal to in_features from "
                    f"self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = input.shape[-1]


def _materialize(x: Any, shape: tuple[int, ...]) -> None:
    if is_lazy(x):
        x.materialize(shape)


class _ByDims(LazyModuleMixin):
    """Classes that name their ``dims`` become their second base."""

    _learned: ClassVar[str]

    def __init_subclass__(cls, dims: int = 0, **kwargs: Any) -> None:
        super().__init_subclass__(dims=dims, **kwargs)  # type: ignore[call-arg]
        if dims:
            cls.cls_to_become = cls.__bases__[1]
            cls.__doc__ = f"``{cls.cls_to_become.__name__}`` whose {cls._learned} of the first input."


class _LazyConvNd(_ByDims, _ConvNd):
    _learned = "``in_channels`` is that"

    def _await(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the initial weights, where the shapes are known."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        if not self.has_uninitialized_params():
            return
        n = self._dims
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but got input "
                f"of size: {input.shape}"
            )
        self.in_channels = input.shape[-n - 1]
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        outer, inner = (
            (self.in_channels, self.out_channels) if self.transposed else (self.out_channels, self.in_channels)
        )
        _materialize(self.weight, (outer, inner // self.groups, *self.kernel_size))
        _materialize(self.bias, (self.out_channels,))
        self.reset_parameters()


class _LazyConv(_LazyConvNd):
    def __init__(
        self, out_channels: int, kernel_size: _Size, stride: _Size = 1, padding: str | _Size = 0, dilation: _Size = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._await(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd):
    def __init__(
        self, out_channels: int, kernel_size: _Size, stride: _Size = 1, padding: _Size = 0, output_padding: _Size = 0,
        groups: int = 1, bias: bool = True, dilation: _Size = 1, padding_mode: str = "zeros",
        device: str | Device | None = None, dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        self._await(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d, dims=1): ...


class LazyConv2d(_LazyConv, Conv2d, dims=2): ...


class LazyConv3d(_LazyConv, Conv3d, dims=3): ...


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d, dims=1): ...


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d, dims=2): ...


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d, dims=3): ...


class _LazyNormBase(_ByDims, _NormBase):
    _learned = "``num_features`` is the number of channels"

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: str | Device | None = None, dtype: DType | None = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64, device=device)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, nothing tracked, where the shapes are known."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for x in (self.weight, self.bias, self.running_mean, self.running_var):
                _materialize(x, (self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d, dims=1): ...


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d, dims=2): ...


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d, dims=3): ...


class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d, dims=1): ...


class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d, dims=2): ...


class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d, dims=3): ...
