"""The zoo of the auditor: hits and false alarms of every rule, into bench/results/zoo.json and docs/findings.md.

``python -m bench zoo`` runs all of it; ``python -m bench zoo --page`` writes the page again from the results.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "zoo.json"
PAGE = ROOT / "docs" / "findings.md"
FAMILIES = {
    "kind": "What the scores are",
    "alignment": "Whether labels, rows and columns belong together",
    "numerics": "Numbers that a computer got wrong",
    "prior": "How frequent the classes are",
    "calibration": "Whether probabilities mean what they say",
    "data": "Rows and labels",
    "forensics": "What a printed loss is",
}
SURE = {
    "identity": "an identity that sound data cannot have",
    "test": "a test: p < 1e-6 and an effect",
    "heuristic": "a pattern that sound data could have",
}


def run() -> dict[str, Any]:
    """Audit every positive and every clean configuration."""
    sys.path.insert(0, str(ROOT / "tests"))
    from zoo import clean, keeper

    start = time.perf_counter()
    rules: dict[str, dict[str, Any]] = {}
    for code in keeper.positives():
        hits = [code in keeper.found(made) for made in keeper.sabotaged(code, keeper.SEEDS)]
        rules[code] = {"positives": len(hits), "hits": sum(hits)}
        print(f"{code} {sum(hits)}/{len(hits)}  {time.perf_counter() - start:.0f} s", flush=True)
    alarms: dict[str, list[str]] = {}
    eligible: Counter[str] = Counter()
    many = rows = 0
    for one in clean.clean():
        many += 1
        report = keeper.audited(one.make())
        rows += report.numbers.rows
        eligible.update(one.true)
        for finding in report.findings:
            if finding.code not in one.true:
                alarms.setdefault(finding.code, []).append(one.name)
    print(f"{many} clean configurations  {time.perf_counter() - start:.0f} s")
    return {
        "clean": many,
        "rows": rows,
        "positives": dict(sorted(rules.items())),
        "true_of": dict(sorted(eligible.items())),
        "false_alarms": dict(sorted(alarms.items())),
    }


def page(results: dict[str, Any]) -> str:
    """Give the page of findings."""
    import xent.auditor.checks  # fills RULES  # noqa: F401
    from xent.auditor.finding import FAMILIES as ORDER
    from xent.auditor.finding import RULES

    clean, rows = results["clean"], results["rows"]
    parts = [
        "# Findings",
        "Everything that `xent audit` can find, by code. Each rule was tried on predictions that were sabotaged in "
        f"this very way, and on {clean} clean configurations ({rows:,} rows) in which nothing is wrong: "
        f"labels drawn "
        "from the model's own probabilities, and held-out predictions of real data; untrained, weak, strong, "
        "smoothed, imbalanced, noisy; 2 to 50257 classes, 50 to 1000000 rows. A configuration of which a "
        "finding is "
        "true, such as a model that is too sure, is not counted as clean for its code.",
        "An error says that the numbers are not what they are taken for; a warning that they are right and mean "
        "something else than a reader may think; information needs no action. `python -m bench zoo` measures the "
        "rates and writes this page.",
        "| Code | Finding | Severity | Rests on | Hits | False alarms |\n|---|---|---|---|---:|---:|",
    ]
    table, texts = [], []
    for family in ORDER:
        members = sorted((r for r in RULES.values() if r.family == family), key=lambda r: r.code)
        if members:
            texts.append(f"## {FAMILIES[family]}")
        for rule in members:
            got = results["positives"].get(rule.code)
            hits = f"{got['hits']} of {got['positives']}" if got else "not measured"
            false = len(results["false_alarms"].get(rule.code, ()))
            among = clean - results["true_of"].get(rule.code, 0)
            table.append(
                f"| [{rule.code}](#{rule.code.lower()}) | {rule.title} | {rule.severity} | {rule.sure} | {hits} | "
                f"{false} of {among} |"
            )
            silences = f" Explains, and so silences: {', '.join(rule.silences)}." if rule.silences else ""
            texts.append(
                f"### {rule.code}\n\n**{rule.title}.** {rule.severity.capitalize()}; rests on {SURE[rule.sure]}."
                f"{silences}\n\n{rule.text.replace('<', chr(92) + '<')}"
            )
    parts[-1] += "\n" + "\n".join(table)
    return "\n\n".join([*parts, *texts]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench zoo")
    parser.add_argument("--page", action="store_true", help="only write docs/findings.md from the results")
    chosen = parser.parse_args(sys.argv[2:])
    if not chosen.page:
        RESULTS.write_text(json.dumps(run(), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text("utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
