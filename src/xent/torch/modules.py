"""torch.nn's loss modules, and two that it has not; thin over :mod:`xent.torch.functional`.

The first two are subclasses of torch's, so that whatever asks with ``isinstance`` still finds them, and their
``state_dict`` and ``repr`` are torch's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xent.torch import _arguments, extensions, functional

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "FocalLoss", "LabelSmoothingCrossEntropy"]


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """Cross-entropy in nats as torch.nn.CrossEntropyLoss has it, with the options of :func:`cross_entropy`.

    Parameters are those of :func:`cross_entropy`; ``forward(input, target)`` takes ``sample_weight=`` as well.

    Examples
    --------
    >>> import torch, xent.torch
    >>> criterion = xent.torch.CrossEntropyLoss(label_smoothing=0.1)
    >>> criterion
    CrossEntropyLoss()
    >>> criterion(torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([0]))
    tensor(0.5137)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        *,
        temperature: float = 1.0,
        z_loss: float = 0.0,
        softcap: float | None = None,
        denominator: float | str | None = None,
        on_empty: str = "nan",
    ) -> None:
        reduction = _arguments.reduction_of(reduction, size_average, reduce)
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            weight, None, ignore_index, None, reduction, label_smoothing
        )
        _arguments.parse(
            reduction, ignore_index, label_smoothing, temperature, z_loss, softcap, 0.0, denominator, on_empty
        )
        self.temperature = temperature
        self.z_loss = z_loss
        self.softcap = softcap
        self.denominator = denominator
        self.on_empty = on_empty

    def forward(self, input: Tensor, target: Tensor, *, sample_weight: Tensor | None = None) -> Tensor:
        """Give the loss of logits (N, C, d1, …) and their target."""
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            sample_weight=sample_weight,
            temperature=self.temperature,
            z_loss=self.z_loss,
            softcap=self.softcap,
            denominator=self.denominator,
            on_empty=self.on_empty,
        )


class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """Binary cross-entropy of logits in nats, as torch.nn.BCEWithLogitsLoss has it.

    Examples
    --------
    >>> import torch, xent.torch
    >>> xent.torch.BCEWithLogitsLoss()(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.2201)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Give the loss of logits and a target of their shape."""
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class LabelSmoothingCrossEntropy(nn.Module):
    """Cross-entropy with smoothed labels in nats: (1 − ε) · (−log p_y) + ε · mean_j(−log p_j), a mean over rows.

    Classes lie on the last dimension, unlike elsewhere in torch: forward takes logits (…, K) and labels (…).

    Examples
    --------
    >>> import torch, xent.torch
    >>> xent.torch.LabelSmoothingCrossEntropy(epsilon=0.1)(torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([0]))
    tensor(0.5137)
    """

    def __init__(self, epsilon: float = 0.1) -> None:
        super().__init__()
        _arguments.parse("mean", -100, epsilon, 1.0, 0.0, None, 0.0, None, "nan")
        self.epsilon = epsilon

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give the mean loss of logits (…, K) and labels (…)."""
        if logits.ndim > 2:
            logits = logits.movedim(-1, 1)
        return functional.cross_entropy(logits, targets, label_smoothing=self.epsilon)

    def extra_repr(self) -> str:
        """Show ε."""
        return f"epsilon={self.epsilon}"


class FocalLoss(nn.Module):
    """Focal loss in nats, as :func:`focal_loss` has it; ``alpha`` a number, or a tensor that moves with the module.

    Examples
    --------
    >>> import torch, xent.torch
    >>> criterion = xent.torch.FocalLoss(alpha=torch.tensor([1.0, 2.0, 1.0]))
    >>> criterion(torch.tensor([[2.0, 1.0, 0.1]]), torch.tensor([1]))
    tensor(1.6265)
    """

    alpha: Tensor | float | None

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: Tensor | float | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        _arguments.parse(reduction, ignore_index, 0.0, 1.0, 0.0, None, gamma, None, "nan")
        if isinstance(alpha, torch.Tensor):
            self.register_buffer("alpha", alpha)
        else:
            self.alpha = alpha
        self.gamma = gamma
        self.ignore_index = ignore_index
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Give the loss of logits and labels."""
        return extensions.focal_loss(
            input,
            target,
            gamma=self.gamma,
            alpha=self.alpha,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show γ, and α if it is a number."""
        alpha = "" if self.alpha is None or isinstance(self.alpha, torch.Tensor) else f", alpha={self.alpha}"
        return f"gamma={self.gamma}{alpha}"
