"""Predictions whose truth is known: labels drawn from the model's own probabilities, and real held-out ones."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def drawn(rng: np.random.Generator, z: Array) -> Array:
    """Labels from softmax(z), by Gumbel's trick, in pieces."""
    y = np.empty(len(z), np.int64)
    step = max(2**22 // z.shape[1], 1)
    for i in range(0, len(z), step):
        part = z[i : i + step]
        y[i : i + step] = (part + rng.gumbel(size=part.shape)).argmax(axis=1)
    return y


def spread(
    rng: np.random.Generator, n: int, k: int, scale: float, prior: Array | None = None
) -> tuple[Array, Array]:
    """Logits without structure, and labels drawn from them: calibrated by construction."""
    z = (rng.standard_normal((n, k), np.float32) * np.float32(scale)).astype(np.float32)
    if prior is not None:
        z += np.log(prior).astype(np.float32)
    return z, drawn(rng, z)


def classes(
    rng: np.random.Generator, n: int, k: int, apart: float, prior: Array | None = None
) -> tuple[Array, Array]:
    """Gaussian classes and their exact posterior: calibrated, with a structure of near and far classes."""
    d = min(k, 16)
    centres = rng.normal(size=(k, d)) * apart
    y = rng.choice(k, n, p=prior)
    x = centres[y] + rng.normal(size=(n, d))
    z = x @ centres.T - (centres**2).sum(axis=1) / 2
    if prior is not None:
        z = z + np.log(prior)
    return z.astype(np.float32), y


def uneven(k: int, steep: float = 1.0) -> Array:
    """Frequencies that fall as a power of the class's number."""
    p = 1 / np.arange(1, k + 1) ** steep
    return p / p.sum()


def tokens(rng: np.random.Generator, b: int, t: int, v: int, scale: float = 3.0) -> tuple[Array, Array]:
    z, y = spread(rng, b * t, v, scale, uneven(v, 0.7))
    return z.reshape(b, t, v), y.reshape(b, t)


REAL = {
    "digits": ("logistic", "forest", "bayes", "network", "neighbours"),
    "wine": ("logistic", "forest", "bayes"),
    "iris": ("logistic", "forest", "bayes"),
    "breast_cancer": ("logistic", "forest", "bayes", "network"),
}


@cache
def real(data: str, model: str, seed: int) -> tuple[Array, Array]:
    """Probabilities of held-out rows, and their labels, of scikit-learn's own small data."""
    import sklearn.datasets
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(sklearn.datasets, f"load_{data}")(return_X_y=True)
    one, two, yes, no = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    fitted = make_pipeline(
        StandardScaler(),
        {
            "logistic": LogisticRegression(C=0.1, max_iter=500),
            "forest": RandomForestClassifier(100, random_state=seed, min_samples_leaf=2),
            "bayes": GaussianNB(),
            "network": MLPClassifier((32,), alpha=1.0, max_iter=120, random_state=seed, early_stopping=True),
            "neighbours": KNeighborsClassifier(15),
        }[model],
    ).fit(one, yes)
    return np.asarray(fitted.predict_proba(two), np.float64), np.asarray(no, np.int64)


BASES: tuple[tuple[int, int, float] | tuple[str, str, int], ...] = (
    (10, 3000, 0.9), ("digits", "logistic", 7), (3, 1200, 1.6), (100, 4000, 0.9), (10, 800, 1.1),
    ("digits", "network", 8), (5, 2000, 0.9), (1000, 1500, 1.1),
)  # fmt: skip
"""What sabotage starts from: classes, rows and distance of the classes; or real data, model and split."""


def base(seed: int) -> tuple[np.random.Generator, Array, Array]:
    """Give a generator, logits and labels that nothing is wrong with."""
    rng, which = np.random.default_rng(1000 + seed), BASES[seed % len(BASES)]
    if isinstance(which[0], str):
        p, y = real(*which)
        z = np.log(np.maximum(p, 1e-30))
        return rng, (z - z.mean(axis=1, keepdims=True)).astype(np.float32), y.copy()
    k, n, apart = which
    return rng, *classes(rng, int(n), int(k), float(apart))
