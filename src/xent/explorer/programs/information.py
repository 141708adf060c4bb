"""Entropy, cross-entropy and divergences of p and q as programs."""

from __future__ import annotations

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, tabs
from xent.explorer.view import CodeTab

Shares = tuple[float, ...]


def information(p: Shares, q: Shares, *, bits: bool) -> list[CodeTab]:
    """Print H(p), H(p, q), KL(p‖q), KL(q‖p) and the Jensen–Shannon divergence, in the unit."""
    unit, base = ("log(2)", "2") if bits else ("1", "np.e")
    how = f"# {'bits' if bits else 'nats'}"

    def nats(log: str, one: str) -> str:
        return f"unit = {f'{log}({one})' if bits else '1.0'}  {how}"

    logs = f"np.{unit}" if bits else "1.0"
    return tabs(
        numpy=f"""p = {NUMPY.array(p)}
q = {NUMPY.array(q)}
unit = {logs}  {how}


def cross_entropy(p, q):
    seen = p > 0  # 0 * log 0 = 0
    with np.errstate(divide="ignore"):  # what happens but was said to be impossible costs inf
        return -p[seen] @ np.log(q[seen]) / unit


def divergence(p, q):
    seen = p > 0
    with np.errstate(divide="ignore"):
        return p[seen] @ (np.log(p[seen]) - np.log(q[seen])) / unit


m = (p + q) / 2
print("H(p):", cross_entropy(p, p))
print("H(p, q):", cross_entropy(p, q))
print("KL(p, q):", divergence(p, q))
print("KL(q, p):", divergence(q, p))
print("JS:", (divergence(p, m) + divergence(q, m)) / 2)
""",
        torch=f"""p = {TORCH.array(p)}
q = {TORCH.array(q)}
{nats("torch.log", "torch.tensor(2.0, dtype=torch.float64)")}


def divergence(p, q):
    # F.kl_div makes NaN of 0 * log 0
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum() / unit


m = (p + q) / 2
print("H(p):", (torch.special.entr(p).sum() / unit).item())
print("H(p, q):", (-torch.xlogy(p, q).sum() / unit).item())
print("KL(p, q):", divergence(p, q).item())
print("KL(q, p):", divergence(q, p).item())
print("JS:", ((divergence(p, m) + divergence(q, m)) / 2).item())
""",
        jax=f"""special = jax.scipy.special
p = {JAX.array(p)}
q = {JAX.array(q)}
{nats("jnp.log", "2.0")}

m = (p + q) / 2
print("H(p):", special.entr(p).sum() / unit)
print("H(p, q):", -special.xlogy(p, q).sum() / unit)
print("KL(p, q):", special.rel_entr(p, q).sum() / unit)
print("KL(q, p):", special.rel_entr(q, p).sum() / unit)
print("JS:", (special.rel_entr(p, m).sum() + special.rel_entr(q, m).sum()) / 2 / unit)
""",
        keras=f"""p = {KERAS.array(p)}
q = {KERAS.array(q)}
{nats("ops.log", "ops.array(2.0)")}


def xlogy(p, q):
    return ops.where(p > 0, p * ops.log(ops.where(p > 0, q, 1.0)), 0.0)  # 0 * log 0 = 0


def divergence(p, q):
    # keras.losses.kl_divergence clips both at 1e-7, and so never gives inf
    return float(ops.sum(xlogy(p, p) - xlogy(p, q)) / unit)


m = (p + q) / 2
print("H(p):", float(-ops.sum(xlogy(p, p)) / unit))
print("H(p, q):", float(-ops.sum(xlogy(p, q)) / unit))
print("KL(p, q):", divergence(p, q))
print("KL(q, p):", divergence(q, p))
print("JS:", (divergence(p, m) + divergence(q, m)) / 2)
""",
        xent=f"""p = {XENT.array(p)}
q = {XENT.array(q)}
base = {base}  {how}
print("H(p):", xent.information.entropy(p, base=base))
print("H(p, q):", xent.information.cross_entropy(p, q, base=base))
print("KL(p, q):", xent.information.kl_divergence(p, q, base=base))
print("KL(q, p):", xent.information.kl_divergence(q, p, base=base))
print("JS:", xent.information.js_divergence(p, q, base=base))
""",
    )
