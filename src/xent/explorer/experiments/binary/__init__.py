"""Yes or no, and several at once: sigmoid and binary cross-entropy beside softmax, and what a pos_weight does.

`state` is what is remembered and what the library says of it; `one`, `several` and `weight` show it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from xent.explorer.experiments.binary.one import losses_figure, one_panel, sigmoid_formula, slopes_figure
from xent.explorer.experiments.binary.several import heads_panel, pair_formula, two_panel
from xent.explorer.experiments.binary.state import SPAN, Bit, Heads, State, balanced, shown_yes
from xent.explorer.experiments.binary.weight import weight_panel
from xent.explorer.figures import panel
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import take_home
from xent.explorer.programs.binary import Problem, binary
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError
from xent.explorer.text import words

text = words("binary")

NAME, VERSION = "binary", 1

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]

PRESETS = (
    Preset(
        "both",
        right=1,
        covers=("heads",),
        begin={"scores": (0.0, 0.0, 0.0, 0.0)},
        after=tuple({"scores": (s, s, -s, -s)} for s in (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)),
        why=lambda s: {
            "p": Heads(s).soft(0),
            "q": Heads(s).soft(1),
            "loss": Heads(s).soft_loss,
            "floor": Heads(s).floor,
            "s": Heads(s).sigmoid(0),
        },
    ),
    Preset(
        "one",
        right=2,
        covers=("two",),
        begin={"pair": (2.0, 0.5)},
        after=tuple({"pair": (2.0 + d, 0.5 + d)} for d in (1.0, 3.0, 6.0, -3.0, -8.0, -2.0, -0.5)),
        why=lambda s: {
            "gap": num(s.pair[0] - s.pair[1], text=show_input(s.pair[0] - s.pair[1])),
            "p": shown_yes(Bit(s.pair, 1)),
        },
    ),
    Preset(
        "rare",
        right=1,
        covers=("weight",),
        begin={"share": 0.1, "weight": 1.0},
        after=tuple({"weight": c} for c in (1.5, 2.0, 3.0, 4.0, 6.0, 9.0)),
        why=lambda s: {
            "c": num(s.weight, text=show_input(s.weight)),
            "share": num(s.share, text=show_input(s.share)),
            "p": num(balanced(s.share, s.weight)),
        },
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Give every score a target."""
    k = len(state.scores)
    if len(state.hot) == k:
        return state, []
    said = [text.hot_fitted.format(k=k)] if state.hot != State.hot else []
    return dataclasses.replace(state, hot=(*state.hot, *(False,) * k)[:k]), said


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; make a label true or false; add the same to both logits."""
    value = action.get("value")
    if action["do"] == "label":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(state.hot):
            raise ActionError(text.no_label.format(value=repr(value)[:40], last=len(state.hot) - 1))
        return dataclasses.replace(state, hot=tuple(v != (j == value) for j, v in enumerate(state.hot)))
    if action["do"] == "shift":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ActionError(text.no_shift.format(value=repr(value)[:40]))
        moved = tuple(z + value for z in state.pair)
        if max(map(abs, moved)) > SPAN:
            raise ActionError(text.far_shift.format(span=show_input(SPAN)))
        return dataclasses.replace(state, pair=moved)
    return edit(state, action)


def _problem(s: State) -> Problem:
    return Problem(s.z, int(s.y), s.scores, s.hot, s.share, s.weight)


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    bit = Bit((state.z, 0.0), int(state.y))
    panels = {
        "one": lambda: one_panel(bit),
        "loss": lambda: panel("loss", text.loss_panel, [losses_figure(bit)]),
        "slope": lambda: panel("slope", text.slope_panel, [slopes_figure(bit)]),
        "two": lambda: two_panel(state),
        "heads": lambda: heads_panel(Heads(state)),
        "weight": lambda: weight_panel(state),
        "symbols": lambda: panel("symbols", text.symbols, [sigmoid_formula(bit), pair_formula(state)]),
        "take-home": lambda: take_home(NAME, binary(_problem(state))),
    }
    summary = text.summary.format(p=shown_yes(bit)["text"], loss=bit.loss["text"], slope=bit.slope["text"])
    return Drawing(panels, summary)
