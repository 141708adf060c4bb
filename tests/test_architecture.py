"""What holds for the whole package: light import, honest names, documented functions, one-way arrows."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import xent

ROOT = Path(__file__).parent.parent
HEAVY = ("numpy", "torch", "jax", "numba", "array_api_compat", "starlette", "matplotlib")
# their names stay in the module: xent.information.cross_entropy
QUALIFIED = ("auditor", "spec", "information", "from_probs", "calibration", "plots")
FAMILY = (*QUALIFIED, "probability", "targets", "losses", "binary", "focal", "distillation", "gradients", "rowwise")


def loaded_by(statement):
    """Heavy modules that a statement loads in a fresh interpreter."""
    probe = f"import sys\n{statement}\nprint(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "statement", ["import xent", "import xent; dir(xent)", "import xent; xent.spec.loss([1.0], 0)"]
)
def test_import_is_light(statement):
    assert loaded_by(statement) == []


def test_the_probe_sees_what_is_loaded():
    assert "numpy" in loaded_by("import xent; xent.cross_entropy")
    assert loaded_by("import torch")[-1] == "torch"


def test_public_names_resolve():
    assert len(set(xent.__all__)) == len(xent.__all__)
    for name in xent.__all__:
        assert getattr(xent, name) is not None
    assert set(xent.__all__) <= set(dir(xent))
    with pytest.raises(AttributeError, match="no attribute 'cross_entropi'"):
        xent.cross_entropi  # noqa: B018
    names = {n for m in FAMILY if m not in QUALIFIED for n in importlib.import_module(f"xent.{m}").__all__}
    assert names | set(FAMILY) | {"audit", "Auditor"} == set(xent.__all__)


def public():
    for module in FAMILY:
        home = importlib.import_module(f"xent.{module}")
        for name in home.__all__:
            yield pytest.param(getattr(home, name), id=f"{module}.{name}")


@pytest.mark.parametrize("thing", [*public()])
def test_public_names_are_documented_by_a_doctest(thing):
    text = inspect.getdoc(thing)
    assert text
    assert "\n" not in text.split("\n\n")[0].strip(), "the first line is a line"
    assert doctest.DocTestParser().get_examples(text)


@pytest.mark.parametrize("module", FAMILY)
def test_all_is_what_the_module_defines(module):
    home = importlib.import_module(f"xent.{module}")
    own = set()
    for name, thing in vars(home).items():
        source = getattr(thing, "__module__", None) or ""
        # a package's names come from its files
        if not name.startswith("_") and (source == home.__name__ or source.startswith(f"{home.__name__}.")):
            own.add(name)
    assert own == set(home.__all__)


def test_version_is_the_one_released():
    assert f'version = "{xent.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_import_contracts_hold():
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
