"""A reader's own rows as a file of NumPy's: an .npz with logits (or probs) and labels, or an .npy with both.

Read without NumPy, as the Python of the page may have none: such a file is a short header before plain numbers, in
an .npz zipped. Nothing in it is ever unpickled. The limits are those of `xent.explorer.pasted`.
"""

from __future__ import annotations

import ast
import base64
import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from xent.explorer.pasted import LONGEST, MOST_CLASSES, MOST_ROWS, PasteError, checked, finished
from xent.explorer.rows import Written
from xent.explorer.text import words

text = words("own")

PREFIX = "bytes;base64,"
"""What the page writes before the bytes of a file that is no text."""

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000
LARGEST = MOST_ROWS * MOST_CLASSES * 8 + LONGEST_HEADER

_CODES = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"} | {
    "f2": "e",
    "f4": "f",
    "f8": "d",
}


@dataclass(frozen=True)
class _Array:
    """What a file says of an array, and its bytes: read only once its shape is known to be one of ours."""

    name: str
    shape: tuple[int, ...]
    columns_first: bool
    order: str
    kind: str
    size: int
    body: bytes

    def values(self) -> Sequence[Any]:
        """Give the numbers or texts as they lie there."""
        count = math.prod(self.shape)
        if len(self.body) != count * self.size:
            raise PasteError(text.damaged)
        if self.kind[0] == "U":
            coding = "utf-32-be" if self.order == ">" else "utf-32-le"
            cut = [self.body[i * self.size : (i + 1) * self.size] for i in range(count)]
            return [part.decode(coding, "replace").rstrip("\0") for part in cut]
        return struct.unpack(f"{self.order}{count}{_CODES[self.kind]}", self.body)

    def rows(self) -> list[Sequence[Any]]:
        """Give an array of two dimensions row by row."""
        n, k = self.shape
        flat = self.values()
        return [flat[i::n] if self.columns_first else flat[i * k : i * k + k] for i in range(n)]


def read(packed: str, *, probs: bool = False) -> Written:
    """Read rows, or raise PasteError.

    Parameters
    ----------
    packed : str
        `PREFIX` and the file's bytes in base64.
    probs : bool
        Whether the scores of an .npy are probabilities; an .npz says so itself.

    Examples
    --------
    >>> import numpy as np
    >>> file = io.BytesIO()
    >>> np.savez(file, logits=np.array([[2.0, 1.0], [0.0, 3.0]]), labels=np.array([0, 1]))
    >>> rows = read(PREFIX + base64.b64encode(file.getvalue()).decode())
    >>> rows.logits, rows.labels
    ([[2.0, 1.0], [0.0, 3.0]], [0, 1])
    """
    if len(packed) > LONGEST:
        raise PasteError(text.too_large.format(most=f"{LONGEST * 3 // 4:,}"))
    try:
        data = base64.b64decode(packed.removeprefix(PREFIX), validate=True)
        return _npy(data, probs=probs) if data.startswith(MAGIC) else _npz(data, probs=probs)
    except PasteError:
        raise
    except (ValueError, SyntaxError, EOFError, KeyError, OSError, RuntimeError, MemoryError) as error:
        raise PasteError(text.damaged) from error
    except (struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise PasteError(text.damaged) from error


def _npy(data: bytes, *, probs: bool) -> Written:
    array = _array(data, "rows")
    _shaped(array, columns=1)
    rows = [list(map(float, row)) for row in array.rows()]
    scores = [checked(row[:-1], i) for i, row in enumerate(rows)]
    return finished(scores, [[repr(row[-1])] for row in rows], None, probs=probs, notes=[])


def _npz(data: bytes, *, probs: bool) -> Written:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        there = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        names = [name for name in ("logits", "probs") if name in there]
        if len(names) != 1 or "labels" not in there:
            raise PasteError(text.arrays.format(there=", ".join(list(there)[:8]) or text.no_arrays))

        def array(name: str) -> _Array:
            if there[name].file_size > LARGEST:
                raise PasteError(text.large_array.format(name=name, rows=f"{MOST_ROWS:,}", classes=MOST_CLASSES))
            return _array(archive.read(there[name]), name)

        given, labels = array(names[0]), array("labels")
        classes = array("classes") if "classes" in there else None
    _shaped(given)
    n, k = given.shape
    if labels.shape not in ((n,), (n, k)):
        raise PasteError(text.label_shape.format(came=_shape(labels), n=n, k=k))
    scores = [checked(list(map(float, row)), i) for i, row in enumerate(given.rows())]
    targets = [[v] for v in labels.values()] if len(labels.shape) == 1 else labels.rows()
    written = [[str(v if isinstance(v, str) else float(v)) for v in row] for row in targets]
    notes = [] if (names[0] == "probs") == probs else [text.called.format(name=names[0])]
    return finished(scores, written, _names(classes, k), probs=names[0] == "probs", notes=notes)


def _array(data: bytes, name: str) -> _Array:
    """Read an array's header."""
    if not data.startswith(MAGIC):
        raise PasteError(text.damaged)
    start = 10 if data[6] == 1 else 12
    length = int.from_bytes(data[8:start], "little")
    if length > LONGEST_HEADER:
        raise PasteError(text.damaged)
    header = cast("dict[str, Any]", ast.literal_eval(data[start : start + length].decode("latin-1").strip()))
    described, shape = header["descr"], header["shape"]
    parts = re.fullmatch(r"([<>|=])([biufU])(\d{1,4})", described) if isinstance(described, str) else None
    if parts is None or (parts[2] != "U" and parts[2] + parts[3] not in _CODES):
        raise PasteError(text.array_kind.format(name=name, came=repr(described)[:40]))
    if not isinstance(shape, tuple) or not all(type(d) is int and d >= 0 for d in cast("tuple[Any, ...]", shape)):
        raise PasteError(text.damaged)
    return _Array(
        name=name,
        shape=cast("tuple[int, ...]", shape),
        columns_first=header["fortran_order"] is True,
        order=">" if parts[1] == ">" else "<",
        kind=parts[2] + parts[3],
        size=int(parts[3]) * (4 if parts[2] == "U" else 1),
        body=data[start + length :],
    )


def _shaped(array: _Array, *, columns: int = 0) -> None:
    """Refuse what are no rows of scores, or too many; ``columns`` stand there beside the scores."""
    shape, low, high = array.shape, 2 + columns, MOST_CLASSES + columns
    if len(shape) != 2 or not shape[0] or not low <= shape[1] <= high or array.kind[0] not in "iuf":
        raise PasteError(text.array_shape.format(name=array.name, came=_shape(array), low=low, high=high))
    if shape[0] > MOST_ROWS:
        raise PasteError(text.many_rows.format(most=f"{MOST_ROWS:,}", came=f"{shape[0]:,}"))


def _shape(array: _Array) -> str:
    kinds = {"U": text.kind_texts, "b": text.kind_flags}
    return text.shape.format(kind=kinds.get(array.kind[0], text.kind_numbers), shape=array.shape)


def _names(classes: _Array | None, k: int) -> tuple[str, ...] | None:
    if classes is None:
        return None
    if classes.shape != (k,) or classes.kind[0] not in "Uiu":
        raise PasteError(text.class_shape.format(came=_shape(classes), k=k))
    names = tuple(str(name)[:40] or str(j) for j, name in enumerate(classes.values()))
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise PasteError(text.twice.format(name=repr(twice)))
    return names
