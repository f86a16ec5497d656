"""Calling a module that has hooks: the slow road beside ``Module.__call__``'s straight one."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from . import _global_hooks as all_modules
from ._backward_hooks import BackwardHooks, add_legacy_hooks

if TYPE_CHECKING:
    from .module import Module

__all__ = ["call_with_hooks"]


def call_with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward`` with its pre-hooks before and its hooks after, as PyTorch orders them.

    When forward or a hook raises, the hooks registered with ``always_call=True`` that have not run yet still run.
    """
    called: set[int] = set()
    result = None
    try:
        args, kwargs = _run_pre_hooks(module, args, kwargs)
        full, legacy, before = _backward_hooks(module)
        backward = BackwardHooks(module, full, before) if full or before else None
        if backward is not None:
            args = backward.enter(args)
        result = module.forward(*args, **kwargs)
        for hook_id, hook in [*all_modules.forward_hooks.items(), *module._forward_hooks.items()]:
            called.add(hook_id)
            changed = _run_hook(module, hook_id, hook, args, kwargs, result)
            if changed is not None:
                result = changed
        if backward is not None:
            result = backward.leave(result)
        if legacy:
            add_legacy_hooks(module, legacy, result)
    except Exception:
        own, common = module._forward_hooks_always_called, all_modules.always_called
        for hook_id, hook in [*all_modules.forward_hooks.items(), *module._forward_hooks.items()]:
            if (hook_id in own or hook_id in common) and hook_id not in called:
                try:
                    _run_hook(module, hook_id, hook, args, kwargs, result)
                except Exception as error:  # the first error is the one to report
                    kind = "global module" if hook_id in common else "module"
                    warnings.warn(
                        f"{kind} forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}",
                        stacklevel=3,
                    )
        raise
    return result


def _backward_hooks(module: Module) -> tuple[list[Any], list[Any], list[Any]]:
    """The full hooks, the legacy ones, and those before backward."""
    own = list(module._backward_hooks.values())
    full = [*all_modules.backward_hooks.values(), *(own if module._is_full_backward_hook is True else ())]
    legacy = [*all_modules.legacy_backward_hooks.values(), *(own if module._is_full_backward_hook is False else ())]
    return full, legacy, [*all_modules.backward_pre_hooks.values(), *module._backward_pre_hooks.values()]


def _run_pre_hooks(
    module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for hook_id, hook in [*all_modules.forward_pre_hooks.items(), *module._forward_pre_hooks.items()]:
        if hook_id in module._forward_pre_hooks_with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def _run_hook(
    module: Module, hook_id: int, hook: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    if hook_id in module._forward_hooks_with_kwargs or hook_id in all_modules.takes_kwargs:
        return hook(module, args, kwargs, result)
    return hook(module, args, result)
