# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of few classes with smoothed labels, side by side in the lanes: ``smooth_rows`` says what is different."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, I4, at, blank, fma, hold, scratch, steady
from xent.kernels._streams import aligned
from xent.kernels._vectors import added_all
from xent.kernels.finish import short, smoothed, tail_of, two_sum
from xent.kernels.lanes import ROWS, fill, give, hand_out, leave_out, own_of, tile_room

GROUP = 4  # classes whose powers are added in the row's own type


@njit(**INLINE)
def measure(t, classes, hi, lo, most, top, part, ties, tail, rest, drop, fall, more):
    """Turn a tile into powers: each row's largest logit, tail (NaN without a softmax), and Σ (top − z)."""
    zero = blank(t[0])
    for r in range(ROWS):
        top[r] = -math.inf
        part[r] = ties[r] = drop[r] = zero
        tail[r] = rest[r] = fall[r] = more[r] = 0.0
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            top[r] = lane[r] if lane[r] > top[r] else top[r]
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            x = lane[r]
            p = steady(top[r], x, hi, lo, most)
            lane[r] = p
            drop[r] += top[r] - x
            part[r] += p if x != top[r] else zero
            ties[r] += zero if x != top[r] else p
        if j % GROUP == GROUP - 1:
            for r in range(ROWS):
                tail[r], rest[r] = two_sum(tail[r], rest[r], F8(part[r]))
                fall[r], more[r] = two_sum(fall[r], more[r], F8(drop[r]))
                part[r] = drop[r] = zero
    for r in range(ROWS):
        tail[r] = tail_of(top[r], tail[r] + (rest[r] + F8(part[r])), F8(ties[r]))
        fall[r] += more[r] + F8(drop[r])


@kernel
def cross_entropy(
    z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, smooth, start, stop
):
    """As ``lanes.cross_entropy``, without class weights and z_loss; smooth: as for ``smooth_rows``."""
    outer, inner, classes = shape
    z_outer, z_inner, z_class, g_outer, g_inner, g_class = strides
    hi, lo, most = scales
    ignoring, ignore, _z_loss, _scale, _divisor, tau, past = options
    smooth, pace = smooth
    cool = 1.0 / tau
    zero = blank(z[0])
    room = tile_room(classes)
    tile_, flat_ = np.full(room, zero), np.full(room, zero)
    t, flat = aligned(at(tile_, 0)), at(flat_, 0)
    top, part, ties, mine = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    v, at_label, e, drop = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    base, base_, own = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, I4(0))
    tail, rest_, fall, loss = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    tiles = (inner + ROWS - 1) // ROWS
    total, rest, wrong = 0.0, 0.0, -1
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        i = a * inner + b
        fill(at(z, a * z_outer + b * z_inner), n, classes, z_inner, z_class, kind, t)
        mark = at(labels, i)
        for r in range(ROWS):
            own[r] = 0
        for r in range(n):
            own[r] = I4(mark[r]) if mark[r] >= 0 and mark[r] < classes else I4(0)
        own_of(t, classes, own, mine)
        measure(t, classes, hi, lo, most, top, part, ties, tail, rest_, drop, fall, loss)
        own_of(t, classes, own, e)
        for r in range(ROWS):
            gap = (F8(top[r]) - F8(mine[r])) * cool
            loss[r], whole, h, h_, at_own = smoothed(tail[r], gap, fall[r] * cool, F8(e[r]), smooth)
            share = pace / whole
            v[r], at_label[r], base[r] = share, at_own * share, h
            base_[r] = short(F8(base[r]), h, h_) * share
        if row.size:
            for r in range(n):
                loss[r] *= row[i + r]
                v[r] = F8(v[r]) * row[i + r]
                base_[r] = F8(base_[r]) * row[i + r]
                at_label[r] = F8(at_label[r]) * row[i + r]
        if grad.size:
            for j in range(classes):
                lane = at(t, j * ROWS)
                for r in range(ROWS):
                    lane[r] = fma(lane[r] - base[r], v[r], base_[r])
            for r in range(ROWS):
                t[own[r] * ROWS + r] = at_label[r]
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
