"""Shared by all tests: the oracle and the strategies can be imported, and hypothesis repeats itself."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

hypothesis.settings.register_profile("xent", deadline=None, derandomize=True, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("xent")


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(request: pytest.FixtureRequest) -> None:
    """Let a module's RNG begin anew for each test: what it draws must not depend on which tests ran before."""
    generator = getattr(request.module, "RNG", None)
    if isinstance(generator, np.random.Generator):
        fresh = np.random.default_rng(len(request.node.name))
        generator.bit_generator.state = fresh.bit_generator.state
