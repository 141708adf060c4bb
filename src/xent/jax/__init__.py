"""The cross-entropy family on JAX arrays: right under ``jit``, ``grad``, ``jvp``, ``vmap``, ``hessian``, ``scan``.

>>> import jax, jax.numpy as jnp, xent.jax
>>> logits, labels = jnp.array([[2.0, 1.0, 0.1], [0.0, -20.0, -21.0]]), jnp.array([0, 0])
>>> loss, dlogits = jax.jit(jax.value_and_grad(xent.jax.cross_entropy))(logits, labels)
>>> f"{loss:.4g}", [f"{x:.4g}" for x in dlogits[:, 0]]
('0.2085', ['-0.1705', '-1.41e-09'])

Signatures and conventions are those of :mod:`xent`, with these differences. Options are Python numbers and words,
and static; arrays may be traced, and NumPy's are taken too. Values are never read, so that what :mod:`xent` refuses
by its value becomes NaN, with its gradient, traced or not: a row whose label lies outside [0, K) and is not
``ignore_index`` (nothing wraps), a soft row that is no distribution, all rows for a faulty class weight.
``on_empty="raise"`` is the exception, and only for values that are not traced.

Derivatives are in closed form, of any order, and by every argument that is an array of floating numbers. A masked
logit has gradient 0 and never NaN, unless its row has no softmax.

float16 and bfloat16 are read as they are and computed in float32, and the gradient is of the logits' type. float32
is computed in float32, float64 (with ``jax_enable_x64``) in float64. Below the smallest normal number (1.2e-38 in
float32) all is 0.

On a CPU values and first derivatives of ``cross_entropy``, of ``softmax`` and its relatives, and of binary losses
without weights come from the kernels of :mod:`xent`, which XLA calls inside its program, and those of the others
from 2¹⁵ logits: NumPy's numbers, and NumPy's speed. Everything else is XLA's code: second derivatives, derivatives
by targets and weights, other devices, and programs of several devices, where nothing gathers along the classes, so
that sharded arrays stay sharded. Its accuracy: against the exact values, for logits of deviation 1 and 10 and up to
1000 classes, loss and gradient of ``cross_entropy`` are within 4 ulp; with ``label_smoothing``, which subtracts,
within 10 ulp of the larger term; a ``temperature`` or ``softcap`` adds up to one ulp for each unit of gap.

``jax.export`` refuses a program with a kernel, because one that is loaded needs ``xent.jax`` imported beside it. If
it will be, pass ``disabled_checks=[jax.export.DisabledSafetyCheck.custom_call("xent")]``; symbolic shapes, and
``platforms=`` without a CPU, need nothing.
"""

from __future__ import annotations

from xent.jax.beside import binary_cross_entropy, distillation_loss, focal_loss
from xent.jax.losses import cross_entropy, cross_entropy_with_grad
from xent.jax.probability import entropy, log_softmax, logsumexp, softmax

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "cross_entropy_with_grad",
    "distillation_loss",
    "entropy",
    "focal_loss",
    "log_softmax",
    "logsumexp",
    "softmax",
]
