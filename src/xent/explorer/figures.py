"""Builders that every experiment shares: running text, axes, figures with their tables, controls.

An experiment reads as a list of what it shows; the shapes of `xent.explorer.view` are filled in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from xent.explorer.numbers import nice_ticks, show_tick
from xent.explorer.view import (
    Act,
    Areas,
    Axis,
    Bar,
    Bars,
    Button,
    Choice,
    Control,
    Controls,
    Curves,
    Formula,
    Inline,
    Item,
    Line,
    Mark,
    MathNode,
    Num,
    Panel,
    Picture,
    Prose,
    Rect,
    Rule,
    Slider,
    Table,
    Tick,
)

_PIECES = re.compile(r"(\*\*.+?\*\*|\*.+?\*|\{\w+\})")


def say(template: str, **pieces: str | Num) -> list[Inline]:
    """Write running text with live numbers: ``{name}`` takes a piece, ``*x*`` is italic, ``**x**`` is bold.

    Examples
    --------
    >>> say("**{who}** pays {cost} *nats*.", who="cat", cost={"text": "0.4", "value": 0.4})  # doctest: +ELLIPSIS
    [{'style': 'strong', 'text': 'cat'}, ' pays ', {'text': '0.4', 'value': 0.4}, ' ', {'style': 'em', ...}, '.']
    """
    words = {name: piece for name, piece in pieces.items() if isinstance(piece, str)}
    out: list[Inline] = []
    for part in _parts(template):
        if part.startswith("**"):
            out.append({"style": "strong", "text": part[2:-2].format(**words)})
        elif part.startswith("*"):
            out.append({"style": "em", "text": part[1:-1].format(**words)})
        elif part.startswith("{"):
            out.append(pieces[part[1:-1]])
        elif part:
            out.append(part)
    return out


@lru_cache(maxsize=256)
def _parts(template: str) -> tuple[str, ...]:
    return tuple(_PIECES.split(template))


@lru_cache(maxsize=256)  # a view model is never changed, so equal axes may be one
def axis(label: str, low: float, high: float, *, about: int = 4) -> Axis:
    """Make a linear axis with round ticks."""
    ticks: list[Tick] = [{"at": t, "text": show_tick(t)} for t in nice_ticks(low, high, about=about)]
    return {"label": label, "domain": (low, high), "scale": "linear", "ticks": ticks}


def rule(where: Literal["x", "y"], number: Num, label: str) -> Rule:
    """Draw a reference line at a finite number; it lights up with the number's ref."""
    return {
        "axis": where,
        "at": number["value"] or 0.0,
        "label": label,
        "ref": number.get("ref", ""),
        "number": number,
    }


def table(columns: Iterable[str], rows: Iterable[Sequence[str | Num]]) -> Table:
    """Hold the data behind a figure; the first column names the rows."""
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def bars(name: str, title: list[Inline], over: Axis, rows: list[Bar], *, add: Act | None = None) -> Bars:
    """Draw one bar a class, sharing its rows with the bars beside it; the table follows from the bars."""
    heading = "".join(part if isinstance(part, str) else part["text"] for part in title)
    behind = table(["class", heading], [[bar["label"], bar["number"]] for bar in rows])
    out: Bars = {
        "kind": "bars",
        "id": name,
        "title": title,
        "axis": over,
        "rows": rows,
        "aligned": True,
        "table": behind,
    }
    if add is not None:
        out["add"] = add
    return out


def curves(
    name: str,
    title: list[Inline],
    *,
    x: Axis,
    y: Axis,
    lines: list[Line],
    behind: Table,
    marks: list[Mark] | None = None,
    rules: list[Rule] | None = None,
    caption: list[Inline] | None = None,
) -> Curves:
    """Draw lines with points and reference lines on them."""
    out: Curves = {
        "kind": "curves",
        "id": name,
        "title": title,
        "x": x,
        "y": y,
        "lines": lines,
        "marks": marks or [],
        "rules": rules or [],
        "table": behind,
    }
    if caption:
        out["caption"] = caption
    return out


def stack(
    name: str,
    title: list[Inline],
    over: Axis,
    parts: Iterable[tuple[str, str, float]],
    *,
    behind: Table,
    rules: list[Rule],
    caption: list[Inline],
) -> Areas:
    """Lay lengths (label, ref, length) end to end, so that they visibly add up."""
    rects: list[Rect] = []
    at = 0.0
    for label, ref, length in parts:
        rects.append({"x0": at, "x1": at + length, "y0": 0.0, "y1": 1.0, "ref": ref, "label": label})
        at += length
    return {
        "kind": "areas",
        "id": name,
        "title": title,
        "caption": caption,
        "x": over,
        "rects": rects,
        "rules": rules,
        "table": behind,
    }


def formula(name: str, math: MathNode, *, spoken: str, note: str) -> Formula:
    """Display an equation with what it is called."""
    return {"kind": "formula", "id": name, "math": math, "spoken": spoken, "note": say(note)}


def controls(name: str, items: Iterable[Control]) -> Controls:
    """Put controls in a row."""
    return {"kind": "controls", "id": name, "items": list(items)}


def prose(name: str, text: list[Inline], *, beside: Picture | None = None) -> Prose:
    """Write a paragraph, beside the picture it is about."""
    out: Prose = {"kind": "prose", "id": name, "text": text}
    if beside:
        out["picture"] = beside
    return out


def panel(name: str, title: str, items: Sequence[Item], *, wide: bool = False) -> Panel:
    """Make a titled part of the page."""
    out: Panel = {"id": name, "title": title, "items": list(items)}
    if wide:
        out["wide"] = True
    return out


def choice(path: str, label: str, value: str, options: Mapping[str, str]) -> Choice:
    """Offer one of a few: value → what it is called."""
    offered = [{"value": key, "label": text} for key, text in options.items()]
    return {"kind": "choice", "id": path, "label": label, "path": path, "value": value, "options": offered}  # type: ignore[typeddict-item]


def button(label: str, act: Act) -> Button:
    """Offer one action."""
    return {"kind": "button", "id": f"{act['do']}-{act.get('value', '')}", "label": label, "act": act}


def slider(path: str, label: str, number: Num, span: tuple[float, float], *, step: float) -> Slider:
    """Make a linear slider with marks at its ends, and the number typed beside it."""
    return _slider(path, label, number, span, "linear", step, step * 10, span)


def log_slider(path: str, label: str, number: Num, span: tuple[float, float], *, marks: Sequence[float]) -> Slider:
    """Make a slider over decades: an arrow key multiplies by 1.05, a page key by 2."""
    return _slider(path, label, number, span, "log", 1.05, 2.0, marks)


def _slider(
    path: str,
    label: str,
    number: Num,
    span: tuple[float, float],
    scale: Literal["linear", "log"],
    step: float,
    page: float,
    marks: Sequence[float],
) -> Slider:
    return {
        "kind": "slider",
        "id": path,
        "label": label,
        "number": number,
        "drag": {"path": path, "min": span[0], "max": span[1], "step": step, "page": page},
        "scale": scale,
        "marks": [{"at": m, "text": show_tick(m)} for m in marks],
        "spoken": f"{label} {number['text']}",
        "ref": number.get("ref", path),
    }
