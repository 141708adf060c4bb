"""The panels of the experiment."""

from __future__ import annotations

import dataclasses
import math

from xent import spec
from xent.explorer import browse
from xent.explorer.experiments.temperature.row import Temper
from xent.explorer.experiments.temperature.state import COLD, HOT, State
from xent.explorer.figures import (
    axis,
    bars,
    button,
    controls,
    curves,
    drag,
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
    stack,
    table,
)
from xent.explorer.gallery import gallery, picture
from xent.explorer.numbers import num, show_input
from xent.explorer.section import Sources
from xent.explorer.text import words
from xent.explorer.view import Bar, Item, Num, Panel

text = words("temperature")
DECADES = (0.01, 0.1, 1.0, 10.0, 100.0)


def _softmax_at(z: tuple[float, ...], temperature: float) -> list[float]:
    """Give softmax for drawing lines: `spec` is exact, and takes a hundred times as long."""
    top = max(z)
    powers = [math.exp((v - top) / temperature) for v in z]
    return [e / sum(powers) for e in powers]


def _temperatures(low: float, high: float, count: int = 80) -> list[float]:
    return [low * (high / low) ** (i / count) for i in range(count + 1)]


def _bar(row: Temper, j: int, number: Num, spoken: str) -> Bar:
    name = row.names[j]
    return {
        "ref": f"class:{j}",
        "label": name,
        "number": number,
        "spoken": spoken.format(name=name, value=number["text"]),
    }


def _logits(row: Temper, name: str, title: str, spoken: str, values: tuple[float, ...]) -> Item:
    rows, span = list[Bar](), float(row.state.span)
    for j, z in enumerate(values):
        bar = _bar(row, j, num(z, f"class:{j}", text=show_input(z)), spoken)
        bar["drag"] = drag(f"{name}.{j}", (-span, span), span / 100)
        rows.append(bar)
    return bars(name, say(title), axis(text.score, -span, span), rows)


def data(s: State, sources: Sources) -> Panel:
    """Offer rows to heat."""
    shown = gallery(sources, browse.source_of(s, sources), s.row, s.page, mistakes=s.mistakes == "mistakes")
    return panel("data", text.real, [shown], wide=True)


def one(row: Temper, sources: Sources) -> Panel:
    """Draw the row at the temperature, beside itself at 1."""
    s = row.state
    plain = spec.probabilities(s.logits)
    rows = list[Bar]()
    for j in row.k:
        bar = _bar(row, j, row.prob(j), text.p_spoken)
        bar["more"] = [row.prob(j, plain)]
        rows.append(bar)
    series = [text.at.format(T=row.T["text"]), text.at_one]
    effective = num(math.exp(row.entropy["value"] or 0.0), "entropy")
    return panel(
        "row",
        text.row,
        [
            prose(
                "story",
                say(text.story, T=row.T, best=row.names[row.best], p=row.prob(row.best), h=row.entropy),
                beside=picture(sources[browse.source_of(s, sources)], s.row) if s.row >= 0 else None,
            ),
            controls("heat", [log_slider("temperature", text.temperature, row.T, (COLD, HOT), marks=DECADES)]),
            _logits(row, "logits", text.logits_title, text.logit_spoken, s.logits),
            bars("p", say(text.p_title), axis(text.p_axis, 0.0, 1.0), rows, series=series),
            stack(
                "entropy",
                say(text.meter),
                axis(text.nats, 0.0, math.log(len(row.k)) * 1.08),
                [(text.entropy, "entropy", row.entropy["value"] or 0.0)],
                behind=table([text.quantity, text.nats], [[text.entropy, row.entropy], [text.most, row.most]]),
                rules=[rule("x", row.most, text.most_rule.format(k=len(row.k)))],
                caption=say(text.meter_caption, n=effective),
            ),
        ],
        wide=True,
    )


def curve(row: Temper) -> Panel:
    """Draw the row at every temperature."""
    s, hots = row.state, _temperatures(COLD, HOT)
    runs = [(t, _softmax_at(s.logits, t)) for t in hots]
    over = log_axis(text.temperature_axis, COLD, HOT)
    held = handle(
        text.temperature_axis,
        text.handle_spoken.format(T=row.T["text"], best=row.names[row.best], p=row.prob(row.best)["text"]),
        x=drag("temperature", (COLD, HOT), 1.05, page=2.0),
    )
    marks = [
        mark(s.temperature, row.p[j], f"class:{j}", row.names[j], held=held if j == row.best else None)
        for j in row.k
    ]
    exact = [spec.probabilities(s.logits, temperature=t) for t in DECADES]
    decades = [num(t, text=show_input(t)) for t in DECADES]
    shares = curves(
        "shares",
        say(text.shares_title),
        x=over,
        y=axis(text.probability, 0.0, 1.0),
        lines=[line([(t, p[j]) for t, p in runs], ref=f"class:{j}") for j in row.k],
        marks=marks,
        caption=say(text.shares_caption),
        behind=table(
            [text.table_class, *(f"T = {t['text']}" for t in decades)],
            [[row.names[j], *(row.prob(j, p) for p in exact)] for j in row.k],
        ),
    )
    entropy = curves(
        "heat-entropy",
        say(text.entropy_title),
        x=over,
        y=axis(text.nats, 0.0, math.log(len(row.k)) * 1.08),
        lines=[line([(t, -sum(q * math.log(q) for q in p if q > 0)) for t, p in runs], ref="entropy")],
        marks=[mark(s.temperature, row.entropy["value"] or 0.0, "entropy", text.entropy)],
        rules=[rule("y", row.most, text.most_rule.format(k=len(row.k)))],
        behind=table(
            [text.temperature_axis, text.nats],
            [[t["text"], num(spec.entropy(p))] for t, p in zip(decades, exact, strict=True)],
        ),
    )
    return panel("curve", text.every, [shares, entropy])


def distil(row: Temper) -> Panel:
    """Let a student learn what the row says at the temperature."""
    s, t = row.state, row.state.temperature
    both = list[Bar]()
    for j in row.k:
        bar = _bar(row, j, row.prob(j), text.teacher_spoken)
        bar["more"] = [row.prob(j, row.q)]
        both.append(bar)
    pull = [_bar(row, j, num(g * t**2, f"class:{j}"), text.pull_spoken) for j, g in enumerate(row.slope)]
    reach = max(1.0, *(abs(g * t**2) for g in row.slope)) * 1.02
    return panel(
        "distil",
        text.distil,
        [
            prose("lesson", say(text.lesson, T=row.T, kl=num(row.divergence, "kl"))),
            controls("student-controls", [button(text.copy, {"do": "copy"})]),
            _logits(row, "student", text.student_title, text.student_spoken, s.student),
            bars("soft", say(text.soft_title), axis(text.p_axis, 0.0, 1.0), both, series=text.pair),
            bars("pull", say(text.pull_title), axis(text.pull_axis, -reach, reach), pull),
            readout(
                "distil-numbers",
                [
                    {"label": text.kl, "number": num(row.divergence, "kl"), "unit": text.nats},
                    {"label": text.kl_full, "number": num(row.divergence * t**2, "full"), "unit": text.nats},
                    {"label": text.raw, "number": num(row.raw, "raw"), "unit": text.per_logit},
                    {"label": text.full, "number": num(row.raw * t**2, "full"), "unit": text.per_logit},
                ],
            ),
            _scaling(row),
        ],
        wide=True,
    )


def _scaling(row: Temper) -> Item:
    s, hots = row.state, _temperatures(1.0, HOT)

    def length(t: float) -> float:
        p, q = _softmax_at(s.logits, t), _softmax_at(s.student, t)
        return math.hypot(*(b - a for a, b in zip(p, q, strict=True))) / t

    lengths = [(t, length(t)) for t in hots]
    low = max(min((v for _, v in lengths if v > 0), default=1e-3), 1e-12)
    high = max(1.0, *(v * t**2 for t, v in lengths))
    inside = 1.0 <= s.temperature <= HOT and row.raw > 0
    at = [(t, Temper(dataclasses.replace(s, temperature=t)).raw) for t in DECADES[2:]]
    return curves(
        "scaling",
        say(text.scaling_title),
        x=log_axis(text.temperature_axis, 1.0, HOT),
        y=log_axis(text.per_logit, low / 2, high * 2),
        lines=[
            line([(t, v) if v > 0 else None for t, v in lengths], text.raw_line, ref="raw"),
            line([(t, v * t**2) if v > 0 else None for t, v in lengths], text.full_line, ref="full"),
        ],
        marks=[
            mark(s.temperature, row.raw, "raw", num(row.raw)["text"]),
            mark(s.temperature, row.raw * s.temperature**2, "full", num(row.raw * s.temperature**2)["text"]),
        ]
        if inside
        else [],
        caption=say(text.scaling_caption),
        behind=table(
            [text.temperature_axis, text.raw, text.full],
            [[show_input(t), num(raw), num(raw * t**2)] for t, raw in at],
        ),
    )
