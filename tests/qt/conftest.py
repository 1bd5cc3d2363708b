"""Windows for tests: each is shown, waited for, closed, and must be gone afterwards."""

from __future__ import annotations

import gc
import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from helpers.once import once

TIMEOUT_MS = 60_000


def pytest_collection_modifyitems(config, items) -> None:
    """Without the Qt plug-in nothing here can run."""
    has_plugin = config.pluginmanager.hasplugin("pytest-qt")
    for item in items:
        if "tests/qt" in str(item.fspath).replace(os.sep, "/"):
            if has_plugin:
                # Qt's platform without a screen says so about every window.
                item.add_marker(pytest.mark.qt_log_ignore("propagateSizeHints", "does not support (raise|grabbing)"))
            else:
                item.add_marker(pytest.mark.skip(reason="pytest-qt is not there"))


@pytest.fixture(scope="session", autouse=True)
def settings_of_the_tests():
    """Settings of the user lie in the tests' home, also where Qt asks the system instead of the environment."""
    qt = pytest.importorskip("PyQt5.QtCore")
    qt.QSettings.setPath(qt.QSettings.IniFormat, qt.QSettings.UserScope, os.environ["XDG_CONFIG_HOME"])


@pytest.fixture(scope="session")
def lenet():
    """A small made-up analysis with three snapshots."""
    from helpers.analyses import make_analysis

    return make_analysis("lenet", n_snapshots=3)


@pytest.fixture(scope="session")
def deep():
    """One with groups of several layers."""
    from helpers.analyses import make_analysis

    return make_analysis("deep", n_snapshots=2)


def _network(name, path, first, second, third):
    from cnnvis_caffe.store import read_analysis

    from .tour import Network

    return Network(name, read_analysis(path), str(path), first, second, third)


@pytest.fixture(scope="session")
def made_up(tmp_path_factory, lenet):
    """The small made-up analysis, as a file."""
    from cnnvis_caffe.store import write_analysis

    path = tmp_path_factory.mktemp("made_up") / "lenet.cnnvis.h5"
    write_analysis(path, lenet)
    return _network("made-up", path, "conv1", "conv2", "relu1")


@pytest.fixture(scope="session")
def analysed(tmp_path_factory, repository, data_dir):
    """Analyse snapshots of a network on 200 images of a data set; gives the file."""

    def analyse(network, weights, data, *, name="", **options):
        from cnnvis_caffe import pipeline

        model, file = repository / f"prototxt/{network}/train_val.prototxt", f"{name or network}.cnnvis.h5"
        return (
            once(
                tmp_path_factory,
                f"{name or network}_analysis",
                lambda folder: pipeline.analyze(model, weights, data, folder / file, limit=200, **options),
            )
            / file
        )

    return analyse


@pytest.fixture(scope="session")
def real_lenet(analysed, zoo_dir):
    """Caffe's LeNet on 200 MNIST images; one snapshot."""
    path = analysed("lenet", zoo_dir / "lenet/lenet_iter_10000.caffemodel", "mnist:test")
    return _network("lenet", path, "conv1", "conv2", "relu1")


@pytest.fixture(scope="session")
def other_lenet(analysed, zoo_dir):
    """The same network, trained otherwise."""
    path = analysed("lenet", zoo_dir / "lenet/lenet_rmsprop_iter_10000.caffemodel", "mnist:test", name="lenet_rmsprop")
    return _network("lenet-rmsprop", path, "conv1", "conv2", "relu1")


@pytest.fixture(scope="session")
def cifar10_full(analysed, zoo_dir, cifar10_dir):
    """Three snapshots of one training on 200 CIFAR-10 images."""
    weights = [zoo_dir / f"cifar10_full_h5/cifar10_full_iter_{n}.caffemodel.h5" for n in (20000, 40000, 70000)]
    with patch.dict(os.environ, CNNVIS_DATA_DIR=str(cifar10_dir)):
        path = analysed("cifar10_full", weights, "cifar10:test", mean=zoo_dir / "cifar10_mean.binaryproto")
    return _network("cifar10_full", path, "relu1", "relu2", "relu3")


NETWORKS = ("made_up", "real_lenet", "cifar10_full")


@pytest.fixture(params=NETWORKS)
def network(request):
    """Each network of the tour."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=("made_up", "cifar10_full"))
def trained(request):
    """Those with several snapshots."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def found_before():
    """Findings by file and snapshot."""
    return {}


@pytest.fixture(autouse=True)
def findings_once(found_before):
    """Each file's findings are made by a process of its own: once for all tests."""
    from cnnvis_caffe.viewer.work import tasks

    find_all = tasks.find_all

    def find_once(analysis, aggregation, snapshot, progress):
        if not analysis.path:
            return find_all(analysis, aggregation, snapshot, progress)
        key = (analysis.path, snapshot)
        if key not in found_before:
            found_before[key] = find_all(analysis, aggregation, snapshot, progress)
        return found_before[key]

    # A patch of its own: that of a test must be undone before the test's windows are looked at.
    with patch.object(tasks, "find_all", find_once):
        yield


@pytest.fixture(scope="session")
def left_by_windows():
    """What drawing has left behind, by analysis, the latest last."""
    return OrderedDict()


@pytest.fixture(autouse=True)
def windows_go_on(left_by_windows):
    """A window goes on from what an earlier one has drawn of the same analysis, as it does from its own pictures.

    That this changes no picture is tested without windows (`tests/unit/drawing/test_pictures.py`).
    """
    from cnnvis_caffe.viewer.model import pictures
    from cnnvis_caffe.viewer.work import threads

    make, taken = pictures._ViewDrawer, []

    def go_on(analysis):
        found = left_by_windows.get(id(analysis))
        taken.append(found.pop() if found else make(analysis))
        return taken[-1]

    # A patch of its own: that of a test must be undone before the test's windows are looked at.
    with patch.object(pictures, "_ViewDrawer", go_on):
        yield
    for left in taken if not threads._LEFT_BEHIND else ():
        left_by_windows.setdefault(id(left.analysis), []).append(left)
        left_by_windows.move_to_end(id(left.analysis))
    while len(left_by_windows) > 6:
        left_by_windows.popitem(last=False)


@pytest.fixture(autouse=True)
def garbage_of_this_test():
    """Only what a test makes is searched for garbage when its windows close, which else takes half a second for each.

    The program does likewise for one window (`viewer.model.memory`); `test_leaks.py` has that as it is.
    """
    from cnnvis_caffe.viewer.model import memory

    gc.collect()
    gc.freeze()
    nothing = SimpleNamespace(collect=lambda *_: 0, freeze=lambda: None, unfreeze=lambda: None)
    with patch.object(memory, "gc", nothing):
        yield


@pytest.fixture
def settings(qapp, tmp_path):
    """Settings of their own."""
    from cnnvis_caffe.viewer.window.settings import Settings

    return Settings(str(tmp_path / "settings.ini"))


@pytest.fixture
def settle(qtbot) -> Callable:
    """Wait until a window is quiet."""

    def wait(window) -> None:
        # Twice: a picture may change sizes, and those ask for another picture.
        for _ in range(2):
            qtbot.wait(1)
            qtbot.waitUntil(lambda: window.is_settled, timeout=TIMEOUT_MS)

    return wait


@pytest.fixture
def make_window(qtbot, settings, settle) -> Iterator[Callable]:
    """Make windows; at the end each is closed and must be freed."""
    from cnnvis_caffe.viewer.window.main_window import MainWindow

    windows = []

    def make(analysis=None, *, motion: bool = False):
        window = MainWindow(settings)
        window.set_reduced_motion(not motion)
        window.findings_search.soon.setInterval(0)  # every step waits for it
        window.resize(1400, 900)
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        if analysis is not None:
            window.show_analysis(analysis)
            settle(window)
        return window

    yield make
    while windows:
        window = windows.pop()
        window.discard_and_close()
        references = [weakref.ref(window.session), weakref.ref(window.pane.canvas)]
        window.deleteLater()
        del window
        qtbot.waitUntil(lambda: _are_dead(references), timeout=5000)  # noqa: B023


def _are_dead(references: list) -> bool:
    gc.collect()
    return all(reference() is None for reference in references)
