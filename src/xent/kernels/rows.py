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

from xent.kernels._compile import EXACT, FAST, INLINE, kernel
from xent.kernels._math import F4, F8, at, blank, hold, key, log1p, lowest, narrow, power, scratch, unkey, widen
from xent.kernels._powers import lift, lift_others
from xent.kernels._vectors import (
    WIDTH,
    added,
    aligned,
    crest,
    edge,
    fetch,
    fill,
    holds,
    move,
    offset,
    part,
    pour,
    pour_all,
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
PAIR = 2 * GROUP


@njit(**INLINE)
def room(n):
    """Size of a buffer for the powers of n logits: whole PADs, and a vector for each BLOCK; lines stay aligned."""
    return (n + PAD - 1) // PAD * PAD + (n // BLOCK + 1) * WIDTH


def read(z, n, kind, x, hi, lo, most, kept, ahead):
    """Largest logit of a row, and the tail; NaN for a row without a softmax.

    x: ``room(n)`` numbers, which become the powers and 0 up to a whole PAD, if they are ``kept``; anything, if not.
    ahead: the row that comes next, which is asked for while this one is computed.
    """
    return read_and_pour(z, n, kind, x, hi, lo, most, kept, ahead, x, x, 0, 0, 0)


def read_and_pour(z, n, kind, x, hi, lo, most, kept, ahead, to, source, v, full, home):
    """:func:`read`, while a row before it goes out: to[:16 · full] = source · v, but for the vector ``home``."""
    raise NotImplementedError


@overload(read, jit_options=INLINE)
def _read(z, n, kind, x, hi, lo, most, kept, ahead):
    def alone(z, n, kind, x, hi, lo, most, kept, ahead):
        return read_and_pour(z, n, kind, x, hi, lo, most, kept, ahead, x, x, blank(x[0]), 0, 0)

    return alone


@overload(read_and_pour, jit_options=INLINE)
def _read_and_pour(z, n, kind, x, hi, lo, most, kept, ahead, to, source, v, full, home):
    if z.dtype == types.float64:

        def doubles(z, n, kind, x, hi, lo, most, kept, ahead, to, source, v, full, home):
            return climb_double(z, n, x, hi, lo, most)

        return doubles
    if z.dtype == types.float32:

        def single(z, n, kind, x, hi, lo, most, kept, ahead, to, source, v, full, home):
            top, tail = climb(z, n, x, hi, lo, most, kept, ahead, to, source, v, full, home)
            return (top, tail) if tail < math.inf else climb_slowly(z, n, kind, x, hi, lo, most)

        return single

    def half(z, n, kind, x, hi, lo, most, kept, ahead, to, source, v, full, home):
        for j in range(n):
            x[j] = widen(z[j], kind)
        top, tail = climb(x, n, x, hi, lo, most, kept, x, to, source, v, full, home)
        return (top, tail) if tail < math.inf else climb_slowly(z, n, kind, x, hi, lo, most)

    return half


@njit(**INLINE)
def climb(z, n, x, hi, lo, most, kept, ahead, to, source, v, full, home):
    """:func:`read_and_pour` for float32, in vectors; ``z`` may be ``x``. The tail is not finite if a gap is huge.

    Only the blocks with the largest logit look for it: the powers of the others are added as they come.
    """
    best, parts, sums = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
    peak = scratch(WIDTH, F4(0))
    whole, padded = n // PAD * PAD, (n + PAD - 1) // PAD * PAD
    peaks, short = at(x, padded), n <= BLOCK
    for i in range(0, PAD, WIDTH):
        fill(at(best, i), F4(-math.inf))
        fill(at(parts, i), F4(0))
    fill(sums, 0.0)
    fill(peak, F4(-math.inf))
    for b in range(0, whole, BLOCK):
        for j in range(b, min(b + BLOCK, whole), PAD):
            for i in range(0, PAD, WIDTH):
                raised(at(best, i), at(z, j + i))
        for i in range(WIDTH, PAD, WIDTH):
            raised(best, at(best, i))
            fill(at(best, i), F4(-math.inf))
        if not short:
            move(at(peaks, b // WIDTH), best)
        raised(peak, best)
        fill(best, F4(-math.inf))
    if n > whole:
        for i in range(0, PAD, WIDTH):
            part(at(x, whole + i), at(z, whole + i), n - whole - i)
            raised(peak, at(x, whole + i))
    top, ties = crest(peak), 0
    for b in range(0, whole, BLOCK):
        stop, first = min(b + BLOCK, whole), b // WIDTH
        last = stop // WIDTH
        open_ = last <= full and (home < first or home >= last)
        if not open_:
            pour(to, source, v, first, min(last, full), home)
        if short or holds(at(peaks, first), top):
            for j in range(b, stop, PAD):
                ask(ahead, j)
                if open_:
                    pour_all(to, source, v, j)
                ties += lift_others(at(x, j), at(z, j), top, hi, lo, most, parts)
        else:
            if not kept:
                for j in range(b, stop, PAD):
                    ask(ahead, j)
                    lift(False, at(z, j), top, hi, lo, most, parts)
            elif open_:
                for j in range(b, stop, PAD):
                    ask(ahead, j)
                    pour_all(to, source, v, j)
                    lift(at(x, j), at(z, j), top, hi, lo, most, parts)
            else:
                for j in range(b, stop, PAD):
                    ask(ahead, j)
                    lift(at(x, j), at(z, j), top, hi, lo, most, parts)
        settled(sums, parts)
    if n > whole:
        for j in range(whole, n, WIDTH):
            fetch(at(ahead, j))
        pour(to, source, v, whole // WIDTH, full, home)
        ties += lift_others(at(x, whole), at(x, whole), top, hi, lo, most, parts)
        settled(sums, parts)
    return top, tail_of(top, added(sums), F8(ties))


@njit(**INLINE)
def ask(ahead, j):
    """Ask for 64 numbers."""
    for i in range(j, j + PAD, WIDTH):
        fetch(at(ahead, i))


@njit(error_model="numpy", fastmath=FAST)
def climb_slowly(z, n, kind, x, hi, lo, most):
    """:func:`climb` for any row, number by number."""
    first = scratch(1, blank(x[0]))
    first[0] = -math.inf
    top = first[0]
    for j in range(n):
        value = widen(z[j], kind)
        top = value if value > top else top
    below, rest, ties = 0.0, 0.0, 0.0
    for j in range(n):
        value = widen(z[j], kind)
        x[j] = power(top, value, hi, lo, most)
        if value == top:
            ties += 1.0
        else:
            below, rest = two_sum(below, rest, F8(x[j]))
    for j in range(n, (n + PAD - 1) // PAD * PAD):
        x[j] = 0
    return top, tail_of(top, below + rest, ties)


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
    zero, kept, width = blank(z[0]), grad.size > 0, room(classes)
    both = kept and past and streams(grad)
    group = max(1, min(GROUP, TOGETHER // width)) if kept else GROUP
    buffer = np.full(width * (group * (2 if both else 1) if kept else 1) + PAD, zero)
    block, none = aligned(at(buffer, 0)), at(grad, 0)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(PAIR, zero)
    skip, own, at_label = scratch(PAIR, 0), scratch(PAIR, 0), scratch(PAIR, zero)
    tail, loss = scratch(GROUP, 0.0), scratch(GROUP, 0.0)
    total, rest, wrong, turn, waiting = 0.0, 0.0, -1, 0, 0
    for i in range(start, stop, group):
        n, here, there = min(group, stop - i), turn * GROUP, (1 - turn) * GROUP
        for r in range(n):
            y = labels[i + r]
            ignored, good = ignoring and y == ignore, 0 <= y < classes
            if not ignored and not good and wrong < 0:
                wrong = i + r
            off = 1 if ignored or not good or (row.size and row[i + r] == 0) else 0
            skip[here + r], own[here + r] = off, y if good else 0
            top[r] = mine[r] = tail[r] = e[r] = 0
            last = at(block, (1 - turn) * group * width + r * width) if r < waiting else block
            out = at(grad, place(i - group + r, inner, g_outer, g_inner)) if r < waiting else none
            head, full, home = 0, 0, -1
            if r < waiting and not off and not skip[there + r]:
                head = min(offset(out), classes)
                full, home = (classes - head) >> 4, (own[there + r] - head) >> 4
            if not off:
                line = at(z, place(i + r, inner, z_outer, z_inner))
                x = at(block, turn * group * width + r * width if kept else 0)
                ahead = at(z, place(i + r + 1, inner, z_outer, z_inner))
                top[r], tail[r] = read_and_pour(
                    line, classes, kind, x, hi, lo, most, kept, ahead,
                    at(out, head), at(last, head), v[there + r], full, home,
                )  # fmt: skip
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
        late = waiting - n  # rows of the group before that found none to go out beside: never, but at the end
        for r in range(n, n + late):
            t, out = there + r, at(grad, place(i - group + r, inner, g_outer, g_inner))
            last = at(block, ((1 - turn) * group + r) * width)
            go_out(last, classes, skip[t], v[t], own[t], at_label[t], kind, out, past)
        waiting = n if kept else 0
        if waiting and (not both or i + group >= stop):
            for r in range(n):
                t, out = here + r, at(grad, place(i + r, inner, g_outer, g_inner))
                x = at(block, (turn * group + r) * width)
                go_out(x, classes, skip[t], v[t], own[t], at_label[t], kind, out, past)
            waiting = 0
        turn = 1 - turn if both else 0
    hold(buffer)
    return total, rest, wrong
