"""What a mutant is made of: a backend that is right, and one fault planted in it.

The backends are the CPU's, over NumPy's arrays, and ``strict``.  A fault wraps one kernel or storage method, or
(where the frontend is what must notice) changes a function of the frontend, and then gives back how to undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from corelib.backend.base import Backend, BackendSpec
from corelib.backend.registry import registry

__all__ = ["DEVICE", "MUTANTS", "Mutant", "base", "kernel", "method", "mutant", "planted", "reread", "unplanted"]

Array = Any
Plant = Callable[[Backend], Any]
F = TypeVar("F", bound=Callable[..., Any])
DEVICE = "mutant"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        number: its place in the list; those up to 32 are the ones every suite should kill.
        name: what is wrong, in a few words.
        groups: the groups of checks that it is put to, and no others.
        base: the backend it is planted in, "cpu" or "strict".
        plant: plants it; what it returns, if anything, undoes it.
    """

    number: int
    name: str
    groups: tuple[str, ...]
    base: str
    plant: Plant


MUTANTS: list[Mutant] = []


def mutant(name: str, *groups: str, base: str = "cpu") -> Callable[[Plant], Plant]:
    """Enter a function that plants a fault into a backend as the next mutant."""

    def enter(plant: Plant) -> Plant:
        MUTANTS.append(Mutant(len(MUTANTS) + 1, name, groups, base, plant))
        return plant

    return enter


def kernel(primitive: str, name: str, *groups: str, base: str = "cpu", out: bool | None = None) -> Callable[[F], F]:
    """Enter ``wrong(right, *arguments, **out)`` as the next mutant's kernel of a primitive.

    ``out`` says whether the wrong kernel takes ``out=``; by default as the right one does.
    """

    def enter(wrong: F) -> F:
        def plant(backend: Backend) -> None:
            right = backend.kernels[primitive]
            function = partial(wrong if base == "strict" else partial(_densely, wrong), right.function)
            takes = right.out if out is None else out
            backend.kernels[primitive] = replace(right, function=function, out=takes, otherwise=None)

        mutant(name, *(groups or (primitive,)), base=base)(plant)
        return wrong

    return enter


def _densely(wrong: Callable[..., Any], right: Any, *args: Any, **out: Any) -> Any:
    """Dense arrays, which NumPy's expressions do not always give: that is not the fault that is meant."""
    found = wrong(right, *args, **out)
    if "out" in out and out["out"] is found:
        return found
    if isinstance(found, tuple):
        return tuple([x if x is None else np.asarray(x, order="C") for x in found])
    return np.asarray(found, order="C")


def method(attribute: str, name: str, *groups: str, base: str = "cpu") -> Callable[[F], F]:
    """Enter ``wrong(right, *arguments)`` as the next mutant's storage method."""

    def enter(wrong: F) -> F:
        def plant(backend: Backend) -> None:
            setattr(backend, attribute, partial(wrong, getattr(backend, attribute)))

        mutant(name, *groups, base=base)(plant)
        return wrong

    return enter


def base(name: str) -> Backend:
    """A fresh backend to plant a fault in."""
    if name == "strict":
        from ..strict import StrictBackend

        return StrictBackend()
    from corelib_cpu.backend import CpuBackend

    return CpuBackend()


@contextmanager
def unplanted(name: str) -> Iterator[str]:
    """Within this block the device type "mutant" is a backend without a fault."""
    with planted(Mutant(0, "none", (), name, lambda backend: None)) as device:
        yield device


@contextmanager
def planted(one: Mutant) -> Iterator[str]:
    """Within this block the device type "mutant" is the mutant."""
    undo: list[Callable[[], None]] = []

    def create() -> Backend:
        backend = base(one.base)
        backend.name = DEVICE
        done = one.plant(backend)
        if done is not None:
            undo.append(done)
        return backend

    registry.register_backend(BackendSpec(DEVICE, create, description=one.name, testing=True))
    try:
        registry.get(DEVICE)
        yield DEVICE
    finally:
        for act in undo:
            act()
        registry.unregister_backend(DEVICE)


def reread(x: Array, strides: Any, start: int = 0) -> Array:
    """What a kernel that believes in other strides (in elements) reads: its memory, beginning where ``x`` begins."""
    root = x
    while isinstance(root.base, np.ndarray):
        root = root.base
    step = x.dtype.itemsize
    whole = np.lib.stride_tricks.as_strided(root, (root.size,), (root.itemsize,)) if root.ndim else root.reshape(1)
    memory = np.ascontiguousarray(whole).view(np.uint8)
    memory = memory[: memory.size // step * step].view(x.dtype)
    first = (x.__array_interface__["data"][0] - root.__array_interface__["data"][0]) // step + start
    places = np.asarray(first)
    for axis, (size, stride) in enumerate(zip(x.shape, strides, strict=True)):
        places = places + (np.arange(size) * stride).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return np.ascontiguousarray(memory[places % memory.size])
