"""Arrays as text: shape, type, and the base64 of their zlib-compressed little-endian bytes."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(array: NDArray[Any]) -> dict[str, Any]:
    r"""Give an array as what JSON can hold.

    Examples
    --------
    >>> packed = pack(np.array([1, 2, 3], np.int64))
    >>> packed["dtype"], packed["shape"], zlib.decompress(base64.b64decode(packed["data"]))[:9]
    ('int64', [3], b'\x01\x00\x00\x00\x00\x00\x00\x00\x02')
    """
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data = base64.b64encode(zlib.compress(little.tobytes(), 6)).decode("ascii")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


def unpack(given: dict[str, Any], *, like: NDArray[Any], rows: int | None = None) -> NDArray[Any]:
    """Read an array that has to be of a type and shape.

    Parameters
    ----------
    given : dict
        What :func:`pack` gave.
    like : array
        Of the type and shape that is expected.
    rows : int, optional
        If given, the length may be anything up to it.

    Raises
    ------
    ValueError
        It is not that array.

    Examples
    --------
    >>> unpack(pack(np.arange(3)), like=np.zeros(3, np.int64)).tolist()
    [0, 1, 2]
    """
    shape = tuple(int(n) for n in given["shape"])
    fits = shape == like.shape if rows is None else shape[1:] == like.shape[1:] and 0 <= shape[0] <= rows
    if given["dtype"] != like.dtype.name or not fits:
        raise ValueError(f"{like.dtype} {like.shape} was expected, {given['dtype']} {shape} came")
    size = math.prod(shape) * like.dtype.itemsize
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(base64.b64decode(given["data"], validate=True), size + 1)  # no more than it may be
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(data) != size:
        raise ValueError(f"{size} bytes were expected, {len(data)} came")
    return np.frombuffer(data, like.dtype.newbyteorder("<")).astype(like.dtype).reshape(shape)
