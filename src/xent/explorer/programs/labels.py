"""A batch as programs: its losses reduced as the state says, with ignored rows and class weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab

IGNORED = -100
"""The label of a row that does not count: PyTorch's default."""


@dataclass(frozen=True)
class Problem:
    """Rows of logits with their labels and their targets, whether each counts, class weights, and a reduction.

    ``form`` is ``"index"``, ``"one_hot"`` or ``"soft"``; ``by`` what the mean divides by: ``"weights"``,
    ``"rows"``, ``"all"``, or ``"sum"`` for nothing. ``empty`` is whether it divides by 0.
    """

    logits: Sequence[Sequence[float]]
    labels: Sequence[int]
    targets: Sequence[Sequence[float]]
    used: Sequence[bool]
    weights: Sequence[float]
    form: str
    by: str
    empty: bool

    @property
    def indices(self) -> list[int]:
        """The labels, ignored ones as the frameworks have them."""
        return [y if on else IGNORED for y, on in zip(self.labels, self.used, strict=True)]


def labels(p: Problem) -> list[CodeTab]:
    """Print the reduced loss."""
    calm = 'np.seterr(invalid="ignore")  # no row counts: 0 / 0\n' if p.empty else ""
    below = {"weights": " / (t * w).sum(1)[used].sum()", "rows": " / used.sum()", "all": " / len(z)", "sum": ""}
    traced = {"weights": "(t * w * used[:, None])", "rows": "used", "all": "", "sum": ""}[p.by]
    by_jax = f" / {traced}.sum()" if traced else below[p.by]
    by_keras = f" / ops.sum({traced})" if traced else below[p.by]
    return tabs(
        numpy=_given(p, NUMPY, "np.array", "used = np.array({}) > 0", "np.eye({})[np.where(used, y, 0)]")
        + f"""
log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
seen = (t * w > 0) & used[:, None]  # 0 times the inf of a masked class is 0 here
{calm}loss = -(t * w)[seen] @ log_p[seen]{below[p.by]}
print(loss)
""",
        torch=_torch(p),
        jax=_given(p, JAX, "jnp.array", "used = jnp.array({}) > 0", "jax.nn.one_hot(y, {})")
        + f"""
costs = -t * w * jax.nn.log_softmax(z)
seen = (t * w > 0) & used[:, None]  # 0 times the inf of a masked class is 0 here
loss = jnp.where(seen, costs, 0).sum(){by_jax}
print(loss)
""",
        keras=_given(p, KERAS, "ops.array", "used = ops.array({})", "ops.one_hot(y, {})", "> 0")
        + f"""
costs = -t * w * ops.log_softmax(z)
seen = (t * w * used[:, None]) > 0  # 0 times the inf of a masked class is 0 here
loss = ops.sum(ops.where(seen, costs, 0.0)){by_keras}
print(float(loss))
""",
        xent=_xent(p),
    )


def _given(p: Problem, d: Dialect, whole: str, used: str, hot: str, cast: str = "") -> str:
    head = f"z = {d.array(p.logits)}\nw = {d.array(p.weights)}  # of each class\n"
    if p.form == "index":
        counts = f'ops.cast(y != {IGNORED}, "float64")' if cast else f"y != {IGNORED}"
        return (
            f"{head}y = {whole}({p.indices})  # {IGNORED} is ignored\n"
            f"used = {counts}\nt = {hot.format(len(p.weights))}\n"
        )
    flags = [float(on) for on in p.used]
    return f"{head}t = {d.array(p.targets)}\n{used.format(flags)}  # rows that count\n"


def _xent(p: Problem) -> str:
    indexed, count = p.form == "index", sum(p.used)
    target = f"np.array({p.indices})" if indexed else XENT.array(p.targets)
    options = [f"weight=np.array({list(p.weights)})"]
    if indexed:
        options.append(f"ignore_index={IGNORED}")
    elif count < len(p.used):
        options.append(f"sample_weight=np.array({[float(on) for on in p.used]})")
    if p.by == "sum":
        options.append('reduction="sum"')
    elif p.by == "all":
        options.append(f"denominator={len(p.used)}")
    elif p.by == "rows" and count:  # of no rows, the sum of the weights is 0 as well
        options.append('denominator="rows"' if indexed else f"denominator={count}")
    listed = "".join(f"    {option},\n" for option in options)
    return f"""z = {XENT.array(p.logits)}
target = {target}
loss = xent.cross_entropy(
    z,
    target,
{listed})
print(loss)
"""


def _torch(p: Problem) -> str:
    head = f"z = {TORCH.array(p.logits)}\nw = {TORCH.array(p.weights)}  # of each class\n"
    below = {"rows": " / used.sum()", "all": " / len(z)"}.get(p.by, "")
    if p.form == "index":
        used = f"used = y != {IGNORED}\n" if p.by == "rows" else ""
        reduced = "" if p.by == "weights" else ', reduction="sum"'
        return f"""{head}y = torch.tensor({p.indices})  # {IGNORED} is ignored
{used}loss = F.cross_entropy(z, y, weight=w{reduced}){below}
print(loss.item())
"""
    below = " / ((t * w).sum(1) * used).sum()" if p.by == "weights" else below
    return f"""{head}t = {TORCH.array(p.targets)}
used = {TORCH.array([float(on) for on in p.used])}
costs = torch.where(t * w > 0, -t * w * F.log_softmax(z, dim=1), 0.0)  # F.cross_entropy makes NaN of 0 times -inf
loss = torch.where(used > 0, costs.sum(1), 0.0).sum(){below}
print(loss.item())
"""
