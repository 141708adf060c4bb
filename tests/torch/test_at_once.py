"""The shortest way of a small batch gives what the long one gives, and leaves to it whatever is not its own."""

from __future__ import annotations

import pytest
import torch

import xent.torch
from xent.kernels import cpu
from xent.torch import _at_once, _fused, ops

G = torch.Generator().manual_seed(3)


def batch(n, k, dtype=torch.float32):
    z = (torch.randn(n, k, generator=G) * 3).to(dtype).requires_grad_()
    return z, torch.randint(0, k, (n,), generator=G)


def at_once(z, y, ignore_index=-100):
    return _at_once.mean(z, y, ignore_index, ops.CROSS_ENTROPY)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "k"), [(32, 10), (1, 2), (7, 100), (3, 1), (7000, 100), (60000, 10)])
@pytest.mark.parametrize("ignore_index", [-100, 0])
def test_it_is_what_the_long_way_gives(n, k, dtype, ignore_index):
    z, y = batch(n, k, dtype)
    y[0] = max(ignore_index, 0) if k > 1 else 0
    short = at_once(z, y, ignore_index)
    (slope,) = torch.autograd.grad(short, z)
    # a sample weight of 1 goes the long way
    long = xent.torch.cross_entropy(z, y, sample_weight=torch.ones(n, dtype=dtype), ignore_index=ignore_index)
    (want,) = torch.autograd.grad(long, z)
    torch.testing.assert_close(short, long, rtol=4e-7, atol=0, equal_nan=True)
    torch.testing.assert_close(slope, want, rtol=4e-7, atol=1e-8, equal_nan=True)
    alone = at_once(z.detach(), y, ignore_index)
    if alone is None:
        assert short.isnan()
    else:  # another loop, where there are many classes
        torch.testing.assert_close(alone, short.detach(), rtol=4e-7, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("n", "k"), [(32, 10), (1, 1), (7, 63), (7, 64), (7, 65), (5, 100), (3, 1000), (7000, 100), (600, 1000)]
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_and_sums_are_what_the_long_way_gives(n, k, dtype, reduction, weighted, monkeypatch):
    z, y = batch(n, k, dtype)
    weight = torch.randn(k, generator=G).to(dtype) if weighted else None
    if weighted and k > 2:
        weight[2] = 0
        z.data[0, 2] = -float("inf")
        y[0] = 2
    options = {"weight": weight, "ignore_index": 1, "reduction": reduction}
    short = xent.torch.cross_entropy(z, y, **options)
    assert type(short.grad_fn).__name__ == "AtOnceBackward"
    slopes = [torch.autograd.grad(short, z, torch.tensor(p).to(dtype), retain_graph=True)[0] for p in (1.0, -0.3)]
    alone = xent.torch.cross_entropy(z.detach(), y, **options)
    near = 1e-5 if dtype == torch.float32 else 1e-7  # another loop, and weights of both signs
    torch.testing.assert_close(alone, short.detach(), rtol=near, atol=near, equal_nan=True)
    with monkeypatch.context() as m:
        m.setattr(_at_once, "mean", lambda *_: None)
        m.setattr(_fused, "small", lambda *_: None)
        long = xent.torch.cross_entropy(z, y, **options)
        wants = [torch.autograd.grad(long, z, torch.tensor(p).to(dtype), retain_graph=True)[0] for p in (1.0, -0.3)]
    torch.testing.assert_close(short, long, rtol=4e-7, atol=0, equal_nan=True)
    for slope, want in zip(slopes, wants, strict=True):
        torch.testing.assert_close(slope, want, rtol=4e-7, atol=1e-8, equal_nan=True)


def test_weights_that_go_the_long_way():
    z, y = batch(4, 5)
    w = torch.rand(5, generator=G)
    for weight in (
        w.double(),
        w.half(),
        torch.rand(10)[::2],
        w.clone().requires_grad_(),
        w[:4],
        w.as_subclass(Kind),
    ):
        assert _at_once.mean(z, y, -100, ops.CROSS_ENTROPY, weight) is None
    with pytest.raises(ValueError, match="one number a class"):
        xent.torch.cross_entropy(z, y, w[:4])
    with pytest.raises(xent.torch.LabelError, match="got 9 at row 1"):
        xent.torch.cross_entropy(z, torch.tensor([0, 9, 1, 1]), w)
    assert xent.torch.cross_entropy(z, y, torch.zeros(5)).isnan()


def test_weights_twice_differentiated():
    z, y = batch(4, 5, torch.float64)
    w = torch.rand(5, dtype=torch.float64)
    for divided in (True, False):
        f = lambda a, d=divided: _at_once.mean(a, y, -100, ops.CROSS_ENTROPY, w, d)  # noqa: E731
        assert torch.autograd.gradcheck(f, (z,))
        assert torch.autograd.gradgradcheck(f, (z,))


@pytest.mark.parametrize(("n", "k"), [(4, 5), (7000, 100)])
def test_nothing_to_divide_by_is_nan(n, k):
    z, _ = batch(n, k)
    loss = xent.torch.cross_entropy(z, torch.full((n,), -100))
    assert loss.isnan()
    (slope,) = torch.autograd.grad(loss, z)
    assert (slope == 0).all()
    assert at_once(z.detach(), torch.full((n,), -100)) is None


def test_second_derivatives_and_scaled_ones():
    z, y = batch(4, 5, torch.float64)
    assert torch.autograd.gradcheck(lambda a: at_once(a, y), (z,))
    assert torch.autograd.gradgradcheck(lambda a: at_once(a, y), (z,))
    (once,) = torch.autograd.grad(at_once(z, y), z)
    (twice,) = torch.autograd.grad(2 * at_once(z, y), z)
    torch.testing.assert_close(twice, 2 * once)


def test_a_kept_graph_hands_on_a_copy():
    z, y = batch(4, 5)
    loss = at_once(z, y)
    (a,) = torch.autograd.grad(loss, z, retain_graph=True)
    kept = a.clone()
    a.zero_()
    (b,) = torch.autograd.grad(loss, z)
    assert torch.equal(b, kept)


def test_a_freed_graph_says_so():
    z, y = batch(4, 5)
    loss = at_once(z, y)
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_upstream_gradients_side_by_side():
    z, y = batch(4, 5)
    (want,) = torch.autograd.grad(at_once(z, y), z)
    ones = torch.tensor([1.0, 2.0, -1.0])
    (found,) = torch.autograd.grad(at_once(z, y), z, ones, is_grads_batched=True)
    torch.testing.assert_close(found, ones[:, None, None] * want)
    loss = at_once(z, y)
    found = torch.func.vmap(lambda v: torch.autograd.grad(loss, z, v)[0])(ones)
    torch.testing.assert_close(found, ones[:, None, None] * want)


def test_compiled_backward(recwarn):
    from torch._dynamo import compiled_autograd

    z, y = batch(4, 5)
    (want,) = torch.autograd.grad(at_once(z, y), z)
    with compiled_autograd._enable(torch.compile(backend="eager")):
        at_once(z, y).backward()
    torch.testing.assert_close(z.grad, want)
    assert not [w for w in recwarn if "does not know how to trace" in str(w.message)]


@pytest.mark.parametrize("shape", [(70000, 10), (4, 3, 160, 160)])
@pytest.mark.parametrize("ignore_index", [-100, 255])
def test_an_ignored_label_that_no_sample_meets(shape, ignore_index, monkeypatch):
    monkeypatch.setattr(cpu, "_ignored", set())
    counted, count = [], cpu.label_mass
    monkeypatch.setattr(cpu, "label_mass", lambda *a, **k: counted.append(1) or count(*a, **k))
    z = torch.randn(shape, generator=G).requires_grad_()
    y = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=G)

    def both(f):
        loss = f(z, y, ignore_index=ignore_index)
        return loss, *torch.autograd.grad(loss, z)

    torch.testing.assert_close(both(xent.torch.cross_entropy), both(torch.nn.functional.cross_entropy))
    assert not counted  # all rows count, and were taken to
    y.view(-1)[[1, 3, 77]] = ignore_index
    for times in (1, 2, 3):  # once as if it was not there
        torch.testing.assert_close(both(xent.torch.cross_entropy), both(torch.nn.functional.cross_entropy))
        assert len(counted) == times
    y.view(-1)[2] = shape[1]
    for _ in range(2):
        with pytest.raises(xent.torch.LabelError, match=str(shape[1])):
            xent.torch.cross_entropy(z, y, ignore_index=ignore_index)


@pytest.mark.parametrize(("n", "k"), [(4, 5), (7000, 100)])
def test_zeros_without_memory(n, k):
    nothing, y = torch._efficientzerotensor((n, k)), torch.arange(n) % k
    loss = xent.torch.cross_entropy(nothing, y)
    torch.testing.assert_close(loss, torch.tensor(float(k)).log())
    z, _ = batch(n, k)
    loss = xent.torch.cross_entropy(z, torch._efficientzerotensor((n,), dtype=torch.int64))
    torch.testing.assert_close(loss, xent.torch.cross_entropy(z, torch.zeros(n, dtype=torch.int64)))


@pytest.mark.parametrize(("n", "k"), [(4, 5), (7000, 100)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_label_that_is_no_class_is_named(n, k, reduction):
    z, y = batch(n, k)
    y[2] = k
    with pytest.raises(xent.torch.LabelError, match=str(k)):
        at_once(z, y)
    with pytest.raises(xent.torch.LabelError, match=str(k)):
        xent.torch.cross_entropy(z, y, reduction=reduction)


class Kind(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "change",
    [
        lambda z, y: (z.half(), y),
        lambda z, y: (z.t().contiguous().t(), y),
        lambda z, y: (z, y.int()),
        lambda z, y: (z[0], y[0]),
        lambda z, y: (z.as_subclass(Kind), y),
        lambda z, y: (z[:0], y[:0]),
        lambda z, y: (z, y[:2]),
        lambda z, y: (z.to("meta"), y.to("meta")),
        lambda z, y: (torch.imag(torch.view_as_complex(torch.stack([z, z], -1)).conj()), y),
    ],
)
def test_others_go_the_long_way(change):
    assert at_once(*change(*batch(4, 5))) is None


def test_whoever_traces_goes_the_long_way():
    z, y = batch(4, 5)
    seen = []
    torch.func.vmap(lambda a: seen.append(at_once(a, y)) or a)(torch.stack([z.detach()] * 2))
    with torch.autograd.forward_ad.dual_level():
        seen.append(at_once(z, y))
    assert seen == [None, None]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "k"), [(32, 10), (1, 1), (70, 64), (9, 65), (5, 130), (3, 400)])
def test_distributions_and_smoothed_labels_are_what_the_long_way_gives(n, k, dtype, reduction):
    z, y = batch(n, k, dtype)
    y[0] = -100 if n > 1 else 0
    q = torch.softmax(torch.randn(n, k, generator=G, dtype=dtype), 1)
    for target, options in ((q, {}), (y, {"label_smoothing": 0.1})):
        short = xent.torch.cross_entropy(z, target, reduction=reduction, **options)
        (slope,) = torch.autograd.grad(short, z)
        one = torch.ones(n, dtype=dtype)  # a factor of 1 goes the long way
        long = xent.torch.cross_entropy(z, target, sample_weight=one, reduction=reduction, **options)
        (want,) = torch.autograd.grad(long, z)
        torch.testing.assert_close(short, long, rtol=4e-7, atol=1e-12)
        torch.testing.assert_close(slope, want, rtol=4e-7, atol=1e-12)
        alone = xent.torch.cross_entropy(z.detach(), target, reduction=reduction, **options)
        torch.testing.assert_close(alone, short.detach(), rtol=4e-7 if dtype == torch.float32 else 4e-15, atol=0)


def test_smoothed_labels_of_nothing_or_of_no_class():
    z, _ = batch(4, 5)
    nothing = torch.full((4,), -100)
    assert xent.torch.cross_entropy(z, nothing, label_smoothing=0.1).isnan()
    with pytest.raises(xent.torch.LabelError, match="got 5 at row 2"):
        xent.torch.cross_entropy(z, torch.tensor([0, 1, 5, 2]), label_smoothing=0.1)
