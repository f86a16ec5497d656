"""What all kernels have in common: parameters, offsets from coordinates, and expressions as statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from zlib import crc32

from ..dtypes import dtype
from . import family
from .dialect import Dialect
from .family import TYPES
from .scalar import Expr

__all__ = ["Array", "Kernel", "Writer"]


@dataclass(frozen=True)
class Array:
    """An array parameter: its name, element type, and whether it is written."""

    name: str
    dtype: dtype
    written: bool = False


@dataclass(frozen=True)
class Kernel:
    """A rendered kernel.

    Attributes:
        name: of the function in ``source``.
        source: its text, without the dialect's prologue and without ``functions``.
        functions: definitions it calls, by name; kernels of one program share them.
        parameters: the types of the arguments in order: "array", or a type such as "i64" or "f32"; what the dialect
            appends is not among them.
        raises: whether the error word is the last of the arguments.
        contract: whether a multiplication and an addition may be one rounding.
        group: how many callers do a unit together; 0: each does units of its own, however they are grouped.
    """

    name: str
    source: str
    functions: Mapping[str, str]
    parameters: tuple[str, ...]
    raises: bool = False
    contract: bool = False
    group: int = 0


@dataclass
class Writer:
    """Collects a kernel's text."""

    dialect: Dialect
    lines: list[str] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    head: list[tuple[str, str]] = field(default_factory=list)  # (type for the host, declaration)
    raises: bool = False
    group: int = 0  # callers that do a unit together
    _shared: list[str] = field(default_factory=list)
    _depth: int = 1
    _names: int = 0

    def array(self, a: Array) -> None:
        """A pointer and the offset, in elements, of the first element."""
        const = "" if a.written else "const "
        self.head.append(("array", f"GLOBAL {const}{TYPES[a.dtype]}* RESTRICT {a.name}"))
        self.integer(f"{a.name}_offset")

    def integer(self, *names: str) -> None:
        """64-bit parameters."""
        self.head.extend(("i64", f"const i64 {name}") for name in names)

    def scalar(self, name: str, d: dtype) -> None:
        """A number parameter of a compute dtype."""
        self.head.append((TYPES[d], f"const {TYPES[d]} {name}"))

    def line(self, *texts: str) -> None:
        for text in texts:
            self.lines.append("    " * self._depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """``head {`` ... ``}``."""
        self.line(f"{head} {{" if head else "{")
        self._depth += 1
        yield
        self._depth -= 1
        self.line("}")

    @contextmanager
    def units(self) -> Iterator[None]:
        """The loop over this caller's share of the work."""
        self.line("UNITS")
        first, step = ("GROUP_ID", "GROUPS") if self.group else ("FIRST", "STEP")
        with self.block(f"for (i64 unit = {first}; unit < LIMIT; unit += {step})"):
            yield

    def shared(self, t: str, name: str, size: int | str) -> None:
        """An array in the memory that a group shares."""
        self._shared.append(f"    LOCAL {t} {name}[{size}];")

    def fresh(self, prefix: str = "t") -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def offsets(self, rest: str, sizes: Sequence[str], bases: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        """Declare each base: where the coordinates, of which ``rest`` is the row-major position, are in an array.

        ``bases`` maps a variable to (start, strides of the sizes).
        """
        for variable, (start, _) in bases.items():
            self.line(f"i64 {variable} = {start};")
        if not sizes:
            return
        with self.block(""):
            self.line(f"i64 rest = {rest};")
            for d in reversed(range(len(sizes))):
                last = d == 0
                self.line(f"const i64 c{d} = {'rest' if last else f'rest % {sizes[d]}'};")
                if not last:
                    self.line(f"rest /= {sizes[d]};")
                for variable, (_, strides) in bases.items():
                    self.line(f"{variable} += c{d} * {strides[d]};")

    def value(self, e: Expr, leaves: Mapping[tuple[str, object], str]) -> str:
        """Statements that compute ``e``; the name of the result.  ``leaves`` spells loads, numbers, variables."""
        return self.values([e], leaves)[0]

    def values(
        self, expressions: Sequence[Expr], leaves: Mapping[tuple[str, object], str], vectors: bool = False
    ) -> list[str]:
        """As :meth:`value`, of several that share subexpressions; with ``vectors`` in eight lanes of float32."""
        names: dict[tuple[object, ...], str] = {}
        seen: dict[int, str] = {}

        def visit(e: Expr) -> str:
            if id(e) in seen:
                return seen[id(e)]
            args = list(map(visit, e.args))
            if e.op == "const":
                name = family.literal(e.value, e.dtype)
                name = f"((v8)({name}))" if vectors else name
            else:
                key = (e.op, tuple(args), e.dtype, e.value)
                name = names.get(key, "")
                if not name:
                    name = names[key] = self._named(e, args, leaves, "v8" if vectors else TYPES[e.dtype])
            seen[id(e)] = name
            return name

        return list(map(visit, expressions))

    def _named(self, e: Expr, args: list[str], leaves: Mapping[tuple[str, object], str], t: str) -> str:
        if not e.args:
            text = leaves[e.op, e.value]
            if e.op != "load":
                return text
        else:
            text = family.spelled(e, args)
            helper = family.helpers(e)
            if helper is not None:
                self.functions[helper[0]] = helper[1]
            self.raises |= family.raises(e)
        name = self.fresh()
        self.line(f"const {t} {name} = {text.replace('_f32(', '_v8(') if t == 'v8' else text};")
        return name

    def kernel(self, name: str, contract: bool = False) -> Kernel:
        """The finished kernel."""
        head = list(self.head)
        if self.raises:
            head.append(("array", self.dialect.errors))
        declared = ", ".join([declaration for _, declaration in head] + [self.dialect.tail])
        lines = _needed(self.lines)
        found = set(re.findall(r"\w+", " ".join(lines)))
        unread = [name for name in (declaration.split()[-1] for _, declaration in head) if name not in found]
        text = "\n".join([f"({declared}) {{", *[f"    (void){name};" for name in unread], *self._shared, *lines, "}\n"])
        name = f"run_{name}_{crc32(text.encode()):08x}"  # no other kernel of a program has it, nor a function of C's
        source = f"KERNEL {f'GROUP({self.group}) ' if self.group else ''}void {name}{text}"
        return Kernel(name, source, dict(self.functions), tuple(t for t, _ in head), self.raises, contract, self.group)


_DECLARED = re.compile(r"( *)(?:const )?(?:i64|int) (\w+) = [^,;]*;")


def _needed(lines: Sequence[str]) -> list[str]:
    """The lines without integers that nothing reads: a walk declares all that an expression could ask for."""
    kept = list(lines)
    for i in reversed(range(len(lines))):
        found = _DECLARED.fullmatch(kept[i])
        if found is None:
            continue
        indent, name = found.groups()
        end = next((j for j in range(i, len(kept)) if not kept[j].startswith(indent)), len(kept))
        scope = [j for j in range(i, end) if name in kept[j] and re.search(rf"\b{name}\b", kept[j])]
        if all(j == i or kept[j].lstrip().startswith(f"{name} += ") for j in scope):
            kept = [line for j, line in enumerate(kept) if j not in scope]
            return _needed(kept)
    return kept
