"""The engine on deep, wide and shared graphs: no recursion, memory freed as it goes, threads."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import corelib

DEEP = 100_000


def plain(x: Any) -> Any:
    for _ in range(DEEP):
        x = x + 1
    return x


def written(x: Any) -> Any:
    x = x + 1
    for _ in range(DEEP):
        x.add_(1)
    return x


def viewed(x: Any) -> Any:
    for _ in range(DEEP // 2):
        x = x.view(1, -1).squeeze(0) * 1
    return x


def written_through_views(x: Any) -> Any:
    x = x + 1
    for _ in range(DEEP // 10):
        x[:2].add_(1)
    return x


def saving(x: Any) -> Any:
    for _ in range(DEEP // 2):
        x = (x * x).sqrt()
    return x


def of_a_user(x: Any) -> Any:
    for _ in range(DEEP // 10):
        x = Same.apply(x)
    return x


class Same(corelib.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 1

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad


@pytest.mark.parametrize("build", [plain, written, viewed, written_through_views, saving, of_a_user])
def test_deep_chains_go_backward_and_are_deleted(build: Callable[[Any], Any]) -> None:
    x = corelib.ones(3, requires_grad=True)
    y = build(x)
    y.sum().backward()
    assert x.grad.tolist() == [1.0] * 3
    del y
    y = build(x)  # and one that never went backward
    del y
    y = build(x)
    del x
    y.sum().backward()  # to a leaf that is no more


def test_wide_graphs() -> None:
    x = corelib.ones(2, requires_grad=True)
    total = x.sum()
    for _ in range(20_000):
        total = total + x.sum()
    total.backward()
    assert x.grad.tolist() == [20_001.0] * 2


def test_diamonds_run_each_node_once() -> None:
    x = corelib.tensor(1.0, requires_grad=True)
    y, calls = x, []
    for _ in range(40):
        y = y + y  # 2**40 paths
        y.register_hook(calls.append)
    y.backward()
    assert x.grad.item() == 2.0**40
    assert len(calls) == 40


def test_a_graph_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = corelib.ones(3, requires_grad=True)
        for end in (lambda y: y.sum().backward(), lambda y: None):
            y = Same.apply((x * x).exp())
            y[0] = 3
            z = y.sigmoid().split(2)[0] * 2
            nodes = [weakref.ref(z.grad_fn), weakref.ref(y.grad_fn)]
            end(z)
            del y, z
            assert [n() for n in nodes] == [None, None]
    finally:
        gc.enable()


def test_saved_memory_is_freed_as_backward_goes() -> None:
    x = corelib.ones(3, requires_grad=True)
    alive: list[Any] = []
    seen: list[int] = []
    y = x
    for _ in range(6):
        y = y.clone()
        y = y * y
        alive.append(weakref.ref(y.grad_fn.saved[0]))
        y.register_hook(lambda grad: seen.append(sum(r() is not None for r in alive)))
    out = y.sum()
    del y
    out.backward()
    assert seen == [6, 5, 4, 3, 2, 1]
    assert [r() for r in alive] == [None] * 6


def test_saved_memory_stays_where_the_graph_is_retained() -> None:
    x = corelib.ones(3, requires_grad=True)
    y = x.clone() ** 2
    kept = weakref.ref(y.grad_fn.saved[0])
    y.sum().backward(retain_graph=True)
    assert kept() is not None
    y.sum().backward()
    assert kept() is None


def test_a_result_that_is_not_needed_is_not_computed() -> None:
    class Never(corelib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            raise AssertionError("nobody asked")

    x, w = corelib.ones(3, requires_grad=True), corelib.ones(3, requires_grad=True)
    (found,) = corelib.autograd.grad((Never.apply(x) * w).sum(), w)
    assert found.tolist() == [2.0] * 3


def test_backward_within_backward() -> None:
    class Checkpoint(corelib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.exp() * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with corelib.enable_grad():
                (x.exp() * x).backward(grad)
            return x.grad

    x = corelib.tensor([0.5, 1.0], requires_grad=True)
    Checkpoint.apply(Checkpoint.apply(x)).sum().backward()
    y = corelib.tensor([0.5, 1.0], requires_grad=True)
    inner = y.exp() * y
    (inner.exp() * inner).sum().backward()
    assert corelib.allclose(x.grad, y.grad)


def test_an_error_leaves_the_engine_usable() -> None:
    x = corelib.ones(3, requires_grad=True)
    y = x.exp()
    handle = y.register_hook(lambda grad: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            y.sum().backward(retain_graph=True)
    handle.remove()
    y.sum().backward()
    assert corelib.allclose(x.grad, x.exp().detach())
    assert corelib.is_grad_enabled()


# -- threads -----------------------------------------------------------------------------------------------------


def run_threads(work: Callable[[int], None], count: int = 8) -> None:
    """Start together; the first error is the test's."""
    barrier, errors = threading.Barrier(count), []

    def body(i: int) -> None:
        barrier.wait()
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def chain(i: int) -> list[float]:
    x = corelib.arange(1.0, 5.0).requires_grad_()
    y = x
    for k in range(50):
        y = (y * (i + 1)).sigmoid() + y[k % 4]
        y[0].mul_(0.5)
    y.sum().backward()
    return x.grad.tolist()  # type: ignore[no-any-return]


def test_threads_with_graphs_of_their_own_equal_the_serial_result() -> None:
    expected = [chain(i) for i in range(8)]
    found: dict[int, list[list[float]]] = {i: [] for i in range(8)}
    run_threads(lambda i: found[i].extend(chain(i) for _ in range(5)))
    assert [found[i] for i in range(8)] == [[e] * 5 for e in expected]


def test_threads_into_one_parameter_lose_no_gradient() -> None:
    w = corelib.zeros(3, requires_grad=True)

    def work(i: int) -> None:
        for _ in range(200):
            (w * 1).sum().backward()

    run_threads(work)
    assert w.grad.tolist() == [1600.0] * 3


def test_threads_through_one_forward_graph() -> None:
    x = corelib.arange(1.0, 4.0).requires_grad_()
    y = (x * x).exp().sigmoid().sum()
    y.backward(retain_graph=True)
    expected = x.grad.clone() * 801
    run_threads(lambda i: [y.backward(retain_graph=True) for _ in range(100)] and None)
    assert corelib.allclose(x.grad, expected, rtol=1e-4)


def test_recording_in_one_thread_while_another_does_not() -> None:
    x = corelib.ones(3, requires_grad=True)

    def work(i: int) -> None:
        for _ in range(200):
            if i % 2:
                with corelib.no_grad():
                    assert not (x * 2).requires_grad
            else:
                assert (x * 2).requires_grad

    run_threads(work)


def test_relu_passes_the_gradient_of_nan_and_no_infinite_one_where_it_is_zero():
    x = corelib.tensor([float("nan"), -float("nan"), 1.0, -1.0, 0.0, -0.0], requires_grad=True)
    corelib.relu(x).backward(corelib.full((6,), float("inf")))
    assert x.grad.tolist() == [float("inf")] * 3 + [0.0] * 3


def test_a_leaf_reached_twice_and_by_an_output_of_several():
    x = corelib.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, _ = x.sort()
    (values * corelib.tensor([1.0, 10.0, 100.0]) + x + x).sum().backward()
    assert x.grad.tolist() == [102.0, 3.0, 12.0]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [104.0, 5.0, 14.0]
