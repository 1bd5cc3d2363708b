"""Files that are no analysis, are damaged or are of another version; folders that cannot be written to."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import fields

import h5py
import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError, DataNotFoundError, StoreError, StoreVersionError
from cnnvis_caffe.store import check_writable, migration, read_analysis, schema, write_analysis
from cnnvis_caffe.store.h5 import OpenFile
from tests.helpers.analyses import make_analysis


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("analysis") / "a"
    write_analysis(path, make_analysis("lenet", n_snapshots=2))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, content):
    path = tmp_path / "a.cnnvis.h5"
    path.write_bytes(content)
    return path


def read_all(path):
    """Ask for everything that a file has."""
    analysis = read_analysis(path)
    for snapshot in analysis.snapshots:
        for name in ("features", "similarity", "correlation", "connections", "scale", "debug", "thumbnails"):
            table = getattr(snapshot, name)
            for key in table:
                found = table[key]
                if name in ("features", "connections"):
                    for item in fields(found):
                        getattr(found, item.name)
                elif name == "thumbnails":
                    tuple(found)
    for index in analysis.images:
        analysis.images[index]


def test_no_file(tmp_path):
    with pytest.raises(DataNotFoundError, match="there is no such file"):
        read_analysis(tmp_path / "missing")
    with pytest.raises(StoreError, match="cannot be read"):
        read_analysis(tmp_path)


@pytest.mark.parametrize("found", [b"", b"\x89PNG\r\n\x1a\n", b"name: 'LeNet'\n" * 100])
def test_no_hdf5(tmp_path, found):
    (tmp_path / "a").write_bytes(found)
    with pytest.raises(StoreError, match="is not an analysis file; `cnnvis-caffe analyze` makes one"):
        read_analysis(tmp_path / "a")


def test_another_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "a", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(StoreError, match="is an HDF5 file, but no analysis file"):
        read_analysis(tmp_path / "a")


def test_cut_off_anywhere(path, content):
    for length in [*range(10, len(content), len(content) // 25), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(StoreError) as caught:
            read_all(path)
        assert str(path) in str(caught.value)


def test_bytes_changed_anywhere(path, content):
    """Either the damage does not matter, or it is said in one error of ours."""
    rng = np.random.default_rng(0)
    n_found = 0
    for _ in range(30):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            read_all(path)
        except CnnvisError as error:
            assert str(path) in str(error)
            n_found += 1
    assert n_found > 10


@pytest.mark.parametrize("version", [schema.VERSION + 1, 99, 0])
def test_another_version(path, version):
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = version
    with pytest.raises(StoreVersionError, match=rf"is {version}, but this program reads versions 1 to"):
        read_analysis(path)


def test_an_older_version_is_upgraded_in_memory(path, content):
    before = OpenFile(str(path), "analysis file")
    steps = {3: lambda root: root.attrs.__setitem__("title", root.attrs["title"] + "!"),
             4: lambda root: root["data"].attrs.__setitem__("n_images", 5)}  # fmt: skip
    migration.migrate(before, 3, steps, 5)
    assert before.attribute("/", "title", str).endswith("!")
    assert before.attribute("data", "n_images", int) == 5
    before.close()
    assert path.read_bytes() == content
    assert set(migration.STEPS) == set(range(1, schema.VERSION)), "every older version has its step"


KEYS = (
    "nodes", "provenance", "data", "data/class_names", "data/class_count", "data/input_shape", "images/index",
    "images/class", "images/picture", "images/pictures", "curves", "debug/layers", "debug/dead_share", "snapshots",
    "snapshots/5000", "snapshots/5000/layers", "snapshots/5000/connections",
)  # fmt: skip
LATER = (
    "layers/conv1/activation/mean", "layers/conv1/top/box_px", "layers/conv1/contribution", "pictures/bytes",
    "pictures/offsets", "connections/data--conv1/weight",
)  # fmt: skip


def last_key(file):
    return max(file["snapshots"], key=int)


@pytest.mark.parametrize("key", [*KEYS, *LATER])
def test_a_missing_key_is_named(path, key):
    with h5py.File(path, "r+") as file:
        last = f"snapshots/{last_key(file)}"
        key = key.replace("snapshots/5000", last) if key in KEYS else f"{last}/{key}"
        del file[key]
    if "/pictures/" in key:  # those of all snapshots
        key = key.partition("/pictures/")[2]
    # Of a group its first member is missed.
    pattern = "is not for 1 snapshots" if key == last else f"{key}[^:]*: is missing"
    with pytest.raises(StoreError, match=pattern):
        read_all(path)


@pytest.mark.parametrize(
    ("key", "array", "problem"),
    [
        ("layers/conv1/activation/mean", np.zeros((20, 9), "f4"), r"has shape \(20, 9\), but should have \(20, 10\)"),
        ("layers/conv1/activation/mean", np.zeros((20, 10), "i4"), "holds int32, but should hold float32"),
        ("layers/conv1/top/image", np.zeros((20, 3), "i8"), "should have"),
        ("layers/conv1/similarity", np.zeros(209, "i2"), r"should have \(210\)"),
        ("layers/conv1/thumbnail", np.full(20, 10**6, "i4"), "has no picture 1000000"),
        ("connections/data--conv1/gradient", np.zeros((20, 2), "f4"), r"should have \(20, 1\)"),
        ("/data/class_count", np.zeros(3, "i8"), r"should have \(10\)"),
        ("/nodes", np.frombuffer(b"[{", "u1"), "is not JSON"),
        ("/nodes", np.frombuffer(b'[{"name": 3}]', "u1"), "nodes: (is not a list|'name' of a node is 3)"),
        ("/nodes", np.frombuffer(b"7", "u1"), "nodes: (is not a list|'name' of a node is 3)"),
        ("/images/pictures/offsets", np.arange(1000) * 10**6, "lies outside of the bytes"),
        ("/debug/last_update", np.zeros((1, 1)), "should have"),
    ],
)
def test_a_wrong_shape_or_type_is_named(path, key, array, problem):
    with h5py.File(path, "r+") as file:
        key = key.strip("/") if key.startswith("/") else f"snapshots/{last_key(file)}/{key}"
        del file[key]
        file[key] = array
    with pytest.raises(StoreError, match=problem) as caught:
        read_all(path)
    assert str(path) in str(caught.value)


def test_a_huge_shape_is_refused_before_it_is_read(path):
    with h5py.File(path, "r+") as file:
        del file["images/pictures/bytes"]
        file["images/pictures"].create_dataset("bytes", (10**12,), "u1", chunks=(10**6,))
    with pytest.raises(StoreError, match="takes 1000000000000 bytes of memory"):
        read_all(path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="there is no folder"):
        write_analysis(tmp_path / "missing" / "a", make_analysis("lenet"))
    with pytest.raises(StoreError, match="is a folder; name a file"):
        check_writable(tmp_path)


def test_what_is_no_analysis_is_not_overwritten(tmp_path):
    path = tmp_path / "lenet.caffemodel"
    path.write_bytes(b"weights")
    for write in (check_writable, lambda path: write_analysis(path, make_analysis("lenet"))):
        with pytest.raises(StoreError, match="is not an analysis file; it is not overwritten"):
            write(path)
    assert path.read_bytes() == b"weights"
    path.write_bytes(b"")
    check_writable(path)  # as made by mktemp


def test_a_folder_that_is_read_only(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *args: False)  # as root may write everywhere
    with pytest.raises(StoreError, match="is read-only"):
        check_writable(tmp_path / "a")


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
from cnnvis_caffe.errors import StoreError
from cnnvis_caffe.store import write_analysis
from tests.helpers.analyses import make_analysis
try:
    write_analysis(sys.argv[1], make_analysis("lenet"))
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [20_000, 400_000])
def test_a_disk_that_is_full(tmp_path, repository, limit):
    """A limit on the size of files, which fails in the same place: the old file stays, nothing else is left.

    Compiled modules are files too: Python would keep their beginnings, and nothing could import them any more.
    """
    assert resource.RLIMIT_FSIZE
    path = tmp_path / "a.cnnvis.h5"
    write_analysis(path, make_analysis("lenet"))
    before = path.read_bytes()
    result = subprocess.run(
        [sys.executable, "-B", "-c", FULL_DISK, str(path), str(limit)],
        capture_output=True, text=True, timeout=300, cwd=repository,
    )  # fmt: skip
    assert result.stdout.startswith(f"{path}: cannot be written: file too large"), result.stderr[-2000:]
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.cnnvis.h5"]
