"""The four forms as formulas, with the numbers that each step has in the chosen format."""

from __future__ import annotations

from xent.explorer import mathml as m
from xent.explorer.experiments.precision.formats import FORMATS
from xent.explorer.experiments.precision.forms import inputs
from xent.explorer.experiments.precision.state import REFS, State
from xent.explorer.figures import formula
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Item, MathNode, Num

text = words("precision")
_Z_Y, _Z_J = m.sub(m.mi("z"), m.mi("y")), m.sub(m.mi("z"), m.mi("j"))
_MINUS, _LOG = m.mo("−"), m.mi("log")


def logits(s: State) -> tuple[Num, Num]:
    """Write both logits as the format has them: the right class's, and the other's."""
    right, other = inputs(FORMATS[s.format], s.gap, s.shift)
    return num(right, "right", text=show_input(right)), num(other, "other", text=show_input(other))


def items(s: State) -> list[Item]:
    """Write the four forms."""
    return [_naive(s), _clipped(s), _logsumexp(s), _log1p(s)]


def _of(inside: m.Part) -> MathNode:
    return m.row(m.mo("("), inside, m.mo(")"))


def _power(exponent: m.Part) -> MathNode:
    return m.power(m.mi("e"), exponent)


def _near_1(value: float, ref: str) -> Num:
    """Write a number next to 1 by its distance from 1, which is exact."""
    if 1 < value < 1.0001:
        return num(value, ref, text=f"1 + {num(value - 1)['text']}")
    return num(value, ref, text=show_probability(value, 1 - value))


def _shown(s: State, form: str, general: m.Part, *live: m.Part) -> Item:
    """Write a form's formula above its numbers."""
    loss = num(s.results[form].loss, REFS[form])
    title, blank = m.mi("L", ref=REFS[form]), m.mtext("")
    between: list[list[m.Part]] = [[blank, m.mo("="), part] for part in live[:-1]]
    last: list[m.Part] = [blank, m.mo("="), m.row(live[-1], m.mo("="), m.mn(loss))]
    return formula(
        form,
        m.lines([[title, m.mo("="), general], *between, last]),
        spoken=text.spoken.format(form=text.forms[form], format=s.format, loss=loss["text"]),
        note=text.notes[form],
    )


def _naive(s: State) -> Item:
    ref = REFS["naive"]
    a, b, p = s.results["naive"].steps
    live = m.frac(m.mn(num(a, ref)), m.row(m.mn(num(a, ref)), m.mo("+"), m.mn(num(b, ref))))
    general = m.frac(_power(_Z_Y), m.row(m.total("j"), _power(_Z_J)))
    return _shown(
        s,
        "naive",
        m.row(_MINUS, _LOG, _of(general)),
        m.row(_MINUS, _LOG, _of(live)),
        m.row(_MINUS, _LOG, m.thin(), m.bracketed(_near_1(p, ref))),
    )


def _clipped(s: State) -> Item:
    ref = REFS["clipped"]
    p, kept = s.results["clipped"].steps
    p_y, small = m.sub(m.mi("p"), m.mi("y")), m.mi("ε")
    clip = m.row(m.mi("clip"), _of(m.row(p_y, m.mo(","), small, m.mo(","), m.el("mn", "1"), _MINUS, small)))
    live = m.row(m.mi("clip"), _of(m.row(m.mn(_near_1(p, ref)))))
    return _shown(
        s,
        "clipped",
        m.row(_MINUS, _LOG, m.thin(), clip),
        m.row(_MINUS, _LOG, m.thin(), live),
        m.row(_MINUS, _LOG, m.thin(), m.bracketed(_near_1(kept, ref))),
    )


def _logsumexp(s: State) -> Item:
    ref = REFS["logsumexp"]
    whole, mine = s.results["logsumexp"].steps
    lowered = m.row(_Z_J, _MINUS, m.mi("m"))
    general = m.row(_LOG, m.total("j"), _power(lowered), _MINUS, _of(m.row(_Z_Y, _MINUS, m.mi("m"))))
    behind = num(mine, ref, text=show_input(mine))
    live = m.row(_LOG, m.thin(), m.bracketed(_near_1(whole, ref)), _MINUS, m.bracketed(behind))
    return _shown(s, "logsumexp", general, live)


def _log1p(s: State) -> Item:
    ref = REFS["log1p"]
    tail, gap = s.results["log1p"].steps
    lowered = m.row(_Z_J, _MINUS, m.mi("m"))
    others = m.el("munder", m.mo("∑"), m.row(m.mi("j"), m.mo("≠"), m.mi("m")))
    general = m.row(m.mi("log1p"), others, _power(lowered), m.mo("+"), _of(m.row(m.mi("m"), _MINUS, _Z_Y)))
    live = m.row(m.mi("log1p"), _of(m.mn(num(tail, ref))), m.mo("+"), m.mn(num(gap, ref, text=show_input(gap))))
    return _shown(s, "log1p", general, live)
