"""A report as JSON that reads back: findings and numbers for programs, and the Summary, so that reports merge.

Equal reports give equal bytes: keys are sorted, and there is no date. NaN is null, infinities are the strings
"Infinity" and "-Infinity". Exact sums are hexadecimal integers in units of 2⁻¹⁰⁷⁴; arrays are their shape, their
type and the base64 of the zlib-compressed little-endian bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from xent.auditor.finding import FAMILIES, RULES, SEVERITIES, Evidence, Finding, Rule, Severity, Sure
from xent.auditor.numbers import TAUS, LabelErrors, Numbers, Temperature, numbers_of
from xent.auditor.plan import KINDS, AuditError, Plan, Task
from xent.auditor.render.pack import pack, unpack
from xent.auditor.report import Report, report_of
from xent.auditor.summary import FILE, Summary
from xent.auditor.tables import Table

SCHEMA = 1
HELD = 2**17  # scores of the sample
HEAD = 2**15  # scores of the first rows
OPENING = 2**14  # rows

Json = dict[str, Any]
T = TypeVar("T")
W = TypeVar("W", bound=str)
TASKS: tuple[Task, ...] = get_args(Task)
SURES: tuple[Sure, ...] = get_args(Sure)


def to_json(report: Report) -> str:
    """Write a report as JSON.

    The rows that are kept are cut: the sample to 2¹⁷ scores of the least hashes, the first rows to 2¹⁵
    scores, the labels and predictions of the first rows to 2¹⁴. What is left of two reports still merges exactly.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        One JSON object, with its version in "schema".

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))
    >>> sorted(json.loads(to_json(report)))
    ['findings', 'name', 'numbers', 'plan', 'reported', 'schema', 'silenced', 'summary', 'verdict', 'worst']
    """
    page: Json = {
        "schema": SCHEMA,
        "name": report.name,
        "verdict": report.verdict,
        "worst": report.worst(),
        "reported": report.reported,
        "findings": [_finding(f) for f in report.findings],
        "silenced": [{"code": code, "by": by} for code, by in report.silenced],
        "numbers": {f.name: getattr(report.numbers, f.name) for f in fields(Numbers)},
        "plan": asdict(report.summary.plan),
        "summary": _summary(report.summary),
    }
    return json.dumps(plain(page), sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def plain(value: Any) -> Any:
    """Give what JSON can hold: NaN becomes null, infinities strings, arrays and tuples lists.

    Examples
    --------
    >>> plain({"a": np.array([1.5, np.nan]), "b": (np.int64(3), math.inf)})
    {'a': [1.5, None], 'b': [3, 'Infinity']}
    """
    given: Any = value
    if isinstance(given, np.ndarray | np.generic):
        given = cast("Any", given).tolist()
    if isinstance(given, float) and not math.isfinite(given):
        return None if math.isnan(given) else "Infinity" if given > 0 else "-Infinity"
    if hasattr(given, "__dataclass_fields__"):
        given = asdict(cast("Any", given))
    if isinstance(given, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[Any, Any]", given).items()}
    return [plain(v) for v in cast("list[Any]", given)] if isinstance(given, list | tuple) else given


def _float(value: Any) -> float:
    """Read what `plain` wrote for a float."""
    if value is None or value in ("Infinity", "-Infinity"):
        return math.nan if value is None else float(value)
    return float(_a(int if isinstance(value, int) else float, value))


def _thawed(value: Any) -> Any:
    """Read text and numbers of an evidence: lists are tuples again."""
    if isinstance(value, list):
        return tuple(_thawed(v) for v in cast("list[Any]", value))
    if isinstance(value, dict):
        return {k: _thawed(v) for k, v in cast("Json", value).items()}
    return math.nan if value is None else float(value) if value in ("Infinity", "-Infinity") else value


def _finding(finding: Finding) -> Json:
    said, rule = finding.evidence, finding.rule
    return {
        "code": finding.code, "severity": finding.severity, "title": rule.title, "family": rule.family,
        "sure": rule.sure, "silences": rule.silences, "experiment": rule.experiment, "default": rule.severity,
        "text": said.text, "numbers": said.numbers, "fix": said.fix, "rows": said.rows, "state": said.state,
        "cost": said.cost, "p_value": said.p_value,
    }  # fmt: skip


def _summary(summary: Summary) -> Json:
    summary.settle()
    k = max(summary.plan.classes, 1)
    cut = {"sample": max(HELD // k, 1), "head": max(HEAD // k, 1), "opening": OPENING}
    tables: Json = {}
    for name, table in summary.tables.items():
        kept = table.kept(min(table.limit, cut.get(name, table.limit)))
        tables[name] = {"limit": kept.limit, "columns": {key: pack(column) for key, column in kept.columns.items()}}
    return {
        "counts": summary.counts,
        "sums": {name: hex(value) for name, value in summary.sums.items()},
        "cells": {name: pack(cells) for name, cells in summary.cells.items()},
        "extremes": summary.extremes,
        "tables": tables,
    }


def read_json(path: str | Path) -> Report:
    """Read a report that :func:`to_json` wrote.

    Findings and numbers are those of the report; of its rows, the file holds the part that :func:`to_json` kept.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    AuditError
        The file cannot be read, is damaged, or is of a newer version.

    Examples
    --------
    >>> read_json("no such file.json")
    Traceback (most recent call last):
        ...
    xent.auditor.plan.AuditError: no such file.json cannot be read: No such file or directory.
    """
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise AuditError(f"{path} is not text in UTF-8, as a JSON report is.") from None
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}.") from None
    return from_json(text, name=str(path))


def from_json(text: str, *, name: str = "The text") -> Report:
    """Read a report from text; ``name`` is what errors call it.

    Raises
    ------
    AuditError
        It is damaged, or of a newer version.

    Examples
    --------
    >>> from_json('{"schema": 99}')
    Traceback (most recent call last):
        ...
    xent.auditor.plan.AuditError: The text has schema 99; this xent reads up to 1: upgrade it to read the report.
    """
    from xent.auditor import checks as _  # fills RULES  # noqa: F401

    try:
        page: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AuditError(f"{name} is not JSON: {error}.") from None
    schema = cast("Json", page).get("schema") if isinstance(page, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise AuditError(f'{name} is not a report of xent: it has no "schema"; write one with --format json.')
    if schema > SCHEMA:
        raise AuditError(
            f"{name} has schema {schema}; this xent reads up to {SCHEMA}: upgrade it to read the report."
        )
    try:
        return _report(cast("Json", page))
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}" if not isinstance(error, AuditError) else str(error)
        raise AuditError(f"{name} is a damaged report ({what.rstrip('.')}); write it again.") from None


def _a(kind: type[T], value: Any) -> T:
    """Give a value that has to be of a type."""
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} was expected, {str(value)[:40]!r} came")
    return value


def _one(words: tuple[W, ...], value: Any) -> W:
    """Give a value that has to be one of some words."""
    if value not in words:
        raise ValueError(f"one of {', '.join(words)} was expected, {str(value)[:40]!r} came")
    return value


def _or_none(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


def _whole(value: Any) -> int:
    return _a(int, value)


def _text(value: Any) -> str:
    return _a(str, value)


def _many(read: Callable[[Any], T], values: Any) -> tuple[T, ...]:
    return tuple(read(v) for v in _a(list, values))  # pyright: ignore[reportUnknownVariableType]


def _report(page: Json) -> Report:
    plan = _plan(page["plan"])
    summary = _read_summary(plan, page["summary"])
    given: Json = page["numbers"]
    numbers = replace(
        numbers_of(summary),
        temperature=_or_none(_temperature, given["temperature"]),
        label_errors=_or_none(_label_errors, given["label_errors"]),
    )
    return Report(
        _text(page["name"]),
        summary,
        numbers,
        _many(_read_finding, page["findings"]),
        _many(lambda s: (_text(s["code"]), _text(s["by"])), page["silenced"]),
        _or_none(_float, page["reported"]),
    )


def _plan(given: Json) -> Plan:
    plan = Plan(
        kind=_one(KINDS, given["kind"]),
        because=_text(given["because"]),
        declared=_a(bool, given["declared"]),
        task=_one(TASKS, given["task"]),
        classes=_whole(given["classes"]),
        columns=_whole(given["columns"]),
        tolerance=_float(given["tolerance"]),
        ignore_index=_or_none(_whole, given["ignore_index"]),
        length=_or_none(_whole, given["length"]),
        names=_many(_text, given["names"]),
    )
    if plan.classes < 1 or plan.columns < 1 or (plan.length or 1) < 1:
        raise ValueError("sizes begin at 1")
    return plan


def _temperature(given: Json) -> Temperature:
    value, error, loss, saved = (_float(given[name]) for name in ("value", "error", "loss", "saved"))
    bound = _or_none(lambda b: _one(("lower", "upper"), b), given["at_bound"])
    if not value > 0:
        raise ValueError(f"a temperature above 0 was expected, {value} came")
    return Temperature(value, error, loss, saved, _whole(given["rows"]), bound)


def _label_errors(given: Json) -> LabelErrors:
    tau, observed, expected, z = (_many(_float, given[name]) for name in ("tau", "observed", "expected", "z"))
    if {len(tau), len(observed), len(expected), len(z)} != {len(TAUS)}:
        raise ValueError(f"{len(TAUS)} estimates of label errors were expected")
    return LabelErrors(tau, observed, expected, z, _whole(given["rows"]))


def _read_finding(given: Json) -> Finding:
    def look(case: object) -> None:
        """Stand for a rule that this version does not have."""

    look.__doc__ = _text(given["title"])
    severity: Severity = _one(SEVERITIES, given["severity"])
    rule = RULES.get(_text(given["code"])) or Rule(
        given["code"], _one(SEVERITIES, given["default"]), _one(FAMILIES, given["family"]),
        _one(SURES, given["sure"]), _many(_text, given["silences"]), _text(given["experiment"]), look,
    )  # fmt: skip
    said = Evidence(
        text=_text(given["text"]),
        numbers=_thawed(_a(dict, given["numbers"])),
        fix=_text(given["fix"]),
        cost=_or_none(_float, given["cost"]),
        p_value=_or_none(_float, given["p_value"]),
        severity=severity if severity != rule.severity else None,
        rows=_many(_whole, given["rows"]),
        state=_or_none(lambda s: _thawed(_a(dict, s)), given["state"]),
    )
    return Finding(rule, said)


def _read_summary(plan: Plan, given: Json) -> Summary:
    summary = Summary.of(plan)
    summary.counts = {name: int(given["counts"][name]) for name in summary.counts}
    summary.sums = {name: int(given["sums"][name], 16) for name in summary.sums}
    summary.cells = {name: unpack(given["cells"][name], like=like) for name, like in summary.cells.items()}
    summary.extremes = np.array([_float(v) for v in given["extremes"]]).reshape(summary.extremes.shape)
    summary.tables = {name: _table(table, given["tables"][name]) for name, table in summary.tables.items()}
    return summary


def _table(like: Table, given: Json) -> Table:
    limit = min(int(given["limit"]), like.limit)
    columns = {
        name: unpack(given["columns"][name], like=column, rows=limit) for name, column in like.columns.items()
    }
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("columns of unequal length")
    return replace(like, columns=columns, limit=limit)


def merged(a: Report, b: Report, /) -> Report:
    """Make one report of the rows of two, and ask the rules again.

    Parameters
    ----------
    a, b : Report
        Of one plan; how the kind was found out may differ. If both count their rows from the same place, those of
        b become a file of their own after those of a.

    Raises
    ------
    AuditError
        The plans differ.

    Examples
    --------
    >>> import numpy as np, xent
    >>> a = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4), kind="logits", name="a")
    >>> merged(a, a).numbers.rows, merged(a, a).name
    (16, 'a + a')
    """
    second, plan = b.summary, a.summary.plan
    why = {"because": plan.because, "declared": plan.declared}
    if second.plan != plan and replace(second.plan, **why) == plan:
        second = replace(second, plan=plan)
    first = a.summary.tables["opening"]["position"]
    if np.intersect1d(first, second.tables["opening"]["position"]).size:
        second = _moved(second, (_last(a.summary) // FILE + 1) * FILE)
    name = " + ".join(filter(None, (a.name, b.name)))
    reported = a.reported if a.reported == b.reported else None
    return report_of(a.summary + second, name=name, reported=reported)


def _last(summary: Summary) -> int:
    """Position of the last row."""
    closing = summary.tables["closing"]["last"]
    return int(-closing.min()) if len(closing) else 0


def _moved(summary: Summary, by: int) -> Summary:
    """Count the rows from another place."""

    def column(name: str, values: NDArray[Any]) -> NDArray[Any]:
        return values + by if name == "position" else values - by if name == "last" else values

    summary.settle()
    tables = {
        name: replace(table, columns={key: column(key, values) for key, values in table.columns.items()})
        for name, table in summary.tables.items()
    }
    return replace(summary, tables=tables, _room=[], _waiting={})
