"""The state of the gradient section, its edits, its questions, and what the library says about it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xent import spec
from xent.explorer.numbers import num, parse, show_input, show_probability
from xent.explorer.section import Preset, Sources, edit
from xent.explorer.state import ActionError, Many, Real, Whole, stored
from xent.explorer.text import words
from xent.explorer.view import Num

NAME, VERSION = "gradient", 1

text = words("gradient")
CLASSES: tuple[str, ...] = tuple(text.classes)
LEAST, MOST = 3, len(CLASSES)
SPAN = 10.0


@dataclass(frozen=True)
class State:
    """One row and its target, the cell of the chain rule that is looked at, an input, and the norm to clip to."""

    logits: tuple[float, ...] = stored((0.5, 2.0, 1.0), Many(Real("z", -SPAN, SPAN), LEAST, MOST))
    label: int = stored(0, Whole("y", 0, MOST - 1))
    epsilon: float = stored(0.0, Real("eps", 0.0, 1.0))
    row: int = stored(0, Whole("i", 0, MOST - 1))
    column: int = stored(0, Whole("j", 0, MOST - 1))
    size: float = stored(5.0, Real("input", 0.1, 100.0))
    limit: float = stored(1.0, Real("c", 0.01, 100.0))


class Row:
    """What the library says about a state. The loss is in nats, the gradient in nats per unit of logit."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.k = range(len(state.logits))
        self.y = state.label
        self.p = spec.probabilities(state.logits)
        self.t = spec.target_weights(state.label, len(state.logits), label_smoothing=state.epsilon)
        self.grad = spec.gradient(state.logits, self.y, label_smoothing=state.epsilon)

    def prob(self, j: int) -> Num:
        """Write a probability."""
        others = math.fsum([*self.p[:j], *self.p[j + 1 :]])
        return num(self.p[j], f"class:{j}", text=show_probability(self.p[j], others))

    @cached_property
    def loss(self) -> float:
        """The loss in nats."""
        return spec.loss(self.state.logits, self.y, label_smoothing=self.state.epsilon)

    @cached_property
    def jacobian(self) -> list[list[float]]:
        """Row i, column j: ∂p_i/∂z_j."""
        return spec.jacobian(self.state.logits)

    @cached_property
    def outer(self) -> list[float]:
        """∂L/∂p_i = −t_i/p_i, each p_i taken as a variable of its own."""
        return [-t / p + 0.0 for t, p in zip(self.t, self.p, strict=True)]

    @cached_property
    def products(self) -> list[list[float]]:
        """Row i, column j: −t_i/p_i · ∂p_i/∂z_j, whose columns add up to p_j − t_j."""
        return [[o * d + 0.0 for d in across] for o, across in zip(self.outer, self.jacobian, strict=True)]

    @cached_property
    def squared(self) -> tuple[float, list[float]]:
        """Give Σ (p − t)² and its gradient, 2 Σ_i (p_i − t_i) ∂p_i/∂z_j."""
        slope = [2 * math.fsum(g * d[j] for g, d in zip(self.grad, self.jacobian, strict=True)) for j in self.k]
        return math.fsum(g * g for g in self.grad), slope

    @cached_property
    def norms(self) -> tuple[float, float]:
        """Lengths of the gradient by the weights, (p − t)·x, and by the biases, p − t."""
        biases = math.hypot(*self.grad)
        return biases * self.state.size, biases

    @cached_property
    def factor(self) -> float:
        """What clipping by global norm multiplies every entry with: min(1, c/‖g‖)."""
        norm = math.hypot(*self.norms)
        return min(1.0, self.state.limit / norm) if norm > 0 else 1.0

    @cached_property
    def turned(self) -> float:
        """Degrees by which clipping each array to c by itself turns the step away from the gradient."""
        weights, biases = self.norms
        own = (min(weights, self.state.limit), min(biases, self.state.limit))
        return abs(math.degrees(math.atan2(own[1], own[0]) - math.atan2(biases, weights)))


def wrong(state: State) -> tuple[int, int]:
    """Give the first two classes that are not the right one."""
    first_two = [j for j in range(len(state.logits)) if j != state.label][:2]
    return first_two[0], first_two[1]


def split(state: State) -> float:
    """Give the first wrong class's share of what the first two wrong classes hold together."""
    a, b = wrong(state)
    return spec.probabilities((state.logits[a], state.logits[b]))[0]


def divided(state: State, share: float) -> State:
    """Divide what the first two wrong classes hold anew; every other probability stays as it is."""
    a, b = wrong(state)
    total = spec.logsumexp((state.logits[a], state.logits[b]))
    # beyond these shares one of the two logits would leave its range, and the right class would notice
    least = max(0.001, math.exp(-SPAN - total), -math.expm1(min(SPAN - total, 0.0)))
    share = min(max(share, least), 1 - least)
    logits = list(state.logits)
    logits[a], logits[b] = (min(max(total + math.log(part), -SPAN), SPAN) for part in (share, 1 - share))
    return dataclasses.replace(state, logits=tuple(logits))


def _why_wrong(s: State) -> dict[str, str | Num]:
    row, (a, b) = Row(s), wrong(s)
    pa, pb = num(row.grad[a], f"class:{a}"), num(row.grad[b], f"class:{b}")
    names = {"right": CLASSES[s.label], "a": CLASSES[a], "b": CLASSES[b]}
    return {"loss": num(row.loss, "loss"), "pa": pa, "pb": pb, **names}


def _why_bounded(s: State) -> dict[str, str | Num]:
    row, y = Row(s), s.label
    inner = num(row.jacobian[y][y], "inner")
    return {"outer": num(row.outer[y], "outer"), "inner": inner, "slope": num(row.grad[y], f"class:{y}")}


def _why_squared(s: State) -> dict[str, str | Num]:
    row = Row(s)
    return {"cross": num(row.grad[s.label], "cross"), "square": num(row.squared[1][s.label], "square")}


_MOVED = State(logits=(0.0, 1.0, 1.0))
_PANELS = ("row", "chain", "products", "ratio", "squared", "clip")

PRESETS = (
    Preset(
        "wrong",
        right=1,
        covers=_PANELS,
        begin={"logits": _MOVED.logits},
        after=tuple({"logits": divided(_MOVED, share).logits} for share in (0.6, 0.7, 0.8, 0.9, 0.95)),
        why=_why_wrong,
    ),
    Preset(
        "bounded",
        right=2,
        covers=_PANELS,
        begin={"logits": (0.0, 2.0, 0.0)},
        after=tuple({"logits": (z, 2.0, 0.0)} for z in (-2.0, -4.0, -6.0, -8.0)),
        why=_why_bounded,
    ),
    Preset(
        "squared",
        right=1,
        covers=_PANELS,
        begin={"logits": (2.0, 2.0, 0.0)},
        after=tuple({"logits": (z, 2.0, 0.0)} for z in (0.0, -2.0, -4.0, -6.0, -8.0)),
        why=_why_squared,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Keep the label and the cell within the classes."""
    last = len(state.logits) - 1
    kept = {name: min(getattr(state, name), last) for name in ("label", "row", "column")}
    fitted = dataclasses.replace(state, **kept)
    return fitted, [] if fitted == state else [text.fitted.format(last=last)]


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; divide the wrong mass; or go through the cells, down each column."""
    do, k = action["do"], len(state.logits)
    if do == "set" and action.get("path") == "split":
        try:
            share = parse(str(action.get("value")))
        except ValueError as error:
            raise ActionError(f"split: {error}.") from None
        if math.isnan(share):
            raise ActionError(text.split_nan)
        return divided(state, share)
    if do in ("step", "back", "reset"):
        at = {"step": at_cell(state) + 1, "back": at_cell(state) - 1, "reset": 0}[do]
        at = min(max(at, 0), k * k - 1)
        return dataclasses.replace(state, column=at // k, row=at % k)
    return edit(state, action)


def at_cell(state: State) -> int:
    """Count the cells before the one that is looked at."""
    return state.column * len(state.logits) + state.row


def shown(value: float, ref: str) -> Num:
    """Write a number that can be edited."""
    return num(value, ref, text=show_input(value))
