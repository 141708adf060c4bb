"""Builders that every experiment shares: running text, figures with their tables, controls.

An experiment reads as a list of what it shows; the shapes of `xent.explorer.view` are filled in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from xent.explorer.axes import axis, line, log_axis, mark, rule, table
from xent.explorer.controls import button, choice, controls, drag, handle, log_slider, slider, toggle
from xent.explorer.text import words
from xent.explorer.view import (
    Act,
    Areas,
    Arrow,
    Axis,
    Bar,
    Bars,
    Cell,
    Code,
    CodeTab,
    Corner,
    Curves,
    Dot,
    Handle,
    Heatmap,
    Inline,
    Item,
    Line,
    Mark,
    Num,
    Panel,
    Readout,
    ReadoutItem,
    Rect,
    Region,
    Rule,
    Scatter,
    Sheet,
    SheetRow,
    Simplex,
    Table,
    TernaryArrow,
    TernaryLine,
    TernaryMark,
)
from xent.explorer.writing import formula, plain, prose, say

__all__ = [
    "SHAPES",
    "areas",
    "axis",
    "bars",
    "button",
    "choice",
    "code",
    "controls",
    "curves",
    "drag",
    "formula",
    "handle",
    "heatmap",
    "line",
    "log_axis",
    "log_slider",
    "mark",
    "panel",
    "plain",
    "prose",
    "readout",
    "rule",
    "say",
    "scatter",
    "sheet",
    "simplex",
    "slider",
    "stack",
    "table",
    "toggle",
]

text = words("figures")


def bars(
    name: str,
    title: list[Inline],
    over: Axis,
    rows: list[Bar],
    *,
    add: Act | None = None,
    series: Sequence[str] | None = None,
    caption: list[Inline] | None = None,
    aligned: bool = True,
) -> Bars:
    """Draw one bar a row, sharing its rows with the bars beside it; the table follows from the bars.

    With ``series``, each row has as many bars as there are names: its ``number``, and its ``more``.
    """
    columns = list(series) if series else [plain(title)]
    behind = table([text.row, *columns], [[bar["label"], bar["number"], *bar.get("more", [])] for bar in rows])
    out: Bars = {
        "kind": "bars",
        "id": name,
        "title": title,
        "axis": over,
        "rows": rows,
        "table": behind,
    }
    if aligned:
        out["aligned"] = True
    if add is not None:
        out["add"] = add
    if series:
        out["series"] = list(series)
    if caption:
        out["caption"] = caption
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


def areas(
    name: str,
    title: list[Inline],
    *,
    x: Axis,
    y: Axis,
    rects: list[Rect],
    behind: Table,
    rules: list[Rule] | None = None,
    caption: list[Inline] | None = None,
) -> Areas:
    """Draw rectangles over two axes, whose areas mean something; a ``handle`` sets width and height."""
    out: Areas = {
        "kind": "areas",
        "id": name,
        "title": title,
        "x": x,
        "y": y,
        "rects": rects,
        "rules": rules or [],
        "table": behind,
    }
    if caption:
        out["caption"] = caption
    return out


def heatmap(
    name: str,
    title: list[Inline],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    axes: tuple[str, str],
    cells: list[list[Cell]],
    ends: tuple[str, str],
    scale: Literal["sequential", "diverging"] = "sequential",
    texts: bool = True,
    pick: tuple[Handle, tuple[int, int]] | None = None,
    caption: list[Inline] | None = None,
) -> Heatmap:
    """Draw numbers as colours. ``axes`` names the rows, then the columns; the table follows from the cells.

    ``pick`` is how a cell is chosen (x the column, y the row, counted from 0) and which one is: (row, column).
    """
    behind = table(
        [axes[0], *columns], [[row, *(c["text"] for c in across)] for row, across in zip(rows, cells, strict=True)]
    )
    out: Heatmap = {
        "kind": "heatmap",
        "id": name,
        "title": title,
        "columns": list(columns),
        "rows": list(rows),
        "column_axis": axes[1],
        "row_axis": axes[0],
        "cells": cells,
        "scale": scale,
        "texts": texts,
        "ends": ends,
        "table": behind,
    }
    if pick:
        out["pick"], out["picked"] = pick
    if caption:
        out["caption"] = caption
    return out


SHAPES: tuple[Literal["circle", "square", "triangle", "diamond"], ...] = ("circle", "square", "triangle", "diamond")
"""The shapes of classes 0, 1, 2, 3, 0, …: colour is never alone."""


def scatter(
    name: str,
    title: list[Inline],
    *,
    x: Axis,
    y: Axis,
    behind: Table,
    dots: list[Dot] | None = None,
    lines: list[Line] | None = None,
    regions: list[Region] | None = None,
    arrows: list[Arrow] | None = None,
    marks: list[Mark] | None = None,
    add: Act | None = None,
    square: bool = False,
    caption: list[Inline] | None = None,
) -> Scatter:
    """Draw points over two axes; also contours, a gradient field and a path, which are lines, arrows and marks."""
    out: Scatter = {
        "kind": "scatter",
        "id": name,
        "title": title,
        "x": x,
        "y": y,
        "dots": dots or [],
        "lines": lines or [],
        "regions": regions or [],
        "arrows": arrows or [],
        "marks": marks or [],
        "table": behind,
    }
    if add:
        out["add"] = add
    if square:
        out["square"] = True
    if caption:
        out["caption"] = caption
    return out


def simplex(
    name: str,
    title: list[Inline],
    corners: tuple[Corner, Corner, Corner],
    *,
    behind: Table,
    lines: list[TernaryLine] | None = None,
    arrows: list[TernaryArrow] | None = None,
    marks: list[TernaryMark] | None = None,
    caption: list[Inline] | None = None,
) -> Simplex:
    """Draw distributions over three classes as points of a triangle: corners left, right, top."""
    out: Simplex = {
        "kind": "simplex",
        "id": name,
        "title": title,
        "corners": corners,
        "lines": lines or [],
        "arrows": arrows or [],
        "marks": marks or [],
        "table": behind,
    }
    if caption:
        out["caption"] = caption
    return out


def sheet(
    name: str,
    title: list[Inline],
    columns: Sequence[str],
    rows: list[SheetRow],
    *,
    foot: list[list[str | Num]] | None = None,
    add: Act | None = None,
    caption: list[Inline] | None = None,
) -> Sheet:
    """Draw a table to work in; its cells are texts, numbers, and `Edit`, `Pick` and `Switch`."""
    out: Sheet = {
        "kind": "sheet",
        "id": name,
        "title": title,
        "columns": list(columns),
        "rows": rows,
        "foot": foot or [],
    }
    if add:
        out["add"] = add
    if caption:
        out["caption"] = caption
    return out


def readout(name: str, items: Sequence[ReadoutItem]) -> Readout:
    """Show a few headline numbers."""
    return {"kind": "readout", "id": name, "items": list(items)}


def code(name: str, title: list[Inline], tabs: list[CodeTab]) -> Code:
    """Show the same computation for several libraries, to be copied."""
    return {"kind": "code", "id": name, "title": title, "tabs": tabs}


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


def panel(name: str, title: str, items: Sequence[Item], *, wide: bool = False) -> Panel:
    """Make a titled part of the page."""
    out: Panel = {"id": name, "title": title, "items": list(items)}
    if wide:
        out["wide"] = True
    return out
