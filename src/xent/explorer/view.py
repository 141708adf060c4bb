"""The view model: everything the page may show, as plain JSON-able data.

The view (``frontend/``) knows how to draw these shapes and nothing about cross-entropy; an experiment knows
cross-entropy and nothing about pixels. The shapes below are the whole contract; ``frontend/src/protocol.ts`` is
their TypeScript twin, and a test compares the two.

Rules that hold for every shape:

* A number on the page is a :class:`Num`. ``text`` is what is shown, written here and never rounded again;
  ``value`` is only for geometry (where a bar ends), ``None`` when the number is not finite.
* ``ref`` names what a mark or a number is about (``"class:2"``, ``"loss"``, ``"T"``). Pointing at anything
  highlights everything with the same ref, in every figure and formula.
* A ref ``"class:j"`` also fixes the colour: palette entry ``j``.
* Axes come with their ticks, so even a tick label is text written by Python.
* ``path`` is where an edit goes: the view sends ``{"do": "set", "path": path, "value": …}`` and draws the answer.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Num(TypedDict):
    """One number to show."""

    text: str
    value: float | None
    ref: NotRequired[str]


class Emphasis(TypedDict):
    """Words with a weight; ``em`` is italic, ``strong`` is bold, ``code`` is monospaced."""

    style: Literal["em", "strong", "code"]
    text: str


Inline = str | Num | Emphasis
"""A piece of running text: words, a live number, or words with a weight."""


class MathNode(TypedDict):
    """One MathML element: ``tag`` (mrow, mfrac, msub, …), ``kids``, and what pointing at it highlights."""

    tag: str
    kids: list[MathNode | str]
    attrs: NotRequired[dict[str, str]]
    ref: NotRequired[str]


class Tick(TypedDict):
    """A labelled place on an axis."""

    at: float
    text: str


class Axis(TypedDict):
    """A map from numbers to places; the view does the map, Python chooses everything else."""

    label: str
    domain: tuple[float, float]
    scale: Literal["linear", "log"]
    ticks: list[Tick]


class Rule(TypedDict):
    """A reference line across a figure, e.g. ln K."""

    axis: Literal["x", "y"]
    at: float
    label: str
    ref: str
    number: NotRequired[Num]


class Drag(TypedDict):
    """How a bar or slider is edited: by pointer within [min, max], by arrow keys in steps, by typing."""

    path: str
    min: float
    max: float
    step: float
    page: float


class Handle(TypedDict):
    """A point to be moved by pointer and arrow keys, along one axis or both.

    ``label`` is its accessible name, ``spoken`` its value in words.
    """

    x: NotRequired[Drag]
    y: NotRequired[Drag]
    label: str
    spoken: str


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


class Table(TypedDict):
    """The data behind a figure; the first column holds the row headers."""

    columns: list[str]
    rows: list[list[str | Num]]


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


class Picture(TypedDict):
    """A small image: a character a pixel, '0' (ground) … 'g' (ink), row by row."""

    pixels: str
    width: int
    label: str


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


class Act(TypedDict):
    """What a click sends back: ``do`` names the action, the rest are its arguments."""

    do: str
    path: NotRequired[str]
    value: NotRequired[float | int | str | bool | list[float] | list[str] | None]
    label: NotRequired[str]
    disabled: NotRequired[bool]


class Slider(TypedDict):
    """A range with marks, and the number typed beside it. On a log axis arrow keys multiply."""

    kind: Literal["slider"]
    id: str
    label: str
    number: Num
    drag: Drag
    scale: Literal["linear", "log"]
    marks: list[Tick]
    spoken: str
    ref: str


class Choice(TypedDict):
    """One of a few, shown side by side."""

    kind: Literal["choice"]
    id: str
    label: str
    path: str
    value: str
    options: list[Option]


class Option(TypedDict):
    """One of the few."""

    value: str
    label: str


class Toggle(TypedDict):
    """Yes or no."""

    kind: Literal["toggle"]
    id: str
    label: str
    path: str
    value: bool


class Button(TypedDict):
    """One action."""

    kind: Literal["button"]
    id: str
    label: str
    act: Act


class Transport(TypedDict):
    """Step, run and pause, step back, reset. Running repeats ``step`` until ``done``."""

    kind: Literal["transport"]
    id: str
    label: str
    step: Act
    back: Act
    reset: Act
    done: bool
    status: list[Inline]


class Controls(TypedDict):
    """A row of controls."""

    kind: Literal["controls"]
    id: str
    items: list[Control]


Control = Slider | Choice | Toggle | Button | Transport
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


class Panel(TypedDict):
    """A titled part of a section. ``wide`` spans the page; others pair up when there is room.

    One that takes long comes first as ``pending``, without items: the view asks for it by name, with ``slow``, and
    keeps what it last showed until it is there. One that would tell the answer to a question comes ``covered``.
    """

    id: str
    title: str
    lede: NotRequired[list[Inline]]
    items: list[Item]
    wide: NotRequired[bool]
    pending: NotRequired[bool]
    covered: NotRequired[bool]


class Offer(TypedDict):
    """A question that can be asked."""

    text: list[Inline]
    act: Act


class Answer(TypedDict):
    """One answer to choose."""

    text: list[Inline]
    act: Act


class Question(TypedDict):
    """A question to predict. Once an answer is chosen: which is right, why, and the motion's next step."""

    id: str
    text: list[Inline]
    answers: list[Answer]
    chosen: int | None
    right: NotRequired[int]
    verdict: NotRequired[str]
    why: NotRequired[list[Inline]]
    step: NotRequired[Act]


class View(TypedDict):
    """One section. ``summary`` is what a screen reader is told after a change.

    ``locks`` names the paths and actions that a lesson has locked (``all``: every one), ``hidden`` the panels it
    leaves out, ``size`` how large everything is.
    """

    experiment: str
    title: str
    lede: list[Inline]
    offers: list[Offer]
    question: NotRequired[Question]
    panels: list[Panel]
    summary: str
    locks: list[str]
    hidden: list[str]
    size: str


class Entry(TypedDict):
    """One section in the table of contents; ``text`` is what it says before it is drawn, ``url`` how it begins."""

    name: str
    url: str
    number: str
    title: str
    group: str
    text: list[Inline]


class Contents(TypedDict):
    """What the page is made of: its sections in order, the one its link is about, and the frame's own words.

    ``solo`` leaves out all other sections.
    """

    title: str
    lede: list[Inline]
    language: str
    sections: list[Entry]
    at: str
    solo: bool
    words: dict[str, str]


class Request(TypedDict):
    """``url`` is the state; ``actions`` are applied to it in order. ``seq`` comes back unchanged.

    ``only`` names the panels that are on the screen: in mid-drag the others need not be computed nor sent.
    ``slow`` asks for panels that take long; other requests are not kept waiting by it. ``contents`` asks for the
    page's contents instead of a picture, ``keep`` for the state as JSON beside it, to be kept in a file.
    """

    seq: int
    url: str
    actions: list[Act]
    only: NotRequired[list[str]]
    slow: NotRequired[bool]
    contents: NotRequired[bool]
    keep: NotRequired[bool]


class Response(TypedDict):
    """The new state and its picture; or, on an error, the old state, one sentence, and no view."""

    seq: int
    url: str
    view: NotRequired[View]
    contents: NotRequired[Contents]
    kept: NotRequired[str]
    notices: list[str]
    error: NotRequired[str]


class Progress(TypedDict):
    """What comes before the response to a slow request: how much of it is done, from 0 to 1."""

    seq: int
    progress: float
