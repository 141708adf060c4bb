"""The state of the experiment, and what is computed of it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xent.explorer.experiments.calibration import sample as s
from xent.explorer.numbers import num, show_input
from xent.explorer.rows import Rows, demo
from xent.explorer.section import Sources
from xent.explorer.state import Real, Whole, Word, stored
from xent.explorer.view import Num

COLD, HOT = 0.1, 10.0


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
