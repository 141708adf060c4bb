"""Memory of large results is used again when nobody looks at it any more, and never before."""

from __future__ import annotations

import gc
import pickle
import threading

import numpy as np
import pytest
import torch

import xent
import xent.torch
from xent.kernels import memory

SIZE = memory.LARGE // 4
pytestmark = pytest.mark.skipif(memory._FREE is None, reason="this system keeps no memory for a process")


@pytest.fixture(autouse=True)
def nothing_kept():
    memory.release()
    yield
    memory.release()


def place(a):
    return a.__array_interface__["data"][0]


def test_small_arrays_are_numpys_own():
    assert memory.empty((10, 3), np.float32).flags.owndata
    assert memory.empty((0, 3), np.float64).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ">f4"])
def test_a_large_array_is_an_ordinary_one(dtype):
    a = memory.empty((4, SIZE), dtype)
    assert a.shape == (4, SIZE)
    assert a.dtype == np.dtype(dtype)
    assert a.flags.c_contiguous
    assert a.flags.writeable
    assert place(a) % 4096 == 0
    a[...] = 3
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(a)), a)  # noqa: S301 - our own


def test_memory_comes_back_when_the_last_view_is_gone():
    a = memory.empty((2, SIZE), np.float32)
    where, a[...] = place(a), 1
    view = a[1, 5:7]
    del a
    b = memory.empty((2, SIZE), np.float32)
    assert place(b) != where
    b[...] = 2
    np.testing.assert_array_equal(view, 1)
    del view
    gc.collect()
    assert place(memory.empty((2, SIZE), np.float32)) == where


def test_a_piece_serves_what_needs_about_as_much():
    a = memory.empty((SIZE * 4,), np.float32)
    where = place(a)
    del a
    assert place(memory.empty((SIZE * 2,), np.float32)) != where  # half of it would lie idle
    b = memory.empty((SIZE * 4 - 100,), np.float32)
    assert place(b) == where
    assert b.size == SIZE * 4 - 100


def test_few_pieces_are_kept_and_release_keeps_none():
    held = [memory.empty((SIZE,), np.float32) for _ in range(memory.KEPT + 3)]
    del held
    assert len(memory._kept) == memory.KEPT
    memory.release()
    assert not memory._kept


def test_gradients_of_one_step_and_the_next():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(2200, 500)).astype(np.float32), rng.integers(0, 500, 2200)
    _, first = xent.cross_entropy_with_grad(z, y)
    kept, where = first.copy(), place(first)
    _, second = xent.cross_entropy_with_grad(z + 1, y)
    assert place(second) != where
    np.testing.assert_array_equal(first, kept)  # still looked at, so still what it was
    del first
    _, third = xent.cross_entropy_with_grad(z, y)
    assert place(third) == where
    np.testing.assert_array_equal(third, kept)


def test_a_tensors_gradient_keeps_its_memory_as_long_as_it_lives():
    rng = np.random.default_rng(1)
    z = torch.from_numpy(rng.normal(size=(2200, 500)).astype(np.float32)).requires_grad_()
    y = torch.from_numpy(rng.integers(0, 500, 2200))
    xent.torch.cross_entropy(z, y).backward()
    grad, z.grad = z.grad, None
    kept, where = grad.clone(), grad.data_ptr()
    xent.torch.cross_entropy(z, y).backward()
    assert z.grad.data_ptr() != where
    z.grad = None
    assert torch.equal(grad, kept)
    del grad
    gc.collect()
    places = set()
    for _ in range(3):
        xent.torch.cross_entropy(z, y).backward()
        places.add(z.grad.data_ptr())
        z.grad = None
    assert len(places) == 1


def test_many_threads_never_share_a_piece():
    wrong = []

    def work(i):
        for step in range(30):
            a = memory.empty((SIZE,), np.float32)
            a[:: SIZE // 7] = i * 1000 + step
            if not (a[:: SIZE // 7] == i * 1000 + step).all():
                wrong.append((i, step))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("offset", [0, 1, 1000])
def test_large_pages_change_no_content(offset):
    whole = np.arange(memory.NEW // 4 + offset, dtype=np.float32)
    a = whole[offset:]
    assert a.nbytes >= memory.NEW
    assert memory.with_large_pages(a) is a
    np.testing.assert_array_equal(whole, np.arange(whole.size, dtype=np.float32))
    small = np.ones(3)
    assert memory.with_large_pages(small) is small
