"""The benchmarks are no part of the package: they are imported from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture(autouse=True, scope="session")
def _one_thread_of_torch():
    """On a busy machine its threads wait for one another in circles; what is tested here is not how fast it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
