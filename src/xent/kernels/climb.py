# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Powers of a row of float32 logits, in vectors, while its neighbours pass: one row goes out, the next comes in.

A row takes two readings, one for its largest logit and one for the powers. The first of them is done while the row
before it has its powers computed, which is bound by arithmetic; the gradient of a row before both goes out at the
same time. So memory always has something to do.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import FAST, INLINE
from xent.kernels._math import F4, F8, at, blank, power, scratch, widen
from xent.kernels._powers import lift, lift_others, lift_some
from xent.kernels._streams import fetch, fetch_near, pour, pour_all
from xent.kernels._vectors import WIDTH, added, crest, fill, holds, move, raised, raised_part, settled
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
def summits(n):
    """Size of a buffer for the largest logits of a row's blocks, a vector for each."""
    return (n // BLOCK + 1) * WIDTH


@njit(**INLINE)
def survey(z, n, peaks):
    """Largest of n logits, −∞ if there is none but NaN; the blocks' in ``peaks``."""
    best, peak = scratch(PAD, F4(0)), scratch(WIDTH, F4(0))
    whole = n // PAD * PAD
    fill(peak, F4(-math.inf))
    for b in range(0, whole, BLOCK):
        for i in range(0, PAD, WIDTH):
            fill(at(best, i), F4(-math.inf))
        for j in range(b, min(b + BLOCK, whole), PAD):
            look(best, z, j)
        close(best, peak, at(peaks, b // WIDTH))
    for j in range(whole, n, WIDTH):
        raised_part(peak, at(z, j), n - j)
    return crest(peak)


@njit(**INLINE)
def look(best, z, j):
    """Raise best[:64] to the 64 logits from j on."""
    for i in range(0, PAD, WIDTH):
        raised(at(best, i), at(z, j + i))


@njit(**INLINE)
def close(best, peak, to):
    """End a block: write down its largest logits, and raise ``peak`` to them."""
    for i in range(WIDTH, PAD, WIDTH):
        raised(best, at(best, i))
    move(to, best)
    raised(peak, best)


@njit(**INLINE)
def ask(z, j, long):
    """Ask for what will be read soon; nothing need be there."""
    for i in range(j, j + PAD, WIDTH):
        if long:
            fetch_near(at(z, i + SOON))
        else:
            fetch(at(z, i + AHEAD))


@njit(**INLINE)
def climb(z, n, top, peaks, x, scales, kept, after, new, to, source, v, full, home):
    """Tail of n logits, and the largest logit of the row ``after`` them, its blocks' in ``new``.

    top, peaks: by :func:`survey`. x: ``whole_pads(n)`` numbers, which become the powers, and 0 at their end, if
    they are ``kept``. Meanwhile to[:16 · full] = source · v goes out, but for the vector ``home``. Only blocks with
    the largest logit look for it: the powers of the others are added as they come. The tail is NaN for a row
    without a softmax, and not finite if a gap is huge.
    """
    hi, lo, most = scales
    best, parts, sums = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
    peak, ties = scratch(WIDTH, F4(0)), 0
    whole, short, long = n // PAD * PAD, n <= BLOCK, kept and n > LONG
    for i in range(0, PAD, WIDTH):
        fill(at(parts, i), F4(0))
    fill(sums, 0.0)
    fill(peak, F4(-math.inf))
    for b in range(0, whole, BLOCK):
        for i in range(0, PAD, WIDTH):
            fill(at(best, i), F4(-math.inf))
        stop, first = min(b + BLOCK, whole), b // WIDTH
        last = stop // WIDTH
        open_ = last <= full and (home < first or home >= last)
        if not open_:
            pour(to, source, v, first, min(last, full), home)
        if short or holds(at(peaks, first), top):
            for j in range(b, stop, PAD):
                ask(after, j, long)
                look(best, after, j)
                if open_:
                    pour_all(to, source, v, j)
                ties += lift_others(at(x, j), at(z, j), top, hi, lo, most, parts)
        elif not kept:
            for j in range(b, stop, PAD):
                ask(after, j, long)
                look(best, after, j)
                lift(False, at(z, j), top, hi, lo, most, parts)
        elif open_:
            for j in range(b, stop, PAD):
                ask(after, j, long)
                look(best, after, j)
                pour_all(to, source, v, j)
                lift(at(x, j), at(z, j), top, hi, lo, most, parts)
        else:
            for j in range(b, stop, PAD):
                ask(after, j, long)
                look(best, after, j)
                lift(at(x, j), at(z, j), top, hi, lo, most, parts)
        if b + BLOCK <= whole:
            settled(sums, parts)
        close(best, peak, at(new, first))
    rest = n - whole
    if rest:
        for i in range(0, PAD, WIDTH):
            raised_part(peak, at(after, whole + i), rest - i)
        ask(after, whole, long)
        pour(to, source, v, whole // WIDTH, full, home)
        ties += lift_some(at(x, whole), at(z, whole), rest, top, hi, lo, most, parts)
        for j in range(n, whole + PAD):
            x[j] = 0
    settled(sums, parts)
    return tail_of(top, added(sums), F8(ties)), crest(peak)


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
