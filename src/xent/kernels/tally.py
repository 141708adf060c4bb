# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What an audit counts and adds up over rows of scores, in one reading, so that no order of rows changes a bit.

Sums of floats depend on their order; here every sum is of whole numbers. What is one number a row is added exactly,
as a whole multiple of 2⁻¹⁰⁷⁴ kept in digits of 32 bits (Kulisch). What is one number a class is rounded to 2⁻⁴⁰
first. Counts and cells are whole anyway. Everything merges by adding arrays.

Powers are computed in the scores' type, as the losses do, and all else in float64. With gap_j = z_k − z_j from the
largest logit, e_j = exp(−gap_j) and the tail Σ_{j≠k} e_j, the loss is log1p(tail) + gap_y, and the entropy
log1p(tail) + E gap under p = e / (1 + tail).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, I4, I8, at, blank, hold, key, log1p, steepness, unkey
from xent.kernels.climb import PAD, whole_pads
from xent.kernels.logistic import fall
from xent.kernels.rows import read

LIMBS = 67  # digits of 32 bits: the 2098 bits of a float64, and room for 2³¹ of them
UNIT = 2.0**40  # per-class sums are multiples of 1 / UNIT
_SHIFT = 2.0**12  # a float64 from 2¹² to 2¹³ is a multiple of 2⁻⁴⁰
_LOW = 0xFFFFFFFF
CELLS = 1024  # cells of losses and of odds, 16 an octave
FLOOR = 40  # losses from 2⁻⁴⁰ to 2²⁴
ODDS = 46  # tails from 2⁻⁴⁶ to 2¹⁸
SQUARES = 4096  # classes up to which Σ p² of each is kept
BINS = 15  # equal widths of confidence, as in Guo et al. (2017)

SUMS = ("loss", "loss²", "entropy", "score", "variance", "third", "brier", "confidence", "doubt", "lse", "lse²")
COUNTS = (
    "rows", "ignored", "outside", "broken", "infinite", "correct", "top5", "tied", "simplex", "logs", "unit",
    "hard", "full", "zeros", "brim", "wide", "negative", "nothing", "nan", "infinity",
)  # fmt: skip
(
    ROWS, IGNORED, OUTSIDE, BROKEN, INFINITE, CORRECT, TOP5, TIED, SIMPLEX, LOGS, UNIT_INTERVAL, HARD,
    FULL, ZEROS, BRIM, WIDE, NEGATIVE, NOTHING, NAN, INFINITY,
) = range(len(COUNTS))  # fmt: skip
# The kinds of scores, for `tally`.
LOGITS, PROBS = 0, 1


@njit(**EXACT)
def add_exactly(limbs, value):
    """Add a finite float64 to digits of 32 bits in int64, carries left where they are."""
    bits = key(abs(value))
    e, m = bits >> 52, bits & 0xFFFFFFFFFFFFF
    if e:
        m |= 1 << 52
        e -= 1
    i, s = e >> 5, e & 31
    low, high = (m & _LOW) << s, (m >> 32) << s
    if value < 0:
        limbs[i] -= low & _LOW
        limbs[i + 1] -= (low >> 32) + (high & _LOW)
        limbs[i + 2] -= high >> 32
    else:
        limbs[i] += low & _LOW
        limbs[i + 1] += (low >> 32) + (high & _LOW)
        limbs[i + 2] += high >> 32


@njit(**EXACT)
def cell(value, floor):
    """Cell of a number > 0, 16 an octave from 2^−floor; what is beyond is in the first or the last."""
    c = (key(value) >> 48) - ((1023 - floor) << 4)
    return min(max(c, 0), CELLS - 1)


@njit(**INLINE)
def survey(z, n, mine):
    """Largest and smallest score, place of the largest, ties, how many exceed ``mine``, zeros, sum, a hash."""
    most, least = key(z[0]), key(z[0])
    above, zeros, total, h = I4(0), I4(0), 0.0, np.uint64(0)
    for j in range(n):
        k = key(z[j])
        most = k if k > most else most
        least = k if k < least else least
        above += I4(1) if z[j] > mine else I4(0)
        zeros += I4(1) if z[j] == 0 else I4(0)
        total += F8(z[j])
        b = np.uint64(k)
        h += (b ^ (b >> np.uint64(32))) * (np.uint64(2 * j + 1) * np.uint64(0x9E3779B97F4A7C15))
    top, first, ties = unkey(most), I4(n), I4(0)
    for j in range(n):
        own = z[j] == top
        here = I4(j) if own else I4(n)
        first = here if here < first else first
        ties += I4(1) if own else I4(0)
    return F8(top), F8(unkey(least)), I8(first), I8(ties), I8(above), I8(zeros), total, h


def tail_and_powers(z, n, x):
    """Tail of a row of logits, and its powers exp(z_j − top) in x, as the losses compute them in the type of z."""
    raise NotImplementedError


@overload(tail_and_powers, jit_options=INLINE)
def _tail_and_powers(z, n, x):
    if z.dtype == types.float32:
        hi, lo, most = steepness(1.0, F4)
        return lambda z, n, x: read(z, n, 0, x, hi, lo, most)[1]
    high, low, far = steepness(1.0, F8)
    return lambda z, n, x: read(z, n, 0, x, high, low, far)[1]


@njit(**INLINE)
def moments(z, x, n, top, inverse, p_sum, pp_sum):
    """E gap, E gap², E gap³ under p = x · inverse, and Σ p²; adds p and p² to a class's sums.

    p² only up to SQUARES classes.
    """
    base, one, two, three, squares = key(_SHIFT), 0.0, 0.0, 0.0, 0.0
    if n > SQUARES:
        for j in range(n):
            p = F8(x[j]) * inverse
            gap = top - F8(z[j])
            gap = 800.0 if gap > 800.0 else gap
            u = p * gap
            one += u
            two += u * gap
            three += u * gap * gap
            squares += p * p
            p_sum[j] += key(p + _SHIFT) - base
        return one, two, three, squares
    for j in range(n):
        p = F8(x[j]) * inverse
        gap = top - F8(z[j])
        gap = 800.0 if gap > 800.0 else gap
        u = p * gap
        one += u
        two += u * gap
        three += u * gap * gap
        squares += p * p
        p_sum[j] += key(p + _SHIFT) - base
        pp_sum[j] += key(p * p + _SHIFT) - base
    return one, two, three, squares


@njit(**EXACT)
def stir(h):
    """Mix 64 bits (splitmix64)."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(**INLINE)
def logarithms(z, n, x):
    """Write log p of numbers p ≥ 0; NaN for negative ones."""
    for j in range(n):
        p = F8(z[j])
        t = (1.0 - p) / p if p <= 1.0 else p - 1.0
        value = log1p(t)
        x[j] = math.nan if p < 0 else (-value if p <= 1.0 else value)


@njit(**EXACT)
def fixed(value):
    """Whole multiple of 1 / UNIT next to a number of at most 2²¹."""
    v = min(max(value, -2097152.0), 2097152.0) * UNIT
    return I8(math.floor(v + 0.5))


@kernel
def tally(
    z, labels, kind, ignoring, ignore, tolerance, start, stop,
    counts, limbs, by_class, confusion, losses, loss_sums, odds, bins, pair, extremes, loss, predicted, marks,
):  # fmt: skip
    """Add the rows [start, stop) of scores z (N, K) to what is counted; fill loss, predicted and marks of each.

    labels (N,) int64. kind: LOGITS (log-probabilities too) or PROBS. tolerance: how far a row of probabilities may
    be from summing to 1. counts: see COUNTS. limbs: (len(SUMS), LIMBS). by_class (7, K): rows, predicted, hits,
    Σ p, Σ p², whole and fraction of Σ loss. confusion (K, K) or (0, 0). losses (CELLS,) and loss_sums (2, CELLS).
    odds (4, CELLS): by the tail, rows, hits, Σ p and Σ p (1 − p) of the largest. bins (4, BINS): the same by
    confidence. pair (2, 2 CELLS) for K = 2: by label and odds. extremes (4,): least and largest score, least and
    largest sum.

    loss: NaN for rows that do not count, ∞ where the label is masked. predicted: argmax, or −1. marks: a hash.
    """
    n = z.shape[1]
    width = whole_pads(n) + PAD
    buffer, logs = np.full(width, blank(z[0, 0])), np.full(2 * width if kind == PROBS else 1, 0.0)
    x, known, exp_known = at(buffer, 0), at(logs, 0), at(logs, width)
    p_sum, pp_sum = at(by_class, 3 * n), at(by_class, 4 * n)
    for i in range(start, stop):
        y, line = labels[i], at(z, i * n)
        loss[i], predicted[i] = math.nan, -1
        inside = 0 <= y < n
        mine = line[y if inside else 0]
        top, least, first, ties, above, zeros, total, h = survey(line, n, mine)
        marks[i] = stir(h)
        if not total - total == 0 and not (least == -math.inf and top < math.inf):
            counts[BROKEN if not (ignoring and y == ignore) else IGNORED] += 1
            if not (ignoring and y == ignore):
                counts[NAN if top != top or least != least else INFINITY] += 1
            continue
        if ignoring and y == ignore:
            counts[IGNORED] += 1
            continue
        if not inside:
            counts[OUTSIDE] += 1
            continue
        extremes[0] = min(extremes[0], least)
        extremes[1] = max(extremes[1], top)
        extremes[2] = min(extremes[2], total)
        extremes[3] = max(extremes[3], total)
        counts[ZEROS] += zeros
        counts[BRIM] += 1 if max(abs(top), abs(least)) == 65504.0 else 0
        counts[NEGATIVE] += 1 if least < 0 else 0
        in_unit = least >= -tolerance and top <= 1 + tolerance
        if in_unit and abs(total - 1.0) <= tolerance:
            counts[SIMPLEX] += 1
            counts[HARD] += 1 if top == 1.0 and zeros == n - 1 else 0
            counts[FULL] += 1 if top == 1.0 else 0
        elif in_unit:
            counts[UNIT_INTERVAL] += 1
        if kind == PROBS:
            if least < 0 or not top > 0:
                counts[BROKEN] += 1
                continue
            logarithms(line, n, known)
            peak = known[first]
            tail = tail_and_powers(known, n, exp_known)
            gap = peak - known[y]
        else:
            peak = top
            if not top > -math.inf:
                counts[NOTHING] += 1
                counts[BROKEN] += 1
                continue
            tail = tail_and_powers(line, n, x)
            gap = peak - F8(mine)
        if not tail - tail == 0:
            counts[BROKEN] += 1
            continue
        inverse = 1.0 / (1.0 + tail)
        log_tail = log1p(tail)
        if kind == PROBS:
            mean, two, three, squares = moments(known, exp_known, n, peak, inverse, p_sum, pp_sum)
        else:
            mean, two, three, squares = moments(line, x, n, peak, inverse, p_sum, pp_sum)
        variance = max(two - mean * mean, 0.0)
        third = three - mean * (3.0 * two - 2.0 * mean * mean)
        lse = peak + log_tail
        counts[ROWS] += 1
        counts[LOGS] += 1 if top <= tolerance and abs(lse) <= tolerance else 0
        counts[TIED] += 1 if ties > 1 else 0
        counts[CORRECT] += 1 if first == y else 0
        counts[TOP5] += 1 if above < 5 else 0
        predicted[i] = first
        at(by_class, 0)[y] += 1
        at(by_class, n)[first] += 1
        at(by_class, 2 * n)[y] += 1 if first == y else 0
        if confusion.size > 0:
            confusion[y, first] += 1
        confidence = inverse
        doubt = confidence * (tail * inverse)
        bin_ = min(max(I8(math.ceil(confidence * BINS)) - 1, 0), BINS - 1)
        c = cell(tail, ODDS) if tail > 0 else 0
        if n == 2:
            pair[y, CELLS * 2 - 1 - min(c, ODDS * 16) if first == 1 else min(c, ODDS * 16)] += 1
        hit = 1 if first == y else 0
        odds[0, c] += 1
        odds[1, c] += hit
        odds[2, c] += fixed(confidence)
        odds[3, c] += fixed(doubt)
        bins[0, bin_] += 1
        bins[1, bin_] += hit
        bins[2, bin_] += fixed(confidence)
        bins[3, bin_] += fixed(doubt)
        here = log_tail + gap
        loss[i] = here
        add_exactly(limbs[2], log_tail + mean)
        add_exactly(limbs[7], confidence)
        add_exactly(limbs[8], doubt)
        if here < math.inf:
            add_exactly(limbs[0], here)
            if here < 1e150:
                add_exactly(limbs[1], here * here)
                add_exactly(limbs[3], gap - mean)
                add_exactly(limbs[4], variance)
                add_exactly(limbs[5], third)
            else:
                counts[WIDE] += 1
            whole = math.floor(min(here, 1e12))
            at(by_class, 5 * n)[y] += I8(whole)
            at(by_class, 6 * n)[y] += fixed(min(here, 1e12) - whole)
            k = cell(here, FLOOR) if here > 0 else 0
            losses[k] += 1
            loss_sums[0, k] += I8(whole)
            loss_sums[1, k] += fixed(min(here, 1e12) - whole)
        else:
            counts[INFINITE] += 1
        p = fall(gap) * inverse
        add_exactly(limbs[6], max(squares - 2.0 * p + 1.0, 0.0))
        if abs(lse) < 1e150:
            add_exactly(limbs[9], lse)
            add_exactly(limbs[10], lse * lse)
    hold(buffer)
    hold(logs)
    hold(by_class)
