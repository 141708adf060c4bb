"""`xent.binary_cross_entropy` and its gradient: the error bound, the laws, the edges, the errors, and the peers."""

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
from strategies import extreme, ordinary

NAN, INF = math.nan, math.inf
LOGITS = np.array([[2.0, -1.0, 0.25], [-3.0, 0.5, 40.0]])
TARGET = np.array([[1, 0, 1], [0, 1, 1]])
SOFT = np.array([[0.9, 0.0, 0.5], [0.1, 0.3, 1.0]])


# -------------------------------------------------------------------------------------------------- the error bound


def sides(y, epsilon=0.0, pos_weight=1.0):
    """Weights of y = 1 and y = 0, exactly."""
    y, eps = oracle.real(float(y)), oracle.real(epsilon)
    y = (1 - eps) * y + eps / 2
    return oracle.real(float(pos_weight)) * y, 1 - y


def exactly(z, a, b):
    """Loss, first and second derivative: a softplus(−z) + b softplus(z)."""
    mp, z = oracle.MP, oracle.real(float(z))
    p, q = 1 / (1 + mp.exp(-z)), 1 / (1 + mp.exp(z))
    return a * mp.log(1 + mp.exp(-z)) + b * mp.log(1 + mp.exp(z)), b * p - a * q, (a + b) * p * q


def excess(z, y, **options):
    """Worst error of loss and derivative, in units of what is allowed: see tests/test_losses_bound.py."""
    kind, loss_kind = z.dtype.name, "float64" if z.dtype == np.float64 else "float32"
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, reduction="none", **options)
    assert loss.dtype == loss_kind
    assert slope.dtype == kind
    worst = oracle.real(0)
    pos = np.broadcast_to(options.get("pos_weight", 1.0), z.shape)
    for x, t, c, got, g in zip(z.flat, y.flat, pos.flat, loss.flat, slope.flat, strict=True):
        a, b = sides(t, options.get("label_smoothing", 0.0), c)
        value, first, second = exactly(x, a, b)
        step = oracle.ulp(oracle.real(float(x)), kind)
        room = 4 * oracle.ulp(value, loss_kind) + abs(first) * step
        worst = max(worst, abs(oracle.real(float(got)) - value) / room)
        room = 4 * oracle.ulp(first, kind) + second * step + min(a, b) * oracle.real(2.0**-100)
        worst = max(worst, abs(oracle.real(float(g)) - first) / room)
    return float(worst)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("scale", [1e-12, 1e-4, 0.01, 1.0, 10.0, 100.0])
def test_bound_on_random_logits(dtype, scale):
    rng = np.random.default_rng(3)
    z = (rng.normal(size=30) * scale).astype(dtype)
    hard, soft, pos = rng.integers(0, 2, 30), rng.uniform(size=30).astype(dtype), rng.uniform(0, 5, 30)
    assert excess(z, hard) <= 1
    assert excess(z, hard, pos_weight=pos) <= 1
    assert excess(z, hard, label_smoothing=0.1, pos_weight=pos) <= 1
    assert excess(z, soft) <= 1
    assert excess(z, soft, label_smoothing=0.3, pos_weight=pos) <= 1
    assert excess(z, xent.sigmoid(z)) <= 1  # the target next to σ(z): everything cancels
    assert excess(z, np.full(30, 0.5, dtype)) <= 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bound_on_hard_logits(dtype):
    z = np.array([0.0, 1e-30, -1e-30, 36.7, 40.0, -40.0, 87.0, -103.0, 700.0, -744.0, 745.5, 1e8, -3e38], dtype)
    for y in (np.zeros(len(z), int), np.ones(len(z), bool)):
        assert excess(z, y) <= 1
        assert excess(z, y, label_smoothing=1e-3) <= 1
    for y in (0.5, 1e-300, 1 - 2**-53, 5e-324, 0.1):
        assert excess(z, np.full(len(z), y)) <= 1


@given(st.lists(extreme, min_size=1, max_size=6), st.data())
def test_bound_on_any_logit(zs, data):
    y = data.draw(st.lists(st.sampled_from([0.0, 1.0, 0.5]) | st.floats(0, 1), min_size=len(zs), max_size=len(zs)))
    pos = data.draw(st.sampled_from([0.0, 1.0, 0.1, 1e3]))
    epsilon = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    assert excess(np.array(zs), np.array(y), label_smoothing=epsilon, pos_weight=pos) <= 1


# -------------------------------------------------------------------------------------------------------- the laws


@given(st.lists(ordinary, min_size=1, max_size=6), st.data())
def test_two_classes_say_the_same(zs, data):
    y = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(zs), max_size=len(zs))))
    c, z = data.draw(st.floats(0.1, 9)), np.array(zs)
    epsilon = data.draw(st.sampled_from([0.0, 0.1]))
    two = np.stack([np.zeros_like(z), z], axis=1)
    options = {"label_smoothing": epsilon, "denominator": "weights"}
    want, both = xent.cross_entropy_with_grad(two, y, weight=np.array([1.0, c]), **options)
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, pos_weight=c, **options)
    assert loss == pytest.approx(want, rel=1e-14)
    np.testing.assert_allclose(slope, both[:, 1], rtol=1e-13, atol=1e-17)


@given(st.floats(-800, 800), st.floats(0, 1))
def test_turning_the_sign_swaps_the_answers(z, y):
    loss, slope = xent.binary_cross_entropy_with_grad(np.array(z), np.array(y))
    other, turned = xent.binary_cross_entropy_with_grad(np.array(-z), np.array(1 - y))
    assert other == pytest.approx(loss, rel=1e-13, abs=1e-300 if 0 < y < 1e-3 else 0) or y != 1 - (1 - y)
    assert turned == pytest.approx(-slope, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("target", [TARGET, SOFT, TARGET == 1, TARGET.astype(np.uint8), TARGET.astype(np.float32)])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "pos_weight": np.array([2.0, 1.0, 0.5])}])
def test_gradient_is_the_slope_of_the_loss(target, options):
    _, slope = xent.binary_cross_entropy_with_grad(LOGITS, target, reduction="sum", **options)
    h = 1e-5
    for at in np.ndindex(LOGITS.shape):
        up, down = LOGITS.copy(), LOGITS.copy()
        up[at] += h
        down[at] -= h
        ends = [xent.binary_cross_entropy(z, target, reduction="sum", **options) for z in (up, down)]
        assert slope[at] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-8)


def test_blocks_change_nothing():
    rng = np.random.default_rng(0)
    z, y, w = rng.normal(size=(70, 1000)), rng.integers(0, 2, (70, 1000)), rng.uniform(size=1000)
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, pos_weight=w, weight=w[:70, None], reduction="none")
    for i in (0, 33, 69):
        row, along = xent.binary_cross_entropy_with_grad(z[i], y[i], pos_weight=w, weight=w[i], reduction="none")
        np.testing.assert_array_equal(loss[i], row)
        np.testing.assert_array_equal(slope[i], along)
    assert xent.binary_cross_entropy(z, y) == xent.binary_cross_entropy(z.T, y.T)


def test_inputs_stay_as_they_are():
    arrays = [LOGITS.copy(), SOFT.copy(), np.ones(3)]
    for a in arrays:
        a.flags.writeable = False
    xent.binary_cross_entropy_with_grad(
        arrays[0][:, ::-1], arrays[1][:, ::-1], pos_weight=arrays[2], weight=arrays[2]
    )
    np.testing.assert_array_equal(arrays[0], LOGITS)


# ------------------------------------------------------------------------------------------- denominators and edges


def test_reductions_and_denominators():
    pos, w = np.array([2.0, 1.0, 5.0]), np.array([[0.5], [3.0]])
    options = {"pos_weight": pos, "weight": w, "label_smoothing": 0.2}
    each = xent.binary_cross_entropy(LOGITS, SOFT, reduction="none", **options)
    assert each.shape == LOGITS.shape
    total = each.sum()
    by = (w * (pos * SOFT + 1 - SOFT)).sum()
    wanted = {None: total / 6, "elements": total / 6, "weights": total / by, 7.0: total / 7}
    for denominator, want in wanted.items():
        loss, slope = xent.binary_cross_entropy_with_grad(LOGITS, SOFT, denominator=denominator, **options)
        assert loss == pytest.approx(want)
        summed, base = xent.binary_cross_entropy_with_grad(LOGITS, SOFT, reduction="sum", **options)
        assert summed == pytest.approx(total)
        np.testing.assert_allclose(slope, base * want / total, rtol=1e-13)
    plain = xent.binary_cross_entropy(LOGITS, SOFT, denominator="weights")
    assert plain == pytest.approx(xent.binary_cross_entropy(LOGITS, SOFT), rel=1e-15)


def test_infinite_logits():
    z, y = np.array([INF, INF, -INF, -INF, NAN]), np.array([1, 0, 0, 1, 1])
    for t in (y, y.astype(float)):
        loss, slope = xent.binary_cross_entropy_with_grad(z, t, reduction="none")
        np.testing.assert_array_equal(loss, [0, INF, 0, INF, NAN])
        np.testing.assert_array_equal(slope, [0, 1, 0, -1, NAN])
    assert xent.binary_cross_entropy(z[:1], np.array([0.75])) == INF
    assert xent.binary_cross_entropy(z[:1], np.array([1]), label_smoothing=0.1) == INF
    assert xent.binary_cross_entropy(z[3:4], np.array([1]), pos_weight=0.0) == 0


def test_weight_zero_counts_for_nothing():
    z, y = np.array([NAN, INF, 0.5]), np.array([1, 0, 1])
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, weight=np.array([0.0, 0.0, 2.0]), denominator="weights")
    want, some = xent.binary_cross_entropy_with_grad(z[2:], y[2:])
    assert loss == want
    np.testing.assert_array_equal(slope, [0, 0, some[0]])


@pytest.mark.parametrize(("shape", "options"), [((0, 3), {}), ((2, 3), {"weight": 0.0, "denominator": "weights"})])
def test_empty_mean(shape, options):
    z, y = np.zeros(shape), np.zeros(shape, int)
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, on_empty="zero", **options)
    assert loss == 0
    assert slope.shape == shape
    assert (slope == 0).all()
    assert math.isnan(xent.binary_cross_entropy(z, y, **options))
    with pytest.raises(ValueError, match="nothing to divide by"):
        xent.binary_cross_entropy(z, y, on_empty="raise", **options)


@pytest.mark.parametrize(
    ("dtype", "loss"), [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)]
)
def test_types(dtype, loss):
    got, slope = xent.binary_cross_entropy_with_grad(LOGITS.astype(dtype), TARGET)
    assert got.dtype == loss
    assert slope.dtype == dtype
    assert isinstance(got, np.floating)
    assert xent.binary_cross_entropy(dtype(0.5), np.array(1)) == pytest.approx(0.4740769841801067, rel=1e-3)


# ------------------------------------------------------------------------------------------------- other frameworks


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray])
@pytest.mark.parametrize("target", [TARGET, SOFT])
def test_every_namespace_gives_the_same_bits(make, target):
    options = {"pos_weight": np.array([2.0, 1.0, 0.5]), "weight": np.array([[1.0], [3.0]])}
    want, direction = xent.binary_cross_entropy_with_grad(LOGITS, target, label_smoothing=0.1, **options)
    there = {name: make(a) for name, a in options.items()}
    loss, slope = xent.binary_cross_entropy_with_grad(make(LOGITS), make(target), label_smoothing=0.1, **there)
    assert float(loss) == pytest.approx(float(want), rel=1e-15)
    np.testing.assert_allclose(np.asarray(slope), direction, rtol=1e-14)


def test_jax_traces_it():
    z, y = jnp.asarray(LOGITS, dtype=jnp.float32), jnp.asarray(TARGET)
    loss, slope = jax.jit(xent.binary_cross_entropy_with_grad)(z, y)
    want, direction = xent.binary_cross_entropy_with_grad(LOGITS, TARGET, pos_weight=1.0)
    assert float(loss) == pytest.approx(want, rel=1e-6)
    np.testing.assert_allclose(slope, direction, rtol=1e-5)
    loss, slope = xent.binary_cross_entropy_with_grad(z, y.at[0, 1].set(2), reduction="none", pos_weight=2.0)
    assert np.isnan(np.asarray(loss)).tolist() == [[False, True, False], [False] * 3]
    assert np.isnan(np.asarray(slope)).tolist() == [[False, True, False], [False] * 3]
    assert math.isnan(xent.binary_cross_entropy(z, y, weight=-jnp.ones(3)))
    with pytest.raises(ValueError, match="values that can be read"):
        xent.binary_cross_entropy(z, y, on_empty="raise")


# ----------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, "logits must be an array .* got list", ([0.0], TARGET), {}),
        (TypeError, "NumPy array and target is a torch array", (LOGITS, torch.tensor(TARGET)), {}),
        (TypeError, "NumPy array and weight is a torch array", (LOGITS, TARGET), {"weight": torch.ones(3)}),
        (TypeError, "logits must be floating point, got int64", (TARGET, TARGET), {}),
        (TypeError, "target must hold 0 and 1 .* got complex128", (LOGITS, TARGET * 1j), {}),
        (TypeError, r"pos_weight must be a number in \[0, inf\)", (LOGITS, TARGET), {"pos_weight": "much"}),
        (TypeError, "weight must hold numbers, got bool", (LOGITS, TARGET), {"weight": TARGET > 0}),
        (ValueError, r"target must have the logits' shape \(2, 3\), got \(2,\)", (LOGITS, TARGET[:, 0]), {}),
        (ValueError, r"target must be 0 or 1, got 2 at \[1, 0\]", (LOGITS, TARGET + 2 * np.eye(2, 3, -1, int)), {}),
        (ValueError, r"target must be 0 or 1, got -1 at \[0, 0\]", (LOGITS, TARGET - 2), {}),
        (ValueError, r"target must lie in \[0, 1\], got 1.9 at \[0, 0\]", (LOGITS, SOFT + 1), {}),
        (ValueError, r"target must lie in \[0, 1\], got nan at \[0, 0\]", (LOGITS, SOFT * NAN), {}),
        (ValueError, r"pos_weight must lie in \[0, inf\), got -1", (LOGITS, TARGET), {"pos_weight": -1}),
        (
            ValueError,
            r"pos_weight must be finite and not negative, got -1.0 at \[0\]",
            (LOGITS, TARGET),
            {"pos_weight": -np.ones(3)},
        ),
        (
            ValueError,
            r"pos_weight must broadcast to the logits' shape \(2, 3\), got \(2,\)",
            (LOGITS, TARGET),
            {"pos_weight": np.ones(2)},
        ),
        (ValueError, r"weight must broadcast .* got \(1, 2, 3\)", (LOGITS, TARGET), {"weight": np.ones((1, 2, 3))}),
        (
            ValueError,
            r"weight must be finite .* got inf at \[0, 0\]",
            (LOGITS, TARGET),
            {"weight": INF * np.ones((2, 1))},
        ),
        (ValueError, r"label_smoothing must lie in \[0, 1\]", (LOGITS, TARGET), {"label_smoothing": -0.1}),
        (ValueError, "reduction must be one of", (LOGITS, TARGET), {"reduction": "average"}),
        (
            ValueError,
            "denominator must be one of 'elements', 'weights', got 'rows'",
            (LOGITS, TARGET),
            {"denominator": "rows"},
        ),
        (ValueError, "leave it out", (LOGITS, TARGET), {"reduction": "none", "denominator": 2.0}),
        (ValueError, "on_empty must be one of", (LOGITS, TARGET), {"on_empty": "maybe"}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        xent.binary_cross_entropy_with_grad(*args, **options)


# ------------------------------------------------------------------------------------------------------------ peers


@pytest.mark.parametrize("target", [TARGET.astype(float), SOFT])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_torch_agrees_where_it_can(target, reduction, weighted):
    options = {"pos_weight": np.array([2.0, 1.0, 0.5]), "weight": np.array([[1.0], [3.0]])} if weighted else {}
    z = torch.tensor(LOGITS, requires_grad=True)
    theirs = torch.nn.functional.binary_cross_entropy_with_logits(
        z, torch.tensor(target), reduction=reduction, **{n: torch.tensor(a) for n, a in options.items()}
    )
    theirs.sum().backward()
    loss, slope = xent.binary_cross_entropy_with_grad(LOGITS, target, reduction=reduction, **options)
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(slope, z.grad.numpy(), rtol=1e-9, atol=1e-16)


def test_torch_loses_the_gradient_of_a_sure_answer():
    z = torch.tensor([40.0], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.binary_cross_entropy_with_logits(z, torch.ones(1, dtype=torch.float64)).backward()
    _, slope = xent.binary_cross_entropy_with_grad(z.detach().numpy(), np.array([1]))
    assert z.grad.item() == 0
    assert oracle.ulps(slope[0], exactly(40.0, *sides(1))[1]) <= 1
