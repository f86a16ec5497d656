"""Recurrent networks, RNN, LSTM and GRU, over sequences; and their cells, one step at a time."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any, ClassVar

from ...creation import empty
from ...device import Device
from ...dtypes import dtype as DType
from ...ops import index_select, linear, zeros
from ...tensor import Tensor
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from ._recurrence import STEPS, Layer, State, recur
from .module import Module

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

DeviceLike = str | Device | None
_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, checks and the run over a sequence.

    Layer k has ``weight_ih_lk`` (gates * H, I), ``weight_hh_lk`` (gates * H, H), ``bias_ih_lk`` and ``bias_hh_lk``
    (gates * H), the other direction the same with ``_reverse``, and with a projection ``weight_hr_lk`` (P, H); all
    drawn uniformly from (-1/sqrt(H), 1/sqrt(H)).
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: DeviceLike = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        rows, out = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                columns = input_size if layer == 0 else out * self._directions
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, out)}
                if bias:
                    shapes.update(bias_ih=(rows,), bias_hh=(rows,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for kind, shape in shapes.items():
                    names.append(f"{kind}_l{layer}{suffix}")
                    setattr(self, names[-1], Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(names)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Accepted, as in PyTorch, where it joins the weights in memory; here nothing is to be done."""

    def reset_parameters(self) -> None:
        """Draw the weights again."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # -- checks

    def check_input(self, input: Tensor, batch_sizes: Any) -> None:
        """ValueError or RuntimeError where the input's dtype, dimensions or width are not the layer's."""
        dtype = getattr(self, self._all_weights[0][0]).dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def _widths(self) -> tuple[int, ...]:
        """The last length of each state."""
        return (self.proj_size or self.hidden_size,)

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, ...], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """RuntimeError where a state has another shape."""
        if tuple(hx.size()) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def _check_states(self, states: State, batch: int) -> None:
        rows = self.num_layers * self._directions
        for k, (state, width) in enumerate(zip(states, self._widths(), strict=True)):
            name = "hidden" if len(states) == 1 else f"hidden[{k}]"
            self.check_hidden_size(state, (rows, batch, width), f"Expected {name} size {{}}, got {{}}")

    def _check_dims(self, states: State, batched: bool) -> None:
        expected = 3 if batched else 2
        if any(state.dim() != expected for state in states):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(f"For {kind} input, hx should also be {expected}-D but got {states[0].dim()}-D tensor")

    # -- the run

    def _layers(self) -> list[Layer]:
        found = []
        for names in self._all_weights:
            by_kind = {name.split("_l", 1)[0]: getattr(self, name) for name in names}
            get = by_kind.get
            found.append((by_kind["weight_ih"], by_kind["weight_hh"], get("bias_ih"), get("bias_hh"), get("weight_hr")))
        return found

    def _run(self, input: Any, hx: State | None) -> tuple[Any, State]:
        """The outputs, packed as the input is, and the final states in the caller's order."""
        packed = input if isinstance(input, PackedSequence) else None
        batched, batch_dim = True, 0 if self.batch_first else 1
        if packed is not None:
            data, sizes = packed.data, list(map(int, packed.batch_sizes.tolist()))
            batch = sizes[0]
        else:
            data, sizes = input, None
            if data.dim() not in (2, 3):
                tensor = " tensor" if self.mode.startswith("RNN") else ""
                raise ValueError(
                    f"{self._get_name()}: Expected input to be 2D or 3D, got {data.dim()}D{tensor} instead"
                )
            batched = data.dim() == 3
            if hx is not None:
                self._check_dims(hx, batched)
            if not batched:
                data = data.unsqueeze(batch_dim)
                hx = None if hx is None else tuple([part.unsqueeze(1) for part in hx])
            batch = data.size(batch_dim)
        if hx is None:
            rows = self.num_layers * self._directions
            hx = tuple([zeros(rows, batch, w, dtype=data.dtype, device=data.device) for w in self._widths()])
        elif packed is not None:
            hx = _permuted(hx, packed.sorted_indices)
        self.check_input(data, sizes)
        self._check_states(hx, batch)
        turned = packed is None and self.batch_first
        if packed is None and data.size(1 if self.batch_first else 0) == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if turned:
            data = data.transpose(0, 1)
        output, states = recur(
            self.mode, data, sizes, hx, self._layers(), self._directions, self.dropout, self.training
        )
        if packed is not None:
            ends = _permuted(states, packed.unsorted_indices)
            return PackedSequence(output, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices), ends
        if turned:
            output = output.transpose(0, 1)
        if not batched:
            output, states = output.squeeze(batch_dim), tuple([part.squeeze(1) for part in states])
        return output, states

    def extra_repr(self) -> str:
        shown = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
                 "bidirectional": False}  # fmt: skip
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [f"{name}={getattr(self, name)}" for name, usual in shown.items() if getattr(self, name) != usual]
        return ", ".join(parts)


def _check_sizes(
    input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any, dropout: Any, proj_size: int
) -> None:
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator]
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:  # type: ignore[operator]
        warnings.warn(
            "dropout option adds dropout after all but last "
            "recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
            stacklevel=4,
        )
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


def _permuted(states: State, order: Tensor | None) -> State:
    return states if order is None else tuple([index_select(part, 1, order) for part in states])


class RNN(RNNBase):
    """h' = tanh(x W_ih' + b_ih + h W_hh' + b_hh), or relu, over sequences.

    Input (T, B, I), (B, T, I) with ``batch_first``, (T, I), or a PackedSequence; ``hx`` (layers * directions, B, H).
    Returns the outputs (T, B, directions * H) and the last states.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__("RNN_TANH" if nonlinearity == "tanh" else "RNN_RELU", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, states = self._run(input, None if hx is None else (hx,))
        return output, states[0]


class LSTM(RNNBase):
    """Long short-term memory over sequences; ``proj_size`` makes hidden states of that width.

    Input as for RNN; ``hx`` is (h, c), each (layers * directions, B, width).  Returns (outputs, (h, c)).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def _widths(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def _check_dims(self, states: State, batched: bool) -> None:
        expected = 3 if batched else 2
        dims = [state.dim() for state in states]
        if any(dim != expected for dim in dims):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {expected}-D but got ({dims[0]}-D, {dims[1]}-D) tensors"
            )

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        output, (hidden, cell) = self._run(input, None if hx is None else tuple(hx))
        return output, (hidden, cell)


class GRU(RNNBase):
    """Gated recurrent units over sequences; input, ``hx`` and result as for RNN."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, states = self._run(input, None if hx is None else (hx,))
        return output, states[0]


class RNNCellBase(Module):
    """What the cells share: ``weight_ih`` (gates * H, I), ``weight_hh`` (gates * H, H) and their biases."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: DeviceLike = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights again."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _step(self, mode: str, input: Tensor, hx: State | None, names: tuple[str, ...]) -> State:
        cell = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{cell}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for name, part in zip(names, hx or (), strict=False):
            if part.dim() not in (1, 2):
                raise ValueError(f"{cell}: Expected {name} to be 1D or 2D, got {part.dim()}D instead")
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
        if hx is None:
            hx = (zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device),) * len(names)
        elif not batched:
            hx = tuple([part.unsqueeze(0) for part in hx])
        if input.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)} expected {self.input_size}")
        for part in hx:
            if input.size(0) != part.size(0):
                raise RuntimeError(f"Input batch size {input.size(0)} doesn't match hidden0 batch size {part.size(0)}")
            if part.size(1) != self.hidden_size:
                raise RuntimeError(
                    f"hidden0 has inconsistent hidden_size: got {part.size(1)}, expected {self.hidden_size}"
                )
        layer = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None)
        gates = linear(input, self.weight_ih, self.bias_ih)
        result = STEPS[mode](gates, hx, layer)
        return result if batched else tuple([part.squeeze(0) for part in result])


class RNNCell(RNNCellBase):
    """One step of an RNN: (B, I) and (B, H) to (B, H), or all without B."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: DeviceLike = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, None if hx is None else (hx,), ("hidden",))[0]


class _GatedCell(RNNCellBase):
    _gates: ClassVar[int]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: DeviceLike = None,
        dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, self._gates, device, dtype)


class LSTMCell(_GatedCell):
    """One step of an LSTM: (B, I) and ((B, H), (B, H)) to the new (h, c)."""

    _gates = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        hidden, cell = self._step("LSTM", input, None if hx is None else tuple(hx), ("hx[0]", "hx[1]"))
        return hidden, cell


class GRUCell(_GatedCell):
    """One step of a GRU: (B, I) and (B, H) to (B, H)."""

    _gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, None if hx is None else (hx,), ("hidden",))[0]
