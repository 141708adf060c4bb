"""Surprise, entropy, cross-entropy and divergence: a forecast as a code, whose cost is an area."""

from xent.explorer.experiments.information.state import NAME, PRESETS, VERSION, State, act, compute, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
