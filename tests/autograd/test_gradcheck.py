"""gradcheck finds wrong gradients and lets right ones pass."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.autograd import Function, gradcheck, gradgradcheck
from corelib.autograd.gradcheck import GradcheckError

modes = pytest.mark.parametrize("fast_mode", [False, True], ids=["slow", "fast"])


def leaf(*shape: int, dtype: Any = None, seed: int = 0) -> Any:
    """A float64 leaf (or of another dtype) with values in [0.5, 1.5) that requires grad."""
    values = 0.5 + np.random.default_rng(seed).random(shape)
    if dtype is not None and dtype.is_complex:
        values = values + 1j * np.random.default_rng(seed + 1).random(shape)
    return corelib.tensor(values, dtype=dtype or corelib.float64, requires_grad=True)


def functions(framework: Any) -> SimpleNamespace:
    """Functions with faults, written against PyTorch's API."""
    made = SimpleNamespace()

    class Base(framework.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

    class WrongFactor(Base):
        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * x * 2.01

    class IgnoresGrad(Base):
        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x

    class WrongSecond(Base):
        """Its gradient is right, but not that gradient's gradient."""

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * x.detach() * 2

    class Drifting(Base):
        """Every backward pass gives a little more than the one before."""

        calls = 0

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            Drifting.calls += 1
            return grad * x * (2 + 1e-10 * Drifting.calls)

    for function in (WrongFactor, IgnoresGrad, WrongSecond, Drifting):
        setattr(made, function.__name__, function.apply)
    return made


FAULTY = functions(corelib)

RIGHT = {
    "product": (lambda a, b: a * b, lambda: (leaf(2, 3), leaf(3))),
    "scalar": (lambda a: a.exp(), lambda: (leaf(),)),
    "empty": (lambda a: a * 2, lambda: (leaf(0, 3),)),
    "several outputs": (lambda a, b: (a @ b, a.sum(), b > 1), lambda: (leaf(2, 3), leaf(3, 2, seed=1))),
    "list of outputs": (lambda a: [a.sin(), a.cos()], lambda: [leaf(3)]),
    "transposed": (lambda a: a * a, lambda: (leaf(3, 2).t().detach().requires_grad_(),)),
    "not a leaf": (lambda a: a * a, lambda: (leaf(3) * 2,)),
    "a view": (lambda a: a.reshape(-1), lambda: (leaf(2, 2),)),
    "in place": (lambda a: a.clone().mul_(a), lambda: (leaf(3),)),
    "unused input": (lambda a, b: a * 2, lambda: (leaf(3), leaf(2))),
    "constants": (lambda a, n, b: a**n + b, lambda: (leaf(3), 2, leaf(3).detach())),
}


def values(inputs: Any) -> list[Any]:
    return [x.tolist() for x in inputs if hasattr(x, "tolist")]


@modes
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass_and_inputs_keep_their_values(name, fast_mode):
    function, make = RIGHT[name]
    inputs = make()
    before = values(inputs)
    assert gradcheck(function, inputs, fast_mode=fast_mode) is True
    assert gradgradcheck(function, inputs, fast_mode=fast_mode) is True
    assert values(inputs) == before


def test_one_tensor_instead_of_a_sequence():
    assert gradcheck(lambda a: a.sin(), leaf(2))
    assert gradgradcheck(lambda a: a.sin(), leaf(2), corelib.ones(2, dtype=corelib.float64, requires_grad=True))
    assert gradgradcheck(lambda a: a.sin(), leaf(2, 2), gen_non_contig_grad_outputs=True)


def test_inputs_keep_their_values_when_the_function_fails():
    x = leaf(2)
    before = x.tolist()

    def function(a: Any) -> Any:
        if a.tolist() != before:
            raise ZeroDivisionError
        return a * 2

    with pytest.raises(ZeroDivisionError):
        gradcheck(function, x)
    assert x.tolist() == before


@modes
def test_an_input_may_be_reached_without_its_argument(fast_mode):
    weight = leaf(3)
    assert gradcheck(lambda a, _: a * weight, (leaf(3), weight), fast_mode=fast_mode)


@modes
@pytest.mark.parametrize(
    "function",
    [lambda a, b: a * b, lambda a, b: a * b.conj(), lambda a, b: a.real * b, lambda a, b: (a - 2 * b).abs()],
    ids=["product", "conjugate", "real part", "real result"],
)
def test_complex(function, fast_mode):
    inputs = leaf(2, dtype=corelib.complex128), leaf(2, dtype=corelib.complex128, seed=5)
    assert gradcheck(function, inputs, fast_mode=fast_mode)


@modes
def test_a_real_input_of_a_complex_function(fast_mode):
    assert gradcheck(lambda a, b: a * b, (leaf(2), leaf(2, dtype=corelib.complex128)), fast_mode=fast_mode)


# -- wrong gradients --------------------------------------------------------------------------------


@modes
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WrongFactor", "Jacobian mismatch for output 0 with respect to input 0,\nnumerical:.*\nanalytical:"),
        ("IgnoresGrad", "backward not multiplied by grad_output"),
        ("Drifting", "Backward is not reentrant"),
    ],
)
def test_wrong_gradients(name, message, fast_mode):
    function = getattr(FAULTY, name)
    with pytest.raises(GradcheckError, match=f"(?s){message}"):
        gradcheck(function, leaf(3), fast_mode=fast_mode)
    assert gradcheck(function, leaf(3), fast_mode=fast_mode, raise_exception=False) is False


def test_the_message_shows_both_jacobians():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(FAULTY.WrongFactor, corelib.tensor([1.0, 2.0], dtype=corelib.float64, requires_grad=True))
    numerical, analytical = str(caught.value).split("numerical:")[1].split("analytical:")
    assert numerical.split() == ["[[2.", "0.]", "[0.", "4.]]"]
    assert analytical.split() == ["[[2.01", "0.", "]", "[0.", "4.02]]"]


def test_the_pair_that_is_wrong_is_named():
    with pytest.raises(GradcheckError, match="for output 1 with respect to input 1"):  # of those that require grad
        gradcheck(lambda a, n, b: (a * n, a + FAULTY.WrongFactor(b)), (leaf(2), 3, leaf(2)))


@modes
def test_wrong_second_gradient(fast_mode):
    assert gradcheck(FAULTY.WrongSecond, leaf(3), fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradgradcheck(FAULTY.WrongSecond, leaf(3), fast_mode=fast_mode)
    assert gradgradcheck(FAULTY.WrongSecond, leaf(3), fast_mode=fast_mode, raise_exception=False) is False


def test_tolerances():
    assert gradcheck(FAULTY.Drifting, leaf(3), nondet_tol=1e-6)
    assert gradcheck(FAULTY.WrongFactor, leaf(3), rtol=0.01)
    assert gradcheck(FAULTY.WrongFactor, leaf(3), atol=0.1)


def test_a_function_that_hides_its_dependence():
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda a: a.detach() * 2, leaf(2))
    assert gradcheck(lambda a: (a > 0, a.detach() * 0), leaf(2))
    assert gradgradcheck(lambda a: a.detach() * 0, leaf(2))


def test_gradient_dtype():
    class Narrow(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            return grad.float()

    x = corelib.ones(2, dtype=corelib.float64, requires_grad=True)
    assert gradcheck(Narrow.apply, x, check_grad_dtypes=True)  # the engine gives gradients their input's dtype


# -- arguments --------------------------------------------------------------------------------------


def test_nothing_to_check():
    with pytest.raises(ValueError, match="expects at least one input tensor to require gradient"):
        gradcheck(lambda a: a * 2, corelib.ones(2))


def test_single_precision_is_warned_of():
    x = leaf(2, dtype=corelib.float32)
    with pytest.warns(UserWarning, match="Input #0 requires gradient and is not a double precision"):
        assert gradcheck(lambda a: a * 2, x, eps=1e-2)


def test_overlapping_inputs_are_refused():
    x = corelib.ones(1, dtype=corelib.float64).expand(3).requires_grad_()
    with pytest.raises(RuntimeError, match="The 0th input has a dimension with stride 0"):
        gradcheck(lambda a: a * 2, x)


@pytest.mark.parametrize("option", ["check_forward_ad", "check_batched_grad", "check_batched_forward_grad"])
def test_checks_that_are_not_offered(option):
    with pytest.raises(NotImplementedError, match="cannot be checked"):
        gradcheck(lambda a: a * 2, leaf(2), **{option: True})


def test_no_check_at_all():
    with pytest.raises(AssertionError, match="check_forward_ad or check_backward_ad"):
        gradcheck(lambda a: a * 2, leaf(2), check_backward_ad=False)
    with pytest.raises(AssertionError, match="check_fwd_over_rev or check_rev_over_rev"):
        gradgradcheck(lambda a: a * 2, leaf(2), check_rev_over_rev=False)


# -- against PyTorch --------------------------------------------------------------------------------


@pytest.mark.oracle
@modes
@pytest.mark.parametrize("name", ["WrongFactor", "IgnoresGrad", "WrongSecond"])
def test_same_verdict_as_pytorch(torch, name, fast_mode):
    theirs, options = getattr(functions(torch), name), {"fast_mode": fast_mode, "raise_exception": False}
    x = leaf(3)
    y = torch.tensor(x.tolist(), dtype=torch.float64, requires_grad=True)
    assert gradcheck(getattr(FAULTY, name), x, **options) == torch.autograd.gradcheck(theirs, y, **options)
    assert gradgradcheck(getattr(FAULTY, name), x, **options) == torch.autograd.gradgradcheck(theirs, y, **options)
