"""Data sets: every layout that they come in, damaged files, and where they are looked for."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import pickle
import struct
import sys
import tarfile
import threading

import numpy as np
import pytest

from cnnvis_caffe import datasets
from cnnvis_caffe.datasets import cifar10, find
from cnnvis_caffe.datasets import mnist as mnist_module
from cnnvis_caffe.errors import DataFileError, DataNotFoundError, MissingDependencyError, UnknownNameError
from cnnvis_caffe.formats.images import encode_image


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty CNNVIS_DATA_DIR, and an empty cache."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("CNNVIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def no_network(monkeypatch):
    """Nothing can be downloaded."""
    monkeypatch.setattr(mnist_module, "_URLS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(cifar10, "_URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")


def idx(array, magic=None):
    array = np.asarray(array, np.uint8)
    return struct.pack(f">{1 + array.ndim}I", magic or 2048 + array.ndim, *array.shape) + array.tobytes()


IMAGES = np.arange(3 * 4 * 5).reshape(3, 4, 5)


def write_mnist(folder, images=None, labels=None, suffix=".gz"):
    (folder / "mnist").mkdir(parents=True)
    pack = gzip.compress if suffix == ".gz" else bytes
    images, labels = idx(IMAGES) if images is None else images, idx([5, 0, 9]) if labels is None else labels
    (folder / "mnist" / f"t10k-images-idx3-ubyte{suffix}").write_bytes(pack(images))
    (folder / "mnist" / f"t10k-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_mnist(folder, suffix):
    write_mnist(folder, suffix=suffix)
    part = datasets.load("mnist", "test")
    np.testing.assert_array_equal(part.images, IMAGES[:, np.newaxis])
    assert part.labels.tolist() == [5, 0, 9]
    assert (part.channel_order, part.note, part.class_names[9]) == ("grey", "", "9")


def test_the_cache_comes_second(folder, tmp_path):
    write_mnist(tmp_path / "cache" / "cnnvis_caffe")
    assert len(datasets.load("mnist", "test")) == 3
    write_mnist(folder, idx(IMAGES[:2]), idx([1, 2]))
    assert len(datasets.load("mnist", "test")) == 2


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (idx(IMAGES)[:-1], None, r"images-idx3-ubyte\.gz: holds 59 values, but says that its shape is \(3, 4, 5\)"),
        (idx(IMAGES, 2049), None, "is no idx file with magic number 2051"),
        (b"\0\0", None, "is no idx file"),
        (None, idx([5, 0]), "holds 2 labels for 3 images"),
        (None, idx([5, 0, 10]), "has the label 10; 0 to 9 are allowed"),
        (idx(IMAGES[:0]), idx([]), "holds 0 values"),
    ],
)
def test_damaged_mnist(folder, images, labels, reason):
    write_mnist(folder, images, labels)
    with pytest.raises(DataFileError, match=reason):
        datasets.load("mnist", "test")


def test_a_packed_file_that_is_cut_off(folder):
    write_mnist(folder)
    path = folder / "mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataFileError, match="cannot be unpacked"):
        datasets.load("mnist", "test")


def test_nowhere_to_be_found(folder, no_network):
    with pytest.raises(DataNotFoundError) as caught:
        datasets.load("mnist", "train")
    assert str(caught.value) == (
        "mnist/train-images-idx3-ubyte.gz is not here and cannot be downloaded (ConnectionError); get "
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz "
        f"from http://127.0.0.1:9/ and put them into {folder}/mnist"
    )


def test_a_folder_that_is_none(folder, monkeypatch):
    monkeypatch.setenv("CNNVIS_DATA_DIR", str(folder / "nowhere"))
    with pytest.raises(DataNotFoundError, match="CNNVIS_DATA_DIR names .*nowhere, which is not a folder"):
        datasets.load("mnist", "train")


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="no data set 'mnits'; did you mean 'mnist'"):
        datasets.load("mnits", "train")
    with pytest.raises(UnknownNameError, match="no part of mnist 'validation'"):
        datasets.load("mnist", "validation")


# -- downloads -----------------------------------------------------------------------------------------------------


class Watcher:
    """A progress that keeps what it is told."""

    def __init__(self):
        self.told = []

    def start(self, total, what):
        self.told.append([what, total, 0])

    def step(self, n=1):
        self.told[-1][2] += n

    def done(self):
        self.told[-1].append("done")


@pytest.fixture
def server(tmp_path):
    """The address of a server that gives what lies in a folder."""
    (tmp_path / "www").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def test_downloads_are_checked_and_kept(folder, tmp_path, server, monkeypatch):
    pytest.importorskip("pooch")
    content = bytes(range(256)) * 300
    (tmp_path / "www" / "file.bin").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    watcher = Watcher()
    urls = [server + "gone.bin", server + "file.bin"]
    path = find.download(urls, sha256, "set/file.bin", watcher)
    assert path == tmp_path / "cache" / "cnnvis_caffe" / "set" / "file.bin"
    assert path.read_bytes() == content
    assert watcher.told[-1] == ["downloading file.bin", len(content), len(content), "done"]
    assert find.find(["set/file.bin"]) == path


def test_a_download_with_another_checksum_is_not_kept(folder, tmp_path, server):
    pytest.importorskip("pooch")
    (tmp_path / "www" / "file.bin").write_bytes(b"something else")
    with pytest.raises(DataNotFoundError, match="set/file.bin .*cannot be downloaded .wrong checksum."):
        find.download([server + "file.bin"], "0" * 64, "set/file.bin", Watcher())
    assert find.find(["set/file.bin"]) is None


def test_downloading_without_pooch(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingDependencyError, match="needs the package 'pooch'"):
        datasets.load("mnist", "train")


# -- CIFAR-10 ------------------------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(3)
PIXELS = RANDOM.integers(0, 256, (6, 3, 32, 32), np.uint8)
LABELS = np.array([3, 9, 0, 1, 3, 7])


def binary(pixels, labels):
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(pixels, labels))


def as_pickle(pixels, labels, protocol=2):
    batch = {b"data": pixels.reshape(len(pixels), 3072), b"labels": [int(label) for label in labels]}
    return pickle.dumps(batch, protocol=protocol)


#: A text of 1 MB that is turned into bytes a thousand times.
MANY_TEXTS = b"".join([
    b"\x80\x02c_codecs\nencode\nq\x00X", struct.pack("<I", 1 << 20), b"a" * (1 << 20),
    b"q\x01X\x06\0\0\0latin1q\x02", b"h\x00h\x01h\x02\x86R" * 1000, b".",
])  # fmt: skip
#: A list that is twice in a list that is twice in another, sixty times over, in place of the name of a module.
LISTS_IN_LISTS = b"".join([
    b"\x80\x04]q\x00", *(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(60)), b"\x8c\x01x\x93.",
])  # fmt: skip


def official_files(kind):
    """Five training batches, of which the first has two images, and a test batch of two."""
    make, suffix = (binary, ".bin") if kind == "bin" else (as_pickle, "")
    parts = {"data_batch_1": slice(0, 2)}
    parts.update({f"data_batch_{n}": slice(n, n + 1) for n in range(2, 6)}, test_batch=slice(4, 6))
    return {f"cifar-10-batches-{kind}/{name}{suffix}": make(PIXELS[s], LABELS[s]) for name, s in parts.items()}


def write_folder(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def write_archive(path, files, mode):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, **({"preset": 0} if mode == "w:xz" else {})) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("kind", ["bin", "py"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", "cifar10/"])
def test_official_cifar10(folder, kind, packed, below):
    files = official_files(kind)
    if packed:
        name = {"bin": "cifar-10-binary.tar.gz", "py": "cifar-10-python.tar.gz"}[kind]
        write_archive(folder / below / name, dict(reversed(files.items())), "w:gz")
    else:
        write_folder(folder / below, files)
    train, test = datasets.load("cifar10", "train"), datasets.load("cifar10", "test")
    np.testing.assert_array_equal(train.images, PIXELS)
    assert train.labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(test.images, PIXELS[4:])
    assert (train.channel_order, train.note, train.class_names[3]) == ("RGB", "", "cat")


def test_a_pickle_that_wants_to_run_something(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "was here"), "w"))

    files = official_files("py")
    files["cifar-10-batches-py/test_batch"] = pickle.dumps({b"data": Evil()}, protocol=2)
    write_folder(folder, files)
    with pytest.raises(DataFileError, match="test_batch: is not a batch of CIFAR-10 or is damaged: it asks for .*open"):
        datasets.load("cifar10", "test")
    assert not (tmp_path / "was here").exists()


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("bin", b"", "no whole number of images"),
        ("bin", bytes(3072), "has 3072 bytes, which is no whole number"),
        ("bin", binary(PIXELS[:1], [10]), "labels from 10 to 10"),
        ("py", b"\x80\x02}", "is not a batch"),
        ("py", pickle.dumps({b"data": 3}, protocol=2), "is not a batch"),
        ("py", as_pickle(PIXELS[:2], LABELS[:1]), "holds 2 images and 1 labels"),
        ("py", as_pickle(PIXELS[:0], LABELS[:0], 3), "holds 0 images and 0 labels"),
        # Each byte of these asks for much more memory than a byte, or for much more time.
        ("py", b"\x80\x02" + b"}" * (1 << 20) + b".", "has more than 524288 instructions"),
        ("py", MANY_TEXTS, "a text is used more than once"),
        ("py", LISTS_IN_LISTS, "a text is missing"),
    ],
)
def test_damaged_cifar10(folder, kind, content, reason):
    suffix = ".bin" if kind == "bin" else ""
    files = {**official_files(kind), f"cifar-10-batches-{kind}/test_batch{suffix}": content}
    write_folder(folder, files)
    with pytest.raises(DataFileError, match=f"test_batch.*{reason}|{reason}"):
        datasets.load("cifar10", "test")


def test_an_archive_that_is_cut_off(folder):
    path = folder / "cifar-10-binary.tar.gz"
    write_archive(path, official_files("bin"), "w:gz")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataFileError, match="is damaged or cut off"):
        datasets.load("cifar10", "train")


def test_an_archive_without_a_batch(folder):
    files = official_files("bin")
    del files["cifar-10-batches-bin/data_batch_4.bin"]
    write_archive(folder / "cifar-10-binary.tar.gz", files, "w:gz")
    with pytest.raises(DataFileError, match=r"has no data_batch_4\.bin"):
        datasets.load("cifar10", "train")


def write_jpegs(folder, n):
    flat = np.full((32, 32, 3), (10, 100, 200), np.uint8)  # blue, green, red: JPEG keeps one colour nearly as it is
    jpeg = encode_image(flat, "jpg")
    files = {f"test/{name}/{number:04d}.jpg": jpeg for name in ("cat", "ship") for number in range(n)}
    write_archive(folder / "cifar10" / "cifar10-jpeg.tar.xz", files, "w:xz")


def test_jpeg_copies_say_that_they_are_copies(folder, monkeypatch):
    write_jpegs(folder, 5000)
    part = datasets.load("cifar10", "test")
    assert part.note == "JPEG copies of CIFAR-10"
    assert part.labels.tolist() == [3] * 5000 + [8] * 5000
    np.testing.assert_allclose(part.images[7].mean((1, 2)), (200, 100, 10), atol=3)  # red, green, blue
    write_folder(folder, official_files("bin"))
    assert datasets.load("cifar10", "test").note == ""


def test_too_few_jpegs(folder):
    write_jpegs(folder, 3)
    with pytest.raises(DataFileError, match="has 6 test images; there should be 10000"):
        datasets.load("cifar10", "test")


# -- digits, and the real ones -------------------------------------------------------------------------------------


def test_digits_are_as_large_as_those_of_mnist():
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test")
    assert (train.images.shape, test.images.shape) == ((1500, 1, 28, 28), (297, 1, 28, 28))
    assert train.labels[:12].tolist() == [*range(10), 0, 1]
    assert set(np.bincount(test.labels)) <= set(range(25, 35))
    assert (train.images.min(), train.images.max()) == (0, 255)


def test_digits_are_scaled_linearly():
    from sklearn.datasets import load_digits

    original = load_digits().images[0]
    scaled = datasets.load("digits", "train").images[0, 0].astype(float) * 16 / 255
    # Pixel 5 of 28 has its centre at (5 + 0.5) * 8 / 28 - 0.5 = 1.0714 of 8, pixel 12 at 3.0714.
    f = (5 + 0.5) * 8 / 28 - 1.5
    rows = original[1] * (1 - f) + original[2] * f
    assert scaled[5, 12] == pytest.approx(rows[3] * (1 - f) + rows[4] * f, abs=0.05)
    # Outside the outermost centres the outermost pixels go on.
    np.testing.assert_allclose(scaled[0, 5], original[0, 1] * (1 - f) + original[0, 2] * f, atol=0.05)


def test_the_real_mnist(data_dir):
    part = datasets.load("mnist", "test")
    assert part.images.shape == (10000, 1, 28, 28)
    assert part.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert hashlib.md5(gzip.decompress((data_dir / "mnist/train-images-idx3-ubyte.gz").read_bytes())).hexdigest() == (
        "6bbc9ace898e44ae57da46a324031adb"
    )
