"""The family on NumPy arrays: which of them the compiled kernels take, and what becomes of their answers.

A function here answers None where the arrays are not what kernels take. The generic path then computes, or says
what is wrong: every sentence about arguments is in ``_validate``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent import _validate
from xent.kernels import memory

Array = Any

_MOST = float(np.finfo(np.float32).max)
_ORDINARY: dict[str, Any] = {
    "weight": None, "sample_weight": None, "label_smoothing": 0.0, "ignore_index": None, "temperature": 1.0,
    "z_loss": 0.0, "softcap": None, "denominator": None, "on_empty": "nan",
}  # fmt: skip
KINDS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.float16))


def cross_entropy(
    logits: Array,
    target: Array,
    with_grad: bool,
    *,
    axis: int,
    weight: Array | None,
    sample_weight: Array | None,
    label_smoothing: float,
    ignore_index: int | None,
    temperature: float,
    z_loss: float,
    softcap: float | None,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,  # noqa: ARG001 - the generic path sees to it
) -> tuple[Array, Array | None] | None:
    """Give loss and gradient as :func:`xent.cross_entropy_with_grad` does, from one pass over the logits."""
    if type(logits) is not np.ndarray or type(target) is not np.ndarray or logits.dtype not in KINDS:
        return None
    if not logits.ndim or type(axis) is not int or not -logits.ndim <= axis < logits.ndim:
        return None
    shape, axis = logits.shape, axis % logits.ndim
    rows, classes = shape[:axis] + shape[axis + 1 :], shape[axis]
    soft = target.shape == shape
    if soft and (target.dtype not in KINDS or ignore_index is not None):
        return None
    if not soft and (target.shape != rows or target.dtype.kind not in "iu"):
        return None
    if not classes or not target.size or not _proper(weight, (classes,)) or not _proper(sample_weight, rows):
        return None
    if not (ignore_index is None or type(ignore_index) is int):
        return None
    if not 1e-30 < temperature < 1e30 or not (softcap is None or 1e-30 < softcap < 1e30):
        return None  # what is beyond overflows in a kernel
    from xent.kernels import cpu, cpu_soft

    if (
        not soft and label_smoothing <= cpu.SLIGHT and softcap is None and weight is None and sample_weight is None
        and axis == 1 and len(shape) == 2 and z_loss == 0
        and temperature == 1 and denominator is None and reduction != "none" and logits.size <= cpu.PIECE
        and target.dtype.char in "lqi" and logits.dtype != KINDS[2] and logits.flags.carray and target.flags.carray
    ):  # fmt: skip
        return _small(cpu.small, logits, target, with_grad, label_smoothing, ignore_index, reduction == "mean")
    folded = (math.prod(shape[:axis]), classes, math.prod(shape[axis + 1 :]))
    laid = (folded[0], folded[2])
    z, y = logits.reshape(folded), target.reshape(folded if soft else laid)
    w = None if weight is None else weight.astype(np.float64, copy=False)
    row = None if sample_weight is None else sample_weight.astype(np.float64, copy=False).reshape(laid)
    by = 1.0
    if reduction == "mean":
        if isinstance(denominator, (int, float)):
            by = float(denominator)
        elif weight is None and sample_weight is None and ignore_index is None:
            by = float(laid[0] * laid[1])
        elif denominator == "rows":
            by = cpu_soft.mass(y, classes=classes, ignore_index=ignore_index)
        else:
            by = cpu_soft.mass(y, classes=classes, weight=w, row=row, ignore_index=ignore_index)
        if by == 0:  # rare, and not worth a line here: see on_empty=
            return None
    each = np.empty(laid) if reduction == "none" else None
    dlogits = memory.empty(shape, logits.dtype) if with_grad else None
    loss, wrong, odd = cpu_soft.cross_entropy(
        z,
        y,
        weight=w,
        row=row,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        temperature=temperature,
        softcap=softcap,
        z_loss=z_loss,
        strict=True,
        divisor=by,
        each=each,
        grad=None if dlogits is None else dlogits.reshape(folded),
    )
    if wrong >= 0:
        _validate.indices(np, target, classes, ignore_index, ignorable=True)
    if odd >= 0:
        _validate.distribution(np, np.moveaxis(target, axis, 0))
    kind = np.float64 if logits.dtype == np.float64 else np.float32
    if each is not None:
        return narrowed(each, kind).reshape(rows)[()], dlogits
    return number(kind, loss / by), dlogits


def row_statistics(
    logits: Array, target: Array, *, axis: int, temperature: float, ignore_index: int | None
) -> tuple[Array, ...] | None:
    """Give the five arrays of :func:`xent.row_statistics`, from one reading of the logits."""
    if type(logits) is not np.ndarray or type(target) is not np.ndarray or logits.dtype not in KINDS:
        return None
    if target.dtype.kind not in "iu" or not logits.ndim or type(axis) is not int:
        return None
    if not -logits.ndim <= axis < logits.ndim or not (ignore_index is None or type(ignore_index) is int):
        return None
    shape, axis = logits.shape, axis % logits.ndim
    rows, classes = shape[:axis] + shape[axis + 1 :], shape[axis]
    if target.shape != rows or not classes or not target.size:
        return None
    from xent.kernels import cpu_statistics

    folded = (math.prod(shape[:axis]), classes, math.prod(shape[axis + 1 :]))
    *found, wrong = cpu_statistics.row_statistics(
        logits.reshape(folded),
        target.reshape(folded[0], folded[2]),
        temperature=temperature,
        ignore_index=ignore_index,
    )
    if wrong >= 0:
        _validate.indices(np, target, classes, ignore_index, ignorable=True)
    kind = np.float64 if logits.dtype == np.float64 else np.float32
    return tuple((narrowed(a, kind) if a.dtype == np.float64 else a).reshape(rows)[()] for a in found)


def _small(
    compute: Any,
    logits: Array,
    target: Array,
    with_grad: bool,
    label_smoothing: float,
    ignore_index: int | None,
    mean: bool,
) -> tuple[Array, Array | None] | None:
    """Give them for what most calls are: see :func:`xent.kernels.cpu.small`."""
    dlogits = memory.empty(logits.shape, logits.dtype) if with_grad else None
    options = {"label_smoothing": label_smoothing, "ignore_index": ignore_index, "mean": mean}
    total, by, wrong = compute(logits, target, grad=dlogits, **options)
    if wrong >= 0:
        _validate.indices(np, target, logits.shape[1], ignore_index, ignorable=True)
    return (number(logits.dtype.type, total / by), dlogits) if by else None


def focal(
    logits: Array,
    labels: Array,
    with_grad: bool,
    *,
    gamma: float,
    alpha: Array | None,
    axis: int,
    reduction: str,
) -> tuple[Array, Array | None] | None:
    """Give focal loss of class labels and its gradient as :func:`xent.focal_loss_with_grad` does with ``axis``."""
    where = _rows_of(logits, axis)
    if where is None or type(labels) is not np.ndarray or labels.dtype.kind not in "iu" or not labels.size:
        return None
    rows, (outer, classes, inner) = where
    if not gamma or labels.shape != rows or not _proper(alpha, (classes,)):
        return None
    from xent.kernels import cpu_focal

    factor = None
    if alpha is not None:  # a label that is no class takes any factor: the kernel says so
        factor = alpha.astype(np.float64, copy=False).take(labels, mode="clip").reshape(outer, inner)
    by = float(labels.size) if reduction == "mean" else 1.0
    each = np.empty((outer, inner)) if reduction == "none" else None
    dlogits = memory.empty(logits.shape, logits.dtype) if with_grad else None
    loss, wrong = cpu_focal.focal(
        logits.reshape(outer, classes, inner),
        labels.reshape(outer, inner),
        gamma=gamma,
        row=factor,
        divisor=by,
        each=each,
        grad=None if dlogits is None else dlogits.reshape(outer, classes, inner),
    )
    if wrong >= 0:
        _validate.indices(np, labels, classes, None)
    kind = np.float64 if logits.dtype == np.float64 else np.float32
    if each is not None:
        return narrowed(each, kind).reshape(rows)[()], dlogits
    return number(kind, loss / by), dlogits


def distillation(
    student: Array,
    teacher: Array,
    target: Array | None,
    with_grad: bool,
    *,
    temperature: float,
    alpha: float,
    axis: int,
    reduction: str,
) -> tuple[Array, Array | None] | None:
    """Give loss and gradient as :func:`xent.distillation_loss_with_grad` does, for float32 and float16."""
    where = _rows_of(student, axis)
    if where is None or type(teacher) is not np.ndarray or teacher.shape != student.shape or not student.size:
        return None
    (rows, folded), kind = where, student.dtype
    if kind == np.float64 or teacher.dtype != kind or not 1e-30 < temperature < 1e30:
        return None
    laid, labels, classes = (folded[0], folded[2]), None, folded[1]
    if target is not None:
        if type(target) is not np.ndarray or target.dtype.kind not in "iu" or target.shape != rows:
            return None
        if not 0 <= target.min() <= target.max() < classes:
            return None
        labels = target.reshape(laid) if alpha < 1 else None
        if alpha == 0:
            return cross_entropy(student, target, with_grad, axis=axis, reduction=reduction, **_ORDINARY)
    from xent.kernels import cpu_distillation

    by = float(math.prod(rows)) if reduction == "mean" else 1.0
    each = np.empty(laid) if reduction == "none" else None
    dlogits = memory.empty(student.shape, kind) if with_grad else None
    loss, _ = cpu_distillation.distillation(
        student.reshape(folded),
        teacher.reshape(folded),
        labels,
        temperature=temperature,
        alpha=1.0 if labels is None else alpha,
        divisor=by,
        each=each,
        grad=None if dlogits is None else dlogits.reshape(folded),
    )
    if each is not None:
        return narrowed(each, np.float32).reshape(rows)[()], dlogits
    return number(np.float32, loss / by), dlogits


def softmax(logits: Array, *, axis: int, temperature: float, logs: bool) -> Array | None:
    """Give :func:`xent.softmax`, or :func:`xent.log_softmax` if ``logs``."""
    if type(temperature) not in (int, float) or not 1e-30 < temperature < 1e30:
        return None  # what is beyond overflows in float32
    from xent.kernels import cpu_softmax

    if _short(logits, axis, cpu_softmax.PIECE):
        return cpu_softmax.small(logits, temperature=temperature, logs=logs)
    where = _rows_of(logits, axis)
    if where is None:
        return None
    compute = cpu_softmax.log_softmax if logs else cpu_softmax.softmax
    return compute(logits.reshape(where[1]), temperature=temperature).reshape(logits.shape)


def logsumexp(x: Array, *, axis: int) -> Array | None:
    """Give :func:`xent.logsumexp`."""
    from xent.kernels import cpu_softmax

    if _short(x, axis, cpu_softmax.PIECE):
        lse = cpu_softmax.small_logsumexp(x)
        lse = lse if x.dtype == np.float64 else narrowed(lse, x.dtype)
        return lse if x.ndim == 2 else lse.reshape(x.shape[:-1])[()]
    where = _rows_of(x, axis)
    if where is None:
        return None
    return narrowed(cpu_softmax.logsumexp(x.reshape(where[1])), x.dtype).reshape(where[0])[()]


def smooth_labels(labels: Array, epsilon: float, num_classes: int | None, *, others: bool) -> Array | None:
    """Give :func:`xent.smooth_labels`, with the convention "others" or without."""
    if type(labels) is not np.ndarray or not labels.size:
        return None
    from xent.kernels import cpu_targets

    shape = labels.shape
    if labels.dtype in KINDS:
        if not shape or num_classes not in (None, shape[-1]):
            return None
        soft = cpu_targets.smoothed(labels.reshape(-1, shape[-1]), epsilon=epsilon, others=others)
        return None if soft is None else soft.reshape(shape)
    if labels.dtype.kind not in "iu" or type(num_classes) is not int or num_classes < 1:
        return None
    hard = cpu_targets.spread(labels.reshape(-1), num_classes, epsilon=epsilon, others=others)
    return None if hard is None else hard.reshape(*shape, num_classes)


def squares(a: Array) -> tuple[float, int] | None:
    """Give s and k with Σ a² = s · 4^k; None where a number is not finite, or squares may leave their range."""
    if not _whole(a):
        return None
    from xent.kernels import cpu_norms

    total, wide = cpu_norms.squares(a), a.dtype == np.float64
    if total == 0 and not (wide and a.any()):
        return 0.0, -1022
    if not (1e-280 if wide else 0.0) < total < math.inf:
        return None
    k = min(math.frexp(total)[1] // 2, 1022 if wide else 126)  # see the generic path
    return math.ldexp(total, -2 * k), k


def scaled(a: Array, factor: tuple[float, float]) -> Array | None:
    """Give an array times a number that two floats add up to, in new memory."""
    if not _whole(a):
        return None
    from xent.kernels import cpu_norms

    return cpu_norms.scaled(a, *factor)


def _whole(a: Array) -> bool:
    """Say whether an array is one that the kernels read in a row."""
    return type(a) is np.ndarray and a.dtype in KINDS and a.flags.forc and a.flags.aligned and a.size > 0


def _short(x: Array, axis: int, most: int) -> bool:
    """Say whether an array has rows that lie one after the other, and not more than ``most`` numbers."""
    return (
        type(x) is np.ndarray and 0 < x.size <= most and type(axis) is int and (axis == -1 or axis == x.ndim - 1)
        and x.ndim > 0 and x.dtype in KINDS[:2] and x.flags.carray
    )  # fmt: skip


def _rows_of(logits: Array, axis: int) -> tuple[tuple[int, ...], tuple[int, int, int]] | None:
    """Give the shape of the rows, and (A, K, B), of logits that the kernels take."""
    if type(logits) is not np.ndarray or logits.dtype not in KINDS or type(axis) is not int:
        return None
    shape, ndim = logits.shape, logits.ndim
    if not -ndim <= axis < ndim or not shape[axis]:
        return None
    axis %= ndim
    before, after = shape[:axis], shape[axis + 1 :]
    return before + after, (math.prod(before), shape[axis], math.prod(after))


def number(kind: Any, x: float) -> Any:
    """Give a number its type; NumPy would warn of what is ∞ there."""
    return kind(math.copysign(math.inf, x) if kind is np.float32 and abs(x) > _MOST else x)


def narrowed(a: Array, kind: Any) -> Array:
    """Give an array its type, likewise."""
    with np.errstate(all="ignore"):
        return a.astype(kind)


def _proper(weight: Array | None, shape: tuple[int, ...]) -> bool:
    """Say whether weights are absent, or numbers of a shape that are finite and ≥ 0."""
    if weight is None:
        return True
    if type(weight) is not np.ndarray or weight.shape != shape or weight.dtype.kind not in "fiu" or not weight.size:
        return False
    return bool(weight.min() >= 0 and weight.max() < math.inf)
