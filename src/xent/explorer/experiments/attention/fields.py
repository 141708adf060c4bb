"""The fields that the panels read, and what the library says about them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xent import spec
from xent.explorer.numbers import num, show_input, show_probability
from xent.explorer.text import words
from xent.explorer.view import Num

text = words("attention")
WORDS: tuple[str, ...] = tuple(text.words)
N = len(WORDS)
SENTENCE: tuple[str, ...] = tuple(text.sentence)
TOKENS = len(SENTENCE)
SPAN = 5.0
PLACE = 3.0
SIZES = ("1", "4", "16", "64", "256", "1024")
MASKS = ("none", "causal", "strict")


@dataclass(frozen=True)
class Fields:
    """One query with its scores and values, and a sequence of random queries and keys.

    Attributes
    ----------
    scores, seen : tuple of float, tuple of bool
        What the query says of each key, and whether the key may be seen.
    fill : str
        What a hidden key's score is set to: ``"infinity"`` (−∞) or ``"zero"``.
    temperature : float
        Divides the scores.
    xs, ys : tuple of float
        The values, vectors of two numbers.
    size, scale : str, bool
        Numbers in each query and key, and whether their products are divided by its root.
    mask : str
        Who sees whom in the sequence.
    query, key : int
        The chosen cell.
    seed : int
        Of the random numbers.
    """

    scores: tuple[float, ...]
    seen: tuple[bool, ...]
    fill: str
    temperature: float
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    size: str
    scale: bool
    mask: str
    query: int
    key: int
    seed: int


class Look:
    """What one query looks at."""

    def __init__(self, s: Fields) -> None:
        self.state = s
        hidden = -math.inf if s.fill == "infinity" else 0.0
        self.scores = [z if seen else hidden for z, seen in zip(s.scores, s.seen, strict=True)]
        self.T = num(s.temperature, "T", text=show_input(s.temperature))

    @cached_property
    def weights(self) -> list[float]:
        """Softmax of the scores; all NaN when nothing may be seen."""
        return spec.probabilities(self.scores, temperature=self.state.temperature)

    def weight(self, j: int) -> Num:
        """Write a weight."""
        return weight(self.weights, j, f"class:{j}")

    @cached_property
    def best(self) -> int:
        """Give the key with the largest weight."""
        return max(range(N), key=self.scores.__getitem__)

    @cached_property
    def keys(self) -> Num:
        """As many equal weights would have the same entropy."""
        return num(math.exp(spec.entropy(self.weights)), "keys")

    @cached_property
    def moves(self) -> Num:
        """Give the most that a weight moves for a unit of its score: p(1 − p)/T."""
        slopes = spec.jacobian(self.scores, temperature=self.state.temperature)
        return num(max(slopes[j][j] for j in range(N)), "moves")

    @cached_property
    def output(self) -> tuple[float, float]:
        """Average the values by the weights."""
        s = self.state
        return mixed(self.weights, s.xs), mixed(self.weights, s.ys)


def mixed(weights: Sequence[float], values: Sequence[float]) -> float:
    """Give the weighted mean."""
    return math.fsum(w * v for w, v in zip(weights, values, strict=True))


def weight(p: Sequence[float], j: int, ref: str) -> Num:
    """Write one weight; one next to 1 as its distance from it."""
    if math.isnan(p[j]):
        return num(p[j], ref)
    return num(p[j], ref, text=show_probability(p[j], math.fsum([*p[:j], *p[j + 1 :]])))
