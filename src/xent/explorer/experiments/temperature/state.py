"""What is remembered, how it is edited, and how rows are loaded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer import browse
from xent.explorer.gallery import MOST_CLASSES, fold
from xent.explorer.numbers import show_input
from xent.explorer.rows import Rows
from xent.explorer.section import Sources, edit
from xent.explorer.state import ActionError, Many, OneOf, Real, Whole, Word, codecs, stored
from xent.explorer.text import words

text = words("temperature")
CLASSES: tuple[str, ...] = tuple(text.classes)
SPANS = (10, 20, 50, 100, 200, 500, 1000)
REACH = float(SPANS[-1])
COLD, HOT = 0.01, 100.0


@dataclass(frozen=True)
class State:
    """The logits of a model, which is the teacher below, those of its student, and one temperature for both.

    ``span`` is how far the axes of logits reach, ``names`` are those of rows that were loaded; then what
    `xent.explorer.browse` goes through.
    """

    logits: tuple[float, ...] = stored((3.0, 2.0, 0.5, -1.0), Many(Real("z", -REACH, REACH), 2, MOST_CLASSES))
    temperature: float = stored(1.0, Real("T", COLD, HOT))
    student: tuple[float, ...] = stored((1.0, 2.0, -0.5, 0.5), Many(Real("s", -REACH, REACH), 2, MOST_CLASSES))
    span: int = stored(SPANS[0], Whole("span", SPANS[0], SPANS[-1]))
    names: tuple[str, ...] = stored((), Many(Word("names", 24), 0, MOST_CLASSES))
    source: str = stored("", Word("data", 60))
    row: int = stored(-1, Whole("row", -1, 10**9))
    mistakes: str = stored("all", OneOf("rows", ("all", "mistakes")))
    page: int = stored(0, Whole("page", 0, 10**6))

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the classes, those of the row that was loaded or our own."""
        return self.names or CLASSES[: len(self.logits)]


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, sources: Sources) -> tuple[State, list[str]]:
    """Give the student as many logits as the teacher has, the classes their names, and the axes their length."""
    k, said = len(state.logits), list[str]()
    student = (*state.student, *(0.0,) * k)[:k]
    if student != state.student and state.student != State.student:
        said.append(text.student_fitted.format(k=k))
    names = state.names if len(state.names) == k else ()
    if names != state.names:
        said.append(text.names_dropped.format(k=k, names=len(state.names)))
    reach = max(state.span, *(abs(z) for z in (*state.logits, *student)))
    span = next(far for far in SPANS if far >= reach)
    state, more = browse.repair(dataclasses.replace(state, student=student, names=names, span=span), sources)
    return state, said + more


def act(state: State, action: Mapping[str, Any], sources: Sources) -> State:
    """Set a field; let the student copy its teacher; or go through the rows that can be loaded."""
    if action["do"] == "copy":
        return dataclasses.replace(state, student=state.logits)
    turned = browse.turn(state, action, sources, _load)
    return edit(state, action) if turned is None else turned


def take(state: State, source: str, sources: Sources) -> State:
    """Show the costliest mistake of a source."""
    return browse.take(state, source, sources, _load)


def _load(state: State, index: int, rows: Rows) -> State:
    """Make a row the teacher's; a masked class has no probability at any temperature, and is left out."""
    logits, names, _ = fold(rows, index)
    kept = [j for j, z in enumerate(logits) if z > -math.inf]
    if len(kept) < 2:
        raise ActionError(text.one_class.format(row=index))
    if any(abs(logits[j]) > REACH for j in kept):
        raise ActionError(text.too_far.format(row=index, reach=show_input(REACH)))
    return dataclasses.replace(
        state,
        logits=tuple(logits[j] for j in kept),
        names=tuple(name or "?" for name in codecs(State)["names"].clamp(tuple(names[j] for j in kept))),
        student=state.student if len(state.student) == len(kept) else (0.0,) * len(kept),
        span=SPANS[0],
        row=index,
    )
