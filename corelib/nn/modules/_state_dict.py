"""state_dict and load_state_dict: what ``Module``'s methods of these names do."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ...autograd import no_grad
from ...tensor import Tensor
from ..parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module

__all__ = ["_IncompatibleKeys", "load_into", "load_own", "save_own"]

EXTRA_STATE = "_extra_state"  # the key under which get_extra_state's result is kept


class _Keys(NamedTuple):
    missing_keys: list[str]
    unexpected_keys: list[str]


class _IncompatibleKeys(_Keys):
    """What ``load_state_dict`` returns: keys that were not there, and keys that nothing wanted."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def persistent_state(module: Module) -> dict[str, Tensor]:
    """The module's own parameters and persistent buffers that are not None."""
    state: dict[str, Tensor] = {name: p for name, p in module._parameters.items() if p is not None}
    for name, buffer in module._buffers.items():
        if buffer is not None and name not in module._non_persistent_buffers_set:
            state[name] = buffer
    return state


def save_own(module: Module, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
    """Put the module's own state, children left out, into ``destination``."""
    for name, value in persistent_state(module).items():
        destination[prefix + name] = value if keep_vars else value.detach()
    if _has(module, "get_extra_state"):
        destination[prefix + EXTRA_STATE] = module.get_extra_state()


def load_own(
    module: Module,
    state_dict: Mapping[str, Any],
    prefix: str,
    local_metadata: dict[str, Any],
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Copy the entries of ``state_dict`` under ``prefix`` into the module's own parameters and buffers.

    What is wrong is appended to the three lists, and nothing raised, so that the user sees all of it at once.
    """
    for hook in module._load_state_dict_pre_hooks.values():
        hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    local_state = persistent_state(module)
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, own in local_state.items():
        key = prefix + name
        if key not in state_dict:
            if strict:
                missing_keys.append(key)
            continue
        error = _load_tensor(module, name, own, key, state_dict[key], assign)
        if error:
            error_msgs.append(error)

    extra_key = prefix + EXTRA_STATE
    if _has(module, "set_extra_state"):
        if extra_key in state_dict:
            module.set_extra_state(state_dict[extra_key])
        elif strict:
            missing_keys.append(extra_key)
    elif strict and extra_key in state_dict:
        unexpected_keys.append(extra_key)

    if strict:
        for key in state_dict:
            if key.startswith(prefix) and key != extra_key:
                first, *rest = key[len(prefix) :].split(".", 1)
                if first not in (module._modules if rest else local_state):
                    unexpected_keys.append(key)


def _load_tensor(module: Module, name: str, own: Tensor, key: str, given: Any, assign: bool) -> str | None:
    """Load one entry; what went wrong, in words, or None."""
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", '
            "expected torch.Tensor or Tensor-like object from checkpoint but "
            f"received {type(given)}"
        )
    if is_lazy(own) and is_lazy(given):
        return None
    if given.shape != own.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    try:
        with no_grad():
            if not assign:
                own.copy_(given)
            elif isinstance(own, Parameter) and not isinstance(given, Parameter):
                setattr(module, name, Parameter(given, own.requires_grad))
            else:
                setattr(module, name, given.requires_grad_(own.requires_grad))
    except Exception as error:  # reported with all others by load_state_dict
        return (
            f'While copying the parameter named "{key}", '
            f"whose dimensions in the model are {own.size()} and "
            f"whose dimensions in the checkpoint are {given.size()}, "
            f"an exception occurred : {error.args}."
        )
    return None


def load_into(root: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> _IncompatibleKeys:
    """``root.load_state_dict(state_dict, strict, assign)``."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    metadata = getattr(state_dict, "_metadata", None) or {}
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []

    def load(module: Module, entries: dict[str, Any], prefix: str) -> None:
        local_metadata = dict(metadata.get(prefix[:-1], {}))
        if assign:
            local_metadata["assign_to_params_buffers"] = True
        module._load_from_state_dict(entries, prefix, local_metadata, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                child_prefix = f"{prefix}{name}."
                load(child, {k: v for k, v in entries.items() if k.startswith(child_prefix)}, child_prefix)
        result = _IncompatibleKeys(missing, unexpected)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, result) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                    "expected to return new values, if incompatible_keys need to be modified, "
                    "it should be done inplace."
                )

    load(root, OrderedDict(state_dict), "")  # a copy, which _load_from_state_dict may change
    if strict:
        for kind, keys in (("Unexpected", unexpected), ("Missing", missing)):
            if keys:
                errors.insert(0, f"{kind} key(s) in state_dict: " + ", ".join(f'"{k}"' for k in keys) + ". ")
    if errors:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(root).__name__}:\n\t" + "\n\t".join(errors))
    return _IncompatibleKeys(missing, unexpected)


def _has(module: Module, method: str) -> bool:
    """Whether the module's class overrides this method of Module."""
    from .module import Module

    return getattr(type(module), method) is not getattr(Module, method)
