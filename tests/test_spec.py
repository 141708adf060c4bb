"""`xent.spec` against 400 digits: every float of every result, and the conventions at the edges."""

from __future__ import annotations

import ast
import inspect
import math
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from strategies import distributions, masked_rows, rows
from xent import spec

BOUND = 1.0  # ulp of float64; the project promises 4
RANDOM = random.Random(20)


def normal(k, scale=3.0):
    return [RANDOM.gauss(0, scale) for _ in range(k)]


ROWS = {
    "the article's": [2.0, 1.0, 0.1],
    "one class": [3.7],
    "a tie of two": [0.1, 0.1],
    "a tie of three": [1 / 3] * 3,
    "a tie at the top": [5.0, 5.0, -1.0],
    "tiny loss": [0.0, -40.0, -41.0],
    "margin 700": [700.0, 0.0, -1.0],
    "margin 745": [0.0, -745.0],
    "underflow": [0.0, -800.0, -1e6],
    "offset 1e8": [1e8 + 1.25, 1e8 + 1.0, 1e8 - 3.1],
    "offset -1e8": [-1e8 + 0.3, -1e8],
    "gaps that round": [0.1, 1e-17, -1e-17],
    "almost equal": [0.0, 1e-300],
    "the least gap": [0.0, 5e-324, 0.0],
    "huge": [1.7e308, -1.7e308, 1e308],
    "masks": [1.0, -math.inf, 0.5, -math.inf],
    "all masked but one": [-math.inf, 2.5, -math.inf],
    "ten": normal(10),
    "ten close": normal(10, 1e-9),
}


def targets(z):
    """Every label, and soft targets: uniform, random, next to p and equal to it."""
    k = len(z)
    p = spec.probabilities(z)
    yield from (range(k) if k <= 10 else (0, k // 2, max(range(k), key=z.__getitem__)))
    yield [1 / k] * k
    yield p
    yield [x * (1 - 2**-50) for x in p]
    parts = [RANDOM.random() for _ in z]
    yield [x / sum(parts) for x in parts]


def agree(z, target, **options):
    """Check loss, terms and gradient of one row; returns the worst error in ulps."""
    tau = options.pop("temperature", 1.0)
    epsilon = options.get("label_smoothing", 0.0)
    t = oracle.target(
        target,
        len(z),
        epsilon=epsilon,
        convention=options.get("convention", "uniform"),
        weight=options.get("weight"),
    )
    exact = oracle.reals(z)
    errors = [oracle.ulps(spec.loss(z, target, temperature=tau, **options), oracle.loss(exact, t, temperature=tau))]
    slope = spec.gradient(z, target, temperature=tau, **options)
    errors += [oracle.ulps(a, b) for a, b in zip(slope, oracle.gradient(exact, t, temperature=tau), strict=True)]
    weights = spec.target_weights(target, len(z), **options)
    errors += [oracle.ulps(a, b) for a, b in zip(weights, t, strict=True)]
    assert max(errors) <= BOUND, (z, target, options, errors)
    return max(errors)


@pytest.mark.parametrize("name", ROWS)
def test_loss_and_gradient_are_exact(name):
    z = ROWS[name]
    for target in targets(z):
        agree(z, target)


@pytest.mark.parametrize(
    "name", ["the article's", "a tie at the top", "tiny loss", "margin 700", "ten", "one class"]
)
@pytest.mark.parametrize("convention", ["uniform", "others"])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 1e-20])
def test_smoothing_temperature_and_weights_are_exact(name, convention, epsilon):
    z = ROWS[name]
    weight = [0.0 if j == 2 else 0.3 + j for j in range(len(z))]
    for target in targets(z):
        for tau in (1.0, 0.1, 7.0):
            agree(z, target, label_smoothing=epsilon, convention=convention, temperature=tau, weight=weight)


@pytest.mark.parametrize("k", [1, 2, 3, 10])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 200.0])
def test_random_rows_are_exact(k, scale):
    for _ in range(5):
        z = normal(k, scale)
        for target in targets(z):
            agree(z, target)


def test_a_thousand_classes_are_exact():
    z = normal(1000)
    agree(z, 3)
    agree([x + 1e8 for x in z], z.index(max(z)), label_smoothing=0.1)


@pytest.mark.slow
def test_a_thousand_classes_with_a_target_next_to_p_are_exact():
    z = normal(1000)
    agree(z, spec.probabilities(z))


def test_ulps_can_fail():
    z = [0.0, -40.0, -41.0]
    textbook = math.log(sum(map(math.exp, z))) - z[0]
    assert textbook == 0
    assert oracle.ulps(textbook, oracle.loss(oracle.reals(z), oracle.target(0, 3))) > 1e15
    assert oracle.ulps(math.nan, oracle.real(1.0)) == math.inf
    assert oracle.ulps(1.0 + 2**-52, oracle.real(1.0)) == 1


@given(st.data())
def test_any_row_is_exact(data):
    z = data.draw(masked_rows())
    target = data.draw(st.integers(0, len(z) - 1) | distributions(len(z)))
    soft = not isinstance(target, int)
    agree(
        z,
        target,
        temperature=data.draw(st.sampled_from([1.0, 0.01, 0.3, 100.0])),
        label_smoothing=data.draw(st.sampled_from([0.0, 0.1]) if not soft else st.sampled_from([0.0, 0.5])),
        convention=data.draw(st.sampled_from(["uniform", "others"])),
        weight=data.draw(st.none() | st.lists(st.floats(0, 8, width=16), min_size=len(z), max_size=len(z))),
    )


@given(masked_rows(), st.sampled_from([1.0, 0.25, 13.0]))
def test_probabilities_are_exact(z, tau):
    p = oracle.softmax([x / oracle.real(tau) for x in oracle.reals(z)])
    got = spec.probabilities(z, temperature=tau)
    logs = spec.log_probabilities(z, temperature=tau)
    assert max(map(oracle.ulps, got, p)) <= BOUND
    assert (
        max(oracle.ulps(a, oracle.MP.log(b) if b else -oracle.MP.inf) for a, b in zip(logs, p, strict=True))
        <= BOUND
    )


@given(rows(most=4))
def test_jacobian_is_exact(z):
    exact = oracle.jacobian(oracle.reals(z), temperature=2.0)
    got = spec.jacobian(z, temperature=2.0)
    for ours, theirs in zip(got, exact, strict=True):
        assert max(map(oracle.ulps, ours, theirs)) <= BOUND


@given(masked_rows())
def test_logsumexp_is_exact(z):
    assert oracle.ulps(spec.logsumexp(z), oracle.logsumexp(oracle.reals(z))) <= BOUND


@pytest.mark.parametrize("z", [[-math.log(2)] * 2, [-math.log1p(math.exp(-1)), -1 - math.log1p(math.exp(-1))]])
def test_logsumexp_next_to_zero_is_exact(z):
    assert oracle.ulps(spec.logsumexp(z), oracle.logsumexp(oracle.reals(z))) <= BOUND


@given(st.data())
def test_information_is_exact(data):
    size = data.draw(st.integers(1, 5))
    p, q = data.draw(distributions(size)), data.draw(distributions(size))
    exact_p, exact_q = oracle.reals(p), oracle.reals(q)
    assert oracle.ulps(spec.entropy(p), oracle.cross_entropy(exact_p, exact_p)) <= BOUND
    if any(a and not b for a, b in zip(p, q, strict=True)):
        assert spec.cross_entropy(p, q) == spec.kl_divergence(p, q) == math.inf
    else:
        assert oracle.ulps(spec.cross_entropy(p, q), oracle.cross_entropy(exact_p, exact_q)) <= BOUND
        assert oracle.ulps(spec.kl_divergence(p, q), oracle.kl_divergence(exact_p, exact_q)) <= BOUND


def test_divergence_of_close_distributions_is_exact():
    p, q = [0.25, 0.75], [0.25 + 2**-50, 0.75 - 2**-50]
    exact = oracle.kl_divergence(oracle.reals(p), oracle.reals(q))
    assert 0 < spec.kl_divergence(p, q) < 1e-28
    assert oracle.ulps(spec.kl_divergence(p, q), exact) <= BOUND


@given(rows(), st.data())
def test_terms_add_up_to_the_loss(z, data):
    target = data.draw(distributions(len(z)))
    terms, whole = spec.loss_terms(z, target), spec.loss(z, target)
    near = pytest.approx(whole, rel=1e-14, abs=1e-320)
    assert math.fsum([terms.log1p_tail, *terms.gaps]) == near
    assert math.fsum(terms.surprise) == near


@given(rows(most=9), st.integers(1, 8))
def test_parts_of_a_row_merge_into_the_row(z, cut):
    def part(values):
        return (max(values), math.fsum(math.exp(x - max(values)) for x in values)) if values else (-math.inf, 0.0)

    m, s = spec.merge(part(z[:cut]), part(z[cut:]))
    assert m == max(z)
    assert m + math.log(s) == pytest.approx(spec.logsumexp(z), rel=1e-12, abs=1e-12)


def test_merge_is_a_monoid_with_masks():
    neutral = (-math.inf, 0.0)
    assert spec.merge(neutral, neutral) == neutral
    assert spec.merge(neutral, (3.0, 1.5)) == spec.merge((3.0, 1.5), neutral) == (3.0, 1.5)
    assert all(map(math.isnan, spec.merge((math.nan, 1.0), (0.0, 1.0))))
    assert all(map(math.isnan, spec.merge((math.inf, 1.0), (0.0, 1.0))))
    a, b, c = (1e8, 1.5), (1e8 - 2.0, 3.0), (-math.inf, 0.0)
    assert spec.merge(spec.merge(a, b), c) == spec.merge(a, spec.merge(b, c))


@pytest.mark.parametrize("bad", [[math.nan, 1.0], [math.inf, 1.0], [-math.inf, -math.inf]])
def test_rows_without_a_softmax_are_nan(bad):
    assert math.isnan(spec.loss(bad, 1))
    everything = [*spec.probabilities(bad), *spec.log_probabilities(bad), *spec.gradient(bad, [0.5, 0.5])]
    terms = spec.loss_terms(bad, 0)
    everything += [x for row in spec.jacobian(bad) for x in row]
    everything += [terms.log1p_tail, *terms.gaps, *terms.surprise]
    assert all(map(math.isnan, everything))
    assert math.isnan(spec.entropy(spec.probabilities(bad)))


def test_logsumexp_at_both_ends():
    assert spec.logsumexp([-math.inf]) == -math.inf
    assert spec.logsumexp([math.inf, 1.0]) == math.inf
    assert math.isnan(spec.logsumexp([math.inf, math.nan]))


def test_masks_cost_nothing_or_everything():
    z = [1.0, -math.inf, 0.0]
    assert spec.loss(z, 0) == spec.loss([1.0, 0.0], 0)
    assert spec.loss(z, 1) == spec.loss(z, 0, label_smoothing=0.1) == math.inf
    assert spec.loss(z, 1, weight=[1.0, 0.0, 1.0]) == 0
    assert spec.gradient(z, 1)[1] == -1
    assert spec.gradient(z, 0)[1] == 0


def test_float_extremes():
    assert spec.loss([1.7e308, -1.7e308], 1) == math.inf  # the gap, 3.4e308, is beyond float64
    assert spec.loss([0.0, -745.0], 0) == 5e-324
    assert spec.gradient([2.0] * 3, [1 / 4] * 3) == [0, 0, 0]
    assert spec.loss([4.0], 0) == 0
    assert spec.gradient([4.0], 0) == [0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spec.loss([], 0), "at least one class"),
        (lambda: spec.loss([1.0, 2.0], 2), "from 0 to 1, got 2"),
        (lambda: spec.loss([1.0, 2.0], -1), "got -1"),
        (lambda: spec.loss([1.0, 2.0], [1.0]), "2 classes, got 1"),
        (lambda: spec.loss([1.0, 2.0], [1.5, -0.5]), "not negative, got -0.5 at class 1"),
        (lambda: spec.loss([1.0, 2.0], [math.nan, 1.0]), "finite and not negative, got nan"),
        (lambda: spec.loss([1.0, 2.0], [2.0, 3.0], label_smoothing=0.1), "must be a distribution"),
        (lambda: spec.loss([1.0, 2.0], 0, weight=[1.0, -2.0]), "weight must be finite and not negative"),
        (lambda: spec.loss([1.0, 2.0], 0, weight=[1.0]), "weight must have one entry"),
        (lambda: spec.loss([1.0, 2.0], 0, label_smoothing=1.5), r"\[0, 1\], got 1.5"),
        (lambda: spec.loss([1.0, 2.0], 0, label_smoothing=math.nan), r"\[0, 1\], got nan"),
        (lambda: spec.loss([1.0, 2.0], 0, convention="half"), "'half'"),
        (lambda: spec.loss([1.0, 2.0], 0, temperature=0.0), "positive finite number, got 0.0"),
        (lambda: spec.probabilities([1.0], temperature=math.inf), "got inf"),
        (lambda: spec.probabilities([1.0], temperature=math.nan), "got nan"),
        (lambda: spec.one_hot(0, 0), "at least 1"),
        (lambda: spec.entropy([0.5, 0.6]), "must be a distribution"),
        (lambda: spec.kl_divergence([1.0], [0.5, 0.5]), "got 1 and 2"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_smoothing_by_both_conventions():
    assert spec.smooth(spec.one_hot(0, 3), 0.1) == pytest.approx([1 - 0.1 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    assert spec.smooth([1.0, 0.0, 0.0], 0.1, convention="others") == pytest.approx([0.9, 0.05, 0.05])
    assert spec.smooth([1.0], 0.3, convention="others") == [1.0]


def test_only_the_standard_library_is_imported():
    tree = ast.parse(inspect.getsource(spec))
    names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert names
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)
