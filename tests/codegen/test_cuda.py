"""CUDA C compiles, to machine code of three generations, and no kernel needs more registers than there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest

from corelib.codegen import lines, reduction, templates
from corelib.codegen.dialects import CUDA
from corelib.codegen.lowering import LOWERINGS, Elementwise, Reduction, Scan
from corelib.codegen.program import program
from corelib.codegen.writer import Kernel
from corelib.dtypes import float16, float32, int64, uint8

pytestmark = pytest.mark.xdist_group("codegen")
BATCH = 25


def _marks(kernel: Kernel) -> set[object]:
    """What compiling it tries: a primitive, by dtype where it is more than an expression; the functions it calls."""
    name = kernel.name.removeprefix("run_").rsplit("_", 1)[0]
    types = re.findall(r"GLOBAL (?:const )?(\w+)\*", kernel.source)
    marks: set[object] = {name, *kernel.functions, *re.findall(r"\b\w+_(?:f32|f64|f16|bf16)\b", kernel.source)}
    if isinstance(LOWERINGS.get(name), Elementwise) and name not in ("copy", "cast", "add"):
        return marks
    return marks | {(name, t) for t in types if t in ("f32", "f64", "f16", "i64", "u8")}


def covering(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Few kernels that have the marks of all."""
    marks = {k.name: (_marks(k), k) for k in kernels}
    missing: set[object] = set().union(*[m for m, _ in marks.values()])
    chosen = []
    while missing:
        best = max(marks, key=lambda name: (len(marks[name][0] & missing), name))
        found, kernel = marks.pop(best)
        missing -= found
        chosen.append(kernel)
    return chosen


def together() -> Iterator[Kernel]:
    """Kernels of groups, whose sizes the operator cases do not reach."""
    for name, lowering in LOWERINGS.items():
        for d in (float32, float16, int64, uint8):
            if isinstance(lowering, Reduction):
                out = int64 if name.startswith("arg") else d
                yield reduction.reduce(CUDA, name, lowering, d, d, out, 1, 1, "group")
                yield reduction.reduce(CUDA, name, lowering, d, d, None, 2, 2, "group")
                yield reduction.finish(CUDA, f"{name}_finish", lowering, d, out, True)
            if isinstance(lowering, Scan):
                outs = [d] if name in ("cumsum", "cumprod") else [d, int64]
                yield lines.scan(CUDA, name, lowering, d, d, outs, 1, True)
    for d in (float32, float16, int64):
        yield templates.sort(CUDA, "sort", d, False, True)


@pytest.fixture(scope="session")
def rendered(host_module: ModuleType) -> list[Kernel]:
    return list({k.name: k for k in [*covering(host_module.recorded(CUDA)), *together()]}.values())


@pytest.mark.parametrize(("architecture", "share"), [("sm_90", 1), ("sm_80", 8), ("sm_100", 8)])
def test_kernels_compile_without_spills(
    architecture: str, share: int, rendered: list[Kernel], nvrtc_module: ModuleType
) -> None:
    """All of them for one generation, each ``share``-th for the others."""
    library = nvrtc_module.library()
    if library is None:
        pytest.skip("nvidia-cuda-nvrtc is not installed")

    def spills(batch: list[Kernel]) -> list[object]:
        options = [f"--fmad={str(batch[0].contract).lower()}", "--ptxas-options=-v"]
        cubin, log = nvrtc_module.compiled(library, program(CUDA, batch), architecture, *options)
        assert cubin.startswith(b"\x7fELF")
        entries = _resources(log)
        assert set(entries) >= {k.name for k in batch}
        return [(name, sizes) for name, sizes in entries.items() if any(map(int, sizes))]

    batches = []
    for contract in (False, True):
        kernels = [k for k in rendered if k.contract is contract][::share]
        batches += [kernels[i : i + BATCH] for i in range(0, len(kernels), BATCH)]
    with ThreadPoolExecutor(2) as pool:
        assert not [spill for found in pool.map(spills, batches) for spill in found]


def _resources(log: str) -> dict[str, tuple[str, str]]:
    """Bytes of spill stores and loads, by kernel."""
    pattern = r"Function properties for (\w+)\n.*?(\d+) bytes spill stores, (\d+) bytes spill loads"
    return {name: (stores, loads) for name, stores, loads in re.findall(pattern, log)}


def test_no_double_precision_slips_into_single(rendered: list[Kernel]) -> None:
    """A constant without a suffix would make a float32 kernel compute in float64."""
    for kernel in rendered:
        text = kernel.source + "".join(kernel.functions.values())
        if "f64" not in text:
            bare = re.findall(r"(?<![\w.])(?:0x[0-9a-f.]+p[-+]?\d+|\d+\.\d*(?:e[-+]?\d+)?)(?![\w.])", text)
            assert not bare, (kernel.name, bare)


def test_no_name_is_a_word_of_another_dialect(rendered: list[Kernel]) -> None:
    """The same text is OpenCL C, where these are types and address spaces."""
    words = r"\b(?:half|quad|complex|kernel|global|local|constant|private|event_t|sampler_t|auto|template|this)\b"
    wrong = {k.name: re.findall(words, k.source + "".join(k.functions.values())) for k in rendered}
    assert not {name: found for name, found in wrong.items() if found}
