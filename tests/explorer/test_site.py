"""The static site: the same Python under Pyodide, from its own folder and nowhere else."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.explorer.notebooks import drawn, opened, type_number
from tests.explorer.owned import ANIMALS, ROWS_TAKEN, given_rows
from tests.explorer.seen import number, view_of
from xent.explorer import engine
from xent.explorer import site as building
from xent.explorer.engine import EXPERIMENTS
from xent.explorer.packed import PREFIX

USEFUL_SECONDS = 5.0
LARGEST_MB = 25

pytestmark = pytest.mark.xdist_group("node")


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder's parent with the standard library, as `python -m http.server` does; the folder's address."""
    handler = functools.partial(_Quiet, directory=folder.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{quote(folder.name)}/"
    server.shutdown()
    thread.join()
    server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, where Node and Pyodide are."""
    there = (building.FRONTEND / "node_modules" / "pyodide").is_dir()
    if shutil.which("node") is None or not there:
        reason = "no Node, or no Pyodide in frontend/node_modules (npm ci brings it): the site cannot be built"
        if os.environ.get("XENT_REQUIRE_NODE") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    out = tmp_path_factory.mktemp("web") / "a sub-path"
    building.build(out)
    return out


def test_the_engine_runs_from_its_archive_alone(tmp_path: Path) -> None:
    """No NumPy, no installed package: only the standard library and the zip."""
    (tmp_path / "engine.zip").write_bytes(building.engine())
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from xent.explorer.answer import answer_text
print(answer_text('{"seq": 1, "url": "x=logits&v=1&z=1,2", "actions": []}'))
"""
    command = [sys.executable, "-I", "-S", "-c", program, str(tmp_path / "engine.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["view"] == json.loads(json.dumps(view_of("x=logits&v=1&z=1,2")))
    assert building.engine() == building.engine()


def test_own_rows_are_shown_by_the_archive_as_by_the_server(tmp_path: Path) -> None:
    """In every section that takes them, as text and as NumPy's bytes, with the standard library alone."""
    (tmp_path / "engine.zip").write_bytes(building.engine())
    file = io.BytesIO()
    np.savez_compressed(file, logits=np.array([[2, 1, 0.1], [0.3, 1.9, 2.2], [1, 1, 4]]), labels=np.arange(3))
    packed = PREFIX + base64.b64encode(file.getvalue()).decode()
    requests = [
        {"seq": 1, "url": f"x={name}", "actions": [{"do": "own"}], "own": given_rows(text)}
        for name in ROWS_TAKEN
        for text in (ANIMALS, packed)
    ]
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from xent.explorer.answer import answer_text
for line in sys.stdin:
    print(answer_text(line))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path / "engine.zip")],
        input="\n".join(map(json.dumps, requests)),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [json.loads(json.dumps(engine.respond(request))) for request in requests]
    assert not any("error" in answer for answer in answers)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "FRONTEND", tmp_path / "frontend")
    with pytest.raises(building.SiteError, match=r"has no Pyodide.*npm ci"):
        building.build(tmp_path / "site")
    pyodide = tmp_path / "frontend" / "node_modules" / "pyodide"
    pyodide.mkdir(parents=True)
    for name in building.PYODIDE:
        (pyodide / name).touch()
    monkeypatch.setattr(building.shutil, "which", lambda _: "node")
    (tmp_path / "mine.txt").touch()
    with pytest.raises(building.SiteError, match="something else than an earlier site"):
        building.build(tmp_path)
    assert (tmp_path / "mine.txt").exists()
    monkeypatch.setattr(building.shutil, "which", lambda _: None)
    with pytest.raises(building.SiteError, match=r"needs Node\.js"):
        building.build(tmp_path / "site")
    assert building.main([str(tmp_path)]) == 2


def _opening(browser: Browser, address: str) -> float:
    """Seconds from the address to the first picture, nothing cached, as if the machine had nothing else to do."""
    page = opened(browser, [])
    began, worked = time.perf_counter(), time.process_time()
    while time.process_time() - worked < 0.2:
        pass
    crowd = (time.perf_counter() - began) / 0.2  # how much longer everything takes just now
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("[data-section] .panels[id]", timeout=60_000)
    seconds = time.perf_counter() - began
    page.context.close()
    sys.stdout.write(f"the first picture after {seconds:.2f} s, on a machine {crowd:.1f} times as slow as alone\n")
    return seconds / max(1.0, crowd / 2)  # a page with a worker is given two shares


@pytest.mark.browser
@pytest.mark.slow
def test_it_opens_soon_and_needs_nothing_but_its_folder(browser: Browser, site: Path) -> None:
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    outside: list[str] = []
    asked: list[str] = []
    errors: list[str] = []
    with serve(site) as address:
        page = opened(browser, outside)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        seconds = min(_opening(browser, address) for _ in range(3))
        page.goto(address)
        sys.stdout.write(f"the first picture after {seconds:.2f} s at best; the folder has {size:.1f} MB\n")
        drawn(page, "logits")
        expect(page.locator("#starting")).to_have_count(0)
        for name in EXPERIMENTS:
            drawn(page, name)
        type_number(page, drawn(page, "logits"), "logits.0", "3.25")
        drawn(page, "logits")
        page.wait_for_function("location.hash.includes('z=3.25')")
        link = page.evaluate("location.hash.slice(1)")
        loss = number(page, "loss")
        page.context.close()
    assert outside == []
    assert errors == []
    assert [url for url in asked if not url.startswith(address)] == []
    assert loss in json.dumps(view_of(link), ensure_ascii=False)
    assert size < LARGEST_MB
    assert seconds < USEFUL_SECONDS


@pytest.mark.browser
@pytest.mark.slow
def test_a_reader_s_own_rows_are_read_without_numpy(browser: Browser, site: Path, tmp_path: Path) -> None:
    outside: list[str] = []
    with serve(site) as address:
        page = opened(browser, outside)
        page.goto(f"{address}#x=calibration&v=1&solo=1")
        drawn(page, "calibration")
        here = page.locator(".own-rows")
        here.locator("summary").click()
        here.get_by_label("Rows as text").fill("cat,dog,label\n2,1,cat\n0,nan,dog")
        here.get_by_role("button", name="Use these rows").click()
        expect(here.get_by_role("alert")).to_contain_text("Row 1, column 1 is NaN", timeout=20_000)
        here.get_by_label("Rows as text").fill("cat,dog,label\n2,1,cat\n0,3,dog")
        here.get_by_role("button", name="Use these rows").click()
        expect(here.get_by_role("status")).to_contain_text("2 rows of 2 classes (cat, dog), 0 mistakes.")
        drawn(page, "calibration")
        page.wait_for_function("location.hash.includes('src=own')")
        np.savez_compressed(tmp_path / "rows.npz", logits=np.eye(3, dtype=np.float32) * 3, labels=np.arange(3))
        here.get_by_label("Open a file").set_input_files(tmp_path / "rows.npz")
        expect(here.get_by_role("status")).to_contain_text("rows.npz: 3 rows of 3 classes (0, 1, 2), 0 mistakes.")
        page.context.close()
    assert outside == []


@pytest.mark.browser
@pytest.mark.slow
def test_what_cannot_start_says_so(browser: Browser, site: Path) -> None:
    with serve(site) as address:
        page = opened(browser, [])
        page.context.route("**/engine.snapshot", lambda route: route.abort())
        page.goto(address)
        expect(page.locator("#starting")).to_contain_text("could not start", timeout=30_000)
        page.context.close()
