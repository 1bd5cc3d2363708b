"""Groups and arrays of an HDF5 file, with the names that h5py has for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from cnnvis_caffe.files.plain_hdf5 import messages as said
from cnnvis_caffe.files.plain_hdf5.chunks import find_chunks, read_chunks
from cnnvis_caffe.files.plain_hdf5.content import NOWHERE, Content, Damage, NotPlain
from cnnvis_caffe.files.plain_hdf5.messages import CHUNKED, COMPACT, CONTIGUOUS, VIRTUAL, Layout, Message

_MAX_LEVELS = 16
_MAX_BYTES = (1 << 63) - 1
_PLAIN_FILTERS = {said.DEFLATE, said.SHUFFLE, said.FLETCHER32}
_SOFT = "soft link"


class Attributes(Mapping[str, Any]):
    """The attributes of an object; each is read when it is asked for. One of a type that we never write is None."""

    def __init__(self, content: Content, messages: list[Message]) -> None:
        self._content = content
        self._bodies: dict[str, bytes] = {}
        for message in messages:
            if message.kind == said.ATTRIBUTE:
                if said.is_shared(message):
                    raise NotPlain("a shared attribute")
                self._bodies[said.attribute_name(message.body)] = message.body
            elif message.kind == said.ATTRIBUTE_INFO:
                heap = struct.unpack_from("<Q", message.body, 4 if message.body[1] & 1 else 2)[0]
                if heap != NOWHERE:
                    raise NotPlain("attributes in a heap")

    def __getitem__(self, name: str) -> Any:
        return parsed(said.read_attribute, self._content, self._bodies[name])[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)


class _Object:
    """What groups and arrays have in common."""

    def __init__(self, content: Content, name: str, address: int, messages: list[Message]) -> None:
        self._content, self.name, self.address, self._messages = content, name, address, messages

    @property
    def attrs(self) -> Attributes:
        """Its attributes."""
        try:
            attributes: Attributes = parsed(Attributes, self._content, self._messages)
        except NotPlain:
            attributes = _in_copy(self._content, self.name).attrs
        return attributes

    @property
    def identity(self) -> tuple[bool, int]:
        """What tells objects of a file apart that are reached by several paths."""
        return self._content.is_copy, self.address


class Group(_Object, Mapping[str, "Group | Dataset"]):
    """A group: what lies in it, by name, in the order of the names.

    Attributes
    ----------
    name : str
        Its path in the file.
    address : int

    Notes
    -----
    Links that lead elsewhere are members by name only: to open one raises Damage.
    """

    def __init__(self, content: Content, name: str, address: int, messages: list[Message]) -> None:
        super().__init__(content, name, address, messages)
        self._places: dict[str, int | str] = parsed(_read_links, content, messages)

    def __getitem__(self, name: str) -> Group | Dataset:
        head, _, rest = name.lstrip("/").partition("/")
        place = self._places[head]
        path = f"{self.name.rstrip('/')}/{head}"
        if isinstance(place, str):
            raise Damage(f"{path} is a link; arrays are kept in the file itself")
        found = open_object(self._content, path, place)
        if not rest.strip("/"):
            return found
        if not isinstance(found, Group):
            raise KeyError(name)
        return found[rest]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def is_link(self, name: str) -> bool:
        """Tell whether a member is a link to somewhere else."""
        return isinstance(self._places[name], str)


class Dataset(_Object):
    """An array.

    Attributes
    ----------
    name : str
    shape : tuple of int or None
        None for one of nothing.
    dtype : numpy.dtype
        Of kind "O" where it is none that is read.
    address : int
    """

    def __init__(self, content: Content, name: str, address: int, messages: list[Message]) -> None:
        super().__init__(content, name, address, messages)
        self.shape: tuple[int, ...] | None = None
        self.dtype = np.dtype(object)
        self.layout = Layout(COMPACT)
        self.filters: list[int] = []
        self.is_elsewhere = False
        parsed(self._describe, messages)

    def _describe(self, messages: list[Message]) -> None:
        """Take what the header says of the array."""
        by_kind = {message.kind: message for message in messages}
        needed = [by_kind.get(kind) for kind in (said.DATASPACE, said.DATATYPE, said.LAYOUT)]
        if any(message is not None and said.is_shared(message) for message in by_kind.values()):
            raise NotPlain("shared messages")
        space, kind, layout = needed
        if space is None or kind is None or layout is None:
            raise Damage(f"is damaged: {self.name} is neither an array nor a group")
        self.shape = said.read_shape(space.body)
        self.dtype = said.read_type(kind.body)[0]
        # Of an array without elements, too: numpy has no axis of such a length.
        if math.prod(length or 1 for length in self.shape or ()) * self.dtype.itemsize > _MAX_BYTES:
            raise Damage(f"is damaged: dataset {self.name} has shape {self.shape}")
        self.layout = said.read_layout(layout.body, len(self.shape or ()))
        self.is_elsewhere = said.EXTERNAL in by_kind or self.layout.kind == VIRTUAL
        if said.FILTERS in by_kind:
            self.filters = said.read_filters(by_kind[said.FILTERS].body)
        is_plain = _PLAIN_FILTERS.issuperset(self.filters) and len(self.filters) == len(set(self.filters))
        if self.layout.kind == CHUNKED and not is_plain:
            raise NotPlain(f"filters {self.filters}")

    @property
    def size(self) -> int:
        """How many elements it has."""
        return 0 if self.shape is None else math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes they take."""
        return self.size * self.dtype.itemsize

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape or ())

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def is_unwritten(self) -> bool:
        """Whether none of its numbers are in the file."""
        return self.is_elsewhere or (self.layout.kind == CONTIGUOUS and self.layout.address == NOWHERE)

    @property
    def offset(self) -> int | None:
        """Where in the file all of its bytes lie one behind the other; None where they do not."""
        in_one_piece = self.layout.kind == CONTIGUOUS and self.layout.address != NOWHERE
        if not in_one_piece or self.is_elsewhere or self._content.is_copy:
            return None
        return self._content.base + self.layout.address

    def check_size(self, *, add: bool = False) -> None:
        """Raise Damage if the file cannot hold it, or it takes more memory than a file of this size may ask for."""
        if self.layout.kind == CONTIGUOUS and self.layout.address != NOWHERE and not self.is_elsewhere:
            self._content.check(self.layout.address, self.nbytes)
        self._content.allow(self.nbytes, f"dataset {self.name}", add=add)

    def read(self, *, add: bool = True) -> np.ndarray:
        """Read all of it.

        Parameters
        ----------
        add : bool, default=True
            Whether what was read of the file before counts towards the memory that it may take.

        Returns
        -------
        ndarray
            In the byte order of the machine.

        Raises
        ------
        Damage
            If it is damaged, lies outside of the file or would take too much memory.
        """
        if self.is_elsewhere:
            raise Damage(f"dataset {self.name} keeps its numbers in another file; they must be in the file itself")
        if self.shape is None or self.dtype.kind == "O":
            raise Damage(f"dataset {self.name} holds no numbers")
        self.check_size(add=add)
        return parsed(self._fill).astype(self.dtype.newbyteorder("="), copy=False)

    def part(self, begin: int, end: int) -> np.ndarray:
        """Read some items of an array with one axis, from `begin` up to `end` or to where it ends."""
        if self.offset is None or self.dtype.kind == "O":
            return self.read(add=False)[begin:end]
        array = np.empty(max(min(end, len(self)) - begin, 0), self.dtype)
        if array.size:
            self._content.into(array, self.layout.address + begin * self.dtype.itemsize)
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    def _fill(self) -> np.ndarray:
        """An array with what was stored."""
        assert self.shape is not None
        layout = self.layout
        if layout.kind == COMPACT:
            if len(layout.content) < self.nbytes:
                raise Damage(f"is damaged: dataset {self.name} has {len(layout.content)} of {self.nbytes} bytes")
            return np.frombuffer(layout.content[: self.nbytes], self.dtype).reshape(self.shape).copy()
        if layout.kind == CONTIGUOUS and layout.address != NOWHERE:
            array = np.empty(self.shape, self.dtype)
            if array.size:
                self._content.into(array, layout.address)
            return array
        array = self._unwritten()
        if layout.kind == CHUNKED and array.size:
            chunks = find_chunks(self._content, layout.address, self.shape, layout.chunk)
            read_chunks(self._content, chunks, layout.chunk, self.filters, array)
        return array

    def _unwritten(self) -> np.ndarray:
        """An array of which nothing was written yet."""
        assert self.shape is not None
        fill = said.read_fill(self._messages)
        array = np.zeros(self.shape, self.dtype)
        if len(fill) == self.dtype.itemsize and any(fill):
            array[...] = np.frombuffer(fill, self.dtype)[0]
        return array

    def __getitem__(self, what: Any) -> np.ndarray:
        return self.read()[what]


class PlainFile(Group):
    """The root of an open file."""

    def close(self) -> None:
        """Close the file."""
        self._content.close()

    def __enter__(self) -> PlainFile:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def n_bytes(self) -> int:
        """How long the file is."""
        return self._content.size


def open_object(content: Content, name: str, address: int) -> Group | Dataset:
    """Open the group or array at an address, if need be in a plain copy of the file."""
    if name in content.groups:
        group: Group = content.groups[name]
        return group
    try:
        found = _open_object(content, name, address)
    except NotPlain:
        return _in_copy(content, name)
    if isinstance(found, Group):
        content.groups[name] = found
    return found


def _in_copy(content: Content, name: str) -> Group | Dataset:
    """Open what has a path in the plain copy of a file."""
    from cnnvis_caffe.files.plain_hdf5.file import make_copy

    if content.is_copy:
        raise Damage(f"{name} uses a part of HDF5 that is not read here")
    copy = make_copy(content)
    try:
        return copy if name == "/" else copy[name]
    except KeyError as error:
        raise Damage(f"is damaged: the HDF5 library finds no {name}") from error


def _open_object(content: Content, name: str, address: int) -> Group | Dataset:
    """Open the group or array at an address."""
    messages = parsed(said.read_header, content, address)
    kinds = {message.kind for message in messages}
    if kinds & {said.SYMBOLS, said.LINK_INFO, said.LINK}:
        return Group(content, name, address, messages)
    if said.LAYOUT not in kinds and said.DATATYPE in kinds and said.DATASPACE not in kinds:
        raise Damage(f"{name} is a type, and not an array")
    return Dataset(content, name, address, messages)


def _read_links(content: Content, messages: list[Message]) -> dict[str, int | str]:
    """Return where the members of a group are: an address, or what kind of link leads elsewhere."""
    found: dict[str, int | str] = {}
    for kind, _, body in messages:
        if kind == said.SYMBOLS:
            found.update(_read_symbols(content, *struct.unpack_from("<QQ", body)))
        elif kind == said.LINK:
            name, place = _read_link(body)
            found[name] = place
        elif kind == said.LINK_INFO:
            heap = struct.unpack_from("<Q", body, 10 if body[1] & 1 else 2)[0]
            if heap != NOWHERE:
                raise NotPlain("links in a heap")
    return {name: found[name] for name in sorted(found)}


def _read_link(body: bytes) -> tuple[str, int | str]:
    """Return what a message of a link says."""
    version, flags = body[0], body[1]
    if version != 1:
        raise Damage(f"is damaged: a link is of version {version}")
    position, kind = 2, 0
    if flags & 8:
        kind, position = body[position], position + 1
    position += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(body[position : position + width], "little")
    position += width
    name = body[position : position + length]
    if len(name) != length:
        raise Damage("is damaged: the name of a link is cut off")
    place = struct.unpack_from("<Q", body, position + length)[0] if kind == 0 else _SOFT
    return name.decode("utf-8", "surrogateescape"), place


def _read_symbols(content: Content, tree: int, heap: int) -> dict[str, int | str]:
    """Return the members of a group whose names lie in a heap of its own."""
    signature, size, data = struct.unpack("<4s4xQ8xQ", content.at(heap, 32))
    if signature != b"HEAP":
        raise Damage(f"is damaged: there are no names at byte {content.base + heap}")
    names = content.at(data, size)
    found: dict[str, int | str] = {}
    waiting, seen = [(tree, -1)], set()
    while waiting:
        node, level = waiting.pop()
        if node in seen:
            raise Damage(f"is damaged: the group at byte {content.base + tree} goes round in circles")
        seen.add(node)
        if level == 0:
            _read_entries(content, node, names, found)
            continue
        signature, kind, here, n = struct.unpack("<4sBBH", content.at(node, 8))
        if signature != b"TREE" or kind != 0 or here >= _MAX_LEVELS or level not in (-1, here + 1):
            raise Damage(f"is damaged: there is no table of a group at byte {content.base + node}")
        entries = struct.unpack(f"<{2 * n}Q", content.at(node + 24, 16 * n))
        waiting += [(child, here) for child in entries[1::2]]
    return found


def _read_entries(content: Content, address: int, names: bytes, found: dict[str, int | str]) -> None:
    """Add some members of a group."""
    signature, version, n = struct.unpack("<4sBxH", content.at(address, 8))
    if signature != b"SNOD" or version != 1:
        raise Damage(f"is damaged: there are no members of a group at byte {content.base + address}")
    for place, header, cached in struct.iter_unpack("<QQI20x", content.at(address + 8, 40 * n)):
        end = names.find(b"\0", place)
        if end < 0 or place >= len(names):
            raise Damage("is damaged: the name of a member of a group is cut off")
        name = names[place:end].decode("utf-8", "surrogateescape")
        found[name] = _SOFT if cached == 2 or header == NOWHERE else header


def parsed(read: Any, *arguments: Any) -> Any:
    """Call what takes bytes apart; what is too short for it is damage."""
    try:
        return read(*arguments)
    except (struct.error, IndexError, OverflowError) as error:
        raise Damage(f"is damaged: {error}") from error
