"""From logits to probabilities and their logarithms: softmax and the logistic function, on any array.

Every function takes the class axis by ``axis``, computes in float64, and answers in the input's type and shape.
Logits of −∞ are masks. The formulas are those of :mod:`xent.spec`: everything is measured from the largest logit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xent import _dispatch, _numpy, _numpy_elements, _validate

Array = Any

__all__ = ["log_sigmoid", "log_softmax", "logsumexp", "sigmoid", "softmax"]


def softmax(logits: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    """Probabilities of the classes: p_j = exp(z_j / τ) / Σ_i exp(z_i / τ), as exp(−gap_j) / (1 + tail).

    Parameters
    ----------
    logits : array (…, K, …) of floating numbers
    axis : int, default −1
        Where the K ≥ 1 classes are.
    temperature : float, default 1
        τ > 0: above 1 flattens the distribution, below 1 sharpens it.

    Returns
    -------
    array of the logits' shape and type
        Sums to 1 along ``axis``; exactly 0 at a logit of −∞. NaN for a row with a NaN or +∞ logit, or with
        nothing but −∞.

    Raises
    ------
    TypeError, ValueError
        Not a floating array; no such axis, or no class along it; a temperature that is not positive.

    Notes
    -----
    Float64: within 4 ulp of the softmax of logits moved by at most one ulp.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.softmax(np.array([2.0, 1.0, 0.1])).round(4)
    array([0.659 , 0.2424, 0.0986])
    >>> xent.softmax(np.array([2.0, 1.0, 0.1]), temperature=5.0).round(4)
    array([0.3996, 0.3272, 0.2733])
    """
    quick = _numpy.softmax(logits, axis=axis, temperature=temperature, logs=False)
    if quick is not None:
        return quick
    with np.errstate(all="ignore"):  # ∞ and NaN are results here, documented, and not warnings
        xp, axis, r = _rows(logits, axis, temperature)
        p = (r.power.hi + r.power.lo) / r.whole.hi
        return _answer(xp, xp.moveaxis(xp.where(r.void, math.nan, p), 0, axis), logits)


def log_softmax(logits: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    """Logarithms of the probabilities in nats: log p_j = −(log1p(tail) + gap_j).

    Arguments, errors and NaN as in :func:`softmax`; −∞ at a mask. Small losses keep all their digits: where p is
    next to 1, log p is not 0 but −tail.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.log_softmax(np.array([0.0, -40.0, -41.0]))
    array([-5.81123644e-18, -4.00000000e+01, -4.10000000e+01])
    """
    quick = _numpy.softmax(logits, axis=axis, temperature=temperature, logs=True)
    if quick is not None:
        return quick
    with np.errstate(all="ignore"):
        xp, axis, r = _rows(logits, axis, temperature)
        log_p = -(r.gap.hi + (r.gap.lo + r.log1p_tail))
        log_p = xp.where(r.void, math.nan, xp.where(r.masked, -math.inf, log_p))
        return _answer(xp, xp.moveaxis(log_p, 0, axis), logits)


def logsumexp(x: Array, /, *, axis: int = -1) -> Array:
    """Logarithm of a sum of exponentials in nats: log Σ_j exp(x_j) = max x + log1p(tail).

    Parameters
    ----------
    x : array (…, K, …) of floating numbers
    axis : int, default −1
        What is summed over; K ≥ 1.

    Returns
    -------
    array of x's shape without ``axis``, of x's type
        −∞ where every entry is −∞ (the sum is 0), +∞ where one is +∞, NaN where one is NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.logsumexp(np.array([[1000.0, 1000.0], [-np.inf, -np.inf]]))
    array([1000.69314718,          -inf])
    """
    quick = _numpy.logsumexp(x, axis=axis)
    if quick is not None:
        return quick
    with np.errstate(all="ignore"):
        xp, _, r = _rows(x, axis, 1.0, "x")
        lse = _dispatch.implementation(xp).log_normaliser(r)
        return _answer(xp, xp.where(r.void, xp.astype(xp.max(x, axis=axis), lse.dtype), lse), x)


def sigmoid(x: Array, /) -> Array:
    """Logistic function: σ(x) = 1 / (1 + exp(−x)), elementwise; exp never overflows.

    x is a floating array of any shape; the answer has its shape and type. σ(−∞) = 0, σ(∞) = 1; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.sigmoid(np.array([-1000.0, -40.0, 0.0, 40.0]))
    array([0.00000000e+00, 4.24835426e-18, 5.00000000e-01, 1.00000000e+00])
    """
    quick = _numpy_elements.sigmoid(x, logs=False)
    if quick is not None:
        return quick
    with np.errstate(all="ignore"):
        xp, z = _elements(x)
        e = xp.exp(-xp.abs(z))
        return _answer(xp, xp.where(z < 0, e, xp.ones_like(e)) / (1.0 + e), x)


def log_sigmoid(x: Array, /) -> Array:
    """Logarithm of the logistic function in nats: log σ(x) = min(x, 0) − log1p(exp(−|x|)), elementwise.

    x is a floating array of any shape; the answer has its shape and type. −∞ at −∞, 0 at ∞; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.log_sigmoid(np.array([-1000.0, 0.0, 40.0]))
    array([-1.00000000e+03, -6.93147181e-01, -4.24835426e-18])
    """
    quick = _numpy_elements.sigmoid(x, logs=True)
    if quick is not None:
        return quick
    with np.errstate(all="ignore"):
        xp, z = _elements(x)
        return _answer(xp, xp.where(z < 0, z, xp.zeros_like(z)) - xp.log1p(xp.exp(-xp.abs(z))), x)


def _rows(a: Array, axis: int, temperature: float, name: str = "logits") -> tuple[Any, int, Any]:
    """Check the arguments and measure every row from its largest logit."""
    xp = _validate.namespace(**{name: a})
    _validate.floating(xp, a, name)
    axis, temperature = _validate.axis_of(a, axis, name), _validate.positive(temperature, "temperature")
    return xp, axis, _dispatch.implementation(xp).rows(xp, xp.moveaxis(a, axis, 0), temperature=temperature)


def _elements(x: Array) -> tuple[Any, Array]:
    xp = _validate.namespace(x=x)
    _validate.floating(xp, x, "x")
    return xp, _dispatch.implementation(xp).wide(xp, x)


def _answer(xp: Any, a: Array, like: Array) -> Array:
    """Give the input's type; a single number is a scalar, as NumPy has it."""
    return _dispatch.implementation(xp).plain(xp.astype(a, like.dtype))
