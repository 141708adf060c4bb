# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What most calls are, in one call of few arguments: for a batch of 32 × 10 the call costs more than the loss."""

from __future__ import annotations

import numpy as np

from xent.kernels import lanes, rows
from xent.kernels._compile import kernel
from xent.kernels.mass import label_mass

FEW = 64  # up to so many classes rows lie side by side in the lanes


@kernel
def cross_entropy(z, labels, grad, ignoring, ignore, mean, scales):
    """Σ of the rows' losses, what the mean divides by (1 if it is none), and the first impossible row, or −1.

    z (N, K) and grad (N, K) or (0, 0): C-contiguous, of one type; grad is that of the mean, if it is one. labels
    (N,). scales: those of τ = 1, by ``_math.steepness``.
    """
    count, classes = z.shape
    nothing, by = np.empty(0), 1.0
    if mean:
        by = float(count)
        if ignoring:
            by, _, _ = label_mass(labels, nothing, nothing, classes, ignoring, ignore, 0, count)
    options = (ignoring, ignore, 0.0, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    if classes > FEW:
        shape, strides = (1, classes), (classes, 0, classes, 0)
        total, rest, wrong = rows.cross_entropy(
            flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, count
        )
    else:
        tiles = (count + lanes.ROWS - 1) // lanes.ROWS
        shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
        total, rest, wrong = lanes.cross_entropy(
            flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, tiles
        )
    return total + rest, by, wrong
