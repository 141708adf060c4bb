"""The page for everybody: axe at WCAG 2.2 AA, a phone, a keyboard, dark, forced colours, reduced motion."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.explorer.seen import READY, assert_page_is_python, lane, link, open_at, settle

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # off by default, though WCAG 2.2 AA asks for it
}
STATES = {
    "a digit": "",
    "three classes": "x=logits&v=1",
    "smoothed": "x=logits&v=1&target=smoothed&steps=7",
    "soft, masked": "x=logits&v=1&z=2,-inf,1&target=soft&t=0.5,0,0.5&unit=bits",
    "infinite loss": "x=logits&v=1&z=2,-inf,1&y=1",
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "forced colours": {"forced_colors": "active"},
}


@pytest.fixture
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a page that looks as the parameter says."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **request.param})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys(), indirect=True)
def test_axe_finds_nothing(look: Page, address: str, state: str) -> None:
    open_at(look, address, state)
    look.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    look.evaluate(AXE)
    found = look.evaluate("(rules) => axe.run(document, rules)", RULES)
    problems = [f"{v['id']}: {v['help']}: {[n['html'][:200] for n in v['nodes']][:3]}" for v in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("width", [320, 375, 768, 1440, 2560])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_nothing_scrolls_sideways(browser: Browser, address: str, width: int, state: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    open_at(page, address, state)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_text_at_two_hundred_per_cent_still_fits(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 640, "height": 800})
    page = context.new_page()
    open_at(page, address)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    context.close()


def test_the_whole_page_by_keyboard_alone(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the article")).to_be_focused()
    page.keyboard.press("Enter")
    reached: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            """() => { const e = document.activeElement; const s = getComputedStyle(e);
              return [e.getAttribute("aria-label") || e.textContent || e.value || e.tagName,
                      s.outlineStyle !== "none" && s.outlineWidth !== "0px" || s.boxShadow !== "none"
                      || Boolean(e.closest("label")) ] }"""
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        assert ring, f"no focus ring on {name!r}"
        reached.append(name.strip())
    for wanted in ("Logits z, cat", "Temperature T", "Step", "Run", "Add a class"):
        assert any(wanted in name for name in reached), (wanted, reached)
    lane(page, "logits.0").focus()
    page.keyboard.press("PageUp")
    settle(page)
    assert "z=2.5,1,0.1" in link(page)
    assert_page_is_python(page)


def test_a_change_is_told_to_a_screen_reader(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1")
    lane(page, "logits.0").focus()
    page.keyboard.press("End")
    expect(page.locator("[aria-live=polite]")).to_contain_text("Loss 0.0")
    assert "logit of cat 5.0, probability" in (lane(page, "logits.0").get_attribute("aria-valuetext") or "")


def test_reduced_motion_has_no_transitions_and_runs_slowly(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    open_at(page, address, "x=logits&v=1&y=1")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((e) => {
             const s = getComputedStyle(e);
             return parseFloat(s.transitionDuration) > 0.01
               || (s.animationName !== "none" && parseFloat(s.animationDuration) > 0.01);
           }).length"""
    )
    assert moving == 0
    began = page.evaluate("performance.now()")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("() => /steps=[2-9]/.test(location.hash)")
    page.get_by_role("button", name="Pause", exact=True).click()
    settle(page)
    half_seconds = (page.evaluate("performance.now()") - began) / 500
    assert int(link(page).split("steps=")[1].split("&")[0]) <= 1 + half_seconds
    context.close()


def test_the_theme_is_chosen_in_the_header_and_kept(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1")
    paper = "getComputedStyle(document.querySelector('.xent')).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(paper)
    page.locator("header label", has_text="dark").click()
    settle(page)
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector(READY)
    settle(page)
    assert page.evaluate(paper) == dark
    assert "dark" not in link(page)
