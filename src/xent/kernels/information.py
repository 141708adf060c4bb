# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Entropy, cross-entropy and divergences of rows of probabilities: :mod:`xent.information` in loops.

64 numbers go side by side: neighbouring classes of a row, or eight of eight rows, or, where classes are few, one
class of 64 rows. Each lane sums for itself, and the lanes of a row are added up at its end, so that nothing depends
on the other rows.

Every logarithm is e ln 2 + 2 atanh t, t = (a − b) / (a + b) for mantissas a and b whose quotient is in [√½, √2].
float64 carries t, the logarithm, the terms and their sums as pairs of floats, of numbers times 2¹⁰⁰ so that no
product is subnormal: a logarithm is good to 2⁻⁵⁹, and what a term exceeds p − q by to 2⁻⁵⁵. float32 is computed in
float64, to 2⁻³³ of the same.
"""

from __future__ import annotations

import math

from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F8, at, fma, scratch, split
from xent.kernels._pairs import divide, two_sum, two_sum_of

LANES, NEAR = 64, 8  # numbers side by side; classes of one row among them, where there are many
SCALE, OFFSET = 2.0**100, 100.0
_LN2, _LN2_HI, _LN2_LO = math.log(2.0), 0.6931471803691238, 1.9082149292705877e-10  # e · the second is exact
_ROOT = math.sqrt(2.0)
# (atanh t / t − 1) / t² in t², and ((1 + t) log(1 + t) + (1 − t) log(1 − t)) / t² less 1, likewise; minimax of
# relative error for t² up to 0.0297: 2⁻⁵⁸ and 2⁻²⁹, and 2⁻⁶⁰
_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7 = (
    0.3333333333333333, 0.20000000000000467, 0.14285714285384377, 0.11111111199790642, 0.09090897401602048,
    0.07693142511079702, 0.0663378242159887, 0.06549603138521289,
)  # fmt: skip
_C0, _C1, _C2, _C3 = 0.333333332751928, 0.20000062593739423, 0.14275221355070447, 0.11670355066848159
_B0, _B1, _B2, _B3, _B4, _B5, _B6, _B7 = (
    0.16666666666666666, 0.06666666666666712, 0.03571428571395903, 0.02222222231005257, 0.015151503570503256,
    0.0109898385029812, 0.008300707045823145, 0.007199217160329579,
)  # fmt: skip

# What a lane holds, each times 64: the sum of terms ≥ 0 and its second part; Σ (p − q) likewise; Σ p and Σ q; the
# least of p and q, the largest q; 1 where p > 0 = q.
TERMS, TERMS_LO, GAP, GAP_LO, MASS_P, MASS_Q, LEAST, MOST, NEVER = (LANES * i for i in range(9))
ROOM = 9 * LANES

FINE, WRONG, ODD = 0, 1, 2  # a row: its answer is there; it is no distribution; its digits cancel


# ------------------------------------------------------------------------------------------------------- logarithms


@njit(**EXACT)
def bend(t, z):
    """Atanh t − t, z = t² ≤ 0.0297."""
    a = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _A7, _A6), _A5), _A4), _A3), _A2), _A1), _A0)
    return t * z * a


@njit(**EXACT)
def bend_single(t, z):
    """:func:`bend` to 2⁻²⁹."""
    return t * z * fma(z, fma(z, fma(z, _C3, _C2), _C1), _C0)


@njit(**EXACT)
def quotient(a, a_, b, b_):
    """Divide pairs by one division."""
    inverse = 1.0 / b
    t = a * inverse
    return t, (fma(-t, b, a) + (a_ - t * b_)) * inverse


@njit(**EXACT)
def log_of(e, t, t_):
    """E ln 2 + 2 atanh t as a pair."""
    hi, rest = two_sum_of(e * _LN2_HI, 2.0 * t)
    return hi, rest + (e * _LN2_LO + 2.0 * (t_ + bend(t, t * t)))


@njit(**EXACT)
def apart(p, q):
    """Exponent of p / q > 0, and mantissas a and b, a / b in [√½, √2]: p / q = 2^e a / b."""
    e, a = split(p)
    f, b = split(q)
    up, down = a > _ROOT * b, b > _ROOT * a
    e = e - f + (1.0 if up else 0.0) - (1.0 if down else 0.0)
    return e, a * (0.5 if up else 1.0) * (2.0 if down else 1.0), b


# ------------------------------------------------------------------------------------------------------------ terms


@njit(**EXACT)
def look(p, q, r, lanes):
    """Note what says whether rows are distributions."""
    lanes[MASS_P + r] += p
    lanes[MASS_Q + r] += q
    least = q if q < p else p
    lanes[LEAST + r] = least if least < lanes[LEAST + r] else lanes[LEAST + r]


@njit(**EXACT)
def gather(term, term_, r, lanes):
    """Add a term to its lane."""
    s, rest = two_sum(lanes[TERMS + r], term)
    lanes[TERMS + r] = s
    lanes[TERMS_LO + r] += rest + term_


@njit(**EXACT)
def gather_gap(gap, gap_, r, lanes):
    """Add p − q to its lane."""
    s, rest = two_sum(lanes[GAP + r], gap)
    lanes[GAP + r] = s
    lanes[GAP_LO + r] += rest + gap_


def surprise(x, y, width, lanes):
    """Add −p log q of one class each to ``width`` lanes."""
    raise NotImplementedError


@overload(surprise, jit_options=EXACT)
def _surprise(x, y, width, lanes):
    if x.dtype == types.float64:

        def double(x, y, width, lanes):
            for r in range(width):
                p, q = x[r], y[r]
                look(p, q, r, lanes)
                lanes[MOST + r] = q if q > lanes[MOST + r] else lanes[MOST + r]
                lanes[NEVER + r] = 1.0 if (p > 0.0) & (q == 0.0) else lanes[NEVER + r]
                e, m = split(q * SCALE)  # of q = 0 some number: the term is 0, or the row ∞
                b, b_ = two_sum_of(1.0, m)  # m has no larger exponent
                t, t_ = quotient(m - 1.0, 0.0, b, b_)
                log_q, log_q_ = log_of(e - OFFSET, t, t_)
                p = -p * SCALE
                h = p * log_q
                gather(h, fma(p, log_q, -h) + p * log_q_, r, lanes)

        return double

    def single(x, y, width, lanes):
        for r in range(width):
            p, q = F8(x[r]), F8(y[r])
            look(p, q, r, lanes)
            lanes[MOST + r] = q if q > lanes[MOST + r] else lanes[MOST + r]
            lanes[NEVER + r] = 1.0 if (p > 0.0) & (q == 0.0) else lanes[NEVER + r]
            e, m = split(q)
            t = (m - 1.0) / (m + 1.0)
            lanes[TERMS + r] -= p * (e * _LN2 + 2.0 * (t + bend_single(t, t * t)))

    return single


def relative(x, y, width, lanes):
    """Add p − q, and what p log(p / q) exceeds it by, of one class each to ``width`` lanes; nothing for p = 0."""
    raise NotImplementedError


@overload(relative, jit_options=EXACT)
def _relative(x, y, width, lanes):
    if x.dtype == types.float64:

        def double(x, y, width, lanes):
            for r in range(width):
                p, q = x[r], y[r]
                look(p, q, r, lanes)
                lanes[NEVER + r] = 1.0 if (p > 0.0) & (q == 0.0) else lanes[NEVER + r]
                there = (p > 0.0) & (q > 0.0)
                p, q = (p if there else 1.0) * SCALE, (q if there else 1.0) * SCALE
                gap, gap_ = two_sum(p, -q)
                s, s_ = two_sum(p, q)
                e, a, b = apart(p, q)
                c, c_ = two_sum(a, b)
                t, t_ = quotient(a - b, 0.0, c, c_)
                z = t * t
                z_ = fma(t, t, -z) + 2.0 * t * t_ + (1.0 + t) * bend(t, z)
                near = s * z
                near_ = fma(s, z, -near) + (s * z_ + s_ * z)
                ratio, ratio_ = log_of(e, t, t_)
                h = p * ratio
                far, rest = two_sum(h, -gap)
                far_ = rest + (fma(p, ratio, -h) + p * ratio_ - gap_)
                close = e == 0.0
                gather(near if close else far, near_ if close else far_, r, lanes)
                gather_gap(gap, gap_, r, lanes)  # 0 where there is nothing

        return double

    def single(x, y, width, lanes):
        for r in range(width):
            p, q = F8(x[r]), F8(y[r])
            look(p, q, r, lanes)
            lanes[NEVER + r] = 1.0 if (p > 0.0) & (q == 0.0) else lanes[NEVER + r]
            there = (p > 0.0) & (q > 0.0)
            p, q = p if there else 1.0, q if there else 1.0
            gap = p - q
            e, a, b = apart(p, q)
            t = (a - b) / (a + b)
            z = t * t
            more = bend_single(t, z)
            near = (p + q) * (z + (1.0 + t) * more)
            far = p * (e * _LN2 + 2.0 * (t + more)) - gap
            lanes[TERMS + r] += near if e == 0.0 else far
            gather_gap(gap, 0.0, r, lanes)

    return single


@njit(**EXACT)
def even(z):
    """((1 + t) log(1 + t) + (1 − t) log(1 − t)) / t² less 1, by z = t² ≤ 0.0297."""
    return z * fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _B7, _B6), _B5), _B4), _B3), _B2), _B1), _B0)


def shared(x, y, width, lanes):
    """Add ½ [p log(p / m) + q log(q / m)], m = (p + q) / 2, of one class each to ``width`` lanes.

    With p the larger that is ½ [s log(p / m) − q log(p / q)], s = p + q. log(p / m) is twice the atanh of
    (p − q) / (3 p + q), or from √2 on log 2 less that of q / (2 p + q).
    """
    raise NotImplementedError


@overload(shared, jit_options=EXACT)
def _shared(x, y, width, lanes):
    if x.dtype == types.float64:

        def double(x, y, width, lanes):
            for r in range(width):
                p, q = x[r], y[r]
                look(p, q, r, lanes)
                p, q = (q if q > p else p) * SCALE, (p if q > p else q) * SCALE
                gap, gap_ = two_sum(p, -q)
                s, s_ = two_sum(p, q)
                top = p if p > 0.0 else SCALE
                e, a, b = apart(top, q if q > 0.0 else top)
                c, c_ = two_sum(a, b)
                t, t_ = quotient(a - b, 0.0, c, c_)
                z = t * t
                z_ = fma(t, t, -z) + 2.0 * t * t_ + z * even(z)
                near = s * z
                near_ = fma(s, z, -near) + (s * z_ + s_ * z)
                ratio, ratio_ = log_of(e, t, t_)
                much = p + p > _ROOT * s
                c, c_ = two_sum(2.0 * top, q)
                d, d_ = two_sum(c, 0.0 if much else top)
                u, u_ = quotient(-q if much else gap, 0.0 if much else gap_, d, d_ + c_)
                half, half_ = log_of(1.0 if much else 0.0, u, u_)
                h, g = s * half, q * ratio
                far, rest = two_sum(h, -g)
                far_ = rest + ((fma(s, half, -h) - fma(q, ratio, -g)) + (s * half_ + s_ * half - q * ratio_))
                close = (e == 0.0) & (q > 0.0)
                gather(0.25 * near if close else 0.5 * far, 0.25 * near_ if close else 0.5 * far_, r, lanes)

        return double

    def single(x, y, width, lanes):
        for r in range(width):
            p, q = F8(x[r]), F8(y[r])
            look(p, q, r, lanes)
            p, q = q if q > p else p, p if q > p else q
            gap, s, top = p - q, p + q, p if p > 0.0 else 1.0
            e, a, b = apart(top, q if q > 0.0 else top)
            t = (a - b) / (a + b)
            z = t * t
            near = 0.25 * s * (z + z * even(z))
            much = p + p > _ROOT * s
            u = (-q if much else gap) / (2.0 * top + (q if much else q + top))
            half = 2.0 * (u + bend(u, u * u)) + (_LN2 if much else 0.0)
            far = 0.5 * (s * half - q * (e * _LN2 + 2.0 * (t + bend(t, z))))
            lanes[TERMS + r] += near if (e == 0.0) & (q > 0.0) else far

    return single


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


@kernel
def cross_entropy(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`entropy`, of two; steps: p's, then q's."""
    lanes, other, of_p, of_q = scratch(ROOM, 0.0), scratch(ROOM, 0.0), scratch(LANES, p[0]), scratch(LANES, p[0])
    (rows, chunks), found = cut(classes, near), 0
    for i in range(start, stop, rows):
        n = min(rows, stop - i)
        width = (n * near + 7) // 8 * 8
        clear(lanes)
        for c in range(chunks):
            x = chunk(at(p, i * steps[0]), steps[:2], classes, c, n, near, width, of_p)
            y = chunk(at(q, i * steps[2]), steps[2:], classes, c, n, near, width, of_q)
            surprise(x, y, width, lanes)
        found += done(lanes, other, n, near, down, limits, unit, at(out, i), at(marks, i))
    return found


@kernel
def kl_divergence(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`cross_entropy`."""
    lanes, other, of_p, of_q = scratch(ROOM, 0.0), scratch(ROOM, 0.0), scratch(LANES, p[0]), scratch(LANES, p[0])
    (rows, chunks), found = cut(classes, near), 0
    for i in range(start, stop, rows):
        n = min(rows, stop - i)
        width = (n * near + 7) // 8 * 8
        clear(lanes)
        for c in range(chunks):
            x = chunk(at(p, i * steps[0]), steps[:2], classes, c, n, near, width, of_p)
            y = chunk(at(q, i * steps[2]), steps[2:], classes, c, n, near, width, of_q)
            relative(x, y, width, lanes)
        found += done(lanes, other, n, near, down, limits, unit, at(out, i), at(marks, i))
    return found


@kernel
def js_divergence(p, q, out, marks, classes, steps, near, down, limits, unit, start, stop):
    """As :func:`cross_entropy`."""
    lanes, other, of_p, of_q = scratch(ROOM, 0.0), scratch(ROOM, 0.0), scratch(LANES, p[0]), scratch(LANES, p[0])
    (rows, chunks), found = cut(classes, near), 0
    for i in range(start, stop, rows):
        n = min(rows, stop - i)
        width = (n * near + 7) // 8 * 8
        clear(lanes)
        for c in range(chunks):
            x = chunk(at(p, i * steps[0]), steps[:2], classes, c, n, near, width, of_p)
            y = chunk(at(q, i * steps[2]), steps[2:], classes, c, n, near, width, of_q)
            shared(x, y, width, lanes)
        found += done(lanes, other, n, near, down, limits, unit, at(out, i), at(marks, i))
    return found
