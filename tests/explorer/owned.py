"""A reader's own rows, for the tests: as text, as a request brings them, and shown in a section."""

from __future__ import annotations

from typing import Any

from tests.explorer.drawn import ask

ROWS_TAKEN = ("logits", "labels", "temperature", "focal", "calibration", "pitfalls")
ANIMALS = "cat, dog, bird, label\n2.0, 1.0, 0.1, cat\n0.3, 1.9, 2.2, dog\n1, 1, 4, bird\n"


def given_rows(text: str = ANIMALS, name: str = "", form: str = "logits") -> dict[str, str]:
    return {"name": name, "text": text, "form": form}


def show(part: str, text: str = ANIMALS, **more: Any) -> Any:
    """Ask for a section with rows of one's own."""
    return ask(f"x={part}", {"do": "own"}, own=given_rows(text, **more))
