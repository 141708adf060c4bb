"""What only a new process can show: the peak of memory above the inputs, and the time to the first loss.

Run as ``python -m bench.cpu_process CONTENDER [ROWS CLASSES]…`` it is the measured process itself.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.cpu_cases import FORWARD, GRADIENT, Skipped, case
from bench.cpu_contenders import CONTENDERS, OURS

MEMORY_SIZES = ((65536, 1000), (6_000_000, 10))
MEMORY_QUICK = ((4096, 1000),)
ROOT = Path(__file__).parent.parent

# -------------------------------------------------------------------------------------------------- peak memory


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field} in /proc/self/status")


def peak_of(name: str, rows: int, classes: int, mode: str) -> dict[str, Any]:
    """Run a contender once to load and compile everything, then again from a peak that was reset (Linux)."""
    c = case(rows, classes)
    run = CONTENDERS[name](c, mode)
    result = run()
    del result
    gc.collect()
    if not Path("/proc/self/clear_refs").exists():
        raise Skipped("the peak of memory can only be reset on Linux")
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    result = run()
    above = _status("VmHWM") - before
    del result
    return {
        "who": name,
        "rows": rows,
        "classes": classes,
        "mode": mode,
        "bytes": above,
        "logits": float(f"{above / c.logits.nbytes:.4g}"),
    }


def child() -> None:
    """Print the peaks of one contender as JSON, one line a mode and size."""
    name, *numbers = sys.argv[1:]
    for rows, classes in zip(map(int, numbers[::2]), map(int, numbers[1::2]), strict=True):
        for mode in (FORWARD, GRADIENT):
            if name == "torch.compile" and mode == FORWARD:
                continue
            try:
                print(json.dumps(peak_of(name, rows, classes, mode)), flush=True)
            except Skipped as why:
                skip = {"who": name, "rows": rows, "classes": classes, "mode": mode, "skipped": str(why)}
                print(json.dumps(skip), flush=True)


def memory(sizes: tuple[tuple[int, int], ...], *, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Measure the peaks, a fresh process for each contender."""
    found: list[dict[str, Any]] = []
    numbers = [str(x) for size in sizes for x in size]
    for name in names:
        done = _python(["-m", "bench.cpu_process", name, *numbers], os.environ)
        if done.returncode and name in OURS:
            raise RuntimeError(done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        why = (done.stderr.strip().splitlines() or ["no output"])[-1]
        found += lines if not done.returncode else [*lines, {"who": name, "skipped": why}]
    return found


# --------------------------------------------------------------------------------------------------- first loss

FIRST = {
    "xent": "import xent; xent.cross_entropy_with_grad(z, y)",
    "xent.torch": "import torch, xent.torch as F; {backward}",
    "torch": "import torch, torch.nn.functional as F; {backward}",
    "jax.jit": "import jax, jax.numpy as jnp; f = jax.jit(jax.value_and_grad(lambda a, b:"
    " -jnp.take_along_axis(jax.nn.log_softmax(a), b[:, None], -1).mean())); jax.block_until_ready(f(z, y))",
    "SciPy": "from scipy.special import log_softmax; p = log_softmax(z, axis=1); i = np.arange(len(y));"
    " loss = -p[i, y].mean(); p = np.exp(p); p[i, y] -= 1; p /= len(y)",
}
_BACKWARD = "x = torch.from_numpy(z).requires_grad_(); F.cross_entropy(x, torch.from_numpy(y)).backward()"


def first_losses(*, repeats: int, names: tuple[str, ...] = tuple(FIRST)) -> list[dict[str, Any]]:
    """Time imports and first loss with gradient of 256 rows in a new process, compiled code cached or not."""
    found: list[dict[str, Any]] = []
    for name in names:
        for classes in (1000, 10) if name in OURS else (1000,):
            about = {"who": name, "rows": 256, "classes": classes}
            warm = [_first(name, classes, os.environ) for _ in range(repeats + 1)][1:]  # the first one fills caches
            found.append({**about, "cache": "warm", **_middle(warm)})
            if name not in OURS:
                continue
            cold: list[float | str] = []
            for _ in range(max(1, repeats // 2)):
                with tempfile.TemporaryDirectory() as empty:
                    places = {"NUMBA_CACHE_DIR": empty, "XDG_CACHE_HOME": empty}
                    cold.append(_first(name, classes, {**os.environ, **places}))
            found.append({**about, "cache": "cold", **_middle(cold)})
    return found


def _middle(times: list[float | str]) -> dict[str, Any]:
    numbers = [t for t in times if not isinstance(t, str)]
    if len(numbers) < len(times):
        return {"skipped": next(t for t in times if isinstance(t, str))}
    return {"seconds": float(f"{statistics.median(numbers):.4g}"), "n": len(numbers)}


def _first(name: str, classes: int, environment: Any) -> float | str:
    """Give the seconds from the first line of Python to the loss, or why there is none."""
    code = f"""import time; begin = time.perf_counter()
import numpy as np
z = np.random.default_rng(0).standard_normal((256, {classes}), dtype=np.float32)
y = np.arange(256) % {classes}
{FIRST[name].format(backward=_BACKWARD)}
print(time.perf_counter() - begin)"""
    done = _python(["-c", code], environment)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1]
        if name in OURS and "ModuleNotFoundError" not in why:
            raise RuntimeError(done.stderr)
        return why
    return float(done.stdout.split()[-1])


def _python(arguments: list[str], environment: Any) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(paths)},
    )


if __name__ == "__main__":
    child()
