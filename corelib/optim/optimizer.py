"""Optimizer: parameter groups, state and its dict form, hooks; subclasses say how one group is updated."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from ..autograd import enable_grad
from ..dtypes import float32
from ..state import local
from ..tensor import Tensor
from ..utils.hooks import RemovableHandle, add_hook

__all__ = [
    "Optimizer",
    "ParamsT",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]

_every_step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_every_step_post_hooks: OrderedDict[int, Any] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer; it may return new ones."""
    return add_hook(_every_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return add_hook(_every_step_post_hooks, hook)


class Optimizer:
    """Base class of optimizers.

    Args:
        params: tensors, pairs of name and tensor, or dicts with "params" and options of their own.
        defaults: options for the groups that do not give them.

    A subclass defines :meth:`update_group`, or overrides :meth:`step` altogether, as in PyTorch.

    Attributes:
        param_groups: dicts with "params" (a list) and the options, which may be changed at any time.
        state: per parameter, a dict of what the optimizer keeps for it.
    """

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.defaults = defaults
        self._make_hooks()
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        self._step_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._load_state_dict_pre_hooks: OrderedDict[int, Any] = OrderedDict()
        self._load_state_dict_post_hooks: OrderedDict[int, Any] = OrderedDict()
        self._in_step = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """A step function that runs the hooks; ``step`` of every subclass is made so without being asked."""
        return _with_hooks(func)

    # -- stepping

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients again; called first.

        Returns:
            What the closure returned, or None.
        """
        if not self._in_step and _has_hooks(self):
            return _step_with_hooks(Optimizer.step, self, (closure,), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        previous, local.grad = local.grad, False
        try:
            for group in self.param_groups:
                self.update_group(group)
        finally:
            local.grad = previous
        return loss

    def update_group(self, group: dict[str, Any]) -> None:
        """Update the parameters of one group in place; called under ``no_grad``."""
        raise NotImplementedError(f'Optimizer [{type(self).__name__}] is missing the required "update_group" function')

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                if set_to_none:
                    param.grad = None
                else:
                    param.grad.detach_()
                    param.grad.zero_()

    # -- groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with "params" and those options that differ from the defaults.

        Raises:
            TypeError: for what is no tensor, or for a set, whose order is not defined.
            ValueError: for a tensor that is no leaf, or that another group has.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. Please use a list instead."
            )
        given = [params] if isinstance(params, Tensor) else list(params)
        names = [item[0] for item in given if isinstance(item, tuple)]
        if names and len(names) != len(given):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        params = [item[1] for item in given] if names else given
        param_group["params"] = params
        if names:
            param_group["param_names"] = names

        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in group) != bool(names):
                kind = "with names" if names else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} to the optimizer"
                )
        taken = {param for group in self.param_groups for param in group["params"]}
        if not taken.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    # -- state

    def state_dict(self) -> dict[str, Any]:
        """The state as ``{"state": {index: {...}}, "param_groups": [...]}``, PyTorch's format.

        Parameters are named by their position; tensors are references, not copies.
        """
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        positions: dict[int, int] = {}
        groups = []
        count = 0
        for group in self.param_groups:
            packed = {name: value for name, value in group.items() if name != "params"}
            for position, param in enumerate(group["params"], count):
                positions.setdefault(id(param), position)
            packed["params"] = [positions[id(param)] for param in group["params"]]
            count += len(packed["params"])
            groups.append(packed)
        state = {positions[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state and the options of ``state_dict``, which stays as it is.

        Tensors are moved to the device, and floating ones (but for "step") to the dtype, of their parameter.

        Raises:
            ValueError: where the groups do not match in number or size.
        """
        state_dict = state_dict.copy()
        for hook in self._load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        params: dict[int, tuple[Tensor, dict[str, Any]]] = {}
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
            for param, position in zip(group["params"], saved["params"], strict=True):
                params[position] = (param, saved)

        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                param, saved = params[key]
                state[param] = _adapt(value, param, bool(saved.get("capturable") or saved.get("fused")), None)
            else:
                state[key] = value
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "_step_pre_hooks" not in self.__dict__:  # unpickled: hooks are not kept
            self._make_hooks()

    # -- hooks

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before every step; it may return new ``(args, kwargs)``."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after every step."""
        return add_hook(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return add_hook(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; what it returns, if not None, is the result."""
        return add_hook(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; what it returns, if not None, is loaded."""
        return add_hook(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return add_hook(self._load_state_dict_post_hooks, hook, prepend)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"


def _has_hooks(optimizer: Optimizer) -> bool:
    own = optimizer._step_pre_hooks or optimizer._step_post_hooks
    return bool(own or _every_step_pre_hooks or _every_step_post_hooks)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A subclass's own ``step``, made to run the optimizer's step hooks."""

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._in_step or not _has_hooks(self):
            return step(self, *args, **kwargs)
        return _step_with_hooks(step, self, args, kwargs)

    return wrapper


def _step_with_hooks(
    step: Callable[..., Any], optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run ``step`` between the optimizer's hooks; a step that it calls in turn (``super().step()``) runs none."""
    arguments: tuple[Any, ...] = (optimizer, *args)
    optimizer._in_step = True
    try:
        for hook in [*_every_step_pre_hooks.values(), *optimizer._step_pre_hooks.values()]:
            changed = hook(optimizer, arguments, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                arguments, kwargs = changed
        result = step(*arguments, **kwargs)
        for hook in [*optimizer._step_post_hooks.values(), *_every_step_post_hooks.values()]:
            hook(optimizer, arguments, kwargs)
    finally:
        optimizer._in_step = False
    return result


def _adapt(value: Any, param: Tensor, step_on_device: bool, key: Any) -> Any:
    """Loaded state as the parameter needs it, tensors moved and converted, containers copied."""
    if isinstance(value, Tensor):
        if key == "step":
            if step_on_device:
                return value.to(dtype=float32, device=param.device, copy=True)
            return value.to(device="cpu", copy=True)  # it is read every step
        dtype = param.dtype if param.is_floating_point() else value.dtype
        # A copy in any case: two optimizers that loaded one dict must not share their state.
        return value.to(device=param.device, dtype=dtype, copy=True)
    if isinstance(value, dict):
        return {k: _adapt(v, param, step_on_device, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_adapt(v, param, step_on_device, None) for v in value)
    return value
