# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What a classifier said of each row, from one reading: the label's log-probability and rank, entropy, log Σ exp.

With the powers e_j = exp(−gap_j / τ) of a row and its tail, log p_y = −(log1p(tail) + gap_y / τ) and the entropy is
log1p(tail) + Σ e_j · gap_j / (τ (1 + tail)): no term is negative.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, I8, at, blank, hold, log1p, space, widen
from xent.kernels._streams import aligned
from xent.kernels.climb import BLOCK, PAD, whole_pads
from xent.kernels.finish import two_sum
from xent.kernels.rows import place, read


@njit(**INLINE)
def spread_of(z, x, n, kind, top):
    """Σ e_j · gap_j of some classes; a mask, of which the power is 0, adds 0."""
    s = blank(top)
    for j in range(n):
        gap = top - widen(z[j], kind)
        s += x[j] * (gap if gap < math.inf else blank(top))
    return F8(s)


@njit(**INLINE)
def above(z, n, kind, mine):
    """How many logits are larger than one."""
    count = I8(0)
    for j in range(n):
        count += 1 if widen(z[j], kind) > mine else 0
    return count


@kernel
def row_statistics(
    z, labels, log_prob, entropy, rank, top1, lse, kind, shape, strides, scales, ignoring, ignore, tau, start, stop
):
    """Fill the rows [start, stop) of the answers; the first of them whose label is no class is the answer, or −1.

    z: flat (uint16 for half types, see ``_math``). labels (N,). log_prob, entropy, lse (N,) float64, rank (N,)
    int64, top1 (N,) bool. shape: (inner rows, classes). strides: by outer and inner row. scales: those of τ.
    """
    inner, classes = shape
    outer_step, inner_step = strides
    hi, lo, most = scales
    buffer = space(whole_pads(classes) + PAD, blank(z[0]))
    x, wrong = aligned(at(buffer, 0)), -1
    for i in range(start, stop):
        y = labels[i]
        ignored, good = ignoring and y == ignore, 0 <= y < classes
        log_prob[i] = entropy[i] = lse[i] = math.nan
        rank[i] = -1
        top1[i] = False
        if ignored or not good:
            if not ignored and wrong < 0:
                wrong = i
            continue
        line = at(z, place(i, inner, outer_step, inner_step))
        top, tail = read(line, classes, kind, x, hi, lo, most)
        if not tail < math.inf:  # NaN: a row without a softmax
            continue
        mine, spread, rest = widen(line[y], kind), 0.0, 0.0
        for b in range(0, classes, BLOCK):
            s = spread_of(at(line, b), at(x, b), min(BLOCK, classes - b), kind, top)
            spread, rest = two_sum(spread, rest, s)
        log_tail = log1p(tail)
        log_prob[i] = -(log_tail + (F8(top) - F8(mine)) / tau)
        entropy[i] = log_tail + (spread + rest) / (tau * (1.0 + tail))
        lse[i] = F8(top) / tau + log_tail
        rank[i] = above(line, classes, kind, mine)
        if mine == top:
            first = True
            for j in range(y):
                first = first and not widen(line[j], kind) == top
            top1[i] = first
    hold(buffer)
    return wrong
