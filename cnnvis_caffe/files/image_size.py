"""Reads the size of an image from the first bytes of its file, before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from cnnvis_caffe.files.limits import allowed_bytes

_FREE_BYTES = 128 << 20  # a plain drawing packs better than anything else
_MAX_SEGMENTS = 10_000
_SMALL_PART = 1 << 20
_PNM_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*(\d{1,9})")
_PAM_FIELD = re.compile(rb"^(WIDTH|HEIGHT)\s+(\d{1,9})\s*$", re.M)
_HDR_SIZE = re.compile(rb"\n[-+][XY] (\d{1,9}) [-+][XY] (\d{1,9})\s")
_TIFF_NUMBERS = {3: "H", 4: "I"}


def check_image_size(content: bytes | memoryview) -> None:
    """Raise ValueError if an image would take more memory than a file of its size may ask for.

    Parameters
    ----------
    content : bytes or memoryview
        The file; only its header is looked at.
    """
    height, width = image_size(content) if len(content) else (0, 0)
    allowed = allowed_bytes(len(content))
    if not height or not width:
        raise ValueError("is not an image that OpenCV can decode, or is damaged")
    if 3 * height * width > allowed:
        raise ValueError(
            f"is an image of {width}x{height} pixels, which take {3 * height * width} bytes of memory, but a file of "
            f"{len(content)} bytes may take {allowed}; make the image smaller if it is right"
        )


def image_size(content: bytes | memoryview) -> tuple[int, int]:
    """Return height and width of an image that OpenCV reads.

    Parameters
    ----------
    content : bytes or memoryview
        The file; only its header is looked at.

    Returns
    -------
    (int, int)

    Raises
    ------
    ValueError
        If it is none of the kinds that are known, or its header is damaged.
    """
    head = bytes(content[:32])
    for magic, read in _READERS:
        if magic.match(head):
            try:
                height, width = read(content)
            except (struct.error, IndexError, AttributeError) as error:
                raise ValueError("is an image whose header is damaged or cut off") from error
            return abs(height), abs(width)
    raise ValueError(
        "is not an image that OpenCV can decode: PNG, JPEG, BMP, GIF, WebP, TIFF, JPEG 2000, PNM, Sun or HDR"
    )


def _png(content: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    position = 8
    while position + 8 <= len(content):
        length = struct.unpack_from(">I", content, position)[0]
        # OpenCV makes room for a part before it reads it.
        if length > max(len(content), _SMALL_PART):
            raise ValueError(f"is a damaged PNG image: the part at byte {position} should have {length} bytes")
        position += 12 + length
    return height, width


def _jpeg(content: bytes | memoryview) -> tuple[int, int]:
    position = 2
    for _ in range(_MAX_SEGMENTS):
        while content[position] != 0xFF:  # what is between segments is passed over, as decoders do
            position += 1
        while content[position] == 0xFF:
            position += 1
        kind = content[position]
        position += 1
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, position + 3)
            return height, width
        if kind == 0xD9 or kind == 0xDA:
            break
        if not (kind == 0x01 or 0xD0 <= kind <= 0xD8):
            position += max(2, struct.unpack_from(">H", content, position)[0])
    raise ValueError("is a JPEG image that does not say its size")


def _bmp(content: bytes | memoryview) -> tuple[int, int]:
    if struct.unpack_from("<I", content, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", content, 18)
    else:
        width, height = struct.unpack_from("<ii", content, 18)
    return height, width


def _gif(content: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return height, width


def _webp(content: bytes | memoryview) -> tuple[int, int]:
    kind = bytes(content[12:16])
    if kind == b"VP8X":
        parts = bytes(content[24:30])
        return 1 + int.from_bytes(parts[3:6], "little"), 1 + int.from_bytes(parts[:3], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    width, height = struct.unpack_from("<HH", content, 26)
    return height & 0x3FFF, width & 0x3FFF


def _tiff(content: bytes | memoryview) -> tuple[int, int]:
    order = "<" if bytes(content[:2]) == b"II" else ">"
    start = struct.unpack_from(order + "I", content, 4)[0]
    sizes = {}
    for index in range(struct.unpack_from(order + "H", content, start)[0]):
        place = start + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", content, place)
        if tag in (256, 257) and kind in _TIFF_NUMBERS:
            sizes[tag] = struct.unpack_from(order + _TIFF_NUMBERS[kind], content, place + 8)[0]
    if len(sizes) < 2:
        raise ValueError("is a TIFF image that does not say its size")
    return sizes[257], sizes[256]


def _jpeg2000(content: bytes | memoryview) -> tuple[int, int]:
    head = bytes(content[:4096])
    place = head.find(b"ihdr")
    if place >= 0:
        height, width = struct.unpack_from(">II", head, place + 4)
        return height, width
    width, height, left, top = struct.unpack_from(">IIII", head, head.index(b"\xff\x51") + 6)
    return height - top, width - left


def _pnm(content: bytes | memoryview) -> tuple[int, int]:
    head = bytes(content[:4096])
    width = _PNM_FIELD.match(head, 2)
    height = _PNM_FIELD.match(head, width.end()) if width else None
    if width is None or height is None:
        raise ValueError("is a PNM image that does not say its size")
    return int(height.group(1)), int(width.group(1))


def _pam(content: bytes | memoryview) -> tuple[int, int]:
    sizes = dict(_PAM_FIELD.findall(bytes(content[:4096])))
    if len(sizes) < 2:
        raise ValueError("is a PAM image that does not say its size")
    return int(sizes[b"HEIGHT"]), int(sizes[b"WIDTH"])


def _sun(content: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 4)
    return height, width


def _hdr(content: bytes | memoryview) -> tuple[int, int]:
    found = _HDR_SIZE.search(bytes(content[:65536]))
    if found is None:
        raise ValueError("is a HDR image that does not say its size")
    return int(found.group(1)), int(found.group(2))


_READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes | memoryview], tuple[int, int]]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"RIFF....WEBP", re.S), _webp),
    (re.compile(rb"II\x2a\0|MM\0\x2a"), _tiff),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), _jpeg2000),
    (re.compile(rb"P[1-6][\s#]"), _pnm),
    (re.compile(rb"P7\s"), _pam),
    (re.compile(rb"\x59\xa6\x6a\x95"), _sun),
    (re.compile(rb"#\?R(?:ADIANC|GB)E"), _hdr),
)
