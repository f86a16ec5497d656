"""Expressions, loops collapsed, and the text that is made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corelib.codegen import lowering, scalar
from corelib.codegen.dialects import C, opencl
from corelib.codegen.elementwise import elementwise
from corelib.codegen.family import literal
from corelib.codegen.geometry import collapse, step_class
from corelib.codegen.program import program
from corelib.codegen.scalar import Expr, const, load, variable
from corelib.codegen.writer import Array, Writer
from corelib.dtypes import bool_, float16, float32, float64, int32, int64, uint8

# -- scalar --------------------------------------------------------------------------------------------


def test_numbers_take_the_expressions_dtype() -> None:
    x = load(0, float32)
    assert repr(1 / (1 + scalar.exp(-x))) == "div(1.0, add(1.0, exp(neg(load(0)))))"
    assert repr(load(0, int32) < 2) == "lt(load(0), 2)"
    assert (x < 1).dtype is bool_


def test_halves_are_computed_in_float32() -> None:
    assert load(0, float16).dtype is float32
    rounded = scalar.cast(load(0, float16), float16)
    assert rounded.dtype is float32
    assert rounded.value is float16
    assert scalar.cast(load(0, float32), float32).op == "load"


def test_operands_of_several_dtypes_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="several dtypes"):
        load(0, float32) + load(1, int32)


@pytest.mark.parametrize(
    ("value", "d", "text"),
    [
        (0.5, float32, "(0x1.0000000000000p-1f)"), (0.5, float64, "(0x1.0000000000000p-1)"),
        (-math.inf, float32, "-INFINITY_f32"), (math.nan, float64, "NAN_f64"),
        (-(2**31), int32, "((i32)(-2147483647 - 1))"),
        (-(2**63), int64, "(-9223372036854775807L - 1)"), (255, uint8, "((u8)255)"), (True, bool_, "((u8)1)"),
    ],
)  # fmt: skip
def test_literals(value: float, d: object, text: str) -> None:
    assert literal(value, d) == text


# -- geometry ------------------------------------------------------------------------------------------


def test_dense_dimensions_are_one_loop() -> None:
    assert collapse((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == ((24,), ((1,), (1,)))


def test_a_broadcast_dimension_does_not_join_a_walked_one() -> None:
    assert collapse((2, 3), [(3, 1), (0, 1)]) == ((2, 3), ((3, 1), (0, 1)))
    assert collapse((2, 3), [(3, 1), (0, 0)]) == ((6,), ((1,), (0,)))


def test_dimensions_of_one_vanish() -> None:
    assert collapse((1, 3, 1), [(99, 2, 7)]) == ((3,), ((2,),))
    assert collapse((), [(), ()]) == ((1,), ((1,), (1,)))


def test_a_walk_stays_the_same() -> None:
    """Offsets in order, before and after, for random strides."""
    random = np.random.default_rng(0)
    for _ in range(200):
        sizes = tuple(random.integers(1, 4, random.integers(0, 5)).tolist())
        dense = [int(np.prod(sizes[d + 1 :])) for d in range(len(sizes))]
        strides = [dense, random.permutation(dense).tolist(), random.integers(-1, 3, len(sizes)).tolist()]
        nest = collapse(sizes, strides)
        for before, after in zip(strides, nest.strides, strict=True):
            assert _walk(sizes, before) == _walk(nest.sizes, after)


def _walk(sizes: tuple[int, ...], strides: object) -> list[int]:
    return [int(np.dot(at, strides)) if sizes else 0 for at in np.ndindex(sizes)]


def test_step_classes() -> None:
    assert [step_class(s) for s in (1, 0, 2, -1)] == ["1", "0", "s", "s"]


# -- writer --------------------------------------------------------------------------------------------


def test_equal_subexpressions_are_computed_once() -> None:
    x = load(0, float32)
    kernel = elementwise(
        C, "f", [((scalar.exp(x) + 1) * (scalar.exp(load(0, float32)) + 1), float32)], [float32], [], 1, "11"
    )
    assert kernel.source.count("exp_f32") == 1
    assert kernel.source.count("x0[") == 1


def test_what_nothing_reads_is_left_out() -> None:
    w = Writer(C)
    w.integer("used", "unused")
    w.array(Array("y", int64, True))
    w.line("i64 a = used;", "i64 b = a;")
    with w.block(""):
        w.line("b += 2;", "i64 c = 3;", "y[y_offset] = c;")
    w.line("i64 c = 4;")
    text = w.kernel("f").source
    assert "(void)unused;" in text
    assert "b" not in text.split("{", 1)[1].replace("y_offset", "")
    assert "i64 c = 3;" in text
    assert "i64 c = 4;" not in text


def test_a_program_holds_each_function_once_and_kernels_have_names_of_their_own() -> None:
    def kernel(classes: str) -> object:
        return elementwise(C, "f", [(scalar.apply("abs", load(0, int32)), int32)], [int32], [], 1, classes)

    a, b = kernel("11"), kernel("ss")
    assert a.name != b.name
    text = program(C, [a, b])
    assert text.count("i32 abs_i32(i32 a) {") == 1
    assert f"void {a.name}(" in text and f"void {b.name}(" in text


def test_a_dialect_without_doubles_mentions_none() -> None:
    assert "double" not in opencl(double=False).prologue
    assert "f64" not in opencl(double=False).prologue


# -- lowering ------------------------------------------------------------------------------------------


def _evaluated(e: Expr, variables: dict[str, float]) -> float:
    """The value of a tree, in Python."""
    if e.op == "variable":
        return variables[e.value]
    if e.op == "const":
        return e.value
    a = [_evaluated(x, variables) for x in e.args]
    operations = {
        "lt": lambda: a[0] < a[1], "eq": lambda: a[0] == a[1], "bitwise_not": lambda: not a[0],
        "bitwise_and": lambda: a[0] and a[1], "bitwise_or": lambda: a[0] or a[1],
        "select": lambda: a[1] if a[0] else a[2],
    }  # fmt: skip
    return operations[e.op]()


def _folded(chosen: lowering.Reduction | lowering.Scan, values: list[float], order: list[int]) -> float:
    """The position that folding (value, position) states in an order arrives at."""
    names = ("v", "p", "w", "q")
    a, b = ((variable(names[i], float32), variable(names[i + 1], int64)) for i in (0, 2))
    combined = chosen.combine(a, b)
    state = (values[order[0]], order[0])
    for i in order[1:]:
        known = dict(zip(names, (*state, values[i], i), strict=True))
        state = tuple(_evaluated(e, known) for e in combined)
    return state[1]


@pytest.mark.parametrize("larger", [True, False])
def test_positions_do_not_depend_on_the_order(larger: bool) -> None:
    """Of ties the first, the first nan before all: NumPy's rule, in whatever order the states meet."""
    random = np.random.default_rng(1)
    for _ in range(200):
        values = random.choice([1.0, 2.0, 3.0, np.nan, np.inf, -np.inf], 6)
        expected = int(np.argmax(values) if larger else np.argmin(values))
        order = random.permutation(6).tolist()
        assert _folded(lowering.position(larger), values.tolist(), order) == expected


@pytest.mark.parametrize(("larger", "values", "last"), [
    (True, [2.0, 3.0, 3.0, 1.0], 2), (False, [2.0, 1.0, 3.0, 1.0], 3), (True, [1.0, math.nan, 5.0, math.nan], 3),
])  # fmt: skip
def test_running_extremes_name_the_last_of_ties(larger: bool, values: list[float], last: int) -> None:
    assert _folded(lowering.running_best(larger), values, list(range(len(values)))) == last


def test_the_state_of_nothing_loses_to_everything() -> None:
    reduction = lowering.position(True)
    value, place = reduction.identity(float32)
    assert (value.value, place.value) == (-math.inf, 2**63 - 1)
    assert lowering.extreme(False).identity(uint8)[0].value == 255
    assert lowering.extreme(True).identity(int64)[0].value == -(2**63)
    assert lowering.fold("mul", 1).identity(int32)[0].value == const(1, int32).value
