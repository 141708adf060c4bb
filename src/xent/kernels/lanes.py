# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of few classes, or of classes that are not neighbours in memory: many rows side by side, one in each lane.

A tile holds the logits of ROWS rows, class by class. It is filled by a transpose where the classes are neighbours,
and by plain copies where the rows are (images: N, K, H, W).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, at, blank, fma, hold, logarithm, power, scratch, steady, widen
from xent.kernels.finish import focal, log1p, loss_of, short, slopes, smoothed, tail_of, two_sum
from xent.kernels.rows import put

ROWS = 64
GROUP = 8  # classes whose powers are added in the row's own type
STEADY = 4  # the same where the target may be close


@njit(**INLINE)
def fill(z, n, classes, step, hop, kind, t):
    """Load n rows, ``step`` apart, of classes that are ``hop`` apart."""
    for j in range(classes):
        lane, source = at(t, j * ROWS), at(z, j * hop)
        for r in range(n, ROWS):
            lane[r] = 0
        if step == 1:
            for r in range(n):
                lane[r] = widen(source[r], kind)
        elif n == ROWS:
            for r in range(ROWS):
                lane[r] = widen(source[r * step], kind)
        else:
            for r in range(n):
                lane[r] = widen(source[r * step], kind)


@njit(**INLINE)
def measure(t, classes, hi, lo, most, top, part, ties, tail):
    """Turn a tile into powers, and give each row's largest logit and tail; NaN for a row without a softmax."""
    zero = blank(t[0])
    for r in range(ROWS):
        top[r] = -math.inf
        part[r] = ties[r] = zero
        tail[r] = 0.0
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            top[r] = lane[r] if lane[r] > top[r] else top[r]
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            x = lane[r]
            p = power(top[r], x, hi, lo, most)
            lane[r] = p
            part[r] += p if x != top[r] else zero
            ties[r] += zero if x != top[r] else p
        if j % GROUP == GROUP - 1:
            for r in range(ROWS):
                tail[r] += F8(part[r])
                part[r] = zero
    for r in range(ROWS):
        tail[r] = tail_of(top[r], tail[r] + F8(part[r]), F8(ties[r]))


@njit(**INLINE)
def measure_steadily(t, classes, hi, lo, most, top, part, ties, tail, rest, drop, fall):
    """As :func:`measure`, for targets that powers may come close to, and with the sums of the distances from the top."""
    zero = blank(t[0])
    for r in range(ROWS):
        top[r] = -math.inf
        part[r] = ties[r] = drop[r] = zero
        tail[r] = rest[r] = fall[r] = 0.0
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            top[r] = lane[r] if lane[r] > top[r] else top[r]
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            x = lane[r]
            p = steady(top[r], x, hi, lo, most)
            lane[r] = p
            drop[r] += top[r] - x
            part[r] += p if x != top[r] else zero
            ties[r] += zero if x != top[r] else p
        if j % STEADY == STEADY - 1:
            for r in range(ROWS):
                tail[r], rest[r] = two_sum(tail[r], rest[r], F8(part[r]))
                fall[r] += F8(drop[r])
                part[r] = drop[r] = zero
    for r in range(ROWS):
        tail[r] = tail_of(top[r], tail[r] + (rest[r] + F8(part[r])), F8(ties[r]))
        fall[r] += F8(drop[r])


@njit(**INLINE)
def add_up(x):
    """Sum of a tile's numbers, as a tree."""
    s = 0.0
    for r in range(ROWS):
        s += x[r]
    return s


@njit(**INLINE)
def give(t, n, classes, step, hop, kind, out, flat, past):
    """Store the gradients of n rows, ``step`` apart, of classes ``hop`` apart."""
    if step == 1:
        for j in range(classes):
            put(at(t, j * ROWS), n, kind, at(out, j * hop), past)
    else:
        for j in range(classes):
            lane, to = at(t, j * ROWS), at(flat, j)
            for r in range(ROWS):
                to[r * classes] = lane[r]
        put(flat, n * classes, kind, out, past)


@kernel
def cross_entropy(
    z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, smooth, start, stop
):
    """As ``rows.cross_entropy``, for tiles [start, stop); shape (outer, inner, classes), strides (z's, grad's)."""
    outer, inner, classes = shape
    z_outer, z_inner, z_class, g_outer, g_inner, g_class = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, gamma, scale, divisor, tau, past = options
    divisor *= tau
    cool = 1.0 / tau
    zero = blank(z[0])
    tile_, flat_ = np.full(classes * ROWS, zero), np.full(classes * ROWS, zero)
    t, flat = at(tile_, 0), at(flat_, 0)
    top, part, ties, mine = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    v, at_label, e = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    tail, gap, loss, place = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0)
    tiles = (inner + ROWS - 1) // ROWS
    total, rest, wrong = 0.0, 0.0, -1
    smoothing = smooth[0] > 0
    plain = weight.size == 0 and row.size == 0 and z_loss == 0 and gamma == 0
    drop, base, base_ = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    fall, rest_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        i = a * inner + b
        fill(at(z, a * z_outer + b * z_inner), n, classes, z_inner, z_class, kind, t)
        mark, skipped = at(labels, i), 0
        for r in range(ROWS):
            place[r] = r
        for r in range(n):
            good = mark[r] >= 0 and mark[r] < classes
            skipped += 0 if good else 1
            place[r] = (mark[r] if good else 0) * ROWS + r
        if ignoring:
            for r in range(n):
                skipped += 1 if mark[r] == ignore else 0
        for r in range(ROWS):
            mine[r] = t[place[r]]
        if smoothing:
            measure_steadily(t, classes, hi, lo, most, top, part, ties, tail, rest_, drop, fall)
        else:
            measure(t, classes, hi, lo, most, top, part, ties, tail)
        for r in range(ROWS):
            e[r] = t[place[r]]
        if smoothing:
            for r in range(ROWS):
                gap[r] = (F8(top[r]) - F8(mine[r])) * cool
                loss[r], whole, h, h_, own = smoothed(tail[r], gap[r], fall[r] * cool, F8(e[r]), smooth)
                share = scale / (whole * divisor)
                v[r], at_label[r], base[r] = share, own * share, h
                base_[r] = short(F8(base[r]), h, h_) * share
        else:
            for r in range(ROWS):
                whole = 1.0 + tail[r]
                g = (F8(top[r]) - F8(mine[r])) * cool
                share = scale / (whole * divisor)
                gap[r] = g
                v[r] = share
                at_label[r] = (-tail[r] if g == 0 else F8(e[r]) - whole) * share
                loss[r] = logarithm(tail[r], zero) + g
        if smoothing and row.size:
            for r in range(n):
                loss[r] *= row[i + r]
                v[r] = F8(v[r]) * row[i + r]
                base_[r] = F8(base_[r]) * row[i + r]
                at_label[r] = F8(at_label[r]) * row[i + r]
        elif not plain:
            for r in range(n):
                factor = row[i + r] if row.size else 1.0
                m = weight[place[r] // ROWS] if weight.size else 1.0
                peak = F8(top[r]) / tau
                x = loss_of(tail[r], gap[r], m, peak, z_loss)
                push = 2.0 * z_loss * (peak + log1p(tail[r])) if z_loss > 0 else 0.0
                slope, own = slopes(tail[r], gap[r], F8(e[r]), m, push)
                if gamma > 0:
                    less, steep = focal(tail[r], gap[r], F8(e[r]), gamma)
                    x, slope, own = x * less, slope * steep, own * steep
                loss[r] = x * factor
                v[r] = slope * (factor * scale) / divisor
                at_label[r] = own * (factor * scale) / divisor
        if grad.size:
            for j in range(classes):
                lane = at(t, j * ROWS)
                if smoothing:
                    for r in range(ROWS):
                        lane[r] = fma(lane[r] - base[r], v[r], base_[r])
                else:
                    for r in range(ROWS):
                        lane[r] *= v[r]
            for r in range(ROWS):
                t[place[r]] = at_label[r]
        if skipped or row.size:
            for r in range(n):
                y = mark[r]
                ignored, good = ignoring and y == ignore, 0 <= y < classes
                if not ignored and not good and wrong < 0:
                    wrong = i + r
                if ignored or not good or (row.size and row[i + r] == 0):
                    loss[r] = 0.0
                    for j in range(classes):
                        t[j * ROWS + r] = 0
        for r in range(n, ROWS):
            loss[r] = 0.0
        total, rest = two_sum(total, rest, add_up(loss))
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if lse.size:
            for r in range(n):
                lse[i + r] = F8(top[r]) / tau + log1p(tail[r])
        if grad.size:
            give(t, n, classes, g_inner, g_class, kind, at(grad, a * g_outer + b * g_inner), flat, past)
    hold(tile_)
    hold(flat_)
    return total, rest, wrong
