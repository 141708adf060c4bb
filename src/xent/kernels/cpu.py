"""Rows of logits on the CPU: which loop, in what pieces, on how many threads. Arguments are clean NumPy arrays."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from xent.kernels import lanes, odds, rows, short, smooth_lanes, smooth_rows, threads
from xent.kernels import small as _small
from xent.kernels._math import BRAIN, HALF, NATIVE, steepness  # pyright: ignore[reportUnknownVariableType]
from xent.kernels._pairs import pair
from xent.kernels.mass import label_mass as _mass

Array = Any

PIECE = 2**19  # logits a thread takes at a time, or more: PIECES; smaller arrays are done by the caller's thread
PIECES = 32  # ... large arrays are cut into so many, which do not depend on the number of threads, as no bit does
LANES = {"f": 32}  # up to so many classes rows of a type lie side by side in the lanes ...
OTHERS = 64  # ... of another type, or with smoothed labels
PAST = 2**22  # gradients of more bytes than this are written past the caches: more than a core has of them
LOOK, SAMPLES = 2**16, 512  # labels that are counted at once anyway; and of more, those that are looked at
# ε up to which smoothed labels are computed in the logits' own type. Where p_j comes next to ε/K, and p_j − ε/K
# cancels, the gap is then about log 8 or more: one of the two logits is about 1 or more, and an ulp of it moves p_j
# by what the type rounds off. For a larger ε all logits may be next to 0, where an ulp excuses nothing.
SLIGHT = 0.125

# Also by their characters: looked up by every call, and a dtype's name takes a microsecond.
_NONE = {name: np.empty(0, name) for name in ("float32", "float64", "uint16", "f", "d", "H")}
_NO_NUMBERS = _NONE["float64"]
_NO_ROWS = {kind: np.empty((0, 0), kind) for kind in "fd"}
_UNIT: dict[str, Any] = {kind: steepness(1.0, np.dtype(kind).type) for kind in "fd"}
_scales: Any = lru_cache(maxsize=64)(steepness)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def cross_entropy(
    z: Array,
    labels: Array,
    *,
    weight: Array | None = None,
    row: Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    z_loss: float = 0.0,
    scale: float = 1.0,
    divisor: float = 1.0,
    each: Array | None = None,
    lse: Array | None = None,
    grad: Array | None = None,
    bfloat16: bool = False,
) -> tuple[float, int]:
    """Cross-entropy in nats of rows of logits with class labels; fills the arrays ``each``, ``lse`` and ``grad``.

    Parameters
    ----------
    z : array (A, K, B)
        float32, float64, float16, or the bits of bfloat16 as uint16; any strides.
    labels : array (A, B) of integers
    weight : float64 array (K,), optional
        T of a row is the weight of its label; of either sign.
    row : float64 array (A, B), optional
        Factor of each row's loss, of either sign; 0 makes loss and gradient exactly 0.
    ignore_index : int, optional
        Rows with this label have loss and gradient 0.
    label_smoothing : float
        ε ≤ SLIGHT, for rows without class weights and z_loss.
    temperature, z_loss
        As in :func:`xent.cross_entropy`.
    scale, divisor : float
        The gradient, and only it, is multiplied by the one and divided by the other.
    each, lse : float64 arrays (A, B), optional
        For each row's loss, and its log Σ exp of the tempered logits. C-contiguous.
    grad : array like ``z``, optional
        For the derivative of Σ row · loss, times ``scale``.
    bfloat16 : bool
        What uint16 stands for.

    Returns
    -------
    total : float
        Σ row · loss.
    wrong : int
        Flat index of the first row whose label is neither in [0, K) nor ignored, or −1.
    """
    outer, classes, inner = z.shape
    if outer * inner == 0:
        return 0.0, -1
    few = OTHERS if label_smoothing else LANES.get(z.dtype.char, OTHERS)
    tidy = inner == 1 and z.flags.carray and (grad is None or grad.flags.carray)
    if not tidy:
        options: dict[str, Any] = {
            "weight": weight, "row": row, "ignore_index": ignore_index, "label_smoothing": label_smoothing,
            "temperature": temperature, "z_loss": z_loss, "scale": scale, "divisor": divisor,
            "each": each, "lse": lse, "bfloat16": bfloat16,
        }  # fmt: skip
        if (classes > 1 and z.strides[1] != z.itemsize and 1 < inner < lanes.ROWS // 4) or not _plain(z):
            return _gathered(z, labels, grad=grad, **options)
        if grad is not None and not _fits(z, grad, few):
            dense = np.empty(grad.shape, grad.dtype)
            answer = cross_entropy(z, labels, grad=dense, **options)
            grad[...] = dense
            return answer
    past = grad is not None and grad.nbytes > PAST
    kind, z, grad = _stored(z, grad, bfloat16)
    size = z.itemsize
    z_outer, z_class, z_inner = (n // size for n in z.strides)
    g_outer, g_class, g_inner = (0, 0, 0) if grad is None else (n // size for n in grad.strides)
    arrays = (
        z.reshape(-1) if tidy else _flat(z),
        _flat_labels(labels),
        _NO_NUMBERS if weight is None else _writable(np.ascontiguousarray(weight)),
        _NO_NUMBERS if row is None else _writable(np.ascontiguousarray(row).reshape(-1)),
        _NO_NUMBERS if each is None else each.reshape(-1),
        _NO_NUMBERS if lse is None else lse.reshape(-1),
        _NONE[z.dtype.char] if grad is None else grad.reshape(-1) if tidy else _flat(grad),
    )
    scales = _scales(float(temperature), np.float64 if size == 8 else np.float32)
    settings = (
        ignore_index is not None, ignore_index or 0, float(z_loss), float(scale), float(divisor),
        float(temperature), past,
    )  # fmt: skip
    smooth = ()
    if label_smoothing:
        smooth = ((shares(float(label_smoothing), classes), pace(scale, divisor, temperature)),)
    if classes > few and z_class == 1:
        loop = smooth_rows.cross_entropy if smooth else rows.cross_entropy
        if not smooth and grad is None and lse is None and not z_loss and size < 8:
            loop = odds.cross_entropy
        elif not smooth and inner == 1 and g_outer == classes and z.dtype.char == "f" and classes <= short.MOST:
            loop = short.cross_entropy
        units, step = outer * inner, max(_piece(z) // classes, 1)
        shape, strides = (inner, classes), (z_outer, z_inner, g_outer, g_inner)
    else:
        if inner == 1:
            outer, inner, z_inner, g_inner, z_outer, g_outer = 1, outer, z_outer, g_outer, 0, 0
        loop = smooth_lanes.cross_entropy if smooth else lanes.cross_entropy
        units, step = outer * -(-inner // lanes.ROWS), max(_piece(z) // (classes * lanes.ROWS), 1)
        shape, strides = (outer, inner, classes), (z_outer, z_inner, z_class, g_outer, g_inner, g_class)
    if units <= step:
        total, rest, wrong = loop(*arrays, kind, shape, strides, scales, settings, *smooth, 0, units)
        return total + rest, wrong

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return loop(*arrays, kind, shape, strides, scales, settings, *smooth, start, stop)

    return _together(threads.run(work, units, step))


def _piece(z: Array) -> int:
    """How many of these logits a thread takes at a time."""
    return max(PIECE, z.size // PIECES)


def small(
    z: Array,
    labels: Array,
    *,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    mean: bool = True,
    grad: Array | None = None,
) -> tuple[float, float, int]:
    """Cross-entropy of what fits one piece, by few arguments, and what a mean divides by.

    z (N, K) and grad like it: C-contiguous, aligned, writable, at most ``PIECE`` numbers of float32 or float64.
    labels (N,) int64 or int32, likewise. Gives Σ loss, what its mean (and so the gradient) is divided by, and
    ``wrong``.
    """
    kind, classes, ignoring = z.dtype.char, z.shape[1], ignore_index is not None
    arrays = z, labels, _NO_ROWS[kind] if grad is None else grad
    settings = ignoring, ignore_index if ignoring else 0, mean, _UNIT[kind]
    if label_smoothing:
        loop = _small.smooth_by_rows if classes > OTHERS else _small.smooth_by_lanes
        return loop(*arrays, *settings, shares(label_smoothing, classes))
    return _by(kind, classes, grad is not None, _small.ARRAYS)(*arrays, *settings)


def reach(kind: str, classes: int, slope: bool, weighted: bool = False) -> tuple[Any, Any]:
    """:func:`small` of addresses, for "f" or "d", and its last three arguments; with class weights or not."""
    return _by(kind, classes, slope, _small.WEIGHTED if weighted else _small.ADDRESSES), _UNIT[kind]


def _by(kind: str, classes: int, slope: bool, ways: tuple[Any, Any, Any, Any]) -> Any:
    """Choose from the ways by lanes, by short rows, by rows and by odds."""
    if classes <= LANES.get(kind, OTHERS):
        return ways[0]
    if kind == "d":
        return ways[2]
    return ways[1 if classes <= short.MOST else 2] if slope else ways[3]


def pace(scale: float, divisor: float, tau: float) -> float:
    """Scale / (divisor · τ), rounded once where that can be."""
    if tau == 1 or not (math.isfinite(scale) and math.isfinite(divisor)) or divisor == 0:
        return scale / (divisor * tau) if divisor else math.nan
    return float(Fraction(scale) / Fraction(divisor) / Fraction(tau))


@lru_cache(maxsize=64)
def shares(epsilon: float, classes: int) -> tuple[float, ...]:
    """ε/K, 1 − ε + ε/K and 1 less that, each in two floats, and 1 − ε."""
    share, keep = Fraction(epsilon) / classes, 1 - Fraction(epsilon)
    parts = [part for value in (share, keep + share, 1 - keep - share) for part in pair(value)]
    return (*parts, float(keep))


def takes(label_smoothing: float, weight: Array | None, z_loss: float) -> bool:
    """Say whether :func:`cross_entropy` computes labels with these options, and not ``cpu_soft``."""
    return not label_smoothing or (label_smoothing <= SLIGHT and weight is None and not z_loss)


def label_mass(
    labels: Array,
    *,
    classes: int,
    weight: Array | None = None,
    row: Array | None = None,
    ignore_index: int | None = None,
) -> float:
    """Σ row · weight[label] of the rows that are not ignored; labels outside [0, K) count for nothing."""
    labels = _flat_labels(labels)
    weight = _NO_NUMBERS if weight is None else _writable(np.ascontiguousarray(weight))
    row = _NO_NUMBERS if row is None else _writable(np.ascontiguousarray(row).reshape(-1))
    ignoring, ignore = ignore_index is not None, ignore_index or 0
    if labels.size <= PIECE:  # the way through ``threads`` takes longer than this
        total, rest, _ = _mass(labels, weight, row, classes, ignoring, ignore, 0, labels.size)
        return total + rest

    def work(start: int, stop: int) -> tuple[float, float, int]:
        return _mass(labels, weight, row, classes, ignoring, ignore, start, stop)

    return _together(threads.run(work, labels.size, PIECE))[0]


def _together(pieces: list[Any]) -> Any:
    """Add the pieces' sums in their order, and find the first rows that are something, or −1."""
    firsts = (next((i for i in rows if i >= 0), -1) for rows in zip(*(p[2:] for p in pieces), strict=True))
    return exact_sum(np.array([p[:2] for p in pieces])), *firsts


def exact_sum(sums: Array) -> float:
    """Sum as if with unlimited precision; what is not finite makes it so."""
    return math.fsum(sums.reshape(-1)) if np.isfinite(sums).all() else float(sums.sum())


def seem_to_count(labels: Array, *, classes: int, ignore_index: int | None) -> bool:
    """Say whether all rows seem to count, so that a mean can divide by their number before all labels are read.

    Then a kernel is not told what to ignore, and takes an ignored label for an impossible one. Whoever hears of one
    calls :func:`did_not_count`, counts, and computes once more. Read twice, the labels of three classes are a fifth
    of all that goes through memory.
    """
    if ignore_index is None or labels.size < LOOK or 0 <= ignore_index < classes:
        return False
    if (ignore_index, classes) in _ignored:
        return False
    flat = labels.reshape(-1)
    return not (flat[:: flat.size // SAMPLES] == ignore_index).any()


def did_not_count(*, classes: int, ignore_index: int | None) -> None:
    """Remember that labels are ignored where none seemed to be: once is enough for a training loop."""
    if len(_ignored) > SAMPLES:
        _ignored.clear()
    _ignored.add((ignore_index, classes))


_ignored: set[tuple[int | None, int]] = set()


def _flat_labels(labels: Array) -> Array:
    """Labels as one row of int32 or int64."""
    labels = labels.reshape(-1)
    if labels.dtype.char not in "lqi" or not labels.flags.carray:
        labels = np.array(labels, np.int32 if labels.dtype == np.int32 else np.int64, order="C")
    return labels


def _plain(z: Array) -> bool:
    """Say whether an array can be walked by whole, forward steps."""
    return bool(z.flags.aligned) and all(s >= 0 and s % z.itemsize == 0 for s in z.strides) and z.dtype.isnative


def _fits(z: Array, grad: Array, few: int) -> bool:
    """Say whether the loop for these logits can write there."""
    (_, classes, inner), size = z.shape, grad.itemsize
    first, between, last = grad.strides
    many = classes > few and z.strides[1] == z.itemsize
    step = first if inner == 1 else last
    return _plain(grad) and ((between == size and (many or step == classes * size)) or (not many and step == size))


def _gathered(z: Array, labels: Array, *, grad: Array | None, **options: Any) -> tuple[float, int]:
    """Copy the logits so that the classes are neighbours, and the gradient back."""
    outer, classes, inner = z.shape
    dtype = z.dtype.newbyteorder("=")
    dense = np.array(z.transpose(0, 2, 1), dtype, order="C").reshape(outer * inner, classes, 1)
    to = None if grad is None else np.empty(dense.shape, dtype)
    for name in ("row", "each", "lse"):
        if options[name] is not None:
            options[name] = options[name].reshape(outer * inner, 1)
    answer = cross_entropy(dense, labels.reshape(outer * inner, 1), grad=to, **options)
    if grad is not None and to is not None:
        grad[...] = to.reshape(outer, inner, classes).transpose(0, 2, 1)
    return answer


def _stored(z: Array, grad: Array | None, bfloat16: bool) -> tuple[int, Array, Array | None]:
    """How the numbers are stored, and half types as their bits."""
    if z.dtype == np.uint16:
        return (BRAIN if bfloat16 else HALF), z, grad
    if z.dtype == np.float16:
        return HALF, z.view(np.uint16), None if grad is None else grad.view(np.uint16)
    return NATIVE, z, grad


def _flat(a: Array) -> Array:
    """All memory from an array's first number to its last, as one row that may be written."""
    if a.flags.c_contiguous:
        return _writable(a.reshape(-1))
    extent = 1 + sum((n - 1) * (s // a.itemsize) for n, s in zip(a.shape, a.strides, strict=True))
    return _writable(np.lib.stride_tricks.as_strided(a, (extent,), (a.itemsize,)))


class _Memory:
    """An array's memory without its write protection: kernels are compiled once, and write to outputs only."""

    def __init__(self, a: Array) -> None:
        self.owner = a
        self.__array_interface__ = a.__array_interface__ | {"data": (a.__array_interface__["data"][0], False)}


def _writable(a: Array) -> Array:
    return a if a.flags.writeable else np.asarray(_Memory(a))
