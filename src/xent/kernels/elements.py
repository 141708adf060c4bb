# pyright: basic
"""Logistic losses and functions on the CPU: which loop, in what pieces. Arguments are clean NumPy arrays.

Only targets may be anything: the pass that computes says which is wrong.
"""

from __future__ import annotations

import ctypes
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numba import from_dtype, types

from xent.kernels import binary as loops
from xent.kernels import memory, threads
from xent.kernels._compile import entry
from xent.kernels._math import BRAIN, HALF, NATIVE  # pyright: ignore[reportUnknownVariableType]
from xent.kernels.cpu import PAST, _flat, _plain, _together, _writable

Array = Any

PIECE = 2**17  # elements a thread takes at a time; smaller arrays are done by the caller's thread
_NOTHING = {2: np.empty(0, np.uint16), 4: np.empty(0, np.float32), 8: np.empty(0)}  # by the size of a number
_AS_THEY_ARE = {np.dtype(t) for t in (np.uint8, np.int32, np.int64, np.float32, np.float64)}


def binary(
    z: Array,
    y: Array,
    *,
    weight: Array | None = None,
    pos_weight: Array | float | None = None,
    sides: tuple[float, float] = (1.0, 1.0),
    label_smoothing: float = 0.0,
    gamma: float = 0.0,
    sharp: bool = False,
    scale: float = 1.0,
    divisor: float = 1.0,
    each: Array | None = None,
    grad: Array | None = None,
    bfloat16: tuple[bool, bool] = (False, False),
) -> tuple[float, int]:
    """Binary cross-entropy in nats of logits and targets, or focal loss; fills what ``each`` and ``grad`` give.

    Parameters
    ----------
    z : array of any shape
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    y : array of that shape
        bool, integers 0 and 1, or floats in [0, 1]; the bits of bfloat16 as uint16.
    weight, pos_weight : float32 or float64 arrays of that shape, optional
        Factors of the element and of the term with y, of any strides (0 too): weights of either sign, but
        ``pos_weight``, which may be a number, finite and ≥ 0. A weight of 0 makes loss and gradient exactly 0.
    sides : two floats
        More weights: of elements with a target above 0, and of those with 0.
    label_smoothing : float
        ε: y becomes (1 − ε) y + ε / 2.
    gamma : float
        Focal exponent; targets are then 0 and 1, without smoothing.
    sharp : bool
        Whether only 0 and 1 are targets, also as floats; always so with ``gamma`` > 0.
    scale, divisor : float
        The gradient, and only it, is multiplied by the one and divided by the other.
    each : array of that shape, optional
        For weight · loss. C-contiguous, float64 for float64 logits and else float32.
    grad : array of that shape and the type of ``z``, optional
        For the derivative of Σ weight · loss. C-contiguous; not the memory of ``z``.
    bfloat16 : two bools
        Whether uint16 stands for bfloat16: as logits (else for float16), and as targets (else for integers).

    Returns
    -------
    total : float
        Σ weight · loss.
    wrong : int
        Flat index of the first target outside [0, 1] (``sharp``: neither 0 nor 1), or −1. If there is one, the rest
        is not to be used.
    """
    if not z.size:
        return 0.0, -1
    kind, z, grad = _bits(z, grad, bfloat16[0])
    kind_y, y = _target(y, bfloat16[1])
    factor, past = scale / divisor, grad is not None and grad.nbytes > PAST
    one, zero = sides
    outputs = (
        _NOTHING[8 if z.itemsize == 8 else 4] if each is None else each.reshape(-1),
        _NOTHING[z.itemsize] if grad is None else grad.reshape(-1),
        (kind, kind_y),
    )
    number = pos_weight if isinstance(pos_weight, float) else None
    if weight is None and not label_smoothing and (pos_weight is None or number):
        order = _same_order(z, y, each is None and grad is None)
        if order:
            flat = _writable(z.reshape(-1, order=order)), _writable(y.reshape(-1, order=order))
            numbers = ((float(one * (number or 1.0)), float(zero)), float(gamma), factor, past)
            total, other = _pieces(loops.plain, (*flat, *outputs, *numbers), z.size)
            if other < 0:
                return total, -1
    pos_weight = pos_weight if number is None else np.broadcast_to(number, z.shape)
    shape, (z, y, weight, pos_weight) = _folded(z, y, weight, pos_weight)
    arrays = _flat(z), _flat(y), *(_NOTHING[8] if a is None else _flat(a) for a in (weight, pos_weight)), *outputs
    settings = (shape, tuple(map(_steps, (z, y, weight, pos_weight))), (float(one), float(zero)))
    numbers = (bool(sharp or gamma > 0), _smoothing(float(label_smoothing)), float(gamma), factor, past)
    return _pieces(loops.general, (*arrays, *settings, *numbers), z.size)


@lru_cache(maxsize=64)
def caller(of_z: str, of_y: str) -> Any:
    """:func:`binary` of dense memory without weights and smoothing, as a C function of addresses.

    For a handful of numbers the way to a kernel takes longer than the loss; this is the shortest. The arguments are
    the addresses of z, y, each and grad (0 where there is none), the number of elements, 1 for each + 2 for grad,
    how z and y are stored (see ``_math``), γ, and the factor of the gradient. Types are named as stored. It
    gives the total, or −1 if a target is not 0 or 1; up to PIECE elements give the same bits as :func:`binary`.
    """
    z, y, wide = (types.CPointer(from_dtype(np.dtype(name))) for name in (of_z, of_y, "float32"))
    each = types.CPointer(types.float64) if of_z == "float64" else wide
    whole = (types.int64,) * 4
    address = entry(loops.plain_at, types.float64(z, y, each, z, *whole, types.float64, types.float64))
    pointers, integers = (ctypes.c_void_p,) * 4, (ctypes.c_int64,) * 4
    return ctypes.CFUNCTYPE(ctypes.c_double, *pointers, *integers, ctypes.c_double, ctypes.c_double)(address)


def mass(y: Array, *, weight: Array | None, pos_weight: Array | float | None) -> float:
    """Σ weight · (pos_weight · y + 1 − y), of arrays as :func:`binary` takes them."""
    kind, y = _target(y, False)
    pos_weight = np.broadcast_to(pos_weight, y.shape) if isinstance(pos_weight, float) else pos_weight
    shape, (y, weight, pos_weight) = _folded(y, weight, pos_weight)
    arrays = (_flat(y), *(_NOTHING[8] if a is None else _flat(a) for a in (weight, pos_weight)))
    return _pieces(loops.element_mass, (*arrays, kind, shape, tuple(map(_steps, (y, weight, pos_weight)))), y.size)[
        0
    ]


def sigmoid(z: Array, *, logs: bool = False, bfloat16: bool = False) -> Array:
    """1 / (1 + exp(−z)), or its logarithm, of logits as :func:`binary` takes them; C-contiguous."""
    out = memory.empty(z.shape, z.dtype.newbyteorder("="))
    kind, z, to = _bits(np.ascontiguousarray(z) if _plain(z) else np.array(z, out.dtype, order="C"), out, bfloat16)
    arguments = _writable(z.reshape(-1)), np.asarray(to).reshape(-1), kind, logs, out.nbytes > PAST

    def work(start: int, stop: int) -> None:
        loops.sigmoid(*arguments, start, stop)

    threads.run(work, z.size, PIECE)
    return out


def _pieces(loop: Any, arguments: tuple[Any, ...], size: int) -> tuple[float, int]:
    if size <= PIECE:
        total, rest, wrong = loop(*arguments, 0, size)
        return total + rest, wrong

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return loop(*arguments, start, stop)

    return _together(threads.run(work, size, PIECE))


def _bits(z: Array, out: Array | None, bfloat16: bool) -> tuple[int, Array, Array | None]:
    """How logits are stored, and half types as their bits."""
    if z.itemsize > 2:
        return NATIVE, z, out
    if z.dtype != np.uint16:
        z, out = (
            z.view(np.dtype(np.uint16).newbyteorder(z.dtype.byteorder)),
            None if out is None else out.view(np.uint16),
        )
    return (BRAIN if bfloat16 else HALF), z, out


def _target(y: Array, bfloat16: bool) -> tuple[int, Array]:
    """Give targets of a type that the loops are compiled for; what is not 0 or 1 stays so."""
    if y.dtype in _AS_THEY_ARE:
        return NATIVE, y
    if y.dtype == np.bool_ or y.dtype == np.int8:
        return NATIVE, y.view(np.uint8)
    if y.dtype == np.float16 and y.dtype.isnative:
        return HALF, y.view(np.uint16)
    return (BRAIN, y) if y.dtype == np.uint16 and bfloat16 else (NATIVE, y.astype(np.float64))


def _same_order(z: Array, y: Array, any_order: bool) -> str:
    """Say in which order both arrays are one piece of memory, if they are."""
    of_z, of_y = z.flags, y.flags
    if not (of_z.aligned and of_y.aligned and z.dtype.isnative and y.dtype.isnative):
        return ""
    if of_z.c_contiguous and of_y.c_contiguous:
        return "C"
    return "F" if any_order and of_z.f_contiguous and of_y.f_contiguous else ""


def _folded(*arrays: Array | None) -> tuple[tuple[int, int, int], list[Array | None]]:
    """Lay arrays of one shape as (A, B, C) that loops can walk; a copy where there are more than three steps."""
    given = [
        a if _plain(a) else np.ascontiguousarray(a, a.dtype.newbyteorder("=")) for a in arrays if a is not None
    ]
    sizes: list[int] = []
    steps: list[list[int]] = []
    for axis, n in enumerate(given[0].shape):
        here = [a.strides[axis] for a in given]
        if n > 1 and sizes and all(outer == n * inner for outer, inner in zip(steps[-1], here, strict=True)):
            sizes[-1], steps[-1] = sizes[-1] * n, here
        elif n > 1:
            sizes.append(n)
            steps.append(here)
    if len(sizes) > 3:
        return _folded(*(None if a is None else np.ascontiguousarray(a) for a in arrays))
    missing = 3 - len(sizes)
    shape = (1,) * missing + tuple(sizes)
    views = [
        np.lib.stride_tricks.as_strided(a, shape, (0,) * missing + tuple(s[i] for s in steps))
        for i, a in enumerate(given)
    ]
    laid = iter(views)
    return shape, [None if a is None else next(laid) for a in arrays]  # pyright: ignore[reportReturnType]


def _steps(a: Array | None) -> tuple[int, int, int]:
    """Strides in numbers."""
    return (0, 0, 0) if a is None else tuple(s // a.itemsize for s in a.strides)


@lru_cache(maxsize=64)
def _smoothing(epsilon: float) -> tuple[float, float, float, float]:
    """1 − ε and ε / 2, each as the sum of two floats."""
    parts: list[float] = []
    for exact in (1 - Fraction(epsilon), Fraction(epsilon) / 2):
        parts += [float(exact), float(exact - Fraction(float(exact)))]
    return parts[0], parts[1], parts[2], parts[3]
