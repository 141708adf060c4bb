"""The fields that the panels read; `state.State` gives them their defaults and ranges."""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.text import words

text = words("pitfalls")
CLASSES: tuple[str, ...] = tuple(text.classes)
OUTPUT = (-20.0, 100.0)
"""The range of an output of the small network that is read in two ways."""


@dataclass(frozen=True)
class Fields:
    """One batch for all, and what each pitfall is tried with.

    Attributes
    ----------
    logits, labels : tuple of float, tuple of int
        N rows of K classes, row after row, and their right classes.
    k, margin, step : int, float, int
        Classes, the right class's lead in logits, and a gradient step: of the double softmax.
    output : tuple of float
        Three numbers that may be logits or probabilities.
    rows : int
        Rows of the batch that the wrong axis runs over.
    shift : str
        ``"down"``: labels one too low; ``"up"``: one too high.
    many : str
        Rows of a batch whose losses are added up, or averaged, if the N rows were four.
    clip, gap : float
        Where probabilities are clipped, and how far a wrong class leads.
    rare, guess : float
        The share of the rare class, and the constant probability predicted for it.
    program : str
        The pitfall that is shown as programs.
    names : tuple of str
        The classes, where rows were loaded.
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
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def width(self) -> int:
        """How many classes a row has."""
        return len(self.logits) // len(self.labels)

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the classes, those of the rows that were loaded or our own."""
        return self.names or CLASSES[: self.width]

    @property
    def copies(self) -> int:
        """How often the rows stand in the batch whose losses are added up."""
        return int(self.many) // 4

    def row(self, i: int) -> tuple[float, ...]:
        """Give the logits of a row of the batch."""
        return self.logits[self.width * i : self.width * (i + 1)]
