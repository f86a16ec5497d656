"""How training is shown: a live bar on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from .training import Trainer

__all__ = ["Display"]


class Display:
    """A context manager that is told of batches and epochs (see :class:`.training.Progress`)."""

    def __init__(self, trainer: Trainer, console: Console) -> None:
        self.console = console
        self.total = trainer.epochs * trainer.batches
        self.begun = trainer.epoch * trainer.batches + trainer.position
        self.started = time.perf_counter()
        self.bar = Bar(
            TextColumn("[bold]epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=None),
            TextColumn("loss [cyan]{task.fields[loss]:.4f}[/]  accuracy [green]{task.fields[accuracy]:5.1%}[/]"),
            TextColumn("{task.fields[speed]:,.0f} samples/s  [magenta]{task.fields[left]}[/] left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
            expand=True,
        )
        self.task = self.bar.add_task(
            "training", total=self.total, completed=self.begun, epochs=trainer.epochs, **self._fields(trainer, 0.0)
        )

    def __enter__(self) -> Display:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def batch(self, trainer: Trainer, samples_per_second: float) -> None:
        """Move the bar."""
        self.bar.update(self.task, advance=1, **self._fields(trainer, samples_per_second))

    def epoch(self, trainer: Trainer, record: dict[str, float]) -> None:
        """One line that stays."""
        speed = len(trainer.order) / record["seconds"]
        self.console.print(
            f"epoch {record['epoch']:>3}/{trainer.epochs}   loss {record['train_loss']:.4f}   "
            f"accuracy {record['train_accuracy']:6.1%}   test accuracy {record['test_accuracy']:6.1%}   "
            f"{speed:7,.0f} samples/s   {self._time_left(trainer)} left",
            highlight=False,
            soft_wrap=True,
        )

    def _fields(self, trainer: Trainer, speed: float) -> dict[str, Any]:
        seen = max(trainer.samples, 1)
        return {
            "epoch": min(trainer.epoch + 1, trainer.epochs),
            "loss": trainer.loss_sum / seen,
            "accuracy": trainer.correct / seen,
            "speed": speed,
            "left": self._time_left(trainer),
        }

    def _time_left(self, trainer: Trainer) -> str:
        done = trainer.epoch * trainer.batches + trainer.position
        if done == self.begun:
            return "-:--"
        seconds = (time.perf_counter() - self.started) / (done - self.begun) * (self.total - done)
        return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
