"""The mean loss of a small batch without options, which is what most calls of a small model are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.kernels import cpu
from xent.torch._fused import Family, slope_of
from xent.torch._small import PLAIN_OPTIONS, WORDS, by_addresses
from xent.torch._tensors import PLAIN, forward_mode, unseen


def mean(z: Tensor, target: Tensor, ignore_index: int, family: Family) -> Tensor | None:
    """Mean loss without options, if it is that of a small batch of labels and nobody is tracing; else None.

    It is what :func:`~xent.torch._fused.evaluate` gives, by fewer steps: at 32 × 10 each is a twentieth of a call.
    """
    if torch.compiler.is_compiling() or type(z) not in PLAIN or type(target) not in PLAIN:
        return None
    shape = z.shape
    if len(shape) != 2 or target.shape != shape[:1] or target.dtype is not torch.int64:
        return None
    n, k = shape
    if z.dtype not in WORDS or not 0 < n * k <= cpu.PIECE or type(ignore_index) is not int:
        return None
    if not (z.is_cpu and target.is_cpu and z.is_contiguous() and target.is_contiguous()) or z.is_neg():
        return None
    if forward_mode() or not unseen():
        return None
    if z.requires_grad and torch.is_grad_enabled():
        return _apply(z, target, n, k, ignore_index, family)
    found = by_addresses(z, target, n, k, ignore_index, True, False)
    return None if found is None else found.loss


class AtOnce(torch.autograd.Function):
    """:class:`Fused` for :func:`mean`."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, target: Tensor, n: int, k: int, ignore_index: int, family: Family) -> Tensor:
        o = PLAIN_OPTIONS["mean"]
        o = o if ignore_index == o.ignore_index else o._replace(ignore_index=ignore_index)
        found = by_addresses(z, target, n, k, ignore_index, True, True)
        loss, slope = found or family.kernel(z, target, None, None, o, slope=True)
        ctx.rest = family, o, slope
        ctx.save_for_backward(z, target, None, None)
        return loss  # pyright: ignore[reportReturnType] - there is one, unless only the gradient is asked for

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return slope_of(ctx, *grads), None, None, None, None, None


# as in _fused
_apply: Any = super(torch.autograd.Function, AtOnce).apply  # pyright: ignore
