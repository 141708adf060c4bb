# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of many classes, one after the other: hard labels, in the logits' own precision.

A row is read once from memory: its largest logit is found, its powers are left in a buffer that stays in cache, and
they go out as the gradient, of float32 while other rows are read (:mod:`~xent.kernels.climb`).
"""

from __future__ import annotations

import math

from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import (
    F4,
    F8,
    at,
    blank,
    hold,
    key,
    log1p,
    lowest,
    narrow,
    power,
    scratch,
    space,
    unkey,
    widen,
)
from xent.kernels._streams import aligned, edge, offset, stream, stream_doubles
from xent.kernels.climb import BLOCK, PAD, climb, climb_slowly, largest, whole_pads
from xent.kernels.finish import put_in, settle, sort_out, tail_of, two_sum

GROUP = 64  # at most so many rows are finished side by side
TOGETHER = 8192  # ... and as many as have so many powers, which stay in cache until then
PAIR = 2 * GROUP


@njit(**INLINE)
def read(z, n, kind, x, hi, lo, most):
    """Largest logit of a row, and the tail; NaN for a row without a softmax.

    x: ``whole_pads(n)`` numbers, which become the powers, and 0 up to a whole PAD.
    """
    top, tail, _ = read_on(z, n, kind, x, (hi, lo, most), False, x[0], z, x, x, x[0], 0)
    return top, tail


def read_on(z, n, kind, x, scales, known, top, after, to, source, v, full):
    """:func:`read`, and the largest logit of the row ``after`` this one: its neighbours pass, as in ``climb``.

    known: ``top`` is what the row before this one found.
    """
    raise NotImplementedError


@overload(read_on, jit_options=INLINE)
def _read_on(z, n, kind, x, scales, known, top, after, to, source, v, full):
    if z.dtype == types.float64:

        def doubles(z, n, kind, x, scales, known, top, after, to, source, v, full):
            most, tail = climb_double(z, n, x, scales[0], scales[1], scales[2])
            return most, tail, most

        return doubles
    if z.dtype == types.float32:

        def single(z, n, kind, x, scales, known, top, after, to, source, v, full):
            most = top if known else largest(z, n)
            tail, next_ = climb(z, n, most, x, scales, after, to, source, v, full)
            if not abs(tail) < math.inf:
                most, tail = climb_slowly(z, n, kind, x, scales[0], scales[1], scales[2])
            return most, tail, next_

        return single

    def half(z, n, kind, x, scales, known, top, after, to, source, v, full):
        for j in range(n):
            x[j] = widen(z[j], kind)
        most = largest(x, n)
        tail, _ = climb(x, n, most, x, scales, x, to, source, v, full)
        if not abs(tail) < math.inf:
            most, tail = climb_slowly(z, n, kind, x, scales[0], scales[1], scales[2])
        return most, tail, most

    return half


@njit(**INLINE)
def climb_double(z, n, x, hi, lo, most):
    """:func:`read` for float64: the powers below 1 are summed up apart from those that are 1."""
    best = lowest(z[0])
    for j in range(n):
        x[j] = z[j]
        k = key(z[j])
        best = k if k > best else best
    top, padded = unkey(best), whole_pads(n)
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
                stream(out, x, n, F4(1))
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


def put_scaled(x, n, v, kind, out, past):
    """Store x · v. ``x`` is spent."""
    raise NotImplementedError


@overload(put_scaled, jit_options=INLINE)
def _put_scaled(x, n, v, kind, out, past):
    if out.dtype == types.float32:

        def single(x, n, v, kind, out, past):
            if past:
                stream(out, x, n, v)
            else:
                for j in range(n):
                    out[j] = x[j] * v

        return single

    def other(x, n, v, kind, out, past):
        for j in range(n):
            x[j] *= v
        put(x, n, kind, out, past)

    return other


@njit(**INLINE)
def place(i, inner, outer_step, inner_step):
    """Where row i begins."""
    return i * outer_step if inner == 1 else i // inner * outer_step + i % inner * inner_step


def streams(grad):
    """Say whether rows can go out while others are read: float32, in vectors."""
    raise NotImplementedError


@overload(streams, jit_options=INLINE)
def _streams(grad):
    single = grad.dtype == types.float32
    return lambda grad: single


def edge_of(out, x, n, v):
    """What a row that was poured out lacks."""
    raise NotImplementedError


@overload(edge_of, jit_options=INLINE)
def _edge_of(out, x, n, v):
    if out.dtype == types.float32:
        return lambda out, x, n, v: edge(out, x, n, v)
    return lambda out, x, n, v: None


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """Σ of the rows' losses in two floats, and the first row whose label is no class, or −1.

    z, grad: flat, of one type (uint16 for half types, see ``kind``). labels (N,). weight (K,), row (N,), each (N,),
    lse (N,) of float64: empty where there is none. shape: (inner rows, classes). strides: of z and of grad, each by
    outer and inner row. scales: :func:`steepness`. options: (ignore?, ignore_index, z_loss, factor and divisor
    of the gradient, τ, past the caches?). Rows [start, stop).

    A group of rows is finished side by side. Where memory is what takes time, a group goes out while the next one
    is read: there are two groups' buffers, and ``turn`` is that of the group being read.
    """
    inner, classes = shape
    z_outer, z_inner, g_outer, g_inner = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, scale, divisor, tau, past = options
    divisor *= tau
    numbers = (z_loss, scale, divisor, tau)
    zero, kept = blank(z[0]), grad.size > 0
    both = kept and past and streams(grad)
    width = whole_pads(classes)
    group = max(1, min(GROUP, TOGETHER // width)) if kept else GROUP
    held = group * (2 if both else 1) if kept else 1  # rows of powers
    buffer = space(width * held + PAD, zero)
    blocks, none = aligned(at(buffer, 0)), at(grad, 0)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(PAIR, zero)
    skip, own, at_own = scratch(GROUP, 0), scratch(GROUP, 0), scratch(GROUP, zero)
    tail, loss = scratch(GROUP, 0.0), scratch(GROUP, 0.0)
    total, rest, wrong, turn, waiting, ready, next_ = 0.0, 0.0, -1, 0, 0, -1, zero
    for i in range(start, stop, group):
        n, here, there = min(group, stop - i), at(v, turn * GROUP), at(v, (1 - turn) * GROUP)
        block, other = at(blocks, turn * group * width), at(blocks, (1 - turn) * group * width)
        wrong = sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own, wrong)
        for r in range(n):
            top[r] = mine[r] = tail[r] = 0
            last = at(other, r * width) if r < waiting else blocks
            out = at(grad, place(i - group + r, inner, g_outer, g_inner)) if r < waiting else none
            head = min(offset(out), classes)
            full = (classes - head) >> 4 if r < waiting and not skip[r] else 0
            if not skip[r]:
                line = at(z, place(i + r, inner, z_outer, z_inner))
                after = at(z, place(min(i + r + 1, stop - 1), inner, z_outer, z_inner))
                x = at(block, r * width if kept else 0)
                top[r], tail[r], next_ = read_on(
                    line, classes, kind, x, scales, ready == i + r, next_, after,
                    at(out, head), at(last, head), there[r], full,
                )  # fmt: skip
                ready = i + r + 1
                mine[r] = widen(line[own[r]], kind)
            if full > 0:
                edge_of(out, last, classes, there[r])
            elif r < waiting:
                put_scaled(last, classes, there[r], kind, out, past)
        for r in range(n):
            e[r] = power(top[r], mine[r], hi, lo, most)
        settle(n, top, tail, mine, e, own, weight, row, i, numbers, loss, here, at_own)
        for r in range(n):
            if skip[r]:
                loss[r] = 0.0
                here[r] = at_own[r] = 0
            total, rest = two_sum(total, rest, loss[r])
            if each.size:
                each[i + r] = loss[r]
            if lse.size:
                lse[i + r] = 0.0 if skip[r] else F8(top[r]) / tau + log1p(tail[r])
        if kept:
            put_in(n, classes, width, block, own, at_own, here, e)
        for r in range(n, waiting):  # the last group may be short: the one before it finds none to go out beside
            out = at(grad, place(i - group + r, inner, g_outer, g_inner))
            put_scaled(at(other, r * width), classes, there[r], kind, out, past)
        waiting = n if both and i + group < stop else 0
        for r in range(0 if waiting or not kept else n):
            out = at(grad, place(i + r, inner, g_outer, g_inner))
            put_scaled(at(block, r * width), classes, here[r], kind, out, past)
        turn = 1 - turn if both else 0
    hold(buffer)
    return total, rest, wrong
