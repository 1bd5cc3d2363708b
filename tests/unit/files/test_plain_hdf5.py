"""HDF5 files are read as h5py reads them, whatever they are made of; nothing outside of them is."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cnnvis_caffe.files.plain_hdf5 import Damage, Dataset, Group, open_plain


def fill(file: h5py.File) -> None:
    """Everything that is read without the library, and how it may be stored."""
    generator = np.random.default_rng(1)
    file.attrs.update({"text": "café", "empty": "", "whole": 3, "part": 2.5, "list": [1, 2, 3]})
    for number in range(300):
        file[f"many/{number}"] = np.arange(number)
    file["scalar"], file["bools"], file["bytes"] = 3.5, np.array([True, False]), np.bytes_("hello")
    file["other order"], file["half"] = np.arange(7, dtype=">i2"), np.arange(7, dtype="f2")
    packed = generator.integers(0, 9, (301, 17, 5))
    file.create_dataset("packed", data=packed, chunks=(20, 17, 2), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("shuffled", data=generator.normal(size=(33, 7)), chunks=(10, 7), shuffle=True)
    file.create_dataset("partly", (50, 4), "f4", chunks=(8, 4), fillvalue=7)[10:20] = 1
    file.create_dataset("unwritten", (50, 4), "f4", fillvalue=3)
    shrunk = file.create_dataset("shrunk", (50, 4), "f4", chunks=(8, 4), maxshape=(None, 4))
    shrunk[:] = 2
    shrunk.resize((30, 4))
    file["link"] = h5py.SoftLink("/packed")


def same(ours: Group, theirs: h5py.Group) -> None:
    """Compare everything below two groups."""
    assert list(ours) == sorted(theirs)
    for name, value in theirs.attrs.items():
        assert np.array_equal(ours.attrs[name], value), name
    for name in theirs:
        if not isinstance(theirs.get(name, getlink=True), h5py.HardLink):
            assert ours.is_link(name)
            with pytest.raises(Damage, match="is a link"):
                ours[name]
        elif isinstance(theirs[name], h5py.Group):
            same(ours[name], theirs[name])
        else:
            array, expected = ours[name].read(), theirs[name][()]
            assert array.dtype == np.asarray(expected).dtype.newbyteorder("=") and np.array_equal(array, expected)


@pytest.mark.parametrize(
    "how", [{}, {"userblock_size": 512}, {"libver": "latest"}, {"track_order": True}], ids=lambda how: str(*how)
)
def test_all_is_read_as_h5py_reads_it(how: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", **how) as file:
        fill(file)
    with open_plain(path) as ours, h5py.File(path, "r") as theirs:
        same(ours, theirs)


def test_a_filter_of_h5py_alone(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=np.arange(1000), chunks=(100,), compression="lzf")
    assert np.array_equal(open_plain(tmp_path / "a.h5")["a"].read(), np.arange(1000))


def external(file: h5py.File) -> None:
    file.create_dataset("a", (3,), "f4", external=[("/etc/hostname", 0, 12)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "a", (3,))
    file.create_virtual_dataset("a", layout)


def linked(file: h5py.File) -> None:
    file["a"] = h5py.ExternalLink("other.h5", "/a")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("make", [external, virtual, linked])
def test_what_is_elsewhere_is_refused(make: Any, libver: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        make(file)
    with pytest.raises(Damage, match=r"in the file itself"), open_plain(tmp_path / "a.h5") as file:
        array = file["a"]
        assert isinstance(array, Dataset)
        array.read()


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("chunks", [None, (1 << 20,)])
def test_an_array_that_the_file_cannot_hold_is_refused(chunks: Any, libver: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as file:
        file.create_dataset("a", (1 << 31,), "f4", chunks=chunks, fillvalue=1)
    with pytest.raises(Damage, match=r"takes 8589934592 bytes of memory"), open_plain(tmp_path / "a.h5") as file:
        file["a"].read()


def test_a_wrong_byte_in_a_packed_array_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.arange(5000), chunks=(500,), fletcher32=True)
    content = path.read_bytes()
    place = content.index(np.arange(3000, 3010).tobytes()) + 3
    path.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
    with pytest.raises(Damage, match="checksum"):
        open_plain(path)["a"].read()


def test_the_checksum_of_a_large_chunk_is_right(tmp_path: Path) -> None:
    array = ~np.arange(3 << 20, dtype=np.uint16) | 0xFF00
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=array, chunks=array.shape, fletcher32=True)
    assert np.array_equal(open_plain(tmp_path / "a.h5")["a"].read(), array)


def test_chunks_that_reach_far_over_their_array_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        array = file.create_dataset(
            "a", (1, 40), "u1", chunks=(1 << 22, 1), maxshape=(None, None), compression="gzip"
        )
        packed = zlib.compress(bytes(1 << 22), 1)
        for place in range(40):
            array.id.write_direct_chunk((0, place), packed)
    with pytest.raises(Damage, match="an array of 40 chunks takes 167772160 bytes of memory"):
        open_plain(path)["a"].read()


def test_a_filter_that_is_there_twice_is_left_to_the_library(tmp_path: Path) -> None:
    path, array = tmp_path / "a.h5", np.arange(5000)
    with h5py.File(path, "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((500,))
        for _ in range(3):
            settings.set_shuffle()
        space = h5py.h5s.create_simple(array.shape)
        dataset = h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_INT64, space, settings)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
    assert np.array_equal(open_plain(path)["a"].read(), array)


def test_an_empty_array_with_an_axis_that_no_array_has(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (0, 1 << 62, 1 << 40), "f4", chunks=(1, 1, 1), maxshape=(None, None, None))
    with pytest.raises(Damage, match="dataset /a has shape"):
        open_plain(tmp_path / "a.h5")["a"]
