"""The binary loss on CPU tensors: torch's own operations in float64, block by block.

A block is small enough for its float64 temporaries to stay in cache, and a few operations in place do a block that
is ordinary. One with a NaN or an infinite loss is done by the plain formula, which knows the conventions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xent.torch import _plain

BLOCK = 2**17  # logits at a time


def binary(
    x: Tensor, y: Tensor, weight: Tensor | None, pos_weight: Tensor | None, gamma: float, pull: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Loss of each element of a float64 block, and its gradient times the upstream ``pull`` if that is given."""
    if not gamma:
        power = x.abs().neg_().exp_()
        log1p = power.log1p()
        no = 1 - y
        yes = y if pos_weight is None else pos_weight * y
        loss = yes * (x.clamp(max=0).neg_().add_(log1p)) + no * x.clamp(min=0).add_(log1p)
        loss = loss if weight is None else loss.mul_(weight)
        if bool(loss.isfinite().all()):
            if pull is None:
                return loss, None
            share = 1 / (1 + power)
            rest = power.mul_(share)
            up = x > 0
            g = no * torch.where(up, share, rest) - yes * torch.where(up, rest, share)
            g = g if weight is None else g.mul_(weight)
            return loss, g.mul_(pull)
    arguments = x, y, weight, pos_weight, "none", gamma
    return _plain.binary(*arguments), None if pull is None else _plain.binary_backward(pull, *arguments)
