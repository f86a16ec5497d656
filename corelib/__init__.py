"""corelib: a PyTorch-shaped deep-learning framework whose device is a plugin (``import corelib as torch``)."""

from __future__ import annotations

import builtins
import importlib
import os
from typing import TYPE_CHECKING, Any, TypeGuard

from . import _functions, autograd, formats, ops, random, settings
from ._functions import *  # noqa: F403
from .autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .device import Device as device
from .device import get_default_device, set_default_device
from .dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from .dtypes import bool_ as bool
from .dtypes import default_dtype as get_default_dtype
from .formats import *  # noqa: F403
from .layout import Size
from .random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .settings import *  # noqa: F403
from .tensor import Tensor
from .tensor.storage import TypedStorage, UntypedStorage, is_storage
from .version import __version__

if TYPE_CHECKING:
    from . import accelerator as accelerator
    from . import amp as amp
    from . import backend as backend
    from . import backends as backends
    from . import compat as compat
    from . import debug as debug
    from . import distributions as distributions
    from . import fft as fft
    from . import linalg as linalg
    from . import nn as nn
    from . import optim as optim
    from . import special as special
    from . import testing as testing
    from . import utils as utils
    from .amp import GradScaler as GradScaler
    from .amp import autocast as autocast
    from .devices import cpu as cpu
    from .devices import cuda as cuda
    from .devices import mps as mps
    from .devices import opencl as opencl
    from .devices import xpu as xpu
    from .nn.functional.bilinear import bilinear as bilinear
    from .nn.numbered_losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from .nn.numbered_losses import cosine_embedding_loss as cosine_embedding_loss
    from .nn.numbered_losses import ctc_loss as ctc_loss
    from .nn.numbered_losses import hinge_embedding_loss as hinge_embedding_loss
    from .nn.numbered_losses import kl_div as kl_div
    from .nn.numbered_losses import margin_ranking_loss as margin_ranking_loss
    from .nn.numbered_losses import poisson_nll_loss as poisson_nll_loss
    from .nn.numbered_losses import triplet_margin_loss as triplet_margin_loss
    from .printing import get_printoptions as get_printoptions
    from .printing import set_printoptions as set_printoptions
    from .serialization import load as load
    from .serialization import save as save
    from .utils.dlpack import from_dlpack as from_dlpack
    from .utils.dlpack import to_dlpack as to_dlpack

tensor = ops.tensor  # the function, not the module of the same name
float = float32
double = float64
half = float16
long = int64
int = int32
short = int16
cfloat = complex64
cdouble = complex128

inf = 1e400
nan = inf - inf
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None

add = Tensor.add  # with alpha
sub = Tensor.sub
div = Tensor.div
t = Tensor.t
numel = Tensor.numel
narrow = Tensor.narrow
detach = Tensor.detach
detach_ = Tensor.detach_
get_device = Tensor.get_device
is_conj = Tensor.is_conj
is_distributed = Tensor.is_distributed
is_inference = Tensor.is_inference
is_neg = Tensor.is_neg
is_signed = Tensor.is_signed
resize_as_ = Tensor.resize_as_
resolve_conj = Tensor.resolve_conj
resolve_neg = Tensor.resolve_neg


def is_tensor(obj: Any) -> TypeGuard[Tensor]:
    """Whether an object is a tensor."""
    return isinstance(obj, Tensor)


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the same shape and dtype, filled with ``value``."""
    return ops.clone(input).fill_(value)


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that the shapes (numbers or sequences of them) broadcast to."""
    return Size(ops.rules.broadcast_shapes(*[(s,) if isinstance(s, builtins.int) else tuple(s) for s in shapes]))


def get_device_module(device: Any = None) -> Any:
    """``corelib.<type>`` for a device; without one, that of the accelerator, else of the CPU."""
    from .accelerator import current_accelerator
    from .device import Device
    from .devices import device_module

    found = current_accelerator() if device is None else Device(device)
    return device_module("cpu" if found is None else found.type)


def is_floating_point(input: Tensor) -> builtins.bool:
    """Whether the dtype is floating."""
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> builtins.bool:
    """Whether the dtype is complex."""
    return input.dtype.is_complex


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation between the two (tensors or numbers)."""
    return ops.rules.promote(*[x._layout if isinstance(x, Tensor) else type(x) for x in (tensor1, tensor2)])


_MODULES = {
    "accelerator", "amp", "backend", "backends", "compat", "debug", "distributions", "fft", "linalg", "nn", "optim",
    "special", "testing", "utils",
}  # fmt: skip
_NAMES = {
    "cpu": "devices", "cuda": "devices", "opencl": "devices", "mps": "devices", "xpu": "devices",
    "save": "serialization", "load": "serialization", "set_printoptions": "printing", "get_printoptions": "printing",
    "from_dlpack": "utils.dlpack", "to_dlpack": "utils.dlpack", "bilinear": "nn.functional", "autocast": "amp",
    "GradScaler": "amp",
    **dict.fromkeys((
        "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "hinge_embedding_loss", "kl_div",
        "margin_ranking_loss", "poisson_nll_loss", "triplet_margin_loss",
    ), "nn.numbered_losses"),
}  # fmt: skip
"""What is imported when first asked for: modules, and names of modules."""


def __getattr__(name: str) -> Any:
    if name in _MODULES or name in _NAMES:
        loaded = importlib.import_module(f".{_NAMES.get(name, name)}", __name__)
        value = globals()[name] = getattr(loaded, name) if name in _NAMES else loaded
        return value
    if name.endswith("Tensor"):  # torch.FloatTensor and its kin
        from .compat.legacy import LEGACY

        if name in LEGACY:
            return LEGACY[name]
    if not name.startswith("_"):
        from .backend.registry import registry

        if name in registry.types():  # a third party's device type: corelib.<type>
            from .devices import device_module

            value = globals()[name] = device_module(name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Generator", "GradScaler", "Size", "Tensor", "TypedStorage", "UntypedStorage",
    "__version__", "accelerator", "add", "autocast", "autograd", "backend", "backends", "bfloat16", "bilinear", "bool",
    "broadcast_shapes", "can_cast", "cdouble", "cfloat", "compat",
    "complex64", "complex128", "cpu", "cuda", "debug", "default_generator", "detach", "detach_", "device", "div",
    "double", "dtype", "e", "enable_grad", "fill", "finfo", "float", "float16", "float32", "float64", "from_dlpack",
    "get_default_device", "get_default_dtype", "get_device", "get_device_module", "get_printoptions", "get_rng_state",
    "half", "iinfo", "inf", "inference_mode", "initial_seed", "int", "int8", "int16", "int32", "int64", "is_complex",
    "is_conj", "is_distributed", "is_floating_point", "is_grad_enabled", "is_inference", "is_inference_mode_enabled",
    "is_neg", "is_signed", "is_storage", "is_tensor",
    "load", "long", "manual_seed", "mps", "nan", "narrow", "newaxis", "nn",
    "no_grad", "numel", "opencl", "ops", "optim", "pi", "promote_types", "random", "resize_as_", "resolve_conj",
    "resolve_neg", "result_type", "save", "seed", "set_default_device", "set_default_dtype", "set_grad_enabled",
    "set_printoptions", "set_rng_state", "short", "special", "sub", "t", "testing", "to_dlpack", "uint8", "utils",
    "xpu",
]  # fmt: skip
__all__ += _functions.FUNCTIONS
__all__ += settings.__all__
__all__ += formats.__all__

if os.environ.get("CORELIB_DEBUG", "") not in ("", "0"):
    from .debug import activate as _activate

    _activate(os.environ["CORELIB_DEBUG"])
