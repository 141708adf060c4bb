"""Softmax at a temperature, and the gradient of the divergence, with live numbers."""

from __future__ import annotations

import math

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.experiments.temperature.row import Temper
from xent.explorer.figures import formula
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Item

text = words("temperature")


def softmax(row: Temper) -> Item:
    """Write softmax at a temperature with its numbers."""
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
        m.frac(m.sub(m.mi("p"), m.mtext(row.names[y])), m.sub(m.mi("p"), m.mtext(row.names[other]))),
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
        spoken=text.softmax_spoken.format(first=row.names[y], second=row.names[other], value=value["text"]),
        note=text.softmax_note,
    )


def slope(row: Temper) -> Item:
    """Write the derivative of the divergence by the student's logits."""
    kl = m.row(m.mtext("KL"), m.mo("("), m.mi("p"), m.mo("‖"), m.mi("q"), m.mo(")"))
    left = m.frac(m.row(m.mi("∂"), kl), m.row(m.mi("∂"), m.sub(m.mi("s"), m.mi("j"))))
    gap = m.row(m.sub(m.mi("q"), m.mi("j")), m.mo("−"), m.sub(m.mi("p"), m.mi("j")))
    square = m.power(m.mi("T", ref="T"), m.el("mn", "2"))
    far = m.frac(
        m.row(m.sub(m.mi("s"), m.mi("j")), m.mo("−"), m.sub(m.mi("z"), m.mi("j"))), m.row(m.mi("K"), square)
    )
    return formula(
        "slope",
        m.lines([[left, m.mo("="), m.row(m.frac(gap, m.mi("T", ref="T")), m.mo("≈"), far)]]),
        spoken=text.slope_spoken.format(T=row.T["text"]),
        note=text.slope_note,
    )
