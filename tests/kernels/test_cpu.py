"""The compiled rows: every layout, type and option against the generic path; threads, forks, and whose memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import oracle
import xent
from xent.kernels import cpu, threads

RNG = np.random.default_rng(11)


def laid_out(z: np.ndarray, layout: str) -> np.ndarray:
    """Rows (N, K) as (A, K, B) in some order of memory."""
    n, k = z.shape
    if layout == "rows":
        return np.ascontiguousarray(z)[:, :, None]
    if layout == "columns":
        return np.asfortranarray(z)[:, :, None]
    if layout == "padded rows":
        return np.pad(z, ((0, 0), (2, 5)))[:, 2 : 2 + k, None]
    if layout == "every other class":
        return np.repeat(z, 2, axis=1)[:, ::2, None]
    if layout == "backwards":
        return np.ascontiguousarray(z[::-1])[::-1, :, None]
    if layout == "classes first":
        return np.ascontiguousarray(z.T)[None]
    if layout == "images":  # (A, K, B) of two halves
        return np.ascontiguousarray(z.reshape(2, n // 2, k).transpose(0, 2, 1))
    if layout == "small images":
        return np.ascontiguousarray(z.reshape(n // 2, 2, k).transpose(0, 2, 1))
    raise ValueError(layout)


def back(a: np.ndarray, k: int) -> np.ndarray:
    return a.transpose(0, 2, 1).reshape(-1, k)


LAYOUTS = [
    "rows", "columns", "padded rows", "every other class", "backwards", "classes first", "images", "small images",
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("n", "k"), [(6, 3), (136, 10), (70, 65), (10, 700), (4, 1)])
def test_every_layout_and_type(layout, dtype, n, k):
    exact = torch.from_numpy(RNG.normal(size=(n, k)) * 3).to(getattr(torch, dtype))
    brain = dtype == "bfloat16"
    stored = (exact.view(torch.uint16) if brain else exact).numpy()
    z = laid_out(stored, layout)
    labels = RNG.integers(0, k, n)
    labels[0] = -7
    weight, row = RNG.uniform(0.1, 2, k), RNG.uniform(-1, 2, n)
    row[-1] = 0
    shape = (z.shape[0], z.shape[2])
    each, lse, grad = np.full(shape, np.nan), np.full(shape, np.nan), np.empty(z.shape, z.dtype)
    kept = z.copy()
    total, wrong = cpu.cross_entropy(
        z,
        labels.reshape(shape).astype(np.int32 if n == 136 else np.int64),
        weight=weight,
        row=row.reshape(shape),
        ignore_index=-7,
        temperature=0.7,
        z_loss=0.01,
        scale=3.0,
        divisor=7.0,
        each=each,
        lse=lse,
        grad=grad,
        bfloat16=brain,
    )
    np.testing.assert_array_equal(z, kept)
    wide = exact.double().numpy()
    options = {"weight": weight, "ignore_index": -7, "temperature": 0.7, "z_loss": 0.01, "reduction": "none"}
    want, slope = reference(wide, labels, **options)
    eps = torch.finfo(exact.dtype).eps
    tight = max(eps, 2**-23) if dtype != "float64" else eps
    size = np.abs(want).max()
    np.testing.assert_allclose(each.reshape(-1), want * row, rtol=8 * tight, atol=8 * tight * size)
    assert total == pytest.approx((want * row).sum(), rel=1e-4, abs=16 * tight * size)
    got = back(grad, k)
    got = (
        (torch.from_numpy(got.copy()).view(torch.bfloat16) if brain else torch.from_numpy(got.copy()))
        .double()
        .numpy()
    )
    np.testing.assert_allclose(
        got, slope * row[:, None] * 3 / 7, rtol=8 * eps, atol=8 * eps * np.abs(slope).max() / 8
    )
    assert (got[0] == 0).all()
    assert (got[-1] == 0).all()
    live = (labels != -7) & (row != 0)
    np.testing.assert_allclose(
        lse.reshape(-1)[live], xent.logsumexp(wide / 0.7)[live], rtol=8 * tight, atol=8 * tight
    )
    assert wrong == -1


def reference(z, labels, **options):
    """Loss and gradient of rows by the generic path, which array-api-strict arrays take."""
    import array_api_strict as strict

    for name in ("weight",):
        options[name] = strict.asarray(options[name])
    loss, slope = xent.cross_entropy_with_grad(strict.asarray(z), strict.asarray(labels), **options)
    return np.asarray(loss), np.asarray(slope)


@pytest.mark.parametrize("k", [2, 3, 64, 65, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_loops_for_few_and_many_classes_are_exact(k, dtype, scale):
    z = (RNG.normal(size=(3, k)) * scale).astype(dtype)
    labels = np.array([0, k - 1, int(z[2].argmax())])
    loss, slope = xent.cross_entropy_with_grad(z, labels, reduction="none")
    for i, y in enumerate(labels):
        exact = oracle.reals(z[i])
        t = oracle.target(int(y), k)
        slack = [oracle.ulp(x, np.dtype(dtype).name) for x in exact]
        g = oracle.gradient(exact, t)
        room = 4 * oracle.ulp(oracle.loss(exact, t), np.dtype(dtype).name)
        room += sum(abs(a) * u for a, u in zip(g, slack, strict=True))
        assert abs(oracle.real(float(loss[i])) - oracle.loss(exact, t)) <= room
        p = oracle.softmax(exact)
        for j in (0, k // 2, k - 1, int(y)):
            room = 4 * oracle.ulp(g[j], np.dtype(dtype).name)
            moved = p[j] * (1 - p[j]) * slack[j] + p[j] * sum(p[i] * slack[i] for i in range(k) if i != j)
            assert abs(oracle.real(float(slope[i, j])) - g[j]) <= room + moved


@pytest.mark.parametrize("k", [3, 10, 100, 1000])
def test_the_same_bits_for_any_number_of_threads(k):
    n = 3 * cpu.PIECE // k
    z, labels = RNG.normal(size=(n, k)).astype(np.float32), RNG.integers(0, k, n)
    with threads.limit(1):
        one = xent.cross_entropy_with_grad(z, labels)
    for many in (2, 5):
        with threads.limit(many):
            loss, slope = xent.cross_entropy_with_grad(z, labels)
        assert loss == one[0]
        np.testing.assert_array_equal(slope, one[1])


def test_work_within_work_is_done_by_its_own_thread():
    """Were it handed on, all threads could wait for one another."""

    def outer(start, stop):
        return sum(threads.run(lambda a, b: sum(range(a, b)), stop - start, 3)), threading.get_ident()

    with threads.limit(4):
        found = threads.run(outer, 4000, 10)
        assert [total for total, _ in found] == [45] * 400
        assert sum(threads.run(lambda a, b: b - a, 100, 1)) == 100


def test_ten_threads_at_once_get_the_right_answers():
    cases = []
    for k in (3, 10, 100, 1000, 4000) * 2:
        n = 2 * cpu.PIECE // k
        z, labels = RNG.normal(size=(n, k)).astype(np.float32), RNG.integers(0, k, n)
        cases.append((z, labels, xent.cross_entropy_with_grad(z, labels)))
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda c: [xent.cross_entropy_with_grad(*c[:2]) for _ in range(3)], cases))
    for (_, _, (loss, slope)), repeats in zip(cases, answers, strict=True):
        for got in repeats:
            assert got[0] == loss
            np.testing.assert_array_equal(got[1], slope)


FORK = """
import os, sys, numpy as np, xent
rng = np.random.default_rng(0)
z, y = rng.normal(size=(3000, 1000)).astype(np.float32), rng.integers(0, 1000, 3000)
before = xent.cross_entropy(z, y)
child = os.fork()
if child == 0:
    os._exit(0 if xent.cross_entropy(z, y) == before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_after_use_computes_and_does_not_hang():
    done = subprocess.run([sys.executable, "-c", FORK], timeout=120, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("k", [3, 100])
def test_read_only_arrays_stay_as_they_are(k):
    z, labels, weight = RNG.normal(size=(5, k)), RNG.integers(0, k, 5), np.ones(k)
    want = xent.cross_entropy_with_grad(z, labels, weight=weight)
    for a in (z, labels, weight):
        a.flags.writeable = False
    loss, slope = xent.cross_entropy_with_grad(z, labels, weight=weight)
    assert loss == want[0]
    np.testing.assert_array_equal(slope, want[1])
    assert slope.flags.writeable


def test_arrays_that_cannot_be_walked_are_copied():
    z, labels = RNG.normal(size=(4, 3)).astype(np.float32), RNG.integers(0, 3, 4)
    want = xent.cross_entropy_with_grad(z, labels)
    raw = np.zeros(z.nbytes + 1, np.uint8)
    raw[1:] = z.view(np.uint8).reshape(-1)
    crooked = raw[1:].view(np.float32).reshape(4, 3)
    assert not crooked.flags.aligned
    for other in (crooked, np.ascontiguousarray(z[:, ::-1])[:, ::-1]):
        loss, slope = xent.cross_entropy_with_grad(other, labels)
        assert loss == want[0]
        np.testing.assert_array_equal(slope, want[1])
    loss, slope = xent.cross_entropy_with_grad(z.astype(">f4"), labels)  # bytes the other way round
    assert loss == pytest.approx(want[0], rel=1e-6)
    np.testing.assert_allclose(slope, want[1], rtol=1e-6)


@pytest.mark.parametrize("k", [5, 100])
def test_the_first_wrong_label_is_named(k):
    z = np.zeros((200, k), np.float32)
    labels = np.zeros(200, np.int64)
    labels[130], labels[150] = k, -3
    with pytest.raises(ValueError, match=rf"labels must lie in \[0, {k}\), got {k} at row 130"):
        xent.cross_entropy(z, labels)
    with pytest.raises(ValueError, match="got -3 at row 150"):
        xent.cross_entropy(z, labels, ignore_index=k)
    assert cpu.cross_entropy(z[:, :, None], labels[:, None])[1] == 130


@pytest.mark.slow
def test_more_than_two_to_the_31_logits():
    n, k = 2_200_000, 1000
    z = np.zeros((n, k), np.float16)  # 4.4 GB that the system need not find: only the ends are written
    z[-1] = np.linspace(-5, 5, k)
    labels = np.zeros(n, np.int32)
    labels[-1] = k - 1
    loss, slope = xent.cross_entropy_with_grad(z, labels, reduction="none")
    assert z.size > 2**31
    last = xent.cross_entropy_with_grad(z[-1].astype(np.float64), np.array(k - 1))
    assert loss[-1] == pytest.approx(last[0], rel=1e-6)
    np.testing.assert_allclose(slope[-1], last[1], rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(loss[:-1], np.log(k), rtol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [1, 2, 10, 63, 64, 65, 1000])
@pytest.mark.parametrize("mean", [True, False])
def test_a_small_smoothed_batch_has_the_bits_of_a_large_one(monkeypatch, kind, classes, mean):
    rng = np.random.default_rng(classes)
    z, y = rng.normal(size=(77, classes)).astype(kind) * 3, rng.integers(0, classes, 77)
    ignored = np.where(np.arange(77) % 5 == 0, -100, y)
    reduction = "mean" if mean else "sum"
    for labels, ignore, by in ((y, None, 77), (ignored, -100, np.count_nonzero(ignored >= 0))):
        grad = np.empty_like(z)
        total, wrong = cpu.cross_entropy(
            z[..., None], labels[:, None], ignore_index=ignore, label_smoothing=0.1, divisor=by if mean else 1,
            grad=grad[..., None],
        )  # fmt: skip
        with monkeypatch.context() as m:
            m.setattr(cpu, "cross_entropy", lambda *_, **__: pytest.fail("the long way was taken"))
            options = {"label_smoothing": 0.1, "ignore_index": ignore, "reduction": reduction}
            loss, dlogits = xent.cross_entropy_with_grad(z, labels, **options)
            assert xent.cross_entropy(z, labels, **options) == loss
        assert wrong == -1
        assert loss == kind(total / by if mean else total)
        np.testing.assert_array_equal(dlogits, grad)
    assert np.isnan(xent.cross_entropy(z, np.full(77, -100), label_smoothing=0.1, ignore_index=-100))
    y[70] = classes
    with pytest.raises(ValueError, match=f"got {classes} at row 70"):
        xent.cross_entropy(z, y, label_smoothing=0.1)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_all_rows_seem_to_count(monkeypatch, dtype):
    monkeypatch.setattr(cpu, "_ignored", set())
    y = np.arange(4 * 2**15).reshape(4, -1).astype(dtype) % 19

    def seem(labels, ignore_index):
        return cpu.seem_to_count(labels, classes=19, ignore_index=ignore_index)

    assert seem(y, 255)
    assert seem(y, -100)
    assert not seem(y, 0)  # a class, which a kernel would not notice
    assert not seem(y, None)
    assert not seem(y[:, :99], 255)  # few enough to count
    y[1:3] = 255
    assert not seem(y, 255)
    assert seem(y, -1)
    cpu.did_not_count(classes=19, ignore_index=-1)
    assert not seem(y, -1)
