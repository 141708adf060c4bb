"""Cross-entropy of a batch on a CPU, reduced: one function of XLA's program, value and first derivative.

XLA takes some 25 µs to begin with a program of several functions that may run side by side, and passes through
memory once more for each of them; so the kernel also looks at the targets, and divides.

Every other derivative is the plain way's, XLA's, which is also what runs on other devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax as _jax
import numpy as np

from xent.jax import _direct, _foreign
from xent.jax._kernels import (
    any_tangent,
    folded,
    given_or_none,
    in_float64,
    instantiated,
    like,
    reach,
    spread,
    value,
)
from xent.kernels import cpu_soft

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


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


Plain = Callable[..., Array]  # (options, z, target, weight, sample weight): the loss


def takes(o: Options, z: Array, *rest: Array | None) -> bool:
    """Say whether :func:`cross_entropy` has something better than XLA's code."""
    if not _foreign.here(z) or not reach(o.temperature, o.softcap):
        return False
    return z.size >= _foreign.LEAST or _directly(o, False, z, *rest) is not None


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def cross_entropy(plain: Plain, o: Options, *given: Array | None) -> Array:
    """Give the loss of logits (…, K) and labels (…) or distributions (…, K), which may be anything.

    Class weights (K,) and sample weights (…) are NaN where they are faulty, all of them if a class weight is.
    """
    return jax.lax.platform_dependent(*given, cpu=partial(_by_kernel, False, o), default=partial(plain, o))


@partial(cross_entropy.defjvp, symbolic_zeros=True)
def _(plain: Plain, o: Options, primals: Any, tangents: Any) -> Any:
    if any_tangent(tangents[1:]):
        return jax.jvp(partial(plain, o), primals, instantiated(primals, tangents))
    loss, slope = _loss_and_slope(plain, o, *primals)
    change = jnp.sum(slope * tangents[0], axis=-1)
    dead = _dead(o, *primals)
    if dead is not None:  # whatever the derivative is multiplied by: no 0 · ∞
        change = jnp.where(dead, 0.0, change)
    return loss, change if o.reduction == "none" else jnp.sum(change)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _loss_and_slope(plain: Plain, o: Options, *given: Array | None) -> tuple[Array, Array]:
    """Give the loss, and its derivative, or the derivative of the losses' sum."""
    ways = partial(_by_kernel, True, o), partial(_plainly, plain, o)
    return jax.lax.platform_dependent(*given, cpu=ways[0], default=ways[1])


@_loss_and_slope.defjvp
def _(plain: Plain, o: Options, primals: Any, tangents: Any) -> Any:
    return _loss_and_slope(plain, o, *primals), jax.jvp(partial(_plainly, plain, o), primals, tangents)[1]


def _plainly(plain: Plain, o: Options, z: Array, *rest: Array | None) -> tuple[Array, Array]:
    def loss_at(z: Array) -> Array:
        return plain(o, z, *rest)

    loss, pull = jax.vjp(loss_at, z)
    return loss, pull(jnp.ones_like(loss))[0]


def _dead(o: Options, _z: Array, target: Array, _weight: Array | None, sample_weight: Array | None) -> Array | None:
    """Say which rows count for nothing."""
    dead = None if o.ignore_index is None else target == o.ignore_index
    if sample_weight is None:
        return dead
    return sample_weight == 0 if dead is None else dead | (sample_weight == 0)


def _by_kernel(sloped: bool, o: Options, z: Array, target: Array, *weights: Array | None) -> Any:
    direct = _directly(o, sloped, z, target, *weights)
    options = o._asdict() | {"tolerance": _tolerance(target)}
    target = target.astype(z.dtype) if target.ndim == z.ndim else target
    loss = like(z.shape[:-1] if o.reduction == "none" else (), z)
    results = (loss, like(z.shape, z)) if sloped else loss
    return value(cross_entropy_of, results, z, target, *weights, direct=direct, **options)


def _directly(o: Options, sloped: bool, z: Array, target: Array, *weights: Array | None) -> Array | None:
    return _direct.cross_entropy(sloped, z, target, *weights, **o._asdict(), tolerance=_tolerance(target))


def _tolerance(target: Array) -> float:
    """Give how far from 1 a distribution may sum, as :func:`xent._validate.distribution` has it."""
    return 5e-3 if target.dtype.itemsize < 4 else 1e-3


# ------------------------------------------------------------------------------------------- the foreign function


@_foreign.foreign
def cross_entropy_of(*arrays: Array, there: list[bool], tolerance: float, **options: Any) -> None:
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
        w, sample, to = (None if a is None else a[at] for a in (weight, sample_weight, slope))
        total = _batch(o, tolerance, z[at], target[at], w, sample, to, loss[at] if o.reduction == "none" else None)
        if o.reduction != "none":
            loss[at] = total


def _batch(
    o: Options,
    tolerance: float,
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
    bad = _faults(o, target, classes, tolerance) if faulty else None
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


def _faults(o: Options, target: Array, classes: int, tolerance: float) -> Array:
    """Say (N, 1) which labels do not exist, or which rows are no distribution."""
    if target.ndim == 2:
        bad = (target < 0) | (target >= classes)
        return bad if o.ignore_index is None else bad & (target != o.ignore_index)
    total = target.sum(axis=1, dtype=np.float64)
    return ~((target.min(axis=1) >= 0) & (target.max(axis=1) < math.inf) & (abs(total - 1) <= tolerance))


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
