"""Rules: from operands' layouts and parameters to the result's layout, with PyTorch's errors.

A rule gets one descriptor per operand (a Layout; the class of a Python number; None; a tuple of Layouts)
and the parameters, and returns a :class:`~corelib.core.plan.Result`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.plan import Result
from ..dtypes import bool_, default_dtype, dtype, int64, result_dtype
from ..layout import Layout

__all__ = [
    "binary", "broadcast_shapes", "c_name", "normalize_dim", "normalize_dims", "not_implemented", "promote",
    "reduced_shape", "unary", "what",
]  # fmt: skip

_CPP = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


def what(d: dtype) -> str:
    """PyTorch's C++ name of a dtype, as its messages show it."""
    return _CPP[d.name]


_C = {
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def c_name(d: dtype) -> str:
    """The C++ type of a dtype's elements, as other messages of PyTorch show it."""
    return _C.get(d.name, d.name)


def by_name(function: str, keyword: str, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """The sizes or dimensions of ``f(*sizes)`` where they are given by keyword instead: ``f(keyword=sizes)``."""
    for other in named:
        if other != keyword:
            raise TypeError(f"{function}() got an unexpected keyword argument '{other}'")
    if given:
        raise TypeError(f"{function}() got multiple values for argument '{keyword}'")
    return (named[keyword],)


def not_implemented(name: str, d: dtype) -> NotImplementedError:
    """The error of a function that has no kernel for a dtype; ``name`` is that of PyTorch's kernel."""
    return NotImplementedError(f"\"{name}\" not implemented for '{what(d)}'")


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape, or PyTorch's error naming sizes and dimension."""
    first = tuple(shapes[0])
    for shape in shapes[1:]:
        if shape == first:
            continue
        n = max(len(first), len(shape))
        a, b = (1,) * (n - len(first)) + first, (1,) * (n - len(shape)) + tuple(shape)
        for d, (x, y) in reversed(list(enumerate(zip(a, b, strict=True)))):
            if x != y and x != 1 and y != 1:
                raise RuntimeError(
                    f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {d}"
                )
        first = tuple([y if x == 1 else x for x, y in zip(a, b, strict=True)])
    return first


def promote(*operands: Any) -> dtype:
    """PyTorch's result_type of layouts and number classes."""
    dimensioned: list[dtype] = []
    zero_dim: list[dtype] = []
    numbers: list[Any] = []
    for o in operands:
        if o.__class__ is Layout:
            (dimensioned if o.shape else zero_dim).append(o.dtype)
        elif o is not None:
            numbers.append(o)
    return result_dtype(dimensioned, zero_dim, numbers)


def device_of(operands: Sequence[Any]) -> Any:
    """The result's device: that of the operands that are not mere 0-d CPU tensors."""
    device = None
    for o in operands:
        if o.__class__ is Layout and (device is None or (device.type == "cpu" and o.device.type != "cpu")):
            device = o.device
    return device


def unary(
    result: str = "same", *, accepts: str = "bifc", name: str = "", error: Callable[[dtype], Exception] | None = None
) -> Callable[..., Result]:
    """Elementwise of one operand.

    Args:
        result: "same"; "float" (integers and bool become the default dtype); "bool"; "real" (complex to real).
        accepts: categories, of b(ool), i(nteger), f(loating), c(omplex).
        name: of PyTorch's kernel, for the error where a dtype is not accepted.
        error: makes another error.
    """
    allowed = frozenset(map("bifc".index, accepts))

    def rule(x: Layout) -> Result:
        d = x.dtype
        if d.category not in allowed:
            raise error(d) if error is not None else not_implemented(name, d)
        if result == "float" and d.category < 2:
            d = default_dtype()
        out = bool_ if result == "bool" else d.to_real() if result == "real" else d
        return Result(Layout.of(x.shape, out, x.device), cast=(d,))

    return rule


def floating(accepts: str = "bifc", name: str = "") -> Callable[..., Result]:
    """Elementwise of one operand, whose integers and bools become the default dtype."""
    return unary("float", accepts=accepts, name=name)


def binary(
    result: str = "same", *, accepts: str = "bifc", name: str = "", error: Callable[[dtype], Exception] | None = None
) -> Callable[..., Result]:
    """Elementwise of two operands, promoted and broadcast (arguments as for :func:`unary`)."""
    allowed = frozenset(map("bifc".index, accepts))

    def rule(a: Any, b: Any) -> Result:
        if a.__class__ is not Layout and b.__class__ is not Layout:
            raise TypeError("argument 'input' (position 1) must be Tensor: one of the two has to be")
        d = promote(a, b)
        if d.category not in allowed:
            raise error(d) if error is not None else not_implemented(name, d)
        if result == "float" and d.category < 2:
            d = default_dtype()
        shape = broadcast_shapes(*[o.shape for o in (a, b) if o.__class__ is Layout])
        layout = Layout.of(shape, bool_ if result == "bool" else d, device_of((a, b)))
        return Result(layout, cast=(d, d), expand=shape)

    return rule


def normalize_dim(dim: Any, ndim: int) -> int:
    """A dimension as a non-negative int; IndexError in PyTorch's words (a 0-d tensor has dimension 0)."""
    if not isinstance(dim, int):
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def normalize_dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """Dimensions to reduce, sorted; None or () means all of them."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    dims = [normalize_dim(d, ndim) for d in (dim if isinstance(dim, tuple) else (dim,))]
    for i, d in enumerate(dims):
        if d in dims[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return () if ndim == 0 else tuple(sorted(dims))


def reduced_shape(shape: tuple[int, ...], dims: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    """The shape after reducing ``dims``."""
    if keepdim:
        return tuple([1 if i in dims else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in dims])


def accumulated(d: dtype, wanted: dtype | None) -> dtype:
    """dtype of a sum or product: integers and bool count in int64 unless another is asked for."""
    if wanted is not None:
        return wanted
    return int64 if d.category < 2 else d


def float_only(d: dtype, name: str) -> None:
    """RuntimeError where a floating (or complex) dtype is needed."""
    if d.category < 2:
        raise not_implemented(name, d)
