# pyright: basic
"""The formulae that a training program may have computed: what each gives for the rows of a case.

A formula is a row's number, reduced to one. Each departs from the mean cross-entropy in nats by some steps; the
search tries all of one step and some of two, and the one with the fewest steps explains best.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import xent
from xent.auditor import looks
from xent.auditor.case import Case
from xent.auditor.summary import FILE

Array = NDArray[Any]
Verdict = Literal["right", "choice", "wrong"]
BATCHES = tuple(2**k for k in range(13))


@dataclass(frozen=True)
class Formula:
    """A number that a program may have printed, and how it comes about.

    Attributes
    ----------
    words : str
        What it computes.
    code : str
        The same as a line of code.
    value : float
        What it gives for the rows.
    steps : int
        How far it is from the mean cross-entropy in nats.
    verdict : {"right", "choice", "wrong"}
        Whether it is what is wanted, is legitimate but not comparable, or is a mistake.
    fix : str
        What to do about it.
    code_of : str
        The code of the rule that tells it: "XE390", or a more special one.

    Examples
    --------
    >>> Formula("the mean cross-entropy", "cross_entropy(z, y)", 0.5, 0, "right").code_of
    'XE390'
    """

    words: str
    code: str
    value: float
    steps: int
    verdict: Verdict
    fix: str = ""
    code_of: str = "XE390"


@dataclass(frozen=True)
class Rows:
    """Rows for formulae.

    Attributes
    ----------
    z, y, count : arrays (n, K), (n,) and (n,)
        Logits, labels, and how often each row occurs.
    order : array (n,) or None
        Positions, if each row is known by its own.
    everything : int
        Rows with those of the ignored label.

    Examples
    --------
    >>> rows = Rows(np.zeros((2, 3)), np.array([0, 1]), np.array([3.0, 1.0]), None, 4)
    >>> rows.mean(np.array([1.0, 2.0])), rows.at(rows.z).tolist()
    (1.25, [0.0, 0.0])
    """

    z: Array
    y: Array
    count: Array
    order: Array | None
    everything: int

    def at(self, values: Array) -> Array:
        """Take each row's number at its label."""
        return values[np.arange(len(self.y)), self.y]

    def mean(self, values: Array) -> float:
        """Average over rows, as often as they occur."""
        return float(np.dot(self.count, values) / self.count.sum())


def rows_of(case: Case) -> Rows | None:
    """Give all rows that count, if the summary still has each of them; None if it has but a part.

    Examples
    --------
    >>> rows_of(Case(xent.audit(np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([0, 1])).summary)).order.tolist()
    [0, 1]
    """
    if not case.whole or case.n == 0:
        return None
    table, plan = case.summary.tables["sample"], case.plan
    everything = case.n + case.summary.counts["ignored"]
    z, y, count = case.sample
    if (count == 1).all() and table["position"].max() < FILE:
        order = np.argsort(table["position"])
        return Rows(z[order], y[order], count[order].astype(float), table["position"][order], everything)
    head = case.summary.tables["head"]
    own = (head["label"] >= 0) & (head["label"] < case.k) & (head["label"] != plan.ignore_index)
    if own.sum() != case.n or head["position"].max() >= FILE or case.summary.counts["broken"]:
        return Rows(z, y, count.astype(float), None, everything)
    scores = head["scores"][own].astype(np.float64)
    with np.errstate(divide="ignore"):
        scores = np.log(scores) if plan.kind == "probs" else scores
    return Rows(scores, head["label"][own], np.ones(case.n), head["position"][own], everything)


def formulas(case: Case) -> Iterator[Formula]:
    """Give every formula with what it gives for these rows, the mean cross-entropy first.

    Parameters
    ----------
    case : Case
        If its summary does not hold all rows any more, only formulae of exact sums are given.

    Examples
    --------
    >>> z, y = np.random.default_rng(0).normal(size=(50, 3)), np.zeros(50, int)
    >>> found = list(formulas(Case(xent.audit(z, y).summary)))
    >>> found[0].words, len(found) > 100
    ('the mean cross-entropy in nats', True)
    """
    rows = rows_of(case)
    s, n = case.summary, case.n
    mean = s.total("loss") / n if n and not s.counts["infinite"] else math.inf
    everything = n + s.counts["ignored"]
    yield Formula("the mean cross-entropy in nats", "cross_entropy(logits, y)", mean, 0, "right")
    plain_mean = Formula("the mean cross-entropy", "cross_entropy(logits, y)", mean, 0, "right")
    yield from _outer(plain_mean, n, everything, case.k)
    for b in (2, 4, 8, 16, 32, 64):
        fix = (
            "Log the loss before it is divided by the accumulation steps, or the mean of the steps, not their sum."
        )
        words, code = (
            "the mean cross-entropy {} by {}, as by a number of accumulation steps",
            "cross_entropy(logits, y)",
        )
        yield Formula(words.format("divided", b), f"{code} / {b}", mean / b, 1, "wrong", fix, "XE303")
        yield Formula(words.format("multiplied", b), f"{code} * {b}", mean * b, 1, "wrong", fix, "XE303")
    yield from _classes(case)
    right, brier = s.counts["correct"] / max(n, 1), s.total("brier") / max(n, 1)
    no_loss, other = "That is no loss.", "It is another score than cross-entropy."
    yield Formula("the error rate", "(pred != y).mean()", 1 - right, 2, "choice", no_loss)
    yield Formula("the accuracy", "(pred == y).mean()", right, 2, "choice", no_loss)
    yield Formula("the Brier score", "((p - onehot) ** 2).sum(-1).mean()", brier, 2, "choice", other)
    words = "the mean squared error of the probabilities"
    yield Formula(words, "((p - onehot) ** 2).mean()", brier / case.k, 2, "choice", other)
    entropy, fix = s.total("entropy") / max(n, 1), "The label must choose the logarithm, not p."
    yield Formula("the mean entropy of the predictions", "-(p * log(p)).sum(-1).mean()", entropy, 2, "wrong", fix)
    if rows is None:
        return
    with np.errstate(all="ignore"):
        for f, values in per_row(case, rows):
            value = rows.mean(values)
            yield Formula(f.words, f.code, value, f.steps, f.verdict, f.fix)
            if f.steps == 1:
                yield from _outer(replace(f, value=value), n, everything, case.k)
        plain = np.asarray(xent.logsumexp(rows.z)) - rows.at(rows.z)
        yield from _ordered(rows, plain, case.plan.length)


def _outer(f: Formula, n: int, everything: int, k: int) -> Iterator[Formula]:
    """Give what can be done to a mean: other bases, a sum, other denominators, exp."""
    mean = f.value

    def one(words: str, code: str, value: float, fix: str, wrong: bool = False) -> Formula:
        verdict: Verdict = "wrong" if wrong or f.verdict == "wrong" else "choice"
        return Formula(words, code, value, f.steps + 1, verdict, f"{f.fix} {fix}".strip())

    yield one(f"the sum over {n:,} rows instead of {f.words}", f"{n} * {f.code}", mean * n, "Divide by the rows.")
    yield one(f"{f.words} in bits", f"{f.code} / log(2)", mean / math.log(2), "Multiply by ln 2 for nats.")
    tens = f"{f.words} with decimal logarithms"
    yield one(tens, f"{f.code} / log(10)", mean / math.log(10), "Use log, not log10.", wrong=True)
    classes = f"{f.words}, divided by the number of classes too"
    yield one(classes, f"{f.code} / {k}", mean / k, "Sum over the classes, then take the mean of rows.", wrong=True)
    if everything > n:
        yield one(
            f"{f.words}, but divided by all {everything:,} rows, the ignored ones included",
            f"(loss * mask).sum() / {everything}", mean * n / everything,
            f"Divide by the {n:,} rows that count: (loss * mask).sum() / mask.sum().", wrong=True,
        )  # fmt: skip
    if mean >= 500:
        return
    yield one(f"the perplexity: exp of {f.words}", f"exp({f.code})", math.exp(mean), "Take its logarithm for nats.")
    for value, line in ((2.0**mean, f"2 ** {f.code}"), (math.exp(mean / math.log(2)), f"exp({f.code} / log(2))")):
        words, fix = "a perplexity of two bases, e and 2", "Take exp of nats, or 2 to the power of bits."
        yield Formula(words, line, value, f.steps + 2, "wrong", fix, "XE607")


def _classes(case: Case) -> Iterator[Formula]:
    """Class weights, from the exact sums of each class."""
    counts = case.summary.cells["label"].astype(float)
    sums, some = case.summary.cell("loss"), counts > 0
    if case.summary.counts["infinite"] or some.sum() < 2:
        return
    fix = "Weighted and plain losses cannot be compared."
    for power, name in ((1.0, "1 / n_k"), (0.5, "1 / sqrt(n_k)")):
        w = np.where(some, counts, 1) ** -power
        yield Formula(
            f"the mean weighted by {name}, divided by the sum of weights", f"cross_entropy(z, y, weight={name})",
            float((w * sums)[some].sum() / (w * counts)[some].sum()), 1, "choice", fix,
        )  # fmt: skip
        w = w * int(some.sum()) / w[some].sum()
        yield Formula(
            f"the mean weighted by {name} (weights of mean 1), divided by the number of rows",
            "(w[y] * loss).mean()", float((w * sums)[some].sum() / case.n), 2, "choice", fix,
        )  # fmt: skip
    if case.k == 2:
        ratio = counts[0] / max(counts[1], 1)
        yield Formula(
            f"the loss with pos_weight = n_neg / n_pos = {ratio:.4g}",
            "binary_cross_entropy_with_logits(z, y, pos_weight=n_neg / n_pos)",
            float((sums[0] + ratio * sums[1]) / case.n), 1, "choice", fix,
        )  # fmt: skip


def per_row(case: Case, rows: Rows) -> Iterator[tuple[Formula, Array]]:
    """Give rows' numbers that are not the cross-entropy, each with a formula whose value is not yet known.

    Examples
    --------
    >>> case = Case(xent.audit(np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([0, 1])).summary)
    >>> f, values = next(per_row(case, rows_of(case)))
    >>> f.words, values.round(4).tolist()
    ('cross-entropy after two softmax', [0.4885, 0.3397])
    """
    z, k = rows.z, case.k
    lse = np.asarray(xent.logsumexp(z))
    lp = z - lse[:, None]
    p = np.exp(lp)
    own, p_own = -rows.at(lp), rows.at(p)

    def one(
        words: str, code: str, values: Array, verdict: Verdict, fix: str, steps: int = 1
    ) -> tuple[Formula, Array]:
        return Formula(words, code, math.nan, steps, verdict, fix), values

    single = looks.single(case)
    if single:
        twice = np.logaddexp(0, p[:, 1]) - rows.y * p[:, 1]
        code, fix = (
            "binary_cross_entropy_with_logits(sigmoid(logits), y)",
            "Give the loss the scores before the sigmoid.",
        )
        yield one("binary cross-entropy after two sigmoids", code, twice, "wrong", fix)
    else:
        twice, fix = (
            np.asarray(xent.logsumexp(p)) - p_own,
            "Give the loss the raw scores, without the softmax layer.",
        )
        yield one("cross-entropy after two softmax", "cross_entropy(softmax(logits), y)", twice, "wrong", fix)
        q = np.exp(p - np.asarray(xent.logsumexp(p))[:, None])
        thrice, code = np.asarray(xent.logsumexp(q)) - rows.at(q), "cross_entropy(softmax(softmax(logits)), y)"
        yield one("cross-entropy after three softmax", code, thrice, "wrong", "Remove both softmax layers.", 2)
    if case.plan.kind == "logits" and not single and (z >= 0).all():
        yield one("minus log of the label's score, as of a probability", "-log(scores[y])", -np.log(rows.at(z)),
                  "choice", "The scores are taken for logits here: say kind=\"probs\".")  # fmt: skip
    yield one("minus the label's probability", "nll_loss(softmax(logits), y)", -p_own, "wrong",
              "nll_loss takes log-probabilities: nll_loss(log_softmax(logits), y).")  # fmt: skip
    yield one("minus the label's score", "nll_loss(logits, y)", -rows.at(z), "wrong",
              "nll_loss takes log-probabilities: nll_loss(log_softmax(logits), y).")  # fmt: skip
    yield one("one minus the label's probability", "(1 - p[y]).mean()", 1 - p_own, "wrong",
              "Take −log of the probability.", 2)  # fmt: skip
    if not single:
        yield from _one_against_rest(rows, p, own)
    others = -lp.mean(axis=1)
    for e in (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        fix = "It cannot be compared with a loss without smoothing, and its least value is not 0."
        yield one(f"cross-entropy with label smoothing {e}", f"cross_entropy(z, y, label_smoothing={e})",
                  (1 - e) * own + e * others, "choice", fix)  # fmt: skip
        yield one(f"cross-entropy with label smoothing {e} on the other classes only",
                  f"(1 - {e}) * loss - {e} / (K - 1) * log_p[others].sum()",
                  (1 - e) * own + e * (others * k - own) / (k - 1), "choice", fix, 2)  # fmt: skip
    for gamma in (0.5, 1, 2, 3, 5):
        focal = (1 - p_own) ** gamma * own
        fix = "A focal loss is always smaller and cannot be compared."
        yield one(f"focal loss with γ = {gamma}", f"((1 - p) ** {gamma} * loss).mean()", focal, "choice", fix)
        yield one(f"focal loss with γ = {gamma} and α = 0.25", f"(0.25 * (1 - p) ** {gamma} * loss).mean()",
                  0.25 * focal, "choice", fix, 2)  # fmt: skip
    for t, name in (
        (0.5, "0.5"), (2.0, "2"), (3.0, "3"), (4.0, "4"), (5.0, "5"), (10.0, "10"), (0.1, "0.1"), (0.07, "0.07"),
        (math.log(2), "ln 2"), (math.log(10), "ln 10"), (math.sqrt(k), "√K"), (1 / math.sqrt(k), "1/√K"),
    ):  # fmt: skip
        u = z / t
        yield one(f"cross-entropy at temperature {name}", f"cross_entropy(logits / {t:.4g}, y)",
                  np.asarray(xent.logsumexp(u)) - rows.at(u), "choice",
                  "Evaluate at temperature 1 unless the model is used at another.")  # fmt: skip
    for d in range(2, 16):
        e = 10.0**-d
        fix = "Compute the loss from logits, where nothing has to be clipped."
        yield one(f"cross-entropy of probabilities clipped at 1e-{d}", f"-log(max(p[y], 1e-{d}))",
                  -np.log(np.clip(p_own, e, 1 - e)), "wrong", fix)  # fmt: skip
        yield one(f"cross-entropy with 1e-{d} added to the probability", f"-log(p[y] + 1e-{d})", -np.log(p_own + e),
                  "wrong", fix)  # fmt: skip


def _one_against_rest(rows: Rows, p: Array, own: Array) -> Iterator[tuple[Formula, Array]]:
    """Binary cross-entropies of all classes."""
    k, fix = rows.z.shape[1], "For one right class of several use cross_entropy."
    bce = np.logaddexp(0, rows.z).sum(axis=1) - rows.at(rows.z)
    words, code = (
        "binary cross-entropy of every class, {} over classes",
        "binary_cross_entropy_with_logits(logits, onehot)",
    )
    yield Formula(words.format("mean"), code, math.nan, 1, "choice", fix), bce / k
    yield Formula(words.format("summed"), f"{code}.sum(-1)", math.nan, 2, "choice", fix), bce
    rest = -np.log1p(-np.minimum(p, 1 - 2.0**-53))
    both = own + rest.sum(axis=1) - rows.at(rest)
    words = "binary cross-entropy of the softmax's probabilities, mean over classes"
    yield Formula(words, "binary_cross_entropy(softmax(logits), onehot)", math.nan, 2, "wrong", fix), both / k


def _ordered(rows: Rows, loss: Array, length: int | None) -> Iterator[Formula]:
    """Formulae that need the order of the rows: means over batches, labels of the neighbours."""
    if rows.order is None or len(loss) < 2:
        return
    at = rows.order
    for b in BATCHES[1:]:
        if b >= rows.everything:
            break
        batch = at // b
        starts = np.flatnonzero(np.r_[True, np.diff(batch) > 0])
        sizes = np.diff(np.r_[starts, len(loss)])
        sums = np.add.reduceat(loss, starts)
        means = sums / sizes
        uneven = len(np.unique(sizes)) > 1
        if uneven:
            yield Formula(
                f"the mean over batches of {b} of their means, whose sizes differ",
                f"mean(batch_losses)  # batch {b}", float(means.mean()), 1, "wrong",
                "Weight each batch by its rows: sum(loss * n) / sum(n).", "XE311",
            )  # fmt: skip
        elif len(starts) > 1:
            yield Formula(
                f"the mean of the sums over batches of {b}", f"mean(batch_sums)  # batch {b}",
                float(sums.mean()), 2, "choice", f"Divide by {b} to compare.",
            )  # fmt: skip
        with np.errstate(over="ignore"):
            yield Formula(
                f"the mean over batches of {b} of their perplexities", f"mean(exp(batch_loss))  # batch {b}",
                float(np.exp(means).mean()), 2, "wrong",
                "Take exp once, of the mean over all rows.", "XE607",
            )  # fmt: skip
            if uneven:
                yield Formula(
                    f"exp of the mean over batches of {b} of their means, whose sizes differ",
                    f"exp(mean(batch_losses))  # batch {b}", float(np.exp(means.mean())), 2, "wrong",
                    "Weight each batch by its rows, then take exp once.", "XE607",
                )  # fmt: skip
        for value, which, index in ((means[-1], "last", -1), (means[0], "first", 0)):
            yield Formula(
                f"the mean of the {which} batch of {b} alone", f"batch_losses[{index}]  # batch {b}", float(value),
                3, "wrong", "Take the mean over all batches.",
            )  # fmt: skip
    yield from _shifted(rows, length)


def _shifted(rows: Rows, length: int | None) -> Iterator[Formula]:
    """Labels of the next rows or the one before, within a sequence if there are any."""
    at, lse = rows.order, np.asarray(xent.logsumexp(rows.z))
    assert at is not None  # noqa: S101 - of `_ordered`
    fix = "Line up scores and labels: one of them is shifted by too much or too little."
    for lag, which in ((1, "next row"), (-1, "row before"), (2, "next row but one")):
        far = abs(lag)
        beside = at[far:] - at[:-far] == far
        if length:
            beside &= at[far:] // length == at[:-far] // length
        pairs = np.flatnonzero(beside)
        if len(pairs) < 2:
            continue
        here, there = (pairs, pairs + lag) if lag > 0 else (pairs + far, pairs)
        value = float((lse[here] - rows.z[here, rows.y[there]]).mean())
        code = (
            f"cross_entropy(logits[:-{lag}], y[{lag}:])"
            if lag > 0
            else f"cross_entropy(logits[{far}:], y[:-{far}])"
        )
        yield Formula(f"the mean cross-entropy with the labels of the {which}", code, value, 2, "wrong", fix)
