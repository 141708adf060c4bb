"""The likelihood of counts as programs: as a product of floats, and as a sum of logarithms."""

from __future__ import annotations

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


def likelihood(counts: tuple[int, ...], copies: int, model: tuple[float, ...]) -> list[CodeTab]:
    """Print the product in float64, the log-likelihood, its mean (the cross-entropy of f and q), and its floor."""

    def given(d: Dialect) -> str:
        return f"q = {d.array(model)}  # the model\n"

    n = f"{list(counts)}"
    times = f" * {copies}" if copies > 1 else ""
    return tabs(
        numpy=given(NUMPY)
        + f"""n = np.array({n}){times}  # how often each was observed

seen = n > 0  # what was never observed costs nothing
with np.errstate(divide="ignore"):
    log_likelihood = n[seen] @ np.log(q[seen])
f = n[seen] / n.sum()
print("product:", np.repeat(q, n).prod())  # 0 once it is below the smallest float
print("log-likelihood:", log_likelihood)
print("mean NLL:", -log_likelihood / n.sum())
print("floor:", -f @ np.log(f))
""",
        torch=given(TORCH)
        + f"""n = torch.tensor({n}){times}  # how often each was observed

log_likelihood = torch.xlogy(n, q).sum()  # 0 * log 0 = 0
print("product:", q.repeat_interleave(n).prod().item())  # 0 once it is below the smallest float
print("log-likelihood:", log_likelihood.item())
print("mean NLL:", (-log_likelihood / n.sum()).item())
print("floor:", torch.special.entr(n.double() / n.sum()).sum().item())
""",
        jax=given(JAX)
        + f"""n = jnp.array({n}){times}  # how often each was observed

log_likelihood = jax.scipy.special.xlogy(n, q).sum()  # 0 * log 0 = 0
print("product:", jnp.repeat(q, n).prod())  # 0 once it is below the smallest normal float
print("log-likelihood:", log_likelihood)
print("mean NLL:", -log_likelihood / n.sum())
print("floor:", jax.scipy.special.entr(n / n.sum()).sum())
""",
        keras=given(KERAS)
        + f"""n = {KERAS.array(counts)}{times}  # how often each was observed


def xlogy(n, q):
    return ops.where(n > 0, n * ops.log(ops.where(n > 0, q, 1.0)), 0.0)  # 0 * log 0 = 0


log_likelihood, size = ops.sum(xlogy(n, q)), ops.sum(n)
print("product:", float(ops.prod(q**n)))  # 0 once it is below the smallest float
print("log-likelihood:", float(log_likelihood))
print("mean NLL:", float(-log_likelihood / size))
print("floor:", float(-ops.sum(xlogy(n / size, n / size))))
""",
        xent=given(XENT)
        + f"""n = np.array({n}){times}  # how often each was observed

f = n / n.sum()
mean = xent.information.cross_entropy(f, q)
print("product:", np.repeat(q, n).prod())  # 0 once it is below the smallest float
print("log-likelihood:", -n.sum() * mean)
print("mean NLL:", mean)
print("floor:", xent.information.entropy(f))
""",
    )
