"""The state of the experiment, and what is computed of it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from xent.explorer.experiments.calibration import sample as s
from xent.explorer.numbers import num, show_input
from xent.explorer.programs.calibration import Problem
from xent.explorer.rows import Rows, demo, weigh
from xent.explorer.section import Sources
from xent.explorer.state import Real, Whole, Word, stored
from xent.explorer.view import Num

COLD, HOT = 0.1, 10.0
PRINTED = 8
"""Rows of a reader's own that stand in a program; those of the demo are read from its file."""


@dataclass(frozen=True)
class State:
    """Whose predictions, by what their logits are divided, and into how many bins they are sorted."""

    source: str = stored("overtrained", Word("src", 40))
    temperature: float = stored(1.0, Real("T", COLD, HOT))
    bins: int = stored(10, Whole("bins", 2, 40))


def available(sources: Sources) -> Sources:
    """Give the rows to choose from; where there are none, the demo's."""
    return sources or demo()


class Case:
    """One state with its rows; losses in nats."""

    def __init__(self, state: State, sources: Sources) -> None:
        self.state = state
        self.sources = available(sources)
        self.rows: Rows = self.sources[state.source]
        self.taken = s.sample(self.rows)
        self.T = num(state.temperature, "T", text=show_input(state.temperature))

    @cached_property
    def losses(self) -> list[float]:
        """Each row's loss."""
        return s.losses(self.taken, self.state.temperature)

    @cached_property
    def loss(self) -> Num:
        """The mean loss."""
        return num(s.mean_loss(self.taken, self.state.temperature), "loss")

    @cached_property
    def confidence(self) -> Num:
        """How sure the model is on average."""
        sure = s.confidences(self.taken, self.state.temperature)
        return num(sum(sure) / len(sure), "confidence")

    @cached_property
    def bins(self) -> list[s.Bin]:
        """The bins that are not empty."""
        return s.reliability(self.taken, self.state.temperature, self.state.bins)

    @cached_property
    def error(self) -> float:
        """The expected calibration error."""
        return s.expected_calibration_error(self.bins)

    @cached_property
    def luck(self) -> tuple[float, float]:
        """Mean and standard deviation of that error for a perfectly calibrated model."""
        return s.by_luck(self.taken, self.state.temperature, self.state.bins)

    @cached_property
    def costliest(self) -> int:
        """Which of the rows costs most, by its place in the sample."""
        return max(range(len(self.losses)), key=self.losses.__getitem__)

    @cached_property
    def by_mistakes(self) -> float:
        """What the mistakes add to the mean loss."""
        return sum(c for c, right in zip(self.losses, self.taken.right, strict=True) if not right) / len(self.taken)

    @cached_property
    def by_right(self) -> float:
        """What the right answers add to the mean loss."""
        return sum(c for c, right in zip(self.losses, self.taken.right, strict=True) if right) / len(self.taken)

    @cached_property
    def problem(self) -> Problem:
        """What the section's programs compute: all rows of the demo, or the first few of a reader's own."""
        state, data, n = self.state, self.rows, len(self.rows.labels)
        own = demo().get(state.source) is not data
        few = min(PRINTED, n) if own else n
        fit = s.fit(s.sample(first_rows(data, few)) if own else self.taken)
        return Problem(
            demo=None if own else state.source,
            logits=[[float(v) for v in data.logits[i]] for i in range(few if own else 0)],
            labels=[int(y) for y in data.labels[: few if own else 0]],
            stated=(few, n),
            temperature=state.temperature,
            bins=state.bins,
            fits=fit.temperature is not None,
        )


@lru_cache(maxsize=8)
def first_rows(data: Rows, count: int) -> Rows:
    """Give the first rows of a file as rows of their own."""
    logits = [[float(v) for v in z] for z in data.logits[:count]]
    return weigh(logits, [int(y) for y in data.labels[:count]], name=data.name, classes=data.classes)
