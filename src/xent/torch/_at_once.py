"""The loss of a batch of labels without options but class weights: what most calls are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, int64, is_grad_enabled
from torch.compiler import is_compiling

from xent.kernels import cpu
from xent.torch._arguments import Options
from xent.torch._fused import Family, handed_on, slope_of
from xent.torch._small import PLAIN_OPTIONS, WORDS, by_addresses, by_arrays
from xent.torch._tensors import PLAIN, entry, forward_mode, unseen

Given = tuple[Tensor, int, int, int, Family, Tensor | None, bool]  # all that AtOnce needs beside the logits


def mean(
    z: Tensor,
    target: Tensor,
    ignore_index: int,
    family: Family,
    weight: Tensor | None = None,
    divided: bool = True,
) -> Tensor | None:
    """Mean loss without options, if it is that of rows with labels and nobody is tracing; else None.

    It is what :func:`~xent.torch._fused.evaluate` gives, by fewer steps: at 32 × 10 each is a twentieth of a call,
    and in a process that has been busy with other things all of them took a twentieth of 200000 × 100.
    ``weight``: class weights. Not ``divided``: the sum.
    """
    if is_compiling() or type(z) not in PLAIN or type(target) not in PLAIN:
        return None
    shape = z.shape
    if len(shape) != 2 or target.dtype is not int64 or z.dtype not in WORDS or type(ignore_index) is not int:
        return None
    n, k = shape
    if target.shape != (n,) or not n * k or not (z.is_cpu and target.is_cpu):
        return None
    if not (z.is_contiguous() and target.is_contiguous()) or z.is_neg() or forward_mode() or not unseen():
        return None
    if weight is not None and not _usable(weight, z, k):
        return None
    if z.requires_grad and is_grad_enabled():
        return _apply(z, (target, n, k, ignore_index, family, weight, divided))
    found = _way(n, k)(z, target, n, k, ignore_index, divided, False, weight)
    return None if found is None else found[0]


def _way(n: int, k: int) -> Any:
    """Choose the kernel call for n rows of k classes."""
    return by_addresses if n * k <= cpu.PIECE else by_arrays


def _usable(weight: Tensor, z: Tensor, k: int) -> bool:
    """Say whether class weights are numbers that lie as the kernel reads them, and need no gradient."""
    if type(weight) not in PLAIN or weight.dtype is not z.dtype or not weight.is_cpu or weight.shape != (k,):
        return False
    if weight.is_neg() or not weight.is_contiguous() or not weight.data_ptr():
        return False
    return not (weight.requires_grad and is_grad_enabled())


class AtOnce(torch.autograd.Function):
    """:class:`~xent.torch._fused.Fused` for :func:`mean`. ``given`` hides its target: autograd counts arguments."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, given: Given) -> Tensor:
        target, n, k, ignore_index, family, weight, divided = given
        found = _way(n, k)(z, target, n, k, ignore_index, divided, True, weight)
        if found is None:
            found = family.kernel(z, target, weight, None, _options(ignore_index, divided), slope=True)
        loss, ctx.slope = found
        ctx.given = given
        ctx.save_for_backward(z, target, weight)
        return loss  # pyright: ignore[reportReturnType] - there is one, unless only the gradient is asked for

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), slope = grads, ctx.slope
        if handed_on(slope, grad):
            ctx.slope = None
            return slope, None
        *_, ignore_index, family, _weight, divided = ctx.given
        o = _options(ignore_index, divided)
        return slope_of(grad, slope, (*ctx.saved_tensors, None), family, o), None


def _options(ignore_index: int, divided: bool) -> Options:
    return PLAIN_OPTIONS["mean" if divided else "sum"]._replace(ignore_index=ignore_index)


_apply = entry(AtOnce)
