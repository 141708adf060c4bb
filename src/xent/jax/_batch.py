"""Cross-entropy of a batch on a CPU: see :mod:`xent.jax._whole`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from xent.jax import _foreign
from xent.jax._kernels import folded, given_or_none, in_float64, spread
from xent.kernels import cpu_soft

Array = Any


class Options(NamedTuple):
    """Those of :func:`xent.cross_entropy`; ``on_empty`` is "nan" or "zero"."""

    ignore_index: int | None
    label_smoothing: float
    temperature: float
    z_loss: float
    softcap: float | None
    reduction: str
    denominator: float | str | None
    on_empty: str
    tolerance: float  # of a distribution's sum


def tolerance(target: Array) -> float:
    """Give how far from 1 a distribution may sum, as :func:`xent._validate.distribution` has it."""
    return 5e-3 if target.dtype.itemsize < 4 else 1e-3


def dead(o: Options, _z: Array, target: Array, _weight: Array | None, sample_weight: Array | None) -> Array | None:
    """Say which rows count for nothing."""
    ignored = None if o.ignore_index is None else target == o.ignore_index
    if sample_weight is None:
        return ignored
    return sample_weight == 0 if ignored is None else ignored | (sample_weight == 0)


@_foreign.foreign
def cross_entropy_of(*arrays: Array, there: list[bool], **options: Any) -> None:
    """Fill in the loss, and the derivative if it is asked for: z (…, K), target, class weights, sample weights.

    Axes of ``vmap`` are in front of all, of length 1 where an argument is not mapped over.
    """
    z, target, weight, sample_weight, loss, slope = given_or_none(arrays, there)
    o, classes, soft = Options(**options), z.shape[-1], target.dtype.kind == "f"
    front: tuple[int, ...] = loss.shape
    if o.reduction == "none":
        front = () if weight is None or weight.size == classes else front[: weight.ndim - 1]
        rows = loss.shape
    else:
        others = () if sample_weight is None else (sample_weight.shape,)
        rows = np.broadcast_shapes(z.shape[:-1], target.shape[:-1] if soft else target.shape, *others)
        rows = (*front, *rows[len(front) :])
    if weight is not None:
        weight = spread(weight, (*front, classes)) if front else weight.reshape(-1)
    z, target = spread(z, (*rows, classes)), spread(target, (*rows, classes) if soft else rows)
    sample_weight = None if sample_weight is None else spread(sample_weight, rows)
    for at in np.ndindex(front):
        here = (*at, ...)  # a view, where without the dots there might be a number
        w, sample, to = (None if a is None else a[here] for a in (weight, sample_weight, slope))
        total = _batch(o, z[here], target[here], w, sample, to, loss[here] if o.reduction == "none" else None)
        if o.reduction != "none":
            loss[at] = total


def _batch(
    o: Options,
    z: Array,
    target: Array,
    weight: Array | None,
    factor: Array | None,
    slope: Array | None,
    each: Array | None,
) -> float:
    """Give a batch's loss; a faulty target makes its row NaN, and weights that are NaN all rows."""
    soft, classes = target.dtype.kind == "f", z.shape[-1]
    target = target.reshape(-1, classes, 1) if soft else target.reshape(-1, 1)
    weight = None if weight is None else weight.astype(np.float64)
    factor = None if factor is None else factor.reshape(-1, 1).astype(np.float64)
    if weight is not None and np.isnan(weight[0]):
        factor, weight = np.full((len(target), 1), math.nan), None
    by = _divisor(o, target, weight, factor, classes)
    total, faulty = _attempt(o, by, z, target, weight, factor, slope, each)
    bad = _faults(o, target, classes) if faulty else None
    if bad is not None and bad.any():
        if not soft:
            target = np.where(bad, 0, target)
            by = _divisor(o, target, weight, factor, classes)
        bad = bad if factor is None else bad & (factor != 0)
        factor = np.where(bad, math.nan, 1.0 if factor is None else factor)
        total, _ = _attempt(o, by, z, target, weight, factor, slope, each)
    if o.reduction != "mean":
        return total
    return total / by if by else 0.0 if o.on_empty == "zero" else math.nan


def _faults(o: Options, target: Array, classes: int) -> Array:
    """Say (N, 1) which labels do not exist, or which rows are no distribution."""
    if target.ndim == 2:
        bad = (target < 0) | (target >= classes)
        return bad if o.ignore_index is None else bad & (target != o.ignore_index)
    total = target.sum(axis=1, dtype=np.float64)
    return ~((target.min(axis=1) >= 0) & (target.max(axis=1) < math.inf) & (abs(total - 1) <= o.tolerance))


def _attempt(
    o: Options,
    by: float,
    z: Array,
    target: Array,
    weight: Array | None,
    factor: Array | None,
    slope: Array | None,
    each: Array | None,
) -> tuple[float, bool]:
    """Give the total (0 for losses of each row), and whether there seem to be faulty targets."""
    options: dict[str, Any] = {
        "weight": weight, "ignore_index": o.ignore_index, "label_smoothing": o.label_smoothing,
        "temperature": o.temperature, "z_loss": o.z_loss, "softcap": o.softcap, "divisor": by or 1.0,
        "scale": 1.0 if by else 0.0 if o.on_empty == "zero" else math.nan, "strict": target.ndim == 3,
    }  # fmt: skip
    given = folded(z, z.shape[:-1]), target
    if each is not None:
        return 0.0, in_float64(cpu_soft.cross_entropy, given, each, slope, factor, **options)
    grad = None if slope is None else folded(slope, slope.shape[:-1])
    total, *faults = cpu_soft.cross_entropy(*given, row=factor, grad=grad, **options)
    return total, max(faults) >= 0


def _divisor(o: Options, target: Array, weight: Array | None, factor: Array | None, classes: int) -> float:
    """Sum what the mean divides by; 1 if it is none."""
    if o.reduction != "mean":
        return 1.0
    if isinstance(o.denominator, float):
        return o.denominator
    if o.denominator == "rows":
        weight = factor = None
    if o.ignore_index is None and weight is None and factor is None:
        return float(len(target))
    return cpu_soft.mass(target, classes=classes, weight=weight, row=factor, ignore_index=o.ignore_index)
