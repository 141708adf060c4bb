"""Train two real classifiers with this library's own loss, and write what they say about digits they never saw.

scikit-learn carries 1797 handwritten digits, 8 × 8 pixels with 17 grey levels. One model is plain and honest:
softmax regression on 1000 of them. The other has far more parameters than its 100 examples can pin down, and is
trained long after it has them all right, until the loss on them is next to nothing. Nothing tells it to stop being
sure, so it is sure of its mistakes as well: exactly what the explorer is there to look at.

The explorer's demo data are this script's output:

    python examples/01_train_digits.py

Needs NumPy and scikit-learn. The same machine gives the same bytes; another may round the last digit
differently.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import xent

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]  # (weights, bias) of each layer, from pixels to logits

DEMO = Path(__file__).parent.parent / "src" / "xent" / "explorer" / "demo" / "digits.json"
TRAINING, HELD_OUT = 1000, 400
LEVELS = "0123456789abcdefg"  # one character a pixel


def initial(sizes: list[int]) -> Layers:
    """Draw weights that keep the variance of what passes through (He et al. 2015, eq. 10), with a fixed seed."""
    rng = np.random.default_rng(1)
    return [(rng.normal(0, np.sqrt(2 / m), (m, n)), np.zeros(n)) for m, n in itertools.pairwise(sizes)]


def forward(layers: Layers, x: Array) -> list[Array]:
    """Give what enters each layer, and last the logits; ReLU between layers."""
    values = [x]
    for i, (weights, bias) in enumerate(layers):
        out = values[-1] @ weights + bias
        values.append(out if i == len(layers) - 1 else np.maximum(out, 0))
    return values


def train(layers: Layers, x: Array, y: NDArray[np.int64], *, steps: int, decay: float) -> float:
    """Change the layers by gradient descent with momentum on the whole set; give the loss (nats) it ends at."""
    rate, momentum = 0.5, 0.9
    velocity = [[np.zeros_like(w), np.zeros_like(b)] for w, b in layers]
    loss = np.nan
    for _ in range(steps):
        values = forward(layers, x)
        loss, slope = xent.cross_entropy_with_grad(values[-1], y)  # the loss, and where back-propagation starts
        for i in reversed(range(len(layers))):
            weights, bias = layers[i]
            uphill = (values[i].T @ slope + decay * weights, slope.sum(axis=0))
            slope = (slope @ weights.T) * (values[i] > 0)  # through the ReLU; not used below the first layer
            velocity[i] = [momentum * v - rate * u for v, u in zip(velocity[i], uphill, strict=True)]
            layers[i] = (weights + velocity[i][0], bias + velocity[i][1])
    return float(loss)


def report(name: str, training_loss: float, logits: Array, y: NDArray[np.int64]) -> None:
    """Print how good the model is, and how good it believes it is."""
    confidence, wrong = xent.softmax(logits).max(axis=1), logits.argmax(axis=1) != y
    print(name)
    print(f"  training loss       {training_loss:.2e} nats")
    print(f"  held-out loss       {xent.cross_entropy(logits, y):.3f} nats")
    print(f"  held-out accuracy   {1 - wrong.mean():.3f}")
    print(f"  mean confidence     {confidence.mean():.3f}")
    print(f"  mistakes            {wrong.sum()} of {len(y)}")
    print(f"  over 99 % sure      {(confidence[wrong] > 0.99).sum()} of these mistakes")


def write(path: Path, images: Array, y: NDArray[np.int64], models: dict[str, tuple[str, Array]]) -> None:
    """Write canonical JSON, an image or a row of logits a line, so that a change can be read in a diff."""

    def column(rows: list[str] | list[list[float]]) -> str:
        return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]"

    pixels = ["".join(LEVELS[level] for level in image) for image in images.astype(int)]
    source = "Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998; CC BY 4.0), by scikit-learn"
    parts = [f'{{"source":{json.dumps(source)}', '"width":8', f'"classes":{json.dumps([*map(str, range(10))])}']
    parts += [f'"labels":{json.dumps(y.tolist())}', f'"images":{column(pixels)}']
    rounded = {key: (name, (logits.round(4) + 0.0).tolist()) for key, (name, logits) in models.items()}  # no -0.0
    listed = [f'"{key}":{{"name":"{name}","logits":{column(rows)}}}' for key, (name, rows) in rounded.items()]
    parts.append('"models":{' + ",\n".join(listed) + "}}")
    path.write_text(",\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Train both, report both, write both."""
    parser = argparse.ArgumentParser(description="Train the explorer's two demo classifiers.")
    parser.add_argument("--out", type=Path, default=DEMO, help="file to write (default: the package's demo data)")
    out: Path = parser.parse_args().out

    levels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))  # fixed, so that held-out rows stay held out
    x, y = levels[order] / 16, labels[order]
    unseen = slice(TRAINING, TRAINING + HELD_OUT)

    models: dict[str, tuple[str, Array]] = {}
    for key, name, sizes, rows, steps, decay in [
        ("plain", "digits, plain model", [64, 10], TRAINING, 400, 1e-4),
        ("overtrained", "digits, over-trained model", [64, 128, 10], 100, 2000, 0.0),
    ]:
        layers = initial(sizes)
        loss = train(layers, x[:rows], y[:rows], steps=steps, decay=decay)
        logits = forward(layers, x[unseen])[-1]
        report(name, loss, logits, y[unseen])
        models[key] = (name, logits)
    write(out, levels[order][unseen], y[unseen], models)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
