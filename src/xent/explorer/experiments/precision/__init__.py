"""Precision: four ways to write one loss, in four number formats, and where each of them dies."""

from xent.explorer.experiments.precision.panels import compute
from xent.explorer.experiments.precision.state import NAME, PRESETS, VERSION, State, act, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
