"""XE501, XE502, XE510–XE512: what the probabilities are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

import xent
from xent.auditor.biases import fit_biases
from zoo import honest


def evidence(code, scores, labels, **more):
    """Give the evidence of one rule, asked alone."""
    report = xent.audit(scores, labels, select=[code], **({"kind": "logits"} | more))
    return next((f.evidence for f in report.findings), None)


@pytest.fixture(scope="module")
def ten():
    return honest.spread(np.random.default_rng(0), 4000, 10, 2.0)


@pytest.mark.parametrize("temperature", [0.5, 2.0, 4.0])
def test_the_temperature_is_found(ten, temperature):
    z, y = ten
    found = evidence("XE501", z * temperature, y)
    assert found.numbers["temperature"] == pytest.approx(temperature, rel=0.08)
    assert (found.numbers["score"] > 0) == (temperature > 1)
    assert found.cost == found.numbers["saved"]


@pytest.mark.parametrize(
    ("value", "words"), [(math.log(10), "ln 10"), (math.sqrt(64), "√64"), (1 / 0.07, "contrastive")]
)
def test_known_temperatures_are_named(value, words):
    z, y = honest.spread(np.random.default_rng(1), 20_000, 10, 2.0)
    assert words in evidence("XE501", z * value, y).text


def test_no_temperature_is_found_where_none_is_missing(ten):
    assert evidence("XE501", *ten) is None
    assert evidence("XE501", ten[0] * 1.03, ten[1]) is None  # true, and not worth a word


def test_very_sure_models_are_not_blamed_for_one_miss():
    """Where misses are rare the score is far from normal: |Z| above 3 happens often, and says nothing."""
    rng = np.random.default_rng(2)
    worst = 0.0
    for _ in range(60):
        z, y = honest.spread(rng, 60, 10, 30.0)
        report = xent.audit(z, y, kind="logits", select=["XE501"])
        moments = report.numbers.moments
        worst = max(worst, abs(moments["score"]) / math.sqrt(moments["variance"]))
        assert report.findings == ()
    assert worst > 3


def test_beyond_the_sample_all_rows_are_used():
    """Only 256 rows of so many classes are kept, too few to see this; the sums of all rows are enough."""
    z, y = honest.spread(np.random.default_rng(3), 1500, 20_000, 3.0)
    z *= np.float32(1.1)
    found = evidence("XE501", z, y)
    assert found is not None
    assert xent.audit(z, y, kind="logits", select=["XE501"]).numbers.temperature.rows < 1500
    first = evidence("XE501", z[:256], y[:256])
    assert first is None or first.p_value > found.p_value


def test_divided_probabilities(ten):
    z, y = ten
    p = honest.softmax(z.astype(float))
    found = evidence("XE502", p / 2, y, kind=None)
    assert found.numbers["temperature"] == pytest.approx(2)
    assert evidence("XE502", p, y, kind=None) is None
    assert evidence("XE502", np.maximum(z, 0), y) is None
    centred = z - z.mean(axis=1, keepdims=True)
    assert evidence("XE502", centred + 60, y) is None  # all sum to 600
    assert evidence("XE502", (centred + 60) / 600 * 3, y) is None  # to 3, but no number is near 0
    assert evidence("XE502", np.tile(np.arange(10.0), (100, 1)), y[:100]) is None


def test_an_error_that_is_only_noise():
    z, y = honest.spread(np.random.default_rng(4), 200, 10, 2.0)
    assert evidence("XE510", z, y).numbers["ece"] > 0.02
    assert evidence("XE510", z * 3, y) is None


def test_too_good():
    z, y = honest.spread(np.random.default_rng(5), 3000, 10, 1.5)
    lp = np.asarray(xent.log_softmax(z.astype(float)))
    fit = fit_biases(lp, y, np.ones(3000), ridge=1e-9)
    found = evidence("XE511", fit.inverse * lp + fit.bias, y)
    assert found.numbers["largest_bias"] < 0.05
    assert evidence("XE511", z, y) is None
    half = fit_biases(lp[:1500], y[:1500], np.ones(1500))
    assert evidence("XE511", half.inverse * lp[1500:] + half.bias, y[1500:]) is None  # fitted on other rows


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 0.2])
def test_label_smoothing_is_read_off(epsilon):
    rng = np.random.default_rng(6)
    y = rng.integers(0, 10, 3000)
    seen = np.where(rng.random(3000) < 0.99, y, rng.integers(0, 10, 3000))
    z = np.log(epsilon / 10 + (1 - epsilon) * np.eye(10)[seen]) + rng.normal(size=(3000, 10)) * 0.05
    assert evidence("XE512", z, y).numbers["epsilon"] == pytest.approx(epsilon, rel=0.15)


def test_honest_doubt_is_no_smoothing(ten):
    assert evidence("XE512", *ten) is None
    rng = np.random.default_rng(7)
    z = np.log(0.01 + 0.9 * np.eye(10)[rng.integers(0, 10, 3000)])  # all at 0.91, and right as often
    assert evidence("XE512", z, honest.drawn(rng, z)) is None
