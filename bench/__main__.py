"""Run one benchmark by name."""

from __future__ import annotations

import importlib
import sys

NAMES = {"explorer": "pointer to paint, size of the page, import time"}


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in NAMES:
        print("usage: python -m bench NAME\n" + "\n".join(f"  {n}: {what}" for n, what in NAMES.items()))
        return 2
    importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
