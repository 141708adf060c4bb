"""Distillation: what a student's logits lose against a teacher's, on any array."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from xent import _dispatch, _elements, _numpy, _validate, losses

Array = Any

__all__ = ["distillation_loss", "distillation_loss_with_grad"]


def distillation_loss(
    student_logits: Array,
    teacher_logits: Array,
    /,
    *,
    temperature: float = 2.0,
    target: Array | None = None,
    alpha: float | None = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Array:
    """Distillation loss of a student and a teacher in nats: τ² · KL(p ‖ q), p and q their softmax at temperature τ.

    With a ``target`` it is α times that plus 1 − α times the student's cross-entropy at temperature 1. The factor
    τ² keeps the soft part's gradient at one scale when τ changes. With r = log p − log q the divergence is
    Σ p · (r + exp(−r) − 1), every term ≥ 0, and r is measured so that what the two have in common is gone before
    anything is rounded: a student next to its teacher has a loss with all digits, and one that differs from it by
    a shift has exactly 0.

    Parameters
    ----------
    student_logits, teacher_logits : arrays (…, K, …) of floating numbers
        Of one shape; −∞ masks a class of a row.
    temperature : float, default 2
        In (0, 1e100]: beyond, the divergence of ordinary logits is below the smallest float.
    target : array, optional
        Labels or distributions as :func:`xent.cross_entropy` takes them.
    alpha : float, optional
        Share α in [0, 1] of the soft part; with a target 0.5 by default, without one it must be left out.
    axis : int, default −1
        Where the K ≥ 1 classes are.
    reduction : {"mean", "sum", "none"}
        One number, or one a row. The mean divides by the number of rows; of none it is NaN.

    Returns
    -------
    array
        A single number, or the rows' shape for ``reduction="none"``. float64 for float64 student logits, float32
        otherwise.

    Raises
    ------
    TypeError, ValueError
        Logits that are not floating, of two frameworks or of two shapes; an option outside its range; α without a
        target; a target that :func:`xent.cross_entropy` refuses.

    See Also
    --------
    distillation_loss_with_grad : the loss and its gradient from one evaluation.

    Notes
    -----
    A class that only the student masks costs ∞; one that only the teacher masks costs what the student gives it. A
    row of either with NaN, +∞ or nothing but −∞ is NaN.

    References
    ----------
    Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network", §2.

    Examples
    --------
    >>> import numpy as np, xent
    >>> teacher = np.array([[2.0, 1.0, 0.1]])
    >>> xent.distillation_loss(teacher + np.array([0.0, 0.0, 1e-9]), teacher)
    np.float64(7.818911006500869e-20)
    >>> xent.distillation_loss(np.array([[1.0, 1.0, 1.0]]), teacher, target=np.array([0]), alpha=0.9).round(12)
    np.float64(0.370387325191)
    """
    return _evaluate(student_logits, teacher_logits, target, False, temperature, alpha, axis, reduction)[0]


def distillation_loss_with_grad(
    student_logits: Array,
    teacher_logits: Array,
    /,
    *,
    temperature: float = 2.0,
    target: Array | None = None,
    alpha: float | None = None,
    axis: int = -1,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Distillation loss in nats and its derivative by the student's logits, τ (q − p) in the soft part.

    Arguments and errors as in :func:`distillation_loss`. q − p is computed with twice the digits, and as
    p · (exp(−r) − 1) where the two are close.

    Returns
    -------
    loss : array
        As :func:`distillation_loss` returns it.
    dlogits : array of the student's shape and type
        Of the reduced loss; for ``reduction="none"`` of its sum. NaN where the loss is NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> student, teacher = np.array([[1.0, 1.0, 1.0]]), np.array([[2.0, 1.0, 0.1]])
    >>> loss, dlogits = xent.distillation_loss_with_grad(student, teacher)
    >>> loss.round(4), dlogits.round(4)
    (np.float64(0.2895), array([[-0.3367,  0.0581,  0.2786]]))
    """
    return _evaluate(student_logits, teacher_logits, target, True, temperature, alpha, axis, reduction)


@np.errstate(all="ignore")  # ∞ and NaN are results here, documented, and not warnings
def _evaluate(
    student: Array,
    teacher: Array,
    target: Array | None,
    with_grad: bool,
    temperature: float,
    alpha: float | None,
    axis: int,
    reduction: str,
) -> tuple[Array, Array | None]:
    """Validate, compute each row, and reduce; the second value is None unless ``with_grad``."""
    tau = _validate.number(temperature, "temperature", low=0, high=1e100, open_low=True)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    if target is None and alpha is not None:
        raise ValueError(f"alpha shares the loss with a target's; without target= leave it out, got {alpha!r}")
    share = 1.0 if target is None else _validate.number(0.5 if alpha is None else alpha, "alpha", low=0, high=1)
    quick = _numpy.distillation(
        student, teacher, target, with_grad, temperature=tau, alpha=share, axis=axis, reduction=reduction
    )
    if quick is not None:
        return quick
    xp = _validate.namespace(student_logits=student, teacher_logits=teacher)
    _validate.floating(xp, student, "student_logits")
    _validate.floating(xp, teacher, "teacher_logits")
    if tuple(student.shape) != tuple(teacher.shape):
        raise ValueError(
            f"student_logits and teacher_logits must have one shape, got {tuple(student.shape)} and "
            f"{tuple(teacher.shape)}"
        )
    axis = _validate.axis_of(student, axis, "student_logits")
    u, v = xp.moveaxis(student, axis, 0), xp.moveaxis(teacher, axis, 0)
    compute = partial(_elements.distillation, xp, temperature=tau, with_grad=with_grad)
    loss, slope = _elements.in_blocks(xp, compute, u, v, lead=1)
    if target is not None:
        loss, slope = _mixed(xp, loss, slope, student, target, share, axis)
    by = None
    if reduction == "mean":
        by = _dispatch.implementation(xp).array_like(float(math.prod(loss.shape)), loss)
    return _elements.reduced(xp, loss, slope, None, by, student, reduction=reduction, axis=axis)


def _mixed(
    xp: Any, loss: Array, slope: Array | None, student: Array, target: Array, share: float, axis: int
) -> tuple[Array, Array | None]:
    """Mix the soft part with the cross-entropy of a target; a part whose share is 0 counts for nothing."""
    wide = _dispatch.implementation(xp).wide
    hard, push = losses.cross_entropy_with_grad(wide(xp, student), target, axis=axis, reduction="none")
    if share == 1:
        return loss, slope
    push = xp.moveaxis(push, axis, 0)
    if share == 0:
        return xp.reshape(hard, loss.shape), None if slope is None else push
    loss = share * loss + (1 - share) * hard
    return loss, None if slope is None else share * slope + (1 - share) * push
