# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""The functions of machine code that XLA calls, by name: a loop, the way to call it, and the type of numbers.

Each is written out, for Numba keeps compiled code by a function's name and place, and knows a closure again in no
other process.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import types

from xent.jax._machine import (
    across,
    along,
    by_element,
    map_across,
    map_along,
    mapped,
    served,
    smooth_across,
    smooth_along,
    soft_across,
    soft_along,
)
from xent.kernels import lanes, odds, rows, short, smooth_lanes, smooth_rows, soft, soft_lanes, softmax
from xent.kernels._compile import entry
from xent.kernels._math import F4


def labels_by_tiles(frame):
    return served(across, lanes.cross_entropy, frame, F4(0))


def wide_labels_by_tiles(frame):
    return served(across, lanes.cross_entropy, frame, 0.0)


def labels_by_short_rows(frame):
    return served(along, short.cross_entropy, frame, F4(0))


def labels_by_rows(frame):
    return served(along, rows.cross_entropy, frame, F4(0))


def wide_labels_by_rows(frame):
    return served(along, rows.cross_entropy, frame, 0.0)


def labels_by_odds(frame):
    return served(along, odds.cross_entropy, frame, F4(0))


def smooth_by_tiles(frame):
    return served(smooth_across, smooth_lanes.cross_entropy, frame, F4(0))


def wide_smooth_by_tiles(frame):
    return served(smooth_across, smooth_lanes.cross_entropy, frame, 0.0)


def smooth_by_rows(frame):
    return served(smooth_along, smooth_rows.cross_entropy, frame, F4(0))


def wide_smooth_by_rows(frame):
    return served(smooth_along, smooth_rows.cross_entropy, frame, 0.0)


def soft_by_tiles(frame):
    return served(soft_across, soft_lanes.cross_entropy, frame, F4(0))


def wide_soft_by_tiles(frame):
    return served(soft_across, soft_lanes.cross_entropy, frame, 0.0)


def soft_by_rows(frame):
    return served(soft_along, soft.cross_entropy, frame, F4(0))


def wide_soft_by_rows(frame):
    return served(soft_along, soft.cross_entropy, frame, 0.0)


def softmax_by_tiles(frame):
    return mapped(map_across, softmax.by_tiles, frame, F4(0))


def wide_softmax_by_tiles(frame):
    return mapped(map_across, softmax.by_tiles, frame, 0.0)


def softmax_by_rows(frame):
    return mapped(map_along, softmax.by_rows, frame, F4(0))


def wide_softmax_by_rows(frame):
    return mapped(map_along, softmax.by_rows, frame, 0.0)


def binary_by_element(frame):
    return by_element(frame, F4(0))


def wide_binary_by_element(frame):
    return by_element(frame, 0.0)


_ALL = (
    labels_by_tiles,
    wide_labels_by_tiles,
    labels_by_short_rows,
    labels_by_rows,
    wide_labels_by_rows,
    labels_by_odds,
    smooth_by_tiles,
    wide_smooth_by_tiles,
    smooth_by_rows,
    wide_smooth_by_rows,
    soft_by_tiles,
    wide_soft_by_tiles,
    soft_by_rows,
    wide_soft_by_rows,
    softmax_by_tiles,
    wide_softmax_by_tiles,
    softmax_by_rows,
    wide_softmax_by_rows,
    binary_by_element,
    wide_binary_by_element,
)
FUNCTIONS: dict[str, Any] = {f.__name__: f for f in _ALL}
NAMES = list(FUNCTIONS)  # a program knows them by their places


@cache
def address(which: int) -> int:
    """Compile a function, or read it from the cache."""
    return entry(FUNCTIONS[NAMES[which]], types.int64(types.int64))
