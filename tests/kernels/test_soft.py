"""Distributions, smoothing and caps, compiled: every layout, type and option against the generic path."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from xent.kernels import cpu, cpu_soft, threads

RNG = np.random.default_rng(5)
OPTIONS = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "heavily smoothed": {"label_smoothing": 0.9},
    "capped": {"softcap": 2.5},
    "all": {"label_smoothing": 0.3, "softcap": 4.0, "temperature": 0.7, "z_loss": 0.02},
}


def laid_out(a: np.ndarray, layout: str) -> np.ndarray:
    """Lay the same numbers in another order of memory."""
    if layout == "columns":
        return np.asfortranarray(a)
    if layout == "padded":
        return np.pad(a, ((0, 0), (3, 2)))[:, 3 : 3 + a.shape[1]]
    if layout == "strided":
        return np.repeat(a, 2, axis=1)[:, ::2]
    if layout == "backwards":
        return np.ascontiguousarray(a[::-1])[::-1]
    if layout == "crooked":
        raw = np.zeros(a.nbytes + 1, np.uint8)
        raw[1:] = np.ascontiguousarray(a).view(np.uint8).reshape(-1)
        return raw[1:].view(a.dtype).reshape(a.shape)
    if layout == "swapped":
        return a.astype(a.dtype.newbyteorder())
    return a


def generic(z, target, **options):
    """Loss and gradient by the generic path, which array-api-strict arrays take, in float64."""
    for name in ("weight", "sample_weight"):
        if options.get(name) is not None:
            options[name] = strict.asarray(options[name])
    target = np.asarray(target)
    wide = target.astype(np.float64) if target.dtype.kind == "f" else target
    loss, slope = xent.cross_entropy_with_grad(
        strict.asarray(z.astype(np.float64)), strict.asarray(wide), **options
    )
    return np.asarray(loss), np.asarray(slope)


def close(got, want, dtype):
    """Within a few ulp of the type, beside the largest of what is compared."""
    eps = max(np.finfo(dtype).eps, np.finfo(np.float32).eps) if got.ndim < 2 else np.finfo(dtype).eps
    eps = np.finfo(np.float64).eps * 4 if dtype == np.float64 else eps
    np.testing.assert_allclose(got, want, rtol=16 * eps, atol=16 * eps * max(np.abs(want).max(), 1e-300))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(("n", "k"), [(5, 1), (70, 3), (130, 10), (66, 65), (9, 700)])
def test_types_sizes_and_options(options, dtype, n, k):
    z = (RNG.normal(size=(n, k)) * 3).astype(dtype)
    q = RNG.dirichlet(np.ones(k), n).astype(dtype)
    labels, weight, row = RNG.integers(0, k, n), RNG.uniform(0, 2, k), RNG.uniform(0, 2, n)
    row[0] = 0
    for target in (labels, q):
        for extra in ({}, {"weight": weight, "sample_weight": row}):
            kw = {**options, **extra, "reduction": "none"}
            loss, slope = xent.cross_entropy_with_grad(z, target, **kw)
            want, steep = generic(z, target, **kw)
            close(loss, want, dtype)
            close(slope, steep, dtype)
            mean = xent.cross_entropy(z, target, **options, **extra)
            assert mean == pytest.approx(
                float(generic(z, target, **options, **extra)[0]), rel=1e-5 if dtype != np.float64 else 1e-12
            )


@pytest.mark.parametrize("layout", ["columns", "padded", "strided", "backwards", "crooked", "swapped"])
@pytest.mark.parametrize("k", [7, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layouts(layout, k, dtype):
    z = (RNG.normal(size=(40, k)) * 3).astype(dtype)
    q = RNG.dirichlet(np.ones(k), 40).astype(dtype)
    labels = RNG.integers(0, k, 40)
    for target in (q, labels):
        options = {"label_smoothing": 0.2, "reduction": "none"}
        want = xent.cross_entropy_with_grad(z, target, **options)
        other = laid_out(target, layout) if target is q else target
        got = xent.cross_entropy_with_grad(laid_out(z, layout), other, **options)
        close(got[0], want[0].astype(float), dtype)
        close(got[1], want[1].astype(float), dtype)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("k", [3, 90])
def test_any_axis(axis, k):
    z, q = RNG.normal(size=(6, k, 4)), np.moveaxis(RNG.dirichlet(np.ones(k), (6, 4)), -1, 1)
    want = xent.cross_entropy_with_grad(np.moveaxis(z, 1, -1).copy(), np.moveaxis(q, 1, -1).copy(), softcap=3.0)
    if axis == 0:
        z, q, back = z.swapaxes(0, 1), q.swapaxes(0, 1), (0, 1)
    else:
        back = None
    loss, slope = xent.cross_entropy_with_grad(z, q, softcap=3.0, axis=axis)
    slope = slope.swapaxes(*back) if back else slope
    assert loss == pytest.approx(want[0], rel=1e-14)
    np.testing.assert_allclose(np.moveaxis(slope, 1, -1), want[1], rtol=1e-12, atol=1e-16)


def test_one_distribution_for_all_rows_needs_no_copy():
    z = RNG.normal(size=(30, 5)).astype(np.float32)
    q = np.broadcast_to(np.float32([0.1, 0.2, 0.3, 0.4, 0.0]), (30, 5))
    want = xent.cross_entropy_with_grad(z, q.copy())
    loss, slope = xent.cross_entropy_with_grad(z, q)
    assert loss == want[0]
    np.testing.assert_array_equal(slope, want[1])


def test_bfloat16_is_read_as_it_is():
    exact = (torch.randn(20, 9) * 3).bfloat16()
    q = torch.rand(20, 9).softmax(1).bfloat16()
    z = exact.view(torch.uint16).numpy()[:, :, None]
    target = q.view(torch.uint16).numpy()[:, :, None]
    grad = np.empty(z.shape, np.uint16)
    total, wrong, _ = cpu_soft.cross_entropy(z, target, grad=grad, bfloat16=True, bfloat16_target=True)
    wide = exact.double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(wide, q.double(), reduction="sum")
    loss.backward()
    assert wrong == -1
    assert total == pytest.approx(loss.item(), rel=1e-6)
    got = torch.from_numpy(grad[:, :, 0].copy()).view(torch.bfloat16).double()
    torch.testing.assert_close(got, wide.grad, rtol=2**-7, atol=1e-3)


@pytest.mark.parametrize("k", [3, 100])
def test_masks_and_rows_without_a_softmax(k):
    z = np.zeros((5, k), np.float32)
    z[0, 1] = -np.inf
    z[1] = -np.inf
    z[2, 2] = np.nan
    z[3, 0] = np.inf
    q = np.zeros((5, k), np.float32)
    q[:, 0] = 1
    loss, slope = xent.cross_entropy_with_grad(z, q, reduction="none")
    assert loss[0] == pytest.approx(np.log(k - 1))
    assert slope[0, 1] == 0
    assert np.isnan(loss[1:4]).all()
    assert np.isnan(slope[1:4]).all()
    assert loss[4] == pytest.approx(np.log(k))
    q[0, :2] = 0.5
    assert xent.cross_entropy(z[:1], q[:1]) == np.inf
    assert xent.cross_entropy(z[:1], np.array([0]), label_smoothing=0.1) == np.inf


@pytest.mark.parametrize("k", [10, 300])
def test_the_same_bits_for_any_number_of_threads(k):
    n = 3 * cpu.PIECE // k
    z, q = RNG.normal(size=(n, k)).astype(np.float32), np.full((n, k), 1 / k, np.float32)
    labels = RNG.integers(0, k, n)
    for target, options in ((q, {}), (labels, {"label_smoothing": 0.1})):
        with threads.limit(1):
            one = xent.cross_entropy_with_grad(z, target, **options)
        with threads.limit(3):
            many = xent.cross_entropy_with_grad(z, target, **options)
        assert one[0] == many[0]
        np.testing.assert_array_equal(one[1], many[1])


def test_the_first_row_that_is_no_distribution_is_named():
    z, q = np.zeros((200, 4), np.float32), np.full((200, 4), 0.25, np.float32)
    q[150, 0] = 0.5
    with pytest.raises(ValueError, match="150"):
        xent.cross_entropy(z, q)
    q[150, 0], q[120, :2] = 0.25, (-0.25, 0.75)
    with pytest.raises(ValueError, match=r"negative|120"):
        xent.cross_entropy(z, q)


@given(st.integers(2, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_smoothing_is_its_distribution(k, epsilon, seed):
    """Two routes to one loss: labels and ε, or the smoothed distribution itself."""
    rng = np.random.default_rng(seed)
    z, labels = rng.normal(size=(3, k)) * 4, rng.integers(0, k, 3)
    q = xent.smooth_labels(labels, epsilon, k)
    loss, slope = xent.cross_entropy_with_grad(z, labels, label_smoothing=epsilon)
    other, steep = xent.cross_entropy_with_grad(z, q)
    assert loss == pytest.approx(other, rel=1e-13)
    np.testing.assert_allclose(slope, steep, rtol=1e-9, atol=1e-15)


ROW_OPTIONS = st.sampled_from([
    *OPTIONS.values(), {"weight": True}, {"weight": True, "label_smoothing": 0.1, "temperature": 0.5},
])  # fmt: skip


@st.composite
def batches(draw):
    """Logits, a distribution or a label a row, and options: sizes about where one kernel gives way to another."""
    k, n = (
        draw(st.sampled_from([1, 2, 3, 10, 63, 64, 65, 130, 700])),
        draw(st.sampled_from([2, 5, 63, 64, 65, 150])),
    )
    dtype, seed = draw(st.sampled_from([np.float64, np.float32, np.float16])), draw(st.integers(0, 2**32 - 1))
    rng, options = np.random.default_rng(seed), dict(draw(ROW_OPTIONS))
    if "weight" in options:
        options["weight"] = rng.uniform(0, 2, k)
    z = (rng.normal(size=(n, k)) * draw(st.sampled_from([1e-3, 3.0, 50.0]))).astype(dtype)
    soft = draw(st.booleans())
    return z, rng.dirichlet(np.ones(k), n).astype(dtype) if soft else rng.integers(0, k, n), options


def both(z, target, grad, options):
    """Give loss and gradient; the loss alone has kernels of its own."""
    if grad:
        return xent.cross_entropy_with_grad(z, target, reduction="none", **options)
    return xent.cross_entropy(z, target, reduction="none", **options), np.empty((len(z), 0))


@given(batches(), st.booleans(), st.data())
def test_a_row_depends_on_no_other_row_and_not_on_how_many_there_are(batch, grad, data):
    z, target, options = batch
    i, n = data.draw(st.integers(0, len(z) - 1)), len(z)
    loss, slope = both(z, target, grad, options)
    alone = both(z[i : i + 1], target[i : i + 1], grad, options)
    others = np.arange(n) != i
    wild = z.copy()
    wild[others] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 6e4, -6e4]))
    among = both(wild, target, grad, options)
    part = slice(i // 2, i + 1)
    some = both(z[part], target[part], grad, options)
    for other, at in ((alone, 0), (among, i), (some, -1)):
        assert other[0][at] == loss[i]
        np.testing.assert_array_equal(other[1][at], slope[i])


@given(batches(), st.booleans(), st.sampled_from([-1, 2, -3]), st.sampled_from([1, 3, -2]))
def test_rows_that_are_apart_in_memory_give_the_same_bits(batch, grad, step, other):
    z, target, options = batch

    def apart(a, by):
        """Lay the same rows so many places apart, from the end if it is negative."""
        return np.repeat(a[::-1] if by < 0 else a, abs(by), axis=0)[::by]

    loss, slope = both(z, target, grad, options)
    got = both(apart(z, step), apart(target, other), grad, options)
    np.testing.assert_array_equal(got[0], loss)
    np.testing.assert_array_equal(got[1], slope)


@pytest.mark.parametrize("faulty", [-1.0, -1e-30, np.nan, np.inf])
@pytest.mark.parametrize("k", [3, 90])
def test_a_class_weight_that_is_negative_or_not_finite_is_refused(faulty, k):
    z, weight = RNG.normal(size=(70, k)).astype(np.float32), np.ones(k)
    weight[1] = faulty
    for target in (RNG.dirichlet(np.ones(k), 70).astype(np.float32), RNG.integers(0, k, 70)):
        for evaluate in (xent.cross_entropy, xent.cross_entropy_with_grad):
            with pytest.raises(ValueError, match="weight"):
                evaluate(z, target, weight=weight)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [3, 64, 90])
def test_a_class_of_weight_zero_costs_nothing_and_pulls_on_nothing(k, dtype):
    z, q = (RNG.normal(size=(70, k)) * 3).astype(dtype), RNG.dirichlet(np.ones(k), 70).astype(dtype)
    q[0], weight = np.eye(k, dtype=dtype)[1], RNG.uniform(0.5, 2, k)
    weight[1] = 0
    loss, slope = xent.cross_entropy_with_grad(z, q, weight=weight, reduction="none")
    eps = float(np.finfo(dtype).eps)
    assert loss[0] == 0
    assert not slope[0].any()
    for i in (0, 1, 69):
        t = oracle.target([float(x) for x in q[i]], k, weight=weight)
        exact = oracle.reals(z[i])
        assert float(loss[i]) == pytest.approx(float(oracle.loss(exact, t)), rel=8 * eps)
        for got, want in zip(slope[i], oracle.gradient(exact, t), strict=True):
            assert float(got) == pytest.approx(float(want), rel=64 * eps, abs=eps)
