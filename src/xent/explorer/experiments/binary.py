"""Yes or no, and several at once: sigmoid and binary cross-entropy beside softmax, and what a pos_weight does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.figures import (
    axis,
    bars,
    button,
    choice,
    controls,
    curves,
    drag,
    formula,
    handle,
    line,
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
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError, Flag, Many, OneOf, Real, stored
from xent.explorer.text import words
from xent.explorer.view import Bar, Handle, Item, Line, Num, Panel, ReadoutItem

NAME, VERSION = "binary", 1

text = words("binary")
CLASSES: tuple[str, ...] = tuple(text.classes)
SPAN = 10.0
STEPS = 120
PLACES = [-SPAN + 2 * SPAN * i / STEPS for i in range(STEPS + 1)]
TABLED = (-10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0)
YES, NO = "class:0", "class:1"


@dataclass(frozen=True)
class State:
    """A question with one logit; the same with two; one logit for each of several labels; rare positives."""

    z: float = stored(-1.5, Real("z", -SPAN, SPAN))
    y: str = stored("1", OneOf("y", ("1", "0")))
    pair: tuple[float, ...] = stored((2.0, 0.5), Many(Real("pair", -SPAN, SPAN), 2, 2))
    scores: tuple[float, ...] = stored((3.0, 2.0, -1.0, -3.0), Many(Real("s", -SPAN, SPAN), 2, 6))
    hot: tuple[bool, ...] = stored((True, True, False, False), Many(Flag("hot"), 2, 6))
    share: float = stored(0.1, Real("share", 0.01, 0.99))
    weight: float = stored(9.0, Real("c", 0.1, 100.0))


PRESETS = (
    Preset(
        "both",
        right=1,
        covers=("heads",),
        begin={"scores": (0.0, 0.0, 0.0, 0.0)},
        after=tuple({"scores": (s, s, -s, -s)} for s in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)),
        why=lambda s: {
            "p": _Heads(s).soft(0),
            "q": _Heads(s).soft(1),
            "loss": _Heads(s).soft_loss,
            "floor": _Heads(s).floor,
            "s": _Heads(s).sigmoid(0),
        },
    ),
    Preset(
        "one",
        right=2,
        covers=("two",),
        begin={"pair": (2.0, 0.5)},
        after=tuple({"pair": (2.0 + d, 0.5 + d)} for d in (1.0, 3.0, 6.0, -3.0, -8.0, -2.0, -0.5)),
        why=lambda s: {
            "gap": num(s.pair[0] - s.pair[1], text=show_input(s.pair[0] - s.pair[1])),
            "p": _yes(_Bit(s.pair, 1)),
        },
    ),
    Preset(
        "rare",
        right=1,
        covers=("weight",),
        begin={"share": 0.1, "weight": 1.0},
        after=tuple({"weight": c} for c in (1.5, 2.0, 3.0, 4.0, 6.0, 9.0)),
        why=lambda s: {
            "c": num(s.weight, text=show_input(s.weight)),
            "share": num(s.share, text=show_input(s.share)),
            "p": num(_balanced(s.share, s.weight)),
        },
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Give every score a target."""
    k = len(state.scores)
    if len(state.hot) == k:
        return state, []
    said = [text.hot_fitted.format(k=k)] if state.hot != State.hot else []
    return dataclasses.replace(state, hot=(*state.hot, *(False,) * k)[:k]), said


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; make a label true or false; add the same to both logits."""
    value = action.get("value")
    if action["do"] == "label":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(state.hot):
            raise ActionError(text.no_label.format(value=repr(value)[:40], last=len(state.hot) - 1))
        return dataclasses.replace(state, hot=tuple(v != (j == value) for j, v in enumerate(state.hot)))
    if action["do"] == "shift":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ActionError(text.no_shift.format(value=repr(value)[:40]))
        moved = tuple(z + value for z in state.pair)
        if max(map(abs, moved)) > SPAN:
            raise ActionError(text.far_shift.format(span=show_input(SPAN)))
        return dataclasses.replace(state, pair=moved)
    return edit(state, action)


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    bit = _Bit((state.z, 0.0), int(state.y))
    panels = {
        "one": lambda: _one(bit),
        "loss": lambda: panel("loss", text.loss_panel, [_losses(bit)]),
        "slope": lambda: panel("slope", text.slope_panel, [_slopes(bit)]),
        "two": lambda: _two(state),
        "heads": lambda: _heads(_Heads(state)),
        "weight": lambda: _weighted(state),
        "symbols": lambda: panel("symbols", text.symbols, [_sigmoid_formula(bit), _pair_formula(state)]),
    }
    summary = text.summary.format(p=_yes(bit)["text"], loss=bit.loss["text"], slope=bit.slope["text"])
    return Drawing(panels, summary)


class _Bit:
    """A question answered by a pair of logits, yes first: with (z, 0) it is sigmoid and binary cross-entropy."""

    def __init__(self, pair: tuple[float, ...], y: int) -> None:
        self.pair, self.y = pair, y
        self.p, self.q = spec.probabilities(pair)
        self.ref = YES if y else NO

    @property
    def z(self) -> Num:
        return num(self.pair[0], "z", text=show_input(self.pair[0]))

    @cached_property
    def loss(self) -> Num:
        return num(spec.loss(self.pair, 1 - self.y), self.ref)

    @cached_property
    def slopes(self) -> list[float]:
        return spec.gradient(self.pair, 1 - self.y)

    @property
    def slope(self) -> Num:
        return num(self.slopes[0], "slope")


def _yes(bit: _Bit) -> Num:
    return num(bit.p, YES, text=show_probability(bit.p, bit.q))


class _Heads:
    """The same logits read as one choice (softmax) and as a question each (sigmoid)."""

    def __init__(self, state: State) -> None:
        self.z = state.scores
        self.k = range(len(self.z))
        self.hot = state.hot
        self.right = [CLASSES[j] for j in self.k if self.hot[j]]
        count = len(self.right)
        self.target = [1 / count if on else 0.0 for on in self.hot] if count else [0.0] * len(self.z)
        self.p = spec.probabilities(self.z)
        self.pairs = [spec.probabilities((z, 0.0)) for z in self.z]

    def soft(self, j: int) -> Num:
        others = math.fsum(p for i, p in enumerate(self.p) if i != j)
        return num(self.p[j], f"class:{j}", text=show_probability(self.p[j], others))

    def sigmoid(self, j: int) -> Num:
        p, q = self.pairs[j]
        return num(p, f"class:{j}", text=show_probability(p, q))

    @cached_property
    def soft_loss(self) -> Num:
        return num(spec.loss(self.z, self.target), "soft")

    @cached_property
    def floor(self) -> Num:
        """The entropy of the shared target; there is none where nothing is true."""
        return num(math.log(len(self.right)) if self.right else 0.0, "floor")

    @cached_property
    def each(self) -> list[float]:
        return [spec.loss((z, 0.0), 0 if on else 1) for z, on in zip(self.z, self.hot, strict=True)]

    @cached_property
    def bits(self) -> Num:
        return num(math.fsum(self.each), "bits")

    @cached_property
    def total(self) -> Num:
        return num(math.fsum(p for p, _ in self.pairs), "bits")


def _sigma(z: float) -> float:
    """Give σ(z) for drawing lines: `spec` is exact, and takes a hundred times as long."""
    return 1 / (1 + math.exp(-z))


def _cost(z: float) -> float:
    """Give −log σ(z) for drawing lines."""
    return max(-z, 0.0) + math.log1p(math.exp(-abs(z)))


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[tuple[float, float]]]:
    """Give the curves that no state changes."""
    return {
        "sigma": [(z, _sigma(z)) for z in PLACES],
        "loss1": [(z, _cost(z)) for z in PLACES],
        "loss0": [(z, _cost(-z)) for z in PLACES],
        "slope1": [(z, -_sigma(-z)) for z in PLACES],
        "slope0": [(z, _sigma(z)) for z in PLACES],
    }


def _held(spoken: str) -> Handle:
    return handle(text.logit, spoken, x=drag("z", (-SPAN, SPAN), 0.1))


def _one(bit: _Bit) -> Panel:
    answer = text.answers[str(bit.y)]
    p, z = _yes(bit), bit.z["value"] or 0.0
    drive = text.up if bit.y else text.down
    said = say(text.story_yes if bit.y else text.story_no, z=bit.z, p=p, loss=bit.loss, g=bit.slope, drive=drive)
    numbers: list[ReadoutItem] = [
        {"label": text.p_label, "number": p, "unit": ""},
        {"label": text.loss_label, "number": bit.loss, "unit": text.nats, "main": True},
        {"label": text.slope_label, "number": bit.slope, "unit": text.per_logit},
    ]
    return panel(
        "one",
        text.one,
        [
            prose("story", said),
            controls(
                "ask",
                [
                    choice("y", text.truth, str(bit.y), dict(text.answers)),
                    slider("z", text.logit, bit.z, (-SPAN, SPAN), step=0.1),
                ],
            ),
            readout("one-numbers", numbers),
            _area(bit, z, text.area_spoken.format(z=bit.z["text"], p=p["text"], answer=answer)),
        ],
        wide=True,
    )


def _area(bit: _Bit, z: float, spoken: str) -> Item:
    """Draw the loss as the area between σ and the truth, from the logit on."""
    line_up = [u for u in PLACES if u > z] if bit.y else [u for u in PLACES if u < z]
    under = [(z, bit.p), *((u, _sigma(u)) for u in (line_up if bit.y else line_up[::-1]))]
    end = SPAN if bit.y else -SPAN
    rest = num(spec.loss((SPAN, 0.0), 0))
    exact = [(num(u, text=show_input(u)), _Bit((u, 0.0), bit.y)) for u in TABLED]
    return scatter(
        "area",
        say(text.area_title),
        x=axis(text.logit, -SPAN, SPAN, about=8),
        y=axis(text.sigma_axis, 0.0, 1.0),
        lines=[line(_lines()["sigma"])],
        regions=[{"points": [*under, (end, float(bit.y)), (z, float(bit.y))], "ref": bit.ref, "label": ""}],
        arrows=[{"start": (z, bit.p), "end": (z, float(bit.y)), "ref": "slope"}],
        marks=[mark(z, bit.p, YES, _yes(bit)["text"], held=_held(spoken))],
        behind=table(
            [text.logit, text.sigma_axis, text.loss_label, text.slope_label],
            [[u["text"], _yes(one), one.loss, one.slope] for u, one in exact],
        ),
        caption=say(text.area_caption, loss=bit.loss, g=bit.slope, rest=rest),
    )


def _both_ways(bit: _Bit, kind: str) -> list[Line]:
    names = text.lines
    return [
        line(_lines()[f"{kind}1"], names["1"], ref=YES, dashed=not bit.y),
        line(_lines()[f"{kind}0"], names["0"], ref=NO, dashed=bool(bit.y)),
    ]


def _losses(bit: _Bit) -> Item:
    spoken = text.loss_spoken.format(z=bit.z["text"], loss=bit.loss["text"])
    z = bit.z["value"] or 0.0
    exact = [(show_input(u), [num(spec.loss((u, 0.0), wrong)) for wrong in (0, 1)]) for u in TABLED]
    return curves(
        "losses",
        say(text.losses_title),
        x=axis(text.logit, -SPAN, SPAN),
        y=axis(text.nats, 0.0, SPAN),
        lines=_both_ways(bit, "loss"),
        marks=[mark(z, bit.loss["value"] or 0.0, bit.ref, bit.loss["text"], held=_held(spoken))],
        behind=table([text.logit, *text.lines.values()], [[u, *row] for u, row in exact]),
        caption=say(text.losses_caption),
    )


def _slopes(bit: _Bit) -> Item:
    spoken = text.slope_spoken.format(z=bit.z["text"], slope=bit.slope["text"])
    z = bit.z["value"] or 0.0
    exact = [(show_input(u), [num(spec.gradient((u, 0.0), wrong)[0]) for wrong in (0, 1)]) for u in TABLED]
    return curves(
        "slopes",
        say(text.slopes_title),
        x=axis(text.logit, -SPAN, SPAN),
        y=axis(text.per_logit, -1.0, 1.0),
        lines=_both_ways(bit, "slope"),
        marks=[mark(z, bit.slopes[0], bit.ref, bit.slope["text"], held=_held(spoken))],
        behind=table([text.logit, *text.lines.values()], [[u, *row] for u, row in exact]),
        caption=say(text.slopes_caption),
    )


def _bar(j: int, label: str, number: Num, spoken: str) -> Bar:
    return {
        "ref": f"class:{j}",
        "label": label,
        "number": number,
        "spoken": spoken.format(name=label, value=number["text"]),
    }


def _two(state: State) -> Panel:
    bit = _Bit(state.pair, 1)
    gap = state.pair[0] - state.pair[1]
    single = _Bit((gap, 0.0), 1)
    names = list(text.answers.values())
    logits, shares, slopes = list[Bar](), list[Bar](), list[Bar]()
    for j, z in enumerate(state.pair):
        bar = _bar(j, names[j], num(z, f"class:{j}", text=show_input(z)), text.logit_spoken)
        bar["drag"] = drag(f"pair.{j}", (-SPAN, SPAN), 0.1)
        logits.append(bar)
        ways = ((bit.p, bit.q), (single.p, single.q)) if j == 0 else ((bit.q, bit.p), (single.q, single.p))
        share, other = (num(p, f"class:{j}", text=show_probability(p, q)) for p, q in ways)
        shares.append({**_bar(j, names[j], share, text.p_spoken), "more": [other]})
        slopes.append(_bar(j, names[j], num(bit.slopes[j], f"class:{j}"), text.slope_bar_spoken))
    held = handle(
        text.yes_logit,
        text.two_spoken.format(z=show_input(state.pair[0]), p=_yes(bit)["text"]),
        x=drag("pair.0", (-SPAN, SPAN), 0.1),
    )
    at_no = state.pair[1]
    overlay = curves(
        "overlay",
        say(text.overlay_title, z=num(at_no, NO, text=show_input(at_no))),
        x=axis(text.yes_logit, -SPAN, SPAN, about=8),
        y=axis(text.p_yes, 0.0, 1.0),
        lines=[
            line([(u, math.exp(u) / (math.exp(u) + math.exp(at_no))) for u in PLACES], ref=YES),
            line([(u, _sigma(u - at_no)) for u in PLACES], ref=NO, dashed=True),
        ],
        marks=[mark(state.pair[0], bit.p, YES, _yes(bit)["text"], held=held)],
        behind=table(
            [text.yes_logit, text.softmax_name, text.sigmoid_name],
            [[show_input(u), _yes(_Bit((u, at_no), 1)), _yes(_Bit((u - at_no, 0.0), 1))] for u in TABLED],
        ),
        caption=say(text.overlay_caption),
    )
    shift = [
        button(label, {"do": "shift", "value": by, "disabled": max(abs(z + by) for z in state.pair) > SPAN})
        for label, by in ((text.add_one, 1), (text.take_one, -1))
    ]
    return panel(
        "two",
        text.two,
        [
            prose("two-story", say(text.two_story, gap=num(gap, text=show_input(gap)), p=_yes(bit))),
            controls("shifts", shift),
            bars("pair", say(text.pair_title), axis(text.score, -SPAN, SPAN, about=2), logits),
            bars("pair-p", say(text.p_title), axis(text.probability, 0.0, 1.0), shares, series=text.pair_series),
            bars("pair-slope", say(text.pair_slope_title), axis(text.per_logit, -1.0, 1.0, about=2), slopes),
            readout(
                "two-numbers",
                [
                    {"label": text.two_loss, "number": num(spec.loss(state.pair, 0), YES), "unit": text.nats},
                    {"label": text.one_loss, "number": single.loss, "unit": text.nats},
                ],
            ),
            overlay,
        ],
        wide=True,
    )


def _heads(h: _Heads) -> Panel:
    scores, shares, slopes = list[Bar](), list[Bar](), list[Bar]()
    by_soft = spec.gradient(h.z, h.target)
    for j in h.k:
        name = CLASSES[j]
        bar = _bar(j, name, num(h.z[j], f"class:{j}", text=show_input(h.z[j])), text.logit_spoken)
        bar["drag"] = drag(f"scores.{j}", (-SPAN, SPAN), 0.1)
        bar["pick"] = {"do": "label", "value": j, "label": text.true.format(name=name)}
        bar["picked"] = h.hot[j]
        scores.append(bar)
        shares.append({**_bar(j, name, h.soft(j), text.p_spoken), "more": [h.sigmoid(j)]})
        by_bit = spec.gradient((h.z[j], 0.0), 0 if h.hot[j] else 1)[0]
        slope = _bar(j, name, num(by_soft[j], f"class:{j}"), text.slope_bar_spoken)
        slopes.append({**slope, "more": [num(by_bit, f"class:{j}")]})
    how = text.heads_none if not h.right else text.heads_one if len(h.right) == 1 else text.heads_many
    said = say(
        how,
        labels=", ".join(h.right),
        count=num(len(h.right), text=str(len(h.right))),
        soft=h.soft_loss,
        floor=h.floor,
        bits=h.bits,
    )
    numbers: list[ReadoutItem] = [
        {"label": text.soft_loss, "number": h.soft_loss, "unit": text.nats},
        {"label": text.soft_floor, "number": h.floor, "unit": text.nats},
        {"label": text.bits_loss, "number": h.bits, "unit": text.nats},
        {"label": text.bits_mean, "number": num(math.fsum(h.each) / len(h.each), "bits"), "unit": text.nats},
    ]
    return panel(
        "heads",
        text.heads,
        [
            prose("heads-story", said),
            bars("scores", say(text.scores_title), axis(text.score, -SPAN, SPAN, about=2), scores),
            bars("heads-p", say(text.p_title), axis(text.probability, 0.0, 1.0), shares, series=text.series),
            bars(
                "heads-slope",
                say(text.heads_slope),
                axis(text.per_logit, -1.0, 1.0, about=2),
                slopes,
                series=text.series,
            ),
            readout("heads-numbers", numbers),
            _meter(h, "soft-sum", text.soft_meter, [h.soft(j) for j in h.k], num(1.0, text="1")),
            _meter(h, "bit-sum", text.bit_meter, [h.sigmoid(j) for j in h.k], h.total),
        ],
        wide=True,
    )


def _meter(h: _Heads, name: str, title: str, shares: list[Num], total: Num) -> Item:
    """Lay probabilities end to end, to see whether they add up to 1."""
    one = num(1.0, "one", text="1")
    return stack(
        name,
        say(title, total=total),
        axis(text.added, 0.0, float(len(h.z))),
        [(CLASSES[j], f"class:{j}", share["value"] or 0.0) for j, share in enumerate(shares)],
        behind=table(
            [text.label, text.probability],
            [*([CLASSES[j], share] for j, share in enumerate(shares)), [text.sum, total]],
        ),
        rules=[rule("x", one, text.one_rule)],
        caption=say(text.soft_meter_caption if name == "soft-sum" else text.bit_meter_caption),
    )


def _balanced(share: float, weight: float) -> float:
    """Give the probability that costs least when a share of the questions has the answer yes."""
    return weight * share / (weight * share + (1 - share))


def _mean_loss(z: float, share: float, weight: float) -> float:
    return spec.loss((z, 0.0), (share, 1 - share), weight=(weight, 1.0))


def _weighted(state: State) -> Panel:
    pi, c = state.share, state.weight
    best, plain = math.log(c * pi / (1 - pi)), math.log(pi / (1 - pi))
    p_best, p_plain = num(_balanced(pi, c), YES), num(pi, "plain", text=show_input(pi))
    lowest, lowest_plain = _mean_loss(best, pi, c), _mean_loss(plain, pi, 1.0)
    low, high = -8.0, 8.0
    places = [low + (high - low) * i / STEPS for i in range(STEPS + 1)]
    top = max(3.0, 2.2 * lowest)
    shown = num(c, "c", text=show_input(c))
    at = [num(z, text=show_input(z)) for z in (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0)]
    figure = curves(
        "expected",
        say(text.expected_title),
        x=axis(text.logit, low, high),
        y=axis(text.nats, 0.0, top),
        lines=[
            line([(z, pi * _cost(z) + (1 - pi) * _cost(-z)) for z in places], text.plain_line, ref="plain"),
            line(
                [(z, c * pi * _cost(z) + (1 - pi) * _cost(-z)) for z in places],
                text.weight_line.format(c=shown["text"]),
                ref=YES,
            ),
        ],
        marks=[
            mark(plain, lowest_plain, "plain", f"σ = {p_plain['text']}"),
            mark(best, lowest, YES, f"σ = {p_best['text']}"),
        ],
        behind=table(
            [text.logit, text.plain_line, text.weight_line.format(c=shown["text"])],
            [
                [z["text"], num(_mean_loss(z["value"] or 0.0, pi, 1.0)), num(_mean_loss(z["value"] or 0.0, pi, c))]
                for z in at
            ],
        ),
        caption=say(text.expected_caption),
    )
    return panel(
        "weight",
        text.weight_panel,
        [
            prose(
                "weight-story",
                say(text.weight_story, share=p_plain, c=shown, p=p_best, log_c=num(math.log(c))),
            ),
            controls(
                "weights",
                [
                    slider("share", text.share, p_plain, (0.01, 0.99), step=0.01),
                    log_slider("weight", text.weight_label, shown, (0.1, 100.0), marks=(0.1, 1.0, 10.0, 100.0)),
                ],
            ),
            readout(
                "weight-numbers",
                [
                    {"label": text.best_p, "number": p_best, "unit": ""},
                    {"label": text.best_z, "number": num(best, YES), "unit": ""},
                    {"label": text.lowest, "number": num(lowest, YES), "unit": text.nats},
                ],
            ),
            figure,
        ],
    )


def _sigmoid_formula(bit: _Bit) -> Item:
    z, p = m.mi("z", ref="z"), _yes(bit)
    sigma = m.row(m.mi("σ"), m.mo("("), z, m.mo(")"))
    minus = m.row(m.mi("σ"), m.mo("("), m.mo("−"), z, m.mo(")"))
    logged = m.row(m.mo("−"), m.mi("log"), m.thin(), sigma if bit.y else minus)
    power = m.power(m.mi("e"), m.row(m.mo("−"), z))
    y = num(float(bit.y), "y", text=str(bit.y))
    slope = m.frac(m.row(m.mi("∂"), m.mi("ℓ")), m.row(m.mi("∂"), z))
    return formula(
        "sigmoid",
        m.lines(
            [
                [sigma, m.mo("="), m.row(m.frac(m.el("mn", "1"), m.row(m.el("mn", "1"), m.mo("+"), power)))],
                [m.mtext(""), m.mo("="), m.mn(p)],
                [m.mi("ℓ"), m.mo("="), m.row(logged, m.mo("="), m.mn(bit.loss))],
                [slope, m.mo("="), m.row(sigma, m.mo("−"), m.mi("y"), m.mo("="), m.mn(bit.slope))],
            ]
        ),
        spoken=text.sigmoid_spoken.format(p=p["text"], loss=bit.loss["text"], slope=bit.slope["text"], y=y["text"]),
        note=text.sigmoid_note,
    )


def _pair_formula(state: State) -> Item:
    yes, no = (m.sub(m.mi("z"), m.mi(i), ref=ref) for i, ref in (("1", YES), ("0", NO)))
    up, down = m.power(m.mi("e"), yes), m.power(m.mi("e"), no)
    bit = _Bit(state.pair, 1)
    identity = m.row(m.mi("σ"), m.mo("("), yes, m.mo("−"), no, m.mo(")"))
    return formula(
        "pair-identity",
        m.lines(
            [
                [m.frac(up, m.row(up, m.mo("+"), down)), m.mo("="), identity],
                [m.mtext(""), m.mo("="), m.mn(_yes(bit))],
            ]
        ),
        spoken=text.identity_spoken.format(p=_yes(bit)["text"]),
        note=text.identity_note,
    )
