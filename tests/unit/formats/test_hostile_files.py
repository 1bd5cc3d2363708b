"""Small files that ask for much: each ends in one error of ours, at once, before anything is allocated."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe.errors import DataFileError, NetError, PrototxtError
from cnnvis_caffe.formats import file_kind
from cnnvis_caffe.formats.image_list import read_image_list
from cnnvis_caffe.formats.images import read_image
from cnnvis_caffe.formats.npy import read_npz
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.formats.training_log import read_training_log
from cnnvis_caffe.runtime.layers.convolution_base import _any_tap_on_pixel
from cnnvis_caffe.runtime.net import Net


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size, by hand."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_an_image_that_claims_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(40_000, 50_000))
    with pytest.raises(DataFileError, match=r"40000x50000 pixels, which take 6000000000 bytes of memory"):
        read_image(tmp_path / "a.png")


def test_a_drawing_that_becomes_far_larger_than_its_file(tmp_path: Path) -> None:
    # Copies of it as floats would take gigabytes.
    (tmp_path / "a.png").write_bytes(png(9000, 9000))
    with pytest.raises(DataFileError, match=r"243000000 bytes of memory, but a file of \d+ bytes may take"):
        read_image(tmp_path / "a.png")


def test_an_archive_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({300 << 20},), }}".ljust(117).encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w") as file:
            file.write(content)
            for _ in range(300):
                file.write(bytes(1 << 20))
        archive.writestr("labels.npy", content)
    with pytest.raises(DataFileError, match=r"takes 314572800 bytes of memory, but a file of \d+ bytes may take"):
        read_npz(tmp_path / "a.npz", ["images", "labels"])


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.array([{}], object), labels=np.arange(1))
    with pytest.raises(DataFileError, match="holds neither numbers nor texts"):
        read_npz(tmp_path / "a.npz", ["images", "labels"])


def test_characters_that_there_are_not(tmp_path: Path) -> None:
    names = np.frombuffer(b"\xff\xff\xff\x7f", "<U1")
    np.savez(tmp_path / "a.npz", images=np.zeros((1, 2, 3)), labels=np.arange(1), class_names=names)
    with pytest.raises(DataFileError, match="characters that do not exist"):
        read_npz(tmp_path / "a.npz", ["images", "labels"], ["class_names"])


@pytest.mark.parametrize(
    "line",
    ["Iteration 99999999999999999999, loss = 1", "Iteration 5, loss = 1.2.3", '{"event": "train", "iter": 1e400}']
    + ['{"event": "train", "iter": 18446744073709551615, "lr": 1}', "[" * 100_000, '{"a":' * 100_000],
)
def test_odd_numbers_in_a_log_are_passed_over(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{line}\nIteration 10, loss = 2.5\n")
    (curve,) = read_training_log(tmp_path / "a.log")
    assert (curve.iterations.tolist(), curve.values.tolist()) == ([10], [2.5])


def test_a_log_that_jumps_back_again_and_again(tmp_path: Path) -> None:
    lines = [f"Iteration {number}, loss = 1\n" for number in range(3000)] + ["Iteration 2990, loss = 2\n"] * 3000
    (tmp_path / "a.log").write_text("".join(lines))
    (curve,) = read_training_log(tmp_path / "a.log")
    assert curve.iterations.tolist() == list(range(2991)) and curve.values[-1] == 2


def test_labels_are_those_of_c(tmp_path: Path) -> None:
    # What atoi of glibc gives, asked by a program in C.
    (tmp_path / "a.txt").write_text(f"a 99999999999\nb -{'9' * 23}\nc {'9' * 5000}\n")
    assert [label for _, label in read_image_list(tmp_path / "a.txt")] == [1215752191, 0, -1]


@pytest.mark.parametrize(
    "text", [f'layer {{ type: "Concat" {100_000 * "bottom: 1 "} }}', "a: 1\n" * 1_000_000, "a {" * 200_000]
)
def test_a_network_that_nobody_means(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.prototxt").write_text(text)
    with pytest.raises(PrototxtError, match=r"has \d+ fields for the [01] times that it says layer"):
        read_network(tmp_path / "a.prototxt")


def test_steps_without_end() -> None:
    text = 'input: "x" input_shape { dim: 1000000 dim: 1 dim: 4 } input: "c" input_shape { dim: 1000000 dim: 1 }'
    layer = 'layer { name: "s" type: "LSTM" bottom: "x" bottom: "c" top: "a" recurrent_param { num_output: 3 } }'
    with pytest.raises(NetError, match="1000000 steps; at most 20000 are computed"):
        Net(network_from_text(text + layer), 1)


def test_windows_that_see_a_pixel() -> None:
    numbers = np.random.default_rng(1)
    for _ in range(2000):
        size, kernel, stride = (int(number) for number in numbers.integers(1, 7, 3))
        pad, dilation = (int(number) for number in numbers.integers(0, (25, 12)))
        n_windows = (size + 2 * pad - (kernel - 1) * dilation - 1) // stride + 1
        seen = any(
            0 <= window * stride - pad + tap * dilation < size for window in range(n_windows) for tap in range(kernel)
        )
        assert n_windows < 1 or _any_tap_on_pixel(size, n_windows, kernel, stride, pad, dilation) == seen
    assert _any_tap_on_pixel(32, 8589934610, 3, 1, 4294967290, 1)



def test_floods_of_text(tmp_path: Path) -> None:
    long = 1_000_000 * "a"
    for text in (f'name: "{10 * long}"', "name: " + 5_000_000 * "''", f'layer {{ unknown: "{long}" }}'):
        with pytest.raises(PrototxtError, match="texts in quotes have over 1,000,000 characters"):
            network_from_text(text)
    (tmp_path / "a.prototxt").write_text("#" + 200_000 * "a" + "\n" * 200_000 + 'layer { name: "x" }')
    assert file_kind.guess_kind(tmp_path / "a.prototxt") == file_kind.NETWORK
