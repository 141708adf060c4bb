# pyright: basic
"""Focal loss of class labels on the CPU: in what pieces. Arguments are clean NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.kernels import focal as loops
from xent.kernels import focal_rows, threads
from xent.kernels.cpu import _NO_NUMBERS, _NONE, PAST, _flat, _flat_labels, _plain, _stored, _together, _writable
from xent.kernels.lanes import ROWS

Array = Any

MANY = 64  # from more classes on, rows of a narrow type are done one after the other
PIECE = 2**17  # logits a thread takes at a time; smaller arrays are done by the caller's thread


def focal(
    z: Array,
    labels: Array,
    *,
    gamma: float,
    row: Array | None = None,
    divisor: float = 1.0,
    each: Array | None = None,
    grad: Array | None = None,
    scale: float = 1.0,
    bfloat16: bool = False,
) -> tuple[float, int]:
    """Focal loss in nats of rows of logits with class labels; fills the arrays ``each`` and ``grad``.

    Parameters
    ----------
    z : array (A, K, B)
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    labels : array (A, B) of integers
    gamma : float
        γ > 0.
    row : float64 array (A, B), optional
        Factor of each row's loss; 0 makes loss and gradient exactly 0.
    scale, divisor : float
        The gradient, and only it, is multiplied by the one and divided by the other.
    each : float64 array (A, B), optional
        For each row's loss. C-contiguous.
    grad : array of the shape and type of ``z``, optional
        For the derivative of Σ row · loss. C-contiguous.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    total : float
        Σ row · loss.
    wrong : int
        Flat index of the first row whose label is not in [0, K), or −1. If there is one, do not use the rest.
    """
    outer, classes, inner = z.shape
    if outer * inner == 0:
        return 0.0, -1
    if not _plain(z):
        z = np.ascontiguousarray(z, z.dtype.newbyteorder("="))
    past = grad is not None and grad.nbytes > PAST
    kind, z, grad = _stored(z, grad, bfloat16)
    steps = [(0, 0, 0) if a is None else tuple(n // a.itemsize for n in a.strides) for a in (z, grad)]
    long = inner == 1 and classes > MANY and steps[0][1] == 1 and z.itemsize < 8
    if inner == 1:  # the rows that lie side by side in a tile are the inner ones
        outer, inner = 1, outer
        steps = [(0, by_class, by_row) for by_row, by_class, _ in steps]
    arrays = (
        _flat(z),
        _flat_labels(labels),
        _NO_NUMBERS if row is None else _writable(np.ascontiguousarray(row).reshape(-1)),
        _NO_NUMBERS if each is None else each.reshape(-1),
        _NONE[z.dtype.name] if grad is None else grad.reshape(-1),
    )
    if long:
        numbers = kind, classes, steps[0][2], float(gamma), scale / divisor, past

        def one_by_one(start: int, stop: int) -> tuple[float, float, int]:
            return focal_rows.by_rows(*arrays, *numbers, start, stop)

        return _together(threads.run(one_by_one, inner, max(PIECE // classes, 1)))
    strides = tuple(step for by_outer, by_class, by_inner in steps for step in (by_outer, by_inner, by_class))
    settings = kind, (outer, inner, classes), strides, float(gamma), scale / divisor, past

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return loops.by_tiles(*arrays, *settings, start, stop)

    return _together(threads.run(work, outer * -(-inner // ROWS), max(PIECE // (classes * ROWS), 1)))
