"""Focal loss and class weights: who gets the attention of an imbalanced batch, and what it costs.

`measures` is what is remembered and what each loss makes of it, `questions` are real rows; `panels` and `formulas`
show it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from xent.explorer.experiments.focal.formulas import loss_formula, slope_formula
from xent.explorer.experiments.focal.measures import (
    ALIKE,
    POSITIVE,
    Batch,
    State,
    factor_of,
    focal_loss,
    side_of,
    truth_of,
)
from xent.explorer.experiments.focal.panels import batch_panel, curve_panel, pull_panel, settle_panel, shown
from xent.explorer.experiments.focal.questions import Questions, ask, rarest
from xent.explorer.figures import panel
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import take_home
from xent.explorer.programs.focal import Problem, focal
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError
from xent.explorer.text import words
from xent.explorer.view import Num

text = words("focal")

NAME, VERSION = "focal", 1

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair", "take"]

PRESETS = (
    Preset(
        "which",
        right=1,
        covers=("batch", "pull"),
        begin={"gamma": 0.0, "alpha": 0.5},
        after=(
            *({"alpha": a} for a in (0.7, 0.9, 0.7, 0.5)),
            *({"gamma": g} for g in (0.5, 1.0, 2.0, 3.0)),
        ),
        why=lambda s: {
            "gamma": shown(s.gamma),
            "ratio": _times(factor_of(s.ps[1], s.gamma) / factor_of(s.ps[0], s.gamma)),
            "share": num(Batch(s).shares["focal"][0]),
        },
    ),
    Preset(
        "honest",
        right=1,
        covers=("settle",),
        begin={"gamma": 0.0, "alpha": 0.5, "says": 0.8},
        after=tuple({"gamma": g} for g in (0.5, 1.0, 1.5, 2.0)),
        why=lambda s: {"gamma": shown(s.gamma), "says": shown(s.says), "truth": num(truth_of(s.says, s))},
    ),
)


def _times(ratio: float) -> Num:
    """Write how many times as much; whole where a decimal would say nothing."""
    return num(ratio, text=f"{ratio:.0f}" if 999.5 <= ratio < 99_999.5 else None)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, sources: Sources) -> tuple[State, list[str]]:
    """Choose rows that are there, and ask them for a class that they have; else for the rarest."""
    if state.source == ALIKE:
        return dataclasses.replace(state, yes=-1), []
    if state.source not in sources:
        return dataclasses.replace(state, source=ALIKE, yes=-1), [text.rows_gone.format(name=state.source)]
    rows = sources[state.source]
    if 0 <= state.yes < len(rows.classes):
        return state, []
    said = [] if state.yes < 0 else [text.yes_gone.format(yes=state.yes, last=len(rows.classes) - 1)]
    return dataclasses.replace(state, yes=rarest(rows)), said


def act(state: State, action: Mapping[str, Any], sources: Sources) -> State:
    """Set a field; other rows are asked for their rarest class."""
    new = edit(state, action)
    if new.source == state.source:
        return new
    if new.source != ALIKE and new.source not in sources:
        known = ", ".join((ALIKE, *sources))
        raise ActionError(text.no_rows.format(name=repr(new.source)[:40], known=known))
    return dataclasses.replace(new, yes=-1)


def take(state: State, source: str, _: Sources) -> State:
    """Make the batch of the rows of a source."""
    return dataclasses.replace(state, source=source, yes=-1)


def _problem(s: State, asked: Questions | None) -> Problem:
    if asked is not None:
        few, many = len(asked.truths), len(asked.rows.labels)
        return Problem(
            s.gamma,
            s.alpha,
            s.p,
            int(s.y),
            (1,) * few,
            (),
            asked.truths,
            slopes=s.of == "gradient",
            logits=asked.logits,
            stated=(few, many),
        )
    yes = tuple(int(positive) for positive in POSITIVE)
    return Problem(s.gamma, s.alpha, s.p, int(s.y), s.counts, s.ps, yes, slopes=s.of == "gradient")


def compute(state: State, sources: Sources) -> Drawing:
    """Draw a state."""
    asked = None if state.source == ALIKE else ask(sources[state.source], state.yes)
    panels = {
        "curve": lambda: curve_panel(state),
        "batch": lambda: batch_panel(Batch(state, asked), sources),
        "pull": lambda: pull_panel(state, asked),
        "symbols": lambda: panel("symbols", text.symbols, [loss_formula(state), slope_formula(state)]),
        "settle": lambda: settle_panel(state),
        "take-home": lambda: take_home(NAME, focal(_problem(state, asked))),
    }
    loss = num(focal_loss(state.p, state.gamma, side_of(state)))
    summary = text.summary.format(gamma=show_input(state.gamma), p=show_input(state.p), loss=loss["text"])
    return Drawing(panels, summary)
