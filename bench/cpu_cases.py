"""The inputs of ``python -m bench cpu``, and the right answers that contenders are held to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

LARGE = ((65536, 1000), (4096, 32000), (1024, 128256), (200_000, 100), (6_000_000, 10), (20_000_000, 3))
CALLS = ((32, 10), (256, 100), (32, 1000), (2000, 1000))  # caches hold them: the call counts, and no limit is near
SIZES = (*LARGE, *CALLS)
QUICK = ((512, 1000), (16, 32000), (8, 128256), (1600, 100), (30_000, 10), (60_000, 3), *CALLS[:3])
DATA = {
    "spread": "logits normal × 3, labels uniform: spread like a trained model's, most rows wrong",
    "random": "logits normal × 1, labels uniform: an untrained model",
    "peaked": "logits normal × 3 with 12 added at the label: a model that is nearly always right",
}
SEED = 20_261_124
FORWARD, GRADIENT = "forward", "loss + gradient"
TOLERANCE = {"float32": 1e-4, "float64": 1e-9, "float16": 2e-2, "bfloat16": 2e-2}
_CHUNK = 4_000_000  # elements of float64 that the reference holds at a time


class Skipped(Exception):  # noqa: N818 - not an error: a contender that does not take part, and why
    """A contender that cannot take part in a row, with the reason."""


@dataclass(frozen=True)
class Case:
    """One input. NumPy has no bfloat16: then ``logits`` are float32 numbers that bfloat16 holds exactly."""

    logits: np.ndarray
    labels: np.ndarray
    dtype: str
    data: str = "spread"

    @property
    def shape(self) -> tuple[int, int]:
        return self.logits.shape[0], self.logits.shape[1]

    @property
    def numpy(self) -> np.ndarray:
        if self.dtype == "bfloat16":
            raise Skipped("NumPy has no bfloat16")
        return self.logits

    @cached_property
    def torch(self) -> tuple[Any, Any]:
        import torch

        z = torch.from_numpy(self.logits)
        return (z.to(torch.bfloat16) if self.dtype == "bfloat16" else z), torch.from_numpy(self.labels)

    @cached_property
    def jax(self) -> tuple[Any, Any]:
        if self.dtype == "float64":
            raise Skipped("JAX computes in float32 unless x64 is switched on for the whole process")
        import jax.numpy as jnp

        return jnp.asarray(self.logits, dtype=self.dtype), jnp.asarray(self.labels.astype(np.int32))

    @cached_property
    def probabilities(self) -> np.ndarray:
        from scipy.special import softmax

        return softmax(self.numpy, axis=1)


def case(rows: int, classes: int, *, dtype: str = "float32", data: str = "spread") -> Case:
    """Make an input; the same arguments give the same numbers."""
    rng = np.random.default_rng([SEED, rows, classes])
    z = rng.standard_normal((rows, classes), dtype=np.float32)
    labels = rng.integers(0, classes, rows)
    if data != "random":
        z *= 3
    if data == "peaked":
        z[np.arange(rows), labels] += 12
    if dtype == "bfloat16":
        z.view(np.uint32)[...] &= 0xFFFF0000
        return Case(z, labels, dtype, data)
    return Case(z.astype(dtype, copy=False), labels, dtype, data)


@dataclass(frozen=True)
class Reference:
    """What a result must be: its value, and a sample of the rows of its array times ``scale``."""

    value: float | None
    rows: np.ndarray
    want: np.ndarray | None
    scale: float
    tolerance: float

    def errors(self, value: Any, array: Any) -> dict[str, float]:
        """Compare: the value's error relative to it (at least 0.01), and the array's largest error times scale."""
        errors: dict[str, float] = {}
        if value is not None and self.value is not None:
            errors["value"] = abs(float(value) - self.value) / max(abs(self.value), 0.01)
        if array is not None and self.want is not None:
            got = float64(array[self.rows]) * self.scale
            errors["array"] = float(np.max(np.abs(got - self.want)))
        return errors

    def agrees(self, errors: dict[str, float]) -> bool:
        return all(e <= self.tolerance for e in errors.values())  # NaN does not agree


def float64(a: Any) -> np.ndarray:
    """Widen an array of any framework; uint16 are the bits of bfloat16."""
    if isinstance(a, np.ndarray) and a.dtype == np.uint16:
        return (a.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if type(a).__module__.startswith("torch"):
        return a.detach().double().numpy()
    return np.asarray(a).astype(np.float64)


def sampled(rows: int) -> np.ndarray:
    return np.unique(np.linspace(0, rows - 1, 64).astype(np.int64))


def reference(c: Case) -> Reference:
    """Compute mean loss and sampled gradient rows in float64, by shares of no contender's code."""
    n, k = c.shape
    total, step = 0.0, max(1, _CHUNK // k)
    for i in range(0, n, step):
        z, y = c.logits[i : i + step].astype(np.float64), c.labels[i : i + step]
        z -= z.max(axis=1, keepdims=True)
        own = z[np.arange(len(y)), y]
        total += float((np.log(np.exp(z, out=z).sum(axis=1)) - own).sum())
    at = sampled(n)
    p = c.logits[at].astype(np.float64)
    p = np.exp(p - p.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(at)), c.labels[at]] -= 1
    return Reference(total / n, at, p, float(n), TOLERANCE[c.dtype])
