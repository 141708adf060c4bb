# pyright: basic
"""Statistics of rows on the CPU, in pieces. Arguments are clean NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from xent.kernels import threads
from xent.kernels.cpu import PIECE, _flat, _flat_labels, _plain, _scales, _stored
from xent.kernels.statistics import row_statistics as _loop

Array = np.ndarray


def row_statistics(
    z: Array, labels: Array, *, temperature: float = 1.0, ignore_index: int | None = None, bfloat16: bool = False
) -> tuple[Any, ...]:
    """Log-probability of the label, entropy, rank, top-1 and log Σ exp of each row; see :mod:`xent.rowwise`.

    Parameters
    ----------
    z : array (A, K, B)
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    labels : array (A, B) of integers
    temperature, ignore_index
        As in :func:`xent.row_statistics`.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    log_prob, entropy, rank, top1, lse : arrays (A, B)
        float64, float64, int64, bool, float64.
    wrong : int
        Flat index of the first row whose label is neither in [0, K) nor ignored, or −1.
    """
    outer, classes, inner = z.shape
    rows = outer * inner
    log_prob, entropy, lse = (np.empty(rows) for _ in range(3))
    rank, top1 = np.empty(rows, np.int64), np.empty(rows, np.bool_)
    if not _plain(z) or (classes > 1 and z.strides[1] != z.itemsize):
        z = np.ascontiguousarray(z.transpose(0, 2, 1), z.dtype.newbyteorder("=")).transpose(0, 2, 1)
    kind, z, _ = _stored(z, None, bfloat16)
    strides = z.strides[0] // z.itemsize, z.strides[2] // z.itemsize
    if inner == 1:  # a stride of one row alone may be anything
        strides = strides[0], 0
    scales = _scales(float(temperature), np.float64 if z.dtype == np.float64 else np.float32)
    flat, known, ignoring = _flat(z), _flat_labels(labels), ignore_index is not None

    def work(start: int, stop: int) -> int:
        return _loop(
            flat, known, log_prob, entropy, rank, top1, lse, kind, (inner, classes), strides, scales, ignoring,
            ignore_index or 0, float(temperature), start, stop,
        )  # fmt: skip

    wrong = next((w for w in threads.run(work, rows, max(PIECE // classes, 1)) if w >= 0), -1)
    shape = (outer, inner)
    return (*(a.reshape(shape) for a in (log_prob, entropy, rank, top1, lse)), wrong)
