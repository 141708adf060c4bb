"""Words on figures: none stands on another, none is taken for another line's, on a phone and on a wide screen."""

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


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_the_name_of_a_thin_line_is_not_taken_for_a_thick_one_s(page: Page, address: str, width: int) -> None:
    """Above all lines of losses is the dashed one, of cross-entropy: nothing but its own name stands beyond it."""
    page.set_viewport_size({"width": width, "height": 900})
    open_at(page, address, "x=focal&v=1&solo=1")
    beyond = page.evaluate(
        """() => {
          const figure = document.querySelector("#focal-figure-losses");
          const [dashed] = figure.querySelectorAll(".line.dashed");
          const part = dashed.getTotalLength() / 399;
          const ends = Array.from({ length: 400 }, (_, i) => dashed.getPointAtLength(i * part));
          const above = (box) => {
            const [x, y] = [box.x, box.y + box.height];
            const at = ends.findLast((p) => p.x <= x);
            return at && y < at.y;
          };
          const names = [...figure.querySelectorAll("text.word:not(.mark-label)")];
          return names.filter((name) => above(name.getBBox())).map((name) => name.textContent);
        }"""
    )
    assert beyond == ["cross-entropy"]


def test_a_thin_line_is_thinner(page: Page, address: str) -> None:
    open_at(page, address, "x=focal&v=1&solo=1")
    widths = page.evaluate(
        """() => [".thin", ":not(.thin)"].map((of) => {
          const lines = [...document.querySelectorAll("#focal-figure-losses .line" + of)];
          return lines.map((line) => parseFloat(getComputedStyle(line).strokeWidth));
        })"""
    )
    assert max(widths[0]) < min(widths[1])


def test_lines_that_lie_on_one_another_are_both_named_at_their_end(page: Page, address: str) -> None:
    """The two runs have the same accuracy from the first step on."""
    open_at(page, address, "x=training&v=1&solo=1")
    places = page.evaluate(
        """() => {
          const figure = document.querySelector("#training-figure-accuracy");
          const all = figure.querySelector("svg").getBoundingClientRect();
          const share = (name) => (name.getBoundingClientRect().x - all.x) / all.width;
          return [...figure.querySelectorAll("text.word")].map((name) => [name.textContent, share(name)]);
        }"""
    )
    assert [name for name, _ in places] == ["A", "B"]
    assert min(share for _, share in places) > 0.9


@pytest.mark.parametrize("name", ["information", "landscape"])
def test_a_formula_fits_on_a_phone(page: Page, address: str, name: str) -> None:
    page.set_viewport_size({"width": 320, "height": 900})
    open_at(page, address, f"x={name}&v=1&solo=1")
    beyond = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth).length"
    assert page.locator(".formula .scroll").evaluate_all(beyond) == 0
