"""A program: the text of several kernels of one dialect, to be compiled at once."""

from __future__ import annotations

from collections.abc import Iterable

from .dialect import Dialect
from .writer import Kernel

__all__ = ["program"]


def program(dialect: Dialect, kernels: Iterable[Kernel]) -> str:
    """The prologue, the functions that the kernels call, and the kernels, once each: those of one name are the same."""
    listed = list({kernel.name: kernel for kernel in kernels}.values())
    functions: dict[str, str] = {}
    for kernel in listed:
        functions.update(kernel.functions)
    contract = all(kernel.contract for kernel in listed)
    prologue = dialect.prologue.replace("FP_CONTRACT OFF", "FP_CONTRACT ON") if contract else dialect.prologue
    return "\n".join([prologue, *functions.values(), *(kernel.source for kernel in listed)])
