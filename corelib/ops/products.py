"""Einstein sums and the products that are said in them or in matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ..core.tensor import Tensor
from . import rules
from .elementwise import add, conj, mul, sqrt, where
from .linalg import bmm, dot, matmul, matmul_kernel, mv, outer
from .results import accepts_out

__all__ = [
    "addbmm", "addmv", "addr", "cdist", "chain_matmul", "cross", "einsum", "ger", "inner", "kron", "matrix_power",
    "pdist", "tensordot", "trace", "vdot",
]  # fmt: skip
METHODS = ["addbmm", "addmv", "addr", "cross", "ger", "inner", "kron", "matrix_power", "trace", "vdot"]
IN_PLACE = ["addbmm", "addmv", "addr"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ELLIPSIS = "..."


def _subscripts(text: str, where_: str) -> list[str]:
    """The labels of one operand (or of the output): letters, and "..." at most once."""
    labels: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == ".":
            if _ELLIPSIS in labels:
                raise RuntimeError(f"einsum(): found '.' for {where_} for which an ellipsis was already found")
            if text[i : i + 3] != _ELLIPSIS:
                raise RuntimeError(f"einsum(): found '.' for {where_} that is not part of any ellipsis")
            labels.append(_ELLIPSIS)
            i += 3
            continue
        if c != " ":
            if c not in _LETTERS:
                raise RuntimeError(
                    f"einsum(): invalid subscript given at index {i} in the equation string, subscripts must be in "
                    "[a-zA-Z]"
                )
            labels.append(c)
        i += 1
    return labels


def _from_sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as an equation and operands."""

    def letters(labels: Any) -> str:
        found = ""
        for x in labels:
            if x is Ellipsis:
                found += _ELLIPSIS
            elif isinstance(x, int) and 0 <= x < 52:
                found += _LETTERS[x]
            else:
                raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
        return found

    count = len(args) // 2
    equation = ",".join(map(letters, args[1 : 2 * count : 2]))
    if len(args) % 2:
        equation += "->" + letters(args[-1])
    return equation, list(args[0 : 2 * count : 2])


@lru_cache(1024)
def _parse(equation: str, ranks: tuple[int, ...]) -> tuple[list[list[Any]], list[Any]]:
    """Labels of each operand's dimensions and of the result's; those of the ellipsis are ints, from its left."""
    left, arrow, right = equation.partition("->")
    texts = left.split(",")
    if len(texts) < len(ranks):
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    if len(texts) > len(ranks):
        raise RuntimeError("einsum(): fewer operands were provided than specified in the equation")
    parsed = [_subscripts(text, f"operand {i}") for i, text in enumerate(texts)]
    extra = 0
    for i, (labels, rank) in enumerate(zip(parsed, ranks, strict=True)):
        named = len(labels) - (_ELLIPSIS in labels)
        if _ELLIPSIS in labels:
            if named > rank:
                raise RuntimeError(
                    f"einsum(): the number of subscripts in the equation ({named}) is more than the number of "
                    f"dimensions ({rank}) for operand {i}"
                )
            extra = max(extra, rank - named)
        elif named != rank:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({rank}) for operand {i} and no ellipsis was given"
            )
    inputs = [_filled(labels, extra, rank - len(labels) + 1) for labels, rank in zip(parsed, ranks, strict=True)]
    if arrow:
        wanted = _subscripts(right, "the output")
        output = _filled(wanted, extra, extra)
        for i, label in enumerate(output):
            if label in output[:i]:
                raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
            if label not in range(extra) and not any(label in labels for labels in inputs):
                raise RuntimeError(
                    f"einsum(): output subscript {label} does not appear in the equation for any input operand"
                )
    else:
        every = [label for labels in parsed for label in labels]
        output = [*range(extra), *sorted({x for x in every if x != _ELLIPSIS and every.count(x) == 1})]
    return inputs, output


def _filled(labels: list[str], extra: int, count: int) -> list[Any]:
    """With the ellipsis written out: its last ``count`` dimensions of ``extra``."""
    return [y for x in labels for y in (range(extra - count, extra) if x == _ELLIPSIS else (x,))]


def _diagonals(x: Tensor, labels: list[Any], operand: int) -> tuple[Tensor, list[Any]]:
    """Each label once: repeated ones are taken along the diagonal."""
    if len(set(labels)) == len(labels):
        return x, labels
    i = 0
    while i < len(labels):
        label = labels[i]
        if label in labels[:i]:
            first = labels.index(label)
            if x.shape[first] != x.shape[i]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {operand} but the sizes don't match, "
                    f"{x.shape[i]} != {x.shape[first]}"
                )
            x = x.diagonal(0, first, i).movedim(-1, first)
            labels = labels[:i] + labels[i + 1 :]
        else:
            i += 1
    return x, labels


def _summed(x: Tensor, labels: list[Any], keep: set[Any]) -> tuple[Tensor, list[Any]]:
    """Without the dimensions that nobody needs any more."""
    if keep.issuperset(labels):
        return x, labels
    gone = tuple([i for i, label in enumerate(labels) if label not in keep])
    return (x.sum(gone), [label for label in labels if label in keep]) if gone else (x, labels)


def _ordered(x: Tensor, labels: list[Any], wanted: list[Any]) -> Tensor:
    """Dimensions in the order ``wanted``; absent ones of size 1."""
    if labels == wanted:
        return x
    present = [label for label in wanted if label in labels]
    order = tuple(map(labels.index, present))
    x = x.permute(order) if order != tuple(range(len(order))) else x
    if len(present) < len(wanted):
        sizes = iter(tuple(x.shape))
        x = x.reshape(tuple([next(sizes) if label in labels else 1 for label in wanted]))
    return x


def _contract(a: Tensor, la: list[Any], b: Tensor, lb: list[Any], keep: set[Any]) -> tuple[Tensor, list[Any]]:
    """Two operands as one: an elementwise product, or a batched product of matrices where something is summed."""
    a, la = _summed(a, la, keep | set(lb))
    b, lb = _summed(b, lb, keep | set(la))
    # what both have and nobody needs afterwards is summed; of size 1 on one side, the other side is summed before
    summed = [label for label in la if label in lb and label not in keep]
    for label in list(summed):
        i, j = la.index(label), lb.index(label)
        if a.shape[i] != b.shape[j]:
            a = a.sum(i) if a.shape[i] != 1 else a.squeeze(i)
            b = b.sum(j) if b.shape[j] != 1 else b.squeeze(j)
            la, lb = la[:i] + la[i + 1 :], lb[:j] + lb[j + 1 :]
            summed.remove(label)
    union = [*la, *[label for label in lb if label not in la]]
    if not summed:
        return mul(_ordered(a, la, union), _ordered(b, lb, union)), union
    batch = [label for label in la if label in lb and label in keep]
    rows, columns = [x for x in la if x not in lb], [x for x in lb if x not in la]
    a, b = _ordered(a, la, [*batch, *rows, *summed]), _ordered(b, lb, [*batch, *summed, *columns])
    n, m = len(batch), len(rows)
    shape = rules.broadcast_shapes(a.shape[:n], b.shape[:n]) if n else ()
    if n and (tuple(a.shape[:n]) != shape or tuple(b.shape[:n]) != shape):
        a, b = a.expand((*shape, *a.shape[n:])), b.expand((*shape, *b.shape[n:]))
    outer_sizes, inner_sizes = tuple(a.shape[n : n + m]), tuple(b.shape[n + len(summed) :])
    if m != 1 or len(summed) != 1:
        a = a.reshape((*shape, _product(outer_sizes), _product(a.shape[n + m :])))
    if len(columns) != 1 or len(summed) != 1:
        b = b.reshape((*shape, a.shape[-1], _product(inner_sizes)))
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {rules.what(a.dtype)} but found {rules.what(b.dtype)}")
    product = matmul_kernel(a, b)
    if m != 1 or len(columns) != 1:
        product = product.reshape((*shape, *outer_sizes, *inner_sizes))
    return product, [*batch, *rows, *columns]


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for n in sizes:
        total *= n
    return total


def einsum(*args: Any) -> Tensor:
    """Sum of products over the labels of an equation: ``einsum("ij,jk->ik", a, b)``.

    Repeated labels of an operand take its diagonal; ``...`` stands for dimensions that broadcast; without ``->`` the
    result has the labels that appear once, in alphabetical order.  Also ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    Raises:
        ValueError: no operand, or a bad label in a list.
        RuntimeError: a malformed equation, or sizes that do not agree.
    """
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand "
                         "and its subscripts list")  # fmt: skip
    if isinstance(args[0], str):
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = list(operands[0])
    else:
        equation, operands = _from_sublists(args)
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    for i, x in enumerate(operands):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 1, but got {type(x).__name__}")
    inputs, output = _parse(equation, tuple([x.ndim for x in operands]))
    sizes: dict[Any, int] = {}
    terms: list[tuple[Tensor, list[Any]]] = []
    for i, (x, labels) in enumerate(zip(operands, inputs, strict=True)):
        x, labels = _diagonals(x, labels, i)
        for label, n in zip(labels, tuple(x.shape), strict=True):
            seen = sizes.get(label, 1)
            if n not in (1, seen) and seen != 1:
                raise RuntimeError(
                    f"einsum(): subscript {'...' if isinstance(label, int) else label} has size {n} for operand {i} "
                    f"which does not broadcast with previously seen size {seen}"
                )
            sizes[label] = seen if n == 1 else n
        terms.append((x, labels))
    result, have = terms[0]
    for i, (x, labels) in enumerate(terms[1:], 1):
        later = {label for _, others in terms[i + 1 :] for label in others}
        result, have = _contract(result, have, x, labels, later | set(output))
    result, have = _summed(result, have, set(output))
    return _ordered(result, have, output)


@accepts_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sum over the last ``dims`` dimensions of a and the first of b, or over two lists of dimensions."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([x] if isinstance(x, int) else list(x) for x in dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    first = [rules.normalize_dim(d, a.ndim) for d in first]
    second = [rules.normalize_dim(d, b.ndim) for d in second]
    for d, e in zip(first, second, strict=True):
        if a.shape[d] != b.shape[e] and 1 not in (a.shape[d], b.shape[e]):
            raise RuntimeError(
                "contracted dimensions need to match, but first has size "
                f"{a.shape[d]} in dim {d} and second has size {b.shape[e]} in dim {e}"
            )
    # of size 1 on one side only: the other side is summed there
    for d, e in zip(first, second, strict=True):
        if a.shape[d] != b.shape[e]:
            a, b = (a.sum(d, True), b) if b.shape[e] == 1 else (a, b.sum(e, True))
    rows, columns = [d for d in range(a.ndim) if d not in first], [d for d in range(b.ndim) if d not in second]
    m, n = [a.shape[d] for d in rows], [b.shape[d] for d in columns]
    k = _product([a.shape[d] for d in first])
    left = a.permute((*rows, *first)).reshape((_product(m), k))
    right = b.permute((*second, *columns)).reshape((k, _product(n)))
    return matmul(left, right).reshape((*m, *n))


@accepts_out
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sum of products over the last dimension of both; a plain product where one is 0-d."""
    if input.ndim == 0 or other.ndim == 0:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and "
            f"{list(other.shape)}"
        )
    return tensordot(input, other, ([input.ndim - 1], [other.ndim - 1]))


@accepts_out
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: block (i, j) is input[i, j] * other, in any number of dimensions."""
    n = max(input.ndim, other.ndim)
    a, b = (1,) * (n - input.ndim) + tuple(input.shape), (1,) * (n - other.ndim) + tuple(other.shape)
    left = input.reshape(tuple([y for x in a for y in (x, 1)]))
    right = other.reshape(tuple([y for x in b for y in (1, x)]))
    return mul(left, right).reshape(tuple([x * y for x, y in zip(a, b, strict=True)]))


@accepts_out
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Cross product of 3-vectors along ``dim`` (by default the first dimension of size 3)."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        shape = rules.broadcast_shapes(input.shape, other.shape)
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = shape.index(3)
    d = rules.normalize_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[d]} and {other.shape[d]}"
        )
    from .movement import stack

    a0, a1, a2 = (input.select(d, i) for i in range(3))
    b0, b1, b2 = (other.select(d, i) for i in range(3))
    return stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], d)


@accepts_out
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Product of two vectors, the first conjugated."""
    return dot(conj(input), other)


@accepts_out
def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """Another name of :func:`outer`."""
    return outer(input, vec2)


def _scaled(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * input + alpha * product; where beta is 0, input is not looked at; the scales are in the product's kind."""
    if product.dtype.category < 2:
        kind = bool if product.dtype.category == 0 else int
        beta, alpha = kind(beta), kind(alpha)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    return add(input if beta == 1 else input * beta, product)


@accepts_out
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)."""
    return _scaled(input, mv(mat, vec), beta, alpha)


@accepts_out
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)."""
    for name, x in (("vec1", vec1), ("vec2", vec2)):
        if x.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {x.ndim}-D")
    return _scaled(input, outer(vec1, vec2), beta, alpha)


@accepts_out
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (the sum over the batch of batch1 @ batch2)."""
    if batch1.ndim != 3 or batch2.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor" if batch1.ndim != 3 else "batch2 must be a 3D tensor")
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(
            f"batch1 and batch2 must have same number of batches, got {batch1.shape[0]} and {batch2.shape[0]}"
        )
    if batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for bmm ({batch1.shape[1]}x{batch1.shape[2]} and "
            f"{batch2.shape[1]}x{batch2.shape[2]})"
        )
    return _scaled(input, bmm(batch1, batch2).sum(0), beta, alpha)


@accepts_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Product of a chain of matrices in the order that takes the fewest multiplications; ends may be vectors."""
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got " + str(len(chain)))
    for i, x in enumerate(chain):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(chain) - 1)):
            want = "1D or 2D" if i in (0, len(chain) - 1) else "2D"
            place = "the first tensor" if i == 0 else "the last tensor" if i == len(chain) - 1 else f"tensor {i}"
            raise RuntimeError(f"multi_dot(): {place} must be {want} but got {x.ndim}D")
    head, tail = chain[0].ndim == 1, chain[-1].ndim == 1
    if head:
        chain[0] = chain[0].unsqueeze(0)
    if tail:
        chain[-1] = chain[-1].unsqueeze(1)
    for i, (a, b) in enumerate(pairwise(chain)):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} cannot be "
                "multiplied"
            )
    result = _best_order(chain)
    if head and tail:
        return result.reshape(())
    return result.squeeze(0) if head else result.squeeze(1) if tail else result


def _best_order(chain: list[Tensor]) -> Tensor:
    sizes = [chain[0].shape[0], *[x.shape[1] for x in chain]]
    cost: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(chain))}
    for length in range(1, len(chain)):
        for i in range(len(chain) - length):
            j = i + length
            cost[i, j] = min(
                (cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        k = cost[i, j][1]
        return matmul(product(i, k), product(k + 1, j))

    return product(0, len(chain) - 1)


@accepts_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Product of a chain of matrices (see ``linalg.multi_dot``)."""
    return matrices[0].clone() if len(matrices) == 1 else multi_dot(matrices)


@accepts_out
def matrix_power(input: Tensor, n: int) -> Tensor:
    """input @ input @ ... (n times), by squaring; the inverse's for negative n."""
    if input.ndim < 2:
        raise RuntimeError(f"linalg.matrix_power: The input tensor {'A'} must have at least 2 dimensions.")
    if input.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {input.shape[-2]} by "
            f"{input.shape[-1]} matrices"
        )
    if n < 0:
        from .solvers import inv

        return matrix_power(inv(input), -n)
    if n == 0:
        from .creation import eye

        one = eye(input.shape[-1], dtype=input.dtype, device=input.device)
        return where(one.eq(one), one, input)
    result, power = None, input
    while n:
        if n % 2:
            result = power if result is None else matmul(result, power)
        n //= 2
        if n:
            power = matmul(power, power)
    assert result is not None
    return result.clone() if result is input else result


def trace(input: Tensor) -> Tensor:
    """Sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix, but got tensor with dim " + str(input.ndim))
    return input.diagonal().sum()


def _length(difference: Tensor, p: float) -> Tensor:
    """p-norm of the last dimension, whose gradient is 0 where it is 0."""
    size = difference.abs()
    if size.shape[-1] == 0:
        return size.sum(-1)
    if p == 0:
        return where(size.eq(0), size.sign(), 1.0).sum(-1)
    if p == 1:
        return size.sum(-1)
    if p == float("inf"):
        return size.amax(-1)
    if p == 2:
        return _root(mul(difference, difference).sum(-1))
    safe = where(size.eq(0), 1.0, size)
    total = where(size.eq(0), 0.0, safe**p).sum(-1)
    none = total.eq(0)
    return where(none, 0.0, where(none, 1.0, total) ** (1.0 / p))


def _root(total: Tensor) -> Tensor:
    none = total.eq(0)
    return where(none, 0.0, sqrt(where(none, 1.0, total)))


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """p-norm distances of all rows of x1 [..., n, d] from all rows of x2 [..., m, d]: [..., n, m].

    They are computed from differences whatever ``compute_mode`` is, so none is lost by cancellation.
    """
    for name, x in (("X1", x1), ("X2", x2)):
        if x.dtype.category != 2:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {rules.what(x.dtype)}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    return _length(x1.unsqueeze(-2) - x2.unsqueeze(-3), p)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """p-norm distances of every two rows of a matrix, in the order (0, 1), (0, 2), ..., (1, 2), ...."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if input.dtype.category != 2:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = input.shape[0]
    if n < 2:
        return input[:0].reshape(0)
    from .creation import tensor

    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    first = tensor([i for i, _ in pairs], device=input.device)
    second = tensor([j for _, j in pairs], device=input.device)
    return _length(input.index_select(0, first) - input.index_select(0, second), p)
