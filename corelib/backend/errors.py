"""Exceptions of the backend contract.  Each is also the built-in type that PyTorch raises in its place."""

from __future__ import annotations

__all__ = [
    "BackendError", "BackendNotAvailable", "ContractError", "DivisionByZero", "ForkedDevice", "IndexOutOfBounds",
    "KernelContractViolation", "OutOfMemoryError", "UnsupportedPrimitive",
]  # fmt: skip


class BackendError(RuntimeError):
    """Anything about a backend: discovery, loading, a kernel."""


class BackendNotAvailable(BackendError):
    """The device type cannot be used: not installed, broken, blocked, incompatible, or no hardware.

    Attributes:
        status: which of these, as ``corelib doctor`` shows it.
        reason: what is wrong, naming the distributions and their versions.
        remedy: what to do about it.
    """

    def __init__(self, device: str, status: str, reason: str, remedy: str) -> None:
        super().__init__(device, status, reason, remedy)
        self.device, self.status, self.reason, self.remedy = device, status, reason, remedy

    def __str__(self) -> str:
        return f"device type '{self.device}' is not available: {self.reason}. {self.remedy}"


class ForkedDevice(BackendNotAvailable):
    """The parent process used the device before it forked: what its driver knows does not hold in the child."""

    def __str__(self) -> str:
        name = self.device.upper()
        return (
            f"Cannot re-initialize {name} in forked subprocess. To use {name} with multiprocessing, you must use the "
            "'spawn' start method"
        )


class ContractError(BackendNotAvailable):
    """The backend was written for another version of the contract."""


class UnsupportedPrimitive(BackendError, NotImplementedError):
    """No kernel, no decomposition and no permitted fallback for a primitive on a device and dtype."""


class KernelContractViolation(BackendError):
    """Debug mode: a kernel returned another shape, dtype or device than the rule says."""


class OutOfMemoryError(BackendError, MemoryError):
    """An allocation failed.  The device stays usable; free tensors and go on."""


class IndexOutOfBounds(BackendError, IndexError):
    """Raised by gather/scatter kernels.  Shown as ``index 5 is out of bounds for dimension 0 with size 3``."""

    def __init__(self, index: int, dim: int, size: int) -> None:
        super().__init__(f"index {index} is out of bounds for dimension {dim} with size {size}")
        self.index, self.dim, self.size = index, dim, size


class DivisionByZero(BackendError, ZeroDivisionError):
    """Raised by integer division kernels; the message is PyTorch's ``ZeroDivisionError``."""

    def __init__(self) -> None:
        super().__init__("ZeroDivisionError")
