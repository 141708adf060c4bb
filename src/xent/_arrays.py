"""The family on any array-API namespace: NumPy, PyTorch, JAX, CuPy, … Read :mod:`xent.spec` first.

The formulas are those of :mod:`xent.spec`, for all rows at once. Classes lie on axis 0, rows on the others, so
that a quantity of a row broadcasts over its classes. Everything is computed in float64.

A :class:`Pair` (hi, lo) stands for the unevaluated sum hi + lo of two floats, about twice the digits. It carries
what one float would drop: the rounding error of z_k − z_j, the sum over the classes, the difference T · p − t. Sums
and products of pairs are Knuth's and Dekker's (Knuth, TAOCP 2, §4.2.2; Dekker 1971; Ogita, Rump and Oishi 2005).

Arguments are clean here (``_validate`` has seen them): floating logits with the classes first, weights ≥ 0, labels
in range.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import array_api_compat

from xent._validate import Case

Array = Any
_compat: Any = array_api_compat


class Pair(NamedTuple):
    """The unevaluated sum hi + lo."""

    hi: Array
    lo: Array


class Rows(NamedTuple):
    """Rows measured from their largest logit: the quantities of :mod:`xent.spec`, classes on axis 0."""

    xp: Any
    top: Array  # (K, …) bool: the largest logit, the first of a tie
    peak: Pair  # (…) the largest logit, capped and tempered
    gap: Pair  # (K, …)
    masked: Array  # (K, …) bool: logits of −∞; their gap is 0 here and their power is 0
    power: Pair  # (K, …) exp(−gap)
    tail: Pair  # (…)
    whole: Pair  # (…) 1 + tail
    log1p_tail: Array  # (…)
    slope: Array | None  # (K, …) derivative of the capped logit by the logit; None without a cap
    void: Array  # (…) bool: a row without a softmax


# ----------------------------------------------------------------------------------------------- pairs of floats


def two_sum(a: Array, b: Array) -> Pair:
    """Add two floats exactly (Knuth)."""
    s = a + b
    t = s - a
    return Pair(s, (a - (s - t)) + (b - t))


def halves(xp: Any, a: Array) -> Pair:
    """Split a float into two of half the digits (Veltkamp)."""
    c = a * (2.0 ** (27 if xp.finfo(a.dtype).eps < 1e-15 else 12) + 1)
    hi = c - (c - a)
    return Pair(hi, a - hi)


def two_prod(xp: Any, a: Array, b: Array) -> Pair:
    """Multiply two floats exactly (Dekker); beyond 1e300, where splitting overflows, only to one rounding."""
    p, (ah, al), (bh, bl) = a * b, halves(xp, a), halves(xp, b)
    return Pair(p, finite(xp, ((ah * bh - p) + ah * bl + al * bh) + al * bl))


def finite(xp: Any, a: Array) -> Array:
    """Drop corrections that overflowed: the leading part alone then stands."""
    return xp.where(xp.isfinite(a), a, xp.zeros_like(a))


def add(a: Pair, b: Pair) -> Pair:
    """Add pairs; the error is 2⁻¹⁰⁴ of the larger."""
    s, error = two_sum(a.hi, b.hi)
    return two_sum(s, error + (a.lo + b.lo))


def minus(a: Pair) -> Pair:
    """Change the sign."""
    return Pair(-a.hi, -a.lo)


def multiply(xp: Any, a: Pair, b: Pair) -> Pair:
    """Multiply pairs; relative error about 2⁻¹⁰²."""
    p, error = two_prod(xp, a.hi, b.hi)
    return two_sum(p, error + (a.hi * b.lo + a.lo * b.hi))


def divide(xp: Any, a: Pair, b: Pair) -> Pair:
    """Divide pairs: the rounded quotient, and the remainder's share."""
    q = a.hi / b.hi
    p, error = two_prod(xp, q, b.hi)
    return Pair(q, finite(xp, (((a.hi - p) - error) + (a.lo - q * b.lo)) / b.hi))


def choose(xp: Any, where: Array, a: Pair, b: Pair) -> Pair:
    """Take a where true and b elsewhere."""
    return Pair(xp.where(where, a.hi, b.hi), xp.where(where, a.lo, b.lo))


def total(xp: Any, a: Pair) -> Pair:
    """Sum over axis 0 as a balanced tree of exact additions: the error does not grow with the number of terms."""
    hi, lo = a
    if hi.shape[0] == 0:
        return Pair(xp.sum(hi, axis=0), xp.sum(lo, axis=0))
    while (n := hi.shape[0]) > 1:
        half = n // 2
        s, error = two_sum(hi[:half, ...], hi[n - half :, ...])
        low = error + (lo[:half, ...] + lo[n - half :, ...])
        if n % 2:
            s, low = xp.concat([s, hi[half : half + 1, ...]]), xp.concat([low, lo[half : half + 1, ...]])
        hi, lo = s, low
    return two_sum(hi[0, ...], lo[0, ...])


def constant(value: Fraction, like: Array) -> Pair:
    """Give a rational number as a pair of 0-dimensional arrays like another array."""
    hi = float(value)
    return Pair(array_like(hi, like), array_like(float(value - Fraction(hi)), like))


def array_like(values: Any, like: Array) -> Array:
    """Turn Python numbers into an array of another's namespace, type and device."""
    return _compat.array_namespace(like).asarray(values, dtype=like.dtype, device=_compat.device(like))


def wide(xp: Any, a: Array) -> Array:
    """Convert to float64 (float32 where there is none: JAX without x64)."""
    return xp.astype(a, xp.asarray(0.0).dtype if _compat.is_jax_namespace(xp) else xp.float64)


def plain(a: Array) -> Array:
    """Give a single number as what the namespace makes of one: NumPy's scalars."""
    return a if a.ndim else a[()]


# ------------------------------------------------------------------------------------- exp with spare digits

_STEPS = 1024  # table entries to a factor of 2


@lru_cache(maxsize=1)
def _tables() -> tuple[list[float], list[float], list[float], list[float]]:
    """2^(−i/1024) in 26 bits, and the rest; 2^−k down to underflow; ln 2 / 1024 in three parts."""
    c = Context(prec=60)
    step = c.divide(c.ln(Decimal(2)), Decimal(_STEPS))
    exact = [c.exp(c.multiply(-step, Decimal(i))) for i in range(_STEPS)]
    high = [math.ldexp(round(math.ldexp(float(x), 26)), -26) for x in exact]
    low = [float(c.subtract(x, Decimal(h))) for x, h in zip(exact, high, strict=True)]
    parts: list[float] = []
    for _ in range(2):  # 31 bits each, so that n · part is exact for every n below 2^21
        m, e = math.frexp(float(step))
        parts.append(math.ldexp(round(math.ldexp(m, 31)), e - 31))
        step = c.subtract(step, Decimal(parts[-1]))
    return high, low, [math.ldexp(1.0, -k) for k in range(1080)], [*parts, float(step)]


def exp_minus(xp: Any, gap: Pair, *, extended: bool) -> Pair:
    """exp(−gap), gap ≥ 0.

    Plain: the library's ``exp``, corrected by gap.lo; relative error 2⁻⁵³. Extended: below 2⁻⁵⁴ · min(1, gap),
    as 2^(−n/1024) from a table times a short Taylor sum (after Tang 1989). The spare digits let T · p − t cancel.
    """
    if not extended or xp.finfo(gap.hi.dtype).eps > 1e-15:
        e = xp.exp(-gap.hi)
        return Pair(e, -e * gap.lo)
    high, low, powers, (l1, l2, l3) = _tables()
    g = xp.where(gap.hi < 746.0, gap.hi, 746.0)  # exp(−746) is 0 in float64
    n = xp.round(g * (_STEPS / math.log(2)))
    r, error = two_sum(g - n * l1, -n * l2)
    x, x_lo = -r, n * l3 - error - gap.lo
    index = xp.astype(n, xp.int64)
    h, low_h, scale = (
        _look_up(xp, t, i, g) for t, i in ((high, index & 1023), (low, index & 1023), (powers, index >> 10))
    )
    x1, x2 = halves(xp, x)
    rest = x2 + (x_lo + x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120)))))
    s, error = two_sum(h, h * x1)  # 26 bits times 26 bits: exact
    hi, lo = two_sum(s, error + (low_h + low_h * x1 + (h + low_h) * rest))
    return Pair(hi * scale, lo * scale)


def _look_up(xp: Any, table: list[float], index: Array, like: Array) -> Array:
    return xp.reshape(xp.take(array_like(table, like), xp.reshape(index, (-1,)), axis=0), index.shape)


# ------------------------------------------------------------------------------------------- rows and losses


def rows(
    xp: Any, logits: Array, *, temperature: float = 1.0, softcap: float | None = None, extended: bool = False
) -> Rows:
    """Measure every row (classes on axis 0) from its largest logit; ``extended`` where T · p − t may cancel."""
    z = wide(xp, logits)
    void = xp.any(xp.isnan(z) | (z == math.inf), axis=0) | xp.all(z == -math.inf, axis=0)
    z = xp.where(void, 0.0, z)
    top = one_hot(xp, xp.argmax(z, axis=0), z.shape[0])
    masked, high = z == -math.inf, xp.max(z, axis=0)
    z = xp.where(masked, high, z)
    if softcap is None:
        peak, slope = Pair(high, xp.zeros_like(high)), None
        s, error = two_sum(high, -z)
        gap = Pair(s, finite(xp, error))
    else:
        (peak, _), (capped, slope) = _cap(xp, high, softcap), _cap(xp, z, softcap)
        gap = add(peak, minus(capped))
    if temperature != 1.0:
        tau = constant(Fraction(temperature), z)
        peak, gap = divide(xp, peak, tau), divide(xp, gap, tau)
    power = exp_minus(xp, gap, extended=extended)
    power = Pair(xp.where(masked, 0.0, power.hi), xp.where(masked, 0.0, power.lo))
    tail = total(xp, Pair(xp.where(top, 0.0, power.hi), xp.where(top, 0.0, power.lo)))
    whole = add(constant(Fraction(1), z), tail)
    log1p_tail = xp.log1p(tail.hi) + tail.lo / whole.hi
    return Rows(xp, top, peak, gap, masked, power, tail, whole, log1p_tail, slope, void)


def _cap(xp: Any, z: Array, softcap: float) -> tuple[Pair, Array]:
    """c · tanh(z / c) = c · (1 − E) / (1 + E) with E = exp(−2 |z| / c), and its derivative 4 E / (1 + E)²."""  # noqa: D403
    one, cap = constant(Fraction(1), z), constant(Fraction(softcap), z)
    power = exp_minus(xp, divide(xp, Pair(2.0 * xp.abs(z), xp.zeros_like(z)), cap), extended=True)
    whole = add(one, power)
    capped = multiply(xp, divide(xp, add(one, minus(power)), whole), cap)
    sign = xp.where(z < 0, -1.0, xp.ones_like(z))
    return Pair(sign * capped.hi, sign * capped.lo), 4.0 * power.hi / (whole.hi * whole.hi)


def log_normaliser(r: Rows) -> Array:
    """Log Σ exp of each row, in nats: peak + log1p(tail)."""
    s, error = two_sum(r.peak.hi, r.log1p_tail)
    return s + (error + r.peak.lo)


def smoothed(
    xp: Any, q: Array, epsilon: float, *, weight: Array | None = None, convention: str = "uniform"
) -> Pair:
    """weight · ((1 − ε) q + ε / K), or weight · ((1 − ε) q + ε (1 − q) / (K − 1)); classes on axis 0."""  # noqa: D403
    q, classes = wide(xp, q), q.shape[0]
    t = Pair(q, xp.zeros_like(q))
    if epsilon and (classes > 1 or convention == "uniform"):
        t = multiply(xp, t, constant(1 - Fraction(epsilon), q))
        if convention == "uniform":
            t = add(t, constant(Fraction(epsilon) / classes, q))
        else:
            others = two_sum(xp.ones_like(q), xp.where(q < 1.0, -q, -1.0))
            t = add(t, multiply(xp, others, constant(Fraction(epsilon) / (classes - 1), q)))
    if weight is not None:
        w = along(wide(xp, weight), q)
        t = multiply(xp, t, Pair(w, xp.zeros_like(w)))
    return t


def along(a: Array, like: Array) -> Array:
    """Lay a vector over the classes (axis 0) along another array's axes."""
    return _compat.array_namespace(a).reshape(a, (-1,) + (1,) * (like.ndim - 1))


def one_hot(xp: Any, labels: Array, classes: int) -> Array:
    """(K, …) bool: where the label is."""
    numbers = xp.arange(classes, dtype=labels.dtype, device=_compat.device(labels))
    return along(numbers, labels[None, ...]) == labels


def cross_entropy(
    r: Rows, t: Pair, *, sharp: bool, z_loss: float = 0.0, with_grad: bool = False
) -> tuple[Array, Array | None]:
    """Loss of each row in nats, and its gradient by the tempered, capped logits before the division by τ.

    T · log1p(tail) + Σ t · gap + z_loss · lse², and T p − t + 2 z_loss lse p. ``sharp``: each row's target has one
    class, so that nothing in T p − t can cancel and one float is enough for it.
    """
    xp = r.xp
    some = t.hi > 0
    terms = Pair(t.hi * r.gap.hi, t.hi * r.gap.lo + t.lo * r.gap.hi)
    none = Pair(xp.zeros_like(t.hi), xp.zeros_like(t.hi))
    dot, mass = total(xp, choose(xp, some, terms, none)), total(xp, t)
    loss = mass.hi * r.log1p_tail + (dot.hi + dot.lo)
    loss = xp.where(xp.any(some & r.masked, axis=0), math.inf, loss)
    push = xp.zeros_like(loss)
    if z_loss:
        lse = log_normaliser(r)
        loss, push = loss + z_loss * lse * lse, 2.0 * z_loss * lse
    loss = xp.where(r.void, math.nan, loss)
    if not with_grad:
        return loss, None
    zero = xp.zeros_like(push)
    pull = add(mass, Pair(push, zero))
    rest = add(total(xp, choose(xp, r.top, none, t)), Pair(push, zero))
    if sharp:  # T e_j − t_j (1 + tail); at the largest logit (T − t_k) − t_k tail
        grown = xp.where(r.top, rest.hi, pull.hi * (r.power.hi + r.power.lo))
        excess = grown - xp.where(some, t.hi * xp.where(r.top, r.tail.hi, r.whole.hi), 0.0)
    else:
        grown = choose(xp, r.top, rest, multiply(xp, pull, r.power))
        excess = add(grown, minus(multiply(xp, t, choose(xp, r.top, r.tail, r.whole)))).hi
    slope = excess / r.whole.hi
    return loss, xp.where(r.void, math.nan, slope if r.slope is None else slope * r.slope)


_BLOCK = 2**15  # logits at a time: their float64 temporaries stay in cache


def evaluate(c: Case, *, with_grad: bool, **options: Any) -> tuple[Array, Array | None]:
    """Loss of each row, and its gradient by the logits as given (classes on axis 0) but for the division by τ.

    ``options`` are those of :func:`_evaluate`. Where arrays are not traced, rows go through it block by block: the
    temporaries need no memory to speak of, and the result does not depend on the number of blocks.
    """
    xp, classes, shape = c.xp, c.logits.shape[0], tuple(c.logits.shape[1:])
    count, step = math.prod(shape), max(_BLOCK // classes, 1)
    if count <= step or _compat.is_lazy_array(c.logits):
        return _evaluate(c, with_grad=with_grad, **options)
    z, q = xp.reshape(c.logits, (classes, -1)), None if c.q is None else xp.reshape(c.q, (classes, -1))
    labels = None if c.labels is None else xp.reshape(c.labels, (-1,))
    faulty = None if c.faulty is None else xp.reshape(c.faulty, (-1,))
    losses: list[Array] = []
    slopes: list[Array] = []
    for start in range(0, count, step):
        at = slice(start, min(start + step, count))  # beyond the end is beyond the standard
        block = c._replace(
            logits=z[:, at],
            q=None if q is None else q[:, at],
            labels=None if labels is None else labels[at],
            faulty=None if faulty is None else faulty[at],
        )
        loss, slope = _evaluate(block, with_grad=with_grad, **options)
        losses.append(loss)
        slopes.append(slope)
    slope = xp.reshape(xp.concat(slopes, axis=1), (classes, *shape)) if with_grad else None
    return xp.reshape(xp.concat(losses), shape), slope


def _evaluate(
    c: Case, *, label_smoothing: float, temperature: float, softcap: float | None, z_loss: float, with_grad: bool
) -> tuple[Array, Array | None]:
    xp, sharp = c.xp, c.labels is not None and not label_smoothing
    q = c.q if c.labels is None else one_hot(xp, c.labels, c.logits.shape[0])
    r = rows(xp, c.logits, temperature=temperature, softcap=softcap, extended=with_grad and not sharp)
    t = smoothed(xp, q, label_smoothing, weight=c.weight)
    loss, slope = cross_entropy(r, t, sharp=sharp, z_loss=z_loss, with_grad=with_grad)
    if c.faulty is not None:
        loss = xp.where(c.faulty, math.nan, loss)
        slope = slope if slope is None else xp.where(c.faulty, math.nan, slope)
    return loss, slope


def class_mass(c: Case) -> Array:
    """Σ_j weight_j · q_j of each row, before smoothing."""
    xp = c.xp
    q = c.q if c.labels is None else one_hot(xp, c.labels, c.logits.shape[0])
    t = smoothed(xp, q, 0.0, weight=c.weight)
    return total(xp, t).hi


def sum_all(xp: Any, a: Array) -> Array:
    """Sum of all entries, correct to the last place but one whatever their number; ∞ + ∞ is ∞."""
    flat = xp.reshape(a, (-1,))
    exact = total(xp, Pair(flat, xp.zeros_like(flat))).hi
    return xp.where(xp.isfinite(exact), exact, xp.sum(flat))
