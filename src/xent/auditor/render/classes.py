# pyright: basic
"""The classes on the page: a table with bars, the confusion matrix, the pairs that are confused most."""

from __future__ import annotations

import math
from html import escape

import numpy as np

from xent.auditor.numbers import finite, sampled
from xent.auditor.render import svg
from xent.auditor.render.figures import Figure
from xent.auditor.render.words import class_name, percent, show
from xent.auditor.report import Report

SHOWN = 20  # classes of the table and of the heat map
PAIRS = 12
LEAST = 5  # rows that a class needs to be among the worst, if there are such


def class_table(report: Report) -> str:
    """Give the table of the classes; beyond 20, of those that cost most a row.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.random.default_rng(0).normal(size=(90, 3)), np.arange(90) % 3)
    >>> class_table(report).count("<tr>")
    4
    """
    n, plan = report.numbers, report.summary.plan
    chosen = np.arange(n.classes)
    said = "All classes."
    if n.classes > SHOWN:
        enough = np.flatnonzero(n.labels >= LEAST)
        enough = enough if len(enough) else np.flatnonzero(n.labels > 0)
        chosen = enough[np.argsort(-n.class_loss[enough], kind="stable")][:SHOWN]
        few = f" with {LEAST} rows or more" if n.labels.max(initial=0) >= LEAST else ""
        said = f"The {len(chosen)} of {n.classes:,} classes{few} whose rows cost most."
    most = float(np.nanmax(np.append(n.class_loss[chosen], 0))) or 1.0
    gap = n.mean_p - n.labels / max(n.rows, 1)
    widest = float(np.nanmax(abs(np.append(gap[chosen], 0)))) or 1.0
    body: list[str] = []
    for k in chosen:
        count = int(n.labels[k])
        recall = n.hits[k] / count if count else math.nan
        loss, sign = float(n.class_loss[k]), "+" if gap[k] > 0 else "−" if gap[k] < 0 else ""
        body.append(
            f'<tr><th scope="row">{escape(class_name(plan, int(k)))}</th><td>{count:,}</td>'
            f"<td>{_bar(loss / most, 'cost')}{_value(show(loss, 3))}</td>"
            f"<td>{_bar(recall, 'right')}{_value(percent(round(recall, 3)) if count else '–')}</td>"
            f"<td>{_diverging(gap[k] / widest)}{_value(f'{sign}{abs(gap[k]) * 100:.2f}')}</td>"
            f"<td>{f'{n.bias[k]:+z.1f}'.replace('-', '−') if math.isfinite(n.bias[k]) else '–'}</td></tr>"
        )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("class", "rows", "nats a row", "recall", "mean p − share, points", "in deviations")
    )
    caption = (
        f"<caption><span>{said} Mean p − share is calibration-in-the-large: how much more of the probability the "
        "class gets than of the rows, in percentage points and in standard deviations.</span></caption>"
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Classes">'
        f'<table class="wide">{caption}<thead><tr>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _value(text: str) -> str:
    return f'<span class="v">{text}</span>'


def _bar(share: float, kind: str) -> str:
    width = 0.0 if not math.isfinite(share) else min(max(share, 0.0), 1.0) * 48
    shape = f'<rect class="{kind}" width="{svg.n(width)}" height="10"/>'
    return f'<svg class="bar" aria-hidden="true" viewBox="0 0 48 10">{shape}</svg>'


def _diverging(share: float) -> str:
    width = min(abs(share), 1.0) * 24 if math.isfinite(share) else 0.0
    left = 24 - width if share < 0 else 24.0
    return (
        f'<svg class="bar" aria-hidden="true" viewBox="0 0 48 10"><rect class="{"plain" if share < 0 else "cost"}" '
        f'x="{svg.n(left)}" width="{svg.n(width)}" height="10"/><path class="axis" d="M24 0v10"/></svg>'
    )


def confusion(report: Report) -> Figure | None:
    """Draw the confusion matrix of at most 20 classes: shares of each label's rows."""
    matrix, k = report.summary.cells["confusion"], report.numbers.classes
    if not 2 <= k <= SHOWN or not matrix.any():
        return None
    plan = report.summary.plan
    names = [class_name(plan, i) for i in range(k)]
    long = max(map(len, names))
    left = 28 + 7.2 * min(long, 14)
    size = (svg.WIDTH - left - 8) / k
    cell = min(size, 44.0)
    top, bottom = 8, 38 if long <= 3 else 30 + 7.2 * min(long, 14)
    height = top + cell * k + bottom
    d = svg.Drawing(
        f"Confusion matrix of {k} classes; {int(np.trace(matrix)):,} of {int(matrix.sum()):,} rows are on the "
        "diagonal.",
        lambda v: left + v * cell,
        lambda v: top + v * cell,
        height=height,
    )
    totals = matrix.sum(axis=1)
    for i in range(k):
        for j in range(k):
            count = int(matrix[i, j])
            share = count / totals[i] if totals[i] else 0.0
            kind = "hit" if i == j else "miss"
            # dark words on at most 55 % of the colour, light ones on at least 85 %: both are AA
            strength = (
                0.0 if not count else 0.12 + 0.86 * share**0.5 if share < 0.25 else 0.85 + 0.2 * (share - 0.25)
            )
            x, y = svg.n(d.x(j)), svg.n(d.y(i))
            tip = f"{names[i]} taken for {names[j]}: {count:,} rows, {percent(share)}"
            d.parts.append(
                f'<rect class="{kind}" x="{x}" y="{y}" width="{svg.n(cell - 1)}" height="{svg.n(cell - 1)}" '
                f'fill-opacity="{strength:.3f}"><title>{escape(tip)}</title></rect>'
            )
            words = f"{count:,}" if count < 100_000 else f"{share * 100:.0f}%"
            if count and cell >= 6.2 * len(words) + 3:
                d.text(d.x(j) + cell / 2 - 0.5, d.y(i) + cell / 2 + 4, words, anchor="middle",
                       kind="on" if strength > 0.6 else "")  # fmt: skip
        d.text(left - 5, d.y(i) + cell / 2 + 4, _short(names[i]), anchor="end")
        middle = d.x(i) + cell / 2
        if long <= 3:
            d.text(middle, d.y(k) + 14, names[i], anchor="middle")
        else:
            d.upright(middle + 4, d.y(k) + 6, _short(names[i]), anchor="end")
    d.text(left + cell * k / 2, height - 6, "predicted", anchor="middle", kind="name")
    d.upright(10, top + cell * k / 2, "label", anchor="middle", kind="name")
    return Figure(
        "Confusion",
        "Rows by label and prediction; the colour is the share of the label’s rows. The diagonal is right.",
        str(d),
        ("label", *names),
        tuple((names[i], *(show(int(c)) for c in matrix[i])) for i in range(k)),
    )


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


def pairs(report: Report) -> tuple[str, list[tuple[str, str, str, str]]]:
    """Give a sentence, and the pairs that are confused most: label, prediction, rows, share of the label's rows.

    Beyond 256 classes they are counted in the sampled rows, and one row is no pair.

    Examples
    --------
    >>> import numpy as np, xent
    >>> z = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 1.0]] * 4)
    >>> pairs(xent.audit(z, np.array([0, 1, 1] * 4)))[1]
    [('1', '0', '4', '50 %')]
    """
    summary = report.summary
    matrix, plan = summary.cells["confusion"], summary.plan
    if matrix.size:
        labels, predicted = np.nonzero(matrix)
        counts, totals, said = matrix[labels, predicted], matrix.sum(axis=1), ""
    else:
        z, y, count = finite(sampled(summary))
        k = np.int64(plan.classes)
        codes, places = np.unique(y * k + (z.argmax(axis=1) if len(z) else y), return_inverse=True)
        counts = np.bincount(places, count, len(codes)).astype(np.int64)
        labels, predicted = codes // k, codes % k
        totals = np.bincount(y, count, int(k)).astype(np.int64)
        said = f"Counted in {int(count.sum()):,} sampled rows. "
    off = np.flatnonzero((labels != predicted) & (counts > (1 if not matrix.size else 0)))
    off = off[np.argsort(-counts[off], kind="stable")][:PAIRS]
    return said, [
        (class_name(plan, int(labels[i])), class_name(plan, int(predicted[i])), show(int(counts[i])),
         percent(round(float(counts[i] / totals[labels[i]]), 3)))
        for i in off
    ]  # fmt: skip
