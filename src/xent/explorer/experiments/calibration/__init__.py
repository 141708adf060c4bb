"""Calibration: whether a classifier that is 90 % sure is right nine times of ten, on real predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from xent.explorer.experiments.calibration import formulas, panels
from xent.explorer.experiments.calibration import sample as s
from xent.explorer.experiments.calibration.state import COLD, HOT, Case, State, available
from xent.explorer.figures import panel
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.calibration import calibration
from xent.explorer.rows import demo
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError, codecs
from xent.explorer.text import words
from xent.explorer.view import Num

NAME, VERSION = "calibration", 1

text = words("calibration")


def _why_rises(state: State) -> Mapping[str, str | Num]:
    case = Case(state, demo())
    best = s.fit(case.taken)
    return {
        "accuracy": num(case.taken.accuracy),
        "loss": case.loss,
        "least": num(best.loss, "best"),
        "mistakes": num(100 * case.by_mistakes / (case.by_mistakes + case.by_right), "class:1"),
    }


def _why_luck(state: State) -> Mapping[str, str | Num]:
    few, many = (s.by_luck(Case(state, demo()).taken, state.temperature, bins)[0] for bins in (5, 40))
    return {"few": num(few), "many": num(many)}


PRESETS = (
    Preset(
        "rises",
        right=1,
        covers=("scale", "fit", "who"),
        begin={"temperature": 2.75},
        after=tuple({"temperature": t} for t in (2.2, 1.7, 1.4, 1.1, 0.9, 0.7, 0.5, 0.35)),
        why=_why_rises,
    ),
    Preset(
        "luck",
        right=2,
        covers=("reliability", "rows"),
        begin={"source": "plain", "bins": 5},
        after=tuple({"bins": n} for n in (5, 8, 12, 20, 30, 40)),
        why=_why_luck,
    ),
)


def first(_: Sources) -> State:
    """Begin with the model that is too sure."""
    return State()


def repair(state: State, sources: Sources) -> tuple[State, list[str]]:
    """Choose rows that are there."""
    there = available(sources)
    if state.source in there:
        return state, []
    said = [] if state.source == State.source else [text.rows_gone.format(name=state.source)]
    return dataclasses.replace(state, source=next(iter(there))), said


def act(state: State, action: Mapping[str, Any], sources: Sources) -> State:
    """Set a field; the temperature also by its inverse, by which logits are multiplied, or to the fitted one."""
    do, value = action["do"], action.get("value")
    if do == "fit":
        best = s.fit(s.sample(available(sources)[state.source])).temperature
        if best is None:
            raise ActionError(text.no_fit)
        return dataclasses.replace(state, temperature=codecs(State)["temperature"].clamp(best))
    if do == "set" and action.get("path") == "scale":
        if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
            raise ActionError(text.no_scale.format(value=repr(value)[:40]))
        return dataclasses.replace(state, temperature=min(max(1 / value, COLD), HOT))
    if do == "set" and action.get("path") == "source" and value not in available(sources):
        raise ActionError(text.no_rows.format(name=repr(value)[:40], known=", ".join(available(sources))))
    return edit(state, action)


def take(state: State, source: str, _: Sources) -> State:
    """Show the rows of a source."""
    return dataclasses.replace(state, source=source)


def compute(state: State, sources: Sources) -> Drawing:
    """Draw a state."""
    case = Case(state, sources)
    drawn = {
        "rows": lambda: panels.rows(case),
        "reliability": lambda: panel("reliability", text.reliability, [panels.diagram(case)]),
        "fit": lambda: panel("fit", text.fit, [panels.fitted(case)]),
        "scale": lambda: panels.scale(case),
        "who": lambda: panels.who(case),
        "symbols": lambda: formulas.symbols(case),
        "take-home": lambda: take_home(NAME, calibration(case.problem)),
    }
    said = text.summary.format(
        T=case.T["text"], loss=case.loss["text"], ece=num(case.error)["text"], luck=num(case.luck[0])["text"]
    )
    return Drawing(drawn, said)
