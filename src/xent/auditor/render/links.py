"""From a finding, or a row that cost much, to the explorer's address that shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

import numpy as np

from xent.auditor.finding import Finding
from xent.auditor.render.words import class_name
from xent.auditor.report import Report

ADDRESS = "http://127.0.0.1:8010/#"
COMMAND = "xent explore"
MOST = 10  # classes that the explorer can show


def experiment(name: str, state: Mapping[str, object] | None = None) -> str:
    """Give the address of an experiment, as it starts or in a state.

    Parameters
    ----------
    name : str
        The experiment's.
    state : mapping, optional
        Values by the names of the state's fields, or by their keys in a link; what cannot be read is left out.

    Returns
    -------
    str
        Empty if there is no such experiment.

    Examples
    --------
    >>> experiment("logits", {"logits": [2.0, 1.5], "label": 1, "names": ("a", "b")})
    'http://127.0.0.1:8010/#x=logits&v=1&z=2,1.5&names=a,b&y=1'
    >>> experiment("no such"), experiment("pitfalls", {"y": "0,1,2,0"})
    ('', 'http://127.0.0.1:8010/#x=pitfalls&v=1&y=0,1,2,0')
    """
    from importlib import import_module

    from xent.explorer.experiments import NAMES
    from xent.explorer.state import codecs, to_url

    if name not in NAMES:
        return ""
    module: Any = import_module(f"xent.explorer.experiments.{name}")
    known = codecs(module.State)
    field_of = {codec.key: field for field, codec in known.items()} | {f.name: f.name for f in fields(module.State)}
    values: dict[str, Any] = {}
    for key, value in (state or {}).items():
        if (field := field_of.get(key)) is None:
            continue
        codec = known[field]
        try:
            read: Any = codec.read(value) if isinstance(value, str) else codec.read(codec.write(_frozen(value)))
            values[field] = codec.clamp(read)
        except (ValueError, TypeError, AttributeError):
            continue
    return ADDRESS + to_url(name, module.VERSION, module.State(**values))


def _frozen(value: Any) -> Any:
    """Give lists as tuples and NumPy's scalars as Python's."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(_frozen(v) for v in cast("tuple[Any, ...]", value))
    return cast("Any", value).item() if isinstance(value, np.generic) else value


def finding(one: Finding, report: Report | None = None) -> str:
    """Give the address that shows what a finding means; with a report, on its own rows where they can be shown.

    Examples
    --------
    >>> from xent.auditor.finding import Evidence, Rule
    >>> rule = Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda case: None)
    >>> finding(Finding(rule, Evidence("", state={"program": "axis"})))
    'http://127.0.0.1:8010/#x=pitfalls&v=1&code=axis'
    """
    said = one.evidence.state or {}
    state = {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in said.items()}
    if report is not None and one.rule.experiment == "logits":
        held = _held(report, one.evidence.rows or tuple(c.position for c in report.numbers.costly))
        for row in [*held.values()][:1]:
            state |= row
    if report is not None and one.rule.experiment == "labels" and one.evidence.rows:
        state |= _batch([*_held(report, one.evidence.rows).values()])
    return experiment(one.rule.experiment, state)


def rows(report: Report) -> dict[int, str]:
    """Give the addresses of the costly rows that are in the sample, by their positions; none beyond 10 classes.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.5]] * 4), np.array([0, 0] * 4))
    >>> rows(report)[1]
    'http://127.0.0.1:8010/#x=logits&v=1&z=0,1.5&names=0,1'
    """
    held = _held(report, tuple(c.position for c in report.numbers.costly))
    return {position: experiment("logits", state) for position, state in held.items()}


def _held(report: Report, positions: tuple[int, ...]) -> dict[int, dict[str, Any]]:
    """Give rows as states of the section on one row, by their positions: those whose scores the summary has."""
    plan = report.summary.plan
    if not 2 <= plan.classes <= MOST:
        return {}
    tables = [report.summary.tables[name] for name in ("sample", "head")]
    places = [{int(p): i for i, p in enumerate(table["position"])} for table in tables]
    names = tuple(class_name(plan, k) for k in range(plan.classes))
    out: dict[int, dict[str, Any]] = {}
    for position in positions:
        for table, at in zip(tables, places, strict=True):
            if (i := at.get(position)) is None or not 0 <= (label := int(table["label"][i])) < plan.classes:
                continue
            z = [_short(v, plan.kind == "probs") for v in table["scores"][i]]
            if all(v == -math.inf or math.isfinite(v) for v in z) and max(z) > -math.inf:
                out[position] = {"logits": z, "label": label, "names": names}
                break
    return out


def _batch(held: list[dict[str, Any]]) -> dict[str, Any]:
    """Give rows as a state of the section on batches of them."""
    from xent.explorer.experiments.labels.state import MOST_ROWS, REACH

    taken = [row for row in held if all(v == -math.inf or abs(v) <= REACH for v in row["logits"])][:MOST_ROWS]
    if not taken:
        return {}
    n, k = len(taken), len(taken[0]["logits"])
    return {
        "k": k,
        "logits": [z for row in taken for z in row["logits"]],
        "labels": [row["label"] for row in taken],
        "used": [True] * n,
        "soft": [float(j == row["label"]) for row in taken for j in range(k)],
        "weights": [1.0] * k,
        "split": max(1, n // 2),
        "names": taken[0]["names"],
    }


def _short(score: np.float32, probability: bool) -> float:
    """Give a logit with as few digits as read back to the stored number; of a probability, its logarithm."""
    if probability:
        return float(f"{math.log(score):.6g}") if score > 0 else -math.inf
    return float(str(np.float32(score)))
