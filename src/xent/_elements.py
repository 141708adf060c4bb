"""The logistic losses element by element on any array-API namespace, and work in blocks. Read ``_arrays`` first.

A logit z is a row of two classes, (0, z). So its gap is |z|, its tail e = exp(−|z|), and with weights a for y = 1
and b for y = 0 the formulas of :mod:`xent.spec` become

    loss = (a + b) · log1p(e) + (b if z ≥ 0 else a) · |z|
    grad = (b − a e) / (1 + e) for z ≥ 0,  (b e − a) / (1 + e) for z < 0.

Everything is computed in float64; arguments are clean here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import array_api_compat

from xent._arrays import (
    Pair,
    Rows,
    add,
    choose,
    constant,
    cross_entropy,
    divide,
    exp_minus,
    minus,
    multiply,
    one_hot,
    plain,
    rows,
    sum_all,
    total,
    two_sum,
    wide,
)
from xent._validate import readable

Array = Any
_compat: Any = array_api_compat

BLOCK = 2**15  # numbers at a time: their float64 temporaries stay in cache


class Logistic(NamedTuple):
    """One logit an element, measured from the larger of 0 and z."""

    xp: Any
    up: Array  # bool: z ≥ 0
    gap: Array  # |z|
    power: Pair  # e = exp(−|z|)
    whole: Pair  # 1 + e
    log1p_power: Array
    void: Array  # bool: NaN


def logistic(xp: Any, z: Array, *, extended: bool) -> Logistic:
    """Measure wide logits; ``extended`` where b − a e may cancel."""
    void = xp.isnan(z)
    gap = xp.abs(xp.where(void, 0.0, z))
    power = exp_minus(xp, Pair(gap, xp.zeros_like(gap)), extended=extended)
    power = Pair(power.hi, xp.where(power.hi > 0, power.lo, 0.0))
    whole = add(constant(Fraction(1), z), power)
    log1p_power = xp.log1p(power.hi) + power.lo / whole.hi
    return Logistic(xp, z >= 0, gap, power, whole, log1p_power, void)


def sides(xp: Any, y: Array, epsilon: float, pos_weight: Array | None) -> tuple[Pair, Pair]:
    """Weights of y = 1 and y = 0: pos_weight · y and 1 − y, for y smoothed to (1 − ε) y + ε / 2."""
    zero = xp.zeros_like(y)
    a, b = Pair(y, zero), two_sum(xp.ones_like(y), -y)
    if epsilon:
        keep, spread = constant(1 - Fraction(epsilon), y), constant(Fraction(epsilon) / 2, y)
        a, b = add(multiply(xp, a, keep), spread), add(multiply(xp, b, keep), spread)
    return (a if pos_weight is None else multiply(xp, a, Pair(pos_weight, zero))), b


def binary(r: Logistic, a: Pair, b: Pair, *, sharp: bool, with_grad: bool) -> tuple[Array, Array | None]:
    """Loss of each element in nats and its derivative. ``sharp``: nowhere are both a and b > 0."""
    xp, mass = r.xp, add(a, b)
    far = choose(xp, r.up, b, a)  # the side whose softplus holds |z|
    loss = mass.hi * r.log1p_power + xp.where(far.hi > 0, far.hi * r.gap, 0.0)
    loss = xp.where(r.void, math.nan, loss)
    if not with_grad:
        return loss, None
    near = choose(xp, r.up, a, b)
    if sharp:
        excess = far.hi - near.hi * (r.power.hi + r.power.lo)
    else:
        excess = add(far, minus(multiply(xp, near, r.power))).hi
    slope = xp.where(r.up, excess, -excess) / r.whole.hi
    return loss, xp.where(r.void, math.nan, slope)


def binary_rows(
    xp: Any,
    logits: Array,
    y: Array,
    pos_weight: Array | None,
    *,
    label_smoothing: float,
    sharp: bool,
    with_grad: bool,
) -> tuple[Array, Array | None]:
    """Binary cross-entropy of each element of arrays of one shape, and its derivative."""
    a, b = sides(xp, wide(xp, y), label_smoothing, None if pos_weight is None else wide(xp, pos_weight))
    r = logistic(xp, wide(xp, logits), extended=with_grad and not sharp)
    return binary(r, a, b, sharp=sharp, with_grad=with_grad)


def modulated(
    xp: Any, x: Pair, p: Array, loss: Array, slope: Array | None, gamma: float
) -> tuple[Array, Array | None]:
    """Focal loss from plain cross-entropy ℓ, x = 1 − p: x^γ ℓ, and ∇ℓ · x^γ · (1 + γ p ℓ / x); p is the label's.

    Both terms of the bracket are ≥ 0, so nothing cancels; and since |∇ℓ| ≤ x, the product is finite at x → 0 for
    every γ ≥ 0. There ℓ / x is 1; and p ℓ is 0 at p = 0. The spare digits of x are for γ, which multiplies its
    relative error.
    """
    if not gamma:
        return loss, slope
    some = x.hi > 0
    factor = x.hi**gamma * (1.0 + gamma * xp.where(some, x.lo / x.hi, 0.0))
    if slope is None:
        return factor * loss, None
    ratio = xp.where(p > 0, p * xp.where(some, loss / x.hi, 1.0), 0.0)
    return factor * loss, slope * (factor * (1.0 + gamma * ratio))


def binary_focal(xp: Any, logits: Array, y: Array, *, gamma: float, with_grad: bool) -> tuple[Array, Array | None]:
    """Focal loss of each element for labels 0 and 1, and its derivative, before α."""
    one = wide(xp, y)
    r = logistic(xp, wide(xp, logits), extended=bool(gamma))
    a, b = sides(xp, one, 0.0, None)
    loss, slope = binary(r, a, b, sharp=True, with_grad=with_grad)
    right = r.up == (one > 0)  # the label's side has the larger probability
    unit = Pair(xp.ones_like(one), xp.zeros_like(one))
    x = divide(xp, choose(xp, right, r.power, unit), r.whole)
    p = choose(xp, right, unit, r.power).hi / r.whole.hi
    return modulated(xp, x, p, loss, slope, gamma)


def focal_rows(
    xp: Any, logits: Array, labels: Array, *, gamma: float, with_grad: bool
) -> tuple[Array, Array | None]:
    """Focal loss of each row for class indices, and its derivative, before α; classes on axis 0."""
    hot = one_hot(xp, labels, logits.shape[0])
    r = rows(xp, logits, extended=bool(gamma))
    zero = xp.zeros_like(r.power.hi)
    loss, slope = cross_entropy(r, Pair(wide(xp, hot), zero), sharp=True, with_grad=with_grad)
    others = total(xp, choose(xp, hot, Pair(zero, zero), r.power))
    p = xp.sum(xp.where(hot, r.power.hi, 0.0), axis=0) / r.whole.hi
    return modulated(xp, divide(xp, others, r.whole), p, loss, slope, gamma)


def distillation(
    xp: Any, student: Array, teacher: Array, *, temperature: float, with_grad: bool
) -> tuple[Array, Array | None]:
    """τ² KL(p ‖ q) of each row, p the teacher's softmax and q the student's, and τ (q − p); classes on axis 0."""
    s = rows(xp, student, temperature=temperature, extended=True)
    t = rows(xp, teacher, temperature=temperature, extended=True)
    kl, r = _divergence(s, t)
    void, lost = s.void | t.void, xp.any(s.masked & ~t.masked, axis=0)
    loss = xp.where(void, math.nan, xp.where(lost, math.inf, temperature * (temperature * kl)))
    if not with_grad:
        return loss, None
    p, q = divide(xp, t.power, t.whole), divide(xp, s.power, s.whole)
    near = xp.all(xp.abs(r) < 1e-6, axis=0)  # where the spare digits of q − p may not be enough
    slope = xp.where(near, p.hi * xp.expm1(-r), add(q, minus(p)).hi)
    return loss, xp.where(void, math.nan, temperature * slope)


def _divergence(s: Rows, t: Rows) -> tuple[Array, Array]:
    """KL(p ‖ q) = Σ p φ(r), φ(r) = r + exp(−r) − 1, and r = log p − log q, ∞ where one is masked.

    With the logits' differences x, measured at the teacher's largest logit, m = Σ p x and δ = x − m it is also
    log1p(Σ p φ(δ)), and r = δ + KL: no logarithm of a sum enters, of which small differences would keep nothing,
    and the rounding of m enters squared. Where exp(−δ) could overflow, or only one of the two has a mask, the
    difference of the two log1p(tail) serves: again, as Σ p = Σ q, its rounding enters squared.
    """
    xp = s.xp
    zero = Pair(xp.zeros_like(s.gap.hi), xp.zeros_like(s.gap.hi))
    x, one_sided = add(s.gap, minus(t.gap)), s.masked ^ t.masked
    start = total(xp, choose(xp, t.top, s.gap, zero))
    p, q = divide(xp, t.power, t.whole), s.power.hi / s.whole.hi
    d = choose(xp, s.masked | t.masked, zero, add(x, minus(start)))
    mean = total(xp, multiply(xp, p, d))
    d = add(d, minus(mean))
    kl = xp.log1p(total(xp, _bent(xp, p, d)).hi)
    far = xp.any(one_sided | (~s.masked & (xp.abs(d.hi) > 500.0)), axis=0)
    r = choose(xp, far, add(x, two_sum(s.log1p_tail, -t.log1p_tail)), add(d, Pair(kl, xp.zeros_like(kl))))
    terms = _bent(xp, p, r).hi
    beyond = one_sided | (xp.abs(r.hi) > 30.0)
    terms = xp.where(beyond, q + xp.where(p.hi > 0, p.hi * (r.hi - 1.0), 0.0), terms)
    kl = xp.where(far, total(xp, Pair(terms, xp.zeros_like(terms))).hi, kl)
    return kl, xp.where(one_sided, math.inf, r.hi + r.lo)


def _bent(xp: Any, p: Pair, d: Pair) -> Pair:
    """Multiply p by d + exp(−d) − 1, from its power series near 0, where the sum would cancel."""
    y, power = d.hi, xp.exp(-d.hi)
    series = xp.zeros_like(y)
    for k in range(16, 1, -1):  # 1/2 − y/6 + y²/24 − …
        series = 1.0 / math.factorial(k) - y * series
    near = y * y * series
    rest = add(two_sum(d.hi, -xp.ones_like(y)), Pair(power, (1.0 - power) * d.lo))
    phi = choose(xp, xp.abs(y) < 1.0, Pair(near, xp.zeros_like(y)), rest)
    terms = multiply(xp, p, phi)
    return choose(xp, p.hi > 0, terms, Pair(xp.zeros_like(y), xp.zeros_like(y)))


def in_blocks(
    xp: Any,
    compute: Callable[..., tuple[Array, Array | None]],
    first: Array,
    *others: Array | None,
    lead: int = 0,
) -> tuple[Array, Array | None]:
    """Compute (loss, slope) block by block; arrays have the classes on axis 0 (``lead`` = 1) or none (0).

    The temporaries then need no memory to speak of. Traced arrays go in one piece. ``others`` are laid out as
    ``first``, or as its rows.
    """
    shape = tuple(first.shape[lead:])
    count, classes = math.prod(shape), math.prod(first.shape[:lead])
    step = max(BLOCK // max(classes, 1), 1)
    if count <= step or _compat.is_lazy_array(first):
        return compute(first, *others)
    arrays = [None if a is None else xp.reshape(a, (*a.shape[: a.ndim - len(shape)], -1)) for a in (first, *others)]
    losses: list[Array] = []
    slopes: list[Array] = []
    for start in range(0, count, step):
        stop = min(start + step, count)  # beyond the end is beyond the standard
        loss, slope = compute(*(None if a is None else a[..., start:stop] for a in arrays))
        losses.append(loss)
        slopes.append(slope)
    slope = None if slopes[0] is None else xp.reshape(xp.concat(slopes, axis=-1), tuple(first.shape))
    return xp.reshape(xp.concat(losses), shape), slope


def reduced(
    xp: Any,
    loss: Array,
    slope: Array | None,
    factor: Array | None,
    by: Array | None,
    logits: Array,
    *,
    reduction: str,
    on_empty: str = "nan",
    axis: int | None = None,
) -> tuple[Array, Array | None]:
    """Weight losses and slopes, reduce them, and give them their types; ``by`` is what a mean divides by.

    ``axis`` is where the logits have the classes that are axis 0 of ``slope``; None where there are none.
    """
    if by is not None:
        check_empty(by, on_empty)
    if factor is not None:
        factor = wide(xp, factor)
        live = factor != 0
        loss = xp.where(live, factor * loss, 0.0)
        slope = slope if slope is None else xp.where(live, factor * slope, 0.0)
    if slope is not None:
        if by is not None:
            slope = slope / by if on_empty == "nan" else xp.where(by == 0, 0.0, slope / by)
        slope = slope if axis is None else xp.moveaxis(slope, 0, axis)
        slope = xp.astype(slope, logits.dtype)
    if reduction != "none":
        loss = sum_all(xp, loss)
    if by is not None:
        loss = xp.where(by == 0, 0.0 if on_empty == "zero" else math.nan, loss / by)
    return plain(xp.astype(loss, xp.result_type(logits.dtype, xp.float32))), slope


def check_empty(by: Array, on_empty: str) -> None:
    """Raise where a mean has nothing to divide by, if that is what the caller chose."""
    if on_empty != "raise":
        return
    if not readable(by):
        raise ValueError(
            'on_empty="raise" needs values that can be read at once; for this array use "nan" or "zero"'
        )
    if float(by) == 0:
        raise ValueError("the mean has nothing to divide by: no elements, or weights that sum to 0; see on_empty=")
