"""Distillation of tensors by the kernel: the array's own numbers, layouts, every derivative."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import xent
import xent.torch as X  # noqa: N812
from xent.torch import extensions

# what torch.func.jvp says of torch itself when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


@pytest.fixture
def only_kernel(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("plain operations were taken")

    monkeypatch.setattr(extensions, "_divergence", refuse)


def case(shape, dtype=torch.float32):
    torch.manual_seed(0)
    u = (3 * torch.randn(shape)).to(dtype)
    v = (u + torch.randn(shape)).to(dtype)
    labels = torch.randint(0, shape[min(1, len(shape) - 1)], shape[:1] + shape[2:] if len(shape) > 1 else ())
    return u.requires_grad_(), v, labels


@pytest.mark.usefixtures("only_kernel")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(9,), (40, 3), (7, 90), (2, 6, 4, 3)])
def test_it_is_the_arrays_own(shape, reduction):
    u, v, y = case(shape)
    axis = min(1, len(shape) - 1)
    for options in ({}, {"alpha": 0.3, "temperature": 3.0}, {"alpha": 0.0}, {"alpha": 1.0}):
        ours, theirs = ({}, {}) if not options else ({"target": y}, {"target": y.numpy()})
        loss = X.distillation_loss(u, v, reduction=reduction, **ours, **options)
        (slope,) = torch.autograd.grad(loss.sum(), u)
        want, steep = xent.distillation_loss_with_grad(
            u.detach().numpy(), v.numpy(), axis=axis, reduction=reduction, **theirs, **options
        )
        np.testing.assert_allclose(loss.detach(), want, rtol=1e-6)
        np.testing.assert_allclose(slope, steep, rtol=1e-6, atol=1e-7)


@pytest.mark.usefixtures("only_kernel")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_ignored_rows_upstream_gradients_and_soft_targets(dtype, reduction):
    u, v, y = case((20, 7), dtype)
    y[3] = -100
    q = torch.nn.functional.one_hot(torch.randint(0, 7, (20, 8)), 7).float().mean(1).to(dtype)
    push = torch.rand(20) if reduction == "none" else torch.tensor(0.7)
    for target in (y, q):
        loss = X.distillation_loss(u, v, target=target, alpha=0.3, reduction=reduction)
        (slope,) = torch.autograd.grad(loss, u, push)
        assert loss.dtype == torch.float32
        assert slope.dtype == dtype
        rows = torch.ones(20, dtype=torch.bool) if target is q else y != -100
        assert not slope[~rows].any()
        kept = target[rows].double().numpy() if target is q else target[rows].numpy()
        z, w = (a[rows].detach().double().numpy() for a in (u, v))
        want, steep = xent.distillation_loss_with_grad(z, w, target=kept, alpha=0.3, reduction=reduction)
        factor = push[rows, None] if reduction == "none" else push
        np.testing.assert_allclose(loss.detach()[rows] if reduction == "none" else loss.detach(), want, rtol=1e-6)
        near = 2 * torch.finfo(dtype).eps * float(np.abs(steep).max())
        np.testing.assert_allclose(slope[rows].double(), steep * factor.double().numpy(), atol=near)


def test_further_derivatives_are_those_of_plain_operations():
    u, v, y = case((4, 3))
    y[2] = -100
    for options in ({}, {"target": y}):
        f = lambda z, o=options: X.distillation_loss(z, v.to(z.dtype), **o)  # noqa: E731
        wide = u.detach().double()
        want = torch.func.hessian(f)(wide)
        got = torch.autograd.functional.hessian(f, u)
        torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-6)
        (many,) = torch.autograd.grad(f(u), u, torch.ones(2), is_grads_batched=True)
        loss = f(u)
        (first,) = torch.autograd.grad(loss, u, retain_graph=True)
        (again,) = torch.autograd.grad(loss, u)
        torch.testing.assert_close(first, again, rtol=0, atol=0)
        torch.testing.assert_close(many[1], first)
        torch.testing.assert_close(torch.func.grad(f)(u.detach()), first)


def test_a_teacher_that_learns_has_its_gradient():
    u, v, _ = case((4, 3))
    v.requires_grad_()
    by_both = torch.autograd.grad(X.distillation_loss(u, v), (u, v))
    (by_u,) = torch.autograd.grad(X.distillation_loss(u, v.detach()), u)
    torch.testing.assert_close(by_both[0], by_u)
    assert by_both[1].any()


def test_errors_and_nothing_to_average():
    u, v, y = case((4, 3))
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\), got 9 at row 2"):
        X.distillation_loss(u, v, target=torch.tensor([0, 1, 9, 2]), alpha=1.0)
    with pytest.raises(TypeError, match="must be integers"):
        X.distillation_loss(u, v, target=y.float())
    loss = X.distillation_loss(u, v, target=torch.full((4,), -100))
    loss.backward()
    assert math.isnan(loss.item())
    assert not u.grad.any()
