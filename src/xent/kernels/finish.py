# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What a row's loss and gradient are once its tail is known: scalars in float64, for hard labels."""

from __future__ import annotations

import math

from numba import njit

from xent.kernels._compile import EXACT
from xent.kernels._math import fma, log1p


@njit(**EXACT)
def tail_of(top, below, ties):
    """Sum of all powers but one of the largest logit's: those below 1 first; NaN for a row without a softmax."""
    return below + (ties - 1.0) if abs(top) < math.inf else math.nan


@njit(**EXACT)
def loss_of(tail, gap, mass, peak, z_loss):
    """T · (log1p(tail) + gap_y) + z_loss · lse²; a class of weight 0 costs nothing, even on a mask."""
    log_tail = log1p(tail)
    loss = mass * (log_tail + gap) if mass != 0 else tail - tail
    if z_loss > 0:
        lse = peak + log_tail
        loss += z_loss * lse * lse
    return loss


@njit(**EXACT)
def slopes(tail, gap, e_y, mass, push):
    """Factor of every power e_j = exp(−gap_j), and the entry at the label: T p_y − T, where nothing cancels."""
    whole = 1.0 + tail
    at = (push - mass * tail) / whole if gap == 0 else ((mass + push) * e_y - mass * whole) / whole
    return (mass + push) / whole, at


@njit(**EXACT)
def smoothed(tail, gap, fall, e_y, smooth):
    """Loss of a label with uniform smoothing; ε/K (1 + tail) in two floats; (p_y − t_y) (1 + tail).

    fall: Σ gap. smooth: ε/K, t_y = 1 − ε + ε/K and 1 − t_y, each in two floats, and 1 − ε. T is 1.
    """
    base, base_, own, own_, rest, rest_, keep = smooth
    loss = log1p(tail) + (keep * gap + base * fall)
    whole, whole_ = two_sum(1.0, 0.0, tail)
    b = base * whole
    b_ = fma(base, whole, -b) + (base_ * whole + base * whole_)
    at = fma(-own, tail, rest) + (rest_ - own_ * tail) if gap == 0 else e_y - own * whole
    return loss, whole, b, b_, at


@njit(**EXACT)
def short(b, h, h_):
    """What h + h_ is short of b."""
    return (b - h) - h_


@njit(**EXACT)
def focal(tail, gap, e_y, gamma):
    """Focal factor of the loss and of the gradient: x^γ and x^γ (1 + γ p ℓ / x), with x = 1 − p of the label."""
    whole = 1.0 + tail
    x = tail / whole if gap == 0 else (whole - e_y) / whole
    p = e_y / whole
    plain = log1p(tail) + gap
    factor = x**gamma
    ratio = (p * plain / x if x > 0 else p) if p > 0 else 0.0
    return factor, factor * (1.0 + gamma * ratio)


@njit(**EXACT)
def two_sum(hi, lo, x):
    """Add x to hi + lo, keeping what is rounded off (Knuth); an infinite sum has nothing to keep."""
    s = hi + x
    t = s - hi
    rest = (hi - (s - t)) + (x - t)
    return s, lo + (rest if abs(s) < math.inf else 0.0)
