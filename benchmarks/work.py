"""What is measured: each function takes the library (corelib or torch) and returns the call to time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple

__all__ = ["LARGE", "SMALL", "Work"]

Call = Callable[[], Any]
Build = Callable[[Any], Call]


class Work(NamedTuple):
    """A row of the table.

    Attributes:
        name: what the table calls it.
        build: makes the call to time from a library.
        target: the ratio corelib/PyTorch that it must not pass, if there is one.
        reference: builds PyTorch's side, where that is not the same code.
    """

    name: str
    build: Build
    target: float | None = None
    reference: Build | None = None


# -- small: what matters is the cost of a call -----------------------------------------------------------------


def _add(torch: Any, recorded: bool) -> Call:
    a, b = (torch.rand(10).requires_grad_(recorded) for _ in range(2))
    return lambda: a + b


def _relu(torch: Any) -> Call:
    a = torch.rand(10)
    return lambda: torch.relu(a)


def _sum(torch: Any) -> Call:
    a = torch.rand(10)
    return lambda: a.sum()


def _matmul(torch: Any) -> Call:
    a, b = torch.rand(8, 8), torch.rand(8, 8)
    return lambda: a @ b


def _view(torch: Any) -> Call:
    a = torch.rand(10)
    return lambda: a.view(2, 5)


def _add_inplace(torch: Any) -> Call:
    a, b = torch.rand(10), torch.rand(10)
    return lambda: a.add_(b)


def _linear_relu_sum(torch: Any) -> Call:
    functional = torch.nn.functional
    x, w, b = torch.rand(32, 64), torch.rand(64, 64).requires_grad_(), torch.rand(64).requires_grad_()

    def call() -> None:
        w.grad = b.grad = None
        functional.relu(functional.linear(x, w, b)).sum().backward()

    return call


def _step(torch: Any, net: Any, x: Any, classes: int, optimizer: Any) -> Call:
    # Labels that change: on one batch learnt by heart, gradients sink into subnormal numbers, which are slow.
    targets = cycle([torch.randint(0, classes, (x.shape[0],)) for _ in range(64)])
    cross_entropy = torch.nn.functional.cross_entropy

    def call() -> None:
        optimizer.zero_grad()
        cross_entropy(net(x), next(targets)).backward()
        optimizer.step()

    return call


def _mlp_step(torch: Any, **options: Any) -> Call:
    nn = torch.nn
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return _step(torch, net, torch.rand(32, 64), 10, torch.optim.Adam(net.parameters(), **options))


SMALL = [
    Work("`a + b` on ten floats", partial(_add, recorded=False), 0.8),
    Work("`a + b` on ten floats, gradient recorded", partial(_add, recorded=True), 0.8),
    Work("`relu(a)` on ten floats", _relu),
    Work("`a.sum()` of ten floats", _sum),
    Work("`a.view(2, 5)`", _view),
    Work("`a.add_(b)` on ten floats", _add_inplace),
    Work("`a @ b`, 8x8", _matmul),
    Work("linear-relu-sum, 32x64 by 64x64, forward and backward", _linear_relu_sum, 0.5),
    Work("MLP 64-64-10, batch 32, Adam step", _mlp_step, 0.5),
    Work("the same, against Adam with `fused=True`", _mlp_step, None, partial(_mlp_step, fused=True)),
]


# -- large: what matters is the kernels --------------------------------------------------------------------------


def _convolutional_step(torch: Any) -> Call:
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip
    return _step(torch, net, torch.rand(64, 1, 28, 28), 10, torch.optim.SGD(net.parameters(), lr=0.01))


def _transformer_block(torch: Any) -> Call:
    nn, functional = torch.nn, torch.nn.functional
    batch, length, heads, width = 4, 128, 4, 128
    x = torch.randn(batch, length, width)
    norms = [nn.LayerNorm(width), nn.LayerNorm(width)]
    mix, join = nn.Linear(width, 3 * width), nn.Linear(width, width)
    wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    parameters = [p for module in (*norms, mix, join, wide, narrow) for p in module.parameters()]

    def attend(y: Any) -> Any:
        q, k, v = mix(y).reshape(batch, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return join(mixed.transpose(1, 2).reshape(batch, length, width))

    def call() -> None:
        for p in parameters:
            p.grad = None
        y = x + attend(norms[0](x))
        y = y + narrow(functional.gelu(wide(norms[1](y))))
        y.sum().backward()

    return call


def _elementwise(torch: Any, name: str) -> Call:
    a, b = torch.rand(10_000_000), torch.rand(10_000_000)
    function = getattr(torch, name)
    return (lambda: function(a, b)) if name in ("add", "mul") else (lambda: function(a))


def _functional(torch: Any, name: str, shape: tuple[int, ...], *args: Any, recorded: bool = False) -> Call:
    function = getattr(torch.nn.functional, name)
    x = torch.randn(*shape).requires_grad_(recorded)
    if not recorded:
        return lambda: function(x, *args)

    def call() -> None:
        x.grad = None
        function(x, *args).sum().backward()

    return call


def _attention(torch: Any) -> Call:
    q, k, v = (torch.randn(4, 8, 256, 64) for _ in range(3))
    attention = torch.nn.functional.scaled_dot_product_attention
    return lambda: attention(q, k, v)


def _convolution(torch: Any, recorded: bool) -> Call:
    x, w = torch.randn(32, 32, 28, 28).requires_grad_(recorded), torch.randn(64, 32, 3, 3).requires_grad_(recorded)
    convolution = torch.nn.functional.conv2d
    if not recorded:
        return lambda: convolution(x, w)

    def call() -> None:
        x.grad = w.grad = None
        convolution(x, w).sum().backward()

    return call


LARGE = [
    Work("The MNIST example's net, batch 64, SGD step", _convolutional_step),
    Work("GPT block, 4x128x128, 4 heads, forward and backward", _transformer_block),
    Work("`a + b`, 10M floats", partial(_elementwise, name="add")),
    Work("`a * b`, 10M floats", partial(_elementwise, name="mul")),
    Work("`exp(a)`, 10M floats", partial(_elementwise, name="exp")),
    Work("`a.sum()`, 10M floats", partial(_elementwise, name="sum")),
    Work("`dropout(x)`, 1024x1024", lambda torch: _functional(torch, "dropout", (1024, 1024), 0.5)),
    Work("`softmax(x, -1)`, 4096x1024", lambda torch: _functional(torch, "softmax", (4096, 1024), -1)),
    Work("`layer_norm(x)`, 4096x1024", lambda torch: _functional(torch, "layer_norm", (4096, 1024), (1024,))),
    Work("attention, 4x8x256x64", _attention),
    Work("`conv2d`, 32x32x28x28 by 64x32x3x3, forward", partial(_convolution, recorded=False)),
    Work("`conv2d`, the same, forward and backward", partial(_convolution, recorded=True)),
    Work("`max_pool2d(x, 2)`, 64x32x26x26, forward and backward",
         lambda torch: _functional(torch, "max_pool2d", (64, 32, 26, 26), 2, recorded=True)),
]  # fmt: skip
