"""The error bound of `xent.cross_entropy_with_grad`, loss and every gradient entry, against 400 digits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from strategies import distributions, extreme, rows

INF = math.inf


def excess(z, target, **options):
    """Worst error of loss and gradient of a row, in units of what is allowed.

    Allowed: the exact answer for logits moved by one ulp, and 4 ulp of the result's type:
    4 ulp(exact) + Σ_i |∂ exact / ∂ z_i| ulp(z_i). Where t and p agree to more than 100 bits (logits that are all
    alike to within 1e-30), pairs of floats end, and the gradient is off by up to 2⁻¹⁰⁰ of what cancels.
    """
    kind, loss_kind = z.dtype.name, "float64" if z.dtype == np.float64 else "float32"
    loss, slope = xent.cross_entropy_with_grad(z[None], np.asarray(target)[None], reduction="none", **options)
    assert loss.dtype == loss_kind
    assert slope.dtype == kind
    tau = options.get("temperature", 1.0)
    given_target = int(target) if np.ndim(target) == 0 else [float(x) for x in target]
    t = oracle.target(
        given_target, len(z), epsilon=options.get("label_smoothing", 0.0), weight=options.get("weight")
    )
    exact = oracle.reals(z)
    steps = [oracle.ulp(x, kind) for x in exact]
    loss_exact = oracle.loss(exact, t, temperature=tau)
    slope_exact = oracle.gradient(exact, t, temperature=tau)
    bend = oracle.hessian(exact, t, temperature=tau)
    slack = sum(abs(g) * u for g, u in zip(slope_exact, steps, strict=True))
    worst = [abs(oracle.real(float(loss[0])) - loss_exact) / (4 * oracle.ulp(loss_exact, loss_kind) + slack)]
    for j, (got, g, h) in enumerate(zip(slope[0], slope_exact, bend, strict=True)):
        cancels = t[j] if j != int(z.argmax()) else sum(t) - t[j]
        slack = sum(abs(a) * u for a, u in zip(h, steps, strict=True)) + cancels * oracle.real(2.0**-100)
        worst.append(abs(oracle.real(float(got)) - g) / (4 * oracle.ulp(g, kind) + slack))
    return float(max(worst))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(
    ("k", "scale"), [(1, 1.0), (40, 1.0), *itertools.product((2, 3, 9), (1e-12, 1e-4, 0.01, 1.0, 10.0, 100.0))]
)
def test_bound_on_random_rows(dtype, k, scale):
    rng = np.random.default_rng(k)
    z = (rng.normal(size=k) * scale).astype(dtype)
    y = int(rng.integers(k))
    weight = rng.uniform(0, 3, k)
    soft = rng.dirichlet(np.ones(k)).astype(dtype)
    assert excess(z, y) <= 1
    assert excess(z, int(z.argmax())) <= 1
    assert excess(z, y, label_smoothing=0.1, weight=weight, temperature=0.7) <= 1
    assert excess(z, soft, temperature=3.0) <= 1
    assert excess(z, xent.softmax(z)) <= 1  # the target next to p: T · p − t cancels in every entry
    assert excess(z, np.full(k, 1 / k, dtype)) <= 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "row",
    [
        [0.0, -40.0, -41.0],
        [100.0, 0.0],
        [0.0, -80.0, -80.5, -81.0],
        [0.5, 0.5, 0.5],
        [0.5, 0.5, -30.0],
        [1e8, 1e8 - 16.0, 1e8 - 80.0],
        [0.1, 1e-17, -1e-17],
        [1.0] + [1e-4 * j for j in range(30)],
        [0.0] * 20 + [1e-3],
        [0.0, 1e-30, 0.0],
    ],
)
def test_bound_on_hard_rows(dtype, row):
    z = np.array(row, dtype)
    for y in {0, 1, len(row) - 1}:
        assert excess(z, y) <= 1
        assert excess(z, y, label_smoothing=0.1) <= 1
    assert excess(z, xent.softmax(z)) <= 1


@pytest.mark.parametrize("margin", [36.0, 100.0, 500.0, 700.0, 744.0])
def test_bound_on_tiny_losses(margin):
    z = np.array([margin, 0.0, -1.5, 0.25])
    assert xent.cross_entropy(z, np.array(0)) > 0
    assert excess(z, 0) <= 1
    assert excess(z + 0.1, 0) <= 1


@given(rows(extreme, most=6), st.data())
def test_bound_on_any_row(row, data):
    z = np.array(row)
    target = data.draw(st.integers(0, len(row) - 1) | distributions(len(row)).map(np.array))
    epsilon = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    assert excess(z, target, label_smoothing=epsilon, temperature=data.draw(st.sampled_from([1.0, 0.5, 10.0]))) <= 1


def loss_excess(z, targets, **options):
    """Worst error of the losses of a batch, computed without their gradients, in units of what is allowed."""
    kind, loss_kind = z.dtype.name, "float64" if z.dtype == np.float64 else "float32"
    losses, worst = xent.cross_entropy(z, targets, reduction="none", **options), 0.0
    assert losses.dtype == loss_kind
    tau = options.get("temperature", 1.0)
    for got, row, given_target in zip(losses, z, targets, strict=True):
        own = int(given_target) if np.ndim(given_target) == 0 else [float(x) for x in given_target]
        t = oracle.target(own, len(row), epsilon=options.get("label_smoothing", 0.0), weight=options.get("weight"))
        exact = oracle.reals(row)
        right, pull = oracle.loss(exact, t, temperature=tau), oracle.gradient(exact, t, temperature=tau)
        slack = sum(abs(g) * oracle.ulp(x, kind) for g, x in zip(pull, exact, strict=True))
        error = abs(oracle.real(float(got)) - right) / (4 * oracle.ulp(right, loss_kind) + slack)
        worst = max(worst, float(error))
    return worst


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(("n", "k", "scale"), [
    (70, 3, 3.0), (65, 10, 1e-3), (2, 64, 1.0), (3, 65, 1.0), (3, 65, 20.0), (2, 130, 3.0), (1, 700, 1.0),
])  # fmt: skip
def test_bound_on_the_loss_alone(dtype, n, k, scale):
    rng = np.random.default_rng(k)
    z = (rng.normal(size=(n, k)) * scale).astype(dtype)
    y, soft = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).astype(dtype)
    y[0] = z[0].argmax()
    weight = rng.uniform(0, 3, k)
    assert loss_excess(z, y) <= 1
    assert loss_excess(z, y, label_smoothing=0.1) <= 1
    assert loss_excess(z, y, label_smoothing=0.3, weight=weight, temperature=0.7) <= 1
    assert loss_excess(z, soft) <= 1
    assert loss_excess(z, soft, weight=weight, temperature=3.0) <= 1
    assert loss_excess(z, np.asarray(xent.softmax(z), dtype)) <= 1


@given(st.lists(rows(extreme, least=5, most=5), min_size=1, max_size=4), st.data())
def test_bound_on_any_loss_alone(some, data):
    z = np.array(some)
    soft = data.draw(st.booleans())
    one = distributions(5) if soft else st.integers(0, 4)
    targets = np.array([data.draw(one) for _ in some])
    epsilon = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    assert loss_excess(z, targets, label_smoothing=epsilon, temperature=data.draw(st.sampled_from([1.0, 0.5]))) <= 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("k", [65, 90])
def test_bound_where_classes_go_row_by_row(dtype, k):
    rng = np.random.default_rng(k)
    z = rng.normal(size=k).astype(dtype)
    assert excess(z, 5) <= 1
    assert excess(z, rng.dirichlet(np.ones(k)).astype(dtype), label_smoothing=0.1) <= 1
    assert excess(z, xent.softmax(z)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [200, 500])
def test_bound_on_many_classes(dtype, k):
    z = np.random.default_rng(k).normal(size=k).astype(dtype)
    assert excess(z, 5) <= 1
    assert excess(z, xent.softmax(z)) <= 1


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
@pytest.mark.parametrize("softcap", [None, 1.5, 30.0])
@pytest.mark.parametrize("target", [1, [0.2, 0.5, 0.3, 0.0]])
def test_softcap_temperature_and_z_loss(softcap, z_loss, target):
    z = np.array([0.3, -1.2, 40.0, -INF])
    t = oracle.target(target, 4)
    exact = oracle.capped(oracle.reals(z), softcap)
    options = {"temperature": 0.8, "z_loss": z_loss}
    y = np.asarray(target)[None]
    loss, slope = xent.cross_entropy_with_grad(z[None], y, softcap=softcap, reduction="none", **options)
    assert oracle.ulps(loss[0], oracle.loss(exact, t, **options)) <= 4
    want = oracle.gradient(oracle.reals(z), t, softcap=softcap, **options)[:3]
    for j, g in enumerate(want):
        assert slope[0, j] == pytest.approx(float(g), rel=1e-13)
    assert slope[0, 3] == 0
