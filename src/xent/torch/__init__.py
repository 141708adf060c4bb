"""Drop-in for torch's cross-entropy losses: torch.nn.functional's functions, torch.nn's modules, and their kin.

>>> import torch, xent.torch
>>> xent.torch.cross_entropy(torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([0]))
tensor(0.4170)
"""

from __future__ import annotations

from xent.torch.extensions import distillation_loss, entropy, focal_loss
from xent.torch.functional import LabelError, binary_cross_entropy_with_logits, cross_entropy
from xent.torch.likelihood import kl_div, nll_loss
from xent.torch.modules import BCEWithLogitsLoss, CrossEntropyLoss, FocalLoss, LabelSmoothingCrossEntropy

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "LabelError",
    "LabelSmoothingCrossEntropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "distillation_loss",
    "entropy",
    "focal_loss",
    "kl_div",
    "nll_loss",
]
