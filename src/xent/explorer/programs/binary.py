"""Binary cross-entropy as programs: one question, the same scores under two heads, and rare positives."""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """One logit with its truth; scores with the labels that are true; a share of positives, and their weight."""

    z: float
    y: int
    scores: tuple[float, ...]
    hot: tuple[bool, ...]
    share: float
    weight: float


def binary(p: Problem) -> list[CodeTab]:
    """Print loss and slope; the two heads' losses; the best logit under pos_weight, and the mean loss there."""
    # a target of zeros: the others give 0, xent refuses it
    soft = "xent.cross_entropy(scores, share)" if any(p.hot) else "0.0"
    return tabs(
        numpy=_given(NUMPY, p)
        + f"""

def bce(z, y):
    return y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)


print("loss:", bce(z, y))
print("slope:", 1 / (1 + np.exp(-z)) - y)

share = hot / max(hot.sum(), 1)  # softmax divides one belief among the labels that are true
log_p = scores - np.logaddexp.reduce(scores)
print("softmax head:", -share @ log_p)
print("sigmoid head:", bce(scores, hot).sum())

rare, pos_weight = {p.share!r}, {p.weight!r}
best = np.log(pos_weight * rare / (1 - rare))
print("best logit:", best)
print("its mean loss:", pos_weight * rare * bce(best, 1) + (1 - rare) * bce(best, 0))
""",
        torch=_given(TORCH, p).replace("\ny =", "\nz.requires_grad_()\ny =", 1)
        + f"""
loss = F.binary_cross_entropy_with_logits(z, y)
loss.backward()
print("loss:", loss.item())
print("slope:", z.grad.item())

share = hot / hot.sum().clamp(min=1)  # softmax divides one belief among the labels that are true
print("softmax head:", F.cross_entropy(scores, share).item())
print("sigmoid head:", F.binary_cross_entropy_with_logits(scores, hot, reduction="sum").item())

rare, pos_weight = {TORCH.array(p.share)}, {TORCH.array(p.weight)}
best = torch.log(pos_weight * rare / (1 - rare))
print("best logit:", best.item())
print("its mean loss:", F.binary_cross_entropy_with_logits(best, rare, pos_weight=pos_weight).item())
""",
        jax=_given(JAX, p)
        + f"""

def bce(z, y, pos_weight=1.0):
    return -pos_weight * y * jax.nn.log_sigmoid(z) - (1 - y) * jax.nn.log_sigmoid(-z)


loss, slope = jax.value_and_grad(bce)(z, y)
print("loss:", loss)
print("slope:", slope)

share = hot / max(hot.sum(), 1)  # softmax divides one belief among the labels that are true
print("softmax head:", -share @ jax.nn.log_softmax(scores))
print("sigmoid head:", bce(scores, hot).sum())

rare, pos_weight = {p.share!r}, {p.weight!r}
best = jnp.log(pos_weight * rare / (1 - rare))
print("best logit:", best)
print("its mean loss:", bce(best, rare, pos_weight))
""",
        keras=_given(KERAS, p)
        + f"""
print("loss:", float(ops.binary_crossentropy(y, z, from_logits=True)))
print("slope:", float(ops.sigmoid(z) - y))

share = hot / ops.maximum(ops.sum(hot), 1.0)  # softmax divides one belief among the labels that are true
print("softmax head:", float(ops.categorical_crossentropy(share, scores, from_logits=True)))
print("sigmoid head:", float(ops.sum(ops.binary_crossentropy(hot, scores, from_logits=True))))

# Keras has no pos_weight
rare, pos_weight = {KERAS.array(p.share)}, {KERAS.array(p.weight)}
best = ops.log(pos_weight * rare / (1 - rare))
mean = -pos_weight * rare * ops.log_sigmoid(best) - (1 - rare) * ops.log_sigmoid(-best)
print("best logit:", float(best))
print("its mean loss:", float(mean))
""",
        xent=_given(XENT, p)
        + f"""
loss, slope = xent.binary_cross_entropy_with_grad(z, y)
print("loss:", loss)
print("slope:", slope)

share = hot / max(hot.sum(), 1)  # softmax divides one belief among the labels that are true
print("softmax head:", {soft})
print("sigmoid head:", xent.binary_cross_entropy(scores, hot, reduction="sum"))

rare, pos_weight = np.array({p.share!r}), {p.weight!r}
best = np.log(pos_weight * rare / (1 - rare))
print("best logit:", best)
print("its mean loss:", xent.binary_cross_entropy(best, rare, pos_weight=pos_weight))
""",
    )


def _given(d: Dialect, p: Problem) -> str:
    return f"""z = {d.array(p.z)}
y = {d.array(p.y)}
scores = {d.array(p.scores)}
hot = {d.array([float(on) for on in p.hot])}
"""
