"""``corelib ops``: a table of the primitives, read from their definitions, and whose kernels a device type has.

``corelib ops --markdown`` prints the table of required kernels that ``docs/backend-contract.md`` holds: the
calls come from the definitions, what no signature says from :data:`NOTES`.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..ops.primitive import Primitive

__all__ = ["LIMIT", "NOTES", "STORAGE", "Note", "add_parser", "markdown", "required", "tier"]

STORAGE = ("allocate", "upload", "download", "as_strided", "bitcast", "synchronize")
"""The storage methods that count as required kernels: a device cannot do without them."""

LIMIT = 60
"""Required kernels and storage methods, at most: what an author has to write before everything works."""

TIERS = ("core", "training", "optional", "linalg", "view")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("ops", help="primitives, and whose kernels run them on a device")
    parser.add_argument("--backend", metavar="NAME", default="cpu", help="whose kernels are shown (cpu)")
    parser.add_argument("--missing", action="store_true", help="only primitives for which it has no kernel")
    parser.add_argument("--tier", choices=TIERS, help="only primitives of this tier")
    parser.add_argument("--markdown", action="store_true", help="the required kernels, for docs/backend-contract.md")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 1 where the backend cannot be used or lacks a required kernel."""
    if arguments.markdown:
        print(markdown())
        return 0
    from ..backend.errors import BackendNotAvailable
    from ..ops.primitive import PRIMITIVES
    from .devices import table

    try:
        owners = _owners(arguments.backend, list(PRIMITIVES))
    except BackendNotAvailable as error:
        print(error, file=sys.stderr)
        return 1
    rows = [
        (prim.name, tier(prim), _kernel(prim, owners[prim.name]), _operands(prim), ", ".join(prim.parameters))
        for prim in PRIMITIVES.values()
        if arguments.tier in (None, tier(prim))
        and not (arguments.missing and (owners[prim.name] or prim.kind == "view"))
    ]
    print(table(("primitive", "tier", f"kernel on {arguments.backend}", "operands", "parameters"), rows))
    print("* or a Python number   ? or None   [] a list")
    print()
    for line in _summary(arguments.backend, owners):
        print(line)
    return 0 if all(owners[prim.name] for prim in required()) else 1


def _owners(device_type: str, names: list[str]) -> dict[str, list[str]]:
    from ..backend.registry import registry

    return {name: registry.owners(device_type, name) for name in names}


def required() -> list[Primitive]:
    """The definitions of the kernels that every backend must have."""
    from ..ops.primitive import PRIMITIVES

    return [prim for prim in PRIMITIVES.values() if prim.required]


def tier(prim: Primitive) -> str:
    """ "core" or "training" (required), "optional" (a decomposition stands in), or "view" (no kernel is needed)."""
    return "view" if prim.kind == "view" else prim.tier


def _operands(prim: Primitive) -> str:
    marks = {"number": "*", "optional": "?", "list": "[]"}
    return ", ".join(name + marks.get(kind, "") for name, kind in zip(prim.operands, prim.kinds, strict=True))


def _kernel(prim: Primitive, owners: list[str]) -> str:
    """Whose kernel runs; behind it, in brackets, whose would be asked next."""
    if prim.kind == "view":
        return ""
    if owners:
        return owners[0] + "".join(f" ({other})" for other in owners[1:])
    return "decomposition" if prim.decomposition is not None else "missing"


def _summary(device_type: str, owners: dict[str, list[str]]) -> Iterator[str]:
    from ..backend.registry import registry
    from ..ops.primitive import PRIMITIVES

    needed = required()
    core = sum(prim.tier == "core" for prim in needed)
    optional = [prim.name for prim in PRIMITIVES.values() if tier(prim) == "optional"]
    yield (
        f"required: {len(needed)} kernels ({core} core, {len(needed) - core} training) and {len(STORAGE)} storage "
        f"methods, {len(needed) + len(STORAGE)} of at most {LIMIT}; optional: {len(optional)}"
    )
    have, more = sum(bool(owners[prim.name]) for prim in needed), sum(bool(owners[name]) for name in optional)
    yield f"{device_type}: {have} of {len(needed)} required, {more} of {len(optional)} optional"
    others = sorted(set(registry.load(device_type).kernels) - set(PRIMITIVES))
    if others:
        yield f"kernels beside the primitives: {', '.join(others)}"


# -- the contract's table


class Note(NamedTuple):
    """What a definition's signature does not say of a required kernel.

    Attributes:
        dtypes: that it must compute in: b(ool), i(ntegers), f(loating), c(omplex, where that is a capability).
        result: the dtype of what it returns; "=" is the dtype it computes in.
        corners: what an author would otherwise have to guess.
    """

    dtypes: str
    result: str
    corners: str


def _same(dtypes: str, corners: str = "") -> Note:
    return Note(dtypes, "=", corners)


_WRAP = "integers wrap"
_NO_CANCELLATION = "accurate near 0, where the obvious formula cancels"
_SHIFT = "an amount outside [0, width), a negative one too, gives 0"
_BOUNDS = "an index outside [0, size) raises `IndexOutOfBounds(index, dim, size)` and writes nothing"
_ACCUMULATE = "converts to `dtype`, then accumulates in it (float16 and bfloat16 in float32, rounded once)"
_LARGER = "`index` is int64 and in every dimension but `dim` no larger than `input`"
_EXTREMUM = "nan if any is nan; no reduced dimension is empty"
_POSITION = "the first of ties; the first nan wins; the dimension is never empty"
_RUNNING = "the last of ties; a nan takes over, and so does every later nan"

NOTES: dict[str, Note] = {
    "fill": _same("bifc", "`value` is a number of the layout's class: bool, int within range, float or complex"),
    "copy": _same("bifc", "dense; with `out=`, a strided write (required of backends whose memory is mutable)"),
    "cast": Note(
        "bifc",
        "`dtype`",
        "a copy even to the same dtype; towards zero from floating to integer (out of range: anything); "
        "integers modulo 2^n; `!= 0` to bool; the real part of complex",
    ),
    "arange": _same("ifc", "start + i·step, in the layout's dtype; integers exactly"),
    "neg": _same("ifc", _WRAP),
    "abs": Note("ifc", "= (complex: its real dtype)", f"{_WRAP}; complex without overflow in between"),
    "floor": _same("f"),
    "round": _same("f", "halves to even"),
    "sqrt": _same("fc"),
    "exp": _same("fc"),
    "expm1": _same("fc", _NO_CANCELLATION),
    "log": _same("fc"),
    "log1p": _same("fc", _NO_CANCELLATION),
    "sin": _same("fc"),
    "cos": _same("fc"),
    "tanh": _same("fc", _NO_CANCELLATION),
    "erf": _same("f", _NO_CANCELLATION),
    "bitwise_not": _same("bi", "logical not of bool"),
    "add": _same("bifc", f"{_WRAP}; or of bool"),
    "sub": _same("ifc", _WRAP),
    "mul": _same("bifc", f"{_WRAP}; and of bool"),
    "div": _same("fc", "1/0 is inf, 0/0 nan, silently"),
    "trunc_divide": _same("i", "towards zero; a zero divisor raises `DivisionByZero`; the smallest by -1 wraps"),
    "fmod": _same("if", "exact, with the sign of `input`; for integers a zero divisor raises `DivisionByZero`"),
    "pow": _same("ifc", f"C's pow; {_WRAP}; a negative integer exponent gives 1 for 1, ±1 for -1, else 0 (for 0 too)"),
    "atan2": _same("f", "in (-π, π], with the quadrants and signed zeros of C"),
    "maximum": _same("bif", "nan if either is"),
    "minimum": _same("bif", "nan if either is"),
    "eq": Note("bifc", "bool", "false where either is nan"),
    "lt": Note("bif", "bool", "false where either is nan"),
    "le": Note("bif", "bool", "false where either is nan"),
    "bitwise_and": _same("bi"),
    "bitwise_or": _same("bi"),
    "bitwise_xor": _same("bi"),
    "bitwise_left_shift": _same("i", f"wraps; {_SHIFT}"),
    "bitwise_right_shift": _same("i", f"keeps the sign; {_SHIFT} (-1 for a negative `input`)"),
    "where": _same("bifc", "`condition` is bool; the dtypes are those of the values, which are not both numbers"),
    "sum": Note("bifc", "`dtype`", f"{_ACCUMULATE}; 0 of nothing"),
    "prod": Note("bifc", "`dtype`", f"{_ACCUMULATE}; 1 of nothing"),
    "amax": _same("bif", f"{_EXTREMUM}; any of bool"),
    "amin": _same("bif", f"{_EXTREMUM}; all of bool"),
    "argmax": Note("if", "int64", _POSITION),
    "argmin": Note("if", "int64", _POSITION),
    "cumsum": Note("bifc", "`dtype`", _ACCUMULATE),
    "cumprod": Note("bifc", "`dtype`", _ACCUMULATE),
    "cummax": Note("bif", "=, int64", _RUNNING),
    "cummin": Note("bif", "=, int64", _RUNNING),
    "gather": _same("bifc", f"{_LARGER}; {_BOUNDS}"),
    "scatter": _same(
        "bifc", f"a fresh copy; {_LARGER} and nowhere larger than `src`; {_BOUNDS}; of repeated indices any wins"
    ),
    "scatter_add": _same("bifc", "as scatter, but repeated indices all count; or of bool"),
    "matmul": _same("ifc", "[…, m, k] by […, k, n]; batch dimensions equal, perhaps with stride 0; zeros where k is 0"),
    "sort": Note("bif", "=, int64", "stable, descending too; nan is the largest"),
    "random_bits": Note(
        "",
        "int64",
        "Philox-4x32-10 words in [0, 2^32): element i is word i mod 4 of block `offset` + i // 4; the key is the seed, "
        "low word first; the counter is the block number, low word first, in its first two words",
    ),
}

_PARAMETERS = {"keepdim": "bool", "descending": "bool", "dtype": "dtype", "layout": "Layout", "dim": "int"}
_DIMS = ("sum", "prod", "amax", "amin")  # reduce several dimensions at once


def _call(prim: Primitive) -> str:
    """How the dispatcher calls the kernel."""
    kinds = {"number": ": n", "immediate": ": number"}
    given = [name + kinds.get(kind, "") for name, kind in zip(prim.operands, prim.kinds, strict=True)]
    if prim.draws:
        given = ["seed: int", "offset: int"]
    for name in prim.parameters:
        several = name == "dim" and prim.name in _DIMS
        given.append("dims: tuple[int, ...]" if several else f"{name}: {_PARAMETERS[name]}")
    results = f" → ({', '.join(prim.outputs)})" if len(prim.outputs) > 1 else ""
    return f"{prim.name}({', '.join(given)}){results}"


def markdown() -> str:
    """Tables of the required storage methods and kernels, for the document about the contract."""
    from ..backend.base import Backend

    lines = ["| storage method | |", "|---|---|"]
    for name in STORAGE:
        method = getattr(Backend, name)
        parameters = ", ".join([p for p in inspect.signature(method).parameters if p != "self"])
        sentence = " ".join((inspect.getdoc(method) or "").split()).replace("``", "`")
        lines.append(f"| `{name}({parameters})` | {_plain_roles(sentence)} |")
    lines += ["", "| kernel | tier | dtypes | result | corners |", "|---|---|---|---|---|"]
    for prim in required():
        note = NOTES[prim.name]
        lines.append(f"| `{_call(prim)}` | {prim.tier} | {' '.join(note.dtypes)} | {note.result} | {note.corners} |")
    return "\n".join(lines)


def _plain_roles(text: str) -> str:
    """Sphinx's ``:class:`Name``` as plain code."""
    return text.replace(":class:", "").replace(":meth:", "")
