"""Temperature: what dividing the logits does to a distribution, and why distillation multiplies by T²."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.figures import (
    axis,
    bars,
    button,
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
    stack,
    table,
)
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.programs import take_home
from xent.explorer.programs.temperature import snippets
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import Many, Real, stored
from xent.explorer.text import words
from xent.explorer.view import Bar, Item, Num, Panel

NAME, VERSION = "temperature", 1

text = words("temperature")
CLASSES: tuple[str, ...] = tuple(text.classes)
SPAN = 10.0
COLD, HOT = 0.01, 100.0
DECADES = (0.01, 0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class State:
    """The logits of a model, which is the teacher below, those of its student, and one temperature for both."""

    logits: tuple[float, ...] = stored((3.0, 2.0, 0.5, -1.0), Many(Real("z", -SPAN, SPAN), 2, 6))
    temperature: float = stored(1.0, Real("T", COLD, HOT))
    student: tuple[float, ...] = stored((1.0, 2.0, -0.5, 0.5), Many(Real("s", -SPAN, SPAN), 2, 6))


PRESETS = (
    Preset(
        "order",
        right=1,
        covers=("curve",),
        begin={"temperature": 1.0},
        after=tuple({"temperature": t} for t in (1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)),
        why=lambda s: {"p": _Temper(s).prob(_Temper(s).best), "best": CLASSES[_Temper(s).best]},
    ),
    Preset(
        "squared",
        right=2,
        covers=("distil",),
        begin={"temperature": 2.0},
        after=tuple({"temperature": t} for t in (4.0, 8.0, 16.0, 32.0)),
        why=lambda s: {"raw": num(_Temper(s).raw, "raw"), "full": num(_Temper(s).raw * s.temperature**2, "full")},
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Give the student as many logits as the teacher has."""
    k = len(state.logits)
    if len(state.student) == k:
        return state, []
    student = (*state.student, *(0.0,) * k)[:k]
    said = [text.student_fitted.format(k=k)] if state.student != State.student else []
    return dataclasses.replace(state, student=student), said


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; or let the student copy its teacher."""
    if action["do"] == "copy":
        return dataclasses.replace(state, student=state.logits)
    return edit(state, action)


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    row = _Temper(state)
    panels = {
        "row": lambda: _row(row),
        "curve": lambda: _curve(row),
        "symbols": lambda: panel("symbols", text.symbols, [_softmax(row), _slope(row)]),
        "distil": lambda: _distil(row),
        "take-home": lambda: take_home(NAME, snippets(state.student, state.logits, state.temperature)),
    }
    return Drawing(panels, text.summary.format(T=row.T["text"], best=CLASSES[row.best], h=row.entropy["text"]))


class _Temper:
    """What the library says about a state; losses in nats."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.k = range(len(state.logits))
        self.p = spec.probabilities(state.logits, temperature=state.temperature)
        self.T = num(state.temperature, "T", text=show_input(state.temperature))
        self.best = max(self.k, key=state.logits.__getitem__)
        self.most = num(math.log(len(self.k)), "most")

    def prob(self, j: int, p: list[float] | None = None) -> Num:
        p = self.p if p is None else p
        return num(p[j], f"class:{j}", text=show_probability(p[j], math.fsum([*p[:j], *p[j + 1 :]])))

    @cached_property
    def entropy(self) -> Num:
        return num(spec.entropy(self.p), "entropy")

    @cached_property
    def q(self) -> list[float]:
        """The student's probabilities at the temperature."""
        return spec.probabilities(self.state.student, temperature=self.state.temperature)

    @cached_property
    def divergence(self) -> float:
        """KL(p‖q); a rounded p or q may take a tiny one below 0."""
        return max(spec.kl_divergence(self.p, self.q), 0.0)

    @cached_property
    def slope(self) -> list[float]:
        """The derivative of KL(p‖q) by the student's logits, (q − p)/T; 0 for a student like its teacher."""
        return [(b - a) / self.state.temperature for a, b in zip(self.p, self.q, strict=True)]

    @cached_property
    def raw(self) -> float:
        """The length of that gradient."""
        return math.hypot(*self.slope)


def _softmax_at(z: tuple[float, ...], temperature: float) -> list[float]:
    """Give softmax for drawing lines: `spec` is exact, and takes a hundred times as long."""
    top = max(z)
    powers = [math.exp((v - top) / temperature) for v in z]
    return [e / sum(powers) for e in powers]


def _temperatures(low: float, high: float, count: int = 80) -> list[float]:
    return [low * (high / low) ** (i / count) for i in range(count + 1)]


def _bar(j: int, number: Num, spoken: str) -> Bar:
    name = CLASSES[j]
    return {
        "ref": f"class:{j}",
        "label": name,
        "number": number,
        "spoken": spoken.format(name=name, value=number["text"]),
    }


def _logits(name: str, title: str, spoken: str, values: tuple[float, ...]) -> Item:
    rows = list[Bar]()
    for j, z in enumerate(values):
        bar = _bar(j, num(z, f"class:{j}", text=show_input(z)), spoken)
        bar["drag"] = drag(f"{name}.{j}", (-SPAN, SPAN), 0.1)
        rows.append(bar)
    return bars(name, say(title), axis(text.score, -SPAN, SPAN), rows)


def _row(row: _Temper) -> Panel:
    s = row.state
    plain = spec.probabilities(s.logits)
    rows = list[Bar]()
    for j in row.k:
        bar = _bar(j, row.prob(j), text.p_spoken)
        bar["more"] = [row.prob(j, plain)]
        rows.append(bar)
    series = [text.at.format(T=row.T["text"]), text.at_one]
    effective = num(math.exp(row.entropy["value"] or 0.0), "entropy")
    return panel(
        "row",
        text.row,
        [
            prose("story", say(text.story, T=row.T, best=CLASSES[row.best], p=row.prob(row.best), h=row.entropy)),
            controls("heat", [log_slider("temperature", text.temperature, row.T, (COLD, HOT), marks=DECADES)]),
            _logits("logits", text.logits_title, text.logit_spoken, s.logits),
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


def _curve(row: _Temper) -> Panel:
    s, hots = row.state, _temperatures(COLD, HOT)
    runs = [(t, _softmax_at(s.logits, t)) for t in hots]
    over = log_axis(text.temperature_axis, COLD, HOT)
    held = handle(
        text.temperature_axis,
        text.handle_spoken.format(T=row.T["text"], best=CLASSES[row.best], p=row.prob(row.best)["text"]),
        x=drag("temperature", (COLD, HOT), 1.05, page=2.0),
    )
    marks = [
        mark(s.temperature, row.p[j], f"class:{j}", CLASSES[j], held=held if j == row.best else None) for j in row.k
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
            [[CLASSES[j], *(row.prob(j, p) for p in exact)] for j in row.k],
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


def _distil(row: _Temper) -> Panel:
    s, t = row.state, row.state.temperature
    both = list[Bar]()
    for j in row.k:
        bar = _bar(j, row.prob(j), text.teacher_spoken)
        bar["more"] = [row.prob(j, row.q)]
        both.append(bar)
    pull = [_bar(j, num(g * t**2, f"class:{j}"), text.pull_spoken) for j, g in enumerate(row.slope)]
    reach = max(1.0, *(abs(g * t**2) for g in row.slope)) * 1.02
    return panel(
        "distil",
        text.distil,
        [
            prose("lesson", say(text.lesson, T=row.T, kl=num(row.divergence, "kl"))),
            controls("student-controls", [button(text.copy, {"do": "copy"})]),
            _logits("student", text.student_title, text.student_spoken, s.student),
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


def _scaling(row: _Temper) -> Item:
    s, hots = row.state, _temperatures(1.0, HOT)

    def length(t: float) -> float:
        p, q = _softmax_at(s.logits, t), _softmax_at(s.student, t)
        return math.hypot(*(b - a for a, b in zip(p, q, strict=True))) / t

    lengths = [(t, length(t)) for t in hots]
    low = max(min((v for _, v in lengths if v > 0), default=1e-3), 1e-12)
    high = max(1.0, *(v * t**2 for t, v in lengths))
    inside = 1.0 <= s.temperature <= HOT and row.raw > 0
    at = [(t, _Temper(dataclasses.replace(s, temperature=t)).raw) for t in DECADES[2:]]
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


def _softmax(row: _Temper) -> Item:
    y, s = row.best, row.state
    z_t = m.row(m.sub(m.mi("z"), m.mi("j")), m.mo("/"), m.mi("T", ref="T"))
    z_i = m.row(m.sub(m.mi("z"), m.mi("i")), m.mo("/"), m.mi("T", ref="T"))
    general = m.frac(m.power(m.mi("e"), z_t), m.row(m.total("i"), m.power(m.mi("e"), z_i)))
    ratio = m.frac(m.sub(m.mi("p"), m.mi("i")), m.sub(m.mi("p"), m.mi("j")))
    gap = m.row(m.mo("("), m.sub(m.mi("z"), m.mi("i")), m.mo("−"), m.sub(m.mi("z"), m.mi("j")), m.mo(")"))
    odds = m.power(m.mi("e"), m.row(gap, m.mo("/"), m.mi("T", ref="T")))
    other = max((j for j in row.k if j != y), key=s.logits.__getitem__)
    here = spec.probabilities((s.logits[y], s.logits[other]), temperature=s.temperature)
    value = num(here[0] / here[1] if here[1] > 0 else math.inf, "T")
    live = m.row(
        m.frac(m.sub(m.mi("p"), m.mtext(CLASSES[y])), m.sub(m.mi("p"), m.mtext(CLASSES[other]))),
        m.mo("="),
        m.mn(value),
    )
    return formula(
        "softmax",
        m.lines(
            [
                [m.sub(m.mi("p"), m.mi("j")), m.mo("="), general],
                [ratio, m.mo("="), odds],
                [m.mtext(""), m.mo(""), live],
            ]
        ),
        spoken=text.softmax_spoken.format(first=CLASSES[y], second=CLASSES[other], value=value["text"]),
        note=text.softmax_note,
    )


def _slope(row: _Temper) -> Item:
    kl = m.row(m.mtext("KL"), m.mo("("), m.mi("p"), m.mo("‖"), m.mi("q"), m.mo(")"))
    slope = m.frac(m.row(m.mi("∂"), kl), m.row(m.mi("∂"), m.sub(m.mi("s"), m.mi("j"))))
    gap = m.row(m.sub(m.mi("q"), m.mi("j")), m.mo("−"), m.sub(m.mi("p"), m.mi("j")))
    square = m.power(m.mi("T", ref="T"), m.el("mn", "2"))
    far = m.frac(
        m.row(m.sub(m.mi("s"), m.mi("j")), m.mo("−"), m.sub(m.mi("z"), m.mi("j"))), m.row(m.mi("K"), square)
    )
    return formula(
        "slope",
        m.lines([[slope, m.mo("="), m.row(m.frac(gap, m.mi("T", ref="T")), m.mo("≈"), far)]]),
        spoken=text.slope_spoken.format(T=row.T["text"]),
        note=text.slope_note,
    )
