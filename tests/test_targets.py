"""Targets: indices and distributions, and smoothing by both conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from strategies import distributions


@given(st.integers(1, 6), st.floats(0, 1), st.sampled_from(["uniform", "others"]), st.data())
def test_smoothing_is_exact(k, epsilon, convention, data):
    label = data.draw(st.integers(0, k - 1))
    q = data.draw(distributions(k).filter(lambda q: max(q) <= 1))
    hard = xent.smooth_labels(np.array(label), epsilon, k, convention=convention)
    soft = xent.smooth_labels(np.array([q]), epsilon, convention=convention)[0]
    for got, given_target in ((hard, label), (soft, q)):
        exact = oracle.target(given_target, k, epsilon=epsilon, convention=convention)
        assert max(oracle.ulps(a, b) for a, b in zip(got, exact, strict=True)) <= 1
    assert hard.sum() == pytest.approx(1, abs=1e-15)


def test_the_article_s_example_by_both_conventions():
    np.testing.assert_allclose(xent.smooth_labels(np.array([0]), 0.1, 3), [[1 - 0.1 + 0.1 / 3, 0.1 / 3, 0.1 / 3]])
    np.testing.assert_allclose(xent.smooth_labels(np.array([0]), 0.1, 3, convention="others"), [[0.9, 0.05, 0.05]])


@pytest.mark.parametrize("convention", ["uniform", "others"])
def test_array_and_row_agree(convention):
    q = [0.7, 0.2, 0.1]
    ours = xent.smooth_labels(np.array(q), 0.25, convention=convention)
    np.testing.assert_array_equal(ours, xent.spec.smooth(q, 0.25, convention=convention))


def test_shapes_and_types():
    labels = np.array([[0, 2], [1, 1]], np.uint8)
    hot = xent.one_hot(labels, 3)
    assert hot.shape == (2, 2, 3)
    np.testing.assert_array_equal(hot.argmax(-1), labels)
    np.testing.assert_array_equal(hot.sum(-1), 1)
    assert xent.smooth_labels(hot.astype(np.float32), 0.1).dtype == np.float32
    assert xent.one_hot(np.zeros((0,), int), 2).shape == (0, 2)
    np.testing.assert_array_equal(xent.one_hot(np.array(1), 2), [0, 1])


def test_smoothed_targets_are_what_the_option_means():
    z, y = np.array([[2.0, 1.0, 0.1]]), np.array([2])
    a = xent.cross_entropy(z, xent.smooth_labels(y, 0.2, 3))
    assert a == pytest.approx(xent.cross_entropy(z, y, label_smoothing=0.2), rel=1e-15)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "labels must be an array", lambda: xent.one_hot([0], 2)),
        (TypeError, "num_classes must be an integer", lambda: xent.one_hot(np.array([0]), 2.0)),
        (TypeError, "must be integers, got bool", lambda: xent.one_hot(np.array([True]), 2)),
        (ValueError, r"must lie in \[0, 2\), got 2 at row 1", lambda: xent.one_hot(np.array([0, 2]), 2)),
        (ValueError, "got -1", lambda: xent.one_hot(np.array([-1]), 2)),
        (ValueError, "need num_classes=", lambda: xent.smooth_labels(np.array([0]), 0.1)),
        (ValueError, "at least 1", lambda: xent.one_hot(np.array([0]), 0)),
        (ValueError, "num_classes must be 2, the length", lambda: xent.smooth_labels(np.eye(2), 0.1, 3)),
        (ValueError, r"epsilon must lie in \[0, 1\], got -0.1", lambda: xent.smooth_labels(np.eye(2), -0.1)),
        (ValueError, "convention must be one of", lambda: xent.smooth_labels(np.eye(2), 0.1, convention="torch")),
        (ValueError, "label is a distribution .* sums to 2", lambda: xent.smooth_labels(2 * np.eye(2), 0.1)),
    ],
)
def test_wrong_arguments_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()
