# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""The loss of rows at an inverse temperature, and its first two derivatives, from one reading of the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from xent.kernels import threads
from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, at, key, log1p, unkey
from xent.kernels.finish import tail_of, two_sum
from xent.kernels.logistic import fall
from xent.kernels.rows import less

Array = Any

PIECE = 2**17  # logits a thread takes at a time
_UNDERFLOW = 800.0  # exp(−800) = 0, and 0 · 800 = 0, which 0 · ∞ is not


@njit(**INLINE)
def largest(z, n):
    """Give the largest of n numbers; NaN if one is a positive NaN."""
    best = key(z[0])
    for j in range(n):
        k = key(z[j])
        best = k if k > best else best
    return unkey(best)


@njit(**INLINE)
def sums(z, n, top, beta):
    """Σ e, Σ e u and Σ e u² of u = β (top − z) and e = exp(−u), and how often u is 0."""
    s, one, two, ties = 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        gap = top - F8(z[j])
        u = beta * gap
        u = _UNDERFLOW if u > _UNDERFLOW else u
        e = fall(u)
        own = 1.0 if gap == 0 else 0.0
        s += less(e, own)  # each by itself: a sum that may be reordered would lose what is small
        ties += own
        one += e * u
        two += e * u * u
    return tail_of(top, s, ties), one, two


@kernel
def _pass(z, labels, weight, beta, start, stop):
    """Σ w f, Σ w β f′ and Σ w β² f″ of the rows [start, stop), and the first that has no finite loss, or −1."""
    n = z.shape[1]
    loss, slope, bend, rest, wrong = 0.0, 0.0, 0.0, 0.0, -1
    for i in range(start, stop):
        line = at(z, i * n)
        top = F8(largest(line, n))
        tail, one, two = sums(line, n, top, beta)
        own = beta * (top - F8(line[labels[i]]))
        f = log1p(tail) + own
        if not f < math.inf:
            wrong = i
            break
        w = weight[i] if weight.size else 1.0
        first = one / (1.0 + tail)
        loss, rest = two_sum(loss, rest, w * f)
        slope += w * (own - first)
        bend += w * (two / (1.0 + tail) - first * first)
    return loss + rest, slope, bend, wrong


def moments(z: Array, labels: Array, beta: float, weight: Array | None = None) -> tuple[Array, int]:
    """Sums over rows of w f, w β f′ and w β² f″ for the loss f(β) in nats of logits β z.

    Parameters
    ----------
    z : array (N, K)
        float32 or float64, C-contiguous; float16 is widened.
    labels : int64 array (N,)
        In [0, K).
    beta : float
        1 / temperature.
    weight : float64 array (N,), optional

    Returns
    -------
    sums : float64 array (3,)
        The same for any number of threads.
    wrong : int
        The first row without a finite loss, or −1.
    """
    if z.dtype not in (np.float32, np.float64):
        z = z.astype(np.float32)
    z = np.ascontiguousarray(z, z.dtype.newbyteorder("="))
    w = np.empty(0) if weight is None else np.ascontiguousarray(weight, np.float64)
    y = np.ascontiguousarray(labels, np.int64)

    def work(start: int, stop: int) -> tuple[float, ...]:
        return _pass(z, y, w, float(beta), start, stop)

    found = threads.run(work, len(z), max(PIECE // z.shape[1], 1))
    wrong = next((int(f[3]) for f in found if f[3] >= 0), -1)
    return np.array([math.fsum(column) for column in list(zip(*found, strict=True))[:3]]), wrong
