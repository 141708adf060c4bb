"""Cross-entropy of class labels in JAX: :mod:`xent.jax._rows`' numbers with less to do for each class.

XLA vectorises maxima, minima and products on a CPU, and neither a choice between two numbers nor the search for a
position; so ties of the largest logit are counted by arithmetic, and masks are cut off far below it. What is the
label's own is gathered and scattered on a CPU; elsewhere it is a comparison, which fuses and shards.

Derivatives of the gradient are those of ``_rows``.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax as _jax
from jax.custom_derivatives import SymbolicZero

from xent.jax import _rows

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


def _on_cpu() -> bool:
    """Say where this is going to run, as far as one can know; another answer costs time and nothing else."""
    return jax.default_backend() == "cpu"


def own(a: Array, labels: Array) -> Array:
    """Give the entry (…) at the label of each row of (…, K)."""
    if _on_cpu():
        return jnp.take_along_axis(a, labels[..., None], axis=-1)[..., 0]
    return _rows.sum_where(_rows.one_hot(labels, a.shape[-1]), a)


def _with_own(a: Array, labels: Array, at: Array) -> Array:
    """Put ``at`` (…) at the label of each row of (…, K)."""
    if not _on_cpu():
        return jnp.where(_rows.one_hot(labels, a.shape[-1]), at[..., None], a)
    flat, rows = a.reshape(-1, a.shape[-1]), jnp.arange(labels.size)
    return flat.at[rows, labels.reshape(-1)].set(at.reshape(-1)).reshape(a.shape)


def _measure(z: Array, tau: float) -> tuple[Array, Array, Array]:
    """Give each row's largest logit, whether it has no softmax, and the sum of its powers less one."""
    peak = jnp.max(z, axis=-1)
    void = ~jnp.isfinite(peak)
    power, gap = _powers(z, peak, void, tau)
    below = jnp.sum(power * _rows.beneath(gap), axis=-1)
    return peak, void, below + (_ties(z, _high(peak, void), below) - 1.0)


def _ties(z: Array, high: Array, below: Array) -> Array:
    """Count the logits that are the largest.

    A branch that is always taken, unless every row is NaN: otherwise XLA would make one loop of this sum and of the
    one before it, which on a CPU takes several times as long as two.
    """

    def count(z: Array, high: Array) -> Array:
        return z.shape[-1] - jnp.sum(_rows.beneath(high - z), axis=-1)

    def one(z: Array, _high: Array) -> Array:
        return jnp.ones(z.shape[:-1], z.dtype)

    return jax.lax.cond(jnp.any(below >= 0), count, one, z, high) if _on_cpu() else count(z, high)


def _apart(*arrays: Array) -> Any:
    """On a CPU, keep XLA from making one loop of what comes before and after: it takes several times as long."""
    return jax.lax.optimization_barrier(arrays) if _on_cpu() else arrays


def _high(peak: Array, void: Array) -> Array:
    return jnp.where(void, 0.0, peak)[..., None]


def _powers(z: Array, peak: Array, void: Array, tau: float) -> tuple[Array, Array]:
    """exp(−gap / τ) of every class, and its gap, which ends where the power is 0."""
    high = _high(peak, void)
    near = jnp.maximum(z, high - (150.0 if z.dtype == jnp.float32 else 800.0) * max(tau, 1.0))
    gap = high - near
    return jnp.exp(-gap / tau) * (1.0 - _rounding(high, near, gap) / tau), gap


def _rounding(a: Array, b: Array, s: Array) -> Array:
    """As ``_rows``, for what is finite."""
    t = s - a
    return (a - (s - t)) - (b + t)


def _cost(peak: Array, mine: Array, tail: Array, tau: float) -> tuple[Array, Array]:
    """−log p at the label, and the label's gap."""
    gap = (peak - mine) / tau
    return jnp.log1p(tail) + gap, gap


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def cross_entropy(z: Array, labels: Array, mass: Array, tau: float) -> Array:
    """mass · (−log p) of each row; 0 for a mass of 0, NaN in void rows.

    z (…, K) float32 or float64; labels (…) in [0, K); mass (…) ≥ 0, or NaN where the row is faulty.
    """  # noqa: D403 - a name in a formula
    peak, void, tail = _measure(z, tau)
    cost, _ = _cost(peak, own(z, labels), tail, tau)
    return jnp.where(void, math.nan, jnp.where(mass == 0, 0.0, mass * cost))


@partial(cross_entropy.defjvp, symbolic_zeros=True)
def _(tau: float, primals: Any, tangents: Any) -> Any:
    (z, labels, mass), (dz, _, dmass) = primals, tangents
    out = jnp.zeros(labels.shape, z.dtype)
    if not isinstance(dz, SymbolicZero):
        out = out + jnp.sum(slope(z, labels, mass, tau) * dz, axis=-1)
    if not isinstance(dmass, SymbolicZero):  # a mask without weight stays out of it, for 0 · ∞ = 0
        cost = cross_entropy(z, labels, jnp.ones_like(mass), tau)
        out = out + jnp.where((mass == 0) & (cost == math.inf), 0.0, cost) * dmass
    return cross_entropy(z, labels, mass, tau), out


@partial(jax.custom_jvp, nondiff_argnums=(3,))
def slope(z: Array, labels: Array, mass: Array, tau: float) -> Array:
    """mass · (p − e_y) / τ, where nothing cancels: at the label −tail / whole if its logit is the largest."""  # noqa: D403
    peak, void, tail = _measure(z, tau)
    mine = own(z, labels)
    _, gap = _cost(peak, mine, tail, tau)
    error = _rounding(peak, mine, peak - mine) / tau
    e = jnp.exp(-gap) * (1.0 - jnp.where(jnp.isfinite(error), error, 0.0))
    whole = 1.0 + tail
    share = jnp.where(void, math.nan, mass) / (whole * tau)
    at = jnp.where(gap == 0, -tail, e - whole)
    z, peak, void, share = _apart(z, peak, void, share)
    return _with_own(_powers(z, peak, void, tau)[0] * share[..., None], labels, at * share)


@slope.defjvp
def _(tau: float, primals: Any, tangents: Any) -> Any:
    (z, labels, mass), (dz, _, dmass) = primals, tangents

    def plain(z: Array, mass: Array) -> Array:
        r = _rows.measure(z, tau)
        t = jnp.where(_rows.one_hot(labels, z.shape[-1]), mass[..., None], 0.0)
        return _rows.spoilt(_rows.gradient(r, t, None, tau, None), r.void[..., None])

    return slope(z, labels, mass, tau), jax.jvp(plain, (z, mass), (dz, dmass))[1]
