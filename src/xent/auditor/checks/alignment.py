# pyright: basic
"""Whether the labels mean the same classes as the columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.assignment import best_assignment
from xent.auditor.case import Case
from xent.auditor.checks._opening import opening
from xent.auditor.finding import Evidence, rule
from xent.auditor.tails import ALPHA, log_binomial_tail, log_normal_tail

Array = NDArray[Any]
DOWNSTREAM = ("XE5", "XE6")
SENTINELS = (-1, -100, 255, 65535, -(2**31), -(2**63), 2**31 - 1)
LARGEST = 256  # classes up to which any order of the columns is looked for


def _strange(case: Case) -> dict[int, int]:
    case.summary.settle()
    table = case.summary.tables["strange"]
    return dict(zip(table["label"].tolist(), table["count"].tolist(), strict=True))


@rule("XE201", "error", "alignment", "identity", silences=("XE202", "XE203", "XE205", "XE209", *DOWNSTREAM))
def outside(case: Case) -> Evidence | None:
    """Labels that are no class.

    Every label must be a whole number from 0 to K − 1. On a GPU a label beyond that stops the program with a
    device-side assertion that names no row, or reads memory that is something else. Labels 1 to K are the usual
    cause; negative ones of −128 on are 8-bit numbers that wrapped. Such rows are left out of every number here.

    Found by counting. One single value that programs use to say "ignore this row" is XE307 instead.

    Sources: pytorch#1204, pytorch#18014, Pytorch-UNet#258.
    """
    strange = _strange(case)
    if not strange or (len(strange) == 1 and next(iter(strange)) in SENTINELS and next(iter(strange)) != case.k):
        return None
    n, k = case.summary.counts["outside"], case.k
    labels = case.numbers.labels
    shown = ", ".join(f"{label} ({count:,} times)" for label, count in list(strange.items())[:4])
    text = f"{n:,} labels are outside 0 … {k - 1}: {shown}{', …' if len(strange) > 4 else ''}."
    fix = "Look where the labels are made: every one must be the number of a column."
    if set(strange) == {k} and labels[0] == 0:
        text += f" No label is 0, so the labels are 1 … {k}."
        fix = "Subtract 1 from the labels."
    elif min(strange) >= -128 and max(strange) < 0 and k > 128:
        text += " They look like 8-bit numbers that wrapped at 127."
        fix = "Store the labels as int64; 8 bits hold no more than 127."
    return Evidence(text, {"rows": n, "least": min(strange), "most": max(strange), "classes": k}, fix,
                    state={"program": "shifted", "shift": "down" if max(strange) < 0 else "up"})  # fmt: skip


@rule("XE202", "warn", "alignment", "test", silences=("XE508",))
def extra_output(case: Case) -> Evidence | None:
    """Class 0 is never a label, and the model knows it.

    Labels 1 … K − 1 with K columns: column 0 is learned away. The loss is nearly right, but every softmax
    carries a dead column, and names of classes are off by one where somebody reads the argmax.

    Found if no label is 0, class K − 1 occurs, the mean probability of class 0 is below 1e-4, there are 20 K
    rows, and a class 0 as frequent as the rarest other class would have been missed by chance with p < 1e-6. It
    is right to have such a column for a background class that these rows happen to lack; declare it then.
    """
    labels, n, k = case.numbers.labels, case.n, case.k
    if case.plan.task not in ("multi-class",) or k < 3 or n < 20 * k or labels[0] > 0 or labels[-1] == 0:
        return None
    mean = float(case.numbers.mean_p[0])
    rarest = int(labels[1:].min())
    log_p = n * math.log1p(-rarest / n) if rarest < n else -math.inf
    if mean >= 1e-4 or rarest == 0 or log_p > ALPHA:
        return None
    return Evidence(
        f"None of {n:,} labels is 0, every other class occurs at least {rarest:,} times, and the mean "
        f"probability of "
        f"class 0 is {mean:.2g}: the labels look like 1 … {k - 1}.",
        {"rows": n, "mean_p": mean, "rarest": rarest},
        "Subtract 1 from the labels and drop the first column, or keep it if it is a background class.",
        p_value=math.exp(log_p),
        state={"program": "shifted", "shift": "up"},
    )


def _structured(k: int) -> dict[str, Array]:
    """Orders of columns that programs produce: column of each label."""
    order = np.arange(k)
    by_text = np.argsort(np.argsort(order.astype(str), kind="stable"))
    found = {
        "labels are one too small (label y is column y + 1)": (order + 1) % k,
        "labels are one too large (label y is column y − 1)": (order - 1) % k,
        "columns are in the order of text (0, 1, 10, 11, 2, …)": by_text,
        "labels are in the order of text (0, 1, 10, 11, 2, …)": np.argsort(by_text),
        "columns are in reverse order": order[::-1],
    }
    return {name: column for name, column in found.items() if not np.array_equal(column, order)}


@rule("XE203", "error", "alignment", "test", silences=("XE205", "XE206", *DOWNSTREAM))
def other_order(case: Case) -> Evidence | None:
    """The columns are in another order than the labels.

    The model may be fine: the classes are numbered differently where it was trained and where it is scored.
    Usual causes are folders sorted as text (1, 10, 11, 2), labels that start at 1, and two class lists.

    Tried: labels shifted by one, text order, reverse order, a swap of the two classes most confused; and for K
    ≤ 256 the best order of all, found on every other row and tested on the rest. An order is tested by
    McNemar's exact test on the rows of the classes that it moves: p < 1e-6 after correction for the orders
    tried, two fifths of these rows or more right under the new order, hits gained at least twice those lost,
    and more gained than lost in every class of 20 rows. A model that takes one class for another, and that one
    for the first, more often than not looks the same.

    Sources: torchvision#714, ImageNetV2#10, cleanlab#568, cleanlab#997.
    """
    rows = opening(case)
    y, found = rows.labels[rows.counts], rows.predicted[rows.counts]
    k, n = case.k, len(y)
    if k < 3 or n < 20 or only_two(case) is not None:
        return None
    hits = y == found
    tried = _structured(k)
    confusion = None
    if k <= LARGEST:
        confusion = np.bincount(y * k + found, minlength=k * k).reshape(k, k)
        off = confusion - np.diag(np.diag(confusion))
        mutual = np.minimum(off, off.T)
        a, b = divmod(int(mutual.argmax()), k)
        if mutual[a, b] > 0:
            swap = np.arange(k)
            swap[[a, b]] = b, a
            tried[f"classes {a} and {b} are swapped"] = swap
    for name, column in tried.items():
        if (evidence := _mcnemar(case, name, column, y, found, hits, len(tried) + 1)) is not None:
            return evidence
    # The most that any order can win bounds the search.
    if confusion is None or (confusion.max(axis=1) - np.diag(confusion)).sum() < 20:
        return None
    half = np.bincount(y[::2] * k + found[::2], minlength=k * k).reshape(k, k)
    column = best_assignment(half)
    test = slice(1, None, 2)
    name = "the best order of columns, found on every other row"
    return _mcnemar(case, name, column, y[test], found[test], hits[test], len(tried) + 1)


def _mcnemar(
    case: Case, name: str, column: Array, y: Array, found: Array, hits: Array, tried: int
) -> Evidence | None:
    """Evidence that label y belongs to column[y]."""
    moved = column[y] != y
    total, gained, lost = int(moved.sum()), int((column[y] == found)[moved].sum()), int(hits[moved].sum())
    if total == 0 or gained < 20 or gained < 2 * lost or gained < 0.4 * total:
        return None
    k, y_moved = case.k, y[moved]
    won = np.bincount(y_moved, (column[y] == found)[moved], k) - np.bincount(y_moved, hits[moved], k)
    size = np.bincount(y_moved, minlength=k)
    if won[size >= 20].min(initial=1) <= 0 or size[won < 0].sum() > total / 10:
        return None
    log_p = log_binomial_tail(gained, gained + lost) + math.log(tried)
    if log_p > ALPHA:
        return None
    before, after = float(hits.mean()), float((column[y] == found).mean())
    pairs = [f"label {k} → column {column[k]}" for k in np.flatnonzero(column != np.arange(case.k))[:6]]
    how = "in" if "best order" in name else "if"
    after_that = " and tested on the rest" if "best order" in name else ""
    text = f"Accuracy is {before:.1%} as the classes are numbered and {after:.1%} {how} {name}{after_that}"
    return Evidence(
        f"{text}: {', '.join(pairs)}{', …' if (column != np.arange(case.k)).sum() > 6 else ''}. "
        f"Of {total:,} rows of these classes {gained:,} become right and {lost:,} wrong.",
        {
            "accuracy": before, "accuracy_reordered": after, "gained": gained, "lost": lost, "order": name,
            "columns": " ".join(map(str, column[:LARGEST].tolist())),
        },
        "Save the list of classes with the predictions and map labels by name, not by number.",
        p_value=math.exp(log_p),
        state={"program": "shifted", "shift": "up" if "too large" in name else "down"},
    )  # fmt: skip


@rule("XE204", "error", "alignment", "test", silences=("XE205", *DOWNSTREAM))
def inverted(case: Case) -> Evidence | None:
    """The two classes are inverted.

    The higher the score, the rarer the positive label: the area under the ROC curve is below one half. Either
    the labels are 1 − y, or the other class's column was taken.

    Found if the area is below 0.45 and five of its deviations (Hanley and McNeil) below 0.5, so p < 1e-6.

    Sources: giskard#1042, hyena-dna#48.
    """
    area, error = case.numbers.area, case.numbers.area_error
    if case.k != 2 or not area < 0.45:
        return None
    z = (0.5 - area) / error if error > 0 else math.inf
    few = int(case.numbers.labels.min())
    if z < 5 or few < 10:
        return None
    return Evidence(
        f"The area under the ROC curve is {area:.3f}, {z:.0f} deviations below one half; inverted it is "
        f"{1 - area:.3f}.",
        {"area": area, "deviation": error, "z": z},
        "Use the other column, or 1 − label.",
        p_value=math.exp(log_normal_tail(z)) if z < math.inf else 0.0,
        state={"program": "shifted"},
    )


@rule("XE207", "warn", "alignment", "test", silences=("XE203", "XE205", *DOWNSTREAM), experiment="labels")
def only_two(case: Case) -> Evidence | None:
    """Labels are only 0 and 1, though there are more classes.

    Usually the labels are one column of one-hot rows, or the answers of a binary question, and not class
    indices.

    Found if both 0 and 1 occur and nothing else, while the model gives the other classes so much probability,
    at least a fifth of all, that honest predictions would have met none of them with p < 1e-6; and accuracy is
    0.1 below the mean confidence. A test set of two of the classes, under a model that is too sure, looks the
    same.

    Sources: pytorch#1258.
    """
    labels, n = case.numbers.labels, case.n
    if case.k < 3 or case.plan.task == "tokens" or n == 0 or min(labels[0], labels[1]) == 0 or labels[2:].any():
        return None
    others = float(case.numbers.mean_p[2:].sum())
    if others < 0.2 or -others * n > ALPHA or case.numbers.accuracy > case.numbers.confidence - 0.1:
        return None
    return Evidence(
        f"All {n:,} labels are 0 or 1, though the model gives classes 2 … {case.k - 1} {others:.0%} of "
        f"the probability.",
        {"rows": n, "probability": others},
        "Give one class index a row: labels.argmax(axis=1) of one-hot rows.",
        p_value=math.exp(max(-others * n, -745)),
        state={"form": "one_hot"},
    )


@rule("XE208", "error", "alignment", "identity", silences=("XE108", "XE5", "XE6"), experiment="binary")
def targets_not_one(case: Case) -> Evidence | None:
    """A row's probabilities sum to 1, its labels do not.

    The scores are a distribution over classes, so exactly one class a row is right; these rows have none or
    several. Cross-entropy against such targets has the gradient (Σ y) · p − y: a row of k labels counts k
    times, and a row of none does nothing. Labels that may go together need one sigmoid each and binary
    cross-entropy.

    Found in the first rows of labels of 0 and 1: all scores sum to 1, and there are 8 rows or more.
    """
    columns = case.plan.columns
    if case.plan.task != "multi-label" or case.plan.kind != "probs":
        return None
    head = case.summary.tables["head"]
    rows = len(head) // columns
    if rows < 8 or columns < 2 or head["position"][rows * columns - 1] - head["position"][0] != rows * columns - 1:
        return None
    sums = head["scores"][: rows * columns, 1].reshape(rows, columns).sum(axis=1)
    targets = head["label"][: rows * columns].reshape(rows, columns).sum(axis=1)
    if abs(sums - 1).max() > case.plan.tolerance or (targets == 1).all():
        return None
    none, several = int((targets == 0).sum()), int((targets > 1).sum())
    return Evidence(
        f"The scores of each of the first {rows:,} rows sum to 1, but {none:,} of them have no label and "
        f"{several:,} "
        "have several.",
        {"rows": rows, "without": none, "several": several},
        "Give one class index a row; or, if labels may go together, use a sigmoid and binary cross-entropy each.",
        rows=tuple(int(i) for i in np.flatnonzero(targets != 1)[:5]),
    )


@rule("XE209", "error", "alignment", "test", silences=("XE203", "XE205", *DOWNSTREAM))
def wrapped(case: Case) -> Evidence | None:
    """Labels were stored in too few bits.

    With more than 256 classes, labels kept as uint8 (or 128 and int8) come back modulo 256: class 300 is 44.

    Found if no label reaches 256 and, of the rows that are predicted as a class from 256 on, the prediction
    modulo 256 is the label far more often than by chance (exact binomial test, p < 1e-6) and in a fifth or
    more.

    Sources: maskrcnn-benchmark#1169, detectron2#5386, tensorflow/models#6641.
    """
    if case.k <= 256 or case.n == 0 or case.numbers.labels[256:].any():
        return None
    rows = opening(case)
    y, found = rows.labels[rows.counts], rows.predicted[rows.counts]
    high = found >= 256
    n, hits = int(high.sum()), int((found[high] % 256 == y[high]).sum())
    if n < 10 or hits < n / 5:
        return None
    share = float(np.bincount(y).max()) / len(y)  # the most that chance gives
    log_p = log_binomial_tail(hits, n, share) if share < 1 else 0.0
    if log_p > ALPHA:
        return None
    return Evidence(
        f"No label is above 255, though there are {case.k:,} classes; of {n:,} rows predicted as a class "
        f"from 256 on, "
        f"{hits:,} have that class modulo 256 as their label.",
        {"rows": n, "hits": hits},
        "Store labels as int64 (int16 holds 32 767); these cannot be recovered.",
        p_value=math.exp(log_p),
        state={"program": "shifted"},
    )


@rule("XE307", "error", "alignment", "identity", silences=("XE201",), experiment="labels")
def sentinel(case: Case) -> Evidence | None:
    """Rows are marked to be ignored by a value that is not the ignored one, or by a class.

    A label such as −1 or 255 means "leave this row out" to whoever wrote it; the loss leaves out one value
    only, −100 by default, and for others stops, or reads memory beyond the row. An ignored label that is itself
    a class takes all its true rows out of the loss, while its column stays in every softmax (this is only told,
    as info: token 0 is often padding and nothing else).

    Found if all labels outside 0 … K − 1 have one value that is in use for this.

    Sources: pytorch#63004, pytorch#25166, llama-cookbook#73.
    """
    strange, ignore = _strange(case), case.plan.ignore_index
    if len(strange) == 1:
        ((value, count),) = strange.items()
        if value in SENTINELS and value != case.k:
            said = "no label is ignored" if ignore is None else f"the ignored label is {ignore}"
            return Evidence(
                f"{count:,} labels are {value}, which is no class, and {said}.",
                {"rows": count, "label": value},
                f"Pass ignore_index={value} here and to the loss, if these rows are to be left out.",
            )
    ignored = case.summary.counts["ignored"]
    if ignore is not None and 0 <= ignore < case.k and ignored:
        mean = float(case.numbers.mean_p[ignore]) if case.n else math.nan
        return Evidence(
            f"The ignored label {ignore} is one of the {case.k:,} classes: {ignored:,} rows are left out, "
            f"and its column "
            f"still takes {mean:.2g} of the probability of the others.",
            {"rows": ignored, "label": ignore, "mean_p": mean},
            "Use −100, which can be no class, unless this class is padding and nothing else.",
            severity="info",
        )
    return None
