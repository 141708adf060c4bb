"""Reports to show: real predictions of the digits, and findings of rules that are only here."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import xent
from xent.auditor import Evidence, Finding, Report, Rule


def finding(code, severity, title, evidence, *, sure="test", silences=(), experiment="pitfalls") -> Finding:
    def look(_case):
        return None

    look.__doc__ = title
    return Finding(Rule(code, severity, "kind", sure, silences, experiment, look), evidence)


TWICE = finding(
    "XE9902",
    "error",
    "The scores went through <softmax> twice.",
    Evidence(
        "Undoing one gives probabilities in every row: 897 of 897 | 100 %; see `p & q`.",
        {"rows": 897, "worst": float("inf"), "none": float("nan"), "why": "both"},
        "Return raw scores:\n\n    logits = model(x)  # a < b\n\nor call `nll_loss`.",
        cost=1.1673,
        rows=(3, 77, 105),
        state={"k": 10, "margin": 4.5},
    ),
    sure="identity",
    silences=("XE5",),
)
OVER = finding(
    "XE9901", "warn", "The model is over-confident.", Evidence("T = 2.2 fits best.", {}, "Divide.", p_value=3e-19)
)
NOTE = finding(
    "XE9904", "info", "A few rows carry the loss.", Evidence("1 % carry 32 %.", rows=(1,)), sure="heuristic"
)


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of the digits that a logistic regression has not seen."""
    x, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=400).fit(x[:900] / 16, y[:900])
    return model.decision_function(x[900:] / 16), y[900:]


@cache
def report(name: str) -> Report:
    """Give one of the reports, with findings that are given to it."""
    z, y = digits()
    rng = np.random.default_rng(0)
    if name == "plain":
        return _with(xent.audit(z, y, name="plain"))
    if name == "double":
        made = xent.audit(xent.softmax(xent.softmax(z)), y, name="<double> & twice")
        return _with(made, TWICE, NOTE, silenced=(("XE9901", "XE9902"), ("XE9903", "XE9902")))
    if name == "over":
        return _with(xent.audit(3 * z, y, name="over"), OVER, NOTE)
    if name == "binary":
        s = rng.normal(size=2000) * 2
        return _with(xent.audit(s, (rng.random(2000) < 1 / (1 + np.exp(-s))).astype(int), name="binary"))
    if name == "thousand":
        many = rng.normal(size=(6000, 1000)).astype(np.float32)
        label = rng.integers(0, 1000, 6000)
        many[np.arange(6000), label] += rng.normal(5, 2, 6000).astype(np.float32)
        return _with(xent.audit(many, label, name="thousand"), OVER)
    if name == "named":
        names = (
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "a very long name",
        )
        return _with(xent.audit(z, y, names=names, name="named"), OVER)
    if name == "infinite":
        masked = z.copy()
        masked[5, y[5]] = -np.inf
        masked[7, 0] = np.nan
        labels = y.copy()
        labels[9] = 99
        return _with(xent.audit(masked, labels, name="infinite"))
    if name == "hopeless":  # one row, no spread, no temperature
        return _with(xent.audit(np.zeros((1, 3)), np.array([0]), name="hopeless"))
    raise KeyError(name)


NAMES = ("plain", "double", "over", "binary", "thousand", "named", "infinite", "hopeless")


def _with(made: Report, *findings: Finding, silenced=()) -> Report:
    return replace(made, findings=findings, silenced=tuple(silenced))
