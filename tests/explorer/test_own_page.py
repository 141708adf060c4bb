"""A reader's own rows in the page: pasted, opened, dropped, kept by a reload, offered, locked and forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.explorer.owned import ANIMALS, given_rows
from tests.explorer.seen import assert_page_is_python, link, open_at, section, settle
from tests.explorer.test_page_access import AXE, RULES

pytestmark = pytest.mark.browser


def opened(page: Page, address: str, name: str = "calibration", more: str = "") -> Locator:
    open_at(page, address, f"x={name}&v=1&solo=1{more}")
    here = section(page, name).locator(".own-rows")
    here.locator("summary").click()
    return here


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
    page.evaluate("(link) => { location.hash = link; }", "x=calibration&v=1&src=own&solo=1")
    settle(page)
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


@pytest.mark.parametrize(
    ("name", "shown", "left"),
    [
        ("temperature", "z=0.3,1.9,2.2&s=0,0,0&names=cat,dog,bird&data=own&row=1&rows=mistakes", "z=0.3,1.9,2.2"),
        ("focal", "src=own&yes=2", ""),
        ("pitfalls", "z=2,1,0.1,0.3,1.9,2.2,1,1,4&y=0,1,2&rows=3&names=cat,dog,bird", "z=2,1,0.1,0.3"),
    ],
)
def test_rows_are_shown_kept_and_forgotten(page: Page, address: str, name: str, shown: str, left: str) -> None:
    """What is on the screen is in the link, and nothing else of the rows."""
    here = opened(page, address, name)
    here.get_by_label("Rows as text").fill(ANIMALS)
    here.get_by_role("button", name="Use these rows").click()
    expect(here.get_by_role("status")).to_contain_text("3 rows of 3 classes (cat, dog, bird), 1 mistake.")
    settle(page)
    assert link(page) == f"x={name}&v=1&{shown}&solo=1"
    assert_page_is_python(page, own=given_rows())
    page.reload()
    settle(page)
    assert link(page) == f"x={name}&v=1&{shown}&solo=1"
    assert page.locator(".notices").inner_text() == ""
    here.locator("summary").click()
    here.get_by_role("button", name="Forget them").click()
    expect(here.get_by_role("status").first).to_contain_text("Forgotten.")
    settle(page)
    assert "=own" not in link(page)
    assert left in link(page)


def test_a_file_of_numpy_is_opened_and_kept_by_a_reload(page: Page, address: str, tmp_path: Path) -> None:
    z, y = np.random.default_rng(3).normal(size=(400, 3)), np.arange(400) % 3
    np.savez(tmp_path / "rows.npz", logits=z, labels=y)
    np.savez(tmp_path / "huge.npz", logits=np.tile(z, (100, 1)), labels=np.tile(y, 100))
    np.save(tmp_path / "rows.npy", z)
    here = opened(page, address)
    for name, sentence in [
        ("huge.npz", "huge.npz has more than the 750,000 bytes"),
        ("rows.npy", "The label of row 0 is"),
    ]:
        here.get_by_label("Open a file").set_input_files(tmp_path / name)
        expect(here.get_by_role("alert")).to_contain_text(sentence)
    here.get_by_label("Open a file").set_input_files(tmp_path / "rows.npz")
    expect(here.get_by_role("status")).to_contain_text("rows.npz: 400 rows of 3 classes (0, 1, 2)")
    settle(page)
    page.reload()
    settle(page)
    expect(section(page, "calibration").locator(".own-rows .brief")).to_contain_text("rows.npz: 400 rows")
    assert page.locator(".notices").inner_text() == ""


def test_a_link_to_rows_that_are_not_here_says_so(page: Page, address: str) -> None:
    open_at(page, address, "x=calibration&v=1&src=own")
    expect(page.locator(".notices")).to_contain_text("There are no rows called own here")


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


def test_a_lesson_locks_and_hides_it(page: Page, address: str) -> None:
    here = opened(page, address, more="&lock=all")
    expect(here.get_by_label("Rows as text")).not_to_be_editable()
    expect(here.get_by_label("Open a file")).to_be_disabled()
    expect(here.get_by_role("button", name="Use these rows")).to_have_attribute("aria-disabled", "true")
    open_at(page, address, "x=calibration&v=1&hide=own-rows")
    expect(section(page, "calibration").locator(".own-rows")).to_have_count(0)


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
