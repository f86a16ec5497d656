"""The backend contract: what a device's package provides.

A backend is one object with a few storage methods and a flat table of kernels.  The frontend owns
shapes, strides, offsets, dtypes, promotion, broadcasting, autograd, versions and error messages;
a backend owns memory and arithmetic.

**Arrays.**  An *array* is whatever object the backend likes (a NumPy array, a handle, a pointer): the
frontend never looks inside.  A kernel is given *realized views* (arrays made by a kernel, ``allocate``,
``upload`` or ``as_strided``) and returns a fresh, dense, row-major array of exactly the shape and dtype
that the primitive's rule says.  0-d results are arrays too.

**Numbers.**  Where a primitive takes a tensor or a Python number, a kernel may receive a Python number
(already converted to the compute type: a ``float`` for floating dtypes, an ``int`` in range for integer
dtypes, a ``complex``, a ``bool``); for float16 and bfloat16 arrays it is to be used as float32.  At least
one operand is an array.

**Dtypes.**  The frontend has already promoted: array operands of an elementwise kernel have one dtype.

**Broadcasting.**  Operands arrive expanded to the result's shape (stride 0), unless the backend sets
``broadcasts = True``, in which case it gets them as they are and broadcasts as NumPy does.

**out.**  A kernel registered with ``out=True`` accepts the keyword ``out=``: a realized view of the
result's shape and dtype, strided, to write into and return.  ``out`` may be the very same view as an
input (in-place operation), never a partly overlapping one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..dtypes import ALL_DTYPES, dtype
from ..layout import Layout

__all__ = ["CONTRACT", "Backend", "BackendSpec", "Kernel", "KernelPack", "kernel"]

CONTRACT = (1, 0)
"""Version of this contract, (major, minor): a backend works with the same major and a minor not above."""

Array = Any
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kernel:
    """One entry of a kernel table.

    Attributes:
        function: called as ``function(*operands, *parameters[, out=view])``.
        dtypes: the dtypes that it computes in: asked about the dtype that operands are converted to (of
            ``where`` that of the values, not of the condition); where nothing is converted, about that of the
            first array operand, and where there is none (``fill``, ``arange``), about ``layout.dtype``.
        layout: "strided" takes any view; "contiguous" makes the dispatcher copy views first.
        predicate: called with the operands' layouts (or number classes) and the parameters; False
            means "not this call": the kernel named by ``otherwise`` is asked, then the decomposition used.
        out: whether it accepts ``out=``.
        owner: who contributed it: a backend's or a kernel pack's name (shown by ``corelib ops``); filled in
            by the registry.
        otherwise: the next kernel to ask where the dtypes or the predicate say "not this call"; linked by the
            registry, so that a kernel pack for float32 takes nothing away from float64.
    """

    function: Callable[..., Any]
    dtypes: frozenset[dtype] = frozenset(ALL_DTYPES)
    layout: str = "strided"
    predicate: Callable[..., bool] | None = None
    out: bool = False
    owner: str = ""
    otherwise: Kernel | None = None


@dataclass(frozen=True)
class BackendSpec:
    """What a plugin's ``corelib_backend`` hook returns: enough to list it, and how to create it.

    Attributes:
        name: the device type, an identifier such as "cpu".
        create: called once, when the device type is first used; returns the :class:`Backend`.
        contract: the contract version it was written for.
        version: the package's version.
        description: one line for people.
        testing: a backend for tests: shown, never a default.
    """

    name: str
    create: Callable[[], Backend]
    contract: tuple[int, int] = CONTRACT
    version: str = ""
    description: str = ""
    testing: bool = False


@dataclass(frozen=True)
class KernelPack:
    """Kernels that a plugin contributes to a device type it does not own (hook ``corelib_kernels``)."""

    device: str
    name: str
    kernels: dict[str, Kernel]
    contract: tuple[int, int] = CONTRACT


@dataclass
class DeviceProperties:
    """What ``corelib devices`` shows of one device."""

    name: str
    total_memory: int | None = None  # bytes
    extra: dict[str, Any] = field(default_factory=dict)


def kernel(
    name: str,
    *,
    dtypes: Iterable[dtype] = ALL_DTYPES,
    layout: str = "strided",
    predicate: Callable[..., bool] | None = None,
    out: bool = False,
) -> Callable[[F], F]:
    """Mark a method or function as the kernel of primitive ``name``.

    On a method of a :class:`Backend` subclass it enters the table when the backend is created.
    """
    allowed = frozenset(dtypes)

    def mark(function: F) -> F:
        entry = (name, allowed, layout, predicate, out)
        function.__dict__.setdefault("corelib_kernels", []).append(entry)
        return function

    return mark


class Backend:
    """Base class of every backend.  Override the storage methods, and give kernels.

    Class attributes state capabilities; instance attribute ``kernels`` is the flat table, one entry a
    primitive.  Register kernels by decorating methods with :func:`kernel` or through :meth:`register`.
    """

    mutable: ClassVar[bool] = True
    """Whether memory can be written in place.  Where False, implement :meth:`assign`."""
    strided: ClassVar[bool] = True
    """Whether :meth:`as_strided` gives views that alias.  Where False, views are gathers the frontend
    asks for through :meth:`take`."""
    broadcasts: ClassVar[bool] = False
    """Whether elementwise kernels broadcast by themselves."""
    asynchronous: ClassVar[bool] = False
    """Whether kernels may return before they have finished."""
    capabilities: ClassVar[frozenset[str]] = frozenset()
    """Of "float64", "complex", "linalg", "fft", "compile", "async", "multi-device"."""

    name: str = ""
    """The device type; set by the registry from the spec."""

    def __init__(self) -> None:
        self.kernels: dict[str, Kernel] = {}
        for attribute in dir(type(self)):
            function = getattr(type(self), attribute)
            for name, dtypes, layout, predicate, out in getattr(function, "corelib_kernels", ()):
                bound = getattr(self, attribute)
                self.register(name, bound, dtypes=dtypes, layout=layout, predicate=predicate, out=out)

    def register(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        dtypes: Iterable[dtype] = ALL_DTYPES,
        layout: str = "strided",
        predicate: Callable[..., bool] | None = None,
        out: bool = False,
    ) -> None:
        """Enter (or replace) the kernel of primitive ``name``."""
        supported = frozenset(d for d in dtypes if self.supports(d))
        self.kernels[name] = Kernel(function, supported, layout, predicate, out, self.name)

    def supports(self, d: dtype) -> bool:
        """Whether tensors of this dtype can exist on the device.  A dtype is refused, never narrowed."""
        return not d.is_complex or "complex" in self.capabilities

    # -- devices

    def device_count(self) -> int:
        """How many devices of this type are present; 0 where there is no hardware."""
        return 1

    def device_supports(self, d: dtype, index: int) -> bool:
        """Whether device ``index`` holds this dtype (one device of a type may lack float64)."""
        return self.supports(d)

    def properties(self, index: int) -> DeviceProperties:
        """Name and memory of device ``index``."""
        return DeviceProperties(self.name)

    def memory_allocated(self, index: int) -> int | None:
        """Bytes held by live arrays on device ``index``, where it is known."""
        return None

    # -- storage

    def allocate(self, layout: Layout) -> Array:
        """A dense array of ``layout``'s shape and dtype on ``layout.device``; contents undefined.

        Raises :class:`OutOfMemoryError`, after which the device must still work.
        """
        raise NotImplementedError

    def allocate_together(self, layouts: list[Layout]) -> list[Array]:
        """As :meth:`allocate`, for tensors that kernels over lists will be given together (optimizer state)."""
        return [self.allocate(layout) for layout in layouts]

    def upload(self, host: np.ndarray[Any, Any], layout: Layout) -> Array:
        """A dense array holding a copy of the C-contiguous host array (same shape and dtype)."""
        raise NotImplementedError

    def download(self, array: Array, layout: Layout) -> np.ndarray[Any, Any]:
        """A fresh C-contiguous host copy of a realized view; waits for the device."""
        raise NotImplementedError

    def as_strided(self, array: Array, layout: Layout, offset: int) -> Array:
        """A view that aliases ``array``: element i0,i1,... is at ``offset + sum(i*stride)`` elements after
        the first element of ``array``.  ``array`` is a dense storage array, or (to expand an operand)
        another view.  ``layout.dtype`` is the array's dtype.
        """
        raise NotImplementedError

    def bitcast(self, array: Array, layout: Layout) -> Array:
        """The dense array's memory seen as ``layout.dtype`` and ``layout.shape``, aliasing."""
        raise NotImplementedError

    def take(self, array: Array, indices: np.ndarray[Any, Any], layout: Layout) -> Array:
        """For ``strided = False``: a dense array of ``layout.shape`` whose elements are those of the dense
        ``array``, flattened, at ``indices`` (int64, host, of ``layout.shape``)."""
        raise NotImplementedError

    def assign(self, array: Array, indices: np.ndarray[Any, Any] | None, value: Array) -> Array:
        """For ``mutable = False``: a new dense array, ``array`` with the elements at flat ``indices``
        (or all, where None) replaced by ``value`` (same shape as ``indices``)."""
        raise NotImplementedError

    def transfer(self, array: Array, layout: Layout, index: int) -> Array:
        """A dense copy on device ``index`` of the same type."""
        target = Layout.of(layout.shape, layout.dtype, type(layout.device)(layout.device.type, index))
        return self.upload(self.download(array, layout), target)

    def synchronize(self, index: int) -> None:
        """Wait until the device has finished, and raise what a kernel reported meanwhile."""

    # -- looking inside

    def describe(self, array: Array) -> Layout | None:
        """What an array really is: shape, strides, dtype and device, for debug mode to hold against the rule.

        Optional: None means that the backend cannot say.  Raises TypeError for what is no array of this backend.
        """
        return None
