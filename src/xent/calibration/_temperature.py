"""The temperature at which a classifier's probabilities fit its labels best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from xent import _validate

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
_compat: Any = array_api_compat

__all__ = ["TemperatureFit", "fit_temperature"]


@dataclass(frozen=True)
class TemperatureFit:
    """A fitted temperature, and what it is worth in nats; the text of it is a sentence.

    Attributes
    ----------
    temperature : float
        T > 0, to divide the logits by: above 1 the model was too confident, below 1 not confident enough.
    loss, loss_at_one : float
        Mean cross-entropy at T, and at 1 as the logits came, in nats.
    saved : float
        ``loss_at_one − loss``, in nats a row; ≥ 0 to rounding if the bounds contain 1.
    at_bound : {"lower", "upper"} or None
        The bound of the search at which the loss was still falling: ``temperature`` is that bound and no optimum.
    iterations : int
        How often the logits were read.

    Examples
    --------
    >>> fit = TemperatureFit(temperature=2.0, loss=0.5, loss_at_one=0.75, at_bound=None, iterations=5)
    >>> fit.saved
    0.25
    >>> print(fit)
    The loss is least at temperature 2: 0.5 nats a row, 0.25 less than at 1.
    """

    temperature: float
    loss: float
    loss_at_one: float
    at_bound: Literal["lower", "upper"] | None
    iterations: int

    @property
    def saved(self) -> float:
        """Nats a row that the temperature saves."""
        return self.loss_at_one - self.loss

    def __str__(self) -> str:
        change = f"{abs(self.saved):.4g} {'less' if self.saved >= 0 else 'more'} than at 1"
        value = f"{self.loss:.4g} nats a row, {change}"
        if self.at_bound is None:
            return f"The loss is least at temperature {self.temperature:.6g}: {value}."
        further, no_optimum = {
            "lower": ("smaller", "labels that always have the largest logit"),
            "upper": ("larger", "logits that are against the labels"),
        }[self.at_bound]
        return (
            f"The loss still falls at the {self.at_bound} bound, temperature {self.temperature:.6g}: {value}. "
            f"A {further} temperature would be better; for {no_optimum} there is no best one."
        )


def fit_temperature(
    logits: Floats,
    labels: Integers,
    /,
    *,
    axis: int = -1,
    sample_weight: NDArray[Any] | None = None,
    ignore_index: int | None = None,
    bounds: tuple[float, float] = (1 / 64, 64.0),
) -> TemperatureFit:
    """Temperature T at which the mean cross-entropy of softmax(z / T), in nats, is least.

    The loss is convex in β = 1 / T. With gap_j = z_k − z_j ≥ 0, measured from the row's largest logit, its
    derivatives are the means of gap_y − E_p[gap] and Var_p[gap]. The only zero of the first is found by Newton's
    method in log β, kept inside a bracket. T is > 0, and changes no row's order of classes, so no accuracy.

    Parameters
    ----------
    logits : NumPy array (…, K, …) of floating numbers
        Of data that the model was not trained on. −∞ masks a class of a row. Logarithms of probabilities serve as
        logits do; probabilities do not.
    labels : NumPy array of integers
        Class indices in [0, K), of the logits' shape without ``axis``.
    axis : int, default −1
        Where the K ≥ 2 classes are.
    sample_weight : NumPy array, optional
        One factor a row, finite and ≥ 0. A row of weight 0 counts for exactly nothing, even if it is NaN.
    ignore_index : int, optional
        Rows with this label count for nothing.
    bounds : (float, float), default (1/64, 64)
        Where T is looked for, 0 < lower < upper.

    Returns
    -------
    TemperatureFit
        ``at_bound`` is "lower" for perfectly separated data, whose loss falls as T → 0, and "upper" for logits that
        are against the labels, whose best answer is T → ∞.

    Raises
    ------
    TypeError
        Something that is not a NumPy array; logits that are not floating, labels that are not integers.
    ValueError
        A shape that does not fit; a label outside [0, K); a weight that is negative or not finite; bounds that are
        no interval; no valid rows. A valid row with NaN, +∞ or nothing but −∞, or whose label is masked (its loss
        is ∞ at every temperature): it is named. One class, or logits that are equal in every row: then every
        temperature is as good.

    Notes
    -----
    Computed in float64, whatever the logits' type, on all cores, and block by block: no temporary has more than 2²²
    numbers, or one row. It stops when a Newton step moves log T by less than 1e-9, and takes that step: the error
    is of its square. The order of the rows, and a constant added to a row, change rounding only.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", §4.2.

    Examples
    --------
    >>> import math, numpy as np
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> fit = fit_temperature(logits, np.array([0, 0, 1, 1]))  # 98 % sure, right 3 times of 4: T = 4 / log 3
    >>> round(fit.temperature, 9), round(4 / math.log(3), 9)
    (3.640956907, 3.640956907)
    >>> print(fit)
    The loss is least at temperature 3.64096: 0.5623 nats a row, 0.4558 less than at 1.
    """
    data = _checked(logits, labels, axis, sample_weight, ignore_index)
    low, high = _interval(bounds)
    return _search(data, low, high)


# ------------------------------------------------------------------------------------------------- data, in blocks

_BLOCK = 2**22  # logits at a time, of which a copy is made where some rows are left out or the order is another


class _Data(NamedTuple):
    """The rows that count."""

    logits: Floats  # rows first, classes last
    rows: Integers | None  # which of them, by number; None: all
    labels: Integers  # one a row that counts
    weight: Floats | None  # the same; the largest is 1


def _blocks(data: _Data) -> Iterator[tuple[slice, Floats]]:
    """Cut the rows that count into blocks of logits (n, K); the slice is their place in labels and weight."""
    z, count = data.logits, len(data.labels)
    if z.flags.c_contiguous:
        z = z.reshape(-1, z.shape[-1])  # no copy
    step = max(_BLOCK // z.shape[-1], 1)
    for start in range(0, count, step):
        at = slice(start, min(start + step, count))
        if data.rows is None and z.ndim == 2:
            yield at, z[at]
        else:
            rows = np.arange(at.start, at.stop) if data.rows is None else data.rows[at]
            yield at, z[np.unravel_index(rows, z.shape[:-1])]


class _Means(NamedTuple):
    """The mean loss f in nats, and its derivatives by β as β f′ and β² f″."""

    loss: float
    slope: float
    curvature: float


def _means(data: _Data, beta: float) -> _Means:
    from xent.kernels.moments import moments

    total: Floats = np.zeros(3)
    for at, block in _blocks(data):
        sums, wrong = moments(block, data.labels[at], beta, None if data.weight is None else data.weight[at])
        if wrong >= 0:
            _refuse(data, at, block, wrong)
        total = total + sums
    by = float(len(data.labels) if data.weight is None else data.weight.sum())
    return _Means(*(float(s) for s in total / by))


def _refuse(data: _Data, at: slice, block: Floats, i: int) -> None:
    """Say what is wrong with the first row whose loss is not finite."""
    number = at.start + i if data.rows is None else int(data.rows[at.start + i])
    place = tuple(int(j) for j in np.unravel_index(number, data.logits.shape[:-1]))
    where, label = f"row {place[0] if len(place) == 1 else place}", int(data.labels[at.start + i])
    if not np.isfinite(block[i].max()):
        raise ValueError(
            f"{where} has no softmax: a logit is NaN or +inf, or all are -inf; leave the row out by sample_weight=0"
        )
    raise ValueError(
        f"the label {label} of {where} has the logit {float(block[i, label]):g}, so that its loss is infinite at "
        "every temperature; leave the row out by sample_weight=0, or correct the label or the mask"
    )


# ------------------------------------------------------------------------------------------------------- the search

_TOLERANCE = 1e-9  # of log β: the loss then is its least to 1e-18 of the curvature


def _search(data: _Data, low: float, high: float) -> TemperatureFit:
    """Find the zero of f′, which grows with x = log β, between x = −log high and x = −log low."""
    left, right = ends = -math.log(high), -math.log(low)
    x, now = 0.0, _means(data, 1.0)
    loss_at_one, seen, before = now.loss, [x], math.inf
    if not left <= x <= right:
        x = min(max(x, left), right)
        now = _means(data, math.exp(x))
        seen.append(x)
    while True:
        # Slope and curvature are both 0 where every power underflowed. Each label then has its row's largest logit,
        # because below it u_y would be left: the exact slope is negative, if any gap is not 0.
        saturated = now.slope == now.curvature == 0
        if saturated and _flat(data):
            raise ValueError(
                "in every row that counts the unmasked logits are equal, so that the loss is the same at every "
                "temperature and there is none to fit"
            )
        rising = now.slope > 0
        if x == ends[not rising] and (saturated or now.slope != 0):
            bound = ("upper", high) if rising else ("lower", low)
            return TemperatureFit(bound[1], now.loss, loss_at_one, bound[0], len(seen))
        left, right = (left, x) if rising else (x, right)
        end = left if rising else right  # the loss falls towards it
        step = -now.slope / now.curvature if now.curvature > 0 else math.inf
        if abs(step) <= _TOLERANCE or (right - left <= _TOLERANCE and end in seen):
            x = min(max(x + step, left), right)
            return TemperatureFit(math.exp(-x), now.loss, loss_at_one, None, len(seen))
        if left < x + step < right and abs(step) <= before / 2:
            trial = x + step
        else:  # Newton's steps are tiny where the slope dies out like exp(−β): look at the bound, then halve
            trial = end if end not in seen else (left + right) / 2
        x, before = trial, abs(trial - x)
        now = _means(data, math.exp(x))
        seen.append(x)


def _flat(data: _Data) -> bool:
    """Say whether no row has two different logits that are not masked."""
    for _, block in _blocks(data):
        top = block.max(axis=1, keepdims=True)
        if ((block != top) & (block != -np.inf)).any():
            return False
    return True


# -------------------------------------------------------------------------------------------------------- arguments


def _interval(bounds: tuple[float, float]) -> tuple[float, float]:
    """Check the bounds of a temperature."""
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise TypeError(f"bounds must be two temperatures (lower, upper), got {bounds!r}") from None
    low, high = (_validate.positive(b, "each of bounds") for b in (low, high))
    if low >= high:
        raise ValueError(f"bounds must be (lower, upper) with lower < upper, got {bounds!r}")
    return low, high


def _checked(
    logits: Floats, labels: Integers, axis: int, sample_weight: NDArray[Any] | None, ignore_index: int | None
) -> _Data:
    """Check the arrays, lay the classes last, and leave out the rows that do not count."""
    arrays = {"logits": logits, "labels": labels, "sample_weight": sample_weight}
    xp = _validate.namespace(**arrays)
    if not _compat.is_numpy_array(logits):
        raise TypeError(
            f"fit_temperature takes NumPy arrays, got {type(logits).__name__}; convert with np.asarray(…)"
        )
    _validate.floating(xp, logits, "logits")
    z = np.moveaxis(logits, _validate.axis_of(logits, axis), -1)
    *shape, classes = z.shape
    if labels.shape != tuple(shape):
        raise ValueError(
            f"labels must hold one class index a row, so shape {tuple(shape)} for logits of shape {logits.shape} "
            f"with axis {axis}; got {labels.shape}"
        )
    if ignore_index is not None:
        _validate.integer(ignore_index, "ignore_index")
    y, valid, _ = _validate.indices(xp, labels, classes, ignore_index, ignorable=True)
    w = _validate.weights(xp, sample_weight, "sample_weight", tuple(shape), logits)
    if classes == 1:
        raise ValueError(
            f"logits of shape {logits.shape} have one class along axis {axis}, whose loss is 0 at every temperature"
        )
    keep = np.ones(y.size, bool) if valid is None else np.reshape(valid, -1)
    if w is not None:
        keep = keep & (np.reshape(w, -1) > 0)
    if not keep.any():
        raise ValueError(
            f"there is no row to fit a temperature to: of {y.size} in logits of shape {logits.shape}, ignore_index "
            "and sample_weight leave none"
        )
    rows = None if keep.all() else np.flatnonzero(keep)
    y = np.reshape(y, -1)[keep]
    if w is not None:
        w = np.reshape(w, -1)[keep].astype(np.float64)
        w /= w.max()
    return _Data(z if z.ndim > 1 else z[None], rows, y, w)
