"""Rows: weighed exactly, sorted by cost, and read from a file, every fault of which gets its own sentence."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent import spec
from xent.explorer.files import InputError, load
from xent.explorer.rows import demo, weigh

LOGITS = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, -1.0], [0.0, 0.0, 9.0], [1.0, 5.0, -np.inf]])
LABELS = np.array([0, 0, 2, 2])


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "predictions.npz"
    np.savez(path, **arrays)
    return path


@given(
    st.lists(st.lists(st.integers(-3, 3).map(float), min_size=3, max_size=3), min_size=1, max_size=12), st.data()
)
def test_rows_are_in_order_of_cost_and_ties_in_order_of_number(
    logits: list[list[float]], data: st.DataObject
) -> None:
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(logits), max_size=len(logits)))
    rows = weigh(logits, labels, name="drawn", classes=("a", "b", "c"))
    assert sorted(rows.order) == list(range(len(logits)))
    pairs = [(-rows.losses[i], i) for i in rows.order]
    assert pairs == sorted(pairs)
    assert rows.mistakes == [i for i in rows.order if logits[i].index(max(logits[i])) != labels[i]]


def test_an_undefined_loss_comes_first_and_an_infinite_one_next() -> None:
    masked = [-math.inf, -math.inf]
    rows = weigh([[0.0, 9.0], [0.0, -math.inf], masked, [0.0, 1.0]], [0, 1, 0, 1], name="", classes=("a", "b"))
    assert rows.order == [2, 1, 0, 3]
    assert math.isnan(rows.losses[2])
    assert rows.losses[1] == math.inf


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_file_gives_the_losses_of_the_mathematics(tmp_path: Path, dtype: str) -> None:
    logits = LOGITS.astype(dtype)
    rows = load(save(tmp_path, logits=logits, labels=LABELS))
    exact = [spec.loss(z.tolist(), int(y)) for z, y in zip(logits, LABELS, strict=True)]
    np.testing.assert_allclose(rows.losses, exact, rtol=1e-15)
    assert list(rows.order) == [3, 1, 0, 2]
    assert list(rows.mistakes) == [3, 1]
    assert list(rows.predicted) == [0, 1, 2, 1]
    assert rows.name == "predictions.npz"
    assert rows.classes == ("0", "1", "2")
    assert rows.images is None


def test_the_two_ways_to_make_rows_agree(tmp_path: Path) -> None:
    for known in demo().values():
        path = save(tmp_path, logits=np.array(known.logits), labels=np.array(known.labels))
        rows = load(path)
        np.testing.assert_allclose(rows.losses, known.losses, rtol=1e-14)
        assert list(rows.order) == known.order
        assert list(rows.mistakes) == known.mistakes


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "int64"])
def test_probabilities_become_logits_and_zero_becomes_a_mask(tmp_path: Path, dtype: str) -> None:
    probs = np.array([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]] if dtype != "int64" else [[0, 1, 0], [0, 0, 1]], dtype)
    rows = load(save(tmp_path, probs=probs, labels=np.array([2, 2])))
    assert rows.losses[0] == math.inf
    assert rows.losses[1] == 0
    assert float(rows.logits[0][1]) == pytest.approx(math.log(float(probs[0, 1])), rel=1e-6)
    assert float(rows.logits[1][0]) == -math.inf


def test_names_pictures_and_whole_floats_are_taken(tmp_path: Path) -> None:
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2) * 10
    arrays = {"logits": LOGITS[:2], "labels": np.array([0.0, 1.0]), "classes": np.array(["cat", "dog", "å"])}
    rows = load(save(tmp_path, images=images, **arrays))
    assert rows.classes == ("cat", "dog", "å")
    assert rows.width == 2
    assert rows.images is not None
    assert list(rows.images) == ["0257", "9beg"]
    assert rows.images[0:1] == ["0257"]
    flat = load(save(tmp_path, images=np.ones((2, 1, 3)), **arrays))
    assert flat.images is not None
    assert flat.images[1] == "000"


def test_a_million_rows_are_not_copied_into_lists(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n, k = 100_000, 20
    path = save(tmp_path, logits=rng.normal(size=(n, k)).astype(np.float32), labels=rng.integers(0, k, n))
    tracemalloc.start()
    rows = load(path)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < n * (4 * k + 5 * 8) * 1.1  # the logits; labels, losses, predictions and two orders; nothing else
    assert len(rows.order) == n
    worst = rows.order[0]
    assert float(rows.losses[worst]) == pytest.approx(
        spec.loss([float(z) for z in rows.logits[worst]], int(rows.labels[worst])), rel=1e-15
    )


def many(**wrong: Any) -> dict[str, Any]:
    return {"logits": LOGITS, "labels": LABELS} | wrong


def altered(values: Any, at: Any, value: float) -> np.ndarray:
    out = np.array(values, dtype=float)
    out[at] = value
    return out


HALVES = np.full((4, 2), 0.5)
FAULTS: list[tuple[dict[str, Any], str]] = [
    (
        {"labels": LABELS, "scores": LOGITS},
        "must hold labels and one of logits and probs; it holds labels, scores.",
    ),
    ({"logits": LOGITS}, "it holds logits."),
    (many(probs=LOGITS), "it holds labels, logits, probs."),
    (
        many(logits=LOGITS[0]),
        "logits must be numbers of shape (N, K) with N ≥ 1 and K ≥ 2, float64 of shape (3,) came.",
    ),
    (many(logits=LOGITS[None]), "float64 of shape (1, 4, 3) came."),
    (many(logits=LOGITS[:, :1]), "float64 of shape (4, 1) came."),
    (many(logits=LOGITS[:0], labels=LABELS[:0]), "float64 of shape (0, 3) came."),
    (many(logits=LOGITS.astype(complex)), "complex128 of shape (4, 3) came."),
    (many(logits=LOGITS.astype(str)), "of shape (4, 3) came."),
    (many(logits=LOGITS.astype(object)), "logits in"),
    (many(labels=LABELS.astype(object)), "is an array of Python objects, which are not opened"),
    (
        many(labels=LABELS[:3]),
        "labels must be 4 whole numbers, one for each row of logits or probs; int64 of shape (3,)",
    ),
    (many(labels=np.eye(4, 3)), "float64 of shape (4, 3) came."),
    (many(labels=np.array(list("abcd"))), "labels must be 4 whole numbers"),
    (many(labels=np.array([0, 1, 3, 7])), "labels must be classes from 0 to 2; row 2 has 3 (2 rows in all)."),
    (many(labels=np.array([0, -1, 2, 2])), "row 1 has -1 (1 row in all)."),
    (many(labels=np.array([0, 2**64 - 1, 2, 2], np.uint64)), "row 1 has 18446744073709551615 (1 row in all)."),
    (many(labels=np.array([0, 1.5, 2, np.nan])), "labels must be whole numbers; row 1 has 1.5 (2 rows in all)."),
    (many(logits=altered(LOGITS, (2, 0), np.nan)), "logits must not be NaN: 1 row, the first in row 2."),
    (many(logits=altered(LOGITS, (slice(1, 3), 0), np.inf)), "logits must not be +∞: 2 rows, the first in row 1."),
    (many(logits=altered(LOGITS, 3, -np.inf)), "needs a finite one: 1 row all −∞, the first is row 3."),
    (
        {"probs": altered(HALVES, (1, 0), -0.5), "labels": [0] * 4},
        "1 row with a value below 0, the first is row 1.",
    ),
    ({"probs": altered(HALVES, (1, 0), 1.5), "labels": [0] * 4}, "1 row with a value above 1, the first is row 1."),
    ({"probs": altered(HALVES, (3, 0), np.nan), "labels": [0] * 4}, "1 row with a value NaN, the first is row 3."),
    (
        {"probs": altered(HALVES, (slice(2, 4), 0), 0.75), "labels": [0] * 4},
        "every row of probs must sum to 1 within 0.001; row 2 sums to 1.25 (2 rows in all).",
    ),
    (many(classes=np.array(["a", "b"])), "classes must be 3 texts, one for each column; <U1 of shape (2,) came."),
    (many(images=np.zeros((3, 8, 8))), "images must be numbers of shape (N, height, width) with N = 4"),
    (many(images=np.zeros((4, 64))), "float64 of shape (4, 64) came."),
    (many(images=altered(np.zeros((4, 2, 2)), 0, np.nan)), "images must be finite"),
]


@pytest.mark.parametrize(("arrays", "sentence"), FAULTS)
def test_what_is_wrong_with_the_arrays_is_said_in_one_sentence(
    tmp_path: Path, arrays: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(save(tmp_path, **arrays))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(kind: str, folder: Path) -> Path:
    path = folder / "file.npz"
    whole = save(folder, **many()).read_bytes()
    buffer = io.BytesIO()
    if kind == "missing":
        return path
    if kind == "folder":
        return folder
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    if kind == "flipped":  # a bit inside the logits: the checksum notices
        at = whole.index(b"NUMPY") + 150
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    if kind == "text":
        path.write_text("logits,labels\n1,2\n")
    if kind == "empty":
        path.write_bytes(b"")
    if kind == "one array":
        np.save(buffer, LOGITS)
        path.write_bytes(buffer.getvalue())
    if kind == "no array inside":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("logits", "1 2 3")
            archive.writestr("labels", "1")
    if kind == "another archive":
        with zipfile.ZipFile(path, "w") as archive:
            for i in range(30):
                archive.writestr(f"weights/{i:02}", "0")
    if kind == "too large":
        np.lib.format.write_array_header_1_0(
            buffer, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**10)}
        )
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("logits.npy", buffer.getvalue())
            archive.writestr("labels.npy", buffer.getvalue())
    if kind == "pickle":
        np.save(buffer, np.array([{}], dtype=object))
        path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no file"),
        ("folder", "is a folder"),
        ("truncated", "is not an .npz file, or is damaged"),
        ("flipped", "logits in"),
        ("text", "is not an .npz file, or is damaged"),
        ("empty", "is not an .npz file, or is damaged"),
        ("one array", "holds one array"),
        ("no array inside", "is not an array; np.savez writes one."),
        ("another archive", "it holds weights/00, weights/01, weights/02, weights/03"),
        ("too large", "logits in"),
        ("pickle", "is not an .npz file, or is damaged"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_in_one_sentence(tmp_path: Path, kind: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        load(damaged(kind, tmp_path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_demo_needs_no_numpy() -> None:
    program = "import sys; from xent.explorer.rows import demo; demo(); print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
    counter = program.replace("demo()", "demo(); import xent.explorer.files", 1)
    run = subprocess.run([sys.executable, "-c", counter], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"  # the question can be answered the other way


# ------------------------------------------------------------------------------------------------------------ text


def test_a_csv_is_read_as_the_page_reads_it(tmp_path):
    path = tmp_path / "pets.CSV"
    path.write_text("\ufeffcat,dog,label\n2,1,dog\n0,-inf,cat\n1,1,-100\n", encoding="utf-8")
    rows = load(path)
    assert (rows.name, rows.classes, list(rows.labels)) == ("pets.CSV", ("cat", "dog"), [1, 0])
    assert list(rows.losses) == pytest.approx([1.3132616875182228, 0.0])
    assert "-100" in rows.written.notes[0]


def test_scores_that_add_up_to_one_are_probabilities(tmp_path):
    path = tmp_path / "p.tsv"
    path.write_text("0.2\t0.8\t1\n0.5\t0.5\t0\n")
    rows = load(path)
    assert list(rows.losses) == pytest.approx([-math.log(0.8), math.log(2)])
    assert any("taken as probabilities" in note for note in rows.written.notes)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b\n1,x\n", "Row 0 has too few numbers"),
        (b"\xff\xfe1,2,0", "is not text in UTF-8"),
        (b"1,2,-100\n", "no row that counts"),
        (b"", "x.csv: "),
    ],
)
def test_text_that_cannot_be_read_is_named(tmp_path, content, sentence):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_text_is_named(tmp_path):
    with pytest.raises(InputError, match=r"There is no file .*none\.csv; rows of scores and a label were expected"):
        load(tmp_path / "none.csv")
