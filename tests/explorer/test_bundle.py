"""The built view: it is what its source builds to, it is small, knows no mathematics, and can be seen by all."""

from __future__ import annotations

import ast
import gzip
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import xent.explorer

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
PACKAGE = Path(xent.explorer.__file__).parent
STATIC = PACKAGE / "static"
BUILT = (
    "index.html",
    "icon.svg",
    "page.css",
    "page.js",
    "site.js",
    "view.css",
    "view.js",
    "worker.js",
    "NOTICES.txt",
)

FLOOR_MARK = 3.0
"""WCAG 2.2, 1.4.11: the least contrast of a mark with the paper."""
FLOOR_TEXT = 4.5
"""WCAG 2.2, 1.4.3: the least contrast of words with the paper."""
FLOOR_DISTANCE = 0.075
"""Least distance in Oklab between two class colours, as a colour-blind reader sees them; 0.02 is just visible."""


pytestmark = pytest.mark.xdist_group("node")  # one worker: two would install the packages over each other


def without_node(reason: str) -> None:
    """Skip, or fail where .ci/run has asked for Node."""
    if os.environ.get("XENT_REQUIRE_NODE") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """Make sure that Node and the pinned packages are there."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        without_node("Node.js is not installed: the view cannot be rebuilt for comparison")
    if not (FRONTEND / "node_modules" / "esbuild").is_dir():
        done = subprocess.run(["npm", "ci", "--silent"], cwd=FRONTEND, capture_output=True, text=True, check=False)
        if done.returncode:
            without_node(f"npm ci did not succeed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return str(found)


def test_static_files_are_what_the_source_builds_to(node: str, tmp_path: Path) -> None:
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=FRONTEND, check=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(BUILT)
    stale = [name for name in BUILT if (tmp_path / name).read_bytes() != (STATIC / name).read_bytes()]
    assert not stale, f"{stale} differ from what frontend/ builds to: run `npm run build` in frontend/"


@pytest.mark.parametrize(
    "command", [["lint.mjs"], ["node_modules/typescript/bin/tsc", "--noEmit"]], ids=["lint", "types"]
)
def test_source_is_clean(node: str, command: list[str]) -> None:
    done = subprocess.run([node, *command], cwd=FRONTEND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "Math.exp(1)",
        "Math['log'](2)",
        "const { tanh } = Math;",
        "2 ** 3",
        "(1.5).toFixed(2)",
        "fetch('x')",
        "`//cdn.org/x.js`",
    ],
)
def test_lint_refuses(node: str, line: str, tmp_path: Path) -> None:
    """The rules bite: each forbidden line, put into an otherwise good file, is found."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "good.ts").write_text("export const half = (x: number): number => Math.round(x / 2);\n")
    (tmp_path / "node_modules").symlink_to(FRONTEND / "node_modules")
    shutil.copy(FRONTEND / "lint.mjs", tmp_path)
    assert subprocess.run([node, "lint.mjs"], cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "src" / "bad.ts").write_text(f"export const f = (): unknown => {{ {line}; return 0; }};\n")
    done = subprocess.run([node, "lint.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad.ts" in done.stderr


def test_size() -> None:
    sizes = {p.name: len(gzip.compress(p.read_bytes(), 9)) for p in STATIC.iterdir() if p.suffix in (".js", ".css")}
    assert sum(sizes.values()) < 60_000, f"over 60 kB gzipped: {sizes}"


def test_nothing_comes_from_elsewhere() -> None:
    """What the browser loads names no other host, and the page holds nothing its policy would refuse."""
    for name in BUILT:
        text = (STATIC / name).read_text(encoding="utf-8")
        hosts = set(re.findall(r"\b(?:https?:)?//([\w-]+\.[\w.-]+)", text)) if name != "NOTICES.txt" else set()
        assert hosts <= {"www.w3.org"}, f"{name} names {hosts}"  # w3.org: the names of XML namespaces
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)", page)
    assert "resolved" not in (FRONTEND / "package-lock.json").read_text(encoding="utf-8")


def test_fonts_are_there_and_named() -> None:
    named = set(re.findall(r"fonts/([\w-]+\.woff2)", (STATIC / "page.css").read_text(encoding="utf-8")))
    there = {p.name for p in (STATIC / "fonts").iterdir()}
    assert named == there
    assert all((STATIC / "fonts" / name).read_bytes()[:4] == b"wOF2" for name in there)
    assert "SIL OPEN FONT LICENSE" in (STATIC / "NOTICES.txt").read_text(encoding="utf-8")


def test_protocol_twins() -> None:
    """protocol.ts declares what view.py and its parts do: same names, same fields in the same order, same types."""
    python = "".join((PACKAGE / f"{name}.py").read_text() for name in ("view_base", "view_items", "view"))
    assert _typescript((FRONTEND / "src" / "protocol.ts").read_text()) == _python(python)


WORDS = {"str": "string", "float": "number", "int": "number", "bool": "boolean", "None": "null"}


def _python(source: str) -> dict[str, object]:
    out: dict[str, object] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            fields = [f for f in node.body if isinstance(f, ast.AnnAssign)]
            out[node.name] = [_field(f.target.id, f.annotation) for f in fields if isinstance(f.target, ast.Name)]
        elif (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id[0] != "_"
        ):
            out[node.targets[0].id] = _type(node.value)
    return out


def _field(name: str, annotation: ast.expr) -> tuple[str, str]:
    optional = isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "NotRequired"
    return name + "?" * optional, _type(annotation)


def _type(node: ast.expr) -> str:
    """Write a Python annotation as TypeScript does."""
    if not isinstance(node, ast.Subscript):
        if isinstance(node, ast.BinOp):
            return " | ".join(dict.fromkeys(f"{_type(node.left)} | {_type(node.right)}".split(" | ")))
        return WORDS.get(ast.unparse(node), ast.unparse(node))
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    outer = ast.unparse(node.value)
    if outer == "Literal":
        return " | ".join(f'"{ast.literal_eval(p)}"' for p in parts)
    inner = [_type(p) for p in parts]
    if outer == "list":
        return f"({inner[0]})[]" if " " in inner[0] else f"{inner[0]}[]"
    forms = {"tuple": "[{}]", "dict": "Record<{}>", "NotRequired": "{}"}
    return forms[outer].format(", ".join(inner))


def _typescript(source: str) -> dict[str, object]:
    out: dict[str, object] = dict(re.findall(r"^export type (\w+) = (.+);$", source, re.M))
    for name, body in re.findall(r"^export interface (\w+) \{\n(.*?)^\}", source, re.M | re.S):
        out[name] = re.findall(r"^  (\w+\??): (.+);$", body, re.M)
    return out


# Machado, Oliveira and Fernandes 2009, severity 1.0: linear RGB as seen without one kind of cone.
SIGHT = {
    "full": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
}
# Ottosson 2020: linear sRGB → cone responses → Oklab.
TO_CONES = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_OKLAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip


def _tokens(theme: int) -> dict[str, np.ndarray]:
    """Read every colour of a theme (0 light, 1 dark) as linear RGB."""
    source = (FRONTEND / "src" / "styles" / "tokens.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\)", source)
    out = {}
    for name, *colours in pairs:
        s = np.array([int(colours[theme][i : i + 2], 16) for i in (0, 2, 4)]) / 255
        out[name] = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    return out


def _contrast(a: np.ndarray, b: np.ndarray) -> float:
    low, high = sorted(float(c @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (a, b))
    return high / low


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast(theme: int) -> None:
    colours = _tokens(theme)
    paper = colours["paper"]
    assert sum(name.startswith("class-") for name in colours) == 10
    floors = {"ink": FLOOR_TEXT, "soft": FLOOR_TEXT, "alert": FLOOR_TEXT, "axis": FLOOR_MARK, "focus": FLOOR_MARK}
    for j in range(10):
        floors |= {f"class-{j}": FLOOR_MARK, f"text-{j}": FLOOR_TEXT}
    found = {name: _contrast(colours[name], paper) for name in floors}
    assert not {name: c for name, c in found.items() if c < floors[name]}
    on_heat = {name: _contrast(colours["ink"], colours[name]) for name in ("warm", "cool")}
    assert min(on_heat.values()) >= FLOOR_TEXT, f"words in the deepest cells of a heat map: {on_heat}"


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_classes_are_told_apart(theme: int, sight: str) -> None:
    """Any two of the ten class colours stay apart, with all cones or without the red or the green ones."""
    colours = _tokens(theme)
    seen = {j: np.clip(np.array(SIGHT[sight]) @ colours[f"class-{j}"], 0, 1) for j in range(10)}
    oklab = {j: np.array(TO_OKLAB) @ np.cbrt(np.array(TO_CONES) @ c) for j, c in seen.items()}
    distances = {
        (i, j): float(np.linalg.norm(oklab[i] - oklab[j])) for i, j in itertools.combinations(range(10), 2)
    }
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] >= FLOOR_DISTANCE, f"classes {closest} are {distances[closest]:.3f} apart"
