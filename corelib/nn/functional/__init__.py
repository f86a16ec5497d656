"""Functions of neural networks: PyTorch's ``torch.nn.functional`` signatures over ``corelib.ops``."""

import sys

from ...ops.face import show
from .activation import *  # noqa: F403
from .attention import *  # noqa: F403
from .bilinear import *  # noqa: F403
from .convolution import *  # noqa: F403
from .ctc import *  # noqa: F403
from .distance import *  # noqa: F403
from .dropout import *  # noqa: F403
from .fractional import *  # noqa: F403
from .interpolation import *  # noqa: F403
from .loss import *  # noqa: F403
from .loss_margin import *  # noqa: F403
from .loss_regression import *  # noqa: F403
from .normalization import *  # noqa: F403
from .padding import *  # noqa: F403
from .pooling import *  # noqa: F403
from .shuffle import *  # noqa: F403
from .sparse import *  # noqa: F403
from .vision import *  # noqa: F403

show(sys.modules[__name__], [name for name in dir() if not name.startswith("_") and name != "show"])
