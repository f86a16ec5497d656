"""A convolutional classifier of small images: DataLoader, dropout switched off, step schedule, evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np


def digits(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images of 14 x 14 with a bright bar whose place depends on the class."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count)
    images = random.normal(0, 0.3, (count, 1, 14, 14)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, label : label + 3, 2 + label % 3 : 10] += 1.5
    return images, labels


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional
    from_data = torch.utils.data

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 8, 3, 1)
            self.conv2 = nn.Conv2d(8, 16, 3, 1)
            self.dropout1 = nn.Dropout(0.25)
            self.fc1 = nn.Linear(16 * 5 * 5, 32)
            self.fc2 = nn.Linear(32, 10)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.conv1(x))
            x = F.relu(self.conv2(x))
            x = F.max_pool2d(x, 2)
            x = self.dropout1(x)
            x = torch.flatten(x, 1)
            x = F.relu(self.fc1(x))
            return F.log_softmax(self.fc2(x), dim=1)

    class Digits(from_data.Dataset):  # type: ignore[misc, name-defined]
        def __init__(self, count: int) -> None:
            self.images, self.labels = digits(count)

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return torch.from_numpy(self.images[index]), int(self.labels[index])

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_loader = from_data.DataLoader(Digits(150), batch_size=16, shuffle=False, drop_last=False)
    test_loader = from_data.DataLoader(Digits(40), batch_size=40)
    model = Net().to(device)
    start(model)
    model.dropout1.p = 0.0  # the libraries draw different numbers
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)

    losses = []
    for _epoch in range(2):
        model.train()
        for data, target in train_loader:
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            output = model(data)
            loss = F.nll_loss(output, target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        correct = 0
        with torch.no_grad():
            for data, target in test_loader:
                prediction = model(data.to(device)).argmax(dim=1, keepdim=True)
                correct += prediction.eq(target.to(device).view_as(prediction)).sum().item()
        assert 0 <= correct <= 40
        scheduler.step()
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))
