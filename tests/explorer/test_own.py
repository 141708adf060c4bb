"""A reader's own rows: that they travel with each request, and what each section makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.explorer.drawn import ask, figure
from tests.explorer.owned import ANIMALS, ROWS_TAKEN, given_rows, show
from xent.explorer import engine, pasted
from xent.explorer.experiments.labels.state import State
from xent.explorer.figures import plain
from xent.explorer.rows import demo
from xent.explorer.state import from_url


def test_the_same_text_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    reading = pasted.read
    monkeypatch.setattr(pasted, "read", lambda text, **how: asked.append(text) or reading(text, **how))
    text = ANIMALS + "0, 0, 9, cat\n"
    first = show("calibration", text)
    for _ in range(3):
        again = json.loads(json.dumps(given_rows(text)))  # another object, as each message brings one
        assert ask(first["url"], own=again)["view"] == first["view"]
    assert asked == [text]
    show("calibration", text, name="other")
    assert len(asked) == 2


def test_nothing_is_remembered_of_rows_that_a_request_brought() -> None:
    sources = dict(demo())
    shown = engine.respond(
        {"seq": 1, "url": "x=calibration", "actions": [{"do": "own"}], "own": given_rows()}, sources
    )
    assert list(sources) == list(demo())
    later = engine.respond({"seq": 2, "url": shown["url"], "actions": []}, sources)
    assert later["notices"] == ["There are no rows called own here; the first are shown."]
    assert "own" not in later
    row = show("logits")
    assert ask(row["url"])["notices"] == ["There are no rows called 'own' here; the logits are shown without them."]


@pytest.mark.parametrize("name", ROWS_TAKEN)
def test_rows_are_shown_where_they_can_be_and_offered_elsewhere(name: str) -> None:
    answer = show(name, name="pets.csv")
    assert "error" not in answer
    assert answer["notices"] == []
    assert plain(answer["own"]["text"]) == "pets.csv: 3 rows of 3 classes (cat, dog, bird), 1 mistake."
    again = ask(answer["url"], own=given_rows(name="pets.csv"))
    assert again["view"] == answer["view"]
    assert "pets.csv" in json.dumps(ask(f"x={name}", own=given_rows(name="pets.csv"))["view"])
    assert "pets.csv" not in json.dumps(ask(f"x={name}")["view"])


def test_each_section_shows_the_rows_in_its_own_way() -> None:
    logits = show("logits")
    assert "z=0.3,1.9,2.2&names=cat,dog,bird" not in logits["url"]  # the names are the default's
    assert "z=0.3,1.9,2.2" in logits["url"]  # the costliest mistake
    labels = from_url(show("labels")["url"], 1, State)[0]
    assert (labels.logits, labels.labels) == ((2.0, 1.0, 0.1, 0.3, 1.9, 2.2, 1.0, 1.0, 4.0), (0, 1, 2))
    many = ANIMALS + "1, 1, 1, cat\n" * 20
    assert from_url(show("labels", many)["url"], 1, State)[0].n == 8
    heated = show("temperature")["url"]
    assert "z=0.3,1.9,2.2&s=0,0,0&names=cat,dog,bird&data=own&row=1" in heated, (
        "the costliest mistake, and a student"
    )
    assert "src=own&yes=2" in show("focal")["url"], "each class has one row; the last is asked for"
    broken = show("pitfalls")["url"]
    assert "z=2,1,0.1,0.3,1.9,2.2,1,1,4&y=0,1,2&rows=3&names=cat,dog,bird" in broken
    calibration = show("calibration")
    accuracy = figure(calibration["view"], "numbers")["items"][1]["number"]
    assert accuracy["value"] == 2 / 3


def test_a_section_that_cannot_show_them_says_so_and_offers_them_to_the_others() -> None:
    wide = ",".join(["0"] * 11) + ",3"
    answer = show("labels", wide)
    assert answer["error"] == "pasted rows has 11 classes, and this table shows at most 10."
    assert "view" in answer
    assert "own" in answer
    far = show("labels", "1,2,0\n1,2e5,0")
    assert far["error"].startswith("Row 1, column 1 is 2.00×10⁵; this table takes logits within ±1000.0")
    assert "error" not in show("calibration", "1,2,0\n1,2e5,0")
    assert show("pitfalls", wide)["error"] == "pasted rows has 11 classes, and this table shows at most 10."
    masked = show("pitfalls", "1,2,0\n1,-inf,0")
    assert masked["error"].startswith("Row 1, column 1 is −∞; this batch takes finite logits within ±1000.0")
    assert show("temperature", "1,-inf,0")["error"].startswith("Row 0 has one class that is not masked")
    assert show("temperature", "1,2e5,0")["error"].startswith("Row 0 has logits beyond ±1000.0")
    for answer in (masked, show("temperature", "1,-inf,0")):
        assert "view" in answer
        assert answer["notices"] == []


def test_rows_that_were_kept_and_can_no_longer_be_read_leave_the_page_alone() -> None:
    answer = ask("x=calibration", own=given_rows("1,2,0\n1,cat,0"))
    assert answer["notices"][0].startswith("Row 1, column 1: a number was expected, 'cat' came")
    assert "view" in answer


@pytest.mark.parametrize(
    "bad", [{}, {"name": 1, "text": "", "form": "logits"}, given_rows(form="odds"), "text", [1]]
)
def test_a_malformed_field_is_refused_in_a_sentence(bad: Any) -> None:
    answer = ask("x=logits", {"do": "own"}, own=bad)
    assert answer["error"] == (
        "A request's own rows have a text 'name', a text 'text', and a 'form' out of logits, probs."
    )


def test_the_contents_say_which_sections_take_rows_and_a_lesson_locks_it() -> None:
    about = engine.contents("")
    assert tuple(s["name"] for s in about["sections"] if s["takes_rows"]) == ROWS_TAKEN
    assert f"{about['longest']:,}" in about["words"]["own.too_long"]
    assert ask("x=gradient", {"do": "own"}, own=given_rows())["error"] == "This section takes no rows."
    assert ask("x=logits", {"do": "own"})["error"].startswith("There are no rows of your own here")
    for lock in ("all", "own"):
        answer = ask(f"x=calibration&v=1&lock={lock}", {"do": "own"}, own=given_rows())
        assert answer["error"].startswith("This is locked")
        assert "src=own" not in answer["url"]
