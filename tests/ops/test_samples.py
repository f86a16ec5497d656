"""Samples written as text are the calls that they say."""

from __future__ import annotations

import math

from corelib.dtypes import bool_, float16, float32, float64, int64
from corelib.ops.samples import ArraySpec, Sample, array, calls


def test_arrays_and_literals() -> None:
    first, second = calls("[2,3]#1 -1 (0,1) None 'mean'; [] 0.5")()
    assert first == Sample((array(2, 3, seed=1), -1, (0, 1), None, "mean"))
    assert second == Sample((array(), 0.5))


def test_what_may_follow_an_array() -> None:
    (made,) = calls("[3,4]t@int64~0..2 [5]su [4]@bool [3]=0,-0.0,inf [2]o~..9 [2]e@float16")()
    assert made.args == (
        ArraySpec((3, 4), int64, 0.0, 2.0, "transposed"), array(5, layout="strided", unique=True),
        array(4, dtype=bool_), array(3, values=(0.0, -0.0, math.inf)), array(2, high=9.0, layout="offset"),
        array(2, dtype=float16, layout="expanded"),
    )  # fmt: skip
    assert str(made.args[3].values) == "(0.0, -0.0, inf)"


def test_lists_and_dtypes() -> None:
    (made,) = calls("{[2,3] [2,1]@float64} 1 @float32")()
    assert made.args == ([array(2, 3), array(2, 1, dtype=float64)], 1, float32)


def test_errors_and_missing_gradients() -> None:
    refused, smooth = calls("[2] 3 !IndexError; [3] !-")()
    assert (refused.error, refused.gradient, refused.args) == (IndexError, True, (array(2), 3))
    assert (smooth.error, smooth.gradient) == (None, False)


def test_texts_and_samples_mix_in_order() -> None:
    made = calls("[1]; [2]", (array(3),), Sample((array(4),)), "[5]", accepts="f")()
    assert [s.args[0].shape[0] for s in made[:5]] == [1, 2, 3, 4, 5]
    assert {s.dtype for s in made[5:]} == {float64, float16, made[-1].dtype}
