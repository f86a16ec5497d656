"""The "grid" forms of kernels on the host: each caller of a group is a fiber, switched at barriers.

Between barriers callers run one after the other, forwards in one launch and backwards in the next, so that a missing
barrier shows; callers that do not all arrive at a barrier end the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from host import HostBackend, Libraries, Memory

from corelib.codegen.dialect import Dialect
from corelib.codegen.dialects import C
from corelib.codegen.writer import Kernel

__all__ = ["GRID", "GridBackend", "GridLibraries", "SmallGridBackend"]

_FREE = 8
"""Callers of a group where kernels leave it open."""
_GROUPS = 3

_FIBERS = """
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#undef UNITS
#undef FIRST
#undef LIMIT
#undef STEP
static int caller_, callers_; static i64 group_, groups_;
#define UNITS
#define FIRST (group_ * callers_ + caller_)
#define LIMIT units_
#define STEP (groups_ * callers_)
#define GROUP(n)
#define LOCAL static
#define BARRIER barrier_();
#define GROUP_ID group_
#define GROUPS groups_
#define LOCAL_ID caller_
enum { STACK = 1 << 16, MOST = 1024 };
static ucontext_t main_, fibers_[MOST];
static char done_[MOST];
static void (*body_)(void);
static int turn_;
INLINE void barrier_(void) { swapcontext(&fibers_[caller_], &main_); }
INLINE void fiber_(void) { body_(); done_[caller_] = 1; }
static __attribute__((unused)) void alone_(void (*body)(void), int callers, i64 groups) {
    callers_ = callers; groups_ = groups;
    for (group_ = 0; group_ < groups; ++group_) for (caller_ = 0; caller_ < callers; ++caller_) body();
}
static __attribute__((unused)) void launch_(void (*body)(void), int callers, i64 groups) {
    static char* stacks;
    if (!stacks) stacks = malloc((size_t)STACK * MOST);
    body_ = body; callers_ = callers; groups_ = groups; turn_ = !turn_;
    for (group_ = 0; group_ < groups; ++group_) {
        for (int i = 0; i < callers; ++i) {
            getcontext(&fibers_[i]);
            fibers_[i].uc_stack.ss_sp = stacks + (size_t)i * STACK; fibers_[i].uc_stack.ss_size = STACK;
            fibers_[i].uc_link = &main_; done_[i] = 0;
            makecontext(&fibers_[i], fiber_, 0);
        }
        for (int left = callers; left;) {
            left = 0;
            for (int i = 0; i < callers; ++i) {
                caller_ = turn_ ? i : callers - 1 - i;
                if (done_[caller_]) { fputs("callers that missed a barrier\\n", stderr); abort(); }
                swapcontext(&main_, &fibers_[caller_]);
                left += !done_[caller_];
            }
            if (left && left != callers) { fputs("callers that missed a barrier\\n", stderr); abort(); }
        }
    }
}
"""

GRID = Dialect("C", C.prologue + _FIBERS, "const i64 units_", "grid")


def _wrapped(kernel: Kernel) -> str:
    """A function that launches the kernel: its arguments, the units."""  # only groups need fibers
    declared = kernel.source[kernel.source.index("(", kernel.source.index(f" {kernel.name}(")) + 1 :].split(") {", 1)[0]
    names = [p.split()[-1] for p in declared.split(", ")]
    fields = [f"{p.removesuffix(n).replace('const ', '').replace('RESTRICT', '')} {n};"
              for p, n in zip(declared.split(", "), names, strict=True)]  # fmt: skip
    saved = f"saved_{kernel.name}"
    group = kernel.group or _FREE
    launch = "launch_" if kernel.group else "alone_"
    groups = "units_" if kernel.group else f"(units_ + {_FREE - 1}) / {_FREE}"
    return "\n".join([
        f"static struct {{ {' '.join(fields)} }} {saved};",
        f"static void body_{kernel.name}(void) {{ {kernel.name}({', '.join(f'{saved}.{n}' for n in names)}); }}",
        f"KERNEL void grid_{kernel.name}({declared.replace('const ', '').replace('RESTRICT', '')}) {{",
        *[f"    {saved}.{n} = {n};" for n in names],
        f"    const i64 groups = {groups};",
        f"    {launch}(body_{kernel.name}, {group}, groups < {_GROUPS} ? groups : {_GROUPS});",
        "}",
    ])  # fmt: skip


class GridLibraries(Libraries):
    """Kernels with the functions that launch them."""

    dialect = GRID
    prefix = "grid_"

    def text(self, kernels: list[Kernel]) -> str:
        return "\n".join([super().text(kernels), *map(_wrapped, kernels)])


class GridBackend(HostBackend):
    """Runs kernels as a processor with many callers would."""

    kind = GridLibraries

    def dialect(self, index: int) -> Dialect:
        return GRID

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        built(*[x.address if isinstance(x, Memory) else x for x in arguments], units)


class SmallGridBackend(GridBackend):
    """One with few callers and its own libraries."""
