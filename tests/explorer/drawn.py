"""Random states and edits of any experiment, drawn from its own declarations, and what is read off its views."""

from __future__ import annotations

import importlib
import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import fields
from importlib.util import find_spec
from typing import Any

from hypothesis import strategies as st

from xent.explorer import engine
from xent.explorer.numbers import parse, show
from xent.explorer.rows import demo
from xent.explorer.state import Codec, Flag, Many, OneOf, Real, Whole, Word, to_url


def values(codec: Codec) -> st.SearchStrategy[Any]:
    """Draw a value that a codec takes, its ends and plain numbers often among them."""
    if isinstance(codec, Real):
        near = [v for v in (0.0, 1.0, 0.5, 2.0, -1.0) if codec.low <= v <= codec.high]
        low, high = (codec.low, codec.high) if codec.low >= 50 else (max(codec.low, -50.0), min(codec.high, 50.0))
        ends = st.sampled_from([codec.low + 0.0, codec.high, *near])
        inner = st.floats(low, high)
        drawn = st.one_of(ends, inner, inner)
        drawn = st.one_of(drawn, drawn, drawn, st.just(-math.inf)) if codec.masks else drawn
        return drawn.map(lambda v: v + 0.0)
    if isinstance(codec, Whole):
        return st.integers(codec.low, min(codec.high, codec.low + 300)) | st.just(codec.high)
    if isinstance(codec, Flag):
        return st.booleans()
    if isinstance(codec, OneOf):
        return st.sampled_from(codec.words)
    if isinstance(codec, Word):
        return st.text(st.characters(categories=["L", "N"]), max_size=min(codec.longest, 8))
    if isinstance(codec, Many):
        most = min(codec.most, max(codec.least, 8))
        return st.lists(values(codec.each), min_size=codec.least, max_size=most).map(tuple)
    raise TypeError(f"no strategy for {codec!r}")


@st.composite
def links(draw: st.DrawFn, name: str) -> str:
    """Draw the link of a state: a few fields at random, the others as they are."""
    experiment = engine.EXPERIMENTS[name]
    change: dict[str, Any] = {}
    for field in fields(experiment.State):
        if draw(st.booleans()):
            change[field.name] = draw(values(field.metadata["codec"]))
    return to_url(name, experiment.VERSION, experiment.State(**change))


def ask(url: str, *actions: Any, **more: Any) -> Any:
    """Ask the engine, with the demo's rows."""
    return engine.respond({"seq": 1, "url": url, "actions": list(actions), **more}, demo())


def whole(url: str) -> Any:
    """Give the view of a link with every panel built, slow ones too."""
    answer = ask(url)
    late = [panel["id"] for panel in answer["view"]["panels"] if panel.get("pending")]
    if late:
        slow = {p["id"]: p for p in ask(url, only=late, slow=True)["view"]["panels"]}
        answer["view"]["panels"] = [slow.get(p["id"], p) for p in answer["view"]["panels"]]
    return answer


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Walk every object of a view."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from nodes(value)


def numbers(tree: Any) -> Iterator[dict[str, Any]]:
    """Give every live number of a view."""
    return (node for node in nodes(tree) if "text" in node and "value" in node and "kind" not in node)


def edits(view: Any) -> Iterator[Callable[[st.DrawFn], dict[str, Any]]]:
    """Give a way to draw each edit that a view offers: what is dragged, chosen, switched, typed and pressed."""
    seen: set[str] = set()

    def fresh(key: str) -> bool:
        return not (key in seen or seen.add(key))

    for node in nodes(view):
        if {"path", "min", "max", "step"} <= set(node) and fresh(f"drag {node['path']}"):
            yield lambda draw, n=node: _set(n["path"], _within(draw, n))
        elif node.get("kind") in ("choice", "pick") and fresh(f"choice {node['path']}"):
            yield lambda draw, n=node: _set(n["path"], draw(st.sampled_from([o["value"] for o in n["options"]])))
        elif node.get("kind") in ("toggle", "switch") and fresh(f"toggle {node['path']}"):
            yield lambda draw, n=node: _set(n["path"], draw(st.booleans()))
        elif {"path", "step", "page", "spoken"} <= set(node) and fresh(f"hold {node['path']}"):
            yield lambda draw, n=node: _set(n["path"], list(_shares(draw)))
        elif "do" in node and not node.get("disabled") and node["do"] not in QUESTIONS and fresh(_name(node)):
            yield lambda _, n=node: _pressed(n)


QUESTIONS = ("ask", "answer", "reveal", "leave")

ADDS = ("place",)
"""Actions that the view gives a place to; a section that has another adds it here."""


def _name(act: dict[str, Any]) -> str:
    return f"{act['do']} {act.get('value')}"


def _pressed(act: dict[str, Any]) -> dict[str, Any]:
    place = {"value": [0.25, 0.75]} if act["do"] in ADDS else {}
    return {key: act[key] for key in ("do", "path", "value") if key in act} | place


def _set(path: str, value: Any) -> dict[str, Any]:
    return {"do": "set", "path": path, "value": value}


def _within(draw: st.DrawFn, drag: dict[str, Any]) -> float:
    low, high = drag["min"], drag["max"]
    if isinstance(low, int) and isinstance(high, int):
        return draw(st.integers(low, high))
    return draw(st.floats(low, high) | st.sampled_from([low, high])) + 0.0


def _shares(draw: st.DrawFn) -> tuple[float, float, float]:
    a, b = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    return a, b - a, 1 - b


def close(text: str, value: float, slack: float = 0.0) -> bool:
    """Whether the text is the number to its last shown digit (or the neighbour, when it lies on the edge)."""
    if text == show(value) or not math.isfinite(value):
        return text == show(value)
    if text.startswith("1 − "):
        return close(text.removeprefix("1 − "), 1 - value, slack=3e-16)
    mantissa, _, power = text.partition("×10")
    unit = parse("1×10" + power) if power else 1.0
    last = unit * 10.0 ** -len(mantissa.partition(".")[2])
    return abs(parse(text) - value) <= 0.5000001 * last + slack


os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras asks when it is first imported


def run_program(source: str) -> list[float]:
    """Run a program that prints a loss and a gradient, and read them."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(source, {})  # noqa: S102
    first, *rest = out.getvalue().replace("tensor(", "").replace(", dtype=torch.float64)", "").splitlines()
    grad = " ".join(rest).replace("[", " ").replace("]", " ").replace(",", " ").split()
    return [float(first), *map(float, grad)]


def figure(view: Any, name: str) -> Any:
    """Find an item of a view by its id."""
    return next(item for panel in view["panels"] for item in panel["items"] if item["id"] == name)


def check_of(name: str) -> Callable[[Any, Any], Iterator[tuple[str, float]]] | None:
    """Give ``check(state, view)`` of a section's own tests: it yields a shown text and the library's number."""
    own = f"tests.explorer.test_{name}"
    return getattr(importlib.import_module(own), "check", None) if find_spec(own) else None
