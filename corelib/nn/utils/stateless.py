"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...tensor import Tensor
from ..modules.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with these tensors, by dotted name, in place of its parameters and buffers.

    The module itself is left as it was.  With ``tie_weights`` a tensor given for one name of a shared parameter
    replaces it under its other names too; with ``strict`` all names must be given, and no others.

    Raises:
        ValueError: a key in several dicts, or different tensors for one shared parameter.
        RuntimeError: where ``strict`` and names are missing or unexpected.
    """
    if isinstance(parameter_and_buffer_dicts, Mapping):
        given = dict(parameter_and_buffer_dicts)
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        keys = [key for one in parameter_and_buffer_dicts for key in one]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {key: value for one in parameter_and_buffer_dicts for key, value in one.items()}
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, "
            f"but got {type(parameter_and_buffer_dicts)}"
        )
    own = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))  # type: ignore[arg-type]
    if tie_weights:
        given = _tied(given, own)
    if strict:
        _check_names(module, given, own)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    replaced: list[tuple[dict[str, Any], str, Any, bool]] = []
    try:
        for name, value in given.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"{value} is not an instance of torch.Tensor")
            path, _, last = name.rpartition(".")
            holder = module.get_submodule(path)
            for registry in (holder._parameters, holder._buffers):
                if last in registry:
                    replaced.append((registry, last, registry[last], True))
                    registry[last] = value  # type: ignore[assignment]
                    break
            else:
                replaced.append((holder.__dict__, last, holder.__dict__.get(last), last in holder.__dict__))
                holder.__dict__[last] = value
        return module(*args, **(kwargs or {}))
    finally:
        for registry, last, old, present in reversed(replaced):
            if present:
                registry[last] = old
            else:
                registry.pop(last, None)


def _check_names(module: Module, given: dict[str, Tensor], own: Mapping[str, Tensor]) -> None:
    missing, unexpected = [k for k in own if k not in given], [k for k in given if k not in own]
    if missing or unexpected:
        texts = [
            f"{kind} key(s): {', '.join(map(repr, keys))}."
            for kind, keys in (("Unexpected", unexpected), ("Missing", missing))
            if keys
        ]
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(texts))


def _tied(given: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``given`` with the other names of shared tensors."""
    names: dict[int, list[str]] = {}
    for name, value in own.items():
        names.setdefault(id(value), []).append(name)
    result = dict(given)
    for group in names.values():
        values = [given[name] for name in group if name in given]
        if len(group) > 1 and values:
            if any(value is not values[0] for value in values):
                raise ValueError(
                    f"functional_call got multiple values for keys {sorted(n for n in group if n in given)}, "
                    "which are tied. Consider using tie_weights=False"
                )
            result.update(dict.fromkeys(group, values[0]))
    return result
