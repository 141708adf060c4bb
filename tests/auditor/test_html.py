"""The page in a real Chromium: everybody can read it, it loads nothing, and its pictures say what is so."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")
import xent
from tests.auditor.reports import NAMES, NOTE, OVER, TWICE, report
from tests.explorer.conftest import CHROMIUM, NO_BROWSER, REQUIRED, browser  # noqa: F401 - a fixture
from xent.auditor.render.figures import figures, reliability, temperature
from xent.auditor.render.html import fragment, render_html
from xent.auditor.render.words import show

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}
LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 320, "height": 640}},
    "forced colours": {"forced_colors": "active"},
}
needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason=NO_BROWSER),
]


def in_browser(test):
    for mark in needs_browser:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Give the reports as files, with all severities in the first."""
    folder = tmp_path_factory.mktemp("pages")
    made = {name: report(name) for name in NAMES}
    made["all"] = replace(made["double"], findings=(TWICE, OVER, NOTE))
    out = {}
    for name, one in made.items():
        out[name] = folder / f"{name}.html"
        out[name].write_text(render_html(one, new=frozenset({"XE9901"}) if name == "all" else None), "utf-8")
    return out


@pytest.fixture
def look(browser, request):  # noqa: F811
    """Open a page that looks as the parameter says; a request, or an error in the console, fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})})
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda r: asked.append(r.url) if not r.url.startswith(("file:", "data:,")) else None)
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    yield page
    context.close()
    assert asked == []
    assert errors == []


# ---------------------------------------------------------------------------------------- the file


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_small_and_whole(pages, name):
    page = pages[name].read_bytes()
    assert len(page) <= 500_000
    text = page.decode()
    assert not re.search(r"<(script|link rel=.stylesheet|img|iframe|object|embed)|@import|url\(|@font-face", text)
    outside = set(re.findall(r"https?://[^\s\"'<#/]+", text))
    assert outside <= {"http://127.0.0.1:8010"}
    assert "default-src 'none'" in text


def test_names_cannot_become_markup():
    evil = "<img src=x onerror=alert(1)>\"'"
    z, y = np.eye(3)[np.arange(60) % 3] * 2, np.random.default_rng(0).integers(0, 3, 60)
    made = replace(xent.audit(z, y, names=(evil, "b", "c"), name=evil), findings=(TWICE, replace_text(evil)))
    for page in (render_html(made), fragment(made)):
        assert "<img" not in page
        assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 5
        assert "<softmax>" not in page


def replace_text(words):
    return replace(OVER, evidence=replace(OVER.evidence, text=words, fix=f"`{words}`\n\n    {words}"))


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_tags_are_balanced(name):
    from html.parser import HTMLParser

    stack = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "link") and "/>" not in self.get_starttag_text():
                stack.append(tag)
            assert len({a for a, _ in attrs}) == len(attrs)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            assert stack.pop() == tag

    Reader().feed(render_html(report(name)).removeprefix("<!doctype html>"))
    assert stack == []


# ---------------------------------------------------------------------------------------- the browser


SEEN = [(look, "all") for look in LOOKS] + [("light", "thousand"), ("dark", "hopeless"), ("dark", "named")]
MORE = [(look, name) for look in LOOKS for name in NAMES if (look, name) not in SEEN]


@in_browser
@pytest.mark.parametrize(
    ("look", "name"),
    [
        *(pytest.param(LOOKS[a], b, id=f"{a}-{b}") for a, b in SEEN),
        *(pytest.param(LOOKS[a], b, id=f"{a}-{b}", marks=pytest.mark.slow) for a, b in MORE),
    ],
    indirect=["look"],
)
def test_axe_finds_nothing(look, pages, name):
    look.goto(pages[name].as_uri())
    look.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    # The policy of the page holds for axe too: it is evaluated, not added as a script.
    look.evaluate(AXE)
    found = look.evaluate("(rules) => axe.run(document, rules)", RULES)
    problems = [f"{v['id']}: {v['help']}: {[n['html'][:200] for n in v['nodes']][:3]}" for v in found["violations"]]
    assert problems == []
    assert len(found["passes"]) > 15


@in_browser
def test_nothing_scrolls_sideways(look, pages):
    for width in (320, 375, 768, 1440, 2560):
        look.set_viewport_size({"width": width, "height": 800})
        for name in ("all", "named", "thousand", "infinite"):
            look.goto(pages[name].as_uri())
            look.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
            assert look.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


@in_browser
def test_words_in_figures_stay_apart_and_inside(look, pages):
    overlaps = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
        const frame = svg.getBoundingClientRect(), words = [...svg.querySelectorAll('text')];
        const boxes = words.map(w => w.getBoundingClientRect());
        const bad = [];
        boxes.forEach((a, i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1)
                bad.push('outside: ' + words[i].textContent);
            boxes.forEach((b, j) => {
                const beside = a.left >= b.right - 1 || b.left >= a.right - 1;
                if (i < j && !beside && a.top < b.bottom - 2 && b.top < a.bottom - 2)
                    bad.push(words[i].textContent + ' / ' + words[j].textContent);
            });
        });
        return bad;
    })"""
    found = {}
    for name, page in pages.items():
        look.goto(page.as_uri())
        found[name] = look.evaluate(overlaps)
    assert {name: bad for name, bad in found.items() if bad} == {}


@in_browser
def test_words_stand_out_from_the_cells_they_are_on(look, pages):
    """Contrast of the heat map's counts, which axe does not see: at least 4.5 in light and dark."""
    measure = """() => {
        const parse = c => c.match(/[0-9.]+/g).slice(0, 3).map(Number);
        const paper = parse(getComputedStyle(document.querySelector('.xent-report')).backgroundColor);
        const light = c => c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
        return [...document.querySelectorAll('rect.hit + text, rect.miss + text')].map(text => {
            const rect = text.previousElementSibling, o = Number(rect.getAttribute('fill-opacity'));
            const fill = parse(getComputedStyle(rect).fill), ink = parse(getComputedStyle(text).fill);
            const behind = fill.map((v, i) => o * v + (1 - o) * paper[i]);
            const [a, b] = [light(ink), light(behind)].sort((p, q) => q - p);
            return (a + .05) / (b + .05);
        });
    }"""
    for scheme in ("light", "dark"):
        look.emulate_media(color_scheme=scheme)
        for name in ("named", "binary", "all"):
            look.goto(pages[name].as_uri())
            contrasts = look.evaluate(measure)
            assert len(contrasts) >= 4
            assert min(contrasts) >= 4.5, (scheme, name, min(contrasts))


@in_browser
def test_everything_is_reached_by_keyboard(look, pages):
    look.goto(pages["all"].as_uri())
    wanted = look.evaluate("document.querySelectorAll('a[href], summary, [tabindex]').length")
    closed = look.evaluate("document.querySelectorAll('details [tabindex]').length")
    reached = set()
    for _ in range(wanted - closed):
        look.keyboard.press("Tab")
        reached.add(look.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        ring = look.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring not in ("", "none")
    assert len(reached) == wanted - closed
    look.locator("summary").first.focus()
    look.keyboard.press("Enter")
    assert look.locator("details").first.evaluate("d => d.open")


@in_browser
def test_the_finding_comes_first(look, pages):
    look.goto(pages["all"].as_uri())
    assert (
        look.locator("h1").inner_text().startswith("1 error and 1 warning: The scores went through <softmax> twice")
    )
    assert look.locator("h2").all_inner_texts() == [
        "Findings", "Numbers", "Calibration and loss", "Classes", "Rows that cost most",
    ]  # fmt: skip
    words = [w.split()[:2] for w in look.locator(".finding h3").all_inner_texts()]
    assert words == [["ERROR", "XE9902"], ["WARNING", "XE9901"], ["NOTE", "XE9904"]]
    shapes = look.locator(".finding h3 svg").evaluate_all("all => all.map(s => s.innerHTML)")
    assert len(set(shapes)) == 3, "severity is a shape too"
    assert look.locator(".mark").all_inner_texts() == ["in the baseline", "new", "in the baseline"]
    assert look.locator(".finding pre").inner_text() == "logits = model(x)  # a < b"
    assert "#x=pitfalls&v=1&k=10&m=4.5" in look.locator(".finding a").first.get_attribute("href")


@in_browser
def test_every_figure_has_its_table(look, pages):
    for name, page in pages.items():
        look.goto(page.as_uri())
        drawn = look.locator("figure")
        for i in range(drawn.count()):
            one = drawn.nth(i)
            assert one.locator("svg[role=img]").get_attribute("aria-label"), name
            assert one.locator("details table caption").count() == 1
            assert one.locator("details tbody tr").count() >= 1
        for table in look.locator("table").all():
            assert table.locator("caption").count() == 1
        assert look.locator("td:first-child").count() == 0, "every row has its header"


@in_browser
def test_it_prints_without_losing_figures(look, pages):
    look.goto(pages["named"].as_uri())
    look.emulate_media(media="print", color_scheme="dark")
    assert (
        look.evaluate("getComputedStyle(document.querySelector('.xent-report')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert look.locator("figure svg").count() == 5
    pdf = look.pdf(format="A4")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8


@in_browser
@pytest.mark.parametrize("theme", ["true", "false"])
def test_a_notebook_shows_it_in_its_own_theme(look, theme, tmp_path):
    cell = report("over")._repr_html_()
    page = tmp_path / "cell.html"
    page.write_text(
        f'<!doctype html><title>notebook</title><body data-jp-theme-light="{theme}">{cell}{cell}', "utf-8"
    )
    look.emulate_media(color_scheme="light" if theme == "false" else "dark")  # the notebook's theme wins
    look.goto(page.as_uri())
    ink, paper = look.locator(".xent-report").first.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    bright = [sum(map(int, re.findall(r"\d+", c))) > 384 for c in (ink, paper)]
    assert bright == ([False, True] if theme == "true" else [True, False])
    assert look.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)", (
        "nothing leaks out"
    )
    assert look.locator("h1").count() == 0


# ---------------------------------------------------------------------------------------- pictures and truth


@pytest.mark.parametrize("name", NAMES)
def test_tables_add_up_to_all_rows(name):
    made = report(name)
    n = made.numbers
    for figure in figures(made):
        for row in figure.rows:
            assert len(row) == len(figure.head)
        whole = {"Reliability": (1,), "Confidence": (1, 2), "Loss": (1,)}.get(figure.title)
        if whole:
            rows = sum(int(row[i].replace(",", "")) for row in figure.rows for i in whole)
            assert rows == n.rows - (n.infinite if figure.title == "Loss" else 0)


def test_the_curve_is_least_at_the_fitted_temperature():
    made = report("over")
    rows = temperature(made).rows
    best = min(rows, key=lambda row: float(row[1]))
    assert float(best[0]) == pytest.approx(made.numbers.temperature.value, rel=1e-3)
    assert dict(rows)["1"] == show(made.numbers.loss)


def test_a_calibrated_model_lies_in_the_band():
    rng = np.random.default_rng(4)
    z = rng.normal(size=(4000, 5)) * 2
    p = xent.softmax(z)
    y = (p.cumsum(1) > rng.random((4000, 1))).argmax(1)
    inside = re.search(r"(\d+) lie outside", reliability(xent.audit(z, y)).caption)
    outside = re.search(r"(\d+) lie outside", reliability(xent.audit(3 * z, y)).caption)
    assert int(inside[1]) <= 1
    assert int(outside[1]) >= 8
