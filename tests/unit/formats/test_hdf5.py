"""HDF5 caffemodels: against files of real Caffe, and against what h5py writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.recordings import WEIGHTS
from helpers.same import assert_same_array

from cnnvis_caffe.errors import CaffemodelError, DataNotFoundError
from cnnvis_caffe.formats.hdf5 import read_weights_hdf5, write_weights_hdf5
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.records.weights import WeightsFile


def arrays(weights: WeightsFile) -> dict[str, np.ndarray]:
    return {
        f"{kind}:{layer.name}:{index}": getattr(blob, kind)
        for layer in weights.layers
        for index, blob in enumerate(layer.blobs)
        if blob is not None
        for kind in ("data", "diff")
        if getattr(blob, kind) is not None
    }


@pytest.fixture
def made(tmp_path: Path) -> Callable[[Callable[[h5py.File], None]], Path]:
    """A file that a function fills."""

    def make(fill: Callable[[h5py.File], None], **options: object) -> Path:
        with h5py.File(tmp_path / "m.h5", "w", **options) as file:
            fill(file)
        return tmp_path / "m.h5"

    return make


class TestRealCaffe:
    """``tests/recorders/record_files.py`` wrote files and, beside them, the arrays that the net held."""

    @pytest.mark.parametrize(("stem", "count"), [("hdf5", 9), ("hdf5_diff", 18)])
    def test_arrays_are_those_of_the_net(self, stem: str, count: int) -> None:
        found = arrays(read_weights(WEIGHTS / f"{stem}_iter_3.caffemodel.h5"))
        expected = np.load(WEIGHTS / f"{stem}.npz")
        assert len(found) == count
        for name, array in found.items():
            assert_same_array(array, expected[name], err_msg=name)
            assert not array.flags.writeable

    def test_a_shared_array_is_left_out_and_a_layer_without_arrays_is_there(self) -> None:
        weights = read_weights_hdf5(WEIGHTS / "hdf5_iter_3.caffemodel.h5")
        layers = {layer.name: layer for layer in weights.layers}
        assert set(layers) == {"data", "label", "conv", "bn", "scale", "relu", "ip1", "ip2", "loss"}
        assert layers["ip2"].blobs[0] is None  # ip1 owns it
        assert (layers["ip2"].owned, layers["ip1"].owned) == (False, True)
        assert layers["relu"].blobs == ()
        assert layers["scale"].blobs[0].shape == ()
        assert (weights.format, weights.network, weights.unknown) == ("hdf5", None, ())

    def test_layers_within_layers(self) -> None:
        # Caffe saved "a" and "a/b", and cannot load them: it takes the group "b" for an array of "a".
        nested = read_weights(WEIGHTS / "nested.caffemodel.h5")
        binary = read_weights(WEIGHTS / "nested.caffemodel")
        assert [layer.name for layer in nested.layers] == ["a", "a/b", "data"]
        expected = arrays(binary)
        assert len(expected) == 4
        for name, array in arrays(nested).items():
            np.testing.assert_array_equal(array, expected.pop(name))
        assert not expected

    def test_what_we_write_has_caffes_structure(self, tmp_path: Path) -> None:
        original = WEIGHTS / "hdf5_diff_iter_3.caffemodel.h5"
        layers = []
        for layer in read_weights(original).layers:
            blobs = [(None, np.zeros((24, 24))) if blob is None else blob for blob in layer.blobs]
            layers.append((layer.name, blobs))
        write_weights_hdf5(tmp_path / "copy.h5", layers, with_diff=True)
        # Real Caffe loads the copy (checked with every snapshot of the zoo).
        assert structure(tmp_path / "copy.h5") == structure(original)


def structure(path: Path) -> dict[str, object]:
    """Every object of a file with what describes it."""
    found: dict[str, object] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (item.shape, item.dtype.str, item.chunks, item.id.get_create_plist().get_layout())
        else:
            found[name] = "group"

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    assert path.read_bytes()[8] == 0  # the oldest superblock
    return found


class TestReading:
    def test_other_ways_to_store_numbers(self, made: Callable) -> None:
        numbers = np.arange(60, dtype=np.float32).reshape(10, 6)

        def fill(file: h5py.File) -> None:
            group = file.create_group("data/ip")
            group["0"] = numbers.astype(">f4")
            group["1"] = numbers.astype(np.float64)
            group["2"] = numbers.astype(np.int16)
            group.create_dataset("3", data=numbers, chunks=(4, 4))
            group.create_dataset("4", data=numbers * 0, compression="gzip", shuffle=True, fletcher32=True)
            group.create_dataset("5", data=numbers, maxshape=(None, 6))
            group["6"] = np.float64(3)
            group["7"] = np.zeros((0, 3), np.float32)
            compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            compact.set_layout(h5py.h5d.COMPACT)
            space = h5py.h5s.create_simple((2,))
            dataset = h5py.h5d.create(group.id, b"8", h5py.h5t.IEEE_F32LE, space, compact)
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([5, 6], np.float32))

        for options in ({}, {"libver": "latest"}, {"userblock_size": 1024}):
            blobs = read_weights(made(fill, **options)).layers[0].blobs
            assert len(blobs) == 9
            for index in (0, 1, 2, 3, 5):
                assert_same_array(blobs[index].data, numbers)
            assert_same_array(blobs[4].data, numbers * 0)
            assert [blobs[index].data.tolist() for index in (6, 7, 8)] == [3, [], [5, 6]]

    def test_holes_and_foreign_things(self, made: Callable) -> None:
        def fill(file: h5py.File) -> None:
            group = file.create_group("data/ip")
            group["2"] = np.ones(3, np.float32)
            group["weight"] = np.ones(3, np.float32)
            file["data/0"] = np.ones(3, np.float32)
            file["diff/ip/2"] = np.zeros(3, np.float32)
            group["soft"] = h5py.SoftLink("/data/ip/2")

        weights = read_weights(made(fill))
        (layer,) = weights.layers
        assert [blob and blob.diff.tolist() for blob in layer.blobs] == [None, None, [0, 0, 0]]
        assert weights.unknown == (
            "/data/0 is neither a layer nor an array of one",
            "/data/ip/soft is neither a layer nor an array of one",
            "/data/ip/weight is neither a layer nor an array of one",
        )

    @pytest.mark.parametrize(
        ("fill", "reason"),
        [
            (lambda file: file.create_group("history"), "no group 'data', but history; it looks like a solver st"),
            (lambda file: file.create_dataset("data", data=1.0), "dataset '/data' where a group is expected"),
            (lambda file: file.create_dataset("data/a/0", data=np.bytes_("x")), "holds |S1, but weights are float32"),
            (lambda file: file.create_dataset("data/a/0", data=np.zeros(2, "c8")), "holds no plain numbers"),
            (lambda file: file.create_dataset("data/a/0", data=h5py.Empty("f4")), "is not an array"),
            (lambda file: file.create_dataset("data/a/0", (3,), "f4"), "was never written"),
            (
                lambda file: file.create_dataset("data/a/0", (1 << 28,), "f4", chunks=(1 << 20,)),
                "takes 1073741824 bytes of memory, but a file of",
            ),
            (
                lambda file: file.create_dataset("data/a/0", (1 << 20, 1 << 20), "f4", chunks=(8, 8)),
                "Caffe's arrays hold at most",
            ),
            (
                lambda file: file.create_dataset("data/a/0", (3,), "f4", external=[("other", 0, 12)]),
                "keeps its numbers elsewhere",
            ),
            (
                lambda file: file.create_virtual_dataset("data/a/0", h5py.VirtualLayout((2,), "f4")),
                "keeps its numbers elsewhere",
            ),
            (
                lambda file: file.create_group("data/a").__setitem__("b", file["data"]),
                "group '/data/a/b' is reached twice",
            ),
            (lambda file: file.create_group("data/" + "a/" * 40), "nested deeper than 32"),
            (lambda file: file.__setitem__("data", h5py.ExternalLink("x.h5", "/data")), "/data is a link"),
        ],
    )
    def test_refused(self, fill: Callable, reason: str, made: Callable) -> None:
        path = made(fill)
        with pytest.raises(CaffemodelError, match=re.escape(reason)):
            read_weights(path)

    def test_diff_of_another_shape(self, made: Callable) -> None:
        def fill(file: h5py.File) -> None:
            file["data/ip/0"] = np.zeros(2, np.float32)
            file["diff/ip/0"] = np.zeros(3, np.float32)

        with pytest.raises(CaffemodelError, match="layer 'ip': blob 0 has shape 2, its diff 3"):
            read_weights(made(fill))

    def test_cut_off(self, tmp_path: Path) -> None:
        content = (WEIGHTS / "hdf5_iter_3.caffemodel.h5").read_bytes()
        (tmp_path / "m.h5").write_bytes(content[: len(content) // 2])
        with pytest.raises(CaffemodelError, match="is cut off: it should have"):
            read_weights(tmp_path / "m.h5")

    def test_not_hdf5(self, tmp_path: Path) -> None:
        (tmp_path / "m.h5").write_bytes(b"<html>")
        with pytest.raises(CaffemodelError, match="is not an HDF5 file; it looks like an HTML page"):
            read_weights_hdf5(tmp_path / "m.h5")
        with pytest.raises(DataNotFoundError):
            read_weights_hdf5(tmp_path / "nowhere.h5")


class TestWriting:
    def test_names_with_slashes_become_nested_groups(self, tmp_path: Path) -> None:
        kernel = np.arange(6, dtype=np.float32).reshape(2, 3)
        write_weights_hdf5(tmp_path / "m.h5", {"a/b": [kernel], "a": [(kernel.T, None)], "a/c/d": []})
        with h5py.File(tmp_path / "m.h5", "r") as file:
            np.testing.assert_array_equal(file["data/a/b/0"][()], kernel)
            assert "diff" not in file
        layers = {layer.name: layer.blobs for layer in read_weights(tmp_path / "m.h5").layers}
        assert {name: len(blobs) for name, blobs in layers.items()} == {"a": 1, "a/b": 1, "a/c/d": 0}
        np.testing.assert_array_equal(layers["a"][0].data, kernel.T)

    def test_same_arrays_same_bytes(self, tmp_path: Path) -> None:
        for name in ("1.h5", "2.h5"):
            write_weights_hdf5(tmp_path / name, {"a": [np.ones(3)]}, with_diff=True)
        assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()

    @pytest.mark.parametrize("name", ["/a", "a//b", "a/", "", ".", "a/./b", "a\0b"])
    def test_names_that_are_no_path(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(CaffemodelError, match="cannot be a path of HDF5 groups"):
            write_weights_hdf5(tmp_path / "m.h5", {name: []})
        assert not list(tmp_path.iterdir())

    def test_names_that_collide(self, tmp_path: Path) -> None:
        with pytest.raises(CaffemodelError, match="two layers are called 'a'"):
            write_weights_hdf5(tmp_path / "m.h5", [("a", []), ("a", [])])
        with pytest.raises(CaffemodelError, match="cannot be written"):
            write_weights_hdf5(tmp_path / "m.h5", {"a": [np.ones(3)], "a/0": []})
        assert not list(tmp_path.iterdir())


def test_zoo(zoo_dir: Path) -> None:
    paths = sorted((zoo_dir / "cifar10_full_h5").glob("*.caffemodel.h5"))
    assert len(paths) == 8
    for path in paths:
        shapes = {name: array.shape for name, array in arrays(read_weights(path)).items()}
        assert shapes["data:conv2:0"] == (32, 32, 5, 5)
        assert len(shapes) == 8
