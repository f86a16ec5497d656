"""Padding: a tensor with more elements around it."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...ops.features import constant_pad_nd, cropped
from ...tensor import Tensor

__all__ = ["pad"]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """``pad[0]`` elements before and ``pad[1]`` after the last dimension, ``pad[2:4]`` around the one before it, ...

    Args:
        input: of any shape and dtype for "constant"; else the last 1 to 3 of 2 to 5 dimensions are padded.
        pad: counts; negative ones cut elements off.
        mode: "constant"; "reflect" (mirrored at the edge element), "replicate" (the edge element) or "circular".
        value: what "constant" puts there (0).
    """
    counts = list(map(int, pad))
    if len(counts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(counts) > 2 * input.dim():
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(counts)} and input of dimension {input.dim()}"
        )
    if mode == "constant":
        return constant_pad_nd(input, counts, 0 if value is None else value)
    if value is not None:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _AROUND:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    dims = len(counts) // 2
    if dims not in (1, 2, 3) or input.dim() not in (dims + 1, dims + 2):
        raise NotImplementedError(f"Padding size {len(counts)} is not supported for {input.dim()}D input tensor.")
    result = input
    for i in range(dims):
        result = _AROUND[mode](result, input, input.dim() - 1 - i, *counts[2 * i : 2 * i + 2])
    return result


def _joined(x: Tensor, before: list[Tensor], after: list[Tensor], dim: int) -> Tensor:
    parts = [*before, x, *after]
    return ops.cat(parts, dim) if len(parts) > 1 else x.clone()


def _reflect(x: Tensor, input: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.size(dim)
    if before >= size or after >= size:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension {dim} of input {list(input.shape)}"
        )
    left = [x.narrow(dim, 1, before).flip(dim)] if before > 0 else []
    right = [x.narrow(dim, size - 1 - after, after).flip(dim)] if after > 0 else []
    return _joined(cropped(x, dim, before, after), left, right, dim)


def _replicate(x: Tensor, input: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.size(dim)
    if size == 0:
        raise RuntimeError(f"Expected non-zero size for the padded dimension {dim} of input {list(input.shape)}")

    def edge(place: int, count: int) -> list[Tensor]:
        shape = (*x.shape[:dim], count, *x.shape[dim + 1 :])
        return [x.narrow(dim, place, 1).expand(shape)] if count > 0 else []

    return _joined(cropped(x, dim, before, after), edge(0, before), edge(size - 1, after), dim)


def _circular(x: Tensor, input: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.size(dim)
    if before > size or after > size:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    if size + before + after < 0:
        raise RuntimeError("Negative padding value is resulting in an empty dimension")
    kept = cropped(x, dim, before, after)
    left = [x.narrow(dim, size - before - max(-after, 0), before)] if before > 0 else []
    right = [x.narrow(dim, max(-before, 0), after)] if after > 0 else []
    return _joined(kept, left, right, dim)


_AROUND = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
