"""The numbers of a state: what the library says about p and q, in the unit that is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from xent import spec
from xent.explorer.experiments.information import exact
from xent.explorer.numbers import num, show_input
from xent.explorer.text import words
from xent.explorer.view import Num

text = words("information")
CLASSES: tuple[str, ...] = tuple(text.classes)
K = len(CLASSES)


class Shown(Protocol):
    """What is read of a state."""

    @property
    def p(self) -> tuple[float, ...]:
        """What happens."""
        ...

    @property
    def q(self) -> tuple[float, ...]:
        """What is forecast."""
        ...

    @property
    def unit(self) -> str:
        """Bits or nats."""
        ...

    @property
    def share(self) -> float:
        """The share of days that a forecast of rain is made for."""
        ...

    @property
    def given(self) -> tuple[float, ...]:
        """The probability of rain after each of the two forecasts."""
        ...


class Measures:
    """Entropy and its kin of a state."""

    def __init__(self, state: Shown) -> None:
        self.state = state
        self.unit: str = text.units[state.unit]
        self.per_nat = 1 / math.log(2) if state.unit == "bits" else 1.0

    def cost(self, nats: float, ref: str | None = None) -> Num:
        """Write a number of nats in the unit."""
        return num(nats * self.per_nat, ref)

    def length(self, dist: Sequence[float], j: int) -> float:
        """−log dist_j in the unit: how long a code word is, how surprising the class."""
        return spec.cross_entropy(spec.one_hot(j, K), dist) * self.per_nat

    @cached_property
    def lengths(self) -> tuple[list[float], list[float]]:
        """The lengths of the code for q, and of the code for p."""
        s = self.state
        return [self.length(s.q, j) for j in range(K)], [self.length(s.p, j) for j in range(K)]

    @staticmethod
    def share(value: float, j: int) -> Num:
        """Write a probability that can be edited."""
        return num(value, f"class:{j}", text=show_input(value))

    @cached_property
    def entropy(self) -> Num:
        """H(p)."""
        return self.cost(spec.entropy(self.state.p), "entropy")

    @cached_property
    def cross(self) -> Num:
        """H(p, q)."""
        return self.cost(spec.cross_entropy(self.state.p, self.state.q), "cross")

    @cached_property
    def forward(self) -> Num:
        """KL(p ‖ q); floats that sum to 1 only nearly may take a tiny one below 0."""
        return self.cost(max(spec.kl_divergence(self.state.p, self.state.q), 0.0), "kl")

    @cached_property
    def backward(self) -> Num:
        """KL(q ‖ p)."""
        return self.cost(max(spec.kl_divergence(self.state.q, self.state.p), 0.0), "back")

    @cached_property
    def between(self) -> Num:
        """The Jensen–Shannon divergence."""
        return self.cost(exact.jensen_shannon(self.state.p, self.state.q), "js")

    @cached_property
    def perplexity(self) -> Num:
        """Raise e to the H(p, q) in nats, or 2 to the same in bits: as many equal choices."""
        return num(math.exp(spec.cross_entropy(self.state.p, self.state.q)), "perplexity")
