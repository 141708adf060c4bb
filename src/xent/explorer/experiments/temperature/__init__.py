"""Temperature: what dividing the logits does to a distribution, and why distillation multiplies by T²."""

from __future__ import annotations

from xent.explorer.experiments.temperature import formulas, panels
from xent.explorer.experiments.temperature.row import Temper
from xent.explorer.experiments.temperature.state import State, act, first, repair, take
from xent.explorer.figures import panel
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.temperature import snippets
from xent.explorer.section import Drawing, Preset, Sources
from xent.explorer.text import words

NAME, VERSION = "temperature", 1

text = words("temperature")

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair", "take"]

PRESETS = (
    Preset(
        "order",
        right=1,
        covers=("curve",),
        begin={"temperature": 1.0},
        after=tuple({"temperature": t} for t in (1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)),
        why=lambda s: {"p": Temper(s).prob(Temper(s).best), "best": s.called[Temper(s).best]},
    ),
    Preset(
        "squared",
        right=2,
        covers=("distil",),
        begin={"temperature": 2.0},
        after=tuple({"temperature": t} for t in (4.0, 8.0, 16.0, 32.0)),
        why=lambda s: {"raw": num(Temper(s).raw, "raw"), "full": num(Temper(s).raw * s.temperature**2, "full")},
    ),
)


def compute(state: State, sources: Sources) -> Drawing:
    """Draw a state."""
    row = Temper(state)
    drawn = {
        "row": lambda: panels.one(row, sources),
        "data": lambda: panels.data(state, sources),
        "curve": lambda: panels.curve(row),
        "symbols": lambda: panel("symbols", text.symbols, [formulas.softmax(row), formulas.slope(row)]),
        "distil": lambda: panels.distil(row),
        "take-home": lambda: take_home(NAME, snippets(state.student, state.logits, state.temperature)),
    }
    if not sources:
        del drawn["data"]
    best = state.called[row.best]
    return Drawing(drawn, text.summary.format(T=row.T["text"], best=best, h=row.entropy["text"]))
