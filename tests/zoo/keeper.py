"""Runs the zoo: what each rule finds in its positives, and in what nothing is wrong with."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo import clean, honest

import xent
from xent.auditor.report import Report

SEEDS = 24


def positives() -> dict[str, Callable[..., dict[str, Any]]]:
    """Every sabotage by its code, of all files ``sabotage_*.py``."""
    found: dict[str, Callable[..., dict[str, Any]]] = {}
    for path in sorted(Path(__file__).parent.glob("sabotage_*.py")):
        found |= importlib.import_module(f"zoo.{path.stem}").POSITIVES
    return dict(sorted(found.items()))


def audited(made: dict[str, Any]) -> Report:
    """Audit what a sabotage or a configuration made."""
    made = dict(made)
    return xent.audit(made.pop("scores"), made.pop("labels"), **made)


def sabotaged(code: str, seed: int) -> Report:
    """Audit one positive of a code."""
    return audited(positives()[code](*honest.base(seed)))


def false_alarms(one: clean.Clean) -> list[str]:
    """Codes that are found in a clean configuration and are not true of it."""
    return [f.code for f in audited(one.make()).findings if f.code not in one.true]
