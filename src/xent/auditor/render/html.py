"""A report as one file of HTML that needs nothing else, and as the inside of a notebook's cell.

No script, no font and no picture is loaded; the figures are SVG, each with its numbers in a table behind it. What
stands in the page are sums over rows; of single rows there are places, labels, predictions and losses, and the
links to the explorer hold the scores of those that cost most.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files

from xent.auditor.finding import Finding
from xent.auditor.render import classes, links
from xent.auditor.render.figures import Figure, figures
from xent.auditor.render.words import (
    SEVERITY,
    Line,
    class_name,
    cost,
    is_new,
    kind_note,
    lines,
    percent,
    place,
    sample_note,
    show,
    silenced_note,
    sure,
)
from xent.auditor.report import Report

WORST = 20
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
SHAPES = {
    "error": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="ink" d="M5.5 5.5l5 5m0-5l-5 5"/>',
    "warn": '<path d="M8 1l7.5 14H.5z"/><path class="ink" d="M8 6v4.2m0 1.6v1.2"/>',
    "info": '<circle cx="8" cy="8" r="7"/><path class="ink" d="M8 7v5M8 4v1.4"/>',
    "none": '<circle cx="8" cy="8" r="7"/><path class="ink" d="M4.5 8.2l2.5 2.6 4.6-5"/>',
}


def render_html(report: Report, *, new: frozenset[str] | None = None, rows: bool = False) -> str:
    """Write a report as one page.

    Parameters
    ----------
    report : Report
    new : frozenset of str, optional
        Codes that are not in the baseline; None: there is no baseline.
    rows : bool
        Whether the costliest rows are links into the explorer, which hold their scores.

    Examples
    --------
    >>> import numpy as np, xent
    >>> page = render_html(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4)))
    >>> page[:15], page.count("<h1"), len(page) < 100_000
    ('<!doctype html>', 1, True)
    """
    title = escape(f"{report.name or 'Predictions'}: audit")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_style()}</style></head>'
        f'<body class="xent-page"><main class="xent-report">{_content(report, new, 1, rows)}</main></body></html>\n'
    )


def fragment(report: Report) -> str:
    """Give what a notebook shows: the same, as the inside of a cell.

    Examples
    --------
    >>> import numpy as np, xent
    >>> fragment(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4)))[:7]
    '<style>'
    """
    return f'<style>{_style()}</style><div class="xent-report cell">{_content(report, None, 3, False)}</div>'


@cache
def _style() -> str:
    return files("xent.auditor.render").joinpath("page.css").read_text("utf-8")


def _content(report: Report, new: frozenset[str] | None, top: int, rows: bool) -> str:
    """Give everything, with the first heading of rank ``top``."""
    worst = report.worst() or "none"
    grave = worst if worst != "info" else "none"
    verdict, counted, rest = report.verdict.partition(f"{report.numbers.rows:,} rows")
    verdict, size = verdict.rstrip(" :.") + ".", counted + rest
    parts = [
        f'<header class="{grave}">',
        f'<p class="name">{escape(report.name) if report.name else "Audit of predictions"}</p>',
        f"<h{top}>{_shape(grave)}<span>{escape(verdict)}</span></h{top}>",
        f'<p class="size">{escape(size)}</p>',
        "</header>",
    ]
    if report.findings:
        parts.append(
            _section("Findings", top + 1, "".join(_finding(f, report, new, top + 2, rows) for f in report.findings))
        )
        if any(links.finding(f) for f in report.findings):
            parts.append(
                f'<p class="note">Links open the explorer; start it with <code>{links.COMMAND}</code>.</p>'
            )
    if notes := silenced_note(report):
        parts.append("".join(f'<p class="note">{escape(note)}</p>' for note in notes))
    parts.append(_section("Numbers", top + 1, _strip(report) + _numbers(report)))
    drawn = [*figures(report)]
    matrix = classes.confusion(report)
    if drawn:
        parts.append(
            _section("Calibration and loss", top + 1, f'<div class="figures">{"".join(map(_figure, drawn))}</div>')
        )
    parts.append(_section("Classes", top + 1, classes.class_table(report) + _confused(report, matrix)))
    if report.numbers.costly:
        parts.append(_section("Rows that cost most", top + 1, _costly(report, rows)))
    about = [note for note in (kind_note(report), sample_note(report)) if note]
    parts.append(f"<footer>{''.join(f'<p>{escape(note)}</p>' for note in about)}</footer>")
    return "".join(parts).replace(" %", "\u00a0%")


def _section(title: str, rank: int, inside: str) -> str:
    return f"<section><h{rank}>{escape(title)}</h{rank}>{inside}</section>"


def _shape(severity: str) -> str:
    return f'<svg class="shape {severity}" aria-hidden="true" viewBox="0 0 16 16">{SHAPES[severity]}</svg>'


def _finding(finding: Finding, report: Report, new: frozenset[str] | None, rank: int, linked: bool) -> str:
    said, mark = finding.evidence, is_new(finding, new)
    badge = "" if mark is None else f' <span class="mark">{"new" if mark else "in the baseline"}</span>'
    items = [
        ("Cost", escape(cost(finding))),
        ("Fix", _prose(said.fix)),
        ("How sure", escape(sure(finding).capitalize() + ".")),
        ("Rows", escape("; ".join(place(report.summary.plan, i) for i in said.rows[:12]))),
    ]
    if address := links.finding(finding, report if linked else None):
        items.append(("See", f'<a href="{escape(address)}">{escape(finding.code)} in the explorer</a>'))
    return (
        f'<article class="finding {finding.severity}"><h{rank}>{_shape(finding.severity)}'
        f'<span><span class="severity">{SEVERITY[finding.severity]}</span> '
        f'<span class="code">{finding.code}</span> '
        f"{escape(finding.rule.title)}{badge}</span></h{rank}>{_prose(said.text, 'evidence')}"
        f"<dl>{''.join(f'<dt>{name}</dt><dd>{text}</dd>' for name, text in items if text)}</dl></article>"
    )


def _prose(text: str, kind: str = "") -> str:
    """Give paragraphs, with indented or fenced lines as code and backticks as code within a line."""
    out: list[str] = []
    code: list[str] = []
    fenced = False

    def flush() -> None:
        if code:
            out.append(f'<pre tabindex="0"><code>{escape(textwrap.dedent(chr(10).join(code)))}</code></pre>')
            code.clear()

    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith(("    ", "\t", ">>>")):
            code.append(line)
        elif line.strip():
            flush()
            pieces = line.strip().split("`")
            if len(pieces) % 2 == 0:  # a backtick without its partner
                pieces = [line.strip()]
            words = "".join(f"<code>{escape(p)}</code>" if i % 2 else escape(p) for i, p in enumerate(pieces))
            out.append(f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{words}</p>")
    flush()
    return "".join(out)


def _strip(report: Report) -> str:
    """Give the four numbers that are asked for first."""
    n = report.numbers
    t = n.temperature
    tiles = [
        ("loss", show(n.loss), "nats a row"),
        ("accuracy", percent(n.accuracy), f"of {n.rows:,} rows"),
        ("ECE", show(n.ece, 3), f"{show(n.ece_null, 3)} if calibrated"),
        (
            "temperature",
            "–" if t is None or t.at_bound else show(t.value, 3),
            "none fits" if t is None or t.at_bound else f"would save {show(t.saved, 3)} nats",
        ),
    ]
    cells = "".join(
        f'<div><dt>{escape(a)}</dt><dd><b>{escape(b)}</b> <span class="unit">{escape(c)}</span></dd></div>'
        for a, b, c in tiles
    )
    return f'<dl class="strip">{cells}</dl>'


def _numbers(report: Report) -> str:
    groups = {name: group for name, group in lines(report).items() if group}
    return f'<div class="groups">{"".join(_group(name, group) for name, group in groups.items())}</div>'


def _group(name: str, group: Sequence[Line]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(line.name)}</th>'
        f"<td>{escape(line.value)}{f' <span class=unit>{escape(line.unit)}</span>' if line.unit else ''}"
        f"{f'<span class=why>{escape(line.note)}</span>' if line.note else ''}</td></tr>"
        for line in group
    )
    return f'<table class="numbers"><caption>{escape(name)}</caption><tbody>{rows}</tbody></table>'


def _figure(figure: Figure) -> str:
    table = _table(f"{figure.title}: the numbers", figure.head, ([escape(c) for c in row] for row in figure.rows))
    return (
        f'<figure><figcaption><b>{escape(figure.title)}</b> {escape(figure.caption)}</figcaption>{figure.drawing}'
        f"<details><summary>{escape(figure.title)} as a table</summary>{table}</details></figure>"
    )  # fmt: skip


def _table(
    caption: str, head: Iterable[str], rows: Iterable[Sequence[str]], *, label: str = "", narrow: bool = False
) -> str:
    """Give a table that scrolls sideways within the page; its cells are HTML, its first column names the rows."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    named = f'role="region" aria-label="{escape(label or caption)}"'
    return (
        f'<div class="scroll{" narrow" * narrow}" tabindex="0" {named}>'
        f"<table><caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _confused(report: Report, matrix: Figure | None) -> str:
    said, top = classes.pairs(report)
    table = _table(
        f"{said}Pairs of classes that are confused most.",
        ("label", "taken for", "rows", "of the label’s rows"),
        ([escape(c) for c in row] for row in top),
        label="Pairs of classes that are confused most",
    )
    return f'<div class="figures two">{_figure(matrix) if matrix else ""}{table if top else ""}</div>'


def _costly(report: Report, linked: bool) -> str:
    plan, found = report.summary.plan, links.rows(report) if linked else {}
    rows: list[list[str]] = []
    for c in report.numbers.costly[:WORST]:
        where = escape(place(plan, c.position))
        address = found.get(c.position)
        rows.append(
            [
                f'<a href="{escape(address)}" aria-label="{where} in the explorer">{where}</a>'
                if address
                else where,
                escape(class_name(plan, c.label)),
                escape(class_name(plan, c.predicted)),
                show(c.loss),
            ]
        )
    more = f" Links open a row in the explorer ({links.COMMAND})." if found else ""
    return _table(
        f"The {len(rows)} rows with the largest loss.{more}",
        ("row", "label", "predicted", "nats"),
        rows,
        label="Rows with the largest loss",
        narrow=True,
    )
