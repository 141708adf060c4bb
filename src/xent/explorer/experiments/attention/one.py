"""One query: its scores and masks, the weights, and the mean of the values."""

from __future__ import annotations

import math

from xent.explorer import mathml as m
from xent.explorer.experiments.attention.fields import PLACE, SPAN, WORDS, Look, N
from xent.explorer.figures import (
    SHAPES,
    axis,
    bars,
    choice,
    controls,
    drag,
    formula,
    handle,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    say,
    scatter,
    table,
    toggle,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Arrow, Bar, Dot, Item, Panel

text = words("attention")


def query(look: Look) -> Panel:
    """Show the scores to drag, the keys to hide, and the weights."""
    s = look.state
    scores, weights = list[Bar](), list[Bar]()
    for j in range(N):
        number = num(s.scores[j], f"class:{j}", text=show_input(s.scores[j]))
        scores.append(
            {
                "ref": f"class:{j}",
                "label": WORDS[j],
                "number": number,
                "spoken": text.score_spoken.format(name=WORDS[j], value=number["text"]),
                "drag": drag(f"scores.{j}", (-SPAN, SPAN), 0.1),
            }
        )
        given = look.weight(j)
        weights.append(
            {
                "ref": f"class:{j}",
                "label": WORDS[j],
                "number": given,
                "spoken": text.weight_spoken.format(name=WORDS[j], value=given["text"]),
            }
        )
    told = text.story_zero if s.fill == "zero" and not all(s.seen) else text.story
    said = say(
        text.nothing if math.isnan(look.weights[0]) else told, name=WORDS[look.best], weight=look.weight(look.best)
    )
    return panel(
        "query",
        text.query,
        [
            prose("story", said),
            controls(
                "heat", [log_slider("temperature", text.temperature, look.T, (0.05, 20.0), marks=(0.1, 1.0, 10.0))]
            ),
            controls(
                "masks",
                [
                    *(toggle(f"seen.{j}", text.may_see.format(name=WORDS[j]), s.seen[j]) for j in range(N)),
                    choice("fill", text.fill, s.fill, text.fills),
                ],
            ),
            bars("scores", say(text.scores_title), axis(text.score, -SPAN, SPAN), scores),
            bars("weights", say(text.weights_title), axis(text.weight, 0.0, 1.0), weights),
            readout(
                "look",
                [
                    {"label": text.attended, "number": look.keys, "unit": text.of.format(n=N)},
                    {"label": text.moves, "number": look.moves, "unit": ""},
                    {"label": text.sum, "number": num(math.fsum(look.weights), "sum"), "unit": ""},
                ],
            ),
        ],
        wide=True,
    )


def mix(look: Look) -> Panel:
    """Show the values, and their mean by the weights."""
    s, (x, y) = look.state, look.output
    dots, arrows = list[Dot](), list[Arrow]()
    for j in range(N):
        place = text.at.format(x=show_input(s.xs[j]), y=show_input(s.ys[j]))
        held = handle(
            text.value_of.format(name=WORDS[j]),
            place,
            x=drag(f"xs.{j}", (-PLACE, PLACE), 0.1),
            y=drag(f"ys.{j}", (-PLACE, PLACE), 0.1),
        )
        dots.append(
            {
                "x": s.xs[j],
                "y": s.ys[j],
                "ref": f"class:{j}",
                "shape": SHAPES[j % 4],
                "label": WORDS[j],
                "handle": held,
            }
        )
        w = look.weights[j]
        if w > 0:  # each value pulls the mean its way, by its weight
            end = (x + w * (s.xs[j] - x), y + w * (s.ys[j] - y))
            arrows.append({"start": (x, y), "end": end, "ref": f"class:{j}"})
    both = (num(x, "output"), num(y, "output"))
    marks = [mark(x, y, "output", text.output)] if both[0]["value"] is not None else []
    return panel(
        "mix",
        text.mix,
        [
            prose("mean", say(text.mean, x=both[0], y=both[1])),
            scatter(
                "values",
                say(text.values_title),
                x=axis(text.first_number, -PLACE, PLACE),
                y=axis(text.second_number, -PLACE, PLACE),
                dots=dots,
                arrows=arrows,
                marks=marks,
                square=True,
                behind=table(
                    [text.word, text.weight, text.first_number, text.second_number],
                    [
                        *([WORDS[j], look.weight(j), num(s.xs[j]), num(s.ys[j])] for j in range(N)),
                        [text.output, num(math.fsum(look.weights)), *both],
                    ],
                ),
                caption=say(text.values_caption),
            ),
        ],
    )


def symbols(look: Look) -> Panel:
    """Write attention, and one weight of it with live numbers."""
    return panel("symbols", text.symbols, [_whole(), _weight(look)])


def _whole() -> Item:
    q, k, v = m.mi("Q"), m.power(m.mi("K"), m.mo("⊤")), m.mi("V")
    root = m.el("msqrt", m.mi("d"))
    inside = m.row(m.frac(m.row(q, m.thin(), k), root), m.mo("+"), m.mi("M"))
    body = m.row(m.mtext("softmax"), m.mo("("), inside, m.mo(")"), m.thin(), v)
    return formula("attention", body, spoken=text.attention_spoken, note=text.attention_note)


def _weight(look: Look) -> Item:
    j, hot = look.best, look.state.temperature != 1

    def power(i: int) -> m.Part:
        number = num(look.scores[i], f"class:{i}", text=show_input(look.scores[i]))
        exponent = m.row(m.mn(number), m.mo("/"), m.mn(look.T)) if hot else m.mn(number)
        return m.power(m.mi("e"), exponent, ref=f"class:{i}")

    below: list[m.Part] = []
    for i in range(N):
        below += [m.mo("+"), power(i)] if below else [power(i)]
    value = look.weight(j)
    return formula(
        "one-weight",
        m.lines(
            [
                [m.sub(m.mi("w"), m.mtext(WORDS[j]), ref=f"class:{j}"), m.mo("="), m.frac(power(j), m.row(*below))],
                [m.mtext(""), m.mo("="), m.mn(value)],
            ]
        ),
        spoken=text.one_spoken.format(name=WORDS[j], value=value["text"]),
        note=text.one_note,
    )
