# pyright: basic
"""What floating-point numbers did to the scores: XE401–XE407."""

from __future__ import annotations

import math

import numpy as np

from xent.auditor import looks
from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule
from xent.auditor.plan import precision

HALF = 65504.0
"""The largest float16."""


@rule("XE401", "error", "numerics", "identity", experiment="precision")
def no_numbers(case: Case) -> Evidence | None:
    """Scores are NaN or infinite.

    A row with NaN or +∞, or with nothing but −∞, has no softmax and no loss. One such row in a batch makes the
    batch's loss NaN, and after one step every weight. These rows are left out of all sums here.

    How it is found: by looking at every score. Rows with the ignored label do not count.

    When it may be wrong: never.
    """
    counts = case.summary.counts
    nan, infinite, nothing = counts["nan"], counts["infinity"], counts["nothing"]
    if not nan + infinite + nothing:
        return None
    broken = tuple(int(i) for i in case.summary.tables["broken"]["position"])
    parts = [
        f"{count:,} rows {what}"
        for count, what in ((nan, "have NaN"), (infinite, "have +∞"), (nothing, "are nothing but −∞"))
        if count
    ]
    head = case.summary.tables["head"]
    bad = ~np.isfinite(head["scores"]) & ~np.isneginf(head["scores"])
    rows = bad.any(axis=1)
    columns = np.flatnonzero(bad[rows].all(axis=0)) if rows.any() else np.empty(0, int)
    shape = ""
    if rows.any():
        shape = (
            f" In these it is column {', '.join(map(str, columns[:5]))}." if 0 < len(columns) <= 5 < case.k
            else " Whole rows are affected." if len(columns) == case.k else ""
        )  # fmt: skip
    return Evidence(
        f"{' and '.join(parts)}; the first is row {broken[0]}.{shape}" if broken else f"{' and '.join(parts)}.",
        {"nan": nan, "infinite": infinite, "nothing": nothing, "first": broken[0] if broken else -1},
        "Look for the operation that made them: a division by 0, a logarithm of 0, an overflow of float16. "
        "torch.autograd.set_detect_anomaly(True) finds it in training.",
        state={"shift": 100.0},
        rows=broken[:5],
    )


def masks(case: Case) -> np.ndarray:
    """Columns that are −∞ in every sampled row."""
    return np.flatnonzero(np.isneginf(case.raw).all(axis=0)) if len(case.raw) else np.empty(0, int)


@rule("XE402", "error", "numerics", "identity", silences=("XE501",), experiment="logits")
def masked_target(case: Case) -> Evidence | None:
    """The label is a class that is masked.

    Its logit is −∞, so that its probability is 0 and the loss infinite. In a loss that multiplies one-hot targets
    with log-probabilities the masked classes give 0 · −∞ = NaN as well.

    How it is found: the label's score is −∞ in rows whose other scores are finite.

    When it may be wrong: never; for log-probabilities that underflowed see XE406.

    Sources: optax#896, kospeech#37.
    """
    masked = case.summary.counts["infinite"]
    if case.plan.kind == "probs" or not masked or underflowed(case):
        return None
    dear = case.summary.tables["costliest"]
    rows = dear["position"][dear["gain"] == -math.inf]
    labels = sorted(set(dear["label"][dear["gain"] == -math.inf].tolist()))
    return Evidence(
        f"In {masked:,} of {case.n:,} rows the label's score is −∞, for instance in row {int(rows[0])} (label "
        f"{int(dear['label'][0])}); {len(labels)} class{'es are' if len(labels) > 1 else ' is'} concerned.",
        {"rows": case.n, "masked": masked, "first": int(rows[0])},
        "The mask and the labels disagree: check which classes (or tokens) are allowed in these rows, or give them "
        "the ignored label.",
        rows=tuple(int(i) for i in rows[:5]),
    )


@rule("XE403", "error", "numerics", "identity", silences=("XE5",), experiment="precision")
def overflowed(case: Case) -> Evidence | None:
    """Scores are at the end of float16's range.

    65504 is the largest float16. Scores that reach it were cut off, and the next larger ones are +∞. A softmax that
    is computed in float16 without subtracting the maximum overflows already above 11.09.

    How it is found: a score is 65504 exactly, or is +∞ where all others fit in float16. Only information if −65504
    alone occurs, which is also used as a mask.

    When it may be wrong: never for 65504.

    Sources: apex#379, transformers#25938, pytorch#85791.
    """
    counts = case.summary.counts
    least, most = float(case.summary.extremes[0]), float(case.summary.extremes[1])
    brim = counts["brim"]
    half = counts["infinity"] > 0 and precision(case.raw[np.isfinite(case.raw)]) == "float16"
    if case.plan.kind == "probs" or not (brim or half):
        return None
    mask = brim > 0 and most != HALF and not half
    said = [f"{brim:,} of {case.n:,} rows have a score of {'−' if mask else '±'}65504"] if brim else []
    said += [f"{counts['infinity']:,} rows have +∞, and all other scores fit in float16"] if half else []
    return Evidence(
        " and ".join(said) + (": a mask, or an overflow." if mask else ": they overflowed in float16."),
        {"rows": case.n, "brim": brim, "infinite": counts["infinity"], "least": least, "most": most},
        "Mask with −∞ after the scores are float32." if mask else
        "Compute the last layer and the loss in float32 or bfloat16: logits.float() before cross_entropy.",
        severity="info" if mask else "error",
        state={"format": "float16", "shift": 12.0},
    )  # fmt: skip


@rule("XE404", "warn", "numerics", "identity", experiment="precision")
def coarse(case: Case) -> Evidence | None:
    """The logits are bfloat16.

    Eight bits of a number are left: at 25 the step from one number to the next is 0.125. Largest logits then tie,
    so that the accuracy depends on which of them argmax takes, and a loss is off by up to half a step.

    How it is found: the lower 16 bits of every sampled score, as float32, are 0, and the last bit that is left is
    not. A warning if more than 1 % of the rows have a tie for the largest score, else information.

    When it may be wrong: never for the type; ties may have been there before.
    """
    if case.plan.kind == "probs" or case.n < looks.LEAST:
        return None
    z = looks.came(case)
    z = z[np.isfinite(z)]
    if precision(z) != "bfloat16":
        return None
    most = float(abs(z).max())
    step = 2.0 ** (math.floor(math.log2(most)) - 7)
    ties = case.summary.counts["tied"] / case.n
    return Evidence(
        f"All scores fit in bfloat16: near the largest, {most:.4g}, the step is {step:.4g}. In {ties:.2%} of the "
        "rows the largest score is not alone.",
        {"rows": case.n, "most": most, "step": step, "ties": ties},
        "Compute the last layer in float32, or at least logits.float() before they are summed and stored.",
        severity="warn" if ties > 0.01 else "info",
        state={"format": "bfloat16", "shift": min(most, 1000.0)},
    )


@rule("XE405", "info", "numerics", "heuristic", experiment="logits")
def drift(case: Case) -> Evidence | None:
    """The logits have drifted away from 0.

    Softmax does not care about a constant that is added to a row, so nothing keeps it small. Large logits lose
    digits in 16-bit floats.

    How it is found: the mean of log Σ exp z is beyond ±50, or its standard deviation above 10.

    When it may be wrong: scores whose scale is meant to be large.
    """
    n = case.n
    if case.plan.kind != "logits" or looks.single(case) or n < looks.LEAST:
        return None
    mean = case.summary.total("lse") / n
    sd = math.sqrt(max(case.summary.total("lse²") / n - mean * mean, 0.0))
    if abs(mean) <= 50 and sd <= 10:
        return None
    return Evidence(
        f"log Σ exp of the scores is {mean:.4g} on average with a standard deviation of {sd:.4g}; it could be 0.",
        {"rows": n, "mean": mean, "sd": sd},
        "Subtract each row's mean, or add a small penalty on (log Σ exp z)² to the loss (z-loss, weight 1e-4).",
    )


UNDER = {"float32": 105.0, "float64": 750.0}
"""A lag in logits at which a type has no probability left."""


def underflowed(case: Case) -> bool:
    """Whether log-probabilities of −∞ come from a softmax that underflowed, and from no mask."""
    z = case.raw
    gone = np.isneginf(z)
    if case.n < looks.LEAST or case.summary.counts["logs"] != case.n or not gone.any() or len(masks(case)):
        return False
    return float(z[~gone].min()) >= (-746 if z[~gone].min() < -104 else -104)


@rule("XE406", "warn", "numerics", "heuristic", experiment="precision")
def log_of_softmax(case: Case) -> Evidence | None:
    """The logarithm was taken of a softmax that had underflowed.

    log(softmax(z)) in two steps gives −∞ where the probability is below the least float, 1e-45 in float32. The
    same formula in one step, log_softmax, has no such limit.

    How it is found: log-probabilities of which some are −∞, in no column all of them, while no finite one is below
    what float32 (−104) or float64 (−746) can reach. An error if a label is among them.

    When it may be wrong: a mask that differs from row to row.
    """
    if case.plan.kind == "probs" or not underflowed(case):
        return None
    z, labels, count = case.raw, case.summary.counts["infinite"], case.summary.tables["sample"]["count"]
    least = float(z[np.isfinite(z)].min())
    share = float(np.average(np.isneginf(z).mean(axis=1), weights=count))
    return Evidence(
        f"{share:.2%} of the log-probabilities are −∞, and no finite one is below {least:.4g}: the softmax before "
        f"the logarithm was 0 there. {labels:,} labels are among them.",
        {"rows": case.n, "share": share, "least": least, "labels": labels},
        "Use log_softmax(logits) in one step, or cross_entropy(logits, y).",
        severity="error" if labels else "warn",
        state={"format": (f := "float32" if least >= -104 else "float64"), "size": UNDER[f], "side": "behind"},
    )


@rule("XE407", "error", "numerics", "identity", experiment="likelihood")
def negative(case: Case) -> Evidence | None:
    """The reported loss is negative.

    A cross-entropy of class labels is −log of a probability: it cannot be below 0. Usual reasons: nll_loss on
    probabilities (between −1 and 0) or on raw scores (any number), or a sign.

    How it is found: the loss that was reported for these rows is below 0.

    When it may be wrong: if the reported number is a log-likelihood, which is minus the loss.

    Sources: keras#1917, yolov3-tf2#91.
    """
    if case.reported is None or not case.reported < 0:
        return None
    loss = case.summary.total("loss") / case.n if case.n else math.nan
    return Evidence(
        f"The reported loss is {case.reported:.6g}. A cross-entropy is never below 0; here it is {loss:.4g}.",
        {"reported": case.reported, "loss": loss},
        "Use cross_entropy on raw scores, or nll_loss on log_softmax of them.",
    )
