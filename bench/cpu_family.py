"""The rest of the article's functions beside what people use instead: information, distillation, focal, labels."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import timing
from bench.cpu_cases import FORWARD, GRADIENT, SEED, Case, Reference, case, sampled
from bench.cpu_contenders import by_backward, needs
from bench.cpu_limits import cores, limits
from bench.cpu_rows import ASIDE, BUDGET, QUICKLY, Row, Say, measure

VALUES, CALL = "values", "a call, "
EPSILON, GAMMA, TAU, ALPHA = 0.1, 2.0, 2.0, 0.5
Run = timing.Run
Builders = dict[str, Callable[[], Run]]


def family(*, quick: bool, say: Say) -> list[Row]:
    """Measure all of them, all threads; and calls of 32 × 10 with options, where the call is what costs."""
    c = case(*((512, 100) if quick else (16384, 1000)))
    rows = [row for part in (information, training, likelihoods, arrays) for row in _emptied(part(c, quick, say))]
    return rows + calls(case(32, 10), quick, say)


def _emptied(rows: list[Row]) -> list[Row]:
    gc.collect()
    return rows


def _softmax(z: np.ndarray, tau: float = 1.0) -> np.ndarray:
    z = z.astype(np.float64) / tau
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def _values(call: Callable[[], Any]) -> Run:
    return lambda: (None, call())


def _number(call: Callable[[], Any]) -> Run:
    return lambda: (call(), None)


def _other(c: Case) -> np.ndarray:
    """Logits of someone else, a teacher's for instance: near these, but not these."""
    rng = np.random.default_rng([SEED, *c.shape, 1])
    return c.logits + rng.standard_normal(c.shape, dtype=np.float32)


def information(c: Case, quick: bool, say: Say) -> list[Row]:
    """Measure what two distributions are to one another, row by row."""
    import xent

    torch, special = needs("torch"), needs("scipy.special")
    functional, distance = needs("torch.nn.functional"), needs("scipy.spatial.distance")
    p, q = (_softmax(z).astype(np.float32) for z in (c.logits, _other(c)))
    a, b = torch.from_numpy(p), torch.from_numpy(q)
    at = sampled(c.shape[0])
    x, y = p[at].astype(np.float64), q[at].astype(np.float64)
    m = (x + y) / 2
    ours = xent.information
    cases: dict[str, tuple[np.ndarray, dict[str, Callable[[], Any]]]] = {
        "entropy of probabilities": (
            -(x * np.log(x)).sum(1),
            {
                "xent": lambda: ours.entropy(p),
                "torch": lambda: torch.special.entr(a).sum(1),
                "SciPy": lambda: special.entr(p).sum(1),
            },
        ),
        "cross-entropy of probabilities": (
            -(x * np.log(y)).sum(1),
            {
                "xent": lambda: ours.cross_entropy(p, q),
                "torch": lambda: -(a * b.log()).sum(1),
                "SciPy": lambda: -special.xlogy(p, q).sum(1),
            },
        ),
        "KL divergence": (
            (x * np.log(x / y)).sum(1),
            {
                "xent": lambda: ours.kl_divergence(p, q),
                "torch": lambda: functional.kl_div(b.log(), a, reduction="none").sum(1),
                "SciPy": lambda: special.rel_entr(p, q).sum(1),
            },
        ),
        "JS divergence": (
            ((x * np.log(x / m)).sum(1) + (y * np.log(y / m)).sum(1)) / 2,
            {
                "xent": lambda: ours.js_divergence(p, q),
                "SciPy": lambda: distance.jensenshannon(p, q, axis=1) ** 2,
            },
        ),
    }
    rows: list[Row] = []
    for name, (want, contenders) in cases.items():
        builders: Builders = {n: partial(_values, f) for n, f in contenders.items()}
        right = Reference(None, at, want, 1.0, 1e-4)
        rows.append(_row(name, c, VALUES, builders, right, FORWARD, quick, say))
    return rows


def training(c: Case, quick: bool, say: Say) -> list[Row]:
    """Measure distillation and focal loss of classes: forward alone and with the gradient."""
    import xent

    functional, ours = needs("torch.nn.functional"), needs("xent.torch")
    teacher = _other(c)
    there, (_, labels) = needs("torch").from_numpy(teacher), c.torch
    z, y, n = c.numpy, c.labels, c.shape[0]
    options = {"temperature": TAU, "alpha": ALPHA}

    def distilled(x: Any, t: Any) -> Any:
        soft = functional.kl_div(
            functional.log_softmax(x / TAU, 1),
            functional.log_softmax(there / TAU, 1),
            log_target=True,
            reduction="batchmean",
        )
        return ALPHA * TAU**2 * soft + (1 - ALPHA) * functional.cross_entropy(x, t)

    def focal(x: Any, t: Any) -> Any:
        each = functional.cross_entropy(x, t, reduction="none")
        return ((1 - (-each).exp()) ** GAMMA * each).mean()

    at = sampled(n)
    q, p, hard = _softmax(z[at], TAU), _softmax(teacher[at], TAU), _softmax(z[at])
    own = np.arange(len(at)), y[at]
    surprise, e = -np.log(hard[own])[:, None], np.eye(c.shape[1])[y[at]]
    rest = 1 - hard[own][:, None]
    slopes = {
        "distillation": ALPHA * TAU * (q - p) + (1 - ALPHA) * (hard - e),
        "focal loss": (rest**GAMMA + GAMMA * rest ** (GAMMA - 1) * (1 - rest) * surprise) * (hard - e),
    }
    ways: dict[str, tuple[Any, Any, Any, Any]] = {
        "distillation": (
            partial(xent.distillation_loss, z, teacher, target=y, **options),
            partial(xent.distillation_loss_with_grad, z, teacher, target=y, **options),
            lambda x, t: ours.distillation_loss(x, there, target=t, **options),
            distilled,
        ),
        "focal loss": (
            partial(xent.focal_loss, z, y, gamma=GAMMA, axis=1),
            partial(xent.focal_loss_with_grad, z, y, gamma=GAMMA, axis=1),
            lambda x, t: ours.focal_loss(x, t, gamma=GAMMA),
            focal,
        ),
    }
    rows: list[Row] = []
    for name, (loss, pair, in_torch, peer) in ways.items():
        right = Reference(None, at, slopes[name], float(n), 1e-3)
        for mode in (FORWARD, GRADIENT):
            builders: Builders = {
                "xent": partial(_number, loss) if mode == FORWARD else lambda pair=pair: pair,
                "xent.torch": partial(by_backward, in_torch, c, mode),
                "torch": partial(by_backward, peer, c, mode),
            }
            rows.append(_row(name, c, mode, builders, right, mode, quick, say))
    del labels
    return rows


def likelihoods(c: Case, quick: bool, say: Say) -> list[Row]:
    """Measure what torch has for log-probabilities, and the entropy of a policy."""
    functional, ours, torch = needs("torch.nn.functional"), needs("xent.torch"), needs("torch")
    n = c.shape[0]
    logs = Case(np.log(_softmax(c.logits)).astype(np.float32), c.labels, "float32")
    p = _softmax(_other(c)).astype(np.float32)
    q, at = torch.from_numpy(p), sampled(n)
    share = _softmax(c.logits[at])
    bits = -np.log(share)
    mean = (share * bits).sum(1, keepdims=True)

    def textbook(x: Any, _: Any) -> Any:
        log_p = functional.log_softmax(x, 1)
        return -(log_p.exp() * log_p).sum(1).mean()

    ways: dict[str, tuple[Case, np.ndarray, Any, Any]] = {
        "kl_div": (
            logs,
            -p[at].astype(np.float64),
            lambda x, _: ours.kl_div(x, q, reduction="batchmean"),
            lambda x, _: functional.kl_div(x, q, reduction="batchmean"),
        ),
        "nll_loss": (logs, -np.eye(c.shape[1])[c.labels[at]], ours.nll_loss, functional.nll_loss),
        "entropy of logits": (c, share * (bits - mean), lambda x, _: ours.entropy(x).mean(), textbook),
    }
    rows: list[Row] = []
    for name, (given, slope, in_torch, peer) in ways.items():
        for mode in (FORWARD, GRADIENT):
            builders: Builders = {
                "xent.torch": partial(by_backward, in_torch, given, mode),
                "torch": partial(by_backward, peer, given, mode),
            }
            right = Reference(None, at, slope, float(n), 1e-3)
            rows.append(_row(name, c, mode, builders, right, mode, quick, say))
    return rows


def arrays(c: Case, quick: bool, say: Say) -> list[Row]:
    """Measure smooth_labels and clip_gradients: arrays in, arrays out."""
    import xent

    torch, k = needs("torch"), c.shape[1]
    hot = np.zeros(c.shape, np.float32)
    hot[np.arange(len(hot)), c.labels] = 1
    at = sampled(c.shape[0])
    smooth: Builders = {
        "xent": partial(_values, lambda: xent.smooth_labels(hot, EPSILON)),
        "torch": partial(_values, partial(_smoothed, torch.from_numpy(hot), k)),
        "SciPy": partial(_values, partial(_smoothed, hot, k)),  # NumPy, whose only column this is
    }
    right = Reference(None, at, _smoothed(hot[at].astype(np.float64), k), 1.0, 1e-6)
    rows = [_row("smooth_labels", c, VALUES, smooth, right, GRADIENT, quick, say)]
    norm = float(np.sqrt(np.square(c.logits, dtype=np.float64).sum()))

    def clipped() -> Any:
        """Torch's own works in place: a copy first, as ours gives one."""
        leaf = torch.from_numpy(c.logits).detach()
        leaf.grad = leaf.clone()
        torch.nn.utils.clip_grad_norm_([leaf], 1.0)
        return leaf.grad

    clip: Builders = {
        "xent": partial(_values, lambda: xent.clip_gradients(c.logits, 1.0)),
        "torch": partial(_values, clipped),
    }
    right = Reference(None, at, c.logits[at].astype(np.float64) / norm, 1.0, 1e-6)
    return [*rows, _row("clip_gradients", c, VALUES, clip, right, GRADIENT, quick, say)]


def _smoothed(q: Any, k: int) -> Any:
    return q * (1 - EPSILON) + EPSILON / k


def calls(c: Case, quick: bool, say: Say) -> list[Row]:
    """Measure small calls with options, beside torch's of the same name."""
    torch, functional, ours = needs("torch"), needs("torch.nn.functional"), needs("xent.torch")
    rng = np.random.default_rng(SEED)
    weight = torch.from_numpy(rng.random(c.shape[1], dtype=np.float32) + 0.5)
    soft = torch.from_numpy(_softmax(_other(c)).astype(np.float32))
    nothing = Reference(None, sampled(c.shape[0]), None, 1.0, 1.0)
    ways: dict[str, Callable[[Any], Callable[[Any, Any], Any]]] = {
        "sum": lambda m: lambda x, y: m.cross_entropy(x, y, reduction="sum"),
        "class weights": lambda m: lambda x, y: m.cross_entropy(x, y, weight),
        "label smoothing": lambda m: lambda x, y: m.cross_entropy(x, y, label_smoothing=EPSILON),
        "soft targets": lambda m: lambda x, _: m.cross_entropy(x, soft),
        "nll_loss": lambda m: m.nll_loss,
        "kl_div": lambda m: lambda x, _: m.kl_div(x, soft, reduction="batchmean"),
    }
    rows: list[Row] = []
    for name, way in ways.items():
        for mode in (FORWARD, GRADIENT):
            builders: Builders = {
                n: partial(by_backward, way(m), c, mode) for n, m in (("xent.torch", ours), ("torch", functional))
            }
            rows.append(_row(f"{CALL}{name}", c, mode, builders, nothing, None, quick, say))
    return rows


def _row(
    what: str, c: Case, mode: str, builders: Builders, right: Reference, bound: str | None, quick: bool, say: Say
) -> Row:
    n, k = c.shape
    about = {"what": what, "rows": n, "classes": k, "dtype": "float32", "mode": mode, "threads": "all"}
    bounds = {} if bound is None else limits(c, bound, cores())
    budget = BUDGET["one", GRADIENT] * (QUICKLY if quick else ASIDE if bound is None else 1)
    return measure({**about, "elements": n * k}, builders, right=right, bounds=bounds, budget=budget, say=say)
