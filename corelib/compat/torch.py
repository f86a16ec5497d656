"""``import torch`` means corelib: for programs that were written for PyTorch.

    python -m corelib.compat.torch script.py args…
    python -m corelib.compat.torch -m package.module args…

runs a program so; ``corelib.compat.torch.install()`` does it in a running interpreter, before the first
``import torch``.  What corelib does not have raises an error that names it and says what the coverage page
(docs/coverage.md) says of it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import re
import runpy
import sys
from collections.abc import Sequence
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

import corelib

from . import processes
from .legacy import CUDA, LEGACY

__all__ = ["install", "main", "uninstall"]

_ONE_EACH = (
    "bernoulli beta binomial categorical cauchy chi2 continuous_bernoulli dirichlet exp_family exponential "
    "fishersnedecor generalized_pareto geometric gumbel half_cauchy half_normal independent inverse_gamma kumaraswamy "
    "laplace lkj_cholesky log_normal logistic_normal lowrank_multivariate_normal mixture_same_family multinomial "
    "multivariate_normal negative_binomial normal one_hot_categorical pareto poisson studentT "
    "transformed_distribution uniform von_mises weibull wishart"
)
MOVED = {
    "torch.cuda.amp": "corelib.amp", "torch.cpu.amp": "corelib.amp", "torch.random": "corelib.random",
    **{f"torch.distributions.{name}": "corelib.distributions" for name in _ONE_EACH.split()},
    **{f"torch.distributions.relaxed_{name}": "corelib.distributions.relaxed" for name in ("bernoulli", "categorical")},
}  # fmt: skip
"""Modules that have another place here."""


@cache
def _coverage() -> dict[str, dict[str, str]]:
    """Why names never come -> a pattern of them; where and why others come later -> their names."""
    table: dict[str, dict[str, str]] = json.loads(resources.files(__package__).joinpath("coverage.json").read_text())
    return table


def _said(name: str) -> str:
    """What docs/coverage.md says of a name of PyTorch's, or ""."""
    path, _, last = name.rpartition(".")
    for key, names in _coverage()["later"].items():
        where, _, why = key.partition(" ")
        if where == path and last in names.split():
            return f"later: {why}"
    found = [
        why for why, pattern in _coverage()["never"].items() if any(re.fullmatch(pattern, n) for n in (last, name))
    ]
    return f"never: {found[0]}" if found else ""


def _absent(name: str) -> str:
    """The message for a name that corelib does not have."""
    said = _said(name)
    return f"{name} is not in corelib: " + (
        f"docs/coverage.md lists it under {said}" if said else "it is not among the names that docs/coverage.md covers"
    )


class _Torch(ModuleType):
    """The module ``torch``: corelib's names and PyTorch's older ones."""

    def __getattr__(self, name: str) -> Any:
        if name in LEGACY:
            return LEGACY[name]
        if name == "__version__":
            return corelib.__version__
        try:
            return getattr(corelib, name)
        except AttributeError:
            pass
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_absent(f"torch.{name}"))

    def __dir__(self) -> list[str]:
        return sorted({*dir(corelib), *LEGACY})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch`` and ``torch.x.y``, which is the very module ``corelib.x.y``."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return (_Torch if spec.name == "torch" else ModuleType)(spec.name, corelib.__doc__)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ != "torch":
            ours = _module(module.__name__)
            if not hasattr(ours, "__path__"):
                ours.__path__ = []  # so that names below it are looked for at all: torch.cuda.amp, torch.backends.cudnn
            sys.modules[module.__name__] = ours  # the import system takes what stands there


def _module(name: str) -> ModuleType:
    """corelib's module for a dotted name in ``torch``; ModuleNotFoundError where there is none."""
    ours = MOVED.get(name, "corelib" + name.removeprefix("torch"))
    try:
        return importlib.import_module(ours)
    except ModuleNotFoundError as error:
        if error.name is None or not (ours + ".").startswith(error.name + "."):
            raise  # something that the module itself needs
    found: Any = corelib
    for part in ours.split(".")[1:]:  # device modules are attributes
        found = getattr(found, part, None)
    if not isinstance(found, ModuleType):
        raise ModuleNotFoundError(_absent(name), name=name)
    return found


_FINDER = _Finder()


def install() -> None:
    """From now on ``import torch`` gives corelib; RuntimeError where PyTorch itself was imported before."""
    loaded = sys.modules.get("torch")
    if loaded is not None and not isinstance(loaded, _Torch):
        raise RuntimeError("PyTorch has been imported already: call corelib.compat.torch.install() before that")
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    processes.follow()
    for name, kind in CUDA.items():
        setattr(corelib.cuda, name, kind)


def uninstall() -> None:
    """Undo :func:`install`; modules that were imported keep what they have."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
        processes.leave()
        for name in [n for n in sys.modules if n == "torch" or n.startswith("torch.")]:
            del sys.modules[name]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program with ``torch`` meaning corelib."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    as_module = args[:1] == ["-m"]
    if as_module:
        args = args[1:]
    if not args or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if args else 2
    install()
    sys.argv = args
    if as_module:
        sys.path.insert(0, "")
        runpy.run_module(args[0], run_name="__main__", alter_sys=True)
    else:
        from pathlib import Path

        sys.path.insert(0, str(Path(args[0]).resolve().parent))
        runpy.run_path(args[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    # this file runs as __main__: the module of the same name must be the one that is installed
    raise SystemExit(importlib.import_module("corelib.compat.torch").main())
