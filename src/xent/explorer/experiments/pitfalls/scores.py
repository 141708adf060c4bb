"""Softmax twice, softmax never, and a loss that stays where it began: what a score is taken for."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.experiments.pitfalls.fields import CLASSES, OUTPUT, Fields
from xent.explorer.figures import (
    axis,
    bars,
    button,
    controls,
    curves,
    drag,
    formula,
    handle,
    line,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Bar, Controls, Item, Panel

text = words("pitfalls")
MARGINS = (-4.0, 20.0)
STEPS = 200
MOST_CLASSES = 20
RATE = 1.0
HEADS = ("right", "double", "dead")
"""What stands between the network and its loss: nothing, a softmax too many, or a ReLU that passes nothing."""


class Double:
    """K classes, the right one ahead by a margin: the loss of its logits, and of their softmax taken for logits."""

    def __init__(self, k: int, margin: float) -> None:
        self.k = k
        self.z = (margin, *(0.0,) * (k - 1))
        self.p = spec.probabilities(self.z)

    @cached_property
    def right(self) -> float:
        """Give the loss of the logits."""
        return spec.loss(self.z, 0)

    @cached_property
    def double(self) -> float:
        """Give the loss of their softmax, taken for logits."""
        return spec.loss(self.p, 0)

    @cached_property
    def floor(self) -> float:
        """Give the loss of a probability of 1 taken for a logit: log(1 + (K − 1)/e)."""
        return spec.loss(spec.one_hot(0, self.k), 0)

    @cached_property
    def right_slope(self) -> float:
        """Differentiate the one by the right logit."""
        return spec.gradient(self.z, 0)[0]

    @cached_property
    def double_slope(self) -> float:
        """Differentiate the other by the right logit: by the second softmax's inputs, times theirs."""
        outer, p = spec.gradient(self.p, 0), self.p
        own = p[0] * math.fsum(p[1:])
        return math.fsum([own * outer[0], *(-p[0] * pj * g for pj, g in zip(p[1:], outer[1:], strict=True))])


class Descent:
    """Gradient descent on the logits of one row, from zeros, through each of `HEADS`."""

    def __init__(self, k: int) -> None:
        self.k = k

    def loss(self, head: str, step: int) -> float:
        """Give the loss after a number of steps."""
        a, b = _descent(self.k, head)[step]
        z = (a, *(b,) * (self.k - 1))
        return spec.loss(spec.probabilities(z) if head == "double" else z, 0)


@lru_cache(maxsize=8)
def _descent(k: int, head: str) -> list[tuple[float, float]]:
    """Give the right logit and the others', which stay equal, at each step."""
    a, b, out = 0.0, 0.0, [(0.0, 0.0)]
    for _ in range(STEPS):
        p, o = _shares(k, a - b)
        if head == "right":
            down = 1 - p
        elif head == "double":
            outer = _shares(k, p - o)[1] * (k - 1)
            down = outer * p * o * k
        else:
            down = 0.0  # the derivative of max(x, 0) left of 0
        a, b = a + RATE * down, b - RATE * down / (k - 1)
        out.append((a, b))
    return out


@lru_cache(maxsize=32)
def _exact(k: int) -> list[tuple[float, float, float]]:
    """Give the two losses at a few leads, for the table."""
    return [(v, Double(k, v).right, Double(k, v).double) for v in (MARGINS[0], 0.0, 2.0, 5.0, 10.0, MARGINS[1])]


@lru_cache(maxsize=32)
def _milestones(k: int) -> list[tuple[int, list[float]]]:
    """Give the losses after a few steps, for the table."""
    return [(i, [Descent(k).loss(head, i) for head in HEADS]) for i in (0, 1, 10, 50, STEPS)]


def _shares(k: int, margin: float) -> tuple[float, float]:
    """Softmax for drawing lines: of the right class, and of each other."""
    tail = (k - 1) * math.exp(-margin)
    return 1 / (1 + tail), math.exp(-margin) / (1 + tail)


def _classes(s: Fields) -> Controls:
    number = num(float(s.k), "k", text=str(s.k))
    return controls("double-controls", [slider("k", text.number_of_classes, number, (2, MOST_CLASSES), step=1)])


def double(s: Fields) -> Panel:
    """Show the floor that no logits get below."""
    d = Double(s.k, s.margin)
    right, twice, floor = num(d.right, "right"), num(d.double, "double"), num(d.floor, "floor")
    p = show_probability(d.p[0], math.fsum(d.p[1:]))
    return panel(
        "double",
        text.double,
        [
            prose(
                "double-story",
                say(text.double_story, p=num(d.p[0], "p", text=p), right=right, double=twice, floor=floor),
            ),
            _classes(s),
            _losses(s, d),
            _slopes(d),
            _floor(s, d),
            prose("double-repair", say(text.double_repair)),
        ],
    )


def _losses(s: Fields, d: Double) -> Item:
    margins = [MARGINS[0] + (MARGINS[1] - MARGINS[0]) * i / 90 for i in range(91)]
    curve = [(v, *_shares(s.k, v)) for v in margins]
    top = math.log1p((s.k - 1) * math.exp(-MARGINS[0])) * 1.05
    number = num(s.margin, "margin", text=show_input(s.margin))
    held = handle(
        text.margin,
        text.margin_spoken.format(margin=number["text"], right=num(d.right)["text"], double=num(d.double)["text"]),
        x=drag("margin", MARGINS, 0.1),
    )
    guess = num(math.log(s.k), "guess")
    return curves(
        "double-loss",
        say(text.double_title),
        x=axis(text.margin, *MARGINS),
        y=axis(text.nats, 0.0, top),
        lines=[
            line([(v, math.log1p((s.k - 1) * math.exp(-v))) for v, _, _ in curve], text.right_line, ref="right"),
            line(
                [(v, math.log1p((s.k - 1) * math.exp(o - p))) for v, p, o in curve],
                text.double_line,
                ref="double",
                dashed=True,
            ),
        ],
        marks=[
            mark(s.margin, d.double, "double", num(d.double)["text"]),
            mark(s.margin, d.right, "right", num(d.right)["text"], held=held),
        ],
        rules=[rule("y", num(d.floor, "floor"), text.floor_is), rule("y", guess, text.guess_is.format(k=s.k))],
        behind=table(
            [text.margin, text.right_line, text.double_line],
            [[show_input(margin), num(right), num(double)] for margin, right, double in _exact(s.k)],
        ),
        caption=say(text.double_caption),
    )


def _slopes(d: Double) -> Item:
    rows: list[Bar] = [
        {
            "ref": ref,
            "label": label,
            "number": num(value, ref),
            "spoken": f"{label} {num(value)['text']}",
        }
        for ref, label, value in (
            ("right", text.right_line, d.right_slope),
            ("double", text.double_line, d.double_slope),
        )
    ]
    reach = max(abs(d.right_slope), abs(d.double_slope), 1e-300)
    low = -1.0 if reach > 0.05 else -reach * 1.05
    return bars(
        "double-slope",
        say(text.slope_title),
        axis(text.slope_axis, low, 0.0),
        rows,
        caption=say(text.slope_caption),
        aligned=False,
    )


def _floor(s: Fields, d: Double) -> Item:
    k = num(float(s.k), "k", text=str(s.k))
    inside = m.row(m.el("mn", "1"), m.mo("+"), m.mo("("), m.mn(k), m.mo("−"), m.el("mn", "1"), m.mo(")"))
    e = m.power(m.mi("e"), m.row(m.mo("−"), m.el("mn", "1")))
    body = m.row(m.mi("log"), m.mo("("), inside, m.thin(), e, m.mo(")"))
    number = num(d.floor, "floor")
    return formula(
        "floor",
        m.lines([[m.sub(m.mi("L"), m.mtext(text.least)), m.mo("="), m.row(body, m.mo("="), m.mn(number))]]),
        spoken=text.floor_spoken.format(k=s.k, floor=number["text"]),
        note=text.floor_note,
    )


def stuck(s: Fields) -> Panel:
    """Show descent from zero logits through three heads."""
    run = Descent(s.k)
    guess = num(math.log(s.k), "guess")
    now = {head: run.loss(head, s.step) for head in HEADS}
    labels = {"right": text.right_line, "double": text.double_line, "dead": text.dead_line}
    held = handle(
        text.step,
        text.step_spoken.format(step=s.step, **{head: num(v)["text"] for head, v in now.items()}),
        x=drag("step", (0, STEPS), 1),
    )

    def drawn(head: str, a: float, b: float) -> float:
        gap = a - b
        if head == "double":
            p, o = _shares(s.k, gap)
            gap = p - o
        return math.log1p((s.k - 1) * math.exp(-gap))

    figure = curves(
        "descent",
        say(text.stuck_title),
        x=axis(text.step, 0.0, float(STEPS)),
        y=axis(text.nats, 0.0, math.log(s.k) * 1.12),
        lines=[
            line(
                [(float(i), drawn(head, a, b)) for i, (a, b) in enumerate(_descent(s.k, head))],
                labels[head],
                ref=head,
                dashed=head != "right",
            )
            for head in HEADS
        ],
        marks=[
            mark(float(s.step), value, head, num(value)["text"], held=held if head == "right" else None)
            for head, value in now.items()
        ],
        rules=[rule("y", num(Double(s.k, 0.0).floor, "floor"), text.floor_is)],
        behind=table(
            [text.step, *labels.values()], [[str(i), *map(num, losses)] for i, losses in _milestones(s.k)]
        ),
        caption=say(text.stuck_caption),
    )
    start = Double(s.k, 0.0)
    first = {"right": start.right_slope, "double": start.double_slope, "dead": 0.0}
    return panel(
        "stuck",
        text.stuck,
        [
            prose("stuck-story", say(text.stuck_story, k=str(s.k), guess=guess)),
            figure,
            readout(
                "stuck-numbers",
                [
                    {
                        "label": text.first_slope.format(name=labels[head]),
                        "number": num(first[head], head),
                        "unit": "",
                    }
                    for head in HEADS
                ],
            ),
            prose("stuck-repair", say(text.stuck_repair)),
        ],
    )


def meant(s: Fields) -> Panel:
    """Read three numbers as logits and as probabilities."""
    y = 1
    p = spec.probabilities(s.output)
    loss, taken = spec.loss(s.output, y), _as_probability(s.output[y])
    outputs, reads = list[Bar](), list[Bar]()
    for j, value in enumerate(s.output):
        number = num(value, f"class:{j}", text=show_input(value))
        outputs.append(
            {
                "ref": f"class:{j}",
                "label": CLASSES[j],
                "number": number,
                "spoken": text.output_spoken.format(name=CLASSES[j], value=number["text"]),
                "drag": drag(f"output.{j}", (-5.0, 10.0), 0.1),
            }
        )
        said = show_probability(p[j], math.fsum([*p[:j], *p[j + 1 :]]))
        reads.append(
            {
                "ref": f"class:{j}",
                "label": CLASSES[j],
                "number": num(p[j], f"class:{j}", text=said),
                "spoken": f"{CLASSES[j]} {said}",
            }
        )
    sound = math.fsum(s.output) == 1 and min(s.output) >= 0
    verdict = text.taken_sound if sound else text.taken_negative if taken < 0 else text.taken_else
    return panel(
        "meant",
        text.meant,
        [
            prose("meant-story", say(text.meant_story, name=CLASSES[y], loss=num(loss, "loss"))),
            controls(
                "meant-controls",
                [
                    button(text.add_one, {"do": "add", "value": 1}),
                    button(text.times, {"do": "times", "value": 10}),
                    button(text.tenth, {"do": "times", "value": 0.1}),
                ],
            ),
            bars("output", say(text.output_title), axis(text.output_axis, -5.0, 10.0), outputs),
            bars("as-logits", say(text.as_logits_title), axis(text.probability, 0.0, 1.0), reads),
            readout(
                "meant-numbers",
                [
                    {"label": text.as_logits, "number": num(loss, "loss"), "unit": text.nats},
                    {"label": text.as_probs, "number": num(taken, "taken"), "unit": text.nats},
                    {"label": text.sum, "number": num(math.fsum(s.output), "sum"), "unit": ""},
                ],
            ),
            prose("meant-verdict", say(verdict, taken=num(taken, "taken"))),
            prose("meant-repair", say(text.meant_repair)),
        ],
        wide=True,
    )


def _as_probability(value: float) -> float:
    """−log of a number taken for a probability: ∞ at 0, NaN below, negative above 1."""
    if value < 0:
        return math.nan
    return -math.log(value) + 0.0 if value else math.inf


__all__ = ["CLASSES", "HEADS", "MARGINS", "OUTPUT", "STEPS", "Descent", "Double", "double", "meant", "stuck"]
