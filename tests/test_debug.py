"""corelib.debug: what it prints, what it refuses, what it counts."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from corelib_conformance.cases import cases, check
from corelib_conformance.strict import StrictBackend
from corelib_cpu.backend import CpuBackend

import corelib
from corelib import debug
from corelib.backend import (
    BackendSpec,
    Kernel,
    KernelContractViolation,
    KernelPack,
    register_backend,
    register_kernels,
    unregister_backend,
    unregister_kernels,
)
from corelib.backend.array_module import ArrayModuleBackend
from corelib.device import Device
from corelib.layout import Layout


def printed(run: Callable[[], Any]) -> list[str]:
    file = io.StringIO()
    with debug.printing(file):
        run()
    return file.getvalue().splitlines()


@contextmanager
def device_type(backend: type[CpuBackend], name: str) -> Iterator[None]:
    register_backend(BackendSpec(name, backend))
    try:
        yield
    finally:
        unregister_backend(name)


# -- printing ------------------------------------------------------------------------------------------------


def test_a_line_shows_operands_result_device_and_owner() -> None:
    x, y = corelib.ones(2, 3), corelib.ones(3)
    assert printed(lambda: x + y) == ["add(float32[2, 3], float32[3]) -> float32[2, 3] on cpu  [cpu]"]


def test_numbers_and_parameters_are_shown() -> None:
    x = corelib.ones(2, 3)
    assert printed(lambda: x * 2.5) == ["mul(float32[2, 3], 2.5) -> float32[2, 3] on cpu  [cpu]"]
    assert printed(lambda: corelib.amax(x, 1)) == ["amax(float32[2, 3], 1, False) -> float32[2] on cpu  [cpu]"]


def test_views_show_strides() -> None:
    x = corelib.ones(2, 3)
    assert printed(lambda: x.t().exp()) == [
        "transpose(float32[2, 3], 0, 1) -> float32[3, 2] strides [1, 3] on cpu  [view]",
        "exp(float32[3, 2] strides [1, 3]) -> float32[3, 2] on cpu  [cpu]",
    ]


def test_a_decomposition_is_named_and_its_primitives_are_indented() -> None:
    x = corelib.ones(2, 3, device="strict")
    lines = printed(lambda: corelib.softmax(x, 1))
    assert lines[0] == "softmax(float32[2, 3], 1, None) -> float32[2, 3] on strict:0  [decomposition]"
    assert len(lines) > 3
    assert all(re.fullmatch(r"  \w+\(.*\) -> .* on strict:0  \[strict\]", line) for line in lines[1:])
    assert not any(line.startswith(" ") for line in printed(lambda: x + 1)), "the depth is back at 0"


def test_a_whole_step_is_seen() -> None:
    p = corelib.nn.Parameter(corelib.ones(3, device="strict"))
    optimizer = corelib.optim.SGD([p], lr=0.1)

    def step() -> None:
        (p * 2).sum().backward()
        optimizer.step()

    names = [re.match(r" *(\w+)", line)[0] for line in printed(step)]  # type: ignore[index]
    assert names[:2] == ["mul", "sum"]
    assert "set_grad" in names
    assert names.index("sgd_step_") < names.index("  sub_")


def test_in_place_forms_and_lists() -> None:
    x = corelib.zeros(3)
    assert printed(lambda: x.add_(1)) == ["add_(float32[3], 1) -> float32[3] on cpu  [cpu]"]
    lines = printed(lambda: corelib.cat([x] * 5))
    assert lines[0].startswith("cat([float32[3], float32[3], float32[3], ...], 0) -> float32[15] on cpu  [")


def test_an_operand_elsewhere_names_its_device() -> None:
    x = corelib.ones(2, device="strict")
    assert printed(x.cpu)[0].startswith("transfer(float32[2] on strict:0, cpu) -> float32[2] on cpu")


def test_a_kernel_pack_is_named() -> None:
    entry = Kernel(lambda x: np.exp(x))
    register_kernels(KernelPack("cpu", "quick", {"exp": entry}))
    try:
        assert printed(corelib.zeros(2).exp)[0].endswith("[quick]")
    finally:
        unregister_kernels("cpu", "quick")
    assert printed(corelib.zeros(2).exp)[0].endswith("[cpu]")


def test_an_error_leaves_the_depth_as_it_was() -> None:
    x = corelib.ones(2, device="strict")
    bad = corelib.ones(3, dtype=corelib.int64, device="strict")

    def fails() -> None:
        with pytest.raises(IndexError):
            corelib.nn.functional.embedding(bad * 7, x.reshape(2, 1))
        _ = x + 1

    assert printed(fails)[-1] == "add(float32[2], 1) -> float32[2] on strict:0  [strict]"


def test_other_threads_are_not_printed() -> None:
    x = corelib.ones(2)

    def run() -> None:
        thread = threading.Thread(target=lambda: x + 1)
        thread.start()
        thread.join()

    assert printed(run) == []


def test_views_made_under_a_mode_may_be_written() -> None:
    x = corelib.ones(2, 3, requires_grad=True)
    with debug.printing(io.StringIO()):
        y = x * 2
        y[0].mul_(3)
        with corelib.no_grad():
            hidden = y[1]
        with pytest.raises(RuntimeError, match="created in no_grad mode"):
            hidden.add_(1)
        y.sum().backward()
    assert x.grad.tolist() == [[6.0] * 3, [2.0] * 3]


def test_printing_changes_nothing() -> None:
    def step() -> list[Any]:
        corelib.manual_seed(0)
        x = corelib.randn(4, 3, device="strict").requires_grad_()
        y = corelib.softmax(x, 1).cumsum(0).relu().sum()
        y.backward()
        return [y.item(), x.grad.tolist()]

    plain = step()
    seen = []
    with debug.printing(io.StringIO()), debug.checking(), debug.profile():
        seen = step()
    assert seen == plain


# -- the environment -----------------------------------------------------------------------------------------


def python(program: str, setting: str | None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "CORELIB_DEBUG"}
    if setting is not None:
        environment["CORELIB_DEBUG"] = setting
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


THREADED = """
import threading, corelib
def work(): corelib.ones(2) + 1
thread = threading.Thread(target=work); thread.start(); thread.join()
work()
"""


def test_environment_prints_in_every_thread() -> None:
    done = python(THREADED, "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.splitlines().count("add(float32[2], 1) -> float32[2] on cpu  [cpu]") == 2


@pytest.mark.parametrize("setting", [None, "", "0"])
def test_unset_loads_nothing(setting: str | None) -> None:
    done = python("import sys, corelib; corelib.ones(2) + 1; print('corelib.debug' in sys.modules)", setting)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_environment_checks() -> None:
    program = (
        "import corelib, numpy as np; from corelib.backend import *\n"
        "register_kernels(KernelPack('cpu', 'bad', {'exp': Kernel(lambda x: np.exp(x).astype('float64'))}))\n"
        "try: corelib.zeros(2).exp()\n"
        "except KernelContractViolation as error: print(error)\n"
    )
    done = python(program, "check")
    assert done.stdout.startswith("primitive 'exp' by the kernel of 'bad'"), done.stderr
    assert done.stderr == ""


def test_environment_refuses_other_words() -> None:
    done = python("import corelib", "loud")
    assert "CORELIB_DEBUG=loud: expected 1 (or print), check, or print,check" in done.stderr


# -- checking ------------------------------------------------------------------------------------------------


def broken(exp: Callable[[Any], Any], **options: Any) -> type[CpuBackend]:
    class Broken(CpuBackend):
        def __init__(self) -> None:
            super().__init__()
            self.register("exp", exp, **options)

    return Broken


@pytest.mark.parametrize(
    ("exp", "found"),
    [
        (lambda x: np.exp(x).astype(np.float64), "found float64[2, 3] on faulty"),
        (lambda x: np.exp(x)[:1], "found float32[1, 3] on faulty"),
        (lambda x: np.exp(x).reshape(3, 2), "found float32[3, 2] on faulty"),
        (lambda x: np.asfortranarray(np.exp(x)), "found float32[2, 3] strides [1, 2] on faulty"),
        (lambda x: np.exp(x).tolist(), "not a NumPy array: list"),
        (lambda x: None, "found None"),
    ],
    ids=["dtype", "shape", "transposed shape", "not dense", "not an array", "nothing"],
)
def test_a_kernel_that_breaks_the_contract_is_refused(exp: Callable[[Any], Any], found: str) -> None:
    with device_type(broken(exp), "faulty"):
        x = corelib.zeros(2, 3, device="faulty")
        with debug.checking(), pytest.raises(KernelContractViolation) as caught:
            x.exp()
    message = str(caught.value)
    assert message.startswith(
        "primitive 'exp' by the kernel of 'faulty': expected float32[2, 3] on faulty:0 (dense), found "
    )
    assert found in message


def test_a_scalar_in_the_place_of_an_array_is_refused() -> None:
    with device_type(broken(lambda x: np.float32(1)), "faulty"):
        x = corelib.zeros((), device="faulty")
        with debug.checking(), pytest.raises(KernelContractViolation, match="not a NumPy array: float32"):
            x.exp()


def test_a_kernel_inside_a_decomposition_is_checked() -> None:
    class Broken(StrictBackend):
        def __init__(self) -> None:
            super().__init__()
            right = self.kernels["exp"].function
            self.register("exp", lambda x: self.kernels["cast"].function(right(x), corelib.int32))

        def describe(self, array: Any) -> Layout:
            found = super().describe(array)
            return Layout.of(found.shape, found.dtype, Device("faulty2", found.device.index), found.strides)

    with device_type(Broken, "faulty2"):  # type: ignore[arg-type]
        x = corelib.zeros(2, 3, device="faulty2")
        with debug.checking(), pytest.raises(KernelContractViolation, match="'exp' by the kernel of 'faulty2'"):
            corelib.softmax(x, 1)


def test_a_result_on_another_device_is_refused() -> None:
    class Elsewhere(CpuBackend):
        def device_count(self) -> int:
            return 2

        def describe(self, array: Any) -> Layout:
            found = super().describe(array)
            return Layout.of(found.shape, found.dtype, Device("twin", 0), found.strides)

    with device_type(Elsewhere, "twin"):
        x, y = corelib.zeros(2, device="twin:0"), corelib.zeros(2, device="twin:1")
        with debug.checking():
            x.exp()
            with pytest.raises(KernelContractViolation, match=r"expected float32\[2\] on twin:1 .*on twin:0"):
                y.exp()


def test_several_results_are_told_apart() -> None:
    class Broken(CpuBackend):
        def __init__(self) -> None:
            super().__init__()
            right = self.kernels["sort"].function
            self.register("sort", lambda *given: (right(*given)[0], right(*given)[1].astype(np.int32)))

    with device_type(Broken, "faulty"):
        x = corelib.zeros(3, device="faulty")
        with debug.checking(), pytest.raises(KernelContractViolation, match=r"^result 1 of primitive 'sort'"):
            corelib.sort(x)


def test_a_backend_that_cannot_say_is_believed() -> None:
    class Silent(CpuBackend):
        def __init__(self) -> None:
            super().__init__()
            self.register("exp", lambda x: np.exp(x).astype(np.float64))

        def describe(self, array: Any) -> None:  # type: ignore[override]
            return None

    with device_type(Silent, "silent"), debug.checking():
        corelib.zeros(2, device="silent").exp()


@pytest.mark.parametrize("device", ["cpu", "strict", "meta"])
def test_what_keeps_the_contract_passes(device: str) -> None:
    with debug.checking():
        x = corelib.ones(2, 3, device=device, requires_grad=True)
        y = corelib.softmax(x.t(), 0)[1:].cumsum(0).sort(0)[0]
        y.sum().backward()
        corelib.zeros(0, 3, device=device).sum(1)
        corelib.ones(2, 3, device=device).t().add_(1)
        corelib.ones(1, 1, device=device).expand(2, 3).exp()
        x.detach().view(3, 2)[:, 1].neg_()
        corelib.ones(3, dtype=corelib.bfloat16, device=device).exp()


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_every_operator_case_passes(device: str) -> None:
    with debug.checking():
        for case in cases():
            check(case, device)


def test_array_module_describes_what_the_standard_knows() -> None:
    backend = ArrayModuleBackend(np)
    backend.name = "plain"
    assert backend.describe(np.zeros((2, 3), np.int16)) is Layout.of((2, 3), corelib.int16, Device("plain"))
    with pytest.raises(TypeError, match="not an array of 'plain': int"):
        backend.describe(3)
    with pytest.raises(TypeError, match="not an array of a dtype that 'plain' knows: uint16"):
        backend.describe(np.zeros(2, np.uint16))


# -- profiling -----------------------------------------------------------------------------------------------


def test_profile_counts_calls_and_time() -> None:
    x = corelib.ones(2, 3, device="strict")
    with debug.profile() as p:
        for _ in range(3):
            corelib.softmax(x, 1)
        x.exp()
    rows = {(row.name, row.owner): row for row in p}
    softmax, exp = rows["softmax", "decomposition"], rows["exp", "strict"]
    assert (softmax.calls, exp.calls) == (3, 4)
    assert 0 < softmax.own < softmax.total
    inner = sum(row.own for row in rows.values() if row is not softmax)
    assert softmax.total < softmax.own + inner  # exp ran once more, outside
    assert exp.own == exp.total


def test_profile_prints_a_table_slowest_first() -> None:
    x = corelib.ones(2, 3, device="strict")
    with debug.profile() as p:
        corelib.softmax(x, 1)
    lines = str(p).splitlines()
    assert lines[0].split() == ["primitive", "kernel", "calls", "own", "ms", "total", "ms"]
    times = [float(line.split()[3]) for line in lines[2:]]
    assert times == sorted(times, reverse=True)
    assert {line.split()[0] for line in lines[2:]} >= {"softmax", "exp", "sum", "div"}


def test_profile_survives_errors() -> None:
    x = corelib.ones(3, dtype=corelib.int64, device="strict")
    with debug.profile() as p:
        for _ in range(2):
            with pytest.raises(IndexError):
                corelib.gather(x, 0, x + 7)
        x + 1
    counts = {row.name: row.calls for row in p}
    assert counts == {"add": 3}


def test_profile_of_nothing_is_an_empty_table() -> None:
    with debug.profile() as p:
        pass
    assert len(str(p).splitlines()) == 2
