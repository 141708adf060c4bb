"""Configurations with nothing wrong, or nothing but what is named: no rule may find anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo import honest

Made = dict[str, Any]


@dataclass(frozen=True)
class Clean:
    """One configuration.

    ``true`` are the codes that say something true of it: a model that is too sure is too sure, and no sabotage.
    ``size`` is its number of scores, by which the quick suite chooses.
    """

    name: str
    make: Callable[[], Made]
    size: int
    true: frozenset[str] = field(default=frozenset())


SHAPES = ((50, 3), (50, 10), (300, 2), (300, 10), (2000, 3), (2000, 10), (2000, 100), (20_000, 10), (3000, 1000))
MORE = ((100_000, 10), (20_000, 100), (1_000_000, 2), (1_000_000, 10), (256, 50_257), (600, 50_257))


def clean() -> Iterator[Clean]:
    """Every configuration, in a fixed order."""
    yield from _drawn()
    yield from _gaussian()
    yield from _forms()
    yield from _real()


def _one(name: str, size: int, true: str, make: Callable[[np.random.Generator], Made]) -> Clean:
    seed = int.from_bytes(name.encode(), "little") % 2**63
    return Clean(name, lambda: make(np.random.default_rng(seed)), size, frozenset(true.split()))


def _scores(z: Any, y: Any, **more: Any) -> Made:
    return {"scores": z, "labels": y, "kind": "logits"} | more


def _drawn() -> Iterator[Clean]:
    """Labels drawn from the probabilities, of every strength."""
    styles: dict[str, tuple[str, Callable[..., Made]]] = {
        "untrained": ("XE506", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 0.01))),
        "weak": ("", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 1.0))),
        "middling": ("", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 3.0))),
        "strong": ("", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 10.0))),
        "very strong": ("", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 40.0))),
        "imbalanced": ("", lambda rng, n, k: _scores(*honest.spread(rng, n, k, 2.0, honest.uneven(k, 1.5)))),
        "too sure": ("XE501 XE507", _too_sure),
        "not sure enough": ("XE501", lambda rng, n, k: _too_sure(rng, n, k, 0.5)),
        "too sure, imbalanced": ("XE501 XE507", lambda rng, n, k: _too_sure(rng, n, k, 1.6, honest.uneven(k))),
        "smoothed": ("XE501", _smoothed),
        "noisy, and the model knows": ("", _known_noise),
    }
    for style, (true, make) in styles.items():
        for n, k in SHAPES:
            yield _one(f"{style}, {n} × {k}", n * k, true, lambda rng, n=n, k=k, make=make: make(rng, n, k))
    for style in ("weak", "strong", "imbalanced"):
        true, make = styles[style]
        for n, k in MORE:
            yield _one(f"{style}, {n} × {k}", n * k, true, lambda rng, n=n, k=k, make=make: make(rng, n, k))


def _too_sure(rng: np.random.Generator, n: int, k: int, by: float = 2.0, prior: Any = None) -> Made:
    z, y = honest.spread(rng, n, k, 2.0, prior)
    return _scores(z * np.float32(by), y)


def _smoothed(rng: np.random.Generator, n: int, k: int) -> Made:
    z, y = honest.spread(rng, n, k, 6.0)
    return _scores(np.log(0.9 * honest.softmax(z) + 0.1 / k).astype(np.float32), y)


def _known_noise(rng: np.random.Generator, n: int, k: int) -> Made:
    z, y = honest.spread(rng, n, k, 8.0)
    y = np.where(rng.random(n) < 0.1, rng.integers(0, k, n), y)
    return _scores(np.log(0.9 * honest.softmax(z) + 0.1 / k).astype(np.float32), y)


def _gaussian() -> Iterator[Clean]:
    """Classes that lie near and far from each other, and the exact posterior."""
    for apart in (0.15, 0.5, 1.0, 2.0):
        for n, k in ((50, 2), (400, 3), (400, 10), (3000, 10), (3000, 100), (20_000, 5), (4000, 300)):
            yield _one(
                f"Gaussian at {apart}, {n} × {k}", n * k, "XE506" if apart < 0.2 else "",
                lambda rng, n=n, k=k, a=apart: _scores(*honest.classes(rng, n, k, a)),
            )  # fmt: skip
            if k > 2 and apart > 0.2:
                yield _one(
                    f"imbalanced Gaussian at {apart}, {n} × {k}", n * k, "",
                    lambda rng, n=n, k=k, a=apart: _scores(*honest.classes(rng, n, k, a, honest.uneven(k))),
                )  # fmt: skip


def _forms() -> Iterator[Clean]:
    """Other kinds, types, orders and tasks."""
    for i in range(4):
        for form, make in FORMS.items():
            yield _one(f"{form}, {i}", 20_000, "", lambda rng, make=make: make(rng))


def _sorted_rows(rng: np.random.Generator) -> Made:
    z, y = honest.classes(rng, 3000, 10, 0.6)
    order = np.argsort(y, kind="stable")
    return _scores(z[order], y[order])


def _slow_rows(rng: np.random.Generator) -> Made:
    """Rows that resemble their neighbours, as frames of a film do."""
    steps = rng.normal(size=(3000, 5)) * 0.6
    z = np.empty_like(steps)
    z[0] = steps[0]
    for i in range(1, 3000):
        z[i] = 0.97 * z[i - 1] + steps[i]
    return _scores(z.astype(np.float32), honest.drawn(rng, z))


def _binary(rng: np.random.Generator, shift: float = 0.0) -> Made:
    z = rng.normal(size=4000) * 2 + shift
    return _scores(z, (rng.random(4000) < 1 / (1 + np.exp(-z))).astype(np.int64))


def _multi_label(rng: np.random.Generator) -> Made:
    z = rng.normal(size=(800, 12)) * 2 - 1
    return _scores(z, (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(np.int64))


def _tokens(rng: np.random.Generator, ignored: bool = False) -> Made:
    z, y = honest.tokens(rng, 24, 40, 60)
    if ignored:
        for row in y:
            row[rng.integers(10, 40) :] = -100
    return _scores(z, y)


def _as_probabilities(rng: np.random.Generator) -> Made:
    z, y = honest.classes(rng, 2000, 10, 0.8)
    return {"scores": honest.softmax(z.astype(np.float64)), "labels": y, "kind": "probs"}


def _as_logarithms(rng: np.random.Generator) -> Made:
    z, y = honest.classes(rng, 2000, 10, 0.8)
    return {"scores": np.log(honest.softmax(z.astype(np.float64))), "labels": y, "kind": "log-probs"}


FORMS: dict[str, Callable[[np.random.Generator], Made]] = {
    "sorted by class": _sorted_rows,
    "slow in time": _slow_rows,
    "binary": _binary,
    "rare positives": lambda rng: _binary(rng, -4.0),
    "multi-label": _multi_label,
    "tokens": _tokens,
    "tokens, ends ignored": lambda rng: _tokens(rng, ignored=True),
    "probabilities": _as_probabilities,
    "log-probabilities": _as_logarithms,
    "float64": lambda rng: _scores(*(lambda z, y: (z.astype(np.float64), y))(*honest.classes(rng, 1500, 8, 0.8))),
}


def _real() -> Iterator[Clean]:
    """Held-out predictions of real data; real models are too sure or not sure enough, which is true of them.

    Naive Bayes is so sure that it is worse than the prior, and by class: one bias a class helps it much.
    """
    for data, models in honest.REAL.items():
        for model in models:
            for seed in range(3):

                def make(data: str = data, model: str = model, seed: int = seed) -> Made:
                    p, y = honest.real(data, model, seed)
                    with np.errstate(divide="ignore"):
                        return {"scores": np.log(np.maximum(p, 1e-30)), "labels": y, "kind": "log-probs"}

                true = frozenset({"XE501"} | ({"XE503", "XE507"} if model == "bayes" else set()))
                yield Clean(f"{data}, {model}, split {seed}", make, 10_000, true)
