"""The state of the experiment: one row of logits, its target, and a run of gradient steps from it.

The state holds the logits a run starts from and the number of steps; the logits on screen, the loss curve and
everything else follow from it, so a link brings back the whole picture.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xent import spec
from xent.explorer import browse
from xent.explorer.rows import Rows
from xent.explorer.state import Many, OneOf, Real, Whole, Word, stored
from xent.explorer.text import words

NAME = "logits"
VERSION = 1
MOST_STEPS = 200
SPANS = (5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000, 1_000_000)
text = words("logits")
CLASSES: tuple[str, ...] = tuple(text.classes)

STARTS: dict[str, dict[str, Any]] = {
    "three": {},
    "equal": {"logits": (0.0, 0.0, 0.0)},
    "wrong": {"logits": (9.0, 1.0, -2.0), "label": 1, "span": 10},
    "sure": {"logits": (40.0, 0.0, -1.0), "span": 50},
}
"""Places to begin: name → the fields that differ from the default."""


@dataclass(frozen=True)
class State:
    """One row of logits, its target, and a run of gradient steps from it."""

    logits: tuple[float, ...] = stored((2.0, 1.0, 0.1), Many(Real("z", -1e6, 1e6, masks=True), 2, 10))
    names: tuple[str, ...] = stored(CLASSES[:3], Many(Word("names", 24), 2, 10))
    target: str = stored("class", OneOf("target", ("class", "smoothed", "soft")))
    label: int = stored(0, Whole("y", 0, 9))
    soft: tuple[float, ...] = stored((), Many(Real("t", 0.0, 1.0), 0, 10))
    epsilon: float = stored(0.1, Real("eps", 0.0, 1.0))
    convention: str = stored("uniform", OneOf("smoothing", ("uniform", "others")))
    temperature: float = stored(1.0, Real("T", 0.01, 100.0))
    unit: str = stored("nats", OneOf("unit", ("nats", "bits")))
    rate: float = stored(1.0, Real("rate", 0.001, 100.0))
    steps: int = stored(0, Whole("steps", 0, MOST_STEPS))
    span: int = stored(5, Whole("span", 5, 1_000_000))
    source: str = stored("", Word("data", 60))
    row: int = stored(-1, Whole("row", -1, 10**9))
    mistakes: str = stored("all", OneOf("rows", ("all", "mistakes")))
    page: int = stored(0, Whole("page", 0, 10**6))

    @property
    def aim(self) -> int | tuple[float, ...]:
        """The target as `xent.spec` takes it: an index, or a distribution."""
        return self.soft if self.target == "soft" else self.label

    @property
    def options(self) -> dict[str, Any]:
        """The other arguments of `xent.spec.loss` and its siblings."""
        smoothing = self.epsilon if self.target == "smoothed" else 0.0
        return {"temperature": self.temperature, "label_smoothing": smoothing, "convention": self.convention}


@lru_cache(maxsize=2048)
def _step(z: tuple[float, ...], aim: int | tuple[float, ...], rate: float, options: tuple[Any, ...]) -> Any:
    """Take one gradient step: (loss before it, logits after it)."""
    given = dict(options)
    slope = spec.gradient(z, aim, **given)
    moved = tuple(
        a if g == 0 else min(max(a - rate * g, -1e6), 1e6) if a > -math.inf else a
        for a, g in zip(z, slope, strict=True)
    )
    return spec.loss(z, aim, **given), moved


def descend(state: State) -> tuple[tuple[float, ...], list[float]]:
    """Follow the gradient for the state's steps: the logits it comes to, and the loss in nats before each step."""
    z, losses, options = state.logits, list[float](), tuple(state.options.items())
    for _ in range(state.steps):
        loss, z = _step(z, state.aim, state.rate, options)
        losses.append(loss)
    return z, losses


def repair(state: State, sources: Mapping[str, Rows]) -> tuple[State, list[str]]:
    """Make the fields agree with each other; each change that a reader could notice gets a sentence."""
    notices: list[str] = []
    k = len(state.logits)
    change: dict[str, Any] = {}
    if all(z == -math.inf for z in state.logits):
        change["logits"] = (0.0,) * k
        notices.append(text.all_masked)
    if len(state.names) != k:
        default = state.names == CLASSES[:3]
        change["names"] = (
            CLASSES
            if default
            else (*state.names, *(text.class_number.format(j=j) for j in range(len(state.names), k)))
        )[:k]
        if not default:
            notices.append(text.names_cut.format(k=k, names=len(state.names)))
    if state.label >= k:
        change["label"] = k - 1
        notices.append(text.label_moved.format(label=state.label, last=k - 1))
    if state.target == "soft":
        total = math.fsum(state.soft)
        if len(state.soft) != k or total <= 0:
            change["soft"] = (1 / k,) * k
            notices.append(text.soft_uniform.format(k=k))
        elif abs(total - 1) > 1e-9:
            change["soft"] = tuple(q / total for q in state.soft)
            notices.append(text.soft_scaled.format(total=f"{total:g}"))
    elif state.soft:
        change["soft"] = ()
    state, said = browse.repair(dataclasses.replace(state, **change), sources)
    state = dataclasses.replace(state, source=browse.source_of(state, sources))
    reach = max(abs(z) for z in (*state.logits, *descend(state)[0]) if z > -math.inf)
    fit = next(s for s in SPANS if s >= max(reach, state.span))
    return dataclasses.replace(state, span=fit), notices + said
