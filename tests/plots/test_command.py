"""``xent plot``: a file when all is well, one sentence when it is not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import xent
from xent import cli, plots
from xent.plots.command import PLOTS


def run(capsys, *arguments):
    code = cli.main(["plot", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_alone_it_lists_every_figure(capsys):
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(PLOTS)
    drawn = {name.replace("-", "_") for name in PLOTS}
    assert drawn == set(plots.__all__) - {"save"}
    assert all(plot.draw is getattr(plots, name.replace("-", "_")) for name, plot in PLOTS.items())


@pytest.mark.parametrize("name", PLOTS)
def test_every_figure_is_written_by_its_name_alone(name, capsys, tmp_path):
    path = tmp_path / "figure.svg"
    code, out, err = run(capsys, name, "-o", path)
    assert (code, out, err) == (0, f"{path} is written.\n", "")
    assert path.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "draw"),
    [
        (["areas", "--p", "0.5,0.5", "--q", "0.9,0.1"], lambda: plots.areas([0.5, 0.5], [0.9, 0.1])),
        (["areas", "--names", "a, b,c,d"], lambda: plots.areas(*AREAS, names=["a", "b", "c", "d"])),
        (
            ["temperature", "--logits=-1,2,0", "--temperatures", "0.3,1", "--width", "slide"],
            lambda: plots.temperature([-1, 2, 0], [0.3, 1], width="slide"),
        ),
        (["smoothing", "--epsilon", "0,0.2", "--classes", "3"], lambda: plots.smoothing(3, [0, 0.2])),
        (["focal", "--gamma", "0,3", "--width", "two-column"], lambda: plots.focal([0, 3], width="two-column")),
        (["likelihood", "--successes", "1", "--trials", "4"], lambda: plots.likelihood(1, 4)),
        (["precision-map", "--limit", "50"], lambda: plots.precision_map(limit=50)),
        (
            ["loss-landscape", "--classes", "3", "--label", "2"],
            lambda: plots.loss_landscape(classes=3, true_label=2),
        ),
        (
            ["loss-landscape-logits", "--epsilon", "0.2", "--limit", "4", "--label", "1", "--temperature", "2"],
            lambda: plots.loss_landscape_logits(target=1, label_smoothing=0.2, limit=4, temperature=2),
        ),
    ],
)
def test_options_are_the_functions(arguments, draw, capsys, tmp_path):
    assert run(capsys, *arguments, "-o", tmp_path / "a.png")[0] == 0
    plots.save(draw().figure, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


AREAS = ([0.5, 0.25, 0.15, 0.1], [0.2, 0.35, 0.15, 0.3])


@pytest.mark.parametrize("key", ["logits", "probs"])
def test_a_file_of_predictions_is_drawn(key, capsys, tmp_path):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    np.savez(tmp_path / "p.npz", labels=labels, **{key: logits if key == "logits" else xent.softmax(logits)})
    z = logits if key == "logits" else np.log(xent.softmax(logits))
    figures = {
        "reliability": plots.reliability(z, labels, bins=5),
        "temperature-fit": plots.temperature_fit(z, labels),
    }
    for name, figure in figures.items():
        more = ["--bins", "5"] if name == "reliability" else []
        code, *_ = run(capsys, name, "--file", tmp_path / "p.npz", *more, "-o", tmp_path / "a.png")
        assert code == 0
        plots.save(figure, tmp_path / "b.png")
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["confusion", "-o", "a.pdf"], "invalid choice: 'confusion' (choose from "),
        (["focal"], "The following arguments are required: -o/--output"),
        (
            ["focal", "-o", "a.docx"],
            "A figure is written as .pdf, .svg, .png, by the file's suffix; 'a.docx' came.",
        ),
        (["focal", "-o", "a"], "'a' came."),
        (["focal", "-o", "no such folder/a.pdf"], "There is no folder no such folder to write a.pdf in."),
        (["focal", "-o", "."], ". is a folder; the name of a file was expected."),
        (["focal", "-o", "a.pdf", "--gamma", "0,x"], "numbers with commas between them were expected, '0,x' came"),
        (["focal", "-o", "a.pdf", "--gamma=-1"], "each of gammas must lie in [0, inf), got -1.0."),
        (["focal", "-o", "a.pdf", "--epsilon", "1"], "nrecognized arguments: --epsilon 1"),
        (["focal", "-o", "a.pdf", "--width", "poster"], "invalid choice: 'poster'"),
        (["smoothing", "-o", "a.pdf", "--classes", "1"], "num_classes must be at least 2, got 1."),
        (["areas", "-o", "a.pdf", "--q", "0.5,0.5"], "p and q must have one shape, got (4,) and (2,)"),
        (
            ["reliability", "-o", "a.pdf", "--file", "none.npz"],
            "There is no file none.npz; an .npz file was expected.",
        ),
        (["reliability", "-o", "a.pdf", "--bins", "0"], "bins must be at least 1, got 0."),
        (["reliability", "-o", "a.pdf", "--file", __file__], "is not an .npz file, or is damaged"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("xent: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_lists_the_names(capsys):
    err = run(capsys, "confusion", "-o", "a.pdf")[2]
    assert all(f"'{name}'" in err for name in PLOTS)


def test_a_missing_extra_is_named():
    program = "import sys; sys.modules['matplotlib'] = None; from xent.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "plot", "focal", "-o", "a.pdf"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "xent: xent.plots draws with matplotlib; install it with: pip install 'xent[plots]'.\n"
