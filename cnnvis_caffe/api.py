"""What notebooks import: open, look into and run Caffe models."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.engines import ENGINES, engine
from cnnvis_caffe.progress import SILENT, Progress

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis

__all__ = ["ENGINES", "analyze", "engine", "inspect", "load_net", "open_analysis"]


def inspect(
    path: str | os.PathLike[str],
    weights: Sequence[str | os.PathLike[str]] = (),
    *,
    phase: str | None = None,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, Any]:
    """Look into a file of Caffe; PyTorch is not needed.

    Parameters
    ----------
    path : str or path-like
        Network or solver prototxt, weights, solver state or mean image, of any generation.
    weights : sequence of str or path-like, optional
        Weights to compare with the network.
    phase : {"TEST", "TRAIN"}, optional
        Which layers to show; TEST unless the network has nothing to show then.
    stages : sequence of str, optional
        For the layers' stage rules.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, or of data that is not here.

    Returns
    -------
    dict
        What ``cnnvis-caffe inspect --json`` prints.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    """
    report = importlib.import_module("cnnvis_caffe.network.report")
    result: dict[str, Any] = report.inspect_file(path, weights, phase=phase, stages=stages, input_shapes=input_shapes)
    return result


def load_net(
    network: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    phase: str = "TEST",
    stages: Sequence[str] = (),
    engine_name: str = "torch",
) -> Any:
    """Load a network to run it.

    Parameters
    ----------
    network : str or path-like
        Prototxt of any generation.
    weights : str or path-like, optional
        A ``.caffemodel`` or ``.caffemodel.h5``; without, the network's fillers decide.
    phase : {"TEST", "TRAIN"}, default="TEST"
    stages : sequence of str, optional
        For the layers' stage rules.
    engine_name : {"torch", "caffe"}, default="torch"
        As for `engine`.

    Returns
    -------
    Net
        With pycaffe's names: `blobs`, `params`, `forward`, `backward`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    """
    caffe = engine(engine_name)
    keywords: dict[str, Any] = {} if weights is None else {"weights": os.fspath(weights)}
    if stages:
        keywords["stages"] = list(stages)
    return caffe.Net(os.fspath(network), {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[phase], **keywords)


def analyze(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: Progress = SILENT,
    **options: Any,
) -> Analysis | None:
    """Run images through a trained network and write down what its neurons do.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str, path-like or sequence of them, or None
        Snapshots of one run, put in order by iteration; None for what the network's fillers give.
    data : str or path-like
        ``mnist:train``, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.
    out : str or path-like
        File to write.
    progress : Progress, default=SILENT
        May raise `Cancelled`: what was done is kept, for ``resume=True``.
    **options
        As for `cnnvis_caffe.pipeline.analyze`: ``log``, ``engine``, ``device``, ``batch``, ``limit``, ``top``,
        ``layers``, ``contributions``, ``gradients``, ``scale``, ``mean``, ``channel_order``, ``resize``, ``classes``,
        ``score``, ``stages``, ``shard``, ``resume``, ``seed``.

    Returns
    -------
    Analysis or None
        Opened from the file; None for a shard.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, things do not fit, or `out` cannot be written; nothing is then half written.
    """
    pipeline = importlib.import_module("cnnvis_caffe.pipeline")
    analysis: Analysis | None = pipeline.analyze(model, weights, data, out, progress=progress, **options)
    return analysis


def open_analysis(path: str | os.PathLike[str]) -> Analysis:
    """Open an analysis file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Analysis
        What is large is read when it is asked for.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is no analysis file, is damaged, or is of a newer version.
    """
    store = importlib.import_module("cnnvis_caffe.store")
    analysis: Analysis = store.read_analysis(path)
    return analysis
