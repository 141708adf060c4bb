"""The first rows, in order: label, prediction and hash of each, as far as none is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.case import Case

Array = NDArray[Any]


@dataclass(frozen=True)
class Opening:
    """Rows in order.

    Attributes
    ----------
    labels, predicted, marks : arrays (n,)
        Predicted is −1 for rows that do not count.
    start : int
        Position of the first.

    Examples
    --------
    >>> Opening(np.array([1]), np.array([1]), np.array([7]), 0).counts.tolist()
    [True]
    """

    labels: Array
    predicted: Array
    marks: Array
    start: int

    @property
    def counts(self) -> Array:
        """Whether each row counts."""
        return self.predicted >= 0


def opening(case: Case) -> Opening:
    """Give the first rows up to the first gap, which files that are merged leave between them.

    Examples
    --------
    >>> from xent.auditor.plan import make
    >>> from xent.auditor.summary import Summary
    >>> z, y = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])
    >>> opening(Case(Summary.of(make(z, y)).add(0, z, y))).predicted.tolist()
    [0, 1]
    """
    case.summary.settle()
    table = case.summary.tables["opening"]
    position = table["position"]
    gaps = np.flatnonzero(np.diff(position) != 1)
    stop = int(gaps[0]) + 1 if len(gaps) else len(position)
    start = int(position[0]) if len(position) else 0
    return Opening(table["label"][:stop], table["predicted"][:stop], table["mark"][:stop], start)
