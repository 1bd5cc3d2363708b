"""Arrays in chunks: the table of chunks, and what packed them."""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cnnvis_caffe.files.plain_hdf5.content import NOWHERE, Content, Damage
from cnnvis_caffe.files.plain_hdf5.messages import DEFLATE, FLETCHER32, SHUFFLE

_MAX_LEVELS = 16
_MAX_CHUNK_BYTES = (1 << 32) - 1
_SUMMED_WORDS = 1 << 18  # at once: doubles are fast, and exact up to 2^53


class Chunk(NamedTuple):
    """Where a chunk lies in the file and in its array."""

    address: int
    size: int
    mask: int
    start: tuple[int, ...]


def find_chunks(content: Content, address: int, shape: tuple[int, ...], chunk: tuple[int, ...]) -> list[Chunk]:
    """Return the chunks of an array that were written."""
    if address == NOWHERE:
        return []
    if not all(chunk):
        raise Damage("is damaged: a chunk has an axis of length 0")
    found: dict[tuple[int, ...], Chunk] = {}
    n_most = math.prod(-(-length // part) for length, part in zip(shape, chunk))
    for item in _leaves(content, address, len(shape)):
        if any(place % part or place >= length for place, part, length in zip(item.start, chunk, shape)):
            continue  # left from a time when the array was larger
        if item.start in found or len(found) >= n_most:
            raise Damage("is damaged: a chunk is there twice")
        content.check(item.address, item.size)
        found[item.start] = item
    return list(found.values())


def _leaves(content: Content, address: int, rank: int) -> Iterator[Chunk]:
    """Every entry of the table, which is a tree."""
    key = struct.Struct(f"<II{rank + 1}Q")
    step = key.size + 8
    waiting, seen = [(address, -1)], set()
    while waiting:
        node, level = waiting.pop()
        if node in seen:
            raise Damage(f"is damaged: the table of chunks at byte {content.base + address} goes round in circles")
        seen.add(node)
        signature, kind, found, n = struct.unpack("<4sBBH", content.at(node, 8))
        if signature != b"TREE" or kind != 1 or found > _MAX_LEVELS or level not in (-1, found):
            raise Damage(f"is damaged: there is no table of chunks at byte {content.base + node}")
        entries = content.at(node + 24, n * step)
        for place in range(0, n * step, step):
            size, mask, *start = key.unpack_from(entries, place)
            child = struct.unpack_from("<Q", entries, place + key.size)[0]
            if found:
                waiting.append((child, found - 1))
            else:
                yield Chunk(child, size, mask, tuple(start[:-1]))


def read_chunks(
    content: Content, chunks: list[Chunk], chunk: tuple[int, ...], filters: list[int], out: np.ndarray
) -> None:
    """Write all chunks into their array."""
    n_bytes = math.prod(chunk) * out.dtype.itemsize
    if n_bytes > _MAX_CHUNK_BYTES:
        raise Damage(f"is damaged: a chunk takes {n_bytes} bytes, more than HDF5 allows")
    # Chunks may reach far over the edges of their array, and each is unpacked whole.
    content.allow(n_bytes * len(chunks), f"an array of {len(chunks)} chunks", add=False)
    for item in chunks:
        data = content.at(item.address, item.size)
        for place, number in reversed(list(enumerate(filters))):
            if not item.mask >> place & 1:
                data = _undo(number, data, n_bytes, out.dtype.itemsize)
        if len(data) != n_bytes:
            where = content.base + item.address
            raise Damage(f"is damaged: the chunk at byte {where} has {len(data)} of {n_bytes} bytes")
        block = np.frombuffer(data, out.dtype).reshape(chunk)
        ends = [min(begin + part, length) for begin, part, length in zip(item.start, chunk, out.shape)]
        there = tuple(itertools.starmap(slice, zip(item.start, ends)))
        out[there] = block[tuple(slice(end - begin) for begin, end in zip(item.start, ends))]


def _undo(number: int, data: bytes, n_bytes: int, itemsize: int) -> bytes:
    """Undo one filter."""
    if number == FLETCHER32:
        return _checked(data)
    if number == SHUFFLE:
        whole = len(data) // itemsize * itemsize
        table = np.empty((whole // itemsize, itemsize), np.uint8)
        for place, row in enumerate(np.frombuffer(data, np.uint8, whole).reshape(itemsize, -1)):
            table[:, place] = row  # in half the time of one transposed copy
        return table.tobytes() + data[whole:]
    assert number == DEFLATE
    unpacker = zlib.decompressobj()
    try:
        # One byte more than there may be, to see that there is none, and a checksum of another filter.
        return unpacker.decompress(data, n_bytes + 5)
    except zlib.error as error:
        raise Damage(f"is damaged: a chunk cannot be unpacked: {error}") from error


@lru_cache(maxsize=4)
def _weights(n: int) -> np.ndarray:
    """How often each word counts in the second sum."""
    return np.arange(n, 0, -1, dtype=np.float64)


def _checked(data: bytes) -> bytes:
    """Return data without their checksum behind them, which must be right."""
    if len(data) < 4:
        raise Damage("is damaged: a chunk is too short for its checksum")
    body, stored = data[:-4], struct.unpack("<I", data[-4:])[0]
    first = second = 0
    for begin in range(0, len(body), 2 * _SUMMED_WORDS):
        part = body[begin : begin + 2 * _SUMMED_WORDS]
        words = np.frombuffer(part + b"\0" * (len(part) % 2), ">u2").astype(np.float64)
        # einsum and not @, which starts threads that wait for each other longer than this takes.
        second += len(words) * first + int(np.einsum("i,i", words, _weights(len(words))))
        first += int(words.sum())
    first, second = first % 65535, second % 65535
    if (stored & 0xFFFF) % 65535 != first or (stored >> 16) % 65535 != second:
        raise Damage("is damaged: the checksum of a chunk is wrong")
    return body
