"""Three classes: contours, arrows and a path over two logits and on the triangle of probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from xent import spec
from xent.explorer import mathml as m
from xent.explorer.contours import Point
from xent.explorer.experiments.landscape.ground import (
    CLASSES,
    MOST_STEPS,
    REACH,
    Ground,
    rings,
    softmax,
)
from xent.explorer.figures import (
    axis,
    choice,
    controls,
    curves,
    drag,
    formula,
    handle,
    line,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    scatter,
    simplex,
    slider,
    table,
)
from xent.explorer.numbers import num, show_input, show_tick
from xent.explorer.text import words
from xent.explorer.view import Arrow, Item, Panel, Table, TernaryArrow, TernaryLine, TernaryMark, Transport

text = words("landscape")
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 200, 400)


def three(g: Ground) -> Panel:
    """Tell the story, with the controls and the headline numbers."""
    s = g.state
    e = num(s.epsilon, "epsilon", text=show_input(s.epsilon))
    hard = say(text.hard, name=CLASSES[s.label])
    soft = say(text.soft, floor=g.floor, name=CLASSES[s.label])
    done = s.steps >= MOST_STEPS or g.norm < 1e-12
    run: Transport = {
        "kind": "transport",
        "id": "descend",
        "label": text.steps,
        "step": {"do": "step", "label": text.do_step, "disabled": done},
        "back": {"do": "back", "label": text.do_back, "disabled": s.steps == 0},
        "reset": {"do": "reset", "label": text.do_reset, "disabled": s.steps == 0},
        "done": done,
        "status": say(text.status, n=num(s.steps, text=str(s.steps)), most=num(MOST_STEPS, text=str(MOST_STEPS))),
    }
    return panel(
        "three",
        text.three,
        [
            prose("three-story", [*say(text.three_story), *(soft if s.epsilon > 0 else hard)]),
            controls(
                "ground",
                [
                    choice("label", text.label, str(s.label), {str(j): name for j, name in enumerate(CLASSES)}),
                    slider("epsilon", text.epsilon, e, (0.0, 0.9), step=0.01),
                ],
            ),
            controls(
                "walk",
                [
                    run,
                    log_slider(
                        "rate",
                        text.rate,
                        num(s.rate, text=show_input(s.rate)),
                        (0.01, 100.0),
                        marks=(0.01, 0.1, 1.0, 10.0, 100.0),
                    ),
                ],
            ),
            readout(
                "walked",
                [
                    {"label": text.at_start, "number": g.first, "unit": text.nats},
                    {"label": text.at_end.format(n=s.steps), "number": g.last, "unit": text.nats, "main": True},
                    {"label": text.floor, "number": g.floor, "unit": text.nats},
                    {"label": text.norm, "number": num(g.norm), "unit": text.per_logit},
                ],
            ),
        ],
        wide=True,
    )


def _spoken(g: Ground) -> str:
    z, shares = g.state.start, ", ".join(f"{c} {num(p)['text']}" for c, p in zip(CLASSES, g.p, strict=True))
    return text.start_spoken.format(a=show_input(z[0]), b=show_input(z[1]), shares=shares, loss=g.first["text"])


def plane(g: Ground) -> Item:
    """Draw the ground over two logits."""
    s, span = g.state, (-REACH, REACH)
    lattice = [-4.0 + 8.0 * i / 8 for i in range(9)]
    arrows: list[Arrow] = []
    for a in lattice:
        for b in lattice:
            p = softmax((a, b))
            arrows.append({"start": (a, b), "end": (a - 0.8 * (p[0] - g.t[0]), b - 0.8 * (p[1] - g.t[1]))})
    held = handle(text.start, _spoken(g), x=drag("start.0", span, 0.1), y=drag("start.1", span, 0.1))
    marks = [mark(s.start[0], s.start[1], f"class:{s.label}", text.start, held=held)]
    if s.steps and _inside(g.end):
        marks.append(mark(g.end[0], g.end[1], f"class:{s.label}", text.step_n.format(n=s.steps)))
    if g.best is not None and _inside(g.best):
        marks.append(mark(g.best[0], g.best[1], "floor", text.least))
    return scatter(
        "plane",
        say(text.plane_title),
        x=axis(text.logit.format(name=CLASSES[0]), *span),
        y=axis(text.logit.format(name=CLASSES[1]), *span),
        lines=[
            *(line(ring, show_tick(level), thin=True) for level, ring in rings(tuple(g.t))),
            line(_thinned(g.path), ref=f"class:{s.label}"),
        ],
        arrows=arrows,
        marks=marks,
        square=True,
        caption=say(text.plane_caption, name=CLASSES[2]),
        behind=_walked(g),
    )


def triangle(g: Ground) -> Item:
    """Draw the same ground over the probabilities."""
    s, n = g.state, 9
    arrows: list[TernaryArrow] = []
    for i in range(1, n):
        for j in range(1, n - i):
            p = (i / n, j / n, (n - i - j) / n)
            step = (p[0] - g.t[0], p[1] - g.t[1])
            pull = p[0] * step[0] + p[1] * step[1]
            # How p moves when the two logits do: −(diag(p) − p pᵀ) · step; a quarter is a length that can be seen.
            moved = [p[k] - 0.25 * p[k] * ((step[k] if k < 2 else 0.0) - pull) for k in range(3)]
            arrows.append({"start": p, "end": (moved[0], moved[1], moved[2])})
    lines: list[TernaryLine] = [
        {"points": [softmax(z) for z in ring], "label": show_tick(level), "thin": True}
        for level, ring in rings(tuple(g.t))
    ]
    lines.append({"points": [softmax(z) for z in _thinned(g.path)], "label": "", "ref": f"class:{s.label}"})
    a, b, c = softmax(g.path[0])
    marks: list[TernaryMark] = [
        {
            "at": (a, b, c),
            "ref": f"class:{s.label}",
            "label": text.start,
            "hold": {"path": "shares", "step": 0.01, "page": 0.1, "label": text.start, "spoken": _spoken(g)},
        }
    ]
    if s.steps:
        marks.append({"at": softmax(g.end), "ref": f"class:{s.label}", "label": text.step_n.format(n=s.steps)})
    if g.best is not None:
        marks.append({"at": (g.t[0], g.t[1], g.t[2]), "ref": "floor", "label": text.least})
    return simplex(
        "triangle",
        say(text.triangle_title),
        (
            {"label": CLASSES[0], "ref": "class:0"},
            {"label": CLASSES[1], "ref": "class:1"},
            {"label": CLASSES[2], "ref": "class:2"},
        ),
        lines=lines,
        arrows=arrows,
        marks=marks,
        caption=say(text.triangle_soft if s.epsilon > 0 else text.triangle_hard, name=CLASSES[s.label]),
        behind=table(
            [text.class_, text.p_start, text.slope_start, text.p_end],
            [
                [name, num(p, f"class:{j}"), num(q), num(r)]
                for j, (name, p, q, r) in enumerate(
                    zip(CLASSES, g.p, g.slope, spec.probabilities((*g.end, 0.0)), strict=True)
                )
            ],
        ),
    )


def _inside(z: Point) -> bool:
    return max(abs(z[0]), abs(z[1])) <= REACH


def _thinned(path: Sequence[Any]) -> list[Any]:
    """Keep enough points of a long path to draw it: all of the beginning, every fourth later, and the last."""
    return [z for i, z in enumerate(path) if i < 40 or i % 4 == 0 or i == len(path) - 1]


def _walked(g: Ground) -> Table:
    steps = sorted({n for n in SHOWN if n < g.state.steps} | {g.state.steps})
    rows = [(n, g.path[n]) for n in steps]
    return table(
        [text.step, *(text.logit.format(name=name) for name in CLASSES[:2]), text.nats],
        [[str(n), num(z[0]), num(z[1]), num(g.loss(z))] for n, z in rows],
    )


def descent(g: Ground) -> Panel:
    """Draw the loss along the path."""
    s, t = g.state, g.t
    costs = [(float(n), _quick(z, t)) for n, z in enumerate(g.path)]
    wide = float(max(s.steps, 10))
    top = max(max(c for _, c in costs) * 1.08, 0.5)
    rules = [rule("y", g.floor, text.floor_rule)] if (g.floor["value"] or 0.0) > 0 else []
    marks = [mark(float(s.steps), g.last["value"] or 0.0, f"class:{s.label}", g.last["text"])]
    return panel(
        "descent",
        text.descent,
        [
            curves(
                "descent",
                say(text.descent_title),
                x=axis(text.step, 0.0, wide),
                y=axis(text.nats, 0.0, top),
                lines=[line(costs, ref=f"class:{s.label}")],
                marks=marks,
                rules=rules,
                caption=say(text.descent_soft if s.epsilon > 0 else text.descent_hard),
                behind=_walked(g),
            )
        ],
    )


def _quick(z: Point, t: Sequence[float]) -> float:
    top = max(z[0], z[1], 0.0)
    total = math.exp(z[0] - top) + math.exp(z[1] - top) + math.exp(-top)
    return top + math.log(total) - t[0] * z[0] - t[1] * z[1]


def slope(g: Ground) -> Item:
    """Write the gradient at the start."""
    rows: list[list[m.Part]] = []
    for j in range(2):
        name = m.mtext(CLASSES[j], ref=f"class:{j}")
        left = m.frac(m.row(m.mi("∂"), m.mi("L")), m.row(m.mi("∂"), m.sub(m.mi("z"), name)))
        general = m.row(m.sub(m.mi("p"), name), m.mo("−"), m.sub(m.mi("t"), name))
        live = m.row(m.mn(num(g.p[j], f"class:{j}")), m.mo("−"), m.mn(num(g.t[j])))
        value = m.mn(num(g.slope[j], f"class:{j}"))
        rows.append([left, m.mo("="), m.row(general, m.mo("="), live, m.mo("="), value)])
    values = [num(v)["text"] for v in g.slope[:2]]
    return formula(
        "slope",
        m.lines(rows),
        spoken=text.slope_spoken.format(first=CLASSES[0], second=CLASSES[1], a=values[0], b=values[1]),
        note=text.slope_note,
    )


def bend(g: Ground) -> Item:
    """Write the second derivatives at the start, and why they are positive."""
    h = spec.jacobian((*g.state.start, 0.0))
    second = m.row(m.mi("∂"), m.mi("²"), m.mi("L"), m.mo("/"), m.mi("∂"), m.mi("z"), m.mi("²"))
    det = m.row(m.mtext("det"), m.thin(), second)
    product = m.row(*(m.sub(m.mi("p"), m.mtext(name, ref=f"class:{j}")) for j, name in enumerate(CLASSES)))
    # By the product, in which nothing cancels; the matrix is the Jacobian of softmax.
    value = num(g.p[0] * g.p[1] * g.p[2])
    matrix = m.el("mtable", *(m.el("mtr", *(m.el("mtd", m.mn(num(h[i][j]))) for j in range(2))) for i in range(2)))
    return formula(
        "bend",
        m.lines(
            [
                [second, m.mo("="), m.row(m.mo("("), matrix, m.mo(")"))],
                [det, m.mo("="), m.row(product, m.mo("="), m.mn(value), m.mo(">"), m.el("mn", "0"))],
            ]
        ),
        spoken=text.bend_spoken.format(value=value["text"]),
        note=text.bend_note,
    )
