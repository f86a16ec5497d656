"""dtype objects and PyTorch's type promotion.

A dtype is a singleton; compare with ``is``.  Promotion follows PyTorch's three-way rule: operands are
ranked *dimensioned tensors* > *0-d tensors* > *Python numbers*, and a lower rank only matters when its
category (bool < integer < floating < complex) is higher than that of all ranks above it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = [
    "ALL_DTYPES", "bfloat16", "bool_", "can_cast", "complex64", "complex128", "default_dtype", "dtype",
    "finfo", "float16", "float32", "float64", "from_numpy_dtype", "iinfo", "int8", "int16", "int32",
    "int64", "promote_types", "result_dtype", "set_default_dtype", "uint8",
]  # fmt: skip


class dtype:
    """An element type.  Attributes are PyTorch's, plus ``name`` and ``numpy``."""

    __slots__ = ("_np", "category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name")

    def __init__(self, name: str, itemsize: int, category: int, signed: bool) -> None:
        self.name = name
        self.itemsize = itemsize
        self.category = category  # 0 bool, 1 integer, 2 floating, 3 complex
        self.is_signed = signed
        self.is_floating_point = category == 2
        self.is_complex = category == 3
        self._np: np.dtype[Any] | None = None

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype that holds these elements on the host (ml_dtypes' for bfloat16)."""
        if self._np is None:
            if self.name == "bfloat16":
                import ml_dtypes

                self._np = np.dtype(ml_dtypes.bfloat16)
            else:
                self._np = np.dtype(self.name)
        return self._np

    @property
    def is_half(self) -> bool:
        """float16 or bfloat16: computed in float32, rounded once."""
        return self.itemsize == 2 and self.category == 2

    def to_real(self) -> dtype:
        """complex64 -> float32, complex128 -> float64; any other dtype is itself."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts hold this floating dtype."""
        if self.is_complex:
            return self
        return complex128 if self is float64 else complex64

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # as in PyTorch: `import corelib as torch` makes it true

    def __reduce__(self) -> tuple[Any, ...]:
        return (_by_name, (self.name,))


def _by_name(name: str) -> dtype:
    return _NAMES[name]


bool_ = dtype("bool", 1, 0, False)
uint8 = dtype("uint8", 1, 1, False)
int8 = dtype("int8", 1, 1, True)
int16 = dtype("int16", 2, 1, True)
int32 = dtype("int32", 4, 1, True)
int64 = dtype("int64", 8, 1, True)
float16 = dtype("float16", 2, 2, True)
bfloat16 = dtype("bfloat16", 2, 2, True)
float32 = dtype("float32", 4, 2, True)
float64 = dtype("float64", 8, 2, True)
complex64 = dtype("complex64", 8, 3, True)
complex128 = dtype("complex128", 16, 3, True)

ALL_DTYPES = (
    bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
_NAMES = {d.name: d for d in ALL_DTYPES}


def from_numpy_dtype(np_dtype: Any) -> dtype:
    """The dtype of a NumPy array's elements.

    Raises, in PyTorch's words:
        TypeError: there is no such dtype.
        ValueError: the elements are in foreign byte order.
    """
    given = np.dtype(np_dtype)
    found = _NAMES.get(given.name)
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{given.type.__name__}. The only supported types are: "
            + ", ".join(_NAMES)
            + "."
        )
    if not given.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. "
            "Conversion between byte orders is currently not supported."
        )
    return found


def _not_a_dtype(function: str, **arguments: Any) -> TypeError:
    """PyTorch's error for the first of a function's arguments that is no dtype."""
    position, name, given = next((i, n, a) for i, (n, a) in enumerate(arguments.items(), 1) if not isinstance(a, dtype))
    return TypeError(
        f"{function}(): argument '{name}' (position {position}) must be torch.dtype, not {type(given).__name__}"
    )


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a.category < b.category:
        a, b = b, a
    if a.category == 3:  # complex with anything: wide enough for the other's real part
        return complex128 if complex128 in (a, b) or b is float64 else complex64
    if a.category == 2:
        if b.category < 2:
            return a
        if a.itemsize == b.itemsize:  # float16 with bfloat16
            return float32
        return a if a.itemsize > b.itemsize else b
    if a.category == 1 and b.category == 1:
        if a.itemsize == b.itemsize:  # uint8 with int8
            return int16
        return a if a.itemsize > b.itemsize else b
    return a


_PROMOTION = {(a, b): _promote(a, b) for a in ALL_DTYPES for b in ALL_DTYPES}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both are converted to (PyTorch's lattice)."""
    try:
        return _PROMOTION[type1, type2]
    except KeyError:
        raise _not_a_dtype("promote_types", type1=type1, type2=type2) from None


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether PyTorch lets a result of dtype ``from_`` be written into a tensor of dtype ``to``.

    Only the category counts: float64 may be written into float16, int64 (wrapping) into uint8.
    """
    try:
        return from_.category <= to.category
    except AttributeError:
        raise _not_a_dtype("can_cast", from_=from_, to=to) from None


_default = float32
_NUMBERS: dict[type, int] = {bool: 0, int: 1, float: 2, complex: 3}


def default_dtype() -> dtype:
    """What ``torch.get_default_dtype()`` says."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the dtype that Python floats become; floating dtypes only."""
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    global _default
    _default = d
    _NUMBER_DTYPES.update({float: d, complex: d.to_complex()})
    for callback in on_default_change:
        callback()


on_default_change: list[Any] = []  # called when the default dtype changes (cached results depend on it)
_NUMBER_DTYPES: dict[type, dtype] = {bool: bool_, int: int64, float: float32, complex: complex64}


def number_dtype(number_class: type) -> dtype:
    """The dtype that a Python number of this class becomes when it is made a tensor."""
    return _NUMBER_DTYPES[number_class]


def result_dtype(dimensioned: Iterable[dtype], zero_dim: Iterable[dtype], numbers: Iterable[type]) -> dtype:
    """PyTorch's result_type of operands sorted by rank (see the module's docstring)."""
    result: dtype | None = None
    for group in (dimensioned, zero_dim, [_NUMBER_DTYPES[c] for c in numbers]):
        lower: dtype | None = None
        for d in group:
            lower = d if lower is None else _PROMOTION[lower, d]
        if lower is None:
            continue
        if result is None:
            result = lower
        elif lower.category > result.category:
            # A complex of lower rank makes a floating result complex, in the width that it has.
            result = result.to_complex() if lower.category == 3 and result.category == 2 else lower
    assert result is not None
    return result


class _Info:
    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")
    bits: int
    dtype: str

    def __repr__(self) -> str:
        names = [n for n in ("resolution", "min", "max", "eps", "smallest_normal", "tiny") if hasattr(self, n)]
        inner = ", ".join(f"{n}={getattr(self, n):g}" for n in names)
        return f"{type(self).__name__}({inner}, dtype={self.dtype})"


class finfo(_Info):
    """Limits of a floating dtype, as Python floats: bits, eps, max, min, tiny, smallest_normal, resolution."""

    __slots__ = ()

    def __init__(self, type: dtype | None = None) -> None:
        if type is not None and not isinstance(type, dtype):
            raise _not_a_dtype("finfo", type=type)
        d = (type or _default).to_real()
        if not d.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{d.name}'")
        if d is bfloat16:
            import ml_dtypes

            info: Any = ml_dtypes.finfo("bfloat16")  # type: ignore[no-untyped-call]
        else:
            info = np.finfo(d.numpy)
        self.bits = d.itemsize * 8
        self.dtype = d.name
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 10.0**-info.precision


class iinfo(_Info):
    """Limits of an integer dtype: bits, max, min."""

    __slots__ = ()

    def __init__(self, type: dtype) -> None:
        if not isinstance(type, dtype):
            raise _not_a_dtype("iinfo", type=type)
        if type.category != 1:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type.name}'")
        info = np.iinfo(type.numpy)
        self.bits, self.dtype = type.itemsize * 8, type.name
        self.max, self.min = int(info.max), int(info.min)
