"""Entropy of CPU logits by its kernel."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from xent.kernels import entropy as rows
from xent.torch._fused import STORED, batched
from xent.torch._plain import measure, wide
from xent.torch._tensors import direct, empty_gradient, entry, loss_type, needs_plain


def entropy(z: Tensor, dim: int, tau: float) -> Tensor | None:
    """Entropy along a dimension ≥ 0 of checked logits, if they are a plain tensor that nobody traces."""
    if torch.compiler.is_compiling() or needs_plain() or not direct(z) or z.is_neg():
        return None
    if not (z.numel() and z.data_ptr() and 1e-30 <= tau <= 1e30):  # autograd's zeros have no memory
        return None
    if z.requires_grad and torch.is_grad_enabled():
        return _apply(z, (dim, tau))
    return _entropy(z, dim, tau)


def _rows(z: Tensor, dim: int) -> Tensor:
    """Logits with their classes last, in one piece."""
    return (z if dim == z.ndim - 1 else z.movedim(dim, -1)).contiguous()


def _entropy(z: Tensor, dim: int, tau: float) -> Tensor:
    z = _rows(z, dim)
    h = torch.empty(z.shape[:-1], dtype=torch.float64)
    shape = h.numel(), z.shape[-1]
    rows.entropy(z.data_ptr(), h.data_ptr(), 0, STORED[z.dtype], shape, tau, slope=False)
    return h.to(loss_type(z))


def _slope(z: Tensor, dim: int, tau: float, upstream: Tensor) -> Tensor:
    push = upstream.double().contiguous()
    z = _rows(z, dim)
    grad, shape = empty_gradient(z), (push.numel(), z.shape[-1])
    rows.entropy(z.data_ptr(), grad.data_ptr(), push.data_ptr(), STORED[z.dtype], shape, tau, slope=True)
    return grad if dim == z.ndim - 1 else grad.movedim(-1, dim)


def _plain(z: Tensor, dim: int, tau: float, upstream: Tensor) -> Tensor:
    """Compute the gradient in plain operations: p (g − Σ p g) / τ, see the kernel."""
    r = measure(wide(z), dim, tau)
    p = torch.where(r.top, 1.0, r.power) / (1 + r.tail)
    gap = torch.where(r.masked, 0.0, r.gap)
    mean = torch.where(r.void, math.nan, (p * gap).sum(dim, keepdim=True))
    return (p * (gap - mean) * (upstream.unsqueeze(dim) / tau)).to(z.dtype)


class Entropy(torch.autograd.Function):
    """Entropy whose gradient is computed from the logits once more, by the kernel."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, given: tuple[int, float]) -> Tensor:
        ctx.given = given
        ctx.save_for_backward(z)
        return _entropy(z, *given)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (z,) = grads, ctx.saved_tensors
        seen = torch.compiler.is_compiling() or torch.is_grad_enabled() or not direct(grad) or batched(grad)
        by = _plain if seen or grad.is_neg() else _slope
        dim, tau = ctx.given
        return by(z, dim, tau, grad), None


_apply = entry(Entropy)
