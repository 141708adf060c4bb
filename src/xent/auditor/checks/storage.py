# pyright: basic
"""How were the scores stored? XE111–XE117: clipped, rounded, saturated, cut, padded."""

from __future__ import annotations

import math

import numpy as np

from xent.auditor import looks
from xent.auditor.case import Case
from xent.auditor.finding import Evidence, rule
from xent.auditor.plan import precision

FULL = {"float32": 17.0, "float16": 8.0, "bfloat16": 6.0}
"""A lead in logits at which a type rounds the probability to 1."""


def _labels_p(case: Case) -> np.ndarray:
    """Probabilities of the sampled rows' labels, as they came."""
    table = case.summary.tables["sample"]
    own = table["scores"][np.arange(len(table)), table["label"]].astype(np.float64)
    return np.exp(own) if case.plan.kind == "log-probs" else own


@rule("XE111", "warn", "kind", "identity", silences=("XE113",), experiment="pitfalls")
def clipped(case: Case) -> Evidence | None:
    """Probabilities are clipped, which caps the loss.

    A loss from probabilities needs a floor ε under them, because log 0 is −∞. No row can then cost more than
    −ln ε, and in frameworks that clip before the logarithm the rows at the floor have no gradient.

    How it is found: at least 5 rows share the same least probability, to the bit, and it is a known ε: a power of
    ten from 1e-3 to 1e-15, or the machine epsilon of float16, float32 or float64; it is below 1 / 2K, next to none
    lies within 0.1 % above it, and they are not rounded decimals. An error if the label
    is at the floor in more than 0.1 % of the rows.

    When it may be wrong: votes of exactly 1000 trees, whose least positive share is 1e-3.

    Sources: keras#9664, keras#11801, scikit-learn#24315, #24354, #28851.
    """
    found = looks.atom(case)
    if found is None:
        return None
    eps, rows = found
    count = case.summary.tables["sample"]["count"]
    capped = float(count[_labels_p(case) <= eps * (1 + 1e-5)].sum())
    share = capped / float(count.sum())
    cap = -math.log(eps)
    return Evidence(
        f"In {rows:,} of {int(count.sum()):,} rows the least probability is exactly {eps:.3g}: a floor. No row can "
        f"cost more than {cap:.4g} nats; {share:.2%} of the rows have their label at the floor.",
        {"epsilon": eps, "rows": rows, "cap": cap, "capped_share": share},
        "Compute the loss from logits, where nothing has to be clipped: cross_entropy(logits, y).",
        severity="error" if share > 1e-3 else "warn",
        state={"program": "clipping", "clip": eps},
    )


@rule("XE112", "warn", "kind", "identity", silences=("XE113",), experiment="precision")
def rounded(case: Case) -> Evidence | None:
    """Probabilities were rounded when they were stored.

    A probability that was rounded to 0 has an infinite loss, and of a small one few digits are left. The loss can
    then only be bounded from below, with half of the last decimal in place of 0.

    How it is found: every sampled probability is a multiple of 0.1, 0.01, … or 0.000001, up to one unit in the last
    place of float32; or each fits in 16 bits. It is only information if no label has probability 0 and there are
    more than 3 decimals.

    When it may be wrong: shares of votes, as of a forest of 100 trees, are multiples of 0.01 too; what is said
    about probabilities of 0 holds for them as well.

    Sources: numerai#21.
    """
    if case.plan.kind != "probs" or case.n == 0:
        return None
    d, n = looks.rounded(case), case.n
    zero = case.summary.counts["infinite"]
    kind = precision(looks.came(case))
    if d is None:
        if kind == "float32":
            return None
        half = 2.0**-25 if kind == "float16" else 2.0**-134
        what = f"All probabilities fit in {kind}"
    else:
        half, what = 0.5 * 10.0**-d, f"All probabilities are multiples of 1e-{d}"
    low = (case.summary.total("loss") - zero * math.log(half)) / n
    rest = f"; {zero:,} labels have probability 0, so that all that is known of the loss is that it is ≥ {low:.4g}"
    return Evidence(
        what + (rest if zero else "; no label has probability 0") + ".",
        {"decimals": -1 if d is None else d, "rows": n, "zero": zero, "least_loss": low},
        "Store logits as float32, or log-probabilities: there 16 bits or 4 decimals do little harm.",
        severity="warn" if zero or (d is not None and d <= 3) else "info",
        state={"format": kind, "size": -math.log(half), "side": "behind"},
    )


@rule("XE113", "warn", "kind", "identity", experiment="precision")
def saturated(case: Case) -> Evidence | None:
    """Probabilities are exactly 0 or 1.

    The type had no room for what is left: float32 cannot hold a number between 1 − 6e-8 and 1. The rank among such
    rows is lost, and a label with probability 0 makes the loss infinite.

    How it is found: the largest probability is 1, or the label's is 0. Only information unless a label's is 0.

    When it may be wrong: a class that is impossible by definition and was set to 0.

    Sources: torchmetrics#3510, #2819.
    """
    counts, n = case.summary.counts, case.n
    zero, full = counts["infinite"], counts["full"]
    if case.plan.kind != "probs" or n == 0 or not (zero or full) or (looks.single(case) and _only_ones(case)):
        return None
    labels = f", and {zero:,} labels have probability 0, which makes the loss infinite" if zero else ""
    return Evidence(
        f"{full:,} of {n:,} rows have a probability of exactly 1{labels}.",
        {"rows": n, "full": full, "zero": zero},
        "Store the logits, or log_softmax of them.",
        severity="warn" if zero else "info",
        state={"format": (kind := precision(looks.came(case))), "size": FULL[kind]},
        rows=tuple(int(i) for i in case.summary.tables["costliest"]["position"][: min(zero, 3)]),
    )


def _only_ones(case: Case) -> bool:
    own = looks.came(case)
    return len(own) > 0 and bool((own == 1).all())


@rule("XE114", "error", "kind", "identity", silences=("XE1", "XE2", "XE4", "XE5", "XE6"), experiment="pitfalls")
def one_column(case: Case) -> Evidence | None:
    """Softmax is taken over a single column.

    Softmax over one number is 1 whatever the number is: the loss is always 0, its gradient too, and nothing is
    learnt.

    How it is found: one column of 8 or more probabilities, all exactly 1; or, as a warning, one column of raw
    scores with labels that are all 0, the only class that such a softmax has, though a fifth of the scores or more
    are above 0.

    When it may be wrong: the warning, for a bad binary model that is asked about negatives only.

    Sources: yolov3#191, dcgp#86, LSTR#50, RealNet#101.
    """
    if case.plan.task != "binary" or case.n < looks.LEAST:
        return None
    ones = case.plan.kind == "probs" and _only_ones(case)
    positive = case.summary.cells["predicted"][1] > 0.2 * case.n
    if not ones and not (case.plan.kind == "logits" and case.summary.cells["label"][1] == 0 and positive):
        return None
    said = "every score is exactly 1" if ones else "every label is 0, the only class that one column has"
    return Evidence(
        f"There is one column of {case.n:,} scores and {said}: softmax over one number is always 1, the loss 0.",
        {"rows": case.n, "columns": 1},
        "For two classes give the head two columns, or keep one and use binary_cross_entropy_with_logits.",
        severity="error" if ones else "warn",
        state={"program": "axis", "rows": 1},
    )


@rule("XE115", "error", "kind", "heuristic", silences=("XE5",), experiment="logits")
def relu(case: Case) -> Evidence | None:
    """The logits look as if they went through a ReLU.

    No score is below 0 and many are exactly 0. The model cannot push a class below the others that are cut, and the
    cut ones have no gradient.

    How it is found: the least of 1000 or more scores is exactly 0, at least 5 % of them are, some differ from 0,
    they are not whole numbers, less than half of the rows sum to 1, and rows differ in how many zeros they have:
    one each is what subtracting the least leaves.

    When it may be wrong: counts, votes and other scores that are 0 by nature.

    Sources: tensorflow-vgg#13, fastai#965.
    """
    n, counts = case.n, case.summary.counts
    single = looks.single(case)
    size = n * (1 if single else case.k)
    zeros = counts["zeros"] - (n if single else 0)
    least, most = (float(e) for e in case.summary.extremes[:2])
    if case.plan.kind != "logits" or size < 1000 or least != 0 or most <= 0 or zeros < 0.05 * size:
        return None
    own = looks.came(case)
    a_row = (own == 0).sum(axis=1)
    if 2 * counts["simplex"] > n or (own == np.rint(own)).all() or (not single and a_row.min() == a_row.max()):
        return None
    return Evidence(
        f"None of {size:,} scores is below 0 and {zeros / size:.1%} are exactly 0; the largest is {most:.4g}.",
        {"rows": n, "zeros": zeros, "share": zeros / size, "most": most},
        "Let the last layer be linear: no ReLU (or other activation) between it and the loss.",
    )


@rule("XE116", "warn", "kind", "heuristic", experiment="attention")
def padded_vocabulary(case: Case) -> Evidence | None:
    """The last columns are padding of the vocabulary.

    The number of columns was rounded up to a multiple of 64, 128 or more for speed. The columns that are no token
    still take part in the softmax: with the pad mass m every row costs −ln(1 − m) too much.

    How it is found: the number of columns is a multiple of 64; the last columns, fewer than half, are no row's
    label, and each varies by less than 1/1000 of what columns vary by, or is −∞. An error if m > 0.01; only
    information if m < 1e-6.

    When it may be wrong: rare classes at the end whose logits hardly vary.

    Sources: unsloth#10616, Megatron-LLM#50, outlines#236.
    """
    k, n = case.k, case.n
    if k % 64 or n < 20 or case.plan.kind == "probs" or len(case.raw) < 20:
        return None
    z = case.raw.astype(np.float64)
    with np.errstate(invalid="ignore"):
        sd = np.where(np.isneginf(z).all(axis=0), 0.0, z.std(axis=0))
    usual = float(np.median(sd))
    still = (sd < 1e-3 * usual) & (case.summary.cells["label"] == 0)
    moving = np.flatnonzero(~still)
    pads = k - 1 - int(moving[-1]) if len(moving) else k
    if not usual > 0 or not 0 < pads < k / 2:
        return None
    mass = float(case.summary.cell("p")[k - pads :].sum()) / n
    cost = -math.log1p(-mass) if mass < 1 else math.inf
    return Evidence(
        f"The last {pads} of {k:,} columns are no row's label and are constant: padding. They take {mass:.3g} of "
        f"the probability, which costs {cost:.3g} nats a row.",
        {"columns": k, "padding": pads, "mass": mass},
        f"Cut the logits to the tokenizer's size, logits[..., :{k - pads}], or set the rest to −∞.",
        cost=cost,
        severity="error" if mass > 1e-2 else "warn" if mass > 1e-6 else "info",
        state={"fill": "zero"},
    )


@rule("XE117", "info", "kind", "identity", experiment="information")
def top_only(case: Case) -> Evidence | None:
    """Only the log-probabilities of the likeliest classes are there.

    Programs that serve language models return the top k log-probabilities. Their exponentials sum to less than 1.
    The loss is exact where the label is among them, and otherwise at least −log of what is left; normalising them
    makes every loss too small.

    How it is found: at most 100 scores a row, none above 0; their exponentials sum to no more than 1 in all rows,
    to clearly less in most, and to half or more in most.

    When it may be wrong: raw scores that happen to be so negative, such as minus a squared distance.

    Sources: the logprobs field of OpenAI's and vLLM's interfaces.
    """
    mass = looks.partial(case)
    if mass is None:
        return None
    left = 1 - float(np.average(mass, weights=case.summary.tables["sample"]["count"]))
    return Evidence(
        f"The exponentials of the {case.k} scores sum to {float(np.median(mass)):.4g} in the median row and to no "
        f"more than 1: they are part of a distribution. {left:.3g} of the probability is missing on average.",
        {"rows": case.n, "columns": case.k, "missing": left},
        "Take −log p of the label as it is, without softmax; where the label is not listed the loss is at least "
        "−log(1 − Σ exp(scores)).",
    )
