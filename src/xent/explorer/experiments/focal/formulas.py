"""Focal loss and its derivative, with live numbers."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.focal.measures import State, factor_of, focal_loss, side_of, slope_of, surprise
from xent.explorer.experiments.focal.panels import FOCAL, shown
from xent.explorer.figures import formula
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Item

text = words("focal")


def _rest() -> m.MathNode:
    return m.row(m.mo("("), m.el("mn", "1"), m.mo("−"), m.mi("p", ref="p"), m.mo(")"))


def loss_formula(s: State) -> Item:
    """Write focal loss with its numbers."""
    side = side_of(s)
    loss = num(focal_loss(s.p, s.gamma, side), FOCAL)
    alpha, gamma = m.sub(m.mi("α", ref="alpha"), m.mi("y")), m.mi("γ", ref="gamma")
    logged = m.row(m.mo("("), m.mo("−"), m.mi("log"), m.thin(), m.mi("p", ref="p"), m.mo(")"))
    factor, plain = num(factor_of(s.p, s.gamma), "factor"), num(surprise(s.p), "plain")
    live = m.row(m.mn(shown(side, "alpha")), m.mo("·"), m.mn(factor), m.mo("·"), m.mn(plain))
    return formula(
        "focal-loss",
        m.lines(
            [
                [m.mi("ℓ"), m.mo("="), m.row(alpha, m.thin(), m.power(_rest(), gamma), m.thin(), logged)],
                [m.mtext(""), m.mo("="), m.row(live, m.mo("="), m.mn(loss))],
            ]
        ),
        spoken=text.loss_spoken.format(loss=loss["text"], factor=factor["text"], plain=plain["text"]),
        note=text.loss_note,
    )


def slope_formula(s: State) -> Item:
    """Write its derivative by the logit of the truth."""
    slope = num(-slope_of(s.p, s.gamma, side_of(s)), "slope")
    alpha, gamma = m.sub(m.mi("α", ref="alpha"), m.mi("y")), m.mi("γ", ref="gamma")
    logged = m.row(m.mo("("), m.mo("−"), m.mi("log"), m.thin(), m.mi("p", ref="p"), m.mo(")"))
    rise = m.row(gamma, m.mi("p", ref="p"), m.thin(), logged)
    more = m.row(m.el("mn", "1"), m.mo("−"), m.mi("p", ref="p"), m.mo("+"), rise)
    left = m.frac(m.row(m.mi("∂"), m.mi("ℓ")), m.row(m.mi("∂"), m.mi("z")))
    right = m.row(m.mo("−"), alpha, m.thin(), m.power(_rest(), gamma), m.mo("("), more, m.mo(")"))
    return formula(
        "focal-slope",
        m.lines([[left, m.mo("="), right], [m.mtext(""), m.mo("="), m.mn(slope)]]),
        spoken=text.slope_spoken.format(slope=slope["text"]),
        note=text.slope_note,
    )
