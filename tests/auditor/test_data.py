"""XE601–XE606: labels, duplicates and pockets, and honest rows that have none."""

from __future__ import annotations

import numpy as np
import pytest

import xent
from zoo import honest


def evidence(code, scores, labels, **more):
    """Give the evidence of one rule, asked alone."""
    report = xent.audit(scores, labels, select=[code], **({"kind": "logits"} | more))
    return next((f.evidence for f in report.findings), None)


@pytest.fixture(scope="module")
def ten():
    return honest.classes(np.random.default_rng(0), 4000, 10, 2.0)


@pytest.mark.parametrize("rate", [0.01, 0.03, 0.08])
def test_wrong_labels_are_counted(ten, rate):
    z, y = ten
    rng = np.random.default_rng(1)
    wrong = rng.random(4000) < rate
    found = evidence("XE601", z, np.where(wrong, (y + rng.integers(1, 10, 4000)) % 10, y))
    assert 0.4 * wrong.sum() < found.numbers["wrong"] < 1.1 * wrong.sum()  # a low estimate
    assert len(found.rows) == 20
    assert wrong[list(found.rows)].mean() > 0.9


def test_honest_labels_are_not_noise(ten):
    """Rows that are hard, or a model that is too sure, have improbable labels too; no label is wrong."""
    assert evidence("XE601", *ten) is None
    assert evidence("XE601", ten[0] * 2, ten[1]) is None
    rng = np.random.default_rng(2)
    for scale in (1.0, 4.0, 12.0):
        assert evidence("XE601", *honest.spread(rng, 3000, 10, scale)) is None


@pytest.mark.parametrize("m", [1, 2, 7, 500])
def test_the_start_repeated(ten, m):
    z, y = ten
    found = evidence("XE602", np.concatenate([z, z[:m]]), np.concatenate([y, y[:m]]))
    assert found.numbers == {"rows": m}
    assert found.rows[0] == 4000
    assert evidence("XE602", z, y) is None


def test_rows_that_are_equal_anyway_repeat_nothing(ten):
    """A model with few different outputs: the last row may well be like the first."""
    z, y = ten
    few = z[np.random.default_rng(3).integers(0, 40, 4000)]
    few[-1] = few[0]
    assert evidence("XE602", few, y) is None
    again = np.concatenate([z, z[5:9]])  # duplicates, but not of the start
    assert evidence("XE602", again, np.concatenate([y, y[5:9]])) is None


def test_conflicting_labels_and_their_floor(ten):
    z, y = ten
    twice, other = np.concatenate([z, z[:100]]), np.concatenate([y, (y[:100] + 1) % 10])
    found = evidence("XE603", twice, other)
    assert found.numbers["rows"] == 200
    assert found.numbers["floor"] == pytest.approx(200 * np.log(2) / 4100)
    assert evidence("XE603", twice, np.concatenate([y, y[:100]])) is None  # duplicates that agree


def test_coarse_scores_are_no_duplicates():
    """Rounded scores fall together though the inputs differ."""
    z, y = honest.spread(np.random.default_rng(4), 4000, 3, 1.0)
    assert evidence("XE603", np.round(z), y) is None


def test_few_rows_cost_most():
    z, y = honest.classes(np.random.default_rng(5), 4000, 10, 3.0)
    found = evidence("XE604", z, np.where(np.arange(4000) % 250 == 0, (y + 1) % 10, y))
    losses = np.sort(xent.cross_entropy(z, np.where(np.arange(4000) % 250 == 0, (y + 1) % 10, y), reduction="none"))
    assert found.numbers["share"] == pytest.approx(losses[-40:].sum() / losses.sum(), abs=0.02)
    assert evidence("XE604", *honest.spread(np.random.default_rng(6), 4000, 10, 1.0)) is None


@pytest.mark.parametrize("start", [400, 2000, 3500])
def test_a_pocket(ten, start):
    z, y = ten
    y = y.copy()
    y[start:] = np.random.default_rng(7).integers(0, 10, 4000 - start)
    found = evidence("XE606", z, y)
    assert found.numbers["row"] == pytest.approx(start, abs=20)
    assert found.numbers["change"] < -0.5


def test_sorted_classes_of_unequal_difficulty_are_no_pocket():
    z, y = honest.classes(np.random.default_rng(8), 6000, 5, 0.7)
    order = np.argsort(y, kind="stable")
    hit = (z.argmax(axis=1) == y)[order]
    assert abs(hit[:3000].mean() - hit[3000:].mean()) > 0.03
    assert evidence("XE606", z[order], y[order]) is None


def test_rows_that_depend_on_their_neighbours_are_no_pocket():
    """Frames of films: all of one are right or wrong together."""
    rng = np.random.default_rng(9)
    films = rng.random(80) < 0.6
    right = np.repeat(films, 25)
    y = rng.integers(0, 4, 2000)
    z = 4.0 * np.eye(4)[np.where(right, y, (y + 1) % 4)] + rng.normal(size=(2000, 4)) * 0.1
    assert evidence("XE606", z, y) is None


@pytest.mark.parametrize("labels", [np.full(9, 7), np.full(9, -3)])
def test_no_rule_fails_where_no_row_counts(labels):
    """All labels are outside, or no row has a softmax: there are findings to make, and nothing to divide by."""
    report = xent.audit(np.zeros((9, 3)), labels, kind="logits")
    assert [f.code for f in report.findings] == ["XE201"]
    report = xent.audit(np.full((9, 3), np.nan), np.zeros(9, int), kind="logits")
    assert not any(f.code.startswith(("XE2", "XE5", "XE6")) for f in report.findings)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_no_rule_fails_on_few_rows(n):
    rng = np.random.default_rng(n)
    for k in (1, 2, 5):
        xent.audit(rng.normal(size=(n, k)), rng.integers(0, k, n), kind="logits")
    xent.audit(rng.normal(size=(n, 4, 6)), rng.integers(0, 6, (n, 4)), kind="logits")
    xent.audit(rng.normal(size=(n, 4)), rng.integers(0, 2, (n, 4)), kind="logits")
    assert xent.audit(np.zeros((n, 4)), np.zeros(n, int), kind="logits").findings == ()
