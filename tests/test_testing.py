"""assert_close says what PyTorch's says; make_tensor keeps to its range."""

from __future__ import annotations

from typing import Any

import pytest

import corelib
from corelib.testing import assert_allclose, assert_close, make_tensor

PAIRS: list[tuple[Any, Any, dict[str, Any]]] = [
    ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], {}),
    ([1.0, 2.0, 3.0], [1.0, 2.5, 3.0], {}),
    ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [5.0, 4.5]], {"rtol": 0, "atol": 0}),
    (1.5, 1.25, {}),
    ([1.0], [1.0, 2.0], {}),
    ([float("nan")], [float("nan")], {}),
    ([float("nan")], [float("nan")], {"equal_nan": True}),
    ([1, 2], [1, 3], {}),
    ([1.0], [1], {}),
    ([1.0], [1], {"check_dtype": False}),
    ([1.0], [1.0 + 1e-7], {}),
]


@pytest.mark.parametrize(("actual", "expected", "options"), PAIRS)
def test_the_verdict_and_its_words_are_pytorchs(actual: Any, expected: Any, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    said = []
    for t in (torch, corelib):
        try:
            t.testing.assert_close(t.tensor(actual), t.tensor(expected), **options)
            said.append("")
        except AssertionError as error:
            said.append(str(error).replace("torch.", "corelib."))
    assert said[1].replace("torch.", "corelib.") == said[0]


def test_nests() -> None:
    x = {"a": [corelib.ones(2), 3.0], "b": corelib.zeros(1)}
    assert_close(x, {"a": [corelib.ones(2), 3.0], "b": corelib.zeros(1)})
    with pytest.raises(AssertionError, match=r"item \['a'\]\[1\]"):
        assert_close(x, {"a": [corelib.ones(2), 4.0], "b": corelib.zeros(1)})
    with pytest.raises(AssertionError, match="length"):
        assert_close([1], [1, 2])
    with pytest.raises(AssertionError, match="keys"):
        assert_close({"a": 1}, {"b": 1})
    with pytest.raises(AssertionError, match="mine"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close("a", corelib.ones(1))
    with pytest.raises(ValueError, match="rtol"):
        assert_close(1, 1, rtol=0.1)


def test_the_older_form() -> None:
    assert_allclose(corelib.ones(2), [1.0, 1.0])
    with pytest.raises(AssertionError, match="not close"):
        assert_allclose(corelib.ones(2), [1.0, 2.0])


@pytest.mark.parametrize("dtype", [corelib.float32, corelib.int64, corelib.uint8, corelib.bool, corelib.complex64])
def test_make_tensor(dtype: corelib.dtype) -> None:
    x = make_tensor(5, 4, dtype=dtype, low=None if dtype is corelib.bool else 1, noncontiguous=True)
    assert (tuple(x.shape), x.dtype, x.is_contiguous()) == ((5, 4), dtype, False)
    if dtype not in (corelib.bool, corelib.complex64):
        assert float(x.min()) >= 1
    assert make_tensor((3,), dtype=corelib.float32, requires_grad=True).requires_grad
    with pytest.raises(ValueError, match="low must be less"):
        make_tensor(2, dtype=corelib.float32, low=2, high=1)
