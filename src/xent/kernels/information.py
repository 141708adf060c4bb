# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Entropy, cross-entropy and divergences of rows of probabilities: :mod:`xent.information` in loops.

64 numbers go side by side: neighbouring classes of a row, or eight of eight rows, or, where classes are few, one
class of 64 rows. Each lane sums for itself, and the lanes of a row are added up at its end, so that nothing depends
on the other rows.

The terms are those of :mod:`~xent.kernels.terms`.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import at, scratch
from xent.kernels._pairs import divide, two_sum
from xent.kernels.terms import (
    GAP,
    GAP_LO,
    LANES,
    LEAST,
    MASS_P,
    MASS_Q,
    MOST,
    NEVER,
    ROOM,
    SCALE,
    TERMS,
    TERMS_LO,
    relative,
    shared,
    surprise,
)  # fmt: skip

__all__ = ["LANES", "NEAR", "SCALE", "cross_entropy", "entropy", "js_divergence", "kl_divergence"]

NEAR = 8  # classes of one row among the numbers side by side, where there are many
FINE, WRONG, ODD = 0, 1, 2  # a row: its answer is there; it is no distribution; its digits cancel


# ------------------------------------------------------------------------------------------------------------- rows


@njit(**INLINE)
def clear(lanes):
    """Begin new rows."""
    for i in range(ROOM):
        lanes[i] = 0.0


@njit(**INLINE)
def chunk(source, steps, classes, c, n, near, width, room):
    """Give ``width`` numbers: the c-th ``near`` classes of each of n rows, 0 where there is none.

    They are where they are, if that will do, or copied to ``room``.
    """
    step, hop = steps
    if near == 1:
        if step == 1 and n == width:
            return at(source, c * hop)
        for r in range(n):
            room[r] = source[r * step + c * hop]
        for r in range(n, width):
            room[r] = 0
    else:
        first = c * near
        left = min(near, classes - first)
        if left == LANES:
            return at(source, first)
        for r in range(n):
            row, to = at(source, r * step + first), at(room, r * near)
            if left == NEAR:
                for j in range(NEAR):
                    to[j] = row[j]
            else:
                for j in range(left):
                    to[j] = row[j]
                for j in range(left, near):
                    to[j] = 0
    return room


@njit(**EXACT)
def pair_up(lanes, to, name, n):
    """Add neighbouring lanes of a sum and of its second part: n are left."""
    for r in range(n):
        s, rest = two_sum(lanes[name + 2 * r], lanes[name + 2 * r + 1])
        to[name + r] = s
        to[name + LANES + r] = rest + (lanes[name + LANES + 2 * r] + lanes[name + LANES + 2 * r + 1])


@njit(**EXACT)
def fold(lanes, to, n):
    """Take lanes two by two."""
    pair_up(lanes, to, TERMS, n)
    pair_up(lanes, to, GAP, n)
    for r in range(n):
        to[MASS_P + r] = lanes[MASS_P + 2 * r] + lanes[MASS_P + 2 * r + 1]
        to[MASS_Q + r] = lanes[MASS_Q + 2 * r] + lanes[MASS_Q + 2 * r + 1]
        a, b = lanes[LEAST + 2 * r], lanes[LEAST + 2 * r + 1]
        to[LEAST + r] = a if a < b else b
        a, b = lanes[MOST + 2 * r], lanes[MOST + 2 * r + 1]
        to[MOST + r] = a if a > b else b
        a, b = lanes[NEVER + 2 * r], lanes[NEVER + 2 * r + 1]
        to[NEVER + r] = a if a > b else b


@njit(**EXACT)
def close(lanes, n, down, limits, unit, out, marks):
    """Write the answers of n rows, one a lane; gives the number of rows that are not :data:`FINE`.

    down: 1 / the scale of sums. limits: how far a sum may be from 1 (p's, q's), and the part of the terms that must
    be left of them. unit: the logarithm of the base as a pair, or (0, 0) for the exponential of nats.
    """
    tolerance, other, least = limits
    power = unit[0] == 0.0
    by, by_ = 1.0 if power else unit[0], unit[1]
    found = 0.0
    for r in range(n):
        total = lanes[TERMS + r]
        v, v_ = two_sum(total, lanes[GAP + r])
        v, v_ = two_sum(v, v_ + (lanes[TERMS_LO + r] + lanes[GAP_LO + r]))
        odd = (abs(v) < least * total) | ((lanes[MOST + r] > 1.0) & (v * down < 0.02))
        never = lanes[NEVER + r] > 0.0
        fine = (abs(lanes[MASS_P + r] - 1.0) <= tolerance) & (abs(lanes[MASS_Q + r] - 1.0) <= other)
        mark = (1.0 * ODD if odd & (not never) else 0.0) if fine & (lanes[LEAST + r] >= 0.0) else 1.0 * WRONG
        found += 1.0 if mark > 0.0 else 0.0
        v, v_ = divide(v * down, v_ * down, by, by_)
        lanes[TERMS + r] = math.inf if never else v
        lanes[TERMS_LO + r] = 0.0 if never else v_
        lanes[LEAST + r] = mark
    for r in range(n):
        out[r] = lanes[TERMS + r] + lanes[TERMS_LO + r]
    for r in range(n if power else 0):
        e = math.exp(lanes[TERMS + r])
        out[r] = e + e * lanes[TERMS_LO + r]
    for r in range(n):
        marks[r] = int(lanes[LEAST + r])
    return int(found)


@njit(**INLINE)
def done(lanes, other, n, near, down, limits, unit, out, marks):
    """Finish a block of rows."""
    left = LANES // 2
    while left * near >= LANES:
        fold(lanes, other, left)
        lanes, other, left = other, lanes, left // 2
    return close(lanes, n, down, limits, unit, out, marks)


@njit(**INLINE)
def cut(classes, near):
    """Say how rows are cut: (rows of a block, chunks of their classes)."""
    return LANES // near, (classes + near - 1) // near


@kernel
def entropy(p, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """Rows [start, stop): answers in ``out``, what they are in ``marks``; gives the number of those not fine.

    p: flat float32 or float64. steps: between rows and between classes. near: neighbouring classes side by side: 1,
    :data:`NEAR` or :data:`LANES`, and but for 1 their step is 1. The rest as in :func:`close`.
    """
    lanes, other, room = scratch(ROOM, 0.0), scratch(ROOM, 0.0), scratch(LANES, p[0])
    (rows, chunks), found = cut(classes, near), 0
    for i in range(start, stop, rows):
        n = min(rows, stop - i)
        width = (n * near + 7) // 8 * 8
        clear(lanes)
        for c in range(chunks):
            x = chunk(at(p, i * steps[0]), steps, classes, c, n, near, width, room)
            surprise(x, x, width, lanes)
        found += done(lanes, other, n, near, down, limits, unit, at(out, i), at(marks, i))
    return found


@njit(**INLINE)
def of_two(add, p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """:func:`entropy` of two arrays, by a function of :mod:`~xent.kernels.terms`; steps: p's, then q's."""
    lanes, other, of_p, of_q = scratch(ROOM, 0.0), scratch(ROOM, 0.0), scratch(LANES, p[0]), scratch(LANES, p[0])
    (rows, chunks), found = cut(classes, near), 0
    for i in range(start, stop, rows):
        n = min(rows, stop - i)
        width = (n * near + 7) // 8 * 8
        clear(lanes)
        for c in range(chunks):
            x = chunk(at(p, i * steps[0]), steps[:2], classes, c, n, near, width, of_p)
            y = chunk(at(q, i * steps[2]), steps[2:], classes, c, n, near, width, of_q)
            add(x, y, width, lanes)
        found += done(lanes, other, n, near, down, limits, unit, at(out, i), at(marks, i))
    return found


@kernel
def cross_entropy(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`entropy`, of two; steps: p's, then q's."""
    return of_two(surprise, p, q, out, marks, classes, steps, near, down, limits, unit, start, stop)


@kernel
def kl_divergence(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`cross_entropy`."""
    return of_two(relative, p, q, out, marks, classes, steps, near, down, limits, unit, start, stop)


@kernel
def js_divergence(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`cross_entropy`."""
    return of_two(shared, p, q, out, marks, classes, steps, near, down, limits, unit, start, stop)
