"""Hooks of all modules at once: for debugging and profiling."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ...utils.hooks import RemovableHandle, add_hook

__all__ = [
    "register_module_backward_hook", "register_module_buffer_registration_hook", "register_module_forward_hook",
    "register_module_forward_pre_hook", "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook", "register_module_parameter_registration_hook",
]  # fmt: skip

Hooks = OrderedDict[int, Any]

called: Hooks = OrderedDict()
"""Flags of all hooks that run in a call: while there are none, a call goes its straight way."""
forward_pre_hooks: Hooks = OrderedDict()
forward_hooks: Hooks = OrderedDict()
takes_kwargs: Hooks = OrderedDict()
always_called: Hooks = OrderedDict()
backward_pre_hooks: Hooks = OrderedDict()
backward_hooks: Hooks = OrderedDict()
legacy_backward_hooks: Hooks = OrderedDict()
buffer_registration_hooks: Hooks = OrderedDict()
module_registration_hooks: Hooks = OrderedDict()
parameter_registration_hooks: Hooks = OrderedDict()
_ONE_KIND = (
    "Cannot use both regular backward hooks and full backward hooks as a global Module hook. Please use only one of "
    "them."
)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module, before the module's own hooks."""
    return add_hook(forward_pre_hooks, hook, flags=[called])


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module, before the module's own hooks."""
    flags = [called]
    if with_kwargs:
        flags.append(takes_kwargs)
    if always_call:
        flags.append(always_called)
    return add_hook(forward_hooks, hook, flags=flags)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the gradients of every module's inputs are computed."""
    return add_hook(backward_pre_hooks, hook, flags=[called])


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` once the gradients of a module's inputs are there."""
    if legacy_backward_hooks:
        raise RuntimeError(_ONE_KIND)
    return add_hook(backward_hooks, hook, flags=[called])


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Deprecated: as the full hook, but it sees only the last operation of the module."""
    if backward_hooks:
        raise RuntimeError(_ONE_KIND)
    return add_hook(legacy_backward_hooks, hook, flags=[called])


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a buffer is registered; what it returns, if not None, is used."""
    return add_hook(buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever a child is registered; what it returns replaces it."""
    return add_hook(module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` whenever a parameter is registered; what it returns replaces it."""
    return add_hook(parameter_registration_hooks, hook)


def registered(hooks: Hooks, module: Any, name: str, value: Any) -> Any:
    """``value`` after the registration hooks."""
    for hook in list(hooks.values()):
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value
