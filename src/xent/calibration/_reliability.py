"""How often a classifier is right beside how sure it is: the reliability diagram, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from xent import _validate, probability
from xent.calibration import cells

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
_compat: Any = array_api_compat

__all__ = [
    "CalibrationError",
    "Reliability",
    "expected_calibration_error",
    "reliability",
    "smooth_calibration_error",
]


@dataclass(frozen=True)
class CalibrationError:
    """An expected calibration error beside what a perfectly calibrated model would show on as many rows.

    Attributes
    ----------
    value : float
        Σ_b |hits_b − Σ p_b| / N over the bins b: a mean difference of probabilities, in [0, 1].
    null, deviation : float
        Mean and standard deviation of it if each row is right with exactly the probability p it was given: never 0,
        because rows are few.

    Examples
    --------
    >>> CalibrationError(0.5, 0.25, 0.125).z
    2.0
    """

    value: float
    null: float
    deviation: float

    @property
    def z(self) -> float:
        """Deviations by which the value is above that of a calibrated model; NaN if every p is 0 or 1."""
        return (self.value - self.null) / self.deviation if self.deviation else float("nan")


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often the predicted class is right, beside its probability p: in bins, and as a curve.

    Attributes
    ----------
    rows : int
        N.
    counts : int array (bins,)
        Rows in each bin of p, of equal width; bin b is [b / bins, (b + 1) / bins), the last one with its end.
    confidence, accuracy : float arrays (bins,)
        Mean p and share of hits; NaN in an empty bin.
    deviation : float array (bins,)
        Standard deviation of the accuracy if the model is calibrated: √(Σ p (1 − p)) / count; NaN where empty.
    p, curve : float arrays (distinct p,)
        Each p that occurs, in order, and the share of hits there by isotonic regression: it rises with p, and is of
        all rising curves nearest to the rows. It needs no bins.
    error : CalibrationError
        Of these bins.
    smooth_error : float
        As :func:`smooth_calibration_error` gives it.

    Examples
    --------
    >>> r = reliability(np.array([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1]))
    >>> r.rows, r.p.round(3).tolist(), r.curve.tolist()
    (3, [0.731, 0.881, 0.953], [0.6666666666666666, 0.6666666666666666, 0.6666666666666666])
    """

    rows: int
    counts: Integers
    confidence: Floats
    accuracy: Floats
    deviation: Floats
    p: Floats
    curve: Floats
    error: CalibrationError
    smooth_error: float


def reliability(logits: Floats, labels: Integers, /, *, bins: int = 15) -> Reliability:
    """How often the predicted class is right, beside how sure the model is, and the errors that this comes to.

    Parameters
    ----------
    logits : NumPy array (N, K) of floating numbers
        N ≥ 1 rows of data that the model was not trained on; −∞ masks a class. Logarithms of probabilities serve as
        logits do. The predicted class is the first one with the largest logit, p its softmax.
    labels : NumPy array (N,) of integers
        Class indices in [0, K).
    bins : int, default 15
        Bins of equal width over [0, 1]; ≥ 1.

    Returns
    -------
    Reliability

    Raises
    ------
    TypeError
        Something that is not an array; logits that are not floating, labels that are not integers.
    ValueError
        A shape that does not fit, no rows, no bins, a label outside [0, K), or a row without a softmax: NaN, +∞ or
        nothing but −∞.

    See Also
    --------
    fit_temperature : the repair, by one number.
    xent.plots.reliability : the figure.

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), "Stable reliability diagrams for probabilistic classifiers"; Bröcker
    and Smith (2007), "Increasing the reliability of reliability diagrams", for the deviation of a bin.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.calibration import reliability
    >>> logits = np.log(np.array([[0.9, 0.1]] * 10))
    >>> r = reliability(logits, np.array([0] * 7 + [1] * 3))  # 90 % sure, right 7 times of 10
    >>> round(r.error.value, 12), round(r.error.null, 3), r.curve.round(12).tolist()
    (0.2, 0.076, [0.7])
    """
    if _validate.integer(bins, "bins") < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    p, hit = _confidence(logits, labels)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    counts, hits = np.bincount(place, minlength=bins), np.bincount(place[hit], minlength=bins)
    sure: Floats = np.bincount(place, p, bins).astype(np.float64)
    doubt: Floats = np.bincount(place, p * (1 - p), bins).astype(np.float64)
    at, rows, right = _distinct(p, hit)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN of an empty bin
        return Reliability(
            rows=len(p),
            counts=counts,
            confidence=sure / counts,
            accuracy=hits / counts,
            deviation=np.sqrt(doubt) / counts,
            p=at,
            curve=cells.isotonic(rows, right),
            error=CalibrationError(*cells.calibration_error(counts, hits, sure, doubt)),
            smooth_error=cells.smooth_error(rows, right, at * rows),
        )


def expected_calibration_error(logits: Floats, labels: Integers, /, *, bins: int = 15) -> CalibrationError:
    """Mean difference between how sure a model is and how often it is right, beside a calibrated model's.

    The number depends on the bins, and is positive for a perfectly calibrated model too, the more so the fewer the
    rows: without ``null`` beside it, it says little.

    Parameters
    ----------
    logits, labels, bins
        As in :func:`reliability`, errors too.

    Returns
    -------
    CalibrationError

    References
    ----------
    Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks", eq. 3.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.calibration import expected_calibration_error
    >>> logits = np.log(np.array([[0.9, 0.1]] * 10))
    >>> round(expected_calibration_error(logits, np.array([0] * 9 + [1])).value, 12)
    0.0
    """
    return reliability(logits, labels, bins=bins).error


def smooth_calibration_error(logits: Floats, labels: Integers, /) -> float:
    """Calibration error without bins: differences are spread by a Gaussian as wide as the error that is left.

    Parameters
    ----------
    logits, labels
        As in :func:`reliability`, errors too.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Błasiok and Nakkiran (2023), "Smooth ECE: principled reliability diagrams via kernel smoothing".

    Examples
    --------
    >>> import numpy as np
    >>> from xent.calibration import smooth_calibration_error
    >>> logits = np.log(np.array([[0.9, 0.1]] * 10))
    >>> round(smooth_calibration_error(logits, np.array([0] * 7 + [1] * 3)), 2)
    0.2
    """
    p, hit = _confidence(logits, labels)
    at, rows, right = _distinct(p, hit)
    return cells.smooth_error(rows, right, at * rows)


def _confidence(logits: Floats, labels: Integers) -> tuple[Floats, NDArray[np.bool_]]:
    """Probability of each row's predicted class, and whether that is the label."""
    xp = _validate.namespace(logits=logits, labels=labels)
    if not _compat.is_numpy_array(logits):
        raise TypeError(f"reliability takes NumPy arrays, got {type(logits).__name__}; convert with np.asarray(…)")
    _validate.floating(xp, logits, "logits")
    if logits.ndim != 2 or not logits.size:
        raise ValueError(f"logits must have shape (rows, classes), at least one of each; got {logits.shape}")
    if labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels must hold one class index a row, so shape {logits.shape[:1]} for logits of shape "
            f"{logits.shape}; got {labels.shape}"
        )
    y, _, _ = _validate.indices(xp, labels, logits.shape[1], None)
    wrong = ~np.isfinite(logits.max(axis=1))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"row {row} has no softmax: a logit is NaN or +inf, or all are -inf; leave the row out")
    top = logits.argmax(axis=1)
    p = probability.softmax(logits.astype(np.float64))[np.arange(len(top)), top]
    return p, top == y


def _distinct(p: Floats, hit: NDArray[np.bool_]) -> tuple[Floats, Integers, Integers]:
    """Each p that occurs, in order, its rows and its hits: rows of the same p have one place on the curve."""
    at, cell = np.unique(p, return_inverse=True)
    return at, np.bincount(cell), np.bincount(cell, hit).astype(np.int64)
