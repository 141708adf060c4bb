# pyright: basic
"""Logistic losses on the CPU: which loop, in what pieces. Arguments are clean NumPy arrays, but for the targets."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from xent.kernels import binary as loops
from xent.kernels import threads
from xent.kernels.cpu import _NONE, PAST, _flat, _plain, _stored, _together

Array = np.ndarray

PIECE = 2**17  # elements a thread takes at a time; smaller arrays are done by the caller's thread
_TARGETS = {np.dtype(t) for t in (np.uint8, np.int32, np.int64, np.float32, np.float64)}


def binary(
    z: Array,
    y: Array,
    *,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    label_smoothing: float = 0.0,
    gamma: float = 0.0,
    sharp: bool = False,
    scale: float = 1.0,
    divisor: float = 1.0,
    each: Array | None = None,
    grad: Array | None = None,
    bfloat16: bool = False,
) -> tuple[float, int]:
    """Binary cross-entropy in nats of logits and targets, or focal loss; fills what ``each`` and ``grad`` give.

    Parameters
    ----------
    z : array (A, B)
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    y : array (A, B)
        bool, integers 0 and 1, or floats in [0, 1].
    weight, pos_weight : float64 arrays (A, B), optional
        Factors of the element and of the term with y, of any strides (0 too): weights of either sign, but
        ``pos_weight`` ≥ 0. A weight of 0 makes loss and gradient exactly 0.
    label_smoothing : float
        ε: y becomes (1 − ε) y + ε / 2.
    gamma : float
        Focal exponent; targets are then 0 and 1, without smoothing.
    sharp : bool
        Whether only 0 and 1 are targets, also as floats; always so with ``gamma`` > 0.
    scale, divisor : float
        The gradient, and only it, is multiplied by the one and divided by the other.
    each : float64 array (A, B), optional
        For weight · loss. C-contiguous.
    grad : array like ``z``, optional
        For the derivative of Σ weight · loss. Any strides; not the memory of ``z``.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    total : float
        Σ weight · loss.
    wrong : int
        Flat index of the first target outside [0, 1] (``sharp``: neither 0 nor 1), or −1. If there is one, the rest
        is not to be used.
    """
    outer, inner = z.shape
    size = outer * inner
    if size == 0:
        return 0.0, -1
    to = grad
    if grad is not None and not (grad.flags.c_contiguous and grad.flags.aligned and grad.dtype.isnative):
        to = np.empty(grad.shape, grad.dtype.newbyteorder("="))
    easy = weight is None and pos_weight is None and not gamma and not label_smoothing
    answer = _plain_ones(z, y, each, to, scale, divisor, bfloat16) if easy else None
    if answer is None:
        answer = _any(
            z, y, weight, pos_weight, each, to, bfloat16, bool(sharp or gamma > 0),
            _smoothing(float(label_smoothing)), (float(gamma), float(scale), float(divisor)),
        )  # fmt: skip
    if grad is not None and to is not grad:
        grad[...] = to
    return answer


def _plain_ones(
    z: Array, y: Array, each: Array | None, grad: Array | None, scale: float, divisor: float, bfloat16: bool
) -> tuple[float, int] | None:
    """Compute where nothing is weighted and every target is 0 or 1; None where that is not so."""
    if z.flags.f_contiguous and y.flags.f_contiguous and each is None and grad is None:
        z, y = z.T, y.T
    if not (z.flags.c_contiguous and _plain(z) and y.flags.c_contiguous and _plain(y)):
        return None
    kind, z, out = _stored(z, grad, bfloat16)
    past = out is not None and out.nbytes > PAST
    arrays = (
        _flat(z),
        _flat(_target(y)),
        _NONE["float64"] if each is None else each.reshape(-1),
        _NONE[z.dtype.name] if out is None else out.reshape(-1),
    )

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return loops.plain(*arrays, kind, float(scale), float(divisor), past, start, stop)

    total, other = _together(threads.run(work, z.size, PIECE))
    return (total, -1) if other < 0 else None


def _any(
    z: Array,
    y: Array,
    weight: Array | None,
    pos_weight: Array | None,
    each: Array | None,
    grad: Array | None,
    bfloat16: bool,
    sharp: bool,
    smooth: tuple[float, float, float, float],
    numbers: tuple[float, float, float],
) -> tuple[float, int]:
    """Compute with any option, and say which target is wrong."""
    z, y = _walkable(z), _walkable(y.astype(np.float64, copy=False))
    kind, z, out = _stored(z, grad, bfloat16)
    (weight, w), (pos_weight, p) = _factor(weight), _factor(pos_weight)
    arrays = (
        _flat(z),
        _flat(y),
        weight,
        pos_weight,
        _NONE["float64"] if each is None else each.reshape(-1),
        _NONE[z.dtype.name] if out is None else out.reshape(-1),
    )
    inner, strides = z.shape[1], (_steps(z), _steps(y), w, p)

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return loops.general(*arrays, kind, inner, strides, sharp, smooth, numbers, start, stop)

    return _together(threads.run(work, z.size, PIECE))


def _target(y: Array) -> Array:
    """Give targets of a type that the loops are compiled for; what is not 0 or 1 stays so."""
    if y.dtype == np.bool_ or y.dtype == np.int8:
        return y.view(np.uint8)
    return y if y.dtype in _TARGETS else y.astype(np.float64)


def _walkable(a: Array) -> Array:
    return a if _plain(a) else np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("="))


def _factor(a: Array | None) -> tuple[Array, tuple[int, int]]:
    if a is None:
        return _NONE["float64"], (0, 0)
    a = _walkable(a)
    return _flat(a), _steps(a)


def _steps(a: Array) -> tuple[int, int]:
    """Strides in numbers."""
    return a.strides[0] // a.itemsize, a.strides[1] // a.itemsize


@lru_cache(maxsize=64)
def _smoothing(epsilon: float) -> tuple[float, float, float, float]:
    """1 − ε and ε / 2, each as the sum of two floats."""
    parts: list[float] = []
    for exact in (1 - Fraction(epsilon), Fraction(epsilon) / 2):
        parts += [float(exact), float(exact - Fraction(float(exact)))]
    return parts[0], parts[1], parts[2], parts[3]
