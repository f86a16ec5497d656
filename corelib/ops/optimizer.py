"""Optimizer steps: one call a group of parameters, in place.

They are dispatched like primitives (a backend may have ``sgd_step`` and ``adam_step`` kernels over lists
of arrays; without one the formulas below run), count as one write of each tensor, and modes see them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..codegen import scalar
from ..codegen.lowering import LOWERINGS, Update, UpdateGroup
from ..codegen.scalar import Expr
from ..core.dispatch import notify
from ..core.modes import Effect
from ..core.tensor import Tensor, backend_of, fresh, storage_of
from ..state import STATE, local
from .creation import zeros_like
from .elementwise import maximum, sqrt

__all__ = ["adam_step_", "sgd_step_", "zeros_together"]


def _kernel(name: str, tensors: list[list[Tensor]]) -> Callable[..., Any] | None:
    """The backend's kernel, where every tensor is one it may be given: dense, of one of its dtypes, on one device."""
    first = tensors[0][0]._layout
    backend = backend_of(first)
    entry = backend.kernels.get(name)
    if entry is None or not backend.mutable:
        return None
    dtypes = set()
    for layout in {t._layout for group in tensors for t in group}:
        if not layout.contiguous or layout.device is not first.device:
            return None
        dtypes.add(layout.dtype)
    while entry is not None and not dtypes <= entry.dtypes:
        entry = entry.otherwise  # a pack's kernel for some dtypes takes nothing away from the others
    return None if entry is None else entry.function


def zeros_together(like: list[Tensor]) -> list[Tensor]:
    """Zeros in the shapes of these tensors, in memory that the steps here like best."""
    layouts = [t._layout for t in like]
    backend = backend_of(layouts[0])
    plain = backend.mutable and backend.kernels["fill"].out and not STATE.intercept
    if not plain or not all(
        [x.contiguous and x.dtype.category == 2 and x.device is layouts[0].device for x in layouts]
    ):
        return [zeros_like(t) for t in like]
    fill = backend.kernels["fill"].function
    dense = [x.dense for x in layouts]
    return [fresh(fill(0.0, x, out=array), x) for array, x in zip(backend.allocate_together(dense), dense, strict=True)]


def _written(*groups: list[Tensor]) -> None:
    for group in groups:
        for t in group:
            storage = t._storage
            if storage is None:
                storage = storage_of(t)
            storage.version += 1


def _arrays(tensors: list[Tensor]) -> list[Any]:
    return [t._array for t in tensors]


def _sgd(
    params: list[Tensor],
    grads: list[Tensor],
    buffers: list[Tensor],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    kernel = _kernel("sgd_step", [params, grads, buffers] if buffers else [params, grads])
    if kernel is not None:
        kernel(
            _arrays(params),
            _arrays(grads),
            _arrays(buffers) if buffers else None,
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize,
            first,
        )
        _written(params, buffers)
        return
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        d = -g if maximize else g
        if weight_decay:
            d = d + p * weight_decay
        if momentum:
            buffer = buffers[i]
            buffer.copy_(d if first else buffer * momentum + d * (1 - dampening))
            d = d + buffer * momentum if nesterov else buffer
        p.sub_(d * lr)


def _sgd_elements(flags: Any, elements: Any, numbers: Any) -> list[Expr | None]:
    decay, momentum, nesterov, maximize, first = flags
    p, g, buffer = elements
    lr, factor, kept, weight_decay = numbers
    d = -g if maximize else g
    if decay:
        d = d + p * weight_decay
    if momentum:
        buffer = d if first else buffer * factor + d * kept
        d = d + buffer * factor if nesterov else buffer
    return [p - d * lr, None, buffer]


def _sgd_groups(
    params: Any, grads: Any, buffers: Any, lr: float, momentum: float, dampening: float, weight_decay: float,
    nesterov: bool, maximize: bool, first: bool,
) -> list[UpdateGroup]:  # fmt: skip
    numbers = float(lr), float(momentum), float(1 - dampening), float(weight_decay)
    flags = bool(weight_decay), bool(momentum), bool(nesterov), bool(maximize), bool(first)
    return [UpdateGroup(_sgd_elements, [params, grads, buffers if momentum else None], numbers, flags)]


LOWERINGS["sgd_step"] = Update("f", _sgd_groups)


def _adam(
    params: list[Tensor],
    grads: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    max_exp_avg_sqs: list[Tensor],
    steps: list[Tensor],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool,
) -> None:
    lists = [params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs if amsgrad else []]
    kernel = _kernel("adam_step", lists)
    device = params[0]._layout.device
    counted = kernel is not None and all([s._layout.device is device for s in steps])
    if not counted:
        for s in steps:
            s.add_(1)
    if kernel is not None:
        kernel(
            *[[t._array for t in group] for group in lists],
            [s._array if counted else int(s.item()) for s in steps],  # the kernel counts arrays
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
            amsgrad,
            maximize,
            decoupled,
        )
        _written(params, *lists[2:], steps if counted else [])
        return
    counts = [int(s.item()) for s in steps]
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        d = -g if maximize else g
        if weight_decay:
            if decoupled:
                p.mul_(1 - lr * weight_decay)
            else:
                d = d + p * weight_decay
        exp_avgs[i].copy_(exp_avgs[i] * beta1 + d * (1 - beta1))
        exp_avg_sqs[i].copy_(exp_avg_sqs[i] * beta2 + d * d * (1 - beta2))
        second = exp_avg_sqs[i]
        if amsgrad:
            max_exp_avg_sqs[i].copy_(maximum(max_exp_avg_sqs[i], second))
            second = max_exp_avg_sqs[i]
        t = counts[i]
        p.sub_(exp_avgs[i] * (lr / (1 - beta1**t)) / (sqrt(second) / (1 - beta2**t) ** 0.5 + eps))


def _adam_elements(flags: Any, elements: Any, numbers: Any) -> list[Expr | None]:
    decay, amsgrad, maximize, decoupled, counted = flags
    p, g, mean, square, largest, count = elements
    lr, beta1, rest1, beta2, rest2, eps, weight_decay, shrunk, correction1, correction2 = numbers
    d = -g if maximize else g
    if decay:
        p, d = (p * shrunk, d) if decoupled else (p, d + p * weight_decay)
    mean = mean * beta1 + d * rest1
    square = square * beta2 + d * d * rest2
    second = square
    if amsgrad:
        second = largest = scalar.maximum(largest, square)
    if counted:  # of a number of steps that is on the device
        correction1 = lr / (1 - scalar.pow(beta1, count))
        correction2 = scalar.sqrt(1 - scalar.pow(beta2, count))
    p = p - mean * correction1 / (scalar.sqrt(second) / correction2 + eps)
    return [p, None, mean, square, largest, None]


def _count_elements(flags: Any, elements: Any, numbers: Any) -> list[Expr | None]:
    return [elements[0] + 1]


def _adam_groups(
    params: Any, grads: Any, means: Any, squares: Any, largest: Any, counts: Any, lr: float, beta1: float,
    beta2: float, eps: float, weight_decay: float, amsgrad: bool, maximize: bool, decoupled: bool,
) -> list[UpdateGroup]:  # fmt: skip
    lists = [params, grads, means, squares, largest if amsgrad else None]
    numbers = lr, beta1, 1 - beta1, beta2, 1 - beta2, eps, weight_decay, 1 - lr * weight_decay
    counted = counts[0].__class__ is not int
    flags = bool(weight_decay), bool(amsgrad), bool(maximize), bool(decoupled), counted
    if counted:
        known = tuple(map(float, (*numbers, 1, 1)))
        return [UpdateGroup(_count_elements, [counts]), UpdateGroup(_adam_elements, [*lists, counts], known, flags)]
    groups = []
    for t in sorted(set(counts)):
        chosen = [None if x is None else [y for y, n in zip(x, counts, strict=True) if n == t] for x in lists]
        known = tuple(map(float, (*numbers, lr / (1 - beta1**t), (1 - beta2**t) ** 0.5)))
        groups.append(UpdateGroup(_adam_elements, [*chosen, None], known, flags))
    return groups


LOWERINGS["adam_step"] = Update("f", _adam_groups)


def _run(effect: Effect, *args: Any) -> None:
    if STATE.intercept or local.within:
        notify(effect, *args)
    else:
        effect.effect(*args)


def _below_grad(function: Callable[..., None]) -> Callable[..., None]:
    def run(*args: Any) -> None:
        previous, local.grad = local.grad, False
        try:
            function(*args)
        finally:
            local.grad = previous

    return run


_sgd_effect = Effect("sgd_step_", _below_grad(_sgd))
_adam_effect = Effect("adam_step_", _below_grad(_adam))


def sgd_step_(
    params: list[Tensor],
    grads: list[Tensor],
    momentum_buffers: list[Tensor],
    *,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """A step of SGD for all parameters; ``first`` says that the momentum buffers hold nothing yet."""
    if params:
        _run(
            _sgd_effect,
            params,
            grads,
            momentum_buffers,
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize,
            first,
        )


def adam_step_(
    params: list[Tensor],
    grads: list[Tensor],
    exp_avgs: list[Tensor],
    exp_avg_sqs: list[Tensor],
    max_exp_avg_sqs: list[Tensor],
    steps: list[Tensor],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool,
) -> None:
    """A step of Adam (AdamW where ``decoupled``) for all parameters; counts each of ``steps``."""
    if params:
        _run(
            _adam_effect,
            params,
            grads,
            exp_avgs,
            exp_avg_sqs,
            max_exp_avg_sqs,
            steps,
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
            amsgrad,
            maximize,
            decoupled,
        )
