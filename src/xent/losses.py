"""The cross-entropy family from logits, on any array: docstring, validate, dispatch, reduce.

The mathematics is in :mod:`xent.spec`, one row at a time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent import _dispatch, _numpy, _validate

Array = Any

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

    For a row with target weights t, T = Σ t, and gaps and tail measured from its largest logit it is
    T · log1p(tail) + Σ_j t_j · gap_j: every term ≥ 0, so that nothing cancels and small losses keep their digits.

    Parameters
    ----------
    logits : array (…, K, …) of floating numbers
        −∞ masks a class of a row.
    target : array
        Integers of the logits' shape without ``axis``: class indices in [0, K). Or floats of the logits' shape: a
        distribution q along ``axis``, ≥ 0 with sum 1 to within 1e-3 (5e-3 in float16).
    axis : int, default −1
        Where the K ≥ 1 classes are.
    weight : array (K,), optional
        Class weights, finite and ≥ 0: t_j = weight_j · q_j.
    sample_weight : array, optional
        One factor a row, finite and ≥ 0, of the logits' shape without ``axis``. A row of weight 0 counts for
        exactly nothing, even if its loss is ∞ or NaN.
    label_smoothing : float, default 0
        ε in [0, 1]: q becomes (1 − ε) q + ε / K.
    ignore_index : int, optional
        Rows with this label have loss 0 and gradient 0, and are not counted. For class indices only.
    temperature : float, default 1
        τ > 0; the logits are divided by it.
    z_loss : float, default 0
        Adds z_loss · lse² to each row, lse = log Σ exp of the row's capped and tempered logits; multiplied by
        ``sample_weight`` but not by ``weight``.
    softcap : float, optional
        c > 0: each logit becomes c · tanh(z / c), before the temperature. A mask stays a mask.
    reduction : {"mean", "sum", "none"}
        One number, or one a row.
    denominator : {"weights", "rows"} or float, optional
        What the mean divides by. ``"weights"``, also by default: Σ sample_weight · Σ_j weight_j q_j before
        smoothing, which for indices is Σ sample_weight · weight[label], and without any weights the number of
        valid rows. ``"rows"``: the number of valid rows. Or a number of your own, > 0.
    on_empty : {"nan", "zero", "raise"}
        The mean where there is nothing to divide by.

    Returns
    -------
    array
        A single number, or the rows' shape for ``reduction="none"``. float64 for float64 logits, float32 otherwise.

    Raises
    ------
    TypeError
        Not arrays, arrays of two frameworks, logits that are not floating, a target of the wrong kind of number.
    ValueError
        A shape that does not fit, a label outside [0, K), a soft row that is no distribution, a weight that is
        negative or not finite, an option outside its range. Labels and weights that cannot be read at once (JAX,
        another device) make NaN of their rows instead.

    See Also
    --------
    cross_entropy_with_grad : the loss and its gradient from one evaluation.

    Notes
    -----
    A row with a NaN or +∞ logit, or with nothing but −∞, is NaN. A label on a masked class costs ∞. Loss and
    gradient are exact for logits moved by at most one ulp, to within 4 ulp of their type. Inputs are never
    modified.

    Examples
    --------
    >>> import numpy as np, xent
    >>> logits = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0]])
    >>> xent.cross_entropy(logits, np.array([0, 0]), reduction="none")
    array([4.17030016e-01, 5.81123644e-18])
    >>> xent.cross_entropy(logits, np.array([0, 2]), weight=np.array([1.0, 1.0, 3.0])).round(12)
    np.float64(30.854257504069)
    """
    return _evaluate(
        logits,
        target,
        False,
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
    )[0]


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

    Arguments and errors as in :func:`cross_entropy`. At a row's largest logit the derivative is written
    (T − t_k) − T · tail / (1 + tail), so that p − 1 keeps its digits; and where t is close to p, which soft and
    smoothed targets can be, it is computed with twice the digits (so that its error stays below 2⁻¹⁰⁰ of what
    cancels).

    Returns
    -------
    loss : array
        As :func:`cross_entropy` returns it.
    dlogits : array of the logits' shape and type
        Of the reduced loss; for ``reduction="none"`` of its sum. It includes 1 / τ, the softcap's slope 1 −
        tanh², and 2 z_loss · lse · p. Exactly 0 in rows that are ignored or have sample weight 0; NaN where the
        row's loss is NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> loss, dlogits = xent.cross_entropy_with_grad(np.array([[2.0, 1.0, 0.1]]), np.array([0]))
    >>> loss.round(4), dlogits.round(4)
    (np.float64(0.417), array([[-0.341 ,  0.2424,  0.0986]]))
    """
    return _evaluate(
        logits,
        target,
        True,
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


def _evaluate(
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
    on_empty: str,
) -> tuple[Array, Array]:
    """Validate, compute each row, and reduce; the second value is None unless ``with_grad``."""
    tau = _validate.positive(temperature, "temperature")
    _validate.reduction(reduction, denominator, on_empty)
    options: dict[str, Any] = {
        "label_smoothing": _validate.number(label_smoothing, "label_smoothing", low=0, high=1),
        "temperature": tau,
        "z_loss": _validate.number(z_loss, "z_loss", low=0, high=math.inf),
        "softcap": None if softcap is None else _validate.positive(softcap, "softcap"),
    }
    quick = _numpy.cross_entropy(
        logits,
        target,
        with_grad,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        ignore_index=ignore_index,
        reduction=reduction,
        denominator=denominator,
        on_empty=on_empty,
        **options,
    )
    if quick is not None:
        return quick
    case = _validate.case(
        logits, target, axis=axis, weight=weight, sample_weight=sample_weight, ignore_index=ignore_index
    )
    return _generic(case, with_grad, options, logits, reduction, denominator, on_empty)


@np.errstate(all="ignore")  # ∞ and NaN are results here, documented, and not warnings
def _generic(
    case: _validate.Case,
    with_grad: bool,
    options: dict[str, Any],
    logits: Array,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
) -> tuple[Array, Array]:
    """Compute and reduce on any array namespace."""
    tau = options["temperature"]
    xp, compute = case.xp, _dispatch.implementation(case.xp)
    loss, slope = compute.evaluate(case, **options, with_grad=with_grad)
    factor = xp.ones_like(loss) if case.sample_weight is None else compute.wide(xp, case.sample_weight)
    live = (factor != 0) if case.valid is None else (factor != 0) & case.valid
    loss = xp.where(live, loss * factor, 0.0)
    by = None
    if reduction == "mean":
        by = _denominator(case, xp.where(live, factor, 0.0), denominator)
        _check_empty(by, on_empty)
    if slope is not None:
        slope = xp.where(live, slope * factor / (tau if by is None else tau * by), 0.0)
        if by is not None and on_empty == "zero":
            slope = xp.where(by == 0, 0.0, slope)
        slope = xp.astype(xp.moveaxis(slope, 0, case.axis), logits.dtype)
    if reduction != "none":
        loss = compute.sum_all(xp, loss)
    if by is not None:
        loss = xp.where(by == 0, 0.0 if on_empty == "zero" else math.nan, loss / by)
    return compute.plain(xp.astype(loss, xp.result_type(logits.dtype, xp.float32))), slope


def _denominator(case: _validate.Case, factor: Array, given: float | str | None) -> Array:
    """Sum what the mean divides by; ``factor`` is the sample weight, 0 in rows that are left out."""
    xp, compute = case.xp, _dispatch.implementation(case.xp)
    if given == "rows":
        factor = xp.ones_like(factor) if case.valid is None else xp.where(case.valid, 1.0, xp.zeros_like(factor))
    elif given is not None and given != "weights":
        return compute.array_like(float(given), factor)
    elif case.weight is not None:
        factor = factor * compute.class_mass(case)
    return compute.sum_all(xp, factor)


def _check_empty(by: Array, on_empty: str) -> None:
    if on_empty != "raise":
        return
    if not _validate.readable(by):
        raise ValueError(
            'on_empty="raise" needs values that can be read at once; for this array use "nan" or "zero"'
        )
    if float(by) == 0:
        raise ValueError(
            "the mean has nothing to divide by: no valid rows, or weights that sum to 0; see on_empty="
        )
