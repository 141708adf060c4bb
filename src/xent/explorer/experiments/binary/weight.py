"""What pos_weight moves when positives are rare."""

from __future__ import annotations

import math

from xent import spec
from xent.explorer.experiments.binary.one import STEPS, cost_at
from xent.explorer.experiments.binary.state import YES, State, balanced
from xent.explorer.figures import (
    axis,
    controls,
    curves,
    line,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    say,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Panel

text = words("binary")


def _mean_loss(z: float, share: float, weight: float) -> float:
    return spec.loss((z, 0.0), (share, 1 - share), weight=(weight, 1.0))


def weight_panel(state: State) -> Panel:
    """Weigh the rare answers up, and see where the best constant answer goes."""
    pi, c = state.share, state.weight
    best, plain = math.log(c * pi / (1 - pi)), math.log(pi / (1 - pi))
    p_best, p_plain = num(balanced(pi, c), YES), num(pi, "plain", text=show_input(pi))
    lowest, lowest_plain = _mean_loss(best, pi, c), _mean_loss(plain, pi, 1.0)
    low, high = -8.0, 8.0
    places = [low + (high - low) * i / STEPS for i in range(STEPS + 1)]
    top = max(3.0, 2.2 * lowest)
    shown = num(c, "c", text=show_input(c))
    at = [num(z, text=show_input(z)) for z in (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0)]
    figure = curves(
        "expected",
        say(text.expected_title),
        x=axis(text.logit_axis, low, high),
        y=axis(text.nats, 0.0, top),
        lines=[
            line([(z, pi * cost_at(z) + (1 - pi) * cost_at(-z)) for z in places], text.plain_line, ref="plain"),
            line(
                [(z, c * pi * cost_at(z) + (1 - pi) * cost_at(-z)) for z in places],
                text.weight_line.format(c=shown["text"]),
                ref=YES,
            ),
        ],
        marks=[
            mark(plain, lowest_plain, "plain", f"σ = {p_plain['text']}"),
            mark(best, lowest, YES, f"σ = {p_best['text']}"),
        ],
        behind=table(
            [text.logit_axis, text.plain_line, text.weight_line.format(c=shown["text"])],
            [
                [z["text"], num(_mean_loss(z["value"] or 0.0, pi, 1.0)), num(_mean_loss(z["value"] or 0.0, pi, c))]
                for z in at
            ],
        ),
        caption=say(text.expected_caption),
    )
    return panel(
        "weight",
        text.weight_panel,
        [
            prose(
                "weight-story",
                say(text.weight_story, share=p_plain, c=shown, p=p_best, log_c=num(math.log(c))),
            ),
            controls(
                "weights",
                [
                    slider("share", text.share, p_plain, (0.01, 0.99), step=0.01),
                    log_slider("weight", text.weight_label, shown, (0.1, 100.0), marks=(0.1, 1.0, 10.0, 100.0)),
                ],
            ),
            readout(
                "weight-numbers",
                [
                    {"label": text.best_p, "number": p_best, "unit": ""},
                    {"label": text.best_z, "number": num(best, YES), "unit": ""},
                    {"label": text.lowest, "number": num(lowest, YES), "unit": text.nats},
                ],
            ),
            figure,
        ],
    )
