"""What `spec` does not have: entropies of products and averages of floats, taken exactly and rounded once.

A float is a fraction, so products and averages of floats are fractions without any error; only the logarithm is
rounded, at 60 digits. That leaves every digit that is shown, even where two distributions agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, localcontext
from fractions import Fraction

_DIGITS = Context(prec=60, traps=[])

Shares = Sequence[Fraction]


def entropy(p: Shares) -> float:
    """−Σ p log p in nats, with 0 · log 0 = 0.

    >>> entropy([Fraction(1, 2), Fraction(1, 2)])
    0.6931471805599453
    """
    with localcontext(_DIGITS):
        return float(sum((-_decimal(x) * _decimal(x).ln() for x in p if x not in (0, 1)), Decimal(0)))


def divergence(p: Shares, q: Shares) -> float:
    """Σ p log(p / q) in nats; q is positive where p is, as an average or a marginal always is.

    >>> divergence([Fraction(1, 3), Fraction(2, 3)], [Fraction(1, 3), Fraction(2, 3)])
    0.0
    """
    with localcontext(_DIGITS):
        terms = (_decimal(x) * _decimal(x / y).ln() for x, y in zip(p, q, strict=True) if x and x != y)
        return float(sum(terms, Decimal(0)))


def jensen_shannon(p: Sequence[float], q: Sequence[float]) -> float:
    """½ KL(p ‖ m) + ½ KL(q ‖ m) in nats, with m the average of the two.

    >>> jensen_shannon([1.0, 0.0], [0.0, 1.0])
    0.6931471805599453
    """
    ps, qs = [Fraction(x) for x in p], [Fraction(x) for x in q]
    middle = [(x + y) / 2 for x, y in zip(ps, qs, strict=True)]
    return (divergence(ps, middle) + divergence(qs, middle)) / 2


def _decimal(x: Fraction) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)
