"""Softmax and its relatives against 400 digits, in every type and along every axis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from strategies import extreme, masked_rows

INF, NAN = math.inf, math.nan
Z = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0]])


def check(got, exact, moves, steps, kind):
    """|got − exact| ≤ 4 ulp(exact) + Σ |∂ exact / ∂ z_i| ulp(z_i)."""
    slack = sum(abs(d) * u for d, u in zip(moves, steps, strict=True))
    assert abs(oracle.real(float(got)) - exact) <= 4 * oracle.ulp(exact, kind) + slack


@pytest.mark.parametrize("kind", ["float64", "float32", "float16"])
@given(masked_rows(), st.sampled_from([1.0, 0.5, 7.0]))
def test_bound(kind, row, tau):
    limit = 10000 if kind == "float16" else math.inf  # so that no logarithm is beyond the type
    z = np.array([x if x == -INF else min(max(x, -limit), limit) for x in row]).astype(kind)
    scaled = [x / oracle.real(tau) for x in oracle.reals(z)]
    steps = [
        oracle.ulp(x, kind) / oracle.real(tau) if math.isfinite(x) else oracle.real(0) for x in oracle.reals(z)
    ]
    p, bend = oracle.softmax(scaled), oracle.jacobian(scaled)
    ours, logs = xent.softmax(z, temperature=tau), xent.log_softmax(z, temperature=tau)
    assert ours.dtype == logs.dtype == kind
    for j, exact in enumerate(p):
        check(ours[j], exact, bend[j], steps, kind)
        if not exact:
            assert logs[j] == -INF
        else:
            check(logs[j], oracle.MP.log(exact), [(i == j) - x for i, x in enumerate(p)], steps, kind)
    plain = oracle.softmax(oracle.reals(z))
    steps = [u * oracle.real(tau) for u in steps]
    check(xent.logsumexp(z), oracle.logsumexp(oracle.reals(z)), plain, steps, kind)


@given(st.lists(extreme | st.floats(-1e4, 1e4), min_size=1, max_size=8))
def test_logistic_function(values):
    x = np.array(values)
    for v, s, log_s in zip(values, xent.sigmoid(x), xent.log_sigmoid(x), strict=True):
        e = oracle.MP.exp(-oracle.real(v))
        assert oracle.ulps(s, 1 / (1 + e)) <= 4
        assert oracle.ulps(log_s, -oracle.MP.log(1 + e)) <= 4


def test_logistic_function_at_the_ends():
    x = np.array([-INF, INF, NAN], np.float32)
    np.testing.assert_array_equal(xent.sigmoid(x), np.array([0, 1, NAN], np.float32))
    np.testing.assert_array_equal(xent.log_sigmoid(x), np.array([-INF, 0, NAN], np.float32))


def test_sums_axes_and_temperature():
    z = np.random.default_rng(0).normal(size=(3, 4, 5))
    for axis in (0, 1, 2, -1, -3):
        p = xent.softmax(z, axis=axis, temperature=0.3)
        np.testing.assert_allclose(p.sum(axis=axis), 1, rtol=1e-15)
        np.testing.assert_array_equal(
            p, np.moveaxis(xent.softmax(np.moveaxis(z, axis, -1), temperature=0.3), -1, axis)
        )
        np.testing.assert_allclose(np.log(p), xent.log_softmax(z, axis=axis, temperature=0.3), rtol=1e-12)
        assert xent.logsumexp(z, axis=axis).shape == p.sum(axis=axis).shape


def test_the_article_s_temperatures():
    z = np.array([2.0, 1.0, 0.1])
    np.testing.assert_allclose(xent.softmax(z, temperature=5.0), [0.3996, 0.3272, 0.2733], atol=5e-5)
    np.testing.assert_allclose(xent.softmax(z, temperature=0.1), [0.99995, 4.54e-05, 5.60e-09], rtol=1e-3)


@pytest.mark.parametrize("bad", [[NAN, 1.0], [INF, 1.0], [-INF, -INF]])
def test_rows_without_a_softmax_are_nan(bad):
    z = np.array([bad, [0.0, 1.0]])
    for f in (xent.softmax, xent.log_softmax):
        assert np.isnan(f(z)[0]).all()
        np.testing.assert_array_equal(f(z)[1], f(z[1]))


def test_logsumexp_at_both_ends():
    z = np.array([[-INF, -INF], [INF, 0.0], [INF, NAN], [INF, -INF]])
    np.testing.assert_array_equal(xent.logsumexp(z), [-INF, INF, NAN, INF])


def test_empty_batches():
    assert xent.softmax(np.zeros((0, 3))).shape == (0, 3)
    assert xent.logsumexp(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "logits must be an array", lambda: xent.softmax([1.0])),
        (TypeError, "logits must be floating point, got int64", lambda: xent.softmax(np.arange(3))),
        (TypeError, "axis must be an integer", lambda: xent.softmax(Z, axis=0.5)),
        (TypeError, "x must be floating point", lambda: xent.sigmoid(np.arange(3))),
        (ValueError, "axis 3 does not exist", lambda: xent.log_softmax(Z, axis=3)),
        (ValueError, "at least one class", lambda: xent.softmax(np.zeros((2, 0)))),
        (ValueError, r"temperature must lie in \(0, inf\), got -1.0", lambda: xent.softmax(Z, temperature=-1.0)),
        (ValueError, "x must have a class axis", lambda: xent.logsumexp(np.float64(1))),
    ],
)
def test_wrong_arguments_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()
