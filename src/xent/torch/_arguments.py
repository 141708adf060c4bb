"""What the arguments of :mod:`xent.torch` may be, and every sentence that says they are not."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from xent import _validate

FLOATING = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
INTEGRAL = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
HALF = (torch.float16, torch.bfloat16)


class LabelError(IndexError, ValueError):
    """A label that names no class: an IndexError as torch raises it, a ValueError as xent does.

    >>> import torch, xent.torch
    >>> xent.torch.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3]))
    Traceback (most recent call last):
    xent.torch._arguments.LabelError: labels must lie in [0, 3), got 3 at row 1; rows to leave out need ignore_index
    """


class Options(NamedTuple):
    """Options of cross-entropy and of its focal form, in the order of the operators' schema."""

    reduction: str
    ignore_index: int
    label_smoothing: float
    temperature: float
    z_loss: float
    softcap: float | None
    gamma: float
    by: str  # what a mean divides by: "torch", "weights", "rows" or "number"
    divisor: float  # the number
    on_empty: str


class BinaryOptions(NamedTuple):
    """Options of the binary loss, in the order of the operators' schema."""

    reduction: str
    gamma: float


def reduction_of(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """Translate torch's two old flags, which win over ``reduction`` where they are given."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def parse(
    reduction: str,
    ignore_index: int,
    label_smoothing: float,
    temperature: float,
    z_loss: float,
    softcap: float | None,
    gamma: float,
    denominator: float | str | None,
    on_empty: str,
) -> Options:
    """Check the options and give them their types."""
    _validate.reduction(reduction, denominator, on_empty)
    by = denominator if isinstance(denominator, str) else "torch" if denominator is None else "number"
    return Options(
        reduction,
        _validate.integer(ignore_index, "ignore_index"),
        _validate.number(label_smoothing, "label_smoothing", low=0, high=1),
        _within(temperature, "temperature"),
        _validate.number(z_loss, "z_loss", low=0, high=math.inf),
        None if softcap is None else _within(softcap, "softcap"),
        _validate.number(gamma, "gamma", low=0, high=math.inf),
        by,
        float(denominator) if by == "number" and denominator is not None else 1.0,
        on_empty,
    )


def _within(value: float, name: str) -> float:
    """Check a temperature or a softcap: beyond 1e±30 a float32 logit divided by it is no number to compute with."""
    number = _validate.positive(value, name)
    if not 1e-30 <= number <= 1e30:
        raise ValueError(f"{name} must lie between 1e-30 and 1e30, got {number!r}; scale the logits as well")
    return number


_remembered = lru_cache(maxsize=256, typed=True)(parse)


def options(*given: Any) -> Options:
    """Check the options of :func:`parse`; the same ones only once, as eager calls repeat them."""
    if torch.compiler.is_compiling():
        return parse(*given)
    try:
        return _remembered(*given)
    except TypeError:  # not hashable, or a mistake that parse names
        return parse(*given)


def logits(input: Tensor, name: str = "input") -> None:
    """Check the tensor of logits."""
    if not isinstance(input, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} must be a torch.Tensor, got {type(input).__name__}; wrap it in torch.as_tensor(…)")
    if input.dtype not in FLOATING:
        raise TypeError(f"{name} must be float32, float64, float16 or bfloat16, got {input.dtype}; convert it")


def class_target(input: Tensor, target: Tensor, what: str = "target") -> bool:
    """Check logits with classes on dimension 1 (0 without a batch) and their target; True for probabilities."""
    logits(input)
    shape, ndim = input.shape, input.ndim
    if ndim == 0 or shape[min(1, ndim - 1)] == 0:
        raise ValueError(f"input must be (C,), (N, C) or (N, C, d1, …) with C ≥ 1 classes, got {tuple(shape)}")
    if not isinstance(target, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"{what} must be a torch.Tensor, got {type(target).__name__}; wrap it in torch.as_tensor(…)"
        )
    if target.device != input.device:
        raise ValueError(f"{what} is on {target.device} and input is on {input.device}; move one of them")
    given = target.shape
    if ndim == 2 and len(given) == 1 and given[0] == shape[0] and target.dtype in INTEGRAL:
        return False  # what most calls are; what follows takes longer than a small loss
    if given == shape:
        if target.dtype not in FLOATING:
            raise TypeError(
                f"{what} of the input's shape {tuple(shape)} holds probabilities and must be floating point, "
                f"got {target.dtype}"
            )
        return True
    rows = shape[:1] + shape[2:] if ndim > 1 else shape[1:]
    if given != rows:
        raise ValueError(
            f"{what} must have shape {tuple(rows)} (class indices) or {tuple(shape)} (probabilities) for input of "
            f"shape {tuple(shape)}; got {tuple(given)}"
        )
    if target.dtype not in INTEGRAL:
        raise TypeError(
            f"{what} of shape {tuple(rows)} holds class indices and must be integers, got {target.dtype}"
        )
    return False


def factor(given: Tensor, name: str, shape: tuple[int, ...], input: Tensor) -> None:
    """Check class weights or sample weights: numbers of one shape."""
    if not isinstance(given, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} must be a torch.Tensor, got {type(given).__name__}; wrap it in torch.as_tensor(…)")
    if given.shape != shape:
        what = "a row" if name == "sample_weight" else "a class"
        raise ValueError(
            f"{name} must have one number {what}, so shape {tuple(shape)} for input of shape {tuple(input.shape)}; "
            f"got {tuple(given.shape)}"
        )
    if given.dtype not in FLOATING and given.dtype not in INTEGRAL:
        raise TypeError(f"{name} must hold real numbers, got {given.dtype}")
    if given.device != input.device:
        raise ValueError(f"{name} is on {given.device} and input is on {input.device}; move one of them")


def bad_label(labels: Tensor, classes: int, flat: int) -> NoReturn:
    """Refuse a label, named by its place in the flattened target."""
    at: list[int] = []
    value = int(labels.reshape(-1)[flat])
    for size in reversed(labels.shape):
        flat, i = divmod(flat, size)
        at.insert(0, i)
    where = "" if not at else f" at row {at[0]}" if len(at) == 1 else f" at row {tuple(at)}"
    raise LabelError(f"labels must lie in [0, {classes}), got {value}{where}; rows to leave out need ignore_index")


def empty(on_empty: str) -> None:
    """Refuse a mean over nothing, if that is what the caller chose."""
    if on_empty == "raise":
        raise ValueError(
            "the mean has nothing to divide by: no valid rows, or weights that sum to 0; see on_empty="
        )


def needs_values() -> NoReturn:
    """Refuse ``on_empty="raise"`` where values cannot be read."""
    raise ValueError('on_empty="raise" needs values that can be read at once; here use "nan" or "zero"')
