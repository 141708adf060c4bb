"""Kullback-Leibler divergence of CPU tensors by its kernel, and its gradient by the input from the same pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.kernels import divergence
from xent.torch._fused import STORED, batched, handed_on
from xent.torch._plain import wide
from xent.torch._tensors import direct, empty_gradient, entry, loss_type, needs_plain

_ways: dict[tuple[torch.dtype, torch.dtype], tuple[Any, int, int]] = {}


class Terms(NamedTuple):
    """A divergence's arguments but for its input."""

    target: Tensor
    logs: bool  # whether the target is given as logarithms
    none: bool  # whether every term is asked for, and not their sum
    divisor: float  # what the sum is divided by


def kl_div(x: Tensor, target: Tensor, logs: bool, none: bool, divisor: float) -> Tensor | None:
    """Divergence of checked tensors, if they are plain ones of one shape and the target needs no gradient."""
    if torch.compiler.is_compiling() or x.shape != target.shape or needs_plain(target) or not direct(x, target):
        return None
    if not x.numel() or x.is_neg() or target.is_neg() or loss_type(target) == torch.float64 != x.dtype:
        return None
    given = Terms(target, bool(logs), none, divisor)
    if not (x.data_ptr() and target.data_ptr()):  # autograd's zeros, which have no memory
        return None
    if x.requires_grad and torch.is_grad_enabled():
        return _apply(x, given)
    return _evaluate(x, given)[0]


def _evaluate(
    x: Tensor, given: Terms, *, value: bool = True, slope: bool = False, upstream: float = 1.0
) -> tuple[Tensor | None, Tensor | None]:
    """Loss, and the gradient of the divided sum times ``upstream``, each None unless asked for."""
    target, logs, none, divisor = given
    call, kind, kind_t = _ways.get((x.dtype, target.dtype)) or _way(x.dtype, target.dtype)
    x, target = x.contiguous(), target.contiguous()
    each = torch.empty(x.shape, dtype=loss_type(x)) if none and value else None
    grad = empty_gradient(x) if slope else None
    total = divergence.kl_divergence(
        call,
        x.data_ptr(),
        target.data_ptr(),
        0 if each is None else each.data_ptr(),
        0 if grad is None else grad.data_ptr(),
        x.numel(),
        kind,
        kind_t,
        logs,
        upstream / divisor,
        x.element_size(),
    )
    if none or not value:
        return each, grad
    return torch.scalar_tensor(total / divisor, dtype=loss_type(x)), grad


def _way(of_x: torch.dtype, of_t: torch.dtype) -> tuple[Any, int, int]:
    """Find the C function for two types, and how each is stored."""
    (name, kind), (name_t, kind_t) = STORED[of_x], STORED[of_t]
    _ways[of_x, of_t] = divergence.caller(name, name_t), kind, kind_t
    return _ways[of_x, of_t]


class Divergence(torch.autograd.Function):
    """:class:`~xent.torch._fused.Fused` for :func:`kl_div`. ``given`` hides the target, which needs no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, given: Terms) -> Tensor:
        loss, ctx.slope = _evaluate(x, given, slope=not given.none and x.dtype != torch.float16)
        ctx.given, ctx.dtype = given, x.dtype
        ctx.save_for_backward(given.target)
        return loss  # pyright: ignore[reportReturnType] - it is asked for

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), slope = grads, ctx.slope
        if handed_on(slope, grad):
            ctx.slope = None
            return slope, None
        (target,), (_, logs, none, divisor) = ctx.saved_tensors, ctx.given
        if slope is not None and not torch.is_grad_enabled() and direct(grad) and not batched(grad):
            return (slope.clone() if float(grad) == 1.0 else _slope(slope, ctx.given, float(grad))), None
        t = wide(target)
        push = grad if none or divisor == 1 else grad / divisor
        p = t.exp() if logs else t
        return torch.where(p == 0, 0.0, -p * push).to(ctx.dtype), None


def _slope(like: Tensor, given: Terms, upstream: float) -> Tensor | None:
    """Compute the gradient for another upstream gradient than 1; the kernel reads the input for nothing."""
    return _evaluate(like, given, value=False, slope=True, upstream=upstream)[1]


_apply = entry(Divergence)
