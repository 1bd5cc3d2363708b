"""Checks the pages of an LMDB: the library trusts them, and a damaged one ends the process.

The tree of pages is walked from the root, a level at a time and with all pages of a level at once. What the library
would follow is checked: that pages lie in the file, are of the kind that their level needs, are reached once, and that
keys and values lie within them.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from cnnvis_caffe.errors import FileFormatError
from cnnvis_caffe.formats.mapped import MappedFile

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_META_BYTES = 24 + 2 * 48 + 16
_PAGE_HEAD, _NODE_HEAD = 16, 8
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_DIRTY = 0x10  # set in memory only, and left in files by some writers
_BIG = 1  # the value of a node lies on pages of its own
_NO_PAGE = 0xFFFFFFFFFFFFFFFF
_MAX_LEVELS = 32  # the library's own
_MAX_KEY = 511
_PAGES_AT_ONCE = 1 << 14


class PageError(FileFormatError):
    """A data.mdb that is damaged; readers turn it into an error of their own with the path of the database."""


class _Tree(NamedTuple):
    """What the newest of the two first pages says."""

    page_size: int
    depth: int
    n_entries: int
    root: int
    last_page: int


def check_pages(file: MappedFile) -> None:
    """Raise PageError unless the library can read all records of a database.

    Parameters
    ----------
    file : MappedFile
        Its data.mdb.

    Raises
    ------
    PageError
        The text says what is wrong and on which page.
    """
    tree = _read_first_pages(file)
    if tree.root == _NO_PAGE:
        if tree.n_entries:
            raise PageError(file.path, f"is damaged: it has no tree for its {tree.n_entries} records")
        return
    n_pages = file.size // tree.page_size
    data = file.view("u1", 0, n_pages * tree.page_size).reshape(n_pages, tree.page_size)
    checker = _Checker(file.path, data, tree)
    level = np.array([tree.root], np.uint64)
    for depth in range(1, tree.depth + 1):
        level = checker.check_level(level, is_leaf=depth == tree.depth)
    if checker.n_records != tree.n_entries:
        raise PageError(file.path, f"is damaged: it should have {tree.n_entries} records and has {checker.n_records}")


def _read_first_pages(file: MappedFile) -> _Tree:
    """Return what the newer of the first two pages says."""
    if file.size < _PAGE_HEAD + _META_BYTES:
        raise PageError(file.path, f"is cut off: it has {file.size} bytes")
    page_size = struct.unpack_from("<I", file.data, _PAGE_HEAD + 24)[0]
    if not 256 <= page_size <= 1 << 16 or page_size & (page_size - 1):
        raise PageError(file.path, f"is damaged: its pages should have {page_size} bytes")
    if file.size < 2 * page_size:
        raise PageError(file.path, f"is cut off: it has {file.size} bytes")
    trees = []
    for start in (_PAGE_HEAD, page_size + _PAGE_HEAD):
        magic, version = struct.unpack_from("<II", file.data, start)
        if magic != _MAGIC or version != _VERSION:
            raise PageError(file.path, "is not an LMDB, or one of a machine with another byte order or 32 bits")
        pages = struct.unpack_from("<I", file.data, start + 24)[0]
        _, flags, depth = struct.unpack_from("<IHH", file.data, start + 72)
        n_entries, root, last_page, number = struct.unpack_from("<4Q", file.data, start + 104)
        trees.append((number, pages, flags, _Tree(page_size, depth, n_entries, root, last_page)))
    _, pages, flags, tree = trees[0] if trees[0][0] >= trees[1][0] else trees[1]
    if pages != page_size:
        raise PageError(file.path, f"is damaged: its pages should have {page_size} and {pages} bytes")
    if flags:
        raise PageError(file.path, f"keeps its records in a way that Caffe's databases do not have (flags {flags:#x})")
    if tree.depth > _MAX_LEVELS or (tree.root != _NO_PAGE and not tree.depth):
        raise PageError(file.path, f"is damaged: its tree should have {tree.depth} levels")
    needed = (tree.last_page + 1) * page_size
    if needed > file.size:
        reason = f"is cut off: data.mdb has {file.size} bytes and should have {needed}; copy or make it again"
        raise PageError(file.path, reason)
    return tree


class _Checker:
    """Checks the pages of one level after the other.

    Parameters
    ----------
    path : str
    data : ndarray of shape (n_pages, page_size), uint8
    tree : _Tree
    """

    def __init__(self, path: str, data: np.ndarray, tree: _Tree) -> None:
        self._path, self._data, self._tree = path, data, tree
        self._bytes = data.reshape(-1)
        self._words = data.reshape(-1).view("<u2")  # pointers and nodes begin at even places
        self._seen = np.zeros(len(data), bool)
        self._n_claimed = 0
        self.n_records = 0

    def check_level(self, pages: np.ndarray, *, is_leaf: bool) -> np.ndarray:
        """Check the pages of a level; return those of the next.

        Parameters
        ----------
        pages : ndarray of uint64
        is_leaf : bool

        Returns
        -------
        ndarray of uint64
        """
        self._claim(pages, pages)
        below = []
        for begin in range(0, len(pages), _PAGES_AT_ONCE):
            some = pages[begin : begin + _PAGES_AT_ONCE].astype(np.int64)
            owners, nodes = self._nodes(some, is_leaf=is_leaf)
            below.append(self._check_leaves(owners, nodes) if is_leaf else self._check_branches(owners, nodes))
        return np.concatenate(below)

    def _claim(self, pages: np.ndarray, named_by: np.ndarray) -> None:
        """Raise unless pages lie in the file and were not met before."""
        outside = (pages > self._tree.last_page) | (pages < 2)
        self._none(outside, named_by, "leads outside of the file")
        places = pages.astype(np.int64)
        self._none(self._seen[places], named_by, "leads to a page that is in use already")
        self._seen[places] = True
        self._n_claimed += len(places)
        if np.count_nonzero(self._seen) != self._n_claimed:
            raise PageError(self._path, "is damaged: its tree has the same page twice; copy or make it again")

    def _none(self, wrong: np.ndarray, pages: np.ndarray, what: str) -> None:
        """Raise if something is wrong with a page."""
        if wrong.any():
            page = pages[int(np.argmax(wrong))]
            raise PageError(self._path, f"is damaged: page {page} {what}; copy or make it again")

    def _nodes(self, pages: np.ndarray, *, is_leaf: bool) -> tuple[np.ndarray, np.ndarray]:
        """Where the nodes of pages begin in the file, and the page of each."""
        size = self._tree.page_size
        heads = np.ascontiguousarray(self._data[pages, :_PAGE_HEAD])
        numbers = heads[:, :8].copy().view("<u8")[:, 0]
        flags, lower, upper = heads[:, 10:16].copy().view("<u2").T.astype(np.int64)
        self._none(numbers != pages.astype(np.uint64), pages, "calls itself by another number")
        self._none((flags & ~_DIRTY) != (_LEAF if is_leaf else _BRANCH), pages, f"is of kind {flags[0]:#x}")
        self._none((lower < _PAGE_HEAD) | (lower > upper) | (upper > size) | (lower % 2 != 0), pages, "has no room")
        counts = (lower - _PAGE_HEAD) // 2
        self._none(counts < (1 if is_leaf else 2), pages, "is empty")
        owners = np.repeat(pages, counts)
        ranks = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        offsets = self._words[(owners * size + _PAGE_HEAD) // 2 + ranks].astype(np.int64)
        wrong = (offsets < np.repeat(upper, counts)) | (offsets + _NODE_HEAD > size) | (offsets % 2 != 0)
        self._none(wrong, owners, "has a record outside of it")
        return owners, owners * size + offsets

    def _heads(self, nodes: np.ndarray) -> list[np.ndarray]:
        """The four numbers at the beginning of each node: two of what it holds, flags, and the length of its key."""
        return [self._words[nodes // 2 + place].astype(np.int64) for place in range(4)]

    def _check_branches(self, owners: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Check nodes that lead to other pages, and return these."""
        low, high, top, key_length = self._heads(nodes)
        self._check_room(owners, nodes, key_length)
        return (low | high << 16 | top << 32).astype(np.uint64)

    def _check_leaves(self, owners: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Check nodes that hold records."""
        low, high, flags, key_length = self._heads(nodes)
        self._none((flags & ~_BIG) != 0, owners, "has a record of a kind that Caffe's databases do not have")
        length = low | high << 16
        is_big = flags == _BIG
        self._check_room(owners, nodes, key_length + np.where(is_big, 8, length))
        self._none((key_length < 1) | (key_length > _MAX_KEY), owners, "has a record with a key of a wrong length")
        self.n_records += len(nodes)
        if is_big.any():
            places = (nodes + _NODE_HEAD + key_length)[is_big]
            starts = self._bytes[places[:, np.newaxis] + np.arange(8)].view("<u8")[:, 0]
            self._check_overflow(owners[is_big], starts, length[is_big])
        return np.zeros(0, np.uint64)

    def _check_overflow(self, owners: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> None:
        """Check the pages of values that have their own."""
        self._claim(starts, owners)
        pages = starts.astype(np.int64)
        heads = np.ascontiguousarray(self._data[pages, :_PAGE_HEAD])
        numbers = heads[:, :8].copy().view("<u8")[:, 0]
        flags = heads[:, 10:12].copy().view("<u2")[:, 0]
        n_pages = heads[:, 12:16].copy().view("<u4")[:, 0].astype(np.int64)
        wrong = (numbers != starts) | ((flags & ~np.uint16(_DIRTY)) != _OVERFLOW)
        self._none(wrong, owners, "leads to something that is not a value")
        needed = -(-(lengths + _PAGE_HEAD) // self._tree.page_size)
        outside = (n_pages < needed) | (pages + n_pages - 1 > self._tree.last_page)
        self._none(outside, owners, "has a value that does not lie in the file")

    def _check_room(self, owners: np.ndarray, nodes: np.ndarray, lengths: np.ndarray) -> None:
        """Raise unless what nodes hold ends within their page."""
        ends = nodes + _NODE_HEAD + lengths
        self._none(ends > (owners + 1) * self._tree.page_size, owners, "has a record that reaches out of it")
