"""Two runs write the same bytes, whatever they write and whenever they run; docs/analysis_file.md says what differs."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np

from benchmarks.killing import NET, SOLVER
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import ChooseTheme
from cnnvis_caffe.edits.sessions import save_session
from cnnvis_caffe.records.image_set import ImageSet

PICTURES = ("svg", "png", "pdf", "html")
#: Named in docs/analysis_file.md.
TIMES = "provenance"


def command(*arguments: str) -> None:
    group.main(list(arguments), standalone_mode=False)


def write_everything() -> None:
    """All kinds of files, in the current folder."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (16, 3, 14, 12), dtype=np.uint8)
    write_image_set(ImageSet("made up", "train", images, np.arange(16) % 4, tuple("abcd"), "BGR"), "lmdb")
    Path("net.prototxt").write_text(NET)
    Path("out").mkdir()
    for kind in ("BINARYPROTO", "HDF5"):
        lines = SOLVER.replace("max_iter: 30 snapshot: 3", f"max_iter: 4 snapshot: 4 snapshot_format: {kind}")
        Path("solver.prototxt").write_text(lines)
        command("train", "--solver", "solver.prototxt")
    weights = ("--weights", "out/small_iter_4.caffemodel")
    command("analyze", "--model", "net.prototxt", *weights, "--data", "lmdb", "--out", "a.cnnvis.h5")
    for kind in PICTURES:
        command("render", "a.cnnvis.h5", "--out", f"picture.{kind}", "--size", "600x400")
    command("data", "convert", "lmdb", "copied")
    command("data", "export", "lmdb", "exported")
    history = History()
    history.apply(ChooseTheme("dark"))
    save_session("session.cnnvis.json", history)


def contents(folder: Path) -> dict[str, bytes]:
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    analysis = files.pop("a.cnnvis.h5")
    read = {name: path.read_bytes() for name, path in files.items()}
    parts: list[tuple[str, bytes]] = []

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        about = repr((item.name, sorted(item.attrs.items()), getattr(item, "dtype", ""), getattr(item, "chunks", "")))
        parts.append((about, item[()].tobytes() if isinstance(item, h5py.Dataset) else b""))

    with h5py.File(analysis) as file:
        file.visititems(lambda name, item: None if name == TIMES else add(name, item))
    assert len(parts) > 50
    return {**read, **{f"a.cnnvis.h5 {about}": content for about, content in parts}}


def test_two_runs_write_the_same_bytes(tmp_path, monkeypatch):
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write_everything()
        found.append(contents(tmp_path / name))
        time.sleep(1.0 - time.time() % 1.0)  # times in files count seconds
    one, two = found
    assert sorted(one) == sorted(two) and len(one) > 25
    assert {Path(name).suffix for name in one} >= {".caffemodel", ".solverstate", ".h5", ".mdb", ".json", ".png"}
    differ = [name for name in one if one[name] != two[name]]
    assert not differ, [(name, len(one[name]), len(two[name])) for name in differ]
