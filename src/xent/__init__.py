"""Cross-entropy, exactly: losses for arrays of any kind, a live explorer, and the mathematics in plain Python.

>>> import numpy as np, xent
>>> xent.cross_entropy(np.array([[2.0, 1.0, 0.1]]), np.array([0])).round(12)
np.float64(0.417030016278)

Importing ``xent`` imports no array framework; each name below is resolved when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xent import (
        auditor,
        binary,
        calibration,
        distillation,
        focal,
        from_probs,
        gradients,
        information,
        losses,
        plots,
        probability,
        rowwise,
        spec,
        targets,
    )
    from xent.auditor import Auditor, audit
    from xent.binary import binary_cross_entropy, binary_cross_entropy_with_grad
    from xent.distillation import distillation_loss, distillation_loss_with_grad
    from xent.focal import focal_loss, focal_loss_with_grad
    from xent.gradients import clip_gradients, global_norm
    from xent.losses import cross_entropy, cross_entropy_with_grad
    from xent.probability import log_sigmoid, log_softmax, logsumexp, sigmoid, softmax
    from xent.rowwise import RowStatistics, row_statistics
    from xent.targets import one_hot, smooth_labels

__version__ = "0.1.0"

__all__ = [
    "Auditor",
    "RowStatistics",
    "audit",
    "auditor",
    "binary",
    "binary_cross_entropy",
    "binary_cross_entropy_with_grad",
    "calibration",
    "clip_gradients",
    "cross_entropy",
    "cross_entropy_with_grad",
    "distillation",
    "distillation_loss",
    "distillation_loss_with_grad",
    "focal",
    "focal_loss",
    "focal_loss_with_grad",
    "from_probs",
    "global_norm",
    "gradients",
    "information",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "losses",
    "one_hot",
    "plots",
    "probability",
    "row_statistics",
    "rowwise",
    "sigmoid",
    "smooth_labels",
    "softmax",
    "spec",
    "targets",
]

_HOMES = {
    "auditor": ("Auditor", "audit"),
    "binary": ("binary_cross_entropy", "binary_cross_entropy_with_grad"),
    "distillation": ("distillation_loss", "distillation_loss_with_grad"),
    "focal": ("focal_loss", "focal_loss_with_grad"),
    "gradients": ("clip_gradients", "global_norm"),
    "losses": ("cross_entropy", "cross_entropy_with_grad"),
    "probability": ("log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"),
    "rowwise": ("RowStatistics", "row_statistics"),
    "targets": ("one_hot", "smooth_labels"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Resolve a public name when it is first used (PEP 562)."""
    if name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    elif name in __all__:
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
