"""What a reader takes hold of: sliders, choices, switches, buttons, and handles on figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from xent.explorer.numbers import show_tick
from xent.explorer.view import Act, Button, Choice, Control, Controls, Drag, Handle, Num, Slider, Toggle


def drag(path: str, span: tuple[float, float], step: float, *, page: float | None = None) -> Drag:
    """Let something be dragged within a span; arrow keys take steps, page keys ten of them."""
    return {
        "path": path,
        "min": span[0],
        "max": span[1],
        "step": step,
        "page": 10 * step if page is None else page,
    }


def handle(label: str, spoken: str, *, x: Drag | None = None, y: Drag | None = None) -> Handle:
    """Make a point that is moved along one axis or both; ``label`` names it, ``spoken`` says where it is."""
    out: Handle = {"label": label, "spoken": spoken}
    if x:
        out["x"] = x
    if y:
        out["y"] = y
    return out


def toggle(path: str, label: str, value: bool) -> Toggle:
    """Offer yes or no; the field is a `Flag`."""
    return {"kind": "toggle", "id": path, "label": label, "path": path, "value": value}


def controls(name: str, items: Iterable[Control]) -> Controls:
    """Put controls in a row."""
    return {"kind": "controls", "id": name, "items": list(items)}


def choice(path: str, label: str, value: str, options: Mapping[str, str]) -> Choice:
    """Offer one of a few: value → what it is called."""
    offered = [{"value": key, "label": text} for key, text in options.items()]
    return {"kind": "choice", "id": path, "label": label, "path": path, "value": value, "options": offered}  # type: ignore[typeddict-item]


def button(label: str, act: Act) -> Button:
    """Offer one action."""
    return {"kind": "button", "id": f"{act['do']}-{act.get('value', '')}", "label": label, "act": act}


def slider(path: str, label: str, number: Num, span: tuple[float, float], *, step: float) -> Slider:
    """Make a linear slider with marks at its ends, and the number typed beside it."""
    return _slider(path, label, number, span, "linear", step, step * 10, span)


def log_slider(path: str, label: str, number: Num, span: tuple[float, float], *, marks: Sequence[float]) -> Slider:
    """Make a slider over decades: an arrow key multiplies by 1.05, a page key by 2."""
    return _slider(path, label, number, span, "log", 1.05, 2.0, marks)


def _slider(
    path: str,
    label: str,
    number: Num,
    span: tuple[float, float],
    scale: Literal["linear", "log"],
    step: float,
    page: float,
    marks: Sequence[float],
) -> Slider:
    return {
        "kind": "slider",
        "id": path,
        "label": label,
        "number": number,
        "drag": {"path": path, "min": span[0], "max": span[1], "step": step, "page": page},
        "scale": scale,
        "marks": [{"at": m, "text": show_tick(m)} for m in marks],
        "spoken": f"{label} {number['text']}",
        "ref": number.get("ref", path),
    }
