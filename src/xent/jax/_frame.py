# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""XLA's frame as machine code reads it: what a cross-entropy is asked for, batch by batch.

A batch has one loss or, without a reduction, one set of class weights. There are several under ``vmap``, where all
arguments and results have all axes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import carray, njit

from xent.jax import _interface as _at
from xent.kernels._compile import INLINE
from xent.kernels._math import located, space

ARGUMENTS, RESULTS, ATTRIBUTES, EXTENSION = _at.ARGUMENTS, _at.RESULTS, _at.ATTRIBUTES, _at.EXTENSION
SIZE, ITEMS, ATTRIBUTE_ITEMS = _at.SIZE, _at.ITEMS, _at.ATTRIBUTE_ITEMS
DATA, RANK, SHAPE, ARRAY_SIZE, ARRAY_DATA = _at.DATA, _at.RANK, _at.SHAPE, _at.ARRAY_SIZE, _at.ARRAY_DATA

NONE, SUM, MEAN = 0.0, 1.0, 2.0  # reductions
BY_WEIGHTS, BY_ROWS = -1.0, -2.0


class Asked(NamedTuple):
    """What a function is to know, all of it float64, in this order; what it alone wants comes after."""

    which: float  # the function
    limit: float  # logits of a batch that it may take; batches are as many as there are
    hi: float
    lo: float
    most: float  # ``_math.steepness``
    tau: float
    z_loss: float
    weighted: float  # whether there are class weights, and sample weights
    sampled: float
    ignoring: float
    ignore: float
    reduction: float  # NONE, SUM, MEAN
    by: float  # what a mean divides by: BY_WEIGHTS, BY_ROWS, or this number
    zero: float  # whether a mean of nothing is 0, or NaN
    long: float  # whether labels are int64, or int32
    tolerance: float  # of a distribution's sum; 0 for labels


NOTHING = (0.0,) * len(Asked._fields)
OWN = len(NOTHING)


@njit(**INLINE)
def word(at):
    """Give the integer at an address."""
    return carray(located(at, np.int64(0)), 1)[0]


@njit(**INLINE)
def buffer(frame, which, i):
    """Give where the numbers of argument or result i are, how many axes it has, and where their lengths are."""
    at = word(word(frame + which + ITEMS) + 8 * i)
    return word(at + DATA), word(at + RANK), carray(located(word(at + SHAPE), np.int64(0)), word(at + RANK))


@njit(**INLINE)
def product(lengths, n):
    """Multiply the first n lengths."""
    size = 1
    for i in range(n):
        size *= lengths[i]
    return size


@njit(**INLINE)
def size_of(like):
    """Give a number's bytes."""
    return space(1, like).itemsize


@njit(**INLINE)
def numbers(frame):
    """Give all that a function is to know."""
    at = word(word(frame + ATTRIBUTES + ATTRIBUTE_ITEMS) + 8)
    return carray(located(word(at + ARRAY_DATA), 0.0), word(at + ARRAY_SIZE))


@njit(**INLINE)
def opened(frame):
    """Give the number of rows, classes and batches (−1: not mine), whether there is a slope, and what is asked."""
    if word(frame + EXTENSION) != 0:  # XLA asks who is here
        return 0, 0, -1, False, Asked(*NOTHING), np.empty(0)
    n = numbers(frame)
    asked = Asked(
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], n[15]
    )
    _, rank, shape = buffer(frame, ARGUMENTS, 0)
    count, classes, batches = product(shape, rank - 1), shape[rank - 1], 1
    if asked.reduction != NONE:
        _, rank, shape = buffer(frame, RESULTS, 0)
        batches = product(shape, rank)
    elif asked.weighted:
        _, rank, shape = buffer(frame, ARGUMENTS, 2)
        batches = product(shape, rank - 1)
    if count * classes > asked.limit * batches:
        return 0, 0, -1, False, asked, n
    return count, classes, batches, word(frame + RESULTS + SIZE) > 1, asked, n[OWN:]


@njit(**INLINE)
def weights(frame, b, classes, asked, like):
    """Give batch b's class weights as float64, or none."""
    weight = np.empty(classes if asked.weighted else 0)
    if asked.weighted:
        at, _, _ = buffer(frame, ARGUMENTS, 2)
        narrow = carray(located(at + size_of(like) * b * classes, like), classes)
        for j in range(classes):
            weight[j] = narrow[j]
    return weight


@njit(**INLINE)
def label(given, n, classes, asked):
    """Give label n as a class, and whether it counts and whether there is no such class."""
    y = word(given + 8 * n) if asked.long else np.int64(carray(located(given + 4 * n, np.int32(0)), 1)[0])
    ignored = asked.ignoring and y == asked.ignore
    wrong = not ignored and (y < 0 or y >= classes)
    return 0 if ignored or wrong else y, not ignored, wrong


@njit(**INLINE)
def judged(q, classes, tolerance):
    """Say whether a row is no distribution."""
    total, low, high = 0.0, 0.0, 0.0
    for j in range(classes):
        total += q[j]
        low, high = min(low, q[j] * 1.0), max(high, q[j] * 1.0)
    return not (low >= 0 and high < math.inf and abs(total - 1.0) <= tolerance)


@njit(**INLINE)
def mass(q, weight):
    """Σ_j weight_j q_j."""
    total = 0.0
    for j in range(weight.size):
        total += weight[j] * q[j]
    return total


@njit(**INLINE)
def sorted_out(frame, b, count, classes, asked, careful, like):
    """Give batch b's targets, class weights and factors of the rows (none: all 1), and what a mean divides by.

    Targets: labels, and one 0; or none, and distributions. A label that does not exist makes its row NaN, if one is
    ``careful`` also what is no distribution; and weights that are NaN all rows.
    """
    size, soft = size_of(like), asked.tolerance > 0
    weight = weights(frame, b, classes, asked, like)
    given, _, _ = buffer(frame, ARGUMENTS, 1)
    at, _, _ = buffer(frame, ARGUMENTS, (3 if asked.weighted else 2) if asked.sampled else 0)
    sample = carray(located(at + size * b * count, like), count)
    y, row, nothing = np.empty(0 if soft else count, np.int64), np.empty(count), space(1, like)
    nothing[0] = 0
    q = carray(located(given + size * b * count * classes, like), count * classes) if soft else nothing
    by, plain, spoilt = 0.0, True, asked.weighted and math.isnan(weight[0])
    for i in range(count):
        factor, valid = sample[i] * 1.0 if asked.sampled else 1.0, True
        if soft:
            wrong = careful and judged(q[i * classes :], classes, asked.tolerance)
            share = mass(q[i * classes :], weight) if asked.weighted else 1.0
        else:
            y[i], valid, wrong = label(given, b * count + i, classes, asked)
            share = weight[y[i]] if asked.weighted else 1.0
        if not valid:
            factor = 0.0
        by += valid if asked.by == BY_ROWS else factor * share
        if (wrong and factor != 0) or spoilt:
            factor = math.nan
        row[i] = factor
        plain &= factor == 1
    return y, q, weight, row[: 0 if plain else count], asked.by if asked.by >= 0 else by


@njit(**INLINE)
def divided(by, asked):
    """Give the gradient's factor and divisor, and whether a mean is of nothing."""
    if asked.reduction != MEAN:
        return 1.0, 1.0, False
    if by == 0:
        return (0.0, 1.0, True) if asked.zero else (1.0, math.nan, True)
    return 1.0, by, False


@njit(**INLINE)
def put(frame, b, count, asked, total, by, empty, each, like):
    """Write down a batch's losses, or what they are reduced to."""
    at, _, _ = buffer(frame, RESULTS, 0)
    if asked.reduction != NONE:
        if asked.reduction == MEAN:
            total = 0.0 if empty and asked.zero else total / by
        carray(located(at + size_of(like) * b, like), 1)[0] = total
        return
    losses = carray(located(at + size_of(like) * b * count, like), count)
    for i in range(count):
        losses[i] = each[i]
