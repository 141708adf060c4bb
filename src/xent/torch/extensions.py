"""Losses that torch.nn.functional has not, by its conventions: focal loss, distillation, entropy."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from xent import _validate
from xent.torch import _arguments, _distilled, _entropy, _fused, _plain, _tensors, functional, ops

__all__ = ["distillation_loss", "entropy", "focal_loss"]


def focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: Tensor | float | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Focal loss of logits and labels in nats: α (1 − p)^γ · (−log p), where p is the probability of the label.

    The target's shape says which: the input's own for yes or no (p = σ(±z)), the input's without its class
    dimension for one class of C (p = softmax). 1 − p is the sum of the other probabilities and no subtraction.

    Parameters
    ----------
    input : Tensor
        Logits: of any shape for yes or no, (C,), (N, C) or (N, C, d1, …) for classes.
    target : Tensor
        0 and 1 (bool, integer or floating), or class indices in [0, C).
    gamma : float, default 2
        γ ≥ 0; γ = 0 is cross-entropy.
    alpha : float or Tensor (C,), optional
        Yes or no: a number in [0, 1]; the factor is α for y = 1 and 1 − α for y = 0. Classes: a factor for each.
    ignore_index : int, default −100
        Rows of class indices with this label have loss 0 and gradient 0, and are not counted.
    reduction : {"mean", "sum", "none"}
        One number, or one a label. The mean divides by the number of labels, whatever α.

    Returns
    -------
    Tensor
        float64 for float64 logits, float32 otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`cross_entropy`; α of the wrong kind or outside its range; a yes-or-no target that is not 0 or 1.
    LabelError
        A label outside [0, C). Where it cannot be read, its row is NaN.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection", equation 5.

    Examples
    --------
    >>> import torch, xent.torch
    >>> xent.torch.focal_loss(torch.tensor([2.0, -1.0]), torch.tensor([1, 0]), alpha=0.25, reduction="none")
    tensor([0.0005, 0.0170])
    >>> xent.torch.focal_loss(torch.tensor([[2.0, 1.0, 0.1], [0.0, -4.0, -4.1]]), torch.tensor([2, 0]))
    tensor(0.9414)
    """
    _arguments.logits(input)
    if not isinstance(target, Tensor) or target.shape != input.shape:  # pyright: ignore
        o = _arguments.options(reduction, ignore_index, 0.0, 1.0, 0.0, None, gamma, _rows(reduction), "nan")
        _arguments.class_target(input, target)
        if alpha is not None:
            if not isinstance(alpha, Tensor):
                raise TypeError(f"alpha for classes must be a tensor with a factor for each, got {alpha!r}")
            _arguments.factor(alpha, "alpha", (input.shape[min(1, input.ndim - 1)],), input)
        return _fused.evaluate(ops.CROSS_ENTROPY, input, target, alpha, None, o)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    functional.binary_arguments(input, target, None, None)
    o = _arguments.BinaryOptions(reduction, _validate.number(gamma, "gamma", low=0, high=math.inf))
    wrong = (target != 0) & (target != 1)
    weight = None
    if not torch.compiler.is_compiling() and _tensors.direct(target):
        if bool(wrong.any()):
            first = target[wrong][0].item()
            raise ValueError(f"target must be 0 or 1, got {first:g}")
    else:
        weight = torch.where(wrong, math.nan, 1.0)
    if alpha is not None:
        share = _validate.number(float(alpha), "alpha", low=0, high=1)
        factor = torch.where(target == 1, share, 1.0 - share).to(_plain.wide(input).dtype)
        weight = factor if weight is None else weight * factor
    return _fused.evaluate(ops.BINARY, input, target.to(input.dtype), weight, None, o)


def _rows(reduction: str) -> str | None:
    return "rows" if reduction == "mean" else None


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float = 2.0,
    target: Tensor | None = None,
    alpha: float | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Distillation loss of a student and a teacher in nats: τ² · KL(p ‖ q), p and q their softmax at temperature τ.

    With a ``target`` it is α times that plus 1 − α times the student's cross-entropy at temperature 1. With
    r = log p − log q the divergence is Σ p · (r + exp(−r) − 1), every term ≥ 0, and r is taken so that what the two
    have in common is gone before anything is rounded.

    Parameters
    ----------
    student_logits, teacher_logits : Tensor (C,), (N, C) or (N, C, d1, …)
        Of one shape; −∞ masks a class of a row. Detach the teacher unless its gradient is wanted.
    temperature : float, default 2
        τ > 0.
    target : Tensor, optional
        Class indices or probabilities as :func:`cross_entropy` takes them.
    alpha : float, optional
        Share α in [0, 1] of the soft part; with a target 0.5 by default, without one it must be left out.
    ignore_index : int, default −100
        Rows with this label count in neither part.
    reduction : {"mean", "sum", "none"}
        One number, or one a row. The mean divides by the number of rows that count; of none it is NaN.

    Returns
    -------
    Tensor
        float64 for float64 student logits, float32 otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`cross_entropy`; two shapes; an option outside its range; α without a target.

    Notes
    -----
    A class that only the student masks costs ∞; one that only the teacher masks costs what the student gives it.
    Differentiable by both, any number of times.

    References
    ----------
    Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network", §2.

    Examples
    --------
    >>> import torch, xent.torch
    >>> teacher = torch.tensor([[2.0, 1.0, 0.1]], dtype=torch.float64)
    >>> student = teacher + torch.tensor([0.0, 0.0, 1e-9], dtype=torch.float64)
    >>> f"{xent.torch.distillation_loss(student, teacher):.8g}"
    '7.818911e-20'
    """
    tau = _validate.positive(temperature, "temperature")
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    if target is None and alpha is not None:
        raise ValueError(f"alpha shares the loss with a target's; without target= leave it out, got {alpha!r}")
    share = 1.0 if target is None else _validate.number(0.5 if alpha is None else alpha, "alpha", low=0, high=1)
    _arguments.logits(student_logits, "student_logits")
    _arguments.logits(teacher_logits, "teacher_logits")
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f"student_logits and teacher_logits must have one shape, got {tuple(student_logits.shape)} and "
            f"{tuple(teacher_logits.shape)}"
        )
    if student_logits.ndim == 0:
        raise ValueError("student_logits must be (C,), (N, C) or (N, C, d1, …), got a single number of shape ()")
    options: Any = tau, share, ignore_index, reduction
    if not _distilled.takes(student_logits, teacher_logits, target, tau):
        return _plainly(student_logits, teacher_logits, target, *options)
    return _by_kernels(student_logits, teacher_logits, target, *options)


def _by_kernels(
    student: Tensor, teacher: Tensor, target: Tensor | None, tau: float, share: float, ignore: int, reduction: str
) -> Tensor:
    """Give the loss from one kernel; from two where the target is a distribution, or its share is all."""
    soft = target is not None and _arguments.class_target(student, target)
    ignore = _validate.integer(ignore, "ignore_index")
    hard = None
    if target is not None and (share == 0 or (soft and share < 1)):
        hard = functional.cross_entropy(student, target, ignore_index=ignore, reduction=reduction)
        if share == 0:
            return hard
    alpha, labels = (1.0, None) if soft else (share, target)
    plain = partial(
        _plainly, teacher=teacher, target=labels, tau=tau, share=alpha, ignore_index=ignore, reduction=reduction
    )
    kl = _distilled.evaluate(student, _distilled.Given(teacher, labels, tau, alpha, ignore, reduction, plain))
    return kl if hard is None else share * kl + (1 - share) * hard


def _plainly(
    student: Tensor,
    teacher: Tensor,
    target: Tensor | None,
    tau: float,
    share: float,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """Distillation loss of checked arguments in plain operations, and of its label by its own kernel."""
    dim, hard = min(1, student.ndim - 1), None
    if target is not None:
        hard = functional.cross_entropy(student, target, ignore_index=ignore_index, reduction="none")
    soft = tau**2 * _divergence(student, teacher, dim, tau)
    loss = soft if hard is None or share == 1 else hard if share == 0 else share * soft + (1 - share) * hard
    if target is not None and target.shape != student.shape:
        valid = target != ignore_index
        loss = torch.where(valid, loss, 0.0)
        if reduction == "mean":
            return loss.sum() / valid.sum()
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def _divergence(student: Tensor, teacher: Tensor, dim: int, tau: float) -> Tensor:
    """KL of two softmaxes along ``dim``, from the differences of their logits."""
    u, v = _plain.wide(student), _plain.wide(teacher)
    kind, common = u.dtype, torch.promote_types(u.dtype, v.dtype)
    u, v = u.to(common), v.to(common)
    s, t = _plain.measure(u, dim, tau), _plain.measure(v, dim, tau)
    index = t.top.to(torch.int8).argmax(dim, keepdim=True)
    both, either = s.masked & t.masked, s.masked | t.masked
    x = (torch.where(either, 0.0, v) - torch.where(either, 0.0, u)) / tau  # exact where the two are close
    d = x - x.gather(dim, index)  # log p − log q but for a constant of the row
    p = torch.where(t.top, 1.0, t.power) / (1 + t.tail)
    q = torch.where(s.top, 1.0, s.power) / (1 + s.tail)
    mean = (p * d).sum(dim, keepdim=True)
    d = d - mean
    far = (either & ~both).any(dim, keepdim=True) | (torch.abs(d) > 20).any(dim, keepdim=True)
    near = torch.log1p((p * _bent(torch.where(far, 0.0, d))).sum(dim, keepdim=True))
    r = x + ((s.peak + torch.log1p(s.tail)) - (t.peak + torch.log1p(t.tail)))
    beyond = torch.where(t.masked, q, p * _bent(torch.where(torch.abs(r) < 1, r, 0.0)))
    wide = q + p * (r - 1)
    beyond = torch.where((torch.abs(r) < 1) | t.masked, beyond, wide)
    beyond = torch.where(both, 0.0, beyond)
    beyond = torch.where(s.masked & ~t.masked & (p > 0), math.inf, beyond)
    loss = torch.where(far, beyond.sum(dim, keepdim=True), near)
    void = s.void | t.void
    return torch.where(void, s.peak + t.peak, loss).squeeze(dim).to(kind)


def _bent(d: Tensor) -> Tensor:
    """D + exp(−d) − 1, from its power series near 0, where the sum would cancel."""
    small = torch.abs(d) < 1
    y = torch.where(small, d, 0.0)
    series = torch.zeros_like(y)
    for k in range(16, 1, -1):  # 1/2 − y/6 + y²/24 − …
        series = 1.0 / math.factorial(k) - y * series
    return torch.where(small, y * y * series, d + torch.expm1(-torch.where(small, 0.0, d)))


def entropy(logits: Tensor, dim: int = -1, temperature: float = 1.0) -> Tensor:
    """Entropy of softmax(logits / τ) along a dimension in nats: log1p(tail) + Σ_j p_j · gap_j, every term ≥ 0.

    Parameters
    ----------
    logits : Tensor
        −∞ masks a class.
    dim : int, default −1
        Where the classes are.
    temperature : float, default 1
        τ > 0.

    Returns
    -------
    Tensor
        The logits' shape without ``dim``; float64 for float64 logits, float32 otherwise. Differentiable any number
        of times.

    Raises
    ------
    TypeError
        Not a tensor of floating numbers.
    ValueError
        A dimension that does not exist or is empty, a temperature that is not > 0.

    Notes
    -----
    A row with a NaN or +∞ logit, or with nothing but −∞, is NaN.

    Examples
    --------
    >>> import torch, xent.torch
    >>> xent.torch.entropy(torch.tensor([[0.0, 0.0], [40.0, 0.0]], dtype=torch.float64))
    tensor([6.9315e-01, 1.7418e-16], dtype=torch.float64)
    """
    _arguments.logits(logits, "logits")
    if not -logits.ndim <= dim < logits.ndim or logits.shape[dim] == 0:
        raise ValueError(
            f"dim must be a dimension of logits with at least one class, got {dim} for {tuple(logits.shape)}"
        )
    tau = _validate.positive(temperature, "temperature")
    found = _entropy.entropy(logits, dim % logits.ndim, tau)
    if found is not None:
        return found
    r = _plain.measure(_plain.wide(logits), dim % logits.ndim, tau)
    gap = torch.where(r.masked, 0.0, r.gap)
    loss = torch.log1p(r.tail) + (r.power * gap).sum(dim, keepdim=True) / (1 + r.tail)
    return torch.where(r.void, r.peak, loss).squeeze(dim)
