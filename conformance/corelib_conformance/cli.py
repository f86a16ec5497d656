"""What ``corelib conformance`` does; its arguments are in ``corelib.cli.conformance``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .badge import badge
from .html import html
from .progress import Progress
from .report import failures, verify
from .runner import Unavailable
from .session import Options, Session, UsageError

__all__ = ["heading", "run", "summary", "tiers", "verify_file", "write_reports"]

_PROGRAMS = 5  # operations for which a program is printed
_GROUPS = 30  # operations whose first failure is shown


def run(arguments: argparse.Namespace) -> int:
    """Run the suite: 0 where all that was asked passes, 1 where not, 2 where it cannot be asked, 130 after Ctrl-C."""
    files = {"json": arguments.json, "html": arguments.html, "badge": arguments.badge}
    for path in files.values():
        if path is not None and not Path(path).absolute().parent.is_dir():
            return _usage(f"{path}: there is no such folder")
    options = Options(
        device=arguments.device, profile=arguments.profile, tiers=_names(arguments.tier), ops=_names(arguments.op),
        dtypes=_names(arguments.dtype), workers=arguments.workers, seed=arguments.seed, limit=arguments.timeout,
        setup=tuple(arguments.setup),
    )  # fmt: skip
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with Session(options) as session:
            description = session.start()
            print(heading(session, description), flush=True)
            try:
                with Progress(len(session.selected)) as progress:
                    for result in session.run():
                        progress.update(result)
                report = session.report(timings=any(files.values()))
            except KeyboardInterrupt:
                session.interrupted = True
                report = session.report()
            passed = session.passed()
    except (UsageError, Unavailable) as error:
        return _usage(str(error))
    except KeyboardInterrupt:
        print("interrupted before the device was ready", file=sys.stderr)
        return 130
    for line in summary(report):
        print(line)
    write_reports(report, **files)
    if report["interrupted"]:
        return 130
    return 0 if passed else 1


def heading(session: Session, description: Mapping[str, Any]) -> str:
    """What is about to happen, in one line."""
    return (
        f"{description['device']} ({description['hardware']['name']}), suite {description['versions']['suite']}, "
        f"{session.options.profile} profile, {len(session.selected)} checks, {session.runner.count} workers, "
        f"seed {session.seed}"
    )


def _interrupted(number: int, frame: Any) -> NoReturn:
    """Being told to end is an interruption: what is known is written."""
    raise KeyboardInterrupt


def verify_file(path: str) -> int:
    """Derive a report's verdict again: 0 where it is the one it states, 1 where not, 2 where it cannot be read."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return _usage(f"{path}: {error}")
    wrong = verify(report)
    if wrong:
        for line in wrong:
            print(line)
        print(f"{path}: not verified")
        return 1
    for tier, found in report["tiers"].items():
        print(f"{tier}: {found['verdict']}")
    print(f"{path}: verified; the statuses themselves are {report['device']}'s own account")
    return 0


def write_reports(report: Mapping[str, Any], *, json: str | None, html: str | None, badge: str | None) -> None:
    """Write the files that are named."""
    for path, make in ((json, _as_json), (html, _as_html), (badge, _as_badge)):
        if path is not None:
            Path(path).write_text(make(report), encoding="utf-8")
            print(f"wrote {path}")


def summary(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines for people: failures with programs, then the verdict."""
    for number, (name, entries) in enumerate(failures(report).items()):
        if number == _GROUPS:
            yield "\n… and more operations; --json FILE has them all"
            break
        first, *others = entries
        alone = f" (alone: {first['alone']})" if "alone" in first else ""
        yield f"\n{first['id']}: {first['status']}{alone}"
        yield _indented(first.get("message", ""), 12)
        if number < _PROGRAMS:
            yield "  a program that shows it:"
            yield _indented(first["program"], 60, "    ")
        if others:
            named = ", ".join(entry["id"] for entry in others[:3])
            yield f"  {len(others)} more of {name}: {named}{', …' if len(others) > 3 else ''}"
    yield ""
    yield from tiers(report)


def tiers(report: Mapping[str, Any]) -> Iterator[str]:
    """The verdict of each tier and the counts, skips by their flags."""
    for tier, found in report["tiers"].items():
        listed = ", ".join(f"{count} {status}" for status, count in found["counts"].items())
        note = "" if found["declared"] else " (not declared by the device)"
        if found["verdict"] == "fail" and set(found["counts"]) <= {"pass", "unsupported-declared", "not-run"}:
            note += " (a part of it was run)" if "not-run" in found["counts"] else " (a flag that it needs is lacking)"
        yield f"{tier:13} {found['verdict']:8} {listed}{note}"
    flags = Counter(e["flag"] for e in report["ids"] if e["status"] == "unsupported-declared")
    skipped = f" ({', '.join(f'{flag} {count}' for flag, count in sorted(flags.items()))})" if flags else ""
    found, seconds = report["counts"], report["seconds"]
    yield (
        f"{found['passed']} passed, {found['failed']} failed, {found['skipped']} skipped{skipped}, "
        f"{found['not_run']} not run; {seconds['warm']:.1f} s warm, {seconds['cold']:.1f} s cold"
    )
    score = report["mutants"]
    if score:
        yield f"this version of the suite kills {score['killed']} of {score['total']} mutants"
    if report["interrupted"]:
        yield "interrupted: what was not run counts against the tier"


def _indented(text: str, most: int, indent: str = "  ") -> str:
    lines = text.rstrip().splitlines()
    more = [f"… {len(lines) - most} lines more"] if len(lines) > most else []
    return "\n".join(indent + line for line in [*lines[:most], *more])


def _names(given: list[str] | None) -> tuple[str, ...]:
    return tuple(name for item in given or () for name in item.split(",") if name)


def _usage(message: str) -> int:
    print(f"corelib conformance: {message}", file=sys.stderr)
    return 2


def _as_json(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=1) + "\n"


def _as_html(report: Mapping[str, Any]) -> str:
    return html(report)


def _as_badge(report: Mapping[str, Any]) -> str:
    return badge(report)
