"""Recognises what a file looks like when it is not what it should be."""

from __future__ import annotations

import re

from cnnvis_caffe.formats.wire import Bytes

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAGIC = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run 'git lfs pull'"),
    (HDF5_SIGNATURE, "an HDF5 file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"PK\x03\x04", "a zip archive (PyTorch's .pt and NumPy's .npz are zip archives, too)"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"%PDF", "a PDF"),
)
_TEXT = (
    (re.compile(rb"\s*<(!doctype\s+html|html|head|body)", re.I), "an HTML page; download it again"),
    (re.compile(rb"\s*<"), "an XML or HTML text"),
    (re.compile(rb"\s*[\[{]\s*[\"{\[\]}]"), "a JSON text"),
    (re.compile(rb"\s*(#[^\n]*\s*)*\w+\s*(:|\{)"), "a prototxt; give it as the network, not as binary data"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")


def describe(data: Bytes) -> str:
    """Say what a file looks like from its first bytes.

    Parameters
    ----------
    data : bytes or mmap
        Only the first 512 bytes are looked at.

    Returns
    -------
    str
        To be read after "looks like"; empty when nothing is known.
    """
    head = bytes(data[:512])
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    if not head.strip(b"\x00"):
        return "nothing but zeros; was it downloaded or copied completely?"
    if _CONTROL.search(head) or 10 * sum(byte < 0x80 for byte in head) < 7 * len(head):
        return ""
    for pattern, what in _TEXT:
        if pattern.match(head):
            return what
    return "a text"


def is_hdf5(data: Bytes) -> bool:
    """Tell whether the HDF5 signature is at one of the places where HDF5 allows it."""
    offset = 0
    while offset + len(HDF5_SIGNATURE) <= len(data):
        if data[offset : offset + len(HDF5_SIGNATURE)] == HDF5_SIGNATURE:
            return True
        offset = max(512, 2 * offset)
    return False
