"""What the kernels compute with, number by number, against 400 digits: exp, log1p, half types, pairs of floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numba import njit

import oracle
from xent.kernels import _math, _pairs, finish, logistic
from xent.kernels._compile import EXACT

RNG = np.random.default_rng(5)
INF, NAN = math.inf, math.nan
MP = oracle.MP
compiled = njit(**(EXACT | {"forceinline": False}))


# ------------------------------------------------------------------------------------------------------ exponential


@compiled
def powers(top, x, hi, lo, most):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = _math.power(top[i], x[i], hi, lo, most)
    return out


def pairs_of_logits(kind, n=400):
    """Largest logits and logits below them: near ones, far ones, ones whose difference is no float."""
    top = np.concatenate([RNG.normal(size=n) * 5, np.zeros(n), RNG.normal(size=n) * 1e-9])
    least = -300 if kind == "float64" else -37
    gap = np.concatenate(
        [10.0 ** RNG.uniform(-18, 2.8, n), 10.0 ** RNG.uniform(least, 2.8, n), RNG.uniform(0, 120, n)]
    )
    top = top.astype(kind)
    return top, np.minimum((top - gap).astype(kind), top)


@pytest.mark.parametrize("tau", [1.0, 0.7, 13.0])
def test_power_of_float64_is_good_to_about_an_ulp(tau):
    top, x = pairs_of_logits("float64")
    got = powers(top, x, *_math.steepness(tau, np.float64))
    exact = [MP.exp((oracle.real(b) - oracle.real(a)) / oracle.real(tau)) for a, b in zip(top, x, strict=True)]
    assert max(oracle.ulps(g, e) for g, e in zip(got, exact, strict=True)) <= 1.2


@pytest.mark.parametrize("tau", [1.0, 0.7, 13.0])
def test_power_of_float32_loses_what_its_difference_loses(tau):
    top, x = pairs_of_logits("float32")
    hi, lo, most = _math.steepness(tau, np.float32)
    got, constant = powers(top, x, hi, lo, most), oracle.real(float(hi)) + oracle.real(float(lo))
    assert abs(constant * MP.log(2) * oracle.real(tau) - 1) <= oracle.real(2.0**-48)
    for g, a, b in zip(got, top, x, strict=True):
        gap = oracle.real(float(a)) - oracle.real(float(b))
        exact, rounded = MP.exp(-gap / oracle.real(tau)), oracle.ulp(gap, "float32") / 2
        moved = exact * rounded / oracle.real(tau)
        assert abs(oracle.real(float(g)) - exact) <= 1.2 * oracle.ulp(exact, "float32") + moved
        ulps = sum(oracle.ulp(oracle.real(float(v)), "float32") for v in (a, b))
        assert rounded <= ulps  # the bound of kernels: each logit moved by at most an ulp


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_power_at_the_ends(kind):
    top = np.array([3.0, 3.0, 3.0, 0.0, 3e38], kind)
    x = np.array([3.0, -INF, NAN, -800.0 if kind == np.float64 else -120.0, -3e38], kind)
    got = powers(top, x, *_math.steepness(1.0, kind))
    np.testing.assert_array_equal(got, np.array([1, 0, NAN, 0, 0], kind))


@compiled
def falls(g):
    out = np.empty_like(g)
    for i in range(g.size):
        out[i] = logistic.fall(g[i])
    return out


@compiled
def pair_powers(g, low):
    hi, lo = np.empty_like(g), np.empty_like(g)
    for i in range(g.size):
        hi[i], lo[i] = _pairs.exp_minus(g[i], low[i])
    return hi, lo


def test_exp_of_float64_and_in_pairs():
    gap = np.concatenate([10.0 ** RNG.uniform(-40, 2.9, 500), RNG.uniform(0, 40, 300), [0.0, 700.0, 744.0]])
    exact = [MP.exp(-oracle.real(g)) for g in gap]
    assert max(oracle.ulps(a, e) for a, e in zip(falls(gap), exact, strict=True)) <= 1.2
    np.testing.assert_array_equal(falls(np.array([INF, NAN, 800.0])), [0, NAN, 0])
    low = gap * RNG.uniform(-1, 1, gap.size) * 2.0**-53
    hi, lo = pair_powers(gap, low)
    for g, r, h, rest in zip(gap, low, hi, lo, strict=True):
        if g < 650:  # beyond, the second float is below the normal range
            exact = MP.exp(-oracle.real(g) - oracle.real(r))
            error = abs(oracle.real(h) + oracle.real(rest) - exact) / exact
            assert error <= oracle.real(2.0**-53) * min(1, oracle.real(g))


# -------------------------------------------------------------------------------------------------------- logarithm


@compiled
def logarithms(t):
    full, short = np.empty_like(t), np.empty_like(t)
    for i in range(t.size):
        full[i] = _math.log1p(t[i])
        short[i] = _math.log1p_single(t[i])
    return full, short


def test_log1p():
    t = np.concatenate(
        [10.0 ** RNG.uniform(-300, 6, 800), RNG.uniform(0, 2, 800), [0.0, 1.0, 5e-324, 1e299, 0.001]]
    )
    full, short = logarithms(t)
    for x, a, b in zip(t, full, short, strict=True):
        exact = MP.log(1 + oracle.real(x))
        assert oracle.ulps(a, exact) < 1
        assert abs(oracle.real(b) - exact) <= exact * oracle.real(2.0**-29)
    for got in logarithms(np.array([INF, NAN])):
        np.testing.assert_array_equal(got, [INF, NAN])


@compiled
def logarithm_and_share(e):
    log, share = np.empty_like(e), np.empty_like(e)
    for i in range(e.size):
        log[i], share[i] = logistic.both(e[i])
    return log, share


def test_logarithm_and_share_by_one_division():
    e = np.concatenate([10.0 ** RNG.uniform(-300, 0, 500), RNG.uniform(0, 1, 500), [0.0, 1.0]])
    log, share = logarithm_and_share(e)
    for x, a, b in zip(e, log, share, strict=True):
        exact = MP.log(1 + oracle.real(x))
        assert abs(oracle.real(a) - exact) <= exact * oracle.real(2.0**-37)
        assert oracle.ulps(b, 1 / (1 + oracle.real(x))) <= 4
    assert np.isnan(logarithm_and_share(np.array([NAN]))).all()


# --------------------------------------------------------------------------------------------------- bits of floats


@compiled
def keys(x):
    out = np.empty(x.size, np.int64)
    for i in range(x.size):
        k = _math.key(x[i])
        out[i] = k
        x[i] = _math.unkey(k)
    return out


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_keys_order_as_floats_do(kind):
    x = np.concatenate([RNG.normal(size=300) * 10.0 ** RNG.uniform(-30, 30, 300), [0.0, INF, -INF, 1e-45]]).astype(
        kind
    )
    before = x.copy()
    order = np.argsort(keys(x), kind="stable")
    assert (np.diff(before[order]) >= 0).all()
    np.testing.assert_array_equal(x, before)


@compiled
def widened(bits, kind):
    out = np.empty(bits.size, np.float32)
    for i in range(bits.size):
        out[i] = _math.widen(bits[i], kind)
    return out


@compiled
def narrowed(x, kind):
    out = np.empty(x.size, np.uint16)
    for i in range(x.size):
        out[i] = _math.narrow(x[i], out[i], kind)
    return out


def as_brain(bits):
    return torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)


def test_every_half_type_number_widens_and_comes_back():
    bits = np.arange(2**16, dtype=np.uint16)
    for kind, want in (
        (_math.HALF, bits.view(np.float16).astype(np.float32)),
        (_math.BRAIN, as_brain(bits).float().numpy()),
    ):
        got = widened(bits, kind)
        np.testing.assert_array_equal(got, want)
        number = ~np.isnan(got)
        np.testing.assert_array_equal(narrowed(got, kind)[number], bits[number])
        assert np.isnan(widened(narrowed(got, kind), kind)[~number]).all()


def test_narrowing_rounds_to_the_nearest_and_ties_to_even():
    bits = RNG.integers(0, 2**32, 200_000, dtype=np.uint32)
    bits[:100_000] &= 0xFFFF8000  # ties of bfloat16
    bits[100_000:150_000] &= 0xFFFFF000  # … of float16
    x = bits.view(np.float32)
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(narrowed(x, _math.HALF).view(np.float16), x.astype(np.float16))
    want = torch.from_numpy(x.copy()).to(torch.bfloat16)
    assert torch.equal(as_brain(narrowed(x, _math.BRAIN)).float(), want.float())


# ------------------------------------------------------------------------------------------------------------- sums


@compiled
def added_up(x):
    total, rest = 0.0, 0.0
    for i in range(x.size):
        total, rest = finish.two_sum(total, rest, x[i])
    return total, rest


def test_sums_keep_what_is_rounded_off():
    x = RNG.normal(size=1000) * 10.0 ** RNG.uniform(-20, 20, 1000)
    total, rest = added_up(x)
    assert total + rest == pytest.approx(math.fsum(x), rel=1e-15)
    assert added_up(np.array([1.0, INF, 1.0])) == (INF, 0.0)
    assert math.isnan(sum(added_up(np.array([INF, -INF]))))
