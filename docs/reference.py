"""docs/reference.md: every public module and name, its signature and the first line of its docstring."""

from __future__ import annotations

import inspect
import math
import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

import xent
from docs.tables import page as joined


class _Literal:
    """A default, written as one would type it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def signature(thing: Any) -> str:
    """Write the parameters with their defaults, without the types: the docstrings have those."""
    try:
        found = inspect.signature(thing)
    except ValueError:  # a class that is made elsewhere, or none to speak of
        return ""
    bare = [
        p.replace(annotation=p.empty, default=_Literal("math.e") if p.default == math.e else p.default)
        for p in found.parameters.values()
    ]
    return str(found.replace(parameters=bare, return_annotation=found.empty))


def first_line(thing: Any) -> str:
    """Give the first paragraph of a docstring, which has to be a line."""
    text = (inspect.getdoc(thing) or "").split("\n\n")[0]
    assert text, f"{thing} has no docstring"
    return " ".join(text.split()).replace("``", "`")


def modules() -> list[ModuleType]:
    """Find what is public: modules directly below the package that have no underscore and say what they offer."""
    names = sorted(m.name for m in pkgutil.iter_modules(xent.__path__) if not m.name.startswith("_"))
    return [m for m in (import_module(f"xent.{name}") for name in names) if hasattr(m, "__all__")]


def entries(module: ModuleType) -> list[str]:
    """List a module's names; those that the package offers too are written as the package's."""
    lines: list[str] = []
    for name in sorted(module.__all__):
        thing = getattr(module, name)
        home = "xent" if getattr(xent, name, None) is thing and name in xent.__all__ else module.__name__
        lines.append(f"- `{home}.{name}{signature(thing) if callable(thing) else ''}`\n  {first_line(thing)}")
    return lines


def page() -> str:
    blocks: list[str] = []
    for module in modules():
        blocks += [f"## {module.__name__}", first_line(module), "\n".join(entries(module))]
    return joined(
        """
# Reference

Every public name, with the first line of its docstring; `help(xent.cross_entropy)` has the rest: shapes,
errors, the edges, an example. Written from the code by `make docs`.""",
        *blocks,
    )
