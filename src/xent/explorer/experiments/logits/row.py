"""What the library says about the row on screen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xent import spec
from xent.explorer.experiments.logits.state import State
from xent.explorer.numbers import num, show_probability
from xent.explorer.text import words
from xent.explorer.view import Bar, Num

text = words("logits")


@dataclass(frozen=True)
class Row:
    """Everything the library says about the row on screen; losses in nats."""

    state: State
    z: tuple[float, ...]
    p: list[float]
    surprise: list[float]  # −log p_j
    t: list[float]
    terms: list[float]  # t_j · (−log p_j)
    loss: float
    grad: list[float]
    losses: list[float]
    floor: float  # H(t): no logits cost less
    above: float  # KL(t‖p): the rest of the loss
    shown: list[Num]  # p as it is written

    @classmethod
    def of(cls, state: State, z: tuple[float, ...], before: list[float]) -> Row:
        """Ask the library everything about the logits ``z`` that a run has come to from the losses ``before``."""
        given = state.options
        t = spec.target_weights(
            state.aim, len(z), label_smoothing=given["label_smoothing"], convention=given["convention"]
        )
        loss = spec.loss(z, state.aim, **given)
        p = spec.probabilities(z, temperature=state.temperature)
        floor = spec.entropy(t)
        return cls(
            state=state,
            z=z,
            p=p,
            surprise=[-v for v in spec.log_probabilities(z, temperature=state.temperature)],
            t=t,
            terms=list(spec.loss_terms(z, state.aim, **given).surprise),
            loss=loss,
            grad=spec.gradient(z, state.aim, **given),
            losses=[*before, loss],
            floor=floor,
            shown=[
                num(q, f"class:{j}", text=show_probability(q, math.fsum([*p[:j], *p[j + 1 :]])))
                for j, q in enumerate(p)
            ],
            above=max(spec.kl_divergence(t, p), 0.0) if floor else loss,  # a rounded p loses tiny losses
        )

    @property
    def scale(self) -> float:
        """Nats → the chosen unit."""
        return 1.0 if self.state.unit == "nats" else 1.0 / math.log(2.0)

    @property
    def log(self) -> str:
        """The logarithm of the chosen unit, as it is written."""
        return "log" if self.state.unit == "nats" else "log₂"

    @property
    def unit(self) -> str:
        """What the chosen unit is called."""
        return text.units[self.state.unit]

    @property
    def best(self) -> int:
        """The most probable class, the first of a tie."""
        return max(range(len(self.p)), key=lambda j: self.p[j])

    @property
    def guess(self) -> Num:
        """The loss of a guess that knows nothing: log K."""
        return self.cost(math.log(len(self.z)), "guess")

    def bar(self, j: int, number: Num, spoken: str) -> Bar:
        """Make the bar of class j."""
        name = self.state.names[j]
        return {
            "ref": f"class:{j}",
            "label": name,
            "number": number,
            "spoken": spoken.format(name=name, value=number["text"]),
        }

    def weight(self, j: int) -> Num:
        """Give t_j; a whole share is written without decimals, because it is exact."""
        return num(self.t[j], f"class:{j}", text="1" if self.t[j] == 1 else None)

    def term(self, j: int) -> Num:
        """Give t_j · (−log p_j) in the chosen unit."""
        return self.cost(self.terms[j], f"class:{j}")

    def prob(self, j: int) -> Num:
        """Give p_j, written as its distance from 1 when it would round to 1."""
        return self.shown[j]

    def cost(self, nats: float, ref: str = "loss") -> Num:
        """Give a loss in the chosen unit."""
        return num(nats * self.scale, ref)
