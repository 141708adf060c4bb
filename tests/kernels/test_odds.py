"""Losses alone, by the odds against the label: right for every label and mask, wherever a row lies."""

from __future__ import annotations

import math

import numpy as np
import pytest

import oracle
import xent
from tests.kernels.test_climb import batch
from xent.kernels import _powers, cpu, odds
from xent.kernels._math import steepness

RNG = np.random.default_rng(21)
INF = math.inf


def excess(got, z, y, tau=1.0, kind="float32"):
    """Error of a loss in units of what is allowed: 4 ulp, and what an ulp of every logit does."""
    exact, tau = oracle.reals(z), oracle.real(tau)
    t = oracle.target(int(y), len(z))
    right, slope = oracle.loss(exact, t, temperature=float(tau)), oracle.gradient(exact, t, temperature=float(tau))
    slack = sum(abs(g) * oracle.ulp(x, kind) for g, x in zip(slope, exact, strict=True))
    return float(abs(oracle.real(float(got)) - right) / (4 * oracle.ulp(right, "float32") + slack))


@pytest.mark.parametrize("k", [33, 63, 64, 65, 80, 127, 128, 129, 200, 515])
@pytest.mark.parametrize("scale", [1e-5, 1.0, 30.0])
def test_bound_wherever_the_label_is(k, scale):
    z = (RNG.normal(size=(8, k)) * scale).astype(np.float32)
    edges = [0, k - 1, k // 2, min(63, k - 1), min(64, k - 1), k // 64 * 64 % k]
    y = np.array([*edges, z[6].argmax(), z[7].argmin()])
    for got, row, label in zip(xent.cross_entropy(z, y, reduction="none"), z, y, strict=True):
        assert excess(got, row, label) <= 1


@pytest.mark.parametrize("tau", [1.0, 2.0, 0.37, 13.0, 1 / 3])
@pytest.mark.parametrize("gap", [-80.0, -30.0, 30.0, 85.0])
def test_bound_at_any_temperature(tau, gap):
    """Where all that counts is one gap, which is as far from the logits' own size as it gets."""
    z = np.full((3, 65), -INF, np.float32)
    z[:, 7], z[:, 40] = -gap * tau / 2, gap * tau / 2
    z[2, 40] += 0.37
    for got, row in zip(xent.cross_entropy(z, np.full(3, 40), reduction="none", temperature=tau), z, strict=True):
        assert 0 < got < INF
        assert excess(got, row, 40, tau) <= 1


def test_where_one_float_is_enough():
    for tau, near in ((1.0, True), (2.0, True), (0.25, True), (13.0, False), (0.37, False)):
        hi, lo, _ = steepness(tau, np.float32)
        assert (_powers.unit_of(hi, lo) > 0) is near


@pytest.mark.parametrize("k", [65, 500, 1000])
@pytest.mark.parametrize("margin", [20.0, 60.0, 87.0, 100.0])
def test_tiny_losses_keep_their_digits(k, margin):
    z = np.zeros((1, k), np.float32)
    z[0, k // 3] = margin
    got = xent.cross_entropy(z, np.array([k // 3]), reduction="none")[0]
    assert got == pytest.approx((k - 1) * math.exp(-margin), rel=1e-5 if margin > 87 else 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("k", [65, 100, 512, 1000])
@pytest.mark.parametrize("mask", [-INF, -1e9, -1e25, float(np.finfo(np.float32).min)])
def test_masks_weigh_nothing(dtype, k, mask):
    z = (RNG.normal(size=(6, k)) * 3).astype(dtype)
    y, out = RNG.integers(0, k, 6), RNG.random((6, k)) < 0.4
    out[np.arange(6), y] = False
    least = -65504.0 if dtype == np.float16 and mask > -INF else mask
    masked = np.where(out, dtype(least), z)
    for got, row, there, label in zip(xent.cross_entropy(masked, y, reduction="none"), z, ~out, y, strict=True):
        place = int(there[:label].sum())
        assert excess(got, row[there], place, kind=np.dtype(dtype).name) <= 1


@pytest.mark.parametrize("k", [40, 128, 1000])
def test_any_logits_give_what_the_gradients_loss_is(k):
    z, labels, row = batch(60, k)
    labels = np.where(labels < 0, 0, labels)
    more = RNG.normal(size=(9, k)).astype(np.float32)
    more[0, 0], more[1, 0], more[2, 0] = -89.0, -200.0, -1e30  # the label, far below the others
    more[3, 0], more[4, 5], more[5] = -INF, INF, -INF
    more[6, 5], more[7], more[8, 0] = math.nan, 3e38, INF
    z, labels, row = np.concatenate([z, more]), np.append(labels, np.zeros(9, int)), np.append(row, np.ones(9))
    options = {"sample_weight": np.abs(row), "reduction": "none"}
    want, _ = xent.cross_entropy_with_grad(z, labels, **options)
    np.testing.assert_allclose(xent.cross_entropy(z, labels, **options), want, rtol=1e-6, atol=1e-35)


@pytest.mark.parametrize("k", [40, 100, 1000])
def test_a_row_is_what_it_is_alone(monkeypatch, k):
    z, labels, _ = batch(131, k)
    labels = np.where(labels < 0, 0, labels)
    want = xent.cross_entropy(z, labels, reduction="none")
    for i in (0, 1, 64, 130):
        np.testing.assert_array_equal(
            xent.cross_entropy(z[i : i + 1], labels[i : i + 1], reduction="none"), want[i]
        )
    wide = np.full((131, k + 5), np.nan, np.float32)  # what lies between rows is nobody's
    wide[:, 2 : k + 2] = z
    np.testing.assert_array_equal(xent.cross_entropy(wide[:, 2 : k + 2], labels, reduction="none"), want)
    monkeypatch.setattr(cpu, "PIECE", 10 * k)
    np.testing.assert_array_equal(xent.cross_entropy(z, labels, reduction="none"), want)


def test_labels_that_do_not_count():
    z = RNG.normal(size=(5, 100)).astype(np.float32)
    z[1], z[3] = math.nan, INF
    labels = np.array([3, -100, 7, 99, 0])
    weight = RNG.uniform(0, 2, 100)
    options = {"ignore_index": -100, "weight": weight, "sample_weight": np.array([1.0, 1.0, 2.0, 0.0, 0.5])}
    got = xent.cross_entropy(z, labels, reduction="none", **options)
    want = xent.cross_entropy(z.astype(np.float64), labels, reduction="none", **options)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    assert got[1] == got[3] == 0
    with pytest.raises(ValueError, match="100"):
        xent.cross_entropy(z, np.array([3, 1, 100, 2, 0]))


def test_nothing_outside_the_rows_is_read():
    """The memory after the last row is another's: a guard page stops whoever reads it."""
    import ctypes
    import mmap

    page = mmap.PAGESIZE
    block = mmap.mmap(-1, 3 * page)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(block))
    assert ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(begin + 2 * page), page, 0) == 0
    for k in (33, 65, 100, 130):
        flat = np.frombuffer((ctypes.c_char * (2 * page)).from_address(begin), np.float32)[-3 * k :]
        flat[:] = RNG.normal(size=3 * k)
        z, y = flat.reshape(3, k), np.array([0, k - 1, k // 2])
        np.testing.assert_array_equal(xent.cross_entropy(z, y), xent.cross_entropy(z.copy(), y))


def test_the_largest_is_found_among_anything():
    for n in (1, 16, 40, 64, 65, 200):
        z = RNG.normal(size=n).astype(np.float32)
        assert odds.summit(z, n) == z.argmax()
        z[n // 2] = math.nan
        assert n == 1 or z[odds.summit(z, n)] == np.nanmax(z)
        assert odds.summit(np.full(n, math.nan, np.float32), n) == 0
        assert odds.summit(np.full(n, -INF, np.float32), n) == 0
