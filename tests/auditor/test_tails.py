"""Tails in log space against mpmath."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest

from xent.auditor import tails

mpmath.mp.dps = 60


def same(ours: float, exact: mpmath.mpf, relative: float = 1e-9) -> None:
    assert ours == pytest.approx(float(exact), rel=relative, abs=1e-12)


@pytest.mark.parametrize("z", [-30, -3, 0, 1, 5, 24.9, 25, 25.1, 40, 1e4])
def test_normal(z: float) -> None:
    same(tails.log_normal_tail(z), mpmath.log(mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2))


@pytest.mark.parametrize("shape", [0.5, 1, 4.5, 50, 2000])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 0.99, 1, 1.02, 2, 40])
def test_gamma(shape: float, ratio: float) -> None:
    x = shape * ratio
    exact = mpmath.log(mpmath.gammainc(shape, x, mpmath.inf, regularized=True))
    same(tails.log_gamma_tail(shape, x), exact, 1e-8)


@pytest.mark.parametrize(("x", "freedom"), [(3.84, 1), (100, 3), (30, 99), (5000, 999)])
def test_chi2(x: float, freedom: int) -> None:
    exact = mpmath.log(mpmath.gammainc(mpmath.mpf(freedom) / 2, mpmath.mpf(x) / 2, mpmath.inf, regularized=True))
    same(tails.log_chi2_tail(x, freedom), exact, 1e-8)


@pytest.mark.parametrize("skewness", [0.05, 0.3, 1.0, -0.05, -0.3, -1.0])
@pytest.mark.parametrize("z", [-3.0, -1.0, 0.5, 2.0, 6.0, 1.9])
def test_pearson(skewness: float, z: float) -> None:
    shape = mpmath.mpf(4) / mpmath.mpf(skewness) ** 2
    x = shape + (z if skewness > 0 else -z) * mpmath.sqrt(shape)
    if skewness > 0:
        exact = mpmath.gammainc(shape, max(x, 0), mpmath.inf, regularized=True)
    else:
        exact = mpmath.gammainc(shape, 0, max(x, 0), regularized=True)
    ours = tails.log_skewed_tail(z, skewness)
    if exact == 0:
        assert ours == -math.inf
    else:
        same(ours, mpmath.log(exact), 1e-7)


def test_pearson_is_monotone() -> None:
    for skewness in (-1, -0.2, 0, 0.2, 1):
        values = [tails.log_skewed_tail(z / 4, skewness) for z in range(-12, 200)]
        assert all(a >= b for a, b in itertools.pairwise(values)), skewness


@pytest.mark.parametrize(
    ("k", "n", "p"), [(1, 1, 0.5), (60, 100, 0.5), (100, 100, 0.5), (40, 100, 0.5), (9, 30, 0.1)]
)
def test_binomial(k: int, n: int, p: float) -> None:
    half = mpmath.mpf(p)
    exact = mpmath.fsum(mpmath.binomial(n, j) * half**j * (1 - half) ** (n - j) for j in range(k, n + 1))
    same(tails.log_binomial_tail(k, n, p), mpmath.log(exact))


def test_binomial_of_many() -> None:
    assert tails.log_binomial_tail(200_000, 2**18) < -30_000
    assert tails.log_binomial_tail(131_072, 2**18) == pytest.approx(math.log(0.5), abs=0.002)


@pytest.mark.parametrize(("observed", "mean"), [(5, 1), (40, 20), (0, 3), (2, 9)])
def test_count_bound_is_above_the_poisson_tail(observed: int, mean: float) -> None:
    """A Poisson-binomial is never wider than the Poisson of its mean, for which the bound is made."""
    side = range(observed, 400) if observed > mean else range(observed + 1)
    exact = mpmath.fsum(mpmath.exp(-mean) * mpmath.mpf(mean) ** j / mpmath.factorial(j) for j in side)
    bound = tails.log_count_bound(observed, mean)
    assert float(mpmath.log(exact)) <= bound < float(mpmath.log(exact)) + 3


@pytest.mark.parametrize("x", [0.5, 0.8, 1.36, 3])
def test_kolmogorov(x: float) -> None:
    exact = 2 * mpmath.nsum(
        lambda j: (-1) ** (j - 1) * mpmath.exp(-2 * j * j * mpmath.mpf(x) ** 2), [1, mpmath.inf]
    )
    same(tails.log_kolmogorov_tail(x), mpmath.log(exact), 1e-7)
