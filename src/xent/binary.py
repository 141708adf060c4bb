"""Binary and multi-label cross-entropy from logits, element by element, on any array."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from xent import _dispatch, _elements, _numpy_elements, _validate

Array = Any

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_grad"]


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

    With a = c · y and b = 1 − y, c = ``pos_weight``, it is (a + b) · log1p(exp(−|z|)) + (b if z ≥ 0 else a) · |z|:
    both terms are ≥ 0, so that nothing cancels and small losses keep their digits. Multi-label classification is
    the same function on logits and multi-hot targets (…, K).

    Parameters
    ----------
    logits : array of floating numbers, of any shape
        ±∞ are legal: a certain answer costs 0 or ∞.
    target : array of the logits' shape
        Booleans, integers 0 and 1, or floats in [0, 1].
    pos_weight : array or float, optional
        Factor of the term with y, finite and ≥ 0, that broadcasts to the logits' shape: (K,) is one number a class
        for classes on the last axis.
    weight : array or float, optional
        Factor of the element, finite and ≥ 0, that broadcasts to the logits' shape. An element of weight 0 counts
        for exactly nothing, even if its loss is ∞ or NaN.
    label_smoothing : float, default 0
        ε in [0, 1]: y becomes (1 − ε) y + ε / 2.
    reduction : {"mean", "sum", "none"}
        One number, or one an element.
    denominator : {"elements", "weights"} or float, optional
        What the mean divides by. ``"elements"``, also by default and PyTorch's: how many there are, whatever the
        weights. ``"weights"``: Σ weight · (pos_weight · y + 1 − y), y before smoothing, as
        :func:`xent.cross_entropy` with two classes of weights 1 and pos_weight has it. Or a number > 0.
    on_empty : {"nan", "zero", "raise"}
        The mean where there is nothing to divide by.

    Returns
    -------
    array
        A single number, or the logits' shape for ``reduction="none"``. float64 for float64 logits, float32
        otherwise.

    Raises
    ------
    TypeError
        Not arrays, arrays of two frameworks, logits that are not floating, a target or weights of the wrong kind.
    ValueError
        A shape that does not fit, a target outside [0, 1], a weight that is negative or not finite, an option
        outside its range. Values that cannot be read at once (JAX, another device) make NaN of their elements
        instead.

    See Also
    --------
    binary_cross_entropy_with_grad : the loss and its gradient from one evaluation.
    xent.focal_loss : the same with easy examples weighted down.

    Notes
    -----
    A NaN logit is NaN. A term with weight 0 is 0, also at an infinite logit (0 · ∞ = 0). Loss and gradient are
    exact for a logit moved by at most one ulp, to within 4 ulp of their type. Inputs are never modified.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.binary_cross_entropy(np.array([40.0, -2.0]), np.array([1, 0]), reduction="none")
    array([4.24835426e-18, 1.26928011e-01])
    >>> multi_hot = np.array([[1, 0, 1], [0, 0, 1]])
    >>> logits = np.array([[3.0, -1.0, 0.5], [-2.0, 0.0, 4.0]])
    >>> xent.binary_cross_entropy(logits, multi_hot, pos_weight=np.array([2.0, 1.0, 5.0])).round(12)
    np.float64(0.615274357126)
    """
    return _evaluate(
        logits,
        target,
        False,
        pos_weight=pos_weight,
        weight=weight,
        label_smoothing=label_smoothing,
        reduction=reduction,
        denominator=denominator,
        on_empty=on_empty,
    )[0]


def binary_cross_entropy_with_grad(
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
) -> tuple[Array, Array]:
    """Binary cross-entropy in nats and its derivative by the logits, (1 − y) σ(z) − c y σ(−z), in one evaluation.

    Arguments and errors as in :func:`binary_cross_entropy`. With e = exp(−|z|), a = c · y and b = 1 − y, the
    derivative is (b − a e) / (1 + e) for z ≥ 0 and (b e − a) / (1 + e) for z < 0, which keeps the digits of tiny
    values; for soft and smoothed targets, where the two can cancel, it is computed with twice the digits.

    Returns
    -------
    loss : array
        As :func:`binary_cross_entropy` returns it.
    dlogits : array of the logits' shape and type
        Of the reduced loss; for ``reduction="none"`` of its sum. Exactly 0 where the weight is 0; NaN where the
        loss is NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> loss, dlogits = xent.binary_cross_entropy_with_grad(np.array([2.0, -1.0]), np.array([1.0, 0.25]))
    >>> loss.round(4), dlogits.round(4)
    (np.float64(0.3451), array([-0.0596,  0.0095]))
    """
    return _evaluate(
        logits,
        target,
        True,
        pos_weight=pos_weight,
        weight=weight,
        label_smoothing=label_smoothing,
        reduction=reduction,
        denominator=denominator,
        on_empty=on_empty,
    )


@np.errstate(all="ignore")  # ∞ and NaN are results here, documented, and not warnings
def _evaluate(
    logits: Array,
    target: Array,
    with_grad: bool,
    *,
    pos_weight: Array | float | None,
    weight: Array | float | None,
    label_smoothing: float,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
) -> tuple[Array, Array | None]:
    """Validate, compute each element, and reduce; the second value is None unless ``with_grad``."""
    _validate.reduction(reduction, denominator, on_empty, ("elements", "weights"))
    epsilon = _validate.number(label_smoothing, "label_smoothing", low=0, high=1)
    quick = _numpy_elements.binary(
        logits,
        target,
        with_grad,
        pos_weight=pos_weight,
        weight=weight,
        label_smoothing=epsilon,
        reduction=reduction,
        denominator=denominator,
    )
    if quick is not None:
        return quick
    arrays = {n: a for n, a in (("pos_weight", pos_weight), ("weight", weight)) if hasattr(a, "shape")}
    xp = _validate.namespace(logits=logits, target=target, **arrays)
    _validate.floating(xp, logits, "logits")
    faulty = _validate.binary_target(xp, target, logits)
    pos = _validate.factors(xp, pos_weight, "pos_weight", logits)
    factor = _validate.factors(xp, weight, "weight", logits)
    sharp = not epsilon and not xp.isdtype(target.dtype, "real floating")
    loss, slope = _elements.in_blocks(
        xp,
        partial(_elements.binary_rows, xp, label_smoothing=epsilon, sharp=sharp, with_grad=with_grad),
        logits,
        target,
        pos,
    )
    by = None
    if reduction == "mean":
        by = _denominator(xp, loss, target, pos, factor, denominator)
    if faulty is not None:
        loss = xp.where(faulty, math.nan, loss)
        slope = slope if slope is None else xp.where(faulty, math.nan, slope)
    return _elements.reduced(xp, loss, slope, factor, by, logits, reduction=reduction, on_empty=on_empty)


def _denominator(
    xp: Any, like: Array, y: Array, pos: Array | None, factor: Array | None, given: float | str | None
) -> Array:
    """Sum what the mean divides by."""
    compute = _dispatch.implementation(xp)
    if given in (None, "elements"):
        return compute.array_like(float(math.prod(like.shape)), like)
    if given != "weights":
        return compute.array_like(float(given), like)
    mass = xp.ones_like(like)
    if pos is not None:
        y = compute.wide(xp, y)
        mass = compute.wide(xp, pos) * y + (1.0 - y)
    return compute.sum_all(xp, mass if factor is None else mass * compute.wide(xp, factor))
