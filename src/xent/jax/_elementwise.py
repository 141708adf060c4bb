"""Binary cross-entropy and focal loss without weights on a CPU: see :mod:`xent.jax._whole`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from xent.jax import _foreign
from xent.jax._kernels import fill_binary, given_or_none, spread

Array = Any


class Options(NamedTuple):
    """Those of :func:`xent.kernels.elements.binary`; a mean divides by ``by``."""

    reduction: str
    by: float
    gamma: float
    sides: tuple[float, float]
    sharp: bool


def nobody(_o: Options, *_given: Array | None) -> None:
    """Say which losses count for nothing: none."""


@_foreign.foreign
def binary_of(*arrays: Array, there: list[bool], **options: Any) -> None:
    """Fill in the loss, and the derivative if it is asked for: z, target; what is no target is NaN.

    Axes of ``vmap`` are in front of all, of length 1 where an argument is not mapped over.
    """
    z, y, loss, slope = given_or_none(arrays, there)
    o = Options(**options)
    every = o.reduction == "none"
    shape = np.broadcast_shapes(
        loss.shape if every else (*loss.shape, *(1,) * (z.ndim - loss.ndim)), z.shape, y.shape
    )
    z, y = spread(z, shape), spread(y, shape)
    one, zero = o.sides
    by = o.by if o.reduction == "mean" else 1.0
    asked = {"sides": (one, zero), "gamma": o.gamma, "sharp": o.sharp, "divisor": by}
    if every:
        fill_binary(z, y, asked | {"each": loss, "grad": slope})
        return
    for at in np.ndindex(loss.shape):
        here = (*at, ...)
        loss[at] = fill_binary(z[here], y[here], asked | {"grad": None if slope is None else slope[here]}) / by
