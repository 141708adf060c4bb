"""Batches that one thread computes anyway: XLA calls machine code, which reads XLA's frame itself.

The way through Python takes 55 to 150 µs, in which a thread computes some hundred rows of 1000 classes.

A function is compiled when a program first calls it. What it leaves goes to Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.jax._frame import BY_ROWS, BY_WEIGHTS, MEAN, NONE, SUM, Asked
from xent.jax._functions import NAMES
from xent.jax._machine import LOG_P, LSE, P
from xent.kernels import cpu, cpu_soft, cpu_softmax, elements, short
from xent.kernels._math import steepness as _steepness  # pyright: ignore[reportUnknownVariableType]
from xent.kernels.soft import constants as _constants

Array = Any
steepness: Any = _steepness  # pyright: ignore[reportUnknownVariableType]
constants_of: Any = _constants

MOST = cpu.PIECE  # logits that a function here may take; what one thread computes in any case is its own limit
_WHAT = {"softmax": P, "log_softmax": LOG_P, "logsumexp": LSE}
_REDUCTIONS = {"none": NONE, "sum": SUM, "mean": MEAN}


# ------------------------------------------------------------------------------------------------ who computes what


def cross_entropy(
    sloped: bool,
    z: Array,
    target: Array,
    weight: Array | None,
    sample_weight: Array | None,
    *,
    label_smoothing: float,
    softcap: float | None,
    temperature: float,
    z_loss: float,
    ignore_index: int | None,
    reduction: str,
    denominator: float | str | None,
    on_empty: str,
    tolerance: float,
) -> Array | None:
    """Choose the function for logits (…, K), float32 or float64, as NumPy's kernels are chosen.

    Gives what it is to know, :class:`Asked` and more, or None: there is no such function.
    """
    wide, classes, hard = z.dtype == np.float64, z.shape[-1], target.ndim < z.ndim
    if hard and softcap is None and cpu.takes(label_smoothing, weight, z_loss):
        name = _of_labels(sloped, wide, classes, label_smoothing > 0, z_loss)
        more = cpu.shares(label_smoothing, classes) if label_smoothing else ()
        limit = cpu.PIECE
    else:
        pairs = wide and (sloped or softcap is not None)
        few = cpu_soft.FEW_IN_PAIRS if pairs else cpu_soft.FEW
        name = "soft_by_tiles" if classes <= few else "soft_by_rows"
        constants = constants_of(classes, tau=temperature, epsilon=label_smoothing, softcap=softcap)
        more = (label_smoothing, *(number for part in constants for number in part))
        limit = cpu_soft.PIECE
    if not 0 < z.size <= min(limit, MOST):
        return None
    asked = Asked(
        _place(name, wide),
        limit,
        *map(float, steepness(temperature, np.float64 if wide else np.float32)),
        tau=temperature,
        z_loss=z_loss,
        weighted=weight is not None,
        sampled=sample_weight is not None,
        ignoring=ignore_index is not None,
        ignore=ignore_index or 0,
        reduction=_REDUCTIONS[reduction],
        by=BY_ROWS if denominator == "rows" else denominator if isinstance(denominator, float) else BY_WEIGHTS,
        zero=on_empty == "zero",
        long=target.dtype == np.int64,
        tolerance=0.0 if hard else tolerance,
    )
    return np.array((*asked, *more), float)


def binary(
    sloped: bool,  # noqa: ARG001
    z: Array,
    target: Array,  # noqa: ARG001
    *,
    reduction: str,
    by: float,
    gamma: float,
    sides: tuple[float, float],
    sharp: bool,
) -> Array | None:
    """As :func:`cross_entropy`: who computes binary cross-entropy or focal loss, element by element."""
    if not 0 < z.size <= min(elements.PIECE, MOST):
        return None
    which = _place("binary_by_element", z.dtype == np.float64)
    return np.array((which, elements.PIECE, _REDUCTIONS[reduction], by, gamma, *sides, sharp), float)


def _of_labels(sloped: bool, wide: bool, classes: int, smooth: bool, z_loss: float) -> str:
    if smooth:
        return "smooth_by_tiles" if classes <= cpu.OTHERS else "smooth_by_rows"
    if classes <= cpu.LANES.get("d" if wide else "f", cpu.OTHERS):
        return "labels_by_tiles"
    if wide or (z_loss and not sloped):
        return "labels_by_rows"
    if not sloped:
        return "labels_by_odds"
    return "labels_by_short_rows" if classes <= short.MOST else "labels_by_rows"


def probabilities(z: Array, temperature: float, name: str) -> Array | None:
    """As :func:`cross_entropy`: who computes softmax, log_softmax or logsumexp of logits (…, K)."""
    if not 0 < z.size <= min(cpu_softmax.PIECE, MOST):
        return None
    wide = z.dtype == np.float64
    which = _place("softmax_by_rows" if z.shape[-1] > cpu_softmax.OTHERS else "softmax_by_tiles", wide)
    scales = map(float, steepness(temperature, np.float64 if wide else np.float32))
    return np.array((which, cpu_softmax.PIECE, *scales, temperature, _WHAT[name]), float)


def _place(name: str, wide: bool) -> int:
    return NAMES.index(f"wide_{name}" if wide else name)
