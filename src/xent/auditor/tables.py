"""Bounded tables of rows that merge exactly: the least so many by a key are kept.

What is among the least k of all rows is among the least k of any part of them that holds it, so that no order of
adding and merging changes what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Columns of rows, sorted by some of them, at most ``limit`` rows.

    Attributes
    ----------
    columns : dict of str to array
        All of one length.
    by : tuple of str
        The columns that order the rows, most important first; what is least is kept.
    limit : int
        How many rows are kept.
    counted : bool
        Whether rows that agree in ``by`` are one: their "count" is added up, and the least "position" kept.

    Examples
    --------
    >>> a = Table({"position": np.array([7, 3]), "label": np.array([0, 1])}, by=("position",), limit=2).kept()
    >>> b = Table({"position": np.array([5]), "label": np.array([9])}, by=("position",), limit=2)
    >>> {name: column.tolist() for name, column in (a + b).columns.items()}
    {'position': [3, 5], 'label': [1, 9]}
    """

    columns: dict[str, Array]
    by: tuple[str, ...]
    limit: int
    counted: bool = False

    def __len__(self) -> int:
        return len(self.columns[self.by[0]])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def __add__(self, other: Table) -> Table:
        limit = min(self.limit, other.limit)
        together = {name: np.concatenate([a, other.columns[name]]) for name, a in self.columns.items()}
        return replace(self, columns=together, limit=limit).kept()

    def kept(self, limit: int | None = None) -> Table:
        """Sort, make equal rows one, and cut.

        Examples
        --------
        >>> marks = {"mark": np.array([4, 1, 4]), "count": np.array([1, 1, 2]), "position": np.array([9, 8, 2])}
        >>> table = Table(marks, by=("mark",), limit=9, counted=True).kept()
        >>> table["mark"].tolist(), table["count"].tolist(), table["position"].tolist()
        ([1, 4], [1, 3], [8, 2])
        """
        limit = self.limit if limit is None else limit
        order = self._order()
        columns = self.columns
        if self.counted and len(order):
            new = np.ones(len(order), bool)
            new[1:] = np.any([np.diff(columns[name][order]) != 0 for name in self.by], axis=0)
            counts = np.zeros_like(columns["count"])
            counts[order[new]] = np.add.reduceat(columns["count"][order], np.flatnonzero(new))
            columns, order = columns | {"count": counts}, order[new]
        return replace(self, columns={name: c[order[:limit]] for name, c in columns.items()}, limit=limit)

    def _order(self) -> Array:
        """Give the order of the rows: by the first key, which seldom ties, and by all where it does."""
        first = self.columns[self.by[0]]
        if len(first) < 2 or (first[1:] > first[:-1]).all():
            return np.arange(len(first))
        order = np.argsort(first)
        ranked = first[order]
        equal = ranked[1:] == ranked[:-1]
        if equal.any():
            tied = np.concatenate([equal, [False]]) | np.concatenate([[False], equal])
            rows = order[tied]
            order[tied] = rows[np.lexsort([self.columns[k][rows] for k in reversed((*self.by, *self._last))])]
        return order

    @property
    def _last(self) -> tuple[str, ...]:
        """What decides between rows that agree in ``by``."""
        return ("position",) if "position" in self.columns and "position" not in self.by else ()

    def where(self, chosen: Array) -> Table:
        """Give some of the rows.

        Examples
        --------
        >>> t = Table({"position": np.arange(3)}, by=("position",), limit=3)
        >>> t.where(t["position"] > 0)["position"].tolist()
        [1, 2]
        """
        return replace(self, columns={name: column[chosen] for name, column in self.columns.items()})


def empty(
    columns: Mapping[str, type[Any] | tuple[type[Any], int]],
    *,
    by: tuple[str, ...],
    limit: int,
    counted: bool = False,
) -> Table:
    """Give a table without rows.

    Parameters
    ----------
    columns : dict of str to dtype, or to (dtype, width)
        The columns' types.
    by, limit, counted
        As of :class:`Table`.

    Examples
    --------
    >>> empty({"position": np.int64, "scores": (np.float32, 3)}, by=("position",), limit=4)["scores"].shape
    (0, 3)
    """
    made: dict[str, Array] = {
        name: np.empty((0, kind[1]), kind[0]) if isinstance(kind, tuple) else np.empty(0, kind)
        for name, kind in columns.items()
    }
    return Table(made, by=by, limit=limit, counted=counted)
