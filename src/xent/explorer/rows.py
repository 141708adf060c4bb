"""Predictions to load into an experiment, one row at a time, and the ones that come with the package.

Standard library and `xent.spec` only, so that the demo also opens where there is no NumPy. A reader's own file is
read by `xent.explorer.files`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, overload

from xent import spec


@dataclass(frozen=True)
class Written:
    """Rows as a reader wrote them, where that says more than `Rows`: N of them, in their order.

    Attributes
    ----------
    logits : N lists of K floats
        As in `Rows`; logarithms, where probabilities were written.
    labels : N integers in [0, K)
        The right classes, the largest share's where a distribution was written; 0 in a row that is ignored.
    used : N bools
        False for the rows that are ignored; `Rows` is without them.
    soft : N lists of K floats, or None
        The target of each row, where any row had a distribution.
    names : K str, or None
        The classes, as a heading named them.
    notes : tuple of str
        What a reader should know about how the rows were read, a sentence each.
    """

    logits: list[list[float]]
    labels: list[int]
    used: list[bool]
    soft: list[list[float]] | None = None
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Rows:
    """The predictions of one model: N rows of K logits with their labels, and what each row costs.

    The sequences are lists, or NumPy arrays over as many rows: they are indexed, sliced and measured, never copied.
    Every field is read-only by agreement: threads share it.

    Attributes
    ----------
    name : str
        Shown on the page: the model's name, or the file's.
    classes : tuple of K str
        Names of the classes.
    logits : N sequences of K numbers
        −∞ is a mask; no NaN, no +∞, at least one finite in each row.
    labels : N integers in [0, K)
        The right classes.
    losses : N floats
        −log p of the right class in nats, by this library; ∞ where that class is masked.
    predicted : N integers in [0, K)
        The largest logit's class, the first of several.
    order : N integers
        Row numbers, the costliest first (NaN, then ∞, before all others); ties by row number.
    mistakes : integers
        ``order`` without the rows whose predicted class is the label.
    images : N str, optional
        A character a pixel, ``'0'`` (ground) to ``'g'`` (16, ink), row by row.
    width : int, optional
        Pixels in a row of an image; given exactly when ``images`` are.
    written : Written, optional
        The rows as a reader wrote them into the page.

    Examples
    --------
    >>> rows = weigh([[3.0, 1.0], [0.0, 2.0]], [0, 0], name="two rows", classes=("cat", "dog"))
    >>> rows.losses, rows.order, rows.mistakes
    ([0.1269280110429725, 2.1269280110429727], [1, 0], [1])
    """

    name: str
    classes: tuple[str, ...]
    logits: Sequence[Sequence[float]]
    labels: Sequence[int]
    losses: Sequence[float]
    predicted: Sequence[int]
    order: Sequence[int]
    mistakes: Sequence[int]
    images: Sequence[str] | None = None
    width: int | None = None
    written: Written | None = field(default=None, repr=False)


def weigh(
    logits: Sequence[Sequence[float]],
    labels: Sequence[int],
    /,
    *,
    name: str,
    classes: Sequence[str],
    images: Sequence[str] | None = None,
    width: int | None = None,
) -> Rows:
    """Compute what `Rows` needs beside the numbers themselves: losses (nats), predictions and the two orders.

    By `xent.spec`, so exact, at 0.2 ms a row of ten classes: for hundreds of rows. `xent.explorer.files` does
    millions.

    Parameters
    ----------
    logits, labels, name, classes, images, width
        As in `Rows`.

    Returns
    -------
    Rows
        With lists for everything that is computed.

    Examples
    --------
    >>> weigh([[1.0, 1.0]], [1], name="a tie", classes=("cat", "dog")).predicted
    [0]
    """
    losses = [spec.loss(z, label) for z, label in zip(logits, labels, strict=True)]
    predicted = [max(range(len(z)), key=z.__getitem__) for z in logits]
    order = sorted(range(len(losses)), key=lambda i: _cheapness(losses[i]))
    mistakes = [i for i in order if predicted[i] != labels[i]]
    return Rows(name, tuple(classes), logits, labels, losses, predicted, order, mistakes, images, width)


def sort_out(written: Written, /, *, name: str) -> Rows:
    """Do as `weigh` for thousands of rows, of which few are looked at: it takes some microseconds a row.

    The rows are put into order by plain floats, right to a few units in the last place; a loss that is asked for is
    computed by `xent.spec`, and so is exact.

    Parameters
    ----------
    written : Written
        The rows; those that are ignored are left out.
    name : str
        As in `Rows`.

    Examples
    --------
    >>> rows = sort_out(Written([[3.0, 1.0], [9.0, 9.0], [0.0, 2.0]], [0, 0, 0], [True, False, True]), name="two")
    >>> list(rows.losses), rows.order, rows.mistakes
    ([0.1269280110429725, 2.1269280110429727], [1, 0], [1])
    """
    kept = [i for i, used in enumerate(written.used) if used]
    logits, labels = [written.logits[i] for i in kept], [written.labels[i] for i in kept]
    predicted = [z.index(max(z)) for z in logits]
    about = [_loss(z, k, label) for z, k, label in zip(logits, predicted, labels, strict=True)]
    order = sorted(range(len(about)), key=about.__getitem__, reverse=True)  # reversed or not, sorting is stable
    mistakes = [i for i in order if predicted[i] != labels[i]]
    names = written.names or tuple(map(str, range(len(written.logits[0]))))
    return Rows(name, names, logits, labels, _Losses(logits, labels), predicted, order, mistakes, written=written)


class _Losses(Sequence[float]):
    """Exact losses, computed when they are looked at, and kept."""

    def __init__(self, logits: Sequence[Sequence[float]], labels: Sequence[int]) -> None:
        self._logits, self._labels, self._known = logits, labels, dict[int, float]()

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index not in self._known:
            self._known[index] = spec.loss(self._logits[index], self._labels[index])
        return self._known[index]


def _loss(z: Sequence[float], k: int, label: int) -> float:
    """Give a row's loss in plain floats; ``k`` is its largest logit's place."""
    top = z[k]
    tail = sum([math.exp(v - top) for v in z[:k]]) + sum([math.exp(v - top) for v in z[k + 1 :]])
    return math.log1p(tail) + (top - z[label])


@cache
def demo() -> dict[str, Rows]:
    """Give two real models' predictions on the same held-out handwritten digits: ``plain`` and ``overtrained``.

    They come from ``examples/01_train_digits.py``. Read and weighed once, on the first call.

    Examples
    --------
    >>> sorted(demo()), demo()["plain"].width
    (['overtrained', 'plain'], 8)
    """
    data: dict[str, Any] = json.loads(files("xent.explorer.demo").joinpath("digits.json").read_text("utf-8"))
    labels, images, width = data["labels"], data["images"], data["width"]
    return {
        key: weigh(model["logits"], labels, name=model["name"], classes=data["classes"], images=images, width=width)
        for key, model in data["models"].items()
    }


def _cheapness(loss: float) -> tuple[bool, float]:
    """Sort key: NaN first, then from the largest loss down; a stable sort keeps ties in row order."""
    return (not math.isnan(loss), 0.0 if math.isnan(loss) else -loss)
