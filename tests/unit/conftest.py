"""The demo's network, which several tests look at: trained and analysed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.once import once


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory) -> Path:
    """The folder that `cnnvis-caffe demo` makes. Do not write into it."""
    pytest.importorskip("torch")
    pytest.importorskip("lmdb")
    from cnnvis_caffe.demo import make_demo

    return once(tmp_path_factory, "demo", make_demo)
