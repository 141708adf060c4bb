"""The state of the smoothing section, its questions, and one smoothed row in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cached_property, lru_cache
from typing import Any

from xent.explorer.numbers import num, show_probability
from xent.explorer.section import Preset, Sources, edit
from xent.explorer.state import OneOf, Real, Whole, stored
from xent.explorer.view import Num

NAME, VERSION = "smoothing", 1

LOW, HIGH = -5.0, 20.0
CONVENTIONS = ("uniform", "others")
_EXACT = Context(prec=40, traps=[])
_BEST_GAP = 4.51
"""Next to log 91, the gap that suits ε/K with ε = 0.1 and ten classes."""


@dataclass(frozen=True)
class State:
    """K classes, the share ε and who gets it, and the right class's lead over all others, which are equal."""

    classes: int = stored(10, Whole("K", 2, 1000))
    epsilon: float = stored(0.1, Real("eps", 0.0, 1.0))
    convention: str = stored("uniform", OneOf("share", CONVENTIONS))
    gap: float = stored(8.0, Real("gap", LOW, HIGH))


def _surprise(gone: Decimal) -> Decimal:
    """−log(1 − gone), by its series where 1 − gone would lose the digits of gone; 0 · ∞ is 0 to the caller."""
    if gone < Decimal("1e-10"):
        return gone * (1 + gone * (Decimal(1) / 2 + gone * (Decimal(1) / 3 + gone / 4)))
    return -(1 - gone).ln() if gone < 1 else Decimal(0)


class Smoothed:
    """One row whose wrong classes are all alike, by a convention; in nats.

    The K − 1 equal terms are one term times K − 1, so that a thousand classes cost what two do; `xent.spec` would
    go through them one by one. As there: decimal arithmetic in 40 digits, each result rounded once.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        with localcontext(_EXACT):
            share, many = Decimal(state.epsilon), state.classes - 1
            each = share / state.classes if state.convention == "uniform" else share / many
            keeps = 1 - many * each
            tail = many * (-Decimal(state.gap)).exp()
            surprise = (1 + tail).ln()
            loss = surprise + many * each * Decimal(state.gap)
            floor = keeps * _surprise(many * each) - (many * each * each.ln() if each else 0)
            self._target = keeps, each
            self._p = 1 / (1 + tail), tail / (1 + tail) / many
            self._plain, self._floor, self.loss = float(surprise), float(floor), float(loss)
            self.above = max(float(loss - floor), 0.0)
            self.slope = float(self._p[0] - keeps), float(self._p[1] - each)

    @cached_property
    def best(self) -> float:
        """The gap at which p is the target, log(t_right/t_other): ∞ without smoothing."""
        keeps, each = self._target
        if each == 0 or keeps == 0:
            return math.inf if each == 0 else -math.inf
        with localcontext(_EXACT):
            return float((keeps / each).ln()) + 0.0

    @property
    def floor(self) -> Num:
        """The least loss there is, H(t)."""
        return num(self._floor, f"floor:{self.state.convention}")

    @property
    def plain(self) -> Num:
        """The loss of the same prediction without smoothing."""
        return num(self._plain, "plain")

    @property
    def right(self) -> Num:
        """The right class's target."""
        return self._shown(self._target, 0)

    @property
    def other(self) -> Num:
        """Each other class's target."""
        return self._shown(self._target, 1)

    @property
    def p(self) -> tuple[Num, Num]:
        """What is predicted for the right class, and for each other."""
        return self._shown(self._p, 0), self._shown(self._p, 1)

    def _shown(self, pair: tuple[Decimal, Decimal], j: int) -> Num:
        value, many = pair[j], self.state.classes - 1
        with localcontext(_EXACT):
            rest = many * pair[1] if j == 0 else 1 - value
        return num(float(value), f"class:{j}", text=show_probability(float(value), float(rest)))


@lru_cache(maxsize=256)  # the tables ask for the same few rows at every step of a drag
def smoothed(classes: int, epsilon: float, convention: str, gap: float) -> Smoothed:
    """Smooth one row."""
    return Smoothed(State(classes, epsilon, convention, gap))


def own(s: State) -> Smoothed:
    """Smooth the row of a state."""
    return smoothed(s.classes, s.epsilon, s.convention, s.gap)


def _why_floor(s: State) -> dict[str, str | Num]:
    row = own(s)
    return {"floor": row.floor, "best": num(row.best, "best"), "loss": num(row.loss, "loss"), "plain": row.plain}


def _why_convention(s: State) -> dict[str, str | Num]:
    uniform, others = (smoothed(s.classes, s.epsilon, c, s.gap) for c in CONVENTIONS)
    return {"uniform": uniform.floor, "others": others.floor, "ku": uniform.right, "ko": others.right}


PRESETS = (
    Preset(
        "floor",
        right=1,
        covers=("row", "against", "floor", "symbols"),
        begin={"gap": 0.0},
        after=tuple({"gap": gap} for gap in (1.0, 2.0, 3.0, 4.0, _BEST_GAP, 6.0, 9.0, 12.0)),
        why=_why_floor,
    ),
    Preset(
        "convention",
        right=0,
        covers=("row", "against", "floor", "symbols"),
        begin={"gap": _BEST_GAP},
        after=({"convention": "others"},),
        why=_why_convention,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Take every state: no two fields can disagree."""
    return state, []


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field."""
    return edit(state, action)
