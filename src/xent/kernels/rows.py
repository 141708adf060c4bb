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
from xent.kernels.climb import BLOCK, PAD, climb, climb_slowly, summits, survey, whole_pads
from xent.kernels.finish import settle, tail_of, two_sum

GROUP = 64  # at most so many rows are finished side by side
TOGETHER = 8192  # ... and as many as have so many powers, which stay in cache until then
PAIR = 2 * GROUP


@njit(**INLINE)
def room(n):
    """Size of a buffer for :func:`read`: the powers of n logits, and largest logits of the blocks of two rows."""
    return whole_pads(n) + 2 * summits(n)


@njit(**INLINE)
def read(z, n, kind, x, hi, lo, most, kept):
    """Largest logit of a row, and the tail; NaN for a row without a softmax.

    x: ``room(n)`` numbers, which become the powers and 0 up to a whole PAD, if they are ``kept``; anything, if not.
    """
    peaks, new = at(x, whole_pads(n)), at(x, whole_pads(n) + summits(n))
    top, tail, _ = read_on(z, n, kind, x, (hi, lo, most), kept, False, x[0], peaks, z, new, x, x, x[0], 0, 0)
    return top, tail


def read_on(z, n, kind, x, scales, kept, known, top, peaks, after, new, to, source, v, full, home):
    """:func:`read`, and the largest logit of the row ``after`` this one: its neighbours pass, as in ``climb``.

    known: ``top`` and ``peaks`` are what the row before this one found.
    """
    raise NotImplementedError


@overload(read_on, jit_options=INLINE)
def _read_on(z, n, kind, x, scales, kept, known, top, peaks, after, new, to, source, v, full, home):
    if z.dtype == types.float64:

        def doubles(z, n, kind, x, scales, kept, known, top, peaks, after, new, to, source, v, full, home):
            most, tail = climb_double(z, n, x, scales[0], scales[1], scales[2])
            return most, tail, most

        return doubles
    if z.dtype == types.float32:

        def single(z, n, kind, x, scales, kept, known, top, peaks, after, new, to, source, v, full, home):
            most = top if known else survey(z, n, peaks)
            tail, next_ = climb(z, n, most, peaks, x, scales, kept, after, new, to, source, v, full, home)
            if not abs(tail) < math.inf:
                most, tail = climb_slowly(z, n, kind, x, scales[0], scales[1], scales[2])
            return most, tail, next_

        return single

    def half(z, n, kind, x, scales, kept, known, top, peaks, after, new, to, source, v, full, home):
        for j in range(n):
            x[j] = widen(z[j], kind)
        most = survey(x, n, peaks)
        tail, _ = climb(x, n, most, peaks, x, scales, kept, x, new, to, source, v, full, home)
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


def streams(grad):
    """Say whether rows can go out while others are read: float32, in vectors."""
    raise NotImplementedError


@overload(streams, jit_options=INLINE)
def _streams(grad):
    single = grad.dtype == types.float32
    return lambda grad: single


def edge_of(out, x, n, v, own, at_own):
    """What a row that was poured out lacks."""
    raise NotImplementedError


@overload(edge_of, jit_options=INLINE)
def _edge_of(out, x, n, v, own, at_own):
    if out.dtype == types.float32:
        return lambda out, x, n, v, own, at_own: edge(out, x, n, v, own, at_own)
    return lambda out, x, n, v, own, at_own: None


@njit(**INLINE)
def go_out(x, n, skip, v, own, at_own, kind, out, past):
    """Store a row's gradient, of its powers; 0 for a row that does not count."""
    if skip:
        for j in range(n):
            out[j] = 0  # in every type
    else:
        put_scaled(x, n, v, own, at_own, kind, out, past)


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
    zero, kept, height = blank(z[0]), grad.size > 0, summits(classes)
    both = kept and past and streams(grad)
    width = whole_pads(classes)
    group = max(1, min(GROUP, TOGETHER // width)) if kept else GROUP
    held = group * (2 if both else 1) if kept else 1  # rows of powers
    buffer = space(width * held + 2 * height + 3 * PAD, zero)
    block, none = aligned(at(buffer, 0)), at(grad, 0)
    peaks = at(block, whole_pads(width * held) + PAD)
    new = at(peaks, height)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(PAIR, zero)
    skip, own, at_label = scratch(PAIR, 0), scratch(PAIR, 0), scratch(PAIR, zero)
    tail, loss = scratch(GROUP, 0.0), scratch(GROUP, 0.0)
    total, rest, wrong, turn, waiting, ready, next_ = 0.0, 0.0, -1, 0, 0, -1, zero
    for i in range(start, stop, group):
        n, here, there = min(group, stop - i), turn * GROUP, (1 - turn) * GROUP
        for r in range(n):
            y = labels[i + r]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i + r
            off = 1 if ignored or not good or (row.size and row[i + r] == 0) else 0
            skip[here + r], own[here + r] = off, y if good else 0
            top[r] = mine[r] = tail[r] = 0
            last = at(block, ((1 - turn) * group + r) * width) if r < waiting else block
            out = at(grad, place(i - group + r, inner, g_outer, g_inner)) if r < waiting else none
            head, full, home = 0, 0, -1
            if r < waiting and not off and not skip[there + r]:
                head = min(offset(out), classes)
                full, home = (classes - head) >> 4, (own[there + r] - head) >> 4
            if not off:
                line = at(z, place(i + r, inner, z_outer, z_inner))
                after = at(z, place(min(i + r + 1, stop - 1), inner, z_outer, z_inner))
                x = at(block, (turn * group + r) * width if kept else 0)
                top[r], tail[r], next_ = read_on(
                    line, classes, kind, x, scales, kept, ready == i + r, next_, peaks, after, new,
                    at(out, head), at(last, head), v[there + r], full, home,
                )  # fmt: skip
                ready, peaks, new = i + r + 1, new, peaks
                mine[r] = widen(line[y], kind)
            if full > 0:
                edge_of(out, last, classes, v[there + r], own[there + r], at_label[there + r])
            elif r < waiting:
                t = there + r
                go_out(last, classes, skip[t], v[t], own[t], at_label[t], kind, out, past)
        for r in range(n):
            e[r] = power(top[r], mine[r], hi, lo, most)
        settle(n, top, tail, mine, e, at(own, here), weight, row, i, numbers, loss, at(v, here), at(at_label, here))
        for r in range(n):
            cost = 0.0 if skip[here + r] else loss[r]
            total, rest = two_sum(total, rest, cost)
            if each.size:
                each[i + r] = cost
            if lse.size:
                lse[i + r] = 0.0 if skip[here + r] else F8(top[r]) / tau + log1p(tail[r])
        for r in range(n, waiting):  # the last group may be short: the one before it finds none to go out beside
            t, out = there + r, at(grad, place(i - group + r, inner, g_outer, g_inner))
            x = at(block, ((1 - turn) * group + r) * width)
            go_out(x, classes, skip[t], v[t], own[t], at_label[t], kind, out, past)
        waiting = n if both and i + group < stop else 0
        for r in range(0 if waiting or not kept else n):
            t, out = here + r, at(grad, place(i + r, inner, g_outer, g_inner))
            x = at(block, (turn * group + r) * width)
            go_out(x, classes, skip[t], v[t], own[t], at_label[t], kind, out, past)
        turn = 1 - turn if both else 0
    hold(buffer)
    return total, rest, wrong
