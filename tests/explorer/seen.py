"""What the tests read off the page, and what it is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, expect

from xent.explorer import engine
from xent.explorer.rows import demo

READY = "[data-section] .panels[id]"
"""A section that has been drawn."""


def open_at(page: Page, address: str, link: str = "") -> None:
    """Open a state and wait for its picture; then be a reader who has moved: the page goes nowhere by itself."""
    page.goto(f"{address.rstrip('/')}/#{link}" if link else address)
    page.wait_for_selector(READY)
    settle(page)
    page.evaluate("dispatchEvent(new Event('wheel'))")


def section(page: Page, name: str = "logits") -> Any:
    """Find a section of the article."""
    return page.locator(f"[data-section={name}]")


def settle(page: Page) -> None:
    """Wait until Python has answered everything, and nothing new is asked for while some frames are painted.

    What an answer has drawn may bring others near the screen, which ask a frame or two later.
    """
    page.wait_for_function(
        """() => new Promise((done) => {
             const still = () => document.querySelector("[data-state=idle]") && document.fonts.status === "loaded"
               && !document.querySelector("[data-waiting], [data-writing]");
             const look = (quiet) => {
               if (quiet === 4) done(true);
               else requestAnimationFrame(() => look(still() ? quiet + 1 : 0));
             };
             look(0);
           })"""
    )


def copied(page: Page, words: str) -> None:
    """Wait until something is in the clipboard."""
    page.wait_for_function("(words) => navigator.clipboard.readText().then((held) => held === words)", arg=words)


def link(page: Page) -> str:
    """Read the state in the address bar."""
    return str(page.evaluate("location.hash.slice(1)"))


def view_of(state: str, **more: Any) -> Any:
    """Ask Python about a state."""
    return engine.respond({"seq": 0, "url": state, "actions": [], **more}, demo())["view"]


def shown_numbers(page: Page, name: str) -> Counter[str]:
    """Read every live number of a section, as it stands there."""
    return Counter(
        page.evaluate(
            """(name) => [...document.querySelectorAll(`[data-section="${name}"] [data-num]`)].map(
                 (n) => (n.value ?? n.textContent).trim())""",
            name,
        )
    )


def all_numbers(tree: Any) -> Iterator[str]:
    """Collect every live number of a view model."""
    if isinstance(tree, dict):
        if "text" in tree and ("value" in tree or "shade" in tree):  # a number, or a cell of a heat map
            yield tree["text"]
        if tree.get("tag") == "mn":
            yield tree["kids"][0]
        for value in tree.values():
            yield from all_numbers(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from all_numbers(value)


def assert_page_is_python(page: Page, **more: Any) -> Any:
    """Hold every live number of the section in the address bar against a fresh answer to its link."""
    settle(page)
    view = view_of(link(page), **more)
    seen, said = shown_numbers(page, view["experiment"]), Counter(all_numbers(view))
    strangers = set(seen) - set(said)
    assert not strangers, f"on the page but not from Python: {sorted(strangers)}"
    assert len(seen) > 10
    return view


def number(page: Page, label: str) -> str:
    """Read one headline number by its label."""
    return page.locator("#logits-readout-numbers > div", has_text=label).locator("dd [data-num]").first.inner_text()


def rows(page: Page, figure: str) -> list[str]:
    """Read the numbers of a bars figure, row by row."""
    out = page.evaluate(
        """(id) => [...document.querySelectorAll(`#logits-figure-${id} .row .value`)].map(
             (n) => n.value ?? n.textContent)""",
        figure,
    )
    return [str(text) for text in out]


def lane(page: Page, path: str, name: str = "logits") -> Any:
    """Find the slider that edits a path."""
    return section(page, name).locator(f"[role=slider][data-path='{path}']").first


def field(page: Page, path: str, name: str = "logits") -> Any:
    """Find the text field that edits a path."""
    return section(page, name).locator(f"input[data-path='{path}']")


def type_into(page: Page, path: str, words: str, name: str = "logits") -> None:
    """Type a value as a person would."""
    box = field(page, path, name)
    box.click()
    box.press("ControlOrMeta+a")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    settle(page)


def drag_to(page: Page, path: str, share: float, name: str = "logits") -> None:
    """Drag a slider by its lane to a share of its width, in steps."""
    handle = lane(page, path, name)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, y, steps=6)
    page.mouse.up()
    settle(page)


__all__ = [
    "READY",
    "all_numbers",
    "assert_page_is_python",
    "copied",
    "drag_to",
    "expect",
    "field",
    "lane",
    "link",
    "number",
    "open_at",
    "rows",
    "section",
    "settle",
    "shown_numbers",
    "type_into",
    "view_of",
]
