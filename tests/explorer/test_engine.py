"""The engine: any request gets an answer, every number is the library's, a link brings back the same picture."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.explorer.drawn import close, run_program
from xent import spec
from xent.explorer import engine
from xent.explorer.numbers import show
from xent.explorer.rows import demo, weigh


def ask(url: str = "x=logits&v=1&z=2,1,0.1", *actions: dict[str, Any], sources: Any = None) -> Any:
    answer = engine.respond({"seq": 7, "url": url, "actions": list(actions)}, sources or {})
    json.dumps(answer, allow_nan=False)  # what the wire demands
    assert answer["seq"] == 7
    return answer


def figure(answer: Any, name: str) -> Any:
    return next(item for panel in answer["view"]["panels"] for item in panel["items"] if item["id"] == name)


def texts(answer: Any, name: str) -> list[str]:
    return [bar["number"]["text"] for bar in figure(answer, name)["rows"]]


def numbers(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if "text" in tree and "value" in tree:
            yield tree
        for value in tree.values():
            yield from numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from numbers(value)


logit = st.one_of(st.floats(-12, 12), st.floats(-900, 900), st.integers(-6, 6).map(float), st.just(-math.inf))


@st.composite
def links(draw: st.DrawFn) -> str:
    k = draw(st.integers(2, 10))
    z = draw(st.lists(logit, min_size=k, max_size=k).filter(lambda z: any(v > -math.inf for v in z)))
    parts = ["x=logits", "v=1", "z=" + ",".join(repr(v) for v in z), f"y={draw(st.integers(0, k - 1))}"]
    kind = draw(st.sampled_from(["class", "smoothed", "soft"]))
    parts.append(f"target={kind}")
    if kind == "soft":
        t = draw(st.lists(st.floats(0, 1), min_size=k, max_size=k).filter(lambda t: sum(t) > 1e-3))
        parts.append("t=" + ",".join(repr(v) for v in t))
    parts.append(f"eps={draw(st.floats(0, 1))!r}")
    parts.append(f"smoothing={draw(st.sampled_from(['uniform', 'others']))}")
    parts.append(f"T={draw(st.sampled_from([0.01, 0.3, 1.0, 2.5, 100.0]))!r}")
    parts.append(f"unit={draw(st.sampled_from(['nats', 'bits']))}")
    parts.append(f"steps={draw(st.integers(0, 3))}&rate={draw(st.sampled_from([0.001, 0.5, 10.0]))!r}")
    return "&".join(parts)


@settings(max_examples=60, deadline=None)
@given(links())
def test_every_number_agrees_with_the_public_library(url: str) -> None:
    answer = ask(url)
    s = engine._open(answer["url"], {})[1]
    code = next(tab["source"] for tab in figure(answer, "program")["tabs"] if tab["id"] == "xent")
    scope: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        exec(code, scope)  # noqa: S102 - the snippet on the page is the public library's own answer
    loss, grad, z = float(scope["loss"]), scope["grad"], scope["z"]
    shown = figure(answer, "numbers")["items"][0]["number"]["text"]
    unit = 1 / math.log(2) if s.unit == "bits" else 1.0
    assert close(shown, loss * unit)
    p = xent.softmax(z, temperature=s.temperature)
    for text, value in zip(texts(answer, "probabilities"), p, strict=True):
        assert close(text, float(value))
    aim = np.array([n["value"] for n in (bar["number"] for bar in figure(answer, "target")["rows"])])
    for text, value, q, t in zip(texts(answer, "gradient"), grad, p, aim, strict=True):
        # where p and t nearly cancel the array path is right to 4 ulp of its inputs, not of the difference
        assert close(text, float(value), slack=4e-15 * (q + t) / s.temperature)


@settings(max_examples=40, deadline=None)
@given(links())
def test_a_link_brings_back_the_same_picture(url: str) -> None:
    once = ask(url)
    again = ask(once["url"])
    assert again["url"] == once["url"]
    assert again["view"] == once["view"]
    assert again["notices"] == []


@settings(max_examples=40, deadline=None)
@given(links())
def test_nothing_infinite_is_shown_as_a_number(url: str) -> None:
    for number in numbers(ask(url)["view"]):
        if number["value"] is None:
            assert number["text"].removesuffix(" nats") in ("∞", "−∞", "NaN")
        else:
            assert "∞" not in number["text"]
            assert "NaN" not in number["text"]


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=60),
    st.lists(
        st.dictionaries(
            st.sampled_from(["do", "path", "value", "x"]),
            st.one_of(
                st.text(max_size=12),
                st.integers(),
                st.floats(),
                st.none(),
                st.sampled_from(["set", "pick", "logits.0", "soft.1", "load", "add", "remove"]),
            ),
        ),
        max_size=4,
    ),
)
def test_any_request_gets_an_answer(url: str, actions: list[Any]) -> None:
    answer = ask(url, *actions, sources=demo())
    assert "view" in answer
    assert ask(answer["url"], sources=demo())["notices"] == []


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({}, "seq"),
        ({"seq": True, "url": ""}, "seq"),
        ({"seq": 1, "url": 3}, "url"),
        ({"seq": 1, "url": "", "actions": "step"}, "actions"),
        ({"seq": 1, "url": "", "actions": [{"do": "step"}] * 1000}, "At most"),
    ],
)
def test_a_malformed_request_gets_one_sentence(request_: dict[str, Any], word: str) -> None:
    answer = engine.respond(request_)
    assert word in answer["error"]
    assert "view" not in answer


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("x=logits&v=99&z=1,2", "version"),
        ("x=nothing", "no experiment"),
        ("x=logits&v=1&z=1", "at least 2"),
        ("x=logits&v=1&z=1,cat", "a number was expected"),
        ("x=logits&v=1&z=1,2&T=1000", "out of range"),
        ("x=logits&v=1&z=1,2&y=7", "target was class 7"),
        ("x=logits&v=1&z=-inf,-inf", "masked"),
        ("x=logits&v=1&z=1,nan", "NaN"),
        ("x=logits&v=1&z=1,2&colour=red", "colour"),
        ("x=logits&v=1&z=1,2&names=a,b,c", "names"),
        ("x=logits&v=1&z=1,2&target=soft&t=1,1", "scaled"),
        ("x=logits&v=1&z=1,2&data=elsewhere&row=3", "no rows"),
        ("x=logits&v=1&row=100000", "no row"),
        ("x=logits&v=1&z=" + "1," * 9000, "characters"),
    ],
)
def test_a_bad_link_is_brought_into_range_with_a_notice(url: str, sentence: str) -> None:
    answer = ask(url)
    assert any(sentence in notice for notice in answer["notices"]), answer["notices"]
    assert ask(answer["url"])["notices"] == []


def test_gradient_steps_are_the_library_s() -> None:
    z, losses = [2.0, 1.0, 0.1], []
    for _ in range(5):
        losses.append(spec.loss(z, 1))
        z = [a - 0.5 * g for a, g in zip(z, spec.gradient(z, 1), strict=True)]
    losses.append(spec.loss(z, 1))
    answer = ask("x=logits&v=1&y=1&rate=0.5", *[{"do": "step"}] * 5)
    shown = [row[1]["value"] for row in figure(answer, "descent-curve")["table"]["rows"]]
    assert shown == losses
    back = ask(answer["url"], {"do": "back"})
    assert [row[1]["value"] for row in figure(back, "descent-curve")["table"]["rows"]] == losses[:-1]
    assert texts(ask(answer["url"], {"do": "reset"}), "logits") == ["2.0", "1.0", "0.1"]


def test_an_edit_in_mid_run_starts_a_new_run_from_what_is_on_screen() -> None:
    moved = ask("x=logits&v=1&rate=0.5", *[{"do": "step"}] * 3)
    shown = texts(moved, "logits")
    edited = ask(moved["url"], {"do": "set", "path": "temperature", "value": 2.0})
    assert texts(edited, "logits") == shown
    assert len(figure(edited, "descent-curve")["table"]["rows"]) == 1


def test_classes_are_added_renamed_picked_and_removed() -> None:
    answer = ask(
        "x=logits&v=1",
        {"do": "add"},
        {"do": "set", "path": "names.3", "value": "eel, grey"},
        {"do": "pick", "value": 3},
    )
    assert [bar["label"] for bar in figure(answer, "logits")["rows"]][3] == "eel, grey"
    assert [bar["picked"] for bar in figure(answer, "target")["rows"]] == [False, False, False, True]
    answer = ask(answer["url"], {"do": "remove", "value": 0})
    assert [bar["label"] for bar in figure(answer, "logits")["rows"]] == ["dog", "bird", "eel, grey"]
    assert [bar["picked"] for bar in figure(answer, "target")["rows"]] == [False, False, True]


def test_a_soft_target_stays_a_distribution() -> None:
    answer = ask(
        "x=logits&v=1",
        {"do": "set", "path": "target", "value": "soft"},
        {"do": "set", "path": "soft.1", "value": 0.5},
    )
    t = [bar["number"]["value"] for bar in figure(answer, "target")["rows"]]
    assert t[1] == 0.5
    assert math.isclose(sum(t), 1)
    assert math.isclose(t[0] / t[2], (0.9 + 0.1 / 3) / (0.1 / 3))


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ({"do": "set", "path": "logits.9", "value": 1}, "entries 0 to 2"),
        ({"do": "set", "path": "logits.0", "value": "cat"}, "a number was expected"),
        ({"do": "set", "path": "nothing", "value": 1}, "nothing called"),
        ({"do": "set", "path": "target", "value": "hard"}, "one of class, smoothed, soft"),
        ({"do": "jump"}, "no action"),
        ({"do": "load", "value": 10**6}, "no row"),
        ({"do": "pick", "value": 5}, "no class 5"),
        ({"do": "pick", "value": "cat"}, "whole number"),
        ("step", "object"),
    ],
)
def test_an_edit_that_cannot_be_done_says_why_and_changes_nothing(action: Any, sentence: str) -> None:
    before = ask("x=logits&v=1&z=1,2,3")
    answer = ask("x=logits&v=1&z=1,2,3", action)
    assert sentence in answer["error"]
    assert answer["url"] == before["url"]
    assert answer["view"] == before["view"]


def test_the_last_two_classes_and_the_last_unmasked_one_stay() -> None:
    assert "at least 2" in ask("x=logits&v=1&z=1,2", {"do": "remove", "value": 0})["error"]
    assert "finite" in ask("x=logits&v=1&z=1,-inf", {"do": "set", "path": "logits.0", "value": "-inf"})["error"]
    assert "at most 10" in ask("x=logits&v=1&z=" + ",".join("1" * 10), {"do": "add"})["error"]


def test_the_first_picture_is_a_real_mistake() -> None:
    answer = ask("", sources=demo())
    rows = demo()["plain"]
    assert texts(answer, "logits") == [show_as_input(float(z)) for z in rows.logits[rows.mistakes[0]]]
    picked = [thumb for thumb in figure(answer, "rows")["thumbs"] if thumb["picked"]]
    assert len(picked) == 1
    assert picked[0]["wrong"]


def test_only_the_panels_that_are_asked_for_are_computed() -> None:
    whole = ask("x=logits&v=1")["view"]
    some = engine.respond({"seq": 7, "url": "x=logits&v=1", "actions": [], "only": ["row", "descent"]}, {})["view"]
    assert some["panels"] == [panel for panel in whole["panels"] if panel["id"] in ("row", "descent")]
    assert "only" in engine.respond({"seq": 7, "url": "", "actions": [], "only": "row"}, {})["error"]


def test_a_row_beyond_every_axis_is_refused_and_not_opened_on() -> None:
    huge = weigh([[3e6, 0.0], [0.0, 1.0]], [1, 0], name="huge", classes=("a", "b"))
    assert texts(ask("", sources={"huge": huge}), "logits") == ["0.0", "1.0"]
    assert (
        "Row 0 has logits beyond"
        in ask("x=logits&v=1", {"do": "load", "value": 0}, sources={"huge": huge})["error"]
    )


def test_more_than_ten_classes_are_folded_without_changing_the_loss() -> None:
    z = [0.1 * j for j in range(30)]
    many = weigh([z], [3], name="many", classes=[f"c{j}" for j in range(30)])
    answer = ask("", sources={"many": many})
    assert [bar["label"] for bar in figure(answer, "logits")["rows"]][-1] == "21 others"
    assert figure(answer, "numbers")["items"][0]["number"]["text"] == show(spec.loss(z, 3))
    gradient = spec.gradient(z, 3)
    assert texts(answer, "gradient")[0] == show(gradient[3])


def show_as_input(z: float) -> str:
    from xent.explorer.numbers import show_input

    return show_input(z)


STATES = [
    "z=2,1,0.1",
    "z=2,1,0.1&T=0.25&y=2",
    "z=2,1,0.1&target=smoothed&eps=0.1",
    "z=2,1,0.1&target=smoothed&eps=0.3&smoothing=others",
    "z=2,1,0.1&target=soft&t=0.2,0.3,0.5",
    "z=40,0,-1",
    "z=300,-20,7&y=1",
    "z=2,-inf,0.1",
    "z=2,-inf,0.1&target=soft&t=0.5,0,0.5&T=3",
    "z=1,1,1,1,1,1,1,1,1,1",
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "keras", "xent"])
def test_the_copied_program_prints_the_numbers_on_the_page(state: str, library: str) -> None:
    answer = ask(f"x=logits&v=1&{state}")
    source = next(tab["source"] for tab in figure(answer, "program")["tabs"] if tab["id"] == library)
    loss, *grad = run_program(source)
    assert close(figure(answer, "numbers")["items"][0]["number"]["text"], loss)
    for text, value in zip(texts(answer, "gradient"), grad, strict=True):
        assert close(text, value, slack=6e-5 * max(map(abs, grad)) + 1e-15)  # arrays print 4 to 8 decimals


def test_an_engine_call_uses_neither_numpy_nor_a_global_that_two_threads_share() -> None:
    from concurrent.futures import ThreadPoolExecutor

    urls = [f"x=logits&v=1&z={i},0,1&steps=5&target=smoothed" for i in range(40)]
    alone = [ask(url)["view"] for url in urls]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda url: ask(url)["view"], urls))
    assert together == alone
