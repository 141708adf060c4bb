"""Long rows of float32: their neighbours pass meanwhile, and not a bit of either may change."""

from __future__ import annotations

import math

import numpy as np
import pytest

import xent
from xent.kernels import cpu, cpu_softmax, rows
from xent.kernels._math import steepness

RNG = np.random.default_rng(12)
CLASSES = [65, 100, 128, 250, 256, 257, 320, 512, 513, 1000, 1023, 2000, 5003]
NOTHING = np.empty(0)


def batch(n, k):
    """Rows as they come: some do not count, or hold masks, NaN, ties, or a gap that float32 cannot take."""
    z = (RNG.normal(size=(n, k)) * 3).astype(np.float32)
    labels, row = RNG.integers(0, k, n), RNG.normal(size=n)
    labels[RNG.random(n) < 0.2] = -100
    row[RNG.random(n) < 0.15] = 0
    for i, change in enumerate((math.nan, -math.inf, 1e30, -1.5e38, 0.0)):
        if 2 * i + 1 < n:
            z[2 * i + 1, RNG.integers(0, k, k // 3)] = change
    return z, labels, row


def run(z, labels, row, grad, past):
    (n, k), each = z.shape, np.empty(len(z))
    shape, strides, options = (1, k), (k, 0, k, 0), (True, -100, 0.0, 1.0, 1.0, 1.0, past)
    found = rows.cross_entropy(
        z.reshape(-1), labels, NOTHING, row, each, NOTHING, grad, 0, shape, strides,
        steepness(1.0, np.float32), options, 0, n,
    )  # fmt: skip
    return found, each


@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize("n", [1, 2, 8, 9, 17, 40])
def test_past_the_caches_goes_what_goes_into_them(k, n):
    z, labels, row = batch(n, k)
    for shift in (0, 1, 5, 15):  # a row may begin anywhere in a cache line
        inside, outside = (np.full(n * k + 32, np.nan, np.float32) for _ in range(2))
        a = run(z, labels, row, inside[shift : shift + n * k], False)
        b = run(z, labels, row, outside[shift : shift + n * k], True)
        assert repr(a[0]) == repr(b[0])
        np.testing.assert_array_equal(a[1], b[1])
        np.testing.assert_array_equal(inside, outside)
        assert np.isnan(outside[:shift]).all()  # and nothing is written beside it
        assert np.isnan(outside[shift + n * k :]).all()


@pytest.mark.parametrize("k", [65, 250, 1000])
def test_a_row_is_what_it_is_alone(k):
    z, labels, row = batch(24, k)
    _, each = run(z, labels, row, np.empty(z.size, np.float32), True)
    for i in range(len(z)):
        alone = np.empty(k, np.float32)
        _, one = run(z[i : i + 1], labels[i : i + 1], row[i : i + 1], alone, False)
        np.testing.assert_array_equal(one, each[i : i + 1])


@pytest.mark.parametrize("k", [2, 3, 10, 64, 65, 257, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_any_logits_give_what_the_generic_path_gives(k, dtype):
    import array_api_strict as strict

    z, labels, _ = batch(30, k)
    labels = np.where(labels < 0, 0, labels)
    z = np.clip(z, -6e4, 6e4).astype(dtype) if dtype == np.float16 else z.astype(dtype)
    wide = z.astype(np.float64)
    loss, slope = xent.cross_entropy_with_grad(strict.asarray(wide), strict.asarray(labels), reduction="none")
    got, grad = xent.cross_entropy_with_grad(z, labels, reduction="none")
    eps = float(np.finfo(dtype if dtype != np.float16 else np.float32).eps)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(got, np.asarray(loss).astype(got.dtype), rtol=8 * eps, atol=64 * eps)
        tight = 64 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(grad, np.asarray(slope).astype(dtype), rtol=tight, atol=tight)


@pytest.mark.parametrize("k", CLASSES)
def test_softmax_past_the_caches(monkeypatch, k):
    z, _, _ = batch(9, k)
    inside = xent.softmax(z), xent.log_softmax(z), xent.logsumexp(z)
    monkeypatch.setattr(cpu_softmax, "PAST", 0)
    for a, b in zip(inside, (xent.softmax(z), xent.log_softmax(z), xent.logsumexp(z)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pieces_depend_on_the_size_alone(monkeypatch):
    monkeypatch.setattr(cpu, "PIECE", 1000)
    z, labels = RNG.normal(size=(500, 70)).astype(np.float32), RNG.integers(0, 70, 500)
    cut = xent.cross_entropy_with_grad(z, labels)
    monkeypatch.setattr(cpu, "PIECES", 7)
    again = xent.cross_entropy_with_grad(z, labels)
    assert float(cut[0]) == pytest.approx(float(again[0]), rel=1e-15)
    np.testing.assert_array_equal(cut[1], again[1])
