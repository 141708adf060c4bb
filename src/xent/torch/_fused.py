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
from torch import Tensor
from torch.autograd import forward_ad

from xent.kernels import cpu, cpu_focal, cpu_soft, elements, memory
from xent.torch import _arguments, _plain
from xent.torch._arguments import BinaryOptions, Options

Numbers = Any  # NumPy arrays

_NUMPY = {torch.float32: "f4", torch.float64: "f8", torch.float16: "f2", torch.bfloat16: "u2"}
_STORED = {  # as elements.caller has it
    torch.float32: ("float32", 0), torch.float64: ("float64", 0), torch.float16: ("uint16", 1),
    torch.bfloat16: ("uint16", 2), torch.bool: ("uint8", 0), torch.uint8: ("uint8", 0), torch.int32: ("int32", 0),
    torch.int64: ("int64", 0),
}  # fmt: skip
_ways: dict[tuple[torch.dtype, torch.dtype], tuple[Any, int, int]] = {}
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_forward_mode: Any = forward_ad
_from_numpy: Any = torch.from_numpy  # pyright: ignore
_transforms_active: Any = torch._C._are_functorch_transforms_active  # pyright: ignore
_dispatch_modes: Any = torch._C._len_torch_dispatch_stack  # pyright: ignore
_tracing_state: Any = torch._C._get_tracing_state  # pyright: ignore
_keep_graph: Any = torch._C._autograd._get_current_graph_task_keep_graph  # pyright: ignore
_batched: Any = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore


class Result(NamedTuple):
    """What a kernel gave: the reduced loss and the gradient, each None unless asked for."""

    loss: Tensor | None
    slope: Tensor | None


def direct(*tensors: Tensor | None) -> bool:
    """Say whether these are plain tensors in CPU memory that nobody is tracing."""
    for a in tensors:
        if a is not None and (type(a) not in _PLAIN or not a.is_cpu):
            return False
    return not _transforms_active() and _dispatch_modes() == 0 and _tracing_state() is None


def needs_plain(*tensors: Tensor | None) -> bool:
    """Say whether derivatives are asked for that only plain operations have: forward mode, transforms, these."""
    if _forward_mode._current_level >= 0 or _transforms_active():
        return True
    if torch.is_grad_enabled():
        for a in tensors:
            if a is not None and a.requires_grad:
                return True
    return False


# ------------------------------------------------------------------------------------------------ memory layout


def array(a: Tensor) -> Numbers:
    """Show a tensor's memory as a NumPy array; bfloat16 as its bits."""
    if a.dtype == torch.bfloat16:
        return a.detach().resolve_neg().view(torch.uint16).numpy()
    return a.numpy(force=True)  # "force" detaches; these tensors are on the CPU, so that nothing is copied


def layout(z: Tensor) -> Numbers:
    """Show (C,), (N, C) or (N, C, d1, …) as (A, K, B): their memory where the strides allow it, else a copy."""
    if z.ndim == 2:
        return array(z)[:, :, None]
    return array(z.reshape((1, z.shape[0], 1) if z.ndim == 1 else (*z.shape[:2], math.prod(z.shape[2:]))))


def empty_gradient(z: Tensor) -> Tensor:
    """Memory for a gradient laid out as its logits, or in rows where (A, K, B) would be no view of that.

    Large gradients are memory that was used before (:mod:`xent.kernels.memory`), or new memory in large pages: a
    page fault every 4 kB costs as much as the loss.
    """
    strided = z.ndim > 3 and not (
        z.is_contiguous()
        or (z.ndim == 4 and z.is_contiguous(memory_format=torch.channels_last))
        or (z.ndim == 5 and z.is_contiguous(memory_format=torch.channels_last_3d))
    )
    if z.numel() * z.element_size() < memory.LARGE or type(z) not in _PLAIN or not z.is_cpu:
        return z.new_empty(z.shape) if strided else torch.empty_like(z)
    steps: Any = None if strided else torch.empty_like(z, device="meta").stride()
    kind = np.dtype(_NUMPY[z.dtype])
    flat = memory.empty((z.numel(),), kind)
    if steps is not None:
        steps = tuple(s * kind.itemsize for s in steps)
    made = _from_numpy(np.ndarray(tuple(z.shape), kind, flat, strides=steps))
    return made.view(torch.bfloat16) if z.dtype == torch.bfloat16 else made


def loss_type(z: Tensor) -> torch.dtype:
    """float32 for the half types, else the logits' own."""
    return z.dtype if z.dtype in (torch.float32, torch.float64) else torch.float32


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
        result = _small(z, target, o, slope)
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
    by = 1.0
    if o.reduction == "mean":
        by = _denominator(y, w, row, o, classes, half=target.dtype == torch.bfloat16)
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
        ignore_index=None if soft else o.ignore_index,
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


_PLAIN_OPTIONS = {
    reduction: Options(reduction, 0, 0.0, 1.0, 0.0, None, 0.0, "torch", 1.0, "nan") for reduction in ("mean", "sum")
}


def _small(z: Tensor, target: Tensor, o: Options, slope: bool) -> Result | None:
    """Compute what most calls are by :func:`xent.kernels.cpu.small`: there the call costs more than the loss."""
    if (
        target.ndim != 1
        or z.ndim != 2
        or target.dtype != torch.int64
        or z.dtype not in (torch.float32, torch.float64)
    ):
        return None
    n, k = z.shape
    plain = _PLAIN_OPTIONS.get(o.reduction)
    if not 0 < n * k <= cpu.PIECE or plain is None or o[2:] != plain[2:]:
        return None
    if not (z.is_contiguous() and target.is_contiguous()) or z.is_neg() or target.is_neg():
        return None
    call, unit = cpu.reach("f" if z.dtype == torch.float32 else "d", k > cpu.FEW)
    loss, grad = z.new_empty(()), torch.empty_like(z) if slope else None
    to, mean = 0 if grad is None else grad.data_ptr(), o.reduction == "mean"
    wrong = call(z.data_ptr(), target.data_ptr(), to, loss.data_ptr(), n, k, slope, o.ignore_index, mean, *unit)
    if wrong >= 0:
        _arguments.bad_label(target, k, wrong)
    return Result(loss, grad) if wrong == -1 else None


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
    if of_y not in _STORED:
        return None
    (name, kind), (name_y, kind_y) = _STORED[of_z], _STORED[of_y]
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


class Fused(torch.autograd.Function):
    """A loss whose gradient is computed with it.

    An upstream gradient of exactly 1, which is what ``loss.backward()`` has, costs nothing more: the gradient is
    handed on as it is, and the leaf's ``.grad`` becomes that memory. Any other is multiplied inside a second kernel
    call, before the one rounding. In float16 the gradient is always computed in the second call: divided by N but
    not yet multiplied by the loss scale it would be 0.
    """

    @staticmethod
    def forward(
        ctx: Any,
        family: Family,
        z: Tensor,
        target: Tensor,
        weight: Tensor | None,
        other: Tensor | None,
        o: Any,
    ) -> Tensor:
        fuse = o.reduction != "none" and z.dtype != torch.float16
        loss, slope = family.kernel(z, target, weight, other, o, slope=fuse)
        ctx.rest = family, o, slope
        ctx.save_for_backward(z, target, weight, other)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        z, target, weight, other = ctx.saved_tensors
        family, o, slope = ctx.rest
        if torch.is_grad_enabled() or not direct(grad) or _batched(grad):  # the last: is_grads_batched
            slope = family.backward(grad, z, target, weight, other, *o)
        elif slope is None or float(grad) != 1.0:
            slope = family.kernel(z, target, weight, other, o, value=False, slope=True, upstream=grad).slope
        elif _keep_graph():  # the next backward hands on this memory again: the caller's copy is the caller's
            slope = slope.clone()
        else:
            ctx.rest = family, o, None  # whom it goes to may then keep it, and need not copy it
        return None, slope, None, None, None, None


# Function.apply without its Python part, which is for functorch, and functorch does not come here
_apply: Any = super(torch.autograd.Function, Fused).apply  # pyright: ignore


def evaluate(
    family: Family, z: Tensor, target: Tensor, weight: Tensor | None, other: Tensor | None, o: Any
) -> Tensor:
    """Send a checked loss on its way: kernel, operator or plain operations."""
    if (
        torch.compiler.is_compiling()
    ):  # on a GPU the compiler fuses plain operations; it cannot see into an operator
        on_cpu = z.device.type == "cpu" and not _transforms_active()
        return (family.operator if on_cpu else family.plain)(z, target, weight, other, *o)
    if needs_plain(target, weight, other):
        return family.plain(z, target, weight, other, *o)
    if not direct(z, target, weight, other):
        return family.operator(z, target, weight, other, *o)
    if torch.is_grad_enabled() and z.requires_grad:
        return _apply(family, z, target, weight, other, o)
    return family.kernel(z, target, weight, other, o).loss
