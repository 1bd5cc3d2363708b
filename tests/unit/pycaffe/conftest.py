"""Recordings of real Caffe, and the cases that they were made from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.recordings import PYCAFFE

TESTS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TESTS / "recorders"))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder with what real Caffe gave."""
    return PYCAFFE
