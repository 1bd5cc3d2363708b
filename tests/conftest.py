"""What every test relies on: no screen, repeatable hypothesis runs, and the files that may lie beside us."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

# Before anything imports Qt.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "1"
# Before anything imports torch: threads that spin while they wait are ten times slower where other work runs.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import pytest
from hypothesis import HealthCheck, settings

# The machine's speed must not decide about a test, hence no deadline; HYPOTHESIS_PROFILE=nightly tries more.
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


def _folder_from_environment(variable: str) -> Path:
    """The folder that an environment variable names; the test is skipped where it is not set."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} names no folder")
    folder = Path(value).resolve()
    assert folder.is_dir(), f"{variable} names {folder}, which is not a folder"
    return folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with data sets."""
    return _folder_from_environment("CNNVIS_DATA_DIR")


@pytest.fixture(scope="session")
def zoo_dir() -> Path:
    """The folder with snapshots that other people's Caffe wrote."""
    return _folder_from_environment("CNNVIS_ZOO_DIR")


@pytest.fixture(scope="session")
def real_caffe() -> list[str]:
    """The words of the command that runs another command where `import caffe` is the real one."""
    command = os.environ.get("CNNVIS_REAL_CAFFE")
    if not command:
        pytest.skip("CNNVIS_REAL_CAFFE names no command")
    return shlex.split(command)
