"""What a target may be: class indices, or a distribution over the classes; and how one becomes the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent import _dispatch, _numpy, _validate

Array = Any

__all__ = ["one_hot", "smooth_labels"]


def one_hot(labels: Array, num_classes: int) -> Array:
    """Distributions with all weight on one class: 1 at the label, 0 elsewhere.

    Parameters
    ----------
    labels : array (…) of integers in [0, K)
    num_classes : int
        K ≥ 1.

    Returns
    -------
    array (…, K) of float64
        The classes are the last axis.

    Raises
    ------
    TypeError, ValueError
        Labels that are not integers, or the first one outside [0, K); nothing counts from the end. A JAX array's
        label outside gives a row of NaN.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    return smooth_labels(labels, 0.0, num_classes)


def smooth_labels(
    labels: Array, epsilon: float = 0.1, num_classes: int | None = None, *, convention: str = "uniform"
) -> Array:
    """Distributions with a share ε of their weight spread over the classes.

    ``"uniform"`` mixes with the uniform distribution, (1 − ε) q + ε / K: the true class keeps 1 − ε + ε / K. It is
    what ``label_smoothing=`` of the losses and PyTorch mean. ``"others"`` gives the share to the other classes,
    (1 − ε) q + ε (1 − q) / (K − 1): the true class keeps 1 − ε.

    Parameters
    ----------
    labels : array (…) of integers in [0, K), or array (…, K) of floats
        Indices, or distributions with the classes on the last axis.
    epsilon : float, default 0.1
        ε in [0, 1].
    num_classes : int
        K; needed with indices, read off the shape otherwise.
    convention : {"uniform", "others"}

    Returns
    -------
    array (…, K)
        float64 for indices, the labels' type for distributions; sums to 1 along the last axis.

    Raises
    ------
    TypeError, ValueError
        Labels outside [0, K), rows that are no distribution, K missing or not matching, ε outside [0, 1].

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the Inception architecture", §7.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.smooth_labels(np.array([0]), 0.1, 3).round(4)
    array([[0.9333, 0.0333, 0.0333]])
    >>> xent.smooth_labels(np.array([0]), 0.1, 3, convention="others")
    array([[0.9 , 0.05, 0.05]])
    """
    epsilon = _validate.number(epsilon, "epsilon", low=0, high=1)
    _validate.option(convention, "convention", _validate.CONVENTIONS)
    quick = _numpy.smooth_labels(labels, epsilon, num_classes, others=convention == "others")
    return _generic(labels, epsilon, num_classes, convention) if quick is None else quick


@np.errstate(all="ignore")
def _generic(labels: Array, epsilon: float, num_classes: int | None, convention: str) -> Array:
    """Validate and compute on any array namespace."""
    xp = _validate.namespace(labels=labels)
    compute = _dispatch.implementation(xp)
    if xp.isdtype(labels.dtype, "real floating"):
        q, dtype = xp.moveaxis(labels, _validate.axis_of(labels, -1, "labels"), 0), labels.dtype
        _validate.class_count(num_classes, "labels", q.shape[0])
        faulty = _validate.distribution(xp, q, "label")
    else:
        classes = _validate.class_count(num_classes, "labels")
        y, _, faulty = _validate.indices(xp, labels, classes, None)
        q = compute.wide(xp, compute.one_hot(xp, y, classes))
        dtype = q.dtype
    t = compute.smoothed(xp, q, epsilon, convention=convention).hi
    t = t if faulty is None else xp.where(faulty, float("nan"), t)
    return xp.astype(xp.moveaxis(t, 0, -1), dtype)
