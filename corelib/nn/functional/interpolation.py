"""Resizing: every output element is a weighted sum of a few input elements, along one dimension after another."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ... import dtypes, ops
from ...creation import tensor
from ...tensor import Tensor
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_Taps = list[list[tuple[int, float]]]  # of each output position, the input positions and their weights
_Round = Callable[[float], float]
_RANKS = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4, "lanczos": 4}


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the spatial dimensions of (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Args:
        input: floating; any dtype for the nearest modes.
        size: of the output's spatial dimensions; or else ``scale_factor``, by which they are multiplied.
        mode: "nearest", "nearest-exact", "linear" (3-d input), "bilinear" and "bicubic" (4-d), "trilinear" (5-d),
            "area", "lanczos" (4-d, with ``antialias``).
        align_corners: whether the corner elements' centres stay where they are (linear and cubic modes).
        recompute_scale_factor: whether positions follow from the sizes rather than from ``scale_factor``.
        antialias: widen the filter when making smaller ("bilinear", "bicubic" and "lanczos").
    """
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: "
                "linear | bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    n = input.dim() - 2
    sizes, scales = _sizes(input, n, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor or mode == "area":
        scales = None
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    rank = _RANKS.get(mode)
    if rank is not None and rank != input.dim() and mode in ("linear", "bilinear", "trilinear") and n in (1, 2, 3):
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {rank}D input")
    if n not in (1, 2, 3) or (rank or input.dim()) != input.dim() or mode not in (*_RANKS, *_WITHOUT_CORNERS):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1](input, sizes)
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if min(sizes) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input (H: {input.shape[-2]}, W: "
            f"{input.shape[-1]}) output (H: {sizes[-2] if n > 1 else 1}, W: {sizes[-1]})"
        )
    return _resized(input, sizes, scales, mode, bool(align_corners), antialias)


_WITHOUT_CORNERS = ("nearest", "nearest-exact", "area")


def _sizes(input: Tensor, n: int, size: Any, scale_factor: Any) -> tuple[list[int], list[float] | None]:
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    name, given = ("size", size) if size is not None else ("scale_factor", scale_factor)
    if isinstance(given, list | tuple):
        if len(given) != n:
            of = "output size" if name == "size" else "scale_factor"
            asked = "output size in (o1, o2, ...,oK)" if name == "size" else "scale_factor in (s1, s2, ...,sK)"
            raise ValueError(
                f"Input and {of if name == 'size' else name} must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {list(input.shape[2:])} and {of} of "
                f"{'' if name == 'size' else 'shape '}{given}. Please provide input tensor in (N, C, d1, d2, ...,dK) "
                f"format and {asked} format."
            )
        values = list(given)
    else:
        values = [given] * n
    if name == "size":
        return list(map(int, values)), None
    return [math.floor(float(input.shape[2 + i]) * values[i]) for i in range(n)], list(map(float, values))


def _resized(
    input: Tensor, sizes: list[int], scales: list[float] | None, mode: str, corners: bool, antialias: bool
) -> Tensor:
    exact: _Round = float if input.dtype is dtypes.float64 else _single
    wide = input.to(dtypes.float32) if input.dtype.is_half and not mode.startswith("nearest") else input
    result = wide
    for i in reversed(range(len(sizes))):
        dim, length = 2 + i, input.shape[2 + i]
        scale = _scale(length, sizes[i], None if scales is None else scales[i], corners, exact)
        taps = _taps(mode, length, sizes[i], scale, corners, antialias, exact)
        if taps != [[(j, 1.0)] for j in range(length)]:
            result = _along(result, dim, taps)
    return result.clone() if result is input else result.to(input.dtype)


def _single(x: float) -> float:
    """Rounded to float32, in which PyTorch finds positions for all dtypes but float64."""
    return float(struct.unpack("f", struct.pack("f", x))[0])


def _scale(length: int, size: int, given: float | None, corners: bool, exact: _Round) -> float:
    """Input elements per output element."""
    if corners:
        return exact((length - 1) / (size - 1)) if size > 1 else 0.0
    return exact(1.0 / given) if given is not None and given > 0 else exact(length / size)


def _along(x: Tensor, dim: int, taps: _Taps) -> Tensor:
    total = None
    for k in range(max(map(len, taps))):
        at = [row[k] if k < len(row) else (row[0][0], 0.0) for row in taps]
        part = ops.index_select(x, dim, tensor([place for place, _ in at], dtype=dtypes.int64, device=x.device))
        weights = [weight for _, weight in at]
        if any(w != 1.0 for w in weights):
            shape = (-1, *(1,) * (x.dim() - 1 - dim))
            part = part * tensor(weights, dtype=x.dtype, device=x.device).reshape(shape)
        total = part if total is None else total + part
    assert total is not None
    return total


def _taps(mode: str, length: int, size: int, scale: float, corners: bool, antialias: bool, exact: _Round) -> _Taps:
    if antialias:
        return [_filtered(mode, length, scale, i, exact) for i in range(size)]
    rows: _Taps = []
    for i in range(size):
        if mode == "nearest":
            rows.append([(min(math.floor(_single(exact(i * scale))), length - 1), 1.0)])
            continue
        if mode == "nearest-exact":
            middle = exact(scale * (i + 0.5) - 0.5)  # in one step, as fused arithmetic does
            rows.append([(min(math.floor(_single(exact(middle + 0.5))), length - 1), 1.0)])
            continue
        source = exact(scale * i) if corners else exact(exact(scale * (i + 0.5)) - 0.5)
        if mode == "bicubic":
            base = min(math.floor(source), length - 1)
            part = min(max(exact(source - base), 0.0), 1.0)
            places = [min(max(base + k, 0), length - 1) for k in (-1, 0, 1, 2)]
            rows.append(list(zip(places, _cubic(part), strict=True)))
        else:
            source = source if corners else max(source, 0.0)
            base = min(math.floor(source), length - 1)
            part = min(max(exact(source - base), 0.0), 1.0)
            rows.append([(base, 1.0 - part), (min(base + 1, length - 1), part)])
            if part == 0.0:
                rows[-1].pop()
    return rows


def _cubic(t: float, a: float = -0.75) -> list[float]:
    """Weights of the elements at -1, 0, 1 and 2 for a point at ``t``."""

    def near(x: float) -> float:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: float) -> float:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _filter(mode: str, x: float) -> float:
    x = abs(x)
    if mode == "bilinear":
        return 1.0 - x if x < 1.0 else 0.0
    if mode == "lanczos":
        if x == 0.0:
            return 1.0
        return 3.0 * math.sin(math.pi * x) * math.sin(math.pi * x / 3.0) / (math.pi * x) ** 2 if x < 3.0 else 0.0
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 if x < 2.0 else 0.0


def _filtered(mode: str, length: int, scale: float, i: int, exact: _Round) -> list[tuple[int, float]]:
    """The taps of a filter as wide as an output element."""
    half = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}[mode]
    support = exact(half * scale) if scale >= 1.0 else half
    center = exact(scale * (i + 0.5))
    first = max(int(center - support + 0.5), 0)
    count = min(int(center + support + 0.5), length) - first
    narrow = 1.0 / scale if scale >= 1.0 else 1.0
    weights = [_filter(mode, (j + first - center + 0.5) * narrow) for j in range(max(count, 1))]
    total = sum(weights) or 1.0
    return [(min(first + j, length - 1), w / total) for j, w in enumerate(weights)]


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """``interpolate``, by its older name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """``interpolate`` with mode "nearest", by its older name."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(
    input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """``interpolate`` with mode "bilinear" and ``align_corners``, by its older name."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
