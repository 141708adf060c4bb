"""Predictions to load into an experiment, one row at a time, and the ones that come with the package.

Standard library and `xent.spec` only, so that the demo also opens where there is no NumPy. A reader's own file is
read by `xent.explorer.files`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from xent import spec


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
