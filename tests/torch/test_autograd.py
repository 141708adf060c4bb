"""Derivatives of `xent.torch` of every order, in every direction, and what a backward pass does with memory."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.autograd import forward_ad, gradcheck, gradgradcheck

import oracle
import xent.torch as X  # noqa: N812

# what torch.func.jvp says of torch itself when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

DOUBLE = torch.float64


@pytest.fixture
def case():
    torch.manual_seed(0)
    z = torch.randn(3, 4, 2, dtype=DOUBLE, requires_grad=True)
    return z, torch.tensor([[0, 1], [3, -100], [2, 2]]), torch.rand(3, 4, 2, dtype=DOUBLE).softmax(1)


OPTIONS = [
    {},
    {"label_smoothing": 0.1, "weight": torch.tensor([1.0, 0.5, 0.0, 3.0])},
    {"temperature": 2.0, "reduction": "none"},
    {"z_loss": 0.1, "softcap": 2.0, "reduction": "sum"},
    {"denominator": 7.0, "sample_weight": torch.tensor([[0.5, 0.0], [1.0, 2.0], [3.0, 1.0]])},
]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("options", OPTIONS)
def test_cross_entropy_by_finite_differences(case, options, soft):
    z, y, q = case
    target = q if soft else y
    z = z[:2].detach().requires_grad_()
    target, options = target[:2], {k: v[:2] if k == "sample_weight" else v for k, v in options.items()}
    f = lambda z: X.cross_entropy(z, target, **options)  # noqa: E731
    gradcheck(f, z, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    gradgradcheck(f, z, check_fwd_over_rev=True, check_rev_over_rev=True)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2, "z_loss": 0.1}, {"reduction": "none"}])
def test_by_targets_and_weights_too(case, options):
    z, y, q = (a[1:].detach() for a in case)
    z, q = z.requires_grad_(), q.requires_grad_()
    weight = torch.rand(4, dtype=DOUBLE, requires_grad=True)
    rows = torch.rand(2, 2, dtype=DOUBLE, requires_grad=True)
    for f, arguments in (
        (lambda z, q, w, s: X.cross_entropy(z, q, w, sample_weight=s, **options), (z, q, weight, rows)),
        (lambda z, w, s: X.cross_entropy(z, y, w, sample_weight=s, **options), (z, weight, rows)),
    ):
        gradcheck(f, arguments, check_forward_ad=True)
        gradgradcheck(f, arguments)


SMALL = torch.tensor([[0.3, -1.0, 0.7], [2.0, 1.0, 0.5]], dtype=DOUBLE)
OTHERS = {
    "focal": lambda z: X.focal_loss(z, torch.tensor([0, 2]), gamma=0.5, alpha=torch.tensor([1.0, 0.5, 0.0])),
    "steep": lambda z: X.focal_loss(z, torch.tensor([0, 2]), gamma=2.0, reduction="none"),
    "yes or no": lambda z: X.focal_loss(z, (SMALL > 0.5).double(), gamma=2.0, alpha=0.3, reduction="none"),
    "binary": lambda z, q, w: X.binary_cross_entropy_with_logits(z, q, w, pos_weight=w[:1]),
    "fused binary": lambda z: X.binary_cross_entropy_with_logits(z, SMALL.sigmoid()),
    "kl": lambda z, q: X.kl_div(z, q, reduction="sum"),
    "nll": lambda z: X.nll_loss(z, torch.tensor([0, 2])),
    "entropy": lambda z: X.entropy(z, temperature=0.7),
    "distillation": lambda u, v: X.distillation_loss(u, v, target=torch.tensor([0, 2]), alpha=0.3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_others_by_finite_differences(name):
    f = OTHERS[name]
    arguments = (SMALL, SMALL.flip(0).sigmoid(), SMALL.abs())[: f.__code__.co_argcount]
    arguments = tuple(a.clone().requires_grad_() for a in arguments)
    gradcheck(f, arguments, check_forward_ad=True)
    gradgradcheck(f, arguments)


def test_a_yes_or_no_gradient_at_a_logit_of_0():
    for f in (X.binary_cross_entropy_with_logits, X.focal_loss):
        slopes = []
        for route in ("kernel", "plain"):
            z = torch.zeros(2, dtype=DOUBLE, requires_grad=True)
            y = torch.tensor([0.0, 1.0], dtype=DOUBLE)
            slopes.append(
                torch.autograd.grad(f(z, y), z)[0] if route == "kernel" else torch.func.grad(f)(z.detach(), y)
            )
        torch.testing.assert_close(*slopes)
        assert slopes[0][0] == -slopes[0][1] != 0


# -------------------------------------------------------------------------------------------- functional transforms


@pytest.mark.parametrize("f", [X.cross_entropy, X.focal_loss, torch.ops.xent.cross_entropy])
def test_transforms_give_what_plain_derivatives_give(case, f):
    z, y, _ = case
    rest = ()
    if f is torch.ops.xent.cross_entropy:
        rest = (None, None, "mean", -100, 0.0, 1.0, 0.0, None, 0.0, "torch", 1.0, "nan")
    (want,) = torch.autograd.grad(f(z, y, *rest), z)
    z = z.detach()
    torch.testing.assert_close(torch.func.grad(f)(z, y, *rest), want)
    torch.testing.assert_close(torch.func.jacrev(f)(z, y, *rest), want)
    each = torch.func.vmap(lambda a, b: f(a[None], b[None], *rest))(z, y)
    torch.testing.assert_close(each, torch.stack([f(a[None], b[None], *rest) for a, b in zip(z, y, strict=True)]))
    slopes = torch.func.vmap(torch.func.grad(lambda a, b: f(a[None], b[None], *rest)))(z, y)
    for i, slope in enumerate(slopes):
        a = z[i : i + 1].clone().requires_grad_()
        torch.testing.assert_close(slope, torch.autograd.grad(f(a, y[i : i + 1], *rest), a)[0][0])
    if not rest:
        v = torch.randn_like(z)
        torch.testing.assert_close(torch.func.jvp(lambda a: f(a, y), (z,), (v,))[1], (want * v).sum())
        torch.testing.assert_close(torch.func.jacfwd(f)(z, y), want)
        torch.testing.assert_close(
            torch.func.hessian(f)(z, y), torch.autograd.functional.hessian(lambda a: f(a, y), z)
        )


def test_hessian_is_the_oracles():
    z = [1.5, -0.25, 30.0, 0.0]
    want = np.array(oracle.hessian(oracle.reals(z), oracle.target(1, 4)), dtype=float)
    x, y = torch.tensor(z, dtype=DOUBLE), torch.tensor(1)
    f = lambda a: X.cross_entropy(a, y)  # noqa: E731
    for got in (
        torch.func.hessian(f)(x),
        torch.func.jacrev(torch.func.jacrev(f))(x),
        torch.func.jacfwd(torch.func.jacfwd(f))(x),
        torch.autograd.functional.hessian(f, x),
        torch.autograd.functional.hessian(f, x, vectorize=True),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-28)


def test_forward_mode(case):
    z, y, _ = case
    v = torch.randn_like(z)
    (slope,) = torch.autograd.grad(X.cross_entropy(z, y), z)
    with forward_ad.dual_level():
        out = forward_ad.unpack_dual(X.cross_entropy(forward_ad.make_dual(z, v), y))
    torch.testing.assert_close(out.tangent, (slope * v).sum())
    torch.testing.assert_close(out.primal, X.cross_entropy(z, y))


# ---------------------------------------------------------------------------------------------- backward and memory


def test_the_fused_gradient_becomes_the_leafs():
    """No copy of it is made: the memory that the kernel wrote is ``z.grad``'s."""
    z, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    loss = X.cross_entropy(z, y)
    address = loss.grad_fn.slope.data_ptr()
    loss.backward()
    assert z.grad.data_ptr() == address


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_backward_twice(dtype):
    z, y = torch.randn(4, 3).to(dtype).requires_grad_(), torch.tensor([0, 1, 2, 0])
    loss = X.cross_entropy(z, y)
    (first,) = torch.autograd.grad(loss, z, retain_graph=True)
    kept = first.clone()
    first.mul_(3)  # the caller's own: the next pass does not see it
    (second,) = torch.autograd.grad(loss, z, retain_graph=True)
    assert torch.equal(second, kept)
    loss.backward(retain_graph=True)
    loss.backward()
    torch.testing.assert_close(z.grad, 2 * kept)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_upstream_gradient(case, reduction):
    z, y, _ = case
    upstream = torch.randn(3, 2, dtype=DOUBLE) if reduction == "none" else torch.tensor(-2.5, dtype=DOUBLE)
    got, want = (
        torch.autograd.grad(f(z, y, reduction=reduction), z, upstream) for f in (X.cross_entropy, F.cross_entropy)
    )
    torch.testing.assert_close(got, want)
    scaled = torch.autograd.grad(X.cross_entropy(z, y, reduction=reduction).sum() * 0, z)[0]
    assert (scaled == 0).all()


@pytest.mark.parametrize("weight", [None, torch.ones(3)])  # the short way, and the long one
def test_logits_changed_before_backward_change_nothing_or_are_noticed(weight):
    x, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    (want,) = torch.autograd.grad(F.cross_entropy(x, y), x)
    z = x * 1
    loss, twice = X.cross_entropy(z, y, weight), 2 * X.cross_entropy(z, y, weight)
    z.mul_(2)
    torch.testing.assert_close(torch.autograd.grad(loss, x)[0], want)  # torch's does not mind either
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        twice.backward()


def test_nothing_is_kept_where_no_gradient_is_asked_for():
    z, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    with torch.no_grad():
        assert X.cross_entropy(z, y).grad_fn is None
    with torch.inference_mode():
        torch.testing.assert_close(X.cross_entropy(z, y), F.cross_entropy(z, y))
    loss = X.cross_entropy(z, y)
    held = weakref.ref(loss.grad_fn.slope.untyped_storage())
    del loss
    assert held() is None


def test_checkpoints_and_saved_tensor_hooks():
    z, y = torch.randn(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 0])
    (want,) = torch.autograd.grad(X.cross_entropy(z, y), z)
    loss = torch.utils.checkpoint.checkpoint(X.cross_entropy, z, y, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(loss, z)[0], want)
    with torch.autograd.graph.save_on_cpu():
        loss = X.cross_entropy(z, y)
    torch.testing.assert_close(torch.autograd.grad(loss, z)[0], want)
