"""Softmax regression by gradient descent, in plain floats: a run follows from its data, its options and a number.

Logits are W x + b, from zeros; every step uses all rows. Sums go in the order of the rows, so that the same link
gives the same run to the last bit. One row of `xent.spec` costs as much as a hundred here; the tests hold the runs
against torch's autograd.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from threading import Lock
from typing import NamedTuple

from xent.explorer.rows import demo
from xent.explorer.section import progress

TRAINED, HELD_OUT = 100, 100
"""Digits to train on, and to hold out: the first of the demo's, and the next."""


@dataclass(frozen=True)
class Data:
    """Rows of features with a last 1 for the bias, and their labels; the second pair is held out."""

    classes: int
    x: tuple[tuple[float, ...], ...]
    y: tuple[int, ...]
    more_x: tuple[tuple[float, ...], ...] = ()
    more_y: tuple[int, ...] = ()


@dataclass(frozen=True)
class Options:
    """How a run is trained. ``clip`` is the longest gradient, 0 for any; ``balanced`` weighs rare classes up."""

    loss: str = "ce"
    smoothing: float = 0.0
    gamma: float = 2.0
    balanced: bool = False
    temperature: float = 1.0
    clip: float = 0.0
    rate: float = 0.5


class Moment(NamedTuple):
    """A run after some steps: what it minimises, the cross-entropy of the labels (nats), and how it answers.

    ``norm`` is the gradient's length before clipping; ``held_out`` and ``held_right`` are NaN without such rows.
    """

    objective: float
    cross_entropy: float
    accuracy: float
    confidence: float
    norm: float
    held_out: float
    held_right: float


def points(xs: Sequence[float], ys: Sequence[float], labels: Sequence[int], classes: int) -> Data:
    """Give points of the plane as data."""
    return Data(classes, tuple((x, y, 1.0) for x, y in zip(xs, ys, strict=True)), tuple(labels))


@lru_cache(maxsize=1)
def digits() -> Data:
    """Give the demo's pictures as data: 8 × 8 pixels from 0 to 1, and the 1."""
    rows = next(iter(demo().values()))
    pictures = [(*(int(c, 17) / 16 for c in image), 1.0) for image in rows.images or ()]
    labels = [int(y) for y in rows.labels]
    return Data(
        len(rows.classes),
        tuple(pictures[:TRAINED]),
        tuple(labels[:TRAINED]),
        tuple(pictures[TRAINED : TRAINED + HELD_OUT]),
        tuple(labels[TRAINED : TRAINED + HELD_OUT]),
    )


def class_weights(data: Data, options: Options) -> list[float]:
    """Give each class N / (K · its rows) if the run is balanced, else 1."""
    if not options.balanced:
        return [1.0] * data.classes
    counts = [data.y.count(k) for k in range(data.classes)]
    return [len(data.y) / (data.classes * n) if n else 0.0 for n in counts]


def logits(w: Sequence[Sequence[float]], x: Sequence[float]) -> list[float]:
    """Give W x, one number a class; the last feature is the bias's 1."""
    return [sum(map(mul, row, x)) for row in w]


class Answer(NamedTuple):
    """Softmax of a row as `xent.spec` takes it apart: −log p_j is ``base + gaps[j]``, every term ≥ 0."""

    p: list[float]
    base: float
    gaps: list[float]
    best: int


def answer(z: list[float], temperature: float) -> Answer:
    """Answer for one row at a temperature."""
    top = max(z)
    best = z.index(top)
    gaps = [(top - v) / temperature for v in z]
    e = [math.exp(-gap) for gap in gaps]
    e[best] = 0.0
    tail = sum(e)  # without the largest logit's own 1, so that nothing small is lost beside it
    e[best], whole = 1.0, 1 + tail
    return Answer([v / whole for v in e], math.log1p(tail), gaps, best)


Slope = Callable[[Answer, int], tuple[float, list[float]]]
"""From a row's answer and its label: its loss, and the loss's derivative by z / temperature."""


def slope_of(data: Data, options: Options) -> Slope:
    """Give the loss that the options name. Class weights multiply the target, as in `xent.cross_entropy`."""
    k, eps, gamma = data.classes, options.smoothing, options.gamma
    weight = class_weights(data, options)
    hot = [[eps / k + (1 - eps) * (j == y) for j in range(k)] for y in range(k)]
    targets = [[w * q for w, q in zip(weight, row, strict=True)] for row in hot]

    def cross_entropy(a: Answer, y: int) -> tuple[float, list[float]]:
        t = targets[y]
        total = sum(t)
        return total * a.base + sum(map(mul, t, a.gaps)), [total * p - q for p, q in zip(a.p, t, strict=True)]

    def focal(a: Answer, y: int) -> tuple[float, list[float]]:
        surprise, rest = a.base + a.gaps[y], sum(a.p[:y]) + sum(a.p[y + 1 :])
        if rest == 0:
            return 0.0, [0.0] * k
        pull = weight[y] * rest**gamma * (gamma * a.p[y] * (surprise / rest) + 1)  # −log(1 − r)/r is bounded at 0
        slope = [pull * p for p in a.p]
        slope[y] = -pull * rest
        return weight[y] * rest**gamma * surprise, slope

    def squared(a: Answer, y: int) -> tuple[float, list[float]]:
        apart = [p - q for p, q in zip(a.p, hot[y], strict=True)]
        mean, twice = sum(map(mul, a.p, apart)), 2 * weight[y]
        slope = [twice * p * (d - mean) for p, d in zip(a.p, apart, strict=True)]
        return weight[y] * sum(map(mul, apart, apart)), slope

    return {"ce": cross_entropy, "focal": focal, "squared": squared}[options.loss]


class Run:
    """One run, as far as it has been computed; weights are kept for every step, so that it can go back."""

    def __init__(self, data: Data, options: Options) -> None:
        self.data, self.options = data, options
        self.moments: list[Moment] = []
        self._columns = list(zip(*data.x, strict=True))
        self._slope = slope_of(data, options)
        weight = class_weights(data, options)
        self._by = sum(weight[y] for y in data.y)
        self._weights = [array("d", bytes(8 * data.classes * len(self._columns)))]
        self._lock = Lock()

    def weights(self, step: int) -> list[list[float]]:
        """Give W after some steps, a row a class."""
        flat, width = self._weights[step], len(self._columns)
        return [flat[k * width : (k + 1) * width].tolist() for k in range(self.data.classes)]

    def until(self, steps: int, share: tuple[float, float] = (0.0, 1.0)) -> list[Moment]:
        """Give the moments 0 … steps, computing those that are missing; progress goes through ``share``."""
        with self._lock:
            begun = len(self.moments)
            while len(self.moments) <= steps:
                self._step()
                done = (len(self.moments) - begun) / max(steps + 1 - begun, 1)
                progress(share[0] + (share[1] - share[0]) * done)
            return self.moments[: steps + 1]

    def _step(self) -> None:
        data, options = self.data, self.options
        w, tau = self.weights(len(self.moments)), options.temperature
        by, sums, slopes = self._by, [0.0] * 4, list[list[float]]()
        for x, y in zip(data.x, data.y, strict=True):
            a = answer(logits(w, x), tau)
            loss, slope = self._slope(a, y)
            slopes.append(slope)
            sums = [sums[0] + loss, sums[1] + a.base + a.gaps[y], sums[2] + (a.best == y), sums[3] + a.p[a.best]]
        grad = array("d")
        for across in zip(*slopes, strict=True):
            grad.extend([sum(map(mul, across, column)) / (by * tau) for column in self._columns])
        norm = math.hypot(*grad)
        n, (held_out, held_right) = len(data.y), self._held(w)
        self.moments.append(Moment(sums[0] / by, sums[1] / n, sums[2] / n, sums[3] / n, norm, held_out, held_right))
        scale = options.rate * (options.clip / norm if 0 < options.clip < norm else 1.0)
        self._weights.append(array("d", [a - scale * g for a, g in zip(self._weights[-1], grad, strict=True)]))

    def _held(self, w: list[list[float]]) -> tuple[float, float]:
        """Give the cross-entropy and the accuracy of the rows that are held out."""
        n = len(self.data.more_y)
        if not n:
            return math.nan, math.nan
        cost, right = 0.0, 0
        for x, y in zip(self.data.more_x, self.data.more_y, strict=True):
            a = answer(logits(w, x), self.options.temperature)
            cost += a.base + a.gaps[y]
            right += a.best == y
        return cost / n, right / n


@lru_cache(maxsize=24)
def run(data: Data, options: Options) -> Run:
    """Give the run of these data and options; it is continued, not repeated, when more steps are asked for."""
    return Run(data, options)
