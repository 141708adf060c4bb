"""The explorer: experiments whose every number is computed here, in Python, and drawn by a view in the browser.

``xent explore`` opens it as a page; in a notebook, `Explorer` is one experiment of it as a widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xent.explorer.widget import Explorer

__all__ = ["Explorer"]


def __getattr__(name: str) -> Any:
    """Import the widget, and anywidget with it, when it is asked for."""
    if name == "Explorer":
        from xent.explorer.widget import Explorer

        return Explorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
