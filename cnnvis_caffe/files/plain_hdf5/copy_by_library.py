"""Copy an HDF5 file by the HDF5 library into one of the plain kind.

    python copy_by_library.py FILE COPY MOST MEMORY SECONDS

A script of its own that imports nothing of ours: it starts fast, and whatever happens to it happens to nobody else.
"""

from __future__ import annotations

import math
import sys

import h5py
import numpy as np

_MAX_DEPTH = 64
_MAX_ATTRIBUTE = 60_000  # bytes; HDF5 keeps no larger ones in a header


class Refused(Exception):  # noqa: N818 - a message for the other process
    """Why a file is not copied."""


class Copier:
    """Copies groups, arrays and attributes.

    Parameters
    ----------
    most : int
        How many bytes the arrays may take together.
    """

    def __init__(self, most: int) -> None:
        self._left = self._most = most
        self._known: dict[object, str] = {}

    def copy(self, group: h5py.Group, target: h5py.Group, depth: int = 0) -> None:
        """Copy what is in a group."""
        if depth > _MAX_DEPTH:
            raise Refused(f"is damaged: groups are nested deeper than {_MAX_DEPTH}")
        self._copy_attributes(group, target)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                target[name] = h5py.SoftLink("/nowhere")
                continue
            item = group[name]
            identity = h5py.h5o.get_info(item.id).addr
            if identity in self._known:
                target[name] = target.file[self._known[identity]]
                continue
            self._known[identity] = f"{target.name}/{name}"
            if isinstance(item, h5py.Group):
                self.copy(item, target.create_group(name), depth + 1)
            elif isinstance(item, h5py.Dataset):
                self._copy_array(item, target, name)

    def _copy_array(self, item: h5py.Dataset, target: h5py.Group, name: str) -> None:
        """Copy an array whose numbers are in the file."""
        properties = item.id.get_create_plist()
        if properties.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
            raise Refused(f"dataset {item.name} is virtual; its numbers must be in the file itself")
        if properties.get_external_count():
            raise Refused(f"dataset {item.name} keeps its numbers in another file; they must be in the file itself")
        if item.shape is None or item.dtype.kind not in "fiubS":
            target.create_dataset(name, data=h5py.Empty("f4"))
            return
        needed = math.prod(map(int, item.shape)) * item.dtype.itemsize
        if needed > self._left:
            raise Refused(f"dataset {item.name} takes {needed} bytes of memory; the arrays may take {self._most}")
        self._left -= needed
        self._copy_attributes(item, target.create_dataset(name, data=item[()], track_times=False))

    def _copy_attributes(self, item: h5py.HLObject, target: h5py.HLObject) -> None:
        """Copy attributes of the kinds that something of ours reads."""
        for name, value in item.attrs.items():
            is_array = isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.nbytes < _MAX_ATTRIBUTE
            if is_array or isinstance(value, (str, bytes, np.generic)):
                target.attrs[name] = value


def limit(memory: int, seconds: int) -> None:
    """Let this process take no more memory and time, where the system can see to that."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, plain: str, most: int, memory: int, seconds: int) -> str | None:
    """Copy a file; return why where that is not possible."""
    limit(memory, seconds)
    try:
        with h5py.File(path, "r") as file, h5py.File(plain, "w", libver="earliest") as copy:
            Copier(most).copy(file, copy)
    except Refused as reason:
        return str(reason)
    except MemoryError:
        return "is damaged or too large: the HDF5 library asks for more memory than it may have"
    except Exception as error:  # noqa: BLE001 - whatever the library raises is what is wrong with the file
        return f"is damaged or cut off: {' '.join(str(error).split())[:300]}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
