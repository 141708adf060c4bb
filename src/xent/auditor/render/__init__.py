"""What the auditor shows: a report as text, JSON, a page, annotations of a workflow, or Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xent.auditor.plan import AuditError

if TYPE_CHECKING:
    from xent.auditor.report import Report

FORMATS = ("text", "json", "html", "github", "markdown")


def render(
    report: Report,
    format: str,  # noqa: A002 - as the option is called
    *,
    color: bool = False,
    new: frozenset[str] | None = None,
    rows: bool = False,
) -> str:
    """Write a report in one of the formats.

    Parameters
    ----------
    report : Report
    format : {"text", "json", "html", "github", "markdown"}
    color : bool
        Whether text is coloured for a terminal.
    new : frozenset of str, optional
        Codes that are not in the baseline, to be marked so; None: there is no baseline.
    rows : bool
        Whether a page's costliest rows are links into the explorer, which hold their scores.

    Raises
    ------
    AuditError
        There is no such format.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))
    >>> [len(render(report, format)) > 80 for format in FORMATS]
    [True, True, True, True, True]
    """
    if format == "text":
        from xent.auditor.render.text import render_text

        return render_text(report, color=color, new=new)
    if format == "json":
        from xent.auditor.render.json import to_json

        return to_json(report)
    if format == "html":
        from xent.auditor.render.html import render_html

        return render_html(report, new=new, rows=rows)
    if format == "github":
        from xent.auditor.render.github import render_github

        return render_github(report, new=new)
    if format == "markdown":
        from xent.auditor.render.markdown import render_markdown

        return render_markdown(report, new=new)
    raise AuditError(f"The formats are {', '.join(FORMATS)}; {format!r} came.")


__all__ = ["FORMATS", "render"]
