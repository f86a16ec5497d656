"""A siamese network: one embedding for anchor, positive and negative, a triplet loss, nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional
    random = np.random.default_rng(0)

    class EmbeddingNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.convnet = nn.Sequential(
                nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2, stride=2), nn.Conv2d(6, 12, 2), nn.ReLU()
            )
            self.fc = nn.Sequential(nn.Linear(12 * 3 * 3, 24), nn.ReLU(), nn.Linear(24, 3))

        def forward(self, x: Any) -> Any:
            output = self.convnet(x)
            output = output.view(output.size()[0], -1)
            return F.normalize(self.fc(output), p=2, dim=1)

    class TripletNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, embedding_net: Any) -> None:
            super().__init__()
            self.embedding_net = embedding_net

        def forward(self, x1: Any, x2: Any, x3: Any) -> tuple[Any, Any, Any]:
            return self.embedding_net(x1), self.embedding_net(x2), self.embedding_net(x3)

    labels = random.integers(0, 3, 60)
    images = random.normal(0, 0.8, (60, 1, 10, 10)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 3 * label : 3 * label + 3] += 1.0
    data = torch.from_numpy(images)

    def triplets(count: int) -> tuple[Any, Any, Any]:
        anchors = random.integers(0, 60, count)
        positives = [random.choice(np.flatnonzero(labels == labels[a])) for a in anchors]
        negatives = [random.choice(np.flatnonzero(labels != labels[a])) for a in anchors]
        return data[anchors.tolist()], data[[int(p) for p in positives]], data[[int(n) for n in negatives]]

    model = TripletNet(EmbeddingNet())
    start(model)
    loss_fn = nn.TripletMarginLoss(margin=1.5)
    optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3, factor=0.5)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = loss_fn(*model(*triplets(16)))
        loss.backward()
        optimizer.step()
        scheduler.step(loss.item())
        losses.append(loss.item())
    with torch.no_grad():
        embedded = model.embedding_net(data)
        distances = torch.cdist(embedded, embedded) + torch.eye(len(data)) * 1e9  # not to itself
        nearest = distances.argmin(dim=1)
    assert nearest.shape == (60,)
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))
