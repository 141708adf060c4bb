"""Rows of real predictions to load into an experiment: sorted by what they cost, filtered to mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xent import spec
from xent.explorer.figures import button, choice, say
from xent.explorer.numbers import num, show_input
from xent.explorer.rows import Rows
from xent.explorer.text import words
from xent.explorer.view import Control, Gallery, Picture, Thumb

text = words("gallery")

PER_PAGE = 12
MOST_CLASSES = 10


def fold(rows: Rows, index: int) -> tuple[tuple[float, ...], tuple[str, ...], int]:
    """Give one row as at most ten classes: the right one, the largest others, and the rest merged into one.

    The merged class has the logsumexp of what it stands for, so the loss and the gradient of every class that is
    shown stay exactly what they were (⊕ of `xent.spec`).

    Returns
    -------
    logits, names, label
        In the order of the original classes; the merged class last.
    """
    values = [float(z) for z in rows.logits[index]]
    label = int(rows.labels[index])
    if len(values) <= MOST_CLASSES:
        return tuple(values), rows.classes, label
    by_size = sorted((j for j in range(len(values)) if j != label), key=lambda j: -values[j])
    kept = sorted([label, *by_size[: MOST_CLASSES - 2]])
    others = [values[j] for j in by_size[MOST_CLASSES - 2 :]]
    merged = spec.logsumexp(others)
    names = (*(rows.classes[j] for j in kept), text.others.format(count=len(others)))
    return (*(values[j] for j in kept), merged), names, kept.index(label)


def window(rows: Rows, page: int, *, mistakes: bool) -> tuple[Sequence[int], int]:
    """Give the row numbers on a page, and how many pages there are (at least one)."""
    order = rows.mistakes if mistakes else rows.order
    pages = max(1, -(-len(order) // PER_PAGE))
    start = min(page, pages - 1) * PER_PAGE
    return order[start : start + PER_PAGE], pages


def gallery(sources: Mapping[str, Rows], source: str, row: int, page: int, *, mistakes: bool) -> Gallery:
    """Draw one page of rows with the controls that choose them."""
    rows = sources[source]
    shown, pages = window(rows, page, mistakes=mistakes)
    thumbs: list[Thumb] = [_thumb(rows, int(i), picked=int(i) == row) for i in shown]
    caption = say(
        text.caption,
        count=num(len(rows.labels), text=str(len(rows.labels))),
        name=rows.name,
        wrong=num(len(rows.mistakes), text=str(len(rows.mistakes))),
    )
    items: list[Control] = []
    if len(sources) > 1:
        items.append(choice("source", text.model, source, {key: value.name for key, value in sources.items()}))
    items += [
        choice("mistakes", text.rows, "mistakes" if mistakes else "all", text.filters),
        button(text.costlier, {"do": "page", "value": page - 1, "disabled": page <= 0}),
        button(text.cheaper, {"do": "page", "value": page + 1, "disabled": page >= pages - 1}),
    ]
    at, of = str(min(page, pages - 1) + 1), str(pages)
    title = say(text.page, at=num(float(at), text=at), of=num(pages, text=of))
    return {
        "kind": "gallery",
        "id": "rows",
        "title": title,
        "caption": caption,
        "thumbs": thumbs,
        "controls": items,
    }


def _thumb(rows: Rows, index: int, *, picked: bool) -> Thumb:
    said, right = rows.classes[int(rows.predicted[index])], rows.classes[int(rows.labels[index])]
    wrong = int(rows.predicted[index]) != int(rows.labels[index])
    verdict = (text.wrong if wrong else text.right).format(said=said, right=right)
    out: Thumb = {
        "title": text.row.format(row=index, said=said, right=right),
        "lines": [verdict, num(float(rows.losses[index]), text=_cost(float(rows.losses[index])))],
        "act": {"do": "load", "value": index},
        "picked": picked,
        "wrong": wrong,
    }
    shown = picture(rows, index)
    if shown:
        out["picture"] = shown
    return out


def picture(rows: Rows, index: int) -> Picture | None:
    """Give a row's image, if the rows have any."""
    if rows.images is None or rows.width is None:
        return None
    label = text.image.format(row=index, right=rows.classes[int(rows.labels[index])])
    return {"pixels": rows.images[index], "width": rows.width, "label": label}


def _cost(loss: float) -> str:
    return text.cost.format(loss=show_input(round(loss, 4) if loss >= 1e-3 else loss))
