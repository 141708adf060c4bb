"""One question with one logit: the loss as an area, as a curve, its gradient, and its formulas."""

from __future__ import annotations

import math
from functools import lru_cache

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.experiments.binary.state import NO, SPAN, YES, Bit, shown_yes
from xent.explorer.figures import (
    axis,
    choice,
    controls,
    curves,
    drag,
    formula,
    handle,
    line,
    mark,
    panel,
    prose,
    readout,
    say,
    scatter,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Handle, Item, Line, Panel, ReadoutItem

text = words("binary")

STEPS = 120
PLACES = [-SPAN + 2 * SPAN * i / STEPS for i in range(STEPS + 1)]
TABLED = (-10.0, -5.0, -2.0, 0.0, 2.0, 5.0, 10.0)


def sigma_at(z: float) -> float:
    """Give σ(z) for drawing lines: `spec` is exact, and takes a hundred times as long."""
    return 1 / (1 + math.exp(-z))


def cost_at(z: float) -> float:
    """Give −log σ(z) for drawing lines."""
    return max(-z, 0.0) + math.log1p(math.exp(-abs(z)))


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[tuple[float, float]]]:
    """Give the curves that no state changes."""
    return {
        "sigma": [(z, sigma_at(z)) for z in PLACES],
        "loss1": [(z, cost_at(z)) for z in PLACES],
        "loss0": [(z, cost_at(-z)) for z in PLACES],
        "slope1": [(z, -sigma_at(-z)) for z in PLACES],
        "slope0": [(z, sigma_at(z)) for z in PLACES],
    }


def _held(spoken: str) -> Handle:
    return handle(text.logit, spoken, x=drag("z", (-SPAN, SPAN), 0.1))


def one_panel(bit: Bit) -> Panel:
    """Ask one question: what is said, what it costs, and the area that is."""
    answer = text.answers[str(bit.y)]
    p, z = shown_yes(bit), bit.z["value"] or 0.0
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


def _area(bit: Bit, z: float, spoken: str) -> Item:
    """Draw the loss as the area between σ and the truth, from the logit on."""
    line_up = [u for u in PLACES if u > z] if bit.y else [u for u in PLACES if u < z]
    under = [(z, bit.p), *((u, sigma_at(u)) for u in (line_up if bit.y else line_up[::-1]))]
    end = SPAN if bit.y else -SPAN
    rest = num(spec.loss((SPAN, 0.0), 0))
    exact = [(num(u, text=show_input(u)), Bit((u, 0.0), bit.y)) for u in TABLED]
    return scatter(
        "area",
        say(text.area_title),
        x=axis(text.logit_axis, -SPAN, SPAN, about=8),
        y=axis(text.sigma_axis, 0.0, 1.0),
        lines=[line(_lines()["sigma"])],
        regions=[{"points": [*under, (end, float(bit.y)), (z, float(bit.y))], "ref": bit.ref, "label": ""}],
        arrows=[{"start": (z, bit.p), "end": (z, float(bit.y)), "ref": "slope"}],
        marks=[mark(z, bit.p, YES, shown_yes(bit)["text"], held=_held(spoken))],
        behind=table(
            [text.logit_axis, text.sigma_axis, text.loss_label, text.slope_label],
            [[u["text"], shown_yes(one), one.loss, one.slope] for u, one in exact],
        ),
        caption=say(text.area_caption, loss=bit.loss, g=bit.slope, rest=rest),
    )


def _both_ways(bit: Bit, kind: str) -> list[Line]:
    names = text.lines
    return [
        line(_lines()[f"{kind}1"], names["1"], ref=YES, dashed=not bit.y),
        line(_lines()[f"{kind}0"], names["0"], ref=NO, dashed=bool(bit.y)),
    ]


def losses_figure(bit: Bit) -> Item:
    """Draw the loss against the logit, for either truth."""
    spoken = text.loss_spoken.format(z=bit.z["text"], loss=bit.loss["text"])
    z = bit.z["value"] or 0.0
    exact = [(show_input(u), [num(spec.loss((u, 0.0), wrong)) for wrong in (0, 1)]) for u in TABLED]
    return curves(
        "losses",
        say(text.losses_title),
        x=axis(text.logit_axis, -SPAN, SPAN),
        y=axis(text.nats, 0.0, SPAN),
        lines=_both_ways(bit, "loss"),
        marks=[mark(z, bit.loss["value"] or 0.0, bit.ref, bit.loss["text"], held=_held(spoken))],
        behind=table([text.logit_axis, *text.lines.values()], [[u, *row] for u, row in exact]),
        caption=say(text.losses_caption),
    )


def slopes_figure(bit: Bit) -> Item:
    """Draw the gradient against the logit, for either truth."""
    spoken = text.slope_spoken.format(z=bit.z["text"], slope=bit.slope["text"])
    z = bit.z["value"] or 0.0
    exact = [(show_input(u), [num(spec.gradient((u, 0.0), wrong)[0]) for wrong in (0, 1)]) for u in TABLED]
    return curves(
        "slopes",
        say(text.slopes_title),
        x=axis(text.logit_axis, -SPAN, SPAN),
        y=axis(text.per_logit, -1.0, 1.0),
        lines=_both_ways(bit, "slope"),
        marks=[mark(z, bit.slopes[0], bit.ref, bit.slope["text"], held=_held(spoken))],
        behind=table([text.logit_axis, *text.lines.values()], [[u, *row] for u, row in exact]),
        caption=say(text.slopes_caption),
    )


def sigmoid_formula(bit: Bit) -> Item:
    """Write sigmoid, loss and gradient with their numbers."""
    z, p = m.mi("z", ref="z"), shown_yes(bit)
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
