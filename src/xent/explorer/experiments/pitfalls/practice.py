"""Clipped probabilities, and classes of very different sizes."""

from __future__ import annotations

import math

from xent import spec
from xent.explorer.experiments.pitfalls.fields import Fields
from xent.explorer.figures import (
    axis,
    controls,
    curves,
    drag,
    handle,
    line,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    table,
)
from xent.explorer.numbers import num, show_input, show_tick
from xent.explorer.text import words
from xent.explorer.view import Item, Panel

text = words("pitfalls")
GAPS = (-10.0, 40.0)
GUESSES = (0.001, 0.999)


def _clipped(p: float, loss: float, epsilon: float) -> tuple[float, bool]:
    """Give the loss of a clipped probability, and whether clipping changed it."""
    if p < epsilon:
        return -math.log(epsilon), True
    if p > 1 - epsilon:
        return -math.log1p(-epsilon), True
    return loss, False


def clipping(s: Fields) -> Panel:
    """Show what clipping does to the worst mistakes."""
    z = (0.0, s.gap)
    p, loss, slope = spec.probabilities(z)[0], spec.loss(z, 0), spec.gradient(z, 0)[0]
    shown, flat = _clipped(p, loss, s.clip)
    exact, broken = num(loss, "right"), num(shown, "wrong")
    pull, lost = num(slope, "right"), num(0.0 if flat else slope, "wrong")
    cap = num(-math.log(s.clip), "cap")
    epsilon = num(s.clip, "clip", text=f"{s.clip:.2g}".replace("e-0", "e-"))
    said = num(s.clip, "clip", text=show_tick(float(f"{s.clip:.2g}")))
    return panel(
        "clipping",
        text.clipping,
        [
            prose("clip-story", say(text.clip_story, epsilon=said, cap=cap)),
            controls(
                "clip-controls",
                [log_slider("clip", text.epsilon, epsilon, (1e-12, 0.1), marks=(1e-12, 1e-7, 0.1))],
            ),
            _clip_losses(s, loss, shown),
            _clip_slopes(s, slope, flat),
            readout(
                "clip-numbers",
                [
                    {"label": text.exact_loss, "number": exact, "unit": text.nats},
                    {"label": text.clipped_loss, "number": broken, "unit": text.nats},
                    {"label": text.exact_slope, "number": pull, "unit": ""},
                    {"label": text.clipped_slope, "number": lost, "unit": ""},
                ],
            ),
            prose("clip-repair", say(text.clip_repair)),
        ],
    )


def _rough(gap: float) -> float:
    """Give the probability of the right class, for drawing lines."""
    return 1 / (1 + math.exp(gap))


def _gaps(s: Fields) -> list[float]:
    """Places for points: everywhere, and on both sides of each jump."""
    edge = math.log((1 - s.clip) / s.clip)
    even = [GAPS[0] + (GAPS[1] - GAPS[0]) * i / 100 for i in range(101)]
    jumps = [e + d for e in (edge, -edge) for d in (-1e-6, 1e-6) if GAPS[0] < e < GAPS[1]]
    return sorted([*even, *jumps])


def _clip_losses(s: Fields, loss: float, shown: float) -> Item:
    number = num(s.gap, "gap", text=show_input(s.gap))
    held = handle(
        text.gap,
        text.gap_spoken.format(gap=number["text"], exact=num(loss)["text"], clipped=num(shown)["text"]),
        x=drag("gap", GAPS, 0.5),
    )
    gaps = _gaps(s)
    plain = [math.log1p(math.exp(-abs(g))) + max(g, 0.0) for g in gaps]
    rows = [(g, spec.probabilities((0.0, g))[0], spec.loss((0.0, g), 0)) for g in (-10.0, 0.0, 10.0, 20.0, 40.0)]
    return curves(
        "clip-loss",
        say(text.clip_title),
        x=axis(text.gap, *GAPS),
        y=axis(text.nats, 0.0, 42.0),
        lines=[
            line(zip(gaps, plain, strict=True), text.exact_line, ref="right"),
            line(
                [(g, _clipped(_rough(g), v, s.clip)[0]) for g, v in zip(gaps, plain, strict=True)],
                text.clipped_line,
                ref="wrong",
                dashed=True,
            ),
        ],
        marks=[
            mark(s.gap, shown, "wrong", num(shown)["text"]),
            mark(s.gap, loss, "right", num(loss)["text"], held=held),
        ],
        rules=[rule("y", num(-math.log(s.clip), "cap"), text.cap_is)],
        behind=table(
            [text.gap, text.exact_line, text.clipped_line],
            [[show_input(g), num(v), num(_clipped(p, v, s.clip)[0])] for g, p, v in rows],
        ),
    )


def _clip_slopes(s: Fields, slope: float, flat: bool) -> Item:
    gaps = _gaps(s)
    plain = [(g, -1 / (1 + math.exp(-g))) for g in gaps]
    rows = [
        (g, spec.probabilities((0.0, g))[0], spec.gradient((0.0, g), 0)[0]) for g in (-10.0, 0.0, 10.0, 20.0, 40.0)
    ]
    return curves(
        "clip-slope",
        say(text.clip_slope_title),
        x=axis(text.gap, *GAPS),
        y=axis(text.slope_axis, -1.1, 0.1),
        lines=[
            line(plain, text.exact_line, ref="right"),
            line(
                [(g, 0.0 if _clipped(_rough(g), 0.0, s.clip)[1] else v) for g, v in plain],
                text.clipped_line,
                ref="wrong",
                dashed=True,
            ),
        ],
        marks=[
            mark(s.gap, slope, "right", num(slope)["text"]),
            mark(s.gap, 0.0 if flat else slope, "wrong", num(0.0 if flat else slope)["text"]),
        ],
        behind=table(
            [text.gap, text.exact_line, text.clipped_line],
            [[show_input(g), num(v), num(0.0 if _clipped(p, 0.0, s.clip)[1] else v)] for g, p, v in rows],
        ),
        caption=say(text.clip_caption),
    )


def imbalance(s: Fields) -> Panel:
    """Let a rare class be outvoted, and weigh it."""
    q = (s.guess, 1 - s.guess)
    share = (s.rare, 1 - s.rare)
    plain, even = spec.cross_entropy(share, q), spec.cross_entropy((0.5, 0.5), q)
    rare = num(s.rare, "rare", text=show_input(s.rare))
    best, accuracy = num(spec.entropy(share), "right"), num(max(s.rare, 1 - s.rare), "accuracy")
    cost = num(spec.cross_entropy((1.0, 0.0), share), "rare-cost")
    return panel(
        "imbalance",
        text.imbalance,
        [
            prose("imbalance-story", say(text.imbalance_story, rare=rare, accuracy=accuracy, best=best, cost=cost)),
            controls(
                "imbalance-controls",
                [log_slider("rare", text.rare_share, rare, (0.001, 0.5), marks=(0.001, 0.01, 0.1, 0.5))],
            ),
            _valleys(s, plain, even),
            readout(
                "imbalance-numbers",
                [
                    {"label": text.always, "number": accuracy, "unit": ""},
                    {"label": text.plain_mean, "number": num(plain, "right"), "unit": text.nats},
                    {"label": text.weighted_mean, "number": num(even, "wrong"), "unit": text.nats},
                    {
                        "label": text.rare_loss,
                        "number": num(spec.cross_entropy((1.0, 0.0), q), "rare-cost"),
                        "unit": text.nats,
                    },
                ],
            ),
            prose(
                "imbalance-repair", say(text.imbalance_repair, odds=num(math.log(s.rare / (1 - s.rare)), "odds"))
            ),
        ],
    )


def _valleys(s: Fields, plain: float, even: float) -> Item:
    number = num(s.guess, "guess-rare", text=show_input(s.guess))
    held = handle(
        text.guess,
        text.guess_spoken.format(guess=number["text"], plain=num(plain)["text"], weighted=num(even)["text"]),
        x=drag("guess", GUESSES, 0.01),
    )
    # More points near the ends, where the curves are steep.
    places = [1 / (1 + math.exp(-v)) for v in (-6.9 + 13.8 * i / 100 for i in range(101))]
    bottoms = [
        mark(s.rare, spec.entropy((s.rare, 1 - s.rare)), "right", text.bottom_plain),
        mark(0.5, spec.entropy((0.5, 0.5)), "wrong", text.bottom_weighted),
    ]
    at = (0.001, s.rare, 0.5, 0.9)
    return curves(
        "valleys",
        say(text.valleys_title),
        x=axis(text.guess, 0.0, 1.0),
        y=axis(text.nats, 0.0, 4.0),
        lines=[
            line(
                [(q, -s.rare * math.log(q) - (1 - s.rare) * math.log1p(-q)) for q in places],
                text.plain_mean,
                ref="right",
            ),
            line(
                [(q, -0.5 * math.log(q) - 0.5 * math.log1p(-q)) for q in places],
                text.weighted_mean,
                ref="wrong",
                dashed=True,
            ),
        ],
        marks=[
            *bottoms,
            mark(s.guess, even, "wrong", num(even)["text"]),
            mark(s.guess, plain, "right", num(plain)["text"], held=held),
        ],
        behind=table(
            [text.guess, text.plain_mean, text.weighted_mean],
            [
                [
                    show_input(q),
                    num(spec.cross_entropy((s.rare, 1 - s.rare), (q, 1 - q))),
                    num(spec.cross_entropy((0.5, 0.5), (q, 1 - q))),
                ]
                for q in at
            ],
        ),
        caption=say(text.valleys_caption),
    )
