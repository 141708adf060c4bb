"""XLA's C interface to foreign functions ("typed FFI"), by ctypes.

XLA calls a C function with the addresses of arguments and results. The structures are those of
``xla/ffi/api/c_api.h``, versions 0.1 and later, which only ever grow at their ends.

The function is Python's, behind a gate of machine code: when Python leaves, programs may still be running, and a
thread of XLA's that asks for the interpreter then would hang or crash the process. The gate is closed first, what
is inside is waited for, and whoever comes later is told so without Python.
"""

from __future__ import annotations

import atexit
import ctypes
import math
import os
import time
import traceback
from collections.abc import Callable
from ctypes import POINTER, Structure, c_double, c_int, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any

import numpy as np
from llvmlite import binding as _llvm  # pyright: ignore[reportMissingTypeStubs]

Array = Any
Serve = Callable[[bytes, list[Array], list[Array]], None]
llvm: Any = _llvm


class _List(Structure):
    """Arguments (XLA_FFI_Args) or results (XLA_FFI_Rets): buffers."""

    _fields_ = (
        ("struct_size", c_size_t), ("extension", c_void_p),
        ("size", c_int64), ("types", c_void_p), ("items", POINTER(c_void_p)),
    )  # fmt: skip


class _Attributes(Structure):
    _fields_ = (
        ("struct_size", c_size_t), ("extension", c_void_p),
        ("size", c_int64), ("types", c_void_p), ("names", c_void_p), ("items", POINTER(c_void_p)),
    )  # fmt: skip


class _Text(Structure):
    """XLA_FFI_ByteSpan."""

    _fields_ = (("at", c_void_p), ("size", c_size_t))


class _Frame(Structure):
    """XLA_FFI_CallFrame."""

    _fields_ = (
        ("struct_size", c_size_t), ("extension", c_void_p),
        ("api", c_void_p), ("context", c_void_p), ("stage", c_int),
        ("arguments", _List), ("results", _List), ("attributes", _Attributes),
    )  # fmt: skip


class _Buffer(Structure):
    _fields_ = (
        ("struct_size", c_size_t), ("extension", c_void_p),
        ("kind", c_int), ("data", c_void_p), ("rank", c_int64), ("shape", POINTER(c_int64)),
    )  # fmt: skip


class _Numbers(Structure):
    """XLA_FFI_Array: an attribute."""

    _fields_ = (("kind", c_int), ("size", c_size_t), ("data", c_void_p))


class _Version(Structure):
    _fields_ = (("struct_size", c_size_t), ("extension", c_void_p), ("major", c_int), ("minor", c_int))


class _Metadata(Structure):
    _fields_ = (("struct_size", c_size_t), ("version", _Version), ("traits", c_uint32))


class _Question(Structure):
    """XLA_FFI_Metadata_Extension: asked once, when a function is registered."""

    _fields_ = (
        ("struct_size", c_size_t), ("type", c_int), ("next", c_void_p),
        ("metadata", POINTER(_Metadata)),
    )  # fmt: skip


class _Api(Structure):
    """XLA_FFI_Api, as far as needed."""

    _fields_ = (
        ("struct_size", c_size_t), ("extension", c_void_p),
        ("version", _Version), ("internal", c_void_p),
        ("make_error", ctypes.CFUNCTYPE(c_void_p, c_void_p)),
    )  # fmt: skip


class _Error(Structure):
    """XLA_FFI_Error_Create_Args."""

    _fields_ = (("struct_size", c_size_t), ("extension", c_void_p), ("message", ctypes.c_char_p), ("code", c_int))


# Where things lie, for machine code.
EXTENSION, ARGUMENTS, RESULTS, ATTRIBUTES = (
    getattr(_Frame, name).offset for name in ("extension", "arguments", "results", "attributes")
)
SIZE, ITEMS, ATTRIBUTE_ITEMS = _List.size.offset, _List.items.offset, _Attributes.items.offset
DATA, RANK, SHAPE = _Buffer.data.offset, _Buffer.rank.offset, _Buffer.shape.offset
ARRAY_SIZE, ARRAY_DATA = _Numbers.size.offset, _Numbers.data.offset

INTERNAL, SOMEWHERE = 13, 4096  # a code of errors; an address for what has no memory, being empty
_NAMES = {
    1: "bool", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "uint8", 7: "uint16", 8: "uint32", 9: "uint64",
    10: "float16", 11: "float32", 12: "float64",
}  # fmt: skip
KINDS = {number: np.dtype(name) for number, name in _NAMES.items()}


def _array(at: int) -> Array:
    buffer = _Buffer.from_address(at)
    kind, shape = KINDS[buffer.kind], buffer.shape[: buffer.rank]
    data: int = buffer.data or SOMEWHERE
    memory: Any = (ctypes.c_char * (kind.itemsize * math.prod(shape))).from_address(data)
    return np.ndarray(shape, kind, memory)


def entry(
    serve: Callable[[bytes, list[Array], list[Array]], None], others: int, address: Callable[[int], int]
) -> Any:
    """Give the C function whose calls are served by ``serve(text attribute, arguments, results)``.

    A call with a second attribute, an array that begins with the number of one of ``others``, functions of machine
    code, goes there before: to a function that takes the frame, and gives 0 if it leaves it. ``address`` compiles
    one, when it is called for the first time: of what a program might call, much never is.
    """
    slots = (c_int64 * others)()

    @ctypes.CFUNCTYPE(c_void_p, c_void_p)
    def answer(at: int) -> int | None:
        frame = _Frame.from_address(at)
        if frame.extension:
            version = _Question.from_address(frame.extension).metadata[0].version
            version.major, version.minor = 0, 1
            return None
        try:
            if frame.attributes.size > 1:
                which = int(c_double.from_address(_Numbers.from_address(frame.attributes.items[1]).data).value)
                if not slots[which]:
                    slots[which] = address(which)
                    if ctypes.CFUNCTYPE(c_int64, c_void_p)(slots[which])(at):
                        return None
            text = _Text.from_address(frame.attributes.items[0])
            given, wanted = frame.arguments, frame.results
            arguments = [_array(at) for at in given.items[: given.size]]
            results = [_array(at) for at in wanted.items[: wanted.size]]
            serve(ctypes.string_at(text.at, text.size), arguments, results)
        except BaseException:
            error = _error(f"xent: {traceback.format_exc()}")
            return _Api.from_address(frame.api).make_error(ctypes.addressof(error))
        return None

    return _gated(answer, slots)


def _error(message: str) -> _Error:
    return _Error(ctypes.sizeof(_Error), None, message.encode(), INTERNAL)


# ------------------------------------------------------------------------------------------------------- the gate

_GATE = """
define ptr @gate(ptr %frame) {{
  %before = atomicrmw add ptr inttoptr (i64 {inside} to ptr), i64 1 seq_cst
  %closed = load atomic i64, ptr inttoptr (i64 {closed} to ptr) seq_cst, align 8
  %open = icmp eq i64 %closed, 0
  br i1 %open, label %look, label %refuse
look:
  %size_at = getelementptr i8, ptr %frame, i64 {attributes_size}
  %size = load i64, ptr %size_at
  %named = icmp sgt i64 %size, 1
  br i1 %named, label %find, label %serve
find:
  %items_at = getelementptr i8, ptr %frame, i64 {attributes_items}
  %items = load ptr, ptr %items_at
  %array_at = getelementptr ptr, ptr %items, i64 1
  %array = load ptr, ptr %array_at
  %data_at = getelementptr i8, ptr %array, i64 {array_data}
  %data = load ptr, ptr %data_at
  %number = load double, ptr %data
  %which = fptosi double %number to i64
  %slot = getelementptr i64, ptr inttoptr (i64 {others} to ptr), i64 %which
  %other = load atomic ptr, ptr %slot acquire, align 8
  %nobody = icmp eq ptr %other, null
  br i1 %nobody, label %serve, label %try
try:
  %done = call i64 %other(ptr %frame)
  %left = icmp eq i64 %done, 0
  br i1 %left, label %serve, label %leave
serve:
  %served = call ptr inttoptr (i64 {answer} to ptr)(ptr %frame)
  br label %leave
refuse:
  %api_at = getelementptr i8, ptr %frame, i64 {api}
  %api = load ptr, ptr %api_at
  %make_at = getelementptr i8, ptr %api, i64 {make_error}
  %make = load ptr, ptr %make_at
  %refused = call ptr %make(ptr inttoptr (i64 {error} to ptr))
  br label %leave
leave:
  %result = phi ptr [ null, %try ], [ %served, %serve ], [ %refused, %refuse ]
  %after = atomicrmw sub ptr inttoptr (i64 {inside} to ptr), i64 1 seq_cst
  ret ptr %result
}}
"""
_state = (c_int64 * 2)()  # calls that are inside; whether the gate is closed
_kept: list[Any] = []


def _gated(answer: Any, slots: Any) -> Any:
    """Give a C function that calls one of others, and ``answer`` if that leaves it, as long as the gate is open."""
    error, at = _error("xent: Python is leaving; wait for the results before"), ctypes.addressof(_state)
    text = _GATE.format(
        inside=at,
        closed=at + 8,
        attributes_size=ATTRIBUTES + SIZE,
        attributes_items=ATTRIBUTES + ATTRIBUTE_ITEMS,
        array_data=ARRAY_DATA,
        others=ctypes.addressof(slots),
        answer=ctypes.cast(answer, c_void_p).value,
        api=_Frame.api.offset,
        make_error=_Api.make_error.offset,
        error=ctypes.addressof(error),
    )
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    gate = ctypes.CFUNCTYPE(c_void_p, c_void_p)(engine.get_function_address("gate"))
    _kept.append((answer, error, engine, gate, slots, _state))
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kept))  # XLA's threads outlive this module
    return gate


@atexit.register
def _close() -> None:
    """Let nobody in any more, and wait for those who are inside."""
    _state[1] = 1
    time.sleep(0.001)
    while _state[0]:
        time.sleep(0.001)


def _forget() -> None:
    """Start again in a forked child, which has none of the threads that were inside."""
    _state[0] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
