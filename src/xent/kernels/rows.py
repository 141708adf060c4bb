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

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, I4, at, blank, hold, key, log1p, lowest, narrow, power, scratch, unkey, widen
from xent.kernels._vectors import (
    WIDTH,
    added,
    counted,
    crest,
    fetch,
    fill,
    lift,
    part,
    raised,
    settled,
    stream,
    stream_doubles,
)
from xent.kernels.finish import settle, tail_of, two_sum

BLOCK = 256  # classes whose powers are added in the row's own type; the blocks are added in float64
GROUP = 64  # at most so many rows are finished side by side
TOGETHER = 8192  # ... and as many as have so many powers, which stay in cache until then
PAD = 64  # a buffer ends in masks, so that loops need no remainder


def read(z, n, kind, x, hi, lo, most, kept, ahead):
    """Largest logit of a row, and the tail; NaN for a row without a softmax.

    x: the powers, if they are ``kept``; anything, if not. It has room for n rounded up to whole PADs. ahead: the
    row that comes next, which is asked for while this one is computed.
    """
    raise NotImplementedError


@overload(read, jit_options=INLINE)
def _read(z, n, kind, x, hi, lo, most, kept, ahead):
    if z.dtype == types.float32:
        return lambda z, n, kind, x, hi, lo, most, kept, ahead: climb(z, n, x, hi, lo, most, kept, ahead)
    if z.dtype == types.float64:
        return lambda z, n, kind, x, hi, lo, most, kept, ahead: climb_double(z, n, x, hi, lo, most)

    def half(z, n, kind, x, hi, lo, most, kept, ahead):
        for j in range(n):
            x[j] = widen(z[j], kind)
        return climb(x, n, x, hi, lo, most, kept, x)

    return half


@njit(**INLINE)
def climb(z, n, x, hi, lo, most, kept, ahead):
    """:func:`read` for float32, in vectors; ``z`` may be ``x``."""
    best, parts, sums = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
    counts = scratch(PAD, I4(0))
    whole = n // PAD * PAD
    for i in range(0, PAD, WIDTH):
        fill(at(best, i), F4(-math.inf))
        fill(at(parts, i), F4(0))
        fill(at(counts, i), I4(0))
    fill(sums, 0.0)
    for j in range(0, whole, PAD):
        for i in range(0, PAD, WIDTH):
            raised(at(best, i), at(z, j + i))
    if n > whole:
        for i in range(0, PAD, WIDTH):
            part(at(x, whole + i), at(z, whole + i), n - whole - i)
            raised(at(best, i), at(x, whole + i))
    for i in range(WIDTH, PAD, WIDTH):
        raised(best, at(best, i))
    top = crest(best)
    for j in range(0, whole, PAD):
        for i in range(0, PAD, WIDTH):
            fetch(at(ahead, j + i))
        if kept:
            lift(at(x, j), at(z, j), top, hi, lo, most, parts, counts)
        else:
            lift(False, at(z, j), top, hi, lo, most, parts, counts)
        if j % BLOCK == BLOCK - PAD:
            for i in range(0, PAD, WIDTH):
                settled(sums, at(parts, i))
    if n > whole:
        for j in range(whole, n, WIDTH):
            fetch(at(ahead, j))
        lift(at(x, whole), at(x, whole), top, hi, lo, most, parts, counts)
    ties = (n + PAD - 1) // PAD * PAD
    for i in range(0, PAD, WIDTH):
        settled(sums, at(parts, i))
        ties -= counted(at(counts, i))
    return top, tail_of(top, added(sums), F8(ties))


@njit(**INLINE)
def climb_double(z, n, x, hi, lo, most):
    """:func:`read` for float64: the powers below 1 are summed up apart from those that are 1."""
    best = lowest(z[0])
    for j in range(n):
        x[j] = z[j]
        k = key(z[j])
        best = k if k > best else best
    top, padded = unkey(best), (n + PAD - 1) // PAD * PAD
    for j in range(n, padded):
        x[j] = -math.inf
    below, rest, ties = 0.0, 0.0, 0.0
    for b in range(0, padded, BLOCK):
        s, t = lift_doubles(at(x, b), min(BLOCK, padded - b), top, hi, lo, most)
        below, rest = two_sum(below, rest, s)
        ties += t
    return top, tail_of(top, below + rest, ties)


@njit(**INLINE)
def lift_doubles(x, n, top, hi, lo, most):
    """Turn n logits into powers; add up those of other logits than ``top``, and count its own."""
    below, ties = 0.0, 0.0
    for j in range(n):
        value = x[j]
        own = 1.0 if value == top else 0.0
        p = power(top, value, hi, lo, most)
        x[j] = p
        below += less(p, own)
        ties += own
    return below, ties


@njit(**EXACT)
def less(p, own):
    """p − own, first of all: added up before it, a power of 1 would take the digits of the others."""  # noqa: D403
    return p - own


def put(x, n, kind, out, past):
    """Store numbers in their own type, past the caches if ``past``."""
    raise NotImplementedError


@overload(put, jit_options=INLINE)
def _put(x, n, kind, out, past):
    if out.dtype == types.float32:

        def single(x, n, kind, out, past):
            if past:
                stream(out, x, n, F4(1), -1, F4(0))
            else:
                for j in range(n):
                    out[j] = x[j]

        return single
    if out.dtype == types.float64:

        def double(x, n, kind, out, past):
            if past:
                stream_doubles(out, x, n)
            else:
                for j in range(n):
                    out[j] = x[j]

        return double

    def other(x, n, kind, out, past):
        for j in range(n):
            out[j] = narrow(x[j], out[j], kind)

    return other


def put_scaled(x, n, v, own, at_own, kind, out, past):
    """Store x · v, but ``at_own`` for the class ``own``; a class of −1 is none. ``x`` is spent."""
    raise NotImplementedError


@overload(put_scaled, jit_options=INLINE)
def _put_scaled(x, n, v, own, at_own, kind, out, past):
    if out.dtype == types.float32:

        def single(x, n, v, own, at_own, kind, out, past):
            if past:
                stream(out, x, n, v, own, at_own)
            else:
                for j in range(n):
                    out[j] = x[j] * v
                if own >= 0:
                    out[own] = at_own

        return single

    def other(x, n, v, own, at_own, kind, out, past):
        for j in range(n):
            x[j] *= v
        if own >= 0:
            x[own] = at_own
        put(x, n, kind, out, past)

    return other


@njit(**INLINE)
def place(i, inner, outer_step, inner_step):
    """Where row i begins."""
    return i * outer_step if inner == 1 else i // inner * outer_step + i % inner * inner_step


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """Σ of the rows' losses in two floats, and the first row whose label is no class, or −1.

    z, grad: flat, of one type (uint16 for half types, see ``kind``). labels (N,). weight (K,), row (N,), each (N,),
    lse (N,) of float64: empty where there is none. shape: (inner rows, classes). strides: of z and of grad, each by
    outer and inner row. scales: :func:`steepness`. options: (ignore?, ignore_index, z_loss, factor and divisor
    of the gradient, τ, past the caches?). Rows [start, stop).
    """
    inner, classes = shape
    z_outer, z_inner, g_outer, g_inner = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, scale, divisor, tau, past = options
    divisor *= tau
    numbers = (z_loss, scale, divisor, tau)
    zero, kept = blank(z[0]), grad.size > 0
    padded = (classes + PAD - 1) // PAD * PAD
    group = max(1, min(GROUP, TOGETHER // padded)) if kept else GROUP
    buffer = np.full(padded * (group if kept else 1) + 16, zero)
    block, skip = at(buffer, 0), scratch(GROUP, 0)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero)
    tail, loss, own, at_label = scratch(GROUP, 0.0), scratch(GROUP, 0.0), scratch(GROUP, 0), scratch(GROUP, zero)
    total, rest, wrong = 0.0, 0.0, -1
    for i in range(start, stop, group):
        n = min(group, stop - i)
        for r in range(n):
            y = labels[i + r]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i + r
            skip[r] = 1 if ignored or not good or (row.size and row[i + r] == 0) else 0
            own[r] = y if good else 0
            top[r] = mine[r] = tail[r] = e[r] = 0
            if not skip[r]:
                line = at(z, place(i + r, inner, z_outer, z_inner))
                x = at(block, r * padded if kept else 0)
                ahead = at(z, place(i + r + 1, inner, z_outer, z_inner))
                top[r], tail[r] = read(line, classes, kind, x, hi, lo, most, kept, ahead)
                mine[r] = widen(line[y], kind)
                e[r] = power(top[r], mine[r], hi, lo, most)
        settle(n, top, tail, mine, e, own, weight, row, i, numbers, loss, v, at_label)
        for r in range(n):
            cost = 0.0 if skip[r] else loss[r]
            total, rest = two_sum(total, rest, cost)
            if each.size:
                each[i + r] = cost
            if lse.size:
                lse[i + r] = 0.0 if skip[r] else F8(top[r]) / tau + log1p(tail[r])
        if kept:
            for r in range(n):
                x, out = at(block, r * padded), at(grad, place(i + r, inner, g_outer, g_inner))
                if skip[r]:
                    for j in range(classes):
                        out[j] = 0  # in every type
                else:
                    put_scaled(x, classes, v[r], own[r], at_label[r], kind, out, past)
    hold(buffer)
    return total, rest, wrong
