# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""One row of float64 numbers in pairs of floats: what :mod:`~xent.kernels.soft` does where one float is not enough.

A row goes in blocks of LANES classes: the loops over a block are what LLVM vectorises, so that nothing need be
reordered and each lane keeps its own sums. What is kept of a block lies together: it can be seen not to overlap.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT
from xent.kernels._math import at, log1p, scratch
from xent.kernels._pairs import add, cap, divide, exp_minus, multiply, two_sum

LANES = 16
FIELDS = 5  # what is kept of a class: its power, its target (two floats each), and the cap's slope
APART = {"error_model": "numpy", "fastmath": {"nsz"}}  # exact, and a function of its own: it is large


@njit(**EXACT)
def fold(hi, lo, to_hi, to_lo):
    """Add pairs to pairs, lane by lane."""
    for i in range(LANES):
        s, error = two_sum(to_hi[i], hi[i])
        to_hi[i] = s
        to_lo[i] += error + lo[i]


@njit(**EXACT)
def gather(hi, lo):
    """Sum of the lanes."""
    half = LANES // 2
    while half:
        for i in range(half):
            hi[i], lo[i] = add(hi[i], lo[i], hi[i + half], lo[i + half])
        half //= 2
    return hi[0], lo[0]


@njit(**APART)
def capped(x, c, curb_hi, curb_lo, hi, lo, slope):
    """Softcap a block of logits in pairs."""
    for i in range(LANES):
        hi[i], lo[i], slope[i] = cap(x[i], c, curb_hi, curb_lo)


@njit(**APART)
def measure(x, u, weight, work, classes, padded, top, k, constants):
    """Put powers, targets and slopes in ``work``; give tail, Σ_{j≠k} t, t_k, Σ t · gap and the peak."""
    _, (keep, keep_), (base, base_), (cool, cool_), (c, curb, curb_), _ = constants
    tail, tail_, rest, rest_ = scratch(LANES, 0.0), scratch(LANES, 0.0), scratch(LANES, 0.0), scratch(LANES, 0.0)
    dots, dots_, gap, gap_ = scratch(LANES, 0.0), scratch(LANES, 0.0), scratch(LANES, 0.0), scratch(LANES, 0.0)
    tops, bend = scratch(LANES, 0.0), scratch(LANES, 0.0)
    for i in range(LANES):
        tail[i] = tail_[i] = rest[i] = rest_[i] = dots[i] = dots_[i] = gap_[i] = 0.0
        gap[i] = tops[i] = top
    if c > 0:
        capped(tops, c, curb, curb_, gap, gap_, bend)
    peak, peak_ = gap[0], gap_[0]
    t_k, t_k_, hits = 0.0, 0.0, 0
    for b in range(0, padded, LANES):
        block = at(work, b * FIELDS)
        e, e_, t, t_ = block, at(block, LANES), at(block, 2 * LANES), at(block, 3 * LANES)
        logit, share = at(x, b), at(u, b)
        if c > 0:
            capped(logit, c, curb, curb_, gap, gap_, at(block, 4 * LANES))
        else:
            for i in range(LANES):
                gap[i] = logit[i]
                gap_[i] = 0.0
        for i in range(LANES):
            s, error = add(peak, peak_, -gap[i], -gap_[i])
            g, g_ = multiply(s, error, cool, cool_)
            p, p_ = exp_minus(g, g_)
            masked = logit[i] == -math.inf
            gap[i] = 0.0 if masked else g
            gap_[i] = 0.0 if masked else g_
            e[i] = 0.0 if masked else p
            e_[i] = 0.0 if masked else p_
        for i in range(LANES):
            h, l = multiply(share[i], 0.0, keep, keep_)  # noqa: E741
            t[i], t_[i] = add(h, l, base, base_)
        if weight.size:
            for i in range(min(LANES, classes - b)):
                t[i], t_[i] = multiply(t[i], t_[i], weight[b + i], 0.0)
        for i in range(classes - b, LANES):
            t[i] = t_[i] = 0.0
        if b <= k < b + LANES:
            t_k, t_k_ = t[k - b], t_[k - b]
            e[k - b] = e_[k - b] = t[k - b] = t_[k - b] = 0.0
        for i in range(LANES):
            hits += 1 if logit[i] == -math.inf and t[i] > 0 else 0
            g, g_ = gap[i], gap_[i]
            gap[i] = t[i] * g if t[i] > 0 else 0.0
            gap_[i] = t[i] * g_ + t_[i] * g if t[i] > 0 else 0.0
        fold(e, e_, tail, tail_)
        fold(t, t_, rest, rest_)
        fold(gap, gap_, dots, dots_)
    d, d_ = gather(dots, dots_)
    dot = math.inf if hits or d == math.inf else d + d_
    return gather(tail, tail_), gather(rest, rest_), (t_k, t_k_), dot, (peak, peak_)


@njit(**APART)
def spread(work, n, bend, pull, whole, v, to):
    """Gradient of a row: (T e − t (1 + tail)) · v, by what ``measure`` left in ``work``."""
    (pull, pull_), (whole, whole_), (v, v_) = pull, whole, v
    for b in range(0, n, LANES):
        block = at(work, b * FIELDS)
        e, e_, t, t_ = block, at(block, LANES), at(block, 2 * LANES), at(block, 3 * LANES)
        out, slope = at(to, b), at(block, 4 * LANES)
        for i in range(LANES):
            a, a_ = multiply(pull, pull_, e[i], e_[i])
            h, l = multiply(t[i], t_[i], whole, whole_)  # noqa: E741
            x, x_ = add(a, a_, -h, -l)
            out[i] = x * v + (x * v_ + x_ * v)
        if bend:
            for i in range(LANES):
                out[i] *= slope[i]


@njit(**APART)
def careful(x, u, weight, work, classes, padded, top, k, y, constants, settings):
    """Loss and log-normaliser of a row of float64 numbers, in pairs of floats; its gradient replaces it."""
    _, _, _, (cool, cool_), (c, _, _), _ = constants
    z_loss, gamma, factor, divisor, wanted = settings
    (tail, tail_), (rest, rest_), (t_k, t_k_), dot, (peak, peak_) = measure(
        x, u, weight, work, classes, padded, top, k, constants
    )
    whole, whole_ = add(1.0, 0.0, tail, tail_)
    mass, mass_ = add(rest, rest_, t_k, t_k_)
    peak, peak_ = multiply(peak, peak_, cool, cool_)
    log_tail = log1p(tail) + tail_ / whole
    s, error = add(peak, peak_, log_tail, 0.0)
    loss, lse, push = mass * log_tail + dot, s if abs(s) == math.inf else s + error, 0.0
    if z_loss > 0:
        loss, push = loss + z_loss * lse * lse, 2.0 * z_loss * lse
    v, v_ = multiply(cool, cool_, factor, 0.0)
    if gamma > 0:
        at_y = (y // LANES * FIELDS) * LANES + y % LANES
        e, e_ = (1.0, 0.0) if y == k else (work[at_y], work[at_y + LANES])
        others, others_ = (tail, tail_) if y == k else add(whole, whole_, -e, -e_)
        others, others_ = divide(others, others_, whole, whole_)
        p, plain = e / whole, loss / mass if mass > 0 else 0.0
        less = others**gamma * (1.0 + gamma * (others_ / others if others > 0 else 0.0))
        ratio = (p * plain / others if others > 0 else p) if p > 0 else 0.0
        loss *= less
        v, v_ = multiply(v, v_, less * (1.0 + gamma * ratio), 0.0)
    if wanted:
        v, v_ = divide(v, v_, *multiply(whole, whole_, divisor, 0.0))
        pull, pull_ = add(mass, mass_, push, 0.0)
        spread(work, padded, c > 0, (pull, pull_), (whole, whole_), (v, v_), x)
        a, a_ = add(rest, rest_, push, 0.0)
        h, l = multiply(t_k, t_k_, tail, tail_)  # noqa: E741
        a, a_ = add(a, a_, -h, -l)
        slope = work[(k // LANES * FIELDS + 4) * LANES + k % LANES] if c > 0 else 1.0
        x[k] = (a * v + (a * v_ + a_ * v)) * slope
    return loss, lse
