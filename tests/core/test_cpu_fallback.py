"""A device without a required kernel: an error that says what to do, or the CPU's help where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from corelib_cpu.backend import CpuBackend

import corelib
from corelib.backend import BackendSpec, UnsupportedPrimitive, register_backend, set_cpu_fallback, unregister_backend

MISSING = ("erf", "sort", "arange", "random_bits")


class Poor(CpuBackend):
    """Lacks a few kernels."""

    def __init__(self) -> None:
        super().__init__()
        for name in MISSING:
            del self.kernels[name]


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"poor_{abs(hash(request.node.name))}"  # warnings come once for a device type
    register_backend(BackendSpec(name, Poor))
    yield name
    unregister_backend(name)


@pytest.fixture
def helped() -> Iterator[None]:
    set_cpu_fallback(True)
    yield
    set_cpu_fallback(False)


def test_without_help_the_error_says_what_is_missing_and_how_to_mend_it(device: str) -> None:
    x = corelib.ones(2, device=device)
    with pytest.raises(UnsupportedPrimitive) as caught:
        corelib.erf(x)
    message = str(caught.value)
    assert message.startswith(f"no kernel for primitive 'erf' with dtype torch.float32 on device type '{device}'")
    assert "Backend.register" in message and "corelib.backend.set_cpu_fallback(True)" in message


@pytest.mark.usefixtures("helped")
def test_with_help_it_runs_on_the_cpu_and_warns_once(device: str) -> None:
    x = corelib.tensor([3.0, 1.0, 2.0], device=device, requires_grad=True)
    with pytest.warns(UserWarning, match=f"'erf' has no kernel on '{device}' and runs on the CPU"):
        y = corelib.erf(x)
    y.sum().backward()
    assert y.device == x.grad.device == x.device
    assert y.tolist() == corelib.erf(x.detach().cpu()).tolist()
    corelib.erf(x)


@pytest.mark.usefixtures("helped")
def test_several_results_and_no_operands(device: str) -> None:
    x = corelib.tensor([3.0, 1.0, 2.0], device=device)
    with pytest.warns(UserWarning, match="'sort' has no kernel"):
        values, indices = corelib.sort(x)
    assert (values.tolist(), indices.tolist(), indices.device) == ([1.0, 2.0, 3.0], [1, 2, 0], x.device)
    with pytest.warns(UserWarning, match="'arange' has no kernel"):
        assert corelib.arange(3, device=device).tolist() == [0, 1, 2]


@pytest.mark.usefixtures("helped")
def test_the_random_stream_is_the_same(device: str) -> None:
    corelib.manual_seed(5)
    expected = corelib.rand(5).tolist()
    corelib.manual_seed(5)
    with pytest.warns(UserWarning, match="'random_bits' has no kernel"):
        drawn = corelib.rand(5, device=device)
    assert drawn.tolist() == expected
