# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Logistic losses of one logit: a logit z is a row of two classes, (0, z), its gap |z|, its tail e = exp(−|z|).

Targets of 0 and 1 are computed in the logit's own type, and what has to be precise for more than that in float64:
focal factors, whose exponent multiplies errors, and targets between, where b − a e can cancel. The latter are
computed again in pairs (hi, lo) of floats where it does; float64 logits always, as ``xent._elements`` does it.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT
from xent.kernels._math import F4, F8, fma, log1p, nearest, real, scaled, steepness, two_to_minus
from xent.kernels._pairs import add, divide, exp_minus, multiply, two_sum
from xent.kernels.finish import focal_exactly

HI, LO, MOST = steepness(1.0, F8)
HI4, LO4, _ = steepness(1.0, F4)
MOST4 = F4(139.0)  # exp(−139) · 2²⁴ is 0 in float32
RAISED = np.int32(24)  # float32 carries e · 2²⁴: what e has below the smallest normal number keeps its digits
UNIT4, ONE4 = F4(2.0**24), F4(1)


@njit(**EXACT)
def fall(gap):
    """exp(−gap) for gap ≥ 0 in float64, error about 1 ulp; 0 at ∞, NaN stays NaN."""
    g = MOST if gap > MOST else gap
    n = nearest(g * -HI)
    return scaled(two_to_minus(fma(g, LO, fma(g, HI, real(n, g)))), n)


# -------------------------------------------------------------------------------------- targets of 0 and 1, by type

_Q = (
    -0.49999932763333761, 0.3333051129435026, -0.24958587063694507, 0.19695398505102732, -0.15355390269862306,
    0.10680545346330492, -0.05766434597322344, 0.020204534151606482, -0.0033184616589124591,
)  # fmt: skip
_Q0, _Q1, _Q2, _Q3, _Q4, _Q5, _Q6, _Q7, _Q8 = map(np.float32, _Q)  # (log(1 + e) / e − 1) / e on [0, 1], to 2⁻²⁷


def unit(like):
    """Factor of what :func:`hard` gives."""
    raise NotImplementedError


@overload(unit, jit_options=EXACT)
def _unit(like):
    value = 2.0**-24 if like == types.float32 else 1.0
    return lambda like: value


def hard(z, yes):
    """log(1 + e), |z| if the target is the smaller answer's and else 0, and the loss's derivative.

    The target is 1 (``yes``) or 0. The loss is the sum of the first two; the first and the last are in units of
    :func:`unit`. Everything is in the type of z.
    """
    raise NotImplementedError


@overload(hard, jit_options=EXACT)
def _hard(z, yes):
    if z == types.float32:

        def single(z, yes):
            gap = abs(z)
            g = MOST4 if gap > MOST4 else gap
            n = nearest(g * -HI4)
            raised = scaled(two_to_minus(fma(g, LO4, fma(g, HI4, real(n, g)))), n + RAISED)
            e = raised / UNIT4
            q = fma(e, fma(e, fma(e, fma(e, _Q8, _Q7), _Q6), _Q5), _Q4)
            q = fma(e, fma(e, fma(e, fma(e, q, _Q3), _Q2), _Q1), _Q0)
            right = (z >= 0) == yes
            slope = (raised if right else UNIT4) / (ONE4 + e)
            return raised * fma(e, q, ONE4), F4(0) if right else gap, -slope if yes else slope

        return single

    def double(z, yes):
        gap = abs(z)
        e = fall(gap)
        right = (z >= 0) == yes
        slope = (e if right else 1.0) / (1.0 + e)
        return log1p(e), 0.0 if right else gap, -slope if yes else slope

    return double


# ------------------------------------------------------------------------------------------------------- focal loss

_A = (
    2.000000000004866, 0.6666666623792175, 0.4000006142120794, 0.2856814575820109, 0.22305127385582954,
    0.1712253666729019, 0.2186056831430696,
)  # fmt: skip
_A0, _A1, _A2, _A3, _A4, _A5, _A6 = _A  # 2 atanh(s) / s by s², s ≤ ⅓: relative error 2⁻³⁸


@njit(**EXACT)
def both(e):
    """log(1 + e), which is 2 atanh(e / (2 + e)), and 1 / (1 + e) for 0 ≤ e ≤ 1, to 2⁻³⁷ and by one division."""
    one = 1.0 / ((1.0 + e) * (2.0 + e))
    s = e * (1.0 + e) * one
    z = s * s
    q = fma(z, fma(z, fma(z, _A6, _A5), _A4), _A3)
    return s * fma(z, fma(z, fma(z, q, _A2), _A1), _A0), (2.0 + e) * one


@njit(**EXACT)
def squared(z, yes, gamma):
    """Focal loss and its derivative for γ = 2, to 2⁻³⁵: x² ℓ and x² (x + 2 p ℓ), x = 1 − p of the target."""
    gap = abs(z)
    e = fall(gap)
    log, share = both(e)
    right = (z >= 0) == yes
    x, p = (e * share, share) if right else (share, e * share)
    loss = log + (0.0 if right else gap)
    slope = x * x * (x + 2.0 * (p * loss if p > 0 else 0.0))
    return x * x * loss, -slope if yes else slope


@njit(**EXACT)
def focal(z, yes, gamma):
    """As :func:`squared` for any γ: x^γ is exp(−γ (−log x)), and −log x the loss of the other target."""
    gap = abs(z)
    e = fall(gap)
    log, share = both(e)
    right = (z >= 0) == yes
    x, p = (e * share, share) if right else (share, e * share)
    loss, other = (log, log + gap) if right else (log + gap, log)
    factor = fall(gamma * other)
    slope = factor * (x + gamma * (p * loss if p > 0 else 0.0))
    return factor * loss, -slope if yes else slope


@njit(**EXACT)
def focal_pairs(z, yes, gamma):
    """As :func:`focal` to the last places of float64."""
    gap = abs(z)
    e, e_ = exp_minus(gap, 0.0)
    right = (z >= 0) == yes
    whole, whole_ = add(1.0, 0.0, e, e_)
    x, x_ = divide(e if right else 1.0, e_ if right else 0.0, whole, whole_)
    p, p_ = divide(1.0 if right else e, 0.0 if right else e_, whole, whole_)
    plain = log1p(e + e_) + (0.0 if right else gap)
    loss, q, q_ = focal_exactly(x, x_, p, p_, plain, gamma, x * x if gamma == 2 else x**gamma)
    q, q_ = multiply(q, q_, x, x_)
    slope = -(q + q_) if yes else q + q_
    return loss if z == z else z, slope if z == z else z


# ---------------------------------------------------------------------------------------------------- any target

ROOM = 2.0**-26  # beyond what float32 needs; float64 has 2⁻⁵² of what cancels


@njit(**EXACT)
def soft(z, y, c, keep, half):
    """Loss, derivative and whether that has lost digits, for a = c · y' and b = 1 − y' with y' = (1 − ε) y + ε / 2.

    (a + b) · log(1 + e) + far · |z|, and ± (far − near · e) / (1 + e); far is b for z ≥ 0 and else a. To 2⁻²⁶.
    """
    gap = abs(z)
    e = fall(gap)
    log, share = both(e)
    a = (y * keep + half) * c
    b = (1.0 - y) * keep + half
    up = z >= 0
    far, near = (b, a) if up else (a, b)
    loss = (a + b) * log + (far * gap if far > 0 else 0.0)
    excess = far - near * e
    slope = excess * share
    return loss, slope if up else -slope, abs(excess) < ROOM * far


@njit(**EXACT)
def soft_exact(z, y, c, keep, keep_lo, half, half_lo):
    """Loss and derivative as of :func:`soft`, in pairs; the pairs given are 1 − ε and ε / 2."""
    gap = abs(z)
    e, e_lo = exp_minus(gap, 0.0)
    a, a_lo = multiply(y, 0.0, keep, keep_lo)
    a, a_lo = add(a, a_lo, half, half_lo)
    a, a_lo = multiply(a, a_lo, c, 0.0)
    b, b_lo = two_sum(1.0, -y)
    b, b_lo = multiply(b, b_lo, keep, keep_lo)
    b, b_lo = add(b, b_lo, half, half_lo)
    mass, _ = add(a, a_lo, b, b_lo)
    up = z >= 0
    far, far_lo = (b, b_lo) if up else (a, a_lo)
    near, near_lo = (a, a_lo) if up else (b, b_lo)
    loss = mass * log1p(e + e_lo) + (far * gap if far > 0 else 0.0)
    less, less_lo = multiply(near, near_lo, e, e_lo)
    excess, _ = add(far, far_lo, -less, -less_lo)
    slope = excess / (1.0 + (e + e_lo))
    return loss if z == z else z, (slope if up else -slope) if z == z else z
