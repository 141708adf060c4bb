"""Going through rows in a gallery, for every section that has one: whose rows, which page of them, which row.

The section's state has the fields ``source`` (empty: the first there is), ``row`` (−1: none of them), ``mistakes``
(``"all"``, ``"mistakes"``) and ``page``; and the section says how a row is shown: ``load(state, index, rows)``,
which raises ActionError where it cannot be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from xent.explorer.gallery import PER_PAGE, window
from xent.explorer.rows import Rows
from xent.explorer.state import ActionError, put
from xent.explorer.text import words

S = TypeVar("S", bound=Any)
Load = Callable[[S, int, Rows], S]

text = words("gallery")


def source_of(state: Any, sources: Mapping[str, Rows]) -> str:
    """Say whose rows the gallery shows; empty where there are none."""
    return state.source or next(iter(sources), "")


def take(state: S, source: str, sources: Mapping[str, Rows], load: Load[S]) -> S:
    """Load the costliest mistake of a source, or, where there is none, the costliest row."""
    rows = sources[source]
    wrong = len(rows.mistakes) > 0
    chosen = [int(index) for index in (rows.mistakes if wrong else rows.order)[:PER_PAGE]]
    state = dataclasses.replace(state, source=source, mistakes="mistakes" if wrong else "all", page=0, row=-1)
    for index in chosen[:-1]:
        with suppress(ActionError):
            return load(state, index, rows)
    return load(state, chosen[-1], rows)


def turn(state: S, action: Mapping[str, Any], sources: Mapping[str, Rows], load: Load[S]) -> S | None:
    """Do one edit of a gallery; None where it is none."""
    do, value, path = action["do"], action.get("value"), action.get("path")
    if do == "page":
        return dataclasses.replace(state, page=max(whole(do, value), 0))
    if do == "load":
        return _load(state, whole(do, value), sources, load)
    if do != "set" or path not in ("source", "mistakes", "row"):
        return None
    if path == "row":
        raise ActionError(text.by_hand.format(field=path))
    new = dataclasses.replace(put(state, path, value), page=0)
    if path == "mistakes":
        return new
    if new.source not in sources:
        raise ActionError(text.no_rows.format(name=repr(new.source), known=", ".join(sources) or text.none))
    same, new = state.row, dataclasses.replace(new, row=-1)
    return load(new, same, sources[new.source]) if 0 <= same < len(sources[new.source].labels) else new


def repair(state: S, sources: Mapping[str, Rows]) -> tuple[S, list[str]]:
    """Choose rows, a page and a row that are there; a sentence for what a reader could notice."""
    said: list[str] = []
    if state.source and state.source not in sources:
        said.append(text.rows_gone.format(name=repr(state.source)))
        state = dataclasses.replace(state, source="", row=-1, page=0)
    rows = sources.get(source_of(state, sources))
    count = 0 if rows is None else len(rows.labels)
    if state.row >= count:
        said.append(text.row_gone.format(row=state.row, count=count))
        state = dataclasses.replace(state, row=-1)
    pages = 1 if rows is None else window(rows, 0, mistakes=state.mistakes == "mistakes")[1]
    return dataclasses.replace(state, page=min(state.page, pages - 1)), said


def whole(do: str, value: Any) -> int:
    """Give the whole number that an action comes with, or raise ActionError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ActionError(text.no_whole.format(do=do, value=repr(value)[:40]))
    return value


def _load(state: S, index: int, sources: Mapping[str, Rows], load: Load[S]) -> S:
    name = source_of(state, sources)
    rows = sources.get(name)
    if rows is None:
        raise ActionError(text.no_row_here.format(row=index))
    if not 0 <= index < len(rows.labels):
        raise ActionError(text.no_row_in.format(row=index, last=len(rows.labels) - 1, source=repr(name)))
    return load(dataclasses.replace(state, source=name), index, rows)
