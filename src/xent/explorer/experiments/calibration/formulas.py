"""The condition of the best temperature, and the error of calibration, with live numbers."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.calibration import sample as s
from xent.explorer.experiments.calibration.state import Case
from xent.explorer.figures import formula, panel
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Panel

text = words("calibration")


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
