"""From scores to a gradient: logits, probabilities, loss and gradient of one row, all of them live."""

from xent.explorer.experiments.logits.actions import act, first
from xent.explorer.experiments.logits.panels import compute
from xent.explorer.experiments.logits.state import NAME, VERSION, State, repair

__all__ = ["NAME", "VERSION", "State", "act", "compute", "first", "repair"]
