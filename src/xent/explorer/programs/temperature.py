"""Distillation as a program: T² times the divergence of a student from its teacher, and the gradient."""

from __future__ import annotations

from xent.explorer.view import CodeTab


def snippets(student: tuple[float, ...], teacher: tuple[float, ...], temperature: float) -> list[CodeTab]:
    """Write the programs; each prints T² · KL(p‖q) in nats, then its derivative by the student's logits."""
    s, z, t = repr(list(student)), repr(list(teacher)), repr(temperature)
    return [
        {"id": "numpy", "label": "NumPy", "source": _NUMPY.format(s=s, z=z, t=t)},
        {"id": "torch", "label": "PyTorch", "source": _TORCH.format(s=s, z=z, t=t)},
        {"id": "jax", "label": "JAX", "source": _JAX.format(s=s, z=z, t=t)},
        {"id": "keras", "label": "Keras", "source": _KERAS.format(s=s, z=z, t=t)},
        {"id": "xent", "label": "xent", "source": _XENT.format(s=s, z=z, t=t)},
    ]


_NUMPY = """import numpy as np

T = {t}
student = np.array({s})
teacher = np.array({z})


def log_softmax(z):
    z = z - z.max()
    return z - np.log(np.exp(z).sum())


log_p, log_q = log_softmax(teacher / T), log_softmax(student / T)
p, q = np.exp(log_p), np.exp(log_q)
loss = T**2 * p @ (log_p - log_q)
grad = T * (q - p)
print(loss)
print(grad)
"""

_TORCH = """import torch
import torch.nn.functional as F

T = {t}
student = torch.tensor({s}, dtype=torch.float64, requires_grad=True)
teacher = torch.tensor({z}, dtype=torch.float64)

log_p, log_q = F.log_softmax(teacher / T, dim=-1), F.log_softmax(student / T, dim=-1)
loss = T**2 * F.kl_div(log_q, log_p, log_target=True, reduction="sum")
loss.backward()
print(loss.item())
print(student.grad)
"""

_JAX = """import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
T = {t}
teacher = jnp.array({z})


def distillation(student):
    log_p, log_q = jax.nn.log_softmax(teacher / T), jax.nn.log_softmax(student / T)
    return T**2 * jnp.sum(jnp.exp(log_p) * (log_p - log_q))


loss, grad = jax.value_and_grad(distillation)(jnp.array({s}))
print(loss)
print(grad)
"""

_KERAS = """from keras import ops

# float64 needs a backend that has it: on JAX, set JAX_ENABLE_X64=1
T = {t}
student = ops.array({s}, dtype="float64")
teacher = ops.array({z}, dtype="float64")

log_p, log_q = ops.log_softmax(teacher / T), ops.log_softmax(student / T)
p, q = ops.exp(log_p), ops.exp(log_q)
loss = T**2 * ops.sum(p * (log_p - log_q))
grad = T * (q - p)
print(float(loss))
print([float(g) for g in grad])
"""

_XENT = """import numpy as np
import xent

student = np.array({s})
teacher = np.array({z})
loss, grad = xent.distillation_loss_with_grad(student, teacher, temperature={t})
print(loss)
print(grad)
"""
