# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of many classes with smoothed labels, in the logits' own precision: what ``rows`` does, for t_j = ε/K.

p_j may come close to ε/K, and then p_j − t_j cancels. So powers carry along what rounding took from the gap, their
sum has two floats, and ε/K (1 + tail) is subtracted in two floats, the first of which is exact where it cancels.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, at, blank, fma, hold, key, log1p, lowest, scratch, steady, unkey, widen
from xent.kernels.climb import PAD, whole_pads
from xent.kernels.finish import short, smoothed, tail_of, two_sum
from xent.kernels.rows import place, put

BLOCK = 128  # classes whose powers are added in the row's own type; the blocks are added in two floats


@njit(**INLINE)
def take(z, n, padded, kind, x):
    """Copy logits to where they are computed with, and end them in masks; give the largest.

    After whole blocks of PAD comes one at the row's end that overlaps them: no remainder is done one by one.
    """
    m = lowest(x[0])
    for j in range(n // PAD * PAD):
        value = widen(z[j], kind)
        x[j] = value
        m = max(m, key(value))
    for j in range(n - PAD, n):
        value = widen(z[j], kind)
        x[j] = value
        m = max(m, key(value))
    for j in range(n, padded):
        x[j] = -math.inf
    return unkey(m)


@njit(**INLINE)
def raise_all(x, n, top, hi, lo, most):
    """Turn logits into their powers; add up those below 1, and count those of the largest."""
    zero = blank(top)
    s = zero
    ties = zero
    for j in range(n):
        value = x[j]
        p = steady(top, value, hi, lo, most)
        x[j] = p
        s += p if value != top else zero
        ties += zero if value != top else p
    return F8(s), F8(ties)


@njit(**INLINE)
def fall_of(x, n, padded, top):
    """Add up the distances of n numbers from the largest logit."""
    zero = blank(top)
    s = zero
    for j in range(padded):
        s += top - x[j] if j < n else zero
    return F8(s)


@njit(**INLINE)
def read(z, n, padded, kind, x, hi, lo, most):
    """Powers of a row in ``x``, its largest logit, the tail (NaN without a softmax), and Σ (top − z)."""
    top = take(z, n, padded, kind, x)
    below, rest, ties, fall, more = 0.0, 0.0, 0.0, 0.0, 0.0
    for b in range(0, padded, BLOCK):
        size = min(BLOCK, padded - b)
        fall, more = two_sum(fall, more, fall_of(at(x, b), n - b, size, top))
        s, t = raise_all(at(x, b), size, top, hi, lo, most)
        below, rest = two_sum(below, rest, s)
        ties += t
    return top, tail_of(top, below + rest, ties), fall + more


@njit(**INLINE)
def lessen(x, n, b, v, c):
    """(x − b) v + c: subtract a number in two floats, b first, which is exact where it cancels (Sterbenz)."""
    for j in range(n):
        x[j] = fma(x[j] - b, v, c)


@kernel
def cross_entropy(
    z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, smooth, start, stop
):
    """As ``rows.cross_entropy``, without class weights and z_loss.

    smooth: see ``finish.smoothed``; and the gradient's factor / (divisor · τ), rounded once.
    """
    inner, classes = shape
    z_outer, z_inner, g_outer, g_inner = strides
    hi, lo, most = scales
    ignoring, ignore, _z_loss, _scale, _divisor, tau, past = options
    smooth, pace = smooth
    padded = whole_pads(classes)
    buffer = np.full(padded + 16, blank(z[0]))
    x, v = at(buffer, 0), scratch(3, blank(z[0]))
    total, rest, wrong = 0.0, 0.0, -1
    for i in range(start, stop):
        out, y = at(grad, place(i, inner, g_outer, g_inner)), labels[i]
        factor = row[i] if row.size else 1.0
        ignored, good = ignoring and y == ignore, 0 <= y < classes
        if factor == 0 or ignored or not good:
            if not ignored and not good and wrong < 0:
                wrong = i
            if each.size:
                each[i] = 0.0
            if lse.size:
                lse[i] = 0.0
            if grad.size:
                for j in range(classes):
                    out[j] = 0  # in every type
            continue
        logits = at(z, place(i, inner, z_outer, z_inner))
        top, tail, fall = read(logits, classes, padded, kind, x, hi, lo, most)
        gap = (F8(top) - F8(widen(logits[y], kind))) / tau
        loss, whole, h, h_, at_label = smoothed(tail, gap, fall / tau, F8(x[y]), smooth)
        loss *= factor
        total, rest = two_sum(total, rest, loss)
        if each.size:
            each[i] = loss
        if lse.size:
            lse[i] = F8(top) / tau + log1p(tail)
        if grad.size:
            share = factor * pace / whole
            v[0], v[1] = h, share
            v[2] = short(F8(v[0]), h, h_) * share
            lessen(x, padded, v[0], v[1], v[2])
            x[y] = at_label * share
            put(x, classes, kind, out, past)
    hold(buffer)
    return total, rest, wrong
