"""One view, one engine, three wires: server, notebook and static site show the same, to the last digit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.explorer.notebooks import drawn, lab, opened, run_all, type_number
from tests.explorer.test_site import serve, site
from xent.explorer.engine import EXPERIMENTS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("node")]
__all__ = ["site"]

TYPED = {"logits": ("logits.1", "1.7320508075688772"), "temperature": ("temperature", "2.718281828459045")}
"""What is typed over in a section; in all of them sliders are moved by keys, and choices are made."""

HELD_KEY_MS = 800
"""Keys that follow one another so soon are undone together."""

CELL = """
from ipywidgets import VBox
from xent.explorer import Explorer
from xent.explorer.engine import EXPERIMENTS
VBox([Explorer(name) for name in EXPERIMENTS])
"""


@pytest.fixture
def wires(browser: Browser, address: str, site: Path) -> Iterator[dict[str, Page]]:
    """Open the three of them."""
    pytest.importorskip("jupyterlab")
    outside: list[str] = []
    with serve(site) as served, lab(CELL) as (notebook, _):
        pages = {name: opened(browser, outside) for name in ("server", "site", "notebook")}
        pages["server"].goto(address)
        pages["site"].goto(served)
        run_all(pages["notebook"], notebook)
        yield pages
        for page in pages.values():
            page.context.close()
    assert outside == []


def whole(page: Page, name: str) -> Locator:
    """Bring every panel that is computed late on the screen, and wait for it."""
    section = drawn(page, name)
    while late := section.locator(".panel.pending").evaluate_all("(all) => all.map((n) => n.id)"):
        for panel in late:
            section.locator(f"#{panel}").scroll_into_view_if_needed()
            expect(section.locator(f"#{panel}.pending")).to_have_count(0, timeout=60_000)
    return drawn(page, name)


def edit(page: Page, name: str) -> list[list[str]]:
    """Edit a section; the numbers it shows before, and after each edit."""
    section = drawn(page, name)
    read = """(all) => all.map((n) => n.getAttribute("aria-valuetext") ?? (n.value ?? n.textContent).trim())"""

    def numbers() -> list[str]:
        return whole(page, name).locator("[data-num], [role=slider]").evaluate_all(read)

    seen = [numbers()]
    paths = section.locator("[role=slider][data-path]").evaluate_all(
        "(all) => [...new Set(all.map((n) => n.dataset.path))].slice(0, 4)"
    )
    assert paths
    for path in paths:
        for key in ("ArrowRight", "PageUp", "ArrowLeft"):
            section.locator(f"[role=slider][data-path='{path}']").first.press(key)
            drawn(page, name)
        seen.append(numbers())
    if name in TYPED:
        type_number(page, section, *TYPED[name])
        seen.append(numbers())
    for control in section.locator(".controls input[type=radio]:not(:checked)").all()[:2]:
        control.check(force=True)
        seen.append(numbers())
    page.wait_for_timeout(HELD_KEY_MS + 100)  # what is pressed next is a step of its own, however slow the wire is
    drawn(page, name).locator("[role=slider][data-path]").first.press("ArrowLeft")
    seen.append(numbers())
    page.keyboard.press("ControlOrMeta+z")
    seen.append(numbers())
    return seen


def test_three_wires_show_the_same_numbers_to_the_last_digit(wires: dict[str, Page]) -> None:
    for name in EXPERIMENTS:
        seen = {wire: edit(page, name) for wire, page in wires.items()}
        assert seen["notebook"] == seen["server"], name
        assert seen["site"] == seen["server"], name
        assert all(len(numbers) > 10 for numbers in seen["server"])
        assert len({tuple(numbers) for numbers in seen["server"]}) > 3, "the edits change what is seen"
        assert any(re.search(r"\d", number) for number in seen["server"][0])
