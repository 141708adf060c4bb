"""How the runs went: loss, accuracy, confidence and gradient norm against the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from xent.explorer.experiments.training.descent import Moment
from xent.explorer.experiments.training.state import Runs
from xent.explorer.figures import axis, curves, line, log_axis, panel, rule, say, table
from xent.explorer.numbers import num
from xent.explorer.text import words
from xent.explorer.view import Axis, Item, Line, Num, Panel, Rule

text = words("training")
MOST_SEEN = 250  # points of a curve
COLOURS = {"a": "class:3", "b": "class:4"}
"""Of the runs: the points have classes 0 to 2."""

Reading = Callable[[Moment], float]


def _over_steps(
    runs: Runs, name: str, title: str, y: Axis, read: Reading, held: Reading | None, note: str, rules: list[Rule]
) -> Item:
    """Draw a number of each moment against the step, for all runs; that of held-out rows thin."""
    every = runs.all()
    n = runs.state.steps
    some = sorted({round(n * i / MOST_SEEN) for i in range(MOST_SEEN + 1)})
    unseen = held if runs.data.more_y else None
    lines: list[Line] = []
    for which, moments in every.items():
        # Two runs are told apart by colour and label, and by dashes where these do not mark rows that are held out.
        seen = [(i, read(moments[i])) for i in some]
        lines.append(line(seen, text.short[which], ref=COLOURS[which], dashed=unseen is None and which == "b"))
        if unseen:
            told = [(i, unseen(moments[i])) for i in some]
            lines.append(line(told, text.held[which], ref=COLOURS[which], dashed=True))
    shown = sorted({0, *(i for i in (1, 2, 5, 10, 20, 50, 100, 200, 400) if i < n), n})
    columns = [text.short[which] for which in every]
    rows: list[list[str | Num]] = [[str(i), *(num(read(moments[i])) for moments in every.values())] for i in shown]
    if unseen:
        columns += [text.held[which] for which in every]
        for row, i in zip(rows, shown, strict=True):
            row.extend(num(unseen(moments[i])) for moments in every.values())
    return curves(
        name,
        say(title),
        x=axis(text.step, 0.0, float(max(n, 10))),
        y=y,
        lines=lines,
        rules=rules,
        caption=say(note),
        behind=table([text.step, *columns], rows),
    )


def losses(runs: Runs) -> Panel:
    """Draw the loss and the accuracy."""
    guess = num(math.log(runs.data.classes), "guess")
    seen = [v for moments in runs.all().values() for one in moments for v in (one.cross_entropy, one.held_out)]
    top = min(
        max([v for v in seen if math.isfinite(v)] + [guess["value"] or 0.0]) * 1.08, 4 * (guess["value"] or 1.0)
    )
    return panel(
        "loss",
        text.loss_panel,
        [
            _over_steps(
                runs,
                "cross-entropy",
                text.loss_title,
                axis(text.nats, 0.0, top),
                lambda one: one.cross_entropy,
                lambda one: one.held_out,
                text.loss_caption,
                [rule("y", guess, text.guess.format(k=runs.data.classes))],
            ),
            _over_steps(
                runs,
                "accuracy",
                text.accuracy_title,
                axis(text.accuracy, 0.0, 1.0),
                lambda one: one.accuracy,
                lambda one: one.held_right,
                text.accuracy_caption,
                [],
            ),
        ],
    )


def sure(runs: Runs) -> Panel:
    """Draw the confidence and the gradient's length."""
    norms = [one.norm for moments in runs.all().values() for one in moments if one.norm > 0]
    low, high = max(min(norms, default=0.1), 1e-12), max(norms, default=1.0)
    y = log_axis(text.norm, 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high * 1.001)))
    return panel(
        "sure",
        text.sure_panel,
        [
            _over_steps(
                runs,
                "confidence",
                text.confidence_title,
                axis(text.confidence, 0.0, 1.0),
                lambda one: one.confidence,
                None,
                text.confidence_caption,
                [],
            ),
            _over_steps(
                runs,
                "norm",
                text.norm_title,
                y,
                lambda one: one.norm if one.norm > 0 else math.nan,
                None,
                text.norm_caption,
                [],
            ),
        ],
    )
