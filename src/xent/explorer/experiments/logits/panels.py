"""The picture of a state: panels, figures and words, every number by `xent.spec`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from xent.explorer.experiments.logits import formulas
from xent.explorer.experiments.logits.row import Row
from xent.explorer.experiments.logits.state import MOST_STEPS, SPANS, State, descend
from xent.explorer.figures import (
    axis,
    bars,
    button,
    choice,
    controls,
    curves,
    log_slider,
    panel,
    prose,
    rule,
    say,
    slider,
    stack,
    table,
)
from xent.explorer.gallery import gallery, picture
from xent.explorer.numbers import num, show_input, show_tick
from xent.explorer.programs import take_home
from xent.explorer.programs.logits import Problem, snippets
from xent.explorer.rows import Rows
from xent.explorer.section import Drawing
from xent.explorer.text import words
from xent.explorer.view import Act, Bar, Control, Inline, Item, Line, Mark, Panel, Readout, Transport

text = words("logits")


def compute(state: State, sources: Mapping[str, Rows]) -> Drawing:
    """Draw a state."""
    row = Row.of(state, *descend(state))
    panels = {
        "row": lambda: _main(row, sources),
        "data": lambda: _data(state, sources),
        "loss": lambda: _loss(row),
        "formulas": lambda: _formulas(row),
        "descent": lambda: _descent(row),
        "take-home": lambda: _code(row),
    }
    if not state.source:
        del panels["data"]
    return Drawing(panels, _summary(row))


def _summary(row: Row) -> str:
    name, p = row.state.names[row.best], row.prob(row.best)["text"]
    return text.summary.format(loss=row.cost(row.loss)["text"], unit=row.unit, name=name, p=p)


def _main(row: Row, sources: Mapping[str, Rows]) -> Panel:
    s = row.state
    starts: list[Control] = [button(label, {"do": "start", "value": key}) for key, label in text.starts.items()]
    return panel(
        "row",
        text.row,
        [
            prose("story", _story(row), beside=picture(sources[s.source], s.row) if s.row >= 0 else None),
            controls("target-controls", _target_controls(row)),
            _logit_bars(row),
            bars(
                "probabilities",
                say(text.p_title),
                axis(text.p_axis, 0.0, 1.0, about=2),
                _probabilities(row),
            ),
            bars("target", say(text.t_title), axis(text.t_axis, 0.0, 1.0, about=2), _targets(row)),
            _gradient_bars(row),
            _readout(row),
            controls("starts", starts),
        ],
        wide=True,
    )


def _story(row: Row) -> list[Inline]:
    s, loss, floor = row.state, row.cost(row.loss), row.cost(row.floor, "floor")
    if s.target == "soft":
        return say(
            text.story_soft,
            loss=loss,
            floor=floor,
            unit=row.unit,
        )
    y = s.label
    opening = text.story_right if row.best == y else text.story_wrong
    ending = text.story_step
    if row.loss == math.inf:
        ending = text.story_masked
    elif s.target == "smoothed":
        ending = text.story_smoothed
    return say(
        f"{opening} {text.story_cost} {ending}",
        best=s.names[row.best],
        right=s.names[y],
        p=row.prob(y),
        log=row.log,
        cost=row.cost(row.surprise[y], f"class:{y}"),
        loss=loss,
        floor=floor,
        unit=row.unit,
    )


def _target_controls(row: Row) -> list[Control]:
    s = row.state
    temperature = num(s.temperature, "T", text=show_input(s.temperature))
    reach = max(abs(z) for z in (*s.logits, *row.z) if z > -math.inf)
    fits = sorted({*[v for v in SPANS if v >= reach][:4], s.span})
    items: list[Control] = [
        choice("target", text.target, s.target, text.targets),
        log_slider(
            "temperature", text.temperature, temperature, (0.01, 100.0), marks=[0.01, 0.1, 1.0, 10.0, 100.0]
        ),
        choice("unit", text.unit, s.unit, text.units),
        choice("span", text.axis, str(s.span), {str(v): f"±{show_tick(v)}" for v in fits}),
    ]
    if s.target == "smoothed":
        epsilon = num(s.epsilon, "eps", text=show_input(s.epsilon))
        items += [
            slider("epsilon", text.epsilon, epsilon, (0.0, 1.0), step=0.01),
            choice("convention", text.shared_by, s.convention, text.shares),
        ]
    return items


def _logit_bars(row: Row) -> Item:
    s, rows = row.state, list[Bar]()
    for j, (name, z) in enumerate(zip(s.names, row.z, strict=True)):
        value = num(z, f"class:{j}", text=show_input(z))
        spoken = text.logit_spoken.format(name=name, value=value["text"], p=row.prob(j)["text"])
        bar: Bar = {"ref": f"class:{j}", "label": name, "number": value, "spoken": spoken, "masked": z == -math.inf}
        span = float(s.span)
        bar["drag"] = {"path": f"logits.{j}", "min": -span, "max": span, "step": span / 100, "page": span / 10}
        bar["name_path"] = f"names.{j}"
        if len(row.z) > 2:
            bar["remove"] = {"do": "remove", "value": j, "label": text.remove.format(name=name)}
        rows.append(bar)
    over = axis(text.logits_axis, -float(s.span), float(s.span))
    add: Act = {"do": "add", "label": text.add, "disabled": len(row.z) >= 10}
    return bars("logits", say(text.logits_title), over, rows, add=add)


def _probabilities(row: Row) -> list[Bar]:
    return [row.bar(j, row.prob(j), text.p_spoken) for j in range(len(row.z))]


def _targets(row: Row) -> list[Bar]:
    s, rows = row.state, list[Bar]()
    for j, name in enumerate(s.names):
        value = num(row.t[j], f"class:{j}", text=show_input(row.t[j])) if s.target == "soft" else row.weight(j)
        bar = row.bar(j, value, text.t_spoken)
        if s.target == "soft":
            bar["drag"] = {"path": f"soft.{j}", "min": 0.0, "max": 1.0, "step": 0.01, "page": 0.1}
        else:
            bar["pick"] = {"do": "pick", "value": j, "label": text.pick.format(name=name)}
            bar["picked"] = j == s.label
        rows.append(bar)
    return rows


def _gradient_bars(row: Row) -> Item:
    rows = [row.bar(j, num(g, f"class:{j}"), text.gradient_spoken) for j, g in enumerate(row.grad)]
    title = text.gradient_title if row.state.temperature == 1 else text.gradient_title_hot
    reach = 1.0 / row.state.temperature
    return bars("gradient", say(title), axis(text.gradient_axis, -reach, reach, about=2), rows)


def _readout(row: Row) -> Readout:
    perplexity = math.exp(row.loss) if row.loss < 709.7 else math.inf
    return {
        "kind": "readout",
        "id": "numbers",
        "items": [
            {"label": text.loss, "number": row.cost(row.loss), "unit": row.unit, "main": True},
            {"label": text.perplexity, "number": num(perplexity, "loss"), "unit": text.perplexity_unit},
            {"label": text.guess.format(log=row.log), "number": row.guess, "unit": row.unit},
            {"label": text.floor, "number": row.cost(row.floor, "floor"), "unit": row.unit},
            {"label": text.above, "number": row.cost(row.above, "above"), "unit": row.unit},
        ],
    }


def _loss(row: Row) -> Panel:
    s, unit, k = row.state, row.scale, range(len(row.z))
    ln_k = rule("x", row.guess, text.log_k.format(log=row.log, k=len(row.z)))
    breakdown = table(
        [text["class"], text.target_t, text.surprise_p.format(log=row.log), text.share],
        [
            *([s.names[j], row.weight(j), row.cost(row.surprise[j], f"class:{j}"), row.term(j)] for j in k),
            [text.loss, "", "", row.cost(row.loss)],
        ],
    )
    adds_up = text.adds_up if row.loss < math.inf else text.adds_up_infinite
    terms = stack(
        "terms",
        say(text.terms),
        axis(
            row.unit,
            0.0,
            max(row.loss if row.loss < math.inf else 0.0, math.log(len(row.z))) * 1.15 * unit,
            about=5,
        ),
        [(s.names[j], f"class:{j}", row.terms[j] * unit) for j in k if 0 < row.terms[j] < math.inf],
        caption=say(adds_up, loss=row.cost(row.loss), unit=row.unit),
        rules=[ln_k],
        behind=breakdown,
    )
    return panel("loss", text.terms_panel, [terms, _surprise(row)])


def _surprise(row: Row) -> Item:
    s, unit = row.state, row.scale
    seen = [j for j in range(len(row.z)) if row.t[j] > 0 and row.surprise[j] < math.inf]
    top = max(5.0, math.log(len(row.z)) * 1.1, *(row.surprise[j] * 1.05 for j in seen)) * unit
    curve: Line = {
        "points": [(math.exp(-i / 60 * top / unit), i / 60 * top) for i in range(61)],
        "label": text.curve.format(log=row.log),
    }
    marks: list[Mark] = [
        {"x": row.p[j], "y": row.surprise[j] * unit, "ref": f"class:{j}", "label": s.names[j]} for j in seen
    ]
    return curves(
        "surprise",
        say(text.surprise, log=row.log),
        x=axis(text.probability, 0.0, 1.0),
        y=axis(row.unit, 0.0, top, about=5),
        lines=[curve],
        marks=marks,
        rules=[rule("y", row.guess, text.log_k.format(log=row.log, k=len(row.z)))],
        caption=say(
            text.halving,
            half=row.cost(math.log(2.0), "half"),
            guess=row.guess,
            unit=row.unit,
        ),
        behind=table(
            [text["class"], text.probability, text.surprise_p.format(log=row.log)],
            [[s.names[j], row.prob(j), row.cost(row.surprise[j], f"class:{j}")] for j in range(len(row.z))],
        ),
    )


def _descent(row: Row) -> Panel:
    s = row.state
    costs = [row.cost(v) for v in row.losses]
    top = max(row.guess["value"] or 1.0, *(c["value"] or 0.0 for c in costs)) * 1.08
    along: Line = {
        "points": [(float(i), c["value"]) if c["value"] is not None else None for i, c in enumerate(costs)],
        "label": text.loss,
        "ref": "loss",
    }
    here = costs[-1]["value"]
    marks: list[Mark] = []
    if here is not None:
        marks = [{"x": float(s.steps), "y": here, "ref": "loss", "label": text.at_step.format(step=s.steps)}]
    rules = [rule("y", row.guess, text.log_k.format(log=row.log, k=len(row.z)))]
    if row.floor > 0:
        rules.append(rule("y", row.cost(row.floor, "floor"), text.floor_rule))
    rate = num(s.rate, "rate", text=show_input(s.rate))
    decades = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
    return panel(
        "descent",
        text.follow,
        [
            controls(
                "steps",
                [_transport(row), log_slider("rate", text.rate, rate, (0.001, 100.0), marks=decades)],
            ),
            curves(
                "descent-curve",
                say(text.along),
                x=axis(text.step, 0.0, float(max(20, s.steps)), about=5),
                y=axis(row.unit, 0.0, top),
                lines=[along],
                marks=marks,
                rules=rules,
                caption=say(text.along_caption),
                behind=table(
                    [text.step, text.along_loss.format(unit=row.unit)], [[str(i), c] for i, c in enumerate(costs)]
                ),
            ),
        ],
        wide=True,
    )


def _transport(row: Row) -> Transport:
    s = row.state
    norm = math.sqrt(math.fsum(g * g for g in row.grad))
    done = s.steps >= MOST_STEPS or not norm >= 1e-12
    return {
        "kind": "transport",
        "id": "run",
        "label": text.steps,
        "step": {"do": "step", "label": text.do_step, "disabled": done},
        "back": {"do": "back", "label": text.do_back, "disabled": s.steps == 0},
        "reset": {"do": "reset", "label": text.do_reset, "disabled": s.steps == 0},
        "done": done,
        "status": say(
            text.status,
            step=num(s.steps, text=str(s.steps)),
            most=num(MOST_STEPS, text=str(MOST_STEPS)),
            norm=num(norm),
        ),
    }


def _formulas(row: Row) -> Panel:
    return panel("formulas", text.symbols, formulas.items(row))


def _data(s: State, sources: Mapping[str, Rows]) -> Panel:
    shown = gallery(sources, s.source, s.row, s.page, mistakes=s.mistakes == "mistakes")
    return panel("data", text.real, [shown], wide=True)


def _code(row: Row) -> Panel:
    s = row.state
    problem = Problem(
        logits=row.z,
        label=None if s.target == "soft" else s.label,
        target=tuple(row.t),
        epsilon=s.epsilon if s.target == "smoothed" else 0.0,
        convention=s.convention,
        temperature=s.temperature,
        loss=row.loss,
    )
    return take_home("logits", snippets(problem))
