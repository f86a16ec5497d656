"""Indexing and assignment by any key, as PyTorch does it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import corelib

SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def slices(draw: st.DrawFn) -> slice:
    bound = st.none() | st.integers(-5, 5)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def positions(draw: st.DrawFn, n: int, shape: tuple[int, ...], spill: int) -> np.ndarray[Any, Any]:
    """Indices into a dimension of n, negative too; ``spill`` lets some be out of range."""
    count = int(np.prod(shape))
    allowed = st.integers(-n - spill, n - 1 + spill) if n + spill else st.just(0)
    return np.array(draw(st.lists(allowed, min_size=count, max_size=count)), np.int64).reshape(shape)


@st.composite
def programs(draw: st.DrawFn, spill: int = 0) -> tuple[tuple[int, ...], tuple[Any, ...]]:
    """A shape and a key for it."""
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
    wide = draw(st.sampled_from([(), (1,), (3,), (2, 1), (2, 3), (0,)]))
    key: list[Any] = []
    d, dotted = 0, False
    while d < len(shape):
        kind = draw(st.sampled_from("islaalbmn.e"))
        n = shape[d]
        if kind == "e" and d and not dotted:
            break
        if kind == "." and not dotted:
            key.append(Ellipsis)
            dotted = True
            d += draw(st.integers(0, len(shape) - d))
            continue
        if kind == "n":
            key.append(None)
            continue
        if kind == "b" and draw(st.booleans()):
            key.append(draw(st.booleans()))
            continue
        if kind == "m":
            rank = draw(st.integers(1, len(shape) - d))
            mask = draw(st.lists(st.booleans(), min_size=int(np.prod(shape[d : d + rank])), max_size=None))
            mask = mask[: int(np.prod(shape[d : d + rank]))]
            key.append(np.array(mask, bool).reshape(shape[d : d + rank]))
            d += rank
            continue
        if kind == "i" and n:
            key.append(draw(st.integers(-n - spill, n - 1 + spill)))
        elif kind == "a" and (n or 0 in wide):
            trimmed = wide[draw(st.integers(0, len(wide))) :]
            if n or 0 in trimmed:
                key.append(draw(positions(n, trimmed, spill)))
            else:
                key.append(slice(None))
        elif kind == "l" and n and wide == (3,):
            key.append(draw(positions(n, wide, spill)).tolist())
        else:
            key.append(draw(slices()))
        d += 1
    return shape, tuple(key)


def key_for(module: Any, key: tuple[Any, ...]) -> Any:
    made = tuple(module.tensor(k) if isinstance(k, np.ndarray) else k for k in key)
    return made[0] if len(made) == 1 else made


def numbers(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.arange(float(np.prod(shape))).reshape(shape)


def outcome(function: Any, *args: Any) -> Any:
    """The result, or the type of what was raised."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)


def take(x: Any, key: Any) -> Any:
    return x[key]


def same_outcome(oracle: Any, ours: Any, theirs: Any) -> None:
    if (
        isinstance(ours, type)
        and issubclass(ours, IndexError)
        and getattr(theirs, "shape", None)
        and not theirs.numel()
    ):
        return  # where nothing is taken, PyTorch does not look at the indices
    if isinstance(theirs, type):
        assert isinstance(ours, type), f"PyTorch raises {theirs.__name__}"
        assert issubclass(ours, theirs)
    else:
        assert not isinstance(ours, type), f"{ours} was raised"
        oracle.same(ours, theirs)


@SETTINGS
@given(program=programs())
@example(program=((3, 4), (np.array([[True, False, True, False]] * 3), None)))
@example(program=((2, 3, 4), (slice(None), np.array([0, 2]), None, np.array([1, 1]))))
@example(program=((2, 3, 4), (0, slice(None), np.array([1, 1]))))
@example(program=((2, 3, 4), (np.array([1]), slice(None), 2)))
@example(program=((0, 3), (np.zeros((0,), np.int64),)))
@example(program=((3,), (np.array(True),)))
@example(program=((), (True,)))
@example(program=((), (None, Ellipsis)))
def test_reading(oracle: Any, program: Any) -> None:
    shape, key = program
    x = numbers(shape)
    ours, theirs = corelib.tensor(x), oracle.torch.tensor(x)
    same_outcome(oracle, outcome(take, ours, key_for(corelib, key)), outcome(take, theirs, key_for(oracle.torch, key)))


@SETTINGS
@given(program=programs(spill=1))
def test_reading_out_of_range(oracle: Any, program: Any) -> None:
    shape, key = program
    x = numbers(shape)
    theirs = outcome(take, oracle.torch.tensor(x), key_for(oracle.torch, key))
    same_outcome(oracle, outcome(take, corelib.tensor(x), key_for(corelib, key)), theirs)


@SETTINGS
@given(program=programs(), transposed=st.booleans())
def test_gradient(oracle: Any, program: Any, transposed: bool) -> None:
    """It is added where elements came from, as often as they were taken."""
    shape, key = program

    def run(module: Any) -> Any:
        x = module.tensor(numbers(shape[::-1] if transposed else shape), requires_grad=True)
        y = (x.permute(*range(len(shape))[::-1]) if transposed and shape else x)[key_for(module, key)]
        weights = module.tensor(np.arange(float(y.numel())).reshape(tuple(y.shape)) + 1)
        return module.autograd.grad((y * y * weights).sum(), x)[0]

    same_outcome(oracle, outcome(run, corelib), outcome(run, oracle.torch))


@SETTINGS
@given(
    program=programs(),
    fill=st.sampled_from(["number", "scalar", "same", "ones first", "last"]),
    transposed=st.booleans(),
)
def test_writing(oracle: Any, program: Any, fill: str, transposed: bool) -> None:
    shape, key = program

    def run(module: Any) -> Any:
        base = module.tensor(numbers(shape[::-1] if transposed else shape))
        x = base.permute(*range(len(shape))[::-1]) if transposed and shape else base
        where = key_for(module, key)
        target = x[where] * 10 + 1  # the same value wherever an element is written twice
        values = {
            "number": lambda: 7,
            "scalar": lambda: module.tensor(2.5, dtype=module.float64),
            "same": lambda: target,
            "ones first": lambda: target.reshape((1, *target.shape)),
            "last": lambda: module.tensor(3, dtype=module.float64).reshape((1,) * min(target.ndim, 1)),
        }
        x[where] = values[fill]()
        return base

    same_outcome(oracle, outcome(run, corelib), outcome(run, oracle.torch))


@SETTINGS
@given(program=programs(), fill=st.sampled_from(["number", "tensor"]))
def test_gradient_of_writing(oracle: Any, program: Any, fill: str) -> None:
    """What was written over gets none; what was written gets it."""
    shape, key = program

    def run(module: Any) -> Any:
        x = module.tensor(numbers(shape) + 1, requires_grad=True)
        v = module.tensor(2.0, dtype=module.float64, requires_grad=True)
        y = x * 2
        y[key_for(module, key)] = v if fill == "tensor" else 5
        weights = module.tensor(numbers(shape) + 1)
        return module.autograd.grad((y * y * weights).sum(), [x, v], allow_unused=True)

    ours, theirs = outcome(run, corelib), outcome(run, oracle.torch)
    if isinstance(theirs, type):
        same_outcome(oracle, ours, theirs)
        return
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None:
            assert all(g is None or not np.any(oracle.host(g)) for g in (a, b))
        else:
            oracle.same(a, b)


@SETTINGS
@given(program=programs())
def test_strict_reads_and_writes_as_the_cpu(program: Any) -> None:
    shape, key = program

    def run(device: str) -> Any:
        with corelib.device(device):
            x = corelib.tensor(numbers(shape))
            where = key_for(corelib, key)
            taken = x[where].clone()
            x[where] = taken * 10 + 1
        return taken.tolist(), x.tolist()

    assert outcome(run, "strict") == outcome(run, "cpu")


KEYS: dict[str, Any] = {
    "list": [0, 2],
    "tuple of lists": ([0, 1], [2, 3]),
    "range": range(2),
    "bools": [True, False, True],
    "array": np.array([1, 0]),
    "numpy integer": np.int64(1),
    "numpy mask": np.array([True, False, True]),
    "negative step": slice(None, None, -1),
    "float": 1.5,
    "string": "a",
    "too many": (0, 0, 0),
    "empty": (),
    "empty list": [],
    "mask shape": [True, False],
    "nested": ([0, 1], slice(None), None),
    "none": None,
    "ellipsis": ...,
    "float list": [0.5],
    "outside": 3,
    "outside negative": -4,
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_that_are_not_tensors(oracle: Any, name: str) -> None:
    x = numbers((3, 4))
    theirs = outcome(take, oracle.torch.tensor(x), KEYS[name])
    same_outcome(oracle, outcome(take, corelib.tensor(x), KEYS[name]), theirs)


def test_a_list_of_lists_is_a_tensor() -> None:
    """As in NumPy, and as PyTorch announces to read it."""
    x = numbers((3, 4))
    assert corelib.tensor(x)[[[0, 1], [2, 0]]].tolist() == x[[[0, 1], [2, 0]]].tolist()


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float32"])
def test_dtypes_of_index_tensors(oracle: Any, dtype: str) -> None:
    def run(module: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch deprecates uint8 masks
            return module.arange(4.0)[module.tensor([1, 0, 1, 0], dtype=getattr(module, dtype))]

    same_outcome(oracle, outcome(run, corelib), outcome(run, oracle.torch))


@pytest.mark.parametrize("value_shape", [(4,), (2, 4), (5,), (1, 3, 4), (2, 3, 4), (3, 1)])
def test_shapes_that_can_be_assigned(oracle: Any, value_shape: tuple[int, ...]) -> None:
    def run(module: Any, key: Any) -> Any:
        x = module.zeros(3, 4)
        x[key_for(module, (key,))] = module.ones(value_shape)
        return x

    for key in (slice(None), np.array([0, 1, 2]), np.array([True, True, True])):
        same_outcome(oracle, outcome(run, corelib, key), outcome(run, oracle.torch, key))


def test_results_are_views_or_copies_as_in_pytorch() -> None:
    x = corelib.zeros(3, 4)
    for view in (x[0], x[1:], x[..., None], x[:, 2], x[()], x[...]):
        view.fill_(1)
        assert x.sum() > 0
        x.zero_()
    for copied in (x[[0]], x[x == 0], x[corelib.tensor([1])]):
        copied.fill_(1)
        assert x.sum() == 0
