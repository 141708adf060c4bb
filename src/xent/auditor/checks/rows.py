# pyright: basic
"""Whether the labels belong to the same rows as the scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.case import Case
from xent.auditor.checks._opening import opening
from xent.auditor.finding import Evidence, rule
from xent.auditor.tails import ALPHA, log_binomial_tail, log_chi2_tail, log_count_bound, log_normal_tail

Array = NDArray[Any]
FAR = 1000  # rows that labels may be off by
SCANNED = 2**14  # rows that every lag is tried on
FIX = "Join scores and labels by the rows' own ids; a header or a shuffled loader is the usual cause."


def _rate(y: Array, found: Array, lag: int) -> tuple[int, int]:
    """Hits and rows if the prediction of row i is compared with the label of row i + lag; −1 never hits."""
    a, b = (found[: len(found) - lag], y[lag:]) if lag >= 0 else (found[-lag:], y[:lag])
    return int((a == b).sum()), len(a)


@rule("XE205", "error", "alignment", "test", silences=("XE5", "XE6"))
def misaligned(case: Case) -> Evidence | None:
    """Labels and scores belong to different rows.

    A header taken for a row, one row dropped, another sort, a loader that shuffles: the classes are right, the
    rows are not. Everything looks like a confident model that knows nothing.

    Found by comparing each prediction with the label d rows further, |d| ≤ 1000: some d ≠ 0 beats chance by 8
    deviations and a tenth of the rows, d = 0 does not beat it by 3, and the rows next to d do not hit half as
    often (sorted rows do). Failing that, rows look shuffled if predictions and labels are independent (hits
    within 3 deviations of chance, and for K ≤ 256 a G-test at p > 1e-3) though the mean confidence is 0.15
    above chance, too much for it with p < 1e-6, and predictions and labels have the same frequencies to within
    a tenth, or as sampling scatters them. A model that is confident and useless looks like the latter.
    """
    rows = opening(case)
    y, found = np.where((rows.labels >= 0) & (rows.labels < case.k), rows.labels, -2), rows.predicted
    n = int(rows.counts.sum())
    if case.plan.task in ("tokens", "multi-label") or n < 50:
        return None
    width = case.k
    share_y = np.bincount(y[rows.counts], minlength=width) / n
    share_p = np.bincount(found[rows.counts], minlength=width) / n
    chance = float(share_y @ share_p)
    if not 0 < chance <= 0.98:  # 0: no class is both predicted and a label, in whatever order of rows
        return None
    hits = int((y == found).sum())
    sd = math.sqrt(chance * (1 - chance))
    if abs(hits - n * chance) > 3 * sd * math.sqrt(n) + 1:
        return None
    return _lag(y, found, chance, sd, hits / n) or _shuffled(case, rows.counts, y, found, chance, hits, n)


def _lag(y: Array, found: Array, chance: float, sd: float, now: float) -> Evidence | None:
    few, of = y[:SCANNED].astype(np.int32), found[:SCANNED].astype(np.int32)
    far = min(FAR, len(few) // 2)
    lags = [d for d in range(-far, far + 1) if d]
    rates = {d: h / m for d in lags for h, m in [_rate(few, of, d)]}
    best = max(lags, key=lambda d: rates[d] * math.sqrt(len(few) - abs(d)))
    hit, total = _rate(y, found, best)
    rate, z = hit / total, (hit - total * chance) / (sd * math.sqrt(total))
    beside = max(rates.get(best - 1, now), rates.get(best + 1, now))
    if z < 8 or rate < chance + 0.1 or beside - chance > (rate - chance) / 2:
        return None
    return Evidence(
        f"Predictions agree with the labels of their own rows in {now:.1%}, which is chance "
        f"({chance:.1%}), and with "
        f"those {abs(best)} row{'s' * (abs(best) > 1)} {'further' if best > 0 else 'before'} in {rate:.1%}, "
        f"{z:.0f} deviations above it.",
        {"lag": best, "hits": rate, "hits_now": now, "chance": chance, "z": z},
        FIX,
        state={"program": "shifted"},
        p_value=math.exp(min(0.0, log_normal_tail(z) + math.log(2 * far))),
    )


def _shuffled(
    case: Case, counts: Array, y: Array, found: Array, chance: float, hits: int, n: int
) -> Evidence | None:
    numbers = case.numbers
    apart = float(abs(numbers.labels / case.n - numbers.mean_p).sum()) / 2
    enough = numbers.mean_p * case.n >= 1
    scatter = float(np.mean(numbers.bias[enough] ** 2)) if enough.any() else 0.0  # about 1 if they are honest
    if numbers.confidence < chance + 0.15 or (apart > 0.1 and scatter > 3) or case.n < 100:
        return None
    misses = numbers.rows * (1 - numbers.accuracy)
    log_p = log_count_bound(misses, numbers.rows * (1 - numbers.confidence))
    if log_p > ALPHA:
        return None
    if case.k <= 256:
        some = np.bincount(y[counts] * case.k + found[counts], minlength=case.k**2).reshape(case.k, case.k)
        some = some[some.sum(axis=1) > 0][:, some.sum(axis=0) > 0]
        if 1 in some.shape:
            return None
        expected = np.outer(some.sum(axis=1), some.sum(axis=0)) / some.sum()
        x = float(((some - expected) ** 2 / expected).sum())
        if log_chi2_tail(x, (some.shape[0] - 1) * (some.shape[1] - 1)) < math.log(1e-3):
            return None
    return Evidence(
        f"The model is {numbers.confidence:.0%} sure and right in {hits / n:.1%} of {n:,} rows, as often "
        f"as labels in "
        f"random order would be ({chance:.1%}), though labels and predictions have the same frequencies. The rows "
        "are shuffled, or the model is useless.",
        {"hits": hits / n, "chance": chance, "confidence": numbers.confidence},
        FIX,
        p_value=math.exp(max(log_p, -745)),
        state={"program": "shifted"},
    )


def _sequences(case: Case) -> tuple[Array, Array] | None:
    """Labels and predictions (B, T) of the first whole sequences."""
    length, rows = case.plan.length, opening(case)
    if case.plan.task != "tokens" or not length or rows.start % length or len(rows.labels) < length:
        return None
    whole = len(rows.labels) // length * length
    return rows.labels[:whole].reshape(-1, length), rows.predicted[:whole].reshape(-1, length)


@rule("XE206", "error", "alignment", "test", silences=("XE203", "XE5", "XE6"))
def token_shift(case: Case) -> Evidence | None:
    """Labels of tokens are shifted against the predictions.

    The scores at t are for the token at t + 1, so either the labels are shifted once or the loss shifts them.
    Without any shift, the model is trained to copy its input; with two, to skip a token.

    Found by comparing the prediction at t with the label at t + d, d from −2 to 3, within sequences: the best d
    is not 0, hits gained against d = 0 on the same rows outnumber those lost (exact McNemar test, p < 1e-6),
    and the rate rises by a tenth of the rows and to twice as much.

    Sources: transformers#47395, transformers#46898, transformers#44642, transformers#35066.
    """
    both = _sequences(case)
    if both is None:
        return None
    y, found = both
    rates: dict[int, tuple[float, float, int, int]] = {}
    for d in (-2, -1, 1, 2, 3):
        if y.shape[1] <= 2 * abs(d):
            continue
        here = slice(max(-d, 0), y.shape[1] - max(d, 0))
        there = slice(max(d, 0), y.shape[1] + min(d, 0))
        p, own, other = found[:, here], y[:, here], y[:, there]
        counts = (p >= 0) & (other >= 0) & (other < case.k) & (other != (case.plan.ignore_index or -1))
        if counts.sum() < 50:
            continue
        now, then = (p == own)[counts], (p == other)[counts]
        rates[d] = float(now.mean()), float(then.mean()), int((then & ~now).sum()), int((now & ~then).sum())
    if not rates:
        return None
    best = max(rates, key=lambda d: rates[d][1])
    before, after, gained, lost = rates[best]
    log_p = log_binomial_tail(gained, gained + lost) + math.log(len(rates))
    if log_p > ALPHA or after < before + 0.1 or after < 2 * before:
        return None
    return Evidence(
        f"The prediction at t is the label at t in {before:.1%} of the tokens, and the label at t {best:+d} in "
        f"{after:.1%}: "
        + ("the labels were not shifted." if best > 0 else "the labels were shifted once too often."),
        {"lag": best, "hits_now": before, "hits": after, "gained": gained, "lost": lost},
        "Shift once: scores[:, :-1] against labels[:, 1:], or unshifted labels to a model that shifts them itself.",
        p_value=math.exp(log_p),
        state={"program": "shifted", "shift": "up" if best < 0 else "down"},
    )


@rule("XE304", "error", "alignment", "heuristic", silences=("XE5", "XE6"), experiment="labels")
def padding(case: Case) -> Evidence | None:
    """Padding is trained on.

    Sequences of unequal length were filled up with one token whose label is not ignored. It is easy to predict,
    so the loss looks far better than it is, and most of the gradient is about nothing.

    Found if one label fills the ends of sequences: in runs of differing lengths, 3 at the median, over 5 % of
    all positions in all, and over nine tenths of that label's occurrences; and its mean loss is below 0.05
    nats. Data that truly end in one repeated token look the same.

    Sources: transformers#32832, open-instruct#632, gpt-neo#45.
    """
    both = _sequences(case)
    if both is None or both[0].shape[0] < 4:
        return None
    y = both[0]
    last = y[:, -1]
    inside = last[(last >= 0) & (last < case.k) & (last != (case.plan.ignore_index or -1))]
    if len(inside) == 0:
        return None
    value = int(np.bincount(inside).argmax())
    runs = np.where((y == value).all(axis=1), y.shape[1], (y[:, ::-1] != value).argmax(axis=1))
    some = runs[runs > 0]
    share, own = float(runs.sum()) / y.size, float(runs.sum()) / max(int((y == value).sum()), 1)
    loss = float(case.numbers.class_loss[value])
    if len(some) < 4 or np.median(some) < 3 or share < 0.05 or own < 0.9 or len(set(some.tolist())) < 3:
        return None
    if not loss < 0.05:
        return None
    n, of = case.n, int(case.numbers.labels[value])
    if n == of:
        return None
    without = (case.numbers.finite_loss * (n - case.numbers.infinite) - loss * of) / (n - of)
    return Evidence(
        f"Label {value} fills the last {np.median(some):.0f} positions (median) of {len(some):,} of {len(y):,} "
        f"sequences, {of / n:.0%} of all labels, at {loss:.2g} nats each. The loss is "
        f"{case.numbers.loss:.4g} with it "
        f"and {without:.4g} without.",
        {"label": value, "share": of / n, "loss": loss, "loss_without": without},
        f"Set the labels of padding to −100, or pass ignore_index={value} if it is nothing but padding.",
        cost=without - case.numbers.finite_loss,
    )


@rule("XE306", "warn", "alignment", "identity", experiment="labels")
def nothing_left(case: Case) -> Evidence | None:
    """A sequence has no label that counts.

    Its mean loss is 0 / 0: NaN in torch since 1.11. As a batch of its own, or averaged by sequence, it makes
    the whole loss NaN; the usual cause is an answer that was cut off with its question's end.

    Found by counting, in the first rows.

    Sources: pytorch#116349, pytorch#70348, pytorch#75181.
    """
    both = _sequences(case)
    if both is None or case.plan.ignore_index is None:
        return None
    empty = np.flatnonzero((both[0] == case.plan.ignore_index).all(axis=1))
    if len(empty) == 0:
        return None
    length = both[0].shape[1]
    return Evidence(
        f"{len(empty):,} of {len(both[0]):,} sequences have no label but the ignored one; the first is number "
        f"{int(empty[0])}.",
        {"sequences": len(empty), "of": len(both[0])},
        "Leave such sequences out, or divide the sum of losses by max(count, 1).",
        rows=tuple(int(i) * length for i in empty[:5]),
        state={"used": (False,) * 6},
    )
