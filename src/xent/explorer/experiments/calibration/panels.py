"""The panels of the experiment."""

from __future__ import annotations

import math
from functools import lru_cache

from xent.explorer import mathml as m
from xent.explorer.experiments.calibration import sample as s
from xent.explorer.experiments.calibration.state import COLD, HOT, Case
from xent.explorer.figures import (
    axis,
    button,
    choice,
    controls,
    curves,
    drag,
    formula,
    handle,
    line,
    log_axis,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    scatter,
    slider,
    stack,
    table,
)
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Control, Dot, Inline, Item, Line, Mark, Num, Panel, Picture, Region, Rule

text = words("calibration")
WIDEST = 3.0  # of the factor on the logits
FACTORS = (0.25, 0.5, 1.0, 2.0, 3.0)
SHOWN = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
MOST_SOURCES = 4


def rows(case: Case) -> Panel:
    """Say how sure the model is and how right, beside the row that costs most."""
    state, taken = case.state, case.taken
    items: list[Control] = []
    if len(case.sources) > 1:
        items.append(
            choice("source", text.source, state.source, {key: r.name for key, r in list(case.sources.items())})
        )
    items.append(log_slider("temperature", text.temperature, case.T, (COLD, HOT), marks=(0.1, 1.0, 10.0)))
    if s.fit(taken).temperature is not None:
        items.append(button(text.do_fit, {"do": "fit"}))
    bins = num(state.bins, "bins", text=str(state.bins))
    items.append(slider("bins", text.bins, bins, (2, 40), step=1))
    luck, spread = case.luck
    return panel(
        "rows",
        text.rows,
        [
            _story(case),
            controls("calibration", items),
            readout(
                "numbers",
                [
                    {"label": text.loss, "number": case.loss, "unit": text.nats, "main": True},
                    {"label": text.accuracy, "number": num(taken.accuracy, "accuracy"), "unit": text.of_rows},
                    {"label": text.confidence, "number": case.confidence, "unit": text.on_average},
                    {
                        "label": text.ece,
                        "number": num(case.error, "ece"),
                        "unit": text.in_bins.format(n=state.bins),
                    },
                    {
                        "label": text.luck,
                        "number": num(luck, "luck"),
                        "unit": text.give_or_take.format(sd=num(spread)["text"]),
                    },
                ],
            ),
        ],
        wide=True,
    )


def _story(case: Case) -> Item:
    taken, i = case.taken, case.costliest
    data, at = taken.rows, taken.index[i]
    said, right = data.classes[int(data.predicted[at])], data.classes[int(data.labels[at])]
    tail = s.tails(taken, case.state.temperature)[i]
    sure = num(1 / (1 + tail), text=show_probability(1 / (1 + tail), tail / (1 + tail)))
    words: list[Inline] = [
        *say(
            text.story,
            T=case.T,
            name=data.name,
            hits=str(sum(taken.right)),
            n=str(len(taken)),
            accuracy=num(taken.accuracy, "accuracy"),
            sure=case.confidence,
        ),
        *say(_verdict(case)),
        *say(
            text.costliest_right if taken.right[i] else text.costliest_wrong,
            loss=num(case.losses[i], "worst"),
            said=said,
            right=right,
            p=sure,
        ),
    ]
    if len(taken) < len(data.labels):
        words += say(text.sampled, n=str(len(taken)), all=str(len(data.labels)))
    if data.images is None or data.width is None:
        return prose("calibration-story", words)
    picture: Picture = {
        "pixels": data.images[at],
        "width": data.width,
        "label": text.picture.format(row=at, right=right),
    }
    return prose("calibration-story", words, beside=picture)


def _verdict(case: Case) -> str:
    """Hold mean confidence against accuracy, by twice what luck alone does."""
    sure = s.confidences(case.taken, case.state.temperature)
    luck = math.sqrt(math.fsum(c * (1 - c) for c in sure)) / len(sure)
    apart = math.fsum(sure) / len(sure) - case.taken.accuracy
    if abs(apart) <= 2 * luck:
        return text.verdict_fair
    return text.verdict_over if apart > 0 else text.verdict_under


def diagram(case: Case) -> Item:
    """Draw accuracy against confidence, bin by bin, with what luck alone does."""
    regions: list[Region] = []
    lines: list[Line] = [line([(0, 0), (1, 1)], text.diagonal, dashed=True)]
    dots: list[Dot] = []
    for b in case.bins:
        low, high = b.low + 0.004, b.high - 0.004
        if b.accuracy > 0:
            corners = [(low, 0.0), (high, 0.0), (high, b.accuracy), (low, b.accuracy)]
            regions.append({"points": corners, "ref": "class:0", "label": ""})
        reach = [min(max(b.confidence + side * 2 * b.by_luck, 0.0), 1.0) for side in (-1, 1)]
        lines.append(line([(b.confidence, y) for y in reach], ref="luck"))
        dots.append(
            {
                "x": b.confidence,
                "y": b.accuracy,
                "ref": "class:0",
                "shape": "circle",
                "label": str(b.count) if case.state.bins <= 12 else "",
            }
        )
    return scatter(
        "reliability",
        say(text.diagram),
        x=axis(text.x_confidence, 0.0, 1.0),
        y=axis(text.y_accuracy, 0.0, 1.0),
        regions=regions,
        lines=lines,
        dots=dots,
        square=True,
        caption=say(text.diagram_caption),
        behind=table(
            [text.bin, text.count, text.x_confidence, text.y_accuracy, text.two_sigma],
            [
                [
                    f"{show_input(b.low)}–{show_input(b.high)}",
                    num(b.count, text=str(b.count)),
                    num(b.confidence),
                    num(b.accuracy),
                    num(2 * b.by_luck),
                ]
                for b in case.bins
            ],
        ),
    )


@lru_cache(maxsize=8)
def _over_temperatures(taken: s.Sample) -> list[tuple[float, float]]:
    """Give the mean loss at temperatures evenly apart in their logarithm."""
    hot = [COLD * (HOT / COLD) ** (i / 60) for i in range(61)]
    return [(t, s.mean_loss(taken, t)) for t in hot]


def fitted(case: Case) -> Item:
    """Draw the loss against the temperature, for all sources, with the least of each."""
    mine, t = case.taken, case.state.temperature
    chosen = list(case.sources.items())[:MOST_SOURCES]
    if case.state.source not in dict(chosen):
        chosen[-1] = (case.state.source, case.rows)
    samples = [(key, data, s.sample(data)) for key, data in chosen]
    runs = {key: _over_temperatures(taken) for key, _, taken in samples}
    finite = [v for run in runs.values() for _, v in run if 0 < v < math.inf]
    low, high = max(min(finite, default=0.1), 1e-6), max(finite, default=1.0)
    low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
    refs = {key: f"class:{j}" for j, (key, _, _) in enumerate(samples)}
    best = s.fit(mine)
    marks: list[Mark] = []
    here = case.loss["value"]
    if here is not None and low <= here <= high:
        spoken = text.handle_spoken.format(T=case.T["text"], loss=case.loss["text"])
        held = handle(text.temperature, spoken, x=drag("temperature", (COLD, HOT), 1.05, page=2.0))
        marks.append(mark(t, here, refs[case.state.source], case.loss["text"], held=held))
    rules: list[Rule] = []
    said = say(text.no_fit)
    if best.temperature is not None:
        temperature = num(best.temperature, "best")
        if COLD <= best.temperature <= HOT:
            rules.append(rule("x", temperature, text.best_rule))
        said = say(
            text.fit_cold if best.temperature < 1 else text.fit_hot,
            T=temperature,
            loss=num(best.loss, "best"),
            saved=num(best.at_one - best.loss),
        )
    rows: list[list[str | Num]] = [
        [show_input(at), *(num(s.mean_loss(taken, at)) for _, _, taken in samples)] for at in SHOWN
    ]
    fits = [s.fit(taken).temperature for _, _, taken in samples]
    rows.append([text.best_temperature, *(num(f) if f is not None else text.none for f in fits)])
    return curves(
        "temperatures",
        say(text.fit_title),
        x=log_axis(text.temperature, COLD, HOT),
        y=log_axis(text.mean_loss, low, high),
        lines=[
            line([(a, v) if v > 0 else None for a, v in runs[key]], data.name, ref=refs[key], dashed=j > 0)
            for j, (key, data, _) in enumerate(samples)
        ],
        marks=marks,
        rules=rules,
        caption=said,
        behind=table([text.temperature, *(data.name for _, data, _ in samples)], rows),
    )


@lru_cache(maxsize=8)
def _over_scales(taken: s.Sample) -> list[tuple[float, float, float]]:
    """Give s, and what right answers and mistakes add to the mean loss when all logits are multiplied by s."""
    out: list[tuple[float, float, float]] = []
    for i in range(1, 51):
        factor = WIDEST * (i / 50) ** 2  # the curves bend where s is small
        costs = s.losses(taken, 1 / factor)
        right = math.fsum(c for c, ok in zip(costs, taken.right, strict=True) if ok) / len(taken)
        out.append((factor, right, math.fsum(costs) / len(taken) - right))
    return out


def scale(case: Case) -> Panel:
    """Show why the loss rises while accuracy does not fall: who pays, against the size of the logits."""
    factor = 1 / case.state.temperature
    runs = _over_scales(case.taken)
    finite = [right + wrong for _, right, wrong in runs if right + wrong < math.inf]
    top = max([*finite, 0.1]) * 1.05
    shown = num(factor, "scale", text=show_input(factor))
    accuracy = num(case.taken.accuracy, "accuracy")
    marks: list[Mark] = []
    if factor <= WIDEST and (case.loss["value"] or math.inf) <= top:
        spoken = text.scale_spoken.format(s=shown["text"], loss=case.loss["text"], accuracy=accuracy["text"])
        held = handle(text.scale_axis, spoken, x=drag("scale", (1 / HOT, WIDEST), 0.05))
        marks = [
            mark(factor, case.loss["value"] or 0.0, "loss", case.loss["text"], held=held),
            mark(factor, case.by_right, "class:0", ""),
            mark(factor, case.by_mistakes, "class:1", ""),
        ]
    some = [s.losses(case.taken, 1 / at) for at in FACTORS]
    return panel(
        "scale",
        text.scale,
        [
            prose("scale-story", say(text.scale_story, s=shown, accuracy=accuracy, loss=case.loss)),
            curves(
                "scales",
                say(text.scale_title),
                x=axis(text.scale_axis, 0.0, WIDEST),
                y=axis(text.nats, 0.0, top),
                lines=[
                    line([(f, a + b) for f, a, b in runs], text.total, ref="loss"),
                    line([(f, a) for f, a, _ in runs], text.from_right, ref="class:0"),
                    line([(f, b) for f, _, b in runs], text.from_mistakes, ref="class:1", dashed=True),
                ],
                marks=marks,
                caption=say(text.scale_caption),
                behind=table(
                    [text.scale_axis, text.total, text.from_right, text.from_mistakes, text.accuracy],
                    [
                        [
                            show_input(at),
                            num(math.fsum(costs) / len(costs)),
                            num(_part(costs, case.taken.right, of=True)),
                            num(_part(costs, case.taken.right, of=False)),
                            accuracy,
                        ]
                        for at, costs in zip(FACTORS, some, strict=True)
                    ],
                ),
            ),
        ],
    )


def _part(costs: list[float], right: tuple[bool, ...], *, of: bool) -> float:
    return math.fsum(c for c, ok in zip(costs, right, strict=True) if ok is of) / len(costs)


def who(case: Case) -> Panel:
    """Lay the shares of the total loss end to end."""
    i, n = case.costliest, len(case.taken)
    total = case.by_right + case.by_mistakes
    worst, ok = case.losses[i] / n, case.taken.right[i]
    wrong = n - sum(case.taken.right)
    if not 0 < total < math.inf:
        return panel("who", text.who, [prose("who-none", say(text.who_none, loss=case.loss))])
    parts = [
        (text.the_worst, "worst", worst / total, 1),
        (
            text.other_mistakes,
            "class:1",
            max(case.by_mistakes - (0 if ok else worst), 0.0) / total,
            wrong - (not ok),
        ),
        (text.right_rows, "class:0", max(case.by_right - (worst if ok else 0), 0.0) / total, n - wrong - ok),
    ]
    percent = [(label, ref, 100 * share, count) for label, ref, share, count in parts if count]
    return panel(
        "who",
        text.who,
        [
            stack(
                "who",
                say(text.who_title),
                axis(text.percent, 0.0, 100.0),
                [(label, ref, share) for label, ref, share, _ in percent],
                behind=table(
                    [text.group, text.count, text.percent],
                    [[label, str(count), num(share, ref)] for label, ref, share, count in percent],
                ),
                rules=[],
                caption=say(
                    text.who_caption,
                    wrong=str(wrong),
                    n=str(n),
                    share=num(100 * case.by_mistakes / total, "class:1"),
                    worst=num(100 * worst / total, "worst"),
                ),
            )
        ],
    )


def symbols(case: Case) -> Panel:
    """Write the condition of the best temperature, and the error with its value by luck."""
    own, expected, _ = s.slopes(case.taken, case.state.temperature)
    gap = m.sub(m.mi("g"), m.mi("y"))
    slope = m.frac(
        m.row(m.mi("d"), m.mi("L")), m.row(m.mi("d"), m.mo("("), m.el("mn", "1"), m.mo("/"), m.mi("T"), m.mo(")"))
    )
    average = m.row(
        m.mtext(text.mean),
        m.thin(),
        m.mo("("),
        gap,
        m.mo("−"),
        m.sub(m.mi("E"), m.mi("p")),
        m.mo("["),
        m.mi("g"),
        m.mo("]"),
        m.mo(")"),
    )
    first, second, value = num(own), num(expected), num(own - expected)
    condition = m.lines(
        [
            [slope, m.mo("="), average],
            [m.mtext(""), m.mo("="), m.row(m.mn(first), m.mo("−"), m.mn(second), m.mo("="), m.mn(value))],
        ]
    )
    weight = m.frac(m.sub(m.mi("n"), m.mi("b")), m.mi("N"))
    apart = m.row(
        m.mo("|"), m.sub(m.mtext("acc"), m.mi("b")), m.mo("−"), m.sub(m.mtext("conf"), m.mi("b")), m.mo("|")
    )
    error = num(case.error, "ece")
    definition = m.row(m.mtext("ECE"), m.mo("="), m.total("b"), weight, m.thin(), apart, m.mo("="), m.mn(error))
    luck = num(case.luck[0], "luck")
    return panel(
        "symbols",
        text.symbols,
        [
            formula(
                "condition",
                condition,
                spoken=text.condition_spoken.format(own=first["text"], expected=second["text"]),
                note=text.condition_note,
            ),
            formula(
                "ece",
                definition,
                spoken=text.ece_spoken.format(ece=error["text"], luck=luck["text"]),
                note=text.ece_note,
            ),
        ],
    )
