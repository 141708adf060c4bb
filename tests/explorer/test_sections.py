"""Every section, and every kind of figure, in the browser: for everybody, by keyboard alone, at any width."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.explorer.seen import link, open_at, section, settle
from tests.explorer.test_page_access import AXE, LOOKS, RULES
from xent.explorer import engine

pytestmark = pytest.mark.browser

NAMES = [*engine.EXPERIMENTS, "kinds"]
QUESTIONS = [(name, preset.id) for name, experiment in engine.EXPERIMENTS.items() for preset in experiment.PRESETS]
every_section = pytest.mark.parametrize("name", NAMES)
# One look of every section with every change; the others, other widths and the keyboard alone in the longer sweeps.
EVERY_LOOK = [
    pytest.param(how, id=name, marks=() if name == "light" else pytest.mark.slow) for name, how in LOOKS.items()
]


@pytest.fixture
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a page that looks as the parameter says."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **request.param})
    yield context.new_page()
    context.close()


def draw_all(page: Page) -> None:
    """Bring every panel on the screen once, so that slow ones are computed, and open every table."""
    for panel in page.locator(".panel").all():
        panel.scroll_into_view_if_needed()
    settle(page)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    settle(page)


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("(rules) => axe.run(document, rules)", RULES)
    assert len(found["passes"]) > 20
    for v in found["violations"]:
        if v["id"] == "target-size":  # where a handle stands is what it says: WCAG 2.5.8 calls that essential
            v["nodes"] = [n for n in v["nodes"] if not re.search(r'class="grip\b', n["html"])]
    faults = [v for v in found["violations"] if v["nodes"]]
    return [f"{v['id']}: {v['help']}: {[n['html'][:200] for n in v['nodes']][:3]}" for v in faults]


@every_section
@pytest.mark.parametrize("look", EVERY_LOOK, indirect=True)
def test_axe_finds_nothing(look: Page, kinds_address: str, name: str) -> None:
    open_at(look, kinds_address, f"x={name}&solo=1")
    draw_all(look)
    assert violations(look) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "question"), QUESTIONS)
@pytest.mark.parametrize("look", [LOOKS["light"], LOOKS["dark"]], ids=["light", "dark"], indirect=True)
def test_axe_finds_nothing_in_a_question(look: Page, address: str, name: str, question: str) -> None:
    open_at(look, address, f"x={name}&solo=1&q={question}")
    expect(look.locator(".question")).to_have_count(1)
    assert violations(look) == []
    look.locator(".answer input").first.check()
    look.get_by_role("button", name="See what happens").click()
    expect(look.locator(".why")).to_have_count(1)
    look.wait_for_function("() => !document.querySelector('.question') || true")
    settle(look)
    assert violations(look) == []


def test_axe_finds_nothing_in_the_whole_article_and_its_dialog(page: Page, address: str) -> None:
    open_at(page, address)
    assert violations(page) == []
    page.get_by_role("button", name="Share, teach").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


@every_section
@pytest.mark.parametrize("width", [320, *(pytest.param(w, marks=pytest.mark.slow) for w in (768, 1440))])
def test_nothing_scrolls_sideways(browser: Browser, kinds_address: str, width: int, name: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    open_at(page, kinds_address, f"x={name}&solo=1")
    draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def said(handle: Locator) -> str:
    return f"{handle.get_attribute('aria-valuenow')} {handle.get_attribute('aria-valuetext')}"


@pytest.mark.slow
@every_section
def test_everything_that_slides_answers_to_arrow_keys(page: Page, kinds_address: str, name: str) -> None:
    open_at(page, kinds_address, f"x={name}&solo=1")
    handles = section(page, name).get_by_role("slider")
    assert handles.count() > 0
    for i in range(handles.count()):
        handle = handles.nth(i)
        handle.focus()
        before = said(handle)
        for key in ("ArrowRight", "ArrowLeft", "ArrowUp"):
            page.keyboard.press(key)
            settle(page)
            if said(handle) != before:
                break
        assert said(handle) != before, f"{handle.get_attribute('aria-label')} does not answer to arrow keys"
        expect(handle).to_be_focused()


@pytest.mark.slow
@every_section
def test_choices_switches_and_buttons_answer_to_keys(page: Page, kinds_address: str, name: str) -> None:
    open_at(page, kinds_address, f"x={name}&solo=1")
    here = section(page, name)
    switches = [box.get_attribute("data-path") for box in here.locator("input[type=checkbox][data-path]").all()]
    for path in switches:
        box = here.locator(f"input[type=checkbox][data-path='{path}']")
        if box.count() == 0:  # a switch before it has taken it away
            continue
        before = box.is_checked()
        box.focus()
        page.keyboard.press("Space")
        settle(page)
        assert box.is_checked() != before
    paths = {str(box.get_attribute("data-path")) for box in here.locator("input[type=radio][data-path]").all()}
    for path in sorted(paths):
        free = here.locator(f"input[type=radio][data-path='{path}']:not(:checked)").first
        value = free.get_attribute("value")
        free.focus()
        page.keyboard.press("Space")
        settle(page)
        expect(here.locator(f"input[type=radio][data-path='{path}'][value='{value}']")).to_be_checked()
    for chooser in here.locator("select[data-path]").all():
        before = chooser.input_value()
        chooser.focus()
        page.keyboard.press("ArrowDown" if chooser.evaluate("(e) => e.selectedIndex === 0") else "ArrowUp")
        settle(page)
        assert chooser.input_value() != before
    assert page.locator(".notices .error").count() == 0


def test_a_point_is_added_moved_and_removed_by_keyboard_and_by_mouse(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    figure = page.locator("#kinds-figure-points")
    figure.scroll_into_view_if_needed()
    figure.get_by_role("button", name="Add a point").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert "xs=-1,1,0.5,0&ys=0.5,1.5,-1,0" in link(page)
    point = figure.get_by_role("slider", name="Point 3")
    point.focus()
    for key in ("ArrowRight", "ArrowUp", "PageUp"):
        page.keyboard.press(key)
    settle(page)
    assert "xs=-1,1,0.5,0.1&ys=0.5,1.5,-1,1.1" in link(page)
    page.keyboard.press("Delete")
    settle(page)
    assert "xs" not in link(page)
    box = figure.locator("svg").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2)
    settle(page)
    assert len(link(page).split("xs=")[1].split("&")[0].split(",")) == 4


def test_a_point_of_the_simplex_is_dragged_and_stays_a_distribution(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    grip = page.locator("#kinds-figure-triangle .grip")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 900, y + 400, steps=5)
    page.mouse.up()
    settle(page)
    assert "s=0,1,0" in link(page)
    grip.focus()
    page.keyboard.press("Shift+ArrowUp")
    settle(page)
    assert "s=0,0.9,0.1" in link(page)


def test_an_area_is_drawn_by_its_corner_in_both_directions(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    grip = page.locator("#kinds-figure-area .grip")
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y - 50, steps=5)
    page.mouse.up()
    settle(page)
    width, height = (float(re.findall(rf"&{key}=([\d.]+)", link(page))[0]) for key in "wh")
    assert width > 0.45
    assert height > 1.3
    page.keyboard.press("ControlOrMeta+z")
    settle(page)
    assert link(page).startswith("x=kinds&v=1&solo"), "a drag in two directions is one step to undo"


def test_a_cell_is_picked_by_arrow_keys(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    grip = page.locator("#kinds-figure-words .grip")
    grip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    settle(page)
    assert "row=2&col=3" in link(page)
    assert grip.get_attribute("aria-valuetext") == "row 2, column 3"


def test_a_table_is_edited_in_its_cells(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    sheet = page.locator("#kinds-figure-batch")
    sheet.get_by_label("Weight of row 1").fill("4.5")
    page.keyboard.press("Enter")
    settle(page)
    assert "weights=1,4.5,0.5" in link(page)
    sheet.get_by_label("Use row 0").uncheck()
    settle(page)
    assert "on=0,1,0" in link(page)
    expect(sheet.locator("tbody tr").first).to_have_class(re.compile("off"))
    sheet.get_by_label("Label of row 2").select_option("dog")
    settle(page)
    assert "labels=cat,dog,dog" in link(page)


def test_a_slow_panel_comes_when_it_is_ready_and_holds_up_nothing(page: Page, kinds_address: str) -> None:
    open_at(page, kinds_address, "x=kinds&v=1&pause=1&solo=1")
    slow = page.locator("#kinds-panel-slow")
    slow.scroll_into_view_if_needed()
    expect(slow.locator("progress")).to_have_count(1)
    expect(slow).to_have_attribute("aria-busy", "true")
    page.wait_for_function("() => document.querySelector('#kinds-panel-slow progress')?.value > 0")
    # while it is computed, the others answer
    row = page.locator("input[data-path='weights.1']")
    row.fill("7")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.includes('weights=1,7,0.5')")
    assert slow.locator("progress").count() == 1
    settle(page)
    expect(slow.locator("progress")).to_have_count(0)
    expect(slow).to_contain_text("It took a while to find 0.4000")


def downloads(page: Page, figure: Locator, kind: str) -> bytes:
    if figure.locator("details:not([open])").count():
        figure.locator("summary").click()
    with page.expect_download() as download:
        figure.get_by_role("button", name=f"Save as {kind}").click()
    return download.value.path().read_bytes()


@pytest.mark.parametrize("figure", ["area", "curve", "words", "colours", "triangle", "points", "batch", "series"])
@pytest.mark.parametrize("kind", ["SVG", "PNG", "CSV"])
def test_a_figure_is_taken_along(page: Page, kinds_address: str, figure: str, kind: str) -> None:
    open_at(page, kinds_address, "x=kinds&solo=1")
    element = page.locator(f"#kinds-figure-{figure}")
    element.scroll_into_view_if_needed()
    data = downloads(page, element, kind)
    if kind == "PNG":
        assert data.startswith(b"\x89PNG")
        assert len(data) > 4000
        return
    words = data.decode()
    shown = element.evaluate(
        """(figure) => [...figure.querySelectorAll(".drawing [data-num], .drawing svg text")]
             .filter((n) => n.offsetParent !== null || n instanceof SVGElement)
             .map((n) => (n.value ?? n.textContent).trim())"""
    )
    assert shown or figure == "colours"
    if kind == "SVG":
        tree = ET.fromstring(words)  # noqa: S314 - it is our own
        written = " ".join(
            "".join(node.itertext()).strip() for node in tree.iter("{http://www.w3.org/2000/svg}text")
        )
        assert all(text.replace(" ", "") in written.replace(" ", "") for text in shown), (shown, written)
        assert len(list(tree.iter("{http://www.w3.org/2000/svg}path"))) > 5 or figure == "batch"
    else:
        rows = words.split("\r\n")[:-1]
        assert len(rows) >= 2
        heads = element.locator(".data thead th, .drawing thead th").all_text_contents()
        assert rows[0] == ",".join(heads)
