"""Rearrangement and joining of tensors, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from corelib.dtypes import bool_, complex128, float64, int32, int64
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
V, W, X, Z = A(4), A(3, seed=1), A(3, 4), A(2, 3, 4, layout="transposed")
CUBE = A(4, 2, 6)
SCALAR, EMPTY = A(), A(0, 3)
COUNTS = I64(4, values=(2, 0, 1, 3))

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}
ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(into: dict[str, Any], **entries: Any) -> None:
    for name, (function, *specs) in entries.items():
        assert name not in into
        into[name] = (function, tuple(specs))


calls(
    CALLS,
    roll=(lambda t, x: t.roll(x, 1, 1), X),
    roll_negative=(lambda t, x: t.roll(x, -5, 0), X),
    roll_flat=(lambda t, x: x.roll(2), Z),
    roll_dims=(lambda t, x: x.roll((1, -2), dims=(0, 2)), Z),
    roll_same_dim=(lambda t, x: x.roll((1, 1), (0, 0)), X),
    roll_empty=(lambda t, x: t.roll(x, 1, 0), EMPTY),
    roll_scalar=(lambda t, x: t.roll(x, 1), SCALAR),
    roll_bool=(lambda t, x: t.roll(x, 1, 0), A(5, dtype=bool_)),
    rot90=(lambda t, x: t.rot90(x), X),
    rot90_2=(lambda t, x: t.rot90(x, 2, (1, 2)), Z),
    rot90_3=(lambda t, x: t.rot90(x, -1, (0, -1)), Z),
    rot90_0=(lambda t, x: x.rot90(4), X),
    fliplr=(lambda t, x: t.fliplr(x), X),
    flipud=(lambda t, x: x.flipud(), V),
    tile=(lambda t, x: t.tile(x, (2,)), X),
    tile_more=(lambda t, x: x.tile(2, 1, 3), X),
    tile_list=(lambda t, x: x.tile((3, 2)), X),
    ravel=(lambda t, x: t.ravel(x), Z),
    ravel_scalar=(lambda t, x: x.ravel(), SCALAR),
    unflatten=(lambda t, x: t.unflatten(x, 1, (2, -1)), X),
    unflatten_last=(lambda t, x: x.unflatten(-1, (2, 2)), Z),
    swapdims=(lambda t, x: t.swapdims(x, 0, 2), Z),
    swapaxes=(lambda t, x: x.swapaxes(0, 1), X),
    moveaxis=(lambda t, x: t.moveaxis(x, (0, 1), (2, 0)), Z),
    moveaxis_method=(lambda t, x: x.moveaxis(0, -1), Z),
    adjoint=(lambda t, x: t.adjoint(x), A(2, 3, dtype=complex128)),
    adjoint_real=(lambda t, x: x.adjoint(), Z),
    broadcast_to=(lambda t, x: t.broadcast_to(x, (2, 3, 4)), X),
    broadcast_tensors=(lambda t, x, y: t.broadcast_tensors(x, y), X, V),
    sum_to_size=(lambda t, x: x.sum_to_size(1, 4), X),
    sum_to_size_fewer=(lambda t, x: x.sum_to_size((4,)), Z),
    is_same_size=(lambda t, x, y: t.is_same_size(x, y) or x.is_same_size(x), X, V),
    expand_copy=(lambda t, x: t.expand_copy(x, (3, 4)), V),
    permute_copy=(lambda t, x: t.permute_copy(x, (2, 0, 1)), Z),
    transpose_copy=(lambda t, x: t.transpose_copy(x, 0, 1), X),
    view_copy=(lambda t, x: t.view_copy(x, (4, 3)), X),
    narrow_copy=(lambda t, x: t.narrow_copy(x, 1, 1, 2), X),
    diag_of_vector=(lambda t, x: t.diag(x), V),
    diag_offset=(lambda t, x: x.diag(-2), V),
    diag_of_matrix=(lambda t, x: t.diag(x), X),
    diag_of_matrix_offset=(lambda t, x: t.diag(x, 1), X),
    diag_int=(lambda t, x: t.diag(x), I64(3)),
    diagflat=(lambda t, x: t.diagflat(x, 1), A(2, 2)),
    diag_embed=(lambda t, x: t.diag_embed(x), Z),
    diag_embed_dims=(lambda t, x: x.diag_embed(1, 0, 2), X),
    diag_embed_swapped=(lambda t, x: x.diag_embed(1, 2, 0), X),
    diagonal_scatter=(lambda t, x, y: t.diagonal_scatter(x, y), X, W),
    diagonal_scatter_offset=(lambda t, x, y: x.diagonal_scatter(y, 1), X, W),
    select_scatter=(lambda t, x, y: t.select_scatter(x, y, 0, -1), X, V),
    slice_scatter=(lambda t, x, y: t.slice_scatter(x, y, 1, 0, 4, 2), X, A(3, 2)),
    slice_scatter_start=(lambda t, x, y: x.slice_scatter(y, start=1), X, A(2, 4)),
    repeat_interleave=(lambda t, x: t.repeat_interleave(x, 2), X),
    repeat_interleave_dim=(lambda t, x: t.repeat_interleave(x, 3, 1), Z),
    repeat_interleave_counts=(lambda t, x, n: t.repeat_interleave(x, n, dim=1), X, COUNTS),
    repeat_interleave_one=(lambda t, x, n: x.repeat_interleave(n, 0), X, I64(1, values=(2,))),
    repeat_interleave_only=(lambda t, n: t.repeat_interleave(n), COUNTS),
    repeat_interleave_int32=(lambda t, n: t.repeat_interleave(n), A(3, dtype=int32, values=(1, 0, 2))),
    repeat_interleave_none=(lambda t, n: t.repeat_interleave(n), I64(0)),
    repeat_interleave_zero=(lambda t, x: t.repeat_interleave(x, 0), X),
    repeat_interleave_scalar=(lambda t, x: t.repeat_interleave(x, 2), SCALAR),
    tensor_split=(lambda t, x: t.tensor_split(x, 3, 1), X),
    tensor_split_indices=(lambda t, x: x.tensor_split((1, 3), 1), X),
    tensor_split_beyond=(lambda t, x: x.tensor_split([1, 9]), X),
    tensor_split_many=(lambda t, x: x.tensor_split(6), X),
    hsplit=(lambda t, x: t.hsplit(x, 2), X),
    hsplit_vector=(lambda t, x: x.hsplit([1]), V),
    vsplit=(lambda t, x: t.vsplit(x, 3), X),
    dsplit=(lambda t, x: t.dsplit(x, [2, 3]), CUBE),
    split_with_sizes=(lambda t, x: t.split_with_sizes(x, [1, 3], 1), X),
    unsafe_split=(lambda t, x: t.unsafe_split(x, 2), X),
    unsafe_chunk=(lambda t, x: x.unsafe_chunk(2, 1), X),
    atleast_1d=(lambda t, x, y: t.atleast_1d(x, y), SCALAR, V),
    atleast_2d=(lambda t, x: t.atleast_2d(x), V),
    atleast_3d=(lambda t, x, y, z: t.atleast_3d((x, y, z)), SCALAR, V, X),
    hstack=(lambda t, x, y: t.hstack((x, y)), X, A(3, 2, seed=1)),
    hstack_vectors=(lambda t, x, y: t.hstack((x, y)), SCALAR, V),
    vstack=(lambda t, x, y: t.vstack((x, y)), X, V),
    row_stack=(lambda t, x, y: t.row_stack((x, y)), V, V),
    dstack=(lambda t, x, y: t.dstack((x, y)), V, V),
    dstack_mixed=(lambda t, x, y: t.dstack((x, y)), X, A(3, 4, 2)),
    column_stack=(lambda t, x, y: t.column_stack((x, y)), W, X),
    block_diag=(lambda t, x, y, z: t.block_diag(x, y, z), X, V, SCALAR),
    block_diag_types=(lambda t, x, y: t.block_diag(x, y), I64(2, 2), A(2, dtype=float64)),
    block_diag_none=(lambda t: t.block_diag(),),
    meshgrid=(lambda t, x, y: t.meshgrid(x, y, indexing="ij"), V, W),
    meshgrid_xy=(lambda t, x, y, z: t.meshgrid([x, y, z], indexing="xy"), V, W, SCALAR),
    cartesian_prod=(lambda t, x, y: t.cartesian_prod(x, y), V, W),
    cartesian_prod_one=(lambda t, x: t.cartesian_prod(x), V),
    combinations=(lambda t, x: t.combinations(x), V),
    combinations_repeated=(lambda t, x: t.combinations(x, 3, True), V),
    combinations_none=(lambda t, x: t.combinations(x, 5), V),
    combinations_of_zero=(lambda t, x: t.combinations(x, 0), V),
    tril_indices=(lambda t: t.tril_indices(4, 3),),
    tril_indices_offset=(lambda t: t.tril_indices(3, 5, -1, dtype=t.int32),),
    triu_indices=(lambda t: t.triu_indices(4, 3),),
    triu_indices_offset=(lambda t: t.triu_indices(3, 5, 2),),
    triu_indices_none=(lambda t: t.triu_indices(0, 3),),
    vander=(lambda t, x: t.vander(x), V),
    vander_increasing=(lambda t, x: t.vander(x, 3, True), V),
    vander_int=(lambda t, x: t.vander(x, 2), I64(3)),
    vander_none=(lambda t, x: t.vander(x, 0), V),
)
calls(
    ERRORS,
    roll=(lambda t, x: t.roll(x, (1, 2), 0), X),
    roll_dim=(lambda t, x: t.roll(x, 1, 2), X),
    roll_none=(lambda t, x: t.roll(x, ()), X),
    rot90=(lambda t, x: t.rot90(x), V),
    rot90_same=(lambda t, x: t.rot90(x, 1, (0, 0)), X),
    rot90_dims=(lambda t, x: t.rot90(x, 1, (0,)), X),
    fliplr=(lambda t, x: t.fliplr(x), V),
    flipud=(lambda t, x: t.flipud(x), SCALAR),
    unflatten=(lambda t, x: t.unflatten(x, 1, (3, 2)), X),
    sum_to_size=(lambda t, x: x.sum_to_size(2), X),
    diag=(lambda t, x: t.diag(x), Z),
    diag_embed=(lambda t, x: t.diag_embed(x, 0, 1, 1), X),
    diagonal_scatter=(lambda t, x, y: t.diagonal_scatter(x, y), X, V),
    select_scatter=(lambda t, x, y: t.select_scatter(x, y, 0, 0), X, W),
    slice_scatter=(lambda t, x, y: t.slice_scatter(x, y), X, W),
    repeat_interleave=(lambda t, x: t.repeat_interleave(x, -1), X),
    repeat_interleave_counts=(lambda t, x, n: t.repeat_interleave(x, n, 0), X, COUNTS),
    repeat_interleave_negative=(lambda t, n: t.repeat_interleave(n), I64(2, values=(1, -1))),
    tensor_split=(lambda t, x: t.tensor_split(x, 0), X),
    tensor_split_scalar=(lambda t, x: t.tensor_split(x, 2), SCALAR),
    hsplit=(lambda t, x: t.hsplit(x, 3), X),
    vsplit=(lambda t, x: t.vsplit(x, 2), V),
    dsplit=(lambda t, x: t.dsplit(x, 2), X),
    block_diag=(lambda t, x: t.block_diag(x), Z),
    meshgrid_indexing=(lambda t, x: t.meshgrid(x, indexing="ji"), V),
    cartesian_prod=(lambda t, x: t.cartesian_prod(x), X),
    combinations=(lambda t, x: t.combinations(x), X),
    vander=(lambda t, x: t.vander(x), X),
    hstack=(lambda t: t.hstack([]),),
)

NO_GRADIENT = ("is_same_size", "vander")
"""No tensor comes out, or PyTorch fails on its own in-place write."""


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    if device == "strict" and name == "adjoint":
        with pytest.raises(TypeError, match="does not support"):  # it has no complex numbers, and says so
            oracle.check_values(*CALLS[name], device)
        return
    oracle.check_values(*CALLS[name], device)


@pytest.mark.parametrize(
    "name",
    [
        n
        for n, (_, specs) in CALLS.items()
        if not n.startswith(NO_GRADIENT) and any(s.dtype.category >= 2 for s in specs)
    ],
)
def test_gradients(oracle: Any, name: str) -> None:
    oracle.check_gradients(*CALLS[name])


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.check_error(*ERRORS[name])
