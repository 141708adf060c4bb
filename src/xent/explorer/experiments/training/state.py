"""The state of the experiment: data, two sets of options, and how many steps. The runs follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xent.explorer.experiments.training.descent import Data, Moment, Options, Run, digits, points, run
from xent.explorer.state import Flag, Many, OneOf, Real, Whole, stored
from xent.explorer.text import words

text = words("training")
CLASSES: tuple[str, ...] = tuple(text.classes)
SPAN = 3.0
MOST_POINTS, MOST_STEPS = 40, 300
AT_ONCE = 1400
"""Rows times steps that are computed within a frame; more come later."""

LOSSES = ("ce", "focal", "squared")
XS = (-1.9, -1.4, -1.1, -0.6, -1.7, 0.1, 1.8, 1.3, 0.9, 1.6, 0.5, -0.4, 0.2, -0.5, 0.6, -0.1, 1.1, 0.9)
YS = (0.6, 1.3, 0.2, 0.9, -0.3, 0.4, 0.5, 1.4, 0.8, -0.2, 0.3, 1.2, -1.2, -1.7, -0.9, -2.0, -1.5, 0.1)
KINDS = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2)


def _loss(key: str, value: str) -> Any:
    return stored(value, OneOf(key, LOSSES))


def _real(key: str, value: float, low: float, high: float) -> Any:
    return stored(value, Real(key, low, high))


@dataclass(frozen=True)
class State:
    """What is learned, how run A and run B learn it, and how far they are. A ``clip`` of 0 is none."""

    data: str = stored("points", OneOf("d", ("points", "digits")))
    xs: tuple[float, ...] = stored(XS, Many(Real("px", -SPAN, SPAN), 1, MOST_POINTS))
    ys: tuple[float, ...] = stored(YS, Many(Real("py", -SPAN, SPAN), 1, MOST_POINTS))
    kinds: tuple[int, ...] = stored(KINDS, Many(Whole("pc", 0, len(CLASSES) - 1), 1, MOST_POINTS))
    adds: int = stored(0, Whole("adds", 0, len(CLASSES) - 1))
    steps: int = stored(24, Whole("n", 0, MOST_STEPS))
    stride: int = stored(1, Whole("by", 1, 50))
    second: bool = stored(True, Flag("two"))
    a_loss: str = _loss("la", "ce")
    a_smoothing: float = _real("ea", 0.0, 0.0, 0.9)
    a_gamma: float = _real("ga", 2.0, 0.0, 5.0)
    a_balanced: bool = stored(False, Flag("wa"))
    a_temperature: float = _real("ta", 1.0, 0.1, 10.0)
    a_clip: float = _real("ca", 0.0, 0.0, 5.0)
    a_rate: float = _real("ra", 1.0, 0.01, 100.0)
    b_loss: str = _loss("lb", "ce")
    b_smoothing: float = _real("eb", 0.2, 0.0, 0.9)
    b_gamma: float = _real("gb", 2.0, 0.0, 5.0)
    b_balanced: bool = stored(False, Flag("wb"))
    b_temperature: float = _real("tb", 1.0, 0.1, 10.0)
    b_clip: float = _real("cb", 0.0, 0.0, 5.0)
    b_rate: float = _real("rb", 1.0, 0.01, 100.0)

    def options(self, which: str) -> Options:
        """Give the options of run ``"a"`` or ``"b"``, without those that its loss does not have."""
        of: dict[str, Any] = {name: getattr(self, f"{which}_{name}") for name in Options.__dataclass_fields__}
        if self.loss(which) == "focal":
            of["smoothing"] = 0.0
        else:
            of["gamma"] = 2.0
        return Options(**of)

    def loss(self, which: str) -> str:
        """Give the name of a run's loss."""
        return self.a_loss if which == "a" else self.b_loss


class Runs:
    """The runs of a state, computed when they are asked for."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.which = ("a", "b") if state.second else ("a",)

    @property
    def data(self) -> Data:
        """The rows that are trained on."""
        s = self.state
        return digits() if s.data == "digits" else points(s.xs, s.ys, s.kinds, len(CLASSES))

    @property
    def slow(self) -> bool:
        """Whether the runs take longer than a frame; a matter of the state alone, not of what is known already."""
        s = self.state
        return s.data == "digits" or (s.steps + 1) * len(s.xs) * len(self.which) > AT_ONCE

    def run(self, which: str) -> Run:
        """Give a run."""
        return run(self.data, self.state.options(which))

    def moments(self, which: str) -> list[Moment]:
        """Give a run's moments from 0 to the last step."""
        n = len(self.which)
        at = self.which.index(which)
        return self.run(which).until(self.state.steps, (at / n, (at + 1) / n))

    def all(self) -> dict[str, list[Moment]]:
        """Give the moments of all runs."""
        return {which: self.moments(which) for which in self.which}
