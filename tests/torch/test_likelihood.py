"""nll_loss and kl_div by their shortest ways: the numbers, the bits and the sentences of plain operations."""

from __future__ import annotations

import math

import pytest
import torch

import xent.torch as X  # noqa: N812
from xent.kernels import threads
from xent.torch import _divergence, likelihood

KINDS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def plainly(patch, f, *args, **options):
    """Evaluate by plain operations."""
    with patch.context() as p:
        p.setattr(_divergence, "kl_div", lambda *_: None)
        p.setattr(likelihood, "_torchs", lambda *_: None)
        return f(*args, **options)


def distributions(shape, kind, logs):
    torch.manual_seed(7)
    x, t = torch.randn(shape).log_softmax(-1).to(kind), torch.randn(shape).softmax(-1)
    t.reshape(-1)[::5] = 0
    return x, (t.log() if logs else t).to(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum", "none"])
@pytest.mark.parametrize("logs", [False, True])
def test_divergence_by_kernel(kind, reduction, logs, monkeypatch):
    for shape in ((1, 1), (3, 2), (10,), (), (63,), (64, 3), (5, 65), (3, 1000), (2, 3, 4)):
        x, t = distributions(shape or (1,), kind, logs)
        x, t = x.reshape(shape), t.reshape(shape)
        ours, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
        before = t.clone()
        loss = X.kl_div(ours, t, reduction=reduction, log_target=logs)
        assert type(loss.grad_fn).__name__ == "DivergenceBackward"
        exact = plainly(monkeypatch, X.kl_div, theirs, t.double(), reduction=reduction, log_target=logs)
        assert loss.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
        assert X.kl_div(x, t, reduction=reduction, log_target=logs).equal(loss.detach())
        torch.testing.assert_close(loss, exact.to(loss.dtype), rtol=2e-7, atol=1e-14)
        for push in (torch.ones_like(loss), torch.full_like(loss, -0.7)):
            (found,) = torch.autograd.grad(loss, ours, push, retain_graph=True)
            (want,) = torch.autograd.grad(exact, theirs, push.to(exact.dtype), retain_graph=True)
            torch.testing.assert_close(found, want.to(kind))
        loss.backward(torch.ones_like(loss))
        assert t.equal(before)


def test_divergence_keeps_its_digits():
    """Two distributions next to one another: the difference of the logarithms is taken in float64."""
    t = torch.tensor([0.1, 0.2, 0.7])
    x = t.log() * (1 + 2.0**-22)
    exact = (t.double() * (t.double().log() - x.double())).sum()
    assert X.kl_div(x, t, reduction="sum") == exact.float()
    tiny = torch.tensor([5e-324, 1e-310, 1.0], dtype=torch.float64)
    found = X.kl_div(torch.zeros(3, dtype=torch.float64), tiny, reduction="none")
    assert found.tolist() == [p * math.log(p) for p in tiny.tolist()]


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_divergence_at_the_ends(kind, monkeypatch):
    inf, nan = math.inf, math.nan
    x = torch.tensor([-inf, nan, 0.0, -inf, 0.0, inf, 1.0, nan], dtype=kind)
    t = torch.tensor([0.0, 0.0, -1.0, 0.5, nan, 0.5, inf, 0.5], dtype=kind)
    for logs, q in ((False, t), (True, t.clamp(min=0).log())):
        found = X.kl_div(x, q, reduction="none", log_target=logs)
        want = plainly(monkeypatch, X.kl_div, x, q, reduction="none", log_target=logs)
        torch.testing.assert_close(found, want, equal_nan=True)
        ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        X.kl_div(ours, q, reduction="sum", log_target=logs).backward()
        plainly(monkeypatch, X.kl_div, theirs, q, reduction="sum", log_target=logs).backward()
        torch.testing.assert_close(ours.grad, theirs.grad, equal_nan=True)


def test_divergence_same_bits_for_any_number_of_threads():
    x, t = distributions((1500, 700), torch.float32, False)
    x.requires_grad_()
    found = []
    for n in (1, 3):
        with threads.limit(n):
            loss = X.kl_div(x, t, reduction="batchmean")
            found.append((loss, *torch.autograd.grad(loss, x)))
    assert all(a.equal(b) for a, b in zip(*found, strict=True))
    exact = (t.double() * (torch.where(t > 0, t, 1.0).double().log() - x.detach().double())).sum() / 1500
    torch.testing.assert_close(found[0][0], exact.float(), rtol=1e-7, atol=0)
    torch.testing.assert_close(found[0][1], -t / 1500)


def test_divergence_of_other_layouts_and_what_the_kernel_leaves():
    x, t = distributions((6, 5), torch.float32, False)
    want = X.kl_div(x, t, reduction="sum")
    assert X.kl_div(x.t(), t.t().contiguous(), reduction="sum").isclose(want, rtol=1e-6)
    assert X.kl_div(x[:, ::2], t[:, ::2], reduction="none").equal(X.kl_div(x, t, reduction="none")[:, ::2])
    ours = x.t().requires_grad_()
    X.kl_div(ours, t.t(), reduction="sum").backward()
    torch.testing.assert_close(ours.grad, -t.t())
    for q in (t.clone().requires_grad_(), t[:1], t.double()):
        loss = X.kl_div(x.requires_grad_(), q, reduction="sum")
        assert type(loss.grad_fn).__name__ != "DivergenceBackward"
    assert X.kl_div(torch.zeros(0, 3), torch.zeros(0, 3)).isnan()


def test_divergence_again():
    """Graphs that are kept, gradients of gradients by the upstream one, and batches of upstream gradients."""
    x, t = distributions((4, 3), torch.float64, False)
    x.requires_grad_()
    loss = X.kl_div(x, t, reduction="sum")
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    first.zero_()
    (second,) = torch.autograd.grad(loss, x, retain_graph=True)
    torch.testing.assert_close(second, -t)
    (batched,) = torch.autograd.grad(loss, x, torch.tensor([1.0, 2.0]).double(), is_grads_batched=True)
    torch.testing.assert_close(batched, torch.stack([-t, -2 * t]))
    (slope,) = torch.autograd.grad(X.kl_div(x, t, reduction="sum") ** 2, x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    torch.testing.assert_close(bend, 2 * t.sum() * t)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_likelihood_is_that_of_plain_operations(kind, reduction, monkeypatch):
    torch.manual_seed(5)
    for shape in ((5,), (7, 5), (3, 5, 4), (2, 5, 3, 4)):
        rows = shape[:1] + shape[2:] if len(shape) > 1 else ()
        for weight in (None, torch.rand(5) + 0.1, torch.rand(5).double() + 0.1, -torch.rand(5)):
            for ignore, integers in ((-100, torch.int64), (2, torch.int32), (2, torch.uint8)):
                x = torch.randn(shape).log_softmax(min(1, len(shape) - 1)).to(kind)
                ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
                y = torch.randint(5, rows).to(integers)
                options = {"weight": weight, "ignore_index": ignore, "reduction": reduction}
                loss = X.nll_loss(ours, y, **options)
                want = plainly(monkeypatch, X.nll_loss, theirs, y, **options)
                torch.testing.assert_close(loss, want, equal_nan=True)
                push = torch.randn_like(loss)
                loss.backward(push)
                want.backward(push)
                torch.testing.assert_close(ours.grad, theirs.grad, equal_nan=True)


def test_likelihood_takes_torchs_function():
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 2, 1, 1])
    for weight in (None, torch.rand(3) + 0.1):
        assert type(X.nll_loss(x, y, weight).grad_fn).__name__ == "NllLossBackward0"
    nothing = X.nll_loss(x, torch.full((4,), -100))
    nothing.backward()
    assert nothing.isnan()
    assert not x.grad.any()
    for wrong in (3, -1):
        with pytest.raises(X.LabelError, match=rf"\[0, 3\), got {wrong} at row 2"):
            X.nll_loss(x, torch.tensor([0, 1, wrong, 0]))
    for given in (None, [1, 2]):
        with pytest.raises(TypeError, match=r"target must be a torch.Tensor"):
            X.nll_loss(x, given)
    with pytest.raises(ValueError, match="C ≥ 1 classes"):
        X.nll_loss(torch.zeros(2, 0), torch.zeros(2, dtype=torch.int64))
    weight = torch.rand(3, requires_grad=True)
    X.nll_loss(x, y, weight).backward()
    assert weight.grad is not None
