"""The state of each section as programs: its main numbers from NumPy, PyTorch, JAX, Keras and xent, ready to copy.

One module a section. A program is written from the state alone, by the standard library, and uses a library's own
function wherever that gives the numbers on the page. The tests run every program and compare.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.figures import code, panel, say
from xent.explorer.text import words
from xent.explorer.view import CodeTab, Panel

text = words("programs")

LABELS = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "keras": "Keras", "xent": "xent"}


@dataclass(frozen=True)
class Dialect:
    """How a library opens a program, and writes an array of float64: one number, a row, or rows."""

    head: str
    opens: str
    closes: str
    inf: str
    nan: str

    def array(self, values: float | Sequence[float] | Sequence[Sequence[float]]) -> str:
        """Write numbers as an array."""
        return f"{self.opens}({self._written(values)}{self.closes})"

    def _written(self, values: float | Sequence[float] | Sequence[Sequence[float]]) -> str:
        if not isinstance(values, Sequence):
            return repr(float(values)).replace("inf", self.inf).replace("nan", self.nan)
        parts = [self._written(v) for v in values]
        if values and isinstance(values[0], Sequence):
            return "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
        return f"[{', '.join(parts)}]"


_KERAS = (
    'import keras\nfrom keras import ops\n\nkeras.config.set_floatx("float64")  # on JAX, set JAX_ENABLE_X64=1\n'
)
_JAX = 'import jax\nimport jax.numpy as jnp\n\njax.config.update("jax_enable_x64", True)\n'

NUMPY = Dialect("import numpy as np\n\n", "np.array", "", "np.inf", "np.nan")
TORCH = Dialect(
    "import torch\nimport torch.nn.functional as F\n\n",
    "torch.tensor",
    ", dtype=torch.float64",
    "torch.inf",
    "torch.nan",
)
JAX = Dialect(_JAX, "jnp.array", "", "jnp.inf", "jnp.nan")
KERAS = Dialect(_KERAS, "ops.array", ', dtype="float64"', 'float("inf")', 'float("nan")')
XENT = Dialect("import numpy as np\nimport xent\n\n", "np.array", "", "np.inf", "np.nan")


def tabs(*, numpy: str, torch: str, jax: str, keras: str, xent: str, first: str = "") -> list[CodeTab]:
    """Put the five programs side by side, each given without its head; ``first`` stands before every head."""
    given = {"numpy": (NUMPY, numpy), "torch": (TORCH, torch), "jax": (JAX, jax), "keras": (KERAS, keras)}
    given["xent"] = (XENT, xent)
    return [
        {"id": key, "label": LABELS[key], "source": first + _needed(dialect.head, body) + body}
        for key, (dialect, body) in given.items()
    ]


def _needed(head: str, body: str) -> str:
    """Leave out the imports that a program does not use."""
    for name, line in (
        ("F", "import torch.nn.functional as F\n"),
        ("np", "import numpy as np\n"),
    ):
        head = head if re.search(rf"\b{name}\.", body) else head.replace(line, "")
    return head.rstrip("\n") + "\n" if body.startswith("import ") else head


def take_home(section: str, programs: list[CodeTab]) -> Panel:
    """Show a section's programs under the words that say what they compute."""
    return panel("take-home", text.take_home, [code("program", say(text.of[section]), programs)], wide=True)
