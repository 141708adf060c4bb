"""The widget: its state and its loss in Python, its messages, and what it is like in JupyterLab and in marimo."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET  # it reads our own pages here
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")

from playwright.sync_api import Browser, Page, expect

import xent
from tests.explorer import kinds
from tests.explorer.notebooks import drawn, lab, marimo, opened, run_all, type_number, views
from tests.explorer.seen import all_numbers
from xent.explorer import Explorer, engine
from xent.explorer import text as catalogue
from xent.explorer.numbers import show
from xent.explorer.rows import demo
from xent.explorer.section import TakesRows
from xent.explorer.still import still


class Recorded(Explorer):
    """A widget that keeps what it sends to the page."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.sent: list[Any] = []
        super().__init__(*arguments, **named)

    def send(self, content: Any, buffers: Any = None) -> None:  # noqa: ARG002
        self.sent.append(content)


@pytest.mark.parametrize("name", engine.EXPERIMENTS)
def test_every_section_is_a_widget_whose_state_is_its_link(name: str) -> None:
    explorer = Explorer(name)
    answer = engine.respond({"seq": 0, "url": f"x={name}", "actions": []})
    assert explorer.url == answer["url"]
    assert isinstance(explorer.state, engine.EXPERIMENTS[name].State)
    assert explorer.kept["view"] == answer["view"]
    seen: list[str] = []
    explorer.observe(lambda change: seen.append(change["name"]), ["state", "url", "loss"])
    explorer.state = explorer.state
    assert seen == []


def test_the_loss_is_the_library_s_in_nats_whatever_the_unit_shown() -> None:
    explorer = Explorer(logits=[2.0, -1.5, 0.25], labels=2)
    loss = float(xent.cross_entropy(np.array([2.0, -1.5, 0.25]), np.array(2)))
    assert explorer.loss == pytest.approx(loss, rel=1e-15)
    explorer.state = {"unit": "bits"}
    assert explorer.loss == pytest.approx(loss, rel=1e-15)
    explorer.state = {"logits": (0.0, 0.0, -np.inf)}
    assert explorer.loss == np.inf


def test_state_link_and_loss_are_traits_that_move_together() -> None:
    explorer = Explorer("temperature", logits=np.array([2.0, 1.0, 0.1], dtype=np.float32))
    heard: list[tuple[str, float, float | None, bool]] = []

    def note(change: Any) -> None:
        fresh = explorer.kept["url"] == explorer.url
        heard.append((change["name"], explorer.state.temperature, explorer.loss, fresh))

    explorer.observe(note, ["state", "loss"])
    before = explorer.loss
    explorer.state = dataclasses.replace(explorer.state, temperature=2.5)
    after = explorer.loss
    assert before != after
    assert sorted(heard) == [("loss", 2.5, after, True), ("state", 2.5, after, True)]
    explorer.url = "x=temperature&v=1&z=1,2"
    assert explorer.state.logits == (1.0, 2.0)
    assert explorer.url == "x=temperature&v=1&z=1,2&s=1,2", "a link becomes the canonical one"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"experiment": "nothing"}, "no experiment 'nothing'; there are logits"),
        ({"logits": [[1.0, 2.0]]}, "1 rows of logits need 1 labels"),
        ({"logits": [[1.0, 2.0]], "labels": [7]}, "labels must be classes from 0 to 1; row 0 has 7"),
        ({"logits": [1.0, 2.0], "labels": 2}, "a class from 0 to 1; 2 came"),
        ({"logits": [1.0, 2.0], "labels": [0]}, "shape (1,) came"),
        ({"logits": ["a", "b"]}, "<U1 of shape (2,) came"),
        ({"logits": [1.0, np.nan]}, "NaN"),
        ({"logits": [1.0]}, "takes 2 to 10 values; 1 came"),
        ({"experiment": "gradient", "logits": [[1.0, 2.0]]}, "one row of numbers (K,) was expected"),
        ({"experiment": "temperature", "logits": [9999.0, 0.0]}, "cannot be (9999.0, 0.0); the nearest"),
        ({"experiment": "labels", "logits": np.zeros((2, 11)), "labels": [0, 1]}, "mine has 11 classes"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_in_a_sentence(arguments: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Explorer(**arguments)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"temperature": 1e9}, "temperature cannot be 1000000000.0; the nearest that it can be is 100.0."),
        ({"heat": 1}, "no field 'heat'; it has logits, temperature, student"),
        (3, "or a mapping of its fields, was expected; int came"),
        ({"temperature": "hot"}, "a number was expected"),
    ],
)
def test_a_state_that_is_none_changes_nothing(value: Any, sentence: str) -> None:
    import traitlets

    explorer = Explorer("temperature")
    url = explorer.url
    with pytest.raises(traitlets.TraitError, match=re.escape(sentence)):
        explorer.state = value
    with pytest.raises(traitlets.TraitError, match="begins with x=temperature"):
        explorer.url = "x=logits&v=1"
    assert explorer.url == url


def test_rows_of_ones_own_are_opened_at_the_costliest_mistake() -> None:
    rng = np.random.default_rng(4)
    z, y = rng.normal(size=(30, 4)), rng.integers(0, 4, 30)
    explorer = Explorer(logits=z, labels=y)
    losses = xent.cross_entropy(z, y, reduction="none")
    wrong = np.flatnonzero(z.argmax(1) != y)
    assert explorer.state.row == wrong[losses[wrong].argmax()]
    assert explorer.state.source == "mine"
    assert explorer.loss == pytest.approx(float(losses[explorer.state.row]), rel=1e-12)


@pytest.mark.parametrize("name", [name for name, one in engine.EXPERIMENTS.items() if isinstance(one, TakesRows)])
def test_every_section_that_takes_rows_opens_ones_own(name: str) -> None:
    z, y = np.array([[0.3, 1.9, 2.2], [2.0, 1.0, 0.1], [1.0, 1.0, 4.0]]), np.array([1, 0, 2])  # the costliest first
    explorer = Explorer(name, logits=z, labels=y)
    own = {"name": "mine", "text": "0.3,1.9,2.2,1\n2,1,0.1,0\n1,1,4,2", "form": "logits"}
    request = {"seq": 1, "url": f"x={name}", "actions": [{"do": "own"}], "own": own}
    assert explorer.url == engine.respond(request)["url"].replace("=own", "=mine")


def test_a_message_is_answered_as_by_the_server() -> None:
    explorer = Recorded("temperature")
    request = {"seq": 7, "url": "x=temperature&v=1", "actions": [{"do": "set", "path": "temperature", "value": 3}]}
    explorer._receive(explorer, request, [])
    explorer._receive(explorer, "nonsense", [])
    assert explorer.sent == [engine.respond(request)]


def test_the_reader_s_own_rows_are_kept_by_the_kernel_until_they_are_forgotten() -> None:
    explorer = Recorded("calibration")
    own = {"name": "two.csv", "text": "3,1,0\n0,2,0", "form": "logits"}
    request = {"seq": 1, "url": explorer.url, "actions": [{"do": "own"}], "own": own}
    explorer._receive(explorer, request, [])
    explorer.url = explorer.sent[-1]["url"]  # as the page sets it
    assert explorer.state.source == "own"
    assert explorer.loss == pytest.approx(
        np.mean(xent.cross_entropy(np.array([[3.0, 1], [0, 2]]), np.zeros(2, int)))
    )
    bad = {**own, "text": "3,1,0\n0,cat,0"}
    explorer._receive(explorer, {**request, "seq": 2, "url": explorer.url, "own": bad}, [])
    assert explorer.sent[-1]["error"].startswith("Row 1, column 1: a number was expected, 'cat' came")
    assert explorer.state.source == "own"
    explorer._receive(explorer, {"seq": 3, "url": explorer.url, "actions": [], "own": None}, [])
    explorer.url = explorer.sent[-1]["url"]
    assert explorer.state.source != "own"


def test_a_slow_message_lets_others_pass_and_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = sys.modules[kinds.__name__]
    monkeypatch.setitem(engine.EXPERIMENTS, kinds.NAME, module)
    monkeypatch.setitem(
        catalogue._catalogue(), kinds.NAME, catalogue.Words(kinds.NAME, {"title": "Kinds", "lede": "One of each."})
    )
    monkeypatch.setattr("xent.explorer.experiments.NAMES", (*engine.experiments.NAMES, kinds.NAME))
    group, names = engine.experiments.ARTICLE[-1]
    article = (*engine.experiments.ARTICLE[:-1], (group, (*names, kinds.NAME)))
    monkeypatch.setattr("xent.explorer.experiments.ARTICLE", article)
    explorer = Recorded(kinds.NAME)
    late = [panel["id"] for panel in explorer.kept["view"]["panels"] if panel.get("pending")]
    slow = {"seq": 1, "url": explorer.url, "actions": [], "only": late, "slow": True}

    async def both() -> None:
        explorer._receive(explorer, slow, [])
        explorer._receive(explorer, {"seq": 2, "url": explorer.url, "actions": []}, [])
        await asyncio.gather(*explorer._tasks)
        await asyncio.sleep(0)

    asyncio.run(both())
    finals = [message["seq"] for message in explorer.sent if "view" in message]
    told = [message["progress"] for message in explorer.sent if "progress" in message]
    assert finals == [2, 1]
    assert told == sorted(told)
    assert len(told) > 1
    explorer._receive(explorer, slow, [])  # without an event loop it is answered at once
    assert explorer.sent[-1]["seq"] == 1


@pytest.mark.parametrize("name", engine.EXPERIMENTS)
def test_the_still_picture_has_the_numbers_and_no_script(name: str) -> None:
    explorer = Explorer(name)
    data = explorer._repr_mimebundle_()[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    page = ET.fromstring(data["text/html"])  # noqa: S314
    words = [text.strip() for text in page.itertext()]
    assert {element.tag for element in page.iter()} & {"script", "style", "link"} == set()
    tables = [item["table"] for panel in explorer._whole()["panels"] for item in panel["items"] if "table" in item]
    assert tables
    assert set(all_numbers(tables)) <= set(words)


def test_markup_in_a_name_stays_text() -> None:
    view = engine.respond({"seq": 0, "url": "x=logits&v=1&names=<b>,<script>,c", "actions": []}, {})["view"]
    page = ET.fromstring(still(view, "<i>"))  # noqa: S314
    assert {element.tag for element in page.iter()} & {"script", "b", "i"} == set()
    assert any("<script>" in text for text in page.itertext())


def test_without_anywidget_one_sentence_says_what_to_install() -> None:
    program = """
import sys
import xent.explorer
assert not {"anywidget", "ipywidgets", "numpy"} & set(sys.modules)
sys.modules["anywidget"] = None
try:
    xent.explorer.Explorer
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == (
        'The explorer in a notebook needs anywidget; install it with: pip install "xent[notebook]"\n'
    )


SETUP = """
import ipywidgets
from xent.explorer import Explorer
explorer = Explorer("temperature", logits=[2.0, 1.0, 0.1])
heard = ipywidgets.Label("nothing yet")
explorer.observe(lambda _: setattr(heard, "value", f"T {explorer.state.temperature} loss {explorer.loss}"), "loss")
button = ipywidgets.Button(description="Heat it")
button.on_click(lambda _: setattr(explorer, "state", {"temperature": 20.0}))
ipywidgets.VBox([heard, button, explorer])
"""


@pytest.fixture
def notebook(browser: Browser) -> Iterator[tuple[Page, Path]]:
    """Run SETUP in a JupyterLab that reaches nothing but itself."""
    pytest.importorskip("jupyterlab")
    outside: list[str] = []
    with lab(SETUP, "explorer") as (address, file):
        page = opened(browser, outside)
        run_all(page, address)
        yield page, file
        page.context.close()
    assert outside == []


def styles(page: Page, selector: str) -> Any:
    return page.locator(selector).first.evaluate(
        "(n) => { const { color, fontFamily, fontSize, padding } = getComputedStyle(n);"
        " return [color, fontFamily, fontSize, padding]; }"
    )


@pytest.mark.browser
@pytest.mark.slow
def test_in_jupyterlab(notebook: tuple[Page, Path]) -> None:
    page, file = notebook
    first = page.locator(".jp-Cell").nth(0)
    view = first.locator(".xent")
    section = first.locator("[data-section=temperature]")
    section.locator(".panels[id]").wait_for(timeout=60_000)

    # From the page to Python: what is typed is observed there; letters and digits are no shortcuts of the host's.
    cells = page.locator(".jp-Cell").count()
    type_number(page, section, "temperature", "aabb00")
    expect(first.locator(".notices")).to_contain_text("a number was expected, 'aabb00' came")
    type_number(page, section, "temperature", "2.5005")
    row = np.array([2.0, 1.0, 0.1])
    expected = Explorer("temperature", logits=row)
    expected.state = {"temperature": 2.5005}
    expect(first.get_by_text(f"T 2.5005 loss {expected.loss}")).to_be_visible()
    assert page.locator(".jp-Cell").count() == cells

    # From Python to the page, and to the second view of the same widget.
    first.get_by_role("button", name="Heat it").click()
    for box in page.locator("[data-section=temperature] input[data-path=temperature]").all():
        expect(box).to_have_value("20.0")
    p = show(float(xent.softmax(row, temperature=20.0)[0]))
    expect(section.locator("#temperature-figure-p .row [data-num]").first).to_have_text(p)

    # Styles: none of ours in the page, none of the page's in ours.
    rules = (
        "() => [...document.styleSheets].flatMap((s) => [...s.cssRules]).filter((r) => r.cssText.includes('.xent'))"
    )
    assert page.evaluate(f"({rules})().length") == 0
    assert page.evaluate("[...document.fonts].filter((f) => f.family.includes('STIX')).length") == 0
    chosen = (
        "[data-section=temperature] .prose p, [data-section=temperature] input, [data-section=temperature] .button"
    )
    before = styles(page, chosen)
    page.add_style_tag(
        content=":not(html) { color: red !important; font: 30px monospace !important; padding: 9px !important }"
        " :root, body, div { color: red; letter-spacing: 3px; text-align: right; line-height: 3 }"
    )
    assert styles(page, ".jp-Cell")[0] == "rgb(255, 0, 0)"
    assert styles(page, chosen) == before
    page.evaluate("document.head.lastElementChild.remove()")

    # The theme is the host's.
    expect(view).to_have_attribute("data-theme", "light")
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).click()
    page.get_by_text("JupyterLab Dark", exact=True).click()
    expect(view).to_have_attribute("data-theme", "dark")

    # Saved, and shown where no kernel runs.
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_text("Save Notebook", exact=True).click()
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    data = json.loads(file.read_text())["cells"][1]["outputs"][0]["data"]
    assert "application/vnd.jupyter.widget-view+json" in data
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    exported = opened(page.context.browser, [], java_script_enabled=False)  # pyright: ignore[reportArgumentType]
    exported.set_content(file.with_suffix(".html").read_text("utf-8"))
    still_loss = engine.respond({"seq": 0, "url": "x=temperature&v=1&z=2,1,0.1", "actions": []}, demo())["view"]
    shown = set(exported.locator("section td").all_inner_texts())
    assert (
        len(
            set(all_numbers([i["table"] for p in still_loss["panels"] for i in p["items"] if "table" in i])) & shown
        )
        > 8
    )
    exported.context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_a_notebook_saved_with_its_widgets_keeps_its_picture_without_python(browser: Browser) -> None:
    pytest.importorskip("jupyterlab")
    with lab(
        "from xent.explorer import Explorer\nexplorer = Explorer('temperature', logits=[2.0, 1.0, 0.1])\nexplorer"
    ) as (address, _):
        page = opened(browser, [])
        run_all(page, address)
        before = drawn(page, "temperature").locator("[data-num]").all_inner_texts()
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        page.get_by_text("Save Widget State Automatically", exact=True).click()
        page.get_by_role("menuitem", name="File", exact=True).click()
        page.get_by_text("Save Notebook", exact=True).click()
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        page.evaluate(
            """async () => {
              const base = location.origin, token = /_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? "";
              for (const { id } of await (await fetch(base + "/api/sessions")).json())
                await fetch(`${base}/api/sessions/${id}`, { method: "DELETE", headers: { "X-XSRFToken": token } });
            }"""
        )
        page.goto(address)  # a new kernel, which knows nothing of the widget
        _, section = views(page, "temperature")
        section.locator(".panels[id]").wait_for(timeout=60_000)
        assert section.locator("[data-num]").all_inner_texts() == before
        expect(page.locator(".notices")).to_contain_text("Python has not answered")
        page.context.close()


CELLS = (
    "import marimo as mo\nfrom xent.explorer import Explorer\nreturn Explorer, mo",
    "explorer = mo.ui.anywidget(Explorer('temperature', logits=[2.0, 1.0, 0.1]))\nexplorer\nreturn (explorer,)",
    "mo.md(f\"At {explorer.value['url']} the loss is {explorer.loss}\")\nreturn",
    "def hot(_):\n    explorer.widget.state = {'temperature': 20.0}\n\n"
    "mo.ui.button(label='Heat it', on_click=hot)\nreturn",
)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_marimo(browser: Browser, theme: str) -> None:
    pytest.importorskip("marimo")
    outside: list[str] = []
    with marimo(*CELLS, theme=theme) as address:
        page = opened(browser, outside)
        page.goto(address)
        section = drawn(page, "temperature")
        expect(views(page, "temperature")[0]).to_have_attribute("data-theme", theme)
        type_number(page, section, "temperature", "2.5005")
        expected = Explorer("temperature", logits=[2.0, 1.0, 0.1])
        expected.state = {"temperature": 2.5005}
        expect(page.get_by_text(f"the loss is {expected.loss}")).to_be_visible()
        seen = (
            drawn(page, "temperature")
            .locator("[data-num]")
            .evaluate_all("(all) => all.map((n) => (n.value ?? n.textContent).trim())")
        )
        assert set(all_numbers(expected.kept["view"])) >= set(seen)
        page.get_by_role("button", name="Heat it").click()
        expect(section.locator("input[data-path=temperature]")).to_have_value("20.0")
        page.context.close()
    assert outside == []
