"""What a loss is worth: held against a guess that knows nothing, for any number of classes."""

from __future__ import annotations

import math

from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.panels import shown, tally
from xent.explorer.experiments.labels.state import MOST_GUESSES, MOST_NATS, State
from xent.explorer.figures import (
    axis,
    curves,
    drag,
    handle,
    line,
    log_axis,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    table,
)
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import (
    Inline,
    Panel,
)

text = words("labels")

TABLED = (2, 3, 10, 100, 1000, 10_000, 100_000)


def guess(state: State) -> float:
    """Say what a guess that knows nothing costs, log K."""
    return math.log(state.guesses)


def typical(state: State) -> float:
    """Give the probability of the right class at the loss that is held: its geometric mean over the rows."""
    return math.exp(-state.nats)


def ratio(state: State) -> float:
    """Say how many times as probable as by guessing that is."""
    return state.guesses * typical(state)


def good_panel(b: Batch) -> Panel:
    """Hold a loss against a guess that knows nothing, for any number of classes."""
    s = b.state
    k, nats = tally(float(s.guesses), "k"), shown(s.nats, "nats")
    knows_nothing, p, times = num(guess(s), "k"), num(typical(s), "nats"), num(ratio(s))
    better = "same" if abs(ratio(s) - 1) < 5e-3 else "better" if ratio(s) > 1 else "worse"
    said: list[Inline] = say(
        text.good_story, k=k, nats=nats, guess=knows_nothing, p=p, ratio=times, verdict=text.verdicts[better]
    )
    held = handle(
        text.good_handle,
        text.good_spoken.format(nats=nats["text"], k=k["text"], guess=knows_nothing["text"]),
        x=drag("guesses", (2.0, float(MOST_GUESSES)), 1.05, page=2.0),
        y=drag("nats", (0.0, MOST_NATS), 0.1),
    )
    marks = [mark(float(s.guesses), s.nats, "nats", text.good_mark.format(nats=nats["text"]), held=held)]
    mean = b.result()
    if math.isfinite(mean) and mean <= MOST_NATS and s.by != "sum":
        # Named first: it stands in the corner, where the longer name has the fewer places.
        marks.insert(0, mark(float(s.k), mean, "result", text.batch_mark))
    one = num(1.0, "one", text="1")
    places = [2.0 * (MOST_GUESSES / 2) ** (i / 60) for i in range(61)]
    figure = curves(
        "guessing",
        say(text.good_title),
        x=log_axis(text.classes_axis, 2.0, float(MOST_GUESSES)),
        y=axis(text.nats, 0.0, MOST_NATS),
        lines=[line([(c, math.log(c)) for c in places], text.guess_line, ref="k")],
        marks=marks,
        rules=[rule("y", one, text.one_rule)],
        behind=table(
            [text.classes_axis, text.guess, text.perplexity],
            [[str(c), num(math.log(c)), tally(float(c))] for c in TABLED],
        ),
        caption=say(text.good_caption, e=num(math.exp(-1.0))),
    )
    return panel(
        "good",
        text.good,
        [
            prose("good-story", said),
            figure,
            readout(
                "good-numbers",
                [
                    {"label": text.guess, "number": knows_nothing, "unit": text.nats},
                    {"label": text.typical, "number": p, "unit": ""},
                    {"label": text.perplexity, "number": num(math.exp(s.nats), "nats"), "unit": text.as_classes},
                    {"label": text.ratio, "number": times, "unit": text.times},
                ],
            ),
        ],
        wide=True,
    )
