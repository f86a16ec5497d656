"""A U-Net for segmentation: down and up with skip connections, transposed convolution, Dice plus cross entropy."""

from __future__ import annotations

from typing import Any

import numpy as np


def main(torch: Any, start: Any) -> tuple[Any, list[float]]:
    nn, F = torch.nn, torch.nn.functional

    class DoubleConv(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.double_conv = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            )

        def forward(self, x: Any) -> Any:
            return self.double_conv(x)

    class Down(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

        def forward(self, x: Any) -> Any:
            return self.maxpool_conv(x)

    class Up(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.up = nn.ConvTranspose2d(inputs, inputs // 2, kernel_size=2, stride=2)
            self.conv = DoubleConv(inputs, outputs)

        def forward(self, x1: Any, x2: Any) -> Any:
            x1 = self.up(x1)
            dy, dx = x2.size()[2] - x1.size()[2], x2.size()[3] - x1.size()[3]
            x1 = F.pad(x1, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
            return self.conv(torch.cat([x2, x1], dim=1))

    class UNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inc = DoubleConv(1, 4)
            self.down1, self.down2 = Down(4, 8), Down(8, 16)
            self.up1, self.up2 = Up(16, 8), Up(8, 4)
            self.outc = nn.Conv2d(4, 2, kernel_size=1)

        def forward(self, x: Any) -> Any:
            x1 = self.inc(x)
            x2 = self.down1(x1)
            x3 = self.down2(x2)
            return self.outc(self.up2(self.up1(x3, x2), x1))

    def dice_loss(logits: Any, mask: Any) -> Any:
        probabilities = F.softmax(logits, dim=1)[:, 1]
        target = mask.float()
        inter = 2 * (probabilities * target).sum(dim=(-1, -2))
        sets = probabilities.sum(dim=(-1, -2)) + target.sum(dim=(-1, -2))
        return 1 - ((inter + 1e-6) / (sets + 1e-6)).mean()

    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:13, 0:13]
    centers, radius = random.uniform(3, 10, (8, 2, 1, 1)), random.uniform(2, 4, (8, 1, 1))
    masks = ((rows - centers[:, 0]) ** 2 + (columns - centers[:, 1]) ** 2 < radius**2).astype(np.int64)
    images = torch.from_numpy((masks + random.normal(0, 0.3, masks.shape)).astype(np.float32)).unsqueeze(1)
    masks_ = torch.from_numpy(masks)

    model = UNet()
    start(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, eps=1e-2, weight_decay=1e-8, momentum=0.9)
    losses = []
    for _ in range(20):
        optimizer.zero_grad(set_to_none=True)
        logits = model(images)
        loss = F.cross_entropy(logits, masks_) + dice_loss(logits, masks_)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, losses


if __name__ == "__main__":
    import torch

    _, values = main(torch, lambda model: None)
    print("losses:", " ".join(f"{value:.4f}" for value in values))
