"""`xent.calibration.fit_temperature`: the optimum, by oracle, peers and laws; the bounds; the errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

import oracle
import xent
from strategies import batches
from xent.calibration import _temperature as calibration
from xent.calibration import fit_temperature
from xent.kernels import moments as kernel

INF, NAN = math.inf, math.nan
WIDE = (1e-9, 1e9)


def drawn(rows=600, classes=5, temperature=1.0, seed=0, scale=3.0):
    """Logits, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    z = scale * rng.normal(size=(rows, classes))
    # the largest of z / T + Gumbel noise is distributed as softmax(z / T)
    return z, (z / temperature + rng.gumbel(size=z.shape)).argmax(axis=1)


Z, Y = drawn()


def same(a, b, rel=1e-9):
    assert a.temperature == pytest.approx(b.temperature, rel=rel)
    assert a.loss == pytest.approx(b.loss, rel=1e-12)
    assert a.at_bound == b.at_bound


# ------------------------------------------------------------------------------------------------------ the optimum


@given(batches(least_classes=2, least_rows=1))
def test_the_exact_derivative_changes_sign_there(batch):
    z, y = batch
    assume((np.ptp(z, axis=1) > 1e-6).any())  # what less changes the slope by is below its rounding
    fit = fit_temperature(z, y)

    def slope(temperature):  # by β, in 400 digits
        p = [oracle.softmax([x / oracle.real(temperature) for x in oracle.reals(row)]) for row in z]
        return sum(
            sum(a * x for a, x in zip(q, oracle.reals(row), strict=True)) - oracle.real(float(row[i]))
            for q, row, i in zip(p, z, y, strict=True)
        )

    exact = sum(
        oracle.loss(oracle.reals(row), oracle.target(int(i), z.shape[1]), temperature=fit.temperature)
        for row, i in zip(z, y, strict=True)
    ) / len(y)
    assert abs(fit.loss - exact) <= 1e-12 * exact + 1e-300  # u ≤ 745, and its rounding is the loss's relative error
    assert fit.loss <= fit.loss_at_one
    if fit.at_bound == "lower":
        assert fit.temperature == 1 / 64
        assert slope(fit.temperature) <= 1e-390  # 400 digits may not show how little it falls
    elif fit.at_bound == "upper":
        assert fit.temperature == 64
        assert slope(fit.temperature) > 0
    else:
        assert slope(fit.temperature * (1 - 1e-7)) > 0 > slope(fit.temperature * (1 + 1e-7))


@pytest.mark.parametrize("seed", range(4))
def test_scipy_finds_no_better_one(seed):
    z, y = drawn(seed=seed, temperature=[0.3, 0.9, 2.0, 7.0][seed])
    w = np.random.default_rng(seed).uniform(0, 2, len(y))

    def loss(x):
        return xent.cross_entropy(z, y, sample_weight=w, temperature=math.exp(x))

    found = minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-10})
    fit = fit_temperature(z, y, sample_weight=w)
    assert math.log(fit.temperature) == pytest.approx(found.x, abs=1e-6)  # a minimum's place, to √ε
    assert fit.loss <= found.fun * (1 + 1e-15)
    assert fit.loss == pytest.approx(loss(math.log(fit.temperature)), rel=1e-13)
    assert fit.loss_at_one == pytest.approx(loss(0), rel=1e-13)
    assert fit.saved == fit.loss_at_one - fit.loss
    assert fit.iterations < 12


class Logits(ClassifierMixin, BaseEstimator):
    """A classifier whose logits are its inputs."""

    def fit(self, x, y):  # noqa: ARG002 - scikit-learn's signature
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_scikit_learn_agrees(temperature):
    z, y = drawn(temperature=temperature)
    model = CalibratedClassifierCV(FrozenEstimator(Logits().fit(z, y)), method="temperature", ensemble=False)
    theirs = model.fit(z, y).predict_proba(z)
    ours = xent.softmax(z, temperature=fit_temperature(z, y).temperature)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_recovers_the_temperature_of_the_labels(temperature):
    z, y = drawn(40_000, 4, temperature=temperature, seed=3)
    # five standard errors of log T, from the Fisher information Σ Var_p[z / T]
    p, u = xent.softmax(z, temperature=temperature), z / temperature
    information = ((p * u**2).sum(axis=1) - (p * u).sum(axis=1) ** 2).sum()
    fit = fit_temperature(z, y)
    assert math.log(fit.temperature / temperature) == pytest.approx(0, abs=5 / math.sqrt(information))
    assert 5 / math.sqrt(information) < 0.06
    assert fit.at_bound is None


def test_two_classes_in_closed_form():
    z = np.array([[4.0, 0.0]] * 3 + [[0.0, 4.0]])
    fit = fit_temperature(z, np.array([0, 0, 1, 1]))
    assert fit.temperature == pytest.approx(4 / math.log(3), rel=1e-14)
    assert fit.loss == pytest.approx(math.log(4) - 0.75 * math.log(3), rel=1e-14)


# --------------------------------------------------------------------------------------------------------- the laws


@pytest.mark.parametrize("c", [1e-4, 0.03, 0.5, 7.0, 1e4])
def test_scales_with_the_logits(c):
    base, fit = fit_temperature(Z, Y), fit_temperature(c * Z, Y, bounds=WIDE)
    assert fit.temperature / c == pytest.approx(base.temperature, rel=1e-12)
    assert fit.loss == pytest.approx(base.loss, rel=1e-13)
    assert fit.iterations < 25


def test_bounds_do_not_move_the_optimum():
    base = fit_temperature(Z, Y)
    for bounds in [WIDE, (0.9, 1.2), (0.5, 1.5)]:
        assert fit_temperature(Z, Y, bounds=bounds).temperature == pytest.approx(base.temperature, rel=1e-12)
    away = fit_temperature(4 * Z, Y, bounds=(2.0, 9.0))  # 1 is outside
    assert away.temperature == pytest.approx(4 * base.temperature, rel=1e-12)
    assert away.loss_at_one == pytest.approx(xent.cross_entropy(4 * Z, Y), rel=1e-13)


@pytest.mark.parametrize("shift", [0.0, 0.1, -30.0, 1e3])
def test_shifts_and_the_order_of_rows_change_nothing(shift):
    order = np.random.default_rng(2).permutation(len(Y))
    shifts = shift * np.arange(len(Y))[:, None] / len(Y)
    same(fit_temperature(Z[order] + shifts, Y[order]), fit_temperature(Z, Y))


@pytest.mark.parametrize("copies", ["rows", "weights"])
def test_weights_count_rows(copies):
    times = np.random.default_rng(1).integers(0, 4, len(Y))
    whole = fit_temperature(np.repeat(Z, times, axis=0), np.repeat(Y, times))
    same(fit_temperature(Z, Y, sample_weight=times if copies == "rows" else times * 1e300), whole)


def test_left_out_rows_count_for_nothing():
    z, y, w = Z.copy(), Y.copy(), np.ones(len(Y))
    out = np.arange(len(Y)) % 3 == 0
    z[out] = [NAN, INF, -INF, 0, 0]
    y[out], w[out] = -100, 0
    base = fit_temperature(Z[~out], Y[~out])
    same(fit_temperature(z, y, ignore_index=-100), base, rel=1e-15)
    same(fit_temperature(z, np.maximum(y, 0), sample_weight=w), base, rel=1e-15)
    cube, labels = np.moveaxis(z.reshape(20, 30, 5), -1, 0), y.reshape(20, 30)
    same(fit_temperature(cube, labels, axis=0, ignore_index=-100), base, rel=1e-15)


def test_masked_classes_do_not_exist():
    wide, where = np.full((len(Y), 8), -INF), np.array([6, 0, 3, 1, 7])
    wide[:, where] = Z
    same(fit_temperature(wide, where[Y]), fit_temperature(Z, Y))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_axis_blocks_and_layout(axis, order, monkeypatch):
    cube = np.moveaxis(Z.reshape(20, 30, 5), -1, axis)
    base = fit_temperature(Z, Y)
    monkeypatch.setattr(calibration, "_BLOCK", 7 * 5)
    same(fit_temperature(np.array(cube, order=order), Y.reshape(20, 30), axis=axis), base)
    same(fit_temperature(np.asfortranarray(Z), Y), base)


def test_no_temporary_is_larger_than_a_block(monkeypatch):
    sizes, moments = [], kernel.moments

    def spy(block, *rest):
        sizes.append(block.size)
        return moments(block, *rest)

    monkeypatch.setattr(kernel, "moments", spy)
    monkeypatch.setattr(calibration, "_BLOCK", 2**16)
    z = np.broadcast_to(Z[:, None], (600, 300, 5))
    same(fit_temperature(z, np.broadcast_to(Y[:, None], (600, 300))), fit_temperature(Z, Y))
    assert max(sizes) <= 2**16
    assert len(sizes) > 4


@pytest.mark.parametrize(("dtype", "rel"), [(np.float16, 2e-3), (np.float32, 1e-6)])
def test_types(dtype, rel):
    z = Z.astype(dtype)
    fit = fit_temperature(z, Y.astype(np.int8))
    assert fit == fit_temperature(z.astype(float), Y)
    assert fit.temperature == pytest.approx(fit_temperature(Z, Y).temperature, rel=rel)
    assert type(fit.temperature) is float


def test_inputs_stay_and_results_repeat():
    z, y = Z.copy(), Y.copy()
    z.flags.writeable = y.flags.writeable = False
    assert fit_temperature(z, y) == fit_temperature(z, y)
    np.testing.assert_array_equal(z, Z)


# -------------------------------------------------------------------------------------------------------- the edges


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4, 1e300])
def test_separated_data_end_at_the_lower_bound(scale):
    fit = fit_temperature(scale * Z, Z.argmax(axis=1))
    assert (fit.at_bound, fit.temperature) == ("lower", 1 / 64)
    assert fit.iterations <= 3
    assert "lower bound, temperature 0.015625" in str(fit)
    assert "smaller temperature would be better" in str(fit)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4, 1e300])
def test_logits_against_the_labels_end_at_the_upper_bound(scale):
    fit = fit_temperature(scale * Z, Z.argmin(axis=1))
    assert (fit.at_bound, fit.temperature) == ("upper", 64)
    assert fit.iterations <= 3
    assert "larger temperature would be better" in str(fit)


def test_extreme_logits():
    z = np.array([[1e4, -1e4, 0.0]] * 4)
    fit = fit_temperature(z, np.array([0, 0, 2, 2]), bounds=WIDE)
    # a tie of classes 0 and 2 would be best, and class 1 must not pay for it: the exact zero of the derivative
    p = xent.softmax(z[0] / fit.temperature)
    assert (p * z[0]).sum() == pytest.approx(5e3, rel=1e-12)
    one = fit_temperature(z, np.array([0, 0, 0, 2]))
    assert one.loss_at_one == 2500
    assert one.at_bound == "upper"


def test_nearly_separated_data_have_an_optimum():
    z, y = np.array([[1.0, 0.0]] * 1000), np.zeros(1000, int)
    y[0] = 1
    fit = fit_temperature(z, y)
    assert fit.temperature == pytest.approx(1 / math.log(999), rel=1e-12)


def test_text_says_what_was_saved():
    fit = fit_temperature(*drawn(temperature=3.0))
    assert str(fit) == (
        f"The loss is least at temperature {fit.temperature:.6g}: {fit.loss:.4g} nats a row, "
        f"{fit.saved:.4g} less than at 1."
    )
    assert "more than at 1" in str(fit_temperature(Z, Y, bounds=(5.0, 6.0)))


def with_entry(value, at=(1, 2)):
    z = Z.copy()
    z[at] = value
    return z


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, "logits must be an array", ([[1.0, 2.0]], Y), {}),
        (TypeError, "takes NumPy arrays, got Tensor", (torch.zeros(2, 2), torch.tensor([0, 1])), {}),
        (TypeError, "floating point, got int64", (np.zeros((2, 2), int), np.array([0, 1])), {}),
        (TypeError, "must be integers, got float64", (Z, Y.astype(float)), {}),
        (TypeError, "ignore_index must be an integer", (Z, Y), {"ignore_index": 0.5}),
        (ValueError, r"shape \(600,\) for logits of shape \(600, 5\) .* got \(600, 5\)", (Z, xent.softmax(Z)), {}),
        (ValueError, "axis 2 does not exist", (Z, Y), {"axis": 2}),
        (ValueError, r"labels must lie in \[0, 5\), got 5 at row 0", (Z, np.full(600, 5)), {}),
        (ValueError, r"sample_weight .* got -1.0 at \[0\]", (Z, Y), {"sample_weight": -np.ones(600)}),
        (ValueError, "one class along axis -1", (Z[:, :1], 0 * Y), {}),
        (ValueError, "no row to fit .* of 0 in logits", (Z[:0], Y[:0]), {}),
        (ValueError, "no row to fit .* of 600 ", (Z, Y), {"sample_weight": np.zeros(600)}),
        (ValueError, "no row to fit", (Z, 0 * Y), {"ignore_index": 0}),
        (ValueError, "row 1 has no softmax", (with_entry(NAN), Y), {}),
        (ValueError, "row 1 has no softmax", (with_entry(INF), Y), {}),
        (ValueError, "row 7 has no softmax", (with_entry(-INF, 7), Y), {}),
        (ValueError, "the label 2 of row 1 has the logit -inf", (with_entry(-INF), 0 * Y + 2), {}),
        (ValueError, r"row \(0, 1\) has no softmax", (with_entry(NAN).reshape(20, 30, 5), Y.reshape(20, 30)), {}),
        (ValueError, "unmasked logits are equal", (np.array([[1.0, 1.0, -INF], [0, 0, 0]]), np.array([0, 1])), {}),
        (ValueError, "lower < upper", (Z, Y), {"bounds": (2.0, 2.0)}),
        (TypeError, "two temperatures", (Z, Y), {"bounds": (2.0, 3.0, 4.0)}),
        (ValueError, r"each of bounds must lie in \(0, inf\), got 0", (Z, Y), {"bounds": (0, 1)}),
        (ValueError, "each of bounds .* got inf", (Z, Y), {"bounds": (1, INF)}),
        (TypeError, "bounds must be two temperatures", (Z, Y), {"bounds": 2.0}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        fit_temperature(*args, **options)
