"""Factorizations by what holds of them, and Fourier transforms by their definition, in every layout and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import complex64, complex128, dtype, float32, float64

from ..check import Check, Unsupported
from ..oracles import FACTORS
from ._bench import Bench, values
from ._compare import limits, same, within

__all__ = ["checks"]

Array = Any
SHAPES = ((3, 3), (1, 1), (2, 4, 4), (5, 5), (2, 3, 2, 2), (9, 9))
RECTANGLES = ((5, 3), (3, 5), (2, 4, 3), (1, 4), (4, 1), (8, 7))
LAYOUTS = ("contiguous", "transposed", "stepped", "offset1")


def matrix(shape: tuple[int, ...], d: dtype, seed: int = 1) -> Array:
    """Far from singular: random numbers, and a diagonal larger than they are."""
    x = values(shape, d, -1, 1, seed)
    n = min(shape[-2:])
    x[..., range(n), range(n)] += d.numpy.type(n + 1)
    return x


def _views(shape: tuple[int, ...]) -> tuple[str, ...]:
    """All layouts of small matrices; of others the first: portable decompositions take many steps."""
    return LAYOUTS if int(np.prod(shape)) < 30 else LAYOUTS[:1]


def _wide(x: Array) -> Array:
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def near(got: Array, right: Array, d: dtype, message: str, units: float = 64) -> None:
    """Within so many units of the largest element."""
    right = np.asarray(right)
    size = np.max(np.abs(right), initial=1.0)
    within(got, right, units * max(right.shape[-1:] or (1,)) * limits(d.numpy).unit * size, message)


def run_factors(name: str, d: dtype, device: Device) -> None:
    """The factors' product is the matrix, and they are triangular, orthonormal, positive or sorted."""
    bench = _bench(device, d)
    shapes = SHAPES if name in ("linalg_eigh", "linalg_eig") else (*SHAPES, *RECTANGLES)
    for shape in shapes:
        host = matrix(shape, d)
        if name == "linalg_eigh" and d.is_complex:
            host[..., range(shape[-1]), range(shape[-1])] = host[..., range(shape[-1]), range(shape[-1])].real
        options: tuple[tuple[Any, ...], ...] = ((False,), (True,)) if name in ("linalg_qr", "linalg_svd") else ((),)
        for view in _views(shape):
            for rest in options:
                got = bench.run(name, bench.view(host, view), *rest)
                for found, right in FACTORS[name](_wide(host), *rest, *[_wide(g) for g in got]):
                    near(found, right, d, f"{view}, {shape}, {rest}")


def run_cholesky(d: dtype, device: Device) -> None:
    """Lower, with a positive diagonal; where a matrix is not positive definite it is told."""
    bench = _bench(device, d)
    for shape in SHAPES:
        x = matrix(shape, d)
        host = (x @ np.swapaxes(x, -1, -2).conj()).astype(d.numpy)
        for view in _views(shape):
            lower, info = bench.run("linalg_cholesky", bench.view(host, view))
            near(lower, np.linalg.cholesky(_wide(host)), d, f"{view}, {shape}")
            same(np.triu(lower, 1), np.zeros_like(lower), "above the diagonal")
            assert (info == 0).all(), f"{view}, {shape}: info {info}"
    bad = np.array([[1, 2], [2, 1]]).astype(d.numpy)
    assert int(bench.run("linalg_cholesky", bench.put(bad))[1]) == 2, "the order that is not positive definite"


def run_solves(d: dtype, device: Device) -> None:
    """Solutions, triangular ones, determinants, inverses; what is singular is told."""
    bench = _bench(device, d)
    for shape in SHAPES:
        a = matrix(shape, d)
        b = values((*shape[:-1], 3), d, seed=2)
        for view in _views(shape):
            x, y = bench.view(a, view), bench.view(b, view)
            solved, info = bench.run("linalg_solve", x, y)
            near(solved, np.linalg.solve(_wide(a), _wide(b)), d, f"solve, {view}, {shape}")
            assert (info == 0).all(), f"info {info}"
            near(bench.run("linalg_det", x)[0], np.linalg.det(_wide(a)), d, f"det, {view}, {shape}")
            sign, log = bench.run("linalg_slogdet", x)
            right = np.linalg.slogdet(_wide(a))
            near(sign, right[0], d, f"sign, {view}, {shape}")
            near(log, right[1], d, f"log det, {view}, {shape}")
            for upper in (True, False):
                for unit in (True, False):
                    triangle = np.triu(_wide(a)) if upper else np.tril(_wide(a))
                    if unit:
                        triangle = triangle / (shape[-1] + 1)
                    held = triangle.astype(d.numpy)
                    if unit:
                        held[..., range(shape[-1]), range(shape[-1])] = 77  # is not to be read
                        triangle[..., range(shape[-1]), range(shape[-1])] = 1
                    got = bench.run("linalg_solve_triangular", bench.view(held, view), y, upper, unit)[0]
                    near(got, np.linalg.solve(triangle, _wide(b)), d, f"triangular, {upper}, {unit}, {view}, {shape}")
            pinv = bench.run("linalg_pinv", x, 0.0, 1e-6, False)[0]
            near(pinv, np.linalg.pinv(_wide(a)), d, f"pinv, {view}, {shape}", 256)
    singular = np.array([[1, 2], [2, 4]]).astype(d.numpy)
    assert int(bench.run("linalg_solve", bench.put(singular), bench.put(singular))[1]) == 2, "a singular matrix"
    near(bench.run("linalg_det", bench.put(singular))[0], np.zeros(()), d, "det of a singular matrix")


def run_lu(d: dtype, device: Device) -> None:
    """P·L·U is the matrix, with the largest pivots."""
    bench = _bench(device, d)
    for shape in (*SHAPES, *RECTANGLES):
        host = values(shape, d, -2, 2, seed=3)
        for view in _views(shape):
            lu, pivots, _ = bench.run("linalg_lu_factor", bench.view(host, view))
            k = min(shape[-2:])
            lower = np.tril(_wide(lu)[..., :k], -1) + np.eye(shape[-2], k)
            product = lower @ np.triu(_wide(lu)[..., :k, :])
            assert (np.abs(lower) <= 1 + 1e-6).all() or d.is_complex, f"{view}, {shape}: a pivot is not the largest"
            for lead in np.ndindex(*shape[:-2]):
                for i in reversed(range(k)):
                    j = int(pivots[(*lead, i)]) - 1
                    product[lead][[i, j]] = product[lead][[j, i]]
            near(product, _wide(host), d, f"{view}, {shape}")


def run_transforms(d: dtype, device: Device) -> None:
    """Sums of e^(±2πijk/n) as the definition has them, of lengths of all kinds, on any axis."""
    bench = _bench(device, d)
    bench.needs(d.to_complex() if not d.is_complex else d)
    for n in (1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 30, 32, 33, 64, 97, 128):
        for axis in (0, 1):
            shape = (n, 3) if axis == 0 else (2, n)
            host = values(shape, d, seed=4)
            wide = np.moveaxis(_wide(host), axis, 0)
            grid = np.outer(np.arange(n), np.arange(n)) % n
            for view in ("contiguous", "transposed", "stepped"):
                x = bench.view(host, view)
                if d.is_complex:
                    for inverse in (False, True):
                        scale = 1 / n if inverse else 1.0
                        basis = np.exp((2j if inverse else -2j) * np.pi * grid / n)
                        right = np.moveaxis(np.tensordot(basis, wide, 1), 0, axis) * scale
                        got = bench.run("fft_c2c", x, axis, inverse, scale)[0]
                        near(got, right, d, f"{n}, axis {axis}, inverse={inverse}, {view}", 8)
                    half = np.moveaxis(wide[: n // 2 + 1], 0, axis)
                    got = bench.run("fft_c2r", bench.view(half.astype(d.numpy), view), n, axis, 1 / n)[0]
                    near(got, np.fft.irfft(half, n, axis), d, f"to real, {n}, axis {axis}, {view}", 8)
                else:
                    basis = np.exp(-2j * np.pi * grid / n)[: n // 2 + 1]
                    right = np.moveaxis(np.tensordot(basis, wide, 1), 0, axis)
                    near(bench.run("fft_r2c", x, axis, 1.0)[0], right, d, f"real, {n}, axis {axis}, {view}", 8)


def _bench(device: Device, d: dtype) -> Bench:
    bench = Bench(device)
    bench.needs(d)
    return bench


def run_eig(d: dtype, device: Device) -> None:
    """Eigenvalues of any matrix, where the device has them."""
    bench = _bench(device, d)
    if "linalg_eig" not in bench.backend.kernels:
        raise Unsupported("linalg", f"{device.type} has no linalg_eig")
    run_factors("linalg_eig", d, device)


def checks() -> Iterator[Check]:
    """Each in each dtype."""
    found: tuple[tuple[str, str, Callable[[dtype, Device], None]], ...] = (
        ("linalg_qr", "factors", partial(run_factors, "linalg_qr")),
        ("linalg_svd", "factors", partial(run_factors, "linalg_svd")),
        ("linalg_eigh", "factors", partial(run_factors, "linalg_eigh")), ("linalg_eig", "factors", run_eig),
        ("linalg_cholesky", "factors", run_cholesky), ("linalg_solve", "solutions", run_solves),
        ("linalg_lu_factor", "factors", run_lu),
    )  # fmt: skip
    for name, aspect, run in found:
        for d in (float32, float64, complex64, complex128):
            yield Check(
                f"{name}/{d.name}/{aspect}", name, "linalg", name, d.name, d in (float32, complex128), "linalg",
                partial(run, d),
            )  # fmt: skip
    for d in (float32, float64, complex64, complex128):
        name = "fft_c2c" if d.is_complex else "fft_r2c"
        yield Check(f"{name}/{d.name}/definition", name, "fft", name, d.name, True, "fft", partial(run_transforms, d))
