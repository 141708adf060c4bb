# pyright: basic, reportCallIssue=false, reportArgumentType=false
"""Rows whose target is a distribution, smoothed or capped: which loop, in what pieces. Arguments are clean."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from xent.kernels import cpu, lanes, soft, soft_lanes, threads
from xent.kernels import small as _small
from xent.kernels._math import NATIVE
from xent.kernels.cpu import _NO_NUMBERS, _NONE, PAST, _flat, _flat_labels, _plain, _stored, _together, _writable
from xent.kernels.mass import target_mass

Array = Any

PIECE = 2**17  # logits a thread takes at a time; smaller arrays are done by the caller's thread
FEW, FEW_IN_PAIRS = 64, 112  # up to so many classes rows lie side by side in the lanes
APART = 1024  # the same where classes are not neighbours

_constants: Any = lru_cache(maxsize=64)(soft.constants)
_NO_LABELS = np.empty(0, np.int64)
_ZERO = {name: np.zeros((1, 1, 1), name) for name in _NONE}  # the soft target of hard labels, with strides of 0


def cross_entropy(
    z: Array,
    target: Array,
    *,
    weight: Array | None = None,
    row: Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    strict: bool = False,
    scale: float = 1.0,
    divisor: float = 1.0,
    each: Array | None = None,
    lse: Array | None = None,
    grad: Array | None = None,
    bfloat16: bool = False,
    bfloat16_target: bool = False,
) -> tuple[float, int, int]:
    """Cross-entropy in nats of rows of logits with any target; fills the arrays ``each``, ``lse`` and ``grad``.

    Labels without more go on to :func:`cpu.cross_entropy`, which see for what is not said here.

    Parameters
    ----------
    z : array (A, K, B)
        Logits.
    target : array (A, B) of integers, or (A, K, B)
        Labels, or distributions: float32, float64, float16, or the bits of bfloat16; any strides, 0 included. Not
        of any sum or sign, unless ``strict``.
    weight, row, ignore_index, temperature, z_loss
        As there; ``weight`` of either sign.
    label_smoothing : float
        ε: q becomes (1 − ε) q + ε / K.
    softcap : float, optional
        c > 0: logits become c · tanh(z / c).
    strict : bool
        Find the first row of a soft target that is no distribution.
    scale, divisor, each, lse, grad, bfloat16, bfloat16_target
        As there; the last is for the target.

    Returns
    -------
    total : float
        Σ row · loss.
    wrong : int
        Flat index of the first row whose label is neither in [0, K) nor ignored, or −1.
    odd : int
        Flat index of the first row that is negative somewhere or does not sum to 1 within 1e-3 (5e-3 for half
        types), or −1.
    """
    outer, classes, inner = z.shape
    hard = target.ndim == 2
    options: dict[str, Any] = {
        "row": row, "ignore_index": ignore_index, "label_smoothing": label_smoothing, "temperature": temperature,
        "z_loss": z_loss, "scale": scale, "divisor": divisor, "each": each, "lse": lse, "bfloat16": bfloat16,
    }  # fmt: skip
    if hard and softcap is None and cpu.takes(label_smoothing, weight, z_loss):
        return *cpu.cross_entropy(z, target, weight=weight, grad=grad, **options), -1
    if outer * inner == 0:
        return 0.0, -1, -1
    beside = z.strides[1] == z.itemsize
    if not _plain(z) or not (beside or (classes <= APART and (inner == 1 or inner >= lanes.ROWS // 4))):
        options |= {"softcap": softcap, "strict": strict, "weight": weight, "bfloat16_target": bfloat16_target}
        return _gathered(z, target, grad=grad, **options)
    pairs = z.dtype == np.float64 and (grad is not None or softcap is not None)
    by_rows = classes > (FEW_IN_PAIRS if pairs else FEW) and beside
    if grad is not None and not _fits(grad, by_rows):
        dense = np.empty(grad.shape, grad.dtype)
        options |= {"softcap": softcap, "strict": strict, "weight": weight, "bfloat16_target": bfloat16_target}
        answer = cross_entropy(z, target, grad=dense, **options)
        grad[...] = dense
        return answer
    past = grad is not None and grad.nbytes > PAST
    kind, z, grad = _stored(z, grad, bfloat16)
    if hard:
        labels = _flat_labels(target.astype(np.int64, copy=False))
        kind_q, q = NATIVE, np.broadcast_to(_ZERO[z.dtype.char], z.shape)
    else:
        labels, (kind_q, q) = _NO_LABELS, _walkable(target, bfloat16_target)
    arrays = (
        _flat(z),
        labels,
        _flat(q),
        _spread(weight, label_smoothing, classes, by_rows),
        _row(row),
        _NO_NUMBERS if each is None else each.reshape(-1),
        _NO_NUMBERS if lse is None else lse.reshape(-1),
        _NONE[z.dtype.char] if grad is None else _flat(grad),
        (kind, kind_q),
    )
    strides = tuple((0, 0, 0) if a is None else tuple(n // a.itemsize for n in a.strides) for a in (z, q, grad))
    constants = _constants(classes, tau=temperature, epsilon=label_smoothing, softcap=softcap)
    settings = (
        ignore_index is not None, ignore_index or 0, float(z_loss), cpu.pace(scale, divisor, temperature), past,
        strict,
    )  # fmt: skip
    if by_rows:
        loop, shape, units, step = soft.cross_entropy, (inner, classes), outer * inner, max(PIECE // classes, 1)
    else:
        if inner == 1:
            outer, inner = 1, outer
            strides = tuple((0, by_class, by_outer) for by_outer, by_class, _ in strides)
        loop, shape = soft_lanes.cross_entropy, (outer, inner, classes)
        units, step = outer * -(-inner // lanes.ROWS), max(PIECE // (classes * lanes.ROWS), 1)

    if units <= step:
        total, rest, wrong, odd = loop(*arrays, shape, strides, constants, settings, 0, units)
        return total + rest, wrong, odd

    def work(start: int, stop: int) -> tuple[float, float, int, int]:
        return loop(*arrays, shape, strides, constants, settings, start, stop)

    return _together(threads.run(work, units, step))


def reach(kind: str, classes: int, slope: bool) -> tuple[Any, Any]:
    """:func:`cross_entropy` of distributions without options at addresses, for "f" or "d", and its last argument.

    Of at most PIECE numbers, C-contiguous.
    """
    few = FEW_IN_PAIRS if kind == "d" and slope else FEW
    return _small.soft_lanes_at if classes <= few else _small.soft_rows_at, _LIKE[kind]


_LIKE = {"f": np.float32(0), "d": 0.0}


def mass(
    target: Array,
    *,
    classes: int,
    weight: Array | None = None,
    row: Array | None = None,
    ignore_index: int | None = None,
    bfloat16: bool = False,
) -> float:
    """Σ row · Σ_j weight_j q_j of the rows that are not ignored; targets as :func:`cross_entropy` takes them."""
    if target.ndim == 2:
        return cpu.label_mass(target, classes=classes, weight=weight, row=row, ignore_index=ignore_index)
    outer, _, inner = target.shape
    if outer * inner == 0 or (weight is None and row is None):
        return float(outer * inner)
    kind, q = _walkable(target, bfloat16)
    w = _NO_NUMBERS if weight is None else _writable(np.ascontiguousarray(weight))
    arrays, strides = (_flat(q), w, _row(row)), tuple(n // q.itemsize for n in q.strides)

    def work(start: int, stop: int) -> tuple[float, float]:
        return target_mass(*arrays, kind, (inner, classes), strides, start, stop)

    return _together(threads.run(work, outer * inner, max(PIECE // classes, 1)))[0]


def _row(row: Array | None) -> Array:
    return _NO_NUMBERS if row is None else _writable(np.ascontiguousarray(row).reshape(-1))


def _walkable(q: Array, bfloat16: bool) -> tuple[int, Array]:
    """How targets are stored, and the targets, copied where no loop can walk them."""
    q = q if _plain(q) else np.array(q, q.dtype.newbyteorder("="), order="C")
    kind, q, _ = _stored(q, None, bfloat16)
    return kind, q


def _spread(weight: Array | None, epsilon: float, classes: int, by_rows: bool) -> Array:
    """Class weights as a tile has them, with 0 where it has no class; empty where targets stay as they are."""
    if weight is None and not epsilon:
        return _NO_NUMBERS
    weight = np.ones(classes) if weight is None else weight
    return np.pad(weight, (0, -classes % lanes.ROWS)) if by_rows else np.repeat(weight, lanes.ROWS)


def _fits(grad: Array, by_rows: bool) -> bool:
    """Say whether the loop can write there."""
    (_, classes, inner), size, (first, between, last) = grad.shape, grad.itemsize, grad.strides
    step = first if inner == 1 else last
    packed = between == size and (by_rows or step == classes * size)
    return _plain(grad) and (packed or (not by_rows and step == size))


def _gathered(z: Array, target: Array, *, grad: Array | None, **options: Any) -> tuple[float, int, int]:
    """Copy the logits so that the classes are neighbours, and the gradient back."""
    outer, classes, inner = z.shape
    rows, dtype = outer * inner, z.dtype.newbyteorder("=")
    dense = np.array(z.transpose(0, 2, 1), dtype, order="C").reshape(rows, classes, 1)
    to = None if grad is None else np.empty(dense.shape, dtype)
    for name in ("row", "each", "lse"):
        options[name] = None if options[name] is None else options[name].reshape(rows, 1)
    shape = (rows, 1) if target.ndim == 2 else (rows, classes, 1)
    moved = target if target.ndim == 2 else target.transpose(0, 2, 1)
    answer = cross_entropy(dense, moved.reshape(shape), grad=to, **options)
    if grad is not None and to is not None:
        grad[...] = to.reshape(outer, inner, classes).transpose(0, 2, 1)
    return answer
