# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Terms of entropy, cross-entropy and divergences, from probabilities, for loops over lanes.

Every logarithm is e ln 2 + 2 atanh t, t = (a − b) / (a + b) for mantissas a and b whose quotient is in [√½, √2].
float64 carries t, the logarithm, the terms and their sums as pairs of floats, of numbers times 2¹⁰⁰ so that no
product is subnormal: a logarithm is good to 2⁻⁵⁹, and what a term exceeds p − q by to 2⁻⁵⁵. float32 is computed in
float64, to 2⁻³³ of the same.
"""

from __future__ import annotations

import math

from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT
from xent.kernels._math import F8, fma, split
from xent.kernels._pairs import two_sum, two_sum_of

LANES = 64  # numbers side by side
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
