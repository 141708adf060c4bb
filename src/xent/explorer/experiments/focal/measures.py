"""What the section on focal loss remembers, and what each loss makes of it.

`spec` has no focal loss. It is its cross-entropy times (1 − p)^γ, a product: a few roundings, and nothing cancels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from xent import spec
from xent.explorer.experiments.focal.questions import Questions
from xent.explorer.state import Many, OneOf, Real, Whole, Word, stored
from xent.explorer.text import words

text = words("focal")
GROUPS: tuple[str, ...] = tuple(text.groups)
POSITIVE = (False, False, True, True)
HARD = (False, True, False, True)
LOW, HIGH, MOST = 0.001, 0.999, 100_000
ALIKE = "alike"


@dataclass(frozen=True)
class State:
    """One answer with its probability; a batch of four groups of rows alike; what a trained model says.

    ``source`` is whose rows the batch is made of (`ALIKE`: of those groups), ``yes`` the class they are asked for.
    """

    gamma: float = stored(2.0, Real("gamma", 0.0, 5.0))
    alpha: float = stored(0.25, Real("alpha", 0.0, 1.0))
    y: str = stored("1", OneOf("y", ("1", "0")))
    p: float = stored(0.6, Real("p", LOW, HIGH))
    counts: tuple[int, ...] = stored((10_000, 50, 20, 10), Many(Whole("n", 1, MOST), 4, 4))
    ps: tuple[float, ...] = stored((0.98, 0.4, 0.9, 0.1), Many(Real("ps", LOW, HIGH), 4, 4))
    of: str = stored("loss", OneOf("of", ("loss", "gradient")))
    says: float = stored(0.8, Real("says", 0.01, 0.99))
    source: str = stored(ALIKE, Word("src", 60))
    yes: int = stored(-1, Whole("yes", -1, 10**6))


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


@lru_cache(maxsize=32)
def _plain(asked: Questions, of: str) -> tuple[float, ...]:
    """Add up cross-entropy, or its gradient, over each group."""
    return tuple(math.fsum([a.surprise if of == "loss" else a.miss for a in group]) for group in asked.groups)


@lru_cache(maxsize=32)
def _focal(asked: Questions, of: str, gamma: float) -> tuple[float, ...]:
    """Add up focal loss, or its gradient, over each group, without α."""
    if of == "loss":
        return tuple(math.fsum([a.miss**gamma * a.surprise for a in group]) for group in asked.groups)
    return tuple(math.fsum([a.miss**gamma * (a.miss + gamma * a.rise) for a in group]) for group in asked.groups)


class Batch:
    """Four groups of rows, under three losses: what a row weighs, and what share its group has.

    The rows of a group are alike; or they are ``asked``, real ones, each with a loss of its own.
    """

    def __init__(self, state: State, asked: Questions | None = None) -> None:
        self.state, self.asked = state, asked
        self.j = range(len(GROUPS))
        self.counts = state.counts if asked is None else tuple(map(len, asked.groups))
        self.total = sum(self.counts)

    @cached_property
    def sums(self) -> dict[str, list[float]]:
        """What each group adds: to the loss, or to the gradients of its rows at their own logits."""
        s, n = self.state, self.counts
        of_class = {side: sum(n[j] for j in self.j if POSITIVE[j] is side) for side in (False, True)}
        sides = [s.alpha if positive else 1 - s.alpha for positive in POSITIVE]
        if self.asked is not None:
            plain, focal = _plain(self.asked, s.of), _focal(self.asked, s.of, s.gamma)
        elif s.of == "loss":
            plain = tuple(n[j] * surprise(s.ps[j]) for j in self.j)
            focal = tuple(n[j] * focal_loss(s.ps[j], s.gamma, 1.0) for j in self.j)
        else:
            plain = tuple(n[j] * (1 - s.ps[j]) for j in self.j)
            focal = tuple(n[j] * slope_of(s.ps[j], s.gamma, 1.0) for j in self.j)
        weights = [self.total / (2 * of_class[side]) if of_class[side] else 0.0 for side in POSITIVE]
        return {
            "plain": list(plain),
            "class": [w * v for w, v in zip(weights, plain, strict=True)],
            "focal": [w * v if w else 0.0 for w, v in zip(sides, focal, strict=True)],
        }

    @cached_property
    def pulls(self) -> dict[str, list[float | None]]:
        """What a row adds, on average over its group; None where there is no row."""
        return {
            way: [v / n if n else None for v, n in zip(sums, self.counts, strict=True)]
            for way, sums in self.sums.items()
        }

    @cached_property
    def shares(self) -> dict[str, list[float]]:
        """The share of each group; NaN where all of it is nothing."""
        out: dict[str, list[float]] = {}
        for way, parts in self.sums.items():
            total = math.fsum(parts)
            out[way] = [part / total if total else math.nan for part in parts]
        return out
