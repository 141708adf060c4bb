"""Editing a distribution: one share is set, the others make room."""

from __future__ import annotations

import math
from collections.abc import Sequence


def scaled(values: Sequence[float]) -> tuple[float, ...]:
    """Scale numbers ≥ 0 to a sum of 1; without any, all become equal. What adds up to 1 already stays as it is.

    Examples
    --------
    >>> scaled([1.0, 3.0]), scaled([0.0, 0.0])
    ((0.25, 0.75), (0.5, 0.5))
    """
    total = math.fsum(values)
    if abs(total - 1) <= 1e-9:
        return tuple(values)
    return tuple(v / total for v in values) if total > 0 else (1 / len(values),) * len(values)


def with_share(old: Sequence[float], j: int, value: float) -> tuple[float, ...]:
    """Give class ``j`` a share in [0, 1], and the others the rest, in the proportions they had.

    The others are rounded to six digits, so that links stay short; the largest of them takes up what that leaves.

    Examples
    --------
    >>> with_share([0.5, 0.25, 0.25], 0, 0.2)
    (0.2, 0.4, 0.4)
    """
    others = [i for i in range(len(old)) if i != j]
    held = math.fsum(old[i] for i in others)
    new = list(old)
    new[j] = value
    for i in others:
        part = old[i] / held if held > 0 else 1 / len(others)
        new[i] = float(f"{part * (1 - value):.6g}")
    largest = max(others, key=new.__getitem__)
    rest = 1 - math.fsum(v for i, v in enumerate(new) if i != largest)
    new[largest] = max(round(rest, 12), 0.0)
    return tuple(new)
