"""In-place operations and views: PyTorch's results, versions and errors."""

from __future__ import annotations

import copy
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


def leaf(torch: Any, *shape: int) -> Any:
    n = 1
    for size in shape:
        n *= size
    return (torch.arange(n, dtype=torch.float64).reshape(shape) / 4 + 1).requires_grad_()


@program
def leaves_refuse_writes(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    return [
        attempt(lambda: x.add_(1)),
        attempt(lambda: x.mul_(x)),
        attempt(lambda: x.zero_()),
        attempt(lambda: x[0].add_(1)),
        attempt(lambda: x.__setitem__(0, 1.0)),
        attempt(lambda: x.copy_(torch.zeros(3))),
        attempt(lambda: x.fill_(1)),
        attempt(lambda: x.view(-1).mul_(2)),
        attempt(lambda: x.exp_()),
        attempt(lambda: x.normal_()),
        x._version,
    ]


@program
def leaves_may_be_written_without_recording(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    with torch.no_grad():
        x.add_(1)
        x[0] = 5
    y = (x * x).sum()
    y.backward()
    return x, x.grad, x._version


@program
def non_leaves(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 2, 3)
    y = x * 2
    y.add_(1)
    y.mul_(3)
    y[0].mul_(2)
    y[:, 1] = 7
    y.t()[2].zero_()
    y.sigmoid_()
    y.sum().backward()
    return x.grad, y, y._version


@program
def operands_both_require_grad(torch: Any, attempt: Any) -> Any:
    results = []
    for name in ("add_", "sub_", "mul_", "div_", "pow_"):
        x, w = leaf(torch, 3), leaf(torch, 3)
        y = x * 1.5
        getattr(y, name)(w)
        (y * y).sum().backward()
        results += [name, y, x.grad, w.grad]
    return results


@program
def unary_in_place(torch: Any, attempt: Any) -> Any:
    results = []
    for name in [
        "exp_",
        "log_",
        "sqrt_",
        "rsqrt_",
        "sin_",
        "cos_",
        "tanh_",
        "sigmoid_",
        "relu_",
        "abs_",
        "neg_",
        "reciprocal_",
        "square_",
        "floor_",
        "round_",
        "erf_",
    ]:
        x = leaf(torch, 3)
        y = x * 1.5
        getattr(y, name)()
        (y * y).sum().backward()
        results += [name, y, x.grad]
    return results


@program
def writing_non_differentiable_values(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4)
    y = x * 2
    y.zero_()
    z = x * 3
    z.fill_(2)
    w = x * 4
    w[1:3] = 0
    v = x * 5
    v.masked_fill_(torch.tensor([True, False, False, True]), 9.0)
    u = x * 6
    u.copy_(torch.ones(4))
    (y + z + w + v + u).sum().backward()
    return [x.grad, *(t.requires_grad for t in (y, z, w, v, u))]


@program
def writing_makes_history(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4)
    y = torch.zeros(4, dtype=torch.float64)
    before = y.requires_grad, y.is_leaf
    v = y[1:3]
    y.mul_(0).add_(x)
    after = y.requires_grad, y.is_leaf, v.requires_grad, v.is_leaf
    (v * v).sum().backward()
    return before, after, x.grad


@program
def view_written_base_and_view_used(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3, 3)
    base = x * 1
    row, column, diagonal = base[1], base[:, 2], base.diagonal()
    row.mul_(2)
    column.add_(row)
    diagonal.mul_(column)
    nested = base[1:].t()[0]
    nested.mul_(diagonal[:2])
    total = (base * 2).sum() + (row * 3).sum() + (column * column).sum() + diagonal.sum() + nested.sum()
    total.backward()
    return x.grad, base, [t._version for t in (base, row, column, diagonal, nested)]


@program
def view_of_view_bases(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4, 3) * 1
    v = x[1:].t()[0]
    d = x.detach()
    return v._base is x, d._base is None, d[0]._base is d, x[0].detach()._base is None, x.view(-1)._base is x


@program
def views_made_without_recording(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4) * 1
    with torch.no_grad():
        v = x[:2]
    first = v.requires_grad, v.is_leaf
    errors = [attempt(lambda: v.mul_(2)), attempt(lambda: v[0].mul_(2))]
    with torch.no_grad():
        v.mul_(2)
    return first, errors, attempt(lambda: v.grad_fn), x


@program
def base_written_after_a_view_without_recording(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4) * 1
    with torch.no_grad():
        v = x[:2]
    x.mul_(2)
    return attempt(lambda: v.grad_fn), attempt(lambda: (v * 2).sum())


@program
def outputs_of_functions_with_several_views(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4, 2) * 1
    plain = torch.zeros(4, 2, dtype=torch.float64)
    results = [
        attempt(lambda: x.unbind(0)[1].mul_(2)),
        attempt(lambda: x.split(2)[1].add_(1)),
        attempt(lambda: x.chunk(2)[0].zero_()),
        attempt(lambda: next(iter(x)).mul_(2)),
        attempt(lambda: x.unbind(0)[1].view(-1).mul_(2)),
        attempt(lambda: plain.unbind(0)[0].add_(x[0])),
    ]
    for row in plain:
        row.add_(1)
    plain.split(2)[1].mul_(2)
    with torch.no_grad():
        for row in x:
            row.add_(1)
    return results, plain, x


@program
def several_views_after_a_write(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 4) * 1
    a, b = x.split(2)
    x.mul_(2)
    return attempt(lambda: a.grad_fn), attempt(lambda: (b * 2).sum())


@program
def detach_shares_the_version(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3) * 1
    y = x.exp()
    y.detach().zero_()
    return y._version, attempt(lambda: y.sum().backward())


@program
def data_does_not(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    z = x * 1
    y = z * z
    z.data.zero_()
    y.sum().backward()
    d = z.data
    d.add_(1)
    return z._version, d._version, x.grad, z


@program
def saved_values_written(torch: Any, attempt: Any) -> Any:
    def run(write: Any) -> Any:
        x, w = leaf(torch, 3), leaf(torch, 3)
        a, b = x * 1, w * 1
        y = a * b
        out = y.exp()
        with torch.no_grad():
            write(a, b, y, out)
        return attempt(lambda: out.sum().backward())

    return [
        run(lambda a, b, y, out: a.add_(1)),
        run(lambda a, b, y, out: b.add_(1)),
        run(lambda a, b, y, out: y.add_(1)),
        run(lambda a, b, y, out: out.add_(1)),
        run(lambda a, b, y, out: a[0].add_(1)),
        run(lambda a, b, y, out: a.view(-1)[1:].copy_(b[1:])),
        run(lambda a, b, y, out: a.detach().mul_(2)),
        run(lambda a, b, y, out: a.__setitem__(0, 3.0)),
    ]


@program
def saved_values_written_while_recording(torch: Any, attempt: Any) -> Any:
    def run(name: str) -> Any:
        x = leaf(torch, 3)
        y = getattr(x * 2, name)()
        y.add_(1)
        return attempt(lambda: y.sum().backward()) or x.grad

    return [
        run(name)
        for name in "exp sqrt sigmoid tanh log sin relu neg sum abs square cumsum0".replace("cumsum0", "clone").split()
    ]


@program
def a_write_that_saves_what_it_overwrites(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    y = x * 1
    y.mul_(y)
    return attempt(lambda: y.sum().backward())


@program
def expanded_tensors(torch: Any, attempt: Any) -> Any:
    x = torch.zeros(3, 1, dtype=torch.float64)
    e = x.expand(3, 2)
    results = [
        attempt(lambda: e.add_(1)),
        attempt(lambda: e.copy_(torch.ones(3, 2))),
        attempt(lambda: e.mul_(torch.ones(2))),
        attempt(lambda: e.__setitem__(0, torch.ones(2))),
    ]
    e.fill_(4)
    e[0] = 5
    e[:, 0].add_(1)
    return results, x


@program
def partially_overlapping(torch: Any, attempt: Any) -> Any:
    x = torch.arange(5.0)
    errors = [
        attempt(lambda: x[1:].add_(x[:-1])),
        attempt(lambda: x[:-1].copy_(x[1:])),
        attempt(lambda: torch.add(x[1:], 1, out=x[:-1])),
    ]
    x[:2].add_(x[2:4])
    x[::2].add_(x[::2])
    x.add_(x)
    return errors, x


@program
def out(torch: Any, attempt: Any) -> Any:
    a, w = torch.ones(3), leaf(torch, 3)
    empty, small, long, double = (
        torch.empty(0),
        torch.zeros(2),
        torch.zeros(3, dtype=torch.int64),
        torch.zeros(3).double(),
    )
    view = torch.zeros(4, 3)
    results = [
        torch.add(a, a, out=empty) is empty,
        attempt(lambda: torch.mul(a, 2, out=small)),
        attempt(lambda: torch.add(a, a, out=long)),
        attempt(lambda: torch.add(a, a, out=double)),
        attempt(lambda: torch.add(w, w, out=double)),
        attempt(lambda: torch.exp(a, out=leaf(torch, 3))),
        attempt(lambda: torch.add(a, a, out=view[1])),
        attempt(lambda: torch.exp(torch.arange(3), out=double)),
    ]
    with torch.no_grad():
        torch.add(w, w, out=double)
        target = leaf(torch, 3)
        torch.exp(a, out=target)
    return results, empty, small, double, view, target, view._version, double._version


@program
def dtypes(torch: Any, attempt: Any) -> Any:
    results = []
    for dest in (torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64, torch.complex64):
        for value in (
            True,
            2,
            2.5,
            torch.tensor(2.5),
            torch.ones(2, dtype=torch.float64),
            torch.ones(2, dtype=torch.int64),
        ):
            for name in ("add_", "mul_", "div_", "copy_"):
                if name == "copy_" and not hasattr(value, "dtype"):
                    continue
                results.append(attempt(lambda d=dest, n=name, v=value: getattr(torch.ones(2, dtype=d), n)(v)))
    return results


@program
def shapes(torch: Any, attempt: Any) -> Any:
    x = torch.ones(3)
    return [
        attempt(lambda: x.add_(torch.ones(2, 3))),
        attempt(lambda: x.add_(torch.ones(4))),
        attempt(lambda: x.mul_(torch.ones(1))),
        attempt(lambda: x.copy_(torch.ones(2, 1))),
        attempt(lambda: x.copy_(torch.ones(()))),
    ]


@program
def setting_data(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    x.data = torch.tensor([5.0, 6.0], dtype=torch.float64)
    again = (x * x).sum()
    again.backward()
    return x, x.grad, x._version, attempt(lambda: setattr(x, "data", 3))


@program
def detach_in_place(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    y = x * 2
    v = y[:2]
    error = attempt(lambda: v.detach_())
    y.detach_()
    return error, y.requires_grad, y.is_leaf, attempt(lambda: y.sum().backward())


@program
def deep_copies(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    y.grad.add_(1)
    with torch.no_grad():
        y.add_(1)
    pair = copy.deepcopy([x, x])
    return x, x.grad, y, y.grad, y.is_leaf, pair[0] is pair[1], attempt(lambda: copy.deepcopy(x * 2))


@program
def requires_grad_flags(torch: Any, attempt: Any) -> Any:
    x = leaf(torch, 3)
    y = x * 2
    results = [
        attempt(lambda: y.requires_grad_(False)),
        attempt(lambda: setattr(y, "requires_grad", False)),
        y.requires_grad_().requires_grad,
        attempt(lambda: torch.ones(3, dtype=torch.int64).requires_grad_()),
        attempt(lambda: torch.ones(3, dtype=torch.int64, requires_grad=True)),
        attempt(lambda: torch.tensor([True], requires_grad=True)),
    ]
    x.requires_grad_(False)
    y.sum().backward()
    return results, x.grad, x.requires_grad, (x * 2).requires_grad


@program
def views_of_leaves_that_later_require_grad(torch: Any, attempt: Any) -> Any:
    z = torch.zeros(3)
    v = z[:2]
    z.requires_grad_()
    first = v.requires_grad, v.is_leaf, attempt(lambda: v.add_(1))
    z = torch.zeros(3)
    v = z[:2]
    v.requires_grad_()
    second = z.requires_grad, v.is_leaf, attempt(lambda: v.add_(1))
    z.add_(1)
    (v * 3).sum().backward()
    return first, second, v, v.grad


@program
def inference_tensors(torch: Any, attempt: Any) -> Any:
    with torch.inference_mode():
        made = torch.ones(3)
        inside = made.is_inference(), torch.is_inference_mode_enabled(), torch.is_grad_enabled(), made.add_(1).tolist()
    x = leaf(torch, 3)
    w = torch.ones(3, requires_grad=True)
    normal = torch.ones(3)
    results = [
        attempt(lambda: made.requires_grad_()),
        attempt(lambda: w * made),
        attempt(lambda: made * 2),
        attempt(lambda: (made * 2).is_inference()),
        attempt(lambda: made.clone().is_inference()),
        attempt(lambda: made._version),
        attempt(lambda: made.view(-1).is_inference()),
        attempt(lambda: normal.add_(made)),
        attempt(lambda: w + made),
        attempt(lambda: made.add_(1)),  # PyTorch writes before it refuses to
    ]
    with torch.inference_mode():
        y = x * 2
        normal.add_(1)
        view = normal[:2]
        with torch.inference_mode(False):
            z = torch.ones(2, requires_grad=True) * 2
    return inside, results, y.requires_grad, normal, normal.is_inference(), z.requires_grad, view.is_inference()
