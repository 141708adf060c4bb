"""Loss landscape: the binary curves, and three classes as contours with a descent path whose start is dragged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, cast

from xent.explorer.experiments.landscape import panels
from xent.explorer.experiments.landscape.binary import two
from xent.explorer.experiments.landscape.ground import CLASSES, FAR, MOST_STEPS, REACH, Ground, State
from xent.explorer.figures import panel
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.landscape import Problem, landscape
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError
from xent.explorer.text import words
from xent.explorer.view import Num

NAME, VERSION = "landscape", 1

text = words("landscape")


def _split(share: float) -> tuple[float, float]:
    """Give the logits of p = (0.4, 0.6 · share, the rest)."""
    rest = 0.6 * (1 - share)
    return math.log(0.4 / rest), math.log(0.6 * share / rest)


def _why_others(s: State) -> Mapping[str, str | Num]:
    g = Ground(s)
    first, second = num(g.slope[1], "class:1"), num(g.slope[2], "class:2")
    return {"name": CLASSES[s.label], "loss": g.first, "first": first, "second": second}


def _why_end(s: State) -> Mapping[str, str | Num]:
    return {"half": num(Ground(s).cost(200)), "full": num(Ground(s).cost(400))}


PRESETS = (
    Preset(
        "others",
        right=1,
        covers=("descent", "numbers"),
        begin={"start": _split(0.5), "steps": 0},
        after=tuple({"start": _split(u)} for u in (0.6, 0.7, 0.8, 0.9, 0.95)),
        why=_why_others,
    ),
    Preset(
        "end",
        right=2,
        covers=("plane", "triangle", "descent"),
        begin={"steps": 0},
        after=tuple({"steps": n} for n in (1, 2, 5, 10, 25, 50, 100, 200, 400)),
        why=_why_end,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Keep every state: the fields are independent."""
    return state, []


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; the binary logit also by its probability, the start also by its three; or step."""
    if action["do"] in ("step", "back", "reset"):
        on = {"step": state.steps + 1, "back": state.steps - 1, "reset": 0}[action["do"]]
        return dataclasses.replace(state, steps=min(max(on, 0), MOST_STEPS))
    path = action.get("path")
    if action["do"] == "set" and path == "probability":
        (p,) = _shares([action.get("value")], 1)
        return dataclasses.replace(state, logit=min(max(_log(p) - _log(1 - p), -FAR), FAR))
    if action["do"] == "set" and path == "shares":
        # A corner lies at infinity: as far towards it as the plane reaches.
        logs = [_log(max(p, 1e-9)) for p in _shares(action.get("value"), 3)]
        start = tuple(min(max(v - logs[2], -REACH), REACH) + 0.0 for v in logs[:2])
        return dataclasses.replace(state, start=start)
    return edit(state, action)


def _shares(value: object, count: int) -> list[float]:
    """Read numbers from 0 to 1."""
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    read = [float(v) for v in given if isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1]
    if len(read) != count or len(given) != count:
        raise ActionError(text.no_share.format(value=repr(given)[:40]))
    return read


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    ground = Ground(state)
    drawn = {
        "two": lambda: two(state),
        "three": lambda: panels.three(ground),
        "plane": lambda: panel("plane", text.plane, [panels.plane(ground)]),
        "triangle": lambda: panel("triangle", text.triangle, [panels.triangle(ground)]),
        "descent": lambda: panels.descent(ground),
        "numbers": lambda: panel("numbers", text.symbols, [panels.slope(ground), panels.bend(ground)]),
        "take-home": lambda: take_home(
            NAME, landscape(Problem(state.start, tuple(ground.t), state.rate, state.steps))
        ),
    }
    said = text.summary.format(start=ground.first["text"], end=ground.last["text"], n=state.steps)
    return Drawing(drawn, said)


def _log(p: float) -> float:
    return math.log(p) if p > 0 else -math.inf
