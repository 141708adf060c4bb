"""The picture of the smoothing section: one row, its loss against the gap, and every share at once."""

from __future__ import annotations

import math
from collections.abc import Callable

from xent.explorer.experiments.smoothing import formulas
from xent.explorer.experiments.smoothing.state import CONVENTIONS, HIGH, LOW, Smoothed, State, own, smoothed
from xent.explorer.figures import (
    axis,
    bars,
    choice,
    controls,
    curves,
    drag,
    handle,
    line,
    log_axis,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    slider,
    stack,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import take_home
from xent.explorer.programs.smoothing import smoothing
from xent.explorer.section import Drawing, Sources
from xent.explorer.text import words
from xent.explorer.view import Bar, Num, Panel

text = words("smoothing")
COUNTS = (2, 3, 10, 100, 1000)


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    row = own(state)
    panels = {
        "row": lambda: _row(row),
        "against": lambda: _against(row),
        "symbols": lambda: panel("symbols", text.symbols, formulas.items(row)),
        "floor": lambda: _floors(row),
        "take-home": lambda: take_home(
            "smoothing", smoothing(state.classes, state.epsilon, state.convention, state.gap)
        ),
    }
    said = text.summary.format(loss=num(row.loss)["text"], floor=row.floor["text"], best=num(row.best)["text"])
    return Drawing(panels, said)


def _bar(j: int, number: Num, spoken: str) -> Bar:
    name = (text.right, text.each)[j]
    said = spoken.format(name=name, value=number["text"])
    return {"ref": f"class:{j}", "label": name, "number": number, "spoken": said}


def _row(row: Smoothed) -> Panel:
    s = row.state
    uniform, others = (smoothed(s.classes, s.epsilon, c, s.gap) for c in CONVENTIONS)
    epsilon, gap = num(s.epsilon, "eps", text=show_input(s.epsilon)), num(s.gap, "gap", text=show_input(s.gap))
    counts = sorted({*COUNTS, s.classes})
    targets = list[Bar]()
    for j, (one, two) in enumerate(((uniform.right, others.right), (uniform.other, others.other))):
        bar = _bar(j, one, text.target_spoken)
        bar["more"] = [two]
        targets.append(bar)
    predicted = [_bar(j, p, text.p_spoken) for j, p in enumerate(row.p)]
    slopes = [_bar(j, num(g, f"class:{j}"), text.slope_spoken) for j, g in enumerate(row.slope)]
    story = text.story_sharp
    if s.epsilon > 0:
        story = text.story_over if row.slope[0] > 0 else text.story_under
    facts = {"p": row.p[0], "t": row.right, "best": num(row.best, "best"), "plain": row.plain, "floor": row.floor}
    return panel(
        "row",
        text.row,
        [
            prose("story", say(story, gap=gap, loss=num(row.loss, "loss"), **facts)),
            controls(
                "smoothing",
                [
                    slider("epsilon", text.epsilon, epsilon, (0.0, 1.0), step=0.01),
                    choice("convention", text.shared_by, s.convention, text.conventions),
                    choice("classes", text.count, str(s.classes), {str(k): str(k) for k in counts}),
                    slider("gap", text.gap, gap, (LOW, HIGH), step=0.1),
                ],
            ),
            bars("t", say(text.target), axis(text.weight, 0.0, 1.0, about=2), targets, series=text.pair),
            bars("p", say(text.prediction), axis(text.probability, 0.0, 1.0, about=2), predicted),
            bars("slope", say(text.slope), axis(text.per_logit, -1.0, 1.0, about=2), slopes),
            stack(
                "parts",
                say(text.parts),
                axis(text.nats, 0.0, max(row.loss, 0.1) * 1.15),
                [
                    (text.floor, row.floor.get("ref", ""), row.floor["value"] or 0.0),
                    (text.above, "above", row.above),
                ],
                behind=table(
                    [text.part, text.nats],
                    [
                        [text.floor, row.floor],
                        [text.above, num(row.above, "above")],
                        [text.loss, num(row.loss, "loss")],
                    ],
                ),
                rules=[],
                caption=say(text.parts_caption),
            ),
            readout(
                "numbers",
                [
                    {"label": text.loss, "number": num(row.loss, "loss"), "unit": text.nats, "main": True},
                    {"label": text.floor_uniform, "number": uniform.floor, "unit": text.nats},
                    {"label": text.floor_others, "number": others.floor, "unit": text.nats},
                    {"label": text.best, "number": num(row.best, "best"), "unit": ""},
                    {"label": text.plain, "number": row.plain, "unit": text.nats},
                ],
            ),
        ],
        wide=True,
    )


def _against(row: Smoothed) -> Panel:
    s, many = row.state, row.state.classes - 1
    gaps = [LOW + (HIGH - LOW) * i / 100 for i in range(101)]

    def run(rest: float) -> list[tuple[float, float]]:
        return [(g, math.log1p(many * math.exp(-g)) + rest * g) for g in gaps]

    shares = {c: float(many * smoothed(s.classes, s.epsilon, c, s.gap).other["value"]) for c in CONVENTIONS}  # type: ignore[operator]
    lines = [line(run(0.0), text.sharp_line, ref="plain", thin=True)]
    lines += [
        line(run(shares[c]), text.conventions[c], ref=f"floor:{c}", dashed=c != s.convention)
        for c in reversed(CONVENTIONS)
    ]
    top = max(math.log(s.classes), row.loss, shares[s.convention] * HIGH) * 1.1
    loss, best = num(row.loss, "loss"), num(row.best, "best")
    spoken = text.gap_spoken.format(gap=show_input(s.gap), loss=loss["text"])
    held = handle(text.gap, spoken, x=drag("gap", (LOW, HIGH), 0.1))
    marks = [mark(s.gap, row.loss, "loss", loss["text"], held=held)]
    if LOW <= row.best <= HIGH:
        marks.append(mark(row.best, row.floor["value"] or 0.0, "best", text.best_mark.format(best=best["text"])))
    at = sorted({LOW, 0.0, 5.0, 10.0, HIGH, s.gap})
    samples = [[smoothed(s.classes, s.epsilon, c, g) for c in CONVENTIONS] for g in at]
    return panel(
        "against",
        text.against,
        [
            curves(
                "against-gap",
                say(text.against_title),
                x=axis(text.gap_axis, LOW, HIGH, about=5),
                y=axis(text.nats, 0.0, top),
                lines=lines,
                marks=marks,
                rules=[rule("y", row.floor, text.floor_rule)],
                caption=say(text.against_caption),
                behind=table(
                    [text.gap_axis, text.sharp_line, *text.conventions.values()],
                    [
                        [show_input(g), pair[0].plain, *(num(one.loss) for one in pair)]
                        for g, pair in zip(at, samples, strict=True)
                    ],
                ),
            )
        ],
    )


def _entropy(many: int, each: float) -> float:
    keeps = 1 - many * each
    return -math.fsum(n * t * math.log(t) for n, t in ((1, keeps), (many, each)) if t > 0)


def _floors(row: Smoothed) -> Panel:
    s, k = row.state, row.state.classes
    each: dict[str, Callable[[float], float]] = {
        "uniform": lambda e: e / k,
        "others": lambda e: e / (k - 1),
    }
    shares = [i / 100 for i in range(101)]
    fine = [10 ** (i / 33 - 3) for i in range(100)]
    at = sorted({0.0, 0.05, 0.1, 0.2, 0.5, 0.9, 1.0, s.epsilon})
    pairs = [[smoothed(k, e, c, 0.0) for c in CONVENTIONS] for e in at]
    said = text.floor_spoken.format(epsilon=show_input(s.epsilon), floor=row.floor["text"])
    held = handle(text.epsilon, said, x=drag("epsilon", (0.0, 1.0), 0.01))
    most = num(math.log(k), "most")
    floor = curves(
        "floors",
        say(text.floors),
        x=axis(text.epsilon_axis, 0.0, 1.0),
        y=axis(text.nats, 0.0, math.log(k) * 1.12),
        lines=[
            line(
                [(e, _entropy(k - 1, each[c](e))) for e in shares],
                text.conventions[c],
                ref=f"floor:{c}",
                dashed=c != s.convention,
            )
            for c in CONVENTIONS
        ],
        marks=[mark(s.epsilon, row.floor["value"] or 0.0, row.floor.get("ref", ""), row.floor["text"], held=held)],
        rules=[rule("y", most, text.most_rule.format(k=k))],
        caption=say(text.floors_caption),
        behind=table(
            [text.epsilon_axis, *text.conventions.values()],
            [[show_input(e), *(one.floor for one in pair)] for e, pair in zip(at, pairs, strict=True)],
        ),
    )

    def best(convention: str, e: float) -> float:
        other = each[convention](e)
        return math.log((1 - (k - 1) * other) / other)

    shown = 0.001 <= s.epsilon < 1 and math.isfinite(row.best)
    gaps = curves(
        "gaps",
        say(text.gaps),
        x=log_axis(text.epsilon_axis, 0.001, 1.0),
        y=axis(text.gap_axis, -2.0, math.log(1000.0 * k) * 1.05),
        lines=[
            line(
                [(e, best(c, e)) for e in fine if e < 0.99],
                text.conventions[c],
                ref=f"floor:{c}",
                dashed=c != s.convention,
            )
            for c in CONVENTIONS
        ],
        marks=[mark(s.epsilon, row.best, "best", num(row.best)["text"])] if shown else [],
        caption=say(text.gaps_caption),
        behind=table(
            [text.epsilon_axis, *text.conventions.values()],
            [[show_input(e), *(num(one.best) for one in pair)] for e, pair in zip(at, pairs, strict=True)],
        ),
    )
    return panel("floor", text.floor_panel, [floor, gaps], wide=True)
