# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false
"""The terms t · (log t − x) of the Kullback-Leibler divergence: their sum, each of them, and the derivative by x.

All in float64, so that for narrower types the difference of the two logarithms is as good as exact.
"""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache
from typing import Any

import numpy as np
from numba import carray, from_dtype, njit, types

from xent.kernels import threads
from xent.kernels._compile import EXACT, entry, kernel
from xent.kernels._math import (
    _L0,
    _L1,
    _L2,
    _L3,
    _L4,
    _L5,
    _L6,
    _LN2_HI,
    _LN2_LO,
    F8,
    at,
    blank,
    fma,
    nearest,
    real,
    scaled,
    scratch,
    split,
    steepness,
    two_to_minus,
    widen,
)
from xent.kernels.binary import BLOCK, level, pile
from xent.kernels.cpu import PAST, exact_sum
from xent.kernels.rows import put

PIECE = 2**17  # elements a thread takes at a time; smaller arrays are done by the caller's thread
_PAIR = ctypes.c_double * 2
_HI, _LO, _ = steepness(1.0, np.float64)  # pyright: ignore
_LEAST = 2.2250738585072014e-308  # below it numbers have fewer digits, and no exponent that ``split`` finds


@njit(**EXACT)
def log(t):
    """Logarithm of a float64, error below 1 ulp, as ``_math.log1p`` has it; −∞ at 0 and NaN below."""
    few = t < _LEAST
    e, m = split(t * 1.8014398509481984e16 if few else t)
    e = e - 54.0 if few else e
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = z * (_L0 + z * (_L1 + z * (_L2 + z * (_L3 + z * (_L4 + z * (_L5 + z * _L6))))))
    h = 0.5 * f * f
    y = e * _LN2_HI - ((h - (s * (h + r) + e * _LN2_LO)) - f)
    y = y if t < math.inf else t
    return y if t > 0 else (-math.inf if t == 0 else math.nan)


@njit(**EXACT)
def exp(x):
    """Exponential of a float64, error about 1 ulp."""
    g = -x
    g = 800.0 if g > 800 else g
    g = -800.0 if g < -800 else g
    n = nearest(g * -_HI)
    return scaled(two_to_minus(fma(g, _HI, real(n, g)) + g * _LO), n)


@njit(**EXACT)
def term(t, x):
    """Give t · (log t − x) and t; a probability of 0 costs nothing, whatever x."""
    cost = t * (log(t) - x)
    return 0.0 if t == 0 else cost, t


@njit(**EXACT)
def term_of_log(t, x):
    """The same of t = log p."""
    p = exp(t)
    cost = p * (t - x)
    return 0.0 if t == -math.inf else cost, p


@kernel
def divergence(x, t, each, grad, kinds, logs, factor, past, start, stop):
    """Sum of the terms of elements [start, stop), as a pair.

    x, t, grad: flat (uint16 for half types), the last of the type of x. each (N,) and grad (N,) are filled, unless
    they are empty, grad by −p · factor. kinds: of x and t, see ``_math``. logs: whether t is log p.
    """
    kind, kind_t = kinds
    nought = blank(x[0])
    a, b, p, loss = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, 0.0)
    hi, lo, slope = scratch(BLOCK, 0.0), scratch(BLOCK, 0.0), scratch(BLOCK, nought)
    for r in range(BLOCK):
        hi[r] = lo[r] = 0.0
    for i in range(start, stop, BLOCK):
        n = min(BLOCK, stop - i)
        if n < BLOCK:
            for r in range(BLOCK):
                a[r] = 0.0
                b[r] = -math.inf if logs else 0.0
        source, target = at(x, i), at(t, i)
        for r in range(n):
            a[r] = F8(widen(source[r], kind))
        for r in range(n):
            b[r] = F8(widen(target[r], kind_t))
        if logs:
            for r in range(BLOCK):
                loss[r], p[r] = term_of_log(b[r], a[r])
        else:
            for r in range(BLOCK):
                loss[r], p[r] = term(b[r], a[r])
        pile(hi, lo, loss, nought)
        if each.size:
            for r in range(n):
                each[i + r] = loss[r]
        if grad.size:
            for r in range(BLOCK):
                slope[r] = p[r] * -factor if p[r] != 0 else 0.0
            put(slope, n, kind, at(grad, i), past)
    return level(hi, lo, nought)


def divergence_at(x, t, each, grad, total, n, outputs, kind, kind_t, logs, past, factor, start, stop):
    """:func:`divergence` of the n elements at addresses, for :func:`caller`."""
    losses, slopes, out = carray(each, n * (outputs & 1)), carray(grad, n * (outputs >> 1)), carray(total, 2)
    kinds = (kind, kind_t)
    out[0], out[1] = divergence(
        carray(x, n), carray(t, n), losses, slopes, kinds, logs != 0, factor, past != 0, start, stop
    )


@lru_cache(maxsize=64)
def caller(of_x: str, of_t: str) -> Any:
    """:func:`divergence_at` for two types, named as stored, as a C function of addresses."""
    x, t, wide, pair = (types.CPointer(from_dtype(np.dtype(d))) for d in (of_x, of_t, "float32", "float64"))
    each, whole = pair if of_x == "float64" else wide, types.int64
    arguments = (x, t, each, x, pair, *(whole,) * 6, types.float64, whole, whole)
    address, integer = entry(divergence_at, types.void(*arguments)), ctypes.c_int64
    pointers, number = (ctypes.c_void_p,) * 5, ctypes.c_double
    return ctypes.CFUNCTYPE(None, *pointers, *(integer,) * 6, number, integer, integer)(address)


def kl_divergence(
    call: Any, x: int, t: int, each: int, grad: int, n: int, kind: int, kind_t: int, logs: bool, factor: float,
    size: int,
) -> float:  # fmt: skip
    """Σ t · (log t − x) over n elements at addresses, with 0 at t = 0; fills what ``each`` and ``grad`` point at.

    Parameters
    ----------
    call
        From :func:`caller`, for the types of x and t.
    x, t : addresses
        Log-probabilities; probabilities, or their logarithms with ``logs``.
    each, grad : addresses, or 0
        For the terms (float64 for float64 ``x``, else float32), and for −t · factor (of the type of ``x``).
    n : int
    kind, kind_t : int
        How x and t are stored (see ``_math``).
    logs : bool
    factor : float
    size : int
        Bytes of a number of the type of ``x``.
    """
    outputs, past = (each != 0) + 2 * (grad != 0), grad != 0 and n * size > PAST
    if n <= PIECE:
        sums = _PAIR()
        call(x, t, each, grad, ctypes.addressof(sums), n, outputs, kind, kind_t, logs, past, factor, 0, n)
        return sums[0] + sums[1]

    def work(start: int, stop: int) -> tuple[float, float]:
        sums = _PAIR()
        call(x, t, each, grad, ctypes.addressof(sums), n, outputs, kind, kind_t, logs, past, factor, start, stop)
        return sums[0], sums[1]

    return exact_sum(np.array(threads.run(work, n, PIECE)))
