"""The reference: textbook formulas in 400 digits, slow and obvious. It knows nothing of the package under test.

Numbers go in as floats (exactly) and come out as mpmath reals; :func:`ulps` says how far a float is from one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import mpmath

MP = mpmath.mp.clone()
MP.dps = 400
Real = mpmath.mpf

_TYPES = {"float16": (11, -24, 16), "float32": (24, -149, 128), "float64": (53, -1074, 1024)}


def real(x: float) -> Real:
    """Convert a float exactly."""
    return MP.mpf(x)


def reals(row: Iterable[float]) -> list[Real]:
    return [real(float(x)) for x in row]


def softmax(z: Sequence[Real]) -> list[Real]:
    powers = [MP.exp(x) for x in z]
    total = sum(powers)
    return [e / total for e in powers]


def logsumexp(z: Sequence[Real]) -> Real:
    return MP.log(sum(MP.exp(x) for x in z))


def smooth(q: Sequence[Real], epsilon: float, convention: str = "uniform") -> list[Real]:
    eps, n = real(epsilon), len(q)
    if convention == "uniform":
        return [(1 - eps) * x + eps / n for x in q]
    return list(q) if n == 1 else [(1 - eps) * x + eps * (1 - x) / (n - 1) for x in q]


def target(
    given: int | Sequence[float],
    classes: int,
    *,
    epsilon: float = 0.0,
    convention: str = "uniform",
    weight: Sequence[float] | None = None,
) -> list[Real]:
    """Weights t: an index or a distribution, smoothed, times class weights."""
    q = [real(j == given) for j in range(classes)] if isinstance(given, int) else reals(given)
    w = reals(weight) if weight is not None else [real(1)] * classes
    return [a * b for a, b in zip(w, smooth(q, epsilon, convention), strict=True)]


def capped(z: Sequence[Real], softcap: float | None) -> list[Real]:
    if softcap is None:
        return list(z)
    return [x if x == -MP.inf else real(softcap) * MP.tanh(x / real(softcap)) for x in z]


def loss(z: Sequence[Real], t: Sequence[Real], *, temperature: float = 1.0, z_loss: float = 0.0) -> Real:
    """Σ t · (−log p) + z_loss · lse² for tempered logits."""
    scaled = [x / real(temperature) for x in z]
    lse = logsumexp(scaled)
    return sum((a * (lse - x) for a, x in zip(t, scaled, strict=True) if a), real(z_loss) * lse**2)


def gradient(
    z: Sequence[Real],
    t: Sequence[Real],
    *,
    temperature: float = 1.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> list[Real]:
    """Differentiate ``loss(capped(z), t)`` by each z: (T p − t + 2 z_loss lse p) / τ · (1 − tanh²)."""
    scaled = [x / real(temperature) for x in capped(z, softcap)]
    p, lse = softmax(scaled), logsumexp(scaled)
    total = sum(t) + 2 * real(z_loss) * lse
    slope = [real(1) if softcap is None else 1 - MP.tanh(x / real(softcap)) ** 2 for x in z]
    return [(total * a - b) / real(temperature) * s for a, b, s in zip(p, t, slope, strict=True)]


def hessian(z: Sequence[Real], t: Sequence[Real], *, temperature: float = 1.0) -> list[list[Real]]:
    """Second derivatives of the loss by the logits: T · p_i · ([i = j] − p_j) / τ²."""
    p, total, tau = softmax([x / real(temperature) for x in z]), sum(t), real(temperature)
    return [[total * a * ((i == j) - b) / tau**2 for j, b in enumerate(p)] for i, a in enumerate(p)]


def jacobian(z: Sequence[Real], *, temperature: float = 1.0) -> list[list[Real]]:
    p, tau = softmax([x / real(temperature) for x in z]), real(temperature)
    return [[a * ((i == j) - b) / tau for j, b in enumerate(p)] for i, a in enumerate(p)]


def cross_entropy(p: Sequence[Real], q: Sequence[Real]) -> Real:
    return -sum((a * MP.log(b) for a, b in zip(p, q, strict=True) if a), real(0))


def kl_divergence(p: Sequence[Real], q: Sequence[Real]) -> Real:
    return sum((a * MP.log(a / b) for a, b in zip(p, q, strict=True) if a), real(0))


def ulp(x: Real, dtype: str = "float64") -> Real:
    """Spacing of the type's numbers at |x|: 2^(e + 1 − p) for 2^e ≤ |x| < 2^(e + 1), at least the subnormals'."""
    digits, least, _ = _TYPES[dtype]
    if not x or MP.isinf(x):
        return MP.ldexp(1, least)
    return MP.ldexp(1, max(int(MP.floor(MP.log(abs(x), 2))) + 1 - digits, least))


def ulps(got: float, exact: Real, dtype: str = "float64") -> float:
    """|got − exact| in units of ``exact``'s last place; 0 for the same infinity, ∞ for NaN or another infinity."""
    digits, _, most = _TYPES[dtype]
    if abs(exact) >= MP.ldexp(1 - MP.ldexp(1, -digits - 1), most):  # rounds to an infinity
        exact = MP.sign(exact) * MP.inf
    if math.isinf(got) or MP.isinf(exact):
        return 0.0 if real(got) == exact else math.inf
    return math.inf if math.isnan(got) else float(abs(real(got) - exact) / ulp(exact, dtype))
