"""Part of the contract with the page, see `xent.explorer.view`: everything that may stand in a panel."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from xent.explorer.view_base import (
    Act,
    Axis,
    Control,
    Controls,
    Drag,
    Handle,
    Inline,
    MathNode,
    Num,
    Option,
    Picture,
    Rule,
    Table,
)


class Bar(TypedDict):
    """One row of a ``bars`` figure. ``masked`` is a logit of −∞. ``spoken`` is its aria-valuetext.

    ``more`` are further numbers of the same row, one for each of the figure's ``series`` after the first.
    """

    ref: str
    label: str
    number: Num
    spoken: str
    masked: NotRequired[bool]
    drag: NotRequired[Drag]
    name_path: NotRequired[str]
    remove: NotRequired[Act]
    pick: NotRequired[Act]
    picked: NotRequired[bool]
    more: NotRequired[list[Num]]


class Bars(TypedDict):
    """Horizontal bars from zero, one row a class. Consecutive ``bars`` with ``aligned`` share their rows."""

    kind: Literal["bars"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    axis: Axis
    rows: list[Bar]
    add: NotRequired[Act]
    aligned: NotRequired[bool]
    series: NotRequired[list[str]]
    table: Table


class Line(TypedDict):
    """A curve; a missing point (None) breaks it. A ``thin`` one is a contour, or one of many."""

    points: list[tuple[float, float] | None]
    label: str
    ref: NotRequired[str]
    dashed: NotRequired[bool]
    thin: NotRequired[bool]


class Mark(TypedDict):
    """A point on a figure with its own words; one with a ``handle`` can be moved."""

    x: float
    y: float
    ref: str
    label: str
    handle: NotRequired[Handle]


class Curves(TypedDict):
    """Lines, points on them, and reference rules, over two axes."""

    kind: Literal["curves"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    x: Axis
    y: Axis
    lines: list[Line]
    marks: list[Mark]
    rules: list[Rule]
    table: Table


class Rect(TypedDict):
    """An area in data units. Its ``handle`` moves the right edge (x) and the top edge (y): so both are set.

    A ``striped`` one is told apart from its neighbour of the same ref, and not by colour alone.
    """

    x0: float
    x1: float
    y0: float
    y1: float
    ref: str
    label: str
    striped: NotRequired[bool]
    handle: NotRequired[Handle]


class Areas(TypedDict):
    """Rectangles that add up: loss terms in a row, code length × probability. Without ``y``, one band."""

    kind: Literal["areas"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    x: Axis
    y: NotRequired[Axis]
    rects: list[Rect]
    rules: list[Rule]
    table: Table


class Cell(TypedDict):
    """One cell of a heat map: its words, and how deep its colour is: in [0, 1], or in [−1, 1] on a diverging scale.

    A cell without ``shade`` (a NaN, an infinity) is hatched.
    """

    text: str
    shade: float | None
    ref: NotRequired[str]


class Heatmap(TypedDict):
    """Numbers in rows and columns as colours, with their words inside (``texts``) where there are few.

    ``pick`` chooses a cell: x sets its column, y its row, both counted from 0; ``picked`` is (row, column).
    ``ends`` says in words what the palest and the deepest colour are (on a diverging scale: the two deepest).
    """

    kind: Literal["heatmap"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    columns: list[str]
    rows: list[str]
    column_axis: str
    row_axis: str
    cells: list[list[Cell]]
    scale: Literal["sequential", "diverging"]
    texts: bool
    ends: tuple[str, str]
    pick: NotRequired[Handle]
    picked: NotRequired[tuple[int, int]]
    table: Table


class Region(TypedDict):
    """A filled polygon, tinted by its ref; ``label`` is written inside."""

    points: list[tuple[float, float]]
    ref: str
    label: str


class Arrow(TypedDict):
    """From one point to another."""

    start: tuple[float, float]
    end: tuple[float, float]
    ref: NotRequired[str]


class Dot(TypedDict):
    """A point of data. ``shape`` tells classes apart without colour; ``wrong`` rings it; Delete does ``remove``."""

    x: float
    y: float
    ref: str
    shape: Literal["circle", "square", "triangle", "diamond"]
    label: str
    wrong: NotRequired[bool]
    handle: NotRequired[Handle]
    remove: NotRequired[Act]


class Scatter(TypedDict):
    """Points over two axes, with regions behind, lines (contours, boundaries, paths) and arrows.

    ``add`` is done by a click on the ground, with the place as its value ([x, y]), and by its button, with the
    middle. ``square`` gives both axes the same units.
    """

    kind: Literal["scatter"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    x: Axis
    y: Axis
    dots: list[Dot]
    lines: list[Line]
    regions: list[Region]
    arrows: list[Arrow]
    marks: list[Mark]
    add: NotRequired[Act]
    square: NotRequired[bool]
    table: Table


Triple = tuple[float, float, float]
"""Shares of three classes, adding up to 1."""


class Corner(TypedDict):
    """One class of three; its corner is where it has everything."""

    label: str
    ref: str


class TernaryLine(TypedDict):
    """A curve on the simplex; a missing point (None) breaks it."""

    points: list[Triple | None]
    label: str
    ref: NotRequired[str]
    dashed: NotRequired[bool]
    thin: NotRequired[bool]


class TernaryArrow(TypedDict):
    """From one point of the simplex to another."""

    start: Triple
    end: Triple
    ref: NotRequired[str]


class Hold(TypedDict):
    """How a point of the simplex is moved: ``path`` is set to its shares; keys go by ``step`` or ``page``."""

    path: str
    step: float
    page: float
    label: str
    spoken: str


class TernaryMark(TypedDict):
    """A point of the simplex with its own words; one with a ``hold`` can be moved."""

    at: Triple
    ref: str
    label: str
    hold: NotRequired[Hold]


class Simplex(TypedDict):
    """Three classes' distributions as a triangle: corners left, right, top."""

    kind: Literal["simplex"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    corners: tuple[Corner, Corner, Corner]
    lines: list[TernaryLine]
    arrows: list[TernaryArrow]
    marks: list[TernaryMark]
    table: Table


class Edit(TypedDict):
    """A number or a word that is typed over, in a table."""

    kind: Literal["edit"]
    path: str
    number: NotRequired[Num]
    text: NotRequired[str]
    label: str


class Pick(TypedDict):
    """One of a few, in a table."""

    kind: Literal["pick"]
    path: str
    value: str
    options: list[Option]
    label: str
    ref: NotRequired[str]


class Switch(TypedDict):
    """Yes or no, in a table."""

    kind: Literal["switch"]
    path: str
    value: bool
    label: str


SheetCell = str | Num | Edit | Pick | Switch


class SheetRow(TypedDict):
    """One row of a table; one that is ``off`` is struck out."""

    ref: str
    cells: list[SheetCell]
    off: NotRequired[bool]
    remove: NotRequired[Act]


class Sheet(TypedDict):
    """A table to work in: a batch with its labels, weights and losses. The first column holds the row headers."""

    kind: Literal["sheet"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    columns: list[str]
    rows: list[SheetRow]
    foot: list[list[str | Num]]
    add: NotRequired[Act]


class Thumb(TypedDict):
    """One row of data to load: its picture when there is one, and its numbers."""

    title: str
    picture: NotRequired[Picture]
    lines: list[Inline]
    act: Act
    picked: bool
    wrong: bool


class Gallery(TypedDict):
    """Rows of data as pictures or cards; each loads into the experiment by a click or by Enter."""

    kind: Literal["gallery"]
    id: str
    title: list[Inline]
    caption: NotRequired[list[Inline]]
    thumbs: list[Thumb]
    controls: list[Control]


class Formula(TypedDict):
    """A displayed equation. ``spoken`` is its accessible name with the live numbers in words."""

    kind: Literal["formula"]
    id: str
    math: MathNode
    spoken: str
    note: NotRequired[list[Inline]]


class Code(TypedDict):
    """The same computation for several libraries; one is shown, each can be copied."""

    kind: Literal["code"]
    id: str
    title: list[Inline]
    tabs: list[CodeTab]


class CodeTab(TypedDict):
    """One library's version."""

    id: str
    label: str
    source: str


class Prose(TypedDict):
    """A paragraph with live numbers, and the picture it is about."""

    kind: Literal["prose"]
    id: str
    text: list[Inline]
    picture: NotRequired[Picture]


class Readout(TypedDict):
    """A few headline numbers with their names and units."""

    kind: Literal["readout"]
    id: str
    items: list[ReadoutItem]


class ReadoutItem(TypedDict):
    """One headline number."""

    label: str
    number: Num
    unit: str
    main: NotRequired[bool]


Item = (
    Bars
    | Curves
    | Areas
    | Heatmap
    | Scatter
    | Simplex
    | Sheet
    | Gallery
    | Formula
    | Code
    | Prose
    | Readout
    | Controls
)
