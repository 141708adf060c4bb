"""From scores to a gradient: logits, probabilities, loss and gradient of one row, all of them live."""

from xent.explorer.experiments.logits.actions import act, first, take
from xent.explorer.experiments.logits.panels import compute
from xent.explorer.experiments.logits.state import NAME, VERSION, State, repair
from xent.explorer.section import Preset

PRESETS: tuple[Preset, ...] = ()

__all__ = ["NAME", "PRESETS", "VERSION", "State", "act", "compute", "first", "repair", "take"]
