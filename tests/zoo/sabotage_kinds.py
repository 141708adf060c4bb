"""Positives of XE101–XE117, XE401–XE407 and of the reported loss: what makes each of them from good predictions.

A function takes a random generator, logits (N, K) and labels (N,) of a model that is sound, and gives the arguments
of :func:`xent.audit` as a dict with "scores" and "labels". Some need another shape (one column, many classes) and
draw their own rows, as many.
"""
# ruff: noqa: ARG001 - all have one signature

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import xent

Sabotage = Callable[[np.random.Generator, np.ndarray, np.ndarray], dict]
POSITIVES: dict[str, Sabotage] = {}
"""By code."""


def positive(code: str) -> Callable[[Sabotage], Sabotage]:
    def enter(make: Sabotage) -> Sabotage:
        POSITIVES[code] = make
        return make

    return enter


def suits(code: str, logits: np.ndarray, labels: np.ndarray) -> bool:
    """Whether these predictions can show it: some faults need a model that knows something, or enough rows."""
    n, k = logits.shape
    right = (logits.argmax(axis=1) == labels).mean()
    if code == "XE102":  # what was recovered must be seen to be better
        p = xent.softmax(logits)
        peak = np.quantile(p.max(axis=1), 0.9) >= (0.55 if k > 2 else 0.92)
        return bool(n >= 100 and peak and right - softmaxed(p).max(axis=1).mean() > 0.1)
    if code == "XE103":
        z, y = binary(logits, labels)
        return bool(n >= 100 and ((z > 0) == y).mean() > max(y.mean(), 1 - y.mean()) + 0.05)
    if code == "XE108":  # two of them, centred, sum to 1
        return bool(n >= 100 and k > 2 and right > 1.5 / k)
    if code == "XE109":
        return n >= 64
    if code == "XE107":
        return n >= 32
    if code == "XE115":  # of two centred scores one is cut, as if the least had been subtracted
        return n * k >= 1200 and k > 2
    if code in ("XE303", "XE311", "XE390", "XE607"):
        return n >= 100 and n * k <= 2**20
    return True


def softmaxed(p: np.ndarray) -> np.ndarray:
    return np.asarray(xent.softmax(p))


def binary(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One class of several against the rest: its log-odds, and whether it is right."""
    one = int(np.bincount(labels, minlength=logits.shape[1]).argmax())
    others = np.delete(logits, one, axis=1)
    return logits[:, one] - np.asarray(xent.logsumexp(others)), (labels == one).astype(int)


def rounded_loss(loss: float) -> float:
    """As a program prints it: nine significant digits, so that zeros at the end are rare."""
    return float(f"{loss:.9g}")


# ---------------------------------------------------------------------------------------------------- XE101–XE117


@positive("XE101")
def _(rng, logits, labels):
    return {
        "scores": xent.softmax(logits).astype(rng.choice([np.float32, np.float64])),
        "labels": labels,
        "kind": "logits",
    }


@positive("XE102")
def _(rng, logits, labels):
    q = softmaxed(xent.softmax(logits))
    return {"scores": q.astype(rng.choice([np.float32, np.float64])), "labels": labels}


@positive("XE103")
def _(rng, logits, labels):
    z, y = binary(logits, labels)
    p = np.asarray(xent.sigmoid(z))
    if rng.random() < 0.5:
        return {"scores": p, "labels": y, "kind": "logits"}
    return {"scores": np.asarray(xent.sigmoid(p)), "labels": y, "kind": "probs"}


@positive("XE104")
def _(rng, logits, labels):
    raw = logits + rng.normal(1, 1, size=(len(logits), 1))  # no logarithms of probabilities
    return {"scores": raw, "labels": labels, "kind": str(rng.choice(["probs", "log-probs"]))}


@positive("XE105")
def _(rng, logits, labels):
    return {"scores": xent.log_softmax(logits).astype(np.float32), "labels": labels, "kind": "logits"}


@positive("XE106")
def _(rng, logits, labels):
    base = rng.choice([2.0, 10.0])
    kind = str(rng.choice(["logits", "log-probs"]))
    return {"scores": xent.log_softmax(logits) / np.log(base), "labels": labels, "kind": kind}


@positive("XE107")
def _(rng, logits, labels):
    n = len(logits)
    batch = int(rng.choice([b for b in (8, 10, 16, 32, 50, 64) if 2 * b <= n]))
    parts = np.array_split(logits[: n // batch * batch], n // batch)
    p = np.concatenate([xent.softmax(part, axis=0) for part in parts])
    more = {} if rng.random() < 0.5 else {"kind": "probs"}
    return {"scores": p, "labels": labels[: len(p)], **more}


@positive("XE108")
def _(rng, logits, labels):
    z = logits - logits.mean(axis=1, keepdims=True)
    return {
        "scores": xent.sigmoid(z * max(1.0, 2 / z.std())),
        "labels": labels,
        "kind": str(rng.choice(["probs", "logits"])),
    }


@positive("XE109")
def _(rng, logits, labels):
    z, at = logits * max(1.0, 2 / logits.std()), int(rng.integers(16, len(logits) - 16))
    mixed = z + rng.normal(1, 1, size=(len(z), 1))  # no logarithms of probabilities
    mixed[at:] = xent.softmax(z[at:]) if rng.random() < 0.7 else xent.log_softmax(z[at:])
    return {"scores": mixed, "labels": labels, "kind": "logits"}


@positive("XE110")
def _(rng, logits, labels):
    return {"scores": np.eye(logits.shape[1])[logits.argmax(axis=1)], "labels": labels, "kind": "probs"}


@positive("XE111")
def _(rng, logits, labels):
    eps = 10.0 ** -rng.integers(4, 9)
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.asarray(xent.softmax(z * max(1.0, 12 / abs(z).mean())))
    return {
        "scores": np.clip(p, eps, 1).astype(rng.choice([np.float32, np.float64])),
        "labels": labels,
        "kind": "probs",
    }


@positive("XE112")
def _(rng, logits, labels):
    return {"scores": np.round(xent.softmax(logits), int(rng.integers(2, 5))), "labels": labels, "kind": "probs"}


@positive("XE113")
def _(rng, logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    return {
        "scores": np.asarray(xent.softmax(z * 200 / z.std())).astype(np.float32),
        "labels": labels,
        "kind": "probs",
    }


@positive("XE114")
def _(rng, logits, labels):
    if rng.random() < 0.5:
        return {"scores": np.ones((len(labels), 1)), "labels": (labels == labels[0]).astype(int), "kind": "probs"}
    return {
        "scores": logits[:, :1] - np.median(logits[:, 0]),
        "labels": np.zeros(len(labels), int),
        "kind": "logits",
    }


@positive("XE115")
def _(rng, logits, labels):
    return {
        "scores": np.maximum(logits - logits.mean(axis=1, keepdims=True), 0),
        "labels": labels,
        "kind": "logits",
    }


@positive("XE116")
def _(rng, logits, labels):
    n, k = logits.shape
    whole = -(-(k + 1) // 64) * 64
    if whole - k >= whole / 2:  # more padding than classes: take more classes
        more = rng.normal(size=(n, whole - k - 5)) + logits.min(axis=1, keepdims=True)
        logits, k = np.concatenate([logits, more], axis=1), whole - 5
    pad = np.full((n, whole - k), rng.choice([0.0, -1.5]))
    return {"scores": np.concatenate([logits, pad], axis=1), "labels": labels, "kind": "logits"}


@positive("XE117")
def _(rng, logits, labels):
    n = len(labels)
    z = rng.normal(size=(n, 400)) * rng.uniform(2.5, 4)
    lp, k = np.asarray(xent.log_softmax(z)), int(rng.choice([5, 10, 20]))
    top = -np.sort(-lp, axis=1)[:, :k]
    return {"scores": top, "labels": rng.integers(0, k, n), "kind": "log-probs"}


# ---------------------------------------------------------------------------------------------------- XE401–XE407


@positive("XE401")
def _(rng, logits, labels):
    z = logits.copy()
    z[rng.choice(len(z), max(1, len(z) // 50), replace=False)] = rng.choice([np.nan, np.inf])
    return {"scores": z, "labels": labels, "kind": "logits"}


@positive("XE402")
def _(rng, logits, labels):
    z = logits.copy()
    rows = rng.choice(len(z), max(1, len(z) // 50), replace=False)
    z[rows, labels[rows]] = -np.inf
    return {"scores": z, "labels": labels, "kind": "logits"}


@positive("XE403")
def _(rng, logits, labels):
    z = np.clip(logits * (80_000 / logits.max()), -65504, 65504)
    return {"scores": z.astype(np.float16), "labels": labels, "kind": "logits"}


@positive("XE404")
def _(rng, logits, labels):
    z = (logits + rng.uniform(5, 15) * logits.std()).astype(
        np.float32
    )  # a common shift costs digits and changes nothing else
    bits = z.view(np.uint32)
    return {
        "scores": ((bits + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32),
        "labels": labels,
        "kind": "logits",
    }


@positive("XE405")
def _(rng, logits, labels):
    return {"scores": logits + rng.choice([-80.0, 70.0]), "labels": labels, "kind": "logits"}


@positive("XE406")
def _(rng, logits, labels):
    z = logits - logits.max(axis=1, keepdims=True)
    z = (z * 150 / abs(z).max(axis=1).mean()).astype(np.float32)
    with np.errstate(divide="ignore"):
        return {"scores": np.log(np.asarray(xent.softmax(z))), "labels": labels, "kind": "log-probs"}


@positive("XE407")
def _(rng, logits, labels):
    p = np.asarray(xent.softmax(logits))
    return {"scores": logits, "labels": labels, "kind": "logits",
            "loss": rounded_loss(-p[np.arange(len(p)), labels].mean())}  # fmt: skip


# ---------------------------------------------------------------------------------------------- the reported loss


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.asarray(xent.cross_entropy(logits, labels, reduction="none"))


@positive("XE303")
def _(rng, logits, labels):
    steps = int(rng.choice([4, 8, 16]))
    return {"scores": logits, "labels": labels, "kind": "logits",
            "loss": rounded_loss(losses(logits, labels).mean() / steps)}  # fmt: skip


@positive("XE311")
def _(rng, logits, labels):
    each, n = losses(logits, labels), len(labels)
    batch = int(rng.choice([b for b in (16, 32, 64) if b < n and n % b]))
    means = [each[i : i + batch].mean() for i in range(0, n, batch)]
    return {"scores": logits, "labels": labels, "kind": "logits", "loss": rounded_loss(np.mean(means))}


@positive("XE390")
def _(rng, logits, labels):
    p = np.asarray(xent.softmax(logits))
    loss = {
        0: lambda: losses(p, labels).mean(),
        1: lambda: -np.log(np.maximum(p[np.arange(len(p)), labels], 1e-2)).mean(),
        2: lambda: losses(logits[:-1], labels[1:]).mean(),
        3: lambda: losses(logits, labels).mean() / np.log(10),
    }[int(rng.integers(4))]()
    return {"scores": logits, "labels": labels, "kind": "logits", "loss": rounded_loss(loss)}


@positive("XE607")
def _(rng, logits, labels):
    each, n, batch = losses(logits, labels), len(labels), 32
    means = np.array([each[i : i + batch].mean() for i in range(0, n, batch)])
    return {"scores": logits, "labels": labels, "kind": "logits", "loss": rounded_loss(np.exp(means).mean())}
