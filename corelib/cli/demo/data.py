"""The digits that ship inside scikit-learn, with a fixed split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Digits", "load_digits"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Digits:
    """Images are float32 of shape (n, 8, 8) between 0 and 1, labels int64 of shape (n,)."""

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


def load_digits() -> Digits:
    """1,797 real images: every fifth of each digit, in the order of the data set, is for testing."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = (bunch.images / 16.0).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(labels == digit)[::5]] = True
    return Digits(images[~test], labels[~test], images[test], labels[test])
