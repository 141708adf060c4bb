"""No mathematics hides in the page, nothing leaves the machine, a link is a picture, and nothing is lost."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.explorer.conftest import start_server, stop_server
from tests.explorer.seen import READY, assert_page_is_python, drag_to, link, open_at, settle, type_into
from xent.explorer import answer as answering
from xent.explorer import engine, server
from xent.explorer.rows import demo

pytestmark = pytest.mark.browser

MACHINERY = {
    "id",
    "kind",
    "ref",
    "path",
    "do",
    "pixels",
    "scale",
    "tag",
    "attrs",
    "style",
    "axis",
    "value",
    "experiment",
    "name",
    "url",
    "at",
    "language",
}


def answer_42(tree: Any) -> Any:
    """Replace every run of digits in every text that is for reading by 42."""
    if isinstance(tree, dict):
        return {
            k: v if k in MACHINERY and not isinstance(v, dict | list) else answer_42(v) for k, v in tree.items()
        }
    if isinstance(tree, list):
        return [answer_42(v) for v in tree]
    if isinstance(tree, str):
        return re.sub(r"[0-9⁰¹²³⁴-⁹₀-₉.]*[0-9⁰¹²³⁴-⁹₀-₉]", "42", tree)
    return tree


@pytest.fixture
def falsified(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve an engine that answers 42 to everything."""
    honest = engine.respond

    def respond(*arguments: Any, **named: Any) -> Any:
        answer: Any = honest(*arguments, **named)
        return {**answer, **{key: answer_42(answer[key]) for key in ("view", "contents") if key in answer}}

    monkeypatch.setattr(answering, "respond", respond)
    config = uvicorn.Config(
        server.create_app(demo(), allowed_hosts=["127.0.0.1"]), host="127.0.0.1", port=0, log_level="error"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    running.should_exit = True
    thread.join(10)


@pytest.mark.parametrize(
    "state", ["", "x=logits&v=1&target=smoothed&steps=4", "x=logits&v=1&target=soft&t=0.2,0.3,0.5&T=3&unit=bits"]
)
def test_an_engine_that_answers_42_changes_every_number(page: Page, falsified: str, state: str) -> None:
    open_at(page, falsified, state)
    texts = page.evaluate(
        """() => {
          for (const part of document.querySelectorAll("details")) part.open = true;
          const out = [];
          const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walk.nextNode()) out.push(walk.currentNode.textContent);
          for (const input of document.querySelectorAll("input[type=text]")) out.push(input.value);
          for (const node of document.querySelectorAll("[aria-label],[aria-valuetext],[title]"))
            for (const name of ["aria-label", "aria-valuetext", "title"]) out.push(node.getAttribute(name) ?? "");
          return out;
        }"""
    )
    told = [text for text in texts if "42" in text]
    true = [text for text in texts if re.search(r"\d", text.replace("42", ""))]
    assert len(told) > 60
    assert true == []


def unstick(page: Page) -> None:
    """Keep the line at the top out of the picture: what can be undone is no part of a link."""
    page.locator(".top").evaluate("(line) => { line.style.position = 'static'; }")


def test_a_reload_gives_the_same_picture(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1&target=smoothed&solo=1")
    drag_to(page, "logits.2", 0.9)
    for _ in range(4):
        page.get_by_role("button", name="Step", exact=True).click()
        settle(page)
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    unstick(page)
    before = page.locator("main").screenshot()
    state = link(page)
    page.reload()
    page.wait_for_selector(READY)
    settle(page)
    assert link(page) == state
    unstick(page)
    assert page.locator("main").screenshot() == before


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("x=logits&v=9&z=1,2", "version"),
        ("x=logits&v=1&z=1,2&T=1e9", "out of range"),
        ("x=logits&v=1&z=1,cat", "a number was expected"),
        ("x=elsewhere", "no experiment"),
    ],
)
def test_a_bad_link_is_repaired_with_a_visible_notice(page: Page, address: str, state: str, sentence: str) -> None:
    open_at(page, address, state)
    expect(page.locator(".notices")).to_contain_text(sentence)
    assert_page_is_python(page)


def test_a_typed_address_and_the_back_button_load_their_state(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1&z=1,2")
    loss = page.locator("#logits-readout-numbers > div", has_text="loss").locator("dd [data-num]").first
    page.evaluate("location.hash = 'x=logits&v=1&z=5,5,5,5'")
    expect(loss).to_have_text("1.3863")
    settle(page)
    page.go_back()
    expect(loss).to_have_text("1.3133")


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """Open a page that is allowed to see its server go away."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    yield context.new_page()
    context.close()


def test_the_policy_lets_nothing_in_or_out(tab: Page, address: str) -> None:
    open_at(tab, address)
    assert tab.evaluate("fetch('https://example.org').then(() => 'out', () => 'held')") == "held"
    ran = """() => new Promise((done) => {
      setTimeout("window.ran = true");  // a string: eval by another name
      setTimeout(() => done(window.ran === true), 100);
    })"""
    assert tab.evaluate(ran) is False


def test_a_server_that_stops_and_comes_back_loses_nothing(tab: Page) -> None:
    server_, where = start_server()
    port = re.search(r":(\d+)", where)
    assert port
    try:
        open_at(tab, where.split("#")[0], "x=logits&v=1")
        type_into(tab, "logits.0", "3.5")
        stop_server(server_)
        expect(tab.locator(".offline")).to_contain_text("stopped")
        tab.evaluate("scrollTo(0, 2000)")
        expect(tab.locator(".offline p")).to_be_in_viewport(ratio=1)
        tab.locator("input[data-path='logits.1']").fill("2.5")
        tab.keyboard.press("Enter")
        server_, _ = start_server("--port", port.group(1))
        expect(tab.locator(".offline p")).to_have_count(0, timeout=60_000)
        settle(tab)
        assert "z=3.5,2.5,0.1" in link(tab)
        assert_page_is_python(tab)
    finally:
        stop_server(server_)


def test_the_socket_answers_nonsense_with_a_sentence_and_goes_on(page: Page, address: str) -> None:
    open_at(page, address, "x=logits&v=1")
    answers = page.evaluate(
        """(messages) => new Promise((done) => {
          const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
          const out = [];
          socket.onmessage = (m) => {
            out.push(JSON.parse(m.data));
            if (out.length === messages.length) done(out);
          };
          socket.onopen = () => { for (const m of messages) socket.send(m); };
        })""",
        [
            "{",
            "[]",
            '{"seq": 1, "url": "", "actions": [{"do": 3}]}',
            "x" * 70000,
            '{"seq": 5, "url": "", "actions": []}',
        ],
    )
    assert all("error" in answer for answer in answers[:4])
    assert "Traceback" not in str(answers)
    assert "view" in answers[4]


def test_two_pages_at_once_do_not_disturb_each_other(browser: Browser, address: str) -> None:
    pages = [browser.new_page() for _ in range(2)]
    for i, tab in enumerate(pages):
        open_at(tab, address, f"x=logits&v=1&z={i},0")
    for tab in pages:
        tab.get_by_role("button", name="Run", exact=True).click()
    for tab in pages:
        tab.wait_for_function("() => Number(/steps=(\\d+)/.exec(location.hash)?.[1]) >= 5")
        tab.get_by_role("button", name="Pause", exact=True).click()
        assert_page_is_python(tab)
    for tab in pages:
        tab.close()
