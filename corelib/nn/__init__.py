"""Neural networks: modules, their functions, initial values and utilities, with PyTorch's names."""

from . import functional, init, modules, parameter, utils
from .modules import *  # noqa: F403
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = ["Buffer", "Parameter", "functional", "init", "modules", "parameter", "utils"]
__all__ += ["UninitializedBuffer", "UninitializedParameter"]
__all__ += modules.__all__
