"""Backward hooks of modules: an identity node before the module and one behind it, whose own hooks call the user's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...autograd import Function, is_grad_enabled
from ...tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

__all__ = ["BackwardHooks", "add_legacy_hooks"]


class BackwardHookFunction(Function):
    """The identity: one node for several tensors."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        ctx.mark_non_differentiable(*[arg for arg in args if not arg.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads


class BackwardHooks:
    """The hooks of one call of a module: :meth:`enter` wraps the arguments, :meth:`leave` the result.

    What is no tensor is None in what the hooks see.
    """

    def __init__(self, module: Module, hooks: Iterable[Any], pre_hooks: Iterable[Any]) -> None:
        self.module = module
        self.hooks = list(hooks)
        self.pre_hooks = list(pre_hooks)
        self.grad_outputs: Any = None
        self.inputs: list[int] | None = None  # which arguments are tensors; None: no input requires a gradient
        self.outputs: list[int] | None = None
        self.input_count = self.output_count = 0

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.input_count = len(args)
        args, self.inputs = _through_node(args, self._at_inputs)
        return args

    def leave(self, result: Any) -> Any:
        if not isinstance(result, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                f" but received {type(result)}",
                stacklevel=4,
            )
        results = result if isinstance(result, tuple) else (result,)
        self.output_count = len(results)
        results, self.outputs = _through_node(results, self._at_outputs)
        return results if isinstance(result, tuple) else results[0]

    def _at_inputs(self, grad_input: Any, grad_output: Any) -> Any:
        if self.grad_outputs is None:  # the gradient came another way, in a double backward for instance
            return None
        assert self.inputs is not None
        found = _spread(self.inputs, grad_input, self.input_count)
        for hook in self.hooks:
            changed = hook(self.module, found, self.grad_outputs)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple | list) else (changed,)
            if len(changed) != len(found):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {len(found)}"
                )
            found = tuple(changed)
        self.grad_outputs = None
        return tuple([found[i] for i in self.inputs])

    def _at_outputs(self, grad_input: Any, grad_output: Any) -> Any:
        assert self.outputs is not None
        found = _spread(self.outputs, grad_output, self.output_count)
        for hook in self.pre_hooks:
            changed = hook(self.module, found)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple | list) else (changed,)
            if len(changed) != len(found):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {len(found)}"
                )
            found = tuple(changed)
        self.grad_outputs = found
        if self.inputs is None:
            self._without_inputs()
        return tuple([found[i] for i in self.outputs])

    def _without_inputs(self) -> None:
        if self.hooks:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module outputs since no "
                "inputs require gradients. See "
                "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
                "#torch.nn.Module.register_full_backward_hook for more details.",
                stacklevel=5,
            )
        for hook in self.hooks:
            changed = hook(self.module, (None,) * self.input_count, self.grad_outputs)
            if changed is not None and not (isinstance(changed, tuple) and all(c is None for c in changed)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires "
                    "gradient should always return None or None for all gradients."
                )
        self.grad_outputs = None


def _spread(places: list[int], values: Any, count: int) -> tuple[Any, ...]:
    result = [None] * count
    for place, value in zip(places, values, strict=True):
        result[place] = value
    return tuple(result)


def _through_node(values: tuple[Any, ...], hook: Callable[..., Any]) -> tuple[tuple[Any, ...], list[int] | None]:
    """The values with their tensors behind a node that has this hook, and the places of those tensors."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return values, None
    tensors = BackwardHookFunction.apply(*[values[i] for i in places])
    node = next(t.grad_fn for t in tensors if t.grad_fn is not None)
    node.register_hook(hook)
    result = list(values)
    for place, tensor in zip(places, tensors, strict=True):
        result[place] = tensor
    again = type(values)(*result) if type(values) is not tuple else tuple(result)
    return again, places


def add_legacy_hooks(module: Module, hooks: Iterable[Any], result: Any) -> None:
    """Hooks of ``register_backward_hook``: on the node of the (first) result."""
    value = result
    while not isinstance(value, Tensor):
        value = next(v for v in value.values() if isinstance(v, Tensor)) if isinstance(value, dict) else value[0]
    if value.grad_fn is not None:
        for hook in hooks:
            value.grad_fn.register_hook(lambda grad_in, grad_out, hook=hook: hook(module, grad_in, grad_out))
