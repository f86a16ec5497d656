"""Batch normalization of one to three spatial dimensions."""

from __future__ import annotations

from typing import Any

from ... import dtypes
from ...creation import ones, tensor, zeros
from ...device import Device
from ...dtypes import dtype as DType
from ...tensor import Tensor
from .. import functional as F
from ._affine import Affine
from ._by_dims import ByDims
from .module import Module

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


class _NormBase(ByDims, Affine):
    """Per-channel scales, shifts and running statistics.

    Args:
        num_features: C.
        momentum: how far the running statistics move to each batch's; None averages all batches alike.
        affine: whether there are ``weight`` (ones) and, with ``bias``, ``bias`` (zeros), (C) each.
        track_running_stats: whether there are ``running_mean`` and ``running_var`` (C), which evaluation
            mode uses, and ``num_batches_tracked``; without them the batch's own statistics are always used.
    """

    _version = 2  # since version 2 num_batches_tracked is in the state_dict

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make(num_features, affine, bias, device, dtype)
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=dtypes.int64, device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was tracked: mean 0, variance 1, no batches."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, nothing tracked."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *args: Any) -> None:
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.track_running_stats:
            key = prefix + "num_batches_tracked"  # absent from version 1: keep the present count
            if key not in state_dict:
                state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


class _BatchNorm(_NormBase):
    __doc__ = "Normalizes every channel of (N, C, ...) over all other dimensions.\n\n    " + (_NormBase.__doc__ or "")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # cumulative average
                momentum = 1.0 / float(self.num_batches_tracked)
        mean, var = self.running_mean, self.running_var
        by_batch = self.training or (mean is None and var is None)
        if self.training and not self.track_running_stats:
            mean = var = None  # switched off after construction: they must not change
        return F.batch_norm(input, mean, var, self.weight, self.bias, by_batch, momentum, self.eps)


class _BatchNormNd(_BatchNorm):
    __doc__ = "Batch normalization of {batches}.\n\n    " + (_BatchNorm.__doc__ or "")

    def _check_input_dim(self, input: Tensor) -> None:
        n, found = self._dims, input.dim()
        if found != n + 2 and (n, found) != (1, 2):
            raise ValueError(f"expected {'2D or 3D' if n == 1 else f'{n + 2}D'} input (got {found}D input)")


class BatchNorm1d(_BatchNormNd, dims=1): ...


class BatchNorm2d(_BatchNormNd, dims=2): ...


class BatchNorm3d(_BatchNormNd, dims=3): ...


class SyncBatchNorm(_BatchNorm):
    __doc__ = (
        "Batch normalization of (N, C, ...) over the batches of all processes, of which there is one here.\n\n    "
        + (_BatchNorm.__doc__ or "")
    )

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with every batch normalization in it replaced by a ``SyncBatchNorm`` of the same tensors."""
        result = module
        if isinstance(module, _BatchNorm):
            made = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group,
            )  # fmt: skip
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(made, name, getattr(module, name))
            made.training = module.training
            result = made
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result
