"""Arithmetic beside the operators, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bfloat16, bool_, complex64, complex128, float16, float64, int8, int32, int64, uint8
from corelib.ops.samples import ArraySpec, Sample, array

A = array
I64 = partial(array, dtype=int64)
X, Y, Z = A(3, 4), A(3, 4, seed=1), A(3, 4, seed=2)
INT, INT2 = I64(3, 4, low=-9, high=9), I64(3, 4, low=-9, high=9, seed=1)
SMALL = A(3, 4, dtype=uint8, low=0, high=9)
MASK, MASK2 = A(3, 4, dtype=bool_), A(3, 4, dtype=bool_, seed=1)
POSITIVE = A(3, 4, low=0.5, high=3.0)
C = A(3, 4, dtype=complex128)
SPECIAL = (0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, 2.5)
EDGES = A(8, values=SPECIAL)
TURNED = A(8, 1, values=SPECIAL[::-1])
HALF = A(3, 4, dtype=float16)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


calls(
    hypot=(lambda t, a, b: t.hypot(a, b), X, Y),
    hypot_edges=(lambda t, a, b: t.hypot(a, b), EDGES, TURNED),
    hypot_large=(lambda t, a: t.hypot(a, a), A(2, values=(1e38, 1e-38))),
    copysign=(lambda t, a, b: t.copysign(a, b), X, Y),
    copysign_edges=(lambda t, a, b: t.copysign(a, b), EDGES, A(3, 1, values=(0.0, -0.0, -2.0))),
    copysign_number=(lambda t, a: t.copysign(a, -0.0), X),
    copysign_int=(lambda t, a, b: t.copysign(a, b), INT, INT2),
    nextafter=(lambda t, a, b: t.nextafter(a, b), EDGES, TURNED),
    nextafter_double=(lambda t, a, b: t.nextafter(a, b), A(3, dtype=float64), A(3, dtype=float64, seed=1)),
    nextafter_half=(lambda t, a, b: t.nextafter(a, b), A(3, dtype=bfloat16), A(3, dtype=bfloat16, seed=1)),
    signbit=(lambda t, a: t.signbit(a), A(4, values=(0.0, -0.0, -1.0, math.inf))),
    heaviside=(lambda t, a, b: t.heaviside(a, b), A(4, values=(0.0, -0.0, -1.0, 2.0)), A(1, values=(0.5,))),
    heaviside_int=(lambda t, a, b: t.heaviside(a, b), INT, INT2),
    gcd=(lambda t, a, b: t.gcd(a, b), INT, INT2),
    gcd_mixed=(lambda t, a, b: t.gcd(a, b), SMALL, A(3, 4, dtype=int8, low=-9, high=9)),
    gcd_large=(
        lambda t, a, b: t.gcd(a, b),
        I64(2, values=(7540113804746346429, 0)),
        I64(values=(4660046610375530309,)),
    ),
    lcm=(lambda t, a, b: t.lcm(a, b), INT, INT2),
    ldexp=(lambda t, a, b: t.ldexp(a, b), X, A(3, 4, dtype=int32, low=0, high=5)),
    ldexp_negative_int=(lambda t, a, b: t.ldexp(a, b), X, INT),
    ldexp_int=(lambda t, a, b: t.ldexp(a, b), INT, SMALL),
    frexp=(lambda t, a: tuple(t.frexp(a)), EDGES),
    frexp_wide=(lambda t, a: tuple(t.frexp(a)), A(6, values=(1.0, 0.99999994, 3e38, -2e-45, 1e-38, 8.0))),
    float_power=(lambda t, a: t.float_power(a, 2), INT),
    float_power_tensor=(lambda t, a, b: t.float_power(a, b), POSITIVE, Y),
    float_power_number=(lambda t, b: t.float_power(2, b), Y),
    nan_to_num_edges=(lambda t, a: t.nan_to_num(a), EDGES),
    nan_to_num_given_edges=(lambda t, a: t.nan_to_num(a, 7.0, posinf=1.0, neginf=-2.0), EDGES),
    nan_to_num_half_edges=(lambda t, a: t.nan_to_num(a), A(8, values=SPECIAL, dtype=float16)),
    nan_to_num_int=(lambda t, a: t.nan_to_num(a), INT),
    nan_to_num=(lambda t, a: t.nan_to_num(a), X),
    lerp=(lambda t, a, b: t.lerp(a, b, 0.3), X, Y),
    lerp_far=(lambda t, a, b: t.lerp(a, b, 0.8), X, Y),
    lerp_tensor=(lambda t, a, b, w: t.lerp(a, b, w), X, Y, Z),
    addcmul=(lambda t, a, b, c: t.addcmul(a, b, c, value=0.5), X, Y, Z),
    addcmul_int=(lambda t, a, b, c: t.addcmul(a, b, c, value=2), INT, INT2, SMALL),
    addcmul_broadcast=(lambda t, a, b, c: t.addcmul(a, b, c), A(4), Y, A(3, 1, seed=3)),
    addcdiv=(lambda t, a, b, c: t.addcdiv(a, b, c, value=0.5), X, Y, POSITIVE),
    deg2rad=(lambda t, a: t.deg2rad(a), X),
    deg2rad_int=(lambda t, a: t.deg2rad(a), INT),
    rad2deg=(lambda t, a: t.rad2deg(a), X),
    frac=(lambda t, a: t.frac(a), X),
    fix=(lambda t, a: t.fix(a), X),
    positive=(lambda t, a: t.positive(a), X),
    rsub=(lambda t, a, b: t.rsub(a, b, alpha=2), X, Y),
    rsub_number=(lambda t, a: t.rsub(a, 2), X),
    subtract=(lambda t, a, b: t.subtract(a, b, alpha=2), X, Y),
    divide=(lambda t, a, b: t.divide(a, b, rounding_mode="floor"), X, POSITIVE),
    multiply=(lambda t, a: t.multiply(a, 2), X),
    fmax=(lambda t, a, b: t.fmax(a, b), X, Y),
    fmax_edges=(lambda t, a, b: t.fmax(a, b), EDGES, TURNED),
    fmin=(lambda t, a, b: t.fmin(a, b), X, Y),
    fmin_edges=(lambda t, a, b: t.fmin(a, b), EDGES, TURNED),
    fmin_int=(lambda t, a, b: t.fmin(a, b), INT, SMALL),
    logical_and=(lambda t, a, b: t.logical_and(a, b), INT, X),
    logical_or=(lambda t, a, b: t.logical_or(a, b), INT, MASK),
    logical_xor=(lambda t, a, b: t.logical_xor(a, b), MASK, MASK2),
    logical_complex=(lambda t, a, b: t.logical_and(a, b), C, MASK),
    clamp_min=(lambda t, a: t.clamp_min(a, 0.5), X),
    clamp_max=(lambda t, a, b: t.clamp_max(a, b), X, Y),
    clip=(lambda t, a: t.clip(a, -1, 1), X),
    clamp_max_int=(lambda t, a: t.clamp_max(a, 1.5), INT),
    isposinf=(lambda t, a: t.isposinf(a), EDGES),
    isneginf=(lambda t, a: t.isneginf(a), EDGES),
    isneginf_int=(lambda t, a: t.isneginf(a), INT),
    isreal=(lambda t, a: t.isreal(a), EDGES),
    isreal_complex=(lambda t, a: t.isreal(t.complex(a, t.zeros_like(a))), X),
    real=(lambda t, a: t.real(a), C),
    imag=(lambda t, a: t.imag(a), C),
    angle=(lambda t, a: t.angle(a), C),
    angle_edges=(lambda t, a: t.angle(a), EDGES),
    angle_int=(lambda t, a: t.angle(a), INT),
    complex=(lambda t, a, b: t.complex(a, b), X, Y),
    complex_broadcast=(lambda t, a, b: t.complex(a, b), X, A(4, seed=1)),
    polar=(lambda t, a, b: t.polar(a, b), POSITIVE, Y),
    sgn=(lambda t, a: t.sgn(a), C),
    sgn_real=(lambda t, a: t.sgn(a), EDGES),
    greater=(lambda t, a, b: t.greater(a, b), X, Y),
    greater_equal=(lambda t, a: t.greater_equal(a, 0), INT),
    less=(lambda t, a, b: t.less(a, b), X, Y),
    less_equal=(lambda t, a: t.less_equal(a, 0), INT),
    not_equal=(lambda t, a, b: t.not_equal(a, b), INT, SMALL),
    arctan2=(lambda t, a, b: t.arctan2(a, b), X, Y),
    empty=(lambda t, a: t.hypot(a, a) + t.nan_to_num(a) + t.lerp(a, a, 0.5), A(0, 3)),
    zero_dim=(lambda t, a: (t.hypot(a, a), t.frac(a), t.copysign(a, -1), t.nan_to_num(a)), A()),
    halves=(lambda t, a: (t.lerp(a, a + 1, 0.25), t.copysign(a, -1.0), t.frac(a), t.fmax(a, -a)), HALF),
)

METHODS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    f"{name}_method": (lambda t, *xs, name=name, more=more: getattr(xs[0], name)(*xs[1:], *more), specs)
    for name, specs, more in (
        ("hypot", (X, Y), ()), ("copysign", (X,), (-1,)), ("lerp", (X, Y), (0.25,)), ("addcmul", (X, Y, Z), ()),
        ("clip", (X,), (-1, 1)), ("fix", (X,), ()), ("isposinf", (EDGES,), ()), ("logical_or", (X, INT), ()),
        ("subtract", (X, Y), ()), ("float_power", (POSITIVE,), (3,)), ("nan_to_num", (EDGES,), ()),
        ("sgn", (C,), ()), ("angle", (C,), ()), ("not_equal", (INT, SMALL), ()),
    )
}  # fmt: skip
CALLS.update(METHODS)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    function, specs = CALLS[name]
    if device == "strict" and (any(s.dtype.is_complex for s in specs) or "complex" in name or name == "polar"):
        return  # it has no complex numbers
    with corelib.device(device):
        ours = function(corelib, *[oracle.ours(s, device) for s in specs])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in specs]), loose=4)


ACTIVE = (float64, complex128)
SKIPPED = ("edges", "nextafter", "heaviside", "frexp", "float_power_number", "_int", "large", "isposinf", "sgn_real",
           "nan_to_num_method", "logical", "empty", "signbit", "isreal")  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [n for n, c in CALLS.items() if not any(s in n for s in SKIPPED) and any(s.dtype.category >= 2 for s in c[1])],
)
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    wide = Sample(specs).widened().args

    def run(module: Any, passive: Callable[[Any], Any], *tensors: Any) -> Any:
        given = iter(tensors)
        return function(module, *[next(given) if s.dtype in ACTIVE else passive(s) for s in wide])

    ours, theirs = partial(run, corelib, oracle.ours), partial(run, oracle.torch, oracle.theirs)
    oracle.same_gradients(ours, theirs, [s for s in wide if s.dtype in ACTIVE])


IN_PLACE: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "ge_": (lambda t, a, b: a.ge_(b), (X, Y)),
    "gt_": (lambda t, a: a.gt_(0), (X,)),
    "ne_": (lambda t, a: a.ne_(0), (INT,)),
    "eq_": (lambda t, a, b: a.eq_(b), (INT, INT2)),
    "greater_": (lambda t, a: a.greater_(0), (INT,)),
    "logical_and_": (lambda t, a, b: a.logical_and_(b), (INT, X)),
    "logical_not_": (lambda t, a: a.logical_not_(), (X,)),
    "sigmoid_": (lambda t, a: t.sigmoid_(a), (X,)),
    "relu_": (lambda t, a: t.relu_(a), (X,)),
    "hypot_": (lambda t, a, b: a.hypot_(b), (X, Y)),
    "copysign_": (lambda t, a: a.copysign_(-1), (X,)),
    "nextafter_": (lambda t, a, b: a.nextafter_(b), (X, Y)),
    "gcd_": (lambda t, a, b: a.gcd_(b), (INT, INT2)),
    "clip_": (lambda t, a: a.clip_(-1, 1), (X,)),
    "clamp_min_": (lambda t, a: t.clamp_min_(a, 0), (INT,)),
    "nan_to_num_": (lambda t, a: t.nan_to_num_(a), (EDGES,)),
    "deg2rad_": (lambda t, a: a.deg2rad_(), (X,)),
    "frac_": (lambda t, a: a.frac_(), (X,)),
    "fix_": (lambda t, a: a.fix_(), (X,)),
    "sgn_": (lambda t, a: a.sgn_(), (X,)),
    "divide_": (lambda t, a: a.divide_(3, rounding_mode="trunc"), (X,)),
    "subtract_": (lambda t, a, b: a.subtract_(b, alpha=2), (X, Y)),
    "multiply_": (lambda t, a: a.multiply_(3), (INT,)),
    "absolute_": (lambda t, a: a.absolute_(), (INT,)),
    "negative_": (lambda t, a: a.negative_(), (INT,)),
    "lerp_": (lambda t, a, b: a.lerp_(b, 0.3), (X, Y)),
    "arctan2_": (lambda t, a, b: a.arctan2_(b), (X, Y)),
    "heaviside_": (lambda t, a, b: a.heaviside_(b), (X, Y)),
    "ldexp_": (lambda t, a, b: a.ldexp_(b), (X, INT)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(oracle: Any, name: str) -> None:
    function, specs = IN_PLACE[name]
    ours, theirs = [oracle.ours(s) for s in specs], [oracle.theirs(s) for s in specs]
    assert function(corelib, *ours) is ours[0]
    function(oracle.torch, *theirs)
    oracle.same(ours[0], theirs[0])


ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "hypot_number": (lambda t, a: t.logical_and(a, 2), (X,)),
    "heaviside_dtypes": (lambda t, a, b: t.heaviside(a, b), (X, INT)),
    "heaviside_complex": (lambda t, a: t.heaviside(a, a), (C,)),
    "addcdiv_int": (lambda t, a: t.addcdiv(a, a, a), (INT,)),
    "lerp_int": (lambda t, a: t.lerp(a, a, 0.5), (INT,)),
    "lerp_dtypes": (lambda t, a, b: t.lerp(a, b, 0.5), (X, A(3, 4, dtype=float64))),
    "frac_int": (lambda t, a: t.frac(a), (INT,)),
    "positive_bool": (lambda t, a: t.positive(a), (MASK,)),
    "isposinf_complex": (lambda t, a: t.isposinf(a), (C,)),
    "isneginf_complex": (lambda t, a: t.isneginf(a), (C,)),
    "deg2rad_complex": (lambda t, a: t.deg2rad(a), (C,)),
    "imag_real": (lambda t, a: t.imag(a), (X,)),
    "complex_int": (lambda t, a: t.complex(a, a), (INT,)),
    "complex_dtypes": (lambda t, a, b: t.complex(a, b), (X, A(3, 4, dtype=float64))),
    "polar_mixed": (lambda t, a, b: t.polar(a, b), (X, INT)),
    "greater_complex": (lambda t, a: t.greater(a, a), (A(2, dtype=complex64),)),
    "in_place_float": (lambda t, a: a.clone().arcsin_(), (INT,)),
    "in_place_divide": (lambda t, a: a.clone().divide_(2), (INT,)),
    "hypot_int": (lambda t, a: t.hypot(a, a), (INT,)),
    "gcd_float": (lambda t, a: t.gcd(a, a), (X,)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    function, specs = ERRORS[name]
    ours, theirs = [oracle.ours(s) for s in specs], [oracle.theirs(s) for s in specs]
    oracle.same_error(lambda: function(corelib, *ours), lambda: function(oracle.torch, *theirs))


def test_out() -> None:
    x, out = corelib.tensor([1.5, -2.5]), corelib.empty(2)
    for name in ("frac", "ceil", "trunc", "fix", "nan_to_num", "deg2rad", "square", "sinh", "lgamma"):
        assert getattr(corelib, name)(x, out=out) is out
        assert out.tolist() == getattr(corelib, name)(x).tolist()
    assert corelib.clamp(x, -1, 1, out=out).tolist() == [1.0, -1.0]
    truth = corelib.empty(2, dtype=corelib.bool)
    assert corelib.gt(x, 0, out=truth).tolist() == [True, False]
    assert corelib.logical_and(x, x, out=truth).tolist() == [True, True]


def test_frexp_is_named() -> None:
    result = corelib.frexp(corelib.tensor([3.0]))
    assert result.mantissa.tolist() == [0.75]
    assert result.exponent.tolist() == [2]


def test_in_place_form_has_a_gradient() -> None:
    x = corelib.tensor([0.5, -0.25], requires_grad=True)
    y = x * 1
    y.asin_()
    y.sum().backward()
    assert x.grad is not None
    assert corelib.allclose(x.grad, 1 / (1 - x.detach() ** 2).sqrt())
