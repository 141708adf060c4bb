"""What the arguments of the family may be, and every sentence that says they are not.

Shapes, types and options are checked before any work. Values are checked where reading them is free (NumPy, tensors
on the CPU); elsewhere (a GPU, a JAX array, which may be traced) the rows concerned become NaN instead.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat

Array = Any
_compat: Any = array_api_compat

REDUCTIONS = ("mean", "sum", "none")
CONVENTIONS = ("uniform", "others")
ON_EMPTY = ("nan", "zero", "raise")


class Case(NamedTuple):
    """Clean arguments of a loss: classes on axis 0, rows on the others."""

    xp: Any
    axis: int  # where the classes were
    logits: Array  # (K, …)
    labels: Array | None  # (…) int64 in [0, K); exactly one of labels and q is given
    q: Array | None  # (K, …) floating
    weight: Array | None  # (K,)
    sample_weight: Array | None  # (…)
    valid: Array | None  # (…) bool: not ignored; None when no row is
    faulty: Array | None  # (…) bool: rows whose values could not be checked in time, and are wrong


# ------------------------------------------------------------------------------------------------------- options


def number(value: float, name: str, *, low: float, high: float, open_low: bool = False) -> float:
    """Check a number against an interval; infinite ends are never included."""
    try:
        x = float("no" if isinstance(value, str | bytes) else value)  # float("2") is one
    except (TypeError, ValueError):
        text = _interval(low, high, open_low)
        raise TypeError(f"{name} must be a number in {text}, got {value!r}") from None
    if not (low <= x <= high) or math.isinf(x) or (open_low and x == low):
        raise ValueError(f"{name} must lie in {_interval(low, high, open_low)}, got {x!r}")
    return x


def _interval(low: float, high: float, open_low: bool) -> str:
    return f"{'(' if open_low or math.isinf(low) else '['}{low:g}, {high:g}{')' if math.isinf(high) else ']'}"


def positive(value: float, name: str) -> float:
    """Check a number > 0."""
    return number(value, name, low=0, high=math.inf, open_low=True)


def integer(value: Any, name: str) -> int:
    """Check a whole number; True and False are not."""
    if not hasattr(value, "__index__") or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    return int(value)


def option(value: str, name: str, allowed: tuple[str, ...]) -> str:
    """Check a word."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def reduction(
    value: str, denominator: float | str | None, on_empty: str, names: tuple[str, ...] = ("weights", "rows")
) -> None:
    """Check how rows become one number."""
    option(value, "reduction", REDUCTIONS)
    option(on_empty, "on_empty", ON_EMPTY)
    if denominator is None:
        return
    if value != "mean":
        raise ValueError(f"denominator is what a mean divides by; with reduction={value!r} leave it out")
    if isinstance(denominator, str):
        option(denominator, "denominator", names)
    else:
        positive(denominator, "denominator")


# -------------------------------------------------------------------------------------------------------- arrays


def namespace(**arrays: Array) -> Any:
    """Find the array namespace that all given arrays share; None stands for an argument left out."""
    spaces: dict[str, Any] = {}
    for name, a in arrays.items():
        if a is None:
            continue
        if not _compat.is_array_api_obj(a):
            raise TypeError(
                f"{name} must be an array (NumPy, PyTorch, JAX …), got {type(a).__name__}; wrap it in np.asarray(…)"
            )
        if type(a).__name__ == "MaskedArray":
            raise TypeError(
                f"{name} is a masked array, whose mask would be lost; fill it, and mask logits with -inf"
            )
        spaces[name] = _compat.array_namespace(a)
    (first, xp), *others = spaces.items()
    for name, other in others:
        if other is not xp:
            raise TypeError(f"{first} is {_framework(xp)} and {name} is {_framework(other)}; convert one of them")
    return xp


def _framework(xp: Any) -> str:
    name = xp.__name__.removeprefix("array_api_compat.").split(".")[0]
    return f"a {'NumPy' if name == 'numpy' else name} array"


def floating(xp: Any, a: Array, name: str) -> None:
    """Check that an array holds real floating-point numbers, of no more digits than we compute in."""
    if not xp.isdtype(a.dtype, "real floating"):
        raise TypeError(
            f"{name} must be floating point, got {a.dtype}; convert with {name}.astype(float) or the like"
        )
    if getattr(a.dtype, "itemsize", 8) > 8:
        raise TypeError(
            f"{name} must be float64 or narrower, got {a.dtype}, whose last digits would be lost; convert with "
            f"{name}.astype(float)"
        )


def axis_of(a: Array, axis: int, name: str = "logits") -> int:
    """Check the class axis and make it count from the front."""
    if a.ndim == 0:
        raise ValueError(f"{name} must have a class axis, got a single number of shape ()")
    integer(axis, "axis")
    if not -a.ndim <= axis < a.ndim:
        raise ValueError(f"axis {axis} does not exist in {name} of shape {tuple(a.shape)}")
    if a.shape[axis] == 0:
        raise ValueError(f"{name} must have at least one class, got shape {tuple(a.shape)} with axis {axis}")
    return axis % a.ndim


def two_axes(joint: Array, axes: tuple[int, int]) -> tuple[int, int]:
    """Check the two axes of a joint distribution."""
    if joint.ndim < 2:
        raise ValueError(f"joint must be a table (…, A, B), got shape {tuple(joint.shape)}")
    try:
        first, second = axes
    except (TypeError, ValueError):
        raise ValueError(f"axes must be two axes of joint, got {axes!r}") from None
    first, second = (axis_of(joint, axis, "joint") for axis in (first, second))
    if first == second:
        raise ValueError(f"axes must be two different axes of joint, got {axes!r}")
    return first, second


def class_count(given: int | None, name: str, found: int | None = None) -> int:
    """Check a number of classes against the one that a shape shows, if any."""
    if given is None:
        if found is None:
            raise ValueError(f"{name} that are class indices need num_classes=")
        return found
    if integer(given, "num_classes") < 1 or found not in (None, given):
        need = "at least 1" if found is None else f"{found}, the length of the last axis of {name},"
        raise ValueError(f"num_classes must be {need}, got {given}")
    return int(given)


def readable(a: Array) -> bool:
    """Say whether looking at values is free: not for lazy or traced arrays, nor for those on another device."""
    return not _compat.is_lazy_array(a) and "cpu" in str(_compat.device(a)).lower()


def first_position(xp: Any, wrong: Array) -> tuple[int, ...]:
    """Give the first position at which a readable mask is true."""
    flat = int(xp.argmax(xp.astype(xp.reshape(wrong, (-1,)), xp.int64)))
    at: list[int] = []
    for size in reversed(wrong.shape):
        flat, i = divmod(flat, size)
        at.insert(0, i)
    return tuple(at)


def _shown(value: Any) -> str:
    """Write a number in short if that is exact: 1 + 2⁻⁵² is not 1."""
    x = float(value)
    return f"{x:g}" if float(f"{x:g}") == x else repr(x)


def _named(at: tuple[int, ...]) -> str:
    return "" if not at else f" at row {at[0]}" if len(at) == 1 else f" at row {at}"


def weights(xp: Any, w: Array | None, name: str, shape: tuple[int, ...], logits: Array) -> Array | None:
    """Check weights: numbers of one shape, finite and not negative. Faulty ones that cannot be read become NaN."""
    if w is None:
        return None
    if not xp.isdtype(w.dtype, ("real floating", "integral")):
        raise TypeError(f"{name} must hold numbers, got {w.dtype}")
    if tuple(w.shape) != shape:
        what = "a row" if name == "sample_weight" else "a class"
        raise ValueError(
            f"{name} must have one number {what}, so shape {shape} for logits of shape {tuple(logits.shape)}; "
            f"got {tuple(w.shape)}"
        )
    wrong = ~((w >= 0) & (w < math.inf))
    if not readable(w):
        return xp.where(wrong, math.nan, xp.astype(w, xp.result_type(w.dtype, xp.float32)))
    if bool(xp.any(wrong)):
        at = first_position(xp, wrong)
        where = ", ".join(map(str, at))
        raise ValueError(f"{name} must be finite and not negative, got {float(w[at])} at [{where}]")
    return w


def indices(
    xp: Any, labels: Array, classes: int, ignore_index: int | None, *, ignorable: bool = False
) -> tuple[Array, Array | None, Array | None]:
    """Check integer labels: (labels with a harmless class where ignored or faulty, valid rows, faulty rows).

    ``ignorable``: the caller has an ``ignore_index`` that an error may speak of.
    """
    if not xp.isdtype(labels.dtype, "integral"):
        raise TypeError(f"labels that are class indices must be integers, got {labels.dtype}")
    y = xp.astype(labels, xp.asarray(0).dtype if _compat.is_jax_array(labels) else xp.int64)
    valid = None if ignore_index is None else y != ignore_index
    wrong = (y < 0) | (y >= classes)
    wrong = wrong if valid is None else wrong & valid
    if not readable(y):
        return xp.where((y < 0) | (y >= classes), 0, y), valid, wrong
    if bool(xp.any(wrong)):
        at = first_position(xp, wrong)
        hint = "" if ignore_index is not None or not ignorable else "; rows to be left out need ignore_index="
        raise ValueError(f"labels must lie in [0, {classes}), got {int(y[at])}{_named(at)}{hint}")
    return y if valid is None else xp.where(valid, y, 0), valid, None


def distribution(
    xp: Any, q: Array, name: str = "target", *, hint: str = "; factors belong in sample_weight"
) -> Array | None:
    """Check rows of probabilities (classes on axis 0): finite, ≥ 0, sum 1. Gives the faulty rows it cannot read."""
    tolerance = 5e-3 if xp.finfo(q.dtype).eps > 1e-4 else 1e-3
    sums = xp.sum(xp.astype(q, xp.float32 if _compat.is_jax_array(q) else xp.float64), axis=0)
    negative = ~((xp.min(q, axis=0) >= 0) & (xp.max(q, axis=0) < math.inf))  # each is NaN if an entry is
    wrong = negative | (xp.abs(sums - 1.0) > tolerance)
    if not readable(q):
        return wrong
    if bool(xp.any(wrong)):
        at = first_position(xp, wrong)
        if bool(negative[at]):
            what = f"has an entry that is negative or not finite{_named(at)}"
        else:
            what = f"sums to {float(sums[at]):.6g}{_named(at)}"
        raise ValueError(
            f"a floating {name} is a distribution over the classes (≥ 0, sum 1 within {tolerance:g}), "
            f"but it {what}{hint}"
        )
    return None


def case(
    logits: Array,
    target: Array,
    *,
    axis: int,
    weight: Array | None,
    sample_weight: Array | None,
    ignore_index: int | None,
    ignorable: bool = True,
) -> Case:
    """Check the arrays of a loss, and lay the classes on axis 0; ``ignorable`` as in :func:`indices`."""
    xp = namespace(logits=logits, target=target, weight=weight, sample_weight=sample_weight)
    floating(xp, logits, "logits")
    axis = axis_of(logits, axis)
    shape, classes = tuple(logits.shape), logits.shape[axis]
    rows = shape[:axis] + shape[axis + 1 :]
    if ignore_index is not None:
        integer(ignore_index, "ignore_index")
    w = weights(xp, weight, "weight", (classes,), logits)
    sw = weights(xp, sample_weight, "sample_weight", rows, logits)
    labels = q = valid = None
    if tuple(target.shape) == shape:
        if not xp.isdtype(target.dtype, "real floating"):
            raise TypeError(
                f"target of the logits' shape {shape} is a distribution and must be floating point, "
                f"got {target.dtype}; pass it as float"
            )
        if ignore_index is not None:
            raise ValueError(
                "ignore_index is for integer labels; leave rows out of a soft target by sample_weight=0"
            )
        q = xp.moveaxis(target, axis, 0)
        faulty = distribution(xp, q)
    elif tuple(target.shape) == rows:
        labels, valid, faulty = indices(xp, target, classes, ignore_index, ignorable=ignorable)
    else:
        raise ValueError(
            f"target must have shape {rows} (class indices) or {shape} (distributions) for logits of shape {shape} "
            f"with axis {axis}; got {tuple(target.shape)}"
        )
    return Case(xp, axis, xp.moveaxis(logits, axis, 0), labels, q, w, sw, valid, faulty)


def binary_target(xp: Any, y: Array, logits: Array, *, soft: bool = True) -> Array | None:
    """Check a target of the logits' shape: 0 or 1, or floats in [0, 1]. Gives faulty elements it cannot read."""
    if not xp.isdtype(y.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"target must hold 0 and 1 (bool, integer or floating point), got {y.dtype}")
    if tuple(y.shape) != tuple(logits.shape):
        raise ValueError(f"target must have the logits' shape {tuple(logits.shape)}, got {tuple(y.shape)}")
    if xp.isdtype(y.dtype, "bool"):
        return None
    soft = soft and xp.isdtype(y.dtype, "real floating")
    wrong = ~((y >= 0) & (y <= 1)) if soft else (y != 0) & (y != 1)
    if not readable(y):
        return wrong
    if bool(xp.any(wrong)):
        at = first_position(xp, wrong)
        allowed = "lie in [0, 1]" if soft else "be 0 or 1"
        raise ValueError(f"target must {allowed}, got {_shown(y[at])} at [{', '.join(map(str, at))}]")
    return None


def factors(xp: Any, w: Array | None, name: str, logits: Array) -> Array | None:
    """Check a number or factors that broadcast to the logits; as :func:`weights` otherwise."""
    w = narrow_factors(xp, w, name, logits)
    return None if w is None else xp.broadcast_to(w, tuple(logits.shape))


def narrow_factors(xp: Any, w: Array | None, name: str, logits: Array) -> Array | None:
    """:func:`factors` with as many axes as the logits, not yet broadcast."""
    if w is None:
        return None
    shape = tuple(logits.shape)
    checked: Any
    if not _compat.is_array_api_obj(w):
        value = number(w, name, low=0, high=math.inf)
        widest = xp.float32 if _compat.is_jax_array(logits) else xp.float64
        checked = xp.asarray(value, dtype=widest, device=_compat.device(logits))
    else:
        if w.ndim > len(shape) or any(n not in (1, m) for n, m in zip(w.shape[::-1], shape[::-1], strict=False)):
            raise ValueError(f"{name} must broadcast to the logits' shape {shape}, got {tuple(w.shape)}")
        checked = weights(xp, w, name, tuple(w.shape), logits)
    return xp.reshape(checked, (1,) * (len(shape) - checked.ndim) + tuple(checked.shape))


def entries(xp: Any, a: Array, wrong: Array, name: str, rule: str) -> Array | None:
    """Refuse an array with wrong entries, naming the first one; give the mask of them where it cannot be read."""
    if not readable(a):
        return wrong
    if bool(xp.any(wrong)):
        at = first_position(xp, wrong)
        where = "" if not at else f" at row {at[0]}" + (f" (entry {list(at)})" if len(at) > 1 else "")
        raise ValueError(f"{name} must {rule}, got {_shown(a[at])}{where}")
    return None
