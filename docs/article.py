"""docs/article.md: every function of the article, run beside ours."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from docs import cases_beyond, cases_losses
from docs.calls import TOOLS, run
from docs.cases import Row, Section
from docs.tables import Said, made_with, number, numbers, raised, table
from docs.tables import page as joined

SECTIONS = (*cases_losses.SECTIONS, *cases_beyond.SECTIONS)


class Outcome(NamedTuple):
    """A row that was run: what both gave, as text, and whether it is the same."""

    article: str
    ours: str
    same: bool | None


def _text(said: Said) -> str:
    if said.error:
        return raised(said)
    value = said.value
    value = value.detach().numpy() if isinstance(value, torch.Tensor) else value
    if isinstance(value, bool | tuple):
        text = str(value)
    else:
        text = (
            numbers(value, 5) if np.ndim(value) else number(value, 5 if isinstance(said.value, torch.Tensor) else 8)
        )
    return f"{text} (with a {said.warning})" if said.warning else text


def _same(a: Said, b: Said) -> bool:
    if a.error or b.error:
        return bool(a.error) == bool(b.error)
    x, y = (
        np.asarray(said.value.detach() if isinstance(said.value, torch.Tensor) else said.value) for said in (a, b)
    )
    rtol = 1e-6 if x.dtype == np.float32 else 1e-12
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=rtol, atol=0, equal_nan=True))


def outcome(row: Row, names: dict[str, Any]) -> Outcome:
    theirs = run(row.article, **names) if row.article else None
    ours = run(row.ours, **names) if row.ours else None
    if ours is not None and ours.error:  # ours may refuse what the article answers, and nothing else may go wrong
        assert row.article, f"{row.ours}: {ours.error}"
        assert ours.error.startswith(("ValueError: ", "TypeError: ")), f"{row.ours}: {ours.error}"
    same = None if theirs is None or ours is None else _same(theirs, ours)
    return Outcome(*("—" if said is None else _text(said) for said in (theirs, ours)), same)


def _code(code: str) -> str:
    return f"`{code}`" if code else "—"


def section(part: Section) -> list[str]:
    names: dict[str, Any] = {}
    exec(part.setup, TOOLS | {}, names)  # the setup is ours, in cases_*.py, and stands on the page
    rows: list[list[str]] = []
    for row in part.rows:
        got = outcome(row, names)
        assert row.remark or got.same is not False, (
            f"{row.article} differs from {row.ours}: the page has to say why"
        )
        words = "" if got.same is None else "same" if got.same else "differs"
        rows.append(
            [
                _code(row.article),
                got.article,
                *([row.printed or "—"] if any(r.printed for r in part.rows) else []),
                _code(row.ours),
                got.ours,
                ": ".join(filter(None, (words, row.remark))),
            ]
        )
    printed = ["it prints"] if any(r.printed for r in part.rows) else []
    setup = [f"```python\n{part.setup.strip()}\n```"] if part.setup else []
    header = ["the article's", "gives", *printed, "ours", "gives", "verdict"]
    return [f"## {part.title}", part.text, *setup, table(header, rows)]


def slug(title: str) -> str:
    """Give the anchor that a heading has on GitHub."""
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def page() -> str:
    index = [[f"[{p.title}](#{slug(p.title)})", p.theirs, p.ours] for p in SECTIONS]
    return joined(
        f"""
# The article, function by function

xent grew from an article on cross-entropy, and everything in it exists here. Below each of its functions is
run, written out as the article prints it ([original.py](original.py)), beside ours. `make docs` writes this
page; a test compares. Versions: {made_with("numpy", "torch")}.

Where the article's example is right, ours gives the same. Where the two differ, the verdict says what is wrong.
"same" and "differs" are computed: 12 digits, 6 in float32, and the same shape. What probabilities and rounding
cost in every library, the article's functions among them, is on the page [Numerics](numerics.md).

One slip runs through the whole text: it counts information in bits, and its code takes natural logarithms. Its
losses, like ours, are in nats; a bit is 0.693 of them, and `xent.information` takes `base=2`.""",
        table(["section", "the article's", "ours"], index),
        *(block for part in SECTIONS for block in section(part)),
    )
