"""What the library says about a row of logits at a temperature, and about a student beside it."""

from __future__ import annotations

import math
from functools import cached_property

from xent import spec
from xent.explorer.experiments.temperature.state import State
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.view import Num


class Temper:
    """What the library says about a state; losses in nats."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.k = range(len(state.logits))
        self.names = state.called
        self.p = spec.probabilities(state.logits, temperature=state.temperature)
        self.T = num(state.temperature, "T", text=show_input(state.temperature))
        self.best = max(self.k, key=state.logits.__getitem__)
        self.most = num(math.log(len(self.k)), "most")

    def prob(self, j: int, p: list[float] | None = None) -> Num:
        """Write a probability of class j, the row's own or another's."""
        p = self.p if p is None else p
        return num(p[j], f"class:{j}", text=show_probability(p[j], math.fsum([*p[:j], *p[j + 1 :]])))

    @cached_property
    def entropy(self) -> Num:
        """How uncertain the answer is, in nats."""
        return num(spec.entropy(self.p), "entropy")

    @cached_property
    def q(self) -> list[float]:
        """The student's probabilities at the temperature."""
        return spec.probabilities(self.state.student, temperature=self.state.temperature)

    @cached_property
    def divergence(self) -> float:
        """KL(p‖q); rounded p and q may take a tiny one below 0, and a q that is rounded to 0 has a logarithm."""
        kl, t = spec.kl_divergence(self.p, self.q), self.state.temperature
        if math.isinf(kl):
            logs = (spec.log_probabilities(z, temperature=t) for z in (self.state.logits, self.state.student))
            kl = math.fsum(p * (a - b) for p, a, b in zip(self.p, *logs, strict=True) if p > 0)
        return max(kl, 0.0)

    @cached_property
    def slope(self) -> list[float]:
        """The derivative of KL(p‖q) by the student's logits, (q − p)/T; 0 for a student like its teacher."""
        return [(b - a) / self.state.temperature for a, b in zip(self.p, self.q, strict=True)]

    @cached_property
    def raw(self) -> float:
        """The length of that gradient."""
        return math.hypot(*self.slope)
