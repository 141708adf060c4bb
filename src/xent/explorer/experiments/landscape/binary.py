"""Two classes: the loss of either answer, over the probability and over the logit."""

from __future__ import annotations

import math

from xent import spec
from xent.explorer.experiments.landscape.ground import FAR, State
from xent.explorer.figures import axis, curves, drag, handle, line, mark, panel, prose, say, table
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Mark, Panel

text = words("landscape")
PROBABILITIES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def two(s: State) -> Panel:
    """Draw the two curves, over both axes."""
    p = spec.probabilities((s.logit, 0.0))
    right, wrong = num(spec.loss((s.logit, 0.0), 0), "class:0"), num(spec.loss((s.logit, 0.0), 1), "class:1")
    shown = num(p[0], "p", text=show_probability(p[0], p[1]))
    z = num(s.logit, "z", text=show_input(s.logit))
    spoken = text.two_spoken.format(p=shown["text"], z=z["text"], right=right["text"], wrong=wrong["text"])
    steep = num(spec.gradient((s.logit, 0.0), 0)[0], "class:0")
    wide = [i / 10 for i in range(-int(FAR * 10), int(FAR * 10) + 1)]
    near = [10 ** (-4 + i / 20) for i in range(54)]  # the curves are steep at the edges
    by_p = [*near, *(i / 100 for i in range(5, 96)), *(1 - q for q in reversed(near))]
    top = FAR + 0.4

    def marks(x: float, path: str, span: tuple[float, float], step: float) -> list[Mark]:
        held = handle(text.held, spoken, x=drag(path, span, step))
        return [
            mark(x, right["value"] or 0.0, "class:0", right["text"], held=held),
            mark(x, wrong["value"] or 0.0, "class:1", wrong["text"]),
        ]

    rows = [(q, num(q, text=show_input(q))) for q in PROBABILITIES]
    exact = [
        (label, spec.cross_entropy([1.0, 0.0], [q, 1 - q]), spec.cross_entropy([0.0, 1.0], [q, 1 - q]))
        for q, label in rows
    ]
    logits = [(float(v), (float(v), 0.0)) for v in range(-8, 9, 2)]
    return panel(
        "two",
        text.two,
        [
            prose("two-story", say(text.two_story, p=shown, right=right, wrong=wrong, z=z, slope=steep)),
            curves(
                "by-p",
                say(text.by_p),
                x=axis(text.p_axis, 0.0, 1.0),
                y=axis(text.nats, 0.0, top),
                lines=[
                    line([(q, -math.log(q)) for q in by_p], text.right_line, ref="class:0"),
                    line([(q, -math.log1p(-q)) for q in by_p], text.wrong_line, ref="class:1", dashed=True),
                ],
                marks=marks(p[0], "probability", (0.0, 1.0), 0.01),
                caption=say(text.by_p_caption),
                behind=table(
                    [text.p_axis, text.right_line, text.wrong_line],
                    [[a["text"], num(b), num(c)] for a, b, c in exact],
                ),
            ),
            curves(
                "by-z",
                say(text.by_z),
                x=axis(text.z_axis, -FAR, FAR),
                y=axis(text.nats, 0.0, top),
                lines=[
                    line([(v, _softplus(-v)) for v in wide], text.right_line, ref="class:0"),
                    line([(v, _softplus(v)) for v in wide], text.wrong_line, ref="class:1", dashed=True),
                ],
                marks=marks(s.logit, "logit", (-FAR, FAR), 0.1),
                caption=say(text.by_z_caption),
                behind=table(
                    [text.z_axis, text.right_line, text.wrong_line],
                    [[show_input(v), num(spec.loss(row, 0)), num(spec.loss(row, 1))] for v, row in logits],
                ),
            ),
        ],
        wide=True,
    )


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
