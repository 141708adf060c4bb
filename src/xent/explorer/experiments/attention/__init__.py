"""Softmax in attention: scores, 1/√d, masks of −∞ and temperature."""

from xent.explorer.experiments.attention.state import NAME, PRESETS, VERSION, State, act, compute, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
