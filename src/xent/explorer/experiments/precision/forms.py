"""Four ways to compute the cross-entropy of two classes, operation by operation in a format, and the exact answer.

Each takes the logits of the right class and of the other one as the format has them, and returns the loss, the
gradient by the right class's logit as a framework's backward pass would compute it, and the steps on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

from xent.explorer.experiments.precision.formats import FORMATS, Format, log1p

EPSILON = 1e-7
"""Where probabilities are usually clipped."""

_EXACT = Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


class Result(NamedTuple):
    """What a form gives: the loss, the gradient, and the numbers its formula shows on the way."""

    loss: float
    gradient: float
    steps: tuple[float, ...]


class Truth(NamedTuple):
    """Loss and gradient to 35 digits; as decimals, because some are too small for any format here."""

    loss: Decimal
    gradient: Decimal


def naive(f: Format, right: float, other: float) -> Result:
    """−log(e^z / Σ e^z), as it is written; steps: both powers, and p."""
    a, b = f.exp(right), f.exp(other)
    whole = f.add(a, b)
    p = f.div(a, whole)
    # backwards through the logarithm, the quotient (numerator, then denominator) and the exponential
    by_p = -f.div(1.0, p)
    by_a = f.add(f.div(by_p, whole), f.mul(-by_p, f.div(p, whole)))
    return Result(-f.log(p) + 0.0, f.mul(by_a, a), (a, b, p))


def clipped(f: Format, right: float, other: float) -> Result:
    """−log(clip(p, ε, 1 − ε)) with p from a stable softmax, ε = 1e-7; steps: p, and p clipped."""
    top = max(right, other)
    a, b = f.exp(f.sub(right, top)), f.exp(f.sub(other, top))
    p = f.div(a, f.add(a, b))
    low, high = f.nearest(EPSILON), f.nearest(1 - EPSILON)
    kept = min(max(p, low), high)
    by_p = -f.div(1.0, kept) if low <= p <= high else 0.0
    gradient = f.mul(f.sub(by_p, f.mul(by_p, p)), p)
    return Result(-f.log(kept) + 0.0, gradient + 0.0, (p, kept))


def logsumexp(f: Format, right: float, other: float) -> Result:
    """Log Σ e^(z − m) − (z − m), m the largest logit: log-softmax as frameworks have it; steps: the sum, z − m."""
    top = max(right, other)
    mine, theirs = f.sub(right, top), f.sub(other, top)
    whole = f.add(f.exp(mine), f.exp(theirs))
    loss = f.sub(f.log(whole), mine)
    return Result(loss + 0.0, f.sub(f.exp(-loss), 1.0), (whole, mine))


def one_plus(f: Format, right: float, other: float) -> Result:
    """log1p(tail) + gap, the form of `xent.spec`; steps: tail, and the right class's gap."""
    gap = f.sub(max(right, other), right)
    tail = f.exp(f.sub(min(right, other), max(right, other)))
    whole = f.add(1.0, tail)
    loss = f.add(f.log1p(tail), gap)
    gradient = -f.div(tail, whole) if right >= other else f.sub(f.div(tail, whole), 1.0)
    return Result(loss, gradient + 0.0, (tail, gap))


FORMS: dict[str, Callable[[Format, float, float], Result]] = {
    "naive": naive,
    "clipped": clipped,
    "logsumexp": logsumexp,
    "log1p": one_plus,
}


def inputs(f: Format, gap: float, shift: float) -> tuple[float, float]:
    """Give the logits as the format has them: ``shift`` + ``gap`` for the right class, ``shift`` for the other."""
    return f.nearest(shift + gap), f.nearest(shift)


@lru_cache(maxsize=8192)
def results(name: str, gap: float, shift: float) -> dict[str, Result]:
    """Run the four forms in a format."""
    f = FORMATS[name]
    return {form: run(f, *inputs(f, gap, shift)) for form, run in FORMS.items()}


@lru_cache(maxsize=8192)
def truth(name: str, gap: float, shift: float) -> Truth:
    """Give the exact loss and gradient for the logits that the format has: what a form could reach at best."""
    right, other = inputs(FORMATS[name], gap, shift)
    with localcontext(_EXACT):
        ahead = Decimal(right) - Decimal(other)
        tail = (-abs(ahead)).exp()
        share = tail / (1 + tail)
        return Truth(log1p(tail) + max(-ahead, Decimal(0)), -share if ahead >= 0 else share - 1)


def error(got: float, exact: Decimal) -> Decimal:
    """Relative error; ∞ or NaN as the result is. A decimal: clipping can be off by more than a float holds."""
    with localcontext(_EXACT):
        return abs(Decimal(got) - exact) / abs(exact)
