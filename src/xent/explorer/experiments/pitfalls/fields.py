"""The fields that the panels read; `state.State` gives them their defaults and ranges."""

from __future__ import annotations

from dataclasses import dataclass

OUTPUT = (-20.0, 100.0)
"""The range of an output of the small network that is read in two ways."""


@dataclass(frozen=True)
class Fields:
    """One batch for all, and what each pitfall is tried with.

    Attributes
    ----------
    logits, labels : tuple of float, tuple of int
        Four rows of three classes, row after row, and their right classes.
    k, margin, step : int, float, int
        Classes, the right class's lead in logits, and a gradient step: of the double softmax.
    output : tuple of float
        Three numbers that may be logits or probabilities.
    rows : int
        Rows of the batch that the wrong axis runs over.
    shift : str
        ``"down"``: labels one too low; ``"up"``: one too high.
    many : str
        Rows of a batch whose losses are added up, or averaged.
    clip, gap : float
        Where probabilities are clipped, and how far a wrong class leads.
    rare, guess : float
        The share of the rare class, and the constant probability predicted for it.
    program : str
        The pitfall that is shown as programs.
    """

    logits: tuple[float, ...]
    labels: tuple[int, ...]
    k: int
    margin: float
    step: int
    output: tuple[float, ...]
    rows: int
    shift: str
    many: str
    clip: float
    gap: float
    rare: float
    guess: float
    program: str

    def row(self, i: int) -> tuple[float, ...]:
        """Give the logits of a row of the batch."""
        return self.logits[3 * i : 3 * i + 3]
