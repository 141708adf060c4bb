"""What the compiled kernels do not take, on CPU tensors: torch's own operations in float64, block by block.

The kernels take labels. Probabilities, smoothing and caps come here. A block is small enough for
its float64 temporaries to stay in cache, and a few operations in place do a block whose rows are ordinary. One with
a mask, a NaN or an infinite loss is done by the plain formula, which knows the conventions.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from xent.torch import _plain
from xent.torch._arguments import Options

BLOCK = 2**17  # logits at a time

_vecdot: Any = torch.linalg.vecdot  # pyright: ignore


def folded_shape(z: Tensor) -> tuple[int, int, int]:
    """Fold the shape (C,), (N, C) or (N, C, d1, …) of logits into (A, K, B)."""
    return (1, z.shape[0], 1) if z.ndim == 1 else (z.shape[0], z.shape[1], math.prod(z.shape[2:]))


def cross_entropy(
    z: Tensor,
    target: Tensor,
    weight: Tensor | None,
    row: Tensor | None,
    o: Options,
    each: Tensor | None,
    grad: Tensor | None,
    push: Tensor | None,
    scale: float,
) -> float:
    """Fill ``each`` (A, B) and ``grad`` (the logits' shape), both if given; return the sum of the losses.

    ``weight`` (K,), ``row`` (A, B) and ``push`` (A, B), the upstream gradient of each row, are float64.
    """
    folded = folded_shape(z)
    zs, out, total = z.detach().reshape(folded), None if grad is None else grad.view(folded), 0.0
    soft = target.ndim == z.ndim
    ts = target.detach().reshape(folded if soft else (folded[0], folded[2]))
    step = max(BLOCK // max(folded[1] * folded[2], 1), 1)
    for start in range(0, folded[0], step):
        at = slice(start, start + step)
        factor = None if row is None else row[at]
        pull = None if out is None else _upstream(push, at, ts, scale)
        answer = _ordinary(zs[at], ts[at], weight, factor, o, pull)
        if answer is None:
            part = ts[at].double() if soft else ts[at]
            arguments = zs[at].double(), part, weight, factor, *o._replace(reduction="none")
            loss = _plain.cross_entropy(*arguments)
            answer = loss, None if pull is None else _plain.cross_entropy_backward(pull, *arguments)
        total += float(answer[0].sum())
        if each is not None:
            each[at] = answer[0]
        if out is not None and answer[1] is not None:
            out[at] = answer[1]
    return total


def _upstream(push: Tensor | None, at: slice, targets: Tensor, scale: float) -> Tensor:
    if push is not None:
        return push[at] * scale
    shape = targets[at].shape
    return torch.full((shape[0], shape[-1]), scale, dtype=torch.float64)


def _ordinary(
    z: Tensor,
    target: Tensor,
    weight: Tensor | None,
    row: Tensor | None,
    o: Options,
    pull: Tensor | None,
) -> tuple[Tensor, Tensor | None] | None:
    """Loss (a, B) and gradient (a, K, B) of a block by the formula of :mod:`xent.spec`; None if a row is odd."""
    if o.gamma or not z.numel():
        return None
    shape, classes = z.shape, z.shape[1]
    z = _flat(z)
    z = z.clone() if z.dtype == torch.float64 else z.double()
    factor = torch.ones(shape[0] * shape[2], dtype=torch.float64) if row is None else row.reshape(-1)
    if target.ndim == 3:
        t = _flat(target)
        t = t.clone() if t.dtype == torch.float64 else t.double()
        if o.label_smoothing:
            t.mul_(1 - o.label_smoothing).add_(o.label_smoothing / classes)
    else:
        y = target.reshape(-1).long()
        factor = factor * (y != o.ignore_index)
        y = torch.where(y == o.ignore_index, 0, y).unsqueeze(1)
        t = torch.full(z.shape, o.label_smoothing / classes, dtype=torch.float64)
        t.scatter_add_(1, y, torch.full(y.shape, 1 - o.label_smoothing, dtype=torch.float64))
    t = t if weight is None else t.mul_(weight)
    slope = None
    if o.softcap is not None:
        z.div_(o.softcap)
        slope = z.cosh().reciprocal_().square_() if pull is not None else None
        z.tanh_().mul_(o.softcap)
    if o.temperature != 1:
        z.div_(o.temperature)
    top: Tensor = z.argmax(1, keepdim=True)
    peak = z.gather(1, top)
    gap = torch.sub(peak, z, out=z)
    power = torch.neg(gap).exp_().scatter_(1, top, 0.0)
    tail = power.sum(1, keepdim=True)
    at_top = t.gather(1, top)
    rest = t.scatter_(1, top, 0.0).sum(1, keepdim=True)
    mass, log1p = rest + at_top, tail.log1p()
    loss = (mass * log1p).squeeze(1) + _vecdot(t, gap)
    if o.z_loss:
        lse = peak + log1p
        loss += o.z_loss * lse.squeeze(1) ** 2
        mass, rest = mass + 2 * o.z_loss * lse, rest + 2 * o.z_loss * lse
    loss *= factor
    if not bool(loss.isfinite().all()):
        return None
    if pull is None:
        return loss.reshape(shape[0], shape[2]), None
    whole = 1 + tail
    g = power.mul_(mass / whole).sub_(t).scatter_(1, top, rest - mass * tail / whole)
    g = g if slope is None else g.mul_(slope)
    g.mul_((pull.reshape(-1) * factor / o.temperature).unsqueeze(1))
    return loss.reshape(shape[0], shape[2]), g.reshape(shape[0], shape[2], classes).movedim(2, 1)


def _flat(a: Tensor) -> Tensor:
    """Lay (a, K, B) as (a · B, K)."""
    return a.squeeze(2) if a.shape[2] == 1 else a.movedim(1, 2).reshape(-1, a.shape[1])
