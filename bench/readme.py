"""Write the tables between the markers of README.md and docs/benchmarks.md from ``bench/results/cpu.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import cpu_tables, machine

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- bench:cpu -->", "<!-- /bench:cpu -->"
PAGES: dict[str, Callable[[dict[str, Any] | None], str]] = {
    "README.md": cpu_tables.readme,
    "docs/benchmarks.md": cpu_tables.docs,
}


def measured() -> dict[str, Any] | None:
    """Read the last full run, if there is one."""
    path = machine.RESULTS / "cpu.json"
    return json.loads(path.read_text()) if path.exists() else None


def between(text: str, new: str) -> str:
    """Replace what stands between the markers; there must be exactly one pair."""
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(
            f"expected exactly one pair {BEGIN} … {END}, each on its own line; put it where the table goes"
        )
    return pattern.sub(lambda _: f"{BEGIN}\n{new}{END}", text)


def main() -> None:
    """Rewrite both pages."""
    result = measured()
    for name, render in PAGES.items():
        path = ROOT / name
        path.write_text(between(path.read_text(), render(result)))
        print(f"written: {name}")
