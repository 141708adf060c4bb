# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows whose target is a distribution or smoothed, softcapped logits, and focal loss: where digits may cancel.

In T · p − t a target next to p cancels as many digits as the two share. Rows of float32 and half types are computed
in float64 (``quick``), which has digits to spare; a row that used them up, and no ulp of a logit to excuse it, is
computed again. That, and every row of float64, is done in pairs of floats (``careful``). The largest logit, k, is
kept out of all sums over the classes, so that 1 + tail and T − t_k are known without a subtraction.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels import finish
from xent.kernels._compile import FAST, INLINE, kernel
from xent.kernels._math import (
    F8,
    NATIVE,
    at,
    blank,
    hold,
    key,
    log1p,
    lowest,
    narrow,
    power,
    steepness,
    unkey,
    widen,
)
from xent.kernels._pairs import pair
from xent.kernels.careful import FIELDS, LANES, careful
from xent.kernels.rows import put

BLOCK = 256  # classes whose terms are added at once; the blocks are added in two floats
NEAR = 2.0**-24  # |T e − t (1 + tail)| beside t (1 + tail), below which float64 may not be enough for float32


def constants(classes: int, *, tau: float = 1.0, epsilon: float = 0.0, softcap: float | None = None):
    """What the kernel wants to know of its options: steepness; 1 − ε, ε / K, 1 / τ, c and 2 / c in two floats."""
    keep, base = pair(1 - Fraction(epsilon)), pair(Fraction(epsilon) / classes)
    cool, cap, bend = pair(1 / Fraction(tau)), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    if softcap:
        cap, bend = (float(softcap), *pair(2 / Fraction(softcap))), steepness(softcap / 2, F8)
    return steepness(tau, F8), keep, base, cool, cap, bend


# ------------------------------------------------------------------------------------------------- reading a row


@njit(**INLINE)
def pick(a, step, n, to):
    """Lay a row's classes side by side, where they are not."""
    if step == 1:
        return a
    for j in range(n):
        to[j] = a[j * step]
    return to


@njit(**INLINE)
def take(z, n, padded, kind, x):
    """Copy logits to float64, padded by masks; give the largest, and how many are NaN or +∞."""
    m, bad = lowest(widen(z[0], kind)), 0
    for j in range(n):
        value = widen(z[j], kind)
        x[j] = value
        m = max(m, key(value))
        bad += 0 if value < math.inf else 1
    for j in range(n, padded):
        x[j] = -math.inf
    return F8(unkey(m)), bad


@njit(**INLINE)
def find(x, n, top):
    """First class of the largest logit."""
    k = n - 1
    for j in range(n):
        k = min(k, j if x[j] == top else n)
    return k


@njit(**INLINE)
def given(q, n, padded, kind, y, u):
    """Copy a distribution to float64, or set the one of a label; give its sum, and how many entries cannot be."""
    s, bad = 1.0, 0
    if y >= 0:
        for j in range(padded):
            u[j] = 0.0
        u[y] = 1.0
    else:
        s = 0.0
        for j in range(n):
            value = F8(widen(q[j], kind))
            u[j] = value
            s += value
            bad += 0 if value >= 0 and value < math.inf else 1
        for j in range(n, padded):
            u[j] = 0.0
    return s, bad


# ------------------------------------------------------------------------------------------ rows of narrow types


@njit(**INLINE)
def curve(x, slope, n, c, bend):
    """Softcap logits in float64, and the slope of it; a mask stays one."""
    hi, lo, most = bend
    for j in range(n):
        z = x[j]
        e = power(abs(z), 0.0, hi, lo, most)
        value = c * ((1.0 - e) / (1.0 + e))
        slope[j] = 4.0 * e / ((1.0 + e) * (1.0 + e))
        x[j] = z if z == -math.inf else (-value if z < 0 else value)


@njit(**INLINE)
def raise_all(x, u, n, top, hi, lo, most):
    """Turn logits into powers; add up powers, targets, and target · gap."""
    tail, rest, dot = 0.0, 0.0, 0.0
    for j in range(n):
        value, t = x[j], u[j]
        gap = top - value
        p = power(0.0, -gap, hi, lo, most)  # of narrow logits a difference in float64 has lost nothing that matters
        x[j] = p
        tail += p
        rest += t
        dot += t * gap if t > 0 else 0.0
    return tail, rest, dot


@njit(**INLINE)
def sums(x, u, padded, top, scales):
    """Of a whole row: tail, Σ t and Σ t · gap."""
    hi, lo, most = scales
    tail, rest, dot, tail_, rest_, dot_ = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for b in range(0, padded, BLOCK):
        s, t, d = raise_all(at(x, b), at(u, b), min(BLOCK, padded - b), top, hi, lo, most)
        tail, tail_ = finish.two_sum(tail, tail_, s)
        rest, rest_ = finish.two_sum(rest, rest_, t)
        dot, dot_ = finish.two_sum(dot, dot_, d)
    return tail + tail_, rest + rest_, dot + dot_


def quick(z, q, weight, x, u, slope, image, row, known, constants, settings):
    """Loss, log-normaliser and gradient in float64; and whether this was not enough. Never is for float64."""
    raise NotImplementedError


@overload(quick, jit_options={"error_model": "numpy", "fastmath": FAST})
def _quick(z, q, weight, x, u, slope, image, row, known, constants, settings):
    if z.dtype == types.float64:
        return lambda z, q, weight, x, u, slope, image, row, known, constants, settings: (0.0, 0.0, True)

    def narrow_rows(z, q, weight, x, u, slope, image, row, known, constants, settings):
        n, padded, kind, kind_q, y = row
        top, k = known
        z_loss, gamma, factor, divisor, wanted = settings
        scales, (keep, _), (base, _), (cool, _), (c, _, _), bend = constants
        for j in range(n):
            u[j] = u[j] * keep + base
        if weight.size:
            for j in range(n):
                u[j] *= weight[j]
        high = top
        if c > 0:
            curve(x, slope, padded, c, bend)
            high = x[k]
        t_k = u[k]
        x[k], u[k] = -math.inf, 0.0
        tail, rest, dot = sums(x, u, padded, high, scales)
        x[k] = 1.0
        whole, mass, peak, log_tail = 1.0 + tail, rest + t_k, high * cool, log1p(tail)
        loss, lse, push = mass * log_tail + dot * cool, peak + log_tail, 0.0
        if z_loss > 0:
            loss, push = loss + z_loss * lse * lse, 2.0 * z_loss * lse
        v = factor * cool / divisor / whole
        if gamma > 0:
            gap = 0.0 if y == k else dot * cool / mass
            less, steep = finish.focal(tail, gap, x[y], gamma)
            loss, v = loss * less, v * steep
        if not wanted:
            return loss, lse, c * cool > 2.0**20
        pull, near, close = mass + push, NEAR * (1.0 + c * cool), 0
        if c > 0:
            for j in range(n):
                a, b = pull * x[j], u[j] * whole
                excess = a - b
                image[j] = excess * v * slope[j]
                close += 1 if abs(excess) < near * b else 0
        else:
            for j in range(n):
                a, b = pull * x[j], u[j] * whole
                excess = a - b
                image[j] = excess * v
                close += 1 if abs(excess) < near * b else 0
        a, b = rest + push, t_k * tail
        image[k] = (a - b) * v * (slope[k] if c > 0 else 1.0)
        if close and c == 0:  # an ulp of a logit moves p by more than that, and what it moves is free
            close = 0
            for j in range(n):
                if j != k and abs(pull * x[j] - u[j] * whole) < near * (u[j] * whole):
                    room = abs(F8(widen(z[j], kind))) * cool * (1.0 - x[j] / whole)
                    close += 1 if room < NEAR else 0
        if abs(a - b) < near * b and (c > 0 or abs(top) * cool < NEAR):
            close += 1
        again = close > 0 or c * cool > 2.0**20
        if again:
            take(z, n, padded, kind, x)
            given(q, n, padded, kind_q, y, u)
        return loss, lse, again

    return narrow_rows


# ------------------------------------------------------------------------------------------------------ the kernel


@njit(**INLINE)
def give(image, n, kind, out, step, past):
    """Store a row in its own type."""
    if step == 1:
        put(image, n, kind, out, past)
    else:
        for j in range(n):
            out[j * step] = narrow(image[j], out[0], kind)


@njit(**INLINE)
def copy(x, n, to):
    """Copy float64 to the type to store."""
    for j in range(n):
        to[j] = x[j]


@njit(**INLINE)
def flood(image, n, value):
    """Set a row to one number."""
    for j in range(n):
        image[j] = value


@kernel
def cross_entropy(
    z, labels, q, weight, row, each, lse, grad, kinds, shape, strides, constants_, options, start, stop
):
    """Σ of the rows' losses in two floats, and the first rows of no class and of no distribution, or −1.

    z, grad: flat, of one type (uint16 for half types). q: flat, floating or uint16; or else labels (N,). weight
    (K,), row (N,), each (N,), lse (N,) of float64: empty where there is none. kinds: of z and of q, see ``_math``.
    shape: (inner rows, classes). strides: of z, of q and of grad, each by outer row, inner row and class.
    constants_: see :func:`constants`. options: (ignore?, ignore_index, z_loss, γ, factor and divisor of the
    gradient, past the caches?); γ is for labels without smoothing or z_loss. The gradient is by the logits as
    given: 1 / τ and the cap's slope, which is 0 at a mask, are in it. Rows [start, stop).
    """
    inner, classes = shape
    (z_outer, z_inner, z_class), (q_outer, q_inner, q_class), (g_outer, g_inner, g_class) = strides
    kind, kind_q = kinds
    ignoring, ignore, z_loss, gamma, scale, divisor, past = options
    tolerance = 1e-3 if kind_q == NATIVE else 5e-3
    padded = (classes + LANES - 1) // LANES * LANES
    numbers = np.full(padded * (FIELDS + 3), 0.0)
    x, u, slope, work = at(numbers, 0), at(numbers, padded), at(numbers, 2 * padded), at(numbers, 3 * padded)
    picture = np.full(padded, blank(z[0]))
    z_side = np.empty(classes if z_class != 1 else 1, z.dtype)
    q_side = np.empty(classes if q_class != 1 else 1, q.dtype)
    image = at(picture, 0)
    total, rest, wrong, odd = 0.0, 0.0, -1, -1
    for i in range(start, stop):
        a, b = i // inner, i % inner
        out = at(grad, a * g_outer + b * g_inner)
        factor = row[i] if row.size else 1.0
        y, ignored, good = -1, False, True
        if labels.size:
            y = labels[i]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i
        source = at(q, a * q_outer + b * q_inner)
        if good and not ignored:
            if y < 0:
                source = pick(source, q_class, classes, at(q_side, 0))
            s, bad = given(source, classes, padded, kind_q, y, u)
            if odd < 0 and (bad > 0 or not abs(s - 1.0) <= tolerance):
                odd = i
        if factor == 0 or ignored or not good:
            if each.size:
                each[i] = 0.0
            if lse.size:
                lse[i] = 0.0
            if grad.size:
                flood(image, classes, 0.0)
                give(image, classes, kind, out, g_class, past)
            continue
        logits = pick(at(z, a * z_outer + b * z_inner), z_class, classes, at(z_side, 0))
        top, bad = take(logits, classes, padded, kind, x)
        if bad > 0 or top == -math.inf:
            loss = norm = math.nan
            flood(image, classes, math.nan)
        else:
            k = find(x, classes, top)
            about, known = (classes, padded, kind, kind_q, y), (top, k)
            settings = (z_loss, gamma, factor * scale, divisor, grad.size > 0)
            loss, norm, again = quick(
                logits, source, weight, x, u, slope, image, about, known, constants_, settings
            )
            if again:
                loss, norm = careful(x, u, weight, work, classes, padded, top, k, y, constants_, settings)
                copy(x, classes, image)
        loss *= factor
        total, rest = finish.two_sum(total, rest, loss)
        if each.size:
            each[i] = loss
        if lse.size:
            lse[i] = norm
        if grad.size:
            give(image, classes, kind, out, g_class, past)
    hold(numbers)
    hold(picture)
    hold(z_side)
    hold(q_side)
    return total, rest, wrong, odd
