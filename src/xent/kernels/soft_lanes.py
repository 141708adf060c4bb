# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""As :mod:`~xent.kernels.soft` for rows of few classes, or of classes that are apart: one row in each lane."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels import careful
from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, NATIVE, at, blank, hold, power, raised, scratch, widen
from xent.kernels._streams import aligned
from xent.kernels._vectors import added_all
from xent.kernels.careful import SLOPE, STEP, T_, T, X
from xent.kernels.finish import two_sum
from xent.kernels.lanes import GROUP, ROWS, give, tile_room
from xent.kernels.soft import FREE, NEAR, finish, wide


@njit(**INLINE)
def survey(tile, classes, top, where, fault):
    """Each row's largest logit, the first class that has it, and how many logits have no power."""
    for r in range(ROWS):
        top[r] = -math.inf
        where[r] = 0
        fault[r] = 0.0
    for j in range(classes):
        block = at(tile, j * STEP)
        for r in range(ROWS):
            x = block[X + r]
            where[r] = j if x > top[r] else where[r]
            top[r] = x if x > top[r] else top[r]
            fault[r] += 0.0 if x < math.inf else 1.0


@njit(**INLINE)
def judge(tile, classes, mass, below):
    """Sum of each row's target, and of its negative entries."""
    for r in range(ROWS):
        mass[r] = below[r] = 0.0
    for j in range(classes):
        block = at(tile, j * STEP)
        for r in range(ROWS):
            t = block[T + r]
            mass[r] += t
            below[r] += t if t < 0 else 0.0


@njit(**INLINE)
def share(tile, classes, weight, keep, base):
    """Turn targets into weighted, smoothed ones."""
    for j in range(classes):
        block, w = at(tile, j * STEP), at(weight, j * ROWS)
        for r in range(ROWS):
            block[T + r] = (block[T + r] * keep + base) * w[r]


@njit(**INLINE)
def curve(tile, classes, c, bend):
    """Softcap logits, and the slope of it; a mask stays one."""
    hi, lo, most = bend
    for j in range(classes):
        block = at(tile, j * STEP)
        for r in range(ROWS):
            z = block[X + r]
            e = power(abs(z), 0.0, hi, lo, most)
            value = c * ((1.0 - e) / (1.0 + e))
            block[SLOPE + r] = 4.0 * e / ((1.0 + e) * (1.0 + e))
            block[X + r] = z if z == -math.inf else (-value if z < 0 else value)


@njit(**INLINE)
def powers(tile, classes, where, top, scales, like, tail, tail_, rest, rest_, dot, dot_, parts):
    """Turn logits into powers; add up powers and targets but for the largest logit's, and target · gap."""
    hi, lo, most = scales
    part, share_, fall = parts
    for r in range(ROWS):
        tail[r] = tail_[r] = rest[r] = rest_[r] = dot[r] = dot_[r] = part[r] = share_[r] = fall[r] = 0.0
    for j in range(classes):
        block = at(tile, j * STEP)
        for r in range(ROWS):
            x, t = block[X + r], block[T + r]
            e = raised(top[r], x, hi, lo, most, like)
            block[X + r] = e
            part[r] += e if where[r] != j else 0.0
            share_[r] += t if where[r] != j else 0.0
            fall[r] += t * (top[r] - x) if t != 0 else 0.0
        if j % GROUP == GROUP - 1 or j == classes - 1:
            for r in range(ROWS):
                tail[r], tail_[r] = two_sum(tail[r], tail_[r], part[r])
                rest[r], rest_[r] = two_sum(rest[r], rest_[r], share_[r])
                dot[r], dot_[r] = two_sum(dot[r], dot_[r], fall[r])
                part[r] = share_[r] = fall[r] = 0.0
    for r in range(ROWS):
        tail[r] += tail_[r]
        rest[r] += rest_[r]
        dot[r] += dot_[r]


@njit(**INLINE)
def spread(tile, classes, bend, pull, whole, v, near, close, image):
    """Write the gradients; count the entries that cancelled."""
    for r in range(ROWS):
        close[r] = 0.0
    for j in range(classes):
        block, out = at(tile, j * STEP), at(image, j * ROWS)
        for r in range(ROWS):
            a, b = pull[r] * block[X + r], block[T + r] * whole[r]
            close[r] += 1.0 if abs(a - b) < near * abs(b) else 0.0
            slope = (a - b) * v[r]
            out[r] = slope * block[SLOPE + r] if bend else slope


@njit(**INLINE)
def unexcused(z, step, tile, r, classes, k, kind, cool, pull, whole, near):
    """Count entries that cancelled though no ulp of their logit moves p by as much."""
    close = 0
    for j in range(classes):
        e = tile[j * STEP + X + r]
        a, b = pull * e, tile[j * STEP + T + r] * whole
        room = abs(F8(widen(z[j * step], kind))) * cool * (1.0 - e / whole)
        close += 1 if j != k and abs(a - b) < near * abs(b) and room < FREE else 0
    return close


@kernel
def cross_entropy(
    z, labels, q, weight, row, each, lse, grad, kinds, shape, strides, constants_, options, start, stop
):
    """As ``soft.cross_entropy``, for tiles [start, stop); shape (outer, inner, classes), weight (K · ROWS,)."""
    outer, inner, classes = shape
    (z_outer, z_class, z_inner), (q_outer, q_class, q_inner), (g_outer, g_class, g_inner) = strides
    kind, kind_q = kinds
    ignoring, ignore, z_loss, pace, past, strict = options
    scales, (keep, keep_), (base, base_), (cool, cool_), curb, bend = constants_
    c, hard, wanted, general = curb[0], labels.size > 0, grad.size > 0, weight.size > 0
    like = blank(z[0])
    pairs, far = wide(like) and (wanted or c > 0), not wide(like) and c * cool > 2.0**20
    tolerance = 1e-3 if kind_q == NATIVE else 5e-3
    near = NEAR + c * cool * 2.0**-28
    numbers, pictures = np.empty(classes * STEP), np.full(tile_room(classes), like)
    turned = np.full(tile_room(classes), like)
    tile, image = at(numbers, 0), aligned(at(pictures, 0))
    top, where, fault, below = scratch(ROWS, 0.0), scratch(ROWS, 0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    whole, whole_, mass, mass_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    dot, dot_, peak, peak_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    pull, pull_ = scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    v, edge, close, chosen = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0)
    loss, norm, factor, dead = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0)
    own, own_, bent = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    tiles = (inner + ROWS - 1) // ROWS
    total, left, wrong, odd = 0.0, 0.0, -1, -1
    for unit in range(start, stop):
        a, b = unit // tiles, unit % tiles * ROWS
        n, i = min(ROWS, inner - b), a * inner + b
        logits, target = at(z, a * z_outer + b * z_inner), at(q, a * q_outer + b * q_inner)
        for r in range(ROWS):
            loss[r] = norm[r] = 0.0
            factor[r] = 1.0
            chosen[r] = 1
            dead[r] = 0
        if row.size:
            for r in range(n):
                factor[r] = row[i + r]
                dead[r] = 1 if factor[r] == 0 else 0
        if hard:
            for r in range(n):
                y = labels[i + r]
                ignored, good = ignoring and y == ignore, 0 <= y < classes
                if not ignored and not good and wrong < 0:
                    wrong = i + r
                if ignored or not good:
                    dead[r] = 1
        again = pairs or far
        for attempt in range(2):
            careful.load(logits, target, classes, n, n, z_class, z_inner, q_class, q_inner, kind, kind_q, tile)
            if hard:
                for r in range(n):
                    if 0 <= labels[i + r] < classes:
                        tile[labels[i + r] * STEP + T + r] = 1.0
            survey(tile, classes, top, where, fault)
            for r in range(ROWS):
                fault[r] = fault[r] if abs(top[r]) < math.inf else 1.0
            if strict and not hard and attempt == 0:
                judge(tile, classes, mass, below)
                for r in range(n):
                    if odd < 0 and (below[r] < 0 or not abs(mass[r] - 1.0) <= tolerance):
                        odd = i + r
            for r in range(ROWS):
                peak[r] = top[r]
                peak_[r] = mass_[r] = 0.0
            if again:
                if general:
                    careful.share(tile, classes, weight, (keep, keep_), (base, base_), mass_)
                if c > 0 or cool != 1:
                    careful.distances(tile, classes, top, (cool, cool_), curb, peak, peak_)
                careful.powers(tile, classes, top, whole, whole_, mass, mass_, dot, dot_, v, logits, target, 0)
                for r in range(ROWS):
                    own[r] = tile[where[r] * STEP + T + r]
                    own_[r] = tile[where[r] * STEP + T_ + r] if general else 0.0
                    bent[r] = tile[where[r] * STEP + SLOPE + r] if c > 0 else 1.0
                for r in range(ROWS):
                    cost, m, pull[r], pull_[r], whole[r], whole_[r], excess = careful.finish(
                        whole[r],
                        whole_[r],
                        1.0,
                        mass[r],
                        mass_[r],
                        own[r],
                        own_[r],
                        dot[r] + dot_[r],
                        peak[r],
                        peak_[r],
                        z_loss,
                    )
                    v[r] = factor[r] * pace / whole[r]
                    edge[r] = excess * v[r] * bent[r]
                    loss[r] = cost if chosen[r] else loss[r]
                    norm[r] = m if chosen[r] else norm[r]
                if wanted:
                    careful.spread(tile, classes, chosen, general, c > 0, pull, pull_, whole, whole_, v, image)
                    for r in range(ROWS):
                        if chosen[r]:
                            image[where[r] * ROWS + r] = edge[r]
                break
            if general:
                share(tile, classes, weight, keep, base)
            if c > 0:
                curve(tile, classes, c, bend)
                for r in range(ROWS):
                    peak[r] = tile[where[r] * STEP + X + r]
            powers(
                tile, classes, where, peak, scales, like, whole, whole_, mass, mass_, dot, dot_, (pull, pull_, v)
            )
            for r in range(ROWS):
                own[r] = tile[where[r] * STEP + T + r]
            for r in range(ROWS):
                loss[r], norm[r], pull[r], whole[r], edge[r], mass[r] = finish(
                    whole[r], mass[r], own[r], dot[r] * cool, peak[r] * cool, z_loss
                )
                v[r] = factor[r] * pace / whole[r]
            if not wanted:
                break
            spread(tile, classes, c > 0, pull, whole, v, near, close, image)
            doubtful = 0
            for r in range(n):
                k, excess = where[r], edge[r] - mass[r]
                image[k * ROWS + r] = excess * v[r] * (tile[k * STEP + SLOPE + r] if c > 0 else 1.0)
                chosen[r] = 0
                if abs(excess) < near * abs(mass[r]) and (c > 0 or abs(top[r]) * cool < FREE):
                    chosen[r] = 1
                elif close[r] > 0:
                    chosen[r] = 1
                    if c == 0:
                        chosen[r] = unexcused(
                            at(logits, r * z_inner),
                            z_class,
                            tile,
                            r,
                            classes,
                            k,
                            kind,
                            cool,
                            pull[r],
                            whole[r],
                            near,
                        )
                doubtful += chosen[r]
            if not doubtful:
                break
            again = True
        for r in range(n):
            if dead[r] or fault[r] > 0:
                loss[r] = norm[r] = 0.0 if dead[r] else math.nan
                if wanted:
                    for j in range(classes):
                        image[j * ROWS + r] = loss[r]
            loss[r] *= factor[r]
        for r in range(n, ROWS):
            loss[r] = 0.0
        total, left = two_sum(total, left, added_all(loss))
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if lse.size:
            for r in range(n):
                lse[i + r] = norm[r]
        if wanted:
            give(
                image, n, classes, g_inner, g_class, kind, at(grad, a * g_outer + b * g_inner), at(turned, 0), past
            )
    hold(numbers)
    hold(pictures)
    hold(turned)
    return total, left, wrong, odd
