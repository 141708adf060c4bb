# pyright: basic
"""What the scores of a case look like: predicates that several rules share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.case import Case
from xent.auditor.plan import decimals

Array = NDArray[Any]
LEAST = 8  # rows below which nothing is said about the kind


def seen(case: Case) -> int:
    """Rows whose scores are numbers or −∞ and whose label is a class, whatever their kind.

    Examples
    --------
    >>> import xent
    >>> seen(Case(xent.audit(np.array([[1.0, 0.0], [np.nan, 0.0]]), np.array([0, 1])).summary))
    1
    """
    c = case.summary.counts
    return c["rows"] + c["broken"] - c["nan"] - c["infinity"]


def single(case: Case) -> bool:
    """Whether a row is one score, of which the other class's was made."""
    return case.plan.task in ("binary", "multi-label")


def came(case: Case, table: str = "sample") -> Array:
    """Scores of the sampled rows without what was added for two classes: (n, columns) float32."""
    scores = case.summary.tables[table]["scores"]
    return scores[:, 1:] if single(case) else scores


def within(case: Case, low: float = 0.0, high: float = 1.0) -> bool:
    """Whether every score is in [low, high], give or take the tolerance."""
    least, most, *_ = case.summary.extremes
    slack = case.plan.tolerance
    if single(case) and case.plan.kind != "probs":  # the 0 of the other class is no score
        return len(came(case)) > 0 and bool(((came(case) >= low - slack) & (came(case) <= high + slack)).all())
    return bool(least >= low - slack and most <= high + slack)


def simplex(case: Case) -> bool:
    """Whether all rows are ≥ 0 and sum to 1."""
    return seen(case) >= LEAST and case.summary.counts["simplex"] == seen(case)


def hard(case: Case) -> bool:
    """Whether all scores are 0 or 1."""
    if single(case):
        return within(case) and seen(case) >= LEAST and bool(np.isin(came(case), (0, 1)).all())
    return seen(case) >= LEAST and case.summary.counts["hard"] == seen(case)


def bound(values: Array) -> bool:
    """Whether rows' sums vary much less than they would if the columns were independent.

    Nearly constant scores may sum to 1 by chance, but then not more exactly than they vary.

    Examples
    --------
    >>> p = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    >>> bound(p), bound(np.full((20, 2), 0.5)), bound(p[:, :2])
    (True, False, False)
    """
    v = values.astype(np.float64)
    alone = math.sqrt(v.var(axis=0).sum())
    return bool(alone > 1e-7 and v.sum(axis=1).std() < 0.2 * alone)


def sums(case: Case) -> Array:
    """Add up each sampled row's scores, in float64."""
    return case.raw.astype(np.float64).sum(axis=1)


def rounded(case: Case) -> int | None:
    """Decimals that all sampled scores were rounded to."""
    return decimals(came(case)) if within(case) else None


def halves(case: Case) -> bool:
    """Whether the rows' sums were allowed what 16 bits need."""
    return case.plan.tolerance >= 2e-3


def period(case: Case) -> int | None:
    """Give the number of rows m whose columns each sum to 1: softmax was over the rows of a batch of m.

    The first m rows must sum to 1 in each column, and the next m too, unless these are all rows there are.

    Examples
    --------
    >>> import xent
    >>> z = np.random.default_rng(0).normal(size=(64, 5))
    >>> p = np.concatenate([xent.softmax(part, axis=0) for part in np.split(z, 4)])
    >>> period(Case(xent.audit(p, np.zeros(64, int), kind="probs").summary))
    16
    """
    head, slack = came(case, "head").astype(np.float64), 1e-2 if halves(case) else 1e-3
    if head.shape[1] < 2 or len(head) < LEAST or not ((head >= -slack) & (head <= 1 + slack)).all():
        return None
    so_far = np.cumsum(head, axis=0)
    for m in np.flatnonzero((abs(so_far - 1) <= slack).all(axis=1)) + 1:
        if m < LEAST:
            continue
        next_ = so_far[2 * m - 1] if 2 * m <= len(head) else None
        if m == len(head) == seen(case) or (next_ is not None and (abs(next_ - 2) <= 2 * slack).all()):
            return int(m)
    return None


def base(case: Case) -> int | None:
    """Give the base, 2 or 10, of which all rows are logarithms of probabilities.

    Examples
    --------
    >>> import xent
    >>> p = np.random.default_rng(0).dirichlet(np.ones(3), size=9)
    >>> base(Case(xent.audit(np.log2(p), np.zeros(9, int)).summary))
    2
    """
    z, slack = came(case).astype(np.float64), 10 * case.plan.tolerance
    if case.plan.kind == "probs" or single(case) or len(z) < LEAST or not (z <= case.plan.tolerance).all():
        return None
    if case.summary.counts["logs"] * 2 > case.n:
        return None
    for b in (2, 10):
        p = np.power(float(b), z)
        if (abs(p.sum(axis=1) - 1) <= slack).all() and bound(p):
            return b
    return None


def partial(case: Case) -> Array | None:
    """Give the sums of exponentials of the sampled rows, if they are parts of distributions.

    They are if at most 100 scores a row, none above 0, sum to 1 or less, to half or more in most rows, and to
    clearly less than 1 in most.

    Examples
    --------
    >>> import xent
    >>> p = np.sort(np.random.default_rng(0).dirichlet(np.ones(500) / 9, size=50))[:, -20:]
    >>> bool((partial(Case(xent.audit(np.log(p), np.zeros(50, int)).summary)) < 1).all())
    True
    """
    z, slack = came(case).astype(np.float64), case.plan.tolerance
    if case.plan.kind == "probs" or single(case) or not 3 <= case.k <= 100 or len(z) < LEAST:
        return None
    if not case.summary.extremes[1] <= slack or base(case) is not None:
        return None
    mass = np.exp(z).sum(axis=1)
    least = 0.05 if case.plan.kind == "log-probs" else 0.5
    part = (mass <= 1 + slack).all() and np.median(mass) >= least and np.mean(mass < 1 - 10 * slack) > 0.5
    return mass if part else None


def kinds(case: Case) -> dict[str, int]:
    """Count the rows that are probabilities, logarithms of probabilities, and neither, if more than one occurs.

    There must be ten times as many as by chance: among logits, as the rows have it whose sum (or log-sum-exp) is up
    to fifty times farther from 1 (from 0). Rows of a near certain class do not make a kind: the largest logit may
    have been subtracted.

    Examples
    --------
    >>> import xent
    >>> z = np.random.default_rng(0).normal(size=(200, 5)) * 3
    >>> z[100:] = xent.softmax(z[100:])
    >>> kinds(Case(xent.audit(z, np.zeros(200, int)).summary))
    {'probabilities': 100, 'logits': 100}
    """
    counts, plan, n = case.summary.counts, case.plan, seen(case)
    if plan.task == "multi-label" or (single(case) and plan.kind != "probs") or n < 2 * LEAST:
        return {}
    if base(case) is not None:
        return {}
    least, most, *_ = case.summary.extremes
    if plan.kind == "probs":
        found = {"probabilities": counts["simplex"], "logits": n - counts["simplex"] - counts["unit"]}
        return found if min(found.values()) >= LEAST and far(least, most) else {}
    z, slack = case.raw.astype(np.float64), plan.tolerance
    scale = n / max(len(z), 1)
    inside = ((z >= -slack) & (z <= 1 + slack)).all(axis=1)
    with np.errstate(over="ignore", divide="ignore"):
        off = abs(z.sum(axis=1) - 1)
        away = abs(np.log(np.exp(z).sum(axis=1)))
    low = (z <= slack).all(axis=1)
    by_chance = [
        scale * float(np.mean(rows & (d > slack) & (d <= 50 * slack)) * len(z)) / 49
        for rows, d in ((inside, off), (low, away))
    ]
    s, logs, top = counts["simplex"] - counts["hard"], counts["logs"], z.max(axis=1)
    sure = [
        scale * float(np.sum(rows & (d <= slack) & (top < most_)))
        for rows, d, most_ in ((inside, off, 0.99), (low, away, -0.01))
    ]
    found = {
        "probabilities": s if sure[0] >= LEAST + 10 * by_chance[0] else 0,
        "log-probabilities": logs if sure[1] >= LEAST + 10 * by_chance[1] else 0,
    }
    rest = n - s - logs
    whole = np.isfinite(z).all(axis=1)  # a mask changes sums, not kinds
    strange = scale * float(np.sum(whole & ~inside & (~low | (away > max(0.05, 50 * slack)))))
    found["logits"] = rest if strange >= LEAST else 0
    some = {name: count for name, count in found.items() if count}
    return some if len(some) > 1 else {}


def far(least: float, most: float) -> bool:
    """Whether scores are well outside [0, 1]."""
    return least < -0.05 or most > 1.05


KNOWN = (*(10.0**-d for d in range(3, 16)), 2.0**-10, 2.0**-23, 2.0**-52)
"""What probabilities are clipped at: powers of ten, and the machine epsilons of float16, float32 and float64."""


def atom(case: Case) -> tuple[float, int] | None:
    """Give the known ε that is the least probability of at least 5 sampled rows to the bit, and of how many.

    It must be well below 1/K, and hardly any probability may lie within 0.1 % above it.

    Examples
    --------
    >>> import xent
    >>> p = np.clip(np.random.default_rng(0).dirichlet(np.full(5, 0.05), size=50), 1e-7, 1)
    >>> atom(Case(xent.audit(p, np.zeros(50, int)).summary))[0]
    1e-07
    """
    if case.plan.kind == "logits":
        return None
    p, count = came(case), case.summary.tables["sample"]["count"]
    if p.size == 0:
        return None
    least = p.min()
    rows = int(count[p.min(axis=1) == least].sum())
    value = float(np.exp(np.float64(least))) if case.plan.kind == "log-probs" else float(least)
    slack = 1e-5 if case.plan.kind == "log-probs" else 2.0**-22
    eps = next((e for e in KNOWN if abs(value - e) <= slack * e), None)
    if eps is None or rows < 5 or eps > 0.5 / case.k or rounded(case) is not None:
        return None
    # ε / K mixed in, as by smoothing, leaves numbers just above the least; clipping leaves next to none
    near = least + 1e-3 if case.plan.kind == "log-probs" else least * np.float32(1.001)
    return (eps, rows) if ((p > least) & (p <= near)).sum() <= 0.05 * (p == least).sum() else None


def brier_gain(inner: Array, outer: Array, labels: Array, count: Array) -> tuple[float, float]:
    """Mean of how much less the Brier score of ``inner`` is than that of ``outer``, and that in its deviations.

    Examples
    --------
    >>> inner, outer = np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([[0.7, 0.3], [0.6, 0.4]])
    >>> round(brier_gain(inner, outer, np.array([0, 0]), np.array([1, 1]))[0], 3)
    0.2
    """
    target = np.zeros_like(inner)
    target[np.arange(len(labels)), labels] = 1
    d = ((outer - target) ** 2 - (inner - target) ** 2).sum(axis=1)
    n = count.sum()
    mean = float((count * d).sum() / n)
    deviation = math.sqrt(max(float((count * (d - mean) ** 2).sum()), 0.0)) / n
    return mean, mean / deviation if deviation > 0 else math.copysign(math.inf, mean)
