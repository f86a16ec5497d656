"""Every operation, defined once: one file a family."""

from types import ModuleType

from . import (
    arithmetic,
    comparison,
    convolutions,
    factors,
    features,
    framing,
    in_place,
    indexed_writes,
    matrix,
    nonlinear,
    norms,
    order,
    pools,
    products,
    ranges,
    rearrange,
    solvers,
    stacking,
    statistics,
    transcendental,
    view_copies,
)
from .activation import *  # noqa: F403
from .bitcast import *  # noqa: F403
from .convolution import conv1d as conv1d
from .convolution import conv2d as conv2d
from .convolution import convolution as convolution
from .convolution import convolution_input_grad as convolution_input_grad
from .convolution import convolution_weight_grad as convolution_weight_grad
from .creation import *  # noqa: F403
from .derived import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .embedding import embedding as embedding
from .embedding import embedding_grad as embedding_grad
from .indexing import *  # noqa: F403
from .linalg import *  # noqa: F403
from .loss import class_cross_entropy as class_cross_entropy
from .loss import class_cross_entropy_grad as class_cross_entropy_grad
from .loss import cross_entropy as cross_entropy
from .loss import nll_loss as nll_loss
from .movement import *  # noqa: F403
from .normalization import batch_norm as batch_norm
from .normalization import batch_norm_grad as batch_norm_grad
from .normalization import batch_norm_train as batch_norm_train
from .normalization import layer_norm as layer_norm
from .normalization import layer_norm_grad as layer_norm_grad
from .normalization import native_layer_norm as native_layer_norm
from .optimizer import adam_step_ as adam_step_
from .optimizer import sgd_step_ as sgd_step_
from .pooling import avg_pool2d as avg_pool2d
from .pooling import max_pool2d as max_pool2d
from .pooling import max_pool2d_grad as max_pool2d_grad
from .pooling import max_pool2d_with_indices as max_pool2d_with_indices
from .primitive import PRIMITIVES as PRIMITIVES
from .random import *  # noqa: F403
from .reduction import *  # noqa: F403
from .sorting import argsort as argsort
from .sorting import bincount as bincount
from .sorting import sort as sort
from .sorting import topk as topk
from .sorting import unique as unique
from .view import *  # noqa: F403

FAMILIES: tuple[ModuleType, ...] = (
    arithmetic,
    comparison,
    convolutions,
    factors,
    features,
    framing,
    in_place,
    indexed_writes,
    matrix,
    nonlinear,
    norms,
    order,
    pools,
    products,
    ranges,
    rearrange,
    solvers,
    stacking,
    statistics,
    transcendental,
    view_copies,
)
"""The families that say themselves what users see of them: add a module here (see families.py)."""


def _push() -> None:
    """Give the core the operations that it calls itself."""
    from ..core.late import late
    from .creation import tensor
    from .movement import cast, copy
    from .view import as_strided_grad, geometry_of, in_geometry

    late.cast, late.copy, late.tensor = cast, copy, tensor
    late.as_strided_grad, late.geometry_of, late.in_geometry = as_strided_grad, geometry_of, in_geometry


_push()
