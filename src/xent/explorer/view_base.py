"""Part of the contract with the page, see `xent.explorer.view`: numbers, words, axes, handles and controls."""

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


class Table(TypedDict):
    """The data behind a figure; the first column holds the row headers."""

    columns: list[str]
    rows: list[list[str | Num]]


class Picture(TypedDict):
    """A small image: a character a pixel, '0' (ground) … 'g' (ink), row by row."""

    pixels: str
    width: int
    label: str


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
