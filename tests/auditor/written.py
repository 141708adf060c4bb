"""The digits' predictions, written in every format that is read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import safetensors.numpy

from xent.explorer.rows import demo


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, 10) and labels of one of the demo's classifiers."""
    rows = next(iter(demo().values()))
    return np.array(rows.logits, np.float64), np.array(rows.labels, np.int64)


def fixed(z):
    return pa.FixedSizeListArray.from_arrays(pa.array(z.ravel()), z.shape[1])


def by_class(z, prefix="logit"):
    return {f"{prefix}_{k}": z[:, k] for k in range(z.shape[1])}


def npy(folder, z, y):
    np.save(folder / "logits.npy", z)
    np.save(folder / "labels.npy", y)
    return [folder / "logits.npy", folder / "labels.npy"]


def npz(folder, z, y):
    np.savez(folder / "a.npz", logits=z, labels=y, ids=np.arange(len(y)))
    return [folder / "a.npz"]


def npz_compressed(folder, z, y):
    np.savez_compressed(folder / "c.npz", logits=z, labels=y)
    return [folder / "c.npz"]


def npz_fortran(folder, z, y):
    np.savez(folder / "f.npz", logits=np.asfortranarray(z), labels=y.astype(">i4"))
    return [folder / "f.npz"]


def npz_fortran_compressed(folder, z, y):
    np.savez_compressed(folder / "g.npz", logits=np.asfortranarray(z).astype(">f8"), labels=y.astype(np.uint8))
    return [folder / "g.npz"]


def parquet_lists(folder, z, y):
    table = pa.table({"logits": list(z), "labels": y})
    pa.parquet.write_table(table, folder / "lists.parquet", row_group_size=100)
    return [folder / "lists.parquet"]


def parquet_columns(folder, z, y):
    pa.parquet.write_table(pa.table(by_class(z) | {"labels": y}), folder / "columns.parquet", row_group_size=1000)
    return [folder / "columns.parquet"]


def feather(folder, z, y):
    table = pa.table({"labels": y, "logits": fixed(z)})
    pa.feather.write_feather(table, str(folder / "a.feather"), compression="lz4", chunksize=64)
    return [folder / "a.feather"]


def arrow(folder, z, y):
    table = pa.table({"logits": fixed(z), "labels": y})
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    return [folder / "a.arrow"]


def hugging_face(folder, z, y):
    """Make a folder as `Dataset.save_to_disk` writes it, of one file."""
    where = folder / "dataset"
    where.mkdir()
    features = {"label": {"names": [f"digit {k}" for k in range(z.shape[1])], "_type": "ClassLabel"}}
    known = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"logits": list(z), "label": y}).replace_schema_metadata(known)
    path = str(where / "data-00000-of-00001.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=77)
    (where / "dataset_info.json").write_text(json.dumps({"features": features}))
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_format_type": None}
    (where / "state.json").write_text(json.dumps(state))
    return [where]


def comma(folder, z, y, delimiter=",", name="a.csv"):
    with Path(folder / name).open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", *by_class(z), "label"])
        writer.writerows(
            [i, *map(repr, row), label] for i, (row, label) in enumerate(zip(z.tolist(), y, strict=True))
        )
    return [folder / name]


def tab(folder, z, y):
    return comma(folder, z, y, "\t", "a.tsv")


def json_lines(folder, z, y):
    with Path(folder / "a.jsonl").open("w") as file:
        for row, label in zip(z.tolist(), y.tolist(), strict=True):
            file.write(json.dumps({"logits": row, "label": label}) + "\n")
    return [folder / "a.jsonl"]


def safe(folder, z, y):
    safetensors.numpy.save_file({"logits": np.ascontiguousarray(z), "labels": y}, folder / "a.safetensors")
    return [folder / "a.safetensors"]


FORMATS = [
    npy, npz, npz_compressed, npz_fortran, npz_fortran_compressed, parquet_lists, parquet_columns, feather, arrow,
    hugging_face, comma, tab, json_lines, safe,
]  # fmt: skip
