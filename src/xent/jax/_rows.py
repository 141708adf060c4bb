"""Rows of classes in JAX: :mod:`xent.spec`'s formulas, and their derivatives in closed form. Classes lie last.

Why ``custom_jvp`` and not ``custom_vjp``: a tangent rule is a formula in JAX, which transposes it for reverse mode,
differentiates it again for Hessians, and vmaps it; ``custom_vjp`` would give up forward mode. Why rules at all: the
gradient is then one array, written so that p − 1 keeps its digits, and a mask costs no 0 · ∞.

Arguments are clean here: float32 or float64 logits, weights ≥ 0. What is faulty is NaN in the target's weights.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax as _jax
from jax.custom_derivatives import SymbolicZero

from xent.jax import _foreign, _kernels

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


class Rows(NamedTuple):
    """Rows measured from their largest logit; every quantity is differentiable by the logits."""

    z: Array  # (…, K) the logits; the largest one in place of masks, 0 in void rows
    top: Array  # (…, K) bool: the largest logit, the first of a tie
    masked: Array  # (…, K) bool: logits of −∞; their gap and power are 0
    void: Array  # (…) bool: a row without a softmax
    peak: Array  # (…) the largest logit, capped and tempered
    gap: Array  # (…, K)
    power: Array  # (…, K) exp(−gap)
    tail: Array  # (…)
    whole: Array  # (…) 1 + tail
    log1p_tail: Array  # (…)


def one_hot(labels: Array, classes: int) -> Array:
    """(…, K) bool: where the label is. A comparison, which fuses and shards; a gather does neither."""
    return jnp.arange(classes, dtype=labels.dtype) == labels[..., None]


def sum_where(where: Array, a: Array) -> Array:
    """Sum over the classes of what a mask keeps."""
    return jnp.sum(jnp.where(where, a, 0.0), axis=-1)


def spoilt(a: Array, where: Array) -> Array:
    """Make NaN, and NaN of the derivatives too: ``jnp.where`` would leave 0 for them."""
    return a * jnp.where(where, math.nan, jnp.ones((), a.dtype))


def measure(z: Array, tau: float = 1.0, cap: float | None = None) -> Rows:
    """Measure each row from its largest logit."""
    void = jnp.any(jnp.isnan(z) | (z == math.inf), axis=-1) | jnp.all(z == -math.inf, axis=-1)
    z = jnp.where(void[..., None], 0.0, z)
    top, masked = one_hot(jnp.argmax(z, axis=-1), z.shape[-1]), z == -math.inf
    high = sum_where(top, z)[..., None]  # not max(z), whose derivative is shared among the logits of a tie
    z = jnp.where(masked, high, z)
    gap = high - z if cap is None else capped_gap(high, z, cap)
    peak = high[..., 0] if cap is None else capped(high[..., 0], cap)
    error = _rounding(high, z, gap) if cap is None else jnp.zeros_like(gap)
    if tau != 1:
        gap, peak, error = gap / tau, peak / tau, error / tau
    power = jnp.where(masked, 0.0, jnp.exp(-gap) * (1.0 - error))
    tail = sum_where(~top, power)
    return Rows(z, top, masked, void, peak, gap, power, tail, 1.0 + tail, jnp.log1p(tail))


def _rounding(a: Array, b: Array, s: Array) -> Array:
    """Give (a − b) − s for s = a − b rounded, exactly (Knuth); exp would make gap / 2 ulp of it."""
    t = s - a
    error = (a - (s - t)) - (b + t)
    return jax.lax.stop_gradient(jnp.where(jnp.isfinite(error), error, 0.0))


# -------------------------------------------------------------------------------------------------------- softcap


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def capped(z: Array, cap: float) -> Array:
    """c · tanh(z / c)."""  # noqa: D403 - a name in a formula
    return cap * jnp.tanh(z / cap)


@capped.defjvp
def _(cap: float, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    return capped(z, cap), cap_slope(z, cap) * dz


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def cap_slope(z: Array, cap: float) -> Array:
    """1 − tanh²(z / c) as 4 E / (1 + E)², E = exp(−2 |z| / c), which keeps its digits where tanh is next to 1."""
    e = jnp.exp(-2.0 * jnp.abs(z) / cap)
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


@cap_slope.defjvp
def _(cap: float, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    slope = cap_slope(z, cap)
    return slope, -2.0 / cap * jnp.tanh(z / cap) * slope * dz


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def capped_gap(a: Array, b: Array, cap: float) -> Array:
    """c · tanh(a / c) − c · tanh(b / c) without the subtraction: c · tanh((a − b) / c) · (1 − tanh · tanh).

    With E as in :func:`cap_slope` the bracket is 2 (E_a + E_b) / ((1 + E_a)(1 + E_b)) for one sign, and has
    1 + E_a E_b in place of the sum for two.
    """  # noqa: D403
    ea, eb = jnp.exp(-2.0 * jnp.abs(a) / cap), jnp.exp(-2.0 * jnp.abs(b) / cap)
    near = jnp.where((a < 0) == (b < 0), ea + eb, 1.0 + ea * eb)
    return cap * jnp.tanh((a - b) / cap) * (2.0 * near / ((1.0 + ea) * (1.0 + eb)))


@capped_gap.defjvp
def _(cap: float, primals: Any, tangents: Any) -> Any:
    (a, b), (da, db) = primals, tangents
    return capped_gap(a, b, cap), cap_slope(a, cap) * da - cap_slope(b, cap) * db


# ------------------------------------------------------------------------------------- softmax and its logarithms


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def softmax(z: Array, tau: float) -> Array:
    """Probabilities; 0 at masks, NaN in void rows."""

    def plain(z: Array) -> Array:
        r = measure(z, tau)
        return spoilt(r.power / r.whole[..., None], r.void[..., None])

    return _kernels.of_rows("softmax", plain, z, tau)


@softmax.defjvp
def _(tau: float, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    p = softmax(z, tau)
    return p, p * centred(z, p, dz) / tau


def centred(z: Array, p: Array, dz: Array) -> Array:
    """Give dz − Σ p dz, taken from the largest logit: there 1 − p is the sum of the others and not a difference.

    Of a tie, which has no p next to 1, from the mean or from any.
    """
    if _foreign.takes(z):
        at = _kernels.argmax(jax.lax.stop_gradient(z))[..., None]
        h = dz - jnp.take_along_axis(dz, at, axis=-1, mode="promise_in_bounds")
    else:
        top = jax.lax.stop_gradient(1.0 - beneath(jnp.max(z, axis=-1, keepdims=True) - z))
        h = dz - jnp.sum(top * dz, axis=-1, keepdims=True) / jnp.sum(top, axis=-1, keepdims=True)
    return h - jnp.sum(p * h, axis=-1, keepdims=True)


def beneath(gap: Array) -> Array:
    """0 for the largest logit and its ties, else 1: a gap may be as small as the smallest number.

    By products and minima, which XLA vectorises on a CPU; comparisons and choices it does not.
    """
    big = float(jnp.finfo(gap.dtype).max) / 2
    return jnp.minimum(jnp.minimum(gap * big, 1.0) * big, 1.0)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def log_softmax(z: Array, tau: float) -> Array:
    """Logarithms of the probabilities; −∞ at masks, NaN in void rows."""

    def plain(z: Array) -> Array:
        r = measure(z, tau)
        log_p = jnp.where(r.masked, -math.inf, -(r.gap + r.log1p_tail[..., None]))
        return spoilt(log_p, r.void[..., None])

    return _kernels.of_rows("log_softmax", plain, z, tau)


@log_softmax.defjvp
def _(tau: float, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    log_p = log_softmax(z, tau)
    masked = (log_p == -math.inf) & (z == -math.inf)  # log p is NaN in void rows
    return log_p, jnp.where(masked, 0.0, centred(z, softmax(z, tau), dz) / tau)


@jax.custom_jvp
def logsumexp(z: Array) -> Array:
    """Log Σ exp: −∞ for nothing but masks, +∞ or NaN where there is one."""

    def plain(z: Array) -> Array:
        r = measure(z)
        return jnp.where(r.void, jnp.max(z, axis=-1), r.peak + r.log1p_tail)

    return _kernels.of_rows("logsumexp", plain, z)


@logsumexp.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    return logsumexp(z), jnp.sum(softmax(z, 1.0) * dz, axis=-1)


def entropy(z: Array, tau: float) -> Array:
    """Entropy, by a kernel where there is one."""
    way = _kernels.Way(_entropy, _kernels.entropy, {"tau": tau})
    return _kernels.losses(way, z) if _kernels.reach(tau) else way.plainly(z)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _entropy(z: Array, tau: float) -> Array:
    """log1p(tail) + Σ p · gap: every term ≥ 0."""
    r = measure(z, tau)
    return spoilt(r.log1p_tail + jnp.sum(r.power * r.gap, axis=-1) / r.whole, r.void)


@_entropy.defjvp
def _(tau: float, primals: Any, tangents: Any) -> Any:
    """∂H/∂z = p · (−log p − H) / τ = p · (gap − Σ p gap) / τ."""
    (z,), (dz,) = primals, tangents
    r = measure(z, tau)
    p = softmax(z, tau)
    slope = p * (r.gap - jnp.sum(p * r.gap, axis=-1, keepdims=True)) / tau
    return _entropy(z, tau), jnp.sum(slope * dz, axis=-1)


# -------------------------------------------------------------------------------------------------- cross-entropy


@partial(jax.custom_jvp, nondiff_argnums=(4, 5))
def cross_entropy(z: Array, t: Array, push: Array | None, dead: Array, tau: float, cap: float | None) -> Array:
    """T · log1p(tail) + Σ t · gap + push · lse² of each row, for weights t (…, K) and push (…).

    ``dead`` rows have t = 0 and push = 0 and cost 0, even if they are void.
    """
    r = measure(z, tau, cap)
    loss = jnp.sum(t, axis=-1) * r.log1p_tail + jnp.sum(t * r.gap, axis=-1)
    loss = loss + jnp.where(jnp.any(r.masked & (t > 0), axis=-1), math.inf, 0.0)
    if push is not None:
        loss = loss + push * jnp.square(r.peak + r.log1p_tail)
    return jnp.where(r.void & ~dead, math.nan, loss)


@partial(cross_entropy.defjvp, symbolic_zeros=True)
def _(tau: float, cap: float | None, primals: Any, tangents: Any) -> Any:
    (z, t, push, dead), (dz, dt, dpush, _) = primals, tangents
    r = measure(z, tau, cap)
    void = r.void & ~dead
    out = jnp.zeros(z.shape[:-1], z.dtype)
    if not isinstance(dz, SymbolicZero):
        out = out + jnp.sum(spoilt(gradient(r, t, push, tau, cap), void[..., None]) * dz, axis=-1)
    if not isinstance(dt, SymbolicZero):  # −log p; a mask without weight stays out of it, for 0 · ∞ = 0
        surprise = r.log1p_tail[..., None] + r.gap
        surprise = jnp.where(r.masked, jnp.where(t > 0, math.inf, 0.0), surprise)
        out = out + jnp.sum(spoilt(surprise, void[..., None]) * dt, axis=-1)
    if push is not None and not isinstance(dpush, SymbolicZero):
        out = out + spoilt(jnp.square(r.peak + r.log1p_tail), void) * dpush
    return cross_entropy(z, t, push, dead, tau, cap), out


def gradient(r: Rows, t: Array, push: Array | None, tau: float, cap: float | None) -> Array:
    """(T p − t + 2 push lse p) / τ · (1 − tanh²); at the largest logit T − t_k is the sum of the other weights."""
    pull, rest = jnp.sum(t, axis=-1), sum_where(~r.top, t)
    if push is not None:
        more = 2.0 * push * (r.peak + r.log1p_tail)
        pull, rest = pull + more, rest + more
    p, others = r.power / r.whole[..., None], (r.tail / r.whole)[..., None]
    slope = jnp.where(r.top, rest[..., None] * p - t * others, pull[..., None] * p - t) / tau
    return slope if cap is None else slope * cap_slope(r.z, cap)


# ------------------------------------------------------------------------------------------------------- divergence


class Comparison(NamedTuple):
    """A student's softmax q against a teacher's, p."""

    kl: Array  # (…) Σ p · (log p − log q)
    excess: Array  # (…, K) q − p
    r: Array  # (…, K) log p − log q; 0 where either is masked


_BEYOND = 30.0  # exp(30) is far from overflow, and exp(−30) lost beside 30


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def compare(student: Array, teacher: Array, tau: float) -> Comparison:
    """KL(p ‖ q) = Σ p φ(r) with φ(r) = r + exp(−r) − 1, and q − p = p (exp(−r) − 1) where the two are close.

    With the logits' differences d less their mean Σ p d, KL is also log1p(Σ p φ(d)), and r = d + KL: differences of
    logits that are close are exact, and the rounding of the mean enters squared. Where a difference is large, or
    one of the two is masked, r comes from the two log-softmaxes.
    """
    s, t = measure(student, tau), measure(teacher, tau)
    p, q = t.power / t.whole[..., None], s.power / s.whole[..., None]
    either, one = s.masked | t.masked, s.masked ^ t.masked
    d = jnp.where(either, 0.0, t.z - s.z)
    d = jnp.where(either, 0.0, d - sum_where(t.top, d)[..., None])
    d = jnp.where(either, 0.0, d - jnp.sum(p * d, axis=-1, keepdims=True)) / tau
    far = jnp.any(one | (jnp.abs(d) > _BEYOND), axis=-1)
    across = (s.gap - t.gap) + (s.log1p_tail - t.log1p_tail)[..., None]
    r = jnp.where(far[..., None], across, d)
    beyond = one | (jnp.abs(r) > _BEYOND)
    terms = jnp.where(beyond, q + p * (r - 1.0), p * _bent(jnp.where(beyond, 0.0, r)))
    kl = jnp.sum(terms, axis=-1)
    kl = jnp.where(far, kl, jnp.log1p(kl))
    r = jnp.where(either, 0.0, jnp.where(far[..., None], r, r + kl[..., None]))
    close = jnp.where(either, False, jnp.abs(r) < 1.0)
    excess = jnp.where(close, p * jnp.expm1(-jnp.where(close, r, 0.0)), q - p)
    kl, void = jnp.where(jnp.any(s.masked & ~t.masked, axis=-1), math.inf, kl), s.void | t.void
    return Comparison(spoilt(kl, void), spoilt(excess, void[..., None]), spoilt(r, void[..., None]))


@partial(compare.defjvp, symbolic_zeros=True)
def _(tau: float, primals: Any, tangents: Any) -> Any:
    """∂KL is (q − p) / τ by the student and p (r − KL) / τ by the teacher."""
    (student, teacher), (ds, dt) = primals, tangents
    c = compare(student, teacher, tau)
    apart = (student == -math.inf) | (teacher == -math.inf)
    dkl, dexcess, dr = jax.tree.map(jnp.zeros_like, c)
    if not isinstance(ds, SymbolicZero):
        q = softmax(student, tau)
        change = centred(student, q, ds) / tau
        dkl, dexcess, dr = dkl + jnp.sum(c.excess * ds, axis=-1) / tau, q * change, -change
    if not isinstance(dt, SymbolicZero):
        p = softmax(teacher, tau)
        change = centred(teacher, p, dt) / tau
        slope = p * jnp.where(apart, 0.0, c.r - c.kl[..., None])
        dkl, dexcess, dr = dkl + jnp.sum(slope * dt, axis=-1) / tau, dexcess - p * change, dr + change
    return c, Comparison(dkl, dexcess, jnp.where(apart, 0.0, dr))


def _bent(d: Array) -> Array:
    """d + exp(−d) − 1, by its power series near 0, where the sum would cancel."""  # noqa: D403
    near = jnp.abs(d) < 1.0
    y, series = jnp.where(near, d, 0.0), jnp.zeros_like(d)
    for k in range(16, 1, -1):  # 1/2 − y/6 + y²/24 − …
        series = 1.0 / math.factorial(k) - y * series
    return jnp.where(near, y * y * series, d + jnp.expm1(-d))
