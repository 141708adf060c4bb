"""Two reports side by side: two checkpoints, before and after, training and validation."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from xent.auditor.finding import Finding
from xent.auditor.numbers import Numbers
from xent.auditor.plan import AuditError
from xent.auditor.render.markdown import escape, grid
from xent.auditor.render.text import WIDTH, columns
from xent.auditor.render.words import SEVERITY, percent, show
from xent.auditor.report import Report


@dataclass(frozen=True)
class Row:
    """A number of both reports: how it is got, and how it is written.

    Examples
    --------
    >>> Row("loss (nats)", lambda n: n.loss, show).name
    'loss (nats)'
    """

    name: str
    of: Callable[[Numbers], float]
    write: Callable[[float], str]


def _temperature(n: Numbers) -> float:
    return n.temperature.value if n.temperature and n.temperature.at_bound is None else math.nan


ROWS = (
    Row("rows", lambda n: n.rows, show),
    Row("loss (nats)", lambda n: n.loss, show),
    Row("± its standard error", lambda n: n.loss_error, lambda v: show(v, 2)),
    Row("accuracy", lambda n: n.accuracy, percent),
    Row("mean confidence", lambda n: n.confidence, percent),
    Row("Brier score", lambda n: n.brier, show),
    Row("D²", lambda n: n.explained, show),
    Row("ECE", lambda n: n.ece, show),
    Row("ECE if calibrated", lambda n: n.ece_null, show),
    Row("smooth ECE", lambda n: n.smooth_ece, show),
    Row("temperature", _temperature, show),
    Row("refinement (nats)", lambda n: n.temperature.loss if n.temperature else math.nan, show),
    Row("calibration (nats)", lambda n: n.temperature.saved if n.temperature else math.nan, show),
)


def compare(a: Report, b: Report, /, format: str = "text") -> str:  # noqa: A002 - as the option is called
    """Show two reports side by side: their numbers, the findings that went, came and stayed, and what that means.

    Parameters
    ----------
    a, b : Report
        Before and after; of any plans.
    format : {"text", "markdown"}

    Raises
    ------
    AuditError
        There is no such format.

    Examples
    --------
    >>> import numpy as np, xent
    >>> z, y = np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.0]] * 9), np.array([0, 1, 1, 0] * 9)
    >>> text = compare(xent.audit(z, y, kind="logits", name="a"), xent.audit(2 * z, y, kind="logits", name="b"))
    >>> print(text[:48])
    a → b: the loss rises by 0.1051 to 0.6424 nats a
    """
    if format not in ("text", "markdown"):
        raise AuditError(f"Two reports are compared as text or markdown; {format!r} came.")
    cells = [
        [
            row.name,
            row.write(row.of(a.numbers)),
            row.write(row.of(b.numbers)),
            _difference(row, a.numbers, b.numbers),
        ]
        for row in ROWS
    ]
    head = ["", "a", "b", "b − a"]
    names = f"{a.name or 'a'} → {b.name or 'b'}"
    verdict = f"{names}: {_headline(a.numbers, b.numbers)}"
    meaning = means(a, b)
    changes = _findings(a, b)
    if format == "markdown":
        out = ["## " + escape(names), "", f"**{escape(_headline(a.numbers, b.numbers).capitalize())}**", ""]
        out += [*(escape(m) + "\n" for m in meaning), *(f"- {escape(c)}" for c in changes), "", *grid(head, cells)]
        return "\n".join(out) + "\n"
    out = textwrap.wrap(verdict, WIDTH, break_long_words=False, break_on_hyphens=False)
    for paragraph in meaning:
        out += ["", *textwrap.wrap(paragraph, WIDTH)]
    out += ["", "Findings", *(f"  {c}" for c in changes), "", "Numbers"]
    out += columns([tuple(row) for row in (head, *cells)], "  ")
    return "\n".join(line.rstrip() for line in out) + "\n"


def _difference(row: Row, a: Numbers, b: Numbers) -> str:
    x, y = row.of(a), row.of(b)
    if not (math.isfinite(x) and math.isfinite(y)):
        return "–"
    if row.name.startswith("±"):
        return ""
    change = y - x
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return sign + row.write(abs(change))


def _headline(a: Numbers, b: Numbers) -> str:
    if not (math.isfinite(a.loss) and math.isfinite(b.loss)):
        return f"the loss was {show(a.loss)} and is {show(b.loss)} nats a row."
    change = b.loss - a.loss
    doubt = math.hypot(a.loss_error, b.loss_error)
    if change == 0:
        return f"the loss is the same, {show(b.loss)} nats a row."
    how = "rises" if change > 0 else "falls"
    within = "" if math.isnan(doubt) or abs(change) > 2 * doubt else (
        f" On different rows that would be within chance (± {show(doubt, 2)}); on the same rows it need not be."
    )  # fmt: skip
    return f"the loss {how} by {show(abs(change))} to {show(b.loss)} nats a row.{within}"


def means(a: Report, b: Report, /) -> list[str]:
    """Say what the changes of loss, accuracy and temperature mean together (XE509), in sentences.

    The loss is refinement, which stays at the best temperature, and calibration. Accuracy that rises while the loss
    does and the temperature rises beyond its error is growing over-confidence, not worse ranking.

    Examples
    --------
    >>> import numpy as np, xent
    >>> z, y = np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.0]] * 99), np.array([0, 1, 1, 0] * 99)
    >>> better = np.where(np.arange(396)[:, None] < 4, z[:, ::-1] * 0 + np.eye(2)[y], z)  # four rows more are right
    >>> a, b = xent.audit(z, y, kind="logits"), xent.audit(4 * better, y, kind="logits")
    >>> means(a, b)[0][:62]
    'XE509: the model is more often right and its loss is higher, b'
    """
    x, y = a.numbers, b.numbers
    s, t = x.temperature, y.temperature
    if s is None or t is None or s.at_bound or t.at_bound or not (math.isfinite(x.loss) and math.isfinite(y.loss)):
        return []
    rise, doubt = math.log(t.value / s.value), math.hypot(s.error, t.error)
    refinement = t.loss - s.loss
    split = (
        f"At the fitted temperatures the losses are {show(s.loss)} and {show(t.loss)}; what a temperature could "
        f"save went from {show(s.saved)} to {show(t.saved)} nats a row."
    )
    if y.accuracy > x.accuracy and y.loss > x.loss and rise > 2 * doubt:
        only = "over-confidence, not worse ranking"
        if refinement > 0:
            only = (
                "over-confidence first" if t.saved - s.saved > refinement else "worse ranking and over-confidence"
            )
        return [
            "XE509: the model is more often right and its loss is higher, because it is surer: the best "
            f"temperature rose from {show(s.value)} to {show(t.value)}. That is {only}: divide the logits by that "
            f"temperature, or stop training earlier. {split}"
        ]
    if y.loss > x.loss and refinement > 0 and y.accuracy <= x.accuracy:
        return [f"The ranking is worse: even at the best temperature the loss rises. {split}"]
    return []


def _findings(a: Report, b: Report) -> list[str]:
    before, after = {f.code: f for f in a.findings}, {f.code: f for f in b.findings}

    def told(f: Finding) -> str:
        return f"{f.code} {SEVERITY[f.severity]}: {f.rule.title}"

    out = [f"gone  {told(f)}" for code, f in before.items() if code not in after]
    out += [f"new   {told(f)}" for code, f in after.items() if code not in before]
    out += [f"both  {told(f)}" for code, f in after.items() if code in before]
    return out or ["none in either"]
