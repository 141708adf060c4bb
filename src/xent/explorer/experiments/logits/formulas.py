"""The formulas with live numbers; each number belongs to its bar."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.logits.row import Row
from xent.explorer.figures import formula
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Formula, Item, MathNode, Num

text = words("logits")

MOST_TERMS = 4
"""A sum shows this many of its terms, then dots: a line that fits a phone."""


def items(row: Row) -> list[Item]:
    """Write the three formulas: softmax, loss, gradient."""
    return [_softmax(row), _loss(row), _gradient(row)]


def _target(row: Row) -> int:
    if row.state.target != "soft":
        return row.state.label
    return max(range(len(row.t)), key=lambda j: row.t[j])


def _few(classes: list[int]) -> list[int]:
    return classes if len(classes) <= MOST_TERMS else [*classes[: MOST_TERMS - 1], classes[-1]]


def _dots(parts: list[MathNode], sign: str, *, of: int) -> MathNode:
    """Join the terms that `_few` kept out of a number of them, with dots for the rest."""
    shown = parts if of <= MOST_TERMS else [*parts[:-1], m.mo("⋯"), parts[-1]]
    out: list[MathNode] = []
    for part in shown:
        out += [m.mo(sign), part] if out else [part]
    return m.row(*out)


def _logit(row: Row, j: int) -> Num:
    return num(row.z[j], f"class:{j}", text=show_input(row.z[j]))


def _weight(row: Row, j: int) -> MathNode:
    """Write e to the z_j over T; the temperature is left out where it is 1."""
    t = num(row.state.temperature, "T", text=show_input(row.state.temperature))
    top: MathNode = m.mn(_logit(row, j))
    exponent = top if row.state.temperature == 1 else m.row(top, m.mo("/"), m.mn(t))
    return m.power(m.mi("e"), exponent, ref=f"class:{j}")


def _softmax(row: Row) -> Formula:
    y, k = _target(row), len(row.z)
    name = row.state.names[y]
    order = [y, *(j for j in range(k) if j != y)]
    general = m.frac(
        m.power(m.mi("e"), m.row(m.sub(m.mi("z"), m.mi("j")), m.mo("/"), m.mi("T", ref="T"))),
        m.row(m.total("i"), m.power(m.mi("e"), m.row(m.sub(m.mi("z"), m.mi("i")), m.mo("/"), m.mi("T", ref="T")))),
    )
    live = m.frac(_weight(row, y), _dots([_weight(row, j) for j in _few(order)], "+", of=k))
    math_ml = m.lines(
        [
            [m.sub(m.mi("p"), m.mi("j")), m.mo("="), general],
            [
                m.sub(m.mi("p"), m.mtext(name), ref=f"class:{y}"),
                m.mo("="),
                m.row(live, m.mo("="), m.mn(row.prob(y))),
            ],
        ]
    )
    spoken = text.softmax_spoken.format(name=name, p=row.prob(y)["text"])
    return formula("softmax", math_ml, spoken=spoken, note=text.softmax_note)


def _loss(row: Row) -> Formula:
    aimed = [j for j in range(len(row.t)) if row.t[j] > 0]
    aimed.sort(key=lambda j: -row.t[j])
    log = m.mi("log") if row.state.unit == "nats" else m.sub(m.mi("log"), m.el("mn", "2"))
    p_j = m.sub(m.mi("p"), m.mi("j"))
    general = m.row(m.mo("−"), m.total("j"), m.sub(m.mi("t"), m.mi("j")), m.thin(), log, m.thin(), p_j)
    parts = [m.row(m.mn(row.weight(j)), m.mo("·"), m.mn(row.cost(row.surprise[j], f"class:{j}"))) for j in aimed]
    live = _dots(parts, "+", of=len(aimed))
    math_ml = m.lines(
        [
            [m.mi("L", ref="loss"), m.mo("="), general],
            [m.mtext(""), m.mo("="), m.row(live, m.mo("="), m.mn(row.cost(row.loss)))],
        ]
    )
    spoken = text.loss_spoken.format(loss=row.cost(row.loss)["text"], unit=row.unit)
    return formula("cross-entropy", math_ml, spoken=spoken, note=text.loss_note)


def _gradient(row: Row) -> Formula:
    hot = row.state.temperature != 1
    t = num(row.state.temperature, "T", text=show_input(row.state.temperature))
    difference = m.row(m.sub(m.mi("p"), m.mi("j")), m.mo("−"), m.sub(m.mi("t"), m.mi("j")))
    slope = m.frac(m.row(m.mi("∂"), m.mi("L", ref="loss")), m.row(m.mi("∂"), m.sub(m.mi("z"), m.mi("j"))))
    rows: list[list[m.Part]] = [[slope, m.mo("="), m.frac(difference, m.mi("T", ref="T")) if hot else difference]]
    order = sorted(range(len(row.z)), key=lambda j: -abs(row.grad[j]))[:MOST_TERMS]
    for j in sorted(order):
        ref = f"class:{j}"
        number = row.prob(j)
        p = m.bracketed(number) if number["text"].startswith("1 −") else m.mn(number)
        live = m.row(p, m.mo("−"), m.mn(row.weight(j)))
        body = m.row(m.frac(live, m.mn(t)) if hot else live, m.mo("="), m.mn(num(row.grad[j], ref)))
        rows.append([m.mtext(row.state.names[j], ref=ref), m.mo(":"), body])
    each = "".join(
        text.slope_each.format(name=row.state.names[j], value=num(row.grad[j])["text"]) for j in sorted(order)
    )
    note = text.slope_note if len(row.z) <= MOST_TERMS else text.slope_note_few
    return formula("slope", m.lines(rows), spoken=text.slope_spoken.format(each=each), note=note)
