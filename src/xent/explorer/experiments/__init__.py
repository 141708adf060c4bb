"""The sections of the explorer: every experiment is one module here."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from xent.explorer.section import Experiment

ARTICLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("logits", "information", "binary", "labels")),
    ("inside", ("gradient", "precision")),
    ("variations", ("temperature", "smoothing", "focal")),
    ("origins", ("likelihood", "landscape")),
    ("practice", ("calibration", "training")),
    ("around", ("attention", "pitfalls")),
)
"""The groups of the article, and the sections of each, in order. A section is a module of its name here."""

NAMES = tuple(name for _, names in ARTICLE for name in names)


def load() -> dict[str, Experiment]:
    """Import the sections that are written, in order."""
    there = [name for name in NAMES if find_spec(f"{__name__}.{name}")]
    return {name: cast("Experiment", import_module(f"{__name__}.{name}")) for name in there}
