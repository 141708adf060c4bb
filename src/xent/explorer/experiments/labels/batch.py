"""What the library says about a batch: what each row costs and weighs, and what the mean divides by."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property, lru_cache

from xent import spec
from xent.explorer.experiments.labels.state import State


@lru_cache(maxsize=128)  # an edit changes one row of a dozen
def _cost(logits: tuple[float, ...], target: tuple[float, ...], weights: tuple[float, ...] | None) -> float:
    return spec.loss(logits, target, weight=weights)


class Batch:
    """A state's rows, and the sums over them; losses in nats."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rows = range(state.n)
        self.targets = [state.target(i) for i in self.rows]

    @cached_property
    def plain(self) -> list[float]:
        """−log p of each row's target, averaged by it, without weights."""
        return [_cost(self.state.row(i), self.targets[i], None) for i in self.rows]

    @cached_property
    def masses(self) -> list[float]:
        """The weight of each row: its class's, or its target's average of the classes'."""
        return [math.fsum(w * t for w, t in zip(self.state.weights, q, strict=True)) for q in self.targets]

    @cached_property
    def weighted(self) -> list[float]:
        """The weighted loss of each row, Σ_j w_j t_j (−log p_j)."""
        return [_cost(self.state.row(i), self.targets[i], self.state.weights) for i in self.rows]

    def counted(self, rows: Iterable[int]) -> list[int]:
        """Give those of the rows that are not ignored."""
        return [i for i in rows if self.state.used[i]]

    def numerator(self, rows: Iterable[int]) -> float:
        """Add up what the rows cost; nothing costs 0."""
        return math.fsum(self.weighted[i] for i in self.counted(rows))

    def denominator(self, rows: Iterable[int], by: str) -> float:
        """Add up what the mean divides by; a sum divides by 1."""
        if by == "weights":
            return math.fsum(self.masses[i] for i in self.counted(rows))
        return {"rows": float(len(self.counted(rows))), "all": float(len(list(rows)))}.get(by, 1.0)

    def result(self, rows: Iterable[int] | None = None, by: str | None = None) -> float:
        """Give the reduced loss of some rows, or of all; 0/0 is NaN."""
        chosen = list(self.rows if rows is None else rows)
        above, below = self.numerator(chosen), self.denominator(chosen, by or self.state.by)
        return above / below if below else math.nan

    @property
    def parts(self) -> tuple[list[int], list[int]]:
        """The rows of the two micro-batches."""
        return list(self.rows[: self.state.split]), list(self.rows[self.state.split :])
