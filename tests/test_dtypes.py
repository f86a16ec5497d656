"""dtypes and promotion."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest

from corelib import dtypes
from corelib.dtypes import (
    ALL_DTYPES,
    bfloat16,
    bool_,
    can_cast,
    complex64,
    complex128,
    default_dtype,
    finfo,
    float16,
    float32,
    float64,
    from_numpy_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    result_dtype,
    set_default_dtype,
    uint8,
)

FLOATS = (float16, bfloat16, float32, float64)
INTEGERS = (uint8, int8, int16, int32, int64)
NUMBERS = (True, 2, 2.0, 2j)
by_name = pytest.mark.parametrize("d", ALL_DTYPES, ids=lambda d: d.name)


@pytest.fixture
def restore_default():
    yield
    set_default_dtype(float32)


# -- dtype objects ----------------------------------------------------------------------------------


@by_name
def test_copies_are_the_same_object(d):
    assert copy.copy(d) is copy.deepcopy(d) is pickle.loads(pickle.dumps(d)) is d


@by_name
def test_numpy_round_trip(d):
    assert from_numpy_dtype(d.numpy) is d
    assert d.numpy.itemsize == d.itemsize


def test_repr():
    assert [str(d) for d in (bool_, float32, bfloat16)] == ["torch.bool", "torch.float32", "torch.bfloat16"]


def test_halves():
    assert [d for d in ALL_DTYPES if d.is_half] == [float16, bfloat16]


def test_numpy_dtypes_without_a_counterpart():
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray of type numpy\.str_\."):
        from_numpy_dtype(np.array(["a"]).dtype)
    with pytest.raises(TypeError, match=r"type numpy\.object_\."):
        from_numpy_dtype(object)
    with pytest.raises(ValueError, match="byte order different from the native byte order"):
        from_numpy_dtype(np.dtype(np.float32).newbyteorder())


def test_default_dtype(restore_default):
    changes = []
    dtypes.on_default_change.append(lambda: changes.append(default_dtype()))
    try:
        set_default_dtype(float64)
    finally:
        dtypes.on_default_change.pop()
    assert changes == [float64]
    assert [dtypes.number_dtype(c) for c in (bool, int, float, complex)] == [bool_, int64, float64, complex128]


@pytest.mark.parametrize(("bad", "message"), [(int32, "^only floating-point"), (complex64, "^only floating-point"),
                                              ("float32", "^invalid dtype object")])  # fmt: skip
def test_default_dtype_must_be_floating(bad, message):
    with pytest.raises(TypeError, match=message):
        set_default_dtype(bad)
    assert default_dtype() is float32


# -- promotion --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        (uint8, int8, int16), (bool_, uint8, uint8), (int64, float16, float16), (float16, bfloat16, float32),
        (complex64, float64, complex128), (complex64, int64, complex64), (int32, int64, int64),
    ],
)  # fmt: skip
def test_promote_types(a, b, result):
    assert promote_types(a, b) is promote_types(b, a) is result


def test_promotion_is_commutative_and_idempotent():
    for a, b in itertools.product(ALL_DTYPES, repeat=2):
        both = promote_types(a, b)
        assert both is promote_types(b, a) is promote_types(both, a)


def test_rank_beats_width_within_a_category():
    assert result_dtype([int8], [int64], [int]) is int8
    assert result_dtype([float16], [float64], [float]) is float16
    assert result_dtype([int8], [float16], []) is float16
    assert result_dtype([int64], [], [float]) is float32
    assert result_dtype([], [bool_], [int]) is int64
    assert result_dtype([float64], [], [complex]) is complex128
    assert result_dtype([float32], [complex128], []) is complex64


def test_arguments_that_are_no_dtypes():
    with pytest.raises(TypeError, match=r"promote_types\(\): argument 'type2' \(position 2\) must be torch\.dtype"):
        promote_types(float32, 1)
    with pytest.raises(TypeError, match=r"can_cast\(\): argument 'from_' \(position 1\) must be torch\.dtype, not str"):
        can_cast("float32", float32)
    with pytest.raises(TypeError, match=r"finfo\(\): argument 'type' \(position 1\) must be torch\.dtype, not int"):
        finfo(3)
    with pytest.raises(TypeError, match=r"iinfo\(\): argument 'type' \(position 1\) must be torch\.dtype, not int"):
        iinfo(3)


# -- limits -----------------------------------------------------------------------------------------


def test_limits():
    assert (finfo(float16).max, finfo(bfloat16).eps, finfo(float64).bits) == (65504.0, 0.0078125, 64)
    assert (iinfo(int8).min, iinfo(uint8).max, iinfo(int64).max) == (-128, 255, 2**63 - 1)
    assert finfo(complex64).dtype == finfo().dtype == "float32"
    assert repr(iinfo(uint8)) == "iinfo(min=0, max=255, dtype=uint8)"


def test_limits_of_the_wrong_category():
    with pytest.raises(TypeError, match="requires a floating point input type"):
        finfo(int32)
    with pytest.raises(TypeError, match="requires an integer input type"):
        iinfo(bool_)


# -- against PyTorch --------------------------------------------------------------------------------


class Oracle:
    """PyTorch's answers, in our dtypes."""

    def __init__(self, torch):
        self.torch = torch
        self.theirs = {d: getattr(torch, d.name) for d in ALL_DTYPES}
        self.ours = {t: d for d, t in self.theirs.items()}
        self.ours[torch.complex32] = complex64  # which we do without: complex64 is the narrowest

    def operand(self, d, shape):
        return self.torch.ones(shape, dtype=self.theirs[d])

    def result(self, a, b):
        return self.ours[self.torch.result_type(a, b)]


@pytest.fixture
def oracle(torch):
    yield Oracle(torch)
    torch.set_default_dtype(torch.float32)


@pytest.mark.oracle
def test_promote_types_and_can_cast_same_as_pytorch(oracle):
    for a, b in itertools.product(ALL_DTYPES, repeat=2):
        theirs = oracle.theirs[a], oracle.theirs[b]
        assert promote_types(a, b) is oracle.ours[oracle.torch.promote_types(*theirs)], (a, b)
        assert can_cast(a, b) == oracle.torch.can_cast(*theirs), (a, b)


@pytest.mark.oracle
@pytest.mark.parametrize("default", FLOATS, ids=lambda d: d.name)
def test_result_dtype_same_as_pytorch(oracle, default, restore_default):
    set_default_dtype(default)
    oracle.torch.set_default_dtype(oracle.theirs[default])
    for a, b in itertools.product(ALL_DTYPES, repeat=2):
        dimensioned, zero_dim = oracle.operand(a, 2), oracle.operand(b, ())
        assert result_dtype([a, b], [], []) is oracle.result(dimensioned, oracle.operand(b, 2)), (a, b)
        assert result_dtype([a], [b], []) is oracle.result(dimensioned, zero_dim), (a, b)
        assert result_dtype([], [a, b], []) is oracle.result(oracle.operand(a, ()), zero_dim), (a, b)
    for a, number in itertools.product(ALL_DTYPES, NUMBERS):
        assert result_dtype([a], [], [type(number)]) is oracle.result(oracle.operand(a, 2), number), (a, number)
        assert result_dtype([], [a], [type(number)]) is oracle.result(oracle.operand(a, ()), number), (a, number)
    for m, n in itertools.product(NUMBERS, repeat=2):
        assert result_dtype([], [], [type(m), type(n)]) is oracle.result(m, n), (m, n)


@pytest.mark.oracle
@by_name
def test_attributes_same_as_pytorch(oracle, d):
    theirs = oracle.theirs[d]
    assert repr(d) == str(d) == str(theirs)
    for name in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(d, name) == getattr(theirs, name), name
    assert d.to_real() is oracle.ours[theirs.to_real()]
    if d.category >= 2:
        assert d.to_complex() is oracle.ours[theirs.to_complex()]


@pytest.mark.oracle
@pytest.mark.parametrize("d", (*FLOATS, complex64, complex128), ids=lambda d: d.name)
def test_finfo_same_as_pytorch(oracle, d):
    ours, theirs = finfo(d), oracle.torch.finfo(oracle.theirs[d])
    assert repr(ours) == repr(theirs)
    for name in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.oracle
@pytest.mark.parametrize("d", INTEGERS, ids=lambda d: d.name)
def test_iinfo_same_as_pytorch(oracle, d):
    ours, theirs = iinfo(d), oracle.torch.iinfo(oracle.theirs[d])
    assert repr(ours) == repr(theirs)
    assert [ours.bits, ours.max, ours.min, ours.dtype] == [theirs.bits, theirs.max, theirs.min, theirs.dtype]
