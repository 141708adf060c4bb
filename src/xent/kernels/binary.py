# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""The loops of the logistic losses: plain ones over neighbours in memory, and one that knows every option."""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import at, blank, scratch, widen
from xent.kernels.logistic import BLOCK, hard, level, modulated, pile, soft
from xent.kernels.rows import put


@kernel
def plain(z, y, each, grad, kind, scale, divisor, past, start, stop):
    """Σ loss of elements [start, stop) with targets 0 and 1, as a pair, and the first other target or −1.

    z, grad: of one type (uint16 for half types, see ``kind``). y: integers or floats. each (N,) of float64 and grad
    (N,) are filled, unless they are empty, grad by derivative · scale / divisor. It stops at another target.
    """
    x, t = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    loss, hi, lo = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    slope = scratch(BLOCK, blank(z[0]))
    for r in range(BLOCK):
        hi[r] = lo[r] = 0.0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        if n < BLOCK:
            for r in range(BLOCK):  # a logit of −∞ and its target 0 cost nothing
                x[r] = -math.inf
                t[r] = 0.0
        source, label = at(z, i), at(y, i)
        for r in range(n):
            x[r] = widen(source[r], kind)
        for r in range(n):
            t[r] = label[r]
        other = 0
        for r in range(BLOCK):
            other += 0 if t[r] == 0 or t[r] == 1 else 1
        if other:
            for r in range(n):
                if t[r] != 0 and t[r] != 1:
                    return math.nan, math.nan, i + r
        for r in range(BLOCK):
            loss[r], g = hard(x[r], t[r] > 0, slope[0])
            slope[r] = g * scale / divisor
        pile(hi, lo, loss)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            put(slope, n, kind, at(grad, i), past)
    total, rest = level(hi, lo)
    return total, rest, -1


@njit(**INLINE)
def load(a, first, inner, outer_step, step, n, out):
    """Read n numbers of an (A, B) array by its strides, from element ``first`` on."""
    if outer_step == inner * step and step == 1:
        source = at(a, first)
        for r in range(n):
            out[r] = source[r]
        return
    i, j = first // inner, first % inner
    for r in range(n):
        out[r] = a[i * outer_step + j * step]
        j += 1
        if j == inner:
            i, j = i + 1, 0


@kernel
def general(z, y, weight, pos, each, grad, kind, inner, strides, sharp, smooth, numbers, start, stop):
    """Elements [start, stop) of (A, B) arrays with any option: Σ weight · loss as a pair, and the first bad target.

    weight, pos: flat float64, empty where there is none. strides: (outer, inner) of z, y, weight and pos; each and
    grad are dense. sharp: only 0 and 1 are targets, not what lies between. smooth: 1 − ε and ε / 2 as pairs.
    numbers: γ, factor and divisor of the gradient.
    """
    (z_outer, z_inner), (y_outer, y_inner), (w_outer, w_inner), (p_outer, p_inner) = strides
    keep, keep_lo, half, half_lo = smooth
    gamma, scale, divisor = numbers
    x, t, w, c = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    loss, slope = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    hi, lo = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    raw, out = scratch(BLOCK, z[0]), scratch(BLOCK, blank(z[0]))
    wrong = -1
    for r in range(BLOCK):
        hi[r] = lo[r] = 0.0
        w[r] = c[r] = 1.0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        if n < BLOCK:
            for r in range(BLOCK):
                x[r] = -math.inf
                t[r] = 0.0
                w[r] = 1.0 if r < n else 0.0
        load(z, i, inner, z_outer, z_inner, n, raw)
        for r in range(n):
            x[r] = widen(raw[r], kind)
        load(y, i, inner, y_outer, y_inner, n, t)
        if weight.size:
            load(weight, i, inner, w_outer, w_inner, n, w)
        if pos.size:
            load(pos, i, inner, p_outer, p_inner, n, c)
        bad, between = 0, 0
        for r in range(BLOCK):
            between += 0 if t[r] == 0 or t[r] == 1 else 1
            bad += 0 if t[r] >= 0 and t[r] <= 1 else 1
        if bad or (sharp and between):
            for r in range(n):
                if not (0 <= t[r] <= 1) or (sharp and t[r] != 0 and t[r] != 1):
                    t[r] = math.nan
                    wrong = i + r if wrong < 0 else wrong
        smoothed = half > 0
        for r in range(BLOCK):
            m = c[r] if t[r] > 0 else 1.0
            a, g = hard(x[r], t[r] > 0, blank(z[0]))
            loss[r] = a * m if m > 0 else (a if a != a else 0.0)  # 0 · ∞ = 0
            slope[r] = g * m
        if gamma > 0:
            for r in range(BLOCK):
                less, steep = modulated(x[r], t[r] > 0, gamma, blank(z[0]))
                loss[r] *= less
                slope[r] *= steep
        if smoothed or between:
            for r in range(BLOCK):
                a, g = soft(x[r], t[r], c[r], keep, keep_lo, half, half_lo)
                whole = not smoothed and (t[r] == 0 or t[r] == 1)
                loss[r] = loss[r] if whole else a
                slope[r] = slope[r] if whole else g
        for r in range(BLOCK):
            live = w[r] != 0
            loss[r] = loss[r] * w[r] if live else 0.0
            out[r] = slope[r] * w[r] * scale / divisor if live else 0.0
        pile(hi, lo, loss)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            put(out, n, kind, at(grad, i), False)
    total, rest = level(hi, lo)
    return total, rest, wrong
