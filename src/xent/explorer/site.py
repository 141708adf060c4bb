"""The static site: the page, this Python for a browser, and Pyodide, in one folder that any file server serves.

``make site`` fetches Pyodide and calls ``python -m xent.explorer.site``. The folder works from any sub-path and
loads nothing from outside it. Built from a checkout, with the standard library and Node.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

from xent.explorer.text import words

PACKAGE = Path(__file__).parents[1]
STATIC = PACKAGE / "explorer" / "static"
FRONTEND = PACKAGE.parents[1] / "frontend"

text = words("site")

PAGE = ("icon.svg", "page.css", "site.js", "view.css", "view.js", "worker.js")
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")

ELSEWHERE = ("files.py", "server.py", "site.py", "widget.py")
"""Modules of the explorer that a browser has no use for: they need more than the standard library."""

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'"
)
DATE = (1980, 1, 1, 0, 0, 0)


class SiteError(ValueError):
    """The site cannot be built; the message is one sentence for the reader."""


def build(out: str | Path, /) -> int:
    """Write the site into a folder, which is replaced if an earlier one stands there.

    Parameters
    ----------
    out : str or Path
        The folder; it must not exist, be empty, or hold an earlier site.

    Returns
    -------
    int
        The size of the folder in bytes.

    Raises
    ------
    SiteError
        This is no checkout, Node or Pyodide is not there, or the folder holds something else.
    """
    out, node = Path(out), shutil.which("node")
    missing = [name for name in PYODIDE if not (FRONTEND / "node_modules" / "pyodide" / name).is_file()]
    if missing:
        raise SiteError(
            f"{FRONTEND} has no Pyodide ({missing[0]}); npm ci in it brings it, and make site does that."
        )
    if node is None:
        raise SiteError("Building the site needs Node.js, 20 or later; no node was found.")
    if out.exists() and any(out.iterdir()) and not (out / "engine.zip").is_file():
        raise SiteError(f"{out} holds something else than an earlier site; an empty folder was expected.")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(STATIC / "fonts", out / "fonts")
    (out / "pyodide").mkdir()
    for name in PAGE:
        shutil.copyfile(STATIC / name, out / name)
    for name in PYODIDE:
        shutil.copyfile(FRONTEND / "node_modules" / "pyodide" / name, out / "pyodide" / name)
    (out / "index.html").write_text(_page(), "utf-8")
    (out / "engine.zip").write_bytes(engine())
    (out / "NOTICES.txt").write_text(_notices(), "utf-8")
    subprocess.run([node, "snapshot.mjs", out.resolve()], cwd=FRONTEND, check=True)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def engine() -> bytes:
    """Pack what the engine is made of: `xent.spec`, the explorer, its words and its demo. The same bytes each time.

    Examples
    --------
    >>> names = zipfile.ZipFile(io.BytesIO(engine())).namelist()
    >>> "xent/spec.py" in names, "xent/explorer/engine.py" in names, "xent/explorer/server.py" in names
    (True, True, False)
    """
    explorer = PACKAGE / "explorer"
    sources = [PACKAGE / "__init__.py", PACKAGE / "spec.py"]
    sources += [path for path in explorer.rglob("*.py") if path.name not in ELSEWHERE]
    sources += [*explorer.glob("text/*.toml"), *explorer.glob("demo/*.json")]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(sources):
            entry = zipfile.ZipInfo(path.relative_to(PACKAGE.parent).as_posix(), DATE)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def _page() -> str:
    """Turn the server's page into the site's: its own script, its own policy, and a sentence to wait with."""
    page = (STATIC / "index.html").read_text("utf-8")
    starting = f'<p id="starting" role="status" data-failed="{escape(text.failed)}">{escape(text.starting)}</p>'
    for old, new in [
        ('src="./page.js"', 'src="./site.js"'),
        ("    <title>", f'    <meta http-equiv="Content-Security-Policy" content="{POLICY}" />\n    <title>'),
        ('    <div id="xent"></div>', f'    {starting}\n    <div id="xent"></div>'),
    ]:
        if page.count(old) != 1:
            raise SiteError(
                f"static/index.html was expected to hold {old.strip()!r} once; site.py has to follow it."
            )
        page = page.replace(old, new)
    return page


def _notices() -> str:
    about = json.loads((FRONTEND / "node_modules" / "pyodide" / "package.json").read_text("utf-8"))
    return (
        f"{(STATIC / 'NOTICES.txt').read_text('utf-8').rstrip()}\n\n{'=' * 80}\n"
        f"pyodide/: Pyodide {about['version']} ({about['license']}), unchanged; its source and licence are at\n"
        f"github.com/pyodide/pyodide. It contains CPython and its standard library (PSF-2.0) and the Emscripten\n"
        f"runtime (MIT).\n{'=' * 80}\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Build a site from the command line; 2 when it cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m xent.explorer.site", description="Build the static site.")
    parser.add_argument("out", type=Path, help="the folder to write")
    chosen = parser.parse_args(arguments)
    try:
        size = build(chosen.out)
    except SiteError as error:
        sys.stderr.write(f"xent: {error}\n")
        return 2
    sys.stdout.write(f"{chosen.out} has {size / 1e6:.1f} MB; see it with: python3 -m http.server -d {chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
