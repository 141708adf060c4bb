"""Cross-entropy without options: of small batches, where the call costs more than the loss, and of large ones."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xent.kernels import cpu, cpu_soft
from xent.torch import _arguments
from xent.torch._arguments import Options
from xent.torch._tensors import array, empty_gradient


class Result(NamedTuple):
    """What a kernel gave: the reduced loss and the gradient, each None unless asked for."""

    loss: Tensor | None
    slope: Tensor | None


PLAIN_OPTIONS = {
    reduction: Options(reduction, -100, 0.0, 1.0, 0.0, None, 0.0, "torch", 1.0, "nan")
    for reduction in ("mean", "sum")
}
WORDS = {kind: torch.empty((), dtype=kind) for kind in (torch.float32, torch.float64)}  # a number is made like one
_SINGLE, _DOUBLE = WORDS.values()
_empty_like = torch.empty_like  # found by one step and not two, as there are thirty of them in a call


def small(z: Tensor, target: Tensor, o: Options, slope: bool) -> Result | None:
    """Compute what most calls are by :func:`xent.kernels.cpu.small`: there the call costs more than the loss."""
    soft = target.dtype is z.dtype
    if z.ndim != 2 or z.dtype not in WORDS or not (soft or (target.ndim == 1 and target.dtype == torch.int64)):
        return None
    n, k = z.shape
    plain = PLAIN_OPTIONS.get(o.reduction)
    if not 0 < n * k <= cpu.PIECE or plain is None or o[3:] != plain[3:] or not o.label_smoothing <= cpu.SLIGHT:
        return None
    if not (z.is_contiguous() and target.is_contiguous()) or z.is_neg() or target.is_neg():
        return None
    if soft:
        if o.label_smoothing or n * k > cpu_soft.PIECE:
            return None
        return _soft(z, target, o.reduction == "mean", slope)
    if o.label_smoothing:
        return _smoothed(z, target, o, slope)
    found = by_addresses(z, target, n, k, o.ignore_index, o.reduction == "mean", slope)
    return None if found is None else Result(*found)


def _soft(z: Tensor, target: Tensor, mean: bool, slope: bool) -> Result | None:
    """Distributions; a mean divides by the number of rows."""
    logits, q, (n, k) = z.data_ptr(), target.data_ptr(), z.shape
    if not (logits and q):
        return None
    kind, word = ("f", _SINGLE) if z.dtype is torch.float32 else ("d", _DOUBLE)
    loss = _empty_like(word)
    grad = _empty_like(z) if slope else None
    call, unit = cpu_soft.reach(kind, k, slope)
    call(logits, q, 0 if grad is None else grad.data_ptr(), loss.data_ptr(), n, k, slope, mean, unit)
    return Result(loss, grad)


def _smoothed(z: Tensor, target: Tensor, o: Options, slope: bool) -> Result | None:
    """Smoothed labels, which have no way by addresses; None where there is nothing to divide by."""
    grad = torch.empty_like(z) if slope else None
    total, by, wrong = cpu.small(
        z.numpy(force=True),
        target.numpy(),
        label_smoothing=o.label_smoothing,
        ignore_index=o.ignore_index,
        mean=o.reduction == "mean",
        grad=None if grad is None else grad.numpy(),
    )
    if wrong >= 0:
        _arguments.bad_label(target, z.shape[1], wrong)
    return Result(torch.scalar_tensor(total / by, dtype=z.dtype), grad) if by else None


def by_addresses(
    z: Tensor,
    target: Tensor,
    n: int,
    k: int,
    ignore_index: int,
    mean: bool,
    slope: bool,
    weight: Tensor | None = None,
) -> tuple[Tensor, Tensor | None] | None:
    """Loss and gradient by the kernel for small batches, which may have nothing to divide by: then None."""
    logits, labels = z.data_ptr(), target.data_ptr()
    if not (logits and labels):  # autograd's zeros, which have no memory
        return None
    kind, word = ("f", _SINGLE) if z.dtype is torch.float32 else ("d", _DOUBLE)
    loss = _empty_like(word)
    grad, to = None, 0
    if slope:
        grad = _empty_like(z)
        to = grad.data_ptr()
    if weight is None:
        call, (hi, lo, most) = cpu.reach(kind, k, slope)
        wrong = call(logits, labels, to, loss.data_ptr(), n, k, slope, ignore_index, mean, hi, lo, most)
    else:
        call, unit = cpu.reach(kind, k, slope, True)
        weights, out = weight.data_ptr(), loss.data_ptr()
        wrong = call(logits, labels, weights, to, out, n, k, slope, ignore_index, mean, *unit)
    if wrong >= 0:
        _arguments.bad_label(target, k, wrong)
    return (loss, grad) if wrong == -1 else None


def by_arrays(
    z: Tensor,
    target: Tensor,
    n: int,
    k: int,
    ignore_index: int,
    mean: bool,
    slope: bool,
    weight: Tensor | None = None,
) -> tuple[Tensor, Tensor | None] | None:
    """As :func:`by_addresses`, for large batches, whose memory is used again."""
    labels, by, ignored = target.numpy(force=True), 1.0, {"classes": k, "ignore_index": ignore_index}
    w = None if weight is None else array(weight.double())
    guess = mean and w is None and cpu.seem_to_count(labels, **ignored)
    if mean:
        by = float(n) if guess else cpu.label_mass(labels, weight=w, **ignored)
        if by == 0:
            return None
    grad = empty_gradient(z) if slope else None
    total, wrong = cpu.cross_entropy(
        array(z)[:, :, None],
        labels[:, None],
        weight=w,
        ignore_index=None if by == n and w is None else ignore_index,  # none is ignored: look no more
        divisor=by,
        grad=None if grad is None else grad.numpy()[:, :, None],
    )
    if wrong >= 0 and guess:
        cpu.did_not_count(**ignored)
        return by_arrays(z, target, n, k, ignore_index, mean, slope)
    if wrong >= 0:
        _arguments.bad_label(target, k, wrong)
    return torch.scalar_tensor(total / by, dtype=z.dtype), grad
