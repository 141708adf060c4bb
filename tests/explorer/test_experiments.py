"""Every section: any state and any edit has a picture, every number is the library's, every question an answer."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.explorer.drawn import ask, check_of, close, edits, links, nodes, numbers, whole
from xent.explorer import engine, experiments
from xent.explorer.lesson import KEYS
from xent.explorer.rows import demo
from xent.explorer.state import codecs, from_url, to_url
from xent.explorer.text import words

every_section = pytest.mark.parametrize("name", engine.EXPERIMENTS)
presets = [
    pytest.param(name, preset, id=f"{name}-{preset.id}")
    for name, experiment in engine.EXPERIMENTS.items()
    for preset in experiment.PRESETS
]


@every_section
@settings(max_examples=25)
@given(st.data())
def test_any_state_has_a_picture_and_its_link_brings_it_back(name: str, data: st.DataObject) -> None:
    url = data.draw(links(name))
    answer = whole(url)
    json.dumps(answer, allow_nan=False)  # what the wire demands
    assert "error" not in answer
    again = whole(answer["url"])
    assert again["url"] == answer["url"]
    assert again["notices"] == []
    assert again["view"] == answer["view"]


@every_section
@settings(max_examples=25)
@given(st.data())
def test_nothing_that_is_no_number_is_shown_as_one(name: str, data: st.DataObject) -> None:
    for number in numbers(whole(data.draw(links(name)))["view"]):
        infinite = any(sign in number["text"] for sign in ("∞", "NaN"))
        assert infinite == (number["value"] is None), number
        assert "nan" not in number["text"]
        assert "inf" not in number["text"]


@every_section
@settings(max_examples=25)
@given(st.data())
def test_every_edit_that_is_offered_can_be_done(name: str, data: st.DataObject) -> None:
    answer = ask(data.draw(links(name)))
    for _ in range(3):
        offered = list(edits(answer["view"]))
        action = data.draw(st.sampled_from(offered))(data.draw)
        answer = ask(answer["url"], action)
        assert "error" not in answer, (action, answer["error"])
    assert ask(answer["url"])["notices"] == []


@every_section
@settings(max_examples=25)
@given(st.data())
def test_the_numbers_are_the_public_library_s(name: str, data: st.DataObject) -> None:
    check = check_of(name)
    if check is None:
        pytest.skip(f"tests/explorer/test_{name}.py has no check(state, view)")
    answer = whole(data.draw(links(name)))
    experiment = engine.EXPERIMENTS[name]
    pairs = list(check(from_url(answer["url"], experiment.VERSION, experiment.State)[0], answer["view"]))
    assert pairs
    for text, value, *slack in pairs:
        assert close(text, value, *slack), (text, value)


@every_section
def test_a_section_is_declared_in_full(name: str) -> None:
    experiment = engine.EXPERIMENTS[name]
    assert name == experiment.NAME
    taken = {codec.key for codec in codecs(experiment.State).values()}
    assert len(taken) == len(dataclasses.fields(experiment.State)), "two fields have one key"
    assert not taken & KEYS
    assert words(name).title
    assert words(name).lede


@every_section
def test_ids_are_unique_within_a_section(name: str) -> None:
    view = whole(f"x={name}")["view"]
    panels = [panel["id"] for panel in view["panels"]]
    items = [item["id"] for panel in view["panels"] for item in panel["items"]]
    controls = [node["id"] for node in nodes(view) if node.get("kind") in ("choice", "slider", "toggle", "button")]
    for ids in (panels, items, controls):
        assert len(set(ids)) == len(ids)
    assert all(" " not in one for one in (*panels, *items))


@every_section
def test_a_figure_is_told_in_words_as_well(name: str) -> None:
    """A table behind every figure, an accessible name for every formula, words for every handle."""
    for node in nodes(whole(f"x={name}")["view"]):
        if node.get("kind") in ("bars", "curves", "areas", "heatmap", "scatter", "simplex"):
            assert node["table"]["rows"], node["id"]
            assert all(column.strip() for column in node["table"]["columns"]), node["id"]
            assert all(len(row) == len(node["table"]["columns"]) for row in node["table"]["rows"]), node["id"]
            assert node["title"]
        if node.get("kind") == "formula":
            assert node["spoken"].strip()
        if "spoken" in node and "kind" not in node:
            assert node["spoken"].strip()


@every_section
def test_a_hidden_panel_is_left_out_and_a_lock_holds(name: str) -> None:
    view = ask(f"x={name}")["view"]
    panel = view["panels"][0]["id"]
    assert panel not in [p["id"] for p in ask(f"x={name}&hide={panel}")["view"]["panels"]]
    drag = next(node for node in nodes(view) if {"path", "min", "max"} <= set(node))
    edit = {"do": "set", "path": drag["path"], "value": drag["max"]}
    free, locked = ask(f"x={name}", edit), ask(f"x={name}&lock=all", edit)
    assert "error" not in free
    assert "locked" in locked["error"]
    field = drag["path"].partition(".")[0]
    assert "locked" in ask(f"x={name}&lock={field}", edit)["error"]
    assert locked["url"] == ask(f"x={name}&lock=all")["url"]


@pytest.mark.parametrize(("name", "preset"), presets)
def test_a_question_is_asked_covered_answered_and_explained(name: str, preset: experiments.Preset) -> None:
    asked = ask(f"x={name}", {"do": "ask", "value": preset.id})
    assert "error" not in asked
    assert f"q={preset.id}" in asked["url"]
    assert ask(asked["url"])["view"] == asked["view"]
    question = asked["view"]["question"]
    assert 2 <= len(question["answers"]) <= 4
    assert 0 <= preset.right < len(question["answers"])
    assert "right" not in question, "the answer would be in the page"
    assert preset.covers
    panels = {panel["id"]: panel for panel in asked["view"]["panels"]}
    for covered in preset.covers:
        assert panels[covered]["covered"]
        assert panels[covered]["items"] == []

    for choice in range(len(question["answers"])):
        answer = ask(asked["url"], {"do": "answer", "value": choice})
        assert "error" not in answer
        told = answer["view"]["question"]
        assert told["right"] == preset.right
        assert told["why"]
        assert answer["view"]["summary"].strip()
        assert not any(panel.get("covered") for panel in answer["view"]["panels"])

    for _ in preset.after:
        assert "step" in answer["view"]["question"]
        moved = ask(answer["url"], {"do": "reveal"})
        assert "error" not in moved
        assert moved["url"] != answer["url"]
        answer = moved
    assert "step" not in answer["view"]["question"]
    at_once = ask(asked["url"], {"do": "answer", "value": choice}, {"do": "reveal", "value": True})
    assert at_once["url"] == answer["url"]
    assert whole(answer["url"])["notices"] == []
    left = ask(answer["url"], {"do": "leave"})
    assert "q=" not in left["url"]
    assert "question" not in left["view"]


@pytest.mark.parametrize(("name", "preset"), presets)
def test_a_question_s_states_are_within_range(name: str, preset: experiments.Preset) -> None:
    experiment = engine.EXPERIMENTS[name]
    fields = dict(preset.begin)
    for change in ({}, *preset.after):
        fields |= change
        state = experiment.State(**fields)
        repaired, notices = experiment.repair(state, demo())
        assert notices == []
        url = to_url(name, experiment.VERSION, repaired)
        assert from_url(url, experiment.VERSION, experiment.State) == (repaired, [])


def test_the_engine_needs_no_numpy() -> None:
    """The same Python runs in a browser, where there is none."""
    program = """
import sys
from xent.explorer import engine
for name in engine.EXPERIMENTS:
    view = engine.respond({"seq": 1, "url": f"x={name}", "actions": []})["view"]
    late = [p["id"] for p in view["panels"] if p.get("pending")]
    engine.respond({"seq": 2, "url": f"x={name}", "actions": [], "only": late, "slow": True})
print(*sorted(set(sys.modules) & {"numpy", "torch", "jax", "numba", "starlette"}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_contents_are_the_article() -> None:
    contents = ask("x=temperature&v=1&T=2", contents=True)["contents"]
    assert [entry["name"] for entry in contents["sections"]] == list(engine.EXPERIMENTS)
    assert contents["at"] == "temperature"
    assert not contents["solo"]
    assert all(entry["url"] == f"x={entry['name']}" for entry in contents["sections"])
    for name, entry in zip(engine.EXPERIMENTS, contents["sections"], strict=True):
        assert entry["number"] == str(experiments.NAMES.index(name) + 1)
    assert ask("x=logits&v=1&solo=1&size=projector", contents=True)["contents"]["solo"]
    assert ask("", contents=True)["contents"]["at"] == "logits"
    assert ask("x=nothing", contents=True)["contents"]["at"] == "logits"


def test_the_strategies_draw_infinities_and_the_checks_can_fail() -> None:
    assert not close("0.5000", 0.51)
    assert not close("∞", 3.0)
    assert close("1.23×10⁻⁵", 1.2345e-5)
    assert math.isinf(float("inf"))
