# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Sums of squares, and numbers scaled: two readings of an array, nothing between.

Sums are of BLOCK squares in float64 lanes, and those are added exactly: the error does not grow with the array.
"""

from __future__ import annotations

from numba import njit, types
from numba.extending import overload

from xent.kernels._compile import EXACT, INLINE, kernel
from xent.kernels._math import F4, F8, at, fma, narrow, scratch, widen
from xent.kernels._streams import stream, stream_doubles
from xent.kernels.finish import two_sum

BLOCK = 512


@njit(**INLINE)
def _sum(a, n, kind):
    total = 0.0
    for j in range(n):
        x = F8(widen(a[j], kind))
        total += x * x
    return total


@kernel
def squares(a, kind, start, stop):
    """Σ a² of a flat array's numbers [start, stop) in two floats; not finite where a square is not."""
    total, rest = 0.0, 0.0
    for j in range(start, stop, BLOCK):
        total, rest = two_sum(total, rest, _sum(at(a, j), min(BLOCK, stop - j), kind))
    return total, rest


def _times(a, n, kind, factor, more, to, past):
    """to[:n] = a · (factor + more), rounded once; narrow types need no more than the first."""
    raise NotImplementedError


@overload(_times, jit_options=EXACT)
def _times_any(a, n, kind, factor, more, to, past):
    if a.dtype == types.float64:
        return _double
    if a.dtype == types.uint16:
        return lambda a, n, kind, factor, more, to, past: _narrow_one(a, n, kind, factor, to)

    def single(a, n, kind, factor, more, to, past):
        if past:
            image = scratch(BLOCK, F4(0))
            _narrow_one(a, n, kind, factor, image)
            stream(to, image, n, F4(1))
        else:
            _narrow_one(a, n, kind, factor, to)

    return single


@njit(**EXACT)
def _narrow_one(a, n, kind, factor, to):
    like = a[0]
    for j in range(n):
        to[j] = narrow(F4(F8(widen(a[j], kind)) * factor), like, kind)


@njit(**EXACT)
def _exactly(a, n, factor, more, to):
    for j in range(n):
        to[j] = fma(a[j], factor, a[j] * more)


def _double(a, n, kind, factor, more, to, past):
    if past:
        image = scratch(BLOCK, 0.0)
        _exactly(a, n, factor, more, image)
        stream_doubles(to, image, n)
    else:
        _exactly(a, n, factor, more, to)


@kernel
def scale(a, to, kind, factor, more, past, start, stop):
    """Write a · (factor + more) to ``to`` for the numbers [start, stop) of flat arrays of one type."""
    for j in range(start, stop, BLOCK):
        _times(at(a, j), min(BLOCK, stop - j), kind, factor, more, at(to, j), past)
