# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What most calls are, in one call of few arguments: for a batch of 32 × 10 the call costs more than the loss.

Two kernels, for many classes and for few, because a process that meets one of them should not compile both.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from xent.kernels import lanes, rows
from xent.kernels._compile import INLINE, kernel
from xent.kernels.mass import label_mass

FEW = 64  # up to so many classes rows lie side by side in the lanes


@njit(**INLINE)
def divisor(labels, nothing, classes, ignoring, ignore, mean):
    """What a mean divides by: the rows that count; 1 if there is no mean."""
    if not mean:
        return 1.0
    if not ignoring:
        return float(labels.size)
    by, _, _ = label_mass(labels, nothing, nothing, classes, ignoring, ignore, 0, labels.size)
    return by


@kernel
def by_rows(z, labels, grad, ignoring, ignore, mean, scales):
    """Σ of the rows' losses, what the mean divides by (1 if it is none), and the first impossible row, or −1.

    z (N, K) and grad (N, K) or (0, 0): C-contiguous, of one type; grad is that of the mean, if it is one. labels
    (N,). scales: those of τ = 1, by ``_math.steepness``.
    """
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, nothing, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    shape, strides = (1, classes), (classes, 0, classes, 0)
    total, rest, wrong = rows.cross_entropy(
        flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, count
    )
    return total + rest, by, wrong


@kernel
def by_lanes(z, labels, grad, ignoring, ignore, mean, scales):
    """As :func:`by_rows`, for up to FEW classes."""
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, nothing, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    tiles = (count + lanes.ROWS - 1) // lanes.ROWS
    shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
    total, rest, wrong = lanes.cross_entropy(
        flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, tiles
    )
    return total + rest, by, wrong
