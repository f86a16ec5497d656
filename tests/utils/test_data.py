"""Datasets, samplers, collation and the DataLoader."""

from __future__ import annotations

from collections import UserDict, UserList, namedtuple
from collections.abc import Callable
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.utils import data
from corelib.utils.data import DataLoader, TensorDataset


class Squares(data.Dataset[int]):
    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        return index * index


def pairs() -> TensorDataset:
    return TensorDataset(corelib.arange(10.0).reshape(10, 1), corelib.arange(10))


# -- datasets --------------------------------------------------------------------------------------------


def test_tensor_dataset() -> None:
    dataset = pairs()
    x, y = dataset[3]
    assert len(dataset) == 10 and x.tolist() == [3] and y.item() == 3
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(corelib.ones(2), corelib.ones(3))


def test_subset_and_concatenation() -> None:
    subset = data.Subset(Squares(), [5, 1, 3])
    assert len(subset) == 3 and [subset[i] for i in range(3)] == [25, 1, 9]
    both = subset + Squares()
    assert len(both) == 13 and both[2] == 9 and both[3] == 0 and both[-1] == 81
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        both[-14]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        data.ConcatDataset([])
    assert data.Subset(pairs(), [4, 2])[[1, 0]][1].tolist() == [2, 4]


def test_a_subset_that_changes_samples_must_change_batches() -> None:
    class Negated(data.Subset[int]):
        def __getitem__(self, index: Any) -> int:
            return -super().__getitem__(index)

    with pytest.raises(NotImplementedError, match="Negated overrides __getitem__ but not __getitems__"):
        Negated(Squares(), [0])


@pytest.mark.parametrize("lengths", [[7, 3], [0.75, 0.25], [0.5, 0.5]])
def test_random_split_covers_everything_once(lengths: list[float]) -> None:
    def split() -> list[data.Subset[int]]:
        return data.random_split(Squares(), lengths, generator=corelib.Generator().manual_seed(3))

    parts = split()
    expected = {7: [7, 3], 0.75: [8, 2], 0.5: [5, 5]}[lengths[0]]
    assert [len(part) for part in parts] == expected
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    assert [part.indices for part in split()] == [part.indices for part in parts]


def test_random_split_refuses_what_does_not_add_up() -> None:
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length of the input dataset!"):
        data.random_split(Squares(), [1, 2])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        data.random_split(Squares(), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(data.Subset(Squares(), [0]), [0.9, 0.1])


# -- samplers --------------------------------------------------------------------------------------------


def test_samplers() -> None:
    assert list(data.SequentialSampler(Squares())) == list(range(10))
    sampler = data.RandomSampler(Squares())
    assert sorted(sampler) == list(range(10)) and len(sampler) == 10
    orders = {tuple(sampler) for _ in range(5)}
    assert len(orders) > 1
    assert sorted(data.SubsetRandomSampler([4, 2, 7])) == [2, 4, 7]


def test_random_sampler_draws_as_many_as_asked() -> None:
    twice = list(data.RandomSampler(Squares(), num_samples=25))
    assert len(twice) == 25 and sorted(twice[:10]) == sorted(twice[10:20]) == list(range(10))
    assert len(set(twice[20:])) == 5
    replaced = list(data.RandomSampler(Squares(), replacement=True, num_samples=100))
    assert len(replaced) == 100 and set(replaced) <= set(range(10))
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
        data.RandomSampler(Squares(), num_samples=0)
    with pytest.raises(TypeError, match="replacement should be a boolean value"):
        data.RandomSampler(Squares(), replacement=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("drop_last", [True, False])
def test_batch_sampler(drop_last: bool) -> None:
    sampler = data.BatchSampler(range(7), 3, drop_last)
    batches = list(sampler)
    assert batches == [[0, 1, 2], [3, 4, 5], [6]][: 2 if drop_last else 3]
    assert len(sampler) == len(batches)


def test_batch_sampler_checks_its_options() -> None:
    with pytest.raises(ValueError, match="batch_size should be a positive integer value, but got batch_size=0"):
        data.BatchSampler([], 0, False)
    with pytest.raises(ValueError, match="drop_last should be a boolean value, but got drop_last=1"):
        data.BatchSampler([], 1, 1)  # type: ignore[arg-type]


def test_a_seed_decides_the_order() -> None:
    def order(seed: int) -> list[int]:
        corelib.manual_seed(seed)
        return list(data.RandomSampler(Squares()))

    assert order(1) == order(1) != order(2)


# -- the loader ------------------------------------------------------------------------------------------


def test_batches_of_a_tensor_dataset() -> None:
    loader = DataLoader(pairs(), batch_size=4)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert batches[0][0].shape == (4, 1) and batches[0][0].dtype is corelib.float32
    assert isinstance(batches[0], list)
    assert len(DataLoader(pairs(), batch_size=4, drop_last=True)) == 2


def test_a_tensor_dataset_is_not_indexed_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = data.Subset(data.Subset(pairs(), range(9, -1, -1)), [0, 2, 4, 6])

    def refuse(self: Any, index: Any) -> Any:
        raise AssertionError(f"asked for {index}")

    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    monkeypatch.setattr(data.Subset, "__getitem__", refuse)
    monkeypatch.setattr(data.Subset, "__getitems__", refuse)
    monkeypatch.setattr(corelib.Tensor, "__getitem__", refuse)
    assert [y.tolist() for _, y in DataLoader(dataset, batch_size=3)] == [[9, 7, 5], [3]]


def test_indices_of_a_tensor_dataset_may_count_from_the_end() -> None:
    [(x, y)] = DataLoader(pairs(), batch_sampler=[[-1, 0, np.int64(3)]])
    assert y.tolist() == [9, 0, 3] and x.tolist() == [[9], [0], [3]]
    with pytest.raises(IndexError):
        list(DataLoader(pairs(), batch_sampler=[[10]]))
    with pytest.raises(TypeError):
        list(DataLoader(pairs(), batch_sampler=[["a"]]))


def test_a_dataset_that_says_what_a_sample_is_is_asked() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> Any:
            return tuple(t * 2 for t in super().__getitem__(index))

    [(x, _)] = DataLoader(Doubled(corelib.ones(2), corelib.ones(2)), batch_size=2)
    assert x.tolist() == [2, 2]


def test_whole_batches_are_asked_for_where_a_dataset_gives_them() -> None:
    class Whole(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [-i for i in indices]

    assert [b.tolist() for b in DataLoader(Whole(), batch_size=5)] == [[0, -1, -2, -3, -4], [-5, -6, -7, -8, -9]]
    assert next(iter(DataLoader(data.Subset(Whole(), [7, 8]), batch_size=2))).tolist() == [-7, -8]


def test_shuffling_draws_anew_for_every_pass_from_the_generator() -> None:
    def passes() -> list[list[int]]:
        loader = DataLoader(pairs(), 10, shuffle=True, generator=corelib.Generator().manual_seed(5))
        return [next(iter(loader))[1].tolist() for _ in range(3)]

    first = passes()
    assert first == passes() and first[0] != first[1] and all(sorted(p) == list(range(10)) for p in first)


def test_the_order_is_drawn_when_the_first_batch_is() -> None:
    generator = corelib.Generator().manual_seed(5)
    loader = DataLoader(pairs(), 10, shuffle=True, generator=generator)
    assert len(loader) == 1
    state = generator.get_state()
    iter(loader)
    assert corelib.equal(generator.get_state(), state)


def test_samples_without_batches() -> None:
    loader = DataLoader(Squares(), batch_size=None)
    assert list(loader) == [i * i for i in range(10)] and len(loader) == 10
    assert list(DataLoader(Squares(), batch_size=None, sampler=[3, 1])) == [9, 1]


def test_given_samplers() -> None:
    assert [b.tolist() for b in DataLoader(Squares(), 2, sampler=[3, 1, 2])] == [[9, 1], [4]]
    loader = DataLoader(Squares(), batch_sampler=[[1], [2, 3]])
    assert [b.tolist() for b in loader] == [[1], [4, 9]] and len(loader) == 2 and loader.batch_size is None


def test_a_collate_function() -> None:
    assert list(DataLoader(Squares(), 4, collate_fn=sum)) == [14, 126, 145]


BAD: dict[str, Callable[[Any], Any]] = {
    "sampler and shuffle": lambda t: t.utils.data.DataLoader([1], sampler=[0], shuffle=True),
    "batch sampler and size": lambda t: t.utils.data.DataLoader([1], batch_size=2, batch_sampler=[[0]]),
    "no batch and drop": lambda t: t.utils.data.DataLoader([1], batch_size=None, drop_last=True),
    "workers": lambda t: t.utils.data.DataLoader([1], num_workers=-1),
    "timeout": lambda t: t.utils.data.DataLoader([1], timeout=-1),
    "prefetch": lambda t: t.utils.data.DataLoader([1], prefetch_factor=2),
    "persistent": lambda t: t.utils.data.DataLoader([1], persistent_workers=True),
    "context": lambda t: t.utils.data.DataLoader([1], multiprocessing_context="spawn"),
    "empty": lambda t: t.utils.data.DataLoader([], shuffle=True),
    "size 0": lambda t: t.utils.data.DataLoader([1], batch_size=0),
    "collate": lambda t: t.utils.data.default_collate([{1, 2}]),
    "collate text array": lambda t: t.utils.data.default_collate([np.array("a")]),
    "collate unequal": lambda t: t.utils.data.default_collate([[1], [1, 2]]),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes(torch: ModuleType, case: str) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError)) as ours:
        BAD[case](corelib)
    with pytest.raises((ValueError, TypeError, RuntimeError)) as theirs:
        BAD[case](torch)
    assert ours.type is theirs.type and str(ours.value) == str(theirs.value)


def test_workers_are_not_there_yet() -> None:
    with pytest.raises(NotImplementedError, match="num_workers=2 is not supported yet; use num_workers=0"):
        DataLoader(Squares(), num_workers=2)


# -- collation -------------------------------------------------------------------------------------------

Point = namedtuple("Point", ["x", "y"])
SAMPLES: dict[str, Callable[[Any], list[Any]]] = {
    "tensors": lambda t: [t.ones(2), t.zeros(2)],
    "arrays": lambda t: [np.ones((2, 1), np.float32), np.zeros((2, 1), np.float32)],
    "numpy scalars": lambda t: [np.float32(1), np.float32(2)],
    "numpy bool": lambda t: [np.bool_(True), np.bool_(False)],
    "numpy float64": lambda t: [np.float64(1), np.float64(2)],
    "floats": lambda t: [1.0, 2.5],
    "ints": lambda t: [1, 2],
    "bools": lambda t: [True, False],
    "text": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a", b"b"],
    "dicts": lambda t: [{"x": 1, "y": [1.0]}, {"x": 2, "y": [3.0]}],
    "tuples": lambda t: [(1, "a"), (2, "b")],
    "lists": lambda t: [[1, t.ones(1)], [2, t.zeros(1)]],
    "ranges": lambda t: [range(2), range(2)],
}


def shape_of(value: Any) -> Any:
    """A batch with tensors told by dtype and contents, so that two libraries' can be compared."""
    if hasattr(value, "detach"):
        return (str(value.dtype).split(".")[-1], value.tolist())
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)([shape_of(item) for item in value])
    return value


@pytest.mark.parametrize("case", SAMPLES)
def test_collation_is_pytorchs(torch: ModuleType, case: str) -> None:
    ours = data.default_collate(SAMPLES[case](corelib))
    theirs = torch.utils.data.default_collate(SAMPLES[case](torch))
    assert shape_of(ours) == shape_of(theirs)


def test_collation_keeps_the_class() -> None:
    point = data.default_collate([Point(1, 2.0), Point(3, 4.0)])
    assert type(point) is Point and point.x.tolist() == [1, 3]
    mapping = data.default_collate([UserDict(a=1), UserDict(a=2)])
    assert type(mapping) is UserDict and mapping["a"].tolist() == [1, 2]
    items = data.default_collate([UserList([1, 2]), UserList([3, 4])])
    assert type(items) is UserList and items[1].tolist() == [2, 4]
    assert data.default_collate([MappingProxyType({"a": 1})])["a"].tolist() == [1]


def test_collation_leaves_the_samples_alone() -> None:
    samples = [{"x": 1}, {"x": 2}]
    data.default_collate(samples)
    assert samples == [{"x": 1}, {"x": 2}]
