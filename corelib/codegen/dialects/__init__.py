"""The dialects that corelib has, a file each."""

from .c import C
from .opencl import opencl

__all__ = ["C", "opencl"]
