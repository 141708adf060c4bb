# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""Labels of batches that one thread computes anyway: XLA calls machine code, which reads XLA's frame itself.

The way through Python takes 55 to 150 µs, in which a thread computes some hundred rows of 1000 classes.

A function is compiled when a program first needs it. What it leaves (NOT_MINE) goes to Python, as does every call
before that: in a program that was compiled elsewhere, say.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import carray, njit, types

from xent.jax import _interface as _at
from xent.kernels import cpu, lanes, odds, rows, short
from xent.kernels._compile import INLINE, entry
from xent.kernels._math import F4, NATIVE, located, space, steepness

Array = Any

DONE, NOT_MINE = 1, 0  # 0 is also what a function gives that ran out of memory
MOST = cpu.PIECE  # logits that go to one thread in any case

ARGUMENTS, RESULTS, ATTRIBUTES, EXTENSION = _at.ARGUMENTS, _at.RESULTS, _at.ATTRIBUTES, _at.EXTENSION
SIZE, ITEMS, ATTRIBUTE_ITEMS = _at.SIZE, _at.ITEMS, _at.ATTRIBUTE_ITEMS
DATA, RANK, SHAPE, ARRAY_DATA = _at.DATA, _at.RANK, _at.SHAPE, _at.ARRAY_DATA


class Asked(NamedTuple):
    """What a function is to know, all of it float64, in this order."""

    which: float  # place in FUNCTIONS
    hi: float
    lo: float
    most: float  # ``_math.steepness``
    tau: float
    z_loss: float
    limit: float  # logits it may take
    weighted: float  # whether there are class weights, and sample weights
    sampled: float
    ignoring: float
    ignore: float
    reduction: float  # NONE, SUM, MEAN
    by: float  # what a mean divides by: BY_WEIGHTS, BY_ROWS, or this number
    zero: float  # whether a mean of nothing is 0, or NaN
    long: float  # whether labels are int64, or int32


NOTHING_ASKED = (0.0,) * len(Asked._fields)
NONE, SUM, MEAN = 0.0, 1.0, 2.0
BY_WEIGHTS, BY_ROWS = -1.0, -2.0
_REDUCTIONS = {"none": NONE, "sum": SUM, "mean": MEAN}


def labels(
    sloped: bool,
    z: Array,
    y: Array,
    weight: Array | None,
    sample_weight: Array | None,
    *,
    label_smoothing: float,
    softcap: float | None,
    temperature: float,
    z_loss: float,
    ignore_index: int | None,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
) -> Array | None:
    """Choose the function for logits (…, K), float32 or float64, as :func:`xent.kernels.cpu.cross_entropy` does.

    Gives what it is to know, as :class:`Asked`, or None: there is no such function.
    """
    if label_smoothing or softcap is not None or z.size > MOST:
        return None
    wide, classes = z.dtype == np.float64, z.shape[-1]
    if classes <= cpu.LANES.get("d" if wide else "f", cpu.OTHERS):
        function = wide_lanes if wide else few_lanes
    elif wide:
        function = wide_rows
    elif not sloped and not z_loss:
        function = odds_alone
    else:
        function = short_rows if sloped and classes <= short.MOST else long_rows
    by = {None: BY_WEIGHTS, "weights": BY_WEIGHTS, "rows": BY_ROWS}.get(denominator, denominator)
    asked = Asked(
        FUNCTIONS.index(function),
        *map(float, steepness(temperature, np.float64 if wide else np.float32)),
        tau=temperature,
        z_loss=z_loss,
        limit=MOST,
        weighted=weight is not None,
        sampled=sample_weight is not None,
        ignoring=ignore_index is not None,
        ignore=ignore_index or 0,
        reduction=_REDUCTIONS[reduction],
        by=by,
        zero=on_empty == "zero",
        long=y.dtype == np.int64,
    )
    return np.array(asked, float)


# ----------------------------------------------------------------------------------------------------- XLA's frame


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
def opened(frame):
    """Give the number of rows, classes and batches (none: not mine), whether there is a slope, and what is asked.

    A batch has one loss or, without a reduction, one set of class weights. There are several under ``vmap``, where
    all arguments and results have all axes.
    """
    if word(frame + EXTENSION) != 0:  # XLA asks who is here
        return 0, 0, -1, False, Asked(*NOTHING_ASKED)
    at = word(word(word(frame + ATTRIBUTES + ATTRIBUTE_ITEMS) + 8) + ARRAY_DATA)
    n = carray(located(at, 0.0), len(NOTHING_ASKED))
    asked = Asked(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14])
    _, rank, shape = buffer(frame, ARGUMENTS, 0)
    count, classes, batches = product(shape, rank - 1), shape[rank - 1], 1
    if count * classes > asked.limit:
        return 0, 0, -1, False, asked
    if asked.reduction != NONE:
        _, rank, shape = buffer(frame, RESULTS, 0)
        batches = product(shape, rank)
    elif asked.weighted:
        _, rank, shape = buffer(frame, ARGUMENTS, 2)
        batches = product(shape, rank - 1)
    return count, classes, batches, word(frame + RESULTS + SIZE) > 1, asked


@njit(**INLINE)
def sorted_out(frame, b, count, classes, asked, like):
    """Give batch b's labels, class weights and factors of the rows (none: all 1), and what a mean divides by.

    A label that does not exist makes its row NaN, and weights that are NaN all rows.
    """
    size = space(1, like).itemsize
    weight, y, row = np.empty(classes if asked.weighted else 0), np.empty(count, np.int64), np.empty(count)
    if asked.weighted:
        at, _, _ = buffer(frame, ARGUMENTS, 2)
        narrow = carray(located(at + size * b * classes, like), classes)
        for j in range(classes):
            weight[j] = narrow[j]
    given, _, _ = buffer(frame, ARGUMENTS, 1)
    at, _, _ = buffer(frame, ARGUMENTS, (3 if asked.weighted else 2) if asked.sampled else 0)
    sample = carray(located(at + size * b * count, like), count)
    by, plain, spoilt = 0.0, True, asked.weighted and math.isnan(weight[0])
    for i in range(count):
        n, factor, valid = b * count + i, 1.0, True
        y[i] = word(given + 8 * n) if asked.long else carray(located(given + 4 * n, np.int32(0)), 1)[0]
        if asked.sampled:
            factor = sample[i] * 1.0
        if asked.ignoring and y[i] == asked.ignore:
            factor, valid, y[i] = 0.0, False, 0
        wrong = y[i] < 0 or y[i] >= classes
        if wrong:
            y[i] = 0
        by += valid if asked.by == BY_ROWS else factor * weight[y[i]] if asked.weighted else factor
        if (wrong and factor != 0) or spoilt:
            factor = math.nan
        row[i] = factor
        plain &= factor == 1
    if asked.by >= 0:
        by = asked.by
    return y, weight, row[: 0 if plain else count], by


@njit(**INLINE)
def served(loop, way, frame, like):
    """Compute what a frame asks for, by a loop along rows or across them (``way``)."""
    whole, classes, batches, slope, asked = opened(frame)
    nothing, size, scales = np.empty(0), space(1, like).itemsize, space(3, like)
    scales[0], scales[1], scales[2] = asked.hi, asked.lo, asked.most
    logits, _, _ = buffer(frame, ARGUMENTS, 0)
    result, _, _ = buffer(frame, RESULTS, 0)
    to, _, _ = buffer(frame, RESULTS, 1 if slope else 0)
    for b in range(batches):
        count = whole // batches
        y, weight, row, by = sorted_out(frame, b, count, classes, asked, like)
        empty, scale = by == 0, 1.0
        if asked.reduction != MEAN:
            by = 1.0
        elif empty:
            by, scale = (1.0, 0.0) if asked.zero else (math.nan, 1.0)
        options = (False, 0, asked.z_loss, scale, by, asked.tau, False)
        step = size * b * count * classes
        z = carray(located(logits + step, like), count * classes)
        grad = carray(located(to + (step if slope else 0), like), count * classes if slope else 0)
        each = np.empty(0 if asked.reduction else count)
        total = way(
            loop, z, y, weight, row, each, nothing, grad, count, classes,
            (scales[0], scales[1], scales[2]), options,
        )  # fmt: skip
        if asked.reduction:
            if asked.reduction == MEAN:
                total = 0.0 if empty and asked.zero else total / by
            carray(located(result + size * b, like), 1)[0] = total
        else:
            losses = carray(located(result + size * b * count, like), count)
            for i in range(count):
                losses[i] = each[i]
    return NOT_MINE if batches < 0 else DONE


@njit(**INLINE)
def along(loop, z, y, weight, row, each, lse, grad, count, classes, scales, options):
    """Call a loop over rows."""
    shape, strides = (1, classes), (classes, 0, classes, 0)
    total, rest, _ = loop(z, y, weight, row, each, lse, grad, NATIVE, shape, strides, scales, options, 0, count)
    return total + rest


@njit(**INLINE)
def across(loop, z, y, weight, row, each, lse, grad, count, classes, scales, options):
    """Call a loop over tiles of rows."""
    shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
    tiles = (count + lanes.ROWS - 1) // lanes.ROWS
    total, rest, _ = loop(z, y, weight, row, each, lse, grad, NATIVE, shape, strides, scales, options, 0, tiles)
    return total + rest


# --------------------------------------------------------------------------------------------------- the functions


def few_lanes(frame):
    return served(lanes.cross_entropy, across, frame, F4(0))


def wide_lanes(frame):
    return served(lanes.cross_entropy, across, frame, 0.0)


def short_rows(frame):
    return served(short.cross_entropy, along, frame, F4(0))


def long_rows(frame):
    return served(rows.cross_entropy, along, frame, F4(0))


def wide_rows(frame):
    return served(rows.cross_entropy, along, frame, 0.0)


def odds_alone(frame):
    return served(odds.cross_entropy, along, frame, F4(0))


FUNCTIONS: tuple[Any, ...] = few_lanes, wide_lanes, short_rows, long_rows, wide_rows, odds_alone


@cache
def address(which: int) -> int:
    """Compile a function, or read it from the cache."""
    return entry(FUNCTIONS[which], types.int64(types.int64))
