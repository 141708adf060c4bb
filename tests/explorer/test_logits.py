"""The first section beside the public library; the rest of its tests are those of the engine and of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import xent
from tests.explorer.drawn import figure
from xent.explorer.experiments.logits.state import State, descend


def check(state: State, view: Any) -> Iterator[tuple[Any, ...]]:
    """Loss, probabilities and gradient of the row on screen."""
    z = np.array(descend(state)[0])
    k, tau = len(z), state.temperature
    if state.target == "soft":
        target, smoothing = np.array(state.soft), 0.0
    elif state.target == "smoothed":
        target = xent.smooth_labels(np.array(state.label), state.epsilon, k, convention=state.convention)
        smoothing = 0.0
    else:
        target, smoothing = np.array(state.label), 0.0
    loss, grad = xent.cross_entropy_with_grad(z, target, temperature=tau, label_smoothing=smoothing)
    unit = 1 / math.log(2) if state.unit == "bits" else 1.0
    p = xent.softmax(z, temperature=tau)
    yield figure(view, "numbers")["items"][0]["number"]["text"], float(loss) * unit
    aims = [row["number"]["value"] for row in figure(view, "target")["rows"]]
    for row, value in zip(figure(view, "probabilities")["rows"], p, strict=True):
        yield row["number"]["text"], float(value)
    for row, value, q, t in zip(figure(view, "gradient")["rows"], grad, p, aims, strict=True):
        # where p and t nearly cancel the array path is right to 4 ulp of its inputs, not of the difference
        yield row["number"]["text"], float(value), 4e-15 * (float(q) + t) / tau
