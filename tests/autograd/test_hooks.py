"""Hooks of tensors and nodes, retained gradients: PyTorch's order, values and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PROGRAMS: list[Callable[..., Any]] = []


def program(function: Callable[..., Any]) -> Callable[..., Any]:
    PROGRAMS.append(function)
    return function


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_same_as_torch(function: Callable[..., Any], same: Any) -> None:
    same(function)


def leaf(torch: Any, n: int = 3) -> Any:
    return torch.arange(1.0, n + 1).requires_grad_()


@program
def on_leaves_and_results(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * 2
    x.register_hook(lambda g: log.append(("x", g.tolist())))
    y.register_hook(lambda g: log.append(("y", g.tolist())))
    (y * y).sum().backward()
    return x.grad, log


@program
def replacing(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: log.append(g.tolist()))
    y.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: -g)
    y.sum().backward()
    return x.grad, log


@program
def seen_once_with_the_whole_gradient(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: log.append(g.tolist()))
    x.register_hook(lambda g: log.append(g.tolist()))
    ((y * 3).sum() + (y * 4).sum() + (x * 5).sum()).backward()
    return x.grad, log


@program
def removing(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    first = x.register_hook(lambda g: log.append(1))
    x.register_hook(lambda g: log.append(2))
    first.remove()
    first.remove()
    with x.register_hook(lambda g: log.append(3)):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    return log


@program
def what_cannot_have_hooks(torch: Any, attempt: Any) -> Any:
    x = torch.ones(3)
    y = leaf(torch) * 2
    return [
        attempt(lambda: x.register_hook(lambda g: g)),
        attempt(lambda: x.register_post_accumulate_grad_hook(lambda t: None)),
        attempt(lambda: y.register_post_accumulate_grad_hook(lambda t: None)),
        attempt(lambda: x.retain_grad()),
    ]


@program
def hooks_returning_nonsense(torch: Any, attempt: Any) -> Any:
    def run(hook: Any) -> Any:
        x = leaf(torch)
        y = x * 2
        y.register_hook(hook)
        return attempt(lambda: y.sum().backward()) or x.grad

    return [run(lambda g: 3), run(lambda g: g[:2]), run(lambda g: g.double()), run(lambda g: None)]


@program
def after_accumulation(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []

    def consume(t: Any) -> None:
        log.append((t is x, t.grad.tolist()))
        t.grad = None

    x.register_hook(lambda g: log.append("tensor hook"))
    handle = x.register_post_accumulate_grad_hook(consume)
    ((x * 2).sum() + (x * 3).sum()).backward()
    handle.remove()
    (x * 2).sum().backward()
    return x.grad, log


@program
def retained(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    z = y * 3
    y.retain_grad()
    y.retain_grad()
    x.retain_grad()
    flags = x.retains_grad, y.retains_grad, z.retains_grad
    (z * z).sum().backward(retain_graph=True)
    first = y.grad.clone()
    (z * z).sum().backward()
    return flags, first, y.grad, x.grad


@program
def retained_after_hooks(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 100)
    y.sum().backward()
    return y.grad, x.grad


@program
def retained_through_writes(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    v = x * 1
    v.retain_grad()
    v[0] = 0
    (y * y).sum().backward()
    (v * v).sum().backward()
    return y.grad, v.grad, x.grad


@program
def on_nodes(torch: Any, attempt: Any) -> Any:
    x, w, log = leaf(torch), leaf(torch), []
    y = x * w
    y.grad_fn.register_hook(lambda inputs, outputs: log.append(("post", [g.tolist() for g in (*inputs, *outputs)])))
    y.grad_fn.register_prehook(lambda outputs: log.append(("pre", [g.tolist() for g in outputs])))
    y.grad_fn.register_prehook(lambda outputs: (outputs[0] * 2,))
    handle = y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10, inputs[1]))
    y.register_hook(lambda g: log.append(("tensor", g.tolist())))
    y.sum().backward(retain_graph=True)
    handle.remove()
    (y * 1).sum().backward()
    return log, x.grad, w.grad


@program
def of_nodes_names_and_edges(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = (x * 2).exp()
    node = y.grad_fn
    inner = node.next_functions[0][0]
    end = inner.next_functions[0][0]
    node.metadata["note"] = 1
    return node.name(), inner.name(), end.variable is x, end.next_functions, y.grad_fn.metadata, y.grad_fn is node


@program
def with_grad(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: log.append(g.tolist()))
    z = (y * y).sum()
    return torch.autograd.grad(z, [y, x], retain_graph=True), torch.autograd.grad(z, y), log, x.grad


@program
def while_graphs_are_created(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * x
    y.register_hook(lambda g: log.append((g.requires_grad, torch.is_grad_enabled())))
    y.register_hook(lambda g: g * x)
    (first,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    first.sum().backward()
    return first, x.grad, log


@program
def after_a_write(torch: Any, attempt: Any) -> Any:
    x, log = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: log.append(("before", g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: log.append(("after", g.tolist())))
    y.sum().backward()
    return x.grad, log


@program
def raising(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2

    def fail(g: Any) -> None:
        raise ValueError("in a hook")

    handle = y.register_hook(fail)
    error = attempt(lambda: y.sum().backward())
    handle.remove()
    y2 = x * 2
    y2.sum().backward()
    return error, x.grad, torch.is_grad_enabled()
