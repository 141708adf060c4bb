"""The auditor finds what was done to predictions, and nothing where nothing was done."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from xent.auditor.finding import RULES
from zoo import keeper
from zoo.clean import clean

ROOT = Path(__file__).parents[2]
ALL = list(clean())
QUICK = [one for one in ALL if one.size <= 20_000][::4]
CODES = list(keeper.positives())


def test_there_are_enough() -> None:
    assert len(ALL) >= 200
    assert len({one.name for one in ALL}) == len(ALL)


@pytest.mark.parametrize("code", CODES)
def test_a_positive_is_found(code: str) -> None:
    (made,) = keeper.sabotaged(code, 1)
    assert code in keeper.found(made)


def test_few_clean_ones_are_silent() -> None:
    alarms = {one.name: keeper.false_alarms(one) for one in QUICK}
    grave = {n: [c for c in codes if RULES[c].severity != "info"] for n, codes in alarms.items()}
    assert {n: codes for n, codes in grave.items() if codes} == {}


def test_sabotage_leaves_its_input() -> None:
    from zoo import honest

    for code, (make, suits) in keeper.positives().items():
        rng, z, y = honest.base(0)
        before = z.copy(), y.copy()
        if suits(code, z, y):
            make(rng, z, y)
        assert np.array_equal(z, before[0]), code
        assert np.array_equal(y, before[1]), code


def test_the_page_is_what_the_results_give() -> None:
    sys.path.insert(0, str(ROOT))
    from bench import audit_zoo

    results = json.loads(audit_zoo.RESULTS.read_text("utf-8"))
    assert audit_zoo.PAGE.read_text("utf-8") == audit_zoo.page(results), "run python -m bench zoo"
    assert set(results["positives"]) == set(CODES)
    assert results["clean"] == len(ALL)


@pytest.mark.slow
def test_errors_never_and_warnings_below_one_percent() -> None:
    count: Counter[str] = Counter()
    for one in ALL:
        count.update(keeper.false_alarms(one))
    for code, n in count.items():
        severity = RULES[code].severity
        assert severity == "info" or (severity == "warn" and n < 0.01 * len(ALL)), (code, n)


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_nine_of_ten_positives_are_found(code: str) -> None:
    hits = sum(code in keeper.found(made) for made in keeper.sabotaged(code, keeper.SEEDS))
    assert hits >= 0.9 * keeper.SEEDS
