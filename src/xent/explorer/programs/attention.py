"""Attention as programs: one query by its scores, and softmax(QKᵀ/√d) of a masked sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """Scores as softmax gets them (masked ones are −∞), with values; then a sequence of random vectors.

    ``drawn`` is the numbers that are drawn for each query and key, of which the first ``size`` are used.
    """

    scores: Sequence[float]
    temperature: float
    values: Sequence[Sequence[float]]
    seed: int
    tokens: int
    drawn: int
    size: int
    scale: bool
    mask: str
    query: int


def attention(p: Problem) -> list[CodeTab]:
    """Print the one query's weights and the mean of its values, then the weights of a query of the sequence."""
    scaled = f" / {p.size}**0.5" if p.scale else ""
    heat = f" / {p.temperature!r}" if p.temperature != 1 else ""
    shifted = {"none": "", "causal": "", "strict": ", -1"}[p.mask]
    masked = p.mask != "none"
    nothing = max(p.scores) == float("-inf") or p.mask == "strict"
    calm = "np.seterr(invalid='ignore')  # a query that may see nothing: 0 / 0\n" if nothing else ""

    def tril(where: str, tri: str, inf: str) -> str:
        return f"s = {where}({tri} > 0, s, -{inf})  # {p.mask} mask\n" if masked else ""

    ones = f"({p.tokens}, {p.tokens})"
    fused = (
        f"F.scaled_dot_product_attention(q, k, torch.eye({p.tokens}).double()"
        + (", is_causal=True" if p.mask == "causal" else "")
        + ("" if p.scale else ", scale=1.0")
        + ")  # the identity for values gives the weights\n"
    )
    by_hand = (
        f"s = q @ k.T{scaled}\n"
        + tril("torch.where", f"torch.ones{ones}.tril(-1)", "torch.inf")
        + "weights = torch.softmax(s, dim=1)  # scaled_dot_product_attention gives 0 where nothing is seen\n"
    )
    np_mask = tril("np.where", f"np.tri({p.tokens}, k={-1 if shifted else 0})", "np.inf")
    return tabs(
        first="import random\n\n",
        numpy=_given(NUMPY, p)
        + f"""{calm}

def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


w = softmax(scores{heat})
print("one query:", w)
print("its mean:", w @ values)

{_vectors(NUMPY, p)}
s = q @ k.T{scaled}
{np_mask}print("sequence:", softmax(s)[{p.query}])
""",
        torch=_given(TORCH, p)
        + f"""
w = torch.softmax(scores{heat}, dim=0)
print("one query:", w)
print("its mean:", w @ values)

{_vectors(TORCH, p)}
"""
        + (by_hand if p.mask == "strict" else f"weights = {fused}")
        + f'print("sequence:", weights[{p.query}])\n',
        jax=_given(JAX, p)
        + f"""
w = jax.nn.softmax(scores{heat})
print("one query:", w)
print("its mean:", w @ values)

{_vectors(JAX, p)}
s = q @ k.T{scaled}
{tril("jnp.where", f"jnp.tri({p.tokens}, k={-1 if shifted else 0})", "jnp.inf")}"""
        + f'print("sequence:", jax.nn.softmax(s)[{p.query}])\n',
        keras=_given(KERAS, p)
        + f"""
w = ops.softmax(scores{heat})
print("one query:", [float(v) for v in w])
print("its mean:", [float(v) for v in w @ values])

{_vectors(KERAS, p)}
s = q @ ops.transpose(k){scaled}  # ops.matmul may round to float32
{tril("ops.where", f"ops.tril(ops.ones({ones}){shifted})", 'float("inf")')}"""
        + f'print("sequence:", [float(v) for v in ops.softmax(s)[{p.query}]])\n',
        xent=_given(XENT, p)
        + f"""
w = xent.softmax(scores{f", temperature={p.temperature!r}" if heat else ""})
print("one query:", w)
print("its mean:", w @ values)

{_vectors(XENT, p)}
s = q @ k.T{scaled}
{np_mask}print("sequence:", xent.softmax(s)[{p.query}])
""",
    )


def _given(d: Dialect, p: Problem) -> str:
    return f"""scores = {d.array(p.scores)}
values = {d.array(p.values)}
"""


def _vectors(d: Dialect, p: Problem) -> str:
    drawn = f"[[source.gauss(0, 1) for _ in range({p.drawn})][:{p.size}] for _ in range({p.tokens})]"
    return f"""source = random.Random({p.seed})
q, k = ({d.opens}({drawn}{d.closes}) for _ in "qk")"""
