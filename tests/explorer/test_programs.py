"""The programs on the page: each is run, in every library, and has to print the numbers that stand beside it."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from tests.explorer.drawn import ask, close, figure, links, nodes, whole  # sets Keras's backend
from tests.explorer.seen import copied, link, open_at, section, settle, view_of
from xent.explorer import engine
from xent.explorer.experiments.focal.questions import rarest
from xent.explorer.experiments.landscape.ground import Ground
from xent.explorer.programs import LABELS
from xent.explorer.rows import demo
from xent.explorer.state import from_url

Expected = list[float | str]


def value(number: Any) -> float | str:
    """Read a number of a view: what is behind its text; the text of ∞, of NaN, and of a heat map's cell."""
    return number["text"] if number.get("value") is None else float(number["value"])


def items(view: Any, name: str, *places: int) -> Expected:
    """Read headline numbers of a readout by their places."""
    shown = figure(view, name)["items"]
    return [value(shown[i]["number"]) for i in places]


def ref(view: Any, panel: str, *names: str) -> Expected:
    """Read the first number of a panel under each ref."""
    inside = next(p for p in view["panels"] if p["id"] == panel)
    found = [n for n in nodes(inside) if "text" in n and "value" in n and "kind" not in n]
    return [value(next(n for n in found if n.get("ref") == name)) for name in names]


def information(view: Any, _: Any) -> Expected:
    return [
        *ref(view, "pair", "entropy", "cross", "kl"),
        *ref(view, "directions", "back", "js"),
    ]


def binary(view: Any, _: Any) -> Expected:
    return [
        *items(view, "one-numbers", 1, 2),
        *items(view, "heads-numbers", 0, 2),
        *items(view, "weight-numbers", 1, 2),
    ]


def gradient(view: Any, _: Any) -> Expected:
    cells = [value(cell) for row in figure(view, "jacobian")["cells"] for cell in row]
    slopes = [value(row["number"]) for row in figure(view, "slope")["rows"]]
    return [*items(view, "numbers", 0), *cells, *slopes, *items(view, "norms", 0, 1, 2)]


def precision(view: Any, _: Any) -> Expected:
    rows = figure(view, "outcomes")["rows"]
    return [value(rows[0]["cells"][1]), value(rows[3]["cells"][1])]


def smoothing(view: Any, state: Any) -> Expected:
    at = 1 if state.convention == "uniform" else 2
    targets = figure(view, "t")["rows"]
    shown = [value(row["number"] if at == 1 else row["more"][0]) for row in targets]
    return [*shown, *items(view, "numbers", 0, at, 4)]


def focal(view: Any, _: Any) -> Expected:
    pulls = [value(row["cells"][-1]) for row in figure(view, "groups")["rows"]]
    return [
        *items(view, "numbers", 2),
        *pulls,
        *(value(row["more"][-1]) for row in figure(view, "shares")["rows"]),
    ]


def likelihood(view: Any, _: Any) -> Expected:
    return [*items(view, "numbers", 2, 3, 4), *ref(view, "data", "floor")]


def landscape(view: Any, state: Any) -> Expected:
    first, last, _, norm = items(view, "walked", 0, 1, 2, 3)
    return [first, *Ground(state).slope, last, norm]


def calibration(view: Any, _: Any) -> Expected:
    best = [n for n in nodes(figure(view, "temperatures")["caption"]) if n.get("ref") == "best"]
    return [*items(view, "numbers", 0, 3), *(value(n) for n in best[:1])]


def training(view: Any, _: Any) -> Expected:
    return items(view, "numbers-a", 0, 1, 2)


def attention(view: Any, state: Any) -> Expected:
    weights = [value(row["number"]) for row in figure(view, "weights")["rows"]]
    mean = [value(cell) for cell in figure(view, "values")["table"]["rows"][-1][2:]]
    return [*weights, *mean, *(value(c) for c in figure(view, "all-weights")["cells"][state.query])]


def pitfalls(view: Any, state: Any) -> Expected:
    shown = {
        "double": lambda: ref(view, "double", "double", "right"),
        "meant": lambda: items(view, "meant-numbers", 1, 0),
        "axis": lambda: items(view, "axis-numbers", 1, 0),
        "shifted": lambda: items(view, "shift-numbers", 1, 0),
        "reduction": lambda: items(view, "reduction-numbers", 0, 1),
        "clipping": lambda: items(view, "clip-numbers", 1, 3, 0, 2),
        "imbalance": lambda: items(view, "imbalance-numbers", 1, 2),
    }
    return shown[state.program]()


def labels(view: Any, _: Any) -> Expected:
    return items(view, "reduced", 2)


SECTIONS: dict[str, tuple[Callable[[Any, Any], Expected], tuple[str, ...]]] = {
    "information": (information, ("", "unit=nats&p=0.5,0.5,0,0", "p=0.25,0.25,0.25,0.25&forecast=0.5,0.5,0,0")),
    "binary": (binary, ("", "z=8&y=0&hot=0,0,0,0&share=0.3&c=0.5", "z=-9.5&y=1&s=4,-2&hot=1,1")),
    "labels": (labels, ("", "by=sum&form=one_hot", "by=rows&form=soft", "by=all", "counts=0,0,0,0,0,0&form=soft")),
    "gradient": (gradient, ("", "z=3,-2,0.5,1&y=2&eps=0.2&input=20&c=3", "z=0,0,0&c=50")),
    "precision": (
        precision,
        (
            "",
            "gap=12&format=float16",
            "gap=2&side=behind&format=float64",
            "gap=5&format=bfloat16",
            "gap=3&format=float16&shift=2",
        ),
    ),
    "smoothing": (smoothing, ("", "share=others&eps=0.3&K=3&gap=-2", "eps=0&K=1000", "share=others&eps=1&K=2")),
    "focal": (focal, ("", "gamma=0&alpha=0.7&y=0&p=0.9", "of=gradient&gamma=3.5&n=5,5,5,5")),
    "likelihood": (
        likelihood,
        ("", "copies=1", "n=4,0,2&copies=3&model=0.5,0,0.5", "n=1,1,1&copies=2&model=1,0,0"),
    ),
    "landscape": (landscape, ("", "y=2&eps=0.3&lr=0.5&n=3", "from=4,4&y=1&n=0")),
    "calibration": (calibration, ("", "src=plain&T=2.5&bins=5", "T=0.3&bins=40")),
    "training": (
        training,
        (
            "",
            "la=focal&ga=1.5&wa=1&n=10",
            "la=squared&ra=3&ea=0.3&n=15",
            "ea=0.1&wa=1&ta=2&px=1,2,-1,0.5&py=0,1,1,-2&pc=0,0,1,2&n=12",
            "ca=0.1&n=8",
            "d=digits&n=4&two=0",
        ),
    ),
    "attention": (attention, ("", "fill=zero&T=2.5&mask=none&scale=0&d=16", "mask=strict&query=0&seen=0,0,0,0,0")),
    "pitfalls": (
        pitfalls,
        (
            "",
            *(f"code={name}" for name in ("meant", "axis", "shifted", "reduction", "clipping", "imbalance")),
            "code=shifted&shift=up",
            "code=shifted&shift=up&y=0,1,0,1",
            "code=meant&o=0.2,0,1",
            "code=axis&rows=1",
            "code=clipping&gap=5&eps=0.001",
            "code=double&k=10&m=20",
        ),
    ),
}
"""How the numbers that a program prints are read off the view, and states to run it in, the default first."""

NUMBER = re.compile(r"[-+]?(?:nan|inf|\d+\.?\d*(?:e[-+]?\d+)?)")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Print arrays with all their digits; and leave no setting of a program behind."""
    import torch

    torch.set_printoptions(precision=17)
    with np.errstate(), np.printoptions(precision=17):
        yield
    torch.set_printoptions(profile="default")
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_floatx("float32")


def printed(source: str) -> list[float]:
    """Run a program and read the numbers that it prints."""
    out = io.StringIO()
    with redirect_stdout(out):
        exec(source, {})  # noqa: S102 - what the page offers is what is tested
    said = re.sub(r"^[A-Za-z][^:\n]*: ", "", out.getvalue(), flags=re.MULTILINE)
    plain = said.replace("tensor(", "").replace("dtype=torch.float64", "")
    return [float(n) for n in NUMBER.findall(plain)]


def source(view: Any, library: str) -> str:
    """Find a program of a view."""
    code = next(n for n in nodes(view) if n.get("kind") == "code")
    return next(tab["source"] for tab in code["tabs"] if tab["id"] == library)


def compared(name: str, url: str) -> tuple[Any, Expected]:
    """Give the view of a link, and what its programs have to print."""
    answer = whole(url)
    experiment = engine.EXPERIMENTS[name]
    state = from_url(answer["url"], experiment.VERSION, experiment.State)[0]
    return answer["view"], SECTIONS[name][0](answer["view"], state)


def agree(got: list[float], wanted: Expected, slack: tuple[float, float]) -> bool:
    """Whether two lists of numbers are the same, but for a relative and an absolute error."""
    return len(got) == len(wanted) and all(
        close(b, a, slack[1])
        if isinstance(b, str)
        else a == b or math.isclose(a, b, rel_tol=slack[0], abs_tol=slack[1])
        for a, b in zip(got, wanted, strict=True)
    )


def slack_of(name: str, url: str, library: str) -> tuple[float, float]:
    """How far a library's arithmetic may be from the page's, which is exact: relatively, and absolutely."""
    if name == "precision":  # in the format, where exp is not always rounded correctly, and tiny numbers may be 0
        digits = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}
        unit = next((eps for kind, eps in digits.items() if kind in url), 2.0**-23)
        return 8 * unit, 2 * unit
    if name == "training" and (library == "keras" or "ca=" in url):
        return 1e-5, 0.0  # a Dense layer of Keras multiplies in float32; PyTorch clips by the norm + 1e-6
    return 1e-9, 1e-12


STATES = [
    pytest.param(name, f"x={name}&v=1&{state}".rstrip("&"), id=f"{name}-{state or 'default'}")
    for name, (_, states) in SECTIONS.items()
    for state in states
]
BY_LIBRARY = [
    pytest.param(library, marks=[pytest.mark.slow] if library in ("jax", "keras") else []) for library in LABELS
]


@pytest.mark.parametrize("library", BY_LIBRARY)
@pytest.mark.parametrize(("name", "url"), STATES)
def test_a_program_prints_the_numbers_on_the_page(name: str, url: str, library: str) -> None:
    view, wanted = compared(name, url)
    got = printed(source(view, library))
    assert agree(got, wanted, slack_of(name, url, library)), (got, wanted)


@pytest.mark.parametrize("name", engine.EXPERIMENTS)
def test_a_section_has_the_five_programs_and_they_are_short(name: str) -> None:
    tabs = [n["tabs"] for n in nodes(whole(f"x={name}")["view"]) if n.get("kind") == "code"]
    assert len(tabs) == 1
    labels = [tab["label"] for tab in tabs[0] if tab["id"] in LABELS]
    assert labels == list(LABELS.values())
    for tab in tabs[0]:
        assert len(tab["source"].splitlines()) <= 40
        assert max(map(len, tab["source"].splitlines())) < 160


SUITED = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


# not precision: how well each library rounds in a narrow format is its own affair
any_section = pytest.mark.parametrize("name", [name for name in SECTIONS if name != "precision"])


def agrees_in_a_state(name: str, data: st.DataObject, libraries: tuple[str, ...]) -> None:
    """Draw a state of a section and hold what some of its programs print against its view."""
    url = data.draw(links(name))
    if name in ("training", "landscape"):  # steps that are too long jump about, and every rounding error with them
        url = re.sub(r"&(n|ra|lr)=[^&]*", "", url) + "&n=3&ra=0.5&lr=0.5"
    view, wanted = compared(name, url)
    for library in libraries:
        got = printed(source(view, library))
        relative, _ = slack_of(name, url, library)
        assert agree(got, wanted, (relative, 1e-10)), (library, got, wanted)


@any_section
@SUITED
@given(st.data())
def test_in_any_state_numpy_and_xent_print_the_numbers_on_the_page(name: str, data: st.DataObject) -> None:
    agrees_in_a_state(name, data, ("numpy", "xent"))


@pytest.mark.slow
@any_section
@SUITED
@given(st.data())
def test_in_any_state_the_other_libraries_do_so_as_well(name: str, data: st.DataObject) -> None:
    agrees_in_a_state(name, data, ("torch", "jax", "keras"))


def test_a_comparison_can_fail() -> None:
    view, wanted = compared("information", "x=information&v=1")
    assert not agree(printed(source(view, "numpy").replace("0.125", "0.1251")), wanted, (1e-9, 1e-12))
    assert not agree(wanted[:-1], wanted, (1e-9, 1e-12))


def test_own_rows_stand_in_the_program_and_are_said_to_be_the_first_few() -> None:
    from xent.explorer.rows import weigh

    logits = [[math.sin(3 * i + 5 * j) * 4 for j in range(3)] for i in range(20)]
    logits[2][1] = -math.inf
    mine = {"mine": weigh(logits, [i % 3 if i != 2 else 0 for i in range(20)], name="mine", classes=tuple("abc"))}
    view = engine.respond({"seq": 1, "url": "x=calibration&v=1&src=mine", "actions": []}, mine)["view"]
    wanted = None
    for library in LABELS:
        text = source(view, library)
        assert "the first 8 of 20 rows" in text
        got = printed(text)
        wanted = wanted or got
        assert agree(got, wanted, (1e-9, 1e-12)), library
    import xent

    few = np.array(logits[:8])
    assert wanted is not None
    assert wanted[0] == pytest.approx(float(xent.cross_entropy(few, np.array([0, 1, 0, 0, 1, 2, 0, 1]))))


@pytest.mark.parametrize("library", BY_LIBRARY)
@pytest.mark.parametrize("of", ["loss", "gradient"])
def test_focal_loss_of_own_rows_is_printed_for_the_first_few(of: str, library: str) -> None:
    import xent

    view = ask(f"x=focal&v=1&src=plain&of={of}&gamma=1.5&p=0.3")["view"]
    rows = demo()["plain"]
    yes = rarest(rows)
    z, y = np.array(rows.logits[:8]), np.array(rows.labels[:8]) == yes
    u = z[:, yes] - np.logaddexp.reduce(np.delete(z, yes, axis=1), axis=1)
    both = xent.focal_loss_with_grad(u, y.astype(float), gamma=1.5, alpha=0.25, reduction="none")
    row = np.abs(both[0 if of == "loss" else 1])
    assert "the first 8 of 400 rows" in source(view, library)
    got = printed(source(view, library))
    assert agree(got, [*items(view, "numbers", 2), *row, *(row / row.sum())], (1e-6, 1e-12)), got


@pytest.mark.parametrize("code", ["axis", "shifted", "shifted&shift=up", "reduction"])
@pytest.mark.parametrize("library", BY_LIBRARY)
def test_the_pitfalls_of_a_batch_of_another_size_are_printed(code: str, library: str) -> None:
    batch = "z=1,2,-3,0.5,2,0,1,-1,3,0.1&y=3,0&n=16" if "shift" in code else "z=1,2,3,0,-1,0.5&y=1,0,1&n=16"
    url = f"x=pitfalls&v=1&{batch}&code={code}"
    view, wanted = compared("pitfalls", url)
    assert agree(printed(source(view, library)), wanted, (1e-9, 1e-12))


def test_a_program_stands_alone() -> None:
    """Run one as its reader does, in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", source(ask("x=pitfalls")["view"], "xent")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("broken: ")


@pytest.mark.browser
def test_the_program_follows_the_pitfall_that_is_chosen_and_is_copied(page: Page, address: str) -> None:
    open_at(page, address, "x=pitfalls&v=1&solo=1")
    here = section(page, "pitfalls")
    shown = here.locator("[role=tabpanel]:not([hidden]) code")
    shown.scroll_into_view_if_needed()
    assert "softmax twice" in str(shown.text_content())
    here.get_by_role("radio", name="Sum or mean").check(force=True)
    settle(page)
    assert "code=reduction" in link(page)
    here.get_by_role("tab", name="JAX").click()
    here.get_by_role("button", name="Copy the JAX code").click()
    expect(shown).to_have_text(source(view_of(link(page)), "jax"), use_inner_text=False)
    copied(page, source(view_of(link(page)), "jax"))
