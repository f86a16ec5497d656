"""autograd.Function: saving, marking, contexts, errors and second derivatives, as PyTorch has them."""

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
def simple(torch: Any, attempt: Any) -> Any:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.save_for_backward(x)
            ctx.scale = scale
            return x**3 * scale

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * 3 * x * x * ctx.scale, None

    x = leaf(torch)
    y = Cube.apply(x, 2.0)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    first.sum().backward()
    z = Cube.apply(x, 1.0).sum()
    z.backward()
    return y, y.grad_fn.name(), first, x.grad, attempt(lambda: z.backward()), Cube.apply(torch.ones(2), 2.0)


@program
def saving_outputs(torch: Any, attempt: Any) -> Any:
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            out = x.exp()
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (out,) = ctx.saved_tensors
            return grad * out

    x = leaf(torch)
    (first,) = torch.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    first.sum().backward()
    y = Exp.apply(x)
    y.add_(1)
    return first, x.grad, attempt(lambda: y.sum().backward())


@program
def setup_context(torch: Any, attempt: Any) -> Any:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.sizes = len(inputs), tuple(output.shape)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad * y, grad * x if ctx.needs_input_grad[1] else None

    x, y = leaf(torch), leaf(torch)
    Product.apply(x, y).sum().backward()
    z = leaf(torch)
    Product.apply(z, torch.ones(3)).sum().backward()
    return x.grad, y.grad, z.grad


@program
def what_is_needed(torch: Any, attempt: Any) -> Any:
    seen = []

    class Note(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            seen.append((ctx.needs_input_grad, torch.is_grad_enabled(), [hasattr(i, "grad_fn") for i in inputs]))
            return inputs[0] * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            seen.append((ctx.needs_input_grad, torch.is_grad_enabled()))
            return grad * 2, None, None, None

    x = leaf(torch)
    Note.apply(x, torch.ones(1), "text", None).sum().backward()
    torch.autograd.grad(Note.apply(x, leaf(torch), 1, 2).sum(), x, create_graph=True)
    with torch.no_grad():
        y = Note.apply(x, 1, 2, 3)
    return seen, x.grad, y


@program
def several_results(torch: Any, attempt: Any) -> Any:
    seen = []

    class Several(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, materialize: bool) -> Any:
            ctx.set_materialize_grads(materialize)
            positive = x > 1
            ctx.mark_non_differentiable(positive)
            return x * 2, positive, x * 3, "text"

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            seen.append([None if g is None else (str(g.dtype), g.tolist()) for g in grads])
            return sum(g for g in (grads[0], grads[2]) if g is not None), None

    x = leaf(torch)
    for materialize in (True, False):
        a, flags, b, text = Several.apply(x, materialize)
        (a * 2).sum().backward(retain_graph=True)
        b.sum().backward(retain_graph=True)
        (a.sum() + b.sum()).backward()
        seen.append((flags.requires_grad, b.output_nr, text, type(a).__name__))
    return seen, x.grad


@program
def non_differentiable_floats(torch: Any, attempt: Any) -> Any:
    class Split(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return whole, x - whole

        @staticmethod
        def backward(ctx: Any, whole: Any, rest: Any) -> Any:
            return rest + whole

    x = leaf(torch)
    whole, rest = Split.apply(x * 1.25)
    (rest * 2).sum().backward()
    return whole.requires_grad, rest.requires_grad, x.grad


@program
def writing_an_input(torch: Any, attempt: Any) -> Any:
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            x.mul_(2)
            return x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2

    x = leaf(torch)
    y = x * 3
    z = Double.apply(y)
    same = z is y, y._version, y.grad_fn.name()
    (z * z).sum().backward()
    plain = torch.ones(2)
    again = Double.apply(plain)
    return same, x.grad, attempt(lambda: Double.apply(leaf(torch))), again is plain, plain


@program
def returning_an_input(torch: Any, attempt: Any) -> Any:
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 10

    x = leaf(torch)
    y = Same.apply(x)
    first = y is x, y.grad_fn.name(), x.is_leaf, y._version
    y.sum().backward()
    z = torch.ones(2)
    return first, x.grad, Same.apply(z) is z, attempt(lambda: Same.apply(x * 1).mul_(2))


@program
def returning_a_view(torch: Any, attempt: Any) -> Any:
    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x[:2]

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return torch.cat([grad * 5, grad[:1] * 0])

    x = leaf(torch)
    y = First.apply(x)
    y.sum().backward()
    return x.grad, attempt(lambda: First.apply(x * 1).mul_(2))


@program
def only_once(torch: Any, attempt: Any) -> Any:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2 * ctx.saved_tensors[0]

    x = leaf(torch)
    Once.apply(x).sum().backward()
    (first,) = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    return x.grad, first.requires_grad, attempt(lambda: first.sum().backward())


@program
def wrong_gradients(torch: Any, attempt: Any) -> Any:
    def run(result: Callable[[Any], Any], n: int = 1) -> Any:
        class Wrong(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *xs: Any) -> Any:
                return xs[0] * 2

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                return result(grad)

        x = leaf(torch)
        y = Wrong.apply(*[x] * n)
        return attempt(lambda: y.sum().backward()) or x.grad

    return [
        run(lambda g: (g, g)),
        run(lambda g: (g, None)),
        run(lambda g: g, 2),
        run(lambda g: g[:2]),
        run(lambda g: g.expand(2, 3)),
        run(lambda g: g.double()),
        run(lambda g: None),
        run(lambda g: 3),
        run(lambda g: g.sum()),
    ]


@program
def not_implemented(torch: Any, attempt: Any) -> Any:
    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    class Nothing(torch.autograd.Function):
        pass

    x = leaf(torch)
    y = Half.apply(x)
    return attempt(lambda: y.sum().backward()), attempt(lambda: Nothing.apply(x)), attempt(lambda: Half()(x))


@program
def wrong_saving(torch: Any, attempt: Any) -> Any:
    class Save(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, what: Any) -> Any:
            ctx.save_for_backward(x, what)
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * len([t for t in ctx.saved_tensors if t is not None]), None

    x = leaf(torch)
    Save.apply(x, None).sum().backward()
    return x.grad, attempt(lambda: Save.apply(x, 3))


@program
def a_saved_input_is_written(torch: Any, attempt: Any) -> Any:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 2 * ctx.saved_tensors[0]

    x = leaf(torch)
    y = x * 1
    z = Square.apply(y)
    y.add_(1)
    return attempt(lambda: z.sum().backward())


@program
def gradients_are_not_shared(torch: Any, attempt: Any) -> Any:
    kept = []

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            fresh = grad * 2
            kept.append(fresh)
            return fresh, fresh

    x, y = leaf(torch), leaf(torch)
    Both.apply(x, y).sum().backward()
    x.grad.add_(100)
    return x.grad, y.grad, kept
