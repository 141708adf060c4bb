"""The batch in two parts, and as text of the reader's own."""

from __future__ import annotations

import math

from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.panels import tally
from xent.explorer.figures import (
    areas,
    axis,
    controls,
    panel,
    prose,
    readout,
    rule,
    say,
    slider,
    table,
)
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import (
    Item,
    Num,
    Panel,
    Rect,
)

text = words("labels")


def micro_panel(b: Batch) -> Panel:
    """Draw the batch in two parts, each with its own mean, and the mean of the two means."""
    s = b.state
    if s.n == 1:
        return panel("micro", text.micro, [prose("micro-story", say(text.micro_single))], wide=True)
    whole = num(b.result(), "result")
    parts = [(num(b.result(part), f"part:{i}"), b.denominator(part, s.by)) for i, part in enumerate(b.parts)]
    naive_value = sum(b.result(part) for part in b.parts) / (1 if s.by == "sum" else 2)
    naive = num(naive_value, "naive")
    if s.by == "sum":
        case = "sum"
    elif math.isnan(naive_value):
        case = "none" if math.isnan(b.result()) else "nan"
    else:
        case = "same" if naive["text"] == whole["text"] else "differ"
    said = say(
        text.micro_stories[case],
        first=tally(float(s.split)),
        rest=tally(float(s.n - s.split)),
        naive=naive,
        whole=whole,
        a=tally(parts[0][1]),
        b=tally(parts[1][1]),
    )
    items: list[Item] = [
        prose("micro-story", said),
        controls(
            "splits",
            [slider("split", text.split, tally(float(s.split), "split"), (1, s.n - 1), step=1)] if s.n > 2 else [],
        ),
    ]
    if s.by != "sum":
        items.append(_levels(b, parts, whole, naive))
    unit = text.nats
    items.append(
        readout(
            "micro-numbers",
            [
                {"label": text.of_first, "number": parts[0][0], "unit": unit},
                {"label": text.of_rest, "number": parts[1][0], "unit": unit},
                {"label": text.sums if s.by == "sum" else text.naive, "number": naive, "unit": unit},
                {"label": text.of_whole, "number": whole, "unit": unit},
            ],
        )
    )
    return panel("micro", text.micro, items, wide=True)


def _levels(b: Batch, parts: list[tuple[Num, float]], whole: Num, naive: Num) -> Item:
    finite = [v for v in (whole["value"], naive["value"], *(p["value"] for p, _ in parts)) if v is not None]
    top, at = 1.25 * max(1.0, *finite) if finite else 1.0, 0.0
    rects: list[Rect] = []
    for i, (mean, below) in enumerate(parts):
        value = mean["value"]
        if below and value is not None:
            rects.append(
                {
                    "x0": at,
                    "x1": at + below,
                    "y0": 0.0,
                    "y1": value,
                    "ref": f"part:{i}",
                    "label": text.part.format(part=text.parts[i], mean=mean["text"]),
                    "striped": bool(i),
                }
            )
        at += below
    levels = ((whole, text.whole_rule), (naive, text.naive_rule))
    rules = [rule("y", number, label) for number, label in levels if number["value"] is not None]
    if len(rules) == 2 and abs(rules[0]["at"] - rules[1]["at"]) < top / 16:
        del rules[1]  # their words would stand on each other; the readout has both
    rows: list[list[str | Num]] = [[text.parts[i], tally(below), mean] for i, (mean, below) in enumerate(parts)]
    return areas(
        "micro-levels",
        say(text.micro_title),
        x=axis(text.across[b.state.by], 0.0, at or 1.0),
        y=axis(text.nats, 0.0, top),
        rects=rects,
        rules=rules,
        behind=table(
            [text.part_column, text.below[b.state.by], text.mean],
            [*rows, [text.naive, "", naive], [text.of_whole, tally(at), whole]],
        ),
        caption=say(text.micro_caption),
    )
