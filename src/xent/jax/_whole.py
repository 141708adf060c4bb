"""A reduced loss as one function of XLA's program on a CPU, with its first derivative by the logits.

XLA takes some 25 µs to begin with a program of several functions that may run side by side, and passes through
memory once more for each of them; so the kernel also looks at the targets, reduces, and divides.

Every other derivative is the plain way's, XLA's, which is also what runs on other devices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax as _jax

from xent.jax import _foreign
from xent.jax._kernels import any_tangent, instantiated, like, value

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


class Way(NamedTuple):
    """One loss in its forms. Given are logits z (…, K), a target, and weights or None; options are static.

    Options are a tuple with names, of which one is ``reduction``.
    """

    plain: Callable[..., Array]  # (options, *given) -> loss
    kernel: Callable[..., None]  # foreign: (*given, loss, slope if asked for, **options)
    direct: Callable[..., Array | None]  # (sloped, *given, **options): see ``_direct``
    dead: Callable[..., Array | None]  # (options, *given): losses that count for nothing, if there are any
    by_element: bool = False  # a loss for each logit, or for each row


def takes(way: Way, o: Any, z: Array, *rest: Array | None) -> bool:
    """Say whether :func:`loss` has something better than XLA's code."""
    if not _foreign.here(z):
        return False
    return z.size >= _foreign.LEAST or way.direct(False, z, *rest, **o._asdict()) is not None


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def loss(way: Way, o: Any, *given: Array | None) -> Array:
    """Give the loss."""
    return jax.lax.platform_dependent(*given, cpu=partial(_by_kernel, False, way, o), default=partial(way.plain, o))


@partial(loss.defjvp, symbolic_zeros=True)
def _(way: Way, o: Any, primals: Any, tangents: Any) -> Any:
    if any_tangent(tangents[1:]):
        return jax.jvp(partial(way.plain, o), primals, instantiated(primals, tangents))
    value_, slope = _loss_and_slope(way, o, *primals)
    change = slope * tangents[0]
    change = change if way.by_element else jnp.sum(change, axis=-1)
    dead = way.dead(o, *primals)
    if dead is not None:  # whatever the derivative is multiplied by: no 0 · ∞
        change = jnp.where(dead, 0.0, change)
    return value_, change if o.reduction == "none" else jnp.sum(change)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _loss_and_slope(way: Way, o: Any, *given: Array | None) -> tuple[Array, Array]:
    """Give the loss, and its derivative, or the derivative of the losses' sum."""
    ways = partial(_by_kernel, True, way, o), partial(_plainly, way, o)
    return jax.lax.platform_dependent(*given, cpu=ways[0], default=ways[1])


@_loss_and_slope.defjvp
def _(way: Way, o: Any, primals: Any, tangents: Any) -> Any:
    return _loss_and_slope(way, o, *primals), jax.jvp(partial(_plainly, way, o), primals, tangents)[1]


def _plainly(way: Way, o: Any, z: Array, *rest: Array | None) -> tuple[Array, Array]:
    def loss_at(z: Array) -> Array:
        return way.plain(o, z, *rest)

    value_, pull = jax.vjp(loss_at, z)
    return value_, pull(jnp.ones_like(value_))[0]


def _by_kernel(sloped: bool, way: Way, o: Any, z: Array, target: Array, *weights: Array | None) -> Any:
    direct = way.direct(sloped, z, target, *weights, **o._asdict())
    if target.ndim == z.ndim and (direct is not None or jnp.issubdtype(target.dtype, jnp.floating)):
        target = target.astype(z.dtype)
    each = z.shape if way.by_element else z.shape[:-1]
    wanted = like(each if o.reduction == "none" else (), z)
    results = (wanted, like(z.shape, z)) if sloped else wanted
    return value(way.kernel, results, z, target, *weights, direct=direct, **o._asdict())
