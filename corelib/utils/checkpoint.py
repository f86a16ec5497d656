"""Activation checkpointing: keep a function's inputs, and run it again in backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..autograd import Function, enable_grad
from ..autograd import backward as run_backward
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor

__all__ = ["checkpoint", "checkpoint_sequential"]

Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


def _no_contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    return nullcontext(), nullcontext()


class _Checkpoint(Function):
    """Forward without history; backward runs the function again, with the same random numbers, and through it."""

    @staticmethod
    def forward(ctx: Any, run: Any, preserve: bool, contexts: Contexts, kwargs: dict[str, Any], *args: Any) -> Any:
        ctx.run, ctx.kwargs, ctx.random = run, kwargs, get_rng_state() if preserve else None
        ctx.tensors = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.rest = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*[args[i] for i in ctx.tensors])
        outside, ctx.again = contexts()
        with outside:
            return run(*args, **kwargs)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        args = list(ctx.rest)
        for i, saved in zip(ctx.tensors, ctx.saved_tensors, strict=True):
            args[i] = saved.detach().requires_grad_(saved.requires_grad)
        now = get_rng_state()
        try:
            if ctx.random is not None:
                set_rng_state(ctx.random)
            with enable_grad(), ctx.again:
                outputs = ctx.run(*args, **ctx.kwargs)
        finally:
            if ctx.random is not None:
                set_rng_state(now)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        wanted = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        run_backward([o for o, _ in wanted], [g for _, g in wanted])
        return None, None, None, None, *[a.grad if isinstance(a, Tensor) else None for a in args]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Contexts = _no_contexts,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)`` that keeps only its arguments, and computes the rest again in backward.

    Gradients reach tensors among ``args``, and parameters that the function uses.  Both of PyTorch's forms
    (``use_reentrant``) are the same here.  The function must compute the same when it is run again; with
    ``preserve_rng_state`` it draws the same random numbers.
    """
    if any(isinstance(a, Tensor) and a.requires_grad for a in args):
        return _Checkpoint.apply(function, preserve_rng_state, context_fn, kwargs, *args)
    if use_reentrant:
        return _Checkpoint.apply(function, preserve_rng_state, context_fn, kwargs, *args)
    # only parameters want gradients: an input of no elements carries the history
    carrier = Tensor().requires_grad_()
    return _Checkpoint.apply(
        lambda _, *rest, **named: function(*rest, **named), preserve_rng_state, context_fn, kwargs, carrier, *args
    )


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run modules one after the other in ``segments`` parts, checkpointing all parts but the last."""
    modules: Sequence[Any] = list(functions)

    def part(start: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for module in modules[start:end]:
                x = module(x)
            return x

        return run

    size = len(modules) // segments
    for i in range(segments - 1):
        input = checkpoint(part(i * size, (i + 1) * size), input, use_reentrant=use_reentrant, **kwargs)
    return part((segments - 1) * size, len(modules))(input)
