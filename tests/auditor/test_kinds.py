"""XE101–XE117: each fires on what it is about, with the right numbers, and not on what only looks like it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from zoo.predictions import NAMES, ask, drawn, predictions, severity
from zoo.sabotage_kinds import POSITIVES, suits

MINE = [code for code in POSITIVES if code.startswith("XE1")]
SOURCES = [predictions(*name) for name in NAMES] + [
    drawn(*size) for size in ((2000, 2), (50, 10), (3000, 10), (1000, 100), (300, 1000))
]


def softmax(z: np.ndarray) -> np.ndarray:
    return np.asarray(xent.softmax(z))


@pytest.mark.parametrize("code", MINE)
def test_positives_of_real_predictions_are_found(code):
    found = tried = 0
    for seed, (z, y) in enumerate(SOURCES):
        if not suits(code, z, y):
            continue
        arguments = POSITIVES[code](np.random.default_rng(seed), z, y)
        tried += 1
        found += code in ask(arguments.pop("scores"), arguments.pop("labels"), **arguments)
    assert tried >= 5
    assert found == tried


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["logits", "log-probs", "probs"])
def test_real_predictions_as_they_are_raise_nothing(name, kind):
    z, y = predictions(*name)
    scores = {"logits": z, "log-probs": xent.log_softmax(z), "probs": softmax(z)}[kind]
    for declared in (kind, None):
        for dtype in (np.float64, np.float32):
            found = ask(np.asarray(scores, dtype), y, kind=declared)
            assert {c for c, e in found.items() if severity(c, e) != "info"} == set(), (declared, dtype)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32), n=st.integers(2, 300), k=st.integers(2, 30),
    scale=st.sampled_from([0, 0.01, 1, 5, 30]), shift=st.floats(-5, 5),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    kind=st.sampled_from(["logits", "log-probs", "probs"]),
)  # fmt: skip
def test_random_clean_scores_raise_no_error(seed, n, k, scale, shift, dtype, kind):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k)) * scale + shift
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    scores = {"logits": z, "log-probs": xent.log_softmax(z), "probs": softmax(z)}[kind]
    for declared in (kind, None) if dtype != np.float16 else (kind,):
        found = ask(np.asarray(scores, dtype), y, kind=declared)
        assert [c for c, e in found.items() if severity(c, e) == "error" and not underflow(c, scores, dtype)] == []


def underflow(code: str, scores: np.ndarray, dtype: type) -> bool:
    """Whether float16 really lost what the finding says that is lost."""
    low = np.asarray(scores, dtype)
    return dtype == np.float16 and code in ("XE110", "XE111") and bool((low == 0).any())


# --------------------------------------------------------------------------------------------------- XE101, XE105


@pytest.mark.parametrize("k", [2, 10, 100, 1000])
def test_bounds_of_a_second_softmax(k):
    z, y = drawn(400, k, 20.0)
    found = ask(softmax(z), y, kind="logits")["XE101"]
    low, high = math.log(math.e + k - 1) - 1, math.log(math.e + k - 1)
    assert found.numbers["least"] == pytest.approx(low, rel=1e-14)
    assert found.numbers["most"] == pytest.approx(high, rel=1e-14)
    loss = float(np.mean(xent.cross_entropy(softmax(z), y)))
    assert found.numbers["loss"] == pytest.approx(loss, abs=1e-9)
    assert low <= loss <= high
    true = float(np.mean(xent.cross_entropy(z, y)))
    assert found.numbers["loss_of_probabilities"] == pytest.approx(true, rel=1e-5)
    assert found.cost == pytest.approx(loss - true, rel=1e-4)


def test_a_second_softmax_leaves_what_the_bound_says():
    # the best and the worst row there are, of 10 classes
    rows = np.eye(10)[[0, 1]]
    losses = np.asarray(xent.cross_entropy(rows, np.array([0, 0]), reduction="none"))
    assert losses.round(4).tolist() == [1.4612, 2.4612]


def test_probabilities_that_nobody_declared_are_no_finding():
    z, y = drawn(500, 10)
    assert ask(softmax(z), y) == {}


def test_probabilities_as_logits_silence_what_they_explain():
    z, y = drawn(500, 10)
    report = xent.audit(np.clip(softmax(z), 1e-7, 1), y, kind="logits")
    assert report.findings[0].code == "XE101"
    assert {"XE111", "XE112", "XE113", "XE115"} <= dict(report.silenced).keys()


def test_one_raw_row_among_probabilities_is_not_xe101():
    z, y = drawn(500, 10)
    p = softmax(z)
    p[7] = z[7]
    assert "XE101" not in ask(p, y, kind="logits")


def test_log_probabilities_as_logits_are_only_information():
    z, y = drawn(500, 10)
    found = ask(np.asarray(xent.log_softmax(z)), y, kind="logits")
    assert severity("XE105", found["XE105"]) == "info"
    assert set(found) == {"XE105"}


def test_seven_rows_are_too_few():
    z, y = drawn(50, 10)
    assert "XE101" not in ask(softmax(z)[:7], y[:7], kind="logits")
    assert "XE101" in ask(softmax(z)[:8], y[:8], kind="logits")


# --------------------------------------------------------------------------------------------------- XE102, XE103


def test_twice_softmaxed_gives_back_the_first():
    z, y = drawn(2000, 10, 5.0)
    found = ask(softmax(softmax(z)), y)["XE102"]
    assert found.numbers["ceiling"] == pytest.approx(math.e / (math.e + 9))
    assert found.numbers["inside"] == 1.0
    q = np.log(softmax(softmax(z)))
    assert np.allclose(q + (1 - q.sum(axis=1, keepdims=True)) / 10, softmax(z), atol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("scale", [0.01, 0.1, 0.3, 1.0])
def test_an_unsure_model_is_not_twice_softmaxed(k, scale):
    z, y = drawn(2000, k, scale)
    assert "XE102" not in ask(softmax(z), y)


def test_a_good_model_that_is_too_hot_is_not_twice_softmaxed():
    z, y = drawn(2000, 10, 5.0)
    for t in (3, 5, 10, 30):
        assert "XE102" not in ask(softmax(z / t), y), t


def test_sigmoid_twice_names_the_floors():
    z, y = predictions("cancer", "linear")
    found = ask(softmax(z)[:, 1], y, kind="logits")["XE103"]
    assert found.numbers["floor_of_positives"] == pytest.approx(0.3133, abs=5e-5)
    assert found.numbers["floor_of_negatives"] == pytest.approx(0.6931, abs=5e-5)
    assert found.numbers["z"] > 5


def test_weak_positive_logits_are_not_sigmoids():
    # all in [0, 1], and right: sigmoid(z) is what the labels were drawn from
    rng = np.random.default_rng(0)
    for n in (50, 500, 20000):
        z = rng.uniform(0, 1, n)
        y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(int)
        assert "XE103" not in ask(z, y, kind="logits")
        assert "XE103" not in ask(1 / (1 + np.exp(-z)), y, kind="probs")


def test_plain_binary_probabilities_are_fine():
    z, y = predictions("cancer", "linear")
    assert {c for c, e in ask(softmax(z)[:, 1], y, kind="probs").items() if severity(c, e) == "error"} == set()


# -------------------------------------------------------------------------------------------- XE104, XE106, XE107


def test_logits_as_probabilities():
    z, y = drawn(300, 10)
    found = ask(z, y, kind="probs")["XE104"]
    assert found.numbers["bad"] == 300
    assert found.numbers["least"] == z.min()
    assert set(ask(z, y, kind="probs")) == {"XE104"}


def test_one_bad_row_is_named():
    z, y = drawn(300, 10)
    p = softmax(z)
    p[123, 4] = -0.25
    found = ask(p, y, kind="probs")
    assert found["XE104"].numbers["bad"] == 1
    assert found["XE104"].rows == (123,)


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_rounding_is_not_taken_for_a_wrong_sum(decimals):
    z, y = drawn(1000, 100)
    for kind in ("probs", None):
        found = ask(np.round(softmax(z), decimals), y, kind=kind)
        assert "XE104" not in found
        assert found["XE112"].numbers["decimals"] == decimals


def test_sixteen_bits_are_not_taken_for_a_wrong_sum():
    z, y = drawn(1000, 100)
    p = softmax(z).astype(np.float32)
    bfloat16 = ((p.view(np.uint32) + 0x8000) & 0xFFFF0000).view(np.float32)
    for scores in (p.astype(np.float16), bfloat16):
        assert "XE104" not in ask(scores, y, kind="probs")
        assert "XE112" in ask(scores, y)


@pytest.mark.parametrize("base", [2, 10])
def test_bases(base):
    z, y = drawn(300, 5)
    for kind in ("logits", "log-probs", None):
        found = ask(np.asarray(xent.log_softmax(z)) / math.log(base), y, kind=kind)["XE106"]
        assert found.numbers["base"] == base
        assert found.numbers["true_loss"] == pytest.approx(float(np.mean(xent.cross_entropy(z, y))), rel=1e-6)
    assert "XE106" not in ask(np.asarray(xent.log_softmax(z)) / math.log(3), y)


@pytest.mark.parametrize("batch", [8, 32, 50, 300])
def test_the_batch_over_which_softmax_went(batch):
    z, y = drawn(300, 5)
    p = np.concatenate([softmax(z[i : i + batch].T).T for i in range(0, 300, batch)])
    for kind in ("probs", "logits", None):
        assert ask(p, y, kind=kind)["XE107"].numbers["batch"] == batch


def test_columns_of_a_balanced_model_sum_to_rows_over_classes_and_are_no_batch():
    # each column of 10 one-hot-like rows sums to 1, but the rows do too
    p = np.concatenate([np.roll(np.eye(10), i, axis=0) for i in range(30)]) * 0.9 + 0.01
    assert "XE107" not in ask(p, np.tile(np.arange(10), 30), kind="probs")


# ---------------------------------------------------------------------------------------------------- XE108–XE110


def test_sigmoids_are_not_a_distribution():
    z, y = predictions("digits", "linear")
    p = np.asarray(xent.sigmoid(2 * z))
    found = ask(p, y, kind="probs")["XE108"]
    assert found.numbers["most_sum"] == pytest.approx(p.sum(axis=1).max(), rel=1e-6)


@pytest.mark.parametrize("scale", [0.02, 0.05, 0.1])
def test_small_logits_between_0_and_1_are_not_sigmoids(scale):
    z, y = drawn(2000, 5, scale)
    assert {c for c, e in ask(np.clip(z + 0.5, 0.01, 0.99), y).items() if severity(c, e) != "info"} == set()


def test_mixed_kinds_are_counted():
    z, y = drawn(1000, 10)
    scores = z.copy()
    scores[600:] = softmax(z[600:])
    found = ask(scores, y, kind="logits")["XE109"]
    assert found.numbers == {"probabilities": 400, "logits": 600}
    assert found.rows == (600,)
    assert ask(scores[::-1], y[::-1], kind="probs")["XE109"].numbers == {"probabilities": 400, "logits": 600}
    scores[600:] = xent.log_softmax(z[600:])
    assert ask(scores, y, kind="logits")["XE109"].numbers == {"log_probabilities": 400, "logits": 600}


def test_logits_that_sum_to_1_by_chance_are_not_mixed():
    rng = np.random.default_rng(0)
    z = rng.normal(0.5, 0.1, size=(100_000, 2))  # some fifty of these sum to 1 within 1e-4
    simplex = ((z >= 0).all(axis=1) & (abs(z.sum(axis=1) - 1) < 1e-4)).sum()
    assert simplex > 20
    assert "XE109" not in ask(np.r_[z, [[3.0, -2.0]] * 20], rng.integers(0, 2, 100_020), kind="logits")


def test_votes_among_logits_are_not_mixed():
    z, y = drawn(1000, 10)
    z = z.copy()
    z[:50] = np.eye(10)[y[:50]]
    assert "XE109" not in ask(z, y, kind="logits")


@pytest.mark.parametrize("kind", ["probs", "logits", None])
def test_hard_predictions(kind):
    z, y = drawn(500, 10)
    found = ask(np.eye(10)[z.argmax(axis=1)], y, kind=kind)
    assert found["XE110"].numbers["wrong"] == (z.argmax(axis=1) != y).sum()
    assert "XE113" not in found


# ---------------------------------------------------------------------------------------------------- XE111–XE117


@pytest.mark.parametrize("eps", [1e-4, 1e-7, 1e-12, 2.0**-23])
def test_the_floor_of_probabilities(eps):
    z, y = drawn(2000, 5, 15.0)
    p = np.clip(softmax(z), eps, 1)
    found = ask(p, (y + 1) % 5, kind="probs")["XE111"]
    assert found.numbers["epsilon"] == eps
    assert found.numbers["cap"] == pytest.approx(-math.log(eps))
    assert found.numbers["capped_share"] == pytest.approx((p[np.arange(2000), (y + 1) % 5] == eps).mean())
    assert severity("XE111", found) == "error"
    assert ask(np.log(p), y, kind="log-probs")["XE111"].numbers["epsilon"] == eps


def test_a_floor_by_smoothing_is_not_clipping():
    z, y = drawn(2000, 100, 8.0)
    assert "XE111" not in ask(0.9 * softmax(z) + 0.001, y, kind="probs")


def test_uniform_probabilities_are_not_clipped():
    assert ask(np.full((100, 1000), 1e-3), np.arange(100), kind="probs") == {}


def test_rounded_probabilities_bound_the_loss():
    z, y = drawn(2000, 10)
    p = np.round(softmax(z), 3)
    found = ask(p, y, kind="probs")["XE112"]
    own = p[np.arange(2000), y]
    assert found.numbers["zero"] == (own == 0).sum() > 0
    sums = p.sum(axis=1)
    low = np.where(own > 0, -np.log(np.maximum(own, 1e-9) / sums), -math.log(0.5e-3)).mean()
    assert found.numbers["least_loss"] == pytest.approx(low, rel=1e-9)
    assert severity("XE112", found) == "warn"


def test_uniform_and_few_probabilities_are_not_rounded():
    assert "XE112" not in ask(np.full((100, 10), 0.1), np.arange(100) % 10, kind="probs")
    assert "XE112" not in ask(np.full((100, 2), 0.5), np.arange(100) % 2, kind="probs")


def test_saturation_is_information_unless_a_label_has_no_probability():
    z, _ = drawn(500, 5, 60.0)
    p = softmax(z).astype(np.float32)
    right = z.argmax(axis=1)
    assert severity("XE113", ask(p, right, kind="probs")["XE113"]) == "info"
    p[0] = [1, 0, 0, 0, 0]
    found = ask(p, np.r_[1, right[1:]], kind="probs")["XE113"]
    assert (severity("XE113", found), found.numbers["zero"], found.rows) == ("warn", 1, (0,))


def test_one_column():
    y = np.arange(100) % 2
    found = ask(np.ones((100, 1)), y, kind="probs")
    assert set(found) == {"XE114"}
    assert severity("XE114", found["XE114"]) == "error"
    z, _ = drawn(100, 2)
    assert "XE114" not in ask(z[:, :1], y, kind="logits")
    assert severity("XE114", ask(z[:, :1], 0 * y, kind="logits")["XE114"]) == "warn"
    assert "XE114" not in ask(z[:, :1] - 9, 0 * y, kind="logits")  # negatives, and called so


def test_relu_and_what_is_none():
    z, y = drawn(500, 10)
    found = ask(np.maximum(z, 0), y, kind="logits")["XE115"]
    assert found.numbers["zeros"] == (z <= 0).sum()
    assert "XE115" not in ask(np.zeros((500, 10)), y, kind="logits")
    assert "XE115" not in ask(np.exp(z), y, kind="logits")
    assert "XE115" not in ask(z - z.min(), y, kind="logits")
    assert "XE115" not in ask(z - z.min(axis=1, keepdims=True), y, kind="logits")  # one zero a row
    assert "XE115" not in ask(np.maximum(np.rint(z), 0), y, kind="logits")  # counts


@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("k", [2, 10, 100])
def test_logits_less_their_largest_are_clean(k, scale):
    # sure rows have exponentials that sum to 1 nearly, as log-probabilities do
    z, y = drawn(3000, k, scale)
    found = ask(z - z.max(axis=1, keepdims=True), y, kind="logits")
    assert {c for c, e in found.items() if severity(c, e) != "info"} == set()


def test_nearly_constant_logits_are_no_kind():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 2)) * 1e-5
    y = rng.integers(0, 2, 200)
    assert "XE101" not in ask(z + 0.5, y, kind="logits")
    assert "XE106" not in ask(z - 1, y, kind="logits")
    assert "XE101" not in ask(np.full((200, 10), 0.1), y, kind="logits")


def test_padding_of_the_vocabulary_and_its_cost():
    z, y = drawn(500, 60)
    padded = np.concatenate([z, np.zeros((500, 4))], axis=1)
    found = ask(padded, y, kind="logits")["XE116"]
    mass = softmax(padded)[:, 60:].sum(axis=1).mean()
    assert found.numbers["padding"] == 4
    assert found.numbers["mass"] == pytest.approx(mass, rel=1e-6)
    assert found.cost == pytest.approx(-math.log1p(-mass), rel=1e-6)
    masked = ask(np.concatenate([z, np.full((500, 4), -np.inf)], axis=1), y, kind="logits")["XE116"]
    assert (severity("XE116", masked), masked.cost) == ("info", 0.0)


def test_what_is_no_padding():
    z, y = drawn(500, 64)
    assert "XE116" not in ask(z, y % 60, kind="logits")  # never a label, but it moves
    still = z.copy()
    still[:, 60:] = 0
    assert "XE116" not in ask(still[:, 1:], y % 59, kind="logits")  # 63 columns
    assert "XE116" not in ask(still, y, kind="logits")  # labels are there
    assert "XE116" not in ask(np.zeros((500, 64)), y % 60, kind="logits")


def test_top_k_log_probabilities():
    z, _ = drawn(300, 500)
    top = -np.sort(-np.asarray(xent.log_softmax(z)), axis=1)[:, :20]
    found = ask(top, np.zeros(300, int), kind="log-probs")
    assert set(found) == {"XE117"}
    assert found["XE117"].numbers["missing"] == pytest.approx(1 - np.exp(top).sum(axis=1).mean(), rel=1e-5)
