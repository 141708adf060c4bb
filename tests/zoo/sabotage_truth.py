"""What goes wrong with labels, rows, frequencies and calibration: from honest predictions to sabotaged ones.

Each takes a generator, logits (N, K) and labels (N,) that nothing is wrong with, and gives an audit's arguments.
Those that need another task or shape make their own with the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo import honest

Array = NDArray[Any]
Made = dict[str, Any]


def _scores(z: Any, y: Any, **more: Any) -> Made:
    return {"scores": z, "labels": y, "kind": "logits"} | more


def outside(rng: np.random.Generator, z: Array, y: Array) -> Made:
    if rng.random() < 0.5:
        return _scores(z, y + 1)
    y = y.copy()
    y[rng.choice(len(y), 5, replace=False)] = z.shape[1] + rng.integers(0, 5, 5)
    return _scores(z, y)


def extra_output(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    k = int(rng.choice([3, 10, 30]))
    z, y = honest.classes(rng, 40 * k + 400, k, 0.8)
    return _scores(np.concatenate([np.full((len(z), 1), -18.0, np.float32), z], axis=1), y + 1)


def other_order(rng: np.random.Generator, z: Array, y: Array) -> Made:
    k = z.shape[1]
    text = np.argsort([str(i) for i in range(k)], kind="stable")
    shuffled = rng.permutation(k) if k <= 256 else np.roll(np.arange(k), 1)
    orders = [np.roll(np.arange(k), 1), np.roll(np.arange(k), -1), np.arange(k)[::-1], shuffled]
    if k > 10:
        orders += [text, np.argsort(text)]
    if k <= 10:
        swap = np.arange(k)
        swap[[0, 2]] = 2, 0
        orders.append(swap)
    order = orders[rng.integers(len(orders))]
    return _scores(z[:, order], y) if (order != np.arange(k)).any() else _scores(z[:, ::-1], y)


def _binary(rng: np.random.Generator, n: int, shift: float = 0.0, scale: float = 2.0) -> tuple[Array, Array]:
    z = rng.normal(size=n) * scale + shift
    return z, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)


def inverted(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = _binary(rng, int(rng.integers(200, 4000)), shift=float(rng.normal()))
    return _scores(z if rng.random() < 0.5 else np.stack([0 * z, z], axis=1), 1 - y)


def misaligned(rng: np.random.Generator, z: Array, y: Array) -> Made:
    if rng.random() < 0.3:
        return _scores(z, rng.permutation(y))
    return _scores(
        z, np.roll(y, int(rng.choice([-1, 1, 3, -7, 64, 500]) if len(y) > 1500 else rng.choice([-1, 1, 3])))
    )


def token_shift(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    b, t = int(rng.integers(4, 30)), int(rng.integers(24, 80))
    z, y = honest.tokens(rng, b, t, int(rng.choice([40, 200])))
    return _scores(z, np.roll(y, int(rng.choice([1, -1, 2])), axis=1))


def only_two(_rng: np.random.Generator, z: Array, y: Array) -> Made:
    return _scores(z, (y == y[0]).astype(np.int64))


def targets_not_one(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = honest.classes(rng, 300, int(rng.integers(3, 20)), 1.0)
    hot = np.eye(z.shape[1], dtype=np.int64)[y]
    hot[rng.random(hot.shape) < 0.1] = 1
    return {"scores": honest.softmax(z), "labels": hot}


def wrapped(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    k = int(rng.choice([300, 1000, 5000]))
    z, y = honest.classes(rng, 2000, k, 1.2)
    return _scores(z, y.astype(np.uint8))


def padding(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = honest.tokens(rng, 30, 40, 50)
    y[y == 0] = 1
    for i in range(30):
        n = int(rng.integers(12, 41))
        y[i, n:] = 0
        z[i, n:, 0] += 40
    return _scores(z, y)


def nothing_left(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = honest.tokens(rng, 20, 30, 40)
    for i in range(20):
        y[i, : rng.integers(3, 20)] = -100
    y[rng.integers(0, 20)] = -100
    return _scores(z, y)


def sentinel(rng: np.random.Generator, z: Array, y: Array) -> Made:
    y = y.copy()
    y[rng.random(len(y)) < 0.1] = -1 if z.shape[1] > 255 or rng.random() < 0.5 else 255
    return _scores(z, y)


def confidence(rng: np.random.Generator, z: Array, y: Array) -> Made:
    return _scores(z * np.float32(rng.choice([0.4, 0.6, 1.8, 2.5, 4.0])), y)


def divided(rng: np.random.Generator, z: Array, y: Array) -> Made:
    made = _scores(honest.softmax(z.astype(np.float64)) / float(rng.choice([0.5, 1.5, 2.0, 4.0])), y)
    return made if rng.random() < 0.5 else made | {"kind": None}


def weighted(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    k = int(rng.choice([3, 5, 10, 20]))
    prior = honest.uneven(k, float(rng.choice([1.0, 1.5])))
    z, y = honest.classes(rng, 6000, k, 0.5, prior)
    return _scores((z - float(rng.choice([0.5, 1.0, 2.0])) * np.log(prior)).astype(np.float32), y)


def positive_weight(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = _binary(rng, 5000, shift=-float(rng.uniform(1, 3)))
    odds = (1 - y.mean()) / y.mean()
    return _scores(z + np.log(odds) * float(rng.choice([0.5, 1.0, 2.0]) if odds > 4 else 1.0), y)


def collapsed(rng: np.random.Generator, z: Array, y: Array) -> Made:
    k = z.shape[1]
    prior = honest.uneven(k, 1.0)
    y = rng.choice(k, len(y), p=prior)
    constant = np.log(prior) if rng.random() < 0.6 else np.where(np.arange(k) == 0, 8.0, 0.0)
    return _scores((constant + rng.normal(size=z.shape) * 0.01).astype(np.float32), y)


def untrained(rng: np.random.Generator, z: Array, y: Array) -> Made:
    return _scores((rng.normal(size=z.shape) * 0.02).astype(np.float32), y)


def worse(rng: np.random.Generator, z: Array, _y: Array) -> Made:
    z = rng.normal(size=z.shape) * 0.7
    return _scores(z * 6, honest.drawn(rng, z))


def dead(rng: np.random.Generator, z: Array, y: Array) -> Made:
    z, often = z.copy(), np.argsort(-np.bincount(y, minlength=z.shape[1]))
    if np.bincount(y).max() < 25:
        z, y = honest.classes(rng, 3000, 20, 0.9)
        often = np.arange(20)
    z[:, often[0]] -= 25
    return _scores(z, y)


def only_noise(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    return _scores(*honest.spread(rng, int(rng.integers(60, 400)), 10, 2.0))


def too_good(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    from xent import log_softmax
    from xent.auditor.biases import fit_biases

    k = int(rng.choice([6, 10, 20]))
    z, y = honest.spread(rng, 3000, k, 1.5, honest.uneven(k, 0.3))
    lp = np.asarray(log_softmax(z.astype(np.float64)))
    fit = fit_biases(lp, y, np.ones(len(y)), ridge=1e-9)
    return _scores(fit.inverse * lp + fit.bias, y)


def smoothing(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    k, epsilon = int(rng.choice([3, 10, 100])), float(rng.choice([0.05, 0.1, 0.2]))
    y = rng.integers(0, k, 3000)
    found = np.where(rng.random(3000) < 0.98, y, rng.integers(0, k, 3000))
    p = np.full((3000, k), epsilon / k) + (1 - epsilon) * np.eye(k)[found]
    return _scores((np.log(p) + rng.normal(size=p.shape) * 0.03).astype(np.float32), y)


def label_noise(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    k = int(rng.choice([3, 10, 50]))
    z, y = honest.classes(rng, 5000, k, 2.0 if k < 50 else 1.6)
    wrong = rng.random(5000) < float(rng.choice([0.01, 0.03, 0.06]))
    return _scores(z, np.where(wrong, (y + rng.integers(1, k, 5000)) % k, y))


def repeated_start(rng: np.random.Generator, z: Array, y: Array) -> Made:
    m = int(rng.choice([1, 2, 3, 7, 31]))
    return _scores(np.concatenate([z, z[:m]]), np.concatenate([y, y[:m]]))


def conflicting(rng: np.random.Generator, z: Array, y: Array) -> Made:
    again = rng.choice(len(y), max(len(y) // 50, 12), replace=False)
    other = (y[again] + rng.integers(1, z.shape[1], len(again))) % z.shape[1]
    order = rng.permutation(len(y) + len(again))
    return _scores(np.concatenate([z, z[again]])[order], np.concatenate([y, other])[order])


def few_cost_most(rng: np.random.Generator, _z: Array, _y: Array) -> Made:
    z, y = honest.classes(rng, 4000, 10, 3.0)
    return _scores(z, np.where(rng.random(4000) < 0.004, (y + 1) % 10, y))


def pocket(rng: np.random.Generator, z: Array, y: Array) -> Made:
    n, y = len(y), y.copy()
    start, stop = (n // 2, n) if rng.random() < 0.5 else (0, n // 3)
    y[start:stop] = np.where(
        rng.random(stop - start) < 0.8, rng.integers(0, z.shape[1], stop - start), y[start:stop]
    )
    return _scores(z, y)


POSITIVES: dict[str, Callable[[np.random.Generator, Array, Array], Made]] = {
    "XE201": outside, "XE202": extra_output, "XE203": other_order, "XE204": inverted, "XE205": misaligned,
    "XE206": token_shift, "XE207": only_two, "XE208": targets_not_one, "XE209": wrapped, "XE304": padding,
    "XE306": nothing_left, "XE307": sentinel, "XE501": confidence, "XE502": divided, "XE503": weighted,
    "XE504": positive_weight, "XE505": collapsed, "XE506": untrained, "XE507": worse, "XE508": dead,
    "XE510": only_noise, "XE511": too_good, "XE512": smoothing, "XE601": label_noise, "XE602": repeated_start,
    "XE603": conflicting, "XE604": few_cost_most, "XE606": pocket,
}  # fmt: skip
