"""Focal loss from logits, for yes or no and for one class of K, on any array."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from xent import _dispatch, _elements, _numpy, _numpy_elements, _validate

Array = Any

__all__ = ["focal_loss", "focal_loss_with_grad"]


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

    γ weights examples down that are answered well already; γ = 0 is cross-entropy. 1 − p is the sum of the other
    probabilities and not a subtraction, so that losses keep their digits however small they are.

    Parameters
    ----------
    logits : array of floating numbers
        Without ``axis`` of any shape, p = σ(z) for y = 1 and σ(−z) for y = 0, and ±∞ is legal. With it
        (…, K, …), p = softmax(z), and −∞ masks a class.
    target : array
        Without ``axis``: 0 and 1 (bool, integer or floating) of the logits' shape. With it: class indices in
        [0, K) of the logits' shape without ``axis``.
    gamma : float, default 2
        γ ≥ 0.
    alpha : float or array (K,), optional
        Without ``axis`` a number in [0, 1]: the factor is α for y = 1 and 1 − α for y = 0. With it the factors of
        the classes, finite and ≥ 0.
    axis : int, optional
        Where the K ≥ 1 classes are; None says that every logit is a question of its own.
    reduction : {"mean", "sum", "none"}
        One number, or one a label. The mean divides by the number of labels, whatever α; of none it is NaN.

    Returns
    -------
    array
        A single number, or the target's shape for ``reduction="none"``. float64 for float64 logits, float32
        otherwise.

    Raises
    ------
    TypeError
        Not arrays, arrays of two frameworks, logits that are not floating, a target or α of the wrong kind.
    ValueError
        A shape that does not fit, a label that does not exist, an option outside its range. Labels and α that
        cannot be read at once (JAX, another device) make NaN of their rows instead.

    See Also
    --------
    focal_loss_with_grad : the loss and its gradient from one evaluation.
    xent.binary_cross_entropy, xent.cross_entropy : γ = 0, with more options.

    Notes
    -----
    A NaN logit makes its row NaN; with ``axis`` a logit of +∞, or a row of nothing but −∞, does too. A label of
    probability 0 costs ∞. Loss and gradient are exact for logits moved by at most one ulp, to within 4 ulp.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection", equation 5.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.focal_loss(np.array([2.0, -1.0]), np.array([1, 0]), alpha=0.25, reduction="none")
    array([0.00045089, 0.01699354])
    >>> xent.focal_loss(np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0]]), np.array([2, 0]), axis=-1).round(12)
    np.float64(0.941390126747)
    """
    return _evaluate(logits, target, False, gamma=gamma, alpha=alpha, axis=axis, reduction=reduction)[0]


def focal_loss_with_grad(
    logits: Array,
    target: Array,
    /,
    *,
    gamma: float = 2.0,
    alpha: Array | float | None = None,
    axis: int | None = None,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Focal loss in nats and its derivative by the logits, from one evaluation.

    Arguments and errors as in :func:`focal_loss`. With the gradient g of plain cross-entropy −log p it is
    α (1 − p)^γ · g · (1 + γ p (−log p) / (1 − p)): a product, so that nothing cancels. The last quotient is 1 at
    p = 1, and γ between 0 and 1 needs no special care there.

    Returns
    -------
    loss : array
        As :func:`focal_loss` returns it.
    dlogits : array of the logits' shape and type
        Of the reduced loss; for ``reduction="none"`` of its sum. NaN where the loss is NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> loss, dlogits = xent.focal_loss_with_grad(np.array([[2.0, 1.0, 0.1]]), np.array([0]), axis=-1)
    >>> loss.round(4), dlogits.round(4)
    (np.float64(0.0485), array([[-0.1036,  0.0736,  0.0299]]))
    """
    return _evaluate(logits, target, True, gamma=gamma, alpha=alpha, axis=axis, reduction=reduction)


@np.errstate(all="ignore")  # ∞ and NaN are results here, documented, and not warnings
def _evaluate(
    logits: Array,
    target: Array,
    with_grad: bool,
    *,
    gamma: float,
    alpha: Array | float | None,
    axis: int | None,
    reduction: str,
) -> tuple[Array, Array | None]:
    """Validate, compute each label, and reduce; the second value is None unless ``with_grad``."""
    gamma = _validate.number(gamma, "gamma", low=0, high=math.inf)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    quick = _compiled(logits, target, with_grad, gamma, alpha, axis, reduction)
    if quick is not None:
        return quick
    if axis is None:
        xp, z, y, factor, faulty = _binary(logits, target, alpha)
        compute, lead = _elements.binary_focal, 0
    else:
        xp, axis, z, y, factor, faulty = _classes(logits, target, alpha, axis)
        compute, lead = _elements.focal_rows, 1
    compute = partial(compute, xp, gamma=gamma, with_grad=with_grad)
    loss, slope = _elements.in_blocks(xp, compute, z, y, lead=lead)
    if faulty is not None:
        loss = xp.where(faulty, math.nan, loss)
        slope = slope if slope is None else xp.where(faulty, math.nan, slope)
    by = None
    if reduction == "mean":
        by = _dispatch.implementation(xp).array_like(float(math.prod(loss.shape)), loss)
    return _elements.reduced(xp, loss, slope, factor, by, logits, reduction=reduction, axis=axis)


def _compiled(
    logits: Array,
    target: Array,
    with_grad: bool,
    gamma: float,
    alpha: Array | float | None,
    axis: int | None,
    reduction: str,
) -> tuple[Array, Array | None] | None:
    """Compute by the kernels where they take the arguments."""
    if axis is not None:
        return _numpy.focal(logits, target, with_grad, gamma=gamma, alpha=alpha, axis=axis, reduction=reduction)
    sides = (1.0, 1.0)
    if alpha is not None:
        if not isinstance(alpha, (int, float)) or not 0 <= alpha <= 1:
            return None
        sides = (float(alpha), 1.0 - alpha)
    return _numpy_elements.binary(
        logits, target, with_grad, sides=sides, gamma=gamma, sharp=True, reduction=reduction
    )


def _binary(
    logits: Array, target: Array, alpha: Array | None
) -> tuple[Any, Array, Array, Array | None, Array | None]:
    """Check the arguments without classes: namespace, logits, labels, factor of each, faulty ones."""
    xp = _validate.namespace(logits=logits, target=target)
    _validate.floating(xp, logits, "logits")
    faulty = _validate.binary_target(xp, target, logits, soft=False)
    y = xp.astype(target, logits.dtype) if xp.isdtype(target.dtype, "bool") else target
    if alpha is None:
        return xp, logits, y, None, faulty
    if hasattr(alpha, "shape") and alpha.shape != ():
        raise ValueError(f"alpha is one number without axis=, got shape {tuple(alpha.shape)}")
    share = _validate.number(alpha, "alpha", low=0, high=1)
    one = _dispatch.implementation(xp).wide(xp, y)
    return xp, logits, y, xp.where(one > 0, share, xp.full_like(one, 1 - share)), faulty


def _classes(
    logits: Array, target: Array, alpha: Array | None, axis: int
) -> tuple[Any, int, Array, Array, Array | None, Array | None]:
    """Check the arguments with classes, and lay them on axis 0."""
    case = _validate.case(
        logits, target, axis=axis, weight=None, sample_weight=None, ignore_index=None, ignorable=False
    )
    if case.labels is None:
        raise TypeError("target must hold class indices of the logits' shape without axis, got distributions")
    xp, classes, factor = case.xp, case.logits.shape[0], None
    if alpha is not None:
        _validate.namespace(logits=logits, alpha=alpha)
        alpha = _validate.weights(xp, alpha, "alpha", (classes,), logits)
        labels = xp.reshape(case.labels, (-1,))
        factor = xp.reshape(xp.take(alpha, labels, axis=0), case.labels.shape)
    return xp, case.axis, case.logits, case.labels, factor, case.faulty
