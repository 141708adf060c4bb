"""Every control of the page by mouse, by keyboard and by typing; every number Python's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import xent
from tests.explorer.seen import (
    assert_page_is_python,
    copied,
    drag_to,
    field,
    lane,
    link,
    number,
    open_at,
    rows,
    section,
    settle,
    type_into,
)
from xent.explorer.numbers import parse, show, show_probability

pytestmark = pytest.mark.browser

THREE = "x=logits&v=1"
SMOOTHED = "x=logits&v=1&target=smoothed"
SOFT = "x=logits&v=1&target=soft&t=0.5,0.3,0.2"


def test_the_numbers_on_the_page_are_the_library_s(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1&z=2,-1.5,0.25,7&y=2&T=1.7&target=smoothed&eps=0.2")
    z = np.array([2, -1.5, 0.25, 7])
    loss, grad = xent.cross_entropy_with_grad(z, np.array(2), temperature=1.7, label_smoothing=0.2)
    p = xent.softmax(z, temperature=1.7)
    assert number(page, "loss") == show(float(loss))
    assert number(page, "perplexity") == show(float(np.exp(loss)))
    assert rows(page, "probabilities") == [show_probability(float(q), float(p.sum() - q)) for q in p]
    assert rows(page, "gradient") == [show(float(g)) for g in grad]
    assert_page_is_python(page)


def test_the_first_picture_is_a_digit_the_classifier_got_wrong(page: Page, address: str) -> None:
    open_at(page, address)
    expect(page.locator("button.thumb.picked canvas")).to_have_count(1)
    assert len(rows(page, "logits")) == 10
    assert "row=" in link(page)
    assert_page_is_python(page)


@pytest.mark.parametrize(("start", "path", "figure"), [(THREE, "logits.1", "logits"), (SOFT, "soft.1", "target")])
def test_a_bar_by_mouse(page: Page, address: str, start: str, path: str, figure: str) -> None:
    open_at(page, address, start)
    before = rows(page, figure)
    drag_to(page, path, 0.8)
    after = rows(page, figure)
    low, high = (-5.0, 5.0) if figure == "logits" else (0.0, 1.0)
    assert parse(after[1]) == pytest.approx(low + 0.8 * (high - low), abs=(high - low) / 50)
    assert after != before
    assert_page_is_python(page)


@pytest.mark.parametrize(
    ("start", "path", "figure", "key", "change"),
    [
        (THREE, "logits.1", "logits", "ArrowRight", 0.05),
        (THREE, "logits.1", "logits", "ArrowUp", 0.05),
        (THREE, "logits.1", "logits", "ArrowLeft", -0.05),
        (THREE, "logits.1", "logits", "ArrowDown", -0.05),
        (THREE, "logits.1", "logits", "PageUp", 0.5),
        (THREE, "logits.1", "logits", "PageDown", -0.5),
        (THREE, "logits.1", "logits", "Shift+ArrowRight", 0.5),
        (THREE, "logits.1", "logits", "End", 4.0),
        (THREE, "logits.1", "logits", "Home", -6.0),
        (SOFT, "soft.1", "target", "ArrowRight", 0.01),
        (SOFT, "soft.1", "target", "PageDown", -0.1),
    ],
)
def test_a_bar_by_keyboard(
    page: Page, address: str, start: str, path: str, figure: str, key: str, change: float
) -> None:
    open_at(page, address, start)
    before = parse(rows(page, figure)[1])
    lane(page, path).focus()
    page.keyboard.press(key)
    settle(page)
    assert parse(rows(page, figure)[1]) == pytest.approx(before + change, abs=1e-9)
    expect(lane(page, path)).to_be_focused()
    assert_page_is_python(page)


@pytest.mark.parametrize(
    ("words", "shown"), [("3.25", "3.25"), ("-0,5", "−0.5"), ("1e-3", "0.001"), ("-inf", "−∞"), ("12", "12.0")]
)
def test_a_logit_by_typing(page: Page, address: str, words: str, shown: str) -> None:
    open_at(page, address, THREE)
    type_into(page, "logits.1", words)
    assert rows(page, "logits")[1] == shown
    assert_page_is_python(page)


def test_a_soft_probability_by_typing(page: Page, address: str) -> None:
    open_at(page, address, SOFT)
    type_into(page, "soft.0", "0.9")
    assert [parse(t) for t in rows(page, "target")] == pytest.approx([0.9, 0.06, 0.04])
    assert_page_is_python(page)


def test_what_is_no_number_gets_a_sentence_and_changes_nothing(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    type_into(page, "logits.1", "cat")
    expect(page.locator(".notices")).to_contain_text("a number was expected, 'cat' came")
    assert rows(page, "logits") == ["2.0", "1.0", "0.1"]
    page.get_by_role("button", name=re.compile("Dismiss")).click()
    expect(page.locator(".notices p")).to_have_count(0)
    type_into(page, "logits.1", "1.5")
    assert_page_is_python(page)


def test_escape_restores_what_was_there(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    field(page, "logits.0").click()
    page.keyboard.type("99")
    page.keyboard.press("Escape")
    assert field(page, "logits.0").input_value() == "2.0"


def test_classes_are_renamed_added_picked_and_removed_by_mouse(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    type_into(page, "names.1", "otter")
    assert "otter" in link(page)
    page.get_by_role("button", name="Add a class").click()
    settle(page)
    assert len(rows(page, "logits")) == 4
    page.get_by_role("button", name="Make otter the right answer").click()
    settle(page)
    assert rows(page, "target")[1] == "1"
    page.get_by_role("button", name="Remove cat").click()
    settle(page)
    assert len(rows(page, "logits")) == 3
    assert rows(page, "target")[0] == "1"
    assert_page_is_python(page)


def test_classes_are_added_picked_and_removed_by_keyboard(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    for name in ("Add a class", "Make bird the right answer", "Remove dog"):
        page.get_by_role("button", name=name).focus()
        page.keyboard.press("Enter")
        settle(page)
    assert rows(page, "target") == ["0", "1", "0"]
    assert_page_is_python(page)


@pytest.mark.parametrize(
    ("path", "start", "typed"),
    [("temperature", THREE, "0.37"), ("rate", THREE, "0.02"), ("epsilon", SMOOTHED, "0.25")],
)
def test_a_slider_by_mouse_keyboard_and_typing(page: Page, address: str, path: str, start: str, typed: str) -> None:
    open_at(page, address, start)
    drag_to(page, path, 0.7)
    dragged = parse(field(page, path).input_value())
    expected = {"temperature": 10 ** (-2 + 0.7 * 4), "rate": 10 ** (-3 + 0.7 * 5), "epsilon": 0.7}[path]
    assert dragged == pytest.approx(expected, rel=0.15)
    assert_page_is_python(page)
    lane(page, path).focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    stepped = parse(field(page, path).input_value())
    assert stepped < dragged
    page.keyboard.press("Home")
    settle(page)
    assert parse(field(page, path).input_value()) == {"temperature": 0.01, "rate": 0.001, "epsilon": 0.0}[path]
    type_into(page, path, typed)
    assert parse(field(page, path).input_value()) == float(typed)
    assert_page_is_python(page)


def test_temperature_one_holds_the_pointer(page: Page, address: str) -> None:
    open_at(page, address, THREE + "&T=3")
    drag_to(page, "temperature", 0.506)
    assert field(page, "temperature").input_value() == "1.0"


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
@pytest.mark.parametrize(
    ("start", "label", "expected"),
    [
        (THREE, "smoothed", "target=smoothed"),
        (THREE, "a distribution", "target=soft"),
        (SMOOTHED, "one class", None),
        (SMOOTHED, "the others, ε/(K − 1)", "smoothing=others"),
        (THREE, "bits", "unit=bits"),
        (THREE, "±20", "span=20"),
        (THREE, "mistakes only", "rows=mistakes"),
    ],
)
def test_a_choice(page: Page, address: str, by: str, start: str, label: str, expected: str | None) -> None:
    open_at(page, address, start)
    option = page.get_by_label(label, exact=True)
    if by == "mouse":
        page.locator("label", has_text=re.compile(f"^{re.escape(label)}$")).first.click()
    else:
        option.focus()
        page.keyboard.press("Space")
    settle(page)
    state = link(page)
    assert (expected in state) if expected else ("target" not in state)
    expect(page.get_by_label(label, exact=True)).to_be_checked()
    assert_page_is_python(page)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_gradient_steps_back_reset_run_pause_undo(page: Page, address: str, by: str) -> None:
    open_at(page, address, THREE + "&y=1")

    def press(name: str) -> None:
        button = page.get_by_role("button", name=name, exact=True)
        if by == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")
        settle(page)

    losses = [parse(number(page, "loss"))]
    for _ in range(3):
        press("Step")
        losses.append(parse(number(page, "loss")))
    assert losses == sorted(losses, reverse=True)
    assert "steps=3" in link(page)
    assert_page_is_python(page)
    press("Step back")
    assert "steps=2" in link(page)
    page.keyboard.press("ControlOrMeta+z")
    settle(page)
    assert "steps=3" in link(page)
    page.keyboard.press("ControlOrMeta+Shift+z")
    settle(page)
    assert "steps=2" in link(page)
    press("Reset")
    assert "steps" not in link(page)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("() => Number(/steps=(\\d+)/.exec(location.hash)?.[1]) >= 6")
    page.get_by_role("button", name="Pause", exact=True).click()
    settle(page)
    paused = link(page)
    page.wait_for_timeout(400)
    assert link(page) == paused
    assert_page_is_python(page)


def test_undo_is_one_step_a_drag_and_the_buttons_do_it_too(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    first = link(page)
    drag_to(page, "logits.0", 0.9)
    dragged = link(page)
    assert dragged != first
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert link(page) == first
    page.get_by_role("button", name="Redo").click()
    settle(page)
    assert link(page) == dragged


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_row_of_data_loads(page: Page, address: str, by: str) -> None:
    open_at(page, address, THREE)
    thumb = page.locator("button.thumb").nth(3)
    row = re.search(r"Row (\d+)", thumb.text_content() or "")
    assert row
    if by == "mouse":
        thumb.click()
    else:
        thumb.focus()
        page.keyboard.press("Enter")
    settle(page)
    assert f"row={row.group(1)}" in link(page)
    assert len(rows(page, "logits")) == 10
    expect(page.locator("button.thumb.picked")).to_have_count(1)
    assert_page_is_python(page)


def test_rows_are_sorted_filtered_and_paged_for_both_models(page: Page, address: str) -> None:
    open_at(page, address, THREE + "&rows=mistakes")
    costs = [parse(t.split()[0]) for t in page.locator("button.thumb [data-num]").all_inner_texts()]
    assert costs == sorted(costs, reverse=True)
    expect(page.locator("button.thumb:not(.wrong)")).to_have_count(0)
    page.get_by_role("button", name="cheaper →").click()
    settle(page)
    later = [parse(t.split()[0]) for t in page.locator("button.thumb [data-num]").all_inner_texts()]
    assert later[0] <= costs[-1]
    page.locator("label", has_text="over-trained").click()
    settle(page)
    assert "data=" in link(page)
    assert_page_is_python(page)


@pytest.mark.parametrize("name", ["Three classes", "Knowing nothing", "Confident and wrong", "Confident and right"])
def test_a_start(page: Page, address: str, name: str) -> None:
    open_at(page, address)
    page.get_by_role("button", name=name).click()
    settle(page)
    assert len(rows(page, "logits")) == 3
    assert_page_is_python(page)


def test_the_program_is_copied(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    for name in ("NumPy", "PyTorch", "JAX", "Keras", "xent"):
        section(page).get_by_role("tab", name=name).click()
        section(page).get_by_role("button", name=f"Copy the {name} code").click()
        program = str(section(page).locator("[role=tabpanel]:not([hidden]) code").text_content())
        assert "2.0, 1.0, 0.1" in program
        copied(page, program)


def test_the_link_is_copied_whole(page: Page, address: str) -> None:
    open_at(page, address, THREE + "&T=2")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("header")).to_contain_text("Link copied")
    copied(page, page.url)


def test_pointing_at_a_number_lights_its_bar_and_the_other_way_round(page: Page, address: str) -> None:
    open_at(page, address, THREE)
    term = page.locator("math [data-ref='class:1']").first
    term.scroll_into_view_if_needed()
    term.hover()
    expect(page.locator("#logits-figure-probabilities .row").nth(1)).to_have_class(re.compile(r"\bon\b"))
    expect(page.locator("#logits-figure-probabilities .row").nth(0)).not_to_have_class(re.compile(r"\bon\b"))
    bar = page.locator("#logits-figure-gradient .row").nth(2)
    bar.hover()
    expect(page.locator("math [data-ref='class:2']").first).to_have_class(re.compile(r"\bon\b"))
    lane(page, "logits.0").focus()
    expect(page.locator("math [data-ref='class:0']").first).to_have_class(re.compile(r"\bon\b"))
