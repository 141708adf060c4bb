"""What is on screen, how it is edited, and the questions asked about it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent import spec
from xent.explorer.experiments.pitfalls import batch, practice, scores
from xent.explorer.experiments.pitfalls.fields import OUTPUT, Fields
from xent.explorer.figures import choice, controls
from xent.explorer.numbers import num, show_input
from xent.explorer.programs import take_home
from xent.explorer.programs.pitfalls import WRITERS, Problem, pitfalls
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.state import ActionError, Many, OneOf, Real, Whole, Word, codecs, stored
from xent.explorer.text import words
from xent.explorer.view import Panel

NAME, VERSION = "pitfalls", 1

text = words("pitfalls")


@dataclass(frozen=True)
class State(Fields):
    """One batch for all, and what each pitfall is tried with."""

    logits: tuple[float, ...] = stored(
        (4.0, 1.0, 0.0, 1.0, 3.0, 0.0, 0.5, 1.0, 2.5, 2.0, 1.5, -1.0),
        Many(Real("z", -batch.REACH, batch.REACH), 2, batch.MOST_ROWS * batch.MOST_CLASSES),
    )
    labels: tuple[int, ...] = stored((0, 1, 2, 1), Many(Whole("y", 0, batch.MOST_CLASSES - 1), 1, batch.MOST_ROWS))
    k: int = stored(3, Whole("k", 2, scores.MOST_CLASSES))
    margin: float = stored(5.0, Real("m", *scores.MARGINS))
    step: int = stored(40, Whole("step", 0, scores.STEPS))
    output: tuple[float, ...] = stored((0.0, 1.0, 0.0), Many(Real("o", *OUTPUT), 3, 3))
    rows: int = stored(4, Whole("rows", 1, batch.MOST_ROWS))
    shift: str = stored("down", OneOf("shift", ("down", "up")))
    many: str = stored("64", OneOf("n", batch.SIZES))
    clip: float = stored(1e-7, Real("eps", 1e-12, 0.1))
    gap: float = stored(20.0, Real("gap", *practice.GAPS))
    rare: float = stored(0.02, Real("rare", 0.001, 0.5))
    guess: float = stored(0.1, Real("guess", *practice.GUESSES))
    program: str = stored("double", OneOf("code", tuple(WRITERS)))
    names: tuple[str, ...] = stored((), Many(Word("names", 24), 0, batch.MOST_CLASSES))


def _floor(s: State) -> Mapping[str, Any]:
    d = scores.Double(s.k, s.margin)
    lead = num(s.margin, "margin", text=show_input(s.margin))
    return {
        "lead": lead,
        "right": num(d.right, "right"),
        "double": num(d.double, "double"),
        "floor": num(d.floor, "floor"),
    }


def _read(s: State) -> Mapping[str, Any]:
    y = 1
    p = spec.probabilities(s.output)
    return {
        "lead": num(s.output[y] - s.output[0], text=show_input(s.output[y] - s.output[0])),
        "loss": num(spec.loss(s.output, y), "loss"),
        "p": num(p[y], f"class:{y}"),
        "first": num(spec.loss((0.0, 1.0, 0.0), y), "floor"),
        "first_p": num(spec.probabilities((0.0, 1.0, 0.0))[y], f"class:{y}"),
    }


def _stuck(s: State) -> Mapping[str, Any]:
    run = scores.Descent(s.k)
    return {
        "k": str(s.k),
        "guess": num(math.log(s.k), "guess"),
        "step": str(s.step),
        **{name: num(run.loss(name, s.step), name) for name in scores.HEADS},
    }


PRESETS = (
    Preset(
        "softmax",
        right=2,
        covers=("double", "stuck"),
        begin={"margin": 2.0},
        after=tuple({"margin": m} for m in (4.0, 6.0, 9.0, 12.0, 16.0, 20.0)),
        why=_floor,
    ),
    Preset(
        "hundred",
        right=1,
        covers=("double", "meant"),
        begin={"output": (0.0, 1.0, 0.0)},
        after=tuple({"output": (0.0, v, 0.0)} for v in (2.0, 4.0, 7.0, 10.0)),
        why=_read,
    ),
    Preset(
        "stuck",
        right=1,
        covers=("double", "stuck"),
        begin={"k": 10, "step": 0},
        after=tuple({"step": n} for n in (10, 25, 50, 100, 150, 200)),
        why=_stuck,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Make logits, labels and names agree; a sentence for each change that a reader could notice."""
    n, k, said = state.n, state.width, list[str]()
    if n * k != len(state.logits) or not 2 <= k <= batch.MOST_CLASSES:
        said.append(text.no_batch.format(logits=len(state.logits), labels=n))
        state = dataclasses.replace(state, logits=State.logits, labels=State.labels, names=())
        n, k = state.n, state.width
    for i, y in enumerate(state.labels):
        if y >= k:
            said.append(text.label_moved.format(row=i + 1, label=y, last=k - 1))
    names = state.names if len(state.names) == k else ()
    if names != state.names:
        said.append(text.names_dropped.format(k=k, names=len(state.names)))
    labels = tuple(min(y, k - 1) for y in state.labels)
    return dataclasses.replace(state, labels=labels, names=names, rows=min(state.rows, n)), said


def act(state: State, action: Mapping[str, Any], sources: Sources) -> State:
    """Set a field; load rows; add a number to all outputs or multiply them by one."""
    do = action["do"]
    if do == "load":
        source = str(action.get("value"))
        if source == "":
            return dataclasses.replace(state, logits=State.logits, labels=State.labels, names=(), rows=State.rows)
        if source not in sources:
            raise ActionError(text.no_source.format(value=repr(source)[:40], known=", ".join(sources) or text.none))
        return take(state, source, sources)
    if do in ("add", "times"):
        value = action.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ActionError(text.no_number.format(do=do, came=repr(value)[:40]))
        moved = tuple(v + value if do == "add" else v * value for v in state.output)
        return dataclasses.replace(state, output=codecs(State)["output"].clamp(moved))
    return edit(state, action)


def take(state: State, source: str, sources: Sources) -> State:
    """Make the batch of a source's rows; of many, some from the costliest to the cheapest."""
    rows = sources[source]
    n, most = len(rows.labels), batch.MOST_ROWS
    if len(rows.classes) > batch.MOST_CLASSES:
        raise ActionError(
            text.many_classes.format(name=rows.name, classes=len(rows.classes), most=batch.MOST_CLASSES)
        )
    chosen = range(n) if n <= most else sorted(int(rows.order[i * (n - 1) // (most - 1)]) for i in range(most))
    logits = [[float(z) for z in rows.logits[i]] for i in chosen]
    for i, row in zip(chosen, logits, strict=True):
        for j, z in enumerate(row):
            if not abs(z) <= batch.REACH:
                far = text.far.format(row=i, column=j, came=num(z)["text"], reach=show_input(batch.REACH))
                raise ActionError(far)
    return dataclasses.replace(
        state,
        logits=tuple(z for row in logits for z in row),
        labels=tuple(int(rows.labels[i]) for i in chosen),
        names=tuple(name or "?" for name in codecs(State)["names"].clamp(rows.classes)),
        rows=len(chosen),
    )


def _programs(s: State) -> Panel:
    """Show a pitfall of the reader's choice as programs."""
    problem = Problem(
        pitfall=s.program,
        batch=tuple(s.row(i) for i in range(s.n)),
        labels=s.labels,
        k=s.k,
        margin=s.margin,
        output=s.output,
        rows=s.rows,
        up=s.shift == "up",
        many=s.n * s.copies,
        clip=s.clip,
        gap=s.gap,
        rare=s.rare,
        guess=s.guess,
    )
    shown = take_home(NAME, pitfalls(problem))
    names = {
        "double": text.double,
        "meant": text.meant,
        "axis": text.axis,
        "shifted": text.shifted,
        "reduction": text.reduction,
        "clipping": text.clipping,
        "imbalance": text.imbalance,
    }
    shown["items"].insert(0, controls("programs", [choice("program", text.which_program, s.program, names)]))
    return shown


def compute(state: State, sources: Sources) -> Drawing:
    """Draw a state."""
    panels = {
        "batch": lambda: batch.rows(state, sources),
        "double": lambda: scores.double(state),
        "stuck": lambda: scores.stuck(state),
        "meant": lambda: scores.meant(state),
        "axis": lambda: batch.wrong_axis(state),
        "shifted": lambda: batch.shifted(state),
        "reduction": lambda: batch.reduction(state),
        "clipping": lambda: practice.clipping(state),
        "imbalance": lambda: practice.imbalance(state),
        "take-home": lambda: _programs(state),
    }
    d = scores.Double(state.k, state.margin)
    return Drawing(panels, text.summary.format(k=state.k, right=num(d.right)["text"], double=num(d.double)["text"]))
