"""A real JupyterLab and a real marimo, each in a process of its own, with a notebook in it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Route, expect

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(command: list[str], folder: Path) -> Iterator[str]:
    """Start a server on a free port and wait until it answers; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    paths = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    paths |= {f"XDG_{kind}_HOME": str(home) for kind in ("CONFIG", "CACHE", "STATE", "DATA")}
    environment = {**os.environ, **paths, "HOME": str(home), "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": ""}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} does not answer: {(folder / 'log').read_text()}")
        if server.poll() is not None:
            raise RuntimeError(f"{command[0]} ended: {(folder / 'log').read_text()}")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)


@contextmanager
def lab(*cells: str) -> Iterator[tuple[str, Path]]:
    """Serve a notebook in JupyterLab: its address, and its file."""
    with tempfile.TemporaryDirectory() as name:
        notebook = Path(name) / "lesson.ipynb"
        frame = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        written = [{"id": f"cell-{i}", "source": cell, **frame} for i, cell in enumerate(cells)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        about = {"metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        notebook.write_text(json.dumps({"cells": written, **about}))
        options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--IdentityProvider.token="]
        quiet = ["--LabApp.extension_manager=readonly", "--LabApp.news_url=", f"--ServerApp.root_dir={name}"]
        with process(["jupyterlab", *options, *quiet], Path(name)) as address:
            yield f"{address}lab/tree/lesson.ipynb?reset", notebook


@contextmanager
def marimo(*cells: str, theme: str = "light") -> Iterator[str]:
    """Serve a notebook in marimo, as an application."""
    with tempfile.TemporaryDirectory() as name:
        bodies = ["".join(f"    {line}\n" for line in cell.splitlines()) for cell in cells]
        body = "\n\n".join(f"@app.cell\ndef _():\n{lines}" for lines in bodies)
        (Path(name) / "lesson.py").write_text(
            f'# /// script\n# [tool.marimo.display]\n# theme = "{theme}"\n# ///\n'
            f"import marimo\n\napp = marimo.App()\n\n\n{body}\n"
        )
        options = ["run", "lesson.py", "--headless", "--no-token", "--host", "127.0.0.1"]
        with process(["marimo", *options], Path(name)) as address:
            yield address


def opened(browser: Browser, outside: list[str], **options: Any) -> Page:
    """Open a tab that reaches this machine only; what it asks for elsewhere is noted, and refused."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, **options)

    def judge(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context.route(re.compile(r"^(https?|wss?):"), judge)
    return context.new_page()


def run_all(page: Page, address: str) -> None:
    """Open a notebook in JupyterLab and run its cells."""
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text("| Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def views(page: Page, name: str) -> tuple[Locator, Locator]:
    """Find the view that holds a section, and the section, wherever they are on a page."""
    section = page.locator(f"[data-section={name}]")
    return page.locator(".xent", has=section), section


def drawn(page: Page, name: str) -> Locator:
    """Bring a section on the screen and wait until everything that was asked has been answered and drawn."""
    view, section = views(page, name)
    section.wait_for(timeout=60_000)
    section.scroll_into_view_if_needed()
    section.locator(".panels[id]").wait_for(timeout=60_000)
    expect(view).to_have_attribute("data-state", "idle", timeout=60_000)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
    return section


def type_number(page: Page, section: Locator, path: str, words: str) -> None:
    """Type over a number as a reader would."""
    box = section.locator(f"input[data-path='{path}']").first
    box.click()
    box.press("ControlOrMeta+a")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
