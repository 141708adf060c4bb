# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Logistic losses element by element, in float64: a logit z is a row of two classes, (0, z).

Its gap is |z|, its tail e = exp(−|z|). A target of 0 or 1 needs one float for each; where a target lies between,
b − a e can cancel, and it is computed in pairs (hi, lo) of floats, as ``xent._elements`` does. Numbers are worked
on in blocks that lie on the stack, so that nothing else can point at them and every loop vectorises.
"""

from __future__ import annotations

import math

from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE
from xent.kernels._math import F8, fma, log1p, nearest, power, real, scaled, steepness

BLOCK = 256  # elements at a time
HI, LO, MOST = steepness(1.0, F8)

# ------------------------------------------------------------------------------------------------- pairs of floats


@njit(**EXACT)
def plus(a, b):
    """Sum of two floats as a pair (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@njit(**EXACT)
def add(a, a_lo, b, b_lo):
    """Sum of two pairs; the error is 2⁻¹⁰⁴ of the larger."""
    s, error = plus(a, b)
    return plus(s, error + (a_lo + b_lo))


@njit(**EXACT)
def times(a, a_lo, b, b_lo):
    """Product of two pairs; relative error about 2⁻¹⁰²."""
    p = a * b
    return plus(p, fma(a, b, -p) + (a * b_lo + a_lo * b))


_LN2_HI, _LN2_LO = 0.6931471805598903, 5.497923018708371e-14  # the first with 42 bits, so that n times it is exact
_Q = tuple(1.0 / math.factorial(k) for k in range(3, 16))
_Q3, _Q4, _Q5, _Q6, _Q7, _Q8, _Q9, _Q10, _Q11, _Q12, _Q13, _Q14, _Q15 = _Q


@njit(**EXACT)
def decay(g):
    """exp(−g) for g ≥ 0 as a pair, to 2⁻⁵⁸ · min(1, g).

    It is 2^−n · (1 + t + t²/2 + t³ Q(t)), of which the first three terms are carried exactly.
    """
    g = 746.0 if g > 746.0 else g
    m = nearest(g * -HI)
    n = -real(m, g)
    t, t_lo = plus(-fma(-n, _LN2_HI, g), n * _LN2_LO)
    square = t * t
    q = fma(t, fma(t, fma(t, fma(t, _Q15, _Q14), _Q13), _Q12), _Q11)
    q = fma(t, fma(t, fma(t, fma(t, q, _Q10), _Q9), _Q8), _Q7)
    q = fma(t, fma(t, fma(t, fma(t, q, _Q6), _Q5), _Q4), _Q3)
    s, first = plus(1.0, t)
    s, second = plus(s, 0.5 * square)
    rest = (first + second) + (0.5 * fma(t, t, -square) + (t * square * q + t_lo * s))
    s, rest = plus(s, rest)
    return scaled(s, m), scaled(rest, m)


# --------------------------------------------------------------------------------------------- one target of 0 or 1

_A = (
    2.000000000004866, 0.6666666623792175, 0.4000006142120794, 0.2856814575820109, 0.22305127385582954,
    0.1712253666729019, 0.2186056831430696,
)  # fmt: skip
_A0, _A1, _A2, _A3, _A4, _A5, _A6 = _A  # 2 atanh(s) / s by s², s ≤ ⅓: relative error 2⁻³⁸


def logarithm(e, like):
    """log(1 + e) and 1 / (1 + e) for 0 ≤ e ≤ 1: to the last place for float64, to 2⁻³⁷ for narrower types."""
    raise NotImplementedError


@overload(logarithm, jit_options=INLINE)
def _logarithm(e, like):
    if like == types.float64:
        return lambda e, like: (log1p(e), 1.0 / (1.0 + e))

    def narrower(e, like):  # log(1 + e) = 2 atanh(e / (2 + e)), and one division serves both
        both = 1.0 / ((1.0 + e) * (2.0 + e))
        s = e * (1.0 + e) * both
        z = s * s
        q = fma(z, fma(z, fma(z, _A6, _A5), _A4), _A3)
        return s * fma(z, fma(z, fma(z, q, _A2), _A1), _A0), (2.0 + e) * both

    return narrower


@njit(**INLINE)
def hard(z, yes, like):
    """Loss of a logit whose target is 1 (``yes``) or 0, and its derivative by the logit."""
    gap = abs(z)
    e = power(0.0, -gap, HI, LO, MOST)
    log, share = logarithm(e, like)
    right = (z >= 0) == yes
    loss = log + (0.0 if right else gap)
    slope = (e if right else 1.0) * share
    return loss, -slope if yes else slope


def modulated(z, yes, gamma, like):
    """Focal factors of loss and derivative: x^γ and x^γ (1 + γ p ℓ / x), x = 1 − p, p the target's probability."""
    raise NotImplementedError


@overload(modulated, jit_options=EXACT)
def _modulated(z, yes, gamma, like):
    if like == types.float64:

        def double(z, yes, gamma, like):  # the spare digits of x are for γ, which multiplies its relative error
            gap = abs(z)
            e, e_lo = decay(gap)
            right = (z >= 0) == yes
            whole, whole_lo = add(1.0, 0.0, e, e_lo)
            near, near_lo = (e, e_lo) if right else (1.0, 0.0)
            x = near / whole
            product = x * whole
            x_lo = (((near - product) - fma(x, whole, -product)) + (near_lo - x * whole_lo)) / whole
            p = (1.0 if right else e) / whole
            loss = log1p(e) + (0.0 if right else gap)
            factor = x**gamma * (1.0 + gamma * (x_lo / x if x > 0 else 0.0))
            ratio = (p * (loss / x) if x > 0 else p) if p > 0 else 0.0
            return factor, factor * (1.0 + gamma * ratio)

        return double

    def narrower(z, yes, gamma, like):  # x^γ = exp(−γ (−log x)), which is the loss of the other target
        gap = abs(z)
        e = power(0.0, -gap, HI, LO, MOST)
        log, share = logarithm(e, like)
        right = (z >= 0) == yes
        x, p = (e * share, share) if right else (share, e * share)
        loss, other = (log, log + gap) if right else (log + gap, log)
        factor = power(0.0, -(gamma * other), HI, LO, MOST)
        ratio = (p * (loss / x) if x > 0 else p) if p > 0 else 0.0
        return factor, factor * (1.0 + gamma * ratio)

    return narrower


# ---------------------------------------------------------------------------------------------------- any target


@njit(**EXACT)
def soft(z, y, c, keep, keep_lo, half, half_lo):
    """Loss of a logit and its derivative, for a = c · y' and b = 1 − y' with y' = (1 − ε) y + ε / 2.

    (a + b) · log1p(e) + far · |z|, and ± (far − near · e) / (1 + e); far is b for z ≥ 0 and else a. The pairs are
    1 − ε and ε / 2.
    """
    gap = abs(z)
    e, e_lo = decay(gap)
    a, a_lo = times(y, 0.0, keep, keep_lo)
    a, a_lo = add(a, a_lo, half, half_lo)
    a, a_lo = times(a, a_lo, c, 0.0)
    b, b_lo = plus(1.0, -y)
    b, b_lo = times(b, b_lo, keep, keep_lo)
    b, b_lo = add(b, b_lo, half, half_lo)
    mass, _ = add(a, a_lo, b, b_lo)
    up = z >= 0
    far, far_lo = (b, b_lo) if up else (a, a_lo)
    near, near_lo = (a, a_lo) if up else (b, b_lo)
    loss = mass * log1p(e) + (far * gap if far > 0 else 0.0)
    less, less_lo = times(near, near_lo, e, e_lo)
    excess, _ = add(far, far_lo, -less, -less_lo)
    slope = excess / (1.0 + e)
    return loss, slope if up else -slope


# ----------------------------------------------------------------------------------------------------------- sums


@njit(**EXACT)
def pile(hi, lo, x):
    """Add a block to a block of sums, each of them a pair; an infinite sum has nothing to keep."""
    for r in range(BLOCK):
        s, rest = plus(hi[r], x[r])
        lo[r] += rest if abs(s) < math.inf else 0.0
        hi[r] = s


@njit(**EXACT)
def level(hi, lo):
    """Sum of a block of pairs, as a pair."""
    total, rest = 0.0, 0.0
    for r in range(BLOCK):
        s, error = plus(total, hi[r])
        rest += (error if abs(s) < math.inf else 0.0) + lo[r]
        total = s
    return total, rest
