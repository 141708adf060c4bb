"""The compiled softmax, log_softmax, logsumexp: every layout and type against the generic path, and the edges."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import array_api_strict as strict
import numpy as np
import pytest
import torch

import oracle
import xent
from xent import _numpy
from xent.kernels import cpu_softmax, threads

RNG = np.random.default_rng(17)
INF, NAN = math.inf, math.nan
FUNCTIONS = (cpu_softmax.softmax, cpu_softmax.log_softmax, cpu_softmax.logsumexp)


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
    if layout == "every third row":
        return np.repeat(z, 3, axis=0)[::3, :, None]
    if layout == "backwards":
        return np.ascontiguousarray(z[::-1, ::-1])[::-1, ::-1, None]
    if layout == "classes first":
        return np.ascontiguousarray(z.T)[None]
    if layout == "images":  # (A, K, B) of two halves
        return np.ascontiguousarray(z.reshape(2, n // 2, k).transpose(0, 2, 1))
    if layout == "small images":
        return np.ascontiguousarray(z.reshape(n // 2, 2, k).transpose(0, 2, 1))
    if layout == "images with the classes last":
        return np.ascontiguousarray(z.reshape(2, n // 2, k)).transpose(0, 2, 1)
    raise ValueError(layout)


LAYOUTS = [
    "rows", "columns", "padded rows", "every other class", "every third row", "backwards", "classes first",
    "images", "small images", "images with the classes last",
]  # fmt: skip


def rows_of(a: np.ndarray, brain: bool) -> np.ndarray:
    """Rows (N, K) in float64 of an (A, K, B) array; of bfloat16's bits if ``brain``."""
    a = np.ascontiguousarray(a.transpose(0, 2, 1)).reshape(-1, a.shape[1])
    return (torch.from_numpy(a).view(torch.bfloat16).double().numpy() if brain else a).astype(np.float64)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("n", "k"), [(6, 3), (136, 10), (70, 65), (10, 700), (2, 4100), (4, 1)])
def test_every_layout_and_type(layout, dtype, n, k):
    brain, kind = dtype == "bfloat16", getattr(torch, dtype)
    exact = torch.from_numpy(RNG.normal(size=(n, k)) * 3).to(kind)
    exact[0, k // 2] = -INF if k > 1 else 0.5
    z = laid_out((exact.view(torch.uint16) if brain else exact).numpy(), layout)
    kept, wide = z.copy(), exact.double().numpy()
    p = cpu_softmax.softmax(z, temperature=0.7, bfloat16=brain)
    log_p = cpu_softmax.log_softmax(z, temperature=0.7, bfloat16=brain)
    lse = cpu_softmax.logsumexp(z, bfloat16=brain)
    np.testing.assert_array_equal(z, kept)
    for out in (p, log_p):
        assert (out.shape, out.dtype) == (z.shape, z.dtype)
    assert (lse.shape, lse.dtype) == ((z.shape[0], z.shape[2]), np.float64)
    eps = float(torch.finfo(kind).eps)
    near = 8 * eps * np.abs(wide[np.isfinite(wide)]).max()  # what an ulp of the logits moves the logarithms by
    rows = strict.asarray(wide)
    want, logs = (
        np.asarray(xent.softmax(rows, temperature=0.7)),
        np.asarray(xent.log_softmax(rows, temperature=0.7)),
    )
    np.testing.assert_allclose(rows_of(p, brain), want, rtol=4 * eps + near, atol=2 * float(torch.finfo(kind).tiny))
    np.testing.assert_allclose(rows_of(log_p, brain), logs, rtol=4 * eps, atol=near)
    np.testing.assert_allclose(
        lse.reshape(-1), np.asarray(xent.logsumexp(rows)), rtol=1e-6 if eps > 1e-8 else 1e-15, atol=near
    )


@pytest.mark.parametrize("k", [2, 3, 64, 65, 300])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_loops_for_few_and_many_classes_are_exact(k, dtype, scale):
    z = (RNG.normal(size=(3, k)) * scale).astype(dtype)
    z[2] += np.where(np.arange(k) == k // 2, 60, 0).astype(dtype)  # a sure row
    p, log_p, lse = xent.softmax(z), xent.log_softmax(z), xent.logsumexp(z)
    for i in range(3):
        exact = oracle.reals(z[i])
        want, norm = oracle.softmax(exact), oracle.logsumexp(exact)
        steps = [oracle.ulp(x, dtype) for x in exact]
        moved = sum(a * u for a, u in zip(want, steps, strict=True))
        assert abs(oracle.real(float(lse[i])) - norm) <= 4 * oracle.ulp(norm, dtype) + moved
        for j in (0, k // 2, k - 1):
            slack = (1 - want[j]) * steps[j] + moved - want[j] * steps[j]
            assert abs(oracle.real(float(p[i, j])) - want[j]) <= 4 * oracle.ulp(want[j], dtype) + want[j] * slack
            logarithm = oracle.MP.log(want[j])
            assert abs(oracle.real(float(log_p[i, j])) - logarithm) <= 4 * oracle.ulp(logarithm, dtype) + slack


@pytest.mark.parametrize("k", [3, 70])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("apart", [False, True])
def test_rows_without_a_softmax_and_masks(k, dtype, apart):
    z = np.zeros((70, k), dtype)
    z[1, 0], z[2, 1], z[3, :], z[4, 2], z[5, :2] = NAN, INF, -INF, -INF, (INF, NAN)
    z[6, 1:] = -INF
    if apart:  # classes that are not neighbours
        z = np.asfortranarray(z)
    z[69] = z[5]  # in the last, part-filled tile
    p, log_p, lse = xent.softmax(z), xent.log_softmax(z), xent.logsumexp(z)
    for i in (1, 2, 3, 5, 69):
        assert np.isnan(p[i]).all()
        assert np.isnan(log_p[i]).all()
    np.testing.assert_array_equal(lse[[1, 2, 3, 5, 69]], np.array([NAN, INF, -INF, NAN, NAN], dtype))
    assert p[4, 2] == 0
    assert log_p[4, 2] == -INF
    np.testing.assert_allclose(p[4, :2].astype(float), 1 / (k - 1), rtol=1e-3)
    np.testing.assert_array_equal(p[6], np.eye(1, k)[0].astype(dtype))
    np.testing.assert_array_equal(
        log_p[6], np.log(np.eye(1, k), where=np.eye(1, k) > 0, out=np.full((1, k), -INF))[0]
    )
    assert lse[6] == 0
    assert not np.isnan(p[[0, 4, 6]]).any()


@pytest.mark.parametrize("tau", [1e-30, 1e-6, 1e6, 1e30, 1e-40, 1e200])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("k", [3, 70])
def test_extreme_temperatures(tau, dtype, k):
    z = RNG.normal(size=(2, k)).astype(dtype)
    want = [np.asarray(f(strict.asarray(z), temperature=tau)) for f in (xent.softmax, xent.log_softmax)]
    got = [f(z, temperature=tau) for f in (xent.softmax, xent.log_softmax)]
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(got[0], want[0], rtol=8 * eps, atol=1e-37)
    np.testing.assert_allclose(got[1], want[1], rtol=8 * eps)


@pytest.mark.parametrize("k", [3, 10, 100, 1000])
def test_the_same_bits_for_any_number_of_threads(k):
    z = RNG.normal(size=(3 * cpu_softmax.PIECE // k, k, 1)).astype(np.float32)
    with threads.limit(1):
        one = [f(z) for f in FUNCTIONS]
    for many in (2, 5):
        with threads.limit(many):
            for f, want in zip(FUNCTIONS, one, strict=True):
                np.testing.assert_array_equal(f(z), want)


def test_ten_threads_at_once_get_the_right_answers():
    cases = []
    for k in (3, 10, 100, 1000, 4000) * 2:
        z = RNG.normal(size=(2 * cpu_softmax.PIECE // k, k)).astype(np.float32)
        cases.append((z, xent.softmax(z), xent.log_softmax(z), xent.logsumexp(z)))
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda c: (xent.softmax(c[0]), xent.log_softmax(c[0]), xent.logsumexp(c[0])), cases)
        )
    for (_, *want), got in zip(cases, answers, strict=True):
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("k", [3, 100])
def test_read_only_crooked_and_repeated_arrays(k):
    z = RNG.normal(size=(40, k)).astype(np.float32)
    functions = (xent.softmax, xent.log_softmax, xent.logsumexp)
    want = [f(z) for f in functions]
    fixed, raw = z.copy(), np.zeros(z.nbytes + 1, np.uint8)
    fixed.flags.writeable = False
    raw[1:] = z.view(np.uint8).reshape(-1)
    crooked = raw[1:].view(np.float32).reshape(z.shape)
    assert not crooked.flags.aligned
    for other in (fixed, crooked, np.ascontiguousarray(z[:, ::-1])[:, ::-1]):
        for f, expected in zip(functions, want, strict=True):
            got = f(other)
            np.testing.assert_array_equal(got, expected)
            assert got.flags.writeable
    swapped = z.astype(">f4")  # bytes the other way round
    for f, expected in zip(functions, want, strict=True):
        np.testing.assert_allclose(f(swapped), expected, rtol=1e-5)
        np.testing.assert_allclose(
            FUNCTIONS[functions.index(f)](swapped[:, :, None]).reshape(expected.shape), expected, rtol=1e-6
        )
    repeated = np.broadcast_to(z[0], z.shape)  # strides of 0
    np.testing.assert_array_equal(xent.softmax(repeated), np.broadcast_to(want[0][0], z.shape))
    np.testing.assert_array_equal(
        xent.logsumexp(np.broadcast_to(z[:, :1], z.shape)), xent.logsumexp(np.repeat(z[:, :1], k, 1))
    )


def test_shapes_and_scalars():
    z = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
    for axis in range(-4, 4):
        np.testing.assert_allclose(xent.softmax(z, axis=axis).sum(axis=axis), 1, rtol=1e-5)
        along = np.moveaxis(z, axis, -1)
        np.testing.assert_array_equal(
            np.moveaxis(xent.log_softmax(z, axis=axis), axis, -1), xent.log_softmax(along)
        )
        np.testing.assert_array_equal(xent.logsumexp(z, axis=axis), xent.logsumexp(along))
    assert isinstance(xent.logsumexp(z[0, 0, 0]), np.float32)
    for shape in ((0, 3), (3, 0, 2), (0, 100)):
        axis = 1 if shape != (3, 0, 2) else 0
        assert xent.softmax(np.zeros(shape), axis=axis).shape == shape
        assert xent.logsumexp(np.zeros(shape), axis=axis).shape == shape[:axis] + shape[axis + 1 :]


@pytest.mark.slow
def test_more_than_two_to_the_31_logits():
    n, k = 2_200_000, 1000
    z = np.zeros((n, k), np.float16)  # 4.4 GB that the system need not find: only the ends are written
    z[-1] = np.linspace(-5, 5, k)
    assert z.size > 2**31
    lse, p = xent.logsumexp(z), xent.softmax(z)
    np.testing.assert_array_equal(p[-1], xent.softmax(z[-1:].copy())[0])
    np.testing.assert_array_equal(p[:: n // 10][:-1], np.float16(1 / k))
    assert lse[-1] == xent.logsumexp(z[-1].copy())
    assert (lse[:-1] == np.float16(math.log(k))).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [1, 2, 10, 63, 64, 65, 1000])
@pytest.mark.parametrize("shape", [(), (1,), (33,), (3, 7)])
def test_small_arrays_take_a_shorter_way_to_the_same_bits(monkeypatch, kind, classes, shape):
    z = np.random.default_rng(classes).normal(size=(*shape, classes)).astype(kind) * 5
    if shape:
        z[0] = -np.inf
        z[-1, ..., 0] = np.nan if shape == (33,) else np.inf
    for tau in (1, 0.7):
        wanted = [xent.softmax(z[..., None], axis=-2, temperature=tau)[..., 0],
                  xent.log_softmax(z[..., None], axis=-2, temperature=tau)[..., 0],
                  xent.logsumexp(z[..., None], axis=-2)[..., 0]]  # fmt: skip
        with monkeypatch.context() as m:
            m.setattr(_numpy, "_rows_of", lambda *_: pytest.fail("the long way was taken"))
            before = z.copy()
            ours = [xent.softmax(z, temperature=tau), xent.log_softmax(z, axis=len(shape), temperature=tau),
                    xent.logsumexp(z)]  # fmt: skip
        np.testing.assert_array_equal(z, before)
        for a, b in zip(ours, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == kind
            assert a.shape == b.shape
            assert type(a) is (np.ndarray if a.ndim else kind)
