"""Functions of JAX arrays that are kernels on a CPU: the value and the first derivative by the logits.

Every other derivative is the plain way's, XLA's, which is also what runs on other devices and on small arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax as _jax
import numpy as np
from jax.custom_derivatives import SymbolicZero

from xent.jax import _direct, _foreign
from xent.kernels import cpu_distillation, cpu_focal, cpu_softmax, elements, memory, threads
from xent.kernels._math import NATIVE  # pyright: ignore[reportUnknownVariableType]
from xent.kernels.entropy import entropy as rows_entropy

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy

BLOCK = 2**17  # logits of a block: no more than a kernel leaves to one thread
FEW = 32  # classes up to which there are blocks
TILE = 64  # rows that a kernel takes side by side


class Way(NamedTuple):
    """One loss in its two forms, with what is static; a loss without a kernel is XLA's alone."""

    plain: Callable[..., Array]  # (z, *rest, **static) -> losses
    kernel: Callable[..., None] | None  # foreign: (z, *rest, divisor, losses, slope if asked for, **static)
    static: dict[str, Any]
    by_element: bool = False  # a loss for each logit, or for each row

    def __hash__(self) -> int:
        return hash((self.plain, self.kernel, tuple(self.static.items()), self.by_element))

    def takes(self, z: Array) -> bool:
        return self.kernel is not None and _foreign.takes(z)

    def plainly(self, z: Array, *rest: Array | None) -> Array:
        return self.plain(z, *rest, **self.static)

    def plain_slope(self, by: Array | None, z: Array, *rest: Array | None) -> tuple[Array, Array]:
        def losses_at(z: Array) -> Array:
            return self.plainly(z, *rest)

        each, pull = jax.vjp(losses_at, z)
        slope = pull(jnp.ones_like(each))[0]
        return each, slope if by is None else slope / by

    def each(self, z: Array, *rest: Array | None) -> Array:
        """Call the kernel for the losses."""
        return self._call(self._losses_of(z), z, *rest, None)

    def with_slope(self, by: Array | None, z: Array, *rest: Array | None) -> Any:
        """Call the kernel for the losses, and the derivative of their sum, divided by ``by``."""
        return self._call((self._losses_of(z), like(z.shape, z)), z, *rest, by)

    def _call(self, results: Any, *given: Array | None) -> Any:
        kernel = self.kernel
        return None if kernel is None else value(kernel, results, *given, **self.static)

    def _losses_of(self, z: Array) -> Any:
        return like(z.shape if self.by_element else z.shape[:-1], z)


def value(kernel: Callable[..., None], results: Any, *given: Array | None, **static: Any) -> Any:
    """Call a foreign function with the arrays that are there."""
    there = [a is not None for a in given]
    return _foreign.call(kernel, results, *(a for a in given if a is not None), there=there, **static)


def reach(*scales: float | None) -> bool:
    """Say whether the kernels take these temperatures and softcaps."""
    return all(1e-30 < scale < 1e30 for scale in scales if scale is not None)


def losses(way: Way, z: Array, *rest: Array | None) -> Array:
    """Give the losses of logits z (…, K), one for each row or for each element.

    The last of ``rest`` is the factor of each loss, or None. Where it is 0, loss and derivative are exactly 0.
    """
    return _losses(way, z, *rest) if way.takes(z) else way.plainly(z, *rest)


def reduced(
    way: Way, z: Array, *rest: Array | None, reduction: str, by: Array | None = None, on_empty: str = "nan"
) -> Array:
    """Give the :func:`losses`, their sum, or their mean: the sum divided by ``by``, of nothing if that is 0."""
    if by is None or reduction != "mean" or not way.takes(z):
        return summed(losses(way, z, *rest), reduction, by, on_empty)
    none, by = _guarded(by, on_empty)
    total = _mean(way, by, z, *rest)
    return jnp.where(none, 0.0, total) if on_empty == "zero" else total


def summed(each: Array, reduction: str, by: Array | None, on_empty: str = "nan") -> Array:
    """Reduce losses to their sum, or mean, or not."""
    if by is None or reduction != "mean":
        return each if reduction == "none" else jnp.sum(each)
    none, by = _guarded(by, on_empty)
    total = jnp.sum(each) / by
    return jnp.where(none, 0.0, total) if on_empty == "zero" else total


def _guarded(by: Array, on_empty: str) -> tuple[Array, Array]:
    """Say whether a mean is of nothing, and give what it then divides by."""
    none = by == 0
    return none, jnp.where(none, 1.0 if on_empty == "zero" else math.nan, by)


def of_rows(name: str, plain: Callable[..., Array], z: Array, tau: float = 1.0) -> Array:
    """Give softmax, log_softmax or logsumexp; for what differentiates it by itself."""
    if not _foreign.here(z) or not reach(tau):
        return plain(z)
    direct = _direct.probabilities(z, tau, name)
    if direct is None and not _foreign.takes(z):
        return plain(z)
    results = like(z.shape[:-1] if name == "logsumexp" else z.shape, z)
    kernel = partial(value, softmax, results, tau=tau, logs=name == "log_softmax", direct=direct)
    return jax.lax.platform_dependent(z, cpu=kernel, default=plain)


def argmax(z: Array) -> Array:
    """Give the place of each row's largest logit, which XLA takes long to find on a CPU."""
    kernel = partial(value, largest, jax.ShapeDtypeStruct(z.shape[:-1], np.int32))
    return jax.lax.platform_dependent(
        z, cpu=kernel, default=partial(jax.lax.argmax, axis=z.ndim - 1, index_dtype=np.int32)
    )


def like(shape: tuple[int, ...], a: Array) -> Any:
    return jax.ShapeDtypeStruct(shape, a.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _losses(way: Way, z: Array, *rest: Array | None) -> Array:
    return jax.lax.platform_dependent(z, *rest, cpu=way.each, default=way.plainly)


@partial(_losses.defjvp, symbolic_zeros=True)
def _(way: Way, primals: Any, tangents: Any) -> Any:
    z, *rest = primals
    if any_tangent(tangents[1:]):
        return jax.jvp(way.plainly, primals, instantiated(primals, tangents))
    each, slope = _slope(way, None, z, *rest)
    return each, _change(way, slope, tangents[0], rest)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _mean(way: Way, by: Array, z: Array, *rest: Array | None) -> Array:
    """Give the losses' sum, divided by a number.

    The kernel divides the derivative as well: XLA would go through all of it once more.
    """
    return jnp.sum(_losses(way, z, *rest)) / by


@partial(_mean.defjvp, symbolic_zeros=True)
def _(way: Way, primals: Any, tangents: Any) -> Any:
    by, z, *rest = primals
    if any_tangent((tangents[0], *tangents[2:])):

        def plainly(by: Array, z: Array, *rest: Array | None) -> Array:
            return jnp.sum(way.plainly(z, *rest)) / by

        return jax.jvp(plainly, primals, instantiated(primals, tangents))
    each, slope = _slope(way, by, z, *rest)
    return jnp.sum(each) / by, jnp.sum(_change(way, slope, tangents[1], rest))


def any_tangent(tangents: Any) -> bool:
    return any(t is not None and not isinstance(t, SymbolicZero) for t in tangents)


def _change(way: Way, slope: Array, dz: Array, rest: list[Array | None]) -> Array:
    """Give the change of each loss."""
    change = slope * dz if way.by_element else jnp.sum(slope * dz, axis=-1)
    if rest and rest[-1] is not None:  # whatever the derivative is multiplied by: no 0 · ∞
        change = jnp.where(rest[-1] == 0, 0.0, change)
    return change


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _slope(way: Way, by: Array | None, z: Array, *rest: Array | None) -> tuple[Array, Array]:
    """Give the losses, and the derivative of their sum, divided by a number if there is one."""
    return jax.lax.platform_dependent(by, z, *rest, cpu=way.with_slope, default=way.plain_slope)


@_slope.defjvp
def _(way: Way, primals: Any, tangents: Any) -> Any:
    return _slope(way, *primals), jax.jvp(way.plain_slope, primals, tangents)[1]


def instantiated(primals: Any, tangents: Any) -> Any:
    def real(p: Array, t: Any) -> Any:
        if not isinstance(t, SymbolicZero):
            return t
        if jnp.issubdtype(p.dtype, jnp.floating):
            return jnp.zeros_like(p)
        return np.zeros(p.shape, jax.dtypes.float0)

    return tuple(None if p is None else real(p, t) for p, t in zip(primals, tangents, strict=True))


# ---------------------------------------------------------------------------------------------- foreign functions


def given_or_none(arrays: tuple[Array, ...], there: list[bool]) -> tuple[Any, ...]:
    """Put None where an argument is not there; losses follow, and the slope or None."""
    given, there = iter(arrays), [*there, True, len(arrays) - sum(there) > 1]
    return tuple(next(given) if is_there else None for is_there in there)


def spread(a: Array, shape: tuple[int, ...]) -> Array:
    """Broadcast what is not mapped over."""
    return a if a.shape == shape else np.broadcast_to(a, shape)


def folded(a: Array, rows: tuple[int, ...]) -> Array:
    """Lay out (…, K) as (N, K, 1)."""
    return spread(a, (*rows, a.shape[-1])).reshape(-1, a.shape[-1], 1)


def _one_by_one(call: Callable[..., None], by: Array | None, *arrays: Array | None) -> None:
    """Call with a divisor and arrays, as often as there are divisors; arrays have the divisors' axes in front."""
    if by is None or by.size == 1:
        call(1.0 if by is None else float(by.reshape(())), *arrays)
        return
    front = next(a.shape for a in arrays if a is not None)[: by.ndim]
    for at in np.ndindex(front):
        call(float(np.broadcast_to(by, front)[at]), *(None if a is None else a[(*at, ...)] for a in arrays))


def in_float64(
    kernel: Callable[..., Any],
    given: tuple[Array, ...],
    each: Array,
    slope: Array | None,
    factor: Array | None,
    **options: Any,
) -> bool:
    """Have a kernel of rows ``given`` (N, …) fill in losses (…), and their slope (…, K), with these factors (…).

    Kernels take factors and give losses in float64. Of few classes, what is of the losses' size is much: it is
    converted in blocks of rows that stay in a cache, each the work of one thread, unless there is a gradient, which
    passes the caches only as a whole. Factors of 1 are left out. Gives whether the kernel finds a target wrong.
    """
    losses, factor = each.reshape(-1), None if factor is None else factor.reshape(-1)
    slope, classes = None if slope is None else folded(slope, each.shape), given[0].shape[1]

    def work(start: int, stop: int) -> bool:
        rows = slice(start, stop)
        own = losses.dtype == np.float64
        sums = losses[rows, None] if own else memory.empty((stop - start, 1), np.float64)
        factors = None if factor is None else factor[rows, None]
        if factors is not None:
            plain = factors.min() == 1 and factors.max() == 1
            factors = None if plain else factors.astype(np.float64)
        grad = None if slope is None else slope[rows]
        _, *faults = kernel(*(a[rows] for a in given), row=factors, each=sums, grad=grad, **options)
        if not own:
            losses[rows] = sums[:, 0]
        return max(faults) >= 0

    in_blocks = classes <= FEW and slope is None
    return any(
        threads.run(work, losses.size, BLOCK // classes // TILE * TILE if in_blocks else max(losses.size, 1))
    )


@_foreign.foreign
def focal(*arrays: Array, there: list[bool], gamma: float) -> None:
    """Fill in focal losses of class labels: z (…, K), labels (…), factor (…), divisor."""
    z, labels, factor, by, each, slope = given_or_none(arrays, there)
    rows = each.shape

    def call(by: float, z: Array, labels: Array, factor: Array, each: Array, slope: Array | None) -> None:
        given = folded(z, each.shape), labels.reshape(-1, 1)
        in_float64(cpu_focal.focal, given, each, slope, factor, gamma=gamma, divisor=by)

    z, labels, factor = spread(z, (*rows, z.shape[-1])), spread(labels, rows), spread(factor, rows)
    _one_by_one(call, by, z, labels, factor, each, slope)


@_foreign.foreign
def distillation(*arrays: Array, there: list[bool], tau: float) -> None:
    """Fill in τ² KL of float32 logits: the student's (…, K), the teacher's, no factor, divisor."""
    u, v, _, by, each, slope = given_or_none(arrays, there)
    shape = (*each.shape, u.shape[-1])

    def call(by: float, u: Array, v: Array, each: Array, slope: Array | None) -> None:
        given = folded(u, each.shape), folded(v, each.shape)
        in_float64(cpu_distillation.distillation, given, each, slope, None, temperature=tau, divisor=by)

    _one_by_one(call, by, spread(u, shape), spread(v, shape), each, slope)


@_foreign.foreign
def binary(*arrays: Array, there: list[bool], epsilon: float = 0.0, **options: Any) -> None:
    """Fill in binary losses, by element: z, target, pos_weight, weight, divisor; what is no target is NaN."""
    z, y, pos, weight, by, each, slope = given_or_none(arrays, there)
    options |= {"label_smoothing": epsilon}
    if pos is not None and pos.size == 1:
        pos, options = None, options | {"pos_weight": float(pos.reshape(()))}
    given = (None if a is None else spread(a, each.shape) for a in (pos, z, y, weight))
    _one_by_one(partial(_binary, options), by, *given, each, slope)


def _binary(
    options: dict[str, Any],
    by: float,
    pos: Array | None,
    z: Array,
    y: Array,
    weight: Array | None,
    each: Array,
    slope: Array | None,
) -> None:
    fill_binary(z, y, {"pos_weight": pos, **options, "weight": weight, "divisor": by, "each": each, "grad": slope})


def fill_binary(z: Array, y: Array, options: dict[str, Any]) -> float:
    """Fill in what is asked of :func:`xent.kernels.elements.binary`, NaN for what is no target; give the sum."""
    total, wrong = elements.binary(z, y, **options)
    if wrong < 0:
        return total
    bad = (y != 0) & (y != 1) if options.get("sharp") else ~((y >= 0) & (y <= 1))
    elements.binary(z, np.where(bad, 0, y), **options)
    for a in (options.get("each"), options.get("grad")):
        if a is not None:
            a[bad] = np.nan
    return math.nan


@_foreign.foreign
def entropy(*arrays: Array, there: list[bool], tau: float) -> None:  # noqa: ARG001
    """Fill in the entropy of softmax(z / τ) of rows (…, K)."""
    z, each, *slope = arrays
    sums, by = np.empty(each.shape), np.ones(each.size)
    stored, shape = (z.dtype.name, NATIVE), (each.size, z.shape[-1])
    rows_entropy(z.ctypes.data, sums.ctypes.data, 0, stored, shape, tau, slope=False)
    each[...] = sums
    for a in slope:
        rows_entropy(z.ctypes.data, a.ctypes.data, by.ctypes.data, stored, shape, tau, slope=True)


@_foreign.foreign
def softmax(z: Array, out: Array, *, there: list[bool], tau: float, logs: bool) -> None:  # noqa: ARG001
    """Fill in softmax or log_softmax of rows (…, K), or their logsumexp if one number a row is asked for."""
    rows = z.reshape(-1, z.shape[-1]).T[None]
    if out.shape == z.shape:
        cpu_softmax.fill(rows, out.reshape(-1, z.shape[-1]).T[None], None, tau, False, logs=logs)
        return
    sums = np.empty(out.shape)
    cpu_softmax.fill(rows, None, sums.reshape(1, -1), tau, False, logs=False)
    out[...] = sums


@_foreign.foreign
def largest(z: Array, at: Array, *, there: list[bool]) -> None:  # noqa: ARG001
    """Fill in the place of the largest of each row (…, K)."""
    z, at = z.reshape(-1, z.shape[-1]), at.reshape(-1)

    def work(start: int, stop: int) -> None:
        at[start:stop] = z[start:stop].argmax(axis=1)

    threads.run(work, at.size, max(BLOCK // z.shape[1], 1))
