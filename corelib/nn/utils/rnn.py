"""Sequences of different lengths in one batch: packed, padded, and as a list."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from ... import ops
from ...dtypes import dtype as DType
from ...dtypes import float16, float32, float64, int8, int16, int32, int64, uint8
from ...tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Time steps of sequences ordered by decreasing length, one after the other without padding.

    Attributes:
        data: (sum of all lengths, ...): the first step of every sequence, then the second, ...
        batch_sizes: how many sequences have that step, int64 on the CPU.
        sorted_indices: which sequence of the caller is at each place of the sorted order; None: they were sorted.
        unsorted_indices: its inverse.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:  # PackedSequence((data, batch_sizes))
            if not (isinstance(data, list | tuple) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. "
                "Instances of PackedSequence should never be created manually. "
                "They should be instantiated by functions like pack_sequence "
                "and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """A copy whose data, and indices where the device changes, went through ``Tensor.to``."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *moved)

    def cpu(self) -> Self:
        """On the CPU."""
        return self.to("cpu")

    def cuda(self) -> Self:
        """On the current CUDA device."""
        return self.to("cuda")

    def _as(self, dtype: DType) -> Self:
        return self.to(dtype=dtype)

    def double(self) -> Self:
        """The data as float64."""
        return self._as(float64)

    def float(self) -> Self:
        """The data as float32."""
        return self._as(float32)

    def half(self) -> Self:
        """The data as float16."""
        return self._as(float16)

    def long(self) -> Self:
        """The data as int64."""
        return self._as(int64)

    def int(self) -> Self:
        """The data as int32."""
        return self._as(int32)

    def short(self) -> Self:
        """The data as int16."""
        return self._as(int16)

    def char(self) -> Self:
        """The data as int8."""
        return self._as(int8)

    def byte(self) -> Self:
        """The data as uint8."""
        return self._as(uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a CUDA device."""
        return bool(self.data.is_cuda)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one, a 1-d integer tensor; None of None."""
    if permutation is None:
        return None
    places = ops.arange(permutation.numel(), dtype=permutation.dtype, device=permutation.device)
    return ops.empty_like(permutation).scatter_(0, permutation, places)


def _integers(lengths: Any) -> list[int]:
    return list(map(int, lengths.tolist() if isinstance(lengths, Tensor) else lengths))


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (T, B, ...), or (B, T, ...) with ``batch_first``, of sequences with these lengths.

    Raises:
        RuntimeError: lengths that are not positive, too long, not as many as sequences, or increasing where
            ``enforce_sorted``.
    """
    sizes = _integers(lengths)
    if batch_first:
        input = input.transpose(0, 1)
    order = list(range(len(sizes)))
    if not enforce_sorted:
        order.sort(key=lambda i: -sizes[i])
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    steps, batch = input.shape[0], input.shape[1]
    if len(sizes) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={batch})"
        )
    ordered = [sizes[i] for i in order]
    if min(ordered) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in itertools.pairwise(ordered)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    if ordered[0] > steps:
        raise RuntimeError(f"Expected lengths of at most {steps}, the padded length, but got {ordered[0]}")
    counts = [sum(n > t for n in ordered) for t in range(ordered[0])]
    rows = [t * batch + order[place] for t, count in enumerate(counts) for place in range(count)]
    flat = input.reshape((steps * batch, *input.shape[2:]))
    data = ops.index_select(flat, 0, _index(rows, input))
    return PackedSequence(data, ops.tensor(counts, dtype=int64, device="cpu"), *_indices(order, enforce_sorted, input))


def _index(values: list[int], like: Tensor) -> Tensor:
    result: Tensor = ops.tensor(values, dtype=int64, device=like.device)
    return result


def _indices(order: list[int], enforce_sorted: bool, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
    if enforce_sorted:
        return None, None
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return _index(order, like), _index(inverse, like)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The padded batch (T, B, ...), or (B, T, ...), in the caller's order, and the lengths (int64 on the CPU).

    Raises:
        ValueError: where ``total_length`` is less than the longest sequence.
    """
    counts = _integers(sequence.batch_sizes)
    steps, batch = len(counts), counts[0]
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length "
                "of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    data = sequence.data
    inverse = sequence.unsorted_indices
    places = list(range(batch)) if inverse is None else _integers(inverse)
    counts += [0] * (steps - len(counts))
    lengths = [sum(count > place for count in counts) for place in places]
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    padding = data.shape[0]  # the row that is appended
    rows = [starts[t] + place if place < counts[t] else padding for t in range(steps) for place in places]
    filled = ops.cat([data, ops.full((1, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)])
    padded = ops.index_select(filled, 0, _index(rows, data)).reshape((steps, batch, *data.shape[1:]))
    return (padded.transpose(0, 1) if batch_first else padded), ops.tensor(lengths, dtype=int64, device="cpu")


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (L, ...) of different lengths as one batch (T, B, ...), or (B, T, ...), filled up.

    Raises:
        RuntimeError: for something that is no iterable, or another ``padding_side`` than left or right.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    tensors: list[Tensor] = list(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    if not tensors:
        raise RuntimeError("received an empty list of sequences")
    longest = max(t.shape[0] for t in tensors)
    rows = []
    for t in tensors:
        missing = longest - t.shape[0]
        if missing:
            fill = ops.full((missing, *tensors[0].shape[1:]), padding_value, dtype=t.dtype, device=t.device)
            t = ops.cat([t, fill] if padding_side == "right" else [fill, t])
        rows.append(t)
    return ops.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch (T, B, ...), or (B, T, ...), each cut to its length."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [row[:n] for row, n in zip(padded_sequences.unbind(0), _integers(lengths), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L, ...), of decreasing length unless ``enforce_sorted=False``."""
    lengths = [t.shape[0] for t in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch, in the caller's order."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
