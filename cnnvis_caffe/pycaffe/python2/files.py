"""Files as Python 2's `open` gave them: text where text is read, and bytes may be written to any."""

from __future__ import annotations

import builtins
import io
from typing import Any

from cnnvis_caffe.pycaffe.python2.tell import tell

#: How text stands for bytes: any byte can be read and is written as it was.
ENCODING: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}
_LOOKED_AT = 4096


def to_bytes(value: Any) -> Any:
    """Return text as the bytes that Python 2 would have had; everything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
    """
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def to_text(value: Any) -> Any:
    """Return bytes as text; everything else as it is.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
    """
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


class TextFile(io.TextIOWrapper):
    """A text file to which bytes can be written as well."""

    def write(self, text: Any) -> int:
        """Write text or bytes.

        Parameters
        ----------
        text : str or bytes-like

        Returns
        -------
        int
            How much was written.
        """
        if isinstance(text, str):
            return super().write(text)
        self.flush()
        self.buffer.write(text)
        return len(text)


class BinaryFile(io.BufferedWriter):
    """A binary file to which text can be written as well."""

    def write(self, data: Any) -> int:
        """Write bytes or text.

        Parameters
        ----------
        data : bytes-like or str

        Returns
        -------
        int
        """
        return super().write(to_bytes(data))


def open_file(name: Any, mode: str = "r", buffering: int = -1) -> Any:
    """Open a file as Python 2 did.

    Parameters
    ----------
    name : str or int
    mode : str, default="r"
        ``U`` stands for reading lines of any ending.
    buffering : int, default=-1

    Returns
    -------
    file
        Of text if the mode has no ``b``, unless the file that is read has binary content.
    """
    universal = "U" in mode
    mode = mode.replace("U", "").replace("t", "")
    if not mode.strip("b+"):
        mode = "r" + mode
    if "b" in mode:
        if "r" in mode or "+" in mode:
            return builtins.open(name, mode, buffering)
        return BinaryFile(io.FileIO(name, mode.replace("b", "")))
    binary = builtins.open(name, mode + "b", buffering if buffering > 1 else -1)  # noqa: SIM115
    if mode == "r" and isinstance(binary, io.BufferedReader) and b"\0" in binary.peek(_LOOKED_AT)[:_LOOKED_AT]:
        tell(f"{name}: has binary content and is read as bytes though it is opened without 'b'")
        return binary
    # Lines end in \n alone, as on Linux then.
    return TextFile(binary, newline=None if universal else "\n", line_buffering=buffering in (0, 1), **ENCODING)


class StringIO(io.BytesIO):
    """A file in memory: of text as long as only text was put in, else of bytes.

    Parameters
    ----------
    content : str or bytes, default=""
    """

    def __init__(self, content: Any = "") -> None:
        super().__init__(to_bytes(content))
        self._has_bytes = not isinstance(content, str)

    def write(self, data: Any) -> int:
        """Write text or bytes.

        Parameters
        ----------
        data : str or bytes-like

        Returns
        -------
        int
        """
        self._has_bytes = self._has_bytes or not isinstance(data, str)
        return super().write(to_bytes(data))

    def _as_was_put(self, data: bytes) -> Any:
        return data if self._has_bytes else to_text(data)

    def getvalue(self) -> Any:
        """Return everything.

        Returns
        -------
        str or bytes
        """
        return self._as_was_put(super().getvalue())

    def read(self, size: Any = -1) -> Any:
        """Read on.

        Parameters
        ----------
        size : int, default=-1
            In bytes; all of it by default.

        Returns
        -------
        str or bytes
        """
        return self._as_was_put(super().read(size))

    def readline(self, size: Any = -1) -> Any:
        """Read a line.

        Parameters
        ----------
        size : int, default=-1

        Returns
        -------
        str or bytes
        """
        return self._as_was_put(super().readline(size))

    def readlines(self, size: Any = -1) -> list[Any]:
        """Read all lines.

        Parameters
        ----------
        size : int, default=-1
            Not used.

        Returns
        -------
        list of str or bytes
        """
        return list(self)

    def __next__(self) -> Any:
        return self._as_was_put(super().__next__())
