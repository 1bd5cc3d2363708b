"""From what the passes found out to the record of an analysis."""

from __future__ import annotations

import logging
import platform
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cnnvis_caffe import __version__
from cnnvis_caffe.analysis.model import Model, Nets
from cnnvis_caffe.analysis.run import Run
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.changes import with_changes
from cnnvis_caffe.features.extraction import ExtractedSnapshot
from cnnvis_caffe.features.patches import thumbnail
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis, DataSummary, Snapshot

logger = logging.getLogger(__name__)

_IMAGES_AT_ONCE = 256
#: Options that stand in provenance by themselves, or with the snapshots.
_SAID_ELSEWHERE = ("model", "weights", "batch")


def assemble(run: Run, nets: Nets, extracted: Sequence[ExtractedSnapshot], progress: Progress = SILENT) -> Analysis:
    """Make the record of an analysis.

    Parameters
    ----------
    run : Run
    nets : Nets
    extracted : sequence of ExtractedSnapshot
        One for each snapshot of the run.
    progress : Progress, default=SILENT
        Told of images that patches are cut from.

    Returns
    -------
    Analysis
        Its images are read from the data when they are asked for.
    """
    model, source = run.model, run.model.source
    wanted = _strongest(extracted)
    images = SourceImages(source, _top_images(extracted))
    thumbnails = _thumbnails(images, wanted, extracted, progress)
    weights: list[dict[str, np.ndarray]] = []
    snapshots = []
    for number, (file, found) in enumerate(zip(run.snapshots, extracted)):
        weights.append(_first_params(file))
        before = weights[number - 1] if number else None
        snapshots.append(
            Snapshot(
                label=file.label,
                iteration=file.iteration,
                path=file.path,
                sha256=file.sha256,
                loss=found.loss,
                error=found.error,
                features=found.features,
                similarity=found.similarity,
                correlation=found.correlation,
                connections=found.connections,
                scale=found.scale,
                debug=with_changes(found.debug, weights[number], before, _history(file, model)),
                thumbnails=thumbnails[number],
            )
        )
        if number:
            weights[number - 1] = {}
    return Analysis(
        title=model.title,
        nodes=model.nodes,
        data=DataSummary(
            source=source.name,
            n_images=int(extracted[0].class_count.sum()),
            class_names=model.class_names,
            class_count=extracted[0].class_count,
            channel_order=source.channel_order,
            input_name=model.input_name,
            input_shape=source.input_shape,
            preprocessing=source.preprocessing,
        ),
        snapshots=tuple(snapshots),
        images=images,
        image_class={index: int(source.labels[index]) for index in images},
        curves=run.curves,
        provenance=_provenance(run, nets),
    )


class SourceImages(Mapping):
    """Images of a source as they are drawn, read when they are asked for and some at once.

    Parameters
    ----------
    source : ImageSource
    indices : ndarray of int
        Ascending.
    """

    def __init__(self, source: ImageSource, indices: np.ndarray) -> None:
        self._source, self._indices = source, indices
        self._places = {index: place for place, index in enumerate(indices.tolist())}
        self._parts: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getitem__(self, index: int) -> np.ndarray:
        part, row = divmod(self._places[index], _IMAGES_AT_ONCE)
        if part not in self._parts:
            begin = part * _IMAGES_AT_ONCE
            self._parts[part] = self._source.shown_images(self._indices[begin : begin + _IMAGES_AT_ONCE])
            if len(self._parts) > 4:
                self._parts.popitem(last=False)
        return self._parts[part][row]

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, index: object) -> bool:
        return index in self._places


def _top_images(extracted: Sequence[ExtractedSnapshot]) -> np.ndarray:
    """All images that some neuron responds to most, ascending."""
    found = [np.unique(features.top_image) for one in extracted for features in one.features.values()]
    indices = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return indices[indices >= 0]


def _strongest(extracted: Sequence[ExtractedSnapshot]) -> dict[int, list[tuple[int, str, int, np.ndarray]]]:
    """By image: snapshot, node, neuron and box of the patches that are cut from it."""
    wanted: dict[int, list[tuple[int, str, int, np.ndarray]]] = {}
    for number, one in enumerate(extracted):
        for name, features in one.features.items():
            for neuron, (image, box) in enumerate(zip(features.top_image[:, 0].tolist(), features.top_box[:, 0])):
                if image >= 0:
                    wanted.setdefault(image, []).append((number, name, neuron, box))
    return wanted


def _thumbnails(
    images: Mapping[int, np.ndarray],
    wanted: Mapping[int, list[tuple[int, str, int, np.ndarray]]],
    extracted: Sequence[ExtractedSnapshot],
    progress: Progress,
) -> list[dict[str, tuple[np.ndarray, ...]]]:
    """Cut the strongest patch of each neuron, image after image, so that each is read once."""
    nothing = np.zeros((0, 0, 3), np.uint8)
    pieces = [
        {name: [nothing] * features.n_neurons for name, features in one.features.items()} for one in extracted
    ]
    progress.start(len(wanted), "cutting patches")
    for image in sorted(wanted):
        for number, name, neuron, box in wanted[image]:
            pieces[number][name][neuron] = thumbnail(images[image], box)
        progress.step()
    progress.done()
    return [{name: tuple(row) for name, row in one.items()} for one in pieces]


def _first_params(file: SnapshotFile) -> dict[str, np.ndarray]:
    """The first parameter of each layer."""
    if not file.path:
        return {}
    layers = read_weights(file.path).layers
    return {layer.name: layer.blobs[0].data for layer in layers if layer.blobs and layer.blobs[0] is not None}


def _history(file: SnapshotFile, model: Model) -> dict[str, np.ndarray] | None:
    """The solver's first history array of each layer's first parameter, where they can be told apart."""
    if not file.solverstate:
        return None
    try:
        history = read_solverstate(file.solverstate).history
    except CnnvisError as error:
        logger.warning("%s: the solver state beside it is left out: %s", file.path, error)
        return None
    owned = [
        (layer.name, number, param.shape)
        for layer in model.dag.layers
        for number, param in enumerate(layer.params)
        if param.owner is None
    ]
    sizes = [int(np.prod(shape)) for _, _, shape in owned]
    if len(history) < len(owned) or any(blob.data.size != size for blob, size in zip(history, sizes)):
        logger.warning("%s: is not of this network; it is left out", file.solverstate)
        return None
    return {name: blob.data for (name, number, _), blob in zip(owned, history) if number == 0}


def _provenance(run: Run, nets: Nets) -> dict[str, str]:
    """Where everything comes from, and how long it took."""
    seconds = run.seconds + run.seconds_here
    n_images = len(run.indices) * len(run.snapshots)
    options = run.request.to_json()
    return {
        "program": f"cnnvis_caffe {__version__}",
        "engine": f"{run.request.engine} {nets.version}".strip(),
        "device": run.request.device,
        "batch": str(run.batch),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": sys.platform,
        "model": run.request.model,
        "model sha256": run.settings["model"],
        "seconds": f"{seconds:.1f}",
        "images a second": f"{n_images / seconds:.0f}" if seconds else "",
        "note": run.model.source.note,
        **{f"option {name}": _shown(value) for name, value in options.items() if name not in _SAID_ELSEWHERE},
    }


def _shown(value: object) -> str:
    """An option as a person writes it."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
