"""What the section on yes and no remembers, and what the library says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from xent import spec
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.state import Flag, Many, OneOf, Real, stored
from xent.explorer.text import words
from xent.explorer.view import Num

text = words("binary")
CLASSES: tuple[str, ...] = tuple(text.classes)
SPAN = 10.0
YES, NO = "class:0", "class:1"


@dataclass(frozen=True)
class State:
    """A question with one logit; the same with two; one logit for each of several labels; rare positives."""

    z: float = stored(-1.5, Real("z", -SPAN, SPAN))
    y: str = stored("1", OneOf("y", ("1", "0")))
    pair: tuple[float, ...] = stored((2.0, 0.5), Many(Real("pair", -SPAN, SPAN), 2, 2))
    scores: tuple[float, ...] = stored((3.0, 2.0, -1.0, -3.0), Many(Real("s", -SPAN, SPAN), 2, 6))
    hot: tuple[bool, ...] = stored((True, True, False, False), Many(Flag("hot"), 2, 6))
    share: float = stored(0.1, Real("share", 0.01, 0.99))
    weight: float = stored(9.0, Real("c", 0.1, 100.0))


class Bit:
    """A question answered by a pair of logits, yes first: with (z, 0) it is sigmoid and binary cross-entropy."""

    def __init__(self, pair: tuple[float, ...], y: int) -> None:
        self.pair, self.y = pair, y
        self.p, self.q = spec.probabilities(pair)
        self.ref = YES if y else NO

    @property
    def z(self) -> Num:
        """Write the logit of yes."""
        return num(self.pair[0], "z", text=show_input(self.pair[0]))

    @cached_property
    def loss(self) -> Num:
        """Write what the truth costs."""
        return num(spec.loss(self.pair, 1 - self.y), self.ref)

    @cached_property
    def slopes(self) -> list[float]:
        """Differentiate the loss by both logits."""
        return spec.gradient(self.pair, 1 - self.y)

    @property
    def slope(self) -> Num:
        """Write the derivative by the logit of yes."""
        return num(self.slopes[0], "slope")


def shown_yes(bit: Bit) -> Num:
    """Write the probability of yes."""
    return num(bit.p, YES, text=show_probability(bit.p, bit.q))


class Heads:
    """The same logits read as one choice (softmax) and as a question each (sigmoid)."""

    def __init__(self, state: State) -> None:
        self.z = state.scores
        self.k = range(len(self.z))
        self.hot = state.hot
        self.right = [CLASSES[j] for j in self.k if self.hot[j]]
        count = len(self.right)
        self.target = [1 / count if on else 0.0 for on in self.hot] if count else [0.0] * len(self.z)
        self.p = spec.probabilities(self.z)
        self.pairs = [spec.probabilities((z, 0.0)) for z in self.z]

    def soft(self, j: int) -> Num:
        """Write the softmax probability of a label."""
        others = math.fsum(p for i, p in enumerate(self.p) if i != j)
        return num(self.p[j], f"class:{j}", text=show_probability(self.p[j], others))

    def sigmoid(self, j: int) -> Num:
        """Write the sigmoid of a label's logit."""
        p, q = self.pairs[j]
        return num(p, f"class:{j}", text=show_probability(p, q))

    @cached_property
    def soft_loss(self) -> Num:
        """Write the cross-entropy of the shared target."""
        return num(spec.loss(self.z, self.target), "soft")

    @cached_property
    def floor(self) -> Num:
        """The entropy of the shared target; there is none where nothing is true."""
        return num(math.log(len(self.right)) if self.right else 0.0, "floor")

    @cached_property
    def each(self) -> list[float]:
        """Give the binary cross-entropy of each label."""
        return [spec.loss((z, 0.0), 0 if on else 1) for z, on in zip(self.z, self.hot, strict=True)]

    @cached_property
    def bits(self) -> Num:
        """Write their sum."""
        return num(math.fsum(self.each), "bits")

    @cached_property
    def total(self) -> Num:
        """Write what the sigmoids add up to."""
        return num(math.fsum(p for p, _ in self.pairs), "bits")


def balanced(share: float, weight: float) -> float:
    """Give the probability that costs least when a share of the questions has the answer yes."""
    return weight * share / (weight * share + (1 - share))
