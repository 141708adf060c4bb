"""An experiment that shows every kind of figure, so that the view is tested with all of them, whoever uses which.

It has no article text: `install` puts it beside the real sections, for a server or a test.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer import engine, experiments, text
from xent.explorer import figures as f
from xent.explorer.numbers import num, show_input
from xent.explorer.section import Drawing, Later, edit, progress
from xent.explorer.state import ActionError, Flag, Many, OneOf, Real, Whole, stored
from xent.explorer.view import Cell, Dot, SheetRow

NAME, VERSION = "kinds", 1
PRESETS = ()


@dataclass(frozen=True)
class State:
    width: float = stored(0.4, Real("w", 0.05, 0.95))
    height: float = stored(1.2, Real("h", 0.1, 3.0))
    along: float = stored(0.3, Real("p", 0.0, 1.0))
    shares: tuple[float, ...] = stored((0.5, 0.3, 0.2), Many(Real("s", 0.0, 1.0), 3, 3))
    row: int = stored(1, Whole("row", 0, 3))
    column: int = stored(2, Whole("col", 0, 4))
    xs: tuple[float, ...] = stored((-1.0, 1.0, 0.5), Many(Real("xs", -3.0, 3.0), 0, 12))
    ys: tuple[float, ...] = stored((0.5, 1.5, -1.0), Many(Real("ys", -3.0, 3.0), 0, 12))
    on: tuple[bool, ...] = stored((True, True, False), Many(Flag("on"), 3, 3))
    labels: tuple[str, ...] = stored(("cat", "dog", "cat"), Many(OneOf("labels", ("cat", "dog")), 3, 3))
    weights: tuple[float, ...] = stored((1.0, 2.0, 0.5), Many(Real("weights", 0.0, 10.0), 3, 3))
    pause: float = stored(0.05, Real("pause", 0.0, 60.0))


def first(_: Any) -> State:
    return State()


def repair(state: State, _: Any) -> tuple[State, list[str]]:
    return state, []


def act(state: State, action: Mapping[str, Any], _: Any) -> State:
    if action["do"] == "place":
        x, y = action["value"]
        if len(state.xs) == 12:
            raise ActionError("There are 12 points already.")
        return dataclasses.replace(state, xs=(*state.xs, float(x)), ys=(*state.ys, float(y)))
    if action["do"] == "take":
        j = int(action["value"])
        return dataclasses.replace(state, xs=state.xs[:j] + state.xs[j + 1 :], ys=state.ys[:j] + state.ys[j + 1 :])
    return edit(state, action)


def compute(s: State, _: Any) -> Drawing:
    return Drawing(
        {
            "areas": lambda: f.panel("areas", "Areas", [_areas(s)]),
            "curves": lambda: f.panel("curves", "Curves", [_curves(s)]),
            "maps": lambda: f.panel("maps", "Heat maps", [_map(s, texts=True), _map(s, texts=False)]),
            "simplex": lambda: f.panel("simplex", "Simplex", [_simplex(s)]),
            "scatter": lambda: f.panel("scatter", "Scatter", [_scatter(s)]),
            "sheet": lambda: f.panel("sheet", "Sheet", [_sheet(s), _bars(s)]),
            "slow": Later("Slow", lambda: f.panel("slow", "Slow", [_slowly(s)])),
        },
        f"Width {show_input(s.width)}.",
    )


def _areas(s: State) -> Any:
    w, h = num(s.width, "class:0"), num(s.height, "class:0")
    held = f.handle(
        "Width and height",
        f"width {w['text']}, height {h['text']}",
        x=f.drag("width", (0.05, 0.95), 0.01),
        y=f.drag("height", (0.1, 3.0), 0.1),
    )
    return f.areas(
        "area",
        f.say("Area {a}", a=num(s.width * s.height)),
        x=f.axis("width", 0.0, 1.0),
        y=f.axis("height", 0.0, 3.2),
        rects=[
            {
                "x0": 0.0,
                "x1": s.width,
                "y0": 0.0,
                "y1": s.height,
                "ref": "class:0",
                "label": "cat",
                "handle": held,
            },
            {
                "x0": s.width,
                "x1": 1.0,
                "y0": 0.0,
                "y1": 1.0,
                "ref": "class:1",
                "label": "dog",
                "striped": True,
            },
        ],
        rules=[f.rule("y", num(1.0, "one"), "one =")],
        behind=f.table(["side", "length"], [["width", w], ["height", h]]),
    )


def _curves(s: State) -> Any:
    p = num(s.along, "class:2")
    return f.curves(
        "curve",
        f.say("A square"),
        x=f.axis("p", 0.0, 1.0),
        y=f.axis("p²", 0.0, 1.0),
        lines=[
            f.line([(i / 40, (i / 40) ** 2) for i in range(41)], "p²"),
            f.line([(i / 40, i / 40) for i in range(41)], "p", thin=True, dashed=True),
        ],
        marks=[
            f.mark(
                s.along,
                s.along**2,
                "class:2",
                p["text"],
                held=f.handle("p", f"p {p['text']}", x=f.drag("along", (0.0, 1.0), 0.01)),
            )
        ],
        behind=f.table(["p", "p²"], [[p["text"], num(s.along**2)]]),
    )


def _map(s: State, *, texts: bool) -> Any:
    rows, columns = (4, 5) if texts else (24, 40)
    cells: list[list[Cell]] = [
        [
            {"text": show_input(round((i - j) / columns, 2)), "shade": None if i == j == 0 else (i - j) / columns}
            for j in range(columns)
        ]
        for i in range(rows)
    ]
    chosen = None
    if texts:
        held = f.handle(
            "Cell",
            f"row {s.row}, column {s.column}",
            x=f.drag("column", (0, 4), 1),
            y=f.drag("row", (0, 3), 1),
        )
        chosen = held, (s.row, s.column)
    return f.heatmap(
        "words" if texts else "colours",
        f.say("Differences"),
        rows=[f"row {i}" for i in range(rows)],
        columns=[str(j) for j in range(columns)],
        axes=("row", "column"),
        cells=cells,
        ends=("−1", "1"),
        scale="diverging",
        texts=texts,
        pick=chosen,
    )


def _simplex(s: State) -> Any:
    total = sum(s.shares) or 1.0
    a, b, c = (q / total for q in s.shares)
    spoken = ", ".join(show_input(q) for q in (a, b, c))
    return f.simplex(
        "triangle",
        f.say("Three classes"),
        (
            {"label": "cat", "ref": "class:0"},
            {"label": "dog", "ref": "class:1"},
            {"label": "bird", "ref": "class:2"},
        ),
        lines=[{"points": [(0.8 - 0.6 * i / 20, 0.1, 0.1 + 0.6 * i / 20) for i in range(21)], "label": "path"}],
        arrows=[{"start": (0.2, 0.6, 0.2), "end": (0.1, 0.75, 0.15)}],
        marks=[
            {
                "at": (a, b, c),
                "ref": "class:1",
                "label": "p",
                "hold": {"path": "shares", "step": 0.01, "page": 0.1, "label": "p", "spoken": spoken},
            }
        ],
        behind=f.table(["class", "p"], [["cat", num(a)], ["dog", num(b)], ["bird", num(c)]]),
    )


def _scatter(s: State) -> Any:
    dots: list[Dot] = []
    for j, (x, y) in enumerate(zip(s.xs, s.ys, strict=True)):
        held = f.handle(
            f"Point {j}",
            f"{show_input(x)}, {show_input(y)}",
            x=f.drag(f"xs.{j}", (-3.0, 3.0), 0.1),
            y=f.drag(f"ys.{j}", (-3.0, 3.0), 0.1),
        )
        dots.append(
            {
                "x": x,
                "y": y,
                "ref": f"class:{j % 4}",
                "shape": f.SHAPES[j % 4],
                "label": "",
                "wrong": x * y < 0,
                "handle": held,
                "remove": {"do": "take", "value": j},
            }
        )
    return f.scatter(
        "points",
        f.say("Points"),
        x=f.axis("x", -3.0, 3.0),
        y=f.axis("y", -3.0, 3.0),
        dots=dots,
        regions=[{"points": [(-3, -3), (3, 3), (3, -3)], "ref": "class:1", "label": "dog"}],
        lines=[f.line([(-3, -3), (3, 3)], "border")],
        arrows=[{"start": (0, -2), "end": (1, -2.5)}],
        add={"do": "place", "label": "Add a point"},
        square=True,
        behind=f.table(["point", "x"], [[str(j), num(x)] for j, x in enumerate(s.xs)]),
    )


def _sheet(s: State) -> Any:
    rows: list[SheetRow] = []
    options = [{"value": "cat", "label": "cat"}, {"value": "dog", "label": "dog"}]
    for j in range(3):
        weight = num(s.weights[j], text=show_input(s.weights[j]))
        rows.append(
            {
                "ref": f"row:{j}",
                "off": not s.on[j],
                "cells": [
                    f"row {j}",
                    {
                        "kind": "pick",
                        "path": f"labels.{j}",
                        "value": s.labels[j],
                        "options": options,  # type: ignore[typeddict-item]
                        "label": f"Label of row {j}",
                    },
                    {"kind": "edit", "path": f"weights.{j}", "number": weight, "label": f"Weight of row {j}"},
                    {"kind": "switch", "path": f"on.{j}", "value": s.on[j], "label": f"Use row {j}"},
                    num(s.weights[j] * j),
                ],
            }
        )
    total = sum(w for w, on in zip(s.weights, s.on, strict=True) if on)
    return f.sheet(
        "batch",
        f.say("A batch"),
        ["row", "label", "weight", "used", "loss"],
        rows,
        foot=[["sum", "", num(total), "", ""]],
    )


def _bars(s: State) -> Any:
    rows: Any = [
        {
            "ref": f"class:{j}",
            "label": name,
            "number": num(s.weights[j]),
            "more": [num(s.weights[j] / 2)],
            "spoken": name,
        }
        for j, name in enumerate(("cat", "dog", "bird"))
    ]
    return f.bars("series", f.say("Two series"), f.axis("weight", 0.0, 10.0), rows, series=["whole", "half"])


def _slowly(s: State) -> Any:
    for i in range(8):
        progress(i / 8)
        time.sleep(s.pause)
    return f.prose("late", f.say("It took a while to find {width}.", width=num(s.width)))


def install() -> None:
    """Put this experiment behind the real ones."""
    module: Any = sys.modules[__name__]
    engine.EXPERIMENTS[NAME] = module
    experiments.NAMES = (*experiments.NAMES, NAME)
    group, names = experiments.ARTICLE[-1]
    experiments.ARTICLE = (*experiments.ARTICLE[:-1], (group, (*names, NAME)))
    text._catalogue()[NAME] = text.Words(NAME, {"title": "Kinds of figure", "lede": "One of each."})
