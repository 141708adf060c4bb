"""Pitfalls: the ways in which cross-entropy goes wrong in practice, each beside its repair on the same numbers."""

from xent.explorer.experiments.pitfalls.state import (
    NAME,
    PRESETS,
    VERSION,
    State,
    act,
    compute,
    first,
    repair,
    take,
)

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair", "take"]
