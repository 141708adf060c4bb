# pyright: basic
"""What kind of numbers are these? XE101–XE110: scores that are not what they are taken for."""

from __future__ import annotations

import math

import numpy as np

import xent
from xent.auditor import looks
from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule

CALIBRATION = ("XE111", "XE112", "XE113", "XE115", "XE5", "XE601")
"""What a wrong kind of scores explains: everything that reads probabilities off them."""

_ALL_BUT_502 = ("XE111", "XE112", "XE113", "XE501", "XE503", "XE504", "XE505", "XE506", "XE507", "XE508", "XE509")


def bounds(k: int) -> tuple[float, float]:
    """Least and largest cross-entropy that is possible when probabilities of K classes are taken for logits.

    Examples
    --------
    >>> [round(b, 4) for b in bounds(10)]
    [1.4612, 2.4612]
    """
    most = math.log(math.e + k - 1)
    return most - 1, most


def _true_loss(case: Case) -> float:
    """Mean −log of the label's score, over the sampled rows where it is finite; NaN if there is none."""
    table = case.summary.tables["sample"]
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = -np.log(table["scores"][np.arange(len(case.raw)), table["label"]].astype(np.float64))
    good = np.isfinite(loss)
    return float(np.average(loss[good], weights=table["count"][good])) if good.any() else math.nan


@rule("XE101", "error", "kind", "identity", silences=(*CALIBRATION, "XE108"), experiment="pitfalls")
def probabilities_as_logits(case: Case) -> Evidence | None:
    """Probabilities are taken for logits.

    Softmax is applied a second time to what is already a distribution. For K classes the cross-entropy can then
    only lie between ln(e + K − 1) − 1 and ln(e + K − 1), so training stalls far above 0, and where all classes are
    equally likely the gradient is 1/K of what it should be.

    How it is found: the scores were declared as logits; in all rows, 8 or more, each score is ≥ 0 and they sum
    to 1, up to the rounding of their type, and more exactly than they vary. Raw scores have no reason to sum to 1
    in even one row.

    When it may be wrong: never for raw scores. If you declared "logits" by mistake and trained on logits, only the
    declaration is wrong.

    Sources: bowang-lab/Transformer-GCN-QA#32, NVIDIA/VariantWorks#134, tflearn#562, ART#2227.
    """
    if case.plan.kind != "logits" or looks.single(case) or not looks.simplex(case) or looks.hard(case):
        return None
    if not looks.bound(case.raw):
        return None
    low, high = bounds(case.k)
    here, true = case.summary.total("loss") / case.n, _true_loss(case)
    better = "" if math.isnan(true) else f", where −log of the label's score is {true:.4g} on average"
    return Evidence(
        f"All {looks.seen(case):,} rows are ≥ 0 and sum to 1: they are probabilities, put through softmax again. "
        f"For {case.k} classes such a loss can only lie between {low:.4f} and {high:.4f} nats; here it is "
        f"{here:.4f}{better}.",
        {"rows": looks.seen(case), "least": low, "most": high, "loss": here, "loss_of_probabilities": true},
        "Return the raw scores and leave softmax to the loss: model(x) ends with its last linear layer. To audit "
        'stored probabilities, say kind="probs".',
        cost=here - true if here > true else None,
        state={"program": "double", "k": case.k},
    )


@rule("XE102", "error", "kind", "heuristic", silences=CALIBRATION, experiment="pitfalls")
def twice_softmaxed(case: Case) -> Evidence | None:
    """Probabilities went through softmax twice.

    The largest probability of K classes is then at most e / (e + K − 1): 0.731 for 2 classes, 0.232 for 10. The
    model looks unsure however good it is. The first softmax can be recovered: log q + (1 − Σ log q) / K.

    How it is found: what is recovered lies between 0 and 1 in 99.9 % of the rows, its largest entry is 0.5 or more
    (0.9 for two classes) in a tenth of them, the accuracy exceeds the mean confidence by more than 0.05, and the
    recovered probabilities have a better Brier score, by five standard errors.

    When it may be wrong: a model whose logits never differ by more than 1, by construction, and peak there.

    Sources: the same threads as XE101.
    """
    if case.plan.kind == "logits" or looks.single(case) or case.n < 50 or looks.hard(case):
        return None
    q, k, n = case.sample[0], case.k, case.n
    ceiling = math.e / (math.e + k - 1)
    accuracy, confidence = case.summary.counts["correct"] / n, case.summary.total("confidence") / n
    if confidence > ceiling + 1e-3 or accuracy - confidence <= 0.05:
        return None
    digits = looks.rounded(case)
    slack = max(1e-2 if looks.halves(case) else 1e-4, 0.0 if digits is None else k * 10.0**-digits)
    with np.errstate(invalid="ignore"):
        inner = q + (1 - q.sum(axis=1, keepdims=True)) / k
        inside = ((inner >= -slack) & (inner <= 1 + slack)).all(axis=1)
    if np.mean(inside) < 0.999:
        return None
    peak = float(np.quantile(inner[inside].max(axis=1), 0.9))
    gain, z = looks.brier_gain(inner[inside], np.exp(q[inside]), case.sample[1][inside], case.sample[2][inside])
    if peak < (0.5 if k > 2 else 0.9) or gain < 0.01 or z < 5:
        return None
    return Evidence(
        f"No probability exceeds {ceiling:.4f} = e / (e + {k - 1}), the most that a second softmax leaves. "
        f"Undoing it gives distributions in {np.mean(inside):.2%} of the rows; a tenth of these reach {peak:.3f}. "
        f"The accuracy is {accuracy:.3f} at a mean confidence of {confidence:.3f}.",
        {"rows": n, "ceiling": ceiling, "inside": float(np.mean(inside)), "peak": peak,
         "accuracy": accuracy, "confidence": confidence, "brier_gain": gain},
        "Remove one of the two softmax layers and train again. Until then use "
        "p = log(q) + (1 - log(q).sum(axis=-1, keepdims=True)) / K, which is the first softmax.",
        state={"program": "double", "k": k},
    )  # fmt: skip


@rule("XE103", "error", "kind", "test", silences=CALIBRATION, experiment="binary")
def sigmoid_twice(case: Case) -> Evidence | None:
    """A binary score went through the sigmoid twice.

    A probability z between 0 and 1 is taken for a logit: sigmoid(z) lies between 0.5 and 0.7311, so a negative can
    never be called negative. The loss of a positive is at least 0.3133, of a negative 0.6931.

    How it is found: of 50 or more binary scores, with both labels among them, all lie in [0, 1] if they are
    declared logits, or in [0.5, 0.7311] if they are probabilities; and the inner value is the better probability by
    the Brier score, by 0.02 and five standard errors.

    When it may be wrong: a head that is declared as logits but is bounded to [0, 1] on purpose.

    Sources: daisyRec#15, NVIDIA-Merlin#1175, focal-loss-pytorch#5, LeakPro#229.
    """
    if not looks.single(case) or case.n < 50 or 0 in case.summary.cells["label"] or looks.hard(case):
        return None
    own, (_, labels, count) = looks.came(case)[:, 0].astype(np.float64), case.sample
    if case.plan.kind == "probs":
        if own.min() < 0.5 - case.plan.tolerance or own.max() > 0.73106 + case.plan.tolerance:
            return None
        outer, inner = own, np.clip(np.log(own) - np.log1p(-own), 0, 1)
    else:
        if not looks.within(case):
            return None
        outer, inner = np.asarray(xent.sigmoid(own)), np.clip(own, 0, 1)
    two = [np.stack([1 - p, p], axis=1) for p in (inner, outer)]
    gain, z = looks.brier_gain(two[0], two[1], labels, count)
    if gain / 2 < 0.02 or z < 5:
        return None
    what = "logits, and all lie between 0 and 1" if case.plan.kind != "probs" else "all between 0.5 and 0.7311"
    return Evidence(
        f"The {case.n:,} scores are {what}: they are the sigmoid's output, and the sigmoid is applied again. The "
        f"inner values predict the labels better by {gain / 2:.3f} in the Brier score, {z:.1f} standard errors.",
        {"rows": case.n, "least": float(own.min()), "most": float(own.max()), "brier_gain": gain / 2, "z": z,
         "floor_of_positives": math.log1p(math.exp(-1)), "floor_of_negatives": math.log(2)},
        "Use the loss that takes logits on the layer before the sigmoid: "
        "binary_cross_entropy_with_logits(logits, y); or keep the sigmoid and use binary_cross_entropy.",
        state={"z": float(np.max(inner)), "y": "0"},
    )  # fmt: skip


@rule("XE104", "error", "kind", "identity", silences=_ALL_BUT_502, experiment="logits")
def no_probabilities(case: Case) -> Evidence | None:
    """Scores are taken for probabilities, or for their logarithms, and are not.

    A row of probabilities is ≥ 0 and sums to 1; the exponentials of a row of log-probabilities do. Logits that are
    taken for probabilities give a loss without meaning, or none at all where they are negative.

    How it is found: a row has a score below 0 or above 1, or sums to something else, by more than the rounding of
    the type or of the stored decimals explains; and none of XE106, XE107, XE108, XE109, XE111 and XE117 says why.

    When it may be wrong: never; the tolerance is 1e-4, 2e-3 for 16-bit floats, more for rounded decimals.

    Sources: keras-hub#1008, dnd-sed#1.
    """
    plan, counts, n = case.plan, case.summary.counts, looks.seen(case)
    if plan.kind == "logits" or n == 0 or looks.kinds(case):
        return None
    least, most, least_sum, most_sum = (float(e) for e in case.summary.extremes)
    if plan.kind == "log-probs":
        bad = case.n - counts["logs"]
        if bad == 0 or looks.base(case) is not None or looks.partial(case) is not None:
            return None
        mass, clipped = np.exp(case.sample[0]).sum(axis=1), looks.atom(case)
        if clipped and abs(mass - 1).max() <= case.k * 1.01 * clipped[0]:
            return None
        if looks.simplex(case):
            text = f"All {n:,} rows are ≥ 0 and sum to 1: they are probabilities, not their logarithms."
            fix = 'Say kind="probs", or store log_softmax(logits).'
        else:
            text = f"In {bad:,} of {n:,} rows the exponentials of the scores do not sum to 1; scores go from "
            text += f"{least:.4g} to {most:.4g}."
            fix = 'If they are raw scores, say kind="logits"; or normalise them: log_softmax(logits).'
        return Evidence(text, {"rows": n, "bad": bad, "least": least, "most": most}, fix)
    bad = n - counts["simplex"]
    if bad == 0 or looks.period(case) is not None or one_against_rest(case):
        return None
    outside, clipped, digits = not looks.within(case), looks.atom(case), looks.rounded(case)
    slack = max(1.01 * clipped[0] if clipped else 0.0, 0.5 * 10.0**-digits if digits else 0.0)
    if not outside and max(1 - least_sum, most_sum - 1) <= case.k * slack:
        return None
    why = (
        f"scores go from {least:.4g} to {most:.4g}" if outside else f"rows sum to {least_sum:.4g} to {most_sum:.4g}"
    )
    return Evidence(
        f"{bad:,} of {n:,} rows are no probabilities: {why}.",
        {"rows": n, "bad": bad, "least": least, "most": most, "least_sum": least_sum, "most_sum": most_sum},
        'If these are raw scores, say kind="logits"; to get probabilities, apply softmax over the last axis.'
        if outside
        else "Apply softmax over the classes, or store all classes of a row.",
        rows=tuple(int(i) for i in case.summary.tables["broken"]["position"][:3]),
    )


@rule("XE105", "info", "kind", "identity", experiment="pitfalls")
def log_softmax_again(case: Case) -> Evidence | None:
    """Log-probabilities are given as logits; the loss is right.

    log_softmax of log-probabilities is the same log-probabilities, so cross-entropy on top of a log_softmax layer
    does redundant work and changes no number.

    How it is found: the scores were declared as logits; in all rows, 8 or more, no score is above 0 and the
    exponentials sum to 1.

    When it may be wrong: never.

    Sources: MobileNetV2-pytorch#5, DeepNLP-models#2.
    """
    plan, n = case.plan, case.n
    if plan.kind != "logits" or not plan.declared or n < looks.LEAST or looks.single(case):
        return None
    if case.summary.counts["logs"] != n:
        return None
    return Evidence(
        f"In all {n:,} rows the exponentials of the scores sum to 1: they are already log-probabilities. Applying "
        "log_softmax again leaves them as they are, so the loss is right.",
        {"rows": n},
        "Nothing is wrong. You may drop the log_softmax layer, or use nll_loss after it.",
    )


@rule("XE106", "error", "kind", "identity", silences=("XE405", "XE5", "XE601"), experiment="information")
def wrong_base(case: Case) -> Evidence | None:
    """Log-probabilities are of another base than e.

    Logarithms to base 2 or 10 are taken for natural ones. As logits they are sharpened or flattened by a constant
    factor, 1.443 for base 2 and 0.434 for base 10; as log-probabilities the loss is in bits or in decimal digits.

    How it is found: Σ 2^z or Σ 10^z is 1 in every sampled row, 8 or more, no score is above 0, and Σ e^z is not 1.

    When it may be wrong: never for raw scores.
    """
    b = looks.base(case)
    if b is None:
        return None
    factor = math.log(b)
    scores, labels, count = case.sample
    true = -factor * scores[np.arange(len(labels)), labels]
    good = np.isfinite(true)
    true_loss = float(np.average(true[good], weights=count[good])) if good.any() else math.nan
    here = case.summary.total("loss") / max(case.n, 1)
    return Evidence(
        f"In every row {b} to the power of the scores sums to 1: they are logarithms to base {b}. Taken as natural "
        f"ones they give {here:.4g} nats a row; the right loss is {true_loss:.4g}.",
        {"rows": case.n, "base": b, "factor": factor, "loss": here, "true_loss": true_loss},
        f"Multiply the scores by ln {b} = {factor:.6f}.",
        cost=here - true_loss if here > true_loss else None,
    )


@rule("XE107", "error", "kind", "identity", silences=("XE108", "XE2", *CALIBRATION), experiment="pitfalls")
def wrong_axis(case: Case) -> Evidence | None:
    """Softmax was taken over the batch, not over the classes.

    Each column of a batch sums to 1 instead of each row: the rows compete for a class. The numbers lie in [0, 1]
    and look like probabilities.

    How it is found: the first m rows, for some m from 8 to 4096, sum to 1 in every column, and so do the next m,
    or these are all rows; the rows do not sum to 1.

    When it may be wrong: never; two blocks of columns cannot all sum to 1 by chance. Rows that were shuffled after
    the batches were formed are not recognised.

    Sources: euclidesdb#2, NRI#25, DeepRLInAction#32, MicrosoftDocs/pytorchfundamentals#21.
    """
    if looks.single(case) or not looks.within(case) or looks.simplex(case):
        return None
    m = looks.period(case)
    if m is None:
        return None
    low, high = (float(e) for e in case.summary.extremes[2:])
    return Evidence(
        f"Each of the {case.k} columns sums to 1 over every {m} rows, while the rows sum to between {low:.4g} and "
        f"{high:.4g}: softmax was taken over a batch of {m}.",
        {"rows": looks.seen(case), "batch": m, "least_sum": low, "most_sum": high},
        "Take softmax over the last axis: softmax(logits, dim=-1).",
        state={"program": "axis"},
    )


def one_against_rest(case: Case) -> bool:
    """Whether scores are between 0 and 1, lie towards both ends, and rows sum to different numbers."""
    n, (least, most, *_) = looks.seen(case), case.summary.extremes
    if looks.single(case) or not looks.within(case) or n < 20 or n * case.k < 100 or least > 0.1 or most < 0.9:
        return False
    if case.summary.counts["simplex"] * 2 > n or case.summary.counts["zeros"] > 0.05 * n * case.k:
        return False
    p = case.raw.astype(np.float64)
    ends = np.std(p) > 0.2 or (np.median(p) < 0.2 and np.mean(p.max(axis=1)) > 0.5)
    return bool(ends and np.std(looks.sums(case)) > 0.02 and looks.period(case) is None)


@rule("XE108", "warn", "kind", "heuristic", silences=CALIBRATION, experiment="binary")
def one_sigmoid_a_class(case: Case) -> Evidence | None:
    """One sigmoid a class is treated as a distribution.

    Scores between 0 and 1 whose rows do not sum to 1 are probabilities of K separate yes-or-no questions. Softmax
    of them is nearly uniform; −log of one of them ignores what the others say.

    How it is found: all scores lie in [0, 1], some of them below 0.1 and above 0.9; their standard deviation
    exceeds 0.2, or half of them are below 0.2 while the largest of a row exceeds 0.5 on average; the sums of the
    rows have a standard deviation above 0.02, and softmax over the batch (XE107) does not explain it; 20 rows and
    100 scores or more.

    When it may be wrong: raw scores that a layer bounds to [0, 1] on purpose.
    """
    if not one_against_rest(case):
        return None
    s = looks.sums(case)
    return Evidence(
        f"All scores lie between 0 and 1, but rows sum to between {s.min():.4g} and {s.max():.4g}: this looks like "
        f"one sigmoid for each of {case.k} classes, not like a distribution.",
        {"rows": looks.seen(case), "least_sum": float(s.min()), "most_sum": float(s.max()), "sd": float(s.std())},
        "If exactly one class is right, give the scores before the sigmoid and use softmax cross-entropy. If "
        "several can be, use binary cross-entropy for each class, with labels of shape (N, K).",
    )


@rule("XE109", "error", "kind", "identity", silences=("XE405", *CALIBRATION), experiment="logits")
def mixed(case: Case) -> Evidence | None:
    """The rows are not all of one kind.

    Some rows are probabilities or log-probabilities and others are raw scores. It happens when a program decides
    batch by batch whether to apply softmax, or when files of several runs are joined.

    How it is found: at least 8 rows sum to 1 (or their exponentials do), ten times more than could by chance, and
    others do not, with scores well outside [0, 1]. Rows that are one-hot are not counted.

    When it may be wrong: logits that were made to sum to 1 in some rows.

    Sources: torchmetrics#2195, #1604, #2329, #3269, anomalib#2337.
    """
    found = looks.kinds(case)
    if not found:
        return None
    said = ", ".join(f"{count:,} are {name}" for name, count in found.items())
    head = case.summary.tables["head"]
    z = head["scores"].astype(np.float64)
    on = (z >= -case.plan.tolerance).all(axis=1) & (abs(z.sum(axis=1) - 1) <= case.plan.tolerance)
    change = np.flatnonzero(np.diff(on.astype(int)) != 0)[:1] + 1
    where = f" The kind changes at row {int(head['position'][change[0]])}." if len(change) else ""
    return Evidence(
        f"Of {looks.seen(case):,} rows {said}.{where}",
        {name.replace("-", "_"): count for name, count in found.items()},
        "Decide once for the whole file whether the model returns logits or probabilities, and write only that.",
        rows=tuple(int(head["position"][i]) for i in change),
    )


@rule("XE110", "error", "kind", "identity", silences=(*CALIBRATION, "XE402", "XE406"), experiment="logits")
def hard_predictions(case: Case) -> Evidence | None:
    """Hard predictions are given, not probabilities.

    Every row is 1 for one class and 0 for the others. The cross-entropy of a wrong row is then infinite, and that
    of a right one 0: nothing but the accuracy can be read off.

    How it is found: all scores, of 8 or more rows, are exactly 0 or 1 (with one 1 a row, if there are several
    columns).

    When it may be wrong: a model so sure that float32 leaves nothing but 0 and 1; the loss cannot tell the two.
    """
    if not looks.hard(case) or (looks.single(case) and not np.unique(looks.came(case)).size > 1):
        return None
    n = case.n
    wrong = n - case.summary.counts["correct"]
    as_logits = "" if case.plan.kind == "probs" else " (taken for logits)"
    return Evidence(
        f"All {n:,} rows{as_logits} hold only 0 and 1: they are decisions. {wrong:,} of them are wrong, and each "
        "of these has an infinite cross-entropy.",
        {"rows": n, "wrong": wrong},
        "Store what the model returns before argmax or rounding: the logits.",
    )
