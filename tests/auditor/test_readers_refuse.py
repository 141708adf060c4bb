"""What cannot be read is said in one sentence: what was expected, what came, and where."""

from __future__ import annotations

import importlib.util
import json
import pickle
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from xent.auditor import AuditError
from xent.auditor.engine import summarize
from xent.auditor.readers import open_source

spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)

Z, Y = written.digits()


def save(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return [folder / "a.npz"]


def table(folder, **columns):
    pa.parquet.write_table(pa.table(columns), folder / "a.parquet")
    return [folder / "a.parquet"]


def refused(match, paths, **options):
    with pytest.raises(AuditError, match=match) as caught:
        summarize(open_source(paths, **options))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_missing_columns_are_said_with_those_there_are(tmp_path):
    refused("no column logits, probs or log_probs.*it has x and y", table(tmp_path, x=[1.0], y=[1]))
    refused("no column labels; it has logits and z", save(tmp_path, logits=Z, z=Y))
    refused("no column a; it has logits and labels", save(tmp_path, logits=Z, labels=Y), logits="a")
    refused("no column b; it has logits and labels", save(tmp_path, logits=Z, labels=Y), labels="b")
    refused("several columns of scores, logits and probs", save(tmp_path, logits=Z, probs=Z, labels=Y))
    refused("several columns of labels, label and labels", save(tmp_path, logits=Z, label=Y, labels=Y))
    refused("logits in .* holds no numbers", table(tmp_path, logits=["[1, 2]"], labels=[1]))


def test_ragged_rows(tmp_path):
    refused(r"Row 1 of .* has 1 scores", table(tmp_path, logits=[[1.0, 2.0], [1.0]], labels=[0, 1]))
    refused(
        "3 scores a row were expected.*2 came",
        [*written.npz(tmp_path, Z[:, :3], Y % 3), *_second(tmp_path, Z[:, :2], Y % 2)],
    )
    (tmp_path / "r.jsonl").write_text('{"logits": [1.5, 2], "label": 0}\n{"logits": [1.0], "label": 0}\n')
    refused(r"Line 2 of .* has scores of shape \(1,\); \(2,\) was expected", [tmp_path / "r.jsonl"])
    (tmp_path / "r.csv").write_text("p_0,p_1,label\n0.5,0.5,1\n0.5,1\n")
    refused("Line 3 of .* has 2 fields; the header has 3", [tmp_path / "r.csv"])


def _second(folder, z, y):
    np.savez(folder / "b.npz", logits=z, labels=y)
    return [folder / "b.npz"]


def test_labels_that_are_missing(tmp_path):
    refused("Row 1 of .* has no label", table(tmp_path, logits=[[1.0, 2.0]] * 2, labels=[0, None]))
    (tmp_path / "m.jsonl").write_text('{"p": 0.5, "label": 0}\n{"p": 0.5}\n')
    refused("Line 2 of .* has no label; it has p", [tmp_path / "m.jsonl"])
    (tmp_path / "m.jsonl").write_text('{"p": 0.5, "label": 0}\n{"p": 0.5, "label": null}\n')
    refused("Line 2 of .* has no label; leave", [tmp_path / "m.jsonl"])
    refused("One label a row was expected", save(tmp_path, logits=Z, labels=Y[:-1]))
    refused("One file of labels was expected", written.npy(tmp_path, Z, Y)[:1])
    refused("Some rows have no label", save(tmp_path, logits=Z[:3], labels=np.array(["a", "", "b"])))


def test_rows_of_several_labels_after_rows_of_one(tmp_path):
    y = np.eye(10, dtype=np.int64)[np.arange(5000) % 10]
    z = np.zeros((5000, 10))
    assert summarize(open_source(save(tmp_path, logits=z, labels=y))).plan.task == "multi-class"
    y[4999, 3] = 1
    refused("they were taken for classes; a later one has 2", save(tmp_path, logits=z, labels=y))


def test_texts_that_are_no_classes(tmp_path):
    refused(
        "Labels are 2 texts .a, b., scores are of 10", save(tmp_path, logits=Z[:2], labels=np.array(["a", "b"]))
    )
    refused(
        "The label 'horse' is no class; the classes are cat, dog",
        table(tmp_path, p_cat=[0.5, 0.5], p_dog=[0.5, 0.5], label=["horse", "cat"]),
    )
    refused(
        "Labels must be whole numbers; row 1 of .* has 0.5",
        save(tmp_path, logits=Z[:2], labels=np.array([1.0, 0.5])),
    )


def test_damaged_files(tmp_path):
    whole = written.parquet_lists(tmp_path, Z, Y)[0].read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    refused("cut.parquet is damaged or cut off", [tmp_path / "cut.parquet"])
    for write in (written.npz, written.npz_compressed, written.safe, written.feather, written.arrow):
        path = write(tmp_path, Z, Y)[0]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        refused(f"{path.name} is (damaged or cut off|cut off|no safetensors file)", [path])
    path = written.npy(tmp_path, Z, Y)[0]
    path.write_bytes(path.read_bytes()[:-8])
    refused(
        f"logits.npy is cut off: {Z.nbytes + 128:,} bytes were expected, {Z.nbytes + 120:,} are there",
        [path, tmp_path / "labels.npy"],
    )
    (tmp_path / "cut.jsonl").write_text('{"logits": [1.0, 2.0], "label": 0}\n{"logits": [1.')
    refused("Line 2 of .* is no JSON, or is cut off", [tmp_path / "cut.jsonl"])


@pytest.mark.slow
@pytest.mark.parametrize("write", written.FORMATS, ids=lambda write: write.__name__)
def test_bytes_that_make_no_sense(write, tmp_path):
    """Whatever is wrong with the bytes, there is a summary or one sentence."""
    rng, sentences = random.Random(write.__name__), []
    for attempt in range(60):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        paths = write(folder, Z[:60], Y[:60])
        path = paths[0] if paths[0].is_file() else sorted(paths[0].iterdir())[attempt % 3]
        content = bytearray(path.read_bytes())
        if attempt % 2:
            content = content[: rng.randrange(len(content))]
        for _ in range(rng.choice([0, 1, 3, 20]) if attempt % 2 else rng.choice([1, 3, 20])):
            content[rng.randrange(min(len(content), 400)) if attempt % 3 else rng.randrange(len(content))] = (
                rng.randrange(256)
            )
        path.write_bytes(content)
        try:
            summarize(open_source(paths))
        except AuditError as error:
            sentences.append(str(error))
    assert len(sentences) > 20
    assert not [sentence for sentence in sentences if "\n" in sentence]


def test_a_header_in_the_middle(tmp_path):
    path = written.comma(tmp_path, Z, Y)[0]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:401], lines[0], *lines[401:]]) + "\n")
    refused("Line 402 of .*a.csv is the header again", [path])
    path.write_text("\n".join([*lines[:101], lines[5].replace(",", ",x", 1), *lines[101:]]) + "\n")
    refused("Line 102 of .* has 'x.*' in logit_0, where a number was expected", [path])
    path.write_text("\n".join([*lines[:101], lines[5].rpartition(",")[0] + ",seven", *lines[101:]]) + "\n")
    refused("Line 102 of .* has 'seven' in label; the labels before are whole numbers", [path])
    path.write_text("\n".join(lines[1:]) + "\n")
    refused("has no header: its first line is numbers", [path])
    path.write_text("a,a\n1,2\n")
    refused("two columns a", [path])


def test_nothing_is_unpickled(tmp_path):
    objects = np.empty(2, object)
    objects[:] = [Trap(), Trap()]
    np.savez(tmp_path / "o.npz", logits=objects, labels=np.array([0, 1]))
    refused("logits in .* is an array of Python objects, which are not opened", [tmp_path / "o.npz"])
    np.savez(tmp_path / "o.npz", logits=Z[:2], labels=objects)
    refused("labels in .* is an array of Python objects", [tmp_path / "o.npz"])
    np.savez(tmp_path / "o.npz", logits=Z[:2], labels=Y[:2], classes=objects)
    assert open_source([tmp_path / "o.npz"]).plan.names == ()
    np.save(tmp_path / "o.npy", objects)
    refused("Python objects", [tmp_path / "o.npy", *written.npy(tmp_path, Z, Y)[1:]])
    (tmp_path / "o.pkl").write_bytes(pickle.dumps(Trap()))
    refused("may hold a pickle, which is never opened", [tmp_path / "o.pkl"])


class Trap:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


def test_folders_and_files_of_other_kinds(tmp_path):
    written.npz(tmp_path, Z, Y)
    written.parquet_lists(tmp_path, Z, Y)
    refused(r"a folder with files of the kinds .npz and .parquet", [tmp_path])
    refused(
        "Files of one format were expected; .* is npz, .* is Parquet",
        [tmp_path / "a.npz", tmp_path / "lists.parquet"],
    )
    np.savez(tmp_path / "b.npz", probs=Z, labels=Y)
    refused(
        "must have the same columns of scores; .* has logits, .* has probs",
        [tmp_path / "a.npz", tmp_path / "b.npz"],
    )
    (tmp_path / "empty").mkdir()
    refused("a folder with no files", [tmp_path / "empty"])
    (tmp_path / "dict").mkdir()
    (tmp_path / "dict" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    dataset = written.hugging_face(tmp_path, Z, Y)[0]
    state = json.loads((dataset / "state.json").read_text()) | {"_indices_data_files": [{"filename": "i.arrow"}]}
    (dataset / "state.json").write_text(json.dumps(state))
    refused("a selection that is not written out", [dataset])
    refused("holds the splits train, test; name one of them: .*train", [tmp_path / "dict"])


def test_files_that_are_none(tmp_path):
    refused("There is no file nowhere.npz", ["nowhere.npz"])
    refused("There is no file .*none.*", [f"{tmp_path}/none-*.npz"])
    (tmp_path / "notes.txt").write_text("Dear diary")
    refused("is none of the formats that are read", [tmp_path / "notes.txt"])
    for name in ("e.npz", "e.csv", "e.jsonl", "e.parquet"):
        (tmp_path / name).write_bytes(b"")
        refused(f"{name} is empty", [tmp_path / name])
    (tmp_path / "h.csv").write_text("p_0,p_1,label\n")
    refused("no rows", [tmp_path / "h.csv"])
    refused("no rows", save(tmp_path, logits=Z[:0], labels=Y[:0]))
    refused(
        "no rows", table(tmp_path, logits=pa.array([], pa.list_(pa.float32())), labels=pa.array([], pa.int64()))
    )
    refused("must be floating numbers; int64 came", save(tmp_path, logits=Y[:, None] * [1, 2], labels=Y))
    (tmp_path / "z.npz").write_bytes(b"PK\x05\x06" + bytes(18))
    refused("archive without arrays", [tmp_path / "z.npz"])
