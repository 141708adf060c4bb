"""Audit real predictions, as they are and spoiled in three ways, and write a report of each.

The predictions are those of the demo's two classifiers for 400 digits they never saw. Three things that go wrong in
practice are done to the honest one's: softmax is applied twice, the labels slip by three rows against the
predictions, and the columns come in reverse. The over-trained one needs no help: it is too sure.

    python examples/02_audit_digits.py --out audits

Needs only what `pip install xent` installs. A line is the verdict; the page beside it has the evidence and the fix.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import xent
from xent.auditor.render import render
from xent.explorer.rows import demo

Case = tuple[NDArray[np.float64], NDArray[np.int64]]


def cases() -> dict[str, Case]:
    """Give what is audited: scores (N, 10) that are declared to be logits and labels (N,), by a name."""
    plain, overtrained = (
        (np.array(rows.logits), np.array(rows.labels)) for rows in map(demo().get, ("plain", "overtrained")) if rows
    )
    z, y = plain
    return {
        "plain": plain,
        "softmax-twice": (np.asarray(xent.softmax(z)), y),
        "labels-slipped": (z, np.roll(y, 3)),
        "columns-reversed": (z[:, ::-1], y),
        "overtrained": overtrained,
    }


def main() -> None:
    """Audit each case, print its verdict, and write its page and its JSON."""
    parser = argparse.ArgumentParser(description="Audit the demo's predictions, plain and spoiled.")
    parser.add_argument("--out", type=Path, default=Path("audits"), help="folder of the reports (default: audits)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, (scores, labels) in cases().items():
        report = xent.audit(scores, labels, kind="logits", name=name)
        for form in ("html", "json"):
            (out / f"{name}.{form}").write_text(render(report, form), encoding="utf-8")
        print(f"{name:18}{report.verdict}\n{'':18}{out / name}.html")


if __name__ == "__main__":
    main()
