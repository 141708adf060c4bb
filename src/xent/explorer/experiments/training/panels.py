"""The panels of the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer import mathml as m
from xent.explorer.experiments.training.curves import COLOURS
from xent.explorer.experiments.training.descent import TRAINED, answer, class_weights, logits
from xent.explorer.experiments.training.state import CLASSES, MOST_POINTS, MOST_STEPS, SPAN, Runs
from xent.explorer.figures import (
    SHAPES,
    axis,
    choice,
    controls,
    drag,
    formula,
    handle,
    heatmap,
    log_slider,
    panel,
    prose,
    readout,
    say,
    scatter,
    slider,
    table,
    toggle,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.programs.training import Problem
from xent.explorer.text import words
from xent.explorer.view import (
    Cell,
    Control,
    Dot,
    Item,
    Num,
    Panel,
    ReadoutItem,
    Region,
    Transport,
)

text = words("training")
Corner = tuple[float, float]


def ground(runs: Runs) -> Panel:
    """Tell the story, with what is learned and how far the runs are."""
    s = runs.state
    done = s.steps >= MOST_STEPS
    run: Transport = {
        "kind": "transport",
        "id": "train",
        "label": text.steps,
        "step": {"do": "step", "label": text.do_step, "disabled": done},
        "back": {"do": "back", "label": text.do_back, "disabled": s.steps == 0},
        "reset": {"do": "reset", "label": text.do_reset, "disabled": s.steps == 0},
        "done": done,
        "status": say(text.status, n=num(s.steps, text=str(s.steps)), most=num(MOST_STEPS, text=str(MOST_STEPS))),
    }
    strides = {str(n): str(n) for n in (1, 10, 50)}
    chosen: list[Control] = [
        choice("data", text.data_label, s.data, dict(text.data)),
        toggle("second", text.second, s.second),
    ]
    if s.data == "points":
        kinds = {str(k): name for k, name in enumerate(CLASSES)}
        chosen.append(choice("adds", text.adds, str(s.adds), kinds))
    return panel(
        "ground",
        text.ground,
        [
            prose("training-story", say(text.points_story if s.data == "points" else text.digits_story)),
            controls("data-controls", chosen),
            controls("run-controls", [run, choice("stride", text.stride, str(s.stride), strides)]),
        ],
        wide=True,
    )


@dataclass(frozen=True)
class Options:
    """Builds the controls of a run."""

    runs: Runs
    which: str

    def __call__(self) -> Panel:
        """Build them."""
        s, w = self.runs.state, self.which
        loss = s.loss(w)

        def value(name: str) -> Num:
            number = float(getattr(s, f"{w}_{name}"))
            return num(number, f"{w}-{name}", text=show_input(number))

        shape = (
            slider(f"{w}_gamma", text.gamma, value("gamma"), (0.0, 5.0), step=0.1)
            if loss == "focal"
            else slider(f"{w}_smoothing", text.smoothing, value("smoothing"), (0.0, 0.9), step=0.01)
        )
        items: list[Control] = [
            choice(f"{w}_loss", text.loss, loss, dict(text.losses)),
            shape,
            log_slider(f"{w}_rate", text.rate, value("rate"), (0.01, 100.0), marks=(0.01, 0.1, 1.0, 10.0, 100.0)),
            log_slider(
                f"{w}_temperature", text.temperature, value("temperature"), (0.1, 10.0), marks=(0.1, 1.0, 10.0)
            ),
            slider(f"{w}_clip", text.clip, value("clip"), (0.0, 5.0), step=0.01),
            toggle(f"{w}_balanced", text.balanced, bool(getattr(s, f"{w}_balanced"))),
        ]
        return panel(f"options-{w}", text.options[w], [controls(f"options-{w}", items)])


@dataclass(frozen=True)
class Shown:
    """Builds what a run has learned: the regions of the plane, or the held-out digits by what they were called."""

    runs: Runs
    which: str

    def __call__(self) -> Panel:
        """Build it."""
        s, which = self.runs.state, self.which
        last = self.runs.moments(which)[-1]
        learned = _plane(self.runs, which) if s.data == "points" else _confusion(self.runs, which)
        held: list[ReadoutItem] = (
            [{"label": text.held_right, "number": num(last.held_right), "unit": text.of_rows}]
            if s.data == "digits"
            else []
        )
        return panel(
            which,
            text.runs[which],
            [
                learned,
                readout(
                    f"numbers-{which}",
                    [
                        {
                            "label": text.objectives[s.loss(which)],
                            "number": num(last.objective, COLOURS[which]),
                            "unit": text.minimised,
                            "main": True,
                        },
                        {"label": text.cross_entropy, "number": num(last.cross_entropy), "unit": text.nats},
                        {"label": text.accuracy, "number": num(last.accuracy), "unit": text.of_rows},
                        *held,
                        {"label": text.confidence, "number": num(last.confidence), "unit": text.on_average},
                        {"label": text.norm, "number": num(last.norm), "unit": ""},
                    ],
                ),
            ],
        )


def _plane(runs: Runs, which: str) -> Item:
    s = runs.state
    w = runs.run(which).weights(s.steps)
    dots: list[Dot] = []
    rows: list[list[str | Num]] = []
    for j, (x, y, kind) in enumerate(zip(s.xs, s.ys, s.kinds, strict=True)):
        a = answer(logits(w, (x, y, 1.0)), s.options(which).temperature)
        wrong, p = a.best != kind, num(a.p[kind])
        spoken = text.point_spoken.format(
            x=show_input(x), y=show_input(y), name=CLASSES[kind], said=CLASSES[a.best], p=p["text"]
        )
        held = handle(
            text.point.format(j=j + 1),
            spoken,
            x=drag(f"xs.{j}", (-SPAN, SPAN), 0.1),
            y=drag(f"ys.{j}", (-SPAN, SPAN), 0.1),
        )
        dots.append(
            {
                "x": x,
                "y": y,
                "ref": f"class:{kind}",
                "shape": SHAPES[kind],
                "label": "",
                "wrong": wrong,
                "handle": held,
                "remove": {"do": "take", "value": j},
            }
        )
        rows.append([str(j + 1), num(x), num(y), CLASSES[kind], CLASSES[a.best], p])
    return scatter(
        f"plane-{which}",
        say(text.plane),
        x=axis("x", -SPAN, SPAN),
        y=axis("y", -SPAN, SPAN),
        dots=dots,
        regions=regions(w),
        add={
            "do": "place",
            "label": text.place.format(name=CLASSES[s.adds]),
            "disabled": len(s.xs) >= MOST_POINTS,
        },
        square=True,
        caption=say(text.plane_caption),
        behind=table([text.number, "x", "y", text.class_, text.said, text.p_right], rows),
    )


def regions(w: Sequence[Sequence[float]]) -> list[Region]:
    """Cut the plane into the polygons in which each class has the largest logit."""
    if all(row == w[0] for row in w):
        return []
    out: list[Region] = []
    for k, row in enumerate(w):
        polygon: list[Corner] = [(-SPAN, -SPAN), (SPAN, -SPAN), (SPAN, SPAN), (-SPAN, SPAN)]
        for j, other in enumerate(w):
            if j != k:
                polygon = _cut(polygon, [a - b for a, b in zip(row, other, strict=True)])
        if len(polygon) > 2:
            out.append({"points": polygon, "ref": f"class:{k}", "label": CLASSES[k]})
    return out


def _cut(polygon: list[Corner], side: Sequence[float]) -> list[Corner]:
    """Keep the part of a convex polygon with a x + b y + c ≥ 0 (Sutherland and Hodgman 1974)."""
    kept: list[Corner] = []
    for i, (x, y) in enumerate(polygon):
        u, v = polygon[i - 1]
        here, before = side[0] * x + side[1] * y + side[2], side[0] * u + side[1] * v + side[2]
        if (here >= 0) != (before >= 0):
            t = before / (before - here)
            kept.append((u + t * (x - u), v + t * (y - v)))
        if here >= 0:
            kept.append((x, y))
    return kept


def _confusion(runs: Runs, which: str) -> Item:
    s, data = runs.state, runs.data
    w = runs.run(which).weights(s.steps)
    counts = [[0] * data.classes for _ in range(data.classes)]
    for x, y in zip(data.more_x, data.more_y, strict=True):
        z = logits(w, x)
        counts[y][z.index(max(z))] += 1
    cells: list[list[Cell]] = [[{"text": str(n), "shade": n / max(sum(row), 1)} for n in row] for row in counts]
    names = [str(k) for k in range(data.classes)]
    return heatmap(
        f"confusion-{which}",
        say(text.confusion),
        rows=names,
        columns=names,
        axes=(text.label, text.said),
        cells=cells,
        ends=(text.nobody, text.everybody),
        caption=say(text.confusion_caption, n=str(len(data.more_y))),
    )


def problem(runs: Runs) -> Problem:
    """Say what the section's programs compute: run A."""
    s, options = runs.state, runs.state.options("a")
    placed = s.data == "points"
    return Problem(
        points=list(zip(s.xs, s.ys, strict=True)) if placed else None,
        labels=s.kinds,
        pictures=TRAINED,
        classes=runs.data.classes,
        loss=options.loss,
        smoothing=options.smoothing,
        gamma=options.gamma,
        weights=class_weights(runs.data, options) if options.balanced else None,
        temperature=options.temperature,
        clip=options.clip,
        rate=options.rate,
        steps=s.steps,
    )


def symbols(runs: Runs) -> Panel:
    """Write a step of run A with its numbers."""
    options, last = runs.state.options("a"), runs.moments("a")[-1]
    scale = min(1.0, options.clip / last.norm) if options.clip > 0 and last.norm > 0 else 1.0
    norm = num(last.norm, "a-norm")
    length = m.row(m.mo("‖"), m.mi("∇"), m.mi("L"), m.mo("‖"))
    short = m.row(m.mtext("min"), m.mo("("), m.el("mn", "1"), m.mo(","), m.mi("c"), m.mo("/"), length, m.mo(")"))
    step = m.row(m.mi("W"), m.mo("−"), m.mi("η", ref="a-rate"), m.thin(), short, m.thin(), m.mi("∇"), m.mi("L"))
    rate = num(options.rate, "a-rate", text=show_input(options.rate))
    factor = num(scale)
    live: list[list[m.Part]] = [
        [m.mi("η", ref="a-rate"), m.mo("="), m.mn(rate)],
        [length, m.mo("="), m.mn(norm)],
        [short, m.mo("="), m.mn(factor)],
    ]
    slope = m.row(
        m.frac(m.el("mn", "1"), m.mi("N")),
        m.thin(),
        m.total("i"),
        m.mo("("),
        m.sub(m.mi("p"), m.mi("i")),
        m.mo("−"),
        m.sub(m.mi("t"), m.mi("i")),
        m.mo(")"),
        m.thin(),
        m.el("msubsup", m.mi("x"), m.mi("i"), m.mo("⊤")),
    )
    spoken = text.step_spoken.format(rate=rate["text"], norm=norm["text"], factor=factor["text"])
    update: list[list[m.Part]] = [[m.mi("W"), m.mo("←"), step], [m.row(m.mi("∇"), m.mi("L")), m.mo("="), slope]]
    return panel(
        "symbols",
        text.symbols,
        [
            formula("update", m.lines(update), spoken=text.update_spoken, note=text.step_note),
            formula("update-now", m.lines(live), spoken=spoken, note=text.now_note),
        ],
        wide=True,
    )
