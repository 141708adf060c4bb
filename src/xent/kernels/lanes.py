# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of few classes, or of classes that are not neighbours in memory: many rows side by side, one in each lane.

A tile holds the logits of ROWS rows, class by class. It is filled by a transpose where the classes are neighbours,
and by plain copies where the rows are (images: N, K, H, W).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import FAST, INLINE, kernel
from xent.kernels._math import F4, F8, I4, at, blank, hold, log1p, power, scratch, widen
from xent.kernels._powers import lift_lanes
from xent.kernels._streams import aligned
from xent.kernels._vectors import WIDTH, added_all, chosen, columns, join_rows, rows_of, split_rows
from xent.kernels._vectors import fill as load
from xent.kernels._vectors import raised as higher
from xent.kernels.finish import settle, tail_of, two_sum
from xent.kernels.rows import put

ROWS = 64
SOME = 16  # up to so many classes the label's is found by looking at all
GROUP = 8  # classes whose powers are added in the row's own type


@njit(**INLINE)
def tile_room(classes):
    """Give the size of an array that has room for an ``aligned`` tile, with whole vectors of classes."""
    return (classes + WIDTH - 1) // WIDTH * WIDTH * ROWS + WIDTH


def fill(z, n, classes, step, hop, kind, t):
    """Load n rows, ``step`` apart, of classes that are ``hop`` apart."""
    raise NotImplementedError


@overload(fill, jit_options=INLINE)
def _fill(z, n, classes, step, hop, kind, t):
    if z.dtype != types.float32 or t.dtype != types.float32:
        return lambda z, n, classes, step, hop, kind, t: one_by_one(z, n, classes, step, hop, kind, t)

    def single(z, n, classes, step, hop, kind, t):
        if n < ROWS or hop != 1:
            one_by_one(z, n, classes, step, hop, kind, t)
        elif classes == step and classes <= 4 and classes > 1:
            for r in range(0, ROWS, WIDTH):
                to, source = at(t, r), at(z, r * step)
                if classes == 2:
                    split_rows(to, ROWS, source, 2)
                elif classes == 3:
                    split_rows(to, ROWS, source, 3)
                else:
                    split_rows(to, ROWS, source, 4)
        else:
            for r in range(0, ROWS, WIDTH):
                for j in range(0, classes, WIDTH):
                    columns(at(t, j * ROWS + r), ROWS, at(z, r * step + j), step, classes - j)

    return single


@njit(error_model="numpy", fastmath=FAST)
def one_by_one(z, n, classes, step, hop, kind, t):
    """:func:`fill` for any type and number of rows."""
    for j in range(classes):
        lane, source = at(t, j * ROWS), at(z, j * hop)
        for r in range(n, ROWS):
            lane[r] = 0
        if step == 1:
            for r in range(n):
                lane[r] = widen(source[r], kind)
        else:
            for r in range(n):
                lane[r] = widen(source[r * step], kind)


def own_of(t, classes, own, to):
    """Of each row, the number of its own class: looked for where that is quicker than looking it up."""
    raise NotImplementedError


@overload(own_of, jit_options=INLINE)
def _own_of(t, classes, own, to):
    if t.dtype != types.float32:

        def any_type(t, classes, own, to):
            for r in range(ROWS):
                to[r] = t[own[r] * ROWS + r]

        return any_type

    def single(t, classes, own, to):
        if classes > SOME:
            for r in range(ROWS):
                to[r] = t[own[r] * ROWS + r]
        else:
            for j in range(classes):
                for r in range(0, ROWS, WIDTH):
                    chosen(at(to, r), at(t, j * ROWS + r), at(own, r), I4(j))

    return single


def measure(rows, n, classes, step, hop, kind, t, hi, lo, most, top, part, ties, tail, kept):
    """Of each row in a tile the largest logit and the tail, NaN for one without a softmax; powers in t if ``kept``.

    A tile of float32 is filled again (see :func:`fill`) and computed number by number, if a row has no finite tail.
    """
    raise NotImplementedError


@overload(measure, jit_options=INLINE)
def _measure(rows, n, classes, step, hop, kind, t, hi, lo, most, top, part, ties, tail, kept):
    if t.dtype != types.float32:

        def any_type(rows, n, classes, step, hop, kind, t, hi, lo, most, top, part, ties, tail, kept):
            measure_slowly(t, classes, hi, lo, most, top, part, ties, tail, kept)

        return any_type

    def single(rows, n, classes, step, hop, kind, t, hi, lo, most, top, part, ties, tail, kept):
        measure_fast(t, classes, hi, lo, most, top, part, ties, tail, kept)
        odd = 0
        for r in range(ROWS):
            odd += 0 if abs(tail[r]) < math.inf else 1
        if odd:
            one_by_one(rows, n, classes, step, hop, kind, t)
            measure_slowly(t, classes, hi, lo, most, top, part, ties, tail, kept)

    return single


@njit(**INLINE)
def measure_fast(t, classes, hi, lo, most, top, part, ties, tail, kept):
    """:func:`measure` for float32, in vectors; no gap may be huge."""
    for i in range(0, ROWS, WIDTH):
        load(at(top, i), F4(-math.inf))
        load(at(part, i), F4(0))
        load(at(ties, i), F4(0))
    for r in range(ROWS):
        tail[r] = 0.0
    for j in range(classes):
        for i in range(0, ROWS, WIDTH):
            higher(at(top, i), at(t, j * ROWS + i))
    for j in range(classes):
        lane = at(t, j * ROWS)
        if kept:
            lift_lanes(lane, lane, top, hi, lo, most, part, ties)
        else:
            lift_lanes(False, lane, top, hi, lo, most, part, ties)
        if j % GROUP == GROUP - 1:
            for r in range(ROWS):
                tail[r] += F8(part[r])
                part[r] = 0
    for r in range(ROWS):
        tail[r] = tail_of(top[r], tail[r] + F8(part[r]), F8(ties[r]))


@njit(error_model="numpy", fastmath=FAST)
def measure_slowly(t, classes, hi, lo, most, top, part, ties, tail, kept):
    """:func:`measure` for any type and row."""
    zero = blank(t[0])
    for r in range(ROWS):
        top[r] = -math.inf
        part[r] = ties[r] = zero
        tail[r] = 0.0
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            top[r] = lane[r] if lane[r] > top[r] else top[r]
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            x = lane[r]
            p = power(top[r], x, hi, lo, most)
            lane[r] = p if kept else x
            part[r] += p if x != top[r] else zero
            ties[r] += zero if x != top[r] else p
        if j % GROUP == GROUP - 1:
            for r in range(ROWS):
                tail[r] += F8(part[r])
                part[r] = zero
    for r in range(ROWS):
        tail[r] = tail_of(top[r], tail[r] + F8(part[r]), F8(ties[r]))


@njit(**INLINE)
def leave_out(t, n, classes, mark, row, i, ignoring, ignore, loss, wrong):
    """Make the rows of a tile that do not count 0; ``wrong``, or the first of them whose label is no class."""
    for r in range(n):
        y = mark[r]
        ignored, good = ignoring and y == ignore, 0 <= y < classes
        if not ignored and not good and wrong < 0:
            wrong = i + r
        if ignored or not good or (row.size and row[i + r] == 0):
            loss[r] = 0.0
            for j in range(classes):
                t[j * ROWS + r] = 0
    return wrong


@njit(**INLINE)
def hand_out(each, lse, loss, top, tail, tau, i, n):
    """Store each row's loss and log Σ exp, where they are asked for."""
    if each.size:
        for r in range(n):
            each[i + r] = loss[r]
    if lse.size:
        for r in range(n):
            lse[i + r] = F8(top[r]) / tau + log1p(tail[r])


@njit(**INLINE)
def give(t, n, classes, step, hop, kind, out, flat, past):
    """Store the gradients of n rows, ``step`` apart, of classes ``hop`` apart."""
    if step == 1:
        for j in range(classes):
            put(at(t, j * ROWS), n, kind, at(out, j * hop), past)
    else:
        gather(t, classes, flat)
        put(flat, n * classes, kind, out, past)


def gather(t, classes, flat):
    """Lay the rows of a tile one after the other."""
    raise NotImplementedError


@overload(gather, jit_options=INLINE)
def _gather(t, classes, flat):
    if t.dtype != types.float32:

        def any_type(t, classes, flat):
            for j in range(classes):
                lane, to = at(t, j * ROWS), at(flat, j)
                for r in range(ROWS):
                    to[r * classes] = lane[r]

        return any_type

    def single(t, classes, flat):
        for r in range(0, ROWS, WIDTH):
            to, source = at(flat, r * classes), at(t, r)
            if classes == 2:
                join_rows(to, source, ROWS, 2)
            elif classes == 3:
                join_rows(to, source, ROWS, 3)
            elif classes == 4:
                join_rows(to, source, ROWS, 4)
            else:
                for j in range(0, classes, WIDTH):
                    rows_of(at(to, j), classes, at(source, j * ROWS), ROWS, classes - j)

    return single


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """As ``rows.cross_entropy``, for tiles [start, stop); shape (outer, inner, classes), strides (z's, grad's)."""
    outer, inner, classes = shape
    z_outer, z_inner, z_class, g_outer, g_inner, g_class = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, scale, divisor, tau, past = options
    divisor *= tau
    numbers = (z_loss, scale, divisor, tau)
    zero = blank(z[0])
    room = tile_room(classes)
    tile_, flat_ = np.full(room, zero), np.full(room, zero)
    t, flat = aligned(at(tile_, 0)), at(flat_, 0)
    top, part, ties, mine = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    v, at_label, e = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    tail, loss, own = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, I4(0))
    tiles = (inner + ROWS - 1) // ROWS
    total, rest, wrong = 0.0, 0.0, -1
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        i = a * inner + b
        first = at(z, a * z_outer + b * z_inner)
        fill(first, n, classes, z_inner, z_class, kind, t)
        mark, skipped = at(labels, i), 0
        for r in range(ROWS):
            own[r] = 0
        for r in range(n):
            good = mark[r] >= 0 and mark[r] < classes
            skipped += 0 if good else 1
            own[r] = I4(mark[r]) if good else I4(0)
        if ignoring:
            for r in range(n):
                skipped += 1 if mark[r] == ignore else 0
        own_of(t, classes, own, mine)
        measure(first, n, classes, z_inner, z_class, kind, t, hi, lo, most, top, part, ties, tail, True)
        own_of(t, classes, own, e)
        settle(n, top, tail, mine, e, own, weight, row, i, numbers, loss, v, at_label)
        if grad.size:
            for j in range(classes):
                lane = at(t, j * ROWS)
                if classes <= SOME:
                    for r in range(ROWS):
                        lane[r] = at_label[r] if own[r] == I4(j) else lane[r] * v[r]
                else:
                    for r in range(ROWS):
                        lane[r] *= v[r]
            if classes > SOME:
                for r in range(ROWS):
                    t[own[r] * ROWS + r] = at_label[r]
        if skipped or row.size:
            wrong = leave_out(t, n, classes, mark, row, i, ignoring, ignore, loss, wrong)
        for r in range(n, ROWS):
            loss[r] = 0.0
        total, rest = two_sum(total, rest, added_all(loss))
        hand_out(each, lse, loss, top, tail, tau, i, n)
        if grad.size:
            give(t, n, classes, g_inner, g_class, kind, at(grad, a * g_outer + b * g_inner), flat, past)
    hold(tile_)
    hold(flat_)
    return total, rest, wrong
