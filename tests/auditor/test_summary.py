"""Sums against the oracle; any cut and any order of rows gives the same bits."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
import strategies
import xent
from xent.auditor.curves import area, calibration_error, isotonic, smooth_error
from xent.auditor.plan import AuditError, Plan, make
from xent.auditor.summary import COSTLIEST, FILE, OPENING, Summary
from xent.kernels.tally import add_exactly


def plan_of(k: int, kind: str = "logits", **more) -> Plan:
    return Plan(kind=kind, because="", declared=True, task="multi-class", classes=k, columns=k, **more)


def summary_of(z: np.ndarray, y: np.ndarray, **more) -> Summary:
    made = Summary.of(plan_of(z.shape[1], **more)).add(0, z, y)
    made.settle()
    return made


# ----------------------------------------------------------------------------------------------------- exact sums


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_limbs_add_exactly(values):
    limbs = np.zeros(67, np.int64)
    for v in values:
        add_exactly(limbs, v)
    total = sum(int(limb) << (32 * i) for i, limb in enumerate(limbs))
    assert Fraction(total, 2**1074) == sum(map(Fraction, values), Fraction(0))


@given(strategies.batches(least_rows=1, elements=strategies.extreme))
def test_sums_are_those_of_the_oracle(batch):
    z, y = batch
    s = summary_of(z, y)
    n = len(z)
    assert s.counts["rows"] == n
    loss, entropy, brier, variance = [], [], [], []
    for row, label in zip(z, y, strict=True):
        exact = oracle.reals(row)
        p = oracle.softmax(exact)
        lse = oracle.logsumexp(exact)
        own = lse - exact[label]
        h = sum(q * (lse - x) for q, x in zip(p, exact, strict=True))
        loss.append(own)
        entropy.append(h)
        brier.append(sum((q - (j == label)) ** 2 for j, q in enumerate(p)))
        variance.append(sum(q * (lse - x - h) ** 2 for q, x in zip(p, exact, strict=True)))
    scale = 1 + abs(z).max()  # what an ulp of a logit is worth
    assert s.total("loss") == pytest.approx(float(sum(loss)), rel=1e-14, abs=4e-16 * n * scale)
    assert s.total("entropy") == pytest.approx(float(sum(entropy)), rel=1e-13, abs=1e-14 * n)
    assert s.total("brier") == pytest.approx(float(sum(brier)), rel=1e-12, abs=1e-13 * n)
    assert s.total("variance") == pytest.approx(float(sum(variance)), rel=1e-11, abs=1e-12 * n * scale)


@pytest.mark.parametrize("k", [2, 3, 8, 9, 64, 100, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tiny_loss_keeps_its_digits(k, dtype):
    z = -40 - np.arange(k, dtype=dtype) % 7
    z[k // 2] = 0
    exact = float(oracle.loss(oracle.reals(z), oracle.target(k // 2, k)))
    near = 1e-15 if dtype is np.float64 else 2e-7
    assert summary_of(z[None], np.array([k // 2])).total("loss") == pytest.approx(exact, rel=near, abs=0)


@given(strategies.batches(least_rows=1, least_classes=2))
def test_counts_and_classes_are_those_of_numpy(batch):
    z, y = batch
    s, k = summary_of(z, y), z.shape[1]
    predicted = z.argmax(axis=1)
    assert s.counts["correct"] == (predicted == y).sum()
    assert s.counts["top5"] == ((z > z[np.arange(len(y)), y][:, None]).sum(axis=1) < 5).sum()
    assert s.cells["label"].tolist() == np.bincount(y, minlength=k).tolist()
    assert s.cells["predicted"].tolist() == np.bincount(predicted, minlength=k).tolist()
    p = np.asarray(xent.softmax(z))
    assert s.cell("p") == pytest.approx(p.sum(axis=0), rel=1e-12, abs=1e-11)
    assert s.cell("pp") == pytest.approx((p * p).sum(axis=0), rel=1e-12, abs=1e-11)
    loss = np.asarray(xent.cross_entropy(z, y, reduction="none"))
    assert s.cell("loss") == pytest.approx(np.bincount(y, loss, minlength=k), rel=1e-11, abs=1e-11)
    assert s.cells["confusion"].sum() == len(y)
    assert all(s.cells["confusion"][a, b] > 0 for a, b in zip(y, predicted, strict=True))
    bins = np.clip(np.ceil(p.max(axis=1) * 15).astype(int) - 1, 0, 14)
    assert abs(s.cells["bins"][0] - np.bincount(bins, minlength=15)).sum() <= 2  # a confidence at a bin's edge


# --------------------------------------------------------------------------------------------- any cut, any order


@settings(max_examples=40)
@given(st.data())
def test_any_cut_and_order_gives_the_same_bits(data):
    n, k = data.draw(st.integers(1, 60)), data.draw(st.sampled_from([1, 2, 3, 17]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    z = (rng.normal(size=(n, k)) * 3).astype(data.draw(st.sampled_from([np.float32, np.float64, np.float16])))
    z[rng.random(z.shape) < 0.05] = data.draw(st.sampled_from([-np.inf, np.nan, 0.0, 65504.0]))
    z[rng.integers(0, n, n // 3)] = z[0]  # duplicates
    y = rng.integers(-1, k + 1, n)
    plan = plan_of(k, ignore_index=data.draw(st.sampled_from([None, 0, -1])))
    whole = Summary.of(plan).add(0, z, y)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=5)))
    parts = [Summary.of(plan).add(a, z[a:b], y[a:b]) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    parts = data.draw(st.permutations(parts))
    merged = Summary.of(plan)
    for part in parts:
        merged = merged + part
    assert merged == whole
    one_by_one = Summary.of(plan)
    for i in data.draw(st.permutations(range(n))):
        one_by_one.add(i, z[i : i + 1], y[i : i + 1])
    assert one_by_one == whole
    assert pickle.loads(pickle.dumps(whole)) == whole  # noqa: S301 - our own


def test_many_rows_are_bounded_and_the_same_in_pieces():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(300_000, 2)).astype(np.float32), rng.integers(0, 2, 300_000)
    whole = summary_of(z, y)
    parts = Summary.of(plan_of(2))
    for a in range(0, 300_000, 70_000)[::-1]:
        parts.add(a, z[a : a + 70_000], y[a : a + 70_000])
    assert parts == whole
    assert len(whole.tables["opening"]) == OPENING
    assert len(whole.tables["costliest"]) == COSTLIEST
    sample = whole.tables["sample"]
    assert len(sample) == sample.limit
    loss = np.asarray(xent.cross_entropy(z.astype(float), y, reduction="none"))
    assert (
        whole.tables["costliest"]["position"].tolist()
        == np.lexsort([np.arange(len(y)), -loss])[:COSTLIEST].tolist()
    )
    # a sample by hashes is a fair one
    assert z[sample["position"]].mean(axis=0) == pytest.approx([0, 0], abs=0.015)
    assert (y[sample["position"]] == sample["label"]).all()


def test_threads_change_nothing():
    from xent.kernels import threads

    rng = np.random.default_rng(1)
    z, y = rng.normal(size=(5000, 200)).astype(np.float32), rng.integers(0, 200, 5000)
    with threads.limit(1):
        one = summary_of(z, y)
    with threads.limit(5):
        five = summary_of(z, y)
    assert one == five


def test_only_one_plan():
    with pytest.raises(AuditError, match="one plan"):
        Summary.of(plan_of(2)) + Summary.of(plan_of(3))


# ------------------------------------------------------------------------------------------ rows that are odd


def test_rows_that_do_not_count_are_counted():
    z = np.array(
        [[1.0, 2.0], [np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf], [-np.inf, 1.0], [0.0, 1.0], [0.0, 0.0]]
    )
    y = np.array([0, 0, 0, 0, 0, 2, -100])
    s = summary_of(z, y, ignore_index=-100)
    assert s.counts["rows"] == 2
    assert (s.counts["broken"], s.counts["outside"], s.counts["ignored"], s.counts["infinite"]) == (3, 1, 1, 1)
    assert s.tables["broken"]["position"].tolist() == [1, 2, 3]
    assert s.tables["strange"]["label"].tolist() == [2]
    assert s.total("loss") == pytest.approx(math.log1p(math.exp(1)))  # of the first row; the masked one is ∞
    assert s.tables["costliest"]["gain"].tolist() == [-math.inf, -s.total("loss")]


def test_probabilities_are_their_logarithms():
    p = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    s = summary_of(p, np.array([1, 2, 0]), kind="probs")
    assert s.counts["simplex"] == 3
    assert s.counts["hard"] == 1
    assert s.total("loss") == pytest.approx(-math.log(0.2) + math.log(2), rel=1e-14)
    assert s.total("entropy") == pytest.approx(xent.information.entropy(p[0]) + math.log(2), rel=1e-14)


def test_positions_tell_files_apart():
    z, y = np.zeros((2, 2)), np.array([0, 1])
    s = summary_of(z, y) + Summary.of(plan_of(2)).add(3 * FILE, z, y)
    assert s.tables["head"]["position"].tolist() == [0, 1, 3 * FILE, 3 * FILE + 1]
    assert sorted(s.tables["sample"]["count"].tolist()) == [2, 2]


# ---------------------------------------------------------------------------------------------------------- plans


@pytest.mark.parametrize(
    ("scores", "labels", "kind", "task"),
    [
        (np.eye(3) * 0.8 + 0.2 / 3, [0, 1, 2], "probs", "multi-class"),
        (np.log(np.eye(3) * 0.8 + 0.2 / 3), [0, 1, 2], "log-probs", "multi-class"),
        (np.eye(3) * 2.0, [0, 1, 2], "logits", "multi-class"),
        (np.array([0.1, 0.9]), [0, 1], "probs", "binary"),
        (np.array([-0.1, 0.9]), [0, 1], "logits", "binary"),
        (np.array([[0.1, 0.9]] * 3), [[1, 1], [0, 0], [0, 1]], "probs", "multi-label"),
        (np.array([[0.1, 0.9]] * 3), [[1, 0], [0, 1], [0, 1]], "probs", "multi-class"),
        (np.zeros((2, 3, 4)), [[0, 1, 2], [3, 0, -100]], "logits", "tokens"),
    ],
)
def test_plan(scores, labels, kind, task):
    plan = make(scores, np.array(labels))
    assert (plan.kind, plan.task, plan.declared) == (kind, task, False)
    z, y = plan.rows(scores, np.array(labels))
    assert z.shape == (y.size, plan.classes)


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        (np.zeros((3, 2)), np.zeros(2, int), "shape"),
        (np.zeros((3, 2), int), np.zeros(3, int), "floating"),
        (np.zeros((0, 2)), np.zeros(0, int), "nothing to audit"),
        (np.zeros((2, 2)), np.array([0.5, 1.0]), "whole numbers"),
        (np.zeros((2, 2)), np.array([[0.5, 0.5], [1.0, 0.0]]), "soft targets"),
        (np.zeros((2, 3, 4)), np.zeros((2, 4), int), "shape"),
        (np.zeros((2, 3, 4, 5)), np.zeros((2, 3), int), "shape"),
    ],
)
def test_what_cannot_be_audited_is_said(scores, labels, says):
    with pytest.raises(AuditError, match=says):
        xent.audit(scores, labels)


# --------------------------------------------------------------------------------------------------------- curves


def test_a_calibrated_model_has_the_null_error():
    rng = np.random.default_rng(0)
    errors, nulls, deviations = [], [], []
    for _ in range(150):
        p = rng.dirichlet(np.ones(3), 2000)
        y = (p.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1)
        n = xent.audit(np.log(p), y).numbers
        errors.append(n.ece)
        nulls.append(n.ece_null)
        deviations.append(n.ece_deviation)
    assert np.mean(errors) == pytest.approx(
        np.mean(nulls), rel=0.06
    )  # of few rows a bin, whose difference is no normal one
    assert np.std(errors) == pytest.approx(np.mean(deviations), rel=0.15)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=30))
def test_isotonic_rises_and_keeps_the_total(cells):
    rows = np.array([n for n, _ in cells])
    hits = np.array([round(n * share) for n, share in cells])
    curve = isotonic(rows, hits)
    assert (np.diff(curve) >= 0).all()
    assert (curve * rows).sum() == pytest.approx(hits.sum())


def test_curves_against_scikit_learn():
    from sklearn.isotonic import isotonic_regression
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    rows, share = rng.integers(1, 40, 50), np.linspace(0, 1, 50)
    hits = rng.binomial(rows, share)
    assert isotonic(rows, hits) == pytest.approx(isotonic_regression(hits / rows, sample_weight=rows))
    z = rng.normal(size=4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(-z))).astype(int)
    assert xent.audit(z, y).numbers.area == pytest.approx(roc_auc_score(y, z), abs=1e-3)
    pair = np.array([np.bincount(np.digitize(z[y == c], np.linspace(-3, 3, 9)), minlength=10) for c in (0, 1)])
    assert area(pair)[0] == pytest.approx(roc_auc_score(y, np.digitize(z, np.linspace(-3, 3, 9))))


def test_smooth_error_lies_below_the_binned_one_and_sees_a_constant_bias():
    rows = np.full(20, 1000)
    p = (np.arange(20) + 0.5) / 20 * rows
    hits = np.round(p * 0.9).astype(int)
    plain = calibration_error(rows, hits, p, p * (1 - p / rows))[0]
    assert 0 < smooth_error(rows, hits, p) <= plain * 1.02
