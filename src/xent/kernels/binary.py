# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""The loops of the logistic losses: for targets 0 and 1 that are neighbours in memory, and for any with any option.

Both go in blocks that lie on the stack, so that nothing else can point at them and every loop vectorises; what is
computed in the logits' own type and what in float64 are loops of their own, so that each has its full width.
"""

from __future__ import annotations

import math

from numba import (
    carray,  # pyright: ignore[reportPrivateImportUsage]
    njit,
    types,
)
from numba.extending import overload

from xent.kernels import logistic
from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F8, at, blank, scratch, widen
from xent.kernels.finish import two_sum
from xent.kernels.logistic import hard, soft, soft_exact, unit
from xent.kernels.rows import put

BLOCK = 256  # elements at a time


@njit(**INLINE)
def measure(x, yes, log, far, slope, sloped, loss, steep):
    """Loss of a block with targets 0 and 1, and its derivative if ``sloped``, in float64."""
    like = blank(x[0])
    if sloped:
        for r in range(BLOCK):
            log[r], far[r], slope[r] = hard(x[r], yes[r] > 0)
        for r in range(BLOCK):
            steep[r] = F8(slope[r]) * unit(like)
    else:
        for r in range(BLOCK):
            log[r], far[r], _ = hard(x[r], yes[r] > 0)
    for r in range(BLOCK):
        loss[r] = F8(log[r]) * unit(like) + F8(far[r])


@njit(**INLINE)
def focus(x, yes, gamma, like, loss, slope):
    """Focal loss of a block and its derivative, as exact as the type of ``like`` needs."""
    if gamma == 2:
        for r in range(BLOCK):
            loss[r], slope[r] = squared(F8(x[r]), yes[r] > 0, gamma, like)
    else:
        for r in range(BLOCK):
            loss[r], slope[r] = focal(F8(x[r]), yes[r] > 0, gamma, like)


def squared(z, yes, gamma, like):
    """Focal loss of an element for γ = 2, and its derivative."""
    raise NotImplementedError


def focal(z, yes, gamma, like):
    """Focal loss of an element, and its derivative."""
    raise NotImplementedError


@overload(squared, jit_options=EXACT)
def _squared(z, yes, gamma, like):
    if like == types.float64:
        return lambda z, yes, gamma, like: logistic.focal_pairs(z, yes, gamma)
    return lambda z, yes, gamma, like: logistic.squared(z, yes, gamma)


@overload(focal, jit_options=EXACT)
def _focal(z, yes, gamma, like):
    if like == types.float64:
        return lambda z, yes, gamma, like: logistic.focal_pairs(z, yes, gamma)
    return lambda z, yes, gamma, like: logistic.focal(z, yes, gamma)


def pile(hi, lo, x, like):
    """Add a block to a block of sums, each of them a pair."""
    raise NotImplementedError


@overload(pile, jit_options=INLINE)
def _pile(hi, lo, x, like):
    if like == types.float64:

        def lane_by_lane(hi, lo, x, like):
            for r in range(BLOCK):
                hi[r], lo[r] = two_sum(hi[r], lo[r], x[r])

        return lane_by_lane

    def at_once(hi, lo, x, like):  # the losses have float32's digits: their float64 sum loses nothing that counts
        s = 0.0
        for r in range(BLOCK):
            s += x[r]
        hi[0], lo[0] = two_sum(hi[0], lo[0], s)

    return at_once


def level(hi, lo, like):
    """Sum of what :func:`pile` has added up, as a pair."""
    raise NotImplementedError


@overload(level, jit_options=INLINE)
def _level(hi, lo, like):
    if like != types.float64:
        return lambda hi, lo, like: (hi[0], lo[0])

    def lanes(hi, lo, like):
        total, rest = 0.0, 0.0
        for r in range(BLOCK):
            total, rest = two_sum(total, rest, hi[r])
            rest += lo[r]
        return total, rest

    return lanes


@kernel
def plain(z, y, each, grad, kinds, sides, gamma, factor, past, start, stop):
    """Σ loss of elements [start, stop) with targets 0 and 1, as a pair, and the first other target or −1.

    z, grad: of one type (uint16 for half types). y: integers, floats or uint16. kinds: of z and y, see ``_math``.
    each (N,) and grad (N,) are filled, unless they are empty, grad by derivative · factor. sides: what losses of
    elements with target 1 and 0 are multiplied by; what has the factor 0 is 0. It stops at another target.
    """
    kind, kind_y = kinds
    one, zero = sides
    nought = blank(z[0])
    x, t = scratch(BLOCK, nought), scratch(BLOCK, nought)
    log, far, slope = scratch(BLOCK, nought), scratch(BLOCK, nought), scratch(BLOCK, nought)
    loss, steep = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    hi, lo = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    for r in range(BLOCK):
        hi[r] = lo[r] = steep[r] = 0.0
    sided = one != 1 or zero != 1
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        if n < BLOCK:
            for r in range(BLOCK):  # a logit of −∞ and its target 0 cost nothing
                x[r] = -math.inf
                t[r] = 0
        source, label = at(z, i), at(y, i)
        for r in range(n):
            x[r] = widen(source[r], kind)
        other = 0
        for r in range(n):
            a = widen(label[r], kind_y)
            t[r] = a
            other += 0 if a == 0 or a == 1 else 1
        if other:
            for r in range(n):
                a = widen(label[r], kind_y)
                if a != 0 and a != 1:
                    return math.nan, math.nan, i + r
        if gamma > 0:
            focus(x, t, gamma, nought, loss, steep)
        else:
            measure(x, t, log, far, slope, grad.size > 0, loss, steep)
        if sided:
            for r in range(BLOCK):
                m = one if t[r] > 0 else zero
                loss[r] = loss[r] * m if m != 0 else 0.0
                steep[r] = steep[r] * m if m != 0 else 0.0
        pile(hi, lo, loss, nought)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            for r in range(BLOCK):
                slope[r] = steep[r] * factor
            put(slope, n, kind, at(grad, i), past)
    total, rest = level(hi, lo, nought)
    return total, rest, -1


def plain_at(z, y, each, grad, n, outputs, kind, kind_y, gamma, factor):
    """:func:`plain` of the n elements at addresses, for ``elements.caller``."""
    losses, slopes = carray(each, n * (outputs & 1)), carray(grad, n * (outputs >> 1))
    logits, target, kinds = carray(z, n), carray(y, n), (kind, kind_y)
    total, rest, other = plain(logits, target, losses, slopes, kinds, (1.0, 1.0), gamma, factor, False, 0, n)
    return -1.0 if other >= 0 else total + rest


@njit(**INLINE)
def load(a, i, shape, strides, kind, n, out):
    """Read n numbers of an (A, B, C) array by its strides, from element i on."""
    _, middle, inner = shape
    far, near, step = strides
    if step == 1 and near == inner and far == middle * inner:
        source = at(a, i)
        for r in range(n):
            out[r] = widen(source[r], kind)
        return
    j, b = i % inner, i // inner % middle
    source = at(a, i // inner // middle * far)
    r = 0
    while r < n:
        run = min(n - r, inner - j)
        row = at(source, b * near + j * step)
        if step == 1:
            for s in range(run):
                out[r + s] = widen(row[s], kind)
        elif step == 0:
            value = widen(row[0], kind)
            for s in range(run):
                out[r + s] = value
        else:
            for s in range(run):
                out[r + s] = widen(row[s * step], kind)
        r += run
        j = 0
        b += 1
        if b == middle:
            b = 0
            source = at(source, far)


@kernel
def general(
    z, y, weight, pos, each, grad, kinds, shape, strides, sides, sharp, smooth, gamma, factor, past, start, stop
):
    """As :func:`plain` with any option, for elements of (A, B, C) arrays; gives the first bad target instead.

    weight, pos: flat floats, empty where there is none. strides: of z, y, weight and pos; each and grad are dense.
    sharp: only 0 and 1 are targets, not what lies between. smooth: 1 − ε and ε / 2 as pairs.
    """
    kind, kind_y = kinds
    of_z, of_y, of_weight, of_pos = strides
    one, zero = sides
    keep, keep_lo, half, half_lo = smooth
    nought = blank(z[0])
    x, yes = scratch(BLOCK, nought), scratch(BLOCK, nought)
    log, far, slope = scratch(BLOCK, nought), scratch(BLOCK, nought), scratch(BLOCK, nought)
    t, w, c = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    loss, steep, lost = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    hi, lo = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    wrong, smoothed, weighted = -1, half > 0, weight.size > 0 or one != 1 or zero != 1
    for r in range(BLOCK):
        hi[r] = lo[r] = steep[r] = 0.0
        w[r] = c[r] = 1.0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        if n < BLOCK:
            for r in range(BLOCK):
                x[r] = -math.inf
                t[r] = 0.0
        load(z, i, shape, of_z, kind, n, x)
        load(y, i, shape, of_y, kind_y, n, t)
        if weight.size:
            load(weight, i, shape, of_weight, 0, n, w)
        if pos.size:
            load(pos, i, shape, of_pos, 0, n, c)
        bad, between = 0, 0
        for r in range(BLOCK):
            yes[r] = 1 if t[r] > 0 else 0
            between += 0 if t[r] == 0 or t[r] == 1 else 1
            bad += 0 if t[r] >= 0 and t[r] <= 1 else 1
        if wrong < 0 and (bad or (sharp and between)):
            for r in range(n):
                if wrong < 0 and (not (0 <= t[r] <= 1) or (sharp and t[r] != 0 and t[r] != 1)):
                    wrong = i + r
        if gamma > 0:
            focus(x, yes, gamma, nought, loss, steep)
        elif not smoothed and between < n:
            measure(x, yes, log, far, slope, grad.size > 0, loss, steep)
        if pos.size:
            for r in range(BLOCK):
                m = c[r] if t[r] > 0 else 1.0
                loss[r] = loss[r] * m if m > 0 else (loss[r] if loss[r] != loss[r] else 0.0)  # 0 · ∞ = 0
                steep[r] = steep[r] * m
        if smoothed or between:
            between_them(x, t, c, smooth, smoothed, nought, lost, loss, steep)
        if weighted:
            for r in range(BLOCK):
                m = w[r] * (one if t[r] > 0 else zero)
                loss[r] = loss[r] * m if m != 0 else 0.0
                steep[r] = steep[r] * m if m != 0 else 0.0
        for r in range(n, BLOCK):
            loss[r] = 0.0
        pile(hi, lo, loss, nought)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            for r in range(BLOCK):
                slope[r] = steep[r] * factor
            put(slope, n, kind, at(grad, i), past)
    total, rest = level(hi, lo, nought)
    return total, rest, wrong


def between_them(x, t, c, smooth, smoothed, like, lost, loss, steep):
    """Loss and derivative of a block where a target is not 0 or 1, after smoothing."""
    raise NotImplementedError


@overload(between_them, jit_options=INLINE)
def _between_them(x, t, c, smooth, smoothed, like, lost, loss, steep):
    if like == types.float64:

        def exact(x, t, c, smooth, smoothed, like, lost, loss, steep):
            keep, keep_lo, half, half_lo = smooth
            for r in range(BLOCK):
                a, g = soft_exact(x[r], t[r], c[r], keep, keep_lo, half, half_lo)
                whole = not smoothed and (t[r] == 0 or t[r] == 1)
                loss[r] = loss[r] if whole else a
                steep[r] = steep[r] if whole else g

        return exact

    def quick(x, t, c, smooth, smoothed, like, lost, loss, steep):
        keep, keep_lo, half, half_lo = smooth
        again = 0
        for r in range(BLOCK):
            a, g, few = soft(F8(x[r]), t[r], c[r], keep, half)
            whole = not smoothed and (t[r] == 0 or t[r] == 1)
            loss[r] = loss[r] if whole else a
            steep[r] = steep[r] if whole else g
            lost[r] = 1.0 if few and not whole else 0.0
            again += 1 if few and not whole else 0
        for r in range(BLOCK if again else 0):
            if lost[r]:
                _, steep[r] = soft_exact(F8(x[r]), t[r], c[r], keep, keep_lo, half, half_lo)

    return quick


@kernel
def sigmoid(z, out, kind, logs, past, start, stop):
    """σ of elements [start, stop), or log σ: slope and negative loss of an answer 0 and of an answer 1."""
    nought = blank(z[0])
    x, yes = scratch(BLOCK, nought), scratch(BLOCK, nought)
    log, far, slope = scratch(BLOCK, nought), scratch(BLOCK, nought), scratch(BLOCK, nought)
    loss, steep = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    for r in range(BLOCK):
        x[r] = 0
        yes[r] = 1 if logs else 0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        source = at(z, i)
        for r in range(n):
            x[r] = widen(source[r], kind)
        measure(x, yes, log, far, slope, not logs, loss, steep)
        if logs:
            for r in range(BLOCK):
                slope[r] = -loss[r]
        else:
            for r in range(BLOCK):
                slope[r] = steep[r]
        put(slope, n, kind, at(out, i), past)


@kernel
def element_mass(y, weight, pos, kind, shape, strides, start, stop):
    """Σ weight · (pos · y + 1 − y) of elements [start, stop) of (A, B, C) arrays as a pair, and −1."""
    of_y, of_weight, of_pos = strides
    t, w, c, m = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    hi, lo = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    for r in range(BLOCK):
        hi[r] = lo[r] = 0.0
        w[r] = c[r] = 1.0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        load(y, i, shape, of_y, kind, n, t)
        if weight.size:
            load(weight, i, shape, of_weight, 0, n, w)
        if pos.size:
            load(pos, i, shape, of_pos, 0, n, c)
        for r in range(BLOCK):
            m[r] = w[r] * (c[r] * t[r] + (1.0 - t[r])) if r < n else 0.0
        pile(hi, lo, m, 0.0)
    total, rest = level(hi, lo, 0.0)
    return total, rest, -1
