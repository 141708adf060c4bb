"""What the section on focal loss remembers, and what each loss makes of it.

`spec` has no focal loss. It is its cross-entropy times (1 − p)^γ, a product: a few roundings, and nothing cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from xent import spec
from xent.explorer.state import Many, OneOf, Real, Whole, stored
from xent.explorer.text import words

text = words("focal")
GROUPS: tuple[str, ...] = tuple(text.groups)
POSITIVE = (False, False, True, True)
HARD = (False, True, False, True)
LOW, HIGH, MOST = 0.001, 0.999, 100_000


@dataclass(frozen=True)
class State:
    """One answer with its probability; a batch of four groups of rows alike; what a trained model says."""

    gamma: float = stored(2.0, Real("gamma", 0.0, 5.0))
    alpha: float = stored(0.25, Real("alpha", 0.0, 1.0))
    y: str = stored("1", OneOf("y", ("1", "0")))
    p: float = stored(0.6, Real("p", LOW, HIGH))
    counts: tuple[int, ...] = stored((10_000, 50, 20, 10), Many(Whole("n", 1, MOST), 4, 4))
    ps: tuple[float, ...] = stored((0.98, 0.4, 0.9, 0.1), Many(Real("ps", LOW, HIGH), 4, 4))
    of: str = stored("loss", OneOf("of", ("loss", "gradient")))
    says: float = stored(0.8, Real("says", 0.01, 0.99))


@lru_cache(maxsize=256)
def surprise(p: float) -> float:
    """Give −log p by `spec`, in nats."""
    return spec.cross_entropy((1.0, 0.0), (p, 1 - p))


def factor_of(p: float, gamma: float) -> float:
    """Give (1 − p)^γ, by which an answer of probability p is let off."""
    return (1 - p) ** gamma


def focal_loss(p: float, gamma: float, alpha: float) -> float:
    """Lin et al. (2017), equation 5, p being the probability of the truth."""
    return alpha * factor_of(p, gamma) * surprise(p)


def slope_of(p: float, gamma: float, alpha: float) -> float:
    """How hard the loss pulls at the logit of the truth: α (1 − p)^γ (1 − p + γ p (−log p)); γ = 0 is 1 − p."""
    return alpha * factor_of(p, gamma) * (1 - p + gamma * p * surprise(p))


def side_of(state: State) -> float:
    """α for yes, 1 − α for no."""
    return state.alpha if state.y == "1" else 1 - state.alpha


def truth_of(says: float, state: State) -> float:
    """Give the share of yes for which a trained model says this: where the pulls of yes and no balance."""
    yes = slope_of(says, state.gamma, state.alpha)
    no = slope_of(1 - says, state.gamma, 1 - state.alpha)
    return no / (yes + no)


def alpha_truth(p: float, alpha: float) -> float:
    """Give the share of yes for which weighted cross-entropy settles at p."""
    return (1 - alpha) * p / (alpha * (1 - p) + (1 - alpha) * p)


class Batch:
    """Four groups of rows alike, under three losses: what a row weighs, and what share its group has."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.j = range(len(GROUPS))
        self.total = sum(state.counts)

    @cached_property
    def weights(self) -> dict[str, list[float]]:
        """The factor of a row's loss: 1; its class's N/(2 N_c); α_t (1 − p)^γ."""
        s = self.state
        of_class = {side: sum(s.counts[j] for j in self.j if POSITIVE[j] is side) for side in (False, True)}
        sides = [s.alpha if positive else 1 - s.alpha for positive in POSITIVE]
        return {
            "plain": [1.0 for _ in self.j],
            "class": [self.total / (2 * of_class[positive]) for positive in POSITIVE],
            "focal": [sides[j] * factor_of(s.ps[j], s.gamma) for j in self.j],
        }

    @cached_property
    def pulls(self) -> dict[str, list[float]]:
        """What a row adds: to the loss, or to the gradient at its own logit."""
        s, w = self.state, self.weights
        if s.of == "loss":
            return {way: [w[way][j] * surprise(s.ps[j]) for j in self.j] for way in w}
        sides = [s.alpha if positive else 1 - s.alpha for positive in POSITIVE]
        focal = [slope_of(s.ps[j], s.gamma, sides[j]) for j in self.j]
        return {way: [w[way][j] * (1 - s.ps[j]) for j in self.j] for way in ("plain", "class")} | {"focal": focal}

    @cached_property
    def shares(self) -> dict[str, list[float]]:
        """The share of each group; NaN where all of it is nothing."""
        out: dict[str, list[float]] = {}
        for way, pulls in self.pulls.items():
            parts = [n * pull for n, pull in zip(self.state.counts, pulls, strict=True)]
            total = math.fsum(parts)
            out[way] = [part / total if total else math.nan for part in parts]
        return out
