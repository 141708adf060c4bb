"""What a section says, without a browser: its items and numbers by name, and random states of it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from xent.explorer import engine
from xent.explorer.numbers import parse, show
from xent.explorer.section import Experiment, Later
from xent.explorer.state import Flag, Many, OneOf, Real, Whole, codecs, to_url


def draw(experiment: Experiment, state: Any, sources: Any = None) -> Any:
    """Give the whole view of a state, as the wire would send it: every panel built, slow ones too."""
    url = to_url(experiment.NAME, experiment.VERSION, state)
    drawing = experiment.compute(state, sources or {})
    panels = [how.build() if isinstance(how, Later) else how() for how in drawing.panels.values()]
    view = {"panels": panels, "summary": drawing.summary}
    json.dumps(view, allow_nan=False)
    assert engine.respond({"seq": 0, "url": url, "actions": [], "only": []}, sources or {})["notices"] == []
    return view


def item(view: Any, name: str) -> Any:
    """Find a figure, a readout, a formula by its id."""
    return next(one for panel in view["panels"] for one in panel["items"] if one["id"] == name)


def readout(view: Any, name: str) -> list[str]:
    """Read the headline numbers of a readout."""
    return [one["number"]["text"] for one in item(view, name)["items"]]


def series(view: Any, name: str) -> Iterator[list[str]]:
    """Read the numbers of a bars figure, series by series."""
    rows = [[bar["number"], *bar.get("more", [])] for bar in item(view, name)["rows"]]
    return ([number["text"] for number in column] for column in zip(*rows, strict=True))


def sheet(view: Any, name: str) -> list[list[str]]:
    """Read the cells of a table to work in."""
    return [[_cell(cell) for cell in row["cells"]] for row in item(view, name)["rows"]]


def _cell(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    shown = cell.get("number", cell)
    return str(shown["text"] if "text" in shown else cell["value"])


def agree(shown: str, exact: float) -> bool:
    """Whether a text shows a number of the library: the same digits, or one unit off in the last."""
    if shown.startswith("1 − "):  # a probability next to 1, as its distance from it
        return abs(1 - float(exact) - parse(shown[4:])) <= 1.01 * 10.0 ** -_decimals(shown[4:]) + 1e-15
    if not math.isfinite(exact):
        return shown == show(float(exact))
    said = parse(shown)
    return math.isfinite(said) and abs(said - exact) <= max(1.01 * 10.0 ** -_decimals(shown), 1e-14)


def _decimals(shown: str) -> float:
    mantissa, _, exponent = shown.replace("−", "-").partition("×10")
    power = parse("1×10" + exponent) if exponent else 1.0
    return len(mantissa.partition(".")[2]) - math.log10(power)


def numbers(tree: Any) -> Iterator[Any]:
    """Collect every number of a view."""
    if isinstance(tree, dict):
        if "text" in tree and "value" in tree and "kind" not in tree:
            yield tree
        for value in tree.values():
            yield from numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from numbers(value)


def assert_honest(view: Any) -> None:
    """Hold what stands for a number against its text: what is not finite is shown as it is, and nothing else is."""
    for number in numbers(view):
        said = number["text"]
        if isinstance(number["value"], float | int) and not isinstance(number["value"], bool):
            assert "∞" not in said, number
            assert "NaN" not in said, number
        elif number["value"] is None:
            assert said in ("∞", "−∞", "NaN"), number


def states(experiment: Experiment) -> st.SearchStrategy[Any]:
    """Give random states, each field anywhere in its range, made to agree."""
    fields = {name: _values(codec) for name, codec in codecs(experiment.State).items()}
    return st.builds(experiment.State, **fields).map(lambda state: experiment.repair(state, {})[0])


def _values(codec: Any) -> st.SearchStrategy[Any]:
    if isinstance(codec, Real):
        edges = [codec.low, codec.high, *([-math.inf] if codec.masks else [])]
        return (st.sampled_from(edges) | st.floats(codec.low, codec.high)).map(lambda v: v + 0.0)
    if isinstance(codec, Whole):
        return st.sampled_from([codec.low, codec.high]) | st.integers(codec.low, codec.high)
    if isinstance(codec, Flag):
        return st.booleans()
    if isinstance(codec, OneOf):
        return st.sampled_from(codec.words)
    assert isinstance(codec, Many)
    return st.lists(_values(codec.each), min_size=codec.least, max_size=codec.most).map(tuple)


def moments(experiment: Experiment) -> Iterator[tuple[Any, Any]]:
    """Give every preset with each state of its motion."""
    for preset in experiment.PRESETS:
        fields = dict(preset.begin)
        for change in ({}, *preset.after):
            fields |= change
            yield preset, experiment.State(**fields)


def assert_presets_open(experiment: Experiment, sources: Any = None) -> None:
    """Open each question at every moment: nothing needs repair, its words fit, and it covers panels that exist."""
    known = engine.words(experiment.NAME).questions
    for preset, state in moments(experiment):
        repaired, notices = experiment.repair(state, sources or {})
        assert (repaired, notices) == (state, [])
        assert all(field in {f.name for f in dataclasses.fields(state)} for field in preset.begin)
        view = draw(experiment, state, sources)
        assert set(preset.covers) <= {panel["id"] for panel in view["panels"]}
        said = known[preset.id]
        assert preset.right < len(said.answers)
        wanted = {part[1:-1] for part in engine.re.findall(r"\{\w+\}", said.why)}
        assert wanted == set(preset.why(state))
