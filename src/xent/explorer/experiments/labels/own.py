"""Rows to load into the batch, and the batch as text and as programs to take along."""

from __future__ import annotations

from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.panels import IGNORED
from xent.explorer.figures import button, controls, panel, prose, say
from xent.explorer.programs import labels as programs
from xent.explorer.programs.labels import Problem, labels
from xent.explorer.section import Sources
from xent.explorer.text import words
from xent.explorer.view import Code, Item, Panel

text = words("labels")


def own_panel(b: Batch, sources: Sources) -> Panel:
    """Load rows of any source; give the batch as text and as programs."""
    code: Code = {
        "kind": "code",
        "id": "take",
        "title": say(text.take),
        "tabs": [
            {"id": "text", "label": text.as_text, "source": _text(b)},
            *labels(_problem(b)),
        ],
    }
    items: list[Item] = [
        prose("own-story", say(text.own_story, ignored=IGNORED)),
    ]
    loads = [
        button(text.load.format(name=rows.name), {"do": "load", "value": key}) for key, rows in sources.items()
    ]
    if loads:
        items.append(controls("loads", loads))
    return panel("own", text.own, [*items, code], wide=True)


def _text(b: Batch) -> str:
    """Write the batch as text that can be pasted again; a distribution cannot say that its row is ignored."""
    s, lines = b.state, list[str]()
    for i in b.rows:
        index = s.labels[i] if s.used[i] else programs.IGNORED
        target = _numbers(b.targets[i]) if s.form == "soft" and s.used[i] else str(index)
        lines.append(f"{_numbers(s.row(i))} | {target}\n")
    return "".join(lines)


def _numbers(row: tuple[float, ...]) -> str:
    return ", ".join(repr(int(v)) if v.is_integer() else repr(v) for v in row)


def _problem(b: Batch) -> Problem:
    s = b.state
    return Problem(
        logits=[s.row(i) for i in b.rows],
        labels=s.labels,
        targets=b.targets,
        used=s.used,
        weights=s.weights,
        form=s.form,
        by=s.by,
        empty=b.denominator(b.rows, s.by) == 0,
    )
