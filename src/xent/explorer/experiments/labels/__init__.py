"""Labels and reductions: a batch to edit, what its mean divides by, and what a loss is worth.

`state` is the batch and its edits, `batch` says what it costs; `panels`, `parts`,
`own` and `worth` show it.
"""

from __future__ import annotations

import math

from xent.explorer.experiments.labels import own, panels, parts, worth
from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.state import State, act, first, repair, take
from xent.explorer.numbers import num
from xent.explorer.section import Drawing, Preset, Sources
from xent.explorer.text import words
from xent.explorer.view import Num

NAME, VERSION = "labels", 1

text = words("labels")

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair", "take"]


def _mean(state: State) -> Num:
    return num(Batch(state).result(), "result")


def _parts(state: State) -> dict[str, str | Num]:
    b = Batch(state)
    sizes = [num(float(len(part)), text=str(len(part))) for part in b.parts]
    return {
        "first": sizes[0],
        "rest": sizes[1],
        "naive": num(sum(b.result(part) for part in b.parts) / 2, "naive"),
        "whole": _mean(state),
    }


_ALL = (True,) * 6
_PLAIN = (1.0, 1.0, 1.0)

PRESETS = (
    Preset(
        "empty",
        right=1,
        covers=("batch", "area", "weights", "micro"),
        begin={"used": _ALL},
        after=tuple({"used": tuple(j < 5 - i for j in range(6))} for i in range(6)),
        why=lambda s: {"result": _mean(s)},
    ),
    Preset(
        "doubled",
        right=1,
        covers=("batch", "area", "weights", "micro"),
        begin={"weights": (1.0, 1.0, 4.0)},
        after=tuple({"weights": (c, c, 4 * c)} for c in (1.25, 1.5, 1.75, 2.0)),
        why=lambda s: {
            "above": num(Batch(s).numerator(range(s.n)), "above"),
            "below": panels.tally(Batch(s).denominator(range(s.n), "weights"), "below"),
            "result": _mean(s),
        },
    ),
    Preset(
        "micro",
        right=2,
        covers=("micro",),
        begin={"used": _ALL, "weights": _PLAIN, "split": 1},
        after=tuple({"split": m} for m in (2, 3, 4, 5)),
        why=_parts,
    ),
    Preset(
        "good",
        right=1,
        covers=("good",),
        begin={"guesses": 2, "nats": 1.5},
        after=tuple({"guesses": k} for k in (3, 5, 10, 30, 100, 300, 1000)),
        why=lambda s: {
            "nats": panels.shown(s.nats, "nats"),
            "k": num(float(s.guesses), "k", text=str(s.guesses)),
            "guess": num(worth.guess(s), "k"),
            "p": num(worth.typical(s), "nats"),
            "ratio": num(worth.ratio(s)),
            "coin": num(math.log(2.0)),
        },
    ),
)


def compute(state: State, sources: Sources) -> Drawing:
    """Draw a state."""
    b = Batch(state)
    result = num(b.result())
    built = {
        "batch": lambda: panels.batch_panel(b),
        "area": lambda: panels.area_panel(b),
        "weights": lambda: panels.weights_panel(b),
        "micro": lambda: parts.micro_panel(b),
        "own": lambda: own.own_panel(b, sources),
        "good": lambda: worth.good_panel(b),
    }
    return Drawing(built, text.summary.format(how=text.reductions[state.by], result=result["text"]))
