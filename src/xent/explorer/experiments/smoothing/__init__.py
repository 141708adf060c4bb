"""Label smoothing: the floor it puts under the loss, its two conventions, and the logit gap it asks for."""

from xent.explorer.experiments.smoothing.panels import compute
from xent.explorer.experiments.smoothing.state import NAME, PRESETS, VERSION, State, act, first, repair

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair"]
