"""Gradients of both orders of every operation that users see, against PyTorch, over PyTorch's own sample calls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import corelib

from . import opinfo

NAMES = opinfo.function_names()
COUNT = 3  # sample calls of each operation and dtype, evenly taken from PyTorch's

EXCEPTIONS = {
    "random": "bernoulli dropout alpha_dropout feature_alpha_dropout multinomial normal "
    "nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d nn.functional.dropout3d "
    "nn.functional.feature_alpha_dropout nn.functional.multi_head_attention_forward "
    "nn.functional.gumbel_softmax nn.functional.rrelu "
    "nn.functional.scaled_dot_product_attention rand_like randint_like randn_like",
    "eigenvectors and singular vectors up to their sign": "linalg.eig linalg.eigh linalg.svd svd",
    "the gradient by a Cholesky factor is of its triangle alone": "cholesky_inverse cholesky_solve",
    "the imaginary part of a gradient on a real diagonal": "cholesky linalg.cholesky linalg.cholesky_ex",
    "pivots of complex matrices by abs, in LAPACK by the sum of the parts": "lu linalg.lu linalg.lu_factor "
    "linalg.lu_factor_ex",
    "PyTorch's derivative is wrong (gradcheck says so)": "as_strided_scatter",
    "PyTorch has no derivative": "nextafter",
    "windows at random": "nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d",
    "PyTorch's sample gives options": "nn.functional.linear_cross_entropy",
    "PyTorch's derivatives outside the domain": "special.entr",
    "PyTorch's second derivative at a norm of zero is nan, ours 0": "linalg.norm",
    "residuals require grad as computed": "linalg.lstsq",
    "PyTorch describes it with arguments of another order": "einsum nn.functional.embedding "
    "nn.functional.embedding_bag svd_lowrank pca_lowrank where linalg.pinv "
    "nn.functional.triplet_margin_with_distance_loss",
    "sparse or without a gradient in PyTorch": "scatter bfloat16",
    "properties, or in place": "H T mH mT zero_",
    "an empty index of any dtype": "gather",
    "complex numbers": "logcumsumexp",
    "a batch that is a vector": "nn.functional.batch_norm",
}
EXCLUDED = {name: reason for reason, names in EXCEPTIONS.items() for name in names.split()}
COMPLEX_ONLY = {"cholesky", "linalg.cholesky", "linalg.cholesky_ex", "lu", "linalg.lu", "linalg.lu_factor",
                "linalg.lu_factor_ex", "logcumsumexp"}  # fmt: skip


def _host(x: Any) -> Any:
    return x.detach()._host() if isinstance(x, corelib.Tensor) else x.detach().numpy(force=True)


def _same(found: Any, expected: Any, what: str) -> None:
    """Equal gradients; None is zero."""
    if found is None or expected is None:
        for g in (found, expected):
            assert g is None or np.max(np.abs(_host(g)), initial=0) < 1e-9, f"{what}: no gradient"
        return
    a, b = _host(found), _host(expected)
    assert (a.shape, a.dtype) == (b.shape, b.dtype), what
    size = np.max(np.abs(b), initial=1, where=np.isfinite(b))
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7 * size, equal_nan=True, err_msg=what)


def _along(expected: list[Any], torch: Any) -> tuple[list[Any], list[Any]]:
    """One random direction for both libraries."""
    rng = np.random.default_rng(7)
    hosts = [
        (rng.uniform(0.2, 1, tuple(y.shape)) + (1j * rng.uniform(0.2, 1, tuple(y.shape)) if y.is_complex() else 0))
        .astype(_host(y).dtype) for y in expected
    ]  # fmt: skip
    return [corelib.tensor(h) for h in hosts], [torch.tensor(h) for h in hosts]


def _gradients(pairs: list[tuple[Any, Any]], xs: list[tuple[Any, Any]], torch: Any, again: bool) -> list[Any]:
    """Gradients by both, and that they are the same; the pairs of those that can be differentiated again."""
    along = _along([t for _, t in pairs], torch)
    found = corelib.autograd.grad(
        [a for a, _ in pairs], [a for a, _ in xs], along[0], create_graph=again, allow_unused=True
    )
    expected = torch.autograd.grad(
        [b for _, b in pairs], [b for _, b in xs], along[1], create_graph=again, allow_unused=True
    )
    for a, b in zip(found, expected, strict=True):
        _same(a, b, "first" if again else "second")
    both = [(a, b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    return [(a, b) for a, b in both if a.requires_grad and b.requires_grad]


def _samples(op: Any, dtype: Any) -> Iterator[Any]:
    made = list(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=False), 100))
    yield from (made if len(made) <= COUNT else [made[i * len(made) // COUNT] for i in range(COUNT)])


def _check(op: Any, name: str, sample: Any, torch: Any) -> None:
    given = [opinfo.leaves(x, torch) for x in (sample.input, sample.args, sample.kwargs)]
    try:
        theirs = opinfo.call(op.op, *given)
    except Exception:  # its own requirements
        return
    made: list[tuple[Any, Any]] = []
    mine = [opinfo.ours(x, torch, made) for x in given]
    function = opinfo.resolve(name)
    assert function is not None
    results = list(zip(opinfo.flat(opinfo.call(function, *mine)), opinfo.flat(theirs), strict=True))
    tensors = [(a, b) for a, b in results if isinstance(b, torch.Tensor)]
    for a, b in tensors:
        assert a.requires_grad == b.requires_grad, "requires_grad"
        _same(a, b, "value")
    wanted = [(a, b) for a, b in tensors if b.requires_grad]
    xs = [(a, b) for a, b in made if b.requires_grad]
    if not wanted:
        return
    more = _gradients(wanted, xs, torch, True)
    if op.supports_gradgrad and more:
        try:
            _gradients(more, xs, torch, False)
        except RuntimeError as error:  # of PyTorch alone
            if "ZeroTensor" not in str(error) and "derivative for" not in str(error):
                raise


@pytest.mark.parametrize("name", NAMES)
def test_gradients(torch: Any, name: str) -> None:
    for op in opinfo.known().get(name, ()):
        for dtype in (torch.float64, torch.complex128):
            skipped = name in EXCLUDED and (dtype.is_complex or name not in COMPLEX_ONLY)
            if not op.supports_autograd or dtype not in op.supported_dtypes("cpu") or skipped:
                continue
            torch.manual_seed(0)
            for sample in _samples(op, dtype):
                try:
                    _check(op, name, sample, torch)
                except BaseException as error:
                    error.add_note(f"{op.full_name} of {opinfo.described(sample)}")
                    raise


def test_exceptions_exist() -> None:
    assert set(EXCLUDED) <= {*NAMES, *opinfo.known()}
