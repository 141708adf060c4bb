"""The picture of the gradient section: one row, its chain rule, what stays bounded, and clipping."""

from __future__ import annotations

import math

from xent.explorer.experiments.gradient import formulas
from xent.explorer.experiments.gradient.state import CLASSES, SPAN, Row, State, at_cell, shown, split, wrong
from xent.explorer.figures import (
    axis,
    bars,
    choice,
    controls,
    curves,
    drag,
    handle,
    heatmap,
    line,
    log_axis,
    log_slider,
    mark,
    panel,
    prose,
    readout,
    rule,
    say,
    slider,
    table,
)
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.gradient import Problem, gradient
from xent.explorer.section import Drawing, Sources
from xent.explorer.text import words
from xent.explorer.view import Bar, Cell, Handle, Heatmap, Item, Num, Panel, Transport

text = words("gradient")


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    row = Row(state)
    panels = {
        "row": lambda: _row(row),
        "chain": lambda: _chain(row),
        "products": lambda: _products(row),
        "ratio": lambda: _ratio(row),
        "squared": lambda: _squared(row),
        "clip": lambda: _clip(row),
        "take-home": lambda: take_home("gradient", gradient(_problem(row))),
    }
    slope = num(row.grad[row.y])["text"]
    return Drawing(panels, text.summary.format(loss=num(row.loss)["text"], right=CLASSES[row.y], slope=slope))


def _problem(row: Row) -> Problem:
    return Problem(row.state.logits, tuple(row.t), row.state.size, row.state.limit)


def _bar(j: int, number: Num, spoken: str) -> Bar:
    said = spoken.format(name=CLASSES[j], value=number["text"])
    return {"ref": f"class:{j}", "label": CLASSES[j], "number": number, "spoken": said}


def _row(row: Row) -> Panel:
    s, (a, b) = row.state, wrong(row.state)
    logits, probabilities = list[Bar](), list[Bar]()
    for j in row.k:
        bar = _bar(j, shown(s.logits[j], f"class:{j}"), text.logit_spoken)
        bar["drag"] = drag(f"logits.{j}", (-SPAN, SPAN), 0.1)
        logits.append(bar)
        bar = _bar(j, row.prob(j), text.p_spoken)
        share = row.t[j]
        bar["more"] = [num(share, f"class:{j}", text="1" if share == 1 else None)]
        probabilities.append(bar)
    slopes = [_bar(j, num(g, f"class:{j}"), text.slope_spoken) for j, g in enumerate(row.grad)]
    names = {"a": CLASSES[a], "b": CLASSES[b], "right": CLASSES[row.y]}
    wrongs = {"pa": num(row.grad[a], f"class:{a}"), "pb": num(row.grad[b], f"class:{b}")}
    story = text.story if s.epsilon == 0 else text.story_smoothed
    return panel(
        "row",
        text.row,
        [
            prose("story", say(story, loss=num(row.loss, "loss"), p=row.prob(row.y), **names, **wrongs)),
            controls(
                "target",
                [
                    choice("label", text.right, str(row.y), {str(j): CLASSES[j] for j in row.k}),
                    slider("split", text.split.format(**names), shown(split(s), "split"), (0.0, 1.0), step=0.01),
                    slider("epsilon", text.epsilon, shown(s.epsilon, "eps"), (0.0, 1.0), step=0.01),
                ],
            ),
            bars("logits", say(text.logits), axis(text.score, -SPAN, SPAN, about=2), logits),
            bars("p", say(text.both), axis(text.probability, 0.0, 1.0, about=2), probabilities, series=text.pair),
            bars("slope", say(text.slope), axis(text.per_logit, -1.0, 1.0, about=2), slopes),
            readout(
                "numbers",
                [
                    {"label": text.loss, "number": num(row.loss, "loss"), "unit": text.nats, "main": True},
                    {"label": text.length, "number": num(row.norms[1], "norm"), "unit": text.per_logit},
                ],
            ),
        ],
        wide=True,
    )


def _chain(row: Row) -> Panel:
    outer = [_bar(i, num(v, f"class:{i}"), text.outer_spoken) for i, v in enumerate(row.outer)]
    steep = min(-1.0, *row.outer) * 1.02
    return panel(
        "chain",
        text.chain,
        [
            prose("two", say(text.two)),
            bars("outer", say(text.outer), axis(text.per_probability, steep, 0.0, about=2), outer, aligned=False),
            _map(row, "jacobian", text.jacobian, row.jacobian, 0.25, ("−¼", "¼")),
            formulas.jacobian(),
        ],
    )


def _products(row: Row) -> Panel:
    return panel(
        "products",
        text.products,
        [
            prose("cell-story", say(text.cell_story)),
            controls("walk", [_walk(row)]),
            _map(row, "terms", text.terms, row.products, 1.0, ("−1", "1")),
            formulas.cell(row),
            formulas.whole(),
        ],
    )


def _map(
    row: Row, name: str, title: str, values: list[list[float]], deepest: float, ends: tuple[str, str]
) -> Heatmap:
    """Draw a table of rows i (probabilities) and columns j (logits); of the terms, with their sums below."""
    s, last = row.state, len(row.k) - 1
    i, j = s.row, s.column
    spoken = text.cell_spoken.format(i=CLASSES[i], j=CLASSES[j], value=num(values[i][j])["text"])
    held: Handle = handle(text.cell, spoken, x=drag("column", (0, last), 1), y=drag("row", (0, last), 1))
    below = [CLASSES[i] for i in row.k]
    cells: list[list[Cell]] = [[_cell(v, deepest, j) for j, v in enumerate(across)] for across in values]
    if name == "terms":
        below.append(text.sum)
        cells.append([_cell(g, deepest, j) for j, g in enumerate(row.grad)])
    return heatmap(
        name,
        say(title),
        rows=below,
        columns=[CLASSES[j] for j in row.k],
        axes=(text.of_probability, text.by_logit),
        cells=cells,
        ends=ends,
        scale="diverging",
        pick=(held, (i, j)),
        caption=say(text.sums) if name == "terms" else say(text.no_row_alone),
    )


def _cell(value: float, deepest: float, j: int) -> Cell:
    return {"text": num(value)["text"], "shade": max(-1.0, min(1.0, value / deepest)), "ref": f"class:{j}"}


def _walk(row: Row) -> Transport:
    at, count = at_cell(row.state), len(row.k) ** 2
    return {
        "kind": "transport",
        "id": "walk",
        "label": text.walk,
        "step": {"do": "step", "label": text.do_step, "disabled": at == count - 1},
        "back": {"do": "back", "label": text.do_back, "disabled": at == 0},
        "reset": {"do": "reset", "label": text.do_reset, "disabled": at == 0},
        "done": at == count - 1,
        "status": say(text.status, at=num(at + 1, text=str(at + 1)), count=num(count, text=str(count))),
    }


def _swept(row: Row) -> list[tuple[float, list[float]]]:
    """Give the probabilities as the right class's logit goes along its range: plain floats, for lines."""
    out = list[tuple[float, list[float]]]()
    for step in range(101):
        z = list(row.state.logits)
        z[row.y] = SPAN * (step / 50 - 1)
        powers = [math.exp(v - max(z)) for v in z]
        whole = sum(powers)
        out.append((z[row.y], [e / whole for e in powers]))
    return out


def _held(row: Row, said: str) -> Handle:
    name = text.logit_of.format(name=CLASSES[row.y])
    return handle(name, said, x=drag(f"logits.{row.y}", (-SPAN, SPAN), 0.1))


def _ratio(row: Row) -> Panel:
    y, z = row.y, row.state.logits[row.y]
    outer, inner = num(-row.outer[y], "outer"), num(row.jacobian[y][y], "inner")
    both = num(-row.products[y][y], "both")
    over, runs = axis(text.logit_of.format(name=CLASSES[y]), -SPAN, SPAN), _swept(row)
    t = row.t[y]
    lines = {
        "outer": [(x, t / p[y]) for x, p in runs],
        "inner": [(x, p[y] * math.fsum([*p[:y], *p[y + 1 :]])) for x, p in runs],
        "both": [(x, t * math.fsum([*p[:y], *p[y + 1 :]])) for x, p in runs],
    }
    seen = [v for points in lines.values() for _, v in points if v > 0]
    spoken = text.ratio_spoken.format(outer=outer["text"], inner=inner["text"], both=both["text"])
    labels = {"outer": text.outer_line, "inner": text.inner_line, "both": text.both_line}
    held = {"outer": outer, "inner": inner, "both": both}
    marks = [
        mark(z, v["value"] or 0.0, name, v["text"], held=_held(row, spoken) if name == "both" else None)
        for name, v in held.items()
        if v["value"]
    ]
    return panel(
        "ratio",
        text.ratio,
        [
            prose("ratio-story", say(text.ratio_story, outer=outer, inner=inner, both=both)),
            curves(
                "factors",
                say(text.factors),
                x=over,
                y=log_axis(text.size, min(seen) / 2, max(seen) * 2),
                lines=[
                    line(
                        [(x, v) if v > 0 else None for x, v in points],
                        labels[name],
                        ref=f"class:{y}" if name == "both" else name,
                        dashed=name == "inner",
                    )
                    for name, points in lines.items()
                ],
                marks=marks,
                caption=say(text.factors_caption),
                behind=table([text.factor, text.here], [[labels[name], v] for name, v in held.items()]),
            ),
        ],
        wide=True,
    )


def _squared(row: Row) -> Panel:
    y, z = row.y, row.state.logits[row.y]
    cross, (cost, slopes) = row.grad[y], row.squared
    runs, t = _swept(row), row.t
    one, two = [num(cross, "cross"), num(row.loss, "cross")], [num(slopes[y], "square"), num(cost, "square")]
    spoken = text.squared_spoken.format(cross=one[0]["text"], square=two[0]["text"])

    def by_square(p: list[float]) -> float:
        pull = math.fsum((pi - ti) * pi for pi, ti in zip(p, t, strict=True))
        return 2 * p[y] * (p[y] - t[y] - pull)

    def by_cross(p: list[float]) -> float:
        return p[y] - t[y]

    over = axis(text.logit_of.format(name=CLASSES[y]), -SPAN, SPAN)
    pulls = curves(
        "pulls",
        say(text.pulls),
        x=over,
        y=axis(text.per_logit, -1.05, max(0.2, *(by_cross(p) for _, p in runs)) * 1.05),
        lines=[
            line([(x, by_cross(p)) for x, p in runs], text.cross, ref="cross"),
            line([(x, by_square(p)) for x, p in runs], text.square, ref="square", dashed=True),
        ],
        marks=[
            mark(z, cross, "cross", one[0]["text"], held=_held(row, spoken)),
            mark(z, slopes[y], "square", two[0]["text"]),
        ],
        caption=say(text.pulls_caption),
        behind=table(
            [text.quantity, text.cross, text.square], [[text.slope_at, one[0], two[0]], [text.loss, one[1], two[1]]]
        ),
    )
    costs = [math.fsum(-b * math.log(a) for a, b in zip(p, t, strict=True) if b) for _, p in runs]
    losses = curves(
        "losses",
        say(text.losses),
        x=over,
        y=axis(text.loss, 0.0, max(costs) * 1.05),
        lines=[
            line([(x, v) for (x, _), v in zip(runs, costs, strict=True)], text.cross, ref="cross"),
            line(
                [(x, math.fsum((a - b) ** 2 for a, b in zip(p, t, strict=True))) for x, p in runs],
                text.square,
                ref="square",
                dashed=True,
            ),
        ],
        marks=[mark(z, row.loss, "cross", one[1]["text"]), mark(z, cost, "square", two[1]["text"])],
        behind=table([text.quantity, text.cross, text.square], [[text.loss, one[1], two[1]]]),
    )
    return panel(
        "squared",
        text.squared,
        [prose("squared-story", say(text.squared_story, cross=one[0], square=two[0])), pulls, losses],
        wide=True,
    )


def _clip(row: Row) -> Panel:
    s, f = row.state, row.factor
    norm = math.hypot(*row.norms)
    plain, clipped = num(norm, "norm"), num(norm * f, "clipped")
    groups = [("weights", text.weights, s.size), ("biases", text.biases, 1.0)]
    return panel(
        "clip",
        text.clip,
        [
            prose("clip-story", say(text.clip_story, x=shown(s.size, "input"), norm=plain, c=shown(s.limit, "c"))),
            controls(
                "clip-controls",
                [
                    log_slider("size", text.input, shown(s.size, "input"), (0.1, 100.0), marks=(0.1, 1, 10, 100)),
                    log_slider("limit", text.limit, shown(s.limit, "c"), (0.01, 100.0), marks=(0.01, 1, 100)),
                ],
            ),
            *(_array(row, *group) for group in groups),
            readout(
                "norms",
                [
                    {"label": text.global_norm, "number": plain, "unit": ""},
                    {"label": text.the_factor, "number": num(f, "factor"), "unit": ""},
                    {"label": text.after, "number": clipped, "unit": ""},
                    {"label": text.turned, "number": num(row.turned, "turned"), "unit": text.degrees},
                ],
            ),
            _lengths(row, plain, clipped),
            formulas.clipping(row, plain, clipped),
        ],
        wide=True,
    )


def _array(row: Row, name: str, title: str, scale: float) -> Item:
    """Draw one array of the gradient, plain and clipped; its entries are (p − t) times the scale."""
    rows = list[Bar]()
    for j, g in enumerate(row.grad):
        bar = _bar(j, num(g * scale, f"class:{j}"), text.entry_spoken)
        bar["more"] = [num(g * scale * row.factor, f"class:{j}")]
        rows.append(bar)
    reach = max(1e-9, *(abs(g) * scale for g in row.grad)) * 1.05
    return bars(name, say(title), axis(text.entry, -reach, reach, about=6), rows, series=text.before_after)


def _lengths(row: Row, plain: Num, clipped: Num) -> Item:
    s, biases = row.state, row.norms[1]
    sizes = [10.0 ** (k / 20 - 1) for k in range(61)]
    lengths = [(x, biases * math.hypot(1.0, x)) for x in sizes]
    spoken = text.lengths_spoken.format(x=shown(s.size, "")["text"], norm=plain["text"], clipped=clipped["text"])
    held = handle(text.input, spoken, x=drag("size", (0.1, 100.0), 1.05, page=2.0))
    decades = (0.1, 1.0, 10.0, 100.0)
    ends = [biases * math.hypot(1.0, x) for x in decades]
    low, high = max(min(biases, s.limit), 1e-9) / 3, max(lengths[-1][1], s.limit, 1e-8) * 2
    return curves(
        "lengths",
        say(text.lengths),
        x=log_axis(text.input_axis, 0.1, 100.0),
        y=log_axis(text.norm_axis, low, high),
        lines=[
            line([p if p[1] > 0 else None for p in lengths], text.before, ref="norm", dashed=True),
            line([(x, min(v, s.limit)) if v > 0 else None for x, v in lengths], text.afterwards, ref="clipped"),
        ],
        marks=[
            mark(s.size, plain["value"] or 0.0, "norm", plain["text"]),
            mark(s.size, clipped["value"] or 0.0, "clipped", clipped["text"], held=held),
        ]
        if plain["value"]
        else [],
        rules=[rule("y", shown(s.limit, "c"), text.limit_rule)],
        caption=say(text.lengths_caption),
        behind=table(
            [text.input_axis, text.before, text.afterwards],
            [[shown(x, "")["text"], num(v), num(min(v, s.limit))] for x, v in zip(decades, ends, strict=True)],
        ),
    )
