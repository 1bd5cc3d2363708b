"""Analyses that the tests of the viewer's model look at; nothing here needs Qt."""

from __future__ import annotations

import pytest
from helpers.analyses import make_analysis
from helpers.plain_session import plain_session


@pytest.fixture(scope="session")
def lenet():
    """A small made-up analysis with three snapshots."""
    return make_analysis("lenet", n_snapshots=3)


@pytest.fixture(scope="session")
def deep():
    """One with groups of several layers."""
    return make_analysis("deep", n_snapshots=2)


@pytest.fixture
def session(lenet):
    """A session on the small one."""
    return plain_session(lenet)
