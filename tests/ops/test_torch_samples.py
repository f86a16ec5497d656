"""Calls that PyTorch's own sample inputs make and that once differed: arguments' forms, 0-d tensors, dtypes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, float32, int64
from corelib.ops.samples import ArraySpec, Sample, array

A = array
I64 = partial(array, dtype=int64)
TRUE = A(2, 3, dtype=bool_)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


calls(
    to_flags=(lambda t, x: x.to(t.float16, False, True), A(2, 3)),
    to_format=(lambda t, x: x.to(t.float16, memory_format=t.preserve_format), A(2, 3)),
    half_format=(lambda t, x: x.half(memory_format=t.preserve_format), A(2, 3)),
    square_bool=(lambda t, x: t.square(x), TRUE),
    conj_physical_real=(lambda t, x: t.conj_physical(x), A(2, 3)),
    bincount_int_weights=(lambda t, x, w: t.bincount(x, w), I64(5, low=0, high=3), I64(5)),
    bincount_float_weights=(lambda t, x, w: t.bincount(x, w), I64(5, low=0, high=3), A(5, dtype=float32)),
    cov_row=(lambda t, x: t.cov(x), A(1, 4)),
    gradient_no_spacing=(lambda t, x: t.gradient(x, spacing=None, dim=None), A(5)),
    scalar_tensor=(lambda t: t.scalar_tensor(3, requires_grad=True),),
    scatter_reduce_add=(
        lambda t, x, i, y: t.scatter(x, 1, i, t.scatter(y, 1, i, 2.0), reduce="add"),
        A(2, 3), I64(2, 2, low=0, high=2), A(2, 3, seed=1),
    ),
    scatter_reduce_multiply=(lambda t, x, i: t.scatter(x, 0, i, 2.0, reduce="multiply"), A(4), I64(6, low=0, high=3)),
    scatter_in_place=(
        lambda t, x, i, y: x.clone().scatter_(0, i, y, reduce="multiply"), A(4), I64(4, low=0, high=3), A(4, seed=1),
    ),
    index_add_0d=(lambda t, x, i, y: t.index_add(x, 0, i, y, alpha=2), A(), I64(1, low=0, high=0), A(seed=1)),
    take_along_dim_negative=(lambda t, x: t.take_along_dim(x, t.tensor([[-1, 0]]), 1), A(2, 3)),
    norm_nuclear=(lambda t, x: t.norm(x, "nuc"), A(4, 3)),
    norm_nuclear_dim=(lambda t, x: t.norm(x, "nuc", (0, 2)), A(4, 2, 3)),
    vander_0d=(lambda t, x: t.linalg.vander(x, N=3), A()),
    addmv_int=(lambda t, x, m, v: t.addmv(x, m, v, beta=1.6, alpha=2.9), I64(2), I64(2, 3), I64(3)),
    addr_bool=(
        lambda t, x, y: t.addr(x, y[:, 0], x[0], beta=3, alpha=2), TRUE, A(2, 3, dtype=bool_, seed=1),
    ),
    baddbmm_int=(lambda t, x, a: t.baddbmm(x, a, a, beta=1.2, alpha=0.6), I64(2, 3, 3), I64(2, 3, 3, seed=1)),
)  # fmt: skip

calls(  # methods' forms: sizes by name, in place with keywords and on integers
    flip_named=(lambda t, x: x.flip(dims=(0, 1)), A(2, 3)),
    permute_named=(lambda t, x: x.permute(dims=(1, 0)), A(2, 3)),
    repeat_named=(lambda t, x: x.repeat(repeats=(2, 1)), A(2, 3)),
    expand_named=(lambda t, x: x.expand(size=(2, 2, 3)), A(2, 3)),
    view_named=(lambda t, x: x.view(size=(3, 2)), A(2, 3)),
    view_dtype_named=(lambda t, x: x.view(dtype=t.int32), A(2, 4, dtype=float32)),
    reshape_named=(lambda t, x: t.reshape(x, shape=(3, 2)), A(2, 3)),
    tile_named=(lambda t, x: t.tile(x, dims=(2, 1)), A(2, 3)),
    split_named=(lambda t, x: x.split(split_size=2, dim=1), A(2, 3)),
    new_zeros_named=(lambda t, x: x.new_zeros(size=(2, 2)), A(2, 3)),
    new_full_named=(lambda t, x: x.new_full(size=(2,), fill_value=3.0), A(2, 3)),
    new_tensor_named=(lambda t, x: x.new_tensor(data=[1.0]), A(2, 3)),
    round_decimals=(lambda t, x: x.clone().round_(decimals=1), A(2, 3)),
    round_int=(lambda t, x: x.clone().round_(), I64(2, 3)),
    floor_int=(lambda t, x: x.clone().floor_(), I64(2, 3)),
    floor_in_place=(lambda t, x: x.clone().floor_(), A(2, 3)),
    conj_physical_in_place=(lambda t, x: x.clone().conj_physical_(), A(2, 3)),
)

calls(  # NumPy's names
    sum_axis=(lambda t, x: t.sum(x, axis=1, keepdims=True), A(2, 3)),
    method_sum_axis=(lambda t, x: x.sum(axis=(0, 1)), A(2, 3)),
    mean_axis=(lambda t, x: x.mean(axis=0), A(2, 3)),
    max_axis=(lambda t, x: x.max(axis=1), A(2, 3, unique=True)),
    argmax_axis=(lambda t, x: t.argmax(x, axis=1), A(2, 3, unique=True)),
    std_axis=(lambda t, x: x.std(axis=0, unbiased=False), A(2, 3)),
    all_axis=(lambda t, x: x.all(axis=0), A(2, 3, dtype=bool_)),
    softmax_axis=(lambda t, x: t.softmax(x, axis=1), A(2, 3)),
    cumsum_axis=(lambda t, x: x.cumsum(axis=1), A(2, 3)),
    stack_axis=(lambda t, x: t.stack([x, x], axis=1), A(2, 3)),
    cat_axis=(lambda t, x: t.cat([x, x], axis=1), A(2, 3)),
    unsqueeze_axis=(lambda t, x: x.unsqueeze(axis=1), A(2, 3)),
)

calls(  # sizes of new tensors by name
    zeros_size=(lambda t: t.zeros(size=(2, 3)),),
    ones_size=(lambda t: t.ones(size=(2,), dtype=t.int64),),
    empty_size=(lambda t: t.empty(size=(2, 3)).zero_(),),
    rand_size=(lambda t: t.rand(size=(2, 3)) * 0,),
    randn_size=(lambda t: t.randn(size=(2,)) * 0,),
)

GRADIENTS = {
    "index_fill_repeated": (lambda t, x, v: t.index_fill(x, 1, t.tensor([0, 2, 0]), v), A(2, 3), A()),
    "scatter_reduce_add": (lambda t, x, y: t.scatter_reduce(x, 0, t.tensor([0, 1, 1]), y, "sum"), A(4), A(3)),
    "take_along_dim_negative": (lambda t, x: t.take_along_dim(x, t.tensor([[-1, 0]]), 1), A(2, 3)),
    "norm_nuclear": (lambda t, x: t.norm(x, "nuc"), A(4, 3)),
    "index_add_0d": (lambda t, x, y: t.index_add(x, 0, t.tensor([0]), y, alpha=2), A(), A(seed=1)),
}

ERRORS: dict[str, Callable[[Any], Any]] = {
    "pow_numbers": lambda t: t.pow(2, 3),
    "bitwise_and_numbers": lambda t: t.bitwise_and(2, 3),
    "masked_fill_1d_value": lambda t: t.ones(2, 2).masked_fill(t.tensor(True), t.ones(1)),
    "masked_fill_complex": lambda t: t.ones(2).masked_fill(t.tensor([True, False]), 1j),
    "masked_fill_complex_tensor": lambda t: t.arange(2).masked_fill(t.tensor([True, False]), t.tensor(1j)),
    "narrow_0d": lambda t: t.narrow(t.tensor(1.0), 0, 0, 1),
    "narrow_start": lambda t: t.narrow(t.ones(3), 0, 4, 0),
    "narrow_negative_start": lambda t: t.narrow(t.ones(3), 0, -4, 0),
    "narrow_length": lambda t: t.narrow(t.ones(3), 0, 0, -1),
    "roll_0d": lambda t: t.roll(t.tensor(1.0), 0, 0),
    "conv_same_ranks": lambda t: t.nn.functional.conv2d(t.ones(1, 1, 4, 3), t.ones(1, 2, 2), padding="same"),
    "max_pool_padding": lambda t: t.nn.functional.max_pool2d(t.ones(1, 4, 4), 2, padding=-1),
    "avg_pool_padding": lambda t: t.nn.functional.avg_pool2d(t.ones(1, 4, 4), 2, padding=-1),
    "max_pool_dilation": lambda t: t.nn.functional.max_pool2d(t.ones(1, 4, 4), 2, dilation=0),
    "arange_inf": lambda t: t.arange(0, float("inf"), 2),
    "gradient_dims": lambda t: t.gradient(t.ones(3, 3), spacing=0.1, dim=(1, 1)),
    "cov_negative_weights": lambda t: t.cov(t.ones(2, 3), fweights=t.tensor([1, -1, 2])),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(oracle: Any, name: str) -> None:
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)) as theirs:
        ERRORS[name](oracle.torch)
    with pytest.raises(type(theirs.value)) as ours:
        ERRORS[name](corelib)
    if theirs.type is not TypeError:  # PyTorch lists its overloads there
        assert str(ours.value) == str(theirs.value).splitlines()[0]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(oracle: Any, name: str) -> None:
    function, *specs = GRADIENTS[name]
    wide = Sample(tuple(specs)).widened().args
    oracle.same_gradients(partial(function, corelib), partial(function, oracle.torch), wide)


@pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter")
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    theirs = function(oracle.torch, *[oracle.theirs(s) for s in specs])
    oracle.same(function(corelib, *[oracle.ours(s) for s in specs]), theirs, loose=4)


def test_histogram_of_one_number() -> None:
    edges = corelib.histogram(corelib.tensor(2.0), 1)[1]
    assert edges.tolist() == [1.5, 2.5]
    assert corelib.histc(corelib.tensor(2.0), 4).tolist() == [0, 0, 1, 0]
