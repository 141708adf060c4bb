"""XE401–XE407: what floating-point numbers did to the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from xent.auditor.plan import precision
from zoo.predictions import NAMES, ask, drawn, predictions, severity
from zoo.sabotage_kinds import POSITIVES

MINE = [code for code in POSITIVES if code.startswith("XE4")]


@pytest.mark.parametrize("code", MINE)
def test_positives_of_real_predictions_are_found(code):
    sources = [predictions(*name) for name in NAMES] + [drawn(2000, 2), drawn(50, 10), drawn(300, 1000)]
    for seed, (z, y) in enumerate(sources):
        arguments = POSITIVES[code](np.random.default_rng(seed), z, y)
        assert code in ask(arguments.pop("scores"), arguments.pop("labels"), **arguments), seed


# ---------------------------------------------------------------------------------------------------------- XE401


def test_rows_without_a_softmax_are_counted_and_named():
    z, y = drawn(300, 10)
    z = z.copy()
    z[5, 3], z[9, 3], z[40, 7], z[77] = np.nan, -np.nan, np.inf, -np.inf
    found = ask(z, y, kind="logits")["XE401"]
    assert found.numbers == {"nan": 2, "infinite": 1, "nothing": 1, "first": 5}
    assert found.rows == (5, 9, 40, 77)


def test_the_column_that_is_nan_is_named():
    z, y = drawn(300, 10)
    z = z.copy()
    z[::7, 3] = np.nan
    assert "In these it is column 3." in ask(z, y, kind="logits")["XE401"].text
    z[::7] = np.nan
    assert "Whole rows are affected." in ask(z, y, kind="logits")["XE401"].text


def test_ignored_rows_may_be_anything():
    z, y = drawn(300, 10)
    z, y = z.copy(), y.copy()
    z[:20], y[:20] = np.nan, -100
    assert ask(z, y, kind="logits") == {}


def test_negative_probabilities_are_not_nan():
    z, y = drawn(300, 10)
    assert "XE401" not in ask(z, y, kind="probs")


# --------------------------------------------------------------------------------------------------- XE402, XE406


def test_a_masked_label_and_masks_that_are_no_label():
    z, y = drawn(300, 10)
    z = z.copy()
    z[:, 9] = -np.inf
    kept = y != 9
    assert ask(z[kept], y[kept], kind="logits") == {}
    lp = np.asarray(xent.log_softmax(z)).copy()
    lp[np.arange(0, 300, 9), y[::9]] = -np.inf
    assert "XE109" not in ask(lp, y, kind="logits")
    found = ask(z, y, kind="logits")["XE402"]
    assert found.numbers["masked"] == (y == 9).sum()
    assert found.rows[0] == np.flatnonzero(y == 9)[0]


def test_a_softmax_that_underflowed_and_a_log_softmax_that_did_not():
    z, y = drawn(500, 10, 60.0)
    with np.errstate(divide="ignore"):
        bad = np.log(np.asarray(xent.softmax(z)).astype(np.float32))
    found = ask(bad, y, kind="log-probs")
    assert found["XE406"].numbers["share"] == pytest.approx(np.isneginf(bad).mean())
    assert found["XE406"].numbers["labels"] == 0
    assert severity("XE406", found["XE406"]) == "warn"
    worst = bad.argmin(axis=1)
    found = ask(bad, worst, kind="log-probs")
    assert severity("XE406", found["XE406"]) == "error"
    assert "XE402" not in found
    assert set(ask(np.asarray(xent.log_softmax(z)), y, kind="log-probs")) == set()


def test_a_masked_class_of_log_probabilities_is_no_underflow():
    z, y = drawn(500, 10)
    z = z.copy()
    z[:, 9] = -np.inf
    found = ask(np.asarray(xent.log_softmax(z)), y % 9, kind="log-probs")
    assert found == {}


# --------------------------------------------------------------------------------------------------- XE403, XE404


def test_saturated_float16():
    z, y = drawn(300, 10)
    half = np.clip(z * 30_000, -65504, 65504).astype(np.float16)
    found = ask(half, y, kind="logits")["XE403"]
    assert severity("XE403", found) == "error"
    assert found.numbers["brim"] == (abs(half.astype(float)).max(axis=1) == 65504).sum()
    with np.errstate(over="ignore"):
        over = (z * 30_000).astype(np.float16)
    assert "XE403" in ask(np.where(np.isneginf(over), np.float16(-60000), over), y, kind="logits")


def test_the_least_float16_as_a_mask_is_information():
    z, y = drawn(300, 10)
    z = z.copy()
    z[:, 9] = -65504
    found = ask(z, y % 9, kind="logits")["XE403"]
    assert severity("XE403", found) == "info"


def test_large_scores_that_are_not_at_the_brim():
    z, y = drawn(300, 10)
    assert "XE403" not in ask(z * 60_000 / abs(z).max(), y, kind="logits")
    assert "XE403" not in ask(
        np.where(z == z.max(), np.inf, z), y, kind="logits"
    )  # float64: no overflow of float16


def bfloat16(z: np.ndarray) -> np.ndarray:
    return ((z.astype(np.float32).view(np.uint32) + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def test_bfloat16_and_its_ties():
    z, y = drawn(2000, 10)
    found = ask(bfloat16(z + 100), y, kind="logits")["XE404"]
    top = np.sort(bfloat16(z + 100), axis=1)
    assert found.numbers["ties"] == pytest.approx((top[:, -1] == top[:, -2]).mean())
    assert found.numbers["step"] == 0.5
    assert severity("XE404", found) == "warn"
    assert severity("XE404", ask(bfloat16(z), y, kind="logits")["XE404"]) == "info"


@pytest.mark.parametrize(
    "make",
    [
        lambda z: z.astype(np.float32), lambda z: z.astype(np.float16), np.round, lambda z: np.round(z * 2) / 2,
        lambda z: np.round(z, 1), lambda z: np.round(z * 40), np.zeros_like,
    ],
)  # fmt: skip
def test_what_is_not_bfloat16(make):
    z, y = drawn(500, 10)
    assert "XE404" not in ask(np.asarray(make(z)), y, kind="logits")


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(50, 400), st.floats(1e-3, 1e3))
def test_the_narrowest_type_of_random_numbers(seed, n, scale):
    z = np.random.default_rng(seed).normal(size=n) * scale
    assert precision(z) == precision(z.astype(np.float32)) == "float32"
    assert precision(bfloat16(z)) == "bfloat16"
    if scale < 100:
        assert precision(z.astype(np.float16)) == "float16"


# --------------------------------------------------------------------------------------------------- XE405, XE407


def test_drift_tells_the_mean_of_the_logarithm_of_the_sum():
    z, y = drawn(500, 10)
    found = ask(z + 80, y, kind="logits")["XE405"]
    lse = np.asarray(xent.logsumexp(z + 80))
    assert found.numbers["mean"] == pytest.approx(lse.mean())
    assert found.numbers["sd"] == pytest.approx(lse.std(), rel=1e-6)
    assert severity("XE405", found) == "info"
    assert "XE405" not in ask(z + 40, y, kind="logits")


def test_a_negative_loss():
    z, y = drawn(500, 10)
    p = np.asarray(xent.softmax(z))[np.arange(500), y]
    found = ask(z, y, kind="logits", loss=float(f"{-p.mean():.6f}"))
    assert found["XE407"].numbers["loss"] == pytest.approx(-np.log(p).mean())
    assert found["XE390"].numbers["formula"] == "nll_loss(softmax(logits), y)"
    assert "XE407" not in ask(z, y, kind="logits", loss=0.0)
    assert math.isclose(found["XE407"].numbers["reported"], -p.mean(), abs_tol=1e-6)
