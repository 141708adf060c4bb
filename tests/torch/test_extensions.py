"""Focal loss, distillation and entropy: the same numbers as xent's and the oracle's, torch's layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
import xent.torch as X  # noqa: N812
from strategies import batches, masked_rows

DOUBLE, INF = torch.float64, math.inf


@given(batches(least_rows=1), st.sampled_from([0.0, 0.5, 2.0]), st.sampled_from(["mean", "sum", "none"]))
def test_focal_loss_is_xents(batch, gamma, reduction):
    logits, labels = batch
    alpha = np.linspace(0.5, 2, logits.shape[1])
    for y, axis, a in ((labels, -1, alpha), ((logits > 1).astype(float), None, 0.25)):
        want = xent.focal_loss_with_grad(logits, y, gamma=gamma, alpha=a, axis=axis, reduction=reduction)
        z = torch.tensor(logits, requires_grad=True)
        given_alpha = torch.tensor(a) if axis == -1 else a
        loss = X.focal_loss(z, torch.tensor(y), gamma=gamma, alpha=given_alpha, reduction=reduction)
        (slope,) = torch.autograd.grad(loss.sum(), z)
        np.testing.assert_allclose(loss.detach(), want[0], rtol=1e-12)
        np.testing.assert_allclose(slope, want[1], rtol=1e-10, atol=1e-15)


def test_focal_loss_leaves_rows_out():
    z, y = torch.randn(4, 3), torch.tensor([0, -100, 2, 1])
    keep = y != -100
    torch.testing.assert_close(X.focal_loss(z, y), X.focal_loss(z[keep], y[keep]))
    torch.testing.assert_close(X.focal_loss(z, y, gamma=0.0), torch.nn.functional.cross_entropy(z, y))
    with pytest.raises(ValueError, match="0 or 1, got 2"):
        X.focal_loss(z, torch.full((4, 3), 2))
    assert torch.func.vmap(X.focal_loss)(z, torch.full((4, 3), 2)).isnan().all()
    with pytest.raises(TypeError, match="a tensor with a factor for each"):
        X.focal_loss(z, y, alpha=0.25)
    with pytest.raises(ValueError, match="alpha"):
        X.focal_loss(z, (z > 0).long(), alpha=2.0)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("spread", [1e-9, 1e-4, 0.3, 5.0, 100.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distillation_against_the_oracle(dtype, spread, temperature):
    torch.manual_seed(0)
    v = 3 * torch.randn(6, 5, dtype=getattr(torch, dtype))
    u = v + spread * torch.randn(6, 5, dtype=v.dtype)
    loss = X.distillation_loss(u, v, temperature=temperature, reduction="none")
    tau = oracle.real(temperature)
    for a, b, got in zip(u.tolist(), v.tolist(), loss, strict=True):
        p, q = (oracle.softmax([x / tau for x in oracle.reals(r)]) for r in (b, a))
        want = tau**2 * oracle.kl_divergence(p, q)
        # relative: no digits are lost however close the two are
        assert float(abs(float(got) - want)) <= float(want) * (2e-5 if dtype == "float32" else 1e-13)


@given(batches(least_rows=1), st.sampled_from([None, 0.0, 0.4, 1.0]))
def test_distillation_is_xents(batch, alpha):
    student, labels = batch
    teacher = np.roll(student, 1, axis=1) * 0.5
    kw = {} if alpha is None else {"target": labels, "alpha": alpha}
    want = xent.distillation_loss_with_grad(student, teacher, **kw)
    z = torch.tensor(student, requires_grad=True)
    if kw:
        kw["target"] = torch.tensor(labels)
    loss = X.distillation_loss(z, torch.tensor(teacher), **kw)
    (slope,) = torch.autograd.grad(loss, z)
    assert float(loss.detach()) == pytest.approx(float(want[0]), rel=1e-11, abs=1e-300)
    np.testing.assert_allclose(slope, want[1], rtol=1e-9, atol=1e-13)


def test_distillation_edges():
    u = torch.tensor([[0.0, -INF, 1.0], [0.0, 1.0, -INF], [0.0, -INF, 2.0], [INF, 0.0, 0.0]], dtype=DOUBLE)
    v = torch.tensor([[0.0, -INF, 1.5], [0.0, -INF, -INF], [0.0, 1.0, 2.0], [0.0, 0.0, 0.0]], dtype=DOUBLE)
    want = xent.distillation_loss(u.numpy(), v.numpy(), reduction="none")
    np.testing.assert_allclose(X.distillation_loss(u, v, reduction="none"), want, rtol=1e-13)
    assert np.isfinite(want[:2]).all()
    assert X.distillation_loss(v[0] + 5, v[0]) == 0, "a shift is no difference"
    y = torch.tensor([0, -100, 2])
    both = X.distillation_loss(u[:3].nan_to_num(neginf=0), v[:3].nan_to_num(neginf=0), target=y)
    kept = X.distillation_loss(u[[0, 2]].nan_to_num(neginf=0), v[[0, 2]].nan_to_num(neginf=0), target=y[[0, 2]])
    torch.testing.assert_close(both, kept)
    with pytest.raises(ValueError, match="leave it out"):
        X.distillation_loss(u, v, alpha=0.5)
    with pytest.raises(ValueError, match="one shape"):
        X.distillation_loss(u, v[:2])


@given(masked_rows(), st.sampled_from([0.5, 1.0, 4.0]))
def test_entropy_against_the_oracle(row, temperature):
    got = X.entropy(torch.tensor(row, dtype=DOUBLE), temperature=temperature)
    finite = [x / oracle.real(temperature) for x in oracle.reals(row) if x != -oracle.MP.inf]
    want = -sum(p * oracle.MP.log(p) for p in oracle.softmax(finite))
    # logits of 1e8 have an ulp of 1.5e-8, and a quotient by 0.5 or 4 is exact
    assert float(got) == pytest.approx(float(want), rel=1e-12, abs=1e-300)


def test_entropy_edges():
    z = torch.tensor([[0.0, -INF], [-INF, -INF], [math.nan, 0.0], [0.0, 0.0]], requires_grad=True)
    h = X.entropy(z)
    (slope,), h = torch.autograd.grad(h.sum(), z), h.detach()
    assert h[0] == 0
    assert h[1:3].isnan().all()
    assert float(h[3]) == pytest.approx(math.log(2))
    assert (slope[0] == 0).all()
    assert slope[1:3].isnan().all()
    assert X.entropy(torch.zeros(2, 3, 4), dim=1).shape == (2, 4)
    assert X.entropy(z.detach().half()).dtype == torch.float32
    with pytest.raises(ValueError, match="dim must be"):
        X.entropy(z, dim=2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(50, 3), (7, 90), (4, 5, 6)])
def test_focal_loss_of_classes_is_the_arrays_own(shape, dtype):
    """To the bit where NumPy has the type: one kernel, with digits to spare for γ."""
    torch.manual_seed(0)
    z = (4 * torch.randn(shape)).to(getattr(torch, dtype)).requires_grad_(True)
    labels = torch.randint(0, shape[1], shape[:1] + shape[2:])
    ignored = labels == 0
    alpha = torch.rand(shape[1]) + 0.5
    loss = X.focal_loss(z, labels, gamma=5.0, alpha=alpha, ignore_index=0, reduction="none")
    (slope,) = torch.autograd.grad(loss.sum(), z)
    array = z.detach().float().numpy() if dtype == "bfloat16" else z.detach().numpy()
    want = xent.focal_loss_with_grad(
        array, labels.numpy(), gamma=5.0, alpha=alpha.numpy(), axis=1, reduction="none"
    )
    assert loss[ignored].count_nonzero() == 0
    assert (slope.movedim(1, -1)[ignored] == 0).all()
    near = {"float64": 1e-14, "float32": 1e-6, "float16": 2e-3, "bfloat16": 1e-2}[dtype]
    torch.testing.assert_close(
        loss[~ignored].double(), torch.from_numpy(want[0]).double()[~ignored], rtol=min(near, 1e-6), atol=0
    )
    np.testing.assert_allclose(
        slope.movedim(1, -1)[~ignored].double(), np.moveaxis(want[1], 1, -1)[~ignored.numpy()], rtol=near, atol=1e-7
    )


def test_focal_loss_keeps_its_digits_at_a_large_exponent():
    """γ multiplies the relative error of 1 − p: at γ = 5 the plain kernel was off by 2.4 times the bound."""
    torch.manual_seed(1)
    z = 6 * torch.randn(300, 4, dtype=DOUBLE)
    labels = z.argmax(1)
    losses = X.focal_loss(z, labels, gamma=5.0, reduction="none").tolist()
    for row, label, got in zip(z.tolist(), labels.tolist(), losses, strict=True):
        p = oracle.softmax(oracle.reals(row))
        miss = sum(q for j, q in enumerate(p) if j != label)
        want = -(miss**5) * oracle.MP.log1p(-miss)
        sway = 5 * float(sum(p[j] * abs(row[j] - row[label]) for j in range(4)) / miss)  # by an ulp of a logit
        assert abs(got - want) <= want * (4 + sway) * 2**-52
