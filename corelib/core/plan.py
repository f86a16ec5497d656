"""Planning: from a signature to how it runs.

A call's *signature* is the tuple of its operands' layouts (or number classes) and its parameters.  The
primitive's rule runs once per signature; what it answers, the backend's kernel table and what operands
need first (a cast, a copy, a broadcast) become a :class:`Plan`, which is kept until a table changes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any

from ..backend.base import Backend
from ..backend.errors import UnsupportedPrimitive
from ..backend.registry import registry
from ..device import Device
from ..dtypes import dtype, on_default_change
from ..layout import Layout
from ..state import local
from .late import late
from .tensor import NUMBERS, TENSORS, Tensor, fresh

__all__ = ["Plan", "Result", "check_dtype", "clear_plans", "new_plans", "plan_for", "wrap_integer"]

_LIMIT = 4096  # plans kept per primitive
_ALL: list[dict[Any, Any]] = []  # every primitive's plans, to clear when a kernel table changes


class Result:
    """What a rule answers.

    Attributes:
        layout: of the result; a tuple where the primitive has several (None for one that is not asked for).
        statics: the parameters, normalized, as the kernel gets them.
        cast: per operand, the dtype it is converted to before the kernel (None: as it is).
        expand: the shape to which tensor operands are broadcast (None: as they are).
        offset: for view primitives, elements added to the storage offset.
        number: called with each operand that is a Python number, after conversion, and its position; returns it or
            raises (for values that a kernel must never see).
    """

    __slots__ = ("cast", "expand", "layout", "number", "offset", "statics")

    def __init__(
        self,
        layout: Layout | tuple[Layout | None, ...],
        statics: tuple[Any, ...] = (),
        *,
        cast: tuple[dtype | None, ...] | None = None,
        expand: tuple[int, ...] | None = None,
        offset: int = 0,
        number: Callable[[Any, int], Any] | None = None,
    ) -> None:
        self.layout = layout
        self.statics = statics
        self.cast = cast
        self.expand = expand
        self.offset = offset
        self.number = number


class Plan:
    """How to run one signature.

    ``kernel`` takes arrays and numbers and returns an array (``kernel(*arrays, *statics)``); where it is
    None, ``run`` takes the operands themselves and returns tensors without history.
    """

    __slots__ = ("differentiable", "kernel", "layout", "offset", "out", "owner", "run", "statics", "writes")

    kernel: Callable[..., Any] | None
    run: Callable[..., Any] | None
    layout: Any
    statics: tuple[Any, ...]
    differentiable: bool
    out: bool  # kernel accepts out=
    writes: bool  # the kernel can write its result in place, with nothing else to do
    owner: str
    offset: int


def clear_plans() -> None:
    """Forget every plan: a kernel table, the default dtype or the fallback switch has changed."""
    for plans in _ALL:
        plans.clear()


registry.on_change.append(clear_plans)
on_default_change.append(clear_plans)


def new_plans() -> dict[Any, Any]:
    """The plan cache of one primitive."""
    plans: dict[Any, Any] = {}
    _ALL.append(plans)
    return plans


# -- planning


def _layouts(descriptors: tuple[Any, ...]) -> list[Layout]:
    found = []
    for d in descriptors:
        if d.__class__ is Layout:
            found.append(d)
        elif d.__class__ is tuple:
            found.extend(d)
    return found


def common_device(prim: Any, descriptors: tuple[Any, ...]) -> Device | None:
    """The one device of the operands; a 0-d CPU tensor yields to another device where the primitive allows."""
    layouts = _layouts(descriptors)
    if not layouts:
        return None
    device = layouts[0].device
    for layout in layouts[1:]:
        if layout.device is device:
            continue
        if prim.scalars_mix and layout.device.type == "cpu" and not layout.shape:
            continue
        if prim.scalars_mix and device.type == "cpu" and all(not x.shape for x in layouts if x.device is device):
            device = layout.device
            continue
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{device} and {layout.device}! (when checking arguments in {prim.name}; move one with .to(...))"
        )
    return device


def plan_for(prim: Any, key: Any, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> Plan:
    """The plan of a signature that is not cached yet; errors of the rule are the user's to see."""
    descriptors = tuple([_describe(prim, i, x) for i, x in enumerate(operands)])
    device = common_device(prim, descriptors)
    result = prim.rule(*descriptors, *statics)
    plan = Plan()
    plan.layout, plan.statics, plan.offset = result.layout, result.statics, result.offset
    plan.out, plan.owner, plan.run, plan.kernel = False, "", None, None
    outputs = tuple([o for o in result.layout if o is not None]) if type(result.layout) is tuple else (result.layout,)
    plan.differentiable = prim.differentiable and any(o.dtype.category >= 2 for o in outputs)
    backend = None
    if prim.kind == "host":  # between devices: no backend is asked for a kernel
        plan.run, plan.owner = _decomposed(prim, descriptors, result), "frontend"
    elif prim.kind != "view":
        backend = registry.get((device or outputs[0].device).type)
        for o in outputs:
            check_dtype(backend, o)
        _choose(prim, plan, backend, descriptors, result, device)
    plan.writes = plan.kernel is not None and plan.out and backend is not None and backend.mutable and not prim.draws
    plans = prim.plans
    if len(plans) >= _LIMIT:
        plans.clear()
    if key is not None:
        plans[key] = plan
    return plan


def check_dtype(backend: Backend, layout: Layout) -> None:
    """Refuse a dtype that the device cannot hold (it is never narrowed)."""
    if not backend.device_supports(layout.dtype, layout.device.index or 0):
        raise TypeError(
            f"device {layout.device} does not support {layout.dtype}: use another dtype or device "
            "(a dtype is refused, never narrowed)"
        )


def _describe(prim: Any, position: int, operand: Any) -> Any:
    cls = operand.__class__
    if cls in TENSORS:
        return operand._layout
    if cls in NUMBERS:
        return cls
    if operand is None:
        return None
    if cls is tuple or cls is list:
        for i, x in enumerate(operand):
            if x.__class__ not in TENSORS:
                raise TypeError(
                    f"expected Tensor as element {i} in argument {position}, but got {type(x).__name__}"
                    if prim.name in ("cat", "stack")
                    else f"{prim.name}(): argument '{prim.operands[position]}' must be a sequence of Tensors, "
                    f"but element {i} is {type(x).__name__}"
                )
        return tuple([x._layout for x in operand])
    return operand


def _choose(
    prim: Any, plan: Plan, backend: Backend, descriptors: tuple[Any, ...], result: Result, device: Device | None
) -> None:
    if backend.name == "meta":  # the rule has run, which is all there is to do
        nothing = tuple([None] * len(result.layout)) if type(result.layout) is tuple else None
        plan.kernel, plan.owner, plan.out = (lambda *args, **out: nothing), "meta", True
        return
    entry = first = backend.kernels.get(prim.name)
    compute = _compute_dtype(descriptors, result)
    while entry is not None:
        if compute in entry.dtypes and (entry.predicate is None or entry.predicate(*descriptors, *result.statics)):
            function = entry.function
            adapters = [_adapter(backend, entry.layout, i, d, result, device) for i, d in enumerate(descriptors)]
            plan.owner = entry.owner or backend.name
            plan.out = entry.out
            plan.kernel = function if not any(adapters) else _adapted(function, adapters)
            return
        entry = entry.otherwise
    if prim.decomposition is not None:
        plan.run = _decomposed(prim, descriptors, result)
        plan.owner = "decomposition"
        return
    if registry.cpu_fallback and backend.name != "cpu":
        plan.run = _on_cpu(prim, backend, result)
        plan.owner = "cpu (fallback)"
        return
    raise UnsupportedPrimitive(
        f"no kernel for primitive '{prim.name}' with dtype {compute} on device type '{backend.name}'"
        + (f" (it has one for {', '.join(sorted(d.name for d in first.dtypes))})" if first is not None else "")
        + "; add one with Backend.register or a kernel pack, or allow the CPU to help with "
        "corelib.backend.set_cpu_fallback(True)"
    )


def _compute_dtype(descriptors: tuple[Any, ...], result: Result) -> dtype:
    """What a kernel's ``dtypes`` are asked about: the dtype operands are converted to (so for ``where`` that of
    the values, not of the condition), else that of the first array, else the result's."""
    for target in result.cast or ():
        if target is not None:
            return target
    outputs = result.layout if isinstance(result.layout, tuple) else (result.layout,)
    return (_layouts(descriptors) or [o for o in outputs if o is not None])[0].dtype


def wrap_integer(value: int, target: dtype) -> int:
    """The value as it is in an integer dtype: wrapped for narrow ones, an error beyond int64, as PyTorch."""
    if not -(1 << 63) <= value < (1 << 63):
        raise RuntimeError(f"value cannot be converted to type int64_t without overflow: {value}")
    bits = 8 * target.itemsize
    value &= (1 << bits) - 1
    return value - (1 << bits) if target.is_signed and value >> (bits - 1) else value


def _number_adapter(number_class: type, target: dtype) -> Callable[[Any], Any] | None:
    if target.category == 3:
        return None if number_class is complex else complex
    if target.category == 2:
        return None if number_class is float else float
    if target.category == 1:
        return lambda value: wrap_integer(int(value), target)
    return None if number_class is bool else bool


def _adapter(
    backend: Backend, wanted_layout: str, i: int, d: Any, result: Result, device: Device | None
) -> Callable[[Any], Any] | None:
    """What must happen to operand ``i`` before the kernel sees it; None for nothing."""
    target = result.cast[i] if result.cast is not None else None
    if d.__class__ is type:
        convert = _number_adapter(d, target) if target is not None else None
        check = result.number
        if check is None:
            return convert
        return lambda value: check(value if convert is None else convert(value), i)
    if d.__class__ is tuple:
        each = [_adapter(backend, wanted_layout, i, x, result, device) for x in d]
        if not any(each):
            return None
        return lambda arrays: [f(a) if f else a for f, a in zip(each, arrays, strict=True)]
    if d.__class__ is not Layout:
        return None
    if d.device is not device and device is not None:  # a 0-d CPU tensor among another device's: an immediate
        host = registry.get("cpu")
        number = _number_adapter((bool, int, float, complex)[d.dtype.category], target) if target else None
        return lambda array: (number or (lambda v: v))(host.download(array, d).item())
    steps: list[Callable[[Any], Any]] = []
    layout = d
    copy = backend.kernels["copy"].function if wanted_layout == "contiguous" else None
    expands = result.expand is not None and tuple(d.shape) != tuple(result.expand) and not backend.broadcasts
    if target is not None and target is not d.dtype:
        cast = backend.kernels["cast"]
        if cast.layout == "contiguous" and not d.contiguous:
            steps.append(backend.kernels["copy"].function)
        steps.append(lambda array: cast.function(array, target))
        layout = d.with_dtype(target)
    elif copy is not None and not d.contiguous and not expands:
        steps.append(copy)
    if expands:
        steps.append(_expander(backend, layout, result.expand))  # type: ignore[arg-type]
        if copy is not None and backend.strided:
            steps.append(copy)
    if len(steps) < 2:
        return steps[0] if steps else None
    return lambda array: reduce(lambda value, step: step(value), steps, array)


def broadcast_strides(layout: Layout, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides that show ``layout`` as the larger ``shape`` (0 where a dimension is repeated)."""
    missing = len(shape) - len(layout.shape)
    return (0,) * missing + tuple(
        [0 if size == 1 and shape[missing + i] != 1 else stride
         for i, (size, stride) in enumerate(zip(layout.shape, layout.strides, strict=True))]
    )  # fmt: skip


def _expander(backend: Backend, layout: Layout, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    target = Layout.of(shape, layout.dtype, layout.device, broadcast_strides(layout, shape))
    if backend.strided:
        return lambda array: backend.as_strided(array, target, 0)
    from .tensor import strided_indices

    dense = Layout.of(shape, layout.dtype, layout.device, broadcast_strides(layout.dense, shape))
    indices = strided_indices(dense, 0)
    return lambda array: backend.take(array, indices, target.dense)


def _adapted(function: Callable[..., Any], adapters: list[Any]) -> Callable[..., Any]:
    if len(adapters) == 2:
        f, g = adapters
        if f is None:
            return lambda a, b, *rest, **out: function(a, g(b), *rest, **out)
        if g is None:
            return lambda a, b, *rest, **out: function(f(a), b, *rest, **out)
    count = len(adapters)

    def kernel(*args: Any, **out: Any) -> Any:
        adapted = [x if f is None else f(x) for f, x in zip(adapters, args[:count], strict=True)]
        return function(*adapted, *args[count:], **out)

    return kernel


def _decomposed(prim: Any, descriptors: tuple[Any, ...], result: Result) -> Callable[..., Any]:
    """Run the decomposition below autograd; halves compute in float32 and are rounded once."""
    from ..dtypes import float32

    decomposition = prim.decomposition
    targets: list[dtype | None] = []
    widened = False
    for i, d in enumerate(descriptors):
        target = result.cast[i] if result.cast is not None else None
        if d.__class__ is Layout:
            if prim.widen and (target or d.dtype).is_half:
                target, widened = float32, True
            targets.append(target if target is not d.dtype else None)
        else:
            targets.append(None)
    outputs: tuple[Any, ...] = result.layout if isinstance(result.layout, tuple) else (result.layout,)
    statics = result.statics

    def run(*operands: Any) -> Any:
        cast = late.cast
        grad, modes, within = local.grad, local.modes, local.within
        local.grad, local.modes, local.within = False, [m for p, m in within if p is prim], ()
        try:
            inputs = [cast(x, t) if t is not None else x for x, t in zip(operands, targets, strict=True)]
            got = decomposition(*inputs, *statics)
            if widened:
                if type(got) is tuple:
                    got = tuple([None if o is None else cast(g, o.dtype) for g, o in zip(got, outputs, strict=True)])
                else:
                    got = cast(got, outputs[0].dtype)
            return tuple([_owned(g, operands) for g in got]) if type(got) is tuple else _owned(got, operands)
        finally:
            local.grad, local.modes, local.within = grad, modes, within

    return run


def _owned(result: Tensor | None, operands: tuple[Any, ...]) -> Tensor | None:
    """A decomposition's result as a fresh one: never an operand, nor a view (made, besides, without gradients)."""
    if result is None:
        return None
    tensors = [y for x in operands for y in (x if type(x) in (tuple, list) else (x,)) if y.__class__ in TENSORS]
    storage = result._storage
    if storage is None and not any([x is result for x in tensors]):
        return result
    layout = result._layout
    own = storage is not None and layout.contiguous and storage.layout.numel == layout.numel
    if own and not any([x._storage is storage for x in tensors]):
        return fresh(result._array, layout.dense)
    return fresh(registry.get(layout.device.type).kernels["copy"].function(result._array), layout.dense)


_warned: set[tuple[str, str]] = set()


def _on_cpu(prim: Any, backend: Backend, result: Result) -> Callable[..., Any]:
    """Run a primitive on host copies; a warning says so once for each primitive of a device type."""
    statics = tuple([_on_host(s) if s.__class__ is Layout else s for s in result.statics])

    def run(*operands: Any) -> Any:
        if (prim.name, backend.name) not in _warned:
            _warned.add((prim.name, backend.name))
            warnings.warn(
                f"primitive '{prim.name}' has no kernel on '{backend.name}' and runs on the CPU (copies both ways)",
                stacklevel=4,
            )
        outputs: Any = result.layout
        grad = local.grad
        local.grad = False
        try:
            got = late.call(prim, tuple(map(_host_copy, operands)), statics)
        finally:
            local.grad = grad
        if isinstance(got, tuple):
            pairs = zip(got, outputs, strict=True)
            return tuple([None if o is None else _device_copy(backend, g, o) for g, o in pairs])
        return _device_copy(backend, got, outputs)

    return run


def _on_host(layout: Layout) -> Layout:
    return Layout.of(layout.shape, layout.dtype, Device("cpu"))


def _host_copy(x: Any) -> Any:
    if x.__class__ in TENSORS and x._layout.device.type != "cpu":
        host = registry.get(x._layout.device.type).download(x._array, x._layout)
        layout = _on_host(x._layout)
        return fresh(registry.get("cpu").upload(host, layout), layout)
    if x.__class__ in (list, tuple):
        return type(x)(map(_host_copy, x))
    return x


def _device_copy(backend: Backend, tensor: Tensor, layout: Layout) -> Tensor:
    host = registry.get("cpu").download(tensor._array, tensor._layout)
    return fresh(backend.upload(host, layout), layout)
