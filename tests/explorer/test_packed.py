"""A reader's own rows as a file of NumPy's: read as NumPy reads it, without NumPy, and refused as text is."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from tests.explorer.owned import show
from xent.explorer import own, packed
from xent.explorer.pasted import LONGEST, PasteError

Z, Y = np.array([[2.0, 1.0, 0.1], [0.3, 1.9, 2.2], [1.0, -np.inf, 4.0]]), np.array([0, 1, 2])


def wrapped(data: bytes) -> str:
    return packed.PREFIX + base64.b64encode(data).decode()


def npz(save: Any = np.savez, **arrays: Any) -> str:
    file = io.BytesIO()
    save(file, **arrays)
    return wrapped(file.getvalue())


def npy(array: Any, **how: Any) -> str:
    file = io.BytesIO()
    np.save(file, array, **how)
    return wrapped(file.getvalue())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4", "<f2", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_scores_are_read_to_the_last_bit(save: Any, dtype: str, order: Any) -> None:
    z = np.asarray(Z, dtype, order=order)
    rows = packed.read(npz(save, logits=z, labels=Y.astype(">i2")))
    assert rows.logits == z.astype(float).tolist()
    assert (rows.labels, rows.used, rows.soft, rows.names, rows.notes) == ([0, 1, 2], [True] * 3, None, None, ())


@settings(max_examples=60)
@given(st.data())
def test_whole_numbers_and_labels_of_any_type_are_read(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "b1"]))
    scores = data.draw(st.lists(st.lists(st.integers(0, 100), min_size=2, max_size=2), min_size=1, max_size=6))
    z = np.array(scores, "i8" if kind == "b1" else kind)
    y = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(z), max_size=len(z))), kind)
    rows = packed.read(npz(logits=z, labels=y))
    assert rows.logits == z.astype(float).tolist()
    assert rows.labels == y.astype(int).tolist()


def test_classes_names_distributions_and_ignored_rows_are_read() -> None:
    named = packed.read(
        npz(logits=Z, labels=np.array(["cat", "dog", "öl"]), classes=np.array(["cat", "dog", "öl"]))
    )
    assert (named.names, named.labels) == (("cat", "dog", "öl"), [0, 1, 2])
    soft = packed.read(npz(logits=Z, labels=np.array([[0.7, 0.3, 0.0], [0, 1, 0], [0.25, 0.25, 0.5]])))
    assert soft.soft == [[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]
    assert soft.labels == [0, 1, 2]
    ignored = packed.read(npz(logits=Z, labels=np.array([0, -100, 2])))
    assert ignored.used == [True, False, True]
    assert packed.read(npz(logits=Z, labels=Y, classes=np.array([7, 8, 9]))).names == ("7", "8", "9")


def test_the_name_of_the_array_says_what_the_scores_are() -> None:
    p = np.array([[0.7, 0.3], [0.0, 1.0]])
    logs = packed.read(npz(probs=p, labels=Y[:2]))
    assert logs.logits == [[np.log(0.7), np.log(0.3)], [-np.inf, 0.0]]
    assert logs.notes == ("The scores were read as probs, because that is what the file calls them.",)
    assert packed.read(npz(probs=p, labels=Y[:2]), probs=True).notes == ()
    logits = packed.read(npz(logits=p, labels=Y[:2]), probs=True)
    assert logits.logits == p.tolist()
    assert logits.notes[0].startswith("The scores were read as logits")


def test_an_array_alone_has_its_labels_in_the_last_column() -> None:
    rows = packed.read(npy(np.column_stack([Z, Y])))
    assert (rows.logits, rows.labels) == (Z.tolist(), [0, 1, 2])
    assert packed.read(npy(np.array([[0.5, 0.5, 1.0]])), probs=True).logits[0] == [np.log(0.5)] * 2


def shaped(shape: tuple[int, ...], dtype: str = "<f8", body: bytes = b"") -> str:
    """Write a file whose header promises more than there is."""
    file = io.BytesIO()
    npy_format.write_array_header_2_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return wrapped(file.getvalue() + body)


def bomb() -> str:
    """Write a small .npz that would be large."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("logits.npy", "labels.npy"):
            archive.writestr(name, b"\0" * 60_000_000)
    return wrapped(file.getvalue())


BAD: list[tuple[Any, str]] = [
    (lambda: wrapped(b"PK\3\4 and no more"), "This is neither text nor an .npz or .npy of NumPy, or it is damaged"),
    (lambda: wrapped(b"\x93NUMPY\1\0"), "This is neither text nor"),
    (lambda: npz(logits=Z, labels=Y)[:-40], "This is neither text nor"),
    (lambda: packed.PREFIX + "!!!", "This is neither text nor"),
    (lambda: npz(logits=Z), "An .npz must hold labels and one of logits and probs; this one holds logits."),
    (
        lambda: npz(logits=Z, probs=Z, labels=Y),
        "An .npz must hold labels and one of logits and probs; this one holds",
    ),
    (
        lambda: npz(logits=np.array([[1, None]]), labels=Y),
        "The array logits is of the type '|O', and numbers or texts",
    ),
    (
        lambda: npz(logits=Z.astype(complex), labels=Y),
        "The array logits is of the type '<c16', and numbers or texts",
    ),
    (
        lambda: npz(logits=Z[0], labels=Y),
        "The array logits has numbers of shape (3,); numbers in rows, with 2 to",
    ),
    (lambda: npz(logits=np.zeros((2, 257)), labels=Y[:2]), "The array logits has numbers of shape (2, 257)"),
    (lambda: npz(logits=np.zeros((0, 3)), labels=Y[:0]), "The array logits has numbers of shape (0, 3)"),
    (lambda: npz(logits=np.array([["a", "b"]]), labels=Y[:1]), "The array logits has texts of shape (1, 2)"),
    (
        lambda: npz(logits=Z, labels=Y[:2]),
        "The array labels has numbers of shape (2,); the shape (3,) was",
    ),
    (lambda: npz(logits=Z, labels=Y, classes=Y[:2]), "The array classes has numbers of shape (2,); 3 texts were"),
    (lambda: npz(logits=Z, labels=Y, classes=np.array(["a", "b", "a"])), "The heading has the name 'a' twice"),
    (
        lambda: npz(logits=Z, labels=Y + 1),
        "The label of row 2 is 3.0; with 3 scores it is a whole number",
    ),
    (lambda: npz(logits=Z * np.nan, labels=Y), "Row 0, column 0 is NaN, which no softmax can take"),
    (lambda: npz(logits=-Z, labels=Y), "Row 2, column 1 is ∞, which no softmax can take"),
    (lambda: npz(probs=Z, labels=Y), "Row 0, column 0 is 2.0000, and a probability is from 0 to 1"),
    (
        lambda: npz(np.savez_compressed, logits=np.zeros((10_001, 2)), labels=np.zeros(10_001)),
        "10,001 rows came",
    ),
    (lambda: npy(Z), "The label of row 0 is 0.1; with 2 scores it is a whole number from 0 to 1"),
    (lambda: npy(np.array([[1, None, 2]]), allow_pickle=True), "The array rows is of the type '|O'"),
    (lambda: shaped((10_000, 256)), "This is neither text nor"),
    (lambda: shaped((10**9, 3)), "1,000,000,000 rows came, and at most 10,000"),
    (bomb, "The array logits is larger than 10,000 rows of 256 numbers"),
    (lambda: packed.PREFIX + "A" * LONGEST, "At most 750,000 bytes of such a file are read"),
]


@pytest.mark.parametrize(("write", "sentence"), BAD, ids=[f"{i}-{said[:30]}" for i, (_, said) in enumerate(BAD)])
def test_what_cannot_be_read_is_said_in_a_sentence_and_nothing_changes(write: Any, sentence: str) -> None:
    answer = show("calibration", write())
    assert answer["error"].startswith(sentence)
    assert "view" not in answer


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_file_that_is_damaged_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    whole = base64.b64decode(
        data.draw(st.sampled_from([npz(logits=Z, labels=Y), npy(Z)])).removeprefix(packed.PREFIX)
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    other = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + data.draw(st.integers(0, 4)) :]
    try:
        rows = own.rows({"name": "n", "text": wrapped(other), "form": "logits"})
    except PasteError:
        return
    assert len(rows.labels) > 0


def test_a_file_gives_what_the_command_line_gives_and_needs_no_numpy(tmp_path: Any) -> None:
    from xent.explorer.files import load

    np.savez(tmp_path / "rows.npz", logits=Z, labels=Y, classes=np.array(["a", "b", "c"]))
    theirs = load(tmp_path / "rows.npz")
    text = wrapped((tmp_path / "rows.npz").read_bytes())
    ours = own.rows({"name": "rows.npz", "text": text, "form": "logits"})
    assert (ours.name, ours.classes, ours.mistakes) == (theirs.name, theirs.classes, list(theirs.mistakes))
    np.testing.assert_allclose(list(ours.losses), theirs.losses, rtol=1e-15)
    program = """
import sys
from xent.explorer import packed
packed.read(sys.argv[1])
print("numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, text], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
