# pyright: basic, reportAttributeAccessIssue=false
"""Tables that pyarrow reads: Parquet, Arrow and Feather, Hugging Face data sets on disk, CSV. A batch at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.plan import AuditError
from xent.auditor.readers.arrays import damage, line
from xent.auditor.readers.layout import Column, Layout, What
from xent.auditor.readers.source import Block, Labels, Named

Array = NDArray[Any]


def arrow() -> Any:
    """Import pyarrow, or say how to get it.

    Raises
    ------
    AuditError
        It is not installed.

    Examples
    --------
    >>> arrow().__name__
    'pyarrow'
    """
    try:
        import pyarrow as pa
        import pyarrow.ipc
    except ImportError:
        raise AuditError(
            'Parquet, Arrow and CSV need pyarrow; install it with: pip install "xent[audit]"'
        ) from None
    return pa


@contextmanager
def trouble(path: str) -> Iterator[None]:
    """Turn what pyarrow says into one sentence.

    Examples
    --------
    >>> with trouble("a.parquet"):
    ...     raise arrow().ArrowInvalid("Parquet magic bytes not found in footer.")
    Traceback (most recent call last):
    ...
    xent.auditor.plan.AuditError: a.parquet is damaged or cut off: Parquet magic bytes not found in footer.
    """
    try:
        with damage(path):
            yield
    except arrow().ArrowException as error:
        raise AuditError(f"{path} is damaged or cut off: {line(error)}.") from None


def fields(schema: Any) -> tuple[Column, ...]:
    """Describe the columns of a schema; Hugging Face's names of classes are in its metadata.

    Examples
    --------
    >>> pa = arrow()
    >>> [c.what for c in fields(pa.schema([("p", pa.list_(pa.float32())), ("y", pa.string()), ("n", pa.int8())]))]
    ['row', 'text', 'whole']
    """
    known = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = (known.get("info") or {}).get("features") or {}
    return tuple(
        Column(field.name, _what(field.type), tuple((features.get(field.name) or {}).get("names") or ()))
        for field in schema
    )


def _what(kind: Any) -> What:
    types = arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if isinstance(kind, arrow().BaseExtensionType):
        kind = kind.storage_type
    if types.is_integer(kind) or types.is_boolean(kind):
        return "whole"
    if types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind):
        return "text"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _what(kind.value_type)
        return {"number": "row", "whole": "row", "row": "rows"}.get(inner, "other")  # pyright: ignore[reportReturnType]
    return "other"


def scores_of(batch: Any, names: tuple[str, ...], path: str, first: int) -> Array:
    """Take scores out of a batch: a list column, or one column a class.

    Raises
    ------
    AuditError
        Rows of different lengths.

    Examples
    --------
    >>> batch = arrow().record_batch({"p": [[0.25, 0.75], None], "q": [1.0, 2.0]})
    >>> scores_of(batch, ("p",), "a", 0).tolist(), scores_of(batch, ("q",), "a", 0).tolist()
    ([[0.25, 0.75], [nan, nan]], [1.0, 2.0])
    """
    columns = [_plain(batch.column(name)) for name in names]
    if len(columns) == 1:
        return _array(columns[0], path, first)
    parts = [_array(column, path, first) for column in columns]
    out = np.empty((len(parts[0]), len(parts)), np.result_type(*parts))
    for j, part in enumerate(parts):
        out[:, j] = part
    return out


def _plain(column: Any) -> Any:
    return column.storage if isinstance(column, arrow().ExtensionArray) else column


def _array(column: Any, path: str, first: int) -> Array:
    """Give a column as floats: (n,), (n, K) or (n, T, K)."""
    what = _what(column.type)
    if what in ("row", "rows"):
        import pyarrow.compute as pc

        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        there = np.flatnonzero(~np.isnan(lengths)) if column.null_count else np.arange(len(column))
        width = int(lengths[there[0]]) if len(there) else 0
        if (uneven := there[lengths[there] != width]).size:
            row = int(uneven[0])
            raise AuditError(
                f"Row {first + row:,} of {path} has {int(lengths[row])} scores or tokens; those "
                f"before have {width}."
            )
        inner = _array(column.flatten(), path, first)
        inner = inner.reshape(len(there), width, *inner.shape[1:])
        if len(there) == len(column):
            return inner
        out = np.full((len(column), *inner.shape[1:]), np.nan, inner.dtype)
        out[there] = inner
        return out
    if arrow().types.is_decimal(column.type) or what == "whole":
        column = column.cast("float64")
    return column.to_numpy(zero_copy_only=False)


def labels_of(batch: Any, names: tuple[str, ...], path: str, first: int) -> Labels:
    """Take labels out of a batch: numbers, texts, or a list or several columns of 0 and 1.

    Raises
    ------
    AuditError
        A row has none.

    Examples
    --------
    >>> labels_of(arrow().record_batch({"y": ["b", "a"]}), ("y",), "a", 0).names
    ('b', 'a')
    """
    columns = [_plain(batch.column(name)) for name in names]
    for column in columns:
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise AuditError(
                f"Row {first + row:,} of {path} has no label; leave such rows out, or give them one and say "
                "--ignore-index."
            )
    if len(columns) > 1:
        return np.stack([_whole(column) for column in columns], axis=1)
    column = columns[0]
    if _what(column.type) == "text":
        if not arrow().types.is_dictionary(column.type):
            column = column.dictionary_encode()
        return Named(tuple(column.dictionary.to_pylist()), column.indices.to_numpy(zero_copy_only=False))
    if _what(column.type) in ("row", "rows"):
        return _array(column, path, first)
    return _whole(column)


def _whole(column: Any) -> Array:
    if arrow().types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.to_numpy(zero_copy_only=False)


@dataclass(frozen=True)
class Table:
    """A Parquet, Arrow IPC or stream file.

    Attributes
    ----------
    path : str
        The file.
    format : {"parquet", "arrow", "stream"}
        How it is laid out: by row groups, by batches that are found at once, or by batches one after another.
    text : bool
        False: numbers are as they were computed.
    """

    path: str
    format: str
    text: bool = False

    def columns(self) -> tuple[Column, ...]:
        """Give what there is to choose from."""
        with trouble(self.path):
            if self.format == "parquet":
                import pyarrow.parquet as pq

                with pq.ParquetFile(self.path) as file:
                    return fields(file.schema_arrow)
            with self._reader(None) as reader:
                return fields(reader.schema)

    def count(self, layout: Layout) -> int:
        """Give the number of rows."""
        return sum(self._groups(layout))

    def cuts(self, layout: Layout, rows: int) -> list[tuple[int, int | None]]:
        """Cut between row groups or batches."""
        cuts: list[tuple[int, int | None]] = []
        start = end = 0
        for size in self._groups(layout):
            end += size
            if end - start >= rows:
                cuts.append((start, end - start))
                start = end
        return [*cuts, (start, end - start)] if end > start else cuts

    def read(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[Block]:
        """Read rows, some at a time; see :class:`xent.auditor.readers.File`."""
        with trouble(self.path):
            for at, batch in self._batches(layout, first, rows, step):
                scores = scores_of(batch, layout.scores, self.path, at) if layout.scores else None
                yield scores, labels_of(batch, layout.labels, self.path, at)

    @contextmanager
    def _reader(self, columns: list[str] | None) -> Iterator[Any]:
        """Open an IPC file or stream for some of its columns."""
        pa = arrow()
        opened = pa.ipc.open_file if self.format == "arrow" else pa.ipc.open_stream
        with pa.memory_map(self.path) as source:
            reader = opened(source)
            if columns is not None:
                chosen = [reader.schema.get_field_index(name) for name in columns]
                source.seek(0)
                reader = opened(source, options=pa.ipc.IpcReadOptions(included_fields=chosen))
            with reader:
                yield reader

    def _groups(self, layout: Layout) -> list[int]:
        """Rows of each row group or batch; of batches only labels are looked at."""
        with trouble(self.path):
            if self.format == "parquet":
                import pyarrow.parquet as pq

                with pq.ParquetFile(self.path) as file:
                    return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            with self._reader([layout.labels[0]]) as reader:
                if self.format == "arrow":
                    return [reader.get_batch(i).num_rows for i in range(reader.num_record_batches)]
                return [batch.num_rows for batch in reader]

    def _batches(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[tuple[int, Any]]:
        """Give batches of at most ``step`` rows from ``first`` on, each with the number of its first row."""
        columns, groups, starts = [*layout.scores, *layout.labels], self._groups(layout), [0]
        for size in groups:
            starts.append(starts[-1] + size)
        stop = starts[-1] if rows is None else first + rows
        chosen = [i for i in range(len(groups)) if starts[i] < stop and starts[i + 1] > first]
        if not chosen:
            return
        at = starts[chosen[0]]
        for batch in self._raw(chosen, columns, step):
            low, high = max(first - at, 0), min(stop - at, batch.num_rows)
            for start in range(low, high, step):
                yield at + start, batch.slice(start, min(step, high - start))
            at += batch.num_rows

    def _raw(self, chosen: list[int], columns: list[str], step: int) -> Iterator[Any]:
        if self.format == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=2**20) as file:
                yield from file.iter_batches(batch_size=step, row_groups=chosen, columns=columns, use_threads=False)
            return
        with self._reader(columns) as reader:
            if self.format == "arrow":
                yield from (reader.get_batch(i) for i in chosen)
            else:
                yield from (batch for i, batch in enumerate(reader) if chosen[0] <= i <= chosen[-1])


def folder(path: str) -> list[str]:
    """List the files of a Hugging Face data set on disk, in order.

    Raises
    ------
    AuditError
        It is a folder of several data sets, or of none.
    """
    here = Path(path)
    if (here / "dataset_dict.json").exists():
        with damage(str(here / "dataset_dict.json")):
            splits = json.loads((here / "dataset_dict.json").read_text())["splits"]
        raise AuditError(f"{path} holds the splits {', '.join(splits)}; name one of them: {here / splits[0]}.")
    if (here / "state.json").exists():
        with damage(str(here / "state.json")):
            state = json.loads((here / "state.json").read_text())
            files = [str(here / file["filename"]) for file in state["_data_files"]]
        if state.get("_indices_data_files"):
            raise AuditError(f"{path} is a selection that is not written out; save it after flatten_indices().")
        return files
    return sorted(map(str, here.glob("*.arrow")))
