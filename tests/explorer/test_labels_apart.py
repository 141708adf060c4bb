"""Words on figures: none stands on another, on a phone and on a wide screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.explorer.seen import open_at

pytestmark = pytest.mark.browser

OVERLAPS = """() => [...document.querySelectorAll(".figure svg")].flatMap((svg) => {
  const words = [...svg.querySelectorAll("text.word")].map((t) => [t.textContent, t.getBoundingClientRect()]);
  return words.flatMap(([a, p], i) => words.slice(i + 1).filter(([, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2 &&
    Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 6).map(([b]) => `${a} / ${b}`));
})"""


@pytest.mark.parametrize("width", [320, 1440])
@pytest.mark.parametrize(
    "name", ["information", "labels", "precision", "focal", "likelihood", "landscape", "training"]
)
def test_no_words_stand_on_others(page: Page, address: str, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_at(page, address, f"x={name}&v=1&solo=1")
    page.evaluate("document.fonts.ready")
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
