"""Measures of distributions on NumPy arrays: what ``_numpy`` is for losses."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from xent import _validate
from xent._numpy import KINDS

Array = Any

_SINGLE, _DOUBLE, _HALF = KINDS[0], KINDS[1], KINDS[2]
FEW = 128  # below so many classes, rows alone go side by side
MANY = 512  # from so many on, classes alone
PIECE = 2**17  # probabilities of one piece of work
PERPLEXITY = (0.0, 0.0)  # a unit: the exponential of nats


@lru_cache(maxsize=64)
def log_of(base: float) -> tuple[Fraction, tuple[float, float]]:
    """Logarithm of a base, and as a pair of floats."""
    exact = Fraction(1) if base == math.e else Fraction(Context(prec=60).ln(Decimal(float(base))))
    return exact, (float(exact), float(exact - Fraction(float(exact))))


def measure(
    name: str, unit: tuple[float, float], axis: int, arrays: dict[str, Array]
) -> tuple[Array, Array, tuple[Array, ...] | None] | None:
    """Give a measure of each row of one or two arrays of distributions, validated on the way.

    Parameters
    ----------
    name : str
        The function of :mod:`xent.kernels.information`.
    unit : (float, float)
        Logarithm of the base as a pair of floats, or :data:`PERPLEXITY`.
    axis : int
        Where the classes are.
    arrays : dict of arrays
        By the names that errors use.

    Returns
    -------
    answer : array of the rows' shape
    odd : array of integers
        Flat indices of the rows whose digits cancel, to be computed by pairs of floats.
    rows : arrays (K, number of odd rows), or None if there are none
    """
    given = list(arrays.values())
    first = given[0]
    for a in given:
        if type(a) is not np.ndarray or a.dtype not in KINDS or a.shape != first.shape or not a.flags.aligned:
            return None
    if type(axis) is not int or not -first.ndim <= axis < first.ndim or not first.size:
        return None
    axis %= first.ndim
    shape, classes = first.shape[:axis] + first.shape[axis + 1 :], first.shape[axis]
    kind = _DOUBLE if any(a.dtype == _DOUBLE for a in given) else _SINGLE
    laid = [_laid(a, axis, classes, kind) for a in given]
    limits = [(5e-3 if a.dtype == _HALF else 1e-3) * (1 - 1e-9) for a in given]
    wide = kind == _DOUBLE
    answer, marks = _compute(name, laid, classes, wide, (limits[0], limits[-1], 0.25 if wide else 2.0**-8), unit)
    odd = _NONE
    if marks is not None:
        for label, a in arrays.items() if (marks == 1).any() else ():
            _validate.distribution(np, np.moveaxis(a, axis, 0), label, hint="")
        odd = np.flatnonzero(marks)
    rows = tuple(a[odd].T for a in laid) if odd.size else None
    return answer.astype(kind, copy=False).reshape(shape), odd, rows


_NONE = np.zeros(0, np.int64)


def _laid(a: Array, axis: int, classes: int, kind: Any) -> Array:
    """Lay an array as (rows, K) of one type; many classes are neighbours then."""
    if axis != a.ndim - 1:
        a = np.moveaxis(a, axis, -1)
    if a.ndim != 2:
        a = a.reshape(-1, classes)
    if a.dtype != kind:
        a = a.astype(kind)
    if a.flags.c_contiguous:
        return a
    if a.strides[1] != a.itemsize and classes >= FEW:
        return np.ascontiguousarray(a)
    return a if all(s % a.itemsize == 0 and s >= 0 for s in a.strides) else np.ascontiguousarray(a)


def _compute(
    name: str,
    arrays: list[Array],
    classes: int,
    wide: bool,
    limits: tuple[float, float, float],
    unit: tuple[float, float],
) -> tuple[Array, Array | None]:
    """Answers of the rows in float64, and the kernel's marks on them if one is not fine."""
    from xent.kernels import information, threads
    from xent.kernels.cpu import _flat  # pyright: ignore[reportPrivateUsage]

    compute = getattr(information, name)
    rows = arrays[0].shape[0]
    answer, marks = np.empty(rows), np.empty(rows, np.int8)
    flat, steps = [_flat(a) for a in arrays], ()
    for a in arrays:
        size = a.itemsize
        steps += (classes, 1) if a.flags.c_contiguous else (a.strides[0] // size, a.strides[1] // size)
    down = 1 / information.SCALE if wide else 1.0
    near = 1 if classes < FEW else information.NEAR if classes < MANY else information.LANES

    def work(start: int, stop: int) -> int:
        return compute(*flat, answer, marks, classes, steps, near, down, limits, unit, start, stop)

    block = information.LANES // near
    piece = max(PIECE // classes // block, 1) * block
    found = work(0, rows) if rows <= piece else sum(threads.run(work, rows, piece))
    return answer, marks if found else None
