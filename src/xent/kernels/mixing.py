# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Targets on their way to other targets: probabilities mixed with a share for all classes, and labels spread.

A row is checked and mixed while it is in cache. Narrow types are computed in float64, and float64 in pairs of
floats, so that a result is rounded once.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, at, fma, hold, narrow, scratch, widen
from xent.kernels._pairs import two_sum
from xent.kernels._streams import stream, stream_doubles

BLOCK = 2048  # numbers that are checked, and then mixed
MARGIN = 1e-9  # how close to the tolerance a sum is for another to say


@njit(**INLINE)
def mass(q, n, kind):
    """Σ of n numbers, and how many of them are negative."""
    total, below = 0.0, 0
    for j in range(n):
        x = F8(widen(q[j], kind))
        total += x
        below += 1 if x < 0 else 0
    return total, below


def mix(q, n, kind, parts, others, to, past):
    """to[:n] = keep · q + share, or with ``others`` keep · q + share · (1 − q)."""
    raise NotImplementedError


@overload(mix, jit_options=EXACT)
def _mix(q, n, kind, parts, others, to, past):
    if q.dtype == types.float64:
        return _double
    if q.dtype == types.uint16:
        return lambda q, n, kind, parts, others, to, past: _narrow_one(q, n, kind, parts, others, to)

    def single(q, n, kind, parts, others, to, past):
        if past:
            image = scratch(BLOCK, F4(0))
            _narrow_one(q, n, kind, parts, others, image)
            stream(to, image, n, F4(1))
        else:
            _narrow_one(q, n, kind, parts, others, to)

    return single


@njit(**EXACT)
def _narrow_one(q, n, kind, parts, others, to):
    keep, _, share, _ = parts
    like = q[0]
    for j in range(n):
        x = F8(widen(q[j], kind))
        rest = (1.0 - (x if x < 1.0 else 1.0)) if others else 1.0
        to[j] = narrow(F4(fma(x, keep, rest * share)), like, kind)


def _double(q, n, kind, parts, others, to, past):
    if past:
        image = scratch(BLOCK, 0.0)
        _pairs(q, n, parts, others, image)
        stream_doubles(to, image, n)
    else:
        _pairs(q, n, parts, others, to)


@njit(**EXACT)
def _pairs(q, n, parts, others, to):
    keep, keep_, share, share_ = parts
    for j in range(n):
        x = q[j]
        rest, rest_ = two_sum(1.0, -(x if x < 1.0 else 1.0) if others else 0.0)
        own, other = x * keep, rest * share
        own_ = fma(x, keep, -own) + x * keep_
        other_ = fma(rest, share, -other) + fma(rest, share_, rest_ * share)
        s, error = two_sum(own, other)
        to[j] = s + (error + (own_ + other_))


@kernel
def smooth(q, to, kind, classes, parts, others, tolerance, past, start, stop):
    """First of the rows [start, stop) that may be no distribution, or −1; else they are mixed.

    q, to: flat, of one type (uint16 for half types, see ``kind``). parts: keep and share, each in two floats.
    """
    wrong, i, most = -1, start, max(BLOCK // classes, 1)
    while i < stop:
        rows = min(most, stop - i)
        source, goal = at(q, i * classes), at(to, i * classes)
        if classes <= BLOCK:
            for r in range(rows):
                total, below = mass(at(source, r * classes), classes, kind)
                fine = below == 0 and abs(total - 1.0) < tolerance - MARGIN
                wrong = i + r if wrong < 0 and not fine else wrong
            mix(source, rows * classes, kind, parts, others, goal, past)
        else:
            total, below = 0.0, 0
            for j in range(0, classes, BLOCK):
                n = min(BLOCK, classes - j)
                some, negative = mass(at(source, j), n, kind)
                total += some
                below += negative
                mix(at(source, j), n, kind, parts, others, at(goal, j), past)
            wrong = i if wrong < 0 and not (below == 0 and abs(total - 1.0) < tolerance - MARGIN) else wrong
        i += rows
    return wrong


@kernel
def spread(labels, to, classes, own, other, past, start, stop):
    """First of the rows [start, stop) whose label is no class, or −1.

    to: flat (N · K); becomes ``own`` at the labels and ``other`` elsewhere.
    """
    row_ = np.full(classes, other)
    row, wrong = at(row_, 0), -1
    for i in range(start, stop):
        y = labels[i]
        if y < 0 or y >= classes:
            wrong = i if wrong < 0 else wrong
        else:
            row[y] = own
            goal = at(to, i * classes)
            if past:
                stream_doubles(goal, row, classes)
            else:
                for j in range(classes):
                    goal[j] = row[j]
            row[y] = other
    hold(row_)
    return wrong
