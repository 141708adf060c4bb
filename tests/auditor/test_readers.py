"""The same predictions in every format are the same rows."""

from __future__ import annotations

import importlib.util
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from xent.auditor import Summary
from xent.auditor.engine import summarize
from xent.auditor.plan import make
from xent.auditor.readers import arrays, expand, open_source, source
from xent.auditor.summary import FILE

spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)

Z, Y = written.digits()


def same(a: Summary, b: Summary) -> bool:
    """Equal, whatever told the kind and the names."""
    plan = replace(b.plan, because=a.plan.because, names=a.plan.names, declared=a.plan.declared)
    return a == replace(b, plan=plan)


def expected(z=Z, y=Y, **options) -> Summary:
    plan = make(z, y, kind="logits", because="as the name logits says", **options)
    return Summary.of(plan).add(0, z, y)


def save(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return [folder / "a.npz"]


def table(folder, **columns):
    pa.parquet.write_table(pa.table(columns), folder / "a.parquet")
    return [folder / "a.parquet"]


@pytest.mark.parametrize("write", written.FORMATS, ids=lambda write: write.__name__)
def test_every_format_gives_the_same_summary(write, tmp_path):
    opened = open_source(write(tmp_path, Z, Y))
    assert opened.plan.kind == "logits"
    assert opened.plan.declared
    assert opened.rows in (None, len(Z))
    assert same(expected(), summarize(opened))
    assert same(expected(), summarize(opened, size=500)), "cut into pieces"
    assert pickle.loads(pickle.dumps(opened.pieces(500))) == opened.pieces(500)  # noqa: S301 - made here


@pytest.mark.parametrize("write", written.FORMATS, ids=lambda write: write.__name__)
def test_small_blocks_are_the_same_rows(write, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BLOCK", 130)  # 13 rows
    opened = open_source(write(tmp_path, Z, Y))
    sizes = [len(z) for piece in opened.pieces(1000) for _, z, _ in piece.blocks()]
    assert max(sizes) <= 13
    assert sum(sizes) == len(Z)
    assert same(expected(), summarize(opened, size=1000))


def test_float32_stays_float32(tmp_path):
    z = Z.astype(np.float32)
    for write in (written.npz, written.parquet_lists, written.safe, written.feather, written.npy):
        folder = tmp_path / write.__name__
        folder.mkdir()
        assert same(expected(z), summarize(open_source(write(folder, z, Y))))


def test_several_files_are_numbered(tmp_path):
    for i in range(3):
        np.savez(tmp_path / f"part-{i}.npz", logits=Z[i::3], labels=Y[i::3])
    opened = open_source([f"{tmp_path}/part-*.npz"])
    assert [len(file.columns()) for file in opened.files] == [2, 2, 2]
    got = summarize(opened)
    assert got.counts["rows"] == opened.rows == len(Z)
    assert {p // FILE for p in got.tables["head"]["position"].tolist()} == {0, 1, 2}
    head = got.tables["head"].where(got.tables["head"]["position"] >= FILE * 2)
    assert np.array_equal(head["position"] - FILE * 2, np.arange(len(head)))
    assert np.array_equal(head["label"], Y[2::3])
    assert expand([tmp_path]) == [str(tmp_path / f"part-{i}.npz") for i in range(3)]


def test_only_what_is_looked_at_is_in_memory(tmp_path):
    np.savez(tmp_path / "a.npz", logits=Z, labels=Y)
    np.save(tmp_path / "logits.npy", Z)
    members = arrays.npz(str(tmp_path / "a.npz")).members
    assert members["logits"].offset is not None, "an archive without compression is read where it lies"
    assert isinstance(next(arrays.npy(str(tmp_path / "logits.npy")).blocks(0, 10, 5)).base, np.memmap)
    written.npz_compressed(tmp_path, Z, Y)
    assert arrays.npz(str(tmp_path / "c.npz")).members["logits"].offset is None


@pytest.mark.parametrize(("name", "kind"), [("logits", "logits"), ("probs", "probs"), ("log_probs", "log-probs")])
def test_names_declare_the_kind(name, kind, tmp_path):
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    plan = open_source(save(tmp_path, **{name: p, "labels": Y})).plan
    assert (plan.kind, plan.declared, plan.because) == (kind, True, f"as the name {name} says")
    plan = open_source(save(tmp_path, scores=p, labels=Y), logits="scores").plan
    assert (plan.kind, plan.declared) == ("probs", False)
    plan = open_source(save(tmp_path, scores=p, labels=Y), logits="scores", kind="logits").plan
    assert (plan.kind, plan.because) == ("logits", "as declared")


def test_texts_as_labels_are_mapped_and_the_map_is_kept(tmp_path):
    names = np.array(["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"])
    opened = open_source(save(tmp_path, logits=Z, labels=names[Y]))
    assert opened.plan.names == tuple(names)
    assert same(expected(), summarize(opened))
    other = names[::-1]  # named columns, in an order of their own
    paths = table(tmp_path, **{f"prob_{n}": Z[:, k] for k, n in enumerate(other)}, label=other[Y])
    opened = open_source(paths, kind="logits")
    assert opened.plan.names == tuple(other)
    assert same(expected(), summarize(opened))
    opened = open_source(save(tmp_path, logits=Z, labels=other[Y], classes=other))
    assert opened.plan.names == tuple(other)
    assert same(expected(), summarize(opened))
    coded = pa.array(other[Y]).dictionary_encode()
    opened = open_source(table(tmp_path, logits=list(Z), label=coded))
    assert opened.place == {name: k for k, name in enumerate(names)}
    (tmp_path / "a.csv").write_text(written.comma(tmp_path, Z, names[Y])[0].read_text())
    assert same(expected(), summarize(open_source([tmp_path / "a.csv"])))
    assert same(expected(), summarize(open_source(written.json_lines(tmp_path, Z, names[Y]))))


def test_hugging_face_names_the_classes(tmp_path):
    plan = open_source(written.hugging_face(tmp_path, Z, Y)).plan
    assert plan.names == tuple(f"digit {k}" for k in range(10))


def test_digits_as_texts_are_numbers(tmp_path):
    opened = open_source(save(tmp_path, logits=Z, labels=Y.astype(str)))
    assert opened.plan.names == ()
    assert same(expected(), summarize(opened))


def test_columns_numbered_from_1_have_labels_numbered_from_1(tmp_path):
    paths = table(tmp_path, **{f"logit_{k + 1}": Z[:, k] for k in range(10)}, label=Y + 1)
    opened = open_source(paths)
    assert opened.plan.names == tuple(str(k + 1) for k in range(10))
    assert same(expected(), summarize(opened))
    paths = table(tmp_path, **{f"logit_{k + 1}": Z[:, k] for k in range(10)}, label=Y)
    assert same(expected(), summarize(open_source(paths))), "no label is 10 and some are 0: they are indices"


def test_binary_multi_label_and_tokens(tmp_path):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=60), rng.integers(0, 2, 60)
    whole = expected(z, y)
    for paths in (
        save(tmp_path, logits=z, labels=y),
        save(tmp_path, logits=z[:, None], labels=y.astype(bool)),
        table(tmp_path, logit=z, label=y),
        table(tmp_path, logit=z, label=np.array(["no", "yes"])[y]),
    ):
        assert same(whole, summarize(open_source(paths), size=7))
    z, y = rng.normal(size=(60, 4)), rng.integers(0, 2, (60, 4))
    whole = expected(z, y)
    assert whole.plan.task == "multi-label"
    columns = {f"logit_{k}": z[:, k] for k in range(4)} | {f"label_{k}": y[:, k] for k in range(4)}
    for paths in (
        save(tmp_path, logits=z, labels=y),
        table(tmp_path, logits=list(z), labels=list(y)),
        table(tmp_path, **columns),
        written.json_lines(tmp_path, z, y),
    ):
        assert same(whole, summarize(open_source(paths), size=40))
    z, y = rng.normal(size=(20, 6, 5)).astype(np.float32), rng.integers(0, 5, (20, 6))
    y[:, 4:] = -100
    whole = expected(z, y)
    assert whole.plan.task == "tokens"
    whole.settle()
    assert whole.counts["ignored"] == 40
    for paths in (
        save(tmp_path, logits=z, labels=y),
        table(tmp_path, logits=pa.array(z.tolist(), pa.list_(pa.list_(pa.float32()))), labels=list(y)),
    ):
        opened = open_source(paths)
        assert opened.rows == 120
        assert same(whole, summarize(opened, size=70))


def test_labels_in_a_file_of_their_own(tmp_path):
    np.save(tmp_path / "scores.npy", Z)
    np.save(tmp_path / "truth.npy", Y)
    opened = open_source([tmp_path / "scores.npy"], labels=str(tmp_path / "truth.npy"), kind="logits")
    assert same(expected(), summarize(opened))
    opened = open_source(save(tmp_path, logits=Z), labels=str(tmp_path / "truth.npy"))
    assert same(expected(), summarize(opened))


def test_texts_of_several_lines_beside_the_scores(tmp_path):
    lines = ["text,p_0,p_1,label"] + [f'"one\ntwo, ""three""",0.{i}5,0.{9 - i}5,{i % 2}' for i in range(9)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    got = summarize(open_source([tmp_path / "t.csv"]))
    assert got.counts["rows"] == 9
    assert got.tables["head"]["scores"][3].tolist() == [np.float32(0.35), np.float32(0.65)]


def test_bfloat16_in_safetensors(tmp_path):
    narrow = (Z.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    wide = (narrow.astype(np.uint32) << 16).view(np.float32)
    head = json.dumps(
        {
            "logits": {"dtype": "BF16", "shape": list(Z.shape), "data_offsets": [0, 2 * Z.size]},
            "labels": {"dtype": "I64", "shape": [len(Y)], "data_offsets": [2 * Z.size, 2 * Z.size + 8 * len(Y)]},
        }
    ).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + narrow.tobytes() + Y.tobytes())
    assert same(expected(wide, tolerance=8e-3), summarize(open_source([path])))


def test_printed_probabilities_may_be_off_by_their_decimals(tmp_path):
    p = (np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)).round(2)
    assert abs(p.sum(axis=1) - 1).max() > 0.005
    assert open_source(written.json_lines(tmp_path, p, Y)).plan.tolerance == pytest.approx(0.05)


def test_nan_rows_are_counted_and_located(tmp_path):
    z = Z.copy()
    z[[5, 17]] = np.nan
    for write in (written.npz, written.comma, written.json_lines, written.parquet_columns):
        folder = tmp_path / write.__name__
        folder.mkdir()
        got = summarize(open_source(write(folder, z, Y)))
        assert got.counts["broken"] == 2
        assert got.tables["broken"]["position"].tolist() == [5, 17]
    lists = [None if i in (5, 17) else row for i, row in enumerate(z.tolist())]
    got = summarize(open_source(table(tmp_path, logits=lists, labels=Y)))
    assert got.tables["broken"]["position"].tolist() == [5, 17], "a row without scores is one of NaN"


def test_numbers_beyond_float32(tmp_path):
    z = Z.copy()
    z[3, 2] = 1e300
    assert same(expected(z), summarize(open_source(written.npz(tmp_path, z, Y))))
