"""How a tensor prints: PyTorch's text, character for character.

All numbers of a tensor are written in one notation and one width, which a :class:`_Notation` chooses
from the finite, non-zero values.  A tensor of more than ``threshold`` elements shows the first and last
``edgeitems`` along each dimension, and only those choose the notation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .dtypes import bool_, default_dtype, int64

__all__ = ["get_printoptions", "printoptions", "set_printoptions", "tensor_repr"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print, in every thread.

    Args:
        precision: digits after the decimal point (4).
        threshold: number of elements above which only the edges are shown (1000).
        edgeitems: how many items are shown at each end of a shortened dimension (3).
        linewidth: characters a line (80).
        profile: "default", "short" or "full": what the options above start from.
        sci_mode: whether to use scientific notation; chosen by the values where None.  Unlike the other
            options it goes back to None when it is not given.

    Raises:
        ValueError: for an unknown profile.
    """
    global _options
    if profile is not None and profile.lower() not in _PROFILES:
        raise ValueError(f"set_printoptions(): profile must be one of {', '.join(_PROFILES)}, not {profile!r}")
    start = _options if profile is None else _PROFILES[profile.lower()]
    given: dict[str, Any] = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    given = {name: value for name, value in given.items() if value is not None}
    _options = replace(start, sci_mode=sci_mode, **given)


def get_printoptions() -> dict[str, Any]:
    """The options as keywords of :func:`set_printoptions`."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """``with printoptions(precision=2):`` the options of :func:`set_printoptions` for a block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Notation:
    """One way of writing all the real numbers of an array: integers, ``1.``, ``1.5000`` or ``1.5000e+00``.

    ``width`` is that of the longest number; calling it gives a number padded to it.
    """

    def __init__(self, values: Array, options: _Options) -> None:
        self._write: Callable[[Any], str] = str
        if values.dtype.kind in "biu":
            shown: list[Any] = values.ravel().tolist()
        else:
            numbers = values.ravel().astype(np.float64)
            numbers = numbers[np.isfinite(numbers) & (numbers != 0)]
            shown = numbers.tolist()
            self._write = self._choose(numbers, options)
        self.width = max((len(self._write(value)) for value in shown), default=1)

    @staticmethod
    def _choose(numbers: Array, options: _Options) -> Callable[[float], str]:
        """The notation for these numbers, finite and not 0; without any, that of whole numbers."""
        if numbers.size == 0:
            return _whole
        sizes = np.abs(numbers)
        largest, smallest = float(sizes.max()), float(sizes.min())
        scientific = options.sci_mode
        if scientific is None:
            scientific = largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4
        if scientific:
            return f"{{:.{options.precision}e}}".format
        if np.all(numbers == np.ceil(numbers)):
            return _whole
        return f"{{:.{options.precision}f}}".format

    def __call__(self, value: Any) -> str:
        return self._write(value).rjust(self.width)


def _whole(value: float) -> str:
    """A whole number of a floating dtype; nan and inf have no point."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


class _ComplexNotation:
    """The real parts in one notation, the imaginary parts in another."""

    def __init__(self, values: Array, options: _Options) -> None:
        self._real, self._imag = _Notation(values.real, options), _Notation(values.imag, options)
        self.width = self._real.width + self._imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self._imag(value.imag).lstrip()
        sign = "" if imag.startswith("-") else "+"
        return f"{self._real(value.real)}{sign}{imag}j"


def _edges(array: Array, count: int) -> Array:
    """The elements that a shortened print shows: ``count`` at both ends of each dimension longer than twice that."""
    for axis, size in enumerate(array.shape):
        if size > 2 * count:
            array = array.take([*range(count), *range(size - count, size)], axis)
    return array


def _elements(array: Array, indent: int, summarize: bool, notation: Any, options: _Options) -> str:
    """The nested brackets of ``array``, the first of them at column ``indent``."""
    if array.ndim == 0:
        return str(notation(array.item()))
    count, size = options.edgeitems, len(array)
    shorten = summarize and size > 2 * count
    rows = [*range(count), *range(size - count, size)] if shorten else range(size)
    if array.ndim == 1:
        parts = list(map(notation, array[rows].tolist()))
        dots = " ..." if count else "..."
    else:
        parts = [_elements(array[row], indent + 1, summarize, notation, options) for row in rows]
        dots = "..."
    if shorten:
        parts.insert(count, dots)
    if array.ndim == 1:
        per_line = max(1, (options.linewidth - indent) // (notation.width + 2))
        parts = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    separator = "," + "\n" * max(1, array.ndim - 1) + " " * (indent + 1)
    return f"[{separator.join(parts)}]"


def _contents(array: Array, indent: int, options: _Options) -> str:
    summarize = array.size > options.threshold
    shown = _edges(array, options.edgeitems) if summarize else array
    notation = (_ComplexNotation if array.dtype.kind == "c" else _Notation)(shown, options)
    return _elements(array, indent, summarize, notation, options)


def _history(tensor: Any) -> list[str]:
    if tensor.grad_fn is not None:
        return [f"grad_fn=<{tensor.grad_fn.name()}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def tensor_repr(tensor: Any) -> str:
    """The text of ``repr(tensor)``, PyTorch's character for character.

    Args:
        tensor: has ``shape``, ``dtype``, ``device``, ``requires_grad``, ``grad_fn`` (with ``name()``) and
            ``_host()``, a NumPy array of the elements; ``_host`` is not called on the meta device.

    A subclass of Tensor prints under its own name, except Parameter and Buffer.
    """
    options = _options
    kind = type(tensor).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter", "Buffer") else f"{kind}("
    default = default_dtype()
    usual_dtypes: tuple[Any, ...] = (default, default.to_complex(), int64, bool_)
    suffixes = [f"device='{tensor.device}'"] if tensor.device.type != "cpu" else []

    if tensor.device.type == "meta":
        contents, usual_dtypes = "...", (default,)
        suffixes.append(f"size={tuple(tensor.shape)}")
    elif 0 in tensor.shape:  # without elements even int64 cannot be seen
        contents, usual_dtypes = "[]", (default,)
        if len(tensor.shape) != 1:
            suffixes.append(f"size={tuple(tensor.shape)}")
    else:
        contents = _contents(tensor._host(), len(prefix), options)
        if options.edgeitems == 0:
            suffixes.append(f"size={tuple(tensor.shape)}")
    if tensor.dtype not in usual_dtypes:
        suffixes.append(f"dtype={tensor.dtype}")
    return _with_suffixes(prefix + contents, suffixes + _history(tensor), len(prefix), options.linewidth)


def _with_suffixes(text: str, suffixes: list[str], indent: int, linewidth: int) -> str:
    """``text, suffix, suffix)``, a suffix that would not fit going to a line of its own."""
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"
