"""Entropy and its gradient by the kernel: what plain operations in float64 give, in every type and layout."""

from __future__ import annotations

import math

import pytest
import torch

import xent.torch as X  # noqa: N812
from xent.kernels import threads
from xent.torch import _entropy

KINDS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def plainly(patch, z, *args, **options):
    """Evaluate by plain operations."""
    with patch.context() as p:
        p.setattr(_entropy, "entropy", lambda *_: None)
        return X.entropy(z, *args, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tau", [1.0, 0.7, 30.0])
@pytest.mark.parametrize(("shape", "dim"), [
    ((3, 1), -1), ((4, 2), 1), ((10,), 0), ((5, 63), -1), ((5, 64), -1), ((5, 65), -1), ((3, 1000), -1),
    ((6, 3), 0), ((2, 7, 5), 1), ((2, 7, 3, 4), 1),
])  # fmt: skip
def test_it_is_that_of_plain_operations(kind, tau, shape, dim, monkeypatch):
    torch.manual_seed(1)
    for size in (0.1, 3.0, 30.0):
        z = (torch.randn(shape) * size).to(kind)
        ours, theirs = z.clone().requires_grad_(), z.double().requires_grad_()
        h, exact = X.entropy(ours, dim, tau), plainly(monkeypatch, theirs, dim, tau)
        assert type(h.grad_fn).__name__ == "EntropyBackward"
        assert h.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
        assert X.entropy(z, dim, tau).equal(h.detach())
        push = torch.randn_like(h)
        h.backward(push)
        exact.backward(push.double())
        assert ours.equal(z)
        # a logit moved by an ulp moves a power by as much as the ulp of the largest logit
        slack = 2 * size / tau * torch.finfo(h.dtype).eps
        torch.testing.assert_close(h.double(), exact, rtol=4 * torch.finfo(h.dtype).eps + 4 * slack, atol=1e-14)
        own = torch.finfo(kind).eps + slack
        # p (g − Σ p g): both parts of the difference are as large as the gaps
        torch.testing.assert_close(
            ours.grad.double(), theirs.grad, rtol=2 * own, atol=1e-7 * (kind != KINDS[1]) + 1e-14
        )


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_sure_row_keeps_its_digits(kind):
    z = torch.tensor([[60.0, 0.0, -3.0], [0.0, 80.0, 0.0]], dtype=kind, requires_grad=True)
    h = X.entropy(z)
    h.sum().backward()
    for row, found, slope in zip(z.tolist(), h.tolist(), z.grad.tolist(), strict=True):
        top = max(row)
        e = [math.exp(a - top) for a in row]
        whole = math.fsum(e)
        mean = math.fsum(p / whole * (top - a) for p, a in zip(e, row, strict=True))
        tail = math.fsum(p for p in e if p < 1)
        rel = 1e-6 if kind == torch.float32 else 1e-13
        assert found == pytest.approx(math.log1p(tail) + mean, rel=rel)
        want = [p / whole * ((top - a) - mean) for p, a in zip(e, row, strict=True)]
        assert slope == pytest.approx(want, rel=rel, abs=1e-300)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_softmax(kind, monkeypatch):
    inf, nan = math.inf, math.nan
    z = torch.tensor(
        [[0, -inf, 1], [-inf, -inf, -inf], [nan, 0, 0], [0, inf, 1], [-inf, 2, -inf], [0, -0.0, 0]]
    ).to(kind)
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    h, want = X.entropy(ours), plainly(monkeypatch, theirs)
    torch.testing.assert_close(h, want, equal_nan=True)
    h.sum().backward()
    want.sum().backward()
    torch.testing.assert_close(
        ours.grad, theirs.grad, equal_nan=True, atol=1e-6, rtol=1e-2 if kind in KINDS[2:] else 1e-6
    )


def test_same_bits_for_any_number_of_threads():
    torch.manual_seed(2)
    z = torch.randn(9000, 700, requires_grad=True)
    found = []
    for n in (1, 3):
        with threads.limit(n):
            h = X.entropy(z)
            found.append((h, *torch.autograd.grad(h.mean(), z)))
    assert all(a.equal(b) for a, b in zip(*found, strict=True))
    q = z.detach().double().log_softmax(1)
    torch.testing.assert_close(
        found[0][1].double(), -q.exp() * (q - (q.exp() * q).sum(1, True)) / 9000, rtol=1e-5, atol=1e-12
    )


def test_again():
    """Gradients of gradients, batches of upstream gradients, transforms, and temperatures beyond the kernel's."""
    torch.manual_seed(3)
    z = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda a: X.entropy(a, temperature=0.7), (z,))
    h = X.entropy(z)
    pushes = torch.randn(2, 3, dtype=torch.float64)
    (both,) = torch.autograd.grad(h, z, pushes, retain_graph=True, is_grads_batched=True)
    torch.testing.assert_close(
        both, torch.stack([torch.autograd.grad(h, z, p, retain_graph=True)[0] for p in pushes])
    )
    each = torch.func.vmap(torch.func.grad(lambda a: X.entropy(a)))(z.detach())
    torch.testing.assert_close(each, torch.autograd.grad(h.sum(), z)[0])
    for tau in (1e-40, 1e40):
        assert X.entropy(z, temperature=tau).isfinite().all()
    assert X.entropy(torch.zeros(0, 3)).shape == (0,)
