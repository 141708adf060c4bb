"""Cross-entropy of two classes in a format as programs: the formula as it is written, and the exact form."""

from __future__ import annotations

from xent.explorer.programs import tabs
from xent.explorer.view import CodeTab

_NAIVE = """print("naive:", float(-{log}({exp}(z)[0] / {sum}({exp}(z)))))
"""


def precision(name: str, gap: float, shift: float) -> list[CodeTab]:
    """Print the naive loss and the loss by log1p of the tail, both computed in the format."""
    row = f"[{shift + gap!r}, {shift!r}]"
    brain = "import ml_dtypes  # NumPy has no bfloat16 of its own\n\n" if name == "bfloat16" else ""
    numpy_type = "ml_dtypes.bfloat16" if brain else f"np.{name}"
    exact = """tail = {exp}(-abs(z[0] - z[1]))
print("exact:", float({log1p}(tail) + {maximum}(z[1] - z[0], {zero})))  # nothing cancels
"""
    far = abs(gap) + abs(shift) > 8
    calm = (
        'np.seterr(over="ignore", invalid="ignore", divide="ignore")  # inf and NaN are what is shown\n'
        if far
        else ""
    )
    numpy = f"""{brain}{calm}z = np.array({row}, dtype={numpy_type})  # the right class, the other
{_NAIVE.format(log="np.log", exp="np.exp", sum="np.sum")}"""
    torch = f"""z = torch.tensor({row}, dtype=torch.{name})  # the right class, the other
{_NAIVE.format(log="torch.log", exp="torch.exp", sum="torch.sum")}"""
    # xent takes NumPy's own types, and PyTorch's
    by_xent = (
        f'import torch\n\n{torch}print("exact:", float(xent.cross_entropy(z, torch.tensor(0))))\n'
        if brain
        else f'{numpy}print("exact:", xent.cross_entropy(z, np.array(0)))\n'
    )
    return tabs(
        numpy=numpy + exact.format(exp="np.exp", log1p="np.log1p", maximum="max", zero="0"),
        torch=torch
        + exact.format(exp="torch.exp", log1p="torch.log1p", maximum="max", zero="torch.zeros_like(tail)")
        + "# torch.nn.functional.cross_entropy is log-sum-exp: a loss that is small beside 1 becomes 0\n",
        jax=f"""z = jnp.array({row}, dtype=jnp.{name})  # the right class, the other
{_NAIVE.format(log="jnp.log", exp="jnp.exp", sum="jnp.sum")}"""
        + exact.format(exp="jnp.exp", log1p="jnp.log1p", maximum="jnp.maximum", zero="0"),
        keras=f"""z = ops.array({row}, dtype="{name}")  # the right class, the other
{_NAIVE.format(log="ops.log", exp="ops.exp", sum="ops.sum")}"""
        + exact.format(exp="ops.exp", log1p="ops.log1p", maximum="ops.maximum", zero="ops.zeros_like(tail)"),
        xent=by_xent,
    )
