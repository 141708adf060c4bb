"""What figures are made of: axes with their ticks, lines, marks and rules on them, and the table behind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from xent.explorer.numbers import nice_ticks, show_tick
from xent.explorer.view import Axis, Handle, Line, Mark, Num, Rule, Table, Tick


@lru_cache(maxsize=256)  # a view model is never changed, so equal axes may be one
def axis(label: str, low: float, high: float, *, about: int = 4) -> Axis:
    """Make a linear axis with round ticks."""
    ticks: list[Tick] = [{"at": t, "text": show_tick(t)} for t in nice_ticks(low, high, about=about)]
    return {"label": label, "domain": (low, high), "scale": "linear", "ticks": ticks}


def log_axis(label: str, low: float, high: float) -> Axis:
    """Make an axis of decades, with a tick at each power of ten, or at every second or third of many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, -(-(last - first) // 8))
    ticks: list[Tick] = [
        {"at": 10.0**k, "text": show_tick(10.0**k)} for k in range(first, last + 1) if (k - first) % every == 0
    ]
    return {"label": label, "domain": (low, high), "scale": "log", "ticks": ticks}


def rule(where: Literal["x", "y"], number: Num, label: str) -> Rule:
    """Draw a reference line at a finite number; it lights up with the number's ref."""
    return {
        "axis": where,
        "at": number["value"] or 0.0,
        "label": label,
        "ref": number.get("ref", ""),
        "number": number,
    }


def mark(x: float, y: float, ref: str, label: str, *, held: Handle | None = None) -> Mark:
    """Put a point with its words on a figure; with ``held`` it can be moved."""
    out: Mark = {"x": x, "y": y, "ref": ref, "label": label}
    if held:
        out["handle"] = held
    return out


def line(
    points: Iterable[tuple[float, float] | None],
    label: str = "",
    *,
    ref: str | None = None,
    dashed: bool = False,
    thin: bool = False,
) -> Line:
    """Draw a curve; None breaks it, and so does a point that is not finite."""
    kept = [p if p is not None and all(map(math.isfinite, p)) else None for p in points]
    out: Line = {"points": kept, "label": label}
    if ref is not None:
        out["ref"] = ref
    if dashed:
        out["dashed"] = True
    if thin:
        out["thin"] = True
    return out


def table(columns: Iterable[str], rows: Iterable[Sequence[str | Num]]) -> Table:
    """Hold the data behind a figure; the first column names the rows."""
    return {"columns": list(columns), "rows": [list(row) for row in rows]}
