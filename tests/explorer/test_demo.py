"""The demo data: real, small, and what they claim to be. `tests/test_examples.py` trains the models again."""

from __future__ import annotations

import time
from importlib.resources import files

import numpy as np
import pytest
from sklearn.datasets import load_digits

import xent
from xent import spec
from xent.explorer.rows import demo


def test_the_data_are_small_and_read_quickly() -> None:
    assert len(files("xent.explorer.demo").joinpath("digits.json").read_bytes()) <= 150_000
    best = np.inf
    for _ in range(3):  # the best of three: other programs may be at work
        demo.cache_clear()
        begin = time.process_time()
        demo()
        best = min(best, time.process_time() - begin)
    assert best < 1.5  # seconds of a core that others may share


def test_the_images_are_scikit_learns_and_the_labels_theirs() -> None:
    pixels, digits = load_digits(return_X_y=True)
    known = {
        "".join("0123456789abcdefg"[int(v)] for v in row): int(y) for row, y in zip(pixels, digits, strict=True)
    }
    for rows in demo().values():
        assert rows.images is not None
        assert rows.width == 8
        assert len(set(rows.images)) == len(rows.images) == len(rows.labels) == len(rows.logits) == 400
        assert [known[image] for image in rows.images] == list(rows.labels)
        assert [rows.classes[y] for y in rows.labels] == [str(y) for y in rows.labels]
        assert all(len(z) == 10 for z in rows.logits)


@pytest.mark.parametrize("key", ["plain", "overtrained"])
def test_what_is_computed_from_the_data_is_right(key: str) -> None:
    rows = demo()[key]
    logits, labels = np.array(rows.logits), np.array(rows.labels)
    assert rows.losses[::40] == [spec.loss(rows.logits[i], rows.labels[i]) for i in range(0, 400, 40)]
    np.testing.assert_allclose(rows.losses, xent.cross_entropy(logits, labels, reduction="none"), rtol=1e-14)
    assert list(rows.predicted) == logits.argmax(axis=1).tolist()


def test_one_model_knows_what_it_knows_and_the_other_is_too_sure() -> None:
    gaps, sure_mistakes, losses = {}, {}, {}
    for key, rows in demo().items():
        confidence = xent.softmax(np.array(rows.logits)).max(axis=1)
        wrong = np.array(rows.predicted) != np.array(rows.labels)
        gaps[key] = confidence.mean() - (1 - wrong.mean())
        sure_mistakes[key] = int((confidence[wrong] > 0.99).sum())
        losses[key] = float(np.mean(rows.losses))
    assert abs(gaps["plain"]) < 0.04
    assert gaps["overtrained"] > 0.05
    assert sure_mistakes["plain"] == 0
    assert sure_mistakes["overtrained"] >= 5
    assert losses["overtrained"] > 3 * losses["plain"]
