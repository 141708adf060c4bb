"""The losses beside their peers and beside what memory allows, in one run: ``python -m bench cpu``.

Every row holds who is compared and the limit, which is the time to read the logits or to copy them. They run in
turns, each round in a random but seeded order, garbage collected before each sample and results freed after it; a
number is the median of such samples. Before anyone is timed the answer is held against float64. One input is in
memory at a time. Repeats are chosen by a budget of seconds a row, so that slow contenders get three and fast ones
more; the number is recorded.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench import machine
from bench.cpu_cases import DATA, QUICK, SEED, SIZES
from bench.cpu_contenders import CONTENDERS
from bench.cpu_family import family
from bench.cpu_goals import goals, verdict
from bench.cpu_limits import cores
from bench.cpu_others import others
from bench.cpu_process import FIRST, MEMORY_QUICK, MEMORY_SIZES, first_losses, memory
from bench.cpu_rows import Say, all_losses
from bench.cpu_tables import figure, lost

PACKAGES = ("xent", "numpy", "numba", "torch", "jax", "jaxlib", "optax", "scipy", "scikit-learn")
OUT = Path(__file__).parent / "out"  # what --quick or other data gives; not kept


def versions() -> dict[str, str]:
    """Give the versions of what is compared."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def measure(
    sizes: tuple[tuple[int, int], ...],
    *,
    quick: bool,
    data: str = "spread",
    processes: bool = True,
    say: Say = print,
) -> dict[str, Any]:
    """Measure everything and judge it against the goals."""
    import torch

    begin = time.monotonic()
    rows = all_losses(sizes, quick=quick, data=data, say=say) + others(quick=quick, say=say)
    rows += family(quick=quick, say=say)
    found: dict[str, Any] = {"memory": [], "first": []}
    if processes:
        names = tuple(n for n in CONTENDERS if not (quick and n == "torch.compile"))
        found = {
            "memory": memory(MEMORY_QUICK if quick else MEMORY_SIZES, names=names),
            "first": first_losses(repeats=1 if quick else 4, names=tuple(FIRST)),
        }
        report(found, say)
    result = {
        "versions": versions(),
        "settings": {
            "data": DATA[data],
            "seed": SEED,
            "quick": quick,
            "threads": {"all": cores(), "torch": torch.get_num_threads()},
            "seconds": round(time.monotonic() - begin, 1),
        },
        "rows": rows,
        **found,
    }
    result["goals"] = goals(result)
    say("\ngoals")
    for g in result["goals"]:
        measured = figure(g["measured"])
        say(f"  {g['what']:<28}{g['where']:<48}{measured:>9} {g['sense']} {figure(g['goal']):<5} {verdict(g)}")
    say("\nwhere a peer is faster")
    for line in lost(result) or ["nowhere"]:
        say(f"  {line}")
    return result


def report(found: dict[str, Any], say: Say) -> None:
    """Print what new processes showed."""
    say("\npeak of memory above the inputs, in units of the logits")
    for x in found["memory"]:
        where = f"{x.get('rows', '')} × {x.get('classes', '')}, {x.get('mode', '')}"
        say(f"  {x['who']:<16}{where:<36}{x['logits'] if 'logits' in x else 'skipped: ' + x['skipped']}")
    say("\nseconds from the first line of a new process to loss and gradient")
    for x in found["first"]:
        where = f"{x['rows']} × {x['classes']}, {x['cache']} cache"
        say(f"  {x['who']:<16}{where:<36}{x['seconds'] if 'seconds' in x else 'skipped: ' + x['skipped']}")


def main() -> None:
    """Measure, print and keep; only a full run on the default data is kept where documents quote it."""
    parser = argparse.ArgumentParser(prog="python -m bench cpu", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and few repeats: for trying the benchmark"
    )
    kind = parser.add_mutually_exclusive_group()
    for name in ("random", "peaked"):
        kind.add_argument(f"--{name}", dest="data", action="store_const", const=name, help=DATA[name])
    parser.set_defaults(data="spread")
    given = parser.parse_args(sys.argv[2:])

    def say(line: str) -> None:
        print(line, flush=True)

    result = measure(QUICK if given.quick else SIZES, quick=given.quick, data=given.data, say=say)
    kept = not given.quick and given.data == "spread"
    path = machine.write("cpu", result) if kept else machine.write(f"cpu-{given.data}", result, OUT)
    say(f"\n{result['settings']['seconds']} s; written to {path.name}")
    if kept:
        say("python -m bench readme writes the tables of README.md and docs/benchmarks.md from it")
