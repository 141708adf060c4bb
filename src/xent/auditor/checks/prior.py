# pyright: basic
"""Whether the model knows how frequent the classes are, and more than that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xent
from xent.auditor.biases import Biases, fit_biases
from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule
from xent.auditor.numbers import finite
from xent.auditor.tails import ALPHA, log_chi2_tail, log_count_bound, log_normal_tail

Array = NDArray[Any]


def _shift(case: Case) -> tuple[Biases, float, float, float, Array] | None:
    """Biases, their saving a row beyond a temperature, the loss at that, log p, and labels by class.

    The test is a split likelihood ratio (universal inference): biases are fitted on one half and compared with the
    best temperature alone on the other, so that E[ratio] ≤ 1 without them, whatever the number of rows or classes.
    """
    if not 2 <= case.k <= 1000 or case.n < 100:
        return None
    far = case.numbers.bias[case.numbers.mean_p * case.n >= 1] ** 2
    if len(far) < 2 or log_chi2_tail(float(far.sum()), len(far)) > math.log(1e-4):
        return None  # the frequencies are as the model says; this saves fitting
    z, y, count = finite(case.sample)
    if len(z) < 100 or len(np.unique(y)) < 2:
        return None
    log_p, count = xent.log_softmax(z), count.astype(float)
    del z
    halves = slice(0, None, 2), slice(1, None, 2)  # the sample is ordered by hash
    ratios = []
    for a, b in (halves, halves[::-1]):
        fit = fit_biases(log_p[a], y[a], count[a])
        alone = _temperature_only(log_p[b], y[b], count[b])
        ratios.append(fit.log_likelihood(log_p[b], y[b], count[b]) - alone)
    log_p_value = min(0.0, math.log(2) - float(np.logaddexp(*ratios)))
    if log_p_value > ALPHA:
        return None
    fit, rows = fit_biases(log_p, y, count), float(count.sum())
    alone = -_temperature_only(log_p, y, count) / rows
    loss = -fit.log_likelihood(log_p, y, count) / rows
    return fit, alone - loss, alone, log_p_value, np.bincount(y, count, case.k)


def _temperature_only(log_p: Array, labels: Array, count: Array) -> float:
    fit = xent.calibration.fit_temperature(log_p, labels, sample_weight=count, bounds=(1 / 64, 1e3))
    return -fit.loss * float(count.sum())


def _rare(share: float, guess: float | None = None) -> dict[str, object]:
    """Give the pitfall of a rare class: this one or, if it is most rows, the rest; and what a constant gives it."""
    few = min(float(share), 1 - float(share))
    return {"program": "imbalance", "rare": few, "guess": few if guess is None else max(float(guess), 1e-3)}


def _enough(case: Case, saved: float) -> bool:
    return saved >= max(0.005, 0.01 * case.numbers.finite_loss)


@rule("XE503", "warn", "prior", "test", silences=("XE501", "XE508", "XE511", "XE601"), experiment="pitfalls")
def shifted_prior(case: Case) -> Evidence | None:
    """The classes are more or less frequent than the model says.

    Adding one number a class to the log-probabilities makes the loss smaller. If these numbers rise with the
    log of the classes' frequencies at slope 1, the model was trained with weights 1 / frequency or balanced
    batches, which is right for balanced accuracy but makes probabilities wrong; at slope ½ with weights of its
    square root; at 2 with both. Otherwise the rows have other frequencies than the training data had.

    Found for 3 to 1000 classes by fitting temperature and biases on each half of the sample and testing them on
    the other against the best temperature alone: p < 1e-6, a saving of 0.005 nats and 1 % of the loss or more,
    and a bias above 0.1. The slope is by least squares weighted by the rows of a class. A deliberately balanced
    training set is no error as long as nobody reads the probabilities.

    Sources: Menon et al. (2021), "Long-tail learning via logit adjustment".
    """
    if case.k < 3 or case.plan.task == "multi-label" or _dead(case) or (shift := _shift(case)) is None:
        return None
    fit, saved, alone, log_p, labels = shift
    seen = labels >= 10
    if not _enough(case, saved) or seen.sum() < 2 or abs(fit.bias[seen]).max() < 0.1:
        return None
    x, b, w = np.log(labels[seen]), fit.bias[seen], labels[seen]
    x, b = x - np.average(x, weights=w), b - np.average(b, weights=w)
    sxx = float((w * x * x).sum())
    slope = float((w * x * b).sum()) / sxx if sxx > 0 else 0.0
    left = float((w * (b - slope * x) ** 2).sum()) / float((w * b * b).sum())
    clear = seen.sum() >= 3 and sxx / w.sum() > 0.05 and left < 0.1
    named = next((n for n in (0.5, 1.0, 2.0) if clear and abs(slope - n) <= 0.15 * n), 0.0)
    why, fix = {
        0.5: ("weights of 1 / √frequency", "Add ½ log(frequency) to the logits"),
        1.0: ("class weights of 1 / frequency or balanced batches", "Add log(frequency) to the logits"),
        2.0: ("weights of 1 / frequency and balanced batches together", "Use one of them, or add 2 log(frequency)"),
    }.get(named, ("another mix of classes than these rows have", "Add the biases to the logits"))
    worst = int(np.flatnonzero(seen)[np.argmax(abs(fit.bias[seen]))])
    return Evidence(
        f"One bias a class makes the loss {saved:.3g} nats a row smaller than a temperature can ({alone:.4g}); the "
        f"largest is {fit.bias[worst]:+.2f} for class {worst}. "
        + (f"They follow the log of the frequencies at slope {slope:.2f}: this is what training with {why} does."
           if named else f"They do not follow the frequencies at a known slope: this is what {why} does."),
        {"slope": slope, "unexplained": left, "bias": float(fit.bias[worst]), "class": worst, "saved": saved},
        f"{fix}, if probabilities are used; the order of the classes' scores for balanced accuracy may stay.",
        cost=saved,
        p_value=math.exp(max(log_p, -745)),
        state=_rare(float(labels[seen].min()) / float(labels.sum())),
    )  # fmt: skip


@rule("XE504", "warn", "prior", "test", silences=("XE501", "XE508", "XE511", "XE601"), experiment="binary")
def positive_weight(case: Case) -> Evidence | None:
    """Probabilities of the positive class are too high or too low throughout.

    A weight w on the positive class, pos_weight in torch, multiplies the odds by w. One number added to every
    logit undoes it; the number tells the weight.

    Found for two classes as XE503: p < 1e-6, a saving of 0.005 nats and 1 % of the loss or more, a shift above
    0.1. The weight is named if it is within 15 % of negatives / positives, of that squared (weights and
    balanced batches together), or of its root. Another share of positives than in training looks the same.

    Sources: the documentation of torch.nn.BCEWithLogitsLoss.
    """
    if case.k != 2 or case.plan.task == "multi-label" or (shift := _shift(case)) is None:
        return None
    fit, saved, alone, log_p, labels = shift
    bias = float(fit.bias[1] - fit.bias[0])
    if not _enough(case, saved) or abs(bias) < 0.1 or labels.min() == 0:
        return None
    weight, odds = math.exp(-bias / fit.inverse), float(labels[0] / labels[1])
    names = {
        "negatives / positives": odds,
        "the square of negatives / positives, so a weight and balanced batches together": odds**2,
        "the root of negatives / positives": math.sqrt(odds),
    }
    near = [n for n, value in names.items() if abs(math.log(value)) > 0.1 and abs(weight / value - 1) <= 0.15]
    return Evidence(
        f"Adding {bias:+.3f} to every logit of the positive class makes the loss {saved:.3g} nats a row "
        f"smaller than a "
        f"temperature can ({alone:.4g}): its odds are {weight:.3g} times what they should be"
        + (f", about {near[0]} ({names[near[0]]:.3g})." if near else "."),
        {"bias": bias, "weight": weight, "negatives_per_positive": odds, "saved": saved},
        "Subtract log(pos_weight) from the logits before reading them as probabilities, or train without it.",
        cost=saved,
        p_value=math.exp(max(log_p, -745)),
        state={"share": float(labels[1] / labels.sum()), "weight": weight},
    )


def _information(case: Case) -> float:
    """Mean divergence of a row's distribution from their mean, in nats: what the output tells about the row."""
    p = case.numbers.mean_p
    total = -float((p[p > 0] * np.log(p[p > 0])).sum())
    return max(total - case.numbers.entropy, 0.0)


def _flat(case: Case) -> bool:
    """Whether the output is uniform."""
    return case.numbers.entropy > 0.99 * math.log(case.k)


@rule("XE505", "error", "prior", "test", silences=("XE501", "XE503", "XE504", "XE507", "XE508", "XE51", "XE601"))
def collapsed(case: Case) -> Evidence | None:
    """The output does not depend on the input.

    Every row gets nearly the same distribution, the classes' frequencies or one class with certainty: the model
    has learned a constant. Causes are dead units, a learning rate that was too high, inputs that are all equal
    after preprocessing, or a frozen body.

    Found from 100 rows on if the mean divergence between a row's distribution and their mean is below 0.01 nats
    and 1 % of the prior's entropy, and the loss is not even 2 % below that entropy, with four standard errors
    of the difference row by row. An output that is uniform as well is XE506.

    Sources: keras#5992, keras#6447.
    """
    numbers, n = case.numbers, case.n
    if case.k < 2 or n < 100 or case.plan.task == "multi-label" or not numbers.prior_loss > 0.05 or _flat(case):
        return None
    information = _information(case)
    if information >= 0.01 * min(1.0, numbers.prior_loss):
        return None
    loss = numbers.finite_loss
    z, y, count = finite(case.sample)
    gain = (
        np.log(np.maximum(numbers.labels, 1) / n)[y] - np.asarray(xent.log_softmax(z))[np.arange(len(y)), y]
    )  # above the prior
    mean = float(np.average(gain, weights=count))
    error = math.sqrt(float(np.average((gain - mean) ** 2, weights=count)) / float(count.sum()))
    if mean - 4 * error < -0.02 * numbers.prior_loss:
        return None
    top = int(numbers.predicted.argmax())
    share, frequency = float(numbers.predicted[top]) / n, float(numbers.labels[top]) / n
    return Evidence(
        f"Rows differ in their distribution by {information:.2g} nats on average, and the loss, {loss:.4g}, is no "
        f"better than the labels' frequencies give, {numbers.prior_loss:.4g}. Class {top} is predicted in "
        f"{share:.1%} "
        f"of the rows and is the label of {frequency:.1%}.",
        {"information": information, "loss": loss, "prior_loss": numbers.prior_loss, "top_share": share},
        "Overfit one small batch first: if that fails, look at the inputs, the learning rate and what is frozen.",
        cost=max(loss - numbers.prior_loss, 0.0),
        state=_rare(frequency),
    )


@rule(
    "XE506", "warn", "prior", "heuristic", silences=("XE501", "XE503", "XE504", "XE507", "XE508", "XE51", "XE601")
)
def untrained(case: Case) -> Evidence | None:
    """The output is uniform, as of a model that was not trained.

    Found from 50 rows on if the loss is within 0.01 nats of ln K and the mean entropy is above 99 % of it. A
    task that cannot be learned, or the first step of training, looks the same.
    """
    log_k, loss = math.log(max(case.k, 1)), case.numbers.finite_loss
    if case.k < 2 or case.n < 50 or not abs(loss - log_k) < 0.01 or not _flat(case):
        return None
    return Evidence(
        f"The loss is {loss:.4f} and ln {case.k} is {log_k:.4f}; the mean entropy is "
        f"{case.numbers.entropy / log_k:.2%} of it.",
        {"loss": loss, "log_classes": log_k, "entropy": case.numbers.entropy},
        "Check that the weights were loaded, and that these are the scores of the trained model.",
        state={"k": case.k, "step": 0},
    )


@rule("XE507", "warn", "prior", "test")
def worse_than_prior(case: Case) -> Evidence | None:
    """The loss is higher than the classes' frequencies alone would give.

    Who knows nothing but how often each class occurs does better. If accuracy is fine, the probabilities are
    far too sure (XE501); if not, suspect the order of classes or rows, or the kind of scores, before the model.

    Found from 50 rows on if the loss exceeds that of the frequencies by 5 standard errors (p < 1e-6) and by 0.01
    nats. Each label is predicted by the frequencies of all others, one row more added to every class, which
    costs their entropy + log((N + K − 1) / N), so that few rows of many classes do not flatter the frequencies.
    """
    numbers = case.numbers
    loss, error = numbers.finite_loss, numbers.loss_error
    prior = numbers.prior_loss + math.log1p(max(case.k - 1, 0) / max(case.n, 1))
    if case.n < 50 or case.plan.task == "multi-label" or not loss - prior > max(5 * error, 0.01):
        return None
    z = (loss - prior) / error if error > 0 else math.inf
    return Evidence(
        f"The loss is {loss:.4g} nats; always giving the frequencies of the other labels costs "
        f"{prior:.4g}. The difference is "
        f"{z:.0f} standard errors. Accuracy is {numbers.accuracy:.1%}.",
        {"loss": loss, "prior_loss": prior, "z": z, "accuracy": numbers.accuracy},
        "If accuracy is fine, fit a temperature; if not, check the order of classes and rows and what the "
        "scores are.",
        cost=loss - prior,
        p_value=math.exp(max(log_normal_tail(z), -745)) if z < math.inf else 0.0,
        state=_rare(float(numbers.labels.max()) / case.n),
    )


def _dead(case: Case) -> list[int]:
    """Classes that are never predicted and have no probability to speak of."""
    numbers, k = case.numbers, case.k
    if k < 2 or case.n == 0:
        return []
    labels, mass = numbers.labels, numbers.mean_p * case.n
    candidates = np.flatnonzero((labels >= 20) & (numbers.predicted == 0) & (mass < labels / 20))
    own = np.exp(-numbers.class_loss[candidates])  # at most the mean probability, by Jensen
    return [
        int(c) for c, p in zip(candidates, own, strict=True)
        if p < labels[c] / case.n and log_count_bound(float(labels[c]), float(mass[c])) + math.log(k) < ALPHA
    ]  # fmt: skip


@rule("XE508", "warn", "prior", "test", silences=("XE202",))
def dead_class(case: Case) -> Evidence | None:
    """A class is never predicted.

    It occurs, but its column never has the largest score and gets far too little probability, even on its own
    rows: the class was missing in training, its weight is 0, or its column is masked.

    Found for classes of 20 rows or more that are never predicted, have less than a twentieth of the probability
    that their frequency asks for, with p < 1e-6 (Chernoff's bound, times K), and on their own rows less of it
    than their frequency. Rare classes of an honest model are never predicted either, but have their
    probability.
    """
    dead = _dead(case)
    if not dead:
        return None
    numbers, k = case.numbers, case.k
    labels, mass = numbers.labels, numbers.mean_p * case.n
    worst = max(dead, key=lambda c: labels[c])
    log_p = log_count_bound(float(labels[worst]), float(mass[worst])) + math.log(k)
    return Evidence(
        f"{len(dead)} class{'es are' if len(dead) > 1 else ' is'} never predicted: {', '.join(map(str, dead[:8]))}"
        f"{', …' if len(dead) > 8 else ''}. Class {worst} is the label of {labels[worst]:,} rows and has the "
        f"probability of {mass[worst]:.3g}.",
        {"classes": " ".join(map(str, dead[:256])), "rows": int(labels[dead].sum()), "mass": float(mass[worst])},
        "Check that the class was in the training data, and its weight, mask and name.",
        p_value=math.exp(max(log_p, -745)),
        state=_rare(labels[worst] / case.n, mass[worst] / case.n),
    )
