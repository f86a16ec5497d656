"""The network that the demo trains."""

from __future__ import annotations

from corelib import Tensor, nn

__all__ = ["DigitsNet"]


class DigitsNet(nn.Module):
    """Two convolutions with batch norm, relu and pooling, then dropout and one linear layer.

    Shape: (n, 1, 8, 8) float32 to (n, 10) logits.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(8 * width, 10))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(images))
        return logits
