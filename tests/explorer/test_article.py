"""The article as one page: contents, sections that are drawn when they come near, one address, teachers' links."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.explorer.seen import (
    assert_page_is_python,
    copied,
    drag_to,
    lane,
    link,
    open_at,
    section,
    settle,
    type_into,
)
from xent.explorer import engine

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _wide(page: Page) -> None:
    """Give the table of contents room beside the article."""
    page.set_viewport_size({"width": 1440, "height": 900})


NAMES = list(engine.EXPERIMENTS)
LAST = NAMES[-1]


def asked(page: Page) -> list[dict[str, Any]]:
    """Collect every request the page sends from now on."""
    out: list[dict[str, Any]] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda data: out.append(json.loads(data))))
    return out


def top_of(page: Page, name: str) -> float:
    """Say where a section begins on the screen."""
    return float(section(page, name).evaluate("(e) => e.getBoundingClientRect().top"))


def test_a_section_is_asked_for_once_when_it_comes_near(page: Page, address: str) -> None:
    requests = asked(page)
    open_at(page, address, "x=logits&v=1")
    assert not [r for r in requests if r["url"].startswith("x=temperature")]
    section(page, "temperature").evaluate("(e) => e.scrollIntoView()")
    page.wait_for_selector("[data-section=temperature] .panels[id]")
    settle(page)
    page.evaluate("scrollTo(0, 0)")
    settle(page)
    section(page, "temperature").evaluate("(e) => e.scrollIntoView()")
    settle(page)
    assert len([r for r in requests if r["url"].startswith("x=temperature")]) == 1


def test_a_drag_asks_only_for_its_own_section_s_visible_panels(page: Page, address: str) -> None:
    requests = asked(page)
    open_at(page, address, "x=temperature&v=1")
    lane(page, "temperature", "temperature").scroll_into_view_if_needed()
    settle(page)
    before = len(requests)
    drag_to(page, "temperature", 0.8, "temperature")
    sent = requests[before:]
    assert all(r["url"].startswith("x=temperature") for r in sent)
    dragged = [r for r in sent if r["actions"]]
    assert dragged
    assert all("row" in r["only"] and "distil" not in r["only"] for r in dragged)


@pytest.mark.parametrize("name", NAMES)
def test_a_link_opens_the_article_at_its_section(page: Page, address: str, name: str) -> None:
    open_at(page, address, f"x={name}")
    page.wait_for_selector(f"[data-section={name}] .panels[id]")
    settle(page)
    assert name == NAMES[0] or -5 <= top_of(page, name) <= 120
    assert link(page).startswith(f"x={name}&v=")
    expect(page.locator(".toc [aria-current]")).to_have_count(1)
    expect(page.locator(".toc [aria-current]")).to_contain_text(
        engine.contents("")["sections"][NAMES.index(name)]["title"]
    )
    assert_page_is_python(page)


def scroll_to(page: Page, name: str) -> None:
    """Scroll until a section is the one that is read: a page may grow below it, and then there is further to go."""
    page.wait_for_function(
        "([e, name]) => (e.scrollIntoView(), location.hash.startsWith(`#x=${name}&v=`))",
        arg=[section(page, name).element_handle(), name],
        polling=300,
    )


def test_the_address_and_the_title_follow_the_reader(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1&z=1,2")
    depth = page.evaluate("history.length")
    scroll_to(page, LAST)
    assert engine.contents("")["sections"][-1]["title"] in page.title()
    scroll_to(page, "logits")
    page.wait_for_function("() => location.hash.startsWith('#x=logits&v=1&z=1,2&names=cat,dog')")
    assert page.evaluate("history.length") == depth


def test_the_contents_lead_to_a_section_and_keep_its_state(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1")
    type_into(page, "temperature", "3", "temperature")
    contents = page.get_by_role("navigation", name="Contents")
    contents.get_by_role("link", name=re.compile("from scores to gradient")).click()
    page.wait_for_function("() => location.hash.startsWith('#x=logits')")
    settle(page)
    contents.get_by_role("link", name=re.compile("Temperature")).click()
    page.wait_for_function("() => location.hash === '#x=temperature&v=1&T=3'")
    expect(page.locator("#temperature-heading")).to_be_focused()
    settle(page)
    assert -5 <= top_of(page, "temperature") <= 120


def test_what_is_read_stays_where_it_is_when_the_line_at_the_top_is_used_by_keyboard(
    page: Page, address: str
) -> None:
    open_at(page, address, "x=temperature&v=1&T=2")
    before = page.evaluate("scrollY")
    controls = page.locator("header :is(a, button, input):visible")
    assert controls.count() > 5
    for control in controls.all():
        control.focus()
        settle(page)
        assert page.evaluate("scrollY") == before
    assert link(page) == "x=temperature&v=1&T=2"


def test_the_contents_fold_where_there_is_no_room(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    open_at(page, address, "x=logits&v=1")
    link_to = page.locator(".toc a", has_text="Temperature")
    expect(link_to).not_to_be_visible()
    fold = page.get_by_role("button", name="Contents")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.focus()
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    link_to.click()
    page.wait_for_function("() => location.hash.startsWith('#x=temperature')")
    expect(link_to).not_to_be_visible()


def test_each_section_has_its_own_undo(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1")
    type_into(page, "temperature", "3", "temperature")
    page.get_by_role("navigation").get_by_role("link", name=re.compile("from scores")).click()
    page.wait_for_selector("[data-section=logits] .panels[id]")
    settle(page)
    type_into(page, "logits.0", "4")
    changed = link(page)
    assert "z=4" in changed
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert link(page).startswith("x=logits")
    assert "z=4" not in link(page)
    expect(page.get_by_role("button", name="Undo")).to_have_attribute("aria-disabled", "true")
    lane(page, "temperature", "temperature").focus()
    page.keyboard.press("ControlOrMeta+z")
    settle(page)
    assert section(page, "temperature").locator("input[data-path=temperature]").input_value() == "1.0"


def test_an_edited_section_is_the_one_in_the_address(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1")
    page.evaluate("location.hash = 'x=logits&v=1&z=5,5'")
    page.wait_for_selector("[data-section=logits] .panels[id]")
    settle(page)
    assert link(page).startswith("x=logits&v=1&z=5,5")
    type_into(page, "temperature", "2", "temperature")
    assert link(page) == "x=temperature&v=1&T=2"


def test_one_section_alone(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&T=2&solo=1")
    expect(page.locator("[data-section]")).to_have_count(1)
    expect(page.locator("nav")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Temperature")
    type_into(page, "temperature", "4", "temperature")
    assert link(page) == "x=temperature&v=1&T=4&solo=1"


def test_a_lesson_hides_locks_and_enlarges(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&hide=curve,symbols&lock=temperature&size=projector")
    expect(page.locator("#temperature-panel-curve")).to_have_count(0)
    expect(page.locator("#temperature-panel-row")).to_have_count(1)
    slider = lane(page, "temperature", "temperature")
    expect(slider).to_have_attribute("aria-readonly", "true")
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "T=" not in link(page)
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    settle(page)
    assert "T=" not in link(page)
    lane(page, "logits.0", "temperature").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "z=3.1" in link(page)
    assert "size=projector" in link(page)
    plain = page.evaluate("getComputedStyle(document.querySelector('.xent')).zoom")
    assert float(plain) > 1


def test_a_drag_on_an_enlarged_page_follows_the_pointer(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&size=projector&solo=1")
    grip = page.locator("#temperature-figure-shares .grip")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y, steps=5)
    page.mouse.up()
    settle(page)
    moved = grip.bounding_box()
    assert moved is not None
    assert moved["x"] + moved["width"] / 2 == pytest.approx(x + 90, abs=4)


def test_a_link_for_a_lesson_is_composed_and_the_state_is_taken_along(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&T=2")
    page.get_by_role("button", name="Share, teach").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Every temperature at once").uncheck()
    dialog.get_by_label("Temperature T").check()
    dialog.get_by_label("only this section").check()
    dialog.get_by_label("large, for a projector").check()
    expected = "x=temperature&v=1&T=2&hide=curve&lock=temperature&size=projector&solo=1"
    expect(dialog.get_by_label("Link", exact=True)).to_have_value(f"{address}#{expected}")
    dialog.get_by_role("button", name="Copy the link").click()
    expect(dialog.get_by_role("status")).to_contain_text("Link copied")
    copied(page, f"{address}#{expected}")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save the state as JSON").click()
    kept = json.loads(download.value.path().read_text("utf-8"))
    assert kept["experiment"] == "temperature"
    assert kept["state"]["temperature"] == 2
    dialog.get_by_label(re.compile("asking first: The model is heated")).check()
    expect(dialog.get_by_label("Link", exact=True)).to_have_value(re.compile("q=order"))
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    assert link(page) == "x=temperature&v=1&T=2", "composing a link changes nothing on the page"


def test_what_a_lesson_comes_to_and_the_way_out_are_in_sight_however_long_the_choices(
    page: Page, address: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 600})
    open_at(page, address, "x=logits&v=1")
    page.get_by_role("button", name="Share, teach").click()
    dialog = page.get_by_role("dialog")
    assert dialog.evaluate("(e) => e.scrollHeight > e.clientHeight"), "the choices are longer than the screen"
    for there in (dialog.get_by_label("Link", exact=True), dialog.get_by_role("button", name="Close")):
        expect(there).to_be_in_viewport(ratio=1)
    dialog.get_by_label("large, for a projector").focus()
    under = "([a, b]) => a.getBoundingClientRect().bottom <= b.getBoundingClientRect().top"
    parts = [page.locator(".teach :focus").element_handle(), page.locator(".teach .made").element_handle()]
    assert page.evaluate(under, parts), "what is focused stands clear of it"


def test_the_contents_show_the_section_that_is_read_on_a_low_screen(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 600})
    open_at(page, address, f"x={LAST}&v=1")
    expect(page.locator(".toc [aria-current]")).to_be_in_viewport(ratio=1)
    page.locator(".toc a").first.click()
    settle(page)
    expect(page.locator(".toc a").first).to_have_attribute("aria-current", "location")
    expect(page.locator(".toc a").first).to_be_in_viewport(ratio=1)


def test_a_link_for_a_lesson_stays_about_its_section(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&T=2")
    page.get_by_role("button", name="Share, teach").click()
    section(page, "logits").evaluate("(e) => e.scrollIntoView()")
    page.wait_for_function("() => location.hash.startsWith('#x=logits')")
    field = page.get_by_role("dialog").get_by_label("Link", exact=True)
    expect(field).to_have_value(re.compile("#x=temperature&v=1&T=2$"))
    page.get_by_role("dialog").get_by_label("only this section").check()
    expect(field).to_have_value(re.compile("#x=temperature&v=1&T=2&solo=1$"))


@pytest.mark.parametrize("by", ["button", "keys"])
def test_printing_draws_every_section_first(page: Page, address: str, by: str) -> None:
    page.add_init_script("window.print = () => (window.__drawn = document.querySelectorAll('.panels[id]').length)")
    open_at(page, address, "x=logits&v=1")
    if by == "button":
        page.get_by_role("button", name="Print").click()
    else:
        page.keyboard.press("ControlOrMeta+p")
    page.wait_for_function("() => window.__drawn !== undefined")
    assert page.evaluate("window.__drawn") == len(NAMES)


def test_the_browser_s_own_print_says_what_is_missing_and_has_it_drawn(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1")
    line = page.get_by_text("missing from this print")
    expect(line).to_be_hidden()
    page.emulate_media(media="print")
    expect(line).to_be_visible()
    expect(page.locator(".waiting .on-paper").first).to_be_visible()
    expect(page.locator(".waiting .note").first).to_be_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".panels[id]")).to_have_count(len(NAMES))
    expect(line).to_have_count(0)


def test_a_notice_names_what_was_wrong_wherever_the_reader_is(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&T=1e9")
    expect(page.locator(".notices")).to_contain_text("out of range")
    assert "T=100" in link(page)
