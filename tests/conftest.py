"""Shared by all tests: the oracle and the strategies can be imported, and hypothesis repeats itself."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis

sys.path.insert(0, str(Path(__file__).parent))

hypothesis.settings.register_profile("xent", deadline=None, derandomize=True, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("xent")
