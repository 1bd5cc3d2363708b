"""The cases of data layers name files from the repository's root."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def at_the_root(repository, monkeypatch):
    """Run where the recordings were made."""
    monkeypatch.chdir(repository)
