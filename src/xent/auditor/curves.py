"""Curves of a report: those of calibration, which are public, and the area under the ROC curve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.calibration.cells import calibration_error, isotonic, smooth_error

__all__ = ["area", "calibration_error", "isotonic", "smooth_error"]

Whole = NDArray[np.integer[Any]]


def area(pair: Whole) -> tuple[float, float]:
    """Area under the ROC curve of cells (2, C) of negatives and positives in order of score, and its deviation.

    Ties in a cell count half. The deviation is of Hanley and McNeil (1982); NaN if a class is missing.

    Examples
    --------
    >>> area(np.array([[3, 1, 0], [0, 1, 3]]))[0]
    0.96875
    """
    negative, positive = (side.astype(float) for side in pair)
    n, m = negative.sum(), positive.sum()
    if n == 0 or m == 0:
        return math.nan, math.nan
    below = np.cumsum(negative) - negative
    a = float((positive * (below + negative / 2)).sum() / (n * m))
    q, r = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (m - 1) * (q - a * a) + (n - 1) * (r - a * a)) / (n * m)
    return a, math.sqrt(max(variance, 0.0))
