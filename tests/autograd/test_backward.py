"""backward and grad: arguments, accumulation, second passes and second derivatives, as PyTorch has them."""

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
def arguments_of_backward(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    return [
        attempt(lambda: y.backward()),
        attempt(lambda: y.backward(torch.ones(2))),
        attempt(lambda: y.backward(3)),
        attempt(lambda: torch.ones(3).sum().backward()),
        attempt(lambda: torch.autograd.backward([y, y], [torch.ones(3)])),
        attempt(lambda: y.sum().backward(inputs=[])),
        attempt(lambda: y.sum().backward(inputs=[torch.ones(3)])),
        attempt(lambda: y.backward(torch.ones(3))),
        x.grad,
    ]


@program
def dtype_of_the_start(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    error = attempt(lambda: y.backward(torch.ones(3, dtype=torch.float64)))
    return error, x.grad, attempt(lambda: (x.long() * 2).sum().backward())


@program
def several_outputs(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y, z = x * 2, x.exp()
    torch.autograd.backward([y, z, y], [torch.ones(3), torch.ones(3) * 2, torch.ones(3)])
    return x.grad


@program
def a_leaf_itself(torch: Any, attempt: Any) -> Any:
    x = torch.tensor(2.0, requires_grad=True)
    x.backward()
    x.backward(torch.tensor(5.0))
    return x.grad, torch.autograd.grad(x, x), torch.autograd.grad(x * 1, [x, x])


@program
def second_passes(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    errors = [attempt(lambda: y.backward()), attempt(lambda: torch.autograd.grad(y, x))]
    z = (x + 1).sum()  # which saved nothing
    z.backward()
    z.backward()
    return errors, x.grad


@program
def accumulation(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    same = x.grad is first
    x.grad = None
    (x * 4).sum().backward()
    return same, first, x.grad, x.grad is first


@program
def accumulation_with_a_graph(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    (x * x).sum().backward(create_graph=True)
    first = x.grad
    (x * x * x).sum().backward(create_graph=True)
    flags = first.requires_grad, x.grad.requires_grad, x.grad is first
    second = torch.autograd.grad(x.grad.sum(), x)
    return flags, first, x.grad, second


@program
def shared_gradients_are_copied(torch: Any, attempt: Any) -> Any:
    a, b = leaf(torch), leaf(torch)
    start = torch.ones(3)
    (a + b).backward(start)
    a.grad.add_(10)
    start.add_(100)
    c, d = leaf(torch), leaf(torch, 1)
    (c + d.expand(3)).sum().backward()
    c.grad[0] = 7
    e = leaf(torch)
    e.sum().backward()
    e.grad[0] = 9
    f, g = leaf(torch), leaf(torch)
    torch.cat([f, g]).backward(torch.ones(6))
    f.grad.zero_()
    return a.grad, b.grad, c.grad, d.grad, e.grad, e.grad.is_contiguous(), f.grad, g.grad


@program
def setting_grad(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)

    def put(value: Any) -> Any:
        return attempt(lambda: setattr(x, "grad", value))

    results = [put(torch.ones(3)), put(None), put(torch.ones(2)), put(3), put(x), put([1])]
    mine = torch.ones(3)
    x.grad = mine
    (x * 2).sum().backward()
    return results, mine, x.grad is mine, attempt(lambda: delattr(x, "grad")), x.grad


@program
def unused_inputs(torch: Any, attempt: Any) -> Any:
    x, w = leaf(torch), leaf(torch)
    y = (x * 2).sum()
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad(y, [x, w], retain_graph=True)),
        grad(y, [x, w], retain_graph=True, allow_unused=True),
        grad(y, [x, w], retain_graph=True, materialize_grads=True),
        attempt(lambda: grad(y, [x, w], allow_unused=False, materialize_grads=True)),
        attempt(lambda: grad(y, torch.ones(3))),
        attempt(lambda: grad(torch.ones(()), x)),
        attempt(lambda: grad(y, [])),
        x.grad,
    ]


@program
def inputs_of_backward(torch: Any, attempt: Any) -> Any:
    x, w = leaf(torch), leaf(torch)
    y = x * w
    z = (y * w).sum()
    z.backward(inputs=[x], retain_graph=True)
    first = x.grad, w.grad
    z.backward(inputs=w, retain_graph=True)
    z.backward(inputs=[y], retain_graph=True)
    return first, w.grad, y.grad


@program
def gradients_of_intermediate_results(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = x * 2
    z = y.exp()
    a, b = z.split(2)
    total = z.sum() + (y * y).sum() + a.sum() * 3 + b.sum()
    return torch.autograd.grad(total, [z, y, x, a]), x.grad


@program
def second_derivatives(torch: Any, attempt: Any) -> Any:
    functions = [
        lambda x: x**3,
        lambda x: x.exp() * x,
        lambda x: x.log() / x,
        lambda x: x.sigmoid() * x,
        lambda x: x.tanh(),
        lambda x: (x @ x.t()).sum(1),
        lambda x: x.softmax(-1) * x,
        lambda x: x.log_softmax(0) * x,
        lambda x: x.cumsum(0) * x,
        lambda x: x.max(1).values * x.min(1).values,
        lambda x: x.prod(1),
        lambda x: x.var(1) * x.std(0),
        lambda x: x.norm(dim=1),
        lambda x: torch.cat([x, x * x]),
        lambda x: torch.stack([x, x * 2]).prod(0),
        lambda x: x[1:, [0, 2]] * x[:2, :2] ** 2,
        lambda x: x.t().diagonal() ** 2,
        lambda x: x.unfold(0, 2, 1) ** 3,
        lambda x: x.expand(2, 3, 3) ** 2,
        lambda x: x.gather(1, torch.tensor([[0, 1], [2, 0], [1, 1]])) ** 3,
        lambda x: x.sort(1).values * x,
        lambda x: torch.where(x > 2, x * x, x**3),
        lambda x: x.clamp(1.5, 4) ** 3,
        lambda x: x.abs().sqrt(),
        lambda x: torch.logsumexp(x, 1),
        lambda x: x.masked_fill(x > 3, 0.5) ** 3,
        lambda x: x.erf() * x.sin() * x.cos(),
        lambda x: torch.nn.functional.layer_norm(x, (3,)) ** 3,
        lambda x: torch.nn.functional.gelu(x) * x,
        lambda x: torch.nn.functional.conv2d(x.view(1, 1, 3, 3), x[:2, :2].reshape(1, 1, 2, 2)) ** 2,
        lambda x: torch.nn.functional.avg_pool2d(x.view(1, 1, 3, 3), 2, 1) ** 3,
        lambda x: torch.nn.functional.max_pool2d(x.view(1, 1, 3, 3), 2, 1) ** 3,
        lambda x: torch.nn.functional.cross_entropy(x, torch.tensor([0, 2, 1])) ** 2,
        lambda x: torch.nn.functional.batch_norm(x, None, None, training=True) ** 3,
        lambda x: torch.nn.functional.embedding(torch.tensor([0, 2, 2]), x) ** 3,
        lambda x: (x * 1).mul_(x).sigmoid_() * x,
    ]
    results = []
    for f in functions:
        x = (torch.arange(9.0, dtype=torch.float64).reshape(3, 3).sin() + 2.1).requires_grad_()
        (first,) = torch.autograd.grad((f(x) * f(x)).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad((first * first * x).sum(), x)
        results.append((first, second))
    return results


@program
def third_derivative(torch: Any, attempt: Any) -> Any:
    x = torch.tensor(1.5, requires_grad=True)
    y, results = x**4 + x.sin(), []
    for _ in range(3):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        results.append(y)
    return results


@program
def inside_no_grad(torch: Any, attempt: Any) -> Any:
    x = leaf(torch)
    y = (x * x).sum()
    with torch.no_grad():
        y.backward(retain_graph=True)
        inner = torch.autograd.grad(y, x, create_graph=True)
    return x.grad, inner


@program
def anomaly(torch: Any, attempt: Any) -> Any:
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = (x * 0) / x
    results = []
    with torch.autograd.set_detect_anomaly(True):
        results.append(attempt(lambda: y.sum().backward()))
        results.append(attempt(lambda: (x.sqrt() * 0).sum().backward()))
    with torch.autograd.detect_anomaly():
        results.append(attempt(lambda: ((x * 0) / x).sum().backward()))
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        results.append(attempt(lambda: ((x * 0) / x).sum().backward()))
    return results
