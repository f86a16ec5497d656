"""Process-wide switches keep what they are given and refuse what PyTorch refuses."""

from __future__ import annotations

import pytest

import corelib
from corelib import settings


def test_compile_gives_the_function_and_says_once_that_it_is_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_said", set())

    def double(x: corelib.Tensor) -> corelib.Tensor:
        return x * 2

    with pytest.warns(UserWarning, match="eagerly"):
        assert corelib.compile(double) is double
    assert corelib.compile(fullgraph=True)(double) is double
    with pytest.raises(TypeError, match="callable"):
        corelib.compile(3)  # type: ignore[call-overload]


def test_precision() -> None:
    assert corelib.get_float32_matmul_precision() == "highest"
    corelib.set_float32_matmul_precision("high")
    try:
        assert corelib.get_float32_matmul_precision() == "high"
    finally:
        corelib.set_float32_matmul_precision("highest")
    with pytest.raises(RuntimeError, match="exact"):
        corelib.set_float32_matmul_precision("exact")


def test_determinism() -> None:
    assert not corelib.are_deterministic_algorithms_enabled()
    try:
        corelib.set_deterministic_debug_mode("warn")
        assert corelib.get_deterministic_debug_mode() == 1
        assert corelib.is_deterministic_algorithms_warn_only_enabled()
        corelib.use_deterministic_algorithms(True)
        assert corelib.get_deterministic_debug_mode() == 2
    finally:
        corelib.use_deterministic_algorithms(False)
    with pytest.raises(RuntimeError, match="debug_mode"):
        corelib.set_deterministic_debug_mode(7)


def test_threads() -> None:
    before = corelib.get_num_threads()
    try:
        corelib.set_num_threads(3)
        assert corelib.get_num_threads() == 3
    finally:
        corelib.set_num_threads(before)
    with pytest.raises(RuntimeError, match="positive"):
        corelib.set_num_threads(0)
    with pytest.raises(TypeError, match="int"):
        corelib.set_num_threads(1.5)  # type: ignore[arg-type]


def test_anomaly_detection_is_readable() -> None:
    assert not corelib.is_anomaly_enabled()
    with corelib.autograd.detect_anomaly():
        assert corelib.is_anomaly_enabled()
