# pyright: basic, reportOptionalMemberAccess=false, reportReturnType=false
"""Softmax and its relatives on the CPU: which loop, in what pieces. Arguments are clean NumPy arrays."""

from __future__ import annotations

import numpy as np

from xent.kernels import memory, threads
from xent.kernels import softmax as loops
from xent.kernels.cpu import _NO_NUMBERS, _NO_ROWS, _UNIT, OTHERS, PAST, _flat, _plain, _scales, _stored
from xent.kernels.lanes import ROWS

Array = np.ndarray

PIECE = 2**18  # logits a thread takes at a time; smaller arrays are done by the caller's thread
_NOTHING = {2: np.empty(0, np.uint16), 4: np.empty(0, np.float32), 8: np.empty(0)}  # by the size of a number
WIDE = 4096  # beyond so many classes a tile of rows does not stay in cache


def softmax(z: Array, *, temperature: float = 1.0, bfloat16: bool = False) -> Array:
    """Probabilities of the classes.

    Parameters
    ----------
    z : array (A, K, B)
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    temperature : float
        τ > 0, far from overflow.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    array of the shape and type of ``z``
        NaN for rows with NaN or +∞, or with nothing but −∞.
    """
    return _map(z, temperature, bfloat16, logs=False)


def log_softmax(z: Array, *, temperature: float = 1.0, bfloat16: bool = False) -> Array:
    """Logarithms of the probabilities in nats; arguments as :func:`softmax`."""
    return _map(z, temperature, bfloat16, logs=True)


def logsumexp(z: Array, *, bfloat16: bool = False) -> Array:
    """Log Σ exp of each row, (A, B) float64: −∞ where every logit is, +∞ where one is, NaN where one is."""
    swapped, z, _ = _laid_out(z, with_out=False)
    lse = np.empty((z.shape[0], z.shape[2]))
    fill(z, None, lse, 1.0, bfloat16, logs=False)
    return lse.T if swapped else lse


def small(z: Array, *, temperature: float, logs: bool) -> Array:
    """:func:`softmax` or :func:`log_softmax` of what fits one piece, by a shorter way.

    z (…, K): C-contiguous, aligned, writable, of 1 to ``PIECE`` numbers of float32 or float64.
    """
    out, classes = np.empty(z.shape, z.dtype), z.shape[-1]
    compute = loops.short_by_rows if classes > OTHERS else loops.short_by_tiles
    scales = _UNIT[z.dtype.char] if temperature == 1 else _scales(float(temperature), z.dtype.type)
    ours, to = (z, out) if z.ndim == 2 else (z.reshape(-1, classes), out.reshape(-1, classes))
    compute(ours, to, _NO_NUMBERS, logs, scales, float(temperature))
    return out


def small_logsumexp(z: Array) -> Array:
    """:func:`logsumexp` of what :func:`small` takes, as (N,) float64."""
    classes = z.shape[-1]
    lse = np.empty(z.size // classes)
    compute = loops.short_by_rows if classes > OTHERS else loops.short_by_tiles
    kind = z.dtype.char
    compute(z if z.ndim == 2 else z.reshape(-1, classes), _NO_ROWS[kind], lse, False, _UNIT[kind], 1.0)
    return lse


def _map(z: Array, temperature: float, bfloat16: bool, *, logs: bool) -> Array:
    swapped, laid, out = _laid_out(z, with_out=True)
    fill(laid, out, None, temperature, bfloat16, logs=logs)
    out = out.transpose(2, 1, 0) if swapped else out
    return np.ascontiguousarray(out) if z.flags.c_contiguous else out


def _laid_out(z: Array, *, with_out: bool) -> tuple[bool, Array, Array | None]:
    """Give logits that a loop can walk, and an array of the same order in memory for what becomes of them.

    The inner rows are those that are closer together in memory; the first value says whether they were the outer.
    """
    outer, classes, inner = z.shape
    swapped = inner == 1 or (outer > 1 and abs(z.strides[0]) < abs(z.strides[2]))
    if swapped:
        z = z.transpose(2, 1, 0)
        outer, inner = inner, outer
    dense = z.strides[1] == z.itemsize or classes == 1
    if not _plain(z) or (not dense and (classes > WIDE or 1 < inner < ROWS // 4)):
        native = z.dtype.newbyteorder("=")
        z, dense = np.ascontiguousarray(z.transpose(0, 2, 1), dtype=native).transpose(0, 2, 1), True
    if not with_out:
        return swapped, z, None
    if dense:
        return swapped, z, memory.empty((outer, inner, classes), z.dtype).transpose(0, 2, 1)
    return swapped, z, memory.empty(z.shape, z.dtype)


def fill(z: Array, out: Array | None, lse: Array | None, temperature: float, bfloat16: bool, *, logs: bool) -> None:
    """:func:`softmax` (or its ``logs``) into ``out``, like ``z``, or :func:`logsumexp` into ``lse`` (A, B).

    Classes of z (A, K, B) are neighbours, or B is large; the inner rows are the closer ones.
    """
    (outer, classes, inner), size = z.shape, z.itemsize
    if outer * inner == 0:
        return
    kind, z, to = _stored(z, out, bfloat16)
    s = [n // size for n in z.strides]
    o = [0, 0, 0] if to is None else [n // size for n in to.strides]
    flat, to_ = _flat(z), _NOTHING[size] if to is None else _flat(to)
    lse_ = _NOTHING[8] if lse is None else lse.reshape(-1)
    scales = _scales(float(temperature), np.float64 if size == 8 else np.float32)
    past = out is not None and out.nbytes > PAST
    if classes > OTHERS and s[1] == 1:
        loop, units, step = loops.by_rows, outer * inner, max(PIECE // classes, 1)
        shape, strides = (inner, classes), (s[0], s[2], o[0], o[2])
    else:
        loop, units = loops.by_tiles, outer * -(-inner // ROWS)
        step = max(PIECE // (classes * ROWS), 1)
        shape, strides = (outer, inner, classes), (s[0], s[2], s[1], o[0], o[2], o[1])

    arguments = (flat, to_, lse_, kind, logs, shape, strides, scales, float(temperature), past)

    def work(start: int, stop: int) -> None:
        loop(*arguments, start, stop)

    threads.run(work, units, step)
