"""Wrong calls of every operation that users see: the type of the exception and its first line are PyTorch's.

Wrong are a tensor's place (a string there), a dimension, a dtype or a shape, one at a time in PyTorch's sample calls;
and the calls that PyTorch lists itself as errors.
"""

from __future__ import annotations

import copy
import re
import warnings
from typing import Any

import pytest

import corelib

from . import opinfo
from .refusal_exceptions import EXCEPTIONS
from .refusals import KINDS, wrong_calls

NAMES = opinfo.function_names()


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else ""


def _alike(found: BaseException, expected: BaseException) -> str:
    """What differs: "", "type" or "text"."""
    ours, theirs = _line(found), _line(expected)
    if isinstance(expected, AttributeError):  # of PyTorch's functions in Python, which ask nothing of an argument
        return "" if isinstance(found, (TypeError, AttributeError)) else "type"
    if not isinstance(found, RuntimeError if "LinAlgError" in type(expected).__name__ else type(expected)):
        return "type"
    if isinstance(expected, TypeError):  # overloads, and names and places of arguments, are PyTorch's own
        wanted = re.search(r"must be .*", theirs)
        return "" if wanted is None or "received an invalid" in theirs or wanted[0] in ours else "text"
    return "" if ours.startswith(theirs) else "text"


def _outcome(op: Any, name: str, call: list[Any], torch: Any) -> str:
    try:
        opinfo.call(op.op, *copy.deepcopy(call))
        return ""
    except Exception as error:
        expected = error
    if "<lambda>" in str(expected):
        return ""
    function = opinfo.resolve(name)
    assert function is not None
    try:
        arguments = [opinfo.ours(x, torch) for x in call]
    except (TypeError, ValueError, RuntimeError):  # NumPy has no such tensor
        return ""
    try:
        opinfo.call(function, *arguments)
    except Exception as error:
        return _alike(error, expected)
    return "taken"


def differences(name: str, kind: str, torch: Any) -> set[str]:
    """How the refusals of an operation's wrong calls differ."""
    found = set()
    for op in opinfo.known().get(name, ()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for call in wrong_calls(op, kind, torch):
                found.add(_outcome(op, name, call, torch))
    return found - {""}


@pytest.mark.parametrize("name", NAMES)
def test_refused(torch: Any, name: str) -> None:
    known = {kind: {what for what, names in EXCEPTIONS[kind].items() if name in names.split()} for kind in KINDS}
    assert {kind: differences(name, kind, torch) for kind in KINDS} == known


def test_exceptions_exist() -> None:
    listed = {n for table in EXCEPTIONS.values() for names in table.values() for n in names.split()}
    assert listed <= set(NAMES)
    assert corelib.Tensor is not None
