"""Run one benchmark by name."""

from __future__ import annotations

import importlib
import sys

NAMES = {
    "audit": "the auditor beside reading the file, and beside peers that give the same numbers",
    "cpu": "the losses beside their peers and beside reading and copying the array; --help lists the options",
    "explorer": "pointer to paint, size of the page, import time",
    "zoo": "hits and false alarms of every rule of the auditor, into docs/findings.md",
    "readme": "write the tables of README.md and docs/benchmarks.md from bench/results/cpu.json",
}


FILES = {"zoo": "audit_zoo"}  # where the file's name is another


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in NAMES:
        print("usage: python -m bench NAME\n" + "\n".join(f"  {n}: {what}" for n, what in NAMES.items()))
        return 2
    module = importlib.import_module(f"bench.{FILES.get(name, name)}")
    module.main()  # which reads the options after its name, if it has any
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
