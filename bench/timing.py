"""Interleaved timing: what is compared runs in turns, so that a slow minute of the machine is everybody's."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Run = Callable[[], Any]

SHORT = 0.01  # a call below this many seconds is repeated within a sample
SAMPLE = 0.05  # … until the sample takes about this long
LEAST = 3  # samples that every contender gets, unless they cost more than LONG
FEW = 11  # … if a call is repeated within a sample, which is short: a burst of noise may spoil three in a row
MOST = 25
LONG = 4.0  # seconds; who has used that much gets no further sample


def calls_for(seconds: float, length: float = SAMPLE) -> int:
    """Say how many calls make one sample: 1 for a long one, thousands for microseconds."""
    return 1 if seconds >= SHORT else max(1, min(5000, round(length / max(seconds, 1e-7))))


def probe(run: Run, length: float = SAMPLE) -> int:
    """Measure how many calls make one sample; a second look corrects the first, which is a single call's."""
    calls = calls_for(sample(run, 1), length)
    return calls if calls == 1 else calls_for(sample(run, max(1, calls // 4)), length)


@contextmanager
def settled() -> Iterator[None]:
    """Set aside all objects that are there: collecting garbage then costs microseconds, not a tenth of a second."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def sample(run: Run, calls: int) -> float:
    """Time one sample in seconds a call; a result is freed before the next call, the last one after the clock."""
    gc.collect()
    gc.disable()
    try:
        result = None
        begin = time.perf_counter()
        for _ in range(calls):
            result = None
            result = run()
        took = time.perf_counter() - begin
        del result
    finally:
        gc.enable()
    return took / calls


def interleave(runs: dict[str, Run], calls: dict[str, int], *, budget: float, seed: int) -> dict[str, list[float]]:
    """Time everyone in rounds, each in a random but seeded order; who has used up its share leaves the rounds."""
    order, times = random.Random(seed), {name: list[float]() for name in runs}
    share = budget / max(1, len(runs))
    while True:
        open_ = [n for n in runs if _goes_on(times[n], calls[n], share)]
        if not open_:
            return times
        order.shuffle(open_)
        for name in open_:
            time.sleep(0.002)  # lets the previous contender's worker threads fall asleep
            times[name].append(sample(runs[name], calls[name]))


def _goes_on(times: list[float], calls: int, share: float) -> bool:
    spent = sum(times) * calls
    least = LEAST if calls == 1 else FEW
    return spent < LONG and len(times) < MOST and (len(times) < least or spent < share)


def summary(times: list[float]) -> dict[str, Any]:
    """Give the median, the quartiles and the number of samples, in seconds to four digits."""
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
    digits = {"median": middle, "q1": low, "q3": high}
    return {**{k: float(f"{v:.4g}") for k, v in digits.items()}, "n": len(times)}
