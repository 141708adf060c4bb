"""What a rule may look at: the summary, what was computed from it, and what the caller said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from xent.auditor.numbers import Numbers, numbers_of, sampled
from xent.auditor.plan import Plan
from xent.auditor.summary import Summary

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """One audit, for its rules.

    Attributes
    ----------
    summary : Summary
        Everything that was remembered.
    reported : float or None
        The loss that a program printed for these rows, if the caller gave it.
    decimals : int or None
        Decimals that it was printed with.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.auditor.plan import make
    >>> z, y = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])
    >>> case = Case(Summary.of(make(z, y)).add(0, z, y))
    >>> case.numbers.accuracy, case.n
    (0.5, 2)
    """

    summary: Summary
    reported: float | None = None
    decimals: int | None = None

    @property
    def plan(self) -> Plan:
        """What all rows have in common."""
        return self.summary.plan

    @property
    def n(self) -> int:
        """Rows that count."""
        return self.summary.counts["rows"]

    @property
    def k(self) -> int:
        """Classes."""
        return self.plan.classes

    @cached_property
    def numbers(self) -> Numbers:
        """What the report shows."""
        return numbers_of(self.summary)

    @cached_property
    def sample(self) -> tuple[Array, Array, Array]:
        """Logits (n, K) as float64, labels and counts of the sampled distinct rows; log p for probabilities."""
        return sampled(self.summary)

    @cached_property
    def raw(self) -> Array:
        """Scores (n, K) of the sampled rows, as they came, as float32."""
        return self.summary.tables["sample"]["scores"]

    @property
    def whole(self) -> bool:
        """Whether the sample is all rows."""
        sample = self.summary.tables["sample"]
        return int(sample["count"].sum()) == self.n
