"""A real server in a real process, and a real Chromium looking at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

playwright = pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

PATIENCE_MS = 30_000
"""How long a page is waited for: a machine may have much else to do."""
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = os.environ.get("XENT_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REQUIRED = os.environ.get("XENT_REQUIRE_BROWSER") == "1"
NO_BROWSER = "no Chromium found: browser tests skipped (install Debian's chromium, or set XENT_CHROMIUM to one)"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a browser where there is none, here, so that it is said in one line."""
    if CHROMIUM is None and not REQUIRED and item.get_closest_marker("browser"):
        pytest.skip(NO_BROWSER)


def start_server(*arguments: str, program: tuple[str, ...] = ("-m", "xent")) -> tuple[subprocess.Popen[str], str]:
    """Start `xent explore` on a free port and wait for the line that says where."""
    command = [sys.executable, *program, "explore", "--no-browser", "--port", "0", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"http://\S+", line)
    if not found:
        server.kill()
        raise RuntimeError(f"the server did not say where it is: {line + server.stdout.read()}")
    return server, found.group(0)


def stop_server(server: subprocess.Popen[str]) -> None:
    """Stop it and close the pipe."""
    server.terminate()
    server.communicate(timeout=60)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Serve the demo's digits."""
    server, where = start_server()
    yield where.split("#")[0]
    stop_server(server)


@pytest.fixture(scope="session")
def kinds_address() -> Iterator[str]:
    """Serve every section, and behind them one that shows every kind of figure."""
    code = "from tests.explorer import kinds; kinds.install(); from xent.cli import main; main()"
    server, where = start_server(program=("-c", code))
    yield where.split("#")[0]
    stop_server(server)


@pytest.fixture(
    scope="module"
)  # not the session: Playwright's event loop would stand in the way of other tests' own
def browser() -> Iterator[Browser]:
    """One Chromium a file of tests; one is required here."""
    if CHROMIUM is None:
        pytest.fail(NO_BROWSER, pytrace=False)
    with sync_playwright() as driver:
        flags = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--no-first-run",
        ]
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a fresh page; anything that leaves the machine, and any error in the console, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    outside: list[str] = []
    errors: list[str] = []

    def held(url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            outside.append(url)

    tab.on("request", lambda request: held(request.url))
    tab.on("websocket", lambda socket: held(socket.url))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert outside == []
    assert errors == []
