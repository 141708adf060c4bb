"""A report as plain text, and what `xent explain` prints."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable

from xent.auditor.finding import FAMILIES, RULES, Finding
from xent.auditor.plan import AuditError
from xent.auditor.render import links
from xent.auditor.render.words import (
    SEVERITY,
    SURE,
    class_name,
    cost,
    is_new,
    kind_note,
    lines,
    place,
    sample_note,
    show,
    silenced_note,
    sure,
)
from xent.auditor.report import Report

WIDTH = 96
WORST = 5
COLOURS = {"error": "1;31", "warn": "1;33", "info": "1;36", "head": "1"}


def render_text(report: Report, *, color: bool = False, new: frozenset[str] | None = None) -> str:
    """Write a report as text: the verdict, the findings, the numbers, the rows that cost most.

    Parameters
    ----------
    report : Report
    color : bool
        Whether to colour for a terminal.
    new : frozenset of str, optional
        Codes that are not in the baseline; None: there is no baseline.

    Examples
    --------
    >>> import numpy as np, xent
    >>> print(render_text(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4)))[:51])
    Nothing is wrong that this audit looks for: 8 rows,
    """
    out = [*_wrapped(report.verdict, ""), ""]
    if color:
        out[0] = _paint(out[0], report.worst() or "head")
    if report.name:
        out.insert(0, f"Audit of {report.name}")
    for finding in report.findings:
        out += [*_finding(finding, report, color, is_new(finding, new)), ""]
    if report.findings:
        out += [f"To follow the links, start the explorer: {links.COMMAND}", ""]
    out += _numbers(report, color)
    out += _worst(report, color)
    notes = [*silenced_note(report), kind_note(report), sample_note(report)]
    for note in filter(None, notes):
        out += _wrapped(note, "")
    return "\n".join(out).rstrip() + "\n"


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    """Wrap a paragraph; lines that are indented or fenced are code and stay as they are."""
    out: list[str] = []
    for line in text.strip().split("\n"):
        lead = indent if out or first is None else first
        if line.startswith((" ", "\t", ">>>", "```")):
            out.append(lead + line)
        else:
            out += textwrap.wrap(
                line, WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False,
                break_on_hyphens=False,
            ) or [""]  # fmt: skip
    return out


def _finding(finding: Finding, report: Report, color: bool, new: bool | None) -> list[str]:
    said, rule = finding.evidence, finding.rule
    mark = "" if new is None else "  (new)" if new else "  (in the baseline)"
    head = f"{finding.code} {SEVERITY[finding.severity]}"
    out = [f"{_paint(head, finding.severity) if color else head}: {rule.title}{mark}"]
    out += _wrapped(said.text, "  ")
    for name, text in (
        ("cost", cost(finding)),
        ("fix", said.fix),
        ("sure", sure(finding)),
        ("rows", "; ".join(place(report.summary.plan, i) for i in said.rows[:8])),
    ):
        if text:
            out += _wrapped(text, "         ", f"  {name + ':':<7}")
    if address := links.finding(finding):
        out.append(f"  {'see:':<7}{address}")  # never wrapped: it is to be clicked
    return out


def _numbers(report: Report, color: bool) -> list[str]:
    groups = {name: group for name, group in lines(report).items() if group}
    every = [line for group in groups.values() for line in group]
    name, value = max(len(line.name) for line in every), max(len(line.value) for line in every)
    unit = max(len(line.unit) for line in every)
    out: list[str] = []
    for title, group in groups.items():
        out.append(_paint(title, "head") if color else title)
        for line in group:
            row = f"  {line.name:<{name}}  {line.value:<{value}}  {line.unit:<{unit}}  {line.note}"
            out.append(row.rstrip())
        out.append("")
    return out


def _worst(report: Report, color: bool) -> list[str]:
    plan, costly = report.summary.plan, report.numbers.costly[:WORST]
    if not costly:
        return []
    cells = [
        (place(plan, c.position), class_name(plan, c.label), class_name(plan, c.predicted), show(c.loss, 4))
        for c in costly
    ]
    title = "Rows that cost most"
    return [
        _paint(title, "head") if color else title,
        *columns([("row", "label", "predicted", "nats"), *cells], "  "),
        "",
    ]


def columns(rows: Iterable[tuple[str, ...]], indent: str = "") -> list[str]:
    """Lay texts out in aligned columns: the first to the left, the others to the right.

    Examples
    --------
    >>> columns([("row", "nats"), ("12", "0.5")])
    ['row  nats', '12    0.5']
    """
    table = list(rows)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    out: list[str] = []
    for first, *rest in table:
        cells = [f"{first:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(rest, widths[1:], strict=True))]
        out.append(indent + "  ".join(cells))
    return out


def explain(code: str) -> str:
    """Say what a rule means, how it is found, and what it explains.

    Parameters
    ----------
    code : str
        "XE101"; small letters do too.

    Raises
    ------
    AuditError
        There is no such rule; the nearest are named.

    Examples
    --------
    >>> explain("XE000")
    Traceback (most recent call last):
        ...
    xent.auditor.plan.AuditError: There is no rule 'XE000'; ...
    """
    from xent.auditor import checks as _  # fills RULES  # noqa: F401

    rule = RULES.get(code.strip().upper())
    if rule is None:
        near = difflib.get_close_matches(code.strip().upper(), RULES, n=3, cutoff=0.6)
        hint = f"the nearest are {', '.join(near)}" if near else "xent explain without a code lists them all"
        raise AuditError(f"There is no rule {code!r}; {hint}.")
    out = [f"{rule.code} {SEVERITY[rule.severity]}: {rule.title}", "", *_paragraphs(rule.text), ""]
    out.append(f"Sure:     {SURE[rule.sure]}.")
    if rule.silences:
        out.append(f"Explains: {', '.join(_span(s) for s in rule.silences)}, which are then not asked.")
    if address := links.experiment(rule.experiment):
        out.append(f"See:      {address} ({links.COMMAND})")
    return "\n".join(out).replace("\n\n\n", "\n\n") + "\n"


def _span(code: str) -> str:
    return code if code in RULES else f"{code}…"


def _paragraphs(text: str) -> list[str]:
    """Fill paragraphs to the width; indented ones and lists stay."""
    out: list[str] = []
    for block in text.split("\n\n"):
        kept = any(line.startswith((" ", "- ", "* ", ">>>")) for line in block.split("\n"))
        out += [*(block.split("\n") if kept else _wrapped(" ".join(block.split("\n")), "")), ""]
    return out[:-1]


def catalogue() -> str:
    r"""List all rules, a line each, in the order in which they are asked.

    Examples
    --------
    >>> catalogue().endswith("xent explain CODE says more about one.\n")
    True
    """
    from xent.auditor import checks as _  # fills RULES  # noqa: F401

    out: list[str] = []
    for family in FAMILIES:
        some = sorted((r for r in RULES.values() if r.family == family), key=lambda r: r.code)
        if some:
            out += [family.capitalize(), *(f"  {r.code}  {SEVERITY[r.severity]:<7}  {r.title}" for r in some), ""]
    out.append(f"{len(RULES)} rules; xent explain CODE says more about one.")
    return "\n".join(out) + "\n"
