"""The edits of the experiment: what each action does to the state."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from xent import spec
from xent.explorer.experiments.logits.state import MOST_STEPS, STARTS, WORDS, State, descend
from xent.explorer.gallery import PER_PAGE, fold
from xent.explorer.rows import Rows
from xent.explorer.state import ActionError, codecs, put


def first(sources: Mapping[str, Rows]) -> State:
    """Begin with the costliest mistake of the first source; without rows, with three classes."""
    for name, rows in sources.items():
        wrong = len(rows.mistakes) > 0
        for index in (rows.mistakes if wrong else rows.order)[:PER_PAGE]:
            with suppress(ActionError):
                return _load(State(source=name, mistakes="mistakes" if wrong else "all"), int(index), sources)
    return State()


def act(state: State, action: Mapping[str, Any], sources: Mapping[str, Rows]) -> State:
    """Do one edit; ActionError with a sentence when it cannot be done."""
    do, value = action["do"], action.get("value")
    if do == "set":
        return _set(state, action.get("path"), value, sources)
    if do in ("step", "back"):
        return dataclasses.replace(state, steps=min(max(state.steps + (1 if do == "step" else -1), 0), MOST_STEPS))
    if do == "reset":
        return dataclasses.replace(state, steps=0)
    if do == "start":
        if value not in STARTS:
            raise ActionError(f"There is no start {value!r}; there are {', '.join(STARTS)}.")
        keep = State(unit=state.unit, source=state.source, mistakes=state.mistakes, page=state.page)
        return dataclasses.replace(keep, **STARTS[str(value)][1])
    if do == "add":
        return _add(state)
    if do in ("pick", "remove", "load", "page"):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ActionError(f"{do} needs a whole number, {value!r} came.")
        if do == "page":
            return dataclasses.replace(state, page=max(value, 0))
        if do == "load":
            return _load(state, value, sources)
        if not 0 <= value < len(state.logits):
            raise ActionError(f"There is no class {value}; the classes are 0 to {len(state.logits) - 1}.")
        return dataclasses.replace(_rebase(state), label=value) if do == "pick" else _remove(state, value)
    known = "set, step, back, reset, start, add, pick, remove, load, page"
    raise ActionError(f"There is no action {do!r} here; there are {known}.")


def _rebase(state: State) -> State:
    """Let a new run begin at the logits on screen: what a run follows from is about to change."""
    return dataclasses.replace(state, logits=descend(state)[0], steps=0) if state.steps else state


def _set(state: State, path: object, value: Any, sources: Mapping[str, Rows]) -> State:
    if not isinstance(path, str):
        raise ActionError(f"An edit needs a text 'path' that says what to set; {path!r} came.")
    field = path.partition(".")[0]
    if field == "soft" and state.target == "soft":
        return _soft(_rebase(state), path, value)
    if field in ("steps", "row"):
        raise ActionError(f"{field} is not set by hand; use the buttons.")
    if field in ("logits", "target", "label", "epsilon", "convention", "temperature", "rate"):
        state = _rebase(state)
    new = put(state, path, value)
    if field == "logits" and all(z == -math.inf for z in new.logits):
        raise ActionError(
            "At least one class must keep a finite logit: with every class masked there is no probability to give."
        )
    if field == "target" and new.target == "soft":
        weights = spec.target_weights(state.label, len(state.logits), label_smoothing=0.1, convention="uniform")
        start = state.soft or tuple(weights)
        return dataclasses.replace(new, soft=start)
    if field == "source":
        if new.source not in sources:
            raise ActionError(f"There are no rows called {new.source!r}; there are {', '.join(sources) or 'none'}.")
        same = state.row if state.row >= 0 and state.row < len(sources[new.source].labels) else -1
        new = dataclasses.replace(new, page=0, row=-1)
        return _load(new, same, sources) if same >= 0 else new
    if field == "mistakes":
        return dataclasses.replace(new, page=0)
    return new


def _soft(state: State, path: str, value: Any) -> State:
    """Set one probability of a soft target; the others keep their proportions and give or take the rest."""
    new = put(state, path, value)
    j = int(path.partition(".")[2])
    q, rest = new.soft[j], math.fsum(state.soft) - state.soft[j]
    others = len(state.soft) - 1
    shared = [(1 - q) / others if rest <= 0 else p * (1 - q) / rest for p in state.soft]
    shared[j] = q
    return dataclasses.replace(new, soft=tuple(shared))


def _add(state: State) -> State:
    state = _rebase(state)
    k = len(state.logits)
    if k >= 10:
        raise ActionError("This experiment shows at most 10 classes; remove one first.")
    name = next((w for w in WORDS if w not in state.names), f"class {k}")
    soft = (*state.soft, 0.0) if state.soft else ()
    return dataclasses.replace(state, logits=(*state.logits, 0.0), names=(*state.names, name), soft=soft, row=-1)


def _remove(state: State, j: int) -> State:
    state = _rebase(state)
    if len(state.logits) <= 2:
        raise ActionError("A classification needs at least 2 classes; none can be removed.")

    def without(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values[:j] + values[j + 1 :]

    kept = without(state.logits)
    if all(z == -math.inf for z in kept):
        raise ActionError("The other classes are all masked with −∞; unmask one before removing this one.")
    soft = without(state.soft)
    total = math.fsum(soft)
    soft = tuple(q / total if total > 0 else 1 / len(soft) for q in soft)
    label = min(state.label - (j < state.label), len(kept) - 1)
    return dataclasses.replace(state, logits=kept, names=without(state.names), soft=soft, label=label, row=-1)


def _load(state: State, index: int, sources: Mapping[str, Rows]) -> State:
    rows = sources.get(state.source)
    if rows is None or not 0 <= index < len(rows.labels):
        most = "no rows here" if rows is None else f"rows 0 to {len(rows.labels) - 1} in {state.source!r}"
        raise ActionError(f"There is no row {index}; there are {most}.")
    logits, names, label = fold(rows, index)
    fields = codecs(State)
    if fields["logits"].clamp(logits) != logits:
        raise ActionError(f"Row {index} has logits beyond ±10⁶, which no axis here reaches; choose another row.")
    names = tuple(name or "?" for name in fields["names"].clamp(names))
    target = "class" if state.target == "soft" else state.target
    return dataclasses.replace(
        state, logits=logits, names=names, label=label, soft=(), target=target, row=index, steps=0, span=5
    )
