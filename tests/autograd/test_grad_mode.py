"""no_grad, enable_grad, set_grad_enabled and inference_mode: nested, as decorators, around generators, under errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import corelib

PROGRAMS: list[Callable[..., Any]] = []


def program(function: Callable[..., Any]) -> Callable[..., Any]:
    PROGRAMS.append(function)
    return function


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_same_as_torch(function: Callable[..., Any], same: Any) -> None:
    same(function)


@program
def nested(torch: Any, attempt: Any) -> Any:
    seen = []

    def note() -> None:
        seen.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    with torch.no_grad():
        note()
        with torch.enable_grad():
            note()
            with torch.set_grad_enabled(False):
                note()
            note()
            with torch.inference_mode():
                note()
                with torch.enable_grad():
                    note()
                with torch.inference_mode(False):
                    note()
                note()
        note()
    note()
    return seen


@program
def as_decorators(torch: Any, attempt: Any) -> Any:
    def enabled() -> Any:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    functions = [
        torch.no_grad()(enabled),
        torch.no_grad(enabled),
        torch.enable_grad()(enabled),
        torch.set_grad_enabled(False)(enabled),
        torch.set_grad_enabled(True)(enabled),
        torch.inference_mode()(enabled),
        torch.inference_mode(enabled),
        torch.inference_mode(False)(enabled),
    ]
    inside = enabled()
    with torch.no_grad():
        return inside, [f() for f in functions], functions[0].__name__


@program
def set_at_once(torch: Any, attempt: Any) -> Any:
    seen = [torch.is_grad_enabled()]
    torch.set_grad_enabled(False)
    seen.append(torch.is_grad_enabled())
    torch.set_grad_enabled(True)
    switch = torch.set_grad_enabled(False)
    seen.append(torch.is_grad_enabled())
    with switch:
        seen.append(torch.is_grad_enabled())
    seen.append(torch.is_grad_enabled())
    return seen


@program
def errors_restore(torch: Any, attempt: Any) -> Any:
    def fail(context: Any) -> None:
        with context:
            raise ValueError("inside")

    seen = []
    for context in (torch.no_grad(), torch.set_grad_enabled(False), torch.inference_mode(), torch.enable_grad()):
        seen += [attempt(lambda c=context: fail(c)), torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
    return seen


@program
def generators(torch: Any, attempt: Any) -> Any:
    seen = []

    @torch.no_grad()
    def count() -> Any:
        try:
            for i in range(3):
                seen.append(("body", torch.is_grad_enabled()))
                try:
                    seen.append(("sent", (yield i)))
                except KeyError as error:
                    seen.append(("thrown", str(error), torch.is_grad_enabled()))
        finally:
            seen.append(("closed", torch.is_grad_enabled()))
        return "done"

    for item in count():
        seen.append((item, torch.is_grad_enabled()))
    generator = count()
    seen.append(next(generator))
    seen.append(generator.send("a"))
    seen.append(generator.throw(KeyError("b")))
    seen.append(attempt(lambda: next(generator)))
    another = count()
    next(another)
    another.close()
    return seen, torch.is_grad_enabled()


@program
def reused(torch: Any, attempt: Any) -> Any:
    context = torch.no_grad()
    seen = []
    for _ in range(2):
        with context:
            seen.append(torch.is_grad_enabled())
    seen.append(torch.is_grad_enabled())
    return seen


def test_modes_are_per_thread() -> None:
    seen = []
    with corelib.no_grad(), corelib.inference_mode():
        thread = threading.Thread(
            target=lambda: seen.append((corelib.is_grad_enabled(), corelib.is_inference_mode_enabled()))
        )
        thread.start()
        thread.join()
    assert seen == [(True, False)]
