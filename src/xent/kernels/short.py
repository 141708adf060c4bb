# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Rows of up to 512 float32 logits, in groups: what is done once a row weighs as much as its powers.

A row on its own ends in sums of lanes that wait for one another. So a row here leaves its lanes as they are, and a
group's are added up side by side; likewise its largest logits, found one group before. Its last few classes are
vectors too, with a mask. The gradients, which follow one another in memory, go out line by line of memory, whatever
rows a line belongs to, while the next group is computed; what is due at a label is put among the powers first.
"""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, at, hold, log1p, power, scratch, space
from xent.kernels._powers import lift_others, lift_others_near, lift_row, lift_some, lift_some_near, unit_of
from xent.kernels._streams import aligned, give, give_both, give_both_past, give_past, offset
from xent.kernels._vectors import HALF, WIDTH, fill, folded_crests, folded_sums, halved, raised_some, settled
from xent.kernels.climb import AHEAD, BLOCK, PAD, ask, climb_slowly, close, look, scan, whole_pads
from xent.kernels.finish import put_in, settle, sort_out, tail_of, two_sum

MOST = 512  # classes of a row
GROUP = 64  # rows finished side by side
PAIR = 2 * GROUP
LANES, HALVES = WIDTH * GROUP, HALF * GROUP  # lanes of a group's largest logits, and of its sums


@njit(**EXACT)
def step(z, n, top, x, scales, unit, later, sums, best):
    """Powers of n logits, which go to x; how often ``top`` is among them.

    sums[:8]: the sum of the other powers, in lanes; best[:16]: the largest logit of the row ``later``, in lanes.
    """
    hi, lo, most = scales
    if n > 8 * WIDTH or unit == 0:
        return long_step(z, n, top, x, scales, unit, later, sums, best)
    if n > 7 * WIDTH:
        return lift_row(8, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)
    if n > 6 * WIDTH:
        return lift_row(7, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)
    if n > 5 * WIDTH:
        return lift_row(6, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)
    if n > 4 * WIDTH:
        return lift_row(5, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)
    if n > 3 * WIDTH:
        return lift_row(4, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)
    return lift_row(3, x, z, n, top, hi, lo, most, unit, sums, later, AHEAD, best)


@njit(**EXACT)
def long_step(z, n, top, x, scales, unit, later, sums, best):
    """:func:`step` of any row, as a loop."""
    hi, lo, most = scales
    peaks, parts, wide = scratch(PAD, F4(0)), scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
    whole, near, ties = n // PAD * PAD, unit != 0, 0
    for i in range(0, PAD, WIDTH):
        fill(at(peaks, i), F4(-math.inf))
        fill(at(parts, i), F4(0))
    fill(wide, 0.0)
    for j in range(0, whole, PAD):
        ask(later, j, False)
        look(peaks, later, j)
        if near:
            ties += lift_others_near(at(x, j), at(z, j), top, hi, lo, most, unit, parts)
        else:
            ties += lift_others(at(x, j), at(z, j), top, hi, lo, most, unit, parts)
        if j == BLOCK - PAD:
            settled(wide, parts)
    rest = n - whole
    if rest:
        ask(later, whole, False)
        raised_some(peaks, at(later, whole), rest)
        if near:
            ties += lift_some_near(at(x, whole), at(z, whole), rest, top, hi, lo, most, unit, parts)
        else:
            ties += lift_some(at(x, whole), at(z, whole), rest, top, hi, lo, most, unit, parts)
    settled(wide, parts)
    halved(sums, wide)
    close(peaks, best)
    return ties


@njit(**INLINE)
def hand_out(r, group):
    """Put out the lines of memory that begin in row r: of each row v times its powers.

    group: where the gradients of its rows begin, their powers, the number of rows and classes, the numbers before
    the first line, the number of lines, past the caches?, and v of the rows.
    """
    to, x, _, classes, head, full, past, v = group
    begin = r * classes - head
    first, end = (begin + WIDTH - 1) >> 4, min((begin + classes) >> 4, full)
    cut, line = begin + classes - WIDTH * end, head + WIDTH * end
    if past:
        for j in range(head + WIDTH * first, line, WIDTH):
            give_past(at(to, j), at(x, j), v[r])
        if cut and end < full:
            give_both_past(at(to, line), at(x, line), cut, v[r], v[r + 1])
    else:
        for j in range(head + WIDTH * first, line, WIDTH):
            give(at(to, j), at(x, j), v[r])
        if cut and end < full:
            give_both(at(to, line), at(x, line), cut, v[r], v[r + 1])


@njit(**INLINE)
def end_out(start, group):
    """Put out the lines of the rows from ``start`` on, and what lies before the first line or after the last."""
    to, x, rows, classes, head, full, _, v = group
    for r in range(start, rows):
        hand_out(r, group)
    for j in range(head if rows else 0):
        to[j] = x[j] * v[0]
    for j in range(head + WIDTH * full, rows * classes):
        to[j] = x[j] * v[j // classes]


@njit(**INLINE)
def add_up(n, loss, total, rest):
    """Add loss[:n], and zeros after it, to the lanes of total + rest."""
    for i in range(0, n, HALF):
        for r in range(HALF):
            total[r], rest[r] = two_sum(total[r], rest[r], loss[i + r])


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """As ``rows.cross_entropy``, for float32 rows of at most MOST classes, neighbours in ``grad``; there is one."""
    _, classes = shape
    step_z, _, _, _ = strides
    hi, lo, most = scales
    ignoring, ignore, z_loss, scale, divisor, tau, past = options
    divisor *= tau
    numbers, unit = (z_loss, scale, divisor, tau), unit_of(hi, lo)
    zero, last = F4(0), stop - 1
    width = classes * GROUP + PAD + WIDTH  # a row's last vector goes beyond it
    buffer = space(2 * width + WIDTH + whole_pads(classes), zero)
    powers = aligned(at(buffer, 0))
    slow = at(powers, 2 * width)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(PAIR, zero)
    skip, own, at_own, ties = scratch(GROUP, 0), scratch(GROUP, 0), scratch(GROUP, zero), scratch(GROUP, 0)
    best, sums = scratch(LANES, zero), scratch(HALVES, 0.0)
    tail, loss = scratch(GROUP, 0.0), scratch(GROUP, 0.0)
    total, rest = scratch(HALF, 0.0), scratch(HALF, 0.0)
    wrong, turn = -1, 0
    for r in range(HALF):
        total[r] = rest[r] = 0.0
    waiting = (at(grad, 0), powers, 0, classes, 0, 0, past, at(v, 0))
    for r in range(min(GROUP, stop - start)):
        scan(at(z, (start + r) * step_z), classes, at(best, r * WIDTH))
    for i in range(start, stop, GROUP):
        n, block, v_ = min(GROUP, stop - i), at(powers, turn * width), at(v, turn * GROUP)
        wrong = sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own, wrong)
        for r in range(0, n, WIDTH):
            folded_crests(at(top, r), at(best, r * WIDTH))
        for r in range(n):
            line, later = at(z, (i + r) * step_z), at(z, min(i + r + GROUP, last) * step_z)
            if skip[r]:
                top[r] = mine[r] = ties[r] = 0
                scan(later, classes, at(best, r * WIDTH))
            else:
                mine[r] = line[own[r]]
                ties[r] = step(
                    line, classes, top[r], at(block, r * classes), scales, unit, later,
                    at(sums, r * HALF), at(best, r * WIDTH),
                )  # fmt: skip
            if r < waiting[2]:
                hand_out(r, waiting)
        end_out(n, waiting)
        for r in range(0, n, HALF):
            folded_sums(at(tail, r), at(sums, r * HALF))
        odd = 0.0
        for r in range(n):
            tail[r] = 0.0 if skip[r] else tail_of(top[r], tail[r], F8(ties[r]))
            odd += tail[r] * 0.0
        if odd != 0:
            for r in range(n):
                if not abs(tail[r]) < math.inf:
                    line, x = at(z, (i + r) * step_z), at(block, r * classes)
                    top[r], tail[r] = climb_slowly(line, classes, kind, slow, hi, lo, most)
                    for j in range(classes):
                        x[j] = slow[j]
        for r in range(n):
            e[r] = power(top[r], mine[r], hi, lo, most)
        settle(n, top, tail, mine, e, own, weight, row, i, numbers, loss, v_, at_own)
        for r in range(n):
            if skip[r]:
                loss[r] = 0.0
                v_[r] = at_own[r] = zero
        for r in range(n, GROUP):
            loss[r] = 0.0
        add_up(n, loss, total, rest)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if lse.size:
            for r in range(n):
                lse[i + r] = 0.0 if skip[r] else F8(top[r]) / tau + log1p(tail[r])
        put_in(n, classes, classes, block, own, at_own, v_, e)
        to = at(grad, i * classes)
        head = min(offset(to), n * classes)
        waiting = (to, block, n, classes, head, (n * classes - head) >> 4, past, v_)
        turn = 1 - turn
    end_out(0, waiting)
    hold(buffer)
    for r in range(1, HALF):
        total[0], rest[0] = two_sum(total[0], rest[0] + rest[r], total[r])
    return total[0], rest[0], wrong
