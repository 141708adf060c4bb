# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Focal loss of class labels, row by row, for narrow types: many classes that are neighbours in memory.

γ multiplies the relative error of 1 − p, so that powers, their sum and what follows are float64; only the gradient
is narrow again. ``focal`` has the same for few classes, and for float64.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, at, blank, hold, key, log1p, lowest, narrow, raised, unkey, widen
from xent.kernels._streams import stream
from xent.kernels.finish import tail_of, two_sum
from xent.kernels.focal import HI, LO, MOST


@njit(**INLINE)
def largest(z, n, kind):
    """Give the largest of n numbers, in float64."""
    most = lowest(widen(z[0], kind))
    for j in range(n):
        most = max(most, key(widen(z[j], kind)))
    return F8(unkey(most))


@njit(**INLINE)
def load(z, n, kind, e):
    """Widen a row."""
    for j in range(n):
        e[j] = F8(widen(z[j], kind))


@njit(**INLINE)
def lift(e, n, top, like):
    """Turn a row's logits into powers, and give its tail: NaN for a row without a softmax."""
    below, ties = 0.0, 0
    for j in range(n):
        p = raised(top, e[j], HI, LO, MOST, like)
        e[j] = p
        below += p if p != 1.0 else 0.0
    for j in range(n):  # in one loop with the other, LLVM would find no vectors in either
        ties += 1 if e[j] == 1.0 else 0
    return tail_of(top, below, float(ties))


@njit(**EXACT)
def settle(top, tail, mine, e, gamma):
    """Focal loss of a row, what multiplies its powers, and its gradient at the label; e: the label's power."""
    whole, gap = 1.0 + tail, top - mine
    x, p, plain = (tail if gap == 0 else whole - e) / whole, e / whole, log1p(tail) + gap
    if not x > 0:  # 0, or NaN
        return x, x, x
    factor = x * x if gamma == 2 else x**gamma
    slope = factor * (1.0 + (gamma * (p * (plain / x)) if p > 0 else 0.0))
    return factor * plain, slope / whole, -slope * x


def give(e, n, v, own, at_own, kind, to, image, past):
    """to[:n] = e · v, but to[own] = at_own."""
    raise NotImplementedError


@overload(give, jit_options=INLINE)
def _give(e, n, v, own, at_own, kind, to, image, past):
    if to.dtype == types.uint16:
        return lambda e, n, v, own, at_own, kind, to, image, past: _store(e, n, v, own, at_own, kind, to)

    def single(e, n, v, own, at_own, kind, to, image, past):
        if past:
            _store(e, n, v, own, at_own, kind, image)
            stream(to, image, n, F4(1))
        else:
            _store(e, n, v, own, at_own, kind, to)

    return single


@njit(**INLINE)
def _store(e, n, v, own, at_own, kind, to):
    like = to[0]
    for j in range(n):
        to[j] = narrow(F4(e[j] * v), like, kind)
    to[own] = narrow(F4(at_own), like, kind)


@kernel
def by_rows(z, labels, row, each, grad, kind, classes, step, gamma, scale, past, start, stop):
    """Σ row · loss of rows [start, stop) in two floats, and the first of them whose label is no class, or −1.

    z: flat, with rows ``step`` apart; grad: flat (N · K), of its type, or empty. labels (N,). row (N,), each (N,)
    of float64, or empty.
    """
    like = blank(z[0])
    powers_, image_ = np.empty(classes), np.full(classes, like)
    e, image = at(powers_, 0), at(image_, 0)
    total, rest, wrong = 0.0, 0.0, -1
    for i in range(start, stop):
        y, m = labels[i], row[i] if row.size else 1.0
        if y < 0 or y >= classes:
            wrong = i if wrong < 0 else wrong
            y = 0
        logits = at(z, i * step)
        top = largest(logits, classes, kind)
        load(logits, classes, kind, e)
        tail = lift(e, classes, top, like)
        loss, v, at_own = settle(top, tail, F8(widen(logits[y], kind)), e[y], gamma)
        if m == 0:
            loss = v = at_own = 0.0
            for j in range(classes):
                e[j] = 0.0
        loss *= m if m != 0 else 1.0
        total, rest = two_sum(total, rest, loss)
        if each.size:
            each[i] = loss
        if grad.size:
            give(e, classes, v * m * scale, y, at_own * m * scale, kind, at(grad, i * classes), image, past)
    hold(powers_)
    hold(image_)
    return total, rest, wrong
