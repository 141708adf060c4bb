"""The picture at the top of the README, in both themes: ``python -m docs.picture [FOLDER]``.

The page as it greets a newcomer, from a real server in a real Chromium: the contents, and the first section with
its bars, its loss and its gradient. It is twice as fine as the page and in few colours, which keeps it small.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.explorer.conftest import CHROMIUM, start_server, stop_server
from tests.explorer.seen import open_at

SIZE = {"width": 1440, "height": 1350}
COLOURS = 96
NAMES = {"light": "explorer.png", "dark": "explorer-dark.png"}


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    server, address = start_server()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, device_scale_factor=2)  # type: ignore[arg-type]
            for theme, name in NAMES.items():
                page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                open_at(page, address)
                page.evaluate("document.fonts.ready.then(() => true)")
                taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
                few = taken.quantize(COLOURS, dither=Image.Dither.NONE)
                few.save(folder / name, optimize=True)
                print(folder / name)
            browser.close()
    finally:
        stop_server(server)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
