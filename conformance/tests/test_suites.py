"""The suites: every check is well formed, quick covers pairs, comparisons are as strict as they say."""

from __future__ import annotations

from collections import defaultdict

import ml_dtypes
import numpy as np
import pytest
from corelib_conformance.check import TIERS, Check, collect, flag_of
from corelib_conformance.suites import _compare as compare
from corelib_conformance.suites import _exact as exact
from corelib_conformance.suites._bench import DTYPES, NEGATIVE, VIEWS, ZERO, Bench, constant, poison, values
from corelib_conformance.suites.elementwise import ELEMENTWISE, templates
from corelib_conformance.suites.movement import converted
from corelib_conformance.suites.random import KNOWN, words

from corelib.dtypes import ALL_DTYPES, bfloat16, float16, float32, float64, int8
from corelib.ops import PRIMITIVES

FULL = collect("full")
QUICK = collect("quick")


def test_every_check_is_well_formed() -> None:
    assert len({c.id for c in FULL}) == len(FULL)
    for check in FULL:
        assert check.tier in TIERS and check.group and "/" in check.id, check.id
        assert check.op is None or check.op in PRIMITIVES, check.id
        assert check.dtype is None or check.dtype in DTYPES, check.id
        if check.dtype is not None and check.op is not None and not check.id.startswith("gradient/"):
            assert check.capability in (flag_of(check.dtype), "linalg", "fft", "complex", "float64") or (
                flag_of(check.dtype) is None
            ), check.id


def test_every_required_primitive_is_asked_in_every_dtype_that_its_samples_have() -> None:
    asked = defaultdict(set)
    for check in FULL:
        if "-" not in check.id.split("/")[1][:3]:
            asked[check.op].add(check.dtype)
    for name in ELEMENTWISE:
        assert {t.dtype.name for t in templates(name)} <= asked[name], name
    for name in ("sum", "prod", "amax", "amin", "cumsum", "cumprod", "cummax", "cummin", "sort"):
        assert {d.name for d in ALL_DTYPES if not d.is_complex} <= asked[name], name
    for name, prim in PRIMITIVES.items():
        assert not prim.required or len(asked[name]) >= 1, name


def test_quick_has_every_pair_of_function_and_dtype_and_of_function_and_aspect() -> None:
    def pairs(checks: list[Check]) -> tuple[set[object], set[object], set[object]]:
        ops, aspects, dtypes = set(), set(), set()
        for c in checks:
            name, dtype, aspect = [*c.id.split("/"), "", ""][:3]
            if name in ELEMENTWISE and dtype in DTYPES and aspect != "huge":
                ops.add((name, dtype))
                aspects.add((name, aspect))
                dtypes.add((dtype, aspect))
        return ops, aspects, dtypes

    full, quick = pairs(FULL), pairs(QUICK)
    assert full[1] == quick[1]
    assert full[2] == quick[2]
    assert full[0] == quick[0]


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_views_show_the_values_and_poison_is_between(device: str) -> None:
    bench = Bench(device)
    host = values((3, 4, 5), float32)
    for view in (*VIEWS, *NEGATIVE):
        assert (bench.get(bench.view(host, view)) == host).all(), view
    for view in ZERO:
        tensor = bench.view(constant(host, view), view)
        assert 0 in tensor._layout.strides
        assert (bench.get(tensor) == constant(host, view)).all(), view
    assert np.isnan(poison((3,), float32)).all()
    assert (poison((3,), int8).view(np.uint8) == 0xA5).all()


def test_units_of_the_last_place() -> None:
    one = np.array([1.0, np.nextafter(np.float32(1), np.float32(2)), 0.0, np.inf, np.nan], np.float32)
    assert compare.ulps(one, np.array([1, 1, 0, np.inf, np.nan])).tolist() == [0, 1, 0, 0, 0]
    assert compare.ulps(np.array([np.nan], np.float32), np.array([1.0]))[0] == np.inf
    assert compare.ulps(np.array([1.0], np.float32), np.array([np.nan]))[0] == np.inf
    top = float(np.finfo(np.float32).max)
    assert compare.ulps(np.array([np.inf], np.float32), np.array([top]))[0] == 1
    assert compare.ulps(np.array([np.inf], np.float32), np.array([2 * top]))[0] == 0
    assert compare.ulps(np.array([-np.inf], np.float32), np.array([2 * top]))[0] == np.inf
    tiny = np.array([2.0**-149], np.float32)
    assert compare.ulps(tiny, np.array([2.0**-148]))[0] == 1
    assert compare.ulps(np.array([1.0]), np.array([1.0]), np.array([2.0**-54]))[0] == 0.25
    half = np.array([1.0]).astype(ml_dtypes.bfloat16)
    assert compare.ulps(half, np.array([1 + 2.0**-8]))[0] == 0.5


def test_comparisons_refuse_what_they_should() -> None:
    x = np.array([0.0, 1.0], np.float32)
    compare.same(x, x.copy())
    with pytest.raises(AssertionError, match="1 of 2 differ"):
        compare.same(x, np.array([-0.0, 1.0], np.float32))
    with pytest.raises(AssertionError, match="dtype"):
        compare.same(x, x.astype(np.float64))
    with pytest.raises(AssertionError, match="shape"):
        compare.same(x, x[:1])
    nans = np.array([0x7FC00000, 0x7FC00001], np.uint32).view(np.float32)
    compare.same(nans, nans[::-1].copy())
    with pytest.raises(AssertionError):
        compare.same(nans, nans[::-1].copy(), payload=True)
    with pytest.raises(AssertionError, match=r"allowed 0\.5"):
        compare.close(np.array([1.0000001], np.float32), np.array([1.0]), 0.5)
    with pytest.raises(AssertionError, match="bound"):
        compare.within(np.array([1.1], np.float32), np.array([1.0]), 0.01)
    with pytest.raises(AssertionError, match="bound"):
        compare.within(np.array([np.nan], np.float32), np.array([1.0]), np.inf)


def test_the_oracles_of_integers() -> None:
    a, b = np.array([-128, -7, 7, 1, -1], np.int8), np.array([-1, 2, -2, -3, 3], np.int8)
    found = {
        name: exact.integers(name, a, b).tolist() for name in ("trunc_divide", "fmod", "pow", "bitwise_left_shift")
    }
    assert found["trunc_divide"] == [-128, -3, -3, 0, 0]
    assert found["fmod"] == [0, -1, 1, 1, -1]
    assert found["pow"] == [0, 49, 0, 1, -1]
    assert found["bitwise_left_shift"] == [0, -28, 0, 0, -8]
    assert exact.integers("erf", a) is None


def test_exact_values_by_mpmath_have_more_digits_than_float64() -> None:
    high, low = exact.exact("exp", [np.array([1.0, 0.0, np.inf, -np.inf, np.nan])], np.dtype(np.float64))
    assert high[0] == np.e and abs(low[0]) > 1e-18
    assert high[1:4].tolist() == [1, np.inf, 0] and np.isnan(high[4])


def test_casts_by_the_suite() -> None:
    x = np.array([1 + 2.0**-8, 1 + 3 * 2.0**-8, np.inf, -0.0, 3.4e38], np.float32)
    right = x.astype(ml_dtypes.bfloat16)
    assert (converted(x, float32, bfloat16).view(np.uint16) == right.view(np.uint16)).all()
    assert converted(np.array([2.7, -2.7, 300.0]), float64, int8).tolist() == [2, -2, 44]
    assert converted(np.array([1e-8]), float64, float16).tolist() == [0.0]


def test_the_published_random_words() -> None:
    assert words(0, 0, 4).tolist() == list(KNOWN[0][2])
    assert words(5, 2**32 - 1, 8)[4:].tolist() == words(5, 2**32, 4).tolist()


@pytest.mark.parametrize(
    "check", [c for c in QUICK if c.group in ("neg", "sum", "versions", "errors")], ids=lambda c: c.id
)
def test_the_cpu_passes_a_few_checks(check: Check) -> None:
    from corelib.ops.movement import place

    check.run(place("cpu"))
