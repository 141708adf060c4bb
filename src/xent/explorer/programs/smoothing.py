"""Label smoothing as programs: the target, the loss, and the floor under it."""

from __future__ import annotations

from xent.explorer.programs import tabs
from xent.explorer.view import CodeTab

_PRINTED = """print("target:", float(t[0]), float(t[1]))
print("loss:", float(loss))
print("floor:", float(floor))
print("without smoothing:", float(plain))
"""


def smoothing(classes: int, epsilon: float, convention: str, gap: float) -> list[CodeTab]:
    """Print the right and another class's target, the loss, the entropy of the target, and the plain loss."""
    uniform, e = convention == "uniform", repr(epsilon)
    others = f"{e} / {classes}" if uniform else f"{e} / {classes - 1}"
    right = f"1 - {e} + {others}" if uniform else f"1 - {e}"
    named = f", label_smoothing={e}"
    own = f"F.cross_entropy(z, y{named})" if uniform else "F.cross_entropy(z, t)  # F smooths the uniform way only"
    keras = (
        f"ops.categorical_crossentropy(t, z, from_logits=True)  # keras.losses has label_smoothing={e}"
        if uniform
        else "ops.categorical_crossentropy(t, z, from_logits=True)  # Keras smooths the uniform way only"
    )
    return tabs(
        numpy=f"""z = np.zeros({classes})
z[0] = {gap!r}  # the right class leads
t = np.full({classes}, {others})
t[0] = {right}

log_p = z - np.logaddexp.reduce(z)
loss, plain = -t @ log_p, -log_p[0]
floor = -t[t > 0] @ np.log(t[t > 0])
{_PRINTED}""",
        torch=f"""z = torch.zeros({classes}, dtype=torch.float64)
z[0] = {gap!r}  # the right class leads
y = torch.tensor(0)
t = torch.full(({classes},), {others}, dtype=torch.float64)
t[0] = {right}

loss = {own}
plain = F.cross_entropy(z, y)
floor = torch.special.entr(t).sum()
{_PRINTED}""",
        jax=f"""z = jnp.zeros({classes}).at[0].set({gap!r})  # the right class leads
t = jnp.full({classes}, {others}).at[0].set({right})

log_p = jax.nn.log_softmax(z)
loss, plain = -t @ log_p, -log_p[0]
floor = jax.scipy.special.entr(t).sum()
{_PRINTED}""",
        keras=f"""right = ops.one_hot(0, {classes})
z = {gap!r} * right  # the right class leads
t = ops.where(right > 0, {right}, {others})

loss = {keras}
plain = ops.categorical_crossentropy(right, z, from_logits=True)
floor = -ops.sum(t * ops.log(ops.where(t > 0, t, 1.0)))
{_PRINTED}""",
        xent=f"""z = np.zeros({classes})
z[0] = {gap!r}  # the right class leads
y = np.array(0)
t = xent.smooth_labels(y, {e}, {classes}, convention="{convention}")

loss = xent.cross_entropy(z, {f"y{named}" if uniform else "t"})
plain = xent.cross_entropy(z, y)
floor = xent.information.entropy(t)
{_PRINTED}""",
    )
