"""Calibration from counts in cells of confidence: expected and smooth error, and the isotonic curve.

For those who add rows up and do not keep them; :func:`xent.calibration.reliability` is for those who have the rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["calibration_error", "isotonic", "smooth_error"]

Floats = NDArray[np.floating[Any]]
Whole = NDArray[np.integer[Any]]


def calibration_error(rows: Whole, hits: Whole, p: Floats, doubt: Floats) -> tuple[float, float, float]:
    """Give the expected calibration error of bins, and mean and deviation of a calibrated model's.

    Parameters
    ----------
    rows, hits : arrays (bins,)
        Rows in each bin, and how many of them were right.
    p, doubt : arrays (bins,)
        Σ p and Σ p (1 − p) of the predicted class.

    Returns
    -------
    error, null, deviation : float
        Σ_b |hits_b − Σ p_b| / N, and its distribution if each row is right with probability p: the difference of
        a bin is then nearly normal with variance v = Σ p (1 − p), so that its absolute value has the mean
        √(2 v / π) and the variance v (1 − 2 / π).

    Examples
    --------
    >>> error, null, deviation = calibration_error(
    ...     np.array([100]), np.array([80]), np.array([90.0]), np.array([9.0])
    ... )
    >>> round(error, 12), round(null, 6), round(deviation, 6)
    (0.1, 0.023937, 0.018084)
    """
    n = float(rows.sum()) or math.nan  # no rows have no error
    error = float(abs(hits - p).sum()) / n
    null = float(np.sqrt(2 * doubt / math.pi).sum()) / n
    deviation = math.sqrt(float(doubt.sum()) * (1 - 2 / math.pi)) / n
    return error, null, deviation


def smooth_error(rows: Whole, hits: Whole, p: Floats, *, mesh: int = 4096) -> float:
    """Smooth calibration error of cells: the error at the width of kernel that equals it.

    The differences hits − Σ p are spread over [0, 1] by a Gaussian of width σ that is reflected at 0 and 1; the
    error at σ is the integral of what is left, without sign. It falls as σ grows, so that one σ equals it.

    Parameters
    ----------
    rows, hits : arrays (cells,)
        Rows in each cell, and how many of them were right.
    p : array (cells,)
        Σ p of the predicted class.
    mesh : int
        Points of [0, 1].

    References
    ----------
    Błasiok and Nakkiran (2023), "Smooth ECE: principled reliability diagrams via kernel smoothing".

    Examples
    --------
    >>> round(smooth_error(np.array([100]), np.array([80]), np.array([90.0])), 3)
    0.1
    """
    some = rows > 0
    n, left = float(rows.sum()), (hits - p)[some]
    at = np.clip(p[some] / rows[some] * mesh - 0.5, 0, mesh - 1)  # between two points of the mesh
    low = np.minimum(at.astype(int), mesh - 2)
    r = np.bincount(low, left * (low + 1 - at), mesh) + np.bincount(low + 1, left * (at - low), mesh)
    # Reflected at 0 and 1 is even and of period 2, where a Gaussian multiplies the m-th frequency by a Gaussian.
    waves, frequency = np.fft.rfft(np.concatenate([r, r[::-1]])), np.pi * np.arange(mesh + 1)

    def error(sigma: float) -> float:
        smooth = np.fft.irfft(waves * np.exp(-((frequency * sigma) ** 2) / 2), 2 * mesh)
        return float(abs(smooth[:mesh]).sum()) / n

    least, most = 1 / mesh, 1.0
    if error(least) <= least:
        return error(least)
    for _ in range(24):
        middle = math.sqrt(least * most)
        least, most = (middle, most) if error(middle) > middle else (least, middle)
    return math.sqrt(least * most)


def isotonic(rows: Whole, hits: Whole) -> Floats:
    """Share of hits that rises from cell to cell and is nearest to what was seen (pool adjacent violators).

    Parameters
    ----------
    rows, hits : arrays (cells,)
        In order of confidence; no cell is empty.

    References
    ----------
    Dimitriadis, Gneiting and Jordan (2021), "Stable reliability diagrams for probabilistic classifiers".

    Examples
    --------
    >>> isotonic(np.array([2, 2, 4]), np.array([1, 0, 4])).tolist()
    [0.25, 0.25, 1.0]
    """
    pools: list[list[float]] = []  # hits, rows, cells
    for h, n in zip(hits.tolist(), rows.tolist(), strict=True):
        pools.append([h, n, 1])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    return np.repeat([h / n for h, n, _ in pools], [int(cells) for *_, cells in pools])
