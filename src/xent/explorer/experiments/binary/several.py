"""Two logits for one question, and one logit for each of several labels."""

from __future__ import annotations

import math

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.experiments.binary.one import PLACES, TABLED, sigma_at
from xent.explorer.experiments.binary.state import CLASSES, NO, SPAN, YES, Bit, Heads, State, shown_yes
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
    stack,
    table,
)
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Bar, Item, Num, Panel, ReadoutItem

text = words("binary")


def _bar(j: int, label: str, number: Num, spoken: str) -> Bar:
    return {
        "ref": f"class:{j}",
        "label": label,
        "number": number,
        "spoken": spoken.format(name=label, value=number["text"]),
    }


def two_panel(state: State) -> Panel:
    """Answer the question with two logits and softmax, and with their difference and a sigmoid."""
    bit = Bit(state.pair, 1)
    gap = state.pair[0] - state.pair[1]
    single = Bit((gap, 0.0), 1)
    names = list(text.answers.values())
    logits, shares, slopes = list[Bar](), list[Bar](), list[Bar]()
    for j, z in enumerate(state.pair):
        bar = _bar(j, names[j], num(z, f"class:{j}", text=show_input(z)), text.logit_spoken)
        bar["drag"] = drag(f"pair.{j}", (-SPAN, SPAN), 0.1)
        logits.append(bar)
        ways = ((bit.p, bit.q), (single.p, single.q)) if j == 0 else ((bit.q, bit.p), (single.q, single.p))
        share, other = (num(p, f"class:{j}", text=show_probability(p, q)) for p, q in ways)
        shares.append({**_bar(j, names[j], share, text.p_spoken), "more": [other]})
        slopes.append(_bar(j, names[j], num(bit.slopes[j], f"class:{j}"), text.slope_bar_spoken))
    held = handle(
        text.yes_logit,
        text.two_spoken.format(z=show_input(state.pair[0]), p=shown_yes(bit)["text"]),
        x=drag("pair.0", (-SPAN, SPAN), 0.1),
    )
    at_no = state.pair[1]
    overlay = curves(
        "overlay",
        say(text.overlay_title, z=num(at_no, NO, text=show_input(at_no))),
        x=axis(text.yes_logit, -SPAN, SPAN, about=8),
        y=axis(text.p_yes, 0.0, 1.0),
        lines=[
            line([(u, math.exp(u) / (math.exp(u) + math.exp(at_no))) for u in PLACES], ref=YES),
            line([(u, sigma_at(u - at_no)) for u in PLACES], ref=NO, dashed=True),
        ],
        marks=[mark(state.pair[0], bit.p, YES, shown_yes(bit)["text"], held=held)],
        behind=table(
            [text.yes_logit, text.softmax_name, text.sigmoid_name],
            [[show_input(u), shown_yes(Bit((u, at_no), 1)), shown_yes(Bit((u - at_no, 0.0), 1))] for u in TABLED],
        ),
        caption=say(text.overlay_caption),
    )
    shift = [
        button(label, {"do": "shift", "value": by, "disabled": max(abs(z + by) for z in state.pair) > SPAN})
        for label, by in ((text.add_one, 1), (text.take_one, -1))
    ]
    return panel(
        "two",
        text.two,
        [
            prose("two-story", say(text.two_story, gap=num(gap, text=show_input(gap)), p=shown_yes(bit))),
            controls("shifts", shift),
            bars("pair", say(text.pair_title), axis(text.score, -SPAN, SPAN, about=2), logits),
            bars("pair-p", say(text.p_title), axis(text.probability, 0.0, 1.0), shares, series=text.pair_series),
            bars("pair-slope", say(text.pair_slope_title), axis(text.per_logit, -1.0, 1.0, about=2), slopes),
            readout(
                "two-numbers",
                [
                    {"label": text.two_loss, "number": num(spec.loss(state.pair, 0), YES), "unit": text.nats},
                    {"label": text.one_loss, "number": single.loss, "unit": text.nats},
                ],
            ),
            overlay,
        ],
        wide=True,
    )


def heads_panel(h: Heads) -> Panel:
    """Read the same logits as one choice and as a question each."""
    scores, shares, slopes = list[Bar](), list[Bar](), list[Bar]()
    by_soft = spec.gradient(h.z, h.target)
    for j in h.k:
        name = CLASSES[j]
        bar = _bar(j, name, num(h.z[j], f"class:{j}", text=show_input(h.z[j])), text.logit_spoken)
        bar["drag"] = drag(f"scores.{j}", (-SPAN, SPAN), 0.1)
        bar["pick"] = {"do": "label", "value": j, "label": text.true.format(name=name)}
        bar["picked"] = h.hot[j]
        scores.append(bar)
        shares.append({**_bar(j, name, h.soft(j), text.p_spoken), "more": [h.sigmoid(j)]})
        by_bit = spec.gradient((h.z[j], 0.0), 0 if h.hot[j] else 1)[0]
        slope = _bar(j, name, num(by_soft[j], f"class:{j}"), text.slope_bar_spoken)
        slopes.append({**slope, "more": [num(by_bit, f"class:{j}")]})
    how = text.heads_none if not h.right else text.heads_one if len(h.right) == 1 else text.heads_many
    said = say(
        how,
        labels=", ".join(h.right),
        count=num(len(h.right), text=str(len(h.right))),
        soft=h.soft_loss,
        floor=h.floor,
        bits=h.bits,
    )
    numbers: list[ReadoutItem] = [
        {"label": text.soft_loss, "number": h.soft_loss, "unit": text.nats},
        {"label": text.soft_floor, "number": h.floor, "unit": text.nats},
        {"label": text.bits_loss, "number": h.bits, "unit": text.nats},
        {"label": text.bits_mean, "number": num(math.fsum(h.each) / len(h.each), "bits"), "unit": text.nats},
    ]
    return panel(
        "heads",
        text.heads,
        [
            prose("heads-story", said),
            bars("scores", say(text.scores_title), axis(text.score, -SPAN, SPAN, about=2), scores),
            bars("heads-p", say(text.p_title), axis(text.probability, 0.0, 1.0), shares, series=text.series),
            bars(
                "heads-slope",
                say(text.heads_slope),
                axis(text.per_logit, -1.0, 1.0, about=2),
                slopes,
                series=text.series,
            ),
            readout("heads-numbers", numbers),
            _meter(h, "soft-sum", text.soft_meter, [h.soft(j) for j in h.k], num(1.0, text="1")),
            _meter(h, "bit-sum", text.bit_meter, [h.sigmoid(j) for j in h.k], h.total),
        ],
        wide=True,
    )


def _meter(h: Heads, name: str, title: str, shares: list[Num], total: Num) -> Item:
    """Lay probabilities end to end, to see whether they add up to 1."""
    one = num(1.0, "one", text="1")
    return stack(
        name,
        say(title, total=total),
        axis(text.added, 0.0, float(len(h.z))),
        [(CLASSES[j], f"class:{j}", share["value"] or 0.0) for j, share in enumerate(shares)],
        behind=table(
            [text.label, text.probability],
            [*([CLASSES[j], share] for j, share in enumerate(shares)), [text.sum, total]],
        ),
        rules=[rule("x", one, text.one_rule)],
        caption=say(text.soft_meter_caption if name == "soft-sum" else text.bit_meter_caption),
    )


def pair_formula(state: State) -> Item:
    """Write softmax of two as a sigmoid."""
    yes, no = (m.sub(m.mi("z"), m.mi(i), ref=ref) for i, ref in (("1", YES), ("0", NO)))
    up, down = m.power(m.mi("e"), yes), m.power(m.mi("e"), no)
    bit = Bit(state.pair, 1)
    identity = m.row(m.mi("σ"), m.mo("("), yes, m.mo("−"), no, m.mo(")"))
    return formula(
        "pair-identity",
        m.lines(
            [
                [m.frac(up, m.row(up, m.mo("+"), down)), m.mo("="), identity],
                [m.mtext(""), m.mo("="), m.mn(shown_yes(bit))],
            ]
        ),
        spoken=text.identity_spoken.format(p=shown_yes(bit)["text"]),
        note=text.identity_note,
    )
