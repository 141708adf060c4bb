"""From logits to probabilities, their logarithms and their entropy, on JAX arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax as _jax

from xent import _validate
from xent.jax import _rows
from xent.jax._arguments import arrays, computing

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy

__all__ = ["entropy", "log_softmax", "logsumexp", "softmax"]


def softmax(logits: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    """Probabilities of the classes: p_j = exp(z_j / τ) / Σ_i exp(z_i / τ), as exp(−gap_j) / (1 + tail).

    Arguments, errors and edges as in :func:`xent.softmax`: 0 at a mask; NaN, and a NaN derivative, for a row with a
    NaN or +∞ logit, or with nothing but −∞. The answer has the logits' shape and type.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> [f"{x:.4g}" for x in xent.jax.softmax(jnp.array([2.0, 1.0, 0.1, -jnp.inf]))]
    ['0.659', '0.2424', '0.09857', '0']
    """
    return _by_row("softmax", logits, axis, temperature)


def log_softmax(logits: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    """Logarithms of the probabilities in nats: log p_j = −(log1p(tail) + gap_j).

    Arguments, errors and edges as in :func:`xent.log_softmax`: −∞ at a mask, with derivative 0. The answer has the
    logits' shape and type.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> [f"{x:.4g}" for x in xent.jax.log_softmax(jnp.array([0.0, -20.0, -21.0]))]
    ['-2.819e-09', '-20', '-21']
    """
    return _by_row("log_softmax", logits, axis, temperature)


def logsumexp(x: Array, /, *, axis: int = -1) -> Array:
    """Logarithm of a sum of exponentials in nats: log Σ_j exp(x_j) = max x + log1p(tail).

    Arguments, errors and edges as in :func:`xent.logsumexp`: −∞ where every entry is, +∞ where one is; there the
    derivative, softmax(x), is NaN. The answer has x's type, and its shape without ``axis``.

    Examples
    --------
    >>> import jax.numpy as jnp, xent.jax
    >>> [f"{x:.5g}" for x in xent.jax.logsumexp(jnp.array([[1000.0, 1000.0], [-jnp.inf, -jnp.inf]]))]
    ['1000.7', '-inf']
    """
    return _by_row("logsumexp", x, axis, 1.0, "x")


def entropy(logits: Array, /, *, axis: int = -1, temperature: float = 1.0) -> Array:
    """Entropy of softmax(logits / τ) in nats: H = −Σ_j p_j log p_j = log1p(tail) + Σ_j p_j gap_j, from 0 to log K.

    Both terms are ≥ 0, so that the small entropy of a sure row keeps its digits. Its derivative is
    p_j (−log p_j − H) / τ. For the entropy of probabilities see :func:`xent.information.entropy`.

    Parameters
    ----------
    logits : array (…, K, …) of floating numbers
        −∞ masks a class: 0 · log 0 = 0.
    axis : int, default −1
        Where the K ≥ 1 classes are.
    temperature : float, default 1
        τ > 0.

    Returns
    -------
    array of the logits' shape without ``axis``
        float64 for float64, float32 otherwise. NaN, with its derivative, for a row without a softmax.

    Raises
    ------
    TypeError, ValueError
        As :func:`softmax`.

    References
    ----------
    Shannon (1948), "A mathematical theory of communication", §6.

    Examples
    --------
    >>> import jax, jax.numpy as jnp, xent.jax
    >>> logits = jnp.array([0.0, -20.0, -jnp.inf])
    >>> f"{xent.jax.entropy(logits):.4g}", [f"{abs(x):.4g}" for x in jax.grad(xent.jax.entropy)(logits)]
    ('4.328e-08', ['4.122e-08', '4.122e-08', '0'])
    """
    return _by_row("entropy", logits, axis, temperature)


def _by_row(what: str, logits: Array, axis: int, temperature: float, name: str = "logits") -> Array:
    tau = _validate.positive(temperature, "temperature")
    (z,) = arrays(**{name: logits})
    _validate.floating(jnp, z, name)
    return _compute(z, what=what, axis=_validate.axis_of(z, axis, name), tau=tau)


@partial(jax.jit, static_argnames=("what", "axis", "tau"))
def _compute(logits: Array, *, what: str, axis: int, tau: float) -> Array:
    wide = computing(logits)
    z = jnp.moveaxis(logits, axis, -1).astype(wide)
    if what == "entropy":
        return _rows.entropy(z, tau)
    if what == "logsumexp":
        return _rows.logsumexp(z).astype(logits.dtype)
    compute = _rows.softmax if what == "softmax" else _rows.log_softmax
    return jnp.moveaxis(compute(z, tau), -1, axis).astype(logits.dtype)
