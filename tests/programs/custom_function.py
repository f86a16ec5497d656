"""Operations of one's own: autograd.Function with saved tensors, a straight-through estimator, a module around them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn = torch.nn

    class LinearFunction(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, input: Any, weight: Any, bias: Any = None) -> Any:
            ctx.save_for_backward(input, weight, bias)
            output = input.mm(weight.t())
            if bias is not None:
                output += bias.unsqueeze(0).expand_as(output)
            return output

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> tuple[Any, Any, Any]:
            input, weight, bias = ctx.saved_tensors
            grad_input = grad_weight = grad_bias = None
            if ctx.needs_input_grad[0]:
                grad_input = grad_output.mm(weight)
            if ctx.needs_input_grad[1]:
                grad_weight = grad_output.t().mm(input)
            if bias is not None and ctx.needs_input_grad[2]:
                grad_bias = grad_output.sum(0)
            return grad_input, grad_weight, grad_bias

    class Quantize(torch.autograd.Function):  # type: ignore[misc, name-defined]
        """Rounds to a grid; the gradient passes straight through where the value is in range."""

        @staticmethod
        def forward(ctx: Any, x: Any, levels: int) -> Any:
            ctx.save_for_backward(x)
            return (x.clamp(-1, 1) * levels).round() / levels

        @staticmethod
        def backward(ctx: Any, grad: Any) -> tuple[Any, None]:
            (x,) = ctx.saved_tensors
            return grad * (x.abs() <= 1).to(grad.dtype), None

    class Swish(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            sigmoid = torch.sigmoid(x)
            ctx.save_for_backward(x, sigmoid)
            return x * sigmoid

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            x, sigmoid = ctx.saved_tensors
            return grad_output * (sigmoid * (1 + x * (1 - sigmoid)))

    class MyLinear(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, input_features: int, output_features: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(output_features, input_features))
            self.bias = nn.Parameter(torch.empty(output_features))
            bound = 1 / math.sqrt(input_features)
            nn.init.uniform_(self.weight, -bound, bound)
            nn.init.uniform_(self.bias, -bound, bound)

        def forward(self, input: Any) -> Any:
            return LinearFunction.apply(input, self.weight, self.bias)

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = MyLinear(4, 16), MyLinear(16, 1)

        def forward(self, x: Any) -> Any:
            return self.second(Swish.apply(self.first(Quantize.apply(x, 8))))

    generator = np.random.default_rng(0)
    x = torch.tensor(generator.uniform(-1.2, 1.2, (64, 4)), dtype=torch.float32)
    y = (x[:, :1] * x[:, 1:2] + torch.sin(2 * x[:, 2:3])).detach()
    shift = nn.Parameter(torch.zeros(4))

    model = Net()
    start(model)
    small = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Swish.apply, (small,))
    optimizer = torch.optim.Adamax([{"params": model.parameters()}, {"params": [shift], "lr": 1e-3}], lr=2e-2)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = ((model(x + shift) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert shift.grad is not None
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))
