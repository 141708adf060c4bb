"""The numbers of every report, from a Summary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xent
from xent.auditor import curves
from xent.auditor.summary import Summary
from xent.kernels import tally as kernel
from xent.kernels.moments import moments

Array = NDArray[Any]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
TAUS = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Temperature:
    """The temperature that fits best, by the sampled rows.

    Attributes
    ----------
    value : float
        T; the logits divided by it have the least loss.
    error : float
        Standard error of log T.
    loss, saved : float
        Mean loss at T in nats, and how much less that is than at 1, of the rows it was fitted on.
    rows : int
        Rows that it was fitted on.
    at_bound : str or None
        "lower" or "upper" if there is no optimum.

    Examples
    --------
    >>> Temperature(2.0, 0.1, 0.5, 0.25, 100, None).value
    2.0
    """

    value: float
    error: float
    loss: float
    saved: float
    rows: int
    at_bound: str | None


@dataclass(frozen=True)
class LabelErrors:
    """How many labels are probably wrong, by rows whose label is too improbable (after the temperature is fitted).

    Attributes
    ----------
    tau : tuple of float
        Probabilities; a row counts at τ if its label's is ≤ τ.
    observed, expected : tuple of float
        Such rows among all, and how many there would be if the labels were drawn from the model.
    z : tuple of float
        (observed − expected) / deviation.
    rows : int
        Rows that it was estimated on; the counts are of these.

    Examples
    --------
    >>> e = LabelErrors((1e-2, 1e-3), (30.0, 10.0), (12.0, 1.0), (5.0, 9.0), 1000)
    >>> e.estimated, e.rate(1)
    (18.0, 0.1)
    """

    tau: tuple[float, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    z: tuple[float, ...]
    rows: int

    @property
    def estimated(self) -> float:
        """Wrong labels among the rows that it was estimated on: the largest excess."""
        return max(0.0, *(o - e for o, e in zip(self.observed, self.expected, strict=True)))

    def rate(self, i: int) -> float:
        """Give the share of the rows at τ_i that are probably right: the false discovery rate.

        Examples
        --------
        >>> LabelErrors((1e-2,), (0.0,), (1.0,), (0.0,), 10).rate(0)
        1.0
        """
        return min(1.0, self.expected[i] / self.observed[i]) if self.observed[i] else 1.0


@dataclass(frozen=True)
class Costly:
    """One of the rows that cost most.

    Examples
    --------
    >>> Costly(position=3, label=1, predicted=0, loss=7.5).loss
    7.5
    """

    position: int
    label: int
    predicted: int
    loss: float


@dataclass(frozen=True)
class Numbers:
    """What a report shows. Losses and entropies are means over rows, in nats; NaN where nothing is to divide by.

    Attributes
    ----------
    rows, ignored, broken, outside, infinite : int
        Rows summed up, with the ignored label, without a softmax, with a label that is no class; and of the first
        those whose label has probability 0.
    classes : int
    loss, loss_error : float
        Mean, ∞ if a label has probability 0, and its standard error.
    finite_loss : float
        Mean over the rows with a finite loss.
    accuracy, top5, brier, confidence, entropy : float
        ``confidence`` is the mean of the largest probability.
    prior_loss, explained : float
        Entropy of the labels' frequencies, and D² = 1 − loss / prior_loss.
    temperature : Temperature or None
    ece, ece_null, ece_deviation, smooth_ece : float
        Expected calibration error by 15 bins of the largest probability, its mean and deviation for a perfectly
        calibrated model of the same confidences, and the smooth calibration error.
    area, area_error : float
        Under the ROC curve, for two classes.
    quantiles : tuple of (share, loss)
        Upper edges of cells, 1/16 octave wide.
    labels, predicted, hits : int arrays (K,)
    class_loss, mean_p, bias : float arrays (K,)
        Mean loss of a class's rows, mean probability of a class over all rows, and (Σ p − labels) / deviation.
    label_errors : LabelErrors or None
    costly : tuple of Costly
    moments : dict of str to float
        Sums over rows: "score" = Σ (loss − entropy), "variance" = Σ Var_p(log p), "third" = its third cumulant.

    Examples
    --------
    >>> from xent.auditor.plan import make
    >>> z, y = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]]), np.array([0, 0, 0])
    >>> n = numbers_of(Summary.of(make(z, y)).add(0, z, y))
    >>> round(n.loss, 6), round(n.accuracy, 6), n.prior_loss, [c.position for c in n.costly]
    (0.522373, 0.666667, 0.0, [1, 0, 2])
    """

    rows: int
    ignored: int
    broken: int
    outside: int
    infinite: int
    classes: int
    loss: float
    loss_error: float
    finite_loss: float
    accuracy: float
    top5: float
    brier: float
    confidence: float
    entropy: float
    prior_loss: float
    explained: float
    temperature: Temperature | None
    ece: float
    ece_null: float
    ece_deviation: float
    smooth_ece: float
    area: float
    area_error: float
    quantiles: tuple[tuple[float, float], ...]
    labels: Array = field(repr=False)
    predicted: Array = field(repr=False)
    hits: Array = field(repr=False)
    class_loss: Array = field(repr=False)
    mean_p: Array = field(repr=False)
    bias: Array = field(repr=False)
    label_errors: LabelErrors | None
    costly: tuple[Costly, ...] = field(repr=False)
    moments: dict[str, float]

    @property
    def bits(self) -> float:
        """The loss in bits."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """Power of e by the loss."""
        return math.exp(self.loss) if self.loss < 709 else math.inf


@np.errstate(all="ignore")  # means over nothing are NaN
def numbers_of(summary: Summary) -> Numbers:
    """Compute everything that a report shows.

    Parameters
    ----------
    summary : Summary
        Of any number of rows, none included.
    """
    total = {name: summary.total(name) for name in kernel.SUMS}
    counts, cells = summary.counts, summary.cells
    n, m = counts["rows"], counts["rows"] - counts["infinite"]
    mean = _ratio(total["loss"], m)
    spread = max(_ratio(total["loss²"], m) - mean * mean, 0.0)
    labels = cells["label"]
    pi = labels / n if n else labels * math.nan
    prior = float((pi[pi > 0] * -np.log(pi[pi > 0])).sum()) if n else math.nan
    loss = math.inf if counts["infinite"] else mean
    p, pp = summary.cell("p"), summary.cell("pp")
    bins, odds = cells["bins"], cells["odds"]
    ece = curves.calibration_error(bins[0], bins[1], summary.cell("bins_p"), summary.cell("bins_doubt"))
    auc = curves.area(cells["pair"])
    rows = finite(sampled(summary))
    temperature = _temperature(*rows)
    return Numbers(
        rows=n, ignored=counts["ignored"], broken=counts["broken"], outside=counts["outside"],
        infinite=counts["infinite"], classes=summary.plan.classes,
        loss=loss, loss_error=math.sqrt(spread / m) if m > 1 else math.nan, finite_loss=mean,
        accuracy=_ratio(counts["correct"], n), top5=_ratio(counts["top5"], n), brier=_ratio(total["brier"], n),
        confidence=_ratio(total["confidence"], n), entropy=_ratio(total["entropy"], n),
        prior_loss=prior, explained=1 - loss / prior if prior > 0 else math.nan,
        temperature=temperature,
        ece=ece[0], ece_null=ece[1], ece_deviation=ece[2],
        smooth_ece=curves.smooth_error(odds[0], odds[1], summary.cell("odds_p")) if n else math.nan,
        area=auc[0], area_error=auc[1],
        quantiles=_quantiles(cells["losses"], QUANTILES),
        labels=labels, predicted=cells["predicted"], hits=cells["hits"],
        class_loss=summary.cell("loss") / labels, mean_p=p / n if n else p * math.nan,
        bias=(p - labels) / np.sqrt(np.maximum(p - pp, 0)),
        label_errors=_label_errors(*rows, temperature),
        costly=_costly(summary),
        moments={name: total[name] for name in ("score", "variance", "third")},
    )  # fmt: skip


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan


def _quantiles(cells: Array, shares: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Upper edges of the cells where so large a share of the losses has been counted."""
    so_far, n = np.cumsum(cells), int(cells.sum())
    if n == 0:
        return ()
    edges = [int(np.searchsorted(so_far, math.ceil(share * n))) + 1 for share in shares]
    return tuple((share, edge(c, kernel.FLOOR)) for share, c in zip(shares, edges, strict=True))


def edge(c: int, floor: int) -> float:
    """Where a cell begins, of 16 an octave from 2^−floor.

    Examples
    --------
    >>> edge(40 * 16, 40), edge(40 * 16 + 8, 40)
    (1.0, 1.5)
    """
    return math.ldexp(1 + (c % 16) / 16, c // 16 - floor)


def _costly(summary: Summary) -> tuple[Costly, ...]:
    table = summary.tables["costliest"]
    return tuple(
        Costly(int(i), int(y), int(k), float(-gain))
        for i, y, k, gain in zip(table["position"], table["label"], table["predicted"], table["gain"], strict=True)
    )


def sampled(summary: Summary) -> tuple[Array, Array, Array]:
    """Logits (n, K) as float64, labels and counts of the sampled distinct rows; log p for probabilities.

    Parameters
    ----------
    summary : Summary
        Of any kind.

    Examples
    --------
    >>> from xent.auditor.plan import make
    >>> z, y = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])
    >>> sampled(Summary.of(make(z, y)).add(0, z, y))[2].tolist()
    [1, 1]
    """
    summary.settle()
    table = summary.tables["sample"]
    scores = table["scores"].astype(np.float64)
    if summary.plan.kind == "probs":
        with np.errstate(divide="ignore"):
            scores = np.log(scores)
    return scores, table["label"], table["count"]


def finite(rows: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Leave out the sampled rows whose loss is infinite.

    Examples
    --------
    >>> rows = np.array([[0.0, -np.inf], [0.0, 1.0]]), np.array([1, 1]), np.array([3, 1])
    >>> finite(rows)[2].tolist()
    [1]
    """
    scores, labels, count = rows
    good = np.isfinite(scores[np.arange(len(scores)), labels])
    return scores[good], labels[good], count[good]


def _temperature(scores: Array, labels: Array, count: Array) -> Temperature | None:
    if len(scores) < 2 or scores.shape[1] < 2:
        return None
    try:
        fit = xent.calibration.fit_temperature(scores, labels, sample_weight=count.astype(float))
    except ValueError:  # equal logits in every row
        return None
    curvature = float(moments(scores, labels, 1 / fit.temperature, count)[0][2])  # by log T, where the slope is 0
    error = 1 / math.sqrt(curvature) if curvature > 0 else math.inf
    return Temperature(fit.temperature, error, fit.loss, fit.saved, int(count.sum()), fit.at_bound)


def _label_errors(
    scores: Array, labels: Array, count: Array, temperature: Temperature | None
) -> LabelErrors | None:
    """Rows at τ, observed and expected; p of the tempered logits, because confidence would look like noise."""
    if temperature is None:
        return None
    p = np.asarray(xent.softmax(scores / temperature.value))
    own = p[np.arange(len(p)), labels]
    observed: list[float] = []
    expected: list[float] = []
    z: list[float] = []
    for tau in TAUS:
        q = np.where(p <= tau, p, 0).sum(axis=1)
        o, e = float(count[own <= tau].sum()), float((count * q).sum())
        v = float((count * q * (1 - q)).sum())
        observed.append(o)
        expected.append(e)
        z.append((o - e) / math.sqrt(v) if v > 0 else 0.0)
    return LabelErrors(TAUS, tuple(observed), tuple(expected), tuple(z), int(count.sum()))
