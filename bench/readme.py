"""Write the tables between the markers of README.md and docs/benchmarks.md from what ``bench/results`` holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import audit_tables, cpu_tables, machine

ROOT = Path(__file__).parent.parent
Render = Callable[[dict[str, Any] | None], str]
PLACES: tuple[tuple[str, str, Render], ...] = (
    ("README.md", "cpu", cpu_tables.readme),
    ("docs/benchmarks.md", "cpu", cpu_tables.docs),
    ("docs/benchmarks.md", "audit", audit_tables.docs),
)
"""Page, name of the benchmark and of its markers, and what to write."""


def measured(name: str) -> dict[str, Any] | None:
    """Read the last full run, if there is one."""
    path = machine.RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def between(text: str, name: str, new: str) -> str:
    """Replace what stands between the markers; there must be exactly one pair."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(
            f"expected exactly one pair {begin} … {end}, each on its own line; put it where the table goes"
        )
    return pattern.sub(lambda _: f"{begin}\n{new}{end}", text)


def main() -> None:
    """Rewrite the pages."""
    for page, name, render in PLACES:
        path = ROOT / page
        path.write_text(between(path.read_text(), name, render(measured(name))))
        print(f"written: {page}, {name}")
