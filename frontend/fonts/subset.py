"""Cut the STIX Two faces down to what a page of this explorer sets, keeping the MATH table.

Run by hand when a new sign is needed; the results live in ``src/xent/explorer/static/fonts``. Needs Node's npm
(which fetches the two ``@fontsource`` packages named below into a scratch folder) and fonttools with brotli::

    python -m venv scratch && scratch/bin/pip install fonttools brotli
    scratch/bin/python frontend/fonts/subset.py
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

PACKAGES = ("@fontsource/stix-two-text@5.3.0", "@fontsource/stix-two-math@5.3.0")
OUT = Path(__file__).resolve().parents[2] / "src" / "xent" / "explorer" / "static" / "fonts"

TEXT = "U+20-7E,U+A0-FF,U+131,U+152-153,U+2010-2014,U+2018-201E,U+2022,U+2026,U+2032-2033,U+2044,U+20AC,U+2212"
# ASCII, signs of Latin-1, Greek, primes and dashes, super- and subscripts, letterlike, arrows, operators, fences,
# and the bold and italic alphabets that MathML's automatic italics map identifiers to.
MATH = (
    "U+20-7E,U+A0,U+AC,U+B0-B3,U+B7,U+B9,U+D7,U+F7,U+302-304,U+307,U+391-3F5,U+2010-2016,U+2026,U+2032-2034,"
    "U+2044,U+2061-2064,U+2070-209C,U+210E,U+2113,U+211D,U+2190-2194,U+21A6,U+21D2,U+21D4,U+2200-2203,U+2205-220B,"
    "U+220F-2213,U+2215,U+2217-221E,U+2223-2225,U+2227-222B,U+2236,U+223C,U+2243,U+2245,U+2248,U+2254,U+2260-2265,"
    "U+226A-226B,U+2282-2287,U+2295-2297,U+22A4-22A5,U+22C5,U+22EE-22F1,U+2308-230B,U+27E8-27E9,U+2016,"
    "U+1D400-1D467,U+1D6A8-1D71B"
)
FACES = (
    ("stix-two-text/files/stix-two-text-latin-400-normal.woff2", TEXT, "text.woff2"),
    ("stix-two-text/files/stix-two-text-latin-400-italic.woff2", TEXT, "text-italic.woff2"),
    ("stix-two-text/files/stix-two-text-latin-600-normal.woff2", TEXT, "text-semibold.woff2"),
    ("stix-two-math/files/stix-two-math-latin-400-normal.woff2", MATH, "math.woff2"),
)


def main() -> None:
    """Fetch, subset, write."""
    from fontTools import subset

    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["npm", "install", "--silent", "--prefix", scratch, *PACKAGES], check=True)  # noqa: S607
        for source, signs, name in FACES:
            target = OUT / name
            subset.main(
                [
                    f"{scratch}/node_modules/@fontsource/{source}",
                    f"--unicodes={signs}",
                    "--layout-features=*",
                    "--flavor=woff2",
                    "--no-recalc-timestamp",
                    f"--output-file={target}",
                ]
            )
            print(f"{target.name:24} {target.stat().st_size:7} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
