"""The options of an analysis, and what must be the same for its parts to belong together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.files.opening import open_file

#: What is added to the name of an analysis file that is not finished.
PARTIAL = ".partial"
_CONSENT = "allow_python_layers"


@dataclass(frozen=True)
class Request:
    """The options of an analysis, as numbers and texts, so that they can be written down.

    Attributes
    ----------
    model : str
        Network prototxt.
    weights : tuple of str
        Snapshots in the order in which they were trained; empty for what the fillers give.
    data : str
        As `datasets.opening.open_source` takes it.
    log : str
        Training log; empty for none.
    engine : {"torch", "caffe"}
    device : {"cpu", "cuda"}
    batch : int or None
        Images at once; None where the network's size decides.
    limit : int or None
        Images at most.
    top : int
        Images kept for each neuron.
    layers : tuple of str
        Nodes to analyse; empty for all.
    contributions : {"own", "all", "none"}
    gradients : bool
    scale : float or None
    mean : str
        Of the input: a file, or values separated by commas; empty for what the network says.
    channel_order : {"", "RGB", "BGR"}
    resize : bool
        Bring images to the network's size.
    classes : tuple of str
        Names; empty for those of the data.
    score : str
        Layer with the scores; empty for what is found.
    stages : tuple of str
        For the layers' stage rules.
    shard : (int, int)
    seed : int
        For fillers.
    fork : str
        Whose layers are that two forks gave one name; empty for what the network says (`formats.fork_choice`).
    skip_damaged : bool
        Leave out images that cannot be decoded.
    allow_python_layers : bool
        Whether the code of Python layers may be run. This is the user's word: no file holds it or gives it.
    """

    model: str
    weights: tuple[str, ...]
    data: str
    log: str = ""
    engine: str = "torch"
    device: str = "cpu"
    batch: int | None = None
    limit: int | None = None
    top: int = 9
    layers: tuple[str, ...] = ()
    contributions: str = "own"
    gradients: bool = True
    scale: float | None = None
    mean: str = ""
    channel_order: str = ""
    resize: bool = False
    classes: tuple[str, ...] = ()
    score: str = ""
    stages: tuple[str, ...] = ()
    shard: tuple[int, int] = (1, 1)
    seed: int = 1
    fork: str = ""
    skip_damaged: bool = False
    allow_python_layers: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON holds it."""
        return {name: value for name, value in asdict(self).items() if name != _CONSENT}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """Return the request that `to_json` gave."""
        known = {item.name for item in fields(cls)} - {_CONSENT}
        arguments: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**arguments)


#: What may differ between the parts of one analysis: it changes no result.
_FREE = ("model", "weights", "log", "device", "batch", "shard", "data", "skip_damaged")


def settings_of(request: Request, data: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return what must be the same for parts of an analysis to belong together.

    Parameters
    ----------
    request : Request
    data : str
        What was read, in words.
    files : mapping of str to str
        Checksums by what the files are.

    Returns
    -------
    dict of str to str
    """
    options = {name: str(value) for name, value in request.to_json().items() if name not in _FREE}
    return {**options, "data": data, **files}


def sha256(path: str) -> str:
    """Return the checksum of a file.

    Parameters
    ----------
    path : str

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except FileNotFoundError as error:
        place = "" if os.path.isabs(path) else f" in {os.getcwd()}"
        raise DataNotFoundError(f"{path}: there is no such file{place}") from error
    except OSError as error:
        raise DataFileError(os.fspath(path), f"cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def paths_of(weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> tuple[str, ...]:
    """One path or several as texts."""
    if weights is None:
        return ()
    if isinstance(weights, (str, os.PathLike)):
        return (os.fspath(weights),)
    return tuple(os.fspath(path) for path in weights)


def mean_as_text(mean: str | os.PathLike[str] | Sequence[float] | None) -> str:
    """A mean as a text."""
    if mean is None:
        return ""
    if isinstance(mean, (str, os.PathLike)):
        return os.fspath(mean)
    return ",".join(repr(float(value)) for value in mean)
