"""Training: softmax regression on points placed by hand or on real digits, two runs side by side."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from xent.explorer.experiments.training import curves, panels
from xent.explorer.experiments.training.state import MOST_POINTS, MOST_STEPS, SPAN, Runs, State
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.training import training
from xent.explorer.section import Build, Drawing, Later, Preset, Sources, edit
from xent.explorer.state import ActionError
from xent.explorer.text import words
from xent.explorer.view import Num, Panel

NAME, VERSION = "training", 1

text = words("training")


def _why_begin(state: State) -> Mapping[str, str | Num]:
    moments = Runs(state).moments("a")
    return {"begin": num(moments[0].cross_entropy), "n": str(state.steps), "now": num(moments[-1].cross_entropy)}


def _why_sure(state: State) -> Mapping[str, str | Num]:
    a, b = (Runs(state).moments(which) for which in ("a", "b"))
    return {
        "n": str(state.steps),
        "a": num(a[-1].confidence),
        "b": num(b[-1].confidence),
        "loss": num(a[-1].cross_entropy),
    }


# The points, with the three that lie among others drawn back to their own.
_APART = {
    "xs": (-1.9, -1.4, -1.1, -0.6, -1.7, -1.0, 1.8, 1.3, 0.9, 1.6, 0.8, 1.1, 0.2, -0.5, 0.6, -0.1, 1.1, 0.3),
    "ys": (0.6, 1.3, 0.2, 0.9, -0.3, 0.7, 0.5, 1.4, 0.8, 0.2, 1.1, 1.2, -1.2, -1.7, -0.9, -2.0, -1.5, -1.4),
}

PRESETS = (
    Preset(
        "begin",
        right=1,
        covers=("a", "b", "loss", "sure"),
        begin={"steps": 0},
        after=tuple({"steps": n} for n in (0, 1, 2, 4, 8, 16, 32)),
        why=_why_begin,
    ),
    Preset(
        "sure",
        right=1,
        covers=("a", "b", "loss", "sure"),
        begin=_APART | {"steps": 10},
        after=tuple({"steps": n} for n in (20, 40, 80, 160, 300)),
        why=_why_sure,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Give every point an x, a y and a class."""
    lengths = {len(state.xs), len(state.ys), len(state.kinds)}
    if len(lengths) == 1:
        return state, []
    n = min(lengths)
    cut = dataclasses.replace(state, xs=state.xs[:n], ys=state.ys[:n], kinds=state.kinds[:n])
    return cut, [text.points_cut.format(n=n)]


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field, step, place a point or take one away."""
    do, value = action["do"], action.get("value")
    if do in ("step", "back", "reset"):
        on = {"step": state.steps + state.stride, "back": state.steps - state.stride, "reset": 0}[do]
        return dataclasses.replace(state, steps=min(max(on, 0), MOST_STEPS))
    if do == "place":
        return _placed(state, value)
    if do == "take":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(state.xs):
            raise ActionError(text.no_point.format(value=repr(value)[:40], last=len(state.xs) - 1))
        if len(state.xs) == 1:
            raise ActionError(text.last_point)
        kept = [j for j in range(len(state.xs)) if j != value]
        xs, ys, kinds = (tuple(of[j] for j in kept) for of in (state.xs, state.ys, state.kinds))
        return dataclasses.replace(state, xs=xs, ys=ys, kinds=kinds)
    return edit(state, action)


def _placed(state: State, value: object) -> State:
    place = cast("list[object]", value) if isinstance(value, list) else [value]
    xy = [float(v) for v in place if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if len(xy) != 2 or len(place) != 2:
        raise ActionError(text.no_place.format(value=repr(place)[:40]))
    if len(state.xs) == MOST_POINTS:
        raise ActionError(text.most_points.format(most=MOST_POINTS))
    x, y = (min(max(v, -SPAN), SPAN) + 0.0 for v in xy)
    return dataclasses.replace(state, xs=(*state.xs, x), ys=(*state.ys, y), kinds=(*state.kinds, state.adds))


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state; what takes longer than a frame comes later."""
    runs = Runs(state)

    def when(title: str, build: Callable[[], Panel]) -> Build | Later:
        return Later(title, build) if runs.slow else build

    drawn: dict[str, Build | Later] = {"ground": lambda: panels.ground(runs)}
    for which in runs.which:
        drawn[f"options-{which}"] = panels.Options(runs, which)
    for which in runs.which:
        drawn[which] = when(text.runs[which], panels.Shown(runs, which))
    drawn["loss"] = when(text.loss_panel, lambda: curves.losses(runs))
    drawn["sure"] = when(text.sure_panel, lambda: curves.sure(runs))
    drawn["symbols"] = when(text.symbols, lambda: panels.symbols(runs))
    drawn["take-home"] = lambda: take_home(NAME, training(panels.problem(runs)))
    said = text.summary.format(n=state.steps, what=text.data[state.data])
    return Drawing(drawn, said)
