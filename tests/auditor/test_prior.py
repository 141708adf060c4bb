"""XE503–XE508: what a model knows of the classes' frequencies."""

from __future__ import annotations

import numpy as np
import pytest

import xent
from xent.auditor.biases import fit_biases
from zoo import honest


def evidence(code, scores, labels, **more):
    """Give the evidence of one rule, asked alone."""
    report = xent.audit(scores, labels, select=[code], **({"kind": "logits"} | more))
    return next((f.evidence for f in report.findings), None)


def test_the_fit_is_where_the_gradient_is_zero():
    rng = np.random.default_rng(0)
    z, y = honest.spread(rng, 2000, 6, 2.0)
    lp, count = np.asarray(xent.log_softmax(z.astype(float) * 1.7)), rng.integers(1, 4, 2000).astype(float)
    fit = fit_biases(lp, y, count, ridge=1e-9)
    p = honest.softmax(fit.inverse * lp + fit.bias)
    assert (count @ p) / count.sum() == pytest.approx(np.bincount(y, count, 6) / count.sum(), abs=1e-4)
    best = fit.log_likelihood(lp, y, count)
    for i in range(6):
        for step in (-0.05, 0.05):
            moved = fit.bias + step * (np.arange(6) == i)
            assert type(fit)(fit.inverse, moved).log_likelihood(lp, y, count) < best
    assert fit.inverse == pytest.approx(1 / 1.7, abs=0.05)


@pytest.mark.parametrize(("power", "words"), [(1.0, "balanced batches"), (0.5, "√frequency"), (2.0, "together")])
def test_class_weights_are_named(power, words):
    prior = honest.uneven(8, 1.0)
    z, y = honest.classes(np.random.default_rng(1), 8000, 8, 0.5, prior)
    found = evidence("XE503", z - power * np.log(prior), y)
    assert found.numbers["slope"] == pytest.approx(power, abs=0.1 * power)
    assert words in found.text
    assert found.cost > 0.005


def test_another_mix_of_classes_is_not_taken_for_weights():
    rng = np.random.default_rng(2)
    prior = honest.uneven(8, 1.0)
    z, y = honest.classes(rng, 8000, 8, 0.5, prior)
    found = evidence("XE503", z + np.array([0.8, -0.8, 0.8, -0.8, 0.8, -0.8, 0.8, -0.8]), y)
    assert "another mix" in found.text


def test_a_model_that_is_only_too_sure_has_the_right_frequencies():
    z, y = honest.classes(np.random.default_rng(3), 6000, 8, 0.5, honest.uneven(8))
    assert evidence("XE503", z, y) is None
    assert evidence("XE503", z * 2, y) is None  # its frequencies are off, but a temperature mends them
    assert evidence("XE503", z[:150] - np.log(honest.uneven(8)) * 0.3, y[:150]) is None  # too few rows to tell


@pytest.mark.parametrize(("power", "words"), [(1, "negatives / positives"), (2, "square"), (0.5, "root")])
def test_the_positive_weight_is_named(power, words):
    rng = np.random.default_rng(4)
    z = rng.normal(size=8000) * 2 - 2.5
    y = (rng.random(8000) < 1 / (1 + np.exp(-z))).astype(int)
    odds = (1 - y.mean()) / y.mean()
    found = evidence("XE504", z + power * np.log(odds), y)
    assert found.numbers["weight"] == pytest.approx(odds**power, rel=0.15)
    assert words in found.text
    assert evidence("XE504", z, y) is None


def test_collapse_onto_the_frequencies_and_onto_one_class():
    rng = np.random.default_rng(5)
    prior = honest.uneven(6)
    y = rng.choice(6, 2000, p=prior)
    noise = rng.normal(size=(2000, 6)) * 0.01
    assert evidence("XE505", np.log(prior) + noise, y).numbers["information"] < 1e-3
    one = evidence("XE505", np.where(np.arange(6) == 2, 9.0, 0.0) + noise, y)
    assert one.numbers["top_share"] == 1
    assert one.cost > 1


def test_an_honest_model_of_a_rare_class_has_not_collapsed():
    """It always predicts the majority, and yet knows something."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=4000) * 1.5 - 4
    y = (rng.random(4000) < 1 / (1 + np.exp(-z))).astype(int)
    assert (z > 0).mean() < 0.01
    assert evidence("XE505", z, y) is None
    z, y = honest.spread(rng, 20_000, 10, 0.4, honest.uneven(10, 1.5))
    assert evidence("XE505", z, y) is None


def test_untrained():
    rng = np.random.default_rng(7)
    y = rng.integers(0, 10, 500)
    assert evidence("XE506", rng.normal(size=(500, 10)) * 0.01, y).numbers["loss"] == pytest.approx(
        np.log(10), abs=0.01
    )
    assert evidence("XE506", rng.normal(size=(500, 10)) * 0.01, np.zeros(500, int)) is not None
    z, y = honest.spread(rng, 500, 10, 1.0)
    assert evidence("XE506", z, y) is None


def test_worse_than_the_prior():
    rng = np.random.default_rng(8)
    z, y = honest.spread(rng, 1000, 10, 0.7)
    assert evidence("XE507", z * 8, y).cost > 0.1
    assert evidence("XE507", z, y) is None


def test_a_dead_class_and_a_rare_one():
    rng = np.random.default_rng(9)
    z, y = honest.classes(rng, 3000, 10, 0.8)
    z[:, 4] -= 30
    assert evidence("XE508", z, y).numbers["classes"] == "4"
    assert [f.code for f in xent.audit(z, y, kind="logits").findings if f.code == "XE503"] == []
    z, y = honest.spread(rng, 3000, 4, 0.5, np.array([0.7, 0.27, 0.015, 0.015]))
    assert np.bincount(z.argmax(axis=1), minlength=4)[3] == 0
    assert np.bincount(y)[3] > 20
    assert evidence("XE508", z, y) is None  # never predicted, and rightly so
