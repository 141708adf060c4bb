"""One answer, an imbalanced batch, what a row weighs, and what a trained model says."""

from __future__ import annotations

import math

from xent.explorer.experiments.focal.measures import (
    ALIKE,
    GROUPS,
    HARD,
    HIGH,
    LOW,
    Batch,
    State,
    alpha_truth,
    factor_of,
    focal_loss,
    side_of,
    slope_of,
    surprise,
    truth_of,
)
from xent.explorer.experiments.focal.questions import Answer, Questions
from xent.explorer.figures import (
    axis,
    bars,
    choice,
    controls,
    curves,
    drag,
    handle,
    line,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    sheet,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.section import Sources
from xent.explorer.text import words
from xent.explorer.view import Bar, Control, Edit, Line, Num, Panel, SheetRow

text = words("focal")

FOCAL, ALPHA = "class:4", "class:5"
MOST_CHOICES = 10
GAMMAS = (0.5, 1.0, 2.0, 5.0)
TABLED = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
PLACES = [0.5 - 0.498 * math.cos(math.pi * i / 120) for i in range(121)]  # close where lines are steep


def shown(value: float, ref: str | None = None) -> Num:
    """Write a number that is edited."""
    return num(value, ref, text=show_input(value))


def _count(value: int) -> Num:
    return num(float(value), text=str(value))


def _named(gamma: float) -> str:
    return text.gamma_line.format(gamma=show_input(gamma))


def curve_panel(s: State) -> Panel:
    """Charge one answer by cross-entropy and by focal loss."""
    side, p, gamma, alpha = side_of(s), shown(s.p, "p"), shown(s.gamma, "gamma"), shown(s.alpha, "alpha")
    plain, loss = num(surprise(s.p), "plain"), num(focal_loss(s.p, s.gamma, side), FOCAL)
    factor = num(side * factor_of(s.p, s.gamma), "factor")

    def points(gamma: float, alpha: float) -> list[tuple[float, float]]:
        return [(q, alpha * (1 - q) ** gamma * -math.log(q)) for q in PLACES]

    lines: list[Line] = [
        line([(q, -math.log(q)) for q in PLACES], text.plain_line, ref="plain", dashed=True),
        *(line(points(g, 1.0), _named(g), thin=True) for g in GAMMAS),
        line(points(s.gamma, side), text.focal_name, ref=FOCAL),
    ]
    held = handle(
        text.p_label,
        text.curve_spoken.format(p=p["text"], loss=loss["text"], plain=plain["text"]),
        x=drag("p", (LOW, HIGH), 0.01),
    )
    figure = curves(
        "losses",
        say(text.curve_title),
        x=axis(text.p_label, 0.0, 1.0),
        y=axis(text.nats, 0.0, 3.0),
        lines=lines,
        marks=[
            mark(s.p, plain["value"] or 0.0, "plain", plain["text"]),
            mark(s.p, loss["value"] or 0.0, FOCAL, loss["text"], held=held),
        ],
        behind=table(
            [text.p_label, text.plain_line, text.focal_name],
            [[show_input(q), num(surprise(q)), num(focal_loss(q, s.gamma, side))] for q in TABLED],
        ),
        caption=say(text.curve_caption),
    )
    knobs = [
        slider("gamma", text.gamma, gamma, (0.0, 5.0), step=0.1),
        slider("alpha", text.alpha, alpha, (0.0, 1.0), step=0.05),
        choice("y", text.truth, s.y, dict(text.answers)),
    ]
    said = say(text.story, p=p, plain=plain, factor=factor, loss=loss, side=shown(side), gamma=gamma)
    return panel(
        "curve",
        text.curve,
        [
            prose("story", said),
            controls("knobs", knobs),
            readout(
                "numbers",
                [
                    {"label": text.plain_label, "number": plain, "unit": text.nats},
                    {"label": text.factor_label, "number": factor, "unit": ""},
                    {"label": text.focal_label, "number": loss, "unit": text.nats, "main": True},
                ],
            ),
            figure,
        ],
        wide=True,
    )


def _bar(j: int, numbers: list[Num], spoken: str) -> Bar:
    name = GROUPS[j]
    return {
        "ref": f"class:{j}",
        "label": name,
        "number": numbers[0],
        "more": numbers[1:],
        "spoken": spoken.format(name=name, value=numbers[0]["text"]),
    }


def _alike(s: State, j: int) -> list[Edit | Num | str]:
    count: Edit = {
        "kind": "edit",
        "path": f"counts.{j}",
        "number": _count(s.counts[j]),
        "label": text.count_of.format(name=GROUPS[j]),
    }
    p: Edit = {
        "kind": "edit",
        "path": f"ps.{j}",
        "number": shown(s.ps[j], f"class:{j}"),
        "label": text.p_of.format(name=GROUPS[j]),
    }
    return [count, p]


def _sure(found: Answer, j: int) -> Num:
    return num(found.p, f"class:{j}", text=show_probability(found.p, found.miss))


def _asked(b: Batch, asked: Questions, j: int) -> list[Edit | Num | str]:
    found = asked.typical[j]
    return [_count(b.counts[j]), text.no_row if found is None else _sure(found, j)]


def _choices(s: State, asked: Questions | None, sources: Sources) -> list[Control]:
    """Offer rows, the class to ask them for, and what is shared out."""
    items: list[Control] = []
    if sources:
        named = {key: rows.name for key, rows in sources.items()}
        items.append(choice("source", text.source, s.source, {ALIKE: text.alike} | named))
    if asked is not None:
        classes = asked.rows.classes
        if len(classes) <= MOST_CHOICES:
            items.append(choice("yes", text.yes, str(s.yes), {str(j): name for j, name in enumerate(classes)}))
        else:
            number = num(float(s.yes), text=str(s.yes))
            items.append(slider("yes", text.yes_number, number, (0, len(classes) - 1), step=1))
    return [*items, choice("of", text.measure, s.of, dict(text.measures))]


def batch_panel(b: Batch, sources: Sources) -> Panel:
    """Share out an imbalanced batch by three losses."""
    s, asked, rows = b.state, b.asked, list[SheetRow]()
    for j in b.j:
        pulls = [num(pull) if pull is not None else text.no_row for pull in (b.pulls[way][j] for way in b.pulls)]
        given = _alike(s, j) if asked is None else _asked(b, asked, j)
        rows.append({"ref": f"class:{j}", "cells": [GROUPS[j], *given, *pulls]})
    shares = [_bar(j, [num(b.shares[way][j], f"class:{j}") for way in b.shares], text.share_spoken) for j in b.j]
    easy = {way: num(sum(b.shares[way][j] for j in b.j if not HARD[j]), way) for way in b.shares}
    said = say(
        text.batch_story if asked is None else text.asked_story,
        name="" if asked is None else asked.rows.name,
        yes="" if asked is None else asked.rows.classes[asked.yes],
        n=_count(b.total),
        count=_count(b.counts[0]),
        plain=num(b.shares["plain"][0], "class:0"),
        plain_hard=num(b.shares["plain"][1], "class:1"),
        weighted=num(b.shares["class"][0], "class:0"),
        hard=num(b.shares["class"][1], "class:1"),
        focal=num(b.shares["focal"][0], "class:0"),
        focal_hard=num(b.shares["focal"][1], "class:1"),
        what=text.whats[s.of],
    )
    if asked is not None and b.total < len(asked.rows.labels):
        said += say(text.sampled, n=_count(b.total), all=_count(len(asked.rows.labels)))
    names = [text.ways[way] for way in b.shares]
    columns, captions = [text.group, text.rows, text.p_short], text.groups_captions
    if asked is not None:
        columns, captions = [text.asked_group, text.rows, text.p_typical], text.asked_captions
    return panel(
        "batch",
        text.batch,
        [
            prose("batch-story", said),
            controls("of", _choices(s, asked, sources)),
            sheet(
                "groups",
                say(text.groups_title if asked is None else text.asked_title),
                [*columns, *names],
                rows,
                caption=say(captions[s.of]),
            ),
            bars("shares", say(text.shares_titles[s.of]), axis(text.share, 0.0, 1.0), shares, series=names),
            readout(
                "easy",
                [{"label": text.easy.format(way=text.ways[way]), "number": easy[way], "unit": ""} for way in easy],
            ),
        ],
        wide=True,
    )


def pull_panel(s: State, asked: Questions | None) -> Panel:
    """Draw the gradient's size against that of cross-entropy: what a row really weighs."""

    def ratio(p: float, gamma: float) -> float:
        return (1 - p) ** gamma * (1 + gamma * p * -math.log(p) / (1 - p))

    one = num(1.0, "plain", text="1")
    lines = [
        *(line([(q, ratio(q, g)) for q in PLACES], _named(g), thin=True) for g in GAMMAS if g != s.gamma),
        line([(q, ratio(q, s.gamma)) for q in PLACES], _named(s.gamma), ref=FOCAL),
    ]
    if asked is None:
        typical = [(j, p, shown(p), slope_of(p, s.gamma, 1.0) / (1 - p)) for j, p in enumerate(s.ps)]
    else:
        typical = [(j, a.p, _sure(a, j), a.weighs(s.gamma)) for j, a in enumerate(asked.typical) if a is not None]
    figure = curves(
        "effective",
        say(text.pull_title),
        x=axis(text.p_label, 0.0, 1.0),
        y=axis(text.times, 0.0, 1.5),
        lines=lines,
        marks=[mark(p, w, f"class:{j}", GROUPS[j]) for j, p, _, w in typical],
        rules=[rule("y", one, text.plain_rule)],
        behind=table(
            [text.group, text.p_short, text.times],
            [[GROUPS[j], p, num(w)] for j, _, p, w in typical],
        ),
        caption=say(text.pull_caption if asked is None else f"{text.pull_caption} {text.pull_typical}"),
    )
    return panel("pull", text.pull, [figure])


def settle_panel(s: State) -> Panel:
    """Draw what a trained model says against what is true, with each loss."""

    def truth(p: float, gamma: float, alpha: float) -> float:
        def pull(q: float) -> float:
            return (1 - q) ** gamma * (1 - q + gamma * q * -math.log(q))

        yes, no = alpha * pull(p), (1 - alpha) * pull(1 - p)
        return no / (yes + no)

    true, says = num(truth_of(s.says, s), "truth"), shown(s.says, "says")
    held = handle(
        text.says,
        text.says_spoken.format(says=says["text"], truth=true["text"]),
        y=drag("says", (0.01, 0.99), 0.01),
    )
    alpha = shown(s.alpha, "alpha")
    figure = curves(
        "settles",
        say(text.settle_title),
        x=axis(text.truth_axis, 0.0, 1.0),
        y=axis(text.says, 0.0, 1.0),
        lines=[
            line([(0.0, 0.0), (1.0, 1.0)], text.plain_line, ref="plain", dashed=True),
            line([(truth(p, 0.0, s.alpha), p) for p in PLACES], text.alpha_only, ref=ALPHA),
            line([(truth(p, s.gamma, s.alpha), p) for p in PLACES], text.focal_name, ref=FOCAL),
        ],
        marks=[mark(true["value"] or 0.0, s.says, FOCAL, says["text"], held=held)],
        behind=table(
            [text.says, text.plain_line, text.alpha_only, text.focal_name],
            [
                [show_input(p), shown(p), num(alpha_truth(p, s.alpha)), num(truth_of(p, s))]
                for p in (0.1, 0.3, 0.5, 0.7, 0.9)
            ],
        ),
        caption=say(text.settle_caption),
    )
    said = say(text.settle_story, gamma=shown(s.gamma, "gamma"), alpha=alpha, says=says, truth=true)
    return panel(
        "settle",
        text.settle,
        [
            prose("settle-story", said),
            readout(
                "settled",
                [
                    {"label": text.says, "number": says, "unit": ""},
                    {"label": text.truth_axis, "number": true, "unit": ""},
                ],
            ),
            figure,
        ],
        wide=True,
    )
