# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""What most calls are, in one call of few arguments: for a batch of 32 × 10 the call costs more than the loss.

Of labels there are four kernels, for many classes, some and few, and losses alone: who meets one of them should not
compile the others.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from xent.kernels import lanes, odds, rows, short, smooth_lanes, smooth_rows, soft, soft_lanes
from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import NATIVE, hold, located
from xent.kernels.mass import label_mass


@njit(**INLINE)
def divisor(labels, weight, classes, ignoring, ignore, mean):
    """What a mean divides by: the rows that count, or their classes' weights; 1 if there is no mean."""
    if not mean:
        return 1.0
    if not ignoring and weight.size == 0:
        return float(labels.size)
    by, rest, _ = label_mass(labels, weight, np.empty(0), classes, ignoring, ignore, 0, labels.size)
    return by + rest


@kernel
def by_rows(z, labels, grad, ignoring, ignore, mean, scales):
    """Σ of the rows' losses, what the mean divides by (1 if it is none), and the first impossible row, or −1.

    z (N, K) and grad (N, K) or (0, 0): C-contiguous, of one type; grad is that of the mean, if it is one. labels
    (N,). scales: those of τ = 1, by ``_math.steepness``.
    """
    return row_after_row(rows.cross_entropy, z, labels, np.empty(0), grad, ignoring, ignore, mean, scales)


@kernel
def by_short_rows(z, labels, grad, ignoring, ignore, mean, scales):
    """As :func:`by_rows`, for float32 and up to ``short.MOST`` classes."""
    return row_after_row(short.cross_entropy, z, labels, np.empty(0), grad, ignoring, ignore, mean, scales)


@kernel
def by_odds(z, labels, grad, ignoring, ignore, mean, scales):
    """As :func:`by_rows`, for float32 and no gradient."""
    return row_after_row(odds.cross_entropy, z, labels, np.empty(0), grad, ignoring, ignore, mean, scales)


@kernel
def row_after_row(loop, z, labels, weight, grad, ignoring, ignore, mean, scales):
    """:func:`by_rows`, by a loop over rows, with class weights (K,) unless there are none."""
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, weight, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    shape, strides = (1, classes), (classes, 0, classes, 0)
    total, rest, wrong = loop(
        flat, labels, weight, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, count
    )
    return total + rest, by, wrong


@kernel
def by_lanes(z, labels, grad, ignoring, ignore, mean, scales):
    """As :func:`by_rows`, for few classes."""
    return side_by_side(z, labels, np.empty(0), grad, ignoring, ignore, mean, scales)


@kernel
def side_by_side(z, labels, weight, grad, ignoring, ignore, mean, scales):
    """:func:`by_lanes`, with class weights (K,) unless there are none."""
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, weight, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    tiles = (count + lanes.ROWS - 1) // lanes.ROWS
    shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
    total, rest, wrong = lanes.cross_entropy(
        flat, labels, weight, nothing, nothing, nothing, to, 0, shape, strides, scales, options, 0, tiles
    )
    return total + rest, by, wrong


@kernel
def smooth_by_rows(z, labels, grad, ignoring, ignore, mean, scales, smooth):
    """As :func:`by_rows`, with smoothed labels; smooth: as for ``smooth_rows``."""
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, nothing, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    shape, strides = (1, classes), (classes, 0, classes, 0)
    total, rest, wrong = smooth_rows.cross_entropy(
        flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options,
        (smooth, 1.0 / by), 0, count,
    )  # fmt: skip
    return total + rest, by, wrong


@kernel
def smooth_by_lanes(z, labels, grad, ignoring, ignore, mean, scales, smooth):
    """As :func:`smooth_by_rows`, for few classes."""
    (count, classes), nothing = z.shape, np.empty(0)
    by = divisor(labels, nothing, classes, ignoring, ignore, mean)
    options = (ignoring, ignore, 0.0, 1.0, by, 1.0, False)
    flat, to = z.reshape(-1), grad.reshape(-1)
    tiles = (count + lanes.ROWS - 1) // lanes.ROWS
    shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
    total, rest, wrong = smooth_lanes.cross_entropy(
        flat, labels, nothing, nothing, nothing, nothing, to, 0, shape, strides, scales, options,
        (smooth, 1.0 / by), 0, tiles,
    )  # fmt: skip
    return total + rest, by, wrong


@kernel
def rows_at(z, labels, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """:func:`by_rows` of what lies at addresses: integers are shown to a kernel in a fraction of an array's time.

    z (N, K), grad (where there is a ``slope``) and loss (one number) are of the type of hi, lo, most, which are
    ``_math.steepness`` of τ = 1; labels (N,) are int64. Writes the loss, and gives −1; or the first row whose label
    is no class; or −2, where a mean has nothing to divide by.
    """
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    total, by, wrong = by_rows(logits, ours, to, True, ignore, mean, (hi, lo, most))
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def short_rows_at(z, labels, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`rows_at`, for float32 and up to ``short.MOST`` classes."""
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    total, by, wrong = by_short_rows(logits, ours, to, True, ignore, mean, (hi, lo, most))
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def odds_at(z, labels, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`rows_at`, for float32 and no gradient."""
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    total, by, wrong = by_odds(logits, ours, to, True, ignore, mean, (hi, lo, most))
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def lanes_at(z, labels, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`rows_at`, for few classes."""
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    total, by, wrong = by_lanes(logits, ours, to, True, ignore, mean, (hi, lo, most))
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def weighted_rows_at(z, labels, weight, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`rows_at`, with class weights (K,), which are of the type of the logits."""
    where = z, labels, weight, grad, loss
    return weighted(rows.cross_entropy, where, count, classes, slope, ignore, mean, (hi, lo, most))


@kernel
def weighted_short_rows_at(z, labels, weight, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`weighted_rows_at`, for float32 and up to ``short.MOST`` classes."""
    where = z, labels, weight, grad, loss
    return weighted(short.cross_entropy, where, count, classes, slope, ignore, mean, (hi, lo, most))


@kernel
def weighted_odds_at(z, labels, weight, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`weighted_rows_at`, for float32 and no gradient."""
    where = z, labels, weight, grad, loss
    return weighted(odds.cross_entropy, where, count, classes, slope, ignore, mean, (hi, lo, most))


@kernel
def weighted_lanes_at(z, labels, weight, grad, loss, count, classes, slope, ignore, mean, hi, lo, most):
    """As :func:`weighted_rows_at`, for few classes."""
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    factors = widened(weight, classes, hi)
    total, by, wrong = side_by_side(logits, ours, factors, to, True, ignore, mean, (hi, lo, most))
    hold(factors)
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def weighted(loop, where, count, classes, slope, ignore, mean, scales):
    """:func:`weighted_rows_at` by a loop over rows. where: its five addresses."""
    z, labels, weight, grad, loss = where
    hi, _, _ = scales
    logits, ours, to = laid(z, labels, grad, count, classes, slope, hi)
    factors = widened(weight, classes, hi)
    total, by, wrong = row_after_row(loop, logits, ours, factors, to, True, ignore, mean, scales)
    hold(factors)
    return closed(carray(located(loss, hi), 1), total, by, wrong)


@kernel
def soft_rows_at(z, q, grad, loss, count, classes, slope, mean, like):
    """As :func:`rows_at`, of distributions q (N, K), which are not looked at; all of the type of ``like``."""
    one = (classes, 1, 1)
    return softly(soft.cross_entropy, (z, q, grad, loss), (1, classes), one, count, count, slope, mean, like)


@kernel
def soft_lanes_at(z, q, grad, loss, count, classes, slope, mean, like):
    """As :func:`soft_rows_at`, for few classes."""
    one, units = (0, 1, classes), (count + lanes.ROWS - 1) // lanes.ROWS
    return softly(
        soft_lanes.cross_entropy, (z, q, grad, loss), (1, count, classes), one, count, units, slope, mean, like
    )


@kernel
def softly(loop, where, shape, strides, count, units, slope, mean, like):
    """:func:`soft_rows_at` by a loop. where: its four addresses."""
    z, q, grad, loss = where
    size, by, nothing = count * shape[-1], float(count) if mean else 1.0, np.empty(0)
    settings = (False, 0, 0.0, 1.0 / by, False, False)
    total, rest, _, _ = loop(
        carray(located(z, like), size), np.empty(0, np.int64), carray(located(q, like), size), nothing, nothing,
        nothing, nothing, carray(located(grad, like), size if slope else 0), (NATIVE, NATIVE), shape,
        (strides, strides, strides), PLAIN, settings, 0, units,
    )  # fmt: skip
    carray(located(loss, like), 1)[0] = (total + rest) / by


@njit(**INLINE)
def widened(weight, classes, like):
    """Class weights at an address, as float64."""
    given, wide = carray(located(weight, like), classes), np.empty(classes)
    for j in range(classes):
        wide[j] = given[j]
    return wide


@njit(**INLINE)
def laid(z, labels, grad, count, classes, slope, like):
    """Show memory as arrays."""
    to = carray(located(grad, like), (count if slope else 0, classes))
    return carray(located(z, like), (count, classes)), carray(located(labels, count), count), to


@njit(**INLINE)
def closed(loss, total, by, wrong):
    """Write the loss down, if there is one."""
    if wrong >= 0:
        return wrong
    if by == 0:
        return -2
    loss[0] = total / by
    return -1


PLAIN = soft.constants(1)  # of no smoothing and τ = 1, for any number of classes

# By lanes, by short rows, by rows, and by odds.
ARRAYS = by_lanes, by_short_rows, by_rows, by_odds
ADDRESSES = lanes_at, short_rows_at, rows_at, odds_at
WEIGHTED = weighted_lanes_at, weighted_short_rows_at, weighted_rows_at, weighted_odds_at
