"""Maximum likelihood: what cross-entropy is before it is a loss, as a product and as a sum of logarithms."""

from xent.explorer.experiments.likelihood.state import NAME, PRESETS, VERSION, State, act, compute, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
