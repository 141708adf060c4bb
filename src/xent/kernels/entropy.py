# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""Entropy of the softmax of rows, and its gradient.

With gaps g_j = (top − z_j) / τ and their mean S = Σ p_j g_j the entropy is log1p(tail) + S, and log p_j + H is
S − g_j: the derivative by z_j is p_j (g_j − S) / τ, in which no logarithm is left.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import carray, njit

from xent.kernels import threads
from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, at, blank, hold, located, log1p, space, widen
from xent.kernels._streams import aligned
from xent.kernels.climb import BLOCK, PAD, whole_pads
from xent.kernels.cpu import PAST, PIECE, _scales
from xent.kernels.finish import two_sum
from xent.kernels.rows import put, read

_LIKE: dict[str, Any] = {"float32": np.float32(0), "float64": np.float64(0), "uint16": np.uint16(0)}


@njit(**INLINE)
def mean_gap(z, x, n, kind, top):
    """Σ e_j · gap_j of some classes; a mask, of which the power is 0, adds 0."""
    s = 0.0
    for j in range(n):
        gap = F8(top) - F8(widen(z[j], kind))
        s += F8(x[j]) * (gap if gap < math.inf else 0.0)
    return s


@njit(**INLINE)
def tilt(z, x, n, kind, top, mean, cool, v):
    """Turn powers e_j into e_j · (gap_j / τ − mean) · v; a mask has 0."""
    for j in range(n):
        gap = F8(top) - F8(widen(z[j], kind))
        x[j] = F8(x[j]) * v * ((gap if gap < math.inf else 0.0) * cool - mean)


@kernel
def entropy_at(z, out, push, like, kind, count, classes, slope, tau, hi, lo, most, past, start, stop):
    """Entropy of the rows [start, stop) of logits at an address; or, with ``slope``, its gradient.

    z (N, K): of the type of ``like`` (uint16 for half types, see ``_math``). out (N,), float64, for the entropy; or
    (N, K), of the type of z, for the gradient, times push (N,), float64. scales: those of τ.
    """
    logits = carray(located(z, like), count * classes)
    values, factors = carray(located(out, 0.0), 0 if slope else count), carray(located(push, 0.0), count)
    grad = carray(located(out, like), count * classes if slope else 0)
    buffer, cool = space(whole_pads(classes) + PAD, blank(like)), 1.0 / tau
    x = aligned(at(buffer, 0))
    for i in range(start, stop):
        line = at(logits, i * classes)
        top, tail = read(line, classes, kind, x, hi, lo, most)
        mean, rest, whole = 0.0, 0.0, 1.0 + tail
        if tail < math.inf:
            for b in range(0, classes, BLOCK):
                mean, rest = two_sum(
                    mean, rest, mean_gap(at(line, b), at(x, b), min(BLOCK, classes - b), kind, top)
                )
            mean = (mean + rest) / (tau * whole)
        else:  # NaN: a row without a softmax
            mean = math.nan
            for j in range(classes):
                x[j] = math.nan
        if slope:
            tilt(line, x, classes, kind, top, mean, cool, factors[i] / (tau * whole))
            put(x, classes, kind, at(grad, i * classes), past)
        else:
            values[i] = log1p(tail) + mean
    hold(buffer)


def entropy(
    z: int, out: int, push: int, stored: tuple[str, int], shape: tuple[int, int], tau: float, *, slope: bool
) -> None:
    """Fill what ``out`` points at with the entropy in nats of softmax(z / τ) of rows, or with its gradient.

    Parameters
    ----------
    z : address
        Logits (N, K), C-contiguous.
    out : address
        For N numbers of float64; with ``slope`` for the gradient, like z.
    push : address
        With ``slope``, N numbers of float64, one for each row: what its gradient is multiplied by.
    stored : type's name and how it is stored (see ``_math``)
    shape : (N, K)
    tau : float
    slope : bool
    """
    (name, kind), (count, classes) = stored, shape
    like = _LIKE[name]
    scales = _scales(tau, np.float64 if name == "float64" else np.float32)
    past = slope and count * classes * like.itemsize > PAST

    def work(start: int, stop: int) -> None:
        entropy_at(z, out, push, like, kind, count, classes, slope, tau, *scales, past, start, stop)

    step = max(PIECE // classes, 1)
    if count <= step:
        work(0, count)
    else:
        threads.run(work, count, step)
