"""Every numbered example runs as a reader would run it; the one that makes the demo data makes them again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))
TRAIN = ROOT / "examples" / "01_train_digits.py"
DEMO = ROOT / "src" / "xent" / "explorer" / "demo" / "digits.json"


def run(script: Path, folder: Path, *arguments: str) -> str:
    # One thread: matrices this small gain nothing from more, and lose much where other programs are at work.
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", str(script), *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | one, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_there_are_examples_and_their_numbers_are_consecutive() -> None:
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    assert TRAIN in EXAMPLES
    assert set(EXAMPLES) == set((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    arguments, check = CHECKS.get(script.name, ((), None))
    assert run(script, tmp_path, *arguments)
    if check is not None:
        check(tmp_path)


def made_the_demo_data(folder: Path) -> None:
    again = json.loads((folder / "digits.json").read_text("utf-8"))
    known = json.loads(DEMO.read_text("utf-8"))
    models, known_models = again.pop("models"), known.pop("models")
    assert again == known  # images, labels, classes, source
    assert {key: model["name"] for key, model in models.items()} == {k: m["name"] for k, m in known_models.items()}
    for key, model in models.items():
        logits, expected = np.array(model["logits"]), np.array(known_models[key]["logits"])
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-3)
        assert (logits.argmax(axis=1) == expected.argmax(axis=1)).all()


def found_what_was_done(folder: Path) -> None:
    reports = {path.stem: json.loads(path.read_text("utf-8")) for path in (folder / "audits").glob("*.json")}
    codes = {
        name: {f["code"] for f in report["findings"] if f["severity"] != "info"} for name, report in reports.items()
    }
    assert codes == {
        "plain": set(),
        "softmax-twice": {"XE101"},
        "labels-slipped": {"XE205"},
        "columns-reversed": {"XE203"},
        "overtrained": {"XE501"},
    }
    assert all((folder / "audits" / f"{name}.html").stat().st_size < 500_000 for name in reports)


CHECKS = {
    "02_audit_digits.py": ((), found_what_was_done),
    TRAIN.name: (("--out", "digits.json"), made_the_demo_data),
}
"""Example → its arguments, and what has to be true of the folder it ran in."""
