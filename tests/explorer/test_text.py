"""The catalogue of words: what the code asks for is there, and what is there is asked for."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import xent.explorer
from xent.explorer.text import words

PACKAGE = Path(xent.explorer.__file__).parent
FRONTEND = Path(__file__).resolve().parents[2] / "frontend" / "src"
CATALOGUE: dict[str, Any] = tomllib.loads((PACKAGE / "text" / "en.toml").read_text("utf-8"))

IMPLIED = {"title", "lede", "questions"}
"""What the engine reads of every section."""


def leaves(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def asked_in(path: Path) -> Iterator[tuple[str, str]]:
    """Give (table, key) for every ``text.key`` and ``text["key"]`` where ``text = words("table")`` in a module."""
    tree = ast.parse(path.read_text("utf-8"))
    tables: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else [node.targets[0]]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets, values, strict=False):
                if (
                    isinstance(value, ast.Call)
                    and isinstance(value.func, ast.Name)
                    and value.func.id == "words"
                    and isinstance(value.args[0], ast.Constant)
                    and isinstance(target, ast.Name)
                ):
                    tables[target.id] = str(value.args[0].value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in tables:
            yield tables[node.value.id], node.attr
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id in tables
            and isinstance(node.slice, ast.Constant)
        ):
            yield tables[node.value.id], str(node.slice.value)


def asked() -> set[tuple[str, str]]:
    python = {pair for path in PACKAGE.rglob("*.py") for pair in asked_in(path)}
    view = {("page", key) for path in FRONTEND.rglob("*.ts*") for key in spoken(path.read_text("utf-8"))}
    return python | view


def spoken(source: str) -> Iterator[str]:
    """Give every key that TypeScript asks for: word("…"), and both branches of word(… ? "…" : "…")."""
    for call in re.findall(r"(?:\bword|\bsay)\(([^()]*(?:\([^()]*\))?[^()]*)\)", source):
        yield from (key for key in re.findall(r'"([a-z_.]+)"', call) if key in set(leaves(CATALOGUE["page"])))
        if "themes." in call:
            yield "themes"


PAIRS = asked()


@pytest.mark.parametrize("table", CATALOGUE)
def test_every_word_that_is_asked_for_is_there(table: str) -> None:
    missing = {key for name, key in PAIRS if name == table and key.partition(".")[0] not in CATALOGUE[table]}
    assert not missing


@pytest.mark.parametrize("table", CATALOGUE)
def test_every_word_that_is_there_is_asked_for(table: str) -> None:
    used = {key for name, key in PAIRS if name == table}
    used |= {key.partition(".")[0] for key in used if "." not in key} | IMPLIED
    unused = [key for key in leaves(CATALOGUE[table]) if key not in used and key.partition(".")[0] not in used]
    assert not unused


@pytest.mark.parametrize("table", CATALOGUE)
def test_no_key_is_the_name_of_a_method(table: str) -> None:
    parts = {part for key in leaves(CATALOGUE[table]) for part in key.split(".")}
    assert not {part for part in parts if hasattr(Mapping, part)}


def test_the_view_has_no_words_of_its_own() -> None:
    """Between tags, and in the attributes that are read out, TypeScript holds no text."""
    pattern = re.compile(r">\s*([A-Z][a-z]+(?: [a-z]+)*)[^<{]*<|(?:aria-label|title|placeholder)=\"([^\"]+)\"")
    found = {
        f"{path.name}: {match[0] or match[1]}"
        for path in FRONTEND.rglob("*.tsx")
        for match in pattern.findall(path.read_text("utf-8"))
        if not re.match(r"^[A-Z][A-Za-z]*$", match[0] or "") or match[1]
    }
    assert not found


def test_a_word_that_is_missing_is_an_error_that_says_where() -> None:
    with pytest.raises(AttributeError, match=r"en\.toml has no 'colour' in \[page\]"):
        _ = words("page").colour


def test_the_scan_sees_what_it_looks_for(tmp_path: Path) -> None:
    module = tmp_path / "one.py"
    module.write_text('text, page = words("a"), words("b")\nx = text.here\ny = page["there"]\nz = text.table[x]\n')
    assert set(asked_in(module)) == {("a", "here"), ("b", "there"), ("a", "table")}
    assert set(spoken('wire.word(done ? "link_copied" : "link_refused")')) == {"link_copied", "link_refused"}
