"""A joint table of two as a mosaic: mutual information is how far its columns are from agreeing."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property

from xent.explorer import mathml as m
from xent.explorer.experiments.information import exact
from xent.explorer.experiments.information.measures import Measures
from xent.explorer.figures import (
    areas,
    axis,
    controls,
    drag,
    formula,
    handle,
    panel,
    prose,
    readout,
    rule,
    say,
    slider,
    stack,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Item, Num, Panel, Rect, Slider

text = words("information")
SAID: tuple[str, ...] = tuple(text.said)
COME: tuple[str, ...] = tuple(text.come)
HUES = ("class:4", "class:5")


class _Joint:
    """Four exact probabilities and what they say about each other, in nats."""

    def __init__(self, s: Measures) -> None:
        share, given = Fraction(s.state.share), [Fraction(g) for g in s.state.given]
        self.said = [share, 1 - share]
        self.cells = [[w * g, w * (1 - g)] for w, g in zip(self.said, given, strict=True)]
        self.come = [sum(column, Fraction(0)) for column in zip(*self.cells, strict=True)]

    @cached_property
    def shared(self) -> float:
        """I(X; Y) = KL(P ‖ a ⊗ b)."""
        flat = [c for row in self.cells for c in row]
        return exact.divergence(flat, [a * b for a in self.said for b in self.come])

    @cached_property
    def h_said(self) -> float:
        return exact.entropy(self.said)

    @cached_property
    def h_come(self) -> float:
        return exact.entropy(self.come)

    @cached_property
    def come_given_said(self) -> float:
        """H(Y | X) = Σ a_x H(Y | X = x), from ratios that are exact."""
        return _left(self.cells, self.said)

    @cached_property
    def said_given_come(self) -> float:
        return _left([list(column) for column in zip(*self.cells, strict=True)], self.come)


def _left(cells: list[list[Fraction]], totals: list[Fraction]) -> float:
    """Give the entropy left in the columns once the row is known."""
    return math.fsum(
        float(total) * exact.entropy([c / total for c in row])
        for row, total in zip(cells, totals, strict=True)
        if total
    )


def table_of_two(s: Measures) -> Panel:
    """Show the mosaic, the entropies it adds up from, and what knowing one says about the other."""
    j = _Joint(s)
    h_come = s.cost(j.h_come, "come")
    left, shared = s.cost(j.come_given_said, "left"), s.cost(j.shared, "shared")
    story = say(text.joint_story, before=h_come, after=left, shared=shared, unit=s.unit)
    return panel(
        "joint",
        text.joint,
        [
            prose("joint-story", story),
            controls("table", [_slide(s, path, label) for path, label in _fields()]),
            _mosaic(s, j),
            _parts(s, j, shared, left),
            readout(
                "joint-numbers",
                [
                    {"label": text.h_come, "number": h_come, "unit": s.unit},
                    {"label": text.come_said, "number": left, "unit": s.unit},
                    {"label": text.shared, "number": shared, "unit": s.unit, "main": True},
                ],
            ),
            _definition(s, shared),
        ],
        wide=True,
    )


def _fields() -> list[tuple[str, str]]:
    return [("share", text.share_of), ("given.0", text.given_of[0]), ("given.1", text.given_of[1])]


def _value(s: Measures, path: str) -> float:
    return s.state.share if path == "share" else s.state.given[int(path[-1])]


def _slide(s: Measures, path: str, label: str) -> Slider:
    value = _value(s, path)
    return slider(path, label, num(value, path, text=show_input(value)), (0.0, 1.0), step=0.01)


def _mosaic(s: Measures, j: _Joint) -> Item:
    share = s.state.share
    rects: list[Rect] = []
    for x, (x0, x1) in enumerate(((0.0, share), (share, 1.0))):
        given = s.state.given[x]
        y_drag, x_drag = drag(f"given.{x}", (0.0, 1.0), 0.01), drag("share", (0.0, 1.0), 0.01)
        spoken = text.mosaic_spoken.format(
            said=SAID[x], given=show_input(given), share=show_input(float(j.said[x]))
        )
        held = handle(text.mosaic_held.format(said=SAID[x]), spoken, y=y_drag, x=x_drag if x == 0 else None)
        for y, (y0, y1) in enumerate(((0.0, given), (given, 1.0))):
            label = text.cell.format(said=SAID[x], come=COME[y], p=num(float(j.cells[x][y]))["text"])
            cell: Rect = {"x0": x0, "x1": x1, "y0": y0, "y1": y1, "ref": HUES[y], "label": label}
            if y == 0:
                cell["handle"] = held
            rects.append(cell)
    rows: list[list[str | Num]] = [
        [SAID[x], *(num(float(c)) for c in j.cells[x]), num(float(j.said[x]))] for x in (0, 1)
    ]
    rows.append([text.total, *(num(float(c)) for c in j.come), num(1.0)])
    return areas(
        "mosaic",
        say(text.mosaic_title),
        x=axis(text.mosaic_x, 0.0, 1.0),
        y=axis(text.mosaic_y, 0.0, 1.0),
        rects=rects,
        rules=[rule("y", num(float(j.come[0]), "rain"), text.rain_is)],
        behind=table([text.part, *COME, text.total], rows),
        caption=say(text.mosaic_caption),
    )


def _parts(s: Measures, j: _Joint, shared: Num, left: Num) -> Item:
    other, h_said = s.cost(j.said_given_come, "other"), s.cost(j.h_said, "said")
    named = [(text.said_come, other), (text.shared, shared), (text.come_said, left)]
    whole = math.fsum(n["value"] or 0.0 for _, n in named)
    return stack(
        "joint-sum",
        say(text.joint_sum),
        axis(s.unit, 0.0, max(whole, 2 * math.log(2) * s.per_nat) * 1.04),
        [(name, n.get("ref", ""), n["value"] or 0.0) for name, n in named],
        behind=table([text.part, s.unit], [*([name, n] for name, n in named), [text.h_said, h_said]]),
        rules=[rule("x", h_said, text.h_said_is)],
        caption=say(text.joint_caption),
    )


def _definition(s: Measures, shared: Num) -> Item:
    log = m.mi("log") if s.state.unit == "nats" else m.sub(m.mi("log"), m.el("mn", "2"))
    cell = m.sub(m.mi("P"), m.row(m.mi("x"), m.mi("y")))
    a, b = m.sub(m.mi("P"), m.mi("x")), m.sub(m.mi("P"), m.mi("y"))
    sigma = m.el("munder", m.mo("∑"), m.row(m.mi("x"), m.mo(","), m.mi("y")))
    body = m.row(sigma, cell, m.thin(), log, m.thin(), m.frac(cell, m.row(a, m.thin(), b)))
    mi = m.row(m.mi("I", ref="shared"), m.mo("("), m.mi("X"), m.mo(";"), m.mi("Y"), m.mo(")"))
    return formula(
        "shared",
        m.lines([[mi, m.mo("="), m.row(body, m.mo("="), m.mn(shared))]]),
        spoken=text.shared_spoken.format(value=shared["text"], unit=s.unit),
        note=text.shared_note,
    )
