"""Powers of float32 logits in vectors, against 400 digits: as AVX-512 computes them, and as any processor does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit

import oracle
from xent.kernels import _math, _powers
from xent.kernels._compile import INLINE
from xent.kernels._math import at

RNG = np.random.default_rng(11)
MP = oracle.MP
HOST = _math._SCALES  # whether this processor has the instructions


def compiled(near):
    """Compile anew: which arithmetic is used is decided then."""
    lift, _ = _powers._lifting(near)

    @njit(**(INLINE | {"forceinline": False}))
    def powers(z, top, hi, lo, most):
        out, parts, ties = np.empty_like(z), np.empty(128, np.float32), 0
        p, unit = at(parts, ((64 - (parts.ctypes.data & 63)) & 63) >> 2), _powers.unit_of(hi, lo)
        for i in range(64):
            p[i] = 0
        for j in range(0, z.size, 64):
            ties += lift(at(out, j), at(z, j), top, hi, lo, most, unit, p)  # sums lie at whole vectors
        total = 0.0
        for i in range(64):
            total += p[i]
        return out, ties, total

    return powers


@pytest.fixture(params=["AVX-512", "anywhere"])
def arithmetic(request, monkeypatch):
    if request.param == "AVX-512" and not HOST:
        pytest.skip("this processor has no AVX-512")
    monkeypatch.setattr(_powers, "_SCALES", request.param == "AVX-512")


@pytest.fixture(params=[False, True], ids=["exactly", "near"])
def near(request):
    return request.param


@pytest.fixture
def powers(arithmetic, near):  # noqa: ARG001 - it chooses what is compiled
    return compiled(near)


def compiled_sums(near):
    """Compile sums of 64 logits' powers, and of n but one's: anew, too."""
    every, others = _powers._summing(near)

    @njit(**(INLINE | {"forceinline": False}))
    def sums(z, n, own, top, hi, lo, most):
        unit = _powers.unit_of(hi, lo)
        parts, count = np.empty(128, np.float32), (n + 15) // 16
        p = at(parts, ((64 - (parts.ctypes.data & 63)) & 63) >> 2)
        for i in range(64):
            p[i] = 0
        if own < 0:
            every(at(z, 0), top, hi, lo, most, unit, p)
        elif count == 1:
            others(1, at(z, 0), n, own, top, hi, lo, most, unit, p)
        elif count == 2:
            others(2, at(z, 0), n, own, top, hi, lo, most, unit, p)
        else:
            others(4, at(z, 0), n, own, top, hi, lo, most, unit, p)
        total = 0.0
        for i in range(64):
            total += p[i]
        return total

    return sums


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize(("near", "tau"), [(False, 1.0), (False, 0.37), (True, 1.0), (True, 0.7)])
def test_sums_of_powers_on_both_sides(near, tau):
    sums, scales = compiled_sums(near), _math.steepness(tau, np.float32)
    for reach in (1e-3, 1.0, 20.0, 85.0):
        z = (RNG.uniform(-reach, reach, 64) * tau).astype(np.float32)
        top = np.float32(0.25 * tau)
        gap = [oracle.real(float(top - a)) / oracle.real(tau) for a in z]
        exact = [MP.exp(-g) for g in gap]
        some = float(2 * max(oracle.ulp(e, "float32") / e for e in exact)) + reach * 2.0**-26
        assert sums(z, 64, -1, top, *scales) == pytest.approx(float(sum(exact)), rel=some)
        for n, own in ((64, 0), (64, 63), (20, 3), (32, 16), (16, 15), (5, 2), (1, 0)):
            rest = sum((e for j, e in enumerate(exact[:n]) if j != own), oracle.real(0.0))
            assert sums(z, n, own, top, *scales) == pytest.approx(float(rest), rel=some)


@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("gap", [-90.0, -200.0, -1e5, -1e8, -1e20, -3e38, -math.inf, math.nan])
def test_a_power_too_large_shows(near, gap):
    z = np.zeros(64, np.float32)
    z[[3, 40]] = -gap
    total = compiled_sums(near)(z, 64, -1, np.float32(0), *_math.steepness(1.0, np.float32))
    assert not 0 <= total < math.inf


@pytest.mark.parametrize("tau", [1.0, 0.7, 13.0])
def test_powers_lose_what_their_difference_loses(powers, near, tau):
    hi, lo, most = _math.steepness(tau, np.float32)
    if near and not _powers.unit_of(hi, lo):
        pytest.skip("no float32 is near enough to the gap that halves a power")
    top = np.float32(3.7)
    gap = np.concatenate([10.0 ** RNG.uniform(-8, 2.2, 320), RNG.uniform(0, 110, 320) * tau])
    z = np.minimum((top - gap).astype(np.float32), top)
    got, _, _ = powers(z, top, hi, lo, most)
    for g, a in zip(got, z, strict=True):
        gap = oracle.real(float(top)) - oracle.real(float(a))
        exact, rounded = MP.exp(-gap / oracle.real(tau)), oracle.ulp(gap, "float32") / 2
        moved = exact * rounded / oracle.real(tau) * (1.25 if near else 1)
        assert abs(oracle.real(float(g)) - exact) <= 1.2 * oracle.ulp(exact, "float32") + moved


def test_what_is_largest_is_counted_and_not_added(powers):
    scales = _math.steepness(1.0, np.float32)
    z = RNG.normal(size=64).astype(np.float32)
    z[[3, 17, 63]] = top = np.float32(5)
    got, ties, total = powers(z, top, *scales)
    assert ties == 3
    np.testing.assert_array_equal(got[[3, 17, 63]], 1)
    assert total == pytest.approx(np.exp(np.delete(z, [3, 17, 63]).astype(np.float64) - 5).sum(), rel=1e-6)


def test_minus_zero_is_as_large_as_zero(powers):
    z = np.full(64, -1, np.float32)
    z[[3, 17, 63]] = 0.0, -0.0, 0.0
    for top in (np.float32(0.0), np.float32(-0.0)):
        got, ties, total = powers(z, top, *_math.steepness(1.0, np.float32))
        np.testing.assert_array_equal(got[[3, 17, 63]], 1)
        assert ties + total == pytest.approx(3 + 61 * math.exp(-1), rel=1e-6)


def test_masks_and_nan(powers):
    scales = _math.steepness(1.0, np.float32)
    z = np.full(64, -math.inf, np.float32)
    z[:4] = 2.0, -120.0, math.nan, -80.0
    got, ties, total = powers(z, np.float32(2), *scales)
    assert ties == 1
    np.testing.assert_array_equal(got[[0, 1, 2]], [1, 0, math.nan])
    assert 0 < got[3] < 1e-35
    assert (got[4:] == 0).all()
    assert math.isnan(total)


@pytest.mark.parametrize("gap", [1e8, 1e20, 1e25, 1e30, 3e38])
def test_a_huge_gap_is_0_or_makes_the_sum_not_finite(powers, gap):
    z = np.full(64, np.float32(-gap))
    z[0] = 0
    got, _, total = powers(z, np.float32(0), *_math.steepness(1.0, np.float32))
    assert (got[1:] == 0).all() or not math.isfinite(total)
