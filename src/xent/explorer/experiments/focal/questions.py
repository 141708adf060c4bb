"""Rows of real predictions as questions of yes or no: is it this class? And how well each of them is answered.

One class against all others has the logit u = z_c − log Σ exp(z_j): by u, 1 − p is no subtraction, so that the sure
answers, which are most of an imbalanced batch, keep their digits. Single rows are plain floats, sums `math.fsum`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xent.explorer.rows import Rows

MOST_ROWS = 10_000
"""More than these are sampled, evenly."""


@dataclass(frozen=True)
class Answer:
    """One row: its truth's probability p, 1 − p, and −log p in nats."""

    p: float
    miss: float
    surprise: float

    @property
    def rise(self) -> float:
        """What the factor's own change adds to the gradient, but for γ: p · (−log p), 0 where p is 0."""
        return self.p * self.surprise if self.p else 0.0

    def weighs(self, gamma: float) -> float:
        """Give its gradient as a multiple of cross-entropy's, without α."""
        if not self.miss:
            return float(gamma == 0)
        return self.miss**gamma * (1 + gamma * self.rise / self.miss)


@dataclass(frozen=True, eq=False)
class Questions:
    """The rows in the order of the groups of `measures`: easy and hard no, easy and hard yes; easy is p ≥ ½.

    ``logits`` and ``truths`` are those of the first rows of all, in the order of the file, to stand in a program.
    """

    rows: Rows
    yes: int
    groups: tuple[tuple[Answer, ...], ...]
    logits: tuple[float, ...]
    truths: tuple[int, ...]

    @property
    def typical(self) -> tuple[Answer | None, ...]:
        """Each group's row in the middle; None where it has no row."""
        return tuple(sorted(g, key=lambda a: a.surprise)[len(g) // 2] if g else None for g in self.groups)


PRINTED = 8


@lru_cache(maxsize=8)
def ask(rows: Rows, yes: int) -> Questions:
    """Ask every row whether it is class ``yes``."""
    count = len(rows.labels)
    most = min(count, MOST_ROWS)
    groups: tuple[list[Answer], ...] = ([], [], [], [])
    for at in range(most):
        i = at * count // most
        truth = int(rows.labels[i]) == yes
        x = logit(rows.logits[i], yes) * (1 if truth else -1)
        groups[2 * truth + (x < 0)].append(answer(x))
    first = range(min(count, PRINTED))
    return Questions(
        rows,
        yes,
        tuple(map(tuple, groups)),
        tuple(logit(rows.logits[i], yes) for i in first),
        tuple(int(int(rows.labels[i]) == yes) for i in first),
    )


def logit(row: Sequence[float], yes: int) -> float:
    """Give the log-odds of one class against all others."""
    others = [float(v) for j, v in enumerate(row) if j != yes]
    top = max(others)
    if top == -math.inf:
        return math.inf
    return float(row[yes]) - top - math.log(math.fsum([math.exp(v - top) for v in others]))


def answer(x: float) -> Answer:
    """Give what a truth of log-odds x costs."""
    tail = math.exp(-abs(x))
    large, small = 1 / (1 + tail), tail / (1 + tail)
    surprise = math.log1p(tail) + max(-x, 0.0)
    return Answer(large, small, surprise) if x >= 0 else Answer(small, large, surprise)


@lru_cache(maxsize=8)
def rarest(rows: Rows) -> int:
    """Give the class that the fewest labels have, of those that any has; the last of several."""
    counts = [0] * len(rows.classes)
    for y in rows.labels:
        counts[int(y)] += 1
    return min((j for j, n in enumerate(counts) if n), key=lambda j: (counts[j], -j))
