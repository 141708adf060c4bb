"""The pages of docs/: their numbers are those that running them gives, and their links lead somewhere."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import pytest

import oracle
import xent

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))

sys.path.insert(0, str(ROOT))

from docs import article, tables  # noqa: E402
from docs.__main__ import PAGES as PAGES_NOW  # noqa: E402

# ------------------------------------------------------------------------------------------------- the whole pages


@pytest.mark.parametrize("name", PAGES_NOW)
def test_a_page_is_what_running_it_gives(name):
    now = PAGES_NOW[name]().splitlines()
    then = (DOCS / name).read_text("utf-8").splitlines()
    changed = [f"- {a}\n+ {b}" for a, b in zip(then, now, strict=False) if a != b]
    assert not changed, "run `make docs`; the first lines that changed:\n" + "\n".join(changed[:5])
    assert len(now) == len(then)


def anchors(page):
    return {
        article.slug(line.lstrip("# ")) for line in page.read_text("utf-8").splitlines() if line.startswith("#")
    }


def broken(page, text):
    """Links inside the project that lead nowhere."""
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in anchors(to)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert list(broken(page, page.read_text("utf-8"))) == []


def test_a_broken_link_is_found():
    page = DOCS / "README.md"
    assert list(broken(page, "[a](nothing.md) [b](article.md#nowhere) [c](article.md#focal-loss)")) == [
        "nothing.md",
        "article.md#nowhere",
    ]


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text("utf-8")
    assert all(f"({page.name})" in index for page in DOCS.glob("*.md") if page.name != "README.md")
    assert "(docs/README.md)" in (ROOT / "README.md").read_text("utf-8")


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "reference.md").read_text("utf-8")
    named = set(re.findall(r"^(?:- `|## )(?:xent\.)([\w.]+)", text, re.MULTILINE))
    assert set(xent.__all__) <= named


def test_every_function_of_the_article_is_run():
    source = (DOCS / "original.py").read_text("utf-8")
    theirs = set(re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)) - {"curves", "visualize_loss_landscape"}
    text = (DOCS / "article.md").read_text("utf-8")
    assert len(theirs) == 18
    assert {name for name in theirs if f"`article.{name}(" not in text} == set()
    assert "article.curves(" in text  # which draws visualize_loss_landscape


# ------------------------------------------------------------------------------------------------- what they say


@pytest.mark.parametrize(
    ("got", "truth", "dtype", "words"),
    [
        (1.0, 1.0, "float64", "exact"),
        (1 + 2**-52, 1.0, "float64", "exact to 4 ulp"),
        (1 + 2**-50, 1.0, "float64", "exact to 4 ulp"),
        (1 + 5 * 2**-52, 1.0, "float64", "good to 64 ulp"),
        (1 + 2**-46, 1.0, "float64", "good to 64 ulp"),
        (1 + 2**-45, 1.0, "float64", "good to 13 digits"),
        (1 + 2**-22, 1.0, "float32", "exact to 4 ulp"),
        (1 + 2**-22, 1.0, "float64", "good to 6 digits"),
        (36.25, 36.3, "bfloat16", "exact to 4 ulp"),
        (1.0009, 1.0, "float64", "good to 3 digits"),
        (1.004, 1.0, "float64", "wrong by 0.4 %"),
        (0.75, 1.0, "float64", "wrong by 25 %"),
        (40.0, 1.0, "float64", "wrong by a factor of 4e+01"),
        (0.0, 1e-18, "float64", "wrong, rounded to 0"),
        (1e-7, 0.0, "float64", "wrong by 1e-07"),
        (math.inf, 2.0, "float64", "wrong"),
        (math.inf, 1e39, "float32", "above all of float32"),
        (math.inf, math.inf, "float32", "exact"),
        (16.118, math.inf, "float64", "wrong, ∞ is right"),
        (-math.inf, math.inf, "float64", "wrong"),
        (math.nan, 1.0, "float64", "NaN"),
        (math.nan, math.nan, "float64", "NaN, as it has to be"),
        (0.0, math.nan, "float64", "wrong: there is no answer"),
    ],
)
def test_verdicts(got, truth, dtype, words):
    assert tables.verdict(got, oracle.real(truth), dtype) == words


def test_ask_keeps_errors_and_warnings():
    assert tables.ask(lambda: 3) == (3, "", "")
    assert tables.ask(lambda: [][1]) == (None, "IndexError: list index out of range", "")
    said = tables.ask(lambda: article.np.log(article.np.array(0.0)))
    assert said.value == -math.inf
    assert said.warning == "RuntimeWarning: divide by zero encountered in log"
    assert tables.judged(said, oracle.real(1)) == f"-∞: wrong (with a {said.warning})"


def test_a_row_that_differs_needs_a_reason():
    part = article.Section("", "", "", "", "x = 1.0", (article.Row("x", "x + 1"),))
    with pytest.raises(AssertionError, match="has to say why"):
        article.section(part)
    explained = part._replace(rows=(part.rows[0]._replace(remark="by one"), article.Row("x", "2 - x")))
    assert "differs: by one" in article.section(explained)[-1]
    assert article.section(explained)[-1].endswith("| same |")

    for row in (article.Row("", "1 / 0"), article.Row("x", "1 / 0", "it does")):
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            article.section(part._replace(rows=(row,)))


# ---------------------------------------------------------------------------------------- docs/derivation.md, typed


def test_the_numbers_of_the_derivation():
    text = (DOCS / "derivation.md").read_text("utf-8")
    sure = oracle.loss(oracle.reals([0, -40, -41]), oracle.target(0, 3))
    assert f"{float(sure):.2g}" == "5.8e-18"
    assert "true loss of class 0 is 5.8e-18" in text
    for convention in ("uniform", "others"):
        t = oracle.target(0, 3, epsilon=0.1, convention=convention)
        assert f"({', '.join(str(round(float(x), 4)) for x in t)})" in text
