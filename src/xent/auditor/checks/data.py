# pyright: basic
"""What is wrong with the rows themselves: labels, duplicates, pockets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import xent
from xent.auditor.case import Case
from xent.auditor.checks._opening import opening
from xent.auditor.finding import Evidence, rule
from xent.auditor.summary import FILE
from xent.auditor.tails import ALPHA, log_count_bound, log_kolmogorov_tail

Array = NDArray[Any]


@rule("XE601", "warn", "data", "test", experiment="labels")
def label_noise(case: Case) -> Evidence | None:
    """Some labels are probably wrong.

    More rows have a label that the model finds all but impossible than its probabilities allow. A temperature is
    fitted first, so that mere confidence does not count; it takes some of the wrong labels for confidence, so that
    the excess is a low estimate of how many labels are wrong. Expected / observed is the share of the listed rows
    that are right all the same.

    Found if for a threshold of 0.01, 0.001 or 0.0001 the count is too high with p < 1e-6 (Chernoff's bound,
    times 3), is above twice the expected one, and the excess is 5 rows and 0.2 % of all or more. A model that
    is surely wrong about a group of rows looks the same: look at the rows.

    Sources: Northcutt, Jiang and Chuang (2021), "Confident learning".
    """
    errors, fit = case.numbers.label_errors, case.numbers.temperature
    if errors is None or fit is None or fit.at_bound or errors.rows < 50 or fit.value > 10:
        return None
    best = None
    for i, tau in enumerate(errors.tau):
        o, e = errors.observed[i], errors.expected[i]
        log_p = log_count_bound(o, e) + math.log(3) if o > e else 0.0
        enough = o > 2 * e and o - e >= max(5, 0.002 * errors.rows)
        if enough and log_p < ALPHA and (best is None or o - e > best[2]):
            best = i, tau, o - e, log_p
    if best is None:
        return None
    i, tau, excess, log_p = best
    rows = _unlikely(case, fit.value, tau)
    share = excess / errors.rows
    return Evidence(
        f"{errors.observed[i]:,.0f} of {errors.rows:,} rows have a label of probability {tau:g} or less; "
        f"{errors.expected[i]:.3g} would be expected. So about {excess:,.0f} labels ({share:.1%}) are "
        f"wrong, and of "
        f"those listed {errors.rate(i):.0%} are right all the same.",
        {"observed": errors.observed[i], "expected": errors.expected[i], "tau": tau, "wrong": excess,
         "share": share, "false_discovery_rate": errors.rate(i)},
        "Look at the listed rows first; remove or relabel what is wrong.",
        p_value=math.exp(max(log_p, -745)),
        rows=rows,
    )  # fmt: skip


def _unlikely(case: Case, temperature: float, tau: float) -> tuple[int, ...]:
    """Positions of sampled rows whose label has at most τ, the least probable first."""
    z, y, _ = case.sample
    own = np.asarray(xent.log_softmax(z / temperature))[np.arange(len(y)), y]
    order = np.argsort(own, kind="stable")[:20]
    return tuple(int(i) for i in case.summary.tables["sample"]["position"][order[own[order] <= math.log(tau)]])


@rule("XE602", "warn", "data", "identity", experiment="training")
def repeated_start(case: Case) -> Evidence | None:
    """The last rows are the first again.

    A sampler that shares rows among processes repeats the first ones until all have the same number; who
    gathers the predictions counts them twice. Metrics are slightly wrong, and differ with the number of
    processes.

    Found if the last m ≤ 1024 rows are the first m bit for bit and in order, while the rest has no such
    repetition: m is at least 2, or 1 in data without any other duplicate.

    Sources: pytorch#25162, pytorch#22584, lightning#2398, composer#2218.
    """
    rows, closing = opening(case), case.summary.tables["closing"]
    end = closing["mark"][::-1]  # the last rows in order
    first = rows.marks
    n = len(first)
    if n < 8 or len(end) < 1 or int(-closing["last"][0]) % FILE < 2:
        return None
    most = min(len(end), n // 2)
    tail = end[len(end) - most :]
    found = [int(m) for m in most - np.flatnonzero(tail == first[0]) if np.array_equal(tail[most - m :], first[:m])]
    m = max(found, default=0)
    whole = int(-closing["last"][0]) == rows.start + n - 1
    if m == 0:
        return None
    inner = first[: n - m] if whole else first
    distinct = len(np.unique(inner))
    if len(np.unique(first[:m])) < m or distinct < 0.99 * len(inner):
        return None
    if m == 1 and distinct < len(inner):
        return None
    last = int(-closing["last"][0])
    return Evidence(
        f"The last {m:,} row{'s are' if m > 1 else ' is'} bit for bit the first "
        f"{f'{m:,}' if m > 1 else 'one'}, in order.",
        {"rows": m},
        f"Drop the last {m:,}; gather predictions with the rows' numbers and keep each number once.",
        rows=tuple(range(last - m + 1, last + 1))[:5],
    )


@rule("XE603", "warn", "data", "identity", experiment="labels")
def conflicting(case: Case) -> Evidence | None:
    """Equal rows have different labels.

    Rows of equal scores came from equal inputs; where their labels differ, no model can be right about all of
    them. The mean entropy of labels within equal rows is a floor that no loss gets below.

    Found in the sample if rows of equal scores but different labels are 5 or more and 0.1 % of all. Scores that
    fall together by coarseness (rounded, half precision, trees, two classes) are not looked at: the first
    column must be different in nine tenths of the distinct rows, and there must be three classes.
    """
    table = case.summary.tables["sample"]
    mark, label, count = table["mark"], table["label"], table["count"]
    if case.k < 3 or len(mark) < 20:
        return None
    _, first, group = np.unique(mark, return_index=True, return_inverse=True)
    if len(np.unique(case.raw[first, 0])) < 0.9 * len(first):
        return None
    kinds = np.bincount(group)
    inside = kinds[group] > 1
    rows, total = int(count[inside].sum()), int(count.sum())
    if rows < 5 or rows < 0.001 * total:
        return None
    size = np.bincount(group, count)[group]
    floor = float((count * np.log(size / count)).sum()) / total
    positions = table["position"][inside & (label >= 0)]
    return Evidence(
        f"{rows:,} of {total:,} rows share their scores with rows of another label, in "
        f"{int((kinds > 1).sum()):,} groups. "
        f"No loss on these rows can be below {floor:.4g} nats.",
        {"rows": rows, "groups": int((kinds > 1).sum()), "floor": floor},
        "Remove duplicates, or settle their labels.",
        cost=floor,
        rows=tuple(int(i) for i in positions[:10]),
    )


@rule("XE604", "info", "data", "heuristic", experiment="focal")
def few_rows_cost_most(case: Case) -> Evidence | None:
    """A hundredth of the rows carries most of the loss.

    The mean says little about the other rows, and moves with a handful of hard or mislabelled ones. Good models
    are like this; compare them by quantiles, and look at the rows.

    Told from 1000 rows on if the costliest 1 % have more than half of the total, by cells of 1/16 octave.
    """
    if case.n < 1000:
        return None
    rows, sums = case.summary.cells["losses"][::-1], case.summary.cell("loss_sums")[::-1]
    total, few = float(sums.sum()), rows.sum() * 0.01
    if total <= 0:
        return None
    until = int(np.searchsorted(np.cumsum(rows), few))
    taken = float(sums[:until].sum())
    rest = few - float(rows[:until].sum())
    taken += rest * float(sums[until]) / float(rows[until]) if rows[until] else 0.0
    if taken < total / 2:
        return None
    return Evidence(
        f"The costliest 1 % of the rows carry {taken / total:.0%} of the loss.",
        {"share": taken / total},
        "Look at the rows that cost most; report the median and the 99 % quantile beside the mean.",
        rows=tuple(c.position for c in case.numbers.costly[:10]),
    )


@rule("XE606", "warn", "data", "test", experiment="training")
def pocket(case: Case) -> Evidence | None:
    """The model is better on one part of the file than on another.

    Accuracy, compared with that of the same class in all rows so that sorted classes do not count, changes at
    some row: a stale worker, another source of data, a part whose labels are off.

    Found in the first rows by the largest deviation of the running sum of hit − its class's accuracy: p < 1e-6
    by Kolmogorov's distribution, its deviation estimated from neighbouring blocks so that rows that depend on
    their neighbours do not count, and a change of accuracy of 0.15 or more between two parts of 50 rows or
    more.
    """
    rows = opening(case)
    if case.plan.task in ("tokens", "multi-label"):
        return None
    y, hit = rows.labels[rows.counts], (rows.labels == rows.predicted)[rows.counts]
    n = len(y)
    if n < 200:
        return None
    usual = (np.bincount(y, hit, case.k) + 4 * hit.mean()) / (np.bincount(y, minlength=case.k) + 4)
    left = hit - usual[y]  # a class of few rows is compared with all
    size = max(int(math.sqrt(n)), 8)
    blocks = left[: n // size * size].reshape(-1, size).mean(axis=1)
    long_run = size * float(np.mean(np.diff(blocks) ** 2)) / 2
    variance = max(long_run, float(left.var()))
    if variance <= 0:
        return None
    path = np.abs(np.cumsum(left))
    inside = path[49 : n - 50]
    if len(inside) == 0:
        return None
    at = int(inside.argmax()) + 50
    log_p = log_kolmogorov_tail(float(path.max()) / math.sqrt(n * variance))
    before, after = float(left[:at].mean()), float(left[at:].mean())
    if log_p > ALPHA or abs(before - after) < 0.15:
        return None
    at_row = rows.start + int(np.flatnonzero(rows.counts)[at])
    return Evidence(
        f"From row {at_row:,} on accuracy is {hit[at:].mean():.1%}, and {hit[:at].mean():.1%} before; for "
        f"the same classes "
        f"the change is {after - before:+.1%}.",
        {"row": at_row, "accuracy_before": float(hit[:at].mean()), "accuracy_after": float(hit[at:].mean()),
         "change": after - before},
        "Compare where these rows come from, and audit the two parts apart.",
        p_value=math.exp(max(log_p, -745)),
        rows=(at_row,),
    )  # fmt: skip
