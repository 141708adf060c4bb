"""A report as Markdown: for a pull request, a step summary or a note."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from xent.auditor.render import links
from xent.auditor.render.words import (
    SEVERITY,
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

WORST = 10


def escape(text: str) -> str:
    r"""Write text so that Markdown shows it as it is; what stands between backticks stays code.

    Examples
    --------
    >>> escape("a < b, *c* | `x * y`")
    'a &lt; b, \\*c\\* \\| `x * y`'
    """
    parts = re.split(r"(`[^`\n]*`)", text)
    return "".join(
        part if i % 2 else re.sub(r"([\\*_|#\[\]])", r"\\\1", part.replace("&", "&amp;").replace("<", "&lt;"))
        for i, part in enumerate(parts)
    )


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table whose first column is text and whose others are numbers.

    Examples
    --------
    >>> grid(["row", "nats"], [["1", "0.5"]])
    ['| row | nats |', '| :-- | --: |', '| 1 | 0.5 |']
    """
    rule = [":--", *("--:" for _ in head[1:])]
    return [
        f"| {' | '.join(cells)} |"
        for cells in (head, rule, *([escape(c).replace("\n", " ") for c in row] for row in rows))
    ]


def render_markdown(report: Report, *, new: frozenset[str] | None = None) -> str:
    r"""Write a report as Markdown.

    Parameters
    ----------
    report : Report
    new : frozenset of str, optional
        Codes that are not in the baseline; None: there is no baseline.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4), name="a.npz")
    >>> render_markdown(report).split("\n")[0]
    '## Audit of a.npz'
    """
    plan, n = report.summary.plan, report.numbers
    out = [
        f"## Audit{' of ' + escape(report.name) if report.name else ''}",
        "",
        f"**{escape(report.verdict)}**",
        "",
    ]
    for finding in report.findings:
        said, mark = finding.evidence, is_new(finding, new)
        known = "" if mark is None else " (new)" if mark else " (in the baseline)"
        out += [f"### {finding.code} {SEVERITY[finding.severity]}: {escape(finding.rule.title)}{known}", ""]
        out += [escape(said.text), ""]
        address = links.finding(finding)
        for name, text in (
            ("Cost", cost(finding)),
            ("Fix", escape(said.fix)),
            ("Sure", sure(finding)),
            ("Rows", "; ".join(place(plan, i) for i in said.rows[:8])),
            ("See", f"[the explorer]({address}), after `{links.COMMAND}`" if address else ""),
        ):
            if text:
                item = text.replace("\n", "\n  ")
                out.append(f"- **{name}**: {item}")
        out.append("")
    out += ["### Numbers", ""]
    out += ["| number | value | |", "| :-- | --: | :-- |"]
    for group in lines(report).values():
        for line in group:
            value = f"{line.value} {line.unit}".strip()
            out.append(f"| {escape(line.name)} | {escape(value)} | {escape(line.note)} |")
    if n.costly:
        out += ["", "<details><summary>Rows that cost most</summary>", ""]
        out += grid(
            ["row", "label", "predicted", "nats"],
            (
                [place(plan, c.position), class_name(plan, c.label), class_name(plan, c.predicted), show(c.loss)]
                for c in n.costly[:WORST]
            ),
        )
        out += ["", "</details>"]
    notes = [*silenced_note(report), kind_note(report), sample_note(report)]
    out += ["", *(f"{escape(note)}  " for note in notes if note)]
    return "\n".join(out).rstrip() + "\n"
