"""Which implementation computes for an array: one short table.

An implementation is a module with the functions of :mod:`xent._arrays` that the public modules call. The array
decides; there is no argument, environment variable or registry that does.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from xent import _arrays


def implementation(xp: Any) -> ModuleType:  # noqa: ARG001 - every namespace has the same one so far
    """Give the module that computes for the arrays of a namespace."""
    return _arrays
