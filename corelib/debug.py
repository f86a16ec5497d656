"""Looking at what runs: print every primitive, check every kernel's result, count where the time goes.

    with corelib.debug.printing(): ...       # one line a primitive, on stderr
    with corelib.debug.checking(): ...       # a kernel that breaks the contract raises KernelContractViolation
    with corelib.debug.profile() as p: ...   # print(p): calls and times

``CORELIB_DEBUG=1`` in the environment prints in every thread from the import on, ``CORELIB_DEBUG=check``
checks, ``CORELIB_DEBUG=print,check`` does both.  All three are modes (:mod:`corelib.core.modes`): they see
forward, backward, in-place writes and optimizer steps alike, and the primitives inside a decomposition.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from .backend.errors import KernelContractViolation
from .core.dispatch import find_plan
from .core.generator import Generator
from .core.modes import TorchDispatchMode
from .core.plan import Plan
from .core.tensor import Tensor, backend_of
from .layout import Layout
from .state import STATE, ThreadState, local

__all__ = ["activate", "checking", "printing", "profile"]

_LISTED = 3  # tensors of a list that are shown


class Call:
    """One primitive on its way to a kernel, as modes get it.

    Attributes:
        name: the primitive's; ``name_`` where it writes in place.
        args: operands and parameters (of an in-place form the destination first).
        prim, plan: its definition and how it will run; None for an effect that is no primitive.
        outputs: what the rule says of each result (None where it is not computed); the destination of an
            in-place form.
    """

    def __init__(self, function: Any, args: tuple[Any, ...]) -> None:
        self.name: str = function.name
        self.args = args
        self.prim = getattr(function, "prim", None)
        self.plan: Plan | None = None
        self.outputs: tuple[Layout | None, ...] = ()
        if self.prim is None:
            return
        position = getattr(function, "position", None)  # of the destination among the operands; -1: it is none
        given = args[1:] if position == -1 else args
        count = len(self.prim.operands)
        self.plan = find_plan(self.prim, given[:count], given[count:])
        layout = args[0]._layout if position is not None else self.plan.layout
        self.outputs = layout if type(layout) is tuple else (layout,)

    @property
    def owner(self) -> str:
        """Whose kernel runs: a backend's or kernel pack's name, "decomposition", "view" or "effect"."""
        if self.prim is None or self.plan is None:
            return "effect"
        return "view" if self.prim.kind == "view" else self.plan.owner


class _Observer(TorchDispatchMode):
    """A mode that looks on: :meth:`before` and :meth:`after` each call, at a depth that counts decompositions."""

    see_inner = True

    def __init__(self) -> None:
        self._depths = _Depth()

    def before(self, call: Call, depth: int) -> None:
        """Called before the primitive runs."""

    def after(self, call: Call, depth: int, result: Any) -> None:
        """Called with what it returned."""

    def __torch_dispatch__(
        self, func: Any, types: tuple[type, ...], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        call, depths = Call(func, args), self._depths
        self.before(call, depths.now)
        depths.now += 1
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            depths.now -= 1
        self.after(call, depths.now, result)
        return result


class _Depth(threading.local):
    now = 0


# -- printing


class printing(_Observer):
    """Print each primitive before it runs: operands, result, device, and whose kernel.

    ``softmax(float32[2, 3], 1, None) -> float32[2, 3] on strict:0  [decomposition]``; what a decomposition runs
    follows, indented.  A view that is not dense shows its strides, an operand elsewhere its device.

    Args:
        file: where to; ``sys.stderr`` unless given.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        super().__init__()
        self._file = file

    def before(self, call: Call, depth: int) -> None:
        device = next((x.device for x in call.outputs if x is not None), None)
        line = f"{'  ' * depth}{call.name}({', '.join([_shown(x, device) for x in call.args])})"
        if device is not None:
            line += f" -> {', '.join([_shown(x, device) for x in call.outputs])} on {device}"
        print(f"{line}  [{call.owner}]", file=self._file or sys.stderr)


def _layout(layout: Layout, device: Any) -> str:
    text = f"{layout.dtype.name}{list(layout.shape)}"
    if not layout.contiguous:
        text += f" strides {list(layout.strides)}"
    return text if layout.device is device or device is None else f"{text} on {layout.device}"


def _shown(x: Any, device: Any) -> str:
    if isinstance(x, Tensor):
        return _layout(x._layout, device)
    if isinstance(x, Layout):
        return _layout(x, device)
    if isinstance(x, Generator):
        return "generator"
    if isinstance(x, list | tuple) and x and isinstance(x[0], Tensor):
        shown = [_shown(y, device) for y in x[:_LISTED]] + ["..."] * (len(x) > _LISTED)
        return f"[{', '.join(shown)}]"
    return str(x)


# -- checking


class checking(_Observer):
    """Hold each kernel's result, and each decomposition's, to the rule: shape, dtype, device, dense or not.

    A result is judged by what its backend's ``describe`` says of the array.  A kernel that writes into a given
    destination is judged by whether the destination is still what it was.

    Raises :class:`~corelib.backend.KernelContractViolation`, naming the primitive, whose kernel it is, what was
    expected and what was found.
    """

    def after(self, call: Call, depth: int, result: Any) -> None:
        if call.prim is None:
            return
        results: tuple[Tensor | None, ...] = result if isinstance(result, tuple) else (result,)
        for position, (tensor, expected) in enumerate(zip(results, call.outputs, strict=True)):
            if expected is None or tensor is None:
                continue
            if not _same(tensor._layout, expected):  # a decomposition's; a kernel's result is taken at its word
                raise _violation(call, position, expected, tensor._layout)
            _check_array(call, position, tensor, expected)


def _check_array(call: Call, position: int, tensor: Tensor, expected: Layout) -> None:
    backend = backend_of(expected)
    if not backend.strided:  # a view is a gather
        expected = expected.dense
    try:
        found = backend.describe(tensor._array)
    except (AttributeError, TypeError) as error:  # not an array of the backend at all
        raise _violation(call, position, expected, f"{tensor._array!r} ({error})") from error
    if found is not None and not _same(found, expected):
        raise _violation(call, position, expected, found)


def _same(found: Layout, expected: Layout) -> bool:
    """Strides say something only of dimensions that have more than one element."""
    if found.shape != expected.shape or found.dtype is not expected.dtype:
        return False
    if found.device.type != expected.device.type or (found.device.index or 0) != (expected.device.index or 0):
        return False
    strides = zip(found.shape, found.strides, expected.strides, strict=True)
    return expected.numel == 0 or all([a == b for n, a, b in strides if n > 1])


def _violation(call: Call, position: int, expected: Layout, found: Layout | str) -> KernelContractViolation:
    what = f"result {position} of " if len(call.outputs) > 1 else ""
    who = "the decomposition" if call.owner == "decomposition" else f"the kernel of '{call.owner}'"
    dense = " (dense)" if expected.contiguous else ""
    if isinstance(found, Layout):
        found = f"{_layout(found, None)} on {found.device}"
    return KernelContractViolation(
        f"{what}primitive '{call.name}' by {who}: expected {_layout(expected, None)} on {expected.device}{dense}, "
        f"found {found}"
    )


# -- profiling


class Row:
    """What :class:`profile` knows of one primitive with one owner; times in seconds.

    ``own`` leaves out what the decomposition's primitives took, ``total`` has it in.
    """

    __slots__ = ("calls", "name", "own", "owner", "total")

    def __init__(self, name: str, owner: str) -> None:
        self.name, self.owner = name, owner
        self.calls, self.own, self.total = 0, 0.0, 0.0


class profile(_Observer):
    """Count calls and time by primitive and owner; ``print(p)`` shows a table, slowest first.

    Times are of the calling thread, for a device that computes at once; for an asynchronous one they are what
    it costs to issue the work.  The mode itself adds some microseconds a primitive, outside of what it measures.

    Attributes:
        rows: one :class:`Row` for each primitive and owner.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], Row] = {}
        self._open: list[list[float]] = []  # of each call under way: start, and time of the calls inside

    def before(self, call: Call, depth: int) -> None:
        del self._open[depth:]  # calls that raised
        self._open.append([time.perf_counter(), 0.0])

    def after(self, call: Call, depth: int, result: Any) -> None:
        start, inside = self._open[depth]
        elapsed = time.perf_counter() - start
        key = (call.name, call.owner)
        row = self.rows.get(key) or self.rows.setdefault(key, Row(*key))
        row.calls += 1
        row.total += elapsed
        row.own += elapsed - inside
        if depth:
            self._open[depth - 1][1] += elapsed

    def __iter__(self) -> Iterator[Row]:
        """Rows, by own time, slowest first."""
        return iter(sorted(self.rows.values(), key=lambda row: -row.own))

    def __str__(self) -> str:
        width = max([len(row.name) for row in self.rows.values()] + [len("primitive")])
        owners = max([len(row.owner) for row in self.rows.values()] + [len("kernel")])
        lines = [f"{'primitive':{width}}  {'kernel':{owners}}  {'calls':>7}  {'own ms':>10}  {'total ms':>10}"]
        lines.append("  ".join(["-" * width, "-" * owners, "-" * 7, "-" * 10, "-" * 10]))
        for row in self:
            times = f"{row.calls:7}  {1e3 * row.own:10.3f}  {1e3 * row.total:10.3f}"
            lines.append(f"{row.name:{width}}  {row.owner:{owners}}  {times}")
        return "\n".join(lines)


# -- from the environment

_BY_NAME = {"1": printing, "print": printing, "check": checking}


def activate(wanted: str) -> None:
    """Put modes on every thread's stack for good, as ``CORELIB_DEBUG`` asks: "1" or "print", "check", or both.

    Threads that run already do not see them.  Raises ValueError for another word.
    """
    for word in wanted.split(","):
        if word.strip() not in _BY_NAME:
            raise ValueError(f"CORELIB_DEBUG={wanted}: expected 1 (or print), check, or print,check")
        mode = _BY_NAME[word.strip()]()
        ThreadState.everywhere.append(mode)
        local.modes = [*local.modes, mode]
        STATE.enter()
