# pyright: basic
"""Targets on the CPU: in what pieces they are smoothed. Arguments are clean, but what they hold is checked."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from xent.kernels import memory, mixing, threads
from xent.kernels._pairs import pair
from xent.kernels.cpu import PAST, _flat_labels, _stored, _writable

Array = Any

PIECE = 2**17  # numbers a thread takes at a time; smaller arrays are done by the caller's thread


def smoothed(q: Array, *, epsilon: float, others: bool) -> Array | None:
    """Distributions (N, K) mixed with a share for all classes, or for the other ones.

    float32, float64 or float16, of any strides; K ≥ 1. A result is rounded once. None where a row may be no
    distribution, and where there is no row.
    """
    n, classes = q.shape
    if not n:
        return None
    out = memory.empty(q.shape, q.dtype)
    kind, z, to = _stored(np.ascontiguousarray(q), out, False)
    tolerance = 5e-3 if q.dtype == np.float16 else 1e-3
    parts = _parts(epsilon, classes, others)
    others = others and classes > 1
    settings = kind, classes, parts, others, tolerance, out.nbytes > PAST
    flat = _writable(z.reshape(-1)), np.asarray(to).reshape(-1)

    def work(start: int, stop: int) -> int:
        return mixing.smooth(*flat, *settings, start, stop)

    return out if _clean(work, n, classes) else None


def spread(labels: Array, classes: int, *, epsilon: float, others: bool) -> Array | None:
    """Distributions (N, K) of float64 from labels (N,) of integers; None where one may be no class."""
    if not labels.size:
        return None
    out = memory.empty((labels.size, classes), np.float64)
    labels, flat = _flat_labels(labels), out.reshape(-1)
    values = _values(epsilon, classes, others)

    def work(start: int, stop: int) -> int:
        return mixing.spread(labels, flat, classes, *values, out.nbytes > PAST, start, stop)

    return out if _clean(work, labels.size, classes) else None


def _clean(work: Any, n: int, classes: int) -> bool:
    return all(wrong < 0 for wrong in threads.run(work, n, max(PIECE // classes, 1)))


def _shares(epsilon: float, classes: int, others: bool) -> tuple[Fraction, Fraction]:
    """What a probability is multiplied by, and what a class is given."""
    if others and classes == 1:
        return Fraction(1), Fraction(0)
    return 1 - Fraction(epsilon), Fraction(epsilon) / (classes - others)


@lru_cache(maxsize=64)
def _parts(epsilon: float, classes: int, others: bool) -> tuple[float, float, float, float]:
    """Both shares, each in two floats."""
    keep, share = _shares(epsilon, classes, others)
    return *pair(keep), *pair(share)


@lru_cache(maxsize=64)
def _values(epsilon: float, classes: int, others: bool) -> tuple[float, float]:
    """What a label's class becomes, and the other ones."""
    keep, share = _shares(epsilon, classes, others)
    return float(keep if others else keep + share), float(share)
