"""The formulas of the smoothing section, with live numbers."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.smoothing.state import Smoothed
from xent.explorer.figures import formula
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Item, MathNode

text = words("smoothing")

_EPS, _K = m.mi("ε", ref="eps"), m.mi("K")
_T_Y, _T_J = m.sub(m.mi("t"), m.mi("y"), ref="class:0"), m.sub(m.mi("t"), m.mi("j"), ref="class:1")
_FEWER = m.row(_K, m.mo("−"), m.el("mn", "1"))
_KEPT = m.row(m.el("mn", "1"), m.mo("−"), _EPS)


def items(row: Smoothed) -> list[Item]:
    """Write the target, its entropy, and the gap that gives it back."""
    return [_target(row), _floor(row), _gap(row)]


def _target(row: Smoothed) -> Item:
    uniform = row.state.convention == "uniform"
    each = m.frac(_EPS, _K) if uniform else m.frac(_EPS, _FEWER)
    keeps = m.row(_KEPT, m.mo("+"), m.frac(_EPS, _K)) if uniform else _KEPT
    return formula(
        "target",
        m.lines(
            [
                [_T_Y, m.mo("="), m.row(keeps, m.mo("="), m.mn(row.right))],
                [_T_J, m.mo("="), m.row(each, m.mo("="), m.mn(row.other))],
            ]
        ),
        spoken=text.target_formula_spoken.format(right=row.right["text"], other=row.other["text"]),
        note=text.target_notes[row.state.convention],
    )


def _surprise(weight: MathNode) -> MathNode:
    return m.row(weight, m.thin(), m.mi("log"), m.thin(), weight)


def _floor(row: Smoothed) -> Item:
    entropy = m.row(m.mi("H"), m.mo("("), m.mi("t"), m.mo(")"))
    others = m.row(m.mo("("), _FEWER, m.mo(")"), m.thin(), _surprise(_T_J))
    return formula(
        "entropy",
        m.lines(
            [
                [entropy, m.mo("="), m.row(m.mo("−"), _surprise(_T_Y), m.mo("−"), others)],
                [m.mtext(""), m.mo("="), m.mn(row.floor)],
            ]
        ),
        spoken=text.floor_formula_spoken.format(floor=row.floor["text"]),
        note=text.floor_note,
    )


def _gap(row: Smoothed) -> Item:
    gap = m.power(
        m.row(m.mo("("), m.sub(m.mi("z"), m.mi("y")), m.mo("−"), m.sub(m.mi("z"), m.mi("j")), m.mo(")")), m.mo("∗")
    )
    inside = m.frac(_KEPT, _EPS)
    if row.state.convention == "uniform":
        inside = m.row(m.el("mn", "1"), m.mo("+"), _K, inside)
    else:
        inside = m.row(m.mo("("), _FEWER, m.mo(")"), inside)
    return formula(
        "gap",
        m.lines(
            [
                [gap, m.mo("="), m.row(m.mi("log"), m.thin(), m.frac(_T_Y, _T_J))],
                [m.mtext(""), m.mo("="), m.row(m.mi("log"), m.mo("("), inside, m.mo(")"))],
                [m.mtext(""), m.mo("="), m.mn(num(row.best, "best"))],
            ]
        ),
        spoken=text.gap_formula_spoken.format(best=num(row.best)["text"]),
        note=text.gap_note,
    )
