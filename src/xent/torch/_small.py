"""Cross-entropy of small batches of labels, of which the call costs more than the loss."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xent.kernels import cpu
from xent.torch import _arguments
from xent.torch._arguments import Options


class Result(NamedTuple):
    """What a kernel gave: the reduced loss and the gradient, each None unless asked for."""

    loss: Tensor | None
    slope: Tensor | None


PLAIN_OPTIONS = {
    reduction: Options(reduction, -100, 0.0, 1.0, 0.0, None, 0.0, "torch", 1.0, "nan")
    for reduction in ("mean", "sum")
}
WORDS = {kind: torch.empty((), dtype=kind) for kind in (torch.float32, torch.float64)}  # a number is made like one


def small(z: Tensor, target: Tensor, o: Options, slope: bool) -> Result | None:
    """Compute what most calls are by :func:`xent.kernels.cpu.small`: there the call costs more than the loss."""
    if target.ndim != 1 or z.ndim != 2 or target.dtype != torch.int64 or z.dtype not in WORDS:
        return None
    n, k = z.shape
    plain = PLAIN_OPTIONS.get(o.reduction)
    if not 0 < n * k <= cpu.PIECE or plain is None or o[2:] != plain[2:]:
        return None
    if not (z.is_contiguous() and target.is_contiguous()) or z.is_neg() or target.is_neg():
        return None
    found = by_addresses(z, target, n, k, o.ignore_index, o.reduction == "mean", slope)
    return None if found is None else Result(*found)


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
    logits = z.data_ptr()
    if not logits:  # autograd's zeros, which have no memory
        return None
    kind = "f" if z.dtype is torch.float32 else "d"
    loss, grad = torch.empty_like(WORDS[z.dtype]), torch.empty_like(z) if slope else None
    to = 0 if grad is None else grad.data_ptr()
    if weight is None:
        call, unit = cpu.reach(kind, k)
        wrong = call(logits, target.data_ptr(), to, loss.data_ptr(), n, k, slope, ignore_index, mean, *unit)
    else:
        call, unit = cpu.reach(kind, k, True)
        weights, out = weight.data_ptr(), loss.data_ptr()
        wrong = call(logits, target.data_ptr(), weights, to, out, n, k, slope, ignore_index, mean, *unit)
    if wrong >= 0:
        _arguments.bad_label(target, k, wrong)
    return (loss, grad) if wrong == -1 else None
