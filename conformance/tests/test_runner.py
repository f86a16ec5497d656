"""The pool of workers, with backends that are wrong, crash, hang and cheat."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from corelib_conformance import runner as runner_module
from corelib_conformance.check import Check, collect
from corelib_conformance.runner import Runner, Unavailable, select
from corelib_conformance.verdict import Result

HERE = Path(__file__).parent / "broken"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture(scope="module")
def negs() -> list[Check]:
    """A few checks of the primitive whose kernel is broken, the first on a vector, the last 0-d."""
    found = [c for c in collect("quick") if c.id.startswith("neg/") and c.dtype in ("int64", "float32")]
    scalar = [c for c in found if "[]" in c.id]
    return [c for c in found if "[2,3]" in c.id][:2] + scalar[:1]


def run(fault: str, checks: list[Check], *, limit: float = 30.0, workers: int = 1) -> dict[str, Result]:
    setup = [f"broken_devices:register:{fault}"]
    with Runner("broken", "quick", workers=workers, limit=limit, setup=setup) as runner:
        return {result.id: result for result in runner.run(checks)}


def statuses(results: dict[str, Result], checks: list[Check]) -> list[str]:
    return [results[check.id].status for check in checks]


def test_a_right_device_passes_and_describes_itself(negs: list[Check]) -> None:
    with Runner("broken", "quick", workers=1, setup=["broken_devices:register:right"]) as runner:
        found = runner.start()
        results = list(runner.run(negs))
        timed = runner.time(["neg", "add"])
    assert [r.status for r in results] == ["pass"] * 3 and all(r.seconds > 0 for r in results)
    assert found["device"] == "broken:0" and found["versions"]["backend"] == "9.8"
    assert found["tiers"] == ["core", "training", "multi-device"]  # the strict backend has two devices
    assert found["flags"]["float64"] and not found["flags"]["complex"]
    assert set(timed) == {"neg", "add"} and timed["neg"]["seconds"] > 0 < timed["neg"]["cpu_seconds"]


def test_a_wrong_value_fails_and_is_run_again_alone(negs: list[Check]) -> None:
    results = run("wrong", negs)
    assert statuses(results, negs)[:2] == ["fail", "fail"]
    first = results[negs[0].id]
    assert first.alone == "fail" and "got" in first.message and "AssertionError" in first.details


def test_a_failure_is_run_again_while_another_worker_has_nothing_to_do(negs: list[Check]) -> None:
    results = run("wrong", negs, workers=2)
    assert results[negs[0].id].alone == "fail" and len(results) == len(negs)


def test_a_failure_that_does_not_come_back_alone_is_a_failure(negs: list[Check]) -> None:
    results = run("once", negs)
    broken = [r for r in results.values() if r.status == "fail"]
    assert broken and all(r.alone == "pass" and "alone in a fresh process: pass" in r.message for r in broken[:1])


def test_a_segfault_is_a_crash_of_its_id_and_the_run_goes_on(negs: list[Check]) -> None:
    results = run("segfault", negs)
    assert statuses(results, negs) == ["crash", "crash", "pass"]
    first = results[negs[0].id]
    assert "SIGSEGV" in first.message and first.alone == "crash"
    assert "Segmentation fault" in first.details and "broken_devices.py" in first.details


def test_an_orderly_end_of_the_process_is_a_crash(negs: list[Check]) -> None:
    results = run("leave", negs[:1])
    assert statuses(results, negs[:1]) == ["crash"]
    assert "status 3" in results[negs[0].id].message


@pytest.mark.parametrize("fault", ["hang", "hold"])
def test_a_hang_is_a_timeout_of_its_id(fault: str, negs: list[Check]) -> None:
    began = time.monotonic()
    results = run(fault, negs[:1] + negs[2:], limit=1.0)
    assert results[negs[0].id].status == results[negs[0].id].alone == "timeout"
    assert results[negs[2].id].status == ("pass" if fault == "hang" else "timeout")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("fault", ["missing", "fallback"])
def test_a_missing_kernel_fails_though_the_cpu_would_stand_in(fault: str, negs: list[Check]) -> None:
    results = run(fault, negs)
    assert statuses(results, negs) == ["fail"] * 3
    assert "UnsupportedPrimitive: no kernel for primitive 'neg'" in results[negs[0].id].message


@pytest.mark.parametrize(("fault", "said"), [("host", "to the host"), ("borrow", "neg called the CPU's neg")])
def test_work_on_the_host_is_seen(fault: str, said: str, negs: list[Check]) -> None:
    results = run(fault, negs)
    assert statuses(results, negs) == ["host-fallback"] * 3
    assert said in results[negs[0].id].message


def test_what_a_backend_prints_disturbs_nothing(negs: list[Check]) -> None:
    assert statuses(run("chatter", negs), negs) == ["pass"] * 3


def test_a_declared_lack_is_no_failure() -> None:
    checks = [c for c in collect("quick") if c.op == "neg" and c.dtype in ("float16", "float32", "int64")]
    results = run("narrow", checks)
    for check in checks:
        assert results[check.id].status == ("pass" if check.dtype == "int64" else "unsupported-declared"), check.id
    assert {results[c.id].flag for c in checks if c.dtype == "float16"} == {"float16"}


def test_no_device_excuses_itself_from_what_it_declares() -> None:
    from corelib_conformance.check import Unsupported
    from corelib_conformance.device import resolve
    from corelib_conformance.worker import Session

    session = Session(resolve("cpu"), [])
    assert session._unsupported(Unsupported("float64", "no"))["status"] == "fail"
    found = session._unsupported(Unsupported("async", "no"))
    assert (found["status"], found["flag"]) == ("unsupported-declared", "async")


def test_after_three_crashes_a_group_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "PORTION", 5)
    checks = [c for c in collect("quick") if c.group == "neg" and c.capability is None][:12]
    results = run("leave", checks)
    found = statuses(results, checks)
    assert found.count("crash") == 3 and set(found[3:]) == {"not-run"} and len(results) == len(checks)
    assert "given up" in results[checks[-1].id].message


def test_several_workers_give_each_result_once() -> None:
    checks = [c for c in collect("quick") if c.op in ("neg", "add", "sum", "permute")]
    with Runner("strict", "quick", workers=2, seed=5) as runner:
        results = list(runner.run(checks))
        again = list(runner.run(checks[:3]))
    assert sorted(r.id for r in results) == sorted(c.id for c in checks)
    assert {r.status for r in results} <= {"pass", "unsupported-declared"}
    assert sorted(r.id for r in again) == sorted(c.id for c in checks[:3])


def test_groups_run_in_the_order_of_the_seed() -> None:
    checks = [c for c in collect("quick") if c.op in ("neg", "abs", "floor", "round", "sqrt", "exp")]

    checks = [c for c in checks if c.dtype == "int64"]
    with Runner("strict", "quick", workers=1) as runner:

        def order(seed: int) -> list[str]:
            runner.seed = seed
            return list(dict.fromkeys(r.id for r in runner.run(checks)))

        first = order(1)
        assert first == order(1) and any(order(seed) != first for seed in (2, 3))


def test_a_device_that_cannot_be_used() -> None:
    with Runner("nowhere", "quick", workers=1) as runner, pytest.raises(Unavailable, match="nowhere"):
        runner.start()
    setup = ["broken_devices:unusable"]
    with Runner("broken", "quick", workers=1, setup=setup) as runner, pytest.raises(Unavailable, match="no driver"):
        runner.start()


def test_no_process_outlives_the_runner(negs: list[Check]) -> None:
    with Runner("broken", "quick", workers=1, setup=["broken_devices:register:hold"]) as runner:
        runner.start()
        [worker] = runner._workers
        worker.send({"run": [negs[0].id]})
        time.sleep(0.5)  # it is in the kernel now
        assert alive(worker._process.pid)
    assert not alive(worker._process.pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_selection() -> None:
    checks = collect("quick")

    def found(**what: list[str]) -> list[Check]:
        return select(checks, **what)

    assert {c.tier for c in found(tiers=["training"])} == {"training"}
    assert {c.op for c in found(ops=["add", "neg"])} == {"add", "neg"}
    assert {(c.op, c.dtype) for c in found(ops=["add"], dtypes=["int8"])} == {("add", "int8")}
    assert select(checks) == checks
