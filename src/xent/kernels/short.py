# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of up to 512 float32 logits, one after the other: what is done once a row weighs as much as its powers.

So a row's largest logit is found two rows before its powers are computed, which need not wait for it; its last few
classes are vectors too, with a mask; and the gradients, which follow one another in memory, go out line by line of
memory, whatever rows a line belongs to, while the next group of rows is computed.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F4, F8, at, hold, log1p, power, scratch, space
from xent.kernels._powers import lift_others, lift_some
from xent.kernels._streams import aligned, give, give_both, give_both_past, give_past, offset
from xent.kernels._vectors import WIDTH, added, crest, fill, raised_some, settled
from xent.kernels.climb import BLOCK, PAD, ask, climb_slowly, look
from xent.kernels.finish import settle, tail_of, two_sum

MOST = 512  # classes of a row
GROUP = 64  # rows finished side by side
PAIR = 2 * GROUP


@njit(**INLINE)
def largest(z, n):
    """Largest of n logits, −∞ if there is none but NaN."""
    best, whole = scratch(PAD, F4(0)), n // PAD * PAD
    for i in range(0, PAD, WIDTH):
        fill(at(best, i), F4(-math.inf))
    for j in range(0, whole, PAD):
        look(best, z, j)
    raised_some(best, at(z, whole), n - whole)
    return crest_of(best)


@njit(**INLINE)
def crest_of(best):
    """Largest of best[:64]."""
    for i in range(WIDTH, PAD, WIDTH):
        raised_some(best, at(best, i), WIDTH)
    return crest(best)


@njit(**INLINE)
def step(z, n, top, x, scales, later):
    """Tail of n logits, whose powers go to x, and the largest logit of a ``later`` row; to the bit as ``climb``."""
    hi, lo, most = scales
    best, parts, sums = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
    whole, ties = n // PAD * PAD, 0
    for i in range(0, PAD, WIDTH):
        fill(at(best, i), F4(-math.inf))
        fill(at(parts, i), F4(0))
    fill(sums, 0.0)
    for b in range(0, whole, BLOCK):
        for j in range(b, min(b + BLOCK, whole), PAD):
            ask(later, j, False)
            look(best, later, j)
            ties += lift_others(at(x, j), at(z, j), top, hi, lo, most, parts)
        if b + BLOCK <= whole:
            settled(sums, parts)
    rest = n - whole
    if rest:
        ask(later, whole, False)
        raised_some(best, at(later, whole), rest)
        ties += lift_some(at(x, whole), at(z, whole), rest, top, hi, lo, most, parts)
    settled(sums, parts)
    return tail_of(top, added(sums), F8(ties)), crest_of(best)


@njit(**INLINE)
def hand_out(r, group):
    """Put out the lines of memory that begin in row r: of each row v times its powers, but at_own at its label.

    group: where the gradients of its rows begin, their powers, the number of rows and classes, the numbers before
    the first line, the number of lines, past the caches?, and v, own, at_own of the rows.
    """
    to, x, _, classes, head, full, past, v, own, at_own = group
    begin = r * classes - head
    first, end = (begin + WIDTH - 1) >> 4, min((begin + classes) >> 4, full)
    place = own[r] + begin - WIDTH * first
    for b in range(first, end):
        line = head + WIDTH * b
        if past:
            give_past(at(to, line), at(x, line), v[r], place, at_own[r])
        else:
            give(at(to, line), at(x, line), v[r], place, at_own[r])
        place -= WIDTH
    cut = begin + classes - WIDTH * end
    if cut and end < full:
        line, s = head + WIDTH * end, r + 1
        out, source, other = at(to, line), at(x, line), cut + own[s]
        if past:
            give_both_past(out, source, cut, v[r], place, at_own[r], v[s], other, at_own[s])
        else:
            give_both(out, source, cut, v[r], place, at_own[r], v[s], other, at_own[s])


@njit(**INLINE)
def end_out(start, group):
    """Put out the lines of the rows from ``start`` on, and what lies before the first line or after the last."""
    to, x, rows, classes, head, full, _, v, own, at_own = group
    for r in range(start, rows):
        hand_out(r, group)
    for j in range(head if rows else 0):
        to[j] = at_own[0] if j == own[0] else x[j] * v[0]
    for j in range(head + WIDTH * full, rows * classes):
        r = j // classes
        to[j] = at_own[r] if j - r * classes == own[r] else x[j] * v[r]


@njit(**INLINE)
def blank_row(x, n):
    """x[:n] = 0."""
    for j in range(n):
        x[j] = 0


@njit(**INLINE)
def sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own, wrong):
    """Of rows i … i + n: which do not count, and the others' labels; ``wrong``, or the first impossible row."""
    for r in range(n):
        y = labels[i + r]
        ignored, good = ignoring and y == ignore, 0 <= y < classes
        if not ignored and not good and wrong < 0:
            wrong = i + r
        skip[r] = 1 if ignored or not good or (row.size and row[i + r] == 0) else 0
        own[r] = y if good else 0
    return wrong


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """As ``rows.cross_entropy``, for float32 rows of at most MOST classes that are neighbours in ``grad``."""
    _, classes = shape
    step_z, _, _, _ = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, scale, divisor, tau, past = options
    divisor *= tau
    numbers = (z_loss, scale, divisor, tau)
    zero, last = F4(0), stop - 1
    width = classes * GROUP + PAD + WIDTH  # a row's last vector and ``climb_slowly`` go beyond it
    buffer = space(2 * width + WIDTH, zero)
    powers = aligned(at(buffer, 0))
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(PAIR, zero)
    skip, own, at_label = scratch(GROUP, 0), scratch(PAIR, 0), scratch(PAIR, zero)
    tail, loss = scratch(GROUP, 0.0), scratch(GROUP, 0.0)
    total, rest, wrong, turn = 0.0, 0.0, -1, 0
    waiting = (at(grad, 0), powers, 0, classes, 0, 0, past, at(v, 0), at(own, 0), at(at_label, 0))
    peak = largest(at(z, start * step_z), classes)
    next_ = largest(at(z, min(start + 1, last) * step_z), classes)
    for i in range(start, stop, GROUP):
        n, block = min(GROUP, stop - i), at(powers, turn * width)
        v_, own_, at_ = at(v, turn * GROUP), at(own, turn * GROUP), at(at_label, turn * GROUP)
        wrong = sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own_, wrong)
        for r in range(n):
            line, x = at(z, (i + r) * step_z), at(block, r * classes)
            later = at(z, min(i + r + 2, last) * step_z)
            if skip[r]:
                top[r] = mine[r] = tail[r] = 0
                after = largest(later, classes)
                blank_row(x, classes)
            else:
                top[r], mine[r] = peak, line[own_[r]]
                tail[r], after = step(line, classes, peak, x, scales, later)
                if not abs(tail[r]) < math.inf:
                    top[r], tail[r] = climb_slowly(line, classes, kind, x, hi, lo, most)
            peak, next_ = next_, after
            if r < waiting[2]:
                hand_out(r, waiting)
        end_out(n, waiting)
        for r in range(n):
            e[r] = power(top[r], mine[r], hi, lo, most)
        settle(n, top, tail, mine, e, own_, weight, row, i, numbers, loss, v_, at_)
        for r in range(n):
            if skip[r]:
                loss[r] = 0.0
                v_[r] = at_[r] = zero
            total, rest = two_sum(total, rest, loss[r])
            if each.size:
                each[i + r] = loss[r]
            if lse.size:
                lse[i + r] = 0.0 if skip[r] else F8(top[r]) / tau + log1p(tail[r])
        to = at(grad, i * classes)
        head = min(offset(to), n * classes)
        waiting = (to, block, n, classes, head, (n * classes - head) >> 4, past, v_, own_, at_)
        turn = 1 - turn
    end_out(0, waiting)
    hold(buffer)
    return total, rest, wrong
