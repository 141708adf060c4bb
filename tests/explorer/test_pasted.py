"""A reader's own rows as text: what is read, and the sentence about what is not."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.explorer.drawn import ask
from tests.explorer.owned import given_rows, show
from xent.explorer import own
from xent.explorer.pasted import PasteError, read


@pytest.mark.parametrize(
    "text",
    [
        "2,1,0.1,0\n0,3,1,1",
        "2 1 0.1 0\n0 3 1 1\n",
        "2, 1, 0.1, 0; 0, 3, 1, 1",
        "[[2.0, 1.0, 0.1, 0], [0.0, 3.0, 1.0, 1]]",
        "[[2. 1. 0.1 0]\n [0. 3. 1. 1]]",
        "2\t1\t0.1\t0\r\n0\t3\t1\t1\r\n",
        "2\t1\t0,1\t0\n0\t3\t1\t1",  # decimal commas of a spreadsheet
        "2 1 0.1 | 0; 0 3 1 | 1",
        "\ufeff2,1,0.1,0\n\n0,3,1,1\n\n",
        '"2","1","0.1","0"\n"0","3","1","1"',
    ],
)
def test_rows_are_read_as_they_are_pasted(text: str) -> None:
    rows = read(text)
    assert rows.logits == [[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]]
    assert (rows.labels, rows.used, rows.soft, rows.names, rows.notes) == ([0, 1], [True, True], None, None, ())


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("cat,dog,bird,label\n2,1,0.1,cat\n0,3,1,1", None),
        ("cat dog bird\n2 1 0.1 0\n0 3 1 dog", None),
        ('"cat",dog,bird,y\n2,1,0.1,"cat"\n0,3,1,dog', None),
        ("cat, dog, bird | label\n2, 1, 0.1 | cat\n0, 3, 1 | dog", None),
        ("label,cat,dog,bird\ncat,2,1,0.1\ndog,0,3,1", "The labels were read from the column 'label'."),
        (
            ",cat,dog,bird,label\n0,2,1,0.1,cat\n1,0,3,1,dog",
            "The first column has no name in the heading and was left",
        ),
        (
            "id,cat,dog,bird,label\na,2,1,0.1,cat\nb,0,3,1,dog",
            "The first column, 'id', was taken for a number of the",
        ),
    ],
)
def test_a_heading_names_the_classes_and_labels_may_be_names(text: str, note: str | None) -> None:
    rows = read(text)
    assert rows.names == ("cat", "dog", "bird")
    assert rows.logits == [[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]]
    assert rows.labels == [0, 1]
    assert [note] == [said[: len(note or "")] for said in rows.notes] if note else rows.notes == ()


def test_names_that_are_numbers_are_labels_only_if_all_labels_are_names() -> None:
    assert read("7,3,label\n1,2,3\n2,1,7").labels == [1, 0]
    assert read("7,3,label\n1,2,1\n2,1,0").labels == [1, 0]
    with pytest.raises(PasteError, match="The label of row 0 is 3"):
        read("7,3,label\n1,2,3\n2,1,0")


def test_distributions_masks_and_ignored_rows_are_read() -> None:
    rows = read("1, −inf, 2 | 0.5, 0, 0.5; 0, 1, 1 | -100")
    assert rows.logits[0] == [1.0, -math.inf, 2.0]
    assert rows.soft == [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]
    assert rows.used == [True, False]
    assert rows.notes == ("Rows with the label -100 are ignored, here 1; the others are counted without them.",)


def test_what_probabilities_are_is_said_by_the_reader_and_never_guessed() -> None:
    text = "0.7,0.2,0.1,0\n0.25,0,0.75,2"
    as_logits, as_probs = read(text), read(text, probs=True)
    assert as_logits.logits[0] == [0.7, 0.2, 0.1]
    assert as_logits.notes[0].startswith("Every row lies between 0 and 1 and adds up to 1")
    assert as_probs.logits[1] == [math.log(0.25), -math.inf, math.log(0.75)]
    assert as_probs.notes == ()
    assert (
        read("0.333,0.333,0.333,0\n0.33,0.33,0.33,0", probs=True)
        .notes[0]
        .startswith("The probabilities of some rows, here 1")
    )
    assert not read("0.7,0.2,0.1,0\n1.5,0,0,2").notes, "one row that is none is enough"


LONG = "1 2 0 " * 200_000
BAD = [
    ("1,2,0\n1,2,3,0", "Row 1 has 3 scores and row 0 has 2; give every row the same number, and its label."),
    ("cat,dog,label\n1,2,0\n1,2", "Row 1 has too few numbers: two scores at least and a label are needed"),
    (
        "1,cat,0\n1,2,0",
        "Row 0, column 1: a number was expected, 'cat' came; write a number, or −inf to mask the class.",
    ),
    ("cat,dog,label\n1,2,0\n1,x,0", "Row 1, column 1: a number was expected, 'x' came"),
    ("hello there", "No rows came but a heading; write a line of numbers for each row below it"),
    ("1,2,0 3,4,1", "Row 0, column 2: a number was expected, '0 3' came"),
    ("1_0,2,0", "Row 0, column 0: a number was expected, '1_0' came"),
    ("1,,0\n1,2,0", "Row 0, column 1 is empty; write a number, or −inf to mask the class."),
    (
        "1,2,0\n1,nan,0",
        "Row 1, column 1 is NaN, which no softmax can take; write a finite number, or −inf to mask the",
    ),
    (
        "1,inf,0",
        "Row 0, column 1 is ∞, which no softmax can take; write a finite number, or −inf to mask the class.",
    ),
    (
        ",".join(["1"] * 1001),
        "Row 0 has 1000 scores, and at most 256 classes are read; keep the classes you want to",
    ),
    ("1,2,0\n" * 10_001, "10,001 rows came, and at most 10,000 are read; keep some of them, or save them as .npz"),
    ("5", "Row 0 has too few numbers: two scores at least and a label are needed, such as 2, 1, 0"),
    (
        "1,2,2",
        "The label of row 0 is 2.0; with 2 scores it is a whole number from 0 to 1, or -100 to ignore the row.",
    ),
    ("1,2,0.5", "The label of row 0 is 0.5; with 2 scores it is a whole number"),
    ("1,2,-1", "The label of row 0 is −1.0; with 2 scores it is a whole number"),
    ("1,2,nan", "The label of row 0 is NaN; with 2 scores it is a whole number"),
    ("1,2,0\n1,2,cat", "The label of row 1 is 'cat'; with 2 scores it is a whole number from 0 to 1"),
    (
        "cat,dog,label\n1,2,eel",
        "The label of row 0 is 'eel'; it is a name out of the heading, a whole number from 0 to 1",
    ),
    ("cat,dog,eel,label\n1,2,0", "The heading has 4 names and row 0 has 2 scores; give it a name for each class"),
    ("cat,cat,label\n1,2,0", "The heading has the name 'cat' twice; give each class a name of its own."),
    ("1 2|0.5 0.6", "The target of row 0 adds up to 1.1000; its shares have to be 0 or more and add up to 1."),
    ("1 2|0.5 nan", "The target of row 0 adds up to NaN; its shares have to be 0 or more and add up to 1."),
    ("1 2|1.5 -0.5", "The target of row 0 adds up to 1.0000; its shares have to be 0 or more"),
    ("1 2 3|0.5 0.5", "The target of row 0 has 2 numbers; write one label, or 3 shares that add up to 1."),
    ("1 2|0;1 2 0", "Row 1 does not have the same bars as row 0; put one | between scores and target"),
    ("1 2|0|1", "Row 0 does not have the same bars as row 0"),
    ("1,2,0\n-inf,-inf,0", "Row 1 has every class masked with −∞, which leaves no probability to give"),
    ("1,2,-100\n2,1,-100", "Every row has the label -100, which ignores it; give at least one row its class."),
    ("  ;; ", "No rows came; write the scores of a row and its label, such as 2, 1, 0.1, 0."),
    ("PK\3\4\x14\0", "This is no text; paste text, such as CSV, or open an .npz as a file."),
    (LONG, "At most 1,000,000 characters are read, 1,200,000 came; keep some of the rows, or save them as .npz"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[sentence[:40] for _, sentence in BAD])
def test_a_bad_row_is_named_in_a_sentence_and_nothing_changes(text: str, sentence: str) -> None:
    url = "x=labels&v=1&split=3"
    answer = ask(url, {"do": "own"}, own=given_rows(text))
    assert answer["error"].startswith(sentence)
    assert answer["url"] == url
    assert "view" not in answer


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.5,0.5,0\n2,-1,0", "Row 1, column 0 is 2.0000, and a probability is from 0 to 1; if these are logits"),
        ("0.5,0.5,0\n0.5,0.2,0", "Row 1 adds up to 0.7000, and probabilities add up to 1; if these are logits"),
    ],
)
def test_what_is_no_probability_is_refused_as_one(text: str, sentence: str) -> None:
    assert show("logits", text, form="probs")["error"].startswith(sentence)


@settings(max_examples=300)
@given(st.text("0123456789.,;|[]()-+einfa \t\n\"'_", max_size=60))
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    try:
        rows = own.rows(given_rows(text))
    except PasteError:
        return
    assert len(rows.labels) == len(rows.losses) == len(rows.order) > 0
    assert all(0 <= y < len(rows.classes) for y in rows.labels)


@settings(max_examples=60)
@given(st.data(), st.sampled_from([", ", "\t", " "]), st.booleans())
def test_rows_that_are_written_are_read_back_to_the_last_bit(data: st.DataObject, gap: str, heading: bool) -> None:
    k, n = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 8))
    finite = st.floats(-1e6, 1e6)
    logits = [data.draw(st.lists(finite | st.just(-math.inf), min_size=k, max_size=k)) for _ in range(n)]
    for row in logits:
        row[data.draw(st.integers(0, k - 1))] = data.draw(finite)
    labels = data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    lines = [
        gap.join([*map(repr, row), f"c{y}" if heading else str(y)]) for row, y in zip(logits, labels, strict=True)
    ]
    names = [gap.join([*(f"c{j}" for j in range(k)), "label"])] if heading else []
    rows = read("\n".join(names + lines))
    assert rows.logits == logits
    assert rows.labels == labels
    assert rows.names == (tuple(f"c{j}" for j in range(k)) if heading else None)


@given(st.lists(st.lists(st.integers(-40, 40).map(float), min_size=3, max_size=3), min_size=1, max_size=30))
def test_losses_and_their_order_are_the_library_s(logits: list[list[float]]) -> None:
    text = "".join(f"{','.join(map(repr, row))},{i % 3}\n" for i, row in enumerate(logits))
    rows = own.rows(given_rows(text))
    exact = xent.cross_entropy(np.array(logits), np.arange(len(logits)) % 3, reduction="none")
    np.testing.assert_allclose(list(rows.losses), exact, rtol=1e-15)
    costs = [rows.losses[i] for i in rows.order]
    assert all(a >= b or math.isclose(a, b, rel_tol=1e-14) for a, b in pairwise(costs))
    assert rows.mistakes == [i for i in rows.order if np.argmax(logits[i]) != i % 3]
