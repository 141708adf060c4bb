"""Two distributions: bars to drag, the area picture, the formulas, and the two directions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xent.explorer import mathml as m
from xent.explorer.experiments.information.measures import CLASSES, K, Measures
from xent.explorer.figures import (
    areas,
    axis,
    bars,
    button,
    choice,
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
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Bar, Item, MathNode, Num, Panel, Rect

text = words("information")
LEAST_REACH = {"bits": 6.0, "nats": 4.2}
"""The axis of code lengths is this long, unless a code word is longer."""


def both(s: Measures) -> Panel:
    """Show p and q to drag, and what each class costs."""
    dear = max(range(K), key=lambda j: (s.state.p[j] * s.lengths[0][j]) if s.state.p[j] else -1.0)
    story = say(
        text.story,
        name=CLASSES[dear],
        p=s.share(s.state.p[dear], dear),
        q=s.share(s.state.q[dear], dear),
        cost=num(s.lengths[0][dear], f"class:{dear}"),
        unit=s.unit,
    )
    return panel(
        "pair",
        text.pair,
        [
            prose("story", story),
            controls(
                "between",
                [
                    button(text.swap, {"do": "swap"}),
                    button(text.copy, {"do": "copy"}),
                    button(text.sure, {"do": "sure"}),
                    choice("unit", text.unit, s.state.unit, text.units),
                ],
            ),
            _shares(s, "p", text.p_title, text.p_spoken),
            _shares(s, "q", text.q_title, text.q_spoken),
            _lengths(s),
            readout(
                "numbers",
                [
                    {"label": text.entropy, "number": s.entropy, "unit": s.unit},
                    {"label": text.kl, "number": s.forward, "unit": s.unit},
                    {"label": text.cross, "number": s.cross, "unit": s.unit, "main": True},
                    {"label": text.perplexity, "number": s.perplexity, "unit": text.choices},
                ],
            ),
        ],
        wide=True,
    )


def _shares(s: Measures, name: str, title: str, spoken: str) -> Item:
    rows = list[Bar]()
    for j, value in enumerate(s.state.p if name == "p" else s.state.q):
        number = s.share(value, j)
        rows.append(
            {
                "ref": f"class:{j}",
                "label": CLASSES[j],
                "number": number,
                "spoken": spoken.format(name=CLASSES[j], value=number["text"]),
                "drag": drag(f"{name}.{j}", (0.0, 1.0), 0.01),
            }
        )
    return bars(name, say(title), axis(text.probability, 0.0, 1.0), rows)


def _lengths(s: Measures) -> Item:
    rows = list[Bar]()
    for j, (of_q, of_p) in enumerate(zip(*s.lengths, strict=True)):
        number = num(of_q, f"class:{j}")
        rows.append(
            {
                "ref": f"class:{j}",
                "label": CLASSES[j],
                "number": number,
                "more": [num(of_p, f"class:{j}")],
                "spoken": text.length_spoken.format(name=CLASSES[j], value=number["text"], unit=s.unit),
            }
        )
    return bars("lengths", say(text.lengths_title), axis(s.unit, 0.0, _reach(s)), rows, series=text.codes)


def _reach(s: Measures) -> float:
    return max(LEAST_REACH[s.state.unit], *(v * 1.05 for row in s.lengths for v in row if math.isfinite(v)))


def picture(s: Measures) -> Panel:
    """Show code length times probability as areas that add up."""
    reach = _reach(s)
    longest = [min(v, reach) for v in s.lengths[0]]
    rects: list[Rect] = []
    top = 1.0
    for j, height in enumerate(s.state.p):
        if not height:
            continue
        low, mine, best = max(top - height, 0.0), longest[j], min(s.lengths[1][j], reach)
        number = num(s.lengths[0][j])
        held = handle(
            text.length_of.format(name=CLASSES[j]),
            text.length_spoken.format(name=CLASSES[j], value=number["text"], unit=s.unit),
            x=drag(f"length.{j}", (0.0, reach), 0.05),
        )
        paid = num(height * s.lengths[0][j])["text"]
        name = text.paid.format(name=CLASSES[j], cost=paid)
        rects.append(
            {"x0": 0.0, "x1": mine, "y0": low, "y1": top, "ref": f"class:{j}", "label": name, "handle": held}
        )
        if mine != best:
            excess = num(abs(height * (s.lengths[0][j] - s.lengths[1][j])))["text"]
            over = (text.over if mine > best else text.saved).format(cost=excess)
            rects.append(
                {
                    "x0": min(mine, best),
                    "x1": max(mine, best),
                    "y0": low,
                    "y1": top,
                    "ref": f"class:{j}",
                    "label": over,
                    "striped": True,
                }
            )
        top = low
    endless = not math.isfinite(s.cross["value"] if s.cross["value"] is not None else math.inf)
    figure = areas(
        "code",
        say(text.area_title),
        x=axis(text.length_axis.format(unit=s.unit), 0.0, reach),
        y=axis(text.probability_p, 0.0, 1.0),
        rects=rects,
        behind=table(
            [text.outcome, "p", text.code_q, text.code_p, text.cost_q, text.cost_p, text.cost_kl],
            [_costs(s, j) for j in range(K)],
        ),
        caption=say(text.area_endless if endless else text.area_caption),
    )
    return panel("area", text.area, [figure, _sum(s)], wide=True)


def _costs(s: Measures, j: int) -> list[str | Num]:
    p, (of_q, of_p) = s.state.p[j], (s.lengths[0][j], s.lengths[1][j])
    paid, least = (p * v if p else 0.0 for v in (of_q, of_p))
    return [CLASSES[j], num(p), num(of_q), num(of_p), num(paid), num(least), num(paid - least)]


def _sum(s: Measures) -> Item:
    h, kl, both = s.entropy["value"] or 0.0, s.forward["value"], s.cross["value"]
    end = max((both if both is not None else h + LEAST_REACH[s.state.unit] / 3) * 1.12, 0.5 * _reach(s))
    rules = [rule("x", s.cross, text.cross_is)] if both is not None else []
    endless = say(text.sum_endless, cross=s.cross)
    return stack(
        "sum",
        say(text.sum_title),
        axis(s.unit, 0.0, end),
        [(text.entropy, "entropy", h), (text.kl, "kl", kl if kl is not None else end - h)],
        behind=table([text.part, s.unit], [[text.entropy, s.entropy], [text.kl, s.forward], [text.cross, s.cross]]),
        rules=rules,
        caption=say(text.sum_caption, entropy=s.entropy, kl=s.forward, cross=s.cross) if rules else endless,
    )


def symbols(s: Measures) -> Panel:
    """Write the three sums with their live numbers."""
    log = m.mi("log") if s.state.unit == "nats" else m.sub(m.mi("log"), m.el("mn", "2"))
    p_j, q_j = m.sub(m.mi("p"), m.mi("j")), m.sub(m.mi("q"), m.mi("j"))

    def general(length: MathNode) -> MathNode:
        return m.row(m.mo("−"), m.total("j"), p_j, m.thin(), log, m.thin(), length)

    def live(lengths: Sequence[float], whole: Num) -> MathNode:
        there = [j for j in range(K) if s.state.p[j]]
        parts: list[MathNode] = []
        for j in there:
            ref = f"class:{j}"
            term = m.row(
                m.mn(s.share(s.state.p[j], j)), m.mo("·"), m.mn(num(lengths[j], ref, text=show_input(lengths[j])))
            )
            parts += [m.mo("+"), term] if parts else [term]
        end = [m.mo("="), m.mn(whole)]
        return m.lines([[m.row(*parts[:4])], [m.row(*parts[4:], *end)]]) if len(parts) > 4 else m.row(*parts, *end)

    h = m.row(m.mi("H", ref="entropy"), m.mo("("), m.mi("p"), m.mo(")"))
    cross = m.row(m.mi("H", ref="cross"), m.mo("("), m.mi("p"), m.mo(","), m.mi("q"), m.mo(")"))
    kl = m.row(m.mtext("KL", ref="kl"), m.mo("("), m.mi("p"), m.mo("‖"), m.mi("q"), m.mo(")"))
    ratio = m.row(m.total("j"), p_j, m.thin(), log, m.thin(), m.frac(p_j, q_j))
    return panel(
        "symbols",
        text.symbols,
        [
            formula(
                "h",
                m.lines([[h, m.mo("="), general(p_j)], [m.mtext(""), m.mo("="), live(s.lengths[1], s.entropy)]]),
                spoken=text.h_spoken.format(value=s.entropy["text"], unit=s.unit),
                note=text.h_note,
            ),
            formula(
                "cross",
                m.lines([[cross, m.mo("="), general(q_j)], [m.mtext(""), m.mo("="), live(s.lengths[0], s.cross)]]),
                spoken=text.cross_spoken.format(value=s.cross["text"], unit=s.unit),
                note=text.cross_note,
            ),
            formula(
                "kl",
                m.lines(
                    [
                        [kl, m.mo("="), ratio],
                        [m.mtext(""), m.mo("="), m.row(cross, m.mo("−"), h)],
                        [
                            m.mtext(""),
                            m.mo("="),
                            m.row(m.mn(s.cross), m.mo("−"), m.mn(s.entropy), m.mo("="), m.mn(s.forward)),
                        ],
                    ]
                ),
                spoken=text.kl_spoken.format(value=s.forward["text"], unit=s.unit),
                note=text.kl_note,
            ),
        ],
    )


def directions(s: Measures) -> Panel:
    """Compare KL both ways with Jensen–Shannon, here and on the way from q to p."""
    kinds = [(text.kl, s.forward), (text.back, s.backward), (text.js, s.between)]
    most = num(math.log(2) * s.per_nat, "most")
    finite = [n["value"] for _, n in kinds if n["value"] is not None]
    rows: list[Bar] = [
        {"ref": n.get("ref", ""), "label": name, "number": n, "spoken": f"{name} {n['text']} {s.unit}"}
        for name, n in kinds
    ]
    return panel(
        "directions",
        text.directions,
        [
            prose("asymmetry", say(text.asymmetry, forward=s.forward, back=s.backward)),
            bars(
                "three",
                say(text.three_title),
                axis(s.unit, 0.0, max(1.05 * most["value"] if most["value"] else 1.0, *(1.05 * v for v in finite))),
                rows,
                caption=say(text.three_caption, most=most, unit=s.unit),
                aligned=False,
            ),
            _path(s, most),
        ],
    )


def _path(s: Measures, most: Num) -> Item:
    p = s.state.p

    def at(t: float) -> tuple[float, float, float]:
        q = [(1 - t) * b + t * a for a, b in zip(p, s.state.q, strict=True)]
        mid = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
        forward, back = _rough(p, q), _rough(q, p)
        return forward * s.per_nat, back * s.per_nat, (_rough(p, mid) + _rough(q, mid)) / 2 * s.per_nat

    steps = [i / 48 for i in range(49)]
    runs = [at(t) for t in steps]
    tall = max((v for run in runs for v in run if math.isfinite(v)), default=1.0)
    names = [(text.kl, s.forward), (text.back, s.backward), (text.js, s.between)]
    return curves(
        "path",
        say(text.path_title),
        x=axis(text.path_axis, 0.0, 1.0),
        y=axis(s.unit, 0.0, 1.08 * max(tall, most["value"] or 0.0)),
        lines=[
            line(
                [(t, run[i]) for t, run in zip(steps, runs, strict=True)], name, ref=n.get("ref", ""), dashed=i == 1
            )
            for i, (name, n) in enumerate(names)
        ],
        marks=[mark(0.0, n["value"], n.get("ref", ""), n["text"]) for _, n in names if n["value"] is not None],
        rules=[rule("y", most, text.most_is)],
        behind=table(
            [text.path_axis, *(name for name, _ in names)],
            [["0", *(n for _, n in names)], ["1", *(num(0.0) for _ in names)]],
        ),
        caption=say(text.path_caption),
    )


def _rough(p: Sequence[float], q: Sequence[float]) -> float:
    """KL for drawing lines, in nats."""
    if any(a > 0 and b <= 0 for a, b in zip(p, q, strict=True)):
        return math.inf
    return max(math.fsum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0), 0.0)
