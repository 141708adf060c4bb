# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Focal loss of class labels, by tiles of rows side by side, with digits to spare.

γ multiplies the relative error of 1 − p. So narrow types are computed in float64 here, and float64 in pairs of
floats.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, kernel
from xent.kernels._math import F8, at, blank, fma, hold, log1p, lost, power, scratch, steepness
from xent.kernels._pairs import add, divide, exp_minus, multiply
from xent.kernels._streams import aligned
from xent.kernels._vectors import added_all
from xent.kernels.finish import focal_exactly, tail_of, two_sum
from xent.kernels.lanes import ROWS, fill, give, tile_room

HI, LO, MOST = steepness(1.0, F8)


def fall(top, x, like):
    """exp(−(top − x)) as a pair, whose second is 0 if results of the type of ``like`` need no more."""
    raise NotImplementedError


@overload(fall, jit_options=EXACT)
def _fall(top, x, like):
    if like != types.float64:
        return lambda top, x, like: (power(top, x, HI, LO, MOST), 0.0)

    def double(top, x, like):
        gap = top - x
        e, e_ = exp_minus(gap, lost(top, x, gap))
        return (e if gap == gap else gap), e_

    return double


@njit(**EXACT)
def measure(t, classes, like, top, tail, tail_):
    """Turn a tile into powers, and give each row's largest logit and tail; NaN for a row without a softmax."""
    ties = scratch(ROWS, 0.0)
    for r in range(ROWS):
        top[r] = -math.inf
        tail[r] = tail_[r] = ties[r] = 0.0
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            top[r] = lane[r] if lane[r] > top[r] else top[r]
    for j in range(classes):
        lane = at(t, j * ROWS)
        for r in range(ROWS):
            own = lane[r] == top[r]
            e, e_ = fall(top[r], lane[r], like)
            lane[r] = e
            tail[r], tail_[r] = add(tail[r], tail_[r], 0.0 if own else e, 0.0 if own else e_)
            ties[r] += 1.0 if own else 0.0
    for r in range(ROWS):
        s, s_ = add(ties[r] - 1.0, 0.0, tail[r], tail_[r])
        tail[r], tail_[r] = tail_of(top[r], s, 1.0), s_


@njit(**EXACT)
def settle(top, tail, tail_, mine, like, miss, miss_, hit, hit_, plain):
    """1 − p and p of the labels, whose logits are ``mine``, as pairs, and −log p; 1 + tail replaces the tail."""
    for r in range(ROWS):
        gap = top[r] - mine[r]
        e, e_ = fall(top[r], mine[r], like)
        whole, whole_ = add(1.0, 0.0, tail[r], tail_[r])
        others, others_ = add(whole, whole_, -e, -e_)
        if gap == 0:
            others, others_ = tail[r], tail_[r]
        miss[r], miss_[r] = divide(others, others_, whole, whole_)
        hit[r], hit_[r] = divide(e, e_, whole, whole_)
        log_tail = log1p(tail[r]) + tail_[r] / whole
        plain[r] = log_tail + (gap + (lost(top[r], mine[r], gap) if gap < math.inf else 0.0))
        tail[r], tail_[r] = whole, whole_


@njit(**EXACT)
def spread(miss, miss_, hit, hit_, plain, gamma, power, whole, whole_, m, scale, loss, v, v_, at_label):
    """Losses times their factor m, what multiplies the powers, as a pair, and the gradient at the labels."""
    for r in range(ROWS):
        cost, s, s_ = focal_exactly(miss[r], miss_[r], hit[r], hit_[r], plain[r], gamma, power[r])
        loss[r] = cost * m[r] if m[r] != 0 else 0.0
        s, s_ = multiply(s, s_, m[r] * scale, 0.0)
        own, own_ = multiply(s, s_, miss[r], miss_[r])
        at_label[r] = -(own + own_) if m[r] != 0 else 0.0
        v[r], v_[r] = divide(s, s_, whole[r], whole_[r])


@njit(**EXACT)
def product(lane, v, v_, m, to):
    """Gradient by a class other than the label."""
    for r in range(ROWS):
        to[r] = fma(lane[r], v[r], lane[r] * v_[r]) if m[r] != 0 else 0.0


@kernel
def by_tiles(z, labels, row, each, grad, kind, shape, strides, gamma, scale, past, start, stop):
    """Σ row · loss of tiles [start, stop) as a pair, and the first row whose label is no class, or −1.

    z, grad: flat, of one type (uint16 for half types, see ``kind``). labels (N,). row (N,), each (N,) of float64,
    or empty. shape: (outer, inner, classes). strides: of z and of grad, each by outer row, inner row and class.
    """
    outer, inner, classes = shape
    z_outer, z_inner, z_class, g_outer, g_inner, g_class = strides
    like = blank(z[0])
    tile_ = np.full(classes * ROWS, 0.0)
    image_, flat_ = np.full(tile_room(classes), like), np.full(tile_room(classes), like)
    t, image, flat = at(tile_, 0), aligned(at(image_, 0)), at(flat_, 0)
    top, tail, tail_, mine = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    miss, miss_, hit, hit_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    plain, power_of, m, own = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0)
    loss, v, v_, at_label = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    tiles = (inner + ROWS - 1) // ROWS
    total, rest, wrong = 0.0, 0.0, -1
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        i = a * inner + b
        fill(at(z, a * z_outer + b * z_inner), n, classes, z_inner, z_class, kind, t)
        for r in range(ROWS):
            y = labels[i + r] if r < n else 0
            own[r] = y if y >= 0 and y < classes else 0
            mine[r] = t[own[r] * ROWS + r]
            wrong = i + r if wrong < 0 and (y < 0 or y >= classes) else wrong
        measure(t, classes, like, top, tail, tail_)
        settle(top, tail, tail_, mine, like, miss, miss_, hit, hit_, plain)
        for r in range(ROWS):
            power_of[r] = miss[r] * miss[r] if gamma == 2 else miss[r] ** gamma
            m[r] = (row[i + r] if row.size else 1.0) if r < n else 0.0
        spread(miss, miss_, hit, hit_, plain, gamma, power_of, tail, tail_, m, scale, loss, v, v_, at_label)
        total, rest = two_sum(total, rest, added_all(loss))
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            for j in range(classes):
                lane, to = at(t, j * ROWS), at(image, j * ROWS)
                product(lane, v, v_, m, to)
            for r in range(ROWS):
                image[own[r] * ROWS + r] = at_label[r]
            give(image, n, classes, g_inner, g_class, kind, at(grad, a * g_outer + b * g_inner), flat, past)
    hold(tile_)
    hold(image_)
    hold(flat_)
    return total, rest, wrong
