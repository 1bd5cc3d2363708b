"""Gives the conformance tests their cases and recordings."""

from __future__ import annotations

import functools

import pytest
from case_files import RECORDED, Recording, all_cases

CASES = all_cases()


@functools.lru_cache(maxsize=None)
def _read(layer_type: str) -> Recording:
    """A recording, read once."""
    return Recording.read(RECORDED / f"{layer_type}.npz")


def pytest_generate_tests(metafunc):
    """One test for each case file."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture
def recording(case):
    """What real Caffe did with the cases of this type."""
    return _read(case.name.split("/")[0])
