"""gradcheck and gradgradcheck: gradients from backward against central differences.

Everything is reduced to real Jacobians.  A tensor of n real elements has n *coordinates*; one of n complex
elements has 2n (real and imaginary parts, interleaved).  Since a complex gradient is dL/dRe + i dL/dIm, its
coordinates are those of a real gradient, and no complex case is left.  ``jacobian[i, j]`` is the derivative
of output coordinate j with respect to input coordinate i.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Vector = np.ndarray[Any, np.dtype[np.float64]]
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient is wrong; the message says which and how."""


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check the gradients of ``func`` against central differences, by ``allclose`` in ``atol`` and ``rtol``.

    Every output that requires grad is checked against every input that requires grad; the inputs are
    perturbed in place, through ``.data``, and hold their values again afterwards.

    Args:
        func: takes tensors (and anything else), returns a tensor or a sequence of them.
        inputs: its arguments.  The checked ones should be float64 or complex128 and not overlap themselves.
        eps: the step of the differences.
        raise_exception: raise rather than return False.
        nondet_tol: by how much two backward passes may differ.
        check_undefined_grad: PyTorch's option; outputs are always differentiated one at a time, so that the
            gradients of the others are undefined.
        check_grad_dtypes: a gradient must have its input's dtype.
        fast_mode: compare random projections of the Jacobians, one backward pass an output, instead of
            all their elements.
        masked: PyTorch's option for sparse tensors.

    Returns:
        True, or (without ``raise_exception``) False.

    Raises:
        GradcheckError: a gradient is wrong.
        ValueError: no input requires grad.
        NotImplementedError: a check of forward mode or of batched gradients is asked for.
    """
    _refuse(check_forward_ad or check_batched_forward_grad, check_batched_grad)
    if not check_backward_ad:
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    arguments = _as_tuple(inputs)
    _check_inputs(arguments)
    check = _Check(func, arguments, eps, atol, rtol, nondet_tol, check_grad_dtypes, fast_mode)
    if raise_exception:
        check.run()
        return True
    try:
        check.run()
    except GradcheckError:
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the gradients of the gradients of ``func``, with respect to ``inputs`` and to ``grad_outputs``.

    Args:
        grad_outputs: what the first backward starts from, one for each output that requires grad; random
            where None, and then not contiguous if ``gen_non_contig_grad_outputs``.

    The other arguments, the result and the errors are those of :func:`gradcheck`.
    """
    _refuse(check_fwd_over_rev, check_batched_grad)
    if not check_rev_over_rev:
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    arguments = _as_tuple(inputs)
    if grad_outputs is None:
        generator = np.random.default_rng(0)
        starts = tuple(
            _random_like(output, generator, gen_non_contig_grad_outputs) for output in _differentiable(func(*arguments))
        )
    else:
        starts = _as_tuple(grad_outputs)

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        from . import grad

        function_inputs = args[: len(arguments)]
        wanted = [a for a in function_inputs if _requires_grad(a)]
        found = grad(
            _differentiable(func(*function_inputs)),
            wanted,
            args[len(arguments) :],
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        arguments + starts,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
        masked=masked,
    )


def _refuse(forward: bool, batched: bool) -> None:
    if forward:
        raise NotImplementedError("gradcheck: forward-mode gradients cannot be checked")
    if batched:
        raise NotImplementedError("gradcheck: batched gradients cannot be checked")


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _requires_grad(x: Any) -> bool:
    return bool(getattr(x, "requires_grad", False))


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    return tuple(output for output in _as_tuple(outputs) if _requires_grad(output))


def _check_inputs(arguments: tuple[Any, ...]) -> None:
    if not any(map(_requires_grad, arguments)):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    for index, x in enumerate(arguments):
        if not _requires_grad(x):
            continue
        if x.dtype.to_real().itemsize < 8:
            warnings.warn(
                f"Input #{index} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex.",
                stacklevel=3,
            )
        if x.numel() and any(stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {index}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )


def _coordinates(x: Tensor) -> Vector:
    """A copy of a tensor's elements, flattened, as real numbers."""
    complex_ = x.dtype.is_complex
    return x.detach()._host().reshape(-1).astype(np.complex128 if complex_ else np.float64).view(np.float64)


def _count(x: Tensor) -> int:
    return x.numel() * (2 if x.dtype.is_complex else 1)


def _tensor(coordinates: Vector, like: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """The opposite of :func:`_coordinates`: a tensor of ``like``'s shape (or another), dtype and device."""
    values = coordinates.view(np.complex128) if like.dtype.is_complex else coordinates
    return like.new_tensor(values.reshape(like.shape if shape is None else shape))


def _random_like(x: Tensor, generator: np.random.Generator, non_contiguous: bool) -> Tensor:
    """A random leaf of ``x``'s shape, dtype and device that requires grad."""
    if non_contiguous:
        made = _tensor(generator.standard_normal(2 * _count(x)), x, (*x.shape, 2))[..., 0]
    else:
        made = _tensor(generator.standard_normal(_count(x)), x)
    return made.detach().requires_grad_()


@dataclass(frozen=True)
class _Check:
    """One run of gradcheck."""

    func: Function
    arguments: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_dtypes: bool
    fast: bool

    def run(self) -> None:
        """Check every pair of an input and an output that require grad; GradcheckError for the first bad one."""
        inputs = [x for x in self.arguments if _requires_grad(x)]
        outputs = _differentiable(self.func(*self.arguments))
        if not outputs:
            self._check_constant(inputs)
            return
        self._check_zero_start(inputs, outputs)
        compare = self._compare_projections if self.fast else self._compare_jacobians
        for j, output in enumerate(outputs):
            compare(inputs, output, j)

    # -- numerical

    def _derivative(self, x: Tensor, direction: Vector, select: Callable[[Any], Sequence[Tensor]]) -> list[Vector]:
        """Central differences of the selected outputs along a direction in the coordinates of ``x``."""
        at = _coordinates(x)
        values = []
        try:
            for step in (self.eps, -self.eps):
                x.data.copy_(_tensor(at + step * direction, x))
                values.append(list(map(_coordinates, select(self.func(*self.arguments)))))
        finally:
            x.data.copy_(_tensor(at, x))
        return [(above - below) / (2 * self.eps) for above, below in zip(*values, strict=True)]

    def _numerical(self, x: Tensor, j: int) -> Vector:
        """The Jacobian of differentiable output ``j`` with respect to ``x``, by differences."""
        rows = [self._derivative(x, unit, lambda got: [_differentiable(got)[j]])[0] for unit in np.eye(_count(x))]
        return np.array(rows)

    def _check_constant(self, inputs: list[Tensor]) -> None:
        """Where no output requires grad, none may depend on an input."""
        for x in inputs:
            for unit in np.eye(_count(x)):
                for derivative in self._derivative(x, unit, lambda got: [o for o in _as_tuple(got) if _is_numeric(o)]):
                    if np.any(derivative != 0):
                        raise GradcheckError("Numerical gradient for function expected to be zero")

    # -- analytical

    def _backward(self, inputs: list[Tensor], output: Tensor, start: Vector) -> list[Vector]:
        """Gradients of ``start @ output``, in coordinates, one vector an input; twice, to see that they agree."""
        from . import grad

        runs = []
        for _ in range(2):
            found = grad(output, inputs, _tensor(start, output), retain_graph=True, allow_unused=True)
            runs.append([self._gradient(x, g) for x, g in zip(inputs, found, strict=True)])
        for first, second in zip(*runs, strict=True):
            if np.any(np.abs(first - second) > self.nondet_tol):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    f"gives different values. The tolerance for nondeterminism was {self.nondet_tol}."
                )
        return runs[0]

    def _gradient(self, x: Tensor, gradient: Tensor | None) -> Vector:
        """A gradient's coordinates; zeros where there is none."""
        if gradient is None:
            return np.zeros(_count(x))
        if gradient.shape != x.shape:
            raise GradcheckError("Analytical gradient has incorrect size")
        if self.check_dtypes and gradient.dtype != x.dtype:
            raise GradcheckError("Gradient has dtype mismatch")
        if gradient.dtype.is_complex and not x.dtype.is_complex:
            raise GradcheckError("Gradient of a real input is complex")
        return _coordinates(gradient if gradient.dtype.is_complex == x.dtype.is_complex else gradient.to(x.dtype))

    def _check_zero_start(self, inputs: list[Tensor], outputs: tuple[Tensor, ...]) -> None:
        """Backward is linear: from zeros it gives zeros (which nan and inf inside it would break)."""
        for output in outputs:
            if any(np.any(found != 0) for found in self._backward(inputs, output, np.zeros(_count(output)))):
                raise GradcheckError("backward not multiplied by grad_output")

    def _analytical(self, inputs: list[Tensor], output: Tensor) -> list[Vector]:
        """The Jacobian of an output with respect to each input, a backward pass for each of its coordinates."""
        columns = [self._backward(inputs, output, unit) for unit in np.eye(_count(output))]
        return [np.array([c[i] for c in columns]).reshape(len(columns), _count(x)).T for i, x in enumerate(inputs)]

    # -- comparison

    def _compare_jacobians(self, inputs: list[Tensor], output: Tensor, j: int) -> None:
        for i, analytical in enumerate(self._analytical(inputs, output)):
            numerical = self._numerical(inputs[i], j).reshape(analytical.shape)
            if not np.allclose(analytical, numerical, self.rtol, self.atol):
                raise GradcheckError(_mismatch(j, i, numerical, analytical))

    def _compare_projections(self, inputs: list[Tensor], output: Tensor, j: int) -> None:
        """Compare u.J.v for a random u >= 0 of the input's coordinates and v >= 0 of the output's, of length 1."""
        generator = np.random.default_rng(0)
        v = _random_unit(generator, _count(output))
        for i, gradient in enumerate(self._backward(inputs, output, v)):
            u = _random_unit(generator, _count(inputs[i]))
            numerical = self._derivative(inputs[i], u, lambda got: [_differentiable(got)[j]])[0] @ v
            analytical = gradient @ u
            # What allclose would grant to every element of the Jacobian, projected as they are.
            if not np.allclose(analytical, numerical, self.rtol, self.atol * u.sum() * v.sum()):
                raise GradcheckError(
                    _mismatch(j, i, numerical, analytical)
                    + "\nThe above quantities relating the numerical and analytical jacobians are computed in fast "
                    "mode: they are random projections. Without fast_mode the whole jacobians are shown."
                )


def _is_numeric(x: Any) -> bool:
    return hasattr(x, "dtype") and (x.dtype.is_floating_point or x.dtype.is_complex)


def _random_unit(generator: np.random.Generator, size: int) -> Vector:
    vector = generator.random(size)
    return vector / max(float(np.linalg.norm(vector)), 1e-30)  # an empty tensor has length 0


def _mismatch(output: int, input_: int, numerical: Any, analytical: Any) -> str:
    return (
        f"Jacobian mismatch for output {output} with respect to input {input_},\n"
        f"numerical:{numerical}\nanalytical:{analytical}\n"
    )
