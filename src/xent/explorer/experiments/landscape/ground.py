"""What the library says about a state of the landscape, and the lines of equal loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from xent import spec
from xent.explorer.contours import Point, contours, square_mesh
from xent.explorer.numbers import num
from xent.explorer.state import Many, Real, Whole, stored
from xent.explorer.text import words
from xent.explorer.view import Num, Triple

text = words("landscape")
CLASSES: tuple[str, ...] = tuple(text.classes)
REACH = 5.0  # of the two logits
HORIZON = 8.0  # of the contours: probabilities down to 3e-4
FAR = 8.0  # of the binary logit
MOST_STEPS = 400
LEVELS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


@dataclass(frozen=True)
class State:
    """A binary logit; and for three classes the target, where descent starts, how far it steps and how often."""

    logit: float = stored(-2.0, Real("z", -FAR, FAR))
    label: int = stored(0, Whole("y", 0, 2))
    epsilon: float = stored(0.0, Real("eps", 0.0, 0.9))
    start: tuple[float, ...] = stored((-3.0, 2.5), Many(Real("from", -REACH, REACH), 2, 2))
    rate: float = stored(1.0, Real("lr", 0.01, 100.0))
    steps: int = stored(30, Whole("n", 0, MOST_STEPS))


class Ground:
    """Three classes: what the library says at the start of the path and at its end; losses in nats."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.t = spec.target_weights(state.label, 3, label_smoothing=state.epsilon)
        self.path = path_of(state.start, tuple(self.t), state.rate, state.steps)
        self.end = self.path[state.steps]
        self.first = num(self.loss(self.path[0]), "start")
        self.last = num(self.loss(self.end), "end")

    def loss(self, z: Point) -> float:
        """Give the exact loss of two logits."""
        return spec.loss((*z, 0.0), self.state.label, label_smoothing=self.state.epsilon)

    def cost(self, n: int) -> float:
        """Give the exact loss after n steps."""
        s = self.state
        return self.loss(path_of(s.start, tuple(self.t), s.rate, n)[n])

    @cached_property
    def slope(self) -> list[float]:
        """The gradient where the path starts, by all three logits."""
        return spec.gradient((*self.state.start, 0.0), self.state.label, label_smoothing=self.state.epsilon)

    @cached_property
    def norm(self) -> float:
        """The length of the gradient at the path's end, by the two logits that move."""
        slope = spec.gradient((*self.end, 0.0), self.state.label, label_smoothing=self.state.epsilon)
        return math.hypot(*slope[:2])

    @cached_property
    def floor(self) -> Num:
        """The entropy of the target, which no logits go below."""
        return num(spec.entropy(self.t), "floor")

    @cached_property
    def best(self) -> Point | None:
        """The logits of the least loss, where p = t; None where they are infinite."""
        if min(self.t) <= 0:
            return None
        return math.log(self.t[0] / self.t[2]), math.log(self.t[1] / self.t[2])

    @cached_property
    def p(self) -> list[float]:
        """The probabilities where the path starts."""
        return spec.probabilities((*self.state.start, 0.0))


def softmax(z: Point) -> Triple:
    """Give softmax of (z₀, z₁, 0) for placing points: `spec` is exact, and takes a hundred times as long."""
    top = max(z[0], z[1], 0.0)
    a, b, c = math.exp(z[0] - top), math.exp(z[1] - top), math.exp(-top)
    total = a + b + c
    return a / total, b / total, c / total


@lru_cache(maxsize=64)
def path_of(start: Point, t: tuple[float, ...], rate: float, steps: int) -> list[Point]:
    """Descend: each step takes rate · (p − t) off the two logits."""
    points, z = [start], start
    for _ in range(steps):
        p = softmax(z)
        z = (z[0] - rate * (p[0] - t[0]), z[1] - rate * (p[1] - t[1]))
        points.append(z)
    return points


@lru_cache(maxsize=32)
def rings(t: tuple[float, ...]) -> list[tuple[float, list[Point]]]:
    """Find the lines of equal loss over the two logits, far enough out to serve the triangle too."""
    exp, log, (a, b, _) = math.exp, math.log, t
    return contours(
        lambda z: log(exp(z[0]) + exp(z[1]) + 1.0) - a * z[0] - b * z[1],
        *square_mesh(-HORIZON, HORIZON, 34),
        LEVELS,
    )
