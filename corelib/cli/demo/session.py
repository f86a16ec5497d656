"""One run of ``corelib demo``: where its files go, being interrupted, and what it leaves."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from rich.console import Console
from threadpoolctl import threadpool_limits

import corelib

from . import EPOCHS
from .data import Digits, load_digits
from .display import Display
from .picture import draw
from .training import Trainer, predict

__all__ = ["run_session"]

CHECKPOINT = "checkpoint.safetensors"
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def run_session(arguments: argparse.Namespace) -> int:
    """Train as the command line says; returns the exit status."""
    digits = load_digits()
    try:
        trainer, folder = _resumed(arguments, digits) if arguments.resume else _fresh(arguments, digits)
    except _Refused as error:
        print(f"corelib demo: {error}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 200)
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    console.print(
        f"{len(digits.train_labels):,} images to learn from, {len(digits.test_labels)} to test on; "
        f"{parameters:,} parameters on {trainer.device}; seed {trainer.seed}; results in {folder}",
        highlight=False,
        soft_wrap=True,
    )
    started = time.perf_counter()
    # Products this small gain nothing from the threads of NumPy's BLAS, which lose much where cores are busy.
    with threadpool_limits(1, "blas"), _interruptible() as interrupted, Display(trainer, console) as display:
        finished = trainer.fit(display, interrupted.is_set)
    if not finished:
        corelib.save(trainer.state_dict(), folder / CHECKPOINT)
        where = f"epoch {trainer.epoch + 1} of {trainer.epochs}, batch {trainer.position} of {trainer.batches}"
        print(f"\ninterrupted in {where}; saved {folder / CHECKPOINT}")
        print(f"go on with: {_program()} demo --resume {folder}")
        return INTERRUPTED
    accuracy = _leave_results(trainer, folder)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    print(f"trained in {time.perf_counter() - started:.1f} s; weights, metrics and picture are in {folder}")
    print(f"test accuracy: {accuracy:.1%}".replace("%", " %"))
    return 0


class _Refused(Exception):
    """The command line asks for what cannot be done."""


def _fresh(arguments: argparse.Namespace, digits: Digits) -> tuple[Trainer, Path]:
    seed = arguments.seed or 0
    device = arguments.device or str(corelib.get_default_device())
    _check_device(device)
    trainer = Trainer(digits, device=device, epochs=arguments.epochs or EPOCHS, seed=seed)
    return trainer, arguments.out or Path("runs") / f"digits-seed{seed}"


def _check_device(device: str) -> None:
    try:
        corelib.empty(0, device=device)
    except RuntimeError as error:  # what is wrong with a device, its name included, is one of these
        raise _Refused(str(error)) from error


def _resumed(arguments: argparse.Namespace, digits: Digits) -> tuple[Trainer, Path]:
    """The run that was interrupted in ``--resume``'s folder; options must not ask for another run."""
    folder: Path = arguments.resume
    path = folder / CHECKPOINT
    if not path.exists():
        raise _Refused(f"nothing to resume: there is no {path}")
    state = corelib.load(path, map_location="cpu")
    settings = state["settings"]
    for name, saved in settings.items():
        asked = getattr(arguments, name)
        if asked is not None and asked != saved:
            raise _Refused(f"the interrupted run had --{name} {saved}, not {asked}: leave the option out")
    _check_device(settings["device"])
    trainer = Trainer(digits, **settings)
    trainer.load_state_dict(state)
    return trainer, arguments.out or folder


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Inside the block the first Ctrl-C sets the event; a second one raises KeyboardInterrupt."""
    event = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)


def _leave_results(trainer: Trainer, folder: Path) -> float:
    """Write weights, metrics and picture; returns the test accuracy."""
    digits = trainer.digits
    probabilities = predict(trainer.model, digits.test_images, trainer.device)
    predicted = probabilities.argmax(1)
    accuracy = float((predicted == digits.test_labels).mean())
    confusion = np.zeros((10, 10), dtype=np.int64)
    np.add.at(confusion, (digits.test_labels, predicted), 1)
    metrics: dict[str, Any] = {
        "test_accuracy": accuracy,
        "seed": trainer.seed,
        "epochs": trainer.epochs,
        "device": trainer.device,
        "corelib": corelib.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "confusion": confusion.tolist(),
        "history": trainer.history,
    }
    corelib.save(trainer.model.state_dict(), folder / "weights.safetensors")
    unfinished = folder / "metrics.json.part"
    unfinished.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    os.replace(unfinished, folder / "metrics.json")
    draw(trainer.history, digits.test_images, digits.test_labels, probabilities, folder / "result.png")
    return accuracy


def _program() -> str:
    """How this program was called, as one would type it."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m corelib"
    found = shutil.which(called.name)
    return called.name if found is not None and Path(found).samefile(called) else str(called)
