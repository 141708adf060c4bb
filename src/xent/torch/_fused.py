"""The losses on CPU tensors by the compiled kernels: loss and gradient from one pass over the logits.

Operators (:mod:`xent.torch.ops`) are what compilers, exporters and transforms see. Eager code on plain CPU tensors
takes a shorter way, an ``autograd.Function`` straight over the same kernels: at 32 × 10 the way through an operator
registered from Python costs more than the loss itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, is_grad_enabled
from torch.compiler import is_compiling

from xent.kernels import cpu, cpu_focal, cpu_soft, elements
from xent.torch import _arguments, _plain
from xent.torch._arguments import BinaryOptions, Options
from xent.torch._small import Result, small
from xent.torch._tensors import (
    Numbers,
    array,
    direct,
    empty_gradient,
    entry,
    layout,
    loss_type,
    needs_plain,
    transforms_active,
)

STORED = {  # as elements.caller has it
    torch.float32: ("float32", 0), torch.float64: ("float64", 0), torch.float16: ("uint16", 1),
    torch.bfloat16: ("uint16", 2), torch.bool: ("uint8", 0), torch.uint8: ("uint8", 0), torch.int32: ("int32", 0),
    torch.int64: ("int64", 0),
}  # fmt: skip
_ways: dict[tuple[torch.dtype, torch.dtype], tuple[Any, int, int]] = {}
_keep_graph: Any = torch._C._autograd._get_current_graph_task_keep_graph  # pyright: ignore
batched: Any = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore


# ------------------------------------------------------------------------------------------------ cross-entropy


def cross_entropy(
    z: Tensor,
    target: Tensor,
    weight: Tensor | None,
    sample_weight: Tensor | None,
    o: Options,
    *,
    value: bool = True,
    slope: bool = False,
    upstream: Tensor | None = None,
) -> Result:
    """Reduced loss, and the gradient times ``upstream`` (1 if None), for CPU tensors, from one pass."""
    if value and upstream is None and weight is None and sample_weight is None:
        result = small(z, target, o, slope)
        if result is not None:
            return result
    soft, classes = target.ndim == z.ndim, z.shape[min(1, z.ndim - 1)]
    rows = target.shape if not soft else z.shape[:1] + z.shape[2:] if z.ndim > 1 else ()
    folded = (*rows[:1], math.prod(rows[1:]))[-2:] if rows else (1, 1)
    if soft:
        y = layout(target)
    else:
        y = array(target if target.dtype in (torch.int64, torch.int32) else target.long()).reshape(folded)
    w = None if weight is None else weight.detach().double().numpy()
    row = None if sample_weight is None else _proper(sample_weight.detach().double()).reshape(folded)
    by, ignore, guess = 1.0, None if soft else o.ignore_index, False
    if o.reduction == "mean":
        alike = w is None and row is None and o.by != "number"
        guess = alike and not soft and not o.gamma and cpu.seem_to_count(y, classes=classes, ignore_index=ignore)
        half = target.dtype == torch.bfloat16
        by = float(y.size) if guess else _denominator(y, w, row, o, classes, half=half)
        if alike and by == y.size:  # none is ignored: look no more
            ignore = None
    by = by or (math.inf if o.on_empty == "zero" else math.nan)
    scale = 1.0
    if upstream is not None and o.reduction == "none":
        push = upstream.detach().double().reshape(folded)
        row = push if row is None else row * push
    elif upstream is not None:
        scale = float(upstream)
    each = torch.empty(folded, dtype=torch.float64) if value and o.reduction == "none" else None
    grad = empty_gradient(z) if slope else None
    if o.gamma:  # which only focal_loss sets: labels, and no other option
        total, wrong = _focal(z, y, w, row, o, scale, by, each, grad)
        return _result(z, target, wrong, each, grad, value, total, by, rows)
    total, wrong, _ = cpu_soft.cross_entropy(
        layout(z),
        y,
        weight=w,
        row=None if row is None else row.numpy(),
        ignore_index=ignore,
        label_smoothing=o.label_smoothing,
        temperature=o.temperature,
        softcap=o.softcap,
        z_loss=o.z_loss,
        scale=scale,
        divisor=by,
        each=None if each is None else each.numpy(),
        grad=None if grad is None else layout(grad),
        bfloat16=z.dtype == torch.bfloat16,
        bfloat16_target=target.dtype == torch.bfloat16,
    )
    if wrong >= 0 and guess:
        cpu.did_not_count(classes=classes, ignore_index=o.ignore_index)
        return cross_entropy(z, target, weight, sample_weight, o, value=value, slope=slope, upstream=upstream)
    return _result(z, target, wrong, each, grad, value, total, by, rows)


def _result(
    z: Tensor,
    target: Tensor,
    wrong: int,
    each: Tensor | None,
    grad: Tensor | None,
    value: bool,
    total: float,
    by: float,
    rows: Sequence[int],
) -> Result:
    """Reduce what a kernel gave, unless it found a label that is no class."""
    if wrong >= 0:
        _arguments.bad_label(target, z.shape[min(1, z.ndim - 1)], wrong)
    loss = None
    if each is not None:
        loss = each.to(loss_type(z)).reshape(rows)
    elif value:
        loss = torch.scalar_tensor(0.0 if by == math.inf else total / by, dtype=loss_type(z))
    return Result(loss, grad)


def _focal(
    z: Tensor,
    y: Numbers,
    weight: Numbers | None,
    row: Tensor | None,
    o: Options,
    scale: float,
    by: float,
    each: Tensor | None,
    grad: Tensor | None,
) -> tuple[float, int]:
    """Focal loss of class labels by its own kernel: γ multiplies the error of 1 − p, which takes more digits."""
    factor, ignored = None if row is None else row.numpy(), y == o.ignore_index
    if ignored.any():
        factor = np.where(ignored, 0.0, 1.0 if factor is None else factor)
        y = np.where(ignored, 0, y)
    if weight is not None:
        factor = weight.take(y, mode="clip") * (1.0 if factor is None else factor)
    slope = None if grad is None else layout(grad)
    dense = None if slope is None else slope if slope.flags.c_contiguous else np.empty(slope.shape, slope.dtype)
    found = cpu_focal.focal(
        layout(z),
        y,
        gamma=o.gamma,
        row=factor,
        scale=scale,
        divisor=by,
        each=None if each is None else each.numpy(),
        grad=dense,
        bfloat16=z.dtype == torch.bfloat16,
    )
    if slope is not None and dense is not slope:
        slope[...] = dense
    return found


def _proper(sample_weight: Tensor) -> Tensor:
    wrong = ~((sample_weight >= 0) & (sample_weight < math.inf))
    if bool(wrong.any()):
        first = float(sample_weight[wrong][0])
        raise ValueError(f"sample_weight must be finite and not negative, got {first:g}")
    return sample_weight


def _denominator(
    y: Numbers, weight: Numbers | None, row: Tensor | None, o: Options, classes: int, *, half: bool
) -> float:
    """Compute what the mean divides by; 0 where that is nothing. ``half``: a target of bfloat16."""
    if o.by == "number":
        return o.divisor
    rows, torchs = o.by == "rows", o.by == "torch" and y.ndim == 3
    by = cpu_soft.mass(
        y,
        classes=classes,
        weight=None if rows or torchs else weight,
        row=None if rows or row is None else row.numpy(),
        ignore_index=None if y.ndim == 3 else o.ignore_index,
        bfloat16=half,
    )
    if by == 0:
        _arguments.empty(o.on_empty)
    return by


# ------------------------------------------------------------------------------------------------------ binary


def binary(
    z: Tensor,
    y: Tensor,
    weight: Tensor | None,
    pos_weight: Tensor | None,
    o: BinaryOptions,
    *,
    value: bool = True,
    slope: bool = False,
    upstream: Tensor | None = None,
) -> Result:
    """Reduced binary loss, and the gradient times ``upstream`` (1 if None), for CPU tensors, from one pass."""
    by, scale, none = 1.0 if o.reduction != "mean" else z.numel() or math.nan, 1.0, o.reduction == "none"
    each = torch.empty(z.shape, dtype=loss_type(z)) if value and none else None
    grad = None if not slope else empty_gradient(z) if z.is_contiguous() else z.new_empty(z.shape)
    factor = weight
    if upstream is not None and not none:
        scale = float(upstream)
    elif upstream is not None:
        factor = upstream if weight is None else upstream.double() * weight.double()
    total = None
    if factor is None and pos_weight is None and z.numel() <= elements.PIECE:
        total = _at_once(z, y, each, grad, o.gamma, scale / by)
    if total is None:
        total = _binary(z, y, factor, pos_weight, each, grad, o.gamma, scale, by)
    if total is None:
        return _beyond(z, y, weight, pos_weight, o, value, grad, upstream)
    if each is not None or not value:
        return Result(each, grad)
    return Result(torch.scalar_tensor(total / by, dtype=loss_type(z)), grad)


def _at_once(
    z: Tensor, y: Tensor, each: Tensor | None, grad: Tensor | None, gamma: float, factor: float
) -> float | None:
    """Sum of the losses by the shortest way; None where it does not lead."""
    way = _ways.get((z.dtype, y.dtype)) or _way(z.dtype, y.dtype)
    if way is None or not (z.is_contiguous() and y.is_contiguous()) or z.is_neg() or y.is_neg():
        return None
    call, kind, kind_y = way
    total = call(
        z.data_ptr(),
        y.data_ptr(),
        0 if each is None else each.data_ptr(),
        0 if grad is None else grad.data_ptr(),
        z.numel(),
        (each is not None) + 2 * (grad is not None),
        kind,
        kind_y,
        gamma,
        factor,
    )
    return None if total < 0 else total


def _way(of_z: torch.dtype, of_y: torch.dtype) -> tuple[Any, int, int] | None:
    """Find the C function for two types, and how each is stored."""
    if of_y not in STORED:
        return None
    (name, kind), (name_y, kind_y) = STORED[of_z], STORED[of_y]
    _ways[of_z, of_y] = elements.caller(name, name_y), kind, kind_y
    return _ways[of_z, of_y]


def _binary(
    z: Tensor,
    y: Tensor,
    factor: Tensor | None,
    pos_weight: Tensor | None,
    each: Tensor | None,
    grad: Tensor | None,
    gamma: float,
    scale: float,
    divisor: float,
) -> float | None:
    """Sum of the losses; None where a target is outside of [0, 1] or ``pos_weight`` is no ordinary number."""
    if pos_weight is not None and not bool(((pos_weight >= 0) & (pos_weight < math.inf)).all()):
        return None
    total, wrong = elements.binary(
        array(z),
        array(y),
        weight=None if factor is None else _spread(factor, z),
        pos_weight=None if pos_weight is None else _spread(pos_weight, z),
        gamma=gamma,
        scale=scale,
        divisor=divisor,
        each=None if each is None else array(each),
        grad=None if grad is None else array(grad),
        bfloat16=(z.dtype == torch.bfloat16, y.dtype == torch.bfloat16),
    )
    return total if wrong < 0 else None


def _spread(factor: Tensor, z: Tensor) -> Numbers:
    """Lay a factor over the logits: strides of 0, no copy."""
    return array((factor if factor.dtype in (torch.float32, torch.float64) else factor.double()).expand(z.shape))


def _beyond(
    z: Tensor,
    y: Tensor,
    weight: Tensor | None,
    pos_weight: Tensor | None,
    o: BinaryOptions,
    value: bool,
    grad: Tensor | None,
    upstream: Tensor | None,
) -> Result:
    """Compute what torch takes and the kernel does not: other targets, other ``pos_weight``."""
    arguments: Any = [None if a is None else a.detach().double() for a in (z, y, weight, pos_weight)]
    if grad is not None:
        push = torch.ones(()) if upstream is None else upstream.detach()
        grad.copy_(_plain.binary_backward(push.double(), *arguments, *o))
    return Result(_plain.binary(*arguments, *o).to(loss_type(z)) if value else None, grad)


# ---------------------------------------------------------------------------------------------------- autograd


class Family(NamedTuple):
    """A loss in all its forms; each takes (logits, target, weight, another tensor, options)."""

    kernel: Any  # cross_entropy or binary above
    plain: Any  # plain operations
    operator: Any  # torch.ops.xent.…
    backward: Any  # torch.ops.xent.…_backward


Given = tuple[Family, Tensor, Tensor | None, Tensor | None, Any]  # a loss, and its arguments but for the logits


class Fused(torch.autograd.Function):
    """A loss whose gradient is computed with it. ``given`` hides all but the logits: autograd counts arguments.

    An upstream gradient of exactly 1, which is what ``loss.backward()`` has, costs nothing more: the gradient is
    handed on as it is, and the leaf's ``.grad`` becomes that memory. Any other is multiplied inside a second kernel
    call, before the one rounding. In float16 the gradient is always computed in the second call: divided by N but
    not yet multiplied by the loss scale it would be 0.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, given: Given) -> Tensor:
        family, target, weight, other, o = given
        fuse = o.reduction != "none" and z.dtype != torch.float16
        loss, ctx.slope = family.kernel(z, target, weight, other, o, slope=fuse)
        ctx.rest = family, o
        ctx.save_for_backward(z, target, weight, other)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), slope = grads, ctx.slope
        if not handed_on(slope, grad):
            return slope_of(grad, slope, ctx.saved_tensors, *ctx.rest), None
        ctx.slope = None  # whom it goes to may then keep it, and need not copy it
        return slope, None


def handed_on(slope: Tensor | None, grad: Tensor) -> bool:
    """Say whether what was computed with the loss is the gradient, and nobody will ask for it again."""
    return (
        not is_compiling()
        and slope is not None
        and type(grad) is Tensor
        and grad.is_cpu
        and not (_keep_graph() or is_grad_enabled() or transforms_active() or batched(grad))
        and float(grad) == 1.0
    )


def slope_of(grad: Tensor, slope: Tensor | None, tensors: tuple[Any, ...], family: Family, o: Any) -> Tensor | None:
    """Compute the gradient by the logits, where it cannot be handed on; ``batched`` says is_grads_batched."""
    z, target, weight, other = tensors
    if is_compiling() or is_grad_enabled() or not direct(grad) or batched(grad):
        return family.backward(grad, z, target, weight, other, *o)
    if slope is None or float(grad) != 1.0:
        return family.kernel(z, target, weight, other, o, value=False, slope=True, upstream=grad).slope
    return slope.clone()  # the next backward hands on this memory: the caller's copy is the caller's


_apply = entry(Fused)


def evaluate(
    family: Family, z: Tensor, target: Tensor, weight: Tensor | None, other: Tensor | None, o: Any
) -> Tensor:
    """Send a checked loss on its way: kernel, operator or plain operations."""
    if is_compiling():  # on a GPU the compiler fuses plain operations; it cannot see into an operator
        on_cpu = z.device.type == "cpu" and not transforms_active()
        return (family.operator if on_cpu else family.plain)(z, target, weight, other, *o)
    if needs_plain(target, weight, other):
        return family.plain(z, target, weight, other, *o)
    if not direct(z, target, weight, other):
        return family.operator(z, target, weight, other, *o)
    if is_grad_enabled() and z.requires_grad:
        return _apply(z, (family, target, weight, other, o))
    return family.kernel(z, target, weight, other, o).loss
