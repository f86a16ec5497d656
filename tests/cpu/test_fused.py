"""Activations, softmax, products, normalization, embedding and optimizers against their definitions in float64."""

import math

import numpy as np
import pytest
from corelib_cpu import optimizers
from corelib_cpu.backend import CpuBackend

from corelib import dtypes as D
from corelib.backend.errors import IndexOutOfBounds

K = {name: entry.function for name, entry in CpuBackend().kernels.items()}
TOLERANCE = {D.float16: 2e-3, D.bfloat16: 2e-2, D.float32: 2e-6, D.float64: 1e-14}
FLOATS = pytest.mark.parametrize("dtype", list(TOLERANCE), ids=lambda d: d.name)


def numbers(shape, dtype=D.float32, seed=0):
    values = np.asarray(np.random.default_rng(seed).standard_normal(shape), np.float32)
    return values.astype(dtype.numpy)


def views(x):
    """A 3-d array as it is, transposed, stepped, broadcast, one-dimensional, 0-d."""
    return [x, x.T, x[::2, 1:, ::2], np.broadcast_to(x[:, :1], x.shape), x[0, 0], x[1:2, 1, 1].reshape(())]


def close(got, want, dtype, scale=1.0):
    assert type(got) is np.ndarray
    assert got.flags.c_contiguous
    assert got.dtype == dtype.numpy
    assert got.shape == np.shape(want)
    tolerance = TOLERANCE[dtype] * scale
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=tolerance, atol=tolerance)


# -- activations and softmax -----------------------------------------------------------------------------


@FLOATS
def test_pointwise(dtype):
    for x in views(numbers((4, 6, 5), dtype)):
        wide = x.astype(np.float64)
        close(K["relu"](x), np.maximum(wide, 0), dtype)
        close(K["sigmoid"](x), 1 / (1 + np.exp(-wide)), dtype)
        positive = np.abs(x) + x.dtype.type(0.5)
        positive = np.asarray(positive, x.dtype)
        close(K["rsqrt"](positive), 1 / np.sqrt(positive.astype(np.float64)), dtype)
        close(K["reciprocal"](positive), 1 / positive.astype(np.float64), dtype)
        for name in ("relu", "sigmoid"):
            out = np.zeros([2 * s for s in x.shape], x.dtype)[tuple(slice(0, 2 * s, 2) for s in x.shape)]
            if x.ndim:
                assert K[name](x, out=out) is out
                np.testing.assert_array_equal(out.astype(np.float64), K[name](x).astype(np.float64))


def test_pointwise_corners():
    x = np.array([np.nan, np.inf, -np.inf, 200.0, -200.0, 0.0], np.float32)
    np.testing.assert_array_equal(K["relu"](x), [np.nan, np.inf, 0, 200, 0, 0])
    np.testing.assert_array_equal(K["sigmoid"](x), [np.nan, 1, 0, 1, 0, 0.5])
    np.testing.assert_array_equal(K["relu"](np.array([-3, 4], np.int8)), np.array([0, 4], np.int8))
    np.testing.assert_array_equal(K["reciprocal"](np.array([0.0, -0.0])), [np.inf, -np.inf])


@FLOATS
def test_softmax_family(dtype):
    for x in [*views(numbers((4, 6, 5), dtype)), numbers((300, 700), dtype)]:
        wide = x.astype(np.float64)
        for dim in range(max(x.ndim, 1)):
            axis = dim if x.ndim else None
            log_total = np.log(np.sum(np.exp(wide), axis=axis, keepdims=True))
            close(K["softmax"](x, dim), np.exp(wide - log_total), dtype)
            close(K["log_softmax"](x, dim), wide - log_total, dtype, scale=4)
        for dims in [(), (0,), (1,), (0, 2), (0, 1, 2)]:
            if max(dims, default=0) >= x.ndim or (not dims and x.ndim):
                continue
            for keepdim in (False, True):
                want = np.log(np.sum(np.exp(wide), axis=dims, keepdims=keepdim))
                close(K["logsumexp"](x, dims, keepdim), want, dtype, scale=4)


def test_softmax_family_corners():
    x = np.array([[1e4, 1e4 - 1], [-np.inf, 0.0], [-np.inf, -np.inf], [np.inf, 0.0]], np.float32)
    got = K["softmax"](x, 1)
    np.testing.assert_allclose(got[:2], [[1 / (1 + math.exp(-1)), 1 / (1 + math.e)], [0, 1]], rtol=1e-6)
    assert np.isnan(got[2]).all()
    np.testing.assert_allclose(K["logsumexp"](x, (1,), False), [1e4 + 0.3132617, 0, -np.inf, np.inf])
    assert K["softmax"](x[:, :0], 1).shape == (4, 0)
    np.testing.assert_array_equal(K["logsumexp"](x[:, :0], (1,), False), [-np.inf] * 4)


# -- products, means, embedding --------------------------------------------------------------------------


@FLOATS
@pytest.mark.parametrize("lead", [(), (3,), (32,), (2, 4), (0,), (2, 0, 3)], ids=str)
def test_linear(dtype, lead):
    for width, outputs in ((5, 7), (64, 64), (0, 3)):
        x, weight, bias = (
            numbers((*lead, width), dtype),
            numbers((outputs, width), dtype, 1),
            numbers((outputs,), dtype, 2),
        )
        want = x.astype(np.float64) @ weight.astype(np.float64).T
        close(K["linear"](x, weight, None), want, dtype, scale=20)
        close(K["linear"](x, weight, bias), want + bias.astype(np.float64), dtype, scale=20)
    strided = numbers((6, *lead[::-1], 4), dtype).T[..., ::2]
    weight = numbers((3, 3), dtype).T
    close(K["linear"](strided, weight, None), strided.astype(np.float64) @ weight.astype(np.float64).T, dtype, scale=20)


@FLOATS
def test_mean(dtype):
    for x in views(numbers((4, 6, 5), dtype)):
        for dims in [tuple(range(x.ndim)), (0,)][: 1 + (x.ndim > 0)]:
            for keepdim in (False, True):
                want = np.mean(x.astype(np.float64), axis=dims, keepdims=keepdim)
                close(K["mean"](x, dims, keepdim, dtype), want, dtype)
    assert np.isnan(K["mean"](numbers((0, 2)), (0,), False, D.float32)).all()
    assert K["mean"](np.ones((4096, 3), D.bfloat16.numpy), (0,), False, D.float32).tolist() == [1, 1, 1]


@FLOATS
def test_embedding(dtype):
    weight, indices = numbers((10, 3), dtype), np.array([[1, 9, 1], [0, 1, 3]])
    np.testing.assert_array_equal(K["embedding"](weight, indices).astype(float), weight[indices].astype(float))
    np.testing.assert_array_equal(K["embedding"](weight, np.array(4)).astype(float), weight[4].astype(float))
    assert K["embedding"](weight, indices[:0]).shape == (0, 3, 3)
    grad = numbers((2, 3, 3), dtype, 1)
    want = np.zeros((10, 3))
    np.add.at(want, indices, grad.astype(np.float64))
    close(K["embedding_grad"](grad, indices, 10), want, dtype)
    close(K["embedding_grad"](grad[:0], indices[:0], 10), np.zeros((10, 3)), dtype)
    for bad in (10, -1):
        with pytest.raises(IndexOutOfBounds):
            K["embedding"](weight, np.array([bad]))
        with pytest.raises(IndexOutOfBounds):
            K["embedding_grad"](grad[:1, :1], np.array([[bad]]), 10)


# -- normalization ---------------------------------------------------------------------------------------


@FLOATS
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    "shape,normalized_ndim", [((4, 5), 1), ((3, 2, 5), 2), ((7,), 1), ((70, 1100), 1), ((0, 5), 1)], ids=str
)
def test_layer_norm(dtype, affine, shape, normalized_ndim):
    x = numbers(shape, dtype) * x_scale(dtype) + x_shift(dtype)
    x = x.astype(dtype.numpy)
    normalized = shape[len(shape) - normalized_ndim :]
    dims = tuple(range(len(shape) - normalized_ndim, len(shape)))
    weight, bias = (numbers(normalized, dtype, seed) if affine else None for seed in (1, 2))
    grad = numbers(shape, dtype, 3)
    y, mean, rstd = K["layer_norm"](x, weight, bias, normalized_ndim, 1e-5)
    compute = D.float32 if dtype.is_half else dtype
    wide, outer = x.astype(np.float64), grad.astype(np.float64)
    want_mean = wide.mean(dims, keepdims=True)
    want_rstd = 1 / np.sqrt(wide.var(dims, keepdims=True) + 1e-5)
    normal = (wide - want_mean) * want_rstd
    scale = weight.astype(np.float64) if affine else 1.0
    close(y, normal * scale + (bias.astype(np.float64) if affine else 0), dtype, scale=20)
    close(mean, want_mean, compute, scale=4)
    close(rstd, want_rstd, compute, scale=20)
    scaled = outer * scale
    along = (scaled * normal).mean(dims, keepdims=True)
    want = want_rstd * (scaled - scaled.mean(dims, keepdims=True) - normal * along)
    rows = tuple(range(len(shape) - normalized_ndim))
    grads = K["layer_norm_grad"](grad, x, weight, mean, rstd, normalized_ndim)
    for got, expected in zip(grads, (want, (outer * normal).sum(rows), outer.sum(rows)), strict=True):
        close(got, expected, dtype, scale=40)


def x_scale(dtype):
    return dtype.numpy.type(2)


def x_shift(dtype):
    return dtype.numpy.type(3)


@FLOATS
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5, 2), (1, 2, 3), (40, 3, 700)], ids=str)
def test_batch_norm(dtype, affine, shape):
    x = (numbers(shape, dtype) * x_scale(dtype) + x_shift(dtype)).astype(dtype.numpy)
    channels, dims = shape[1], (0, *range(2, len(shape)))
    weight, bias = (numbers((channels,), dtype, seed) if affine else None for seed in (1, 2))
    grad = numbers(shape, dtype, 3)
    y, mean, rstd, variance = K["batch_norm_train"](x, weight, bias, 1e-5)
    compute = D.float32 if dtype.is_half else dtype
    wide, outer = x.astype(np.float64), grad.astype(np.float64)
    along = [1, channels, *[1] * (len(shape) - 2)]
    want_mean, want_rstd = wide.mean(dims), 1 / np.sqrt(wide.var(dims) + 1e-5)
    normal = (wide - want_mean.reshape(along)) * want_rstd.reshape(along)
    scale = weight.astype(np.float64).reshape(along) if affine else 1.0
    shift = bias.astype(np.float64).reshape(along) if affine else 0.0
    close(y, normal * scale + shift, dtype, scale=20)
    close(mean, want_mean, compute, scale=4)
    close(rstd, want_rstd, compute, scale=20)
    close(variance, wide.var(dims, ddof=1), compute, scale=20)
    grads = K["batch_norm_grad"](grad, x, weight, mean, rstd)
    inner = outer - outer.mean(dims, keepdims=True) - normal * (outer * normal).mean(dims, keepdims=True)
    want = inner * scale * want_rstd.reshape(along)
    for got, expected in zip(grads, (want, (outer * normal).sum(dims), outer.sum(dims)), strict=True):
        close(got, expected, dtype, scale=100)


def test_variance_of_numbers_far_from_zero():
    """E[x^2] - E[x]^2 in float32 gives -8 here."""
    x = (10_000 + numbers((4000, 1))).astype(np.float32)
    want = np.var(x.astype(np.float64), ddof=1)
    assert K["batch_norm_train"](x, None, None, 1e-5)[3] == pytest.approx(want, rel=1e-4)
    assert K["layer_norm"](x.T, None, None, 1, 0.0)[2] == pytest.approx(
        1 / math.sqrt(np.var(x.astype(float))), rel=1e-4
    )


# -- optimizers ------------------------------------------------------------------------------------------

SHAPES = [(3, 4), (), (70_000,), (5, 0)]  # one large enough to be walked in tiles


def state(dtype, seed):
    return [np.array(numbers(shape, D.float32, [seed, i]), dtype.numpy) for i, shape in enumerate(SHAPES)]


@pytest.mark.parametrize("dtype", [D.float32, D.float64], ids=lambda d: d.name)
@pytest.mark.parametrize(
    "momentum,dampening,nesterov", [(0, 0, False), (0.9, 0, False), (0.9, 0.2, False), (0.9, 0, True)]
)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("maximize", [False, True])
def test_sgd(dtype, momentum, dampening, nesterov, weight_decay, maximize):
    params, buffers = state(dtype, 0), state(dtype, 1) if momentum else None
    want = [p.astype(np.float64) for p in params]
    moving = [np.zeros(p.shape) for p in params]
    for step in range(3):
        grads = state(dtype, 2 + step)
        kept = [g.copy() for g in grads]
        K["sgd_step"](params, grads, buffers, 0.1, momentum, dampening, weight_decay, nesterov, maximize, step == 0)
        for i, grad in enumerate(kept):
            np.testing.assert_array_equal(grads[i], grad)  # gradients stay as they are
            direction = (-grad if maximize else grad).astype(np.float64) + weight_decay * want[i]
            if momentum:
                moving[i] = direction if step == 0 else momentum * moving[i] + (1 - dampening) * direction
                direction = direction + momentum * moving[i] if nesterov else moving[i]
            want[i] = want[i] - 0.1 * direction
            close(params[i], want[i], dtype, scale=10)
            if buffers is not None:
                close(buffers[i], moving[i], dtype, scale=10)


@pytest.mark.parametrize("dtype", [D.float32, D.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("weight_decay,decoupled", [(0, False), (0.1, False), (0.1, True)])
def test_adam(dtype, amsgrad, maximize, weight_decay, decoupled):
    params = state(dtype, 0)
    means, squares, maxima = ([np.zeros_like(p) for p in params] for _ in range(3))
    want = [p.astype(np.float64) for p in params]
    m, v, largest = ([np.zeros(p.shape) for p in params] for _ in range(3))
    options = (0.01, 0.9, 0.99, 1e-8, weight_decay, amsgrad, maximize, decoupled)
    for step in range(1, 5):
        grads = [g * dtype.numpy.type(5 - step) for g in state(dtype, 2 + step)]
        grads = [np.asarray(g, dtype.numpy) for g in grads]
        kept = [g.copy() for g in grads]
        K["adam_step"](params, grads, means, squares, maxima if amsgrad else (), (step,) * len(params), *options)
        for i, grad in enumerate(kept):
            np.testing.assert_array_equal(grads[i], grad)
            g = (-grad if maximize else grad).astype(np.float64)
            if decoupled:
                want[i] = want[i] * (1 - 0.01 * weight_decay)
            else:
                g = g + weight_decay * want[i]
            m[i], v[i] = 0.9 * m[i] + 0.1 * g, 0.99 * v[i] + 0.01 * g * g
            largest[i] = np.maximum(largest[i], v[i])
            denominator = np.sqrt(largest[i] if amsgrad else v[i]) / math.sqrt(1 - 0.99**step) + 1e-8
            want[i] = want[i] - 0.01 / (1 - 0.9**step) * m[i] / denominator
            close(means[i], m[i], dtype, scale=20)
            close(squares[i], v[i], dtype, scale=20)
            close(params[i], want[i], dtype, scale=20)


def test_optimizers_take_views_and_tensors_at_different_steps():
    base = np.zeros((2, 3), np.float32)
    params, grads = [base[:, ::2], np.ones(2, np.float32)], [np.ones((2, 2), np.float32), np.ones(2, np.float32)]
    means, squares = ([np.zeros(p.shape, np.float32) for p in params] for _ in range(2))
    K["adam_step"](params, grads, means, squares, (), (1, 9), 0.1, 0.9, 0.999, 0.0, 0.0, False, False, False)
    np.testing.assert_allclose(base, [[-0.1, 0, -0.1]] * 2, rtol=1e-5)
    bias = math.sqrt(1 - 0.999**9) / (1 - 0.9**9) * 0.1 * 0.1 / math.sqrt(0.001)
    np.testing.assert_allclose(params[1], 1 - bias, rtol=1e-5)
    K["sgd_step"](params, grads, None, 1.0, 0.0, 0.0, 0.0, False, False, True)
    np.testing.assert_allclose(base, [[-1.1, 0, -1.1]] * 2, rtol=1e-5)


def test_joined_arrays_are_small_and_side_by_side():
    big = optimizers._TILE
    wanted = [
        ((3, 2), D.float32),
        ((big,), D.float32),
        ((4,), D.float32),
        ((5,), D.float64),
        ((0,), D.float64),
        ((), D.float64),
    ]
    arrays = optimizers.joined([(shape, d.numpy) for shape, d in wanted])
    assert [(a.shape, a.dtype) for a in arrays] == [(shape, d.numpy) for shape, d in wanted]
    assert all(type(a) is np.ndarray and a.flags.c_contiguous for a in arrays)
    assert arrays[0].base is arrays[2].base and arrays[0].base.places == (0, 2)
    assert arrays[3].base is arrays[5].base and arrays[1].base is None and arrays[4].base is None
    for i, a in enumerate(arrays):
        a.fill(i)
    assert [set(a.ravel()) for a in arrays] == [{0}, {1}, {2}, {3}, set(), {5}]


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay,decoupled", [(0, False), (0.1, False), (0.1, True)])
@pytest.mark.parametrize("changed", [None, "order", "step", "array", "fewer"])
def test_adam_on_joined_states_is_the_same_to_the_bit(amsgrad, weight_decay, decoupled, changed):
    shapes = [(4, 5), (), (7,), (3, 1)]
    options = (0.01, 0.9, 0.99, 1e-8, weight_decay, amsgrad, True, decoupled)
    made = []
    for join in (False, True):
        rng = np.random.default_rng(0)
        params = [rng.random(s).astype(np.float32) for s in shapes]
        states = [
            optimizers.joined([(s, np.dtype(np.float32)) for s in shapes])
            if join
            else [np.empty(s, np.float32) for s in shapes]
            for _ in range(3)
        ]
        steps = [np.zeros((), np.float32) for _ in shapes]
        for array in [a for group in states for a in group]:
            array.fill(0)
        for turn in range(4):
            lists = [params, [np.array(rng.random(s), np.float32) for s in shapes], *states, steps]
            if turn and changed == "order":
                lists = [group[::-1] for group in lists]
            elif turn and changed == "fewer":
                lists = [group[1:] for group in lists]
            elif turn == 1 and changed == "step":
                steps[2].fill(9)
            elif turn == 1 and changed == "array":
                states[0][1] = states[0][1].copy()
            if join:
                runs = optimizers._runs(lists[2:5], lists[1], [int(s) for s in lists[5]])
                assert len(runs) == (not turn or changed is None)
            if not amsgrad:
                lists[4] = ()
            K["adam_step"](*lists, *options)
        made.append([*params, *states[0], *states[1], *states[2], *steps])
    for separate, joined in zip(*made, strict=True):
        np.testing.assert_array_equal(separate, joined)
