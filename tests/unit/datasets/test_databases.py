"""Databases are made as Caffe's converters make them: the same keys, the same bytes."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe.datasets.databases import (
    ImageOptions,
    copy_database,
    export_images,
    folder_entries,
    mean_image,
    write_image_files,
    write_image_set,
)
from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.database import open_database
from cnnvis_caffe.formats.datum import parse_datum
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.images import encode_image, read_image
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.records.image_set import ImageSet

RANDOM = np.random.default_rng(5)
IMAGES = RANDOM.integers(0, 256, (7, 3, 4, 5), np.uint8)
SET = ImageSet("some", "train", IMAGES, np.array([3, 0, 1, 1, 2, 3, 9]), tuple("abcdefghij"), "BGR")


def records(path):
    return [(bytes(key), bytes(value)) for key, value in open_database(path)]


def write_files(folder, images=IMAGES, extension="png"):
    entries = []
    for index, image in enumerate(images):
        name = f"{'odd' if index % 2 else 'even'}/image {index}.{extension}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encode_image(image.transpose(1, 2, 0), extension))
        entries.append((name, index % 2))
    return entries


def test_keys_and_order(tmp_path):
    write_image_set(SET, tmp_path / "db", digits=5)
    found = records(tmp_path / "db")
    assert [key for key, _ in found] == [b"%05d" % index for index in range(7)]
    datums = [parse_datum(value) for _, value in found]
    np.testing.assert_array_equal([datum.pixels() for datum in datums], IMAGES)
    assert [datum.label for datum in datums] == SET.labels.tolist()


def test_a_shuffled_order_is_always_the_same(tmp_path):
    for name in ("first", "second"):
        write_image_set(SET, tmp_path / name, shuffle_seed=0)
    found = [value for _, value in records(tmp_path / "first")]
    assert records(tmp_path / "first") == records(tmp_path / "second")
    write_image_set(SET, tmp_path / "plain")
    plain = [value for _, value in records(tmp_path / "plain")]
    assert found != plain
    assert sorted(found) == sorted(plain)


def test_image_files(tmp_path):
    entries = write_files(tmp_path)
    write_image_files(entries, f"{tmp_path}/", tmp_path / "db", ImageOptions(check_size=True))
    found = records(tmp_path / "db")
    assert found[3][0] == b"00000003_odd/image 3.png"
    datum = parse_datum(found[3][1])
    np.testing.assert_array_equal(datum.pixels(), IMAGES[3])
    assert datum.label == 1


def test_encoded_files_are_kept_as_they_are(tmp_path):
    entries = write_files(tmp_path)
    write_image_files(entries, f"{tmp_path}/", tmp_path / "kept", ImageOptions(keep_files=True))
    datum = parse_datum(records(tmp_path / "kept")[2][1])
    assert datum.encoded
    assert bytes(datum.data) == (tmp_path / entries[2][0]).read_bytes()
    grey = ImageOptions(keep_files=True, color=False)
    write_image_files(entries, f"{tmp_path}/", tmp_path / "grey", grey)
    assert parse_datum(records(tmp_path / "grey")[2][1]).pixels().shape == (1, 4, 5)
    small = ImageOptions(encode="png", height=2, width=3)
    write_image_files(entries, f"{tmp_path}/", tmp_path / "small", small)
    assert parse_datum(records(tmp_path / "small")[2][1]).pixels().shape == (3, 2, 3)


def test_files_that_cannot_be_written(tmp_path):
    entries = write_files(tmp_path)
    with pytest.raises(DataNotFoundError, match="missing.png: there is no such file"):
        write_image_files([*entries, ("missing.png", 0)], f"{tmp_path}/", tmp_path / "db", ImageOptions())
    assert not (tmp_path / "db").exists()
    (tmp_path / "wide.png").write_bytes(encode_image(np.zeros((4, 6, 3), np.uint8), "png"))
    mixed = [*entries, ("wide.png", 0)]
    with pytest.raises(DataFileError, match=r"wide.png: is of size \(4, 6, 3\), but the images before it"):
        write_image_files(mixed, f"{tmp_path}/", tmp_path / "db", ImageOptions(check_size=True))
    with pytest.raises(DataFileError, match="cannot encode images as 'xyz'"):
        write_image_files(entries, f"{tmp_path}/", tmp_path / "db", ImageOptions(encode="xyz"))


def test_the_mean_adds_up_in_floats(tmp_path):
    write_image_set(SET, tmp_path / "db")
    total = np.zeros(IMAGES.shape[1:], np.float32)
    for image in IMAGES:
        total += image
    np.testing.assert_array_equal(mean_image(tmp_path / "db"), total / np.float32(7))


def test_the_mean_of_what_are_no_images(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        writer.put(b"first", b"\x0b" * 500)
    with pytest.raises(DataFileError, match="'first'.*nested deeper than 100"):
        mean_image(tmp_path / "db")


def test_the_mean_of_images_that_differ(tmp_path):
    entries = write_files(tmp_path, [IMAGES[0], IMAGES[1][:, :3]])
    write_image_files(entries, f"{tmp_path}/", tmp_path / "db", ImageOptions())
    with pytest.raises(DataFileError, match=r"is of shape \(3, 3, 5\), but those before it of \(3, 4, 5\)"):
        mean_image(tmp_path / "db")


def test_exported_images_come_back_the_same(tmp_path):
    write_files(tmp_path)
    write_image_set(SET, tmp_path / "db")
    assert export_images(tmp_path / "db", tmp_path / "out") == 7
    entries = read_image_list(tmp_path / "out" / "images.txt")
    assert entries[2] == ("1/00000002.png", 1)
    write_image_files(entries, f"{tmp_path}/out/", tmp_path / "again", ImageOptions())
    for (_, first), (_, second) in zip(records(tmp_path / "db"), records(tmp_path / "again")):
        np.testing.assert_array_equal(parse_datum(first).pixels(), parse_datum(second).pixels())
        assert parse_datum(first).label == parse_datum(second).label
    with pytest.raises(DataFileError, match="is not empty"):
        export_images(tmp_path / "db", tmp_path / "out")


def test_exported_colours(tmp_path):
    write_image_set(SET, tmp_path / "db")
    export_images(tmp_path / "db", tmp_path / "out", rgb=True)
    bgr = read_image(tmp_path / "out" / "9" / "00000006.png")
    np.testing.assert_array_equal(bgr[..., ::-1].transpose(2, 0, 1), IMAGES[6])


def test_encoded_images_are_exported_as_they_are(tmp_path):
    entries = write_files(tmp_path, extension="jpg")
    write_image_files(entries, f"{tmp_path}/", tmp_path / "db", ImageOptions(keep_files=True))
    export_images(tmp_path / "db", tmp_path / "out")
    exported = tmp_path / "out" / "1" / "00000003_odd_image 3.jpg"
    assert exported.read_bytes() == (tmp_path / entries[3][0]).read_bytes()


def test_a_record_that_is_no_datum(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        writer.put(b"key", b"\xff\xff")
    for function in (mean_image, lambda path: export_images(path, tmp_path / "out")):
        with pytest.raises((DataFileError, ValueError), match="is (damaged|cut off)"):
            function(tmp_path / "db")


def test_folders_are_classes_in_byte_order(tmp_path):
    for name in ("b/1.png", "B/2.png", "a/x.png", "a/10.png", "ä/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    entries, classes = folder_entries(tmp_path)
    assert classes == ["B", "a", "b", "ä"]
    assert entries == [("B/2.png", 0), ("a/10.png", 1), ("a/x.png", 1), ("b/1.png", 2), ("ä/3.png", 3)]
    with pytest.raises(DataFileError, match="has no folders with images"):
        folder_entries(tmp_path / "a")


def test_a_leveldb_becomes_an_lmdb(tmp_path):
    plyvel = pytest.importorskip("plyvel")
    with contextlib.closing(plyvel.DB(str(tmp_path / "level"), create_if_missing=True)) as handle:
        for key in (b"2", b"1", b"10"):
            handle.put(key, b"value of " + key)
    assert copy_database(tmp_path / "level", tmp_path / "db") == 3
    assert records(tmp_path / "db") == [(key, b"value of " + key) for key in (b"1", b"10", b"2")]


# -- beside real Caffe ---------------------------------------------------------------------------------------------


@pytest.fixture
def shared_folder(repository):
    """A folder that real Caffe can see, below the checkout."""
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        yield Path(name)


def run_tool(repository, real_caffe, *command):
    subprocess.run([*real_caffe, *map(str, command)], cwd=repository, check=True, capture_output=True)


@pytest.mark.pycaffe
@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ([], ImageOptions()),
        (["--gray"], ImageOptions(color=False)),
        (["--encoded"], ImageOptions(keep_files=True)),
        (["--resize_height=6", "--resize_width=9"], ImageOptions(height=6, width=9)),
    ],
)
def test_convert_imageset_writes_the_same_bytes(shared_folder, repository, real_caffe, flags, options):
    entries = write_files(shared_folder)
    (shared_folder / "list.txt").write_text("".join(f"{name} {label}\n" for name, label in entries))
    root = f"{shared_folder}/"
    run_tool(
        repository, real_caffe, "convert_imageset", *flags, root, shared_folder / "list.txt", shared_folder / "real"
    )
    write_image_files(entries, root, shared_folder / "ours", options)
    assert records(shared_folder / "ours") == records(shared_folder / "real")


@pytest.mark.pycaffe
def test_convert_cifar_data_writes_the_same_bytes(shared_folder, repository, real_caffe, monkeypatch):
    from cnnvis_caffe import datasets

    random = np.random.default_rng(1)
    batches = shared_folder / "cifar-10-batches-bin"
    batches.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        block = random.integers(0, 256, (10000, 3073), np.uint8)
        block[:, 0] %= 10
        (batches / f"{name}.bin").write_bytes(block.tobytes())
    run_tool(repository, real_caffe, "convert_cifar_data", batches, shared_folder, "lmdb")
    monkeypatch.setenv("CNNVIS_DATA_DIR", str(shared_folder))
    for split in datasets.SPLITS:
        write_image_set(datasets.load("cifar10", split), shared_folder / split, digits=5)
        assert records(shared_folder / split) == records(shared_folder / f"cifar10_{split}_lmdb")


@pytest.mark.pycaffe
def test_compute_image_mean_writes_the_same_bytes(shared_folder, repository, real_caffe):
    many = np.random.default_rng(2).integers(0, 256, (70000, 1, 2, 3), np.uint8)  # sums that floats round
    labels = np.zeros(len(many), np.int64)
    write_image_set(ImageSet("many", "train", many, labels, ("0",), "grey"), shared_folder / "db")
    run_tool(repository, real_caffe, "compute_image_mean", shared_folder / "db", shared_folder / "real.binaryproto")
    np.testing.assert_array_equal(mean_image(shared_folder / "db"), read_mean(shared_folder / "real.binaryproto"))


@pytest.mark.pycaffe
def test_leveldb_that_real_caffe_wrote(shared_folder, repository, real_caffe):
    pytest.importorskip("plyvel")
    entries = write_files(shared_folder)
    (shared_folder / "list.txt").write_text("".join(f"{name} {label}\n" for name, label in entries))
    for backend in ("lmdb", "leveldb"):
        tail = [f"{shared_folder}/", shared_folder / "list.txt", shared_folder / backend]
        run_tool(repository, real_caffe, "convert_imageset", f"--backend={backend}", *tail)
    assert records(shared_folder / "leveldb") == records(shared_folder / "lmdb")
