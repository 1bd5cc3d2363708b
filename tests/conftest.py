"""What every test relies on: a home of its own, no screen, repeatable hypothesis runs, files that may lie beside us."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from helpers import own_home, workers
from helpers.once import once
from hypothesis import HealthCheck, settings

# Before anything looks where the user's files are.
HOME = own_home.move_in()
# Before anything imports Qt.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_SCALE_FACTOR"] = "1"
# Before anything imports torch: threads that spin while they wait are ten times slower where other work runs.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# What is compiled is kept, or each worker and each program that a test starts compiles all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

workers.share_processors()

# The machine's speed must not decide about a test, hence no deadline; HYPOTHESIS_PROFILE=nightly tries more.
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Answer `-n auto`."""
    return workers.n_workers()


def pytest_unconfigure() -> None:
    """Remove the home."""
    own_home.move_out(HOME)


@pytest.fixture(autouse=True)
def children_of_each_test() -> Iterator[None]:
    """What a test lets children import as `caffe` is gone for those of the next, which may want the real one."""
    before = os.environ.get("PYTHONPATH")
    yield
    if before is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(autouse=True)
def log_of_each_test() -> Iterator[None]:
    """What a test does to the package's log, as commands and pycaffe do, is undone."""
    logger = logging.getLogger("cnnvis_caffe")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


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
def cifar10_dir(data_dir, tmp_path_factory) -> Path:
    """A folder with CIFAR-10's test images in the official file; the archive of copies is unpacked once for all."""
    pytest.importorskip("cv2", reason="the images are JPEG files, which OpenCV reads")
    import numpy as np
    from helpers import image_files

    def unpack(folder: Path) -> None:
        pixels, labels = image_files.read_cifar10_test(data_dir)
        records = np.concatenate([labels.astype(np.uint8)[:, None], pixels.reshape(len(pixels), -1)], axis=1)
        (folder / "cifar-10-batches-bin").mkdir()
        (folder / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(records.tobytes())

    return once(tmp_path_factory, "cifar10", unpack)


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


# -- a GPU ---------------------------------------------------------------------------------------------------------


@pytest.fixture()
def gpu():
    """The torch.device of a GPU: the real one where there is one, else a pretended one. Nets run on the CPU at first.

    A test that asks for it, by itself or by `mode`, is marked `gpu`.
    """
    import torch

    from cnnvis_caffe.runtime import backend

    with contextlib.ExitStack() as stack:
        if not torch.cuda.is_available():
            from helpers.pretended_gpu import pretended_gpu

            stack.enter_context(pretended_gpu())
        stack.enter_context(patch.multiple(backend._Mode, device=None, index=0))
        yield torch.device("cuda", 0)


@pytest.fixture()
def on_gpu(gpu):
    """The same, and nets run there."""
    from cnnvis_caffe.runtime import backend

    backend.require_gpu(0)
    return gpu


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def mode(request):
    """Where nets run: the test is run on the CPU and on a GPU. Gives "cpu" or "gpu"."""
    if request.param == "gpu":
        request.getfixturevalue("on_gpu")
    return request.param


@pytest.fixture()
def pretended():
    """A pretended GPU that tells what it was asked for (`helpers.pretended_gpu.Device`); nets run there."""
    import torch
    from helpers.pretended_gpu import pretended_gpu

    from cnnvis_caffe.runtime import backend

    if torch.cuda.is_available():
        pytest.skip("only a pretended GPU counts; here is a real one")
    with pretended_gpu() as device, patch.multiple(backend._Mode, device=None, index=0):
        backend.require_gpu(0)
        yield device


def pytest_collection_finish():
    """Whoever looks for garbage, a test or Python, passes over all modules and tests: half a second each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """See that whoever uses a GPU says so: such tests are run again on a real one."""
    for item in items:
        if "gpu" in item.fixturenames and not item.get_closest_marker("gpu"):
            raise pytest.UsageError(f"{item.nodeid} asks for a GPU, but is not marked gpu")
