# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Softmax, its logarithm, and log Σ exp of rows of logits: by rows of many classes, and by tiles of few.

All three come from a row's largest logit and its tail, as the loss does: p_j = exp(−gap_j) / (1 + tail),
log p_j = −(gap_j + log1p(tail)), lse = max + log1p(tail). The logarithm takes no power twice, and no two of its
terms have different signs.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F8, at, blank, fma, hold, logarithm, scratch, space, widen
from xent.kernels._streams import aligned, offset
from xent.kernels.climb import PAD, whole_pads
from xent.kernels.lanes import ROWS, fill, give, measure, tile_room
from xent.kernels.rows import edge_of, place, put, put_scaled, read_on, streams


@njit(**EXACT)
def logs_of(z, n, kind, top, log_tail, cool, x):
    """Write log p of n logits of a row; ``cool`` is 1 / τ."""
    for j in range(n):
        x[j] = -fma(top - widen(z[j], kind), cool, log_tail)


@njit(**EXACT)
def logs_of_lanes(x, top, log_tail, cool):
    """Turn a class's logits of a tile into log p."""
    for r in range(ROWS):
        x[r] = -fma(top[r] - x[r], cool, log_tail[r])


@njit(**INLINE)
def odd_one(z, n, hop, kind):
    """Log Σ exp of a row without a softmax: NaN, or else the infinity that is its largest logit."""
    most = -math.inf
    for j in range(n):
        value = F8(widen(z[j * hop], kind))
        if value != value:
            return value
        most = max(most, value)
    return most


@kernel
def by_rows(z, out, lse, kind, logs, shape, strides, scales, tau, past, start, stop):
    """Rows [start, stop) of neighbouring classes: ``lse`` (N,) if not empty, else ``out``, log p if ``logs``.

    z, out: flat, of one type (uint16 for half types, see ``kind``). shape: (inner rows, classes). strides: of z and
    of out, each by outer and inner row. scales: those of τ, by ``_math.steepness``. past: store past the caches.
    """
    inner, classes = shape
    z_outer, z_inner, o_outer, o_inner = strides
    zero, width = blank(z[0]), whole_pads(classes)
    buffer = space(2 * width + PAD, zero)
    x, last = aligned(at(buffer, 0)), at(aligned(at(buffer, 0)), width)
    v = scratch(2, zero)
    v[1] = 1.0 / tau
    known, next_, to, full = False, zero, at(out, 0), 0
    both = not logs and lse.size == 0 and past and streams(out)
    for i in range(start, stop):
        row = at(z, place(i, inner, z_outer, z_inner))
        after = at(z, place(min(i + 1, stop - 1), inner, z_outer, z_inner))
        head = min(offset(to), classes) if full else 0
        top, tail, next_ = read_on(
            row, classes, kind, x, scales, known, next_, after, at(to, head), at(last, head), v[0], full
        )
        known = True
        if full:
            edge_of(to, last, classes, v[0])
        if lse.size:
            lse[i] = F8(top) + logarithm(tail, top) if tail == tail else odd_one(row, classes, 1, kind)
            continue
        to = at(out, place(i, inner, o_outer, o_inner))
        if logs:
            v[0] = logarithm(tail, top)
            logs_of(row, classes, kind, top, v[0], v[1], x)
            put(x, classes, kind, to, past)
        else:
            v[0] = 1.0 / (1.0 + tail)
            if both and i + 1 < stop:
                full, x, last = (classes - min(offset(to), classes)) >> 4, last, x
            else:
                put_scaled(x, classes, v[0], kind, to, past)
    hold(buffer)


@kernel
def by_tiles(z, out, lse, kind, logs, shape, strides, scales, tau, past, start, stop):
    """As :func:`by_rows`, for tiles [start, stop) of rows side by side in the lanes.

    shape: (outer, inner, classes). strides: of z and of out, each by outer row, inner row and class.
    """
    _outer, inner, classes = shape
    z_outer, z_inner, z_class, o_outer, o_inner, o_class = strides
    hi, lo, most = scales
    zero = blank(z[0])
    room = tile_room(classes)
    tile_, flat_ = np.full(room, zero), np.full(room, zero)
    t, flat = aligned(at(tile_, 0)), at(flat_, 0)
    top, part, ties, v = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    tail, log_tail, cool = scratch(ROWS, 0.0), scratch(ROWS, 0.0), scratch(1, zero)
    cool[0] = 1.0 / tau
    tiles = (inner + ROWS - 1) // ROWS
    kept = not logs and lse.size == 0
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        rows = at(z, a * z_outer + b * z_inner)
        fill(rows, n, classes, z_inner, z_class, kind, t)
        measure(rows, n, classes, z_inner, z_class, kind, t, hi, lo, most, top, part, ties, tail, kept)
        if kept:
            for r in range(ROWS):
                v[r] = 1.0 / (1.0 + tail[r])
            for j in range(classes):
                lane = at(t, j * ROWS)
                for r in range(ROWS):
                    lane[r] *= v[r]
        else:
            odd = 0
            for r in range(ROWS):
                log_tail[r] = logarithm(tail[r], zero)
            for r in range(ROWS):
                v[r] = log_tail[r]
                odd += 0 if tail[r] == tail[r] else 1
        if lse.size:
            norm = at(lse, a * inner + b)
            for r in range(n):
                norm[r] = F8(top[r]) + log_tail[r]
            for r in range(n if odd else 0):
                if tail[r] != tail[r]:
                    norm[r] = odd_one(at(rows, r * z_inner), classes, z_class, kind)
            continue
        if logs:
            for j in range(classes):
                logs_of_lanes(at(t, j * ROWS), top, v, cool[0])
        give(t, n, classes, o_inner, o_class, kind, at(out, a * o_outer + b * o_inner), flat, past)
    hold(tile_)
    hold(flat_)


@kernel
def short_by_rows(z, out, lse, logs, scales, tau):
    """:func:`by_rows` of a whole array in fewer arguments: z (N, K) and out (N, K), or lse (N,) and out (0, 0)."""
    count, classes = z.shape
    shape, strides = (1, classes), (classes, 0, classes, 0)
    by_rows(z.reshape(-1), out.reshape(-1), lse, 0, logs, shape, strides, scales, tau, False, 0, count)


@kernel
def short_by_tiles(z, out, lse, logs, scales, tau):
    """As :func:`short_by_rows`, for few classes."""
    count, classes = z.shape
    shape, strides = (1, count, classes), (0, classes, 1, 0, classes, 1)
    tiles = (count + ROWS - 1) // ROWS
    by_tiles(z.reshape(-1), out.reshape(-1), lse, 0, logs, shape, strides, scales, tau, False, 0, tiles)
