"""Every operation, defined once: one file a family."""

from .activation import *  # noqa: F403
from .convolution import conv1d, conv2d, convolution, convolution_input_grad, convolution_weight_grad
from .creation import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .embedding import embedding, embedding_grad
from .indexing import *  # noqa: F403
from .linalg import *  # noqa: F403
from .loss import class_cross_entropy, class_cross_entropy_grad, cross_entropy, nll_loss
from .movement import *  # noqa: F403
from .normalization import batch_norm, batch_norm_grad, batch_norm_train, layer_norm, layer_norm_grad, native_layer_norm
from .optimizer import adam_step_, sgd_step_
from .pooling import avg_pool2d, max_pool2d, max_pool2d_grad, max_pool2d_with_indices
from .primitive import PRIMITIVES
from .random import *  # noqa: F403
from .reduction import *  # noqa: F403
from .sorting import argsort, bincount, sort, topk, unique
from .view import *  # noqa: F403


def _push() -> None:
    """Give the core the operations that it calls itself."""
    from ..core.late import late
    from .creation import tensor
    from .movement import cast, copy
    from .view import as_strided_grad, geometry_of, in_geometry

    late.cast, late.copy, late.tensor = cast, copy, tensor
    late.as_strided_grad, late.geometry_of, late.in_geometry = as_strided_grad, geometry_of, in_geometry


_push()
