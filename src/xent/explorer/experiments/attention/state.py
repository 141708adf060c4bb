"""What is on screen, how it is edited, and the questions asked about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer.experiments.attention import one, sequence
from xent.explorer.experiments.attention.fields import MASKS, PLACE, SIZES, SPAN, TOKENS, WORDS, Fields, Look, N
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.attention import attention
from xent.explorer.section import Drawing, Later, Preset, Sources, edit
from xent.explorer.state import Flag, Many, OneOf, Real, Whole, stored
from xent.explorer.text import words

NAME, VERSION = "attention", 1

text = words("attention")


@dataclass(frozen=True)
class State(Fields):
    """One query with its scores and values, and a sequence of random queries and keys."""

    scores: tuple[float, ...] = stored((1.4, 0.2, 2.6, -0.8, 0.6), Many(Real("s", -SPAN, SPAN), N, N))
    seen: tuple[bool, ...] = stored((True, True, True, True, False), Many(Flag("seen"), N, N))
    fill: str = stored("infinity", OneOf("fill", ("infinity", "zero")))
    temperature: float = stored(1.0, Real("T", 0.05, 20.0))
    xs: tuple[float, ...] = stored((-2.0, -1.0, 2.2, 0.4, 1.0), Many(Real("vx", -PLACE, PLACE), N, N))
    ys: tuple[float, ...] = stored((1.2, -1.8, 1.6, 2.4, -2.0), Many(Real("vy", -PLACE, PLACE), N, N))
    size: str = stored("64", OneOf("d", SIZES))
    scale: bool = stored(True, Flag("scale"))
    mask: str = stored("causal", OneOf("mask", MASKS))
    query: int = stored(3, Whole("query", 0, TOKENS - 1))
    key: int = stored(1, Whole("key", 0, TOKENS - 1))
    seed: int = stored(1, Whole("seed", 1, 999))


def _hidden(s: State) -> Mapping[str, Any]:
    j = next((i for i, seen in enumerate(s.seen) if not seen), N - 1)
    hidden = dataclasses.replace(s, seen=tuple(seen and i != j for i, seen in enumerate(s.seen)))
    zero, gone = (Look(dataclasses.replace(hidden, fill=fill)) for fill in ("zero", "infinity"))
    return {"name": WORDS[j], "zero": zero.weight(j), "weight": gone.weight(j)}


def _sharp(s: State) -> Mapping[str, Any]:
    return {
        "d": s.size,
        "root": num(float(sequence.root(s.size)), "root", text=str(sequence.root(s.size))),
        "plain": num(sequence.typical(s.seed, int(s.size))[0], "plain"),
        "scaled": num(sequence.typical(s.seed, int(s.size))[1], "scaled"),
    }


PRESETS = (
    Preset(
        "zero",
        right=1,
        covers=("query", "mix"),
        begin={"fill": "infinity", "seen": (True, True, True, True, True)},
        after=(
            {"seen": (True, True, True, True, False), "fill": "zero"},
            {"seen": (True, True, True, True, False), "fill": "infinity"},
        ),
        why=_hidden,
    ),
    Preset(
        "root",
        right=0,
        covers=("sequence", "size"),
        begin={"scale": False, "size": "4", "mask": "none"},
        after=({"size": "16"}, {"size": "64"}, {"size": "256"}, {"size": "1024"}),
        why=_sharp,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Leave every state as it is: all of them make sense, also the one in which nothing may be seen."""
    return state, []


def act(state: State, action: Mapping[str, Any], _: Sources) -> State:
    """Set a field; or draw other random vectors."""
    if action["do"] == "draw":
        return dataclasses.replace(state, seed=state.seed % 999 + 1)
    return edit(state, action)


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    look = Look(state)
    panels = {
        "query": lambda: one.query(look),
        "mix": lambda: one.mix(look),
        "symbols": lambda: one.symbols(look),
        "sequence": lambda: sequence.table_of_all(state),
        "size": Later(text.size, lambda: sequence.by_size(state), wide=True),
        "take-home": lambda: take_home(NAME, attention(sequence.problem(look))),
    }
    said = text.summary.format(name=WORDS[look.best], weight=look.weight(look.best)["text"], n=look.keys["text"])
    return Drawing(panels, said)
