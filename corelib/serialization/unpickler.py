"""A reader of pickles that knows what PyTorch's files are made of, and runs nothing else.

It is a machine of its own, not a subclass of Python's: what a pickle names is looked up in a table of a few names,
what it calls is one of those, and the only state it can set is that of an OrderedDict or a tensor.  No attribute is
ever looked up, nothing imported.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["Name", "Opaque", "Unpickler", "refusal"]

_HINT = (
    "Weights only load failed. corelib reads tensors and plain data from such files and never runs their code, "
    "with weights_only=False neither: load it with PyTorch, if you trust it, and save its state_dict."
)
_MARK = object()


def refusal(message: str) -> pickle.UnpicklingError:
    """The error for what is not read."""
    return pickle.UnpicklingError(f"{_HINT}\n\n\tWeightsUnpickler error: {message}")


class Opaque:
    """Base class of what may be an argument, but no part of the result."""


class Name:
    """A function or class that a pickle may name, or a constant: stands for it, and does what calling it would."""

    __slots__ = ("call", "path", "value")

    def __init__(self, path: str, call: Callable[..., Any] | None = None, value: Any = None) -> None:
        self.path, self.call, self.value = path, call, value

    def __repr__(self) -> str:
        return self.path


def _encode(text: Any, encoding: Any = "latin1", *rest: Any) -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise refusal(f"Trying to call _codecs.encode with encoding {encoding!r}")
    return text.encode(encoding)


def _bytearray(data: Any = b"", encoding: Any = None) -> bytearray:
    if type(data) is str:
        return bytearray(_encode(data, encoding))
    if type(data) is not bytes:  # a number would be a size
        raise refusal(f"Trying to make a bytearray of an object of type {type(data).__name__}")
    return bytearray(data)


PLAIN: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda: b"",
    "builtins.set": set,
    "builtins.complex": complex,
}


class Unpickler:
    """Reads one pickle from a file.

    Args:
        names: what may be named besides ``PLAIN``, by dotted path.
        persistent: gives what a persistent id stands for.
        build: sets the state of an object that is no OrderedDict, or refuses.
    """

    def __init__(
        self,
        file: BinaryIO,
        names: dict[str, Name],
        persistent: Callable[[Any], Any],
        build: Callable[[Any, Any], None],
    ) -> None:
        self.file = file
        self.names = names
        self.persistent = persistent
        self.build = build
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The object.

        Raises:
            pickle.UnpicklingError: it names, calls or sets something that is not allowed, or is damaged.
        """
        try:
            return self._run()
        except pickle.UnpicklingError:
            raise
        except (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
            raise refusal(f"damaged file: {type(error).__name__}: {error}") from None

    def _run(self) -> Any:
        stack = self.stack
        while True:
            op = self._read(1)
            if op == pickle.STOP:
                return self._plain(stack.pop())
            step = _STEPS.get(op)
            if step is None:
                raise refusal(f"Unsupported operand {op[0]}")
            step(self)

    # -- helpers

    def _read(self, count: int) -> bytes:
        data = self.file.read(count)
        if len(data) != count:
            raise refusal("the file ends too early")
        return data

    def _number(self, code: str) -> Any:
        return struct.unpack(code, self._read(struct.calcsize(code)))[0]

    def _line(self) -> str:
        line = self.file.readline(1000)
        if not line.endswith(b"\n"):
            raise refusal("the file ends too early")
        return line[:-1].decode("utf-8")

    def _plain(self, value: Any) -> Any:
        """A constant for its name: dtypes are named."""
        if type(value) is Name:
            if value.value is None:
                raise refusal(f"{value} stands where a value should")
            return value.value
        if isinstance(value, Opaque):
            raise refusal("the memory of a tensor stands where a value should")
        if type(value) is tuple:
            return tuple(map(self._plain, value))
        return value

    def _marked(self) -> list[Any]:
        """Pop everything above the last mark, and the mark."""
        stack = self.stack
        at = self._mark()
        items = list(map(self._plain, stack[at + 1 :]))
        del stack[at:]
        return items

    def _mark(self) -> int:
        """Where the last mark is."""
        stack = self.stack
        at = len(stack) - 1
        while at >= 0 and stack[at] is not _MARK:
            at -= 1
        if at < 0:
            raise refusal("there is no mark")
        return at

    def _find(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise refusal("a global is named by text")
        module = "builtins" if module == "__builtin__" else module
        path = f"{module}.{name}"
        found = self.names.get(path)
        if found is None and path in PLAIN:
            found = Name(path, PLAIN[path])
        if found is None:
            shown = path.removeprefix("builtins.")
            raise refusal(f"Unsupported global: GLOBAL {shown} was not an allowed global by default.")
        self.stack.append(found)

    # -- opcodes

    def op_global(self) -> None:
        module = self._line()
        self._find(module, self._line())

    def op_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._find(module, name)

    def op_reduce(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        if type(function) is not Name or function.call is None:
            raise refusal(f"Trying to call reduce for unrecognized function {_shown(function)}")
        if type(args) is not tuple:
            raise refusal("arguments are a tuple")
        self.stack.append(function.call(*args))

    def op_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is OrderedDict:
            if type(state) not in (dict, OrderedDict) or not set(state) <= {"_metadata"}:
                raise refusal("Only the _metadata of an OrderedDict can be set")
            for value in state.values():
                target._metadata = value  # type: ignore[attr-defined]
            return
        self.build(target, state)

    def op_append(self) -> None:
        item = self._plain(self.stack.pop())
        self._top(list).append(item)

    def op_appends(self) -> None:
        items = self._marked()
        self._top(list).extend(items)

    def op_additems(self) -> None:
        items = self._marked()
        self._top(set).update(items)

    def op_setitem(self) -> None:
        value, key = self._plain(self.stack.pop()), self._plain(self.stack.pop())
        self._top(dict, OrderedDict, Counter)[key] = value

    def op_setitems(self) -> None:
        items = self._marked()
        self._top(dict, OrderedDict, Counter).update(zip(items[::2], items[1::2], strict=True))

    def _top(self, *kinds: type) -> Any:
        target = self.stack[-1]
        if type(target) not in kinds:
            raise refusal(f"Can only change lists, dicts and sets, but got {_shown(target)}")
        return target

    def op_tuple(self) -> None:
        stack = self.stack
        at = self._mark()
        items = tuple(map(_value_of, stack[at + 1 :]))
        del stack[at:]
        stack.append(items)

    def op_list(self) -> None:
        self.stack.append(self._marked())

    def op_dict(self) -> None:
        items = self._marked()
        self.stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def op_frozenset(self) -> None:
        self.stack.append(frozenset(self._marked()))

    def take(self, count: int) -> None:
        """Put the last ``count`` values together in a tuple."""
        if len(self.stack) < count:
            raise refusal("the stack is empty")
        items = tuple(map(_value_of, self.stack[-count:]))  # arguments may be functions and classes
        del self.stack[-count:]
        self.stack.append(items)

    def op_persistent(self) -> None:
        self.stack.append(self.persistent(self.stack.pop()))

    def op_memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def put(self, code: str) -> None:
        """Remember the last value."""
        self.memo[self._number(code)] = self.stack[-1]

    def get(self, code: str) -> None:
        """Bring a remembered value back."""
        self.stack.append(self.memo[self._number(code)])

    def text(self, code: str) -> None:
        """Text after its length."""
        self.stack.append(self._read(self._number(code)).decode("utf-8", "surrogatepass"))

    def data(self, code: str) -> None:
        """Bytes after their length."""
        self.stack.append(self._read(self._number(code)))

    def op_short_binstring(self) -> None:
        self.stack.append(self._read(self._number("<B")).decode("latin1"))

    def op_bytearray8(self) -> None:
        self.stack.append(bytearray(self._read(self._number("<Q"))))

    def long(self, code: str) -> None:
        """An integer of any length."""
        self.stack.append(pickle.decode_long(self._read(self._number(code))))

    def op_proto(self) -> None:
        version = self._number("<B")
        if version > 5:
            raise refusal(f"unsupported pickle protocol: {version}")


def _value_of(value: Any) -> Any:
    return value.value if type(value) is Name and value.value is not None else value


def _shown(value: Any) -> str:
    return str(value) if type(value) is Name else f"an object of type {type(value).__name__}"


def _value(make: Callable[[], Any]) -> Callable[[Unpickler], None]:
    return lambda u: u.stack.append(make())


_STEPS: dict[bytes, Callable[[Unpickler], Any]] = {
    pickle.PROTO: Unpickler.op_proto,
    pickle.FRAME: lambda u: u._read(8),
    pickle.GLOBAL: Unpickler.op_global,
    pickle.STACK_GLOBAL: Unpickler.op_stack_global,
    pickle.REDUCE: Unpickler.op_reduce,
    pickle.BUILD: Unpickler.op_build,
    pickle.APPEND: Unpickler.op_append,
    pickle.APPENDS: Unpickler.op_appends,
    pickle.ADDITEMS: Unpickler.op_additems,
    pickle.SETITEM: Unpickler.op_setitem,
    pickle.SETITEMS: Unpickler.op_setitems,
    pickle.MARK: _value(lambda: _MARK),
    pickle.TUPLE: Unpickler.op_tuple,
    pickle.LIST: Unpickler.op_list,
    pickle.DICT: Unpickler.op_dict,
    pickle.FROZENSET: Unpickler.op_frozenset,
    pickle.TUPLE1: lambda u: u.take(1),
    pickle.TUPLE2: lambda u: u.take(2),
    pickle.TUPLE3: lambda u: u.take(3),
    pickle.NONE: _value(lambda: None),
    pickle.NEWFALSE: _value(lambda: False),
    pickle.NEWTRUE: _value(lambda: True),
    pickle.EMPTY_TUPLE: _value(tuple),
    pickle.EMPTY_LIST: _value(list),
    pickle.EMPTY_DICT: _value(dict),
    pickle.EMPTY_SET: _value(set),
    pickle.BININT: lambda u: u.stack.append(u._number("<i")),
    pickle.BININT1: lambda u: u.stack.append(u._number("<B")),
    pickle.BININT2: lambda u: u.stack.append(u._number("<H")),
    pickle.BINFLOAT: lambda u: u.stack.append(u._number(">d")),
    pickle.LONG1: lambda u: u.long("<B"),
    pickle.LONG4: lambda u: u.long("<I"),
    pickle.BINUNICODE: lambda u: u.text("<I"),
    pickle.SHORT_BINUNICODE: lambda u: u.text("<B"),
    pickle.BINUNICODE8: lambda u: u.text("<Q"),
    pickle.SHORT_BINSTRING: Unpickler.op_short_binstring,
    pickle.SHORT_BINBYTES: lambda u: u.data("<B"),
    pickle.BINBYTES: lambda u: u.data("<I"),
    pickle.BINBYTES8: lambda u: u.data("<Q"),
    pickle.BYTEARRAY8: Unpickler.op_bytearray8,
    pickle.BINPERSID: Unpickler.op_persistent,
    pickle.MEMOIZE: Unpickler.op_memoize,
    pickle.BINPUT: lambda u: u.put("<B"),
    pickle.LONG_BINPUT: lambda u: u.put("<I"),
    pickle.BINGET: lambda u: u.get("<B"),
    pickle.LONG_BINGET: lambda u: u.get("<I"),
    pickle.POP: lambda u: u.stack.pop(),
}
