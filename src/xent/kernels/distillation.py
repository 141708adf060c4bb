# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Distillation of rows of narrow types, in float64: KL of two softmaxes, a label's cross-entropy, and the gradient.

With the logits' differences d, measured at the two largest logits, and the tails, KL(p ‖ q) is Σ p d / τ less the
difference of the two log1p(tail). Powers have 40 digits here. A row that cancels more of them than results of
float32 can spare is read again: with δ = d / τ − Σ p d / τ the divergence is log1p(Σ p φ(δ)), where φ(δ) is
δ + exp(−δ) − 1 from its power series, and r = log p − log q is δ + KL. What both have in common is gone from d
before anything is rounded, and p · exp(−δ) is q · exp(KL), so that the second reading takes no powers.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, at, blank, hold, key, log1p, raised, scratch, unkey, widen
from xent.kernels.finish import tail_of, two_sum
from xent.kernels.rows import place, put

BLOCK = 64  # classes that are read at once; the last of a row's blocks is filled up with masks
NEAR = 2.0**-12  # KL beside its terms, below which 40 digits may be too few
MASKED = 1e60  # difference of two logits, of which one or both are a mask
BENT = 0.5  # differences up to which φ is its series
_C = tuple((-1.0) ** k / math.factorial(k) for k in range(2, 12))
_C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9, _C10, _C11 = _C


@njit(**INLINE)
def ends(z, n, kind):
    """Largest and smallest logit of a row; a NaN is one of them, and infinite is what is called the largest."""
    high = low = key(widen(z[0], kind))
    for j in range(n):
        value = key(widen(z[j], kind))
        high = max(high, value)
        low = min(low, value)
    top, bottom = F8(unkey(high)), F8(unkey(low))
    return (top if bottom == bottom else bottom), bottom


@njit(**INLINE)
def lost(u, v, n, kind):
    """Count the classes that only the first masks."""
    count = 0
    for j in range(n):
        count += 1 if widen(u[j], kind) == -math.inf and widen(v[j], kind) != -math.inf else 0
    return count


@njit(**INLINE)
def bring(z, n, kind, x):
    """Copy up to a block of logits to float64, filled up with masks."""
    if n == BLOCK:
        for j in range(BLOCK):
            x[j] = widen(z[j], kind)
    else:
        for j in range(n):
            x[j] = widen(z[j], kind)
        for j in range(n, BLOCK):
            x[j] = -math.inf


@njit(**EXACT)
def apart(a, b, shift):
    """What b − a differs from the shift."""
    d = (b - a) - shift
    return d if abs(d) < math.inf else MASKED


@njit(**EXACT)
def fraction(a):
    """A power below 1, and 0 of one that is 1: a choice between the two sums would not vectorise."""
    return a - np.floor(a)


@njit(**INLINE)
def powers(x, w, n, top, peak, scales, s, t):
    """Powers of both; of each the sum of those below 1 and the count of the others; Σ t d and Σ t |d|."""
    hi, lo, most = scales
    low, ties, below, equal, along, size = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        a = raised(top, x[j], hi, lo, most, F4(0))
        b = raised(peak, w[j], hi, lo, most, F4(0))
        d = apart(x[j], w[j], peak - top)
        s[j] = a
        t[j] = b
        low += fraction(a)
        ties += np.floor(a)
        below += fraction(b)
        equal += np.floor(b)
        along += b * d
        size += b * abs(d)
    return low, ties, below, equal, along, size


@njit(**INLINE)
def cooled(x, s, n, top, fold, unit, h):
    """Powers at τ = 1, from those at τ where it is 1, 2 or 4; the sum of those below 1, the count of the others."""
    hi, lo, most = unit
    low, ties = 0.0, 0.0
    if fold == 0:
        for j in range(n):
            e = raised(top, x[j], hi, lo, most, F4(0))
            h[j] = e
            low += fraction(e)
            ties += np.floor(e)
    else:
        for j in range(n):
            e = s[j] * s[j] if fold > 1 else s[j]
            e = e * e if fold > 2 else e
            h[j] = e
            low += fraction(e)
            ties += np.floor(e)
    return low, ties


@njit(**EXACT)
def series(y):
    """φ(y) = y + exp(−y) − 1 for |y| ≤ ½."""
    q = _C9 + y * (_C10 + y * _C11)
    q = _C5 + y * (_C6 + y * (_C7 + y * (_C8 + y * q)))
    return y * y * (_C2 + y * (_C3 + y * (_C4 + y * q)))


@njit(**EXACT)
def bent(a, b, shift, cool, mean, p, q):
    """Multiply p by φ(δ), where q is p · exp(−δ)."""
    d = apart(a, b, shift) * cool - mean
    close = abs(d) < BENT
    phi = series(d if close else 0.0)
    return p * phi if close else p * (d - 1.0) + q


@njit(**INLINE)
def total_bent(x, w, s, t, n, shift, cool, mean, by_s, by_t):
    """Σ p · φ(δ) of a block."""
    total = 0.0
    for j in range(n):
        total += bent(x[j], w[j], shift, cool, mean, t[j] * by_t, s[j] * by_s)
    return total


@njit(**EXACT)
def excess(s, t, tail, under):
    """Compute s (1 + tail of t) − t (1 + tail of s), where 1 − 1 is exact."""
    return (s - t) + (s * under - t * tail)


@njit(**INLINE)
def slopes(s, t, h, n, tail, under, by, by_hard, image):
    """Gradient of a block, q − p as it comes; ``by_hard`` is 0 where there are no labels."""
    if by_hard != 0:
        for j in range(n):
            image[j] = excess(s[j], t[j], tail, under) * by + h[j] * by_hard
    else:
        for j in range(n):
            image[j] = excess(s[j], t[j], tail, under) * by


@njit(**EXACT)
def close_slope(a, b, shift, cool, mean, s, t, tail, under, whole):
    """(q − p) (1 + tail) (1 + under), as p · (exp(−r) − 1) where r is small."""
    r = apart(a, b, shift) * cool - mean
    close = abs(r) < BENT
    y = r if close else 0.0
    return t * whole * (series(y) - y) if close else excess(s, t, tail, under)


@njit(**INLINE)
def close_slopes(x, w, s, t, h, n, shift, cool, mean, tail, under, by, by_hard, image):
    """As :func:`slopes`, for a student next to its teacher."""
    for j in range(n):
        g = close_slope(x[j], w[j], shift, cool, mean, s[j], t[j], tail, under, 1.0 + tail)
        image[j] = g * by + (h[j] * by_hard if by_hard != 0 else 0.0)


@kernel
def by_rows(u, v, labels, row, each, grad, kind, shape, strides, scales, unit, options, past, start, stop):
    """Σ row · loss of rows [start, stop) in two floats, and the first row whose label is no class, or −1.

    u, v, grad: flat, of one narrow type (uint16 for half types, see ``_math``). labels (N,) or empty; row (N,),
    each (N,) of float64, or empty. shape: (inner rows, classes). strides: of u, v and grad, each by outer and inner
    row. scales, unit: those of τ and 1. options: τ, α, ignoring, the label to ignore, the gradient's factor, and τ
    where that is 1, 2 or 4, else 0.
    """
    inner, classes = shape
    u_outer, u_inner, v_outer, v_inner, g_outer, g_inner = strides
    tau, share, ignoring, ignore, pace, fold = options
    wanted, known, hard, cool = grad.size > 0, labels.size > 0, labels.size > 0 and share < 1, 1.0 / tau
    padded = (classes + BLOCK - 1) // BLOCK * BLOCK
    numbers, picture = np.empty(3 * padded), np.full(padded, blank(u[0]))
    s, t, h, image = at(numbers, 0), at(numbers, padded), at(numbers, 2 * padded), at(picture, 0)
    x, w = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    total, rest, wrong = 0.0, 0.0, -1
    for i in range(start, stop):
        student, teacher = at(u, place(i, inner, u_outer, u_inner)), at(v, place(i, inner, v_outer, v_inner))
        factor, y, loss = (row[i] if row.size else 1.0), 0, 0.0
        dead = factor == 0
        if known:
            y = labels[i]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i
            dead = dead or ignored or not good
        top = peak = foot = ground = 0.0
        if not dead:
            top, foot = ends(student, classes, kind)
            peak, ground = ends(teacher, classes, kind)
        if dead or not (abs(top) < math.inf and abs(peak) < math.inf):
            loss = 0.0 if dead else math.nan
            for j in range(classes):
                image[j] = loss
        else:
            low, ties, below, equal, along, size, low_h, ties_h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            shift = peak - top
            for b in range(0, classes, BLOCK):
                n = min(BLOCK, classes - b)
                bring(at(student, b), n, kind, x)
                bring(at(teacher, b), n, kind, w)
                a1, a2, a3, a4, a5, a6 = powers(x, w, BLOCK, top, peak, scales, at(s, b), at(t, b))
                low, ties, below, equal, along, size = (
                    low + a1, ties + a2, below + a3, equal + a4, along + a5, size + a6,
                )  # fmt: skip
                if hard:
                    a1, a2 = cooled(x, at(s, b), BLOCK, top, fold, unit, at(h, b))
                    low_h, ties_h = low_h + a1, ties_h + a2
            tail, under = tail_of(top, low, ties), tail_of(peak, below, equal)
            gap = log1p(under) - log1p(tail)
            mean = along * cool / (1.0 + under)
            kl = mean - gap
            near = kl < NEAR * (size * cool / (1.0 + under) + log1p(under) + log1p(tail))
            if near:
                more, by_s, by_t = 0.0, math.exp(kl) / (1.0 + tail), 1.0 / (1.0 + under)
                for b in range(0, classes, BLOCK):
                    n = min(BLOCK, classes - b)
                    bring(at(student, b), n, kind, x)
                    bring(at(teacher, b), n, kind, w)
                    more += total_bent(x, w, at(s, b), at(t, b), BLOCK, shift, cool, mean, by_s, by_t)
                kl = log1p(more)
            if foot == -math.inf and lost(student, teacher, classes, kind) > 0:
                kl = math.inf
            loss = tau * (tau * kl)
            by = tau * factor * pace / ((1.0 + tail) * (1.0 + under))
            by_hard = 0.0
            if hard:
                tail_h, mine = tail_of(top, low_h, ties_h), top - F8(widen(student[y], kind))
                loss = share * loss + (1.0 - share) * (log1p(tail_h) + mine)
                h[y] = -tail_h if mine == 0 else h[y] - (1.0 + tail_h)
                by_hard = (1.0 - share) * factor * pace / (1.0 + tail_h)
            by *= share
            if wanted and near:
                mean -= kl
                for b in range(0, classes, BLOCK):
                    n = min(BLOCK, classes - b)
                    bring(at(student, b), n, kind, x)
                    bring(at(teacher, b), n, kind, w)
                    close_slopes(
                        x, w, at(s, b), at(t, b), at(h, b), BLOCK, shift, cool, mean, tail, under, by, by_hard,
                        at(image, b),
                    )  # fmt: skip
            elif wanted:
                slopes(s, t, h, padded, tail, under, by, by_hard, image)
        loss *= factor if not dead else 1.0
        total, rest = two_sum(total, rest, loss)
        if each.size:
            each[i] = loss
        if wanted:
            put(image, classes, kind, at(grad, place(i, inner, g_outer, g_inner)), past)
    hold(numbers)
    hold(picture)
    return total, rest, wrong
