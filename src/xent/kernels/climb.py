# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Powers of a row of float32 logits, in vectors, while its neighbours pass: one row goes out, the next comes in.

A row takes two readings, one for its largest logit and one for the powers. The first of them is done while the row
before it has its powers computed, which is bound by arithmetic; the gradient of a row before both goes out at the
same time. So memory always has something to do.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT, FAST, INLINE
from xent.kernels._math import F4, F8, at, blank, power, scratch, widen
from xent.kernels._powers import lift_others, lift_others_near, lift_some, lift_some_near, unit_of
from xent.kernels._streams import fetch, fetch_near, pour, pour_all
from xent.kernels._vectors import WIDTH, added, crest, fill, move, raised, raised_some, settled
from xent.kernels.finish import tail_of, two_sum

BLOCK = 256  # classes whose powers are added in the row's own type; the blocks are added in float64
PAD = 64  # a buffer ends in masks, so that loops need no remainder
AHEAD = 16384  # numbers from what is read to what is asked for
LONG, SOON = 2**16, 512  # ... and in rows of which two, and their powers, fill the second cache


@njit(**INLINE)
def whole_pads(n):
    """Round up to whole PADs."""
    return (n + PAD - 1) // PAD * PAD


@njit(**INLINE)
def largest(z, n):
    """Largest of n logits, −∞ if there is none but NaN."""
    best = scratch(WIDTH, F4(0))
    scan(z, n, best)
    return crest(best)


@njit(**INLINE)
def scan(z, n, to):
    """to[:16] = the largest of n logits in each lane, −∞ if there is none but NaN."""
    best, whole = scratch(PAD, F4(0)), n // PAD * PAD
    for i in range(0, PAD, WIDTH):
        fill(at(best, i), F4(-math.inf))
    for j in range(0, whole, PAD):
        look(best, z, j)
    raised_some(best, at(z, whole), n - whole)
    close(best, to)


@njit(**INLINE)
def look(best, z, j):
    """Raise best[:64] to the 64 logits from j on."""
    for i in range(0, PAD, WIDTH):
        raised(at(best, i), at(z, j + i))


@njit(**INLINE)
def close(best, to):
    """to[:16] = the largest of best[:64] in each lane."""
    for i in range(WIDTH, PAD, WIDTH):
        raised(best, at(best, i))
    move(to, best)


@njit(**INLINE)
def ask(z, j, long):
    """Ask for what will be read soon; nothing need be there."""
    for i in range(j, j + PAD, WIDTH):
        if long:
            fetch_near(at(z, i + SOON))
        else:
            fetch(at(z, i + AHEAD))


def _climbing(others, some):
    @njit(**EXACT)  # so that short rows are the same bits
    def climbing(z, n, top, x, scales, unit, after, to, source, v, full):
        hi, lo, most = scales
        best, parts, sums = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
        whole, ties, long = n // PAD * PAD, 0, n > LONG
        poured = min(n // PAD, full // 4) * PAD
        for i in range(0, PAD, WIDTH):
            fill(at(best, i), F4(-math.inf))
            fill(at(parts, i), F4(0))
        fill(sums, 0.0)
        for j in range(0, whole, PAD):
            ask(after, j, long)
            look(best, after, j)
            if j < poured:
                pour_all(to, source, v, j)
            ties += others(at(x, j), at(z, j), top, hi, lo, most, unit, parts)
            if (j + PAD) & (BLOCK - 1) == 0:
                settled(sums, parts)
        pour(to, source, v, poured // WIDTH, full)
        rest = n - whole
        if rest:
            raised_some(best, at(after, whole), rest)
            ask(after, whole, long)
            ties += some(at(x, whole), at(z, whole), rest, top, hi, lo, most, unit, parts)
            for j in range(n, whole + PAD):
                x[j] = 0
        settled(sums, parts)
        close(best, best)
        return tail_of(top, added(sums), F8(ties)), crest(best)

    return climbing


_climb, _climb_near = _climbing(lift_others, lift_some), _climbing(lift_others_near, lift_some_near)


@njit(**INLINE)
def climb(z, n, top, x, scales, after, to, source, v, full):
    """Tail of n logits with the largest ``top``, and the largest of the row ``after`` them.

    x: ``whole_pads(n)`` numbers, which become the powers, and 0 at their end. Meanwhile to[:16 · full] = source · v
    goes out. The tail is NaN for a row without a softmax, and not finite if a gap is huge.
    """
    unit = unit_of(scales[0], scales[1])
    if unit != 0:
        return _climb_near(z, n, top, x, scales, unit, after, to, source, v, full)
    return _climb(z, n, top, x, scales, unit, after, to, source, v, full)


@njit(error_model="numpy", fastmath=FAST)
def climb_slowly(z, n, kind, x, hi, lo, most):
    """Largest logit and tail of any row, number by number; ``kind``: see ``_math``."""
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
    for j in range(n, whole_pads(n)):
        x[j] = 0
    return top, tail_of(top, below + rest, ties)
