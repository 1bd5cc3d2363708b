"""PNG of an array, without any library: what lies inside an SVG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

#: Colours of a small PNG, and how many of them are the picture's most frequent ones, kept as they are.
N_COLOURS, N_EXACT = 256, 64


def encode_small_png(pixels: np.ndarray, keep: Sequence[str] = ()) -> bytes:
    """Return a PNG file of 256 colours, for web pages: a third of the size, hardly to be told from the picture.

    Parameters
    ----------
    pixels : ndarray of shape (h, w, 3), uint8
    keep : sequence of str
        Colours that mean something, "#RRGGBB": these stay as they are, however rare.

    Notes
    -----
    The most frequent colours, of type, lines and grounds, stay; the others become means of boxes of alike ones (median
    cut, Heckbert 1982).
    """
    height, width = pixels.shape[:2]
    codes = (pixels.astype(np.uint32) * np.array([65536, 256, 1], np.uint32)).sum(axis=2, dtype=np.uint32).reshape(-1)
    found, place, count = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.float64)
    is_kept = np.isin(found, [int(colour[1:], 16) for colour in keep])
    order = np.lexsort((-count, ~is_kept))
    index = np.zeros(len(found), np.int64)
    n_exact = min(N_EXACT + int(is_kept.sum()), N_COLOURS // 2)
    exact, rest = order[:n_exact], order[n_exact:]
    index[exact] = np.arange(len(exact))
    palette = [colours[exact]]
    for number, members in enumerate(_boxes(colours, count, rest, N_COLOURS - n_exact)):
        index[members] = len(exact) + number
        palette.append(np.average(colours[members], axis=0, weights=count[members])[None])
    table = np.rint(np.concatenate(palette)).astype(np.uint8)
    rows = np.zeros((height, 1 + width), np.uint8)
    rows[:, 1:] = index[place.reshape(-1)].reshape(height, width)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return _file((b"IHDR", header), (b"PLTE", table.tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 9)))


def _boxes(colours: np.ndarray, count: np.ndarray, members: np.ndarray, most: int) -> list[np.ndarray]:
    """Divide colours among boxes, cutting again and again the one of largest deviation at its middle."""
    boxes = [members] if len(members) else []

    def badness(box: np.ndarray) -> tuple[float, int]:
        weights = count[box]
        spread = (colours[box] - np.average(colours[box], axis=0, weights=weights)) ** 2 * weights[:, None]
        axis = int(spread.sum(axis=0).argmax())
        return float(spread[:, axis].sum()), axis

    costs = [badness(box) for box in boxes]
    while boxes and len(boxes) < most:
        worst = max(range(len(boxes)), key=lambda number: costs[number][0])
        if costs[worst][0] <= 0:
            break
        box, axis = boxes[worst], costs[worst][1]
        box = box[np.argsort(colours[box, axis], kind="stable")]
        share = np.cumsum(count[box])
        cut = min(max(int(np.searchsorted(share, share[-1] / 2)), 1), len(box) - 1)
        boxes[worst : worst + 1] = [box[:cut], box[cut:]]
        costs[worst : worst + 1] = [badness(box[:cut]), badness(box[cut:])]
    return boxes


def encode_png(pixels: np.ndarray, level: int = 6) -> bytes:
    """Return a PNG file of pixels.

    Parameters
    ----------
    pixels : ndarray of shape (h, w, 3), uint8
        RGB, neither height nor width 0.
    level : int
        Of compression, 0 to 9.

    Notes
    -----
    What has no colour is written as grey, at half the size: all patches of a network that sees grey images.
    """
    height, width = pixels.shape[:2]
    is_grey = bool((pixels == pixels[..., :1]).all())
    written = pixels[..., 0] if is_grey else pixels.reshape(height, -1)
    rows = np.zeros((height, 1 + written.shape[1]), np.uint8)  # each row starts with its filter, 0 for none
    rows[:, 1:] = written
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if is_grey else 2, 0, 0, 0)
    return _file((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), level)))


def _file(*parts: tuple[bytes, bytes]) -> bytes:
    """Put a PNG file together from its chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (*parts, (b"IEND", b""))
    )
