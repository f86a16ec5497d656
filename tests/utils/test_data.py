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


def test_weighted_samples(torch: ModuleType) -> None:
    sampler = data.WeightedRandomSampler([0.0, 1.0, 3.0], 4000, generator=corelib.Generator().manual_seed(1))
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == 4000 and drawn.count(0) == 0 and 0.7 < drawn.count(2) / 4000 < 0.8
    assert sorted(data.WeightedRandomSampler([1, 2, 3], 3, replacement=False)) == [0, 1, 2]
    for args in (([1.0], 0), ([1.0], 1, 3), ([[1.0]], 1)):
        with pytest.raises(ValueError) as ours:
            data.WeightedRandomSampler(*args)
        with pytest.raises(ValueError) as theirs:
            torch.utils.data.WeightedRandomSampler(*args)
        assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("length", [0, 2, 10, 12])
def test_parts_for_several_processes(torch: ModuleType, length: int, drop_last: bool) -> None:
    for rank in range(3):
        options = {"num_replicas": 3, "rank": rank, "drop_last": drop_last}
        ours = data.DistributedSampler(range(length), shuffle=False, **options)
        if length:
            theirs = torch.utils.data.DistributedSampler(range(length), shuffle=False, **options)
            assert list(ours) == list(theirs) and len(ours) == len(theirs)
    parts = [data.DistributedSampler(range(12), 3, rank, seed=1) for rank in range(3)]
    first = [list(part) for part in parts]
    assert sorted(i for part in first for i in part) == list(range(12))
    for part in parts:
        part.set_epoch(1)
    assert [list(part) for part in parts] != first
    with pytest.raises(ValueError, match=r"Invalid rank 3, rank should be in the interval \[0, 2\]"):
        data.DistributedSampler([1], 3, 3)
    with pytest.raises(RuntimeError, match="Requires distributed package to be available"):
        data.DistributedSampler([1])


def test_streams_in_a_chain() -> None:
    class Stream(data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(3))

        def __len__(self) -> int:
            return 3

    both = Stream() + Stream()
    assert isinstance(both, data.ChainDataset) and list(both) == [0, 1, 2, 0, 1, 2] and len(both) == 6
    assert [b.tolist() for b in DataLoader(both, 4)] == [[0, 1, 2, 0], [1, 2]]
    assert len(DataLoader(both, 4)) == 2 and len(DataLoader(both, 4, drop_last=True)) == 1
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
        list(data.ChainDataset([Squares()]))
    with pytest.raises(AssertionError, match="ConcatDataset does not support IterableDataset"):
        data.ConcatDataset([Stream()])


def test_datasets_side_by_side(torch: ModuleType) -> None:
    for t in (corelib, torch):
        make = t.utils.data.StackDataset
        pair, named = make(range(4), "abcd"), make(n=t.utils.data.Subset(range(4), [3, 2, 1, 0]), c="abcd")
        assert pair[1] == (1, "b") and named[1] == {"n": 2, "c": "b"} and len(pair) == len(named) == 4
        assert pair.__getitems__([0, 3]) == [(0, "a"), (3, "d")] and named.__getitems__([0]) == [{"n": 3, "c": "a"}]
        with pytest.raises(ValueError, match="Size mismatch between datasets"):
            make(range(4), "abc")
        with pytest.raises(ValueError, match="At least one dataset should be passed"):
            make()
        with pytest.raises(ValueError, match="but both types are given"):
            make([1], x=[1])


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


def test_a_loader_alone_draws_nothing() -> None:
    generator = corelib.Generator().manual_seed(5)
    loader = DataLoader(pairs(), 10, shuffle=True, generator=generator)
    assert len(loader) == 1
    state = corelib.Generator().manual_seed(5).get_state()
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


@pytest.mark.parametrize(
    "value",
    [1, "a", None, np.arange(2), np.float32(3), np.array(["x"]), (1, np.ones(1)), [np.zeros(2), "b"],
     {"a": np.ones(2), "b": [1, (np.ones(1),)]}, Point(np.ones(1), 2)],
    ids=str,
)  # fmt: skip
def test_conversion_is_pytorchs(torch: ModuleType, value: Any) -> None:
    def told(x: Any) -> Any:
        return (type(x).__name__, told(list(x))) if hasattr(x, "_fields") else shape_of(x)

    ours, theirs = data.default_convert(value), torch.utils.data.default_convert(value)
    assert told(ours) is told(theirs) or told(ours) == told(theirs)
