"""The panels: data and a model to drag, the product that vanishes, the valley, the formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from xent.explorer import mathml as m
from xent.explorer.experiments.likelihood.record import (
    CLASSES,
    DOUBLE,
    LAST,
    SINGLE,
    Data,
    K,
    power_of,
    shown_exact,
    sum_of_logs,
)
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
    simplex,
    slider,
    stack,
    table,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.shares import scaled
from xent.explorer.text import words
from xent.explorer.view import Bar, Item, Num, Panel, Rule, TernaryLine, TernaryMark, Triple

text = words("likelihood")
MOST_COPIES = 100


def _bar(j: int, number: Num, spoken: str) -> Bar:
    return {
        "ref": f"class:{j}",
        "label": CLASSES[j],
        "number": number,
        "spoken": spoken.format(name=CLASSES[j], value=number["text"]),
    }


def data(d: Data) -> Panel:
    """Show the counts and the model to drag, and what each colour costs."""
    s = d.state
    counts, shares, costs = list[Bar](), list[Bar](), list[Bar]()
    for j in range(K):
        seen = _bar(j, num(float(s.counts[j]), f"class:{j}", text=str(s.counts[j])), text.count_spoken)
        seen["drag"] = drag(f"counts.{j}", (0, 20), 1)
        counts.append(seen)
        share = _bar(j, d.share(j), text.share_spoken)
        share["drag"] = drag(f"model.{j}", (0.0, 1.0), 0.01)
        share["more"] = [num(d.frequencies[j], f"class:{j}")]
        shares.append(share)
        cost = d.frequencies[j] * d.surprise(j) if s.counts[j] else 0.0
        costs.append(_bar(j, num(cost, f"class:{j}"), text.cost_spoken))
    reach = max(0.8, *(1.05 * c["number"]["value"] for c in costs if c["number"]["value"] is not None))
    copies = num(float(s.copies), "copies", text=str(s.copies))
    return panel(
        "data",
        text.data,
        [
            prose("story", say(text.story, n=str(d.size), product=d.likelihood, mean=d.mean, floor=d.floor)),
            controls(
                "models",
                [
                    slider("copies", text.copies, copies, (1, MOST_COPIES), step=1),
                    button(text.fit, {"do": "fit"}),
                    button(text.even, {"do": "even"}),
                ],
            ),
            bars("counts", say(text.counts_title), axis(text.count, 0.0, 20.0), counts),
            bars("model", say(text.model_title), axis(text.probability, 0.0, 1.0), shares, series=text.series),
            bars("costs", say(text.costs_title), axis(text.nats, 0.0, reach), costs),
            readout(
                "numbers",
                [
                    {"label": text.observations, "number": num(float(d.size), "n", text=str(d.size)), "unit": ""},
                    {"label": text.likelihood, "number": d.likelihood, "unit": ""},
                    {"label": text.in_double, "number": num(d.product(DOUBLE), DOUBLE), "unit": ""},
                    {"label": text.log_likelihood, "number": d.log_likelihood, "unit": text.nats},
                    {"label": text.mean, "number": d.mean, "unit": text.nats, "main": True},
                ],
            ),
            _parts(d),
        ],
        wide=True,
    )


def _parts(d: Data) -> Item:
    h, kl = d.floor["value"] or 0.0, d.divergence["value"]
    whole = d.mean["value"]
    end = max(1.2, (whole if whole is not None else h + 0.6) * 1.1)
    return stack(
        "parts",
        say(text.parts_title),
        axis(text.nats, 0.0, end),
        [(text.floor, "floor", h), (text.kl, "kl", kl if kl is not None else end - h)],
        behind=table([text.part, text.nats], [[text.floor, d.floor], [text.kl, d.divergence], [text.mean, d.mean]]),
        rules=[rule("x", d.mean, text.mean_is)] if whole is not None else [],
        caption=say(text.parts_caption, kl=d.divergence, mean=d.mean),
    )


def product(d: Data) -> Panel:
    """Show how the product falls, and where floats lose it."""
    steps = sorted({round(d.size * i / 120) for i in range(121)})
    logs, at = [0.0], 0.0
    for j in d.order:
        q = d.state.model[j]
        at += math.log10(q) if q else -math.inf
        logs.append(at)
    depth = max(60.0, -min(v for v in logs if math.isfinite(v)) * 1.12)
    lines = [line([(float(n), logs[n]) for n in steps], text.exact, ref="likelihood")]
    marks = [mark(float(d.size), logs[-1], "likelihood", d.likelihood["text"])] if math.isfinite(logs[-1]) else []
    rules = list[Rule]()
    never = any(n and not q for n, q in zip(d.seen, d.state.model, strict=True))
    for kind, name in () if never else ((DOUBLE, text.double), (SINGLE, text.single)):
        run = d.runs[kind]
        alive = [(float(n), math.log10(run[n])) for n in steps if n < len(run) and run[n]]
        last = len(run) - 2 if not run[-1] else len(run) - 1
        lines.append(line([*alive, (float(last), math.log10(run[last]))], name, ref=kind, dashed=True))
        if not run[-1]:
            marks.append(mark(float(len(run) - 1), math.log10(run[last]), kind, text.dies.format(n=len(run) - 1)))
        if math.log10(LAST[kind]) > -depth:
            rules.append(rule("y", num(math.log10(LAST[kind]), kind), text.end_of.format(name=name)))
    died = {kind: len(run) - 1 for kind in (DOUBLE, SINGLE) if not (run := d.runs[kind])[-1]}
    shown = sorted({round(d.size * i / 8) for i in range(9)})
    behind = list[list[str | Num]]()
    for n in shown:
        counts = [d.order[:n].count(j) for j in range(K)]
        behind.append(
            [
                str(n),
                shown_exact(power_of(d.state.model, counts)),
                num(d.product(DOUBLE, n)),
                num(d.product(SINGLE, n)),
                num(sum_of_logs(d.state.model, counts)),
            ]
        )
    story = text.product_none if never else text.product_dead if DOUBLE in died else text.product_alive
    return panel(
        "product",
        text.product,
        [
            prose(
                "underflow",
                say(story, n=str(died.get(DOUBLE, 0)), sum=d.log_likelihood, double=num(d.product(DOUBLE), DOUBLE)),
            ),
            curves(
                "fall",
                say(text.fall_title),
                x=axis(text.observations, 0.0, float(d.size)),
                y=axis(text.power_of_ten, -depth, 0.0),
                lines=lines,
                marks=marks,
                rules=rules,
                behind=table(
                    [text.observations, text.exact, text.double, text.single, text.log_likelihood], behind
                ),
                caption=say(text.fall_caption),
            ),
        ],
    )


def _rough(f: Sequence[float], q: Sequence[float]) -> float:
    """Cross-entropy for drawing lines."""
    return math.fsum(-a * math.log(b) if b > 0 else math.inf for a, b in zip(f, q, strict=True) if a > 0)


def valley(d: Data) -> Panel:
    """Show the mean loss over all models."""
    q, f = d.state.model, d.frequencies
    marks: list[TernaryMark] = [
        {"at": _triple(f), "ref": "floor", "label": text.data_here},
        {
            "at": _triple(q),
            "ref": "mean",
            "label": d.mean["text"],
            "hold": {
                "path": "model",
                "step": 0.01,
                "page": 0.1,
                "label": text.model_held,
                "spoken": ", ".join(f"{CLASSES[j]} {d.share(j)['text']}" for j in range(K)),
            },
        },
    ]
    triangle = simplex(
        "triangle",
        say(text.simplex_title),
        tuple({"label": CLASSES[j], "ref": f"class:{j}"} for j in range(K)),  # type: ignore[arg-type]
        lines=_contours(f),
        marks=marks,
        behind=table(
            [text.outcome, text.frequency, text.model],
            [[CLASSES[j], num(f[j]), num(q[j])] for j in range(K)],
        ),
        caption=say(text.simplex_caption, floor=d.floor),
    )
    return panel("valley", text.valley, [prose("minimum", say(text.minimum, floor=d.floor)), triangle, _slices(d)])


def _triple(p: Sequence[float]) -> Triple:
    return p[0], p[1], p[2]


LEVELS = (0.02, 0.1, 0.3, 0.7, 1.5)
"""Contours are drawn this many nats above the least."""


@lru_cache(maxsize=8)
def _contours(f: tuple[float, ...]) -> list[TernaryLine]:
    """Find each level along rays from the frequencies, where the loss is least: it only rises along a ray."""
    least, out = _rough(f, f), list[TernaryLine]()
    rays = [(math.cos(a), math.cos(a - 2 * math.pi / 3), math.cos(a + 2 * math.pi / 3)) for a in _angles(f)]
    edges = [min(-x / v for x, v in zip(f, ray, strict=True) if v < -1e-12) for ray in rays]
    for level in LEVELS:
        points = list[Triple | None]()
        for ray, edge in zip(rays, edges, strict=True):
            low, high = 0.0, edge
            for _ in range(18):
                mid = (low + high) / 2
                inside = _rough(f, [x + mid * v for x, v in zip(f, ray, strict=True)]) - least < level
                low, high = (mid, high) if inside else (low, mid)
            points.append(_triple(scaled([max(x + low * v, 0.0) for x, v in zip(f, ray, strict=True)])))
        out.append({"points": points, "label": text.above.format(level=show_input(level)), "thin": True})
    return out


def _angles(f: Sequence[float]) -> list[float]:
    """Give the directions of the rays: even ones, and closer ones where the lines bend into a corner."""
    even = [2 * math.pi * i / 60 - math.pi for i in range(61)]
    corners = [math.atan2(((k == 1) - f[1] - (k == 2) + f[2]) / math.sqrt(3), (k == 0) - f[0]) for k in range(K)]
    near = [corner + turn for corner in corners for turn in (-0.06, -0.03, -0.012, 0.0, 0.012, 0.03, 0.06)]
    return sorted([*even, *(math.remainder(angle, 2 * math.pi) for angle in near)])


def _slices(d: Data) -> Item:
    q, f = d.state.model, d.frequencies
    places = [1 / (1 + math.exp(-v)) for v in (-6 + 12 * i / 80 for i in range(81))]

    def at(j: int, x: float) -> float:
        held = math.fsum(q[i] for i in range(K) if i != j)
        parts = [q[i] / held if held > 0 else 1 / (K - 1) for i in range(K)]
        return _rough(f, [x if i == j else parts[i] * (1 - x) for i in range(K)])

    mean = d.mean["value"]
    marks = [
        mark(
            q[j],
            mean,
            f"class:{j}",
            CLASSES[j],
            held=handle(
                text.share_of.format(name=CLASSES[j]),
                text.slice_spoken.format(value=d.share(j)["text"], mean=d.mean["text"]),
                x=drag(f"model.{j}", (0.0, 1.0), 0.01),
            ),
        )
        for j in range(K)
        if mean is not None
    ]
    return curves(
        "slices",
        say(text.slices_title),
        x=axis(text.probability, 0.0, 1.0),
        y=axis(text.nats, 0.0, max(3.0, (mean or 0.0) * 1.1)),
        lines=[line([(x, at(j, x)) for x in places], ref=f"class:{j}") for j in range(K)],
        marks=marks,
        rules=[rule("y", d.floor, text.floor_is)],
        behind=table(
            [text.outcome, text.model, text.frequency], [[CLASSES[j], num(q[j]), num(f[j])] for j in range(K)]
        ),
        caption=say(text.slices_caption),
    )


def symbols(d: Data) -> Panel:
    """Write how the product becomes the loss."""
    return panel("symbols", text.symbols, [_formula(d)])


def _formula(d: Data) -> Item:
    n_j, q_j = m.sub(m.mi("n"), m.mi("j")), m.sub(m.mi("q"), m.mi("j"))
    product = m.row(m.el("munder", m.mo("∏"), m.mi("j")), m.power(q_j, n_j))
    factors: list[m.Part] = []
    for j in range(K):
        ref = f"class:{j}"
        n = num(float(d.seen[j]), ref, text=str(d.seen[j]))
        factors += [m.mo("·")] if factors else []
        factors.append(m.power(m.mn(d.share(j)), m.mn(n), ref=ref))
    whole = m.mi("L", ref="likelihood")
    log = m.row(m.mi("log"), m.thin(), m.mi("L", ref="likelihood"))
    logs = m.row(m.total("j"), n_j, m.thin(), m.mi("log"), m.thin(), q_j)
    mean = m.row(m.mo("−"), m.frac(m.el("mn", "1"), m.mi("N")), m.thin(), log)
    cross = m.row(m.mi("H", ref="mean"), m.mo("("), m.mi("f"), m.mo(","), m.mi("q"), m.mo(")"))
    blank = m.mtext("")
    return formula(
        "likelihood",
        m.lines(
            [
                [whole, m.mo("="), product],
                [blank, m.mo("="), m.row(*factors)],
                [blank, m.mo("="), m.mn(d.likelihood)],
                [log, m.mo("="), m.row(logs, m.mo("="), m.mn(d.log_likelihood))],
                [mean, m.mo("="), m.row(cross, m.mo("="), m.mn(d.mean))],
            ]
        ),
        spoken=text.formula_spoken.format(
            product=d.likelihood["text"], sum=d.log_likelihood["text"], mean=d.mean["text"]
        ),
        note=text.formula_note,
    )
