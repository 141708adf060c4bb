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

from xent.explorer.view_base import (
    Act,
    Axis,
    Button,
    Choice,
    Control,
    Controls,
    Drag,
    Emphasis,
    Handle,
    Inline,
    MathNode,
    Num,
    Option,
    Picture,
    Rule,
    Slider,
    Table,
    Tick,
    Toggle,
    Transport,
)
from xent.explorer.view_items import (
    Areas,
    Arrow,
    Bar,
    Bars,
    Cell,
    Code,
    CodeTab,
    Corner,
    Curves,
    Dot,
    Edit,
    Formula,
    Gallery,
    Heatmap,
    Hold,
    Item,
    Line,
    Mark,
    Pick,
    Prose,
    Readout,
    ReadoutItem,
    Rect,
    Region,
    Scatter,
    Sheet,
    SheetCell,
    SheetRow,
    Simplex,
    Switch,
    TernaryArrow,
    TernaryLine,
    TernaryMark,
    Thumb,
    Triple,
)

__all__ = [
    "Act",
    "Answer",
    "Areas",
    "Arrow",
    "Axis",
    "Bar",
    "Bars",
    "Button",
    "Cell",
    "Choice",
    "Code",
    "CodeTab",
    "Contents",
    "Control",
    "Controls",
    "Corner",
    "Curves",
    "Dot",
    "Drag",
    "Edit",
    "Emphasis",
    "Entry",
    "Formula",
    "Gallery",
    "Given",
    "Handle",
    "Heatmap",
    "Hold",
    "Inline",
    "Item",
    "Line",
    "Mark",
    "MathNode",
    "Num",
    "Offer",
    "Option",
    "Own",
    "Panel",
    "Pick",
    "Picture",
    "Progress",
    "Prose",
    "Question",
    "Readout",
    "ReadoutItem",
    "Rect",
    "Region",
    "Request",
    "Response",
    "Rule",
    "Scatter",
    "Sheet",
    "SheetCell",
    "SheetRow",
    "Simplex",
    "Slider",
    "Switch",
    "Table",
    "TernaryArrow",
    "TernaryLine",
    "TernaryMark",
    "Thumb",
    "Tick",
    "Toggle",
    "Transport",
    "Triple",
    "View",
]


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
    """One section in the table of contents; ``text`` is what it says before it is drawn, ``url`` how it begins.

    ``takes_rows`` is whether rows of the reader's own can be shown there.
    """

    name: str
    url: str
    number: str
    title: str
    group: str
    text: list[Inline]
    takes_rows: bool


class Contents(TypedDict):
    """What the page is made of: its sections in order, the one its link is about, and the frame's own words.

    ``solo`` leaves out all other sections; ``longest`` is how many characters of a reader's own rows are read.
    """

    title: str
    lede: list[Inline]
    language: str
    sections: list[Entry]
    at: str
    solo: bool
    longest: int
    words: dict[str, str]


class Given(TypedDict):
    """A reader's own rows: the text that was pasted (no name) or read from a file, and what its scores are."""

    name: str
    text: str
    form: Literal["logits", "probs"]


class Own(TypedDict):
    """What was read of them, and what else a reader should know about that, a sentence each."""

    text: list[Inline]
    notes: list[str]


class Request(TypedDict):
    """``url`` is the state; ``actions`` are applied to it in order. ``seq`` comes back unchanged.

    ``only`` names the panels that are on the screen: in mid-drag the others need not be computed nor sent.
    ``slow`` asks for panels that take long; other requests are not kept waiting by it. ``contents`` asks for the
    page's contents instead of a picture, ``keep`` for the state as JSON beside it, to be kept in a file. ``own``
    comes with every request of a section that takes rows, as long as the reader has any, and is null once they
    have been forgotten.
    """

    seq: int
    url: str
    actions: list[Act]
    only: NotRequired[list[str]]
    slow: NotRequired[bool]
    contents: NotRequired[bool]
    keep: NotRequired[bool]
    own: NotRequired[Given | None]


class Response(TypedDict):
    """The new state and its picture; or, on an error, the old state, one sentence, and no view.

    ``own`` is there when the request's own rows have been read.
    """

    seq: int
    url: str
    view: NotRequired[View]
    contents: NotRequired[Contents]
    kept: NotRequired[str]
    own: NotRequired[Own]
    notices: list[str]
    error: NotRequired[str]


class Progress(TypedDict):
    """What comes before the response to a slow request: how much of it is done, from 0 to 1."""

    seq: int
    progress: float
