"""The losses from probabilities, for those who have nothing else: means in nats, clipping explicit.

Where there are logits, use them (:func:`xent.cross_entropy`): a probability that was rounded to 0 or 1 has lost its
loss, and clipping hides that. Here each probability is first clipped to [ε, 1 − ε], ε = 1e-7 unless given. What
that does is the same in every function of this module:

- No class costs more than −log ε, 16.118 nats at 1e-7, however wrong the model is, and none less than −log(1 − ε),
  1e-7, however right: a perfect prediction does not cost 0.
- Beyond, the loss is constant and its gradient 0: the worst mistakes teach nothing.
- ``epsilon=0`` clips nothing, and the loss of a certain mistake is ∞.

Everything is computed in float64, log(1 − p) as log1p(−p), and the limits are put on the logarithms: in float32,
where 1 − 1e-7 is no number, they are the same. The result is float64 for float64 predictions and float32 otherwise,
within 4 ulp. The mean over nothing is NaN. Predictions are floating arrays of any framework; of those whose values
cannot be read at once (JAX, another device) wrong ones make NaN of the mean instead of an error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent import _arrays, _validate

Array = Any

__all__ = [
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "focal_loss",
    "negative_log_likelihood",
    "sparse_categorical_cross_entropy",
]


@np.errstate(all="ignore")  # ∞ is a result here, documented, and not a warning
def binary_cross_entropy(y_true: Array, y_pred: Array, epsilon: float = 1e-7) -> Array:
    """Mean binary cross-entropy in nats of probabilities: −y log p − (1 − y) log(1 − p).

    Parameters
    ----------
    y_true : array
        0 or 1 in each place, as integers, booleans or floats.
    y_pred : array of floating numbers of the same shape
        Probabilities of a 1, in [0, 1].
    epsilon : float, default 1e-7
        In [0, 0.5]; each p is clipped to [ε, 1 − ε]. That caps the loss at −log ε, 16.118 at 1e-7, and makes its
        gradient 0 beyond. 0: no clipping, and ∞ is possible.

    Returns
    -------
    A single number: the mean over all entries; NaN if there are none.

    Raises
    ------
    TypeError
        Something that is not an array, arrays of two frameworks, predictions that are not floating.
    ValueError
        Two shapes (nothing is broadcast), a probability outside [0, 1] or NaN, a label other than 0 and 1: with the
        row. An ``epsilon`` outside its range.

    See Also
    --------
    xent.cross_entropy : from logits; exact, nothing clipped.

    Examples
    --------
    >>> import numpy as np, xent
    >>> y_true = np.array([1, 0, 1, 1, 0])
    >>> xent.from_probs.binary_cross_entropy(y_true, np.array([0.9, 0.1, 0.8, 0.6, 0.3])).round(6)
    np.float64(0.260273)
    >>> xent.from_probs.binary_cross_entropy(np.array([1]), np.array([0.0])).round(3)
    np.float64(16.118)
    >>> xent.from_probs.binary_cross_entropy(np.array([1]), np.array([0.0]), epsilon=0)
    np.float64(inf)
    """
    xp, one, p, faulty = _binary(y_true, y_pred)
    cost = xp.abs(xp.where(one, xp.log(p), xp.log1p(-p)))
    return _mean(xp, _clipped(xp, cost, _epsilon(epsilon)), faulty, y_pred)


@np.errstate(all="ignore")
def categorical_cross_entropy(y_true: Array, y_pred: Array, epsilon: float = 1e-7) -> Array:
    """Mean cross-entropy in nats of rows of probabilities: −Σ_j y_j log p_j, with 0 · log 0 = 0.

    Parameters
    ----------
    y_true : array (…, K)
        One-hot rows (integers, booleans or floats), or other distributions as floats.
    y_pred : array (…, K) of floating numbers
        Distributions: in [0, 1], of sum 1 to within 1e-3 (5e-3 in float16).
    epsilon : float, default 1e-7
        In [0, 0.5]; each p is clipped to [ε, 1 − ε], without dividing the row by its sum again. That caps the loss
        at −log ε, 16.118 at 1e-7, and makes its gradient 0 beyond. 0: no clipping, and ∞ is possible.

    Returns
    -------
    A single number: the mean over all rows; NaN if there are none.

    Raises
    ------
    TypeError
        Something that is not an array, arrays of two frameworks, predictions that are not floating.
    ValueError
        Two shapes (nothing is broadcast), or a row of either that is no distribution (NaN included): it is named.
        An ``epsilon`` outside its range.

    See Also
    --------
    xent.cross_entropy : from logits; exact, nothing clipped.

    Examples
    --------
    >>> import numpy as np, xent
    >>> y_true = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    >>> y_pred = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
    >>> xent.from_probs.categorical_cross_entropy(y_true, y_pred).round(6)
    np.float64(0.498703)
    """
    epsilon = _epsilon(epsilon)
    xp, p, faulty = _rows(y_true, y_pred)
    _same_shape(y_true, y_pred)
    t = _number(xp, y_true, "y_true")
    wrong = _validate.distribution(xp, xp.moveaxis(t, -1, 0), "y_true", hint="")
    cost = _clipped(xp, xp.abs(xp.log(p)), epsilon)
    cost = xp.where(t == 0, 0.0, _arrays.wide(xp, t) * cost)
    cost = _arrays.total(xp, _arrays.Pair(*(xp.moveaxis(a, -1, 0) for a in (cost, xp.zeros_like(cost))))).hi
    cost = xp.where(xp.any((t > 0) & (p == 0), axis=-1), math.inf, cost) if epsilon == 0 else cost
    return _mean(xp, cost, [*faulty, wrong], y_pred)


@np.errstate(all="ignore")
def sparse_categorical_cross_entropy(y_true: Array, y_pred: Array, epsilon: float = 1e-7) -> Array:
    """Mean cross-entropy in nats of rows of probabilities and class indices: −log p_y.

    Parameters
    ----------
    y_true : array (…) of integers in [0, K)
        Nothing counts from the end: −1 is an error.
    y_pred : array (…, K) of floating numbers
        Distributions: in [0, 1], of sum 1 to within 1e-3 (5e-3 in float16).
    epsilon : float, default 1e-7
        In [0, 0.5]; p_y is clipped to [ε, 1 − ε]. That caps the loss at −log ε, 16.118 at 1e-7, and makes its
        gradient 0 beyond. 0: no clipping, and ∞ is possible.

    Returns
    -------
    A single number: the mean over all rows; NaN if there are none.

    Raises
    ------
    TypeError
        Something that is not an array, arrays of two frameworks, labels that are not integers, predictions that are
        not floating.
    ValueError
        Labels of another shape than the rows, a label outside [0, K), a row that is no distribution (NaN included):
        with the row. An ``epsilon`` outside its range.

    See Also
    --------
    xent.cross_entropy : from logits; exact, nothing clipped.

    Examples
    --------
    >>> import numpy as np, xent
    >>> y_pred = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
    >>> xent.from_probs.sparse_categorical_cross_entropy(np.array([1, 0, 2]), y_pred).round(6)
    np.float64(0.498703)
    """
    epsilon = _epsilon(epsilon)
    xp, p, faulty = _rows(y_true, y_pred)
    if tuple(y_true.shape) != tuple(p.shape[:-1]):
        raise ValueError(
            f"y_true must hold one class index a row, so shape {tuple(p.shape[:-1])} for y_pred of shape "
            f"{tuple(p.shape)}; got {tuple(y_true.shape)}"
        )
    labels, _, wrong = _validate.indices(xp, y_true, p.shape[-1], None)
    true = xp.moveaxis(_arrays.one_hot(xp, labels, p.shape[-1]), 0, -1)
    p = xp.max(xp.where(true, p, 0.0), axis=-1)
    return _mean(xp, _clipped(xp, xp.abs(xp.log(p)), epsilon), [*faulty, wrong], y_pred)


def negative_log_likelihood(predictions: Array, labels: Array, epsilon: float = 1e-7) -> Array:
    """Mean negative log-likelihood in nats of labels under predicted distributions: −log p(label).

    It is the cross-entropy, with the arguments the other way round: what maximum likelihood makes small.
    ``predictions`` are the ``y_pred`` (…, K), and ``labels`` the ``y_true``, of
    :func:`sparse_categorical_cross_entropy` for class indices (…), or of :func:`categorical_cross_entropy` for
    distributions (…, K). The clipping, which caps the loss at −log ε and makes its gradient 0 beyond, the result
    and the errors are theirs.

    Examples
    --------
    >>> import numpy as np, xent
    >>> predictions = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1]])
    >>> xent.from_probs.negative_log_likelihood(predictions, np.array([1, 0])).round(6)
    np.float64(0.289909)
    >>> xent.from_probs.negative_log_likelihood(predictions, np.array([[0, 1, 0], [1, 0, 0]])).round(6)
    np.float64(0.289909)
    """
    _validate.namespace(predictions=predictions, labels=labels)
    if labels.ndim == predictions.ndim:
        return categorical_cross_entropy(labels, predictions, epsilon)
    return sparse_categorical_cross_entropy(labels, predictions, epsilon)


@np.errstate(all="ignore")
def focal_loss(
    y_true: Array, y_pred: Array, gamma: float = 2.0, alpha: float = 0.25, epsilon: float = 1e-7
) -> Array:
    """Mean binary focal loss in nats of probabilities: −α_t (1 − p_t)^γ log p_t.

    p_t = p and α_t = α where y = 1; p_t = 1 − p and α_t = 1 − α where y = 0.

    Parameters
    ----------
    y_true : array
        0 or 1 in each place, as integers, booleans or floats.
    y_pred : array of floating numbers of the same shape
        Probabilities of a 1, in [0, 1].
    gamma : float, default 2
        γ ≥ 0: how much less an example counts that is predicted well. 0: not at all.
    alpha : float, default 0.25
        In [0, 1]: the weight of the ones; 1 − α is that of the zeros. For γ = 0 and α = 0.5, half of
        :func:`binary_cross_entropy`.
    epsilon : float, default 1e-7
        In [0, 0.5]; each p is clipped to [ε, 1 − ε]. That caps the loss at −α_t (1 − ε)^γ log ε, 16.118 α_t at
        1e-7, and makes its gradient 0 beyond. 0: no clipping, and ∞ is possible.

    Returns
    -------
    A single number: the mean over all entries; NaN if there are none. Where α_t is 0 an entry costs 0, even if
    log p_t is −∞.

    Raises
    ------
    TypeError, ValueError
        As :func:`binary_cross_entropy`; ``gamma`` or ``alpha`` outside its range.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection", eq. 5.

    Examples
    --------
    >>> import numpy as np, xent
    >>> y_true, y_pred = np.array([1, 0, 1, 1, 0]), np.array([0.9, 0.1, 0.8, 0.6, 0.3])
    >>> xent.from_probs.focal_loss(y_true, y_pred).round(6)
    np.float64(0.009559)
    """
    gamma = _validate.number(gamma, "gamma", low=0, high=math.inf)
    alpha, epsilon = _validate.number(alpha, "alpha", low=0, high=1), _epsilon(epsilon)
    xp, one, p, faulty = _binary(y_true, y_pred)
    cost = _clipped(xp, xp.abs(xp.where(one, xp.log(p), xp.log1p(-p))), epsilon)
    miss = xp.where(one, 1.0 - p, p)
    miss = xp.where(miss < epsilon, epsilon, xp.where(miss > 1.0 - epsilon, 1.0 - epsilon, miss))
    weight = xp.where(one, alpha, xp.full_like(p, 1.0 - alpha))
    loss = xp.where((weight == 0) | (cost == 0), 0.0, weight * miss**gamma * cost)
    return _mean(xp, loss, faulty, y_pred)


# ------------------------------------------------------------------------------------------------------------ parts


def _epsilon(epsilon: float) -> float:
    return _validate.number(epsilon, "epsilon", low=0, high=0.5)


def _clipped(xp: Any, cost: Array, epsilon: float) -> Array:
    """−log of a probability clipped to [ε, 1 − ε], from that of the probability."""
    if epsilon == 0:
        return cost
    least, most = -math.log1p(-epsilon), -math.log(epsilon)
    return xp.where(cost < least, least, xp.where(cost > most, most, cost))


def _number(xp: Any, y: Array, name: str) -> Array:
    """Check labels that are given as numbers, and make them floats."""
    if not xp.isdtype(y.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"{name} must hold real numbers or booleans, got {y.dtype}")
    return y if xp.isdtype(y.dtype, "real floating") else _arrays.wide(xp, y)


def _same_shape(y_true: Array, y_pred: Array) -> None:
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            f"y_true and y_pred must have one shape, got {tuple(y_true.shape)} and {tuple(y_pred.shape)}; "
            "nothing is broadcast"
        )


def _binary(y_true: Array, y_pred: Array) -> tuple[Any, Array, Array, list[Array | None]]:
    """Check two-class arguments: (namespace, where the label is 1, probabilities in float64, faulty entries)."""
    xp = _validate.namespace(y_true=y_true, y_pred=y_pred)
    _validate.floating(xp, y_pred, "y_pred")
    _same_shape(y_true, y_pred)
    y, p = _number(xp, y_true, "y_true"), _arrays.wide(xp, y_pred)
    faulty = [
        _validate.entries(xp, y, (y != 0) & (y != 1), "y_true", "be 0 or 1"),
        _validate.entries(xp, p, ~((p >= 0) & (p <= 1)), "y_pred", "lie in [0, 1]"),
    ]
    return xp, y == 1, p, faulty


def _rows(y_true: Array, y_pred: Array) -> tuple[Any, Array, list[Array | None]]:
    """Check the predictions of K classes: (namespace, probabilities in float64, faulty rows)."""
    xp = _validate.namespace(y_true=y_true, y_pred=y_pred)
    _validate.floating(xp, y_pred, "y_pred")
    _validate.axis_of(y_pred, -1, "y_pred")
    outside = _validate.entries(xp, y_pred, ~((y_pred >= 0) & (y_pred <= 1)), "y_pred", "lie in [0, 1]")
    wrong = _validate.distribution(xp, xp.moveaxis(y_pred, -1, 0), "y_pred", hint="")
    outside = None if outside is None else xp.any(outside, axis=-1)
    return xp, _arrays.wide(xp, y_pred), [outside, wrong]


def _mean(xp: Any, loss: Array, faulty: list[Array | None], y_pred: Array) -> Array:
    """Mean over all entries, of the type the predictions ask for."""
    infinite = loss == math.inf
    mean = _arrays.sum_all(xp, xp.where(infinite, 0.0, loss)) / (math.prod(loss.shape) or math.nan)
    mean = xp.where(xp.any(infinite), math.inf, mean)
    for wrong in faulty:
        mean = mean if wrong is None else xp.where(xp.any(wrong), math.nan, mean)
    return _arrays.plain(xp.astype(mean, xp.result_type(y_pred.dtype, xp.float32)))
