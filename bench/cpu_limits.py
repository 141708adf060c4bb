"""What no loss can beat: reading its input once, and for a gradient writing an array of the same size as well.

Each limit is the fastest of several ways, because a slow limit would flatter us. The copy goes into memory that is
already there: our gradients use the memory of earlier ones. The copy into a new array, whose pages the system has
to clear first, is recorded beside it. Up to ten classes the labels weigh nearly as much as the logits or more, and
reading them is part of the limit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from bench.cpu_cases import FORWARD, Case

Run = Callable[[], Any]
LABELS_COUNT = 10
READ, COPY, NEW = "read", "copy", "copy, new array"


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def _in_threads(work: Callable[..., Any], arrays: tuple[np.ndarray, ...], threads: int) -> list[Any]:
    """Call ``work`` on one range of the flat arrays a thread; the caller's thread takes the first."""
    size = arrays[0].size
    cuts = [size * i // threads for i in range(threads + 1)]
    parts = [tuple(a[lo:hi] for a in arrays) for lo, hi in pairwise(cuts)]
    rest = [_pool(threads).submit(work, *part) for part in parts[1:]]
    return [work(*parts[0]), *(r.result() for r in rest)]


@cache
def _compiled_sum() -> Callable[[np.ndarray], float] | None:
    try:
        import numba
    except ModuleNotFoundError:
        return None

    @numba.njit(nogil=True, fastmath=True)  # fast mathematics: sums in any order, so that the loop vectorises
    def total(a: np.ndarray) -> float:
        s0 = s1 = s2 = s3 = a.dtype.type(0)
        quarter = a.size // 4
        for i in range(quarter):  # four streams keep more loads in flight than one
            s0 += a[i]
            s1 += a[quarter + i]
            s2 += a[2 * quarter + i]
            s3 += a[3 * quarter + i]
        for i in range(4 * quarter, a.size):
            s0 += a[i]
        return s0 + s1 + s2 + s3

    return total


def readers(a: np.ndarray, threads: int) -> dict[str, Run]:
    """Name the ways to read a flat array once; each returns its sum."""
    import torch

    tensor = torch.from_numpy(a)
    ways: dict[str, Run] = {
        "torch.sum": lambda: float(tensor.sum()),
        "NumPy maximum in threads": lambda: max(_in_threads(np.max, (a,), threads)),
    }
    total = _compiled_sum()
    if total is not None:
        ways["Numba sum in threads"] = lambda: sum(_in_threads(total, (a,), threads))
    return ways


def _label_reader(case: Case, threads: int) -> Run:
    """Read the labels where they count, else do nothing."""
    if case.shape[1] > LABELS_COUNT:
        return lambda: None
    ways = readers(case.labels, threads)
    return ways.get("Numba sum in threads", ways["torch.sum"])


def _stored(case: Case) -> np.ndarray:
    """Give the logits flat, as many bytes as the type has; halves in pairs, which every way can read."""
    flat = case.logits.reshape(-1)
    if case.dtype == "bfloat16":
        import torch

        flat = case.torch[0].view(torch.int16).numpy().reshape(-1)
    return flat if flat.itemsize > 2 else flat[: flat.size // 2 * 2].view(np.float32)


def limits(case: Case, mode: str, threads: int) -> dict[str, dict[str, Run]]:
    """Give for each limit of a mode the ways to reach it."""
    import torch

    flat = _stored(case)
    also = _label_reader(case, threads)
    if mode == FORWARD:
        return {READ: {way: partial(_both, also, read) for way, read in readers(flat, threads).items()}}
    tensor, there = torch.from_numpy(flat), np.empty_like(flat)
    there.fill(0)  # its pages exist
    there_too = torch.from_numpy(there)

    def threaded(out: np.ndarray) -> np.ndarray:
        _in_threads(np.copyto, (out, flat), threads)
        return out

    def plain(out: np.ndarray) -> np.ndarray:
        np.copyto(out, flat)
        return out

    new = {
        "NumPy": lambda: plain(np.empty_like(flat)),
        "NumPy in threads": lambda: threaded(np.empty_like(flat)),
        "torch": lambda: torch.empty_like(tensor).copy_(tensor),
    }
    over = {
        "NumPy in threads": lambda: threaded(there),
        "torch": lambda: there_too.copy_(tensor),
    }
    return {
        COPY: {way: partial(_both, also, run) for way, run in over.items()},
        NEW: {way: partial(_both, also, run) for way, run in new.items()},
    }


def _both(first: Run, then: Run) -> Any:
    first()
    return then()
