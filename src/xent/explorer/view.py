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


class Bar(TypedDict):
    """One row of a ``bars`` figure. ``masked`` is a logit of −∞. ``spoken`` is its aria-valuetext."""

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
    table: Table


class Line(TypedDict):
    """A curve; a missing point (None) breaks it."""

    points: list[tuple[float, float] | None]
    label: str
    ref: NotRequired[str]
    dashed: NotRequired[bool]


class Mark(TypedDict):
    """A point on a figure with its own words."""

    x: float
    y: float
    ref: str
    label: str


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
    """An area in data units."""

    x0: float
    x1: float
    y0: float
    y1: float
    ref: str
    label: str


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
    value: NotRequired[float | int | str | bool | None]
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
Item = Bars | Curves | Areas | Gallery | Formula | Code | Prose | Readout | Controls


class Panel(TypedDict):
    """A titled part of the page. ``wide`` spans the page; others pair up when there is room."""

    id: str
    title: str
    lede: NotRequired[list[Inline]]
    items: list[Item]
    wide: NotRequired[bool]


class View(TypedDict):
    """One page. ``summary`` is what a screen reader is told after a change."""

    experiment: str
    title: str
    lede: list[Inline]
    panels: list[Panel]
    summary: str


class Request(TypedDict):
    """``url`` is the state; ``actions`` are applied to it in order. ``seq`` comes back unchanged.

    ``only`` names the panels that are on the screen: in mid-drag the others need not be computed nor sent.
    """

    seq: int
    url: str
    actions: list[Act]
    only: NotRequired[list[str]]


class Response(TypedDict):
    """The new state and its picture; or, on an error, the old state, one sentence, and no view."""

    seq: int
    url: str
    view: NotRequired[View]
    notices: list[str]
    error: NotRequired[str]
