"""The likelihood of counts under a model: exactly, as floats multiply it, and as a sum of logarithms."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import cached_property, lru_cache
from typing import Protocol

from xent import spec
from xent.explorer.numbers import num, show, show_input
from xent.explorer.text import words
from xent.explorer.view import Num

text = words("likelihood")
CLASSES: tuple[str, ...] = tuple(text.classes)
K = len(CLASSES)
DOUBLE, SINGLE = "double", "single"
LAST = {DOUBLE: 2.0**-1074, SINGLE: 2.0**-149}
"""The smallest number above 0 of each format."""
_DIGITS = Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Shown(Protocol):
    """What is read of a state."""

    @property
    def counts(self) -> tuple[int, ...]:
        """What was observed."""
        ...

    @property
    def copies(self) -> int:
        """How many times over."""
        ...

    @property
    def model(self) -> tuple[float, ...]:
        """The model's probabilities."""
        ...


class Data:
    """What the library says about a state; losses in nats."""

    def __init__(self, state: Shown) -> None:
        self.state = state
        self.size = sum(state.counts) * state.copies
        self.seen = [n * state.copies for n in state.counts]
        self.frequencies = tuple(n / sum(state.counts) for n in state.counts)

    def share(self, j: int) -> Num:
        """Write a probability of the model, to be edited."""
        return num(self.state.model[j], f"class:{j}", text=show_input(self.state.model[j]))

    def surprise(self, j: int) -> float:
        """Give −log q_j."""
        return spec.cross_entropy(spec.one_hot(j, K), self.state.model)

    @cached_property
    def mean(self) -> Num:
        """Give the mean loss, H(f, q)."""
        return num(spec.cross_entropy(self.frequencies, self.state.model), "mean")

    @cached_property
    def floor(self) -> Num:
        """Give the least, H(f)."""
        return num(spec.entropy(self.frequencies), "floor")

    @cached_property
    def divergence(self) -> Num:
        """Give KL(f ‖ q); rounded frequencies may take a tiny one below 0."""
        return num(max(spec.kl_divergence(self.frequencies, self.state.model), 0.0), "kl")

    @cached_property
    def likelihood(self) -> Num:
        """Give the product, exactly."""
        return shown_exact(power_of(self.state.model, self.seen), "likelihood")

    @cached_property
    def log_likelihood(self) -> Num:
        """Give the sum of logs."""
        return num(sum_of_logs(self.state.model, self.seen), "sum")

    @cached_property
    def order(self) -> list[int]:
        """Give the observations one after another, in an order of no meaning."""
        return _order(self.state.counts) * self.state.copies

    @cached_property
    def runs(self) -> dict[str, list[float]]:
        """Give the running product as a float of each kind, up to the first 0."""
        return {kind: self._run(kind) for kind in (DOUBLE, SINGLE)}

    def _run(self, kind: str) -> list[float]:
        fit = _single if kind == SINGLE else float
        factors = [fit(q) for q in self.state.model]
        out = [1.0]
        for j in self.order:
            out.append(fit(out[-1] * factors[j]))
            if not out[-1]:
                break
        return out

    def product(self, kind: str, after: int | None = None) -> float:
        """Give the product of the first observations, as a float of a kind gives it."""
        run = self.runs[kind]
        return run[min(self.size if after is None else after, len(run) - 1)]


def power_of(model: Sequence[float], counts: Sequence[int]) -> Decimal:
    """Give the likelihood, Π q_j to the n_j, to 40 digits at any size."""
    with localcontext(_DIGITS):
        out = Decimal(1)
        for q, n in zip(model, counts, strict=True):
            out *= Decimal(q) ** n if n else 1
        return out


def sum_of_logs(model: Sequence[float], counts: Sequence[int]) -> float:
    """Give Σ n_j log q_j in nats, rounded once."""
    with localcontext(_DIGITS):
        return float(sum((n * Decimal(q).ln() for q, n in zip(model, counts, strict=True) if n), Decimal(0)))


def shown_exact(value: Decimal, ref: str | None = None) -> Num:
    """Pair a number that may be smaller than any float with its text."""
    return num(float(value), ref, text=show_exact(value))


def show_exact(value: Decimal) -> str:
    """Write a number that no float holds like one that it does."""
    if not value or float(value) >= 1e-300:
        return show(float(value))
    with localcontext(_DIGITS):
        mantissa, exponent = f"{value:.2e}".lower().split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _single(value: float) -> float:
    """Round to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


@lru_cache(maxsize=16)
def _order(counts: tuple[int, ...]) -> list[int]:
    drawn = [j for j, n in enumerate(counts) for _ in range(n)]
    random.Random(1).shuffle(drawn)  # noqa: S311 - an order, not a secret
    return drawn
