"""Read a reader's own predictions, ``.npz`` or text, into `Rows`. The only part of the explorer that needs NumPy.

Whatever is wrong with the file is found here, before a server starts, and said in one sentence.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

import xent
from xent.explorer import pasted
from xent.explorer.rows import Rows, sort_out

Array = NDArray[Any]

SUM_TOLERANCE = 1e-3
"""How far from 1 a row of ``probs`` may add up; float32 over 1e5 classes stays within, half floats get 5 times."""

BLOCK = 2**20
"""Logits that are weighed at once: in float64, as the experiments compute, yet in bounded memory."""

LEVELS = np.frombuffer(b"0123456789abcdefg", dtype=np.uint8)


TEXTS = (".csv", ".tsv", ".txt")

TAKEN = "The scores add up to 1 in every row and are taken as probabilities."


class InputError(ValueError):
    """A file that cannot be explored; the message is one sentence for the reader."""


def load(path: str | Path) -> Rows:
    """Read logits (or probabilities) and labels from a file and compute every row's loss in nats.

    An ``.npz`` holds ``labels`` (N whole numbers) and one of ``logits`` (N, K) and ``probs`` (N, K; logits are
    their logarithms, a probability of 0 becomes the mask −∞); optionally ``classes`` (K names) and ``images``
    (N, height, width; shown with 17 grey levels from their smallest value to their largest). Write one with
    ``np.savez("predictions.npz", logits=logits, labels=labels)``. Nothing in it is ever unpickled.

    A ``.csv``, ``.tsv`` or ``.txt`` is read as the page reads what is pasted (`xent.explorer.pasted`): the scores
    and the label of each row, up to 10 000 rows. Scores that add up to 1 in every row are taken as probabilities.

    Parameters
    ----------
    path : str or Path
        The file; its name is the rows' name.

    Returns
    -------
    Rows
        Over the file's own arrays: no lists are made, so that a million rows take the arrays' memory.

    Raises
    ------
    InputError
        The file is missing, damaged or neither text nor an npz, an array is missing or has the wrong shape or type,
        a row of text cannot be read, a label is outside [0, K), a logit is NaN or +∞, a row is all −∞, or a row of
        probabilities is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/two.npz", logits=np.array([[3.0, 1.0], [0.0, 2.0]]), labels=np.array([0, 0]))
    ...     rows = load(f"{folder}/two.npz")
    >>> rows.name, rows.classes, rows.losses, rows.mistakes
    ('two.npz', ('0', '1'), array([0.12692801, 2.12692801]), array([1]))
    """
    path = Path(path)
    if path.suffix.lower() in TEXTS and not path.is_dir():
        return _text(path)
    return of_arrays(_read(path), name=path.name)


def _text(path: Path) -> Rows:
    """Read text; its scores are what they look like."""
    try:
        written = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}; rows of scores and a label were expected.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it as such, or as an .npz file.") from None
    try:
        read = pasted.read(written)
        if pasted.text.like_probs in read.notes:
            read = pasted.read(written, probs=True)
            read = replace(read, notes=(*read.notes, TAKEN))
        if not any(read.used):
            raise InputError(f"{path} has no row that counts: every label is {pasted.IGNORED}.")
    except pasted.PasteError as error:
        raise InputError(f"{path}: {error}") from None
    return sort_out(read, name=path.name)


def of_arrays(arrays: Mapping[str, Array], *, name: str) -> Rows:
    """Do as `load` with arrays that are here already.

    Parameters
    ----------
    arrays : mapping of str to array
        As in the file.
    name : str
        The rows' name.

    Raises
    ------
    InputError
        As `load`, about the arrays.

    Examples
    --------
    >>> of_arrays({"logits": np.zeros((2, 3)), "labels": np.array([0, 2])}, name="a guess").predicted
    array([0, 0])
    """
    logits = _logits(arrays)
    labels = _labels(arrays["labels"], *logits.shape)
    losses, predicted = _losses(logits, labels), logits.argmax(axis=1)
    order = np.argsort(-losses, kind="stable")
    images = _Images(arrays["images"], len(labels)) if "images" in arrays else None
    columns: dict[str, Any] = {  # NumPy arrays serve as the sequences of Rows, though their types do not say so
        "logits": logits,
        "labels": labels,
        "losses": losses,
        "predicted": predicted,
        "order": order,
        "mistakes": order[predicted[order] != labels[order]],
    }
    names = _classes(arrays.get("classes"), logits.shape[1])
    width = None if images is None else images.width
    return Rows(name=name, classes=names, images=images, width=width, **columns)


class _Images(Sequence[str]):
    """Images as text, made when one is looked at: a million of them would take longer to write than to load."""

    def __init__(self, images: Array, count: int) -> None:
        if images.dtype.kind not in "buif" or images.ndim != 3 or len(images) != count or images.size == 0:
            raise InputError(
                f"images must be numbers of shape (N, height, width) with N = {count}, {_say(images)} came."
            )
        self._images, self.width = images, images.shape[2]
        self._low, self._high = float(images.min()), float(images.max())
        if not np.isfinite([self._low, self._high]).all():
            raise InputError("images must be finite: a NaN or an infinity came.")

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        span = (self._high - self._low) or 1.0
        level = np.rint((self._images[index].astype(float).ravel() - self._low) / span * 16).astype(np.intp)
        return LEVELS[level].tobytes().decode("ascii")


def _read(path: Path) -> dict[str, Array]:
    """Load the arrays that we use; every way in which a file can be no npz gets its sentence."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; an .npz file with logits (or probs) and labels was expected.")
    try:
        with path.open("rb") as stream:  # ours to close: np.load leaves a damaged archive open
            archive = np.load(stream, allow_pickle=False)
            if isinstance(archive, np.lib.npyio.NpzFile):
                return _members(cast("Mapping[str, Any]", archive), path)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}; an .npz file was expected.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except InputError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, MemoryError):
        raise InputError(f"{path} is not an .npz file, or is damaged; np.savez writes one.") from None
    raise InputError(f"{path} holds one array; an .npz file with logits (or probs) and labels was expected.")


def _members(archive: Mapping[str, Any], path: Path) -> dict[str, Array]:
    there = sorted(archive)
    scores = [name for name in ("logits", "probs") if name in there]
    if len(scores) != 1 or "labels" not in there:
        listed = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "")
        raise InputError(
            f"{path} must hold labels and one of logits and probs; it holds {listed or 'nothing at all'}."
        )
    wanted = [name for name in (*scores, "labels", "classes", "images") if name in there]
    return {name: _member(archive, name, path) for name in wanted}


def _member(archive: Mapping[str, Any], name: str, path: Path) -> Array:
    try:
        array = archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise InputError(
                f"{name} in {path} is an array of Python objects, which are not opened; save numbers, or texts."
            ) from None
        raise InputError(f"{name} in {path} is damaged: {error}.") from None
    except MemoryError:
        raise InputError(f"{name} in {path} does not fit into memory.") from None
    except (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{name} in {path} is damaged: {error}.") from None
    if not isinstance(array, np.ndarray):  # a member without the .npy signature comes back as its bytes
        raise InputError(f"{name} in {path} is not an array; np.savez writes one.")
    return cast("Array", array)


def _logits(arrays: Mapping[str, Array]) -> Array:
    name = "logits" if "logits" in arrays else "probs"
    scores = arrays[name]
    if scores.dtype.kind not in "uif" or scores.ndim != 2 or scores.shape[0] < 1 or scores.shape[1] < 2:
        raise InputError(f"{name} must be numbers of shape (N, K) with N ≥ 1 and K ≥ 2, {_say(scores)} came.")
    if scores.dtype.kind != "f":
        scores = scores.astype(np.float64)
    elif scores.dtype.itemsize > 8:
        scores = scores.astype(np.float64)  # long double
    if name == "probs":
        return _log(scores)
    top = scores.max(axis=1)  # NaN where the row has one
    _refuse(np.isnan(top), "logits must not be NaN: {count}, the first in row {row}.")
    _refuse(top == np.inf, "logits must not be +∞: {count}, the first in row {row}.")
    _refuse(top == -np.inf, "every row of logits needs a finite one: {count} all −∞, the first is row {row}.")
    return scores


def _log(probs: Array) -> Array:
    low, high, total = probs.min(axis=1), probs.max(axis=1), probs.sum(axis=1, dtype=np.float64)
    tolerance = 5 * SUM_TOLERANCE if probs.dtype.itemsize < 4 else SUM_TOLERANCE
    for wrong, what in [
        (np.isnan(low), "NaN"),
        (low < 0, "below 0"),
        (high > 1 + tolerance, "above 1"),
    ]:
        _refuse(wrong, f"probs must lie in [0, 1]: {{count}} with a value {what}, the first is row {{row}}.")
    wrong = np.abs(total - 1) > tolerance
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"every row of probs must sum to 1 within {tolerance:g}; row {first} sums to {total[first]:.6g} "
            f"({_count(int(wrong.sum()))} in all). If these are logits, save them as logits."
        )
    with np.errstate(divide="ignore"):  # log 0 = −∞ is the mask that is meant
        return np.log(probs, dtype=np.promote_types(probs.dtype, np.float32))


def _labels(labels: Array, rows: int, classes: int) -> Array:
    if labels.dtype.kind not in "uif" or labels.shape != (rows,):
        raise InputError(
            f"labels must be {rows} whole numbers, one for each row of logits or probs; {_say(labels)} came."
        )
    if labels.dtype.kind == "f":
        wrong = labels != np.floor(labels)  # NaN is unequal to itself
        _refuse_value(labels, wrong, "labels must be whole numbers")
    _refuse_value(labels, (labels < 0) | (labels >= classes), f"labels must be classes from 0 to {classes - 1}")
    return labels.astype(np.int64, copy=False)


def _losses(logits: Array, labels: Array) -> NDArray[np.float64]:
    losses = np.empty(len(labels))
    rows = max(1, BLOCK // logits.shape[1])
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        losses[part] = xent.cross_entropy(logits[part].astype(np.float64), labels[part], reduction="none")
    return losses


def _classes(names: Array | None, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(map(str, range(count)))
    if names.shape != (count,) or names.dtype.kind not in "Uiu":
        raise InputError(f"classes must be {count} texts, one for each column; {_say(names)} came.")
    return tuple(map(str, names.tolist()))


def _refuse(wrong: NDArray[np.bool_], sentence: str) -> None:
    if wrong.any():
        count = _count(int(wrong.sum()))
        raise InputError(sentence.format(count=count, row=int(wrong.argmax())))


def _refuse_value(values: Array, wrong: NDArray[np.bool_], sentence: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{sentence}; row {row} has {values[row]} ({_count(int(wrong.sum()))} in all).")


def _count(number: int) -> str:
    return f"{number} row{'s' if number > 1 else ''}"


def _say(array: Array) -> str:
    return f"{array.dtype} of shape {array.shape}"
