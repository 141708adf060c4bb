"""The batch as a table and as areas, and its class weights."""

from __future__ import annotations

import math

from xent.explorer import mathml as m
from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.state import HEAVIEST, MOST_ROWS
from xent.explorer.figures import (
    areas,
    axis,
    bars,
    button,
    choice,
    controls,
    drag,
    formula,
    panel,
    prose,
    readout,
    rule,
    say,
    sheet,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import labels as programs
from xent.explorer.text import words
from xent.explorer.view import (
    Bar,
    Control,
    Edit,
    Item,
    Num,
    Option,
    Panel,
    Pick,
    Rect,
    Rule,
    SheetCell,
    SheetRow,
)

text = words("labels")

IGNORED = str(programs.IGNORED).replace("-", "−")


def shown(value: float, ref: str | None = None) -> Num:
    """Write a number that is edited."""
    return num(value, ref, text=show_input(value))


def tally(value: float, ref: str | None = None) -> Num:
    """Write a count without a point; a sum of weights as it is."""
    return num(value, ref, text=str(int(value)) if value.is_integer() else None)


def batch_panel(b: Batch) -> Panel:
    """Draw the table, and what its columns add up to."""
    s = b.state
    above, below, result = b.numerator(b.rows), b.denominator(b.rows, s.by), b.result()
    count = len(b.counted(b.rows))
    template = text.story_sum if s.by == "sum" else text.story_empty if math.isnan(result) else text.story
    said = say(
        template,
        above=num(above, "above"),
        below=tally(below, "below"),
        result=num(result, "result"),
        what=text.divisors[s.by],
        count=tally(float(count)),
        n=tally(float(s.n)),
    )
    buttons: list[Control] = [
        choice("form", text.form, s.form, dict(text.forms)),
        choice("by", text.by, s.by, dict(text.reductions)),
        button(text.ignore_all, {"do": "count", "value": False}),
        button(text.count_all, {"do": "count", "value": True}),
    ]
    return panel(
        "batch",
        text.batch,
        [
            prose("story", said),
            controls("choices", buttons),
            _sheet(b),
            readout(
                "reduced",
                [
                    {"label": text.above, "number": num(above, "above"), "unit": text.nats},
                    {"label": text.below[s.by], "number": tally(below, "below"), "unit": ""},
                    {
                        "label": text.sum if s.by == "sum" else text.mean,
                        "number": num(result, "result"),
                        "unit": text.nats,
                        "main": True,
                    },
                ],
            ),
            _answers(b),
        ],
        wide=True,
    )


def _sheet(b: Batch) -> Item:
    s, rows = b.state, list[SheetRow]()
    for i in b.rows:
        logits: list[SheetCell] = [_logit(b, i, j) for j in range(s.k)]
        cells: list[SheetCell] = [
            str(i),
            *logits,
            *_target(b, i),
            {"kind": "switch", "path": f"used.{i}", "value": s.used[i], "label": text.counts_of.format(row=i)},
            num(b.plain[i]),
            tally(b.masses[i]) if s.used[i] else "–",
            num(b.weighted[i]) if s.used[i] else "–",
        ]
        row: SheetRow = {"ref": f"row:{i}", "cells": cells, "off": not s.used[i]}
        if s.n > 1:
            row["remove"] = {"do": "remove", "value": i, "label": text.remove.format(row=i)}
        rows.append(row)
    targets = [f"t {s.called[j]}" for j in range(s.k)] if s.form == "soft" else [text.targets[s.form]]
    gap = [""] * (s.k + len(targets) + 2)
    total: list[str | Num] = [
        text.sum,
        *gap,
        tally(b.denominator(b.rows, "weights")),
        num(b.numerator(b.rows), "above"),
    ]
    names = [f"z {s.called[j]}" for j in range(s.k)]
    return sheet(
        "rows",
        say(text.rows_title),
        [text.row, *names, *targets, text.counts, text.plain, text.weight, text.weighted],
        rows,
        foot=[total],
        add={"do": "add", "label": text.add, "disabled": s.n == MOST_ROWS},
        caption=say(text.form_captions[s.form]),
    )


def _logit(b: Batch, i: int, j: int) -> Edit:
    value = shown(b.state.row(i)[j])
    label = text.logit_of.format(row=i, name=b.state.called[j])
    return {"kind": "edit", "path": f"logits.{i * b.state.k + j}", "number": value, "label": label}


def _target(b: Batch, i: int) -> list[SheetCell]:
    """Show the target in the format that is chosen: an index, a one-hot row, a distribution."""
    s = b.state
    if s.form == "soft":
        return [_share(b, i, j) for j in range(s.k)]
    if not s.used[i] and s.form == "index":
        return [IGNORED]
    options: list[Option] = []
    for j in range(s.k):
        hot = " ".join("1" if h == j else "0" for h in range(s.k))
        options.append({"value": str(j), "label": _indexed(j, s.called[j]) if s.form == "index" else hot})
    pick: Pick = {
        "kind": "pick",
        "path": f"labels.{i}",
        "value": str(s.labels[i]),
        "options": options,
        "label": text.target_of.format(row=i),
        "ref": f"class:{s.labels[i]}",
    }
    return [pick]


def _indexed(j: int, name: str) -> str:
    return name if name == str(j) else f"{j} = {name}"


def _share(b: Batch, i: int, j: int) -> Edit:
    label = text.share_of.format(name=b.state.called[j], row=i)
    value = shown(b.targets[i][j], f"class:{j}")
    return {"kind": "edit", "path": f"soft.{i * b.state.k + j}", "number": value, "label": label}


def _answers(b: Batch) -> Item:
    """Put the four reductions of the same rows side by side."""
    ways = list(text.reductions)
    rows: list[SheetRow] = []
    for by in ways:
        above, below = b.numerator(b.rows), b.denominator(b.rows, by)
        cells: list[SheetCell] = [
            text.reductions[by],
            num(b.result(by=by)),
            num(above),
            "" if by == "sum" else tally(below),
            text.called[by],
        ]
        rows.append({"ref": "result" if by == b.state.by else f"by:{by}", "cells": cells})
    return sheet("answers", say(text.answers), list(text.answer_columns), rows, caption=say(text.answers_caption))


def area_panel(b: Batch) -> Panel:
    """Draw every row as a rectangle: as wide as it counts, as high as it costs; the mean levels them."""
    s = b.state
    wide = [_width(b, i) for i in b.rows]
    high = [_height(b, i) for i in b.rows]
    finite = [h for h in high if math.isfinite(h)]
    result = b.result()
    top = 1.15 * max(1.0, *finite, result if math.isfinite(result) and s.by != "sum" else 0.0)
    rects, at = list[Rect](), 0.0
    for i in b.rows:
        if wide[i]:
            ref = "rows" if s.form == "soft" else f"class:{s.labels[i]}"
            label = text.rect.format(row=i) if math.isfinite(high[i]) else text.rect_infinite.format(row=i)
            rect: Rect = {
                "x0": at,
                "x1": at + wide[i],
                "y0": 0.0,
                "y1": min(high[i], top),
                "ref": ref,
                "label": label,
            }
            if rects and rects[-1]["ref"] == ref and "striped" not in rects[-1]:
                rect["striped"] = True
            rects.append(rect)
        at += wide[i]
    rules: list[Rule] = []
    if math.isfinite(result) and s.by != "sum":
        rules.append(rule("y", num(result, "result"), text.mean_rule))
    behind = table(
        [text.row, text.width, text.height, text.weighted],
        [[str(i), tally(wide[i]), num(high[i]), num(wide[i] * high[i] if wide[i] else 0.0)] for i in b.rows],
    )
    figure = areas(
        "levels",
        say(text.area_title),
        x=axis(text.across[s.by], 0.0, at or 1.0),
        y=axis(text.up[s.by], 0.0, top),
        rects=rects,
        rules=rules,
        behind=behind,
        caption=say(text.area_sum if s.by == "sum" else text.area_caption),
    )
    return panel("area", text.area, [figure])


def _width(b: Batch, i: int) -> float:
    """How much a row counts in what the mean divides by."""
    if b.state.by == "all":
        return 1.0
    if not b.state.used[i]:
        return 0.0
    return b.masses[i] if b.state.by == "weights" else 1.0


def _height(b: Batch, i: int) -> float:
    """Give what a row costs for each unit of its width."""
    if not b.state.used[i]:
        return 0.0
    wide = _width(b, i)
    return b.weighted[i] / wide if wide else 0.0


def weights_panel(b: Batch) -> Panel:
    """Let the class weights be dragged, and write the mean as a fraction."""
    s, rows = b.state, list[Bar]()
    for j, w in enumerate(s.weights):
        value = shown(w, f"class:{j}")
        rows.append(
            {
                "ref": f"class:{j}",
                "label": s.called[j],
                "number": value,
                "spoken": text.weight_spoken.format(name=s.called[j], value=value["text"]),
                "drag": drag(f"weights.{j}", (0.0, HEAVIEST), 0.1),
            }
        )
    story = say(text.weights_story)
    return panel(
        "weights",
        text.weights,
        [
            prose("weights-story", story),
            bars("class-weights", say(text.weights_title), axis(text.weight, 0.0, HEAVIEST), rows),
            _fraction(b),
        ],
    )


def _fraction(b: Batch) -> Item:
    s = b.state
    above, below = num(b.numerator(b.rows), "above"), tally(b.denominator(b.rows, s.by), "below")
    result = num(b.result(), "result")
    w, loss = m.sub(m.mi("w"), m.mi("i")), m.sub(m.mi("ℓ"), m.mi("i"))
    over = {"weights": m.row(m.total("i"), w), "rows": m.mi("M"), "all": m.mi("N")}
    summed = m.row(m.total("i"), w, loss)
    if s.by == "sum":
        steps = [[m.mi("L"), m.mo("="), m.row(summed, m.mo("="), m.mn(result))]]
    else:
        live = m.row(m.frac(m.mn(above), m.mn(below)), m.mo("="), m.mn(result))
        steps = [
            [m.mi("L"), m.mo("="), m.frac(summed, over[s.by])],
            [m.mtext(""), m.mo("="), live],
        ]
    spoken = text.fraction_spoken.format(above=above["text"], below=below["text"], result=result["text"])
    return formula("fraction", m.lines([list(step) for step in steps]), spoken=spoken, note=text.notes[s.by])
