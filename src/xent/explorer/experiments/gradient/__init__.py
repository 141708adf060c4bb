"""The gradient: the chain rule cell by cell, why p − t stays bounded, why squared error stalls, and clipping."""

from xent.explorer.experiments.gradient.panels import compute
from xent.explorer.experiments.gradient.state import NAME, PRESETS, VERSION, State, act, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
