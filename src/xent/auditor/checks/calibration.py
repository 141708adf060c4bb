# pyright: basic
"""Whether the probabilities mean what they say."""

from __future__ import annotations

import math

import numpy as np

from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule
from xent.auditor.tails import ALPHA, log_skewed_tail

_NAMED = {
    math.log(2): "ln 2: logarithms to base 2 were mixed up",
    1 / math.log(2): "1 / ln 2: the scores are logarithms to base 2",
    math.log(10): "ln 10: logarithms to base 10 were mixed up",
    1 / math.log(10): "1 / ln 10: the scores are logarithms to base 10",
    1 / 0.07: "1 / 0.07: the scores were multiplied once too often by the usual contrastive scale",
    0.07: "0.07: cosines were not divided by the usual contrastive temperature",
} | {2 ** (e / 2): f"√{2**e}: scores were not divided by √d" for e in range(4, 12)}


BINS = 15
"""Of the calibration error in `numbers`."""


def score(case: Case) -> tuple[float, float]:
    """Give Z of the score test for T = 1, Σ (loss − entropy) / deviation, and its skewness under the model.

    Above 0: too confident.
    """
    moments = case.numbers.moments
    v = moments["variance"]
    if not v > 0:
        return 0.0, math.inf
    return moments["score"] / math.sqrt(v), moments["third"] / v**1.5


@rule("XE501", "warn", "calibration", "test", silences=("XE510",), experiment="temperature")
def confidence(case: Case) -> Evidence | None:
    """The model is too sure, or not sure enough.

    Dividing all logits by one temperature T makes the loss smaller: T above 1 for a model that is too sure, the
    common case after long training; below 1 for one that is not sure enough, as label smoothing leaves it.
    Accuracy does not change.

    Found if the saving is 0.005 nats and 1 % of the loss or more, and p < 1e-6: the chance that labels drawn
    from the model's own probabilities make a temperature save so much is at most 2 exp(−rows · saving)
    (Chernoff; exact for any number of rows and any confidence). Beyond the sample, the score Σ (loss − entropy)
    of all rows is tested too, its skewness taken into account, if 25 misses are expected and the skewness is
    below 1. A temperature that is a known constant within two standard errors is named; it may be a
    coincidence.

    Sources: Guo et al. (2017); gpleiss/temperature_scaling#23; AutoGluon#4396.
    """
    fit, numbers = case.numbers.temperature, case.numbers
    if fit is None or case.n == 0 or fit.saved < max(0.005, 0.01 * (fit.loss + fit.saved)):
        return None
    z, skewness = score(case)
    log_p = min(0.0, math.log(2) - fit.rows * fit.saved)
    if fit.rows < case.n and abs(skewness) <= 1 and case.n * (1 - numbers.confidence) >= 25:
        tail = log_skewed_tail(abs(z), math.copysign(1, z) * skewness) + math.log(2)
        log_p = min(0.0, min(log_p, tail) + math.log(2))
    if log_p > ALPHA:
        return None
    over = fit.value > 1
    near = [
        name for value, name in _NAMED.items()
        if abs(math.log(fit.value / value)) < max(2 * fit.error, 0.002) and fit.error < 0.05
    ]  # fmt: skip
    if fit.at_bound:
        what = f"no temperature is best: the loss still falls at {fit.value:g}"
    else:
        what = f"the best temperature is {fit.value:.4g} (standard error of its log {fit.error:.2g})"
    return Evidence(
        f"The model is {'too' if over else 'not'} sure{'' if over else ' enough'}: {what} and saves "
        f"{fit.saved:.3g} of "
        f"{fit.loss + fit.saved:.4g} nats. Mean confidence is {numbers.confidence:.1%}, accuracy "
        f"{numbers.accuracy:.1%}." + (f" {fit.value:.3g} is about {near[0]}." if near else ""),
        {"temperature": fit.value, "error": fit.error, "saved": fit.saved, "score": z, "skewness": skewness},
        f"Divide the logits by {fit.value:.4g}, fitted on rows that nothing was trained on."
        if not fit.at_bound
        else "Check the labels, and the order of classes and rows, first.",
        cost=fit.saved,
        p_value=math.exp(max(log_p, -745)),
        state={"temperature": fit.value},
    )


@rule(
    "XE502",
    "error",
    "kind",
    "identity",
    silences=("XE501", "XE503", "XE510", "XE511", "XE601"),
    experiment="temperature",
)
def divided_probabilities(case: Case) -> Evidence | None:
    """Probabilities were divided by a temperature.

    A temperature divides logits, before the softmax. Dividing probabilities makes rows that sum to 1 / T and
    changes no ratio between classes: it calibrates nothing.

    Found from 8 rows on if every row is ≥ 0 and all rows have one sum between 0.1 and 10, which is not 1, and some
    number is below a hundredth of the mean, which centred logits with a constant added are not.

    Sources: netcal#55, torch-uncertainty#179, scikit-learn#34313.
    """
    n, k = case.n, case.k
    if n < 8 or k < 2 or case.plan.task in ("binary", "multi-label"):
        return None
    least, most = float(case.summary.extremes[2]), float(case.summary.extremes[3])
    if (
        case.summary.counts["negative"]
        or not 0 < least <= most < math.inf
        or float(case.summary.extremes[1]) > most
    ):
        return None
    total, slack = (least + most) / 2, case.plan.tolerance
    if not 0.1 <= total <= 10 or case.summary.extremes[0] > 0.01 * total / k:
        return None  # centred logits with something added
    if most - least > slack * total or abs(total - 1) <= 10 * slack or case.summary.counts["hard"] == n:
        return None
    if len(case.raw) > 1 and np.ptp(case.raw, axis=0).max() <= slack * total:
        return None  # one row again and again
    return Evidence(
        f"Every one of {n:,} rows is ≥ 0 and sums to {total:.6g}: probabilities divided by {1 / total:.4g}.",
        {"sum": total, "temperature": 1 / total},
        "Divide the logits instead: softmax(z / T). From probabilities: softmax(log(p) / T).",
        state={"temperature": 1 / total},
    )


@rule("XE510", "info", "calibration", "test", experiment="calibration")
def only_noise(case: Case) -> Evidence | None:
    """The calibration error is what a perfect model would have.

    With few rows the expected calibration error is far from 0 even if every probability is right, because each
    bin's accuracy is a small sample. Tuning a model to lower it tunes noise.

    Told from 50 rows on if the error is above 0.02, where somebody may want to act, and within two deviations
    of its value for a perfectly calibrated model of the same confidences.
    """
    n = case.numbers
    if case.n < 50 or not 0.02 < n.ece <= n.ece_null + 2 * n.ece_deviation:
        return None
    return Evidence(
        f"The expected calibration error is {n.ece:.4f}; a perfectly calibrated model of these "
        f"confidences would have "
        f"{n.ece_null:.4f} ± {n.ece_deviation:.4f} on {case.n:,} rows.",
        {"ece": n.ece, "null": n.ece_null, "deviation": n.ece_deviation},
        "Leave it, or take more rows to see more.",
        state={"bins": BINS},
    )


@rule("XE511", "warn", "calibration", "test", silences=("XE510",), experiment="calibration")
def too_good(case: Case) -> Evidence | None:
    """The calibration is too good for rows that nothing was fitted on.

    Labels scatter around probabilities. Here each class occurs just as often as the model says, or the best
    temperature is 1 to many digits: a last layer with biases, or a calibrator, was fitted on these very rows.

    Found from 200 rows on: the largest |Σ p − rows| of a class, in deviations, or |score for T = 1|, would be
    so small with p < 1e-6. At least four classes with 5 rows expected are needed for the former. It is right
    for the training rows, or the calibration rows, of a model; do not report numbers from them.
    """
    n, numbers = case.n, case.numbers
    if n < 200 or case.plan.task in ("multi-label", "tokens"):
        return None
    mass = numbers.mean_p * n
    some = np.abs(numbers.bias[mass >= 5])
    worst = float(some.max()) if len(some) >= 4 else math.inf
    z, skewness = score(case)
    log_classes = (len(some) - 1) * math.log(math.erf(worst / math.sqrt(2)) or 1e-300) if worst < 0.5 else 0.0
    log_score = math.log(math.erf(abs(z) / math.sqrt(2)) or 1e-300) if abs(skewness) <= 1 else 0.0
    log_p = min(log_classes, log_score) + math.log(2)
    if log_p > ALPHA:
        return None
    classes = log_classes <= log_score
    return Evidence(
        f"Over {n:,} rows "
        + (f"no class's frequency differs from the model's probability by more than {worst:.2g} deviations"
           if classes else f"the best temperature differs from 1 by {abs(z):.1g} deviations")
        + "; labels that were not fitted scatter by about 1.",
        {"largest_bias": worst if classes else math.nan, "score": z, "rows": n},
        "Measure on rows that neither the model nor its calibration has seen.",
        p_value=math.exp(max(log_p, -745)),
        state={"bins": BINS},
    )  # fmt: skip


@rule("XE512", "info", "calibration", "heuristic", experiment="smoothing")
def smoothing(case: Case) -> Evidence | None:
    """The confidence piles up where label smoothing puts it.

    Training with targets of 1 − ε (K − 1) / K makes that the largest probability worth giving. A model so
    trained is right more often than it says; its loss on hard labels has a floor.

    Told from 200 rows on if half of all rows have 1 − confidence within a factor of 1.2 of one value between
    0.01 and 0.3, the temperature that fits best is below 1 by two standard errors, and accuracy exceeds
    confidence.

    Sources: Müller, Kornblith and Hinton (2019), "When does label smoothing help?".
    """
    fit, numbers = case.numbers.temperature, case.numbers
    if (
        fit is None
        or case.n < 200
        or math.log(fit.value) > -2 * fit.error
        or numbers.accuracy <= numbers.confidence
    ):
        return None
    rows, doubt = case.summary.cells["odds"][0], case.summary.cell("odds_doubt")
    around = np.convolve(rows, np.ones(5), "same")  # 5 cells of 1/16 octave: a factor of 1.24
    at = int(around.argmax())
    near = slice(max(at - 2, 0), at + 3)
    if around[at] < case.n / 2:
        return None
    p = case.summary.cell("odds_p")[near].sum() / rows[near].sum()
    miss = float(1 - p) if doubt.size else math.nan
    if not 0.01 <= miss <= 0.3:
        return None
    epsilon = miss * case.k / (case.k - 1)
    return Evidence(
        f"{around[at] / case.n:.0%} of the rows have a confidence near {1 - miss:.3f}, as smoothing with ε = "
        f"{epsilon:.3g} gives, and {numbers.accuracy:.1%} of all are right.",
        {"epsilon": epsilon, "share": float(around[at] / case.n), "temperature": fit.value},
        "Fit a temperature before reading probabilities, and compare losses only with models that were so trained.",
        state={"classes": case.k, "epsilon": epsilon, "gap": math.log((1 - miss) * (case.k - 1) / miss)},
    )
