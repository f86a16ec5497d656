"""Derivatives of functions: products with Jacobians and Hessians, and the matrices themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import TENSORS, Tensor
from ..ops.creation import ones_like, zeros_like
from ..ops.movement import stack
from .engine import grad
from .grad_mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Tensor, ...]


def _tuple(value: Any, what: str, name: str) -> tuple[bool, Tensors]:
    """(whether it was a tuple, the tensors as one); TypeError where one is none."""
    listed = value if isinstance(value, tuple) else (value,)
    for i, x in enumerate(listed):
        if x.__class__ not in TENSORS:
            where = f"value at index {i}" if listed is value else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the {where} has type "
                f"{type(x)}."
            )
    return listed is value, listed


def _prepared(inputs: Tensors, create_graph: bool) -> Tensors:
    """New tensors with the inputs' values, joined to their history where a graph is wanted."""
    return tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs)


def _vector(v: Any, like: Tensors, was_tuple: bool, name: str, create_graph: bool, scalar: str) -> Tensors:
    """``v`` checked against the tensors that it is multiplied with; 1 where it may be left out."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(scalar)
        return (ones_like(like[0]),)
    _, given = _tuple(v, "v", name)
    if len(given) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}."
            if was_tuple else "The given v should contain a single Tensor."
        )  # fmt: skip
    for i, (a, b) in enumerate(zip(given, like, strict=True)):
        if a.shape != b.shape:
            entry = f"Entry {i} in " if was_tuple else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {b.size()} but got {a.size()}.")
    return tuple(x if create_graph else x.detach() for x in given)


def _gradients(
    outputs: Any, inputs: Tensors, vectors: Any = None, create_graph: bool = False, retain: bool = False
) -> tuple[Tensor | None, ...]:
    """``grad``, None where nothing depends on an input; outputs without history (or None) do not count."""
    vectors = vectors if vectors is not None else (None,) * len(outputs)
    pairs = [(o, v) for o, v in zip(outputs, vectors, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outs, vs = zip(*pairs, strict=True)
    found: tuple[Tensor | None, ...] = grad(
        outs, inputs, vs, allow_unused=True, create_graph=create_graph, retain_graph=create_graph or retain
    )
    return found


_INDEPENDENT = {
    "back": "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {} in the grad_outputs when using "
    "the double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
    "strict mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. "
    "This is not allowed in strict mode as it prevents from using the double backward trick to replace forward mode "
    "AD.",
}
_CONSTANT = {
    "outputs": "Output {} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {} is independent of the inputs of the user-provided function. "
    "This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
    "input {} is independent of the input. This is not allowed in strict mode. You should ensure that your function is "
    "twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear function "
    "for example).",
}


def _filled(found: Any, like: Tensors, strict: bool, create_graph: bool, stage: str) -> Tensors:
    """Zeros where there is no gradient; RuntimeError there with ``strict``."""
    for i, x in enumerate(found if strict else ()):
        if x is None:
            raise RuntimeError(_INDEPENDENT[stage].format(i))
        if create_graph and not x.requires_grad:
            what = "hessian" if "double" in stage else "jacobian"
            raise RuntimeError(
                f"The {what} of the user-provided function is independent of input {i}. This is not allowed in strict "
                "mode when create_graph=True."
            )
    return tuple(zeros_like(r) if x is None else x for x, r in zip(found, like, strict=True))


def _check(values: Any, kind: str, strict: bool) -> None:
    for i, x in enumerate(values if strict else ()):
        if x is None:
            raise RuntimeError(_INDEPENDENT["back"].format(i))
        if not x.requires_grad:
            raise RuntimeError(_CONSTANT[kind].format(i))


def _result(values: Tensors, was_tuple: bool, create_graph: bool) -> Any:
    done = values if create_graph else tuple(x.detach() for x in values)
    return done if was_tuple else done[0]


def _called(
    func: Callable[..., Any], inputs: Any, name: str, create_graph: bool, what: str, strict: bool
) -> tuple[bool, Tensors, bool, Tensors]:
    was_tuple, given = _tuple(inputs, "inputs", name)
    prepared = _prepared(given, create_graph)
    many, outputs = _tuple(func(*prepared), what, name)
    _check(outputs, "outputs", strict)
    return was_tuple, prepared, many, outputs


def _scalar(outputs: Tensors, many: bool, name: str) -> None:
    if many:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")


_INPUT = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."
)


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), v @ Jacobian)`` for ``v`` like the outputs (left out where there is one number).

    ``strict``: RuntimeError where an output does not depend on an input; else its derivative is 0.
    """
    with enable_grad():
        was_tuple, given, many, outputs = _called(
            func, inputs, "vjp", create_graph, "outputs of the user-provided function", strict
        )
        message = (
            "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
        )
        vector = _vector(v, outputs, many, "vjp", create_graph, message)
        found = _gradients(outputs, given, vector, create_graph)
        found = _filled(found, given, strict, create_graph, "back")
    return _result(outputs, many, create_graph), _result(found, was_tuple, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), Jacobian @ v)`` for ``v`` like the inputs, by differentiating a gradient."""
    with enable_grad():
        was_tuple, listed = _tuple(inputs, "inputs", "jvp")
        vector = _vector(v, listed, was_tuple, "jvp", create_graph, _INPUT)
        was_tuple, given, many, outputs = _called(
            func, inputs, "jvp", create_graph, "outputs of the user-provided function", strict
        )
        dummies = tuple(zeros_like(o).requires_grad_() for o in outputs)
        slopes = _gradients(outputs, given, dummies, True)
        _check(slopes, "grad_inputs", strict)
        found = _gradients(slopes, dummies, vector, create_graph)
        found = _filled(found, outputs, strict, create_graph, "back_trick")
    return _result(outputs, many, create_graph), _result(found, many, create_graph)


def _rows(outputs: Tensors, given: Tensors, create_graph: bool, strict: bool) -> tuple[Tensors, ...]:
    """The Jacobian of every output to every input, an element of the output at a time."""
    result = []
    for i, out in enumerate(outputs):
        rows = []
        for element in out.reshape(-1).unbind():
            found = _gradients((element,), given, None, create_graph, True)
            for j, slope in enumerate(found if strict else ()):
                if slope is None:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in "
                        "strict mode."
                    )
                if create_graph and not slope.requires_grad:
                    raise RuntimeError(
                        f"The jacobian of the user-provided function is independent of input {i}. This is not allowed "
                        "in strict mode when create_graph=True."
                    )
            rows.append(_filled(found, given, False, False, ""))
        columns = zip(*rows, strict=True) if rows else [()] * len(given)
        result.append(
            tuple(
                (stack(column, 0) if column else x.new_zeros(0)).reshape((*out.shape, *x.shape))
                for column, x in zip(columns, given, strict=True)
            )
        )
    return tuple(result)


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian, of shape output.shape + input.shape; nested tuples (outputs, inputs) where those are tuples.

    ``vectorize`` and ``strategy`` change how it is computed in PyTorch; here a row at a time always.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    with enable_grad():
        was_tuple, given, many, outputs = _called(
            func, inputs, "jacobian", create_graph, "outputs of the user-provided function", strict
        )
        rows = _rows(outputs, given, create_graph, strict)
    done = tuple(_result(row, was_tuple, create_graph) for row in rows)
    return done if many else done[0]


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a function with one number as its result, by pairs of inputs."""
    was_tuple, given = _tuple(inputs, "inputs", "hessian")

    def slopes(*args: Tensor) -> Any:
        many, out = _tuple(func(*args), "outputs of the user-provided function", "hessian")
        _scalar(out, many, "hessian")
        found = _filled(_gradients(out, args, None, True), args, strict, False, "back")
        _check(found, "jacobian", strict)
        return found

    result = jacobian(
        slopes, given, create_graph=create_graph, strict=strict, vectorize=vectorize, strategy=outer_jacobian_strategy
    )
    return result if was_tuple else result[0][0]


def _second(
    func: Callable[..., Any], inputs: Any, name: str, create_graph: bool, strict: bool
) -> tuple[bool, Tensors, Tensors, Any]:
    """The inputs, the result and the gradients of it."""
    was_tuple, given, many, outputs = _called(
        func, inputs, name, create_graph, "outputs of the user-provided function", strict
    )
    _scalar(outputs, many, name)
    slopes = _gradients(outputs, given, None, True)
    _check(slopes, "jacobian", strict)
    return was_tuple, given, outputs, slopes


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), v @ Hessian)`` for ``v`` like the inputs."""
    with enable_grad():
        was_tuple, listed = _tuple(inputs, "inputs", "vhp")
        vector = _vector(v, listed, was_tuple, "vhp", create_graph, _INPUT)
        _, given, outputs, slopes = _second(func, inputs, "vhp", create_graph, strict)
        found = _filled(_gradients(slopes, given, vector, create_graph), given, strict, create_graph, "double_back")
    return _result(outputs, False, create_graph), _result(found, was_tuple, create_graph)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), Hessian @ v)`` for ``v`` like the inputs: ``vhp`` is the faster one of these equal numbers."""
    with enable_grad():
        was_tuple, listed = _tuple(inputs, "inputs", "hvp")
        vector = _vector(v, listed, was_tuple, "hvp", create_graph, _INPUT)
        _, given, outputs, slopes = _second(func, inputs, "hvp", create_graph, strict)
        dummies = tuple(zeros_like(x).requires_grad_() for x in given)
        twice = _gradients(slopes, given, dummies, True)
        _check(twice, "grad_inputs", strict)
        found = _filled(
            _gradients(twice, dummies, vector, create_graph), given, strict, create_graph, "double_back_trick"
        )
    return _result(outputs, False, create_graph), _result(found, was_tuple, create_graph)
