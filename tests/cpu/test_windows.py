"""Convolution and pooling with their gradients against loops in Python, and against PyTorch where it is installed."""

import itertools

import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

from corelib import dtypes as D

K = {name: entry.function for name, entry in CpuBackend().kernels.items()}


def numbers(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# -- convolution -----------------------------------------------------------------------------------------

# input, weight, stride, padding, dilation, groups
CASES = [
    ((2, 3, 7, 6), (4, 3, 3, 2), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 7, 6), (2, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),  # the input's gradient as a convolution
    ((2, 4, 8, 8), (6, 2, 3, 3), (2, 2), (1, 1), (1, 1), 2),  # the stride leaves a row over
    ((2, 4, 8, 9), (2, 2, 3, 2), (1, 1), (1, 2), (2, 1), 2),
    ((1, 4, 5, 5), (4, 1, 3, 3), (1, 1), (1, 1), (1, 1), 4),  # depthwise
    ((2, 3, 4, 4), (5, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 4, 4), (2, 3, 1, 1), (1, 1), (1, 1), (1, 1), 1),  # padding beyond the kernel
    ((2, 3, 9), (4, 3, 4), (3,), (2,), (1,), 1),
    ((1, 2, 4, 5, 6), (2, 2, 2, 2, 3), (1, 2, 1), (0, 1, 1), (1, 1, 2), 1),
    ((0, 3, 4, 4), (2, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1),
]


def convolution_by_definition(x, weight, bias, stride, padding, dilation, groups):
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    size = weight.shape[2:]
    output = [
        (s - (k - 1) * d - 1) // t + 1 for s, k, d, t in zip(padded.shape[2:], size, dilation, stride, strict=True)
    ]
    result = np.zeros((x.shape[0], weight.shape[0], *output))
    inputs, outputs = weight.shape[1], weight.shape[0] // groups
    for channel in range(weight.shape[0]):
        first = channel // outputs * inputs
        for place in itertools.product(*map(range, output)):
            reach = tuple(
                slice(i * t, i * t + (k - 1) * d + 1, d)
                for i, t, k, d in zip(place, stride, size, dilation, strict=True)
            )
            window = padded[(slice(None), slice(first, first + inputs), *reach)]
            result[(slice(None), channel, *place)] = (window * weight[channel]).sum(tuple(range(1, x.ndim)))
    return result if bias is None else result + bias.reshape(-1, *[1] * (x.ndim - 2))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution(case):
    shape, weight_shape, *options = case
    x, weight, bias = numbers(shape), numbers(weight_shape, 1), numbers(weight_shape[:1], 2)
    want = convolution_by_definition(x, weight, bias, *options)
    got = K["convolution"](x, weight, bias, *options)
    assert got.flags.c_contiguous
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    without = convolution_by_definition(x, weight, None, *options)
    np.testing.assert_allclose(K["convolution"](x, weight, None, *options), without, rtol=1e-12, atol=1e-12)
    views = np.asfortranarray(x), weight[..., ::-1].copy()[..., ::-1]
    np.testing.assert_allclose(K["convolution"](*views, bias, *options), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_gradients(case):
    """The three are one trilinear form: <grad, conv(x, w)> = <input_grad, x> = <weight_grad, w>, for any x and w."""
    shape, weight_shape, *options = case
    x, weight = numbers(shape), numbers(weight_shape, 1)
    grad = numbers(K["convolution"](x, weight, None, *options).shape, 2)
    for view in (grad, np.asfortranarray(grad)):
        grad_x = K["convolution_input_grad"](view, weight, shape, *options)
        grad_weight = K["convolution_weight_grad"](view, np.asfortranarray(x), weight_shape, *options)
        assert (grad_x.shape, grad_weight.shape) == (shape, weight_shape)
        assert grad_x.flags.c_contiguous
        assert grad_weight.flags.c_contiguous
        for seed in range(3, 6):
            other, other_weight = numbers(shape, seed), numbers(weight_shape, seed)
            moved = (grad * convolution_by_definition(other, weight, None, *options)).sum()
            np.testing.assert_allclose((grad_x * other).sum(), moved, rtol=1e-10, atol=1e-10)
            moved = (grad * convolution_by_definition(x, other_weight, None, *options)).sum()
            np.testing.assert_allclose((grad_weight * other_weight).sum(), moved, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "dtype,tolerance", [(D.float16, 4e-3), (D.bfloat16, 3e-2), (D.float32, 1e-5)], ids=lambda v: str(v)
)
def test_convolution_in_narrow_dtypes(dtype, tolerance):
    options = ((1, 1), (1, 1), (1, 1), 1)
    x, weight = (
        numbers((40, 8, 20, 20), 0).astype(dtype.numpy),
        numbers((8, 8, 3, 3), 1).astype(dtype.numpy),
    )  # in chunks
    wide, wide_weight = x.astype(np.float64), weight.astype(np.float64)
    want = K["convolution"](wide, wide_weight, None, *options)
    got = K["convolution"](x, weight, None, *options)
    assert got.dtype == dtype.numpy
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=tolerance, atol=tolerance * 10)
    np.testing.assert_allclose(
        want[::13], convolution_by_definition(wide[::13], wide_weight, None, *options), atol=1e-12
    )
    got = K["convolution_input_grad"](x, weight, x.shape, *options)
    want = K["convolution_input_grad"](wide, wide_weight, x.shape, *options)
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=tolerance, atol=tolerance * 10)
    got = K["convolution_weight_grad"](x, x, weight.shape, *options)
    want = K["convolution_weight_grad"](wide, wide, weight.shape, *options)
    assert got.dtype == dtype.numpy
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=tolerance, atol=tolerance * 100)


def test_complex_convolution():
    x, weight = numbers((2, 3, 5, 5)) + 1j * numbers((2, 3, 5, 5), 1), numbers((2, 3, 3, 3), 2) * (1 - 2j)
    options = ((1, 1), (1, 1), (1, 1), 1)
    real, imaginary = (convolution_by_definition(part, weight.real, None, *options) for part in (x.real, x.imag))
    np.testing.assert_allclose(K["convolution"](x, weight, None, *options), (real + 1j * imaginary) * (1 - 2j))


# -- pooling ---------------------------------------------------------------------------------------------

# shape, window, stride, padding, dilation, ceil_mode
POOLS = [
    ((2, 3, 6, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((2, 7, 7), (3, 2), (1, 2), (1, 1), (1, 1), False),
    ((1, 2, 7, 8), (3, 3), (2, 2), (1, 1), (1, 1), True),
    ((1, 1, 9, 9), (2, 3), (2, 3), (1, 0), (3, 2), True),
    ((1, 1, 5, 5), (2, 2), (3, 3), (1, 1), (1, 1), True),  # the last window would start in the right padding
    ((0, 2, 4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False),
]


def output_sizes(shape, window, stride, padding, dilation, ceil_mode):
    sizes = []
    for size, k, t, p, d in zip(shape[-2:], window, stride, padding, dilation, strict=True):
        count = 1
        while (count * t + (k - 1) * d + 1 <= size + 2 * p) or (
            ceil_mode and count * t - p < size and count * t + (k - 1) * d + 1 - t < size + 2 * p
        ):
            count += 1
        sizes.append(count)
    return sizes


def max_pool_by_definition(x, window, stride, padding, dilation, ceil_mode):
    rows, columns = output_sizes(x.shape, window, stride, padding, dilation, ceil_mode)
    values = np.zeros((*x.shape[:-2], rows, columns))
    indices = np.zeros(values.shape, np.int64)
    for place in np.ndindex(values.shape):
        *lead, row, column = place
        best = None
        for i, j in itertools.product(range(window[0]), range(window[1])):
            r = row * stride[0] - padding[0] + i * dilation[0]
            c = column * stride[1] - padding[1] + j * dilation[1]
            if not (0 <= r < x.shape[-2] and 0 <= c < x.shape[-1]):
                continue
            value = x[(*lead, r, c)]
            if best is None or value > best[0] or np.isnan(value):
                best = value, r * x.shape[-1] + c
        values[place], indices[place] = best
    return values, indices


@pytest.mark.parametrize("case", POOLS, ids=str)
@pytest.mark.parametrize("fill", ["random", "ties", "nan", "lowest"])
def test_max_pool(case, fill):
    shape, *options = case
    x = numbers(shape)
    if fill == "ties":
        x = np.round(x)
    elif fill == "nan":
        x[np.abs(x) > 1.2] = np.nan
    elif fill == "lowest":
        x = np.where(x > 1, 0.0, -np.inf)
    want, where = max_pool_by_definition(x, *options)
    for dtype in (D.float64, D.float32):
        narrow = x.astype(dtype.numpy)
        want, where = max_pool_by_definition(narrow, *options)
        for view in (narrow, np.asfortranarray(narrow)):
            values, indices = K["max_pool2d"](view, *options)
            assert (values.dtype, indices.dtype) == (narrow.dtype, np.int64)
            np.testing.assert_array_equal(values, want)
            np.testing.assert_array_equal(indices, where)


@pytest.mark.parametrize("dtype", [D.float16, D.bfloat16, D.int8, D.uint8], ids=lambda d: d.name)
def test_max_pool_in_other_dtypes(dtype):
    x = (numbers((1, 2, 6, 6)) * 20 + (60 if dtype is D.uint8 else 0)).astype(dtype.numpy)
    options = ((3, 3), (2, 2), (1, 1), (1, 1), False)
    values, indices = K["max_pool2d"](x, *options)
    want, where = max_pool_by_definition(x.astype(np.float64), *options)
    assert values.dtype == dtype.numpy
    np.testing.assert_array_equal(values.astype(np.float64), want)
    np.testing.assert_array_equal(indices, where)


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pool_gradient(case):
    shape, *options = case
    values, indices = K["max_pool2d"](np.round(numbers(shape)), *options)
    grad = numbers(values.shape, 1)
    want = np.zeros((int(np.prod(shape[:-2])), shape[-2] * shape[-1]))
    for place, index in zip(np.ndindex(grad.shape), indices.reshape(-1), strict=True):
        want[np.ravel_multi_index(place[:-2], shape[:-2]), index] += grad[place]
    for view in (grad, np.asfortranarray(grad)):
        got = K["max_pool2d_grad"](view, indices, shape)
        np.testing.assert_allclose(got, want.reshape(shape), atol=1e-12)
    narrow = K["max_pool2d_grad"](grad.astype(D.bfloat16.numpy), indices, shape)
    assert narrow.dtype == D.bfloat16.numpy
    np.testing.assert_allclose(narrow.astype(float), want.reshape(shape), atol=0.05)


@pytest.mark.parametrize("case", [case for case in POOLS if case[4] == (1, 1)], ids=str)
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("divisor", [None, 3])
def test_avg_pool(case, count_include_pad, divisor):
    shape, window, stride, padding, dilation, ceil_mode = case
    x = numbers(shape)
    rows, columns = output_sizes(shape, window, stride, padding, dilation, ceil_mode)
    want = np.zeros((*shape[:-2], rows, columns))
    for row, column in itertools.product(range(rows), range(columns)):
        r, c = row * stride[0] - padding[0], column * stride[1] - padding[1]
        r_end, c_end = min(r + window[0], shape[-2] + padding[0]), min(c + window[1], shape[-1] + padding[1])
        padded_count = (r_end - r) * (c_end - c)
        inside = x[..., max(r, 0) : min(r_end, shape[-2]), max(c, 0) : min(c_end, shape[-1])]
        count = padded_count if count_include_pad else inside.shape[-2] * inside.shape[-1]
        want[..., row, column] = inside.sum((-2, -1)) / (divisor or count)
    for view in (x, np.asfortranarray(x)):
        got = K["avg_pool2d"](view, window, stride, padding, ceil_mode, count_include_pad, divisor)
        assert got.flags.c_contiguous
        np.testing.assert_allclose(got, want, atol=1e-12)
    narrow = K["avg_pool2d"](x.astype(np.float16), window, stride, padding, ceil_mode, count_include_pad, divisor)
    assert narrow.dtype == np.float16
    np.testing.assert_allclose(narrow, want, atol=5e-3)


# -- PyTorch ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", POOLS[:-1], ids=str)
def test_pooling_as_pytorch(torch, case):
    shape, window, stride, padding, dilation, ceil_mode = case
    x = np.round(numbers(shape))
    functional = torch.nn.functional
    want, where = functional.max_pool2d(
        torch.from_numpy(x), window, stride, padding, dilation, ceil_mode, return_indices=True
    )
    values, indices = K["max_pool2d"](x, window, stride, padding, dilation, ceil_mode)
    np.testing.assert_array_equal(values, want.numpy())
    np.testing.assert_array_equal(indices, where.numpy())
    if dilation == (1, 1):
        for include in (True, False):
            want = functional.avg_pool2d(torch.from_numpy(x), window, stride, padding, ceil_mode, include)
            got = K["avg_pool2d"](x, window, stride, padding, ceil_mode, include, None)
            np.testing.assert_allclose(got, want.numpy(), atol=1e-12)


@pytest.mark.parametrize("case", CASES[:-1], ids=str)
def test_convolution_as_pytorch(torch, case):
    shape, weight_shape, stride, padding, dilation, groups = case
    x, weight = (torch.from_numpy(v).requires_grad_() for v in (numbers(shape), numbers(weight_shape, 1)))
    function = [torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d][len(stride) - 1]
    out = function(x, weight, None, stride, padding, dilation, groups)
    grad = numbers(out.shape, 2)
    out.backward(torch.from_numpy(grad))
    options = (stride, padding, dilation, groups)
    arrays = x.detach().numpy(), weight.detach().numpy()
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(K["convolution"](*arrays, None, *options), out.detach().numpy(), **close)
    np.testing.assert_allclose(K["convolution_input_grad"](grad, arrays[1], shape, *options), x.grad.numpy(), **close)
    got = K["convolution_weight_grad"](grad, arrays[0], weight_shape, *options)
    np.testing.assert_allclose(got, weight.grad.numpy(), **close)
