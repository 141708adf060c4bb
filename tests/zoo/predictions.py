"""Predictions of real models on rows that they were not trained on, for the auditor's tests."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np

NAMES = tuple((data, model) for data in ("digits", "iris", "wine", "cancer") for model in ("linear", "weak", "mlp"))


@cache
def predictions(data: str, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K), centred, and labels, by threefold cross-validation. Do not change them."""
    from sklearn import datasets
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    load = {
        "digits": datasets.load_digits, "iris": datasets.load_iris, "wine": datasets.load_wine,
        "cancer": datasets.load_breast_cancer,
    }[data]  # fmt: skip
    kind = {
        "linear": LogisticRegression(max_iter=300), "weak": LogisticRegression(max_iter=300, C=1e-3),
        "mlp": MLPClassifier((32,), max_iter=150, random_state=0),
    }[model]  # fmt: skip
    x, y = load(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hundred and fifty steps are enough here
        lp = cross_val_predict(make_pipeline(StandardScaler(), kind), x, y, cv=3, method="predict_log_proba")
    z = np.maximum(lp, -700)
    z = z - z.mean(axis=1, keepdims=True)
    z.setflags(write=False)
    return z, y


@cache
def drawn(rows: int, classes: int, scale: float = 3.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of deviation ``scale``, and labels that are drawn from them: a model that is exactly right."""
    rng = np.random.default_rng((rows, classes, seed))
    z = rng.normal(size=(rows, classes)) * scale
    z.setflags(write=False)
    return z, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def ask(scores, labels, *, kind=None, loss=None, decimals=None, ignore_index=None) -> dict:
    """Give the evidence, by code, of the rules of kinds, numerics and the reported loss that no finding silences.

    What the report has, without its numbers. The other rules have tests of their own; what they say of these
    models, some of them too sure, is true.
    """
    from xent.auditor import checks as _  # noqa: F401
    from xent.auditor.arrays import Auditor
    from xent.auditor.case import Case
    from xent.auditor.finding import FAMILIES, RULES
    from xent.auditor.plan import make

    auditor = Auditor(kind=kind, ignore_index=ignore_index)
    if kind is None:
        auditor.plan = make(scores, labels, ignore_index=ignore_index)
    auditor.update(scores, labels)
    auditor.summary.settle()
    case, found, silent = Case(auditor.summary, loss, decimals), {}, ()
    asked = [r for r in RULES.values() if r.family in ("kind", "numerics", "forensics") and r.code != "XE502"]
    for rule in sorted(asked, key=lambda r: (FAMILIES.index(r.family), r.code)):
        if rule.code.startswith(silent or ("-",)) or (evidence := rule.look(case)) is None:
            continue
        found[rule.code] = evidence
        if severity(rule.code, evidence) != "info":
            silent += rule.silences
    return found


def severity(code: str, evidence) -> str:
    from xent.auditor.finding import RULES

    return evidence.severity or RULES[code].severity
