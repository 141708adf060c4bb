"""torch.nn.functional's losses of log-probabilities: nll_loss and kl_div, with 0 · ∞ = 0."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_variadic

from xent import _validate
from xent.torch import _arguments, _divergence, _tensors
from xent.torch._plain import wide

__all__ = ["kl_div", "nll_loss"]

_torch: Any = torch
_nll_loss: Any = torch._C._nn.nll_loss_nd  # pyright: ignore - torch.nn.functional.nll_loss is little more
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood in nats, −weight[y] · input[y], as torch.nn.functional.nll_loss has it.

    For those who have log-probabilities and nothing else; from logits :func:`cross_entropy` keeps more digits.

    Parameters
    ----------
    input : Tensor (C,), (N, C) or (N, C, d1, …)
        Log-probabilities.
    target : Tensor of integers
        Labels in [0, C), of the input's shape without its class dimension.
    weight : Tensor (C,), optional
        Class weights.
    size_average, reduce : bool, optional
        torch's old names; where given, they choose the reduction.
    ignore_index : int, default −100
        Rows with this label have loss 0 and gradient 0, and are not counted.
    reduction : {"mean", "sum", "none"}
        One number, or one a row. The mean divides by Σ weight[y]; over nothing it is NaN.

    Returns
    -------
    Tensor
        float64 for float64 input, float32 otherwise.

    Raises
    ------
    TypeError
        Not tensors, input that is not floating, labels that are not integers.
    ValueError
        A shape that does not fit, an unknown reduction.
    LabelError
        A label outside [0, C). Where it cannot be read, its row is NaN.

    Notes
    -----
    Unlike torch: a class of weight 0 costs 0 even at −∞; class weights may require a gradient; half precision gives
    a float32 loss.

    Examples
    --------
    >>> import torch, xent.torch
    >>> xent.torch.nll_loss(torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log(), torch.tensor([1, 0]))
    tensor(0.4904)
    """
    if has_torch_function_variadic(input, target, weight):
        return handle_torch_function(
            nll_loss,
            (input, target, weight),
            input,
            target,
            weight=weight,
            size_average=size_average,
            ignore_index=ignore_index,
            reduce=reduce,
            reduction=reduction,
        )
    reduction = _arguments.reduction_of(reduction, size_average, reduce)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    direct = not torch.compiler.is_compiling() and _tensors.direct(input, target, weight)
    if not (direct and _usual(input, target)) and _arguments.class_target(input, target):
        raise TypeError(f"target must hold class indices, got {target.dtype} of the input's shape")
    _validate.integer(ignore_index, "ignore_index")
    dim = min(1, input.ndim - 1)
    classes = input.shape[dim]
    if weight is not None:
        _arguments.factor(weight, "weight", (classes,), input)
    if direct and input.numel():
        loss = _torchs(wide(input), target, weight, reduction, ignore_index)
        if loss is not None:
            return loss
    labels = target.long()
    valid = labels != ignore_index
    faulty = valid & ((labels < 0) | (labels >= classes))
    if not torch.compiler.is_compiling() and _tensors.direct(input, target) and bool(faulty.any()):
        _arguments.bad_label(target, classes, int(faulty.reshape(-1).int().argmax()))
    live = torch.where(valid & ~faulty, labels, 0)
    x = wide(input)
    factor = torch.ones_like(live, dtype=x.dtype) if weight is None else weight.to(x.dtype)[live]
    factor = torch.where(valid, torch.where(faulty, math.nan, factor), 0.0)
    cost = -x.gather(dim, live.unsqueeze(dim)).squeeze(dim)
    loss = factor * torch.where(factor == 0, 0.0, cost)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / factor.sum()


def _usual(input: Tensor, target: Tensor) -> bool:
    """Say whether these are (N, C) and (N,) of the usual types, which need no further look."""
    if input is None or target is None:  # pyright: ignore[reportUnnecessaryComparison]
        return False
    shape, given = input.shape, target.shape
    if len(shape) != 2 or len(given) != 1 or shape[0] != given[0] or not shape[1]:
        return False
    return target.dtype is torch.int64 and (input.dtype is torch.float32 or input.dtype is torch.float64)


def _torchs(x: Tensor, target: Tensor, weight: Tensor | None, reduction: str, ignore_index: int) -> Tensor | None:
    """Give torch's own loss where it is the same; None where it is not, or where a label is no class."""
    if weight is not None and (
        weight.dtype != x.dtype or weight.requires_grad or _tensors.forward_mode() or not weight.min().item() > 0
    ):
        return None
    labels = target if target.dtype is torch.int64 else target.long()
    try:
        return _nll_loss(x, labels, weight, _REDUCTIONS[reduction], ignore_index)
    except IndexError:  # the sentence is ours
        return None


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence in nats, target · (log target − input), as torch.nn.functional.kl_div has it.

    Parameters
    ----------
    input : Tensor
        Log-probabilities.
    target : Tensor that broadcasts with it
        Probabilities; or their logarithms with ``log_target``.
    size_average, reduce : bool, optional
        torch's old names; where given, they choose the reduction.
    reduction : {"mean", "batchmean", "sum", "none"}
        As in torch, ``"mean"`` divides by the number of elements, which is no divergence; ``"batchmean"``, which
        is, divides by the size of the first dimension.
    log_target : bool, default False
        Whether ``target`` is given as logarithms.

    Returns
    -------
    Tensor
        float64 for float64 input, float32 otherwise.

    Raises
    ------
    TypeError
        Not tensors, or not floating.
    ValueError
        Shapes that do not broadcast, an unknown reduction.

    Notes
    -----
    Unlike torch: a probability of 0 costs 0 whatever the input, where torch has NaN for an input of −∞ and for a
    logarithm of −∞; and its difference of two logarithms is taken before the product, so that what both have in
    common is gone before anything is rounded. There is no warning about ``"mean"``. At a probability of 0 the
    derivative by the target is 0.

    Examples
    --------
    >>> import math, torch, xent.torch
    >>> q = torch.tensor([[0.5, 0.5, 0.0]])
    >>> xent.torch.kl_div(torch.tensor([[0.25, 0.75, 0.0]]).log(), q, reduction="batchmean")
    tensor(0.1438)
    """
    if has_torch_function_variadic(input, target):
        return handle_torch_function(
            kl_div,
            (input, target),
            input,
            target,
            size_average=size_average,
            reduce=reduce,
            reduction=reduction,
            log_target=log_target,
        )
    reduction = _arguments.reduction_of(reduction, size_average, reduce)
    _validate.option(reduction, "reduction", ("mean", "batchmean", "sum", "none"))
    _arguments.logits(input)
    _arguments.logits(target, "target")
    divisor = 1.0
    if reduction == "mean" or (reduction == "batchmean" and input.ndim):
        divisor = float(input.numel() if reduction == "mean" else input.shape[0])
    loss = _divergence.kl_div(input, target, log_target, reduction == "none", divisor)
    if loss is not None:
        return loss
    x, t = wide(input), wide(target)
    try:
        shape = _torch.broadcast_shapes(input.shape, target.shape)
    except RuntimeError:
        raise ValueError(
            f"target must broadcast with input of shape {tuple(input.shape)}, got {tuple(target.shape)}"
        ) from None
    x, t = x.expand(shape), t.expand(shape)
    nothing = t == (-math.inf if log_target else 0)
    if log_target:
        safe = torch.where(nothing, 0.0, t)
        loss = torch.where(nothing, 0.0, torch.exp(safe) * (safe - torch.where(nothing, 0.0, x)))
    else:
        safe = torch.where(nothing, 1.0, t)
        loss = torch.where(nothing, 0.0, safe * (torch.log(safe) - torch.where(nothing, 0.0, x)))
    if reduction == "none":
        return loss
    if reduction == "mean":
        return loss.mean()
    return loss.sum() / input.shape[0] if reduction == "batchmean" and input.ndim else loss.sum()
