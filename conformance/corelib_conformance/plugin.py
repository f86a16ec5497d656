"""A pytest plugin: ``pytest --pyargs corelib_conformance --corelib-device opencl`` runs the suite on a device.

It asks the same checks in the same worker processes as ``corelib conformance``, and gives the same verdict.
Without ``--corelib-device`` it does nothing, and imports neither corelib nor NumPy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .check import Check
    from .session import Session
    from .verdict import Result

_FILE = Path(__file__).with_name("check.py")  # stands for the suite in node ids


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all begin with ``--corelib-``."""
    add = parser.getgroup("corelib", "conformance of a corelib device (with --pyargs corelib_conformance)").addoption
    add("--corelib-device", metavar="NAME", help="the device to judge, such as opencl:1")
    add("--corelib-profile", choices=("quick", "full"), default="full", help="how many checks (full)")
    for what in ("tier", "op", "dtype"):
        add(f"--corelib-{what}", action="append", default=[], metavar=what.upper(), help=f"only these {what}s")
    add("--corelib-workers", type=int, metavar="N", help="worker processes (one a core, at most 4)")
    add("--corelib-seed", type=int, metavar="N", help="of the order in which groups run (random)")
    add("--corelib-timeout", type=float, default=60.0, metavar="S", help="seconds that a check may take (60)")
    add("--corelib-import", action="append", default=[], metavar="MODULE", help="what each worker imports first")
    for what in ("json", "html", "badge"):
        add(f"--corelib-{what}", metavar="FILE", help=f"write the {what} report")


def pytest_configure(config: pytest.Config) -> None:
    """Take part only where a device is named."""
    if config.getoption("--corelib-device") is not None:
        config.pluginmanager.register(Conformance(config), "corelib-conformance-run")


class Conformance:
    """The plugin at work.

    With pytest-xdist each of its processes asks the checks it is given, through a worker of its own; results
    travel in the reports, so that the process in front has all of them.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.distributed = hasattr(config, "workerinput")
        self._session: Session | None = None
        self._stream: Iterator[Result] | None = None
        self._given: dict[str, Result] = {}

    @property
    def session(self) -> Session:
        """The run; made when it is first needed."""
        if self._session is None:
            from .session import Options, Session, UsageError

            def given(name: str) -> Any:
                return self.config.getoption(f"--corelib-{name}")

            def names(name: str) -> tuple[str, ...]:
                return tuple(part for item in given(name) for part in item.split(",") if part)

            options = Options(
                device=given("device"), profile=given("profile"), tiers=names("tier"), ops=names("op"),
                dtypes=names("dtype"), workers=1 if self.distributed else given("workers"),
                seed=given("seed"), limit=given("timeout"), setup=tuple(given("import")),
            )  # fmt: skip
            try:
                self._session = Session(options)
            except UsageError as error:
                raise pytest.UsageError(str(error)) from None
        return self._session

    def start(self) -> Session:
        """The run, with its device started."""
        from .runner import Unavailable
        from .session import UsageError

        session = self.session
        if not session.selected:
            try:
                session.start()
            except (Unavailable, UsageError) as error:
                raise pytest.UsageError(str(error)) from None
        return session

    def result(self, item: CheckItem) -> Result:
        """The result of an item: the first one starts the run of all that pytest has selected."""
        session = self.start()
        identifier = item.check.id
        if self.distributed:
            for _ in session.run([item.check]):
                pass
        elif self._stream is None:
            self._stream = session.run([i.check for i in item.session.items if isinstance(i, CheckItem)])
        while self._stream is not None and identifier not in session.results:
            if next(self._stream, None) is None:
                break
        from .verdict import Result

        return session.results.get(identifier, Result(identifier, "not-run", "no result"))

    # -- hooks -----------------------------------------------------------------------------------------

    def pytest_report_header(self) -> str:
        """Which device, and the seed that repeats the run."""
        return f"corelib: {self.config.getoption('--corelib-device')}, order seed {self.session.seed}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Start the device now, where what cannot be asked is an error of usage."""
        if not getattr(self.config.option, "tx", None):  # with pytest-xdist its processes do
            self.start()

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The suite, where its package is collected."""
        if file_path != _FILE:
            return None
        suite: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
        suite.run = self
        return suite

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Results of items, wherever they ran."""
        from .verdict import Result

        for name, value in report.user_properties:
            if name == "corelib":
                assert isinstance(value, dict)
                self._given[value["id"]] = Result(**value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The verdict, and the files that were asked for."""
        if not self._given:
            return
        from .cli import tiers, write_reports

        try:
            session = self.start()
        except pytest.UsageError as error:
            terminalreporter.write_line(f"corelib: no verdict: {error}", red=True)
            return
        session.results.update(self._given)
        files = {name: self.config.getoption(f"--corelib-{name}") for name in ("json", "html", "badge")}
        report = session.report(timings=any(files.values()))
        terminalreporter.section(f"conformance of {report['device']}")
        for line in tiers(report):
            terminalreporter.write_line(line)
        write_reports(report, **files)

    def pytest_unconfigure(self) -> None:
        """Leave no process behind."""
        if self._stream is not None and hasattr(self._stream, "close"):
            self._stream.close()
        if self._session is not None:
            self._session.runner.close()


class SuiteFile(pytest.File):
    """The suite as pytest sees it: a file with one item for each check that is asked."""

    run: Conformance

    def collect(self) -> Iterator[pytest.Item]:
        """One item a check, in the order of the suite."""
        for check in self.run.start().selected:
            item: CheckItem = CheckItem.from_parent(self, name=check.id)
            item.check, item.run = check, self.run
            yield item


class CheckFailed(Exception):
    """A check's status is not one that passes."""


class CheckItem(pytest.Item):
    """One check."""

    check: Check
    run: Conformance

    def runtest(self) -> None:
        """Wait for the result, and say what it is."""
        from .verdict import excused

        result = self.run.result(self)
        self.user_properties.append(("corelib", dataclasses.asdict(result)))
        if result.status == "pass":
            return
        flags = self.run.session.runner.description["flags"]
        if result.status == "unsupported-declared" and excused(self.check.tier, result.flag, flags):
            pytest.skip(f"unsupported, as declared: {result.flag}")
        raise CheckFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Status, message, and a program that shows it."""
        if not isinstance(excinfo.value, CheckFailed):
            return super().repr_failure(excinfo, style)
        from .programs import program

        result: Result = excinfo.value.args[0]
        flag = f" ({result.flag})" if result.flag else ""
        alone = f", alone in a fresh process: {result.alone}" if result.alone else ""
        text = program(self.check, self.run.session.runner.description["device"])
        shown = "\n".join(f"    {line}" for line in text.splitlines())
        return f"{result.status}{flag}{alone}\n{result.message}\n{result.details}\na program that shows it:\n{shown}"

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it is, and its id."""
        return self.path, None, self.check.id
