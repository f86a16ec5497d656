"""``torch.backends``: switches of PyTorch's libraries, which can be set and read and change nothing here."""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]


class _Switches(ModuleType):
    """A namespace of settings: whatever is set is kept, so that programs read back what they set."""

    def __init__(self, name: str, **values: Any) -> None:
        super().__init__(f"corelib.backends.{name}", f"Settings of {name}, without effect here.")
        self.__dict__.update(values)

    def is_available(self) -> bool:
        """False: corelib does not use this library by itself."""
        return False

    def is_built(self) -> bool:
        """False, as for :meth:`is_available`."""
        return False

    def version(self) -> None:
        """None: there is none."""
        return None


cudnn = _Switches("cudnn", enabled=True, benchmark=False, deterministic=False, allow_tf32=True, benchmark_limit=10)
cuda = _Switches(
    "cuda",
    matmul=_Switches("cuda.matmul", allow_tf32=False, allow_fp16_reduced_precision_reduction=True),
    **{f"{kind}_sdp_enabled": lambda: True for kind in ("flash", "mem_efficient", "math")},
    **{f"enable_{kind}_sdp": lambda enabled: None for kind in ("flash", "mem_efficient", "math")},
)
mkldnn = _Switches("mkldnn", enabled=False)
mkl = _Switches("mkl")
openmp = _Switches("openmp")
mps = _Switches("mps")
opt_einsum = _Switches("opt_einsum", enabled=False, strategy=None)
cpu = _Switches("cpu", get_cpu_capability=lambda: "DEFAULT")
