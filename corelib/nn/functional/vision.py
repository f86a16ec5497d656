"""Sampling images at given positions."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

from ... import dtypes, ops
from ...tensor import Tensor
from .interpolation import _cubic

__all__ = ["affine_grid", "grid_sample"]

_CHANGED = (
    "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
    "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details."
)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Elements of (N, C, H, W) at the positions (N, H_out, W_out, 2), or of (N, C, D, H, W) at (N, ..., 3).

    Args:
        grid: positions, x first, from -1 (one end of the input) to 1 (the other).
        mode: "bilinear" (of the nearest elements), "nearest" or "bicubic" (4-d input only).
        padding_mode: what lies outside: "zeros", "border" (the nearest element) or "reflection".
        align_corners: whether -1 and 1 are the centres of the corner elements, or their outer edges.
    """
    name = "nn.functional.grid_sample()"
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"{name}: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"{name}: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(_CHANGED, stacklevel=2)
        align_corners = False
    _check(input, grid, mode)
    n = input.dim() - 2
    choices = []  # of each spatial dimension: (position, weight or None)
    for i in range(n):
        size = input.shape[2 + i]
        where = grid[..., n - 1 - i]
        where = (where + 1) * ((size - 1) / 2) if align_corners else ((where + 1) * size - 1) / 2
        choices.append(_choices(where, size, mode, padding_mode, align_corners))
    flat = input.flatten(2)
    total = None
    for chosen in itertools.product(*choices):
        part = _taken(flat, [place for place, _ in chosen], tuple(input.shape[2:]))
        for _, weight in chosen:
            if weight is not None:
                part = part * weight.unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    return total


def _check(input: Tensor, grid: Tensor, mode: str) -> None:
    if input.dtype is not grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has {input.dtype} and grid has "
            f"{grid.dtype}"
        )
    n = input.dim() - 2
    if n not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[-1] != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        dim = 2 + tuple(input.shape[2:]).index(0)
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(input.shape)} with dimension {dim} being empty"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def _choices(where: Tensor, size: int, mode: str, padding: str, corners: bool) -> list[tuple[Tensor, Any]]:
    """The elements along one dimension that a position is made of, and their weights."""
    if mode == "bicubic":
        base = ops.floor(where.detach())
        weights = _cubic(where - base)  # type: ignore[arg-type]
        return [(_inside(base + k, size, padding, corners), w) for k, w in zip((-1, 0, 1, 2), weights, strict=True)]
    where = _inside(where, size, padding, corners)
    if mode == "nearest":
        return [(ops.round_float(where.detach()), None)]
    base = ops.floor(where.detach())
    part = where - base
    return [(base, 1 - part), (base + 1, part)]


def _inside(where: Tensor, size: int, padding: str, corners: bool) -> Tensor:
    """Positions brought into the input, unless zeros lie outside."""
    if padding == "zeros":
        return where
    if padding == "reflection":
        low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
        span = high - low
        if span == 0:
            where = where * 0
        else:
            away = (where - low).abs()
            extra = ops.fmod(away, span)
            even = (ops.floor(away.detach() / span) % 2).eq(0)
            where = ops.where(even, extra + low, span - extra + low)
    last = float(size - 1)
    return ops.where(where > 0, ops.where(where < last, where, last), 0.0)


def _taken(flat: Tensor, places: list[Tensor], sizes: tuple[int, ...]) -> Tensor:
    """The elements at whole positions, [N, C, ...]; zeros where one lies outside."""
    within, index = None, None
    for place, size in zip(places, sizes, strict=True):
        here = place.detach()
        ok = (here >= 0) & (here <= size - 1)
        whole = ops.where(ok, here, 0.0).to(dtypes.int64)
        within = ok if within is None else within & ok
        index = whole if index is None else index * size + whole
    assert within is not None and index is not None
    batch, channels = flat.shape[:2]
    spread = index.reshape((batch, 1, -1)).expand((batch, channels, index.numel() // max(batch, 1)))
    found = flat.gather(2, spread).reshape((batch, channels, *index.shape[1:]))
    return ops.where(within.unsqueeze(1), found, 0.0)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The positions (N, H, W, 2) that affine maps (N, 2, 3) send an image of ``size`` (N, C, H, W) to; or in 3-d.

    Theirs (N, D, H, W, 3) of (N, 3, 4); for ``grid_sample`` with the same ``align_corners``.
    """
    if align_corners is None:
        warnings.warn(_CHANGED, stacklevel=2)
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    if theta.dim() != 3 or tuple(theta.shape[-2:]) != (n, n + 1):
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {theta.shape}."
        )
    if align_corners and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
            "is not an intended use case of affine_grid. See the documentation of affine_grid for details.",
            stacklevel=2,
        )
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    spatial = tuple(size[2:])
    parts = []
    for i in reversed(range(n)):
        steps = _steps(theta, spatial[i], align_corners)
        parts.append(steps.reshape((-1, *(1,) * (n - 1 - i))).expand(spatial))
    parts.append(theta.new_ones(spatial))
    base = ops.stack(parts, -1).reshape((1, -1, n + 1)).expand((size[0], -1, n + 1))
    return ops.bmm(base, theta.transpose(1, 2)).reshape((size[0], *spatial, n))


def _steps(like: Tensor, count: int, corners: bool) -> Tensor:
    if count <= 1:
        return like.new_zeros((count,))
    steps = ops.linspace(-1, 1, count, dtype=like.dtype, device=like.device)
    return steps if corners else steps * (count - 1) / count
