"""A device on the bench: tensors in awkward layouts, and calls that look at all that a kernel must not do.

:meth:`Bench.run` calls a primitive and sees that operands are unchanged, that shape, dtype and density are
those of the rule, and that the host was not asked; memory is made dirty first, so that what a kernel does not
write is not what another wrote before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from corelib.backend.registry import registry
from corelib.core.tensor import Tensor, fresh
from corelib.device import Device
from corelib.dtypes import ALL_DTYPES, dtype, from_numpy_dtype
from corelib.layout import Layout, contiguous_strides
from corelib.ops import PRIMITIVES
from corelib.ops.movement import place
from corelib.ops.primitive import Primitive

from ..cases import _layouts, _rule, _same_layout, _tensors
from ..check import Unsupported, flag_of
from ..oracles import ORACLES
from ._compare import same

__all__ = ["DTYPES", "NEGATIVE", "VIEWS", "ZERO", "Bench", "constant", "names", "poison", "values"]

Array = Any
DTYPES = {d.name: d for d in ALL_DTYPES}

VIEWS = ("transposed", "offset1", "offset3", "pitched", "stepped", "permuted", "spread")
"""Layouts of any values: all dimensions reversed, at an odd offset, rows further apart than they are long, every
second element, dimensions turned by one, and every stride odd and larger than it must be."""
ZERO = ("outer0", "inner0", "middle0", "all0")
"""Layouts with stride 0, for values that are constant along those dimensions (see :func:`constant`)."""
NEGATIVE = ("reversed", "flipped", "upside")
"""All steps negative, the innermost only, the outermost only."""


def values(shape: Sequence[int], d: dtype, low: float = -3.0, high: float = 3.0, seed: int = 0) -> Array:
    """A host array of numbers in [low, high], the same in every run."""
    rng = np.random.default_rng((seed, *shape, len(d.name)))
    shape = tuple(shape)
    if d.category == 0:
        return rng.random(shape) < 0.5
    if d.category == 1:
        least = max(int(low), 0) if not d.is_signed else int(low)
        return rng.integers(least, max(int(high), least) + 1, shape).astype(d.numpy)
    if d.is_complex:
        parts = rng.uniform(low, high, (2, *shape))
        whole: Array = parts[0] + 1j * parts[1]
        return whole.astype(d.numpy)
    return rng.uniform(low, high, shape).astype(d.numpy)


def constant(host: Array, view: str) -> Array:
    """The host array made constant along the dimensions that the view expands."""
    dims = _zero_dims(host.ndim, view)
    index = tuple(slice(0, 1) if d in dims else slice(None) for d in range(host.ndim))
    return np.ascontiguousarray(np.broadcast_to(host[index], host.shape))


def _zero_dims(rank: int, view: str) -> tuple[int, ...]:
    return {"outer0": (0,), "inner0": (rank - 1,), "middle0": (rank // 2,), "all0": tuple(range(rank))}.get(view, ())


def poison(shape: Sequence[int], d: dtype) -> Array:
    """Nan bits, or bytes 0xA5 (True, for bool)."""
    filler = 0xFF if d.category >= 2 else 0xA5
    if d.category == 0:
        return np.ones(tuple(shape), bool)
    return np.full(prod(shape) * d.itemsize, filler, np.uint8).view(d.numpy).reshape(tuple(shape))


def _strides(shape: tuple[int, ...], view: str) -> tuple[tuple[int, ...], int]:
    """Strides and offset, in elements."""
    rank, dense = len(shape), contiguous_strides(shape)
    if view == "transposed":
        return contiguous_strides(shape[::-1])[::-1], 0
    if view == "permuted":
        turned = contiguous_strides((*shape[1:], *shape[:1]))
        return (*turned[-1:], *turned[:-1]), 0
    if view in ("offset1", "offset3"):
        return dense, int(view[-1])
    if view == "pitched":
        wide = contiguous_strides((*shape[:-1], shape[-1] + 3)) if rank else ()
        return wide, 2
    if view == "stepped":
        return tuple(2 * s for s in dense), 1
    if view == "spread":
        steps, step = [], 3
        for size in reversed(shape):
            steps.append(step)
            step = step * max(size, 1) + 5
        return tuple(reversed(steps)), 7
    if view in NEGATIVE:
        turned_dims = {"reversed": range(rank), "flipped": range(rank - 1, rank), "upside": range(1)}[view]
        flipped = tuple(-s if d in turned_dims else s for d, s in enumerate(dense))
        return flipped, sum((n - 1) * s for d, (n, s) in enumerate(zip(shape, dense, strict=True)) if d in turned_dims)
    zero = _zero_dims(rank, view)
    kept = contiguous_strides(tuple(1 if d in zero else n for d, n in enumerate(shape)))
    return tuple(0 if d in zero else s for d, s in enumerate(kept)), 1


class Bench:
    """A device under test."""

    def __init__(self, device: Device | str) -> None:
        self.device = place(device)
        self.backend = registry.get(self.device.type)
        self.index = self.device.index or 0

    def needs(self, *dtypes: dtype | str) -> None:
        """Unsupported, where the device does not hold a dtype."""
        for d in dtypes:
            d = DTYPES[d] if isinstance(d, str) else d
            if not self.backend.device_supports(d, self.index):
                raise Unsupported(flag_of(d.name) or d.name, f"{self.device} holds no {d.name}")

    def holds(self, d: dtype | str) -> bool:
        """Whether the device holds a dtype."""
        return self.backend.device_supports(DTYPES[d] if isinstance(d, str) else d, self.index)

    # -- tensors ---------------------------------------------------------------------------------

    def put(self, host: Array) -> Tensor:
        """A dense tensor."""
        host = np.ascontiguousarray(host).reshape(np.shape(host))
        layout = Layout.of(host.shape, from_numpy_dtype(host.dtype), self.device)
        return fresh(self.backend.upload(host, layout), layout)

    def view(self, host: Array, view: str = "contiguous") -> Tensor:
        """A tensor with these values that lies in memory as ``view`` says; what lies between is poison."""
        host = np.asarray(host)
        if view == "contiguous" or (not host.ndim and view not in ("offset1", "offset3")):
            return self.put(host)
        strides, offset = _strides(host.shape, view)
        return self.strided(host, strides, offset)

    def strided(self, host: Array, strides: tuple[int, ...], offset: int) -> Tensor:
        """A tensor with these values, strides and offset (in elements)."""
        d = from_numpy_dtype(host.dtype)
        reach = (
            offset + sum((n - 1) * max(s, 0) for n, s in zip(host.shape, strides, strict=True)) if host.size else offset
        )
        memory = poison((reach + 4,), d)
        if host.size:
            places = np.asarray(offset)
            for axis, (size, stride) in enumerate(zip(host.shape, strides, strict=True)):
                places = places + (np.arange(size) * stride).reshape([-1 if a == axis else 1 for a in range(host.ndim)])
            memory[places] = host
        base = self.put(memory)
        if min(strides, default=0) >= 0:
            result: Tensor = base.as_strided(host.shape, strides, offset)
            return result
        if not self.backend.strided:
            raise Unsupported("strided", f"{self.device.type} makes no views")
        layout = Layout.of(tuple(host.shape), d, self.device, strides)
        return fresh(self.backend.as_strided(base._array, layout, offset), layout)

    def get(self, tensor: Tensor) -> Array:
        """The tensor's values on the host."""
        return self.backend.download(tensor._array, tensor._layout)

    def dirty(self, *shapes: tuple[Sequence[int], dtype]) -> None:
        """Fill freed memory of these sizes with poison, three times over."""
        held = [self.put(poison(shape, d)) for shape, d in shapes for _ in range(3)]
        del held

    # -- calls -----------------------------------------------------------------------------------

    def rule(self, name: str, *args: Any) -> Any:
        """The Result of a primitive's rule."""
        return _rule(PRIMITIVES[name], args)

    def run(self, name: str, *args: Any, out: Any = None) -> list[Array]:
        """Call a primitive and look at everything; its results on the host."""
        return [self.get(t) for t in self.tensors(name, *args, out=out)]

    def tensors(self, name: str, *args: Any, out: Any = None) -> list[Tensor]:
        """As :meth:`run`, but gives the tensors."""
        prim = PRIMITIVES[name]
        operands = _tensors(args)
        before = [self.get(t).tobytes() for t in operands]
        layouts = _layouts(self.rule(name, *args))
        for layout in layouts:
            if layout is not None:
                self.needs(layout.dtype)
        self.dirty(*[(layout.shape, layout.dtype) for layout in layouts if layout is not None])
        results = self.call(prim, args, out)
        for result, layout in zip(results, layouts, strict=True):
            if out is None and layout is not None:
                _same_layout(prim, result, layout)
                self.described(prim, result)
        for tensor, held in zip(operands, before, strict=True):
            if out is None or tensor is not out:
                assert self.get(tensor).tobytes() == held, f"{name} changed an operand"
        return results

    def call(self, prim: Primitive, args: Sequence[Any], out: Any = None) -> list[Tensor]:
        """Call a primitive; a kernel that has the host do its work is a failure."""
        with self.closed() if prim.name in self.backend.kernels else _open():
            result = prim.function(*args) if out is None else prim.function(*args, out=out)
        return list(result) if isinstance(result, tuple) else [result]

    def described(self, prim: Primitive, result: Tensor) -> None:
        """A kernel's array is what the rule says, where the backend can tell."""
        if prim.name not in self.backend.kernels:
            return
        found = self.backend.describe(result._array)
        if found is None:
            return
        assert tuple(found.shape) == tuple(result._layout.shape), f"{prim.name} gave an array of shape {found.shape}"
        assert found.dtype is result._layout.dtype, f"{prim.name} gave an array of dtype {found.dtype}"
        assert found.contiguous, f"{prim.name} gave an array that is not dense: {found}"

    def into(self, name: str, window: Tensor, *args: Any) -> None:
        """Have a primitive write its result into an existing view, by a kernel that takes ``out=`` if there is one."""
        prim = PRIMITIVES[name]
        bound = prim.signature.bind(*args)
        bound.apply_defaults()
        with self.closed() if name in self.backend.kernels else _open():
            result = prim.into(window, *bound.args)
        assert result is window, "what was written into is what is returned"

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Within this block the backend may not download more than an error word."""
        backend: Any = self.backend
        had = vars(backend).get("download")
        download: Callable[..., Any] = backend.download

        def trap(array: Any, layout: Layout) -> Any:
            if layout.numel * layout.dtype.itemsize > 64:
                raise AssertionError("host-fallback: the kernel copied its operand to the host")
            return download(array, layout)

        backend.download = trap
        try:
            yield
        finally:
            if had is None:
                del backend.download
            else:
                backend.download = had

    def exact(self, name: str, *args: Any) -> Any:
        """What the oracle gives for these arguments, in wider numbers."""
        prim = PRIMITIVES[name]
        ruled = self.rule(name, *args)
        given = [
            self.wide(a, ruled.cast[i] if ruled.cast is not None and i < len(ruled.cast) else None)
            for i, a in enumerate(args[: len(prim.operands)])
        ]
        with np.errstate(all="ignore"):
            return ORACLES[name](*given, *ruled.statics)

    def wide(self, x: Any, target: dtype | None) -> Any:
        """An operand as an oracle takes it: on the host, converted as the rule says, floats then widened."""
        if isinstance(x, list):
            return [self.wide(y, target) for y in x]
        number = not isinstance(x, Tensor)
        host = x if number else self.get(x)
        if host is None or isinstance(host, (str, tuple)):
            return host
        if target is not None:
            with np.errstate(all="ignore"):
                native = np.dtype(np.float32) if number and target.is_half else target.numpy
                host = np.asarray(host).astype(native)
        if not isinstance(host, np.ndarray) or host.dtype.kind in "biu":
            return host
        return host.astype(np.complex128 if host.dtype.kind == "c" else np.float64)

    def independent(self, name: str, *args: Any) -> None:
        """The result shares no memory with an operand: writing to one leaves the other as it is."""
        operands = [t for t in _tensors(args) if t._layout.numel and 0 not in t._layout.strides]
        (result, *_) = self.call(PRIMITIVES[name], args)
        held, kept = self.get(result), [self.get(t) for t in operands]
        if result._layout.numel:
            result.copy_(self.put(np.ones(result.shape, result.dtype.numpy)))
            for tensor, host in zip(operands, kept, strict=True):
                same(self.get(tensor), host, f"{name}: writing to the result changed an operand", payload=True)
        (result, *_) = self.call(PRIMITIVES[name], args)
        for tensor in operands:
            if min(tensor._layout.strides, default=0) >= 0:
                tensor.copy_(self.put(np.zeros(tensor.shape, tensor.dtype.numpy)))
        same(self.get(result), held, f"{name}: writing to an operand changed the result", payload=True)


@contextmanager
def _open() -> Iterator[None]:
    yield


def names(dtypes: Sequence[dtype]) -> str:
    """Names of dtypes, for an id."""
    return ",".join(d.name for d in dtypes)
