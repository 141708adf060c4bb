"""The gradient as programs: the Jacobian of softmax, the chain rule through it, and clipping by global norm."""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """A row of logits with its target, the input that the weights are multiplied with, and the longest gradient."""

    logits: tuple[float, ...]
    target: tuple[float, ...]
    size: float
    limit: float


_NORMS = """print("norm:", norm)
print("factor:", factor)
print("clipped norm:", norm * factor)
"""


def gradient(p: Problem) -> list[CodeTab]:
    """Print the loss, the Jacobian ∂p/∂z, the gradient by the chain rule, the global norm and what clips it."""
    size, limit = f"{p.size!r}", f"{p.limit!r}"
    return tabs(
        numpy=f"""z = {NUMPY.array(p.logits)}
t = {NUMPY.array(p.target)}

log_p = z - np.logaddexp.reduce(z)
p = np.exp(log_p)
jacobian = np.diag(p) - np.outer(p, p)  # row i, column j: how p_i moves with z_j
grad = (-t / p) @ jacobian  # chain rule: adds up to p - t
print("loss:", -t @ log_p)
print("jacobian:", jacobian)
print("gradient:", grad)

parts = [grad * {size}, grad]  # of weights behind an input of {size}, and of biases
norm = np.sqrt(sum((g**2).sum() for g in parts))
factor = {limit} / max(norm, {limit})
{_NORMS}""",
        torch=f"""z = {TORCH.array(p.logits)}
t = {TORCH.array(p.target)}

jacobian = torch.func.jacrev(lambda z: torch.softmax(z, dim=0))(z)
z.requires_grad_()
loss = F.cross_entropy(z, t)
loss.backward()
print("loss:", loss.item())
print("jacobian:", jacobian)
print("gradient:", z.grad)

parts = [z.grad * {size}, z.grad]  # of weights behind an input of {size}, and of biases
norm = torch.nn.utils.get_total_norm(parts).item()
factor = {limit} / max(norm, {limit})  # clip_grad_norm_ divides by norm + 1e-6
{_NORMS}""",
        jax=f"""z = {JAX.array(p.logits)}
t = {JAX.array(p.target)}

loss, grad = jax.value_and_grad(lambda z: -t @ jax.nn.log_softmax(z))(z)
print("loss:", loss)
print("jacobian:", jax.jacobian(jax.nn.softmax)(z))
print("gradient:", grad)

parts = [grad * {size}, grad]  # of weights behind an input of {size}, and of biases
norm = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(parts)))
factor = {limit} / max(norm, {limit})
{_NORMS}""",
        keras=f"""z = {KERAS.array(p.logits)}
t = {KERAS.array(p.target)}

p = ops.softmax(z)
jacobian = ops.diag(p) - ops.outer(p, p)  # row i, column j: how p_i moves with z_j
grad = (-t / p) @ jacobian  # chain rule: adds up to p - t; ops.matmul may round to float32
print("loss:", float(ops.categorical_crossentropy(t, z, from_logits=True)))
print("jacobian:", [[float(v) for v in row] for row in jacobian])
print("gradient:", [float(g) for g in grad])

parts = [grad * {size}, grad]  # of weights behind an input of {size}, and of biases
norm = float(sum(ops.sum(g**2) for g in parts) ** 0.5)
factor = {limit} / max(norm, {limit})  # as an optimizer with global_clipnorm={limit} does
{_NORMS}""",
        xent=f"""z = {XENT.array(p.logits)}
t = {XENT.array(p.target)}

loss, grad = xent.cross_entropy_with_grad(z, t)
print("loss:", loss)
print("jacobian:", np.array(xent.spec.jacobian(z.tolist())))
print("gradient:", grad)

parts = [grad * {size}, grad]  # of weights behind an input of {size}, and of biases
norm = xent.global_norm(parts)
print("norm:", norm)
clipped = xent.global_norm(xent.clip_gradients(parts, {limit}))
print("factor:", {limit} / max(norm, {limit}))
print("clipped norm:", clipped)
""",
    )
