"""What a node keeps for backward: values with the version they had, checked when they are used."""

from __future__ import annotations

from typing import Any

from ..state import local
from .node import AsStrided, Node, Nowhere, Output, node_of, save_output, source_of
from .tensor import TENSORS, Tensor

__all__ = ["check_version", "freed", "modified", "saved_output", "version_of_all"]


def freed() -> None:
    """Raise PyTorch's error for a second pass through a graph whose saved values are gone."""
    raise RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        "saved tensors after calling backward."
    )


def version_of_all(x: Any) -> Any:
    """The version of a tensor's memory, or of each of a list; 0 for numbers and None."""
    if x.__class__ is list or x.__class__ is tuple:
        return tuple(map(version_of_all, x))
    storage = getattr(x, "_storage", None)
    return 0 if storage is None else storage.version


def check_version(x: Any, version: Any, node: Node) -> Any:
    """The saved value (or list of them), after checking that nobody wrote to it."""
    if version.__class__ is tuple:
        for y, v in zip(x, version, strict=True):
            check_version(y, v, node)
    elif x.__class__ in TENSORS:
        storage = x._storage
        if storage is not None and storage.version != version:
            modified(x, storage.version, version, node)
    return x


def modified(x: Tensor, found: int, expected: int, node: Node, output: int | None = None) -> None:
    """Raise PyTorch's error for a value that ``node`` saved and somebody wrote; ``output``: it is one of its results.

    Where all of the node's gradients go nowhere it needs no operand, and nothing is wrong.
    """
    from .inplace import _SCALAR_NAMES

    if output is None and all([e is None or type(e) is Nowhere for e in node.edges]):
        return
    source = source_of(node_of(x) if output is None else node)
    made_by = f", which is output {output or 0} of {source}," if source else ""
    hint = (
        "the backtrace further above shows the operation that failed to compute its gradient. The variable in question "
        "was changed in there or anywhere later. Good luck!"
        if local.anomaly
        else "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{_SCALAR_NAMES[x._layout.dtype.name]}Tensor {list(x._layout.shape)}]{made_by} is at version {found}; "
        f"expected version {expected} instead. Hint: {hint}"
    )


def saved_output(kept: Tensor, version: int, node: Node, index: int | None) -> Tensor:
    """A saved result; while gradients are recorded it comes with its history, so that it differentiates again."""
    storage = kept._storage
    if storage is not None and storage.version != version:
        modified(kept, storage.version, version, node, index or 0)
    if not local.grad:
        return kept
    again = save_output(kept)
    written = None if node.extra is None else node.extra.get("within")  # the result of a write to a view
    if written is not None:
        again._node = AsStrided(written(), written().geometry)
    else:
        again._node = node if index is None else Output(node, index)
    return again
