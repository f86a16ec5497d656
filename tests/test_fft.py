"""``corelib.fft`` and the short-time transforms against PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, complex64, float16, float64, int64
from corelib.ops.samples import ArraySpec, Sample, array
from tests.ops.conftest import oracle  # noqa: F401

A = array
X, ODD, B = A(3, 4), A(3, 5), A(2, 3, 4)
C, CB = A(3, 4, dtype=complex64), A(2, 3, 5, dtype=complex64)
CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


for name, norm in itertools.product(("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"), (None, "ortho", "forward")):
    spec = C if name in ("irfft", "hfft") else X
    for n, dim in ((None, -1), (6, 0), (3, 1), (2, -1)):
        calls(
            **{
                f"{name}_{norm}_{n}_{dim}": (
                    lambda t, x, f=name, n=n, d=dim, m=norm: getattr(t.fft, f)(x, n, d, m),
                    spec,
                )
            }
        )
for name in ("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2", "fftn", "ifftn", "rfftn", "irfftn", "hfftn",
             "ihfftn"):  # fmt: skip
    spec = CB if name in ("irfft2", "hfft2", "irfftn", "hfftn") else B
    for i, options in enumerate(
        ({}, {"s": (4, 3)}, {"norm": "ortho"}, {"dim": (0, 1)}, {"s": (2, 6), "dim": (1, -1), "norm": "forward"})
    ):
        calls(**{f"{name}_{i}": (lambda t, x, f=name, o=options: getattr(t.fft, f)(x, **o), spec)})
calls(
    complex=(lambda t, x: t.fft.fft(x), C),
    complex_inverse=(lambda t, x: t.fft.ifft(x, dim=0), CB),
    complex_many=(lambda t, x: t.fft.fftn(x), CB),
    double=(lambda t, x: t.fft.fft(x), A(7, dtype=float64)),
    integer=(lambda t, x: t.fft.fft(x), A(2, 4, dtype=int64)),
    boolean=(lambda t, x: t.fft.rfft(x), A(2, 4, dtype=bool_)),
    irfft_real=(lambda t, x: t.fft.irfft(x), X),
    irfft_odd=(lambda t, x: t.fft.irfft(x, 7), C),
    rfft_odd=(lambda t, x: t.fft.rfft(x), ODD),
    s_minus_one=(lambda t, x: t.fft.fft2(x, s=(-1, 6)), B),
    scalar=(lambda t, x: t.fft.fftn(x), A()),
    prime=(lambda t, x: t.fft.fft(x), A(2, 11)),
    round_trip=(lambda t, x: t.fft.irfft(t.fft.rfft(x), 5), ODD),
    fftfreq=(lambda t, x: t.fft.fftfreq(5, 0.5) + 0 * x, A(5)),
    fftfreq_even=(lambda t, x: t.fft.fftfreq(6, dtype=t.float64), A(1)),
    rfftfreq=(lambda t, x: t.fft.rfftfreq(6, 2.0), A(1)),
    rfftfreq_odd=(lambda t, x: t.fft.rfftfreq(7), A(1)),
    fftshift=(lambda t, x: t.fft.fftshift(x), B),
    fftshift_dim=(lambda t, x: t.fft.fftshift(x, dim=1), B),
    fftshift_odd=(lambda t, x: t.fft.fftshift(x, dim=(-1,)), ODD),
    ifftshift=(lambda t, x: t.fft.ifftshift(x), B),
    ifftshift_odd=(lambda t, x: t.fft.ifftshift(x), ODD),
)


@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = CALLS[name]
    ours = function(corelib, *[oracle.ours(s) for s in specs])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in specs]), loose=4)


@pytest.mark.parametrize("name", [n for n, c in CALLS.items() if c[1][0].dtype.category >= 2])
def test_gradients(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = CALLS[name]
    oracle.same_gradients(partial(function, corelib), partial(function, oracle.torch), Sample(specs).widened().args)


ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "norm": (lambda t, x: t.fft.fft(x, norm="x"), (X,)),
    "points": (lambda t, x: t.fft.fft(x, 0), (X,)),
    "points_real": (lambda t, x: t.fft.irfft(x[:, :1]), (X,)),
    "points_empty": (lambda t, x: t.fft.fft(x), (A(3, 0),)),
    "rfft_complex": (lambda t, x: t.fft.rfft(x), (C,)),
    "ihfft_complex": (lambda t, x: t.fft.ihfft(x), (C,)),
    "rfftn_complex": (lambda t, x: t.fft.rfftn(x), (C,)),
    "ihfftn_complex": (lambda t, x: t.fft.ihfftn(x), (C,)),
    "dim": (lambda t, x: t.fft.fft(x, dim=3), (X,)),
    "dim_2": (lambda t, x: t.fft.fft2(x), (A(3),)),
    "dims_twice": (lambda t, x: t.fft.fftn(x, dim=(0, 0)), (X,)),
    "dims_and_shape": (lambda t, x: t.fft.fftn(x, s=(2,), dim=(0, 1)), (X,)),
    "shape": (lambda t, x: t.fft.fftn(x, s=(2, 2, 2)), (X,)),
    "half": (lambda t, x: t.fft.fft(x), (A(4, dtype=float16),)),
    "scalar": (lambda t, x: t.fft.fft(x), (A(),)),
    "scalar_real": (lambda t, x: t.fft.rfftn(x), (A(),)),
    "fftfreq": (lambda t, x: t.fft.fftfreq(4, dtype=t.int64), (A(1),)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = ERRORS[name]
    ours, theirs = [oracle.ours(s) for s in specs], [oracle.theirs(s) for s in specs]
    oracle.same_error(lambda: function(corelib, *ours), lambda: function(oracle.torch, *theirs))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_decompositions_are_the_kernels(n: int) -> None:
    """Products with the Fourier matrix, which a device without kernels uses, are the same transforms."""
    from corelib.ops.primitive import PRIMITIVES

    corelib.manual_seed(0)
    x = corelib.view_as_complex(corelib.randn(3, n, 2, 2, dtype=float64))
    half = x[:, : n // 2 + 1].contiguous()
    for name, args in (
        ("fft_c2c", (x, 1, False, 0.5)),
        ("fft_c2c", (x, 1, True, 1.0)),
        ("fft_r2c", (x.real.contiguous(), 1, 0.5)),
        ("fft_c2r", (half, n, 1, 0.5)),
    ):
        prim = PRIMITIVES[name]
        assert prim.decomposition is not None
        found = prim.decomposition(*args)
        assert corelib.allclose(found, prim.function(*args), rtol=1e-10, atol=1e-10), name


def test_out() -> None:
    out = corelib.empty(3, dtype=complex64)
    assert corelib.fft.fft(corelib.ones(3), out=out) is out
    assert out.tolist() == [3, 0, 0]


def test_empty_batch() -> None:
    assert corelib.fft.fft(corelib.ones(0, 4)).shape == (0, 4)
    assert corelib.fft.irfft(corelib.fft.rfft(corelib.ones(0, 4))).shape == (0, 4)


# -- short-time transforms ---------------------------------------------------------------------------------------

SIGNAL, SIGNALS = A(40), A(2, 40)
WINDOW, SHORT = A(8, low=0.5, high=1.5, seed=1), A(6, low=0.5, high=1.5, seed=1)
FRAMES: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "plain": (lambda t, x: t.stft(x, 8, window=t.ones(8, dtype=x.dtype), return_complex=True), (SIGNAL,)),
    "batch": (lambda t, x, w: t.stft(x, 8, 3, window=w, return_complex=True), (SIGNALS, WINDOW)),
    "short": (lambda t, x, w: x.stft(8, 2, 6, w, return_complex=True), (SIGNAL, SHORT)),
    "not_centered": (lambda t, x, w: t.stft(x, 8, window=w, center=False, return_complex=True), (SIGNAL, WINDOW)),
    "constant": (lambda t, x, w: t.stft(x, 8, window=w, pad_mode="constant", return_complex=True), (SIGNAL, WINDOW)),
    "normalized": (lambda t, x, w: t.stft(x, 8, window=w, normalized=True, return_complex=True), (SIGNAL, WINDOW)),
    "two_sided": (lambda t, x, w: t.stft(x, 8, window=w, onesided=False, return_complex=True), (SIGNAL, WINDOW)),
    "complex": (lambda t, x, w: t.stft(x, 8, window=w), (A(30, dtype=complex64), WINDOW)),
    "inverse": (
        lambda t, x, w: t.istft(t.stft(x, 8, 2, window=w, return_complex=True), 8, 2, window=w),
        (SIGNALS, WINDOW),
    ),
    "inverse_length": (
        lambda t, x, w: t.istft(t.stft(x, 8, 2, window=w, return_complex=True), 8, 2, window=w, length=37),
        (SIGNAL, WINDOW),
    ),
    "inverse_two_sided": (
        lambda t, x, w: t.istft(x, 8, 4, window=w, onesided=False, normalized=True),
        (A(8, 5, dtype=complex64), WINDOW),
    ),
    "inverse_complex": (
        lambda t, x, w: t.istft(x, 8, 4, window=w, onesided=False, return_complex=True),
        (A(2, 8, 5, dtype=complex64), WINDOW),
    ),
    "inverse_other": (lambda t, x, w: x.istft(8, 3, window=w), (A(5, 6, dtype=complex64), WINDOW)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = FRAMES[name]
    wide = Sample(specs).widened().args
    ours = function(corelib, *[oracle.ours(s) for s in wide])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in wide]), loose=4)
    oracle.same_gradients(partial(function, corelib), partial(function, oracle.torch), wide)


def test_parts_of_frames() -> None:
    parts = corelib.stft(corelib.ones(16), 4, return_complex=False)
    assert parts.shape == (3, 17, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, x: t.stft(x, 4),
        lambda t, x: t.stft(x, 4, hop_length=0, return_complex=True, window=t.ones(4)),
        lambda t, x: t.stft(x, 80, return_complex=True, center=False, window=t.ones(80)),
        lambda t, x: t.stft(x, 100, return_complex=True, window=t.ones(100)),
        lambda t, x: t.stft(x, 4, return_complex=True, window=t.ones(3)),
        lambda t, x: t.istft(x, 4, window=t.ones(4)),
    ],
)
def test_frame_errors(oracle: Any, call: Callable[..., Any]) -> None:  # noqa: F811
    oracle.same_error(lambda: call(corelib, oracle.ours(SIGNALS)), lambda: call(oracle.torch, oracle.theirs(SIGNALS)))
