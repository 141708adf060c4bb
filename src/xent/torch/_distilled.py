"""Distillation on CPU tensors by the compiled kernel: the gradient by the student's logits comes with the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xent.kernels import cpu_distillation
from xent.torch import _arguments, _fused
from xent.torch._small import Result
from xent.torch._tensors import array, direct, empty_gradient, entry, layout, needs_plain

_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_grad: Any = torch.autograd.grad  # pyright: ignore
_MOST = torch.finfo(torch.float32).max


class Given(NamedTuple):
    """What the student is measured by; ``labels`` are classes, ``plain`` is the same loss of a student."""

    teacher: Tensor
    labels: Tensor | None
    temperature: float
    share: float
    ignore_index: int
    reduction: str
    plain: Callable[[Tensor], Tensor]


def takes(student: Tensor, teacher: Tensor, target: Tensor | None, temperature: float) -> bool:
    """Say whether the kernel computes this: narrow types of one kind, and no derivative but by the student."""
    return (
        not torch.compiler.is_compiling()
        and student.dtype == teacher.dtype
        and student.dtype in _NARROW
        and student.numel() > 0
        and 1e-30 < temperature < 1e30
        and direct(student, teacher, target)
        and not needs_plain(teacher, target)
    )


def evaluate(student: Tensor, given: Given) -> Tensor:
    """Reduced loss of what the kernel takes."""
    if torch.is_grad_enabled() and student.requires_grad:
        return _apply(student, given)
    loss = compute(student, given).loss
    assert loss is not None  # noqa: S101 - asked for
    return loss


def compute(
    student: Tensor, given: Given, *, value: bool = True, slope: bool = False, upstream: Tensor | None = None
) -> Result:
    """Reduced loss, and the gradient times ``upstream`` (1 if None), from one pass."""
    z, y, none = layout(student), None, given.reduction == "none"
    rows, folded = student.shape[:1] + student.shape[2:] if student.ndim > 1 else (), (z.shape[0], z.shape[2])
    labels = given.labels
    if labels is not None:
        y = array(labels if labels.dtype in (torch.int64, torch.int32) else labels.long()).reshape(folded)
    by, scale, row = 1.0, 1.0, None
    if given.reduction == "mean":
        by = float(z.shape[0] * z.shape[2] if y is None else (y != given.ignore_index).sum()) or math.nan
    if upstream is not None and none:
        row = upstream.detach().double().reshape(folded).numpy()
    elif upstream is not None:
        scale = float(upstream)
    each = torch.empty(folded, dtype=torch.float64) if value and none else None
    grad = empty_gradient(student) if slope else None
    total, wrong = cpu_distillation.distillation(
        z,
        layout(given.teacher),
        y,
        temperature=given.temperature,
        alpha=given.share,
        ignore_index=given.ignore_index,
        row=row,
        scale=scale,
        divisor=by,
        each=None if each is None else each.numpy(),
        grad=None if grad is None else layout(grad),
        bfloat16=student.dtype == torch.bfloat16,
    )
    if wrong >= 0 and labels is not None:
        _arguments.bad_label(labels, z.shape[1], wrong)
    if each is not None:
        return Result(each.float().reshape(rows), grad)
    loss = total / by
    return Result(torch.scalar_tensor(math.inf if loss > _MOST else loss) if value else None, grad)


class Distilled(torch.autograd.Function):
    """:class:`~xent.torch._fused.Fused` for distillation; ``given`` hides tensors: autograd counts arguments."""

    @staticmethod
    def forward(ctx: Any, student: Tensor, given: Given) -> Tensor:
        fuse = given.reduction != "none" and student.dtype != torch.float16
        loss, ctx.slope = compute(student, given, slope=fuse)
        ctx.given = given
        ctx.save_for_backward(student, given.teacher, given.labels)
        return loss  # pyright: ignore[reportReturnType] - asked for

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), slope = grads, ctx.slope
        if _fused.handed_on(slope, grad):
            ctx.slope = None
            return slope, None
        student, given = ctx.saved_tensors[0], ctx.given
        if torch.is_grad_enabled() or not direct(grad) or _fused.batched(grad):
            with torch.enable_grad():
                loss = given.plain(student)
            again = torch.is_grad_enabled()
            return _grad(loss, student, grad, create_graph=again, materialize_grads=True)[0], None
        if slope is None or float(grad) != 1.0:
            return compute(student, given, value=False, slope=True, upstream=grad).slope, None
        return slope.clone(), None


_apply = entry(Distilled)
