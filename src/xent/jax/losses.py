"""Cross-entropy from logits on JAX arrays: validate, compute each row, reduce."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax as _jax

from xent import _validate
from xent.jax import _batch, _direct, _kernels, _labels, _rows, _whole
from xent.jax._arguments import arrays, classes_last, computing

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy

__all__ = ["cross_entropy", "cross_entropy_with_grad"]


def cross_entropy(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    sample_weight: Array | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    reduction: str = "mean",
    denominator: float | str | None = None,
    on_empty: str = "nan",
) -> Array:
    """Cross-entropy of logits and targets in nats: Σ_j t_j · (−log p_j), p = softmax(z), a mean over the rows.

    It is :func:`xent.cross_entropy`, where every argument is explained, on JAX arrays. ``logits``, ``target``,
    ``weight`` and ``sample_weight`` may be traced, and differentiated by (but for class indices); the options are
    static. The derivative by the logits is (T p − t) / τ in closed form.

    Returns
    -------
    array
        A single number, or the rows' shape for ``reduction="none"``. float64 for float64 logits, float32 otherwise.

    Raises
    ------
    TypeError
        Not arrays of JAX or NumPy, logits that are not floating, a target of the wrong kind, a traced option.
    ValueError
        A shape that does not fit, an option outside its range; for ``on_empty="raise"`` a mean of nothing, or
        values that are traced and cannot be looked at.

    Notes
    -----
    Values are not read: a row is NaN, and so is its gradient, if its label lies outside [0, K) and is not
    ``ignore_index``, if its soft target is no distribution, if its sample weight is negative or not finite; every
    row is if a class weight is. In rows that are ignored or have sample weight 0 the gradient is exactly 0,
    whatever they hold. By a ``sample_weight`` of 0 the derivative is still the row's loss, if that is finite.

    A label on a masked class, and a smoothed one beside a mask, costs ∞; the gradient is T p − t all the same.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> logits = jnp.array([[2.0, 1.0, 0.1], [0.0, -20.0, -21.0], [0.0, 1.0, 2.0]])
    >>> labels = jnp.array([0, 0, -100])
    >>> [f"{x:.4g}" for x in xent.jax.cross_entropy(logits, labels, ignore_index=-100, reduction="none")]
    ['0.417', '2.819e-09', '0']
    >>> [f"{x:.4g}" for x in xent.jax.cross_entropy(logits, labels, reduction="none")]
    ['0.417', '2.819e-09', 'nan']
    """
    given, options = _checked(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        temperature=temperature,
        z_loss=z_loss,
        softcap=softcap,
        reduction=reduction,
        denominator=denominator,
        on_empty=on_empty,
    )
    return _loss(*given, **options)


def cross_entropy_with_grad(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    weight: Array | None = None,
    sample_weight: Array | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    reduction: str = "mean",
    denominator: float | str | None = None,
    on_empty: str = "nan",
) -> tuple[Array, Array]:
    """Cross-entropy in nats and its derivative by the logits, (T p − t) / τ for each row, from one evaluation.

    Arguments and errors as in :func:`cross_entropy`. ``jax.value_and_grad`` of that gives the same; this also
    serves ``reduction="none"``.

    Returns
    -------
    loss : array
        As :func:`cross_entropy` returns it.
    dlogits : array of the logits' shape and type
        Of the reduced loss; for ``reduction="none"`` of its sum.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> loss, dlogits = xent.jax.cross_entropy_with_grad(jnp.array([[2.0, 1.0, 0.1]]), jnp.array([0]))
    >>> f"{loss:.4g}", [f"{x:.4f}" for x in dlogits[0]]
    ('0.417', ['-0.3410', '0.2424', '0.0986'])
    """
    given, options = _checked(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        temperature=temperature,
        z_loss=z_loss,
        softcap=softcap,
        reduction=reduction,
        denominator=denominator,
        on_empty=on_empty,
    )
    return _loss_and_slope(*given, **options)


def _checked(
    logits: Array,
    target: Array,
    *,
    weight: Array | None,
    sample_weight: Array | None,
    softcap: float | None,
    denominator: float | str | None,
    **options: Any,
) -> tuple[list[Array], dict[str, Any]]:
    """Check options and make them hashable, so that equal ones share one trace; refuse or see to "raise"."""
    _validate.reduction(options["reduction"], denominator, options["on_empty"])
    ignore_index = options["ignore_index"]
    options |= {
        "axis": _validate.integer(options["axis"], "axis"),
        "ignore_index": None if ignore_index is None else _validate.integer(ignore_index, "ignore_index"),
        "label_smoothing": _validate.number(options["label_smoothing"], "label_smoothing", low=0, high=1),
        "temperature": _validate.positive(options["temperature"], "temperature"),
        "z_loss": _validate.number(options["z_loss"], "z_loss", low=0, high=math.inf),
        "softcap": None if softcap is None else _validate.positive(softcap, "softcap"),
        "denominator": denominator if denominator is None or isinstance(denominator, str) else float(denominator),
    }
    given = arrays(logits=logits, target=target, weight=weight, sample_weight=sample_weight)
    if options["on_empty"] == "raise":
        options["on_empty"] = "nan"
        if options["reduction"] == "mean":
            case = _case(*given, axis=options["axis"], ignore_index=options["ignore_index"])
            refuse_empty(_divisor(case, _factor(case)[0], options["denominator"]), "no valid rows")
    return given, options


def _case(
    logits: Array,
    target: Array,
    weight: Array | None,
    sample_weight: Array | None,
    *,
    axis: int,
    ignore_index: int | None,
) -> _validate.Case:
    """Check the arrays, and lay the classes last."""
    c = _validate.case(
        logits, target, axis=axis, weight=weight, sample_weight=sample_weight, ignore_index=ignore_index
    )
    return c._replace(logits=classes_last(c.logits), q=classes_last(c.q))


def refuse_empty(by: Array | float, nothing: str) -> None:
    """Raise if a mean has nothing to divide by, or if that cannot be known."""
    try:
        value = float(by)
    except jax.errors.ConcretizationTypeError:
        raise ValueError(
            'on_empty="raise" has to look at values, which jit and vmap do not show; use "nan" or "zero"'
        ) from None
    if value == 0:
        raise ValueError(f"the mean has nothing to divide by: {nothing}, or weights that sum to 0; see on_empty=")


_STATIC = (
    "axis",
    "label_smoothing",
    "ignore_index",
    "temperature",
    "z_loss",
    "softcap",
    "reduction",
    "denominator",
    "on_empty",
)


@partial(jax.jit, static_argnames=_STATIC)
def _loss_and_slope(logits: Array, *others: Array | None, **options: Any) -> tuple[Array, Array]:
    def loss_at(z: Array) -> Array:
        return _loss(z, *others, **options)

    loss, pull = jax.vjp(loss_at, logits)
    return loss, pull(jnp.ones_like(loss))[0]


@partial(jax.jit, static_argnames=_STATIC)
def _loss(
    logits: Array,
    target: Array,
    weight: Array | None,
    sample_weight: Array | None,
    *,
    axis: int,
    label_smoothing: float,
    ignore_index: int | None,
    temperature: float,
    z_loss: float,
    softcap: float | None,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
) -> Array:
    c = _case(logits, target, weight, sample_weight, axis=axis, ignore_index=ignore_index)
    o = _batch.Options(
        ignore_index,
        label_smoothing,
        temperature,
        z_loss,
        softcap,
        reduction,
        denominator,
        on_empty,
        1.0 if c.labels is not None else _batch.tolerance(target),
    )
    dtype = computing(c.logits)
    weight, sample_weight = (None if a is None else a.astype(dtype) for a in (c.weight, c.sample_weight))
    weight = None if weight is None else faultless(weight, dtype)
    target = jnp.moveaxis(target, c.axis, -1) if c.labels is None else target.astype(c.labels.dtype)
    given = c.logits.astype(dtype), target, weight, sample_weight
    if not _kernels.reach(temperature, softcap) or not _whole.takes(_WAY, o, *given):
        return _plainly(c, o)
    if _is_itself(o, *given):  # many of which vmap makes one batch, with nothing to be reduced
        return _whole.loss(_WAY, o._replace(reduction="none", denominator=None), *given).reshape(())
    return _whole.loss(_WAY, o, *given)


def _is_itself(o: _batch.Options, z: Array, _: Array, weight: Array | None, sample_weight: Array | None) -> bool:
    """Say whether a reduced loss is that of its only row."""
    if o.reduction == "none" or math.prod(z.shape[:-1]) != 1:
        return False
    unweighted = weight is None and sample_weight is None and o.ignore_index is None
    return o.reduction == "sum" or (unweighted and not isinstance(o.denominator, float))


def _again(o: _batch.Options, z: Array, target: Array, weight: Array | None, sample_weight: Array | None) -> Array:
    """Give the loss as XLA computes it."""
    return _plainly(_case(z, target, weight, sample_weight, axis=-1, ignore_index=o.ignore_index), o)


_WAY = _whole.Way(_again, _batch.cross_entropy_of, _direct.cross_entropy, _batch.dead)


def _plainly(c: _validate.Case, o: _batch.Options) -> Array:
    """Give the loss as XLA computes it."""
    factor, dead = _factor(c)
    live = factor if c.faulty is None else _rows.spoilt(factor, c.faulty if dead is None else c.faulty & ~dead)
    weight = None if c.weight is None else faultless(c.weight, factor.dtype)
    if weight is not None:
        live = _rows.spoilt(live, jnp.isnan(weight[0]))
    target = c.labels if c.q is None else c.q.astype(factor.dtype)
    options = {name: getattr(o, name) for name in ("label_smoothing", "temperature", "z_loss", "softcap")}
    each = _each(c.logits.astype(factor.dtype), target, weight, live, some_dead=dead is not None, **options)
    by = _divisor(c, factor, o.denominator) if o.reduction == "mean" else None
    return _kernels.summed(each, o.reduction, by, o.on_empty)


def _each(
    z: Array,
    target: Array,
    weight: Array | None,
    live: Array,
    *,
    some_dead: bool,
    label_smoothing: float,
    temperature: float,
    z_loss: float,
    softcap: float | None,
) -> Array:
    """Give the losses of rows, as XLA computes them.

    z (…, K); target: labels (…) in [0, K), or distributions (…, K); live (…): each row's factor, 0 where it is
    dead, NaN where it is faulty.
    """
    dead = live == 0 if some_dead else None
    if jnp.issubdtype(target.dtype, jnp.integer) and not label_smoothing and not z_loss and softcap is None:
        mass = live if weight is None else live * jnp.take(weight, target, mode="clip")
        if dead is not None:
            z = jnp.where(dead[..., None], jax.lax.stop_gradient(z), z)
            z = jnp.where((dead & ~jnp.isfinite(jnp.max(z, axis=-1)))[..., None], 0.0, z)  # no 0 · ∞ there
        return _labels.cross_entropy(z, target, mass, temperature)
    dead = jnp.zeros(live.shape, bool) if dead is None else dead
    # A dead row's slope is 0, but what multiplies it may be 0 / 0: the choice makes it 0 all the same.
    z = jnp.where(dead[..., None], jax.lax.stop_gradient(z), z)
    t = _target_weights(target, weight, label_smoothing, z) * live[..., None]
    return _rows.cross_entropy(z, t, z_loss * live if z_loss else None, dead, temperature, softcap)


def _target_weights(target: Array, weight: Array | None, label_smoothing: float, z: Array) -> Array:
    """Give every class's weight in each row."""
    t = _rows.one_hot(target, z.shape[-1]) if jnp.issubdtype(target.dtype, jnp.integer) else target
    t = t.astype(z.dtype)
    if label_smoothing:
        t = (1.0 - label_smoothing) * t + label_smoothing / t.shape[-1]
    return t if weight is None else t * weight


def faultless(weight: Array, dtype: Any) -> Array:
    """Make all class weights NaN if one is; 0 · NaN would not, as XLA makes a choice of products with 0 and 1."""
    return _rows.spoilt(weight.astype(dtype), jnp.any(jnp.isnan(weight)))


def _factor(c: _validate.Case) -> tuple[Array, Array | None]:
    """Give each row's factor, 0 if it is ignored, and the rows that count for nothing, None if there are none."""
    factor, dead = jnp.ones(c.logits.shape[:-1], computing(c.logits)), None
    if c.sample_weight is not None:
        factor = c.sample_weight.astype(factor.dtype)
        dead = factor == 0
    if c.valid is not None:
        factor = jnp.where(c.valid, factor, 0.0)
        dead = ~c.valid if dead is None else dead | ~c.valid
    return factor, dead


def _divisor(c: _validate.Case, factor: Array, given: float | str | None) -> Array:
    """Sum what the mean divides by."""
    if given == "rows":
        return jnp.sum(jnp.ones_like(factor) if c.valid is None else c.valid.astype(factor.dtype))
    if isinstance(given, float):
        return jnp.asarray(given, factor.dtype)
    if c.weight is not None:
        if c.q is None:
            factor = factor * jnp.take(faultless(c.weight, factor.dtype), c.labels, mode="clip")
        else:
            factor = factor * jnp.sum(c.q.astype(factor.dtype) * faultless(c.weight, factor.dtype), axis=-1)
    return jnp.sum(factor)
