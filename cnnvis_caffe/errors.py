"""Every error that this package raises on purpose.

Each class derives from `CnnvisError` and from the builtin that a caller would expect, and keeps its data as
attributes. Messages say where, what was found, what is allowed and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class CnnvisError(Exception):
    """Base of all errors of this package."""


class PrototxtError(CnnvisError, ValueError):
    """A prototxt that cannot be read.

    Attributes
    ----------
    path : str
        File, or a name in angle brackets for text that came from elsewhere.
    line, column : int or None
        One-based position; None when the whole file is meant.
    """

    def __init__(self, path: str, message: str, line: int | None = None, column: int | None = None) -> None:
        self.path, self.line, self.column = path, line, column
        position = "".join(f":{number}" for number in (line, column) if number is not None)
        super().__init__(f"{path}{position}: {message}")


class FileFormatError(CnnvisError, ValueError):
    """A binary or HDF5 file that is damaged or is not what it should be.

    Attributes
    ----------
    path, reason : str
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class CaffemodelError(FileFormatError):
    """A weights file that cannot be read."""


class SolverStateError(FileFormatError):
    """A solver state that cannot be read."""


class MeanFileError(FileFormatError):
    """A mean image that cannot be read."""


class DataFileError(FileFormatError):
    """A database, image, list or other file of a data set that cannot be read."""


class StoreError(CnnvisError, OSError):
    """An analysis file, or a part of one, that cannot be read or written.

    Attributes
    ----------
    path, key : str
        The file, and the group or dataset in it; empty when the whole file is meant.
    """

    def __init__(self, path: str, key: str, reason: str) -> None:
        self.path, self.key = path, key
        super().__init__(f"{path}: {key}: {reason}" if key else f"{path}: {reason}")


class StoreVersionError(StoreError):
    """An analysis file of a version that this program does not know."""


class SessionError(FileFormatError):
    """A saved session that cannot be read or written, or that belongs to another network."""


class DataNotFoundError(CnnvisError, FileNotFoundError):
    """A file or folder that was asked for and is not there."""


class NetError(CnnvisError, ValueError):
    """A network that cannot be built or run as written."""


class LayerError(NetError):
    """A layer whose parameters, bottoms or tops do not fit.

    Attributes
    ----------
    layer : str
        Name of the layer.
    """

    def __init__(self, layer: str, message: str) -> None:
        self.layer = layer
        super().__init__(message)


class DataSourceError(LayerError):
    """A layer whose data are missing or damaged; a net that is only looked at does without them."""


class ShapeError(LayerError):
    """Blobs whose shapes do not fit each other or the layer."""


class UnsupportedLayerError(LayerError, NotImplementedError):
    """A layer that can be read but not run.

    Attributes
    ----------
    type : str
        Layer type as written in the file.
    """

    def __init__(self, layer: str, type: str, message: str) -> None:
        self.type = type
        super().__init__(layer, message)


class ConsentError(LayerError, PermissionError):
    """A layer that runs code which its file names, without the user having said that it may."""


class ParamMismatchError(NetError):
    """Weights that do not fit the network."""


class NonFiniteError(CnnvisError, FloatingPointError):
    """NaN or infinity in a blob that is being watched.

    Attributes
    ----------
    layer, blob : str
        The first layer that produced it, and the blob that holds it.
    """

    def __init__(self, layer: str, blob: str, message: str) -> None:
        self.layer, self.blob = layer, blob
        super().__init__(message)


class UnknownNameError(CnnvisError, KeyError):
    """A name that does not exist; the message lists near matches, or all names where they are few."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        names = list(dict.fromkeys(known))
        near = difflib.get_close_matches(name, names, n=3)
        if near:
            hint = f"; did you mean {' or '.join(repr(match) for match in near)}?"
        else:
            hint = f"; known: {', '.join(map(repr, names))}" if 0 < len(names) <= 12 else ""
        super().__init__(f"there is no {kind} {name!r}{hint}")

    def __str__(self) -> str:
        # KeyError would show the message in quotes.
        return str(self.args[0])


class UnknownLayerError(UnknownNameError):
    """A layer name that the net does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("layer", name, known)


class UnknownSnapshotError(UnknownNameError):
    """A snapshot that an analysis does not have; the message lists those that it has.

    Attributes
    ----------
    name : str
        As it was asked for.
    """

    def __init__(self, path: str, name: str, labels: Sequence[str]) -> None:
        CnnvisError.__init__(self)
        self.name = name
        few = len(labels) <= 12
        known = ", ".join(map(repr, labels)) if few else f"{len(labels)}, from {labels[0]!r} to {labels[-1]!r}"
        self.args = (f"{path}: there is no snapshot {name!r}; there are {known}",)


class UnknownBlobError(UnknownNameError):
    """A blob name that the net does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("blob", name, known)


class MissingDependencyError(CnnvisError, ImportError):
    """An optional library that is needed now and is not installed.

    Attributes
    ----------
    package, extra : str
        What pip calls it, and the extra of this package that brings it.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f'install it, in the checkout of cnnvis_caffe, with: pip install ".[{extra}]"'
        )


class FullMemoryError(CnnvisError, MemoryError):
    """Arrays that this machine has no memory for.

    Attributes
    ----------
    asked : int
        In bytes; 0 where it is not known.
    """

    def __init__(self, what: str, asked: int = 0) -> None:
        self.asked = asked
        needed = f"needs {_size(asked)} of memory, which" if asked else "needs memory that"
        super().__init__(
            f"{what} {needed} this machine does not have free; if the shapes are right, take a smaller batch_size or "
            f"input, or a machine with more memory"
        )


class DeviceError(CnnvisError, RuntimeError):
    """A computing device that is not there or cannot be used."""


class DeviceLostError(CnnvisError, RuntimeError):
    """One of the processes that work together has ended or cannot be reached."""


class ClusterError(CnnvisError, RuntimeError):
    """Dask's scheduler or workers cannot be reached, do not fit, or failed."""


class DrawingError(CnnvisError, ValueError):
    """A picture that the program which draws it cannot make."""


class DeviceMemoryError(DeviceError):
    """A computing device whose memory does not suffice.

    Attributes
    ----------
    what : str
        What needed it.
    asked, free, total : int
        In bytes; `asked` is 0 where it is not known.
    """

    def __init__(self, where: str, what: str, asked: int, free: int, total: int, advice: str) -> None:
        self.what, self.asked, self.free, self.total = what, asked, free, total
        super().__init__(f"{where}: {self.needs()}; {advice}")

    def needs(self) -> str:
        """Return what needs how much of how much."""
        asked = f"{_size(self.asked)} more" if self.asked else "more memory"
        return f"{self.what} needs {asked} on the GPU, where {_size(self.free)} of {_size(self.total)} are free"


def _size(n_bytes: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


class EngineError(CnnvisError, RuntimeError):
    """An engine that is not installed or is not known."""


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """Raised by a progress object to stop a stage; not a `CnnvisError`."""


class NoGpuWarning(UserWarning):
    """A GPU was asked for, as Caffe's scripts do, but none can be used; nets run on the CPU.

    Attributes
    ----------
    reason : str
    """

    def __init__(self, asked: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{asked}: no GPU can be used: {reason}; nets run on the CPU")


class CaffeQuirkWarning(UserWarning):
    """Caffe's own result is wrong or surprising here, and ours is the same."""


class ForkChoiceWarning(UserWarning):
    """Two forks gave one name to two things, and nothing says which is meant."""


class ForkSettingWarning(UserWarning):
    """A setting of a fork is passed over, because it changes no result."""
