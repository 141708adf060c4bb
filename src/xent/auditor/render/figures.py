# pyright: basic
"""The figures of the page: calibration, confidence, losses and temperature, each with the numbers behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import xent
from xent.auditor import curves
from xent.auditor.numbers import edge, finite, sampled
from xent.auditor.render import svg
from xent.auditor.render.words import percent, show
from xent.auditor.report import Report
from xent.kernels import tally as kernel

TEMPERATURES = 33
BARS = 36  # at most so many bars a histogram, about


@dataclass(frozen=True)
class Figure:
    """A drawing, what it says, and the table behind it; the table's first column names its rows.

    Examples
    --------
    >>> Figure("Loss", "Rows by loss.", "<svg></svg>", ("loss", "rows"), (("1", "20"),)).title
    'Loss'
    """

    title: str
    caption: str
    drawing: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def figures(report: Report) -> list[Figure]:
    """Give the figures that a report has data for.

    Examples
    --------
    >>> import numpy as np, xent
    >>> y = np.arange(90) % 3
    >>> report = xent.audit(np.random.default_rng(0).normal(size=(90, 3)) + np.eye(3)[y], y)
    >>> [figure.title for figure in figures(report)]
    ['Reliability', 'Confidence', 'Loss', 'Loss by temperature']
    """
    report.summary.settle()
    made = (reliability(report), confidence(report), losses(report), temperature(report))
    return [figure for figure in made if figure is not None]


def reliability(report: Report) -> Figure | None:
    """Draw how often the model is right against how sure it is.

    Dots are 15 bins of equal width; the band is where 99 % of the bins of a calibrated model would be; the line is
    isotonic, from cells of the odds, 16 an octave.
    """
    cells, n = report.summary.cells, report.numbers
    rows, hits = cells["bins"]
    some = np.flatnonzero(rows)
    if not len(some):
        return None
    p, v = report.summary.cell("bins_p")[some] / rows[some], report.summary.cell("bins_doubt")[some]
    right, spread = hits[some] / rows[some], 2.576 * np.sqrt(v) / rows[some]
    low, high = np.clip(p - spread, 0, 1), np.clip(p + spread, 0, 1)
    outside = int(((right < low - 1e-12) | (right > high + 1e-12)).sum())
    d = svg.Drawing(
        f"Reliability: share of rows that are right by confidence. {outside} of {len(some)} bins lie outside the "
        "band of a calibrated model.",
        svg.frame_x(0, 1),
        svg.frame_y(0, 1),
    )
    ticks = [(t, f"{t:g}") for t in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    d.axes(ticks, ticks, "confidence", "share right")
    if len(some) == 1:
        half = 0.02
        d.bar(p[0] - half, p[0] + half, low[0], high[0], "band")
    else:
        d.path([*zip(p, high, strict=True), *zip(p[::-1], low[::-1], strict=True)], "band", closed=True)
    d.path([(0, 0), (1, 1)], "ideal")
    d.path(_isotonic(report), "line")
    for a, b, count in zip(p, right, rows[some], strict=True):
        d.dot(
            a,
            b,
            2.5 + 4 * math.sqrt(count / n.rows),
            "dot",
            f"{count:,} rows: {percent(a)} sure, {percent(b)} right",
        )
    table = tuple(
        (f"{i / 15:.2f} to {(i + 1) / 15:.2f}", show(int(rows[i])), percent(a), percent(b),
         f"{percent(e)} to {percent(f)}")
        for i, a, b, e, f in zip(some, p, right, low, high, strict=True)
    )  # fmt: skip
    return Figure(
        "Reliability",
        f"How often the largest class is right, by its probability. Dots: {len(some)} bins, larger with more rows; "
        f"line: isotonic fit. Shaded: where 99 % of the bins of a calibrated model lie; {outside} lie outside.",
        str(d),
        ("confidence", "rows", "mean confidence", "right", "99 % if calibrated"),
        table,
    )


def _isotonic(report: Report) -> list[tuple[float, float]]:
    """Give the ends of the pools of the isotonic curve, from the cells of the odds."""
    rows, hits = report.summary.cells["odds"]
    some = np.flatnonzero(rows)[::-1]  # by rising confidence
    level = curves.isotonic(rows[some], hits[some])
    p = report.summary.cell("odds_p")[some] / rows[some]
    ends = np.ones(len(some), bool)
    ends[1:-1] = (level[1:-1] != level[:-2]) | (level[1:-1] != level[2:])
    return list(zip(p[ends].tolist(), level[ends].tolist(), strict=True))


CUTS: dict[int, tuple[int, ...]] = {16: tuple(range(17)), 4: (0, 3, 7, 11, 16), 2: (0, 7, 16), 1: (0, 16)}
"""Bars an octave, and the cells where they begin, so that the bars are nearly equal by logarithms."""


def _binned(low: int, high: int, columns: list[Any]) -> tuple[list[tuple[int, int]], list[Any]]:
    """Add neighbouring cells up to bars; give the bars' cells [a, b), and the columns' sums."""
    octaves = (high - low) / 16 + 1
    each = next((e for e in CUTS if octaves * e <= BARS), 1)
    every = max(1, math.ceil(octaves / BARS))  # octaves a bar, if there are so many
    starts = [16 * o + c for o in range(low // 16, high // 16 + 1, every) for c in CUTS[each][:-1]]
    ends = [*starts[1:], (low // 16 + (high // 16 - low // 16) // every * every + every) * 16]
    bars = [(a, b) for a, b in zip(starts, ends, strict=True) if b > low and a <= high]
    return bars, [np.array([column[a:b].sum() for a, b in bars]) for column in columns]


def confidence(report: Report) -> Figure | None:
    """Draw how many rows are how sure: the right ones upwards, the wrong ones downwards, by the odds."""
    rows, hits = report.summary.cells["odds"]
    some = np.flatnonzero(rows)
    if not len(some):
        return None
    wrong = rows - hits
    bars, (up, down) = _binned(int(some[0]), int(some[-1]), [hits, wrong])
    low, high = _tail(bars[0][0]), _tail(bars[-1][1])
    x = svg.logarithmic(high, low, svg.LEFT, svg.WIDTH - svg.RIGHT)  # small tails, which are sure, to the right
    most, worst = max(int(up.max()), 1), max(int(down.max()), 1)
    middle = svg.TOP + (svg.HEIGHT - svg.BOTTOM - svg.TOP) * 0.64
    d = svg.Drawing(
        f"Distribution of confidence. {int(hits.sum()):,} rows are right, {int(wrong.sum()):,} wrong.",
        x,
        _mirrored(most, worst, middle),
    )
    marks = [(1 - q) / q for q in (0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)] + [
        10.0**-e for e in (5, 6, 8, 10, 12)
    ]
    shown = [(t, f"{100 / (1 + t):.4g} %" if t > 5e-5 else f"1 − {power(t)}") for t in marks if low <= t <= high]
    xs, last = [], -1e9
    for c, words in shown:  # ascending confidence is ascending x
        if x(c) - last > 12 + 5.6 * len(words):
            xs.append((c, words))
            last = x(c)
    if len(xs) < 2:
        xs = [(t, f"{100 / (1 + t):.3g} %") for t in (high, math.sqrt(low * high), low)]
    d.axes(xs, [(most, show(most)), (0, "0"), (-worst, show(worst))], "confidence (scale of odds)", "rows")
    table: list[tuple[str, ...]] = []
    for (a, b), right, bad in zip(bars, up, down, strict=True):
        between = f"{percent_near(b)} to {percent_near(a)}"
        a, b = _tail(a), _tail(b)
        d.bar(a, b, 0, right, "right", f"{between} sure: {right:,} right")
        d.bar(a, b, 0, -bad, "wrong", f"{between} sure: {bad:,} wrong")
        if right or bad:
            table.append((between, show(int(right)), show(int(bad))))
    d.rule(y=0, kind="axis")
    d.text(svg.LEFT + 6, svg.TOP + 10, f"right: {percent(hits.sum() / rows.sum())}", kind="key")
    d.text(svg.WIDTH - svg.RIGHT, svg.HEIGHT - svg.BOTTOM - 6, f"wrong: {percent(wrong.sum() / rows.sum())}",
           anchor="end", kind="key")  # fmt: skip
    return Figure(
        "Confidence",
        "Rows by the probability of their largest class: upwards those that are right, downwards those that are "
        "wrong, each side on its own scale.",
        str(d),
        ("confidence", "right", "wrong"),
        tuple(table),
    )


def _mirrored(most: float, worst: float, middle: float) -> svg.Scale:
    """Give a scale that goes up to ``most`` and down to ``worst``, with room for words above and below."""
    up, down = middle - svg.TOP - 16, svg.HEIGHT - svg.BOTTOM - middle - 16
    return lambda v: middle - v / most * up if v >= 0 else middle - v / worst * down


def _tail(cell: int) -> float:
    """Odds of all the other classes at the edge of a cell."""
    return edge(cell, kernel.ODDS)


def percent_near(cell: int) -> str:
    """Write the confidence at the edge of a cell of the odds.

    Examples
    --------
    >>> percent_near(46 * 16), percent_near(0)
    ('50 %', '100 % − 1.4e-12 %')
    """
    tail = _tail(cell)
    away = tail / (1 + tail)
    return f"{(1 - away) * 100:.4g} %" if away >= 1e-4 else f"100 % − {away * 100:.1e} %"


def losses(report: Report) -> Figure | None:
    """Draw how many rows cost how much, and what share of the whole loss that is."""
    cells = report.summary.cells["losses"]
    if not cells.any():
        return None
    paid = report.summary.cell("loss_sums")
    some, whole = np.flatnonzero(cells), float(paid.sum()) or 1.0
    low = max(int(some[0]), (40 - 27) * 16)  # what is less than 2⁻²⁷ is put into the first bar
    count, cost = cells.astype(float), paid / whole
    count[low] += count[:low].sum()
    count[:low] = 0
    bars, (up, down) = _binned(low, max(int(some[-1]), low), [count, cost])
    edges = [_edge(a) for a, _ in bars] + [_edge(bars[-1][1])]
    x = svg.frame_x(edges[0], edges[-1], log=True)
    most, worst = max(float(up.max()), 1.0), max(float(down.max()), 1e-9)
    middle = svg.TOP + (svg.HEIGHT - svg.BOTTOM - svg.TOP) * 0.5
    dear = int(np.searchsorted(np.cumsum(count[::-1]), 0.01 * count.sum())) + 1
    tail = float(cost[::-1][:dear].sum())
    d = svg.Drawing(
        f"Distribution of the loss on a logarithmic scale, and share of the whole loss. Median "
        f"{show(report.numbers.quantiles[0][1], 3)} nats.",
        x,
        _mirrored(most, worst, middle),
    )
    xs = [(t, power(t)) for t in svg.power_ticks(edges[0], edges[-1])]
    if len(xs) < 2:
        xs = [(t, f"{t:.3g}") for t in (edges[0], math.sqrt(edges[0] * edges[-1]), edges[-1])]
    d.axes(xs, [(most, show(int(most))), (0, "0"), (-worst, percent(round(worst, 3)))], "loss in nats", "")
    table: list[tuple[str, ...]] = []
    for (a, b), rows, share in zip(bars, up, down, strict=True):
        first = a == low and some[0] < low
        between = f"{'≤' if first else f'{_edge(a):.3g} to'} {_edge(b):.3g}"
        d.bar(_edge(a), _edge(b), 0, rows, "plain", f"{between} nats: {rows:,.0f} rows")
        d.bar(_edge(a), _edge(b), 0, -share, "cost", f"{between} nats: {percent(share)} of the loss")
        if rows:
            table.append((between, show(int(rows)), percent(share)))
    d.rule(y=0, kind="axis")
    d.text(svg.LEFT + 6, svg.TOP + 10, "rows", kind="key")
    d.text(svg.LEFT + 6, svg.HEIGHT - svg.BOTTOM - 6, "share of the loss", kind="key")
    return Figure(
        "Loss",
        f"Rows by their loss, and below what share of the whole loss they are. The dearest 1 % of the rows carry "
        f"about {percent(round(tail, 2))} of it.",
        str(d),
        ("loss in nats", "rows", "share of the loss"),
        tuple(table),
    )


def power(value: float) -> str:
    """Write a power of ten as a tick.

    Examples
    --------
    >>> power(0.01), power(1e-7), power(1000.0)
    ('0.01', '10⁻⁷', '1000')
    """
    exponent = round(math.log10(value))
    if -3 <= exponent <= 4:
        return f"{value:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _edge(c: int) -> float:
    """Where a cell of the losses begins."""
    return edge(c, kernel.FLOOR)


def temperature(report: Report) -> Figure | None:
    """Draw the loss of the sampled rows against the temperature that divides their logits."""
    fitted = report.numbers.temperature
    z, y, count = finite(sampled(report.summary))
    if fitted is None or len(z) == 0 or fitted.at_bound:
        return None
    best = fitted.value
    grid = np.geomspace(min(best, 1) / 2.5, max(best, 1) * 2.5, TEMPERATURES)
    grid = np.unique(np.concatenate([grid, [1.0, best]]))
    weight = count / count.sum()
    mean = np.array([weight @ np.asarray(xent.cross_entropy(z, y, temperature=t, reduction="none")) for t in grid])
    at = {float(t): float(m) for t, m in zip(grid, mean, strict=True)}
    # Losses far above that at 1 would flatten the valley; the line leaves the frame there.
    low, top = float(mean.min()), max(at[1.0], float(mean.min()) * 1.05 + 1e-9)
    high = min(float(mean.max()), low + max(3 * (top - low), 0.25 * low))
    pad = (high - low) * 0.08 or 0.01
    d = svg.Drawing(
        f"Loss against temperature: {show(at[1.0])} nats at 1, least at {show(best)}.",
        svg.frame_x(float(grid[0]), float(grid[-1]), log=True),
        svg.frame_y(low - pad, high + pad),
    )
    xs = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if grid[0] <= t <= grid[-1]]
    ys = [(t, f"{t:g}") for t in svg.round_ticks(low - pad, high + pad)]
    d.axes([(t, f"{t:g}") for t in xs], ys, "temperature T", "nats a row")
    inside = [(float(t), float(m)) for t, m in zip(grid, mean, strict=True) if m <= high + pad]
    d.rule(x=best, kind="rule")
    d.path(inside, "line")
    d.dot(1.0, at[1.0], 4.5, "dot", f"as it is: {show(at[1.0])} nats")
    d.dot(best, at[best], 4.5, "best", f"T = {show(best)}: {show(at[best])} nats")
    near = abs(d.x(1.0) - d.x(best)) < 40 and abs(d.y(at[1.0]) - d.y(at[best])) < 24
    left = d.x(best) > svg.WIDTH * 0.6
    spot = d.x(best) + (-8 if left else 8)
    d.text(spot, svg.TOP + 10, f"T = {show(best, 3)}", anchor="end" if left else "start", kind="key")
    if not near:
        side = best > 1  # where the curve is not
        d.text(d.x(1.0) + (-9 if side else 9), d.y(at[1.0]) + 12, "as it is", anchor="end" if side else "start",
               kind="key")  # fmt: skip
    said = f"of {int(count.sum()):,} rows" if int(count.sum()) < report.numbers.rows else "of all rows"
    return Figure(
        "Loss by temperature",
        f"Mean loss {said} with their logits divided by T. It is least at T = {show(best)}, which would save "
        f"{show(fitted.saved)} nats a row.",
        str(d),
        ("temperature", "nats a row"),
        tuple((f"{t:.4g}", show(float(m))) for t, m in zip(grid, mean, strict=True)),
    )
