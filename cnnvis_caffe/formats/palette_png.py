"""PNG files with a palette, read and written as the indices of their colours: masks as PASCAL VOC has them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.formats.images import decode_image, encode_image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE = 3
_HEADER_LENGTH = 25
#: Chunks that change what colours look like; indices must stay as they are.
_COLOUR_CHUNKS = (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD")


def decode_indices(content: bytes) -> np.ndarray:
    """Decode a mask: of a PNG with a palette the indices, of a grey image its values.

    Parameters
    ----------
    content : bytes
        Of an image file.

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    ValueError
        If it is not an image, or one with colours but no palette.
    """
    if has_palette(content):
        # With grey number i as colour i, any decoder gives indices.
        content = _with_palette(content, np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1))
        return np.ascontiguousarray(decode_image(content, True)[:, :, 0])
    image = decode_image(content, None)
    if image.shape[2] != 1 and (image[:, :, :3] != image[:, :, :1]).any():
        raise ValueError("has colours but no palette; a mask is a grey image or a PNG with a palette, of class numbers")
    return np.ascontiguousarray(image[:, :, 0])


def encode_indices(mask: np.ndarray, palette: np.ndarray) -> bytes:
    """Encode a mask as a PNG with a palette.

    Parameters
    ----------
    mask : ndarray of shape (height, width), uint8
    palette : ndarray of shape (256, 3), uint8
        RGB.

    Returns
    -------
    bytes
    """
    # A grey image of 8 bits and indices of 8 bits are stored alike.
    return _with_palette(encode_image(np.asarray(mask, np.uint8)[:, :, None], "png"), palette)


def voc_palette() -> np.ndarray:
    """Return the colours of PASCAL VOC's classes: black is background, the last one (255) is void.

    Returns
    -------
    ndarray of shape (256, 3), uint8
        RGB.

    Notes
    -----
    The three lowest bits of a class number go to the highest bits of red, green and blue, the next three to the bits
    below these, and so on (``VOClabelcolormap`` of the VOC development kit).
    """
    numbers = np.arange(256)
    places = np.arange(8)
    channels = [(((numbers[:, None] >> (3 * places + channel)) & 1) << (7 - places)).sum(1) for channel in range(3)]
    return np.stack(channels, 1).astype(np.uint8)


def has_palette(content: bytes) -> bool:
    """Say whether the content of a file is that of a PNG with a palette.

    Parameters
    ----------
    content : bytes
    """
    return content[:8] == _SIGNATURE and len(content) > 25 and content[25] == _PALETTE


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and all bytes of each chunk."""
    place = len(_SIGNATURE)
    while place + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        yield kind, content[place : place + 12 + length]
        place += length + 12


def _with_palette(content: bytes, palette: np.ndarray) -> bytes:
    """The same PNG with another palette."""
    pieces = [_SIGNATURE]
    for kind, chunk in _chunks(content):
        if kind == b"IHDR":
            if len(chunk) != _HEADER_LENGTH:
                raise ValueError("is not an image that OpenCV can decode, or is damaged")
            # A palette has no more colours than the bits of a pixel count.
            n_colours = min(256, 1 << chunk[16])
            pieces.append(_chunk(kind, chunk[8:17] + bytes([_PALETTE]) + chunk[18:21]))
            pieces.append(_chunk(b"PLTE", np.ascontiguousarray(palette[:n_colours], np.uint8).tobytes()))
        elif kind != b"PLTE" and kind not in _COLOUR_CHUNKS:
            pieces.append(chunk)
    return b"".join(pieces)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
