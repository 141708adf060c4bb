# pyright: basic
"""Arrays in files: .npy with a file of labels, .npz, safetensors. Read block by block; nothing is unpickled."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from xent.auditor.plan import AuditError
from xent.auditor.readers.layout import CLASSES, Column, Layout, What, listed
from xent.auditor.readers.source import Block, Labels, named

Array = NDArray[Any]

_SAFE = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_LONGEST_HEADER = 2**27
_DAMAGE = (
    ValueError, TypeError, LookupError, EOFError, RuntimeError, ArithmeticError, SyntaxError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error, csv.Error,
)  # fmt: skip
"""What NumPy, zipfile, json and csv raise for bytes that make no sense."""


@dataclass(frozen=True)
class Member:
    """An array in a file: how to read rows of it, without an open file.

    Attributes
    ----------
    path : str
        The file.
    dtype : dtype
        Of its numbers; of 16 bits where they are bfloat16.
    shape : tuple of int
        Rows first.
    offset : int or None
        Of the first byte in the file; None if it is compressed, and can only be read from its start.
    inside : str
        The member of an archive.
    fortran : bool
        Whether columns, not rows, lie together.
    brain : bool
        Whether the numbers are bfloat16.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/a.npy", np.arange(6.0).reshape(3, 2))
    ...     next(npy(f"{folder}/a.npy").blocks(1, 2, 8)).tolist()
    [[2.0, 3.0], [4.0, 5.0]]
    """

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int | None
    inside: str = ""
    fortran: bool = False
    brain: bool = False

    @property
    def what(self) -> What:
        """What a Column says of it."""
        if self.dtype.hasobject:
            return "object"
        if self.dtype.kind in "US":
            return "text" if len(self.shape) == 1 else "other"
        if self.dtype.kind not in "biuf" or not 1 <= len(self.shape) <= 3:
            return "other"
        return ("whole" if self.dtype.kind != "f" and not self.brain else "number", "row", "rows")[
            len(self.shape) - 1
        ]

    def blocks(self, first: int, rows: int, step: int) -> Iterator[Array]:
        """Read rows from ``first`` on, ``step`` at a time; a block stays in memory only while it is used."""
        stop, width = min(first + rows, self.shape[0]), math.prod(self.shape[1:])
        if self.fortran and self.offset is not None:
            whole = np.memmap(self.path, self.dtype, "r", self.offset, self.shape, "F")
            for start in range(first, stop, step):
                yield self._native(np.ascontiguousarray(whole[start : min(start + step, stop)]))
            return
        if self.offset is not None:
            for start in range(first, stop, step):
                n, here = min(step, stop - start), self.offset + start * width * self.dtype.itemsize
                yield self._native(self._mapped(here, n * width).reshape(n, *self.shape[1:]))
            return
        with _opened(self.path, self.inside) as stream:
            _header(stream)
            if self.fortran:
                whole = np.frombuffer(stream.read(), self.dtype).reshape(self.shape, order="F")
                for start in range(first, stop, step):
                    yield self._native(np.ascontiguousarray(whole[start : min(start + step, stop)]))
                return
            skip = first * width * self.dtype.itemsize
            while skip > 0:
                skip -= len(stream.read(min(skip, 2**20))) or skip
            for start in range(first, stop, step):
                n = min(step, stop - start)
                raw = stream.read(n * width * self.dtype.itemsize)
                yield self._native(np.frombuffer(raw, self.dtype).reshape(n, *self.shape[1:]))

    def _mapped(self, offset: int, count: int) -> Array:
        """Map numbers if they lie where the processor wants them, else read them."""
        if count == 0:
            return np.empty(0, self.dtype)
        if offset % self.dtype.alignment:
            return np.fromfile(self.path, self.dtype, count, offset=offset)
        return np.memmap(self.path, self.dtype, "r", offset, (count,))

    def _native(self, array: Array) -> Array:
        if self.brain:
            return (array.astype(np.uint32) << 16).view(np.float32)
        array = np.asarray(array)
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            return array.astype(np.float64)
        return array.astype(array.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True)
class Arrays:
    """Named arrays that have as many rows.

    Attributes
    ----------
    path : str
        The file with the scores.
    members : dict of str to Member
        By their names.
    format : str
        What the file is called.
    text : bool
        False: numbers are as they were computed, not printed with some decimals.
    """

    path: str
    members: dict[str, Member]
    format: str
    text: bool = False

    def columns(self) -> tuple[Column, ...]:
        """Give what there is to choose from."""
        classes = next((m for name, m in self.members.items() if name.lower() in CLASSES), None)
        names = _names(classes) if classes is not None else ()
        kept = {n: m for n, m in self.members.items() if m is not classes}
        return tuple(Column(name, member.what, names) for name, member in kept.items())

    def count(self, layout: Layout) -> int:
        """Give the number of rows, after a check that scores and labels have as many."""
        scores, labels = self.members[layout.scores[0]], self.members[layout.labels[0]]
        if scores.shape[0] != labels.shape[0]:
            raise AuditError(
                f"One label a row was expected; {layout.scores[0]} of shape {scores.shape} came with "
                f"{layout.labels[0]} of shape {labels.shape} in {self.path}."
            )
        return scores.shape[0]

    def cuts(self, layout: Layout, rows: int) -> list[tuple[int, int | None]]:
        """Cut into parts that can be read on their own."""
        n = self.count(layout)
        if any(self.members[name].offset is None for name in (layout.scores[0], layout.labels[0])):
            rows = max(n, 1)
        return [(start, min(rows, n - start)) for start in range(0, n, rows)]

    def read(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[Block]:
        """Read rows, some at a time; see :class:`xent.auditor.readers.File`."""
        rows = self.members[layout.labels[0]].shape[0] if rows is None else rows
        labels = map(_labels, self.members[layout.labels[0]].blocks(first, rows, step))
        with damage(self.path):
            if not layout.scores:
                yield from ((None, y) for y in labels)
                return
            yield from zip(self.members[layout.scores[0]].blocks(first, rows, step), labels, strict=True)


def _labels(array: Array) -> Labels:
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    return named(array) if array.dtype.kind == "U" else array


def _names(member: Member) -> tuple[str, ...]:
    if member.dtype.kind not in "USiu" or len(member.shape) != 1:
        return ()
    array = next(member.blocks(0, member.shape[0], max(member.shape[0], 1)), np.empty(0))
    return tuple(n.decode() if isinstance(n, bytes) else str(n) for n in array.tolist())


@contextmanager
def damage(path: str) -> Iterator[None]:
    """Say in a sentence that a file is damaged, whatever finds it out.

    Examples
    --------
    >>> with damage("a.npz"):
    ...     raise EOFError
    Traceback (most recent call last):
    ...
    xent.auditor.plan.AuditError: a.npz is damaged or cut off.
    """
    try:
        yield
    except AuditError:
        raise
    except FileNotFoundError:
        raise AuditError(f"There is no file {path}.") from None
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {line(error.strerror or error)}.") from None
    except _DAMAGE as error:
        raise AuditError(f"{path} is damaged or cut off{f': {line(error)}' if str(error) else ''}.") from None


def line(error: object) -> str:
    """Give what an error says first, in a line without its full stop.

    Examples
    --------
    >>> line(ValueError("it is so."))
    'it is so'
    """
    return str(error).partition("\n")[0].strip().rstrip(".")[:160]


@contextmanager
def _opened(path: str, inside: str) -> Iterator[Any]:
    if inside:
        with zipfile.ZipFile(path) as archive, archive.open(inside) as stream:
            yield stream
    else:
        with Path(path).open("rb") as stream:
            yield stream


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an .npy, which is text; no object of it is made."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    length = int.from_bytes(stream.read(4), "little")  # version 3 is version 2 in UTF-8
    header = stream.read(length)
    again = io.BytesIO(len(header).to_bytes(4, "little") + header.decode("utf-8").encode("latin-1"))
    return np.lib.format.read_array_header_2_0(again)


def npy(path: str) -> Member:
    """Describe the array of an .npy file.

    Raises
    ------
    AuditError
        It is damaged, or shorter than its header says.
    """
    with damage(path), Path(path).open("rb") as stream:
        shape, fortran, dtype = _header(stream)
        member = Member(path, dtype, shape, stream.tell(), fortran=fortran)
        _long_enough(member, stream)
    return member


def _long_enough(member: Member, stream: BinaryIO) -> None:
    needed = math.prod(member.shape) * member.dtype.itemsize + (member.offset or 0)
    there = os.fstat(stream.fileno()).st_size
    if not member.dtype.hasobject and there < needed:
        raise AuditError(f"{member.path} is cut off: {needed:,} bytes were expected, {there:,} are there.")


def npz(path: str) -> Arrays:
    """Describe the arrays of an .npz file; those that are not compressed are read where they lie.

    Raises
    ------
    AuditError
        It is no archive of arrays, or damaged.
    """
    members: dict[str, Member] = {}
    with damage(path), zipfile.ZipFile(path) as archive, Path(path).open("rb") as raw:
        for entry in archive.infolist():
            if not entry.filename.endswith(".npy"):
                continue
            with archive.open(entry) as stream:
                shape, fortran, dtype = _header(stream)
                offset = stream.tell() if entry.compress_type == zipfile.ZIP_STORED else None
            if offset is not None:
                raw.seek(entry.header_offset)
                local = raw.read(30)
                offset += entry.header_offset + 30 + int.from_bytes(local[26:28], "little")
                offset += int.from_bytes(local[28:30], "little")
            member = Member(path, dtype, shape, offset, entry.filename, fortran)
            if offset is not None:
                _long_enough(member, raw)
            members[entry.filename.removesuffix(".npy")] = member
    if not members:
        raise AuditError(f"{path} is an archive without arrays; np.savez writes one with logits and labels.")
    return Arrays(path, members, "npz")


def safetensors(path: str) -> Arrays:
    """Describe the tensors of a safetensors file: a length, a header in JSON, then numbers.

    Raises
    ------
    AuditError
        The header is none, or the file is cut off.
    """
    with damage(path), Path(path).open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= _LONGEST_HEADER:
            raise AuditError(f"{path} is no safetensors file, or is damaged.")
        header: dict[str, Any] = json.loads(stream.read(length))
        members: dict[str, Member] = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in _SAFE:
                continue
            begin = 8 + length + int(entry["data_offsets"][0])
            brain = entry["dtype"] == "BF16"
            member = Member(path, np.dtype(_SAFE[entry["dtype"]]), tuple(entry["shape"]), begin, brain=brain)
            _long_enough(member, stream)
            members[name] = member
    return Arrays(path, members, "safetensors")


def pairs(paths: list[str], labels: list[str]) -> list[Arrays]:
    """Put .npy files of scores and of labels together: whole numbers and texts are labels.

    Raises
    ------
    AuditError
        There is not one file of labels for each of scores.
    """
    files = [npy(path) for path in paths]
    theirs = [npy(path) for path in labels] or [f for f in files if f.dtype.kind in "biuUSO" and len(files) > 1]
    mine = [f for f in files if labels or f not in theirs]
    for file in (*files, *theirs):
        if file.what == "object":
            raise AuditError(f"{file.path} is an array of Python objects, which are not opened; save numbers.")
    if len(theirs) != len(mine):
        raise AuditError(
            f"One file of labels was expected for each .npy file of scores; scores are in "
            f"{listed([f.path for f in mine])}, labels in {listed([f.path for f in theirs])}. "
            "--labels FILE.npy names the labels."
        )
    return [Arrays(z.path, {Path(z.path).stem: z, "labels": y}, "npy") for z, y in zip(mine, theirs, strict=True)]
