# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What rows' losses and gradients are once their tails are known, in float64, for hard labels."""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT, INLINE
from xent.kernels._math import F8, at, fma, log1p, logarithm
from xent.kernels._pairs import add, divide, multiply


@njit(**EXACT)
def tail_of(top, below, ties):
    """Sum of all powers but one of the largest logit's: those below 1 first; NaN for a row without a softmax."""
    return below + (ties - 1.0) if abs(top) < math.inf else math.nan


@njit(**EXACT)
def loss_of(tail, gap, mass, peak, z_loss):
    """T · (log1p(tail) + gap_y) + z_loss · lse²; a class of weight 0 costs nothing, even on a mask."""
    log_tail = log1p(tail)
    loss = mass * (log_tail + gap) if mass != 0 else tail - tail
    if z_loss > 0:
        lse = peak + log_tail
        loss += z_loss * lse * lse
    return loss


@njit(**EXACT)
def slopes(tail, gap, e_y, mass, push):
    """Factor of every power e_j = exp(−gap_j), and the entry at the label: T p_y − T, where nothing cancels."""
    whole = 1.0 + tail
    at = (push - mass * tail) / whole if gap == 0 else ((mass + push) * e_y - mass * whole) / whole
    return (mass + push) / whole, at


@njit(**EXACT)
def smoothed(tail, gap, fall, e_y, smooth):
    """Loss of a label with uniform smoothing; ε/K (1 + tail) in two floats; (p_y − t_y) (1 + tail).

    fall: Σ gap. smooth: ε/K, t_y = 1 − ε + ε/K and 1 − t_y, each in two floats, and 1 − ε. T is 1.
    """
    base, base_, own, own_, rest, rest_, keep = smooth
    loss = log1p(tail) + (keep * gap + base * fall)
    whole, whole_ = two_sum(1.0, 0.0, tail)
    b = base * whole
    b_ = fma(base, whole, -b) + (base_ * whole + base * whole_)
    at = fma(-own, tail, rest) + (rest_ - own_ * tail) if gap == 0 else fma(-own, whole, e_y)
    return loss, whole, b, b_, at


@njit(**EXACT)
def short(b, h, h_):
    """What h + h_ is short of b."""
    return (b - h) - h_


@njit(**EXACT)
def focal_exactly(x, x_, p, p_, plain, gamma, power):
    """Focal loss x^γ ℓ, and the gradient's factor x^γ (1 + γ p ℓ / x) as a pair, from x, p and ℓ = −log p.

    x and p are pairs: the spare digits of x = 1 − p are for γ, which multiplies its error. power: x^γ without them.
    """
    some = x > 0
    power_ = (fma(x, x, -power) if gamma == 2 else 0.0) + power * gamma * (x_ / x if some else 0.0)
    q, q_ = divide(plain, 0.0, x, x_)
    q, q_ = multiply(p, p_, q, q_)
    q, q_ = multiply(q, q_, gamma, 0.0)
    q, q_ = add(1.0, 0.0, q if p > 0 else 0.0, q_ if p > 0 else 0.0)
    q, q_ = multiply(power, power_, q, q_)
    return (power + power_) * plain if some else x, q if some else x, q_ if some else 0.0


@njit(**EXACT)
def two_sum(hi, lo, x):
    """Add x to hi + lo, keeping what is rounded off (Knuth); an infinite sum has nothing to keep."""
    s = hi + x
    t = s - hi
    rest = (hi - (s - t)) + (x - t)
    return s, lo + (rest if abs(s) < math.inf else 0.0)


@njit(**EXACT)
def settle(n, top, tail, mine, e, own, weight, row, i, numbers, loss, v, at_label):
    """Finish rows i … i + n side by side: each loss, the factor of its powers, and the gradient at its label.

    top, tail, mine, e: largest logit, tail, the label's logit and its power. own: labels, in [0, K). numbers:
    (z_loss, factor and divisor of the gradient, τ).
    """
    z_loss, scale, divisor, tau = numbers
    cool = 1.0 / tau
    for r in range(n):
        whole = 1.0 + tail[r]
        gap = (F8(top[r]) - F8(mine[r])) * cool
        share = scale / (whole * divisor)
        v[r] = share
        at_label[r] = (-tail[r] if gap == 0 else F8(e[r]) - whole) * share
        loss[r] = logarithm(tail[r], top[0]) + gap
    if weight.size == 0 and row.size == 0 and z_loss == 0:
        return
    for r in range(n):
        factor = row[i + r] if row.size else 1.0
        mass = weight[own[r]] if weight.size else 1.0
        gap, peak = (F8(top[r]) - F8(mine[r])) / tau, F8(top[r]) / tau
        x = loss_of(tail[r], gap, mass, peak, z_loss)
        push = 2.0 * z_loss * (peak + log1p(tail[r])) if z_loss > 0 else 0.0
        slope, at = slopes(tail[r], gap, F8(e[r]), mass, push)
        loss[r] = x * factor
        v[r] = slope * (factor * scale) / divisor
        at_label[r] = at * (factor * scale) / divisor


@njit(**EXACT)
def put_in(n, classes, step, x, own, at_own, v, q):
    """Put what is at_own, divided by v, at the labels of n rows of powers: times v, all of a row goes out.

    x: rows ``step`` numbers apart. q: n numbers, which become what was put in. Where v vanishes beside what is at
    the label (as for a row that does not count: both are 0), so do the others, and v becomes 1.
    """
    for r in range(n):
        q[r] = at_own[r] / v[r]
    for r in range(n):
        line = at(x, r * step)
        if abs(q[r]) < math.inf:
            line[own[r]] = q[r]
        elif abs(v[r]) < math.inf:
            for j in range(classes):
                line[j] = 0
            line[own[r]], v[r] = at_own[r], 1
        else:
            line[own[r]] = at_own[r]


@njit(**INLINE)
def sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own, wrong):
    """Of rows i … i + n: which do not count, and the others' labels; ``wrong``, or the first impossible row."""
    for r in range(n):
        y = labels[i + r]
        ignored, good = ignoring and y == ignore, 0 <= y < classes
        if not ignored and not good and wrong < 0:
            wrong = i + r
        skip[r] = 1 if ignored or not good or (row.size and row[i + r] == 0) else 0
        own[r] = y if good else 0
    return wrong
