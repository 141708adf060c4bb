# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of many classes, one after the other: hard labels, in the logits' own precision.

A row is read once: it is copied into a buffer that stays in cache while its largest logit is found, becomes its
powers there, and goes out as the gradient.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import (
    F8,
    at,
    blank,
    fma,
    hold,
    key,
    lowest,
    narrow,
    power,
    scratch,
    steady,
    stream,
    unkey,
    widen,
)
from xent.kernels.finish import focal, log1p, loss_of, short, slopes, smoothed, tail_of, two_sum

BLOCK = 256  # classes whose powers are added in the row's own type; the blocks are added in float64
STEADY = 128  # the same where the target may be close
PAD = 64  # a buffer ends in masks, so that loops need no remainder


@njit(**INLINE)
def take(z, n, kind, x):
    """Copy logits to where they are computed with; give the largest."""
    m = lowest(x[0])
    for j in range(n):
        value = widen(z[j], kind)
        x[j] = value
        k = key(value)
        if k > m:
            m = k
    return unkey(m)


@njit(**INLINE)
def raise_all(x, n, top, hi, lo, most):
    """Turn logits into their powers exp(−(top − x) / τ); add up those below 1, and count those of the largest."""
    zero = blank(top)
    s = zero
    ties = zero
    for j in range(n):
        value = x[j]
        p = power(top, value, hi, lo, most)
        x[j] = p
        s += p if value != top else zero
        ties += zero if value != top else p
    return F8(s), F8(ties)


@njit(**INLINE)
def raise_steadily(x, n, top, hi, lo, most):
    """As :func:`raise_all`, for targets that powers may come close to."""
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
def read_steadily(z, n, padded, kind, x, hi, lo, most):
    """As :func:`read`, and the sum of the distances from the largest logit."""
    top = take(z, n, kind, x)
    for j in range(n, padded):
        x[j] = -math.inf
    below, rest, ties, fall = 0.0, 0.0, 0.0, 0.0
    for b in range(0, padded, STEADY):
        size = min(STEADY, padded - b)
        fall += fall_of(at(x, b), n - b, size, top)
        s, t = raise_steadily(at(x, b), size, top, hi, lo, most)
        below, rest = two_sum(below, rest, s)
        ties += t
    return top, tail_of(top, below + rest, ties), fall


@njit(**INLINE)
def read(z, n, padded, kind, x, hi, lo, most):
    """Powers of a row in ``x`` (padded), its largest logit, and the tail; NaN for a row without a softmax."""
    top = take(z, n, kind, x)
    for j in range(n, padded):
        x[j] = -math.inf
    below, ties = 0.0, 0.0
    whole = padded // BLOCK * BLOCK
    for b in range(0, whole, BLOCK):
        s, t = raise_all(at(x, b), BLOCK, top, hi, lo, most)
        below += s
        ties += t
    s, t = raise_all(at(x, whole), (padded - whole) // PAD * PAD, top, hi, lo, most)
    return top, tail_of(top, below + s, ties + t)


@njit(**INLINE)
def scale_all(x, n, v):
    """Multiply a row by a number."""
    for j in range(n):
        x[j] *= v


@njit(**INLINE)
def lessen_all(x, n, b, v, c):
    """(x − b) v + c: subtract a number in two floats, b first, which is exact where it cancels (Sterbenz)."""  # noqa: D403
    for j in range(n):
        x[j] = fma(x[j] - b, v, c)


def put(x, n, kind, out, past):
    """Store a row in its own type, past the caches if ``past``."""
    raise NotImplementedError


@overload(put, jit_options=INLINE)
def _put(x, n, kind, out, past):
    if out.dtype == types.float32:

        def single(x, n, kind, out, past):
            if past:
                stream(out, x, n)
            else:
                for j in range(n):
                    out[j] = x[j]

        return single

    def other(x, n, kind, out, past):
        for j in range(n):
            out[j] = narrow(x[j], out[j], kind)

    return other


@kernel
def cross_entropy(
    z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, smooth, start, stop
):
    """Σ of the rows' losses in two floats, and the first row whose label is no class, or −1.

    z, grad: flat, of one type (uint16 for half types, see ``kind``). labels (N,). weight (K,), row (N,), each (N,),
    lse (N,) of float64: empty where there is none. shape: (inner rows, classes). strides: of z and of grad, each by
    outer and inner row. scales: :func:`steepness`. options: (ignore?, ignore_index, z_loss, γ, factor and divisor
    of the gradient, τ, past the caches?). smooth: see ``finish.smoothed``; ε > 0 is for rows without class weights,
    z_loss and γ. Rows [start, stop).
    """
    inner, classes = shape
    z_outer, z_inner, g_outer, g_inner = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, gamma, scale, divisor, tau, past = options
    divisor *= tau
    padded = (classes + PAD - 1) // PAD * PAD
    buffer = np.full(padded + 16, blank(z[0]))
    x, v = at(buffer, 0), scratch(3, blank(z[0]))
    total, rest, wrong = 0.0, 0.0, -1
    for i in range(start, stop):
        a, b = i // inner, i % inner
        out = at(grad, a * g_outer + b * g_inner)
        y = labels[i]
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
        logits = at(z, a * z_outer + b * z_inner)
        if smooth[0] > 0:
            top, tail, fall = read_steadily(logits, classes, padded, kind, x, hi, lo, most)
        else:
            top, tail = read(logits, classes, padded, kind, x, hi, lo, most)
        gap = (F8(top) - F8(widen(logits[y], kind))) / tau
        peak = F8(top) / tau
        if smooth[0] > 0:
            loss, whole, h, h_, at_label = smoothed(tail, gap, fall / tau, F8(x[y]), smooth)
        else:
            mass = weight[y] if weight.size else 1.0
            loss = loss_of(tail, gap, mass, peak, z_loss)
            push = 2.0 * z_loss * (peak + log1p(tail)) if z_loss > 0 else 0.0
            slope, at_label = slopes(tail, gap, F8(x[y]), mass, push)
            if gamma > 0:
                less, steep = focal(tail, gap, F8(x[y]), gamma)
                loss, slope, at_label = loss * less, slope * steep, at_label * steep
        loss *= factor
        total, rest = two_sum(total, rest, loss)
        if each.size:
            each[i] = loss
        if lse.size:
            lse[i] = peak + log1p(tail)
        if grad.size:
            factor *= scale
            if smooth[0] > 0:
                at_label /= whole
                share = factor / (whole * divisor)
                v[0], v[1] = h, share
                v[2] = short(F8(v[0]), h, h_) * share
                lessen_all(x, padded, v[0], v[1], v[2])
            else:
                v[0] = slope * factor / divisor
                scale_all(x, padded, v[0])
            x[y] = at_label * factor / divisor
            put(x, classes, kind, out, past)
    hold(buffer)
    return total, rest, wrong
