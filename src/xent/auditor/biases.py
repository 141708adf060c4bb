# pyright: basic
"""Temperature and one bias a class, fitted together: what a shift of the classes' frequencies leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xent

Array = NDArray[Any]


@dataclass(frozen=True)
class Biases:
    """softmax(β log p + b), fitted.

    Attributes
    ----------
    inverse : float
        β, one over the temperature.
    bias : array (K,)
        b, with mean 0.

    Examples
    --------
    >>> Biases(1.0, np.zeros(3)).log_likelihood(np.log([[0.5, 0.25, 0.25]]), np.array([0]), np.array([2.0]))
    -1.3862943611198906
    """

    inverse: float
    bias: Array

    def log_likelihood(self, log_p: Array, labels: Array, count: Array) -> float:
        """Sum over rows of count · log of the label's probability, in nats."""
        lp = xent.log_softmax(self.inverse * log_p + self.bias)
        return float((count * lp[np.arange(len(labels)), labels]).sum())


def fit_biases(log_p: Array, labels: Array, count: Array, *, ridge: float = 0.5, free: bool = True) -> Biases:
    """Fit β and b by Newton's method, halving steps that do not help.

    Parameters
    ----------
    log_p : array (n, K)
        Log-probabilities; −∞ stays −∞.
    labels, count : arrays (n,)
        Class, and weight of each row.
    ridge : float
        Σ b² ridge / 2 is added to the loss, so that a class without rows has a bias.
    free : bool
        Whether β is fitted too; 1 if not.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.normal(size=(4000, 3))
    >>> y = (z + np.array([0.0, 0.0, 1.0]) + rng.gumbel(size=z.shape)).argmax(axis=1)
    >>> fit = fit_biases(xent.log_softmax(z), y, np.ones(4000))
    >>> (fit.bias - fit.bias[0]).round(1).tolist()
    [0.0, 0.0, 1.0]
    """
    n, k = log_p.shape
    flat = np.where(np.isfinite(log_p), log_p, 0)
    target = np.bincount(labels, count, k)
    mine = float((count * flat[np.arange(n), labels]).sum())
    at, best = np.concatenate([[1.0], np.zeros(k)]), np.inf

    def look(point: Array) -> tuple[float, Array]:
        lp = xent.log_softmax(point[0] * log_p + point[1:])
        loss = -float((count * lp[np.arange(n), labels]).sum()) + ridge / 2 * float((point[1:] ** 2).sum())
        return loss, np.exp(lp)

    best, p = look(at)
    for _ in range(25):
        weighted = p * count[:, None]
        mean = (p * flat).sum(axis=1)
        gradient = np.concatenate([[(count * mean).sum() - mine], weighted.sum(axis=0) - target + ridge * at[1:]])
        curve = np.empty((k + 1, k + 1))
        curve[0, 0] = (count * ((p * flat * flat).sum(axis=1) - mean**2)).sum()
        curve[0, 1:] = curve[1:, 0] = (weighted * (flat - mean[:, None])).sum(axis=0)
        curve[1:, 1:] = np.diag(weighted.sum(axis=0) + ridge) - p.T @ weighted
        if not free:
            curve[0, :] = curve[:, 0] = gradient[0] = 0
        curve[0, 0] += 1e-9 * (1 + curve[0, 0]) if free else 1
        step = np.linalg.solve(curve, gradient)
        size = 1.0
        while size > 1e-4:
            there = at - size * step
            loss, p_there = look(there)
            if there[0] > 0 and loss < best:
                break
            size /= 2
        else:
            break
        gain, at, best, p = best - loss, there, loss, p_there
        if gain < 1e-3:  # nats of all rows together
            break
    return Biases(float(at[0]), at[1:] - at[1:].mean())
