"""The formulas of the gradient section, with live numbers."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.gradient.state import CLASSES, Row, shown
from xent.explorer.figures import formula
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Item, MathNode, Num

text = words("gradient")


def _by(above: MathNode, below: MathNode) -> MathNode:
    return m.frac(m.row(m.mi("∂"), above), m.row(m.mi("∂"), below))


_LOSS, _P_I, _Z_J = m.mi("L", ref="loss"), m.sub(m.mi("p"), m.mi("i")), m.sub(m.mi("z"), m.mi("j"))
_P_J, _T_I, _T_J = m.sub(m.mi("p"), m.mi("j")), m.sub(m.mi("t"), m.mi("i")), m.sub(m.mi("t"), m.mi("j"))
_BAR = m.el("mo", "‖", stretchy="false")
_SAME = m.row(m.mo("["), m.mi("i"), m.mo("="), m.mi("j"), m.mo("]"))


def _brackets(*inside: m.Part) -> MathNode:
    return m.row(m.mo("("), *inside, m.mo(")"))


def jacobian() -> Item:
    """Write the two derivatives that the chain rule multiplies."""
    return formula(
        "derivatives",
        m.lines(
            [
                [_by(_LOSS, _P_I), m.mo("="), m.row(m.mo("−"), m.frac(_T_I, _P_I))],
                [_by(_P_I, _Z_J), m.mo("="), m.row(_P_I, _brackets(_SAME, m.mo("−"), _P_J))],
            ]
        ),
        spoken=text.derivatives_spoken,
        note=text.derivatives_note,
    )


def cell(row: Row) -> Item:
    """Write the term of the chain rule that is looked at, with its numbers."""
    i, j = row.state.row, row.state.column
    outer, inner = num(row.outer[i], f"class:{i}"), num(row.jacobian[i][j], f"class:{j}")
    product = num(row.products[i][j], f"class:{j}")
    slope = num(row.grad[j], f"class:{j}")
    terms: list[m.Part] = []
    for number in (num(row.products[k][j], f"class:{j}") for k in row.k):
        terms += [m.mo("+"), _signed(number)] if terms else [_signed(number)]
    return formula(
        "cell",
        m.lines(
            [
                [m.row(_signed(outer), m.mo("·"), _signed(inner)), m.mo("="), m.mn(product)],
                [m.row(*terms), m.mo("="), m.mn(slope)],
            ]
        ),
        spoken=text.cell_formula_spoken.format(
            i=CLASSES[i],
            j=CLASSES[j],
            outer=outer["text"],
            inner=inner["text"],
            product=product["text"],
            slope=slope["text"],
        ),
        note=text.cell_note,
    )


def _signed(number: Num) -> MathNode:
    """Write a number, in brackets where a minus of its own would meet another sign."""
    return _brackets(m.mn(number)) if number["text"].startswith("−") else m.mn(number)


def whole() -> Item:
    """Write the sum of a column: p_i cancels, and the target's total is 1."""
    term = m.row(m.frac(_T_I, _P_I), m.mo("·"), _P_I, _brackets(_SAME, m.mo("−"), _P_J))
    total = m.row(_P_J, m.total("i"), _T_I, m.mo("−"), _T_J)
    return formula(
        "whole",
        m.lines(
            [
                [_by(_LOSS, _Z_J), m.mo("="), m.row(m.mo("−"), m.total("i"), term)],
                [m.mtext(""), m.mo("="), m.row(total, m.mo("="), _P_J, m.mo("−"), _T_J)],
            ]
        ),
        spoken=text.whole_spoken,
        note=text.whole_note,
    )


def clipping(row: Row, plain: Num, clipped: Num) -> Item:
    """Write clipping by global norm, with its numbers."""
    length = m.row(_BAR, m.mi("g", ref="norm"), _BAR)
    limit, factor = m.mi("c", ref="c"), num(row.factor, "factor")
    smaller = m.row(m.mi("min"), _brackets(m.el("mn", "1"), m.mo(","), m.frac(limit, length)))
    live = m.row(
        m.mi("min"), _brackets(m.el("mn", "1"), m.mo(","), m.frac(m.mn(shown(row.state.limit, "c")), m.mn(plain)))
    )
    return formula(
        "clipping",
        m.lines(
            [
                [m.mi("g", ref="norm"), m.mo("←"), m.row(smaller, m.mo("·"), m.mi("g", ref="norm"))],
                [m.mtext(""), m.mo(""), m.row(live, m.mo("="), m.mn(factor))],
            ]
        ),
        spoken=text.clipping_spoken.format(factor=factor["text"], after=clipped["text"]),
        note=text.clipping_note,
    )
