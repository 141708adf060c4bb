"""Write the generated pages, into docs/ or into another folder: ``python -m docs [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path

from docs import article, numerics, reference

PAGES = {"numerics.md": numerics.page, "article.md": article.page, "reference.md": reference.page}


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        print(folder / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
