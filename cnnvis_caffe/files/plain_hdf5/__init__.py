"""HDF5 files read without the HDF5 library, which damaged files crash, keep busy for ever or make take any memory.

What Caffe, h5py and our own writers make is plain: tables of symbols, contiguous or chunked arrays, deflate. That is
read here, byte by byte and within bounds. Whatever else a file may be made of is first turned into a plain one by
the library, in a process of its own that may die of it (`foreign.py`).

Nothing outside of the file is read: external links, external storage and virtual arrays are refused.
"""

from __future__ import annotations

from cnnvis_caffe.files.plain_hdf5.content import HDF5_SIGNATURE, Damage
from cnnvis_caffe.files.plain_hdf5.file import open_plain
from cnnvis_caffe.files.plain_hdf5.objects import Dataset, Group, PlainFile

__all__ = ["HDF5_SIGNATURE", "Damage", "Dataset", "Group", "PlainFile", "open_plain"]
