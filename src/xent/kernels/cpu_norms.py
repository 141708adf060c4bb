# pyright: basic
"""Norms of arrays on the CPU, and arrays scaled: in what pieces.

Arrays are float32, float64 or float16, and one piece of memory, in C's order or Fortran's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.kernels import memory, norms, threads
from xent.kernels.cpu import PAST, _stored, _writable, exact_sum

Array = Any

PIECE = 2**18  # numbers a thread takes at a time; smaller arrays are done by the caller's thread


def squares(a: Array) -> float:
    """Σ a² in float64; not finite if one of the squares is not. The error is below 2⁻⁴⁸, and mostly 2⁻⁵²."""
    kind, flat, _ = _stored(_row(a), None, False)
    if a.size <= PIECE:
        total, rest = norms.squares(flat, kind, 0, a.size)
        return total + rest

    def work(start: int, stop: int) -> tuple[float, float]:
        return norms.squares(flat, kind, start, stop)

    return exact_sum(np.array(threads.run(work, a.size, PIECE)))


def scaled(a: Array, factor: float, more: float) -> Array:
    """Give a · (factor + more) in new memory, in the order of the old."""
    out = memory.empty(a.shape if a.flags.c_contiguous else a.shape[::-1], a.dtype)
    kind, flat, to = _stored(_row(a), out.reshape(-1), False)

    def work(start: int, stop: int) -> None:
        norms.scale(flat, to, kind, factor, more, out.nbytes > PAST, start, stop)

    threads.run(work, a.size, PIECE)
    return out if a.flags.c_contiguous else out.T


def _row(a: Array) -> Array:
    """Memory of an array as one row."""
    return _writable(a.reshape(-1, order="C" if a.flags.c_contiguous else "F"))
