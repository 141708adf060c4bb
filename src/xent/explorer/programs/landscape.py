"""A descent over the landscape as programs: loss and gradient where it starts, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """Two logits to start from, beside a third of 0; the target; how far each step goes, and how many there are."""

    start: tuple[float, ...]
    target: tuple[float, ...]
    rate: float
    steps: int


def landscape(p: Problem) -> list[CodeTab]:
    """Print the loss and the gradient at the start, then the loss and the gradient's length at the end."""
    start = (*p.start, 0.0)
    rate, steps = f"{p.rate!r}", f"{p.steps}"
    return tabs(
        numpy=f"""z = {NUMPY.array(start)}  # the third logit stays where it is
t = {NUMPY.array(p.target)}


def loss_and_grad(z):
    log_p = z - np.logaddexp.reduce(z)
    return -t @ log_p, np.exp(log_p) - t


loss, grad = loss_and_grad(z)
print("start:", loss, grad)
for _ in range({steps}):
    z[:2] -= {rate} * loss_and_grad(z)[1][:2]
loss, grad = loss_and_grad(z)
print("end:", loss, np.linalg.norm(grad[:2]))
""",
        torch=f"""z = {TORCH.array(start)}  # the third logit stays where it is
t = {TORCH.array(p.target)}


def loss_and_grad(z):
    z = z.detach().requires_grad_()
    loss = F.cross_entropy(z, t)
    return loss.item(), torch.autograd.grad(loss, z)[0]


loss, grad = loss_and_grad(z)
print("start:", loss, grad)
for _ in range({steps}):
    z[:2] -= {rate} * loss_and_grad(z)[1][:2]
loss, grad = loss_and_grad(z)
print("end:", loss, grad[:2].norm().item())
""",
        jax=f"""z = {JAX.array(start)}  # the third logit stays where it is
t = {JAX.array(p.target)}
loss_and_grad = jax.jit(jax.value_and_grad(lambda z: -t @ jax.nn.log_softmax(z)))

loss, grad = loss_and_grad(z)
print("start:", loss, grad)
for _ in range({steps}):
    z = z.at[:2].add(-{rate} * loss_and_grad(z)[1][:2])
loss, grad = loss_and_grad(z)
print("end:", loss, jnp.linalg.norm(grad[:2]))
""",
        keras=f"""z = {KERAS.array(start)}
t = {KERAS.array(p.target)}
moving = {KERAS.array((1.0, 1.0, 0.0))}  # the third logit stays where it is


def loss_and_grad(z):
    return float(ops.categorical_crossentropy(t, z, from_logits=True)), ops.softmax(z) - t


loss, grad = loss_and_grad(z)
print("start:", loss, [float(g) for g in grad])
for _ in range({steps}):
    z = z - {rate} * moving * loss_and_grad(z)[1]
loss, grad = loss_and_grad(z)
print("end:", loss, float(ops.sum(grad[:2] ** 2)) ** 0.5)
""",
        xent=f"""z = {XENT.array(start)}  # the third logit stays where it is
t = {XENT.array(p.target)}

loss, grad = xent.cross_entropy_with_grad(z, t)
print("start:", loss, grad)
for _ in range({steps}):
    z[:2] -= {rate} * xent.cross_entropy_with_grad(z, t)[1][:2]
loss, grad = xent.cross_entropy_with_grad(z, t)
print("end:", loss, xent.global_norm(grad[:2]))
""",
    )
