# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""A tile in pairs of floats: what :mod:`~xent.kernels.soft` and ``soft_lanes`` do where one float is not enough.

A tile has steps of ROWS lanes: a class a step and a row a lane, or one row whose classes fill the lanes, step after
step. Each function walks the steps and keeps its sums lane by lane, so that its loops vectorise with nothing
reordered. The numbers of a step lie together, where they can be seen not to overlap.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT, INLINE
from xent.kernels._math import at, fma, log1p, widen
from xent.kernels._pairs import add, cap, exp_minus, finite, multiply, product, two_sum, two_sum_of
from xent.kernels._streams import expect
from xent.kernels.finish import two_sum as extend
from xent.kernels.lanes import GROUP, ROWS

FIELDS = 5  # of a lane: its logit, gap, then power; its target; what rounding took from either; the cap's slope
X, T, X_, T_, SLOPE = 0, ROWS, 2 * ROWS, 3 * ROWS, 4 * ROWS
STEP = FIELDS * ROWS


@njit(**INLINE)
def load(z, q, steps, width, last, down, across, down_q, across_q, kind, kind_q, tile):
    """Fill ``width`` lanes, ``across`` apart, of steps ``down`` apart; ``last`` of the last step."""
    for s in range(steps):
        block, logits, targets = at(tile, s * STEP), at(z, s * down), at(q, s * down_q)
        n = last if s == steps - 1 else width
        if n == ROWS:
            for i in range(ROWS):
                block[X + i] = widen(logits[i * across], kind)
                block[T + i] = widen(targets[i * across_q], kind_q)
                block[X_ + i] = 0.0
        else:
            for i in range(n):
                block[X + i] = widen(logits[i * across], kind)
                block[T + i] = widen(targets[i * across_q], kind_q)
            for i in range(n, ROWS):
                block[X + i] = -math.inf
                block[T + i] = 0.0
            for i in range(ROWS):
                block[X_ + i] = 0.0


@njit(**EXACT)
def share(tile, steps, weight, keep, base, mass_):
    """Turn targets into weighted, smoothed ones; add up what rounding took from them."""
    (keep, keep_), (base, base_) = keep, base
    for s in range(steps):
        block, w = at(tile, s * STEP), at(weight, s * ROWS)
        for i in range(ROWS):
            t, t_ = multiply(block[T + i], 0.0, keep, keep_)
            t, t_ = add(t, t_, base, base_)
            block[T + i], t_ = multiply(t, t_, w[i], 0.0)
            block[T_ + i] = t_
            mass_[i] += t_


@njit(**EXACT)
def distances(tile, steps, top, cool, curb, peak, peak_):
    """Turn logits into minus their distance from the largest, capped and tempered; and that one likewise."""
    (cool, cool_), (c, bend, bend_) = cool, curb
    for i in range(ROWS):
        peak[i] = top[i]
        peak_[i] = 0.0
    if c > 0:
        for i in range(ROWS):
            peak[i], peak_[i], _ = cap(top[i], c, bend, bend_)
    for s in range(steps):
        block = at(tile, s * STEP)
        if c > 0:
            for i in range(ROWS):
                x = block[X + i]
                value, block[X_ + i], block[SLOPE + i] = cap(x, c, bend, bend_)
                block[X + i] = x if x == -math.inf else value
        for i in range(ROWS):
            g, g_ = add(peak[i], peak_[i], -block[X + i], -block[X_ + i])
            g, g_ = multiply(g, g_, cool, cool_)
            block[X + i] = -g
            block[X_ + i] = g_
    for i in range(ROWS):
        peak[i], peak_[i] = multiply(peak[i], peak_[i], cool, cool_)
        top[i] = 0.0


@njit(**EXACT)
def powers(tile, steps, top, whole, whole_, mass, mass_, dot, dot_, part, soon, then, count):
    """Turn logits into powers; add up powers (1 too much in each lane), targets, and target · gap.

    soon, then: what is read next, ``count`` numbers a step.
    """
    for i in range(ROWS):
        whole_[i] = mass[i] = dot[i] = dot_[i] = part[i] = 0.0
        whole[i] = 1.0  # so that no power is larger
    for s in range(steps):
        block = at(tile, s * STEP)
        expect(soon, s * count, s * count + count)
        expect(then, s * count, s * count + count)
        for i in range(ROWS):
            t = block[T + i]
            gap, lost = two_sum(top[i], -block[X + i])
            e, e_ = exp_minus(gap, lost + block[X_ + i])
            block[X + i] = e
            block[X_ + i] = e_
            whole[i], error = two_sum_of(whole[i], e)
            whole_[i] += error + e_
            mass[i], error = two_sum(mass[i], t)
            mass_[i] += error
            part[i] = fma(t, gap, part[i]) if t != 0 else part[i]
        if s % GROUP == GROUP - 1 or s == steps - 1:
            for i in range(ROWS):
                dot[i], dot_[i] = extend(dot[i], dot_[i], part[i])
                part[i] = 0.0


@njit(**EXACT)
def halve(half, hi, lo):
    """Add the second half of some lanes to the first."""
    for i in range(half):
        s, error = two_sum(hi[i], hi[i + half])
        lo[i] += lo[i + half] + (error if abs(s) < math.inf else 0.0)
        hi[i] = s


@njit(**EXACT)
def gather(hi, lo):
    """Sum of the lanes, in the first."""
    halve(32, hi, lo)
    halve(16, hi, lo)
    halve(8, hi, lo)
    halve(4, hi, lo)
    halve(2, hi, lo)
    halve(1, hi, lo)


@njit(**EXACT)
def finish(whole, whole_, extra, mass, mass_, t_k, t_k_, dot, peak, peak_, z_loss):
    """Loss, log-normaliser, T with z_loss's part, 1 + tail, and (T − t_k) − t_k tail of a row."""
    whole, whole_ = add(whole, whole_, -extra, 0.0)
    mass, mass_ = two_sum(mass, mass_)
    tail, tail_ = two_sum(whole - 1.0, whole_)
    log_tail = log1p(tail) + tail_ / whole
    s, error = two_sum(peak, log_tail)
    loss, lse, push = mass * log_tail + dot, s if abs(s) == math.inf else s + (error + peak_), 0.0
    if z_loss > 0:
        loss, push = loss + z_loss * lse * lse, 2.0 * z_loss * lse
    pull, pull_ = add(mass, mass_, push, 0.0)
    a, a_ = add(pull, pull_, -t_k, -t_k_)
    b, b_ = product(t_k, t_k_, tail, tail_)
    return loss, lse, pull, pull_, whole, whole_, (a - b) + (a_ - b_)


@njit(**EXACT)
def spread(tile, steps, chosen, shared, bend, pull, pull_, whole, whole_, v, to):
    """Write (T e − t (1 + tail)) · v and the slope of the cap: what cancels there is exact (Sterbenz)."""
    for s in range(steps):
        block, out = at(tile, s * STEP), at(to, s * ROWS)
        for i in range(ROWS):
            t = block[T + i]
            a, a_ = product(pull[i], pull_[i], block[X + i], block[X_ + i])
            b, b_ = product(t, block[T_ + i] if shared else 0.0, whole[i], whole_[i])
            slope = ((a - b) + finite(a_ - b_)) * v[i]
            slope = slope * block[SLOPE + i] if bend else slope
            out[i] = slope if chosen[i] != 0 else out[i]
