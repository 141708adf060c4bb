# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""What XLA's frames ask for, computed by the kernels' loops: machine code that calls no Python."""

from __future__ import annotations

import math

import numpy as np
from numba import carray, njit

from xent.jax._frame import (
    ARGUMENTS,
    EXTENSION,
    MEAN,
    NONE,
    RESULTS,
    SIZE,
    buffer,
    divided,
    numbers,
    opened,
    product,
    put,
    size_of,
    sorted_out,
    word,
)
from xent.kernels import binary, lanes
from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import NATIVE, hold, located, space

DONE, NOT_MINE = 1, 0  # 0 is also what a function gives that ran out of memory
P, LOG_P, LSE = 0.0, 1.0, 2.0


# ---------------------------------------------------------------------------------------------------- cross-entropy


@kernel
def served(way, loop, frame, like):
    """Compute what a frame asks for, by a loop and the way to call it."""
    whole, classes, batches, slope, asked, more = opened(frame)
    size = size_of(like)
    for b in range(batches):
        count = whole // batches
        step = size * b * count * classes
        logits, _, _ = buffer(frame, ARGUMENTS, 0)
        to, _, _ = buffer(frame, RESULTS, 1 if slope else 0)
        z = carray(located(logits + step, like), count * classes)
        grad = carray(located(to + (step if slope else 0), like), count * classes if slope else 0)
        each = np.empty(count if asked.reduction == NONE else 0)
        odd = False
        for _ in range(2):  # again if a loop finds what is no distribution
            y, q, weight, row, by = sorted_out(frame, b, count, classes, asked, odd, like)
            scale, by, empty = divided(by, asked)
            total, rest, odd = way(
                loop, (z, y, q, weight, row, each, grad), count, classes, (scale, by), asked, more, like
            )
            hold(y)
            hold(weight)
            hold(row)
            if not odd:
                break
        put(frame, b, count, asked, total + rest, by, empty, each, like)
    return NOT_MINE if batches < 0 else DONE


@njit(**INLINE)
def scaled(asked, like):
    """Give the steepness, in the type of the logits."""
    scales = space(3, like)
    scales[0], scales[1], scales[2] = asked.hi, asked.lo, asked.most
    return scales[0], scales[1], scales[2]


@kernel
def along(loop, arrays, count, classes, pace, asked, _more, like):
    """Labels, row by row."""
    z, y, _, weight, row, each, grad = arrays
    options = (False, 0, asked.z_loss, *pace, asked.tau, False)
    shape, strides, scales = (1, classes), (classes, 0, classes, 0), scaled(asked, like)
    total, rest, _ = loop(
        z, y, weight, row, each, np.empty(0), grad, NATIVE, shape, strides, scales, options, 0, count
    )
    return total, rest, False


@kernel
def across(loop, arrays, count, classes, pace, asked, _more, like):
    """Labels, tile by tile."""
    z, y, _, weight, row, each, grad = arrays
    options = (False, 0, asked.z_loss, *pace, asked.tau, False)
    shape, strides, scales = (1, count, classes), (0, classes, 1, 0, classes, 1), scaled(asked, like)
    units = (count + lanes.ROWS - 1) // lanes.ROWS
    total, rest, _ = loop(
        z, y, weight, row, each, np.empty(0), grad, NATIVE, shape, strides, scales, options, 0, units
    )
    return total, rest, False


@kernel
def smooth_along(loop, arrays, count, classes, pace, asked, more, like):
    """Smoothed labels, row by row."""
    z, y, _, weight, row, each, grad = arrays
    options, smooth = (False, 0, 0.0, *pace, asked.tau, False), smoothed(pace, asked, more)
    shape, strides, scales = (1, classes), (classes, 0, classes, 0), scaled(asked, like)
    total, rest, _ = loop(
        z, y, weight, row, each, np.empty(0), grad, NATIVE, shape, strides, scales, options, smooth, 0, count
    )
    return total, rest, False


@kernel
def smooth_across(loop, arrays, count, classes, pace, asked, more, like):
    """Smoothed labels, tile by tile."""
    z, y, _, weight, row, each, grad = arrays
    options, smooth = (False, 0, 0.0, *pace, asked.tau, False), smoothed(pace, asked, more)
    shape, strides, scales = (1, count, classes), (0, classes, 1, 0, classes, 1), scaled(asked, like)
    units = (count + lanes.ROWS - 1) // lanes.ROWS
    total, rest, _ = loop(
        z, y, weight, row, each, np.empty(0), grad, NATIVE, shape, strides, scales, options, smooth, 0, units
    )
    return total, rest, False


@njit(**INLINE)
def smoothed(pace, asked, more):
    """Give what a loop over smoothed labels wants: see ``finish.smoothed``; and the gradient's factor."""
    scale, by = pace
    return (more[0], more[1], more[2], more[3], more[4], more[5], more[6]), scale / (by * asked.tau)


@kernel
def softly(loop, arrays, pace, asked, more, strides, shape, weight, units):
    """Call a loop over targets of any kind. strides: a row's and a class's, of logits, targets and gradient."""
    z, y, q, _, row, each, grad = arrays
    scale, by = pace
    constants = (
        (more[1], more[2], more[3]), (more[4], more[5]), (more[6], more[7]), (more[8], more[9]),
        (more[10], more[11], more[12]), (more[13], more[14], more[15]),
    )  # fmt: skip
    options = (False, 0, asked.z_loss, scale / (by * asked.tau), False, asked.tolerance > 0)
    total, rest, _, odd = loop(
        z,
        y,
        q,
        weight,
        row,
        each,
        np.empty(0),
        grad,
        (NATIVE, NATIVE),
        shape,
        strides,
        constants,
        options,
        0,
        units,
    )
    return total, rest, odd >= 0


@kernel
def soft_along(loop, arrays, count, classes, pace, asked, more, _like):
    """Any targets, row by row."""
    weight, room = arrays[3], (classes + lanes.ROWS - 1) // lanes.ROWS * lanes.ROWS
    wide = np.zeros(room if asked.weighted or more[0] > 0 else 0)
    for j in range(classes if wide.size else 0):
        wide[j] = weight[j] if asked.weighted else 1.0
    of_q = (classes, 1, 1) if asked.tolerance > 0 else (0, 0, 0)
    strides = ((classes, 1, 1), of_q, (classes, 1, 1))
    total = softly(loop, arrays, pace, asked, more, strides, (1, classes), wide, count)
    hold(wide)
    return total


@kernel
def soft_across(loop, arrays, count, classes, pace, asked, more, _like):
    """Any targets, tile by tile."""
    weight, width = arrays[3], lanes.ROWS
    wide = np.empty(classes * width if asked.weighted or more[0] > 0 else 0)
    for j in range(wide.size):
        wide[j] = weight[j // width] if asked.weighted else 1.0
    of_q = (0, 1, classes) if asked.tolerance > 0 else (0, 0, 0)
    strides = ((0, 1, classes), of_q, (0, 1, classes))
    units = (count + width - 1) // width
    total = softly(loop, arrays, pace, asked, more, strides, (1, count, classes), wide, units)
    hold(wide)
    return total


# ---------------------------------------------------------------------------------------------------------- softmax


@kernel
def mapped(way, loop, frame, like):
    """Compute softmax, its logarithm or logsumexp."""
    if word(frame + EXTENSION) != 0:
        return NOT_MINE
    n, (at, rank, shape), (to, _, _) = numbers(frame), buffer(frame, ARGUMENTS, 0), buffer(frame, RESULTS, 0)
    count, classes = product(shape, rank - 1), shape[rank - 1]
    if count * classes > n[1]:
        return NOT_MINE
    tau, what, scales = n[5], n[6], space(3, like)
    for i in range(3):
        scales[i] = n[2 + i]
    sums = what == LSE
    z, lse = carray(located(at, like), count * classes), np.empty(count if sums else 0)
    out = carray(located(to, like), 0 if sums else count * classes)
    way(loop, z, out, lse, what == LOG_P, count, classes, (scales[0], scales[1], scales[2]), tau)
    narrow = carray(located(to, like), count if sums else 0)
    for i in range(narrow.size):
        narrow[i] = lse[i]
    return DONE


@kernel
def map_along(loop, z, out, lse, logs, count, classes, scales, tau):
    """Row by row."""
    loop(z, out, lse, NATIVE, logs, (1, classes), (classes, 0, classes, 0), scales, tau, False, 0, count)


@kernel
def map_across(loop, z, out, lse, logs, count, classes, scales, tau):
    """Tile by tile."""
    strides, units = (0, classes, 1, 0, classes, 1), (count + lanes.ROWS - 1) // lanes.ROWS
    loop(z, out, lse, NATIVE, logs, (1, count, classes), strides, scales, tau, False, 0, units)


# --------------------------------------------------------------------------------------------------- binary losses


@kernel
def by_element(frame, like):
    """Compute losses of logits and targets of one shape; what is no target is NaN."""
    if word(frame + EXTENSION) != 0:
        return NOT_MINE
    n, (at, rank, shape), (target, _, _) = numbers(frame), buffer(frame, ARGUMENTS, 0), buffer(frame, ARGUMENTS, 1)
    to, axes, lengths = buffer(frame, RESULTS, 0)
    slope, whole, reduction = word(frame + RESULTS + SIZE) > 1, product(shape, rank), n[2]
    by, gamma, sides, sharp = n[3] if reduction == MEAN else 1.0, n[4], (n[5], n[6]), n[7] != 0
    batches = 1 if reduction == NONE else product(lengths, axes)
    if whole > n[1] * batches:
        return NOT_MINE
    steep, _, _ = buffer(frame, RESULTS, 1 if slope else 0)
    for b in range(batches):
        count = whole // batches
        step = size_of(like) * b * count
        z, y = carray(located(at + step, like), count), carray(located(target + step, like), count)
        each = carray(located(to + (step if reduction == NONE else 0), like), count if reduction == NONE else 0)
        grad = carray(located(steep + (step if slope else 0), like), count if slope else 0)
        total, rest, odd = binary.plain(z, y, each, grad, (NATIVE, NATIVE), sides, gamma, 1.0 / by, False, 0, count)
        if odd >= 0:
            total, rest = any_targets(z, y, each, grad, sides, gamma, 1.0 / by, sharp, count)
        if reduction != NONE:
            carray(located(to + size_of(like) * b, like), 1)[0] = (total + rest) / by
    return DONE


@kernel
def any_targets(z, y, each, grad, sides, gamma, factor, sharp, count):
    """Targets between 0 and 1 too, and what is none."""
    nothing, strides, shape = np.empty(0), (0, count, 1), (1, 1, count)
    target, total, rest, wrong = y, 0.0, 0.0, -1
    for _ in range(2):
        total, rest, wrong = binary.general(
            z, target, nothing, nothing, each, grad, (NATIVE, NATIVE), shape,
            ((count, count, 1), (count, count, 1), strides, strides), sides, sharp, (1.0, 0.0, 0.0, 0.0),
            gamma, factor, False, 0, count,
        )  # fmt: skip
        if wrong < 0:
            break
        target = y.copy()
        for i in range(count):
            if no_target(y[i], sharp):
                target[i] = 0
    for i in range(count if target is not y else 0):
        if no_target(y[i], sharp):
            total = math.nan
            if each.size:
                each[i] = math.nan
            if grad.size:
                grad[i] = math.nan
    return total, rest


@njit(**INLINE)
def no_target(y, sharp):
    """Say whether a number is no target."""
    return y != 0 and y != 1 if sharp else not 0 <= y <= 1
