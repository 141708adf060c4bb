"""Our own threads for kernels that release the GIL.

Not Numba's: its default threading layer aborts the process when two Python threads enter it. Work is cut into
pieces by its size alone, never by the number of threads, and results come back in the order of the pieces: the same
input gives the same bits on any machine with the same instruction set.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["count", "limit", "run"]

T = TypeVar("T")

_lock = threading.Lock()
_local = threading.local()
_pool: ThreadPoolExecutor | None = None
_limit: int | None = None


def available() -> int:
    """Give the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count() -> int:
    """Give the number of threads that a call uses, the caller's included."""
    return _limit or available()


@contextmanager
def limit(n: int | None) -> Generator[None]:
    """Use at most n threads a call, in the whole process, while the context lasts; None for all processors."""
    global _limit
    if n is not None and (type(n) is not int or n < 1):
        raise ValueError(f"the number of threads must be an integer of at least 1, got {n!r}")
    before, _limit = _limit, n
    try:
        yield
    finally:
        _limit = before


def run(work: Callable[[int, int], T], size: int, piece: int) -> list[T]:
    """Call ``work(start, stop)`` for every piece of range(size), and give the results in order.

    What ``work`` runs by this function is done by its thread alone: others may be waiting for one.
    """
    starts = range(0, size, piece)
    if len(starts) <= 1 or (threads := min(count(), len(starts))) == 1 or getattr(_local, "busy", False):
        return [work(start, min(start + piece, size)) for start in starts]
    results: list[T | None] = [None] * len(starts)
    waiting = iter(range(len(starts)))  # next() of a range's iterator is one step under the GIL

    def serve() -> None:
        _local.busy = True
        try:
            for i in waiting:
                results[i] = work(starts[i], min(starts[i] + piece, size))
        finally:
            _local.busy = False

    helpers = [_threads().submit(serve) for _ in range(threads - 1)]
    try:
        serve()
    finally:
        for helper in helpers:
            helper.result()
    return results  # pyright: ignore[reportReturnType] - every entry has been set


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(available() - 1, 1), thread_name_prefix="xent")
        return _pool


def _forget() -> None:
    """Start again in a forked child, which has inherited the pool but not its threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
