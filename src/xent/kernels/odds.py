# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Losses alone of rows with labels: by the odds against the label, which need no largest logit.

−log p_y = log1p(Σ exp((z_j − z_y) / τ)) over all classes j but y. The label's logit is known before the row is
read, so one reading is enough; and nothing is subtracted from the sum, so that it is right however small it is.
Only where a power overflows, or a mask is huge, does a row need its largest logit to compare the others with.
"""

from __future__ import annotations

import math

from numba import njit, types
from numba.extending import overload

from xent.kernels import rows
from xent.kernels._compile import FAST, INLINE, kernel
from xent.kernels._math import F4, NATIVE, at, hold, scratch, space, widen
from xent.kernels._powers import add_others, add_others_near, add_powers, add_powers_near, unit_of
from xent.kernels._streams import aligned, expect, fetch, fetch_near
from xent.kernels._vectors import HALF, WIDTH, fill, folded_sums, halved, settled
from xent.kernels.climb import PAD, climb_slowly, largest, whole_pads
from xent.kernels.finish import settle, sort_out, two_sum

GROUP = 64  # rows finished side by side
HALVES = HALF * GROUP  # lanes of their sums
BLOCK = 512  # classes whose powers are added in float32; the blocks are added in float64
AHEAD, NEAR = 8192, 2048  # numbers from what is read to what is asked for: to the second cache, and to the first


@njit(**INLINE)
def ask(z, j):
    """Ask for the 64 numbers that are read soon, and for those that are read then; nothing need be there."""
    for i in range(j, j + PAD, WIDTH):
        fetch(at(z, i + AHEAD))
        fetch_near(at(z, i + NEAR))


def _odds(every, others):
    @njit(error_model="numpy", fastmath=FAST)
    def odds(z, n, own, hi, lo, most, unit, to):
        """to[:8] = Σ exp((z_j − z_own) / τ) over the other n − 1 logits, in lanes; not finite if one overflows."""
        top, parts, sums = z[own], scratch(PAD, F4(0)), scratch(WIDTH, 0.0)
        whole, home = n // PAD * PAD, own // PAD * PAD
        some = whole - PAD if home < whole else whole
        for i in range(0, PAD, WIDTH):
            fill(at(parts, i), F4(0))
        fill(sums, 0.0)
        for b in range(0, some, BLOCK):
            for j in range(b, min(b + BLOCK, some), PAD):
                k = j + PAD if j >= home else j  # that of ``own`` comes later
                ask(z, k)
                every(at(z, k), top, hi, lo, most, unit, parts)
            settled(sums, parts)
        if home < whole:
            ask(z, home)
            others(4, at(z, home), PAD, own - home, top, hi, lo, most, unit, parts)
        rest, at_end = n - whole, at(z, whole)
        if rest:
            ask(z, whole)
        if rest > 3 * WIDTH:
            others(4, at_end, rest, own - whole, top, hi, lo, most, unit, parts)
        elif rest > 2 * WIDTH:
            others(3, at_end, rest, own - whole, top, hi, lo, most, unit, parts)
        elif rest > WIDTH:
            others(2, at_end, rest, own - whole, top, hi, lo, most, unit, parts)
        elif rest:
            others(1, at_end, rest, own - whole, top, hi, lo, most, unit, parts)
        settled(sums, parts)
        halved(to, sums)

    return odds


exactly, nearly = _odds(add_powers, add_others), _odds(add_powers_near, add_others_near)


@njit(error_model="numpy", fastmath=FAST)
def summit(z, n):
    """Place of a largest logit that is not NaN; 0 if there is none."""
    top = largest(z, n)
    for j in range(n):
        if z[j] == top:
            return j
    return 0


@njit(**INLINE)
def told(top, tail):
    """Say whether these are a logit and the odds against it."""
    return abs(top) < math.inf and 0 <= tail < math.inf


@njit(error_model="numpy", fastmath=FAST)
def from_summit(z, n, x, sums, hi, lo, most, unit):
    """A largest logit of a row and the odds against it, as a tail. x: ``whole_pads(n)`` numbers; sums: 8."""
    place = summit(z, n)
    top = z[place]
    for j in range(n):
        x[j] = -math.inf if top - z[j] > most else z[j]  # its power is 0 anyway; NaN stays
    exactly(x, n, place, hi, lo, most, unit, sums)
    tail = 0.0
    for r in range(HALF):
        tail += sums[r]
    if told(top, tail):
        return top, tail
    return climb_slowly(z, n, NATIVE, x, hi, lo, most)


def row_of(z, n, kind, x):
    """Logits of a row as float32: where they are, or in x."""
    raise NotImplementedError


@overload(row_of, jit_options=INLINE)
def _row_of(z, n, kind, x):
    if z.dtype == types.float32:
        return lambda z, n, kind, x: z

    def half(z, n, kind, x):
        for j in range(n):
            x[j] = widen(z[j], kind)
        return x

    return half


@kernel
def cross_entropy(z, labels, weight, row, each, lse, grad, kind, shape, strides, scales, options, start, stop):
    """As ``rows.cross_entropy`` for float32 and half types, without z_loss, and nothing goes to lse and grad."""
    inner, classes = shape
    z_outer, z_inner, _, _ = strides
    hi, lo, most = scales
    ignoring, ignore, _, _, _, tau, _ = options
    zero, width, unit = F4(0), whole_pads(classes), unit_of(hi, lo)
    buffer = space(2 * width + PAD, zero)
    wide = aligned(at(buffer, 0))
    x = at(wide, width)
    top, mine, e, v = scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero), scratch(GROUP, zero)
    skip, own, at_label = scratch(GROUP, 0), scratch(GROUP, 0), scratch(GROUP, zero)
    tail, loss, sums = scratch(GROUP, 0.0), scratch(GROUP, 0.0), scratch(HALVES, 0.0)
    total, rest, wrong = 0.0, 0.0, -1
    expect(at(z, rows.place(start, inner, z_outer, z_inner)), 0, AHEAD)
    for i in range(start, stop, GROUP):
        n = min(GROUP, stop - i)
        wrong = sort_out(labels, row, i, n, classes, ignoring, ignore, skip, own, wrong)
        for r in range(n):
            top[r] = mine[r] = 0
            if not skip[r]:
                line = row_of(at(z, rows.place(i + r, inner, z_outer, z_inner)), classes, kind, wide)
                top[r] = mine[r] = line[own[r]]
                if unit != 0:
                    nearly(line, classes, own[r], hi, lo, most, unit, at(sums, r * HALF))
                else:
                    exactly(line, classes, own[r], hi, lo, most, unit, at(sums, r * HALF))
        for r in range(0, n, HALF):
            folded_sums(at(tail, r), at(sums, r * HALF))
        odd = 0
        for r in range(n):
            tail[r] = 0.0 if skip[r] else tail[r]
            odd += 0 if told(top[r], tail[r]) else 1
        for r in range(n if odd else 0):
            if not told(top[r], tail[r]):
                line = row_of(at(z, rows.place(i + r, inner, z_outer, z_inner)), classes, kind, wide)
                top[r], tail[r] = from_summit(line, classes, x, sums, hi, lo, most, unit)
        settle(n, top, tail, mine, e, own, weight, row, i, (0.0, 1.0, 1.0, tau), loss, v, at_label)
        for r in range(n):
            cost = 0.0 if skip[r] else loss[r]
            total, rest = two_sum(total, rest, cost)
            if each.size:
                each[i + r] = cost
    hold(buffer)
    return total, rest, wrong
