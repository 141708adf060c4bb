# pyright: basic
"""Which formula gives the loss that was printed? XE390, and XE303, XE311 and XE607 as its named results."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

import xent
from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule
from xent.auditor.formulas import Formula, Rows, formulas, per_row

DIGITS = 4
"""Significant digits below which too many formulae agree by chance."""


@dataclass(frozen=True)
class Search:
    """What the search for a reported loss found.

    Attributes
    ----------
    matches : tuple of Formula
        Those that give the number, those with the fewest steps only, the nearest first.
    nearest : Formula or None
        The one that comes nearest.
    tried : int
        Formulae of different values.
    tolerance : float
        How far a match may be off.
    digits : int
        Significant digits of the number.
    by_chance : float
        How many would agree by chance: as many per unit as lie within a fifth of the number.

    Examples
    --------
    >>> Search((), None, 0, 5e-5, 4, 0.0).matches
    ()
    """

    matches: tuple[Formula, ...]
    nearest: Formula | None
    tried: int
    tolerance: float
    digits: int
    by_chance: float


def printed(value: float, decimals: int | None = None) -> tuple[float, int]:
    """Give half a unit of the last printed digit, and how many digits are significant.

    Parameters
    ----------
    value : float
        Finite.
    decimals : int, optional
        Digits after the point; None: as many as Python prints.

    Examples
    --------
    >>> printed(1.4612), printed(0.05, 4), printed(12345.0, 0)
    ((5e-05, 5), (5e-05, 3), (0.5, 5))
    """
    if decimals is None:
        shown = Decimal(repr(value)).normalize()
        decimals = max(-int(shown.as_tuple().exponent), 0)
    leading = math.floor(math.log10(abs(value))) if value else 0
    return 0.5 * 10.0**-decimals, max(leading + decimals + 1, 0)


def search(case: Case) -> Search:
    """Look for the formulae that give the reported loss; computed once a case.

    Examples
    --------
    >>> import numpy as np, xent
    >>> z, y = np.random.default_rng(0).normal(size=(50, 3)), np.zeros(50, int)
    >>> loss = float(np.mean(xent.cross_entropy(xent.softmax(z), y)))
    >>> search(Case(xent.audit(z, y).summary, round(loss, 5))).matches[0].code
    'cross_entropy(softmax(logits), y)'
    """
    known = vars(case).get("_search")
    if known is None:
        known = vars(case)["_search"] = _search(case)  # a Case is frozen, but may remember
    return known


def _search(case: Case) -> Search:
    value = float(case.reported or 0.0)
    half, digits = printed(value, case.decimals)
    tolerance = max(half, 2e-6 * abs(value)) * (1 + 1e-9)
    # a value that a simpler formula gives too says nothing more
    tried: dict[int, Formula] = {}
    resolution = max(tolerance, 1e-12)
    for f in formulas(case):
        if not math.isfinite(f.value) or abs(f.value) > 1e15:
            continue
        cell = round(f.value / resolution)
        if cell not in tried or f.steps < tried[cell].steps:
            tried[cell] = f
    found = sorted(tried.values(), key=lambda f: (f.steps, abs(f.value - value)))
    matches = [f for f in found if abs(f.value - value) <= tolerance]
    nearest = min(found, key=lambda f: abs(f.value - value), default=None)
    around = sum(abs(f.value - value) <= 0.2 * abs(value) for f in found)
    by_chance = around * tolerance / (0.2 * abs(value)) if value else 0.0
    return Search(tuple(matches), nearest, len(found), tolerance, digits, by_chance)


def estimates(case: Case) -> list[tuple[Formula, float]]:
    """Formulae of single rows, estimated from the rows that are kept, each with its standard error.

    The cross-entropy of the kept rows is compared with its exact mean over all of them, and what goes with it is
    corrected (a control variate).

    Examples
    --------
    >>> import numpy as np, xent
    >>> z, y = np.random.default_rng(0).normal(size=(50, 3)), np.zeros(50, int)
    >>> f, error = estimates(Case(xent.audit(z, y).summary))[0]
    >>> f.words, round(f.value, 4), error < 0.02
    ('cross-entropy after two softmax', 1.184, True)
    """
    z, y, count = case.sample
    rows = Rows(z, y, count.astype(float), None, case.n)
    found: list[tuple[Formula, float]] = []
    with np.errstate(all="ignore"):
        plain = np.asarray(xent.logsumexp(z)) - rows.at(z)
        away = plain - rows.mean(plain)
        missing = case.summary.total("loss") / case.n - rows.mean(plain)
        for f, values in per_row(case, rows):
            slope = rows.mean(values * away) / rows.mean(away * away)
            value = rows.mean(values) + slope * missing
            left = values - rows.mean(values) - slope * away
            error = math.sqrt(rows.mean(left * left) / max(len(z) - 2, 1))
            if math.isfinite(value) and math.isfinite(error):
                found.append((replace(f, value=value), error))
    return found


def _near(case: Case, value: float) -> str:
    """Say which estimates come near, where single rows are not all kept."""
    if case.whole or case.summary.counts["infinite"]:
        return ""
    near = [
        f"{f.words} ({f.value:.5g} ± {error:.1g})"
        for f, error in sorted(estimates(case), key=lambda e: e[0].steps)
        if abs(f.value - value) <= 3 * error <= 0.01 * abs(value)
    ]
    kept = f" By the {len(case.raw):,} rows that are kept, what could give it is: "
    return kept + "; ".join(near[:3]) + "." if near else ""


def _first(case: Case) -> Formula | None:
    """Simplest formula that gives the reported number, if that has enough digits."""
    if case.reported is None or not math.isfinite(case.reported) or case.n == 0:
        return None
    found = search(case)
    return found.matches[0] if found.matches and found.digits >= DIGITS else None


SHOWN = {
    "nll_loss": "meant", "after two": "double", "after three": "double", "1e-": "clipping", "weight": "imbalance",
    "labels of the": "shifted",
}  # fmt: skip
"""Pitfalls by what stands in a formula or its words."""


def _shown(found: Formula) -> dict[str, str | float]:
    """Give the pitfall that a formula falls into; all the others are about what the sum is divided by."""
    said = f"{found.words} {found.code}"
    clip = re.search(r"1e-\d+", found.code)
    pitfall = next((pitfall for mark, pitfall in SHOWN.items() if mark in said), "reduction")
    return {"program": pitfall} | ({"clip": float(clip[0])} if clip else {})


def _tell(case: Case, code: str) -> Evidence | None:
    """Evidence of a match that has this code."""
    best = _first(case)
    if best is None or best.code_of != code:
        return None
    found = search(case)
    assert case.reported is not None  # noqa: S101 - of `_first`
    unsure = best.verdict == "wrong" and best.steps > 1 and found.digits < 6
    others = [f for f in found.matches[1:] if f.steps == best.steps]
    more = f" So do, by chance or not: {'; '.join(f.words for f in others[:3])}." if others else ""
    plain = case.summary.total("loss") / case.n
    right = (
        "" if best.verdict == "right" or case.summary.counts["infinite"]
        else f" The mean cross-entropy of these rows is {plain:.6g} nats."
    )  # fmt: skip
    said = (
        f"Your loss of {case.reported:.10g} is the mean cross-entropy of these {case.n:,} rows, in nats."
        if best.verdict == "right"
        else f"Your loss of {case.reported:.10g} is {best.words}: {best.code} gives {best.value:.6g}."
    )
    return Evidence(
        f"{said}{right}{more}",
        {"reported": case.reported, "value": best.value, "loss": plain, "formula": best.code, "words": best.words,
         "steps": best.steps, "verdict": best.verdict, "tried": found.tried, "others": len(others),
         "by_chance": found.by_chance},
        best.fix or "Nothing has to be done.",
        severity="info" if best.verdict != "wrong" else "warn" if unsure else None,
        state=_shown(best) if code in ("XE303", "XE390") else None,
    )  # fmt: skip


@rule("XE303", "error", "forensics", "identity", experiment="pitfalls")
def scaled_by_steps(case: Case) -> Evidence | None:
    """The logged loss is scaled by the number of accumulation steps.

    A loss is divided by the number of micro-batches before the backward pass, so that gradients add up to a mean.
    If what is logged is divided (or summed) as well, the curve changes when the number of steps does.

    How it is found: the reported loss is the mean cross-entropy times or divided by 2, 4, …, 64, to all printed
    digits, at least 4, and no simpler formula gives it.

    When it may be wrong: if another formula gives the same digits; all that do are named.

    Sources: distillKitPlus#5.
    """
    return _tell(case, "XE303")


@rule("XE311", "warn", "forensics", "identity", experiment="labels")
def mean_of_means(case: Case) -> Evidence | None:
    """The reported loss is a mean over batches of unequal size.

    A mean of batch means gives the rows of a small batch, mostly the last one, more weight than the others. The
    difference from the true mean is −Cov(n, L) / mean(n), over the batches' sizes n and losses L.

    How it is found: batches of 2, 4, …, 4096 rows, with the ignored rows among them; the mean of their means gives
    the reported loss to all printed digits, at least 4, and the mean over rows does not.

    When it may be wrong: if another formula gives the same digits; all that do are named.

    Sources: nolearn#247, torchflows#7, keras#13591, transformers#34242.
    """
    return _tell(case, "XE311")


@rule("XE390", "error", "forensics", "identity", experiment="pitfalls")
def formula_of_the_loss(case: Case) -> Evidence | None:
    """The formula that gives the reported loss.

    The rows and the number that a program printed for them are compared with the mean cross-entropy and some
    hundreds of other formulae: other bases, sums, the ignored rows in the denominator, a second softmax,
    probabilities or scores in nll_loss, clipping, temperatures, class weights, label smoothing, focal loss, means
    over batches, shifted labels. An error if the simplest that fits is a mistake; information if it is a matter of
    choice, is the mean cross-entropy, or if none fits; a warning if the mistake takes two steps and the number has
    fewer than 6 digits.

    How it is found: a formula fits if it gives the number to all printed digits, of which there must be at least 4,
    or to 2e-6 of it. What needs single rows is tried if the summary still has them all.

    When it may be wrong: formulae can agree by chance in 4 digits; all that fit are named, the simplest first.
    """
    value = case.reported
    if value is None or case.n == 0:
        return None
    if not math.isfinite(value):
        return Evidence(
            f"The reported loss is {value}; there is no formula to look for.", {"reported": str(value)},
            "Look for rows without a softmax, or labels with probability 0.",
        ) if not case.summary.counts["infinite"] else None  # fmt: skip
    found = search(case)
    if found.digits < DIGITS:
        return Evidence(
            f"The reported loss {value:.10g} has {found.digits} significant digits; {DIGITS} are needed to tell "
            "one formula from another.",
            {"reported": value, "digits": found.digits},
            'Print the loss with more digits: f"{loss:.6f}".',
            severity="info",
        )
    if found.matches:
        return _tell(case, "XE390")
    near = found.nearest
    part = "" if case.whole else " (single rows are not all kept of so many: only sums were compared)"
    nearest = f"; the nearest is {near.words}, {near.value:.6g}" if near is not None else ""
    plain = case.summary.total("loss") / case.n
    return Evidence(
        f"None of {found.tried} formulae gives {value:.10g} for these rows{part}{nearest}. The mean cross-entropy "
        f"is {plain:.6g}.{_near(case, value)}",
        {"reported": value, "loss": plain, "tried": found.tried,
         "nearest": near.code if near else "", "nearest_value": near.value if near else math.nan},
        "Check that the number was printed for these very rows, with dropout off and no penalty added.",
        severity="info",
    )  # fmt: skip


@rule("XE607", "error", "forensics", "identity", experiment="information")
def perplexity(case: Case) -> Evidence | None:
    """The reported perplexity is a mean of perplexities, or mixes two bases.

    Perplexity is exp of the mean loss in nats, or 2 to the power of the mean loss in bits. A mean of exp over
    batches is larger, whatever the batches are, and exp of bits or 2 to the power of nats is another number.

    How it is found: such a formula gives the reported number to all printed digits, at least 4, and no simpler one
    does.

    When it may be wrong: if another formula gives the same digits; all that do are named.
    """
    return _tell(case, "XE607")
