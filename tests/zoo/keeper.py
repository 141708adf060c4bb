"""Runs the zoo: what each rule finds in its positives, and in what nothing is wrong with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import xent
from xent.auditor.report import Report
from zoo import clean, honest

SEEDS = 24
Made = dict[str, Any]
Sabotage = Callable[..., Made]


def positives() -> dict[str, tuple[Sabotage, Callable[..., bool]]]:
    """Every sabotage by its code, of all files ``sabotage_*.py``, and whether a base suits it."""
    found: dict[str, tuple[Sabotage, Callable[..., bool]]] = {}
    for path in sorted(Path(__file__).parent.glob("sabotage_*.py")):
        module = importlib.import_module(f"zoo.{path.stem}")
        suits = getattr(module, "suits", lambda *_: True)
        found |= {code: (make, suits) for code, make in module.POSITIVES.items()}
    return dict(sorted(found.items()))


def sabotaged(code: str, many: int) -> Iterator[Made]:
    """Give what an audit of so many positives of a code takes."""
    make, suits = positives()[code]
    made = 0
    for seed in range(20 * many):
        rng, z, y = honest.base(seed)
        if suits(code, z, y):
            yield make(rng, z, y)
            made += 1
        if made == many:
            return
    raise ValueError(f"only {made} bases suit {code}")


def audited(made: Made) -> Report:
    """Audit what a sabotage or a configuration made."""
    made = dict(made)
    return xent.audit(made.pop("scores"), made.pop("labels"), **made)


def found(made: Made) -> list[str]:
    """Codes of the findings."""
    return [f.code for f in audited(made).findings]


def false_alarms(one: clean.Clean) -> list[str]:
    """Codes that are found in a clean configuration and are not true of it."""
    return [code for code in found(one.make()) if code not in one.true]
