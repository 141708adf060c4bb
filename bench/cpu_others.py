"""The rest of the family beside PyTorch's: other types, binary and focal loss, softmax and its relatives."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import timing
from bench.cpu_cases import FORWARD, GRADIENT, SEED, Case, Reference, case, sampled
from bench.cpu_contenders import HALF, by_backward, needs
from bench.cpu_limits import cores, limits
from bench.cpu_rows import BUDGET, QUICKLY, Row, Say, losses, measure

GAMMA = 2.0
Builders = dict[str, Callable[[], timing.Run]]


def others(*, quick: bool, say: Say) -> list[Row]:
    """Measure all of them, all threads, one input in memory at a time."""
    n, k = (512, 1000) if quick else (65536, 1000)
    rows: list[Row] = []
    for dtype in ("float64", "float16", "bfloat16"):
        names = HALF if dtype != "float64" else (*HALF, "SciPy")
        rows += losses(case(n, k, dtype=dtype), quick=quick, names=names, say=say, one=False)
        gc.collect()
    rows += probabilities(case(n, k), quick=quick, say=say)
    gc.collect()
    return rows + binary(50_000 if quick else 10_000_000, quick=quick, say=say)


def probabilities(c: Case, *, quick: bool, say: Say) -> list[Row]:
    """Measure softmax, log_softmax and logsumexp along the last axis."""
    torch, special = needs("torch"), needs("scipy.special")
    import xent

    z, tensor = c.numpy, c.torch[0]
    at, (n, k) = sampled(c.shape[0]), c.shape
    exact = z[at].astype(np.float64)
    rows: list[Row] = []
    for name in ("softmax", "log_softmax", "logsumexp"):
        builders: Builders = {
            "xent": partial(_array, partial(getattr(xent, name), z)),
            "torch": partial(_array, partial(getattr(torch, name), tensor, -1)),
            "SciPy": partial(_array, partial(getattr(special, name), z, axis=-1)),
        }
        right = Reference(None, at, _exact(name, exact), 1.0, 1e-4)
        bounds = limits(c, FORWARD if name == "logsumexp" else GRADIENT, cores())
        rows.append(_row(name, {"rows": n, "classes": k}, "values", builders, right, bounds, quick, say))
    return rows


def _exact(name: str, z: np.ndarray) -> np.ndarray:
    top = z.max(axis=1, keepdims=True)
    lse = top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    return {"softmax": np.exp(z - lse), "log_softmax": z - lse, "logsumexp": lse[:, 0]}[name]


def _array(call: Callable[[], Any]) -> timing.Run:
    return lambda: (None, call())


def binary(n: int, *, quick: bool, say: Say) -> list[Row]:
    """Measure binary cross-entropy and binary focal loss of n logits: forward alone and with the gradient."""
    torch = needs("torch")
    functional = needs("torch.nn.functional")
    import xent

    rng = np.random.default_rng([SEED, n])
    z = rng.standard_normal(n, dtype=np.float32) * 3
    y = rng.integers(0, 2, n).astype(np.float32)
    c = Case(z[:, None], y, "float32")  # the same memory; classes are not what the second axis is here

    def focal(x: Any, t: Any) -> Any:
        each = functional.binary_cross_entropy_with_logits(x, t, reduction="none")
        p = torch.sigmoid(x)
        return ((1 - (p * t + (1 - p) * (1 - t))) ** GAMMA * each).mean()

    pairs = {
        "binary cross-entropy": (
            (xent.binary_cross_entropy, xent.binary_cross_entropy_with_grad, {}),
            ("binary_cross_entropy_with_logits", {}, functional.binary_cross_entropy_with_logits),
        ),
        "binary focal loss": (
            (xent.focal_loss, xent.focal_loss_with_grad, {"gamma": GAMMA}),
            ("focal_loss", {"gamma": GAMMA}, focal),
        ),
    }
    rows: list[Row] = []
    for what, ((loss, pair, options), (name, in_torch, peer)) in pairs.items():
        right = _binary_reference(z, y, GAMMA if options else 0.0)
        flat = Case(z, y, "float32")
        for mode in (FORWARD, GRADIENT):
            call = partial(loss if mode == FORWARD else pair, z, y, **options)
            builders: Builders = {
                "xent": partial(_as_pair if mode == FORWARD else _as_it_is, call),
                "xent.torch": partial(_in_torch, name, in_torch, flat, mode),
                "torch": partial(by_backward, peer, flat, mode),
            }
            bounds = limits(c, mode, cores())
            rows.append(_row(what, {"rows": n}, mode, builders, right, bounds, quick, say))
    return rows


def _in_torch(name: str, options: dict[str, float], c: Case, mode: str) -> timing.Run:
    module = needs("xent.torch")
    return by_backward(partial(getattr(module, name), **options), c, mode)


def _as_pair(call: Callable[[], Any]) -> timing.Run:
    return lambda: (call(), None)


def _as_it_is(call: Callable[[], Any]) -> timing.Run:
    return call


def _binary_reference(z: np.ndarray, y: np.ndarray, gamma: float) -> Reference:
    """Mean of (1 − p_t)^γ · (−log p_t) in float64, and its slope at sampled elements."""
    s = np.where(y == 1, 1.0, -1.0)

    def each(x: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cost = np.logaddexp(0, -sign * x)
        q = np.exp(-np.logaddexp(0, sign * x))  # 1 − p_t
        return q**gamma * cost, -sign * q**gamma * (q + gamma * (1 - q) * cost)

    at = sampled(len(z))
    total = sum(
        float(each(z[i : i + 1_000_000].astype(np.float64), s[i : i + 1_000_000])[0].sum())
        for i in range(0, len(z), 1_000_000)
    )
    return Reference(total / len(z), at, each(z[at].astype(np.float64), s[at])[1], float(len(z)), 1e-4)


def _row(
    what: str,
    size: dict[str, int],
    mode: str,
    builders: Builders,
    right: Reference,
    bounds: dict[str, dict[str, timing.Run]],
    quick: bool,
    say: Say,
) -> Row:
    elements = size["rows"] * size.get("classes", 1)
    about = {"what": what, **size, "dtype": "float32", "mode": mode, "threads": "all", "elements": elements}
    budget = BUDGET["one", GRADIENT] * (QUICKLY if quick else 1)
    return measure(about, builders, right=right, bounds=bounds, budget=budget, say=say)
