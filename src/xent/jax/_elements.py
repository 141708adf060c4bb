"""Logistic losses in JAX, element by element, as functions of the log-odds v against the right answer.

A binary logit z has v = −z for y = 1 and v = z for y = 0; a row has v = log Σ_{j≠y} exp(z_j) − z_y. Then the wrong
answer has the probability σ(v), and the loss is softplus(v). Odds come in two parts, v = a + b: exp(a) · exp(b)
keeps digits that exp(a + b) has lost. Derivatives are by v, in closed form, and of any order.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax as _jax

from xent.jax._rows import spoilt

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


def _minus_size(a: Array, b: Array) -> tuple[Array, Array]:
    """Give whether v > 0, and exp(−|v|)."""
    up = a + b > 0
    sign = jnp.where(up, -1.0, jnp.ones((), a.dtype))
    return up, jnp.exp(sign * a) * jnp.exp(sign * b)


@jax.custom_jvp
def sigmoid(a: Array, b: Array) -> Array:
    """σ(a + b)."""
    up, e = _minus_size(a, b)
    return jnp.where(up, 1.0, e) / (1.0 + e)


@sigmoid.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (a, b), (da, db) = primals, tangents
    x = sigmoid(a, b)
    return x, x * sigmoid(-a, -b) * (da + db)


@jax.custom_jvp
def softplus(a: Array, b: Array) -> Array:
    """Log(1 + exp(a + b))."""
    up, e = _minus_size(a, b)
    return jnp.where(up, a + b, 0.0) + jnp.log1p(e)


@softplus.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (a, b), (da, db) = primals, tangents
    return softplus(a, b), sigmoid(a, b) * (da + db)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def power(a: Array, b: Array, gamma: float) -> Array:
    """σ(a + b)^γ."""
    return sigmoid(a, b) ** gamma


@power.defjvp
def _(gamma: float, primals: Any, tangents: Any) -> Any:
    """γ σ(v)^γ σ(−v): never σ^(γ − 1), which overflows where σ is small."""
    (a, b), (da, db) = primals, tangents
    x = power(a, b, gamma)
    return x, gamma * x * sigmoid(-a, -b) * (da + db)


def focal(a: Array, b: Array, gamma: float) -> Array:
    """σ(v)^γ · softplus(v); a sure answer, v = ±∞, costs 0 or ∞ with slope 0 or 1."""
    finite = jnp.abs(a) < math.inf
    s = jnp.where(finite, a, 0.0)
    loss = softplus(s, b) * (power(s, b, gamma) if gamma else 1.0)
    return spoilt(jnp.where(finite, loss, jnp.maximum(a, 0.0)), jnp.isnan(a))


@jax.custom_jvp
def times(w: Array, x: Array) -> Array:
    """w · x with 0 · ∞ = 0, in the derivatives too."""  # noqa: D403
    return w * _unless_free(w, x)


@times.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (w, x), (dw, dx) = primals, tangents
    return times(w, x), _unless_free(w, x) * dw + w * dx


def _unless_free(w: Array, x: Array) -> Array:
    return jnp.where((w == 0) & (x == math.inf), 0.0, x)


def binary(z: Array, y: Array, pos_weight: Array | None, epsilon: float) -> Array:
    """c y · softplus(−z) + (1 − y) · softplus(z), for y smoothed to (1 − ε) y + ε / 2."""  # noqa: D403
    zero = jnp.zeros((), z.dtype)
    yes, no = ((1.0 - epsilon) * part + epsilon / 2 for part in (y, 1.0 - y))
    if pos_weight is not None:
        yes = yes * pos_weight
    return times(yes, softplus(-z, zero)) + times(no, softplus(z, zero))
