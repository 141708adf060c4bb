"""One line of code put to a library: what a page shows is what is run here, and nothing else.

The inputs of a case are Python lists; the line finds them as the library's arrays, under the same names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.special
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import log_loss

import xent
import xent.calibration
import xent.plots
import xent.torch
from docs import original
from docs.tables import Said, ask

TOOLS = {
    "F": F,
    "article": original,
    "jax": jax,
    "jnp": jnp,
    "log_loss": log_loss,
    "np": np,
    "optax": optax,
    "special": scipy.special,
    "torch": torch,
    "xent": xent,
}


class Call(NamedTuple):
    """A line of Python and the library whose arrays it gets; ``slope`` gives the gradient, in NumPy."""

    code: str
    library: str = "numpy"
    slope: str = ""


class Answer(NamedTuple):
    """A loss and its gradient by the logits ``z``, None where there is none."""

    loss: Any
    grad: Any


def answer(call: Call, dtype: str = "float64", *, grad: bool = True, **inputs: Any) -> Said:
    """Run a line on the inputs: a Said whose value is an Answer, the gradient taken by the library."""
    with _precision(call.library, dtype):
        arrays = {name: _array(call.library, value, dtype) for name, value in inputs.items()}
        return ask(lambda: _evaluate(call, arrays, grad and "z" in arrays))


def run(code: str, **names: Any) -> Said:
    """Run a line on NumPy arrays or whatever else is given, as it is."""
    return ask(lambda: _eval(code, names))


def _eval(code: str, names: dict[str, Any]) -> Any:
    return eval(code, {**TOOLS, **names})  # the lines are this project's own, a few pages up


def _evaluate(call: Call, arrays: dict[str, Any], grad: bool) -> Answer:
    pair = "_with_grad(" in call.code
    if not grad or pair or call.library == "numpy":
        value = _eval(call.code, arrays)
        slope = _eval(call.slope, arrays) if grad and call.slope else None
        return Answer(*(map(_plain, value))) if pair else Answer(_plain(value), _plain(slope))
    if call.library == "torch":
        arrays["z"].requires_grad_()
        loss = _eval(call.code, arrays)
        return Answer(_plain(loss), _plain(torch.autograd.grad(loss, arrays["z"])[0]))
    loss, slope = jax.value_and_grad(lambda z: _eval(call.code, arrays | {"z": z}))(arrays["z"])
    return Answer(_plain(loss), _plain(slope))


def _plain(value: Any) -> Any:
    """Give floats, whatever the library and the type: bfloat16 widens exactly."""
    if value is None:
        return None
    value = value.detach().double().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return value.astype(np.float64)


def _array(library: str, value: Any, dtype: str) -> Any:
    """Make a list of floats an array of the case's type; integers stay integers, and names stay names."""
    if not isinstance(value, list):
        return value
    floating = np.asarray(value).dtype.kind == "f"
    if library == "torch":
        return torch.tensor(value, dtype=getattr(torch, dtype) if floating else None)
    if library == "jax":
        return jnp.array(value, dtype=dtype if floating else None)
    return np.array(value, dtype=dtype if floating else None)


@contextlib.contextmanager
def _precision(library: str, dtype: str) -> Iterator[None]:
    """Switch JAX's float64 on for as long as it is needed."""
    with jax.enable_x64(dtype == "float64") if library == "jax" else contextlib.nullcontext():
        yield
