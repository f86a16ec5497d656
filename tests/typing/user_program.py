"""A program as a user would write it: it is checked strictly against the installed package, and run."""

from __future__ import annotations

import corelib as torch
from corelib import Tensor, nn, optim
from corelib.nn import functional as F


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, hidden)
        self.second = nn.Linear(hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.second(F.relu(self.first(x)))
        return logits


def train(model: Net, steps: int) -> float:
    x = torch.randn(16, 4)
    target = torch.randint(0, 3, (16,))
    optimizer = optim.AdamW(model.parameters(), lr=1e-2)
    loss = F.cross_entropy(model(x), target)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
    return float(loss.item())


@torch.no_grad()
def accuracy(model: Net, x: Tensor, target: Tensor) -> float:
    best = model(x).max(dim=1)
    chosen: Tensor = best.indices
    right: Tensor = torch.sum(chosen == target)
    return float(right) / x.size(0)


def decay(model: Net, rate: float) -> None:
    scale = torch.empty(())
    torch.exp(torch.tensor(-rate), out=scale)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
            parameter.clamp_(-1, 1).add_(0.0)


def main() -> None:
    torch.manual_seed(0)
    model = Net(hidden=8)
    before, after = train(model, 1), train(model, 50)
    shape: tuple[int, ...] = tuple(model.first.weight.shape)
    device: torch.device = model.first.weight.device
    with torch.no_grad():
        total: Tensor = model.first.weight.sum() * 2 + 1
    decay(model, 0.1)
    share = accuracy(model, torch.randn(6, 4), torch.arange(6) % 3)
    assert 0 <= share <= 1 and torch.cuda.device_count() >= 0
    print(f"{shape} on {device}: loss {before:.3f} -> {after:.3f}, {total.dtype}")


if __name__ == "__main__":
    main()
