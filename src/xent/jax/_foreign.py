"""The CPU's kernels inside XLA's programs: functions of Python, which read and write XLA's own memory.

Only programs of one processor device use them: a foreign function would collect what is sharded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax as _jax

from xent.jax import _interface
from xent.jax._functions import NAMES, address
from xent.kernels.memory import with_large_pages

Array = Any
jax: Any = _jax  # its annotations are incomplete, and strict checking would complain of ours

TARGET = "xent"
# Numbers from which a kernel is called: below, XLA's own code takes less time than the way to Python (some 25 µs).
LEAST = 2**15

_functions: dict[str, Callable[..., None]] = {}


def here(a: Array) -> bool:
    """Say whether a program with this array runs on one CPU, as far as one can know while it is written."""
    known = all(isinstance(n, int) for n in a.shape)  # the shapes of an exported function may be symbols
    return known and jax.default_backend() == "cpu" and jax.device_count() == 1


def takes(a: Array) -> bool:
    """Say whether an array of this shape goes to a kernel, by Python."""
    return here(a) and a.size >= LEAST


def carried(a: Array, kind: Any) -> Array:
    """Give the same, or of this type if a foreign function cannot be given its own, which NumPy does not know."""
    return a if a.dtype in _interface.KINDS.values() else a.astype(kind)


def foreign(function: Callable[..., None]) -> Callable[..., None]:
    """Let XLA call this: arguments, then results, as NumPy's arrays, then what is static by name."""
    _functions[function.__name__] = function
    return function


def call(
    function: Callable[..., None], results: Any, *arguments: Array, direct: Array | None = None, **static: Any
) -> Any:
    """Give a foreign function's results, arrays like ``results``, in a program for a CPU.

    Under ``vmap`` every argument and result has one more axis in front, of length 1 in an argument without it; or
    of its whole length, if a ``direct`` function may take the call.
    """
    how = json.dumps([function.__name__, static])
    if direct is None:
        got = jax.ffi.ffi_call(TARGET, results, vmap_method="expand_dims")(*arguments, how=how)
    else:
        numbers = {"numbers": direct}  # attributes come in the order of their names
        got = jax.ffi.ffi_call(TARGET, results, vmap_method="broadcast_all")(*arguments, how=how, **numbers)
    return tuple(got) if isinstance(results, tuple) else got  # JAX 0.5 gives a list


@lru_cache(maxsize=256)
def _meaning(how: bytes) -> tuple[Callable[..., None], dict[str, Any]]:
    name, static = json.loads(how)
    return _functions[name], static


def _serve(how: bytes, arguments: list[Array], results: list[Array]) -> None:
    # XLA takes the memory of large results from the system anew each time.
    function, static = _meaning(how)
    function(*arguments, *map(with_large_pages, results), **static)


_gate = _interface.entry(_serve, len(NAMES), address)
jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(_gate), platform="cpu")
