"""Minimal programs: what somebody who has never seen the suite can run to see a failure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .check import Check

if TYPE_CHECKING:
    from corelib.ops.samples import ArraySpec

    from .cases import Case

__all__ = ["program"]

_LARGEST = 200  # elements that are written out


def program(check: Check, device: str) -> str:
    """A program that shows what a check finds on a device.

    It is the check's own; or, for a sample of a primitive's definition, the call with its operands written out;
    or else the check itself, run in the open.
    """
    text = check.program() if check.program is not None else ""
    if not text.strip():
        from .cases import Case

        case = next((a for a in getattr(check.run, "args", ()) if isinstance(a, Case)), None)
        text = (of_case(case) if case is not None else "") or (
            f"from corelib_conformance.check import show\n\nshow({check.id!r}, device)\n"
        )
    return f'device = "{device}"\n{text}'


def of_case(case: Case) -> str:
    """The call of a case, or "" where an argument has no short text."""
    try:
        lines = list(_lines(case))
    except _TooLong:
        return ""
    return "\n".join(lines) + "\n"


class _TooLong(Exception):
    pass


def _lines(case: Case) -> Iterator[str]:
    names: list[str] = []
    made: list[str] = []
    for argument in case.sample.args:
        names.append(_argument(argument, made))
    yield "import corelib"
    yield "from corelib.ops import PRIMITIVES"
    yield ""
    if any("nan" in line or "inf" in line for line in (*made, *names)):
        yield 'nan, inf = float("nan"), float("inf")'
    yield from made
    call = f'PRIMITIVES["{case.primitive.name}"].function({", ".join(names)})'
    if case.sample.error is None:
        yield f"print({call})"
    else:
        yield f"{call}  # must raise {case.sample.error.__name__}"


def _argument(argument: Any, made: list[str]) -> str:
    """The text of an argument; tensors become lines of their own."""
    from corelib.dtypes import dtype
    from corelib.ops.samples import ArraySpec

    if isinstance(argument, ArraySpec):
        name = f"x{len(made)}"
        made.append(f"{name} = {_tensor(argument)}")
        return name
    if isinstance(argument, list):
        return f"[{', '.join(_argument(a, made) for a in argument)}]"
    if isinstance(argument, dtype):
        return f"corelib.{argument.name}" if argument.name != "bool" else "corelib.bool"
    if argument is None or isinstance(argument, (bool, int, str)):
        return repr(argument)
    if isinstance(argument, float):
        return repr(argument)
    if isinstance(argument, tuple):
        inner = ", ".join(_argument(a, made) for a in argument)
        return f"({inner},)" if len(argument) == 1 else f"({inner})"
    raise _TooLong


def _tensor(spec: ArraySpec) -> str:
    from corelib.ops.samples import make

    host = make(spec)
    if host.size > _LARGEST or (spec.dtype.is_complex and not all(map(_finite, host.ravel().tolist()))):
        raise _TooLong

    def dense(values: Any) -> str:
        listed = values.astype("float64").tolist() if spec.dtype.is_half else values.tolist()
        sized = f".reshape({tuple(values.shape)})" if values.size == 0 else ""
        return f"corelib.tensor({listed}, dtype=corelib.{spec.dtype.name}, device=device){sized}"

    if spec.layout == "contiguous" or not host.ndim:
        return dense(host)
    if spec.layout == "transposed":
        return f"{dense(host.T)}.permute({tuple(range(host.ndim))[::-1]})"
    if spec.layout == "expanded":
        return f"{dense(host[:1])}.expand({spec.shape})"
    if spec.layout == "offset":
        return f"corelib.cat([corelib.ones(3, device=device).to(corelib.{spec.dtype.name}), " + (
            f"{dense(host.ravel())}])[3:].reshape({spec.shape})"
        )
    return f"{dense(host.repeat(2, -1))}[..., ::2]"


def _finite(value: complex) -> bool:
    return math.isfinite(value.real) and math.isfinite(value.imag)
