"""The losses in plain torch operations: differentiable any number of times, in any mode, on any device.

The formulas are those of :mod:`xent.spec`, in the logits' type (float32 for the half types). They are written so
that automatic differentiation keeps the digits, too: the largest logit is excluded from its own gap, and is taken
by a gather, so that a tie does not share it out. Logits of −∞ never meet a 0. Labels that do not exist make NaN of
their rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from xent.torch import _arguments
from xent.torch._arguments import BinaryOptions, Options


class Rows(NamedTuple):
    """Rows measured from their largest logit; classes on ``dim``, which the sums keep with size 1."""

    top: Tensor  # bool: the largest logit, the first of a tie
    masked: Tensor  # bool: logits of −∞
    void: Tensor  # bool: rows without a softmax
    peak: Tensor  # the largest logit, capped and tempered; NaN in void rows, as is their gradient
    gap: Tensor  # +∞ at a mask, 0 at the top
    power: Tensor  # exp(−gap), and 0 at the top
    tail: Tensor


def wide(a: Tensor) -> Tensor:
    """Convert the half types to float32."""
    return a.float() if a.dtype in _arguments.HALF else a


def measure(z: Tensor, dim: int, temperature: float = 1.0, softcap: float | None = None) -> Rows:
    """Measure every row from its largest logit."""
    masked = z == -math.inf
    void = (torch.isnan(z) | (z == math.inf)).any(dim, keepdim=True) | masked.all(dim, keepdim=True)
    index = z.detach().argmax(dim, keepdim=True)
    top = _numbers(z, dim) == index
    z = z * torch.where(void, math.nan, 1.0).to(z.dtype)
    if softcap is not None:
        z = torch.where(masked, z, softcap * torch.tanh(z / softcap))
    if temperature != 1.0:
        z = z / temperature
    peak = z.gather(dim, index)
    gap = torch.where(top, 0.0, peak - z)
    power = torch.where(top | masked, 0.0, torch.exp(-torch.where(masked, peak * 0, gap)))
    return Rows(top, masked, void, peak, gap, power, power.sum(dim, keepdim=True))


def _numbers(z: Tensor, dim: int) -> Tensor:
    """0, 1, …, K − 1 along ``dim``."""
    return torch.arange(z.shape[dim], device=z.device).view([-1 if i == dim % z.ndim else 1 for i in range(z.ndim)])


def product(t: Tensor, gap: Tensor) -> Tensor:
    """Multiply weights and gaps with 0 · ∞ = 0."""
    return t * torch.where((gap == math.inf) & (t == 0), 0.0, gap)


class Problem(NamedTuple):
    """Cross-entropy's arguments as data: classes on dimension 1, rows keep a dimension of size 1 there."""

    rows: Rows
    t: Tensor  # target weights
    one: Tensor | None  # bool one-hot of labels
    row: Tensor  # factor of each row; 0 where it is left out, NaN where it is faulty
    dead: Tensor  # bool: rows that count for nothing
    by: Tensor | None  # what the mean divides by
    slope: Tensor | None  # derivative of the capped logit by the logit


def _prepare(z: Tensor, target: Tensor, weight: Tensor | None, sample_weight: Tensor | None, o: Options) -> Problem:
    z = wide(z)
    z, target = (z.unsqueeze(0), target.unsqueeze(0)) if z.ndim == 1 else (z, target)
    soft, classes = target.ndim == z.ndim, z.shape[1]
    row = torch.ones_like(z[:, :1]) if sample_weight is None else sample_weight.to(z.dtype).reshape(z[:, :1].shape)
    if sample_weight is not None:
        row = torch.where((row >= 0) & (row < math.inf), row, math.nan)
    one = None
    if soft:
        q, valid = target.to(z.dtype), torch.ones_like(row, dtype=torch.bool)
    else:
        labels = target.long().unsqueeze(1)
        valid = labels != o.ignore_index
        one = (_numbers(z, 1) == labels) & valid
        faulty = valid & ((labels < 0) | (labels >= classes))
        q, row = one.to(z.dtype), torch.where(faulty, math.nan, row)
    row = torch.where(valid, row, 0.0)
    along = None if weight is None else weight.to(z.dtype).reshape([-1 if i == 1 else 1 for i in range(z.ndim)])
    by = None if o.reduction != "mean" else _denominator(q, along, row, valid, o, soft)
    t = q if not o.label_smoothing else (1 - o.label_smoothing) * q + o.label_smoothing / classes
    t = t if along is None else t * along
    masked = z == -math.inf
    lost = (masked & (t != 0)).any(1, keepdim=True) | masked.all(1, keepdim=True)
    lost = lost | (torch.isnan(z) | (z == math.inf)).any(1, keepdim=True)
    dead = ~valid | ((row == 0) & lost)  # a row without weight counts for nothing, even at ∞
    z, slope = torch.where(dead, 0.0, z), None
    if o.softcap is not None:
        e = torch.exp(-2 * torch.abs(z / o.softcap))
        slope = 4 * e / (1 + e) ** 2
    return Problem(measure(z, 1, o.temperature, o.softcap), t, one, row, dead, by, slope)


def _denominator(
    q: Tensor, weight: Tensor | None, row: Tensor, valid: Tensor, o: Options, soft: bool
) -> Tensor | None:
    if o.by == "number":
        by = torch.full_like(row.sum(), o.divisor)
    elif o.by == "rows":
        by = valid.to(row.dtype).sum()
    elif weight is None or (soft and o.by == "torch"):
        by = row.sum()
    else:
        by = (row * (q * weight).sum(1, keepdim=True)).sum()
    if o.on_empty == "raise" and not torch.compiler.is_compiling():
        try:
            empty = bool(by == 0)
        except RuntimeError:
            _arguments.needs_values()
        if empty:
            _arguments.empty(o.on_empty)
    return by


def _focus(p: Problem, nll: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """(1 − p)^γ and the factor by which it turns cross-entropy's gradient into its own."""
    assert p.one is not None  # noqa: S101 - checked by the caller
    r = p.rows
    power = torch.where(r.top, 1.0, r.power)
    miss = (torch.where(p.one, 0.0, power).sum(1, keepdim=True)) / (1 + r.tail)
    hit = torch.where(p.one, power, 0.0).sum(1, keepdim=True) / (1 + r.tail)
    some = miss > 0
    safe = torch.where(some, miss, 1.0)
    low = torch.where(some, safe**gamma, 0.0 * miss)
    rate = torch.where(some, torch.where(hit == 0, 0.0, nll) / safe, 1.0)
    return low, low * (1 + gamma * hit * rate)


def cross_entropy(
    z: Tensor, target: Tensor, weight: Tensor | None, sample_weight: Tensor | None, *options: object
) -> Tensor:
    """Reduced loss; ``options`` are the fields of :class:`Options`."""
    o = Options(*options)  # pyright: ignore[reportArgumentType]
    p = _prepare(z, target, weight, sample_weight, o)
    r = p.rows
    log1p = torch.log1p(r.tail)
    loss = p.t.sum(1, keepdim=True) * log1p + product(p.t, r.gap).sum(1, keepdim=True)
    loss = torch.where(r.void, r.peak, loss)  # NaN even where no target weight asks for it
    if o.gamma:
        nll = log1p + torch.where(p.one if p.one is not None else r.top, r.gap, 0.0).sum(1, keepdim=True)
        low = _focus(p, nll, o.gamma)[0]
        loss = torch.where(low == 0, low, low * loss)
    if o.z_loss:
        loss = loss + o.z_loss * (r.peak + log1p) ** 2
    loss = p.row * loss
    if o.reduction == "none":
        return loss.reshape(z.shape[:1] + z.shape[2:] if z.ndim > 1 else ())
    return loss.sum() if p.by is None else _mean(loss.sum(), p.by, o)


def _mean(loss: Tensor, by: Tensor, o: Options) -> Tensor:
    if o.on_empty == "zero":
        return torch.where(by == 0, 0.0, loss / torch.where(by == 0, 1.0, by))
    return loss / torch.where(by == 0, math.nan, by)


def cross_entropy_backward(
    grad: Tensor,
    z: Tensor,
    target: Tensor,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    *options: object,
) -> Tensor:
    """Differentiate Σ grad · loss by the logits, in closed form: T p − t and what the options make of it."""
    o = Options(*options)  # pyright: ignore[reportArgumentType]
    p = _prepare(z, target, weight, sample_weight, o)
    r = p.rows
    row, grad = p.row, grad.to(p.row.dtype)
    row = row * (grad.reshape(row.shape) if o.reduction == "none" else grad)
    if p.by is not None:
        row = _mean(row, p.by, o)
    whole, log1p = 1 + r.tail, torch.log1p(r.tail)
    mass = p.t.sum(1, keepdim=True)
    rest = torch.where(r.top, 0.0, p.t).sum(1, keepdim=True)
    others = mass * r.power / whole - p.t
    g = torch.where(r.top, rest - mass * r.tail / whole, others)
    if o.gamma:
        nll = log1p + torch.where(p.one if p.one is not None else r.top, r.gap, 0.0).sum(1, keepdim=True)
        g = g * _focus(p, nll, o.gamma)[1]
    if o.z_loss:
        g = g + 2 * o.z_loss * (r.peak + log1p) * torch.where(r.top, 1 - r.tail / whole, r.power / whole)
    g = torch.where(r.void, r.peak, g)
    g = g if p.slope is None else g * p.slope
    g = torch.where(p.dead, 0.0, row * g / o.temperature)
    return g.reshape(z.shape).to(z.dtype)


# ------------------------------------------------------------------------------------------------------ binary


def binary(z: Tensor, y: Tensor, weight: Tensor | None, pos_weight: Tensor | None, *options: object) -> Tensor:
    """Reduced binary loss: w · (p y · softplus(−z) + (1 − y) · softplus(z)), every term ≥ 0 for y in [0, 1]."""
    o = BinaryOptions(*options)  # pyright: ignore[reportArgumentType]
    x = wide(z)
    y = y.to(torch.promote_types(x.dtype, y.dtype))
    yes, no = y if pos_weight is None else pos_weight * y, 1 - y
    down, up = -torch.nn.functional.logsigmoid(x), -torch.nn.functional.logsigmoid(-x)
    loss = product(yes, down) + product(no, up)
    if o.gamma:
        miss = torch.sigmoid(torch.where(y == 1, -x, x))
        safe = torch.where(miss > 0, miss, 1.0)
        loss = torch.where(miss > 0, safe**o.gamma * loss, 0.0 * miss)
    if weight is not None:
        loss = product(weight.expand_as(loss), loss)
    loss = loss.to(x.dtype)
    return loss if o.reduction == "none" else loss.sum() if o.reduction == "sum" else loss.mean()


def binary_backward(
    grad: Tensor, z: Tensor, y: Tensor, weight: Tensor | None, pos_weight: Tensor | None, *options: object
) -> Tensor:
    """Differentiate Σ grad · loss by the logits: (1 − y) σ(z) − p y σ(−z), neither σ by a subtraction."""
    o = BinaryOptions(*options)  # pyright: ignore[reportArgumentType]
    x = wide(z)
    y = y.to(torch.promote_types(x.dtype, y.dtype))
    yes, no = y if pos_weight is None else pos_weight * y, 1 - y
    s, r = torch.sigmoid(x), torch.sigmoid(-x)
    g = no * s - yes * r
    if o.gamma:
        one = y == 1
        miss, hit, nll = torch.where(one, r, s), torch.where(one, s, r), -torch.nn.functional.logsigmoid(x)
        nll = torch.where(one, nll, -torch.nn.functional.logsigmoid(-x))
        low = torch.where(miss > 0, torch.where(miss > 0, miss, 1.0) ** o.gamma, 0.0 * miss)
        g = torch.where(one, -1.0, 1.0) * low * (miss + o.gamma * product(hit, nll))
    if weight is not None:
        g = g * weight
    grad = grad if o.reduction != "mean" else grad / max(z.numel(), 1)
    return (g * grad).to(z.dtype)
