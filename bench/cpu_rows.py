"""One row of the benchmark: check everyone's answer, then time everyone in turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from bench import cpu_contenders, timing
from bench.cpu_cases import CALLS, FORWARD, GRADIENT, SIZES, Case, Reference, Skipped, case, reference
from bench.cpu_limits import cores, limits

Row = dict[str, Any]
Say = Callable[[str], None]
# Seconds of timing for a row. What takes part beyond its share still gets three samples if it can.
BUDGET = {("all", GRADIENT): 10.0, ("all", FORWARD): 6.0, ("one", GRADIENT): 3.5, ("one", FORWARD): 2.5}
QUICKLY, ASIDE = 0.005, 0.4  # the shares of it in a trial, and for tiny inputs and other types
# Compiling for one shape takes longer than all other measurements of a row: forward alone at one size only.
COMPILED_FORWARD = (65536, 1000)


def measure(
    about: Row,
    builders: dict[str, Callable[[], timing.Run]],
    *,
    right: Reference,
    bounds: dict[str, dict[str, timing.Run]],
    budget: float,
    say: Say,
) -> Row:
    """Time contenders and limits side by side; who does not take part, or is wrong, is named with the reason."""
    runs: dict[str, timing.Run] = {}
    facts: dict[str, dict[str, Any]] = {}
    skipped: dict[str, str] = {}
    known: dict[str, list[float]] = {}
    slow: set[str] = set()  # one call is a sample for certain, and need not be probed
    for name, build in builders.items():
        try:
            run = build()
            begin = time.perf_counter()
            value, array = run()
            first = time.perf_counter() - begin
        except Skipped as reason:
            skipped[name] = str(reason)
            continue
        except Exception as error:
            if name in cpu_contenders.OURS:
                raise
            skipped[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            continue
        errors = right.errors(value, array)
        del value, array
        if name in cpu_contenders.OURS and not right.agrees(errors):
            raise AssertionError(f"{name} is wrong at {about}: {errors}")
        facts[name] = {
            "first": float(f"{first:.4g}"),
            "errors": {k: float(f"{e:.2g}") for k, e in errors.items()},
            "right": right.agrees(errors),
        }
        if first > timing.LONG and not compiled(name):
            known[name] = [first]  # too long to repeat: its first call is its sample
            continue
        runs[name] = run
        if first > 10 * timing.SHORT and not compiled(name):
            slow.add(name)
    for limit, ways in bounds.items():
        for way, run in ways.items():
            run()
            runs[f"{limit}: {way}"] = run
    with timing.settled():
        length = min(timing.SAMPLE, budget / 20)
        calls = {n: 1 if n in slow else timing.probe(run, length) for n, run in runs.items()}
        found = timing.interleave(runs, calls, budget=budget, seed=len(str(about))) | known
    times = {n: {**timing.summary(found[n]), **facts[n]} for n in builders if n in found}
    row = {**about, "times": times, "limits": {}, "skipped": skipped}
    for limit, ways in bounds.items():
        every = {way: timing.summary(found[f"{limit}: {way}"]) for way in ways}
        way = min(every, key=lambda w: every[w]["median"])
        row["limits"][limit] = {**every[way], "by": way, "others": {w: t for w, t in every.items() if w != way}}
    report(row, say)
    return row


def compiled(name: str) -> bool:
    """Say whether a contender's first call compiles."""
    return name in (*cpu_contenders.OURS, "torch.compile", "jax.jit", "optax")


def report(row: Row, say: Say) -> None:
    """Print a row as it is done."""
    size = " × ".join(str(row[s]) for s in ("rows", "classes") if s in row)
    say(f"\n{row['what']}, {size} {row['dtype']}, {row['mode']}, threads: {row['threads']}")
    limit = next(iter(row["limits"].values()), {"median": None})["median"]
    lines = [(f"limit: {name} ({t['by']})", t) for name, t in row["limits"].items()]
    for name, t in (*lines, *row["times"].items()):
        per = f"{t['median'] / row['elements'] * 1e9:9.3f} ns/element"
        share = f"{t['median'] / limit:7.2f} × limit" if limit else ""
        wrong = "" if t.get("right", True) else f"  WRONG by {max(t['errors'].values()):.1g}"
        spread = f"[{t['q1'] * 1e3:.4g} … {t['q3'] * 1e3:.4g}]"
        say(f"  {name:<42}{t['median'] * 1e3:12.4f} ms  {spread:<22} n={t['n']:<3}{per} {share}{wrong}")
    for name, why in row["skipped"].items():
        say(f"  {name:<42}{'skipped':>12}: {why}")


def losses(
    c: Case, *, quick: bool, names: tuple[str, ...], say: Say, one: bool = True, calls: bool = False
) -> list[Row]:
    """Measure the loss on one input: forward alone and with the gradient, all threads and one."""
    right = reference(c)
    n, k = c.shape
    rows: list[Row] = []
    for mode in (FORWARD, GRADIENT):
        for threads in ("all", "one") if one else ("all",):
            allowed = [x for x in names if threads == "all" or x in cpu_contenders.ONE_THREAD]
            if quick or (mode == FORWARD and (n, k) != COMPILED_FORWARD):
                allowed = [x for x in allowed if x != "torch.compile"]
            about = {
                "what": "cross-entropy",
                "rows": n,
                "classes": k,
                "dtype": c.dtype,
                "mode": mode,
                "threads": threads,
                "elements": n * k,
            }
            with nullcontext() if threads == "all" else cpu_contenders.one_thread():
                bounds = {} if calls else limits(c, mode, cores() if threads == "all" else 1)
                builders = {x: _bind(cpu_contenders.CONTENDERS[x], c, mode) for x in allowed}
                budget = BUDGET[threads, mode] * (
                    QUICKLY if quick else ASIDE if calls or c.dtype != "float32" else 1
                )
                rows.append(measure(about, builders, right=right, bounds=bounds, budget=budget, say=say))
    return rows


def _bind(build: cpu_contenders.Builder, c: Case, mode: str) -> Callable[[], timing.Run]:
    return lambda: build(c, mode)


def all_losses(sizes: tuple[tuple[int, int], ...] = SIZES, *, quick: bool, data: str, say: Say) -> list[Row]:
    """Measure every size, one in memory at a time."""
    rows: list[Row] = []
    for n, k in sizes:
        small = (n, k) in CALLS
        c = case(n, k, data=data)
        rows += losses(c, quick=quick, names=tuple(cpu_contenders.CONTENDERS), say=say, one=not small, calls=small)
        del c
        gc.collect()
    return rows
