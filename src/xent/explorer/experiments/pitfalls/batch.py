"""A few rows: the wrong axis, shifted labels and the wrong reduction, beside the right ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from xent import spec
from xent.explorer.experiments.pitfalls.fields import Fields
from xent.explorer.figures import (
    axis,
    bars,
    button,
    choice,
    controls,
    curves,
    heatmap,
    line,
    log_axis,
    panel,
    prose,
    readout,
    rule,
    say,
    sheet,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.section import Sources
from xent.explorer.text import words
from xent.explorer.view import Bar, Cell, Item, Option, Panel, SheetRow

text = words("pitfalls")
MOST_ROWS, MOST_CLASSES, REACH = 8, 10, 1000.0
SIZES = ("4", "16", "64", "256", "1024")
RATE = 0.5
STEPS = 30


def _losses(s: Fields) -> list[float]:
    return [spec.loss(s.row(i), s.labels[i]) for i in range(s.n)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _name(i: int) -> str:
    return text.row.format(i=i + 1)


def rows(s: Fields, sources: Sources) -> Panel:
    """Show the batch, to edit, and rows that can be loaded into it."""
    losses = _losses(s)
    options: list[Option] = [{"value": str(j), "label": name} for j, name in enumerate(s.called)]
    out: list[SheetRow] = []
    for i in range(s.n):
        cells: SheetRow = {"ref": f"row:{i}", "cells": [_name(i)]}
        for j, z in enumerate(s.row(i)):
            number = num(z, f"row:{i}", text=show_input(z))
            label = text.logit_of.format(name=s.called[j], row=_name(i))
            path = f"logits.{s.width * i + j}"
            cells["cells"].append({"kind": "edit", "path": path, "number": number, "label": label})
        cells["cells"].append(
            {
                "kind": "pick",
                "path": f"labels.{i}",
                "value": str(s.labels[i]),
                "options": options,
                "label": text.label_of.format(row=_name(i)),
            }
        )
        cells["cells"].append(num(losses[i], f"row:{i}"))
        out.append(cells)
    mean = num(_mean(losses), "right")
    mistakes = sum(max(s.row(i)) > s.row(i)[s.labels[i]] for i in range(s.n))
    guess = num(math.log(s.width), "guess")
    loads = [button(text.load_first, {"do": "load", "value": ""})]
    for key, each in sources.items():
        loads.append(button(text.load.format(name=each.name), {"do": "load", "value": key}))
    return panel(
        "batch",
        text.batch,
        [
            prose("batch-story", say(text.batch_story, n=str(s.n), k=str(s.width), mean=mean, guess=guess)),
            sheet(
                "rows",
                say(text.batch_title),
                [text.row_name, *s.called, text.label, text.loss],
                out,
                foot=[[text.mean, *("" for _ in s.called), "", mean]],
                caption=say(text.batch_caption, wrong=str(mistakes), n=str(s.n)),
            ),
            prose("load-story", say(text.load_story, most=str(MOST_ROWS))),
            controls("loads", loads),
        ],
        wide=True,
    )


def wrong_axis(s: Fields) -> Panel:
    """Normalise over the rows instead of over the classes."""
    right = [spec.probabilities(s.row(i)) for i in range(s.rows)]
    columns = [[s.row(i)[j] for i in range(s.rows)] for j in range(s.width)]
    wrong = list(zip(*map(spec.probabilities, columns), strict=True))
    wrong_losses = [-spec.log_probabilities(columns[s.labels[i]])[i] + 0.0 for i in range(s.rows)]
    number = num(float(s.rows), "rows", text=str(s.rows))
    broken, sound = num(_mean(wrong_losses), "wrong"), num(_mean(_losses(s)[: s.rows]), "right")
    used: list[Item] = []
    if s.n > 1:
        used = [controls("axis-controls", [slider("rows", text.rows_used, number, (1, s.n), step=1)])]
    return panel(
        "axis",
        text.axis,
        [
            prose("axis-story", say(text.axis_one if s.rows == 1 else text.axis_story, wrong=broken, right=sound)),
            *used,
            _shares(s, "right-axis", text.right_axis, right),
            _shares(s, "wrong-axis", text.wrong_axis, wrong),
            readout(
                "axis-numbers",
                [
                    {"label": text.over_classes, "number": sound, "unit": text.nats},
                    {"label": text.over_rows, "number": broken, "unit": text.nats},
                ],
            ),
            prose("axis-repair", say(text.axis_repair)),
        ],
        wide=True,
    )


def _shares(s: Fields, name: str, title: str, p: Sequence[Sequence[float]]) -> Item:
    cells: list[list[Cell]] = [[{"text": num(v)["text"], "shade": min(v, 1.0)} for v in row] for row in p]
    for row, line_of in zip(cells, p, strict=True):
        row.append({"text": num(math.fsum(line_of))["text"], "shade": 0.0})
    cells.append([{"text": num(math.fsum(column))["text"], "shade": 0.0} for column in zip(*p, strict=True)])
    cells[-1].append({"text": num(math.fsum(v for row in p for v in row))["text"], "shade": 0.0})
    return heatmap(
        name,
        say(title),
        rows=[*(_name(i) for i in range(len(p))), text.total],
        columns=[*s.called, text.total],
        axes=(text.row_name, text.class_name),
        cells=cells,
        ends=("0", "1"),
    )


def shifted(s: Fields) -> Panel:
    """Read labels that are one off."""
    right = _losses(s)
    moved = [y + (1 if s.shift == "up" else -1) for y in s.labels]
    k = s.width
    wrong = [spec.loss(s.row(i), y % k) if y < k else math.nan for i, y in enumerate(moved)]
    bars_of = list[Bar]()
    for i in range(s.n):
        number, other = num(right[i], f"row:{i}"), num(wrong[i], f"row:{i}")
        bars_of.append(
            {
                "ref": f"row:{i}",
                "label": _name(i),
                "number": number,
                "more": [other],
                "spoken": text.shift_spoken.format(row=_name(i), right=number["text"], wrong=other["text"]),
            }
        )
    sound, broken = num(_mean(right), "right"), num(_mean(wrong), "wrong")
    guess = num(math.log(k), "guess")
    wrapped = sum(y < 0 for y in moved)
    outside = sum(y >= k for y in moved)
    said = text.shift_up if s.shift == "up" else text.shift_down
    reach = max(2.0, *(v * 1.05 for v in (*right, *wrong) if math.isfinite(v)))
    return panel(
        "shifted",
        text.shifted,
        [
            prose("shift-story", say(said, wrapped=str(wrapped), outside=str(outside), wrong=broken, guess=guess)),
            controls("shift-controls", [choice("shift", text.labels_are, s.shift, text.shifts)]),
            bars(
                "shift",
                say(text.shift_title),
                axis(text.nats, 0.0, reach),
                bars_of,
                series=text.shift_series,
                aligned=False,
            ),
            readout(
                "shift-numbers",
                [
                    {"label": text.shift_series[0], "number": sound, "unit": text.nats},
                    {"label": text.shift_series[1], "number": broken, "unit": text.nats},
                    {"label": text.knowing_nothing, "number": guess, "unit": text.nats},
                ],
            ),
            prose("shift-repair", say(text.shift_repair)),
        ],
    )


def reduction(s: Fields) -> Panel:
    """Add the losses up where the learning rate was made for their mean."""
    whole = _pull(s)
    size = s.n * s.copies
    added, mean = num(math.hypot(*whole) * s.copies, "wrong"), num(math.hypot(*whole) / s.n, "right")
    sound, broken = _descent(s.logits, s.labels, 1.0), _descent(s.logits, s.labels, float(size))
    top = max(v for run in (sound, broken) for v, _ in run)
    low = min(v for run in (sound, broken) for v, _ in run)
    steps = _milestones(s.logits, s.labels, float(size))
    sizes = {n: str(int(n) // 4 * s.n) for n in SIZES}
    said = say(text.reduction_story, n=str(size), rate=show_input(RATE), sum=added, mean=mean)
    return panel(
        "reduction",
        text.reduction,
        [
            prose("reduction-story", said),
            controls("reduction-controls", [choice("many", text.rows_in, s.many, sizes)]),
            curves(
                "steps",
                say(text.reduction_title),
                x=axis(text.step, 0.0, float(STEPS)),
                y=log_axis(text.loss_axis, low / 1.5, top * 1.5)
                if top > 4
                else axis(text.loss_axis, 0.0, top * 1.1),
                lines=[
                    line([(float(i), v) for i, (v, _) in enumerate(broken)], text.summed, ref="wrong", dashed=True),
                    line([(float(i), v) for i, (v, _) in enumerate(sound)], text.averaged, ref="right"),
                ],
                rules=[rule("y", num(math.log(s.width), "guess"), text.guess_is.format(k=s.width))],
                behind=table(
                    [text.step, text.summed, text.averaged],
                    [[str(i), num(wrong), num(right)] for i, wrong, right in steps],
                ),
                caption=say(text.reduction_caption),
            ),
            readout(
                "reduction-numbers",
                [
                    {"label": text.summed_slope, "number": added, "unit": ""},
                    {"label": text.averaged_slope, "number": mean, "unit": ""},
                ],
            ),
            prose("reduction-repair", say(text.reduction_repair)),
        ],
    )


def _pull(s: Fields) -> list[float]:
    """Give the gradient by a bias that all rows share, of the sum over the rows."""
    slopes = [spec.gradient(s.row(i), s.labels[i]) for i in range(s.n)]
    return [math.fsum(column) for column in zip(*slopes, strict=True)]


@lru_cache(maxsize=16)
def _milestones(
    logits: tuple[float, ...], labels: tuple[int, ...], factor: float
) -> list[tuple[int, float, float]]:
    """Give the mean loss after a few steps, of the sum and of the mean, for the table."""
    n = len(labels)
    k = len(logits) // n

    def loss(bias: tuple[float, ...]) -> float:
        rows = [[z + b for z, b in zip(logits[k * i : k * i + k], bias, strict=True)] for i in range(n)]
        return _mean([spec.loss(row, y) for row, y in zip(rows, labels, strict=True)])

    broken, sound = _descent(logits, labels, factor), _descent(logits, labels, 1.0)
    return [(i, loss(broken[i][1]), loss(sound[i][1])) for i in (0, 1, 2, 3, 10, STEPS)]


@lru_cache(maxsize=16)
def _descent(
    logits: tuple[float, ...], labels: tuple[int, ...], factor: float
) -> list[tuple[float, tuple[float, ...]]]:
    """Follow the mean's gradient times a factor, by the bias; for drawing lines: the mean loss, and the bias."""
    n = len(labels)
    k = len(logits) // n
    bias, out = [0.0] * k, list[tuple[float, tuple[float, ...]]]()
    for _ in range(STEPS + 1):
        slope, total = [0.0] * k, 0.0
        for i, y in enumerate(labels):
            z = [logits[k * i + j] + bias[j] for j in range(k)]
            top = max(z)
            powers = [math.exp(v - top) for v in z]
            total += math.log(sum(powers)) + top - z[y]
            slope = [g + e / sum(powers) - (j == y) for j, (g, e) in enumerate(zip(slope, powers, strict=True))]
        out.append((max(total / n, 1e-12), tuple(bias)))
        bias = [b - RATE * factor * g / n for b, g in zip(bias, slope, strict=True)]
    return out
