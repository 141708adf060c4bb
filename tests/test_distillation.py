"""`xent.distillation_loss` and its gradient: the error bound, the laws, the edges, the errors, and a peer."""

from __future__ import annotations

import math

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
from strategies import extreme, rows

NAN, INF = math.nan, math.inf
STUDENT = np.array([[0.5, 1.0, -0.25], [0.0, -3.0, 2.0]])
TEACHER = np.array([[2.0, 1.0, 0.1], [1.0, -40.0, -41.0]])
LABELS = np.array([0, 2])


# -------------------------------------------------------------------------------------------------- the error bound


def excess(u, v, tau):
    """Worst error of loss and gradient of a row, in units of what is allowed.

    Allowed: the exact answer for logits of both moved by one ulp, and 4 ulp of the result's type.
    """
    kind, loss_kind = u.dtype.name, "float64" if u.dtype == np.float64 else "float32"
    loss, slope = xent.distillation_loss_with_grad(u[None], v[None], temperature=tau, reduction="none")
    assert loss.dtype == loss_kind
    assert slope.dtype == kind
    t, student, teacher = oracle.real(tau), oracle.reals(u), oracle.reals(v)
    q, p = oracle.softmax([x / t for x in student]), oracle.softmax([x / t for x in teacher])
    kl = oracle.kl_divergence(p, q)
    first = [t * (b - a) for a, b in zip(p, q, strict=True)]
    by_teacher = [t * a * (oracle.MP.log(a / b) - kl) if a else a for a, b in zip(p, q, strict=True)]
    us, vs = ([oracle.ulp(x, z.dtype.name) for x in row] for z, row in ((u, student), (v, teacher)))
    value = t * t * kl
    slack = sum(abs(g) * e for g, e in zip([*first, *by_teacher], [*us, *vs], strict=True))
    worst = [abs(oracle.real(float(loss[0])) - value) / (4 * oracle.ulp(value, loss_kind) + slack)]
    for j, (got, g) in enumerate(zip(slope[0], first, strict=True)):
        slack = sum(abs(q[j] * ((i == j) - q[i])) * e for i, e in enumerate(us))
        slack += sum(abs(p[j] * ((i == j) - p[i])) * e for i, e in enumerate(vs))
        worst.append(abs(oracle.real(float(got)) - g) / (4 * oracle.ulp(g, kind) + slack))
    return float(max(worst))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("scale", [1e-12, 1e-4, 0.01, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_bound_on_random_rows(dtype, scale, k):
    rng = np.random.default_rng(k)
    v = (rng.normal(size=k) * scale).astype(dtype)
    for apart in (1.0, 1e-3, 1e-9):
        u = (v + rng.normal(size=k) * scale * apart).astype(dtype)
        for tau in (1.0, 2.0, 0.7):
            assert excess(u, v, tau) <= 1
    assert excess((rng.normal(size=k) * scale).astype(dtype), v, 2.0) <= 1


@pytest.mark.parametrize(
    ("u", "v"),
    [
        ([0.0, 0.0, -95.0], [0.0, -0.1, -90.0]),
        ([0.0, -0.1, -1300.0], [0.0, -0.1, -700.0]),
        ([0.0, 5.0, -40.0], [0.0, 5.0, -60.0]),
        ([0.0, -600.0], [-600.0, 0.0]),
        ([1e8, 0.0, 1e8 - 3], [0.0, 1e8, 3.0]),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.30000000000000004]),
        ([1e6 + 0.1, 1e6 + 0.2], [0.1, 0.2]),
        ([20.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_bound_on_hard_rows(u, v):
    for tau in (1.0, 3.0):
        assert excess(np.array(u), np.array(v), tau) <= 1
        assert excess(np.array(v), np.array(u), tau) <= 1


@given(rows(extreme, most=5), st.data())
def test_bound_on_any_row(row, data):
    v = np.array(row)
    other = data.draw(st.lists(extreme | st.sampled_from(row), min_size=len(row), max_size=len(row)))
    assert excess(np.array(other), v, data.draw(st.sampled_from([1.0, 2.0, 0.3]))) <= 1


# -------------------------------------------------------------------------------------------------------- the laws


@given(rows(most=6), st.integers(-50, 50), st.sampled_from([1.0, 2.0, 0.3]))
def test_the_same_costs_exactly_nothing(row, shift, tau):
    z = np.array(row)
    loss, slope = xent.distillation_loss_with_grad(z, z, temperature=tau)
    assert loss == 0
    assert (slope == 0).all()
    whole = np.round(np.clip(z, -1e6, 1e6))
    loss, slope = xent.distillation_loss_with_grad(whole + shift, whole, temperature=tau)
    assert loss == 0
    assert (slope == 0).all()


@given(rows(extreme, least=2, most=5), st.data())
def test_never_negative(row, data):
    other = data.draw(st.lists(extreme, min_size=len(row), max_size=len(row)))
    assert xent.distillation_loss(np.array(row), np.array(other)) >= 0


def test_gradient_is_the_slope_of_the_loss():
    options = {"temperature": 3.0, "target": LABELS, "alpha": 0.3}
    _, slope = xent.distillation_loss_with_grad(STUDENT, TEACHER, **options)
    h = 1e-5
    for at in np.ndindex(STUDENT.shape):
        up, down = STUDENT.copy(), STUDENT.copy()
        up[at] += h
        down[at] -= h
        ends = [xent.distillation_loss(z, TEACHER, **options) for z in (up, down)]
        assert slope[at] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-9)


@pytest.mark.parametrize("target", [LABELS, np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.9, 1.0])
def test_target_and_alpha(target, alpha):
    soft, along = xent.distillation_loss_with_grad(STUDENT, TEACHER)
    hard, across = xent.cross_entropy_with_grad(STUDENT, target)
    share = 0.5 if alpha is None else alpha
    loss, slope = xent.distillation_loss_with_grad(STUDENT, TEACHER, target=target, alpha=alpha)
    assert loss == pytest.approx(share * soft + (1 - share) * hard)
    np.testing.assert_allclose(slope, share * along + (1 - share) * across, rtol=1e-12)
    turned, swung = xent.distillation_loss_with_grad(
        STUDENT.T, TEACHER.T, target=target.T, alpha=alpha, axis=0, reduction="sum"
    )
    assert turned == pytest.approx(2 * loss)
    np.testing.assert_allclose(swung.T, 2 * slope, rtol=1e-14)


def test_blocks_change_nothing():
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, 9000, 10))
    loss, slope = xent.distillation_loss_with_grad(u, v, reduction="none")
    some, part = xent.distillation_loss_with_grad(u[4000:4100], v[4000:4100], reduction="none")
    np.testing.assert_array_equal(loss[4000:4100], some)
    np.testing.assert_array_equal(slope[4000:4100], part)
    assert xent.distillation_loss(u, v) == pytest.approx(loss.mean(), rel=1e-14)


# -------------------------------------------------------------------------------------------------------- the edges


def test_masks():
    both = np.array([0.0, -INF, 1.0]), np.array([0.5, -INF, 0.0])
    loss, slope = xent.distillation_loss_with_grad(*both, temperature=1.0)
    want, some = xent.distillation_loss_with_grad(both[0][::2], both[1][::2], temperature=1.0)
    assert loss == want
    np.testing.assert_array_equal(slope, [some[0], 0, some[1]])
    # only the teacher: KL over what is left, against probabilities that include the masked class
    u, v = np.array([0.0, 2.0, 1.0]), np.array([0.5, -INF, 0.0])
    loss, slope = xent.distillation_loss_with_grad(u, v, temperature=1.0)
    q, p = oracle.softmax(oracle.reals(u)), oracle.softmax(oracle.reals(v))
    assert oracle.ulps(loss, oracle.kl_divergence(p, q)) <= 4
    np.testing.assert_allclose(slope, [float(b - a) for a, b in zip(p, q, strict=True)], rtol=1e-14)
    assert xent.distillation_loss(v, u) == INF


@pytest.mark.parametrize("bad", [[NAN, 1.0, 0.0], [INF, 1.0, 0.0], [-INF] * 3])
def test_rows_without_a_softmax_are_nan(bad):
    for pair in ((np.array(bad), TEACHER[0]), (STUDENT[0], np.array(bad))):
        loss, slope = xent.distillation_loss_with_grad(*pair)
        assert math.isnan(loss)
        assert np.isnan(slope).all()


def test_nothing_to_average():
    z = np.zeros((0, 3))
    assert math.isnan(xent.distillation_loss(z, z))
    loss, slope = xent.distillation_loss_with_grad(z, z, reduction="sum")
    assert loss == 0
    assert slope.shape == (0, 3)


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray])
def test_every_namespace_says_the_same(make):
    want, direction = xent.distillation_loss_with_grad(STUDENT, TEACHER, target=LABELS)
    loss, slope = xent.distillation_loss_with_grad(make(STUDENT), make(TEACHER), target=make(LABELS))
    assert float(loss) == pytest.approx(float(want), rel=1e-14)
    np.testing.assert_allclose(np.asarray(slope), direction, rtol=1e-13)


def test_jax_traces_it():
    u, v = jnp.asarray(STUDENT, dtype=jnp.float32), jnp.asarray(TEACHER, dtype=jnp.float32)
    loss, slope = jax.jit(xent.distillation_loss_with_grad)(u, v)
    want, direction = xent.distillation_loss_with_grad(STUDENT, TEACHER)
    assert float(loss) == pytest.approx(want, rel=1e-5)
    np.testing.assert_allclose(slope, direction, rtol=1e-4, atol=1e-6)


# ----------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, "student_logits must be an array .* got list", ([1.0], TEACHER), {}),
        (TypeError, "teacher_logits is a torch array", (STUDENT, torch.tensor(TEACHER)), {}),
        (TypeError, "target is a torch array", (STUDENT, TEACHER), {"target": torch.tensor(LABELS)}),
        (TypeError, "teacher_logits must be floating point", (STUDENT, TEACHER.astype(int)), {}),
        (ValueError, r"must have one shape, got \(2, 3\) and \(3,\)", (STUDENT, TEACHER[0]), {}),
        (ValueError, "at least one class", (STUDENT[:, :0], TEACHER[:, :0]), {}),
        (ValueError, "axis 2 does not exist in student_logits", (STUDENT, TEACHER), {"axis": 2}),
        (ValueError, r"temperature must lie in \(0, 1e\+100\], got 0", (STUDENT, TEACHER), {"temperature": 0}),
        (ValueError, "without target= leave it out, got 0.5", (STUDENT, TEACHER), {"alpha": 0.5}),
        (ValueError, r"alpha must lie in \[0, 1\]", (STUDENT, TEACHER), {"target": LABELS, "alpha": 1.5}),
        (ValueError, r"labels must lie in \[0, 3\), got 9", (STUDENT, TEACHER), {"target": LABELS + 9, "alpha": 1}),
        (ValueError, "reduction must be one of", (STUDENT, TEACHER), {"reduction": "batchmean"}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        xent.distillation_loss_with_grad(*args, **options)


@pytest.mark.parametrize("tau", [1e-300, 1e-160, 1e-100])
def test_temperatures_whose_square_underflows(tau):
    # far apart, τ² KL is τ times the gap of the student at the teacher's class
    got = xent.distillation_loss(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]]), temperature=tau)
    assert got / tau == pytest.approx(2, rel=1e-15)


def test_temperatures_whose_square_is_large():
    u, v = np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0]])
    got = xent.distillation_loss(u, v, temperature=1e100)
    assert got == pytest.approx((u - v).var() / 2, rel=1e-14)  # the limit: half the variance of the difference
    with pytest.raises(ValueError, match=r"temperature must lie in \(0, 1e\+100\], got 1e\+200"):
        xent.distillation_loss(u, v, temperature=1e200)


# ----------------------------------------------------------------------------------------------------------- a peer


@pytest.mark.parametrize("tau", [1.0, 2.0, 5.0])
def test_torch_agrees_where_it_can(tau):
    u = torch.tensor(STUDENT, requires_grad=True)
    p, q = torch.softmax(torch.tensor(TEACHER) / tau, dim=1), torch.log_softmax(u / tau, dim=1)
    theirs = tau**2 * torch.nn.functional.kl_div(q, p, reduction="batchmean")
    theirs.backward()
    loss, slope = xent.distillation_loss_with_grad(STUDENT, TEACHER, temperature=tau)
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(slope, u.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_torch_loses_a_student_next_to_its_teacher():
    v = TEACHER[:1]
    u = v + np.array([0.0, 0.0, 1e-9])
    p, q = torch.softmax(torch.tensor(v), dim=1), torch.log_softmax(torch.tensor(u), dim=1)
    theirs = torch.nn.functional.kl_div(q, p, reduction="sum").item()
    exact = oracle.kl_divergence(*(oracle.softmax(oracle.reals(row[0])) for row in (v, u)))
    assert abs(theirs - exact) > exact
    assert oracle.ulps(xent.distillation_loss(u, v, temperature=1.0), exact) <= 4
