"""Functions of matrices said in decompositions: norms, condition, pseudoinverse, least squares, exponential."""

from __future__ import annotations

from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import dtype as DType
from ..dtypes import finfo, float32, int64
from ..layout import Layout
from . import rules, samples
from .decompositions import check_floating, check_matrix, check_square, eigh_kernel, named, svd_kernel
from .elementwise import conj, mul, sqrt, where
from .linalg import matmul
from .portable import adjoint
from .primitive import primitive
from .solvers import inv_with_info, is_vector

__all__ = ["matrix_exp", "orgqr", "pinverse"]
METHODS = ["matrix_exp", "orgqr", "pinverse"]

_INF = float("inf")


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Singular values, descending."""
    values: Tensor = svd_kernel(A, False)[1]
    return values


# -- norms


def _dims(dim: Any, ndim: int) -> tuple[int, ...]:
    return rules.normalize_dims(tuple(dim) if isinstance(dim, (list, tuple)) else dim, ndim)


def vector_norm(
    x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """(sum of abs(x)**ord)**(1/ord) over ``dim`` (all elements); ord 0 counts, inf and -inf are extrema.

    Where the norm is 0, its gradient is 0.
    """
    if x.dtype.category < 2:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {rules.what(x.dtype)}"
        )
    p = float(ord)
    x = x if dtype is None else x.to(dtype)
    dims = _dims(dim, x.ndim)
    if p < 0 or p == _INF:
        empty = x.numel() == 0 if dim is None else any(x.shape[d] == 0 for d in dims)
        if empty:
            shown = f"{ord:g}" if abs(p) != _INF else ("inf" if p > 0 else "-inf")
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {shown} norm on an empty tensor because the operation does not "
                "have an identity"
            )
    wanted = x.dtype.to_real()
    if x.dtype.is_half:
        x = x.to(float32)
    return _vector_norm(x.abs(), p, dims, keepdim).to(wanted)


def _vector_norm(size: Tensor, p: float, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if not dims and size.ndim == 0:
        return where(size.eq(0), size.sign(), 1.0) if p == 0 else size.clone()
    if p == _INF:
        return size.amax(dims, keepdim)
    if p == -_INF:
        return size.amin(dims, keepdim)
    if p == 0:
        return where(size.eq(0), size.sign(), 1.0).sum(dims, keepdim)
    if p == 1:
        return size.sum(dims, keepdim)
    if p == 2:
        total = mul(size, size).sum(dims, keepdim)
        none = total.eq(0)
        return where(none, 0.0, sqrt(where(none, 1.0, total)))
    zero = size.eq(0)
    total = where(zero, 0.0 if p > 0 else _INF, where(zero, 1.0, size) ** p).sum(dims, keepdim)
    none = total.eq(0) | total.eq(_INF)
    edge = where(total.eq(0), 0.0, _INF) if p > 0 else where(total.eq(0), _INF, 0.0)
    return where(none, edge.to(total.dtype), where(none, 1.0, total) ** (1.0 / p))


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Norm of the matrices in two dimensions: "fro", "nuc", inf, -inf, 1, -1, 2 or -2."""
    check_matrix(A, "linalg.matrix_norm")
    if A.dtype.category < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {rules.what(A.dtype)}"
        )
    if len(dim) != 2:
        raise RuntimeError("linalg.matrix_norm: dim must be a 2-tuple.")
    first, second = (rules.normalize_dim(d, A.ndim) for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    known = ord in ("fro", "nuc") if isinstance(ord, str) else abs(float(ord)) in (1.0, 2.0, _INF)
    if not known:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    A = A if dtype is None else A.to(dtype)
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim)
    if ord == "nuc" or abs(float(ord)) == 2.0:
        values = svdvals(A.movedim((first, second), (-2, -1)))
        result = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord > 0 else values.amin(-1)
        if not keepdim:
            return result
        low, high = sorted((first, second))
        return result.unsqueeze(low).unsqueeze(high)
    summed, over = (first, second) if abs(float(ord)) == 1.0 else (second, first)
    sums = A.abs().sum(summed, True)
    result = sums.amax(over, True) if ord > 0 else sums.amin(over, True)
    return result if keepdim else result.squeeze((first, second))


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """A vector's or matrix's norm, by the number of dimensions; all elements' 2-norm without ``ord`` and ``dim``."""
    if dim is not None:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        if len(dims) not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got [{', '.join(map(str, dims))}]"
            )
        if len(dims) == 2 and ord is not None:
            return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
        if isinstance(ord, str):
            return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
        return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)
    if ord is None:
        return vector_norm(A, 2, None, keepdim, dtype=dtype)
    if A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    if isinstance(ord, str) or A.ndim == 2:
        return matrix_norm(A, ord, (-2, -1), keepdim, dtype=dtype)
    return vector_norm(A, ord, None, keepdim, dtype=dtype)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """Condition number in a norm (2 by default); inf for a singular matrix."""
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is None or (not isinstance(p, str) and abs(float(p)) == 2.0):
        values = svdvals(A)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    if (p not in ("fro", "nuc")) if isinstance(p, str) else abs(float(p)) not in (1.0, _INF):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_square(A, f"linalg.cond(ord={p})")
    inverse, info = inv_with_info(A)
    result = matrix_norm(A, p) * matrix_norm(where(info.ne(0).unsqueeze(-1).unsqueeze(-1), 0.0, inverse), p)
    return where(info.ne(0), _INF, result)


# -- rank and pseudoinverse


def _tolerances(A: Tensor, atol: Any, rtol: Any) -> tuple[float, float]:
    """Both as numbers; rtol is eps * max(m, n) where neither is given."""
    if A.dtype.category < 2:
        raise RuntimeError("This function doesn't handle types other than float and double")
    given = None if atol is None else float(atol)
    if rtol is None:
        rtol = 0.0 if given is not None and given > 0 else finfo(A.dtype).eps * max(A.shape[-2:])
    return given or 0.0, float(rtol)


def _cutoff(values: Tensor, atol: float, rtol: float) -> Tensor:
    """What singular values must exceed."""
    limit = values.amax(-1, True) * rtol
    return where(limit.lt(atol), atol, limit)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """Number of singular values above max(atol, rtol * the largest)."""
    if A.ndim < 2:
        raise RuntimeError("torch.linalg.matrix_rank: The input tensor input must have at least 2 dimensions.")
    if tol is not None:
        atol, rtol = tol, 0.0
    if 0 in A.shape[-2:]:
        return A.new_zeros(tuple(A.shape[:-2]), dtype=int64)
    tolerances = _tolerances(A, atol, rtol)
    values = eigh_kernel(A)[0].abs() if hermitian else svdvals(A)
    return values.gt(_cutoff(values, *tolerances)).sum(-1)


def _pinv_rule(a: Layout, atol: float, rtol: float, hermitian: bool) -> Result:
    check_floating(a, "linalg.pinv")
    m, n = a.shape[-2:]
    return Result(a.with_shape((*a.shape[:-2], n, m)), (atol, rtol, bool(hermitian)))


def _pinv_grad(grad: Tensor, input: Tensor, out: Tensor) -> Tensor:
    a, p, g = input, out, adjoint(grad)
    ph = adjoint(p)
    if a.shape[-2] <= a.shape[-1]:
        k = matmul(g, p)
        kph = matmul(k, ph)
        rest = matmul(matmul(ph, p), g - matmul(k, a))
        return -adjoint(matmul(p, k)) + kph - matmul(matmul(a, p), kph) + rest
    k = matmul(p, g)
    phk = matmul(ph, k)
    rest = matmul(matmul(g - matmul(a, k), p), ph)
    return -adjoint(matmul(k, p)) + rest + phk - matmul(matmul(phk, p), a)


@primitive(
    name="linalg_pinv", rule=_pinv_rule, vjp={"input": _pinv_grad}, torch_name="", node_name="LinalgPinv",
    samples=samples.calls(
        "[3,3] 0.0 1e-06 False; [2,4,3] 0.0 1e-06 False",
    ),
)  # fmt: skip
def pinv_kernel(input: Tensor, atol: float, rtol: float, hermitian: bool) -> Tensor:
    """The pseudoinverse, of singular values above max(atol, rtol * the largest)."""
    if 0 in input.shape[-2:]:
        return input.transpose(-1, -2).clone()
    if hermitian:
        values, vectors = eigh_kernel(input)
        size, left, right = values.abs(), vectors, adjoint(vectors)
    else:
        u, values, vh = svd_kernel(input, False)
        size, left, right = values, adjoint(vh), adjoint(u)
    kept = size.gt(_cutoff(size, atol, rtol))
    inverse = where(kept, 1.0 / where(kept, values, 1.0), 0.0)
    return matmul(left * inverse.unsqueeze(-2), right)


def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The Moore-Penrose pseudoinverse."""
    if A.ndim < 2 or A.dtype.category < 2:
        raise RuntimeError(
            f"linalg.pinv({rules.what(A.dtype)}{{[{', '.join(map(str, A.shape))}]}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    if rcond is not None:
        atol, rtol = 0.0, rcond
    return pinv_kernel(A, *_tolerances(A, atol, rtol), hermitian)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudoinverse (``linalg.pinv``)."""
    return pinv(input, rcond)


_Lstsq = named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """(solution, residuals, rank, singular_values) of the X that makes A X - B smallest.

    The solution of least norm, by singular values whatever ``driver`` is; as in PyTorch, residuals are given where
    there are more rows than columns and the rank is full, and singular values for the drivers gelsd and gelss.
    """
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype, but got input's dtype "
                           f"{rules.what(A.dtype)} and other's dtype {rules.what(B.dtype)}")  # fmt: skip
    if A.dtype.category < 2:
        raise RuntimeError("This function doesn't handle types other than float and double")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    vector = is_vector(A, B) if A.shape[-1] != A.shape[-2] or B.ndim == 1 else B.ndim == A.ndim - 1
    b = B.unsqueeze(-1) if vector else B
    m, n = A.shape[-2:]
    if b.shape[-2] != m:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-{1 if vector else 2})")
    relative = finfo(A.dtype).eps * max(m, n) if rcond is None else rcond
    solution = matmul(pinv_kernel(A, 0.0, relative, False), b)
    values = svdvals(A)
    rank = values.detach().gt(_cutoff(values.detach(), 0.0, relative)).sum(-1) if min(m, n) else A.new_zeros(
        tuple(A.shape[:-2]), dtype=int64
    )  # fmt: skip
    residuals = A.new_zeros((0,), dtype=A.dtype.to_real())
    if m > n and (driver == "gels" or bool(rank.eq(n).all())):
        away = (matmul(A, solution) - b).abs()
        residuals = mul(away, away).sum(-2)
        residuals = residuals.squeeze(-1) if vector else residuals
    return _Lstsq(
        solution.squeeze(-1) if vector else solution,
        residuals,
        A.new_zeros((0,), dtype=int64) if driver == "gels" else rank,
        values if driver in ("gelsd", "gelss") else A.new_zeros((0,), dtype=A.dtype.to_real()),
    )


# -- exponential, reflections


def matrix_exp(input: Tensor) -> Tensor:
    """exp of each square matrix: its Taylor polynomial of degree 19, scaled to norm 1 and squared back."""
    from .creation import eye

    check_square(input, "linalg.matrix_exp")
    check_floating(input, "linalg.matrix_exp")
    n = input.shape[-1]
    if input.numel() == 0:
        return input.clone()
    size = float(matrix_norm(input.detach(), 1).amax())
    squarings = 0
    while size > 1.0 and size != _INF:
        size, squarings = size / 2, squarings + 1
    x = input * (0.5**squarings)
    x2 = matmul(x, x)
    powers = (eye(n, dtype=x.dtype, device=x.device), x, x2, matmul(x2, x))
    x4 = matmul(x2, x2)
    factors = [1.0]
    for i in range(1, 20):
        factors.append(factors[-1] / i)
    result: Tensor | None = None
    for block in (4, 3, 2, 1, 0):
        part = powers[1] * factors[4 * block + 1] + powers[2] * factors[4 * block + 2]
        part = part + powers[3] * factors[4 * block + 3] + powers[0] * factors[4 * block]
        result = part if result is None else matmul(result, x4) + part
    assert result is not None
    for _ in range(squarings):
        result = matmul(result, result)
    return result


def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first columns of the product of the reflections 1 - tau v v^H, whose v are below A's diagonal."""
    from .creation import eye
    from .movement import tril

    name = "torch.linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    m, n = A.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    one = eye(m, n, dtype=A.dtype, device=A.device)
    vectors = tril(A, -1) + one
    q = one.expand(tuple(A.shape))
    for i in range(tau.shape[-1] - 1, -1, -1):
        v = vectors[..., i : i + 1]
        q = q - tau[..., i, None, None] * matmul(v, matmul(conj(v.transpose(-1, -2)), q))
    return where(q.eq(q), q, A) if not tau.shape[-1] else q.clone()


def orgqr(input: Tensor, tau: Tensor) -> Tensor:
    """``linalg.householder_product``."""
    return householder_product(input, tau)
