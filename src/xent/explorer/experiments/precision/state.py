"""The state of the precision section, its edits and its questions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer.experiments.precision.formats import FORMATS
from xent.explorer.experiments.precision.forms import FORMS, Result, Truth, results, truth
from xent.explorer.numbers import num, parse
from xent.explorer.section import Preset, Sources, edit
from xent.explorer.state import ActionError, OneOf, Real, stored
from xent.explorer.text import words
from xent.explorer.view import Num

NAME, VERSION = "precision", 1

text = words("precision")
LEAST, MOST = 0.1, 1000.0
SHIFT = 1000.0

_TENTH_DECADES = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
SIZES = (*(decade * step for decade in (1.0, 10.0, 100.0) for step in _TENTH_DECADES), 1000.0)
GAPS = (*(-size for size in reversed(SIZES)), *SIZES)
"""The columns of the map: ten gaps a decade, to both sides."""


@dataclass(frozen=True)
class State:
    """How far the right class is ahead or behind, what both logits are raised by, the format, what is looked at."""

    size: float = stored(20.0, Real("gap", LEAST, MOST))
    side: str = stored("ahead", OneOf("side", ("ahead", "behind")))
    shift: float = stored(0.0, Real("shift", -SHIFT, SHIFT))
    format: str = stored("float32", OneOf("format", tuple(FORMATS)))
    quantity: str = stored("loss", OneOf("of", ("loss", "gradient")))

    @property
    def gap(self) -> float:
        """The right class's logit less the other's."""
        return self.size if self.side == "ahead" else -self.size

    @property
    def column(self) -> int:
        """The column of the map that is nearest."""
        return min(
            range(len(GAPS)), key=lambda j: abs(math.log(self.gap / GAPS[j])) if self.gap * GAPS[j] > 0 else 9.0
        )

    @property
    def results(self) -> dict[str, Result]:
        """What each form gives."""
        return results(self.format, self.gap, self.shift)

    @property
    def truth(self) -> Truth:
        """What is right."""
        return truth(self.format, self.gap, self.shift)


def _why_overflow(s: State) -> dict[str, str | Num]:
    outcome = s.results
    return {
        "power": num(outcome["naive"].steps[0], "class:0"),
        "largest": num(FORMATS[s.format].largest, "largest"),
        "naive": num(outcome["naive"].loss, "class:0"),
        "stable": num(outcome["log1p"].loss, "class:3"),
    }


def _why_clipping(s: State) -> dict[str, str | Num]:
    outcome = s.results
    return {
        "cap": num(outcome["clipped"].loss, "class:1"),
        "loss": num(outcome["logsumexp"].loss, "class:2"),
        "slope": num(outcome["clipped"].gradient, "class:1"),
        "right": num(outcome["logsumexp"].gradient, "class:2"),
    }


PRESETS = (
    Preset(
        "overflow",
        right=2,
        covers=("one", "steps", "map", "lines"),
        begin={"size": 5.0},
        after=tuple({"size": size} for size in (10.0, 20.0, 40.0, 60.0, 80.0, 100.0)),
        why=_why_overflow,
    ),
    Preset(
        "clipping",
        right=2,
        covers=("one", "steps", "map", "lines"),
        begin={"size": 5.0, "side": "behind", "quantity": "gradient"},
        after=tuple({"size": size} for size in (10.0, 15.0, 20.0, 30.0)),
        why=_why_clipping,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Take every state: no two fields can disagree."""
    return state, []


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; or choose a cell of a map: its column is a gap, its row a format."""
    path = action.get("path")
    if action["do"] == "set" and path in ("column", "row"):
        try:
            at = parse(str(action.get("value")))
        except ValueError as error:
            raise ActionError(f"{path}: {error}.") from None
        count = len(GAPS) if path == "column" else len(FORMATS)
        if math.isnan(at):
            raise ActionError(text.cell_nan.format(path=path))
        index = int(min(max(round(at) if math.isfinite(at) else at, 0), count - 1))
        if path == "row":
            return dataclasses.replace(state, format=tuple(FORMATS)[index])
        return dataclasses.replace(state, size=abs(GAPS[index]), side="ahead" if GAPS[index] > 0 else "behind")
    return edit(state, action)


REFS = {form: f"class:{j}" for j, form in enumerate(FORMS)}
"""Each form has a colour."""
