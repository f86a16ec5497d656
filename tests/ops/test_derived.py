"""What is said in primitives, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, complex64, complex128, float16, float64, int32, int64, uint8
from corelib.ops.samples import ArraySpec, Sample, array

A = array
I64 = partial(array, dtype=int64)
MASK = A(3, 4, dtype=bool_)
X, Y, Z = A(3, 4), A(3, 4, seed=1), A(2, 3, 4, layout="transposed")
INT, SMALL = I64(3, 4, low=-9, high=9), A(3, 4, dtype=uint8, low=0, high=9)
POSITIVE = A(3, 4, low=0.5, high=3.0)
APART = A(3, 4, unique=True)
EDGES = A(8, values=(0.0, -0.0, 1.5, -1.5, float("inf"), -float("inf"), float("nan"), 2.5))
CLASSES = I64(5, low=0, high=3)
IMAGE = A(2, 3, 7, 6)
KERNEL = A(4, 3, 3, 2, seed=1)
WEIGHTS = [0.5, 1.0, 2.0, 1.5]

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


calls(  # elementwise
    clamp=(lambda t, x: t.clamp(x, -1, 1.5), X),
    clamp_min=(lambda t, x: t.clamp(x, min=0), X),
    clamp_max=(lambda t, x: t.clamp(x, max=0.5), X),
    clamp_int=(lambda t, x: t.clamp(x, -2, 3), INT),
    clamp_int_float=(lambda t, x: t.clamp(x, max=1.5), INT),
    clamp_tensors=(lambda t, x, a: t.clamp(x, a, a + 1), X, Y),
    clamp_crossed=(lambda t, x: t.clamp(x, 1, -1), X),
    clamp_nan=(lambda t, x: t.clamp(x, -1, 1), EDGES),
    remainder=(lambda t, a, b: t.remainder(a, b), X, Y),
    remainder_number=(lambda t, a: t.remainder(a, -1.5), X),
    remainder_int=(lambda t, a, b: t.remainder(a, b), INT, I64(3, 4, low=2, high=5)),
    remainder_int_negative=(lambda t, a: t.remainder(a, -4), INT),
    remainder_r=(lambda t, a: 5 % a, POSITIVE),
    remainder_edges=(lambda t, a: t.remainder(a, 2.0), EDGES),
    remainder_zero=(lambda t, a: t.remainder(a, 0.0), EDGES),
    remainder_inf=(lambda t, a: t.remainder(a, float("inf")), EDGES),
    remainder_uint8=(lambda t, a: t.remainder(a, 4), SMALL),
    floor_divide=(lambda t, a, b: t.floor_divide(a, b), X, Y),
    floor_divide_number=(lambda t, a: a // 0.7, X),
    floor_divide_int=(lambda t, a: a // 4, INT),
    floor_divide_negative=(lambda t, a: a // -4, INT),
    floor_divide_r=(lambda t, a: 7 // a, POSITIVE),
    floor_divide_edges=(lambda t, a: a // 2.0, EDGES),
    floor_divide_zero=(lambda t, a: a // 0.0, EDGES),
    floor_divide_uint8=(lambda t, a: a // 2, SMALL),
    div_trunc=(lambda t, a, b: t.div(a, b, rounding_mode="trunc"), X, Y),
    div_floor=(lambda t, a, b: t.div(a, b, rounding_mode="floor"), X, Y),
    div_trunc_int=(lambda t, a: t.div(a, -4, rounding_mode="trunc"), INT),
    div_int=(lambda t, a: a / 4, INT),
    floor=(lambda t, x: t.floor(x), X),
    floor_int=(lambda t, x: t.floor(x), INT),
    ceil=(lambda t, x: t.ceil(x), X),
    ceil_edges=(lambda t, x: t.ceil(x), EDGES),
    trunc=(lambda t, x: t.trunc(x), X),
    trunc_int=(lambda t, x: t.trunc(x), INT),
    trunc_edges=(lambda t, x: t.trunc(x), EDGES),
    round=(lambda t, x: t.round(x), EDGES),
    round_decimals=(lambda t, x: t.round(x, decimals=2), X),
    round_tens=(lambda t, x: t.round(x * 100, decimals=-1), X),
    sign=(lambda t, x: t.sign(x), EDGES),
    sign_bool=(lambda t, x: t.sign(x), MASK),
    square=(lambda t, x: t.square(x), X),
    ne=(lambda t, a, b: t.ne(a, b), INT, SMALL),
    gt=(lambda t, a, b: t.gt(a, b), X, Y),
    ge=(lambda t, a: t.ge(a, 0), EDGES),
    isnan=(lambda t, x: t.isnan(x), EDGES),
    isinf=(lambda t, x: t.isinf(x), EDGES),
    isfinite=(lambda t, x: t.isfinite(x), EDGES),
    isnan_int=(lambda t, x: t.isnan(x), INT),
    isfinite_complex=(lambda t, x: t.isfinite(x), A(3, dtype=complex64)),
    logical_not=(lambda t, x: t.logical_not(x), INT),
    abs_complex=(lambda t, x: t.abs(x), A(3, dtype=complex128)),
    add_alpha=(lambda t, a, b: t.add(a, b, alpha=2), X, Y),
    sub_alpha=(lambda t, a, b: t.sub(a, b, alpha=0.5), X, Y),
    add_number_first=(lambda t, a: 2 + a, X),
    rsub=(lambda t, a: 2 - a, X),
    rdiv=(lambda t, a: 2 / a, POSITIVE),
    rpow=(lambda t, a: 2**a, X),
    rpow_zero=(lambda t, a: 0.0**a, POSITIVE),
    pow_square=(lambda t, a: a**2, X),
    pow_zero=(lambda t, a: a**0, X),
    pow_half=(lambda t, a: a**0.5, POSITIVE),
    pow_minus=(lambda t, a: a**-2, POSITIVE),
    pow_tensor=(lambda t, a, b: a**b, POSITIVE, Y),
    pow_int=(lambda t, a: a**3, INT),
    pow_int_float=(lambda t, a: a**0.5, SMALL),
    pow_edges=(lambda t, a: a**2.0, EDGES),
    pow_at_zero=(lambda t, a: a**3, A(3, values=(0.0, 1.0, -2.0))),
    reflected_compare=(lambda t, a: (a > 1) & (a <= 2.0), X),
    bits=(lambda t, a: (a & 6) | (a ^ 1), SMALL),
    shifts=(lambda t, a: (a << 3) >> 1, INT),
    invert=(lambda t, a: ~a, MASK),
    where_numbers=(lambda t, m: t.where(m, 1.5, -2), MASK),
    where_number=(lambda t, m, x: t.where(m, x, 0), MASK, X),
    where_mixed=(lambda t, m, a, b: t.where(m, a, b), MASK, X, INT),
    where_indices=(lambda t, m: t.where(m), MASK),
    maximum_ties=(lambda t, x: t.maximum(x, t.zeros_like(x)), A(3, values=(0.0, 1.0, -1.0))),
)
calls(  # NumPy's names of dim and keepdim
    axis_sum=(lambda t, x: t.sum(x, axis=1, keepdims=True), X),
    axis_mean=(lambda t, x: x.mean(axis=(0, 2)), Z),
    axis_max=(lambda t, x: x.max(axis=1, keepdims=True), APART),
    axis_cat=(lambda t, x, y: t.cat([x, y], axis=1), X, Y),
    axis_stack=(lambda t, x, y: t.stack((x, y), axis=-1), X, Y),
    axis_std=(lambda t, x: x.std(axis=0), X),
    axis_squeeze=(lambda t, x: x[:1].squeeze(axis=0), X),
    axis_softmax=(lambda t, x: t.softmax(x, axis=1), X),
    axis_any=(lambda t, x: t.any(x, axis=0), MASK),
)
calls(  # unique
    unique_all=(lambda t, x: t.unique(x, return_inverse=True, return_counts=True), I64(3, 4, low=0, high=4)),
    unique_counts=(lambda t, x: t.unique(x, return_counts=True), I64(9, low=0, high=4)),
    unique_dim=(lambda t, x: t.unique(x, dim=0), I64(9, 2, low=0, high=2)),
    unique_dim_all=(lambda t, x: t.unique(x, True, True, True, 1), I64(2, 9, 2, low=0, high=1)),
    unique_empty=(lambda t, x: t.unique(x, return_inverse=True, return_counts=True), I64(0)),
    unique_one=(lambda t, x: t.unique(x, return_inverse=True, return_counts=True), I64()),
    pow_named=(lambda t, x: t.pow(x, exponent=2), X),
)
calls(  # reductions
    var=(lambda t, x: t.var(x), X),
    var_dim=(lambda t, x: t.var(x, 1, keepdim=True), X),
    var_dims=(lambda t, x: t.var(x, (0, 2)), Z),
    var_biased=(lambda t, x: t.var(x, 0, unbiased=False), X),
    var_correction=(lambda t, x: t.var(x, dim=1, correction=2), X),
    std=(lambda t, x: t.std(x, 0), X),
    std_all=(lambda t, x: t.std(x), Z),
    std_biased=(lambda t, x: t.std(x, unbiased=False), X),
    var_mean=(lambda t, x: t.var_mean(x, 1), X),
    var_half=(lambda t, x: t.var(x, 1), A(3, 4, dtype=float16)),
    var_complex=(lambda t, x: t.var(x, 1), A(3, 4, dtype=complex128)),
    norm=(lambda t, x: t.norm(x), X),
    norm_dim=(lambda t, x: t.norm(x, dim=1), X),
    norm_1=(lambda t, x: t.norm(x, 1, 0), X),
    norm_3=(lambda t, x: t.norm(x, 3, 1, True), X),
    norm_inf=(lambda t, x: t.norm(x, float("inf")), APART),
    norm_minus_inf=(lambda t, x: t.norm(x, float("-inf"), 1), APART),
    norm_0=(lambda t, x: t.norm(x, 0), X),
    norm_at_zero=(lambda t, x: t.norm(x * 0), X),
    norm_complex=(lambda t, x: t.norm(x), A(3, 4, dtype=complex128)),
    any=(lambda t, x: t.any(x), MASK),
    any_dim=(lambda t, x: t.any(x, 1), INT),
    any_empty=(lambda t, x: t.any(x), A(0)),
    any_empty_dim=(lambda t, x: t.any(x, 0, keepdim=True), A(0, 3)),
    any_float=(lambda t, x: t.any(x), EDGES),
    any_uint8=(lambda t, x: t.any(x, 1), SMALL),
    all=(lambda t, x: t.all(x), MASK),
    all_dim=(lambda t, x: t.all(x, 0), MASK),
    all_empty=(lambda t, x: t.all(x, 1), A(3, 0)),
    all_int=(lambda t, x: t.all(x, 1, True), INT),
    any_dims=(lambda t, x: t.any(x, (0, 1)), MASK),
    all_scalar=(lambda t, x: t.all(x), A()),
    count_nonzero=(lambda t, x: t.count_nonzero(x), INT),
    count_nonzero_dim=(lambda t, x: t.count_nonzero(x, 1), INT),
    max=(lambda t, x: t.max(x), APART),
    max_dim=(lambda t, x: t.max(x, 1), APART),
    max_keep=(lambda t, x: t.max(x, 0, True), APART),
    max_int=(lambda t, x: t.max(x, -1), INT),
    max_bool=(lambda t, x: t.max(x), MASK),
    max_bool_dim=(lambda t, x: t.max(x, 1), MASK),
    max_scalar=(lambda t, x: t.max(x, 0), A()),
    max_other=(lambda t, a, b: t.max(a, b), X, Y),
    min=(lambda t, x: t.min(x), APART),
    min_dim=(lambda t, x: t.min(x, 0), APART),
    min_nan=(lambda t, x: t.min(x, 0), EDGES),
    min_ties=(lambda t, x: t.min(x), A(3, values=(1.0, 1.0, 2.0))),
    argmax=(lambda t, x: t.argmax(x), APART),
    argmin=(lambda t, x: t.argmin(x, 1, keepdim=True), APART),
    argmax_keep=(lambda t, x: t.argmax(x, keepdim=True), APART),
    argmax_scalar=(lambda t, x: t.argmax(x), A()),
    sum_list=(lambda t, x: t.sum(x, [0, 2]), Z),
    sum_dtype=(lambda t, x: t.sum(x, dtype=t.float64), X),
    mean_list=(lambda t, x: x.mean([0, 1]), Z),
    prod_zero=(lambda t, x: t.prod(x), A(4, values=(2.0, 0.0, 3.0, 0.5))),
    prod_zeros=(lambda t, x: t.prod(x, 1), A(2, 3, values=(0.0, 2.0, 0.0, 1.0, 0.0, 3.0))),
    prod_empty=(lambda t, x: t.prod(x), A(0)),
    cumprod_zero=(lambda t, x: t.cumprod(x, 1), A(2, 3, values=(2.0, 0.0, 3.0, 0.0, 0.0, 1.5))),
    logsumexp_int=(lambda t, x: t.logsumexp(x, 1), INT),
    logsumexp_inf=(lambda t, x: t.logsumexp(x, 0), EDGES),
    amax_ties=(lambda t, x: t.amax(x, 0), A(3, values=(1.0, 1.0, 0.0))),
    bincount=(lambda t, x: t.bincount(x, minlength=6), CLASSES),
    bincount_weights=(lambda t, x, w: t.bincount(x, w), CLASSES, A(5, dtype=float64)),
    unique=(lambda t, x: t.unique(x), INT),
    sort=(lambda t, x: t.sort(x, dim=0, descending=True), APART),
    argsort=(lambda t, x: t.argsort(x), APART),
    topk=(lambda t, x: t.topk(x, 2), APART),
    topk_smallest=(lambda t, x: t.topk(x, 2, 0, largest=False), APART),
    topk_none=(lambda t, x: t.topk(x, 0), APART),
    topk_scalar=(lambda t, x: t.topk(x, 1), A()),
)
calls(  # movement
    cat=(lambda t, a, b: t.cat([a, b]), X, Y),
    cat_mixed=(lambda t, a, b: t.cat((a, b), -1), X, INT),
    cat_axis=(lambda t, a: t.cat([a, a], dim=1), X),
    stack=(lambda t, a, b: t.stack([a, b], 1), X, Y),
    stack_last=(lambda t, a, b: t.stack((a, b), -1), X, Y),
    split=(lambda t, x: t.split(x, 3, 1), X),
    split_sizes=(lambda t, x: x.split([1, 0, 2]), X),
    chunk=(lambda t, x: t.chunk(x, 3, 1), X),
    chunk_few=(lambda t, x: t.chunk(x, 5), X),
    unbind=(lambda t, x: t.unbind(x, 1), X),
    repeat=(lambda t, x: x.repeat(2, 1, 3), X),
    repeat_tuple=(lambda t, x: x.repeat((2, 2)), X),
    repeat_zero=(lambda t, x: x.repeat(0, 2), X),
    flip=(lambda t, x: t.flip(x, (0, -1)), Z),
    flip_none=(lambda t, x: t.flip(x, ()), X),
    tril=(lambda t, x: t.tril(x), X),
    triu=(lambda t, x: t.triu(x, 1), Z),
    tril_low=(lambda t, x: t.tril(x, -1), X),
    tril_bool=(lambda t, x: t.tril(x), MASK),
    triu_int=(lambda t, x: t.triu(x, -1), INT),
    index_select=(lambda t, x, i: t.index_select(x, 1, i), X, CLASSES),
    index_select_0d=(lambda t, x, i: t.index_select(x, 0, i), A(5), I64(values=(2,))),
    index_select_int32=(lambda t, x, i: t.index_select(x, 0, i), X, A(3, dtype=int32, low=0, high=2)),
    index_add=(lambda t, x, i, s: t.index_add(x, 0, i, s, alpha=2), X, I64(2, values=(0, 2)), A(2, 4, seed=1)),
    index_add_repeated=(lambda t, x, i, s: t.index_add(x, 1, i, s), A(3, 6), CLASSES, A(3, 5, seed=1)),
    masked_fill=(lambda t, x, m: t.masked_fill(x, m, -1.5), X, MASK),
    masked_fill_int=(lambda t, x, m: x.masked_fill(m, 7), INT, MASK),
    masked_fill_broadcast=(lambda t, x, m: t.masked_fill(x, m, 0.0), X, A(4, dtype=bool_)),
    masked_fill_tensor=(lambda t, x, m: x.masked_fill(m, t.tensor(2.0)), X, MASK),
    masked_select=(lambda t, x, m: t.masked_select(x, m), X, MASK),
    masked_select_broadcast=(lambda t, x, m: t.masked_select(x, m), X, A(3, 1, dtype=bool_)),
    nonzero=(lambda t, x: t.nonzero(x), INT),
    nonzero_tuple=(lambda t, x: t.nonzero(x, as_tuple=True), MASK),
    nonzero_empty=(lambda t, x: t.nonzero(x), A(0, 3)),
    nonzero_scalar=(lambda t, x: t.nonzero(x), A()),
    nonzero_scalar_tuple=(lambda t, x: t.nonzero(x, as_tuple=True), A()),
    take_along_dim=(lambda t, x, i: t.take_along_dim(x, i, 1), X, I64(3, 2, low=0, high=3)),
    take_along_flat=(lambda t, x, i: t.take_along_dim(x, i), X, CLASSES),
    take_along_broadcast=(lambda t, x, i: t.take_along_dim(x, i, 0), X, I64(2, 1, low=0, high=2)),
    gather_scalar=(lambda t, x, i: t.gather(x, 0, i), A(), I64(values=(0,))),
    scatter_value=(lambda t, x, i: t.scatter(x, 1, i, 2.0), X, I64(3, 1, low=0, high=3)),
    scatter_add=(lambda t, x, i, s: t.scatter_add(x, 0, i, s), A(5), CLASSES, A(5, seed=1)),
    movedim=(lambda t, x: t.movedim(x, (0, 1), (2, 0)), Z),
    movedim_one=(lambda t, x: t.movedim(x, -1, 0), Z),
    flatten=(lambda t, x: t.flatten(x, 1), Z),
    flatten_scalar=(lambda t, x: t.flatten(x), A()),
    reshape=(lambda t, x: x.reshape(-1, 2), Z),
    reshape_empty=(lambda t, x: x.reshape(3, 0), A(0, 3)),
    t=(lambda t, x: x.t(), X),
    T=(lambda t, x: x.mT, Z),
    squeeze_dims=(lambda t, x: t.squeeze(x, (0, 1)), A(1, 3, 1)),
    narrow=(lambda t, x: x.narrow(1, -3, 2), X),
    contiguous=(lambda t, x: x.T.contiguous(), X),
    real=(lambda t, x: x.real + x.imag, A(3, dtype=complex128)),
    conj=(lambda t, x: x.conj() * x, A(3, dtype=complex128)),
    view_as_real=(lambda t, x: t.view_as_real(x), A(3, dtype=complex128)),
    to=(lambda t, x: x.to(t.float64), X),
    view_dtype=(lambda t, x: x.view(t.int32), X),
)
calls(  # products
    **{
        f"matmul_{'x'.join(map(str, a)) or '0'}_{'x'.join(map(str, b))}": (
            lambda t, x, y: t.matmul(x, y),
            A(*a),
            A(*b, seed=1),
        )
        for a, b in (
            ((3,), (3,)),
            ((3,), (3, 4)),
            ((2, 3), (3,)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3,)),
            ((3,), (5, 3, 2)),
            ((5, 2, 3), (3, 4)),
            ((2, 3), (5, 3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 2)),
            ((1, 2, 3), (5, 3, 1)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 3)),
            ((0, 2, 3), (3, 4)),
            ((2, 3), (3, 0)),
        )
    },
    matmul_int=(lambda t, x, y: x @ y, I64(2, 3), I64(3, 2)),
    matmul_half=(lambda t, x, y: x @ y, A(2, 3, dtype=float16), A(3, 2, dtype=float16)),
    matmul_transposed=(lambda t, x, y: x.mT @ y.mT, A(5, 3, 2), A(5, 4, 3)),
    mm=(lambda t, x, y: t.mm(x, y), A(2, 3), A(3, 2)),
    bmm=(lambda t, x, y: t.bmm(x, y), A(2, 3, 4), A(2, 4, 1)),
    mv=(lambda t, x, y: t.mv(x, y), A(2, 3), A(3)),
    dot=(lambda t, x, y: t.dot(x, y), A(4), A(4, seed=1)),
    outer=(lambda t, x, y: t.outer(x, y), A(3), A(4)),
    addmm=(lambda t, c, x, y: t.addmm(c, x, y, beta=0.5, alpha=2), A(2), A(3, 4), A(4, 2)),
    baddbmm=(lambda t, c, x, y: t.baddbmm(c, x, y), A(2, 1, 2), A(2, 3, 4), A(2, 4, 2)),
    addmm_beta_0=(lambda t, c, x, y: t.addmm(c, x, y, beta=0), A(2), A(3, 4), A(4, 2)),
    linear=(lambda t, x, w, b: t.nn.functional.linear(x, w, b), A(2, 5, 3), A(4, 3), A(4)),
    linear_vector=(lambda t, x, w: t.nn.functional.linear(x, w), A(3), A(4, 3)),
    matmul_complex=(lambda t, x, y: x @ y, A(2, 3, dtype=complex128), A(3, 2, dtype=complex128)),
)
calls(  # activations and softmax
    **{
        f"{name}{'_'.join(map(str, ('', *options.values())))}": (
            lambda t, x, name=name, options=options: getattr(t.nn.functional, name)(x, **options),
            A(4, 5, low=-4.0, high=4.0),
        )
        for name, options in (
            ("relu", {}),
            ("sigmoid", {}),
            ("silu", {}),
            ("gelu", {}),
            ("gelu", {"approximate": "tanh"}),
            ("leaky_relu", {}),
            ("elu", {}),
            ("leaky_relu", {"negative_slope": 0.3}),
            ("elu", {"alpha": 0.5}),
            ("softplus", {}),
            ("softplus", {"beta": 2, "threshold": 3}),
            ("logsigmoid", {}),
            ("tanh", {}),
            ("softmax", {"dim": 0}),
            ("softmax", {"dim": -1}),
            ("log_softmax", {"dim": 1}),
        )
    },
    softmax_dtype=(lambda t, x: t.softmax(x, 0, dtype=t.float64), X),
    softmax_far=(lambda t, x: t.softmax(x * 1e4, 1), X),
    log_softmax_far=(lambda t, x: t.log_softmax(x * 1e4, 1), X),
    softmax_nothing=(lambda t, x: t.softmax(x, 0), A(0, 3)),
    softmax_masked=(
        lambda t, x, m: t.softmax(x.masked_fill(m, float("-inf")), 1),
        X,
        A(3, 4, dtype=bool_, values=(1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0)),
    ),
    attention=(
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v),
        A(2, 3, 4),
        A(2, 5, 4, seed=1),
        A(2, 5, 6),
    ),
    attention_causal=(
        lambda t, q, k: t.nn.functional.scaled_dot_product_attention(q, k, k, is_causal=True),
        A(2, 3, 4),
        A(2, 3, 4, seed=1),
    ),
    attention_grouped=(
        lambda t, q, k, v: t.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        A(4, 3, 5),
        A(2, 6, 5, seed=1),
        A(2, 6, 5, seed=2),
    ),
    attention_mask=(
        lambda t, q, k, m: t.nn.functional.scaled_dot_product_attention(q, k, k, m, scale=0.3),
        A(3, 4),
        A(5, 4),
        A(3, 5, dtype=bool_, values=(1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)),
    ),
)
calls(  # losses
    **{
        f"cross_entropy_{shape}_{reduction}_{smoothing}_{weighted}_{ignore}": (
            lambda t, x, y, reduction=reduction, smoothing=smoothing, weighted=weighted, ignore=ignore: (
                t.nn.functional.cross_entropy(
                    x,
                    y,
                    t.tensor(WEIGHTS, dtype=x.dtype) if weighted else None,
                    ignore_index=ignore,
                    reduction=reduction,
                    label_smoothing=smoothing,
                )
            ),
            A(*logits),
            I64(*target, low=0, high=3),
        )
        for shape, logits, target in (("rows", (5, 4), (5,)), ("pixels", (2, 4, 3), (2, 3)), ("one", (4,), ()))
        for reduction in ("mean", "sum", "none")
        for smoothing in (0.0, 0.2)
        for weighted in (False, True)
        for ignore in (-100, 1)
    },
    **{
        f"cross_entropy_probabilities_{reduction}_{smoothing}_{weighted}": (
            lambda t, x, y, reduction=reduction, smoothing=smoothing, weighted=weighted: t.nn.functional.cross_entropy(
                x,
                y,
                t.tensor(WEIGHTS, dtype=x.dtype) if weighted else None,
                reduction=reduction,
                label_smoothing=smoothing,
            ),
            A(5, 4),
            A(5, 4, low=0.1, high=1.0),
        )
        for reduction in ("mean", "sum", "none")
        for smoothing in (0.0, 0.2)
        for weighted in (False, True)
    },
    **{
        f"nll_loss_{reduction}": (
            lambda t, x, y, reduction=reduction: t.nn.functional.nll_loss(x, y, ignore_index=2, reduction=reduction),
            A(5, 4),
            CLASSES,
        )
        for reduction in ("mean", "sum", "none")
    },
)
calls(  # windows and normalization
    **{
        f"conv2d_{i}": (lambda t, x, w, b, options=options: t.nn.functional.conv2d(x, w, b, **options), *specs)
        for i, (specs, options) in enumerate(
            (
                ((IMAGE, KERNEL, A(4)), {}),
                ((IMAGE, KERNEL, A(4)), {"stride": 2, "padding": 1}),
                ((IMAGE, KERNEL, A(4)), {"stride": (1, 2), "padding": (0, 2), "dilation": (2, 1)}),
                ((A(2, 4, 6, 6), A(6, 2, 3, 3), A(6)), {"groups": 2, "padding": "valid"}),
                ((A(1, 3, 6, 5), A(2, 3, 3, 3), A(2)), {"padding": "same"}),
                ((A(1, 3, 6, 5), A(2, 3, 2, 4), A(2)), {"padding": "same"}),
                ((A(3, 6, 5), A(2, 3, 3, 3), A(2)), {}),
                ((A(2, 3, 5, 5), A(6, 1, 3, 3), A(6)), {"groups": 3}),
                ((A(0, 3, 5, 5), A(6, 3, 3, 3), A(6)), {}),
            )
        )
    },
    **{
        f"conv1d_{i}": (lambda t, x, w, b, options=options: t.nn.functional.conv1d(x, w, b, **options), *specs)
        for i, (specs, options) in enumerate(
            (
                ((A(2, 3, 9), A(4, 3, 3), A(4)), {}),
                ((A(2, 4, 9), A(4, 2, 3), A(4)), {"stride": 2, "padding": 1, "groups": 2}),
                ((A(3, 9), A(4, 3, 4), A(4)), {"padding": "same"}),
            )
        )
    },
    **{
        f"max_pool2d_{i}": (
            lambda t, x, args=args, options=options: t.nn.functional.max_pool2d(x, *args, **options),
            A(2, 3, 7, 8, unique=True),
        )
        for i, (args, options) in enumerate(
            (
                ((2,), {}),
                ((3, 2), {"padding": 1}),
                (((2, 3), (1, 2)), {"ceil_mode": True}),
                ((2, 1), {"dilation": 2}),
                ((2,), {"return_indices": True}),
                ((3, 2, 1, 1, True), {}),
            )
        )
    },
    max_pool_ties=(
        lambda t, x: t.nn.functional.max_pool2d(x, 2),
        A(1, 2, 4, values=(1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0)),
    ),
    max_pool_nan=(lambda t, x: t.nn.functional.max_pool2d(x, 2), A(1, 2, 2, values=(1.0, float("nan"), 0.0, 3.0))),
    max_pool_unbatched=(lambda t, x: t.nn.functional.max_pool2d(x, 2), A(3, 4, 4, unique=True)),
    max_pool_int=(lambda t, x: t.nn.functional.max_pool2d(x, 2), I64(1, 4, 4)),
    **{
        f"avg_pool2d_{i}": (
            lambda t, x, args=args, options=options: t.nn.functional.avg_pool2d(x, *args, **options),
            A(2, 3, 7, 8),
        )
        for i, (args, options) in enumerate(
            (
                ((2,), {}),
                ((3, 2), {"padding": 1}),
                ((3, 2, 1), {"count_include_pad": False}),
                (((2, 3), (1, 2)), {"ceil_mode": True}),
                ((3, 2, 1, True, False), {}),
                ((2,), {"divisor_override": 3}),
            )
        )
    },
    layer_norm=(lambda t, x, w, b: t.nn.functional.layer_norm(x, (4,), w, b), Z, A(4), A(4, seed=1)),
    layer_norm_plain=(lambda t, x: t.nn.functional.layer_norm(x, (3, 4)), Z),
    layer_norm_half=(lambda t, x: t.nn.functional.layer_norm(x, (4,)), A(3, 4, dtype=float16)),
    batch_norm=(
        lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, True),
        A(4, 3, 5),
        A(3),
        A(3, seed=1),
    ),
    batch_norm_eval=(
        lambda t, x, w: t.nn.functional.batch_norm(x, *t.tensor([[1.0, 0.0, -1.0], [0.5, 1.0, 2.0]], dtype=x.dtype), w),
        A(4, 3, 5),
        A(3, seed=1),
    ),
    embedding=(lambda t, i, w: t.nn.functional.embedding(i, w), I64(2, 3, low=0, high=4), A(5, 3)),
    embedding_padding=(
        lambda t, i, w: t.nn.functional.embedding(i, w, padding_idx=-1),
        I64(2, 3, low=0, high=4),
        A(5, 3),
    ),
)


COMPLEX = {name for name, (_, specs) in CALLS.items() if any(s.dtype.is_complex for s in specs)}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    function, specs = CALLS[name]
    tensors = [oracle.theirs(s) for s in specs]
    with corelib.device(device):
        if name in COMPLEX and device == "strict":  # it has no complex numbers, and says so
            with pytest.raises(TypeError, match="does not support"):
                function(corelib, *[oracle.ours(s, device) for s in specs])
            return
        ours = function(corelib, *[oracle.ours(s, device) for s in specs])
    oracle.same(ours, function(oracle.torch, *tensors), loose=4)


def _active(name: str) -> list[ArraySpec]:
    wide = Sample(CALLS[name][1]).widened().args
    return [s for s in wide if s.dtype in (float64, complex128)]


# PyTorch has no gradient there, or it is not a number.
NO_GRADIENT = ("_nan", "_edges", "_zero", "_inf", "bincount_weights", "remainder_r", "floor_divide")


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "name", [n for n in CALLS if _active(n) and not n.startswith(NO_GRADIENT) and not n.endswith(NO_GRADIENT)]
)
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    wide = Sample(specs).widened().args

    def run(module: Any, passive: Callable[[Any], Any], *tensors: Any) -> Any:
        given = iter(tensors)
        result = function(module, *[next(given) if s.dtype in (float64, complex128) else passive(s) for s in wide])
        return result

    oracle.same_gradients(partial(run, corelib, oracle.ours), partial(run, oracle.torch, oracle.theirs), _active(name))
