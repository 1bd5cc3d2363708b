"""Masks as PNG files with a palette: the indices and PASCAL VOC's colours, checked by other programs."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from cnnvis_caffe.formats.palette_png import decode_indices, encode_indices, voc_palette

MASK = np.array([[0, 1, 2, 15, 20], [255, 20, 15, 1, 0], [3, 3, 255, 4, 4]], np.uint8)


def test_colours_are_those_of_pascal_voc():
    colours = voc_palette()
    assert colours.shape == (256, 3)
    # aeroplane, bicycle, person, tv monitor and void, as the VOC development kit prints them
    assert colours[[0, 1, 2, 15, 20, 255]].tolist() == [
        [0, 0, 0], [128, 0, 0], [0, 128, 0], [192, 128, 128], [0, 64, 128], [224, 224, 192],
    ]  # fmt: skip


def test_opencv_sees_the_colours_and_we_the_indices():
    content = encode_indices(MASK, voc_palette())
    seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(seen[:, :, ::-1], voc_palette()[MASK])
    np.testing.assert_array_equal(decode_indices(content), MASK)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_four_bits_a_pixel_and_transparency(tmp_path):
    """As small palettes are stored: two pixels in a byte; two indices may have one colour."""
    rows = b"\0\x12\x30\0\x0f\xe0"  # 1 2 3 and 0 15 14, each row with the filter "none" in front
    content = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 4, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes([7, 7, 7] * 16)) + chunk(b"tRNS", b"\0\xff") + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip
    np.testing.assert_array_equal(decode_indices(content), [[1, 2, 3], [0, 15, 14]])


def test_grey_masks_and_what_is_none():
    grey = cv2.imencode(".png", MASK)[1].tobytes()
    np.testing.assert_array_equal(decode_indices(grey), MASK)
    coloured = cv2.imencode(".png", np.ascontiguousarray(voc_palette()[MASK]))[1].tobytes()
    with pytest.raises(ValueError, match="has colours but no palette"):
        decode_indices(coloured)
    content = encode_indices(MASK, voc_palette())
    for damaged in (content[:20], content[:30], content[:60], content[:8] + b"\0\0\0\5" + content[12:]):
        with pytest.raises(ValueError, match="is not an image|damaged"):
            decode_indices(damaged)
