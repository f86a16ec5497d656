"""Fused primitives, by a device's own kernels or as they are decomposed, against plain loops in float64.

Convolutions, products, pools and embeddings get whole numbers, so that their results have one right answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import corelib
from corelib.device import Device
from corelib.dtypes import bfloat16, dtype, float16, float32, float64
from corelib.ops import PRIMITIVES

from ..check import Check, flag_of, tier_of
from . import _layers as layers
from ._bench import NEGATIVE, VIEWS, ZERO, Bench, constant, values
from ._compare import limits, same, within
from .random import words

__all__ = ["checks"]

Array = Any
FLOATS = (float32, float64, float16, bfloat16)


def whole(shape: Any, d: dtype, seed: int, low: int = -2, high: int = 2) -> Array:
    """Small whole numbers."""
    return np.random.default_rng((seed, *shape)).integers(low, high + 1, tuple(shape)).astype(d.numpy)


def wide(x: Array | None) -> Any:
    return None if x is None else x.astype(np.float64)


def exactly(got: Array, right: Array, message: str) -> None:
    """The right answer, whose rounding to the dtype is the only one; zeros of either sign."""
    with np.errstate(all="ignore"):
        same(got + got.dtype.type(0), np.asarray(right).astype(got.dtype) + got.dtype.type(0), message)


def nearly(got: Array, right: Array, d: dtype, message: str, units: float = 16, size: Any = None) -> None:
    """Within so many units of the larger of the result and ``size`` (which is what was added up)."""
    right = np.asarray(right, np.float64)
    with np.errstate(all="ignore"):
        right = np.where(np.abs(right) > limits(got.dtype).largest, np.copysign(np.inf, right), right)
        reach = np.maximum(np.abs(right), 0 if size is None else size)
        bound = units * limits(np.float32 if d.is_half else d.numpy).unit * reach
        bound = bound + (0.51 * limits(d.numpy).unit * np.abs(right) + 2.0**-24 * (d is float16) if d.is_half else 0)
        bound = bound + limits(d.numpy).unit * 2.0 ** max(limits(d.numpy).least, -1000)
    within(got, right, np.where(np.isfinite(bound), bound, 0), message)


def run_rows(name: str, d: dtype, device: Device) -> None:
    """softmax, log_softmax and logsumexp: every dimension and layout, long rows, far numbers, infinities, nan."""
    bench = Bench(device)
    bench.needs(d)
    oracle: Any = {"softmax": layers.softmax, "log_softmax": layers.log_softmax, "logsumexp": layers.logsumexp}[name]

    def call(x: Any, dim: int) -> Array:
        return bench.run(name, x, *(((dim,), False) if name == "logsumexp" else (dim,)))[0]

    def hold(x: Any, host: Array, dim: int, message: str) -> None:
        got = call(x, dim)
        right = oracle(wide(host), dim)
        with np.errstate(all="ignore"):
            top = np.max(np.where(np.isfinite(wide(host)), np.abs(wide(host)), 0), initial=1.0)
        terms = host.shape[dim] if host.ndim else 1
        if name == "softmax":
            nearly(got, right, d, message, units=8 + terms / 64)
        else:
            nearly(got, right, d, message, units=16 + terms / 32, size=top + 8)

    shapes: tuple[tuple[int, ...], ...] = (
        (3, 4), (2, 3, 5), (7, 33), (33, 7), (2, 257), (1, 1), (3, 1), (1, 5), (2, 2, 3, 4), (64, 65), (2, 1025),
    )  # fmt: skip
    for shape in shapes:
        host = values(shape, d, -3, 3, seed=1)
        for dim in range(len(shape)):
            hold(bench.put(host), host, dim, f"shape {shape}, dim {dim}")
            for view in (*VIEWS, *NEGATIVE) if host.size < 100 else ("transposed", "pitched"):
                hold(bench.view(host, view), host, dim, f"{view}, shape {shape}, dim {dim}")
            for zero in ZERO if host.size < 100 else ():
                laid = constant(host, zero)
                hold(bench.view(laid, zero), laid, dim, f"{zero}, shape {shape}, dim {dim}")
    inf, nan = np.inf, np.nan
    rows = np.array([
        [1000, 999, 0, -1000], [-1000, -1001, -1e4, -999], [-inf, 0, 1, 2], [-inf] * 4, [inf, 0, 1, 2], [nan, 0, 1, 2],
        [0, 1, 2, nan], [inf, inf, 0, 1], [-inf, inf, 0, nan], [0, 0, 0, 0], [-inf, -inf, 3, -inf], [80, 81, -80, 0],
        [6e4, 5e4, 0, -6e4],
    ]).astype(d.numpy)  # fmt: skip
    for dim, host in ((1, rows), (0, np.ascontiguousarray(rows.T))):
        got = call(bench.put(host), dim)
        right = oracle(wide(host), dim)
        nearly(got, right, d, f"special rows, dim {dim}", units=64, size=1.0 if name == "softmax" else 1e5 * 2.0**-4)
    if name == "softmax":
        empty = bench.run(name, bench.put(np.zeros((0, 3), d.numpy)), 1)[0]
        same(empty, np.zeros((0, 3), d.numpy), "no rows")
        host = values((4, 9), d, seed=2)
        x = bench.put(host)
        right = bench.run(name, x, 1)[0]
        bench.into(name, x, x, 1)
        same(bench.get(x), right, "out= is the input")
    bench.independent(name, bench.put(values((3, 4), d)), (1,) if name == "logsumexp" else 1)


CONVOLUTIONS: tuple[tuple[Any, ...], ...] = (
    # x, weight, stride, padding, dilation, groups
    ((2, 3, 5, 6), (4, 3, 3, 2), (1, 1), (0, 0), (1, 1), 1), ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((2, 4, 7, 6), (6, 2, 3, 3), (2, 1), (1, 0), (1, 1), 2), ((1, 4, 8, 9), (4, 1, 3, 3), (1, 1), (1, 1), (1, 1), 4),
    ((2, 2, 9, 9), (3, 2, 3, 3), (2, 2), (2, 1), (2, 3), 1), ((3, 5, 6, 6), (7, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    ((1, 3, 8, 8), (2, 3, 5, 5), (1, 1), (2, 2), (1, 1), 1), ((2, 3, 6, 5), (4, 3, 2, 2), (2, 2), (0, 0), (1, 1), 1),
    ((1, 2, 7, 5), (2, 2, 3, 3), (3, 2), (1, 1), (1, 1), 1), ((2, 3, 11), (4, 3, 3), (1,), (1,), (1,), 1),
    ((1, 4, 16), (4, 2, 5), (2,), (3,), (2,), 2), ((1, 17, 9, 9), (33, 17, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 2, 4, 5, 3), (3, 2, 2, 3, 2), (1, 1, 1), (0, 1, 1), (1, 1, 1), 1),
    ((5, 8, 12, 13), (8, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 3, 32, 33), (16, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1), ((1, 2, 4, 4), (2, 2, 3, 3), (1, 1), (3, 3), (1, 1), 1),
    ((2, 3, 8, 6), (4, 3, 4, 4), (4, 4), (0, 0), (1, 1), 1), ((1, 6, 5, 5), (9, 2, 3, 3), (1, 2), (1, 2), (1, 1), 3),
)  # fmt: skip


def run_convolution(name: str, d: dtype, device: Device) -> None:
    """One to three dimensions, strides, paddings, dilations, groups; forward or one of the gradients."""
    bench = Bench(device)
    bench.needs(d)
    for x_shape, w_shape, stride, padding, dilation, groups in CONVOLUTIONS:
        reach = 1 if d.is_half and np.prod(w_shape[1:]) > 60 else 2
        x, w = whole(x_shape, d, 1, -reach, reach), whole(w_shape, d, 2, -reach, reach)
        b = whole(w_shape[:1], d, 3)
        rest = (stride, padding, dilation, groups)
        message = f"{x_shape} by {w_shape}, {rest}"
        right = layers.convolution(wide(x), wide(w), wide(b), *rest)
        grad = whole(right.shape, d, 4, -1, 1)
        if name == "convolution":
            even = [constant(h, "outer0") for h in (x, w, b)]
            answer = layers.convolution(wide(even[0]), wide(even[1]), wide(even[2]), *rest)
            exactly(bench.run(name, *[bench.view(h, "outer0") for h in even], *rest)[0], answer, f"outer0, {message}")
            for view in ("contiguous", "transposed", "offset1", "stepped"):
                args = [bench.view(h, view) for h in (x, w, b)]
                exactly(bench.run(name, *args, *rest)[0], right, f"{view}, {message}")
            without = layers.convolution(wide(x), wide(w), None, *rest)
            exactly(bench.run(name, bench.put(x), bench.put(w), None, *rest)[0], without, f"no bias, {message}")
            turned = bench.run(name, bench.view(x, "permuted"), bench.put(w), None, *rest)[0]
            exactly(turned, without, f"permuted, {message}")
            continue
        if d.is_half:
            grad[np.abs(whole(right.shape, d, 5, 0, 9).astype(np.float32)) > 2] = 0
        of_input, of_weight = layers.convolution_grads(wide(grad), wide(x), wide(w), *rest)
        for view in ("contiguous", "transposed", "stepped"):
            if name == "convolution_input_grad":
                got = bench.run(name, bench.view(grad, view), bench.view(w, view), x_shape, *rest)[0]
                exactly(got, of_input, f"{view}, {message}")
            else:
                got = bench.run(name, bench.view(grad, view), bench.view(x, view), w_shape, *rest)[0]
                exactly(got, of_weight, f"{view}, {message}")


LINEARS: tuple[tuple[tuple[int, ...], int], ...] = (
    ((2, 3), 4), ((2, 5, 3), 4), ((3,), 4), ((33, 17), 65), ((1, 128), 1), ((7, 1), 3), ((0, 3), 2), ((2, 0), 3),
    ((2, 3, 2, 5), 6), ((64, 100), 33),
)  # fmt: skip


def run_linear(d: dtype, device: Device) -> None:
    """Batches of any rank, with and without a bias; and its three gradients."""
    bench = Bench(device)
    bench.needs(d)
    for shape, out in LINEARS:
        x, w, b = whole(shape, d, 1), whole((out, shape[-1]), d, 2), whole((out,), d, 3)
        right = wide(x) @ wide(w).T
        for view in ("contiguous", "transposed", "offset1", "stepped"):
            args = [bench.view(h, view) for h in (x, w, b)]
            exactly(bench.run("linear", *args)[0], right + wide(b), f"{view}, {shape} to {out}")
            exactly(bench.run("linear", *args[:2], None)[0], right, f"{view}, {shape} to {out}, no bias")
        for zero in ZERO:
            laid = [constant(h, zero) if h.ndim > 1 or zero == "inner0" else h for h in (x, w, b)]
            args = [bench.view(h, zero if h.ndim > 1 or zero == "inner0" else "contiguous") for h in laid]
            answer = wide(laid[0]) @ wide(laid[1]).T + wide(laid[2])
            exactly(bench.run("linear", *args)[0], answer, f"{zero}, {shape} to {out}")
        if len(shape) < 2 or 0 in shape:
            continue
        g = whole((*shape[:-1], out), d, 4, -1, 1)
        flat_g, flat_x = wide(g).reshape(-1, out), wide(x).reshape(-1, shape[-1])
        rights = (wide(g) @ wide(w), flat_g.T @ flat_x, flat_g.sum(0))
        for needs in ((True, True, True), (True, False, False), (False, True, True), (False, True, False)):
            got = PRIMITIVES["linear_grad"].function(bench.put(g), bench.put(x), bench.put(w), *needs)
            for part, answer, asked in zip(got, rights, needs, strict=True):
                if asked:
                    exactly(bench.get(part), answer, f"gradients {needs} of {shape} to {out}")


def run_layer_norm(d: dtype, device: Device) -> None:
    """Over one to three dimensions, numbers far from 0, and its gradients."""
    bench = Bench(device)
    bench.needs(d)
    plans: tuple[tuple[tuple[int, ...], int], ...] = (
        ((2, 3, 4), 1), ((2, 3, 4), 2), ((5, 33), 1), ((3, 257), 1), ((2, 3, 4), 3), ((4, 1), 1), ((9, 64), 1),
        ((2, 1025), 1),
    )  # fmt: skip
    for shape, dims in plans:
        for shift in (0.0, 100.0):
            x = values(shape, d, -2 + shift, 2 + shift, seed=1)
            w, b = values(shape[-dims:], d, 0.5, 1.5, seed=2), values(shape[-dims:], d, seed=3)
            for weight, bias in ((w, b), (None, None), (w, None)):
                right = layers.layer_norm(wide(x), wide(weight), wide(bias), dims, 1e-5)
                for view in ("contiguous", "transposed", "stepped"):
                    args = [h if h is None else bench.view(h, view) for h in (x, weight, bias)]
                    got = bench.run("layer_norm", *args, dims, 1e-5)
                    size = (np.abs(wide(x)) * right[2] + 1) * 1.5
                    nearly(got[0], right[0], d, f"{view}, {shape} over {dims}", 24, size)
                    assert got[1].shape == right[1].shape and got[2].shape == right[2].shape, "shapes of the statistics"
            if shift or d.is_half:
                continue
            g = values(shape, d, seed=4)
            along, rest = tuple(range(len(shape) - dims, len(shape))), tuple(range(len(shape) - dims))
            _, mean, rstd = layers.layer_norm(wide(x), None, None, dims, 1e-5)
            rights = layers.norm_grads(wide(g), wide(x), wide(w), mean, rstd, along, rest)
            stats = [bench.put(s.astype(d.numpy)) for s in (mean, rstd)]
            got = bench.run("layer_norm_grad", bench.put(g), bench.put(x), bench.put(w), *stats, dims)
            for part, right_one, scale in zip(got, rights, (float(np.max(rstd)) * 10, 30, 30), strict=True):
                nearly(part, right_one, d, f"gradients, {shape} over {dims}", 48 + shape[0], scale)


def run_batch_norm(d: dtype, device: Device) -> None:
    """By channel of two to four dimensions, numbers far from 0, and its gradients."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((3, 2, 4), (4, 3), (2, 3, 2, 2), (33, 5), (8, 7, 9, 9), (5, 1, 3), (2, 16, 6, 5)):
        for shift in (0.0, 50.0):
            x = values(shape, d, -2 + shift, 2 + shift, seed=1)
            w, b = values((shape[1],), d, 0.5, 1.5, seed=2), values((shape[1],), d, seed=3)
            for weight, bias in ((w, b), (None, None), (w, None)):
                right = layers.batch_norm(wide(x), wide(weight), wide(bias), 1e-3)
                broad = right[2].reshape(1, -1, *[1] * (len(shape) - 2))
                for view in ("contiguous", "transposed", "stepped"):
                    args = [h if h is None else bench.view(h, view) for h in (x, weight, bias)]
                    got = bench.run("batch_norm_train", *args, 1e-3)
                    reach = (np.abs(wide(x)) * broad + 1) * 1.5
                    nearly(got[0], right[0], d, f"{view}, {shape}", 24 + x.size / 64, reach)
                    for part, wanted, name in zip(got[1:], right[1:], ("mean", "rstd", "variance"), strict=True):
                        kind = float32 if d.is_half and part.dtype == np.float32 else d
                        size = np.max(np.abs(wide(x))) * (
                            1 if name == "mean" else 1 + right[2] if name == "rstd" else 6
                        )
                        nearly(part, wanted, kind, f"{name}, {view}, {shape}", 24 + x.size / 64, size)
            if shift or d.is_half:
                continue
            g = values(shape, d, seed=4)
            dims, mould = (0, *range(2, len(shape))), (1, -1, *[1] * (len(shape) - 2))
            _, mean, rstd, _ = layers.batch_norm(wide(x), None, None, 1e-3)
            scale, middle, spread = (h.reshape(mould) for h in (wide(w), mean, rstd))
            rights = layers.norm_grads(wide(g), wide(x), scale, middle, spread, dims, dims)
            stats = [bench.put(s.astype(d.numpy)) for s in (mean, rstd)]
            got = bench.run("batch_norm_grad", bench.put(g), bench.put(x), bench.put(w), *stats)
            for part, wanted, scale in zip(got, rights, (float(np.max(rstd)) * 10, 40, 40), strict=True):
                nearly(part, wanted, d, f"gradients, {shape}", 48 + x.size / 16, scale)


POOLS: tuple[tuple[Any, ...], ...] = (
    ((2, 3, 6, 6), (2, 2), (2, 2), (0, 0), (1, 1), False), ((2, 7, 5), (3, 2), (2, 1), (1, 1), (1, 1), True),
    ((1, 2, 6, 6), (2, 2), (1, 1), (0, 0), (2, 2), False), ((1, 1, 9, 11), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((1, 2, 5, 5), (5, 5), (5, 5), (0, 0), (1, 1), False), ((2, 1, 7, 8), (2, 3), (3, 2), (1, 0), (1, 1), True),
    ((1, 3, 4, 33), (1, 3), (1, 2), (0, 1), (1, 1), False), ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0), (1, 1), False),
)  # fmt: skip


def run_pools(d: dtype, device: Device) -> None:
    """Maxima with their places, the first of ties, nan above all; means; the gradient of maxima."""
    bench = Bench(device)
    bench.needs(d)
    for shape, kernel, stride, padding, dilation, ceil in POOLS:
        x = whole(shape, d, 1, -3, 3)
        spoiled = x.copy()
        spoiled[..., shape[-2] // 2, shape[-1] // 2] = np.nan  # which of several nans counts is left open
        low = np.full(shape, -np.inf).astype(d.numpy)
        for host in (x, spoiled, low, -np.abs(x) - d.numpy.type(1)):
            right = layers.max_pool(wide(host), kernel, stride, padding, dilation, ceil)
            for view in ("contiguous", "transposed", "stepped"):
                got = bench.run("max_pool2d", bench.view(host, view), kernel, stride, padding, dilation, ceil)
                exactly(got[0], right[0], f"maxima, {view}, {shape}, {kernel}")
                same(got[1], right[1], f"places, {view}, {shape}, {kernel}")
        g = whole(right[0].shape, d, 2)
        places = layers.max_pool(wide(x), kernel, stride, padding, dilation, ceil)[1]
        into = np.zeros((*shape[:-2], shape[-2] * shape[-1]))
        for lead in np.ndindex(*shape[:-2]):
            np.add.at(into[lead], places[lead].ravel(), wide(g)[lead].ravel())
        found = bench.run("max_pool2d_grad", bench.put(g), bench.put(places), shape)[0]
        exactly(found, into.reshape(shape), f"gradient, {shape}")
        if dilation == (1, 1):
            for include, divisor in ((True, None), (False, None), (True, 3)):
                right_mean = layers.average_pool(wide(x), kernel, stride, padding, ceil, include, divisor)
                for view in ("contiguous", "transposed"):
                    got = bench.run("avg_pool2d", bench.view(x, view), kernel, stride, padding, ceil, include, divisor)
                    nearly(got[0], right_mean, d, f"means, {view}, {shape}, {kernel}, {include}, {divisor}", 2)


def run_embedding(d: dtype, device: Device) -> None:
    """Rows by indices of any rank, and their gradient with repeated and with padding indices; bad ones raise."""
    bench = Bench(device)
    bench.needs(d)
    rng = np.random.default_rng(1)
    plans: tuple[tuple[int, int, tuple[int, ...]], ...] = (
        (5, 3, (2, 4)), (5, 3, (7,)), (1, 1, (3,)), (33, 17, (65,)), (300, 2, (2, 3, 4)), (4, 8, (0,)), (4, 8, ()),
    )  # fmt: skip
    for rows, width, shape in plans:
        table, index = whole((rows, width), d, 2, -9, 9), rng.integers(0, rows, shape)
        for view in ("contiguous", "transposed", "stepped"):
            got = bench.run("embedding", bench.view(table, view), bench.view(index, view), -1)[0]
            same(got, table[index], f"{view}, {rows} rows at {shape}")
        g = whole((*shape, width), d, 3)
        for padding in (-1, 0, rows - 1):
            right = np.zeros((rows, width))
            counted = (index.ravel() != padding)[:, None]
            np.add.at(right, index.ravel(), counted * wide(g).reshape(-1, width))
            got = bench.run("embedding_grad", bench.put(g), bench.put(index), rows, padding)[0]
            exactly(got, right, f"gradient, {rows} rows at {shape}, padding {padding}")
        for bad in (rows, -1, rows + 1000):
            wrong = np.append(index.ravel(), bad)
            try:
                PRIMITIVES["embedding"].function(bench.put(table), bench.put(wrong), -1)
                bench.backend.synchronize(bench.index)
            except IndexError:
                continue
            raise AssertionError(f"embedding: index {bad} into {rows} rows went unnoticed")


def run_cross_entropy(d: dtype, device: Device) -> None:
    """Each reduction, ignored rows, far logits; and its gradient."""
    bench = Bench(device)
    bench.needs(d)
    rng = np.random.default_rng(1)
    for rows, classes in ((4, 5), (1, 2), (33, 17), (3, 257), (7, 1)):
        for far in (3, 30):
            x = values((rows, classes), d, -far, far, seed=rows)
            target = rng.integers(0, classes, rows)
            target[rows // 2] = 0 if rows < 3 else -100
            for reduction in ("mean", "sum", "none"):
                loss, logs, count = layers.cross_entropy(wide(x), target, -100, reduction)
                for view in ("contiguous", "transposed"):
                    got = bench.run("class_cross_entropy", bench.view(x, view), bench.put(target), -100, reduction)
                    size = (2 * far + 8) * (rows if reduction == "sum" else 1)
                    nearly(got[0], loss, d, f"loss, {reduction}, {rows} of {classes}", 24, size)
                    nearly(got[1], logs, d, f"log-probabilities, {rows} of {classes}", 24, 2 * far + 8)
                g = values((rows,) if reduction == "none" else (), d, 0.5, 1.5, seed=2)
                right = np.exp(logs) - np.eye(classes)[np.where(target < 0, 0, target)]
                share = np.where(target < 0, 0, wide(g) * np.ones(rows)) / (count if reduction == "mean" else 1)
                many = np.asarray(count).astype(got[2].dtype)
                args = [bench.put(np.asarray(h)) for h in (g, logs.astype(d.numpy), target, many)]
                found = bench.run("class_cross_entropy_grad", *args, -100, reduction)[0]
                near = 3 * limits(d.numpy).unit * (1 + np.abs(logs)) * np.exp(logs) + 2 * limits(d.numpy).unit
                near = near * np.abs(share[:, None]) * 2
                within(found, right * share[:, None], near, f"gradient, {reduction}, {rows} of {classes}")


def run_dropout(d: dtype, device: Device) -> None:
    """What is kept is kept by the stream's words and divided by 1 - p; the mask says so."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((4, 5), (33,), (1025,), (), (0,), (3, 257)):
        x = values(shape, d, 1, 2, seed=1)
        for p in (0.1, 0.5, 0.9):
            generator = corelib.Generator().manual_seed(9)
            out, mask = bench.run("dropout", generator, bench.put(x), p)
            kept = mask.astype(bool)
            with np.errstate(all="ignore"):
                nearly(out, np.where(kept, wide(x) / (1 - p), 0), d, f"shape {shape}, p {p}", 2)
            drawn = words(9, 0, int(np.prod(shape))).reshape(shape)
            share = drawn * 2.0**-32
            apart = np.abs(share - p) > 2.0**-7  # whatever number of bits is compared
            dropped = ((share < p) != kept)[apart].all() or ((share >= 1 - p) != kept)[apart].all()
            assert dropped, f"not by the stream's words, shape {shape}, p {p}"
            again = bench.run("dropout", corelib.Generator().manual_seed(9), bench.view(x, "transposed"), p)
            same(again[1], mask, "the same mask in another layout")


def run_small(d: dtype, device: Device) -> None:
    """relu's gradient, parts of numbers, neighbours, and extremes scattered."""
    bench = Bench(device)
    bench.needs(d)
    g, out = values((7, 33), d, seed=1), np.maximum(whole((7, 33), d, 2), d.numpy.type(0))
    for view in ("contiguous", "transposed", "stepped", "offset1"):
        got = bench.run("relu_grad", bench.view(g, view), bench.view(out, view))[0]
        exactly(got, np.where(wide(out) > 0, wide(g), 0), f"relu's gradient, {view}")
    from .accuracy import special

    x = special(d)
    finite = x[np.isfinite(x)]
    mantissa, exponent = bench.run("frexp", bench.put(finite))
    right = np.frexp(wide(finite))
    same(mantissa, right[0].astype(d.numpy), "mantissas")
    same(exponent.astype(np.int64), right[1].astype(np.int64), "exponents")
    if not d.is_half:
        a, b = np.repeat(x, len(x)), np.tile(x, len(x))
        with np.errstate(all="ignore"):
            neighbours = np.nextafter(a, b)
        same(bench.run("nextafter", bench.put(a), bench.put(b))[0], neighbours, "neighbours")
    index = np.random.default_rng(3).integers(0, 5, (40, 3))
    base, source = values((5, 3), d, seed=4), values((40, 3), d, seed=5)
    for largest in (True, False):
        for include in (True, False):
            wanted = wide(base).copy()
            for column in range(3):
                for row in range(5):
                    there = wide(source)[index[:, column] == row, column]
                    all_there = np.append(there, wanted[row, column]) if include or not len(there) else there
                    wanted[row, column] = all_there.max() if largest else all_there.min()
            args = [bench.put(h) for h in (base, index, source)]
            got = bench.run("scatter_extremum", *args, 0, largest, include)[0]
            exactly(got, wanted, f"extremes scattered, largest={largest}, include_self={include}")


def checks() -> Iterator[Check]:
    """Each group in each floating dtype."""
    found: tuple[tuple[str, str, Callable[..., None]], ...] = (
        ("softmax", "rows", partial(run_rows, "softmax")), ("log_softmax", "rows", partial(run_rows, "log_softmax")),
        ("logsumexp", "rows", partial(run_rows, "logsumexp")),
        ("convolution", "exact", partial(run_convolution, "convolution")),
        ("convolution_input_grad", "exact", partial(run_convolution, "convolution_input_grad")),
        ("convolution_weight_grad", "exact", partial(run_convolution, "convolution_weight_grad")),
        ("linear", "exact", run_linear), ("layer_norm", "rows", run_layer_norm),
        ("batch_norm_train", "rows", run_batch_norm), ("max_pool2d", "windows", run_pools),
        ("embedding", "rows", run_embedding),
        ("class_cross_entropy", "rows", run_cross_entropy), ("dropout", "words", run_dropout),
        ("relu_grad", "small", run_small),
    )  # fmt: skip
    for number, (name, aspect, run) in enumerate(found):
        for which, d in enumerate(FLOATS):
            yield Check(
                id=f"{name}/{d.name}/{aspect}",
                group=name,
                tier=tier_of(PRIMITIVES[name], (d.name,)),
                op=name,
                dtype=d.name,
                quick=which == 0 or (number + which) % 3 == 0,
                capability=flag_of(d.name),
                run=partial(run, d),
            )
