# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Softmax, its logarithm, and log Σ exp of rows of logits: by rows of many classes, and by tiles of few.

All three come from a row's largest logit and its tail, as the loss does: p_j = exp(−gap_j) / (1 + tail),
log p_j = −(gap_j + log1p(tail)), lse = max + log1p(tail). The logarithms are added in float64 and rounded once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from xent.kernels._compile import INLINE, kernel
from xent.kernels._math import F8, at, blank, hold, log1p, scratch, widen
from xent.kernels._vectors import WIDTH, aligned
from xent.kernels.lanes import ROWS, fill, give, measure, tile_room
from xent.kernels.rows import PAD, put, put_scaled, read


@njit(**INLINE)
def logs_of(z, n, kind, top, log_tail, tau, x):
    """Write log p of a row whose logits are neighbours."""
    whole = F8(top)
    if tau == 1:
        for j in range(n):
            x[j] = -((whole - F8(widen(z[j], kind))) + log_tail)
    else:
        for j in range(n):
            x[j] = -((whole - F8(widen(z[j], kind))) / tau + log_tail)


@njit(**INLINE)
def lse_of(z, n, hop, kind, top, tail):
    """Log Σ exp of a row; of one without a softmax NaN, or else the infinity that is its largest logit."""
    if tail == tail:
        return F8(top) + log1p(tail)
    most = -math.inf
    for j in range(n):
        value = F8(widen(z[j * hop], kind))
        if value != value:
            return value
        most = max(most, value)
    return most if abs(most) == math.inf else tail


@kernel
def by_rows(z, out, lse, kind, logs, shape, strides, scales, tau, past, start, stop):
    """Rows [start, stop) of neighbouring classes: ``lse`` (N,) if not empty, else ``out``, log p if ``logs``.

    z, out: flat, of one type (uint16 for half types, see ``kind``). shape: (inner rows, classes). strides: of z and
    of out, each by outer and inner row. scales: those of τ, by ``_math.steepness``. past: store past the caches.
    """
    inner, classes = shape
    z_outer, z_inner, o_outer, o_inner = strides
    hi, lo, most = scales
    padded = (classes + PAD - 1) // PAD * PAD
    buffer = np.full(padded + 16, blank(z[0]))
    x, v = at(buffer, 0), scratch(1, blank(z[0]))
    for i in range(start, stop):
        a, b = i // inner, i % inner
        row = at(z, a * z_outer + b * z_inner)
        top, tail = read(row, classes, kind, x, hi, lo, most, lse.size == 0 and not logs, row)
        to = at(out, a * o_outer + b * o_inner)
        if lse.size:
            lse[i] = lse_of(row, classes, 1, kind, top, tail)
            continue
        if logs:
            logs_of(row, classes, kind, top, log1p(tail), tau, x)
            put(x, classes, kind, to, past)
        else:
            v[0] = 1.0 / (1.0 + tail)
            put_scaled(x, classes, v[0], -1, v[0], kind, to, past)
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
    tile_, flat_, kept_ = np.full(room, zero), np.full(room, zero), np.full(room if logs else WIDTH, zero)
    t, flat, kept = aligned(at(tile_, 0)), at(flat_, 0), aligned(at(kept_, 0))
    top, part, ties, v = scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero), scratch(ROWS, zero)
    tail, log_tail = scratch(ROWS, 0.0), scratch(ROWS, 0.0)
    tiles = (inner + ROWS - 1) // ROWS
    for tile in range(start, stop):
        a, b = tile // tiles, tile % tiles * ROWS
        n = min(ROWS, inner - b)
        rows = at(z, a * z_outer + b * z_inner)
        to = at(out, a * o_outer + b * o_inner)
        fill(rows, n, classes, z_inner, z_class, kind, t)
        if logs:
            for j in range(classes * ROWS):
                kept[j] = t[j]
        measure(t, classes, hi, lo, most, top, part, ties, tail)
        if lse.size:
            for r in range(n):
                lse[a * inner + b + r] = lse_of(at(rows, r * z_inner), classes, z_class, kind, top[r], tail[r])
        elif logs:
            for r in range(ROWS):
                log_tail[r] = log1p(tail[r])
            for j in range(classes):
                lane = at(kept, j * ROWS)
                if tau == 1:
                    for r in range(ROWS):
                        lane[r] = -((F8(top[r]) - F8(lane[r])) + log_tail[r])
                else:
                    for r in range(ROWS):
                        lane[r] = -((F8(top[r]) - F8(lane[r])) / tau + log_tail[r])
            give(kept, n, classes, o_inner, o_class, kind, to, flat, past)
        else:
            for r in range(ROWS):
                v[r] = 1.0 / (1.0 + tail[r])
            for j in range(classes):
                lane = at(t, j * ROWS)
                for r in range(ROWS):
                    lane[r] *= v[r]
            give(t, n, classes, o_inner, o_class, kind, to, flat, past)
    hold(tile_)
    hold(flat_)
    hold(kept_)
