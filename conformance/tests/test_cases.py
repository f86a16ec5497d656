"""Every operator case on the CPU, and on the strict device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from corelib_conformance.cases import Case, cases, check
from corelib_conformance.oracles import FACTORS, ORACLES, VIEWS

from corelib.backend.registry import registry
from corelib.ops import PRIMITIVES


@pytest.fixture(params=["cpu", "strict"])
def device(request: pytest.FixtureRequest) -> str:
    """A device type that must pass every case."""
    return str(request.param)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.id)
def test_case(case: Case, device: str) -> None:
    check(case, device)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_has_samples(name: str) -> None:
    samples = PRIMITIVES[name].samples
    assert samples is not None
    assert any(s.error is None for s in samples())


def test_every_primitive_has_an_oracle() -> None:
    kernels = {name for name, p in PRIMITIVES.items() if p.decomposition is None}
    assert kernels - set(ORACLES) - set(FACTORS) == {"random_bits"}
    assert {name for name, p in PRIMITIVES.items() if p.kind == "view"} == set(VIEWS)


def test_ids_are_unique() -> None:
    ids = [case.id for case in cases()]
    assert len(set(ids)) == len(ids)


def _changes_its_operand(right: Any, x: Any) -> Any:
    result = right(x)
    if x.flags.writeable:
        x[...] = 0
    return result


def _reads_as_dense(right: Any, a: Any, b: Any) -> Any:
    if isinstance(a.base, np.ndarray) and not a.flags.c_contiguous and a.base.size >= a.size:
        a = a.base.ravel()[: a.size].reshape(a.shape)
    return right(a, b)


FAULTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "another function": ("add", lambda right, a, b: np.asarray(np.subtract(a, b))),
    "an operand written": ("neg", _changes_its_operand),
    "strides ignored": ("atan2", _reads_as_dense),
    "a coarse function": ("exp", lambda right, x: right(x) * (1 + 8 * np.finfo(np.float32).eps).astype(x.dtype)),
    "another dtype": ("sqrt", lambda right, x: right(x.astype(np.float64))),
    "another shape": ("neg", lambda right, x: right(x).reshape(-1)),
    "the last element lost": ("sum", lambda right, x, *rest: right(x[..., :-1] if x.ndim else x, *rest)),
    "an index clamped": ("gather", lambda right, x, i, dim: right(x, np.clip(i, 0, x.shape[dim] - 1), dim)),
    "the smallest for the largest": ("argmax", lambda right, x, dim, keep: right(-x.astype(np.float64), dim, keep)),
    "a fused kernel off": ("relu", lambda right, x: right(x) + x.dtype.type(1)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(fault: str) -> None:
    name, wrong = FAULTS[fault]
    kernels = registry.get("cpu").kernels
    right = kernels[name]
    with pytest.raises((AssertionError, IndexError)):
        try:
            kernels[name] = replace(right, function=partial(wrong, right.function), out=False)
            _tables_changed()
            for case in cases():
                if case.primitive.name == name:
                    check(case, "cpu")
        finally:
            kernels[name] = right
            _tables_changed()


def _tables_changed() -> None:
    for callback in registry.on_change:
        callback()
