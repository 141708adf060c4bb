"""The explorer as a reader feels it: from pointer to paint, in a real Chromium against a real local server.

A bar of a ten-class row is dragged by mouse events. For each one the page's own clock says when the event was made,
when the numbers that answer it stood in the document, and when a frame with them had been painted. A display paints
every 16.7 ms, so a frame is waited for by 8 ms on average whatever the software does; the same drag is therefore
also measured with Chromium's frame limiter off, which shows the software alone.
"""

from __future__ import annotations

import gzip
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.machine import quantile, write
from tests.explorer.conftest import CHROMIUM, start_server, stop_server

FRAME = 1000 / 60
MOVES = 300

WATCH = """(selector) => {
  const out = window.__out = { answered: [], painted: [], own: [] };
  let made = null;
  addEventListener("pointerrawupdate", (event) => {
    made = event.timeStamp;
    requestAnimationFrame(() => { const c = new MessageChannel(); const t = event.timeStamp;
      c.port1.onmessage = () => out.own.push(performance.now() - t); c.port2.postMessage(0); });
  }, { capture: true });
  new MutationObserver(() => {
    if (made === null) return;
    const since = made; made = null;
    out.answered.push(performance.now() - since);
    requestAnimationFrame(() => { const c = new MessageChannel();
      c.port1.onmessage = () => out.painted.push(performance.now() - since); c.port2.postMessage(0); });
  }).observe(document.querySelector(selector), { subtree: true, childList: true, characterData: true });
}"""


def drag(page: Page) -> dict[str, Any]:
    """Drag the first logit to and fro and collect the page's own times, in milliseconds."""
    lane = page.locator("#logits-figure-logits [role=slider]").first
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    assert box is not None
    page.evaluate(WATCH, "#logits-readout-numbers")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    for i in range(MOVES):
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.4 * abs((i / 60) % 2 - 1)), y)
        page.wait_for_timeout(25)
    page.mouse.up()
    page.wait_for_timeout(200)
    times: dict[str, list[float]] = page.evaluate("window.__out")
    names = {"own": "the dragged bar painted", "answered": "numbers in the document", "painted": "numbers painted"}
    return {
        names[key]: {
            "moves": len(values),
            "median ms": round(statistics.median(values), 2),
            "95 % ms": round(quantile(values, 0.95), 2),
            "within a frame": round(sum(v <= FRAME for v in values) / len(values), 4),
        }
        for key, values in times.items()
    }


def measure(flags: list[str]) -> dict[str, Any]:
    """Measure one drag with a Chromium of these flags."""
    server, address = start_server()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            page.wait_for_selector("#logits-readout-numbers")
            page.wait_for_timeout(500)
            result = drag(page)
            browser.close()
        return result
    finally:
        stop_server(server)


def import_time() -> float:
    """Time `import xent` in a new process: the median of 15, less the median of an empty process."""

    def median(code: str) -> float:
        times: list[float] = []
        for _ in range(15):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    return median("import xent") - median("pass")


def sizes() -> dict[str, int]:
    """Weigh the page's files as they travel, gzipped."""
    static = Path(__file__).parent.parent / "src" / "xent" / "explorer" / "static"
    return {
        str(path.relative_to(static)): len(gzip.compress(path.read_bytes(), 9, mtime=0))
        for path in sorted(static.rglob("*"))
        if path.suffix in (".js", ".css", ".html", ".woff2")
    }


def main() -> None:
    """Measure, print and keep everything."""
    result = {
        "pointer to paint, frames as a display shows them": measure([]),
        "pointer to paint, frame limiter off": measure(["--disable-frame-rate-limit", "--disable-gpu-vsync"]),
        "import xent, seconds": round(import_time(), 4),
        "gzipped bytes": sizes(),
    }
    for name, part in result.items():
        print(name)
        for key, value in part.items() if isinstance(part, dict) else [("", part)]:
            print(f"  {key}: {value}")
    print(f"written to {write('explorer', result).name}")
