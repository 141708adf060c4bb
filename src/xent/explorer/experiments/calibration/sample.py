"""What a set of predictions says about itself: losses and confidences at a temperature, and errors of calibration.

Rows are kept as gaps from their largest logit (`xent.spec`), so that nothing cancels and nothing overflows. Sums
are `math.fsum`'s; single rows are plain floats, right to a few units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xent.explorer.rows import Rows

MOST_ROWS, MOST_LOGITS = 500, 20_000
"""More than these are sampled, evenly: every row of a drag is computed within a frame."""

BOUNDS = (1 / 64, 64.0)
"""Where a temperature is looked for, as in `xent.calibration.fit_temperature`."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows that are shown: their gaps without the largest logit's own 0, the label's gap, and who is right."""

    rows: Rows
    index: tuple[int, ...]
    gaps: tuple[tuple[float, ...], ...]
    own: tuple[float, ...]
    right: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.own)

    @property
    def accuracy(self) -> float:
        """The share of rows whose largest logit is the label's."""
        return sum(self.right) / len(self)


@dataclass(frozen=True)
class Bin:
    """The rows whose confidence lies in [low, high): how many, how sure on average, how many of them right.

    ``by_luck`` is the standard deviation of their accuracy if each confidence were the very chance of being right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    by_luck: float


@dataclass(frozen=True)
class Fit:
    """The temperature of the least mean loss; None where there is none, or where it lies outside the bounds."""

    temperature: float | None
    loss: float
    at_one: float


@lru_cache(maxsize=8)
def sample(rows: Rows) -> Sample:
    """Take the rows, all of them or as many as can be computed in a frame."""
    count, classes = len(rows.labels), len(rows.classes)
    most = min(count, MOST_ROWS, max(MOST_LOGITS // classes, 20))
    index = tuple(i * count // most for i in range(most))
    gaps: list[tuple[float, ...]] = []
    own: list[float] = []
    for i in index:
        z = [float(v) for v in rows.logits[i]]
        top = z.index(max(z))
        gaps.append(tuple(z[top] - v for j, v in enumerate(z) if j != top and v > -math.inf))
        own.append(z[top] - z[int(rows.labels[i])])
    right = tuple(int(rows.predicted[i]) == int(rows.labels[i]) for i in index)
    return Sample(rows, index, tuple(gaps), tuple(own), right)


@lru_cache(maxsize=256)
def tails(taken: Sample, temperature: float) -> list[float]:
    """Give Σ_{j≠k} exp(−gap_j / T) for each row: its confidence is 1 / (1 + tail)."""
    exp, by = math.exp, -1 / temperature
    return [sum([exp(gap * by) for gap in gaps]) for gaps in taken.gaps]


def losses(taken: Sample, temperature: float) -> list[float]:
    """Give each row's cross-entropy at a temperature, in nats."""
    return [
        math.log1p(tail) + own / temperature for tail, own in zip(tails(taken, temperature), taken.own, strict=True)
    ]


def confidences(taken: Sample, temperature: float) -> list[float]:
    """Give the largest probability of each row."""
    return [1 / (1 + tail) for tail in tails(taken, temperature)]


def mean_loss(taken: Sample, temperature: float) -> float:
    """Give the mean cross-entropy at a temperature; ∞ when a label is masked."""
    return math.fsum(losses(taken, temperature)) / len(taken)


def slopes(taken: Sample, temperature: float) -> tuple[float, float, float]:
    """Give means over the rows: of gap_y, of E_p[gap], and of Var_p[gap], all at a temperature.

    By β = 1/T the mean loss has the derivative mean(gap_y) − mean(E_p[gap]), and the second mean(Var_p[gap]).
    """
    firsts: list[float] = []
    seconds: list[float] = []
    for gaps in taken.gaps:
        powers = [math.exp(-gap / temperature) for gap in gaps]
        whole = 1 + sum(powers)
        first = sum([p * gap for p, gap in zip(powers, gaps, strict=True)]) / whole
        firsts.append(first)
        seconds.append(sum([p * gap * gap for p, gap in zip(powers, gaps, strict=True)]) / whole - first * first)
    n = len(taken)
    return math.fsum(taken.own) / n, math.fsum(firsts) / n, math.fsum(seconds) / n


@lru_cache(maxsize=8)
def fit(taken: Sample) -> Fit:
    """Find the temperature of the least mean loss (Guo et al. 2017, §4.2): Newton in log β, inside a bracket."""
    at_one = mean_loss(taken, 1.0)
    low, high = -math.log(BOUNDS[1]), -math.log(BOUNDS[0])
    if math.isinf(at_one) or not any(map(any, taken.gaps)):
        return Fit(None, at_one, at_one)
    own, first, _ = slopes(taken, BOUNDS[0])
    if own <= first:  # still falling at the coldest: every label has the largest logit
        return Fit(None, mean_loss(taken, BOUNDS[0]), at_one)
    own, first, _ = slopes(taken, BOUNDS[1])
    if own >= first:
        return Fit(None, mean_loss(taken, BOUNDS[1]), at_one)
    x = 0.0
    for _ in range(200):
        own, first, bend = slopes(taken, math.exp(-x))
        slope, curve = (own - first) * math.exp(x), bend * math.exp(2 * x)
        low, high = (low, x) if slope > 0 else (x, high)
        step = -slope / curve if curve > 0 else math.inf
        if abs(step) < 1e-12 or high - low < 1e-12:
            break
        x = x + step if low < x + step < high else (low + high) / 2
    best = math.exp(-x)
    return Fit(best, mean_loss(taken, best), at_one)


def reliability(taken: Sample, temperature: float, bins: int) -> list[Bin]:
    """Sort the rows into bins of equal width by their confidence; empty ones are left out."""
    members: list[list[int]] = [[] for _ in range(bins)]
    sure = confidences(taken, temperature)
    for i, c in enumerate(sure):
        members[min(int(c * bins), bins - 1)].append(i)
    out: list[Bin] = []
    for b, inside in enumerate(members):
        if n := len(inside):
            c = [sure[i] for i in inside]
            luck = math.sqrt(math.fsum(q * (1 - q) for q in c)) / n
            hits = sum(taken.right[i] for i in inside)
            out.append(Bin(b / bins, (b + 1) / bins, n, math.fsum(c) / n, hits / n, luck))
    return out


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Give Σ_b n_b / N · |accuracy_b − confidence_b|: the mean distance from the diagonal, over the rows."""
    return math.fsum(b.count * abs(b.accuracy - b.confidence) for b in bins) / sum(b.count for b in bins)


@lru_cache(maxsize=64)
def by_luck(taken: Sample, temperature: float, bins: int) -> tuple[float, float]:
    """Give mean and standard deviation of the error that a perfectly calibrated model has, with these confidences.

    Such a model is right with probability c in a row of confidence c, independently. So the number of right answers
    in a bin is a sum of coins, whose distribution is built up coin by coin; what is less likely than 1e-18 is left
    out.
    """
    members: list[list[float]] = [[] for _ in range(bins)]
    for c in confidences(taken, temperature):
        members[min(int(c * bins), bins - 1)].append(c)
    mean, spread = 0.0, 0.0
    for inside in members:
        hoped = math.fsum(inside)
        start, weights = _coins(inside)
        first = math.fsum(w * abs(start + k - hoped) for k, w in enumerate(weights))
        second = math.fsum(w * (start + k - hoped) ** 2 for k, w in enumerate(weights))
        mean += first
        spread += max(second - first * first, 0.0)
    return mean / len(taken), math.sqrt(spread) / len(taken)


def _coins(chances: Sequence[float]) -> tuple[int, list[float]]:
    """Give the distribution of the number of heads: the first count that matters, and the probabilities."""
    start, weights = 0, [1.0]
    for c in chances:
        miss = 1 - c
        weights = [a * miss + b * c for a, b in zip([*weights, 0.0], [0.0, *weights], strict=True)]
        while len(weights) > 1 and weights[0] < 1e-18:
            del weights[0]
            start += 1
        while len(weights) > 1 and weights[-1] < 1e-18:
            del weights[-1]
    return start, weights
