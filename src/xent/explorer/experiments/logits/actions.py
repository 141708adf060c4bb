"""The edits of the experiment: what each action does to the state."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from xent import spec
from xent.explorer import browse
from xent.explorer.experiments.logits.state import CLASSES, MOST_STEPS, STARTS, State, descend
from xent.explorer.gallery import fold
from xent.explorer.rows import Rows
from xent.explorer.state import ActionError, codecs, put
from xent.explorer.text import words

text = words("logits")


def first(sources: Mapping[str, Rows]) -> State:
    """Begin with the costliest mistake of the first source; without rows, with three classes."""
    for name in sources:
        with suppress(ActionError):
            return take(State(), name, sources)
    return State()


def take(state: State, source: str, sources: Mapping[str, Rows]) -> State:
    """Load the costliest mistake of a source, or, where there is none, the costliest row."""
    return browse.take(state, source, sources, _load)


def act(state: State, action: Mapping[str, Any], sources: Mapping[str, Rows]) -> State:
    """Do one edit; ActionError with a sentence when it cannot be done."""
    do, value = action["do"], action.get("value")
    turned = browse.turn(state, action, sources, _load)
    if turned is not None:
        return turned
    if do == "set":
        return _set(state, action.get("path"), value)
    if do in ("step", "back"):
        return dataclasses.replace(state, steps=min(max(state.steps + (1 if do == "step" else -1), 0), MOST_STEPS))
    if do == "reset":
        return dataclasses.replace(state, steps=0)
    if do == "start":
        if value not in STARTS:
            raise ActionError(text.no_start.format(value=repr(value), known=", ".join(STARTS)))
        keep = State(unit=state.unit, source=state.source, mistakes=state.mistakes, page=state.page)
        return dataclasses.replace(keep, **STARTS[str(value)])
    if do == "add":
        return _add(state)
    if do in ("pick", "remove"):
        value = browse.whole(do, value)
        if not 0 <= value < len(state.logits):
            raise ActionError(text.no_class.format(j=value, last=len(state.logits) - 1))
        return dataclasses.replace(_rebase(state), label=value) if do == "pick" else _remove(state, value)
    known = "set, step, back, reset, start, add, pick, remove, load, page"
    raise ActionError(text.no_action.format(do=repr(do), known=known))


def _rebase(state: State) -> State:
    """Let a new run begin at the logits on screen: what a run follows from is about to change."""
    return dataclasses.replace(state, logits=descend(state)[0], steps=0) if state.steps else state


def _set(state: State, path: object, value: Any) -> State:
    if not isinstance(path, str):
        raise ActionError(text.no_path.format(path=repr(path)))
    field = path.partition(".")[0]
    if field == "soft" and state.target == "soft":
        return _soft(_rebase(state), path, value)
    if field == "steps":
        raise ActionError(browse.text.by_hand.format(field=field))
    if field in ("logits", "target", "label", "epsilon", "convention", "temperature", "rate"):
        state = _rebase(state)
    new = put(state, path, value)
    if field == "logits" and all(z == -math.inf for z in new.logits):
        raise ActionError(text.one_finite)
    if field == "target" and new.target == "soft":
        weights = spec.target_weights(state.label, len(state.logits), label_smoothing=0.1, convention="uniform")
        start = state.soft or tuple(weights)
        return dataclasses.replace(new, soft=start)
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
        raise ActionError(text.most_classes.format(most=10))
    name = next((w for w in CLASSES if w not in state.names), text.class_number.format(j=k))
    soft = (*state.soft, 0.0) if state.soft else ()
    return dataclasses.replace(state, logits=(*state.logits, 0.0), names=(*state.names, name), soft=soft, row=-1)


def _remove(state: State, j: int) -> State:
    state = _rebase(state)
    if len(state.logits) <= 2:
        raise ActionError(text.least_classes)

    def without(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return values[:j] + values[j + 1 :]

    kept = without(state.logits)
    if all(z == -math.inf for z in kept):
        raise ActionError(text.others_masked)
    soft = without(state.soft)
    total = math.fsum(soft)
    soft = tuple(q / total if total > 0 else 1 / len(soft) for q in soft)
    label = min(state.label - (j < state.label), len(kept) - 1)
    return dataclasses.replace(state, logits=kept, names=without(state.names), soft=soft, label=label, row=-1)


def _load(state: State, index: int, rows: Rows) -> State:
    logits, names, label = fold(rows, index)
    fields = codecs(State)
    if fields["logits"].clamp(logits) != logits:
        raise ActionError(text.too_far.format(row=index))
    names = tuple(name or "?" for name in fields["names"].clamp(names))
    target = "class" if state.target == "soft" else state.target
    return dataclasses.replace(
        state, logits=logits, names=names, label=label, soft=(), target=target, row=index, steps=0, span=5
    )
