"""What docs/article.md is made of: the article's call, ours, what the article prints, what is wrong with it."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """Two lines of code; a row whose answers differ must have a remark."""

    article: str
    ours: str
    remark: str = ""
    printed: str = ""


class Section(NamedTuple):
    """A piece of the article: its functions and ours, a few words, the inputs, the rows."""

    title: str
    theirs: str
    ours: str
    text: str
    setup: str
    rows: tuple[Row, ...]
