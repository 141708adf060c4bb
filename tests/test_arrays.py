"""One generic path, many namespaces: NumPy, a strict array-API namespace, PyTorch and JAX give the same answers."""

from __future__ import annotations

import math

import array_api_compat.numpy as xp
import array_api_strict
import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from xent import _arrays
from xent._arrays import Pair

MAKERS = {"strict": array_api_strict.asarray, "torch": torch.asarray}
RNG = np.random.default_rng(3)
LOGITS = RNG.normal(size=(4, 2, 5)) * 4
LOGITS[0, 0, 2] = -math.inf
INDEX, SOFT = np.array([[0, 1], [3, 4], [2, 2], [4, 0]]), RNG.dirichlet(np.ones(5), (4, 2))
OPTIONS = [
    {},
    {"label_smoothing": 0.1, "temperature": 0.5, "reduction": "none"},
    {"weight": RNG.uniform(0, 2, 5), "sample_weight": RNG.uniform(0, 2, (4, 2)), "ignore_index": 2},
    {"softcap": 5.0, "z_loss": 0.01, "reduction": "sum"},
]


@pytest.fixture(autouse=True)
def _float64_in_jax():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("soft", [False, True])
def test_every_namespace_agrees_with_numpy(maker, options, soft):
    if soft and "ignore_index" in options:
        options = {k: v for k, v in options.items() if k != "ignore_index"}
    make, target = MAKERS[maker], SOFT if soft else INDEX
    z = LOGITS.copy()
    z[0, 0, 2] = 0.5 if soft or "label_smoothing" in options else z[0, 0, 2]
    there = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    loss, slope = xent.cross_entropy_with_grad(make(z), make(target), **there)
    want, wanted = xent.cross_entropy_with_grad(z, target, **options)
    assert type(loss) is type(slope) is type(make(z))
    np.testing.assert_allclose(np.asarray(loss), want, rtol=1e-14)
    np.testing.assert_allclose(np.asarray(slope), wanted, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("maker", MAKERS)
def test_probabilities_and_targets_in_every_namespace(maker):
    make = MAKERS[maker]
    for f in (xent.softmax, xent.log_softmax, xent.logsumexp, xent.sigmoid, xent.log_sigmoid):
        np.testing.assert_allclose(np.asarray(f(make(LOGITS))), f(LOGITS), rtol=1e-14)
    np.testing.assert_array_equal(np.asarray(xent.one_hot(make(INDEX), 5)), xent.one_hot(INDEX, 5))
    np.testing.assert_array_equal(np.asarray(xent.smooth_labels(make(SOFT), 0.2)), xent.smooth_labels(SOFT, 0.2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_torch_types(dtype):
    z = torch.tensor(LOGITS[1:], dtype=dtype)
    loss, slope = xent.cross_entropy_with_grad(z, torch.tensor(INDEX[1:]))
    assert loss.dtype == torch.float32
    assert slope.dtype == dtype
    want = xent.cross_entropy(z.to(torch.float64).numpy(), INDEX[1:])
    assert loss.item() == pytest.approx(want, rel=1e-7)


def test_tiny_losses_survive_in_every_namespace():
    z, y = np.array([[0.0, -40.0, -41.0]]), np.array([0])
    found = [xent.cross_entropy(make(z), make(y)) for make in MAKERS.values()]
    found.append(jax.jit(xent.cross_entropy)(z, y))
    assert list(map(float, found)) == pytest.approx([5.811236444626578e-18] * 3, rel=1e-15)


@pytest.mark.parametrize("soft", [False, True])
def test_jax_traces(soft):
    options = {"softcap": 9.0, "temperature": 2.0, "weight": np.arange(1.0, 6)} if soft else {}
    z, target = LOGITS[1:], (SOFT if soft else INDEX)[1:]
    given = {k: jax.numpy.asarray(v) if k == "weight" else v for k, v in options.items()}
    loss, slope = jax.jit(lambda a, b: xent.cross_entropy_with_grad(a, b, **given))(z, target)
    want, wanted = xent.cross_entropy_with_grad(z, target, **options)
    assert loss.dtype == slope.dtype == jax.numpy.float64
    assert float(loss) == pytest.approx(want, rel=1e-14)
    np.testing.assert_allclose(slope, wanted, rtol=1e-12, atol=1e-17)
    p = jax.jit(xent.softmax)(z)
    np.testing.assert_allclose(p, xent.softmax(z), rtol=1e-14)


def test_jax_marks_faulty_rows():
    each = jax.jit(lambda a, b, w=None: xent.cross_entropy_with_grad(a, b, weight=w, reduction="none"))
    z, y = LOGITS[1:], INDEX[1:].copy()
    y[0, 1], y[2, 0] = 5, -1
    faulty = np.zeros((3, 2), bool)
    faulty[0, 1] = faulty[2, 0] = True
    rows, slopes = each(z, y)
    np.testing.assert_array_equal(np.isnan(rows), faulty)
    np.testing.assert_array_equal(np.isnan(slopes).all(-1), faulty)
    assert np.isnan(jax.jit(lambda y: xent.one_hot(y, 5))(y)[0, 1]).all()
    assert np.isnan(each(z, np.ones((3, 2, 5)))[0]).all()
    assert np.isnan(each(z, INDEX[1:], jax.numpy.asarray([1.0, 1, 1, 1, -1]))[0]).any()
    with pytest.raises(ValueError, match="can be read at once"):
        jax.jit(lambda a: xent.cross_entropy(a, jax.numpy.asarray(INDEX), on_empty="raise"))(LOGITS)


def test_jax_without_float64():
    with jax.enable_x64(False):
        z, q = jax.numpy.asarray(LOGITS[1:]), jax.numpy.asarray(SOFT[1:])
        loss, slope = jax.jit(lambda a, b: xent.cross_entropy_with_grad(a, b, temperature=2.0))(z, q)
        assert loss.dtype == slope.dtype == jax.numpy.float32
    want, wanted = xent.cross_entropy_with_grad(LOGITS[1:], SOFT[1:], temperature=2.0)
    assert float(loss) == pytest.approx(want, rel=1e-6)
    np.testing.assert_allclose(slope, wanted, atol=1e-7)


# ------------------------------------------------------------------------------------------------- pairs of floats

number = st.floats(-1e100, 1e100, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-100)


def real(pair):
    return oracle.real(float(pair.hi)) + oracle.real(float(pair.lo))


def near(pair, exact, scale, digits=2**-100):
    return abs(real(pair) - exact) <= oracle.real(digits) * abs(scale)


@given(number, number)
def test_sum_and_product_are_exact(a, b):
    x, y = np.float64(a), np.float64(b)
    assert real(_arrays.two_sum(x, y)) == oracle.real(a) + oracle.real(b)
    assert real(_arrays.two_prod(xp, x, y)) == oracle.real(a) * oracle.real(b)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_total_keeps_twice_the_digits(values):
    column = np.array(values)
    exact = sum(oracle.reals(values))
    assert near(_arrays.total(xp, Pair(column, 0 * column)), exact, sum(abs(x) for x in oracle.reals(values)))


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_pair_arithmetic(a, b):
    x, y = (Pair(np.float64(v), np.float64(v * 1e-17)) for v in (a, b))
    for got, exact in (
        (_arrays.multiply(xp, x, y), real(x) * real(y)),
        (_arrays.divide(xp, x, y), real(x) / real(y)),
        (_arrays.add(x, _arrays.minus(y)), real(x) - real(y)),
    ):
        assert near(got, exact, max(abs(exact), real(x)))


@given(st.floats(0, 600) | st.floats(0, 1e-3) | st.floats(0, 1e-12))
def test_extended_exp(gap):
    pair = Pair(np.array([gap]), np.array([gap * 1e-17]))
    exact = oracle.MP.exp(-(oracle.real(gap) + oracle.real(gap * 1e-17)))
    hi, lo = _arrays.exp_minus(xp, pair, extended=True)
    assert near(Pair(hi[0], lo[0]), exact, exact, 2**-53 * min(1, gap))
    plain = _arrays.exp_minus(xp, pair, extended=False)
    assert near(Pair(plain.hi[0], plain.lo[0]), exact, exact, 2**-51)


def test_extended_exp_underflows_to_zero():
    gap = np.array([745.0, 746.0, 1e9, math.inf])
    hi, lo = _arrays.exp_minus(xp, Pair(gap, np.zeros(4)), extended=True)
    np.testing.assert_array_equal(hi + lo, [5e-324, 0, 0, 0])
