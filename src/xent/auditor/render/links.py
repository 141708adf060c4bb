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


def finding(one: Finding) -> str:
    """Give the address that shows what a finding means.

    Examples
    --------
    >>> from xent.auditor.finding import Evidence, Rule
    >>> finding(Finding(Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda case: None), Evidence("")))
    'http://127.0.0.1:8010/#x=pitfalls&v=1'
    """
    return experiment(one.rule.experiment, one.evidence.state)


def rows(report: Report) -> dict[int, str]:
    """Give the addresses of the costly rows that are in the sample, by their positions; none beyond 10 classes.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.5]] * 4), np.array([0, 0] * 4))
    >>> rows(report)[1]
    'http://127.0.0.1:8010/#x=logits&v=1&z=0,1.5&names=0,1'
    """
    plan, table = report.summary.plan, report.summary.tables["sample"]
    if not 2 <= plan.classes <= MOST:
        return {}
    at = {int(p): i for i, p in enumerate(table["position"])}
    names = tuple(class_name(plan, k) for k in range(plan.classes))
    out: dict[int, str] = {}
    for costly in report.numbers.costly:
        if (i := at.get(costly.position)) is None:
            continue
        z = [_short(v, plan.kind == "probs") for v in table["scores"][i]]
        if all(v == -math.inf or math.isfinite(v) for v in z):
            out[costly.position] = experiment("logits", {"logits": z, "label": costly.label, "names": names})
    return out


def _short(score: np.float32, probability: bool) -> float:
    """Give a logit with as few digits as read back to the stored number; of a probability, its logarithm."""
    if probability:
        return float(f"{math.log(score):.6g}") if score > 0 else -math.inf
    return float(str(np.float32(score)))
