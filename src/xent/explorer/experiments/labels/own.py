"""Rows of the reader's own, and the batch as text and as programs to take along."""

from __future__ import annotations

from xent.explorer.experiments.labels import pasted
from xent.explorer.experiments.labels.batch import Batch
from xent.explorer.experiments.labels.panels import IGNORED
from xent.explorer.figures import button, controls, panel, prose, say, sheet
from xent.explorer.section import Sources
from xent.explorer.text import words
from xent.explorer.view import Code, Edit, Item, Panel

text = words("labels")


def own_panel(b: Batch, sources: Sources) -> Panel:
    """Take pasted rows, and files; give the batch as text and as programs."""
    cell: Edit = {"kind": "edit", "path": "paste", "text": "", "label": text.own_label}
    code: Code = {
        "kind": "code",
        "id": "take",
        "title": say(text.take),
        "tabs": [
            {"id": "text", "label": text.as_text, "source": _text(b)},
            {"id": "xent", "label": "xent", "source": _xent(b)},
            {"id": "torch", "label": "PyTorch", "source": _torch(b)},
        ],
    }
    items: list[Item] = [
        prose("own-story", say(text.own_story, ignored=IGNORED)),
        sheet(
            "own-text", say(text.own_title), list(text.own_columns), [{"ref": "own", "cells": [text.own_row, cell]}]
        ),
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
        index = s.labels[i] if s.used[i] else pasted.IGNORED
        target = _numbers(b.targets[i]) if s.form == "soft" and s.used[i] else str(index)
        lines.append(f"{_numbers(s.row(i))} | {target}\n")
    return "".join(lines)


def _numbers(row: tuple[float, ...]) -> str:
    return ", ".join(repr(int(v)) if v.is_integer() else repr(v) for v in row)


def _matrix(rows: list[tuple[float, ...]], inf: str) -> str:
    body = "".join(f"    [{', '.join(map(repr, row))}],\n" for row in rows).replace("inf", inf)
    return f"[\n{body}]"


def _labels(b: Batch) -> str:
    return str([y if on else pasted.IGNORED for y, on in zip(b.state.labels, b.state.used, strict=True)])


def _xent(b: Batch) -> str:
    s = b.state
    indexed, count = s.form == "index", len(b.counted(b.rows))
    target = f"np.array({_labels(b)})" if indexed else f"np.array({_matrix(b.targets, 'np.inf')})"
    options = [f"weight=np.array({list(s.weights)})"]
    if indexed:
        options.append(f"ignore_index={pasted.IGNORED}")
    elif count < s.n:
        options.append(f"sample_weight=np.array({[float(on) for on in s.used]})")
    if s.by == "sum":
        options.append('reduction="sum"')
    elif s.by == "all":
        options.append(f"denominator={s.n}")
    elif s.by == "rows" and count:  # of no rows, the sum of the weights is 0 as well
        options.append('denominator="rows"' if indexed else f"denominator={count}")
    listed = "".join(f"    {option},\n" for option in options)
    return f"""import numpy as np
import xent

z = np.array({_matrix([s.row(i) for i in b.rows], "np.inf")})
target = {target}
loss = xent.cross_entropy(
    z,
    target,
{listed})
print(loss)
"""


def _torch(b: Batch) -> str:
    s = b.state
    head = f"""import torch
import torch.nn.functional as F

z = torch.tensor({_matrix([s.row(i) for i in b.rows], "torch.inf")}, dtype=torch.float64)
w = torch.tensor({list(s.weights)}, dtype=torch.float64)
"""
    below = {"rows": " / used.sum()", "all": " / len(z)"}.get(s.by, "")
    if s.form == "index":
        used = f"used = y != {pasted.IGNORED}\n" if s.by == "rows" else ""
        reduced = "" if s.by == "weights" else ', reduction="sum"'
        return f"""{head}y = torch.tensor({_labels(b)})  # {pasted.IGNORED} is ignored
{used}loss = F.cross_entropy(z, y, weight=w{reduced}){below}
print(loss.item())
"""
    below = " / ((t * w).sum(1) * used).sum()" if s.by == "weights" else below
    return f"""{head}t = torch.tensor({_matrix(b.targets, "torch.inf")}, dtype=torch.float64)
used = torch.tensor({[float(on) for on in s.used]}, dtype=torch.float64)
costs = torch.where(t * w > 0, -t * w * F.log_softmax(z, dim=1), 0.0)  # F.cross_entropy makes NaN of 0 times -inf
loss = torch.where(used > 0, costs.sum(1), 0.0).sum(){below}
print(loss.item())
"""
