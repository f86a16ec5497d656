"""The training loop, as something that can stop between any two batches and go on later.

A :class:`Trainer` holds all that the next step depends on: weights, optimizer, scheduler, random state,
the order of the epoch's images and the position in it.  ``state_dict`` gives it, ``load_state_dict``
takes it back, and nothing else decides what the next step computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

import corelib
from corelib import Tensor, optim
from corelib.nn import functional as F

from .data import Array, Digits
from .model import DigitsNet

__all__ = ["Progress", "Trainer", "predict"]

BATCH = 32
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-2


class Progress(Protocol):
    """Who is told how training goes."""

    def batch(self, trainer: Trainer, samples_per_second: float) -> None: ...

    def epoch(self, trainer: Trainer, record: dict[str, float]) -> None: ...


class Trainer:
    """One training run on ``digits``; two with the same arguments end with the same weights.

    Attributes:
        epoch: epochs that are complete.
        position: batches of the current epoch that are done.
        order: the images' order in this epoch, an int64 tensor.
        history: one record a complete epoch.
    """

    def __init__(self, digits: Digits, *, device: str, epochs: int, seed: int) -> None:
        self.digits, self.device, self.epochs, self.seed = digits, device, epochs, seed
        corelib.manual_seed(seed)
        self.model = DigitsNet().to(device)
        self.optimizer = optim.AdamW(self.model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        self.batches = -(-len(digits.train_labels) // BATCH)
        self.scheduler = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs * self.batches)
        # One pixel of empty border, so that a shifted image is a window of the padded one.
        self.images = corelib.from_numpy(np.pad(digits.train_images, ((0, 0), (1, 1), (1, 1))))
        self.labels = corelib.from_numpy(digits.train_labels)
        self.epoch = 0
        self.position = 0
        self.order = corelib.randperm(len(digits.train_labels))
        self.loss_sum = 0.0
        self.correct = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []

    @property
    def samples(self) -> int:
        """Images of this epoch seen so far."""
        return min(self.position * BATCH, len(self.order))

    def fit(self, progress: Progress, stop: Callable[[], bool]) -> bool:
        """Train until the last epoch is complete; False when ``stop()`` was true after some batch."""
        self.model.train()
        started, samples = time.perf_counter(), 0
        while self.epoch < self.epochs:
            if stop():
                return False
            tick = time.perf_counter()
            samples += self._step()
            now = time.perf_counter()
            self.seconds += now - tick
            progress.batch(self, samples / (now - started))
            if self.position == self.batches:
                progress.epoch(self, self._end_epoch())
        return True

    def _step(self) -> int:
        """One batch; how many images it held."""
        chosen = self.order[self.position * BATCH : (self.position + 1) * BATCH]
        images, labels = self._shifted(chosen).to(self.device), self.labels[chosen].to(self.device)
        logits = self.model(images)
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.loss_sum += loss.item() * len(chosen)
        self.correct += int((logits.argmax(1) == labels).sum().item())
        self.position += 1
        return len(chosen)

    def _shifted(self, chosen: Tensor) -> Tensor:
        """The chosen images, each moved by -1, 0 or 1 pixel (1 : 2 : 1) along both axes: (n, 1, 8, 8)."""
        n = len(chosen)
        down, right = corelib.randint(0, 2, (2, 2, n)).sum(1)
        window = corelib.arange(8)
        rows = (down.view(n, 1) + window).view(n, 8, 1)
        columns = (right.view(n, 1) + window).view(n, 1, 8)
        return self.images[chosen.view(n, 1, 1), rows, columns].unsqueeze(1)

    def _end_epoch(self) -> dict[str, float]:
        probabilities = predict(self.model, self.digits.test_images, self.device)
        labels = self.digits.test_labels
        right = np.take_along_axis(probabilities, labels[:, None], axis=1)
        count = len(self.order)
        record = {
            "epoch": self.epoch + 1,
            "train_loss": self.loss_sum / count,
            "train_accuracy": self.correct / count,
            "test_loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
            "test_accuracy": float((probabilities.argmax(1) == labels).mean()),
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "seconds": self.seconds,
        }
        self.history.append(record)
        self.epoch, self.position, self.loss_sum, self.correct, self.seconds = self.epoch + 1, 0, 0.0, 0, 0.0
        self.order = corelib.randperm(count)
        return record

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the run depends on."""
        return {
            "settings": {"epochs": self.epochs, "seed": self.seed, "device": self.device},
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": corelib.get_rng_state(),
            "order": self.order,
            "progress": {name: getattr(self, name) for name in _PROGRESS},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.order = state["order"]
        for name in _PROGRESS:
            setattr(self, name, state["progress"][name])
        corelib.set_rng_state(state["random"])


_PROGRESS = ("epoch", "position", "loss_sum", "correct", "seconds", "history")


def predict(model: DigitsNet, images: Array, device: str) -> Array:
    """Probabilities, float32 of shape (n, 10), of images of shape (n, 8, 8)."""
    training = model.training
    model.eval()
    with corelib.no_grad():
        logits = model(corelib.from_numpy(images).unsqueeze(1).to(device))
        probabilities: Array = logits.softmax(1).cpu().numpy()
    model.train(training)
    return probabilities
