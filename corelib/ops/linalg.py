"""Products: matmul in all its ranks, linear, and their kin."""

from __future__ import annotations

from typing import Any

from ..codegen.lowering import Template
from ..core.plan import Result
from ..core.tensor import Tensor
from ..layout import Layout
from . import rules, samples
from .elementwise import add, conj, mul
from .primitive import primitive
from .results import accepts_out
from .view import transpose

__all__ = ["addmm", "baddbmm", "bmm", "dot", "matmul", "mm", "mv", "outer"]
METHODS = ["addmm", "baddbmm", "bmm", "dot", "matmul", "mm", "mv", "outer"]
IN_PLACE = ["addmm", "baddbmm"]


def _same_dtype(a: Layout, b: Layout) -> None:
    if a.dtype is not b.dtype:
        if len(a.shape) > 2:
            raise RuntimeError(f"expected scalar type {rules.what(a.dtype)} but found {rules.what(b.dtype)}")
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {rules.c_name(a.dtype)} != {rules.c_name(b.dtype)}"
        )
    if a.dtype.category == 0:
        raise rules.not_implemented("addmm_impl_cpu_" if len(a.shape) == 2 else "bmm", a.dtype)


def _matmul_rule(a: Layout, b: Layout) -> Result:
    """Matrices, with batch dimensions that broadcast (vectors are handled by :func:`matmul`)."""
    _same_dtype(a, b)
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_rows(a)}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
            if len(b.shape) == 2
            else f"Expected size for first two dimensions of batch2 tensor to be: [{b.shape[0]}, {a.shape[-1]}] but "
            f"got: [{b.shape[0]}, {b.shape[-2]}]."
        )
    batch = rules.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Result(Layout.of((*batch, a.shape[-2], b.shape[-1]), a.dtype, a.device), ())


def _rows(a: Layout) -> int:
    rows = 1
    for n in a.shape[:-1]:
        rows *= n
    return rows


def _mT(x: Tensor) -> Tensor:
    return conj(transpose(x, -1, -2))


def _left_grad(grad: Tensor, other: Tensor) -> Tensor:
    return matmul_kernel(grad, _mT(other))


def _right_grad(grad: Tensor, input: Tensor) -> Tensor:
    return matmul_kernel(_mT(input), grad)


@primitive(
    name="matmul", rule=_matmul_rule, vjp={"input": _left_grad, "other": _right_grad},
    samples=samples.calls(
        "[2,3] [3,4]#1; [2,3]t [3,4]t#1; [5,2,3] [5,3,4]#1; [2,0] [0,3]; [0,2] [2,3]; [3,4]o [4,17]s#1; "
        "[0,2,3] [0,3,4]; [5,2,3]e [5,3,4]t#1; [1,1] [1,1]; [2,3] [3,2]@float64 !RuntimeError; "
        "[2,3] [2,3] !RuntimeError",
        accepts="fic", rejects="b",
    ),
    node_name="Mm",
    lower=Template("if", "matmul"),
)  # fmt: skip
def matmul_kernel(input: Tensor, other: Tensor) -> Tensor:
    """Product of matrices, batched: [..., m, k] @ [..., k, n]."""


def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``torch.matmul``: products of vectors, matrices and batches of them."""
    if (input.__class__ is not Tensor and not isinstance(input, Tensor)) or not isinstance(other, Tensor):
        bad = other if isinstance(input, Tensor) else input
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(bad).__name__}")
    a, b = len(input._layout.shape), len(other._layout.shape)
    if a == 2 and b == 2:
        return matmul_kernel(input, other, out=out)
    if out is not None:
        return _matmul_into(input, other, out=out)
    if a == 0 or b == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")
    if a == 1 and b == 1:
        if input.shape[0] != other.shape[0]:
            raise RuntimeError(
                f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src [{other.shape[0]}] to have the "
                f"same number of elements, but got {input.shape[0]} and {other.shape[0]} elements respectively"
            )
        return matmul_kernel(input.unsqueeze(0), other.unsqueeze(1)).reshape(())
    if a == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    if b == 1:
        if input.shape[-1] != other.shape[0]:
            count = _count(input.shape[:-1])
            raise RuntimeError(
                f"size mismatch, got input ({count}), mat ({count}x{input.shape[-1]}), vec ({other.shape[0]})"
            )
        return matmul(input, other.unsqueeze(1)).squeeze(-1)
    if b == 2:  # fold the batch into the rows: one product
        rows = input.shape[:-1]
        return matmul_kernel(input.reshape((-1 if input.numel() else _count(rows), input.shape[-1])), other).reshape(
            (*rows, other.shape[-1])
        )
    batch = rules.broadcast_shapes(input.shape[:-2], other.shape[:-2])
    x = input.expand((*batch, *input.shape[-2:])) if tuple(input.shape[:-2]) != batch else input
    y = other.expand((*batch, *other.shape[-2:])) if tuple(other.shape[:-2]) != batch else other
    return matmul_kernel(x, y)


@accepts_out
def _matmul_into(input: Tensor, other: Tensor) -> Tensor:
    return matmul(input, other)


def _count(shape: Any) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


@accepts_out
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Product of two matrices."""
    if input.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    return matmul_kernel(input, mat2)


@accepts_out
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Product of two batches of matrices."""
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if input.ndim != 3 else "batch2 must be a 3D tensor")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, {input.shape[2]}] "
            f"but got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return matmul_kernel(input, mat2)


@accepts_out
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    return matmul(input, vec)


@accepts_out
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Product of two vectors."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return matmul(input, tensor)


@accepts_out
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Outer product of two vectors."""
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return mul(input.unsqueeze(1), vec2)


@accepts_out
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    product = mm(mat1, mat2)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    return add(product, input if beta == 1 else input * beta)


@accepts_out
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2)."""
    product = bmm(batch1, batch2)
    if product.dtype.category < 2:
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else add(product, input if beta == 1 else input * beta)


def _linear_rule(x: Layout, weight: Layout, bias: Layout | None) -> Result:
    if not x.shape:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are 0D and 2D")
    _same_dtype(x.with_shape((_rows(x), x.shape[-1])), weight)
    if bias is not None and bias.dtype is not x.dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {rules.what(bias.dtype)} and {rules.what(weight.dtype)}"
        )
    if len(weight.shape) != 2:
        raise RuntimeError(
            f"linear(): weight must be a matrix [out_features, in_features], but got shape {list(weight.shape)}"
        )
    if x.shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({_rows(x)}x{x.shape[-1]} and "
            f"{weight.shape[1]}x{weight.shape[0]})"
        )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise RuntimeError(
            f"The expanded size of the tensor ({weight.shape[0]}) must match the existing size "
            f"({bias.shape[-1] if bias.shape else 1}) at non-singleton dimension {len(x.shape) - 1}.  "
            f"Target sizes: {[*x.shape[:-1], weight.shape[0]]}.  Tensor sizes: {list(bias.shape)}"
        )
    return Result(Layout.of((*x.shape[:-1], weight.shape[0]), x.dtype, x.device))


def _as_rows(x: Tensor) -> Tensor:
    return x if len(x._layout.shape) == 2 else x.reshape((_count(x.shape[:-1]), x.shape[-1]))


def _transposed(x: Tensor) -> Tensor:
    return transpose(_as_rows(x), 0, 1)


def _linear_grad_rule(
    grad: Layout, x: Layout, weight: Layout, of_input: bool, of_weight: bool, of_bias: bool
) -> Result:
    layouts = (
        x.dense if of_input else None,
        weight.dense if of_weight else None,
        weight.with_shape(weight.shape[:1]) if of_bias else None,
    )
    return Result(layouts, (of_input, of_weight, of_bias))


def _linear_grad_vjp(grads: Any, grad_output: Tensor, input: Tensor, weight: Tensor, needs: Any) -> tuple[Any, ...]:
    """Each of the three gradients is bilinear, so theirs are products again."""
    of_input, of_weight, of_bias = grads
    results: list[Any] = [None, None, None]

    def gather(i: int, value: Tensor) -> None:
        results[i] = value if results[i] is None else results[i] + value

    if of_input is not None:
        if needs[0]:
            gather(0, matmul(of_input, transpose(weight, 0, 1)))
        if needs[2]:
            gather(2, matmul_kernel(_transposed(grad_output), conj(_as_rows(of_input))))
    if of_weight is not None:
        if needs[0]:
            gather(0, matmul(input, transpose(of_weight, 0, 1)))
        if needs[1]:
            gather(1, matmul(grad_output, conj(of_weight)))
    if of_bias is not None and needs[0]:
        gather(0, of_bias.expand(tuple(grad_output.shape)))
    return tuple(results)


@primitive(
    rule=_linear_grad_rule, vjp=_linear_grad_vjp, outputs=("grad_input", "grad_weight", "grad_bias"),
    samples=samples.calls(
        "[2,5,4] [2,5,3]#1 [4,3]#2 True True True",
        accepts="fc",
    ),
    torch_name="",
)  # fmt: skip
def linear_grad(
    grad_output: Tensor, input: Tensor, weight: Tensor, of_input: bool, of_weight: bool, of_bias: bool
) -> tuple[Any, ...]:
    """Gradients of linear's input, weight and bias, as far as they are wanted (else None)."""
    return (
        matmul(grad_output, conj(weight)) if of_input else None,
        matmul_kernel(_transposed(grad_output), conj(_as_rows(input))) if of_weight else None,
        _as_rows(grad_output).sum(0) if of_bias else None,
    )


@primitive(
    rule=_linear_rule,
    vjp=lambda grad, input, weight, needs: linear_grad(grad, input, weight, *needs),
    samples=samples.calls(
        "[2,3] [4,3]#1 [4]#2; [2,5,3] [4,3]#1 None; [3] [4,3]#1 [4]; [0,3] [4,3] [4]; "
        "[2,3] [4,2] None !RuntimeError; [3,4]t [5,4]t#1 [5]o; [2,3]e [4,3]s#1 None; "
        "[2,3] [4,3] [3] !RuntimeError; [2,3] [4,3]@float64 None !RuntimeError; [] [4,3] None !RuntimeError",
        accepts="fc",
    ),
    node_name="Addmm",
    torch_name="nn.functional.linear",
    lower=Template("f", "linear"),
)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias, over the last dimension."""
    product = matmul(input, transpose(weight, 0, 1))
    return product if bias is None else add(product, bias)
