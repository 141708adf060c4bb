# pyright: basic
"""Logarithms of p-values: tails of distributions far beyond where a float64 underflows, without SciPy."""

from __future__ import annotations

import math

import numpy as np

ALPHA = math.log(1e-6)
"""Log p below which a test rejects; every test of the auditor asks for an effect size too."""


def log_normal_tail(z: float) -> float:
    """Log of P(Z > z) for a standard normal Z.

    Examples
    --------
    >>> round(log_normal_tail(0.0), 6), round(log_normal_tail(50.0), 3)
    (-0.693147, -1254.831)
    """
    if z < 25:
        return math.log(math.erfc(z / math.sqrt(2)) / 2)
    term, series = 1.0, 1.0  # 1 − 1/z² + 3/z⁴ − …, to far below 2⁻⁵³
    for k in range(1, 8):
        term *= -(2 * k - 1) / (z * z)
        series += term
    return -z * z / 2 - math.log(z * math.sqrt(2 * math.pi)) + math.log(series)


def log_gamma_tail(shape: float, x: float) -> float:
    """Log of the regularised upper incomplete gamma function Q(shape, x) = P(G > x).

    Its series below shape + 1, its continued fraction above (DLMF 8.7.1, 8.9.2).

    Examples
    --------
    >>> log_gamma_tail(1.0, 700.0)
    -700.0
    """
    if x <= 0:
        return 0.0
    front = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1:
        term = total = 1 / shape
        n = shape
        while term > total * 1e-17:
            n += 1
            term *= x / n
            total += term
        low = front + math.log(total)
        return math.log1p(-math.exp(low)) if low < -1e-17 else -math.inf
    tiny = 1e-300  # Lentz
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    h = d
    for i in range(1, 100_000):
        a = -i * (i - shape)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        h *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return front + math.log(h)


def log_chi2_tail(x: float, freedom: float) -> float:
    """Log of P(X > x) for chi-square with so many degrees of freedom.

    Examples
    --------
    >>> round(math.exp(log_chi2_tail(3.841458820694124, 1)), 12)
    0.05
    """
    return log_gamma_tail(freedom / 2, x / 2)


def log_skewed_tail(z: float, skewness: float) -> float:
    """Log of P(Z > z) for mean 0, variance 1 and a given skewness, as a shifted gamma variable (Pearson III).

    Unlike a Cornish-Fisher expansion it is monotone in z.

    Examples
    --------
    >>> abs(log_skewed_tail(5.0, 0.0) - log_normal_tail(5.0)) < 1e-12, round(log_skewed_tail(5.0, 1.0), 3)
    (True, -7.654)
    """
    if abs(skewness) < 1e-3:
        return log_normal_tail(z)
    shape = 4 / skewness**2
    x = shape + math.copysign(z, z * skewness) * math.sqrt(shape)
    if skewness > 0:
        return log_gamma_tail(shape, x)
    if x <= 0:
        return -math.inf
    upper = log_gamma_tail(shape, x)  # P(G < x) is its complement; by the series where that is small
    if upper < -1e-3:
        return math.log(-math.expm1(upper))
    term = total = 1 / shape
    n = shape
    while term > total * 1e-17:
        n += 1
        term *= x / n
        total += term
    return shape * math.log(x) - x - math.lgamma(shape) + math.log(total)


def log_binomial_tail(k: int, n: int, p: float = 0.5) -> float:
    """Log of P(X ≥ k) for X binomial, exactly.

    Examples
    --------
    >>> math.exp(log_binomial_tail(2, 2)), log_binomial_tail(0, 5)
    (0.25, 0.0)
    """
    if k <= 0:
        return 0.0
    if k > n:
        return -math.inf
    first = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    first += k * math.log(p) + (n - k) * math.log1p(-p)
    j = np.arange(k, n)
    steps = np.log(n - j) - np.log(j + 1) + math.log(p) - math.log1p(-p)
    terms = np.concatenate([[0.0], np.cumsum(steps)])
    most = float(terms.max())
    return min(0.0, first + most + math.log(float(np.exp(terms - most).sum())))


def log_count_bound(observed: float, mean: float) -> float:
    """Log of a bound on the chance of a count as far from its mean, on its side.

    Chernoff's bound for a sum of independent yes-or-no variables of whatever probabilities (Poisson-binomial), so
    that it is never too small.

    Examples
    --------
    >>> round(log_count_bound(30, 10), 2), log_count_bound(10, 10), log_count_bound(0, 14)
    (-12.96, 0.0, -14.0)
    """
    if mean <= 0:
        return -math.inf if observed > 0 else 0.0
    return observed - mean - (observed * math.log(observed / mean) if observed > 0 else 0.0)


def log_kolmogorov_tail(x: float) -> float:
    """Log of P(sup |B| > x) for a Brownian bridge B, from x = 0.5 on; 0 below.

    Examples
    --------
    >>> round(math.exp(log_kolmogorov_tail(1.3581)), 4), log_kolmogorov_tail(10.0) < -199
    (0.05, True)
    """
    if x < 0.5:
        return 0.0
    rest = sum((-1) ** (j - 1) * math.exp(-2 * (j * j - 1) * x * x) for j in range(1, 12))
    return math.log(2) - 2 * x * x + math.log(rest)
