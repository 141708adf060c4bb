"""The element-wise losses on NumPy arrays: what ``_numpy`` is for rows of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent import _validate
from xent._numpy import KINDS, number
from xent.kernels import memory

Array = Any


def binary(
    logits: Array,
    target: Array,
    with_grad: bool,
    *,
    pos_weight: Array | float | None = None,
    weight: Array | float | None = None,
    sides: tuple[float, float] = (1.0, 1.0),
    label_smoothing: float = 0.0,
    gamma: float = 0.0,
    sharp: bool = False,
    reduction: str,
    denominator: float | str | None = None,
) -> tuple[Array, Array | None] | None:
    """Give loss and gradient as :func:`xent.binary_cross_entropy_with_grad` does, from one pass over the logits.

    With ``sharp``, which says that only 0 and 1 are targets, and ``gamma`` it is :func:`xent.focal_loss_with_grad`;
    ``sides`` are the factors of its labels 1 and 0.
    """
    if type(logits) is not np.ndarray or type(target) is not np.ndarray or logits.dtype not in KINDS:
        return None
    shape = logits.shape
    if target.shape != shape or target.dtype.kind not in "biuf" or target.dtype.itemsize > 8:
        return None
    if not (_fits(pos_weight, shape) and _fits(weight, shape)):
        return None
    from xent.kernels import elements

    factor, pos = _factor(weight, shape), _factor(pos_weight, shape)
    if isinstance(factor, float):
        sides, factor = (factor * sides[0], factor * sides[1]), None
    by = 1.0
    if reduction == "mean":
        if isinstance(denominator, (int, float)):
            by = float(denominator)
        elif denominator == "weights" and not (factor is None and pos is None):
            by = sides[1] * elements.mass(target, weight=factor, pos_weight=pos)
        elif denominator == "weights":
            by = sides[1] * logits.size
        else:
            by = float(logits.size)
        if by == 0:  # rare, and not worth a line here: see on_empty=
            return None
    kind = np.float64 if logits.dtype == np.float64 else np.float32
    each = np.empty(shape, kind) if reduction == "none" else None
    dlogits = memory.empty(shape, logits.dtype) if with_grad else None
    sharp = sharp or target.dtype.kind != "f"
    loss, wrong = elements.binary(
        logits,
        target,
        weight=factor,
        pos_weight=pos,
        sides=sides,
        label_smoothing=label_smoothing,
        gamma=gamma,
        sharp=sharp,
        divisor=by,
        each=each,
        grad=dlogits,
    )
    if wrong >= 0:
        _validate.binary_target(np, target, logits, soft=not sharp)
        return None  # a bool that is neither 0 nor 1 in memory
    return (number(kind, loss / by) if each is None else each[()]), dlogits


def sigmoid(x: Array, *, logs: bool) -> Array | None:
    """Give :func:`xent.sigmoid`, or :func:`xent.log_sigmoid` if ``logs``."""
    if type(x) is not np.ndarray or x.dtype not in KINDS:
        return None
    from xent.kernels import elements

    return elements.sigmoid(x, logs=logs)[()]


def _fits(factor: Array | float | None, shape: tuple[int, ...]) -> bool:
    """Say whether a factor is absent, or made of numbers that are finite and ≥ 0, and broadcasts to the shape."""
    if factor is None:
        return True
    if isinstance(factor, (int, float)):
        return 0 <= factor < math.inf
    if type(factor) is not np.ndarray or factor.dtype.kind not in "fiu" or factor.itemsize > 8 or not factor.size:
        return False
    if factor.ndim > len(shape) or any(
        n not in (1, m) for n, m in zip(factor.shape[::-1], shape[::-1], strict=False)
    ):
        return False
    return bool(factor.min() >= 0 and factor.max() < math.inf)


def _factor(factor: Array | float | None, shape: tuple[int, ...]) -> Array | float | None:
    """Give one number for each element, as a number or as an array of a type that the kernels read."""
    if factor is None or isinstance(factor, (int, float)):
        return factor if factor is None else float(factor)
    return np.broadcast_to(factor if factor.dtype in KINDS[:2] else factor.astype(np.float64), shape)
