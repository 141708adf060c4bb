"""The state as a program: the same numbers from NumPy, PyTorch, JAX, Keras and xent, ready to copy.

The tests run every snippet and compare what it prints with the page.
"""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """What a snippet computes: one row, its target, and the options."""

    logits: tuple[float, ...]
    label: int | None
    target: tuple[float, ...]
    epsilon: float
    convention: str
    temperature: float
    loss: float

    @property
    def textbook_is_exact(self) -> bool:
        """Whether log-softmax in float64 reproduces the digits on the page.

        It loses losses below the rounding error of the logits, and makes 0 · −∞ = NaN of a masked class in a
        distribution (an index is fine).
        """
        size = max(abs(z) for z in self.logits if z > float("-inf")) / self.temperature
        masked = any(z == float("-inf") for z in self.logits)
        return self.loss > 1e-10 * max(1.0, size) and not (masked and not self.is_index)

    @property
    def is_index(self) -> bool:
        """Whether the target can be given as a class index (smoothed the ε/K way or not at all)."""
        return self.label is not None and (self.epsilon == 0 or self.convention == "uniform")


def snippets(problem: Problem) -> list[CodeTab]:
    """Write the programs; each prints the loss in nats, then the gradient."""
    return [
        {"id": "numpy", "label": "NumPy", "source": _numpy(problem)},
        {"id": "torch", "label": "PyTorch", "source": _torch(problem)},
        {"id": "jax", "label": "JAX", "source": _jax(problem)},
        {"id": "keras", "label": "Keras", "source": _keras(problem)},
        {"id": "xent", "label": "xent", "source": _xent(problem)},
    ]


def _list(values: tuple[float, ...], inf: str) -> str:
    return "[" + ", ".join(repr(v).replace("inf", inf) for v in values) + "]"


def _numpy(p: Problem) -> str:
    return f"""import numpy as np

z = np.array({_list(p.logits, "np.inf")}) / {p.temperature!r}  # logits / temperature
t = np.array({_list(p.target, "np.inf")})  # target distribution

k = z.argmax()
gap = z[k] - z  # how far each class is behind
tail = np.exp(-np.delete(gap, k)).sum()
p = np.exp(-gap) / (1 + tail)

aimed = t > 0  # 0 * inf = 0
loss = t.sum() * np.log1p(tail) + t[aimed] @ gap[aimed]
grad = p - t
grad[k] = np.delete(t, k).sum() - t.sum() * tail / (1 + tail)  # p - t without cancelling
print(loss)
print(grad / {p.temperature!r})
"""


def _torch(p: Problem) -> str:
    head = f"""import torch
import torch.nn.functional as F

z = torch.tensor({_list(p.logits, 'float("inf")')}, dtype=torch.float64, requires_grad=True)
"""
    target = (
        f"torch.tensor({p.label})"
        if p.is_index
        else f"torch.tensor({_list(p.target, 'torch.inf')}, dtype=torch.float64)"
    )
    if p.textbook_is_exact:
        smoothing = f", label_smoothing={p.epsilon!r}" if p.is_index and p.epsilon else ""
        body = f"loss = F.cross_entropy(z / {p.temperature!r}, {target}{smoothing})\n"
    else:
        body = f"""t = torch.tensor({_list(p.target, "torch.inf")}, dtype=torch.float64)
s = z / {p.temperature!r}
k = s.argmax()
others = torch.arange(len(s)) != k
gap = s[k] - s
# F.cross_entropy would round this loss to 0, or turn a masked class into NaN
loss = t.sum() * torch.log1p(torch.exp(-gap[others]).sum()) + (t * gap)[t > 0].sum()
"""
    return head + body + "loss.backward()\nprint(loss.item())\nprint(z.grad)\n"


def _jax(p: Problem) -> str:
    if p.textbook_is_exact:
        body = "    return -jnp.sum(t * jax.nn.log_softmax(s))\n"
        if any(z == float("-inf") for z in p.logits):
            body = "    return -jnp.sum(t * jnp.where(t > 0, jax.nn.log_softmax(s), 0))\n"
    else:
        body = """    gap = s.max() - s
    others = jnp.arange(s.size) != s.argmax()
    tail = jnp.sum(jnp.where(others, jnp.exp(-gap), 0))
    # log_softmax would round this loss to 0
    return t.sum() * jnp.log1p(tail) + jnp.sum(jnp.where(t > 0, t * jnp.where(t > 0, gap, 0), 0))
"""
    return f"""import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
z = jnp.array({_list(p.logits, "jnp.inf")})
t = jnp.array({_list(p.target, "jnp.inf")})


def cross_entropy(z):
    s = z / {p.temperature!r}
{body}

loss, grad = jax.value_and_grad(cross_entropy)(z)
print(loss)
print(grad)
"""


def _keras(p: Problem) -> str:
    if not p.textbook_is_exact:
        body = """k = int(ops.argmax(z))
others = ops.arange(z.shape[0]) != k
gap = z[k] - z
tail = ops.sum(ops.where(others, ops.exp(-gap), 0))
# categorical_crossentropy would round this loss to 0, or turn a masked class into NaN
loss = ops.sum(t) * ops.log1p(tail) + ops.sum(ops.where(t > 0, t * ops.where(t > 0, gap, 0), 0))
p = ops.exp(-gap) / (1 + tail)
grad = ops.where(others, p - t, ops.sum(ops.where(others, t, 0)) - ops.sum(t) * tail / (1 + tail))
"""
    else:
        if p.is_index and not p.epsilon:
            loss = f"sparse_categorical_crossentropy(ops.array({p.label}), z, from_logits=True)"
        elif p.is_index:
            named = f"ops.one_hot({p.label}, {len(p.logits)})"
            loss = f"categorical_crossentropy({named}, z, from_logits=True, label_smoothing={p.epsilon!r})"
        else:
            loss = "categorical_crossentropy(t, z, from_logits=True)"
        body = f"""loss = keras.losses.{loss}
grad = ops.softmax(z) - t
"""
    return f"""import keras
from keras import ops

# float64 needs a backend that has it: on JAX, set JAX_ENABLE_X64=1
z = ops.array({_list(p.logits, 'float("inf")')}, dtype="float64") / {p.temperature!r}  # logits / temperature
t = ops.array({_list(p.target, 'float("inf")')}, dtype="float64")  # target distribution

{body}print(float(loss))
print([float(g) / {p.temperature!r} for g in grad])
"""


def _xent(p: Problem) -> str:
    options = "" if p.temperature == 1 else f", temperature={p.temperature!r}"
    if p.is_index:
        target = f"np.array({p.label})"
        options += f", label_smoothing={p.epsilon!r}" if p.epsilon else ""
    elif p.label is not None:
        k = len(p.logits)
        target = f'xent.smooth_labels(np.array({p.label}), {p.epsilon!r}, {k}, convention="others")'
    else:
        target = f"np.array({_list(p.target, 'np.inf')})"
    return f"""import numpy as np
import xent

z = np.array({_list(p.logits, "np.inf")})
loss, grad = xent.cross_entropy_with_grad(z, {target}{options})
print(loss)
print(grad)
"""
