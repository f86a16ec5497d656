"""One run of the suite on one device, from what was asked for to the report; the command and the plugin share it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .check import Check, collect
from .report import Run, build
from .runner import Runner, select
from .verdict import Result, excused

__all__ = ["Options", "Session", "UsageError"]


class UsageError(Exception):
    """What was asked for does not exist."""


@dataclass(frozen=True)
class Options:
    """What to ask a device.

    Attributes:
        device: its name.
        profile: "quick" or "full".
        tiers, ops, dtypes: only these; with no tier named, those that the device declares.
        workers: processes; None for as many as there are cores, at most 4.
        seed: of the order of the groups; None for a random one.
        limit: seconds that a check may take.
        setup: what each worker loads first, see :func:`.device.load`.
    """

    device: str
    profile: str = "full"
    tiers: Sequence[str] = ()
    ops: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    workers: int | None = None
    seed: int | None = None
    limit: float = 60.0
    setup: Sequence[str] = ()


class Session:
    """The run.  A context manager: its processes end with it.

    Attributes:
        checks: all of the profile.
        selected: those that are asked, known after :meth:`start`.
        results: what came back so far.
        seed: of the order of the groups.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
        self.checks = collect(options.profile)
        self.selected: list[Check] = []
        self.results: dict[str, Result] = {}
        self.interrupted = False
        self.runner = Runner(
            options.device, options.profile, workers=options.workers, seed=self.seed, limit=options.limit,
            setup=options.setup,
        )  # fmt: skip
        self._began = time.monotonic()
        self._checks_seconds = 0.0
        self._refuse_unknown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runner.close()

    def start(self) -> dict[str, Any]:
        """Start the device, and choose what it is asked; gives its description.

        Raises :class:`.runner.Unavailable`, or :class:`UsageError` where no check is chosen.
        """
        description = self.runner.start()
        self.selected = select(
            self.checks, tiers=self.options.tiers or description["tiers"], ops=self.options.ops,
            dtypes=self.options.dtypes,
        )  # fmt: skip
        if not self.selected:
            raise UsageError("no check of this profile is of these tiers, operations and dtypes together")
        return description

    def run(self, checks: Iterable[Check] | None = None) -> Iterator[Result]:
        """Ask, and give results as they come.

        Ctrl-C raises KeyboardInterrupt here; what came back until then is kept, and the rest is not run.
        """
        before, began = self._checks_seconds, time.monotonic()
        try:
            for result in self.runner.run(self.selected if checks is None else checks):
                self.results[result.id] = result
                self._checks_seconds = before + time.monotonic() - began
                yield result
        except KeyboardInterrupt:
            self.interrupted = True
            self.runner.close()
            raise

    def report(self, *, timings: bool = True) -> dict[str, Any]:
        """The report of what was run; with timings, of the operations that were asked."""
        timed: dict[str, Any] = {}
        if timings and not self.interrupted:
            ops = {c.op: None for c in self.selected if c.op is not None and c.id in self.results}
            timed = self.runner.time(list(ops))
        options = self.options
        asked = {check.id for check in self.selected}
        for check in self.checks:
            if check.id in asked and check.id not in self.results:
                why = "interrupted" if self.interrupted else "no result"
                self.results[check.id] = Result(check.id, "not-run", why)
        return build(
            Run(
                profile=options.profile,
                checks=self.checks,
                results=self.results,
                description=self.runner.description,
                seconds={
                    "startup": self.runner.startup,
                    "warm": self._checks_seconds,
                    "cold": self.runner.startup + self._checks_seconds,
                    "total": time.monotonic() - self._began,
                },
                options={
                    "seed": self.seed,
                    "workers": self.runner.count,
                    "limit": options.limit,
                    "tiers": list(options.tiers),
                    "ops": list(options.ops),
                    "dtypes": list(options.dtypes),
                    "import": list(options.setup),
                },
                timings=timed,
                interrupted=self.interrupted,
            )
        )

    def passed(self) -> bool:
        """Whether everything that was asked is answered, and answered rightly."""
        flags = self.runner.description["flags"]
        return not self.interrupted and all(
            (result := self.results.get(check.id)) is not None
            and (
                result.status == "pass"
                or (result.status == "unsupported-declared" and excused(check.tier, result.flag, flags))
            )
            for check in self.selected
        )

    def _refuse_unknown(self) -> None:
        known: dict[str, set[str | None]] = {
            "tier": {check.tier for check in self.checks},
            "op": {name for check in self.checks for name in (check.op, check.group)},
            "dtype": {check.dtype for check in self.checks},
        }
        asked = {"tier": self.options.tiers, "op": self.options.ops, "dtype": self.options.dtypes}
        for what, names in asked.items():
            for name in names:
                if name not in known[what]:
                    listed = ", ".join(sorted(str(n) for n in known[what] if n))
                    raise UsageError(
                        f"no check of the profile {self.options.profile} has the {what} '{name}': {listed}"
                    )
