"""The state of the section on labels and reductions: a small batch, and what its mean divides by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer.numbers import num, parse, show_input
from xent.explorer.rows import Rows, Written
from xent.explorer.section import Sources, edit
from xent.explorer.state import ActionError, Flag, Many, OneOf, Real, Whole, Word, codecs, stored
from xent.explorer.text import words

text = words("labels")
CLASSES: tuple[str, ...] = tuple(text.classes)
MOST_ROWS, MOST_CLASSES, REACH = 12, 10, 1000.0
CELLS = MOST_ROWS * MOST_CLASSES
HEAVIEST = 10.0
MOST_NATS, MOST_GUESSES = 13.0, 100_000
LOADED = 8


@dataclass(frozen=True)
class State:
    """A batch: N rows of K logits, each with a label and a soft target, and whether it counts; then the rest.

    ``logits`` and ``soft`` are row after row, K numbers each, and N is the number of labels.
    """

    k: int = stored(3, Whole("k", 2, MOST_CLASSES))
    logits: tuple[float, ...] = stored(
        (3.0, 0.5, -1.0, 1.5, 1.0, 0.0, 0.2, 2.5, -0.5, 0.0, 1.8, 0.6, 2.0, 0.3, -0.2, 1.2, -0.4, 0.8),
        Many(Real("z", -REACH, REACH, masks=True), 2, CELLS),
    )
    labels: tuple[int, ...] = stored((0, 0, 1, 1, 0, 2), Many(Whole("y", 0, MOST_CLASSES - 1), 1, MOST_ROWS))
    used: tuple[bool, ...] = stored((True, True, True, True, False, True), Many(Flag("counts"), 1, MOST_ROWS))
    soft: tuple[float, ...] = stored(
        (0.9, 0.1, 0.0, 0.6, 0.3, 0.1, 0.1, 0.8, 0.1, 0.0, 0.7, 0.3, 1.0, 0.0, 0.0, 0.2, 0.0, 0.8),
        Many(Real("t", 0.0, 1.0), 2, CELLS),
    )
    form: str = stored("index", OneOf("form", ("index", "one_hot", "soft")))
    weights: tuple[float, ...] = stored((1.0, 1.0, 4.0), Many(Real("w", 0.0, HEAVIEST), 2, MOST_CLASSES))
    by: str = stored("weights", OneOf("by", ("weights", "rows", "all", "sum")))
    split: int = stored(2, Whole("split", 1, MOST_ROWS - 1))
    guesses: int = stored(10, Whole("n", 2, MOST_GUESSES))
    nats: float = stored(1.2, Real("nats", 0.0, MOST_NATS))
    names: tuple[str, ...] = stored((), Many(Word("names", 24), 0, MOST_CLASSES))

    @property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the classes, those of the rows that were loaded or our own."""
        return self.names or CLASSES[: self.k]

    def row(self, i: int) -> tuple[float, ...]:
        """Give the logits of a row."""
        return self.logits[i * self.k : (i + 1) * self.k]

    def target(self, i: int) -> tuple[float, ...]:
        """Give the target of a row as a distribution, whatever it is written as."""
        if self.form == "soft":
            return self.soft[i * self.k : (i + 1) * self.k]
        return tuple(float(j == self.labels[i]) for j in range(self.k))


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Make rows, labels, targets and weights agree; a sentence for each change a reader could notice."""
    k, said = state.k, list[str]()
    n = min(state.n, len(state.logits) // k, MOST_ROWS)
    if n == 0:
        return dataclasses.replace(State(), guesses=state.guesses, nats=state.nats), [text.no_rows.format(k=k)]
    if n != state.n or n * k != len(state.logits):
        said.append(text.rows_fitted.format(n=n, k=k))
    logits, labels = list(state.logits[: n * k]), list(state.labels[:n])
    for i in range(n):
        if max(logits[i * k : (i + 1) * k]) == -math.inf:
            logits[i * k : (i + 1) * k] = [0.0] * k
            said.append(text.row_masked.format(row=i))
        if labels[i] >= k:
            said.append(text.label_moved.format(row=i, label=labels[i], last=k - 1))
            labels[i] = k - 1
    used = (*state.used, *(True,) * n)[:n]
    soft, more = _repaired_soft(state, labels, n)
    weights = (*state.weights, *(1.0,) * k)[:k]
    if weights != state.weights and state.weights != State.weights:
        said.append(text.weights_fitted.format(k=k))
    split = min(state.split, max(n - 1, 1))
    names = state.names if len(state.names) == k else ()
    if names != state.names:
        said.append(text.names_dropped.format(k=k, names=len(state.names)))
    found = dataclasses.replace(
        state,
        logits=tuple(logits),
        labels=tuple(labels),
        used=used,
        soft=tuple(soft),
        weights=weights,
        split=split,
        names=names,
    )
    return found, said + more


def _repaired_soft(state: State, labels: list[int], n: int) -> tuple[list[float], list[str]]:
    """Give every row a distribution: its own, scaled to 1; its label's where there is none."""
    k, said, out = state.k, list[str](), list[float]()
    fits = len(state.soft) == n * k
    if not fits and state.form == "soft":
        said.append(text.soft_fitted)
    for i in range(n):
        row = list(state.soft[i * k : (i + 1) * k]) if fits else []
        total = math.fsum(row)
        if total <= 0:
            row = [float(j == labels[i]) for j in range(k)]
        elif abs(total - 1) > 1e-3:
            row = [t / total for t in row]
        if fits and abs(total - 1) > 1e-3 and state.form == "soft":
            said.append(text.soft_scaled.format(row=i))
        out += row
    return out, said


def act(state: State, action: Mapping[str, Any], sources: Sources) -> State:
    """Set a field; add, remove, load rows; count all or none; read what is typed as a share of a distribution."""
    do, value = action["do"], action.get("value")
    if do == "add":
        return _add(state)
    if do == "remove":
        return _remove(state, value)
    if do == "count":
        return dataclasses.replace(state, used=(value is True,) * state.n)
    if do == "load":
        return _load(state, value, sources)
    path = str(action.get("path"))
    if do == "set" and path.startswith("soft."):
        return _share(state, action, path)
    if do == "set" and path == "split" and isinstance(value, float) and math.isfinite(value):
        return edit(state, {**action, "value": round(value)})
    if do == "set" and path == "guesses":
        return _guesses(state, value)
    new = edit(state, action)
    if do == "set" and path.startswith(("labels", "logits", "k")):
        for i in range(new.n):
            if new.row(i) and max(new.row(i)) == -math.inf:
                raise ActionError(text.one_finite.format(row=i))
    return new


def _share(state: State, action: Mapping[str, Any], path: str) -> State:
    """Set one share of a distribution; the others of its row keep their proportions and make room."""
    new = edit(state, action)
    at, k = int(path.removeprefix("soft.")), state.k
    start = at - at % k
    row, v = list(state.soft[start : start + k]), new.soft[at]
    rest = math.fsum(t for j, t in enumerate(row) if j != at % k)
    row = [t * (1 - v) / rest if rest else (1 - v) / (k - 1) for t in row]
    row[at % k] = v
    return dataclasses.replace(state, soft=(*state.soft[:start], *row, *state.soft[start + k :]))


def _row(state: State, value: Any) -> int:
    given = str(value)
    if not given.isdecimal() or int(given) >= state.n:
        raise ActionError(text.no_row.format(value=repr(value)[:40], last=state.n - 1))
    return int(given)


def _add(state: State) -> State:
    """Add a row that knows nothing."""
    if state.n == MOST_ROWS:
        raise ActionError(text.most_rows.format(most=MOST_ROWS))
    label = state.n % state.k
    return dataclasses.replace(
        state,
        logits=(*state.logits, *(0.0,) * state.k),
        labels=(*state.labels, label),
        used=(*state.used, True),
        soft=(*state.soft, *(float(j == label) for j in range(state.k))),
    )


def _remove(state: State, value: Any) -> State:
    if state.n == 1:
        raise ActionError(text.last_row)
    i, k = _row(state, value), state.k
    return dataclasses.replace(
        state,
        logits=state.logits[: i * k] + state.logits[(i + 1) * k :],
        labels=state.labels[:i] + state.labels[i + 1 :],
        used=state.used[:i] + state.used[i + 1 :],
        soft=state.soft[: i * k] + state.soft[(i + 1) * k :],
    )


def _batch(state: State, rows: Written, classes: tuple[str, ...]) -> State:
    """Take over rows as the batch; if their classes are others, every class weighs 1 then."""
    k, n = len(rows.logits[0]), len(rows.logits)
    soft = rows.soft or [[float(j == label) for j in range(k)] for label in rows.labels]
    return dataclasses.replace(
        state,
        k=k,
        logits=tuple(z for row in rows.logits for z in row),
        labels=tuple(rows.labels),
        used=tuple(rows.used),
        soft=tuple(t for row in soft for t in row),
        form="soft" if rows.soft else "index",
        weights=state.weights if k == state.k else (1.0,) * k,
        split=min(state.split, max(n - 1, 1)),
        names=tuple(name or "?" for name in codecs(State)["names"].clamp(classes)),
    )


def _load(state: State, value: Any, sources: Sources) -> State:
    """Take over rows of the reader's own, of a file or of the demo."""
    rows = sources.get(str(value))
    if rows is None:
        known = ", ".join(sources) or text.none
        raise ActionError(text.no_source.format(value=repr(value)[:40], known=known))
    if len(rows.classes) > MOST_CLASSES:
        raise ActionError(text.many_classes.format(name=rows.name, classes=len(rows.classes), most=MOST_CLASSES))
    if rows.written is not None and len(rows.written.labels) <= MOST_ROWS:
        return _batch(state, _near(rows.written), rows.classes)
    return _batch(state, _costliest(rows), rows.classes)


def take(state: State, source: str, sources: Sources) -> State:
    """Show the rows of a source."""
    return _load(state, source, sources)


def _near(written: Written) -> Written:
    """Refuse rows that the table's axes do not reach."""
    for i, row in enumerate(written.logits):
        for j, z in enumerate(row):
            if math.isfinite(z) and abs(z) > REACH:
                raise ActionError(text.far.format(row=i, column=j, came=num(z)["text"], reach=show_input(REACH)))
    return written


def _costliest(rows: Rows) -> Written:
    """Choose the costliest of many rows."""
    chosen = [int(i) for i in rows.order[:LOADED]]
    logits = [[float(z) for z in rows.logits[i]] for i in chosen]
    if not chosen or any(math.isfinite(z) and abs(z) > REACH for row in logits for z in row):
        raise ActionError(text.far_rows.format(name=rows.name, reach=show_input(REACH)))
    return Written(logits, [int(rows.labels[i]) for i in chosen], [True] * len(chosen))


def _guesses(state: State, value: Any) -> State:
    """Set the number of classes to the next whole number in the direction it is moved: keys multiply."""
    try:
        wanted = parse(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise ActionError(f"guesses: {error}.") from None
    if math.isnan(wanted):
        raise ActionError(text.no_guesses)
    wanted = min(max(wanted, 2.0), float(MOST_GUESSES))
    near = round(wanted) if abs(wanted - round(wanted)) < 1e-9 else None
    up = math.ceil(wanted) if wanted > state.guesses else math.floor(wanted)
    return dataclasses.replace(state, guesses=up if near is None else near)
