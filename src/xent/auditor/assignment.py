# pyright: basic
"""Which column is which class: the assignment with the most hits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def best_assignment(gain: Array) -> Array:
    """Give each row its own column so that the sum of the gains is largest.

    The Hungarian method with potentials, one shortest path a row: O(K³), the inner loop in NumPy.

    Parameters
    ----------
    gain : array (K, K)

    Returns
    -------
    int array (K,)
        Column of each row.

    Examples
    --------
    >>> best_assignment(np.array([[3, 2, 0], [4, 0, 0], [0, 0, 1]])).tolist()
    [1, 0, 2]
    """
    n = len(gain)
    cost = float(np.max(gain)) - np.asarray(gain, np.float64)
    row_price, column_price = np.zeros(n + 1), np.zeros(n + 1)
    owner = np.full(n + 1, -1)  # of each column; the last column is where a new row starts
    for row in range(n):
        owner[n] = row
        column, least = n, np.full(n, np.inf)
        before, seen = np.full(n, n), np.zeros(n + 1, bool)
        while owner[column] >= 0:
            seen[column] = True
            at = owner[column]
            reduced = cost[at] - row_price[at] - column_price[:n]
            shorter = (reduced < least) & ~seen[:n]
            least[shorter], before[shorter] = reduced[shorter], column
            open_ = np.where(seen[:n], np.inf, least)
            following = int(np.argmin(open_))
            step = open_[following]
            row_price[owner[seen]] += step
            column_price[seen] -= step
            least[~seen[:n]] -= step
            column = following
        while column != n:
            owner[column] = owner[before[column]]
            column = before[column]
    assigned = np.empty(n, np.int64)
    assigned[owner[:n]] = np.arange(n)
    return assigned
