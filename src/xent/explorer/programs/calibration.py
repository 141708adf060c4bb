"""Calibration as programs: the error of the shown rows at the temperature, and the temperature that fits best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """Rows, either by the name they have in the file of the demo, or themselves; and what they are asked.

    ``stated`` is how many rows they are of how many; ``fits`` is whether there is a best temperature.
    """

    demo: str | None
    logits: Sequence[Sequence[float]]
    labels: Sequence[int]
    stated: tuple[int, int]
    temperature: float
    bins: int
    fits: bool


_READ = """data = json.loads(files("xent.explorer.demo").joinpath("digits.json").read_text())
"""


def calibration(p: Problem) -> list[CodeTab]:
    """Print the mean loss and the calibration error at T, then the fitted temperature."""
    n, last, T = p.bins, p.bins - 1, repr(p.temperature)  # noqa: N806

    def search(slope: str) -> str:
        return (
            f"""
low, high = 1 / 64, 64.0  # the loss is convex in 1/T, and its slope there changes sign once
for _ in range(60):
    T = (low * high) ** 0.5
{slope}    low, high = (T, high) if cold else (low, T)
print("fitted T:", T)
"""
            if p.fits
            else ""
        )

    by_hand = """    p = {softmax}
    cold = {mean} > 0
"""
    return tabs(
        first="import json\nfrom importlib.resources import files\n\n" if p.demo else "",
        numpy=_given(NUMPY, p, "np.array({})")
        + f"""

def log_softmax(z):
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


rows = np.arange(len(y))
log_p = log_softmax(z / {T})
sure, hit = np.exp(log_p.max(1)), z.argmax(1) == y
bins = np.minimum(sure * {n}, {last}).astype(int)
print("mean loss:", -log_p[rows, y].mean())
print("error:", abs(np.bincount(bins, hit - sure)).sum() / len(y))
"""
        + search(by_hand.format(softmax="np.exp(log_softmax(z / T))", mean="((p * z).sum(1) - z[rows, y]).mean()")),
        torch=_given(TORCH, p, "torch.tensor({})")
        + f"""
p = torch.softmax(z / {T}, dim=1)
sure, said = p.max(1)
bins = (sure * {n}).long().clamp(max={last})
print("mean loss:", F.cross_entropy(z / {T}, y).item())
print("error:", (torch.bincount(bins, (said == y).double() - sure).abs().sum() / len(y)).item())
"""
        + search(
            by_hand.format(
                softmax="torch.softmax(z / T, dim=1)", mean="((p * z).sum(1) - z[range(len(y)), y]).mean()"
            )
        ),
        jax=_given(JAX, p, "jnp.array({})")
        + f"""
rows = jnp.arange(len(y))
log_p = jax.nn.log_softmax(z / {T})
sure, hit = jnp.exp(log_p.max(1)), z.argmax(1) == y
bins = jnp.minimum(sure * {n}, {last}).astype(int)
print("mean loss:", -log_p[rows, y].mean())
print("error:", abs(jnp.bincount(bins, hit - sure, length={n})).sum() / len(y))
"""
        + search(by_hand.format(softmax="jax.nn.softmax(z / T)", mean="((p * z).sum(1) - z[rows, y]).mean()")),
        keras=_given(KERAS, p, "ops.array({})")
        + f"""
hot = ops.one_hot(y, z.shape[1])
p = ops.softmax(z / {T})
sure, hit = ops.max(p, 1), ops.cast(ops.argmax(z, 1) == ops.cast(y, "int64"), "float64")
bins = ops.minimum(ops.cast(sure * {n}, "int32"), {last})
print("mean loss:", float(ops.sum(ops.categorical_crossentropy(hot, z / {T}, from_logits=True))) / len(y))
print("error:", float(ops.sum(abs(ops.sum(ops.one_hot(bins, {n}) * (hit - sure)[:, None], 0)))) / len(y))
"""
        + search(by_hand.format(softmax="ops.softmax(z / T)", mean="float(ops.sum((p - hot) * z))")),
        xent=_given(XENT, p, "np.array({})")
        + f"""
error = calibration.expected_calibration_error(z / {T}, y, bins={n})
print("mean loss:", xent.cross_entropy(z, y, temperature={T}))
print("error:", error.value)  # a calibrated model would have error.null
"""
        + ('print("fitted T:", calibration.fit_temperature(z, y).temperature)\n' if p.fits else ""),
    )


def _given(d: Dialect, p: Problem, labels: str) -> str:
    more = "from xent import calibration\n\n" if d is XENT else ""
    if p.demo:
        close = d.closes
        return f"""{more}{_READ}z = {d.opens}(data["models"]["{p.demo}"]["logits"]{close})  # the rows on the page
y = {labels.format('data["labels"]')}
"""
    few, many = p.stated
    note = "all rows" if few == many else f"the first {few} of {many} rows"
    clamp = ""
    if any(v == float("-inf") for row in p.logits for v in row):
        low = {"np.array": "np.maximum(z, -1e9)", "torch.tensor": "z.clamp(min=-1e9)"}
        how = low.get(d.opens, f"{d.opens.partition('.')[0]}.clip(z, -1e9, 1e9)")
        clamp = f"z = {how}  # 0 times a mask of -inf would be NaN\n"
    return f"""{more}z = {d.array(p.logits)}  # {note}
y = {labels.format(list(p.labels))}
{clamp}"""
