"""Gradients of a whole model, as nested lists, tuples and dicts of arrays: their norm, and clipping by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import copy
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple, cast

import array_api_compat
import numpy as np

from xent import _arrays, _numpy, _validate

Array = Any
_compat: Any = array_api_compat
Tree = Any  # an array, None, or a list, tuple or mapping of trees

__all__ = ["clip_gradients", "global_norm"]


def clip_gradients(gradients: Tree, max_norm: float = 1.0) -> Tree:
    """Gradients of global norm at most ``max_norm``: g · min(1, max_norm / ‖g‖), ‖g‖² = Σ over all arrays of Σ g².

    One factor for everything, so that the direction stays.

    Parameters
    ----------
    gradients : array, or nested list, tuple or dict of arrays
        Floating numbers. None is allowed in place of an array, for a parameter without a gradient, and stays None.
        Named tuples stay what they are. The arrays may be of several frameworks.
    max_norm : float, default 1
        Finite and > 0.

    Returns
    -------
    the same structure, of new arrays with the types of the old
        With the same values where ‖g‖ ≤ max_norm. The inputs are never modified. PyTorch tensors come detached: the
        factor is a number, so that a derivative through it would be wrong.

    Raises
    ------
    TypeError
        Something that is neither an array nor a container of arrays, or an array that is not floating; sparse
        tensors; traced arrays (inside ``jax.jit`` or ``jax.grad``), whose values cannot be read.
    ValueError
        A NaN or infinite entry, which is named: scaling it would make NaN or 0 of every gradient. A ``max_norm``
        that is not positive.

    Notes
    -----
    The norm is taken in float64 of entries divided by a power of two next to the largest: it neither overflows nor
    underflows, and gradients whose norm is beyond float64 are clipped correctly.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), "On the difficulty of training recurrent neural networks", §3.2.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.clip_gradients({"weight": np.array([3.0, 0.0]), "bias": np.array([4.0])})
    {'weight': array([0.6, 0. ]), 'bias': array([0.8])}
    >>> xent.clip_gradients([np.array([0.3]), None], max_norm=0.5)
    [array([0.3]), None]
    """
    limit = _validate.positive(max_norm, "max_norm")
    norm = _measure(gradients)
    if norm.value <= limit:
        return _mapped(gradients, _copied)
    return _mapped(gradients, partial(_scaled, norm, limit, _factor(limit, norm.value)))


def global_norm(gradients: Tree) -> float:
    """Euclidean norm of all entries of all arrays, √(Σ g²), in float64.

    ``gradients`` and errors as in :func:`clip_gradients`; 0 for an empty structure, ∞ for finite entries whose norm
    is beyond float64. Within 4 ulp.

    Examples
    --------
    >>> import numpy as np, xent
    >>> print(f"{xent.global_norm([np.array([3e200, 0.0]), (np.array([[4e200]]),)]):.15g}")
    5e+200
    """
    return _measure(gradients).value


class _Norm(NamedTuple):
    """root · 2^exponent, and that as a float."""

    root: float
    exponent: int
    value: float


@np.errstate(all="ignore")
def _measure(gradients: Tree) -> _Norm:
    parts = [
        _numpy.squares(_shown(a)) or _squares(*_checked(name, a)) for name, a in _leaves(gradients, "gradients")
    ]
    most = max((exponent for _, exponent in parts), default=0)
    root = math.sqrt(math.fsum(math.ldexp(s, 2 * (exponent - most)) for s, exponent in parts))
    exponent = max(most, -126)  # 2^126 is a number also where JAX has no float64
    try:
        value = math.ldexp(root, most)
    except OverflowError:
        value = math.inf
    return _Norm(math.ldexp(root, most - exponent), exponent, value)


_BLOCK = 2**18  # entries at a time: their float64 temporaries stay in cache


def _squares(xp: Any, a: Array) -> tuple[float, int]:
    """Give s and k with Σ a² = s · 4^k, for a flat array; 2^k is next to its largest entry."""
    size = a.shape[0]
    if size == 0:
        return 0.0, -1022
    reach = 126 if xp.finfo(_arrays.wide(xp, a[:1]).dtype).eps > 1e-15 else 1022
    k = max(-reach, min(reach, math.frexp(float(xp.max(xp.abs(a))))[1]))
    down = math.ldexp(1.0, -k)
    parts = (_arrays.wide(xp, a[i : min(i + _BLOCK, size)]) * down for i in range(0, size, _BLOCK))
    return math.fsum(float(_arrays.sum_all(xp, x * x)) for x in parts), k


def _shown(a: Array) -> Array:
    """Show a tensor's memory as a NumPy array, if it is memory that kernels may read."""
    if not _compat.is_torch_array(a):
        return a
    try:
        return a.detach().numpy()
    except (TypeError, RuntimeError):  # of a type that NumPy lacks, elsewhere, sparse, or no memory at all
        return a


def _times(a: Array, factor: tuple[float, float]) -> Array | None:
    """Multiply by kernels, where they take the array."""
    new = _numpy.scaled(_shown(a), factor)
    return _compat.array_namespace(a).from_numpy(new) if new is not None and _compat.is_torch_array(a) else new


def _copied(a: Array) -> Array:
    copy = _times(a, (1.0, 0.0))
    return _validate.namespace(gradients=a).asarray(a, copy=True) if copy is None else copy


def _factor(limit: float, norm: float) -> tuple[float, float] | None:
    """Give limit / norm as the sum of two floats, if both are far from the ends of their range."""
    if not (limit / norm > 1e-250 and 1e-280 < norm < math.inf):
        return None
    exact = Fraction(limit) / Fraction(norm)
    return float(exact), float(exact - Fraction(float(exact)))


def _scaled(norm: _Norm, limit: float, factor: tuple[float, float] | None, a: Array) -> Array:
    new = None if factor is None else _times(a, factor)
    if new is not None:
        return new
    xp, down = _validate.namespace(gradients=a), math.ldexp(1.0, -norm.exponent)
    # First a quotient of at most 1, which no limit makes overflow.
    return xp.astype(_arrays.wide(xp, a) * down / norm.root * limit, a.dtype)


def _checked(name: str, a: Array) -> tuple[Any, Array]:
    """Give an array's namespace and its entries in a row, if all are finite."""
    xp = _validate.namespace(**{name: a})
    _validate.floating(xp, a, name)
    if _compat.is_jax_array(a) and "Tracer" in type(a).__name__:
        raise TypeError(f"{name} is traced, so that its values cannot be read; clip outside of jit and grad")
    if _compat.is_torch_array(a):
        if str(a.layout) != "torch.strided":
            raise TypeError(f"{name} is a tensor of layout {a.layout}; convert it with to_dense()")
        a = a.detach()
    flat, wrong = xp.reshape(a, (-1,)), ~xp.isfinite(a)
    if bool(xp.any(wrong)):
        at = _validate.first_position(xp, wrong)
        where = f" at [{', '.join(map(str, at))}]" if at else ""
        raise ValueError(
            f"gradients must be finite to have a norm, but {name} has {float(a[at])}{where}; "
            "skip this step, or look for the loss that made it"
        )
    return xp, flat


def _leaves(tree: Tree, name: str) -> Iterator[tuple[str, Array]]:
    """Give each array with its place in the structure, written as one would index it."""
    if tree is None:
        return
    if isinstance(tree, Mapping):
        for key, branch in cast("Mapping[Any, Tree]", tree).items():
            yield from _leaves(branch, f"{name}[{key!r}]")
    elif isinstance(tree, list | tuple):
        for i, branch in enumerate(cast("list[Tree]", tree)):
            yield from _leaves(branch, f"{name}[{i}]")
    else:
        yield name, tree


def _mapped(tree: Tree, change: Callable[[Array], Array]) -> Tree:
    """Build the same structure with every array changed."""
    if tree is None:
        return None
    kind = cast("Any", type(tree))
    if isinstance(tree, Mapping):
        branches = {key: _mapped(branch, change) for key, branch in cast("Mapping[Any, Tree]", tree).items()}
        if not isinstance(tree, MutableMapping):
            return kind(branches)
        clone = copy(cast("MutableMapping[Any, Tree]", tree))  # with all that its kind holds beside the items
        clone.update(branches)
        return clone
    if isinstance(tree, list | tuple):
        values = [_mapped(branch, change) for branch in cast("list[Tree]", tree)]
        return kind(*values) if hasattr(kind, "_fields") else kind(values)
    return _arrays.plain(change(tree.detach() if _compat.is_torch_array(tree) else tree))
