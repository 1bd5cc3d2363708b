"""The options of an analysis, and what must be the same for its parts to belong together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypedDict

from cnnvis_caffe.analysis.options import (
    NamedOption,
    mean_as_text,
    option,
    options_of,
    path_as_text,
    paths_as_texts,
    shapes_as_texts,
    shapes_of_texts,
    two_numbers,
)
from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.files.opening import open_file
from cnnvis_caffe.records.task import TASKS

#: What is added to the name of an analysis file that is not finished.
PARTIAL = ".partial"
_CONSENT = "allow_python_layers"


@dataclass(frozen=True)
class Request:
    """All that is asked of an analysis, as numbers and texts that can be written down; the table of its options.

    Notes
    -----
    A new option is a row here, its type in `AnalysisOptions`, and the place that uses it. The flag of the command, the
    documentation and the checks of `api.analyze`, and what the analysis file says of it follow.
    """

    model: str  # network prototxt
    weights: tuple[str, ...]  # in the order in which they were trained; empty for what the fillers give
    data: str  # as `datasets.opening.open_source` takes it
    log: str = option("", "training log, Caffe's or ours", stored=path_as_text, changes_results=False)
    engine: str = option("torch", "our runtime, or a real Caffe that is installed here", allowed=("torch", "caffe"))
    device: str = option("cpu", "where the network runs", allowed=("cpu", "cuda"), changes_results=False)
    batch: int | None = option(
        None, "images at once; by the size of the network if left out", least=1, changes_results=False
    )
    limit: int | None = option(None, "images at most, each class in proportion", least=1)
    top: int = option(9, "images kept for each neuron", least=1)
    layers: tuple[str, ...] = option((), "layers to analyse; all with neurons if left out", stored=tuple)
    contributions: str = option(
        "own",
        "to the score of each image's own class, of all classes as well, or not at all",
        allowed=("own", "all", "none"),
    )
    gradients: bool = option(True, "sum the gradients of the loss", flag="--no-gradients")
    scale: float | None = option(None, "factor of the input, instead of the network's own")
    mean: str = option(
        "",
        "mean file, or values for the channels separated by commas, instead of the network's own",
        stored=mean_as_text,
        metavar="MEAN",
    )
    channel_order: str = option("", "what the network takes; images are turned to it", allowed=("", "RGB", "BGR"))
    resize: bool = option(False, "bring images to the network's size")
    classes: tuple[str, ...] = option(
        (),
        "names of the classes in the order of the scores; the command also takes a file with one a line",
        stored=tuple,
    )
    score: str = option("", "layer with the scores of the classes, if it is not found", metavar="NAME")
    task: str = option("", "what the network answers, if its losses do not say it", allowed=("", *TASKS))
    masks: str = option(
        "", "folder with the right masks, named as the images are", stored=path_as_text, metavar="FOLDER",
        changes_results=False,
    )  # fmt: skip
    input_shapes: tuple[str, ...] = option(
        (),
        "shape of an input, or of what a Python layer gives that is then left out rather than run, such as "
        "data=1,3,224,224",
        stored=shapes_as_texts,
        flag="--input-shape",
    )
    until: str = option("", "layer after which the network is cut off", metavar="LAYER")
    stages: tuple[str, ...] = option((), "stages that the layers' rules ask for", stored=tuple, flag="--stage")
    shard: tuple[int, int] = option(
        (1, 1), "write one of n parts, for merge", stored=two_numbers, metavar="I/N", changes_results=False
    )
    workers: int | None = option(
        None, "Dask workers to start on this machine; the images are dealt out to them", least=1, metavar="N",
        changes_results=False,
    )  # fmt: skip
    scheduler: str = option(
        "", "address of a Dask scheduler whose workers to use; trust it, it may run any code", metavar="ADDRESS",
        changes_results=False,
    )  # fmt: skip
    seed: int = option(1, "for the fillers' random numbers", flag="-")
    fork: str = ""  # whose layers are that two forks gave one name (`formats.fork_choice`)
    skip_damaged: bool = option(False, "leave out images that cannot be decoded, and name them", changes_results=False)
    allow_python_layers: bool = option(
        False, "run the code of the network's Python layers; their modules lie on PYTHONPATH"
    )

    @property
    def is_on_cluster(self) -> bool:
        """Whether Dask's workers do the passes."""
        return self.workers is not None or bool(self.scheduler)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes that the user states, by blob."""
        return shapes_of_texts(self.input_shapes)

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON holds it."""
        return {name: value for name, value in asdict(self).items() if name != _CONSENT}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """Return the request that `to_json` gave."""
        known = {item.name for item in fields(cls)} - {_CONSENT}
        arguments: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**arguments)


class AnalysisOptions(TypedDict, total=False):
    """What callers may give, for type checkers and editors."""

    log: str | os.PathLike[str] | None
    engine: str
    device: str
    batch: int | None
    limit: int | None
    top: int
    layers: Sequence[str]
    contributions: str
    gradients: bool
    scale: float | None
    mean: str | os.PathLike[str] | Sequence[float] | None
    channel_order: str
    resize: bool
    classes: Sequence[str]
    score: str
    task: str
    masks: str | os.PathLike[str] | None
    input_shapes: Mapping[str, Sequence[int]]
    until: str
    stages: Sequence[str]
    shard: tuple[int, int]
    workers: int | None
    scheduler: str
    seed: int
    skip_damaged: bool
    allow_python_layers: bool


#: The options by name.
OPTIONS: Mapping[str, NamedOption] = options_of(Request, AnalysisOptions)


def make_request(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    fork: str,
    options: AnalysisOptions,
) -> Request:
    """Return a request for what a caller asks.

    Parameters
    ----------
    model : str or path-like
    weights : str, path-like or sequence of them, or None
    data : str or path-like
    fork : str
    options : AnalysisOptions

    Returns
    -------
    Request

    Raises
    ------
    TypeError
        If there is no such option.
    ValueError
        If an option cannot have its value.
    """
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in OPTIONS:
            raise TypeError(f"analyze() has no option {name!r}; it has {', '.join(OPTIONS)}")
        values[name] = OPTIONS[name].row.stored(value)
        problem = OPTIONS[name].problem(values[name])
        if problem and name != "engine":  # `engines.engine` knows more to say
            raise ValueError(f"{name} cannot be {value!r}; {problem}")
    request = Request(os.fspath(model), paths_as_texts(weights), os.fspath(data), fork=fork, **values)
    number, n_shards = request.shard
    if not 1 <= number <= n_shards:
        raise ValueError(f"shard cannot be {request.shard!r}; it is (i, n) for part i of n, counted from 1")
    if request.workers is not None and request.scheduler:
        raise ValueError("workers and scheduler exclude each other; a scheduler has workers of its own")
    if request.is_on_cluster and n_shards > 1:
        raise ValueError("shard goes without workers and scheduler; Dask deals out the images itself")
    return request


#: What may differ between the parts of one analysis: it changes no result.
_FREE = ("model", "weights", "data", *(name for name, one in OPTIONS.items() if not one.row.changes_results))


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
