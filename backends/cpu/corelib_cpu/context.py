"""Where NumPy runs: a context, one per thread, in which floating-point events are ignored.

``1/0`` is ``inf`` in a tensor library, without a warning, in every thread, whatever the user's
``np.seterr`` says, and that setting stays as it was.  NumPy keeps its error state in a context variable,
so each thread gets a :class:`contextvars.Context` in which it is "ignore"; running a ufunc inside costs
0.04 µs where ``np.errstate`` costs 1.4.

A context cannot be entered twice.  So a NumPy function alone runs in one (``local.run``), and a function of
this package made of several (:func:`quiet`) in another.  Whatever Python code comes between the latter's steps,
a signal handler, a finalizer, a debugger that prints a tensor, can use kernels as well.
"""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["local", "quiet"]

F = TypeVar("F", bound=Callable[..., Any])


def _ignoring() -> contextvars.Context:
    context = contextvars.Context()
    context.run(np.seterr, all="ignore")
    return context


class _Quiet:
    """A thread's context for quiet functions (an object of its own: thread-local look-ups are slow)."""

    __slots__ = ("enter", "inside")

    def __init__(self) -> None:
        self.enter = _ignoring().run
        self.inside = False


class _ThreadContext(threading.local):
    """``local.run(function, *args)`` calls a NumPy function with floating-point events ignored."""

    def __init__(self) -> None:
        self.run = _ignoring().run
        self.quiet = _Quiet()


local = _ThreadContext()


def quiet(function: F) -> F:
    """``function``, made of NumPy functions, with floating-point events ignored."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        here = local.quiet
        if here.inside:
            return function(*args, **options)
        here.inside = True
        try:
            return here.enter(function, *args, **options)
        finally:
            here.inside = False

    return run  # type: ignore[return-value]
