"""The demo's picture: how it learned, what it confuses, and its worst mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .data import Array

__all__ = ["draw"]

TRAIN, TEST, WRONG, RIGHT, INK = "#8da0b6", "#1f5fa8", "#c0392b", "#2e7d4f", "#2b2f36"
IMAGES = 10


def draw(history: list[dict[str, float]], images: Array, labels: Array, probabilities: Array, path: Path) -> None:
    """Draw the result of a run as a PNG.

    Args:
        history: the trainer's records, one an epoch.
        images: test images of shape (n, 8, 8).
        labels: their digits, of shape (n,).
        probabilities: the network's answers, of shape (n, 10).
        path: where to.
    """
    predicted = probabilities.argmax(1)
    wrong = int((predicted != labels).sum())
    figure = Figure(figsize=(11, 6.3), dpi=110, facecolor="white")
    figure.suptitle(
        f"{len(labels) - wrong} of {len(labels)} handwritten digits read right: {1 - wrong / len(labels):.1%}",
        fontsize=14, fontweight="bold", color=INK, y=0.975,
    )  # fmt: skip
    upper = figure.add_gridspec(1, 3, left=0.06, right=0.975, top=0.87, bottom=0.44, wspace=0.28)
    _curves(figure.add_subplot(upper[0]), history, "loss", "loss")
    _curves(figure.add_subplot(upper[1]), history, "accuracy", "accuracy, %")
    _confusion(figure.add_subplot(upper[2]), labels, predicted)
    lower = figure.add_gridspec(1, IMAGES, left=0.03, right=0.97, top=0.25, bottom=0.085, wspace=0.15)
    _mistakes(figure, lower, images, labels, probabilities)
    figure.savefig(path)


def _curves(axes: Any, history: list[dict[str, float]], quantity: str, title: str) -> None:
    epochs = [record["epoch"] for record in history]
    scale = 100 if quantity == "accuracy" else 1
    for name, color, label in (("train", TRAIN, "training, with dropout and shifts"), ("test", TEST, "test")):
        values = [scale * record[f"{name}_{quantity}"] for record in history]
        axes.plot(epochs, values, color=color, label=label, linewidth=2, marker="o", markersize=3)
    axes.set_title(title, fontsize=11, color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if quantity == "loss":
        axes.set_yscale("log")
    axes.grid(alpha=0.25, which="both" if quantity == "loss" else "major")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)


def _confusion(axes: Any, labels: Array, predicted: Array) -> None:
    counts = np.zeros((10, 10), dtype=np.int64)
    np.add.at(counts, (labels, predicted), 1)
    # The diagonal would drown the mistakes, which are what one looks for: it has a scale of its own.
    diagonal = np.eye(10, dtype=bool)
    axes.imshow(np.ma.masked_array(counts, ~diagonal), cmap="Blues", vmin=0, vmax=1.6 * counts.max())
    axes.imshow(np.ma.masked_array(counts, diagonal | (counts == 0)), cmap="Reds", vmin=0, vmax=4)
    for row, column in np.argwhere(counts):
        axes.text(column, row, counts[row, column], ha="center", va="center", fontsize=8, color=INK)
    axes.set_title("confusion: rows are the truth", fontsize=11, color=INK)
    axes.set_xlabel("read as", color=INK)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(11) - 0.5, minor=True)
    axes.set_yticks(np.arange(11) - 0.5, minor=True)
    axes.grid(which="minor", color="#e6e9ee", linewidth=0.8)
    axes.tick_params(which="minor", length=0)


def _mistakes(figure: Figure, grid: Any, images: Array, labels: Array, probabilities: Array) -> None:
    """Mistakes, the surest first; where they are few, then the right answers that were least sure."""
    predicted = probabilities.argmax(1)
    sure = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    hardest = np.lexsort((sure, predicted == labels))[:IMAGES]
    mistakes = int((predicted != labels).sum())
    title = "the worst mistakes" if mistakes >= IMAGES else "its mistakes, and what it was least sure of"
    figure.text(0.5, 0.315, title, ha="center", fontsize=11, color=INK)
    for cell, index in zip(grid, hardest, strict=False):
        axes = figure.add_subplot(cell)
        axes.imshow(images[index], cmap="gray_r", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])
        answer, truth = predicted[index], labels[index]
        color = RIGHT if answer == truth else WRONG
        axes.spines[:].set_color(color)
        axes.spines[:].set_linewidth(2)
        axes.set_title(f"a {truth}", fontsize=10, color=INK, pad=4)
        axes.set_xlabel(f"read as {answer}\n{probabilities[index, answer]:.0%} sure", fontsize=9, color=color)
