"""Focal loss of narrow rows of many classes: exact, as the tiles have it, and every edge."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import xent
import xent.torch
from xent.kernels import cpu, cpu_focal, focal, threads

INF, NAN = math.inf, math.nan


@pytest.fixture
def alone(monkeypatch):
    """Leave no tiles to the kernels."""
    monkeypatch.setattr(focal, "by_tiles", lambda *_: pytest.fail("the tiles were taken"))


def some(n, k, kind, scale=3.0):
    rng = np.random.default_rng(k)
    z, y = (rng.normal(size=(n, k)) * scale).astype(kind), rng.integers(0, k, n)
    z[::3, 0], z[1::3, k - 1] = 3 * scale, -INF
    y[::4] = z[::4].argmax(1)
    z[5, 3] = z[5, 60] = z[5].max()  # a tie
    return z, y


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("k", [65, 127, 1000, 5003])
@pytest.mark.parametrize("gamma", [0.25, 1.0, 2.0, 2.5, 50.0])
@pytest.mark.parametrize("past", [False, True])
def test_rows_are_exact(monkeypatch, kind, k, gamma, past):
    monkeypatch.setattr(cpu_focal, "PAST", -1 if past else cpu.PAST)
    for scale in (0.0, 1e-20, 3.0, 40.0):
        z, y = some(23, k, kind, scale)
        before = z.copy()
        with monkeypatch.context() as m:
            m.setattr(focal, "by_tiles", lambda *_: pytest.fail("the tiles were taken"))
            loss, slope = xent.focal_loss_with_grad(z, y, gamma=gamma, axis=-1, reduction="none")
        wide, steep = xent.focal_loss_with_grad(z.astype(float), y, gamma=gamma, axis=-1, reduction="none")
        assert slope.dtype == kind
        np.testing.assert_array_equal(z, before)
        np.testing.assert_allclose(loss, wide, rtol=2**-23, atol=1.5e-45)
        small = float(np.finfo(kind).smallest_subnormal)
        np.testing.assert_allclose(slope.astype(float), steep, rtol=1.01 * np.finfo(kind).eps, atol=2 * small)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_options_and_layouts_as_by_tiles(monkeypatch, reduction):
    z, y = some(150, 100, np.float32)
    alpha = np.linspace(0, 1, 100)  # of class 0 nothing counts
    y[:9] = 0
    options = {"alpha": alpha, "axis": -1, "reduction": reduction}
    padded = np.pad(z, ((0, 0), (2, 5)))[:, 2:102]
    ours = [xent.focal_loss_with_grad(a, y, **options) for a in (z, padded, z[::-1].copy()[::-1])]
    monkeypatch.setattr(cpu_focal, "MANY", 1000)
    loss, slope = xent.focal_loss_with_grad(z, y, **options)
    for a, b in ours:
        np.testing.assert_allclose(a, loss, rtol=2e-7)
        np.testing.assert_allclose(b, slope, rtol=2.5e-7, atol=1e-45)
        assert not b[:9].any()
        assert xent.focal_loss(z, y, **options) == pytest.approx(a)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_rows_without_a_softmax_masks_and_sure_answers(kind):
    z, y = np.zeros((7, 80), kind), np.full(7, 4)
    z[0, 70], z[1, 2], z[2], z[3, 4], z[4, 4], z[5, 9] = NAN, INF, -INF, -INF, 1000, -NAN
    loss, slope = xent.focal_loss_with_grad(z, y, axis=1, reduction="none")
    for r in (0, 1, 2, 5):
        assert np.isnan(loss[r])
        assert np.isnan(slope[r]).all()
    assert loss[3] == INF
    np.testing.assert_allclose(slope[3], np.where(np.arange(80) == 4, -1, 1 / 79), rtol=1e-3)
    assert loss[4] == 0
    assert not slope[4].any()
    alpha = np.where(np.arange(80) == 4, 0.0, 1.0)
    loss, slope = xent.focal_loss_with_grad(z, y, axis=1, alpha=alpha, reduction="none")
    assert not loss.any()
    assert not slope.any()


@pytest.mark.usefixtures("alone")
def test_threads_change_no_bit_and_a_wrong_label_is_named():
    z, y = some(3000, 200, np.float32)
    many = xent.focal_loss_with_grad(z, y, axis=-1)
    with threads.limit(1):
        one = xent.focal_loss_with_grad(z, y, axis=-1)
    assert many[0] == one[0]
    np.testing.assert_array_equal(many[1], one[1])
    y[2900] = 200
    with pytest.raises(ValueError, match="got 200 at row 2900"):
        xent.focal_loss(z, y, axis=-1)


@pytest.mark.usefixtures("alone")
def test_bfloat16_tensors():
    z, y = some(40, 100, np.float32)
    logits = torch.tensor(z).bfloat16().requires_grad_()
    wide = logits.detach().double().requires_grad_()
    loss = xent.torch.focal_loss(logits, torch.tensor(y))
    loss.backward()
    cost = torch.nn.functional.cross_entropy(wide, torch.tensor(y), reduction="none")
    ((1 - torch.exp(-cost)) ** 2 * cost).mean().backward()
    torch.testing.assert_close(logits.grad.double(), wide.grad, rtol=2**-7, atol=1e-30)
