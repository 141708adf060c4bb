"""The losses beside cross-entropy on JAX arrays: binary, focal, distillation."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax as _jax

from xent import _validate
from xent.jax import _direct, _elements, _elementwise, _foreign, _kernels, _rows, _whole, losses
from xent.jax._arguments import arrays, computing

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy

__all__ = ["binary_cross_entropy", "distillation_loss", "focal_loss"]


def binary_cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    pos_weight: Array | float | None = None,
    weight: Array | float | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    denominator: float | str | None = None,
    on_empty: str = "nan",
) -> Array:
    """Binary cross-entropy of logits and targets in nats: −c y log σ(z) − (1 − y) log σ(−z), element by element.

    It is :func:`xent.binary_cross_entropy`, where every argument is explained, on JAX arrays, as
    c y · softplus(−z) + (1 − y) · softplus(z): both terms are ≥ 0, so that small losses keep their digits. The
    derivative by z is (1 − y) σ(z) − c y σ(−z).

    Returns
    -------
    array
        A single number, or the logits' shape for ``reduction="none"``. float64 for float64 logits, float32
        otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`xent.binary_cross_entropy` for shapes, types and options. Values are not read: a target outside
        [0, 1] or a faulty weight makes its element NaN, and its gradient.

    Notes
    -----
    ±∞ are legal logits: a certain answer costs 0 or ∞, with slope 0 or ±1. An element of weight 0 counts for
    exactly nothing, in the gradient too.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, xent.jax
    >>> logits, target = jnp.array([40.0, -2.0, jnp.inf]), jnp.array([1, 0, 1])
    >>> [f"{x:.4g}" for x in xent.jax.binary_cross_entropy(logits, target, reduction="none")]
    ['4.248e-18', '0.1269', '0']
    >>> [f"{x:.4g}" for x in jax.grad(xent.jax.binary_cross_entropy)(logits[:2], target[:2])]
    ['-2.124e-18', '0.0596']
    """
    _validate.reduction(reduction, denominator, on_empty, ("elements", "weights"))
    epsilon = _validate.number(label_smoothing, "label_smoothing", low=0, high=1)
    by = denominator if denominator is None or isinstance(denominator, str) else float(denominator)
    factors = {"pos_weight": pos_weight, "weight": weight}
    known: dict[str, Array] = {}
    for name, factor in factors.items():
        if factor is None or hasattr(factor, "shape"):
            known[name] = factor
        else:  # while it can still be read
            _validate.number(factor, name, low=0, high=math.inf)
    logits, target, *others = arrays(logits=logits, target=target, **known)
    factors |= dict(zip(known, others, strict=True))
    if on_empty == "raise" and reduction == "mean":
        parts = _binary_parts(logits, target, factors["pos_weight"], factors["weight"])
        losses.refuse_empty(_binary_divisor(*parts, by), "no elements")
    return _binary(
        logits,
        target,
        factors["pos_weight"],
        factors["weight"],
        epsilon=epsilon,
        reduction=reduction,
        denominator=by,
        on_empty="zero" if on_empty == "zero" else "nan",
    )


def _binary_parts(
    logits: Array, target: Array, pos_weight: Array | float | None, weight: Array | float | None
) -> tuple[Array, Array | None, Array | None]:
    """Check the arrays; give the target, NaN where faulty, weight and pos_weight, in the type computed."""
    _validate.floating(jnp, logits, "logits")
    faulty = _validate.binary_target(jnp, target, logits)
    y = target.astype(computing(logits))
    factor, pos = (
        None if (w := _validate.narrow_factors(jnp, given, name, logits)) is None else w.astype(y.dtype)
        for given, name in ((weight, "weight"), (pos_weight, "pos_weight"))
    )
    return y if faulty is None else _rows.spoilt(y, faulty), factor, pos


def _binary_divisor(y: Array, factor: Array | None, pos: Array | None, given: float | str | None) -> Array:
    """Sum what the mean divides by."""
    if given in (None, "elements"):
        return jnp.asarray(y.size, y.dtype)
    if given != "weights":
        return jnp.asarray(given, y.dtype)
    each = jnp.ones_like(y) if pos is None else pos * y + (1.0 - y)
    return jnp.sum(each if factor is None else factor * each)


def _binary_each(z: Array, target: Array, pos: Array | None, factor: Array | None, *, epsilon: float) -> Array:
    """Give the losses of elements, as XLA computes them."""
    faulty = _validate.binary_target(jnp, target, z)
    y = target.astype(z.dtype)
    y = y if faulty is None else _rows.spoilt(y, faulty)
    if factor is None:
        return _elements.binary(z, y, pos, epsilon)
    dead = jnp.broadcast_to(factor == 0, z.shape)
    lost = dead & ~jnp.isfinite(z)
    # Where the weight is 0 the logit has no derivative, and one that is not finite does not even count as 0 · z.
    z = jnp.where(dead, jnp.where(lost, 0.0, jax.lax.stop_gradient(z)), z)
    return jnp.where(lost, 0.0, factor * _elements.binary(z, y, pos, epsilon))


@partial(jax.jit, static_argnames=("epsilon", "reduction", "denominator", "on_empty"))
def _binary(
    logits: Array,
    target: Array,
    pos_weight: Array | float | None,
    weight: Array | float | None,
    *,
    epsilon: float,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
) -> Array:
    y, factor, pos = _binary_parts(logits, target, pos_weight, weight)
    if factor is None and pos is None and not epsilon:
        by = float(denominator) if isinstance(denominator, float) else 0.0
        return _alone(logits, target, _elementwise.Options(reduction, by, 0.0, (1.0, 1.0), False), on_empty)
    by_each = factor
    if pos is not None:  # a faulty one spoils its elements, whatever their target is
        by_each = _rows.spoilt(jnp.ones_like(pos) if factor is None else factor, jnp.isnan(pos))
    way = _kernels.Way(_binary_each, _kernels.binary, {"epsilon": epsilon}, by_element=True)
    by = _binary_divisor(y, factor, pos, denominator) if reduction == "mean" else None
    given = logits.astype(y.dtype), _foreign.carried(target, y.dtype), pos, by_each
    return _kernels.reduced(way, *given, reduction=reduction, by=by, on_empty=on_empty)


def focal_loss(
    logits: Array,
    target: Array,
    /,
    *,
    gamma: float = 2.0,
    alpha: Array | float | None = None,
    axis: int | None = None,
    reduction: str = "mean",
) -> Array:
    """Focal loss of logits and labels in nats: α (1 − p)^γ · (−log p), where p is the probability of the label.

    It is :func:`xent.focal_loss`, where every argument is explained, on JAX arrays, computed from the log-odds
    v = log((1 − p) / p) as α σ(v)^γ · softplus(v). The derivative by v is α σ(v)^γ (σ(v) + γ σ(−v) softplus(v)): a
    sum of terms ≥ 0, for every γ ≥ 0 and at p = 1 too.

    Returns
    -------
    array
        A single number, or the target's shape for ``reduction="none"``. float64 for float64 logits, float32
        otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`xent.focal_loss` for shapes, types and options. Values are not read: a label that does not exist
        makes its row NaN, and its gradient; a faulty α of a class makes all rows so.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection", equation 5.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> each = xent.jax.focal_loss(jnp.array([2.0, -1.0]), jnp.array([1, 0]), alpha=0.25, reduction="none")
    >>> [f"{x:.4g}" for x in each]
    ['0.0004509', '0.01699']
    >>> logits = jnp.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0]])
    >>> f"{xent.jax.focal_loss(logits, jnp.array([2, 0]), axis=-1):.4g}"
    '0.9414'
    """
    gamma = _validate.number(gamma, "gamma", low=0, high=math.inf)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    if axis is None:
        logits, target = arrays(logits=logits, target=target)
        if (shape := getattr(alpha, "shape", ())) != ():
            raise ValueError(f"alpha is one number without axis=, got shape {shape}")
        share = None if alpha is None else _validate.number(alpha, "alpha", low=0, high=1)
        return _binary_focal(logits, target, gamma=gamma, share=share, reduction=reduction)
    axis = _validate.integer(axis, "axis")
    logits, target, alpha = arrays(logits=logits, target=target, alpha=alpha)
    return _class_focal(logits, target, alpha, gamma=gamma, axis=axis, reduction=reduction)


@partial(jax.jit, static_argnames=("gamma", "share", "reduction"))
def _binary_focal(logits: Array, target: Array, *, gamma: float, share: float | None, reduction: str) -> Array:
    _validate.floating(jnp, logits, "logits")
    _validate.binary_target(jnp, target, logits, soft=False)
    sides = (1.0, 1.0) if share is None else (share, 1.0 - share)
    return _alone(logits, target, _elementwise.Options(reduction, 0.0, gamma, sides, True), "nan")


def _alone(logits: Array, target: Array, o: _elementwise.Options, on_empty: str) -> Array:
    """Give binary losses without weights; a mean divides by their number, unless ``o.by`` is one."""
    z, y = logits.astype(computing(logits)), _foreign.carried(target, computing(logits))
    if _foreign.here(z):
        known = o._replace(by=o.by or float(z.size))
        if z.size == known.by == 1 and o.reduction != "none":  # many of which vmap makes one batch
            return _alone(logits, target, o._replace(reduction="none"), on_empty).reshape(())
        if z.size and _whole.takes(_ALONE, known, z, y):
            return _whole.loss(_ALONE, known, z, y)
    by = jnp.asarray(o.by, z.dtype) if o.by else _number(z, z.shape)
    return _kernels.summed(_alone_each(o, z, y), o.reduction, by, on_empty)


def _alone_plainly(o: _elementwise.Options, z: Array, target: Array) -> Array:
    each = _alone_each(o, z, target)
    return each if o.reduction == "none" else jnp.sum(each) / (o.by if o.reduction == "mean" else 1.0)


def _alone_each(o: _elementwise.Options, z: Array, target: Array) -> Array:
    if o.sharp:
        return _binary_focal_each(z, target, gamma=o.gamma, sides=o.sides)
    return _binary_each(z, target, None, None, epsilon=0.0)


_ALONE = _whole.Way(_alone_plainly, _elementwise.binary_of, _direct.binary, _elementwise.nobody, by_element=True)


def _binary_focal_each(z: Array, target: Array, *, gamma: float, sides: tuple[float, float]) -> Array:
    """Give the losses of elements, as XLA computes them."""
    faulty, yes = _validate.binary_target(jnp, target, z, soft=False), target > 0
    each = _elements.focal(jnp.where(yes, -z, z), jnp.zeros((), z.dtype), gamma)
    if sides != (1.0, 1.0):
        each = each * jnp.where(yes, *sides)
    return each if faulty is None else _rows.spoilt(each, faulty)


@partial(jax.jit, static_argnames=("gamma", "axis", "reduction"))
def _class_focal(
    logits: Array, target: Array, alpha: Array | None, *, gamma: float, axis: int, reduction: str
) -> Array:
    c = _validate.case(logits, target, axis=axis, weight=None, sample_weight=None, ignore_index=None)
    if c.labels is None:
        raise TypeError("target must hold class indices of the logits' shape without axis, got distributions")
    z = jnp.moveaxis(c.logits, 0, -1).astype(computing(logits))
    factor = jnp.ones(c.labels.shape, z.dtype)
    factor = factor if c.faulty is None else _rows.spoilt(factor, c.faulty)
    share = _validate.weights(jnp, alpha, "alpha", (z.shape[-1],), logits)
    if share is not None:
        factor = factor * jnp.take(losses.faultless(share, z.dtype), c.labels, mode="clip")
    way = _kernels.Way(_focal_each, _kernels.focal if gamma else None, {"gamma": gamma})
    by = _number(z, factor.shape)
    return _kernels.reduced(way, z, c.labels, factor, reduction=reduction, by=by)


def _focal_each(z: Array, labels: Array, factor: Array, *, gamma: float) -> Array:
    """Give the losses of rows, as XLA computes them."""
    hot = _rows.one_hot(labels, z.shape[-1])
    others, void = _rows.measure(jnp.where(hot, -math.inf, z)), _rows.measure(z).void
    own = jnp.sum(jnp.where(hot, z, 0.0), axis=-1)
    ahead = jnp.where(others.void, -math.inf, others.peak - own)  # no other class: the label is certain
    each = _elements.focal(ahead, jnp.where(others.void, 0.0, others.log1p_tail), gamma)
    return factor * _rows.spoilt(each, void)


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

    It is :func:`xent.distillation_loss`, where every argument is explained, on JAX arrays: with a ``target``, α
    times the above and 1 − α times the student's cross-entropy. The derivative by the student is τ (q − p), by the
    teacher τ p · (log p − log q − KL).

    Returns
    -------
    array
        A single number, or the rows' shape for ``reduction="none"``. float64 for float64 student logits, float32
        otherwise.

    Raises
    ------
    TypeError, ValueError
        As :func:`xent.distillation_loss` for shapes, types and options. Values are not read: a label that does not
        exist, or a soft row that is no distribution, makes its row NaN, and its gradient.

    Notes
    -----
    A class that only the student masks costs ∞; one that only the teacher masks costs what the student gives it.
    A student that is close to its teacher keeps as many digits as the two logits' differences have.

    References
    ----------
    Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network", §2.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, xent.jax
    >>> teacher, student = jnp.array([[2.0, 1.0, 0.0]]), jnp.array([[1.0, 1.0, 1.0]])
    >>> f"{xent.jax.distillation_loss(student, teacher):.4g}"
    '0.3137'
    >>> slope = jax.grad(xent.jax.distillation_loss)(student, teacher, target=jnp.array([0]), alpha=0.9)
    >>> [f"{x:.4g}" for x in slope[0]]
    ['-0.3783', '0.08038', '0.298']
    """
    tau = _validate.positive(temperature, "temperature")
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    if target is None and alpha is not None:
        raise ValueError(f"alpha shares the loss with a target's; without target= leave it out, got {alpha!r}")
    share = 1.0 if target is None else _validate.number(0.5 if alpha is None else alpha, "alpha", low=0, high=1)
    student, teacher = arrays(student_logits=student_logits, teacher_logits=teacher_logits)
    _validate.floating(jnp, student, "student_logits")
    _validate.floating(jnp, teacher, "teacher_logits")
    if student.shape != teacher.shape:
        raise ValueError(
            f"student_logits and teacher_logits must have one shape, got {student.shape} and {teacher.shape}"
        )
    axis = _validate.axis_of(student, axis, "student_logits")
    if target is None:
        return _distil(student, teacher, tau=tau, axis=axis, reduction=reduction)
    each = _distil(student, teacher, tau=tau, axis=axis, reduction="none")
    hard = losses.cross_entropy(student, target, axis=axis, reduction="none")
    # A part whose share is 0 counts for nothing, even where it is ∞ or NaN.
    each = each if share == 1 else hard if share == 0 else share * each + (1 - share) * hard
    return each if reduction == "none" else jnp.sum(each) if reduction == "sum" else jnp.mean(each)


@partial(jax.jit, static_argnames=("tau", "axis", "reduction"))
def _distil(student: Array, teacher: Array, *, tau: float, axis: int, reduction: str) -> Array:
    wide = computing(student, teacher)
    u, v = (jnp.moveaxis(a, axis, -1).astype(wide) for a in (student, teacher))
    by_kernel = wide == jnp.float32 and _kernels.reach(tau)
    way = _kernels.Way(_divergence, _kernels.distillation if by_kernel else None, {"tau": tau})
    by = _number(u, u.shape[:-1])
    return _kernels.reduced(way, u, v, None, reduction=reduction, by=by).astype(computing(student))


def _divergence(student: Array, teacher: Array, _: None = None, *, tau: float) -> Array:
    """Give the losses of rows, as XLA computes them."""
    return tau**2 * _rows.compare(student, teacher, tau).kl


def _number(like: Array, shape: tuple[int, ...]) -> Array:
    """Count losses of this shape, for a mean, which is NaN if there are none."""
    return jnp.asarray(math.prod(shape), like.dtype)
