"""XE2xx and XE30x: labels, columns and rows that belong together, and what only looks as if they did not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import xent
from xent.auditor.assignment import best_assignment
from zoo import honest, keeper


def evidence(code, scores, labels, **more):
    """Give the evidence of one rule, asked alone."""
    report = xent.audit(scores, labels, select=[code], **({"kind": "logits"} | more))
    return next((f.evidence for f in report.findings), None)


@pytest.fixture(scope="module")
def ten():
    return honest.classes(np.random.default_rng(0), 3000, 10, 1.0)


@pytest.fixture(scope="module")
def lm():
    return honest.tokens(np.random.default_rng(1), 20, 60, 50)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_assignment_is_the_best_of_all(k):
    rng = np.random.default_rng(k)
    for _ in range(20):
        gain = rng.integers(0, 9, (k, k))
        column = best_assignment(gain)
        assert sorted(column) == list(range(k))
        assert gain[np.arange(k), column].sum() == max(
            sum(gain[i, p[i]] for i in range(k)) for p in itertools.permutations(range(k))
        )


# --------------------------------------------------------------------------------------------- XE201, XE202, XE307


def test_labels_from_one_are_named(ten):
    z, y = ten
    found = evidence("XE201", z, y + 1)
    assert "1 … 10" in found.text
    assert found.fix == "Subtract 1 from the labels."
    assert found.numbers["rows"] == (y == 9).sum()


def test_wrapped_bytes_are_named():
    z, y = honest.classes(np.random.default_rng(2), 800, 200, 1.0)
    assert "8-bit" in evidence("XE201", z, y.astype(np.int8)).text


def test_one_value_that_means_ignore_is_not_outside(ten):
    z, y = ten
    y = np.where(np.arange(3000) % 7 == 0, -1, y)
    assert evidence("XE201", z, y) is None
    found = evidence("XE307", z, y)
    assert found.numbers == {"rows": int((y == -1).sum()), "label": -1}
    assert "ignore_index=-1" in found.fix
    assert evidence("XE307", z, y, ignore_index=-1) is None


def test_an_ignored_class_is_only_told(ten):
    found = evidence("XE307", *ten, ignore_index=0)
    assert found.severity == "info"


def test_extra_output(ten):
    z, y = ten
    wide = np.concatenate([np.full((3000, 1), -20.0), z], axis=1)
    assert "1 … 10" in evidence("XE202", wide, y + 1).text


def test_a_background_class_that_the_model_uses_is_no_extra_output(ten):
    z, y = ten
    wide = np.concatenate([z.max(axis=1, keepdims=True) - 4, z], axis=1)
    assert evidence("XE202", wide, y + 1) is None


def test_a_rare_first_class_beside_other_rare_ones_is_no_extra_output():
    rng = np.random.default_rng(3)
    prior = np.array([1e-6, 2e-4, 0.4, 0.5998 - 1e-6])
    z, y = honest.spread(rng, 3000, 4, 1.0, prior)
    assert not (y == 0).any()
    assert evidence("XE202", z, y) is None


# ---------------------------------------------------------------------------------------------------- XE203, XE204


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (np.roll(np.arange(10), 1), "label y is column y + 1"),
        (np.roll(np.arange(10), -1), "label y is column y − 1"),
        (np.arange(10)[::-1], "reverse"),
        (np.array([0, 1, 7, 3, 4, 5, 6, 2, 8, 9]), "classes 2 and 7 are swapped"),
        (np.array([3, 0, 1, 2, 4, 5, 6, 7, 8, 9]), "best order"),
    ],
)
def test_orders_are_named(ten, order, words):
    z, y = ten
    found = evidence("XE203", z[:, order], y)
    assert words in found.text
    column = np.array(found.numbers["columns"].split(), int)
    assert np.array_equal(order[column], np.arange(10))
    assert found.numbers["accuracy_reordered"] == pytest.approx((z.argmax(axis=1) == y).mean(), abs=0.03)
    assert found.p_value < 1e-6


def test_order_of_text():
    z, y = honest.classes(np.random.default_rng(4), 600, 12, 1.2)
    text = sorted(range(12), key=str)
    assert "order of text" in evidence("XE203", z[:, text], y).text


def test_two_classes_that_are_often_confused_are_not_swapped(ten):
    """Class 3 loses a third of its rows to class 5, and 5 to 3."""
    z, y = ten
    rng = np.random.default_rng(5)
    z, pair = z.copy(), rng.random(3000) < 0.35
    z[np.ix_(pair, [3, 5])] = z[np.ix_(pair, [5, 3])]
    assert evidence("XE203", z, y) is None


def test_heavy_class_weights_are_no_other_order():
    rng = np.random.default_rng(6)
    prior = honest.uneven(5, 1.5)
    z, y = honest.classes(rng, 6000, 5, 0.5, prior)
    assert evidence("XE203", z - 2 * np.log(prior), y) is None


def test_a_model_that_knows_nothing_has_no_other_order():
    rng = np.random.default_rng(7)
    assert evidence("XE203", rng.normal(size=(3000, 40)) * 5, rng.integers(0, 40, 3000)) is None


def test_inverted_and_merely_useless():
    rng = np.random.default_rng(8)
    z = rng.normal(size=2000) * 2
    y = (rng.random(2000) < 1 / (1 + np.exp(-z))).astype(int)
    found = evidence("XE204", z, 1 - y)
    assert found.numbers["area"] < 0.3
    assert evidence("XE204", z, y) is None
    assert evidence("XE204", rng.normal(size=2000), y) is None
    assert evidence("XE204", z[:12], 1 - y[:12]) is None


# ---------------------------------------------------------------------------------------------------- XE205, XE206


@pytest.mark.parametrize("lag", [1, -1, 3, -40, 900])
def test_the_lag_is_found(ten, lag):
    z, y = ten
    found = evidence("XE205", z, np.roll(y, lag))
    assert found.numbers["lag"] == lag
    assert found.numbers["z"] > 8


def test_shuffled(ten):
    z, y = ten
    assert "shuffled" in evidence("XE205", z, np.random.default_rng(0).permutation(y)).text


def test_sorted_rows_that_are_right_are_not_misaligned(ten):
    z, y = ten
    order = np.argsort(y, kind="stable")
    assert evidence("XE205", z[order], y[order]) is None


def test_slow_labels_under_a_useless_model_have_no_lag():
    """Labels and predictions that change slowly agree by chance at many lags, side by side."""
    rng = np.random.default_rng(9)
    y = np.repeat(rng.integers(0, 4, 30), 100)
    z = np.repeat(rng.normal(size=(30, 4)), 100, axis=0) * 0.05 + rng.normal(size=(3000, 4)) * 0.01
    found = evidence("XE205", z, y)
    assert found is None


def test_labels_that_are_never_predicted_have_no_lag():
    z = np.random.default_rng(10).normal(size=(300, 4))
    z[:, 3] -= 30
    assert evidence("XE205", z, np.full(300, 3)) is None


def test_a_weak_model_that_knows_it_is_not_shuffled():
    rng = np.random.default_rng(10)
    assert evidence("XE205", rng.normal(size=(3000, 10)) * 0.05, rng.integers(0, 10, 3000)) is None


@pytest.mark.parametrize(
    ("shift", "lag", "words"), [(1, 1, "not shifted"), (-1, -1, "once too often"), (2, 2, "not")]
)
def test_token_shift(lm, shift, lag, words):
    z, y = lm
    found = evidence("XE206", z, np.roll(y, shift, axis=1))
    assert found.numbers["lag"] == lag
    assert words in found.text


def test_tokens_that_repeat_are_not_shifted(lm):
    """Every token comes twice, so the next label is right half the time."""
    z, y = lm
    z, y = np.repeat(z[:, :30], 2, axis=1), np.repeat(y[:, :30], 2, axis=1)
    assert evidence("XE206", z, y) is None
    assert evidence("XE206", *lm) is None


# --------------------------------------------------------------------------------------------------- XE207 – XE209


def test_only_two(ten):
    z, y = ten
    assert evidence("XE207", z, (y == 3).astype(int)).numbers["probability"] > 0.5
    two = y < 2
    assert evidence("XE207", z[two], y[two]) is None  # two classes of ten, and the model sees it


def test_targets_that_do_not_sum_to_one(ten):
    z, y = ten
    p, hot = honest.softmax(z.astype(float)), np.eye(10, dtype=int)[y]
    several = hot.copy()
    several[::5, 0] = 1
    found = evidence("XE208", p, several, kind=None)
    assert found.numbers["several"] > 0
    assert found.rows
    assert evidence("XE208", p, hot, kind=None) is None
    assert evidence("XE208", 1 / (1 + np.exp(-z.astype(float))), several, kind=None) is None


def test_wrapped_labels():
    z, y = honest.classes(np.random.default_rng(11), 2000, 600, 1.2)
    found = evidence("XE209", z, y.astype(np.uint8))
    assert found.numbers["hits"] > 0.5 * found.numbers["rows"]
    low = y < 256
    assert evidence("XE209", z[low], y[low]) is None  # rows of the first classes only
    assert evidence("XE209", z, y) is None


# ---------------------------------------------------------------------------------------------------- XE304, XE306


def padded(lm, easy=True):
    z, y = lm[0].copy(), np.where(lm[1] == 0, 1, lm[1])
    for i, n in enumerate(np.random.default_rng(0).integers(20, 55, len(y))):
        y[i, n:] = 0
        z[i, n:, 0] += 40 if easy else 0
    return z, y


def test_padding(lm):
    z, y = padded(lm)
    found = evidence("XE304", z, y)
    assert found.numbers["label"] == 0
    clean = xent.audit(z, y, kind="logits", ignore_index=0).numbers.loss
    assert found.numbers["loss_without"] == pytest.approx(clean, rel=1e-9)
    assert found.cost > 0


def test_padding_that_is_ignored_or_not_learned_is_silent(lm):
    z, y = padded(lm)
    assert evidence("XE304", z, y, ignore_index=0) is None
    assert evidence("XE304", *padded(lm, easy=False)) is None
    assert evidence("XE304", *lm) is None


def test_a_sequence_without_labels(lm):
    z, y = lm[0], lm[1].copy()
    y[:, :5] = -100
    assert evidence("XE306", z, y) is None
    y[7] = -100
    found = evidence("XE306", z, y)
    assert found.numbers == {"sequences": 1, "of": 20}
    assert found.rows == (7 * 60,)


def test_what_it_explains_is_not_asked(ten):
    z, y = ten
    report = xent.audit(z[:, ::-1], y, kind="logits")
    assert [f.code for f in report.findings if f.severity != "info"] == ["XE203"]
    assert ("XE501", "XE203") in report.silenced


@pytest.mark.parametrize("code", ["XE201", "XE203", "XE205", "XE206", "XE304"])
def test_any_cut_into_batches_gives_the_same(code):
    (made,) = keeper.sabotaged(code, 1)
    scores, labels = made["scores"], made["labels"]
    auditor = xent.Auditor(kind="logits")
    for i in range(0, len(scores), 7 if scores.ndim == 3 else 411):
        step = slice(i, i + (7 if scores.ndim == 3 else 411))
        auditor.update(scores[step], labels[step])
    whole = {f.code: f.evidence for f in keeper.audited(made).findings}
    assert {f.code: f.evidence for f in auditor.report().findings} == whole
