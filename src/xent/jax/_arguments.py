"""What the functions on JAX arrays take: the sentences of :mod:`xent._validate`, and NumPy arrays made JAX's."""

from __future__ import annotations

from typing import Any

import jax as _jax
import numpy as np

from xent import _validate

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours
jnp: Any = _jax.numpy


def arrays(**given: Array) -> list[Array]:
    """Check for arrays of NumPy or JAX and make them JAX's; None stays, and so does a number (for a factor)."""
    ready = {name: _of_jax(a) for name, a in given.items()}
    xp = _validate.namespace(**ready)
    if xp is not jnp:
        name = next(iter(given))
        raise TypeError(f"{name} must be a JAX or NumPy array here; for other arrays there is xent itself")
    return list(ready.values())


def _of_jax(a: Array) -> Array:
    """Convert NumPy's arrays. Labels that JAX's integer cannot hold stay out of range, and do not wrap into it."""
    if not isinstance(a, np.ndarray | np.generic | jax.Array) or type(a).__name__ == "MaskedArray":
        return a  # for the sentence that says what it is
    kind, most = np.dtype(a.dtype).kind, jnp.iinfo(jnp.asarray(0).dtype).max
    if kind in "iu" and np.iinfo(a.dtype).max > most:
        a = a.clip(None if kind == "u" else -most - 1, most)
    return jnp.asarray(a)


def computing(*arrays: Array | None) -> Any:
    """Give the type of the arithmetic: float64 if the logits are, float32 otherwise."""
    return jnp.result_type(jnp.float32, *(a.dtype for a in arrays if a is not None))


def classes_last(a: Array | None) -> Array | None:
    """Undo what :func:`xent._validate.case` does with the class axis; XLA makes one transposition of the two."""
    return None if a is None else jnp.moveaxis(a, 0, -1)
