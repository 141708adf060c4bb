"""The picture of a state: panels, figures and words, every number by `xent.spec`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from xent.explorer.experiments.logits import formulas
from xent.explorer.experiments.logits.row import Row
from xent.explorer.experiments.logits.state import MOST_STEPS, SPANS, STARTS, State, descend
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
from xent.explorer.rows import Rows
from xent.explorer.snippets import Problem, snippets
from xent.explorer.view import Act, Bar, Control, Inline, Item, Line, Mark, Panel, Readout, Transport, View

TITLE = "Cross-entropy, from scores to gradient"
LEDE = (
    "A classifier gives every class a score, its *logit*. Softmax turns the scores into probabilities, the loss is "
    "the surprise at the right answer, and its gradient is what was predicted minus what is true. Drag a bar, type "
    "a number, or load one of a real classifier’s predictions: everything else follows."
)


def compute(state: State, sources: Mapping[str, Rows], only: Collection[str] | None = None) -> View:
    """Draw the page of a state: all of it, or only the panels that are named."""
    row = Row.of(state, *descend(state))
    builders: dict[str, Callable[[], Panel]] = {
        "row": lambda: _main(row, sources),
        "data": lambda: _data(state, sources),
        "loss": lambda: _loss(row),
        "formulas": lambda: _formulas(row),
        "descent": lambda: _descent(row),
        "take-home": lambda: _code(row),
    }
    if not state.source:
        del builders["data"]
    return {
        "experiment": "logits",
        "title": TITLE,
        "lede": say(LEDE),
        "panels": [build() for name, build in builders.items() if only is None or name in only],
        "summary": _summary(row),
    }


def _summary(row: Row) -> str:
    name, p = row.state.names[row.best], row.prob(row.best)["text"]
    return f"Loss {row.cost(row.loss)['text']} {row.state.unit}; most probable is {name} with {p}."


def _main(row: Row, sources: Mapping[str, Rows]) -> Panel:
    s = row.state
    starts = [button(label, {"do": "start", "value": key}) for key, (label, _) in STARTS.items()]
    return panel(
        "row",
        "One row",
        [
            prose("story", _story(row), beside=picture(sources[s.source], s.row) if s.row >= 0 else None),
            controls("target-controls", _target_controls(row)),
            _logit_bars(row),
            bars(
                "probabilities",
                say("Probabilities *p*"),
                axis("softmax(z/T)", 0.0, 1.0, about=2),
                _probabilities(row),
            ),
            bars("target", say("Target *t*"), axis("what is true", 0.0, 1.0, about=2), _targets(row)),
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
            "The target is a distribution. The loss is its average surprise at the prediction, {loss} {unit}: the "
            "entropy of the target itself, {floor}, which no logits can avoid, and for the rest the divergence "
            "KL(*t*‖*p*).",
            loss=loss,
            floor=floor,
            unit=s.unit,
        )
    y = s.label
    opening = (
        "The scores favour **{best}**, and that is right. "
        if row.best == y
        else ("The scores favour **{best}**, but the answer is **{right}**. ")
    )
    ending = "A gradient step raises its logit and lowers each of the others by what it wrongly holds."
    if row.loss == math.inf:
        ending = "A masked class stays masked: no gradient step can lift −∞."
    elif s.target == "smoothed":
        ending = (
            "The smoothed target asks for a little of every other class as well, so the loss is {loss} {unit} and "
            "cannot fall below {floor}."
        )
    return say(
        opening
        + "The probability of {right} is {p}; being that surprised costs −{log} *p* = {cost} {unit}. "
        + ending,
        best=s.names[row.best],
        right=s.names[y],
        p=row.prob(y),
        log=row.log,
        cost=row.cost(row.surprise[y], f"class:{y}"),
        loss=loss,
        floor=floor,
        unit=s.unit,
    )


def _target_controls(row: Row) -> list[Control]:
    s = row.state
    temperature = num(s.temperature, "T", text=show_input(s.temperature))
    reach = max(abs(z) for z in (*s.logits, *row.z) if z > -math.inf)
    fits = sorted({*[v for v in SPANS if v >= reach][:4], s.span})
    items: list[Control] = [
        choice(
            "target", "Target", s.target, {"class": "one class", "smoothed": "smoothed", "soft": "a distribution"}
        ),
        log_slider("temperature", "Temperature T", temperature, (0.01, 100.0), marks=[0.01, 0.1, 1.0, 10.0, 100.0]),
        choice("unit", "Unit", s.unit, {"nats": "nats", "bits": "bits"}),
        choice("span", "Axis", str(s.span), {str(v): f"±{show_tick(v)}" for v in fits}),
    ]
    if s.target == "smoothed":
        epsilon = num(s.epsilon, "eps", text=show_input(s.epsilon))
        shares = {"uniform": "all K classes, ε/K", "others": "the others, ε/(K − 1)"}
        items += [
            slider("epsilon", "Smoothing ε", epsilon, (0.0, 1.0), step=0.01),
            choice("convention", "ε is shared by", s.convention, shares),
        ]
    return items


def _logit_bars(row: Row) -> Item:
    s, rows = row.state, list[Bar]()
    for j, (name, z) in enumerate(zip(s.names, row.z, strict=True)):
        value = num(z, f"class:{j}", text=show_input(z))
        spoken = f"logit of {name} {value['text']}, probability {row.prob(j)['text']}"
        bar: Bar = {"ref": f"class:{j}", "label": name, "number": value, "spoken": spoken, "masked": z == -math.inf}
        span = float(s.span)
        bar["drag"] = {"path": f"logits.{j}", "min": -span, "max": span, "step": span / 100, "page": span / 10}
        bar["name_path"] = f"names.{j}"
        if len(row.z) > 2:
            bar["remove"] = {"do": "remove", "value": j, "label": f"Remove {name}"}
        rows.append(bar)
    over = axis("score", -float(s.span), float(s.span))
    add: Act = {"do": "add", "label": "Add a class", "disabled": len(row.z) >= 10}
    return bars("logits", say("Logits *z*"), over, rows, add=add)


def _probabilities(row: Row) -> list[Bar]:
    return [row.bar(j, row.prob(j), "probability of") for j in range(len(row.z))]


def _targets(row: Row) -> list[Bar]:
    s, rows = row.state, list[Bar]()
    for j, name in enumerate(s.names):
        value = num(row.t[j], f"class:{j}", text=show_input(row.t[j])) if s.target == "soft" else row.weight(j)
        bar = row.bar(j, value, "target for")
        if s.target == "soft":
            bar["drag"] = {"path": f"soft.{j}", "min": 0.0, "max": 1.0, "step": 0.01, "page": 0.1}
        else:
            bar["pick"] = {"do": "pick", "value": j, "label": f"Make {name} the right answer"}
            bar["picked"] = j == s.label
        rows.append(bar)
    return rows


def _gradient_bars(row: Row) -> Item:
    rows = [row.bar(j, num(g, f"class:{j}"), "gradient for") for j, g in enumerate(row.grad)]
    title = "Gradient *p* − *t*" if row.state.temperature == 1 else "Gradient (*p* − *t*)/*T*"
    reach = 1.0 / row.state.temperature
    return bars("gradient", say(title), axis("nats per logit", -reach, reach, about=2), rows)


def _readout(row: Row) -> Readout:
    s = row.state
    perplexity = math.exp(row.loss) if row.loss < 709.7 else math.inf
    return {
        "kind": "readout",
        "id": "numbers",
        "items": [
            {"label": "loss", "number": row.cost(row.loss), "unit": s.unit, "main": True},
            {"label": "perplexity", "number": num(perplexity, "loss"), "unit": "classes"},
            {"label": f"knowing nothing, {row.log} K", "number": row.guess, "unit": s.unit},
            {"label": "floor, H(t)", "number": row.cost(row.floor, "floor"), "unit": s.unit},
            {"label": "above it, KL(t‖p)", "number": row.cost(row.above, "above"), "unit": s.unit},
        ],
    }


def _loss(row: Row) -> Panel:
    s, unit, k = row.state, row.scale, range(len(row.z))
    ln_k = rule("x", row.guess, f"{row.log} {len(row.z)} =")
    breakdown = table(
        ["class", "target t", f"surprise −{row.log} p", "t × surprise"],
        [
            *([s.names[j], row.weight(j), row.cost(row.surprise[j], f"class:{j}"), row.term(j)] for j in k),
            ["loss", "", "", row.cost(row.loss)],
        ],
    )
    adds_up = "Each class pays its target’s share of its surprise; the pieces add up to {loss} {unit}."
    if row.loss == math.inf:
        adds_up = (
            "The target gives weight to a class of probability 0: the surprise is {loss}, longer than any bar."
        )
    terms = stack(
        "terms",
        say("Terms of the loss"),
        axis(
            s.unit, 0.0, max(row.loss if row.loss < math.inf else 0.0, math.log(len(row.z))) * 1.15 * unit, about=5
        ),
        [(s.names[j], f"class:{j}", row.terms[j] * unit) for j in k if 0 < row.terms[j] < math.inf],
        caption=say(adds_up, loss=row.cost(row.loss), unit=s.unit),
        rules=[ln_k],
        behind=breakdown,
    )
    return panel("loss", "The loss, term by term", [terms, _surprise(row)])


def _surprise(row: Row) -> Item:
    s, unit = row.state, row.scale
    seen = [j for j in range(len(row.z)) if row.t[j] > 0 and row.surprise[j] < math.inf]
    top = max(5.0, math.log(len(row.z)) * 1.1, *(row.surprise[j] * 1.05 for j in seen)) * unit
    curve: Line = {
        "points": [(math.exp(-i / 60 * top / unit), i / 60 * top) for i in range(61)],
        "label": f"−{row.log} p",
    }
    marks: list[Mark] = [
        {"x": row.p[j], "y": row.surprise[j] * unit, "ref": f"class:{j}", "label": s.names[j]} for j in seen
    ]
    return curves(
        "surprise",
        say("Surprise −{log} *p*", log=row.log),
        x=axis("probability p", 0.0, 1.0),
        y=axis(s.unit, 0.0, top, about=5),
        lines=[curve],
        marks=marks,
        rules=[rule("y", row.guess, f"{row.log} {len(row.z)} =")],
        caption=say(
            "Halving a probability always costs the same, {half} {unit}. The dashed line is a guess that knows "
            "nothing, {guess}.",
            half=row.cost(math.log(2.0), "half"),
            guess=row.guess,
            unit=s.unit,
        ),
        behind=table(
            ["class", "probability p", f"surprise −{row.log} p"],
            [[s.names[j], row.prob(j), row.cost(row.surprise[j], f"class:{j}")] for j in range(len(row.z))],
        ),
    )


def _descent(row: Row) -> Panel:
    s = row.state
    costs = [row.cost(v) for v in row.losses]
    top = max(row.guess["value"] or 1.0, *(c["value"] or 0.0 for c in costs)) * 1.08
    along: Line = {
        "points": [(float(i), c["value"]) if c["value"] is not None else None for i, c in enumerate(costs)],
        "label": "loss",
        "ref": "loss",
    }
    here = costs[-1]["value"]
    marks: list[Mark] = []
    if here is not None:
        marks = [{"x": float(s.steps), "y": here, "ref": "loss", "label": f"step {s.steps}"}]
    rules = [rule("y", row.guess, f"{row.log} {len(row.z)} =")]
    if row.floor > 0:
        rules.append(rule("y", row.cost(row.floor, "floor"), "floor"))
    rate = num(s.rate, "rate", text=show_input(s.rate))
    decades = [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
    return panel(
        "descent",
        "Follow the gradient",
        [
            controls(
                "steps",
                [_transport(row), log_slider("rate", "Learning rate η", rate, (0.001, 100.0), marks=decades)],
            ),
            curves(
                "descent-curve",
                say("Loss along the run"),
                x=axis("step", 0.0, float(max(20, s.steps)), about=5),
                y=axis(s.unit, 0.0, top),
                lines=[along],
                marks=marks,
                rules=rules,
                caption=say(
                    "Each step takes *η* times the gradient off the logits. Any other change begins a new run."
                ),
                behind=table(["step", f"loss, {s.unit}"], [[str(i), c] for i, c in enumerate(costs)]),
            ),
        ],
    )


def _transport(row: Row) -> Transport:
    s = row.state
    norm = math.sqrt(math.fsum(g * g for g in row.grad))
    done = s.steps >= MOST_STEPS or not norm >= 1e-12
    return {
        "kind": "transport",
        "id": "run",
        "label": "Gradient steps",
        "step": {"do": "step", "label": "Step", "disabled": done},
        "back": {"do": "back", "label": "Step back", "disabled": s.steps == 0},
        "reset": {"do": "reset", "label": "Reset", "disabled": s.steps == 0},
        "done": done,
        "status": say(
            "step {step} of at most {most}, gradient norm {norm}",
            step=num(s.steps, text=str(s.steps)),
            most=num(MOST_STEPS, text=str(MOST_STEPS)),
            norm=num(norm),
        ),
    }


def _formulas(row: Row) -> Panel:
    return panel("formulas", "The same in symbols", formulas.items(row))


def _data(s: State, sources: Mapping[str, Rows]) -> Panel:
    shown = gallery(sources, s.source, s.row, s.page, mistakes=s.mistakes == "mistakes")
    return panel("data", "Real predictions", [shown], wide=True)


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
    item: Item = {"kind": "code", "id": "code", "title": say("This row as a program"), "tabs": snippets(problem)}
    return panel("take-home", "Take it home", [item], wide=True)
