"""Focal loss and class weights: who gets the attention of an imbalanced batch, and what it costs.

`measures` is what is remembered and what each loss makes of it; `panels` and `formulas` show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xent.explorer.experiments.focal.formulas import loss_formula, slope_formula
from xent.explorer.experiments.focal.measures import (
    POSITIVE,
    Batch,
    State,
    factor_of,
    focal_loss,
    side_of,
    truth_of,
)
from xent.explorer.experiments.focal.panels import batch_panel, curve_panel, pull_panel, settle_panel, shown
from xent.explorer.figures import panel
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import take_home
from xent.explorer.programs.focal import Problem, focal
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.text import words

text = words("focal")

NAME, VERSION = "focal", 1

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]

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
            "ratio": num(factor_of(s.ps[1], s.gamma) / factor_of(s.ps[0], s.gamma)),
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


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Every state in range agrees with itself."""
    return state, []


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field."""
    return edit(state, action)


def _problem(s: State) -> Problem:
    yes = tuple(int(positive) for positive in POSITIVE)
    return Problem(s.gamma, s.alpha, s.p, int(s.y), s.counts, s.ps, yes, slopes=s.of == "gradient")


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    panels = {
        "curve": lambda: curve_panel(state),
        "batch": lambda: batch_panel(Batch(state)),
        "pull": lambda: pull_panel(state),
        "symbols": lambda: panel("symbols", text.symbols, [loss_formula(state), slope_formula(state)]),
        "settle": lambda: settle_panel(state),
        "take-home": lambda: take_home(NAME, focal(_problem(state))),
    }
    loss = num(focal_loss(state.p, state.gamma, side_of(state)))
    summary = text.summary.format(gamma=show_input(state.gamma), p=show_input(state.p), loss=loss["text"])
    return Drawing(panels, summary)
