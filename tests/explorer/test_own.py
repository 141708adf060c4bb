"""A reader's own rows: how text is read or refused, that they travel with the request, and the page's part."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Locator, Page, expect

import xent
from tests.explorer.drawn import ask, figure
from tests.explorer.seen import link, open_at, section, settle
from tests.explorer.test_page_access import AXE, RULES
from xent.explorer import engine, own, pasted
from xent.explorer.experiments.labels.state import State
from xent.explorer.figures import plain
from xent.explorer.pasted import PasteError, read
from xent.explorer.rows import demo
from xent.explorer.state import from_url

ROWS_TAKEN = ("logits", "labels", "calibration")
ANIMALS = "cat, dog, bird, label\n2.0, 1.0, 0.1, cat\n0.3, 1.9, 2.2, dog\n1, 1, 4, bird\n"


def given_rows(text: str = ANIMALS, name: str = "", form: str = "logits") -> dict[str, str]:
    return {"name": name, "text": text, "form": form}


def show(part: str, text: str = ANIMALS, **more: Any) -> Any:
    """Ask for a section with rows of one's own."""
    return ask(f"x={part}", {"do": "own"}, own=given_rows(text, **more))


@pytest.mark.parametrize(
    "text",
    [
        "2,1,0.1,0\n0,3,1,1",
        "2 1 0.1 0\n0 3 1 1\n",
        "2, 1, 0.1, 0; 0, 3, 1, 1",
        "[[2.0, 1.0, 0.1, 0], [0.0, 3.0, 1.0, 1]]",
        "[[2. 1. 0.1 0]\n [0. 3. 1. 1]]",
        "2\t1\t0.1\t0\r\n0\t3\t1\t1\r\n",
        "2\t1\t0,1\t0\n0\t3\t1\t1",  # decimal commas of a spreadsheet
        "2 1 0.1 | 0; 0 3 1 | 1",
        "\ufeff2,1,0.1,0\n\n0,3,1,1\n\n",
        '"2","1","0.1","0"\n"0","3","1","1"',
    ],
)
def test_rows_are_read_as_they_are_pasted(text: str) -> None:
    rows = read(text)
    assert rows.logits == [[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]]
    assert (rows.labels, rows.used, rows.soft, rows.names, rows.notes) == ([0, 1], [True, True], None, None, ())


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("cat,dog,bird,label\n2,1,0.1,cat\n0,3,1,1", None),
        ("cat dog bird\n2 1 0.1 0\n0 3 1 dog", None),
        ('"cat",dog,bird,y\n2,1,0.1,"cat"\n0,3,1,dog', None),
        ("cat, dog, bird | label\n2, 1, 0.1 | cat\n0, 3, 1 | dog", None),
        ("label,cat,dog,bird\ncat,2,1,0.1\ndog,0,3,1", "The labels were read from the column 'label'."),
        (
            ",cat,dog,bird,label\n0,2,1,0.1,cat\n1,0,3,1,dog",
            "The first column has no name in the heading and was left",
        ),
        (
            "id,cat,dog,bird,label\na,2,1,0.1,cat\nb,0,3,1,dog",
            "The first column, 'id', was taken for a number of the",
        ),
    ],
)
def test_a_heading_names_the_classes_and_labels_may_be_names(text: str, note: str | None) -> None:
    rows = read(text)
    assert rows.names == ("cat", "dog", "bird")
    assert rows.logits == [[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]]
    assert rows.labels == [0, 1]
    assert [note] == [said[: len(note or "")] for said in rows.notes] if note else rows.notes == ()


def test_names_that_are_numbers_are_labels_only_if_all_labels_are_names() -> None:
    assert read("7,3,label\n1,2,3\n2,1,7").labels == [1, 0]
    assert read("7,3,label\n1,2,1\n2,1,0").labels == [1, 0]
    with pytest.raises(PasteError, match="The label of row 0 is 3"):
        read("7,3,label\n1,2,3\n2,1,0")


def test_distributions_masks_and_ignored_rows_are_read() -> None:
    rows = read("1, −inf, 2 | 0.5, 0, 0.5; 0, 1, 1 | -100")
    assert rows.logits[0] == [1.0, -math.inf, 2.0]
    assert rows.soft == [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]
    assert rows.used == [True, False]
    assert rows.notes == ("Rows with the label -100 are ignored, here 1; the others are counted without them.",)


def test_what_probabilities_are_is_said_by_the_reader_and_never_guessed() -> None:
    text = "0.7,0.2,0.1,0\n0.25,0,0.75,2"
    as_logits, as_probs = read(text), read(text, probs=True)
    assert as_logits.logits[0] == [0.7, 0.2, 0.1]
    assert as_logits.notes[0].startswith("Every row lies between 0 and 1 and adds up to 1")
    assert as_probs.logits[1] == [math.log(0.25), -math.inf, math.log(0.75)]
    assert as_probs.notes == ()
    assert (
        read("0.333,0.333,0.333,0\n0.33,0.33,0.33,0", probs=True)
        .notes[0]
        .startswith("The probabilities of some rows, here 1")
    )
    assert not read("0.7,0.2,0.1,0\n1.5,0,0,2").notes, "one row that is none is enough"


LONG = "1 2 0 " * 200_000
BAD = [
    ("1,2,0\n1,2,3,0", "Row 1 has 3 scores and row 0 has 2; give every row the same number, and its label."),
    ("cat,dog,label\n1,2,0\n1,2", "Row 1 has too few numbers: two scores at least and a label are needed"),
    (
        "1,cat,0\n1,2,0",
        "Row 0, column 1: a number was expected, 'cat' came; write a number, or −inf to mask the class.",
    ),
    ("cat,dog,label\n1,2,0\n1,x,0", "Row 1, column 1: a number was expected, 'x' came"),
    ("hello there", "No rows came but a heading; write a line of numbers for each row below it"),
    ("1,2,0 3,4,1", "Row 0, column 2: a number was expected, '0 3' came"),
    ("1_0,2,0", "Row 0, column 0: a number was expected, '1_0' came"),
    ("1,,0\n1,2,0", "Row 0, column 1 is empty; write a number, or −inf to mask the class."),
    (
        "1,2,0\n1,nan,0",
        "Row 1, column 1 is NaN, which no softmax can take; write a finite number, or −inf to mask the",
    ),
    (
        "1,inf,0",
        "Row 0, column 1 is ∞, which no softmax can take; write a finite number, or −inf to mask the class.",
    ),
    (
        ",".join(["1"] * 1001),
        "Row 0 has 1000 scores, and at most 256 classes are read; keep the classes you want to",
    ),
    ("1,2,0\n" * 10_001, "10,001 rows came, and at most 10,000 are read; keep some of them, or save them as .npz"),
    ("5", "Row 0 has too few numbers: two scores at least and a label are needed, such as 2, 1, 0"),
    (
        "1,2,2",
        "The label of row 0 is 2.0; with 2 scores it is a whole number from 0 to 1, or -100 to ignore the row.",
    ),
    ("1,2,0.5", "The label of row 0 is 0.5; with 2 scores it is a whole number"),
    ("1,2,-1", "The label of row 0 is −1.0; with 2 scores it is a whole number"),
    ("1,2,nan", "The label of row 0 is NaN; with 2 scores it is a whole number"),
    ("1,2,0\n1,2,cat", "The label of row 1 is 'cat'; with 2 scores it is a whole number from 0 to 1"),
    (
        "cat,dog,label\n1,2,eel",
        "The label of row 0 is 'eel'; it is a name out of the heading, a whole number from 0 to 1",
    ),
    ("cat,dog,eel,label\n1,2,0", "The heading has 4 names and row 0 has 2 scores; give it a name for each class"),
    ("cat,cat,label\n1,2,0", "The heading has the name 'cat' twice; give each class a name of its own."),
    ("1 2|0.5 0.6", "The target of row 0 adds up to 1.1000; its shares have to be 0 or more and add up to 1."),
    ("1 2|0.5 nan", "The target of row 0 adds up to NaN; its shares have to be 0 or more and add up to 1."),
    ("1 2|1.5 -0.5", "The target of row 0 adds up to 1.0000; its shares have to be 0 or more"),
    ("1 2 3|0.5 0.5", "The target of row 0 has 2 numbers; write one label, or 3 shares that add up to 1."),
    ("1 2|0;1 2 0", "Row 1 does not have the same bars as row 0; put one | between scores and target"),
    ("1 2|0|1", "Row 0 does not have the same bars as row 0"),
    ("1,2,0\n-inf,-inf,0", "Row 1 has every class masked with −∞, which leaves no probability to give"),
    ("1,2,-100\n2,1,-100", "Every row has the label -100, which ignores it; give at least one row its class."),
    ("  ;; ", "No rows came; write the scores of a row and its label, such as 2, 1, 0.1, 0."),
    ("PK\3\4\x14\0", "This is no text; a page reads text, such as CSV. Open an .npz with xent explore FILE."),
    (LONG, "At most 1,000,000 characters are read, 1,200,000 came; keep some of the rows, or save them as .npz"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_a_bad_row_is_named_in_a_sentence_and_nothing_changes(text: str, sentence: str) -> None:
    url = "x=labels&v=1&split=3"
    answer = ask(url, {"do": "own"}, own=given_rows(text))
    assert answer["error"].startswith(sentence)
    assert answer["url"] == url
    assert "view" not in answer


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.5,0.5,0\n2,-1,0", "Row 1, column 0 is 2.0000, and a probability is from 0 to 1; if these are logits"),
        ("0.5,0.5,0\n0.5,0.2,0", "Row 1 adds up to 0.7000, and probabilities add up to 1; if these are logits"),
    ],
)
def test_what_is_no_probability_is_refused_as_one(text: str, sentence: str) -> None:
    assert show("logits", text, form="probs")["error"].startswith(sentence)


@settings(max_examples=300)
@given(st.text("0123456789.,;|[]()-+einfa \t\n\"'_", max_size=60))
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    try:
        rows = own.rows(given_rows(text))
    except PasteError:
        return
    assert len(rows.labels) == len(rows.losses) == len(rows.order) > 0
    assert all(0 <= y < len(rows.classes) for y in rows.labels)


@settings(max_examples=60)
@given(st.data(), st.sampled_from([", ", "\t", " "]), st.booleans())
def test_rows_that_are_written_are_read_back_to_the_last_bit(data: st.DataObject, gap: str, heading: bool) -> None:
    k, n = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 8))
    finite = st.floats(-1e6, 1e6)
    logits = [data.draw(st.lists(finite | st.just(-math.inf), min_size=k, max_size=k)) for _ in range(n)]
    for row in logits:
        row[data.draw(st.integers(0, k - 1))] = data.draw(finite)
    labels = data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    lines = [
        gap.join([*map(repr, row), f"c{y}" if heading else str(y)]) for row, y in zip(logits, labels, strict=True)
    ]
    names = [gap.join([*(f"c{j}" for j in range(k)), "label"])] if heading else []
    rows = read("\n".join(names + lines))
    assert rows.logits == logits
    assert rows.labels == labels
    assert rows.names == (tuple(f"c{j}" for j in range(k)) if heading else None)


@given(st.lists(st.lists(st.integers(-40, 40).map(float), min_size=3, max_size=3), min_size=1, max_size=30))
def test_losses_and_their_order_are_the_library_s(logits: list[list[float]]) -> None:
    text = "".join(f"{','.join(map(repr, row))},{i % 3}\n" for i, row in enumerate(logits))
    rows = own.rows(given_rows(text))
    exact = xent.cross_entropy(np.array(logits), np.arange(len(logits)) % 3, reduction="none")
    np.testing.assert_allclose(list(rows.losses), exact, rtol=1e-15)
    costs = [rows.losses[i] for i in rows.order]
    assert all(a >= b or math.isclose(a, b, rel_tol=1e-14) for a, b in pairwise(costs))
    assert rows.mistakes == [i for i in rows.order if np.argmax(logits[i]) != i % 3]


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
    assert ask("x=temperature", {"do": "own"}, own=given_rows())["error"] == "This section takes no rows."
    assert ask("x=logits", {"do": "own"})["error"].startswith("There are no rows of your own here")
    for lock in ("all", "own"):
        answer = ask(f"x=calibration&v=1&lock={lock}", {"do": "own"}, own=given_rows())
        assert answer["error"].startswith("This is locked")
        assert "src=own" not in answer["url"]


# The page


def opened(page: Page, address: str, name: str = "calibration", more: str = "") -> Locator:
    open_at(page, address, f"x={name}&v=1&solo=1{more}")
    here = section(page, name).locator(".own-rows")
    here.locator("summary").click()
    return here


@pytest.mark.browser
def test_rows_are_pasted_and_used_by_keyboard(page: Page, address: str) -> None:
    here = opened(page, address)
    page.keyboard.press("Tab")
    expect(here.get_by_label("Rows as text")).to_be_focused()
    page.evaluate("(text) => navigator.clipboard.writeText(text)", ANIMALS.replace("1.9", "x"))
    page.keyboard.press("ControlOrMeta+v")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(here.get_by_role("button", name="Use these rows")).to_be_focused()
    before = link(page)
    page.keyboard.press("Enter")
    expect(here.get_by_role("alert")).to_contain_text("Row 1, column 1: a number was expected, 'x' came")
    expect(here.get_by_label("Rows as text")).to_have_attribute("aria-invalid", "true")
    expect(here.get_by_label("Rows as text")).to_have_value(ANIMALS.replace("1.9", "x"))
    assert link(page) == before
    here.get_by_label("Rows as text").fill(ANIMALS)
    here.get_by_role("button", name="Use these rows").press("Enter")
    expect(here.get_by_role("status")).to_contain_text("3 rows of 3 classes (cat, dog, bird), 1 mistake.")
    settle(page)
    assert here.get_by_role("alert").inner_text() == ""
    assert "src=own" in link(page)
    expect(section(page, "calibration").get_by_role("radio", name="pasted rows")).to_be_checked()
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run(document, rules)", RULES)
    assert [v["id"] for v in found["violations"]] == []


@pytest.mark.browser
def test_a_file_is_opened_offered_elsewhere_kept_by_a_reload_and_forgotten(
    page: Page, address: str, tmp_path: Path
) -> None:
    (tmp_path / "pets.csv").write_text(ANIMALS, "utf-8")
    (tmp_path / "bad.csv").write_text("1,2,0\n1,nan,0", "utf-8")
    (tmp_path / "huge.csv").write_text("1,2,0\n" * 700_000, "utf-8")
    open_at(page, address, "x=logits&v=1")
    here = section(page, "logits").locator(".own-rows")
    here.locator("summary").click()
    here.get_by_label("Rows as text").fill("what is typed stays")
    for name, sentence in [
        ("bad.csv", "Row 1, column 1 is NaN"),
        ("huge.csv", "huge.csv has more than the 1,000,000"),
    ]:
        here.get_by_label("Open a file").set_input_files(tmp_path / name)
        expect(here.get_by_role("alert")).to_contain_text(sentence)
    expect(here.get_by_label("Rows as text")).to_have_value("what is typed stays")
    here.get_by_label("Open a file").set_input_files(tmp_path / "pets.csv")
    expect(here.get_by_role("status")).to_contain_text("pets.csv: 3 rows of 3 classes")
    settle(page)
    assert "z=0.3,1.9,2.2" in link(page)
    assert "data=own" in link(page)
    assert "Not done" not in page.locator(".notices").inner_text()

    section(page, "labels").scroll_into_view_if_needed()
    expect(section(page, "labels").get_by_role("button", name="Load pets.csv")).to_be_visible()
    page.evaluate("(link) => history.replaceState(null, '', '#' + link)", "x=calibration&v=1&src=own&solo=1")
    page.reload()
    settle(page)
    assert link(page) == "x=calibration&v=1&src=own&solo=1"
    assert page.locator(".notices").inner_text() == ""
    again = section(page, "calibration")
    expect(again.locator(".own-rows .brief")).to_contain_text("pets.csv: 3 rows")
    again.locator(".own-rows summary").click()
    again.get_by_role("button", name="Forget them").click()
    expect(again.get_by_role("status").first).to_contain_text("Forgotten.")
    settle(page)
    assert "src=own" not in link(page)
    expect(again.get_by_role("radio", name="pets.csv")).to_have_count(0)
    assert page.evaluate("sessionStorage.length") == 0


@pytest.mark.browser
def test_a_link_to_rows_that_are_not_here_says_so(page: Page, address: str) -> None:
    open_at(page, address, "x=calibration&v=1&src=own")
    expect(page.locator(".notices")).to_contain_text("There are no rows called own here")


@pytest.mark.browser
def test_the_reader_says_that_scores_are_probabilities(page: Page, address: str) -> None:
    here = opened(page, address)
    here.get_by_label("Rows as text").fill("0.7,0.2,0.1,0\n0.25,0,0.75,2")
    here.get_by_role("button", name="Use these rows").click()
    expect(here.get_by_role("status")).to_contain_text("choose probabilities if they are")
    here.get_by_role("radio", name="probabilities", exact=True).check()
    expect(here.get_by_role("status")).not_to_contain_text("choose probabilities if they are")
    expect(here.get_by_role("status")).to_contain_text("2 rows of 3 classes")
    here.get_by_label("Rows as text").fill("7,0.2,0.1,0")
    here.get_by_role("button", name="Use these rows").click()
    expect(here.get_by_role("alert")).to_contain_text("Row 0, column 0 is 7.0000, and a probability is from 0 to 1")


@pytest.mark.browser
def test_a_lesson_locks_and_hides_it(page: Page, address: str) -> None:
    here = opened(page, address, more="&lock=all")
    expect(here.get_by_label("Rows as text")).not_to_be_editable()
    expect(here.get_by_label("Open a file")).to_be_disabled()
    expect(here.get_by_role("button", name="Use these rows")).to_have_attribute("aria-disabled", "true")
    open_at(page, address, "x=calibration&v=1&hide=own-rows")
    expect(section(page, "calibration").locator(".own-rows")).to_have_count(0)


@pytest.mark.browser
def test_a_dropped_file_is_opened(page: Page, address: str) -> None:
    here = opened(page, address)
    data = page.evaluate_handle(
        """(text) => {
             const data = new DataTransfer();
             data.items.add(new File([text], "pets.csv"));
             return data;
           }""",
        ANIMALS,
    )
    here.dispatch_event("drop", {"dataTransfer": data})
    expect(here.get_by_role("status")).to_contain_text("pets.csv: 3 rows of 3 classes")
