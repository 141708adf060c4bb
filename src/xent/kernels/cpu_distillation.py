# pyright: basic
"""Distillation on the CPU, in pieces. Arguments are clean NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.kernels import threads
from xent.kernels.cpu import (
    _NO_NUMBERS,
    _NONE,
    PAST,
    _flat,
    _flat_labels,
    _plain,
    _scales,
    _stored,
    _together,
    _writable,
)
from xent.kernels.distillation import by_rows as _loop

Array = Any

PIECE = 2**16  # logits of a student that a thread takes at a time; smaller arrays are done by the caller's thread
_NO_LABELS = np.empty(0, np.int64)
_FOLDS = {1.0: 1, 2.0: 2, 4.0: 4}


def distillation(
    u: Array,
    v: Array,
    labels: Array | None = None,
    *,
    temperature: float,
    alpha: float = 1.0,
    ignore_index: int | None = None,
    row: Array | None = None,
    divisor: float = 1.0,
    scale: float = 1.0,
    each: Array | None = None,
    grad: Array | None = None,
    bfloat16: bool = False,
) -> tuple[float, int]:
    """α τ² KL(p ‖ q) of rows of a teacher and a student and 1 − α of a label's cross-entropy, in nats.

    Parameters
    ----------
    u, v : arrays (A, K, B)
        The student's and the teacher's logits: float32, float16, or the bits of bfloat16 as uint16; of one type.
    labels : array (A, B) of integers, optional
        Without them α is 1.
    temperature : float
        τ in (1e-30, 1e30).
    alpha : float
    ignore_index : int, optional
        Rows with this label have loss and gradient 0.
    row : float64 array (A, B), optional
        Factor of each row's loss; 0 makes loss and gradient exactly 0.
    scale, divisor : float
        The gradient, and only it, is multiplied by the one and divided by the other.
    each : float64 array (A, B), optional
        For each row's loss. C-contiguous.
    grad : array of the shape and type of ``u``, optional
        For the derivative of Σ row · loss by the student's logits.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    total : float
        Σ row · loss.
    wrong : int
        Flat index of the first row whose label is neither in [0, K) nor ignored, or −1. If there is one, do not use
        the rest.
    """
    outer, classes, inner = u.shape
    if outer * inner == 0:
        return 0.0, -1
    to = grad
    if grad is not None and not _beside(grad):
        to = np.empty((outer, inner, classes), grad.dtype).transpose(0, 2, 1)
    past = to is not None and to.nbytes > PAST
    kind, z, out = _stored(_neighbours(u), to, bfloat16)
    other = _stored(_neighbours(v), None, bfloat16)[1]
    strides = []
    for a in (z, other, out):
        by_outer, _, by_inner = (0, 0, 0) if a is None else (step // a.itemsize for step in a.strides)
        strides += [by_outer, by_inner if inner > 1 else 0]  # a stride of one row alone may be anything
    tau = float(temperature)
    options = tau, float(alpha), ignore_index is not None, ignore_index or 0, scale / divisor, _FOLDS.get(tau, 0)
    arrays = (
        _flat(z),
        _flat(other),
        _NO_LABELS if labels is None else _writable(_flat_labels(labels)),
        _NO_NUMBERS if row is None else _writable(np.ascontiguousarray(row).reshape(-1)),
        _NO_NUMBERS if each is None else each.reshape(-1),
        _NONE[z.dtype.name] if out is None else _flat(out),
    )
    settings = kind, (inner, classes), tuple(strides), _scales(tau, np.float64), _scales(1.0, np.float64), options

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return _loop(*arrays, *settings, past, start, stop)

    found = _together(threads.run(work, outer * inner, max(PIECE // classes, 1)))
    if grad is not None and to is not grad:
        grad[...] = to
    return found


def _beside(a: Array) -> bool:
    """Say whether the classes of an array are neighbours in memory."""
    return _plain(a) and (a.shape[1] == 1 or a.strides[1] == a.itemsize)


def _neighbours(a: Array) -> Array:
    """Copy logits whose classes are no neighbours so that they are."""
    if _beside(a):
        return a
    return np.ascontiguousarray(a.transpose(0, 2, 1), a.dtype.newbyteorder("=")).transpose(0, 2, 1)
