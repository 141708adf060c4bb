"""Focal loss as programs: one answer, and the groups of an imbalanced batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """γ and α; one answer; groups of rows alike: how many, whether they are yes, the truth's probability.

    ``slopes`` shares out the gradient in place of the loss. Where the groups are real rows, one each, they have
    ``logits`` instead of ``ps``, and are the first so many of so many, as is ``stated``.
    """

    gamma: float
    alpha: float
    p: float
    y: int
    counts: tuple[int, ...]
    ps: tuple[float, ...]
    yes: tuple[int, ...]
    slopes: bool
    logits: tuple[float, ...] = ()
    stated: tuple[int, int] = (0, 0)


def focal(p: Problem) -> list[CodeTab]:
    """Print the focal loss of the one answer, what a row of each group adds, and the groups' shares."""
    end = 'print("one answer:", float(loss[0]))\nprint("a row adds:", {row})\nprint("shares:", {share})\n'
    plain = end.format(row="row", share="n * row / (n @ row)")
    what = "the loss" if not p.slopes else "the size of the gradient by its logit"
    pull = f"# what a row adds to {what}"
    closed = "alpha_t * (1 - p) ** gamma * (1 - p - gamma * p * log_p)" if p.slopes else "loss"
    return tabs(
        numpy=_given(NUMPY, p)
        + f"""
alpha_t = y * alpha + (1 - y) * (1 - alpha)
log_p = -np.logaddexp(0, np.where(y == 1, -z, z))  # of the truth
p = np.exp(log_p)
loss = -alpha_t * (1 - p) ** gamma * log_p
row = ({closed})[1:]  {pull}
{plain}""",
        torch=_given(TORCH, p)
        + """z.requires_grad_()

alpha_t = y * alpha + (1 - y) * (1 - alpha)
log_p = F.logsigmoid(torch.where(y == 1, z, -z))  # of the truth
loss = -alpha_t * (1 - log_p.exp()) ** gamma * log_p
loss.sum().backward()
loss = loss.detach()
"""
        + f"row = {'z.grad[1:].abs()' if p.slopes else 'loss[1:]'}  {pull}\n"
        + plain,
        jax=_given(JAX, p)
        + """

def focal_loss(z):
    alpha_t = y * alpha + (1 - y) * (1 - alpha)
    log_p = jax.nn.log_sigmoid(jnp.where(y == 1, z, -z))  # of the truth
    return -alpha_t * (1 - jnp.exp(log_p)) ** gamma * log_p


loss = focal_loss(z)
"""
        + f"row = {'abs(jax.grad(lambda z: focal_loss(z).sum())(z))[1:]' if p.slopes else 'loss[1:]'}  {pull}\n"
        + plain,
        keras=_given(KERAS, p)
        + f"""
# keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True) is the mean of these
alpha_t = y * alpha + (1 - y) * (1 - alpha)
log_p = ops.log_sigmoid(ops.where(y == 1, z, -z))  # of the truth
p = ops.exp(log_p)
loss = -alpha_t * (1 - p) ** gamma * log_p
row = ({closed})[1:]  {pull}
"""
        + end.format(row="[float(r) for r in row]", share="[float(r) for r in n * row / ops.sum(n * row)]"),
        xent=_given(XENT, p)
        + f"""
loss, grad = xent.focal_loss_with_grad(z, y, gamma=gamma, alpha=alpha, reduction="none")
row = {"abs(grad)[1:]" if p.slopes else "loss[1:]"}  {pull}
{plain}""",
    )


def _given(d: Dialect, p: Problem) -> str:
    if p.logits:
        few, many = p.stated
        what = "all rows" if few == many else f"the first {few} of {many} rows"
        one = (2 * p.y - 1) * math.log(p.p / (1 - p.p))
        return f"""gamma, alpha = {p.gamma!r}, {p.alpha!r}
z = {d.array((one, *p.logits))}  # log-odds of yes: one answer, then {what}
y = {d.array((p.y, *p.yes))}
n = {d.array(p.counts)}
"""
    log = {"np.array": "np.log", "torch.tensor": "torch.log", "jnp.array": "jnp.log", "ops.array": "ops.log"}[
        d.opens
    ]
    return f"""gamma, alpha = {p.gamma!r}, {p.alpha!r}
p = {d.array((p.p, *p.ps))}  # of the truth: one answer, then a row of each group
y = {d.array((p.y, *p.yes))}
n = {d.array(p.counts)}  # rows in each group
z = (2 * y - 1) * {log}(p / (1 - p))
"""
