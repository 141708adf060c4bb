"""`xent.focal_loss` and its gradient: the error bound, the laws, the edges, the errors, and a peer."""

from __future__ import annotations

import math
from functools import cache

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from strategies import batches, extreme, rows

NAN, INF = math.nan, math.inf
LOGITS = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0], [0.3, 0.3, -2.0]])
LABELS = np.array([0, 2, 1])
BINARY = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]])

# -------------------------------------------------------------------------------------------------- the error bound


def exactly(z, y, gamma):
    """−(1 − p)^γ log p of the label."""
    p = oracle.softmax(z)
    return -((1 - p[y]) ** oracle.real(gamma)) * oracle.MP.log(p[y])


@cache
def derivatives(z, y, gamma):
    """Value, gradient and second derivatives, as quotients in 700 digits: 1 − p may begin at the 325th."""
    with oracle.MP.workdps(700):
        return quotients(oracle.reals(z), y, gamma)


def quotients(z, y, gamma):
    h = oracle.MP.mpf(10) ** -80

    def at(*steps):
        return exactly([x + h * sum(s for i, s in steps if i == j) for j, x in enumerate(z)], y, gamma)

    n = range(len(z))
    slope = [(at((i, 1)) - at((i, -1))) / (2 * h) for i in n]
    bend = [
        [
            (at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))) / (4 * h * h)
            for j in n
        ]
        for i in n
    ]
    return at(), slope, bend


def worst(z, y, gamma, loss, slope):
    """Worst error of loss and gradient, in units of what is allowed: see tests/test_losses_bound.py."""
    kind, loss_kind = z.dtype.name, "float64" if z.dtype == np.float64 else "float32"
    assert loss.dtype == loss_kind
    assert slope.dtype == kind
    value, first, second = derivatives(tuple(float(x) for x in z), y, gamma)
    steps = [oracle.ulp(oracle.real(float(x)), kind) for x in z]
    excess = [
        abs(oracle.real(float(loss)) - value)
        / (4 * oracle.ulp(value, loss_kind) + sum(abs(g) * u for g, u in zip(first, steps, strict=True)))
    ]
    for got, g, h in zip(slope, first, second, strict=True):
        room = 4 * oracle.ulp(g, kind) + sum(abs(a) * u for a, u in zip(h, steps, strict=True))
        excess.append(abs(oracle.real(float(got)) - g) / room)
    return float(max(excess))


def of_classes(z, y, gamma):
    loss, slope = xent.focal_loss_with_grad(z, np.array(y), gamma=gamma, axis=0)
    return worst(z, y, gamma, loss, slope)


def of_one(z, y, gamma):
    """Judge a binary row as the row (0, z) of two classes, whose first logit does not move."""
    loss, slope = xent.focal_loss_with_grad(z, np.array(y), gamma=gamma)
    value, first, second = derivatives((0.0, float(z)), y, gamma)
    kind, loss_kind = z.dtype.name, "float64" if z.dtype == np.float64 else "float32"
    step = oracle.ulp(oracle.real(float(z)), kind)
    room = 4 * oracle.ulp(value, loss_kind) + abs(first[1]) * step
    excess = abs(oracle.real(float(loss)) - value) / room
    room = 4 * oracle.ulp(first[1], kind) + abs(second[1][1]) * step
    return float(max(excess, abs(oracle.real(float(slope)) - first[1]) / room))


GAMMAS = [0.0, 0.3, 1.0, 2.0, 5.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("scale", [1e-12, 0.01, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_bound_on_random_rows(dtype, scale, gamma):
    rng = np.random.default_rng(8)
    for k in (2, 5):
        z = (rng.normal(size=k) * scale).astype(dtype)
        for y in {0, int(z.argmax())}:
            assert of_classes(z, y, gamma) <= 1
    for z in (rng.normal(size=4) * scale).astype(dtype):
        for y in (0, 1):
            assert of_one(z, y, gamma) <= 1


@pytest.mark.parametrize("gamma", GAMMAS)
def test_bound_on_hard_rows(gamma):
    for row in ([0.0, -40.0, -41.0], [0.5] * 3, [0.5, 0.5, -30.0], [1e8, 1e8 - 16], [0.0], [1e-30, 0.0]):
        for y in {0, len(row) - 1}:
            assert of_classes(np.array(row), y, gamma) <= 1
    for z in (0.0, 1e-30, 36.7, -40.0, 120.0, 700.0, -1e8):
        for y in (0, 1):
            assert of_one(np.float64(z), y, gamma) <= 1


@given(rows(extreme, most=4), st.sampled_from(GAMMAS), st.data())
def test_bound_on_any_row(row, gamma, data):
    assert of_classes(np.array(row), data.draw(st.integers(0, len(row) - 1)), gamma) <= 1
    assert of_one(np.float64(row[0]), data.draw(st.integers(0, 1)), gamma) <= 1


# -------------------------------------------------------------------------------------------------------- the laws


@given(batches(least_rows=1))
def test_without_gamma_it_is_cross_entropy(batch):
    logits, labels = batch
    loss, slope = xent.focal_loss_with_grad(logits, labels, gamma=0, axis=-1)
    want, direction = xent.cross_entropy_with_grad(logits, labels)
    assert loss == pytest.approx(want, rel=1e-15)  # two loops: each within its bound, not the same bits
    np.testing.assert_allclose(slope, direction, rtol=1e-15, atol=0)
    y = labels % 2
    loss, slope = xent.focal_loss_with_grad(logits[:, 0], y, gamma=0)
    want, direction = xent.binary_cross_entropy_with_grad(logits[:, 0], y)
    assert loss == want
    np.testing.assert_array_equal(slope, direction)


@given(st.floats(-600, 600), st.integers(0, 1), st.sampled_from(GAMMAS))
def test_two_classes_say_the_same(z, y, gamma):
    loss, slope = xent.focal_loss_with_grad(np.array(z), np.array(y), gamma=gamma)
    want, both = xent.focal_loss_with_grad(np.array([0.0, z]), np.array(y), gamma=gamma, axis=0)
    near = 1e-14 + (1 + gamma) * np.spacing(abs(z))  # an ulp of z moves (1 - p) ** gamma by so much
    assert loss == pytest.approx(want, rel=near, abs=0)
    assert slope == pytest.approx(both[1], rel=near, abs=0)


def test_gamma_only_lowers_the_loss():
    losses = [xent.focal_loss(LOGITS, LABELS, gamma=g, axis=1, reduction="none") for g in (0, 0.5, 1, 2, 8)]
    assert (np.diff(losses, axis=0) <= 0).all()


def test_alpha():
    z, y = LOGITS, BINARY
    each, slope = xent.focal_loss_with_grad(z, y, reduction="none")
    got, tilted = xent.focal_loss_with_grad(z, y, alpha=0.25, reduction="none")
    np.testing.assert_allclose(got, each * np.where(y == 1, 0.25, 0.75), rtol=1e-15)
    np.testing.assert_allclose(tilted, slope * np.where(y == 1, 0.25, 0.75), rtol=1e-15)
    each, slope = xent.focal_loss_with_grad(z, LABELS, reduction="none", axis=1)
    alpha = np.array([0.5, 2.0, 7.0])
    got, tilted = xent.focal_loss_with_grad(z, LABELS, alpha=alpha, axis=1)
    assert got == pytest.approx((each * alpha[LABELS]).mean())
    np.testing.assert_allclose(tilted, slope * alpha[LABELS][:, None] / 3, rtol=1e-15)


def test_axis_and_reduction():
    z, y = np.random.default_rng(2).normal(size=(2, 4, 3)), np.array([[0, 1, 3], [2, 2, 0]])
    each, slope = xent.focal_loss_with_grad(z, y, axis=1, reduction="none")
    assert each.shape == (2, 3)
    turned, swung = xent.focal_loss_with_grad(np.moveaxis(z, 1, -1), y, axis=-1, reduction="none")
    np.testing.assert_array_equal(each, turned)
    np.testing.assert_array_equal(slope, np.moveaxis(swung, -1, 1))
    assert xent.focal_loss(z, y, axis=1) == pytest.approx(each.mean())
    assert xent.focal_loss(z, y, axis=1, reduction="sum") == pytest.approx(each.sum())


def test_blocks_change_nothing():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(9000, 10)), rng.integers(0, 10, 9000)
    loss, slope = xent.focal_loss_with_grad(z, y, axis=1, reduction="none")
    some, part = xent.focal_loss_with_grad(z[4000:4100], y[4000:4100], axis=1, reduction="none")
    np.testing.assert_array_equal(loss[4000:4100], some)
    np.testing.assert_array_equal(slope[4000:4100], part)


# -------------------------------------------------------------------------------------------------------- the edges


@pytest.mark.parametrize("gamma", GAMMAS)
def test_certain_answers(gamma):
    z, y = np.array([INF, INF, -INF, -INF, NAN]), np.array([1, 0, 0, 1, 1])
    loss, slope = xent.focal_loss_with_grad(z, y.astype(float), gamma=gamma, reduction="none")
    np.testing.assert_array_equal(loss, [0, INF, 0, INF, NAN])
    np.testing.assert_array_equal(slope, [0, 1, 0, -1, NAN])
    z = np.array([[0.0, -2000.0], [0.0, -INF], [-INF, 0.0], [NAN, 0.0], [INF, 0.0], [-INF, -INF]])
    loss, slope = xent.focal_loss_with_grad(z, np.zeros(6, int), gamma=gamma, axis=1, reduction="none")
    np.testing.assert_array_equal(loss, [0, 0, INF, NAN, NAN, NAN])
    np.testing.assert_array_equal(slope[:3], [[0, 0], [0, 0], [-1, 1]])
    assert np.isnan(slope[3:]).all()


def test_nothing_to_average():
    assert math.isnan(xent.focal_loss(np.zeros(0), np.zeros(0, int)))
    loss, slope = xent.focal_loss_with_grad(np.zeros((0, 3)), np.zeros(0, int), axis=1, reduction="sum")
    assert loss == 0
    assert slope.shape == (0, 3)


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray])
def test_every_namespace_says_the_same(make):
    for options in ({"alpha": np.array([0.5, 2.0, 7.0]), "axis": 1}, {"alpha": 0.25}):
        y = LABELS if "axis" in options else BINARY
        want, direction = xent.focal_loss_with_grad(LOGITS, y, gamma=1.5, **options)
        if "axis" in options:
            options["alpha"] = make(options["alpha"])
        loss, slope = xent.focal_loss_with_grad(make(LOGITS), make(y), gamma=1.5, **options)
        assert float(loss) == pytest.approx(float(want), rel=1e-14)
        np.testing.assert_allclose(np.asarray(slope), direction, rtol=1e-13)


def test_jax_traces_it():
    z = jnp.asarray(LOGITS, dtype=jnp.float32)
    loss, slope = jax.jit(lambda z, y: xent.focal_loss_with_grad(z, y, axis=1, reduction="none"))(
        z, jnp.array([0, 3, 1])
    )
    want, direction = xent.focal_loss_with_grad(LOGITS, LABELS, axis=1, reduction="none")
    np.testing.assert_allclose(np.asarray(loss)[::2], want[::2], rtol=1e-5)
    np.testing.assert_allclose(np.asarray(slope)[::2], direction[::2], rtol=1e-5)
    assert np.isnan(loss[1])
    assert np.isnan(slope[1]).all()
    assert float(xent.focal_loss(z, jnp.asarray(BINARY))) == pytest.approx(
        xent.focal_loss(LOGITS, BINARY), rel=1e-5
    )


# ----------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, "gamma must be a number", (LOGITS, BINARY), {"gamma": "two"}),
        (TypeError, "target must hold class indices", (LOGITS, np.full((3, 3), 1 / 3)), {"axis": 1}),
        (TypeError, "pass it as float", (LOGITS, BINARY), {"axis": 1}),
        (TypeError, "alpha must be an array", (LOGITS, LABELS), {"axis": 1, "alpha": 0.25}),
        (TypeError, "alpha is a torch array", (LOGITS, LABELS), {"axis": 1, "alpha": torch.ones(3)}),
        (TypeError, "logits must be floating point", (BINARY, BINARY), {}),
        (ValueError, r"gamma must lie in \[0, inf\), got -1", (LOGITS, BINARY), {"gamma": -1}),
        (ValueError, r"alpha must lie in \[0, 1\], got 2", (LOGITS, BINARY), {"alpha": 2}),
        (
            ValueError,
            r"alpha is one number without axis=, got shape \(3,\)",
            (LOGITS, BINARY),
            {"alpha": np.ones(3)},
        ),
        (ValueError, r"alpha must have one number a class", (LOGITS, LABELS), {"axis": 1, "alpha": np.ones(2)}),
        (ValueError, r"alpha must be finite .* got -1.0", (LOGITS, LABELS), {"axis": 1, "alpha": -np.ones(3)}),
        (ValueError, r"target must be 0 or 1, got 0.5 at \[0, 0\]", (LOGITS, np.full((3, 3), 0.5)), {}),
        (ValueError, r"target must have the logits' shape", (LOGITS, LABELS), {}),
        (ValueError, r"labels must lie in \[0, 3\), got 3 at row 1$", (LOGITS, np.array([0, 3, 9])), {"axis": 1}),
        (ValueError, "axis 2 does not exist", (LOGITS, LABELS), {"axis": 2}),
        (ValueError, "reduction must be one of", (LOGITS, BINARY), {"reduction": "batch"}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        xent.focal_loss_with_grad(*args, **options)


# ----------------------------------------------------------------------------------------------------------- a peer


@pytest.mark.parametrize("gamma", [0.0, 1.5, 2.0])
def test_autograd_of_the_textbook_formula_agrees(gamma):
    z = torch.tensor(LOGITS * 0.5, requires_grad=True)
    y, alpha = torch.tensor(LABELS), torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)
    p = torch.softmax(z, dim=1).gather(1, y[:, None])[:, 0]
    (-alpha[y] * (1 - p) ** gamma * torch.log(p)).mean().backward()
    _, slope = xent.focal_loss_with_grad(LOGITS * 0.5, LABELS, gamma=gamma, alpha=alpha.numpy(), axis=1)
    np.testing.assert_allclose(slope, z.grad.numpy(), rtol=1e-6, atol=1e-15)
