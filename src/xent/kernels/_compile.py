# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Compilation of a kernel, kept on disk.

Numba keeps compiled code as long as the kernel's own file is unchanged. A kernel here is also made of what its
neighbours define, so the key of what is kept includes all files of this folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc

FAST = {"reassoc", "contract", "nsz"}  # sums may be reordered for lanes; NaN and ∞ stay what they are
INLINE: dict[str, Any] = {"forceinline": True, "error_model": "numpy", "fastmath": FAST}
# As written, nothing reordered; said aloud, because a function without a word on it takes its caller's.
EXACT: dict[str, Any] = {"forceinline": True, "error_model": "numpy", "fastmath": {"nsz"}}

_SOURCES = tuple(
    (path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(Path(__file__).parent.glob("*.py"))
)


class _Cache(FunctionCache):
    """Numba's cache of a function, with the state of this folder in its keys."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), _SOURCES)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function for the types it is called with; it releases the GIL.

    Inside another kernel it becomes a part of that: LLVM would optimise it once for itself and once again there.
    """
    compiled = njit(nogil=True, error_model="numpy", fastmath=FAST, inline="always")(function)
    compiled._cache = _Cache(function)
    return compiled


def entry(function: Callable[..., Any], signature: Any) -> int:
    """Compile a function for C to call, and give its address; it stays compiled."""
    compiled = CFunc(
        function, (signature.args, signature.return_type), {}, {"error_model": "numpy", "fastmath": FAST}
    )
    compiled._cache = _Cache(function)
    compiled.compile()
    _ENTRIES.append(compiled)
    return int(compiled.address or 0)


_ENTRIES: list[Any] = []
