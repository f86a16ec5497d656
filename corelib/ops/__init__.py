"""Every operation, defined once: one file a family."""

from importlib import import_module

from . import face as face
from . import families as families
from . import rules as rules
from .activation import *  # noqa: F403
from .activation import gelu as gelu
from .activation import scaled_dot_product_attention as scaled_dot_product_attention
from .activation import silu as silu
from .arithmetic import sgn as sgn
from .bitcast import *  # noqa: F403
from .bitcast import view_dtype as view_dtype
from .convolution import conv1d as conv1d
from .convolution import conv2d as conv2d
from .creation import *  # noqa: F403
from .derived import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .elementwise import add as add
from .elementwise import round_float as round_float
from .elementwise import sub as sub
from .embedding import embedding as embedding
from .indexing import *  # noqa: F403
from .indexing import copy_ as copy_
from .indexing import fill_ as fill_
from .linalg import *  # noqa: F403
from .linalg import linear as linear
from .linalg import matmul_kernel as matmul_kernel
from .loss import cross_entropy as cross_entropy
from .loss import nll_loss as nll_loss
from .movement import *  # noqa: F403
from .movement import copy as copy
from .movement import to as to
from .normalization import batch_norm as batch_norm
from .normalization import layer_norm as layer_norm
from .optimizer import adam_step_ as adam_step_
from .optimizer import sgd_step_ as sgd_step_
from .optimizer import zeros_together as zeros_together
from .pooling import avg_pool2d as avg_pool2d
from .pooling import max_pool2d as max_pool2d
from .pooling import max_pool2d_with_indices as max_pool2d_with_indices
from .primitive import PRIMITIVES as PRIMITIVES
from .random import *  # noqa: F403
from .random import exponential_ as exponential_
from .random import random_bits as random_bits
from .reduction import *  # noqa: F403
from .sorting import *  # noqa: F403
from .subscript import getitem as getitem
from .subscript import setitem as setitem
from .view import *  # noqa: F403
from .view import alias_of as alias_of
from .view import expand as expand
from .view import slice_ as slice_
from .view import view as view

FAMILIES = tuple(
    import_module(f"{__name__}.{name}")
    for name in (
        "activation", "arithmetic", "bitcast", "comparison", "convolutions", "creation", "derived", "elementwise",
        "factors", "features", "framing", "histograms", "in_place", "incomplete", "indexed_writes", "indexing",
        "linalg", "matrix", "movement", "nonlinear", "norms", "order", "pools", "products", "random", "ranges",
        "rearrange", "reduction", "solvers", "sorting", "special_functions", "stacking", "statistics", "transcendental",
        "variates", "view",
        "view_copies",
    )
)  # fmt: skip
"""The families, which say themselves what users see of them: add a module here (see families.py)."""


def _push() -> None:
    """Give the core the operations that it calls itself."""
    from ..core.late import late
    from .creation import tensor
    from .movement import cast, copy
    from .view import as_strided_grad, geometry_of, in_geometry

    late.cast, late.copy, late.tensor = cast, copy, tensor
    late.as_strided_grad, late.geometry_of, late.in_geometry = as_strided_grad, geometry_of, in_geometry


_push()
for _family in FAMILIES:
    face.show(_family, {*_family.__all__, *getattr(_family, "METHODS", ())})
