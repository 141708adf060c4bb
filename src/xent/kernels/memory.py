"""Memory for large results, used again when the last reference to one is gone.

Linux clears every page of new memory before it gives it out. For a gradient of 260 MB that takes longer than its
computation, and a training loop makes one each step. Here memory that a result no longer needs is kept, up to KEPT
pieces of it, and offered to the kernel meanwhile (MADV_FREE): where memory runs short, it takes the pages without
asking, and otherwise they are ready for the next result. What is kept counts as resident until then; ``release``
gives it back at once.

Results are ordinary writable arrays, except that they do not own their memory: ``resize`` in place is refused.
"""

from __future__ import annotations

import ctypes
from collections import deque
from importlib import import_module
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np

mmap: Any = import_module("mmap") if find_spec("mmap") else None  # a browser has none

__all__ = ["empty", "release", "with_large_pages"]

LARGE = 2**22  # bytes from which memory is kept; less comes from the C library, which keeps it as well
NEW = 2**25  # bytes from which the C library takes memory from the system each time; less may have been used before
KEPT = 4
WASTE = 1.25  # a piece may be larger than needed by so much

_FREE: int | None = getattr(mmap, "MADV_FREE", None)
_HUGE: int | None = getattr(mmap, "MADV_HUGEPAGE", None)


class _Pages:
    """Pages of memory that are ours until the process ends or ``release`` is called."""

    def __init__(self, size: int) -> None:
        self.map: Any = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if _HUGE is not None:
            self.map.madvise(_HUGE)
        self.bytes: np.ndarray[Any, Any] = np.frombuffer(self.map, np.uint8)


_kept: deque[_Pages] = deque(maxlen=KEPT)  # its operations are atomic: __del__ may run anywhere, and takes no lock


class _Loan:
    """What an array's memory hangs on: the pages come back when the array, and every view of it, is gone."""

    def __init__(self, pages: _Pages) -> None:
        self.pages = pages
        self.__array_interface__ = pages.bytes.__array_interface__

    def __del__(self, kept: deque[_Pages] = _kept, free: int | None = _FREE) -> None:
        try:
            self.pages.map.madvise(free or 0)
        except (OSError, ValueError):  # a system that knows no such advice
            return
        kept.append(self.pages)


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """Give an array of any content, as ``numpy.empty``: a large one in memory that was used before, if it can.

    Parameters
    ----------
    shape : tuple of int
    dtype : data type

    Returns
    -------
    array
        C-contiguous; if it is large, it begins at a page.
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size < LARGE or _FREE is None:
        return np.empty(shape, dtype)
    loan = _Loan(_fitting(size) or _Pages(size))
    return np.asarray(loan)[:size].view(dtype).reshape(shape)


def release() -> None:
    """Give all memory that is kept back to the system."""
    _kept.clear()


def _fitting(size: int) -> _Pages | None:
    """Take kept pages of about this size, the last ones that came back."""
    for _ in range(len(_kept)):
        try:
            pages = _kept.pop()
        except IndexError:  # another thread was quicker
            return None
        if size <= pages.bytes.size <= WASTE * size:
            return pages
        _kept.appendleft(pages)
    return None


def with_large_pages(a: Any) -> Any:
    """Ask for large pages for an array, if it is a large one: there are fewer to clear and to map.

    Parameters
    ----------
    a : array
        C-contiguous, in new memory that is somebody else's and that nobody has touched.

    Returns
    -------
    array
        The same.
    """
    if a.nbytes >= NEW and _HUGE is not None:
        start = -(-a.ctypes.data // mmap.PAGESIZE) * mmap.PAGESIZE
        size = (a.ctypes.data + a.nbytes - start) // mmap.PAGESIZE * mmap.PAGESIZE
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _HUGE)
    return a
