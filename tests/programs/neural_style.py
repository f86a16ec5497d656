"""Style transfer: forward hooks on a fixed network, Gram matrices, LBFGS over the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class Normalization(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, mean: list[float], std: list[float]) -> None:
            super().__init__()
            self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
            self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

        def forward(self, img: Any) -> Any:
            return (img - self.mean) / self.std

    def gram_matrix(input: Any) -> Any:
        a, b, c, d = input.size()
        features = input.view(a * b, c * d)
        return torch.mm(features, features.t()).div(a * b * c * d)

    class Picture(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, image: Any) -> None:
            super().__init__()
            self.pixels = nn.Parameter(image.clone())

    cnn = nn.Sequential(
        Normalization([0.48, 0.45, 0.4], [0.23, 0.22, 0.22]),
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
    ).eval()
    start(cnn)
    for p in cnn.parameters():
        p.requires_grad_(False)

    features: dict[str, Any] = {}

    def remember(name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            features[name] = output

        return hook

    handles = [cnn[1].register_forward_hook(remember("conv1")), cnn[4].register_forward_hook(remember("conv2"))]

    random = np.random.default_rng(0)
    content_img = torch.from_numpy(random.uniform(0, 1, (1, 3, 10, 10)).astype(np.float32))
    stripes = np.broadcast_to(np.arange(10) % 2, (1, 3, 10, 10)).astype(np.float32)
    style_img = torch.from_numpy(stripes.copy())
    cnn(content_img)
    content_target = features["conv2"].detach()
    cnn(style_img)
    style_targets = {name: gram_matrix(value).detach() for name, value in features.items()}

    picture = Picture(content_img)
    start(picture)
    optimizer = torch.optim.LBFGS([picture.pixels], lr=0.5, max_iter=1)
    losses: list[float] = []

    def closure() -> Any:
        with torch.no_grad():
            picture.pixels.clamp_(0, 1)
        optimizer.zero_grad()
        cnn(picture.pixels)
        style_score = sum(F.mse_loss(gram_matrix(features[n]), target) for n, target in style_targets.items())
        content_score = F.mse_loss(features["conv2"], content_target)
        loss = 100 * style_score + content_score
        loss.backward()
        return loss

    for _ in range(20):
        losses.append(optimizer.step(closure).item())
    for handle in handles:
        handle.remove()
    features.clear()
    cnn(content_img)
    assert not features
    return picture, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))
