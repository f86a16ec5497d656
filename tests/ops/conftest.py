"""The oracle: PyTorch beside corelib, on the same bits, in the same layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.dtypes import dtype
from corelib.layout import Layout
from corelib.ops.samples import ArraySpec, LayoutSpec, Sample, lay_out

_RTOL = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-5, "complex64": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


class Oracle:
    """Makes arguments for both, and compares what they answer."""

    def __init__(self, torch: ModuleType) -> None:
        self.torch = torch

    def ours(self, x: Any, device: str = "cpu") -> Any:
        """A sample's argument as corelib takes it."""
        if isinstance(x, ArraySpec):
            return lay_out(x, lambda host: corelib.tensor(host, device=device))
        if isinstance(x, list):
            return [self.ours(y, device) for y in x]
        if isinstance(x, LayoutSpec):
            return Layout.of(x.shape, x.dtype, corelib.device(device))
        return x

    def theirs(self, x: Any) -> Any:
        """The same argument as PyTorch takes it."""
        if isinstance(x, ArraySpec):
            return lay_out(x, self.tensor)
        if isinstance(x, dtype):
            return getattr(self.torch, x.name)
        return [self.theirs(y) for y in x] if isinstance(x, list) else x

    def tensor(self, host: Any) -> Any:
        """A host array as a PyTorch tensor."""
        if host.dtype.name == "bfloat16":
            return self.torch.tensor(host.view(np.int16)).view(self.torch.bfloat16)
        made = self.torch.tensor(host)
        return made if host.size else made.new_zeros(host.shape)  # of an empty array it takes odd strides

    def same(self, ours: Any, theirs: Any, *, loose: float = 1.0) -> None:
        """Equal values (up to rounding), dtypes, shapes and structure."""
        if isinstance(theirs, (tuple, list)):
            assert len(ours) == len(theirs)
            for a, b in zip(ours, theirs, strict=True):
                self.same(a, b, loose=loose)
            return
        if not isinstance(theirs, self.torch.Tensor):
            assert ours == theirs
            return
        name = str(theirs.dtype).removeprefix("torch.")
        assert ours.dtype.name == name
        assert tuple(ours.shape) == tuple(theirs.shape)
        self.near(self.host(ours), self.host(theirs), loose * _RTOL.get(name, 0.0))

    def near(self, ours: Any, theirs: Any, rtol: float) -> None:
        """Equal up to ``rtol`` of the largest value."""
        size = np.max(np.abs(theirs), initial=1e-3, where=np.isfinite(theirs)) if rtol else 0.0
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * size, equal_nan=True)

    def host(self, x: Any) -> Any:
        """A tensor's elements in float64 (complex128, or as they are)."""
        if isinstance(x, self.torch.Tensor):
            x = x.detach()
            host = (x.double() if x.dtype.is_floating_point else x).numpy(force=True)
        else:
            host = x.detach().cpu()._host()
        return host.astype(np.float64) if host.dtype.kind not in "biuc" else host

    def same_error(self, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
        """The same type of exception (or a kind of it), with the same first line."""
        with pytest.raises(Exception) as expected:
            theirs()
        with pytest.raises(expected.type) as found:
            ours()
        assert _first_line(found.value) == _first_line(expected.value)

    def same_gradients(self, ours: Callable[..., Any], theirs: Callable[..., Any], specs: Sequence[ArraySpec]) -> None:
        """The first- and second-order gradients, each along a random direction.

        Both functions take tensors made of ``specs``, which all require gradients.
        """
        a = [self.ours(s).detach().requires_grad_() for s in specs]
        b = [self.theirs(s).detach().requires_grad_() for s in specs]
        pairs = self._differentiable(ours(*a), theirs(*b))
        found, expected = self._pull(corelib, pairs, a, 1), self._pull(self.torch, pairs, b, 1)
        self._same_gradients(found, expected)
        again = self._differentiable(found, expected)
        self._same_gradients(self._pull(corelib, again, a, 2), self._pull(self.torch, again, b, 2))

    def _differentiable(self, ours: Any, theirs: Any) -> list[tuple[Any, Any]]:
        """The outputs that have a gradient, ours and theirs."""
        several = isinstance(theirs, (tuple, list))
        pairs = zip(ours, theirs, strict=True) if several else [(ours, theirs)]
        return [(a, b) for a, b in pairs if a is not None and b is not None and a.requires_grad and b.requires_grad]

    def _pull(self, module: Any, pairs: list[tuple[Any, Any]], inputs: list[Any], order: int) -> list[Any]:
        if not pairs:
            return [None] * len(inputs)
        along = []
        for i, (_, y) in enumerate(pairs):
            rng = np.random.default_rng((order, i, *y.shape))
            host = rng.uniform(-1, 1, tuple(y.shape)) + (
                1j * rng.uniform(-1, 1, tuple(y.shape)) if y.is_complex() else 0
            )
            along.append(self.tensor(host) if module is self.torch else corelib.tensor(host))
        ys = [pair[module is self.torch] for pair in pairs]
        return list(module.autograd.grad(ys, inputs, along, create_graph=order == 1, allow_unused=True))

    def _same_gradients(self, ours: list[Any], theirs: list[Any]) -> None:
        for a, b in zip(ours, theirs, strict=True):
            if a is None or b is None:  # either may know that a gradient is zero
                assert all(g is None or np.max(np.abs(self.host(g)), initial=0) < 1e-12 for g in (a, b))
            else:
                self.same(a, b)

    # -- a table's calls: (function of the module and tensors, specs of the tensors) --

    def check_values(self, function: Callable[..., Any], specs: Sequence[ArraySpec], device: str = "cpu") -> None:
        """The call gives the same values, dtypes and shapes, on the CPU or on another device."""
        expected = function(self.torch, *[self.theirs(s) for s in specs])
        with corelib.device(device):
            found = function(corelib, *[self.ours(s, device) for s in specs])
        self.same(found, expected, loose=4)

    def check_gradients(self, function: Callable[..., Any], specs: Sequence[ArraySpec]) -> None:
        """The call has the same first- and second-order gradients by its floating tensors, in double precision."""
        wide = Sample(tuple(specs)).widened().args
        active = [s for s in wide if s.dtype.category >= 2]

        def run(module: Any, passive: Callable[[Any], Any], *tensors: Any) -> Any:
            given = iter(tensors)
            return function(module, *[next(given) if s.dtype.category >= 2 else passive(s) for s in wide])

        self.same_gradients(partial(run, corelib, self.ours), partial(run, self.torch, self.theirs), active)

    def check_error(self, function: Callable[..., Any], specs: Sequence[ArraySpec]) -> None:
        """The call raises the same error."""
        ours, theirs = [self.ours(s) for s in specs], [self.theirs(s) for s in specs]
        self.same_error(lambda: function(corelib, *ours), lambda: function(self.torch, *theirs))


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else ""


@pytest.fixture(scope="session")
def oracle(torch: ModuleType) -> Oracle:
    """PyTorch, with the means to compare."""
    return Oracle(torch)
