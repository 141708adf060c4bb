# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows whose target is any distribution, smoothed or weighted, and softcapped logits: where digits may cancel.

In T · p − t a target next to p cancels as many digits as the two share. Rows of float32 and half types are computed
in float64 (``plain``), which has digits to spare; a row that used them up, and no ulp of a logit to excuse it, is
computed again. That, and every gradient of float64, is done in pairs of floats (``careful``). The largest logit, k,
is kept out of all sums over the classes, so that 1 + tail and T − t_k are known without a subtraction.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels import careful
from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import (
    F8,
    NATIVE,
    at,
    blank,
    hold,
    key,
    log1p,
    power,
    raised,
    scratch,
    steepness,
    unkey,
    widen,
)
from xent.kernels._pairs import pair
from xent.kernels._streams import expect
from xent.kernels.careful import SLOPE, STEP, T_, T
from xent.kernels.finish import two_sum
from xent.kernels.lanes import ROWS
from xent.kernels.rows import PAD, put

BLOCK = 64  # classes whose terms are added at once, where all digits count; the blocks are added in two floats
AHEAD = 4096  # up to so many classes the next row is asked for while a row is computed
NEAR = 2.0**-16  # |T e − t (1 + tail)| beside t (1 + tail), below which 40 digits may be too few for 24
FREE = 2.0**-15  # |z_j|, from which on an ulp of it in float32 excuses the 40th digit


def constants(classes: int, *, tau: float = 1.0, epsilon: float = 0.0, softcap: float | None = None):
    """What the kernels want to know of their options: steepness; 1 − ε, ε / K, 1 / τ, c and 2 / c in two floats."""
    keep, base = pair(1 - Fraction(epsilon)), pair(Fraction(epsilon) / classes)
    cool, cap, bend = pair(1 / Fraction(tau)), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    if softcap:
        cap, bend = (float(softcap), *pair(2 / Fraction(softcap))), steepness(softcap / 2, F8)
    return steepness(tau, F8), keep, base, cool, cap, bend


@njit(**EXACT)
def finish(tail, rest, t_k, dot, peak, z_loss):
    """Loss, log-normaliser, T with z_loss's part, 1 + tail, and the two parts of the gradient at k."""
    mass, log_tail = rest + t_k, log1p(tail)
    loss, lse, push = mass * log_tail + dot, peak + log_tail, 0.0
    if z_loss > 0:
        loss, push = loss + z_loss * lse * lse, 2.0 * z_loss * lse
    return loss, lse, mass + push, 1.0 + tail, rest + push, t_k * tail


def wide(like):
    """Say whether numbers are computed in float64 because they have its digits."""
    raise NotImplementedError


@overload(wide)
def _wide(like):
    answer = like == types.float64
    return lambda like: answer


# ------------------------------------------------------------------------------------------------- reading a row


# A row has more than PAD classes. What is left of it after whole blocks of PAD is a block at its end that overlaps
# the one before: no loop has a remainder to go through one by one.


@njit(**INLINE)
def highest(z, n, kind):
    """Largest logit of a row, the first class that has it, and whether there is a softmax."""
    m = low = key(widen(z[0], kind))
    for j in range(n // PAD * PAD):
        value = key(widen(z[j], kind))
        m = max(m, value)
        low = min(low, value)
    for j in range(n - PAD, n):
        value = key(widen(z[j], kind))
        m = max(m, value)
        low = min(low, value)
    k = n - 1
    for j in range(n // PAD * PAD):
        k = min(k, j if key(widen(z[j], kind)) == m else n)
    for j in range(n - PAD, n):
        k = min(k, j if key(widen(z[j], kind)) == m else n)
    top, bottom = F8(unkey(m)), unkey(low)  # a NaN has the highest or lowest key of all
    return top, k, abs(top) < math.inf and bottom == bottom


@njit(**INLINE)
def judge(q, step, n, kind):
    """Sum of a target, and of its negative entries."""
    mass, below, whole = 0.0, 0.0, n // PAD * PAD
    for j in range(whole):
        t = F8(widen(q[j * step], kind))
        mass += t
        below += t if t < 0 else 0.0
    for j in range(n - PAD, n):
        t = F8(widen(q[j * step], kind))
        mass += t if j >= whole else 0.0
        below += t if t < 0 else 0.0
    return mass, below


@njit(**INLINE)
def take(a, step, n, padded, kind, x, missing):
    """Copy a row to float64, padded."""
    for j in range(n // PAD * PAD):
        x[j] = widen(a[j * step], kind)
    for j in range(n - PAD, n):
        x[j] = widen(a[j * step], kind)
    for j in range(n, padded):
        x[j] = missing


# ------------------------------------------------------------------------------------------ rows of narrow types


@njit(**INLINE)
def curve(x, slope, n, c, bend):
    """Softcap logits, and the slope of it; a mask stays one."""
    hi, lo, most = bend
    for j in range(n):
        z = x[j]
        e = power(abs(z), 0.0, hi, lo, most)
        value = c * ((1.0 - e) / (1.0 + e))
        slope[j] = 4.0 * e / ((1.0 + e) * (1.0 + e))
        x[j] = z if z == -math.inf else (-value if z < 0 else value)


@njit(**INLINE)
def raise_all(x, u, n, top, scales, like):
    """Turn logits into powers; add up powers, targets, and target · gap."""
    hi, lo, most = scales
    tail, rest, dot = 0.0, 0.0, 0.0
    for j in range(n):
        value, t = x[j], u[j]
        e = raised(top, value, hi, lo, most, like)
        x[j] = e
        tail += e
        rest += t
        dot += t * (top - value) if t != 0 else 0.0
    return tail, rest, dot


@njit(**INLINE)
def sums(x, u, padded, top, scales, like, soon, then, ahead):
    """Powers of a row, the tail, Σ t and Σ t · gap; ``soon`` and ``then`` are read next."""
    size = BLOCK if wide(like) else 2 * BLOCK if ahead else padded
    tail, rest, dot, tail_, rest_, dot_ = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for b in range(0, padded, size):
        expect(soon, b, b + size if ahead else b)
        expect(then, b, b + size if ahead else b)
        s, t, d = raise_all(at(x, b), at(u, b), min(size, padded - b), top, scales, like)
        tail, tail_ = two_sum(tail, tail_, s)
        rest, rest_ = two_sum(rest, rest_, t)
        dot, dot_ = two_sum(dot, dot_, d)
    return tail + tail_, rest + rest_, dot + dot_


@njit(**INLINE)
def spread(x, u, slope, n, bend, pull, whole, v, near, image):
    """Write the gradient; count the entries that cancelled."""
    close = 0
    if bend:
        for j in range(n):
            a, b = pull * x[j], u[j] * whole
            close += 1 if abs(a - b) < near * abs(b) else 0
            image[j] = (a - b) * v * slope[j]
    else:
        for j in range(n):
            a, b = pull * x[j], u[j] * whole
            close += 1 if abs(a - b) < near * abs(b) else 0
            image[j] = (a - b) * v
    return close


@njit(**INLINE)
def unexcused(z, x, u, n, k, kind, cool, pull, whole, near):
    """Count entries that cancelled though no ulp of their logit moves p by as much."""
    close = 0
    for j in range(n):
        a, b = pull * x[j], u[j] * whole
        room = abs(F8(widen(z[j], kind))) * cool * (1.0 - x[j] / whole)
        close += 1 if j != k and abs(a - b) < near * abs(b) and room < FREE else 0
    return close


@njit(**INLINE)
def flood(image, n, value):
    """Set a row to one number."""
    for j in range(n):
        image[j] = value


# ------------------------------------------------------------------------------------------------------ the kernel


@kernel
def cross_entropy(
    z, labels, q, weight, row, each, lse, grad, kinds, shape, strides, constants_, options, start, stop
):
    """Σ of the rows' losses in two floats, and the first rows of no class and of no distribution, or −1."""
    inner, classes = shape
    (z_outer, _, z_inner), (q_outer, q_class, q_inner), (g_outer, _, g_inner) = strides
    kind, kind_q = kinds
    ignoring, ignore, z_loss, pace, past, strict = options
    scales, (keep, keep_), (base, base_), (cool, cool_), curb, bend = constants_
    c, hard, wanted = curb[0], labels.size > 0, grad.size > 0
    general = weight.size > 0
    like, pairs = blank(z[0]), wide(blank(z[0])) and (wanted or c > 0)
    tolerance = 1e-3 if kind_q == NATIVE else 5e-3
    near = NEAR + c * cool * 2.0**-28
    steps = (classes + ROWS - 1) // ROWS
    padded = steps * ROWS
    numbers, tiles = np.empty(0 if pairs else 3 * padded), np.empty(steps * STEP)
    picture = np.full(padded, like)
    x, u, slope, tile, image = (
        at(numbers, 0),
        at(numbers, padded),
        at(numbers, 2 * padded),
        at(tiles, 0),
        at(picture, 0),
    )
    top, chosen = scratch(ROWS, 0.0), scratch(ROWS, 1)
    mass, mass_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    dot, dot_, v = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    peak, peak_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    pull, pull_, whole, whole_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    for r in range(ROWS):
        chosen[r] = 1
    ahead = classes <= AHEAD
    total, left, wrong, odd = 0.0, 0.0, -1, -1
    for i in range(start, stop):
        a, b = i // inner, i % inner
        out = at(grad, a * g_outer + b * g_inner)
        logits, target = at(z, a * z_outer + b * z_inner), at(q, a * q_outer + b * q_inner)
        soon = at(logits, z_inner if b + 1 < inner else z_outer - b * z_inner)
        then = soon
        if not hard:
            then = at(target, q_inner if b + 1 < inner else q_outer - b * q_inner)
        factor = row[i] if row.size else 1.0
        y, dead = -1, factor == 0
        if hard:
            y = labels[i]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i
            dead = dead or ignored or not good
        elif strict and odd < 0:
            s, below = judge(target, q_class, classes, kind_q)
            if below < 0 or not abs(s - 1.0) <= tolerance:
                odd = i
        loss = norm = 0.0
        high, k, fine = 0.0, 0, False
        if not dead:
            high, k, fine = highest(logits, classes, kind)
        if not fine:
            if not dead:
                loss = norm = math.nan
            flood(image, classes, loss)
        else:
            again = pairs
            if not pairs:
                take(logits, 1, classes, padded, kind, x, -math.inf)
                take(target, q_class, classes, padded, kind_q, u, 0.0)
                if hard:
                    u[y] = 1.0
                if general:
                    for j in range(padded):
                        u[j] = (u[j] * keep + base) * weight[j]
                peak0 = high
                if c > 0:
                    curve(x, slope, padded, c, bend)
                    peak0 = x[k]
                t_k = u[k]
                x[k], u[k] = -math.inf, 0.0
                tail0, rest0, dot0 = sums(x, u, padded, peak0, scales, like, soon, then, ahead)
                x[k], u[k] = 1.0, t_k
                loss, norm, pull0, whole0, up, down = finish(tail0, rest0, t_k, dot0 * cool, peak0 * cool, z_loss)
                if wanted:
                    v0 = factor * pace / whole0
                    close = spread(x, u, slope, padded, c > 0, pull0, whole0, v0, near, image)
                    image[k] = (up - down) * v0 * (slope[k] if c > 0 else 1.0)
                    if close > 0 and c == 0:
                        close = unexcused(logits, x, u, classes, k, kind, cool, pull0, whole0, near)
                    edge = abs(up - down) < near * abs(down) and (c > 0 or abs(high) * cool < FREE)
                    again = close > 0 or edge
                again = again or c * cool > 2.0**20
            if again:
                careful.load(
                    logits,
                    target,
                    steps,
                    ROWS,
                    classes - padded + ROWS,
                    ROWS,
                    1,
                    q_class * ROWS,
                    q_class,
                    kind,
                    kind_q,
                    tile,
                )
                if hard:
                    tile[y // ROWS * STEP + T + y % ROWS] = 1.0
                for r in range(ROWS):
                    top[r] = peak[r] = high
                    peak_[r] = mass_[r] = 0.0
                if general:
                    careful.share(tile, steps, weight, (keep, keep_), (base, base_), mass_)
                if c > 0 or cool != 1:
                    careful.distances(tile, steps, top, (cool, cool_), curb, peak, peak_)
                careful.powers(
                    tile, steps, top, whole, whole_, mass, mass_, dot, dot_, v, soon, then, ROWS if ahead else 0
                )
                careful.gather(whole, whole_)
                careful.gather(mass, mass_)
                careful.gather(dot, dot_)
                home = k // ROWS * STEP + k % ROWS
                t_k, t_k_ = tile[home + T], tile[home + T_] if general else 0.0
                loss, norm, pull0, pull0_, whole0, whole0_, excess = careful.finish(
                    whole[0],
                    whole_[0],
                    F8(ROWS),
                    mass[0],
                    mass_[0],
                    t_k,
                    t_k_,
                    dot[0] + dot_[0],
                    peak[0],
                    peak_[0],
                    z_loss,
                )
                if wanted:
                    v0 = factor * pace / whole0
                    for r in range(ROWS):
                        pull[r], pull_[r], whole[r], whole_[r], v[r] = pull0, pull0_, whole0, whole0_, v0
                    careful.spread(tile, steps, chosen, general, c > 0, pull, pull_, whole, whole_, v, image)
                    image[k] = excess * v0 * (tile[home + SLOPE] if c > 0 else 1.0)
        loss *= factor
        total, left = two_sum(total, left, loss)
        if each.size:
            each[i] = loss
        if lse.size:
            lse[i] = norm
        if wanted:
            put(image, classes, kind, out, past)
    hold(numbers)
    hold(tiles)
    hold(picture)
    return total, left, wrong, odd
