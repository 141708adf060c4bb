"""XE390, XE303, XE311, XE607: the formula that gives a printed loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from xent.auditor.case import Case
from xent.auditor.checks.forensics import estimates, printed, search
from xent.auditor.formulas import formulas
from zoo.predictions import NAMES, ask, drawn, predictions, severity
from zoo.sabotage_kinds import POSITIVES, suits

MINE = ("XE303", "XE311", "XE390", "XE607")


def each(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(xent.cross_entropy(z, y, reduction="none"))


def case_of(z: np.ndarray, y: np.ndarray, loss: float | None = None, decimals: int | None = None, **more) -> Case:
    return Case(xent.audit(z, y, select=["XE407"], **more).summary, loss, decimals)


def told(z: np.ndarray, y: np.ndarray, loss: float, **more) -> dict:
    found = ask(z, y, kind="logits", loss=float(f"{loss:.7g}"), **more)
    return {code: found[code] for code in MINE if code in found}


@pytest.mark.parametrize("code", MINE)
def test_positives_of_real_predictions_are_found(code):
    tried = 0
    for seed, (z, y) in enumerate([predictions(*name) for name in NAMES] + [drawn(2000, 2), drawn(1000, 100)]):
        if suits(code, z, y):
            tried += 1
            arguments = POSITIVES[code](np.random.default_rng(seed), z, y)
            assert code in ask(arguments.pop("scores"), arguments.pop("labels"), **arguments), seed
    assert tried > 8


Z, Y = drawn(500, 10)
P = np.asarray(xent.softmax(Z))
OWN = P[np.arange(500), Y]
PLAIN = each(Z, Y).mean()
COUNTS = np.bincount(Y, minlength=10)
LP = np.asarray(xent.log_softmax(Z))

KNOWN = {
    "cross_entropy(logits, y)": PLAIN,
    "500 * cross_entropy(logits, y)": PLAIN * 500,
    "cross_entropy(logits, y) / log(2)": PLAIN / math.log(2),
    "cross_entropy(logits, y) / log(10)": PLAIN / math.log(10),
    "cross_entropy(logits, y) / 10": PLAIN / 10,
    "exp(cross_entropy(logits, y))": math.exp(PLAIN),
    "2 ** cross_entropy(logits, y)": 2**PLAIN,
    "exp(cross_entropy(logits, y) / log(2))": math.exp(PLAIN / math.log(2)),
    "cross_entropy(logits, y) * 8": PLAIN * 8,
    "cross_entropy(logits, y) / 16": PLAIN / 16,
    "cross_entropy(softmax(logits), y)": each(P, Y).mean(),
    "500 * cross_entropy(softmax(logits), y)": each(P, Y).sum(),
    "cross_entropy(softmax(softmax(logits)), y)": each(np.asarray(xent.softmax(P)), Y).mean(),
    "nll_loss(softmax(logits), y)": -OWN.mean(),
    "nll_loss(logits, y)": -Z[np.arange(500), Y].mean(),
    "cross_entropy(z, y, label_smoothing=0.1)": float(np.mean(xent.cross_entropy(Z, Y, label_smoothing=0.1))),
    "((1 - p) ** 2 * loss).mean()": ((1 - OWN) ** 2 * -np.log(OWN)).mean(),
    "-log(max(p[y], 1e-2))": -np.log(np.clip(OWN, 1e-2, 1 - 1e-2)).mean(),
    "-log(p[y] + 1e-3)": -np.log(OWN + 1e-3).mean(),
    "cross_entropy(logits / 2, y)": each(Z / 2, Y).mean(),
    "cross_entropy(logits / 0.6931, y)": each(Z / math.log(2), Y).mean(),
    "cross_entropy(z, y, weight=1 / n_k)": (each(Z, Y) / COUNTS[Y]).sum() / (1 / COUNTS[Y]).sum(),
    "binary_cross_entropy_with_logits(logits, onehot)": (np.logaddexp(0, Z) - Z * np.eye(10)[Y]).mean(),
    "((p - onehot) ** 2).mean()": ((P - np.eye(10)[Y]) ** 2).mean(),
    "-(p * log(p)).sum(-1).mean()": -(P * LP).sum(axis=1).mean(),
    "(pred == y).mean()": float((Z.argmax(axis=1) == Y).mean()),
    "cross_entropy(logits[:-1], y[1:])": each(Z[:-1], Y[1:]).mean(),
    "cross_entropy(logits[1:], y[:-1])": each(Z[1:], Y[:-1]).mean(),
    "mean(batch_losses)  # batch 64": np.mean([each(Z, Y)[i : i + 64].mean() for i in range(0, 500, 64)]),
    "batch_losses[-1]  # batch 128": each(Z, Y)[384:].mean(),
    "mean(exp(batch_loss))  # batch 32": np.mean(
        [math.exp(each(Z, Y)[i : i + 32].mean()) for i in range(0, 500, 32)]
    ),
}


@pytest.mark.parametrize("code", KNOWN)
def test_a_formula_is_recognised(code):
    if code == "(pred == y).mean()":
        digits = 3  # 0.782 of 500 rows has no more
        values = {f.code: f.value for f in formulas(case_of(Z, Y))}
        assert round(values[code], digits) == KNOWN[code]
        return
    found = search(case_of(Z, Y, float(f"{KNOWN[code]:.7g}")))
    assert [f.code for f in found.matches][:1] == [code]


def test_every_formula_gives_a_number_of_its_own_or_yields_to_a_simpler_one():
    found = [f for f in formulas(case_of(Z, Y)) if math.isfinite(f.value)]
    assert len(found) > 300
    for f in found[:200]:
        best = search(case_of(Z, Y, f.value, 12)).matches[0]
        assert best.steps <= f.steps
        assert best.value == pytest.approx(f.value, rel=3e-6)


def test_the_plain_mean_is_information():
    evidence = told(Z, Y, PLAIN)
    assert set(evidence) == {"XE390"}
    assert severity("XE390", evidence["XE390"]) == "info"
    assert "is the mean cross-entropy of these 500 rows" in evidence["XE390"].text


def test_mistakes_are_errors_and_choices_are_not():
    assert severity("XE390", told(Z, Y, KNOWN["cross_entropy(softmax(logits), y)"])["XE390"]) == "error"
    assert severity("XE390", told(Z, Y, KNOWN["cross_entropy(z, y, label_smoothing=0.1)"])["XE390"]) == "info"
    assert severity("XE390", told(Z, Y, PLAIN * 500)["XE390"]) == "info"


def test_three_digits_are_too_few():
    found = ask(Z, Y, kind="logits", loss=round(PLAIN, 2))["XE390"]
    assert (found.numbers["digits"], severity("XE390", found)) == (3 if PLAIN >= 1 else 2, "info")
    assert printed(0.6931) == (0.5e-4, 4)
    assert printed(0.0469, 4)[1] == 3
    assert printed(12.0, 2)[1] == 4


def test_a_number_from_elsewhere_is_said_to_be_so():
    found = ask(Z, Y, kind="logits", loss=PLAIN * 1.2345678)["XE390"]
    assert severity("XE390", found) == "info"
    assert found.numbers["tried"] > 300
    assert found.numbers["loss"] == pytest.approx(PLAIN)


@settings(max_examples=25)
@given(st.floats(0.3, 3.0), st.sampled_from(NAMES))
def test_random_numbers_raise_no_error(factor, name):
    z, y = predictions(*name)
    loss = each(z, y).mean() * factor
    if min(abs(factor / simple - 1) for simple in (0.5, 1, 2)) < 1e-3:  # which are formulae
        return
    found = ask(z, y, kind="logits", loss=float(f"{loss:.6g}"))
    assert [c for c in MINE if c in found and severity(c, found[c]) == "error"] == []


def test_ignored_rows_in_the_denominator():
    y = Y.copy()
    y[::3] = -100
    kept = y != -100
    loss = each(Z[kept], Y[kept]).sum() / 500
    evidence = told(Z, y, loss)["XE390"]
    assert severity("XE390", evidence) == "error"
    assert "divided by all 500 rows" in evidence.text


def test_batches_with_ignored_rows_are_uneven():
    y = Y.copy()
    y[:40:2] = -100
    loss = np.where(y == -100, 0.0, each(Z, np.maximum(y, 0)))
    means = [loss[i : i + 50].sum() / (y[i : i + 50] != -100).sum() for i in range(0, 500, 50)]
    assert told(Z, y, float(np.mean(means))).keys() == {"XE390"}  # 50 is no power of two: said not to be known
    means = [loss[i : i + 64].sum() / (y[i : i + 64] != -100).sum() for i in range(0, 500, 64)]
    evidence = told(Z, y, float(np.mean(means)))
    assert set(evidence) == {"XE311"}
    assert "batches of 64" in evidence["XE311"].text


def test_duplicated_rows_keep_their_order():
    z, y = np.concatenate([Z, Z[:100]]), np.concatenate([Y, Y[:100]])
    loss = each(z, y)
    assert "XE311" in told(z, y, float(np.mean([loss[i : i + 32].mean() for i in range(0, 600, 32)])))
    assert "XE390" in told(z, y, loss.mean())


def test_a_file_too_large_for_its_rows_to_be_kept_is_compared_by_its_sums():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(140_000, 2))
    y = rng.integers(0, 2, 140_000)
    loss = each(z, y)
    case = case_of(z, y, float(f"{loss.sum() / math.log(2):.9g}"))
    assert not case.whole
    assert search(case_of(z, y, float(f"{loss.mean() / math.log(2):.9g}"))).matches[0].words.endswith("in bits")
    found = ask(z, y, kind="logits", loss=0.123456)["XE390"]
    assert "single rows are not all kept" in found.text


def test_what_single_rows_would_give_is_estimated_where_not_all_are_kept():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300_000, 2)) * 3
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    p = np.asarray(xent.softmax(z))
    found = ask(z, y, kind="logits", loss=float(f"{each(p, y).mean():.7g}"))["XE390"]
    assert severity("XE390", found) == "info"
    assert "what could give it is: cross-entropy after two softmax" in found.text
    off, sure = [], 0
    case = case_of(z, y)
    exact = {
        "nll_loss(softmax(logits), y)": -p[np.arange(len(y)), y],
        "cross_entropy(softmax(logits), y)": each(p, y),
    }
    for f, error in estimates(case):
        if f.code in exact:
            off.append(abs(f.value - exact[f.code].mean()) / error)
            sure += error < 1e-3
    assert (len(off), sure) == (2, 2)
    assert max(off) < 4


def test_binary_scores():
    z, y = Z[:, 0], (Y == 0).astype(int)
    p = 1 / (1 + np.exp(-z))
    plain = np.logaddexp(0, z) - y * z
    weight = (y == 0).sum() / (y == 1).sum()
    twice = np.logaddexp(0, p) - y * p
    assert severity("XE390", told(z, y, plain.mean())["XE390"]) == "info"
    assert "two sigmoids" in told(z, y, twice.mean())["XE390"].text
    assert "pos_weight" in told(z, y, np.where(y == 1, weight, 1) @ plain / 500)["XE390"].text


def test_probabilities_may_be_given_too():
    found = ask(P, Y, kind="probs", loss=float(f"{each(P, Y).mean():.7g}"))["XE390"]
    assert found.numbers["formula"] == "cross_entropy(softmax(logits), y)"
    found = ask(P, Y, kind="logits", loss=float(f"{PLAIN:.7g}"))
    assert {"XE101", "XE390"} <= set(found)
    assert found["XE390"].numbers["formula"] == "-log(scores[y])"


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_reported_loss_that_is_no_number(loss):
    assert "no formula" in ask(Z, Y, kind="logits", loss=loss)["XE390"].text
