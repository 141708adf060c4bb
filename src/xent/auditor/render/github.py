"""A report as annotations of a GitHub workflow, and as the summary of its step."""

from __future__ import annotations

from xent.auditor.render.markdown import render_markdown
from xent.auditor.render.words import cost, is_new
from xent.auditor.report import Report

COMMAND = {"error": "error", "warn": "warning", "info": "notice"}


def render_github(report: Report, *, new: frozenset[str] | None = None) -> str:
    """Write one annotation a finding; with a baseline, what is in it becomes a notice. The verdict ends it.

    Parameters
    ----------
    report : Report
    new : frozenset of str, optional
        Codes that are not in the baseline; None: there is no baseline.

    Examples
    --------
    >>> import numpy as np, xent
    >>> print(render_github(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))), end="")
    Nothing is wrong that this audit looks for: 8 rows, 2 classes, 0.1809 nats a row.
    """
    out: list[str] = []
    for finding in report.findings:
        said, known = finding.evidence, is_new(finding, new) is False
        command = "notice" if known else COMMAND[finding.severity]
        title = f"{finding.code} {finding.rule.title}{' (in the baseline)' if known else ''}"
        what = [said.text]
        what += [f"Cost: {cost(finding)}."] if said.cost is not None else []
        what += [f"Fix: {said.fix}"] if said.fix else []
        message = "\n".join(what)
        out.append(f"::{command} title={escape_property(title)}::{escape_data(message)}")
    # A line that begins with :: would be a command: a verdict begins with a number or a word.
    return "\n".join([*out, escape_data(report.verdict)]) + "\n"


def escape_data(text: str) -> str:
    r"""Escape a message.

    Examples
    --------
    >>> escape_data("50 %\r\nof it")
    '50 %25%0D%0Aof it'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape the value of a property, in which colons and commas mean something too.

    Examples
    --------
    >>> escape_property("XE203: a, b")
    'XE203%3A a%2C b'
    """
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(report: Report, *, new: frozenset[str] | None = None) -> str:
    r"""Give the Markdown for the file that ``$GITHUB_STEP_SUMMARY`` names.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))
    >>> step_summary(report).split("\n")[2]
    '**Nothing is wrong that this audit looks for: 8 rows, 2 classes, 0.1809 nats a row.**'
    """
    return render_markdown(report, new=new)


__all__ = ["escape_data", "escape_property", "render_github", "step_summary"]
