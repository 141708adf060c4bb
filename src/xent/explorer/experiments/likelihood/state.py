"""What is on screen, how it is edited, and the questions asked about it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer.experiments.likelihood import panels
from xent.explorer.experiments.likelihood.panels import MOST_COPIES
from xent.explorer.experiments.likelihood.record import CLASSES, DOUBLE, Data, K
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.likelihood import likelihood
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.shares import scaled, with_share
from xent.explorer.state import Many, Real, Whole, stored
from xent.explorer.text import words

NAME, VERSION = "likelihood", 1

text = words("likelihood")
MOST = 40


@dataclass(frozen=True)
class State:
    """What was observed, how often, how many times over; and the model's probabilities."""

    counts: tuple[int, ...] = stored((6, 3, 1), Many(Whole("n", 0, MOST), K, K))
    copies: int = stored(80, Whole("copies", 1, MOST_COPIES))
    model: tuple[float, ...] = stored((0.25, 0.35, 0.4), Many(Real("model", 0.0, 1.0), K, K))


def _towards(t: float) -> tuple[float, ...]:
    """Give a model that is a part t of the way from the default one to the frequencies of the default data."""
    return tuple((1 - t) * b + t * n / 10 for b, n in zip(State.model, State.counts, strict=True))


def _why(s: State) -> Mapping[str, Any]:
    d = Data(s)
    return {
        "n": str(d.size),
        "product": d.likelihood,
        "double": num(d.product(DOUBLE), DOUBLE),
        "sum": d.log_likelihood,
        "mean": d.mean,
        "floor": d.floor,
        "kl": d.divergence,
    }


PRESETS = (
    Preset(
        "product",
        right=2,
        covers=("data", "product", "symbols"),
        begin={"copies": 1},
        after=tuple({"copies": n} for n in (10, 25, 40, 55, 70, 85, MOST_COPIES)),
        why=_why,
    ),
    Preset(
        "best",
        right=1,
        covers=("data", "valley", "symbols"),
        begin={"model": (1 / 3, 1 / 3, 1 / 3)},
        after=tuple({"model": _towards(t)} for t in (0.25, 0.5, 0.75, 1.0)),
        why=_why,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Keep one observation at least, and a model that adds up to 1."""
    notices: list[str] = []
    if not any(state.counts):
        state = dataclasses.replace(state, counts=(1, *state.counts[1:]))
        notices.append(text.one_needed.format(name=CLASSES[0]))
    if (whole := scaled(state.model)) != state.model:
        notices.append(text.scaled.format(total=f"{math.fsum(state.model):.6g}"))
        state = dataclasses.replace(state, model=whole)
    return state, notices


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; or let the model be the frequencies, or even."""
    if action["do"] == "fit":
        return dataclasses.replace(state, model=scaled([float(n) for n in state.counts]))
    if action["do"] == "even":
        return dataclasses.replace(state, model=(1 / K,) * K)
    new = edit(state, action)
    name, _dot, index = str(action.get("path")).partition(".")
    if name == "model" and index:
        return dataclasses.replace(new, model=with_share(state.model, int(index), new.model[int(index)]))
    return new


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    d = Data(state)
    built = {
        "data": lambda: panels.data(d),
        "product": lambda: panels.product(d),
        "valley": lambda: panels.valley(d),
        "symbols": lambda: panels.symbols(d),
        "take-home": lambda: take_home(NAME, likelihood(state.counts, state.copies, state.model)),
    }
    return Drawing(built, text.summary.format(n=d.size, product=d.likelihood["text"], mean=d.mean["text"]))
