"""Whether gradients are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Self, TypeVar, overload

from ..state import STATE, local

__all__ = [
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


def is_grad_enabled() -> bool:
    """Whether operations of this thread record their history."""
    return local.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside ``inference_mode``."""
    return local.inference


class _Decorator:
    """A context manager that also decorates functions (each call enters it anew).

    The body of a generator runs in it, too, and what drives the generator does not.
    """

    def _again(self) -> Any:
        return type(self)()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function):
            return self._around_generator(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped

    def _around_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self._again():
                        item = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with self._again():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return wrapped


class _Switch(_Decorator):
    """Recording on or off inside; also usable as a bare decorator."""

    mode: bool

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, function: Callable[P, R]) -> Callable[P, R]: ...  # type: ignore[misc]
    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = object.__new__(cls)
        return self if function is None else self(function)

    def __enter__(self) -> None:
        self._previous = local.grad
        local.grad = self.mode

    def __exit__(self, *exc: object) -> None:
        local.grad = self._previous


class no_grad(_Switch):
    """Operations inside record no history."""

    mode = False


class enable_grad(_Switch):
    """Operations inside record history, also within ``no_grad``."""

    mode = True


class set_grad_enabled(_Decorator):
    """Switch recording on or off, at once; as a context manager it switches back."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._previous = local.grad
        local.grad = mode

    def _again(self) -> Any:
        return set_grad_enabled(self.mode)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        local.grad = self._previous  # as a decorator it acts during calls only
        return super().__call__(function)

    def __enter__(self) -> None:
        local.grad = self.mode

    def __exit__(self, *exc: object) -> None:
        local.grad = self._previous


class inference_mode(_Decorator):
    """Like ``no_grad``; tensors made inside can never take part in recorded operations."""

    mode: bool

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...
    @overload
    def __new__(cls, mode: Callable[P, R]) -> Callable[P, R]: ...  # type: ignore[misc]
    def __new__(cls, mode: Any = True) -> Any:
        self = object.__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        self.mode = mode
        return self

    def _again(self) -> Any:
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self._previous = (local.grad, local.inference)
        local.grad, local.inference = not self.mode, self.mode
        STATE.enter()  # results must be marked, which the straight path does not do

    def __exit__(self, *exc: object) -> None:
        STATE.leave()
        local.grad, local.inference = self._previous
