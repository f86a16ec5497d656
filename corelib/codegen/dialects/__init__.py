"""The dialects that corelib has, a file each."""

from .c import C
from .cuda import CUDA
from .opencl import opencl

__all__ = ["CUDA", "C", "opencl"]
