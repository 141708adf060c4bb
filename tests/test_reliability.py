"""`xent.calibration.reliability`: what it counts, the curve, the errors beside a calibrated model's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

import xent
from xent.calibration import (
    CalibrationError,
    expected_calibration_error,
    reliability,
    smooth_calibration_error,
)


def rows(n, *, classes=4, scale=2.0, sharper=1.0, seed=0):
    """Labels drawn from softmax(z), and logits ``sharper`` times as large: calibrated at 1."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=scale, size=(n, classes))
    p = xent.softmax(z)
    labels = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    return sharper * z, labels


def confidence(z, y):
    return xent.softmax(z).max(axis=1), z.argmax(axis=1) == y


@pytest.mark.parametrize("bins", [1, 2, 15, 40])
def test_bins_are_what_a_loop_counts(bins):
    z, y = rows(300, sharper=2.0)
    p, hit = confidence(z, y)
    found = reliability(z, y, bins=bins)
    assert found.rows == found.counts.sum() == 300
    error = 0.0
    for b in range(bins):
        inside = (p >= b / bins) & ((p < (b + 1) / bins) | (b == bins - 1))
        assert found.counts[b] == inside.sum()
        if not inside.any():
            assert np.isnan([found.confidence[b], found.accuracy[b], found.deviation[b]]).all()
            continue
        assert found.confidence[b] == pytest.approx(p[inside].mean(), rel=1e-12)
        assert found.accuracy[b] == pytest.approx(hit[inside].mean(), rel=1e-12)
        spread = math.sqrt((p[inside] * (1 - p[inside])).sum()) / inside.sum()
        assert found.deviation[b] == pytest.approx(spread, rel=1e-12)
        error += abs(p[inside].sum() - hit[inside].sum()) / 300
    assert found.error.value == pytest.approx(error, rel=1e-12)


def test_the_curve_is_scikit_learns():
    z, y = rows(500, classes=2, sharper=1.5)
    z = np.round(z, 1)  # so that some p occur more than once
    p, hit = confidence(z, y)
    found = reliability(z, y)
    assert len(found.p) < 500
    assert (np.diff(found.p) > 0).all()
    fit = IsotonicRegression().fit(p, hit)
    np.testing.assert_allclose(found.curve, fit.predict(found.p), atol=1e-12)


def test_the_null_is_what_calibrated_models_show():
    z, _ = rows(2000)
    p = xent.softmax(z)
    rng = np.random.default_rng(1)
    shown = []
    for _ in range(200):
        y = (rng.random((2000, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=3)
        shown.append(expected_calibration_error(z, y))
    values = np.array([e.value for e in shown])
    assert values.mean() == pytest.approx(shown[0].null, rel=0.05)
    assert values.std() == pytest.approx(shown[0].deviation, rel=0.2)
    assert abs(np.mean([e.z for e in shown])) < 0.4


def test_too_sure_is_seen():
    fair, sure = (reliability(*rows(4000, sharper=s)) for s in (1.0, 3.0))
    assert fair.error.z < 4 < 20 < sure.error.z
    assert fair.smooth_error < 0.02 < 0.08 < sure.smooth_error
    z, y = rows(4000, sharper=3.0)
    assert expected_calibration_error(z, y) == sure.error
    assert smooth_calibration_error(z, y) == sure.smooth_error


def test_rows_and_shifts_do_not_matter_and_inputs_stay():
    z, y = rows(200)
    before = z.copy(), y.copy()
    one = reliability(z, y)
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(y, before[1])
    order = np.random.default_rng(3).permutation(200)
    for other in (reliability(z[order], y[order]), reliability(z + 100, y)):
        np.testing.assert_array_equal(other.counts, one.counts)
        assert other.error.value == pytest.approx(one.error.value, rel=1e-9)
        assert other.smooth_error == pytest.approx(one.smooth_error, rel=1e-3)


def test_edges():
    sure = reliability(np.array([[0.0, -np.inf], [1e4, 0.0]]), np.array([0, 0]))
    assert (sure.error.value, sure.error.null) == (0, 0)
    assert math.isnan(sure.error.z)
    assert sure.p.tolist() == sure.curve.tolist() == [1.0]
    half = reliability(np.zeros((3, 2), np.float16), np.array([0, 0, 1], np.uint8))
    assert half.p.tolist() == [0.5]  # ties: the first class
    assert half.curve.tolist() == [2 / 3]
    assert CalibrationError(1.0, 0.0, 0.5).z == 2


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        ([[1.0, 0.0]], np.array([0]), TypeError, "logits must be an array"),
        (np.array([[1, 0]]), np.array([0]), TypeError, "logits must be floating point"),
        (np.zeros((1, 2)), np.array([0.0]), TypeError, "must be integers"),
        (np.zeros(2), np.array([0]), ValueError, r"shape \(rows, classes\), at least one of each; got \(2,\)"),
        (np.zeros((0, 2)), np.zeros(0, int), ValueError, r"got \(0, 2\)"),
        (np.zeros((2, 2)), np.array([0]), ValueError, r"so shape \(2,\) for logits of shape \(2, 2\); got \(1,\)"),
        (np.zeros((2, 2)), np.array([0, 2]), ValueError, r"labels must lie in \[0, 2\), got 2 at row 1"),
        (np.array([[0.0, 1], [np.nan, 0]]), np.array([0, 0]), ValueError, "row 1 has no softmax"),
        (np.full((1, 2), -np.inf), np.array([0]), ValueError, "row 0 has no softmax"),
    ],
)
def test_wrong_arguments_are_named(logits, labels, error, message):
    for call in (reliability, smooth_calibration_error, expected_calibration_error):
        with pytest.raises(error, match=message):
            call(logits, labels)


def test_bins_are_checked():
    for bins, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="bins must be"):
            reliability(np.zeros((1, 2)), np.array([0]), bins=bins)
