"""The auditor beside reading the file, and beside the peers that give the same numbers: ``python -m bench audit``.

Files are made in a temporary folder and read once before they are measured, so that they are in the page cache. All
of a row run in turns. Peers that are not installed are recorded as absent (``pip install netcal cleanlab``).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench import machine

OUT = Path(__file__).parent / "out"
SIZES = ((400_000, 1000), (4_000_000, 100), (20_000_000, 10), (6_000, 50_257))
QUICK = ((20_000, 1000), (200_000, 100))
PEERS = (200_000, 100)
FIT = (1_000_000, 100)
BIG = 10 * 2**30  # bytes
PACKAGES = ("xent", "numpy", "numba", "scikit-learn", "torchmetrics", "netcal", "cleanlab", "torch")
BLOCK = 2**22  # bytes that are read at a time

PEAK = """
import json, os, sys, threading, time
from xent.auditor.engine import audit_files
most, going = 0, True
def watch():
    global most
    while going:
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                most = max(most, int(line.split()[1]))
        time.sleep(0.02)
thread = threading.Thread(target=watch)
thread.start()
begin = time.perf_counter()
report = audit_files(sys.argv[1])
took = time.perf_counter() - begin
going = False
thread.join()
print(json.dumps({"rows": report.numbers.rows, "seconds": took, "MB": most / 1000}))
"""


def predictions(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Give logits of a classifier that is right more often than not, float32, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, k), dtype=np.float32) * 2
    return z, (z + rng.gumbel(size=(n, k)).astype(np.float32)).argmax(axis=1)


def in_turns(contenders: dict[str, Callable[[], Any]], times: int) -> dict[str, float]:
    """Median seconds of each, one after the other in every round; the first round is not counted."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(times + 1):
        for name, run in contenders.items():
            begin = time.perf_counter()
            run()
            if number:
                found[name].append(time.perf_counter() - begin)
    return {name: median(took) for name, took in found.items()}


def read(path: Path) -> None:
    """Read a file's bytes into one buffer."""
    buffer = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def passes(folder: Path, sizes: tuple[tuple[int, int], ...], times: int) -> list[dict[str, Any]]:
    """Audit files of logits, and read them."""
    from xent.auditor.engine import summarize
    from xent.auditor.readers import open_source

    rows = []
    for n, k in sizes:
        z, y = predictions(n, k)
        np.savez(folder / "logits.npz", logits=z, labels=y)
        del z, y
        path = folder / "logits.npz"
        took = in_turns(
            {"read": lambda path=path: read(path), "xent": lambda path=path: summarize(open_source([path]))}, times
        )
        size = path.stat().st_size
        rows.append({"rows": n, "classes": k, "bytes": size, **took, "share": took["read"] / took["xent"]})
        speed = {name: size / seconds / 1e9 for name, seconds in took.items()}
        print(f"  {n} × {k}: read {speed['read']:.2f} GB/s, audit {speed['xent']:.2f} GB/s")
        path.unlink()
    return rows


def others(z: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Each part of what a report holds, by who has it."""
    import torch
    from sklearn import metrics

    k = z.shape[1]
    parts: dict[str, Callable[[], Any]] = {}

    def softmax() -> np.ndarray:
        return torch.softmax(torch.from_numpy(z), 1).numpy()

    p = softmax()
    predicted, classes = p.argmax(axis=1), np.arange(k)
    parts["softmax (torch)"] = softmax
    parts["log_loss (scikit-learn)"] = lambda: metrics.log_loss(y, p.astype(float), labels=classes)
    parts["top_k_accuracy (scikit-learn)"] = lambda: metrics.top_k_accuracy_score(y, p, k=5, labels=classes)
    parts["confusion, recall (scikit-learn)"] = lambda: (
        metrics.confusion_matrix(y, predicted, labels=classes),
        metrics.recall_score(y, predicted, average=None, labels=classes, zero_division=0),
    )
    parts["brier_score_loss (scikit-learn)"] = lambda: metrics.brier_score_loss(y, p, labels=classes)

    def ece() -> Any:
        from torchmetrics.classification import MulticlassCalibrationError

        return MulticlassCalibrationError(k, n_bins=15)(torch.from_numpy(p), torch.from_numpy(y))

    def temperature() -> Any:
        from netcal.scaling import TemperatureScaling

        return TemperatureScaling().fit(p, y)

    def label_errors() -> Any:
        from cleanlab.filter import find_label_issues

        return find_label_issues(y, p, n_jobs=1)

    parts["calibration error (torchmetrics)"] = ece
    parts["temperature (netcal)"] = temperature
    parts["label issues (cleanlab)"] = label_errors
    return parts


def against_peers(n: int, k: int) -> dict[str, Any]:
    """Audit arrays beside the parts by others, each measured once after a warm-up on 1000 rows."""
    import xent

    z, y = predictions(n, k)
    took: dict[str, float] = {}
    for name, run in others(z[:1000], y[:1000]).items():
        _quiet(run, took, name)
    for name, run in others(z, y).items():
        _quiet(run, took, name)
        print(f"  {name}: {took.get(name, float('nan')):.3f} s")
    xent.audit(z[:1000], y[:1000], kind="logits")
    took_here = in_turns({"xent": lambda: xent.audit(z, y, kind="logits")}, 3)["xent"]
    total = sum(took.values())
    print(f"  xent {took_here:.3f} s, the others {total:.3f} s: {total / took_here:.1f} × as long")
    return {"rows": n, "classes": k, "xent": took_here, "others": took, "ratio": total / took_here}


def _quiet(run: Callable[[], Any], took: dict[str, float], name: str) -> None:
    took.pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        try:
            run()
        except (ImportError, PackageNotFoundError):
            return
        took[name] = time.perf_counter() - begin


def temperatures(n: int, k: int) -> dict[str, Any]:
    """Fit a temperature beside scikit-learn and netcal."""
    import torch
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    import xent

    z, y = predictions(n, k)

    class Logits(ClassifierMixin, BaseEstimator):  # a classifier whose logits are its inputs
        def fit(self, x: np.ndarray, y: np.ndarray) -> Logits:  # noqa: ARG002 - scikit-learn's signature
            self.classes_ = np.arange(x.shape[1])
            return self

        def decision_function(self, x: np.ndarray) -> np.ndarray:
            return x

        def predict(self, x: np.ndarray) -> np.ndarray:
            return x.argmax(axis=1)

    took: dict[str, float] = {}
    xent.calibration.fit_temperature(z[:1000], y[:1000])
    begin = time.perf_counter()
    fit = xent.calibration.fit_temperature(z, y)
    took["xent"] = time.perf_counter() - begin
    found = {"xent": fit.temperature}

    def by_scikit_learn() -> None:
        given = FrozenEstimator(Logits().fit(z, y))
        model = CalibratedClassifierCV(given, method="temperature", ensemble=False).fit(z, y)
        found["scikit-learn"] = 1 / float(model.calibrated_classifiers_[0].calibrators[0].beta_)

    def by_netcal() -> None:
        from netcal.scaling import TemperatureScaling

        p = torch.softmax(torch.from_numpy(z), 1).numpy()
        scaling = TemperatureScaling()
        scaling.fit(p, y)
        found["netcal"] = 1 / float(np.ravel(scaling.temperature)[0])

    _quiet(by_scikit_learn, took, "scikit-learn")
    _quiet(by_netcal, took, "netcal")
    for name, seconds in took.items():
        print(f"  {name}: {seconds:.2f} s, T = {found.get(name, float('nan')):.6f}, {seconds / took['xent']:.1f} ×")
    return {"rows": n, "classes": k, "seconds": took, "temperature": found}


def memory(folder: Path, size: int) -> dict[str, Any]:
    """Audit a file larger than the memory allowed for it, in a process of its own."""
    import json

    k = 1000
    z, y = predictions(250_000, k)
    n = size // (4 * k)
    logits = np.lib.format.open_memmap(folder / "logits.npy", "w+", np.float32, (n, k))
    for a in range(0, n, len(z)):
        part = z[: min(len(z), n - a)]
        logits[a : a + len(part)] = part + np.float32(a / n)  # a constant a block: other bytes, the same softmax
    del logits
    np.save(folder / "labels.npy", np.resize(y, n))
    code = PEAK.replace("audit_files(sys.argv[1])", "audit_files(sys.argv[1], labels=sys.argv[2])")
    found = subprocess.run(
        [sys.executable, "-c", code, str(folder / "logits.npy"), str(folder / "labels.npy")],
        check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "src"},
    )  # fmt: skip
    result = {"bytes": size, **json.loads(found.stdout)}
    print(f"  {size / 1e9:.1f} GB: {result['MB']:.0f} MB at most, {result['seconds']:.1f} s")
    return result


def goals(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold what was measured against what was set out."""
    found = [
        {"goal": f"audit ÷ reading, {r['rows']} × {r['classes']}", "value": r["share"], "at least": 0.4}
        for r in result["passes"]
    ]
    found.append({"goal": "others ÷ audit", "value": result["peers"]["ratio"], "at least": 10.0})
    seconds = result["fit"]["seconds"]
    found += [
        {"goal": f"fit_temperature, {name} ÷ xent", "value": seconds[name] / seconds["xent"], "at least": 20.0}
        for name in ("scikit-learn", "netcal")
        if name in seconds
    ]
    if result["memory"]:
        found.append({"goal": "MB of a large file", "value": result["memory"]["MB"], "at most": 400.0})
    for g in found:
        g["met"] = g["value"] >= g["at least"] if "at least" in g else g["value"] <= g["at most"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench audit")
    parser.add_argument("--quick", action="store_true", help="small sizes; not kept")
    parser.add_argument("--folder", type=Path, help="where the files go (default: the system's temporary folder)")
    chosen = parser.parse_args(sys.argv[2:])
    n, k = (20_000, 100) if chosen.quick else PEERS
    m, j = (50_000, 100) if chosen.quick else FIT
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        print("one pass, beside reading the file's bytes from the page cache")
        result: dict[str, Any] = {
            "versions": versions,
            "passes": passes(Path(folder), QUICK if chosen.quick else SIZES, 3),
        }
        print(f"the same numbers by others, {n} × {k}")
        result["peers"] = against_peers(n, k)
        print(f"fit_temperature, {m} × {j}")
        result["fit"] = temperatures(m, j)
        print("memory")
        result["memory"] = memory(Path(folder), BIG // 100 if chosen.quick else BIG)
    result["goals"] = goals(result)
    for g in result["goals"]:
        bound = f"≥ {g['at least']:g}" if "at least" in g else f"≤ {g['at most']:g}"
        print(f"  {g['goal']:45} {g['value']:8.3g} {bound:8} {'met' if g['met'] else 'missed'}")
    print("written to", machine.write("audit", result, OUT if chosen.quick else machine.RESULTS))
