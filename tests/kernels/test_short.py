"""Short rows of float32: bit for bit what the loop for long rows gives, wherever lines of memory begin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import xent
import xent.torch
from tests.kernels.test_climb import NOTHING, batch
from xent.kernels import cpu, rows, short
from xent.kernels._math import steepness

CLASSES = [33, 47, 48, 63, 64, 65, 80, 81, 100, 127, 129, 250, 256, 257, 319, 321, 500, 512]
RNG = np.random.default_rng(5)


def run(loop, z, labels, row, grad, past, *, step=None, tau=1.5):
    (n, k), each, lse = z.shape, np.empty(len(z)), np.empty(len(z))
    shape, options = (1, k), (True, -100, 0.25, 2.0, 3.0, tau, past)
    strides = (step or k, 0, k, 0)
    flat = z.reshape(-1) if step is None else np.lib.stride_tricks.as_strided(z, ((n - 1) * step + k,), (4,))
    found = loop.cross_entropy(
        flat, labels, NOTHING, row, each, lse, grad, 0, shape, strides, steepness(tau, np.float32), options, 0, n
    )
    return found, each, lse


@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize("n", [1, 2, 5, 63, 64, 65, 131])
@pytest.mark.parametrize("tau", [1.0, 1.5])
def test_it_is_what_long_rows_are(k, n, tau):
    z, labels, row = batch(n, k)
    want = np.full(n * k, np.nan, np.float32)
    a = run(rows, z, labels, row, want, False, tau=tau)
    for shift, past in ((0, True), (1, False), (5, True), (15, True)):  # a row may begin anywhere in a line
        out = np.full(n * k + 96, np.nan, np.float32)
        begin = (-out.ctypes.data // 4) % 16 + shift
        b = run(short, z, labels, row, out[begin : begin + n * k], past, tau=tau)
        assert a[0][2] == b[0][2]
        assert a[0][0] + a[0][1] == pytest.approx(b[0][0] + b[0][1], rel=1e-14, nan_ok=True)
        for x, y in zip(a[1:], b[1:], strict=True):
            np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(want, out[begin : begin + n * k])
        assert np.isnan(out[:begin]).all()  # and nothing is written beside it
        assert np.isnan(out[begin + n * k :]).all()


@pytest.mark.parametrize("k", [33, 100, 512])
def test_from_rows_apart(k):
    z, labels, row = batch(150, k)
    wide = np.full((150, k + 7), np.inf, np.float32)  # what lies between rows is nobody's
    wide[:, :k] = z
    grad, found = np.empty(z.size, np.float32), np.empty(z.size, np.float32)
    want = run(short, z, labels, row, grad, False)
    got = run(short, wide[:, :k], labels, row, found, True, step=k + 7)
    assert repr(got[0]) == repr(want[0])
    for x, y in zip((*got[1:], found), (*want[1:], grad), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("k", [32, 33, 64, 65, 512, 513])
def test_few_rows_and_many_are_the_same_bits(monkeypatch, k):
    z, labels, _ = batch(70, k)
    labels = np.where(labels < 0, 0, labels)
    z = np.where(np.isfinite(z) & (np.abs(z) < 1e20), z, np.float32(0))
    loss, slope = xent.cross_entropy_with_grad(z, labels)
    short_torch = torch.from_numpy(z).requires_grad_()
    value = xent.torch.cross_entropy(short_torch, torch.from_numpy(labels))
    value.backward()
    monkeypatch.setattr(cpu, "PIECE", 10 * k)
    monkeypatch.setattr(cpu, "PAST", 0)
    cut, parts = xent.cross_entropy_with_grad(z, labels)
    np.testing.assert_array_equal(slope, parts)
    assert float(cut) == pytest.approx(float(loss), rel=1e-7)
    np.testing.assert_array_equal(short_torch.grad.numpy(), slope)
    assert value.item() == float(loss)


@pytest.mark.parametrize("k", [40, 64])
def test_gradients_laid_out_otherwise(k):
    z, labels = RNG.normal(size=(90, k)).astype(np.float32), RNG.integers(0, k, 90)
    want = np.empty_like(z)
    cpu.cross_entropy(z[:, :, None], labels[:, None], grad=want[:, :, None])
    for out in (np.empty((k, 90), np.float32).T, np.empty((90, k + 3), np.float32)[:, :k]):
        cpu.cross_entropy(z[:, :, None], labels[:, None], grad=out[:, :, None])
        np.testing.assert_array_equal(out, want)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.0e38])
def test_a_row_that_is_computed_slowly_spoils_no_neighbour(value):
    z, labels = RNG.normal(size=(66, 100)).astype(np.float32), RNG.integers(0, 100, 66)
    clean, slope = xent.cross_entropy_with_grad(z, labels, reduction="none")
    for i in (0, 1, 63, 64, 65):
        odd = z.copy()
        odd[i] = value
        odd[i, 3] = -3.0e38
        loss, grad = xent.cross_entropy_with_grad(odd, labels, reduction="none")
        others = np.arange(66) != i
        np.testing.assert_array_equal(loss[others], clean[others])
        np.testing.assert_array_equal(grad[others], slope[others])
